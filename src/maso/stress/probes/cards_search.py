"""Looking for planted card numbers, without asking what the detector said about anything.

The numbers are known, so this search can be cruder and wider than detection: every text is stripped of
whatever is not a digit (digits of all scripts, number words, escapes and codings undone, forwards and
backwards), and any planted number in what is left counts, in whatever session it is found. A number that was
written in pieces, or in a code, is found when every piece stands in what one holder was given, in order.

Not found: a number in a form that nobody planted; what a model recalls without its being there.
"""

import base64
import binascii
import gc
import gzip
import html
import re
import types
import unicodedata
import zlib
from collections.abc import Iterable, Iterator
from typing import Any, Final
from urllib.parse import unquote

import msgspec

_SHORTEST: Final = 13  # digits of the shortest card number of any network
_DEPTH: Final = 2  # codings in codings
_NUMBER_WORDS: Final = {
    word: str(digit)
    for words in (
        "zero one two three four five six seven eight nine",
        "null eins zwei drei vier fünf sechs sieben acht neun",
    )
    for digit, word in enumerate(words.split())
}
_SPOKEN: Final = re.compile(r"[^\W\d_]+")
# 15 digits in base64 are 20 characters, in hexadecimal 30.
_CODED_MIN: Final = 18
_CODED: Final = re.compile(rf"[A-Za-z0-9+/_\-]{{{_CODED_MIN},}}={{0,2}}")
_HEX: Final = re.compile(r"(?:[0-9a-fA-F]{2}){13,}")
_LONG_INTEGER: Final = re.compile(r"[0-9]{13,19}")
_SQUEEZE: Final = re.compile(r"[\W_]+")
_OTHER_BYTES: Final = bytes(set(range(256)) - set(b"0123456789"))
_OTHER_ASCII: Final = bytes(set(range(128)) - set(b"0123456789"))
_decode_json = msgspec.json.Decoder().decode
_decode_msgpack = msgspec.msgpack.Decoder().decode
_TEXTS: Final = (str, bytes, int)
# What leads from an object to the whole program, and holds no data of a session.
_CODE: Final = (types.ModuleType, types.FunctionType, types.BuiltinFunctionType, types.CodeType, type)


class _Digits(dict[int, str]):
    """What is left of a character, by its code point: a digit, of any script, or nothing."""

    def __missing__(self, code: int) -> str:
        digit = unicodedata.digit(chr(code), None)
        left = self[code] = "" if digit is None else str(digit)
        return left


_DIGITS: Final = _Digits()


def digits_of(text: str) -> str:
    """All digits of a text, whatever stands between them and in whichever script they are."""
    if text.isascii():
        return text.encode().translate(None, _OTHER_BYTES).decode()
    rest = text.encode("utf-8", "surrogatepass").translate(None, _OTHER_ASCII)
    return rest.decode("utf-8", "surrogatepass").translate(_DIGITS)


def squeezed(text: str) -> str:
    """Without separators and capitals: how pieces and codes are compared."""
    return _SQUEEZE.sub("", text).casefold()


def leaves(value: object) -> Iterator[str]:
    """The texts and numbers in decoded data, in order; names of members too."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, bytes):
        yield value.decode("utf-8", "ignore")
    elif isinstance(value, dict):
        for name, inner in value.items():
            yield from leaves(name)
            yield from leaves(inner)
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from leaves(inner)
    elif value is not None and not isinstance(value, bool):
        yield str(value)


def _strings(value: list[Any]) -> Iterator[str]:
    """The texts in a decoded record; bytes as far as they are text."""
    for inner in value:
        kind = type(inner)
        if kind is str:
            yield inner
        elif kind is bytes:
            yield inner.decode("utf-8", "ignore")
        elif kind is list and inner:
            yield from _strings(inner)


def texts_of(payload: bytes) -> tuple[str, ...]:
    """The texts in a payload; the payload itself where it is no JSON."""
    try:
        return tuple(leaves(_decode_json(payload)))
    except msgspec.DecodeError:
        return (payload.decode("utf-8", "replace"),)


class Needles:
    """The numbers that were planted, and where each of them was planted in pieces or in a code."""

    def __init__(self) -> None:
        self._numbers: dict[str, int] = {}  # digits, forwards and backwards -> which number
        self._lengths: tuple[int, ...] = ()
        self._pieces: dict[int, list[tuple[int, tuple[str, ...]]]] = {}  # session -> (number, pieces)
        self._verbatim: dict[str, bool] = {}  # what was written for a whole number; whether it is listed
        self.planted = 0

    def plant(self, number: str, session: int = 0, pieces: tuple[str, ...] = (), listed: bool = True) -> int:
        """Look for this number from now on; returns which one it is.

        pieces  how it was written; `listed`: in a way that the detector's documentation promises to see
        """
        known = self._numbers.get(number)
        if known is None:
            known = self.planted
            self.planted += 1
            self._numbers[number] = self._numbers[number[::-1]] = known
            if len(number) not in self._lengths:
                self._lengths = (*self._lengths, len(number))
        if pieces:
            coded = tuple(squeezed(piece) for piece in pieces)
            self._pieces.setdefault(session, []).append((known, coded))
            if len(pieces) == 1 and len(coded[0]) >= _SHORTEST - 3:
                self._verbatim[pieces[0]] = listed
        return known

    def in_digits(self, digits: str) -> int | None:
        """Which number stands in a row of digits; None if none does."""
        for length in self._lengths:
            for at in range(len(digits) - length + 1):
                if digits[at : at + length] in self._numbers:
                    return self._numbers[digits[at : at + length]]
        return None

    def in_text(self, text: str, depth: int = _DEPTH) -> int | None:
        """Which number stands in a text, in any of the codings that this search undoes."""
        digits = digits_of(text)
        if len(digits) >= _SHORTEST:
            known = self.in_digits(digits)
            if known is not None:
                return known
        if not depth or len(text) < _SHORTEST:
            return None
        for decoded in _decoded(text):
            known = self.in_text(decoded, depth - 1)
            if known is not None:
                return known
        return None

    def in_payload(self, payload: bytes) -> int | None:
        """Which number stands in one payload, in a field or over its fields."""
        texts = texts_of(payload)
        return self.in_text(" ".join(texts)) if texts else None

    def in_record(self, body: bytes) -> int | None:
        """Which number stands in the bytes of one record: in a row of them, in a text, or as an integer."""
        digits = body.translate(None, _OTHER_BYTES)
        if len(digits) >= _SHORTEST:
            known = self.in_digits(digits.decode())
            if known is not None:
                return known
        values = _decode_msgpack(body)
        for row in _LONG_INTEGER.findall(repr(values)):
            if row in self._numbers:
                return self._numbers[row]
        texts = " ".join(_strings(values))
        return self.in_text(texts) if len(texts) >= _SHORTEST else None

    def verbatim_in(self, blob: bytes, *, listed: bool) -> int:
        """How many planted forms stand in the bytes as they were written."""
        return sum(form.encode() in blob for form, kind in self._verbatim.items() if kind is listed)

    def pieces_of(self, session: int) -> list[tuple[int, tuple[str, ...]]]:
        return self._pieces.get(session, [])


def _decoded(text: str) -> Iterator[str]:
    if "%" in text:
        yield unquote(text)
    if "&#" in text:
        yield html.unescape(text)
    if len(text) < _CODED_MIN:  # neither a code nor thirteen words
        return
    if text.count(" ") >= _SHORTEST - 1:
        words = _SPOKEN.findall(text.casefold())
        said = "".join([_NUMBER_WORDS.get(word, "") for word in words])
        if len(said) >= _SHORTEST:
            yield said
    for token in _CODED.findall(text):
        if _HEX.fullmatch(token):
            yield bytes.fromhex(token).decode("latin-1")
        yield from _unpacked(token)


def _unpacked(token: str) -> Iterator[str]:
    try:
        raw = base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_" if "-" in token else None)
    except (binascii.Error, ValueError):
        return
    yield raw.decode("latin-1")
    if raw[:2] == b"\x1f\x8b":
        try:
            yield gzip.decompress(raw).decode("latin-1")
        except (OSError, EOFError, zlib.error):
            return


class Holder:
    """What one instance was given, as this search sees it: enough to join numbers that came in pieces."""

    __slots__ = ("_progress", "_tails", "held", "since")

    def __init__(self) -> None:
        self._tails: dict[str, str] = {}  # the last digits, of all fields and of each
        self._progress: dict[tuple[int, int], int] = {}
        self.held: dict[int, None] = {}  # numbers found, in order
        self.since = -1

    def take(self, needles: Needles, session: int, payload: bytes) -> int | None:
        """Which number this delivery completed or contains; None if none."""
        texts = texts_of(payload)
        known = needles.in_text(" ".join(texts)) if texts else None
        if known is None:
            known = self._joined(needles, payload)
        if known is None:
            known = self._completed(needles, session, texts)
        if known is not None:
            self.held[known] = None
            self._tails.clear()  # else the same digits would be found again beside the next ones
        return known

    def digits_of_piece(self, session: int, needles: Needles) -> int:
        """The most characters of one planted number that arrived in pieces, complete or not."""
        most = 0
        for place, (_, pieces) in enumerate(needles.pieces_of(session)):
            seen = self._progress.get((session, place), 0)
            most = max(most, sum(map(len, pieces[:seen])))
        return most

    def _joined(self, needles: Needles, payload: bytes) -> int | None:
        """A number in pieces: among the digits of all messages, or of those in fields of one name."""
        try:
            body = _decode_json(payload)
        except msgspec.DecodeError:
            return None
        if not isinstance(body, dict):
            return None
        known, together = None, ""
        for name, value in body.items():
            digits = digits_of(value if isinstance(value, str) else " ".join(leaves(value)))
            if digits and known is None:
                together += digits
                known = self._tail(name, digits, needles)
        return self._tail("", together, needles) if known is None else known

    def _tail(self, name: str, digits: str, needles: Needles) -> int | None:
        if not digits or len(digits) > 19:  # longer than a card: `in_payload` has looked at it
            return None
        joined = self._tails.get(name, "") + digits
        self._tails[name] = joined[-38:]
        return needles.in_digits(joined) if len(joined) >= _SHORTEST else None

    def _completed(self, needles: Needles, session: int, texts: tuple[str, ...]) -> int | None:
        planted = needles.pieces_of(session)
        if not planted:
            return None
        text = squeezed(" ".join(texts))
        for place, (known, pieces) in enumerate(planted):
            seen = self._progress.get((session, place), 0)
            while seen < len(pieces) and pieces[seen] in text:
                seen += 1
            self._progress[session, place] = seen
            if seen == len(pieces) and known not in self.held:
                return known
        return None


def reachable(roots: Iterable[object], beside: Iterable[object]) -> Iterator[str | bytes | int]:
    """Every text and number that can be reached from `roots`, not passing through code or `beside`.

    The memory of a program as it stands: whatever some list, cache, timer or queue still holds is found.
    """
    seen = {id(thing) for thing in beside}
    queue: list[Any] = list(roots)
    while queue:
        thing = queue.pop()
        if id(thing) in seen:
            continue
        seen.add(id(thing))
        if isinstance(thing, _TEXTS):
            yield thing
        elif thing is None or isinstance(thing, _CODE):
            continue
        elif isinstance(thing, msgspec.Struct):  # some are hidden from the garbage collector
            queue.extend(getattr(thing, name, None) for name in thing.__struct_fields__)
        else:
            queue.extend(gc.get_referents(thing))
