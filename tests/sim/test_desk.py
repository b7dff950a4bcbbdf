"""The desk's laws and its ledger neighbour."""

from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from maso.clock import SECOND
from maso.fleet.operations import OPERATIONS
from maso.streams import stream
from maso.worlds.base import DeclinedError, MemoryStore, shown
from maso.worlds.desk import Desk
from maso.worlds.ledger import Ledger

DESK = [name for name, op in OPERATIONS.items() if op.world == "desk"]


class DeskMachine(RuleBasedStateMachine):
    """Honest and wild operations on one task, while prices move."""

    def __init__(self) -> None:
        super().__init__()
        self.desk = Desk(MemoryStore(), stream(1, "test"))
        self.desk.open(1, {}, 0)
        self.now = 0
        self.key = 0

    @rule(operation=st.sampled_from(DESK))
    def honest(self, operation: str) -> None:
        self.perform(operation, shown(operation, self.desk.facts(1)))

    @rule(operation=st.sampled_from(DESK), number=st.integers(-5, 10**9))
    def wild(self, operation: str, number: int) -> None:
        args = shown(operation, self.desk.facts(1))
        self.perform(operation, {k: number if isinstance(v, int) else v for k, v in args.items()})

    @rule(seconds=st.integers(1, 100))
    def time_passes(self, seconds: int) -> None:
        self.now += seconds * SECOND
        self.desk.advance(self.now)

    def perform(self, operation: str, args: dict[str, Any]) -> None:
        self.key += 1
        expected = self.desk.check_facts(operation, 1, args)
        try:
            answer, _ = self.desk.perform(operation, 1, args, str(self.key), self.now)
        except DeclinedError:
            assert not expected
            return
        assert expected
        assert set(answer) == set(OPERATIONS[operation].answer)
        again, changed = self.desk.perform(operation, 1, args, str(self.key), self.now)
        assert (again, changed) == (answer, ())

    @invariant()
    def books_balance(self) -> None:
        assert sum(self.desk.cash.values()) == 0
        settled = [t for t in self.desk.trades() if t.state == "settled"]
        owed = sum((1 if t.side == "buy" else -1) * t.amount_minor for t in settled)
        assert self.desk.cash["street"] == owed
        for symbol, position in self.desk.shares.items():
            signed = [(1 if t.side == "buy" else -1) * t.quantity for t in settled if t.symbol == symbol]
            assert position == sum(signed)


TestDesk = DeskMachine.TestCase
TestDesk.settings = settings(max_examples=30, stateful_step_count=30, deadline=None)


@pytest.fixture
def desk() -> Desk:
    desk = Desk(MemoryStore(), stream(2, "test"))
    desk.open(1, {}, 0)
    return desk


def do(desk: Desk, operation: str, key: str, **over: Any) -> dict[str, Any]:
    answer, _ = desk.perform(operation, 1, {**shown(operation, desk.facts(1)), **over}, key, 0)
    return answer


def test_research_needs_a_primary_source(desk: Desk) -> None:
    with pytest.raises(DeclinedError, match="no_primary_source"):
        do(desk, "desk.research_publish", "a")
    do(desk, "desk.filing_read", "b")
    assert do(desk, "desk.research_publish", "c")["note_id"]


def test_a_trade_is_settled_once_for_its_amount(desk: Desk) -> None:
    trade = do(desk, "desk.order_place", "a")
    with pytest.raises(DeclinedError, match="wrong_amount"):
        do(desk, "desk.settle", "b", amount_minor=trade["settlement_minor"] + 1)
    do(desk, "desk.settle", "c")
    with pytest.raises(DeclinedError, match="no_such_trade"):
        do(desk, "desk.settle", "d")


def test_a_limit_far_from_the_market_is_declined(desk: Desk) -> None:
    price = desk.facts(1)["market_minor"]
    with pytest.raises(DeclinedError, match="limit_off_market"):
        do(desk, "desk.order_place", "a", limit_minor=price * 106 // 100 + 1)


def test_closing_cancels_what_was_not_settled(desk: Desk) -> None:
    do(desk, "desk.order_place", "a")
    desk.close(1, 0)
    assert [trade.state for trade in desk.trades()] == ["cancelled"]


def test_the_ledger_numbers_what_it_is_told_once() -> None:
    ledger = Ledger(MemoryStore())
    facts: dict[str, Any] = {}
    ledger.open(4, facts, 0)
    first, changed = ledger.perform("record", 4, {"text": "x"}, "k1", 0)
    assert (first, changed) == ({"record_id": "R0000001"}, ("record_id",))
    assert ledger.perform("record", 4, {"text": "x"}, "k1", 0) == (first, ())
    assert ledger.perform("record", 4, {"text": "y"}, "k2", 0)[0] == {"record_id": "R0000002"}
    assert facts == {"session_id": "S4", "record_id": "R0000002"}
    ledger.close(4, 0)
    with pytest.raises(DeclinedError, match="session_closed"):
        ledger.perform("record", 4, {}, "k3", 0)
