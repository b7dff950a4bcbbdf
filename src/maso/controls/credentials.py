"""IA-2.1 zero-trust credentials: every message proves who sent it, now, in this session, once.

Order matters: nothing is charged to a sender before its MAC held. What fails before that counts against
the channel; what is authentic but repeated or late is refused without touching the sender's counters
either, since a third party can replay it.

Promised: forged, altered, replayed, reordered, expired and revoked envelopes are refused. Not handled:
an instance whose key was stolen (it can speak as itself, in its session, until it is revoked).
"""

import hashlib
import hmac
from typing import Final

import msgspec

from maso.controls.message import Message
from maso.controls.state import PlaneState
from maso.envelope import (
    MAX_WIRE_BYTES,
    VERSION,
    Envelope,
    MessageKind,
    header_of,
    mac_of,
    open_wire,
)
from maso.verdict import Finding, Outcome, Reason

ID: Final = "IA-2.1"

CHANNEL_CLOSED: Final = Reason(
    "IA-2.1/channel-closed", ID, "the channel is closed after repeated failures", "wait, then find the forger"
)
OVERSIZED: Final = Reason(
    "IA-2.1/oversized", ID, "the message is larger than an envelope may be", "send less, or by reference"
)
MALFORMED: Final = Reason("IA-2.1/malformed", ID, "the bytes are not an envelope", "use the envelope format")
UNKNOWN: Final = Reason("IA-2.1/unknown-sender", ID, "no live credential names this sender", "admit it first")
EXPIRED: Final = Reason("IA-2.1/expired", ID, "the sender's credential is not valid now", "issue a new one")
SESSION: Final = Reason(
    "IA-2.1/wrong-session", ID, "the sender's credential is for another session", "stay in the session"
)
FORGED: Final = Reason("IA-2.1/mac", ID, "the MAC does not match the message", "sign with the session key")
REPLAYED: Final = Reason(
    "IA-2.1/sequence", ID, "the sequence number was used or passed already", "never send a message twice"
)

_REFUSED = {
    reason.code: Finding(Outcome.DENY, reason)
    for reason in (CHANNEL_CLOSED, OVERSIZED, MALFORMED, UNKNOWN, EXPIRED, SESSION, FORGED, REPLAYED)
}
CLOSED: Final = _REFUSED[CHANNEL_CLOSED.code]
# Actions, and the answers of ports to them.
_WITH_ACTION: Final = (int(MessageKind.ACTION), int(MessageKind.DATA))
REASONS: Final = (CHANNEL_CLOSED, OVERSIZED, MALFORMED, UNKNOWN, EXPIRED, SESSION, FORGED, REPLAYED)


class Credentials:
    """Opens the envelope and settles who sent it."""

    __slots__ = ("_foreign_bits", "_instances", "_keyed", "_state")

    def __init__(self, state: PlaneState, record_key: bytes, label_mask: int) -> None:
        self._state = state
        self._instances = state.instances
        self._foreign_bits = ~label_mask  # bits that stand for nothing in this fleet
        # Keyed once: a copy costs less than a new one that is keyed again.
        self._keyed = hashlib.blake2b(digest_size=16, key=record_key)

    def open(self, m: Message) -> Finding | None:
        """The bytes are an envelope of a size and shape that the plane accepts."""
        channel = self._state.channels.get(m.channel)
        if channel is not None and channel.closed_until > m.now:
            return _REFUSED[CHANNEL_CLOSED.code]
        if len(m.wire) > MAX_WIRE_BYTES:
            return _REFUSED[OVERSIZED.code]
        try:
            envelope = open_wire(m.wire)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return _REFUSED[MALFORMED.code]
        if not self._well_formed(envelope):
            return _REFUSED[MALFORMED.code]
        m.envelope = envelope
        m.opened = True
        return None

    def _well_formed(self, envelope: Envelope) -> bool:
        """What the decoder cannot know; it has held every number to its range (`envelope.py`)."""
        label = envelope.label
        return (
            envelope.version == VERSION
            and (not envelope.action or envelope.kind in _WITH_ACTION)
            and (label is None or not label & self._foreign_bits)
        )

    def check(self, m: Message) -> Finding | None:
        """The sender is admitted, alive, in its session, and this is its next message."""
        envelope = m.envelope
        sender = self._instances.get(envelope.sender)
        if sender is None or not sender.alive:
            return _REFUSED[UNKNOWN.code]
        m.sender = sender
        m.known = True
        if not sender.not_before <= m.now < sender.not_after:
            return _REFUSED[EXPIRED.code]
        if sender.session.number not in (envelope.session, 0):
            return _REFUSED[SESSION.code]
        if m.resumed:
            return None  # its MAC and sequence number were settled when it came in
        digest = hashlib.sha256(envelope.payload).digest()
        m.digest = digest
        mac = mac_of(sender.key, header_of(m.wire, envelope.payload), digest)
        if not hmac.compare_digest(mac, envelope.mac):
            return _REFUSED[FORGED.code]
        if envelope.seq <= sender.last_seq:
            return _REFUSED[REPLAYED.code]
        m.authenticated = True
        mark = self._keyed.copy()
        mark.update(digest)
        m.mark = mark.digest()
        return None
