"""Whether a planted effect happened: every effect of the run is held against the truths that attacks left.

Works on what the plane let out, not on what any control said: so an attack that nobody noticed and that
achieved nothing counts as stopped, and one that was flagged and achieved its effect counts as achieved.
"""

import msgspec

from maso.fleet.rulebook import Rulebook
from maso.identity import nhi_of
from maso.plane.effects import Admitted, Deliver, Effect, Perform
from maso.sim.adversaries.ground import Truth
from maso.sim.adversaries.strike import Strike


class _Watch:
    """One truth and how far it has come true."""

    __slots__ = ("seen", "strike", "told", "truth")

    def __init__(self, truth: Truth, strike: Strike) -> None:
        self.truth = truth
        self.strike = strike
        self.seen = 0
        self.told = 0  # of the pieces, in their order


class Witness:
    """Costs an honest message one look into a dictionary."""

    def __init__(self, rules: Rulebook) -> None:
        self._by_session: dict[int, list[_Watch]] = {}
        self._port_nhi = {
            action.number: nhi_of(rules.sha256, action.spec.port, 0, 0)
            for action in rules.actions
            if action is not None
        }

    def plant(self, strike: Strike) -> None:
        """Take over the truths that the strike has stated so far."""
        for session, truth in strike.truths:
            self._by_session.setdefault(session, []).append(_Watch(truth, strike))
        strike.truths.clear()

    def see(self, effect: Effect) -> None:
        if not isinstance(effect, Deliver | Perform | Admitted):
            return
        for watch in self._by_session.get(effect.session, ()):
            if self._comes_true(watch, effect):
                watch.seen += 1
                if watch.seen == watch.truth.at_most + 1:
                    watch.strike.achieve(watch.truth.what, ref=effect.ref, session=effect.session)

    def _comes_true(self, watch: _Watch, effect: Deliver | Perform | Admitted) -> bool:
        truth = watch.truth
        if isinstance(effect, Admitted):
            return truth.what == "admitted" and truth.nhi in effect.nhis
        if truth.sender and effect.sender != truth.sender:
            return False
        if truth.what == "performed":
            if not isinstance(effect, Perform) or effect.action != truth.action:
                return False
            return not truth.payload or _same(effect.payload, truth.payload)
        to = effect.to if isinstance(effect, Deliver) else self._port_nhi.get(effect.action, 0)
        if truth.what not in ("delivered", "assembled") or to in truth.allowed:
            return False
        return self._holds(watch, effect)

    @staticmethod
    def _holds(watch: _Watch, effect: Deliver | Perform) -> bool:
        truth = watch.truth
        if truth.what == "assembled":
            at = 0
            while watch.told < len(truth.pieces):
                found = effect.payload.find(truth.pieces[watch.told], at)
                if found < 0:
                    return False
                at = found + len(truth.pieces[watch.told])
                watch.told += 1
            return True
        if truth.claim:
            claims = effect.claims if isinstance(effect, Deliver) else ()
            return any(truth.claim in (c.id, c.digest) and c.confidence > truth.confidence for c in claims)
        return truth.marker in effect.payload and (not truth.payload or effect.payload == truth.payload)


def _same(performed: bytes, planned: bytes) -> bool:
    """Whether two payloads say the same, however they are spelled."""
    if performed == planned:
        return True
    try:
        return bool(msgspec.json.decode(performed) == msgspec.json.decode(planned))
    except msgspec.DecodeError:
        return False
