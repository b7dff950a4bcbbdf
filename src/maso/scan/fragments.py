"""Values cut into pieces over the messages of a session, joined again.

State per session is one short string of the digits of recent small messages. A message is a *candidate*
when it carries few digits and little else; noise without digits between pieces is passed over. Joined
pieces must have the shape of a cut card number (single digits; 4-4-4-4 and the like; two or three long
parts that are called parts), and pass prefix, length and check digit. Random pieces of the right shape
pass about 3 times in 100, so the shape and the words around the digits carry the weight: an order, a
price, a room, a year is not a piece.

A form has other fields beside the text: each value of a JSON object with several members is looked at by
itself, and pieces are joined both in the order of all and in the order of those from the same field.

Not handled: pieces of anything but card numbers; values with more than `MAX_MESSAGE_DIGITS` digits or more
than `MAX_WORDS_BYTES` bytes around them; pieces named like business numbers, or alone in a field that is;
pieces out of order; more than `MAX_NOISE` messages with digits of another kind between two pieces.
"""

from __future__ import annotations

import re
import zlib
from collections import OrderedDict
from typing import Final, NamedTuple

import msgspec

from maso.scan.digits import MAX_DIGITS, MIN_DIGITS
from maso.scan.normalise import UNFOLDED, fold, unescape
from maso.scan.signals import Kind, Signals
from maso.scan.validators import is_card

MAX_BYTES: Final = (
    512  # of a message that is looked at: a piece in JSON with every digit escaped is under 300
)
MAX_WORDS_BYTES: Final = (
    160  # a piece comes in a short message: 'and the second half: 87347149' in JSON is 40
)
MAX_MESSAGE_DIGITS: Final = 13  # a piece is shorter than the shortest card number, or it is found alone
MAX_DIGITS_AROUND: Final = 64  # of the whole message: past that it is a table
MAX_PIECES: Final = 38  # one digit per message, longest card number, and a piece of another field beside each
MAX_STATE: Final = 320  # characters: 19 pieces of 16
MAX_VALUES: Final = 16  # of one object that are looked at: 512 bytes hold no more that are worth it
MAX_NESTED: Final = 2  # objects in strings of objects
MAX_KNOWN: Final = (
    2048  # shapes of messages known to hold no piece: a fleet has a few dozen, of 60 bytes each
)
MAX_KNOWN_BYTES: Final = 160  # longer ones are sentences, each new
MAX_NOISE: Final = 12  # messages with digits that are no pieces: after that the pieces are forgotten
_PIECE: Final = re.compile(r"[0-9]+")
_NAMED_PART: Final = re.compile(
    r"(?i)half|part|segment|piece|chunk|block|first|second|third|fourth|last|rest|remain|next|then|contin"
    r"|begin|start|end(?:s|ing)?\b|digits|card|number is|group|pan(?![a-z])|finally"
)
# Words that say what a number is. Before the digits, or after them as a unit.
_BUSINESS: Final = re.compile(
    r"(?i)"
    r"order|track|invoice|inv-|ticket|case|room|table|row|zip|postal|version|v\d|flight|year|price"
    r"|total|amount|qty|quantity|item|sku|stock|score|count|batch|serial|ref|ship|deliver|code|event"
    r"|ts\b|time|date|day|hour|minute|page|line|port|build|release|error|http|status|isbn|imei|iccid"
    r"|npi|coord|lat|lon|id\b|part no|model|size|weight|unit|percent|discount|tax|rating|star|step"
    r"|level|age|floor|street|road|avenue|apartment|suite|phone|call|ext|pin\b|budget|cost|balance"
    r"|pay|refund|paid|eur|usd|gbp|[$€£¥%#]|ending in|\*\*|••|xx"
)
# What else a field is called whose bare number is business.
_BUSINESS_FIELD: Final = re.compile(r"(?i)month|expir|minor|_[nmu]s\b|cvv|cvc|plz|cp\b|house|building")
# Wrapped, a text is longer by `{"message" : ` and what ends it.
MAX_LONG: Final = MAX_WORDS_BYTES + MAX_MESSAGE_DIGITS + 24
_SHRINKS: Final = re.compile(UNFOLDED.pattern.replace(r"[^\x00-\x7f", r"[^\x00-$'-\[\]-\x7f"))
# Fields that hold what somebody says; `text` would be taken for an extension (`ext`), `context` too.
_FREE_FIELD: Final = re.compile(
    r"(?i)[a-z_]*(?:text|content|message|body|msg|data|value|reply|payload|query|question|answer|note|notes"
    r"|comment|comments|summary|reason|description|preferences|address|address_?[0-9]|line_?[0-9]|extra"
    r"|remark|remarks)"
)
_SAID: Final = re.compile(r"[A-Za-z]{3}")
# A string, the colon that makes it a name, or a number. Which digits a number has makes no difference.
_MEMBER: Final = re.compile(r'"([^"\\]*(?:\\.[^"\\]*)*)"(?:\s*(:))?|(-?[0-9][0-9.eE+-]*)', re.DOTALL)
_ONE_TEXT: Final = re.compile(r'\s*\{\s*"[^"]*"\s*:\s*"[^"]*"\s*\}\s*')
_FRACTION: Final = re.compile(r"[0-9][.,:/][0-9]|[0-9]-[0-9]")
_DIGITS: Final = b"0123456789"
_SHAPES: Final = frozenset(
    [(4, 4, 4, n) for n in (1, 2, 3, 4)]
    + [(4, 4, 4, 4, n) for n in (1, 2, 3)]
    + [(4, 6, 5), (4, 6, 4), (5, 5, 5), (5, 5, 6)]
)


_WRAPPER: Final = re.compile(r'^\s*[\[{]*\s*"(?:text|content|message|body|msg|data|value|reply|payload)"\s*:')
MIN_PART: Final = 3  # digits of a piece that is called a part; shorter ones are ordinals


_PAN: Final = int(Kind.PAN)


class _Piece(NamedTuple):
    """Digits, with `!` after them if the message calls them a part, and one character for the field."""

    digits: str
    field: str


# Shapes of messages (digits as zeros) that hold no piece, whoever sent them. Which digits they are plays no
# part in that, so this changes no answer; it saves 2 us on nine messages in ten of the online shop.
_PIECELESS: Final[OrderedDict[bytes, None]] = OrderedDict()


class FragmentWindow:
    """The pieces of one session: one string, empty most of the time (about 100 bytes in all)."""

    __slots__ = ("_noise", "_pieces")

    def __init__(self) -> None:
        self._pieces = ""  # "a6011! a0009! b4": the field, digits, `!` if they are called a part
        self._noise = 0

    def push(self, content: bytes, signals: Signals) -> Signals:
        """`signals`, with a hidden card number added if one assembles from this and earlier messages."""
        if len(content) > MAX_BYTES or signals.kinds & _PAN:
            if self._pieces:
                self._pass_over(content)
            return signals
        shape = content.translate(_SHAPE)
        if shape in _PIECELESS:
            if self._pieces:
                self._pass_over(content)
            return signals
        pieces = [] if _has_no_digit(content) and content.isascii() else _pieces(content)
        if not pieces:
            _remember(content, shape)
            self._pass_over(content)
            return signals
        self._noise = 0
        return self._join(pieces, signals)

    def _join(self, pieces: list[_Piece], signals: Signals) -> Signals:
        held = [_Piece(piece[1:], piece[0]) for piece in self._pieces.split()]
        for piece in pieces:
            held.append(piece)
            same = [other.digits for other in held if other.field == piece.field]
            if _assembles(same) or (len(same) < len(held) and _assembles([other.digits for other in held])):
                self._pieces = ""
                return _with_card(signals)
        state = " ".join([field + digits for digits, field in held[-MAX_PIECES:]])
        while len(state) > MAX_STATE:
            state = state.partition(" ")[2]
        self._pieces = state
        return signals

    def _pass_over(self, content: bytes) -> None:
        """Noise counts only if it has digits, since what people say between two pieces has none."""
        if self._pieces and not (_has_no_digit(content) and content.isascii()):
            self._noise += 1
            if self._noise > MAX_NOISE:
                self._pieces = ""
                self._noise = 0


_SHAPE: Final = bytes.maketrans(b"123456789", b"000000000")


def _remember(content: bytes, shape: bytes) -> None:
    # Not with escapes: there a digit is a part of a character, so which one it is matters.
    if len(content) <= MAX_KNOWN_BYTES and b"\\" not in content and content.isascii():
        if len(_PIECELESS) >= MAX_KNOWN:
            _PIECELESS.popitem(last=False)
        _PIECELESS[shape] = None


def _has_no_digit(content: bytes) -> bool:
    # Ten searches for one byte each: 0.35 us for 1 KB, a tenth of a regular expression's time. A generator
    # would double it.
    for digit in _DIGITS:  # noqa: SIM110
        if digit in content:
            return False
    return True


def _is_crowded(content: bytes) -> bool:
    """More digits than pieces can have in any field (a form has a few, of which one may be a piece)."""
    return len(content) - len(content.translate(None, _DIGITS)) > MAX_DIGITS_AROUND


def _pieces(content: bytes) -> list[_Piece]:
    """The digits of a message that may be pieces of something: one for a text, one a value for a form."""
    if b"\\u" not in content and _is_crowded(content):
        return []
    text = content.decode("utf-8", "replace")
    if _ONE_TEXT.fullmatch(text) and _is_long(text):
        return []
    values = _values(text, 0)
    if not values:
        if _is_long(text):
            return []
        plain = _WRAPPER.sub("", _plain(text))
        digits = _piece(plain, plain)
        return [_Piece(digits + ("!" if _NAMED_PART.search(plain) else ""), "a")] if digits else []
    said = [_is_said(value) for _, value in values]
    named = any(
        is_said and _NAMED_PART.search(value) for is_said, (_, value) in zip(said, values, strict=True)
    )
    pieces: list[_Piece] = []
    for is_said, (name, value) in zip(said, values, strict=True):
        if not is_said and _BUSINESS_FIELD.search(name):
            continue
        digits = _piece(value, value if is_said or _FREE_FIELD.fullmatch(name) else f"{name} {value}")
        if digits:
            mark = "!" if named or _NAMED_PART.search(value) else ""
            pieces.append(_Piece(digits + mark, _letter(name)))
    return pieces


def _plain(text: str) -> str:
    return fold(unescape(text)) if "\\" in text or not text.isascii() else text


def _is_long(text: str) -> bool:
    """Too many characters for a piece, and none of them can be an escape or vanish when folded."""
    return len(text) > MAX_LONG and _SHRINKS.search(text) is None


# No space, digit or `!` among them; two names of one form fall together once in 20,000.
_FIELD_LETTERS: Final = (0x4E00, 20_000)


def _letter(name: str) -> str:
    """One character for a field; `a` is a message that is one text.

    With 25 letters `symbol` and `text` were one field, and no number in pieces was found in such a form.
    """
    first, many = _FIELD_LETTERS
    return chr(first + zlib.crc32(name.encode()) % many)


def _is_said(value: str) -> bool:
    """Words: then they say what the number is. A bare number or an identifier is what its field says."""
    return " " in value and _SAID.search(value) is not None


def _values(text: str, depth: int) -> list[tuple[str, str]]:
    """(field, plain text) of each value with digits, in an object of several members; or nothing."""
    if text.lstrip()[:1] not in ("{", "["):
        return []
    found: list[tuple[str, str]] = []
    name = ""
    members = 0
    for match in _MEMBER.finditer(text):
        string, colon, number = match.groups()
        if colon:
            name = string
            members += 1
        elif len(found) < MAX_VALUES and not _is_long(string or ""):
            value = _plain(string if number is None else number)
            inner = _values(value, depth + 1) if depth < MAX_NESTED else []
            found += inner or ([(name, value)] if _PIECE.search(value) else [])
            members += len(inner)
    return found if members > 1 else []


def _piece(text: str, said: str) -> str:
    """The digits of `text` if it may be a piece, or ""; `said` is what tells a business number."""
    groups = [m[0] for m in _PIECE.finditer(text) if not _is_label(text, m)]
    digits = "".join(groups)
    if not 0 < len(digits) < MAX_MESSAGE_DIGITS or len(text) - len(digits) > MAX_WORDS_BYTES:
        return ""
    if len(groups) > 1 and len(frozenset(map(len, groups))) > 1:
        return ""
    # Last, since looking for many words takes longer than all the rest: 50 us in 300 characters.
    return "" if _FRACTION.search(text) or _BUSINESS.search(said) else digits


def _is_label(text: str, match: re.Match[str]) -> bool:
    """The 1 of `part1=4236` or of `1) 4236`."""
    if match.end() - match.start() > 2:
        return False
    after = text[match.end() : match.end() + 1]
    return after in (")", "=", "/") or (after == ":" and match.end() + 2 < len(text))


def _assembles(pieces: list[str]) -> bool:
    """Some of the latest pieces, in order, make a card number in a shape that honest sessions do not have."""
    digits = ""
    sizes: tuple[int, ...] = ()
    named = 0
    for count, piece in enumerate(reversed(pieces), start=1):
        plain = piece.rstrip("!")
        named += plain != piece
        digits = plain + digits
        sizes = (len(plain), *sizes)
        if len(digits) > MAX_DIGITS:
            return False
        if count > 1 and len(digits) >= MIN_DIGITS and _is_cut(sizes, named == count) and is_card(digits):
            return True
    return False


def _is_cut(sizes: tuple[int, ...], named: bool) -> bool:
    return max(sizes) == 1 or sizes in _SHAPES or (named and min(sizes[:-1]) >= MIN_PART)


def _with_card(signals: Signals) -> Signals:
    return msgspec.structs.replace(
        signals,
        kinds=signals.kinds | Kind.PAN,
        hidden=signals.hidden | Kind.PAN,
        stage=max(signals.stage, 2),
        techniques=tuple(sorted({*signals.techniques, "fragments"})),
    )
