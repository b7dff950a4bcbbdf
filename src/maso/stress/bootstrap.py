"""Bootstrap of a fit: how stable its class is, and intervals of its exponent and of where it leads.

Residuals around the winning curve (of single values, or of size means where those are the error) are drawn
again with the fit's error variance, the classes are fitted again, all resamples at once. Where an interval
is wanted, the draws are stretched by Student's t over the normal quantile: with few degrees of freedom a
bootstrap is too sure of itself.

The free power p of `offset + factor * n^p` is sought on a grid with a parabola between its points.
"""

import math
from functools import lru_cache
from typing import Final

import numpy as np

from maso.findings import ScalingClass
from maso.stress.curves import Curve, Floats, unit
from maso.stress.quantiles import resample, student
from maso.stress.squares import (
    BENT,
    Best,
    Window,
    bent,
    legal,
    penalty,
    ratios_of,
    refined,
    row_of,
    squares_of,
)

RESAMPLES: Final = 200  # a 95% interval's ends are then its 5th and 196th value
_PLAUSIBLE: Final = 16.0  # four standard errors: powers that no resample will choose are not tried
_FINE: Final = 31
_POWERS: Final = np.arange(0.1, 8.05, 0.1)


def _resampled(window: Window, seed: int, stretch: float = 1.0) -> Floats:
    """Size means (sizes, resamples) as other seeds might have given them."""
    sample = window.sample
    best = window.best[window.winner]
    runs = np.ones(len(sample.sizes)) if window.by_size else sample.runs
    count = int(np.sum(runs))
    drawn = window.pool[resample(seed, "stress/fit", RESAMPLES, count, len(window.pool))]
    sums = np.add.reduceat(drawn, np.append(0, np.cumsum(runs)[:-1]).astype(np.intp), axis=1)
    scale = np.sqrt(sample.runs) if window.by_size else runs
    out: Floats = (row_of(best, sample.sizes) + best.level)[:, None] + stretch * (sums / scale).T
    return out


def _valley(grid: Floats, at: Floats, below: Floats, here: Floats, above: Floats) -> tuple[Floats, Floats]:
    """Where a parabola through three neighbours is lowest, in steps of the grid, and how low."""
    bend = below - 2 * here + above
    safe = np.where(bend > 0, bend, 1.0)
    shift = np.where(bend > 0, np.clip((below - above) / (2 * safe), -0.5, 0.5), 0.0)
    return at + shift, np.maximum(here - (below - above) * shift / 4, 0.0)


def _lowest(squares: Floats) -> tuple[Floats, Floats]:
    """Along axis 1 of (curves, grid, resamples): place of the lowest value between grid points, and value."""
    last = squares.shape[1] - 1
    at = np.argmin(squares, axis=1)
    here = np.take_along_axis(squares, at[:, None, :], 1)[:, 0]
    inner = np.clip(at, 1, max(last - 1, 1))
    if last < 2:
        return at.astype(np.float64), here
    below = np.take_along_axis(squares, inner[:, None, :] - 1, 1)[:, 0]
    middle = np.take_along_axis(squares, inner[:, None, :], 1)[:, 0]
    above = np.take_along_axis(squares, inner[:, None, :] + 1, 1)[:, 0]
    place, low = _valley(squares, inner.astype(np.float64), below, middle, above)
    edge = at != inner
    return np.where(edge, at, place), np.where(edge, here, low)


def _around(best: Best, sizes: Floats) -> list[Curve]:
    """The refined curve and, where it bends, a few close to it."""
    curve = best.curve
    if curve.form not in BENT or curve.parameters[0] <= 0:
        return [curve]
    others = [bent(curve, by) for by in (0.88, 0.94, 1.06, 1.13)]
    return [curve, *(other for other in others if legal(other, sizes))]


def stability(window: Window, seed: int) -> float:
    """The share of resamples in which the same class has the least squares."""
    sample = window.sample
    means = _resampled(window, seed)
    least = []
    for best in window.best.values():
        lows = []
        for curve in _around(best, sample.sizes):
            units = unit(curve, sample.sizes, float(sample.sizes[-1]))
            rows = np.log(ratios_of(curve, units, float(sample.sizes[-1]))[:, None] + units[None, :])
            lows.append(_lowest(squares_of(rows, sample.runs, means)[None])[1][0])
        least.append(np.min(np.stack(lows), axis=0) + penalty(best.curve) * window.variance)
    chosen = np.argmin(np.stack(least), axis=0)
    return float(np.mean(chosen == list(window.best).index(window.winner)))


def exponent(window: Window, kind: ScalingClass, seed: int) -> tuple[float, float, float]:
    """The power of the growing part (or the log-log slope, see above) and its 95% interval."""
    sample = window.sample
    sign = -1.0 if sample.falling else 1.0
    sizes = sample.sizes
    means = _resampled(window, seed, _stretch(window))
    if kind in ("constant", "hard limit"):
        x = np.log(sizes) - np.average(np.log(sizes), weights=sample.runs)
        pull = sample.runs * x / np.sum(sample.runs * x * x)
        middle, drawn = float(pull @ sample.means), pull @ means
        drawn = drawn - float(np.mean(drawn)) + middle
    else:
        middle, drawn = _powers(window, means)
    if not np.any(window.pool):
        return sign * middle, sign * middle, sign * middle
    ends = [float(end) for end in np.quantile(drawn, (0.025, 0.975))]
    low, high = sorted(sign * end for end in (min(ends[0], middle), max(ends[1], middle)))
    return sign * middle, low, high


def _power_rows(sizes: Floats, powers: Floats) -> tuple[Floats, Floats]:
    """Log shapes (powers, ratios, sizes) of n^p with offsets, and the ratios (powers, ratios)."""
    curves = [Curve("unresolved", "n^p", (float(p), 0.02, 9.0)) for p in powers]
    units = [unit(curve, sizes, float(sizes[-1])) for curve in curves]
    tried = [ratios_of(curve, u, float(sizes[-1]))[::2] for curve, u in zip(curves, units, strict=True)]
    rows = [np.log(r[:, None] + u[None, :]) for r, u in zip(tried, units, strict=True)]
    return np.stack(rows), np.stack(tried)


@lru_cache(maxsize=16)
def _all_powers(sizes: tuple[float, ...]) -> tuple[Floats, Floats]:
    return _power_rows(np.array(sizes), _POWERS)


def _powers(window: Window, means: Floats) -> tuple[float, Floats]:
    """p of `offset + factor * n^p` for the sample, and for each resample, of the plausible powers."""
    sample = window.sample
    rows, tried = _all_powers(tuple(float(n) for n in sample.sizes))
    flat = rows.reshape(-1, rows.shape[2])
    squares = squares_of(flat, sample.runs, sample.means[:, None]).reshape(len(_POWERS), -1)
    least = squares.min(axis=1)
    at = int(np.argmin(least))
    start = Curve("unresolved", "n^p", (float(_POWERS[at]), 0.02, 9.0))
    middle = refined(sample, start, float(tried[at][int(np.argmin(squares[at]))])).curve.parameters[0]
    near = _POWERS[least <= least[at] + _PLAUSIBLE * window.variance]
    # Where the offset reaches zero the sum of squares has a corner, so the steps must be fine.
    powers = np.linspace(max(float(near[0]) - 0.1, 0.05), float(near[-1]) + 0.1, _FINE)
    rows, _ = _power_rows(sample.sizes, powers)
    again = squares_of(rows.reshape(-1, rows.shape[2]), sample.runs, means)
    place = _lowest(_lowest(again.reshape(_FINE, -1, means.shape[1]))[1][None])[0][0]
    return middle, np.interp(place, np.arange(_FINE), powers)


def _stretch(window: Window) -> float:
    """Few degrees of freedom make a bootstrap's intervals too narrow by this much."""
    return student(0.975, window.degrees) / student(0.975, 10**6)


def reaches(curve: Curve, unit_size: float, wanted: Floats, high: float) -> Floats:
    """The sizes at which the curve's unit is `wanted`, by bisection; infinite beyond `high`."""
    low, top = np.full(len(wanted), 0.0), np.full(len(wanted), math.log(high))
    for _ in range(60):
        middle = (low + top) / 2
        under = _unit_at(curve, middle, unit_size) < wanted
        low, top = np.where(under, middle, low), np.where(under, top, middle)
    beyond = _unit_at(curve, np.array([math.log(high)]), unit_size)[0] < wanted
    return np.where(beyond, math.inf, np.exp(top))


def _unit_at(curve: Curve, logs: Floats, unit_size: float) -> Floats:
    return unit(curve, np.exp(logs), unit_size)


def redrawn(window: Window, wanted: float, high: float, seed: int) -> Floats:
    """For each resample, where the winning class, fitted again, reaches `wanted` (a logarithm)."""
    sample = window.sample
    means = _resampled(window, seed, _stretch(window))
    best = window.best[window.winner]
    largest = float(sample.sizes[-1])
    lows, reached = [], []
    for curve in _around(best, sample.sizes):
        units = unit(curve, sample.sizes, largest)
        tried = ratios_of(curve, units, largest)
        place, low = _lowest(squares_of(np.log(tried[:, None] + units), sample.runs, means)[None])
        ratio = np.interp(place[0], np.arange(len(tried)), tried)
        rows = np.log(ratio[None, :] + units[:, None])
        level = sample.runs @ (means - rows) / np.sum(sample.runs)
        lows.append(low[0])
        reached.append(reaches(curve, largest, np.exp(wanted - level) - ratio, high))
    pick = np.argmin(np.stack(lows), axis=0)
    out: Floats = np.stack(reached)[pick, np.arange(len(pick))]
    return out
