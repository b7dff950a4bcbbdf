"""From signals to a type's phase: how soon, at what cost, by how few, how often, and how all come back.

Every set-up takes the most critical type, with all its live instances (`pace_stage`), and the coordinator as
the fleet's `controls` build it. What instances call, and how often, is drawn from the fleet's own workload
as a Poisson process; the rest is the coordinator's doing.

Not here: what clusters do to each other (`pace_cascade.py`), and whether signals are true: an agent raises
none, but one that is taken over can make calls that fail, and that is what is tried.
"""

from collections.abc import Iterator
from math import exp
from typing import Final

from maso.clock import DAY, MINUTE, SECOND
from maso.fleet.model import AgentType, Fleet
from maso.resilience.pace import PHASE_NAMES, Phase
from maso.resilience.ramp import place
from maso.resilience.signals import Joined, Move
from maso.streams import Stream, stream
from maso.stress.dimension import LIST_ROWS_MAX, Outcome, Trial
from maso.stress.probes.pace_stage import (
    KEY,
    Stage,
    calls_per_minute,
    live_of,
    members,
    most_critical,
)
from maso.stress.timing import cpu_us_each

# Calls that are timed: enough for 10 ms, so that the clock's own grain is nothing.
TIMED: Final = 5_000
# Nobody waits longer for a type to be found failing: then it was not found.
DETECT_MAX_NS: Final = 30 * MINUTE
BEFORE_NS: Final = 3 * MINUTE
FLOOD: Final = 2_000
# A supply that comes and goes: as long as it takes to be noticed, and to look well again.
FLAP_NS: Final = 3 * MINUTE
FLAP_INSTANCES: Final = 40
FLAP_CALL_NS: Final = 5 * SECOND


def _joined(stage: Stage, agent: AgentType) -> tuple[tuple[int, int, int], ...]:
    found = members(stage.fleet, agent)
    stage.send(Joined(found))
    return found


def signals(trial: Trial) -> Outcome:
    """Time from the first failure to Alternate, and what one signal costs with everybody live."""
    fleet = trial.fleet
    values: dict[str, float] = {"signal_us": _cost(trial)}
    values["signals_per_second"] = 1e6 / values["signal_us"]
    found = _detect(trial)
    if found is not None:
        values["detect_s"] = found
    agent = most_critical(fleet)
    details = {
        "type": agent.id,
        "live": live_of(fleet, agent),
        "share": agent.pace.type.trigger_share,
        "minutes": agent.pace.type.trigger_minutes,
    }
    return Outcome(values=values, details=details)


def _cost(trial: Trial) -> float:
    """CPU of one outcome: one call in fifty fails."""
    fleet = trial.fleet
    stage = Stage(fleet)
    first = 1
    for agent in fleet.types:
        joined = members(fleet, agent, first)
        stage.send(Joined(joined))
        first += len(joined)
    draws = stream(trial.seed, "pace/cost")
    calls = [
        (draws.between(1, first - 1), draws.between(1, 50) > 1, MINUTE + i * SECOND // 1_000)
        for i in range(TIMED)
    ]
    outcome = stage.coordinator.outcome
    return cpu_us_each(lambda c: outcome(c[0], c[1], c[2], c[2]), calls, 2 if trial.quick else 5)


def _detect(trial: Trial) -> float | None:
    """Seconds from the moment at which everything begins to fail; None if it is not found."""
    fleet = trial.fleet
    agent = most_critical(fleet)
    stage = Stage(fleet)
    joined = _joined(stage, agent)
    scope = stage.coordinator.types[joined[0][1]]
    draws = stream(trial.seed, "pace/detect")
    for at, nhi in _calls(draws, len(joined), calls_per_minute(fleet), BEFORE_NS + DETECT_MAX_NS):
        stage.coordinator.outcome(nhi, at < BEFORE_NS, at, at)
        if scope.machine.waits is not None:  # a person decides about this type
            return max(0.0, (at - BEFORE_NS + stage.person_ns) / SECOND)
        if scope.machine.phase is not Phase.PRIMARY:
            return max(0.0, (at - BEFORE_NS) / SECOND)
    return None


def _calls(draws: Stream, instances: int, per_minute: float, until: int) -> Iterator[tuple[int, int]]:
    """(when, which instance): a Poisson process of all of them together."""
    mean = round(MINUTE / (per_minute * instances))
    at = draws.exponential(mean)
    while at < until:
        yield at, draws.between(1, instances)
        at += draws.exponential(mean)


# Who can move a type.


def apart(trial: Trial) -> Outcome:
    """One instance that fails as often as it can, for every type; and how many it takes together."""
    fleet = trial.fleet
    rows = []
    moved = 0
    for agent in fleet.types:
        worst = max(_one(fleet, agent, 1), _one(fleet, agent, FLOOD))
        moved += worst is not Phase.PRIMARY
        rows.append([agent.id, f"{live_of(fleet, agent):,}", f"{FLOOD:,}", PHASE_NAMES[worst]])
    values = {"moved_by_one": float(moved)}
    agent = most_critical(fleet)
    needed = _needed(fleet, agent)
    if needed is not None:
        values["hostile_needed"] = float(needed)
    details = {
        "apart": rows[:LIST_ROWS_MAX],
        "apart_total": len(rows),
        "type": agent.id,
        "live": live_of(fleet, agent),
        "types": len(fleet.types),
    }
    return Outcome(values=values, details=details)


def _one(fleet: Fleet, agent: AgentType, failures: int) -> Phase:
    """One instance fails, nobody else says a word: the type's phase, or what a person is asked for."""
    stage = Stage(fleet)
    joined = _joined(stage, agent)
    for i in range(failures):
        at = SECOND + i * MINUTE // FLOOD
        stage.coordinator.outcome(joined[0][0], False, at, at)
    machine = stage.coordinator.types[joined[0][1]].machine
    return machine.phase if machine.waits is None else machine.waits.to


def _needed(fleet: Fleet, agent: AgentType) -> int | None:
    """The smallest number of instances that move their type by failing while all others work as usual."""
    low, high = 0, live_of(fleet, agent)
    if not _moves(fleet, agent, high):
        return None
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if _moves(fleet, agent, middle) else (middle, high)
    return high


def _moves(fleet: Fleet, agent: AgentType, hostile: int) -> bool:
    stage = Stage(fleet)
    joined = _joined(stage, agent)
    window = (agent.pace.type.trigger_minutes or 2) * MINUTE
    # Of those that work as usual, the ones that a window hears: by the file's rate, whole instances.
    quiet_share = exp(-calls_per_minute(fleet) * window / MINUTE)
    honest = round((len(joined) - hostile) * (1 - quiet_share))
    outcome = stage.coordinator.outcome
    now = window // 2
    for nhi, _, _ in joined[hostile : hostile + honest]:
        outcome(nhi, True, now, now)
    for nhi, _, _ in joined[:hostile]:
        outcome(nhi, False, now + 1, now + 1)
    machine = stage.coordinator.types[joined[0][1]].machine
    return machine.phase is not Phase.PRIMARY or machine.waits is not None


# A supply that comes and goes.


def flapping(trial: Trial) -> Outcome:
    """A day in which the first way works for three minutes, and not for three; the second way always works.

    Counted is how often the type comes back to the first way by itself.
    """
    fleet = trial.fleet
    agent = most_critical(fleet)
    stage = Stage(fleet)
    joined = members(fleet, agent)[:FLAP_INSTANCES]
    stage.send(Joined(joined))
    scope = f"type:{agent.id}"
    length = DAY // 8 if trial.quick else DAY
    returns = turns = 0
    shown = Phase.PRIMARY
    while stage.now < length:
        at = stage.now + FLAP_CALL_NS
        bad = (at // FLAP_NS) % 2 == 1
        for nhi, _, _ in joined[at // FLAP_CALL_NS % 4 :: 4]:
            first_way = stage.coordinator.effective(nhi) is Phase.PRIMARY
            stage.outcome(nhi, not (bad and first_way), at)
        stage.tick(at)
        phase = stage.coordinator.phase(scope)
        if phase is not shown:
            turns += 1
            returns += phase is Phase.PRIMARY
            shown = phase
    a_day = DAY / length
    # Where the day's returns are used up the machine waits for a person, who is not there: no more come.
    limited = fleet.controls.pace_hysteresis == "dwell"
    values = {
        "returns_per_day": float(returns if limited else returns * a_day),
        "turns_per_day": float(turns if limited else turns * a_day),
    }
    details = {"type": agent.id, "hours": length // (60 * MINUTE), "ends": PHASE_NAMES[shown]}
    return Outcome(values=values, details=details)


# Coming back.


def returning(trial: Trial) -> Outcome:
    """Everybody of the type waits in Contingency; the cause ends: the most returns in one second."""
    fleet = trial.fleet
    agent = most_critical(fleet)
    stage = Stage(fleet)
    joined = _joined(stage, agent)
    scope = f"type:{agent.id}"
    limit, by, share = tightest(fleet)
    _fail(stage, joined[: max(5, len(joined) // 10)])
    if stage.coordinator.phase(scope) is not Phase.CONTINGENCY:
        return Outcome(values={}, details={"type": agent.id, "why": "it never came to Contingency"})
    waiting = [(place(KEY, scope, session), nhi) for nhi, _, session in joined[: round(share * len(joined))]]
    seconds: dict[int, int] = {}
    draws = stream(trial.seed, "pace/returns")
    back = 0
    done: list[int] = []

    def moved(move: Move, now: int) -> None:
        nonlocal back
        if move.scope != scope or move.phase >= Phase.CONTINGENCY or move.share_milli <= back:
            return
        for at, nhi in waiting:
            if back <= at < move.share_milli:
                # As in the simulation: whoever may go on does so within about a second.
                second = (now + draws.exponential(SECOND)) // SECOND
                seconds[second] = seconds.get(second, 0) + 1
                done.append(nhi)
        back = move.share_milli

    stage.on_move = moved
    began = stage.now
    while back < 1000 and stage.now < began + DAY:
        stage.tick(stage.now + SECOND)
        if done:  # enough of them to be heard; the rest would say the same
            for nhi in done[:20]:
                stage.outcome(nhi, True, stage.now)
    values = {"return_peak": float(max(seconds.values(), default=0))}
    if back >= 1000:
        values["return_minutes"] = (stage.now - began) / MINUTE
    details = {"type": agent.id, "waiting": len(waiting), "limit": limit, "by": by}
    return Outcome(values=values, details=details)


def _fail(stage: Stage, joined: tuple[tuple[int, int, int], ...]) -> None:
    """A tenth of them fail until the type is in Contingency; then it is quiet."""
    index = joined[0][1]
    for _ in range(200):
        at = stage.now + 20 * SECOND
        for nhi, _, _ in joined:
            stage.coordinator.outcome(nhi, False, at, at)
            if stage.coordinator.types[index].machine.phase >= Phase.CONTINGENCY:
                break
        stage.tick(at)
        if stage.coordinator.types[index].shown >= Phase.CONTINGENCY:
            return


def tightest(fleet: Fleet) -> tuple[float | None, str, float]:
    """What the most critical type calls and can take least: calls a second, its key, and who calls it.

    The last is the share of the type's instances whose journey calls it at all: the others do not wait for
    it. None where the file declares no limit; then everybody waits.
    """
    agent = most_critical(fleet)
    calls: dict[str, set[str]] = {}
    for action in fleet.actions:
        if action.id in agent.actions:
            calls.setdefault(action.port, set()).add(action.id)
    found = [
        (
            port.calls_per_minute_max / 60,
            f"ports[{port.id}].calls_per_minute_max",
            _share(fleet, calls[port.id]),
        )
        for port in fleet.ports
        if port.id in calls and port.calls_per_minute_max
    ]
    found += [
        (provider.calls_per_minute_max / 60, f"providers[{provider.id}].calls_per_minute_max", 1.0)
        for provider in fleet.providers
        if provider.id == agent.provider and provider.calls_per_minute_max
    ]
    # What is overrun first: the least capacity for each that calls.
    return min(found, key=lambda one: one[0] / max(one[2], 1e-9), default=(None, "", 1.0))


def _share(fleet: Fleet, actions: set[str]) -> float:
    """The share of sessions in which one of these actions is done, by the declared journeys."""
    journeys = fleet.workload.journeys
    total = sum(journey.share for journey in journeys)
    if not total:
        return 1.0
    return sum(j.share for j in journeys if any(step.action in actions for step in j.steps)) / total


# What people see.


def customers(trial: Trial) -> Outcome:
    """Every type taken down step by step by a person: what its customers are shown, and who decides."""
    fleet = trial.fleet
    rows: list[list[str]] = []
    without = 0
    facing = facing_types(fleet)
    for agent in fleet.types:
        if agent.plane != "task":
            continue
        shown = {phase: _shown(fleet, agent, phase) for phase in (Phase.CONTINGENCY, Phase.EMERGENCY)}
        if agent.id in facing and not all(shown.values()):
            without += 1
        level = agent.pace.type
        rows.append(
            [
                agent.id,
                level.alternate,
                level.contingency,
                level.emergency,
                shown[Phase.CONTINGENCY] or shown[Phase.EMERGENCY] or "nothing",
                level.decided_by,
            ]
        )
    return Outcome(
        values={
            "types_without_message": float(without),
            "types_by_person": float(sum(t.pace.type.decided_by == "person" for t in fleet.types)),
        },
        details={
            "customers": rows[:LIST_ROWS_MAX],
            "customers_total": len(rows),
            "facing": len(facing),
            "described": sum(bool(row[2] and row[3]) for row in rows),
            "told": sum(row[4] != "nothing" for row in rows),
        },
    )


def facing_types(fleet: Fleet) -> frozenset[str]:
    """The types that hear customers: those to which a port of source `customer` leads."""
    ports = {port.id for port in fleet.ports if port.source == "customer"}
    return frozenset(link.to for link in fleet.links if link.from_ in ports)


def _shown(fleet: Fleet, agent: AgentType, phase: Phase) -> str:
    stage = Stage(fleet)
    scope = f"type:{agent.id}"
    for what in ("down", "down") if phase is Phase.CONTINGENCY else ("stop",):
        stage.order(scope, what)
    texts = [show.text for show in stage.shown if show.scope == scope]
    return texts[-1] if texts else ""
