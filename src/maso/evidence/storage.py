"""The narrow file layer under the evidence log, and the real one.

The log needs ten operations on one flat directory of append-only files. They are a protocol, so that
`faults.py` can stand in for the disk and lose, tear and reorder what was not synced.

What a crash may do, and what the log relies on: bytes of a file that were appended or cut since the
last `sync` of that file may be kept, lost, torn or out of order; files that were created, renamed or
removed since the last `sync_names` may be so or not; everything else stays. A rename replaces at once.

Not handled: disks that lie about a sync, network file systems whose locks do nothing, and systems
without `fcntl` (Windows).
"""

from __future__ import annotations

import fcntl
import os
from pathlib import Path
from typing import Final, Protocol

from maso.disk import writing
from maso.evidence.format import EvidenceError

EVIDENCE_DIR: Final = "evidence"


class Storage(Protocol):
    """One flat directory of files that only grow at the end or are cut there."""

    def names(self) -> list[str]:
        """The names in the directory, sorted; anything that is there, files of the log or not."""
        ...

    def size(self, name: str) -> int:
        """The length of a file in bytes."""
        ...

    def read(self, name: str, offset: int, size: int) -> bytes:
        """Up to `size` bytes from `offset`; fewer only at the end of the file."""
        ...

    def create(self, name: str) -> None:
        """An empty file of that name, which must not exist."""
        ...

    def append(self, name: str, data: bytes) -> None:
        """Add bytes at the end."""
        ...

    def truncate(self, name: str, size: int) -> None:
        """Cut the file to `size` bytes."""
        ...

    def rename(self, old: str, new: str) -> None:
        """Give a file another name, replacing what has it."""
        ...

    def remove(self, name: str) -> None:
        """Delete a file."""
        ...

    def sync(self, name: str) -> None:
        """Return when the bytes of the file survive a crash."""
        ...

    def sync_names(self) -> None:
        """Return when the names in the directory survive a crash."""
        ...


class FileStorage:
    """A real directory. Opened for writing it is locked against a second writer until `close`."""

    def __init__(self, directory: Path, *, writing: bool) -> None:
        self._directory = directory
        self._read: tuple[str, int] | None = None  # the one file open for reading
        self._write: tuple[str, int] | None = None  # the one file open for writing
        try:
            self._directory_fd: int | None = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
        except OSError as error:
            raise EvidenceError(f"`{directory}` cannot be read: {error.strerror}") from None
        if writing:
            self._lock(self._directory_fd)

    def _lock(self, fd: int) -> None:
        # On the directory itself: the lock leaves no file behind and ends with the process, however it ends.
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            self.close()
            raise EvidenceError(f"`{self._directory}` is being written by another process") from None

    def close(self) -> None:
        """Close every file and give up the lock."""
        self._forget()
        if self._directory_fd is not None:
            os.close(self._directory_fd)
            self._directory_fd = None

    def names(self) -> list[str]:
        return sorted(os.listdir(self._directory))

    def size(self, name: str) -> int:
        return os.stat(self._directory / name).st_size

    def read(self, name: str, offset: int, size: int) -> bytes:
        fd = self._reading(name)
        data = os.pread(fd, size, offset)
        while len(data) < size:  # a read may be short before the end of the file
            more = os.pread(fd, size - len(data), offset + len(data))
            if not more:
                break
            data += more
        return data

    def create(self, name: str) -> None:
        fd = os.open(self._directory / name, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND, 0o600)
        self._forget()
        self._write = (name, fd)

    def append(self, name: str, data: bytes) -> None:
        with writing(self._directory / name):
            fd = self._writing(name)
            written = os.write(fd, data)
            while written < len(data):
                written += os.write(fd, data[written:])

    def truncate(self, name: str, size: int) -> None:
        os.ftruncate(self._writing(name), size)

    def rename(self, old: str, new: str) -> None:
        self._forget()
        os.replace(self._directory / old, self._directory / new)

    def remove(self, name: str) -> None:
        self._forget()
        os.remove(self._directory / name)

    def sync(self, name: str) -> None:
        with writing(self._directory / name):
            _sync(self._writing(name))

    def sync_names(self) -> None:
        if self._directory_fd is not None:
            _sync(self._directory_fd)

    def _reading(self, name: str) -> int:
        if self._read is None or self._read[0] != name:
            self._close_read()
            self._read = (name, os.open(self._directory / name, os.O_RDONLY))
        return self._read[1]

    def _writing(self, name: str) -> int:
        if self._write is None or self._write[0] != name:
            self._close_write()
            self._write = (name, os.open(self._directory / name, os.O_WRONLY | os.O_APPEND))
        return self._write[1]

    def _forget(self) -> None:
        self._close_read()
        self._close_write()

    def _close_read(self) -> None:
        if self._read is not None:
            os.close(self._read[1])
            self._read = None

    def _close_write(self) -> None:
        if self._write is not None:
            os.close(self._write[1])
            self._write = None


def _sync(fd: int) -> None:
    full_sync = getattr(fcntl, "F_FULLFSYNC", None)  # macOS: its fsync stops at the drive's own cache
    if full_sync is None:
        os.fsync(fd)
    else:
        fcntl.fcntl(fd, full_sync)


def sync_directory(directory: Path) -> None:
    """Return when the names in `directory` survive a crash."""
    fd = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        _sync(fd)
    finally:
        os.close(fd)


def evidence_dir(run_dir: Path) -> Path:
    """Where the evidence of a run lies."""
    return run_dir / EVIDENCE_DIR
