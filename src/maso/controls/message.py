"""One message on its way through the controls: the scratch pad that they read and write.

A control reads what the ones before it established and adds its own part. Nothing here outlives the
decision, except for a held message, whose pad is kept until it is decided again.
"""

from typing import Any

from maso.controls.state import ContractState, Instance
from maso.envelope import Envelope
from maso.fleet.rulebook import Flow
from maso.scan.signals import CLEAN, Signals


class Message:
    """
    channel        number of the channel it came by
    wire           bytes as received; empty once opened and when decided again
    opened         the bytes were an envelope
    known          its sender is a live instance, though perhaps not who really sent it
    resumed        it was held and is being decided again
    label          effective label so far
    digest         SHA-256 of the payload
    mark           the same under the run's record key: how records name a payload
    authenticated  credential and MAC were right: only then does anything count against the sender
    scanned        DLP has looked at the payload: nothing of it may be recorded before that
    declassified   compartment bits shed on this flow
    action_digest  what an endorsement of this action is bound to; empty unless one was needed
    approval       the phase in force wants a person's approval of this action
    judge_milli    share of actions like this one that the phase in force has judged, in thousandths
    received       marks of the values that its delivery lets the recipient tell (`derive.py`)
    ask            kind of endorser that a hold asks for
    deadline       until when a held message waits
    """

    __slots__ = (
        "action_digest",
        "approval",
        "ask",
        "authenticated",
        "body",
        "channel",
        "claims_checked",
        "contract",
        "deadline",
        "declassified",
        "digest",
        "envelope",
        "flow",
        "judge_milli",
        "known",
        "label",
        "mark",
        "now",
        "opened",
        "outgoing",
        "received",
        "recipient",
        "resumed",
        "scanned",
        "sender",
        "signals",
        "tokens",
        "wire",
    )

    def __init__(self, channel: int, wire: bytes, now: int) -> None:
        self.channel = channel
        self.wire = wire
        self.now = now
        self.resumed = False
        self.authenticated = False
        # Set by `open`, IA-2.1 and IA-1.4; a control that runs finds those before it done.
        self.opened = False
        self.envelope: Envelope
        self.known = False
        self.sender: Instance
        self.recipient: Instance | None = None
        self.flow: Flow
        self.scanned = False
        self.claims_checked = False
        self.contract: ContractState | None = None
        self.body: Any = None
        self.digest = b""
        self.mark = b""
        self.label = 0
        self.signals: Signals = CLEAN
        self.declassified = 0
        self.outgoing = b""
        self.received = b""
        self.action_digest = b""
        self.approval = False
        self.judge_milli = 0
        self.ask = 0
        self.deadline = 0
        self.tokens = 0
