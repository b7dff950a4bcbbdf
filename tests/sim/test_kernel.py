"""The scheduler: one order and only one."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from maso.sim.kernel import PROGRESS_EVENTS, Kernel


def test_equal_times_go_by_priority_then_by_order_of_scheduling() -> None:
    kernel = Kernel()
    seen: list[str] = []
    kernel.at(5, seen.append, "c")
    kernel.at(5, seen.append, "d")
    kernel.at(5, seen.append, "b", priority=1)
    kernel.at(4, seen.append, "a", priority=99)
    kernel.run(5)
    assert seen == ["a", "b", "c", "d"]


@given(st.lists(st.tuples(st.integers(0, 20), st.integers(0, 3)), max_size=40))
def test_any_schedule_runs_in_its_one_order(entries: list[tuple[int, int]]) -> None:
    kernel = Kernel()
    seen: list[tuple[int, int, int]] = []
    for number, (time, priority) in enumerate(entries):
        kernel.at(time, seen.append, (time, priority, number), priority)
    kernel.run(30)
    assert seen == sorted(seen)
    assert len(seen) == len(entries)


def test_the_past_is_refused() -> None:
    kernel = Kernel()
    kernel.run(10)
    with pytest.raises(ValueError, match="cannot schedule for 9 ns: it is 10 ns already"):
        kernel.at(9, print)
    with pytest.raises(ValueError, match="cannot run until 9 ns"):
        kernel.run(9)


def test_run_stops_at_its_time_and_keeps_the_rest() -> None:
    kernel = Kernel()
    seen: list[int] = []
    for time in (1, 10, 11):
        kernel.at(time, seen.append, time)
    kernel.run(10)
    assert (seen, kernel.now, len(kernel)) == ([1, 10], 10, 1)
    kernel.run(12)
    assert (seen, kernel.now) == ([1, 10, 11], 12)


def test_calls_may_schedule_more_at_the_same_instant() -> None:
    kernel, seen = Kernel(), []

    def again(n: int) -> None:
        seen.append(n)
        if n:
            kernel.after(0, again, n - 1)

    kernel.at(3, again, 4)
    kernel.run(3)
    assert seen == [4, 3, 2, 1, 0]


def test_progress_is_told_now_and_then() -> None:
    told: list[tuple[int, int]] = []
    kernel = Kernel(lambda now, events: told.append((now, events)))
    for time in range(2 * PROGRESS_EVENTS):
        kernel.at(time, lambda _: None)
    kernel.run(10 * PROGRESS_EVENTS)
    assert told == [(PROGRESS_EVENTS - 1, PROGRESS_EVENTS), (2 * PROGRESS_EVENTS - 1, 2 * PROGRESS_EVENTS)]
