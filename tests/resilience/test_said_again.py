"""What people and monitoring said, said again by somebody else: replayed, late, forged, out of order."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from maso.clock import DAY, HOUR, MINUTE, SECOND
from maso.resilience.axes import LAYER_RETURNS_MAX
from maso.resilience.coordinator import ORDER_NS
from maso.resilience.pace import Phase
from maso.resilience.signals import Answered, Back, Call, Gone, Order, Request, Signal
from tests.resilience.given import Bench, agent, plan

P, A, C, E = Phase
PAYMENT, SUPPORT = 3, 5


def failing(b: Bench, kind: int, seconds: int) -> None:
    for i in range(seconds):
        for k in range(4):
            b.outcome(1 + (4 * i + k) % b.sessions, kind, ok=False)
        b.wait(1)


def test_an_approval_is_good_for_the_request_that_it_names_and_for_no_later_one() -> None:
    b = Bench()
    failing(b, SUPPORT, 5)
    first = b.kinds(Request)[-1]
    said = Answered("type:support", True, "operator", first.number)
    b.say(said)
    assert b.c.phase("type:support") is A
    failing(b, SUPPORT, 30)
    second = b.kinds(Request)[-1]
    assert (second.to, second.number != first.number) == (C, True)
    assert b.say(said) == []
    assert b.c.phase("type:support") is A
    b.say(Answered("type:support", True, "operator", second.number))
    assert b.c.phase("type:support") is C


def test_an_approval_for_another_scope_or_by_another_role_is_none() -> None:
    p = plan((agent("a", "one", decided_by="person"), agent("b", "two", decided_by="person")), ())
    b = Bench(p)
    failing(b, 0, 5)
    failing(b, 1, 5)
    first, second = b.kinds(Request)[0], b.kinds(Request)[1]
    assert {first.scope, second.scope} == {"type:a", "type:b"}
    assert b.say(Answered(second.scope, True, "operator", first.number)) == []
    with pytest.raises(ValueError, match="decides nothing here"):
        b.say(Answered(first.scope, True, "customer", first.number))
    assert b.phases.get("type:a", P) == b.phases.get("type:b", P) == P


@pytest.mark.parametrize("what", ["down", "stop", "up", "release"])
def test_an_order_is_good_once(what: str) -> None:
    b = Bench()
    role = "incident commander" if what == "release" else "operator"
    for before in {"release": ["stop"], "up": ["down", "down"]}.get(what, []):
        b.order("type:payment", before, "operator")
    given_order = Order("type:payment", what, role, 77, b.now + ORDER_NS)  # a clock that runs ahead
    b.say(given_order)
    b.wait(1 if what in ("down", "stop") else 150)
    seen = (b.c.phase("type:payment"), len(b.effects))
    assert b.say(given_order) == []
    assert (b.c.phase("type:payment"), len(b.effects)) == seen


@pytest.mark.parametrize("off", [-ORDER_NS - 1, ORDER_NS + 1, -DAY, 10**18])
def test_an_order_that_was_kept_back_or_comes_from_the_future_changes_nothing(off: int) -> None:
    b = Bench()
    b.now = 2 * DAY
    assert b.say(Order("type:payment", "stop", "operator", 1, b.now + off)) == []
    assert "type:payment" not in b.phases


@given(st.lists(st.tuples(st.integers(0, 300), st.integers(0, 3)), max_size=30))
def test_of_any_replays_each_order_counts_once(replays: list[tuple[int, int]]) -> None:
    """Four orders of a console, repeated at any later time by whoever overheard them."""
    b = Bench()
    names = [f"type:{t.id}" for t in b.plan.types[:4]]
    for number, name in enumerate(names):
        b.say(Order(name, "down", "operator", number, 0))
    for seconds, which in sorted(replays):
        b.now = max(b.now, seconds * SECOND)
        b.say(Order(names[which], "down", "operator", which, 0))
    assert all(b.c.phase(name) is A for name in names)


def test_orders_that_are_over_are_forgotten() -> None:
    b = Bench()
    for i in range(500):
        b.say(Order("type:payment", "down", "operator", i, b.now))
        b.now += SECOND
    assert len(b.c._ordered) <= 2 * ORDER_NS // SECOND


@pytest.mark.parametrize("layer", ["judge", "human"])
def test_a_layer_that_comes_and_goes_is_not_followed_all_day(layer: str) -> None:
    b = Bench()
    returns = 0
    for _ in range(10):
        b.say(Gone(f"layer:{layer}"))
        assert b.phases["type:payment"] >= A
        b.say(Back(f"layer:{layer}"))
        b.wait(20 * 60)
        returns += b.phases["type:payment"] == P
    assert returns == LAYER_RETURNS_MAX
    assert any(c.why == f"layer:{layer} comes and goes" for c in b.kinds(Call))
    assert b.order(f"layer:{layer}", "down", "operator") == []
    b.order(f"layer:{layer}", "up", "operator")
    b.wait(20 * 60)
    assert b.phases["type:payment"] == P


def test_a_return_of_a_layer_that_is_not_gone_counts_for_nothing() -> None:
    b = Bench()
    for _ in range(10):
        b.say(Back("layer:judge"))
    b.say(Gone("layer:judge"))
    b.say(Back("layer:judge"))
    b.wait(20 * 60)
    assert b.phases["type:payment"] == P


def test_time_that_goes_back_and_forth_gives_nobody_a_shorter_dwell() -> None:
    """A floor's dwell begins when the floor falls, by the newest time that was seen."""
    b = Bench()
    b.now = HOUR
    b.say(Gone("layer:judge"))
    for back in (0, HOUR - 30 * MINUTE):
        b.c.advance(back)
        b.c.handle(Back("layer:judge"), back)
        b.c.handle(Gone("layer:judge"), back)
        b.c.advance(HOUR + SECOND)
    assert b.phases["type:payment"] == C
    assert b.c.phase("type:payment") is C
    b.c.handle(Back("layer:judge"), 0)
    b.now = HOUR + SECOND
    b.wait(115)
    assert b.c.phase("type:payment") is C
    assert b.c.types[PAYMENT].ramp is None


FORGED: list[Signal] = [
    Answered("type:payment", True, "incident commander", 0),
    Answered("type:payment", True, "incident commander", 2**63),
    Answered("system", True, "operator", -1),
    Order("instance:999999999999", "stop", "operator", 1, 0),
    Order("instance:-5", "release", "incident commander", 2, 0),
    Order("instance:", "stop", "operator", 3, 0),
    Order("type:payment", "release", "incident commander", 4, 0),
    Order("type:payment", "up", "incident commander", 5, 0),
]


@pytest.mark.parametrize("signal", FORGED)
def test_forgeries_that_fit_nothing_change_nothing(signal: Signal) -> None:
    b = Bench()
    assert b.say(signal) == []
    assert b.phases == {}
