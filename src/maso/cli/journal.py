"""The evidence of a run while it is written: stores what is finished, seals it, and closes it in good order.

A simulation's keys follow from its seed, so its signature shows that nothing was changed since, not who
ran it. Checkpoints in between state no digest of the state (about a second at 60,000 instances); the
close does.
"""

import hashlib
from pathlib import Path
from typing import Final

from maso.controls.state import PlaneState
from maso.evidence.format import NO_DIGEST
from maso.evidence.log import LogWriter
from maso.evidence.store import RunStore, create
from maso.plane.replay import state_digest

# 64 MiB between seals: what a crash of a simulation may leave unsigned is run again anyway.
BLOCKS_PER_CHECKPOINT: Final = 1024


def signing_seed(seed: int) -> bytes:
    return hashlib.sha256(f"maso simulation key 1\0{seed}\0evidence".encode()).digest()


class Journal:
    """The log of one run in one directory. `append` is the writer's own, since it is on the hot path."""

    def __init__(self, run_dir: Path, run_id: str, seed: int, fleet_sha256: bytes) -> None:
        self._writer = LogWriter(
            run_id.encode(),
            signing_seed(seed),
            fleet_sha256=fleet_sha256,
            blocks_per_checkpoint=BLOCKS_PER_CHECKPOINT,
        )
        self.append = self._writer.append
        self._store: RunStore = create(run_dir, self._writer)

    def pump(self, now: int) -> None:
        """Write what is finished; seal when it is time."""
        if self._writer.checkpoint_due:
            self._writer.seal(now, NO_DIGEST)
        self._store.pump()

    def close(self, now: int, state: PlaneState) -> bytes:
        """Sign the end and put everything on disk; the head."""
        head = self._writer.close(now, state_digest(state))
        self._store.pump()
        self._store.release()
        return head

    def abandon(self) -> None:
        """After a failure: give up the lock, sign nothing; what was written shows as not closed."""
        self._store.release()

    @property
    def records(self) -> int:
        return self._writer.records

    @property
    def public_key(self) -> bytes:
        return self._writer.settings.public_key
