"""Stops that are tried: whole rehearsals of the fleet with plane, worlds, gateway and switch, and outages.

`maso drill killswitch` rehearses the same way; here the fleet's `controls` say which order is given. A
rehearsal fails where a law breaks: money that is ambiguous, an effect after the bound, a stage that went
back. The time to the last action is theirs: from the second person's order until a tool last answered an
agent, or our books or the gateway's last took something from one.

With `stop_by: control-plane` there is no switch to rehearse. What is then said of an outage is what follows
from being told by the platform: whoever is not told acts until its credential ends (`shutdown_rig.py`).
"""

from collections.abc import Iterable
from typing import Any, Final, NamedTuple

import msgspec

from maso.clock import SECOND
from maso.fleet.model import Controls, Fleet
from maso.fleet.resize import first_agents
from maso.resilience.shutdown import Stage
from maso.resilience.switch import stop_plan
from maso.sim.outages import DEAF, Outage
from maso.sim.rehearsal import Rehearsal, Result, Wish, hurried, prepare, regions_of
from maso.stress.dimension import Outcome, Trial
from maso.stress.probes.parts import scanner
from maso.stress.probes.shutdown_rig import session_ns

# Sessions of a rehearsal: a few payments are at the gateway whenever the order comes.
SESSIONS: Final = 30
AGENTS: Final = 40
REHEARSALS: Final = 6
REHEARSALS_QUICK: Final = 3
# Of a case; the worst of them counts.
TRIES: Final = 6
TRIES_QUICK: Final = 2
# Longer than a lease and any call.
LONG_NS: Final = 60 * SECOND
# A gateway that comes back just before the drain's ceiling makes a drain last longest.
NEARLY: Final = 0.9
IN_FREEZE: Final = ("orchestrator-stopped", "plane-crash", "switch-restart")


class Case(NamedTuple):
    """What fails, in words, and who could still tell agents to stop if the platform had to.

    platform  what fails is the platform that runs the agents, not what the switch or the gateway needs
    goes_on   at the declared pace: in a hurry, all sessions would be at their end before the last stage is
    """

    name: str
    outages: tuple[Outage, ...]
    platform_tells: bool
    platform: bool = False
    goes_on: bool = False


def _cases(fleet: Fleet) -> list[Case]:
    """Outages begin with the first person's order: nobody hears the second one's.

    What would only silence everybody before that begins with the freeze.
    """
    ceilings = stop_plan(fleet).ceilings
    drain = max(SECOND, round(NEARLY * ceilings.get(Stage.DRAIN, 0)))
    stages = sum(ceilings.values()) + LONG_NS

    def one(kind: str, length: int = LONG_NS, target: str = "") -> Outage:
        stage = Stage.FREEZE if kind in IN_FREEZE else Stage.HALT
        return Outage(kind, target, stage, 0, length)

    cases = [
        Case("nothing", (), True),
        Case("agents' orchestrator has stopped", (one("orchestrator-stopped"),), False, True),
        Case(
            "orchestrator is hostile: ignores, forges, replays",
            (one("orchestrator-hostile"),),
            False,
            True,
        ),
        Case("control plane crashes with its memory", (one("plane-crash"),), False, True),
        Case("the whole platform obeys nobody and goes on", (one(DEAF, stages),), False, True, True),
        Case(
            "the same, and it forges and says that stages are done",
            (one(DEAF, stages), one("orchestrator-hostile", stages)),
            False,
            True,
            True,
        ),
        Case("bus is cut: nobody hears the switch", (one("partition"),), False),
        Case("a fifth of all messages is lost", (one("lossy"),), True),
        Case("gateway does not hear the switch", (one("gateway-cut"),), True),
        Case("gateway is busy until the drain is nearly over", (one("gateway-fails", drain),), True),
        Case("gateway takes as long as a call may take", (one("gateway-slow", drain),), True),
        Case("switch restarts in the middle", (one("switch-restart"),), True),
        Case("every clock is off", (one("clock-drift"),), True),
    ]
    cases += [
        Case(f"region `{name}` is cut off", (one("region-cut", target=name),), False)
        for name in regions_of(fleet)[:1]
    ]
    return cases


def _small(fleet: Fleet, in_a_hurry: bool) -> Fleet:
    """The fleet at the size of a rehearsal, with its usual controls."""
    fleet = msgspec.structs.replace(fleet, controls=Controls())
    if fleet.kind == "depth":
        small = msgspec.structs.replace(fleet, size=min(fleet.size, SESSIONS))
        return hurried(small) if in_a_hurry else small
    return first_agents(fleet, AGENTS) if len(fleet.types) > AGENTS else fleet


def _prepared(fleet: Fleet) -> Any:
    key = msgspec.json.encode(fleet)
    if key not in _READY:
        _READY[key] = prepare(fleet)
    return _READY[key]


# What the rehearsals of one fleet share; a process has one or two.
_READY: Final[dict[bytes, Any]] = {}


def _rehearse(
    fleet: Fleet,
    seeds: Iterable[int],
    outages: tuple[Outage, ...],
    immediate: bool,
    in_a_hurry: bool = True,
) -> list[Result]:
    ready, rules = _prepared(_small(fleet, in_a_hurry))
    found = []
    for seed in seeds:
        key = ready.fleet, rules.sha256, seed, outages, immediate
        if key not in _DONE:
            _DONE[key] = Rehearsal(ready, rules, scanner(), Wish(seed, outages, "system", immediate)).run()
        found.append(_DONE[key])
    return found


# Who gives the order changes nothing in a rehearsal, so several configurations share one; some hundreds.
_DONE: Final[dict[Any, Result]] = {}


def _first(trial: Trial) -> int:
    """Rehearsals of one trial have seeds of their own."""
    return trial.seed * 1_000


def halt_or_kill(trial: Trial) -> Outcome:
    """What is left to settle when everybody has ended: under the order that the settings give."""
    fleet = trial.fleet
    immediate = fleet.controls.stop_order == "immediate"
    count = REHEARSALS_QUICK if trial.quick else REHEARSALS
    first = _first(trial)
    try:
        found = _rehearse(fleet, range(first, first + count), (), immediate)
    except ValueError:  # nothing that a task could walk along: nothing to stop
        return Outcome(values={})
    sessions = sum(result.sessions for result in found) or 1
    left = sum(result.rolled_back + result.confirmed + result.listed for result in found)
    return Outcome(
        values={
            "left_per_1000": 1_000.0 * left / sessions,
            "drained": sum(result.drained for result in found) / len(found),
            "for_a_person": float(sum(result.listed for result in found)),
            "ambiguous": float(sum(result.ambiguous for result in found)),
            "laws_broken": float(sum(len(result.wrong) for result in found)),
        },
        details={
            "rehearsals": len(found),
            "sessions": sessions,
            "rolled_back": sum(result.rolled_back for result in found),
            "confirmed": sum(result.confirmed for result in found),
            "wrong": [text for result in found for text in result.wrong][:5],
        },
    )


class Found(NamedTuple):
    """What came of the stops of one case; `bound_s` is the promise, `last_s` of the worst of them."""

    case: Case
    stops: int
    last_s: float
    bound_s: float
    over: int
    broken: int
    hostile: int
    listed: int
    wrong: tuple[str, ...]


def _tried(trial: Trial, case: Case) -> Found:
    """With `control-plane`, whoever cannot be told by the platform acts until credentials end."""
    fleet = trial.fleet
    leased = fleet.controls.stop_by == "lease"
    first = _first(trial)
    seeds = range(first, first + (TRIES_QUICK if trial.quick else TRIES))
    immediate = fleet.controls.stop_order == "immediate"
    results = _rehearse(fleet, seeds, case.outages, immediate, not case.goes_on)
    last = [result.last_action_ms / 1e3 for result in results]
    if not leased and not case.platform_tells:
        last = [session_ns(fleet) / SECOND] * len(results)
    bound = max(result.bound_ms for result in results) / 1e3
    wrong = [text for result in results for text in result.wrong] if leased else []
    return Found(
        case,
        len(results),
        max(last),
        bound,
        sum(seconds > bound for seconds in last),
        len(wrong),
        sum(sum(result.hostile.values()) for result in results) if leased else 0,
        sum(result.listed for result in results) if leased else 0,
        tuple(wrong[:5]),
    )


def _row(found: Found) -> list[str]:
    return [
        found.case.name,
        f"{found.stops}",
        f"{found.last_s:,.1f}" if found.last_s else "nothing acted",
        f"{found.bound_s:,.1f}",
        "over" if found.over else "within",
        f"{found.hostile:,}",
        f"{found.listed:,}",
    ]


def independence(trial: Trial) -> Outcome:
    """The stop while the platform, the bus, the gateway or the switch itself fail: over the bound, or not."""
    try:
        found = [_tried(trial, case) for case in _cases(trial.fleet)]
    except ValueError:  # nothing that a task could walk along: nothing to stop
        return Outcome(values={})
    failing = [one for one in found if one.case.outages]
    worst = max(failing, key=lambda one: one.last_s)
    own = [one for one in failing if one.case.platform]
    worst_own = max(own, key=lambda one: one.last_s)
    return Outcome(
        values={
            "outages_over_bound": float(sum(one.over for one in failing)),
            "worst_outage_s": max(one.last_s for one in found),
            "platform_over_bound": float(sum(one.over for one in own)),
            "worst_platform_s": worst_own.last_s,
            "outage_laws_broken": float(sum(one.broken for one in found)),
        },
        details={
            "tried": [_row(one) for one in found],
            "tried_total": len(found),
            "stops": sum(one.stops for one in failing),
            "stops_platform": sum(one.stops for one in own),
            "worst": worst.case.name,
            "worst_platform": worst_own.case.name,
            "hostile": sum(one.hostile for one in own),
            "bound_s": worst.bound_s,
            "wrong": [text for one in found for text in one.wrong][:5],
        },
    )


def messages(trial: Trial) -> Outcome:
    """What customers are told, stage by stage, as the file declares it."""
    # Nobody is there any more when books are reconciled.
    gone = "nothing: nobody is there any more"
    rows = [
        [
            s.stage,
            f"{s.seconds_max}",
            s.about,
            s.customer_message or (gone if s.stage == "reconcile" else "nothing"),
        ]
        for s in trial.fleet.shutdown
    ]
    mute = sum(1 for s in trial.fleet.shutdown if s.stage != "reconcile" and not s.customer_message)
    return Outcome(
        values={"stages_without_message": float(mute)}, details={"stages": rows, "stages_total": len(rows)}
    )
