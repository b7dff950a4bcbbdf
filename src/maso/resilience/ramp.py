"""Coming back in steps: 1%, 10%, 50%, then everybody; and at once back when it does not hold.

Who returns is decided by a keyed digest of scope and session, so the first hundredth is part of the first
tenth, a session is not in and out again, nobody outside can choose to be among the first, and every process
that has the key agrees without being told.

    state      event                                   then
    step n     held: the dwell is over, somebody who   step n+1; after the last one, done
               returned was heard from, and no more
               than the share failed
    step n     silent: twice the dwell without a word  step n+1 (the step may contain nobody)
    step n     failed: more than the share of those    aborted: nobody is returned any more
               returned and heard from; at once when
               they are three, else at the dwell

Not handled: what a step changes for those who are returned; the plane asks `returned` for each message.
"""

import hashlib
from enum import IntEnum
from typing import Any, Final, NamedTuple

from maso.clock import SECOND
from maso.resilience.counters import INSTANCES_MIN, Evidence

# E6 asks for a gradual return; 1% shows whether it works at all, 10% whether it carries load.
SHARES_MILLI: Final = (10, 100, 500, 1000)
FULL_MILLI: Final = 1000
# A fortieth at a time: what a gateway that is sized for the usual rate can take at 10,000 customers.
SMALL_SHARES_MILLI: Final = (10, *range(25, 1001, 25))
# All at once, which no fleet file may ask for: measured to compare.
AT_ONCE_MILLI: Final = (1000,)
# Long enough for several payments of 1% of 10,000 customers, short enough that a return takes two minutes.
STEP_NS: Final = 30 * SECOND
_SESSION_MASK: Final = (1 << 64) - 1
# A step whose members say nothing may have none; twice the dwell is given for one to speak.
SILENT_STEPS: Final = 2


def place(key: bytes, scope: str, session: int) -> int:
    """Where a session stands in the order of return of a scope: 0 to 999, the lower the earlier."""
    # Whatever number a credential holds: one that does not fit must not stop who counts.
    number = (session & _SESSION_MASK).to_bytes(8, "big")
    digest = hashlib.blake2b(number + scope.encode(), digest_size=4, key=key).digest()
    return int.from_bytes(digest, "big") * FULL_MILLI >> 32


def returned(key: bytes, scope: str, session: int, share_milli: int) -> bool:
    """Whether a session is among the share that may return."""
    return share_milli >= FULL_MILLI or place(key, scope, session) < share_milli


class Verdict(IntEnum):
    """What a step came to."""

    WAIT = 0
    NEXT = 1
    DONE = 2
    ABORT = 3


class Word(NamedTuple):
    """The state of a ramp, for people: how many returned instances spoke in this step, how many failed."""

    share_milli: int
    heard: int
    failed: int


class Ramp:
    """One return of one scope, by rising `shares`. `share_milli` is how much of it is back."""

    __slots__ = ("_evidence", "_shares", "abort_milli", "since", "step", "step_ns")

    def __init__(
        self, now: int, abort_milli: int, step_ns: int = STEP_NS, shares: tuple[int, ...] = SHARES_MILLI
    ) -> None:
        self._shares = shares
        self.step = 0
        self.since = now
        self.step_ns = step_ns
        self.abort_milli = abort_milli
        # A step lasts at most twice its dwell: the window is the whole step.
        self._evidence = Evidence(SILENT_STEPS * step_ns // SECOND + 2)
        self._begin(now)

    @property
    def share_milli(self) -> int:
        return self._shares[self.step]

    @property
    def word(self) -> Word:
        return Word(self.share_milli, self._evidence.heard, self._evidence.failed)

    def hear(self, nhi: int, ok: bool, at: int, now: int, about: str = "") -> Verdict:
        """A returned instance did something. Several that failed are acted on at once, one at the dwell."""
        sides = self._evidence.add(nhi, ok, at, now, about)
        if not ok and len(sides.failed) >= INSTANCES_MIN and sides.over(self.abort_milli):
            return Verdict.ABORT
        return Verdict.WAIT

    def advance(self, now: int) -> Verdict:
        """Time has passed. The last step, everybody, is no step to wait in: reaching it is done."""
        if self.share_milli >= FULL_MILLI:
            return Verdict.DONE
        lasted = now - self.since
        if lasted < self.step_ns:
            return Verdict.WAIT
        if not self._evidence.quiet(self.abort_milli):
            return Verdict.ABORT
        if not self._evidence.heard and lasted < SILENT_STEPS * self.step_ns:
            return Verdict.WAIT
        self.step += 1
        self._begin(now)
        return Verdict.DONE if self.share_milli >= FULL_MILLI else Verdict.NEXT

    def _begin(self, now: int) -> None:
        self.since = now
        self._evidence.reset(now)

    def state(self) -> list[Any]:
        """As plain data: the step, since when, and what those who returned did."""
        return [self.step, self.since, self._evidence.state()]

    def take(self, state: list[Any]) -> None:
        """What `state` gave, of a ramp with the same shares."""
        self.step, self.since, evidence = state
        self._evidence.take(evidence)
