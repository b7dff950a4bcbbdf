"""What sessions need of the driver that plays them: time, a plane to speak to, and worlds behind it.

Both drivers have this shape: the simulation, whose time is a number on a heap, and the live platform, whose
time is a clock. Sessions never see which of the two it is.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, Protocol

from maso.claims import Claim
from maso.fleet.rulebook import Rulebook
from maso.journeys.actors import Actor, Keyring
from maso.journeys.tally import Tally
from maso.plane.effects import Effect

if TYPE_CHECKING:
    from maso.journeys.sessions import Run


class Schedule(Protocol):
    """Calls that are made later; times are nanoseconds of the driver's time."""

    @property
    def now(self) -> int: ...

    def at(self, time: int, call: Callable[[Any], None], argument: Any = None) -> None: ...

    def after(self, delay: int, call: Callable[[Any], None], argument: Any = None) -> None: ...


class Degrading(Protocol):
    """What PACE has to say about a session's moves."""

    def joined(self, members: tuple[tuple[int, int, int], ...]) -> None:
        """(NHI, type, session) of each instance that was admitted."""

    def speaks(self, run: "Run", nhi: int, kind: int) -> bool:
        """Whether this instance may make its move now; if not, the move was put off or handed over."""

    def turned_away(self, run: "Run", nhi: int, code: str) -> bool:
        """A message was refused; true where the move will be tried again later."""


class Driver(Protocol):
    """The side of a driver that sessions use."""

    @property
    def actors(self) -> dict[int, Actor]: ...

    @property
    def end(self) -> int: ...

    @property
    def keep_inboxes(self) -> bool: ...

    @property
    def kernel(self) -> Schedule: ...

    @property
    def keys(self) -> Keyring: ...

    @property
    def now(self) -> int: ...

    @property
    def pace(self) -> Degrading: ...

    @property
    def ports(self) -> Mapping[str, Actor]: ...

    @property
    def rules(self) -> Rulebook: ...

    @property
    def tally(self) -> Tally: ...

    def open_facts(self, session: int) -> dict[str, Any]: ...

    def close_facts(self, session: int) -> None: ...

    def page_digest(self, action: int, session: int, payload: bytes) -> bytes: ...

    def raise_event(self, event: Any) -> list[Effect]: ...

    def follow(self, effects: Iterable[Effect], run: "Run | None", sent: bytes = b"") -> None: ...

    def say(
        self,
        speaker: Actor,
        to: int,
        session: int,
        kind: int,
        payload: bytes,
        *,
        action: int = 0,
        contract: int = 0,
        parents: tuple[int, ...] = (),
        claims: tuple[Claim, ...] = (),
    ) -> list[Effect]: ...
