"""Attacks on who is speaking: IA-2.1 and IA-2.2, invariants 1 and 5.

Forgers name a victim of an honest session where there is one: so the honest traffic shows that a forgery
costs its victim nothing. Everything else happens between two instances of the attacker's own.

Not here: a stolen key used by its thief as itself, which is what all the other attacks do.
"""

from collections.abc import Iterator
from typing import Any

import msgspec

from maso.clock import DAY, SECOND
from maso.controls.posture import PHASE, STAGE
from maso.envelope import MAX_WIRE_BYTES, MessageKind, open_wire
from maso.fleet.model import Link
from maso.fleet.rulebook import flow_key
from maso.identity import Credential, nhi_of
from maso.labels import LEVEL_BITS
from maso.plane.effects import Deliver, Ended
from maso.plane.events import Admit, Arrive, CloseSession, Retire, Revoke
from maso.sim.adversaries.ground import HOSTILE_SESSIONS_FROM, NoSurfaceError, Truth
from maso.sim.adversaries.strike import Adversary, Strike, ref_of
from maso.sim.adversaries.surface import body_of

_WRONG_KEY = b"w" * 32
_ANOTHER_SESSION = HOSTILE_SESSIONS_FROM - 1
_NO_SESSION = (1 << 64) - 1
_GATES = (PHASE.code, STAGE.code)


def _pair(s: Strike, session: int = 0) -> tuple[Link, int, int]:
    """A link on which two instances of the attacker's own may talk."""
    link = s.stream.pick(s.surface.talk())
    who = s.open(link.from_, link.to, session=session)
    return link, who[link.from_], who[link.to]


def forged(s: Strike) -> None:
    """In somebody's name under a key that is not theirs."""
    link, sender, to = _pair(s)
    session, seq = s.session, 1
    if s.variant == "honest victim" and s.victim is not None:
        sender, to, session, seq = s.victim.sender, s.victim.to, s.victim.session, 1 << 16
        s.truth(Truth("delivered", marker=s.mark), session)
    s.never_delivered()
    body = s.body(link.schema)
    key = b"" if s.variant == "no key" else _WRONG_KEY
    for i in range(3):
        envelope = s.envelope(sender, to, body, session=session, seq=seq + i)
        if key:
            s.raw(s.wire(sender, to, body, session=session, seq=seq + i, key=key))
        else:
            s.raw(msgspec.msgpack.encode(msgspec.structs.replace(envelope, mac=bytes(16))))


def altered(s: Strike) -> None:
    """A true message, changed on the way: its payload, its header, or its MAC."""
    link, sender, to = _pair(s)
    s.never_delivered()
    wire = s.wire(sender, to, s.body(link.schema))
    if s.variant == "other payload":
        envelope = open_wire(wire)
        payload = envelope.payload.replace(s.mark, s.mark.upper())
        s.truth(Truth("delivered", marker=s.mark.upper()))
        wire = msgspec.msgpack.encode(msgspec.structs.replace(envelope, payload=payload))
    elif s.variant == "cleaner label":
        envelope = open_wire(s.wire(sender, to, s.body(link.schema), label=LEVEL_BITS["confidential"]))
        wire = msgspec.msgpack.encode(msgspec.structs.replace(envelope, label=0))
    elif s.variant == "longer spelling":
        # The same values spelled longer: an array of 32-bit length instead of a short one.
        wire = b"\xdc\x00" + bytes([wire[0] & 0x0F]) + wire[1:]
    else:
        # The bit that makes a letter a capital: the payload stays well formed.
        at = wire.index(s.mark) + len(s.mark) - 1
        wire = wire[:at] + bytes([wire[at] ^ 0x20]) + wire[at + 1 :]
        s.truth(Truth("delivered", marker=wire[at - 5 : at + 1]))
    s.raw(wire)


def replayed(s: Strike) -> None:
    """A true message twice, by its own way or another."""
    link, sender, to = _pair(s)
    s.truth(Truth("delivered", marker=s.mark, at_most=1))
    wire = s.wire(sender, to, s.body(link.schema))
    s.raw(wire)
    for _ in range(2):
        s.raw(wire)


def reordered(s: Strike) -> None:
    """The second message first: what comes after it with a lower number is refused."""
    link, sender, to = _pair(s)
    early = s.wire(sender, to, s.body(link.schema))
    late = s.wire(sender, to, s.body(link.schema))
    s.truth(Truth("delivered", marker=s.mark, at_most=1))
    s.raw(late)
    s.raw(early)


def expired(s: Strike) -> Iterator[int]:
    """After the credential's time."""
    link = s.stream.pick(s.surface.talk())
    who = s.open(link.from_, link.to, life=2 * SECOND)
    s.never_delivered()
    yield 2 * SECOND
    s.send(who[link.from_], who[link.to], s.body(link.schema))


def ended(s: Strike) -> None:
    """After it was revoked, retired, or its session was closed."""
    link, sender, to = _pair(s)
    s.never_delivered()
    event = {"revoked": Revoke(sender), "retired": Retire(sender)}.get(s.variant, CloseSession(s.session))
    s.trusted(event)
    s.send(sender, to, s.body(link.schema))


def readmitted(s: Strike) -> None:
    """An ended instance shows its old credential again, and would speak with its old key."""
    link = s.stream.pick(s.surface.talk())
    credential, who = s.credential(link.from_)
    s.trusted(Admit(credential))
    nhi = who[link.from_]
    event = {"revoked": Revoke(nhi), "retired": Retire(nhi)}.get(s.variant, CloseSession(s.session))
    happened = s.trusted(event)
    if not any(isinstance(e, Ended) for e in happened.effects):
        return
    s.truth(Truth("admitted", nhi=nhi), _ANOTHER_SESSION)
    s.planted += 1
    s.note(s.ground.handle(Admit(credential)))


def _junk_of(s: Strike, good: bytes) -> bytes:
    match s.variant:
        case "empty":
            return b""
        case "oversized":
            return good + b"\0" * MAX_WIRE_BYTES
        case "cut":
            return good[: 1 + s.stream.below(len(good) - 1)]
        case "trailing":
            return good + b"\0"
        case "random":
            return s.stream.bits(2048).to_bytes(256, "big")
        case "nested":
            return b"\x91" * 5000 + b"\xc0"
        case "map":
            return msgspec.msgpack.encode({"sender": 1, "payload": good})
    return "\u202e\ufeff\ud7ff\u0000 ".encode() * 40  # "unicode"


def junk(s: Strike) -> None:
    """Bytes that are no envelope."""
    link, sender, to = _pair(s)
    s.never_delivered()
    s.raw(_junk_of(s, s.wire(sender, to, s.body(link.schema))))


def junk_payload(s: Strike) -> None:
    """A true envelope around bytes that are no payload."""
    link, sender, to = _pair(s)
    s.never_delivered()
    good = s.body(link.schema)
    payload = {
        "not json": s.mark,
        "not utf-8": good[:-2] + b"\xff\xfe" + good[-2:],
        "deep": b"[" * 20_000 + s.mark + b"]" * 20_000,
        "two values": good + good,
        "lone surrogate": good.replace(s.mark, b"\\ud800" + s.mark),
    }[s.variant]
    s.send(sender, to, payload)


def out_of_range(s: Strike) -> None:
    """Numbers in the header beyond what they count: kind, action, sequence, label, session, recipient."""
    link, sender, to = _pair(s)
    s.truth(Truth("delivered", marker=s.mark), _NO_SESSION)
    numbers: dict[str, dict[str, Any]] = {
        "kind": {"kind": 6 + s.stream.below(200)},
        "action": {"action": 1 << (12 + s.stream.below(48))},
        "label": {"label": 1 << 56},
        "negative label": {"label": -1},
        "sequence": {"seq": 0},
        "session": {"session": _NO_SESSION},
        "recipient": {"recipient": -1},
        "parents": {"parents": tuple(range(1, 66))},
    }
    s.send(sender, to, s.body(link.schema), **numbers[s.variant])


def wrong_session(s: Strike) -> None:
    """A true instance speaks in another session: as a member there, or to a member there."""
    link, sender, _ = _pair(s)
    other = s.session + 1
    victim = s.open(link.from_, link.to, session=other)[link.to]
    s.truth(Truth("delivered", marker=s.mark), other)
    over = {"session": other} if s.variant == "claims the other session" else {}
    s.send(sender, victim, s.body(link.schema), **over)


def _credential_of(s: Strike) -> tuple[bytes, int]:
    """A credential that must not be accepted, and an NHI that it would admit."""
    ground, rules = s.ground, s.ground.rules
    name = s.stream.pick(ground.fleet.types).id
    good, who = s.credential(name)
    credential = msgspec.msgpack.decode(good, type=Credential)
    match s.variant:
        case "unsigned":
            return msgspec.msgpack.encode(msgspec.structs.replace(credential, signature=bytes(64))), who[name]
        case "another session":
            forged = msgspec.structs.replace(credential, session=_ANOTHER_SESSION)
            return msgspec.msgpack.encode(forged), who[name]
        case "another type":
            other = next((t.id for t in ground.fleet.types if t.id != name), None)
            if other is None:
                raise NoSurfaceError("the fleet has one type only")
            member = msgspec.structs.replace(
                credential.members[0], type_id=other, nhi=nhi_of(rules.sha256, other, s.session, 0)
            )
            return msgspec.msgpack.encode(msgspec.structs.replace(credential, members=(member,))), member.nhi
        case "too long":
            limit = rules.type_by_id[name].lifetime_ns_max or DAY
            long, _ = ground.authority.issue(
                s.session, ((name, 0, True),), ground.now, ground.now + limit + 1
            )
            return msgspec.msgpack.encode(long), who[name]
        case "not yet valid":
            later, _ = ground.authority.issue(
                s.session, ((name, 0, True),), ground.now + SECOND, ground.now + 2 * SECOND
            )
            return msgspec.msgpack.encode(later), who[name]
        case "unknown type":
            odd, _ = ground.authority.issue(
                s.session, (("no-such-type", 0, True),), ground.now, ground.now + SECOND
            )
            return msgspec.msgpack.encode(odd), odd.members[0].nhi
        case "as a port":
            port = ground.fleet.ports[0].id if ground.fleet.ports else ""
            if not port:
                raise NoSurfaceError("the fleet has no port")
            odd, _ = ground.authority.issue(s.session, ((port, 0, True),), ground.now, ground.now + SECOND)
            return msgspec.msgpack.encode(odd), odd.members[0].nhi
    return good[: len(good) // 2], who[name]  # "cut"


def forged_admission(s: Strike) -> None:
    """A credential that the authority did not issue like this."""
    credential, nhi = _credential_of(s)
    s.truth(Truth("admitted", nhi=nhi), _ANOTHER_SESSION)
    s.planted += 1
    s.note(s.ground.handle(Admit(credential)))


def channel_flood(s: Strike) -> None:
    """Forgery after forgery in one name: the channel closes, and the victim goes on by its own.

    What a phase or a stage forbids the victim is not the flood's doing: gates move by events of the
    coordinator and of the switch, never by a message, and all of this happens at one instant. Not here: a
    phase that forgeries bring about in time; the coordinator's own tests attack that.
    """
    link, sender, to = _pair(s)
    s.never_delivered()
    body = s.body(link.schema)
    for seq in range(1, 25):
        s.raw(s.wire(sender, to, body, seq=1000 + seq, key=_WRONG_KEY))
    own = s.ground.handle(Arrive(s.channel + 1, s.wire(sender, to, body_of(s.surface.schemas[link.schema]))))
    if any(isinstance(e, Deliver) for e in own.effects):
        return
    before = len(s.reasons)
    s.note(own)
    if not s.reasons[before:] or s.reasons[-1] not in _GATES:
        s.achieve("the victim was silenced", ref=max((ref_of(effect) for effect in own.effects), default=0))


def collision(s: Strike) -> None:
    """An action number whose upper bits, joined into the key of a way, name another way that is declared."""
    for sender in s.ground.rules.types:
        for recipient in s.ground.rules.types:
            if sender.is_port or recipient.is_port or sender is recipient:
                continue
            for kind in MessageKind:
                base = flow_key(recipient.index, kind, 0)
                if base in sender.flows:
                    continue
                key = next((k for k, f in sender.flows.items() if k & base == base and not f.action), None)
                if key is not None:
                    _collide(s, sender.id, recipient.id, int(kind), key & ~base, sender.flows[key].schema)
                    return
    raise NoSurfaceError("no two declared ways are near enough")


def _collide(s: Strike, sender: str, recipient: str, kind: int, action: int, schema: str) -> None:
    who = s.open(sender, recipient)
    payload = s.body(schema)
    s.truth(Truth("delivered", payload=payload, sender=who[sender]))
    s.send(who[sender], who[recipient], payload, kind=kind, action=action)


_MESSAGE = "a message that nobody sent like this is delivered"

IDENTITY = (
    Adversary(
        "forged", 1, ("IA-2.1",), ("RT-02",), _MESSAGE, ("own victim", "honest victim", "no key"), forged
    ),
    Adversary(
        "altered",
        1,
        ("IA-2.1",),
        (),
        _MESSAGE,
        ("other payload", "cleaner label", "longer spelling", "flipped bit"),
        altered,
    ),
    Adversary("replayed", 1, ("IA-2.1",), (), "a message is delivered twice", ("",), replayed),
    Adversary(
        "reordered", 1, ("IA-2.1",), (), "messages arrive in another order than sent", ("",), reordered
    ),
    Adversary("expired-credential", 1, ("IA-2.1",), (), "an instance speaks after its time", ("",), expired),
    Adversary(
        "ended-instance",
        5,
        ("IA-2.1", "OB-3.2"),
        ("RT-11",),
        "an ended instance goes on speaking",
        ("revoked", "retired", "closed"),
        ended,
    ),
    Adversary(
        "replayed-admission",
        5,
        ("IA-2.2",),
        ("RT-11",),
        "an ended instance is admitted again",
        ("revoked", "retired", "closed"),
        readmitted,
    ),
    Adversary(
        "junk-bytes",
        1,
        ("IA-2.1",),
        (),
        "bytes that are no envelope are delivered",
        ("empty", "oversized", "cut", "trailing", "random", "nested", "map", "unicode"),
        junk,
        30,
    ),
    Adversary(
        "junk-payload",
        1,
        ("EC-2.13",),
        (),
        "bytes that are no payload are delivered",
        ("not json", "not utf-8", "deep", "two values", "lone surrogate"),
        junk_payload,
    ),
    Adversary(
        "out-of-range-numbers",
        1,
        ("IA-2.1", "IA-1.4"),
        (),
        "a message goes a way that is not declared",
        ("kind", "action", "label", "negative label", "sequence", "session", "recipient", "parents"),
        out_of_range,
        30,
    ),
    Adversary(
        "colliding-number",
        5,
        ("IA-2.1", "IA-1.4"),
        ("RT-03",),
        "a message goes a way that is not declared",
        ("",),
        collision,
    ),
    Adversary(
        "channel-flood", 1, ("IA-2.1",), (), "forgeries in its name silence a victim", ("",), channel_flood
    ),
    Adversary(
        "wrong-session",
        5,
        ("IA-2.1", "DP-1.3"),
        ("RT-04",),
        "a message crosses into another session",
        ("claims the other session", "addresses the other session"),
        wrong_session,
    ),
    Adversary(
        "forged-admission",
        5,
        ("IA-2.2",),
        (),
        "an instance joins that the authority did not send",
        (
            "unsigned",
            "another session",
            "another type",
            "too long",
            "not yet valid",
            "unknown type",
            "as a port",
            "cut",
        ),
        forged_admission,
    ),
)
