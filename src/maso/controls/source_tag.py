"""PG-1.4 message source tagging: data is never an instruction, and an instruction says where it comes from.

The kind of an envelope is part of what its MAC covers, and a flow lists the kinds that it takes. An
instruction whose ancestry holds an untrusted source that its link does not list is refused: so what a
product page, a web site or a tool's answer says can inform an agent, but an agent that read it cannot
turn it into an order to another one. A delegation passes authority on, which is bounded by its contract
(`delegation.py`), and its arguments stay tainted (`endorse.py`).
"""

from typing import Final

from maso.controls.message import Message
from maso.envelope import MessageKind
from maso.labels import SOURCE_MASK, source_names
from maso.verdict import Finding, Outcome, Reason

ID: Final = "PG-1.4"

DESCENT: Final = Reason(
    "PG-1.4/descent", ID, "the instruction descends from an untrusted source", "send it as data"
)
REASONS: Final = (DESCENT,)


class SourceTag:
    __slots__ = ()

    def check(self, m: Message) -> Finding | None:
        if m.envelope.kind != MessageKind.INSTRUCTION:
            return None
        foreign = m.label & SOURCE_MASK & ~m.flow.instruction_sources
        if not foreign:
            return None
        return Finding(Outcome.DENY, DESCENT, ", ".join(source_names(foreign)))
