"""What can happen to a plane. Every event comes through `Plane.handle(event, now)`; `now` is nanoseconds.

Which channels may raise which events is the driver's wiring, and the trusted part of it is small: the
authority's enrolment channel raises `Admit`, the world's own front end (not an agent) raises `Endorse`
with kind CUSTOMER, the staff console raises `Endorse` with kind PERSON and the `Set…` and `Revoke` events,
the coordinator of PACE raises `SetPhase` too (`resilience/coordinator.py`, without a `by` of its own making),
the switch raises `SetStage` (`resilience/switch.py`, with the people who ordered it),
the ingestion pipeline raises `IngestDocument`. Everything that an agent or a port says is an `Arrive`.
"""

from enum import IntFlag
from typing import Final

import msgspec


class Endorser(IntFlag):
    CUSTOMER = 1
    FACTS = 2
    PERSON = 4


ENDORSER_BITS: Final = {"customer": Endorser.CUSTOMER, "facts": Endorser.FACTS, "person": Endorser.PERSON}


class _Event(msgspec.Struct, frozen=True, gc=False):
    pass


class Admit(_Event, frozen=True, gc=False):
    """An instance set asks to join with its credential (msgpack of `identity.Credential`)."""

    credential: bytes


class Arrive(_Event, frozen=True, gc=False):
    """Bytes came in on a channel. A channel is a number of the driver's: a socket, a subject, a queue."""

    channel: int
    wire: bytes


class RegisterContract(_Event, frozen=True, gc=False):
    """An instance registers a contract that it signed (msgpack of `contract.DelegationContract`)."""

    channel: int
    contract: bytes


class Endorse(_Event, frozen=True, gc=False):
    """Somebody outside the agents vouches for one action: its digest, once, until `not_after`."""

    kind: int
    session: int
    digest: bytes
    not_after: int


class Answer(_Event, frozen=True, gc=False):
    """The world's or a person's answer to an `Ask` about a held envelope."""

    hold: int
    kind: int
    granted: bool


class Deadline(_Event, frozen=True, gc=False):
    """A held envelope's time is up."""

    hold: int


class IngestDocument(_Event, frozen=True, gc=False):
    """A document enters a knowledge base through the ingestion pipeline and becomes its current version."""

    port: int
    document: str
    version: int
    sha256: bytes


class Revoke(_Event, frozen=True, gc=False):
    """The credential of one instance is withdrawn."""

    nhi: int


class Purge(_Event, frozen=True, gc=False):
    """An instance's context is emptied (its memory store stays)."""

    nhi: int


class Retire(_Event, frozen=True, gc=False):
    """An instance ends; its credential dies with it."""

    nhi: int


class CloseSession(_Event, frozen=True, gc=False):
    """A session ends: every instance of it retires, contexts and memory stores are purged."""

    session: int


class SetPhase(_Event, frozen=True, gc=False):
    """scope is `system`, `cluster:<id>`, `type:<id>` or `instance:<nhi>`; a phase is one of
    `resilience.pace.Phase`.

    why          what led to it, for the record: a trigger, perhaps with its cause
    by           role of the person who decided; without one Emergency is not left
    share_milli  thousandths of the sessions that return to this better phase; the rest stays where it is
    """

    scope: str
    phase: int
    why: str = ""
    by: str = ""
    share_milli: int = 1000


class SetStage(_Event, frozen=True, gc=False):
    """scope is one of `resilience/places.py`; a stage is one of `resilience.shutdown.Stage`. Answered by
    `Staged`.

    why  what led to it, for the record: the trigger
    by   the people who ordered it, joined by `+`; without two of them no stage is taken back
    """

    scope: str
    stage: int
    why: str = ""
    by: str = ""
