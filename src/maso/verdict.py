"""Findings and decisions: what a control says, and what is made of it.

A control returns None when it has nothing to say (the common case, which costs nothing) or a `Finding`.
`plane/decide.py` turns the findings of one message into one `Decision`; the most severe outcome wins.
Reasons are named constants with a fixed text, so that a record stores a number, a report can count, and
no text of a message ever reaches an explanation.
"""

from enum import IntEnum
from typing import Final, NamedTuple

import msgspec


class Outcome(IntEnum):
    """In rising severity."""

    ALLOW = 0
    REDACT = 1
    HOLD = 2
    DENY = 3


OUTCOME_NAMES: Final = {o.value: o.name.lower() for o in Outcome}


class Reason(NamedTuple):
    """Why a control spoke: a stable code, the control, what happened, and what to do about it."""

    code: str
    control: str
    text: str
    remedy: str


class Finding(NamedTuple):
    """One control's opinion of one message.

    detail holds numbers and names from the fleet file only, never text from the message.
    """

    outcome: Outcome
    reason: Reason
    detail: str = ""
    raises: int = 0  # label bits that the finding adds (DLP that raises instead of refusing)


class Decision(msgspec.Struct, frozen=True, gc=False):
    """What the plane decided about one event.

    ref       number of the evidence record; how everything else refers to this event
    outcome   the most severe of the findings
    findings  in the order in which the controls ran; empty for a plain allow
    label     the effective label of what was delivered
    """

    ref: int
    outcome: Outcome
    findings: tuple[Finding, ...]
    label: int
