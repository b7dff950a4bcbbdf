"""Trying it: a card number written through every entry, and put into every flow of every type.

Every attempt has a session, instances and a number of its own, and runs through the real plane. The sender is
taken over: it holds its real key, declares the lowest label and writes what it likes. A type that the fleet
clears for card numbers is given one as it should be, by a payment form; everybody else brings the number from
outside the fleet, where no label can have been put on it. What arrived is found by searching
(`cards_search.py`), not by what a control said.

Not tried: telling a number by when a message is sent, or by which of several permitted values.
"""

from collections.abc import Iterator, Sequence
from typing import Any, Final, NamedTuple

from maso.clock import MINUTE
from maso.envelope import KIND_NAMES, VERSION, Envelope, MessageKind, seal
from maso.fleet.model import Fleet, Schema
from maso.fleet.rulebook import ID_CHARS_DEFAULT, Flow, TypeRules
from maso.journeys.actors import Actor, admission
from maso.labels import LEVEL_BITS
from maso.plane.effects import Refuse
from maso.plane.events import Admit, Arrive, CloseSession
from maso.sim.adversaries.surface import body_of
from maso.streams import stream
from maso.stress.probes.cards_fleet import DIGITS_MAX, digits_room, text_field
from maso.stress.probes.cards_forms import LISTED, UNLISTED, WAYS_TRIED, Numbers, Way, letters, sentences
from maso.stress.probes.cards_watch import ALLOWED, Pasted, Scene, outcome_of, paste

# Far above what honest sessions are numbered with.
_SESSIONS_FROM: Final = 1 << 40
_LIFE_NS: Final = 10 * MINUTE
# A fleet of 1,000 agents has thousands of flows: each is tried, with fewer ways, in about this many attempts.
ATTEMPTS: Final = 1_600
PASTES: Final = 600
_TOLD: Final = "ok-one"  # an id that a holder was told by somebody who holds no card number
# Characters of the first piece; a shorter one stands in any message. What follows is short only after it.
_PIECE_MIN: Final = 8


class Writing(NamedTuple):
    """One way to put a number into messages of one schema."""

    way: str
    listed: bool
    bodies: tuple[bytes, ...]
    pieces: tuple[str, ...]


class Attempt(NamedTuple):
    """One writing on one flow, and what came of it. `arrived`: a receiver that is not cleared has it."""

    sender: str
    to: str
    what: str
    way: str
    listed: bool
    given: bool  # the sender held the number by declared ways
    arrived: bool
    stopped_by: str


class Ground:
    """A scene in which attempts are made, in sessions of their own."""

    def __init__(self, scene: Scene, numbers: Numbers) -> None:
        self.scene = scene
        self.numbers = numbers
        self._session = _SESSIONS_FROM

    @classmethod
    def alone(cls, fleet: Fleet, seed: int) -> "Ground":
        """A fleet in which nothing else happens. Raises ValueError where a task has nowhere to go."""
        scene = Scene(fleet, seed, minutes=1, sessions=1)
        scene.sim.start()
        return cls(scene, Numbers(stream(seed, "stress/card-data/try")))

    def open(self, *types: str) -> dict[str, Actor]:
        """A new session with one instance of each type."""
        scene = self.scene
        self._session += 1
        rules = [scene.rules.type_by_id[name] for name in dict.fromkeys(types)]
        now = scene.sim.now
        life = min([_LIFE_NS, *(r.lifetime_ns_max for r in rules)])
        members = tuple((r, 0) for r in rules)
        credential, actors = admission(scene.keys, scene.rules, self._session, members, now, now + life)
        for actor in actors:
            scene.sim.actors[actor.nhi] = actor
        scene.sim.handle(Admit(credential))
        return {actor.rules.id: actor for actor in actors}

    def close(self) -> None:
        self.scene.sim.handle(CloseSession(self._session))

    def tried(self, found: list[Any]) -> "Tried":
        scene = self.scene
        return Tried(found, len(scene.log.bodies), scene.records_with_card(), scene.invented_in_records())


def rotated(ways: Sequence[Way], each: int, start: int) -> tuple[Way, ...]:
    """`each` of the ways, from another place for every start."""
    if each >= len(ways):
        return tuple(ways)
    return tuple(ways[(start * each + i) % len(ways)] for i in range(each))


class Written(NamedTuple):
    """A paste, whether its receiver then had the whole number, and how much of it came in pieces."""

    pasted: Pasted
    whole: bool
    piece: int


class Tried(NamedTuple):
    """What was tried, and the records that came of it.

    with_card  of the records, those with a number in a listed way
    invented   numbers that stand in the records in an invented way
    """

    found: list[Any]
    records: int
    with_card: int
    invented: int


def every_paste(fleet: Fleet, seed: int, most: int) -> Tried:
    """A number in every way through every entry (`Written`); fewer ways each where there were too many."""
    ground = Ground.alone(fleet, seed)
    entries = ground.scene.cards.entries()
    each = max(2, most // max(1, len(entries)))
    found = []
    for place, entry in enumerate(entries):
        for way in rotated(WAYS_TRIED, each, place):
            to = ground.open(entry.to)[entry.to]
            pasted = paste(ground.scene.eyes, ground.numbers.next(), to.session, to.nhi, entry, way)
            whole = ground.scene.eyes.has(entry.to, pasted.number)
            found.append(Written(pasted, whole, ground.scene.eyes.piece_held(to.nhi, to.session)))
            ground.close()
    return ground.tried(found)


def every_flow(fleet: Fleet, seed: int, most: int) -> Tried:
    """A number put into every flow of every type, in every way that its schema has room for (`Attempt`)."""
    ground = Ground.alone(fleet, seed)
    rules = ground.scene.rules
    ways = [(kind, flow) for kind in rules.types if not kind.is_port for flow in kind.flows.values()]
    each = max(1, most // max(1, len(ways)))
    found: list[Attempt] = []
    for place, (sender, flow) in enumerate(ways):
        schema = ground.scene.cards.schemas[flow.schema]
        writers = list(writings(schema, "0" * DIGITS_MAX))
        start = place * each
        chosen = range(len(writers)) if each >= len(writers) else range(start, start + each)
        for at in chosen:
            number = ground.numbers.next()
            made = list(writings(schema, number))
            found.append(_attempt(ground, sender, flow, number, made[at % len(made)]))
    return ground.tried(found)


def _attempt(ground: Ground, sender: TypeRules, flow: Flow, number: str, writing: Writing) -> Attempt:
    scene = ground.scene
    receiver = scene.rules.types[flow.key >> 15]
    kind, action = flow.key >> 12 & 7, flow.key & 0xFFF
    who = ground.open(sender.id, *(() if receiver.is_port else (receiver.id,)), *_teller(scene, sender.id))
    given = _give(scene, who, sender.id, number)
    known = scene.needles.plant(number, who[sender.id].session, writing.pieces, writing.listed)
    to = scene.sim.ports[receiver.id].nhi if receiver.is_port else who[receiver.id].nhi
    stopped = ""
    for body in writing.bodies:
        happened = scene.sim.handle(
            Arrive(who[sender.id].session, _sealed(who[sender.id], to, kind, action, body))
        )
        if outcome_of(happened.effects, body) != ALLOWED and not stopped:
            codes = [e.findings[-1].reason.code for e in happened.effects if isinstance(e, Refuse)]
            stopped = codes[0] if codes else "held or masked"
    arrived = not scene.cards.cleared(receiver.id) and scene.eyes.has(receiver.id, known)
    arrived = arrived and not (receiver.id == sender.id and scene.cards.cleared(sender.id))
    ground.close()
    what = scene.rules.actions[action].id if action else KIND_NAMES[kind]  # type: ignore[union-attr]
    return Attempt(
        sender.id, receiver.id, what, writing.way, writing.listed, given, arrived, "" if arrived else stopped
    )


def _teller(scene: Scene, holder: str) -> tuple[str, ...]:
    """Somebody who tells the holder a value that it may then tell on; nobody where nothing is shed."""
    if not scene.rules.type_by_id[holder].sheds:
        return ()
    tellers = [x.from_ for x in scene.cards.between() if x.to == holder and "data" in x.kinds]
    return tuple(t for t in tellers if not scene.cards.cleared(t))[:1]


def _give(scene: Scene, who: dict[str, Actor], holder: str, number: str) -> bool:
    """A payment form gives the holder the number, and a colleague an id; False where none is let through."""
    form = next((link for link in scene.cards.forms() if link.to == holder), None)
    if form is None:
        return False
    actor = who[holder]
    schema = scene.cards.schemas[form.schema]
    card = next(name for name, spec in schema.fields.items() if spec.type == "card")
    for name in _teller(scene, holder):
        link = next(x for x in scene.cards.between() if (x.from_, x.to) == (name, holder))
        told = scene.cards.schemas[link.schema]
        ids = [n for n, spec in told.fields.items() if spec.type == "id"]
        body = body_of(told, **dict.fromkeys(ids, _TOLD))
        wire = _sealed(who[name], actor.nhi, MessageKind.DATA, 0, body)
        scene.sim.handle(Arrive(actor.session, wire))
    body = body_of(schema, **{card: number})
    happened = scene.sim.from_port(form.from_, actor.session, actor.nhi, body)
    return outcome_of(happened.effects, body) == ALLOWED


def _sealed(actor: Actor, to: int, kind: int, action: int, body: bytes) -> bytes:
    """What a taken-over instance sends: its own key, the lowest label, no parents."""
    actor.seq += 1
    label = LEVEL_BITS["public"]
    envelope = Envelope(
        VERSION, actor.nhi, to, actor.session, actor.seq, kind, action, label, 0, (), (), body, b""
    )
    return seal(envelope, actor.key)


# What there is room for.


def writings(schema: Schema, number: str) -> Iterator[Writing]:
    """Every way to put `number` into messages of this schema; the same ways for every number."""
    field = text_field(schema)
    if field is not None:
        room = schema.fields[field].max or 10**9
        for way in (*LISTED, *UNLISTED):
            pieces = way.write(number)
            bodies = tuple(body_of(schema, **{field: text[:room]}) for text in sentences(pieces))
            yield Writing(way.name, way.listed, bodies, pieces)
    yield from _in_lists(schema, number)
    yield from _in_values(schema, number)


def _in_lists(schema: Schema, number: str) -> Iterator[Writing]:
    for name, spec in schema.fields.items():
        if spec.type == "list" and spec.of in ("text", "id"):
            yield Writing("in a list", True, (body_of(schema, **{name: [number]}),), (number,))
            coded = letters(number)
            yield Writing("in a list, as letters", False, (body_of(schema, **{name: [coded]}),), (coded,))


def _in_values(schema: Schema, number: str) -> Iterator[Writing]:
    ids = {n: s.max or ID_CHARS_DEFAULT for n, s in schema.fields.items() if s.type == "id"}
    ints = {n: digits_room(s) for n, s in schema.fields.items() if s.type in ("int", "money")}
    wide = next((name for name, room in ids.items() if room >= DIGITS_MAX), None)
    if wide is not None:
        yield Writing("whole in an id", True, (body_of(schema, **{wide: number}),), (number,))
    if ids:
        coded = _spread(schema, letters(number), ids, {})
        yield Writing("letters over ids", False, *coded)
    rooms = {n: r for n, r in ints.items() if r}
    if ids or rooms:
        yield Writing("digits over fields", False, *_spread(schema, number, ids, rooms))
    if rooms:
        # The values that it may tell are told with each: so only the digit is a value of its own.
        name = next(iter(rooms))
        told = dict.fromkeys(ids, _TOLD)
        spare = {n: 0 for n in rooms if n != name}
        bodies = tuple(body_of(schema, **{**spare, **told, name: int(digit)}) for digit in number)
        yield Writing("a digit a message", False, bodies, ())


def _spread(
    schema: Schema, coded: str, ids: dict[str, int], ints: dict[str, int]
) -> tuple[tuple[bytes, ...], tuple[str, ...]]:
    """The characters over the fields, over as many messages as it takes."""
    bodies, pieces = [], []
    rest = coded
    while rest:
        fields: dict[str, object] = {}
        for name, room in ids.items():
            piece, rest = rest[:room], rest[room:]
            if piece:
                fields[name] = piece
        for name, room in ints.items():
            if rest and rest[0] != "0":  # a number cannot begin with 0: the next field or message takes it
                fields[name], rest = int(rest[:room]), rest[room:]
        if not fields:
            fields, rest = {next(iter(ints)): 0}, rest[1:]
        bodies.append(body_of(schema, **fields))
        pieces += [str(value) for value in fields.values()]
    return tuple(bodies), tuple(pieces) if len(pieces[0]) >= _PIECE_MIN else ()
