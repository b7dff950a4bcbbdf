"""Invariant 11: only people leave Emergency, and recovery follows the dependency order.

Everything is read off the events, the records that they left and the fleet file. What was set for a scope is
kept here; a gate that leads out of Emergency must name the role of a person, and a cluster may not be set to
a better phase (not even for a share of its sessions) than its producers, as they are then, hold it down to.

For a dependency whose consumer assesses for itself, only the mildest answer that is legal counts, and for
stale data the time before it is too old; round a circle of dependencies no order is asked for.
"""

from typing import Final

from maso.evidence.records import GateRecord, decode_record
from maso.fleet.model import Dependency
from maso.plane.events import SetPhase
from maso.sim.checkers.release import Release
from maso.sim.checkers.turn import Declared, Turn

_ALTERNATE, _EMERGENCY = 1, 3
_DENY: Final = 3
_FULL_MILLI: Final = 1000


class OnlyPeopleLeaveEmergency:
    invariant = 11
    name = "only people leave Emergency"
    covers = (
        "no scope is set to a better phase than Emergency unless the event names a person's role, and no"
        " cluster comes back, wholly or for a share, to a better phase than its producers allow it"
    )
    does_not_cover = "whether that person was there and had the role (the staff console), and time in a phase"

    def __init__(self, declared: Declared) -> None:
        self._phases: dict[str, int] = {}
        self._producers: dict[str, list[Dependency]] = {}
        for d in declared.fleet.dependencies:
            self._producers.setdefault(d.consumer, []).append(d)
        self._ordered = {
            consumer: [d for d in mine if not self._reaches(d.producer, consumer)]
            for consumer, mine in self._producers.items()
        }

    def _reaches(self, start: str, goal: str) -> bool:
        """Whether `start` depends on `goal`, over others or at once: then the two are in a circle."""
        seen, work = {start}, [start]
        while work:
            for d in self._producers.get(work.pop(), ()):
                if d.producer == goal:
                    return True
                if d.producer not in seen:
                    seen.add(d.producer)
                    work.append(d.producer)
        return False

    def turn(self, turn: Turn) -> str:
        if type(turn.event) is not SetPhase:
            return ""
        record = decode_record(turn.records[0]) if turn.records else None
        if not isinstance(record, GateRecord) or record.outcome == _DENY:
            return ""
        before = self._phases.get(record.scope, 0)
        if record.share_milli == _FULL_MILLI:
            self._phases[record.scope] = record.value
        if record.value >= before:
            return ""
        if before == _EMERGENCY and not record.by:
            return f"{record.scope} left Emergency by itself ({record.why})"
        level, _, name = record.scope.partition(":")
        return self._too_early(name, record.value) if level == "cluster" else ""

    def _too_early(self, cluster: str, phase: int) -> str:
        for d in self._ordered.get(cluster, ()):
            producer = self._phases.get(f"cluster:{d.producer}", 0)
            if phase < self._least(d, producer):
                return f"cluster {cluster} came back before {d.producer}, on which it depends"
        return ""

    @staticmethod
    def _least(d: Dependency, producer: int) -> int:
        """The best phase that a consumer may be in, whatever its orchestrator chose."""
        if not producer:
            return 0
        declared = (d.on_alternate, d.on_contingency, d.on_emergency)[producer - 1]
        if d.policy == "assess":
            return 0 if producer == _ALTERNATE else _ALTERNATE
        return {"continue": 0, "stale": _ALTERNATE, "fallback": _ALTERNATE}.get(declared, producer)

    def released(self, r: Release) -> str:
        return ""
