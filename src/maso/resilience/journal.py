"""What a coordinator heard, written down before it acts, so that a stopped one goes on where it was.

A coordinator decides by what it heard alone, so replaying that gives the same state, to the last counter.
From time to time its whole state is written as well (`Coordinator.state`), and what lies before is not needed
any more. So a crash at any line changes no later decision: windows, heals of the last 24 hours, returns under
way, requests to people, orders that were used, and what orchestrators know are as they were.

Being away is another matter: what nobody heard is not evidence. After more than `SILENCE_NS` a return under
way is broken off and every dwell begins anew, which is stricter than if it had not been stopped; floors,
heals and requests are as they were, and a request's and a question's time goes on. Then everything that holds
is said once more, since nobody knows what of it was heard. While it is away phases stay as they are: nothing
falls, either.

    line                         is
    [STATE, now, state]          everything, as plain data
    [RESTARTED, now, silent]     it went on
    [TIME, now]                  `advance`
    [OUTCOME, now, nhi, ...]     one call of one instance
    [n, now, ...]                another signal, by its place in `HEARD`

A line that cannot be read is what a crash left of the last one, or the journal is not to be trusted.

Not handled: where lines are kept and who may write there (a driver's: append only, in order), who is live
after the restart (the driver sends `Joined` and `Left` for whatever it was not told meanwhile), and two
coordinators at once.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final

import msgspec

from maso.clock import SECOND
from maso.resilience.coordinator import Coordinator
from maso.resilience.plan import Plan
from maso.resilience.signals import (
    Answered,
    Assessed,
    Back,
    Blocked,
    Effect,
    Gone,
    Heard,
    Joined,
    Left,
    Order,
    Outcome,
    Scored,
    Signal,
)

STATE: Final = -1
RESTARTED: Final = -2
TIME: Final = -3
# Their places are in the journals of others: new ones go to the end.
HEARD: Final[tuple[type, ...]] = (
    Outcome, Joined, Left, Blocked, Scored, Gone, Back, Assessed, Heard, Order, Answered,
)  # fmt: skip
OUTCOME: Final = 0
_PLACE: Final = {kind: i for i, kind in enumerate(HEARD)}
# A driver calls once a second; three missed calls and it was not there.
SILENCE_NS: Final = 3 * SECOND
# About two minutes of 40,000 actions each; replaying them takes less than a second.
STATE_EVERY: Final = 100_000

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder().decode


class JournalError(ValueError):
    """A journal that is not what a coordinator wrote."""


class Journal:
    """A coordinator that writes down what it hears. `append` must have kept a line before it returns."""

    def __init__(
        self, coordinator: Coordinator, append: Callable[[bytes], object], state_every: int = STATE_EVERY
    ) -> None:
        self.coordinator = coordinator
        self._append = append
        self._every = state_every
        self._lines = 0

    def handle(self, signal: Signal, now: int) -> Sequence[Effect]:
        """`Coordinator.handle`; what it refuses with an error is written down too, and refused again."""
        self._write([_PLACE[type(signal)], now, *signal])
        return self.coordinator.handle(signal, now)

    def outcome(self, nhi: int, ok: bool, at: int, now: int, about: str = "") -> Sequence[Effect]:
        if nhi not in self.coordinator.instances.live:
            return ()  # it changes nothing
        self._write([OUTCOME, now, nhi, ok, at, about])
        return self.coordinator.outcome(nhi, ok, at, now, about)

    def advance(self, now: int) -> Sequence[Effect]:
        self._write([TIME, now])
        return self.coordinator.advance(now)

    def restarted(self, now: int) -> list[Effect]:
        """It is back: everything that holds, said once more."""
        silent = now - self.coordinator.clock > SILENCE_NS
        self._write([RESTARTED, now, silent])
        return self.coordinator.restarted(now, silent)

    def _write(self, line: list[Any]) -> None:
        if self._lines >= self._every:
            self._lines = 0
            self._append(_encode([STATE, self.coordinator.clock, self.coordinator.state()]))
        self._lines += 1
        self._append(_encode(line))


def restore(plan: Plan, key: bytes, lines: Iterable[bytes]) -> Coordinator:
    """The coordinator that wrote these lines, as it was after the last whole one."""
    read = _read(lines)
    start = max((i for i, line in enumerate(read) if line[0] == STATE), default=-1)
    coordinator = Coordinator(plan, key)
    try:
        if start >= 0:
            coordinator.take(read[start][2])
        for line in read[start + 1 :]:
            _hear(coordinator, line)
    except JournalError:
        raise
    except (TypeError, KeyError, ValueError, IndexError, AttributeError) as error:
        raise JournalError("a line of the journal is not what a coordinator of this fleet wrote") from error
    return coordinator


def resume(
    plan: Plan, key: bytes, lines: Sequence[bytes], append: Callable[[bytes], object], now: int
) -> tuple[Journal, list[Effect]]:
    """Go on after a stop: the coordinator, writing on, and everything that holds, said once more."""
    journal = Journal(restore(plan, key, lines), append)
    return journal, journal.restarted(now)


def _read(lines: Iterable[bytes]) -> list[list[Any]]:
    read: list[list[Any]] = []
    torn = False
    for number, line in enumerate(lines, 1):
        if torn:
            raise JournalError(f"line {number - 1} of the journal cannot be read, and more follow")
        try:
            found = _decode(line)
        except msgspec.DecodeError:
            torn = True
            continue
        if not isinstance(found, list) or len(found) < 2 or not isinstance(found[0], int):
            raise JournalError(f"line {number} of the journal is none")
        read.append(found)
    return read


def _hear(coordinator: Coordinator, line: list[Any]) -> None:
    kind, now, *rest = line
    match kind:
        case 0:
            nhi, ok, at, about = rest
            coordinator.outcome(nhi, ok, at, now, about)
        case -3:
            coordinator.advance(now)
        case -2:
            coordinator.restarted(now, rest[0])
        case _ if 0 < kind < len(HEARD):
            try:
                coordinator.handle(HEARD[kind](*rest), now)
            except ValueError:
                return  # it was refused then, for the same reason
        case _:
            raise JournalError(f"`{kind}` begins no line of a journal")
