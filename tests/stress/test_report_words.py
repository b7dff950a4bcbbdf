"""How figures and ranges are written, and which quantity stands where."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from maso.findings import BreakpointFinding
from maso.report.stress import words
from maso.report.stress.board import board, state
from maso.report.stress.standing import below_target, budgeted, inferred, reaches, standings
from tests.stress.sample_findings import (
    NO_BREAK,
    TARGET,
    audit_after,
    audit_before,
    breaks,
    delegation,
    rate_quantity,
    sample,
)


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (0, "0"), (1, "1"), (12, "12"), (1234, "1,234"), (1234.56, "1,235"), (999.6, "1,000"), (0.5, "0.5"),
        (12.345, "12.3"), (1.234, "1.23"), (123.456, "123"), (0.012345, "0.0123"), (0.00001, "1.00e-05"),
        (-12.345, "-12.3"), (9_999_999, "9,999,999"), (12_345_678, "12.3 million"), (3.2e9, "3.2 billion"),
        (99.96, "100"), (9.996, "10"),
    ],
)  # fmt: skip
def test_figures_have_three_digits(value, said):
    assert words.figure(value) == said


@given(st.floats(-1e14, 1e14))
def test_a_figure_is_never_off_by_more_than_its_digits(value):
    said = words.figure(value)
    scale = {"million": 1e6, "billion": 1e9, "trillion": 1e12}
    number, _, word = said.replace(",", "").partition(" ")
    assert float(number) * scale.get(word, 1) == pytest.approx(value, rel=0.006)


def test_one_of_a_thing_is_not_many():
    said = [
        words.amount(1, unit) for unit in ("handoffs", "hours of churn", "ms", "µs", "loss", "per minute")
    ]
    assert said == ["1 handoff", "1 hour of churn", "1 ms", "1 µs", "1 loss", "1 per minute"]
    assert words.amount(2, "handoffs") == "2 handoffs"


def test_dollars_are_never_rounded_to_nothing():
    said = [words.dollars(v) for v in (None, 0.0, 0.004, 2.5, 1234.5, 2e7)]
    assert said == ["no price declared", "$0", "less than $0.01", "$2.50", "$1,234", "$20 million"]


def test_a_breakpoint_says_how_it_is_known():
    said = words.breakpoint_words
    assert said(breaks(310, 340), "agents") == "310 to 340 agents"
    far = breaks(1600, 1700, "extrapolated", factor=4.2)
    assert said(far, "agents") == "1,600 to 1,700 agents (extrapolated, 4.2 times the largest run)"
    assert said(NO_BREAK, "agents", 1000) == "none up to 1,000 agents"
    unresolved = BreakpointFinding(low=20, high=390, kind="unresolved", why="noise")
    assert said(unresolved, "agents") == "unresolved, somewhere at 20 to 390 agents (noise)"
    assert said(BreakpointFinding(low=None, high=None, kind="unresolved"), "agents") == "unresolved"
    # The search says 0 where the smallest run was over the budget already.
    assert said(breaks(0, 5), "agents") == "already at 5 agents, the smallest size run"
    assert said(breaks(310, 310), "agents") == "310 agents"
    # How a range was found is told with its runs.
    assert said(breaks(310, 340, why="within the budget at 310"), "agents") == "310 to 340 agents"


def test_one_size_is_no_range():
    once = replace(audit_before(), points=audit_before().points[-1:])
    assert words.breaks_words(once, "agents") == "over its budget at 400 agents, the only size run"
    held = replace(once, reaches_target=True)
    assert words.breaks_words(held, "agents") == "within its budget at 400 agents, the only size run"


def test_without_a_budget_the_key_is_named():
    bare = replace(audit_before(), budget=None, breakpoint=None, budget_key="target.audit_hours_max")
    assert words.breaks_words(bare, "agents") == "no budget: declare target.audit_hours_max"
    assert words.breaks_words(replace(bare, budget_key=""), "agents") == "no budget"


def by_id(findings):
    return {s.now.id: s for s in standings(findings)}


def test_each_quantity_stands_where_its_ranges_say():
    found = by_id(sample())
    verdicts = {name: s.verdict for name, s in found.items()}
    assert verdicts == {
        "audit_hours": "adapts",
        "delegations_per_minute": "breaks",  # what would help is forbidden
        "closure_us": "not_measured",
        "blast_radius": "not_measured",
        "scan_us": "holds",
    }
    assert found["audit_hours"].recommended == audit_after()


def test_what_is_measured_together_counts_before_single_adaptations():
    together = replace(audit_after(), reaches_target=False, breakpoint=breaks(300, 310))
    findings = sample(dimensions=(replace(delegation(), recommended_quantities=(together,)),))
    assert by_id(findings)["audit_hours"].recommended == together
    assert by_id(findings)["audit_hours"].verdict == "breaks"


def test_what_may_not_be_chosen_is_no_recommendation():
    forbidden = replace(delegation().adaptations[0], forbidden="labels only rise")
    findings = sample(dimensions=(replace(delegation(), adaptations=(forbidden,)),))
    assert by_id(findings)["audit_hours"].recommended is None


def test_as_declared_can_hold_what_the_standard_controls_do_not():
    adapted = replace(delegation(), quantities=(audit_after(),), standard_quantities=(audit_before(),))
    findings = sample(dimensions=(adapted,))
    standing = by_id(findings)["audit_hours"]
    assert (standing.usual, standing.now, standing.verdict) == (audit_before(), audit_after(), "adapts")
    assert state(standing, TARGET) == "reaches"
    made = board(findings)
    assert made.breaks == []
    assert (made.verdict, made.verdict_words) == (
        "holds",
        "holds as declared, where the standard controls would not",
    )
    assert made.first.startswith("Nothing breaks below the target. Under the standard controls, first: Hours")


@pytest.mark.parametrize(
    ("found", "reached"),
    [
        (breaks(100, 399), False), (breaks(100, 400), None), (breaks(400, 500), True),
        (breaks(399, 401), None), (NO_BREAK, None), (breaks(500, None), True), (None, None),
        (breaks(500, None, "unresolved"), True), (breaks(10, 300, "unresolved"), None),
    ],
)  # fmt: skip
def test_a_range_alone_says_whether_the_target_is_reached(found, reached):
    quantity = replace(audit_before(), breakpoint=found, reaches_target=None)
    assert reaches(quantity, TARGET) is reached


def test_the_gate_refuses_only_ranges_that_lie_below_the_target_as_a_whole():
    assert [s.now.id for s in below_target(sample())] == ["audit_hours", "delegations_per_minute"]
    touching = replace(rate_quantity(), breakpoint=breaks(390, 410), reaches_target=None)
    findings = sample(dimensions=(replace(delegation(), quantities=(touching,), adaptations=()),))
    assert below_target(findings) == []
    assert state(budgeted(standings(findings), TARGET)[0], TARGET) == "open"
    # Without a range, the value at the target decides: over an axis of its own, or at one size only.
    beyond = replace(rate_quantity(), breakpoint=None, reaches_target=False)
    findings = sample(dimensions=(replace(delegation(), quantities=(beyond,), adaptations=()),))
    assert [s.now.id for s in below_target(findings)] == ["delegations_per_minute"]


def test_what_is_over_its_budget_at_the_only_size_run_misses():
    at_once = replace(rate_quantity(), breakpoint=breaks(0, TARGET), reaches_target=False)
    findings = sample(dimensions=(replace(delegation(), quantities=(at_once,), adaptations=()),))
    assert [s.now.id for s in below_target(findings)] == ["delegations_per_minute"]
    assert board(findings).first.endswith("latency budget: already at 400 agents, the smallest size run.")


def test_a_quantity_without_a_place_to_reach_counts_for_nothing():
    nowhere = replace(rate_quantity(), axis="rules", target=None, reaches_target=None)
    findings = sample(dimensions=(replace(delegation(), quantities=(nowhere,), adaptations=()),))
    assert budgeted(standings(findings), TARGET) == []
    assert board(findings).verdict == "not_measured"


def test_a_target_beyond_the_largest_run_is_reached_by_extrapolation_only():
    short = tuple(point for point in audit_after().points if point.size < TARGET)
    beyond = replace(audit_after(), points=short)
    assert inferred(beyond, TARGET)
    assert not inferred(audit_after(), TARGET)
    # What broke before the target needs no run there.
    assert not inferred(replace(audit_before(), points=short), TARGET)
    findings = sample(dimensions=(replace(delegation(), quantities=(beyond,), adaptations=()),))
    assert "(1 extrapolated beyond the largest run)" in board(findings).headline


def test_the_board_groups_what_must_be_decided_by_who_decides():
    made = board(sample())
    assert [(who, len(d)) for who, d in made.deciders] == [
        ("the risk owner", 1),
        ("nobody: declare governance.decision_rights", 1),
    ]
    assert [s.now.id for s in made.breaks] == ["delegations_per_minute", "audit_hours"]
    assert made.verdict == "breaks"
    assert [a.adaptation.id for a in made.advice] == ["cluster-based"]


def test_a_fleet_without_budgets_neither_holds_nor_breaks():
    bare = tuple(
        replace(q, budget=None, breakpoint=None, reaches_target=None) for q in delegation().quantities
    )
    made = board(sample(dimensions=(replace(delegation(), quantities=bare),)))
    assert made.verdict == "not_measured"
    assert "nothing can be said to hold or to break: the fleet file declares no budget" in made.headline
