"""Shutdown as one table: stage and trigger lead to a stage, under an authority; and the machine for it.

The same table holds for every scope: one instance, a session, a type, a cluster, a region, the system. A
trigger that is not in the table for the stage in force changes nothing and says what is legal.
`docs/shutdown.md` is drawn from here.

Rules that are not rows, kept by `Shutdown`:

- *held*: what one person ordered alone is the safe part of it, and stays so. Work that is under way is
  brought to an end (drain and beyond) only after two different people ordered it; nothing resumes by itself.
- *ceilings*: a stage ends when its work is done, at the latest after the time that the fleet file declares.
  Only reconciliation has no end by time: money that nobody has settled or listed is not settled because it
  is late. Then it is `overdue`, and people are called.
- *forward*: stages only rise. Two people call a halt off before the drain; later the only way back to
  running leads through a settled reconciliation, again by two people.
- time never goes back: an older `now` counts as the newest one seen.

Not handled here: who counts as two people (`twopersons.py`), who may act meanwhile (`lease.py`), what is
done about money (`reconcile.py`), what a stage forbids (`controls/posture.py`), several scopes (`switch.py`).
"""

from collections.abc import Mapping
from enum import IntEnum, StrEnum
from typing import Final, NamedTuple

from maso.clock import SECOND


class Stage(IntEnum):
    """RUN is not a stage of a shutdown but its absence; SETTLED is its end, not yet the way back."""

    RUN = 0
    HALT = 1
    FREEZE = 2
    DRAIN = 3
    TERMINATE = 4
    RECONCILE = 5
    SETTLED = 6


STAGE_NAMES: Final = tuple(stage.name.lower() for stage in Stage)


class Authority(IntEnum):
    """Who may fire a row. SELF: the machine, once two people have ordered; ONE and TWO: different people."""

    SELF = 0
    ALONE = 1  # the machine, also where only one person has ordered
    ONE = 2
    TWO = 3


class Trigger(StrEnum):
    ASK_HALT = "ask-halt"
    ASK_KILL = "ask-kill"
    LAPSED = "lapsed"
    HALT = "halt"
    KILL = "kill"
    DONE = "done"
    CEILING = "ceiling"
    CALL_OFF = "call-off"
    RESUME = "resume"


class Row(NamedTuple):
    to: Stage
    authority: Authority
    meaning: str


_RUN, _HALT, _FREEZE, _DRAIN, _TERM, _REC, _SET = Stage
_SELF, _ALONE, _ONE, _TWO = Authority

TABLE: Final[dict[tuple[Stage, Trigger], Row]] = {
    (_RUN, Trigger.ASK_HALT): Row(_HALT, _ONE, "one person orders: no new sessions, until a second answers"),
    (_RUN, Trigger.ASK_KILL): Row(_FREEZE, _ONE, "one person orders: nothing new, until a second answers"),
    (_HALT, Trigger.ASK_KILL): Row(_FREEZE, _ONE, "one person orders: nothing new, until a second answers"),
    (_HALT, Trigger.LAPSED): Row(_FREEZE, _ALONE, "the second did not answer: freeze, and hold"),
    (_RUN, Trigger.HALT): Row(_HALT, _TWO, "two people order: the controlled halt begins"),
    (_HALT, Trigger.HALT): Row(_HALT, _TWO, "the second person agrees: it goes on from here"),
    (_FREEZE, Trigger.HALT): Row(_FREEZE, _TWO, "the second person agrees: it goes on from here"),
    (_RUN, Trigger.KILL): Row(_TERM, _TWO, "two people order: everything ends now, without a drain"),
    (_HALT, Trigger.KILL): Row(_TERM, _TWO, "two people order: everything ends now, without a drain"),
    (_FREEZE, Trigger.KILL): Row(_TERM, _TWO, "two people order: everything ends now, without a drain"),
    (_DRAIN, Trigger.KILL): Row(_TERM, _TWO, "two people order: the drain is broken off"),
    (_HALT, Trigger.DONE): Row(_FREEZE, _SELF, "no session is being opened any more"),
    (_HALT, Trigger.CEILING): Row(_FREEZE, _SELF, "the time for it is over"),
    (_FREEZE, Trigger.DONE): Row(_DRAIN, _SELF, "what was under way is at an end, but for money"),
    (_FREEZE, Trigger.CEILING): Row(_DRAIN, _SELF, "the time for it is over"),
    (_DRAIN, Trigger.DONE): Row(_TERM, _SELF, "every committed payment has its outcome"),
    (_DRAIN, Trigger.CEILING): Row(_TERM, _SELF, "the time for it is over; the rest is for reconciliation"),
    (_TERM, Trigger.DONE): Row(_REC, _SELF, "every instance has ended, its session's state is kept"),
    (_TERM, Trigger.CEILING): Row(_REC, _SELF, "the time for it is over; leases end what nobody reached"),
    (_REC, Trigger.DONE): Row(_SET, _SELF, "every item is settled, or listed for a person"),
    (_HALT, Trigger.CALL_OFF): Row(_RUN, _TWO, "two people call it off: nothing had ended yet"),
    (_FREEZE, Trigger.CALL_OFF): Row(_RUN, _TWO, "two people call it off: nothing had ended yet"),
    (_SET, Trigger.RESUME): Row(_RUN, _TWO, "two people let it run again, under a new epoch"),
}  # fmt: skip

# Where a fleet file declares no `shutdown`: the times of E7 for a platform of 10,000 customers.
CEILINGS_NS: Final[dict[Stage, int]] = {
    _HALT: 0,
    _FREEZE: 30 * SECOND,
    _DRAIN: 60 * SECOND,
    _TERM: 10 * SECOND,
    _REC: 300 * SECOND,
}


class Moved(NamedTuple):
    """It went from `before` to `after` at `at`; `by` are the people, in the order in which they spoke."""

    before: Stage
    after: Stage
    trigger: Trigger
    by: tuple[str, ...]
    at: int


class Stays(NamedTuple):
    """Nothing changed. `legal` are the triggers that the table has for this stage."""

    why: str
    legal: tuple[str, ...]


Result = Moved | Stays


def legal(stage: Stage) -> tuple[str, ...]:
    """The triggers that mean something in this stage, in the order of the table."""
    return tuple(trigger.value for (at, trigger) in TABLE if at is stage)


class Shutdown:
    """One scope's stage. `ceilings` are nanoseconds by stage; a stage that is not there takes no time."""

    __slots__ = ("_ceilings", "confirmed", "now", "ordered_at", "since", "stage")

    def __init__(self, ceilings: Mapping[Stage, int] = CEILINGS_NS, now: int = 0) -> None:
        self._ceilings = dict(ceilings)
        self.stage = Stage.RUN
        self.since = now
        self.now = now
        self.confirmed = False  # whether two people stand behind it
        self.ordered_at = 0  # when the second of them did

    def fire(self, trigger: Trigger, now: int, by: tuple[str, ...] = ()) -> Result:
        """Take a trigger. `by` are the people behind it, as `twopersons.py` has counted them."""
        self.now = max(self.now, now)
        row = TABLE.get((self.stage, trigger))
        if row is None:
            return self._stays(f"`{trigger.value}` means nothing in {self.stage.name.lower()}")
        refused = self._unauthorised(row, by)
        return self._stays(refused) if refused else self._move(row, trigger, by, self.now)

    def expire(self, now: int) -> list[Moved]:
        """The stages whose time is over at `now`, one after the other, each at the instant it ended."""
        self.now = max(self.now, now)
        moves: list[Moved] = []
        while (until := self.until) is not None and until <= self.now:
            row = TABLE.get((self.stage, Trigger.CEILING))
            if row is None:
                break
            moves.append(self._move(row, Trigger.CEILING, (), until))
        return moves

    @property
    def until(self) -> int | None:
        """When the stage in force ends at the latest; None while it runs, is held, or has settled."""
        if self.stage in (Stage.RUN, Stage.SETTLED) or not self.confirmed:
            return None
        return self.since + self._ceilings.get(self.stage, 0)

    @property
    def held(self) -> bool:
        """Whether it waits for a second person."""
        return self.stage is not Stage.RUN and not self.confirmed

    @property
    def overdue(self) -> bool:
        """Whether reconciliation has taken longer than declared: for people, no reason to call it settled."""
        until = self.until
        return self.stage is Stage.RECONCILE and until is not None and self.now >= until

    def _unauthorised(self, row: Row, by: tuple[str, ...]) -> str:
        if row.authority is Authority.TWO and len(set(by)) < 2:
            return "needs two different people"
        if row.authority is Authority.ONE and not by:
            return "needs a person"
        if row.authority is Authority.SELF and not self.confirmed:
            return "waits for a second person"
        return ""

    def _move(self, row: Row, trigger: Trigger, by: tuple[str, ...], at: int) -> Moved:
        before, self.stage = self.stage, row.to
        if before is not row.to or not self.confirmed:
            self.since = at
        if trigger in (Trigger.HALT, Trigger.KILL) and not self.confirmed:
            self.confirmed, self.ordered_at = True, at
        if row.to is Stage.RUN:
            self.confirmed, self.ordered_at = False, 0
        return Moved(before, row.to, trigger, by, at)

    def _stays(self, why: str) -> Stays:
        return Stays(why, legal(self.stage))
