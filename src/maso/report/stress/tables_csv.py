"""Breakpoints, decisions and accepted conditions as CSV (RFC 4180), for a spreadsheet that trusts nobody.

Texts from a fleet file may begin like a formula; a spreadsheet would run it. Such a cell begins with an
apostrophe here, which spreadsheets take for "this is text". Numbers are written as numbers. Lines end in
CRLF; the first is the header.
"""

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from maso.findings import BreakpointFinding, Findings, QuantityFinding
from maso.report.stress import words
from maso.report.stress.legible import legible_data, legible_findings
from maso.report.stress.standing import Standing, standings

Cell = str | float | int | bool | None

# OWASP's list, with the full-width forms that spreadsheets take for the same signs.
_FORMULA_STARTS: Final = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")  # noqa: RUF001
_NOT_SEARCHED: Final = BreakpointFinding(low=None, high=None, kind="unresolved", why="not searched")
_CONFIGURATIONS: Final = ("standard", "as declared", "as recommended")


def breakpoints_csv(findings: Findings) -> str:
    """One line for each quantity with a budget and each configuration that was measured."""
    shown = legible_findings(findings)
    header = (
        "dimension", "quantity", "title", "configuration", "mark", "unit", "budget", "direction",
        "budget_key", "class", "exponent", "axis", "axis_unit", "target", "low", "high", "kind", "factor",
        "reaches_target", "value_at_target", "largest_run", "why",
    )  # fmt: skip
    rows = [
        _breakpoint_row(shown, standing, name, quantity)
        for standing in standings(shown)
        if standing.now.budget is not None
        for name, quantity in _configurations(standing)
    ]
    return _csv(header, rows)


def decisions_csv(findings: Findings) -> str:
    """What a person must decide."""
    shown = legible_findings(findings)
    rows = [(d.id, d.dimension, d.what, d.who, d.why, d.cost) for d in shown.decisions]
    return _csv(("id", "dimension", "what", "who", "why", "cost"), rows)


def conditions_csv(findings: Findings, signatures: Sequence[Mapping[str, Any]]) -> str:
    """What was accepted, by whom, on which condition, until when; `valid` is the signature's."""
    titles = _titles(legible_findings(findings))
    rows = [
        (
            item.get("kind", ""), item.get("id", ""), titles.get(item.get("id", ""), ""),
            item.get("condition", ""), item.get("expires", ""), signature.get("name", ""),
            signature.get("role", ""), signature.get("signed_at", ""), bool(signature.get("valid")),
            signature.get("findings_sha256", ""),
        )
        for signature in legible_data(list(signatures))
        for item in signature.get("accepted", ())
    ]  # fmt: skip
    header = (
        "kind", "item", "what", "condition", "expires", "name", "role", "signed_at", "valid",
        "findings_sha256",
    )  # fmt: skip
    return _csv(header, rows)


def _titles(findings: Findings) -> dict[str, str]:
    """What an accepted item is about, by its id."""
    titles = {answer.question: answer.asked for answer in findings.answers}
    titles.update({path.id: f"{' > '.join(path.steps)}: {path.reaches}" for path in findings.attack_paths})
    titles.update({decision.id: decision.what for decision in findings.decisions})
    titles.update({standing.path: standing.now.title for standing in standings(findings)})
    return titles


def _configurations(standing: Standing) -> list[tuple[str, QuantityFinding]]:
    chosen = (standing.usual, standing.now, standing.recommended)
    return [(name, q) for name, q in zip(_CONFIGURATIONS, chosen, strict=True) if q is not None]


def _breakpoint_row(
    findings: Findings, standing: Standing, name: str, quantity: QuantityFinding
) -> Sequence[Cell]:
    found = quantity.breakpoint or BreakpointFinding(
        low=None, high=None, kind="unresolved", why="not searched"
    )
    budget, scaling = quantity.budget, quantity.scaling
    return (
        standing.dimension.id, quantity.id, quantity.title, name, quantity.mark, quantity.unit,
        None if budget is None else budget.value,
        None if budget is None else budget.direction,
        None if budget is None else budget.key,
        None if scaling is None else scaling.scaling_class,
        None if scaling is None else scaling.exponent,
        quantity.axis, words.axis_unit(findings, quantity), quantity.target,
        found.low, found.high, found.kind, found.factor,
        quantity.reaches_target, quantity.at_target, words.largest_run(quantity), found.why,
    )  # fmt: skip


def _csv(header: Sequence[str], rows: Iterable[Sequence[Cell]]) -> str:
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(header)
    writer.writerows([_cell(cell) for cell in row] for row in rows)
    return out.getvalue()


def _cell(value: Cell) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int | float):
        return f"{value:.10g}"
    return f"'{value}" if value.lstrip(" ").startswith(_FORMULA_STARTS) else value
