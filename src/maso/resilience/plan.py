"""What the fleet file says about going down and coming back, as the coordinator needs it.

The file declares per level what triggers (`trigger_share`, `trigger_minutes`), who decides (`decided_by`),
how often it may heal by itself, a backup provider and the customer's words. What it leaves open is fixed
here, each with its reason.
"""

from typing import Final, NamedTuple

import msgspec

from maso.clock import MINUTE, SECOND
from maso.fleet.model import AgentType, Cluster, Dependency, Fleet, Watch
from maso.resilience.counters import Evidence, SignalEvidence
from maso.resilience.pace import INSTANCE_SETTINGS, Authority, Settings
from maso.resilience.ramp import AT_ONCE_MILLI, SHARES_MILLI, SMALL_SHARES_MILLI

# E6: more than 20% of the instances within 2 minutes; used where a type declares no trigger of its own.
TRIGGER_SHARE: Final = 0.2
TRIGGER_MINUTES: Final = 2
# Coming back needs half of what going down takes, so that a share just at the threshold does not flap.
BACK_SHARE_DIVISOR: Final = 2
# What was under way when a type took its second way fails by the first one's fault.
SETTLE_NS: Final = 10 * SECOND
# Clusters and the system hold what many depend on; they wait as long as a type with the seed's trigger.
CLUSTER_DWELL_NS: Final = 2 * MINUTE
# Where the fleet file states no `review_minutes_max`.
ANSWER_NS: Final = 15 * MINUTE
# Roles that may decide where `governance.decision_rights` names none under `pace_transition` or
# `leave_emergency`.
OPERATOR: Final = "operator"
COMMANDER: Final = "incident commander"


class TypePlan(NamedTuple):
    """One type. Shares in thousandths; empty strings where nothing is declared."""

    id: str
    cluster: str
    risk: str
    task: bool
    provider: str
    backup: str
    trigger_milli: int
    trigger_minutes: int
    message: str
    settings: Settings
    instance: Settings
    back_divisor: int = BACK_SHARE_DIVISOR

    @property
    def back_milli(self) -> int:
        return self.trigger_milli // self.back_divisor


class Plan(NamedTuple):
    """
    alone     three axes: no cluster knows of another, nor waits for its turn, and nobody adds them up
    shares    the steps of a return
    evidence  what a type's window counts
    """

    types: tuple[TypePlan, ...]
    clusters: tuple[Cluster, ...]
    dependencies: tuple[Dependency, ...]
    cluster: Settings
    watch: Watch
    roles: dict[str, Authority]
    alone: bool = False
    shares: tuple[int, ...] = SHARES_MILLI
    evidence: type[Evidence] = Evidence


def plan_of(fleet: Fleet) -> Plan:
    """The plan of a loaded fleet."""
    review = fleet.governance.review_minutes_max
    answer_ns = review * MINUTE if review else ANSWER_NS
    rights = fleet.governance.decision_rights
    roles = {
        rights.get("pace_transition", OPERATOR): Authority.OPERATOR,
        # Last: where one name stands for both, it may leave Emergency.
        rights.get("leave_emergency", COMMANDER): Authority.COMMANDER,
    }
    declared = {cluster.id for cluster in fleet.clusters}
    used = dict.fromkeys(agent.cluster for agent in fleet.types)
    clusters = (*fleet.clusters, *(Cluster(id=name) for name in used if name not in declared))
    steady = fleet.controls.pace_hysteresis == "dwell"
    types = tuple(_type(agent, answer_ns, steady) for agent in fleet.types)
    settings = Settings(CLUSTER_DWELL_NS, answer_ns=answer_ns)
    alone = fleet.controls.pace_axes == "three"
    return Plan(
        types,
        clusters,
        () if alone else _dependencies(fleet),
        settings if steady else _unsteady(settings),
        fleet.watch,
        roles,
        alone,
        _SHARES[fleet.controls.pace_return],
        SignalEvidence if fleet.controls.pace_evidence == "signals" else Evidence,
    )


def _dependencies(fleet: Fleet) -> tuple[Dependency, ...]:
    if fleet.controls.pace_on_emergency == "declared":
        return fleet.dependencies
    return tuple(
        msgspec.structs.replace(d, on_emergency="fallback") if d.fallback else d for d in fleet.dependencies
    )


_SHARES: Final[dict[str, tuple[int, ...]]] = {
    "steps": SHARES_MILLI,
    "small-steps": SMALL_SHARES_MILLI,
    "at-once": AT_ONCE_MILLI,
}
# More returns than a day has seconds: no limit.
_UNLIMITED: Final = 100_000


def _unsteady(settings: Settings) -> Settings:
    return settings._replace(dwell_ns=0, heals_max=_UNLIMITED)


def _type(agent: AgentType, answer_ns: int, steady: bool = True) -> TypePlan:
    level, single = agent.pace.type, agent.pace.instance
    minutes = level.trigger_minutes or TRIGGER_MINUTES
    share = TRIGGER_SHARE if level.trigger_share is None else level.trigger_share
    # A phase lasts at least as long as the window that speaks about it.
    settings = Settings(
        minutes * MINUTE, level.self_heals_per_day_max, level.decided_by == "person", answer_ns
    )
    return TypePlan(
        agent.id,
        agent.cluster,
        agent.risk,
        agent.plane == "task",
        agent.provider or "",
        level.backup_provider or "",
        round(share * 1000),
        minutes,
        level.customer_message,
        settings if steady else _unsteady(settings),
        INSTANCE_SETTINGS._replace(heals_max=single.self_heals_per_day_max, answer_ns=answer_ns),
        BACK_SHARE_DIVISOR if steady else 1,
    )
