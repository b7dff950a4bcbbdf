"""Invariant 3: labels only rise, except by a declassification that the file allows and the record shows.

Keeps a label of its own for every context: the join of what was delivered there. Whatever an instance sends
must carry at least that, what it declared, the port's floor, and the label of its session where it names a
parent that it was never given. And nobody receives what the file does not clear them for.
"""

from maso.envelope import Envelope
from maso.labels import CONFIDENTIALITY_MASK, LEVEL_MASK, label_text
from maso.plane.effects import Ended, Purged
from maso.sim.checkers.release import Release
from maso.sim.checkers.turn import Declared, Someone, Turn


class LabelsOnlyRise:
    invariant = 3
    name = "labels only rise"
    covers = (
        "what is sent carries the label of everything delivered to its sender since the last purge, the label"
        " it declared and that of its port; a compartment is shed only where the fleet file says so and the"
        " record shows it; nobody receives a label beyond their clearance"
    )
    does_not_cover = (
        "whether the label given at the source was right, what DLP should have found, and what a tool gives"
        " back that was written into it before"
    )

    def __init__(self, declared: Declared) -> None:
        self._declared = declared
        self._compartments = tuple(c.id for c in declared.fleet.compartments)
        self._sheds: dict[tuple[str, str, int], int] = {}
        self.context: dict[int, int] = {}
        self._memory: dict[int, int] = {}
        self._given: dict[int, set[int]] = {}  # references delivered to each: membership only
        self._session: dict[int, int] = {}

    def turn(self, turn: Turn) -> str:
        for effect in turn.effects:
            if isinstance(effect, Purged):
                self.context[effect.nhi] = self._memory.get(effect.nhi, 0)
                self._given.pop(effect.nhi, None)
            elif isinstance(effect, Ended):
                for nhi in effect.nhis:
                    self.context.pop(nhi, None)
                    self._memory.pop(nhi, None)
                    self._given.pop(nhi, None)
        return ""

    def least(self, envelope: Envelope, sender: Someone) -> int:
        """The label that what this sender sends has at least, before anything is shed."""
        label = (
            (envelope.label or 0) | self.context.get(envelope.sender, 0) | self._declared.floor[sender.type]
        )
        if envelope.parents and sender.session:
            given = self._given.get(envelope.sender, ())
            if any(parent not in given for parent in envelope.parents):
                label |= self._session.get(sender.session, 0)
        return label

    def released(self, r: Release) -> str:
        effect, envelope, sender, recipient = r.effect, r.envelope, r.sender, r.recipient
        if envelope is None or sender is None or recipient is None:
            return ""  # fail closed and isolation say so
        least = self.least(envelope, sender)
        missing = least & ~effect.label
        wrong = self._shed(r, sender.type, recipient.type, least, missing) if missing else ""
        over = effect.label & CONFIDENTIALITY_MASK & ~self._declared.clearance[recipient.type]
        if over:
            wrong = wrong or f"{recipient.type} is not cleared for {label_text(over, self._compartments)}"
        if not r.performed:
            self._deliver(r, sender, effect.label)
        return wrong

    def _shed(self, r: Release, sender: str, recipient: str, least: int, missing: int) -> str:
        key = (sender, recipient, r.effect.action)
        may = self._sheds.get(key)
        if may is None:
            may = self._sheds[key] = self._declared.declassified(*key)
        shed = missing & may
        beyond = missing & ~may
        if shed:
            # The level came with the compartment: it falls to what the recipient may have.
            beyond &= ~(LEVEL_MASK & ~self._declared.clearance[recipient])
            if r.record is None or shed & ~r.record.shed:
                return f"{sender} to {recipient} shed {label_text(shed, self._compartments)} unrecorded"
        return f"{sender} to {recipient} lost {label_text(beyond, self._compartments)}" if beyond else ""

    def _deliver(self, r: Release, sender: Someone, label: int) -> None:
        to, ref = r.effect.to, r.effect.ref  # type: ignore[union-attr]
        self._session[r.effect.session] = self._session.get(r.effect.session, 0) | label
        if to == sender.nhi:
            self._memory[to] = self._memory.get(to, 0) | label
            return
        self.context[to] = self.context.get(to, 0) | label
        given = self._given.get(to)
        if given is None:
            self._given[to] = {ref}
        else:
            given.add(ref)
