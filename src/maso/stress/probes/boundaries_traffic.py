"""What a message costs with everything scanned, on the fleet's own traffic; how many a core sustains.

A simulated run is recorded once and given again to a fresh plane, and only that is timed: so the mix is the
workload's, texts are new to the scanner, references and identities are right, and the driver's time is not in
the figure. Traffic is honest; what is refused of it is refused by mistake.

*Over-labelled* is a message between agents whose label holds a compartment that nothing in its own content
calls for (no kind that DLP finds, no rule of the firm's): the label follows what the sender was told, not
what it says, which is the point of it and its price.

*Late* follows from the CPU time that was measured: messages arrive at random (simulated) at the declared
rate, each taking the measured mean, one after another on one core (an M/D/1 queue); a fleet's bursts are
worse. With buses per barrier, each bus has a core.
"""

from collections import OrderedDict
from collections.abc import Iterator
from functools import partial
from itertools import groupby
from typing import Any, Final, NamedTuple

from msgspec.structs import replace

from maso.clock import SECOND
from maso.envelope import open_wire
from maso.fleet.model import Fleet
from maso.fleet.rulebook import Rulebook
from maso.journeys.actors import Keyring
from maso.labels import CONFIDENTIALITY_MASK, LEVEL_MASK, exceeds
from maso.plane.effects import Effect
from maso.plane.events import Arrive
from maso.plane.plane import Plane
from maso.plane.segments import segments
from maso.sim.driver import Simulation
from maso.streams import Stream, stream
from maso.stress.dimension import Outcome, Trial
from maso.stress.probes.boundaries_rig import fleet_key, new_plane
from maso.stress.timing import cpu_us
from maso.verdict import Outcome as Verdict

MESSAGES: Final = 2_000
MESSAGES_QUICK: Final = 600
# A message's cost hardly depends on how many sessions are open (docs/speed.md: 1.2 times at 60,000
# instances), and opening one costs as much as a dozen messages: larger depth fleets are measured at these.
SESSIONS_MAX: Final = 200
SESSIONS_MAX_QUICK: Final = 50
# Before that the mix is one of beginnings: sessions catch up on what lasts, tasks are at their first handoff.
SETTLED_NS: Final = {"depth": 60 * SECOND, "breadth": 10 * SECOND}
MINUTES: Final = 24 * 60  # the run is stopped when there are messages enough
ARRIVALS: Final = 20_000  # of a simulated queue: the 99th percentile rests on 200 of them
MINUTE_MS: Final = 60_000
# One mean cost for every place on the rates' axis: two that differ by a tenth move the capacity by as much.
COST_SEED: Final = 1
SETTLING: Final = 5  # the first so many hundredths are the queue's filling up
_COMPARTMENTS: Final = CONFIDENTIALITY_MASK & ~LEVEL_MASK
_BARRIER_CODES: Final = ("DP-1.1/clearance", "DP-1.1/pair-rule", "DP-2.5/not-received")


class _EnoughError(Exception):
    """Enough messages were recorded."""


class Recorded(NamedTuple):
    """A run's events, and counts over its messages.

    between     messages between agents that were delivered; `over` of them over-labelled
    refused     messages that a control of the barriers refused
    unscanned   messages that `scan_at: boundaries` would not look at
    first       number of the event at which counting and timing begin
    load        handlings by bus, where the fleet were cut: a message that crosses counts on both
    crossing    messages that would cross
    """

    rules: Rulebook
    keys: Keyring
    events: list[tuple[int, object]]
    first: int
    messages: int
    between: int
    over: int
    refused: int
    unscanned: int
    load: dict[str, int]
    crossing: int


class _Recorder:
    """A plane that notes what it handles, counts what becomes of it, and stops the run in time."""

    def __init__(self, plane: Plane, messages: int, fleet: Fleet) -> None:
        self._plane = plane
        self._left = messages
        self._bus_of = segments(fleet).bus_of
        self._settled = SETTLED_NS[fleet.kind]
        self.events: list[tuple[int, object]] = []
        self.first = 0
        self.load = dict.fromkeys(self._bus_of.values(), 0)
        self.messages = self.between = self.over = self.refused = self.unscanned = self.crossing = 0

    def handle(self, event: object, now: int) -> list[Effect]:
        self.events.append((now, event))
        counts = type(event) is Arrive and now >= self._settled
        if counts and not self.first:
            self.first = len(self.events) - 1
        ends = self._ends(event.wire) if counts and isinstance(event, Arrive) else None
        effects = self._plane.handle(event, now)
        if ends is not None:
            self._count(*ends)
            self._left -= 1
            if not self._left:
                raise _EnoughError
        return effects

    def _ends(self, wire: bytes) -> tuple[Any, Any]:
        envelope, instances = open_wire(wire), self._plane.state.instances
        return instances.get(envelope.sender), instances.get(envelope.recipient)

    def _count(self, sender: Any, recipient: Any) -> None:
        last = self._plane.last
        if sender is None or recipient is None or last is None:
            return
        self.messages += 1
        codes = [finding.reason.code for finding in last.findings]
        self.refused += any(code in _BARRIER_CODES for code in codes)
        start, end = self._bus_of.get(sender.type.id), self._bus_of.get(recipient.type.id)
        for bus in dict.fromkeys(name for name in (start, end) if name is not None):
            self.load[bus] += 1
        if start is None or end is None:
            return  # from or to a port
        self.crossing += start != end
        self.unscanned += not exceeds(sender.type.clearance, recipient.type.clearance)
        if last.outcome <= Verdict.REDACT and sender is not recipient:
            self.between += 1
            found = 0
            for finding in last.findings:
                found |= finding.raises
            self.over += bool(last.label & _COMPARTMENTS & ~found)


def _sessions(trial: Trial) -> int:
    """Sessions open at once: as many as the size says, up to a limit (of depth fleets only)."""
    most = SESSIONS_MAX_QUICK if trial.quick else SESSIONS_MAX
    return trial.size if trial.fleet.kind == "breadth" else min(trial.size, most)


def _record(fleet: Fleet, sessions: int, seed: int, messages: int) -> Recorded:
    rules = Rulebook(fleet)
    keys = Keyring(rules, seed)
    recorder = _Recorder(new_plane(rules, keys), messages, fleet)
    simulation = Simulation(fleet, rules, recorder, keys, seed=seed, minutes=MINUTES, size=sessions)
    try:
        simulation.run()
    except _EnoughError:
        pass
    return Recorded(
        rules, keys, recorder.events, recorder.first, recorder.messages, recorder.between, recorder.over,
        recorder.refused, recorder.unscanned, recorder.load, recorder.crossing,
    )  # fmt: skip


class Cost(NamedTuple):
    """Measured microseconds a message, and what the recording counted; its events are gone."""

    message_us: float
    recorded: Recorded


# Of one process: an axis asks for the same one again and again, larger depth fleets for the same sessions.
KEPT_MAX: Final = 128
_Key = tuple[bytes, int, int, bool]
_KEPT: Final[OrderedDict[_Key, Cost | None]] = OrderedDict()


def cost(trial: Trial) -> Cost | None:
    """What a message of this fleet's traffic costs on one bus; None where nobody may say anything."""
    controls = replace(trial.fleet.controls, bus="one")  # a bus each changes who handles what, not how
    fleet = replace(trial.fleet, controls=controls)
    if fleet.kind == "depth":
        fleet = replace(fleet, size=1)
    key = (fleet_key(fleet), _sessions(trial), trial.seed, trial.quick)
    if key not in _KEPT:
        if len(_KEPT) >= KEPT_MAX:
            _KEPT.popitem(last=False)
        _KEPT[key] = _cost(fleet, _sessions(trial), trial.seed, trial.quick)
    return _KEPT[key]


def _cost(fleet: Fleet, sessions: int, seed: int, quick: bool) -> Cost | None:
    if not fleet.workload.journeys and not any(x.from_ != x.to for x in fleet.links):
        return None
    recorded = _record(fleet, sessions, seed, MESSAGES_QUICK if quick else MESSAGES)
    if not recorded.messages:
        return None
    spent = min(_replayed_us(recorded) for _ in range(2 if quick else 3))
    return Cost(spent / recorded.messages, recorded._replace(events=[]))


def _replayed_us(recorded: Recorded) -> float:
    """CPU of all messages of the recording on a fresh plane; admissions and documents are not timed."""
    plane = new_plane(recorded.rules, recorded.keys, with_log=True)
    _handle_all(plane, recorded.events[: recorded.first])
    total = 0.0
    for timed, part in _stretches(recorded.events[recorded.first :]):
        if timed:
            total += cpu_us(partial(_handle_all, plane, part), 1)
        else:
            _handle_all(plane, part)
    return total


def _handle_all(plane: Plane, part: list[tuple[int, object]]) -> None:
    handle = plane.handle
    for now, event in part:
        handle(event, now)


def _stretches(events: list[tuple[int, object]]) -> Iterator[tuple[bool, list[tuple[int, object]]]]:
    """Runs of messages (True), and of what comes between them (False)."""
    for is_message, part in groupby(events, key=lambda item: type(item[1]) is Arrive):
        yield is_message, list(part)


# What follows from it.


def _busiest(trial: Trial, recorded: Recorded) -> tuple[float, float]:
    """Handlings per message, on all buses and on the busiest; 1 and 1 where there is one bus."""
    if trial.fleet.controls.bus != "per-barrier" or not recorded.load:
        return 1.0, 1.0
    loads = recorded.load.values()
    return sum(loads) / recorded.messages, max(loads) / recorded.messages


def run_traffic(trial: Trial) -> Outcome:
    """What a message costs, and what the labels do to honest work, as the fleet grows."""
    measured = cost(trial)
    if measured is None:
        return Outcome(values={})
    recorded = measured.recorded
    values = {
        "message_us": measured.message_us,
        "refused_honest_share": recorded.refused / recorded.messages,
    }
    if recorded.between:
        values["overlabelled_share"] = recorded.over / recorded.between
    details: dict[str, Any] = {
        "messages": recorded.messages,
        "sessions_open": _sessions(trial) if trial.fleet.kind == "depth" else 0,
    }
    return Outcome(values=values, details=details)


def run_capacity(trial: Trial) -> Outcome:
    """What the bus, or the buses, sustain with a core each."""
    measured = cost(trial)
    if measured is None:
        return Outcome(values={})
    recorded = measured.recorded
    handlings, busiest = _busiest(trial, recorded)
    details: dict[str, Any] = {
        "handlings": handlings,
        "crossing_share": recorded.crossing / recorded.messages,
        "load": [[bus, count] for bus, count in recorded.load.items()],
    }
    return Outcome(values={"sustained_per_second": 1e6 / (measured.message_us * busiest)}, details=details)


def run_saving(trial: Trial) -> Outcome:
    """What a message costs at the target, and the share of messages that boundaries would not see."""
    measured = cost(trial)
    if measured is None:
        return Outcome(values={})
    share = measured.recorded.unscanned / measured.recorded.messages
    return Outcome(
        values={"handled_us": measured.message_us},
        details={"between_equals_share": share},
    )


def late_ms(draws: Stream, per_second: float, service_us: float) -> float:
    """99th percentile of waiting and service, in ms, on one core over a minute of simulated arrivals.

    Below its capacity an M/D/1 queue; above it the line grows with every message, and the last to come in
    that minute waits for what was too much in it.
    """
    load = per_second * service_us / 1e6
    if load >= 1:
        return MINUTE_MS * (1 - 1 / load) + service_us / 1000
    gap_ns = max(1, round(SECOND / per_second))
    service_ns = round(service_us * 1000)
    waits = []
    wait = 0
    for number in range(ARRIVALS):
        if number * 100 >= ARRIVALS * SETTLING:
            waits.append(wait)
        wait = max(0, wait + service_ns - draws.exponential(gap_ns))
    waits.sort()
    return (waits[len(waits) * 99 // 100] + service_ns) / 1e6


def run_rates(trial: Trial) -> Outcome:
    """Cores and lateness at `trial.at` messages a minute; the seed draws the arrivals, not the cost."""
    measured = cost(replace(trial, seed=COST_SEED))
    if measured is None:
        return Outcome(values={})
    handlings, busiest = _busiest(trial, measured.recorded)
    per_second = trial.at / 60
    draws = stream(trial.seed, f"stress/boundaries/queue/{trial.at}")
    return Outcome(
        values={
            "cores": per_second * handlings * measured.message_us / 1e6,
            "late_ms": late_ms(draws, per_second * busiest, measured.message_us),
        },
        details={"message_us": measured.message_us, "handlings": handlings},
    )
