"""The delegation dimension: its probes drive the real controls, count rightly, and notice when they fail."""

from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from maso.contract import encode_contract
from maso.controls import contracts as contracts_module
from maso.controls.contracts import Contracts, ProofAtUse
from maso.controls.delegation import Delegated, DelegationGraph, SearchedGraph
from maso.controls.policy import Grouped, PerInstance, PointToPoint
from maso.controls.policy import delegation_policy as policy_of
from maso.fleet.graph import Graph, transitive_candidates
from maso.fleet.load import load_file
from maso.fleet.model import Fleet
from maso.fleet.resize import resize
from maso.fleet.rulebook import Rulebook
from maso.plane.events import RegisterContract
from maso.stress.dimension import Outcome, Trial, adapted
from maso.stress.dimensions.delegation import ADAPTATIONS, DIMENSION, standard
from maso.stress.probes import (
    delegation_cedar,
    delegation_cost,
    delegation_paths,
    delegation_policy,
    delegation_seen,
)
from maso.stress.probes.delegation_stage import Stage

ALL = ("per-instance", "point-to-point", "role-based", "cluster-based")
STANDARD = {"contract_verification": "every-use", "transitive_check": "per-request"}


def trial(name: str, size: int, at: int | None = None, **controls: str) -> Trial:
    return of(resize(load_file(name)[0], size), size, at, **controls)


def of(fleet: Fleet, size: int = 1, at: int | None = None, **controls: str) -> Trial:
    held = adapted(fleet, tuple(controls.items()))
    return Trial(fleet=held, size=size, at=at or size, target=size, seed=1, quick=True)


def row_fleet(**over: Any) -> Fleet:
    """A source that may not pay, a middle that may have it done, a clerk who pays; the source delegates."""
    spec: dict[str, Any] = {
        "fleet": "row",
        "kind": "breadth",
        "schemas": [{"id": "note", "fields": {"ok": {"type": "bool"}}}],
        "ports": [{"id": "bank", "source": None}],
        "actions": [
            {"id": "look", "port": "bank", "schema": "note"},
            {"id": "pay", "port": "bank", "schema": "note", "privileged": True},
        ],
        "types": [
            {"id": "source", "cluster": "x", "may_request": ["look"]},
            {"id": "middle", "cluster": "x", "actions": ["look"], "may_request": ["pay"]},
            {"id": "clerk", "cluster": "y", "actions": ["pay"], "may_request": ["look"]},
        ],
        "links": [
            {"from": "source", "to": "middle", "schema": "note", "kinds": ["delegation"]},
            {"from": "middle", "to": "clerk", "schema": "note", "kinds": ["delegation", "data"]},
        ],
        "delegations": [
            {"from": "source", "to": "middle", "actions": ["look"], "minutes_max": 10},
            {"from": "middle", "to": "clerk", "actions": ["pay", "look"], "minutes_max": 5},
        ],
    }
    return msgspec.convert({**spec, **over}, Fleet)


# Adaptations take another code path.


@pytest.mark.parametrize("name", ["fleet-100", "ecommerce-10k"])
def test_every_adaptation_makes_the_plane_of_other_parts(name: str) -> None:
    fleet = resize(load_file(name)[0], 12)
    base = dict(standard(fleet))

    def parts(settings: dict[str, str]) -> tuple[Any, ...]:
        plane = Stage(adapted(fleet, tuple(settings.items())), 1).plane
        proofs = [n for n, c in plane.steps() if isinstance(getattr(c, "__self__", None), ProofAtUse)]
        policy = plane.contracts.policy
        groups = policy._group if isinstance(policy, Grouped) else ()
        return type(policy), groups, type(plane.contracts.graph), len(proofs)

    before = parts(base)
    assert before[0] is (PerInstance if fleet.kind == "depth" else PointToPoint)
    assert before[2:] == (SearchedGraph, 1)
    seen = set()
    for adaptation in ADAPTATIONS:
        after = parts({**base, **dict(adaptation.settings)})
        already = all(base[key] == value for key, value in adaptation.settings)
        assert (after == before) is already, adaptation.id
        seen.add(after)
    assert len(seen) == len(ADAPTATIONS)
    assert parts({**base, "transitive_check": "incremental"})[2] is DelegationGraph


def test_standard_is_what_works_for_a_handful() -> None:
    assert dict(standard(resize(load_file("fleet-100")[0], 5)))["delegation_policy"] == "point-to-point"
    assert dict(standard(resize(load_file("ecommerce-10k")[0], 5)))["delegation_policy"] == "per-instance"


# Counts.


def test_rules_are_counted_from_what_is_installed() -> None:
    values = delegation_policy.count(trial("ecommerce-10k", 40, delegation_policy="per-instance")).values
    assert values["policy_rules"] == values["delegation_edges"] == 120
    assert values["policy_audit_hours"] == 2
    assert values["delegation_keys"] == 80
    wide = delegation_policy.count(trial("ecommerce-10k", 40, delegation_policy="cluster-based")).values
    assert wide["policy_rules"] == 3
    assert wide["policy_members"] == 6
    assert delegation_policy.count(trial("fleet-100", 100)).values["policy_rules"] == 66
    assert (
        delegation_policy.count(trial("fleet-100", 100, delegation_policy="role-based")).values[
            "policy_rules"
        ]
        < 14
    )


def test_hours_are_left_out_where_nobody_said_how_fast_people_read() -> None:
    assert "policy_audit_hours" not in delegation_policy.count(of(row_fleet())).values


@pytest.mark.parametrize("policy", ALL)
@pytest.mark.parametrize(("name", "size"), [("fleet-100", 40), ("ecommerce-10k", 7), ("research-5", 13)])
def test_what_wider_rules_give_away_is_what_the_policy_says_of_every_pair(
    name: str, size: int, policy: str
) -> None:
    trying = trial(name, size, delegation_policy=policy)
    rules = Rulebook(trying.fleet)
    made = policy_of(rules)
    extra = sum(
        (made.between(one, other)[0] & ~one.delegates.get(other.index, (0, 0))[0]).bit_count()
        for one in rules.types
        for other in rules.types
        if one is not other
    )
    outcome = delegation_policy.given_away(trying)
    assert outcome.values["policy_extra"] == extra
    assert outcome.values["policy_extra_across"] <= extra
    assert outcome.details["extra_total"] >= len(outcome.details["extra"])
    assert (extra == 0) or policy in ("role-based", "cluster-based")


@pytest.mark.parametrize("name", ["fleet-100", "ecommerce-10k", "research-5"])
def test_privilege_paths_are_those_of_the_declared_graph(name: str) -> None:
    trying = trial(name, 60)
    expected = {(p.source, p.action, p.path[-1]) for p in transitive_candidates(Graph(trying.fleet))}
    rules = Rulebook(trying.fleet)
    found = delegation_policy.privilege_paths(rules, delegation_policy.reach_of(trying.fleet, rules))
    named = {
        (rules.types[s].id, action, rules.types[e].id)
        for s, e, bits in found
        for action in rules.action_names(bits)
    }
    assert named == expected
    assert delegation_policy.count_paths(trying).values["privilege_paths"] == len(expected)


@pytest.mark.parametrize("policy", ALL)
@pytest.mark.parametrize(("name", "size"), [("fleet-100", 45), ("ecommerce-10k", 7), ("research-5", 13)])
def test_privilege_paths_under_any_policy_are_those_of_a_plain_walk(
    name: str, size: int, policy: str
) -> None:
    trying = trial(name, size, delegation_policy=policy)
    rules = Rulebook(trying.fleet)
    made = policy_of(rules)
    agents = [kind for kind in rules.types if not kind.is_port]
    follows = {
        one.index: [o.index for o in agents if o is not one and made.between(one, o)[0]] for one in agents
    }
    count = 0
    for one in agents:
        seen, ahead = {one.index}, [one.index]
        while ahead:
            for following in follows[ahead.pop()]:
                if following not in seen:
                    seen.add(following)
                    ahead.append(following)
        for end in sorted(seen - {one.index}):
            beyond = rules.types[end].executes & ~one.authority
            count += sum(
                1 for a in rules.actions if a and beyond & a.bit and (a.privileged or a.needs_contract)
            )
    assert delegation_policy.count_paths(trying).values["privilege_paths"] == count


def test_a_path_over_two_agents_is_found_and_stopped_and_reported() -> None:
    outcome = delegation_paths.run(of(row_fleet()))
    assert outcome.values == {"paths_open": 1.0, "paths_tried": 1.0, "paths_succeeding": 0.0}
    (row,) = outcome.details["paths"]
    assert row[:4] == ["source", "pay", "source > middle > clerk", "stopped"]
    assert row[4] == "T3-CONTRACT/not-declared, T3-CONTRACT/beyond, IA-2.3/beyond"
    assert outcome.details["reported"] == 1


@pytest.mark.parametrize("policy", ALL)
def test_no_path_succeeds_under_any_policy(policy: str) -> None:
    for name, size in (("ecommerce-10k", 3), ("fleet-100", 60)):
        outcome = delegation_paths.run(trial(name, size, delegation_policy=policy))
        assert outcome.values["paths_succeeding"] == 0.0
        assert outcome.values["paths_tried"] == len(outcome.details["paths"])
    assert delegation_paths.run(trial("ecommerce-10k", 3)).values["paths_tried"] == 4.0


def test_the_probe_sees_it_when_authority_is_not_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Delegated, "check", lambda self, m: None)
    outcome = delegation_paths.run(of(row_fleet()))
    assert outcome.values["paths_succeeding"] == 1.0
    assert outcome.details["paths"][0][3] == "succeeds"


def test_the_probe_sees_it_when_a_contract_widens_its_parent(monkeypatch: pytest.MonkeyPatch) -> None:
    """The second line of defence is left: attenuation at registration still makes the chain worthless."""
    monkeypatch.setattr(Contracts, "_chain", lambda self, contract, source, now: None)
    outcome = delegation_paths.run(of(row_fleet()))
    assert outcome.values["paths_succeeding"] == 0.0
    assert "IA-2.3/beyond" in outcome.details["stopped_by"]


# Costs.


@pytest.mark.parametrize(("mode", "proofs"), [("every-use", 3), ("cached", 0)])
def test_a_use_verifies_the_whole_chain_or_nothing(
    mode: str, proofs: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage = Stage(
        delegation_cost.line_fleet(3, adapted(row_fleet(), (("contract_verification", mode),)).controls), 1
    )
    nhi = stage.session(1, tuple(agent.id for agent in stage.fleet.types))
    bit, parent = stage.rules.action_by_id["settle"].bit, 0
    for i in range(3):
        contract = stage.signed(nhi[f"a{i}"], nhi[f"a{i + 1}"], bit, parent)
        assert stage.register(contract, stage.channel()) == ""
        parent = contract.id
    calls = []
    real = contracts_module.signature_holds
    monkeypatch.setattr(contracts_module, "signature_holds", lambda *a: calls.append(1) is None and real(*a))  # type: ignore[func-returns-value]
    message, steps = stage.authority_steps(
        stage.action_wire(nhi["a3"], stage.rules.action_by_id["settle"].number, parent)
    )
    assert [step(message) for step in steps] == [None] * len(steps)
    assert len(calls) == proofs


def test_altering_a_contract_in_memory_is_noticed_only_where_every_use_is_verified() -> None:
    for mode, missed in (("every-use", 0.0), ("cached", 4.0)):
        outcome = delegation_cost.at_depth(trial("fleet-100", 5, at=4, contract_verification=mode))
        assert outcome.values["chain_altered_unnoticed"] == missed
        assert set(outcome.values) == {"chain_altered_unnoticed", "chain_register_us", "chain_use_us"}


def test_every_cost_is_measured_on_a_fleet_with_one_delegation() -> None:
    for controls in ({}, STANDARD):
        size = delegation_cost.at_size(trial("ecommerce-10k", 3, **controls))  # type: ignore[arg-type]
        assert min(size.values[name] for name in size.values if name != "transitive_excess") > 0
        assert (size.values["transitive_excess"] > 0) is (not controls)
        use = delegation_cost.use_at_size(trial("ecommerce-10k", 3, **controls))  # type: ignore[arg-type]
        assert set(use.values) == {"contract_use_us", "delegations_per_minute"}
        edges = delegation_cost.at_edges(trial("ecommerce-10k", 3, at=100, **controls))
        assert edges.values["transitive_edges_us"] > 0


@given(st.floats(1, 1e5), st.floats(0.1, 100))
@settings(max_examples=60)
def test_what_a_core_sustains_falls_with_the_cost_and_with_the_budget(service: float, latency: float) -> None:
    sustained = delegation_cost.sustained_per_minute
    free = sustained(service, None)
    assert 0 <= sustained(service, latency) <= free == 60e6 / service
    assert sustained(service * 1.5, latency) <= sustained(service, latency)
    assert sustained(service, latency) <= sustained(service, latency * 2)
    assert sustained(latency * 1000, latency) == 0


def test_the_wait_at_the_rate_sustained_fills_the_budget() -> None:
    service, latency = 100.0, 1.0
    load = delegation_cost.sustained_per_minute(service, latency) * service / 60e6
    assert service + load * service / (2 * (1 - load)) == pytest.approx(latency * 1000)


# Cedar.


@given(st.data())
@settings(max_examples=30, deadline=None)
def test_cedar_decides_as_the_rule_table_does(data: st.DataObject) -> None:
    agents = [f"a-{i}" for i in range(4)]
    actions = ("look", "pay.now", "x_y")
    rules = data.draw(
        st.lists(
            st.tuples(
                st.sampled_from(agents),
                st.sampled_from(agents),
                st.lists(st.sampled_from(actions), min_size=1, unique=True),
                st.integers(1, 20),
            ).filter(lambda rule: rule[0] != rule[1]),
            min_size=1,
            max_size=8,
        )
    )
    base = row_fleet()
    fleet = row_fleet(
        actions=[{"id": a, "port": "bank", "schema": "note"} for a in actions],
        types=[{"id": a, "actions": list(actions)} for a in agents],
        links=[],
        delegations=[{"from": f, "to": t, "actions": list(a), "minutes_max": m} for f, t, a, m in rules],
    )
    assert base.fleet == fleet.fleet
    outcome = delegation_cedar.agrees(of(fleet))
    assert outcome.values == {"cedar_disagreements": 0.0}
    asked = delegation_cedar.questions(fleet, 1, outcome.details["asked"])
    made = delegation_cedar.compiled(delegation_cedar._merged(fleet), fleet.types)
    said = {delegation_cedar.allows(made, one) for one in asked}
    assert said == {True, False} or len(rules) == 1


def test_a_cedar_rule_names_agents_actions_and_time() -> None:
    text = delegation_cedar.policy_text(row_fleet().delegations[1])
    assert text == (
        'permit(principal == Agent::"middle", action in [Action::"pay", Action::"look"], '
        'resource == Agent::"clerk") when { context.minutes <= 5 };'
    )
    made = delegation_cedar.compiled(row_fleet().delegations, row_fleet().types)
    asked = delegation_cedar.Asked("middle", "clerk", "pay", 5)
    assert delegation_cedar.allows(made, asked)
    assert delegation_cedar.allows(made, asked, sliced=True)
    for wrong in (
        asked._replace(minutes=6),
        asked._replace(source="source"),
        asked._replace(target="middle"),
        asked._replace(action="other"),
    ):
        assert not delegation_cedar.allows(made, wrong)
        assert not delegation_cedar.allows(made, wrong, sliced=True)


def test_a_cedar_table_that_differs_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(delegation_cedar, "_merged", lambda fleet: list(fleet.delegations[:1]))
    assert delegation_cedar.agrees(of(row_fleet())).values["cedar_disagreements"] > 0


def test_cedar_is_timed_whole_and_sliced() -> None:
    values = delegation_cedar.cost(trial("fleet-100", 5, at=30)).values
    assert set(values) == {"cedar_us", "cedar_sliced_us"}
    assert min(values.values()) > 0


# What is in use.


@pytest.mark.parametrize(("name", "size"), [("ecommerce-10k", 12), ("research-5", 5)])
def test_paths_in_use_are_declared_ones_and_the_same_in_every_run(name: str, size: int) -> None:
    trying = trial(name, size)
    outcome = delegation_seen.observe(trying)
    declared = {(d.from_, d.to) for d in trying.fleet.delegations}
    pairs = {(source, target) for source, target, _ in outcome.details["pairs"]}
    assert pairs
    assert pairs <= declared
    assert outcome.values["active_paths"] == len(pairs)
    assert outcome.details["contracts"] == sum(int(n) for _, _, n in outcome.details["pairs"])
    assert outcome.details["used"] > 0
    assert delegation_seen.observe(trying) == outcome


def test_more_sessions_than_are_run_are_reckoned_from_those_that_are() -> None:
    few = delegation_seen.observe(trial("ecommerce-10k", delegation_seen.SESSIONS_MAX))
    many = delegation_seen.observe(trial("ecommerce-10k", 10 * delegation_seen.SESSIONS_MAX))
    assert many.values["observed_per_minute"] == pytest.approx(10 * few.values["observed_per_minute"])
    assert many.details["contracts"] == few.details["contracts"]


def test_a_refused_contract_is_counted_as_refused() -> None:
    stage = Stage(row_fleet(), 1)
    nhi = stage.session(1, ("source", "middle", "clerk"))
    seen = delegation_seen.Delegations(stage.plane)
    bit = stage.rules.action_by_id["pay"].bit
    for source, target in (("source", "middle"), ("middle", "clerk")):
        event = RegisterContract(9, encode_contract(stage.signed(nhi[source], nhi[target], bit)))
        seen.on_event(event, stage.now)
        seen.on_effects(event, stage.plane.handle(event, stage.now), (), stage.now)
    assert seen.refused == 1
    assert seen.pairs == {("middle", "clerk"): 1}
    assert seen.deepest == 1


# Any fleet.


@pytest.mark.parametrize("delegations", [True, False])
def test_every_probe_of_any_fleet_returns_what_it_declares(delegations: bool) -> None:
    over = {} if delegations else {"delegations": []}  # type: ignore[var-annotated]
    fleets = [row_fleet(**over), row_fleet(**over, kind="depth")]
    for fleet in fleets:
        for probe in DIMENSION.probes:
            if probe.applies(fleet):
                assert not delegations
                continue
            place = 3 if probe.axis is None else probe.axis.points(fleet, True)[0]
            outcome = probe.run(of(fleet, 3, place))
            assert isinstance(outcome, Outcome)
            assert set(outcome.values) <= {quantity.id for quantity in probe.quantities}
            msgspec.json.encode(outcome.details)


def test_a_fleet_that_cannot_walk_has_nothing_in_use() -> None:
    fleet = row_fleet(links=[], delegations=[{"from": "middle", "to": "clerk", "actions": ["pay"]}])
    assert delegation_seen.observe(of(fleet)).values == {}
