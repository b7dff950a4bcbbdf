"""PACE: going down on four levels, what one cluster does to the others, and coming back.

Standard is what a team has for a handful of agents in one cluster: three axes without the fourth, so that
every cluster decides alone; failures counted, whoever they come from; back as soon as it looks better; all
at once. The adaptations change each. The coordinator that is driven is the one that runs live.

Not measured here: each rule of what a phase forbids (the plane's tests; `posture` counts what it comes to),
stopping for good (`shutdown`), and who watches for what is no failure (`observability`). What answers the
questions is in `stress/probes/pace_words.py`.
"""

from typing import Final

from maso.fleet.model import Fleet
from maso.stress.dimension import (
    Adaptation,
    Budget,
    Dimension,
    ListOf,
    Probe,
    Quantity,
    Question,
    limit,
)
from maso.stress.probes import pace_cascade, pace_posture, pace_signals, pace_words
from maso.stress.probes.pace_stage import most_critical
from maso.stress.probes.pace_words import DWELL, FALLBACK, FOURTH, INSTANCES, SMALL

RAMP: Final = "ramped-return"
_PACE: Final = ("PACE-1",)
_BREAKER: Final = ("OB-3.2", "PACE-1")


def _none(_fleet: Fleet) -> Budget:
    return Budget(0.0, "max", "invariant 11: recovery follows the dependency order")


def _nobody(_fleet: Fleet) -> Budget:
    return Budget(0.0, "max", "an instance's failure moves nothing but itself")


def _informed(_fleet: Fleet) -> Budget:
    return Budget(0.0, "max", "whoever depends on a cluster knows its phase")


def _blast(fleet: Fleet) -> Budget | None:
    return limit(fleet.target.blast_radius_share_max, "max", "target.blast_radius_share_max")


def _window(fleet: Fleet) -> Budget | None:
    minutes = most_critical(fleet).pace.type.trigger_minutes
    return None if minutes is None else Budget(60.0 * minutes, "max", "types[].pace.type.trigger_minutes")


def _recovers(fleet: Fleet) -> Budget | None:
    """No key is named where none is declared: few files say it, and the price of small steps names it."""
    return limit(fleet.target.recovery_minutes_max, "max", "target.recovery_minutes_max")


def _rate(fleet: Fleet) -> Budget | None:
    rate = fleet.target.messages_per_second
    return None if rate is None else Budget(float(rate), "min", "target.messages_per_second")


def _hostile(fleet: Fleet) -> Budget | None:
    """In a breadth fleet a type is one agent: its few tasks are all the evidence that there is about it."""
    sessions = fleet.workload.hostile_sessions
    if sessions is None or fleet.kind == "breadth":
        return None
    return Budget(float(sessions), "min", "workload.hostile_sessions")


def _heals(fleet: Fleet) -> Budget:
    heals = most_critical(fleet).pace.type.self_heals_per_day_max
    return Budget(float(heals), "max", "types[].pace.type.self_heals_per_day_max")


def _limit(fleet: Fleet) -> Budget | None:
    limit, key, _ = pace_signals.tightest(fleet)
    return None if limit is None else Budget(limit, "max", key)


def _depends(fleet: Fleet) -> str:
    return "" if fleet.dependencies else "the fleet declares no dependencies between clusters"


_CASCADE: Final = Probe(
    id="cascade",
    title="one cluster in each phase, and what follows",
    run=pace_cascade.cascade,
    adaptations=(FOURTH, FALLBACK),
    applies=_depends,
    quantities=(
        Quantity(
            id="dependencies", title="dependencies between clusters", unit="dependencies", mark="declared",
            controls=_PACE, expected="linear", exact=True,
        ),
        Quantity(
            id="cascade_depth", title="longest chain of clusters that one takes along", unit="clusters",
            mark="measured", controls=_PACE, expected="constant", exact=True,
        ),
        Quantity(
            id="clusters_moved", title="other clusters that one moves out of Primary, at most",
            unit="clusters",
            mark="measured", controls=_BREAKER, expected="constant", exact=True,
        ),
        Quantity(
            id="lost_share", title="share of all agents lost in other clusters, with one, in five minutes",
            unit="share", mark="measured", controls=_BREAKER, expected="constant", exact=True, budget=_blast,
            budget_key="target.blast_radius_share_max",
        ),
        Quantity(
            id="lost_later_share", title="share of all agents lost in other clusters, in the end",
            unit="share", mark="measured", controls=_PACE, expected="constant", exact=True,
        ),
        Quantity(
            id="sessions_share", title="sessions that need a cluster which is lost, at most", unit="share",
            mark="simulated", controls=_PACE, expected="constant", exact=True,
        ),
        Quantity(
            id="uninformed_share", title="consumers that do not know what their producer is in",
            unit="share", mark="measured", controls=_PACE, expected="constant", exact=True, budget=_informed,
        ),
        Quantity(
            id="learn_ms", title="until the furthest consumer's orchestrator is told", unit="ms",
            mark="simulated", controls=_PACE, expected="constant", exact=True,
        ),
    ),
)  # fmt: skip

_RECOVERY: Final = Probe(
    id="recovery",
    title="all clusters gone, and back",
    run=pace_cascade.recovery,
    adaptations=(FOURTH, DWELL, RAMP, SMALL),
    applies=_depends,
    quantities=(
        Quantity(
            id="recovery_minutes", title="from the last cause's end until all clusters are in Primary",
            unit="minutes", mark="simulated", controls=_PACE, expected="constant", budget=_recovers,
        ),
        Quantity(
            id="returns_too_early", title="steps back up that a producer's phase forbids", unit="steps",
            mark="simulated", controls=_PACE, expected="constant", budget=_none,
        ),
    ),
)  # fmt: skip

_SIGNALS: Final = Probe(
    id="signals",
    title="from the first failure to Alternate",
    run=pace_signals.signals,
    quantities=(
        Quantity(
            id="detect_s", title="until a type that fails for everybody is in Alternate", unit="seconds",
            mark="simulated", controls=("OB-2.2", "PACE-1"), expected="constant", budget=_window,
            budget_key="types[].pace.type.trigger_minutes",
        ),
        Quantity(
            id="signal_us", title="CPU of one signal", unit="µs", mark="measured", controls=_PACE,
            expected="constant",
        ),
        Quantity(
            id="signals_per_second", title="signals that one core takes", unit="signals a second",
            mark="measured", controls=_PACE, expected="constant", budget=_rate,
            budget_key="target.messages_per_second",
        ),
    ),
)  # fmt: skip

_APART: Final = Probe(
    id="apart",
    title="one instance against its type",
    run=pace_signals.apart,
    adaptations=(INSTANCES,),
    at_target=True,
    quantities=(
        Quantity(
            id="moved_by_one", title="types that one instance moves by failing as often as it can",
            unit="types", mark="measured", controls=("OB-2.2", "PACE-1"), expected="constant", exact=True,
            budget=_nobody,
        ),
        Quantity(
            id="hostile_needed", title="instances that must fail together to move the most critical type",
            unit="instances", mark="simulated", controls=("OB-2.2", "PACE-1"), expected="linear", exact=True,
            budget=_hostile, budget_key="workload.hostile_sessions",
        ),
    ),
)  # fmt: skip

_FLAPPING: Final = Probe(
    id="flapping",
    title="a supply that comes and goes",
    run=pace_signals.flapping,
    adaptations=(DWELL,),
    at_target=True,
    quantities=(
        Quantity(
            id="returns_per_day", title="returns by itself in a day, to a supply that comes and goes",
            unit="returns", mark="simulated", controls=_BREAKER, expected="constant",
            exact=True, budget=_heals,
        ),
        Quantity(
            id="turns_per_day", title="changes of phase in that day", unit="changes", mark="simulated",
            controls=_BREAKER, expected="constant", exact=True,
        ),
    ),
)  # fmt: skip

_RETURN: Final = Probe(
    id="return",
    title="coming back",
    run=pace_signals.returning,
    adaptations=(RAMP, SMALL),
    quantities=(
        Quantity(
            id="return_peak", title="sessions of the most critical type that return in the same second",
            unit="sessions", mark="simulated", controls=_PACE, expected="linear", budget=_limit,
            budget_key="ports[].calls_per_minute_max",
        ),
        Quantity(
            id="return_minutes", title="until the last session of the most critical type may go on",
            unit="minutes", mark="simulated", controls=_PACE, expected="constant",
        ),
    ),
)  # fmt: skip

_CUSTOMERS: Final = Probe(
    id="customers",
    title="what customers are shown",
    run=pace_signals.customers,
    at_target=True,
    quantities=(
        Quantity(
            id="types_without_message", title="types that hear customers and show them nothing",
            unit="types", mark="measured", controls=_PACE, expected="constant", exact=True,
        ),
        Quantity(
            id="types_by_person", title="types, of all, whose transitions a person decides", unit="types",
            mark="declared", controls=_PACE, expected="constant", exact=True,
        ),
    ),
)  # fmt: skip

_POSTURE: Final = Probe(
    id="posture",
    title="what each phase changes in the plane",
    run=pace_posture.posture,
    at_target=True,
    quantities=(
        *(
            Quantity(
                id=f"checked_{phase}_share", title=f"actions held for the facts, the system in {phase}",
                unit="share", mark="simulated", controls=("EC-2.6", "PACE-1"), expected="constant",
            )
            for phase in ("primary", "alternate", "contingency")
        ),
        Quantity(
            id="refused_contingency_share", title="messages that Contingency refuses", unit="share",
            mark="simulated", controls=_PACE, expected="constant",
        ),
    ),
)  # fmt: skip

ADAPTATIONS: Final = (
    Adaptation(
        id=FOURTH,
        title="the fourth axis: clusters know of each other, follow, and return in order",
        settings=(("pace_axes", "four"),),
        complexity="medium",
        gives_up=pace_words.fourth_gives_up,
        cost=pace_words.no_cost,
    ),
    Adaptation(
        id=FALLBACK,
        title="in a producer's Emergency consumers take the fallback that they name",
        settings=(("pace_on_emergency", "fallback"),),
        complexity="medium",
        gives_up=pace_words.fallback_gives_up,
        cost=pace_words.fallback_cost,
    ),
    Adaptation(
        id=INSTANCES,
        title="a type moves by the share of its instances that fail, not by failures",
        settings=(("pace_evidence", "instances"),),
        complexity="low",
        gives_up=pace_words.instances_give_up,
        cost=pace_words.no_cost,
    ),
    Adaptation(
        id=DWELL,
        title="a phase lasts, a return needs half the failures, and three a day are enough",
        settings=(("pace_hysteresis", "dwell"),),
        complexity="low",
        gives_up=pace_words.dwell_gives_up,
        cost=pace_words.no_cost,
    ),
    Adaptation(
        id=RAMP,
        title="a return in four steps: 1%, 10%, 50%, everybody",
        settings=(("pace_return", "steps"),),
        complexity="low",
        gives_up=pace_words.return_gives_up,
        cost=pace_words.no_cost,
    ),
    Adaptation(
        id=SMALL,
        title="a return in forty steps, a fortieth at a time",
        settings=(("pace_return", "small-steps"),),
        complexity="low",
        gives_up=pace_words.return_gives_up,
        cost=pace_words.no_cost,
    ),
)

DIMENSION: Final = Dimension(
    id="pace",
    title="PACE: degrading and coming back",
    seed_dimension=("F3", "E6"),
    about=(
        "What one cluster's trouble does to those that depend on it, who knows, how failures of one instance "
        "are told from failures of its type, what customers see meanwhile, and how everybody comes back."
    ),
    probes=(_CASCADE, _RECOVERY, _SIGNALS, _APART, _FLAPPING, _RETURN, _CUSTOMERS, _POSTURE),
    standard=(
        ("pace_axes", "three"),
        ("pace_evidence", "signals"),
        ("pace_hysteresis", "none"),
        ("pace_return", "at-once"),
    ),
    adaptations=ADAPTATIONS,
    questions=(
        Question(id="F3.1", answer=pace_words.dependencies),
        Question(id="F3.2", answer=pace_words.consequences),
        Question(id="F3.3", answer=pace_words.informed),
        Question(id="F3.4", answer=pace_words.policies),
        Question(id="F3.5", answer=pace_words.order),
        Question(id="E6.1", answer=pace_words.told_apart),
        Question(id="E6.2", answer=pace_words.trigger),
        Question(id="E6.3", answer=pace_words.customers),
        Question(id="E6.4", answer=pace_words.decides),
        Question(id="E6.5", answer=pace_words.comes_back),
    ),
    controls=pace_words.controls,
    decisions=pace_words.decisions,
    lists=(
        ListOf(
            id="dependencies", title="Who needs whose work, and what it does without", probe="cascade",
            detail="map",
            columns=(
                "producer", "consumer", "in Alternate", "in Contingency", "in Emergency", "decided",
                "stale for", "fallback",
            ),
        ),
        ListOf(
            id="cascade", title="One cluster in each phase, and what it takes along, the worst first",
            probe="cascade", detail="cascade",
            columns=(
                "cluster", "phase", "moves", "moves once stale data has run out", "chain",
                "of all agents lost elsewhere", "of all, later", "of those elsewhere, later",
                "sessions that need a lost one",
            ),
        ),
        ListOf(
            id="order", title="The order of recovery in one run, minutes from the end of the last cause",
            probe="recovery", detail="order",
            columns=(
                "place", "cluster", "declared", "region", "waits for", "its cause ends", "in Primary",
            ),
        ),
        ListOf(
            id="customers", title="What each type means by its phases, and what customers are shown",
            probe="customers", detail="customers",
            columns=("type", "Alternate", "Contingency", "Emergency", "customers are shown", "decided by"),
        ),
        ListOf(
            id="posture", title="What each phase does with the actions of a usual day", probe="posture",
            detail="posture",
            columns=("phase", "actions", "held for the facts", "held for a person", "messages refused"),
        ),
        ListOf(
            id="one-instance", title="One instance failing as often as it can", probe="apart",
            detail="apart", columns=("type", "live", "failures", "the type is then in"),
        ),
    ),
    not_checked=(
        "whether the declared second ways and fallbacks work: a drill would have to take them",
        "messages between orchestrators that are lost; one that answers nothing was tried",
        "a dependency that the fleet file does not declare",
        "the normal load that a provider carries while others return to it",
    ),
    order=30,
    right=pace_words.RIGHT,
)  # fmt: skip
