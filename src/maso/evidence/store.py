"""Puts a writer's entries on storage, and says which records a crash can no longer take.

The policy is stated in the log's header. A record is *acknowledged* once it is synced:

- `always`: every `pump` cuts the open block, writes and syncs, so all records appended so far are
  acknowledged when it returns. Call it once per group of events: one sync is milliseconds.
- `block`: `pump` writes and syncs the blocks that are full; the open block stays in memory.
- `close`: `pump` writes without syncing; only a new segment and the close sync. For simulation, where
  a lost run is run again. `flush` acknowledges under any policy.

Three orders hold, and recovery relies on them: a segment is synced before the next one is created;
under `always` and `block` everything before a seal is synced before the seal is written; a new file's
name is synced with its first bytes. So only the last segment can be torn, and a seal that stands
behind damage proves that the damage is not a crash's.

After a failed write or sync the state of the file is unknown: the store refuses everything from then
on, and recovery decides. Not handled: freeing space, copying the log elsewhere.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from maso.evidence.format import SEALS, EvidenceError, Kind, segment_name
from maso.evidence.log import LogWriter, Resume, Sealed
from maso.evidence.recover import recover
from maso.evidence.storage import FileStorage, Storage, evidence_dir, sync_directory

WRITE_BYTES: Final = 1 << 20  # entries are joined up to this size: fewer calls, bounded memory


class Store:
    """Stores the entries of one writer, in order, under the policy in its settings."""

    def __init__(self, storage: Storage, writer: LogWriter) -> None:
        """Take over a storage that holds what `writer` finished before; nothing is written yet."""
        self._storage = storage
        self._writer = writer
        self._fsync = writer.settings.fsync
        self._name: str | None = None  # the segment being written
        self._unsynced = False
        self._records_written = 0
        self._failed = False
        self.acknowledged = 0
        """How many records survive a crash from here on: the records 0 to `acknowledged - 1`."""

    def resumed_at(self, resume: Resume) -> None:
        """Go on in the segment that recovery made."""
        self._name = segment_name(resume.tail.segment)
        self._records_written = self.acknowledged = resume.tail.records

    def pump(self) -> None:
        """Store what the writer has finished, as the policy says."""
        if self._fsync == "always":
            self._writer.cut_block()
        sealed = self._writer.take_sealed()
        if not sealed:
            return
        self._write_all(sealed)
        if self._fsync != "close" or sealed[-1].kind is Kind.CLOSE:
            self._attempt_sync()

    def flush(self) -> None:
        """Acknowledge every record appended so far, whatever the policy."""
        self._writer.cut_block()
        self._write_all(self._writer.take_sealed())
        self._attempt_sync()

    def _write_all(self, sealed: Sequence[Sealed]) -> None:
        self._refuse_after_failure()
        self._failed = True  # until everything below has gone well
        parts: list[bytes] = []
        size = 0
        for entry in sealed:
            if entry.kind is Kind.HEADER or self._seals_durably(entry) or size >= WRITE_BYTES:
                self._write(parts)
                parts, size = [], 0
            if entry.kind is Kind.HEADER:
                self._start_segment(entry)
                continue
            if self._seals_durably(entry):
                self._sync()
            parts.append(entry.data)
            size += len(entry.data)
            self._records_written = entry.records
        self._write(parts)
        self._failed = False

    def _seals_durably(self, entry: Sealed) -> bool:
        return entry.kind in SEALS and self._fsync != "close"

    def _write(self, parts: list[bytes]) -> None:
        if parts and self._name is not None:
            self._storage.append(self._name, b"".join(parts))
            self._unsynced = True

    def _start_segment(self, header: Sealed) -> None:
        self._sync()
        self._name = segment_name(header.segment)
        self._storage.create(self._name)
        self._storage.append(self._name, header.data)
        self._storage.sync(self._name)
        self._storage.sync_names()

    def _attempt_sync(self) -> None:
        self._refuse_after_failure()
        self._failed = True
        self._sync()
        self._failed = False

    def _sync(self) -> None:
        if self._unsynced and self._name is not None:
            self._storage.sync(self._name)
            self._unsynced = False
        self.acknowledged = self._records_written

    def _refuse_after_failure(self) -> None:
        if self._failed:
            raise EvidenceError(
                "an earlier write to the evidence failed; nothing more is written, resume the run to recover"
            )


class RunStore(Store):
    """A store on a directory of files; holds the lock until `release`."""

    def __init__(self, storage: FileStorage, writer: LogWriter) -> None:
        super().__init__(storage, writer)
        self._files = storage

    def release(self) -> None:
        """Close the files and give up the lock. Does not close the log: `LogWriter.close` and `pump` do."""
        self._files.close()


def create(run_dir: Path, writer: LogWriter) -> RunStore:
    """Start the log of a new run in `run_dir`/evidence, with its header on disk.

    Raises EvidenceError when that directory holds anything, or another process writes there.
    """
    directory = evidence_dir(run_dir)
    directory.mkdir(parents=True, exist_ok=True)
    storage = FileStorage(directory, writing=True)
    if storage.names():
        storage.close()
        raise EvidenceError(
            f"`{directory}` already holds evidence; resume that run or choose another directory"
        )
    store = RunStore(storage, writer)
    store.pump()
    # A crash must not take the way to the log either.
    sync_directory(run_dir)
    sync_directory(run_dir.parent)
    return store


def resume(run_dir: Path, signing_seed: bytes, now_ns: int) -> tuple[RunStore, LogWriter, Resume]:
    """Recover the log in `run_dir`/evidence and go on with it.

    Raises EvidenceError when it is closed, damaged by more than a crash, or signed with another key.
    """
    storage = FileStorage(evidence_dir(run_dir), writing=True)
    try:
        found = recover(storage, signing_seed, now_ns)
        writer = LogWriter.resumed(found, signing_seed)
    except BaseException:
        storage.close()
        raise
    store = RunStore(storage, writer)
    store.resumed_at(found)
    return store, writer, found
