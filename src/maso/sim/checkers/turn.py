"""What a checker looks at: one event, what the plane did about it, and who is there as far as it was told.

Everything is read off the events, effects and records that pass by, and off the fleet file: nothing is asked
of the plane, its state, its rulebook or a control, so a mistake there is not repeated here.

The roster believes `Admitted` and `Ended`: whether an admission was right is the identity attacks' truth.
"""

from collections.abc import Sequence
from typing import NamedTuple

import msgspec

from maso.envelope import Envelope, open_wire
from maso.evidence.records import Record, decode_record
from maso.fleet.model import AgentType, Fleet, LabelSpec, Link, Port
from maso.identity import Credential
from maso.labels import LEVEL_BITS, SOURCE_BITS, compartment_bit
from maso.plane.effects import Admitted, Ask, Deliver, Effect, Ended, Perform
from maso.plane.events import Admit, Arrive

_credential = msgspec.msgpack.Decoder(Credential).decode


class Violation(NamedTuple):
    """An invariant did not hold. `what` has names from the fleet file and numbers, no text of a message."""

    invariant: int
    checker: str
    ref: int
    now: int
    what: str

    def text(self, reproduce: str) -> str:
        """For people, with the command that shows it again."""
        where = f"record {self.ref}" if self.ref else "no record"
        return (
            f"invariant {self.invariant} ({self.checker}), {where}, {self.now} ns: {self.what}; {reproduce}"
        )


class Someone(NamedTuple):
    """One admitted instance or port."""

    nhi: int
    type: str
    session: int
    not_before: int
    not_after: int
    public_key: bytes


class Turn:
    """One event with its effects and records. Wire and record are opened once, when asked for."""

    __slots__ = ("_envelope", "_record", "effects", "event", "now", "records")

    def __init__(self, event: object, effects: Sequence[Effect], records: Sequence[bytes], now: int) -> None:
        self.event = event
        self.effects = effects
        self.records = records
        self.now = now
        self._envelope: Envelope | None = None
        self._record: Record | None = None

    @property
    def envelope(self) -> Envelope | None:
        """The arriving message; None when it is no arrival or no envelope."""
        if self._envelope is None and type(self.event) is Arrive:
            try:
                self._envelope = open_wire(self.event.wire)
            except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
                return None
        return self._envelope

    @property
    def first(self) -> int:
        """The number of the first record, by the effects that name the last ones; 0 where none does."""
        refs = [effect.hold if type(effect) is Ask else effect.ref for effect in self.effects]  # type: ignore[union-attr]
        return max(refs) - len(self.records) + 1 if refs and self.records else 0

    def record_of(self, ref: int) -> Record | None:
        """The record that an effect of this turn names."""
        if len(self.records) == 1:
            if self._record is None:
                self._record = decode_record(self.records[0])
            return self._record
        at = ref - self.first
        return decode_record(self.records[at]) if 0 <= at < len(self.records) else None


class Declared:
    """The fleet file by name: what checkers look things up in. Labels come from the vocabulary alone."""

    def __init__(self, fleet: Fleet) -> None:
        self.fleet = fleet
        self.types: dict[str, AgentType] = {t.id: t for t in fleet.types}
        self.ports: dict[str, Port] = {p.id: p for p in fleet.ports}
        self.schemas = {s.id: s for s in fleet.schemas}
        self.actions = dict(enumerate(fleet.actions, 1))
        self.links: dict[tuple[str, str], list[Link]] = {}
        for link in fleet.links:
            self.links.setdefault((link.from_, link.to), []).append(link)
        self._bits = {c.id: compartment_bit(i) for i, c in enumerate(fleet.compartments)}
        self.owners: tuple[AgentType | Port, ...] = (*fleet.types, *fleet.ports)
        self.clearance = {owner.id: self.label(owner.clearance) for owner in self.owners}
        self.floor = dict.fromkeys(self.types, 0)
        for port in fleet.ports:
            self.floor[port.id] = self.label(port.label) | (SOURCE_BITS[port.source] if port.source else 0)

    def label(self, spec: LabelSpec) -> int:
        return LEVEL_BITS[spec.level] | self.compartments(spec.compartments)

    def compartments(self, names: tuple[str, ...]) -> int:
        bits = 0
        for name in names:
            bits |= self._bits[name]
        return bits

    def declassified(self, sender: str, recipient: str, action: int) -> int:
        """Compartments that the file lets this way shed."""
        if action and sender in self.types:
            return self.compartments(self.actions[action].declassify) if action in self.actions else 0
        bits = 0
        for link in self.links.get((sender, recipient), ()):
            bits |= self.compartments(link.declassify)
        return bits


class Roster:
    """Who is there, by NHI, and the ports by name."""

    def __init__(self) -> None:
        self.by_nhi: dict[int, Someone] = {}
        self.ports: dict[str, int] = {}

    def join(self, turn: Turn) -> None:
        """Before the checkers look: whoever was admitted by this event."""
        if type(turn.event) is not Admit:
            return
        for effect in turn.effects:
            if type(effect) is Admitted:
                credential = _credential(turn.event.credential)
                for m in credential.members:
                    someone = Someone(
                        m.nhi,
                        m.type_id,
                        credential.session,
                        credential.not_before,
                        credential.not_after,
                        m.public_key,
                    )
                    self.by_nhi[m.nhi] = someone
                    if not credential.session:
                        self.ports[m.type_id] = m.nhi

    def leave(self, turn: Turn) -> None:
        """After they looked: whoever ended."""
        for effect in turn.effects:
            if type(effect) is Ended:
                for nhi in effect.nhis:
                    self.by_nhi.pop(nhi, None)

    def recipient(self, effect: Deliver | Perform, declared: Declared) -> Someone | None:
        """Who receives it: an instance, or the port of an action."""
        if type(effect) is Deliver:
            return self.by_nhi.get(effect.to)
        action = declared.actions.get(effect.action)
        return None if action is None else self.by_nhi.get(self.ports.get(action.port, 0))
