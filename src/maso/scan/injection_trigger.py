"""The first stage: which raw bytes could make the full detector flag?

Every rule needs all of its cues, so seeing the rarest of them is enough to go on, and not seeing it excludes the
rule. `TRIGGER_CUES` is such a choice: `uncovered_rules` names the rules that it does not cover (a test wants none).
Bytes are raw JSON: a line break is the two characters backslash and n, accents are not folded, so blanks and
accented letters are matched more loosely here than in the full stage. More triggers than rules: the classifier may
flag by itself, and `CLASSIFIER_WORDS` are words that such texts have and business traffic has not.

Not handled: text behind escapes and encodings. The scanner that decodes it calls the full stage by itself.
"""

from __future__ import annotations

from functools import cache
from typing import Any, Final

import hyperscan

from maso.scan.injection_compiled import compile_expressions, digest_of, shipped
from maso.scan.injection_patterns import CUES, RULES, expand

# The rare cue of every rule.
TRIGGER_CUES: Final = (
    "instructions", "your-rules", "ignore-all", "refuse-to-follow", "do-not-answer", "forget", "new-task",
    "if-asked", "no-matter", "changed", "you-are-now", "from-now-on", "act-as", "want-you-act", "unlimited", "dan", "mode",
    "override-noun", "anything", "never-refuse", "illegal", "fiction", "two-answers", "gpt-label", "swear-oath", "comply",
    "template", "tag", "role-line", "boundary", "banner", "puppetry", "role-json", "assistant-says", "system-prompt",
    "verbatim", "written-above", "your-secret", "secret", "image-exfil", "url-slot", "evil-host", "every-answer",
    "verbatim-string", "shell", "hide", "hidden-css", "comment-open", "tool-name", "approval", "privilege", "claimed",
    "before-reply", "test-frame", "note-to", "remember", "tool-output", "other-tenant", "decode", "encoding", "rot",
    "reversed", "compact", "instead", "l-ignore", "l-now", "l-free", "l-secret", "s-ignore", "s-now", "s-secret",
    "d-spaced", "d-leet", "d-morse", "d-bits",
)  # fmt: skip
# Rules whose every cue is common: the pair is spelled out instead.
TRIGGER_PAIRS: Final = (
    r"\b(?:ignor|disregard|overrid|bypass|violat|circumvent|discard|abandon|dismiss|suspend|disabl|deactivat|regardless|contrary|replac|precedence|supersede|leave|drop|delete|clear|cancel|erase)\w*\W+(?:\w+\W+){0,4}(?:previous|prior|above|earlier|original|initial|rules|polic)\w*",
)
CLASSIFIER_WORDS: Final = r"\b(?:prompt|jailbreak|roleplay|persona|uncensored|chatgpt|hypothetical)\b"

COMPILED_FILE: Final = "injection_triggers.bin"


def uncovered_rules() -> tuple[str, ...]:
    """Rules none of whose cues is a trigger."""
    return tuple(rule.name for rule in RULES if not any(cue in TRIGGER_CUES for cue in rule.cues))


def _raw(pattern: str) -> bytes:
    """A cue's expression over raw JSON: an escaped line break or quote counts as a blank."""
    expression = expand(pattern)
    expression = expression.replace(b"[^a-z0-9]{1,4}", rb"(?:[^a-z0-9]|\\[nrt]){1,5}")
    return expression.replace(b"[^a-z0-9]{0,3}", rb"(?:[^a-z0-9]|\\[nrt]){0,4}")


_EXPRESSIONS: Final = (
    *(_raw(CUES[name]) for name in TRIGGER_CUES),
    *(pattern.encode() for pattern in TRIGGER_PAIRS),
    CLASSIFIER_WORDS.encode(),
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
