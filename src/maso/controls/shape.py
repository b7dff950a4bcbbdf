"""EC-2.13 output schema enforcement: the payload has exactly the shape declared for this flow.

Strict: a missing or extra field, a wrong type, null for a required field, a number out of bounds or an
over-long text is refused; nothing is coerced. Data minimisation follows: what the schema does not name
cannot travel.
"""

from typing import Final

import msgspec

from maso.controls.message import Message
from maso.verdict import Finding, Outcome, Reason

ID: Final = "EC-2.13"

SHAPE: Final = Reason(
    "EC-2.13/shape", ID, "the payload does not fit the flow's schema", "send exactly the declared fields"
)
REASONS: Final = (SHAPE,)


class Shape:
    __slots__ = ()

    def check(self, m: Message) -> Finding | None:
        flow = m.flow
        try:
            m.body = flow.decode(m.envelope.payload)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            # The decoder's own message quotes the payload's field names, so it is not passed on.
            return Finding(Outcome.DENY, SHAPE, flow.schema)
        return None
