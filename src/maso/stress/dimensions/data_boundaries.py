"""Data boundaries: information barriers, what it takes to keep them, and who receives what they hold back.

Standard is what a team does for a handful of agents: one rule for each barrier and pair of agents that must
be kept apart, labels as their senders state them, every message scanned, one bus. The adaptations put one
label per message in the place of the rules and let it follow the data; give each barrier a bus of its own;
scan at boundaries only, which no fleet may choose, so that it is known what it would save and miss.

Where the experiments are: entries and the check `probes/boundaries.py`, traffic and queues
`boundaries_traffic.py`, own rules and memory `boundaries_rules.py`, derived data `boundaries_derived.py`,
buses `boundaries_buses.py`, all on planes of `boundaries_rig.py`; words `boundaries_words.py`.
"""

from typing import Final

from maso.controls.barriers import barriers_of
from maso.fleet.model import Fleet
from maso.scan.custom import PATTERNS_MAX
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
    boundaries,
    boundaries_buses,
    boundaries_derived,
    boundaries_rules,
    boundaries_traffic,
    boundaries_words,
)

LATTICE: Final = "label-lattice"
BUSES: Final = "bus-per-barrier"
AT_BOUNDARIES: Final = "scan-at-boundaries"
# F6 and E2: a small fleet's minute, a hundred agents' peak, and 10,000 messages a second.
RATES: Final = (1_000, 10_000, 100_000, 600_000)
RATE_MAX: Final = 6_000_000  # ten times the seeds' largest figure
# A longer chain of handoffs than F1's 12 is a loop.
HANDOFFS: Final = (1, 2, 3, 4, 6, 8, 10, 12)
HANDOFFS_QUICK: Final = (1, 3, 6, 12)


def _audit(fleet: Fleet) -> Budget | None:
    return limit(fleet.target.audit_hours_max, "max", "target.audit_hours_max")


def _rate(fleet: Fleet) -> Budget | None:
    return limit(fleet.target.messages_per_second, "min", "target.messages_per_second")


def _latency(fleet: Fleet) -> Budget | None:
    return limit(fleet.target.latency_ms_max, "max", "target.latency_ms_max")


def _nobody(fleet: Fleet) -> Budget | None:
    """The barrier itself is the limit: who is not cleared for it receives nothing of it."""
    return Budget(0, "max", "compartments[].barrier") if barriers_of(fleet) else None


def _rates(fleet: Fleet, quick: bool) -> tuple[int, ...]:
    own = _declared_rate(fleet)
    rates = RATES if own is None else (*RATES, own)
    return tuple(sorted(dict.fromkeys(rates)))


def _declared_rate(fleet: Fleet) -> int | None:
    rate = fleet.target.messages_per_second
    return None if rate is None else rate * 60


def _handoffs(fleet: Fleet, quick: bool) -> tuple[int, ...]:
    own = min(fleet.workload.handoffs_max, boundaries_derived.HANDOFFS_MAX)
    return tuple(sorted({*(HANDOFFS_QUICK if quick else HANDOFFS), own}))


def _handoffs_target(fleet: Fleet) -> int:
    return min(fleet.workload.handoffs_max, boundaries_derived.HANDOFFS_MAX)


def _declared_rules(fleet: Fleet) -> int | None:
    return len(fleet.dlp.rules) or None


_ENTRIES: Final = Probe(
    id="entries",
    title="what keeps the barriers, to be read by a person",
    run=boundaries.run_entries,
    adaptations=(LATTICE, BUSES),
    applies=boundaries.applies,
    quantities=(
        Quantity(
            id="barrier_entries", title="rules or label entries that keep the barriers", unit="entries",
            mark="measured", controls=("DP-1.1",), expected="quadratic", exact=True, per_rule=True,
        ),
        Quantity(
            id="barrier_audit_hours", title="hours to audit what keeps the barriers", unit="hours",
            mark="measured", controls=("DP-1.1",), expected="quadratic", exact=True, budget=_audit,
            budget_key="target.audit_hours_max",
        ),
        Quantity(
            id="crossing_pairs", title="pairs of agents with a link across a barrier", unit="pairs",
            mark="measured", controls=("DP-1.1",), expected="linear", exact=True, per_rule=True,
        ),
        Quantity(
            id="pairs_apart", title="pairs of agents that a barrier lies between", unit="pairs",
            mark="measured", controls=("DP-1.1",), expected="quadratic", exact=True,
        ),
    ),
)  # fmt: skip
_CHECK: Final = Probe(
    id="check",
    title="the barrier check of one message",
    run=boundaries.run_check,
    adaptations=(LATTICE,),
    applies=boundaries.applies,
    quantities=(
        Quantity(
            id="barrier_check_us", title="CPU of the barrier check for a message across a barrier", unit="µs",
            mark="measured", controls=("DP-1.1", "DP-2.5"), expected="constant",
        ),
        Quantity(
            id="barrier_table_mb", title="memory of what the barrier check looks up", unit="MB",
            mark="measured", controls=("DP-1.1",), expected="quadratic", exact=True,
        ),
    ),
)  # fmt: skip
_TRAFFIC: Final = Probe(
    id="traffic",
    title="the fleet's own traffic, everything scanned",
    run=boundaries_traffic.run_traffic,
    adaptations=(LATTICE,),
    quantities=(
        Quantity(
            id="message_us", title="CPU of a message, all controls on", unit="µs", mark="measured",
            controls=("DP-2.1",), expected="constant",
        ),
        Quantity(
            id="overlabelled_share", title="messages labelled higher than their own content calls for",
            unit="share", mark="simulated", controls=("DP-2.5",), expected="constant",
        ),
        Quantity(
            id="refused_honest_share", title="honest messages that the barrier controls refuse", unit="share",
            mark="simulated", controls=("DP-1.1", "DP-2.5"), expected="constant",
        ),
    ),
)  # fmt: skip
# No budget on `message_us` and on the rules' axis: a search for where they break would compile and simulate
# for minutes to find what `capacity` and `rates` say already.
_CAPACITY: Final = Probe(
    id="capacity",
    title="what the bus sustains, everything scanned",
    run=boundaries_traffic.run_capacity,
    adaptations=(LATTICE, BUSES),
    at_target=True,
    quantities=(
        Quantity(
            id="sustained_per_second", title="messages a second that the bus sustains, a core for each bus",
            unit="messages/s", mark="measured", controls=("DP-2.1",), expected="constant", budget=_rate,
            budget_key="target.messages_per_second",
        ),
    ),
)  # fmt: skip
_SAVING: Final = Probe(
    id="saving",
    title="what scanning less would save",
    run=boundaries_traffic.run_saving,
    adaptations=(LATTICE, AT_BOUNDARIES),
    at_target=True,
    quantities=(
        Quantity(
            id="handled_us", title="CPU of a message at the target, all controls on", unit="µs",
            mark="measured", controls=("DP-2.1",), expected="constant",
        ),
    ),
)  # fmt: skip
_RATES: Final = Probe(
    id="rates",
    title="everything scanned, at a rate of messages",
    run=boundaries_traffic.run_rates,
    adaptations=(BUSES,),
    axis=Axis(
        id="messages_per_minute", unit="messages a minute", points=_rates, point_max=RATE_MAX,
        target=_declared_rate,
    ),
    quantities=(
        Quantity(
            id="cores", title="cores that deciding takes, everything scanned", unit="cores", mark="measured",
            controls=("DP-2.1",), expected="linear",
        ),
        Quantity(
            id="late_ms", title="99th percentile of waiting and deciding, a core for each bus",
            unit="ms",
            mark="measured", controls=("DP-2.1",), expected="hard limit", budget=_latency,
            budget_key="target.latency_ms_max",
        ),
    ),
)  # fmt: skip
_RULES: Final = Probe(
    id="rules",
    title="scanning against the number of the firm's own rules",
    run=boundaries_rules.run_rules,
    axis=Axis(
        id="rules", unit="rules", points=boundaries_rules.points, point_max=PATTERNS_MAX,
        target=_declared_rules,
    ),
    quantities=(
        Quantity(
            id="rules_us", title="CPU of looking for the firm's own rules in a fresh text", unit="µs",
            mark="measured", controls=("DP-2.1",), expected="logarithmic",
        ),
        Quantity(
            id="scan_us", title="CPU of scanning a fresh text of 900 characters, own rules included",
            unit="µs", mark="measured", controls=("DP-2.1",), expected="constant",
        ),
    ),
)  # fmt: skip
_HANDOFF: Final = Probe(
    id="handoffs",
    title="a summary of restricted data, handed on",
    run=boundaries_derived.run_handoffs,
    adaptations=(LATTICE,),
    axis=Axis(
        id="handoffs", unit="handoffs", points=_handoffs, point_max=boundaries_derived.HANDOFFS_MAX,
        target=_handoffs_target,
    ),
    applies=boundaries.applies,
    quantities=(
        Quantity(
            id="uncleared_receivers", title="agents that receive a summary they are not cleared for",
            unit="agents", mark="measured", controls=("DP-2.5", "DP-1.1"), expected="linear", exact=True,
            budget=_nobody, budget_key="compartments[].barrier",
        ),
    ),
)  # fmt: skip
_PLANTED: Final = Probe(
    id="planted",
    title="names planted in messages, and harmless messages of agents that know much",
    run=boundaries_derived.run_planted,
    adaptations=(LATTICE, AT_BOUNDARIES),
    at_target=True,
    quantities=(
        Quantity(
            id="planted_unseen_share", title="planted names that nothing looked at", unit="share",
            mark="measured", controls=("DP-2.1",), expected="constant", exact=True,
        ),
        Quantity(
            id="saturated_refused_share", unit="share", mark="measured", controls=("DP-1.1", "DP-2.5"),
            title="links on which an agent that was told all it may know can say nothing harmless any more",
            expected="constant", exact=True,
        ),
    ),
)  # fmt: skip
_BUSES: Final = Probe(
    id="buses",
    title="one bus, or one for each barrier",
    run=boundaries_buses.run_buses,
    adaptations=(BUSES,),
    at_target=True,
    applies=boundaries.applies,
    quantities=(
        Quantity(
            id="buses", title="message buses", unit="buses", mark="measured", controls=("DP-1.1",),
            expected="constant", exact=True,
        ),
        Quantity(
            id="port_adapters", title="port adapters over all buses, entries of gates included",
            unit="adapters", mark="measured", controls=("DP-1.1",), expected="constant", exact=True,
        ),
        Quantity(
            id="crossing_us", title="CPU of a message that crosses a barrier, every decision about it",
            unit="µs", mark="measured", controls=("DP-1.1",), expected="constant",
        ),
        Quantity(
            id="addressable_share", unit="share", mark="measured", controls=("DP-1.1",), exact=True,
            title="agents across a barrier, without a link, that can be addressed at all",
            expected="constant",
        ),
        Quantity(
            id="lost_by_gates", unit="links", mark="measured", controls=("DP-1.1", "IA-2.3"), exact=True,
            title="links and delegations across a barrier that a gate carries less of, or not",
            expected="constant",
        ),
    ),
)  # fmt: skip
_MEMORY: Final = Probe(
    id="memory",
    title="isolated contexts",
    run=boundaries_rules.run_memory,
    at_target=True,
    quantities=(
        Quantity(
            id="bytes_per_instance", title="memory of one live instance in the plane", unit="bytes",
            mark="measured", controls=("DP-1.3",), expected="constant",
        ),
    ),
)  # fmt: skip

DIMENSION: Final = Dimension(
    id="data-boundaries",
    title="Data boundaries",
    seed_dimension=("F6",),
    about="information barriers: what keeps them, what it costs, and who receives what they hold back",
    probes=(
        _ENTRIES,
        _CHECK,
        _TRAFFIC,
        _CAPACITY,
        _SAVING,
        _RATES,
        _RULES,
        _HANDOFF,
        _PLANTED,
        _BUSES,
        _MEMORY,
    ),
    standard=(
        ("barrier_policy", "per-pair-rules"),
        ("bus", "one"),
        ("label_propagation", "declared"),
        ("scan_at", "every-message"),
    ),
    adaptations=(
        Adaptation(
            id=LATTICE,
            title="one label per message, which follows the data",
            settings=(("barrier_policy", "label-lattice"), ("label_propagation", "delivered")),
            complexity="low",
            gives_up=boundaries_words.lattice_gives_up,
            cost=boundaries_words.lattice_cost,
        ),
        Adaptation(
            id=BUSES,
            title="one message bus for each information barrier",
            settings=(("bus", "per-barrier"),),
            complexity="high",
            gives_up=boundaries_words.buses_give_up,
            cost=boundaries_words.buses_cost,
            forbidden="`maso run` drives one bus; it is measured, so that its worth is known",
        ),
        Adaptation(
            id=AT_BOUNDARIES,
            title="scan only what enters, leaves, or goes to somebody cleared for less",
            settings=(("scan_at", "boundaries"),),
            complexity="low",
            gives_up=boundaries_words.boundaries_give_up,
            cost=boundaries_words.boundaries_cost,
            forbidden="invariant 8: guardrails see every message",
        ),
    ),
    questions=(
        Question(id="F6.1", answer=boundaries_words.barriers_declared),
        Question(id="F6.2", answer=boundaries_words.pairs_that_cross),
        Question(id="F6.3", answer=boundaries_words.scanning_viable),
        Question(id="F6.4", answer=boundaries_words.derived_inherits),
    ),
    controls=boundaries_words.control_rows,
    decisions=boundaries_words.decisions,
    right=boundaries_words.RIGHT,
    costs=boundaries_words.costs,
    attack_paths=boundaries_words.attack_paths,
    lists=(
        ListOf(
            id="crossing-links",
            title="links across a barrier, what they shed, and who answers for it",
            probe="entries",
            detail="crossing",
            columns=("from", "to", "schema", "sheds", "answers for it"),
        ),
        ListOf(
            id="handoff-chains",
            title="chains along which a summary was handed on",
            probe="handoffs",
            detail="chains",
            columns=("barrier", "chain", "received without clearance", "refused by"),
        ),
        ListOf(
            id="saturated-links",
            title="links on which harmless messages are refused once the sender knows all that it may",
            probe="planted",
            detail="refused",
            columns=("from", "to", "schema", "reason"),
        ),
    ),
    not_checked=boundaries_words.NOT_CHECKED,
    order=60,
)
