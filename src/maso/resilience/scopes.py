"""One scope as the plane knows it: its own machine, the floor under it, and its return in steps.

What the plane was told (`shown`) is the worse of the machine's own phase and the floor that others put under
it (producers of a cluster, layers that are gone). Down is told at once. Up goes by a ramp: the own phase and
`shown` change only when the last step is done; a ramp that fails leaves both where they were.

    situation            event                 then
    no ramp              need rises            told at once: Move(need, 1000)
    no ramp              may rise              ramp begins: Move(better, 10), only 1% are told
    ramp                 step holds            Move(better, next share); after the last all have it
    ramp                 step fails            Move(shown, 1000): all are where they were, the dwell doubles
    ramp                 need rises            the ramp is over; as without one

Not handled: when a scope may rise, and who says so (`coordinator.py`).
"""

from typing import Any, NamedTuple

from maso.resilience.pace import TABLE, Authority, Level, Machine, Moved, Phase, Settings, Trigger
from maso.resilience.ramp import FULL_MILLI, SHARES_MILLI, STEP_NS, Ramp, Verdict
from maso.resilience.signals import Move


class Rise(NamedTuple):
    """A return on its way: where to, and which row it completes (None: only the floor fell)."""

    to: Phase
    trigger: Trigger | None
    by: str
    authority: Authority


class Scope:
    """A type, a cluster or the system. `name` is how the plane knows it."""

    __slots__ = (
        "abort_milli",
        "floor",
        "machine",
        "name",
        "ramp",
        "request",
        "rise",
        "shares",
        "shown",
        "steady_since",
    )

    def __init__(
        self,
        name: str,
        level: Level,
        settings: Settings,
        abort_milli: int,
        shares: tuple[int, ...] = SHARES_MILLI,
    ) -> None:
        self.name = name
        self.shares = shares
        self.machine = Machine(level, settings)
        self.abort_milli = abort_milli
        self.floor = Phase.PRIMARY
        self.shown = Phase.PRIMARY
        self.ramp: Ramp | None = None
        self.rise: Rise | None = None
        self.steady_since = 0  # since when the floor would let it rise
        self.request = 0  # the number of the last request to people about it

    @property
    def need(self) -> Phase:
        return max(self.machine.phase, self.floor)

    @property
    def busy(self) -> bool:
        """Whether time may change anything here."""
        m = self.machine
        return bool(m.phase or self.shown or self.floor or m.waits is not None or self.ramp is not None)

    def down(self, why: str, by: str) -> list[Move]:
        """Tell the plane what is needed now, if it is worse than what it was told."""
        need = self.need
        overtaken = self.rise is not None and (need > self.shown or self.floor > self.rise.to)
        if overtaken:
            self.ramp = self.rise = None
        if need > self.shown or overtaken:
            self.shown = max(need, self.shown)
            return [Move(self.name, self.shown, why, by, FULL_MILLI)]
        return []

    def begin(self, rise: Rise, now: int, step_ns: int = STEP_NS) -> list[Move]:
        """The first step of a return."""
        self.rise = rise
        self.ramp = Ramp(now, self.abort_milli, step_ns, self.shares)
        return [Move(self.name, rise.to, self.why(rise), rise.by, self.ramp.share_milli)]

    def hear(self, nhi: int, ok: bool, at: int, now: int, about: str) -> list[Move]:
        """One of those who were returned did something."""
        if self.ramp is not None and self.ramp.hear(nhi, ok, at, now, about) is Verdict.ABORT:
            return self.abort(now)
        return []

    def advance(self, now: int) -> list[Move]:
        """Time for the ramp: moves to tell."""
        if self.ramp is None or self.rise is None:
            return []
        rise = self.rise
        match self.ramp.advance(now):
            case Verdict.NEXT:
                return [Move(self.name, rise.to, self.why(rise), rise.by, self.ramp.share_milli)]
            case Verdict.ABORT:
                return self.abort(now)
            case Verdict.DONE:
                return self._done(rise, now)
        return []

    def abort(self, now: int) -> list[Move]:
        """Everybody is back where they were."""
        self.ramp = self.rise = None
        self.machine.aborted(now)
        return [Move(self.name, self.shown, "ramp-abort", "", FULL_MILLI)]

    def target(self, trigger: Trigger) -> Phase:
        """Where a return by this trigger would lead, with the floor under it."""
        return max(TABLE[self.machine.phase, trigger].to, self.floor)

    def restarted(self, now: int) -> list[Move]:
        """Nobody listened for a while: silence is no evidence, so a return under way is broken off and the
        dwell begins anew. The next attempt waits no longer than it would have."""
        self.steady_since = now
        if self.machine.phase is not Phase.PRIMARY:
            self.machine.since = max(self.machine.since, now)
        if self.ramp is None:
            return []
        self.ramp = self.rise = None
        return [Move(self.name, self.shown, "restarted", "", FULL_MILLI)]

    def _done(self, rise: Rise, now: int) -> list[Move]:
        self.ramp = self.rise = None
        if rise.trigger is not None:
            result = self.machine.fire(rise.trigger, now, rise.by, rise.authority)
            if not isinstance(result, Moved):
                # What permitted it is over (a heal was used up meanwhile, for example): stay.
                return [Move(self.name, self.shown, "ramp-abort", "", FULL_MILLI)]
        self.shown = rise.to
        return [Move(self.name, rise.to, self.why(rise), rise.by, FULL_MILLI)]

    @staticmethod
    def why(rise: Rise) -> str:
        return "recovered" if rise.trigger is None else rise.trigger.value

    def state(self) -> list[Any]:
        """As plain data."""
        rise = None if self.rise is None else list(self.rise)
        ramp = None if self.ramp is None else self.ramp.state()
        return [
            self.machine.state(), self.floor, self.shown, self.steady_since, self.request, rise, ramp,
        ]  # fmt: skip

    def take(self, state: list[Any]) -> None:
        """What `state` gave, of a scope of the same plan."""
        machine, floor, shown, self.steady_since, self.request, rise, ramp = state
        self.machine.take(machine)
        self.floor, self.shown = Phase(floor), Phase(shown)
        self.rise = self.ramp = None
        if rise is not None and ramp is not None:
            to, trigger, by, authority = rise
            self.rise = Rise(Phase(to), Trigger(trigger) if trigger else None, by, Authority(authority))
            self.ramp = Ramp(0, self.abort_milli, shares=self.shares)
            self.ramp.take(ramp)
