"""Windows behind the triggers: how many *different* instances of a type failed lately, of how many heard.

A window counts distinct instances over the last `minutes`, by the second in which something happened. Each
instance stands in it once, at its latest second, so the order in which signals arrive and how often they are
repeated change nothing: the count is a function of the set of signals. One instance that floods counts one.

Cost: constant per signal (a second's bucket is dropped as a whole when it is too old), whatever the number
of instances; memory is one entry for each instance heard of in the window.

What is shared out is the share of those *heard from*, not of all that live: of 10,000 customers, few pay in
any two minutes, so that a gateway that fails everybody would never reach a fifth of all payment instances
(ADR 15 has the measurement). So that a handful cannot pass for everybody, the failed must be at least
`INSTANCES_MIN`, and at least `LIVE_SHARE_MILLI` of all that live.

Not handled: which signals are true. Who may raise one is the driver's wiring (`coordinator.py`).
"""

from typing import Any, Final

from maso.clock import SECOND

# One instance is an accident and two may be one; three that do not know each other are a pattern.
INSTANCES_MIN: Final = 3
# Of 10,000 live instances 200: an attacker with fewer sessions cannot move the type, however loud they are.
LIVE_SHARE_MILLI: Final = 20


class Window:
    """Distinct instances in the last `seconds` whole seconds, the present one included."""

    __slots__ = ("_buckets", "_floor", "_last", "_newest", "_oldest", "seconds")

    def __init__(self, seconds: int) -> None:
        self.seconds = seconds
        self._buckets: dict[int, dict[int, None]] = {}
        self._last: dict[int, int] = {}  # instance -> the second at which it stands
        self._oldest = 0  # every second before this one has been dropped
        self._newest = 0
        self._floor = 0  # ns; what happened before does not count

    def __len__(self) -> int:
        return len(self._last)

    def __contains__(self, nhi: int) -> bool:
        return nhi in self._last

    def add(self, nhi: int, at: int, now: int) -> bool:
        """Something happened to `nhi` at `at`; False when it does not count (too old, or before a reset)."""
        self.expire(now)
        if at < self._floor:
            return False
        second = min(at // SECOND, self._newest)  # a signal from the future is from now
        if second < self._oldest:
            return False
        before = self._last.get(nhi)
        if before is not None:
            if before >= second:
                return True
            del self._buckets[before][nhi]
        self._last[nhi] = second
        bucket = self._buckets.get(second)
        if bucket is None:
            bucket = self._buckets[second] = {}
        bucket[nhi] = None
        return True

    def expire(self, now: int) -> None:
        """Drop what is older than the window at `now`; an older `now` drops nothing."""
        second = now // SECOND
        if second <= self._newest:
            return
        self._newest = second
        first = second - self.seconds + 1
        if first - self._oldest > len(self._buckets):  # a long silence: the buckets are fewer than seconds
            for old in [s for s in self._buckets if s < first]:
                self._drop(old)
        else:
            for old in range(self._oldest, first):
                self._drop(old)
        self._oldest = max(self._oldest, first)

    def _drop(self, second: int) -> None:
        for nhi in self._buckets.pop(second, ()):
            del self._last[nhi]

    def reset(self, floor: int) -> None:
        """Forget everything; what happened before `floor` (ns) does not count when it comes late."""
        self._buckets.clear()
        self._last.clear()
        self._floor = max(self._floor, floor)

    def state(self) -> list[Any]:
        """As plain data: the oldest and the newest second, the floor, and who stands in which second."""
        seconds = [[second, list(nhis)] for second, nhis in self._buckets.items()]
        return [self._oldest, self._newest, self._floor, seconds]

    def take(self, state: list[Any]) -> None:
        """What `state` gave, of a window as long."""
        self._oldest, self._newest, self._floor, seconds = state
        self._buckets = {second: dict.fromkeys(nhis) for second, nhis in seconds}
        self._last = {nhi: second for second, nhis in seconds for nhi in nhis}


class Sides:
    """What speaks for and against one thing that is called: who was heard from, and who of them failed."""

    __slots__ = ("failed", "heard")

    def __init__(self, seconds: int) -> None:
        self.heard = Window(seconds)
        self.failed = Window(seconds)

    def add(self, nhi: int, ok: bool, at: int, now: int) -> None:
        self.heard.add(nhi, at, now)
        if ok:
            self.failed.expire(now)
        else:
            self.failed.add(nhi, at, now)

    def expire(self, now: int) -> None:
        self.heard.expire(now)
        self.failed.expire(now)

    def over(self, share_milli: int) -> bool:
        """Whether more than this share of those heard from failed; not so when nobody was heard from."""
        return len(self.failed) * 1000 > len(self.heard) * share_milli


class Evidence:
    """The evidence about one scope, by what its instances called (a port, a provider; \"\" for no name).

    Kept apart, so that a gateway that fails everybody is not outvoted by models that answer.
    """

    __slots__ = ("_floor", "_seconds", "sides")

    def __init__(self, seconds: int) -> None:
        self._seconds = seconds
        self._floor = 0
        self.sides: dict[str, Sides] = {}

    def add(self, nhi: int, ok: bool, at: int, now: int, about: str = "") -> Sides:
        sides = self.sides.get(about)
        if sides is None:
            sides = self.sides[about] = Sides(self._seconds)
            sides.heard.reset(self._floor)
            sides.failed.reset(self._floor)
        sides.add(nhi, ok, at, now)
        return sides

    def expire(self, now: int) -> None:
        for sides in self.sides.values():
            sides.expire(now)

    def reset(self, floor: int) -> None:
        """Forget everything; what happened before `floor` (ns) does not count when it comes late."""
        self.sides.clear()
        self._floor = max(self._floor, floor)

    @property
    def failed(self) -> int:
        """How many instances failed at what fails most."""
        return max((len(sides.failed) for sides in self.sides.values()), default=0)

    @property
    def heard(self) -> int:
        """How many instances were heard from about what is called most."""
        return max((len(sides.heard) for sides in self.sides.values()), default=0)

    def quiet(self, share_milli: int) -> bool:
        """Whether nothing fails for more than this share: true also when nobody was heard from."""
        return not any(sides.over(share_milli) for sides in self.sides.values())

    def state(self) -> list[Any]:
        """As plain data: the floor, and both windows by what was called."""
        sides = [[about, one.heard.state(), one.failed.state()] for about, one in self.sides.items()]
        return [self._floor, sides]

    def take(self, state: list[Any]) -> None:
        """What `state` gave, of evidence as long."""
        self._floor, sides = state
        self.sides = {}
        for about, heard, failed in sides:
            one = self.sides[about] = Sides(self._seconds)
            one.heard.take(heard)
            one.failed.take(failed)


class SignalEvidence(Evidence):
    """Counts signals where `Evidence` counts instances: what five agents make do with, kept to compare.

    One instance that fails often is then as good as many, which is why no fleet file may ask for it.
    """

    __slots__ = ("_number",)

    def __init__(self, seconds: int) -> None:
        super().__init__(seconds)
        self._number = 0

    def add(self, nhi: int, ok: bool, at: int, now: int, about: str = "") -> Sides:
        self._number += 1
        return super().add(self._number, ok, at, now, about)

    def state(self) -> list[Any]:
        return [self._number, super().state()]

    def take(self, state: list[Any]) -> None:
        self._number, rest = state
        super().take(rest)


def exceeds(sides: Sides, share_milli: int, live: int) -> bool:
    """Whether more than this share failed, and enough of all that live."""
    failed = len(sides.failed)
    if failed < INSTANCES_MIN or failed * 1000 < live * LIVE_SHARE_MILLI:
        return False
    return sides.over(share_milli)
