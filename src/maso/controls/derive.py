"""DP-2.5 derived data reclassification: what is made from labelled data carries its labels.

The effective label of a message is the join of the label it declares, the label of everything that was
delivered to its sender since the sender's context was purged, and, for a port, the port's own floor. A
parent that was not delivered to this sender is one it should not know: the label of the whole session is
joined. So leaving a parent out launders nothing, naming one can only raise, and a summary, however
reworded, inherits.

Where a flow declassifies, the listed compartments are shed from the join, and that is recorded. Two rules
make it safe. The loader allows it only with a schema of lists, flags, ids and bounded numbers, and with
somebody who answers for it. And where the compartment is one that DLP maps a kind to (cards, accounts,
people), every id and number that leaves must be one that its sender received in a message whose label
lacked those compartments (not even a digit is free: sixteen messages spell a card): so what is left to the
sender is a choice among what it may tell anyway, and no number can be spelled out over fields or messages.
Integrity bits are never shed.

`label_propagation: declared` (`Derive.check_declared`) believes what the sender states, as an implementation
for five agents does. It is there to be measured against; the loader refuses it (invariant 3).

Not handled: a sender that tells one bit at a time by what it chooses and when.
"""

import hashlib
from typing import Final

from maso.controls.message import Message
from maso.labels import LEVEL_MASK
from maso.verdict import Finding, Outcome, Reason

ID: Final = "DP-2.5"
UNLABELLED: Final = Reason(
    "DP-1.1/unlabelled", "DP-1.1", "the message carries no label", "label what you send"
)
NOT_RECEIVED: Final = Reason(
    "DP-2.5/not-received",
    ID,
    "a value was never received outside the compartment that it leaves",
    "send it as data",
)
REASONS: Final = (UNLABELLED, NOT_RECEIVED)
VALUE_BYTES: Final = 8
_UNLABELLED = Finding(Outcome.DENY, UNLABELLED)


def value_mark(value: object, key: bytes) -> bytes:
    """How a received value is remembered: keyed, so that state and records hold no value."""
    return hashlib.blake2b(str(value).encode(), digest_size=VALUE_BYTES, key=key).digest()


def holds(marks: bytes, mark: bytes) -> bool:
    """Whether `mark` is one of the marks, which stand one behind the other."""
    at = marks.find(mark)
    while at > 0 and at % VALUE_BYTES:
        at = marks.find(mark, at + 1)
    return at >= 0


class Derive:
    __slots__ = ("_key",)

    def __init__(self, record_key: bytes) -> None:
        self._key = record_key

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
        return self._settle(m, label)

    def check_declared(self, m: Message) -> Finding | None:
        """Believes the sender: its label, and the port's own. See the module's first lines."""
        declared = m.envelope.label
        if declared is None:
            return _UNLABELLED
        return self._settle(m, declared | m.sender.type.label_floor)

    def _settle(self, m: Message, label: int) -> Finding | None:
        """What the flow sheds of the label, and what the recipient may tell from now on."""
        if m.flow.declassify:
            stray = self._shed(m, label)
            if stray is not None:
                return stray
        else:
            m.label = label
        recipient = m.recipient
        if recipient is not None and recipient.type.sheds and not m.label & recipient.type.sheds:
            m.received = self._marks(m)
        return None

    def _shed(self, m: Message, label: int) -> Finding | None:
        flow = m.flow
        m.declassified = label & flow.declassify
        label &= ~flow.declassify
        stray = None
        if m.declassified:
            # The level came with the compartment; the strict schema carries neither.
            label = (label & ~LEVEL_MASK) | (label & LEVEL_MASK & flow.clearance)
            stray = self._not_received(m) if m.declassified & flow.guarded else None
        if stray is None:
            m.label = label
        return stray

    def _marks(self, m: Message) -> bytes:
        """Marks of the values that this delivery lets its recipient tell."""
        found = (getattr(m.body, name) for name in m.flow.values)
        return b"".join(value_mark(value, self._key) for value in found if value is not None)

    def _not_received(self, m: Message) -> Finding | None:
        for name in m.flow.values:
            value = getattr(m.body, name)
            if value is not None and not holds(m.sender.received, value_mark(value, self._key)):
                return Finding(Outcome.DENY, NOT_RECEIVED, name)
        return None
