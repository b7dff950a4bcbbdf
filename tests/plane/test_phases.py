"""PACE in the plane: the table by risk is obeyed, a person's approval is asked for, a share returns, and
nothing leaves Emergency without a person, whoever raises the event."""

from itertools import pairwise

import msgspec
import pytest

from maso.controls.endorse import FACTS, PERSON
from maso.envelope import MessageKind
from maso.evidence.records import GateRecord
from maso.fleet.model import Fleet
from maso.plane.effects import Ask, Perform, Refuse
from maso.plane.events import Answer, Retire, SetPhase
from maso.resilience.allowances import RISKS, TABLE, judge_milli
from maso.resilience.pace import Phase
from maso.resilience.ramp import place
from tests.plane.small import SMALL, Rig, names, reasons

P, A, C, E = Phase
ORDER = {"basket": "b1", "total": 100}


def rig_of(risk: str) -> Rig:
    fleet = msgspec.to_builtins(msgspec.convert(SMALL, Fleet))
    for kind in fleet["types"]:
        kind["risk"] = risk
    for action in fleet["actions"]:
        action["risk"] = "medium"
    return Rig(msgspec.convert(fleet, Fleet))


def last_gate(rig: Rig) -> GateRecord:
    return next(r for r in reversed(rig.log.records()) if isinstance(r, GateRecord))


def test_each_risk_has_a_row_for_each_phase_and_no_phase_allows_more_than_the_one_before() -> None:
    assert set(TABLE) == {(risk, phase) for risk in RISKS for phase in Phase}
    for risk in RISKS:
        rows = [TABLE[risk, phase] for phase in Phase]
        for better, worse in pairwise(rows):
            assert worse.free <= better.free
            assert worse.approved <= better.approved
            assert worse.kinds & ~better.kinds == 0
            assert worse.judge_milli >= better.judge_milli
        assert all(row.free <= row.approved for row in rows)


@pytest.mark.parametrize("phase", list(Phase))
@pytest.mark.parametrize("declared", [0, 20, 1000])
def test_no_phase_lowers_the_judge(phase: Phase, declared: int) -> None:
    for risk in RISKS:
        assert judge_milli(risk, phase, declared) >= declared
    assert judge_milli("critical", phase, declared) == 1000


@pytest.mark.parametrize(
    ("risk", "expected"),
    [("medium", "Ask"), ("high", "Ask"), ("critical", "Refuse")],
)
def test_contingency_by_the_risk_of_the_type(risk: str, expected: str) -> None:
    rig = rig_of(risk)
    s = rig.session()
    rig.plane.handle(SetPhase("type:cart", C), rig.now)
    effects = rig.act(s["cart"], "order.create", ORDER)
    assert names(effects) == (expected,)
    if expected == "Refuse":
        assert reasons(effects) == ("PACE-1/phase",)
    effects = rig.act(s["cart"], "catalogue.search", {"query": "shoes"})
    if isinstance(effects[0], Ask):  # judged by the facts
        effects = rig.plane.handle(Answer(effects[0].hold, FACTS, True), rig.now)
    assert names(effects) == ("Perform",)


def test_an_actions_own_risk_counts_where_it_is_higher() -> None:
    fleet = msgspec.to_builtins(msgspec.convert(SMALL, Fleet))
    fleet["actions"][0]["risk"] = "critical"
    fleet["actions"][0]["judge"] = 1.0
    rig = Rig(msgspec.convert(fleet, Fleet))
    s = rig.session()
    rig.plane.handle(SetPhase("type:cart", C), rig.now)
    assert reasons(rig.act(s["cart"], "order.create", ORDER)) == ("PACE-1/phase",)


def test_in_contingency_a_person_approves_after_everybody_else_and_once() -> None:
    rig = rig_of("high")
    s = rig.session()
    rig.plane.handle(SetPhase("type:cart", C), rig.now)
    (facts,) = rig.act(s["cart"], "order.create", ORDER)
    assert isinstance(facts, Ask)
    assert facts.kind == FACTS
    seen = []
    effects = rig.plane.handle(Answer(facts.hold, facts.kind, True), rig.now)
    while isinstance(effects[0], Ask):
        seen.append(effects[0].kind)
        effects = rig.plane.handle(Answer(effects[0].hold, effects[0].kind, True), rig.now)
    assert seen[-1] == PERSON
    assert isinstance(effects[0], Perform)
    again = rig.act(s["cart"], "order.create", ORDER)
    assert isinstance(again[0], Ask)


def test_an_approval_is_not_asked_for_when_the_phase_is_over_before_the_answer() -> None:
    rig = rig_of("high")
    s = rig.session()
    rig.plane.handle(SetPhase("type:cart", C), rig.now)
    effects = rig.act(s["cart"], "order.create", ORDER)
    rig.plane.handle(SetPhase("type:cart", P), rig.now)
    kinds = []
    while isinstance(effects[0], Ask):
        kinds.append(effects[0].kind)
        effects = rig.plane.handle(Answer(effects[0].hold, effects[0].kind, True), rig.now)
    assert PERSON not in kinds
    assert isinstance(effects[0], Perform)


def test_no_delegation_in_contingency_and_nothing_in_emergency() -> None:
    rig = Rig()
    s = rig.session()
    rig.plane.handle(SetPhase("type:cart", C), rig.now)
    delegation = rig.send(s["cart"], s["payment"], ORDER, kind=MessageKind.DELEGATION)
    assert reasons(delegation) == ("PACE-1/phase",)
    assert names(rig.send(s["cart"], s["advisor"], {"text": "hello there"})) == ("Deliver",)
    rig.plane.handle(SetPhase("type:cart", E), rig.now)
    assert reasons(rig.send(s["cart"], s["advisor"], {"text": "hello again"})) == ("PACE-1/phase",)


@pytest.mark.parametrize("scope", ["system", "type:cart", "cluster:main", "instance"])
@pytest.mark.parametrize("phase", [P, A, C])
def test_nothing_leaves_emergency_without_a_person(scope: str, phase: Phase) -> None:
    rig = Rig()
    s = rig.session()
    scope = f"instance:{s['cart']}" if scope == "instance" else scope
    rig.plane.handle(SetPhase(scope, E, "hostile"), rig.now)
    (refused,) = rig.plane.handle(SetPhase(scope, phase, "steady"), rig.now)
    assert isinstance(refused, Refuse)
    assert last_gate(rig).outcome == 3
    (share,) = rig.plane.handle(SetPhase(scope, phase, "steady", "", 10), rig.now)
    assert isinstance(share, Refuse)
    assert reasons(rig.act(s["cart"], "order.create", ORDER)) == ("PACE-1/phase",)
    assert rig.plane.handle(SetPhase(scope, phase, "release", "incident commander"), rig.now) == []
    record = last_gate(rig)
    assert (record.why, record.by, record.share_milli) == ("release", "incident commander", 1000)


@pytest.mark.parametrize(
    ("scope", "phase", "share"),
    [
        ("type:cart", P, 0),
        ("type:cart", P, 1001),
        ("type:cart", P, -1),
        ("type:cart", E, 10),
        ("type:cart", C, 10),
        ("session:1", P, 10),
        ("type:nobody", P, 10),
    ],
)
def test_a_share_only_returns_and_only_of_what_is_shared(scope: str, phase: Phase, share: int) -> None:
    rig = Rig()
    rig.session()
    rig.plane.handle(SetPhase("type:cart", C), rig.now)
    rig.plane.handle(SetPhase("session:1", C), rig.now)
    (refused,) = rig.plane.handle(SetPhase(scope, phase, "", "", share), rig.now)
    assert isinstance(refused, Refuse)
    assert rig.plane.state.returns == {}


def test_those_whose_turn_it_is_are_back_and_the_others_are_not() -> None:
    rig = rig_of("critical")
    sessions = {n: rig.session(n) for n in range(1, 41)}
    rig.plane.handle(SetPhase("type:cart", C), rig.now)
    key = rig.keys.record
    for share in (100, 500, 1000):
        rig.plane.handle(SetPhase("type:cart", P, "steady", "", share), rig.now)
        back = {n for n in sessions if place(key, "type:cart", n) < share}
        let = {n for n, s in sessions.items() if names(rig.act(s["cart"], "order.create", ORDER)) == ("Ask",)}
        assert let == back
    assert rig.plane.state.returns == {}
    assert rig.plane.state.type_gates[1] == 0


def test_who_is_back_in_one_scope_may_still_be_held_by_another() -> None:
    rig = rig_of("critical")
    s = rig.session(1)
    rig.plane.handle(SetPhase("type:cart", C), rig.now)
    rig.plane.handle(SetPhase("cluster:main", C), rig.now)
    rig.plane.handle(SetPhase("type:cart", P, "steady", "", 999), rig.now)
    assert place(rig.keys.record, "type:cart", 1) < 999
    assert reasons(rig.act(s["cart"], "order.create", ORDER)) == ("PACE-1/phase",)
    rig.plane.handle(SetPhase("cluster:main", P, "steady"), rig.now)
    assert names(rig.act(s["cart"], "order.create", ORDER)) == ("Ask",)


def test_an_abort_takes_everybody_back() -> None:
    rig = rig_of("critical")
    s = rig.session(1)
    rig.plane.handle(SetPhase("type:cart", C), rig.now)
    rig.plane.handle(SetPhase("type:cart", A, "steady", "", 999), rig.now)
    assert names(rig.act(s["cart"], "order.create", ORDER)) == ("Ask",)
    rig.plane.handle(SetPhase("type:cart", C, "ramp-abort"), rig.now)
    assert reasons(rig.act(s["cart"], "order.create", ORDER)) == ("PACE-1/phase",)


def test_the_gates_of_an_instance_end_with_it() -> None:
    rig = Rig()
    s = rig.session()
    rig.plane.handle(SetPhase(f"instance:{s['cart']}", E), rig.now)
    assert rig.plane.state.gates
    rig.plane.handle(Retire(s["cart"]), rig.now)
    assert rig.plane.state.gates == {}
