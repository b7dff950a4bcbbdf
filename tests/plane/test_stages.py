"""Stages of a shutdown at the plane: one name a scope, regions, scopes within scopes, what was held."""

from typing import Any

import msgspec
import pytest

from maso.controls.endorse import FACTS
from maso.envelope import MessageKind
from maso.fleet.model import Fleet
from maso.plane.effects import Ask, Refuse, Staged
from maso.plane.events import Answer, CloseSession, Endorse, SetPhase, SetStage
from maso.plane.replay import rebuild, state_digest
from maso.resilience.shutdown import Stage
from tests.plane.small import SMALL, Rig, names, reasons

ORDER = {"basket": "b-1", "total": 4999}
REGIONS: dict[str, Any] = SMALL | {
    "regions": [{"id": "north"}, {"id": "south"}],
    "types": [{**kind, "region": "north" if kind["id"] == "cart" else "south"} for kind in SMALL["types"]],
}


def staged(rig: Rig, scope: str, stage: int, by: str = "") -> bool:
    return type(rig.plane.handle(SetStage(scope, stage, "test", by), rig.now)[0]) is Staged


def acts(rig: Rig, who: int) -> tuple[str, ...]:
    effects = rig.act(who, "order.create", ORDER)
    return reasons(effects) if type(effects[0]) is Refuse else names(effects)


STOPPED = ("OB-3.2/stage",)


@pytest.mark.parametrize(
    "alias", ["session:01", "session: 1", "session:+1", "session:\u0661", "system:", "type:cart:", "region:"]
)
def test_a_second_name_for_a_scope_is_refused(alias: str) -> None:
    rig = Rig()
    s = rig.session()
    assert staged(rig, "session:1", Stage.FREEZE)
    assert not staged(rig, alias, Stage.HALT)
    assert type(rig.plane.handle(SetPhase(alias, 3), rig.now)[0]) is Refuse
    assert acts(rig, s["cart"]) == STOPPED


def test_a_freeze_is_not_taken_back_under_another_name_of_the_session() -> None:
    """Found by reading: `session:01` set the gate of session 1, and one person alone may ask for a halt."""
    rig = Rig()
    s = rig.session()
    staged(rig, "session:1", Stage.TERMINATE)
    staged(rig, "session:01", Stage.HALT)
    staged(rig, "session:0001", Stage.RUN)
    assert acts(rig, s["cart"]) == STOPPED


def test_a_region_is_stopped_with_what_runs_in_it_and_nothing_else() -> None:
    rig = Rig(msgspec.convert(REGIONS, Fleet))
    s = rig.session()
    assert staged(rig, "region:north", Stage.FREEZE)
    assert not staged(rig, "region:east", Stage.FREEZE)
    assert acts(rig, s["cart"]) == STOPPED
    assert names(rig.send(s["advisor"], s["cart"], {"text": "hi"})) == ("Deliver",)
    assert type(rig.plane.handle(SetPhase("region:north", 3), rig.now)[0]) is Refuse
    rebuilt = rebuild(rig.rules, enumerate(rig.log.bodies))
    assert state_digest(rebuilt) == state_digest(rig.plane.state)
    assert staged(rig, "region:north", Stage.RUN, "ann+bob")
    assert acts(rig, s["cart"]) == ("Ask",)


@pytest.mark.parametrize("inner", ["type:cart", "cluster:main", "session:1", "region:north"])
@pytest.mark.parametrize("outer_first", [True, False])
def test_the_way_back_of_one_scope_is_none_of_another_over_the_same(inner: str, outer_first: bool) -> None:
    rig = Rig(msgspec.convert(REGIONS, Fleet))
    s = rig.session()
    order = ("system", inner) if outer_first else (inner, "system")
    for scope in order:
        assert staged(rig, scope, Stage.FREEZE)
    for scope in order:
        assert acts(rig, s["cart"]) == STOPPED
        assert staged(rig, scope, Stage.RUN, "ann+bob")
    assert acts(rig, s["cart"]) == ("Ask",)


def test_stages_of_one_scope_from_several_mouths_only_rise() -> None:
    rig = Rig()
    assert staged(rig, "system", Stage.DRAIN)
    assert staged(rig, "system", Stage.DRAIN)  # told again
    for late in (Stage.FREEZE, Stage.HALT, Stage.RUN):
        assert not staged(rig, "system", late, "ann+bob")
    for stage in (Stage.TERMINATE, Stage.RECONCILE):
        assert staged(rig, "system", stage)
        assert not staged(rig, "system", Stage.RUN, "ann+bob")


@pytest.mark.parametrize("number", [-1, 7, 99])
def test_a_stage_that_is_none_is_refused(number: int) -> None:
    assert not staged(Rig(), "system", number)


@pytest.mark.parametrize("by", ["", "ann", "ann+", "+ann", "ann+ann", "+", "++"])
def test_a_stage_is_taken_back_by_two_who_are_there(by: str) -> None:
    rig = Rig()
    staged(rig, "system", Stage.FREEZE)
    assert not staged(rig, "system", Stage.RUN, by)


@pytest.mark.parametrize("scope", ["system", "type:cart", "cluster:main", "session:1", "instance"])
@pytest.mark.parametrize("stage", [Stage.FREEZE, Stage.DRAIN, Stage.TERMINATE, Stage.SETTLED])
def test_what_is_held_is_not_committed_whoever_answers_after_the_freeze(scope: str, stage: Stage) -> None:
    rig = Rig()
    s = rig.session()
    rig.from_port("customer_chat", 1, s["cart"], {"text": "I take it"})
    (ask,) = rig.act(s["cart"], "order.create", ORDER)
    assert isinstance(ask, Ask)
    assert staged(rig, f"instance:{s['cart']}" if scope == "instance" else scope, stage)
    for kind in (1, 4):
        rig.plane.handle(Endorse(kind, 1, ask.digest, rig.now + 10**12), rig.now)
    effects = rig.plane.handle(Answer(ask.hold, FACTS, True), rig.now)
    assert not effects or reasons(effects) == STOPPED
    assert acts(rig, s["cart"]) == STOPPED


def test_in_a_freeze_only_data_goes_and_after_termination_nothing() -> None:
    rig = Rig()
    s = rig.session()
    for stage in (Stage.FREEZE, Stage.DRAIN):
        assert staged(rig, "type:advisor", stage)
        assert names(rig.send(s["advisor"], s["cart"], {"text": "hi"})) == ("Deliver",)
        for kind in (MessageKind.INSTRUCTION, MessageKind.CLAIM):
            assert reasons(rig.send(s["advisor"], s["cart"], {"text": "hi"}, kind=int(kind))) == STOPPED
    assert staged(rig, "type:advisor", Stage.TERMINATE)
    assert reasons(rig.send(s["advisor"], s["cart"], {"text": "hi"})) == STOPPED


def test_when_everything_ends_ports_end_too_and_with_a_part_they_do_not() -> None:
    rig = Rig()
    s = rig.session()
    staged(rig, "type:advisor", Stage.TERMINATE)
    assert names(rig.from_port("customer_chat", 1, s["cart"], {"text": "hi"})) == ("Deliver",)
    staged(rig, "system", Stage.DRAIN)
    assert names(rig.from_port("customer_chat", 1, s["cart"], {"text": "hi"})) == ("Deliver",)
    staged(rig, "system", Stage.TERMINATE)
    assert reasons(rig.from_port("customer_chat", 1, s["cart"], {"text": "hi"})) == STOPPED


def test_a_session_that_ended_leaves_no_gate_and_its_number_is_not_stopped_for_ever() -> None:
    rig = Rig()
    rig.session()
    staged(rig, "session:1", Stage.TERMINATE)
    rig.plane.handle(CloseSession(1), rig.now)
    assert rig.plane.state.gates == {}


def test_a_freeze_holds_for_those_too_who_are_just_coming_back_from_a_phase() -> None:
    rig = Rig()
    s = rig.session()
    rig.plane.handle(SetPhase("type:cart", 2), rig.now)
    assert rig.plane.handle(SetPhase("type:cart", 0, "recovered", "", 999), rig.now) == []
    assert acts(rig, s["cart"]) == ("Ask",)  # it is among the 99.9% that are back
    assert staged(rig, "system", Stage.FREEZE)
    assert acts(rig, s["cart"]) == STOPPED
