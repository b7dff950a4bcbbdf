"""What a drill says of itself: each promise that breaks is said, and only those."""

from typing import Any

import pytest

from maso.live.drill_report import Pace, Told, broken, called_off, pace

GOOD: dict[str, Any] = {
    "ambiguous": 0, "stock_equals_books": True, "booked_under_revoked_epoch": 0, "booked_after_leases": 0,
    "released_after_freeze": 0, "last_action_ms": 5.0, "bound_ms": 5.0, "listed": 0,
    "way_back": {}, "called_off": {},
}  # fmt: skip


def test_nothing_is_broken() -> None:
    assert broken(GOOD, listed_allowed=False) == []
    assert broken({**GOOD, "listed": 3}, listed_allowed=True) == []


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("ambiguous", 2, "2 items have neither an outcome nor a listing"),
        ("stock_equals_books", False, "stock, our books and the gateway's differ"),
        ("booked_under_revoked_epoch", 1, "an agent's call was booked after its right had ended"),
        ("booked_after_leases", 1, "an agent's call was booked after its right had ended"),
        ("released_after_freeze", 4, "the plane let 4 actions go after the freeze"),
        ("last_action_ms", 5.1, "the last action came after the bound"),
        ("listed", 3, "3 items were left for a person while the gateway could be reached"),
        ("way_back", {"kept": 5, "back": 3}, "2 sessions that were kept did not come back"),
        (
            "called_off",
            {"actions_meanwhile": 1, "actions_after": 5},
            "a freeze was called off: agents moved in it, or none after it",
        ),
        (
            "called_off",
            {"actions_meanwhile": 0, "actions_after": 0},
            "a freeze was called off: agents moved in it, or none after it",
        ),
    ],
)
def test_what_is_broken_is_said(key: str, value: object, said: str) -> None:
    assert broken({**GOOD, key: value}, listed_allowed=False) == [said]


SECOND = 1_000_000_000


def test_the_rate_is_of_the_last_level_minute_before_the_order() -> None:
    told = [Told(n * SECOND, n * n * 10, n / 2) for n in range(101)]
    whole = pace(told, level=0, until=100 * SECOND)
    assert whole == Pace((100_000 - 16_000) * 60 // 60, 0.5, {"from": 60.0, "to": 0.0})
    assert pace(told, 90 * SECOND, 100 * SECOND + SECOND // 2).measured == {"from": 10.5, "to": 0.5}
    assert pace(told[:1], 0, SECOND) == pace([], 0, 0) == Pace(0, 0.0, {"from": 0.0, "to": 0.0})


def test_a_freeze_that_was_called_off() -> None:
    stood = {
        "freeze": {"at": 2 * SECOND, "made": 100},
        "run": {"at": 7 * SECOND, "made": 100, "due": 40, "missed": 3},
    }
    before, after = {"sessions": 50, "broken": 1}, {"actions": 160, "sessions": 49, "broken": 1}
    assert called_off(stood, 6 * SECOND, before, after) == {
        "frozen_ms": 5_000.0, "resumed_ms": 1_000.0, "actions_meanwhile": 0, "actions_after": 60, "due": 40,
        "missed": 3, "sessions_before": 50, "sessions_after": 49, "broken": 0,
    }  # fmt: skip
