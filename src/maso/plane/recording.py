"""Turns a decided message into its evidence record. What of a payload may be kept is ADR 4.

An excerpt is kept only of what was refused, held or redacted after it was scanned, only when nothing was
found hidden in it, only when its label holds no compartment (a sender that holds a card could write it in
words of its own), with every found value masked and every digit replaced.
"""

import hashlib
from typing import Final

from maso.controls.message import Message
from maso.evidence.records import MessageRecord
from maso.labels import CONFIDENTIALITY_MASK, LEVEL_MASK
from maso.scan.signals import CLEAN, redact
from maso.verdict import Finding, Outcome

EXCERPT_BYTES_MAX: Final = 512
_COMPARTMENTS: Final = CONFIDENTIALITY_MASK & ~LEVEL_MASK
_DIGITS_OUT: Final = bytes.maketrans(b"0123456789", b"##########")


def message_record(
    m: Message, findings: list[Finding], outcome: Outcome, hold: int, not_after: int, key: bytes
) -> MessageRecord:
    if not m.opened:
        return _unopened(m, findings, outcome)
    envelope = m.envelope
    recipient = m.recipient
    signals = m.signals
    label = m.label or (-1 if envelope.label is None else envelope.label)
    return MessageRecord(
        m.now,
        m.channel,
        m.authenticated,
        outcome,
        envelope.sender if m.known else 0,
        recipient.nhi if recipient is not None else 0,
        envelope.session if m.authenticated else 0,
        envelope.seq,
        envelope.kind,
        envelope.action,
        label,
        envelope.contract if m.contract is not None else 0,
        envelope.parents,
        _claims(m, key) if envelope.claims else (),
        m.mark,
        len(envelope.payload),
        m.tokens,
        signals.kinds,
        signals.hidden,
        signals.injection_milli,
        signals.stage,
        tuple((f.reason.code, f.detail) for f in findings) if findings else (),
        hold,
        m.ask,
        m.action_digest,
        m.declassified,
        not_after,
        m.received if outcome <= Outcome.REDACT else b"",
        _excerpt(m) if outcome else b"",
    )


def _claims(m: Message, key: bytes) -> tuple[tuple[int, int, int, tuple[int, ...], tuple[int, ...]], ...]:
    """Claims as recorded; those of a refused message are left out, since nothing checked their numbers."""
    if not m.claims_checked:
        return ()
    return tuple((c.id, _keyed(c.digest, key), c.confidence, c.derived, c.sources) for c in m.envelope.claims)


def _keyed(number: int, key: bytes) -> int:
    data = number.to_bytes(16, "big", signed=True)
    return int.from_bytes(hashlib.blake2b(data, digest_size=8, key=key).digest(), "big")


def _unopened(m: Message, findings: list[Finding], outcome: Outcome) -> MessageRecord:
    codes = tuple((f.reason.code, f.detail) for f in findings)
    size = len(m.wire)
    return MessageRecord(
            m.now, m.channel, False, outcome, 0, 0, 0, 0, 0, 0, -1, 0, (), (), b"", size, 0, 0, 0, 0, 0,
            codes, 0, 0, b"", 0, 0, b"", b"",
        )  # fmt: skip


def _excerpt(m: Message) -> bytes:
    if not m.scanned or m.signals.hidden or m.label & _COMPARTMENTS:
        return b""
    payload = m.envelope.payload
    if m.signals is not CLEAN:
        payload = redact(payload, m.signals)
    return payload[:EXCERPT_BYTES_MAX].translate(_DIGITS_OUT)
