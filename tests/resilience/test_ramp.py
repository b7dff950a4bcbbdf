"""Coming back in steps: who, how many, and back again."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from maso.clock import SECOND
from maso.resilience.ramp import SHARES_MILLI, STEP_NS, Ramp, Verdict, place, returned

KEY = b"k" * 32


def test_each_step_holds_the_one_before_and_about_its_share() -> None:
    before: set[int] = set()
    for share in SHARES_MILLI:
        now = {s for s in range(20_000) if returned(KEY, "type:payment", s, share)}
        assert before <= now
        assert abs(len(now) - 20 * share) <= 3 * (20 * share) ** 0.5 + 1
        before = now
    assert len(before) == 20_000


def test_the_order_depends_on_key_and_scope() -> None:
    def first(key: bytes, scope: str) -> set[int]:
        return {s for s in range(1000) if place(key, scope, s) < 10}

    assert first(KEY, "type:a") != first(b"l" * 32, "type:a")
    assert first(KEY, "type:a") != first(KEY, "type:b")
    assert first(KEY, "type:a") == first(KEY, "type:a")


def test_it_takes_a_dwell_a_step_and_somebody_who_speaks() -> None:
    ramp = Ramp(0, 200)
    shares = []
    now = 0
    for _ in range(3):
        shares.append(ramp.share_milli)
        ramp.hear(1, True, now + SECOND, now + SECOND)
        assert ramp.advance(now + STEP_NS - 1) is Verdict.WAIT
        now += STEP_NS
        verdict = ramp.advance(now)
    assert shares == [10, 100, 500]
    assert verdict is Verdict.DONE


def test_a_silent_step_takes_twice_as_long() -> None:
    ramp = Ramp(0, 200)
    assert ramp.advance(2 * STEP_NS - 1) is Verdict.WAIT
    assert ramp.advance(2 * STEP_NS) is Verdict.NEXT


def test_one_who_fails_does_not_break_off_what_many_prove() -> None:
    ramp = Ramp(0, 200)
    for nhi in range(9):
        assert ramp.hear(nhi, True, SECOND, SECOND) is Verdict.WAIT
    for _ in range(1000):
        assert ramp.hear(9, False, 2 * SECOND, 2 * SECOND) is Verdict.WAIT
    assert ramp.advance(STEP_NS) is Verdict.NEXT


def test_three_who_fail_break_it_off_at_once() -> None:
    ramp = Ramp(0, 200)
    assert [ramp.hear(nhi, False, SECOND, SECOND) for nhi in range(3)] == [
        Verdict.WAIT,
        Verdict.WAIT,
        Verdict.ABORT,
    ]


def test_the_only_word_being_a_failure_breaks_it_off_at_the_dwell() -> None:
    ramp = Ramp(0, 200)
    assert ramp.hear(1, False, SECOND, SECOND) is Verdict.WAIT
    assert ramp.advance(STEP_NS) is Verdict.ABORT


def test_what_failed_before_the_step_began_does_not_count() -> None:
    ramp = Ramp(10 * SECOND, 200)
    for nhi in range(5):
        assert ramp.hear(nhi, False, 10 * SECOND - 1, 11 * SECOND) is Verdict.WAIT
    assert ramp.word.heard == 0


@given(
    st.lists(st.tuples(st.integers(0, STEP_NS), st.integers(0, 30), st.booleans()), max_size=200),
    st.integers(1, 500),
)
@settings(deadline=None)
def test_a_ramp_only_grows_until_it_is_done_or_broken_off(
    heard: list[tuple[int, int, bool]], abort_milli: int
) -> None:
    ramp, now, share = Ramp(0, abort_milli), 0, 10
    for wait, nhi, ok in heard:
        now += wait
        for verdict in (ramp.hear(nhi, ok, now, now), ramp.advance(now)):
            if verdict in (Verdict.ABORT, Verdict.DONE):
                return
        assert ramp.share_milli >= share
        assert SHARES_MILLI.index(ramp.share_milli) <= SHARES_MILLI.index(share) + 1
        share = ramp.share_milli


@pytest.mark.parametrize("share", [1000, 1001])
def test_everybody_is_everybody(share: int) -> None:
    assert all(returned(KEY, "system", s, share) for s in range(1000))


@given(st.integers(-(2**70), 2**70))
def test_every_session_has_a_place_whatever_its_number(session: int) -> None:
    assert 0 <= place(KEY, "type:a", session) < 1000
