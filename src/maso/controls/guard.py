"""PG-1.1 input guardrails: known injection patterns are stopped where content enters the fleet.

Two tiers. *Block* refuses: near-certain combinations only. *Flag* marks the message in the record and for
the watch, and refuses nothing. Applies to ports: customer chat, retrieval, web, MCP, tool answers. What
agents write to each other is `guard_bus.py`.

Promised: a list of techniques (`docs/detection-injection.md`). A bare instruction in a product page looks
like any sentence; what keeps it from causing a privileged action is the integrity label
(`controls/endorse.py`), whether or not anything here saw it.
"""

from typing import Final

from maso.controls.message import Message
from maso.scan.signals import Kind
from maso.verdict import Finding, Outcome, Reason

ID: Final = "PG-1.1"

BLOCKED: Final = Reason(
    "PG-1.1/blocked", ID, "the content carries an injected instruction", "look at the source"
)
FLAGGED: Final = Reason("PG-1.1/flagged", ID, "the content may carry an instruction", "none; it is marked")
REASONS: Final = (BLOCKED, FLAGGED)
# Plain integers: an operation on an enum flag costs ten times one on an int.
_BLOCK: Final = int(Kind.INJECTION_BLOCK)
_EITHER: Final = int(Kind.INJECTION_FLAG) | _BLOCK


class Guard:
    __slots__ = ()

    def check(self, m: Message) -> Finding | None:
        kinds = m.signals.kinds
        if not kinds & _EITHER or not m.sender.type.is_port:
            return None
        if kinds & _BLOCK:
            return Finding(Outcome.DENY, BLOCKED, m.flow.name)
        return Finding(Outcome.ALLOW, FLAGGED, m.flow.name)
