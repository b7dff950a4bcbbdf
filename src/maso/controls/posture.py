"""PACE and shutdown posture: what the phase and the stage in force forbid, before anything else is asked.

The machines that move between phases and stages come by events; this control only obeys. What a phase means
for a risk is one table (`resilience/allowances.py`): which kinds of message may go, up to which class an
action may simply be done, and up to which with a person's approval; and which share of the actions is judged
(both asked for by EC-2.6). What a stage means:

    stage        data  instruction  claim  action                 delegation
    halt         yes   yes          yes    yes                    yes   (no new sessions: IA-2.2)
    freeze       yes   no           no     no (held: never)       no
    drain        yes   no           no     no                     no
    terminate    no    no           no     no                     no

Gates of a session, an instance, its type, its cluster and the system combine by the most restrictive. While
a scope comes back in steps, a keyed order says which of its sessions are back (`resilience/ramp.py`).

Nothing leaves Emergency that no person has decided on: `may_set`, invariant 11, whoever raises the event; and
no stage of a shutdown is taken back without two: `may_stage`.
Answers of ports to actions that were performed before the freeze are data, so they still arrive.
"""

from typing import Final

from maso.controls.message import Message
from maso.controls.state import Instance, PlaneState
from maso.envelope import MessageKind
from maso.evidence.records import GateRecord
from maso.fleet.figures import judged_share
from maso.fleet.operations import OPERATIONS
from maso.fleet.rulebook import ActionRules, Rulebook, TypeRules
from maso.resilience.allowances import EVERY_MILLI, RISKS, TABLE, ActionClass, class_of, higher, judge_milli
from maso.resilience.pace import PHASE_NAMES, Phase
from maso.resilience.ramp import FULL_MILLI, returned
from maso.resilience.shutdown import STAGE_NAMES, Stage
from maso.verdict import Finding, Outcome, Reason

ID: Final = "PACE-1"

PAUSED: Final = Reason(
    "EC-2.4/paused", "EC-2.4", "the agent is paused after repeated blocks", "let a person look at it"
)
PHASE: Final = Reason(
    "PACE-1/phase", ID, "the PACE phase in force forbids this", "wait for recovery, or use the fallback"
)
APPROVAL: Final = Reason(
    "PACE-1/approval", ID, "the PACE phase in force wants a person's approval", "let a person decide"
)
STAGE: Final = Reason(
    "OB-3.2/stage", "OB-3.2", "the shutdown stage in force forbids this", "wait for the restart"
)
JUDGED: Final = Reason(
    "PACE-1/judged", ID, "the PACE phase in force has this action judged", "let the facts be compared"
)
REASONS: Final = (PAUSED, PHASE, APPROVAL, JUDGED, STAGE)

# A gate is `phase | stage << 2`; 0 means that nothing is forbidden and costs one test.
STAGE_SHIFT: Final = 2
_FREEZE: Final = int(Stage.FREEZE)
# Of an action that its sender may not do at all (IA-1.4 refuses it): doubt is judged.
_ALL_JUDGED: Final = (EVERY_MILLI,) * len(Phase)
_TERMINATE: Final = int(Stage.TERMINATE)


def join_gates(a: int, b: int) -> int:
    """The more restrictive phase with the more restrictive stage."""
    return max(a & 3, b & 3) | max(a >> STAGE_SHIFT, b >> STAGE_SHIFT) << STAGE_SHIFT


def may_set(state: PlaneState, record: GateRecord) -> bool:
    """Whether this phase may be set: a person ends Emergency, and a share of a scope only ever returns."""
    in_force = state.gates.get(("phase", record.scope), 0)
    if record.value < Phase.EMERGENCY == in_force and not record.by:
        return False
    if record.share_milli == FULL_MILLI:
        return True
    shared = record.scope == "system" or record.scope.startswith(("type:", "cluster:"))
    return shared and 0 < record.share_milli < FULL_MILLI and record.value < in_force


def may_stage(state: PlaneState, record: GateRecord) -> bool:
    """Whether this stage may be set: stages only rise, but for two people, before the drain or at the end."""
    in_force = state.gates.get(("stage", record.scope), 0)
    if record.value >= in_force:
        return True
    two = len(set(record.by.split("+")) - {""}) >= 2
    return two and record.value == Stage.RUN and in_force in (Stage.HALT, Stage.FREEZE, Stage.SETTLED)


def action_class(action: ActionRules) -> ActionClass:
    """How final an action is, by what the fleet file and its operation say."""
    operation = OPERATIONS.get(action.operation)
    return class_of(
        irreversible=action.irreversible or (operation is not None and operation.irreversible),
        privileged=action.privileged,
        reads=operation is not None and not operation.lasting and not operation.moves_money,
    )


class Posture:
    """Refuses what the gates in force forbid. `key` decides who is back while a scope returns."""

    __slots__ = ("_actions", "_gates", "_judged", "_key", "_returns", "_rows")

    def __init__(self, state: PlaneState, rules: Rulebook, key: bytes) -> None:
        self._gates = state.type_gates
        self._returns = state.type_returns
        self._key = key
        self._rows = {risk: tuple(TABLE[risk, phase] for phase in Phase) for risk in RISKS}
        self._judged = _judged(rules)
        # Of an action: its class, and the rows that count for it, by the risk of the type. Number 0, and what
        # nobody knows (IA-1.4 refuses it), is the most final one.
        self._actions = tuple(
            (ActionClass.FINAL, dict.fromkeys(RISKS, self._rows["critical"]))
            if action is None
            else (action_class(action), {risk: self._rows[higher(risk, action.risk)] for risk in RISKS})
            for action in rules.actions
        )

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
        gate = self._of_type(sender)
        if sender.gate or sender.session.gate:
            gate = join_gates(join_gates(gate, sender.gate), sender.session.gate)
        phase, stage = gate & 3, gate >> STAGE_SHIFT
        kind = m.envelope.kind
        if stage >= _TERMINATE or (stage >= _FREEZE and kind != MessageKind.DATA):
            return Finding(Outcome.DENY, STAGE, STAGE_NAMES[stage])
        return self._phase(m, phase, sender.type) if phase else None

    def _of_type(self, sender: Instance) -> int:
        """The gate of type, cluster and system, as it is for this sender's session."""
        index = sender.type.index
        gate = self._gates[index]
        scopes = self._returns[index]
        if not scopes:
            return gate
        session = sender.session.number
        phases = (
            better if returned(self._key, scope, session, share) else phase
            for scope, phase, better, share in scopes
        )
        return max(phases) | gate >> STAGE_SHIFT << STAGE_SHIFT

    def _phase(self, m: Message, phase: int, sender: TypeRules) -> Finding | None:
        kind, risk = m.envelope.kind, sender.risk
        row = self._rows[risk][phase]
        if not row.kinds >> kind & 1:
            return Finding(Outcome.DENY, PHASE, PHASE_NAMES[phase])
        if kind != MessageKind.ACTION:
            return None
        number = m.envelope.action
        of, rows = self._actions[number if 0 < number < len(self._actions) else 0]
        row = rows[risk][phase]
        if of > row.approved:
            return Finding(Outcome.DENY, PHASE, PHASE_NAMES[phase])
        m.approval = of > row.free
        m.judge_milli = self._judged.get((sender.index, number), _ALL_JUDGED)[phase]
        return None


def _judged(rules: Rulebook) -> dict[tuple[int, int], tuple[int, ...]]:
    """By type and action: the share that is judged in each phase, with what the fleet file declares."""
    out: dict[tuple[int, int], tuple[int, ...]] = {}
    for agent in rules.fleet.types:
        index = rules.type_by_id[agent.id].index
        for name in agent.actions:
            action = rules.action_by_id[name]
            declared = round(judged_share(rules.fleet, agent, action.spec) * EVERY_MILLI)
            risk = higher(agent.risk, action.risk)
            out[index, action.number] = tuple(judge_milli(risk, phase, declared) for phase in Phase)
    return out
