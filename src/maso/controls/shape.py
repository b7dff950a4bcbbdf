"""EC-2.13 output schema enforcement: the payload has exactly the shape declared for this flow.

Strict: a missing or extra field, a wrong type, null for a required field, a number out of bounds or an
over-long text is refused; nothing is coerced. Data minimisation follows: what the schema does not name
cannot travel.
"""

import re
from typing import Final

import msgspec

from maso.controls.message import Message
from maso.verdict import Finding, Outcome, Reason

ID: Final = "EC-2.13"

SHAPE: Final = Reason(
    "EC-2.13/shape",
    ID,
    "the payload does not fit the flow's schema",
    "send exactly the declared fields, within their limits",
)
REASONS: Final = (SHAPE,)
_FIELD: Final = re.compile(r"`\$\.(\w+)|required field `(\w+)`")


def _where(error: str, declared: frozenset[str]) -> str:
    """Which declared field it is about. The decoder's own words may quote the payload, so only a name
    that stands in the schema is passed on."""
    found = _FIELD.search(error)
    name = found.group(1) or found.group(2) if found else ""
    return f": field `{name}`" if name in declared else ""


class Shape:
    __slots__ = ()

    def check(self, m: Message) -> Finding | None:
        flow = m.flow
        try:
            m.body = flow.decode(m.envelope.payload)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            return Finding(Outcome.DENY, SHAPE, f"{flow.schema}{_where(str(error), flow.fields)}")
        return None
