"""How figures and ranges are written, and which quantity stands where."""

import csv
import io
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from maso.findings import BreakpointFinding
from maso.report.stress import words
from maso.report.stress.board import (
    board,
    copies_note,
    declare_words,
    held_by,
    missing_keys,
    path_words,
    state,
)
from maso.report.stress.junit import junit
from maso.report.stress.markdown import markdown
from maso.report.stress.page import page
from maso.report.stress.standing import below_target, budgeted, inferred, shown_control, shown_row, standings
from maso.report.stress.tables_csv import breakpoints_csv
from tests.stress.sample_findings import (
    NO_BREAK,
    TARGET,
    audit_after,
    audit_before,
    breaks,
    delegation,
    rate_quantity,
    sample,
    scaling,
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
    es = ("buses", "identities", "losses", "boxes", "matches", "cases", "caches", "uses", "databases")
    assert [words.singular(unit) for unit in es] == [
        "bus", "identity", "loss", "box", "match", "case", "cache", "use", "database",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("candidates", "said"),
    [
        ((), "not resolved"), (("linear",), "probably linear"),
        (("constant", "linearithmic"), "unresolved: constant or n log n"),
        (("constant", "logarithmic", "linear"), "unresolved: constant, logarithmic or linear"),
        (("constant", "logarithmic", "linear", "quadratic"), "not resolved"),
    ],
)  # fmt: skip
def test_what_the_points_leave_open_is_named_while_it_says_something(candidates, said):
    left = scaling("unresolved", 0.2, lambda size: 12.0, candidates=candidates)
    assert words.class_words(left) == said
    assert words.growth_words(replace(audit_before(), scaling=left)) == said


def test_one_size_has_no_growth():
    once = replace(audit_before(), points=audit_before().points[-1:], scaling=None)
    assert words.growth_words(once) == "run at one size"
    assert words.growth_words(replace(audit_before(), scaling=None)) == "-"


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
    assert state(standing) == "reaches"
    made = board(findings)
    assert made.breaks == []
    assert (made.verdict, made.verdict_words) == (
        "in_force",
        "holds as declared, where the standard controls would not",
    )
    assert made.first.startswith("Nothing breaks below the target. Under the standard controls, first: Hours")


@pytest.mark.parametrize("reached", [True, False, None])
@pytest.mark.parametrize(
    "found", [breaks(100, 399), breaks(400, 500), NO_BREAK, None, breaks(5, 9, "unresolved")]
)
def test_the_findings_own_word_on_the_target_is_the_only_one(found, reached):
    """Whatever the range looks like: a format with an opinion of its own would contradict another."""
    quantity = replace(audit_before(), breakpoint=found, reaches_target=reached)
    bare = replace(delegation(), quantities=(quantity,), adaptations=(), recommended=())
    findings = sample(dimensions=(bare,))
    said = {True: "yes", False: "no", None: ""}[reached]
    assert {row["reaches_target"] for row in csv.DictReader(io.StringIO(breakpoints_csv(findings)))} == {said}
    case = next(ElementTree.fromstring(junit(findings)).iter("testcase"))
    outcome = {True: "properties", False: "failure", None: "skipped"}[reached]
    assert [child.tag for child in case][-1] == outcome
    tag = {True: "✓ reaches the target", False: "✕ misses the target", None: "? open"}[reached]
    assert tag in page(findings)
    cell = {True: "holds", False: "misses", None: "open"}[reached]
    assert f"| {cell} |" in markdown(findings)
    assert board(findings).verdict == {True: "holds", False: "breaks", None: "not_measured"}[reached]


def test_the_gate_refuses_only_ranges_that_lie_below_the_target_as_a_whole():
    assert [s.now.id for s in below_target(sample())] == ["audit_hours", "delegations_per_minute"]
    touching = replace(rate_quantity(), breakpoint=breaks(390, 410), reaches_target=None)
    findings = sample(dimensions=(replace(delegation(), quantities=(touching,), adaptations=()),))
    assert below_target(findings) == []
    assert state(budgeted(standings(findings), TARGET)[0]) == "open"
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


def test_an_adaptation_in_force_and_one_that_is_needed_are_two_things():
    needed = sample()
    held = replace(delegation(), quantities=(audit_after(),), standard_quantities=(audit_before(),))
    in_force = sample(dimensions=(held,))
    control = needed.controls[0]
    row = held.controls[0]
    for findings, said in ((needed, "adapts"), (in_force, "in_force")):
        found = standings(findings)
        assert shown_control(control, found) == said
        assert shown_row(row, findings.dimensions[0], found) == said
    assert len(set(words.VERDICTS.values())) == len(set(words.VERDICT_SIGNS.values())) == len(words.VERDICTS)
    for findings, said, other in (
        (needed, "↻</span> needs adapting", "⊕</span> holds as declared"),
        (in_force, "⊕</span> holds as declared", "↻</span> needs adapting"),
    ):
        shown = page(findings)
        assert said in shown
        assert other not in shown
    assert "| holds as declared |" in markdown(in_force)
    assert "| needs adapting |" in markdown(needed)
    assert "once adapted" not in page(needed) + page(in_force) + markdown(needed) + markdown(in_force)


def test_what_holds_as_declared_is_not_said_to_need_anything():
    clusters = replace(delegation().adaptations[0], in_force=True)
    held = replace(
        delegation(), quantities=(audit_after(),), standard_quantities=(audit_before(),),
        adaptations=(clusters, replace(clusters, id="other", quantities_after=())),
    )  # fmt: skip
    findings = sample(dimensions=(held,), controls=sample().controls[:1])
    assert [a.adaptation.id for a in held_by(findings, findings.controls[0])] == ["cluster-based"]
    shown = page(findings)
    assert 'data-label="what holds it"><a href="#adaptation-delegation-cluster-based">' in shown
    assert "what it needs" not in shown


def test_missing_declarations_are_named_those_that_answer_most_first():
    keys = ("a", "b", "c", "d", "e", "f", "b")
    answers = tuple(replace(sample().answers[1], question=f"Q{n}", key=key) for n, key in enumerate(keys))
    found = sample(answers=answers)
    assert missing_keys(found) == ["b", "a", "c", "d", "e", "f", "target.blast_radius_share_max"]
    assert declare_words(missing_keys(found)) == "declare `b`, `a`, `c`, `d`, `e` and 2 more"
    assert declare_words(["a"]) == "declare `a`"
    assert declare_words([]) == ""


def attacks(*paths):
    return board(sample(attack_paths=paths)).attacks


def test_the_verdict_names_the_path_that_got_through():
    stopped, through = sample().attack_paths
    assert (
        attacks(stopped, through)
        == "1 of 2 attack paths that were tried succeeded: ask > get (reaches: a tool)."
    )
    assert attacks(through, through) == (
        "2 of 2 attack paths that were tried succeeded, first: ask > get (reaches: a tool)."
    )
    assert attacks(stopped) == "The one attack path that was tried was stopped."
    assert attacks(stopped, stopped) == "None of 2 attack paths that were tried succeeded."
    assert attacks() == ""
    long = replace(through, steps=tuple("abcdefg"))
    assert path_words(long) == "a > b > 4 more steps > g (reaches: a tool)"


def test_a_path_that_was_not_tried_is_not_counted_as_tried():
    stopped, through = sample().attack_paths
    untried = replace(through, outcome="possible")
    empty = replace(through, steps=())
    assert attacks(stopped, untried, empty) == (
        "The one attack path that was tried was stopped. 2 more could not be tried."
    )
    assert attacks(untried) == "1 attack path could not be tried."
    shown = sample(attack_paths=(empty,))
    assert "? possible, not tried" in page(shown)
    assert "possible, not tried" in markdown(shown)


def test_sizes_that_are_copies_say_so_wherever_breakpoints_are_read():
    note = "the file has no `growth`: a sample grown by copies"
    assert copies_note(sample()) == ""
    found = sample(not_checked=(note, "another"))
    assert copies_note(found) == note
    section = page(found).split('<section id="breakpoints">')[1]
    assert section.index("a sample grown by copies") < section.index("<table")
    part = markdown(found).split("## Breakpoints")[1]
    assert part.index("a sample grown by copies") < part.index("| quantity |")


def test_what_may_not_be_chosen_is_worded_alike_everywhere():
    decision = replace(sample().decisions[0], id="declared-labels")
    found = sample(decisions=(decision,))
    said = "easured to compare: may not be chosen here because labels only rise"
    for source in (page(found), markdown(found)):
        assert source.count(said) == 2  # with the adaptation and with the decision
        assert "(measured to compare)" in source or ">measured to compare<" in source
    assert "May not be chosen" not in page(found)
