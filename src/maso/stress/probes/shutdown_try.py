"""Stops that are tried: whole rehearsals of the fleet with plane, worlds, gateway and switch, and outages.

`maso drill killswitch` rehearses the same way; here the fleet's `controls` say which order is given. A
rehearsal fails where a law breaks: money that is ambiguous, an effect after the bound, a stage that went
back.

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
from maso.sim.outages import Outage
from maso.sim.rehearsal import Rehearsal, Result, Wish, hurried, prepare, regions_of
from maso.stress.dimension import Outcome, Trial
from maso.stress.probes.parts import scanner
from maso.stress.probes.shutdown_rig import session_ns

# Sessions of a rehearsal: a few payments are at the gateway whenever the order comes.
SESSIONS: Final = 30
AGENTS: Final = 40
REHEARSALS: Final = 6
REHEARSALS_QUICK: Final = 3
# Longer than a lease and any call.
LONG_NS: Final = 60 * SECOND


class Case(NamedTuple):
    """What fails, in words, and who could still tell agents to stop if the platform had to."""

    name: str
    outages: tuple[Outage, ...]
    platform_tells: bool


def _cases(fleet: Fleet) -> list[Case]:
    def one(kind: str, stage: Stage, target: str = "") -> tuple[Outage, ...]:
        return (Outage(kind, target, stage, 0, LONG_NS),)

    cases = [
        Case("nothing", (), True),
        Case("agents' orchestrator has stopped", one("orchestrator-stopped", Stage.FREEZE), False),
        Case(
            "orchestrator is hostile: ignores, forges, replays", one("orchestrator-hostile", Stage.RUN), False
        ),
        Case("control plane crashes with its memory", one("plane-crash", Stage.FREEZE), False),
        Case("bus is cut: nobody hears the switch", one("partition", Stage.FREEZE), False),
        Case("a fifth of all messages is lost", one("lossy", Stage.RUN), True),
        Case("gateway does not hear the switch", one("gateway-cut", Stage.FREEZE), True),
        Case("switch restarts in the middle", one("switch-restart", Stage.FREEZE), True),
        Case("every clock is off", one("clock-drift", Stage.RUN), True),
    ]
    cases += [
        Case(f"region `{name}` is cut off", one("region-cut", Stage.FREEZE, name), False)
        for name in regions_of(fleet)[:1]
    ]
    return cases


def _small(fleet: Fleet) -> Fleet:
    """The fleet at the size of a rehearsal, with its usual controls."""
    fleet = msgspec.structs.replace(fleet, controls=Controls())
    if fleet.kind == "depth":
        return hurried(msgspec.structs.replace(fleet, size=min(fleet.size, SESSIONS)))
    return first_agents(fleet, AGENTS) if len(fleet.types) > AGENTS else fleet


def _prepared(fleet: Fleet) -> Any:
    key = msgspec.json.encode(fleet)
    if key not in _READY:
        _READY[key] = prepare(fleet)
    return _READY[key]


# What the rehearsals of one fleet share; a process has one or two.
_READY: Final[dict[bytes, Any]] = {}


def _rehearse(
    fleet: Fleet, seeds: Iterable[int], outages: tuple[Outage, ...], immediate: bool
) -> list[Result]:
    ready, rules = _prepared(_small(fleet))
    return [
        Rehearsal(ready, rules, scanner(), Wish(seed, outages, "system", immediate)).run() for seed in seeds
    ]


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


def independence(trial: Trial) -> Outcome:
    """The stop while the platform, the bus or the switch itself fail: over the bound, or not."""
    fleet = trial.fleet
    immediate = fleet.controls.stop_order == "immediate"
    leased = fleet.controls.stop_by == "lease"
    rows, over, worst, broken = [], 0, 0.0, 0
    bound = session_ns(fleet) / SECOND
    cases = _cases(fleet)
    for case in cases:
        try:
            result = _rehearse(fleet, [_first(trial)], case.outages, immediate)[0]
        except ValueError:
            return Outcome(values={})
        last = result.last_action_ms / 1e3
        bound = result.bound_ms / 1e3
        if not leased and not case.platform_tells:
            last = session_ns(fleet) / SECOND
        broken += len(result.wrong) if leased else 0
        over += last > bound
        worst = max(worst, last)
        hostile = sum(result.hostile.values()) if leased else 0
        rows.append(
            [
                case.name,
                f"{last:,.1f}",
                f"{bound:,.1f}",
                "over" if last > bound else "within",
                f"{hostile:,}",
                str(result.listed) if leased else "",
            ]
        )
    return Outcome(
        values={
            "outages_over_bound": float(over),
            "worst_outage_s": worst,
            "outage_laws_broken": float(broken),
        },
        details={"tried": rows, "tried_total": len(rows), "bound_s": bound},
    )


def messages(trial: Trial) -> Outcome:
    """What customers are told, stage by stage, as the file declares it."""
    rows = [
        [s.stage, f"{s.seconds_max}", s.about, s.customer_message or "nothing"] for s in trial.fleet.shutdown
    ]
    # Nobody is there any more when books are reconciled.
    mute = sum(1 for s in trial.fleet.shutdown if s.stage != "reconcile" and not s.customer_message)
    return Outcome(
        values={"stages_without_message": float(mute)}, details={"stages": rows, "stages_total": len(rows)}
    )
