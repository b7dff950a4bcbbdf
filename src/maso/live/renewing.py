"""Leases, renewed by a thread of their own: a platform that is late with its work keeps its right.

An event loop with thousands of tasks may take seconds for one round, and a lease lasts a few. So the switch
is asked, and heard, by a loop that does nothing else. Each holder is written by this thread alone; whoever
acts reads it at that instant, so that a freeze or a revocation counts for the very next move, also while the
platform has not yet come to notice it.

What the switch says besides is passed on to the platform's own loop (`heard`).
"""

import asyncio
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

import msgspec

from maso.live.wire import Client, LostError
from maso.resilience import lease

# A switch that is cut off is asked again this often; a call to it may take a renewal's length.
_ASK_AGAIN_SECONDS: Final = 0.2

_LEASE = msgspec.msgpack.Decoder(lease.Lease)


class Renewing:
    """Holders by type, renewed from `start` until `stop`. `now` is the clock of the platform."""

    def __init__(
        self,
        switch: Path,
        holders: Mapping[str, lease.Holder],
        renew_ns: int,
        now: Callable[[], int],
        heard: Callable[[str, Any], None],
    ) -> None:
        self._path = switch
        self._holders = holders
        self._renew_seconds = renew_ns / 1e9
        self._now = now
        self._heard = heard
        self._mine: asyncio.AbstractEventLoop | None = None
        self._theirs = asyncio.get_running_loop()
        self._look = asyncio.Event()
        self._work: asyncio.Task[None] | None = None
        self._thread = threading.Thread(target=self._run, name="leases", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Returns once the thread has ended."""
        if self._mine is not None and self._work is not None:
            self._mine.call_soon_threadsafe(self._work.cancel)
        self._thread.join()

    def look(self) -> None:
        """Ask again now, not only when it is time."""
        if self._mine is not None:
            self._mine.call_soon_threadsafe(self._look.set)

    def _run(self) -> None:
        try:
            asyncio.run(self._renew())
        except asyncio.CancelledError:
            pass

    async def _renew(self) -> None:
        self._work = asyncio.current_task()
        self._mine = asyncio.get_running_loop()
        client = Client(self._path, self._pushed)
        try:
            while True:
                self._look.clear()
                await self._take(client)
                try:
                    async with asyncio.timeout(self._renew_seconds):
                        await self._look.wait()
                except TimeoutError:
                    pass
        finally:
            client.close()

    async def _take(self, client: Client) -> None:
        try:
            given = await client.ask("leases", None, self._renew_seconds)
        except LostError:
            await asyncio.sleep(_ASK_AGAIN_SECONDS)
            self._look.set()
            return
        for data in given:
            taken = _LEASE.decode(data)
            holder = self._holders.get(taken.type)
            if holder is not None:
                holder.renew(taken, self._now())

    def _pushed(self, name: str, body: Any) -> None:
        if name == "revoke":
            revocation = msgspec.msgpack.decode(body, type=lease.Revocation)
            holder = self._holders.get(revocation.type)
            if holder is not None:
                holder.revoke(revocation)
        elif name == "stage":
            self._look.set()  # what it is, only a lease says
            with suppress(RuntimeError):  # their loop has ended
                self._theirs.call_soon_threadsafe(self._heard, name, body)
