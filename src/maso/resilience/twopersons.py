"""Two people: who may order a shutdown or end one, counted by person and never by name or key.

A person signs a *statement*: what they want, for which scope, under which epoch, until when. The first
statement opens an order; a second one of another person, about the same thing, completes it. Statements are
good once; one from an earlier epoch or after its time says nothing.

Counted by person: the registry says which keys are whose, so that one person with two keys is one person. It
refuses a key that stands for two people, a person who stands twice (also in other letters that look alike),
and a name that would read as two people in a record. Roles say who may take part at all.

What one person reaches alone is only what is safe (`shutdown.py`, rows of authority `one`): an order that
nobody completes in time has *lapsed*, which freezes and holds. A second person who refuses ends the order,
not the halt that is in force: calling it off takes two people again.

Not handled: a registrar who enrols one human being as two people; people who are forced or deceived.
"""

import unicodedata
from collections.abc import Iterable
from enum import StrEnum
from typing import Final, NamedTuple

import msgspec
from nacl.exceptions import BadSignatureError
from nacl.signing import SigningKey, VerifyKey

from maso.clock import MINUTE
from maso.resilience.shutdown import TABLE, Stage, Trigger

_DOMAIN: Final = b"maso shutdown statement 1\x00"
# Long enough to reach somebody who is on call, short enough that E7's reconciliation would not yet be over.
CONFIRM_NS: Final = 5 * MINUTE
# A statement is made to be used at once: the clocks of two people's consoles may differ by this much.
STATEMENT_DRIFT_NS: Final = 30 * 1_000_000_000
# A record of the plane keeps 128 characters for the two who ordered, joined by a `+`.
NAME_CHARS_MAX: Final = 60
JOINER: Final = "+"
# A statement has about 200 bytes; nobody's signature is looked at for more.
WIRE_BYTES_MAX: Final = 1_024


class Want(StrEnum):
    HALT = "halt"
    KILL = "kill"
    CALL_OFF = "call-off"
    RESUME = "resume"
    REFUSE = "refuse"


# What the first person's statement does alone, and what the second completes.
_ALONE: Final = {Want.HALT: Trigger.ASK_HALT, Want.KILL: Trigger.ASK_KILL}
_BOTH: Final = {
    Want.HALT: Trigger.HALT,
    Want.KILL: Trigger.KILL,
    Want.CALL_OFF: Trigger.CALL_OFF,
    Want.RESUME: Trigger.RESUME,
}


class Person(NamedTuple):
    """One human being, by a name that stands in records. `keys` are Ed25519 public keys."""

    id: str
    role: str
    keys: tuple[bytes, ...]


class Statement(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """What a person signs. `at` and `not_after` are nanoseconds; `epoch` is the one in force for the scope.

    nonce    chosen by the signer; the same statement is good once
    signer   the public key that it is signed with
    """

    want: str
    scope: str
    epoch: int
    nonce: int
    at: int
    not_after: int
    signer: bytes
    signature: bytes = b""


class Counted(NamedTuple):
    """A statement counted: `trigger` is what it means for the machine, `by` the people behind it."""

    trigger: Trigger | None
    by: tuple[str, ...]
    why: str


class Refused(NamedTuple):
    """A statement that changes nothing, and why."""

    why: str


class Order(NamedTuple):
    """An order that waits for its second person until `until`."""

    want: Want
    scope: str
    by: str
    until: int


class RegistryError(ValueError):
    """A registry in which it is not clear who is who."""


class Registry:
    """The people who may take part, by key."""

    __slots__ = ("_by_key", "roles")

    def __init__(self, people: Iterable[Person], roles: Iterable[str]) -> None:
        self.roles = frozenset(roles)
        self._by_key: dict[bytes, Person] = {}
        ids: set[str] = set()
        for person in people:
            known = _plain(person.id)
            if not known or known in ids:
                raise RegistryError(f"`{person.id}` stands twice; legal: one entry for each person")
            ids.add(known)
            for key in person.keys:
                if key in self._by_key:
                    raise RegistryError(f"one key is both `{self._by_key[key].id}` and `{person.id}`")
                self._by_key[key] = person

    def person(self, key: bytes) -> Person | None:
        """Whose key this is, if that person may take part in a shutdown."""
        person = self._by_key.get(key)
        return person if person is not None and person.role in self.roles else None

    def distinct(self) -> int:
        """How many different people may take part; fewer than two and nobody can complete an order."""
        return len({p.id for p in self._by_key.values() if p.role in self.roles})


def state(
    key: SigningKey, want: Want, scope: str, epoch: int, nonce: int, now: int, until: int | None = None
) -> bytes:
    """The bytes of a signed statement."""
    not_after = now + CONFIRM_NS if until is None else until
    plain = Statement(want.value, scope, epoch, nonce, now, not_after, bytes(key.verify_key))
    signature = key.sign(_DOMAIN + _encode(plain)).signature
    return _encode(msgspec.structs.replace(plain, signature=signature))


class TwoPersons:
    """Counts statements about one scope. `epoch` is the scope's; it rises with every way back."""

    __slots__ = ("_confirm_ns", "_registry", "_scope", "_used", "epoch", "heard", "order")

    def __init__(self, registry: Registry, scope: str, epoch: int, confirm_ns: int = CONFIRM_NS) -> None:
        self._registry = registry
        self._scope = scope
        self._confirm_ns = confirm_ns
        self._used: set[bytes] = set()  # signatures; forgotten with the epoch
        self.epoch = epoch
        self.order: Order | None = None
        self.heard = b""  # signature of the statement just taken; empty where it said nothing at all

    def take(self, wire: bytes, now: int, stage: Stage) -> Counted | Refused:
        """Count one statement. What means nothing in the stage in force is not kept until it would."""
        self.heard = b""
        read = self._read(wire, now)
        if isinstance(read, Refused):
            return read
        statement, person = read
        self.heard = statement.signature
        self._used.add(statement.signature)
        want = Want(statement.want)
        if want in _BOTH and (stage, _BOTH[want]) not in TABLE:
            return Refused(f"to {want.value} means nothing in {stage.name.lower()}")
        return self._count(want, person, statement, now)

    def lapse(self, now: int) -> Counted | None:
        """The order that nobody completed in time; None while there is none, or time left."""
        order = self.order
        if order is None or now < order.until:
            return None
        self.order = None
        trigger = Trigger.LAPSED if order.want in _ALONE else None
        return Counted(trigger, (order.by,), "nobody completed the order in time")

    def renew(self, epoch: int, used: Iterable[bytes] = ()) -> None:
        """A new epoch: what was said under the old one is void; `used`, after a restart, was said in this."""
        self.epoch, self.order = epoch, None
        self._used = set(used)

    def _read(self, wire: bytes, now: int) -> tuple[Statement, Person] | Refused:
        if len(wire) > WIRE_BYTES_MAX:
            return Refused("it is no statement")
        try:
            statement = _decode(wire)
            want = Want(statement.want)
        except (msgspec.MsgspecError, ValueError):
            return Refused("it is no statement")
        person = self._registry.person(statement.signer)
        if person is None:
            return Refused("the signer may not take part")
        if not _signed(statement):
            return Refused("the signature does not fit")
        if statement.scope != self._scope:
            return Refused("it is about another scope")
        if statement.epoch != self.epoch:
            return Refused("it is of another epoch")
        if statement.signature in self._used:
            return Refused("it was used before")
        if not statement.at - STATEMENT_DRIFT_NS <= now < statement.not_after:
            return Refused(f"the statement to {want.value} is not of now")
        return statement, person

    def _count(self, want: Want, person: Person, statement: Statement, now: int) -> Counted | Refused:
        order = self.order
        if order is not None and now >= order.until:
            return Refused("the order before it has lapsed")  # `lapse` comes first
        if want is Want.REFUSE:
            return self._refuse(person)
        if order is None or order.want is not want:
            return self._open(want, person, statement, now)
        if order.by == person.id:
            return Refused("the same person cannot be the second")
        self.order = None
        return Counted(_BOTH[want], (order.by, person.id), "two people agree")

    def _open(self, want: Want, person: Person, statement: Statement, now: int) -> Counted | Refused:
        order = self.order
        if order is not None and (want not in _ALONE or order.want is Want.KILL):
            # What goes on running never displaces what stops, nor a slower stop a faster one.
            return Refused(f"an order to {order.want.value} waits for its second person")
        until = min(statement.not_after, now + self._confirm_ns)
        self.order = Order(want, self._scope, person.id, until)
        return Counted(_ALONE.get(want), (person.id,), "waits for a second person")

    def _refuse(self, person: Person) -> Counted | Refused:
        order = self.order
        if order is None:
            return Refused("there is nothing to refuse")
        if order.by == person.id:
            return Refused("the same person cannot be the second")
        self.order = None
        return Counted(None, (order.by, person.id), f"the order to {order.want.value} was refused")


def _plain(name: str) -> str:
    """A name as it is compared: letters that only look different are the same."""
    if len(name) > NAME_CHARS_MAX or JOINER in name or not name.isprintable():
        legal = f"legal: at most {NAME_CHARS_MAX} letters that can be printed, no `{JOINER}`"
        raise RegistryError(f"`{name[:NAME_CHARS_MAX]}` is no name of a person; {legal}")
    return unicodedata.normalize("NFKC", name).strip().casefold()


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Statement, strict=True).decode


def _signed(statement: Statement) -> bool:
    plain = msgspec.structs.replace(statement, signature=b"")
    try:
        VerifyKey(statement.signer).verify(_DOMAIN + _encode(plain), statement.signature)
    except (BadSignatureError, ValueError, TypeError):
        return False
    return True
