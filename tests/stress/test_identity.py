"""The probes of the identity dimension: what they count, that it is real, and that it can be wrong."""

from typing import Any

import msgspec
import pytest

from maso.controls.memory import Memory
from maso.controls.nhi import Admission
from maso.controls.preprovisioned import PooledAdmission
from maso.controls.tools import Tools
from maso.controls.workload_identity import PodIdentity, WorkloadIdentity
from maso.stress.dimensions.identity import DIMENSION, needed
from maso.stress.probes import (
    identity_blast,
    identity_cost,
    identity_grants,
    identity_pods,
    identity_stage,
    identity_theft,
)
from tests.stress.identity_fleets import POOLED, SESSION, changed, trial, types

BOTH = ("ecommerce-10k", "fleet-100", "research-5")


@pytest.mark.parametrize(("settings", "kind"), [(SESSION, Admission), (POOLED, PooledAdmission)])
def test_the_adaptation_builds_another_control(settings: Any, kind: type) -> None:
    stage = identity_stage.Stage(trial(settings=settings).fleet, 1)
    assert type(stage.plane._admission) is kind


# Blast radius.


@pytest.mark.parametrize("name", BOTH)
def test_a_session_credential_reaches_nothing_else(name: str) -> None:
    found = identity_blast.blast(trial(name, 5))
    assert found.values["blast_radius_share"] == 0
    assert found.values["lateral_share"] == 0
    assert found.details["sessions_tried"] == 5
    tried = {row[0]: int(row[1]) for row in found.details["attempts_by_kind"]}
    assert all(tried[kind] for kind in identity_blast.KINDS), tried


@pytest.mark.parametrize("name", BOTH)
def test_a_pooled_one_reaches_other_sessions(name: str) -> None:
    found = identity_blast.blast(trial(name, 5, POOLED))
    assert found.values["blast_radius_share"] > 0.5
    rows = {row[0]: int(row[2]) for row in found.details["attempts_by_kind"]}
    assert [kind for kind, through in rows.items() if through] == [identity_blast.AS_POOL]


def test_twice_the_same() -> None:
    for settings in (SESSION, POOLED):
        for probe in (identity_blast.blast, identity_cost.churn, identity_pods.pods, identity_grants.grants):
            first, again = (probe(trial(settings=settings, at=1)) for _ in range(2))
            assert first == again, probe


def test_the_tries_find_a_plane_that_lets_sessions_mix(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Memory, "check", lambda self, m: None)
    found = identity_blast.blast(trial())
    rows = {row[0]: int(row[2]) for row in found.details["attempts_by_kind"]}
    assert rows[identity_blast.TO_OTHERS] > 0
    assert found.values["blast_radius_share"] > 0


def test_the_tries_find_a_plane_that_does_not_ask_whose_tool_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    allowed = Tools.check

    def check(self: Tools, m: Any) -> Any:
        flows = {}
        for rules in stage_types:
            flows.update(rules.flows)
        m.sender.type.flows = flows
        return allowed(self, m)

    one = trial()
    stage_types = identity_stage.Stage(one.fleet, 1).rules.types
    monkeypatch.setattr(Tools, "check", check)
    rows = {r[0]: int(r[2]) for r in identity_blast.blast(one).details["attempts_by_kind"]}
    assert rows[identity_blast.ACTIONS] + rows[identity_blast.WAYS] > 0


def test_own_actions_are_told_apart_by_who_must_agree() -> None:
    rows = {row[0]: row[1:4] for row in identity_blast.blast(trial()).details["own"]}
    assert rows["payment"] == ["2", "0", "4"], "two checks at once, four payments under a contract"
    assert rows["cart_order"] == ["3", "5", "0"], "five with endorsements"
    by_id = identity_blast.blast(trial()).details["by_id"]
    assert ["customer_support", "customer.read"] in by_id


# What is left of ended instances.


def test_nothing_is_left_of_ended_sessions() -> None:
    found = identity_cost.churn(trial(at=3))
    assert found.details["tried_credentials"] == 360
    for name in ("left_over", "outliving_share", "stale_share"):
        assert found.values[name] == 0, name


def test_pooled_keys_outlive_their_sessions() -> None:
    found = identity_cost.churn(trial(settings=POOLED, at=3))
    assert found.values["outliving_share"] == 1
    assert found.values["stale_share"] == 1


def test_what_is_remembered_does_not_grow_with_hours() -> None:
    early, late = (identity_cost.churn(trial(at=h)).values["records_per_session"] for h in (2, 12))
    assert early == pytest.approx(late, rel=0.2)


# Costs: that they are there, and of the right configuration; how much is the benchmark's matter.


def test_costs_are_measured_for_both_kinds() -> None:
    session, pooled = (identity_cost.costs(trial(settings=s)).values for s in (SESSION, POOLED))
    declared = {q.id for q in DIMENSION.probes[0].quantities}
    assert set(session) == set(pooled) == declared
    assert session["token_us"] > 0
    assert pooled["token_us"] == 0
    assert session["rotations_per_day"] == 0
    assert pooled["rotations_per_day"] == 12 * 6 / 30
    assert all(value >= 0 for values in (session, pooled) for value in values.values())


def test_memory_is_that_of_the_instances() -> None:
    session, pooled = (identity_cost.memory(trial(size=60, settings=s)) for s in (SESSION, POOLED))
    assert session.details["alive"] == 360
    assert 200 < session.values["bytes_per_instance"] < pooled.values["bytes_per_instance"] < 2048


def test_without_a_ramp_or_rotation_nothing_is_invented() -> None:
    one = trial(settings=POOLED)
    bare = changed(
        one, identity=None, workload=msgspec.structs.replace(one.fleet.workload, ramp_minutes=None)
    )
    values = identity_cost.costs(bare).values
    assert not {"ramp_cores", "rotations_per_day", "rotation_seconds_day"} & set(values)
    assert identity_theft.theft(bare).values == {}


def test_the_rate_that_is_needed() -> None:
    fleet = trial().fleet
    budget = needed(fleet)
    assert budget is not None
    assert (budget.key, budget.value) == ("workload.ramp_minutes", 100.0), "60,000 in ten minutes"
    load = msgspec.structs.replace(fleet.workload, ramp_minutes=None)
    budget = needed(msgspec.structs.replace(fleet, workload=load))
    assert budget is not None
    assert budget.key == "workload.instances_per_day"
    assert budget.value == pytest.approx(500_000 / 86_400 * 4)


# Theft.


def test_a_stolen_session_credential_ends_with_the_session() -> None:
    values = identity_theft.theft(trial()).values
    assert 0 < values["stolen_mean_s"] < values["stolen_p95_s"] < values["stolen_max_s"] <= 30 * 60
    assert values["stolen_sessions"] == 1
    assert values == identity_theft.theft(trial()).values
    assert values != identity_theft.theft(trial(seed=2)).values


def test_a_stolen_pooled_credential_lasts_until_rotation() -> None:
    values = identity_theft.theft(trial(settings=POOLED)).values
    assert 13 * 86_400 < values["stolen_mean_s"] < 17 * 86_400
    assert values["stolen_max_s"] <= 30 * 86_400
    assert values["stolen_sessions"] > 10_000


def test_no_session_is_longer_than_its_credential() -> None:
    one = trial()
    short = changed(one, types=types(one.fleet, session_minutes_max=2))
    assert identity_theft.theft(short).values["stolen_max_s"] <= 120


# Tokens and grants.


def test_no_wrong_token_is_taken_and_every_pod_joins() -> None:
    found = identity_pods.pods(trial())
    assert set(found.values.values()) == {0}
    assert found.details["tokens_tried"] == 96
    assert all(row[3].startswith("IA-2.2/token-") for row in found.details["tokens"])


def test_the_tries_find_an_enrolment_that_takes_tokens_of_no_pod(monkeypatch: pytest.MonkeyPatch) -> None:
    def bound(self: WorkloadIdentity, claims: Any) -> PodIdentity:
        account = f"{claims.bound.namespace}/{claims.bound.serviceaccount.name}"
        return PodIdentity(self._accounts.get(account, ""), claims.bound.namespace, "", 0)

    monkeypatch.setattr(WorkloadIdentity, "_bound", bound)
    found = identity_pods.pods(trial())
    assert found.values["wrong_tokens_accepted"] > 0


def test_grants_that_no_journey_uses_are_found() -> None:
    one = trial()
    assert identity_grants.grants(one).values["unused_grants"] == 0
    greedy = tuple(
        msgspec.structs.replace(t, actions=(*t.actions, "credit.issue")) if t.id == "delivery" else t
        for t in one.fleet.types
    )
    found = identity_grants.grants(changed(one, types=greedy))
    assert found.values["unused_grants"] == 1
    assert found.details["unused"] == [["delivery", "action credit.issue"]]


def test_a_fleet_without_journeys_has_no_unused_grants_to_tell() -> None:
    values = identity_grants.grants(trial("fleet-100", 10)).values
    assert "unused_grants" not in values
    assert values["late_accepted"] == 0
