"""Whoever wants a type, a cluster or the system down, or up too soon: what it takes, and what it never gives.

Agents raise no signal; what a compromised one can do is make calls that fail, and be refused.
"""

import random
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from maso.clock import DAY, MINUTE, SECOND
from maso.fleet.model import Cluster, Dependency
from maso.resilience.cascade import Graph, floor_of, response
from maso.resilience.counters import INSTANCES_MIN, LIVE_SHARE_MILLI
from maso.resilience.pace import BACKOFF_MAX, Phase
from maso.resilience.signals import Back, Blocked, Gone, Joined, Left, Move, Order, Outcome, Request, Scored
from tests.resilience.given import Bench, agent, plan

P, A, C, E = Phase
PAYMENT, SUPPORT = 3, 5
ANSWER = 15 * MINUTE


def failing(b: Bench, kind: int, seconds: int, first: int = 1, many: int = 40) -> None:
    for i in range(seconds):
        for k in range(4):
            b.outcome(first + (4 * i + k) % many, kind, ok=False)
        b.wait(1)


# Towards Emergency.


@given(
    st.lists(
        st.tuples(
            st.integers(0, 5), st.integers(1, 60), st.integers(1, 40), st.booleans(), st.integers(0, 90)
        ),
        max_size=20,
    )
)
@settings(deadline=None)
def test_failures_and_refusals_alone_suspend_no_type_before_people_had_their_time(
    stream: list[tuple[int, int, int, bool, int]],
) -> None:
    """Every fall to Emergency was asked of people first, and not answered for as long as they have."""
    b = Bench(sessions=60)
    asked: dict[str, int] = {}
    for kind, first, many, refused, seconds in stream:
        for session in range(first, min(first + many, 61)):
            b.outcome(session, kind, ok=False)
            if refused:
                b.say(Blocked(b.nhi(session, kind), b.now))
        b.wait(seconds)
    for at, effect in b.effects:
        if isinstance(effect, Request):
            asked.setdefault(effect.scope, at)
        if isinstance(effect, Move) and effect.phase is E and not effect.scope.startswith("instance:"):
            assert effect.scope.startswith("type:")
            assert at - asked[effect.scope] >= ANSWER
            assert effect.why.endswith(":unanswered")


def test_failing_in_contingency_for_as_long_as_people_have_suspends_and_says_that_nobody_answered() -> None:
    b = Bench()
    failing(b, PAYMENT, 16 * 60)
    assert b.moves("type:payment")[-1] == (E, 1000, "failing:unanswered")


def test_a_flap_that_passes_takes_its_request_with_it() -> None:
    """Failing again and again in Contingency, but never for as long as people have: nobody is suspended."""
    b = Bench()
    failing(b, PAYMENT, 20)
    for _ in range(12):
        failing(b, PAYMENT, 15)
        b.wait(3 * 60)
    assert b.c.phase("type:payment") < E
    assert E not in [phase for phase, _, _ in b.moves("type:payment")]


# By how few, and what reconnecting gives.


@pytest.mark.parametrize("live", [100, 1_000, 10_000])
def test_too_few_move_no_type_however_often_they_fail_and_nobody_else_speaks(live: int) -> None:
    """Nobody else is heard from, so that their share is everything: the floor is a share of all that live."""
    needed = max(INSTANCES_MIN, -(-live * LIVE_SHARE_MILLI // 1000))
    for many, moved in ((needed - 1, P), (needed, A)):
        b = Bench(plan((agent("payment", "one"),), ()), sessions=live)
        for _ in range(3):
            for session in range(1, many + 1):
                b.outcome(session, 0, ok=False)
            b.now += SECOND
        assert b.c.phase("type:payment") is moved


def test_whoever_reconnects_counts_again_within_the_window_and_not_after_it() -> None:
    """A bound that is not PACE's: how many sessions one customer opens in two minutes. Said in the docs."""
    b = Bench(plan((agent("payment", "one"),), ()), sessions=100)
    for again in range(INSTANCES_MIN):
        nhi = 50_000 + again
        b.say(Joined(((nhi, 0, 1000 + again),)))
        b.say(Outcome(nhi, False, b.now))
        b.say(Left((nhi,)))
        b.wait(1)
    assert b.c.phase("type:payment") is A
    slow = Bench(plan((agent("payment", "one"),), ()), sessions=100)
    for again in range(50):
        nhi = 50_000 + again
        slow.say(Joined(((nhi, 0, 1000 + again),)))
        slow.say(Outcome(nhi, False, slow.now))
        slow.say(Left((nhi,)))
        slow.wait(61)
    assert slow.c.phase("type:payment") is P


def test_one_type_that_fails_moves_neither_the_other_types_nor_a_cluster_of_three() -> None:
    types = tuple(agent(name, "one") for name in ("a", "b", "c"))
    b = Bench(plan(types, ()))
    failing(b, 0, 60)
    assert {n for n in b.phases if not n.startswith("instance:")} == {"type:a"}


@pytest.mark.parametrize("name", ["advisor", "page", "cart", "payment", "parcel", "support"])
def test_one_type_is_halted_without_the_other_five(name: str) -> None:
    """OB-3.2 for a type: stopped by a person, all of its instances and nothing else."""
    b = Bench()
    b.order(f"type:{name}", "stop", "operator")
    b.wait(600)
    assert {n: p for n, p in b.phases.items() if p != P} == {f"type:{name}": E}
    assert all(b.c.effective(b.nhi(s, k)) is (E if b.plan.types[k].id == name else P)
               for s in (1, 50, 100) for k in range(6))  # fmt: skip


def test_a_cluster_of_one_type_follows_it_and_comes_back_with_it() -> None:
    types = (agent("a", "one"), agent("b", "two"), agent("c", "three"))
    b = Bench(plan(types, ()))
    failing(b, 0, 20)
    assert {n: p for n, p in b.phases.items() if not n.startswith("instance:")} == {
        "type:a": C,
        "cluster:one": C,
    }
    b.wait(40 * 60)
    assert {b.c.phase(n) for n in ("type:a", "cluster:one", "system")} == {P}


def test_of_many_clusters_a_tenth_comes_back_at_a_time_and_consumers_still_wait() -> None:
    """One by one forty clusters would take four hours, and a thousand four days."""
    count = 40
    types = tuple(agent(f"t{i}", f"c{i}") for i in range(count))
    deps = tuple(
        Dependency(consumer=f"c{i}", producer=f"c{i - 20}", on_contingency="cascade")
        for i in range(20, count)
    )
    b = Bench(plan(types, deps), sessions=1)
    for i in range(count):
        b.say(Gone(f"cluster:c{i}"))
    for i in range(count):
        b.say(Back(f"cluster:c{i}"))
    most = 0
    while any(c.shown for c in b.c.clusters):
        b.wait(5)
        most = max(most, sum(c.ramp is not None for c in b.c.clusters))
        assert b.now < 90 * MINUTE
        for i in range(20, count):
            if b.c.clusters[i - 20].shown is C:
                assert b.c.clusters[i].shown is C
    assert most == count // 10


# Returns.


def test_whoever_breaks_off_every_return_is_met_less_and_less_often() -> None:
    """Those who returned fail each time, for hours: the dwell bounds the attempts, no heal is used."""
    b = Bench(sessions=400)
    failing(b, PAYMENT, 20)
    attempts = 0
    scope = b.c.types[PAYMENT]
    begun: list[int] = []
    while b.now < DAY // 4:
        b.wait(10)
        if scope.ramp is None:
            continue
        if not begun or scope.ramp.since != begun[-1]:
            begun.append(scope.ramp.since)
        attempts += 1
        for session in range(1, 401):
            b.outcome(session, PAYMENT, ok=False)
        assert scope.ramp is None
    dwell = 2 * MINUTE
    gaps = [later - earlier for earlier, later in pairwise(begun)]
    assert all(gap >= BACKOFF_MAX * dwell for gap in gaps[3:])
    assert 10 < attempts <= DAY // 4 // (BACKOFF_MAX * dwell) + 4
    assert scope.machine.heals == ()
    assert b.c.phase("type:payment") >= C


def test_a_return_that_a_person_orders_is_broken_off_like_any_other() -> None:
    b = Bench(sessions=400)
    failing(b, PAYMENT, 20)
    b.order("type:payment", "up", "operator")
    for session in range(1, 401):
        b.outcome(session, PAYMENT, ok=False)
    b.wait(60)
    for session in range(1, 401):
        b.outcome(session, PAYMENT, ok=False)
    assert b.c.phase("type:payment") is C


# Signals that come twice, late, out of order, or with numbers that nobody has.


@given(
    st.lists(st.tuples(st.integers(1, 30), st.booleans(), st.integers(0, 20)), min_size=5, max_size=60),
    st.integers(0, 2**32),
)
@settings(deadline=None)
def test_repeating_what_was_heard_moves_nothing_more(stream: list[tuple[int, bool, int]], seed: int) -> None:
    """A twin hears every failure twice, and old ones again at any time: types move at the same moments."""
    once, twice = Bench(sessions=30), Bench(sessions=30)
    shuffle = random.Random(seed)
    heard: list[tuple[int, int]] = []
    for session, ok, seconds in stream:
        for b in (once, twice):
            b.outcome(session, PAYMENT, ok=ok)
        if not ok:
            heard.append((session, twice.now))
        for old, at in shuffle.sample(heard, min(3, len(heard))):
            twice.outcome(old, PAYMENT, ok=False, at=at)
        for b in (once, twice):
            b.wait(seconds)
    assert [e for _, e in once.effects if _of_a_type(e)] == [e for _, e in twice.effects if _of_a_type(e)]


def _of_a_type(effect: object) -> bool:
    return isinstance(effect, Move) and effect.scope.startswith("type:")


HUGE = [0, -1, 2**31, 2**63 - 1, 2**63, 2**64, -(2**63), 10**30]


@pytest.mark.parametrize("number", HUGE)
def test_no_number_stops_the_count(number: int) -> None:
    b = Bench()
    failing(b, PAYMENT, 20)
    b.wait(180)
    assert b.c.types[PAYMENT].ramp is not None
    b.say(Joined(((number, PAYMENT, number), (7, number, 1))))
    b.say(Outcome(number, False, number))
    b.say(Blocked(number, number))
    b.say(Scored("type:cart", number if number < 60 else 0, number))
    b.say(Left((number,)))
    b.say(Order(f"instance:{number}", "stop", "operator", number, b.now))
    b.wait(5)
    assert b.c.phase("type:payment") is C


# Cascades of any shape.


@st.composite
def graphs(draw: st.DrawFn) -> tuple[Graph, list[Phase]]:
    """Up to six clusters and any dependencies between them: chains, diamonds, circles, doubles."""
    count = draw(st.integers(3, 6))
    names = [f"c{i}" for i in range(count)]
    pair = st.tuples(st.integers(0, count - 1), st.integers(0, count - 1)).filter(lambda p: p[0] != p[1])
    pairs = draw(st.lists(pair, min_size=count, max_size=12))
    # A response to a worse phase is no milder: else what is least is not one thing.
    row = st.sampled_from(
        [("continue", "stale", "cascade"), ("continue", "cascade", "cascade"), ("stale", "stale", "stale"),
         ("fallback", "cascade", "cascade"), ("cascade", "cascade", "cascade")]
    )  # fmt: skip
    deps = []
    for consumer, producer in pairs:
        alternate, contingency, emergency = draw(row)
        deps.append(
            Dependency(
                consumer=names[consumer],
                producer=names[producer],
                on_alternate=alternate,  # type: ignore[arg-type]
                on_contingency=contingency,  # type: ignore[arg-type]
                on_emergency=emergency,  # type: ignore[arg-type]
            )
        )
    own = [draw(st.sampled_from(list(Phase))) for _ in range(count)]
    return Graph([Cluster(id=n) for n in names], deps), own


@given(graphs())
def test_a_cascade_of_any_shape_is_the_least_that_satisfies_every_dependency(
    given_graph: tuple[Graph, list[Phase]],
) -> None:
    graph, own = given_graph
    expected = list(own)
    while True:  # by hand, until nothing changes
        raised = list(expected)
        for edge in graph.edges:
            producer = expected[edge.producer]
            floor = floor_of(response(edge.declared, producer), producer)
            raised[edge.consumer] = max(raised[edge.consumer], floor)
        if raised == expected:
            break
        expected = raised
    assert graph.settle(own, {}) == expected
