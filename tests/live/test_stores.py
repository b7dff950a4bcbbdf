"""The worlds' rows on databases: whole batches or nothing, fenced, and back as they were."""

import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from maso.live.postgres import PostgresDatabase, make_schema
from maso.live.postgres_server import PostgresServer
from maso.live.sqlite import SqliteDatabase
from maso.live.stores import BatchedStore, Database, FencedError
from maso.worlds.shop_rows import Order, Payment

pytest.importorskip("psycopg")


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with PostgresServer() as running:
        yield running.url


@pytest.fixture(params=["sqlite", "postgres"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    if request.param == "sqlite":
        opened: Database = SqliteDatabase(tmp_path / "rows.db")
    else:
        url = request.getfixturevalue("server")
        make_schema(url)
        opened = PostgresDatabase(url)
    yield opened
    opened.close()


def test_rows_come_back_as_they_were(database: Database) -> None:
    store = BatchedStore()
    order = Order("O1", 7, "KX-1", 2, 1_500, 0, 3)
    store.put("order", "O1", order)
    store.put("payment", "12", Payment("12", "capture", 7, "O1", "A1", 3_000))
    store.put("once", "12", ("shop.order_create", {"a": 1}, {"b": "c"}))
    store.put("book", "held", -5)
    database.write(1, store.take())
    order.state = "captured"
    store.put("order", "O1", order)
    store.delete("book", "held")
    database.write(1, store.take())
    again = BatchedStore()
    again.fill(database.load())
    assert again.get("order", "O1") == order
    assert again.get("payment", "12") == Payment("12", "capture", 7, "O1", "A1", 3_000)
    assert again.get("once", "12") == ("shop.order_create", {"a": 1}, {"b": "c"})
    assert again.get("book", "held") is None
    assert again.take() == []


def test_only_what_changed_is_written(database: Database) -> None:
    store = BatchedStore()
    store.put("book", "shop", 1)
    assert store.take() == [("book", "shop", "1")]
    assert store.take() == []
    store.put("book", "shop", 2)
    store.put("book", "shop", 3)
    store.delete("book", "nobody")
    assert store.take() == [("book", "shop", "3")]


def test_an_older_epoch_writes_nothing(database: Database) -> None:
    database.write(1, [("book", "shop", "1")])
    database.fence(2)
    with pytest.raises(FencedError, match="epoch 1 is over, 2 writes here"):
        database.write(1, [("book", "shop", "9"), ("book", "held", "9")])
    database.write(2, [("book", "shop", "2")])
    database.fence(1)  # a fence never falls
    with pytest.raises(FencedError):
        database.write(1, [])
    assert list(database.load()) == [("book", "shop", "2")]


def test_a_batch_that_fails_leaves_nothing(database: Database) -> None:
    database.write(1, [("book", "shop", "1")])
    with pytest.raises(Exception, match=r".+"):
        database.write(1, [("book", "shop", "2"), ("book", None, "3")])  # type: ignore[list-item]
    assert list(database.load()) == [("book", "shop", "1")]


CHILD = """
import sys
from pathlib import Path
from maso.live.sqlite import SqliteDatabase
database = SqliteDatabase(Path(sys.argv[1]))
print("ready", flush=True)
number = 0
while True:
    number += 1
    database.write(1, [("book", str(key), str(number)) for key in range(50)])
"""


def test_a_kill_leaves_whole_batches(tmp_path: Path) -> None:
    for attempt in range(5):
        path = tmp_path / f"{attempt}.db"
        child = subprocess.Popen([sys.executable, "-c", CHILD, str(path)], stdout=subprocess.PIPE)
        assert child.stdout is not None
        child.stdout.readline()
        with pytest.raises(subprocess.TimeoutExpired):
            child.wait(0.05 + attempt * 0.013)
        child.kill()
        child.wait()
        child.stdout.close()
        database = SqliteDatabase(path)
        values = [row for _, _, row in database.load()]
        database.close()
        assert len(values) in (0, 50)
        assert len(set(values)) <= 1


STILL = """
import sys, time
from pathlib import Path
from maso.live.sqlite import SqliteDatabase
database = SqliteDatabase(Path(sys.argv[1]))
database.write(1, [("book", "shop", "1")])
database._db.execute("begin immediate")
print("ready", flush=True)
time.sleep(600)
"""


def test_a_writer_that_stands_still_in_a_batch_is_ended_by_the_fence(tmp_path: Path) -> None:
    path = tmp_path / "x.db"
    child = subprocess.Popen([sys.executable, "-c", STILL, str(path)], stdout=subprocess.PIPE)
    assert child.stdout is not None
    child.stdout.readline()
    database = SqliteDatabase(path, still_seconds=0.2)
    database.fence(2)
    assert child.wait() == -signal.SIGKILL
    child.stdout.close()
    with pytest.raises(FencedError):
        database.write(1, [])
    assert list(database.load()) == [("book", "shop", "1")]
    database.close()


def test_a_client_that_stands_still_in_a_batch_loses_its_connection(server: str) -> None:
    make_schema(server)
    still, other = PostgresDatabase(server, still_seconds=1), PostgresDatabase(server)
    still.write(1, [("book", "shop", "1")])
    still._db.execute("begin")
    still._db.execute("select epoch from maso_drill.fence for share")
    other.fence(2)  # would wait for ever
    with pytest.raises(FencedError, match="the database has ended this connection"):
        still.write(1, [("book", "shop", "9")])
    assert list(other.load()) == [("book", "shop", "1")]
    other.close()
    still.close()
