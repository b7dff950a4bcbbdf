"""What a dimension of the stress test declares, and nothing about how it is run.

A dimension is one file under `stress/dimensions/` with a module-level `DIMENSION`; it is found by being
there. It lists *probes*: functions that run real controls at one point and return numbers. Each number is a
*quantity* with a unit, a mark, an expected scaling class and, where the fleet file declares one, a budget.
*Adaptations* are named changes of the fleet's `controls` section. *Questions* turn what was measured into
answers.

    standard configuration   what works for a handful of agents; the baseline of every adaptation
    as declared              standard changed by what the fleet file has in force
    adapted                  as declared changed by one or more adaptations

A probe is a pure function of its `Trial`, apart from the CPU time it measures with `timing.cpu`: the same
trial gives the same counts in any process. Not here: sweeping, fitting, bisecting, caching (`engine/`).
"""

from collections.abc import Callable, Mapping
from typing import Any, Final, Literal, NamedTuple, Protocol

import msgspec

from maso.findings import (
    AnswerFinding,
    AttackPath,
    BreakpointFinding,
    Complexity,
    ControlRow,
    CostFinding,
    DecisionFinding,
    Direction,
    Mark,
    ScalingClass,
    ScalingFinding,
)
from maso.fleet.model import Fleet
from maso.fleet.template import FleetFile, GrowthRule

Settings = tuple[tuple[str, str], ...]  # key of the fleet's `controls` section, value
Chosen = tuple[str, ...] | None  # adaptations beside the standard configuration; None: as declared


class Budget(NamedTuple):
    """The declared limit of a quantity: broken above it (`max`) or below it (`min`)."""

    value: float
    direction: Direction
    key: str


def no_budget(_fleet: Fleet) -> Budget | None:
    return None


def limit(declared: float | None, direction: Direction, key: str) -> Budget | None:
    """The budget that a fleet file declares under `key`; None where it leaves the key out."""
    return None if declared is None else Budget(declared, direction, key)


class Quantity(msgspec.Struct, frozen=True, kw_only=True):
    """One number that a probe returns under this id.

    expected    the class that the design foresees under the standard configuration; another one is a finding
    exact       a count: the same for every seed, so it is run once a size
    budget      reads the fleet file; None where it declares none
    budget_key  the key that would declare one, such as `target.audit_hours_max`; empty: none makes sense
    per_rule    fitted under every growth rule, against agents and against edges (breadth fleets)
    """

    id: str
    title: str
    unit: str
    mark: Mark
    controls: tuple[str, ...]
    expected: ScalingClass
    exact: bool = False
    budget: Callable[[Fleet], Budget | None] = no_budget
    budget_key: str = ""
    per_rule: bool = False


class Trial(msgspec.Struct, frozen=True, kw_only=True):
    """One point at which a probe is run.

    fleet   the fleet at `size` with the trial's settings in its `controls` section; not loaded again, so
            it may hold settings that the loader refuses in a file
    at      the place on the probe's axis; equal to `size` where the axis is the size
    target  the size that must be reached
    quick   `--quick`: fewer repetitions inside the probe, never another quantity
    """

    fleet: Fleet
    size: int
    at: int
    target: int
    seed: int
    quick: bool
    adaptations: tuple[str, ...] = ()


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """What a probe found at one point.

    values   quantity id -> value; a quantity that means nothing at this point is left out
    details  plain data (JSON), kept with the run: lists, examples, counts behind the values
    """

    values: Mapping[str, float]
    details: Mapping[str, Any] = {}


class Axis(msgspec.Struct, frozen=True, kw_only=True):
    """What a probe is swept over. `points(fleet at target, quick)`: rising, both sides of what matters.

    point_max  beyond it the search for a breakpoint never goes
    target     the place on this axis that the fleet must reach; None: the axis has no such place
    """

    id: str
    unit: str
    points: Callable[[Fleet, bool], tuple[int, ...]]
    point_max: int
    target: Callable[[Fleet], int | None] = lambda _fleet: None


class Probe(msgspec.Struct, frozen=True, kw_only=True):
    """A function that measures quantities together, and over what.

    axis         None: the fleet's size. Otherwise the fleet stays at the target size
    at_target    run at the target size only: lists and counts that have no growth of their own
    size_max     beyond this the probe is not run (cost); None: the fleet's own limit
    adaptations  ids of those that can change its values; others are not run with it
    applies      why it cannot be run for this fleet, or "" when it can
    """

    id: str
    title: str
    run: Callable[[Trial], Outcome]
    quantities: tuple[Quantity, ...]
    adaptations: tuple[str, ...] = ()
    axis: Axis | None = None
    at_target: bool = False
    size_max: int | None = None
    applies: Callable[[Fleet], str] = lambda _fleet: ""


class Adaptation(msgspec.Struct, frozen=True, kw_only=True):
    """A named change of the controls' configuration.

    settings   what it sets in the fleet's `controls` section
    gives_up   says in words and measured figures what is lost: gets the view and the adaptation's own id
    cost       US dollars a month and on what basis, from the fleet's own prices; None: cannot be said
    forbidden  which invariant forbids choosing it, though it is measured for comparison; empty: none
    """

    id: str
    title: str
    settings: Settings
    complexity: Complexity
    gives_up: Callable[["View", str], str]
    cost: Callable[["View"], tuple[float | None, str]]
    forbidden: str = ""


class Spread(NamedTuple):
    """A quantity over the seeds at one place: the median, the least and the most."""

    median: float
    low: float
    high: float


class View(Protocol):
    """What was measured, as answers, decisions and costs see it. `adaptations=None`: as declared.

    `adaptations=()` is the standard configuration. Values are medians over seeds at the target size (or at
    `at`); None where it was not measured. `evidence` gives the names that an answer cites.
    """

    fleet: Fleet  # at the target size, as declared
    file: FleetFile
    target: int
    quick: bool
    unit: str  # agents or sessions
    in_force: tuple[str, ...]
    recommended: tuple[str, ...]  # beyond those in force

    def value(
        self, quantity: str, adaptations: tuple[str, ...] | None = None, at: int | None = None
    ) -> float | None: ...

    def spread(self, quantity: str, adaptations: tuple[str, ...] | None = None) -> Spread | None:
        """At the target, over all seeds; None where it was not measured."""
        ...

    def around(self, adaptation: str) -> tuple[Chosen, Chosen]:
        """As declared without and with one adaptation, as the others take it: what its own table compares."""
        ...

    def points(
        self, quantity: str, adaptations: tuple[str, ...] | None = None
    ) -> tuple[tuple[int, float], ...]:
        """(size or place on the axis, median), rising."""
        ...

    def scaling(self, quantity: str, adaptations: tuple[str, ...] | None = None) -> ScalingFinding | None: ...

    def breaks(
        self, quantity: str, adaptations: tuple[str, ...] | None = None
    ) -> BreakpointFinding | None: ...

    def detail(self, probe: str, name: str, adaptations: tuple[str, ...] | None = None) -> Any:
        """`details[name]` of the first seed's run at the target; None where there is none."""
        ...

    def evidence(self, *quantities: str) -> tuple[str, ...]: ...


class Question(msgspec.Struct, frozen=True, kw_only=True):
    """One question of the seeds (`questions.py` has its words), and what answers it from the view."""

    id: str
    answer: Callable[[View], AnswerFinding]


class ListOf(msgspec.Struct, frozen=True, kw_only=True):
    """A list that a probe returns in its details, shown in the report.

    detail   name in `Outcome.details`: a list of rows, each a list of texts; `<detail>_total` holds the
             number found where rows were cut
    adverse  rows are what should not be there: a new one fails `--compare` with `--gate`
    """

    id: str
    title: str
    probe: str
    detail: str
    columns: tuple[str, ...]
    adverse: bool = False


def nothing(_view: View) -> tuple[Any, ...]:
    return ()


class Dimension(msgspec.Struct, frozen=True, kw_only=True):
    """One stress dimension. `seed_dimension` names the seeds' own: F2, E4 ..."""

    id: str
    title: str
    seed_dimension: tuple[str, ...]
    about: str
    probes: tuple[Probe, ...]
    standard: Settings | Callable[[Fleet], Settings]
    adaptations: tuple[Adaptation, ...]
    questions: tuple[Question, ...]
    controls: Callable[[View], tuple[ControlRow, ...]] = nothing
    decisions: Callable[[View], tuple[DecisionFinding, ...]] = nothing
    costs: Callable[[View], tuple[CostFinding, ...]] = nothing
    attack_paths: Callable[[View], tuple[AttackPath, ...]] = nothing
    lists: tuple[ListOf, ...] = ()
    not_checked: tuple[str, ...] = ()
    order: int = 100  # in the report; the seeds' own order
    right: str = ""  # the key of `governance.decision_rights` under which its adaptations are chosen


def adapted(fleet: Fleet, settings: Settings) -> Fleet:
    """The fleet with `settings` in its `controls` section; raises KeyError for a key that is not there."""
    known = set(fleet.controls.__struct_fields__)
    for key, _ in settings:
        if key not in known:
            raise KeyError(f"`controls.{key}` is no setting")
    return msgspec.structs.replace(fleet, controls=msgspec.structs.replace(fleet.controls, **dict(settings)))


# A report reads at most so many rows of a list; the run's own file keeps them all.
LIST_ROWS_MAX: Final = 200
GROWTH_RULES: Final[tuple[GrowthRule, ...]] = ("constant-degree", "constant-density", "hub")
Executor = Literal["processes", "inline", "ray"]
