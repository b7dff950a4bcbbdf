"""Delegation policies: what a rule names, how many there are, and that no wider rule gives an action away."""

from types import SimpleNamespace
from typing import Any

import msgspec
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from maso.clock import MINUTE
from maso.controls.contracts import Contracts, ProofAtUse
from maso.controls.delegation import DelegationGraph, SearchedGraph
from maso.controls.policy import Grouped, PerInstance, PointToPoint, roles_of
from maso.controls.state import Instance, PlaneState, Session
from maso.envelope import MessageKind
from maso.fleet.grow import grow
from maso.fleet.load import load_file
from maso.fleet.model import Fleet
from maso.fleet.rulebook import Rulebook
from maso.plane.events import CloseSession, Retire
from maso.plane.replay import rebuild, state_digest
from maso.scan.signals import CLEAN
from maso.sim.checkers.no_authority import NoAuthorityFromAsking
from maso.sim.checkers.turn import Declared
from tests.plane.small import SMALL, Rig, names, reasons

POLICIES = ("per-instance", "point-to-point", "role-based", "cluster-based")
PAY = {"order": "o-1", "amount": 4999}


def _fleet(**controls: str) -> Fleet:
    return msgspec.convert({**SMALL, "controls": controls}, Fleet)


def _rig(**controls: str) -> tuple[Rig, dict[str, int]]:
    rig = Rig(_fleet(**controls))
    return rig, rig.session()


def _drawn(draw: Any) -> Fleet:
    """A small fleet of any authority, with any delegations that the loader would let through."""
    types = draw(st.integers(2, 6))
    actions = [f"a{i}" for i in range(4)]
    some = st.lists(st.sampled_from(actions), unique=True)
    agents = []
    for i in range(types):
        does = draw(some)
        asks = [a for a in draw(some) if a not in does]
        cluster = draw(st.sampled_from(["x", "y"]))
        agents.append({"id": f"t{i}", "cluster": cluster, "actions": does, "may_request": asks})
    passed = []
    for _ in range(draw(st.integers(0, 8))):
        one, other = draw(st.integers(0, types - 1)), draw(st.integers(0, types - 1))
        power = [{*agents[i]["actions"], *agents[i]["may_request"]} for i in (one, other)]
        both = sorted(power[0] & power[1])
        if both and one != other:
            chosen = draw(st.lists(st.sampled_from(both), unique=True, min_size=1))
            minutes = draw(st.integers(1, 30))
            passed.append({"from": f"t{one}", "to": f"t{other}", "actions": chosen, "minutes_max": minutes})
    return msgspec.convert(
        {
            "fleet": "drawn",
            "kind": "depth",
            "schemas": [{"id": "s", "fields": {"ok": {"type": "bool"}}}],
            "ports": [{"id": "p", "source": None}],
            "actions": [{"id": a, "port": "p", "schema": "s", "privileged": True} for a in actions],
            "types": agents,
            "links": [],
            "delegations": passed,
        },
        Fleet,
    )


def _with(fleet: Fleet, policy: str) -> tuple[Contracts, PlaneState, Rulebook]:
    controls = msgspec.structs.replace(fleet.controls, delegation_policy=policy)
    rules = Rulebook(msgspec.structs.replace(fleet, controls=controls))
    state = PlaneState(len(rules.types))
    return Contracts(rules, state, lambda _digest, _data: CLEAN), state, rules


def _instances(rules: Rulebook, each: int = 1) -> tuple[Instance, ...]:
    session = Session(1)
    made = [
        Instance(100 + kind.index * 10 + k, kind, session, k)
        for kind in rules.types
        if not kind.is_port
        for k in range(each)
    ]
    session.instances.extend(made)
    return tuple(made)


@given(st.data())
@settings(max_examples=120, deadline=None)
def test_wider_rules_permit_more_pairs_and_never_an_action_that_an_end_may_not_have_done(
    data: st.DataObject,
) -> None:
    fleet = _drawn(data.draw)
    permitted: dict[str, dict[tuple[int, int], tuple[int, int]]] = {}
    for policy in POLICIES:
        contracts, _, rules = _with(fleet, policy)
        people = _instances(rules)
        contracts.policy.admitted(people)
        held = permitted[policy] = {}
        for one in people:
            for other in people:
                if one is other:
                    continue
                bits, longest = contracts.policy.permits(one, other)
                assert bits & ~one.type.authority == 0
                assert bits & ~other.type.authority == 0
                assert contracts.policy.between(one.type, other.type) == (bits, longest)
                held[one.nhi, other.nhi] = (bits, longest)
    declared = permitted["point-to-point"]
    assert permitted["per-instance"] == declared
    for policy in ("role-based", "cluster-based"):
        for pair, (bits, longest) in declared.items():
            assert bits & ~permitted[policy][pair][0] == 0
            assert longest <= permitted[policy][pair][1] or not bits


@given(st.data())
@settings(max_examples=40, deadline=None)
def test_a_declared_contract_is_worth_the_same_under_every_policy(data: st.DataObject) -> None:
    """Registered for real, with its chain; and none gives its target what some link may not have done."""
    fleet = _drawn(data.draw)
    assume(fleet.delegations)
    steps = data.draw(st.lists(st.sampled_from(fleet.delegations), min_size=1, max_size=4))
    worth = []
    for policy in POLICIES:
        controls = msgspec.structs.replace(fleet.controls, delegation_policy=policy)
        rig = Rig(msgspec.structs.replace(fleet, controls=controls))
        s = rig.session()
        found: list[object] = []
        parent, may = 0, -1
        for step in steps:
            contract = rig.contract(
                s[step.from_], s[step.to], step.actions, parent=parent, nonce=1, not_after=rig.now + MINUTE
            )
            refused = reasons(rig.register(contract))
            found.append(refused)
            if refused:
                break
            kinds = rig.rules.type_by_id
            may &= kinds[step.from_].authority & kinds[step.to].authority
            parent = contract.id
            held = rig.plane.state.sessions[1].contracts
            assert held is not None
            found.append(held[parent].effective)
            assert held[parent].effective & ~may == 0
        worth.append(found)
    assert worth[0] == worth[1] == worth[2] == worth[3]


def test_the_fleet_says_which_policy_it_is() -> None:
    kinds = {"per-instance": PerInstance, "point-to-point": PointToPoint}
    for policy in POLICIES:
        made = _with(_fleet(), policy)[0].policy
        assert type(made) is kinds.get(policy, Grouped)


def test_rules_of_instances_come_and_go_with_them() -> None:
    rig, s = _rig(delegation_policy="per-instance")
    policy = rig.plane.contracts.policy
    assert policy.rules == 1
    other = rig.session(2)
    assert policy.rules == 2
    contract = rig.contract(s["cart"], s["payment"], ("payment.authorise",))
    assert rig.register(contract) == []
    rig.plane.handle(Retire(other["payment"]), rig.now)
    assert policy.rules == 1
    assert reasons(rig.register(rig.contract(other["cart"], s["payment"], ("payment.authorise",)))) == (
        "T3-CONTRACT/parties",
    )
    third = rig.session(3)
    assert policy.rules == 2
    rig.plane.handle(Retire(third["cart"]), rig.now)
    assert policy.rules == 1
    for number in (1, 2, 3):
        rig.plane.handle(CloseSession(number), rig.now)
    assert policy.rules == 0
    assert isinstance(policy, PerInstance)
    assert policy._table == {} or all(not row for row in policy._table.values())
    again = rig.session(4)
    assert rig.register(rig.contract(again["cart"], again["payment"], ("payment.authorise",))) == []


def test_rules_of_instances_cover_who_joins_a_session_later() -> None:
    rig = Rig(_fleet(delegation_policy="per-instance"))
    (cart,) = rig.admit(1, (("cart", 0, True),))
    assert rig.plane.contracts.policy.rules == 0
    (payment,) = rig.admit(1, (("payment", 0, True),))
    assert rig.plane.contracts.policy.rules == 1
    assert rig.register(rig.contract(cart, payment, ("payment.authorise",))) == []


def test_no_instance_has_a_rule_with_itself() -> None:
    spec = {**SMALL, "delegations": [{"from": "cart", "to": "cart", "actions": ["order.create"]}]}
    rules = Rulebook(msgspec.convert(spec, Fleet))
    policy = PerInstance()
    policy.admitted(_instances(rules, each=3))
    assert policy.rules == 6


def test_a_plane_of_any_policy_is_rebuilt_from_its_records() -> None:
    for policy in POLICIES:
        rig, s = _rig(delegation_policy=policy)
        rig.register(rig.contract(s["cart"], s["payment"], ("payment.authorise",)))
        rig.plane.handle(Retire(s["advisor"]), rig.now)
        assert state_digest(rebuild(rig.rules, enumerate(rig.log.bodies))) == state_digest(rig.plane.state)


def test_a_cluster_rule_lets_a_neighbour_delegate_what_it_may_have_done_itself() -> None:
    spec = {**SMALL, "controls": {"delegation_policy": "cluster-based"}}
    spec["types"] = [
        {**t, "may_request": ["payment.authorise"]} if t["id"] == "advisor" else t for t in SMALL["types"]
    ]
    wide = Rig(msgspec.convert(spec, Fleet))
    narrow = Rig(msgspec.convert({**spec, "controls": {}}, Fleet))
    for rig, refused in ((wide, ()), (narrow, ("T3-CONTRACT/not-declared",))):
        s = rig.session()
        contract = rig.contract(s["advisor"], s["payment"], ("payment.authorise",))
        assert reasons(rig.register(contract)) == refused
    rig, s = _rig(delegation_policy="cluster-based")  # there the advisor may not have it done itself
    contract = rig.contract(s["advisor"], s["payment"], ("payment.authorise",))
    assert reasons(rig.register(contract)) == ("T3-CONTRACT/not-declared",)


def test_roles_of_a_grown_fleet_are_its_templates_roles() -> None:
    file, _ = load_file("fleet-100")
    small, large = grow(file, 100), grow(file, 200)
    assert len(set(roles_of(small))) == len(set(roles_of(large))) < 20
    by_role: dict[str, set[str]] = {}
    for agent, role in zip(small.types, roles_of(small), strict=True):
        by_role.setdefault(role, set()).add(agent.id.rpartition(".")[2])
    assert all(len(ends) == 1 for ends in by_role.values())


def test_roles_are_mined_where_no_desk_says_them() -> None:
    fleet = _fleet()
    twin = msgspec.structs.replace(fleet.types[0], id="advisor-2")
    held = roles_of(msgspec.structs.replace(fleet, types=(*fleet.types, twin)))
    assert held[0] == held[3]
    assert len(set(held)) == 3


# The live graph, kept and searched.


@given(
    st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5), st.booleans()), max_size=40),
    st.lists(st.integers(0, 255), min_size=6, max_size=6),
)
@settings(max_examples=200)
def test_searching_finds_what_the_closure_knows(steps: list[tuple[int, int, bool]], power: list[int]) -> None:
    kept = DelegationGraph((0,) * 6, tuple(power))
    searched = SearchedGraph(tuple(power))
    live: list[tuple[int, int]] = []
    for source, target, ends in steps:
        if ends and live:
            edge = live.pop(source % len(live))
            kept.remove(*edge)
            searched.remove(*edge)
        else:
            kept.add(source, target)
            searched.add(source, target)
            live.append((source, target))
        assert kept.edges == searched.edges == len(set(live))
        for node in range(6):
            assert searched.reached(node) & ~kept.reached(node) == 0
    kept.refresh()
    assert [kept.reached(i) for i in range(6)] == [searched.reached(i) for i in range(6)]


def test_what_was_never_ended_is_found_the_same_both_ways() -> None:
    found = []
    for check in ("incremental", "per-request"):
        rig, s = _rig(transitive_check=check)
        assert type(rig.plane.contracts.graph) is (
            DelegationGraph if check == "incremental" else SearchedGraph
        )
        contract = rig.contract(s["cart"], s["payment"], ("payment.authorise",))
        rig.register(contract)
        found.append(rig.plane.contracts.transitive(contract))
    assert found[0] == found[1]
    with pytest.raises(ValueError, match="no delegation from 0 to 1"):
        SearchedGraph((1, 2)).remove(0, 1)


def test_the_chain_above_counts_in_the_order_in_which_it_is_made() -> None:
    """The first link is registered before anything lies behind it; the second tells on it all the same."""
    spec = {**SMALL}
    spec["types"] = [
        {**t, "may_request": ["catalogue.search", "ledger.close"]} if t["id"] == "payment" else t
        for t in SMALL["types"]
    ]
    spec["types"][0] = {**spec["types"][0], "may_request": ["ledger.close"]}
    spec["delegations"] = [
        {"from": "advisor", "to": "cart", "actions": ["catalogue.search", "ledger.close"]},
        {"from": "cart", "to": "payment", "actions": ["catalogue.search", "payment.authorise"]},
    ]
    for check in ("incremental", "per-request"):
        rig = Rig(msgspec.convert({**spec, "controls": {"transitive_check": check}}, Fleet))
        s = rig.session()
        first = rig.contract(s["advisor"], s["cart"], ("catalogue.search",))
        rig.register(first)
        second = rig.contract(s["cart"], s["payment"], ("catalogue.search",), parent=first.id)
        found = rig.plane.contracts.transitive(second)
        assert found is not None
        assert found.detail == "advisor through payment: payment.authorise"


# Every use.


def _paying(rig: Rig, s: dict[str, int]) -> tuple[int, tuple[str, ...]]:
    contract = rig.contract(s["cart"], s["payment"], ("payment.authorise",))
    rig.register(contract)
    return contract.id, names(rig.act(s["payment"], "payment.authorise", PAY, contract=contract.id))


def test_a_contract_changed_in_memory_is_noticed_where_every_use_is_verified() -> None:
    for mode, expected in (("cached", ()), ("every-use", ("T3-CONTRACT/signature",))):
        rig, s = _rig(contract_verification=mode)
        number, went = _paying(rig, s)
        assert went == ("Ask",)
        held = rig.plane.state.sessions[1].contracts
        assert held is not None
        held[number].contract = msgspec.structs.replace(held[number].contract, resource="order=o-1")
        again = rig.act(s["payment"], "payment.authorise", PAY, contract=number)
        assert reasons(again) == expected


def test_every_link_above_is_verified_at_use() -> None:
    spec = {**SMALL, "controls": {"contract_verification": "every-use"}}
    spec["types"] = [
        {**t, "may_request": ["payment.authorise"]} if t["id"] == "advisor" else t for t in SMALL["types"]
    ]
    first = {"from": "advisor", "to": "cart", "actions": ["payment.authorise"]}
    rig = Rig(msgspec.convert({**spec, "delegations": [first, *SMALL["delegations"]]}, Fleet))
    s = rig.session()
    upper = rig.contract(s["advisor"], s["cart"], ("payment.authorise",))
    lower = rig.contract(s["cart"], s["payment"], ("payment.authorise",), parent=upper.id)
    assert rig.register(upper) == rig.register(lower) == []
    assert names(rig.act(s["payment"], "payment.authorise", PAY, contract=lower.id)) == ("Ask",)
    held = rig.plane.state.sessions[1].contracts
    assert held is not None
    held[upper.id].contract = msgspec.structs.replace(upper, nonce=77)
    effects = rig.act(s["payment"], "payment.authorise", PAY, contract=lower.id)
    assert reasons(effects) == ("T3-CONTRACT/signature",)


def test_nothing_is_proved_again_unless_the_fleet_wants_it() -> None:
    cached, every = (_rig(contract_verification=mode)[0] for mode in ("cached", "every-use"))
    wanted = [name for name, check in every.plane.steps() if isinstance(_owner(check), ProofAtUse)]
    assert wanted == ["T3-CONTRACT"]
    assert not any(isinstance(_owner(check), ProofAtUse) for _, check in cached.plane.steps())


def _owner(check: Any) -> object:
    return getattr(check, "__self__", None)


def test_a_chain_whose_source_is_gone_from_memory_is_refused_at_use() -> None:
    rig, s = _rig(contract_verification="every-use")
    number, _ = _paying(rig, s)
    del rig.plane.state.instances[s["cart"]]
    effects = rig.act(s["payment"], "payment.authorise", PAY, contract=number)
    assert reasons(effects) == ("T3-CONTRACT/parties",)
    data = rig.send(s["payment"], s["advisor"], {"text": "done"}, kind=int(MessageKind.DATA))
    assert names(data) == ("Deliver",)


# The checker of invariant 2 knows what the rules in force name.


@pytest.mark.parametrize(
    ("policy", "worth"), [("point-to-point", set()), ("cluster-based", {"payment.authorise"})]
)
def test_the_checker_reckons_with_the_rules_in_force(policy: str, worth: set[str]) -> None:
    spec = {**SMALL, "controls": {"delegation_policy": policy}}
    spec["types"] = [
        {**t, "may_request": ["payment.authorise"]} if t["id"] == "advisor" else t for t in SMALL["types"]
    ]
    rig = Rig(msgspec.convert(spec, Fleet))
    s = rig.session()
    contract = rig.contract(s["advisor"], s["payment"], ("payment.authorise",))
    roster = SimpleNamespace(
        by_nhi={s["advisor"]: SimpleNamespace(type="advisor"), s["payment"]: SimpleNamespace(type="payment")}
    )
    checker = NoAuthorityFromAsking(Declared(rig.fleet), roster)  # type: ignore[arg-type]
    assert checker._worth((contract, frozenset({"payment.authorise", "catalogue.search"}))) == worth
    accepted = not reasons(rig.register(contract))
    assert accepted is bool(worth)
