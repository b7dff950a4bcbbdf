"""Least squares on logarithms: every curve of every class fitted to the points, with an error variance.

Noise is taken as multiplicative: `log value` is compared with `log(offset + factor * shape(n))`, which is
weighted least squares with weights 1 / value^2. For a shape only the ratio offset / factor is not linear, so
a table of ratios is tried at once, and the best is refined together with the shape's own parameter.

Repeats at a size give the pure error. Where the best curve misses the size means by more than that explains
(F test at 99%), the misfit itself, on the size means, becomes the error: a systematic deviation does not
average out over repeats. A curve with a parameter of its own (a capacity, a power) costs `penalty` error
variances when curves are compared. Where no curve fits all sizes, the smallest are left out one by one, down
to four sizes or half of them, since the scaling of large n is what counts.
"""

import math
from collections.abc import Sequence
from functools import lru_cache
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from maso.findings import ScalingClass
from maso.stress.curves import Curve, Floats, catalogue, ratio_max, unit
from maso.stress.quantiles import fisher, student

SIZES_MIN: Final = 4  # three sizes are fitted by any curve with an offset
LEVEL: Final = 0.9875  # one side; two neighbours on the ladder of classes make 2.5%
FREE_OF_NOISE: Final = 1e-6  # relative; what a refined curve may miss an exact value by
_MISFIT: Final = 0.05  # a curve that misses by less describes what a person needs of it
_NOISE_ALONE: Final = 0.10  # twice what repeated runs of real code scatter by
_RATIOS: Final = 72  # offset / factor tried for each shape, from a hundredth of the smallest value up
_STEPS: Final = np.linspace(0.0, 1.0, _RATIOS - 1)
_PENALTY: Final = 4.0  # error variances; a fitted parameter alone gains one, the best of many more
_HOPELESS: Final = 100.0  # ten times the deviation of the best: no finer offset makes up for it
_ROUNDS: Final = 11  # down to a hundredth of a percent; exact values go twice as deep
# In the order of growth; `unresolved` stands for the rungs that the ladder of classes lacks.
KINDS: Final[tuple[ScalingClass, ...]] = (
    "logarithmic", "linear", "linearithmic", "quadratic", "worse", "hard limit", "unresolved",
)  # fmt: skip

Points = Sequence[tuple[float, float]]
Indices = npt.NDArray[np.intp]


class Sample(NamedTuple):
    """Points by distinct size: logarithms, of the reciprocal where falling."""

    sizes: Floats
    runs: Floats  # values at each size
    means: Floats
    deviations: Floats  # of every value from its size's mean, sizes with one value left out
    falling: bool

    @property
    def pure(self) -> float:
        return float(np.sum(self.deviations**2))

    @property
    def pure_degrees(self) -> int:
        return int(np.sum(self.runs)) - len(self.sizes)


class Best(NamedTuple):
    """The best curve of a class: `exp(level) * (ratio + unit(curve))`, and what it leaves of the means."""

    curve: Curve
    ratio: float
    level: float
    squares: float


class Window(NamedTuple):
    """One fit of all classes to the sizes of a sample: error variance, its degrees of freedom, misfit."""

    sample: Sample
    best: dict[ScalingClass, Best]
    constant: float  # sum of squares of a flat line
    variance: float
    degrees: int
    winner: ScalingClass
    misfit: bool
    pool: Floats  # residuals to resample, inflated to the error variance
    by_size: bool  # the pool holds size means, not single values
    growth_max: float  # the largest log growth over the sizes that the points do not exclude


# --- points ----------------------------------------------------------------------------------------------


def grouped(points: Points) -> dict[float, list[float]]:
    groups: dict[float, list[float]] = {}
    for size, value in sorted(points):
        if not (math.isfinite(size) and math.isfinite(value)) or size <= 0:
            raise ValueError(f"a point needs a size above 0 and a finite value; got `{size}`, `{value}`")
        groups.setdefault(float(size), []).append(float(value))
    return groups


def slope(sizes: Floats, runs: Floats, means: Floats) -> float:
    x = np.log(sizes)
    x = x - np.average(x, weights=runs)
    return float(np.sum(runs * x * means) / np.sum(runs * x * x))


def _sample(groups: dict[float, list[float]]) -> Sample:
    sizes = np.array(list(groups), dtype=np.float64)
    logs = [np.log(np.array(values)) for values in groups.values()]
    runs = np.array([float(len(values)) for values in logs])
    means = np.array([float(np.mean(values)) for values in logs])
    falling = slope(sizes, runs, means) < 0
    deviations = np.concatenate(
        [values - mean if len(values) > 1 else values[:0] for values, mean in zip(logs, means, strict=True)]
    )
    sign = -1.0 if falling else 1.0
    return Sample(sizes, runs, sign * means, sign * deviations, falling)


# --- least squares ---------------------------------------------------------------------------------------


def squares_of(rows: Floats, runs: Floats, means: Floats) -> Floats:
    """Weighted sums of squares: logarithms of shapes (rows, sizes) against means (sizes, samples)."""
    weights = runs / np.sum(runs)
    rows = rows - (rows @ weights)[:, None]
    centred = means - weights @ means
    weighted = rows * runs
    own = np.einsum("rs,rs->r", rows, weighted)
    out: Floats = np.maximum(own[:, None] + (runs @ centred**2)[None, :] - 2 * weighted @ centred, 0.0)
    return out


def ratios_of(curve: Curve, units: Floats, largest: float) -> Floats:
    """The offsets to try, in units of the growing part at the largest size."""
    high = ratio_max(curve, largest)
    if high == 0:
        return np.zeros(1)
    low = max(float(units[0]), 1e-6) * 0.01
    return np.append(0.0, low * (high / low) ** _STEPS)


class _Table(NamedTuple):
    """Every curve with every offset: per row its curve's index, penalty, offset, and log shape."""

    curves: tuple[Curve, ...]
    rows_of: dict[ScalingClass, Indices]
    curve_at: Indices
    penalties: Floats
    ratios: Floats
    rows: Floats


@lru_cache(maxsize=16)  # half a megabyte each; quantities of one dimension share their sizes
def _table(sizes: tuple[float, ...], falling: bool) -> _Table:
    curves = catalogue(sizes, falling)
    units = [unit(curve, np.array(sizes), sizes[-1]) for curve in curves]
    tried = [ratios_of(curve, u, sizes[-1]) for curve, u in zip(curves, units, strict=True)]
    index = np.repeat(np.arange(len(curves)), [len(ratios) for ratios in tried])
    kinds = np.array([curve.scaling_class for curve in curves])[index]
    rows = [np.log(r[:, None] + u[None, :]) for r, u in zip(tried, units, strict=True)]
    return _Table(
        curves,
        {kind: found for kind in KINDS if len(found := np.flatnonzero(kinds == kind))},
        index,
        np.array([penalty(curve) for curve in curves])[index],
        np.concatenate(tried),
        np.concatenate(rows),
    )


BENT: Final = ("cap", "share", "hinge", "n(n+c)", "n^p", "e^(n/k)")


def bent(curve: Curve, by: float) -> Curve:
    """The curve with its first parameter multiplied: a capacity, a power."""
    return curve._replace(parameters=(curve.parameters[0] * by, *curve.parameters[1:]))


def legal(curve: Curve, sizes: Floats) -> bool:
    first = curve.parameters[0]
    if curve.form == "n^p":
        return curve.parameters[1] <= first <= curve.parameters[2]
    if curve.form == "n(n+c)":
        return first <= 0 or first <= sizes[-1]
    if curve.form == "e^(n/k)":
        return bool(first <= sizes[-1] / 4)
    return bool(sizes[1] <= first <= sizes[-2])


def refined(sample: Sample, curve: Curve, ratio: float) -> Best:
    """Zooms in on offset and bend together, by halves, around the best coarse row."""
    bends = curve.form in BENT and curve.parameters[0] > 0
    largest = float(sample.sizes[-1])
    offsets = ratio_max(curve, largest) > 0 and ratio > 0
    width_bend, width_ratio = 0.12, 0.6  # half of the coarse grid's steps and a little
    steps = np.linspace(-1.0, 1.0, 5)
    rounds = _ROUNDS if sample.pure > 0 else 2 * _ROUNDS
    for _ in range(rounds if bends or offsets else 0):
        tried = [curve]
        if bends:
            tried = [c for by in steps if legal(c := bent(curve, math.exp(width_bend * by)), sample.sizes)]
            tried = tried or [curve]
        near = np.array([ratio])
        if offsets:
            near = np.minimum(ratio * np.exp(width_ratio * steps), ratio_max(curve, largest))
        units = np.stack([unit(c, sample.sizes, largest) for c in tried])
        rows = np.log(near[None, :, None] + units[:, None, :]).reshape(-1, len(sample.sizes))
        at = int(np.argmin(_exact_squares(rows, sample)))
        curve, ratio = tried[at // len(near)], float(near[at % len(near)])
        width_bend, width_ratio = width_bend / 1.7, width_ratio / 1.7
    return _fitted(sample, curve, ratio)


def _fitted(sample: Sample, curve: Curve, ratio: float) -> Best:
    row = np.log(ratio + unit(curve, sample.sizes, float(sample.sizes[-1])))
    level = float(np.average(sample.means - row, weights=sample.runs))
    return Best(curve, ratio, level, float(np.sum(sample.runs * (sample.means - row - level) ** 2)))


def _exact_squares(rows: Floats, sample: Sample) -> Floats:
    """As `squares_of` for one sample, without its cancellation: exact counts leave nothing."""
    left = sample.means[None, :] - rows
    left = left - (left @ sample.runs / np.sum(sample.runs))[:, None]
    summed: Floats = np.asarray(left**2 @ sample.runs)
    return summed


# --- one window of sizes ---------------------------------------------------------------------------------


def penalty(curve: Curve) -> float:
    """What a curve must gain, in error variances, to be preferred."""
    if curve.form == "n(n+c)" and curve.parameters[0] <= 1:
        return 0.0
    return _PENALTY if curve.form in BENT or curve.form == "step" else 0.0


def _error(sample: Sample, squares: float) -> tuple[float, int, bool, bool]:
    """Variance of one run, its degrees of freedom, whether it is misfit of means, and whether too much."""
    sizes, values = len(sample.sizes), float(np.sum(sample.runs))
    own = max(sizes - 2, 1)
    size = math.sqrt(squares / values)
    if sample.pure_degrees == 0:
        return squares / own, own, True, math.sqrt(squares / own) > _MISFIT
    pure = sample.pure / sample.pure_degrees
    if squares / own > fisher(0.99, own, sample.pure_degrees) * pure:
        return squares / own, own, True, size > _MISFIT
    return (squares + sample.pure) / (values - 2), int(values) - 2, False, False


def _best_by_kind(sample: Sample, table: _Table, coarse: Floats) -> dict[ScalingClass, Best]:
    least = float(np.min(coarse))
    charged = coarse + table.penalties * _error(sample, least)[0]
    out: dict[ScalingClass, Best] = {}
    for kind, rows in table.rows_of.items():
        at = int(rows[np.argmin(charged[rows])])
        curve, ratio = table.curves[table.curve_at[at]], float(table.ratios[at])
        near = coarse[at] <= _HOPELESS * (least + sample.pure)
        out[kind] = refined(sample, curve, ratio) if near else _fitted(sample, curve, ratio)
    return out


def _window(sample: Sample) -> Window:
    table = _table(tuple(float(n) for n in sample.sizes), sample.falling)
    coarse = squares_of(table.rows, sample.runs, sample.means[:, None])[:, 0]
    best = _best_by_kind(sample, table, coarse)
    least = min(fit.squares for fit in best.values())
    variance, degrees, by_size, misfit = _error(sample, least)
    variance = max(variance, FREE_OF_NOISE**2 * 1e-2)
    winner = min(best, key=lambda kind: best[kind].squares + penalty(best[kind].curve) * variance)
    flat = float(_exact_squares(np.zeros((1, len(sample.sizes))), sample)[0])
    open_rows = table.rows[coarse - least <= student(LEVEL, degrees) ** 2 * variance]
    growth_max = float(np.max(open_rows[:, -1] - open_rows[:, 0])) if len(open_rows) else math.inf
    pool = _pool(sample, best[winner], variance, by_size)
    return Window(sample, best, flat, variance, degrees, winner, misfit, pool, by_size, growth_max)


def row_of(best: Best, sizes: Floats) -> Floats:
    return np.log(best.ratio + unit(best.curve, sizes, float(sizes[-1])))


def _pool(sample: Sample, best: Best, variance: float, by_size: bool) -> Floats:
    """Residuals around the best curve, stretched to the error variance."""
    left = sample.means - row_of(best, sample.sizes) - best.level
    pool = left * np.sqrt(sample.runs) if by_size else np.concatenate([left, sample.deviations])
    pool = pool - np.mean(pool)
    spread = float(np.sqrt(np.mean(pool**2)))
    if spread < FREE_OF_NOISE:
        return np.zeros(1)
    out: Floats = pool * (math.sqrt(variance) / spread)
    return out


def best_window(groups: dict[float, list[float]]) -> Window:
    """The fit to all sizes, or to the largest ones where no curve fits all."""
    whole = _window(_sample(groups))
    window = whole
    sizes = len(groups)
    start = 0
    while window.misfit and sizes - start - 1 >= max(SIZES_MIN, math.ceil(sizes / 2)):
        start += 1
        tail = _sample(dict(list(groups.items())[start:]))
        if tail.falling != whole.sample.falling:
            break
        window = _window(tail)
    if not window.misfit:
        return window
    # Without repeats, noise and misfit look the same: a little of it is taken as noise.
    noise = whole.sample.pure_degrees == 0 and math.sqrt(whole.variance) <= _NOISE_ALONE
    return whole._replace(misfit=not noise)
