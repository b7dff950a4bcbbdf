"""PG-2.1 inter-agent injection detection: the same signals on what agents write to each other.

An agent's output is new content whoever prompted it, so it is scanned like any other. A block refuses the
message and counts against the sender's breaker (EC-2.4); a flag marks it.
"""

from typing import Final

from maso.controls.message import Message
from maso.scan.signals import Kind
from maso.verdict import Finding, Outcome, Reason

ID: Final = "PG-2.1"

BLOCKED: Final = Reason(
    "PG-2.1/blocked", ID, "an agent's message carries an injected instruction", "isolate it"
)
FLAGGED: Final = Reason(
    "PG-2.1/flagged", ID, "an agent's message may carry an instruction", "none; it is marked"
)
REASONS: Final = (BLOCKED, FLAGGED)
# Plain integers: an operation on an enum flag costs ten times one on an int.
_BLOCK: Final = int(Kind.INJECTION_BLOCK)
_EITHER: Final = int(Kind.INJECTION_FLAG) | _BLOCK


class GuardBus:
    __slots__ = ()

    def check(self, m: Message) -> Finding | None:
        kinds = m.signals.kinds
        if not kinds & _EITHER or m.sender.type.is_port:
            return None
        if kinds & _BLOCK:
            return Finding(Outcome.DENY, BLOCKED, m.flow.name)
        return Finding(Outcome.ALLOW, FLAGGED, m.flow.name)
