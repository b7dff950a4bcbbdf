"""DP-1.3 memory isolation: one session's data stays in that session, and dies with it.

Contexts and memory stores belong to one (type, session, number). A message may not cross sessions; a
port serves all sessions but speaks in one at a time; a closed session receives nothing. A note that an
instance sends to itself goes to its memory store: its label survives a purge of the context and ends with
the session. Purging empties the context; ending a session empties both, and the driver is told to
destroy what it keeps.
"""

from typing import Final

from maso.controls.message import Message
from maso.verdict import Finding, Outcome, Reason

ID: Final = "DP-1.3"

CROSS: Final = Reason(
    "DP-1.3/cross-session", ID, "sender and recipient are not of one session", "keep to the session"
)
CLOSED: Final = Reason(
    "DP-1.3/closed", ID, "the session has ended and its memory was purged", "open a new one"
)
REASONS: Final = (CROSS, CLOSED)


class Memory:
    __slots__ = ()

    def check(self, m: Message) -> Finding | None:
        session = m.envelope.session
        recipient = m.recipient
        sender = m.sender
        assert recipient is not None
        # Ports belong to session 0 and serve every session; but one end must be of the session named.
        if sender.type.is_port:
            ours = recipient.session
            if ours.number != session or recipient.type.is_port:
                return Finding(Outcome.DENY, CROSS)
        else:
            ours = sender.session
            if recipient.session.number != session and not recipient.type.is_port:
                return Finding(Outcome.DENY, CROSS)
        if ours.closed:
            return Finding(Outcome.DENY, CLOSED)
        return None
