"""Where a session is kept, what it does again when it comes back, and that nothing is done twice."""

from typing import Any

import pytest

from maso.cli.fleet import declared
from maso.fleet.rulebook import Rulebook
from maso.journeys.actors import Keyring
from maso.journeys.scripts import Compiler, Script, What
from maso.live.keeping import (
    BEGINS,
    ENDED,
    FINISHES,
    KEPT,
    LAST_COMMITTED,
    PLACE,
    keep_all,
    step_of,
    take_kept,
    todo,
)
from maso.live.stores import BatchedStore
from maso.streams import stream
from maso.worlds.base import shown
from maso.worlds.shop import Shop
from maso.worlds.shop_rows import Payment


@pytest.fixture(scope="module")
def scripts() -> dict[str, Script]:
    fleet = declared("ecommerce-10k", "1", []).fleet
    rules = Rulebook(fleet)
    compiler = Compiler(fleet, rules, 1, Keyring(rules, 1).ingestion)
    return {journey.id: compiler.script(journey) for journey in fleet.workload.journeys}


def operation(script: Script, number: int) -> str:
    move = script.moves[number]
    return "" if move.action is None or move.what is What.CONFIRM else move.action.operation


def first(script: Script, wanted: str) -> int:
    return next(n for n in range(len(script.moves)) if operation(script, n) == wanted)


def again(script: Script, step: int) -> set[str]:
    return {operation(script, n) for n in todo(script.moves, step)} - {""}


def test_what_nobody_had_finished_is_done_again(scripts: dict[str, Script]) -> None:
    purchase = scripts["purchase"]
    capture = first(purchase, "shop.payment_capture")
    reserved = {"shop.stock_reserve", "shop.discount_apply"}
    assert again(purchase, first(purchase, "shop.stock_reserve")) == set()
    assert again(purchase, first(purchase, "shop.order_create")) == reserved
    assert again(purchase, capture) == {*reserved, "shop.order_create", "shop.payment_authorise"}
    assert again(purchase, capture + 1) == set()
    released = scripts["abandoned-basket"]
    assert again(released, len(released.moves)) == set()
    cancelled = scripts["cancelled-order"]
    assert again(cancelled, len(cancelled.moves)) == set()


def test_money_that_moved_is_never_moved_again(scripts: dict[str, Script]) -> None:
    for script in scripts.values():
        for step in range(len(script.moves) + 1):
            done = again(script, step)
            assert done <= BEGINS
            assert not done & FINISHES
            assert not done & {"shop.payment_refund", "shop.credit_issue", "shop.return_open"}


def test_delegations_and_what_was_confirmed_are_made_again(scripts: dict[str, Script]) -> None:
    refund = scripts["return"]
    step = first(refund, "shop.payment_refund")
    made = todo(refund.moves, step)
    confirmed = [n for n in made if refund.moves[n].what is What.CONFIRM]
    assert [refund.moves[n].action.operation for n in confirmed] == ["shop.payment_refund"]  # type: ignore[union-attr]
    assert any(refund.moves[n].delegated for n in made)
    assert not [n for n in todo(refund.moves, step + 1) if refund.moves[n].what is What.CONFIRM]


def test_an_action_that_was_under_way_is_past_if_the_books_have_it() -> None:
    store = BatchedStore()
    row = {"step": 7, "doing": "41"}
    assert step_of(store, {"step": 7, "doing": ""}) == 7
    assert step_of(store, row) == 7
    for state, step in (("asked", 7), ("cancelled", 7), ("done", 8)):
        store.put("payment", "41", Payment("41", "capture", 1, "O1", "A1", 5, state))
        assert step_of(store, row) == step
    store.put("once", "42", ("shop.order_create", {}, {}))
    assert step_of(store, {"step": 7, "doing": "42"}) == 8


def test_places_become_kept_sessions_once() -> None:
    store = BatchedStore()
    store.put(PLACE, "10", {"step": 3})
    store.put(PLACE, "9", {"step": 4})
    assert keep_all(store, LAST_COMMITTED, 55) == 2
    assert list(store.rows(PLACE)) == []
    assert take_kept(store) == {
        9: {"step": 4, "how": LAST_COMMITTED, "as_of_ns": 55},
        10: {"step": 3, "how": LAST_COMMITTED, "as_of_ns": 55},
    }
    store.put(PLACE, "11", {"step": 1})
    assert keep_all(store, ENDED, 60) == 3
    assert store.get(KEPT, "9")["how"] == LAST_COMMITTED


def test_a_customer_comes_back_with_basket_price_and_orders() -> None:
    store = BatchedStore()
    shop = Shop(store, stream(1, "world/shop"), products=6, remote=True)
    facts: dict[str, Any] = {}
    shop.open(3, facts, 0)
    wanted = shown("shop.credit_issue", facts)
    shop.perform("shop.credit_issue", 3, wanted, "k", 0)
    left = shop.left(3)
    assert left is not None
    assert left["credit_minor"] == wanted["amount_minor"]
    assert not {facts["customer_name"], facts["address"], facts["email"]} & set(map(str, left.values()))
    product = store.get("product", facts["sku"])
    product.price_minor += 999
    again = Shop(store, stream(2, "world/shop"), products=6, remote=True)
    now: dict[str, Any] = {}
    again.reopen(3, now, left)
    for name in ("customer_id", "sku", "quantity", "price_minor", "order_id", "order_total_minor"):
        assert now[name] == facts[name], name
    assert again.left(3) == left
    assert again.left(4) is None


def test_a_cancelled_order_and_an_empty_shelf_do_not_come_back() -> None:
    store = BatchedStore()
    shop = Shop(store, stream(1, "world/shop"), products=6, remote=True)
    facts: dict[str, Any] = {}
    shop.open(3, facts, 0)
    left = shop.left(3)
    assert left is not None
    order = store.get("order", facts["order_id"])
    order.state = "cancelled"
    store.get("product", facts["sku"]).stock = 0
    again = Shop(store, stream(2, "world/shop"), products=6, remote=True)
    now: dict[str, Any] = {}
    again.reopen(3, now, left)
    assert "order_id" not in now
    assert now["sku"] != facts["sku"]
