"""Agent instances as tasks: each waits for its next move, looks at its own lease, and makes the move itself.

An instance acts only while it holds a lease of its type that is good at that instant, whatever anybody tells
it. One whose lease has run out ends: when it is next moved, and at the latest when the platform notices and
wakes all of that type. Nothing has to reach it for that.
"""

import asyncio
from collections.abc import Callable

from maso.journeys.sessions import Run
from maso.resilience.lease import Holder

Move = Callable[[Run], None]


class Instance:
    """One running agent."""

    __slots__ = ("_holder", "_move", "_now", "_waiting", "ended", "moves", "nhi")

    def __init__(self, nhi: int, holder: Holder, move: Move, now: Callable[[], int]) -> None:
        self.nhi = nhi
        self.moves = 0
        self.ended = ""
        self._holder = holder
        self._move = move
        self._now = now
        self._waiting: asyncio.Future[Run | None] | None = None

    async def live(self) -> None:
        """Until it is ended, or its lease."""
        loop = asyncio.get_running_loop()
        while not self.ended:
            self._waiting = loop.create_future()
            run = await self._waiting
            now = self._now()
            why = self._holder.stops(now)
            if why:
                self.ended = why
            elif run is not None and self._holder.may_begin(now):
                self.moves += 1
                self._move(run)

    def wake(self, run: Run | None) -> None:
        """Its move is due; with None it only looks at its lease."""
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_result(run)

    def end(self) -> None:
        """Its session is over."""
        self.ended = self.ended or "over"
        self.wake(None)
