"""Invariant 2, its other half: nothing untrusted decides a privileged action unless somebody outside vouches.

For every privileged action performed, the sources in its ancestry are taken from the labels that the label
checker keeps, the endorsers that the fleet file then demands are worked out anew, and each must have vouched
for exactly these arguments in this session, not yet for another performance, and still in time.
"""

import hashlib

import msgspec

from maso.fleet.model import Action
from maso.labels import source_names
from maso.plane.effects import Ask, Perform
from maso.plane.events import ENDORSER_BITS, Answer, Endorse
from maso.sim.checkers.labels import LabelsOnlyRise
from maso.sim.checkers.release import Release
from maso.sim.checkers.turn import Declared, Turn

_json = msgspec.json.Encoder()


class Vouched:
    invariant = 2
    name = "privileged actions are vouched for"
    covers = (
        "every privileged action performed with an untrusted source in its ancestry that may not determine"
        " one of its arguments, or with no source at all, had each endorser that the fleet file names vouch"
        " for these very arguments, in this session, once, in time"
    )
    does_not_cover = (
        "whether the endorser was right to vouch, how long the answer to a held action stays good, and"
        " actions that the fleet file does not mark as privileged"
    )

    def __init__(self, declared: Declared, labels: LabelsOnlyRise) -> None:
        self._declared = declared
        self._labels = labels
        self._given: dict[tuple[int, bytes], dict[int, int]] = {}  # kind to the time until which it holds
        self._asked: dict[int, Ask] = {}

    def turn(self, turn: Turn) -> str:
        event = turn.event
        if isinstance(event, Endorse):
            self._note(event.session, event.digest, event.kind, event.not_after)
        elif isinstance(event, Answer):
            ask = self._asked.pop(event.hold, None)
            if ask is not None and event.granted and event.kind == ask.kind:
                self._note(ask.session, ask.digest, event.kind, 1 << 62)
        return ""

    def held(self, ask: Ask) -> None:
        """An action is held until somebody answers this."""
        self._asked[ask.hold] = ask

    def _note(self, session: int, digest: bytes, kinds: int, not_after: int) -> None:
        held = self._given.setdefault((session, digest), {})
        for bit in ENDORSER_BITS.values():
            if kinds & bit:
                held[bit] = max(not_after, held.get(bit, 0))

    def released(self, r: Release) -> str:
        effect = r.effect
        if not isinstance(effect, Perform) or r.envelope is None or r.sender is None:
            return ""
        action = self._declared.actions.get(effect.action)
        if action is None or not action.privileged:
            return ""
        sources = source_names(self._labels.least(r.envelope, r.sender) | effect.label)
        needed, wrong = self._needed(action, sources)
        if wrong or not needed:
            return wrong
        given = self._given.pop((effect.session, self._digest(effect, action)), {})
        now = r.turn.now
        missing = [name for name in sorted(needed) if given.get(ENDORSER_BITS[name], 0) <= now]
        if not missing:
            return ""
        behind = ", ".join(sources) or "nobody but the agent"
        return f"{action.id} was performed without {', '.join(missing)} vouching; behind it: {behind}"

    @staticmethod
    def _needed(action: Action, sources: tuple[str, ...]) -> tuple[set[str], str]:
        needed: set[str] = set()
        for name, argument in action.arguments.items():
            foreign = [s for s in sources if s not in argument.sources]
            if sources and not foreign:
                continue
            if foreign and not argument.endorsed_by:
                return needed, f"{action.id} was performed though {foreign[0]} may not determine {name}"
            needed.update(argument.endorsed_by)
        return needed, ""

    def _digest(self, effect: Perform, action: Action) -> bytes:
        """SHA-256 over the action's number, the session and the arguments in the schema's order."""
        given = msgspec.json.decode(effect.payload)
        fields = self._declared.schemas[action.schema].fields
        canonical = _json.encode({name: given.get(name) for name in fields})
        head = b"maso action 1\0" + effect.action.to_bytes(4, "big") + effect.session.to_bytes(8, "big")
        return hashlib.sha256(head + canonical).digest()
