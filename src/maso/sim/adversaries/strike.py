"""One attempt of one adversary: its sessions, its stolen keys, its channel, what it planted, what came of it.

An attack is a function of a `Strike`. It may be a generator that yields how many nanoseconds to wait before
it goes on; everything between two yields happens at one instant.
"""

import string
from collections.abc import Callable, Iterator
from typing import Any, Final, NamedTuple

import msgspec

from maso.clock import MINUTE
from maso.contract import DelegationContract, encode_contract, sign_contract
from maso.envelope import Envelope, MessageKind, seal
from maso.evidence.records import AdmitRecord, ContractRecord, MessageRecord, decode_record
from maso.identity import nhi_of
from maso.labels import LEVEL_BITS
from maso.plane.effects import Ask, Deliver, Effect
from maso.plane.events import Admit, Arrive, RegisterContract
from maso.sim.adversaries.ground import (
    HOSTILE_CHANNELS_FROM,
    HOSTILE_SESSIONS_FROM,
    Ground,
    Happened,
    Truth,
)
from maso.sim.adversaries.surface import Entry, Surface, body_of, marker_field
from maso.streams import Stream
from maso.verdict import Outcome

# An attack that needs more sessions than this is several attacks.
SESSIONS_PER_STRIKE: Final = 8
# Long enough for the slowest attack, short enough for the shortest session limit of a sensible fleet.
HOSTILE_LIFE_NS: Final = 10 * MINUTE
# The first envelopes of an attempt show how it was made; a flood has hundreds that look alike.
REFS_KEPT_MAX: Final = 32


class Place(NamedTuple):
    """Where a planted effect happened. `ref` is the record of what was let out, 0 where there is none."""

    what: str
    at: int
    session: int
    ref: int


class Strike:
    """What an attack works with. `variant` is one of the adversary's variants, `marker` unique in the run."""

    def __init__(
        self,
        ground: Ground,
        surface: Surface,
        stream: Stream,
        number: int,
        variant: str,
        victim: Deliver | None,
    ) -> None:
        self.ground = ground
        self.surface = surface
        self.stream = stream
        self.variant = variant
        self.victim = victim
        self.session = HOSTILE_SESSIONS_FROM + number * SESSIONS_PER_STRIKE
        self.channel = HOSTILE_CHANNELS_FROM + 2 * number  # the next one is a victim's own
        self.marker = "mk" + "".join(stream.pick(string.ascii_lowercase) for _ in range(10))
        self.key: dict[int, bytes] = {}
        self.home: dict[int, int] = {}
        self.seq: dict[int, int] = {}
        self.tell_card: Callable[[int, tuple[bytes, ...]], None] = lambda _session, _forms: None
        self.truths: list[tuple[int, Truth]] = []  # with the session in which each could come about
        self.forms: list[bytes] = []
        self.sessions: list[int] = []
        self.planted = 0
        self.reasons: list[str] = []
        self.spoken: list[str] = []
        self.achieved: list[str] = []
        self.places: list[Place] = []  # one for each of `achieved`
        self.refs: list[int] = []  # records about what it sent, the first ones

    # The trusted side, acting honestly.

    def credential(
        self, *types: str, session: int = 0, life: int = HOSTILE_LIFE_NS
    ) -> tuple[bytes, dict[str, int]]:
        """What the authority would issue for one instance of each type, and the NHIs by type."""
        session = session or self.session
        limits = [self.ground.rules.type_by_id[t].lifetime_ns_max for t in types]
        life = min([life, *(limit for limit in limits if limit)])
        now = self.ground.now
        credential, keys = self.ground.authority.issue(
            session, tuple((name, 0, True) for name in types), now, now + life
        )
        self.key.update(keys)
        nhis = {member.type_id: member.nhi for member in credential.members}
        self.home.update(dict.fromkeys(nhis.values(), session))
        return msgspec.msgpack.encode(credential), nhis

    def open(self, *types: str, session: int = 0, life: int = HOSTILE_LIFE_NS) -> dict[str, int]:
        """A hostile session with one compromised instance of each type, properly admitted."""
        names = tuple(dict.fromkeys(types))
        if (session or self.session) not in self.sessions:
            self.sessions.append(session or self.session)
        credential, nhis = self.credential(*names, session=session, life=life)
        self.trusted(Admit(credential))
        return nhis

    def trusted(self, event: object) -> Happened:
        """An event of the trusted side: not part of the attack, so its outcome is not counted."""
        return self.ground.handle(event)

    def port_nhi(self, port: str) -> int:
        return nhi_of(self.ground.rules.sha256, port, 0, 0)

    def number(self, action: str) -> int:
        return self.ground.rules.action_by_id[action].number

    # What the attacker does.

    def envelope(self, sender: int, to: int, payload: bytes, **over: Any) -> Envelope:
        self.seq[sender] = self.seq.get(sender, 0) + 1
        fields: dict[str, Any] = {
            "version": 1,
            "sender": sender,
            "recipient": to,
            "session": self.home.get(sender, self.session),
            "seq": self.seq[sender],
            "kind": int(MessageKind.DATA),
            "action": 0,
            "label": LEVEL_BITS["public"],
            "contract": 0,
            "parents": (),
            "claims": (),
            "payload": payload,
            "mac": b"",
        }
        return Envelope(**{**fields, **over})

    def wire(self, sender: int, to: int, payload: bytes, **over: Any) -> bytes:
        """Sealed with the sender's own key; `key` overrides it."""
        key = over.pop("key", None) or self.key[sender]
        return seal(self.envelope(sender, to, payload, **over), key)

    def raw(self, wire: bytes, channel: int = 0) -> Happened:
        self.planted += 1
        return self.note(self.ground.handle(Arrive(channel or self.channel, wire)))

    def send(self, sender: int, to: int, payload: bytes, **over: Any) -> Happened:
        return self.raw(self.wire(sender, to, payload, **over))

    def act(self, sender: int, action: str, payload: bytes, **over: Any) -> Happened:
        port = self.surface.actions[action].port
        over = {"kind": int(MessageKind.ACTION), "action": self.number(action), **over}
        return self.send(sender, self.port_nhi(port), payload, **over)

    def enter(self, entry: Entry, to: int, payload: bytes) -> Happened:
        """Something from outside reaches an instance through a port."""
        return self.from_outside(entry.port.id, to, payload, self.number(entry.action) if entry.action else 0)

    def from_outside(self, port: str, to: int, payload: bytes, action: int = 0) -> Happened:
        self.planted += 1
        return self.note(self.ground.from_port(port, self.home[to], to, payload, action=action))

    def contract(self, source: int, target: int, actions: tuple[str, ...], **over: Any) -> DelegationContract:
        """A contract signed with the source's own (stolen) key, or with `seed`."""
        seed = over.pop("seed", None) or self.ground.authority.delegation_seed(source)
        bits = 0
        for name in actions:
            bits |= self.ground.rules.action_by_id[name].bit
        fields: dict[str, Any] = {
            "source": source,
            "target": target,
            "session": self.home.get(source, self.session),
            "permits": bits,
            "resource": "",
            "not_before": self.ground.now,
            "not_after": self.ground.now + MINUTE,
            "output": "",
            "parent": 0,
            "nonce": self.stream.bits(31),
            "signature": b"",
        }
        fields.update(over)
        return sign_contract(DelegationContract(**fields), seed)

    def register(self, contract: DelegationContract) -> Happened:
        self.planted += 1
        return self.note(self.ground.handle(RegisterContract(self.channel, encode_contract(contract))))

    # Bodies that carry the marker.

    def body(self, schema: str, text: str = "") -> bytes:
        """A payload with the marker in it, in a sentence where there is room for one."""
        spec = self.surface.schemas[schema]
        field = marker_field(spec)
        if field is None:
            return body_of(spec)
        if spec.fields[field].type == "id":
            return body_of(spec, **{field: self.marker})
        room = (spec.fields[field].max or 4000) - len(self.marker) - 1
        return body_of(spec, **{field: f"{text[:room]} {self.marker}"})

    @property
    def mark(self) -> bytes:
        return self.marker.encode()

    # Truth and what came of it.

    def truth(self, truth: Truth, *sessions: int) -> None:
        """This effect must not happen; `sessions` beside the strike's own in which it could."""
        self.truths += [(session, truth) for session in dict.fromkeys((self.session, *sessions))]

    def plant_card(self, *forms: str | bytes) -> None:
        """Ways in which a card number was written: none of them may stand in a record."""
        new = tuple(form.encode() if isinstance(form, str) else form for form in forms)
        self.forms += new
        for session in (self.session, self.session + 1):
            self.tell_card(session, new)

    def never_delivered(self, *allowed: int) -> None:
        """Nothing with the marker reaches anybody else than `allowed`."""
        self.truth(Truth("delivered", marker=self.mark, allowed=allowed))

    def never_performed(self, sender: int, action: str, payload: bytes, at_most: int = 0) -> None:
        self.truth(
            Truth("performed", sender=sender, action=self.number(action), payload=payload, at_most=at_most)
        )

    def note(self, happened: Happened) -> Happened:
        """Remember which control spoke; the first refusal of an attempt is what stopped it."""
        refs = [ref for effect in happened.effects if (ref := ref_of(effect))]
        self.refs += refs[: REFS_KEPT_MAX - len(self.refs)]
        first = max(refs, default=0) - len(happened.records) + 1  # the effects name the last records
        for at, body in enumerate(happened.records):
            if any(form in body for form in self.forms):
                ref = first + at if refs else 0
                self.achieve("a planted card number stands in a record", ref=ref)
            record = decode_record(body)
            if not isinstance(record, MessageRecord | AdmitRecord | ContractRecord):
                continue
            codes = [code for code, _ in record.findings]
            if record.outcome in (Outcome.DENY, Outcome.REDACT):
                self.reasons.append(codes[-1] if codes else "no reason given")
            else:
                self.spoken += codes
        return happened

    def achieve(self, what: str, *, ref: int = 0, session: int = 0) -> None:
        """The effect that the attack wanted has happened."""
        self.achieved.append(f"{what}, record {ref}" if ref else what)
        self.places.append(Place(what, self.ground.now, session or self.session, ref))

    def refused(self, codes: tuple[str, ...]) -> None:
        """A held action of this strike was settled later."""
        self.reasons.append(codes[-1] if codes else "no reason given")


def ref_of(effect: Effect) -> int:
    """The record that an effect names."""
    return effect.hold if isinstance(effect, Ask) else effect.ref


Attack = Callable[[Strike], Iterator[int] | None]


class Adversary(NamedTuple):
    """One way of attacking.

    id          kebab-case, unique
    invariant   the invariant of the design that it attacks
    controls    ids of the controls that should stop it
    scenarios   red-team scenarios that it is part of
    effect      what would have happened if it worked
    variants    ways of doing it; one is drawn for each attempt
    attack      does it
    every_s     mean seconds between attempts, beside one in every run
    """

    id: str
    invariant: int
    controls: tuple[str, ...]
    scenarios: tuple[str, ...]
    effect: str
    variants: tuple[str, ...]
    attack: Attack
    every_s: int = 60
