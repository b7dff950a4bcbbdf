"""The envelope: what every message looks like on the bus, and how its bytes are made and opened.

The wire form is one msgpack array in the order of the fields of `Envelope`; the payload is JSON text in a
binary field and stays raw until the flow's schema decodes it; the MAC is the last field. The MAC covers
the *header bytes as sent* (everything before the payload field) followed by the SHA-256 of the payload,
so one digest of the payload serves the MAC, the scan cache and the record, and two spellings of one
header can never share a MAC.

Not handled here: what the fields mean. `open_wire` only says whether the bytes are an envelope.
"""

import hashlib
from enum import IntEnum
from typing import Annotated, Final

import msgspec
from msgspec import Meta

from maso.claims import Claim

VERSION: Final = 1
MAC_BYTES: Final = 16
# A bus message of an agent is about 1 KB; 256 KiB holds the largest retrieval answer seen in the field.
MAX_WIRE_BYTES: Final = 256 * 1024
# A message made from more than 64 others is a summary of a context: the context's label covers it.
MAX_PARENTS: Final = 64
MAX_CLAIMS: Final = 64
# Actions fit 12 bits of a flow's key. References and sequence numbers stay below 2**40: far beyond any run,
# and too small to hold a card number, so that a header is no way to smuggle one into a record.
MAX_ACTIONS: Final = 4096
MAX_NUMBER: Final = 1 << 40


Reference = Annotated[int, Meta(ge=0, lt=MAX_NUMBER)]


class MessageKind(IntEnum):
    """Whether a message informs, asks, asserts, acts or passes on authority (PG-1.4)."""

    DATA = 1
    INSTRUCTION = 2
    CLAIM = 3
    ACTION = 4
    DELEGATION = 5


KIND_NAMES: Final = {kind.value: kind.name.lower() for kind in MessageKind}


class Envelope(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True, gc=False):
    """One message.

    sender, recipient  NHIs (63-bit integers); for an action the recipient is the tool's port
    session            number of the customer session or task
    seq                strictly rising per sender
    kind               a `MessageKind`
    action             number of the action in the fleet's rulebook; 0 for anything but an action
    label              `labels.py`; None is an unlabelled message, which is refused
    contract           id of the delegation contract under which it is sent; 0 for none
    parents            references of the envelopes it was made from
    claims             see `claims.py`
    payload            JSON text
    mac                16 bytes

    Bounds are checked while decoding, where a comparison costs a fiftieth of what it costs here.
    """

    version: int
    sender: int
    recipient: int
    session: int
    seq: Annotated[int, Meta(ge=1, lt=MAX_NUMBER)]
    kind: Annotated[int, Meta(ge=1, le=5)]
    action: Annotated[int, Meta(ge=0, lt=MAX_ACTIONS)]
    label: Annotated[int, Meta(ge=0)] | None
    contract: int
    parents: Annotated[tuple[Reference, ...], Meta(max_length=MAX_PARENTS)]
    claims: Annotated[tuple[Claim, ...], Meta(max_length=MAX_CLAIMS)]
    payload: bytes
    mac: bytes


_decode = msgspec.msgpack.Decoder(Envelope, strict=True).decode
_encode = msgspec.msgpack.Encoder().encode


def mac_of(key: bytes, header: bytes, payload_digest: bytes) -> bytes:
    """Keyed BLAKE2b-128 (RFC 7693) over header bytes and payload digest."""
    return hashlib.blake2b(header + payload_digest, digest_size=MAC_BYTES, key=key).digest()


def _bin_overhead(length: int) -> int:
    """Bytes that msgpack puts before a binary of `length` bytes in its shortest form."""
    return 2 if length < 256 else 3 if length < 65536 else 5


def header_of(wire: bytes, payload: bytes) -> bytes:
    """The part of `wire` before the payload field.

    A sender that does not use the shortest form shifts this cut, and its MAC then cannot match.
    """
    n = len(payload)
    return wire[: -(2 + MAC_BYTES + n + _bin_overhead(n))]


def seal(envelope: Envelope, key: bytes) -> bytes:
    """The wire bytes of `envelope` with its MAC made under `key`; the `mac` field given is ignored."""
    unsigned = _encode(msgspec.structs.replace(envelope, mac=b"\0" * MAC_BYTES))
    digest = hashlib.sha256(envelope.payload).digest()
    return unsigned[:-MAC_BYTES] + mac_of(key, header_of(unsigned, envelope.payload), digest)


def open_wire(wire: bytes) -> Envelope:
    """Decode strictly.

    Raises msgspec.DecodeError (or its subclass ValidationError) on anything that is not an envelope:
    wrong type, missing or extra field, trailing bytes.
    """
    return _decode(wire)
