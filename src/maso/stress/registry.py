"""The dimensions that are there: every module of `stress/dimensions/` with a `DIMENSION`, in report order.

Adding one is adding a file. Two with the same id, or an answer to a question that nobody asks, is a mistake
in the code and raises at once.
"""

import importlib
import pkgutil
from functools import cache

from maso.stress import dimensions
from maso.stress.dimension import Dimension
from maso.stress.questions import BY_ID


@cache
def all_dimensions() -> tuple[Dimension, ...]:
    """Every dimension, by `order`, then id."""
    found: dict[str, Dimension] = {}
    for module in pkgutil.iter_modules(dimensions.__path__):
        dimension = importlib.import_module(f"{dimensions.__name__}.{module.name}").DIMENSION
        if dimension.id in found:
            raise ValueError(f"two dimensions are called `{dimension.id}`")
        _check(dimension)
        found[dimension.id] = dimension
    return tuple(sorted(found.values(), key=lambda d: (d.order, d.id)))


def _check(dimension: Dimension) -> None:
    known = {adaptation.id for adaptation in dimension.adaptations}
    seen: set[str] = set()
    for probe in dimension.probes:
        for quantity in probe.quantities:
            if quantity.id in seen:
                raise ValueError(f"`{dimension.id}` has two quantities `{quantity.id}`")
            seen.add(quantity.id)
        unknown = set(probe.adaptations) - known
        if unknown:
            raise ValueError(f"`{dimension.id}/{probe.id}` names unknown adaptations {sorted(unknown)}")
    for question in dimension.questions:
        if question.id not in BY_ID:
            raise ValueError(f"`{dimension.id}` answers `{question.id}`, which nobody asks")


def by_id() -> dict[str, Dimension]:
    return {dimension.id: dimension for dimension in all_dimensions()}
