"""The detectors: one text in, the values found in it out, with their places.

A detector runs only if its bit is in `reasons`; with all bits set it runs on anything. Text is whatever
a view gives: raw bytes as Latin-1 (so that places are byte offsets), or a normalised or decoded text.

Not handled here: where texts come from (`scanner`), card numbers (`digits`), secrets (`secrets`).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Final, NamedTuple

import hyperscan

from maso.scan import validators
from maso.scan.digits import cards
from maso.scan.first import Reason, compile_patterns
from maso.scan.secrets import ISSUED_PATTERNS, NAMES, issued_at, named_at
from maso.scan.signals import Kind


class Hit(NamedTuple):
    """One value found: `value` without separators, for comparing the same value in two texts."""

    kind: int
    value: str
    start: int
    end: int
    how: str = ""


_NOT_ALNUM: Final = re.compile(r"[^0-9A-Za-z]+")

_CVV: Final = re.compile(
    r"(?i)(?:(?<![a-z])(?:cvv2?|cvc2?|cvn2?|csc|cav2|card verification (?:value|code|number)"
    r"|card security code|security code|(?:three|four|3|4)[ -]?digits? (?:code )?on (?:the )?(?:back|front)"
    r"|code on (?:the )?(?:back|front)[a-z ]{0,16})|(?<![a-z])cid(?=[^a-z]))"
    r"(?:(?![a-z]{0,9}[0-9])[^0-9]){0,32}?[^0-9A-Za-z.]([0-9]{3,4})(?![0-9]|\.[0-9]|-[0-9])"
)
_CID: Final = re.compile(r"(?i)cid")
_CARDISH: Final = re.compile(r"(?i)card|amex|american express|(?<![a-z])exp|visa|cvv|payment")


def _cvv(text: str) -> Iterator[Hit]:
    for match in _CVV.finditer(text):
        if _CID.match(match[0]) and not _CARDISH.search(text):
            continue
        yield Hit(Kind.CVV, match[1], match.start(1), match.end(1))


_IBAN: Final = re.compile(
    r"(?<![0-9A-Za-z])(?:[A-Za-z]{2}[0-9]{2}[0-9A-Za-z]{11,30}"
    r"|(?<!-)[A-Za-z]{2}[0-9]{2}(?:[^0-9A-Za-z]{1,4}[0-9A-Za-z]{4}){2,7}(?:[^0-9A-Za-z]{1,4}[0-9A-Za-z]{1,3}(?![0-9A-Za-z]))?"
    r"|(?<!-)[A-Z]{2}[^0-9A-Za-z]{0,4}[0-9]{2}(?:[^0-9A-Za-z]{0,4}[0-9A-Z]){11,30})"
)


def _iban(text: str) -> Iterator[Hit]:
    at = 0
    while match := _IBAN.search(text, at):
        at = match.start() + 2
        places = [i for i in range(match.start(), match.end()) if text[i].isalnum() and text[i].isascii()]
        size = validators.IBAN_LENGTHS.get(text[places[0]].upper() + text[places[1]].upper(), 99)
        if size <= len(places):
            compact = "".join(text[i] for i in places[:size]).upper()
            if validators.is_iban(compact):
                at = places[size - 1] + 1
                yield Hit(Kind.IBAN, compact, match.start(), at)


_SSN_MARKED: Final = re.compile(
    r"(?<![0-9A-Za-z.-])([0-9]{3})([-. ])([0-9]{2})\2([0-9]{4})(?![0-9A-Za-z]|[-.][0-9])"
)
_SSN_WORD: Final = re.compile(r"(?i)(?<![a-z])ssn|social.{0,3}sec|tax.{0,3}id|(?<![a-z])i?tin(?![a-z])")
_SSN_HINTS: Final = ("ssn", "social", "tax", "tin")
_SSN_PLAIN: Final = re.compile(r"(?<![0-9A-Za-z.-])[0-9]{9}(?![0-9A-Za-z]|[-.][0-9])")
SSN_REACH: Final = 48  # characters between the word and the number


def _ssn_marked(text: str) -> Iterator[Hit]:
    words: list[int] | None = None
    for match in _SSN_MARKED.finditer(text):
        digits = match[1] + match[3] + match[4]
        if not validators.is_ssn(digits):
            continue
        if match[2] != "-":
            words = words if words is not None else [m.end() for m in _SSN_WORD.finditer(text)]
            if not any(0 <= match.start() - end <= SSN_REACH for end in words):
                continue
        yield Hit(Kind.NATIONAL_ID, digits, match.start(), match.end())


def _ssn_plain(text: str, lower: str) -> Iterator[Hit]:
    if not any(part in lower for part in _SSN_HINTS):
        return
    for word in _SSN_WORD.finditer(text):
        near = _SSN_PLAIN.search(text, word.end(), word.end() + SSN_REACH + 9)
        if near and validators.is_ssn(near[0]):
            yield Hit(Kind.NATIONAL_ID, near[0], near.start(), near.end())


# Forms with a check digit or a rare enough shape, believed without context:
_ALONE: Final[tuple[tuple[re.Pattern[str], Callable[[str], bool]], ...]] = (
    (
        re.compile(
            r"(?<![0-9A-Za-z])[A-CEGHJ-PR-TW-Z][A-CEGHJ-NPR-TW-Z] ?[0-9]{2} ?[0-9]{2} ?[0-9]{2} ?[A-D]"
            r"(?![0-9A-Za-z])"
        ),
        validators.is_nino,
    ),
    (
        re.compile(r"(?<![0-9A-Za-z])[A-Z]{6}[0-9]{2}[A-EHLMPRST][0-9]{2}[A-Z][0-9]{3}[A-Z](?![0-9A-Za-z])"),
        validators.is_codice_fiscale,
    ),
    (re.compile(r"(?<![0-9])[0-9]{3}\.[0-9]{3}\.[0-9]{3}-[0-9]{2}(?![0-9])"), validators.is_cpf),
    (re.compile(r"(?<![0-9A-Za-z])[1-6][0-9]{16}[0-9X](?![0-9A-Za-z])"), validators.is_china_id),
)
_D: Final = r"(?<![0-9A-Za-z])"
_E: Final = r"(?![0-9A-Za-z])"
# With a check digit, but so short that the message must name the document within `ID_REACH` before it:
_NAMED: Final[tuple[tuple[str, str, Callable[[str], bool]], ...]] = (
    (
        r"(?<![a-z])dni(?![a-z])|(?<![a-z])nie(?![a-z])|(?<![a-z])nif(?![a-z])",
        r"(?:[0-9]{8}|[XYZ][0-9]{7})[- ]?[A-Z]",
        validators.is_dni,
    ),
    (
        r"insee|(?<![a-z])nir(?![a-z])|s.curit. soc|(?<![a-z])s.cu(?![a-z])",
        r"[12](?:[ .]?[0-9]){14}",
        validators.is_insee,
    ),
    (r"(?<![a-z])cpf(?![a-z])", r"[0-9]{11}", validators.is_cpf),
    (r"steuer|tax.{0,3}id|tax.{0,3}num", r"[1-9](?:[ .]?[0-9]){10}", validators.is_steuer_id),
    (r"aadha", r"[2-9][0-9]{3}[ -]?[0-9]{4}[ -]?[0-9]{4}", validators.is_aadhaar),
    (r"pesel", r"[0-9]{11}", validators.is_pesel),
    (r"(?<![a-z])bsn|burgerservice", r"[0-9]{9}", validators.is_bsn),
    (r"(?<![a-z])nhs", r"[0-9]{3}[ -]?[0-9]{3}[ -]?[0-9]{4}", validators.is_nhs),
    (r"nric|(?<![a-z])fin(?![a-z])", r"[STFG][0-9]{7}[A-Z]", validators.is_nric),
    (r"personnummer", r"(?:[0-9]{2})?[0-9]{6}[-+]?[0-9]{4}", lambda compact: validators.luhn(compact[-10:])),
    (r"social insurance|(?<![a-z])sin(?![a-z])", r"[0-9]{3}[ -]?[0-9]{3}[ -]?[0-9]{3}", validators.luhn),
)
ID_REACH: Final = 40  # characters between the name of the document and its number


def _hints(word: str) -> tuple[str, ...]:
    """Literal parts, one of which a text must hold before the expression is tried: ten times cheaper."""
    literal = [re.sub(r"\(\?[^)]*\)|\[[^]]*\]", " ", branch) for branch in word.split("|")]
    return tuple(max(re.findall("[a-z]{2,}", branch), key=len) for branch in literal)


_NAMED_RX: Final = tuple(
    (_hints(word), re.compile("(?i)" + word), re.compile(rf"{_D}{shape}{_E}"), check)
    for word, shape, check in _NAMED
)


def _unnamed_ids(text: str) -> Iterator[Hit]:
    """Numbers that are believed by their form and check digit."""
    yield from _ssn_marked(text)
    for shape, check in _ALONE:
        for match in shape.finditer(text):
            compact = _NOT_ALNUM.sub("", match[0])
            if check(compact):
                yield Hit(Kind.NATIONAL_ID, compact, match.start(), match.end())


def _named_ids(text: str) -> Iterator[Hit]:
    """Numbers that the text calls by the name of a document."""
    lower = text.lower()
    yield from _ssn_plain(text, lower)
    for hint, word, shape, check in _NAMED_RX:
        if not any(part in lower for part in hint):
            continue
        for name in word.finditer(text):
            near = shape.search(text, name.end(), name.end() + ID_REACH + 24)
            if near and near.start() - name.end() <= ID_REACH:
                compact = _NOT_ALNUM.sub("", near[0])
                if check(compact):
                    yield Hit(Kind.NATIONAL_ID, compact, near.start(), near.end())


_EMAIL: Final = re.compile(
    r"[A-Za-z0-9_.+%-]{1,64}@(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.){1,8}[A-Za-z]{2,24}"
)
_LOCAL: Final = re.compile(r"[A-Za-z0-9_.+%\x80-\xff-]")


def _email(text: str) -> Iterator[Hit]:
    at = text.find("@")
    done = 0
    while at >= 0:
        start = at
        while start > max(done, at - 64) and _LOCAL.match(text, start - 1):
            start -= 1
        if start < at and text[start - 1 : start] == "\\":
            start += 1  # the letter of a JSON escape
        match = _EMAIL.match(text, start)
        if match:
            done = match.end()
            yield Hit(Kind.EMAIL, match[0].lower(), start, done)
        at = text.find("@", at + 1)


_PHONE_PLUS: Final = re.compile(
    r"(?<![0-9A-Za-z+])\+ ?[1-9](?:[ .()/-]{0,4}[0-9]){6,14}(?![0-9])(?: ?(?:x|ext\.?) ?[0-9]{1,5})?"
)
_PHONE_NANP: Final = re.compile(
    r"(?<![0-9A-Za-z.$-])(?:1[ .-])?(?:\([2-9][0-9]{2}\)|[2-9][0-9]{2})[ .-]{1,2}[2-9][0-9]{2}[ .-][0-9]{4}"
    r"(?: ?(?:x|ext\.?) ?[0-9]{1,5})?(?![0-9A-Za-z]|[.-][0-9])"
)
_PHONE_EXIT: Final = re.compile(r"(?<![0-9A-Za-z.-])00[1-9](?:[ .()/-]{1,3}[0-9]{1,4}){2,6}(?![0-9A-Za-z])")
_PHONE_NAMED: Final = re.compile(
    r"(?i)(?<![a-z])(?:tele)?(?:phone|tel(?:efon[oe]?)?|t.{1,6}?l.{1,6}?phone|mobil[ey]?|cell|handy|m(?:..?|\\u00..)vil|celular|call|fax|whatsapp"
    r"|contact|rufnummer|dial)[^0-9+(]{0,32}"
    r"(\+?\(?[0-9](?:[ .()/-]{0,4}[0-9]){6,14}(?: ?(?:x|ext\.?) ?[0-9]{1,5})?)(?![0-9A-Za-z]|[.-][0-9])"
)
_DATE: Final = re.compile(r"(?:19|20)[0-9]{2}-[01][0-9]-[0-3][0-9]|[0-3]?[0-9][./][01]?[0-9][./](?:19|20)")
_NOT_PHONE: Final = re.compile(
    r"(?i)(?<![a-z])(?:order|ticket|case|tracking|invoice|ref|id|number #|sku|batch|zip)"
)
MIN_PHONE_DIGITS: Final = 7


def _phone(text: str) -> Iterator[Hit]:
    taken: list[tuple[int, int]] = []
    for shape, group in ((_PHONE_NAMED, 1), (_PHONE_PLUS, 0), (_PHONE_NANP, 0), (_PHONE_EXIT, 0)):
        for match in shape.finditer(text):
            start, end = match.span(group)
            if any(a < end and start < b for a, b in taken):
                continue
            value = match[group]
            if _DATE.match(value) or (group and _NOT_PHONE.search(match[0][: start - match.start()])):
                continue
            digits = _NOT_ALNUM.sub("", value)
            if len(digits) >= MIN_PHONE_DIGITS:
                taken.append((start, end))
                yield Hit(Kind.PHONE, digits, start, end)


# Plain integers: an operation on enum flags costs 1 us.
_CARDS: Final = int(Reason.CARD | Reason.SPREAD)
_CONTEXT: Final = int(Reason.CONTEXT)
_PHONES: Final = int(Reason.PHONE)
_SECRETS: Final = int(Reason.SECRET)
_SIMPLE: Final[tuple[tuple[int, Callable[[str], Iterator[Hit]]], ...]] = (
    (int(Reason.CVV), _cvv),
    (int(Reason.IBAN), _iban),
    (int(Reason.NATIONAL_ID), _unnamed_ids),
    (int(Reason.ID_WORD), _named_ids),
    (int(Reason.EMAIL), _email),
)


class Detectors:
    """The detectors with their compiled databases. One per thread, as the first pass."""

    __slots__ = ("_scan", "_scratch")

    def __init__(self) -> None:
        names = tuple((name, hyperscan.HS_FLAG_CASELESS) for name in NAMES)
        database, self._scratch = compile_patterns(ISSUED_PATTERNS + names, hyperscan.HS_FLAG_SOM_LEFTMOST)
        self._scan = database.scan

    def find(self, text: str, reasons: int, *, sure: bool = False, near: bool = False) -> list[Hit]:
        """Values in `text` of the kinds that `reasons` (bits of `first.Reason`) allows."""
        hits: list[Hit] = []
        if reasons & _CARDS:
            found = cards(text, context=bool(reasons & _CONTEXT), sure=sure, near=near)
            hits += [Hit(Kind.PAN, f.value, f.start, f.end, f.how) for f in found]
        for bits, detector in _SIMPLE:
            if reasons & bits:
                hits += detector(text)
        if reasons & _PHONES:
            hits += [hit for hit in _phone(text) if not _covered(hit, hits)]
        if reasons & _SECRETS:
            hits += self._secrets(text)
        return hits

    def _secrets(self, text: str) -> list[Hit]:
        seen: set[tuple[int, int]] = set()

        def collect(pattern: int, start: int, end: int, flags: int, context: object) -> None:
            seen.add((start, pattern))

        self._scan(text.encode("latin-1", "replace"), collect, 0, None, self._scratch)
        hits: list[Hit] = []
        done = -1
        for start, pattern in sorted(seen):
            if start < done:
                continue
            issued = pattern < len(ISSUED_PATTERNS)
            span = issued_at(pattern, text, start) if issued else named_at(text, start)
            if span is not None and span[1] > done:
                done = span[1]
                hits.append(Hit(Kind.SECRET, text[span[0] : span[1]].replace("\\", ""), span[0], span[1]))
        return hits


def _covered(hit: Hit, hits: list[Hit]) -> bool:
    return any(other.start < hit.end and hit.start < other.end for other in hits)
