"""One text out of many ways to write it: escapes undone, look-alike characters folded, digits made ASCII.

Unicode data is pinned. Compatibility forms come from the Unicode 3.2 tables that every Python carries
unchanged for the sake of internationalised names (`unicodedata.ucd_3_2_0`); digits and letters of later
versions are listed below by their code points. So the same bytes give the same text on every Python.

Not handled: look-alikes outside the tables (most of Unicode's confusables), scripts whose numerals are
not positional, text in pictures.
"""

from __future__ import annotations

import html
import re
from typing import Final
from unicodedata import ucd_3_2_0

# Zero of every decimal digit range (Unicode 15.1, category Nd), by code point.
_ZEROS: Final = (
    *(
        0x660,
        0x6F0,
        0x7C0,
        0x966,
        0x9E6,
        0xA66,
        0xAE6,
        0xB66,
        0xBE6,
        0xC66,
        0xCE6,
        0xD66,
        0xDE6,
        0xE50,
        0xED0,
    ),
    *(0xF20, 0x1040, 0x1090, 0x17E0, 0x1810, 0x1946, 0x19D0, 0x1A80, 0x1A90, 0x1B50, 0x1BB0, 0x1C40, 0x1C50),
    *(0xA620, 0xA8D0, 0xA900, 0xA9D0, 0xA9F0, 0xAA50, 0xABF0, 0xFF10, 0x104A0, 0x10D30, 0x11066, 0x110F0),
    *(0x11136, 0x111D0, 0x112F0, 0x11450, 0x114D0, 0x11650, 0x116C0, 0x11730, 0x118E0, 0x11950, 0x11C50),
    *(0x11D50, 0x11DA0, 0x11F50, 0x16A60, 0x16AC0, 0x16B50, 0x1D7CE, 0x1D7D8, 0x1D7E2, 0x1D7EC, 0x1D7F6),
    *(0x1E140, 0x1E2F0, 0x1E4F0, 0x1E950, 0x1FBF0),
)
# First of nine (one to nine): circled, parenthesised, full stop, negative circled, Roman, rods, mahjong.
_ONES: Final = (
    *(0x2460, 0x2474, 0x2488, 0x24F5, 0x2776, 0x2780, 0x278A, 0x1F102, 0x2160, 0x2170, 0x1D360, 0x102E1),
    *(0x3021, 0x3220, 0x3280, 0x1F007, 0x1F010, 0x1F019),
)  # fmt: skip
_SINGLE_ZEROS: Final = (0x24EA, 0x24FF, 0x1F100, 0x1F101, 0x1F10B, 0x1F10C, 0x3007, 0x96F6)
_HAN: Final = "一二三四五六七八九", "壹貳參肆伍陸柒捌玖", "壹贰叁肆伍陆柒捌玖"
# Removed: they are there to be invisible, or only dress the character before them.
_INVISIBLE: Final = (
    *(0xAD, 0x34F, 0x61C, 0x115F, 0x1160, 0x17B4, 0x17B5, 0x180E, 0x20E3, 0x2800, 0x3164, 0xFEFF, 0xFFA0),
    *range(0x180B, 0x180E), *range(0x200B, 0x2010), *range(0x202A, 0x202F), *range(0x2060, 0x2070),
    *range(0xFE00, 0xFE10), *range(0xFFF0, 0xFFFC), *range(0xE0100, 0xE01F0), *range(0x20D0, 0x20E3),
    *range(0x300, 0x34F), *range(0x350, 0x370),
)  # fmt: skip
# Cyrillic, Greek and other letters that print like Latin ones or like digits.
_ALIKE: Final = dict(
    zip(
        "АВЕЗКМНОРСТХУЅІЈԚԜаеорсухѕіјһԁԛԝтвкмнӀӏЬ"
        "ΑΒΕΖΗΙΚΜΝΟΡΤΥΧοιαερτυνκχϲ"
        "ОօՕסߋ০ΟοﮦൠσᴏᴼₒøØǀ∣⏐│ǃІΙ∕⁄／‐‑‒–—―−﹣－·•∙⋅・．。，、‚",
        "ABE3KMHOPCTXYSIJQWaeopcyxsijhdqwtbkmhIIb"
        "ABEZHIKMNOPTYXoiaeptuvkxc"
        "OoOoO0OoooooooOOIIII!II///---------.......,,,",
        strict=False,
    )
)


# Left as they are, since honest text is full of them and the first pass lets them by: accented letters,
# typographic quotes and dashes, the euro and trademark signs. Digits among them are folded all the same.
_HONEST: Final = frozenset(
    {*range(0xA0, 0x180), *range(0x2010, 0x202A), 0x20AC, 0x2122} - {0xAD, 0xB2, 0xB3, 0xB9, 0xBC, 0xBD, 0xBE}
)
_SPACE_INSIDE: Final = re.compile("(?<=[0-9])\xa0(?=[0-9])")
_DASH_INSIDE: Final = re.compile("(?<=[0-9])[\u2010-\u2015](?=[0-9])")


def _letters() -> dict[int, str]:
    """Letters that stand for A to Z in blocks of 26: circled, squared, regional, small capitals."""
    table: dict[int, str] = {}
    for first, lower in ((0x24B6, 0), (0x24D0, 1), (0x249C, 1), (0x1F110, 0), (0x1F130, 0), (0x1F150, 0)):
        table.update({first + i: chr((97 if lower else 65) + i) for i in range(26)})
    table.update({0x1F170 + i: chr(65 + i) for i in range(26)})
    table.update({0x1F1E6 + i: chr(65 + i) for i in range(26)})
    table.update(dict(zip(map(ord, "ᴀʙᴄᴅᴇғɢʜɪᴊᴋʟᴍɴᴘʀꜱᴛᴜᴠᴡʏᴢ"), "abcdefghijklmnprstuvwyz", strict=True)))
    table.update({0xE0000 + code: chr(code) for code in range(0x20, 0x7F)})  # tag characters
    return table


def _table() -> dict[int, str]:
    table: dict[int, str] = {}
    for code in (*range(0xA0, 0x3400), *range(0xF900, 0x10000), *range(0x1D400, 0x1D800)):
        folded = ucd_3_2_0.normalize("NFKC", chr(code))
        if folded != chr(code):
            table[code] = folded
    table.update(_letters())
    table.update({ord(char): plain for char, plain in _ALIKE.items()})
    for zero in _ZEROS:
        table.update({zero + i: chr(48 + i) for i in range(10)})
    for one in _ONES:
        table.update({one + i: chr(49 + i) for i in range(9)})
    for han in _HAN:
        table.update({ord(char): chr(49 + i) for i, char in enumerate(han)})
    table.update({0x1FBF0 + i: chr(48 + i) for i in range(10)})
    table.update(dict.fromkeys(_SINGLE_ZEROS, "0"))
    table.update(dict.fromkeys(_INVISIBLE, ""))
    return {code: folded for code, folded in table.items() if code >= 0x80 and code not in _HONEST}


_FOLD: Final = _table()
_NOT_ASCII: Final = re.compile(r"[^\x00-\x7f]+")
# A character that is neither ASCII nor left as it is: without one, folding changes nothing but what is said
# below of spaces and dashes between digits. One search is a third of the time of substituting accents.
UNFOLDED: Final = re.compile(f"[^\\x00-\\x7f{re.escape(''.join(map(chr, sorted(_HONEST))))}]")


def fold(text: str) -> str:
    """Look-alikes, compatibility forms and digits of all scripts to ASCII; invisible characters gone."""
    if text.isascii():
        return text
    if UNFOLDED.search(text):
        text = _NOT_ASCII.sub(lambda match: match[0].translate(_FOLD), text)
    return text if text.isascii() else _SPACE_INSIDE.sub(" ", _DASH_INSIDE.sub("-", text))


_UNITS: Final = r"(?:\\+u[0-9a-fA-F]{4})+"
_ESCAPES: Final = re.compile(
    rf"({_UNITS})"  # 1: UTF-16 units as JSON and many languages write them
    r"|\\+(?:u\{|U|x\{|u\+?)([0-9a-fA-F]{2,8})\}?"  # 2: one code point
    r"|((?:\\+x[0-9a-fA-F]{2})+)"  # 3: bytes
    r"|((?:%[0-9a-fA-F]{2})+)"  # 4: URL bytes
    r"|((?:%u[0-9a-fA-F]{4})+)"  # 5: old JavaScript escape()
    r"|\\+([0-3]?[0-7]{2})(?![0-9])"  # 6: octal
    r"|&#[xX]0*([0-9a-fA-F]{1,6});?|&#0*([0-9]{1,7});?"  # 7, 8: HTML by number
    r"|&([a-zA-Z][a-zA-Z0-9]{1,30});"  # 9: HTML by name
    r"|\\+([nrtbf\"/'])"  # 10: the short ones
)
_SHORT: Final = {"n": "\n", "r": "\r", "t": "\t", "b": "\b", "f": "\f", '"': '"', "/": "/", "'": "'"}
_HEX_ONLY: Final = re.compile(r"[^0-9a-fA-F]|(?<=\\)[xu]")
_MARKS: Final = re.compile(r"\\+[xu]|%u?")


# A run of characters that escapes are made of: found fast, because it begins with one of three characters.
_ESCAPED_RUN: Final = re.compile(r"[\\%&][\\%&#;0-9A-Za-z{}+\"/']*")


def _undo_run(match: re.Match[str]) -> str:
    return _ESCAPES.sub(_undo, match[0])


def _code_point(number: int) -> str:
    return chr(number) if number < 0x110000 and not 0xD800 <= number < 0xE000 else " "


def _undo(match: re.Match[str]) -> str:
    kind = match.lastindex or 0
    body = match[kind]
    if kind in (1, 5):
        return bytes.fromhex(_MARKS.sub("", body)).decode("utf-16-be", "replace")
    if kind in (3, 4):
        raw = bytes.fromhex(_MARKS.sub("", body))
        try:
            return raw.decode()
        except UnicodeDecodeError:
            return raw.decode("latin-1")
    if kind in (2, 7):
        return _code_point(int(body, 16))
    if kind == 6:
        return chr(int(body, 8))
    if kind == 8:
        return _code_point(int(body))
    if kind == 9:
        return html.unescape(match[0])
    return _SHORT[body]


MAX_ROUNDS: Final = 3  # escapes inside escapes: JSON in JSON in a URL is three


def unescape(text: str) -> str:
    """Undo JSON, C, octal, URL and HTML escapes, also of escapes, up to `MAX_ROUNDS` deep."""
    for _ in range(MAX_ROUNDS):
        if "\\" not in text and "%" not in text and "&" not in text:
            break
        plain = _ESCAPED_RUN.sub(_undo_run, text)
        if plain == text:
            break
        text = plain
    return text


_WORDS: Final = {
    "0": "zero oh nought naught null zéro zero cero cipher nil mreb zwo0 nul",
    "1": "one eins ein un une uno una bar um",
    "2": "two zwei zwo deux dos due dois gjb",
    "3": "three drei trois tres tre três guerr",
    "4": "four vier quatre cuatro quattro quatro sbhe",
    "5": "five fünf fuenf funf cinq cinco cinque svir",
    "6": "six sechs seis sei fvk",
    "7": "seven sieben sept siete sette sete frira",
    "8": "eight acht huit ocho otto oito rvtug",
    "9": "nine neun neuf nueve nove niner avar",
}
_DIGIT_OF: Final = {word: digit for digit, words in _WORDS.items() for word in words.split()}
NUMBER_WORDS: Final = tuple(sorted(_DIGIT_OF, key=lambda word: (-len(word), word)))
REPEATS: Final = {"double": 2, "doppel": 2, "doble": 2, "triple": 3, "treble": 3, "quadruple": 4}
FILLERS: Final = (
    "and",
    "then",
    "followed",
    "by",
    "dash",
    "hyphen",
    "space",
    "comma",
    "next",
    "und",
    "et",
    "y",
    "point",
)


def _tree(words: list[str]) -> str:
    """An expression for any of `words`, in either case, that looks at each character once."""
    rest: dict[str, list[str]] = {}
    for word in words:
        if word:
            rest.setdefault(word[0], []).append(word[1:])
    branches = [f"[{char}{char.upper()}]{_tree(ends)}" for char, ends in sorted(rest.items())]
    if not branches:
        return ""
    return f"(?:{'|'.join(branches)}){'?' if '' in words else ''}"


_ONE_WORD: Final = re.compile("|".join(NUMBER_WORDS))
# A token that is a number word, or several glued together: asking about every token takes twice
# as long.
_ANY: Final = _tree([word for word in NUMBER_WORDS if word.isalpha()])
_SPOKEN: Final = re.compile(rf"(?<![A-Za-z\xc0-\xff]){_ANY}+(?![A-Za-z\xc0-\xff])")
_REPEATED: Final = re.compile(rf"(?i)(?<![a-z])({'|'.join(REPEATS)})[\s-]*([0-9])(?![0-9])")
_FILLER: Final = re.compile(
    rf"(?i)(?<=[0-9])[^0-9a-z]{{0,4}}(?:(?:{'|'.join(FILLERS)})[^0-9a-z]{{0,4}})(?=[0-9])"
)
MIN_SPOKEN: Final = 5  # words in a text before its spoken digits are believed without more context


def spoken(text: str) -> tuple[str, int]:
    """Spelled-out digits (en, de, fr, es, it, pt and rot13 of en) as digits; how many words there were."""
    count = 0

    def digits(match: re.Match[str]) -> str:
        nonlocal count
        word = match[0].lower()
        digit = _DIGIT_OF.get(word)
        if digit is not None:
            count += 1
            return digit
        if len(word) < 5:
            return match[0]
        parts = _ONE_WORD.findall(word)
        count += len(parts)
        return "".join([_DIGIT_OF[part] for part in parts])

    plain = _SPOKEN.sub(digits, text)
    if not count:
        return text, 0
    lower = plain.lower()
    if any(word in lower for word in REPEATS):
        plain = _REPEATED.sub(lambda m: m[2] * REPEATS[m[1].lower()], plain)
    return _FILLER.sub(" ", plain), count


_LOOKALIKE: Final = str.maketrans("OoQDIlLi|!SsBbGgq", "00001111115586699")
_LOOKALIKE_TOKEN: Final = re.compile(r"(?<![A-Za-z0-9])[0-9OoQDIlLi|!SsBbGgq]+(?![A-Za-z0-9])")
_ALL_LETTERS: Final = re.compile(r"[OoQDIl|]{2,}")


_ALIKE_CHAR: Final = r"[0-9OoQDIlLi|!SsBbGgq]"
_CHAIN: Final = re.compile(
    rf"(?<![A-Za-z0-9]){_ALIKE_CHAR}(?:[^0-9A-Za-z|!]{{0,10}}{_ALIKE_CHAR}){{12,}}(?![A-Za-z0-9])"
)


def unmask(text: str) -> str | None:
    """Tokens in which letters stand for digits (O for 0, l for 1 ...) rewritten; None if there are none."""
    changed = False

    def digits(match: re.Match[str]) -> str:
        nonlocal changed
        token = match[0]
        if token.isdigit() or (
            not any("0" <= char <= "9" for char in token) and not _ALL_LETTERS.fullmatch(token)
        ):
            return token
        changed = True
        return token.translate(_LOOKALIKE)

    def chain(match: re.Match[str]) -> str:
        return match[0] if match[0].isdigit() else _LOOKALIKE_TOKEN.sub(digits, match[0])

    out = _CHAIN.sub(chain, text)
    return out if changed else None
