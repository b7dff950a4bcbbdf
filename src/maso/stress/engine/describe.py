"""From a series of runs to findings: points, fitted class, breakpoint, in the words of `findings.py`."""

from math import isfinite
from typing import Final

from maso.findings import BreakpointFinding, BudgetFinding, QuantityFinding, ScalingClass, ScalingFinding
from maso.stress.breakpoints import Breakpoint
from maso.stress.dimension import Quantity
from maso.stress.engine.series import Series
from maso.stress.engine.sizes import geometric
from maso.stress.engine.study import Study
from maso.stress.fit import fit

CURVE_POINTS: Final = 24  # enough for a plot of a smooth model on logarithmic axes


def scaling_finding(series: Series, quantity: Quantity) -> ScalingFinding | None:
    """The class fitted on every run; None where the quantity was never measured, or has no growth."""
    if series.probe.at_target:
        return None
    return fitted([(float(p.size), p.value) for p in series.points(quantity)], quantity.expected)


def fitted(points: list[tuple[float, float]], expected: ScalingClass) -> ScalingFinding | None:
    """The class of (size, value) points; None where there are none."""
    if not points:
        return None
    scaling = fit(points)
    low, high = int(min(p[0] for p in points)), int(max(p[0] for p in points))
    sizes = sorted({geometric(low, high, i, CURVE_POINTS - 1) for i in range(CURVE_POINTS)})
    # A falling curve has no value below the sizes that it is fitted on, where small ones were left out.
    drawn = [(size, scaling.predict(size)) for size in sizes]
    return ScalingFinding(
        scaling_class=scaling.scaling_class,
        exponent=_short(scaling.exponent),
        low=_short(scaling.low),
        high=_short(scaling.high),
        expected=expected,
        candidates=scaling.candidates,
        curve=tuple((float(size), _short(value)) for size, value in drawn if isfinite(value)),
    )


def breakpoint_finding(series: Series, found: Breakpoint) -> BreakpointFinding:
    names = {place: run.key for place, run in series.runs.items()}
    return BreakpointFinding(
        low=found.low,
        high=found.high,
        kind=found.kind,
        runs=tuple(dict.fromkeys(names[place] for place in found.runs if place in names)),
        why=found.why,
        factor=None if found.factor is None else _short(found.factor),
    )


def quantity_finding(study: Study, series: Series, quantity: Quantity) -> QuantityFinding | None:
    """Everything about one quantity under one configuration; None where it was not measured."""
    points = series.points(quantity)
    if not points:
        return None
    budget = quantity.budget(study.fleet)
    found = study.breakpoints.get((series.key, quantity.id))
    goal = study.goal(series.probe)
    axis = series.probe.axis
    own = "sessions" if study.fleet.kind == "depth" else "agents"
    at = series.value(quantity.id, goal) if goal is not None else None
    if at is None and series.probe.at_target:
        at = series.value(quantity.id, points[-1].size)
    return QuantityFinding(
        id=quantity.id,
        title=quantity.title,
        unit=quantity.unit,
        mark=quantity.mark,
        axis="size" if axis is None else axis.id,
        axis_unit=own if axis is None else axis.unit,
        controls=quantity.controls,
        points=points,
        scaling=scaling_finding(series, quantity),
        budget=None if budget is None else BudgetFinding(**budget._asdict()),
        budget_key=quantity.budget_key,
        breakpoint=None if found is None else breakpoint_finding(series, found),
        target=goal,
        at_target=at,
        exact=quantity.exact,
        reaches_target=study.reaches(series, quantity),
    )


def _short(value: float) -> float:
    """Five significant digits: more would claim a precision that no run has."""
    return float(f"{value:.5g}")
