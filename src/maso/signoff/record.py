"""One signed sign-off: its fields, its canonical bytes, its signature, and whether it holds by itself.

A record is JSON with its fields in a fixed order, two spaces of indent and a newline at the end; any other
bytes are no record, even if they mean the same. The signature covers all of it with the signature's own 128
digits as zeros, after a fixed text, so that a signature made for another purpose says nothing here. Each
record names the SHA-256 of the file before it.

What a signature proves: whoever held this key signed these words about findings with this digest. Not: who
that was (pin the fingerprint), and when (`signed_at` is what the signer's clock said).
"""

import unicodedata
from collections.abc import Sequence
from datetime import date, datetime
from hashlib import sha256
from typing import Annotated, Final, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType
from nacl.exceptions import CryptoError
from nacl.signing import SigningKey, VerifyKey

from maso.scan.validators import is_card
from maso.signoff.items import Item, Kind

SCHEMA: Final = "maso.signoff/1"
SIGN_OFFS_MAX: Final = 256  # a few people sign one stress run; far more is not a list of sign-offs
NAME_CHARS_MAX: Final = 120
CONDITION_CHARS_MAX: Final = 1_000  # a condition is a sentence; a contract belongs into a document
ITEMS_MAX: Final = 5_000
RECORD_BYTES_MAX: Final = 8_000_000  # more than ITEMS_MAX items with long conditions would take
NO_RECORD: Final = "0" * 64  # what the first record names as the one before
_NO_SIGNATURE: Final = "0" * 128
_DOMAIN: Final = b"maso sign-off 1\x00"
_CARD_DIGITS: Final = range(13, 20)  # ISO/IEC 7812

Hex32 = Annotated[str, Meta(pattern=r"\A[0-9a-f]{64}\Z")]
Hex64 = Annotated[str, Meta(pattern=r"\A[0-9a-f]{128}\Z")]
Moment = Annotated[str, Meta(pattern=r"\A[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z\Z")]
Day = Annotated[str, Meta(pattern=r"\A([0-9]{4}-[0-9]{2}-[0-9]{2})?\Z")]
Name = Annotated[str, Meta(min_length=1, max_length=NAME_CHARS_MAX)]
Condition = Annotated[str, Meta(max_length=CONDITION_CHARS_MAX)]


class SignOffError(Exception):
    """Something is no sign-off, or cannot become one; the text says why and quotes nothing."""


class _Plain(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    pass


class Named(_Plain, frozen=True, kw_only=True):
    """An item of the findings."""

    kind: Kind
    id: str


class Accepted(_Plain, frozen=True, kw_only=True):
    """An accepted item. `expires`: the last day (UTC) on which it is accepted; empty: no end. `decides`: the
    role that the findings leave the decision to, where that is not the signer's.
    """

    kind: Kind
    id: str
    condition: Condition = ""
    expires: Day = ""
    decides: Name | UnsetType = UNSET  # not written when unset, so older records keep their bytes


class SignOff(_Plain, frozen=True, kw_only=True):
    """What one person signed.

    number        1 for the first of a directory; also the name of its file
    fleet         its name, for whoever reads this without the findings
    not_accepted  what could have been accepted and was not
    previous      SHA-256 of the file of record `number - 1`; zeros for the first
    fingerprint   SHA-256 of the public key
    signature     Ed25519 over the canonical bytes with zeros in this place
    """

    schema: Literal["maso.signoff/1"]
    maso_version: str
    number: Annotated[int, Meta(ge=1, le=SIGN_OFFS_MAX)]
    name: Name
    role: Name
    signed_at: Moment
    fleet: str
    findings_sha256: Hex32
    accepted: Annotated[tuple[Accepted, ...], Meta(max_length=ITEMS_MAX)]
    not_accepted: Annotated[tuple[Named, ...], Meta(max_length=ITEMS_MAX)]
    previous: Hex32
    public_key: Hex32
    fingerprint: Hex32
    signature: Hex64


_decode = msgspec.json.Decoder(SignOff).decode


def encode(record: SignOff) -> bytes:
    """The bytes of its file."""
    return msgspec.json.format(msgspec.json.encode(record), indent=2) + b"\n"


def digest_of(data: bytes) -> str:
    """SHA-256 in hexadecimal digits."""
    return sha256(data).hexdigest()


def fingerprint_of(public_key: bytes) -> str:
    """The name of a key that a person can compare: SHA-256 of the public key."""
    return digest_of(public_key)


def one_line(text: str) -> str:
    """The text as one line on which every character can be seen: others are written as `<U+202E>`."""
    return "".join(ch if ch.isprintable() else f"<U+{ord(ch):04X}>" for ch in text)


def typed(text: str, chars_max: int) -> str:
    """What a person typed, as it is signed: NFC, runs of white space as one space, nothing invisible.

    Raises SignOffError. What is signed is what everybody sees, so a bidirectional mark, an escape sequence
    or a character without width is refused, not dropped.
    """
    flat = " ".join(unicodedata.normalize("NFC", text).split())
    if not flat:
        raise SignOffError("is empty")
    if len(flat) > chars_max:
        raise SignOffError(f"has {len(flat)} characters, at most {chars_max} are legal")
    if not flat.isprintable():
        raise SignOffError("holds control characters, marks of direction or characters that nobody sees")
    if _holds_card_number(flat):
        raise SignOffError("holds what looks like a card number")
    return flat


def _holds_card_number(text: str) -> bool:
    """Whether digits that stand together, up to spaces and hyphens, hold a card number."""
    run = ""
    for char in [*text, "."]:
        if char.isdecimal():
            run += str(unicodedata.decimal(char))
        elif char not in " -":
            if any(is_card(run[i : i + n]) for n in _CARD_DIGITS for i in range(len(run) - n + 1)):
                return True
            run = ""
    return False


def build(
    *,
    maso_version: str,
    number: int,
    name: str,
    role: str,
    signed_at: str,
    fleet: str,
    findings_sha256: str,
    items: Sequence[Item],
    accepted: Sequence[Accepted],
    previous: str,
    seed: bytes,
) -> SignOff:
    """The signed record. `items`: all that can be accepted; `seed`: the 32 bytes of the person's key."""
    key = SigningKey(seed)
    public = key.verify_key.encode()
    taken = {(one.kind, one.id) for one in accepted}
    draft = SignOff(
        schema=SCHEMA,
        maso_version=maso_version,
        number=number,
        name=name,
        role=role,
        signed_at=signed_at,
        fleet=fleet,
        findings_sha256=findings_sha256,
        accepted=tuple(accepted),
        not_accepted=tuple(Named(kind=i.kind, id=i.id) for i in items if (i.kind, i.id) not in taken),
        previous=previous,
        public_key=public.hex(),
        fingerprint=fingerprint_of(public),
        signature=_NO_SIGNATURE,
    )
    signed = msgspec.structs.replace(draft, signature=key.sign(_message(draft)).signature.hex())
    parse(encode(signed))  # nothing is written that could not be read again
    return signed


def _message(record: SignOff) -> bytes:
    return _DOMAIN + encode(msgspec.structs.replace(record, signature=_NO_SIGNATURE))


def parse(data: bytes) -> SignOff:
    """The record in these bytes; raises SignOffError when they are not the bytes of a record."""
    if len(data) > RECORD_BYTES_MAX:
        raise SignOffError(f"has {len(data)} bytes, at most {RECORD_BYTES_MAX} are legal")
    try:
        record = _decode(data)
    except (ValueError, RecursionError):  # msgspec's errors are ValueErrors, and so is text that is no UTF-8
        raise SignOffError(f"is no record of schema `{SCHEMA}`") from None
    if encode(record) != data:
        raise SignOffError("does not have the bytes that a sign-off has: it was changed")
    return record


def fault_of(record: SignOff) -> str:
    """What is wrong with a record by itself; empty when its signature holds."""
    public = bytes.fromhex(record.public_key)
    if fingerprint_of(public) != record.fingerprint:
        return "the fingerprint is not that of the public key"
    try:
        VerifyKey(public).verify(_message(record), bytes.fromhex(record.signature))
    except (CryptoError, ValueError):
        return "the signature does not hold: it was changed, or signed with another key"
    return _senseless(record)


def _senseless(record: SignOff) -> str:
    """What a signature does not make true: dates that are none, an item that is both."""
    try:
        datetime.strptime(record.signed_at, "%Y-%m-%dT%H:%M:%SZ")  # noqa: DTZ007 - only whether it is one
        for one in record.accepted:
            if one.expires:
                date.fromisoformat(one.expires)
    except ValueError:
        return "a date in it is none"
    named = [(one.kind, one.id) for one in record.accepted]
    named += [(one.kind, one.id) for one in record.not_accepted]
    if len(set(named)) != len(named):
        return "it names an item twice"
    return ""
