"""The worlds' rows in PostgreSQL (extra `live`).

A batch is one transaction and one statement each for what is put and what is deleted, whatever its size.
The fence row is locked in share mode meanwhile, so that raising it waits for a batch that has begun; not for
ever: a client that stands still in the middle of one loses it, and its connection, after `STILL_SECONDS`.

Everything of a drill is in a schema of its own, `maso_drill`, that begins empty. `postgres_server.py` starts
a private server for `--postgres`.
"""

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any, Final

from maso.live.stores import FencedError, Row

if TYPE_CHECKING:
    import psycopg

SCHEMA: Final = "maso_drill"
# The wrapper of a clone installs the packages from `requirements-live.lock`.
INSTALLS: Final = "`./maso --with live drill ...` in a clone installs them, once"
EXTRA: Final = (
    f"needs packages that are not installed; legal: {INSTALLS}, `pip install '.[live]'` elsewhere,"
    " or SQLite, which needs nothing"
)

# As long as a lease: whoever stands still for longer has no right to go on.
STILL_SECONDS: Final = 6

_MAKE: Final = f"""
drop schema if exists {SCHEMA} cascade;
create schema {SCHEMA};
create table {SCHEMA}.rows (
    tbl text not null, key text not null, row json not null, primary key (tbl, key)
);
create table {SCHEMA}.fence (one boolean primary key default true check (one), epoch bigint not null);
insert into {SCHEMA}.fence (epoch) values (0);
"""
_PUT: Final = f"""
insert into {SCHEMA}.rows select * from unnest(%s::text[], %s::text[], %s::json[])
on conflict (tbl, key) do update set row = excluded.row
"""
_DELETE: Final = f"""
delete from {SCHEMA}.rows r using unnest(%s::text[], %s::text[]) as gone (tbl, key)
where r.tbl = gone.tbl and r.key = gone.key
"""


class MissingError(RuntimeError):
    """An optional package is not installed."""


def _driver() -> Any:
    try:
        import psycopg
    except ImportError:
        raise MissingError(f"PostgreSQL {EXTRA}") from None
    return psycopg


class UnusableError(RuntimeError):
    """The database cannot be reached, or refuses. Its own words may hold a password: they are not kept."""


def make_schema(url: str) -> None:
    """An empty schema for one drill. Raises UnusableError, MissingError."""
    driver = _driver()
    try:
        with driver.connect(url, autocommit=True) as connection:
            connection.execute("set client_min_messages = warning")
            connection.execute(_MAKE)
    except driver.Error:
        raise UnusableError(
            "the database cannot be used; legal: a PostgreSQL that is there, and a user who may make a schema"
        ) from None


class PostgresDatabase:
    """One connection."""

    def __init__(self, url: str, still_seconds: int = STILL_SECONDS) -> None:
        self._driver = _driver()
        self._db: psycopg.Connection[Any] = self._driver.connect(url, autocommit=True)
        self._db.execute(f"set idle_in_transaction_session_timeout = '{still_seconds}s'")

    def load(self, tables: Iterable[str] | None = None) -> Iterator[tuple[str, str, str]]:
        select = f"select tbl, key, row::text from {SCHEMA}.rows"
        if tables is None:
            yield from self._db.execute(f'{select} order by tbl, key collate "C"')
            return
        for table in tables:
            yield from self._db.execute(f'{select} where tbl = %s order by key collate "C"', (table,))

    def write(self, epoch: int, rows: list[Row]) -> None:
        try:
            self._write(epoch, rows)
        except (self._driver.OperationalError, self._driver.errors.IdleInTransactionSessionTimeout):
            raise FencedError("the database has ended this connection") from None

    def _write(self, epoch: int, rows: list[Row]) -> None:
        kept = [row for row in rows if row[2] is not None]
        gone = [row for row in rows if row[2] is None]
        with self._db.transaction():
            found = self._db.execute(f"select epoch from {SCHEMA}.fence for share").fetchone()
            assert found is not None
            if epoch < found[0]:
                raise FencedError(f"epoch {epoch} is over, {found[0]} writes here")
            if kept:
                self._db.execute(_PUT, ([r[0] for r in kept], [r[1] for r in kept], [r[2] for r in kept]))
            if gone:
                self._db.execute(_DELETE, ([r[0] for r in gone], [r[1] for r in gone]))

    def fence(self, epoch: int) -> None:
        self._db.execute(f"update {SCHEMA}.fence set epoch = %s where epoch < %s", (epoch, epoch))

    def close(self) -> None:
        self._db.close()
