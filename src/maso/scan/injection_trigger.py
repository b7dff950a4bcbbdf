"""The first stage: which raw bytes could make the full detector flag?

Every rule needs all of its cues, so seeing the rarest of them is enough to go on, and not seeing it
excludes the rule. `TRIGGER_CUES` is such a choice: `uncovered_rules` names the rules that it does not cover
(a test wants none). Bytes are raw JSON: a line break is the two characters backslash and n, and is made
blank first; text that is not ASCII is folded as the full stage folds it, since accents would hide a cue. More
triggers than rules: the classifier may flag by itself, and `CLASSIFIER_WORDS` are words that such texts have
and business traffic has not.

Not handled: text behind escapes and encodings. The scanner that decodes it calls the full stage by itself.
"""

from __future__ import annotations

from functools import cache
from typing import Any, Final

import hyperscan

from maso.scan.injection_compiled import compile_expressions, digest_of, shipped
from maso.scan.injection_fold import fold_text
from maso.scan.injection_patterns import CUES, RULES, expand

# The rare cue of every rule.
TRIGGER_CUES: Final = (
    "instructions", "your-rules", "ignore-all", "ignore-your-prior", "refuse-to-follow", "do-not-answer",
    "forget", "new-task", "if-asked", "no-matter", "changed", "you-are-now", "from-now-on", "act-as",
    "want-you-act", "unlimited", "dan", "mode", "override-noun", "anything", "never-refuse", "illegal",
    "fiction", "two-answers", "gpt-label", "swear-oath", "comply", "template", "tag", "role-line",
    "boundary", "banner", "puppetry", "role-json", "assistant-says", "system-prompt", "verbatim",
    "written-above", "your-secret", "secret", "image-exfil", "url-slot", "evil-host", "every-answer",
    "verbatim-string", "hide", "hidden-css", "comment-open", "tool-name", "cleared", "consent", "privilege",
    "claimed", "before-reply", "test-frame", "note-to", "remember", "tool-output", "other-tenant", "decode",
    "encoding", "rot", "reversed", "compact", "instead", "l-ignore", "l-now", "l-free", "l-secret",
    "s-ignore", "s-now", "s-secret", "further-task", "your-task", "pretend-you", "threat", "exempt",
    "restricted", "agents-reading", "personal", "password", "l-every-answer", "l-approve", "l-new-task",
    "l-rules", "l-foreign", "in-encoding", "d-spaced", "d-leet", "d-morse", "d-bits",
)  # fmt: skip
# Rules whose every cue is common: the pair is spelled out instead.
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
TRIGGER_PAIRS: Final = {
    ("ignore-prior-rules", "ignore-prior-material"): rf"\b(?:{_SET_ASIDE})\w*[^a-z0-9]+"
    rf"(?:\w+[^a-z0-9]+){{0,4}}(?:{_PRIOR})",
    ("stop-say",): r"\b(?:stop|halt|wait|attention|well done|good|great|excellent|perfect|okay)[^a-z0-9]+"
    r"(?:write|say|state|output|print|respond|answer|reply|report)",
}
CLASSIFIER_WORDS: Final = r"\b(?:prompt|jailbreak|roleplay|persona|uncensored|chatgpt|hypothetical)\b"

# Letters of another script inside Latin words, as bytes.
MIXED_LETTERS: Final = rb"[a-z](?:[\xce-\xd4][\x80-\xbf])+[a-z]"

COMPILED_FILE: Final = "injection_triggers.bin"


def uncovered_rules() -> tuple[str, ...]:
    """Rules none of whose cues is a trigger."""
    paired = {name for names in TRIGGER_PAIRS for name in names}
    return tuple(
        rule.name
        for rule in RULES
        if rule.name not in paired and not any(cue in TRIGGER_CUES for cue in rule.cues)
    )


_EXPRESSIONS: Final = (
    *(expand(CUES[name]) for name in TRIGGER_CUES),
    *(pattern.encode() for pattern in TRIGGER_PAIRS.values()),
    CLASSIFIER_WORDS.encode(),
    MIXED_LETTERS,
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


class TriggerScan:
    """Holds its own scratch space: one for one thread."""

    def __init__(self) -> None:
        self._database = compile_triggers()
        self._scratch = hyperscan.Scratch(self._database)

    def any(self, content: bytes) -> bool:
        """Does any trigger occur? Stops at the first."""
        if not content.isascii():
            content = fold_text(content.decode("utf-8", "replace")).encode()
        if b"\\" in content:  # the n of an escaped line break would join the word that follows
            content = content.replace(b"\\n", b"  ").replace(b"\\t", b"  ").replace(b"\\r", b"  ")
        found: list[int] = []
        try:
            self._database.scan(content, match_event_handler=_stop, context=found, scratch=self._scratch)
        except hyperscan.ScanTerminated:
            return True
        return bool(found)
