"""The axes of a plot: which range, linear or logarithmic, where the ticks are, and where a value lies.

An axis is logarithmic where its values span more than a decade and a half; zeros then lie on the axis itself,
and its lowest tick says `0`. Figures on ticks are short (`20k`, `1.5M`): the exact ones are in the tables.
"""

import math
from collections.abc import Iterable
from typing import Final, NamedTuple

# Below this ratio a linear axis shows the points apart; above it the small ones fall together.
LOG_RATIO_MIN: Final = 30.0
SIZE_LOG_RATIO_MIN: Final = 15.0  # sizes are chosen geometrically: they want it sooner
TICKS_MAX: Final = 6  # labels of a plot as narrow as a phone do not touch
_STEPS: Final = (1.0, 2.0, 2.5, 5.0, 10.0)


class Axis(NamedTuple):
    """Values from `low` to `high` on pixels from `start` to `end` (which may be the smaller one)."""

    low: float
    high: float
    log: bool
    start: float
    end: float
    has_zero: bool = False

    def at(self, value: float) -> float:
        """The pixel of a value; what lies outside is put on the edge."""
        inside = min(max(value, self.low), self.high)
        if self.log:
            part = math.log(inside / self.low) / math.log(self.high / self.low)
        else:
            part = (inside - self.low) / (self.high - self.low)
        return self.start + part * (self.end - self.start)

    def holds(self, value: float) -> bool:
        return self.low <= value <= self.high

    def ticks(self) -> list[tuple[float, str]]:
        """(pixel, label) from low to high."""
        values = _log_ticks(self.low, self.high) if self.log else _linear_ticks(self.low, self.high)
        marked = [(self.at(value), short(value)) for value in values]
        if self.log and self.has_zero:
            marked = [(self.at(self.low), "0"), *(m for m in marked if abs(m[0] - self.start) > 14)]
        return marked


def size_axis(sizes: Iterable[float], start: float, end: float) -> Axis:
    """An axis of sizes; the outer ones keep a little distance from the frame."""
    positive = [size for size in sizes if size > 0]
    low, high = (min(positive), max(positive)) if positive else (1.0, 10.0)
    if high / low >= SIZE_LOG_RATIO_MIN:
        room = (high / low) ** 0.05
        return Axis(low / room, high * room, True, start, end)
    room = (high - low) * 0.06 or max(high * 0.5, 1.0)
    return Axis(max(low - room, 0.0), high + room, False, start, end)


def value_axis(values: Iterable[float], start: float, end: float) -> Axis:
    """An axis of values: from zero when linear; negative values keep it linear."""
    kept = [value for value in values if math.isfinite(value)]
    positive = [value for value in kept if value > 0]
    smallest = min(kept, default=0.0)
    if not positive:
        return Axis(min(smallest * 1.1, 0.0), 1.0, False, start, end)
    low, high = min(positive), max(positive)
    if smallest >= 0 and high / low >= LOG_RATIO_MIN:
        room = (high / low) ** 0.06
        return Axis(low / room, high * room, True, start, end, has_zero=smallest == 0)
    return Axis(min(smallest * 1.1, 0.0), high * 1.12, False, start, end)


def _log_ticks(low: float, high: float) -> list[float]:
    decades = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    for steps in ((1, 2, 5), (1, 3), (1,)):
        found = [value for d in decades for step in steps if low <= (value := step * 10.0**d) <= high]
        if len(found) <= TICKS_MAX:
            return found
    apart = math.ceil(len(found) / TICKS_MAX)
    return found[::apart]


def _linear_ticks(low: float, high: float) -> list[float]:
    rough = (high - low) / (TICKS_MAX - 1)
    scale = 10.0 ** math.floor(math.log10(rough))
    step = next(s * scale for s in _STEPS if s * scale >= rough * 0.999)
    first = math.ceil(low / step - 1e-9)
    last = math.floor(high / step + 1e-9)
    return [number * step for number in range(first, last + 1)]


def short(value: float) -> str:
    """A tick's label: `0.05`, `250`, `20k`, `1.5M`."""
    size = abs(value)
    if size == 0:
        return "0"
    if size < 1e-3 or size >= 1e13:
        mantissa, exponent = f"{value:.0e}".split("e")
        return f"{mantissa}e{int(exponent)}"
    for scale, letter in ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k")):
        if size >= scale:
            return f"{value / scale:.3g}{letter}"
    return f"{value:.3g}"
