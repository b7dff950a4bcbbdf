"""The first stage: which raw bytes could make the full detector flag?

Two steps. Every rule needs all of its cues, so one Hyperscan pass looks for the rarest cue of each rule and
stops at the first that it sees: most traffic has none and is done. `TRIGGER_CUES` is such a choice, made on
business traffic: `uncovered_rules` names the rules that it does not cover (a test wants none). A rare cue
alone means nothing, so where there is one, the rules themselves are asked, on the text that the full stage
would read: it flags only if a rule fires, or by another reading of a disguised text, or by the classifier
alone, which then has one of the words that it leans on.

Escaped line breaks and characters are undone before the first step, all escapes before the second; text that
is not ASCII is folded as the full stage folds it, since accents would hide a cue.

Not handled: a trigger that is itself behind an encoding: the scanner that decodes it asks again. "DAN" with
an oddly spaced "A , I" and no other trigger. A text that the classifier alone would flag, without one of its
words: it takes nine logits, which a word repeated many times may reach and no row of the development set
does.
"""

from __future__ import annotations

from functools import cache
from typing import Any, Final

import hyperscan

from maso.scan.injection_compiled import compile_expressions, digest_of, shipped
from maso.scan.injection_fold import fold_bytes
from maso.scan.injection_patterns import CUES, RULES, expand
from maso.scan.injection_rules import MARKS, CueMatcher
from maso.scan.normalise import unescape

# The rare cue of every rule.
TRIGGER_CUES: Final = (
    "instructions", "your-rules", "ignore-all", "ignore-your-prior", "refuse-to-follow", "do-not-answer",
    "forget", "new-task", "if-asked", "you-are-now", "from-now-on", "act-as", "want-you-act", "unlimited",
    "mode", "override-noun", "anything", "never-refuse", "fiction", "swear-oath", "template", "tag",
    "role-line", "boundary", "banner", "puppetry", "role-json", "assistant-says", "system-prompt",
    "verbatim", "written-above", "your-secret", "secret", "image-exfil", "url-slot", "evil-host",
    "every-answer", "verbatim-string", "hide", "hidden-css", "comment-open", "tool-name", "consent",
    "claimed", "before-reply", "test-frame", "note-to", "tool-output", "other-tenant", "decode", "encoding",
    "compact", "l-ignore", "l-now", "l-free", "l-secret", "s-ignore", "s-now", "s-secret", "further-task",
    "your-task", "pretend-you", "threat", "exempt", "restricted", "agents-reading", "personal", "password",
    "l-new-task", "l-foreign", "in-encoding", "illegal", "two-answers", "approve", "for-ever", "l-admin",
    "l-role-line", "must", "tag-thinking",
)  # fmt: skip
# Rules whose every cue is common or slow to look for: a pair, or a narrower cue, is spelled out instead.
_SET_ASIDE: Final = (
    "ignor|disregard|overlook|neglect|overrid|bypass|violat|circumvent|discard|abandon|dismiss|suspend|disabl|"
    "deactivat|regardless|irrespective|notwithstanding|contrary|replac|precedence|supersede|contradict|deviat|"
    "nullify|invalidat|unlearn|forget|set aside|put aside|pay no|leave|drop|delete|clear|"
    "cancel|erase|break|care about"
)
_PRIOR: Final = (
    "previous|prior|preceding|above|earlier|former|foregoing|pre|initial|original|up to|so far|before|"
    "until|you|given|came|told|were|past"
)
# The cue "agent", but "A I" only as people write it: any gap between two single letters costs 3 us a KB.
_AGENT: Final = expand(CUES["agent"].replace("|a i|", r"|a[._-]i|a\.?\ i|")).decode()
TRIGGER_PAIRS: Final = {
    ("ignore-prior-rules", "ignore-prior-material"): rf"\b(?:{_SET_ASIDE})\w*[^a-z0-9]+"
    rf"(?:\w+[^a-z0-9]+){{0,4}}(?:{_PRIOR})",
    ("stop-say",): r"\b(?:stop|halt|wait|attention|well done|good|great|excellent|perfect|okay)[^a-z0-9]+"
    r"(?:write|say|state|output|print|respond|answer|reply|report)",
    ("dan",): _AGENT,
}

COMPILED_FILE: Final = "injection_triggers.bin"


def uncovered_rules() -> tuple[str, ...]:
    """Rules none of whose cues is a trigger."""
    paired = {name for names in TRIGGER_PAIRS for name in names}
    return tuple(
        rule.name
        for rule in RULES
        if rule.name not in paired and not any(cue in TRIGGER_CUES or cue in MARKS for cue in rule.cues)
    )


_EXPRESSIONS: Final = (
    *(expand(CUES[name]) for name in (*TRIGGER_CUES, *MARKS)),
    *(pattern.encode() for pattern in TRIGGER_PAIRS.values()),
)
_FLAGS: Final = hyperscan.HS_FLAG_CASELESS | hyperscan.HS_FLAG_DOTALL | hyperscan.HS_FLAG_SINGLEMATCH


def fingerprint() -> bytes:
    return digest_of(_EXPRESSIONS)


def compile_here() -> Any:
    """About 0.9 s of CPU."""
    return compile_expressions(_EXPRESSIONS, _FLAGS)


@cache
def compile_triggers() -> Any:
    """The first stage's database; made once a process."""
    return shipped(COMPILED_FILE, fingerprint()) or compile_here()


def _stop(number: int, start: int, end: int, flags: int, found: list[int]) -> bool:
    found.append(number)
    return True


def _unescaped(content: bytes) -> bytes:
    return unescape(content.decode("utf-8", "replace")).encode("utf-8", "replace")


class TriggerScan:
    """Holds its own scratch space: one for one thread."""

    def __init__(self, matcher: CueMatcher | None = None) -> None:
        self._database = compile_triggers()
        self._scratch = hyperscan.Scratch(self._database)
        self._matcher = matcher or CueMatcher()
        # The scanner asks twice about a message that needs decoding, and decoding changed nothing in most.
        self._last = b""
        self._last_answer = False

    def any(self, content: bytes) -> bool:
        """Could the full stage flag these bytes?"""
        if content != self._last:
            self._last_answer = self._any(content)
            self._last = content
        return self._last_answer

    def _any(self, content: bytes) -> bool:
        if b"\\u" in content:  # four digits of which a letter would join the word that follows
            content = _unescaped(content)
        folded = fold_bytes(content)
        if b"\\" in folded:  # so would the n of an escaped line break, which is common and cheaper so
            folded = folded.replace(b"\\n", b" \n").replace(b"\\t", b"  ").replace(b"\\r", b"  ")
        if not self._has_trigger(folded):
            return False
        if b"\\" in content or b"%" in content or b"&" in content:
            folded = fold_bytes(_unescaped(content))
        hits = self._matcher.hits(folded)
        return bool(hits.rules or hits.marks)

    def _has_trigger(self, folded: bytes) -> bool:
        found: list[int] = []
        try:
            self._database.scan(folded, match_event_handler=_stop, context=found, scratch=self._scratch)
        except hyperscan.ScanTerminated:
            return True
        return bool(found)
