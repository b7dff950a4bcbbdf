"""Agent instances as tasks: each waits for its next move, looks at its own lease, and makes the move itself.

An instance acts only while it holds a lease of its type that is good at that instant, whatever anybody tells
it. One whose lease has run out ends: when it is next moved, and at the latest when the platform notices and
wakes all of that type. Nothing has to reach it for that. A move that is due while its lease says that nothing
new begins is not made and not lost: it is handed back (`waits`), and made if everything goes on.
"""

import asyncio
from collections.abc import Callable

from maso.journeys.sessions import Run
from maso.resilience.lease import Holder

Move = Callable[[Run], None]


class Instance:
    """One running agent."""

    __slots__ = ("_due", "_holder", "_move", "_now", "_waiting", "_waits", "ended", "moves", "nhi")

    def __init__(self, nhi: int, holder: Holder, move: Move, waits: Move, now: Callable[[], int]) -> None:
        self.nhi = nhi
        self.moves = 0
        self.ended = ""
        self._holder = holder
        self._move = move
        self._waits = waits
        self._now = now
        self._due: Run | None = None
        self._waiting: asyncio.Future[Run | None] | None = None

    async def live(self) -> None:
        """Until it is ended, or its lease."""
        loop = asyncio.get_running_loop()
        while not self.ended:
            self._waiting = loop.create_future()
            if self._due is not None:
                self.wake(self._due)
                self._due = None
            run = await self._waiting
            now = self._now()
            why = self._holder.stops(now)
            if why:
                self.ended = why
            elif run is not None and self._holder.may_begin(now):
                self.moves += 1
                self._move(run)
            elif run is not None:
                self._waits(run)

    def wake(self, run: Run | None) -> None:
        """Its move is due; with None it only looks at its lease."""
        if self._waiting is None:
            self._due = run  # its task has not begun yet
        elif not self._waiting.done():
            self._waiting.set_result(run)

    def end(self) -> None:
        """Its session is over."""
        self.ended = self.ended or "over"
        self.wake(None)
