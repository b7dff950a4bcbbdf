"""Card numbers in a text: digit groups, the gaps between them, and the evidence that each shape needs.

A random run of the right length passes prefix and check digit about 3 times in 100, so a shape is
believed only as far as honest text does not produce it. In falling order of belief:

1. one run of 13 to 19 digits, not inside a longer token of letters and digits, not a decimal fraction;
2. groups as cards are printed (4-4-4-4, 4-6-5, 4-6-4 ...) or single digits, with one and the same
   short gap without letters, and no further group continuing the pattern;
3. any other grouping with short gaps; groups as printed with words between; one run backwards; a run
   with every digit shifted by a stated number: only where the message speaks of cards.

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
MAX_GROUPS: Final = 400  # digit groups looked at: 1 KB of JSON has under 100, a 1 MB dump has no business here
MIN_DIGITS: Final = 13
MAX_DIGITS: Final = 19

_GROUP: Final = re.compile(r"[0-9]+")
_LETTER: Final = re.compile(r"[A-Za-z]")
_NEEDS_WORDS: Final = re.compile(r"[,|;:\[\]{}\"()]")
_PRINTED: Final = frozenset(
    [(4, 6, 5), (4, 6, 4), (4, 5, 6), (4, 4, 5), (4, 4, 4, 1), (6, 7), (6, 13), (4, 6, 3), (6, 10), (8, 8), (4, 12)]
    + [(4, 4, 4, n) for n in (1, 2, 3, 4)]
    + [(4, 4, 4, 4, n) for n in (1, 2, 3)]
    + [(4, 4, 4, 3, 1), (5, 5, 5), (5, 5, 6), (4, 4, 8), (8, 4, 4), (3, 3, 3, 3, 3), (4, 4, 4, 7)]
)
CONTEXT: Final = re.compile(
    r"(?i)card|carte|karte|tarjeta|carta\b|kreditk|(?<![a-z])pan(?![a-z])|visa|master|amex|american express|diners"
    r"|discover|jcb|unionpay|maestro|rupay|credit|debit|payment|charge|(?<![a-z])cc(?![a-z])|cvv|cvc|billing"
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


def cards(text: str, *, sure: bool = False, near: bool = False) -> list[Found]:
    """All card numbers in `text`.

    `sure`: the caller knows that the text is about a card number. `near`: no words between groups.
    """
    groups = [m.span() for _, m in zip(range(MAX_GROUPS), _GROUP.finditer(text), strict=False)]
    if sum(end - start for start, end in groups) < MIN_DIGITS:
        return []
    found = list(_runs(text, groups))
    found += _tight(text, groups)
    if len(found) < 1 or len(groups) > 4:
        loose = [f for f in _in_context(text, groups, near) if not _overlaps(f, found)]
        if loose and (sure or CONTEXT.search(text)):
            found += loose
    return _without_inner(found)


def _overlaps(one: Found, others: list[Found]) -> bool:
    return any(one.start < other.end and other.start < one.end for other in others)


def _without_inner(found: list[Found]) -> list[Found]:
    """Drop what lies inside a longer find, keep the first of two finds of the same place."""
    kept: list[Found] = []
    for f in sorted(found, key=lambda f: (f.start - f.end, f.start)):
        if not any(k.start <= f.start and f.end <= k.end for k in kept):
            kept.append(f)
    return sorted(kept, key=lambda f: f.start)


def _runs(text: str, groups: list[Group]) -> Iterator[Found]:
    """One run of 13 to 19 digits."""
    for index, (start, end) in enumerate(groups):
        size = end - start
        if size < MIN_DIGITS or size > MAX_DIGITS or text[start : start + 2] not in PLAN_STARTS:
            continue
        digits = text[start:end]
        if is_card(digits) and not _in_token(text, groups, index):
            yield Found(digits, start, end, "")


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


def _gap(text: str, left: Group, right: Group) -> str | None:
    """The gap between two groups if it is short and without letters."""
    if right[0] - left[1] > TIGHT_GAP:
        return None
    gap = text[left[1] : right[0]]
    return None if _LETTER.search(gap) else gap


def _chains(text: str, groups: list[Group]) -> Iterator[tuple[list[Group], list[str]]]:
    """Maximal sequences of groups with tight gaps and 13 digits or more, with their gaps."""
    chain: list[Group] = groups[:1]
    gaps: list[str] = []
    for group in groups[1:]:
        gap = _gap(text, chain[-1], group)
        if gap is None:
            if len(chain) > 1:
                yield chain, gaps
            chain, gaps = [group], []
        else:
            chain.append(group)
            gaps.append(gap)
    if len(chain) > 1:
        yield chain, gaps


def _tight(text: str, groups: list[Group]) -> Iterator[Found]:
    """Printed groupings and single digits with one repeated gap: believed without context."""
    for chain, gaps in _chains(text, groups):
        for first, last in _windows(text, chain):
            inner = gaps[first:last]
            if any(gap != inner[0] for gap in inner):
                continue
            sizes = tuple(end - start for start, end in chain[first : last + 1])
            singles = max(sizes) == 1
            if not singles and (sizes not in _PRINTED or _NEEDS_WORDS.search(inner[0])):
                continue
            if (first and gaps[first - 1] == inner[0]) or (last < len(gaps) and gaps[last] == inner[0]):
                continue
            digits = "".join(text[start:end] for start, end in chain[first : last + 1])
            if is_card(digits):
                yield Found(digits, chain[first][0], chain[last][1], "separators")


def _windows(text: str, chain: list[Group]) -> Iterator[tuple[int, int]]:
    """Index pairs (first, last) of at least two groups that hold 13 to 19 digits and begin like a card."""
    for first in range(len(chain) - 1):
        start, end = chain[first]
        lead = text[start:end] if end - start > 1 else text[start] + text[chain[first + 1][0]]
        if lead[:2] not in PLAN_STARTS:
            continue
        total = end - start
        for last in range(first + 1, len(chain)):
            total += chain[last][1] - chain[last][0]
            if total > MAX_DIGITS:
                break
            if total >= MIN_DIGITS:
                yield first, last


def _in_context(text: str, groups: list[Group], near: bool) -> Iterator[Found]:
    """Shapes that only count where the message speaks of cards."""
    for chain, gaps in _chains(text, groups):
        yield from _any_grouping(text, chain, gaps)
    if not near:
        yield from _words_between(text, groups)
    yield from _long_runs(text, groups)
    yield from _turned(text, groups)


def _any_grouping(text: str, chain: list[Group], gaps: list[str]) -> Iterator[Found]:
    for first, last in _windows(text, chain):
        sizes = tuple(end - start for start, end in chain[first : last + 1])
        inner = gaps[first:last]
        same = all(gap == inner[0] for gap in inner)
        if inner == ["."]:  # a decimal fraction
            continue
        whole = not ((first and gaps[first - 1] == inner[0]) or (last < len(gaps) and gaps[last] == inner[0]))
        if sizes in _PRINTED or max(sizes) == 1 or (same and whole):
            digits = "".join(text[start:end] for start, end in chain[first : last + 1])
            if is_card(digits):
                yield Found(digits, chain[first][0], chain[last][1], "separators")


def _words_between(text: str, groups: list[Group]) -> Iterator[Found]:
    """Printed groupings or single digits with words or labels between; ordinals and labels are skipped."""
    labels = [g for g in groups if g[0] and text[g[0] - 1].isalpha() and g[1] - g[0] <= 2]
    label_starts = frozenset(start for start, _ in labels)
    plain = [g for g in groups if g[0] not in label_starts]
    longer = [g for g in plain if g[1] - g[0] >= 3]
    for kept in (plain, longer) if len(longer) < len(plain) else (plain,):
        for first, last in _windows(text, kept):
            window = kept[first : last + 1]
            sizes = tuple(end - start for start, end in window)
            if sizes not in _PRINTED and max(sizes) > 1:
                continue
            if any(b[0] - a[1] > LOOSE_GAP for a, b in zip(window, window[1:], strict=False)):
                continue
            digits = "".join(text[start:end] for start, end in window)
            if is_card(digits):
                yield Found(digits, window[0][0], window[-1][1], "words between")


def _long_runs(text: str, groups: list[Group]) -> Iterator[Found]:
    """A card number with its expiry date or CVV glued on."""
    for start, end in groups:
        if 18 <= end - start <= 23 and text[start : start + 2] in PLAN_STARTS:
            for size in (15, 16):
                if end - start - size in (3, 4, 7) and is_card(text[start : start + size]):
                    yield Found(text[start : start + size], start, end, "glued")


def _turned(text: str, groups: list[Group]) -> Iterator[Found]:
    """Backwards, or every digit shifted by the number that the text states."""
    shifts: frozenset[int] | None = None
    for start, end in _spread(text, groups):
        digits = re.sub("[^0-9]", "", text[start:end])
        if not MIN_DIGITS <= len(digits) <= MAX_DIGITS or is_card(digits):
            continue
        if is_card(digits[::-1]):
            yield Found(digits[::-1], start, end, "reversed")
        if shifts is None:
            shifts = frozenset(int(m[2]) for m in _SHIFT.finditer(text))
        for shift in sorted(shifts):
            for signed in (shift, -shift):
                moved = "".join(chr(48 + (ord(char) - 48 - signed) % 10) for char in digits)
                if is_card(moved):
                    yield Found(moved, start, end, "shifted digits")


def _spread(text: str, groups: list[Group]) -> Iterator[Group]:
    """Single runs of card length and whole chains of card length."""
    for start, end in groups:
        if MIN_DIGITS <= end - start <= MAX_DIGITS:
            yield start, end
    for chain, gaps in _chains(text, groups):
        if all(gap == gaps[0] for gap in gaps):
            yield chain[0][0], chain[-1][1]
