"""What of the findings a person can accept, each with a name and a sentence.

    breakpoint  `dimension/quantity`: a quantity that breaks somewhere, or where that was not resolved, with
                the controls as the fleet file declares them
    decision    something that the findings leave to a person
    missing     a question that the fleet file does not answer
    attack      a way that the controls did not stop, or that nobody tried

An item is named by its id alone where no other kind has the same id, and by `kind:id` always. What holds,
what was measured and what was not checked needs no acceptance; the digest covers it all the same.

Texts come from the findings and so from a fleet file: whoever prints them calls `one_line`.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Final, Literal, NamedTuple

from maso.findings import (
    AttackPath,
    BreakpointFinding,
    DecisionFinding,
    DimensionFinding,
    Findings,
    QuantityFinding,
)

Kind = Literal["breakpoint", "decision", "missing", "attack"]

KINDS: Final[tuple[Kind, ...]] = ("breakpoint", "decision", "missing", "attack")
_ROUND_FROM: Final = 100  # sizes below may be fractions of a fitted curve; above, a fraction is noise


class Item(NamedTuple):
    """One thing to accept. `who` must decide it, where the findings say so."""

    kind: Kind
    id: str
    text: str
    who: str = ""


def items_of(findings: Findings) -> tuple[Item, ...]:
    """Everything that can be accepted, in the order of the findings; one item where an id comes twice."""
    merged: dict[tuple[Kind, str], Item] = {}
    for item in _items(findings):
        known = merged.get((item.kind, item.id))
        if known is not None and item.text != known.text:
            item = known._replace(text=f"{known.text}; also: {item.text}")
        merged[item.kind, item.id] = item
    return tuple(merged.values())


def _items(findings: Findings) -> Iterator[Item]:
    for dimension in findings.dimensions:
        for quantity in dimension.quantities:
            if _breaks(quantity):
                text = f"{dimension.title}: {quantity.title} {_sentence(dimension, quantity)}"
                yield Item("breakpoint", f"{dimension.id}/{quantity.id}", text)
    for decision in findings.decisions:
        yield Item("decision", decision.id, _decision(decision), decision.who)
    for answer in findings.answers:
        if answer.status == "missing":
            key = f" (`{answer.key}` is not filled in)" if answer.key else ""
            yield Item("missing", answer.question, f"{answer.asked}{key}")
    for path in findings.attack_paths:
        if path.outcome != "stopped":
            yield Item("attack", path.id, _attack(path))


def _breaks(quantity: QuantityFinding) -> bool:
    found = quantity.breakpoint
    return quantity.reaches_target is False or (found is not None and found.kind != "none")


def _sentence(dimension: DimensionFinding, quantity: QuantityFinding) -> str:
    text = _where(quantity.breakpoint, quantity.axis_unit)
    if quantity.target is not None and quantity.reaches_target is not None:
        text += f", {'beyond' if quantity.reaches_target else 'below'} the target of {quantity.target:,}"
    after = next((q for q in dimension.recommended_quantities if q.id == quantity.id), None)
    if after is not None:
        text += f"; as recommended: {_where(after.breakpoint, after.axis_unit)}"
    return text


def _where(found: BreakpointFinding | None, unit: str) -> str:
    if found is None or found.kind == "none":
        return "does not break in the sizes that were run"
    if found.kind == "unresolved" or (found.low is None and found.high is None):
        return "breaks at a size that could not be resolved"
    times = f", {found.factor:.3g} times the largest run" if found.factor else ""
    mark = f" ({found.kind}{times})" if found.kind == "extrapolated" else ""
    return f"breaks at {_range(found.low, found.high)} {unit}".rstrip() + mark


def _range(low: float | None, high: float | None) -> str:
    if low is None or high is None:
        return f"up to {_number(high)}" if low is None else f"{_number(low)} or more"
    return _number(low) if _number(low) == _number(high) else f"{_number(low)} to {_number(high)}"


def _number(value: float | None) -> str:
    if value is None:
        return "?"
    return f"{value:,.0f}" if abs(value) >= _ROUND_FROM else f"{value:.3g}"


def _decision(decision: DecisionFinding) -> str:
    why = f"; why: {decision.why}" if decision.why else ""
    cost = f"; cost: {decision.cost}" if decision.cost else ""
    return f"{decision.what}{why}{cost}"


def _attack(path: AttackPath) -> str:
    what = "succeeded when it was tried" if path.outcome == "succeeds" else "is possible and was not tried"
    return f"{' > '.join((*path.steps, path.reaches))}: {what}"


def by_name(items: Sequence[Item]) -> dict[str, Item]:
    """What a person may type, to what it means."""
    names = {f"{item.kind}:{item.id}": item for item in items}
    for name, item in zip(names_of(items), items, strict=True):
        names[name] = item
    return names


def names_of(items: Sequence[Item]) -> tuple[str, ...]:
    """The shortest name of each: its id, or `kind:id` where another item could be meant."""
    meant = Counter(name for item in items for name in (item.id, f"{item.kind}:{item.id}"))
    return tuple(item.id if meant[item.id] == 1 else f"{item.kind}:{item.id}" for item in items)
