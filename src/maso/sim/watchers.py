"""What may look on, and what may take part: the driver's open ends.

A *watcher* (a checker, a recorder) sees every event before the plane decides it, every effect afterwards
with the evidence records written meanwhile, and everything the worlds did. It changes nothing. An
*adversary* plans calls at times of its choosing and acts through the ground that the driver gives it.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple, Protocol

from maso.plane.effects import Effect


class Performed(NamedTuple):
    """What a world did, or why not. `ref` is the record of the action that asked for it."""

    ref: int
    session: int
    sender: int
    action: int
    operation: str
    args: Mapping[str, Any]
    answer: Mapping[str, Any] | None
    declined: str


class Watcher(Protocol):
    """`wants_inbox`: keep the payloads delivered to every actor in `Actor.inbox` (costs memory)."""

    wants_inbox: bool

    def on_event(self, event: object, now: int) -> None: ...

    def on_effects(
        self, event: object, effects: Sequence[Effect], records: Sequence[bytes], now: int
    ) -> None: ...

    def on_world(self, done: Performed, now: int) -> None: ...


class Adversary(Protocol):
    """Plans its calls when the run starts: (time in nanoseconds, call with an argument, the argument)."""

    def plan(self, ground: Any) -> Iterable[tuple[int, Callable[[Any], None], Any]]: ...


class Log(Protocol):
    def append(self, body: bytes) -> int: ...


class RecordTap:
    """A log that also hands out what was appended since the last time, once somebody wants it."""

    __slots__ = ("_append", "_bodies", "wanted")

    def __init__(self, log: Log) -> None:
        self._append = log.append
        self._bodies: list[bytes] = []
        self.wanted = False

    def append(self, body: bytes) -> int:
        if self.wanted:
            self._bodies.append(body)
        return self._append(body)

    def take(self) -> tuple[bytes, ...]:
        taken = tuple(self._bodies)
        self._bodies.clear()
        return taken
