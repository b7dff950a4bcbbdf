"""Controls, switched off: what the plane would be without them. For tests that show an attack to be real.

Where later controls rest on what one establishes, its blind version establishes that and judges nothing.
"""

import hashlib
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import msgspec

from maso.claims import Claim
from maso.contract import decode_contract
from maso.controls.message import Message
from maso.controls.state import Channel, Instance
from maso.envelope import Envelope
from maso.fleet.rulebook import Flow, flow_key
from maso.identity import Credential
from maso.plane.effects import Admitted
from tests.sim_adversaries.target import Range

Check = Callable[[Message], Any]


def _swap(range_: Range, name: str, make: Callable[[Check], Check]) -> None:
    pipeline = range_.plane._pipeline
    checks = list(pipeline._checks)
    at = pipeline.names.index(name)
    checks[at] = make(checks[at])
    pipeline._checks = tuple(checks)
    pipeline._again = pipeline._checks[1:]


def deaf(*names: str) -> Callable[[Range], None]:
    """The controls look, and nobody listens."""

    def off(range_: Range) -> None:
        for name in names:
            _swap(range_, name, lambda check: lambda m: (check(m), None)[1])

    return off


def identity(range_: Range) -> None:
    """IA-2.1 believes every sender, also those that are gone."""
    graves: dict[int, Instance] = {}
    state = range_.plane.state
    handle = range_.plane.handle

    def remembering(event: object, now: int) -> list[Any]:
        effects = handle(event, now)
        for effect in effects:
            if isinstance(effect, Admitted):
                graves.update((nhi, state.instances[nhi]) for nhi in effect.nhis)
        return effects

    def check(m: Message) -> None:
        m.sender = graves[m.envelope.sender]
        m.known = m.authenticated = True
        m.digest = hashlib.sha256(m.envelope.payload).digest()
        m.mark = hashlib.blake2b(m.digest, digest_size=16).digest()

    range_.plane.handle = remembering  # type: ignore[method-assign]
    _swap(range_, "IA-2.1", lambda _: check)


def ranges(range_: Range) -> None:
    """IA-2.1 takes any number in a header, and trailing bytes."""

    def opened(m: Message) -> None:
        try:
            fields = msgspec.msgpack.decode(m.wire)
        except msgspec.DecodeError:
            fields = msgspec.msgpack.decode(m.wire.rstrip(b"\0"))
        names = Envelope.__struct_fields__
        parents, claims = names.index("parents"), names.index("claims")
        fields[parents] = tuple(fields[parents])
        fields[claims] = tuple(msgspec.convert(claim, Claim) for claim in fields[claims])
        m.envelope = Envelope(*fields)
        m.opened = True

    _swap(range_, "open", lambda _: opened)


def ways(range_: Range) -> None:
    """IA-1.4 lets everything go everywhere; flows have no upper bits to collide."""
    rules, state = range_.plane.rules, range_.plane.state

    def check(m: Message) -> Any:
        recipient = state.instances.get(m.envelope.recipient)
        m.recipient = recipient or m.sender
        action = m.envelope.action
        key = flow_key(m.recipient.type.index, m.envelope.kind, action & 0xFFF)
        flow = m.sender.type.flows.get(key)
        m.flow = flow or next((t.flows[key] for t in rules.types if key in t.flows), None) or _any(m)

    def _any(m: Message) -> Flow:
        assert m.recipient is not None
        near = [f for k, f in m.sender.type.flows.items() if k >> 15 == m.recipient.type.index]
        return (near or [f for f in m.sender.type.flows.values() if f.action is None])[0]

    _swap(range_, "IA-1.4", lambda _: check)


def shape(range_: Range) -> None:
    """EC-2.13 takes any bytes."""
    _swap(range_, "EC-2.13", lambda _: lambda m: None)


def labels(range_: Range) -> None:
    """DP-2.5 believes what is declared, and forgets what was delivered."""

    def check(m: Message) -> None:
        m.label = m.envelope.label or 0

    _swap(range_, "DP-2.5", lambda _: check)


def contracts(range_: Range) -> None:
    """T3-CONTRACT accepts whatever decodes."""
    real = range_.plane.contracts
    range_.plane.contracts = SimpleNamespace(  # type: ignore[assignment]
        verify=lambda data, now: decode_contract(data),
        transitive=lambda _: None,
        graph=real.graph,
        policy=real.policy,
    )


def admission(range_: Range) -> None:
    """IA-2.2 admits whatever decodes."""
    verify = range_.plane._admission.verify
    decode = msgspec.msgpack.Decoder(Credential).decode

    def anything(data: bytes, now: int) -> Any:
        try:
            return decode(data)
        except msgspec.DecodeError:
            return verify(data, now)

    key_of = range_.plane._admission.key_of
    range_.plane._admission = SimpleNamespace(verify=anything, key_of=key_of)  # type: ignore[assignment]


def one_channel(range_: Range) -> None:
    """Failures count against everybody at once."""
    shared = Channel()

    class All(dict):  # type: ignore[type-arg]
        def get(self, *_: Any) -> Channel:
            return shared

    range_.plane.state.channels = All()


def no_chain(range_: Range) -> None:
    """IA-2.3 lets everybody do everything."""
    for name in ("IA-2.3", "IA-2.3 resource"):
        _swap(range_, name, lambda _: lambda m: None)
