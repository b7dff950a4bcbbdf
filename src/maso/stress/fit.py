"""The scaling class of a quantity, fitted on measured points, with an interval; or that it is unresolved.

Theory. Noise is taken as multiplicative, so everything happens on logarithms: least squares of
`log value` against `log(offset + factor * shape(n))`, both parts not negative, for each shape of `curves.py`.
That is weighted least squares with weights 1 / value^2. An offset hides growth (10 us + 0.001 n is linear),
so the plain log-log slope decides nothing. Repeats at a size give the pure error; where the best curve
misses the size means by more than that explains, the misfit itself, on the size means, becomes the noise.

Decision. A class stays a candidate while its sum of squares exceeds the best one's by less than Student's t
squared times the error variance, at 98.75%: between two shapes that are not nested, the wrong one survives
alone in under 2.5% of samples at any noise. The class is resolved when one candidate is left and nine in ten
bootstrap resamples choose it too; otherwise it is `unresolved`, and `candidates` says between what.

    constant    growth is not significant, and growth by a third or more over all measured sizes is
                excluded; or, where there is noise, growth is certainly below 5% over all of them
    hard limit  a capacity inside the measured sizes, see `curves.py`; or, with `limit` given (the highest
                value it can take), the two largest sizes within 2% of it and the smallest well below; or zero
                at the smallest sizes, then values that no class explains down to zero
    falling     a quantity that falls gets the class of its reciprocal, `falling` is set and its exponent is
                negative: 1/n is linear, falling

The scaling of large n counts: where no curve fits all sizes, the smallest are left out one by one, down to
four sizes or half of them. `exponent` is p of `offset + factor * n^p` for growing classes, so that an offset
does not hide it, and the plain log-log slope for constant, hard limit and fewer than four sizes; low and high
are its bootstrap 95% interval (equal to it where nothing is left to resample).

Not handled: noise that is correlated between sizes (a seed that is slow everywhere), outliers (hand in
medians), values below zero, and zeros anywhere but at the smallest sizes (unresolved).
"""

import math
from functools import lru_cache
from typing import Final, NamedTuple

import msgspec
import numpy as np

from maso.findings import ScalingClass
from maso.stress.bootstrap import exponent, reaches, redrawn, stability
from maso.stress.curves import formula, shape
from maso.stress.quantiles import student
from maso.stress.squares import (
    FREE_OF_NOISE,
    KINDS,
    LEVEL,
    SIZES_MIN,
    Points,
    Window,
    best_window,
    grouped,
    penalty,
    slope,
)

_CONSTANT_LEVEL: Final = 0.9975  # the best of many shapes is compared with none, so more is asked
_STABLE: Final = 0.9
_GROWTH_EXCLUDED: Final = math.log(4 / 3)
_GROWTH_NEGLIGIBLE: Final = math.log(1.05)
_INTERVAL: Final = (0.01, 0.99)
_SUREST: Final = 1.05  # what noisy points never say about sizes that were not run
_AT_LIMIT: Final = 0.98
FITS_KEPT: Final = 4096  # of a kilobyte or two each; a quick study makes 176 different ones, 1,464 times


class Scaling(msgspec.Struct, frozen=True, kw_only=True):
    """How a quantity grows with size.

    exponent, low, high  power of the growing part and its 95% interval; negative where `falling`
    candidates           the classes that the points leave open; one where resolved
    offset, factor, form, parameters   `offset + factor * shape`, the value or, falling, its reciprocal
    noise                relative standard deviation of one value around the curve
    stability            share of bootstrap resamples that choose the same class
    size_from            the smallest size the curve describes (smaller ones may have been left out)
    capacity             of a hard limit: the size at which it is reached
    """

    scaling_class: ScalingClass
    exponent: float
    low: float
    high: float
    candidates: tuple[str, ...] = ()
    falling: bool = False
    offset: float = 0.0
    factor: float = 0.0
    form: str = "1"
    parameters: tuple[float, ...] = ()
    noise: float = 0.0
    stability: float = 1.0
    size_from: float = 0.0
    capacity: float | None = None
    why: str = ""

    def predict(self, size: float) -> float:
        """The model's value at a size (a geometric mean: half of the runs lie above)."""
        value = self.offset + self.factor * float(shape(self.form, self.parameters, np.array([size]))[0])
        if not self.falling:
            return max(value, 0.0)  # an offset below zero, where the quantity starts beyond small sizes
        return 1 / value if value > 0 else math.inf


# --- the decision ----------------------------------------------------------------------------------------


def _candidates(window: Window) -> list[ScalingClass]:
    """The growing classes that the points do not exclude."""
    winner = window.best[window.winner]
    # The others are not charged for a parameter more: that could exclude the true one without evidence.
    reach = winner.squares + (penalty(winner.curve) + student(LEVEL, window.degrees) ** 2) * window.variance
    return [kind for kind in KINDS if kind in window.best and window.best[kind].squares <= reach]


class _Decision(NamedTuple):
    kind: ScalingClass
    candidates: tuple[str, ...]
    why: str
    stability: float = 0.0


def _names(window: Window) -> tuple[str, ...]:
    """The candidates as a reader knows them: a class, or the power between two classes."""
    return tuple(
        formula(window.best[kind].curve) if kind == "unresolved" else kind for kind in _candidates(window)
    )


def _decide(window: Window, seed: int) -> _Decision:
    growing, curve = _names(window), window.best[window.winner].curve
    asked = student(_CONSTANT_LEVEL, window.degrees) ** 2 * window.variance
    grows = window.constant - window.best[window.winner].squares > asked
    noisy = bool(np.any(window.pool))
    if noisy and window.growth_max < (_GROWTH_NEGLIGIBLE if grows else _GROWTH_EXCLUDED):
        most = math.expm1(window.growth_max)
        return _Decision("constant", ("constant",), f"growth over all sizes is below {most:.1%}", 1.0)
    if not grows:
        return _Decision("unresolved", ("constant", *growing), "the noise hides whether it grows")
    if window.misfit and growing != ("worse",):  # what outgrows every class needs no formula
        return _Decision(
            "unresolved", growing, "no curve fits: the best misses the values by more than noise"
        )
    if len(growing) > 1:
        return _Decision("unresolved", growing, f"the points cannot tell {' from '.join(growing)}")
    if window.winner == "unresolved":
        return _Decision("unresolved", growing, f"grows like {formula(curve)}, between two classes")
    share = stability(window, seed) if noisy else 1.0
    if share < _STABLE:
        why = f"only {share:.0%} of resamples choose {window.winner}"
        return _Decision("unresolved", growing, why, share)
    return _Decision(window.winner, growing, f"only {formula(curve)} fits", share)


def _scaling(window: Window, seed: int) -> Scaling:
    kind, candidates, why, share = _decide(window, seed)
    power, low, high = exponent(window, kind, seed)
    best = window.best[window.winner]
    sample, curve = window.sample, best.curve
    falling = sample.falling and kind != "constant"
    level = math.exp(best.level)
    top = float(shape(curve.form, curve.parameters, sample.sizes[-1:])[0])
    model = (level * best.ratio, level / top, curve.form, curve.parameters)
    if kind == "constant":
        mean = float(np.average(sample.means, weights=sample.runs)) * (-1.0 if sample.falling else 1.0)
        model = (math.exp(mean), 0.0, "1", ())
    limited = kind == "hard limit"
    return Scaling(
        scaling_class=kind,
        exponent=power,
        low=low,
        high=high,
        candidates=candidates,
        falling=falling,
        offset=model[0],
        factor=model[1],
        form=model[2],
        parameters=model[3],
        noise=math.sqrt(window.variance) if np.any(window.pool) else 0.0,
        stability=share,
        size_from=float(sample.sizes[0]),
        capacity=curve.parameters[0] if limited else None,
        why=why,
    )


# --- what no curve is fitted to --------------------------------------------------------------------------


def _few(groups: dict[float, list[float]], why: str) -> Scaling:
    """Unresolved, with a power law through what there is, so that a plot has a line."""
    means = [sum(values) / len(values) for values in groups.values()]
    sizes = list(groups)
    if len(sizes) < 2 or min(means) <= 0:
        return Scaling(
            scaling_class="unresolved",
            exponent=0.0,
            low=0.0,
            high=0.0,
            offset=means[-1],
            size_from=sizes[0],
            why=why,
        )
    x, y = np.log(np.array(sizes)), np.log(np.array(means))
    slopes = np.diff(y) / np.diff(x)
    middle = slope(np.array(sizes), np.ones(len(sizes)), y)
    falling = middle < 0
    level = float(np.mean(y) - middle * np.mean(x))
    return Scaling(
        scaling_class="unresolved",
        exponent=middle,
        low=min(float(np.min(slopes)), middle),
        high=max(float(np.max(slopes)), middle),
        falling=falling,
        factor=math.exp(-level if falling else level),
        form="n^p",
        parameters=(abs(middle),),
        size_from=sizes[0],
        why=why,
    )


def _flat(value: float, size: float) -> Scaling:
    return Scaling(
        scaling_class="constant",
        exponent=0.0,
        low=0.0,
        high=0.0,
        candidates=("constant",),
        offset=value,
        size_from=size,
        why="every value is the same",
    )


def _from_zero(groups: dict[float, list[float]], seed: int) -> Scaling:
    """Zero at the smallest sizes, then not: a class where it explains the zeros, or else a hard limit."""
    zero = [size for size, values in groups.items() if not any(values)]
    rest = {size: values for size, values in groups.items() if size not in zero}
    if any(0 in values for values in rest.values()) or zero != list(groups)[: len(zero)]:
        return _few(groups, "zeros among the values: relative growth is not defined")
    whole = all(value == int(value) for values in rest.values() for value in values)
    least = 0.5 if whole else 0.0  # a count below a half is none
    first = min(next(iter(rest.values())))
    if len(rest) >= SIZES_MIN:
        scaling = _scaling(best_window(rest), seed)
        explained = scaling.predict(zero[-1]) <= max(least, FREE_OF_NOISE * first) or len(zero) == 1
        if explained or len(zero) < 2:
            return scaling
    elif len(zero) < 2 or len(rest) < 2:
        return _few(groups, f"only {len(rest)} sizes with a value above zero")
    elif first * (zero[-1] / next(iter(rest))) ** 2 <= least:
        return _few(groups, "a quadratic count would be zero at these sizes too")
    return msgspec.structs.replace(
        _few(rest, f"zero up to {zero[-1]:g}, then not: no growth of a class explains it"),
        scaling_class="hard limit",
        candidates=("hard limit",),
        capacity=math.sqrt(zero[-1] * next(iter(rest))),
        size_from=zero[0],
    )


def _at_limit(groups: dict[float, list[float]], limit: float) -> bool:
    means = [sum(values) / len(values) for values in groups.values()]
    return min(means[-2:]) >= _AT_LIMIT * limit and means[0] < limit / 1.25


def fit(points: Points, *, limit: float | None = None, seed: int = 1) -> Scaling:
    """The scaling class of `(size, value)` points; several points may share a size (repeats over seeds).

    `limit` is the highest value the quantity can take (a timeout, a bounded queue), where there is one.
    Raises ValueError for no points, a size that is not above zero, or a value that is not finite.
    """
    return _fitted(tuple(points), limit, seed)


# A study asks for the same points under every configuration that a quantity cannot tell apart; remembering
# takes 8 s of CPU out of 12, between the runs and the report, where nothing else works.
@lru_cache(maxsize=FITS_KEPT)
def _fitted(points: tuple[tuple[float, float], ...], limit: float | None, seed: int) -> Scaling:
    groups = grouped(points)
    if not groups:
        raise ValueError("no points to fit")
    values = [value for group in groups.values() for value in group]
    if len(groups) > 1 and min(values) == max(values):
        return _flat(values[0], min(groups))
    if len(groups) < SIZES_MIN:
        return _few(groups, f"{len(groups)} sizes; at least {SIZES_MIN} are needed")
    if min(values) < 0:
        return _few(groups, "a value below zero: relative growth is not defined")
    if min(values) == 0:
        return _from_zero(groups, seed)
    scaling = _scaling(best_window(groups), seed)
    if limit is not None and scaling.scaling_class != "hard limit" and _at_limit(groups, limit):
        reached = next(size for size, group in groups.items() if min(group) >= _AT_LIMIT * limit)
        return msgspec.structs.replace(
            scaling,
            scaling_class="hard limit",
            candidates=("hard limit",),
            capacity=reached,
            why=f"the largest sizes are at the limit of {limit:g}",
        )
    return scaling


# --- beyond the measured sizes ---------------------------------------------------------------------------


class Extrapolation(NamedTuple):
    """Where the fitted curve reaches a value, with a 95% interval as far up as down, perhaps infinite."""

    low: float
    middle: float
    high: float


def extrapolate(
    points: Points, value: float, *, beyond_max: float = 1e4, seed: int = 1
) -> Extrapolation | None:
    """Where the fitted class reaches `value`, up to `beyond_max` times the largest size; infinite beyond.

    None where the class is unresolved or constant, or the value is not above zero. Whether the crossing lies
    inside the measured sizes is for the caller to see. The interval supposes that the class goes on.
    """
    scaling = fit(points, seed=seed)
    if scaling.scaling_class in ("unresolved", "constant") or scaling.factor <= 0 or value <= 0:
        return None
    groups = grouped([point for point in points if point[1] > 0])
    if len(groups) < SIZES_MIN:
        return None
    window = best_window(groups)
    sample = window.sample
    wanted = -math.log(value) if sample.falling else math.log(value)
    largest = float(sample.sizes[-1])
    high = largest * beyond_max
    best = window.best[window.winner]
    here = math.exp(wanted - best.level) - best.ratio
    middle = float(reaches(best.curve, largest, np.array([here]), high)[0])
    if not np.any(window.pool) or math.isinf(middle):
        return Extrapolation(middle, middle, middle)
    drawn = redrawn(window, wanted, high, seed)
    # Where an offset is held at zero, resamples can only err to one side; so the longer side counts twice,
    # and a little further out than 95%.
    low, top = (float(end) for end in np.quantile(drawn, _INTERVAL, method="nearest"))
    reach = max(middle / low, top / middle, _SUREST)
    return Extrapolation(middle / reach if math.isfinite(reach) else low, middle, middle * reach)
