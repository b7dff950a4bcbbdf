"""What an attack stands on: the few things of a run that it may touch, and the truth about what it planted.

An attacker here is somebody who has taken over instances of its own sessions (their real MAC and signing
keys), who writes what the outside writes (customers, pages, documents, tools), and who can put any bytes on
channels of its own. It never has the authority's, the ingestion pipeline's, a port's or an honest session's
key. Where an attack needs the trusted side (the authority admits a session, a customer really confirms, an
operator freezes it), it asks the `Ground` to do that as honestly as the run itself would.

Everything hostile happens in sessions and on channels of its own, so that a refusal of an honest message is
never the adversary's doing.
"""

from typing import NamedTuple, Protocol

from maso.fleet.model import Fleet
from maso.fleet.rulebook import Rulebook
from maso.identity import Authority
from maso.plane.effects import Effect
from maso.sim.kernel import Kernel

# Far above what a run numbers its own sessions and channels with, far below what a 64-bit column holds.
HOSTILE_SESSIONS_FROM = 1 << 40
HOSTILE_CHANNELS_FROM = 1 << 40


class Happened(NamedTuple):
    """What one event led to: the effects, and the bodies of the evidence records written meanwhile."""

    effects: tuple[Effect, ...]
    records: tuple[bytes, ...]


class Ground(Protocol):
    """What a driver gives to the adversaries. Every event goes through the driver, its checkers included."""

    fleet: Fleet
    rules: Rulebook
    kernel: Kernel

    @property
    def authority(self) -> Authority:
        """Who issues credentials."""

    @property
    def now(self) -> int:
        """Nanoseconds."""

    def handle(self, event: object) -> Happened:
        """The plane decides an event now, and the driver does what follows from it."""

    def from_port(
        self, port: str, session: int, to: int, payload: bytes, *, action: int = 0, label: int = 0
    ) -> Happened:
        """A port's adapter passes on what somebody outside gave it: sealed honestly, content as given."""

    def documents(self, port: str, texts: tuple[tuple[str, str], ...]) -> list[dict[str, object]]:
        """(document, text) pairs are ingested now, honestly; returned as the retriever has them."""


class Truth(NamedTuple):
    """One effect that must not happen, whatever any detector saw. What is 0 or empty is not compared.

    what       `delivered`, `assembled`, `performed` or `admitted`
    marker     bytes that are in the payload (delivered)
    pieces     all of them were delivered in this order, in however many messages (assembled)
    payload    the whole payload (performed)
    sender     who did it
    action     number of the action (performed)
    allowed    NHIs that may have it all the same (delivered)
    at_most    how often it may happen: 0, or what the honest part of the attack did
    claim      id of a claim, which must not arrive with more than `confidence` per mille (delivered)
    """

    what: str
    marker: bytes = b""
    payload: bytes = b""
    sender: int = 0
    action: int = 0
    nhi: int = 0
    allowed: tuple[int, ...] = ()
    at_most: int = 0
    claim: int = 0
    confidence: int = 0
    pieces: tuple[bytes, ...] = ()


class NoSurfaceError(Exception):
    """This fleet has nothing that the attack could be aimed at; the text says what is missing."""
