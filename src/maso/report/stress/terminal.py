"""Stress findings, and what changed between two of them, in a terminal: the short form of the page.

Texts from a fleet file are made legible first and never read as markup. Colours carry no meaning that the
words do not.
"""

import re
from collections.abc import Iterable, Iterator
from typing import Final

from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, Group, RenderableType
from rich.measure import Measurement
from rich.text import Text

from maso.findings import Findings
from maso.report.stress import changes, words
from maso.report.stress.board import Advice, Board, board, declare_words
from maso.report.stress.compare import Change, Comparison, Turn
from maso.report.stress.legible import legible, legible_findings
from maso.report.stress.standing import Standing
from maso.report.stress.words import Shown
from maso.report.terminal import heading, lines, plain_table

SHOWN_MAX: Final = 8  # of what breaks: a screen holds it; the page has the rest
TITLES_MAX: Final = 3  # of what nothing helps: the table above has the others
_STYLES: Final[dict[Shown, str]] = {
    "holds": "green", "in_force": "green", "adapts": "yellow", "breaks": "red", "not_measured": "",
}  # fmt: skip

_TURN_STYLES: Final[dict[Turn, str]] = {"worse": "red", "better": "green", "other": ""}


def stress_terminal(findings: Findings, directory: str = "") -> list[RenderableType]:
    """Everything that `maso stress` prints at its end. `directory`: where it wrote its page."""
    shown = legible_findings(findings)
    made = board(shown)
    parts: list[RenderableType] = [*_head(shown, made), Text(), *_broken(shown, made)]
    parts += [*_advice(made), Text(), *_closing(shown, made, legible(directory))]
    return parts


def _head(findings: Findings, made: Board) -> Iterator[RenderableType]:
    text = Text(f"{findings.fleet.name}: ", style="bold")
    text.append(made.verdict_words, style=f"bold {_STYLES[made.verdict]}".strip())
    yield text
    quick = "quick: fewer seeds, sizes and repetitions than a full run" if findings.quick else ""
    copies = f"copies: {made.copies}" if made.copies else ""
    yield from _indented(line for line in (made.headline, made.first, made.attacks, copies, quick) if line)


def _indented(said: Iterable[str], left: int = 2) -> Iterator[RenderableType]:
    return (Indented(line, left) for line in said)


class Indented:
    """A line that keeps its distance from the edge where it wraps."""

    def __init__(self, text: str, left: int) -> None:
        self._text, self._left = Text(text), left

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[RenderableType]:
        for line in self._text.wrap(console, max(options.max_width - self._left, 1)):
            line.rstrip()
            yield Text(" " * self._left).append_text(line)


def _broken(findings: Findings, made: Board) -> list[RenderableType]:
    found = [*made.breaks, *(s for s in made.states["misses"] + made.states["would"] if s not in made.breaks)]
    if not found:
        return []
    table = plain_table("breaks, as declared", "at", "growth", "mark", "as recommended")
    for standing in found[:SHOWN_MAX]:
        table.add_row(*(Text(cell) for cell in _row(findings, standing)))
    rest = [lines(f"  and {len(found) - SHOWN_MAX} more, on the page")] if len(found) > SHOWN_MAX else []
    return [table, *rest, Text()]


def _row(findings: Findings, standing: Standing) -> list[str]:
    now, unit = standing.now, words.axis_unit(findings, standing.now)
    after = standing.recommended
    return [
        now.title,
        words.breaks_words(now, unit),
        words.growth_words(now),
        now.mark,
        words.breaks_words(after, unit) if after is not None else "-",
    ]


def _advice(made: Board) -> Iterator[RenderableType]:
    """What to change, with what that gives up; then what to declare."""
    yield Text("What to do for the target", style="bold")
    for advice in made.advice:
        yield from _adaptation(advice)
    said = []
    if made.states["misses"]:
        some = "no other adaptation" if made.advice else "no adaptation"
        said.append(f"{some} that may be chosen helps: {_titles(made.states['misses'])}")
    said += [declare_words(made.missing)] if made.missing else []
    yield from _indented(said or ([] if made.advice else ["nothing more"]))


def _titles(missed: list[Standing]) -> str:
    rest = len(missed) - TITLES_MAX
    named = "; ".join(standing.now.title for standing in missed[:TITLES_MAX])
    return f"{named}; and {rest} more" if rest > 0 else named


def _adaptation(advice: Advice) -> Iterator[RenderableType]:
    found = advice.adaptation
    a_month = " a month" if found.cost_usd_month is not None else ""
    price = f"{words.dollars(found.cost_usd_month)}{a_month}"
    yield from _indented([f"{found.title} ({advice.dimension.id}): {found.complexity} complexity, {price}"])
    yield from _indented([f"gives up: {found.gives_up or 'nothing that was measured'}"], 4)


def _closing(findings: Findings, made: Board, directory: str) -> list[RenderableType]:
    answers = ", ".join(f"{n} {words.STATUSES[status]}" for status, n in made.answers.items() if n)
    said = [f"answers: {answers or 'none'}"]
    said.append(f"decisions: {len(findings.decisions)}, for {words.count(len(made.deciders), 'owner')}")
    said.append(
        f"{words.count(findings.runs, 'run')}, {findings.cached_runs:,} of them from the cache,"
        f" {words.figure(findings.cpu_seconds)} s of CPU"
    )
    said += [f"page: {directory}/report.html"] if directory else []
    return [heading("Findings", *said)]


def comparison_terminal(comparison: Comparison) -> list[RenderableType]:
    """What `maso stress --compare` prints."""
    parts: list[RenderableType] = [
        heading(
            "Compared", f"before: {comparison.old}", f"now:    {comparison.new}", changes.verdict(comparison)
        )
    ]
    if comparison.notes:
        parts.append(lines(*(f"  note: {note}" for note in comparison.notes)))
    if comparison.changes:
        made = plain_table("", "what", "of", "before", "now")
        for change in comparison.changes:
            turn = Text(changes.TURNS[change.turn], style=_TURN_STYLES[change.turn])
            made.add_row(turn, *_cells(change))
        made.columns[2].min_width = max(_longest(change.where) for change in comparison.changes)
        parts += [Text(), made]
    return parts


def _cells(change: Change) -> Iterator[RenderableType]:
    yield Text(change.kind)
    yield Group(Text(change.title), Name(f"[{change.where}]"))
    yield Text(change.before)
    yield Text(f"{change.after} ({change.note})" if change.note else change.after)


_AFTER_HYPHEN_OR_SLASH: Final = re.compile(r"(?<=[-/])")
_NAME_WIDTH_MAX: Final = 40  # half of a narrow terminal; a longer part of a name is folded after all


def _longest(name: str) -> int:
    """The width that a column needs so that no part of a name is cut."""
    return min(max(cell_len(part) for part in _AFTER_HYPHEN_OR_SLASH.split(f"[{name}]")), _NAME_WIDTH_MAX)


class Name:
    """An id such as `card-data/flows_leaking`: wrapped after a hyphen or a slash, never within a word."""

    def __init__(self, text: str) -> None:
        self._parts = _AFTER_HYPHEN_OR_SLASH.split(text)

    def __rich_measure__(self, console: Console, options: ConsoleOptions) -> Measurement:
        widths = [cell_len(part) for part in self._parts]
        return Measurement(max(widths), sum(widths)).with_maximum(options.max_width)

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[RenderableType]:
        made = [""]
        for part in self._parts:
            if made[-1] and cell_len(made[-1]) + cell_len(part) > options.max_width:
                made.append("")
            made[-1] += part
        yield from (Text(line, overflow="fold") for line in made)
