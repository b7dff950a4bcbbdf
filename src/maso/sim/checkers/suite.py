"""All checkers of a run behind one watcher: each event is opened once, and shown to those whom it concerns.

An ordinary message costs its envelope and its record decoded once and one call per checker.

Not handled: what happens outside the plane (a driver that performs what it was not told is out of sight).
"""

from collections import Counter
from collections.abc import Sequence
from typing import Final

from maso.envelope import Envelope
from maso.evidence.records import MessageRecord
from maso.fleet.model import Fleet
from maso.plane.effects import Ask, Deliver, Effect, Perform
from maso.plane.events import Arrive
from maso.sim.checkers.cardholder import CardholderData
from maso.sim.checkers.confidence import ConfidenceOnlyFalls
from maso.sim.checkers.emergency import OnlyPeopleLeaveEmergency
from maso.sim.checkers.fail_closed import FailClosed
from maso.sim.checkers.isolation import OneSessionOneType
from maso.sim.checkers.labels import LabelsOnlyRise
from maso.sim.checkers.no_authority import NoAuthorityFromAsking
from maso.sim.checkers.records import EveryDecisionRecorded
from maso.sim.checkers.release import Checker, Release
from maso.sim.checkers.reproducible import SameBytes
from maso.sim.checkers.turn import Declared, Roster, Turn, Violation
from maso.sim.checkers.vouched import Vouched

# Enough to see what is wrong; the rest is counted.
KEPT_PER_CHECKER: Final = 20


class Suite:
    """Watches one run. `reproduce` is the command that shows a violation again."""

    wants_inbox = False

    def __init__(self, fleet: Fleet, reproduce: str) -> None:
        declared = Declared(fleet)
        self.reproduce = reproduce
        self._declared = declared
        self._roster = Roster()
        labels = LabelsOnlyRise(declared)
        self._vouched = Vouched(declared, labels)
        self.cardholder = CardholderData(declared)
        self.same_bytes = SameBytes()
        self._records = EveryDecisionRecorded()
        self.checkers: tuple[Checker, ...] = (
            FailClosed(),
            NoAuthorityFromAsking(declared, self._roster),
            self._vouched,
            labels,
            ConfidenceOnlyFalls(declared),
            OneSessionOneType(declared),
            self.cardholder,
            self._records,
            self.same_bytes,
            OnlyPeopleLeaveEmergency(declared),
        )
        self._rare = tuple(c for c in self.checkers if c not in (self._records, self.same_bytes))
        self._looks = tuple((c, c.released) for c in self.checkers if c is not self.same_bytes)
        self._held: dict[int, tuple[Envelope | None, Ask]] = {}
        self._kept: dict[str, list[Violation]] = {c.name: [] for c in self.checkers}
        self.counts: Counter[str] = Counter()
        self.turns = 0

    # A watcher.

    def on_event(self, event: object, now: int) -> None:
        """Nothing: what matters is what came of it."""

    def on_world(self, done: object, now: int) -> None:
        """Nothing: the plane's effects are looked at before a world sees them."""

    def on_effects(
        self, event: object, effects: Sequence[Effect], records: Sequence[bytes], now: int
    ) -> None:
        turn = Turn(event, effects, records, now)
        self.turns += 1
        arrives = type(event) is Arrive
        if not arrives:
            self._roster.join(turn)
        self.same_bytes.turn(turn)
        wrong = self._records.turn(turn)
        if wrong:
            self._violated(self._records, 0, now, wrong)
        if not arrives:
            self._show(turn)
        session = 0
        for effect in effects:
            kind = type(effect)
            if kind is Deliver or kind is Perform:
                session = effect.session  # type: ignore[union-attr]
                self._released(turn, effect)  # type: ignore[arg-type]
            elif kind is Ask:
                session = effect.session  # type: ignore[union-attr]
                self._hold(turn, effect)  # type: ignore[arg-type]
        if not session and arrives and turn.envelope is not None:
            session = turn.envelope.session  # refused: its record may still say too much
        for body in records:
            wrong = self.cardholder.recorded(body, session)
            if wrong:
                self._violated(self.cardholder, 0, now, wrong)
        if not arrives:
            self._roster.leave(turn)

    def _show(self, turn: Turn) -> None:
        """A turn that is no arrival, to those whose state it changes."""
        for checker in self._rare:
            wrong = checker.turn(turn)
            if wrong:
                self._violated(checker, 0, turn.now, wrong)

    def _released(self, turn: Turn, effect: Deliver | Perform) -> None:
        record = turn.record_of(effect.ref)
        message = record if isinstance(record, MessageRecord) else None
        ask: Ask | None = None
        envelope = turn.envelope
        if message is not None and message.hold:
            envelope, ask = self._held.pop(message.hold, (None, None))
        sender = self._roster.by_nhi.get(effect.sender)
        recipient = self._roster.recipient(effect, self._declared)
        release = Release(turn, effect, envelope, message, ask, sender, recipient)
        for checker, look in self._looks:
            wrong = look(release)
            if wrong:
                self._violated(checker, effect.ref, turn.now, wrong)

    def _hold(self, turn: Turn, ask: Ask) -> None:
        """Keep what came in; one that is held a second time keeps its first envelope."""
        envelope = turn.envelope
        record = turn.record_of(ask.hold)
        if isinstance(record, MessageRecord) and record.hold:
            envelope, _ = self._held.pop(record.hold, (None, None))
        self._held[ask.hold] = (envelope, ask)
        self._vouched.held(ask)

    def _violated(self, checker: Checker, ref: int, now: int, what: str) -> None:
        self.counts[checker.name] += 1
        kept = self._kept[checker.name]
        if len(kept) < KEPT_PER_CHECKER:
            kept.append(Violation(checker.invariant, checker.name, ref, now, what))

    # What was seen.

    @property
    def violations(self) -> tuple[Violation, ...]:
        """The first of each checker, in the order of the invariants."""
        return tuple(v for checker in self.checkers for v in self._kept[checker.name])

    def texts(self) -> tuple[str, ...]:
        return tuple(v.text(self.reproduce) for v in self.violations)
