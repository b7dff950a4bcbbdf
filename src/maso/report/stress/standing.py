"""How each quantity stands: under the standard controls, as the fleet file declares them, and as recommended.

The findings hold every configuration apart; a reader asks three things of a quantity: does it reach the
target the usual way, does it as we have it, and would it if we did what is recommended. Where the engine
measured the adaptations together, that is what counts; otherwise the adaptation of the set that carries the
quantity furthest stands for it, and nothing is added up.

    holds         reached as declared, and nothing shows that the standard controls would not
    adapts        the standard controls do not; an adaptation in force or recommended does
    breaks        nothing that was tried and may be chosen reaches it
    not_measured  no budget, or no answer

Whether a target is reached is the findings' own word (`reaches_target`), here and in every format: nothing is
judged from a range a second time.

Not handled: quantities without a budget can hold nothing and break nothing; they are listed as such.
"""

from collections.abc import Iterable
from typing import NamedTuple

from maso.findings import (
    ControlFinding,
    ControlRow,
    DimensionFinding,
    Findings,
    QuantityFinding,
    Verdict,
)
from maso.report.stress.words import Shown


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
    return [
        _standing(dimension, quantity)
        for dimension in findings.dimensions
        for quantity in dimension.quantities
    ]


def budgeted(found: Iterable[Standing], size: int) -> list[Standing]:
    """Quantities that have something to reach: a budget, and a place on their axis where it must hold."""
    return [s for s in found if s.now.budget is not None and target_of(s.now, size) is not None]


def _standing(dimension: DimensionFinding, now: QuantityFinding) -> Standing:
    standard = _named(dimension.standard_quantities, now.id)
    together = dimension.recommended_quantities
    recommended = _named(together, now.id) if together else _furthest(dimension, now)
    verdict = _verdict(standard or now, now, recommended or now)
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


def _verdict(usual: QuantityFinding, now: QuantityFinding, recommended: QuantityFinding) -> Verdict:
    if now.budget is None or now.reaches_target is None:
        return "not_measured"
    if now.reaches_target:
        return "adapts" if usual.reaches_target is False else "holds"
    return "adapts" if recommended.reaches_target else "breaks"


def shown_control(control: ControlFinding, found: Iterable[Standing]) -> Shown:
    """The verdict on a control, `adapts` told apart by what its quantities do as declared."""
    return _shown(control.verdict, [s for s in found if s.path in control.quantities])


def shown_row(row: ControlRow, dimension: DimensionFinding, found: Iterable[Standing]) -> Shown:
    """The same for a row of a dimension: by the quantities that measure it, or else by all of them."""
    own = [s for s in found if s.dimension is dimension]
    return _shown(row.verdict, [s for s in own if row.id in s.now.controls and s.now.budget] or own)


def _shown(verdict: Verdict, found: Iterable[Standing]) -> Shown:
    if verdict != "adapts":
        return verdict
    return "adapts" if any(misses(standing.now) for standing in found) else "in_force"


def target_of(quantity: QuantityFinding, size: int) -> int | None:
    """The place on the quantity's axis that must be reached; None: the axis has no such place."""
    if quantity.target is not None:
        return quantity.target
    return size if quantity.axis == "size" else None


def inferred(quantity: QuantityFinding, size: int) -> bool:
    """Whether the target is reached by the fitted class alone, beyond the largest run.

    A budget that was seen to break before the target is missed without a run there.
    """
    target = target_of(quantity, size)
    sizes = [point.size for point in quantity.points]
    return target is not None and bool(sizes) and max(sizes) < target and quantity.reaches_target is True


def misses(quantity: QuantityFinding) -> bool:
    """Whether the budget does not hold at the target: its range lies below, or the value there is over."""
    return quantity.reaches_target is False


def below_target(findings: Findings) -> list[Standing]:
    """What `--gate` refuses: what misses its target as the fleet file declares the controls."""
    size = findings.fleet.target
    return [s for s in budgeted(standings(findings), size) if misses(s.now)]


def breaks_at(quantity: QuantityFinding) -> float:
    """For an order: where the range begins; what is over its budget from the first run on comes first."""
    found = quantity.breakpoint
    return found.low if found is not None and found.low is not None else 0.0
