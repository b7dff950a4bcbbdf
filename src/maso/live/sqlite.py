"""The worlds' rows in a SQLite file. Write-ahead log, one transaction a batch, synced before it counts.

Needs nothing beyond Python. One writer at a time: a second one waits, then is fenced or takes over.
"""

import sqlite3
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

from maso.live.stores import FencedError, Row

# A batch of a busy second takes some 20 ms; a checkpoint of the log perhaps a second on a slow disk.
WAIT_SECONDS: Final = 30.0

_SCHEMA: Final = """
create table if not exists rows (
    tbl text not null, key text not null, row text not null, primary key (tbl, key)
) without rowid;
create table if not exists fence (one integer primary key check (one = 1), epoch integer not null);
insert or ignore into fence values (1, 0);
"""


class SqliteDatabase:
    """One file."""

    def __init__(self, path: Path) -> None:
        # Batches are written by a thread of the pool, one after the other, never two at once.
        self._db = sqlite3.connect(path, timeout=WAIT_SECONDS, isolation_level=None, check_same_thread=False)
        self._db.execute("pragma journal_mode = wal")
        self._db.execute("pragma synchronous = full")
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
            self._db.execute("commit")
        except BaseException:
            self._db.execute("rollback")
            raise

    def fence(self, epoch: int) -> None:
        self._db.execute("update fence set epoch = ? where epoch < ?", (epoch, epoch))

    def _check(self, epoch: int) -> None:
        (in_force,) = self._db.execute("select epoch from fence").fetchone()
        if epoch < in_force:
            raise FencedError(f"epoch {epoch} is over, {in_force} writes here")

    def close(self) -> None:
        self._db.close()
