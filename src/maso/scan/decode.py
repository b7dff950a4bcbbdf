"""Encoded text found and decoded: base64, base32, hex, compressed, character codes, bits, Morse.

Everything is bounded: how many pieces, how much output in all, how deep (`scanner` calls this again on
what comes out). Only what decodes to something like text is returned; so hashes, identifiers and images
cost a regular expression and nothing more.

Not handled: base64 of anything but ASCII text or gzip/zlib data, base58, base85, encryption.
"""

from __future__ import annotations

import base64
import binascii
import re
import zlib
from collections.abc import Iterator
from typing import Final

from maso.scan.first import Reason

MAX_PIECES: Final = 24  # encoded runs decoded in one text: honest messages have none or one
MAX_OUTPUT: Final = 16_384  # characters out of one run: a card number and its context are under 1 KB
MAX_INPUT: Final = 65_536  # characters of one run that are looked at

# Four characters of base64 that encode three bytes of printable ASCII; the same set as the first pass.
_B64_TEXT: Final = r"[I-Za-f][C-HS-Xi-nyz0-3][ABEFIJMNQRUVYZcdghklopstwx014589][A-Za-z0-9+/_-]"
_BASE64: Final = re.compile(rf"(?:{_B64_TEXT}){{4}}")
_BASE64_CHARS: Final = re.compile(r"[A-Za-z0-9+/_-]+")
_NOT_BASE64: Final = re.compile(r"[^A-Za-z0-9+/_-]")
_BASE32: Final = re.compile(r"[A-Z2-7]{21,}|[a-z2-7]{24,}")
_HEX: Final = re.compile(r"(?i)[2-7][0-9a-f](?:[^0-9A-Za-z]{0,4}(?:0x|\\x)?[2-7][0-9a-f]){12,}")
_HEX_PAIR: Final = re.compile(r"(?i)(?:0x|\\x)?([2-7][0-9a-f])")
_PACKED: Final = re.compile(r"(?:H4sI|eJ[w-z])[A-Za-z0-9+/_-]{16,}")
_CODES: Final = re.compile(r"(?:(?:4[89]|5[0-7]|32|45)[^0-9A-Za-z]{1,6}){12,}(?:4[89]|5[0-7])?")
_BITS: Final = re.compile(r"(?:0?[01]{8}[^0-9A-Za-z]{0,6}){12,}")
_MORSE: Final = re.compile(r"(?:[.-]{5}[ /|,]{1,3}){12,}[.-]{0,5}")
_QUOTED: Final = re.compile(r"(?:=[0-9A-F]{2}){5,}")
_MORSE_DIGITS: Final = {"." * n + "-" * (5 - n): str(n) for n in range(1, 6)} | {
    "-" * n + "." * (5 - n): str((5 + n) % 10) for n in range(1, 6)
}


def pieces(text: str, reasons: int) -> Iterator[tuple[str, str]]:
    """(technique, decoded text) for every encoded run in `text` that decodes to something like text.

    `reasons`: what the first pass saw in this very text; decoders that it excludes are not run.
    """
    left = MAX_PIECES
    for reason, technique, runs in _DECODERS:
        if not reasons & reason:
            continue
        for decoded in runs(text):
            if len(decoded) >= 4 and _printable(decoded):
                yield technique, decoded[:MAX_OUTPUT]
            left -= 1
            if left <= 0:
                return


def _printable(text: str) -> bool:
    sample = text[:256]
    odd = sum((char < " " and char not in "\r\n\t") or char > "~" for char in sample)
    return odd * 5 <= len(sample)


def _text(raw: bytes) -> str:
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return raw.decode("latin-1")


def _base64(text: str) -> Iterator[str]:
    at = 0
    while match := _BASE64.search(text, at):
        first = match.start()
        head = text[max(0, first - MAX_INPUT) : first]
        before = _NOT_BASE64.split(head)[-1]
        begin = first - len(before) // 4 * 4
        run = _BASE64_CHARS.match(text, begin)
        if run is None:
            return
        at = run.end()
        yield _text(_unbase64(run[0][:MAX_INPUT]))


def _unbase64(run: str) -> bytes:
    run = run.replace("-", "+").replace("_", "/")
    if len(run) % 4 == 1:
        run = run[:-1]
    try:
        return base64.b64decode(run + "=" * (-len(run) % 4))
    except (binascii.Error, ValueError):
        return b""


def _packed(text: str) -> Iterator[str]:
    for match in _PACKED.finditer(text):
        raw = _unbase64(match[0][:MAX_INPUT])
        try:
            # 47: gzip or zlib, whichever the header says; max_length is what stops a bomb.
            yield _text(zlib.decompressobj(47).decompress(raw, MAX_OUTPUT))
        except zlib.error:
            yield ""


def _base32(text: str) -> Iterator[str]:
    for match in _BASE32.finditer(text):
        run = match[0][:MAX_INPUT].upper()
        for size in (len(run), len(run) // 8 * 8):
            try:
                yield _text(base64.b32decode(run[:size] + "=" * (-size % 8)))
                break
            except (binascii.Error, ValueError):
                continue


def _hex(text: str) -> Iterator[str]:
    for match in _HEX.finditer(text):
        yield "".join(chr(int(pair, 16)) for pair in _HEX_PAIR.findall(match[0][:MAX_INPUT]))


def _codes(text: str) -> Iterator[str]:
    for match in _CODES.finditer(text):
        yield "".join(chr(int(code)) for code in re.findall("[0-9]{2}", match[0][:MAX_INPUT]))


def _bits(text: str) -> Iterator[str]:
    for match in _BITS.finditer(text):
        yield "".join(chr(int(bits, 2)) for bits in re.findall("0?([01]{8})", match[0][:MAX_INPUT]))


def _morse(text: str) -> Iterator[str]:
    for match in _MORSE.finditer(text):
        yield "".join(_MORSE_DIGITS.get(sign, " ") for sign in re.split("[ /|,]+", match[0][:MAX_INPUT]))


def _quoted(text: str) -> Iterator[str]:
    for match in _QUOTED.finditer(text):
        yield _text(bytes.fromhex(match[0][:MAX_INPUT].replace("=", "")))


_DECODERS: Final = (
    (int(Reason.BASE64), "base64", _base64),
    (int(Reason.PACKED), "compressed", _packed),
    (int(Reason.BASE32), "base32", _base32),
    (int(Reason.HEX), "hex", _hex),
    (int(Reason.CODES), "character codes", _codes),
    (int(Reason.CODES), "bits", _bits),
    (int(Reason.CODES), "morse", _morse),
    (int(Reason.CODES), "quoted-printable", _quoted),
)
