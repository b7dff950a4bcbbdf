"""Prompt-injection detection: a cheap first look at raw bytes, then rules and a classifier over normalised
text.

`first` answers "could the full detector flag this?" from the raw JSON bytes: it looks for the rare cue of
every rule (each rule has at least one), for the marks of a disguise, and for words that the classifier leans
on; where it sees one, it asks the rules themselves. Text behind base64 is the business of the scanner that
decodes it and then asks again about what came out.

`inspect` adds one learned weight per family of rules that fired to the classifier's score. *Flag* marks a
message and refuses nothing. *Block* needs a strong rule, a high classifier score and no sign that the text
merely talks about attacks: two independent opinions, because a wrong refusal costs an honest customer.

What it is not: a defence by itself. A bare instruction without any framing looks like any other sentence,
and no detector tells it from one; the integrity label and the tool policy contain it. Figures per source,
and the list of what is promised, are in docs/detection-injection.md.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import msgspec

from maso.scan.classifier import NgramClassifier, load_model
from maso.scan.injection_fold import alike, disguised_views, fold_text
from maso.scan.injection_patterns import RULES
from maso.scan.injection_rules import CueMatcher, Hits
from maso.scan.injection_trigger import TriggerScan

MILLI_AT_FLAG: Final = 500
UNITS_PER_MILLI: Final = (
    2  # a logit is 50 thousandths: the scale ends ten logits either side of the threshold
)
MORE_RULES_MAX: Final = 4  # rules overlap: beyond five in one text they say the same thing again
# What talk about attacks takes off, in hundredths of a logit. Declared, not learned: in the development set
# most such text comes from one source. One sign outweighs a rule, two outweigh a quoted attack that fires
# several.
MENTION_ONE_UNITS: Final = 300
MENTION_MORE_UNITS: Final = 700
VIEWS_MAX: Final = 64  # readings of one content; the scanner hands over at most 48


class InjectionSignal(msgspec.Struct, frozen=True):
    """`milli` is 0 to 1000; `names` are rule names, sorted, never text of the message."""

    flag: bool
    block: bool
    milli: int
    names: tuple[str, ...]


NOTHING: Final = InjectionSignal(False, False, 0, ())


def mention_units(mentions: int) -> int:
    """What `mentions` different signs of talk about attacks take off a score that rules made."""
    if mentions == 0:
        return 0
    return MENTION_ONE_UNITS if mentions == 1 else MENTION_MORE_UNITS


class InjectionDetector:
    """Both stages. One detector for one thread: the scratch space of Hyperscan is not shared."""

    def __init__(self) -> None:
        self._meta, weights = load_model()
        self._weights = tuple(self._meta.rules[rule.name] for rule in RULES)
        self._classifier = NgramClassifier(self._meta, weights)
        self._matcher = CueMatcher()
        self._trigger = TriggerScan(self._matcher)

    def first(self, content: bytes) -> bool:
        """Could `inspect` flag this? False when no rule fires and nothing hints at a disguise."""
        return self._trigger.any(content)

    def inspect(self, texts: Sequence[str]) -> InjectionSignal:
        """Judge one content by its views: the plain text first, then its decodings. Any string is
        accepted."""
        names: set[str] = set()
        best: int | None = None
        block = False
        for text in texts[:VIEWS_MAX]:
            units, blocks = self._view(text, names)
            best = units if best is None else max(best, units)
            block = block or blocks
        if best is None:
            return NOTHING
        milli = MILLI_AT_FLAG + (best - self._meta.flag_at) // UNITS_PER_MILLI
        flag = best >= self._meta.flag_at or block
        return InjectionSignal(flag, block, max(0, min(1000, milli)), tuple(sorted(names)))

    def _view(self, text: str, names: set[str]) -> tuple[int, bool]:
        """The worst reading of one view: as it stands, with look-alikes undone, and out of its disguises."""
        plain = fold_text(text)
        units, block, hits = self._judge(plain, names)
        for reading in _other_readings(text, plain, hits.marks):
            more, blocks, _ = self._judge(reading, names)
            units = max(units, more)
            block = block or blocks
        return units, block

    def _judge(self, text: str, names: set[str]) -> tuple[int, bool, Hits]:
        data = text.encode("utf-8", "replace")
        hits = self._matcher.hits(data)
        score = self._classifier.score(data)
        meta = self._meta
        units = score * meta.classifier // 100
        if hits.rules:
            units += meta.any + meta.more * min(len(hits.rules) - 1, MORE_RULES_MAX)
            units += sum(self._weights[index] for index in hits.rules) - mention_units(hits.mentions)
        if units >= meta.flag_at:
            names.update(RULES[index].name for index in hits.rules)
        block = (
            units >= meta.block_at
            and score >= meta.block_classifier_at
            and hits.mentions == 0
            and any(RULES[index].strong for index in hits.rules)
        )
        return units, block, hits


def _other_readings(text: str, plain: str, marks: frozenset[str]) -> list[str]:
    readings = list(disguised_views(plain, marks)) if marks else []
    latin = alike(text)
    return readings if latin is None else [*readings, fold_text(latin)]


def readings_of(text: str) -> list[str]:
    """Everything that `inspect` judges for one view, the plain reading first (used by training)."""
    plain = fold_text(text)
    marks = CueMatcher().hits(plain.encode("utf-8", "replace")).marks
    return [plain, *_other_readings(text, plain, marks)]
