"""Instances one by one: try again, the simpler way, end with a person.

An instance has a machine only from its first failure on, so that 60,000 healthy ones cost one small row each.
A failure counts once: what happened no later than the last one that counted (a repeat, a late arrival)
changes nothing.

In Contingency an instance does little that could prove anything, so it steps up by itself after the dwell and
is tried; in Alternate a success after the dwell, or that dwell in silence, brings it back.

Not handled: what failures of many mean (`counters.py`).
"""

from heapq import heappop, heappush
from typing import Any, NamedTuple

from maso.resilience.pace import Authority, Level, Machine, Moved, Phase, Result, Settings, Trigger


class Live(NamedTuple):
    """One live instance: index of its type, its session."""

    type: int
    session: int


class Trouble:
    """The machine of an instance that has failed."""

    __slots__ = ("failed_at", "machine")

    def __init__(self, settings: Settings, now: int) -> None:
        self.machine = Machine(Level.INSTANCE, settings, now)
        self.failed_at = -1


class Instances:
    """All live instances of a fleet; `settings` by type."""

    def __init__(self, settings: tuple[Settings, ...]) -> None:
        self.live: dict[int, Live] = {}
        self.count = [0] * len(settings)
        self._settings = settings
        self._trouble: dict[int, Trouble] = {}
        self._due: list[tuple[int, int]] = []  # (when, nhi); may name who is gone or well again

    def join(self, nhi: int, kind: int, session: int) -> None:
        if nhi not in self.live and 0 <= kind < len(self.count):
            self.live[nhi] = Live(kind, session)
            self.count[kind] += 1

    def leave(self, nhi: int) -> None:
        live = self.live.pop(nhi, None)
        if live is not None:
            self.count[live.type] -= 1
            self._trouble.pop(nhi, None)

    def phase(self, nhi: int) -> Phase:
        trouble = self._trouble.get(nhi)
        return Phase.PRIMARY if trouble is None else trouble.machine.phase

    def failed(self, nhi: int, live: Live, at: int, now: int) -> tuple[Moved, ...]:
        """It failed at `at`. Up to two moves: a fall after the last heal of the day ends in Contingency."""
        trouble = self._trouble.get(nhi)
        if trouble is None:
            trouble = self._trouble[nhi] = Trouble(self._settings[live.type], now)
        at = min(at, now)
        if at <= trouble.failed_at:
            return ()
        trouble.failed_at = at
        return self._moves(nhi, trouble, trouble.machine.fire(Trigger.FAILING, now), now)

    def worked(self, nhi: int, now: int) -> tuple[Moved, ...]:
        """Something went well; only Alternate is left by that."""
        trouble = self._trouble.get(nhi)
        if trouble is None or trouble.machine.phase is not Phase.ALTERNATE:
            return ()
        return self._moves(nhi, trouble, trouble.machine.fire(Trigger.STEADY, now), now)

    def fire(
        self, nhi: int, trigger: Trigger, now: int, by: str = "", authority: Authority = Authority.AUTOMATIC
    ) -> Result | None:
        """Another trigger, or a person's order; None for who is not live."""
        live = self.live.get(nhi)
        if live is None:
            return None
        trouble = self._trouble.get(nhi)
        if trouble is None:
            trouble = self._trouble[nhi] = Trouble(self._settings[live.type], now)
        result = trouble.machine.fire(trigger, now, by, authority)
        if isinstance(result, Moved):
            self._watch(nhi, trouble.machine)
        return result

    def machine(self, nhi: int) -> Machine | None:
        trouble = self._trouble.get(nhi)
        return None if trouble is None else trouble.machine

    def advance(self, now: int) -> list[tuple[int, Moved]]:
        """Those whose dwell is over step up."""
        out: list[tuple[int, Moved]] = []
        while self._due and self._due[0][0] <= now:
            _, nhi = heappop(self._due)
            trouble = self._trouble.get(nhi)
            if trouble is None or now < trouble.machine.ready_at:
                continue
            for moved in self._moves(nhi, trouble, trouble.machine.fire(Trigger.STEADY, now), now):
                out.append((nhi, moved))
        return out

    def _moves(self, nhi: int, trouble: Trouble, result: Result, now: int) -> tuple[Moved, ...]:
        if not isinstance(result, Moved):
            return ()
        moves = [result]
        machine = trouble.machine
        if result.after is Phase.ALTERNATE and result.after > result.before and machine.spent():
            spent = machine.fire(Trigger.SPENT, now)
            if isinstance(spent, Moved):
                moves.append(spent)
        self._watch(nhi, machine)
        return tuple(moves)

    def _watch(self, nhi: int, machine: Machine) -> None:
        if machine.phase in (Phase.ALTERNATE, Phase.CONTINGENCY) and not machine.spent():
            heappush(self._due, (machine.ready_at, nhi))

    def troubled(self) -> list[tuple[int, Phase]]:
        """Those that are not in Primary."""
        return [
            (n, t.machine.phase) for n, t in self._trouble.items() if t.machine.phase is not Phase.PRIMARY
        ]

    def state(self) -> list[Any]:
        """As plain data: who lives, whose machines there are, and whose dwell ends when."""
        live = [[nhi, one.type, one.session] for nhi, one in self.live.items()]
        trouble = [[nhi, one.failed_at, one.machine.state()] for nhi, one in self._trouble.items()]
        return [live, trouble, [list(due) for due in self._due]]

    def take(self, state: list[Any]) -> None:
        """What `state` gave, of instances of the same types."""
        live, trouble, due = state
        self.live = {nhi: Live(kind, session) for nhi, kind, session in live}
        self.count = [0] * len(self.count)
        for one in self.live.values():
            self.count[one.type] += 1
        self._trouble = {}
        for nhi, failed_at, machine in trouble:
            found = self._trouble[nhi] = Trouble(self._settings[self.live[nhi].type], 0)
            found.failed_at = failed_at
            found.machine.take(machine)
        self._due = [(at, nhi) for at, nhi in due]
