"""Ways of writing a card number so that a pattern does not see it; each gives the messages of one session."""

from __future__ import annotations

import base64
import gzip
import zlib
from collections.abc import Callable
from typing import Final
from urllib.parse import quote

from tests.scan.values import grouped

Evasion = Callable[[str], list[str]]

WORDS: Final = {
    "en": "zero one two three four five six seven eight nine",
    "de": "null eins zwei drei vier fünf sechs sieben acht neun",
    "fr": "zéro un deux trois quatre cinq six sept huit neuf",
    "es": "cero uno dos tres cuatro cinco seis siete ocho nueve",
    "oh": "oh one two three four five six seven eight nine",
    "rot13": "mreb bar gjb guerr sbhe svir fvk frira rvtug avar",
}
CIRCLED: Final = "⓪①②③④⑤⑥⑦⑧⑨"
SUPERSCRIPT: Final = "⁰¹²³⁴⁵⁶⁷⁸⁹"


def _in(text: str) -> list[str]:
    return [f"The credit card they gave me: {text} - please book it."]


def _said(number: str, language: str, separator: str = " ") -> list[str]:
    words = WORDS[language].split()
    return _in(separator.join(words[int(digit)] for digit in number))


def _from(zero: int) -> Callable[[str], list[str]]:
    return lambda number: _in("".join(chr(zero + int(digit)) for digit in number))


def _b64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _doubled(number: str) -> list[str]:
    words, out, at = WORDS["en"].split(), [], 0
    while at < len(number):
        pair = number[at : at + 2]
        same = len(pair) == 2 and pair[0] == pair[1]
        out.append(("double " if same else "") + words[int(number[at])])
        at += 2 if same else 1
    return _in(" ".join(out))


def _mixed(number: str) -> list[str]:
    words = WORDS["en"].split()
    return _in(" ".join(words[int(d)] if i % 2 else d for i, d in enumerate(number)))


def _cut(number: str, size: int) -> list[str]:
    return [number[at : at + size] for at in range(0, len(number), size)]


EVASIONS: Final[dict[str, Evasion]] = {
    "dashes": lambda n: _in(grouped(n, "-")),
    "dots": lambda n: _in(".".join(n)),
    "spaces": lambda n: _in(" ".join(n)),
    "slashes": lambda n: _in(grouped(n, "/")),
    "newlines": lambda n: _in(grouped(n, "\n")),
    "stars": lambda n: _in(grouped(n, "_*_")),
    "emoji": lambda n: _in(grouped(n, " 🔹 ")),
    "letters between": lambda n: _in(grouped(n, "x")),
    "json list": lambda n: _in("[" + ",".join(n) + "]"),
    "json strings": lambda n: _in('["' + grouped(n, '", "') + '"]'),
    "words between": lambda n: _in("begins " + grouped(n, " and after that ")),
    "labels": lambda n: _in("; ".join(f"part{i}={p}" for i, p in enumerate(grouped(n, " ").split(), 1))),
    "ordinals": lambda n: (
        _in(" ".join(f"{i}) {p}" for i, p in enumerate(grouped(n, " ").split(), 1)))
        if len(n) > 13
        else _in(n)
    ),
    "backwards": lambda n: _in(n[::-1]),
    "shifted": lambda n: _in("(add 3 to each digit: +3) " + "".join(str((int(d) + 3) % 10) for d in n)),
    "expiry glued": lambda n: _in(n + "1227") if len(n) == 16 else _in(n),
    "base64": lambda n: _in(_b64(n.encode())),
    "base64 message": lambda n: [_b64(f"charge {n} today".encode())],
    "base64 twice": lambda n: _in(_b64(_b64(n.encode()).encode())),
    "base64 in hex": lambda n: _in(_b64(n.encode()).encode().hex()),
    "base32": lambda n: _in(base64.b32encode(n.encode()).decode()),
    "hex": lambda n: _in(n.encode().hex()),
    "hex bytes": lambda n: _in(" ".join(f"0x{b:02x}" for b in n.encode())),
    "url": lambda n: _in("".join(f"%{b:02X}" for b in n.encode())),
    "url twice": lambda n: _in(quote("".join(f"%{b:02X}" for b in n.encode()))),
    "html": lambda n: _in("".join(f"&#{b};" for b in n.encode())),
    "html hex": lambda n: _in("".join(f"&#x{b:x};" for b in n.encode())),
    "json escapes": lambda n: _in("".join(f"\\u{b:04x}" for b in n.encode())),
    "one json escape": lambda n: _in(n[:5] + f"\\u{ord(n[5]):04x}" + n[6:]),
    "gzip": lambda n: _in(_b64(gzip.compress(f"card {n}".encode(), mtime=0))),
    "zlib": lambda n: _in(_b64(zlib.compress(f"card {n} card {n}".encode()))),
    "character codes": lambda n: _in(", ".join(str(b) for b in n.encode())),
    "bits": lambda n: _in(" ".join(f"{b:08b}" for b in n.encode())),
    "full width": _from(0xFF10),
    "arabic": _from(0x660),
    "devanagari": _from(0x966),
    "math bold": _from(0x1D7CE),
    "segmented": _from(0x1FBF0),
    "circled": lambda n: _in("".join(CIRCLED[int(d)] for d in n)),
    "superscript": lambda n: _in("".join(SUPERSCRIPT[int(d)] for d in n)),
    "keycaps": lambda n: _in("".join(d + "\ufe0f\u20e3" for d in n)),
    "zero width": lambda n: _in("\u200b".join(n)),
    "soft hyphen": lambda n: _in("\xad".join(n)),
    "word joiner": lambda n: _in("\u2060".join(n)),
    "letters for digits": lambda n: _in(n.replace("0", "O").replace("1", "l").replace("5", "S")),
    "cyrillic": lambda n: _in(n.replace("0", "О").replace("3", "З")),
    "english": lambda n: _said(n, "en"),
    "english dashes": lambda n: _said(n, "en", "-"),
    "oh": lambda n: _said(n, "oh"),
    "german": lambda n: _said(n, "de"),
    "french": lambda n: _said(n, "fr"),
    "spanish": lambda n: _said(n, "es"),
    "rot13": lambda n: _said(n, "rot13"),
    "double": _doubled,
    "words and digits": _mixed,
    "two halves": lambda n: [f"first half is {n[: len(n) // 2]}", f"and the second half {n[len(n) // 2 :]}"],
    "four segments": lambda n: [f"segment {chr(97 + i)} {p}" for i, p in enumerate(grouped(n, " ").split())],
    "with noise": lambda n: [m for p in grouped(n, " ").split() for m in (f"value {p}", "fine, go on")],
    "digit by digit": list,
}
