"""The coordinator of a run, which may be stopped for a while and goes on from its journal.

While it is stopped nothing reaches it: outcomes, answers of people and orchestrators are lost. Who joined and
who left meanwhile is told to it afterwards, as a driver can that knows who lives. The journal is kept in
memory, and only where the run stops its coordinator.

Not simulated: a journal that is lost or damaged (`tests/resilience/test_journal.py` has that).
"""

from collections.abc import Sequence

from maso.resilience import signals
from maso.resilience.coordinator import Coordinator
from maso.resilience.journal import Journal, resume
from maso.resilience.plan import Plan


class Listening:
    """Hears for the coordinator. `stops`: whether this run ever stops it."""

    def __init__(self, plan: Plan, key: bytes, *, stops: bool) -> None:
        self.plan = plan
        self._key = key
        self._lines: list[bytes] = []
        self.coordinator = Coordinator(plan, key)
        self._voice = Journal(self.coordinator, self._lines.append) if stops else self.coordinator
        self._away = 0  # how many faults hold it stopped now
        self._joined: dict[int, tuple[int, int, int]] = {}
        self._left: dict[int, None] = {}

    def handle(self, signal: signals.Signal, now: int) -> Sequence[signals.Effect]:
        if not self._away:
            return self._voice.handle(signal, now)
        if isinstance(signal, signals.Joined):
            self._joined.update({member[0]: member for member in signal.members})
        elif isinstance(signal, signals.Left):
            for nhi in signal.nhis:
                self._left[nhi] = None
                self._joined.pop(nhi, None)
        return ()

    def outcome(self, nhi: int, ok: bool, now: int, about: str) -> Sequence[signals.Effect]:
        return () if self._away else self._voice.outcome(nhi, ok, now, now, about)

    def advance(self, now: int) -> Sequence[signals.Effect]:
        return () if self._away else self._voice.advance(now)

    def stop(self) -> None:
        self._away += 1

    def start(self, now: int) -> Sequence[signals.Effect]:
        """It is back: what holds is said once more, and it hears who came and went."""
        self._away -= 1
        if self._away:
            return ()
        journal, effects = resume(self.plan, self._key, self._lines, self._lines.append, now)
        self._voice, self.coordinator = journal, journal.coordinator
        missed = signals.Left(tuple(self._left)), signals.Joined(tuple(self._joined.values()))
        self._left, self._joined = {}, {}
        return [*effects, *(effect for signal in missed for effect in journal.handle(signal, now))]
