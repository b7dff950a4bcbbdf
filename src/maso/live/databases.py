"""Which database: a SQLite file, or PostgreSQL by its URL or its keywords (`host=... dbname=...`)."""

from pathlib import Path
from typing import Final

from maso.live.postgres import PostgresDatabase, make_schema
from maso.live.sqlite import SqliteDatabase
from maso.live.stores import Database

_SQLITE: Final = "sqlite:"


def sqlite_address(path: Path) -> str:
    return f"{_SQLITE}{path}"


def open_database(address: str) -> Database:
    if address.startswith(_SQLITE):
        return SqliteDatabase(Path(address.removeprefix(_SQLITE)))
    return PostgresDatabase(address)


def prepare_database(address: str) -> None:
    """Make it ready for one drill: empty, with its tables."""
    if not address.startswith(_SQLITE):
        make_schema(address)
