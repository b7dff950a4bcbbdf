"""What was measured of one dimension, as its answers, decisions and costs see it (`dimension.View`)."""

from statistics import median
from typing import Any

from maso.findings import BreakpointFinding, ScalingFinding
from maso.stress.dimension import Chosen, Dimension, Probe, Quantity, Spread
from maso.stress.engine import configure
from maso.stress.engine.configure import Config
from maso.stress.engine.describe import breakpoint_finding, scaling_finding
from maso.stress.engine.series import Series
from maso.stress.engine.study import Study


class StudyView:
    """One dimension of a conducted study. `adaptations=None` is as declared, `()` is standard."""

    def __init__(self, study: Study, dimension: Dimension) -> None:
        self._study = study
        self.dimension = dimension
        self._probes: dict[str, tuple[Probe, Quantity]] = {
            quantity.id: (probe, quantity) for probe in dimension.probes for quantity in probe.quantities
        }
        self.fleet = study.fleet
        self.file = study.plan.file
        self.target = study.plan.target
        self.quick = study.plan.quick
        self.unit = "sessions" if study.fleet.kind == "depth" else "agents"
        self.recommended = study.recommended.get(dimension.id, ())
        self.in_force = configure.in_force(dimension, study.declared(dimension))

    def _config(self, adaptations: tuple[str, ...] | None) -> Config:
        if adaptations is None:
            return self._study.declared(self.dimension)
        chosen = [a for a in self.dimension.adaptations if a.id in adaptations]
        return configure.adding(self._study.standard(self.dimension), *chosen)

    def series(self, quantity: str, adaptations: tuple[str, ...] | None = None) -> Series | None:
        """The runs behind a quantity; None where its probe was not run so."""
        if quantity not in self._probes:
            raise KeyError(f"`{self.dimension.id}` has no quantity `{quantity}`")
        probe, _ = self._probes[quantity]
        if probe.applies(self.fleet):
            return None
        found = self._study.at(self.dimension, probe, self._config(adaptations))
        return found if found.runs else None

    def value(
        self, quantity: str, adaptations: tuple[str, ...] | None = None, at: int | None = None
    ) -> float | None:
        series = self.series(quantity, adaptations)
        if series is None:
            return None
        if at is None:
            at = self._place(series)
        return series.value(quantity, at)

    def _place(self, series: Series) -> int:
        """The goal on the series' axis; where there is none, or it was not run, the place below."""
        goal = self._study.goal(series.probe)
        places = self._study.places(series.probe)
        if series.probe.at_target or goal is None:
            return places[-1]
        return max((place for place in places if place <= goal), default=places[0])

    def spread(self, quantity: str, adaptations: tuple[str, ...] | None = None) -> Spread | None:
        series = self.series(quantity, adaptations)
        if series is None:
            return None
        place = self._place(series)
        there = [r.values[quantity] for r in series.ordered() if r.job.at == place and quantity in r.values]
        return Spread(float(median(there)), min(there), max(there)) if there else None

    def around(self, adaptation: str) -> tuple[Chosen, Chosen]:
        """As declared without and with one adaptation: what its own table compares."""
        own = next(a for a in self.dimension.adaptations if a.id == adaptation)
        beside = tuple(
            a.id
            for a in self.dimension.adaptations
            if a.id in self.in_force and a is not own and not configure.clash(a, own)
        )
        return (beside, None) if adaptation in self.in_force else (None, (*beside, adaptation))

    def points(
        self, quantity: str, adaptations: tuple[str, ...] | None = None
    ) -> tuple[tuple[int, float], ...]:
        series = self.series(quantity, adaptations)
        return () if series is None else series.medians(quantity)

    def scaling(self, quantity: str, adaptations: tuple[str, ...] | None = None) -> ScalingFinding | None:
        series = self.series(quantity, adaptations)
        return None if series is None else scaling_finding(series, self._probes[quantity][1])

    def breaks(self, quantity: str, adaptations: tuple[str, ...] | None = None) -> BreakpointFinding | None:
        series = self.series(quantity, adaptations)
        if series is None:
            return None
        found = self._study.breakpoints.get((series.key, quantity))
        return None if found is None else breakpoint_finding(series, found)

    def detail(self, probe: str, name: str, adaptations: tuple[str, ...] | None = None) -> Any:
        chosen = next(p for p in self.dimension.probes if p.id == probe)
        if chosen.applies(self.fleet):
            return None
        series = self._study.at(self.dimension, chosen, self._config(adaptations))
        return series.detail(name, self._place(series)) if series.runs else None

    def evidence(self, *quantities: str) -> tuple[str, ...]:
        """`dimension/quantity` of each, then the runs at the target as declared."""
        names = [f"{self.dimension.id}/{quantity}" for quantity in quantities]
        runs: list[str] = []
        for quantity in quantities:
            series = self.series(quantity)
            if series is None:
                continue
            place = self._place(series)
            runs += [run.key for run in series.ordered() if run.job.at == place and run.key not in runs]
        return (*names, *runs)

    def run_of(self, probe: str) -> str:
        """The run whose details `detail` reads, as declared; empty where there is none."""
        chosen = next(p for p in self.dimension.probes if p.id == probe)
        series = self._study.at(self.dimension, chosen, self._config(None))
        place = self._place(series)
        return next((run.key for run in series.ordered() if run.job.at == place), "")
