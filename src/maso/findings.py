"""What `maso stress` concludes, as plain data: the contract of `findings.json`, from which reports are drawn.

Three marks are kept apart everywhere: *measured* (real code, on this machine), *simulated* (from declared
distributions, or under virtual time), *declared* (from the fleet file). A breakpoint is in addition
*extrapolated* when it lies beyond the largest run. The schema is versioned; a field may be added in a minor
version, and is never renamed or given another meaning without a new major one.

Shapes: sizes are agents (breadth) or concurrent sessions (depth) unless `axis` of a quantity says otherwise.
Lists come in a fixed order, so that two runs compare line by line. Not here: how findings are made
(`stress/`) and how they look (`report/`).
"""

from typing import Any, Final, Literal

import msgspec

SCHEMA_VERSION: Final = "1.1"

Mark = Literal["measured", "simulated", "declared"]
ScalingClass = Literal[
    "constant", "logarithmic", "linear", "linearithmic", "quadratic", "worse", "hard limit", "unresolved"
]
BreakpointKind = Literal["measured", "extrapolated", "none", "unresolved"]
Direction = Literal["max", "min"]
Complexity = Literal["low", "medium", "high"]
Verdict = Literal["holds", "adapts", "breaks", "not_measured"]
AnswerStatus = Literal["measured", "simulated", "declared", "mixed", "missing", "not_checked"]


class _Plain(msgspec.Struct, frozen=True, kw_only=True):
    pass


class Point(_Plain, frozen=True, kw_only=True):
    """One run's value. `run` names the file under `runs/` that holds the whole run."""

    size: int
    seed: int
    value: float
    run: str = ""


class ScalingFinding(_Plain, frozen=True, kw_only=True):
    """The fitted class. `scaling_class` is `class` in JSON; low and high bound the exponent (95%)."""

    scaling_class: ScalingClass = msgspec.field(name="class")
    exponent: float
    low: float
    high: float
    expected: ScalingClass
    candidates: tuple[str, ...] = ()  # where unresolved: what the points leave open
    curve: tuple[tuple[float, float], ...] = ()  # the fitted model, sampled for plots: (size, value)


class BudgetFinding(_Plain, frozen=True, kw_only=True):
    """The declared limit: broken above it (`max`) or below it (`min`). `key` is the fleet file's key."""

    value: float
    direction: Direction
    key: str


class BreakpointFinding(_Plain, frozen=True, kw_only=True):
    """Where the quantity crosses its budget. `runs` name the runs behind it."""

    low: float | None
    high: float | None
    kind: BreakpointKind
    runs: tuple[str, ...] = ()
    why: str = ""
    factor: float | None = None  # extrapolated: how many times the largest run


class GrowthFinding(_Plain, frozen=True, kw_only=True):
    """The class of the same quantity under another growth rule, against agents or against edges."""

    rule: str
    against: Literal["size", "edges"]
    scaling: ScalingFinding


class QuantityFinding(_Plain, frozen=True, kw_only=True):
    """One quantity of one dimension under one configuration of the controls.

    exact   a count, the same on any machine and for every seed; False: another run may differ
    """

    id: str
    title: str
    unit: str
    mark: Mark
    exact: bool = False
    axis: str = "size"  # what `size` counts in points and breakpoint: `size`, or `rules`, `handoffs` ...
    axis_unit: str = ""  # `agents`, `sessions`, `rules` ...
    controls: tuple[str, ...] = ()
    points: tuple[Point, ...] = ()
    scaling: ScalingFinding | None = None
    budget: BudgetFinding | None = None
    budget_key: str = ""  # where there is no budget: the key of the fleet file that would give one
    breakpoint: BreakpointFinding | None = None
    growth: tuple[GrowthFinding, ...] = ()
    target: int | None = None  # the place on the axis that must be reached
    at_target: float | None = None  # median there; None: not run there
    reaches_target: bool | None = None  # None: no budget, not measured, or the range holds the target


class AdaptationFinding(_Plain, frozen=True, kw_only=True):
    """One change of the controls' configuration, measured again, all else as declared.

    Where it is in force, "before" is without it; otherwise "after" is with it.

    settings     keys of the fleet file's `controls` section and their values
    in_force     the fleet file has these settings already
    forbidden    why it may not be chosen although it was measured (an invariant forbids it); empty if it may
    """

    id: str
    title: str
    settings: dict[str, str]
    quantities_after: tuple[QuantityFinding, ...]
    cost_usd_month: float | None
    cost_basis: str
    complexity: Complexity
    gives_up: str
    recommended: bool
    in_force: bool
    forbidden: str = ""
    before_after: tuple["BeforeAfter", ...] = ()


class BeforeAfter(_Plain, frozen=True, kw_only=True):
    """One quantity without and with an adaptation: value at the target size, and breakpoint."""

    quantity: str
    unit: str
    value_before: float | None
    value_after: float | None
    breakpoint_before: BreakpointFinding | None
    breakpoint_after: BreakpointFinding | None


class ControlRow(_Plain, frozen=True, kw_only=True):
    """A row of a dimension's table of controls: what it was designed for, and what strains it."""

    id: str
    name: str
    designed_for: str
    strained_by: str
    verdict: Verdict
    why: str


class ListFinding(_Plain, frozen=True, kw_only=True):
    """A list that was found, such as the transitive privilege paths: columns, rows, and how many in all.

    adverse   its rows are what should not be there: a new one is a change for the worse
    """

    id: str
    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    total: int
    run: str = ""
    adverse: bool = False


class DimensionFinding(_Plain, frozen=True, kw_only=True):
    """One dimension: quantities as the fleet file declares its controls, and what adaptations do to them.

    standard             the configuration that works for a handful of agents
    standard_quantities  the same quantities under it; left out where nothing differs
    as_declared          the adaptations that the fleet file has in force
    recommended          the smallest set of adaptations, beyond those in force, that reaches the target
    recommended_quantities  as declared and with all of `recommended`; left out where nothing differs
    """

    id: str
    title: str
    seed_dimension: tuple[str, ...]
    about: str
    quantities: tuple[QuantityFinding, ...]
    adaptations: tuple[AdaptationFinding, ...]
    standard: dict[str, str] = {}
    standard_quantities: tuple[QuantityFinding, ...] = ()
    as_declared: tuple[str, ...] = ()
    recommended: tuple[str, ...] = ()
    recommended_quantities: tuple[QuantityFinding, ...] = ()
    reaches_target: bool | None = None  # with the recommended set; None: nothing to reach, or unresolved
    controls: tuple[ControlRow, ...] = ()
    lists: tuple[ListFinding, ...] = ()
    not_checked: tuple[str, ...] = ()
    skipped: str = ""  # why it was not measured for this fleet; empty when it was


class AnswerFinding(_Plain, frozen=True, kw_only=True):
    """The answer to one of the 80 questions. `evidence` names quantities, lists and runs.

    status  what it rests on: the mark that all its quantities have, `mixed` where they have several (`marks`
            has which), `declared` where the fleet file alone answers
    marks   of the quantities in `evidence`, from real code to what was only declared
    key     where the status is `missing`: the key of the fleet file to fill in
    """

    question: str
    asked: str
    dimension: str
    status: AnswerStatus
    value: float | str | None
    unit: str
    text: str
    evidence: tuple[str, ...] = ()
    key: str = ""
    marks: tuple[Mark, ...] = ()


class ControlFinding(_Plain, frozen=True, kw_only=True):
    """The scaling profile of one control over all dimensions."""

    id: str
    name: str
    verdict: Verdict
    why: str
    quantities: tuple[str, ...] = ()  # `dimension/quantity`


class DecisionFinding(_Plain, frozen=True, kw_only=True):
    """Something a person must decide. `who` is from the fleet file's decision rights, or says the key."""

    id: str
    what: str
    why: str
    who: str
    cost: str
    dimension: str = ""


class AttackPath(_Plain, frozen=True, kw_only=True):
    """A way to reach what should not be reached, and whether the controls stopped it when it was tried."""

    id: str
    steps: tuple[str, ...]
    reaches: str
    outcome: Literal["stopped", "succeeds", "possible"]
    stopped_by: str = ""
    dimension: str = ""


class CostFinding(_Plain, frozen=True, kw_only=True):
    """One line of the cost projection at the target size."""

    id: str
    what: str
    usd_month: float | None
    mark: Mark
    basis: str
    dimension: str = ""


class FleetFinding(_Plain, frozen=True, kw_only=True):
    """The fleet that was stressed; `sha256` is of the fleet file as it was used."""

    name: str
    sha256: str
    kind: str
    target: int
    unit: str  # what sizes count: agents or sessions
    about: str = ""


class Machine(_Plain, frozen=True, kw_only=True):
    """What the measured figures were measured on. No host name, user or path."""

    cpu: str
    cores: int
    memory_gb: float
    system: str
    python: str


class Findings(_Plain, frozen=True, kw_only=True):
    """Everything a stress run concluded."""

    maso_version: str
    schema_version: str
    fleet: FleetFinding
    machine: Machine
    seeds: tuple[int, ...]
    dimensions: tuple[DimensionFinding, ...]
    answers: tuple[AnswerFinding, ...]
    controls: tuple[ControlFinding, ...]
    decisions: tuple[DecisionFinding, ...]
    attack_paths: tuple[AttackPath, ...]
    costs: tuple[CostFinding, ...]
    not_checked: tuple[str, ...]
    quick: bool
    command: str
    cpu_seconds: float
    runs: int
    cached_runs: int


def encode(findings: Findings) -> bytes:
    """The bytes of `findings.json`: indented, keys in the order of the structs, a newline at the end."""
    return msgspec.json.format(msgspec.json.encode(findings), indent=2) + b"\n"


_decode = msgspec.json.Decoder(Findings).decode


def decode(data: bytes) -> Findings:
    """Raises msgspec.ValidationError or DecodeError when `data` are no findings of this schema."""
    return _decode(data)


def as_document(findings: Findings) -> dict[str, Any]:
    """The same as builtin types, for templates and comparisons."""
    document: dict[str, Any] = msgspec.to_builtins(findings)
    return document
