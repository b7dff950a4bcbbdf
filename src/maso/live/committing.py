"""Group commit: evidence first, then the books, then whoever waits for both may go on.

Everything that happened since the last group is one group: its records are synced to the evidence, then its
rows are one transaction of the database. So the books never hold what the evidence does not show, and what
waits for `durable` survives a `kill -9` at any byte. While a group is being written the next one gathers.

Not handled: a disk that lies about syncing.
"""

import asyncio
from collections.abc import Callable
from typing import Final

from maso.controls.state import PlaneState
from maso.evidence.format import NO_DIGEST
from maso.evidence.log import LogWriter
from maso.evidence.store import RunStore
from maso.live.stores import BatchedStore, Database
from maso.plane.replay import state_digest

# Forty groups a second: an answer waits 25 ms at most, and a sync of a few milliseconds is paid that often.
GROUP_SECONDS: Final = 0.025

# The row that says when the last group was begun, as nanoseconds of the machine's monotonic clock.
META: Final = "meta"


class Committer:
    """Commits for one platform. `now` is the kernel's clock; `epoch` fences the database."""

    def __init__(
        self,
        writer: LogWriter,
        evidence: RunStore,
        database: Database,
        store: BatchedStore,
        epoch: int,
        now: Callable[[], int],
    ) -> None:
        self._writer = writer
        self._evidence = evidence
        self._database = database
        self._store = store
        self._epoch = epoch
        self._now = now
        self._waiting: list[asyncio.Future[None]] = []
        self._stopping = False
        self.groups = 0
        self.rows = 0

    async def durable(self) -> None:
        """Returns once everything that has happened until now is on disk."""
        waits: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(waits)
        await waits

    async def run(self) -> None:
        """Commit until `stop`."""
        while not self._stopping:
            await asyncio.sleep(GROUP_SECONDS)
            await self.group()

    def stop(self) -> None:
        self._stopping = True

    def close(self, state: PlaneState) -> bytes:
        """The signed end of the evidence; returns its head. `run` and a last `group` have ended before."""
        head = self._writer.close(self._now(), state_digest(state))
        self._evidence.flush()
        self._evidence.release()
        return head

    async def group(self) -> None:
        """One group. Raises FencedError where somebody newer writes the books."""
        waiting, self._waiting = self._waiting, []
        if self._writer.checkpoint_due:
            self._writer.seal(self._now(), NO_DIGEST)
        self._evidence.flush()
        rows = self._store.take()
        if rows:
            rows.append((META, "at", str(self._now())))
            await asyncio.get_running_loop().run_in_executor(None, self._database.write, self._epoch, rows)
        self.groups += 1
        self.rows += len(rows)
        for waits in waiting:
            if not waits.done():
                waits.set_result(None)
