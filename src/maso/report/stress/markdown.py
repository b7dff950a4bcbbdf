"""The findings as Markdown, for a pull request or a wiki: the page's chapters without its plots.

Text from a fleet file is escaped so that it stays text: no link, no image, no HTML, no column of its own.
Every run stays in `findings.json`; here a quantity shows its value at the target, its class and its ranges.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

from maso.findings import AdaptationFinding, DimensionFinding, Findings, ListFinding
from maso.report.stress import words
from maso.report.stress.board import board, copies_note, declare_words, forbidden, was_tried
from maso.report.stress.chapters import adaptation_state, differs, has_breaks
from maso.report.stress.legible import legible_data, legible_findings
from maso.report.stress.standing import Standing, inferred, shown_control, shown_row, standings

_SPECIAL: Final = re.compile(r"([\\`*_{}\[\]<>#|~$!&])")
# What some sites turn into a link or a mention without being asked; an empty comment parts it.
_LINKED: Final = re.compile(r"(?i)(@|\b(?:https?|ftp|mailto|www)(?=[:.]))")
LIST_ROWS_MAX: Final = 25  # a reader of a pull request scrolls past more; `findings.json` has them


def text(value: object) -> str:
    """Text that no Markdown dialect reads as anything else, on one line."""
    one_line = " ".join(str(value).split())
    return _LINKED.sub(r"\1<!-- -->", _SPECIAL.sub(r"\\\1", one_line))


def markdown(findings: Findings, signatures: Sequence[Mapping[str, Any]] = ()) -> str:
    """The whole report."""
    shown = legible_findings(findings)
    parts = [
        *_verdict(shown),
        *_controls(shown),
        *_breakpoints(shown),
        *_decisions(shown),
        *_costs(shown),
        *(line for dimension in shown.dimensions for line in _dimension(shown, dimension)),
        *_questions(shown),
        *_attacks(shown),
        *_signed(legible_data(list(signatures))),
        *_method(shown),
    ]
    return "\n".join(parts) + "\n"


def table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    """A table of cells that are escaped already; nothing where there is no row."""
    written = [f"| {' | '.join(row)} |" for row in rows]
    if written:
        yield f"| {' | '.join(columns)} |"
        yield f"|{'|'.join(' --- ' for _ in columns)}|"
        yield from written
        yield ""


def _verdict(findings: Findings) -> Iterator[str]:
    made, fleet = board(findings), findings.fleet
    yield f"# {text(fleet.name)}: what holds at {fleet.target:,} {text(fleet.unit)}"
    yield ""
    said = " ".join(line for line in (made.headline, made.first, made.attacks) if line)
    yield f"**{made.verdict_words}.** {text(said)}"
    yield ""
    holds = ", ".join(text(control.name) for control in made.holds)
    yield f"- holds: {holds or 'nothing was found to hold without change'}"
    advice = "; ".join(f"{text(a.adaptation.title)} ({a.adaptation.complexity})" for a in made.advice)
    declare = text(declare_words(made.missing))
    yield f"- to do: {'; '.join(part for part in (advice, declare) if part) or 'nothing that was measured'}"
    yield f"- costs: {text(made.cost)}" + (f"; recommended: {text(made.advice_cost)}" if made.advice else "")
    who = "; ".join(f"{text(who)} ({len(decisions)})" for who, decisions in made.deciders)
    yield f"- who must decide: {who or 'nobody'}"
    answers = ", ".join(f"{n} {words.STATUSES[status]}" for status, n in made.answers.items() if n)
    yield f"- answers: {answers or 'none'}"
    yield ""


def _controls(findings: Findings) -> Iterator[str]:
    yield "## Scaling profile of every control\n"
    by_path = {s.path: s for s in standings(findings)}
    rows = [
        (
            f"{text(c.name)} {text(c.id)}",
            words.VERDICTS[shown_control(c, by_path.values())],
            "; ".join(_grows(by_path, path) for path in c.quantities) or "-",
            text(c.why),
        )
        for c in findings.controls
    ]
    yield from table(("control", "verdict", "measured by", "why"), rows)


def _grows(by_path: Mapping[str, Standing], path: str) -> str:
    standing = by_path.get(path)
    if standing is None:
        return text(path)
    return f"{text(standing.now.title)} ({words.growth_words(standing.now)})"


def _breakpoints(findings: Findings) -> Iterator[str]:
    yield "## Breakpoints\n"
    if note := copies_note(findings):
        yield f"{text(words.capital(note))}.\n"
    rows = [_breakpoint(findings, s) for s in standings(findings) if s.now.budget is not None]
    columns = (
        "quantity",
        "mark",
        "budget",
        "standard",
        "as declared",
        "as recommended",
        "at the target, as declared",
    )
    yield from table(columns, rows) if rows else iter(("No budget is declared.\n",))


def _breakpoint(findings: Findings, standing: Standing) -> tuple[str, ...]:
    now, unit = standing.now, words.axis_unit(findings, standing.now)
    budget = words.budget_words(now.budget, now.unit) if now.budget is not None else "-"
    key = f" ({text(now.budget.key)})" if now.budget is not None else ""
    after = words.breaks_words(standing.recommended, unit) if standing.recommended is not None else "-"
    return (
        text(now.title), now.mark, text(budget) + key, text(words.breaks_words(standing.usual, unit)),
        text(words.breaks_words(now, unit)), text(after), _at_target(findings, standing),
    )  # fmt: skip


def _at_target(findings: Findings, standing: Standing) -> str:
    said = {True: "holds", False: "misses", None: "open"}[standing.now.reaches_target]
    return f"{said} (extrapolated)" if inferred(standing.now, findings.fleet.target) else said


def _decisions(findings: Findings) -> Iterator[str]:
    yield "## Architectural decisions\n"
    barred = forbidden(findings)
    rows = [
        (text(d.what), text(d.who), text(f"{d.why}; {said}" if said else d.why), text(d.cost))
        for d in findings.decisions
        for said in (barred.get((d.dimension, d.id), ""),)
    ]
    yield from table(("decision", "who decides", "why", "cost"), rows) if rows else iter(("None.\n",))


def _costs(findings: Findings) -> Iterator[str]:
    yield "## Cost projections\n"
    rows = [(text(c.what), text(words.dollars(c.usd_month)), c.mark, text(c.basis)) for c in findings.costs]
    yield from table(("what", "a month", "mark", "basis"), rows) if rows else iter(("None.\n",))


# --- one dimension ---------------------------------------------------------------------------------------


def _dimension(findings: Findings, dimension: DimensionFinding) -> Iterator[str]:
    yield f"## {text(dimension.title)} ({text(', '.join(dimension.seed_dimension))})\n"
    yield f"{text(dimension.about)}\n"
    if dimension.skipped:
        yield f"Not measured: {text(dimension.skipped)}\n"
    own = [s for s in standings(findings) if s.dimension is dimension]
    columns = ("quantity", "mark", "at", "value", "growth", "breakpoint, as declared")
    yield from table(columns, [_quantity(findings, s) for s in own])
    controls = [
        (f"{text(c.name)} {text(c.id)}", text(c.designed_for), text(c.strained_by),
         words.VERDICTS[shown_row(c, dimension, own)], text(c.why))
        for c in dimension.controls
    ]  # fmt: skip
    yield from table(("control", "designed for", "strained by", "verdict", "why"), controls)
    by_id = {s.now.id: s for s in own}
    for adaptation in dimension.adaptations:
        yield from _adaptation(findings, adaptation, by_id)
    yield from _answers(findings, dimension)
    for found in dimension.lists:
        yield from _list(found)
    if dimension.not_checked:
        yield "Not checked:\n"
        yield from (f"- {text(line)}" for line in dimension.not_checked)
        yield ""


def _quantity(findings: Findings, standing: Standing) -> tuple[str, ...]:
    now, unit = standing.now, words.axis_unit(findings, standing.now)
    place = words.shown_at(now, findings.fleet.target)
    value = words.value_at(now, place) if place is not None else None
    growth = words.growth_words(now)
    foreseen = words.surprise(standing.usual.scaling)
    if foreseen:
        usual = words.growth_words(standing.usual)
        growth += f" (standard controls: {usual}, the design foresees {foreseen})"
    return (
        text(now.title), now.mark, text(f"{place:,} {unit}") if place is not None else "-",
        text(words.amount(value, now.unit)), growth, text(words.breaks_words(now, unit)),
    )  # fmt: skip


def _adaptation(findings: Findings, found: AdaptationFinding, by_id: Mapping[str, Standing]) -> Iterator[str]:
    yield f"### {text(found.title)} ({adaptation_state(found)})\n"
    yield f"Sets {text(words.settings_words(found.settings))}; {found.complexity} complexity;"
    basis = f" ({text(found.cost_basis)})" if found.cost_basis else ""
    yield f"{text(words.dollars(found.cost_usd_month))}{basis}."
    if found.forbidden:
        yield f"{text(words.capital(words.forbidden_words(found.forbidden)))}."
    if found.gives_up:
        yield f"Gives up: {text(found.gives_up)}."
    yield ""
    yield from _before_after(findings, found, by_id)


def _before_after(
    findings: Findings, found: AdaptationFinding, by_id: Mapping[str, Standing]
) -> Iterator[str]:
    """What differs, as a table; where it breaks only if any of it does. What does not, as a sentence."""
    changed = [b for b in found.before_after if differs(b)]
    with_breaks = any(has_breaks(b) for b in changed)
    titles = {name: standing.now.title for name, standing in by_id.items()}
    rows = []
    for b in changed:
        standing = by_id.get(b.quantity)
        unit = words.axis_unit(findings, standing.now) if standing is not None else ""
        row = [titles.get(b.quantity, b.quantity)]
        row += [words.amount(value, b.unit) for value in (b.value_before, b.value_after)]
        ranges = (b.breakpoint_before, b.breakpoint_after) if with_breaks else ()
        row += [words.breakpoint_words(place, unit) for place in ranges]
        rows.append([text(cell) for cell in row])
    columns = ["quantity", "before", "after", *(("breaks, before", "breaks, after") if with_breaks else ())]
    yield from table(columns, rows)
    same = [
        f"{text(titles.get(b.quantity, b.quantity))} ({text(words.amount(b.value_after, b.unit))})"
        for b in found.before_after
        if b not in changed
    ]
    if same:
        yield f"The same before and after: {', '.join(same)}.\n"


def _answers(findings: Findings, dimension: DimensionFinding) -> Iterator[str]:
    for a in findings.answers:
        if a.dimension == dimension.id:
            key = f" Fill in {text(a.key)}." if a.key else ""
            yield f"**{text(a.question)} {text(a.asked)}** ({words.status(a)}) {text(a.text)}{key}"
            if a.evidence:
                yield f"Evidence: {', '.join(text(name) for name in a.evidence)}."
            yield ""


def _list(found: ListFinding) -> Iterator[str]:
    yield f"### {text(found.title)} ({found.total:,})\n"
    rows = [[text(cell) for cell in row] for row in found.rows[:LIST_ROWS_MAX]]
    yield from table([text(c) for c in found.columns], rows)
    if found.total > len(rows):
        yield f"{found.total - len(rows):,} more in the findings and their runs.\n"


# --- the end ---------------------------------------------------------------------------------------------


def _questions(findings: Findings) -> Iterator[str]:
    yield "## All questions\n"
    rows = [
        (text(a.question), text(a.asked), words.status(a), _answer(a.value, a.unit, a.key))
        for a in findings.answers
    ]
    yield from table(("question", "asked", "status", "answer"), rows) if rows else iter(("None.\n",))


def _answer(value: float | str | None, unit: str, key: str) -> str:
    if key:
        return f"declare {text(key)}"
    return text(words.amount(value, unit))


def _attacks(findings: Findings) -> Iterator[str]:
    yield "## Attack paths\n"
    rows = [
        (
            text(" > ".join(p.steps)),
            text(p.reaches),
            p.outcome if was_tried(p) else "possible, not tried",
            text(p.stopped_by) or "-",
        )
        for p in findings.attack_paths
    ]
    yield from table(("path", "reaches", "outcome", "stopped by"), rows) if rows else iter(("None tried.\n",))


def _condition(item: Mapping[str, Any]) -> str:
    """The condition of an acceptance, and whose decision it was where that is somebody else's."""
    other = f"left to another role: {item['decides']} decides" if item.get("decides") else ""
    return "; ".join(part for part in (item.get("condition"), other) if part) or "-"


def _signed(signatures: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    yield "## Sign-off\n"
    if not signatures:
        yield "Unsigned.\n"
    for s in signatures:
        verified = "verified" if s["valid"] else "does not verify"
        yield f"{text(s['name'])}, {text(s['role'])}, {text(s['signed_at'])}: signature {verified}\n"
        rows = [
            (text(item["id"]), text(_condition(item)), text(item.get("expires") or "-"))
            for item in s["accepted"]
        ]
        yield from table(("accepted", "condition", "expires"), rows)


def _method(findings: Findings) -> Iterator[str]:
    machine = findings.machine
    yield "## Method and machine\n"
    yield from (f"- {name}: {meaning}" for name, meaning in words.MARKS.items())
    yield "- extrapolated: beyond the largest run; no run stands behind it"
    kind = "quick run" if findings.quick else "full run"
    yield f"- {kind}, {words.count(findings.runs, 'run')}, seeds {', '.join(map(str, findings.seeds))}"
    yield f"- {text(machine.cpu)}, {words.count(machine.cores, 'core')}, {text(machine.system)}"
    yield f"- again with: {text(findings.command)}"
    yield from (f"- not checked: {text(line)}" for line in findings.not_checked)
