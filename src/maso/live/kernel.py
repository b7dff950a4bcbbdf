"""The schedule of a live run: the same `at` and `after` as in a simulation, on the machine's clock.

Time is the monotonic clock in nanoseconds, the same for every process on the machine, so that times of the
switch, the gateway and the platform can be compared.

What is due is run in slices: between two slices the event loop serves sockets and tasks. So a platform that
has more to do than it can does it later, but still renews its leases in time: falling behind is no reason
to lose the right to act, and no reason to act without it: before each slice it is asked whether there is one
(`rightful`). A process that stood still and wakes finds its time over first, and its work undone.
"""

import asyncio
import time
from collections.abc import Callable
from heapq import heappop, heappush
from typing import Any, Final

# A slice is short beside a lease and beside every latency; a call that runs is never interrupted.
SLICE_NS: Final = 5_000_000
# How exactly a call is made on time while nothing else is to be done.
REST_SECONDS: Final = 0.002

Call = Callable[[Any], None]


class LiveKernel:
    """Calls that are made when their time has come; nothing is called after `stop`."""

    __slots__ = ("_heap", "_sequence", "_stopped", "calls", "late_ns", "rightful")

    def __init__(self) -> None:
        self.rightful: Callable[[], bool] = lambda: True
        self._heap: list[tuple[int, int, Call, Any]] = []
        self._sequence = 0
        self._stopped = False
        self.calls = 0
        self.late_ns = 0  # how late the last call was made

    @property
    def now(self) -> int:
        return time.monotonic_ns()

    def at(self, time: int, call: Call, argument: Any = None) -> None:
        self._sequence += 1
        heappush(self._heap, (time, self._sequence, call, argument))

    def after(self, delay: int, call: Call, argument: Any = None) -> None:
        self.at(self.now + delay, call, argument)

    def stop(self) -> None:
        self._stopped = True

    async def run(self) -> None:
        """Make the calls, until `stop`."""
        while not self._stopped:
            await asyncio.sleep(REST_SECONDS if self._slice() else 0)

    def _slice(self) -> bool:
        """One slice; true when nothing more is due."""
        if not self.rightful():
            return True
        heap, end = self._heap, self.now + SLICE_NS
        while heap and not self._stopped:
            now = self.now
            if heap[0][0] > now:
                return True
            if now >= end:
                return False
            due, _, call, argument = heappop(heap)
            self.late_ns = now - due
            self.calls += 1
            call(argument)
        return True
