"""Values cut into pieces over the messages of a session, joined again.

State per session is one short string of the digits of recent small messages. A message is a *candidate*
when it carries few digits and little else; noise without digits between pieces is passed over. Joined
pieces must have the shape of a cut card number (single digits; 4-4-4-4 and the like; two or three long
parts that are called parts), and pass prefix, length and check digit. Random pieces of the right shape
pass about 3 times in 100, so the shape and the words around the digits carry the weight: an order, a
price, a room, a year is not a piece.

Not handled: pieces of anything but card numbers; pieces in messages with more than `MAX_MESSAGE_DIGITS`
digits or more than `MAX_WORDS_BYTES` bytes around them; pieces named like business numbers; pieces out
of order; more than `MAX_NOISE` messages with digits of another kind between two pieces.
"""

from __future__ import annotations

import re
from typing import Final

import msgspec

from maso.scan.digits import MAX_DIGITS, MIN_DIGITS
from maso.scan.normalise import fold, unescape
from maso.scan.signals import Kind, Signals
from maso.scan.validators import is_card

MAX_BYTES: Final = (
    512  # of a message that is looked at: a piece in JSON with every digit escaped is under 300
)
MAX_WORDS_BYTES: Final = (
    160  # a piece comes in a short message: 'and the second half: 87347149' in JSON is 40
)
MAX_MESSAGE_DIGITS: Final = 13  # a piece is shorter than the shortest card number, or it is found alone
MAX_PIECES: Final = 19  # one digit per message, longest card number
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


class FragmentWindow:
    """The pieces of one session: one string, empty most of the time (about 100 bytes in all)."""

    __slots__ = ("_noise", "_pieces")

    def __init__(self) -> None:
        self._pieces = ""  # "6011! 0009! 4": digits of each piece, `!` if the message called it a part
        self._noise = 0

    def push(self, content: bytes, signals: Signals) -> Signals:
        """`signals`, with a hidden card number added if one assembles from this and earlier messages."""
        if content.isascii() and _has_no_digit(content):
            return signals
        piece = ""
        if len(content) <= MAX_BYTES and not signals.kinds & _PAN and not _is_crowded(content):
            piece = _piece(content)
        if not piece:
            self._pass_over(content)
            return signals
        self._noise = 0
        pieces = [*self._pieces.split()[1 - MAX_PIECES :], piece]
        if _assembles(pieces):
            self._pieces = ""
            return _with_card(signals)
        self._pieces = " ".join(pieces)
        return signals

    def _pass_over(self, content: bytes) -> None:
        if self._pieces:
            self._noise += 1
            if self._noise > MAX_NOISE:
                self._pieces = ""
                self._noise = 0


def _has_no_digit(content: bytes) -> bool:
    # Ten searches for one byte each: 0.35 us for 1 KB, a tenth of a regular expression's time. A generator
    # would double it.
    for digit in _DIGITS:  # noqa: SIM110
        if digit in content:
            return False
    return True


def _is_crowded(content: bytes) -> bool:
    """More digits than a piece can have; an escape may hide a character behind digits of its own."""
    return (
        b"\\u" not in content
        and len(content) - len(content.translate(None, _DIGITS)) > MAX_MESSAGE_DIGITS + 6
    )


def _piece(content: bytes) -> str:
    """The digits of a message that may be a piece of something, marked `!` if it is called a part; or ""."""
    text = content.decode("utf-8", "replace")
    if "\\" in text or not text.isascii():
        text = fold(unescape(text))
    text = _WRAPPER.sub("", text)
    if _BUSINESS.search(text) or _FRACTION.search(text):
        return ""
    groups = [m[0] for m in _PIECE.finditer(text) if not _is_label(text, m)]
    digits = "".join(groups)
    if not 0 < len(digits) < MAX_MESSAGE_DIGITS or len(text) - len(digits) > MAX_WORDS_BYTES:
        return ""
    if len(groups) > 1 and len(frozenset(map(len, groups))) > 1:
        return ""
    return digits + ("!" if _NAMED_PART.search(text) else "")


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
