"""Invariant 9, as far as a run shows it: every event leaves its record, and nothing happens without one.

Counts what each event must leave, follows the numbers of the records without a gap, and holds every effect
against the record that it names: same sender, recipient, session, kind, label, and an outcome that allows it.
"""

from typing import Final

from maso.evidence.records import (
    AdmitRecord,
    ContractRecord,
    DocumentRecord,
    EndorseRecord,
    EndRecord,
    GateRecord,
    MessageRecord,
    Record,
    decode_record,
)
from maso.plane.effects import Admitted, Ask, Deliver, Ended, Perform, Purged, Refuse, Staged
from maso.plane.events import (
    Admit,
    Answer,
    Arrive,
    CloseSession,
    Deadline,
    Endorse,
    IngestDocument,
    Purge,
    RegisterContract,
    Retire,
    Revoke,
    SetPhase,
    SetStage,
)
from maso.sim.checkers.release import Release
from maso.sim.checkers.turn import Turn

_REDACT, _HOLD, _DENY = 1, 2, 3
# What an event leaves beside the decisions on held messages that it settles.
_OWN: Final[dict[type, type]] = {
    Admit: AdmitRecord,
    RegisterContract: ContractRecord,
    Endorse: EndorseRecord,
    Answer: EndorseRecord,
    IngestDocument: DocumentRecord,
    Revoke: EndRecord,
    Retire: EndRecord,
    CloseSession: EndRecord,
    Purge: EndRecord,
    SetPhase: GateRecord,
    SetStage: GateRecord,
}
# These are about somebody, or about something held: when it is not there any more, nothing happens at all.
_MAY_BE_VOID: Final = (Answer, Deadline, Revoke, Retire, CloseSession, Purge)


class EveryDecisionRecorded:
    invariant = 9
    name = "every decision is recorded"
    covers = (
        "every event left exactly the records that it must, without a gap in their numbers, and every"
        " delivery, action, refusal, hold, admission and ending agrees with the record that it names"
    )
    does_not_cover = "whether the records reach the disk and survive it (the crash tests show that)"

    def __init__(self) -> None:
        self._next = 0

    def turn(self, turn: Turn) -> str:
        """Called for every turn. A message that arrives leaves one record, of its kind."""
        number, self._next = self._number(turn), 0
        if type(turn.event) is Arrive:
            if len(turn.records) != 1:
                return f"a message left {len(turn.records)} records"
            if len(turn.effects) == 1 and type(turn.effects[0]) in (Deliver, Perform):
                self._next = number + 1
                same = turn.effects[0].ref == number  # type: ignore[union-attr]
                return "" if same else "an effect names a record that its event did not leave"
        else:
            wrong = self._others(turn)
            if wrong:
                return wrong
        first = number
        self._next = first + len(turn.records) if first else 0
        for effect in turn.effects:
            at = effect.hold if type(effect) is Ask else effect.ref  # type: ignore[union-attr]
            if not first or not first <= at < first + len(turn.records):
                return "an effect names a record that its event did not leave"
            if type(effect) is Deliver or type(effect) is Perform:
                continue  # held against its record in `released`
            wrong = self._agrees(effect, decode_record(turn.records[at - first]))
            if wrong:
                return wrong
        return ""

    def _number(self, turn: Turn) -> int:
        """The number of the turn's first record: it follows on, or an effect names it."""
        if self._next:
            return self._next
        return turn.first

    @staticmethod
    def _others(turn: Turn) -> str:
        event = type(turn.event)
        records = [decode_record(body) for body in turn.records]
        if not records:
            void = event in _MAY_BE_VOID and not turn.effects
            return "" if void else f"{event.__name__} left no record"
        own = _OWN.get(event)
        settled = [r for r in records if isinstance(r, MessageRecord) and r.hold]
        others = [r for r in records if not (isinstance(r, MessageRecord) and r.hold)]
        if own is None:
            return "" if len(settled) == 1 and not others else f"{event.__name__} left {len(records)} records"
        if len(others) != 1 or not isinstance(others[0], own):
            return f"{event.__name__} left {len(others)} records of its own"
        return "" if len(settled) <= len(turn.effects) else f"{event.__name__} settled more than it says"

    @staticmethod
    def _agrees(effect: object, record: Record) -> str:
        match effect:
            case Refuse():
                return "" if getattr(record, "outcome", -1) == _DENY else "a refusal is not recorded as one"
            case Ask():
                held = isinstance(record, MessageRecord) and record.outcome == _HOLD
                return "" if held else "a hold is not recorded as one"
            case Admitted(session=session, nhis=nhis):
                right = isinstance(record, AdmitRecord) and record.session == session
                right = right and nhis == tuple(m[0] for m in record.members)  # type: ignore[union-attr]
                return "" if right else "an admission differs from its record"
            case Ended(nhis=nhis):
                right = isinstance(record, EndRecord) and record.nhis == nhis
                return "" if right else "an ending differs from its record"
            case Purged(nhi=nhi):
                right = isinstance(record, EndRecord) and record.nhis == (nhi,)
                return "" if right else "a purge differs from its record"
            case Staged(scope=scope, stage=stage):
                right = isinstance(record, GateRecord) and record.what == "stage"
                right = right and (scope, stage) == (record.scope, record.value)  # type: ignore[union-attr]
                return "" if right else "a stage differs from its record"
        return "an effect of an unknown kind"

    def released(self, r: Release) -> str:
        effect, record = r.effect, r.record
        if record is None:
            return "let out without a record"
        if record.outcome > _REDACT or not record.authenticated:
            return "let out though the record says otherwise"
        same = (
            record.sender == effect.sender
            and record.session == effect.session
            and record.action == effect.action
            and record.label == effect.label
            and record.contract == effect.contract
            and (type(effect) is Perform or (record.recipient, record.kind) == (effect.to, effect.kind))  # type: ignore[union-attr]
        )
        return "" if same else "what was let out differs from its record"
