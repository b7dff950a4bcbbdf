"""Card numbers in a text: digit groups, the gaps between them, and the evidence that each shape needs.

A random run of the right length passes prefix and check digit about 3 times in 100, so a shape is
believed only as far as honest text does not produce it. In falling order of belief:

1. one run of 13 to 19 digits, not inside a longer token of letters and digits, not a decimal fraction;
2. groups as cards are printed (4-4-4-4, 4-6-5, 4-6-4 ...) or single digits, with one and the same
   short gap without letters, and no further group continuing the pattern;
3. any other grouping with short gaps; groups as printed with words between; one run backwards; a run
   with every digit shifted by a stated number: only where the message speaks of cards close by.

Not handled: a number inside a run longer than 19 digits, unless the rest can be an expiry date or a CVV
and the message speaks of cards; gaps longer than `LOOSE_GAP`; groups shuffled.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final, NamedTuple

from maso.scan.validators import PLAN_STARTS, is_card

TIGHT_GAP: Final = 10  # characters: an emoji is 4 bytes, with spaces and quotes around it 8
LOOSE_GAP: Final = 40  # characters: "... followed by the next group which is "
REACH: Final = 120  # characters: a sentence or a few JSON fields between the word "card" and the number
SHORT_REACH: Final = 48  # for runs that are only cards backwards: any 16-digit reference is one in 30
MIN_DIGITS: Final = 13
MAX_DIGITS: Final = 19

_GROUP: Final = re.compile(r"[0-9]+")
_LETTERS: Final = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz")
_LETTER: Final = re.compile(r"[A-Za-z]")
_NEEDS_WORDS: Final = re.compile(r"[,|;:\[\]{}\"()]")
_PRINTED: Final = frozenset(
    [(4, 6, 5), (4, 6, 4), (4, 5, 6), (4, 4, 5), (5, 5, 5), (5, 5, 6), (4, 4, 8), (8, 4, 4)]
    + [(6, 7), (6, 10), (6, 13), (8, 8), (4, 12)]
    + [(4, 4, 4, n) for n in (1, 2, 3, 4)]
    + [(4, 4, 4, 4, n) for n in (1, 2, 3)]
)
# With words between, only the commonest: dates, ids and amounts in a row make the others by chance.
_PRINTED_APART: Final = frozenset(
    [(4, 6, 5), (4, 6, 4), (8, 8)]
    + [(4, 4, 4, n) for n in (1, 2, 3, 4)]
    + [(4, 4, 4, 4, n) for n in (1, 2, 3)]
)
# Every beginning of a printed grouping: a walk over groups stops at the first that is none.
_BEGINNINGS: Final = frozenset(sizes[:n] for sizes in _PRINTED for n in range(1, len(sizes) + 1))
_JOINTS: Final = frozenset("-./:,+")
_FIRST_SIZES: Final = frozenset({1} | {sizes[0] for sizes in _PRINTED})
CONTEXT: Final = re.compile(
    r"(?i)card|carte|karte|tarjeta|carta\b|kreditk|(?<![a-z])pan(?![a-z])|visa|master|amex|american express"
    r"|diners|discover|jcb|unionpay|maestro|rupay|credit|debit|payment|charge|(?<![a-z])cc(?![a-z])|cvv|cvc|billing"
    r"|expir|(?<![a-z])exp(?![a-z])"
)
_SHIFT: Final = re.compile(
    r"(?i)(?:digit|number|figure|shift|caesar|rot|add|plus|minus|subtract|increment|offset)[^0-9+-]{0,24}([+-]?)\s?([1-9])(?![0-9])"
)


class Found(NamedTuple):
    """A card number: its digits, where its text lies, and the way it was written ("" for plainly)."""

    value: str
    start: int
    end: int
    how: str


Group = tuple[int, int]
Stretch = tuple[list[Group], str]


def cards(text: str, *, context: bool = True, sure: bool = False, near: bool = False) -> list[Found]:
    """All card numbers in `text`.

    `context`: the text may speak of cards (False saves looking). `sure`: the caller knows that it is about
    a card number. `near`: no words between groups.
    """
    groups = [m.span() for m in _GROUP.finditer(text)]
    if sum([end - start for start, end in groups]) < MIN_DIGITS:
        return []
    every = _stretches(text, groups)
    stretches = [s for s in every if sum([end - start for start, end in s[0]]) <= MAX_DIGITS]
    found = [*_runs(text, groups), *_printed(text, stretches)]
    for members, gap in every:
        found += _several(text, members, gap)
    if context or sure:
        weak = [f for f in _weak(text, groups, stretches, near) if not _overlaps(f, found)]
        found += weak if sure or not weak else _near_card_words(text, weak)
    return _without_inner(found)


def _near_card_words(text: str, weak: list[Found]) -> list[Found]:
    """Only finds with a card word within `REACH` characters."""
    return [f for f in weak if CONTEXT.search(text[max(0, f.start - _reach(f)) : f.end + _reach(f)])]


def _reach(found: Found) -> int:
    return SHORT_REACH if found.how in ("reversed", "shifted digits") else REACH


def _overlaps(one: Found, others: list[Found]) -> bool:
    return any(one.start < other.end and other.start < one.end for other in others)


def _without_inner(found: list[Found]) -> list[Found]:
    """Drop what lies inside a longer find, keep the first of two finds of the same place."""
    if len(found) < 2:
        return found
    kept: list[Found] = []
    for f in sorted(found, key=lambda f: (f.start - f.end, f.start)):
        if not any(k.start <= f.start and f.end <= k.end for k in kept):
            kept.append(f)
    return sorted(kept, key=lambda f: f.start)


def _runs(text: str, groups: list[Group]) -> Iterator[Found]:
    """One run of 13 to 19 digits."""
    for index, (start, end) in enumerate(groups):
        if (
            MIN_DIGITS <= end - start <= MAX_DIGITS
            and is_card(text[start:end])
            and not _in_token(text, groups, index)
        ):
            yield Found(text[start:end], start, end, "")


def _in_token(text: str, groups: list[Group], index: int) -> bool:
    """A part of a longer token (tracking number, hash), or of a decimal fraction."""
    start, end = groups[index]
    left = start
    while left > 0 and text[left - 1].isalnum() and text[left - 1].isascii():
        left -= 1
    right = end
    while right < len(text) and text[right].isalnum() and text[right].isascii():
        right += 1
    around = text[left:start] + text[end:right]
    if any("0" <= char <= "9" for char in around):
        return True
    if index and text[start - 1] == "." and groups[index - 1][1] == start - 1:
        return groups[index - 1][1] - groups[index - 1][0] <= 3
    return False


def _stretches(text: str, groups: list[Group]) -> list[Stretch]:
    """Maximal sequences of two groups or more with one and the same short gap, of 13 digits or more."""
    stretches: list[Stretch] = []
    first = 0
    gap: str | None = None
    total = 0
    for index in range(1, len(groups) + 1):
        between: str | None = None
        if index < len(groups):
            left, right = groups[index - 1][1], groups[index][0]
            between = text[left:right] if right - left <= TIGHT_GAP else None
        if between is not None and between == gap:
            total += groups[index][1] - groups[index][0]
            continue
        if gap is not None and total >= MIN_DIGITS:
            stretches.append((groups[first:index], gap))
        first, gap = index - 1, between
        if between is not None:
            total = groups[index - 1][1] - groups[index - 1][0] + groups[index][1] - groups[index][0]
    return stretches


def _digits(text: str, groups: list[Group]) -> str:
    return "".join([text[start:end] for start, end in groups])


def _printed(text: str, stretches: list[Stretch]) -> Iterator[Found]:
    """Printed groupings and single digits with one repeated gap: believed without context."""
    for groups, gap in stretches:
        sizes = tuple([end - start for start, end in groups])
        if _LETTER.search(gap):
            continue
        if max(sizes) == 1 or (sizes in _PRINTED and not _NEEDS_WORDS.search(gap)):
            digits = _digits(text, groups)
            if is_card(digits):
                yield Found(digits, groups[0][0], groups[-1][1], "separators")


def _several(text: str, groups: list[Group], gap: str) -> list[Found]:
    """Card numbers with other numbers before, between or after them, all with the same gap.

    One group of four digits that belongs to no card, and it is taken for a table of such numbers.
    """
    if len(groups) < 3 or _LETTER.search(gap) or _NEEDS_WORDS.search(gap):
        return []
    found: list[Found] = []
    at = 0
    while at < len(groups):
        for size in (5, 4, 3, 1):
            members = groups[at : at + size]
            sizes = tuple([end - start for start, end in members])
            if (sizes in _PRINTED or (size == 1 and sizes[0] >= MIN_DIGITS)) and is_card(
                _digits(text, members)
            ):
                found.append(Found(_digits(text, members), members[0][0], members[-1][1], "separators"))
                at += size
                break
        else:
            if groups[at][1] - groups[at][0] == 4 and not _of_another(text, groups[at]):
                return []
            at += 1
    return found


def _of_another(text: str, group: Group) -> bool:
    """The end of a number written with other separators, as 6780 in `123-45-6780 4111`, or a start."""
    before, after = text[max(0, group[0] - 2) : group[0]], text[group[1] : group[1] + 2]
    return (before[:1].isdigit() and before[1:] in _JOINTS) or (after[1:].isdigit() and after[:1] in _JOINTS)


def _weak(text: str, groups: list[Group], stretches: list[Stretch], near: bool) -> Iterator[Found]:
    """Shapes that only count where the message speaks of cards."""
    for members, gap in stretches:
        if len(gap) > 3 and _LETTER.search(gap):  # words; `4111x1111x1111x1111` is meant here
            continue
        if gap != "." or len(members) > 2:  # two groups with a point: a decimal fraction
            digits = _digits(text, members)
            if is_card(digits):
                yield Found(digits, members[0][0], members[-1][1], "separators")
    yield from _walks(text, groups, near)
    yield from _long_runs(text, groups)
    yield from _turned(text, groups, stretches)


def _walks(text: str, groups: list[Group], near: bool) -> Iterator[Found]:
    """Printed groupings or single digits with any gaps; ordinals and labels may be skipped."""
    how = "separators" if near else "words between"
    plain = [g for g in groups if not _touches_letter(text, g)]
    longer = [g for g in plain if g[1] - g[0] >= 3]
    for kept in (plain, longer) if len(longer) < len(plain) else (plain,):
        for first in range(len(kept) - 1):
            size = kept[first][1] - kept[first][0]
            if size not in _FIRST_SIZES or text[kept[first][0]] in "017":  # dates, times, prices
                continue
            if size == 1 and kept[first + 1][1] - kept[first + 1][0] > 1:
                continue
            for last in _steps(text, kept, first, near):
                digits = _digits(text, kept[first : last + 1])
                if is_card(digits):
                    yield Found(digits, kept[first][0], kept[last][1], how)


def _touches_letter(text: str, group: Group) -> bool:
    """Part of a word or an identifier, or a label as in `part1=`."""
    start, end = group
    return (start > 0 and text[start - 1] in _LETTERS) or (end < len(text) and text[end] in _LETTERS)


def _steps(text: str, groups: list[Group], first: int, near: bool) -> Iterator[int]:
    """Indices at which a printed grouping or a sequence of single digits from `first` may end."""
    start, end = groups[first]
    size = end - start
    following = groups[first + 1]
    lead = text[start : start + 2] if size > 1 else text[start] + text[following[0]]
    if lead not in PLAN_STARTS:
        return
    sizes: tuple[int, ...] = (size,)
    total = size
    for last in range(first + 1, len(groups)):
        if sizes not in _BEGINNINGS and max(sizes) > 1:
            return
        gap = text[groups[last - 1][1] : groups[last][0]]
        if len(gap) > (TIGHT_GAP if near else LOOSE_GAP) or (near and _LETTER.search(gap)):
            return
        size = groups[last][1] - groups[last][0]
        sizes = (*sizes, size)
        total += size
        if total > MAX_DIGITS:
            return
        if total >= MIN_DIGITS and (sizes in (_PRINTED if near else _PRINTED_APART) or max(sizes) == 1):
            yield last


def _long_runs(text: str, groups: list[Group]) -> Iterator[Found]:
    """A card number with its expiry date or CVV glued on."""
    for start, end in groups:
        if 18 <= end - start <= 23 and text[start : start + 2] in PLAN_STARTS:
            for size in (15, 16):
                if end - start - size in (3, 4, 7) and is_card(text[start : start + size]):
                    yield Found(text[start : start + size], start, end, "glued")


def _turned(text: str, groups: list[Group], stretches: list[Stretch]) -> Iterator[Found]:
    """Backwards, or every digit shifted by the number that the text states."""
    spread = [[g] for g in groups if MIN_DIGITS <= g[1] - g[0] <= MAX_DIGITS] + [
        members for members, _ in stretches
    ]
    for members in spread:
        digits = _digits(text, members)
        if is_card(digits):
            continue
        start, end = members[0][0], members[-1][1]
        if is_card(digits[::-1]):
            yield Found(digits[::-1], start, end, "reversed")
        around = text[max(0, start - REACH) : start] + " " + text[end : end + REACH]
        for shift in sorted({int(m[2]) for m in _SHIFT.finditer(around)}):
            for signed in (shift, -shift):
                moved = "".join([chr(48 + (ord(char) - 48 - signed) % 10) for char in digits])
                if is_card(moved):
                    yield Found(moved, start, end, "shifted digits")
