"""One thing that the plane let out: a delivery or an action, with the envelope behind it and its record.

An action that was held has no arriving envelope in the turn that releases it; the suite keeps the one that
came in when it was held, so that a checker judges what the sender really sent.
"""

from typing import Protocol

from maso.envelope import Envelope
from maso.evidence.records import MessageRecord
from maso.plane.effects import Ask, Deliver, Perform
from maso.sim.checkers.turn import Someone, Turn


class Release:
    """envelope, record, sender and recipient are None where they could not be found: that is a violation."""

    __slots__ = ("ask", "effect", "envelope", "performed", "recipient", "record", "sender", "turn")

    def __init__(
        self,
        turn: Turn,
        effect: Deliver | Perform,
        envelope: Envelope | None,
        record: MessageRecord | None,
        ask: Ask | None,
        sender: Someone | None,
        recipient: Someone | None,
    ) -> None:
        self.turn = turn
        self.effect = effect
        self.performed = type(effect) is Perform
        self.envelope = envelope
        self.record = record
        self.ask = ask
        self.sender = sender
        self.recipient = recipient


class Checker(Protocol):
    """One invariant, watched. Both texts are printed in the summary.

    covers          what a run without violations of this checker shows
    does_not_cover  what it does not show
    """

    invariant: int
    name: str
    covers: str
    does_not_cover: str

    def turn(self, turn: Turn) -> str:
        """Look at a turn other than an ordinary arrival's; what is wrong, or nothing."""

    def released(self, r: Release) -> str:
        """Look at one release; what is wrong, or nothing."""
