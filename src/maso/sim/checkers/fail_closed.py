"""Invariant 1: doubt denies.

Everything that was let out must have come from bytes that decode, from somebody admitted, within the time of
the credential, in sequence, with a label; a control that failed must have ended in a denial; and what was
held may only be let out by somebody who vouched for it before its deadline.
"""

from maso.envelope import VERSION
from maso.plane.effects import Ask
from maso.plane.events import Answer, Arrive, Endorse
from maso.sim.checkers.release import Release
from maso.sim.checkers.turn import Turn

_FAILED = "plane/control-failed"
_MAX_KIND = 5
_DENY = 3


class FailClosed:
    invariant = 1
    name = "fail closed"
    covers = (
        "nothing is let out of bytes that do not decode, without a label, from somebody not admitted or past"
        " the end of the credential, out of sequence, after a control failed, or after a hold that nobody"
        " vouched for in time"
    )
    does_not_cover = (
        "whether a MAC was right (the forging adversaries' own truth shows that), and whether a control"
        " that did not fail should have spoken"
    )

    def __init__(self) -> None:
        self._last_seq: dict[int, int] = {}

    def turn(self, turn: Turn) -> str:
        return ""

    def released(self, r: Release) -> str:
        envelope, record, sender = r.envelope, r.record, r.sender
        if envelope is None:
            return "let out without an envelope"
        if envelope.label is None:
            return "let out without a label"
        if envelope.version != VERSION or not 1 <= envelope.kind <= _MAX_KIND:
            return "let out though version or kind is unknown"
        if sender is None:
            return "let out for a sender that is not admitted"
        now = r.turn.now
        if not sender.not_before <= now < sender.not_after:
            return f"let out for {sender.type} outside the time of its credential"
        if record is not None and any(code == _FAILED for code, _ in record.findings):
            return "let out though a control failed"
        if r.ask is not None:
            return self._answered(r, r.ask)
        if envelope.seq <= self._last_seq.get(envelope.sender, 0):
            return f"let out for {sender.type} out of sequence"
        self._last_seq[envelope.sender] = envelope.seq
        return ""

    @staticmethod
    def _answered(r: Release, ask: Ask) -> str:
        event, now = r.turn.event, r.turn.now
        if now >= ask.not_after:
            return "let out after the deadline of its hold"
        if isinstance(event, Answer):
            right = event.granted and event.hold == ask.hold and event.kind == ask.kind
            return "" if right else "let out by an answer that does not vouch for it"
        if isinstance(event, Endorse):
            right = event.session == ask.session and event.digest == ask.digest
            return "" if right else "let out by an endorsement of something else"
        return f"let out of a hold by {'a message' if isinstance(event, Arrive) else 'nobody who may'}"
