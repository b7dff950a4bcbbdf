"""What a phase changes in the plane, as one table by risk: what may be done, what needs a person, who judges.

An action's own risk counts where it is higher than its type's. Actions are of four classes, from harmless
to final; `free` says up to which class they may be done in a phase, `approved` up to which with a person's
approval, and what lies above is refused. The messages that a phase lets through are by kind.

The judge's ratio is never lower than what the fleet file declares: a phase can only raise it, and on
critical actions it is 100% in all of them (invariant 8). Until the judge has its own issue, the typed check
against the world's facts stands in for it (`controls/endorse.py`): from Alternate on, this share of the
actions is held for it, whatever else vouches for them. Which ones is drawn by a keyed digest of the action
itself, so that the same action asked again is drawn the same, nobody outside can tell beforehand, and any
process that has the key agrees. In Primary the ratio is what the file declares, for the judge to obey;
there EC-2.6 asks about privileged actions whatever the ratio. `docs/pace.md` is drawn from here.

Not handled: judging messages that are no actions; what the typed check cannot know (where an operation has
nothing to compare, only that its session is open); the customer's words (they are the fleet file's).
"""

import hashlib
from enum import IntEnum
from typing import Final, NamedTuple

from maso.envelope import MessageKind
from maso.resilience.pace import Phase

RISKS: Final = ("medium", "high", "critical")


class ActionClass(IntEnum):
    """READ changes nothing; PRIVILEGED is guarded by endorsement; FINAL cannot be taken back."""

    NONE = 0
    READ = 1
    NOTE = 2
    PRIVILEGED = 3
    FINAL = 4


class Allowance(NamedTuple):
    """
    kinds        bits `1 << kind` of the messages that may still go; an action also needs its class
    free         highest class of action that may simply be done
    approved     highest class that may be done with a person's approval
    judge_milli  share of actions, in thousandths, that a judge must see at least
    tell         whether the customer is shown the type's message
    """

    kinds: int
    free: ActionClass
    approved: ActionClass
    judge_milli: int
    tell: bool


def _kinds(*kinds: MessageKind) -> int:
    return sum(1 << kind for kind in kinds)


_EVERY: Final = _kinds(*MessageKind)
_NO_DELEGATION: Final = _EVERY & ~_kinds(MessageKind.DELEGATION)
_N, _READ, _PRIV, _FINAL = ActionClass.NONE, ActionClass.READ, ActionClass.PRIVILEGED, ActionClass.FINAL

TABLE: Final[dict[tuple[str, Phase], Allowance]] = {
    ("medium", Phase.PRIMARY): Allowance(_EVERY, _FINAL, _FINAL, 0, False),
    ("medium", Phase.ALTERNATE): Allowance(_EVERY, _FINAL, _FINAL, 100, False),
    ("medium", Phase.CONTINGENCY): Allowance(_NO_DELEGATION, _PRIV, _FINAL, 500, True),
    ("medium", Phase.EMERGENCY): Allowance(0, _N, _N, 1000, True),
    ("high", Phase.PRIMARY): Allowance(_EVERY, _FINAL, _FINAL, 0, False),
    ("high", Phase.ALTERNATE): Allowance(_EVERY, _FINAL, _FINAL, 500, False),
    ("high", Phase.CONTINGENCY): Allowance(_NO_DELEGATION, ActionClass.NOTE, _PRIV, 1000, True),
    ("high", Phase.EMERGENCY): Allowance(0, _N, _N, 1000, True),
    ("critical", Phase.PRIMARY): Allowance(_EVERY, _FINAL, _FINAL, 1000, False),
    ("critical", Phase.ALTERNATE): Allowance(_EVERY, _FINAL, _FINAL, 1000, False),
    # E6: payments are queued; only looking is left.
    ("critical", Phase.CONTINGENCY): Allowance(_NO_DELEGATION, _READ, _READ, 1000, True),
    ("critical", Phase.EMERGENCY): Allowance(0, _N, _N, 1000, True),
}


def higher(a: str, b: str) -> str:
    """The higher of two risks."""
    return a if RISKS.index(a) >= RISKS.index(b) else b


def class_of(*, irreversible: bool, privileged: bool, reads: bool) -> ActionClass:
    """Of an action; `reads`: it changes nothing in its world."""
    if irreversible:
        return ActionClass.FINAL
    if privileged:
        return ActionClass.PRIVILEGED
    return ActionClass.READ if reads else ActionClass.NOTE


EVERY_MILLI: Final = 1000


def drawn(key: bytes, action_digest: bytes, milli: int) -> bool:
    """Whether this action is among the share that is judged. A refused one is not drawn anew by repeating."""
    if milli >= EVERY_MILLI:
        return True
    if milli <= 0:
        return False
    place = hashlib.blake2b(action_digest, digest_size=4, key=key, person=b"judged").digest()
    return int.from_bytes(place, "big") * EVERY_MILLI >> 32 < milli


def judge_milli(risk: str, phase: Phase, declared_milli: int) -> int:
    """Thousandths of the actions that a judge must see: the phase's floor, or more where more is declared."""
    return max(declared_milli, TABLE[risk, phase].judge_milli)
