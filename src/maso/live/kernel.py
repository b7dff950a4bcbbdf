"""The schedule of a live run: the same `at` and `after` as in a simulation, on the event loop's clock.

Time is the machine's monotonic clock in nanoseconds, the same for every process on it, so that times of the
switch, the gateway and the platform can be compared. It does not stand still while the machine sleeps on
Linux only where CLOCK_MONOTONIC does not; a drill does not outlive that.
"""

import asyncio
import time
from collections.abc import Callable
from typing import Any, Final

SECOND_NS: Final = 1_000_000_000


class LiveKernel:
    """Calls that are made when their time has come; nothing is called after `stop`."""

    __slots__ = ("_loop", "_stopped", "calls")

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._stopped = False
        self.calls = 0

    @property
    def now(self) -> int:
        return time.monotonic_ns()

    def at(self, time: int, call: Callable[[Any], None], argument: Any = None) -> None:
        self.after(time - self.now, call, argument)

    def after(self, delay: int, call: Callable[[Any], None], argument: Any = None) -> None:
        self._loop.call_later(max(0, delay) / SECOND_NS, self._call, call, argument)

    def stop(self) -> None:
        self._stopped = True

    def _call(self, call: Callable[[Any], None], argument: Any) -> None:
        if not self._stopped:
            self.calls += 1
            call(argument)
