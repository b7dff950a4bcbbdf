"""The payment gateway's books on a disk of its own, and who booked what under which right.

What a call does is `worlds/gateway.py`; here are its rows in a SQLite file that nobody else opens, and one
`booking` for each key: when, for which agent type, under which epoch, after which commit record. Epochs that
are over are kept too, so that a gateway that crashed still knows them.
"""

import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from maso.live.sqlite import SqliteDatabase
from maso.live.stores import BatchedStore
from maso.resilience.reconcile import Answer
from maso.worlds.gateway import Call, Gateway, Verb


class Right(NamedTuple):
    """Under which right a call was made. `ref`: number of its commit record; 0 for the reconciler's."""

    agent: str
    epoch: int
    session: int
    ref: int


class Booking(msgspec.Struct, frozen=True):
    """The first time that a key was seen."""

    key: str
    verb: str
    agent: str
    epoch: int
    session: int
    ref: int
    booked_ns: int


class Over(msgspec.Struct, frozen=True):
    """An epoch is over: the gateway knew from `learned_ns` on that `epoch` is the oldest good one."""

    agent: str
    epoch: int
    learned_ns: int
    proof: bytes


class Books:
    """Calls change nothing on disk until `commit`; then all of them at once."""

    def __init__(self, path: Path) -> None:
        self.are_old = path.exists()  # whoever opens them was started again
        self._database = SqliteDatabase(path)
        self._store = BatchedStore({"booking": Booking, "over": Over})
        self._store.fill(self._database.load())
        self._gateway = Gateway(self._store)

    def call(self, call: Call, right: Right, now: int) -> Answer:
        """Do it, or say what was done before. The answer counts once `commit` has returned."""
        if self._store.get("booking", call.key) is None:
            self._store.put("booking", call.key, Booking(call.key, call.verb.value, *right, now))
        return self._gateway.call(call)

    def history(self, order: str, amount_minor: int) -> None:
        """An order that was paid before these books began."""
        self._gateway.call(Call(Verb.HISTORY, f"history/{order}", order, amount_minor))

    def over(self, agent: str, epoch: int, now: int, proof: bytes) -> None:
        """An epoch is over; on disk when this returns."""
        key = f"{agent}/{epoch}"
        if self._store.get("over", key) is None:
            self._store.put("over", key, Over(agent, epoch, now, proof))
            self.commit()

    def page(self, table: str, start: int, rows: int) -> list[Any]:
        """Some rows of `hold` or `account`, as plain data, for a statement."""
        assert table in ("hold", "account")
        wanted = itertools.islice(self._store.rows(table), start, start + rows)
        return [msgspec.to_builtins(row) for _, row in wanted]

    def proofs(self) -> Iterator[bytes]:
        return (row.proof for _, row in self._store.rows("over"))

    def commit(self) -> None:
        rows = self._store.take()
        if rows:
            self._database.write(0, rows)

    def close(self) -> None:
        self.commit()
        self._database.close()
