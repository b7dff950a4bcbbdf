"""Where a quantity crosses its budget: bracketing and bisecting real runs, as a search that does no running.

    search = Search(budget=..., direction="max", sizes=swept, size_max=..., exact=False, seeds=(1, 2, 3))
    while runs := search.wanted():          # (size, seed) pairs, independent of each other
        for size, seed in runs:
            search.tell(size, seed, value)  # in any order; runs known beforehand may be told too
    search.result()

Theory. Every size has a *side*: within the budget, over it, or not known yet. An exact quantity (a count)
needs one run for it. Otherwise a size's values are compared with the budget by a one-sided t test at 99.75%,
with the spread pooled over sizes near it, on logarithms where all values are above zero. The crossing lies
between the last size within and the first size over; the search looks where interpolation puts it, and
keeps away from the ends so that the bracket shrinks, down to consecutive sizes.

With noise, a size at the crossing itself never gets a side. So once the bracket is narrow enough for a
straight line (a factor of 2), runs go to both ends of the range that would do, and a line through the runs
near the crossing (log against log) gives the range in which it meets the budget, with 99.5% confidence, by
Fieller's theorem. The crossing is *measured* when that range reaches no further than `tolerance` from its
middle (or one whole size); or when a bracket does and the line nearly agrees, or no line fits since the
quantity jumps there. Replicates beyond the given seeds take the next numbers.

    low 0             over the budget from the smallest size on
    several crossings the first one is reported, and `why` says that there are more
    none so far       larger sizes are run up to `size_max`, as far as the fitted class suggests; after that
                      the class says where the crossing would be: extrapolated
    none              the class is constant or unresolved, or the crossing over a hundred times further
    unresolved        the runs allowed were not enough; the range is the honest one, None where unbounded

`runs_max` counts the runs beyond sizes x seeds of the sweep. Not handled: seeds that are slow at every size
(their error does not average out over sizes), two crossings between neighbouring swept sizes (unseen), a
crossing below the smallest size.
"""

import math
from collections.abc import Sequence
from typing import Final, Literal, NamedTuple

import msgspec
import numpy as np

from maso.findings import BreakpointKind, Direction
from maso.stress.fit import extrapolate, fit
from maso.stress.quantiles import fisher, student

RUNS_MAX: Final = 28  # three seeds at nine sizes: about what the sweep itself costs
TOLERANCE: Final = 0.10  # either side of the middle
BEYOND_MAX: Final = 100.0  # a fit says nothing about sizes a hundred times the largest run

_SIDE_LEVEL: Final = 0.9975  # looked at again with every wave of runs: in effect about 99%
_RANGE_LEVEL: Final = 0.9975  # each end; the range is looked at again and again while runs come in
_LINE_FACTOR: Final = 2.0  # across it a quantity with an offset bends by under 2% from a line
_LINE_ROOM: Final = 1.4  # sizes this far outside the bracket still belong to the line
_BEND: Final = 0.015  # what a bend may shift the crossing by, added to either end
_SPREAD_DEGREES: Final = 8  # sizes are pooled, nearest first, until the spread has so many degrees of freedom
_SPREAD_LEAST: Final = 4
_EXPAND: Final = 2.0  # where the fit does not say how far to go
_EXPAND_LEAST: Final = 1.25
_EXPAND_MOST: Final = 4.0  # a run's cost may grow with the square of its size
_AIM: Final = 0.85  # of the tolerance: where the ends are tried, so that whole sizes still lie inside it
_AGREES: Final = 1.5  # times the tolerance: a line's range that still supports a narrower bracket
_WAVE: Final = 2  # runs at a time at each end
_BENT_LEVEL: Final = 0.99  # of the F test that refuses a line


class Breakpoint(msgspec.Struct, frozen=True, kw_only=True):
    """Where the budget is crossed: between low and high. `runs` are the (size, seed) pairs behind it.

    factor   extrapolated: the middle of the range over the largest size run
    """

    low: int | None
    high: int | None
    kind: BreakpointKind
    runs: tuple[tuple[int, int], ...] = ()
    why: str = ""
    factor: float | None = None


class Side(NamedTuple):
    """A size's distance from the budget (positive: over it), and on which side it certainly is."""

    size: int
    runs: int
    distance: float
    within: bool
    over: bool


class Bracket(NamedTuple):
    """The last size certainly within before the first one certainly over; None where there is none."""

    within: int | None
    over: int | None


class Search:
    """See the module. `tell` takes values in any order; `wanted` is empty when nothing more is needed."""

    def __init__(
        self,
        *,
        budget: float,
        direction: Direction,
        sizes: Sequence[int],
        size_max: int,
        exact: bool,
        seeds: Sequence[int],
        tolerance: float = TOLERANCE,
        runs_max: int = RUNS_MAX,
    ) -> None:
        if not sizes or not seeds or min(sizes) < 1:
            raise ValueError("a search needs at least one size above zero and one seed")
        self.budget = budget
        self.direction: Direction = direction
        self.sizes = tuple(sorted(dict.fromkeys(sizes)))
        self.size_max = max(size_max, self.sizes[-1])
        self.exact = exact
        self.seeds = tuple(seeds[:1] if exact else seeds)
        self.tolerance = tolerance
        self.runs_max = runs_max
        self._values: dict[int, dict[int, float]] = {}
        self._swept = frozenset((size, seed) for size in self.sizes for seed in seeds)

    # --- runs --------------------------------------------------------------------------------------------

    def tell(self, size: int, seed: int, value: float) -> None:
        """The value of one run. Raises ValueError where it is not finite."""
        if not math.isfinite(value):
            raise ValueError(f"a run's value must be finite; got `{value}` at size {size}, seed {seed}")
        self._values.setdefault(size, {})[seed] = value

    def wanted(self) -> list[tuple[int, int]]:
        """The runs needed next."""
        swept = [(n, seed) for n in self.sizes for seed in self.seeds if seed not in self._values.get(n, {})]
        if swept:
            return swept
        left = self.runs_max - self._spent()
        if left <= 0:
            return []
        return self._next()[:left]

    def _spent(self) -> int:
        return sum((n, seed) not in self._swept for n, seeds in self._values.items() for seed in seeds)

    def _replicates(self, size: int, count: int) -> list[tuple[int, int]]:
        """`count` runs at a size that have not been made."""
        made = self._values.get(size, {})
        beyond = max(*self.seeds, *made, 0)
        fresh = [seed for seed in self.seeds if seed not in made]
        fresh += range(beyond + 1, beyond + 1 + count)
        return [(size, seed) for seed in fresh[:count]]

    # --- sides -------------------------------------------------------------------------------------------

    def _distances(self) -> dict[int, list[float]]:
        """How far each value is beyond the budget: logarithms of ratios where possible, else differences."""
        sign = 1.0 if self.direction == "max" else -1.0
        every = [value for values in self._values.values() for value in values.values()]
        if self.budget > 0 and min(every) > 0:
            return {
                n: [sign * math.log(value / self.budget) for value in self._values[n].values()]
                for n in sorted(self._values)
            }
        return {n: [sign * (v - self.budget) for v in self._values[n].values()] for n in sorted(self._values)}

    def _sides(self) -> list[Side]:
        """By size."""
        distances = self._distances()
        out = []
        for size, values in distances.items():
            mean = sum(values) / len(values)
            if self.exact or (len(values) > 1 and min(values) == max(values)):
                out.append(Side(size, len(values), mean, mean <= 0, mean > 0))
                continue
            spread, degrees = _spread(distances, size)
            if degrees < _SPREAD_LEAST:
                out.append(Side(size, len(values), mean, False, False))
                continue
            doubt = student(_SIDE_LEVEL, degrees) * spread / math.sqrt(len(values))
            out.append(Side(size, len(values), mean, mean < -doubt, mean > doubt))
        return out

    # --- what next ---------------------------------------------------------------------------------------

    def _next(self) -> list[tuple[int, int]]:
        sides = self._sides()
        if not self.exact and _spread(self._distances(), sides[-1].size)[1] < _SPREAD_LEAST:
            return self._to_know_the_spread(sides)
        bracket = _bracket(sides)
        if bracket.over is None:
            return self._further(sides)
        if bracket.within is None:
            smallest = sides[0]
            return [] if smallest.over else self._replicates(smallest.size, len(self.seeds))
        if self._measured(sides, bracket.within, bracket.over) is not None:
            return []
        return self._between(sides, bracket.within, bracket.over)

    def _to_know_the_spread(self, sides: list[Side]) -> list[tuple[int, int]]:
        """Replicates at the two sizes nearest to the budget."""
        nearest = sorted(sides, key=lambda side: (abs(side.distance), side.size))[:2]
        return [run for side in nearest for run in self._replicates(side.size, 2)]

    def _further(self, sides: list[Side]) -> list[tuple[int, int]]:
        """Nothing is over the budget: replicate a doubtful last size, or run a larger one."""
        last = sides[-1]
        if last.size >= self.size_max:
            return [] if last.within else self._replicates(last.size, len(self.seeds))
        step = self._step(last)
        if step is None:
            return []
        return self._replicates(min(math.ceil(last.size * step), self.size_max), len(self.seeds))

    def _step(self, last: Side) -> float | None:
        """How many times the largest size to run next, towards where the fit leads; None: no use."""
        if not last.within:
            return _EXPAND_LEAST
        points = self._points()
        scaling = fit(points)
        if scaling.scaling_class == "unresolved":
            return _EXPAND
        if scaling.scaling_class == "constant" or scaling.falling == (self.direction == "max"):
            return None
        reached = extrapolate(points, self.budget)
        if reached is None:
            return _EXPAND
        if reached.middle > BEYOND_MAX * last.size:
            return None
        return min(max(reached.middle / last.size * (1 + self.tolerance), _EXPAND_LEAST), _EXPAND_MOST)

    def _points(self) -> list[tuple[float, float]]:
        return [
            (float(n), value) for n in sorted(self._values) for _, value in sorted(self._values[n].items())
        ]

    def _between(self, sides: list[Side], low: int, high: int) -> list[tuple[int, int]]:
        if self.exact:
            return self._halving(sides, low, high)
        middle = _interpolated(sides, low, high)
        inner = [side.size for side in sides if low < side.size < high]
        if not inner and high / low > _LINE_FACTOR:
            return self._replicates(_clamped(middle, low, high, 0.2), len(self.seeds))
        reach = max(self.tolerance * _AIM, 1 / middle)
        ends = [self._nearby(n, low, high) for n in (middle * (1 - reach), middle * (1 + reach))]
        return [run for size in dict.fromkeys(ends) for run in self._replicates(size, _WAVE)]

    def _nearby(self, size: float, low: int, high: int) -> int:
        """A whole size in the bracket, one that has runs already if it is as good."""
        size = min(max(size, low), high)  # around a middle of 1 the lower end would be nothing
        known = [n for n in self._values if abs(math.log(n / size)) < self.tolerance / 4 and low <= n <= high]
        if known:
            return min(known, key=lambda n: (abs(n - size), n))
        return min(max(round(size), low), high)

    def _halving(self, sides: list[Side], low: int, high: int) -> list[tuple[int, int]]:
        """The two sizes around the interpolated crossing, and the middle of the bracket as a safeguard."""
        guess = min(max(math.floor(_inverse(sides, low, high)), low), high - 1)
        half = min(max(round(math.sqrt(low * high)), low + 1), high - 1)
        sizes = [n for n in dict.fromkeys((guess, guess + 1, half)) if low < n < high]
        return [run for size in sizes for run in self._replicates(size, 1)]

    # --- where it is -------------------------------------------------------------------------------------

    def _tolerable(self, low: float, high: float) -> bool:
        """Within the tolerance either side of the middle, or one size either side of it."""
        return (high - low) <= max(2.0, self.tolerance * (high + low))

    def _measured(self, sides: list[Side], low: int, high: int) -> tuple[int, int, str] | None:
        """The range that may be claimed for a crossing in the bracket, and why; None while it is too wide."""
        between = f"within the budget at {low}, over it at {high}"
        if self.exact:
            return (low, high, between) if high - low <= 1 else None
        line = self._line(sides, low, high)
        if isinstance(line, Crossing):
            ends = max(math.floor(line.low), 1), math.ceil(line.high)
            if self._tolerable(*ends):
                where = f"between {ends[0]} and {ends[1]} (99.5%)"
                return (*ends, f"a line through the runs near it meets the budget {where}")
        if not self._tolerable(low, high):
            return None
        # Two sides that close may be luck, where noise is large; a line that nearly agrees, or a step too
        # steep for any line after which nothing turns back, says that they are not.
        agrees = (
            isinstance(line, Crossing) and line.high - line.low <= _AGREES * (high + low) * self.tolerance
        )
        return (low, high, between) if agrees or (line == "bent" and _stays(sides, low, high)) else None

    def _line(self, sides: list[Side], low: int, high: int) -> "Crossing | Literal['bent'] | None":
        """A line through the runs close to the crossing, if there are runs on both sides of it."""
        middle = _interpolated(sides, low, high)
        distances = self._distances()
        near = [n for n in distances if abs(math.log(n / middle)) <= math.log(_LINE_FACTOR) / 2]
        close = [n for n in near if abs(n - middle) <= max(2 * self.tolerance * _AIM * middle, 2)]
        if not any(n <= middle for n in close) or not any(n >= middle for n in close):
            return None
        spread, degrees = _spread(distances, middle)
        return _crossing({n: distances[n] for n in near}, spread, degrees)

    # --- the answer --------------------------------------------------------------------------------------

    def result(self) -> Breakpoint:
        """What the runs told so far say; final once `wanted` is empty."""
        if not self._values:
            return Breakpoint(low=None, high=None, kind="unresolved", why="nothing was run")
        sides = self._sides()
        bracket = _bracket(sides)
        if bracket.over is None:
            return self._beyond(sides)
        again = [side.size for side in sides if side.size > bracket.over and side.within]
        more = f"; it is within the budget again at {again[0]}, the first crossing is given" if again else ""
        if bracket.within is None:
            return self._from_the_start(sides, bracket.over, more)
        measured = self._measured(sides, bracket.within, bracket.over)
        if measured is not None:
            return self._found("measured", measured[0], measured[1], measured[2] + more)
        return self._too_wide(sides, bracket.within, bracket.over, more)

    def _too_wide(self, sides: list[Side], low: int, high: int, more: str) -> Breakpoint:
        line = None if self.exact else self._line(sides, low, high)
        if isinstance(line, Crossing):
            low, high = math.floor(line.low), math.ceil(line.high)
        elif not self.exact and self._tolerable(low, high):
            low, high = math.floor(low * (1 - self.tolerance)), math.ceil(high * (1 + self.tolerance))
        if self.exact and self._tolerable(low, high):
            why = f"within the budget at {low}, over it at {high}"
            return self._found("measured", low, high, why + more)
        extra = f"{self._spent()} runs beyond the sweep"
        why = f"{extra} leave a range wider than {self.tolerance:.0%} either side"
        return self._found("unresolved", low, high, why + more)

    def _from_the_start(self, sides: list[Side], over: int, more: str) -> Breakpoint:
        smallest = sides[0]
        if smallest.over:
            why = f"over the budget from the smallest size on, {smallest.size}"
            return self._found("measured", 0, smallest.size, why + more)
        why = f"no size is certainly within the budget; {over} is over it"
        return self._found("unresolved", None, over, why + more)

    def _found(self, kind: BreakpointKind, low: int | None, high: int | None, why: str) -> Breakpoint:
        """With the runs at and between the ends, and those just outside that the line used."""
        first = (low or 0) / _LINE_ROOM
        last = (high or max(self._values)) * _LINE_ROOM
        runs = [
            (n, seed) for n in sorted(self._values) for seed in sorted(self._values[n]) if first <= n <= last
        ]
        return Breakpoint(low=low, high=high, kind=kind, runs=tuple(runs), why=why)

    def _beyond(self, sides: list[Side]) -> Breakpoint:
        """Over the budget nowhere: what the fitted class says about larger sizes."""
        largest = sides[-1]
        runs = tuple((n, seed) for n in sorted(self._values) for seed in sorted(self._values[n]))
        if not largest.within:
            sure = [side.size for side in sides if side.within]
            why = f"at {largest.size}, the largest size, the runs do not say whether it is over the budget"
            low = sure[-1] if sure else None
            return Breakpoint(low=low, high=None, kind="unresolved", runs=runs, why=why)
        points = [
            (float(n), value) for n in sorted(self._values) for _, value in sorted(self._values[n].items())
        ]
        nothing = f"within the budget up to {largest.size}, the largest size run"
        scaling = fit(points)
        if scaling.scaling_class in ("constant", "unresolved"):
            why = f"{nothing}; its class is {scaling.scaling_class}"
            return Breakpoint(low=None, high=None, kind="none", runs=runs, why=why)
        if scaling.falling == (self.direction == "max"):
            why = f"{nothing}, and it moves away from the budget"
            return Breakpoint(low=None, high=None, kind="none", runs=runs, why=why)
        reached = extrapolate(points, self.budget)
        if reached is None or reached.middle > BEYOND_MAX * largest.size:
            why = (
                f"{nothing}; {scaling.scaling_class}, it meets it over {BEYOND_MAX:g} times further, or never"
            )
            return Breakpoint(low=None, high=None, kind="none", runs=runs, why=why)
        low = max(largest.size, math.floor(reached.low))
        high = math.ceil(reached.high) if math.isfinite(reached.high) else None
        factor = max(reached.middle / largest.size, 1.0)
        why = f"{nothing}; the fit ({scaling.scaling_class}) meets it at {factor:.3g} times that"
        return Breakpoint(low=low, high=high, kind="extrapolated", runs=runs, why=why, factor=factor)


# --- arithmetic ------------------------------------------------------------------------------------------


def _spread(distances: dict[int, list[float]], size: float) -> tuple[float, int]:
    """Standard deviation of one run, pooled over the sizes nearest to `size`, and its degrees of freedom."""
    squares, degrees = 0.0, 0
    for n in sorted(distances, key=lambda n: (abs(math.log(n / size)), n)):
        values = distances[n]
        if len(values) < 2:
            continue
        mean = sum(values) / len(values)
        squares += sum((value - mean) ** 2 for value in values)
        degrees += len(values) - 1
        if degrees >= _SPREAD_DEGREES:
            break
    return (math.sqrt(squares / degrees) if degrees else math.inf), degrees


def _bracket(sides: list[Side]) -> Bracket:
    over = next((side.size for side in sides if side.over), None)
    within = [side.size for side in sides if side.within and (over is None or side.size < over)]
    return Bracket(within[-1] if within else None, over)


def _interpolated(sides: list[Side], low: int, high: int) -> float:
    """Where a line through the bracket's sizes (against log size, by runs) meets the budget, inside it."""
    inner = [side for side in sides if low <= side.size <= high]
    distance = {side.size: side.distance for side in inner}
    below, above = distance[low], distance[high]
    share = -below / (above - below) if below < 0 < above else 0.5
    straight = float(low * (high / low) ** share)
    if len(inner) < 3:
        return straight
    sizes = np.log(np.array([float(side.size) for side in inner]))
    # A size far from the budget says less about where it is met.
    least = min(abs(side.distance) for side in inner) + 1e-12
    weights = np.array([side.runs / (abs(side.distance) + least) for side in inner])
    x = sizes - np.average(sizes, weights=weights)
    y = np.array([side.distance for side in inner])
    slope = float(np.sum(weights * x * y) / np.sum(weights * x * x))
    if slope <= 0:
        return straight
    centre = float(np.average(sizes, weights=weights)) - float(np.average(y, weights=weights)) / slope
    return min(max(math.exp(centre), low * 1.0), high * 1.0)


def _inverse(sides: list[Side], low: int, high: int) -> float:
    """Where a parabola through the bracket's ends and the size next nearest to the budget meets it.

    The parabola gives log size for a distance, so its value at 0 is read off; outside the bracket, or where
    distances repeat, the straight line is taken.
    """
    distance = {side.size: side.distance for side in sides}
    if distance[low] == 0 and high / low < _LINE_FACTOR:
        return float(low)
    others = sorted((abs(side.distance), side.size) for side in sides if side.size not in (low, high))
    nodes = [low, high, *(size for _, size in others[:1])]
    if len({distance[n] for n in nodes}) < 3:
        return _interpolated(sides, low, high)
    place = 0.0
    for n in nodes:
        share = 1.0
        for m in nodes:
            if m != n:
                share *= distance[m] / (distance[m] - distance[n])
        place += share * math.log(n)
    if not math.log(low) < place < math.log(high):
        return _interpolated(sides, low, high)
    return math.exp(place)


def _stays(sides: list[Side], low: int, high: int) -> bool:
    """The sizes just outside the bracket are no nearer to the budget than half as far as its ends are."""
    distance = {side.size: side.distance for side in sides}
    room = math.sqrt(_LINE_FACTOR)
    before = [side.distance for side in sides if low / room <= side.size < low]
    after = [side.distance for side in sides if high < side.size <= high * room]
    return (
        max(before, default=-math.inf) <= distance[low] / 2
        and min(after, default=math.inf) >= distance[high] / 2
    )


def _clamped(middle: float, low: int, high: int, room: float) -> int:
    """A size inside the bracket, away from its ends by a share of it, so that the bracket shrinks."""
    share = min(max(math.log(middle / low) / math.log(high / low), room), 1 - room)
    return min(max(round(float(low * (high / low) ** share)), low + 1), high - 1)


class Crossing(NamedTuple):
    """The sizes between which a line meets the budget, and its best estimate."""

    low: float
    middle: float
    high: float


def _crossing(
    runs: dict[int, list[float]], spread: float, degrees: int
) -> "Crossing | Literal['bent'] | None":
    """Fieller's range for the zero of a line of distance against log size; None where it is unbounded.

    `bent` where the size means miss the line by more than the spread explains (a step, a corner). What a
    bend too slight to be seen may shift the crossing by is added at both ends.
    """
    counts = np.array([float(len(values)) for values in runs.values()])
    means = np.array([sum(values) / len(values) for values in runs.values()])
    sizes = np.log(np.array([float(n) for n in runs]))
    if len(runs) < 2 or degrees < _SPREAD_LEAST:
        return None
    total = float(np.sum(counts))
    centre, mean = float(counts @ sizes / total), float(counts @ means / total)
    x = sizes - centre
    inertia = float(counts @ (x * x))
    slope = float(counts @ (x * means)) / inertia
    missed = float(counts @ (means - mean - slope * x) ** 2)
    variance = spread**2
    if len(runs) > 2 and missed / (len(runs) - 2) > fisher(_BENT_LEVEL, len(runs) - 2, degrees) * variance:
        return "bent"
    t = student(_RANGE_LEVEL, degrees)
    # (mean + slope z)^2 = t^2 variance (1/total + z^2/inertia), for z = log size - centre.
    a = slope * slope - t * t * variance / inertia
    if slope <= 0 or a <= 0:
        return None
    b = mean * slope
    c = mean * mean - t * t * variance / total
    root = math.sqrt(max(b * b - a * c, 0.0))
    low, high = math.exp(centre + (-b - root) / a), math.exp(centre + (-b + root) / a)
    low, high = low * (1 - _BEND), high * (1 + _BEND)
    return Crossing(low, math.exp(centre - mean / slope), high)
