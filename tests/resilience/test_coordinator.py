"""The machines together: what moves what, and what does not; coming back; people; forgeries and floods."""

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from maso.clock import MINUTE, SECOND
from maso.fleet.model import Dependency
from maso.resilience.counters import INSTANCES_MIN
from maso.resilience.pace import Phase
from maso.resilience.ramp import returned
from maso.resilience.signals import (
    Answered,
    Assessed,
    Back,
    Blocked,
    Call,
    Finish,
    Gone,
    Heard,
    Left,
    Move,
    Notify,
    Order,
    Outcome,
    Provide,
    Request,
    Scored,
    Show,
)
from tests.resilience.given import KEY, Bench, agent, plan

P, A, C, E = Phase
PAYMENT, CART, SUPPORT = 3, 2, 5


def outage(b: Bench, kind: int = PAYMENT, seconds: int = 40, first: int = 1) -> None:
    """Two instances a second find that what they call fails."""
    for i in range(seconds):
        b.outcome(first + 2 * i % b.sessions, kind, ok=False)
        b.outcome(first + (2 * i + 1) % b.sessions, kind, ok=False)
        b.wait(1)


def in_contingency() -> Bench:
    b = Bench()
    outage(b)
    assert b.phases["type:payment"] == C
    return b


def test_a_gateway_outage_moves_its_type_and_nothing_else() -> None:
    b = in_contingency()
    assert b.moves("type:payment") == [(A, 1000, "failing"), (C, 1000, "failing")]
    others = {name for name in b.phases if not name.startswith("instance:")}
    assert others == {"type:payment"}
    assert b.kinds(Show) == [Show("type:payment", "payment is away")]
    assert b.kinds(Provide) == [Provide("payment", "spare", 1000)] * 2


def test_it_comes_back_in_steps_one_phase_after_the_other() -> None:
    b = in_contingency()
    b.wait(12 * 60)
    shares = [(A, s, "steady") for s in (10, 100, 500, 1000)] + [
        (P, s, "steady") for s in (10, 100, 500, 1000)
    ]
    assert b.moves("type:payment")[2:] == shares
    assert b.kinds(Show)[-1] == Show("type:payment", "")
    provided = [e for e in b.kinds(Provide) if e.provider == "main"]
    assert [e.share_milli for e in provided] == [10, 100, 500, 1000]


def test_a_return_that_fails_is_broken_off_and_the_next_one_waits_longer() -> None:
    b = in_contingency()
    b.wait(3 * 60)
    ramping = b.c.types[PAYMENT]
    assert ramping.ramp is not None
    share = ramping.ramp.share_milli
    back = [s for s in range(1, 101) if returned(KEY, "type:payment", s, share)]
    while len(back) < INSTANCES_MIN:
        b.wait(5)
        assert ramping.ramp is not None
        share = ramping.ramp.share_milli
        back = [s for s in range(1, 101) if returned(KEY, "type:payment", s, share)]
    at = b.now
    for session in back:
        b.outcome(session, PAYMENT, ok=False)
    assert b.moves("type:payment")[-1] == (C, 1000, "ramp-abort")
    assert ramping.machine.ready_at == at + 2 * 2 * MINUTE
    assert b.c.phase("type:payment") is C


def test_an_instance_tries_again_then_the_simple_way_then_ends() -> None:
    b = Bench()
    for _ in range(3):
        b.outcome(7, PAYMENT, ok=False)
        b.now += SECOND
    name = f"instance:{b.nhi(7, PAYMENT)}"
    assert [phase for phase, _, _ in b.moves(name)] == [A, C, E]
    assert b.kinds(Finish) == [Finish(b.nhi(7, PAYMENT))]
    assert set(b.phases) == {name}


def test_an_instance_in_contingency_tries_again_after_its_dwell_and_success_brings_it_back() -> None:
    b = Bench()
    for _ in range(2):
        b.outcome(7, PAYMENT, ok=False)
        b.now += SECOND
    b.wait(11)
    assert b.c.phase(f"instance:{b.nhi(7, PAYMENT)}") is A
    b.wait(11)
    b.outcome(7, PAYMENT, ok=True)
    assert b.c.phase(f"instance:{b.nhi(7, PAYMENT)}") is P


def test_replayed_and_late_failures_of_an_instance_count_once() -> None:
    b = Bench()
    b.now = 10 * SECOND
    for at in (10 * SECOND, 10 * SECOND, 5 * SECOND, 0):
        b.outcome(7, PAYMENT, ok=False, at=at)
    assert b.c.phase(f"instance:{b.nhi(7, PAYMENT)}") is A
    b.outcome(7, PAYMENT, ok=False, at=10**18)  # from the future: from now, and now was counted
    assert b.c.phase(f"instance:{b.nhi(7, PAYMENT)}") is A


def test_a_flood_from_one_compromised_instance_moves_nothing_but_itself() -> None:
    b = Bench()
    for i in range(20_000):
        b.now += SECOND // 100
        b.outcome(7, PAYMENT, ok=bool(i % 3))
    assert {name for name in b.phases if not name.startswith("instance:")} == set()


def test_fewer_than_a_fiftieth_of_those_who_live_move_no_type_however_few_are_heard() -> None:
    b = Bench(sessions=1000)
    for session in range(1, 20):
        for _ in range(50):
            b.outcome(session, PAYMENT, ok=False)
            b.now += SECOND // 1000
    assert "type:payment" not in b.phases


def test_who_is_not_live_says_nothing() -> None:
    b = Bench()
    b.c.handle(Left(tuple(b.nhi(s, PAYMENT) for s in range(1, 51))), b.now)
    for session in range(1, 51):
        assert b.outcome(session, PAYMENT, ok=False) == []
    assert b.say(Outcome(12_345_678, False, 0)) == []
    assert b.say(Blocked(12_345_678, 0)) == []
    assert b.c.instances.count[PAYMENT] == 50


def test_where_a_person_decides_the_type_waits_for_the_answer() -> None:
    b = Bench()
    outage(b, SUPPORT, 5)
    (request,) = b.kinds(Request)
    assert (request.scope, request.to, request.default) == ("type:support", A, True)
    assert "type:support" not in b.phases
    b.answer("type:support", True, "operator")
    assert b.moves("type:support") == [(A, 1000, "failing")]
    assert b.kinds(Move)[-1].by == "operator"


def test_silence_of_people_degrades() -> None:
    b = Bench()
    outage(b, SUPPORT, 15 * 60 + 5)
    assert b.moves("type:support")[0] == (A, 1000, "failing:unanswered")


def test_a_request_whose_evidence_is_over_is_withdrawn() -> None:
    b = Bench()
    outage(b, SUPPORT, 5)
    b.wait(3 * 60)
    assert b.answer("type:support", True, "operator") == []
    b.wait(15 * 60)
    assert "type:support" not in b.phases


def test_only_a_commander_ends_emergency_and_the_return_is_ramped() -> None:
    b = Bench()
    b.order("type:payment", "stop", "operator")
    assert b.phases["type:payment"] == E
    b.wait(3600)
    assert b.phases["type:payment"] == E
    assert b.order("type:payment", "release", "operator") == []
    assert b.order("type:payment", "up", "incident commander") == []
    (first,) = [e for e in b.order("type:payment", "release", "incident commander") if isinstance(e, Move)]
    assert (first.phase, first.share_milli, first.by) == (C, 10, "incident commander")
    b.wait(200)
    assert b.phases["type:payment"] == C
    assert b.moves("type:payment")[-1][2] == "release"


@pytest.mark.parametrize(
    "signal",
    [
        Order("type:nobody", "stop", "operator", 1, 0),
        Order("type:payment", "explode", "operator", 1, 0),
        Order("type:payment", "stop", "agent", 1, 0),
        Order("layer:cake", "up", "operator", 1, 0),
        Answered("type:payment", True, "payment", 1),
        Gone("cluster:mars"),
        Gone("layer:cake"),
        Scored("type:nobody", 99, 0),
    ],
)
def test_what_does_not_exist_says_what_is_legal_and_changes_nothing(signal: object) -> None:
    b = Bench()
    with pytest.raises(ValueError, match="legal: "):
        b.say(signal)  # type: ignore[arg-type]
    assert b.effects == []


def test_the_watch_moves_what_it_scores() -> None:
    b = Bench()
    nhi = b.nhi(3, CART)
    b.say(Scored(f"instance:{nhi}", 59, 0))
    assert b.effects == []
    b.say(Scored(f"instance:{nhi}", 60, 0))
    assert b.phases[f"instance:{nhi}"] == A
    b.say(Scored(f"instance:{nhi}", 80, 0))
    assert b.kinds(Finish) == [Finish(nhi)]
    b.say(Scored("type:cart", 80, 0))
    assert b.kinds(Request)[0].to is E
    assert "type:cart" not in b.phases


def test_many_refused_instances_make_their_type_suspect() -> None:
    b = Bench()
    for session in range(1, 21):
        b.say(Blocked(b.nhi(session, CART), b.now))
    assert "type:cart" not in b.phases
    b.say(Blocked(b.nhi(21, CART), b.now))
    assert b.moves("type:cart") == [(A, 1000, "suspect")]


def test_a_cluster_that_is_gone_takes_along_who_follows_it_and_tells_them() -> None:
    b = Bench()
    b.say(Gone("cluster:checkout"))
    assert b.phases == {"cluster:checkout": C, "cluster:after": C, "system": A}  # two of three
    assert b.kinds(Notify)[0][:3] == ("after", "checkout", C)
    assert [k.knows for k in b.c.knowledge()] == [False]
    b.say(Heard("after", b.kinds(Notify)[0].number))
    assert [k.knows for k in b.c.knowledge()] == [True]
    assert b.c.view()[0] is C


def test_producers_come_back_before_their_consumers() -> None:
    b = Bench()
    b.say(Gone("cluster:checkout"))
    b.wait(600)
    assert b.phases == {"cluster:checkout": C, "cluster:after": C, "system": A}
    b.say(Back("cluster:checkout"))
    b.wait(1800)
    assert set(b.phases.values()) == {P}
    up = [e.scope for _, e in b.effects if isinstance(e, Move) and e.share_milli == 1000 and e.phase < C]
    # `after` declares `continue` for an Alternate of `checkout`: it waits for that, and no longer.
    assert [scope for scope in up if scope != "system"][:2] == ["cluster:checkout", "cluster:after"]


def test_clusters_come_back_one_at_a_time_in_order() -> None:
    b = Bench(plan(dependencies=()))
    for name in ("after", "checkout", "store"):
        b.say(Gone(f"cluster:{name}"))
    for name in ("after", "checkout", "store"):
        b.say(Back(f"cluster:{name}"))
    ramping = []  # type: ignore[var-annotated]
    for _ in range(1200):
        b.wait(1)
        now = [s.name for s in b.c.clusters if s.ramp is not None]
        assert len(now) <= 1
        ramping += [name for name in now if ramping[-1:] != [name]]
    assert ramping[:3] == ["cluster:store", "cluster:checkout", "cluster:after"]


def test_a_return_is_over_when_a_producer_falls_to_where_it_came_from() -> None:
    b = Bench()
    b.say(Gone("orchestrator:checkout"))  # Alternate by itself
    b.say(Back("orchestrator:checkout"))
    b.wait(130)
    assert b.moves("cluster:checkout")[-1][:2] == (P, 10)
    b.say(Gone("cluster:store"))  # which checkout meets with a fallback: Alternate
    assert b.moves("cluster:checkout")[-1] == (A, 1000, "upstream:store")
    b.wait(600)
    assert b.moves("cluster:checkout")[-1] == (A, 1000, "upstream:store")


def test_a_consumer_is_not_ordered_up_before_its_producer() -> None:
    b = Bench()
    b.order("cluster:checkout", "stop", "operator")
    assert b.phases["cluster:after"] == E
    (call,) = b.order("cluster:after", "release", "incident commander")
    assert call == Call("cluster:after", E, "its producers come first")
    b.wait(60)
    assert b.phases["cluster:after"] == E


def test_a_cluster_falls_with_more_than_half_of_its_types() -> None:
    b = in_contingency()
    outage(b, CART, 40)
    assert b.phases["type:cart"] == C
    assert b.phases["cluster:checkout"] == C
    assert b.phases["cluster:after"] == C


def test_layers_fail_each_with_its_own_meaning() -> None:
    b = Bench()
    b.say(Gone("layer:judge"))
    held = {n.partition(":")[2]: p for n, p in b.phases.items() if n.startswith("type:")}
    assert held == {"advisor": C, "page": A, "cart": C, "payment": C, "parcel": A, "support": C}
    b.say(Back("layer:judge"))
    b.wait(20 * 60)
    assert all(p == P for p in b.phases.values())
    b.say(Gone("layer:guardrails"))
    assert all(b.c.phase(f"type:{t.id}") is E for t in b.plan.types)
    b.say(Back("layer:guardrails"))
    b.wait(3600)
    assert all(b.c.phase(f"type:{t.id}") is E for t in b.plan.types)


def test_a_type_that_falls_while_a_layer_is_gone_gets_the_floor_of_its_phase() -> None:
    b = Bench()
    b.say(Gone("layer:human"))
    assert b.phases["type:payment"] == A
    b.wait(1)
    outage(b, PAYMENT, 5)
    assert b.moves("type:payment")[-1][0] == C


def test_after_the_days_heals_a_person_is_called() -> None:
    b = Bench()
    for _ in range(4):
        outage(b, PAYMENT, 3)
        b.wait(25 * 60)
    assert b.moves("type:payment")[-1] == (C, 1000, "heals-spent")
    assert any(c.scope == "type:payment" and c.why == "heals-spent" for c in b.kinds(Call))


def test_a_stopped_orchestrator_leaves_its_cluster_watched_and_unknowing() -> None:
    b = Bench()
    b.say(Gone("orchestrator:after"))
    assert b.phases == {"cluster:after": A}
    b.say(Gone("cluster:checkout"))
    assert [k.knows for k in b.c.knowledge()] == [False]


THINGS = [
    "cluster:one", "cluster:two", "orchestrator:three", "layer:judge", "layer:human", "layer:guardrails",
]  # fmt: skip


class Everything(RuleBasedStateMachine):
    """Any signals in any order: the laws of the whole."""

    def __init__(self) -> None:
        super().__init__()
        types = (
            agent("a", "one", "critical", backup_provider="spare"),
            agent("b", "one", "high", decided_by="person"),
            agent("c", "two"),
            agent("d", "three"),
        )
        deps = (
            Dependency(consumer="two", producer="one", on_contingency="cascade", policy="assess"),
            Dependency(consumer="three", producer="two", on_contingency="cascade", stale_minutes_max=5),
            Dependency(consumer="one", producer="three", on_emergency="cascade"),
        )
        self.b = Bench(plan(types, deps), sessions=30)
        self.full: dict[str, Phase] = {}
        self.risen: dict[str, int] = {}
        self.last: dict[str, int] = {}
        self.seen = 0

    @rule(kind=st.integers(0, 3), first=st.integers(1, 20), many=st.integers(1, 12), ok=st.booleans())
    def outcomes(self, kind: int, first: int, many: int, ok: bool) -> None:
        for session in range(first, first + many):
            self.b.outcome(session, kind, ok=ok)

    @rule(seconds=st.sampled_from([1, 10, 40, 130, 400]))
    def time_passes(self, seconds: int) -> None:
        self.b.wait(seconds)

    @rule(what=st.sampled_from(THINGS), gone=st.booleans())
    def gone(self, what: str, gone: bool) -> None:
        self.b.say(Gone(what) if gone else Back(what))

    @rule(
        scope=st.sampled_from(["type:a", "type:b", "cluster:one", "cluster:two", "system"]),
        what=st.sampled_from(["down", "stop", "up", "release"]),
        role=st.sampled_from(["operator", "incident commander"]),
    )
    def order(self, scope: str, what: str, role: str) -> None:
        self.b.order(scope, what, role)

    @rule(scope=st.sampled_from(["type:a", "type:b", "cluster:one"]), granted=st.booleans())
    def answer(self, scope: str, granted: bool) -> None:
        self.b.answer(scope, granted, "operator")

    @rule(scope=st.sampled_from(["type:a", "cluster:one", "system"]), score=st.integers(0, 100))
    def scored(self, scope: str, score: int) -> None:
        self.b.say(Scored(scope, score, self.b.now))

    @rule(number=st.integers(1, 40), choice=st.sampled_from(["continue", "stale", "fallback", "cascade"]))
    def assessed(self, number: int, choice: str) -> None:
        self.b.say(Assessed("two", number, choice))

    @invariant()
    def laws(self) -> None:
        for at, effect in self.b.effects[self.seen :]:
            if isinstance(effect, Move):
                self._law(at, effect)
        self.seen = len(self.b.effects)
        c = self.b.c
        for scope in (*c.types, *c.clusters, c.system):
            assert self.full.get(scope.name, P) is scope.shown, scope.name
            assert scope.shown >= scope.machine.phase
            assert (scope.ramp is None) == (scope.rise is None)
        assert c.board.returning == sum(s.ramp is not None for s in (*c.types, *c.clusters, c.system))
        assert [s.shown for s in c.clusters] == c.cascade.phases

    def _law(self, at: int, move: Move) -> None:
        before = self.full.get(move.scope, P)
        if before is E and move.phase < E:
            assert move.by == "incident commander", "only people leave Emergency"
        if move.scope.startswith("cluster:") and move.phase < before:
            self._after_its_producers(move)
        if move.share_milli < 1000:
            assert move.phase < before, "a ramp only leads up"
            return
        self.full[move.scope] = move.phase
        if move.phase < before and not move.by and not move.scope.startswith("instance:"):
            assert at - self.last.get(move.scope, -(10**18)) >= 2 * MINUTE, "not before the dwell"
        if move.phase != before:
            self.last[move.scope] = at

    def _after_its_producers(self, move: Move) -> None:
        """`three` depends on `two`, `two` on `one`; that of `one` on `three` closes a circle."""
        one, two = self.full.get("cluster:one", P), self.full.get("cluster:two", P)
        if move.scope == "cluster:two" and one >= C:
            assert move.phase >= A, "whatever its orchestrator chose"
        if move.scope == "cluster:three" and two >= C:
            assert move.phase >= C


TestEverything = Everything.TestCase
TestEverything.settings = settings(stateful_step_count=40)
