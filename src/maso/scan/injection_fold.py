"""Other ways to read a text: accents off, look-alike letters back to Latin, and the disguises of
instructions.

`fold_text` is applied to every text before the cues are looked for. `disguised_views` gives further
readings, and is called only for the disguises whose mark a cue saw, so that ordinary text pays nothing.
Folding is lossy on purpose: its results are only ever scanned, never delivered.

Not handled here: base64, hexadecimal, URL and HTML escapes, which the normaliser of this package undoes
before the text arrives; ciphers other than rot13; instructions drawn, spoken or spread over several
messages.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator
from typing import Final

VIEW_CHARS_MAX: Final = 1 << 14  # a disguised text is slow to undo; 16 K characters of it are evidence enough

# Accented Latin to plain. Written out, not taken from the interpreter's Unicode tables, so that a new
# interpreter does not change a score.
_ACCENTED: Final = (
    ("a", "àáâãäåāăąǎ"), ("c", "çćĉċč"), ("d", "ďđ"), ("e", "èéêëēĕėęě"), ("g", "ĝğġģ"), ("h", "ĥħ"),
    ("i", "ìíîïĩīĭįıǐ"), ("j", "ĵ"), ("k", "ķ"), ("l", "ĺļľŀł"), ("n", "ñńņňŉ"), ("o", "òóôõöøōŏőǒơ"),
    ("r", "ŕŗř"), ("s", "śŝşšș"), ("t", "ţťŧț"), ("u", "ùúûüũūŭůűųǔư"), ("w", "ŵ"), ("y", "ýÿŷ"),
    ("z", "źżž"), ("ss", "ß"), ("ae", "æ"), ("oe", "œ"), ("a", "ạảấầẩẫậắằẳẵặ"), ("e", "ẹẻẽếềểễệ"),
    ("i", "ỉị"), ("o", "ọỏốồổỗộớờởỡợ"), ("u", "ụủứừửữự"), ("y", "ỳỵỷỹ"),
)  # fmt: skip
# Cyrillic and Greek letters that look like Latin ones.
_ALIKE_FROM: Final = "аеорсухіјѕԁһкмтвнгпАЕОРСУХІЈЅКМТВНαεορυχικτνβηωΑΕΟΡΥΧΙΚΤΝΒΗΜΖ"
_ALIKE_TO: Final = "aeopcyxijsdhkmtbhrnAEOPCYXIJSKMTBHaeopuxiktvbnwAEOPYXIKTNBHMZ"


def _plain_table() -> dict[int, str]:
    table = {ord(letter): plain for plain, letters in _ACCENTED for letter in letters}
    upper = {ord(chr(code).upper()): plain for code, plain in table.items() if len(chr(code).upper()) == 1}
    quotes = {
        0x2018: "'",
        0x2019: "'",
        0x201C: '"',
        0x201D: '"',
        0x00A0: " ",
        0x200B: "",
        0x200C: "",
        0x200D: "",
        0xFEFF: "",
    }
    cyrillic = {
        code: chr(code + 32) for code in range(0x410, 0x430)
    }  # upper to lower case: Hyperscan folds only ASCII
    marks = dict.fromkeys(range(0x300, 0x370), "")
    return marks | cyrillic | upper | table | quotes


_PLAIN: Final = _plain_table()
_ALIKE: Final = str.maketrans(_ALIKE_FROM, _ALIKE_TO)
_ASCII_BYTES: Final = bytes(range(128))
# Above this share of bytes outside ASCII a text has many different letters, and one pass over all is cheaper.
FOREIGN_SHARE_MAX: Final = 8
_LEET_I: Final = str.maketrans("013457@$!", "oieastasi")
_LEET_L: Final = str.maketrans("013457@$!", "oleastasi")
_MIXED: Final = re.compile(
    "[A-Za-z][\u0370-\u03ff\u0400-\u04ff\u0500-\u052f]|[\u0370-\u03ff\u0400-\u04ff\u0500-\u052f][A-Za-z]"
)
_NOT_ASCII: Final = re.compile("[^\x00-\x7f]+")
_GREEK_OR_CYRILLIC: Final = re.compile("[\u0370-\u052f]")
_SPACED: Final = re.compile(r"(?:(?<!\w)\w[ ._*|\-]{1,3}){6,}\w")
_WIDE_GAP: Final = re.compile(r" {2,}|[._*|\-] +")
_NOT_WORD: Final = re.compile(r"[\W_]+")
_MORSE_RUN: Final = re.compile(r"(?:[.\-\u00b7\u2013]{1,6}[ /|]{1,3}){8,}[.\-]{1,6}")
_BITS_RUN: Final = re.compile(r"(?:[01]{8}[ ,]{0,2}){6,}")
_MORSE_SIGNS: Final = (
    ".- -... -.-. -.. . ..-. --. .... .. .--- -.- .-.. -- "  # a to m
    "-. --- .--. --.- .-. ... - ..- ...- .-- -..- -.-- --.."  # n to z
)
_MORSE: Final = dict(zip(_MORSE_SIGNS.split(), "abcdefghijklmnopqrstuvwxyz", strict=True))


def _plain(match: re.Match[str]) -> str:
    return match[0].translate(_PLAIN)


def fold_text(text: str) -> str:
    """Latin letters without accents, Cyrillic in lower case, no joiners; ASCII is returned as it is."""
    return text if text.isascii() else _NOT_ASCII.sub(_plain, text)


def fold_bytes(raw: bytes) -> bytes:
    """`fold_text` on UTF-8, for the first stage; bytes that are no UTF-8 become U+FFFD.

    A text has few different letters outside ASCII, so one replacement for each is cheaper than a pass that
    decides letter by letter.
    """
    if raw.isascii():
        return raw
    text = raw.decode("utf-8", "replace")
    foreign = raw.translate(None, _ASCII_BYTES)
    if len(foreign) * FOREIGN_SHARE_MAX > len(raw):
        return fold_text(text).encode()
    for letter in dict.fromkeys(foreign.decode("utf-8", "replace")):
        plain = _PLAIN.get(ord(letter))
        if plain is not None:
            text = text.replace(letter, plain)
    return text.encode()


def alike(text: str) -> str | None:
    """`text` with look-alike letters made Latin, when some word mixes scripts; else None."""
    if text.isascii() or _GREEK_OR_CYRILLIC.search(text) is None or _MIXED.search(text) is None:
        return None
    return text.translate(_ALIKE)


def _together(match: re.Match[str]) -> str:
    """`i g n o r e  a l l` is `ignore all` when words are set apart by wider gaps, `ignoreall` when not."""
    return " ".join(_NOT_WORD.sub("", word) for word in _WIDE_GAP.split(match[0]))


def _from_morse(match: re.Match[str]) -> str:
    words = re.split(r" *[/|] *| {2,}", match[0])
    return " ".join("".join(_MORSE.get(sign, "") for sign in word.split()) for word in words)


def _from_bits(match: re.Match[str]) -> str:
    bits = re.sub("[^01]", "", match[0])
    return bytes(int(bits[at : at + 8], 2) for at in range(0, len(bits) - 7, 8)).decode("latin-1")


def disguised_views(text: str, marks: frozenset[str]) -> Iterator[str]:
    """Readings of `text` (at most `VIEW_CHARS_MAX` of it) for the disguises named in `marks`, cue names."""
    text = text[:VIEW_CHARS_MAX]
    if "d-spaced" in marks:
        joined = _SPACED.sub(_together, text)
        yield joined
        if "d-leet" in marks or any(sign in joined for sign in "0134"):
            yield joined.translate(_LEET_I)
            yield joined.translate(_LEET_L)
    if "d-leet" in marks:
        for table in (_LEET_I, _LEET_L):
            plain = text.lower().translate(table)
            yield plain
            yield _NOT_WORD.sub("", plain)
    if "rot" in marks:
        yield codecs.encode(text, "rot13")
    if "reversed" in marks:
        yield text[::-1]
    if "d-morse" in marks:
        yield _MORSE_RUN.sub(_from_morse, text)
    if "d-bits" in marks:
        yield _BITS_RUN.sub(_from_bits, text)
