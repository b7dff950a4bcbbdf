"""Invariant 4: confidence only falls by handoff; it rises only with a primary source new to it.

Keeps every delivered claim of a session with the primary sources that it rests on, and for every instance
what ports delivered to it. A source counts as new only where the author was given it by a port.
"""

from maso.claims import Claim
from maso.plane.effects import Deliver, Ended, Purged
from maso.sim.checkers.release import Release
from maso.sim.checkers.turn import Declared, Turn

# The seeds' own bound for an unverified word of one model: even money.
OWN_WORD_MAX = 500


class ConfidenceOnlyFalls:
    invariant = 4
    name = "confidence only falls"
    covers = (
        "a delivered claim is at most as certain as the most certain claim that it restates, unless a port"
        " gave its author a primary source that those did not rest on; sources and parents exist; an agent's"
        " bare word stays at even money and below what it was told"
    )
    does_not_cover = "whether a source says what the claim says, and claims reworded so that they look new"

    def __init__(self, declared: Declared) -> None:
        stating = {x.from_ for x in declared.fleet.links if "claim" in x.kinds}
        hearing = {x.to for x in declared.fleet.links if "claim" in x.kinds}
        self._concerned = stating | hearing  # membership only
        self._claims: dict[int, dict[int, tuple[int, frozenset[int]]]] = {}  # by session, then by id
        self._given: dict[int, set[int]] = {}
        self._floor: dict[int, int] = {}

    def turn(self, turn: Turn) -> str:
        for effect in turn.effects:
            if isinstance(effect, Ended):
                for nhi in effect.nhis:
                    self._given.pop(nhi, None)
                    self._floor.pop(nhi, None)
            elif isinstance(effect, Purged):
                self._floor.pop(effect.nhi, None)
        return ""

    def released(self, r: Release) -> str:
        effect = r.effect
        if not isinstance(effect, Deliver):
            return "an action states claims" if r.envelope is not None and r.envelope.claims else ""
        if r.sender is not None and not r.sender.session:
            if r.recipient is not None and r.recipient.type in self._concerned:
                self._given.setdefault(effect.to, set()).add(effect.ref)
            return "a port states claims" if effect.claims else ""
        wrong = ""
        for claim in effect.claims:
            wrong = wrong or self._one(effect, claim)
            self._keep(effect, claim)
        return wrong

    def _one(self, effect: Deliver, claim: Claim) -> str:
        known = self._claims.get(effect.session, {})
        given = self._given.get(effect.sender, set())
        if not 0 <= claim.confidence <= 1000:
            return "a claim is more certain than certain, or less than impossible"
        parents = [known[parent] for parent in claim.derived if parent in known]
        if len(parents) < len(claim.derived):
            return "a claim restates one that was never made in this session"
        inherited = frozenset[int]().union(*(sources for _, sources in parents))
        if any(source not in given and source not in inherited for source in claim.sources):
            return "a claim rests on a source that its author was never given"
        new = any(source in given and source not in inherited for source in claim.sources)
        if new:
            return ""
        cap = max((c for c, _ in parents), default=min(OWN_WORD_MAX, self._floor.get(effect.sender, 1000)))
        if claim.confidence > cap:
            return f"a claim rose from {cap} to {claim.confidence} per mille without a new primary source"
        return ""

    def _keep(self, effect: Deliver, claim: Claim) -> None:
        known = self._claims.setdefault(effect.session, {})
        inherited = [known[parent][1] for parent in claim.derived if parent in known]
        known[claim.id] = (claim.confidence, frozenset(claim.sources).union(*inherited))
        self._floor[effect.to] = min(self._floor.get(effect.to, 1000), claim.confidence)
