"""Windows count distinct instances exactly, in whatever order and however often signals come."""

import tracemalloc

from hypothesis import given, settings
from hypothesis import strategies as st

from maso.clock import SECOND
from maso.resilience.counters import Evidence, Sides, Window, exceeds

SECONDS = 10
signals = st.lists(
    st.tuples(st.integers(1, 8), st.integers(0, 60 * SECOND), st.integers(0, 3 * SECOND)), max_size=60
)


def oracle(heard: list[tuple[int, int]], now: int) -> set[int]:
    """Everybody with a signal in the last ten whole seconds, the present one included."""
    first = now // SECOND - SECONDS + 1
    return {nhi for nhi, at in heard if first <= at // SECOND}


@given(signals)
@settings(deadline=None)
def test_a_window_is_what_a_set_of_all_signals_says(given_: list[tuple[int, int, int]]) -> None:
    window, now, heard = Window(SECONDS), 0, []
    for nhi, at, wait in given_:
        now += wait
        window.add(nhi, at, now)
        heard.append((nhi, min(at, now)))
        wanted = oracle(heard, now)
        assert len(window) == len(wanted)
        assert all(nhi in window for nhi in wanted)


@given(signals, st.randoms(use_true_random=False))
@settings(deadline=None)
def test_order_and_repeats_change_nothing(given_: list[tuple[int, int, int]], shuffled: object) -> None:
    now = 60 * SECOND
    one, other = Window(SECONDS), Window(SECONDS)
    one.expire(now)
    other.expire(now)
    mixed = [*given_, *given_]
    shuffled.shuffle(mixed)  # type: ignore[attr-defined]
    for nhi, at, _ in given_:
        one.add(nhi, at, now)
    for nhi, at, _ in mixed:
        other.add(nhi, at, now)
    assert [nhi in one for nhi in range(9)] == [nhi in other for nhi in range(9)]


def test_a_signal_from_the_future_is_from_now() -> None:
    window = Window(SECONDS)
    window.add(1, 10**18, SECOND)
    window.expire(11 * SECOND)
    assert len(window) == 0


def test_what_happened_before_a_reset_does_not_come_back_late() -> None:
    window = Window(SECONDS)
    window.add(1, SECOND, SECOND)
    window.reset(2 * SECOND)
    assert not window.add(2, 2 * SECOND - 1, 3 * SECOND)
    assert window.add(3, 2 * SECOND, 3 * SECOND)
    assert len(window) == 1


def test_a_flood_of_one_instance_counts_one_and_holds_one_entry() -> None:
    evidence = Evidence(120)
    tracemalloc.start()
    for at in range(50_000):
        evidence.add(7, False, at * SECOND // 500, at * SECOND // 500)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert evidence.failed == 1
    assert peak < 100_000
    assert not exceeds(evidence.sides[""], 0, 1)


def test_enough_are_three_and_a_fiftieth_of_those_who_live() -> None:
    evidence = Sides(120)
    for nhi in range(2):
        evidence.add(nhi, False, 0, 0)
    assert not exceeds(evidence, 200, 2)
    evidence.add(2, False, 0, 0)
    assert exceeds(evidence, 200, 100)
    assert not exceeds(evidence, 200, 10_000)
    for nhi in range(3, 200):
        evidence.add(nhi, False, 0, 0)
    assert exceeds(evidence, 200, 10_000)


def test_the_share_is_strictly_more_of_those_heard_from() -> None:
    evidence = Sides(120)
    for nhi in range(100):
        evidence.add(nhi, nhi >= 20, 0, 0)
    assert not exceeds(evidence, 200, 100)
    evidence.add(20, False, 0, 0)
    assert exceeds(evidence, 200, 100)
    assert evidence.over(200)
    assert not evidence.over(210)


def test_what_is_called_is_counted_apart_so_that_nothing_is_outvoted() -> None:
    evidence = Evidence(120)
    for nhi in range(100):
        evidence.add(nhi, True, 0, 0, "model")
    for nhi in range(5):
        sides = evidence.add(nhi, False, 0, 0, "gateway")
    assert exceeds(sides, 200, 100)
    assert not evidence.quiet(100)
    evidence.reset(SECOND)
    assert evidence.quiet(0)
    evidence.add(1, False, SECOND - 1, SECOND, "new")
    assert evidence.failed == 0
