"""EC-2.6 decision commit protocol: what may determine a privileged action, and who must vouch for it.

The integrity half of the label names the untrusted sources behind a message. For each guarded argument of
a privileged action the fleet file lists which of them may determine it; with any other in the ancestry,
or with none at all (the agent's own idea), the action needs an endorsement of every kind that the argument
names: the customer's own confirmation (from the world's front end, not from an agent), a typed check
against the world's facts, or a person. An argument that names nobody is free to agents without untrusted
sources, and closed to all others.
An endorsement is bound to the digest of this one action, works once, expires, and cleans nothing.

So a bare instruction in a product page that no detector sees cannot cause a privileged action: the page
taints whoever read it, and nobody outside endorses the action. An honest purchase goes through, because
the customer confirms the very basket and the facts agree.

Below Primary the phase in force has a share of all actions judged (PACE-1). Until there is a judge, the typed
check against the facts stands in: an action that is drawn needs that endorsement, privileged or not.

An action that misses an endorsement is held, not lost: the world or a person is asked, and the answer
leads to a new decision from posture on; the deadline denies (EC-2.9).
"""

import hashlib
from typing import Final

import msgspec

from maso.controls.message import Message
from maso.controls.posture import APPROVAL, JUDGED
from maso.controls.state import Session
from maso.fleet.rulebook import ActionRules
from maso.labels import SOURCE_MASK, source_names
from maso.resilience.allowances import drawn
from maso.verdict import Finding, Outcome, Reason

ID: Final = "EC-2.6"

CUSTOMER, FACTS, PERSON = 1, 2, 4
ENDORSER_NAMES: Final = {CUSTOMER: "customer", FACTS: "facts", PERSON: "person"}

NEEDED: Final = Reason(
    "EC-2.6/endorsement-needed",
    ID,
    "untrusted sources stand behind a guarded argument",
    "endorse it from outside",
)
NOBODY: Final = Reason(
    "EC-2.6/not-endorsable",
    ID,
    "untrusted sources may not determine this argument at all",
    "do it another way",
)
REFUSED: Final = Reason(
    "EC-2.6/refused", ID, "the endorser did not vouch for the action", "check the arguments"
)
LATE: Final = Reason("EC-2.9/deadline", "EC-2.9", "nobody vouched for the action in time", "ask again")
ENDED: Final = Reason(
    "EC-2.6/ended", ID, "the session ended before anybody vouched for the action", "confirm before it ends"
)
MANY: Final = Reason(
    "EC-2.6/too-many-held", ID, "the session has too many held actions", "answer those first"
)
REASONS: Final = (NEEDED, NOBODY, REFUSED, LATE, ENDED, MANY)

# A customer has one checkout open; eight held actions of one session are a flood.
HELD_PER_SESSION_MAX: Final = 8

_canonical = msgspec.json.Encoder(order=None).encode


def action_digest(action: int, session: int, canonical_args: bytes) -> bytes:
    """What an endorsement is bound to: SHA-256 over action number, session and canonical arguments.

    canonical_args is the JSON of the decoded arguments in the schema's field order, without spaces.
    """
    head = b"maso action 1\0" + action.to_bytes(4, "big") + session.to_bytes(8, "big")
    return hashlib.sha256(head + canonical_args).digest()


class Endorse:
    """`key` decides which actions are drawn where a phase has only a share of them judged."""

    __slots__ = ("_key",)

    def __init__(self, key: bytes) -> None:
        self._key = key

    def check(self, m: Message) -> Finding | None:
        action = m.flow.action
        if action is None or not (action.privileged or m.approval or m.judge_milli):
            return None
        tainted = m.label & SOURCE_MASK
        free = not action.privileged or (tainted and not tainted & ~action.allowed_all)
        needed = 0
        if m.approval or not free:
            found = self._needed(m, action, tainted)
            if isinstance(found, Finding):
                return found
            needed = found
        elif not m.judge_milli:
            return None
        m.action_digest = action_digest(action.number, m.envelope.session, _canonical(m.body))
        judged = not needed & FACTS and drawn(self._key, m.action_digest, m.judge_milli)
        given = self._given(m.sender.session, m.action_digest, m.now)
        missing = (needed | FACTS if judged else needed) & ~given
        if not missing:
            return None
        return self._hold(m, missing, JUDGED if judged and missing & FACTS else NEEDED)

    @staticmethod
    def _needed(m: Message, action: ActionRules, tainted: int) -> int | Finding:
        """Who must vouch for it by what stands behind it and by its phase, the judge left out."""
        needed = PERSON if m.approval else 0  # PACE-1: the phase in force wants one
        for argument in action.arguments:
            foreign = tainted & ~argument.allowed
            if tainted and not foreign:
                continue
            if foreign and not argument.endorsers:
                names = ", ".join(source_names(foreign))
                return Finding(Outcome.DENY, NOBODY, f"{argument.name}: {names}")
            needed |= argument.endorsers
        return needed

    @staticmethod
    def _given(session: Session, digest: bytes, now: int) -> int:
        held = session.endorsements
        endorsement = held.get(digest) if held else None
        return 0 if endorsement is None else endorsement.kinds(now)

    @staticmethod
    def _hold(m: Message, missing: int, why: Reason) -> Finding:
        if m.sender.session.holds >= HELD_PER_SESSION_MAX and not m.resumed:
            return Finding(Outcome.DENY, MANY)
        # Facts are the cheapest to ask; a person the dearest.
        m.ask = FACTS if missing & FACTS else CUSTOMER if missing & CUSTOMER else PERSON
        if m.approval and missing == PERSON:
            return Finding(Outcome.HOLD, APPROVAL, "person")
        names = ", ".join(name for bit, name in ENDORSER_NAMES.items() if missing & bit)
        return Finding(Outcome.HOLD, why, names)
