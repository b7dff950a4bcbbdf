"""Honest sessions in a live run: every move is made by the task of the instance whose move it is.

What a session does is `journeys/sessions.py`. Here a move that is due is handed to the instance that makes
it, which looks at its own lease first (`instances.py`); customers and ports have no lease, and speak only
while nothing is frozen. From a halt on nobody is admitted, from a freeze on nobody moves.
"""

import asyncio
from typing import TYPE_CHECKING

from maso.fleet.rulebook import TypeRules
from maso.journeys.actors import Actor
from maso.journeys.scripts import Move, Script, What
from maso.journeys.sessions import Run, Sessions
from maso.journeys.workloads import Workload
from maso.live.instances import Instance
from maso.live.processes import report_task
from maso.resilience.lease import Holder
from maso.resilience.shutdown import Stage
from maso.streams import Stream

if TYPE_CHECKING:
    from maso.live.driver import LiveDriver


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
        self._tasks: set[asyncio.Task[None]] = set()

    def admitted(self, run: Run) -> None:
        """Its instances begin to live."""
        for index, actors in run.actors.items():
            for actor in actors:
                instance = Instance(actor.nhi, self.holders[index], self._make, self._now)
                self.instances[actor.nhi] = instance
                task = asyncio.ensure_future(instance.live())
                self._tasks.add(task)
                task.add_done_callback(self._tasks.discard)
                task.add_done_callback(report_task)

    def _now(self) -> int:
        return self._live.kernel.now

    def do(self, run: Run) -> None:
        """The move is due: to whoever makes it."""
        if run.number not in self.live or self._live.stage >= Stage.FREEZE:
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

    def _arrive(self, _: None) -> None:
        if self._live.stage < Stage.HALT:
            super()._arrive(None)

    def _enter(self, _: None) -> None:
        if self._live.stage < Stage.HALT:
            super()._enter(None)

    def wake_all(self) -> None:
        """Everybody looks at their lease."""
        for instance in tuple(self.instances.values()):
            instance.wake(None)

    def running(self) -> int:
        """Instances whose task lives."""
        return len(self._tasks)
