"""DP-1.1 data classification: nobody receives what they are not cleared for.

The clearance of the recipient's type must cover level and compartments of the effective label, after DLP
may have raised it. A message without a label is refused earlier (`derive.py`).

With `barrier_policy: per-pair-rules` the rules of `barriers.py` stand in for the compartments of barriers.
"""

from typing import Final

from maso.controls.message import Message
from maso.labels import exceeds, label_text
from maso.verdict import Finding, Outcome, Reason

ID: Final = "DP-1.1"

CLEARANCE: Final = Reason(
    "DP-1.1/clearance",
    ID,
    "the recipient is not cleared for this label",
    "send less, or declassify by a flow",
)
PAIR_RULE: Final = Reason(
    "DP-1.1/pair-rule",
    ID,
    "a rule between sender and recipient keeps this barrier's data back",
    "send less, or declassify by a flow",
)
REASONS: Final = (CLEARANCE, PAIR_RULE)


class Classification:
    __slots__ = ("_compartments",)

    def __init__(self, compartments: tuple[str, ...]) -> None:
        self._compartments = compartments

    def check(self, m: Message) -> Finding | None:
        over = exceeds(m.label, m.flow.clearance)
        if not over:
            return None
        detail = f"{m.flow.name}: not cleared for {label_text(over, self._compartments)}"
        return Finding(Outcome.DENY, CLEARANCE, detail)
