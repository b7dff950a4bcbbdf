"""The message mix that is timed: the events of a simulated run of the online shop, recorded and given again.

A run at each size is simulated once with a plane that notes every event; the same list then goes to a
fresh plane with a fresh scanner, and only that is timed. So the mix is that of the workload (chat,
retrieval with signed documents, tool answers, hand-offs, actions with endorsements), every text is new to
the scanner, and the driver's own time is not in the figures. References in events are record numbers, so
a second plane gives the same ones.
"""

from collections.abc import Callable, Iterator
from typing import Final

import msgspec

from maso.envelope import open_wire
from maso.evidence.log import LogWriter
from maso.fleet.grow import grow
from maso.fleet.load import load_file
from maso.fleet.rulebook import Rulebook
from maso.plane.effects import Effect
from maso.plane.events import Arrive
from maso.plane.plane import Plane
from maso.scan.injection import InjectionDetector
from maso.scan.scanner import Scanner
from maso.sim.actors import Keyring
from maso.sim.driver import Simulation

FLEET: Final = "ecommerce-10k"
AGENTS_PER_SESSION: Final = 6
SEED: Final = 20_260_201
_DIGIT: Final = frozenset(b"0123456789")


class _EnoughError(Exception):
    """Enough messages were recorded."""


class Recording(msgspec.Struct):
    """Events with their times; `first` is where messages begin to be counted and timed."""

    rules: Rulebook
    keys: Keyring
    events: list[tuple[int, object]]
    first: int
    instances: int


class _Noting:
    """A plane that notes what it handles, and stops the run when it has enough."""

    def __init__(self, plane: Plane, sessions: int, messages: int) -> None:
        self._plane = plane
        self._sessions = sessions
        self._left = messages
        self.events: list[tuple[int, object]] = []
        self.first = 0

    def handle(self, event: object, now: int) -> list[Effect]:
        self.events.append((now, event))
        effects = self._plane.handle(event, now)
        if type(event) is Arrive and len(self._plane.state.sessions) > self._sessions:
            self.first = self.first or len(self.events)
            self._left -= 1
            if not self._left:
                raise _EnoughError
        return effects


def new_plane(rules: Rulebook, keys: Keyring, scanner: Scanner) -> tuple[Plane, LogWriter]:
    """A plane that writes real evidence, in memory."""
    log = LogWriter(b"bench run 000000", b"b" * 32, fleet_sha256=rules.sha256)
    return Plane(rules, keys.plane, log, scanner), log


def fresh_scanner() -> Scanner:
    return Scanner(InjectionDetector())


def record(instances: int, messages: int) -> Recording:
    """`messages` messages of the shop with about `instances` agents alive.

    Counting starts when every session is open, so at 60,000 instances all of them exist.
    """
    sessions = max(1, instances // AGENTS_PER_SESSION)
    file, _ = load_file(FLEET)
    fleet = grow(file, sessions)
    rules = Rulebook(fleet)
    keys = Keyring(rules, SEED)
    plane, _ = new_plane(rules, keys, fresh_scanner())
    noting = _Noting(plane, sessions * 95 // 100, messages)
    simulation = Simulation(fleet, rules, noting, keys, seed=SEED, minutes=24 * 60, size=sessions)
    try:
        simulation.run()
    except _EnoughError:
        pass
    else:
        raise RuntimeError("the workload ended before enough messages were recorded")
    return Recording(rules, keys, noting.events, noting.first, sessions * AGENTS_PER_SESSION)


def payloads(recording: Recording) -> Iterator[bytes]:
    """Payloads of the recorded messages that were counted."""
    for _, event in recording.events[recording.first :]:
        if isinstance(event, Arrive):
            yield open_wire(event.wire).payload


def described(recording: Recording, signals: Callable[[bytes], int]) -> dict[str, float]:
    """What is in the mix: shares of messages, and sizes in bytes."""
    bodies = list(payloads(recording))
    wires = [e.wire for _, e in recording.events[recording.first :] if isinstance(e, Arrive)]
    count = len(bodies)
    return {
        "messages": count,
        "mean_wire_bytes": round(sum(map(len, wires)) / count),
        "mean_payload_bytes": round(sum(map(len, bodies)) / count),
        "share_with_digits": round(sum(1 for b in bodies if not _DIGIT.isdisjoint(b)) / count, 3),
        "share_with_free_text": round(sum(1 for b in bodies if b.count(b" ") > 4) / count, 3),
        "share_that_first_stage_passes_on": round(sum(1 for b in bodies if signals(b)) / count, 3),
        "share_distinct": round(len(set(bodies)) / count, 3),
    }
