"""What counts as a change between two runs, and what as a change for the worse."""

import io

import pytest
from msgspec.structs import replace
from rich.console import Console

from maso.report.stress.changes import comparison_data, comparison_markdown, verdict
from maso.report.stress.compare import compare
from maso.report.stress.terminal import comparison_terminal
from tests.stress.sample_findings import NO_BREAK, Machine, audit_before, breaks, delegation, sample, scaling


def with_quantity(**changed):
    """The sample with its first quantity, a count, changed."""
    quantity = replace(audit_before(), **changed)
    dimension = replace(delegation(), quantities=(quantity, *delegation().quantities[1:]))
    return sample(dimensions=(dimension, *sample().dimensions[1:]))


def only(comparison):
    (change,) = comparison.changes
    return change


def test_the_same_findings_have_no_changes():
    found = compare(sample(), sample())
    assert (found.changes, found.notes, found.regressed) == ((), (), False)
    assert verdict(found) == "nothing changed that two runs of the same would not differ in"


def test_a_breakpoint_that_moved_down_is_a_regression_and_up_is_none():
    old, new = with_quantity(), with_quantity(breakpoint=breaks(100, 110))
    worse = only(compare(old, new))
    assert (worse.kind, worse.where, worse.turn) == ("breakpoint", "delegation/audit_hours", "worse")
    assert (worse.before, worse.after) == ("181 to 196 agents", "100 to 110 agents")
    assert compare(old, new).regressed
    assert only(compare(new, old)).turn == "better"
    assert not compare(new, old).regressed


@pytest.mark.parametrize("other", [breaks(190, 210), breaks(196, 300), breaks(150, 181), breaks(0, 500)])
def test_ranges_that_overlap_are_no_change(other):
    assert compare(with_quantity(), with_quantity(breakpoint=other)).changes == ()


def test_an_unresolved_range_tells_nothing():
    assert compare(with_quantity(), with_quantity(breakpoint=breaks(1, 2, "unresolved"))).changes == ()


def test_no_breakpoint_means_beyond_the_largest_run():
    none = with_quantity(breakpoint=NO_BREAK)
    assert only(compare(none, with_quantity())).turn == "worse"
    assert only(compare(with_quantity(), none)).turn == "better"
    # The other run went further: it found what this one could not.
    assert compare(none, with_quantity(breakpoint=breaks(500, 520))).changes == ()


def test_a_class_that_rose_counts_where_the_intervals_are_apart():
    lower = scaling("linear", 1.0, lambda n: n)
    found = only(compare(with_quantity(scaling=lower), with_quantity()))
    assert (found.kind, found.before, found.after, found.turn) == (
        "scaling class",
        "linear",
        "quadratic",
        "worse",
    )
    assert only(compare(with_quantity(), with_quantity(scaling=lower))).turn == "better"


def test_a_class_that_may_be_noise_is_told_and_does_not_count():
    near = scaling("linearithmic", 1.97, lambda n: n)
    found = compare(with_quantity(scaling=near), with_quantity())
    assert only(found).turn == "other"
    assert "may be noise" in only(found).note
    assert not found.regressed
    unresolved = scaling("unresolved", 1.0, lambda n: n)
    assert compare(with_quantity(scaling=unresolved), with_quantity()).changes == ()


def test_measured_times_of_another_machine_do_not_count_and_counts_do():
    elsewhere = Machine(cpu="another", cores=8, memory_gb=8.0, system="Linux", python="3.11")
    slow = replace(with_quantity(exact=False, breakpoint=breaks(100, 110)), machine=elsewhere)
    found = compare(with_quantity(exact=False), slow)
    assert not found.regressed
    assert only(found).note == "measured on another machine"
    assert found.notes == ("another machine: changes of measured times are told and do not count",)
    counted = replace(with_quantity(breakpoint=breaks(100, 110)), machine=elsewhere)
    assert compare(with_quantity(), counted).regressed


def test_what_no_longer_reaches_the_target_is_a_regression():
    found = compare(with_quantity(reaches_target=True), with_quantity(reaches_target=False))
    assert (only(found).kind, only(found).before, only(found).after) == ("reaches target", "yes", "no")
    assert found.regressed
    assert not compare(with_quantity(reaches_target=True), with_quantity(reaches_target=None)).regressed


def test_what_is_gone_may_hide_a_regression():
    fewer = sample(
        dimensions=(replace(delegation(), quantities=delegation().quantities[1:]), *sample().dimensions[1:])
    )
    assert only(compare(sample(), fewer)).after == "gone"
    assert compare(sample(), fewer).regressed
    assert only(compare(fewer, sample())).after == "new"
    assert not compare(fewer, sample()).regressed
    none = sample(dimensions=sample().dimensions[1:])
    assert not compare(sample(), none).regressed  # not asked for
    assert compare(sample(), none).notes == ("not part of this run, so nothing is said about it: delegation",)
    assert not compare(none, sample()).regressed
    skipped = replace(delegation(), skipped="no delegations", quantities=())
    assert compare(sample(), sample(dimensions=(skipped, *sample().dimensions[1:]))).regressed


def with_list(rows, total=None):
    found = replace(delegation().lists[0], rows=rows, total=len(rows) if total is None else total)
    return sample(dimensions=(replace(delegation(), lists=(found,)), *sample().dimensions[1:]))


def test_a_new_transitive_path_is_named():
    one, two = ("a", "settle", "b"), ("c", "settle", "d")
    found = compare(with_list((one,)), with_list((one, two)))
    assert only(found).after == "1 new: c · settle · d"
    assert found.regressed
    assert only(compare(with_list((one, two)), with_list((one,)))).turn == "better"
    assert compare(with_list((one, two)), with_list((two, one))).changes == ()


def test_rows_that_may_be_there_come_and_go():
    one, two = ("a", "settle", "b"), ("c", "settle", "d")
    lists = [
        replace(delegation().lists[0], rows=rows, total=len(rows), adverse=False)
        for rows in ((one,), (two,), (one, two))
    ]
    found = [sample(dimensions=(replace(delegation(), lists=(li,)),)) for li in lists]
    assert compare(found[0], found[1]).changes == ()
    assert (only(compare(found[0], found[2])).turn, only(compare(found[0], found[2])).after) == (
        "other",
        "2 in all",
    )


def test_of_a_list_that_was_cut_the_total_counts():
    one, two = ("a", "settle", "b"), ("c", "settle", "d")
    assert compare(with_list((one,), 300), with_list((two,), 300)).changes == ()
    assert only(compare(with_list((one,), 300), with_list((two,), 310))).after == "310 in all"


def test_verdicts_answers_and_attack_paths_that_changed():
    base = sample()
    worse = replace(
        base,
        controls=(replace(base.controls[1], verdict="breaks"),),
        answers=(replace(base.answers[0], status="missing", key="k"), *base.answers[1:]),
        attack_paths=(replace(base.attack_paths[0], outcome="succeeds"), base.attack_paths[1]),
    )
    found = {change.kind: change for change in compare(base, worse).changes}
    assert {change.turn for change in found.values()} == {"worse"}
    assert (found["verdict"].before, found["verdict"].after) == ("holds", "breaks")
    assert found["answer"].before == "measured: 11 paths"
    assert found["attack path"].after == "succeeds"
    assert not compare(worse, base).regressed
    new_path = replace(base, attack_paths=base.attack_paths[:1])
    assert compare(new_path, base).regressed  # the second one succeeds


def test_a_verdict_of_a_control_that_more_measures_now_is_told_and_does_not_count():
    base = sample()
    earlier = replace(base.controls[0], verdict="holds", quantities=base.controls[0].quantities[:1])
    found = compare(replace(base, controls=(earlier,)), replace(base, controls=base.controls[:1]))
    assert (only(found).turn, only(found).note) == ("other", "measured by more than before")
    assert compare(
        replace(base, controls=(replace(earlier, quantities=base.controls[0].quantities),)), base
    ).regressed


def test_conditions_that_differ_are_noted():
    base = sample()
    other = replace(base, quick=False, seeds=(1,), fleet=replace(base.fleet, sha256="ab" * 32, target=500))
    assert compare(base, other).notes == (
        "the fleet files differ",
        "the target was 400 agents and is 500 agents",
        "a quick run before, a full one now",
        "other seeds",
    )


def test_a_comparison_is_told_in_every_form():
    found = compare(with_quantity(), with_quantity(breakpoint=breaks(100, 110)))
    assert verdict(found) == "regressed: 1 change, 1 for the worse, 0 for the better"
    console = Console(width=120, file=io.StringIO())
    console.print(*comparison_terminal(found), sep="\n")
    assert "100 to 110 agents" in console.file.getvalue()
    assert "| **worse** | breakpoint |" in comparison_markdown(found)
    data = comparison_data(found)
    assert data["regressed"] is True
    assert data["changes"][0]["where"] == "delegation/audit_hours"
