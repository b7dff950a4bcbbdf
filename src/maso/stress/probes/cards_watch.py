"""A run of the fleet with card numbers planted in it, and where each of them went.

The plane, the driver, the worlds, the journeys and the evidence are the real ones, looked on. Numbers are
planted by honest payment forms (learned from the forms themselves) and by customers of honest sessions who
write a card number where it does not belong. Then everything is searched by `cards_search.py`: what every
instance was given and still has, what went to ports, every record, every text of a refusal, and at the end
the memory that can still be reached from the plane and the driver.
"""

from collections.abc import Callable, Iterable, Sequence
from functools import cache
from typing import Any, Final, NamedTuple

import msgspec

from maso.clock import SECOND
from maso.envelope import open_wire
from maso.evidence.log import LogWriter
from maso.fleet.model import Fleet
from maso.fleet.rulebook import Rulebook
from maso.journeys.actors import Actor, Keyring
from maso.journeys.sessions import Run
from maso.plane.effects import Deliver, Effect, Ended, Perform, Purged, Refuse
from maso.plane.events import Arrive
from maso.plane.plane import Plane
from maso.scan.scanner import Scanner
from maso.sim.adversaries.surface import body_of
from maso.sim.driver import Simulation
from maso.sim.watchers import Performed, RecordTap
from maso.streams import Stream, stream
from maso.stress.probes.cards_fields import FieldWatch
from maso.stress.probes.cards_fleet import Cards, Entry
from maso.stress.probes.cards_forms import LISTED, Numbers, Way, sentences
from maso.stress.probes.cards_search import Holder, Needles, leaves, reachable
from maso.stress.probes.parts import fresh_scanner

# One customer in five writes a card number into a chat: far more than do, so that small runs have some.
SESSIONS_PER_PASTE: Final = 5
# Pastes are spread over the middle of a run, when all sessions of its start are there.
_PASTES_FROM, _PASTES_UNTIL = 15, 95
# A task of a small breadth fleet lasts seconds and comes every few minutes: somebody is waited for.
_AGAIN_NS: Final = SECOND
_TRIES: Final = 300

_SMALL: Final = 10**12  # an integer up to here has fewer digits than a card number

_decode = msgspec.json.Decoder().decode

ALLOWED, REDACTED, REFUSED = "delivered as it was", "masked", "refused"


@cache
def _scanner() -> Scanner:
    """One for all runs of this dimension in a process."""
    return fresh_scanner()


class Kept:
    """An evidence log in memory: the real writer, and the bodies beside it, to search."""

    def __init__(self, fleet_sha256: bytes) -> None:
        self._writer = LogWriter(b"card data", bytes(32), fleet_sha256=fleet_sha256)
        self.bodies: list[bytes] = []

    def append(self, body: bytes) -> int:
        self.bodies.append(body)
        ref = self._writer.append(body)
        self._writer.take_sealed()
        return ref


class Exposure:
    """What one type was given."""

    __slots__ = ("instances", "messages", "numbers")

    def __init__(self) -> None:
        self.instances = 0
        self.messages = 0
        self.numbers: dict[int, None] = {}


class Eyes:
    """Watches a run: a `sim.watchers.Watcher`. Holds instances' names and counts, and never a number."""

    wants_inbox = True

    def __init__(self, cards: Cards, needles: Needles) -> None:
        self.needles = needles
        self.sim: Simulation
        self._cards = cards
        self._forms = {(link.from_, link.to) for link in cards.forms()}  # membership only
        self._fields = _card_fields(cards)
        self._holders: dict[int, Holder] = {}
        self._types: dict[int, str] = {}
        self.by_type: dict[str, Exposure] = {}
        self.live: dict[int, None] = {}  # instances that hold a number now
        self.live_peak = 0
        self.admitted: dict[str, int] = {}
        self.seconds: list[float] = []  # from the first number in a context to the context's end
        self.honest: dict[str, int] = {}  # forms by what became of them
        self.ports: dict[str, dict[int, None]] = {}  # ports not cleared, and the numbers they were given
        self._told: dict[tuple[str, int], Holder] = {}  # what went to a port in one session
        self.texts = 0  # refusals and errors with a number in them

    # Who is who.

    def type_of(self, nhi: int) -> str:
        actor = self.sim.actors.get(nhi)
        return "" if actor is None else actor.rules.id

    def on_event(self, event: object, now: int) -> None:
        """Nothing to do before the plane has decided."""

    def on_effects(
        self, event: object, effects: Sequence[Effect], records: Sequence[bytes], now: int
    ) -> None:
        for effect in effects:
            kind = type(effect)
            if kind is Deliver:
                self._delivered(effect, event, now)  # type: ignore[arg-type]
            elif kind is Perform:
                self._performed(effect)  # type: ignore[arg-type]
            elif kind is Refuse:
                self._refused(effect, event)  # type: ignore[arg-type]
            elif kind is Ended:
                for nhi in effect.nhis:  # type: ignore[union-attr]
                    self._forget(nhi, now)
            elif kind is Purged:
                self._forget(effect.nhi, now)  # type: ignore[union-attr]

    def on_world(self, done: Performed, now: int) -> None:
        if self.needles.in_text(f"{done.declined} {' '.join(leaves(done.answer))}") is not None:
            self.texts += 1

    def _delivered(self, effect: Deliver, event: object, now: int) -> None:
        to = self.type_of(effect.to)
        if (self.type_of(effect.sender), to) in self._forms:
            self._learn(effect.session, effect.payload)
            self._count_honest(event, effect.payload)
        holder = self._holders.get(effect.to)
        if holder is None:
            holder = self._holders[effect.to] = Holder()
        number = holder.take(self.needles, effect.session, effect.payload)
        if number is None:
            return
        if holder.since < 0:
            holder.since = now
        self.live[effect.to] = None
        self.live_peak = max(self.live_peak, len(self.live))
        seen = self.by_type.setdefault(to, Exposure())
        seen.messages += 1
        seen.numbers[number] = None
        if effect.to not in self._types:
            self._types[effect.to] = to
            seen.instances += 1

    def _learn(self, session: int, payload: bytes) -> None:
        for number in self._fields(payload):
            self.needles.plant(number, session)

    def _count_honest(self, event: object, payload: bytes) -> None:
        sent = open_wire(event.wire).payload if isinstance(event, Arrive) else payload
        outcome = ALLOWED if sent == payload else REDACTED
        self.honest[outcome] = self.honest.get(outcome, 0) + 1

    def _performed(self, effect: Perform) -> None:
        rules = self.sim.rules.actions[effect.action]
        assert rules is not None
        port = rules.spec.port
        if self._cards.cleared(port):
            return
        holder = self._told.setdefault((port, effect.session), Holder())
        number = holder.take(self.needles, effect.session, effect.payload)
        if number is not None:
            self.ports.setdefault(port, {})[number] = None

    def _refused(self, effect: Refuse, event: object) -> None:
        told = " ".join(f"{f.reason.text} {f.reason.remedy} {f.detail}" for f in effect.findings)
        if self.needles.in_text(told) is not None:
            self.texts += 1
        if isinstance(event, Arrive) and event.channel >> 32:
            envelope = open_wire(event.wire)
            if (self.type_of(envelope.sender), self.type_of(envelope.recipient)) in self._forms:
                self.honest[REFUSED] = self.honest.get(REFUSED, 0) + 1

    def _forget(self, nhi: int, now: int) -> None:
        """The context of an instance is over; what it held starts anew."""
        holder = self._holders.pop(nhi, None)
        if holder is not None and holder.since >= 0:
            self.seconds.append((now - holder.since) / SECOND)
            del self.live[nhi]

    def has(self, owner: str, number: int) -> bool:
        """Whether some instance of a type, or a port that is not cleared, was given this number."""
        seen = self.by_type.get(owner)
        return (seen is not None and number in seen.numbers) or number in self.ports.get(owner, {})

    def piece_held(self, nhi: int, session: int) -> int:
        """Characters of one number that this instance was given in pieces."""
        holder = self._holders.get(nhi)
        return 0 if holder is None else holder.digits_of_piece(session, self.needles)

    def holding(self) -> tuple[Actor, ...]:
        """Honest instances that hold a number now."""
        return tuple(actor for nhi in self.live if (actor := self.sim.actors.get(nhi)) is not None)


def _card_fields(cards: Cards) -> Callable[[bytes], Iterable[str]]:
    """The digits in the card fields of a form's payload."""
    names = {
        name
        for link in cards.forms()
        for name, spec in cards.schemas[link.schema].fields.items()
        if spec.type == "card"
    }

    def read(payload: bytes) -> Iterable[str]:
        body: dict[str, Any] = _decode(payload)
        return ["".join(c for c in v if c.isdigit()) for name, v in body.items() if name in names]

    return read


class Pasted(NamedTuple):
    """One number that a customer wrote where it does not belong, and what became of its messages."""

    entry: Entry
    way: Way
    outcomes: tuple[str, ...]
    number: int
    nhi: int
    reason: str  # of the first refusal, as the customer's side is told it


class Customers:
    """Customers who paste card numbers: a `sim.watchers.Adversary`, in honest sessions."""

    def __init__(self, cards: Cards, eyes: Eyes, draws: Stream, pastes: int) -> None:
        self._entries = tuple(e for e in cards.entries() if not e.action)
        self._eyes = eyes
        self._draws = draws
        self._numbers = Numbers(draws)
        self._pastes = pastes
        self.pasted: list[Pasted] = []
        self.nobody = 0  # no session was there to write to

    def plan(self, ground: Any) -> Iterable[tuple[int, Callable[[Any], None], Any]]:
        sim: Simulation = ground
        if not self._entries:
            return
        begin, end = sim.end * _PASTES_FROM // 100, sim.end * _PASTES_UNTIL // 100
        for at in range(self._pastes):
            yield begin + (end - begin) * at // self._pastes, self._paste, _TRIES

    def _paste(self, tries: int) -> None:
        """One number, in a way and through an entry that are drawn; to somebody who is there."""
        sim, start = self._eyes.sim, self._draws.below(len(self._entries))
        for entry in (*self._entries[start:], *self._entries[:start]):
            index = sim.rules.type_by_id[entry.to].index
            runs = [run for run in sim.sessions.live.values() if index in run.actors]
            if runs:
                run = self._draws.pick(runs)
                self._write(run, run.actors[index][0], entry, self._draws.pick(LISTED))
                return
        if tries:
            sim.kernel.after(_AGAIN_NS, self._paste, tries - 1)
        else:
            self.nobody += 1

    def _write(self, run: Run, to: Actor, entry: Entry, way: Way) -> None:
        self.pasted.append(paste(self._eyes, self._numbers.next(), run.number, to.nhi, entry, way))


def paste(eyes: Eyes, number: str, session: int, nhi: int, entry: Entry, way: Way) -> Pasted:
    """Somebody writes a card number through an entry, now; the messages go one after the other."""
    sim, outcomes, reason = eyes.sim, [], ""
    pieces = way.write(number)
    known = eyes.needles.plant(number, session, pieces, way.listed)
    action = sim.rules.action_by_id[entry.action].number if entry.action else 0
    for text in sentences(pieces):
        payload = body_of(entry.schema, **{entry.field: text[: entry.schema.fields[entry.field].max or None]})
        happened = sim.from_port(entry.port, session, nhi, payload, action=action)
        outcomes.append(outcome_of(happened.effects, payload))
        refusals = [e for e in happened.effects if isinstance(e, Refuse)]
        if refusals and not reason:
            reason = refusals[0].findings[-1].reason.text
    return Pasted(entry, way, tuple(outcomes), known, nhi, reason)


def outcome_of(effects: Iterable[Effect], payload: bytes) -> str:
    for effect in effects:
        if isinstance(effect, Deliver | Perform):
            return ALLOWED if effect.payload == payload else REDACTED
    return REFUSED


class Scene:
    """A fleet on a plane with eyes on it: `sim` is ready to run, or to be acted in.

    Raises ValueError where a fleet this small has nothing that a task could walk along.
    """

    def __init__(self, fleet: Fleet, seed: int, minutes: int, sessions: int, *others: FieldWatch) -> None:
        self.cards = Cards(fleet)
        self.rules = Rulebook(fleet)
        self.keys = Keyring(self.rules, seed)
        self.log = Kept(self.rules.sha256)
        self.tap = RecordTap(self.log)
        self.plane = Plane(self.rules, self.keys.plane, self.tap, _scanner())
        self.needles = Needles()
        self.eyes = Eyes(self.cards, self.needles)
        pastes = max(1, sessions // SESSIONS_PER_PASTE)
        self.customers = Customers(self.cards, self.eyes, stream(seed, "stress/card-data"), pastes)
        self.sim = Simulation(
            fleet,
            self.rules,
            self.plane,
            self.keys,
            seed=seed,
            minutes=minutes,
            size=sessions,
            tap=self.tap,
            watchers=(self.eyes, *others),
            adversaries=(self.customers,),
        )
        self.eyes.sim = self.sim
        for other in others:
            other.sim = self.sim
        self._others = others

    # What is searched beside the contexts.

    def records_with_card(self) -> int:
        """Records in whose bytes a number stands, in a listed way or in any that the search undoes."""
        found = sum(self.needles.in_record(body) is not None for body in self.log.bodies)
        return found or self.needles.verbatim_in(b"\0".join(self.log.bodies), listed=True)

    def invented_in_records(self) -> int:
        """Numbers that stand in the records in a way of somebody's invention."""
        return self.needles.verbatim_in(b"\0".join(self.log.bodies), listed=False)

    def stray_contexts(self) -> int:
        """Live instances, not cleared, in whose own memory (messages, values, claims) a number stands."""
        found = 0
        for actor in self.sim.actors.values():
            if actor.session and not self.cards.cleared(actor.rules.id):
                held = (*(actor.inbox or ()), repr(actor.told).encode(), repr(actor.claims).encode())
                found += any(self.needles.in_payload(text) is not None for text in held)
        return found

    def copies_left(self) -> int:
        """Texts and numbers with a planted number, reachable from plane and driver as they stand now."""
        looking = (self.eyes, self.customers, self.log, self.needles, self.tap, *self._others)
        # The records are searched by themselves; the last ones also hang on the driver.
        found = 0
        for thing in reachable((self.sim, self.plane), looking):
            if isinstance(thing, int):
                found += thing > _SMALL and self.needles.in_digits(str(thing)) is not None
            elif len(thing) > 12:
                text = thing.decode("utf-8", "ignore") if isinstance(thing, bytes) else thing
                found += self.needles.in_text(text) is not None
        return found
