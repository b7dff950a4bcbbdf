"""Named random streams: every component draws from its own, so that a draw added to one shifts no other.

A stream's seed is SHA-256 over the run's seed and the stream's name; its generator is the Mersenne Twister
through `getrandbits` alone, which is the same on every machine and Python version (the convenience methods
of `random.Random` are not promised to be). Distributions are integer tables, made below with integer
arithmetic only: no logarithm whose last bit depends on a C library ever decides anything.

Limits: the tables have 4,096 quantiles, so a draw never falls beyond 9.0 means (exponential) or 3.7
standard deviations (lognormal). Not for keys or nonces: a simulation's keys are derived, see `actors.py`.
"""

import hashlib
import random
from collections.abc import Callable, Sequence
from functools import cache
from typing import Final, TypeVar

T = TypeVar("T")

_QUANTILE_BITS: Final = 12
_QUANTILES: Final = 1 << _QUANTILE_BITS
_SCALE_BITS: Final = 20  # table entries are multiples of 2**-20
_FIXED_BITS: Final = 96  # of the fixed-point arithmetic that makes the tables
_ONE: Final = 1 << _FIXED_BITS
# Spread of model and network latencies: the 95th percentile lies at 2.3 times the median.
LATENCY_SIGMA_PERMILLE: Final = 500

PER_MILLION: Final = 1_000_000


def _exp_fixed(x: int) -> int:
    """e**(x / 2**96) as a multiple of 2**-96: Taylor's series after halving until it converges fast."""
    halvings = 12
    x >>= halvings
    term = total = _ONE
    for n in range(1, 24):
        term = (term * x >> _FIXED_BITS) // n
        total += term
    for _ in range(halvings):
        total = total * total >> _FIXED_BITS
    return total


def _invert(step: int, masses: list[int]) -> list[int]:
    """The mid-quantiles of a distribution on x >= 0 given the mass of each interval of width `step`.

    Returned in units of 2**-20; linear within an interval.
    """
    whole = sum(masses)
    out: list[int] = []
    cell = below = 0
    for i in range(_QUANTILES):
        wanted = whole * (2 * i + 1) // (2 * _QUANTILES)
        while below + masses[cell] <= wanted:
            below += masses[cell]
            cell += 1
        x = step * cell + step * (wanted - below) // masses[cell]
        out.append(x >> (_FIXED_BITS - _SCALE_BITS))
    return out


@cache
def exponential_table() -> tuple[int, ...]:
    """Quantiles of the exponential distribution with mean 1, scaled so that the table's own mean is 1."""
    step = _ONE >> 9
    shrink = _exp_fixed(-step)
    masses, tail = [], _ONE
    for _ in range(40 << 9):  # e**-40 is nothing at 4,096 quantiles
        masses.append(tail - (tail * shrink >> _FIXED_BITS))
        tail = tail * shrink >> _FIXED_BITS
        if not masses[-1]:
            masses[-1] = 1
    raw = _invert(step, masses)
    mean = sum(raw) // _QUANTILES
    return tuple((x << _SCALE_BITS) // mean for x in raw)


@cache
def lognormal_table(sigma_permille: int) -> tuple[int, ...]:
    """Quantiles of the lognormal distribution with median 1."""
    # The half normal: density e**(-x*x/2) by its own recurrence, f(x+h) = f(x) g(x), g(x+h) = g(x) e**(-h*h).
    step = _ONE >> 9
    square = step * step >> _FIXED_BITS
    ratio, shrink = _exp_fixed(-(square >> 1)), _exp_fixed(-square)
    density, masses = _ONE, []
    for _ in range(8 << 9):
        after = density * ratio >> _FIXED_BITS
        masses.append((density + after) // 2 or 1)
        density, ratio = after, ratio * shrink >> _FIXED_BITS
    half = _invert(step, masses)[::2]
    upper = [_exp_fixed((z << (_FIXED_BITS - _SCALE_BITS)) * sigma_permille // 1000) for z in half]
    lower = [(_ONE * _ONE) // value for value in upper]
    return tuple(value >> (_FIXED_BITS - _SCALE_BITS) for value in sorted(lower + upper))


def seed_of(seed: int, name: str) -> int:
    """256 bits for the stream `name` of the run with `seed`."""
    return int.from_bytes(hashlib.sha256(f"maso stream 1\0{seed}\0{name}".encode()).digest(), "big")


class Stream:
    """One stream. `bits(n)` is the raw generator: n uniform bits as an integer, about 0.06 µs."""

    __slots__ = ("_exponential", "_latency", "bits")

    bits: Callable[[int], int]

    def __init__(self, seed: int) -> None:
        self.bits = random.Random(seed).getrandbits
        self._exponential = exponential_table()
        self._latency = lognormal_table(LATENCY_SIGMA_PERMILLE)

    def below(self, n: int) -> int:
        """Uniform in 0 .. n-1; off by less than 2**-20 for n up to 2**32, and n must not be larger."""
        return self.bits(52) * n >> 52

    def between(self, low: int, high: int) -> int:
        """Uniform in low .. high, both included."""
        return low + (self.bits(52) * (high - low + 1) >> 52)

    def pick(self, items: Sequence[T]) -> T:
        return items[self.bits(52) * len(items) >> 52]

    def chance(self, per_million: int) -> bool:
        """True with probability `per_million` / 1,000,000."""
        return self.bits(52) * PER_MILLION >> 52 < per_million

    def exponential(self, mean: int) -> int:
        """An integer with an exponential distribution around `mean` (nanoseconds, as a rule)."""
        return mean * self._exponential[self.bits(_QUANTILE_BITS)] >> _SCALE_BITS

    def latency(self, median: int) -> int:
        """An integer with the lognormal distribution that this package uses for every latency."""
        return median * self._latency[self.bits(_QUANTILE_BITS)] >> _SCALE_BITS

    def weighted(self, cumulative: Sequence[int]) -> int:
        """The index of the first entry that exceeds a uniform draw below the last entry."""
        wanted = self.bits(52) * cumulative[-1] >> 52
        for index, edge in enumerate(cumulative):
            if wanted < edge:
                return index
        return len(cumulative) - 1


def stream(seed: int, name: str) -> Stream:
    """The stream `name` of the run with `seed`; asking twice gives two streams with the same draws."""
    return Stream(seed_of(seed, name))
