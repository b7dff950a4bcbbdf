"""What counts as a change between two runs, and what as a change for the worse."""

import io

import pytest
from msgspec.structs import replace
from rich.console import Console

from maso.report.stress.changes import comparison_data, comparison_markdown, verdict
from maso.report.stress.compare import compare
from maso.report.stress.terminal import comparison_terminal
from tests.stress.sample_findings import (
    NO_BREAK,
    Machine,
    audit_before,
    breaks,
    delegation,
    rate_quantity,
    sample,
    scaling,
)


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
    said = [(change.kind, change.before, change.after, change.turn) for change in found.changes]
    assert said == [
        ("reaches target", "yes", "no", "worse"),
        ("verdict", "holds as declared", "needs adapting", "worse"),
    ]
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
    scan = replace(base.dimensions[1].quantities[0], reaches_target=False)
    missed = replace(base.dimensions[1], quantities=(scan,))
    worse = replace(
        base,
        dimensions=(base.dimensions[0], missed, base.dimensions[2]),
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
    # By the same quantities it counts, where a count explains it.
    held = with_quantity(reaches_target=True)
    held = replace(held, controls=(replace(earlier, quantities=base.controls[0].quantities),))
    verdicts = [c for c in compare(held, base).changes if c.kind == "verdict"]
    assert [(c.before, c.after, c.turn) for c in verdicts] == [("holds", "needs adapting", "worse")]


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
    assert "100 to 110 agents" in console.file.getvalue()  # type: ignore[attr-defined]
    assert "| **worse** | breakpoint |" in comparison_markdown(found)
    data = comparison_data(found)
    assert data["regressed"] is True
    assert data["changes"][0]["where"] == "delegation/audit_hours"


def noisy(mark, *, second):
    """The same fleet run once or again: CPU time, or a few seeds, moved class, ranges and what follows."""
    found = replace(
        rate_quantity(), mark=mark, reaches_target=None,
        scaling=scaling("linear", 1.0, lambda n: n) if not second else scaling("quadratic", 2.0, lambda n: n),
        breakpoint=breaks(144, 158) if not second else breaks(90, 101),
    )  # fmt: skip
    usual = replace(found, reaches_target=False if second else None)
    held = replace(found, id="held", reaches_target=True, breakpoint=breaks(900, 1000 if second else 950))
    standard = replace(held, reaches_target=not second)
    dimension = replace(
        delegation(), quantities=(found, held), standard_quantities=(usual, standard), adaptations=()
    )
    control = replace(
        sample().controls[0],
        verdict="adapts" if second else "holds",
        quantities=("delegation/delegations_per_minute", "delegation/held"),
    )
    return sample(dimensions=(dimension,), controls=(control,))


@pytest.mark.parametrize("mark", ["measured", "simulated"])
def test_an_unchanged_fleet_run_twice_never_regresses(mark):
    first, again = noisy(mark, second=False), noisy(mark, second=True)
    for old, new in ((first, again), (again, first)):
        found = compare(old, new)
        assert {change.kind for change in found.changes} == {"scaling class", "breakpoint", "verdict"}
        assert {change.turn for change in found.changes} == {"other"}
        assert all(change.note for change in found.changes)
        assert not found.regressed


@pytest.mark.parametrize("mark", ["measured", "simulated"])
def test_what_is_never_the_same_twice_regresses_where_the_target_is_lost(mark):
    held = {"exact": False, "mark": mark, "reaches_target": True, "breakpoint": breaks(410, 450)}
    lost = {**held, "reaches_target": False, "breakpoint": breaks(100, 110)}
    found = compare(with_quantity(**held), with_quantity(**lost))
    assert [c.kind for c in found.changes if c.turn == "worse"] == ["reaches target", "verdict"]
    assert not compare(with_quantity(**lost), with_quantity(**held)).regressed
    assert not compare(with_quantity(**held), with_quantity(**{**lost, "reaches_target": None})).regressed


def test_counts_and_what_is_declared_come_out_the_same_and_so_count_as_they_are():
    for same in ({"exact": True, "mark": "simulated"}, {"exact": False, "mark": "declared"}):
        old, new = with_quantity(**same), with_quantity(**same, breakpoint=breaks(100, 110))
        assert only(compare(old, new)).turn == "worse"


@pytest.mark.parametrize("width", [80, 100, 120])
def test_names_in_the_table_of_changes_are_cut_after_hyphens_and_slashes_only(width):
    where = "data-boundaries/barrier_audit_hours"
    change = only(compare(with_quantity(), with_quantity(breakpoint=breaks(100, 110))))
    found = replace(compare(sample(), sample()), changes=(replace(change, where=where),))
    console = Console(width=width, file=io.StringIO())
    console.print(*comparison_terminal(found), sep="\n")
    words = console.file.getvalue().split()  # type: ignore[attr-defined]
    assert (
        "barrier_audit_hours]" in words or f"[{where}]" in words or "boundaries/barrier_audit_hours]" in words
    )
