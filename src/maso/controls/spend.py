"""OB-2.5 cost monitoring at the message: turns, tokens, retries and recursion have budgets.

Counts are per instance and session, and only what was committed counts, so a refused message costs its
sender nothing. Tokens are estimated from the payload (4 bytes a token for European text); the economy
part attributes real prices.
"""

from typing import Final

from maso.controls.message import Message
from maso.verdict import Finding, Outcome, Reason

ID: Final = "OB-2.5"

TURNS: Final = Reason(
    "OB-2.5/turns", ID, "the instance has used its turns", "end the session, or raise the budget"
)
TOKENS: Final = Reason(
    "OB-2.5/tokens", ID, "the instance has used its tokens", "end the session, or raise the budget"
)
RETRIES: Final = Reason(
    "OB-2.5/retries", ID, "the same action was retried too often", "stop, and find the cause"
)
RECURSION: Final = Reason(
    "OB-2.5/recursion", ID, "the delegation goes deeper than budgeted", "delegate directly"
)
REASONS: Final = (TURNS, TOKENS, RETRIES, RECURSION)

BYTES_PER_TOKEN_SHIFT: Final = 2


class Spend:
    __slots__ = ()

    def check(self, m: Message) -> Finding | None:
        sender = m.sender
        rules = sender.type
        if rules.is_port:
            return None
        tokens = len(m.envelope.payload) >> BYTES_PER_TOKEN_SHIFT
        m.tokens = tokens
        if rules.turns_max and sender.turns >= rules.turns_max:
            return Finding(Outcome.DENY, TURNS, rules.id)
        if rules.tokens_max and sender.tokens + tokens > rules.tokens_max:
            return Finding(Outcome.DENY, TOKENS, rules.id)
        action = m.envelope.action
        if (
            action
            and action == sender.last_action
            and rules.retries_max
            and sender.retries >= rules.retries_max
        ):
            return Finding(Outcome.DENY, RETRIES, rules.id)
        contract = m.contract
        if contract is not None and rules.recursion_max and contract.depth > rules.recursion_max:
            return Finding(Outcome.DENY, RECURSION, rules.id)
        return None
