"""IA-2.1 and IA-2.2: forged, altered, replayed, reordered, expired, revoked, and whom it is charged to."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from maso.clock import HOUR, MINUTE
from maso.controls.state import CHANNEL_FAILURES_MAX
from maso.envelope import MAX_WIRE_BYTES, Envelope, open_wire, seal
from maso.identity import Authority, Credential, nhi_of
from maso.plane.effects import Admitted, Deliver
from maso.plane.events import Admit, CloseSession, Retire, Revoke
from tests.plane.small import CHANNEL, Rig, names, reasons

HELLO = {"text": "is the blue one in stock?"}


def test_a_right_message_is_delivered() -> None:
    rig = Rig()
    s = rig.session()
    assert names(rig.send(s["advisor"], s["cart"], HELLO)) == ("Deliver",)


@pytest.mark.parametrize("position", [0, 3, 20, 40, -40, -17, -16, -1])
def test_altered_anywhere_is_refused(position: int) -> None:
    rig = Rig()
    s = rig.session()
    wire = bytearray(seal(rig.envelope(s["advisor"], s["cart"], HELLO), rig.key[s["advisor"]]))
    wire[position] ^= 1
    effects = rig.plane.arrive(CHANNEL, bytes(wire), rig.now)
    assert names(effects) == ("Refuse",)
    assert rig.plane.state.instances[s["advisor"]].last_seq == 0


@given(st.binary(max_size=400))
def test_any_bytes_are_refused_and_charged_to_the_channel(data: bytes) -> None:
    rig = _shared()
    before = rig.plane.state.channel(99).failures
    assert names(rig.plane.arrive(99, data, rig.now)) == ("Refuse",)
    channel = rig.plane.state.channel(99)
    assert channel.failures != before or channel.closed_until > rig.now


_RIG: list[Rig] = []


def _shared() -> Rig:
    if not _RIG:
        _RIG.append(Rig())
    return _RIG[0]


def test_forging_in_a_victims_name_never_touches_the_victim() -> None:
    rig = Rig()
    s = rig.session()
    victim = s["advisor"]
    for _ in range(CHANNEL_FAILURES_MAX + 5):
        wire = seal(rig.envelope(victim, s["cart"], HELLO), b"x" * 32)
        assert reasons(rig.plane.arrive(66, wire, rig.now))[0] in ("IA-2.1/mac", "IA-2.1/channel-closed")
    instance = rig.plane.state.instances[victim]
    assert (instance.blocks, instance.paused_until, instance.last_seq) == (0, 0, 0)
    rig.seq[victim] = 0
    assert names(rig.send(victim, s["cart"], HELLO)) == ("Deliver",)
    assert rig.plane.state.channels[66].closed_until > rig.now


def test_a_closed_channel_opens_again() -> None:
    rig = Rig()
    s = rig.session()
    for _ in range(CHANNEL_FAILURES_MAX):
        rig.plane.arrive(CHANNEL, b"junk", rig.now)
    assert reasons(rig.send(s["advisor"], s["cart"], HELLO)) == ("IA-2.1/channel-closed",)
    rig.now += MINUTE
    assert names(rig.send(s["advisor"], s["cart"], HELLO)) == ("Deliver",)


def test_replayed_and_reordered_are_refused() -> None:
    rig = Rig()
    s = rig.session()
    key = rig.key[s["advisor"]]
    first = seal(rig.envelope(s["advisor"], s["cart"], HELLO), key)
    second = seal(rig.envelope(s["advisor"], s["cart"], {"text": "and the red one?"}), key)
    assert names(rig.plane.arrive(CHANNEL, second, rig.now)) == ("Deliver",)
    assert reasons(rig.plane.arrive(CHANNEL, first, rig.now)) == ("IA-2.1/sequence",)
    assert reasons(rig.plane.arrive(CHANNEL, second, rig.now)) == ("IA-2.1/sequence",)


def test_expired_and_not_yet_valid() -> None:
    rig = Rig()
    s = rig.session()
    rig.now += 31 * MINUTE
    assert reasons(rig.send(s["advisor"], s["cart"], HELLO)) == ("IA-2.1/expired",)


@pytest.mark.parametrize("event", [Revoke, Retire])
def test_gone_at_the_next_event(event: type) -> None:
    rig = Rig()
    s = rig.session()
    assert names(rig.plane.handle(event(s["advisor"]), rig.now)) == ("Ended",)
    wire = seal(
        Envelope(1, s["advisor"], s["cart"], 1, 1, 1, 0, 1, 0, (), (), b'{"text":"x"}', b""),
        rig.key[s["advisor"]],
    )
    assert reasons(rig.plane.arrive(CHANNEL, wire, rig.now)) == ("IA-2.1/unknown-sender",)


def test_a_closed_session_is_gone_whole() -> None:
    rig = Rig()
    s = rig.session()
    wire = seal(rig.envelope(s["advisor"], s["cart"], HELLO), rig.key[s["advisor"]])
    rig.plane.handle(CloseSession(1), rig.now)
    assert reasons(rig.plane.arrive(CHANNEL, wire, rig.now)) == ("IA-2.1/unknown-sender",)
    assert 1 not in rig.plane.state.sessions


def test_a_credential_speaks_for_its_session_only() -> None:
    rig = Rig()
    one, two = rig.session(1), rig.session(2)
    assert reasons(rig.send(one["advisor"], two["cart"], HELLO, session=2)) == ("IA-2.1/wrong-session",)
    assert reasons(rig.send(one["advisor"], two["cart"], HELLO)) == ("DP-1.3/cross-session",)


def test_oversized() -> None:
    rig = Rig()
    assert reasons(rig.plane.arrive(CHANNEL, b"\x9d" + bytes(MAX_WIRE_BYTES), rig.now)) == (
        "IA-2.1/oversized",
    )


def _credential(rig: Rig, **over: object) -> Credential:
    credential, _ = rig.authority.issue(5, (("cart", 0, True),), rig.now, rig.now + MINUTE)
    return msgspec.structs.replace(credential, **over)


def test_admission_refuses_what_the_authority_did_not_sign() -> None:
    rig = Rig()
    other = Authority(rig.rules.sha256, b"z" * 32, b"m" * 32)
    credential, _ = other.issue(5, (("cart", 0, True),), rig.now, rig.now + MINUTE)
    effects = rig.plane.handle(Admit(msgspec.msgpack.encode(credential)), rig.now)
    assert reasons(effects) == ("IA-2.2/signature",)


@pytest.mark.parametrize(
    ("over", "code"),
    [
        ({"session": 6}, "IA-2.2/signature"),
        ({"not_after": 10 * HOUR}, "IA-2.2/signature"),
        ({"signature": b""}, "IA-2.2/signature"),
        ({"members": ()}, "IA-2.2/signature"),
    ],
)
def test_admission_refuses_alterations(over: dict[str, object], code: str) -> None:
    rig = Rig()
    effects = rig.plane.handle(Admit(msgspec.msgpack.encode(_credential(rig, **over))), rig.now)
    assert reasons(effects) == (code,)


def test_admission_refuses_wrong_binding_twice_too_many_and_too_long() -> None:
    rig = Rig()

    def admit(
        session: int, members: tuple[tuple[str, int, bool], ...], life: int = MINUTE
    ) -> tuple[str, ...]:
        credential, _ = rig.authority.issue(session, members, rig.now, rig.now + life)
        return reasons(rig.plane.handle(Admit(msgspec.msgpack.encode(credential)), rig.now))

    assert admit(5, (("nobody", 0, False),)) == ("IA-2.2/type",)
    assert admit(5, (("cart", 0, False), ("cart", 0, False))) == ("IA-2.2/twice",)
    assert admit(5, (("cart", 0, False), ("cart", 1, False))) == ("IA-2.2/too-many",)
    assert admit(5, (("cart", 0, False),), 100 * HOUR) == ("IA-2.2/period",)
    assert admit(0, (("cart", 0, False),)) == ("IA-2.2/binding",)
    assert admit(5, (("web", 0, False),)) == ("IA-2.2/binding",)
    assert admit(5, (("cart", 0, False),)) == ()
    assert admit(5, (("cart", 0, False),)) == ("IA-2.2/twice",)
    stranger = Authority(rig.rules.sha256, b"a" * 32, b"n" * 32)
    credential, _ = stranger.issue(8, (("cart", 0, False),), rig.now, rig.now + MINUTE)
    effects = rig.plane.handle(Admit(msgspec.msgpack.encode(credential)), rig.now)
    assert reasons(effects) == ("IA-2.2/twice",), "its serial number is taken"
    for _ in range(20):
        credential, _ = stranger.issue(8, (("cart", 0, False),), rig.now, rig.now + MINUTE)
    effects = rig.plane.handle(Admit(msgspec.msgpack.encode(credential)), rig.now)
    assert reasons(effects) == ("IA-2.2/binding",)


def test_a_credential_is_good_once_also_after_its_instances_ended() -> None:
    for ending in (Revoke, Retire, CloseSession):
        rig = Rig()
        credential, _ = rig.authority.issue(5, (("cart", 0, True),), rig.now, rig.now + MINUTE)
        data = msgspec.msgpack.encode(credential)
        (admitted,) = rig.plane.handle(Admit(data), rig.now)
        assert isinstance(admitted, Admitted)
        rig.plane.handle(ending(5 if ending is CloseSession else admitted.nhis[0]), rig.now)
        assert reasons(rig.plane.handle(Admit(data), rig.now)) == ("IA-2.2/twice",)
        rig.now += 2 * MINUTE
        assert reasons(rig.plane.handle(Admit(data), rig.now)) in (("IA-2.2/period",), ("IA-2.2/twice",))


@pytest.mark.parametrize(
    "over", [{"action": 2 << 15}, {"action": 1 << 12}, {"action": -1}, {"kind": 2, "action": 1},
             {"seq": 1 << 50}, {"parents": (1 << 50,)}, {"parents": (-1,)}, {"label": 1 << 30}]
)  # fmt: skip
def test_header_numbers_out_of_range_are_malformed(over: dict[str, object]) -> None:
    rig = Rig()
    s = rig.session()
    assert reasons(rig.send(s["cart"], s["advisor"], HELLO, **over)) == ("IA-2.1/malformed",)


def test_no_stray_number_of_a_header_is_recorded() -> None:
    rig = Rig()
    s = rig.session()
    stray = 4111111111111111
    for over in ({"recipient": stray}, {"session": stray}, {"contract": stray}, {"sender": stray}):
        envelope = msgspec.structs.replace(rig.envelope(s["cart"], s["advisor"], HELLO), **over)
        rig.plane.arrive(CHANNEL, seal(envelope, rig.key[s["cart"]]), rig.now)
    assert str(stray) not in str(rig.log.records())


def test_nhis_differ_by_each_part() -> None:
    base = nhi_of(b"f" * 32, "cart", 1, 0)
    assert (
        len(
            {
                base,
                nhi_of(b"g" * 32, "cart", 1, 0),
                nhi_of(b"f" * 32, "carp", 1, 0),
                nhi_of(b"f" * 32, "cart", 2, 0),
            }
        )
        == 4
    )
    assert 0 < base < 2**63


@given(st.binary(max_size=200))
def test_any_bytes_are_no_credential(data: bytes) -> None:
    assert names(_shared().plane.handle(Admit(data), 1)) == ("Refuse",)


def test_wire_round_trip_is_strict() -> None:
    rig = Rig()
    s = rig.session()
    wire = seal(rig.envelope(s["advisor"], s["cart"], HELLO), rig.key[s["advisor"]])
    assert open_wire(wire).payload
    for bad in (wire[:-1], wire + b"\x00", b"", b"\x90", b"\x80"):
        with pytest.raises(msgspec.DecodeError):
            open_wire(bad)


def test_delivered_message_names_its_record() -> None:
    rig = Rig()
    s = rig.session()
    (effect,) = rig.send(s["advisor"], s["cart"], HELLO)
    assert isinstance(effect, Deliver)
    assert effect.ref == len(rig.log.bodies) - 1
