"""PACE and shutdown posture: what the phase and the stage in force forbid, before anything else is asked.

The machines that move between phases and stages come by events; this control only obeys. The table says
for each gate which kinds of message may still go. Gates combine by the most restrictive.

    gate         data  instruction  claim  action                 delegation
    primary      yes   yes          yes    yes                    yes
    alternate    yes   yes          yes    yes                    yes
    contingency  yes   yes          yes    reversible ones        no
    emergency    no    no           no     no                     no
    halt         yes   yes          yes    yes                    yes   (no new sessions: IA-2.2)
    freeze       yes   no           no     no (held: never)       no
    drain        yes   no           no     no                     no
    terminate    no    no           no     no                     no

Answers of ports to actions that were performed before the freeze are data, so they still arrive.
"""

from typing import Final

from maso.controls.message import Message
from maso.controls.state import Instance, PlaneState
from maso.envelope import MessageKind
from maso.verdict import Finding, Outcome, Reason

ID: Final = "PACE-1"

PAUSED: Final = Reason(
    "EC-2.4/paused", "EC-2.4", "the agent is paused after repeated blocks", "let a person look at it"
)
PHASE: Final = Reason(
    "PACE-1/phase", ID, "the PACE phase in force forbids this", "wait for recovery, or use the fallback"
)
STAGE: Final = Reason(
    "OB-3.2/stage", "OB-3.2", "the shutdown stage in force forbids this", "wait for the restart"
)
REASONS: Final = (PAUSED, PHASE, STAGE)

PHASE_NAMES: Final = ("primary", "alternate", "contingency", "emergency")
STAGE_NAMES: Final = ("run", "halt", "freeze", "drain", "terminate", "reconcile")

# A gate is `phase | stage << 2`; 0 means that nothing is forbidden and costs one test.
STAGE_SHIFT: Final = 2
_CONTINGENCY: Final = 2
_EMERGENCY: Final = 3
_FREEZE: Final = 2
_TERMINATE: Final = 4


def join_gates(a: int, b: int) -> int:
    """The more restrictive phase with the more restrictive stage."""
    return max(a & 3, b & 3) | max(a >> STAGE_SHIFT, b >> STAGE_SHIFT) << STAGE_SHIFT


class Posture:
    """Refuses what the gates in force forbid."""

    __slots__ = ("_gates",)

    def __init__(self, state: PlaneState) -> None:
        self._gates = state.type_gates

    def check(self, m: Message) -> Finding | None:
        sender = m.sender
        gates = self._gates
        gate = gates[sender.type.index] | sender.gate | sender.session.gate
        if not gate and sender.paused_until <= m.now:
            return None
        return self._closed(m, sender)

    def _closed(self, m: Message, sender: Instance) -> Finding | None:
        if sender.paused_until > m.now:
            return Finding(Outcome.DENY, PAUSED, sender.type.id)
        gate = join_gates(join_gates(self._gates[sender.type.index], sender.gate), sender.session.gate)
        phase, stage = gate & 3, gate >> STAGE_SHIFT
        kind = m.envelope.kind
        if stage >= _TERMINATE or (stage >= _FREEZE and kind != MessageKind.DATA):
            return Finding(Outcome.DENY, STAGE, STAGE_NAMES[stage])
        if phase == _EMERGENCY:
            return Finding(Outcome.DENY, PHASE, PHASE_NAMES[phase])
        if phase == _CONTINGENCY and (kind == MessageKind.DELEGATION or self._irreversible(m)):
            return Finding(Outcome.DENY, PHASE, PHASE_NAMES[phase])
        return None

    @staticmethod
    def _irreversible(m: Message) -> bool:
        """Whether it is an action that cannot be taken back; an unknown one counts as such."""
        if m.envelope.kind != MessageKind.ACTION:
            return False
        for flow in m.sender.type.flows.values():
            if flow.action is not None and flow.action.number == m.envelope.action:
                return flow.action.irreversible or flow.action.privileged
        return True
