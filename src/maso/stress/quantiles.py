"""Quantiles of Student's t and Fisher's F for whole degrees of freedom, and seeded resampling.

The t distribution with n degrees of freedom has a finite series as its distribution function (Abramowitz and
Stegun 26.7.3 and 26.7.4), so bisection gives a quantile to machine precision without a statistics library.
F's quantile follows Paulson's cube-root approximation (A&S 26.6.16), good to a few percent, which is enough
for a test whose level is itself a choice.

`uniforms` fills a table from a named stream; the same seed and name give the same table everywhere.
"""

import math
from functools import cache
from typing import Final

import numpy as np
import numpy.typing as npt

from maso.streams import stream

_DEGREES_MAX: Final = 400  # beyond it t and the normal distribution differ by less than 0.4% at 99.9%
_BITS: Final = 52


def _t_inside(t: float, degrees: int) -> float:
    """The probability that |T| < t."""
    theta = math.atan(t / math.sqrt(degrees))
    cosine, sine = math.cos(theta), math.sin(theta)
    if degrees % 2:
        if degrees == 1:
            return 2 * theta / math.pi
        term = total = cosine
        for k in range(3, degrees - 1, 2):
            term *= cosine * cosine * (k - 1) / k
            total += term
        return 2 / math.pi * (theta + sine * total)
    term = total = 1.0
    for k in range(2, degrees - 1, 2):
        term *= cosine * cosine * (k - 1) / k
        total += term
    return sine * total


@cache
def student(probability: float, degrees: int) -> float:
    """The value that T exceeds with probability `1 - probability`; `probability` above 0.5."""
    if degrees < 1 or not 0.5 < probability < 1:
        raise ValueError(f"no quantile at `{probability}` with `{degrees}` degrees of freedom")
    degrees = min(degrees, _DEGREES_MAX)
    low, high = 0.0, 1e6
    for _ in range(80):
        middle = (low + high) / 2
        if _t_inside(middle, degrees) < 2 * probability - 1:
            low = middle
        else:
            high = middle
    return (low + high) / 2


@cache
def fisher(probability: float, above: int, below: int) -> float:
    """Approximately the value that F(above, below) exceeds with probability `1 - probability`."""
    if below < 3:  # Paulson's formula has no solution there; t squared bounds it well enough
        return student((1 + probability) / 2, below) ** 2
    z = student(probability, _DEGREES_MAX)
    p, q = 2 / (9 * above), 2 / (9 * below)
    a = (1 - q) ** 2 - z * z * q
    if a <= 0:
        return student((1 + probability) / 2, below) ** 2
    b = (1 - p) * (1 - q)
    c = (1 - p) ** 2 - z * z * p
    return ((b + math.sqrt(max(b * b - a * c, 0.0))) / a) ** 3


@cache
def _uniforms(seed: int, name: str, rows: int) -> npt.NDArray[np.float64]:
    """`rows` times 64 uniform numbers in [0, 1)."""
    bits = stream(seed, name).bits
    count = rows * 64
    table = np.array([bits(_BITS) for _ in range(count)], dtype=np.float64) / (1 << _BITS)
    table.flags.writeable = False
    return table.reshape(rows, 64)


def resample(seed: int, name: str, rows: int, columns: int, choices: int) -> npt.NDArray[np.intp]:
    """Indices in 0 .. choices-1, `rows` by `columns`: the draws of a bootstrap."""
    blocks = -(-columns // 64)
    parts = [_uniforms(seed, f"{name}/{block}", rows) for block in range(blocks)]
    table = np.concatenate(parts, axis=1)[:, :columns]
    return (table * choices).astype(np.intp)
