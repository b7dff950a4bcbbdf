"""The runs of one probe under one configuration and one growth rule, and what can be read off them."""

from collections.abc import Iterator
from statistics import median
from typing import Any, NamedTuple

from maso.findings import Point
from maso.fleet.template import GrowthRule
from maso.stress.dimension import Dimension, Probe, Quantity, Settings
from maso.stress.engine.job import Run


class SeriesKey(NamedTuple):
    dimension: str
    probe: str
    settings: Settings
    rule: GrowthRule | None


class Series:
    """Runs by (place, seed). Values come in rising order, whatever order the runs finished in."""

    def __init__(self, key: SeriesKey, dimension: Dimension, probe: Probe) -> None:
        self.key = key
        self.dimension = dimension
        self.probe = probe
        self.runs: dict[tuple[int, int], Run] = {}

    @property
    def exact(self) -> bool:
        """Whether one seed is enough: every quantity of the probe is a count."""
        return all(quantity.exact for quantity in self.probe.quantities)

    def ordered(self) -> Iterator[Run]:
        for place in sorted(self.runs):
            yield self.runs[place]

    def points(self, quantity: Quantity) -> tuple[Point, ...]:
        """Every run's value; of an exact quantity, the first seed's at each place."""
        found: list[Point] = []
        for run in self.ordered():
            value = run.values.get(quantity.id)
            if value is None:
                continue
            if quantity.exact and found and found[-1].size == run.job.at:
                continue
            found.append(Point(size=run.job.at, seed=run.job.seed, value=value, run=run.key))
        return tuple(found)

    def medians(self, quantity: str) -> tuple[tuple[int, float], ...]:
        at: dict[int, list[float]] = {}
        for run in self.ordered():
            if quantity in run.values:
                at.setdefault(run.job.at, []).append(run.values[quantity])
        return tuple((place, float(median(values))) for place, values in sorted(at.items()))

    def value(self, quantity: str, at: int) -> float | None:
        return dict(self.medians(quantity)).get(at)

    def detail(self, name: str, at: int) -> Any:
        """`details[name]` of the first seed's run at `at`, else of the largest place that has it."""
        for place, _seed in sorted(self.runs, key=lambda p: (p[0] != at, -p[0], p[1])):
            details = self.runs[place, _seed].details
            if name in details:
                return details[name]
        return None
