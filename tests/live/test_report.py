"""What a drill says of itself: each promise that breaks is said, and only those."""

from typing import Any

import pytest

from maso.live.drill_report import broken, rate

GOOD: dict[str, Any] = {
    "ambiguous": 0, "stock_equals_books": True, "booked_under_revoked_epoch": 0, "booked_after_leases": 0,
    "released_after_freeze": 0, "last_action_ms": 5.0, "bound_ms": 5.0, "listed": 0,
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
    ],
)
def test_what_is_broken_is_said(key: str, value: object, said: str) -> None:
    assert broken({**GOOD, key: value}, listed_allowed=False) == [said]


def test_the_rate_is_of_the_last_half_before_the_order() -> None:
    second = 1_000_000_000
    told = [(n * second, n * n * 10) for n in range(11)]
    assert rate(told, 10 * second) == (1_000 - 160) * 60 // 6
    assert rate(told, 4 * second) == round((160 - 10) * 60 / 3)
    assert rate(told[:1], 0) == rate([], 0) == 0
