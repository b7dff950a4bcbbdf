"""Honest sessions in a live run: every move is made by the task of the instance whose move it is.

What a session does is `journeys/sessions.py`. Here a move that is due is handed to the instance that makes
it, which looks at its own lease first (`instances.py`); customers and ports have no lease, and speak only
while nothing is frozen. From a halt on nobody is admitted, from a freeze on nobody moves.

Where a halt is called off everything goes on from where it stood (`go_on`): moves that fell due meanwhile,
and all that were planned, are later by as long as it stood; a move that was refused because it stood is made
again; who would have come meanwhile comes now. What goes by the clock goes on while it stands (credentials,
contracts, confirmed pages, a person's time to answer): what ran out is refused, and its journey ends.

Who enters part-way, or comes back, does what has to be done first at the ordinary pace: a live platform has
the fleet's rate from its first minute on.
"""

import asyncio
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final

from maso.clock import MS
from maso.fleet.rulebook import TypeRules
from maso.journeys.actors import Actor
from maso.journeys.scripts import Move, Script, What
from maso.journeys.sessions import Run, Sessions
from maso.journeys.workloads import Workload
from maso.live.instances import Instance
from maso.live.keeping import step_of, todo
from maso.live.processes import report_task
from maso.resilience.lease import Holder
from maso.resilience.shutdown import Stage
from maso.streams import Stream

if TYPE_CHECKING:
    from maso.live.driver import LiveDriver


# While calls are made later than this nobody else comes back: a check against the facts has ten seconds.
LATE_NS_MAX: Final = 250 * MS


class Unpaced:
    """No PACE in a live drill: everybody may speak, what fails is not tried again."""

    def joined(self, members: tuple[tuple[int, int, int], ...]) -> None:
        pass

    def speaks(self, run: Run, nhi: int, kind: int) -> bool:
        return True

    def turned_away(self, run: Run, nhi: int, code: str) -> bool:
        return False


class Paced(Workload):
    """The fleet's own pace, `speed` times as fast: a drill of fifty sessions must get somewhere too."""

    speed = 1

    def gap(self, script: Script, move: Move, draws: Stream) -> int:
        return super().gap(script, move, draws) // self.speed


class LiveSessions(Sessions):
    """All honest sessions of a live run."""

    def __init__(self, driver: "LiveDriver", workload: Workload, seed: int) -> None:
        super().__init__(driver, workload, seed)
        self._live = driver
        self.instances: dict[int, Instance] = {}
        self.holders: dict[int, Holder] = {}  # by type index
        self.to_come: dict[int, dict[str, Any]] = {}  # kept sessions that have not come back yet
        self.back = 0
        self.back_ns = (0, 0)  # when the first and the last of them came
        self._again: dict[int, frozenset[int]] = {}  # what those have to do again
        self._scripts = {script.id: script for script in workload.scripts}
        self._tasks: set[asyncio.Task[None]] = set()
        self._standing: dict[int, Run] = {}  # whose move is to be made when it goes on
        self._missed: list[tuple[Callable[[Any], None], Any]] = []  # who would have come
        self._stood_ns = 0  # in all
        self._planned_at: dict[int, int] = {}  # by session: how long it had stood when its move was planned

    def come_back(self, kept: Mapping[int, dict[str, Any]], ramp_ns: int) -> None:
        """Instead of `start`: those who were kept come, one after the other; whoever leaves is replaced."""
        self.to_come = dict(kept)
        self._opened = max(kept, default=0)
        for place, number in enumerate(kept):
            self._live.kernel.after(ramp_ns * place // len(kept), self._comes_back, number)

    def _comes_back(self, number: int) -> None:
        row = self.to_come.get(number)
        if self._misses(self._comes_back, number) or row is None:
            return
        if self._live.kernel.late_ns > LATE_NS_MAX:  # those who are back already come first
            self._live.kernel.after(LATE_NS_MAX, self._comes_back, number)
            return
        script = self._scripts[row["script"]]
        step = step_of(self._live.store, row)
        self._again[number] = todo(script.moves, step)
        opened = self._tally.opened
        self.admit(number, script, step)
        del self.to_come[number]
        if self._tally.opened > opened:
            self.back += 1
            self.back_ns = (self.back_ns[0] or self._now(), self._now())

    def passes_over(self, run: Run, move: Move) -> bool:
        again = self._again.get(run.number)
        if again is None:
            return super().passes_over(run, move)
        return run.at < run.entered and run.at not in again

    def gap(self, run: Run, move: Move) -> int:
        return self.workload.gap(run.script, move, self._pace)

    def _schedule(self, run: Run, move: Move) -> None:
        """Its step has changed."""
        super()._schedule(run, move)
        self._planned_at[run.number] = self._stood_ns
        self._live.note_place(run)

    def _close(self, run: Run) -> None:
        self._again.pop(run.number, None)
        self._planned_at.pop(run.number, None)
        super()._close(run)

    def admitted(self, run: Run) -> None:
        """Its instances begin to live."""
        for index, actors in run.actors.items():
            for actor in actors:
                instance = Instance(actor.nhi, self.holders[index], self._make, self._waits, self._now)
                self.instances[actor.nhi] = instance
                task = asyncio.ensure_future(instance.live())
                self._tasks.add(task)
                task.add_done_callback(self._tasks.discard)
                task.add_done_callback(report_task)

    def _now(self) -> int:
        return self._live.kernel.now

    def do(self, run: Run) -> None:
        """The move is due: to whoever makes it."""
        if run.number not in self.live:
            return
        if self._live.stage >= Stage.FREEZE:
            self._waits(run)
            return
        if self._planned_at[run.number] < self._stood_ns:  # planned before it stood
            self._later(run)
            return
        move = run.script.moves[run.at]
        if move.what is What.CONFIRM or move.sender.is_port:
            super().do(run)
            return
        instance = self.instances.get(self.actor_of(run, move.sender, move).nhi)
        if instance is not None:
            instance.wake(run)

    def _make(self, run: Run) -> None:
        """An instance makes its move, by itself."""
        driver = self._live
        driver.actions += 1
        driver.last_action_ns = driver.kernel.now
        super().do(run)

    def actor_of(self, run: Run, rules: TypeRules, move: Move) -> Actor:
        """Always the same instance for one move, however often it is asked for."""
        if rules.is_port:
            return self._live.ports[rules.id]
        instances = run.actors[rules.index]
        return instances[0 if move.delegated or move.under >= 0 else run.at % len(instances)]

    def ended(self, nhis: tuple[int, ...]) -> None:
        for nhi in nhis:
            instance = self.instances.pop(nhi, None)
            if instance is not None:
                instance.end()

    def broken(self, run: Run, reason: str) -> None:
        """While it stands nothing breaks a journey: what was refused or declined is tried when it goes on."""
        if self._live.stage >= Stage.FREEZE:
            self._waits(run)
        else:
            super().broken(run, reason)

    def _waits(self, run: Run) -> None:
        self._standing[run.number] = run

    def _later(self, run: Run) -> None:
        """The clock of this session stood still as well."""
        run.planned += self._stood_ns - self._planned_at[run.number]
        self._planned_at[run.number] = self._stood_ns
        self._live.kernel.at(run.planned, self.do, run)

    def go_on(self, stood_ns: int) -> tuple[int, int]:
        """It was called off after so long. Returns how many moves were due, and how many would have come."""
        self._stood_ns += stood_ns
        standing = [run for run in self._standing.values() if run.number in self.live]
        missed, self._standing, self._missed = self._missed, {}, []
        for run in standing:
            self._later(run)
        for comes, who in missed:
            self._live.kernel.after(self.workload.next_arrival(), comes, who)
        return len(standing), len(missed)

    def _misses(self, comes: Callable[[Any], None], who: Any) -> bool:
        """Whether nobody is admitted now."""
        if self._live.stage >= Stage.HALT:
            self._missed.append((comes, who))
        return self._live.stage >= Stage.HALT

    def _arrive(self, _: None) -> None:
        if not self._misses(self._arrive, None):
            super()._arrive(None)

    def _enter(self, _: None) -> None:
        if not self._misses(self._enter, None):
            super()._enter(None)

    def wake_all(self) -> None:
        """Everybody looks at their lease."""
        for instance in tuple(self.instances.values()):
            instance.wake(None)

    def running(self) -> int:
        """Instances whose task lives."""
        return len(self._tasks)
