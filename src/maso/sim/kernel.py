"""The scheduler of virtual time: a heap of `(time, priority, sequence, call, argument)`.

Equal times are ordered by priority (lower first), then by the order in which they were scheduled, so a run
has one order and only one. Time is an integer of nanoseconds and never goes back.

Not here: real time, cancelling (an event that no longer matters finds that out when it is called).
"""

from collections.abc import Callable
from heapq import heappop, heappush
from typing import Any, Final

Call = Callable[[Any], None]
Entry = tuple[int, int, int, Call, Any]
Progress = Callable[[int, int], None]

# Often enough for a smooth bar, rare enough to cost nothing: some tens of times a second.
PROGRESS_EVENTS: Final = 1_000

DEFAULT_PRIORITY: Final = 10


class Kernel:
    """Runs calls in virtual time. `progress(now, events so far)` is called every 1,000 events."""

    __slots__ = ("_heap", "_progress", "_sequence", "events", "now")

    def __init__(self, progress: Progress | None = None) -> None:
        self.now = 0
        self.events = 0
        self._heap: list[Entry] = []
        self._sequence = 0
        self._progress = progress

    def __len__(self) -> int:
        return len(self._heap)

    def at(self, time: int, call: Call, argument: Any = None, priority: int = DEFAULT_PRIORITY) -> None:
        """Call `call(argument)` at `time`; ValueError for a time that has passed."""
        if time < self.now:
            raise ValueError(f"cannot schedule for {time} ns: it is {self.now} ns already")
        self._sequence += 1
        heappush(self._heap, (time, priority, self._sequence, call, argument))

    def after(self, delay: int, call: Call, argument: Any = None, priority: int = DEFAULT_PRIORITY) -> None:
        """Call `call(argument)` `delay` ns from now."""
        self.at(self.now + delay, call, argument, priority)

    def run(self, until: int) -> None:
        """Run everything due up to and including `until`, which is then the time; the rest stays queued."""
        if until < self.now:
            raise ValueError(f"cannot run until {until} ns: it is {self.now} ns already")
        heap, progress = self._heap, self._progress
        while heap and heap[0][0] <= until:
            self.now, _, _, call, argument = heappop(heap)
            self.events += 1
            call(argument)
            if progress is not None and not self.events % PROGRESS_EVENTS:
                progress(self.now, self.events)
        self.now = until
