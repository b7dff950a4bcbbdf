"""Group commit: the evidence of a change is on disk before the change is, and both before anybody goes on."""

import asyncio
from pathlib import Path

import pytest

from maso.evidence.log import LogWriter
from maso.evidence.read import read
from maso.evidence.store import create
from maso.live.committing import META, Committer
from maso.live.stores import BatchedStore, FencedError, Row


class Watching:
    """A database that looks at the evidence whenever it is written."""

    def __init__(self, folder: Path, refuses: bool = False) -> None:
        self.folder = folder
        self.refuses = refuses
        self.written: list[tuple[list[Row], list[bytes]]] = []

    def write(self, epoch: int, rows: list[Row]) -> None:
        if self.refuses:
            raise FencedError("over")
        self.written.append((rows, [body for _, body in read(self.folder)]))


def committer(folder: Path, database: Watching) -> tuple[Committer, LogWriter, BatchedStore]:
    writer = LogWriter(b"test", bytes(32), fleet_sha256=bytes(32), fsync="block")
    store = BatchedStore()
    evidence = create(folder, writer)
    return Committer(writer, evidence, database, store, 1, lambda: 77), writer, store  # type: ignore[arg-type]


def test_evidence_then_books_then_whoever_waits(tmp_path: Path) -> None:
    async def scene() -> None:
        database = Watching(tmp_path)
        commits, writer, store = committer(tmp_path, database)
        running = asyncio.ensure_future(commits.run())
        for number in range(3):
            writer.append(b"record %d" % number)
            store.put("book", "shop", number)
            await commits.durable()
            rows, evidence = database.written[-1]
            assert ("book", "shop", str(number)) in rows
            assert (META, "at", "77") in rows
            assert evidence == [b"record %d" % n for n in range(number + 1)]
        commits.stop()
        await running
        assert len(database.written) == 3  # nothing changed, nothing written

    asyncio.run(scene())


def test_what_is_fenced_lets_nobody_go_on(tmp_path: Path) -> None:
    async def scene() -> None:
        commits, _, store = committer(tmp_path, Watching(tmp_path, refuses=True))
        running = asyncio.ensure_future(commits.run())
        store.put("book", "shop", 1)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.2):
                await commits.durable()
        with pytest.raises(FencedError):
            await running

    asyncio.run(scene())
