"""What is said about delegation: every figure from the view, every missing one with the key that gives it."""

from typing import Any

import msgspec
import pytest

from maso.findings import AnswerFinding, BreakpointFinding
from maso.fleet.load import load_file
from maso.fleet.model import Fleet, Prices
from maso.fleet.resize import resize
from maso.stress.dimension import Spread
from maso.stress.dimensions.delegation import DIMENSION
from maso.stress.probes import delegation_words as words

FIGURES: dict[str, float] = {
    "delegation_edges": 30_000, "policy_rules": 3, "policy_audit_hours": 0.05, "delegation_keys": 20_000,
    "active_paths": 3, "observed_per_minute": 450, "policy_lookup_us": 0.08, "contract_issue_us": 33,
    "contract_verify_us": 44, "transitive_us": 1.5, "delegation_latency_ms": 0.08, "transitive_excess": 17,
    "contract_use_us": 0.4, "delegations_per_minute": 700_000, "chain_use_us": 0.4,
    "chain_altered_unnoticed": 8, "transitive_edges_us": 1.7, "paths_open": 4, "paths_tried": 4,
    "paths_succeeding": 0, "policy_extra": 0, "policy_extra_across": 0, "cedar_us": 1000,
    "cedar_sliced_us": 50,
}  # fmt: skip
BEFORE: dict[str, float] = {
    "policy_rules": 30_000, "policy_audit_hours": 500, "transitive_edges_us": 340, "chain_use_us": 330,
    "transitive_excess": 0, "chain_altered_unnoticed": 0,
}  # fmt: skip
AT_800 = BreakpointFinding(low=800, high=801, kind="measured")
NONE = BreakpointFinding(low=None, high=None, kind="none")


class Told:
    """A view with given figures: `values` as declared, `before` under the standard controls."""

    quick = False
    unit = "sessions"
    in_force: tuple[str, ...] = ("point-to-point", "contract-cache", "incremental-closure")
    recommended: tuple[str, ...] = ()
    declared = NONE  # where an audit of the rules breaks as declared
    more: tuple[tuple[int, float], ...] = ()  # permissions beyond the declared ones, by size

    def __init__(self, fleet: Fleet, measured: bool = True, standard: BreakpointFinding = AT_800) -> None:
        self.fleet = fleet
        self.file: Any = None
        self.target = fleet.size
        self._measured = measured
        self._standard = standard

    def value(self, quantity: str, adaptations: tuple[str, ...] | None = None, at: int | None = None) -> Any:
        known = {q.id for probe in DIMENSION.probes for q in probe.quantities}
        assert quantity in known
        if not self._measured:
            return FIGURES[quantity] if quantity == "policy_rules" else None
        if adaptations == ("cluster-based",) and quantity in ("policy_extra", "paths_open"):
            return 16.0
        return BEFORE.get(quantity, FIGURES[quantity]) if adaptations == () else FIGURES[quantity]

    def spread(self, quantity: str, adaptations: tuple[str, ...] | None = None) -> Spread | None:
        return None

    def around(self, adaptation: str) -> tuple[tuple[str, ...] | None, tuple[str, ...] | None]:
        return None, (*self.in_force, adaptation)

    def points(self, quantity: str, adaptations: Any = None) -> Any:
        return self.more if quantity == "policy_extra" else ()

    def scaling(self, quantity: str, adaptations: Any = None) -> Any:
        return None

    def breaks(self, quantity: str, adaptations: tuple[str, ...] | None = None) -> Any:
        if not self._measured:
            return None
        if quantity != "policy_audit_hours":
            return NONE
        return self._standard if adaptations == () else self.declared if adaptations is None else NONE

    def detail(self, probe: str, name: str, adaptations: Any = None) -> Any:
        rows = [["cart_order", "payment.refund", "cart_order > payment", "stopped", "IA-2.3/beyond"]]
        held = {"paths": rows, "reported": 4, "minutes": 15, "refused": 0}
        return held[name] if self._measured else None

    def evidence(self, *quantities: str) -> tuple[str, ...]:
        return tuple(f"delegation/{quantity}" for quantity in quantities)


def shop(**over: Any) -> Fleet:
    return msgspec.structs.replace(resize(load_file("ecommerce-10k")[0], 10_000), **over)


def answers(view: Told) -> dict[str, AnswerFinding]:
    return {question.id: question.answer(view) for question in DIMENSION.questions}


def test_the_four_questions_are_answered_from_figures() -> None:
    told = answers(Told(shop()))
    assert list(told) == ["F2.1", "F2.2", "F2.3", "F2.4"]
    assert all(a.status == "measured" and a.evidence and a.dimension == "delegation" for a in told.values())
    assert told["F2.1"].value == 3
    assert "30,000 pairs of running instances" in told["F2.1"].text
    assert told["F2.2"].text.startswith("Yes: budget 10 ms. One delegation takes 0.08 ms")
    assert "Cedar, as a general engine, needs 1,000 µs" in told["F2.2"].text
    assert told["F2.3"].text.startswith("By a tool, at every contract: 4 paths")
    assert "0 of 4 succeeded" in told["F2.3"].text
    assert "16 paths with cluster-based rules" in told["F2.3"].text
    assert told["F2.4"].value == "800"
    assert told["F2.4"].text.startswith("Beyond 800 sessions, for an audit within 40 hours")
    assert "point-to-point or role-based or cluster-based rules the budget holds" in told["F2.4"].text


def test_too_slow_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(FIGURES, "delegation_latency_ms", 11.0)
    assert answers(Told(shop()))["F2.2"].text.startswith("No: budget 10 ms.")


def test_what_is_not_declared_is_named_by_its_key() -> None:
    fleet = shop()
    target = msgspec.structs.replace(fleet.target, delegation_latency_ms_max=None, audit_hours_max=None)
    load = msgspec.structs.replace(fleet.workload, delegations_per_minute=None)
    told = answers(Told(msgspec.structs.replace(fleet, target=target, workload=load)))
    assert (told["F2.2"].status, told["F2.2"].key) == ("missing", "target.delegation_latency_ms_max")
    assert "`workload.delegations_per_minute` declares no need" in told["F2.2"].text
    assert (told["F2.4"].status, told["F2.4"].key) == ("missing", "target.audit_hours_max")
    governance = msgspec.structs.replace(fleet.governance, audit_rules_per_hour=0.0)
    told = answers(Told(msgspec.structs.replace(fleet, governance=governance)))
    assert told["F2.4"].key == "governance.audit_rules_per_hour"


def test_a_fleet_without_delegations_is_answered_too() -> None:
    view = Told(shop(delegations=()), measured=False)
    told = answers(view)
    assert all(a.status == "measured" and "no delegation" in a.text for a in told.values())
    assert [a.value for a in told.values()] == [0.0, 0.0, 0.0, "never"]
    assert DIMENSION.decisions(view) == DIMENSION.costs(view) == DIMENSION.attack_paths(view) == ()
    assert {row.verdict for row in DIMENSION.controls(view)} == {"not_measured"}
    for adaptation in DIMENSION.adaptations:
        assert adaptation.gives_up(view, adaptation.id) == "not measured"
        adaptation.cost(view)


def test_who_decides_is_named_or_the_key_is() -> None:
    fleet = shop()
    (decision,) = DIMENSION.decisions(asked(fleet, "role-based"))
    assert decision.who == "chief risk officer"
    rights = {**fleet.governance.decision_rights, words.RIGHT: "platform lead"}
    named = msgspec.structs.replace(fleet.governance, decision_rights=rights)
    assert (
        words.who_decides(Told(msgspec.structs.replace(fleet, governance=named)), words.RIGHT)
        == "platform lead"
    )
    nobody = msgspec.structs.replace(fleet.governance, decision_rights={}, risk_owner="")
    who = words.who_decides(Told(msgspec.structs.replace(fleet, governance=nobody)), words.RIGHT)
    assert who == "nobody is named: fill in `governance.decision_rights.delegation_policy`"


def asked(
    fleet: Fleet, *recommended: str, declared: BreakpointFinding = AT_800, in_force: tuple[str, ...] = ()
) -> Told:
    view = Told(fleet)
    view.recommended, view.declared, view.in_force = recommended, declared, in_force
    return view


@pytest.mark.parametrize("name", ["point-to-point", "role-based", "cluster-based"])
def test_what_is_recommended_is_what_is_asked_for(name: str) -> None:
    """Under the adaptation's own id, so that nobody is asked twice."""
    (decision,) = DIMENSION.decisions(asked(shop(), "contract-cache", name))
    assert decision.id == name
    assert f"`controls.delegation_policy: {name}`) beyond 800 sessions" in decision.what
    assert "or declare more auditors (`governance.audit_rules_per_hour`" in decision.what
    assert "raise `target.audit_hours_max`" in decision.what
    assert decision.cost.startswith("$4 a month (one audit a month: 0.05 hours")


def test_where_nothing_is_recommended_only_a_near_limit_asks() -> None:
    far = BreakpointFinding(low=200_000, high=200_001, kind="measured")
    for declared in (far, NONE):
        assert DIMENSION.decisions(asked(shop(), declared=declared)) == ()
    near = BreakpointFinding(low=20_000, high=20_001, kind="measured")
    (decision,) = DIMENSION.decisions(asked(shop(), declared=near))
    assert decision.id == "delegation-rules"
    assert "beyond 20,000 sessions" in decision.what
    assert "instead of" not in decision.cost
    assert "write" not in decision.what  # no policy has fewer rules here than the one as declared


def test_an_adaptation_in_force_asks_for_no_other() -> None:
    assert DIMENSION.decisions(asked(shop(), in_force=("role-based",))) == ()
    assert DIMENSION.decisions(Told(shop())) == ()


def test_what_breaks_from_the_start_is_said_so() -> None:
    start = BreakpointFinding(low=0, high=1_000, kind="measured")
    (decision,) = DIMENSION.decisions(asked(shop(), "role-based", declared=start))
    assert "already at 1,000 sessions" in decision.what
    told = answers(Told(shop(), standard=start))["F2.4"]
    assert told.value == "fewer than 1,000"
    assert told.text.startswith("Already at 1,000 sessions, the smallest size that was run, for an audit")


def test_what_is_given_up_just_above_the_target_is_said() -> None:
    view = Told(shop())
    view.more = ((10_000, 0.0), (20_000, 3.0))
    assert words.policy_gives_up(view, "role-based") == (
        "nothing at the target; 3 permissions beyond the declared ones at 20,000 sessions, 0 of them across "
        "an information barrier"
    )


def test_costs_are_those_as_declared() -> None:
    (cost,) = DIMENSION.costs(Told(shop()))
    assert (cost.mark, cost.usd_month) == ("measured", 0.05 * 70)
    assert cost.basis.startswith("3 rules at 60 an hour (`governance.audit_rules_per_hour`); $70 an hour")
    assert "instead" not in cost.basis
    assert DIMENSION.right == words.RIGHT


def test_the_table_of_controls_says_what_strains_each() -> None:
    rows = {row.id: row for row in DIMENSION.controls(Told(shop()))}
    assert list(rows) == ["IA-2.3", "IA-2.1", "T3-CONTRACT", "EC-2.6"]
    assert rows["T3-CONTRACT"].verdict == "adapts"
    assert rows["IA-2.3"].verdict == "holds"
    assert rows["IA-2.3"].why == "a check at the largest graph takes 340 µs searched, 1.7 µs kept"


def test_a_path_that_succeeds_breaks_the_control(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(FIGURES, "paths_succeeding", 1.0)
    rows = {row.id: row.verdict for row in DIMENSION.controls(Told(shop()))}
    assert rows["IA-2.3"] == "breaks"


def test_what_is_given_up_is_a_figure() -> None:
    view = Told(shop())
    told = {a.id: a.gives_up(view, a.id) for a in DIMENSION.adaptations}
    assert told["point-to-point"] == "nothing: it permits what is declared, and no more"
    assert told["cluster-based"].startswith("precision: 16 (source, target, action) are permitted beyond")
    assert "8 of the links" in told["contract-cache"]
    assert "17 (agent, action)" in told["incremental-closure"]
    costs = {a.id: a.cost(view) for a in DIMENSION.adaptations}
    assert costs["contract-cache"] == (0.0, "no component, licence or machine is added")
    assert costs["role-based"][0] == 0.05 * 70
    assert "no fewer" in costs["role-based"][1]
    assert "instead of 500" in costs["point-to-point"][1]  # it is in force: beside what it is without it
    assert "`prices.person_usd_hour`" in costs["role-based"][1]
    unpriced = Told(msgspec.structs.replace(shop(), prices=Prices()))
    assert {a.id: a.cost(unpriced)[0] for a in DIMENSION.adaptations}["role-based"] is None


def test_paths_that_were_tried_become_attack_paths() -> None:
    (path,) = DIMENSION.attack_paths(Told(shop()))
    assert path.steps == ("cart_order", "payment")
    assert (path.reaches, path.outcome, path.stopped_by) == ("payment.refund", "stopped", "IA-2.3/beyond")
