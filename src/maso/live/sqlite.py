"""The worlds' rows in a SQLite file. Write-ahead log, one transaction a batch, synced before it counts.

Needs nothing beyond Python. One writer at a time: a second one waits, then is fenced or takes over. A writer
that stands still in the middle of a batch holds the file's lock, and only its end lets go of it: whoever
raises the fence waits for a lease's length, then ends it (`kill -9`, by the number that it left here; a file
has its writers on one machine).
"""

import os
import signal
import sqlite3
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

from maso.live.stores import FencedError, Row

# A batch of a busy second takes some 20 ms; a checkpoint of the log perhaps a second on a slow disk.
WAIT_SECONDS: Final = 30.0
# As long as a lease: whoever stands still for longer has no right to go on.
STILL_SECONDS: Final = 6.0

_SCHEMA: Final = """
create table if not exists rows (
    tbl text not null, key text not null, row text not null, primary key (tbl, key)
) without rowid;
create table if not exists fence (
    one integer primary key check (one = 1), epoch integer not null, writer integer not null
);
insert or ignore into fence values (1, 0, 0);
"""


class SqliteDatabase:
    """One file."""

    def __init__(self, path: Path, still_seconds: float = STILL_SECONDS) -> None:
        self._still_ms = round(still_seconds * 1_000)
        self._known = False  # as the one who writes here
        # Batches are written by a thread of the pool, one after the other, never two at once.
        self._db = sqlite3.connect(path, timeout=WAIT_SECONDS, isolation_level=None, check_same_thread=False)
        self._db.execute("pragma journal_mode = wal")
        self._db.execute("pragma synchronous = full")
        if self._db.execute("select 1 from sqlite_master where name = 'fence'").fetchone() is None:
            self._db.executescript(_SCHEMA)

    def load(self, tables: Iterable[str] | None = None) -> Iterator[tuple[str, str, str]]:
        if tables is None:
            yield from self._db.execute("select tbl, key, row from rows order by tbl, key")
            return
        for table in tables:
            yield from self._db.execute("select tbl, key, row from rows where tbl = ? order by key", (table,))

    def write(self, epoch: int, rows: list[Row]) -> None:
        self._db.execute("begin immediate")
        try:
            self._check(epoch)
            kept = [row for row in rows if row[2] is not None]
            gone = [row[:2] for row in rows if row[2] is None]
            self._db.executemany("insert or replace into rows values (?, ?, ?)", kept)
            self._db.executemany("delete from rows where tbl = ? and key = ?", gone)
            if not self._known:
                self._db.execute("update fence set writer = ?", (os.getpid(),))
            self._db.execute("commit")
            self._known = True
        except BaseException:
            self._db.execute("rollback")
            raise

    def fence(self, epoch: int) -> None:
        self._db.execute(f"pragma busy_timeout = {self._still_ms}")
        try:
            self._raise(epoch)
        except sqlite3.OperationalError:
            self._end_writer()
            self._raise(epoch)
        self._db.execute(f"pragma busy_timeout = {round(WAIT_SECONDS * 1_000)}")

    def _raise(self, epoch: int) -> None:
        self._db.execute("update fence set epoch = ? where epoch < ?", (epoch, epoch))

    def _end_writer(self) -> None:
        (writer,) = self._db.execute("select writer from fence").fetchone()
        if writer and writer != os.getpid():
            try:
                os.kill(writer, signal.SIGKILL)
            except ProcessLookupError:
                pass  # it has just ended

    def _check(self, epoch: int) -> None:
        (in_force,) = self._db.execute("select epoch from fence").fetchone()
        if epoch < in_force:
            raise FencedError(f"epoch {epoch} is over, {in_force} writes here")

    def close(self) -> None:
        self._db.close()
