"""What a scan says about a payload: plain data, no values.

A `Signals` names the kinds found, where those that stand in the clear are (byte offsets, so that they
can be replaced in place), and which kinds were only found after decoding or joining. It never carries
a found value: it may be recorded as it is.

Not handled here: what a kind means for a flow (redact, raise the label, refuse) - policy decides that.
"""

from __future__ import annotations

import enum
import re
from typing import Final, NamedTuple

import msgspec


class Kind(enum.IntFlag):
    """What can be found. The bit values are part of records: never renumber, only append."""

    PAN = 1
    CVV = 2
    IBAN = 4
    NATIONAL_ID = 8
    EMAIL = 16
    PHONE = 32
    SECRET = 64
    INJECTION_FLAG = 128
    INJECTION_BLOCK = 256


class Span(NamedTuple):
    """One value in the clear: `content[start:end]`, byte offsets, end exclusive."""

    kind: int
    start: int
    end: int


class Signals(msgspec.Struct, frozen=True):
    """The result of a scan.

    `kinds`: every kind found (bits of `Kind`). `hidden`: the kinds of which at least one value was seen
    only after normalising, decoding or joining, so replacing the spans does not remove it.
    `injection_milli`: 0 to 1000. `stage`: 1 excluded by the first pass, 2 settled by the middle, 3 full.
    `techniques`: names of the ways in which hidden values were written, sorted, never values.
    """

    kinds: int = 0
    spans: tuple[Span, ...] = ()
    hidden: int = 0
    injection_milli: int = 0
    stage: int = 1
    techniques: tuple[str, ...] = ()


# The one shared instance for "the first pass excluded everything": `signals is CLEAN` is the fast test.
CLEAN: Final = Signals()

_MASK: Final = {
    Kind.PAN: b"[card]",
    Kind.CVV: b"[cvv]",
    Kind.IBAN: b"[iban]",
    Kind.NATIONAL_ID: b"[national-id]",
    Kind.EMAIL: b"[email]",
    Kind.PHONE: b"[phone]",
    Kind.SECRET: b"[secret]",
}
_STRING = re.compile(rb'"(?:[^"\\]|\\.)*"', re.DOTALL)
_NUMBER = re.compile(rb"[-+0-9.eE]")


def redact(content: bytes, signals: Signals) -> bytes:
    """Replace every span by a fixed word for its kind; nothing of a value stays, not its last digits.

    In a JSON text a value inside a string is replaced there; a bare number becomes a string, whole, so
    that JSON stays JSON. What is only in `hidden` is not touched: such a payload cannot be redacted.
    """
    if not signals.spans:
        return content
    is_json = _is_json(content)
    strings = [m.span() for m in _STRING.finditer(content)] if is_json else []
    out: list[bytes] = []
    at = 0
    for start, end, kind in _merged(signals.spans):
        word = _MASK.get(Kind(kind), b"[redacted]")
        if is_json and not any(a < start and end < b for a, b in strings):
            start, end = _whole_number(content, start, end)
            word = b'"' + word + b'"'
        if end <= at:
            continue
        out.append(content[at : max(start, at)])
        out.append(word)
        at = end
    out.append(content[at:])
    return b"".join(out)


def _is_json(content: bytes) -> bool:
    try:
        msgspec.json.decode(content)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return False
    return True


def _whole_number(content: bytes, start: int, end: int) -> tuple[int, int]:
    while start > 0 and _NUMBER.match(content, start - 1):
        start -= 1
    while end < len(content) and _NUMBER.match(content, end):
        end += 1
    return start, end


def _merged(spans: tuple[Span, ...]) -> list[tuple[int, int, int]]:
    """Spans in order, overlapping ones joined; the joined span takes the kind that began first."""
    merged: list[tuple[int, int, int]] = []
    for kind, start, end in sorted(spans, key=lambda s: (s.start, -s.end, s.kind)):
        if merged and start < merged[-1][1]:
            first_start, first_end, first_kind = merged[-1]
            merged[-1] = (first_start, max(first_end, end), first_kind)
        else:
            merged.append((start, end, kind))
    return merged
