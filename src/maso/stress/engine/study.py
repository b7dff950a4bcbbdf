"""The study of one fleet: every dimension swept, searched and adapted, with real runs.

    sweep       every series (probe under a configuration) at every size, for every seed
    search      for every quantity with a budget: bracket its breakpoint, bisect it with more runs
    recommend   the smallest set of adaptations, beyond those in force, with which every budget holds at the
                target; its series are swept and searched like the others

Runs come back in any order and are kept by place and seed, so a study is the same whoever made its runs, and
whichever were on disk already. Nothing is drawn at random here.

Not handled: what it all means (`conclude.py`), and how it looks (`report/`).
"""

from collections.abc import Callable, Iterable, Sequence
from itertools import combinations
from typing import Final, NamedTuple

from maso.fleet.model import Fleet
from maso.fleet.resize import resize, size_max
from maso.fleet.template import FleetFile
from maso.stress.breakpoints import Breakpoint, Search
from maso.stress.dimension import GROWTH_RULES, Adaptation, Budget, Dimension, Probe, Quantity
from maso.stress.engine import configure, sizes
from maso.stress.engine.configure import Config
from maso.stress.engine.executors import Executor
from maso.stress.engine.job import Job, code_digest, fleet_file_digest, run_key
from maso.stress.engine.series import Series, SeriesKey
from maso.stress.engine.store import Store
from maso.stress.fit import fit

# More than two new adaptations at once is a redesign; the report says when two do not reach.
SET_MAX: Final = 3
# Runs that a search may add to a sweep, for each quantity: counts bisect in about ten, noisy ones need seeds.
SEARCH_RUNS_QUICK: Final = 10
SEARCH_RUNS_FULL: Final = 30
# Fewer adds no confidence, more no knowledge: what is still open then is reported as unresolved.
ROUNDS_MAX: Final = 40

Progress = Callable[[str, int, int], None]  # what is measured, runs done, runs known
Wanted = tuple[Series, int, int]  # a series, a place on its axis, a seed


class Plan(NamedTuple):
    """What the user asked for."""

    file: FleetFile
    text: str  # the file as run
    target: int
    quick: bool
    seed: int


class Ahead(NamedTuple):
    """The sweep before it is made: runs that are missing, runs that are kept, and the largest fleet."""

    runs: int
    kept: int
    size_max: int


class Study:
    """Conducts; afterwards `series` and `breakpoints` hold everything."""

    def __init__(
        self,
        plan: Plan,
        dimensions: Sequence[Dimension],
        executor: Executor,
        store: Store,
        progress: Progress,
    ) -> None:
        self.plan = plan
        self.dimensions = tuple(dimensions)
        self.fleet: Fleet = resize(plan.file, plan.target)
        self.series: dict[SeriesKey, Series] = {}
        self.breakpoints: dict[tuple[SeriesKey, str], Breakpoint] = {}
        self.recommended: dict[str, tuple[str, ...]] = {}
        self.made = 0
        self.found = 0
        self.cpu_seconds = 0.0
        self._executor = executor
        self._store = store
        self._progress = progress
        self.digest = fleet_file_digest(plan.file)
        count = sizes.SEEDS_QUICK if plan.quick else sizes.SEEDS_FULL
        self.seeds = tuple(range(plan.seed, plan.seed + count))

    def conduct(self) -> None:
        """Everything, in order. Raises what a probe or the executor raises; finished runs are kept."""
        self._sweep(self._swept(), "sweeping")
        self._search([s for d in self.dimensions for s in self._all_series(d)])
        for dimension in self.dimensions:
            self.recommended[dimension.id] = self._recommend(dimension)

    def ahead(self) -> Ahead:
        """What `conduct` begins with; the search for breakpoints and the recommendation add to it."""
        wanted = self._places_of(self._swept())
        missing = self._missing(wanted)
        sizes_met = [place for one, place, _ in wanted if one.probe.axis is None]
        return Ahead(len(missing), self.found, max(sizes_met, default=0))

    def _swept(self) -> list[Series]:
        series = [s for d in self.dimensions for s in self._all_series(d)]
        return series + [s for d in self.dimensions for s in self._other_rules(d)]

    # Configurations.

    def standard(self, dimension: Dimension) -> Config:
        return configure.standard(dimension, self.fleet)

    def declared(self, dimension: Dimension) -> Config:
        return configure.declared(dimension, self.fleet)

    def configurations(self, dimension: Dimension) -> list[Config]:
        """As declared, standard, standard with each adaptation, and as declared with and without each."""
        base, given = self.standard(dimension), self.declared(dimension)
        found = [given, base]
        for adaptation in dimension.adaptations:
            found.append(configure.adding(base, adaptation))
            if configure.holds(adaptation, given):
                found.append(configure.removing(given, base, adaptation))
            else:
                found.append(configure.adding(given, adaptation))
        return found

    def at(self, dimension: Dimension, probe: Probe, config: Config, rule: str | None = None) -> Series:
        """The series of `probe` under `config`, made when it is asked for first."""
        settings = configure.seen_by(probe, dimension, config, self.standard(dimension))
        key = SeriesKey(dimension.id, probe.id, settings, rule)  # type: ignore[arg-type]
        if key not in self.series:
            self.series[key] = Series(key, dimension, probe)
        return self.series[key]

    def probes(self, dimension: Dimension) -> list[Probe]:
        """Those that can be run for this fleet."""
        return [probe for probe in dimension.probes if not probe.applies(self.fleet)]

    def _all_series(self, dimension: Dimension) -> list[Series]:
        found: dict[SeriesKey, Series] = {}
        for config in self.configurations(dimension):
            for probe in self.probes(dimension):
                series = self.at(dimension, probe, config)
                found[series.key] = series
        return list(found.values())

    def _other_rules(self, dimension: Dimension) -> list[Series]:
        """As declared under every growth rule: the rule decides the exponent of what grows with edges."""
        if self.plan.quick or self.plan.file.kind == "depth":
            return []
        return [
            self.at(dimension, probe, self.declared(dimension), rule)
            for probe in self.probes(dimension)
            if any(quantity.per_rule for quantity in probe.quantities)
            for rule in GROWTH_RULES
        ]

    # Places.

    def places(self, probe: Probe) -> tuple[int, ...]:
        """Where the sweep runs a probe, on its axis."""
        if probe.axis is not None:
            return tuple(probe.axis.points(self.fleet, self.plan.quick))
        most = size_max(self.plan.file, sizes.DEPTH_MAX) if probe.size_max is None else probe.size_max
        if probe.at_target:
            return (min(self.plan.target, most),)
        return sizes.sweep(self.plan.file, self.plan.target, self.plan.quick, most)

    def goal(self, probe: Probe) -> int | None:
        """The place on the probe's axis that must be reached."""
        return self.plan.target if probe.axis is None else probe.axis.target(self.fleet)

    def _place_max(self, probe: Probe) -> int:
        if probe.axis is not None:
            return probe.axis.point_max
        limit = size_max(self.plan.file, max(sizes.DEPTH_MAX, 2 * self.plan.target))
        return limit if probe.size_max is None else min(limit, probe.size_max)

    # Runs.

    def _sweep(self, series: Iterable[Series], what: str) -> None:
        self._make(self._places_of(series), what)

    def _places_of(self, series: Iterable[Series]) -> list[Wanted]:
        """Every place of the sweep, for every seed that the series needs."""
        wanted: list[Wanted] = []
        for one in dict.fromkeys(series):
            seeds = self.seeds[:1] if one.exact else self.seeds
            wanted += [(one, place, seed) for place in self.places(one.probe) for seed in seeds]
        return wanted

    def _missing(self, wanted: Iterable[Wanted]) -> dict[str, tuple[Series, Job]]:
        """The runs that are neither here nor on disk, by key; those on disk are taken from there."""
        jobs: dict[str, tuple[Series, Job]] = {}
        for series, place, seed in wanted:
            if (place, seed) in series.runs:
                continue
            job = self._job(series, place, seed)
            key = run_key(job, self.digest, code_digest())
            kept = self._store.find(key, job)
            if kept is None:
                jobs[key] = (series, job)
            else:
                series.runs[place, seed] = kept
                self.found += 1
        return jobs

    def _make(self, wanted: Iterable[Wanted], what: str) -> None:
        """Make the runs that are missing; large ones first: no core waits at the end."""
        jobs = self._missing(wanted)
        order = sorted(jobs.items(), key=lambda item: -item[1][1].at * item[1][1].size)
        runs = self._executor.map(self.plan.text, [(key, job) for key, (_, job) in order])
        for done, run in enumerate(runs, 1):
            self._store.keep(run)
            series, job = jobs[run.key]
            series.runs[job.at, job.seed] = run
            self.made += 1
            self.cpu_seconds += run.cpu_seconds
            self._progress(f"{what}: {job.dimension}, {series.probe.title} at {job.at:,}", done, len(jobs))

    def _job(self, series: Series, place: int, seed: int) -> Job:
        probe = series.probe
        size = place
        if probe.axis is not None:
            size = self.plan.target if probe.size_max is None else min(self.plan.target, probe.size_max)
        config = dict(series.key.settings)
        held = (a for a in series.dimension.adaptations if a.id in probe.adaptations)
        return Job(
            dimension=series.dimension.id,
            probe=probe.id,
            size=size,
            at=place,
            seed=seed,
            target=self.plan.target,
            quick=self.plan.quick,
            settings=series.key.settings,
            adaptations=tuple(a.id for a in held if configure.holds(a, config)),
            rule=series.key.rule,
        )

    # Breakpoints.

    def _search(self, series: Iterable[Series], what: str = "bisecting") -> None:
        searches: list[tuple[Series, Quantity, Search]] = []
        for one in dict.fromkeys(series):
            for quantity in one.probe.quantities:
                budget = quantity.budget(self.fleet)
                if budget is None or not one.points(quantity) or (one.key, quantity.id) in self.breakpoints:
                    continue
                searches.append((one, quantity, self._new_search(one, quantity, budget)))
        alive = list(searches)
        for _ in range(ROUNDS_MAX):
            wanted = [(one, *place) for one, _, search in alive for place in search.wanted()]
            if not wanted:
                break
            self._make(wanted, what)
            alive = [item for item in alive if self._told(*item)]
        for one, quantity, search in searches:
            self.breakpoints[one.key, quantity.id] = search.result()

    def _new_search(self, series: Series, quantity: Quantity, budget: Budget) -> Search:
        swept = sorted({point.size for point in series.points(quantity)})
        search = Search(
            budget=budget.value,
            direction=budget.direction,
            sizes=swept,
            size_max=max(swept) if series.probe.at_target else self._place_max(series.probe),
            exact=quantity.exact,
            seeds=self.seeds,
            runs_max=SEARCH_RUNS_QUICK if self.plan.quick else SEARCH_RUNS_FULL,
        )
        for point in series.points(quantity):
            search.tell(point.size, point.seed, point.value)
        return search

    @staticmethod
    def _told(series: Series, quantity: Quantity, search: Search) -> bool:
        """Tell the search its runs; False where the probe has no value: the search ends as it stands."""
        for place, seed in search.wanted():
            run = series.runs[place, seed]
            if quantity.id not in run.values:
                return False
            search.tell(place, seed, run.values[quantity.id])
        return True

    # The smallest set that reaches the target.

    def _recommend(self, dimension: Dimension) -> tuple[str, ...]:
        """Ids beyond those in force; empty when nothing is missing or nothing helps.

        What breaks a budget that holds as declared is not recommended, however many others it mends.
        """
        given = self.declared(dimension)
        missing = self._misses(dimension, given)
        if not missing:
            return ()
        free = [a for a in dimension.adaptations if not a.forbidden and not configure.holds(a, given)]
        best: tuple[int, tuple[str, ...]] = (len(missing), ())
        for count in range(1, min(SET_MAX, len(free)) + 1):
            for chosen in combinations(free, count):
                if any(configure.clash(a, b) for a, b in combinations(chosen, 2)):
                    continue
                left = self._with(dimension, given, chosen)
                if left <= missing and len(left) < best[0]:
                    best = (len(left), tuple(a.id for a in chosen))
            if best[0] == 0:
                break
        return best[1]

    def _with(self, dimension: Dimension, given: Config, chosen: Sequence[Adaptation]) -> frozenset[str]:
        config = configure.adding(given, *chosen)
        series = [self.at(dimension, probe, config) for probe in self.probes(dimension)]
        self._sweep(series, "combining")
        self._search(series, "combining")
        return self._misses(dimension, config)

    def _misses(self, dimension: Dimension, config: Config) -> frozenset[str]:
        """The quantities whose budget does not hold at the target under `config`."""
        return frozenset(
            quantity.id
            for probe in self.probes(dimension)
            for quantity in probe.quantities
            if self.reaches(self.at(dimension, probe, config), quantity) is False
        )

    def reaches(self, series: Series, quantity: Quantity) -> bool | None:
        """Whether the budget holds at the target; None where there is none, or the runs cannot say.

        A constant that is within its budget at every size run holds at a target beyond them: what is said
        then is extrapolated, and `breakpoint.why` says from where.
        """
        budget, goal = quantity.budget(self.fleet), self.goal(series.probe)
        found = self.breakpoints.get((series.key, quantity.id))
        if budget is None or found is None or goal is None:
            return None
        places = self.places(series.probe)
        at_goal = series.value(quantity.id, places[-1] if series.probe.at_target else goal)
        if quantity.exact and at_goal is not None:
            return _within(budget, at_goal)
        if found.kind == "none":
            if at_goal is None:
                medians = [(float(place), value) for place, value in series.medians(quantity.id)]
                at_goal = medians[-1][1] if fit(medians).scaling_class == "constant" else None
            return None if at_goal is None else _within(budget, at_goal)
        if found.low is not None and found.low >= goal:
            return True  # also where the range could not be made narrow: all of it lies beyond
        from_the_start = found.low == 0 and found.high is not None and found.high <= goal
        return False if from_the_start or (found.high is not None and found.high < goal) else None


def _within(budget: Budget, value: float) -> bool:
    return value <= budget.value if budget.direction == "max" else value >= budget.value
