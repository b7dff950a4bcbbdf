"""PACE as one table: phase and trigger lead to a phase, under an authority; and the machine that obeys it.

The same table holds for four kinds of scope (an instance, a type, a cluster, the system); what differs is
who may decide. A trigger that is not in the table for the phase in force changes nothing and says what is
legal. `docs/pace.md` is drawn from here.

Rules that are not rows, kept by `Machine`:

- *dwell*: nothing steps up by itself before the phase in force has lasted `dwell_ns`; a return that was
  broken off doubles the wait, up to eight times. Stepping down is never delayed.
- *heals*: a return by itself counts once for every fall that it mends. With `heals_max` in 24 hours used
  up, the next fall ends in Contingency, and only a person steps up from there.
- *approval*: where a row wants a person, the request waits. Down, it is granted when nobody answers in time
  (degrading is the safe side); up, it lapses, and so does one whose evidence is over. Emergency is left by a
  person alone, whatever the settings.
- time never goes back: an older `now` counts as the newest one seen.

Not handled here: what is evidence for a trigger (`counters.py`), how a return is spread (`ramp.py`), what
one cluster does to another (`cascade.py`), what a phase forbids (`allowances.py`).
"""

from enum import IntEnum, StrEnum
from typing import Any, Final, NamedTuple

from maso.clock import DAY, MINUTE, SECOND


class Phase(IntEnum):
    """PACE, from best to worst."""

    PRIMARY = 0
    ALTERNATE = 1
    CONTINGENCY = 2
    EMERGENCY = 3


PHASE_NAMES: Final = tuple(phase.name.lower() for phase in Phase)


class Level(IntEnum):
    INSTANCE = 0
    TYPE = 1
    CLUSTER = 2
    SYSTEM = 3


class Authority(IntEnum):
    """Who may decide. OPERATOR and COMMANDER are people, by role; NOBODY marks a row that a level lacks."""

    NOBODY = -1
    AUTOMATIC = 0
    OPERATOR = 1
    COMMANDER = 2


class Trigger(StrEnum):
    FAILING = "failing"
    LOST = "lost"
    SUSPECT = "suspect"
    HOSTILE = "hostile"
    UPSTREAM = "upstream"
    LAYER = "layer"
    SPENT = "heals-spent"
    STEADY = "steady"
    ORDER_DOWN = "order-down"
    ORDER_STOP = "order-stop"
    ORDER_UP = "order-up"
    RELEASE = "release"


class Row(NamedTuple):
    """`authority` is by level: instance, type, cluster, system."""

    to: Phase
    authority: tuple[Authority, Authority, Authority, Authority]
    meaning: str


_P, _A, _C, _E = Phase
_NO, _AUTO, _OP, _COM = Authority.NOBODY, Authority.AUTOMATIC, Authority.OPERATOR, Authority.COMMANDER
_ALL: Final = (_AUTO, _AUTO, _AUTO, _AUTO)
# Ending one instance costs one customer a hand-over; suspending everybody is for people, if they answer.
_STOP: Final = (_AUTO, _OP, _OP, _OP)
_PEOPLE: Final = (_OP, _OP, _OP, _OP)

TABLE: Final[dict[tuple[Phase, Trigger], Row]] = {
    (_P, Trigger.FAILING): Row(_A, _ALL, "what it does fails: take the second way"),
    # The whole system goes to Contingency by a person: a fault that wide is no routine.
    (_A, Trigger.FAILING): Row(_C, (_AUTO, _AUTO, _AUTO, _OP), "the second way fails too: the plain way"),
    (_C, Trigger.FAILING): Row(_E, _STOP, "even the plain way fails: stop, people take over"),
    (_P, Trigger.LOST): Row(_C, (_AUTO, _AUTO, _AUTO, _OP), "what it stands on is gone: the plain way"),
    (_A, Trigger.LOST): Row(_C, (_AUTO, _AUTO, _AUTO, _OP), "what it stands on is gone: the plain way"),
    (_P, Trigger.SUSPECT): Row(_A, _ALL, "the watch or many refusals: look closer"),
    (_P, Trigger.HOSTILE): Row(_E, _STOP, "the watch is certain: stop"),
    (_A, Trigger.HOSTILE): Row(_E, _STOP, "the watch is certain: stop"),
    (_C, Trigger.HOSTILE): Row(_E, _STOP, "the watch is certain: stop"),
    # Declared by the fleet file (`on_emergency: cascade`), so nobody has to be asked again.
    (_P, Trigger.UPSTREAM): Row(_E, (_NO, _NO, _AUTO, _NO), "a producer is in Emergency, and this follows"),
    (_A, Trigger.UPSTREAM): Row(_E, (_NO, _NO, _AUTO, _NO), "a producer is in Emergency, and this follows"),
    (_C, Trigger.UPSTREAM): Row(_E, (_NO, _NO, _AUTO, _NO), "a producer is in Emergency, and this follows"),
    (_P, Trigger.LAYER): Row(_E, (_NO, _AUTO, _NO, _NO), "a layer without which nothing may run is gone"),
    (_A, Trigger.LAYER): Row(_E, (_NO, _AUTO, _NO, _NO), "a layer without which nothing may run is gone"),
    (_C, Trigger.LAYER): Row(_E, (_NO, _AUTO, _NO, _NO), "a layer without which nothing may run is gone"),
    (_A, Trigger.SPENT): Row(_C, _ALL, "it fell once more after its last heal of the day"),
    (_A, Trigger.STEADY): Row(_P, _ALL, "quiet for the dwell: back to the first way"),
    (_C, Trigger.STEADY): Row(_A, _ALL, "quiet for the dwell: back to the second way"),
    (_P, Trigger.ORDER_DOWN): Row(_A, _PEOPLE, "a person steps it down"),
    (_A, Trigger.ORDER_DOWN): Row(_C, _PEOPLE, "a person steps it down"),
    (_P, Trigger.ORDER_STOP): Row(_E, _PEOPLE, "a person stops it"),
    (_A, Trigger.ORDER_STOP): Row(_E, _PEOPLE, "a person stops it"),
    (_C, Trigger.ORDER_STOP): Row(_E, _PEOPLE, "a person stops it"),
    (_A, Trigger.ORDER_UP): Row(_P, _PEOPLE, "a person steps it up"),
    (_C, Trigger.ORDER_UP): Row(_A, _PEOPLE, "a person steps it up"),
    (_E, Trigger.RELEASE): Row(_C, (_COM, _COM, _COM, _COM), "a person who answers for it ends Emergency"),
}  # fmt: skip

# What the phases mean where a fleet file says nothing (E6).
MEANS: Final[dict[tuple[Level, Phase], str]] = {
    (Level.INSTANCE, _P): "works normally",
    (Level.INSTANCE, _A): "tries again with adjusted parameters",
    (Level.INSTANCE, _C): "falls back to a simpler flow",
    (Level.INSTANCE, _E): "ends; its customer is handed to a person",
    (Level.TYPE, _P): "all instances work normally",
    (Level.TYPE, _A): "the backup provider",
    (Level.TYPE, _C): "what cannot be taken back is queued for later",
    (Level.TYPE, _E): "suspended: customers are told, people are called",
    (Level.CLUSTER, _P): "produces what its consumers expect",
    (Level.CLUSTER, _A): "produces by its second way, or from stale or fallback data",
    (Level.CLUSTER, _C): "produces nothing new",
    (Level.CLUSTER, _E): "suspended",
    (Level.SYSTEM, _P): "normal",
    (Level.SYSTEM, _A): "more is judged everywhere",
    (Level.SYSTEM, _C): "nothing that cannot be taken back, anywhere",
    (Level.SYSTEM, _E): "suspended",
}

# An aborted return waits twice as long before the next, up to eight times: 2, 4, 8, 16 minutes at a type.
BACKOFF_MAX: Final = 8


class Settings(NamedTuple):
    """
    dwell_ns       how long a phase lasts at least before a return by itself
    heals_max      returns by itself in 24 hours
    by_person      automatic rows need an operator (`decided_by: person`); the safe side still wins by default
    answer_ns      how long a request for approval waits
    """

    dwell_ns: int
    heals_max: int = 3
    by_person: bool = False
    answer_ns: int = 15 * MINUTE


# An instance tries again within seconds: its customer is waiting.
INSTANCE_SETTINGS: Final = Settings(10 * SECOND)


class Moved(NamedTuple):
    """It went from `before` to `after`; `by` names the role of the person who decided, else it is empty."""

    before: Phase
    after: Phase
    trigger: Trigger
    authority: Authority
    by: str


class Waits(NamedTuple):
    """It goes to `to` once `authority` approves; what happens at `until` without an answer: `default`."""

    to: Phase
    trigger: Trigger
    authority: Authority
    until: int
    default: bool


class Stays(NamedTuple):
    """Nothing changed. `legal` are the triggers that the table has for this phase and level."""

    why: str
    legal: tuple[str, ...]


Result = Moved | Waits | Stays


def legal(level: Level, phase: Phase) -> tuple[str, ...]:
    """The triggers that mean something in this phase, in the order of the table."""
    return tuple(
        trigger.value
        for (at, trigger), row in TABLE.items()
        if at is phase and row.authority[level] is not Authority.NOBODY
    )


class Machine:
    """One scope's phase. Everything that changes it goes through `fire` and `answer`."""

    __slots__ = ("aborts", "fell", "heals", "level", "now", "phase", "settings", "since", "waits")

    def __init__(self, level: Level, settings: Settings, now: int = 0) -> None:
        self.level = level
        self.settings = settings
        self.phase = Phase.PRIMARY
        self.since = now
        self.now = now
        self.heals: tuple[int, ...] = ()  # of the last 24 hours; at most `heals_max`
        self.fell = False  # a fall that no heal has been counted for yet
        self.aborts = 0
        self.waits: Waits | None = None

    def fire(self, trigger: Trigger, now: int, by: str = "", authority: Authority | None = None) -> Result:
        """Take a trigger. `authority` and `by` (a role) are a person's; without them it acts by itself."""
        row, needed, refused = self._look(trigger, now)
        if row is None or refused:
            return Stays(refused, legal(self.level, self.phase))
        given = Authority.AUTOMATIC if authority is None or not by else authority
        if given < needed:
            return self._wait(row, trigger, needed)
        if given is Authority.AUTOMATIC:
            blocked = self._blocked(row)
            if blocked:
                return Stays(blocked, legal(self.level, self.phase))
        return self._move(row.to, trigger, given, by if given else "")

    def may(self, trigger: Trigger, now: int) -> str:
        """Why it may not step up by itself at `now`; empty when it may. Changes nothing but the clock."""
        row, needed, refused = self._look(trigger, now)
        if row is None or refused:
            return refused
        if needed is not Authority.AUTOMATIC:
            return "a person decides"
        return self._blocked(row)

    def answer(self, granted: bool, now: int, by: str, authority: Authority) -> Result:
        """A person's answer to the request that waits."""
        self.now = max(self.now, now)
        waits = self.waits
        if waits is None:
            return Stays("nothing waits for approval", legal(self.level, self.phase))
        if not by or authority < waits.authority:
            return Stays(f"needs {waits.authority.name.lower()}", legal(self.level, self.phase))
        self.waits = None
        if not granted:
            return Stays("refused by a person", legal(self.level, self.phase))
        return self._move(waits.to, waits.trigger, authority, by)

    def expire(self, now: int) -> Result | None:
        """What becomes of a request that nobody answered; None while there is none, or time left."""
        self.now = max(self.now, now)
        waits = self.waits
        if waits is None or self.now < waits.until:
            return None
        self.waits = None
        if not waits.default:
            return Stays("nobody approved in time", legal(self.level, self.phase))
        return self._move(waits.to, waits.trigger, Authority.AUTOMATIC, "")

    def withdraw(self) -> None:
        """What a request to step down was made for is over: nobody is to approve it later."""
        if self.waits is not None and self.waits.trigger in _PASSING:
            self.waits = None

    def aborted(self, now: int) -> None:
        """A return was broken off: the phase in force begins anew, and the next attempt waits longer."""
        self.now = max(self.now, now)
        self.since = self.now
        self.aborts += 1

    @property
    def ready_at(self) -> int:
        """When the dwell is over."""
        return self.since + self.settings.dwell_ns * min(BACKOFF_MAX, 1 << min(self.aborts, 3))

    def spent(self) -> bool:
        """Whether a return by itself is no longer allowed, since the heals of 24 hours are used up."""
        self.heals = tuple(at for at in self.heals if at > self.now - DAY)
        return self.fell and len(self.heals) >= self.settings.heals_max

    def state(self) -> list[Any]:
        """As plain data; `settings` and the level are the plan's."""
        waits = None if self.waits is None else list(self.waits)
        return [self.phase, self.since, self.now, list(self.heals), self.fell, self.aborts, waits]

    def take(self, state: list[Any]) -> None:
        """What `state` gave, of a machine with the same settings."""
        phase, self.since, self.now, heals, self.fell, self.aborts, waits = state
        self.phase, self.heals, self.waits = Phase(phase), tuple(heals), None
        if waits is not None:
            to, trigger, authority, until, default = waits
            self.waits = Waits(Phase(to), Trigger(trigger), Authority(authority), until, default)

    def _look(self, trigger: Trigger, now: int) -> tuple[Row | None, Authority, str]:
        self.now = max(self.now, now)
        row = TABLE.get((self.phase, trigger))
        needed = Authority.NOBODY if row is None else row.authority[self.level]
        if row is None or needed is Authority.NOBODY:
            return None, needed, f"`{trigger.value}` means nothing in {self.phase.name.lower()}"
        if needed is Authority.AUTOMATIC and self.settings.by_person and trigger not in _DECLARED:
            needed = Authority.OPERATOR
        return row, needed, ""

    def _blocked(self, row: Row) -> str:
        if row.to > self.phase:
            return ""
        if self.now < self.ready_at:
            return "the dwell is not over"
        return "the heals of 24 hours are used up: a person decides" if self.spent() else ""

    def _wait(self, row: Row, trigger: Trigger, needed: Authority) -> Result:
        down = row.to > self.phase
        if self.waits is not None and (self.waits.to >= row.to or not down):
            return Stays("it waits for approval already", legal(self.level, self.phase))
        # Orders of people are approved by being given: one without the right role is not kept.
        if trigger in _ORDERS:
            return Stays(f"needs {needed.name.lower()}", legal(self.level, self.phase))
        if not down:
            blocked = self._blocked(row)
            if blocked:
                return Stays(blocked, legal(self.level, self.phase))
        self.waits = Waits(row.to, trigger, needed, self.now + self.settings.answer_ns, down)
        return self.waits

    def _move(self, to: Phase, trigger: Trigger, authority: Authority, by: str) -> Moved:
        before, self.phase, self.since, self.waits = self.phase, to, self.now, None
        if to > before:
            self.fell = True
            self.aborts = 0 if before is Phase.PRIMARY else self.aborts
        else:
            self._heal(authority)
        return Moved(before, to, trigger, authority, by)

    def _heal(self, authority: Authority) -> None:
        if authority is not Authority.AUTOMATIC:
            self.heals = ()  # a person has looked at it and answers for what follows
        elif self.fell:
            self.heals = (*self.heals, self.now)
        self.fell = False
        self.aborts = 0


_ORDERS: Final = frozenset({Trigger.ORDER_DOWN, Trigger.ORDER_STOP, Trigger.ORDER_UP, Trigger.RELEASE})
# Evidence that can go away by itself.
_PASSING: Final = frozenset({Trigger.FAILING, Trigger.SUSPECT})
# Nobody is asked again about what the file declares or the day's heals decide, `decided_by` or not.
_DECLARED: Final = frozenset({Trigger.UPSTREAM, Trigger.LAYER, Trigger.SPENT})
