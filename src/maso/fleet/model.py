"""What a fleet file says, as plain data: the one description that check, run, stress and drill share.

`Fleet` is the file after templates were expanded to one size (`grow.py`): every agent type, port, tool,
action, link and delegation is listed. Names are strings here; `rulebook.py` turns them into integers,
bitsets and decoders. Semantics that a reader of a fleet file needs are in `docs/fleet-files.md`.

Shapes are strict: a field that is not listed here is an error in the file (`load.py` says where).
Fields that later parts of maso will read (judge ratios, PACE, shutdown, budgets, peak phases) are
validated and kept now, so that a fleet file is complete from the start.
"""

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

Id = Annotated[str, Meta(pattern=r"^[a-z0-9][a-z0-9_.\-]{0,63}$", description="lower case name, at most 64")]
# A namespace is a DNS label, a service account's name a DNS subdomain: Kubernetes' own rules.
ServiceAccount = Annotated[
    str,
    Meta(
        pattern=r"^[a-z0-9]([a-z0-9\-]{0,61}[a-z0-9])?/[a-z0-9]([a-z0-9.\-]{0,251}[a-z0-9])?$",
        description="namespace/name of a Kubernetes service account",
    ),
]
FieldName = Annotated[str, Meta(pattern=r"^[a-z][a-z0-9_]{0,63}$", description="lower case name with _")]
Share = Annotated[float, Meta(ge=0, le=1, description="a share, 0 to 1")]
Positive = Annotated[int, Meta(ge=1)]
Count = Annotated[int, Meta(ge=0)]
Money = Annotated[float, Meta(ge=0, description="US dollars")]
Above0 = Annotated[float, Meta(gt=0)]
From0 = Annotated[float, Meta(ge=0)]

Level = Literal["public", "internal", "confidential", "restricted"]
Source = Literal["customer", "web", "rag", "mcp", "tool"]
# What goes between agents; an action goes to a port and has no link.
KindName = Literal["data", "instruction", "claim", "delegation"]
Risk = Literal["medium", "high", "critical"]
Endorser = Literal["customer", "facts", "person"]
DlpKind = Literal["pan", "cvv", "iban", "national_id", "email", "phone", "secret"]
DlpPolicy = Literal["refuse", "redact", "raise", "ignore"]
Complexity = Literal["low", "medium", "high"]


class _Strict(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, omit_defaults=True):
    pass


class LabelSpec(_Strict, kw_only=True, frozen=True):
    """A label as people write it."""

    level: Level = "internal"
    compartments: tuple[Id, ...] = ()


class Compartment(_Strict, kw_only=True, frozen=True):
    """A named compartment: who is not cleared for it never receives it."""

    id: Id
    about: str = ""
    barrier: bool = False  # an information barrier: crossing it by a link needs a schema


class Provider(_Strict, kw_only=True, frozen=True):
    """Where a model runs. Prices are inputs with a source, never constants in code."""

    id: Id
    model: str = ""
    usd_per_million_input_tokens: Money = 0.0
    usd_per_million_output_tokens: Money = 0.0
    calls_per_minute_max: Positive | None = None
    latency_ms_median: Count = 0
    price_source: str = ""


class Region(_Strict, kw_only=True, frozen=True):
    """A data centre."""

    id: Id
    latency_ms: Count = 0


class FieldSpec(_Strict, kw_only=True, frozen=True):
    """One field of a schema.

    text    free text, at most `max` characters (the only type that can carry an instruction)
    id      letters, digits, `-` and `_`, at most `max` characters (64 unless told)
    int     `min` to `max`
    money   minor units (cents), 0 to `max`
    enum    one of `values`
    bool
    list    of `of` (`text`, `id` or `int`), at most `max` items
    documents  retrieved documents with their signatures (DP-2.3)
    card    a card number: only in a schema whose receiver is cleared for the compartment of `pan`
    """

    type: Literal["text", "id", "int", "money", "enum", "bool", "list", "documents", "card"]
    max: Positive | None = None
    min: int | None = None
    values: tuple[str, ...] = ()
    of: Literal["text", "id", "int"] | None = None
    optional: bool = False
    text: Id | None = None  # for simulated text: which of the generators in text.py writes it
    fact: Id | None = (
        None  # for simulated values: the world's fact it is filled from (basket, total_minor ...)
    )


class Schema(_Strict, kw_only=True, frozen=True):
    """The shape of a payload: exactly these fields, nothing more (EC-2.13)."""

    id: Id
    fields: dict[FieldName, FieldSpec]


class Port(_Strict, kw_only=True, frozen=True):
    """Where something from outside enters: customer chat, payment form, retrieval, web, MCP, a tool's answer.

    source     the integrity mark that everything from here carries; null only for a trusted service
    label      the confidentiality that everything from here carries at least
    signed     documents from here must carry a signature made at ingestion (DP-2.3)
    fresh_minutes_max  a retrieved document older than this is refused
    """

    id: Id
    source: Source | None
    label: LabelSpec = LabelSpec()
    clearance: LabelSpec = LabelSpec(level="restricted")  # what may be sent out to it (tools, carriers ...)
    external: bool = False  # leaves the organisation: an exit for data
    signed: bool = False
    fresh_minutes_max: Positive | None = None
    usd_per_call: Money = 0.0
    latency_ms_median: Count = 0
    calls_per_minute_max: Positive | None = None


class Argument(_Strict, kw_only=True, frozen=True):
    """Which untrusted sources may determine one argument of a privileged action, and who may endorse it.

    With a source in the ancestry that is not listed, the action needs an endorsement of each kind in
    `endorsed_by`: `customer` (the customer's own confirmation, from outside the agents), `facts` (a typed
    check against the world), `person` (a member of staff).
    """

    sources: tuple[Source, ...] = ()
    endorsed_by: tuple[Endorser, ...] = ()


class Action(_Strict, kw_only=True, frozen=True):
    """Something an agent can do to the world, through one port.

    operation     what happens in the world (`maso.fleet.operations`); `record` only notes it
    privileged    its arguments are guarded by integrity and endorsement
    needs_contract  never on an agent's own initiative: a valid delegation chain must permit it
    judge         share of these actions that a judge must see (EC-2.5); critical ones stay at 1.0
    """

    id: Id
    port: Id
    schema: Id
    operation: Id = "record"
    risk: Risk = "medium"
    irreversible: bool = False
    privileged: bool = False
    needs_contract: bool = False
    judge: Share = 0.0
    arguments: dict[str, Argument] = {}
    answer: Id | None = None  # schema of the port's answer
    declassify: tuple[Id, ...] = ()  # compartments that the strict schema of this action sheds on the way out
    owner: str = ""  # who answers for the declassification


class Budgets(_Strict, kw_only=True, frozen=True):
    """What one instance may spend in one session (OB-2.5, LOOP). None means not limited."""

    turns: Positive | None = None
    tokens: Positive | None = None
    retries: Positive | None = None
    usd: Money | None = None
    recursion: Positive | None = None
    same_message: Positive | None = None


class PaceLevel(_Strict, kw_only=True, frozen=True):
    """One level's way down: what Alternate, Contingency and Emergency mean there."""

    alternate: str = ""
    contingency: str = ""
    emergency: str = ""
    customer_message: str = ""
    backup_provider: Id | None = None
    trigger_share: Share | None = None  # of instances in Alternate
    trigger_minutes: Positive | None = None
    decided_by: Literal["automatic", "person"] = "automatic"
    self_heals_per_day_max: Positive = 3


class Pace(_Strict, kw_only=True, frozen=True):
    """The way down, of one instance and of all instances of the type (E6)."""

    instance: PaceLevel = PaceLevel()
    type: PaceLevel = PaceLevel()


class AgentType(_Strict, kw_only=True, frozen=True):
    """One type of agent: what it is cleared for, what it may do, what it may have done for it.

    actions      what it may execute itself (IA-1.4)
    may_request  authority it may pass on by contract without being able to execute it
    per_session  instances of it in one session
    """

    id: Id
    role: str = ""
    cluster: Id = "main"
    risk: Risk = "medium"
    provider: Id | None = None
    region: Id | None = None
    plane: Literal["task", "control"] = "task"
    clearance: LabelSpec = LabelSpec()
    actions: tuple[Id, ...] = ()
    may_request: tuple[Id, ...] = ()
    per_session: Positive = 1
    budgets: Budgets = Budgets()
    judge: Share = 0.0
    judge_actions: dict[str, Share] = {}
    pace: Pace = Pace()
    session_minutes_max: Positive | None = None
    service_account: ServiceAccount | None = None
    input_tokens_per_turn: Count = 0
    output_tokens_per_turn: Count = 0
    desk: Id | None = None  # which desk it was grown in


class Link(_Strict, kw_only=True, frozen=True):
    """Who may send what to whom, in which shape, under which data policy.

    `from` is an agent type or a port, `to` an agent type (actions say by themselves which port they go to).
    instruction_sources  untrusted sources that an instruction on this link may descend from (PG-1.4)
    declassify  compartments that this link sheds: only with a schema that cannot carry them, always recorded
    """

    from_: Id = msgspec.field(name="from")
    to: Id
    schema: Id
    kinds: tuple[KindName, ...] = ("data",)
    dlp: dict[DlpKind, DlpPolicy] = {}
    instruction_sources: tuple[Source, ...] = ()
    declassify: tuple[Id, ...] = ()
    owner: str = ""  # who answers for the declassification


class Delegation(_Strict, kw_only=True, frozen=True):
    """Who may pass which authority to whom."""

    from_: Id = msgspec.field(name="from")
    to: Id
    actions: tuple[Id, ...]
    minutes_max: Positive = 15
    output: Id | None = None


class Step(_Strict, kw_only=True, frozen=True):
    """One step of a journey.

    `from` and `to` name types or ports; `action` makes it an action of `from`; `confirm` is the customer's
    own confirmation of that action, outside the agents; `delegate` passes the link's authority on;
    `under` names the type that delegated the authority under which the action is done. A step that has
    `steps` is a group, done `repeat` times; a loaded fleet has no groups any more, they are written out.
    """

    from_: Id | None = msgspec.field(name="from", default=None)
    to: Id | None = None
    kind: KindName = "data"
    action: Id | None = None
    confirm: Id | None = None
    delegate: tuple[Id, ...] = ()
    under: Id | None = None
    chance: Share = 1.0
    repeat: Annotated[int, Meta(ge=1, le=100)] = 1
    steps: tuple["Step", ...] = ()


class Journey(_Strict, kw_only=True, frozen=True):
    """A way through the fleet that an honest session or task takes."""

    id: Id
    share: Share
    steps: tuple[Step, ...]


class Workload(_Strict, kw_only=True, frozen=True):
    """Honest traffic. Without journeys, tasks walk the links at random (`journeys/workloads.py`).

    actions_per_session  what one instance does in one session: messages and actions together
    hostile_sessions     sessions of one attacker at the same time
    """

    sessions_normal: Positive | None = None
    sessions_peak: Positive | None = None
    session_minutes: Positive = 15
    actions_per_session: Positive = 10
    messages_per_agent_minute: Above0 | None = None
    peak_factor: Above0 = 1.0
    handoffs_min: Positive = 8
    handoffs_max: Positive = 12
    clusters_per_task_min: Positive | None = None
    clusters_per_task_max: Positive | None = None
    delegations_per_minute: Positive | None = None
    instances_per_day: Positive | None = None
    ramp_minutes: Positive | None = None
    hostile_sessions: Positive | None = None
    journeys: tuple[Journey, ...] = ()


class Identity(_Strict, kw_only=True, frozen=True):
    """How a pod proves what it is: by a Kubernetes service-account token, projected for maso's audience.

    issuer             the cluster's issuer, as tokens name it (`iss`)
    audience           what a token must have been made for (`aud`)
    jwks_sha256        SHA-256 of the key set's bytes, in hexadecimal: a key set with other bytes is not taken
    token_minutes_max  longest lifetime of a token; Kubernetes makes none for less than ten minutes
    rotation_days      how often credentials that were provisioned in advance would be rotated: for comparison
    """

    issuer: Annotated[str, Meta(pattern=r"^https://[!-~]{1,500}$", description="an https address")]
    audience: Annotated[str, Meta(pattern=r"^[!-~]{1,200}$", description="letters without spaces")]
    token_minutes_max: Annotated[int, Meta(ge=10)]
    jwks_sha256: (
        Annotated[str, Meta(pattern=r"^[0-9a-f]{64}$", description="64 hexadecimal digits")] | None
    ) = None
    rotation_days: Positive | None = None


class Dependency(_Strict, kw_only=True, frozen=True):
    """A cluster consumes what another produces; what it does when the producer degrades (F3)."""

    consumer: Id
    producer: Id
    on_alternate: Literal["continue", "stale", "fallback", "cascade"] = "continue"
    on_contingency: Literal["stale", "fallback", "cascade"] = "stale"
    on_emergency: Literal["stale", "fallback", "cascade"] = "cascade"
    policy: Literal["automatic", "assess"] = "automatic"
    stale_minutes_max: Positive | None = None
    fallback: str = ""


class Cluster(_Strict, kw_only=True, frozen=True):
    """A functional group of agents, with its place in the order of recovery."""

    id: Id
    about: str = ""
    region: Id | None = None
    orchestrator: Id | None = None
    recovery_order: Positive | None = None


class ShutdownStage(_Strict, kw_only=True, frozen=True):
    """One stage of the graduated shutdown, in the order halt, freeze, drain, terminate, reconcile."""

    stage: Literal["halt", "freeze", "drain", "terminate", "reconcile"]
    seconds_max: Count
    about: str = ""
    customer_message: str = ""


class Switch(_Strict, kw_only=True, frozen=True):
    """The kill switch: its leases, the clocks, the second person, and the gateway that its sweep asks.

    lease_ms               how long an agent may act by one lease; whoever cannot hear the switch stops then
    renew_ms               a lease is renewed so often; shorter than the lease, by more than `drift_ms`
    drift_ms               how far any clock may be off the switch's
    second_person_seconds  so long the order of one person waits for another; then the fleet stays frozen
    calls_at_once          questions of the sweep that the gateway has in its hands at any moment; unless
                           given, `target.in_flight_confirm_per_second` times the longest call, or 50
    """

    # Shorter than a round trip round the world is no lease; after ten minutes nobody calls it a stop.
    lease_ms: Annotated[int, Meta(ge=500, le=600_000)] = 6_000
    renew_ms: Annotated[int, Meta(ge=100, le=300_000)] = 2_000
    # A clock that is off by more than a minute is broken, and no bound holds.
    drift_ms: Annotated[int, Meta(ge=0, le=60_000)] = 100
    second_person_seconds: Annotated[int, Meta(ge=10, le=86_400)] = 300
    calls_at_once: Annotated[int, Meta(ge=1, le=100_000)] | None = None


class BudgetStep(_Strict, kw_only=True, frozen=True):
    """What is done when this share of the day's budget is spent; shares and steps rise together."""

    share: Share
    step: Literal["alert", "warn", "throttle", "degrade", "hard_stop"]
    owner: str = ""
    runbook: str = ""


class Component(_Strict, kw_only=True, frozen=True):
    """A priced part of the platform that is not an agent type (E9)."""

    id: Id
    about: str = ""
    cost_driver: str = ""
    usd_per_call: Money = 0.0
    calls_per_session: From0 = 0.0
    price_source: str = ""


class PeakPhase(_Strict, kw_only=True, frozen=True):
    """One of the phases of peak trading (E9), with its causes as figures."""

    phase: Annotated[int, Meta(ge=1, le=4)]
    cost_increase: Share
    factors: dict[str, Above0] = {}
    budget_alert: Share | None = None
    attribution: dict[str, Share] = {}


class ThrottleOption(_Strict, kw_only=True, frozen=True):
    """A pre-approved (or refused) way to save money under pressure."""

    id: Id
    step: Literal["throttle", "degrade", "hard_stop"]
    saves_share: Share
    of: str
    gives_up: str
    approved_by: str = ""


class Governance(_Strict, kw_only=True, frozen=True):
    """Who decides what, with which money and how many people."""

    budget_usd_per_day: Money | None = None
    budget_steps: tuple[BudgetStep, ...] = ()
    decision_rights: dict[str, str] = {}
    options: tuple[ThrottleOption, ...] = ()
    reviewers: Count = 0
    reviews_per_reviewer_hour: Above0 = 0.0
    review_minutes_max: Positive | None = None
    audit_rules_per_hour: Above0 = 0.0
    reversion: str = ""
    reversion_owner: str = ""
    risk_owner: str = ""
    funding_contingency: str = ""
    root_cause_minutes_max: Positive | None = None


class Judge(_Strict, kw_only=True, frozen=True):
    """The model that evaluates what agents do (EC-2.5)."""

    provider: Id | None = None
    usd_per_call: Money = 0.0
    latency_ms_median: Count = 0
    price_source: str = ""
    escalation_share: Share | None = None  # share of judged actions that end at a person


class Watch(_Strict, kw_only=True, frozen=True):
    """When observation speaks: an instance against its type, a type against its past (OB-2.1, OB-2.2)."""

    outlier_latency_factor: Annotated[float, Meta(ge=1)] | None = None
    error_rate_shift: Share | None = None
    shift_minutes_max: Positive | None = None
    elevated_score: Annotated[int, Meta(ge=0, le=100)] = 40
    high_score: Annotated[int, Meta(ge=0, le=100)] = 60
    critical_score: Annotated[int, Meta(ge=0, le=100)] = 80
    signal_weights: dict[str, Share] = {}
    false_alarms_per_agent_day: From0 | None = None


class Target(_Strict, kw_only=True, frozen=True):
    """What the fleet must reach, and the budgets that breakpoints are measured against."""

    size: Positive | None = None
    messages_per_second: Positive | None = None
    latency_ms_max: Positive | None = None
    provider_share_max: Share = 0.4
    delegation_latency_ms_max: Above0 | None = None
    escalations_per_hour_max: From0 | None = None
    false_alarms_per_day_max: From0 | None = None
    blast_radius_share_max: Share | None = None
    recovery_minutes_max: Above0 | None = None
    stop_seconds_max: Above0 | None = None
    judge_usd_per_hour_max: Money | None = None
    audit_hours_max: Above0 | None = None
    cost_usd_per_month_max: Money | None = None
    in_flight_confirm_per_second: Above0 | None = None
    in_flight_payments_max: Positive | None = None
    open_reservations_max: Positive | None = None


class DlpRule(_Strict, kw_only=True, frozen=True):
    """A rule of the firm's own: how something of its business is recognised, and where that belongs.

    pattern  in Hyperscan's syntax, found anywhere in what is sent; capitals make no difference
    policy   raise: what names it belongs to the compartment, and clearance decides; refuse: nobody sends it
    """

    id: Id
    # A name with its variants takes 50 characters; what is ten times that is a list, of one rule each.
    pattern: Annotated[str, Meta(min_length=1, max_length=500)]
    compartment: Id
    policy: Literal["raise", "refuse"] = "raise"
    about: str = ""


class Dlp(_Strict, kw_only=True, frozen=True):
    """What DLP does on every link unless the link says otherwise, and which compartment a kind belongs to.

    rules  what only this firm can name: its deals, clients, projects (`scan/custom.py`)
    """

    policy: dict[DlpKind, DlpPolicy] = {}
    compartments: dict[DlpKind, Id] = {}
    rules: tuple[DlpRule, ...] = ()


class Prices(_Strict, kw_only=True, frozen=True):
    """What running the controls costs: machines and people. Inputs with a source, like every price."""

    core_usd_month: Money | None = None
    person_usd_hour: Money | None = None
    source: str = ""


class Controls(_Strict, kw_only=True, frozen=True):
    """How the controls are built, where there is a choice; what is left out is maso's own way.

    delegation_policy      what a delegation rule names: two running instances, two agents (types in a depth
                           fleet), two roles, or two clusters; wider rules are fewer and permit more
    transitive_check       keep the closure of the delegation graph up to date, or search it at every request
    contract_verification  verify a contract's signature once, or whenever it is used
    barrier_policy         one label per message, or one rule per barrier and pair of agents
    label_propagation      `declared` believes the sender's label: only `maso stress` uses it, to compare
    scan_at                `boundaries` scans only what enters, leaves or changes clearance: only to compare
    bus                    one message bus, or one per information barrier with gates between them
    credentials            `pre-provisioned` reuses credentials over sessions: only to compare
    pace_axes              `three`: every cluster degrades and returns alone: only to compare
    pace_evidence          `signals` counts failures instead of instances that fail: only to compare
    pace_on_emergency      `fallback`: where a dependency names a fallback, its consumer takes that, instead
                           of what it declares, when the producer is in Emergency
    pace_hysteresis        `none`: back as soon as it looks better, as often as it likes: only to compare
    pace_return            in four steps, in forty small ones, or (only to compare) all at once
    stop_order             `immediate` ends everything at once, without a drain: only to compare
    stop_by                `control-plane`: whoever is not told goes on: only to compare
    stop_switches          one switch, or (only to compare) one in every region
    """

    delegation_policy: Literal["per-instance", "point-to-point", "role-based", "cluster-based"] = (
        "point-to-point"
    )
    transitive_check: Literal["incremental", "per-request"] = "incremental"
    contract_verification: Literal["cached", "every-use"] = "cached"
    barrier_policy: Literal["label-lattice", "per-pair-rules"] = "label-lattice"
    label_propagation: Literal["delivered", "declared"] = "delivered"
    scan_at: Literal["every-message", "boundaries"] = "every-message"
    bus: Literal["one", "per-barrier"] = "one"
    credentials: Literal["session", "pre-provisioned"] = "session"
    pace_axes: Literal["four", "three"] = "four"
    pace_evidence: Literal["instances", "signals"] = "instances"
    pace_hysteresis: Literal["dwell", "none"] = "dwell"
    pace_on_emergency: Literal["declared", "fallback"] = "declared"
    pace_return: Literal["steps", "small-steps", "at-once"] = "steps"
    stop_order: Literal["graduated", "immediate"] = "graduated"
    stop_by: Literal["lease", "control-plane"] = "lease"
    stop_switches: Literal["one", "per-region"] = "one"


class Fleet(_Strict, kw_only=True, frozen=True):
    """A whole fleet at one size. `size` counts agents (breadth) or concurrent sessions (depth)."""

    fleet: Id
    kind: Literal["breadth", "depth"]
    about: str = ""
    tier: Annotated[int, Meta(ge=1, le=3)] = 2
    size: Positive = 1
    compartments: tuple[Compartment, ...] = ()
    providers: tuple[Provider, ...] = ()
    regions: tuple[Region, ...] = ()
    clusters: tuple[Cluster, ...] = ()
    schemas: tuple[Schema, ...]
    ports: tuple[Port, ...] = ()
    actions: tuple[Action, ...] = ()
    types: tuple[AgentType, ...]
    links: tuple[Link, ...]
    delegations: tuple[Delegation, ...] = ()
    dlp: Dlp = Dlp()
    workload: Workload = Workload()
    identity: Identity | None = None
    dependencies: tuple[Dependency, ...] = ()
    shutdown: tuple[ShutdownStage, ...] = ()
    switch: Switch = Switch()
    judge: Judge = Judge()
    watch: Watch = Watch()
    components: tuple[Component, ...] = ()
    peak: tuple[PeakPhase, ...] = ()
    governance: Governance = Governance()
    prices: Prices = Prices()
    controls: Controls = Controls()
    target: Target = Target()
