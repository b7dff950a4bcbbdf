"""The message mix that is timed: the events of a simulated run of the online shop, recorded and given again.

A run at each size is simulated once with a plane that notes every event; the same list then goes to a
fresh plane with a fresh scanner, and only that is timed. So the mix is that of the workload (chat,
retrieval with signed documents, tool answers, hand-offs, actions with endorsements), every text is new to
the scanner, and the driver's own time is not in the figures. References in events are record numbers, so
a second plane gives the same ones.
"""

from collections.abc import Callable, Iterator
from functools import cache
from typing import Final

import msgspec
from msgspec import json

from maso.clock import MINUTE, SECOND
from maso.envelope import MessageKind, open_wire
from maso.evidence.log import LogWriter
from maso.fleet.grow import grow
from maso.fleet.load import load_file
from maso.fleet.rulebook import Rulebook
from maso.journeys.actors import Keyring, admission
from maso.plane.effects import Effect
from maso.plane.events import Admit, Arrive
from maso.plane.plane import Plane
from maso.scan.injection import InjectionDetector
from maso.scan.scanner import Scanner
from maso.sim.driver import Simulation
from maso.streams import Stream, stream
from maso.text import writer

FLEET: Final = "ecommerce-10k"
AGENTS_PER_SESSION: Final = 6
SEED: Final = 20_260_201
# A pair's budget of turns in the fleet file is 80.
MESSAGES_PER_PAIR: Final = 20
# What agents write to each other; contact data, addresses and payment lines have flows of their own.
KINDS_OF_TEXT: Final = (
    "question", "product", "advice", "complaint", "reply", "order_note", "research", "filing", "market",
    "risk", "compliance", "report", "task", "status", "news",
)  # fmt: skip
# With the envelope's header this comes to about 1 KB; the schema of the flow takes 1,500 characters.
TEXT_CHARS_MIN: Final = 800
TEXT_CHARS_MAX: Final = 1000
# Sessions that are there from the start catch up on what lasts (orders, payments) in their first seconds;
# after a minute the mix is the steady one, at every size.
SETTLED_NS: Final = MINUTE
# One session sends some 13,000 messages a day, so the smallest fleet needs two for 20,000.
DAYS_MAX: Final = 7
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
        settled = now >= SETTLED_NS and len(self._plane.state.sessions) > self._sessions
        if settled and type(event) is Arrive:
            self.first = self.first or len(self.events)
            self._left -= 1
            if not self._left:
                raise _EnoughError
        return effects


def new_plane(rules: Rulebook, keys: Keyring, scanner: Scanner) -> tuple[Plane, LogWriter]:
    """A plane that writes real evidence, in memory."""
    log = LogWriter(b"bench run 000000", b"b" * 32, fleet_sha256=rules.sha256)
    return Plane(rules, keys.plane, log, scanner), log


@cache
def _scanner() -> Scanner:
    return Scanner(InjectionDetector())


def fresh_scanner() -> Scanner:
    """A scanner that has seen nothing."""
    return _scanner().fresh()


def record(instances: int, messages: int) -> Recording:
    """`messages` messages of the shop with about `instances` agents alive.

    Counting starts when the sessions are open and settled, so at 60,000 instances all of them exist.
    """
    sessions = max(1, instances // AGENTS_PER_SESSION)
    file, _ = load_file(FLEET)
    fleet = grow(file, sessions)
    rules = Rulebook(fleet)
    keys = Keyring(rules, SEED)
    plane, _ = new_plane(rules, keys, fresh_scanner())
    noting = _Noting(plane, sessions * 95 // 100, messages)
    simulation = Simulation(fleet, rules, noting, keys, seed=SEED, minutes=DAYS_MAX * 24 * 60, size=sessions)
    try:
        simulation.run()
    except _EnoughError:
        pass
    else:
        raise RuntimeError("the workload ended before enough messages were recorded")
    return Recording(rules, keys, noting.events, noting.first, sessions * AGENTS_PER_SESSION)


def kilobytes(messages: int) -> Recording:
    """Messages of about 1 KB between two agents of the shop, every text fresh and of every kind.

    Not the shop's traffic but a yardstick: the size that the design's targets are stated for, with free
    text in every message.
    """
    file, _ = load_file(FLEET)
    rules = Rulebook(grow(file, 1000))
    keys = Keyring(rules, SEED)
    members = tuple((t, number) for t in rules.types if not t.is_port for number in range(t.per_session))
    events: list[tuple[int, object]] = []
    pairs = []
    for session in range(1, 1 + messages // MESSAGES_PER_PAIR):
        credential, actors = admission(keys, rules, session, members, 0, 20 * MINUTE)
        events.append((0, Admit(credential)))
        by_type = {actor.rules.id: actor for actor in actors}
        pairs.append((session, by_type["product_presentation"], by_type["sales_advisor"]))
    first = len(events)
    stream_of_text = stream(SEED, "bench/kilobytes")
    for number in range(messages):
        session, sender, recipient = pairs[number % len(pairs)]
        body = {"sku": "SKU-K", "summary": _long_text(stream_of_text)}
        payload = json.encode(body)
        wire = sender.wire(recipient.nhi, session, MessageKind.DATA, payload, 0, 0, (), ())
        events.append((SECOND + number, Arrive(session, wire)))
    return Recording(rules, keys, events, first, len(pairs) * AGENTS_PER_SESSION)


def _long_text(draw: Stream) -> str:
    """Texts of several kinds, one behind the other, up to about 900 characters."""
    text = ""
    while len(text) < TEXT_CHARS_MIN:
        text += writer(draw.pick(KINDS_OF_TEXT))(draw.bits) + " "
    return text[:TEXT_CHARS_MAX]


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
