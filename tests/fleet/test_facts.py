"""What the file says that facts can be is what the worlds make of them."""

from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from maso.clock import HOUR
from maso.fleet.builtins import builtin_names
from maso.fleet.operations import FACTS, OPERATIONS, RANGES, answer_range, range_of, worlds_of
from maso.sim.driver import make_worlds
from maso.streams import stream
from maso.worlds.base import MemoryStore, World, shown
from maso.worlds.desk import Desk
from maso.worlds.ledger import Ledger
from maso.worlds.shop import Shop
from tests.fleet.given import fleet_of, text_of

SESSIONS = 1_500
WAYS = {
    "shop": (
        "shop.search", "shop.price_quote", "shop.stock_reserve", "shop.discount_apply", "shop.order_create",
        "shop.order_change", "shop.payment_authorise", "shop.payment_capture", "shop.carrier_book",
        "shop.carrier_track", "shop.return_open", "shop.payment_refund", "shop.payment_refund",
        "shop.search", "shop.credit_issue",
    ),
    "desk": (
        "desk.market_read", "desk.filing_read", "desk.risk_record", "desk.compliance_record",
        "desk.research_publish", "desk.order_place", "desk.settle",
    ),
    "ledger": ("record",),
}  # fmt: skip


def made(name: str, seed: int) -> World:
    if name == "ledger":
        return Ledger(MemoryStore())
    return (Shop if name == "shop" else Desk)(MemoryStore(), stream(seed, name))


def runs(name: str, seed: int) -> Iterator[Mapping[str, Any]]:
    """The facts of honest sessions of a day, after each operation."""
    for facts, _, _ in told(name, seed):
        yield facts


def told(name: str, seed: int) -> Iterator[tuple[Mapping[str, Any], str, Mapping[str, Any]]]:
    """After each operation the facts, its name and its answer."""
    world = made(name, seed)
    for session in range(SESSIONS):
        now = session * 24 * HOUR // SESSIONS
        world.advance(now)
        facts: dict[str, Any] = {}
        world.open(session, facts, now)
        yield facts, "", {}
        for n, operation in enumerate(WAYS[name]):
            args = {"query": "anything", **shown(operation, facts)}
            answer, _ = world.perform(operation, session, args, f"{session}/{n}", now)
            yield facts, operation, answer
        world.close(session, now)


@pytest.mark.parametrize("name", RANGES)
def test_the_worlds_keep_to_the_declared_ranges(name):
    most: dict[str, int] = {}
    for seed in (1, 2):
        for facts in runs(name, seed):
            for fact, value in facts.items():
                known = RANGES[name][fact]
                if known.words:
                    assert value in known.words, fact
                    continue
                size = value if isinstance(value, int) else len(value)
                assert known.low <= size <= known.high, (fact, value)
                most[fact] = max(most.get(fact, 0), size)
    seen = set(most) | {fact for fact, known in RANGES[name].items() if known.words}
    assert seen == set(RANGES[name])
    # Nor is a fleet refused for what no world comes near.
    assert [f for f, size in most.items() if RANGES[name][f].high > 4 * size and f != "session_id"] == []


@pytest.mark.parametrize("name", RANGES)
def test_answers_keep_to_their_ranges(name):
    for _, operation, answer in told(name, 3):
        for field, value in answer.items():
            known = answer_range(OPERATIONS[operation], field)
            if known is not None:
                size = value if isinstance(value, int) else len(value)
                assert known.low <= size <= known.high, (operation, field, value)


@pytest.mark.parametrize("operation", OPERATIONS.values(), ids=lambda operation: operation.name)
def test_every_field_of_every_answer_has_a_range(operation):
    for field, kind in operation.answer.items():
        assert kind == "bool" or answer_range(operation, field) is not None, field


def test_every_fact_has_its_range_in_the_type_that_it_has():
    assert {fact for ranges in RANGES.values() for fact in ranges} == set(FACTS)
    for ranges in RANGES.values():
        for fact, known in ranges.items():
            assert bool(known.words) == (FACTS[fact] == "enum")
            assert known.low <= known.high


def test_where_two_worlds_know_a_fact_the_first_one_tells():
    assert range_of("quantity", ("ledger", "shop", "desk")) == RANGES["shop"]["quantity"]
    assert range_of("quantity", ("ledger", "desk")) == RANGES["desk"]["quantity"]
    assert range_of("quantity", ("ledger",)) is None


@pytest.mark.parametrize("name", builtin_names())
def test_the_checks_and_a_run_have_the_same_worlds(name):
    fleet = fleet_of(text_of(name))
    named = {f.fact for s in fleet.schemas for f in s.fields.values() if f.fact}
    run = tuple(world.name for world in make_worlds(fleet, 1))
    assert worlds_of((a.operation for a in fleet.actions), named) == run
