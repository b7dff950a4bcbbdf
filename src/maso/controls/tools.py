"""IA-1.4 scoped tool permissions: a message may only go where the fleet file says that it may.

The recipient must exist and be alive; the sender's type must have a declared way to the recipient's type
for this kind and, for an action, must be allowed to execute it. What is not declared is refused.
"""

from typing import Final

from maso.controls.message import Message
from maso.controls.state import PlaneState
from maso.envelope import KIND_NAMES
from maso.fleet.rulebook import flow_key
from maso.verdict import Finding, Outcome, Reason

ID: Final = "IA-1.4"

RECIPIENT: Final = Reason(
    "IA-1.4/recipient", ID, "the recipient does not exist or has ended", "address a live one"
)
NO_WAY: Final = Reason(
    "IA-1.4/not-declared",
    ID,
    "the fleet file declares no such way",
    "add a link or an action, or do not send",
)
REASONS: Final = (RECIPIENT, NO_WAY)


class Tools:
    """Finds the recipient and the flow."""

    __slots__ = ("_instances",)

    def __init__(self, state: PlaneState) -> None:
        self._instances = state.instances

    def check(self, m: Message) -> Finding | None:
        envelope = m.envelope
        recipient = self._instances.get(envelope.recipient)
        if recipient is None or not recipient.alive:
            return Finding(Outcome.DENY, RECIPIENT)
        m.recipient = recipient
        key = flow_key(recipient.type.index, envelope.kind, envelope.action)
        flow = m.sender.type.flows.get(key)
        if flow is None:
            detail = f"{m.sender.type.id} to {recipient.type.id}, {KIND_NAMES[envelope.kind]}"
            return Finding(Outcome.DENY, NO_WAY, detail)
        m.flow = flow
        return None
