"""The first pass: a Hyperscan database over raw bytes, on every message, a few microseconds.

It answers one question: which later work could find anything? A bit that is not set is a promise that
the corresponding detector or decoder finds nothing in these bytes, so each pattern here is a *superset*
of what its detector accepts: shapes without check digits, gaps wider, no boundaries. A test holds the
two against each other on every evasion known.

Left out on purpose, because honest text is full of it and no detector can use it: accented Latin
letters, typographic quotes and dashes, the euro sign, hashes, UUIDs and random base64 (encoded *text*
has a structure that they have not).
"""

from __future__ import annotations

import enum
import re
from typing import Any, Final

import hyperscan

from maso.scan.normalise import FILLERS, NUMBER_WORDS, REPEATS
from maso.scan.secrets import FIRST_PATTERNS
from maso.scan.validators import IBAN_LENGTHS


class Reason(enum.IntFlag):
    """Why a message needs more than the first pass."""

    CARD = 1  # 13 digits with short gaps
    SPREAD = 2  # 13 digits with gaps as long as words; counts only with CONTEXT
    CONTEXT = 4  # the message speaks of cards
    CVV = 8
    IBAN = 16
    NATIONAL_ID = 32
    EMAIL = 64
    PHONE = 128
    SECRET = 256
    ESCAPE = 512  # JSON, URL, HTML or C escapes
    ODD = 1024  # characters that fold to digits or letters, or are invisible
    SPOKEN = 2048  # number words in sequence
    LOOKALIKE = 4096  # letters for digits
    BASE64 = 8192
    HEX = 16384
    BASE32 = 32768
    PACKED = 65536  # compressed, then base64
    CODES = 131072  # character codes, bits, Morse
    ID_WORD = 262144  # the message speaks of an identity number; counts only with ID_DIGITS
    ID_DIGITS = 524288  # 7 digits close together
    MIXED = 1048576  # a token of digits and letters that look like digits; LOOKALIKE counts only with it
    INJECTION = 2097152


CASELESS: Final = hyperscan.HS_FLAG_CASELESS
# Unbounded, where `digits.TIGHT_GAP` is bounded: a superset, and a far smaller automaton.
_SEP: Final = r"[^0-9A-Za-z]*"
# Between two groups of digits: anything, and ordinals or labels of one or two digits.
_SKIP: Final = r"[^0-9A-Za-z](?:(?:[^0-9]|[0-9]{1,2}[^0-9])*(?:[0-9]{1,2})?[^0-9A-Za-z])?"


# A letter outside ASCII is two bytes in UTF-8, the second different for upper case, or a JSON escape.
def _raw(word: str) -> str:
    return re.sub(r"[^\x00-\x7f]", r"(?:\\xc3[\\x80-\\xbf]|\\\\u00[c-f][0-9a-f])", word)


_SPELLED: Final = tuple(map(_raw, NUMBER_WORDS))
_WORD: Final = "(?:" + "|".join(_SPELLED) + ")"
_STARTS: Final = (
    "(?:" + "|".join(sorted({_raw(word[:3]) for word in (*NUMBER_WORDS, *FILLERS, *REPEATS)})) + ")"
)
_BETWEEN: Final = "|".join((*FILLERS, *REPEATS))
# Before a number word, also one glued to others: no letter, but perhaps an escape that ends in one (an
# opening quote is `\\u201c`).
_NOT_INSIDE: Final = r"(?:^|[^A-Za-z]|\\u[0-9a-f]{3}[a-f])"
_ALIKE: Final = r"[0-9OoQDIlLi|!SsBbGgq]"
_B64_TEXT: Final = r"[I-Za-f][C-HS-Xi-nyz0-3][ABEFIJMNQRUVYZcdghklopstwx014589][A-Za-z0-9+/_-]"
_CARD_WORDS: Final = (
    r"card|carte|karte|tarjeta|carta|kreditk|pan|visa|master|amex|american express|diners|discover|jcb"
    r"|unionpay|maestro|rupay|credit|debit|payment|charge|cc|cvv|cvc|billing|exp"
)
# The detector reads the same bytes, so what stands before a word is the same there; an accented letter is
# two bytes, or an escape of six.
_PHONE_WORDS: Final = (
    "(?:^|[^a-z])(?:tele)?(?:phone|tel|t.{1,6}l.{1,6}phone|mobil|cell|call|fax|whatsapp|handy|m.{1,6}vil|celular"
    "|rufnummer|dial|contact)"
)
_ID_WORDS: Final = (
    *(
        "social.{0,3}sec",
        "social insurance",
        "tax.{0,3}(?:id|num)",
        "steuer",
        "insee",
        "securite soc",
        "aadha",
    ),
    *(r"s(?:\xc3[\xa9\x89]|\\u00[ce]9)cu", "pesel", "burgerservice", "personnummer", "nric"),
    # Short names only as words: "companies" holds "nie".
    *(rf"(?:^|[^a-z]){word}" for word in ("ssn", "bsn", "nhs")),
    *(
        rf"(?:^|[^a-z]){word}(?:[^a-z]|$)"
        for word in ("secu", "tin", "itin", "dni", "nie", "nif", "nir", "cpf")
    ),
    *(rf"(?:^|[^a-z]){word}(?:[^a-z]|$)" for word in ("fin", "sin")),
)
_LEAD: Final = "(?:[3-6][0-9]|2[2-7]|8[126]|9[78])"  # of any network's numbers; no year
_TOKEN_START: Final = r"(?:^|[^0-9A-Za-z])"
_TOKEN_END: Final = r"(?:[^0-9A-Za-z]|$)"
_ALIKE_LETTER: Final = r"[OoQDIlLi|!SsBbGgq]"

PATTERNS: Final[tuple[tuple[Reason, str, int], ...]] = (
    # Begins as some network's numbers do; backwards or shifted digits count only with CONTEXT, by SPREAD.
    (Reason.CARD, rf"(?:^|[^0-9])[2-689](?:{_SEP}[0-9]){{12}}", 0),
    (Reason.CONTEXT, _CARD_WORDS, CASELESS),
    (
        Reason.CVV,
        r"(?:cvv|cvc|cvn|csc|cid|cav|secur.{0,6}code|verification|digits? on|code on)2?[^0-9]{0,40}[0-9]{3}",
        CASELESS,
    ),
    *(
        (Reason.IBAN, rf"(?:^|[^0-9A-Za-z]){country}[0-9]{{2}}[0-9A-Z]{{11}}", CASELESS)
        for country in IBAN_LENGTHS
    ),
    (Reason.IBAN, r"(?:^|[^0-9A-Za-z-])[A-Za-z]{2}[0-9]{2}(?:[^0-9A-Za-z]{1,4}[0-9A-Za-z]{4}){2}", 0),
    (
        Reason.IBAN,
        r"(?:^|[^0-9A-Za-z-])[A-Z]{2}[^0-9A-Za-z]{0,4}[0-9]{2}(?:[^0-9A-Za-z]{0,4}[0-9A-Z]){11}",
        0,
    ),
    *((Reason.ID_WORD, word, CASELESS) for word in _ID_WORDS),
    (Reason.NATIONAL_ID, r"[0-9]{3}[- .][0-9]{2}[- .][0-9]{4}", 0),
    (Reason.NATIONAL_ID, r"[A-Z]{2} ?[0-9]{2} ?[0-9]{2} ?[0-9]{2} ?[A-D]", 0),
    (Reason.NATIONAL_ID, r"[A-Z]{6}[0-9]{2}[A-Z][0-9]{2}[A-Z][0-9]{3}[A-Z]", 0),
    (Reason.NATIONAL_ID, r"[0-9]{3}\.[0-9]{3}\.[0-9]{3}-[0-9]{2}", 0),
    (Reason.NATIONAL_ID, r"[1-6][0-9]{16}[0-9X]", 0),
    (Reason.EMAIL, r"[A-Za-z0-9_.+%-]@[A-Za-z0-9]", 0),
    (Reason.PHONE, r"\+ ?[0-9](?:[ .()/-]{0,4}[0-9]){6}", 0),
    (Reason.PHONE, r"\(?[2-9][0-9]{2}\)?[ .-]{1,2}[2-9][0-9]{2}[ .-][0-9]{4}", 0),
    (Reason.PHONE, r"00[1-9](?:[ .()/-]{1,3}[0-9]{1,4}){2}", 0),
    (
        Reason.PHONE,
        rf"(?:{_PHONE_WORDS})[^0-9]{{0,32}}[0-9](?:[ .()/-]{{0,4}}[0-9]){{6}}",
        CASELESS,
    ),
    *((Reason.SECRET, pattern, flags) for pattern, flags in FIRST_PATTERNS),
    (
        Reason.ESCAPE,
        r"\\u(?:00[0-7]|00ad|00b[239c-e]|0[2-9a-f]|1|20[03-9b-f]|202[a-f]|206|2[1-9a-f]|[3-9a-f])",
        CASELESS,
    ),
    (Reason.ESCAPE, r"[0-9][^0-9A-Za-z]{0,16}\\u", 0),
    (Reason.ESCAPE, r"[0-9A-Za-z+]\\/[0-9A-Za-z+]", 0),  # some encoders write the slash of base64 so
    (
        Reason.ESCAPE,
        r"\\(?:x[0-9a-f{]|u\{|u\+|[0-3]?[0-7]{2})|%u?[0-9a-f]{2}|&(?:#|[a-z][a-z0-9]{1,30};)",
        CASELESS,
    ),
    (Reason.ODD, r"[\xc6-\xe1\xe3-\xf7]|\xc2[\xad\xb2\xb3\xb9\xbc-\xbe]", 0),
    (Reason.ODD, r"[0-9](?:\xc2\xa0|\xe2\x80[\x90-\x95])[0-9]", 0),
    (
        Reason.ODD,
        r"\xe2(?:\x80[\x8b-\x8f\xaa-\xaf]|\x82[\x80-\x9f]|\x83[\x90-\xbf]|[\x81\x85-\x93\x9d-\xbf]|\x84[^\xa2])",
        0,
    ),
    # The beginnings of what may follow a number word; `SECOND_HALVES` say whether it did.
    *((Reason.SPOKEN, rf"{_NOT_INSIDE}{word}{_SEP}(?:[0-9]|{_STARTS})", CASELESS) for word in _SPELLED),
    *((Reason.SPOKEN, rf"[0-9]{_SEP}{word}(?:[^A-Za-z]|$)", CASELESS) for word in _SPELLED),
    (Reason.LOOKALIKE, rf"{_TOKEN_START}{_ALIKE}(?:{_SEP}{_ALIKE}){{12,}}{_TOKEN_END}", 0),
    (Reason.BASE64, rf"(?:{_B64_TEXT}){{4}}", 0),
    (Reason.HEX, r"[2-7][0-9a-f](?:[^0-9A-Za-z]{0,4}(?:0x|\\x)?[2-7][0-9a-f]){12}", CASELESS),
    (Reason.BASE32, r"[A-Z2-7]{21}", 0),
    (Reason.BASE32, r"[a-z2-7]{24}", 0),
    (Reason.PACKED, r"H4sI[A-Za-z0-9+/_-]{16}|eJ[w-z][0-9A-Za-z+/_-]{19}", 0),
    (Reason.CODES, r"(?:(?:4[89]|5[0-7]|32|45)[^0-9A-Za-z]{1,6}){12}", 0),
    (Reason.CODES, r"(?:0?[01]{8}[^0-9A-Za-z]{0,6}){12}", 0),
    (Reason.CODES, r"(?:[.-]{5}[ /|,]{1,3}){12}|(?:=[0-9A-F]{2}){5}", 0),
)


# Looked for only where the first database saw their other half, on one message in ten: databases of their
# own save the others 4 us a KB. Without the second half the first means nothing. Every pair of number words
# in the first database would also take 0.6 s to compile.
SECOND_HALVES: Final[tuple[tuple[Reason, Reason, tuple[tuple[str, int], ...]], ...]] = (
    (
        Reason.CONTEXT,
        Reason.SPREAD,
        (
            (rf"[0-9](?:{_SEP}[0-9]){{12}}", 0),
            (rf"{_TOKEN_START}{_LEAD}[0-9]{{2,6}}{_SKIP}[0-9]{{4,6}}{_SKIP}[0-9]{{4}}", 0),
            (rf"{_TOKEN_START}{_LEAD}[0-9]{{2,6}}{_SKIP}[0-9]{{7,13}}{_TOKEN_END}", 0),
            (rf"{_TOKEN_START}[2-689](?:{_SKIP}[0-9]){{12}}", 0),
            (r"[0-9]{4}[^0-9]{1,10}[0-9]{4,6}[^0-9]{1,10}[0-9]{4}|[0-9]{4}[^0-9]{1,10}[0-9]{7}", 0),
            (r"[0-9](?:[^0-9]{1,3}[0-9]){12}", 0),
        ),
    ),
    (Reason.ID_WORD, Reason.ID_DIGITS, ((r"[0-9](?:[^0-9A-Za-z]{0,3}[0-9]){6}", 0),)),
    (
        Reason.LOOKALIKE,
        Reason.MIXED,
        (
            (
                rf"{_TOKEN_START}(?:[0-9]+{_ALIKE_LETTER}|{_ALIKE_LETTER}+[0-9]){_ALIKE}*{_TOKEN_END}",
                0,
            ),
            (rf"{_TOKEN_START}[OoQDIl|]{{2,}}{_TOKEN_END}", 0),
        ),
    ),
    (
        Reason.SPOKEN,
        Reason.SPOKEN,
        (
            (rf"{_NOT_INSIDE}{_WORD}{_SEP}(?:[0-9]|(?:(?:{_BETWEEN}){_SEP})?{_WORD})", CASELESS),
            (rf"[0-9]{_SEP}{_WORD}(?:[^A-Za-z]|$)", CASELESS),
        ),
    ),
)
MIN_SPREAD_DIGITS: Final = 11  # the fewest that any pattern for spread-out groups takes


def _collect(pattern: int, start: int, end: int, flags: int, found: list[int]) -> None:
    found.append(pattern)


# One id for all patterns of a reason: which of them matched is never asked, so Hyperscan stops looking for
# the others (a third less to keep in the processor's caches, and to compile).
_BITS: Final = tuple(dict.fromkeys(int(reason) for reason, _, _ in PATTERNS))
_IDS: Final = [_BITS.index(reason) for reason, _, _ in PATTERNS]
_DIGITS: Final = b"0123456789"
# Plain integers: an operation on enum flags costs 1 us.
_CONTEXT: Final = int(Reason.CONTEXT)
_HALF: Final = sum(int(half) for half, _, _ in SECOND_HALVES)


def compile_patterns(
    patterns: tuple[tuple[str, int], ...], extra: int, ids: list[int] | None = None
) -> tuple[Any, Any]:
    """A Hyperscan database and its scratch for (expression, flags) pairs; ids in order unless given."""
    database = hyperscan.Database()
    database.compile(
        expressions=[expression.encode("latin-1") for expression, _ in patterns],
        ids=ids or list(range(len(patterns))),
        elements=len(patterns),
        flags=[flags | extra for _, flags in patterns],
    )
    return database, hyperscan.Scratch(database)


_BLANKED: Final = ((b"\\n", b"  "), (b"\\t", b"  "), (b"\\r", b"  "), (b"\\b", b"  "), (b"\\f", b"  "))


def blank(content: bytes) -> bytes:
    """White space escapes of JSON as two spaces: same length, and no letter where a reader sees none."""
    for escape, spaces in _BLANKED:
        if escape in content:
            content = content.replace(escape, spaces)
    return content


class FirstPass:
    """The compiled databases. One per thread: Hyperscan's scratch space is not shared."""

    __slots__ = ("_scan", "_scratch", "_second")

    def __init__(self) -> None:
        patterns = tuple((expression, flags) for _, expression, flags in PATTERNS)
        database, self._scratch = compile_patterns(patterns, hyperscan.HS_FLAG_SINGLEMATCH, _IDS)
        self._scan = database.scan
        self._second = tuple(
            (int(half), int(other), *compile_patterns(patterns, hyperscan.HS_FLAG_SINGLEMATCH))
            for half, other, patterns in SECOND_HALVES
        )

    def reasons(self, content: bytes) -> int:
        """Bits of `Reason`; 0 means that nothing can be found here."""
        if b"\\" in content:
            content = blank(content)
        found: list[int] = []
        self._scan(content, _collect, 0, found, self._scratch)
        if not found:
            return 0
        mask = 0
        for pattern in found:
            mask |= _BITS[pattern]
        return self._with_halves(content, mask) if mask & _HALF else mask

    def _with_halves(self, content: bytes, mask: int) -> int:
        """Bits that mean something only together: both, or neither."""
        for half, other, database, scratch in self._second:
            if not mask & half:
                continue
            found: list[int] = []
            if half != _CONTEXT or _has_digits(content, MIN_SPREAD_DIGITS):
                database.scan(content, _collect, 0, found, scratch)
            if found:
                mask |= other
            else:
                mask &= ~half
        return mask


def _has_digits(content: bytes, count: int) -> bool:
    return len(content) - len(content.translate(None, _DIGITS)) >= count
