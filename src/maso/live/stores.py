"""The worlds' storage on a real database: rows in memory, changes in batches, each batch one transaction.

A world reads and writes rows synchronously, so its rows are in memory; whatever it changed since the last
batch is written by `commit`, all or nothing. Operations of worlds never await in the middle, so a batch
holds whole operations only: a `kill -9` at any byte leaves the books as they were after some operation.
What may be seen outside (a call to the gateway, an answer) waits for the batch that it rests on.

A database is fenced: it keeps the epoch of whoever may write, and every batch says which one it is of. A
process that was given up and wakes again later finds a newer epoch there, and its batch is refused.

Rows are kept as JSON, one table for all: (table, key, row). What has no struct in `ROWS` comes back as plain
data. Not handled: two writers of one epoch; the switch's leases see to that.
"""

from collections.abc import Iterable, Iterator
from typing import Any, Final, Protocol

import msgspec

from maso.worlds.gateway import Account, Hold
from maso.worlds.shop_rows import Authorisation, Order, Payment, Product, Reservation

Row = tuple[str, str, str | None]
"""(table, key, JSON); None deletes."""


class FencedError(RuntimeError):
    """Somebody with a newer epoch writes here now."""


class Database(Protocol):
    """Where batches go. Calls block, and come from one thread at a time."""

    def load(self, tables: Iterable[str] | None = None) -> Iterator[tuple[str, str, str]]:
        """Every row as (table, key, JSON), in the order of their keys; of these tables only, if given."""

    def write(self, epoch: int, rows: list[Row]) -> None:
        """One batch, all or nothing. Raises FencedError where the epoch is over."""

    def fence(self, epoch: int) -> None:
        """From now on only this epoch and later ones write. It never falls."""

    def close(self) -> None: ...


# The struct of a table's rows; what is read is checked against it.
ROWS: Final[dict[str, Any]] = {
    "product": Product,
    "reservation": Reservation,
    "order": Order,
    "authorisation": Authorisation,
    "payment": Payment,
    "once": tuple[str, dict[str, Any], dict[str, Any]],
    "wanted": tuple[str, dict[str, Any]],
    "hold": Hold,
    "account": Account,
    "call": tuple[str, str, int, str],
}

_encode = msgspec.json.Encoder().encode
_plain = msgspec.json.Decoder().decode


def read_row(table: str, data: str, kinds: dict[str, Any] = ROWS) -> Any:
    """A row as its struct, or as plain data where the table has none."""
    kind = kinds.get(table)
    return _plain(data) if kind is None else msgspec.json.decode(data, type=kind)


class BatchedStore:
    """A world's store (`worlds/base.py`): reads and writes memory, remembers what has to be written."""

    __slots__ = ("_changed", "_kinds", "_tables")

    def __init__(self, kinds: dict[str, Any] | None = None) -> None:
        """`kinds` are structs of tables beside `ROWS`."""
        self._kinds = {**ROWS, **(kinds or {})}
        self._tables: dict[str, dict[str, Any]] = {}
        self._changed: dict[tuple[str, str], Any] = {}

    def fill(self, rows: Iterable[tuple[str, str, str]]) -> None:
        """Take over what a database holds."""
        for table, key, data in rows:
            self._tables.setdefault(table, {})[key] = read_row(table, data, self._kinds)

    def get(self, table: str, key: str) -> Any:
        rows = self._tables.get(table)
        return None if rows is None else rows.get(key)

    def put(self, table: str, key: str, row: Any) -> None:
        rows = self._tables.get(table)
        if rows is None:
            rows = self._tables[table] = {}
        rows[key] = self._changed[table, key] = row

    def delete(self, table: str, key: str) -> None:
        if self._tables.get(table, {}).pop(key, None) is not None:
            self._changed[table, key] = None

    def rows(self, table: str) -> Iterator[tuple[str, Any]]:
        return iter(tuple(self._tables.get(table, {}).items()))

    def take(self) -> list[Row]:
        """What was changed since the last call, as it is now; empty if nothing was."""
        changed, self._changed = self._changed, {}
        return [
            (table, key, None if row is None else _encode(row).decode())
            for (table, key), row in changed.items()
        ]
