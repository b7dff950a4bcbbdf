"""How each quantity stands: under the standard controls, as the fleet file declares them, and as recommended.

The findings hold every configuration apart; a reader asks three things of a quantity: does it reach the
target the usual way, does it as we have it, and would it if we did what is recommended. Where the engine
measured the adaptations together, that is what counts; otherwise the adaptation of the set that carries the
quantity furthest stands for it, and nothing is added up.

    holds         the standard controls reach the target
    adapts        they do not; an adaptation in force or recommended does
    breaks        nothing that was tried and may be chosen reaches it
    not_measured  no budget, or no answer

Not handled: quantities without a budget can hold nothing and break nothing; they are listed as such.
"""

from collections.abc import Iterable
from typing import NamedTuple

from maso.findings import (
    DimensionFinding,
    Findings,
    QuantityFinding,
    Verdict,
)


class Standing(NamedTuple):
    """One quantity in its configurations. `now` is as the fleet file declares the controls.

    `standard` and `recommended` are None where they are no other configuration than `now`.
    """

    dimension: DimensionFinding
    now: QuantityFinding
    standard: QuantityFinding | None
    recommended: QuantityFinding | None
    verdict: Verdict

    @property
    def usual(self) -> QuantityFinding:
        """Under the standard controls."""
        return self.standard or self.now

    @property
    def path(self) -> str:
        return f"{self.dimension.id}/{self.now.id}"


def standings(findings: Findings) -> list[Standing]:
    """Every quantity of every dimension that was measured, in the order of the findings."""
    size = findings.fleet.target
    return [
        _standing(dimension, quantity, size)
        for dimension in findings.dimensions
        for quantity in dimension.quantities
    ]


def budgeted(found: Iterable[Standing], size: int) -> list[Standing]:
    """Quantities that have something to reach: a budget, and a place on their axis where it must hold."""
    return [s for s in found if s.now.budget is not None and target_of(s.now, size) is not None]


def _standing(dimension: DimensionFinding, now: QuantityFinding, size: int) -> Standing:
    standard = _named(dimension.standard_quantities, now.id)
    recommended = _named(dimension.recommended_quantities, now.id) or _furthest(dimension, now)
    verdict = _verdict(standard or now, [q for q in (now, recommended) if q is not None], size)
    return Standing(dimension, now, standard, recommended, verdict)


def _named(quantities: Iterable[QuantityFinding], name: str) -> QuantityFinding | None:
    return next((q for q in quantities if q.id == name), None)


def _furthest(dimension: DimensionFinding, now: QuantityFinding) -> QuantityFinding | None:
    """Of the recommended adaptations that measured the quantity again, the one under which it breaks last."""
    after = [
        quantity
        for adaptation in dimension.adaptations
        if adaptation.recommended and not adaptation.in_force and not adaptation.forbidden
        for quantity in adaptation.quantities_after
        if quantity.id == now.id
    ]
    return max(after, key=_reach, default=None)


def _reach(quantity: QuantityFinding) -> tuple[int, float]:
    reached = {True: 2, None: 1, False: 0}[quantity.reaches_target]
    found = quantity.breakpoint
    if found is None or found.low is None:
        return reached, 0.0
    return reached, found.low


def _verdict(usual: QuantityFinding, others: list[QuantityFinding], size: int) -> Verdict:
    if usual.budget is None:
        return "not_measured"
    reached = reaches(usual, size)
    if reached:
        return "holds"
    if reached is None:
        return "not_measured"
    return "adapts" if any(reaches(quantity, size) for quantity in others) else "breaks"


def target_of(quantity: QuantityFinding, size: int) -> int | None:
    """The place on the quantity's axis that must be reached; None: the axis has no such place."""
    if quantity.target is not None:
        return quantity.target
    return size if quantity.axis == "size" else None


def reaches(quantity: QuantityFinding, size: int) -> bool | None:
    """What the engine concluded; where it left that open, what the range says on its own.

    An unresolved range can still lie beyond the target as a whole; it is never taken as proof of the
    contrary, which the gate would refuse for.
    """
    if quantity.reaches_target is not None:
        return quantity.reaches_target
    found, target = quantity.breakpoint, target_of(quantity, size)
    if found is None or target is None or found.kind == "none":
        return None
    if found.low is not None and found.low >= target:
        return True
    if found.kind != "unresolved" and found.high is not None and found.high < target:
        return False
    return None


def inferred(quantity: QuantityFinding, size: int) -> bool:
    """Whether the target is reached by the fitted class alone, beyond the largest run.

    A budget that was seen to break before the target is missed without a run there.
    """
    target = target_of(quantity, size)
    sizes = [point.size for point in quantity.points]
    return target is not None and bool(sizes) and max(sizes) < target and reaches(quantity, size) is True


def misses(quantity: QuantityFinding, size: int) -> bool:
    """Whether the budget does not hold at the target: its range lies below, or the value there is over."""
    return reaches(quantity, size) is False


def below_target(findings: Findings) -> list[Standing]:
    """What `--gate` refuses: what misses its target as the fleet file declares the controls."""
    size = findings.fleet.target
    return [s for s in budgeted(standings(findings), size) if misses(s.now, size)]


def breaks_at(quantity: QuantityFinding) -> float:
    """For an order: where the range begins; what is over its budget from the first run on comes first."""
    found = quantity.breakpoint
    return found.low if found is not None and found.low is not None else 0.0
