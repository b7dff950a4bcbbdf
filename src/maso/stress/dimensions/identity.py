"""Identity: issuing, proving, using and ending credentials at the pace at which pods come and go.

Standard is what a team does for a handful of long-lived agents: credentials provisioned per type in advance,
lent to whatever session needs one, rotated on a schedule. The adaptation makes a credential live as long as
its instance. Both run the same plane; only who may join, and with which key, differs.

Not measured here: who may delegate what to whom (`delegation`), and what a stolen key reads inside its own
session. What answers the questions is in `stress/probes/identity_words.py`.
"""

from maso.fleet.model import Fleet
from maso.stress.dimension import (
    Adaptation,
    Axis,
    Budget,
    Dimension,
    ListOf,
    Probe,
    Quantity,
    Question,
    limit,
)
from maso.stress.probes import (
    identity_blast,
    identity_cost,
    identity_grants,
    identity_pods,
    identity_theft,
    identity_words,
)

SESSION = "session-credentials"
_BOTH = ("IA-2.1", "IA-2.2")
_DAY_SECONDS = 86_400
_HOURS = (1, 2, 4, 8, 16, 24)


def _blast(fleet: Fleet) -> Budget | None:
    return limit(fleet.target.blast_radius_share_max, "max", "target.blast_radius_share_max")


def _sessions(fleet: Fleet) -> Budget | None:
    """The share of the fleet that one failure may take, in sessions; its own one is always lost."""
    share = fleet.target.blast_radius_share_max
    size = fleet.size if fleet.kind == "depth" else len(fleet.types)
    return None if share is None else Budget(max(1.0, share * size), "max", "target.blast_radius_share_max")


def _stolen(fleet: Fleet) -> Budget | None:
    minutes = [agent.session_minutes_max for agent in fleet.types]
    known = [m for m in minutes if m is not None]
    if not known or len(known) < len(minutes):
        return None
    return Budget(60.0 * max(known), "max", "types[].session_minutes_max")


def _none(_fleet: Fleet) -> Budget:
    return Budget(0.0, "max", "invariant 5: one session, one type")


def needed(fleet: Fleet) -> Budget | None:
    """Instances a second that must be admitted: by the ramp to the peak, or by the day's churn at peak."""
    load = fleet.workload
    found: list[Budget] = []
    if load.ramp_minutes is not None and load.sessions_peak is not None:
        instances = load.sessions_peak * sum(agent.per_session for agent in fleet.types)
        found.append(Budget(instances / (60 * load.ramp_minutes), "min", "workload.ramp_minutes"))
    if load.instances_per_day is not None:
        rate = load.instances_per_day / _DAY_SECONDS * load.peak_factor
        found.append(Budget(rate, "min", "workload.instances_per_day"))
    return max(found, default=None, key=lambda budget: budget.value)


def _declares_tokens(fleet: Fleet) -> str:
    return "" if fleet.identity is not None else "the fleet file has no section `identity`"


def _us(name: str, title: str, controls: tuple[str, ...] = _BOTH, each: str = "an instance") -> Quantity:
    return Quantity(
        id=name, title=title, unit=f"µs of CPU {each}", mark="measured", controls=controls,
        expected="constant",
    )  # fmt: skip


COSTS = Probe(
    id="costs",
    title="the life of a credential",
    run=identity_cost.costs,
    adaptations=(SESSION,),
    quantities=(
        _us("token_us", "checking a pod's token", ("IA-2.2",)),
        _us("issue_us", "issuing its share of a session's credential"),
        _us("admit_us", "admitting it"),
        _us("proof_us", "proving who sent a message", ("IA-2.1",), "a message"),
        _us("revoke_us", "revoking it"),
        _us("end_us", "ending it with its session"),
        Quantity(
            id="admissions_per_second", title="instances one core sees from token to end in a second",
            unit="instances a second", mark="measured", controls=_BOTH, expected="constant",
            budget=needed, budget_key="workload.ramp_minutes",
        ),
        Quantity(
            id="ramp_cores", title="cores for admissions while all of them arrive in the declared minutes",
            unit="cores", mark="measured", controls=_BOTH, expected="linear",
        ),
        Quantity(
            id="rotations_per_day", title="credentials that somebody rotates in a day",
            unit="rotations a day", mark="declared", controls=("IA-2.5",), expected="linear",
        ),
        Quantity(
            id="rotation_seconds_day", title="CPU that rotation takes in a day",
            unit="seconds of CPU a day", mark="measured", controls=("IA-2.5",), expected="linear",
        ),
    ),
)  # fmt: skip

MEMORY = Probe(
    id="memory",
    title="what a live instance holds",
    run=identity_cost.memory,
    adaptations=(SESSION,),
    quantities=(
        Quantity(
            id="bytes_per_instance", title="memory of one live instance in the plane", unit="bytes",
            mark="measured", controls=("IA-2.2",), expected="constant",
        ),
    ),
)  # fmt: skip

CHURN = Probe(
    id="churn",
    title="what is left of ended instances",
    run=identity_cost.churn,
    adaptations=(SESSION,),
    axis=Axis(
        id="hours", unit="hours of churn", points=lambda _fleet, _quick: _HOURS,
        point_max=24, target=lambda _fleet: 24,
    ),
    quantities=(
        Quantity(
            id="records_per_session", title="credentials remembered for each session that is there",
            unit="records", mark="measured", controls=("IA-2.2",), expected="constant", exact=True,
        ),
        Quantity(
            id="left_over", title="instances that were not removed with their session", unit="instances",
            mark="measured", controls=("IA-2.2",), expected="constant", exact=True, budget=_none,
        ),
        Quantity(
            id="outliving_share", title="credentials that outlive their instance", unit="share",
            mark="measured", controls=("IA-2.5",), expected="constant", exact=True, budget=_none,
        ),
        Quantity(
            id="stale_share", title="keys of ended instances that the plane still hears", unit="share",
            mark="measured", controls=("IA-2.1",), expected="constant", exact=True, budget=_none,
        ),
    ),
)  # fmt: skip

BLAST = Probe(
    id="blast",
    title="what a compromised instance reaches",
    run=identity_blast.blast,
    adaptations=(SESSION,),
    quantities=(
        Quantity(
            id="blast_radius_share", title="other sessions that one stolen key reaches", unit="share",
            mark="measured", controls=("IA-2.1", "DP-1.3"), expected="constant", exact=True,
            budget=_blast, budget_key="target.blast_radius_share_max",
        ),
        Quantity(
            id="lateral_share", title="attempts beyond its own session, type and tools that got through",
            unit="share", mark="measured", controls=("IA-2.1", "IA-2.2", "IA-1.4"), expected="constant",
            exact=True, budget=_none,
        ),
        Quantity(
            id="own_actions_share", title="actions of the fleet that one instance may do at all",
            unit="share", mark="measured", controls=("IA-1.4",), expected="constant", exact=True,
        ),
        Quantity(
            id="unvouched_share", title="actions that it may do at once, with nobody vouching",
            unit="share", mark="measured", controls=("EC-2.6", "IA-2.3"), expected="constant", exact=True,
        ),
    ),
)  # fmt: skip

THEFT = Probe(
    id="theft",
    title="how long a stolen credential is good for",
    run=identity_theft.theft,
    adaptations=(SESSION,),
    quantities=(
        Quantity(
            id="stolen_mean_s", title="validity of a stolen credential, mean", unit="seconds",
            mark="simulated", controls=("IA-2.5",), expected="constant",
        ),
        Quantity(
            id="stolen_p95_s", title="validity of a stolen credential, 95 in 100", unit="seconds",
            mark="simulated", controls=("IA-2.5",), expected="constant",
        ),
        Quantity(
            id="stolen_max_s", title="validity of a stolen credential, longest", unit="seconds",
            mark="simulated", controls=("IA-2.5",), expected="constant", budget=_stolen,
            budget_key="types[].session_minutes_max",
        ),
        Quantity(
            id="stolen_sessions", title="sessions that it reaches until it stops working", unit="sessions",
            mark="simulated", controls=("IA-2.1", "IA-2.5"), expected="linear", budget=_sessions,
            budget_key="target.blast_radius_share_max",
        ),
    ),
)  # fmt: skip

PODS = Probe(
    id="pods",
    title="which tokens are taken",
    run=identity_pods.pods,
    adaptations=(SESSION,),
    at_target=True,
    applies=_declares_tokens,
    quantities=(
        Quantity(
            id="wrong_tokens_accepted", title="tokens taken that prove no pod of the type", unit="tokens",
            mark="measured", controls=("IA-2.2",), expected="constant", exact=True, budget=_none,
        ),
        Quantity(
            id="right_tokens_refused", title="pods of the right account that became no instance",
            unit="pods", mark="measured", controls=("IA-2.2",), expected="constant", exact=True,
        ),
        Quantity(
            id="pods_used_twice", title="pods taken for a second session, or after they ended", unit="pods",
            mark="measured", controls=("IA-2.2",), expected="constant", exact=True, budget=_none,
        ),
        Quantity(
            id="types_without_account", title="agent types without a service account of their own",
            unit="types", mark="declared", controls=("IA-2.2",), expected="constant", exact=True,
        ),
    ),
)  # fmt: skip

GRANTS = Probe(
    id="grants",
    title="what is granted and not used",
    run=identity_grants.grants,
    adaptations=(SESSION,),
    at_target=True,
    quantities=(
        Quantity(
            id="grants", title="actions granted to types", unit="grants", mark="declared",
            controls=("IA-1.4",), expected="constant", exact=True,
        ),
        Quantity(
            id="unused_grants", title="actions granted that no journey uses", unit="grants",
            mark="declared", controls=("IA-1.4",), expected="constant", exact=True,
        ),
        Quantity(
            id="unused_links", title="ways between agents that no journey uses", unit="links",
            mark="declared", controls=("IA-1.4",), expected="constant", exact=True,
        ),
        Quantity(
            id="types_without_maximum", title="agent types without a longest session", unit="types",
            mark="declared", controls=("IA-2.5",), expected="constant", exact=True,
        ),
        Quantity(
            id="late_accepted", title="messages taken at or after the credential's end", unit="messages",
            mark="measured", controls=("IA-2.1",), expected="constant", exact=True, budget=_none,
        ),
    ),
)  # fmt: skip

DIMENSION = Dimension(
    id="identity",
    title="Identity and credentials",
    seed_dimension=("E4",),
    about="issuing, proving, using, expiring and revoking credentials while instances come and go, and "
    "what a stolen one reaches",
    probes=(COSTS, MEMORY, CHURN, BLAST, THEFT, PODS, GRANTS),
    standard=(("credentials", "pre-provisioned"),),
    adaptations=(
        Adaptation(
            id=SESSION,
            title="a credential for each session, from the pods' own tokens; it ends with them",
            settings=(("credentials", "session"),),
            complexity="low",
            gives_up=identity_words.gives_up,
            cost=identity_words.cost,
        ),
    ),
    questions=(
        Question(id="E4.1", answer=identity_words.pod_identity),
        Question(id="E4.2", answer=identity_words.scoped),
        Question(id="E4.3", answer=identity_words.lateral),
        Question(id="E4.4", answer=identity_words.longest),
    ),
    controls=identity_words.controls,
    decisions=identity_words.decisions,
    right=identity_words.RIGHT,
    costs=identity_words.costs,
    attack_paths=identity_words.attack_paths,
    lists=(
        ListOf(
            id="attempts", title="What one stolen key tried, and what stopped it", probe="blast",
            detail="attempts_by_kind", columns=("attempt", "tried", "got through", "stopped by"),
        ),
        ListOf(
            id="own", title="What one instance may do itself", probe="blast", detail="own",
            columns=("type", "at once", "when somebody vouches", "under a contract", "actions of the fleet"),
        ),
        ListOf(
            id="by-id", title="Done at once, on a record that the message names by id: the port must ask "
            "whose it is", probe="blast", detail="by_id", columns=("type", "action"),
        ),
        ListOf(
            id="tokens", title="Tokens that prove no pod, tried", probe="pods", detail="tokens",
            columns=("what is wrong with it", "tried", "taken", "refused as"),
        ),
        ListOf(
            id="unused", title="Granted, and used by no journey", probe="grants", detail="unused",
            columns=("type", "grant"),
        ),
    ),
    not_checked=(
        "the cloud's own roles (IAM through IRSA or Pod Identity), which are not part of maso",
        "the kubelet, the node and the API server, which are believed about which pod a token belongs to",
        "which pod serves which session: the platform's session router says so",
        "ports that answer about another customer's record: they are told the session, and must look",
        "the time until somebody notices a theft; validity counts on nobody noticing",
    ),
    order=40,
)  # fmt: skip
