"""Sessions that stood and go on: what fell due, what was refused, who would have come; nothing is lost."""

from typing import Any

import pytest

from maso.clock import SECOND
from maso.live.journeying import LiveSessions
from maso.resilience.shutdown import Stage


class Run:
    def __init__(self, number: int, planned: int) -> None:
        self.number = number
        self.planned = planned


class Kernel:
    """A clock that the test turns."""

    def __init__(self) -> None:
        self.now = 0
        self.planned: list[tuple[int, Any, Any]] = []

    def at(self, time: int, call: Any, argument: Any = None) -> None:
        self.planned.append((time, call, argument))

    def after(self, delay: int, call: Any, argument: Any = None) -> None:
        self.at(self.now + delay, call, argument)


class Live:
    def __init__(self) -> None:
        self.kernel = Kernel()
        self.stage = Stage.RUN


class Workload:
    def next_arrival(self) -> int:
        return 7


@pytest.fixture
def sessions() -> LiveSessions:
    made = LiveSessions.__new__(LiveSessions)
    live: Any = Live()
    workload: Any = Workload()
    made._live, made._driver, made.workload = live, live, workload
    made.live, made._standing, made._planned_at = {}, {}, {}
    made._missed, made._stood_ns = [], 0
    return made


def joins(sessions: LiveSessions, number: int, planned: int) -> Any:
    run: Any = Run(number, planned)
    sessions.live[number] = run
    sessions._planned_at[number] = sessions._stood_ns
    return run


def test_every_planned_move_is_later_by_as_long_as_it_stood(sessions: LiveSessions) -> None:
    kernel: Any = sessions._live.kernel
    due, later = joins(sessions, 1, 2 * SECOND), joins(sessions, 2, 9 * SECOND)
    sessions._live.stage = Stage.FREEZE
    sessions.do(due)  # falls due while it stands
    assert sessions.go_on(5 * SECOND) == (1, 0)
    sessions._live.stage = Stage.RUN
    assert [(time, run.number) for time, _, run in kernel.planned] == [(7 * SECOND, 1)]
    sessions.do(later)  # was planned before it stood, and is due after
    assert [(time, run.number) for time, _, run in kernel.planned[1:]] == [(14 * SECOND, 2)]
    assert sessions.go_on(SECOND) == (0, 0)
    sessions.do(later)
    assert kernel.planned[-1][0] == 15 * SECOND


def test_what_breaks_while_it_stands_is_tried_again(sessions: LiveSessions) -> None:
    run = joins(sessions, 1, SECOND)
    sessions._live.stage = Stage.FREEZE
    sessions.broken(run, "OB-3.2/stage")
    assert 1 in sessions.live
    assert sessions.go_on(SECOND) == (1, 0)


def test_who_would_have_come_comes_and_who_left_does_not(sessions: LiveSessions) -> None:
    kernel: Any = sessions._live.kernel
    gone = joins(sessions, 1, SECOND)
    sessions._live.stage = Stage.HALT
    sessions._arrive(None)
    sessions._enter(None)
    sessions._live.stage = Stage.FREEZE
    sessions.do(gone)
    del sessions.live[1]
    assert sessions.go_on(SECOND) == (0, 2)
    assert [(time, call) for time, call, _ in kernel.planned] == [(7, sessions._arrive), (7, sessions._enter)]
    assert sessions.go_on(SECOND) == (0, 0)
