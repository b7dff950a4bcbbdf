"""How fast a sweep may ask the gateway: calls a second, calls at once, and less where that is too much.

A gateway that confirms `rate` calls a second, each of which may take `call`, has at most

    rate x (call + 1 / rate)        (Little's law: at once = rate x time)

of them in its hands. So calls go out one at a time, `1 / rate` apart: no queue builds up at a gateway that
keeps its word, and no more are out at once than that product. An answer that has not come after `call` and
one turn (`1 / rate`) cannot come in time any more; only then the call is lost, and may be repeated.

A gateway that does not keep its word says `busy`, or falls silent. Then the pace is halved, calls at once and
per second alike, and grows again with every answer. A call that went out before the last halving says nothing
about the pace after it, so a burst of losses halves once.

Not handled: others who ask the same gateway (a fleet is stopped when its sweep begins), and what a reconciler
that was killed had out: the next one cannot know, and asks again, under the same keys.
"""

from math import ceil
from typing import Final, NamedTuple

from maso.clock import SECOND

# Where neither a rate nor a number is declared: what a gateway's connection pool commonly holds.
AT_ONCE: Final = 50
# Shares of the full pace, in thousandths.
FULL: Final = 1_000
# A sweep that asks a sixteenth of what was declared learns as much as one that asks nothing.
LEAST: Final = FULL // 16
# Thirty-two answers in time make up for one that was lost.
RISE: Final = FULL // 32


class Terms(NamedTuple):
    """What the gateway takes. `gap_ns` between two calls is 0 where no rate is declared."""

    gap_ns: int
    at_once: int
    answer_ns: int


def terms(per_second: float | None, call_ns: int, at_once: int | None = None) -> Terms:
    """`per_second`: calls that the gateway confirms; `call_ns`: the longest that one takes."""
    gap_ns = ceil(SECOND / per_second) if per_second else 0
    answer_ns = call_ns + gap_ns
    if at_once is None:
        at_once = ceil(answer_ns / gap_ns) if gap_ns else AT_ONCE
    return Terms(gap_ns, at_once, answer_ns)


# A call: its item, what was asked, and which attempt it is.
Name = tuple[str, str, int]


class Asking:
    """Which calls are out, and when the next may go."""

    __slots__ = ("_halved_at", "_next_at", "_out", "_share", "_terms")

    def __init__(self, terms: Terms, now: int) -> None:
        self._terms = terms
        self._share = FULL
        self._next_at = now
        self._halved_at = now - 1
        self._out: dict[Name, int] = {}  # asked at; the oldest first

    def may(self, now: int) -> bool:
        return now >= self._next_at and len(self._out) < self._at_once

    def asked(self, name: Name, now: int) -> None:
        self._out[name] = now
        self._next_at = now + self._terms.gap_ns * FULL // self._share

    def answered(self, name: Name, now: int, *, busy: bool) -> None:
        """An answer. One that comes too late was counted as lost before, and says nothing more."""
        asked_at = self._out.pop(name, None)
        if asked_at is None:
            return
        if busy:
            self._too_much(asked_at, now)
        else:
            self._share = min(FULL, self._share + RISE)

    def lost(self, now: int) -> list[Name]:
        """The calls whose answer cannot come in time any more; they are not out any more."""
        late = []
        for name, asked_at in self._out.items():
            if asked_at + self._terms.answer_ns > now:
                break
            late.append(name)
        for name in late:
            self._too_much(self._out.pop(name), now)
        return late

    def _too_much(self, asked_at: int, now: int) -> None:
        if asked_at > self._halved_at:
            self._share = max(LEAST, self._share // 2)
            self._halved_at = now

    def next_at(self) -> int:
        """When another call may go, as far as is known."""
        if len(self._out) < self._at_once:
            return self._next_at
        return max(self._next_at, self.lost_at or 0)

    @property
    def lost_at(self) -> int | None:
        """When the oldest call counts as lost."""
        oldest = next(iter(self._out.values()), None)
        return None if oldest is None else oldest + self._terms.answer_ns

    @property
    def _at_once(self) -> int:
        return max(1, self._terms.at_once * self._share // FULL)
