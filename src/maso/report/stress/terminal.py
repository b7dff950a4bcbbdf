"""Stress findings, and what changed between two of them, in a terminal: the short form of the page.

Texts from a fleet file are made legible first and never read as markup. Colours carry no meaning that the
words do not.
"""

from typing import Final

from rich.console import RenderableType
from rich.text import Text

from maso.findings import Findings
from maso.report.stress import changes, words
from maso.report.stress.board import Board, board
from maso.report.stress.compare import Comparison, Turn
from maso.report.stress.legible import legible, legible_findings
from maso.report.stress.standing import Standing
from maso.report.terminal import heading, lines, plain_table

SHOWN_MAX: Final = 8  # of what breaks: a screen holds it; the page has the rest
_STYLES: Final = {"holds": "green", "adapts": "yellow", "breaks": "red", "not_measured": ""}

_TURN_STYLES: Final[dict[Turn, str]] = {"worse": "red", "better": "green", "other": ""}


def stress_terminal(findings: Findings, directory: str = "") -> list[RenderableType]:
    """Everything that `maso stress` prints at its end. `directory`: where it wrote its page."""
    shown = legible_findings(findings)
    made = board(shown)
    parts: list[RenderableType] = [_head(shown, made), Text(), *_broken(shown, made)]
    parts += [*_advice(made), Text(), *_closing(shown, made, legible(directory))]
    return parts


def _head(findings: Findings, made: Board) -> Text:
    fleet = findings.fleet
    text = Text(f"{fleet.name}: ", style="bold")
    text.append(made.verdict_words, style=f"bold {_STYLES[made.verdict]}".strip())
    text.append(
        "".join(f"\n  {line}" for line in (made.headline, made.first, made.attacks) if line), "not bold"
    )
    if findings.quick:
        text.append("\n  quick: fewer seeds, sizes and repetitions than a full run", style="not bold")
    return text


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
        words.class_words(now.scaling),
        now.mark,
        words.breaks_words(after, unit) if after is not None else "-",
    ]


def _advice(made: Board) -> list[RenderableType]:
    if not made.advice:
        nothing = "no adaptation that may be chosen reaches it" if made.states["misses"] else "nothing more"
        return [heading("What to do for the target", nothing)]
    said = [
        f"{a.adaptation.title} ({a.dimension.id}): {a.adaptation.complexity} complexity,"
        f" {words.dollars(a.adaptation.cost_usd_month)}"
        + (" a month" if a.adaptation.cost_usd_month is not None else "")
        for a in made.advice
    ]
    return [heading("What to do for the target", *said)]


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
            said = f"{change.after} ({change.note})" if change.note else change.after
            title = f"{change.title} [{change.where}]"
            cells = (Text(cell) for cell in (change.kind, title, change.before, said))
            made.add_row(Text(changes.TURNS[change.turn], style=_TURN_STYLES[change.turn]), *cells)
        parts += [Text(), made]
    return parts
