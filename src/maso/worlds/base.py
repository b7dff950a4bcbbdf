"""What every world has in common: its face to the driver, its storage, and doing things once.

A world *performs* operations, *checks* arguments against what it knows (the typed check of EC-2.6), and
says what it *shows* a customer before they confirm. It never trusts a check made earlier: `perform` asks
the same guard again and declines what does not hold, so a control that let something through is seen.

Idempotency: an operation that changes something is performed once per key; the same key with the same
arguments gives the same answer and changes nothing, with other arguments it is declined. Keys of closed
sessions are forgotten.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final, NoReturn, Protocol

from maso.fleet.operations import OPERATIONS

Args = Mapping[str, Any]
Result = dict[str, Any]
Guard = Callable[[int, Args], str | None]


class DeclinedError(Exception):
    """The world did not do it. `reason` is one of a fixed set of words, never a text from a message."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Store(Protocol):
    """Tables of rows by key. A row is put again after it was changed."""

    def get(self, table: str, key: str) -> Any: ...

    def put(self, table: str, key: str, row: Any) -> None: ...

    def delete(self, table: str, key: str) -> None: ...

    def rows(self, table: str) -> Iterator[tuple[str, Any]]: ...


class MemoryStore:
    """The store of a simulation: dictionaries, in order of insertion."""

    __slots__ = ("_tables",)

    def __init__(self) -> None:
        self._tables: dict[str, dict[str, Any]] = {}

    def get(self, table: str, key: str) -> Any:
        rows = self._tables.get(table)
        return None if rows is None else rows.get(key)

    def put(self, table: str, key: str, row: Any) -> None:
        rows = self._tables.get(table)
        if rows is None:
            rows = self._tables[table] = {}
        rows[key] = row

    def delete(self, table: str, key: str) -> None:
        self._tables.get(table, {}).pop(key, None)

    def rows(self, table: str) -> Iterator[tuple[str, Any]]:
        return iter(tuple(self._tables.get(table, {}).items()))


class World(Protocol):
    """What the driver asks of a world. `now` is nanoseconds."""

    name: str

    def open(self, session: int, facts: dict[str, Any], now: int) -> None:
        """A session begins; the world keeps `facts` up to date until it is closed."""

    def close(self, session: int, now: int) -> None:
        """The session ends; what it left half done is settled."""

    def perform(
        self, operation: str, session: int, args: Args, key: str, now: int
    ) -> tuple[Result, tuple[str, ...]]:
        """Do it. Returns the answer and the names of the facts that changed; raises DeclinedError."""

    def check_facts(self, operation: str, session: int, args: Args) -> bool:
        """Whether the arguments agree with the facts."""

    def facts(self, session: int) -> Mapping[str, Any]:
        """What the world knows about an open session."""

    def advance(self, now: int) -> int:
        """Let time pass: changes that happen by themselves, sweeps. Returns how many there were."""


def shown(operation: str, facts: Mapping[str, Any]) -> Result:
    """The arguments that the front end shows a customer: the world's own facts, whatever an agent said."""
    arguments = OPERATIONS[operation].arguments
    return {
        name: facts[argument.fact]
        for name, argument in arguments.items()
        if argument.fact is not None and argument.fact in facts
    }


def changed_facts(before: dict[str, Any], after: dict[str, Any]) -> tuple[str, ...]:
    """The names of the facts that differ, sorted."""
    return tuple(sorted({name for name, _ in after.items() - before.items()}))


def decline(reason: str) -> NoReturn:
    raise DeclinedError(reason)


# Enough for every repeat that a retry could cause within one session.
KEYS_PER_SESSION_MAX: Final = 1_000


class Once:
    """The idempotency keys of one world."""

    __slots__ = ("_by_session", "_store")

    def __init__(self, store: Store) -> None:
        self._store = store
        self._by_session: dict[int, list[str]] = {}

    def earlier(self, operation: str, args: Args, key: str) -> Result | None:
        """The answer given before; DeclinedError where the key stood for something else."""
        row = self._store.get("once", key)
        if row is None:
            return None
        if row[0] != operation or row[1] != dict(args):
            decline("key_reused")
        answer: Result = row[2]
        return dict(answer)

    def keep(self, operation: str, session: int, args: Args, key: str, answer: Result) -> None:
        keys = self._by_session.setdefault(session, [])
        if len(keys) >= KEYS_PER_SESSION_MAX:
            self._store.delete("once", keys.pop(0))
        keys.append(key)
        self._store.put("once", key, (operation, dict(args), dict(answer)))

    def forget(self, session: int) -> None:
        for key in self._by_session.pop(session, ()):
            self._store.delete("once", key)
