"""Shutdown: from the order to the last action, money under way, and a stop that needs nobody's platform.

Standard is what a team has for a handful of agents: one order ends everything at once, and the platform tells
every agent. The adaptations change the order, who ends, and where switches are. Switch, leases, fences,
reconciler, plane and gateway are the ones that run in a drill.

Not measured here: the database and real processes (`maso drill killswitch --live`), and degrading without
stopping (`pace`). What answers the questions is in `stress/probes/shutdown_words.py`.
"""

from typing import Final

from maso.clock import SECOND
from maso.fleet.model import Fleet
from maso.resilience.switch import stop_plan
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
from maso.stress.probes import shutdown_money, shutdown_rig, shutdown_try, shutdown_words

GRADUATED: Final = "graduated"
LEASES: Final = shutdown_words.LEASES
REGIONS: Final = "switch-per-region"
_ALL: Final = (GRADUATED, LEASES, REGIONS)
# Beyond it every instance is told one by one for a second of CPU, to learn what is linear already.
SIZE_MAX: Final = 20_000
_SWITCH: Final = ("OB-3.2",)
_COMMIT: Final = ("EC-2.6",)


def _most(fleet: Fleet) -> Budget | None:
    return limit(fleet.target.stop_seconds_max, "max", "target.stop_seconds_max")


def _last(fleet: Fleet) -> Budget | None:
    """What the file says that a stop may take; else what it bounds it by: stages, lease, clocks, calls."""
    if fleet.target.stop_seconds_max is not None or not fleet.shutdown:
        return _most(fleet)
    immediate = fleet.controls.stop_order == "immediate"
    bound = stop_plan(fleet).bound_ns(immediate=immediate) / SECOND
    return Budget(bound, "max", "the stop's bound: shutdown, switch, ports")


def _drain(fleet: Fleet) -> Budget | None:
    seconds = shutdown_money.drain_seconds(fleet)
    return Budget(float(seconds), "max", "shutdown[drain].seconds_max") if seconds else None


def _payments(fleet: Fleet) -> Budget | None:
    most = fleet.target.in_flight_payments_max
    return None if most is None else Budget(float(most), "max", "target.in_flight_payments_max")


def _reservations(fleet: Fleet) -> Budget | None:
    most = fleet.target.open_reservations_max
    return None if most is None else Budget(float(most), "max", "target.open_reservations_max")


def _money(_fleet: Fleet) -> Budget:
    return Budget(0.0, "max", "invariant 7: no ambiguous money")


def _none_over(_fleet: Fleet) -> Budget:
    return Budget(0.0, "max", "the stop's bound: stages, lease, clocks, longest call")


def _declares_stages(fleet: Fleet) -> str:
    return "" if fleet.shutdown else "the fleet declares no stages of a shutdown"


_STOP: Final = Probe(
    id="stop",
    title="from the order to the last action",
    run=shutdown_rig.stop,
    adaptations=_ALL,
    size_max=SIZE_MAX,
    quantities=(
        Quantity(
            id="last_action_s", title="from the second person's order to the last action", unit="seconds",
            mark="simulated", controls=_SWITCH, expected="linear", budget=_last, budget_key="shutdown",
        ),
        Quantity(
            id="bound_s", title="the longest that it can take, whatever fails", unit="seconds",
            mark="declared", controls=_SWITCH, expected="constant", exact=True, budget=_most,
            budget_key="target.stop_seconds_max",
        ),
        Quantity(
            id="stop_messages", title="messages that stop everybody", unit="messages", mark="simulated",
            controls=_SWITCH, expected="linear",
        ),
    ),
)  # fmt: skip

_LOSSY: Final = Probe(
    id="lossy",
    title="while messages are lost",
    run=shutdown_rig.lossy,
    adaptations=_ALL,
    axis=Axis(
        id="loss", unit="of 1,000 messages lost",
        points=lambda _fleet, quick: (1, 100, 500, 1_000) if quick else (1, 20, 100, 200, 500, 800, 1_000),
        point_max=1_000, target=lambda _fleet: 1_000,
    ),
    quantities=(
        Quantity(
            id="last_action_lossy_s", title="the same while messages are lost; at 1,000 nobody hears "
            "anything",
            unit="seconds", mark="simulated", controls=_SWITCH, expected="constant", budget=_last,
            budget_key="shutdown",
        ),
    ),
)  # fmt: skip

_SPREAD: Final = Probe(
    id="spread",
    title="over regions",
    run=shutdown_rig.spread,
    adaptations=_ALL,
    axis=Axis(
        id="regions", unit="regions",
        points=lambda fleet, quick: tuple(
            sorted({1, 16, max(1, len(fleet.regions)), *(() if quick else (2, 4, 8))})
        ),
        point_max=64,
        target=lambda fleet: max(1, len(fleet.regions)),
    ),
    quantities=(
        Quantity(
            id="last_action_regions_s", title="the same with agents in so many regions", unit="seconds",
            mark="simulated", controls=_SWITCH, expected="constant", budget=_last, budget_key="shutdown",
        ),
    ),
)  # fmt: skip

_CUT_OFF: Final = Probe(
    id="cut-off",
    title="a region does not hear the switch, and nobody ordered anything",
    run=shutdown_rig.cut_off,
    adaptations=(LEASES, REGIONS),
    at_target=True,
    quantities=(
        Quantity(
            id="cut_off_share", title="agents that stop because a region does not hear the switch",
            unit="share", mark="simulated", controls=_SWITCH, expected="constant",
        ),
    ),
)  # fmt: skip

_IN_FLIGHT: Final = Probe(
    id="in-flight",
    title="money under way, and its settlement",
    run=shutdown_money.in_flight,
    size_max=SIZE_MAX,
    quantities=(
        Quantity(
            id="payments_open", title="payments open at once", unit="payments", mark="simulated",
            controls=_COMMIT, expected="linear", exact=True, budget=_payments,
            budget_key="target.in_flight_payments_max",
        ),
        Quantity(
            id="reservations_open", title="reservations open at once", unit="reservations", mark="simulated",
            controls=_COMMIT, expected="linear", exact=True, budget=_reservations,
            budget_key="target.open_reservations_max",
        ),
        Quantity(
            id="trades_open", title="trades open at once", unit="trades", mark="simulated",
            controls=_COMMIT, expected="linear", exact=True, budget=_payments,
            budget_key="target.in_flight_payments_max",
        ),
        Quantity(
            id="calls_open", title="calls under way that cannot be taken back", unit="calls",
            mark="simulated", controls=_COMMIT, expected="linear", exact=True,
        ),
        Quantity(
            id="sweep_s", title="to confirm or cancel all of them at the gateway's declared rate",
            unit="seconds", mark="simulated", controls=_COMMIT, expected="linear", exact=True, budget=_drain,
            budget_key="shutdown",
        ),
        Quantity(
            id="sweep_slow_s", title="the same while every answer takes the longest that one may",
            unit="seconds", mark="simulated", controls=_COMMIT, expected="linear", exact=True,
        ),
        Quantity(
            id="drain_holds", title="calls that the gateway takes in the drain", unit="calls",
            mark="declared", controls=_COMMIT, expected="constant", exact=True,
        ),
    ),
)  # fmt: skip

_LEFT: Final = Probe(
    id="left",
    title="what is left to settle",
    run=shutdown_try.halt_or_kill,
    adaptations=(GRADUATED,),
    at_target=True,
    quantities=(
        Quantity(
            id="left_per_1000", title="items left to reconcile, of 1,000 sessions", unit="items",
            mark="simulated", controls=_COMMIT, expected="constant",
        ),
        Quantity(
            id="drained", title="payments completed by the drain of a rehearsal", unit="payments",
            mark="simulated", controls=_COMMIT, expected="constant",
        ),
        Quantity(
            id="for_a_person", title="items that the sweep lists for a person", unit="items",
            mark="simulated", controls=_COMMIT, expected="constant",
        ),
        Quantity(
            id="ambiguous", title="items that nobody settled or listed", unit="items", mark="simulated",
            controls=("EC-2.6", "OB-3.2"), expected="constant", budget=_money,
        ),
        Quantity(
            id="laws_broken", title="laws of a shutdown that a rehearsal broke", unit="laws",
            mark="simulated", controls=_SWITCH, expected="constant", budget=_money,
        ),
    ),
)  # fmt: skip

_INDEPENDENCE: Final = Probe(
    id="independence",
    title="while the platform, the bus or the switch fails",
    run=shutdown_try.independence,
    adaptations=(GRADUATED, LEASES),
    at_target=True,
    quantities=(
        Quantity(
            id="outages_over_bound", title="stops under an outage that had an action after the bound",
            unit="stops", mark="simulated", controls=_SWITCH, expected="constant", exact=True,
            budget=_none_over,
        ),
        Quantity(
            id="worst_outage_s", title="to the last action under the worst outage", unit="seconds",
            mark="simulated", controls=_SWITCH, expected="constant", exact=True, budget=_last,
            budget_key="shutdown",
        ),
        Quantity(
            id="platform_over_bound", title="of those, where the platform itself was gone or hostile",
            unit="stops", mark="simulated", controls=_SWITCH, expected="constant", exact=True,
            budget=_none_over,
        ),
        Quantity(
            id="worst_platform_s", title="to the last action when the platform itself is gone or hostile",
            unit="seconds", mark="simulated", controls=_SWITCH, expected="constant", exact=True,
        ),
        Quantity(
            id="outage_laws_broken", title="laws that broke under an outage", unit="laws",
            mark="simulated", controls=_SWITCH, expected="constant", exact=True, budget=_money,
        ),
    ),
)  # fmt: skip

_MESSAGES: Final = Probe(
    id="messages",
    title="what customers are told",
    run=shutdown_try.messages,
    at_target=True,
    applies=_declares_stages,
    quantities=(
        Quantity(
            id="stages_without_message", unit="stages",
            title="stages before the reconciliation in which customers are told nothing", mark="declared",
            controls=_SWITCH, expected="constant", exact=True,
        ),
    ),
)  # fmt: skip

ADAPTATIONS: Final = (
    Adaptation(
        id=GRADUATED,
        title="a controlled halt in stages instead of an immediate kill",
        settings=(("stop_order", "graduated"),),
        complexity="medium",
        gives_up=shutdown_words.graduated_gives_up,
        cost=shutdown_words.no_cost,
    ),
    Adaptation(
        id=LEASES,
        title="agents act by short leases of a switch, tools refuse without one",
        settings=(("stop_by", "lease"),),
        complexity="medium",
        gives_up=shutdown_words.leases_give_up,
        cost=shutdown_words.leases_cost,
    ),
    Adaptation(
        id=REGIONS,
        title="a switch in every region, for its own agents",
        settings=(("stop_by", "lease"), ("stop_switches", "per-region")),
        complexity="high",
        gives_up=shutdown_words.regions_give_up,
        cost=shutdown_words.regions_cost,
        forbidden="`maso drill` runs one switch; it is measured, so that its worth is known",
    ),
)

DIMENSION: Final = Dimension(
    id="shutdown",
    title="Shutdown",
    seed_dimension=("F7", "E7"),
    about=(
        "How long it takes from the order until nothing acts any more, what money is under way then and who "
        "settles it, and whether the stop works while the platform, the bus or the network do not."
    ),
    probes=(_STOP, _LOSSY, _SPREAD, _CUT_OFF, _IN_FLIGHT, _LEFT, _INDEPENDENCE, _MESSAGES),
    standard=(("stop_by", "control-plane"), ("stop_order", "immediate"), ("stop_switches", "one")),
    adaptations=ADAPTATIONS,
    questions=(
        Question(id="F7.1", answer=shutdown_words.longest),
        Question(id="F7.2", answer=shutdown_words.under_way),
        Question(id="F7.3", answer=shutdown_words.halt_or_kill),
        Question(id="F7.4", answer=shutdown_words.independent),
        Question(id="E7.1", answer=shutdown_words.payments),
        Question(id="E7.2", answer=shutdown_words.gateway),
        Question(id="E7.3", answer=shutdown_words.own_platform),
        Question(id="E7.4", answer=shutdown_words.customers),
    ),
    controls=shutdown_words.controls,
    decisions=shutdown_words.decisions,
    costs=shutdown_words.costs,
    lists=(
        ListOf(
            id="outages", title="Stopping while something fails", probe="independence", detail="tried",
            columns=(
                "what fails", "stops", "last action, s", "bound, s", "", "hostile tries", "for a person",
            ),
        ),
        ListOf(
            id="stages", title="The stages, and what customers are told", probe="messages", detail="stages",
            columns=("stage", "seconds at most", "what happens", "customers are told"),
        ),
    ),
    not_checked=(
        "real processes, a real database and a real network: `maso drill killswitch --live` is for that",
        "two people who are reached in time: how long that takes is theirs",
        "agents' own side effects that pass no tool or gateway",
        "what an abandoned item is worth: the sweep settles it, whatever it is worth",
    ),
    order=70,
)  # fmt: skip
