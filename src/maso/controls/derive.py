"""DP-2.5 derived data reclassification: what is made from labelled data carries its labels.

The effective label of a message is the join of the label it declares, the label of everything that was
delivered to its sender since the sender's context was purged, and, for a port, the port's own floor. A
parent that was not delivered to this sender is one it should not know: the label of the whole session is
joined. So leaving a parent out launders nothing, naming one can only raise, and a summary, however
reworded, inherits.

Where a flow declassifies, the listed compartments are shed from the join, because the flow's strict
schema cannot carry them (the loader checks that); a shed compartment is recorded. Integrity bits are
never shed.
"""

from typing import Final

from maso.controls.message import Message
from maso.labels import LEVEL_MASK
from maso.verdict import Finding, Outcome, Reason

ID: Final = "DP-2.5"
UNLABELLED: Final = Reason(
    "DP-1.1/unlabelled", "DP-1.1", "the message carries no label", "label what you send"
)
REASONS: Final = (UNLABELLED,)
_UNLABELLED = Finding(Outcome.DENY, UNLABELLED)


class Derive:
    __slots__ = ()

    def check(self, m: Message) -> Finding | None:
        envelope = m.envelope
        declared = envelope.label
        if declared is None:
            return _UNLABELLED
        sender = m.sender
        label = declared | sender.context | sender.type.label_floor
        parents = envelope.parents
        if parents and not sender.type.is_port:
            known = sender.delivered
            for parent in parents:
                if parent not in known:
                    label |= sender.session.label
                    break
        shed = m.flow.declassify
        if shed:
            m.declassified = label & shed
            label &= ~shed
            if m.declassified:
                # The level came with the compartment; the strict schema carries neither.
                label = (label & ~LEVEL_MASK) | (label & LEVEL_MASK & m.flow.clearance)
        m.label = label
        return None
