"""LOOP agent loop detection: the same message over and over is a loop, whatever each one costs.

Counted per sender: consecutive messages with the same payload. Loops whose messages differ run into the
budgets of turns and tokens (`spend.py`).
"""

from typing import Final

from maso.controls.message import Message
from maso.verdict import Finding, Outcome, Reason

ID: Final = "LOOP"

REPEATED: Final = Reason("LOOP/repeated", ID, "the same message was sent again and again", "break the loop")
REASONS: Final = (REPEATED,)


class Loop:
    __slots__ = ()

    def check(self, m: Message) -> Finding | None:
        sender = m.sender
        limit = sender.type.same_message_max
        if not limit or sender.repeats < limit or sender.last_digest != m.mark[:8]:
            return None
        return Finding(Outcome.DENY, REPEATED, sender.type.id)
