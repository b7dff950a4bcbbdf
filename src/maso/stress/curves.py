"""The shapes of growth that a fit chooses among, as functions of the size that start at or above zero.

A quantity is modelled as `offset + factor * shape(n)`, both not negative. Several shapes may share a class:

    logarithmic    log(n/c), c below the smallest size, so that a negative offset is covered too
    linear         n, n - 1
    linearithmic   n log n
    quadratic      n(n + c): pairs n(n - 1)/2, and a linear part that the quadratic one overtakes
    worse          n^2 log n, powers above 2.4, exponentials
    unresolved     powers around 1/2 and 3/2: rungs that the ladder of classes lacks
    hard limit     see below

A *hard limit* is a capacity inside the measured sizes, with at least two sizes on each side of it:

    cap      grows in proportion to n, then stays flat at a ceiling: n / (1 + (n/K)^q)^(1/q); q is how sharp
             the bend is, from 1 (a smooth saturation) to 32 (a corner). No offset
    hinge    flat up to K, then explodes: 1 + s * max(0, n/K - 1) with s of 5 or more, the latency of a queue
             whose server is full: at twice the capacity it is at least six times the plateau
    step     flat, then flat again at three times the value or more, as when everything times out
    share    only of a falling quantity, on its reciprocal: flat, then in proportion to n; a fixed capacity
             shared by n

Not here: oscillation, more than one capacity.
"""

from functools import cache
from itertools import pairwise
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from maso.findings import ScalingClass

Floats = npt.NDArray[np.float64]

# A smooth saturation must have reached four fifths of its ceiling, or it is a guess about unseen sizes.
_SMOOTH_BEYOND: Final = 4
_CAPACITY_STEP: Final = 1.12  # between tried capacities; the capacity itself is refined afterwards
_HINGE_RATIO_MAX: Final = 0.2  # plateau / rise per capacity: s of 5 or more
_STEP_RATIO_MAX: Final = 0.5  # plateau / jump: three times the value or more
_LOG_BELOW: Final = 1.5  # c of log(n/c) is the smallest size over this
_POWERS: Final = (2.5, 3.0, 3.5, 4.0, 5.0, 6.0)
_FOLDS: Final = (4.0, 6.0, 8.0, 11.0, 15.0, 20.0, 30.0)  # e-folds of an exponential over the largest size
_RATIO_MAX: Final = 1e5  # an offset a hundred thousand times the growth


class Curve(NamedTuple):
    """A shape and its parameters. Those of `n^p` are p and the bounds within which p may be refined."""

    scaling_class: ScalingClass
    form: str
    parameters: tuple[float, ...] = ()


def ratio_max(curve: Curve, largest: float) -> float:
    """The most that the offset may be, in units of the growth up to the largest size; 0: no offset."""
    match curve.form:
        case "cap" | "share":
            return 0.0
        case "hinge":
            return _HINGE_RATIO_MAX / (largest / curve.parameters[0] - 1)
        case "step":
            return _STEP_RATIO_MAX
    return _RATIO_MAX


def shape(form: str, parameters: tuple[float, ...], sizes: Floats) -> Floats:
    """The shape's value at each size; overflow is infinite."""
    n = sizes
    match form:
        case "1":
            return np.ones_like(n)
        case "log(n/c)":
            return np.log(n / parameters[0])
        case "n+c":
            return n + parameters[0]
        case "n log n":
            return n * np.log(n)
        case "n(n+c)":
            return n * (n + parameters[0])
        case "n^2 log n":
            return n * n * np.log(n)
        case "n^p":
            return n ** parameters[0]
        case "e^(n/k)":
            return np.exp(np.minimum(n / parameters[0], 700.0))
        case "cap":
            capacity, sharpness = parameters
            return n / (1 + (n / capacity) ** sharpness) ** (1 / sharpness)
        case "share":
            capacity, sharpness = parameters
            return (1 + (n / capacity) ** sharpness) ** (1 / sharpness)
        case "hinge":
            return np.maximum(0.0, n / parameters[0] - 1)
        case "step":
            return np.where(n > parameters[0], 1.0, 0.0)
    raise ValueError(f"no shape `{form}`")


def _capacities(low: float, high: float) -> list[float]:
    """Geometric from low to high, both included."""
    count = max(2, int(np.ceil(np.log(high / low) / np.log(_CAPACITY_STEP))) + 1)
    return [float(k) for k in np.geomspace(low, high, count)]


def _limits(sizes: tuple[float, ...], falling: bool) -> list[Curve]:
    """Hard limits with two sizes or more on each side of the capacity."""
    kind: ScalingClass = "hard limit"
    low, high = sizes[1], sizes[-2]
    out = [Curve(kind, "hinge", (k,)) for k in _capacities(low, max(low * 1.001, sizes[-2] / 1.02))]
    out += [Curve(kind, "step", ((a * b) ** 0.5,)) for a, b in pairwise(sizes[1:-1])]
    bends = (
        ((4.0, 1.0), (32.0, 1.0)) if falling else ((1.0, _SMOOTH_BEYOND), (2.0, 2.0), (4.0, 1.0), (32.0, 1.0))
    )
    for sharpness, beyond in bends:
        top = min(high, sizes[-1] / beyond)
        if top >= low:
            form = "share" if falling else "cap"
            out += [Curve(kind, form, (k, sharpness)) for k in _capacities(low, top * 1.001)]
    return out


@cache
def catalogue(sizes: tuple[float, ...], falling: bool) -> tuple[Curve, ...]:
    """Every growing curve to try on these sizes (rising, four or more). `falling`: for a reciprocal."""
    first, last = sizes[0], sizes[-1]
    out = [Curve("logarithmic", "log(n/c)", (first / _LOG_BELOW,)), Curve("linear", "n+c", (0.0,))]
    out += [Curve("linearithmic", "n log n"), Curve("quadratic", "n(n+c)", (0.0,))]
    if first >= 2:
        out += [Curve("linear", "n+c", (-1.0,)), Curve("quadratic", "n(n+c)", (-1.0,))]
    out += [Curve("quadratic", "n(n+c)", (1.0,))]
    out += [Curve("quadratic", "n(n+c)", (float(c),)) for c in np.geomspace(first, last, 7)]
    out += [Curve("worse", "n^2 log n")]
    out += [Curve("worse", "n^p", (p, 2.4, 9.0)) for p in _POWERS]
    out += [Curve("unresolved", "n^p", (p, p - 0.05, p + 0.05)) for p in (0.5, 1.5)]
    out += [Curve("worse", "e^(n/k)", (last / folds,)) for folds in _FOLDS]
    return tuple(out + _limits(sizes, falling))


def unit(curve: Curve, sizes: Floats, largest: float) -> Floats:
    """The curve over its own value at `largest`; never quite zero, so that it has a logarithm."""
    values = shape(curve.form, curve.parameters, sizes)
    top = shape(curve.form, curve.parameters, np.array([largest]))
    return np.maximum(values / top, 1e-12)


def formula(curve: Curve) -> str:
    """The shape in words a reader knows, such as `n^2 log n` or `cap (capacity 120)`."""
    if curve.form in ("cap", "share", "hinge", "step"):
        return f"{curve.form} (capacity {curve.parameters[0]:.4g})"
    if curve.form == "n^p":
        return f"n^{curve.parameters[0]:.2g}"
    return curve.form
