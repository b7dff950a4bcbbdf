"""PG-2.7 uncertainty preservation, with the provenance that it rests on (PG-2.5, PG-2.6).

A claim's primary sources are references of ingestion events that the plane delivered to its author, or that
the claims rest on which it names as its parents; anything else is refused as made up. A claim that restates
others may be at most as certain as the most certain of them, unless it brings a primary source that none of
them had. A claim with no source and no parent is the agent's own word: at most `UNSOURCED_MAX`, and never
above the least certain claim in its author's context, so leaving the derivation out gains nothing.
"""

from typing import Final

from maso.claims import CONFIDENCE_MAX, Claim
from maso.controls.message import Message
from maso.controls.state import Instance
from maso.envelope import MAX_CLAIMS, MAX_NUMBER, MessageKind
from maso.verdict import Finding, Outcome, Reason

ID: Final = "PG-2.7"

RAISED: Final = Reason(
    "PG-2.7/raised",
    ID,
    "a claim became more certain by being passed on",
    "keep the confidence, or add a source",
)
SOURCE: Final = Reason(
    "PG-2.5/source",
    "PG-2.5",
    "a claim names a primary source that its author never saw",
    "cite what was delivered",
)
PARENT: Final = Reason(
    "PG-2.5/parent",
    "PG-2.5",
    "a claim restates one that is not known in this session",
    "cite a delivered claim",
)
UNSOURCED: Final = Reason(
    "PG-2.6/unsourced", "PG-2.6", "an agent's own word is given as established", "cite a primary source"
)
MALFORMED: Final = Reason("PG-2.5/malformed", "PG-2.5", "a claim is not well formed", "use the claim format")
TAKEN: Final = Reason("PG-2.5/taken", "PG-2.5", "a claim's id stands for another statement", "use a new id")
REASONS: Final = (RAISED, SOURCE, PARENT, UNSOURCED, MALFORMED, TAKEN)

# An unverified statement of one model is at best even money.
UNSOURCED_MAX: Final = 500


def _in_range(claim: Claim) -> bool:
    numbers = (claim.id, *claim.derived, *claim.sources)
    return (
        0 <= claim.confidence <= CONFIDENCE_MAX
        and 0 <= claim.assumptions <= CONFIDENCE_MAX
        and len(numbers) <= 1 + 2 * MAX_CLAIMS
        and all(0 < number < MAX_NUMBER for number in numbers)
    )


class Uncertainty:
    __slots__ = ()

    def check(self, m: Message) -> Finding | None:
        claims = m.envelope.claims
        if not claims:
            return None
        author = m.sender
        if m.envelope.kind != MessageKind.CLAIM or m.flow.guarded or author.type.is_port:
            return Finding(Outcome.DENY, MALFORMED, "only a claim of an agent states claims")
        for claim in claims:
            refused = self._one(author, claim)
            if refused is not None:
                return refused
        m.claims_checked = True
        return None

    def _one(self, author: Instance, claim: Claim) -> Finding | None:
        if not _in_range(claim):
            return Finding(Outcome.DENY, MALFORMED)
        known = author.session.claims or {}
        mine = author.sources or ()
        parents = [known.get(parent) for parent in claim.derived]
        if any(parent is None for parent in parents):
            return Finding(Outcome.DENY, PARENT)
        inherited: set[int] = set()
        cap = 0
        for parent in parents:
            assert parent is not None
            cap = max(cap, parent[0])
            inherited |= parent[1]
        if any(source not in mine and source not in inherited for source in claim.sources):
            return Finding(Outcome.DENY, SOURCE)
        if claim.id in known and claim.confidence > known[claim.id][0]:
            return Finding(Outcome.DENY, TAKEN)
        if not claim.derived:
            return None if claim.sources else self._own_word(author, claim)
        if claim.confidence > cap and all(source in inherited for source in claim.sources):
            return Finding(Outcome.DENY, RAISED, f"{cap} to {claim.confidence} per mille")
        return None

    @staticmethod
    def _own_word(author: Instance, claim: Claim) -> Finding | None:
        cap = min(UNSOURCED_MAX, author.claim_floor)
        if claim.confidence <= cap:
            return None
        return Finding(Outcome.DENY, UNSOURCED, f"at most {cap} per mille")
