"""From text to the names of the rules that fire: one Hyperscan pass for the cues, then arithmetic on their
ends.

A cue's position is where it ends. Hyperscan reports every end of an expression with optional parts, so one
cue in one place may appear twice; rules only ask whether some combination fits, so that is harmless.

Bounded: after `EVENTS_MAX` cue events, further ones of a text are dropped chunk by chunk, never the first
ones of a chunk, so a flood of cue words in front of a payload hides nothing that stands in a later chunk.
"""

from __future__ import annotations

from bisect import bisect_right
from functools import cache
from typing import Any, Final, NamedTuple

import hyperscan

from maso.scan.injection_compiled import compile_expressions, digest_of, shipped
from maso.scan.injection_patterns import CUES, MENTIONS, RULES, Rule, expand

CHUNK_BYTES: Final = 1 << 14  # a text is scanned in pieces of 16 KB, so that the bound below is local
OVERLAP_BYTES: Final = 512  # longer than the longest gap of a rule and its cues
EVENTS_MAX: Final = 2048  # per chunk; a real attack of 16 KB has fewer than 600
COMPILED_FILE: Final = "injection_cues.bin"

_FLAGS: Final = hyperscan.HS_FLAG_CASELESS | hyperscan.HS_FLAG_DOTALL
_NAMES: Final = (*CUES, *MENTIONS)
_EXPRESSIONS: Final = tuple(expand(text) for text in (*CUES.values(), *MENTIONS.values()))
# Cues that ask for a look whatever the rules say.
MARKS: Final = ("d-spaced", "d-leet", "d-morse", "d-bits", "d-mixed", "rot", "reversed", "model-words")
_MARK_BITS: Final = tuple((name, 1 << _NAMES.index(name)) for name in MARKS)
_MARK_MASK: Final = sum(bit for _, bit in _MARK_BITS)
_MENTION_MASK: Final = sum(1 << index for index, name in enumerate(_NAMES) if name in MENTIONS)


class _Compiled(NamedTuple):
    rule: int
    needs: int  # bit set of the cues
    cues: tuple[int, ...]
    gap: int
    any_order: bool


def _compile_rules(rules: tuple[Rule, ...]) -> tuple[_Compiled, ...]:
    number = {name: index for index, name in enumerate(_NAMES)}
    made = []
    for index, rule in enumerate(rules):
        cues = tuple(number[cue] for cue in rule.cues)
        needs = 0
        for cue in cues:
            needs |= 1 << cue
        made.append(_Compiled(index, needs, cues, rule.gap_bytes, rule.any_order))
    return tuple(made)


def _by_first_cue(rules: tuple[_Compiled, ...]) -> tuple[tuple[_Compiled, ...], ...]:
    return tuple(tuple(rule for rule in rules if rule.cues[0] == cue) for cue in range(len(_NAMES)))


# An ordinary text has a handful of cues, so only the rules that begin with one of them are looked at.
_RULES_FROM: Final = _by_first_cue(_compile_rules(RULES))


class Hits(NamedTuple):
    """What a text showed: indices into `RULES`, ascending, and whether it talks about attacks."""

    rules: tuple[int, ...]
    mentions: int  # how many of the mention cues, each counted once
    marks: frozenset[str]  # those of `MARKS` that the text has


NO_MARKS: Final[frozenset[str]] = frozenset()
NO_HITS: Final = Hits((), 0, NO_MARKS)


def fingerprint() -> bytes:
    """Identifies the expressions, so that a compiled database of other expressions is never used."""
    return digest_of(_EXPRESSIONS)


def compile_cues() -> Any:
    """Compile the expressions here: about 0.8 s of CPU."""
    return compile_expressions(_EXPRESSIONS, _FLAGS)


@cache
def _database() -> Any:
    return shipped(COMPILED_FILE, fingerprint()) or compile_cues()


def _collect(cue: int, start: int, end: int, flags: int, found: list[int]) -> bool | None:
    found.append(end << 8 | cue)
    return True if len(found) >= EVENTS_MAX else None


class CueMatcher:
    """Finds rules in folded UTF-8. Holds its own scratch space: one matcher for one thread."""

    def __init__(self) -> None:
        self._database = _database()
        self._scratch = hyperscan.Scratch(self._database)
        # `first` and then `inspect` ask about the same bytes
        self._last = b""
        self._last_hits = NO_HITS

    def hits(self, folded: bytes) -> Hits:
        """All rules that fire anywhere in `folded`. Linear in its length."""
        if folded != self._last:
            self._last_hits = self._hits(folded)
            self._last = folded
        return self._last_hits

    def _hits(self, folded: bytes) -> Hits:
        if len(folded) <= CHUNK_BYTES:
            return self._chunk(folded)
        fired: set[int] = set()
        mentions = 0
        marks = NO_MARKS
        for start in range(0, len(folded) - OVERLAP_BYTES, CHUNK_BYTES - OVERLAP_BYTES):
            part = self._chunk(folded[start : start + CHUNK_BYTES])
            fired.update(part.rules)
            mentions = max(mentions, part.mentions)
            marks |= part.marks
        return Hits(tuple(sorted(fired)), mentions, marks)

    def _chunk(self, folded: bytes) -> Hits:
        found: list[int] = []
        try:
            self._database.scan(folded, match_event_handler=_collect, context=found, scratch=self._scratch)
        except hyperscan.ScanTerminated:
            pass  # EVENTS_MAX reached: what was found so far counts
        if not found:
            return NO_HITS
        ends: dict[int, list[int]] = {}
        present = 0
        for event in found:
            cue = event & 255
            present |= 1 << cue
            ends.setdefault(cue, []).append(event >> 8)
        missing = ~present
        fired = [
            rule.rule
            for cue in ends
            for rule in _RULES_FROM[cue]
            if not rule.needs & missing and _fires(rule, ends)
        ]
        marks = (
            frozenset(name for name, bit in _MARK_BITS if present & bit) if present & _MARK_MASK else NO_MARKS
        )
        return Hits(tuple(sorted(fired)), (present & _MENTION_MASK).bit_count(), marks)


def _fires(rule: _Compiled, ends: dict[int, list[int]]) -> bool:
    cues = rule.cues
    if len(cues) == 1:
        return True
    if rule.any_order:
        return _close(ends[cues[0]], ends[cues[1]], rule.gap) and (
            len(cues) == 2 or _close(ends[cues[1]], ends[cues[2]], rule.gap)
        )
    reached = ends[cues[0]]
    for cue in cues[1:]:
        reached = _followed(reached, ends[cue], rule.gap)
        if not reached:
            return False
    return True


def _followed(before: list[int], after: list[int], gap: int) -> list[int]:
    """The positions of `after` that come within `gap` of some position of `before`."""
    reached = []
    for position in sorted(after):
        index = bisect_right(before, position - 1)
        if index and position - before[index - 1] <= gap:
            reached.append(position)
    return reached


def _close(one: list[int], two: list[int], gap: int) -> bool:
    for position in two:
        index = bisect_right(one, position)
        if index and position - one[index - 1] <= gap:
            return True
        if index < len(one) and one[index] - position <= gap:
            return True
    return False
