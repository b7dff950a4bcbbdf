"""The ledger: where an action whose operation is `record` is noted. It numbers what it is told."""

from collections.abc import Mapping
from typing import Any

from maso.worlds.base import Args, Once, Result, Store, decline


class Ledger:
    """One counter, and the last record of each session. Repeats with one key are one record."""

    name = "ledger"

    def __init__(self, store: Store) -> None:
        self._store = store
        self._once = Once(store)
        self._sessions: dict[int, dict[str, Any]] = {}
        self.records = 0

    def open(self, session: int, facts: dict[str, Any], now: int) -> None:
        facts["session_id"] = f"S{session}"
        self._sessions[session] = facts

    def close(self, session: int, now: int) -> None:
        self._sessions.pop(session, None)
        self._once.forget(session)

    def perform(
        self, operation: str, session: int, args: Args, key: str, now: int
    ) -> tuple[Result, tuple[str, ...]]:
        if operation != "record":
            decline("unknown_operation")
        facts = self._sessions.get(session)
        if facts is None:
            decline("session_closed")
        before = self._once.earlier(operation, {}, key)
        if before is not None:
            return before, ()
        self.records += 1
        answer: Result = {"record_id": f"R{self.records:07d}"}
        facts["record_id"] = answer["record_id"]
        self._once.keep(operation, session, {}, key, answer)
        return answer, ("record_id",)

    def check_facts(self, operation: str, session: int, args: Args) -> bool:
        return operation == "record" and session in self._sessions

    def facts(self, session: int) -> Mapping[str, Any]:
        return self._sessions[session]

    def advance(self, now: int) -> int:
        return 0
