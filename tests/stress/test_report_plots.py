"""Axes and plots for any numbers that a probe may return."""

import math
import re

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from maso.findings import BreakpointFinding, BudgetFinding, Point, QuantityFinding, ScalingFinding
from maso.report.stress import plots
from maso.report.stress.axes import TICKS_MAX, Axis, short, size_axis, value_axis
from maso.report.stress.plots import Series, plot
from tests.stress.sample_findings import audit_after, audit_before, rate_quantity

values = st.one_of(
    st.just(0.0), st.floats(1e-9, 1e12), st.integers(1, 10**9).map(float), st.floats(-1e6, -1e-3)
)
sizes = st.integers(1, 100_000)


@given(st.lists(values, min_size=1, max_size=20))
def test_a_value_axis_holds_its_values_in_order(found):
    axis = value_axis(found, 200, 20)
    places = [axis.at(value) for value in sorted(found)]
    assert all(20 <= place <= 200 for place in places)
    assert places == sorted(places, reverse=True)
    assert axis.low < axis.high


@given(st.lists(values, min_size=1, max_size=20))
def test_ticks_are_few_inside_and_apart(found):
    ticks = value_axis(found, 200, 20).ticks()
    assert len(ticks) <= TICKS_MAX + 1
    assert all(20 - 1e-6 <= at <= 200 + 1e-6 for at, _ in ticks)
    labels = [label for _, label in ticks]
    assert len(labels) == len(set(labels))


@given(st.lists(sizes, min_size=1, max_size=20))
def test_a_size_axis_keeps_a_distance_from_its_frame(found):
    axis = size_axis(found, 50, 400)
    assert all(50 < axis.at(size) < 400 for size in found)


def test_a_wide_range_is_logarithmic_and_a_narrow_one_begins_at_zero():
    assert value_axis([1, 100], 200, 20).log
    assert value_axis([0, 1, 100], 200, 20).ticks()[0][1] == "0"
    narrow = value_axis([10, 20], 200, 20)
    assert (narrow.log, narrow.low) == (False, 0.0)
    assert value_axis([-5, 100000], 200, 20).low < -5


def test_ticks_are_short():
    assert [short(v) for v in (0, 0.05, 250, 20000, 1500000, 2e-5)] == [
        "0",
        "0.05",
        "250",
        "20k",
        "1.5M",
        "2e-5",
    ]
    assert [label for _, label in Axis(0, 10, False, 0, 100).ticks()] == ["0", "2", "4", "6", "8", "10"]


budgets = st.builds(BudgetFinding, value=values, direction=st.just("max"), key=st.just("k"))


@st.composite
def quantities(draw):
    places = draw(st.lists(sizes, min_size=1, max_size=8, unique=True))
    points = tuple(Point(size=s, seed=1, value=draw(values)) for s in sorted(places))
    kind = draw(st.sampled_from(["measured", "extrapolated", "none", "unresolved"]))
    ends = sorted(draw(st.lists(st.floats(0, 1e8), min_size=2, max_size=2)))
    curve = tuple((float(p.size), draw(values)) for p in points)
    return QuantityFinding(
        id="q", title="q", unit="u", mark=draw(st.sampled_from(["measured", "simulated", "declared"])),
        axis_unit="agents", points=points, target=draw(st.none() | sizes),
        budget=draw(st.none() | budgets),
        breakpoint=BreakpointFinding(low=ends[0], high=ends[1], kind=kind),
        scaling=ScalingFinding(
            scaling_class="linear", exponent=1, low=1, high=1, expected="linear", curve=curve
        ),
    )  # fmt: skip


@given(st.lists(quantities(), min_size=1, max_size=3))
def test_any_plot_stays_inside_its_frame(found):
    drawn = plot([Series(f"s{n}", q, n) for n, q in enumerate(found)], 400, "agents")
    assert "nan" not in drawn
    assert "inf" not in drawn
    for name, limit in (("x", plots.WIDTH), ("y", plots.HEIGHT)):
        for value in re.findall(rf' (?:c?{name}\d?)="(-?[\d.]+)"', drawn):
            assert 0 <= float(value) <= limit, (name, value)
    for path in re.findall(r'class="curve[^"]*" d="([^"]*)"', drawn):
        for x, y in re.findall(r"[ML](-?[\d.]+) (-?[\d.]+)", path):
            assert 0 <= float(x) <= plots.WIDTH
            assert 0 <= float(y) <= plots.HEIGHT
    for x, width in re.findall(r'x="([\d.]+)" y="\d+" width="([\d.]+)"', drawn):
        assert float(x) + float(width) <= plots.WIDTH


def test_what_is_extrapolated_is_dashed_and_what_ran_is_not():
    measured = plot([Series("one", audit_before(), 0)], 400, "agents")
    beyond = plot([Series("one", audit_after(), 0)], 400, "agents")
    assert 'class="range c0"' in measured
    assert 'class="range c0 far"' not in measured
    assert "hatched" not in measured
    assert 'class="range c0 far"' in beyond
    assert "hatched" in beyond
    assert 'class="curve s0 far"' in beyond


def test_a_budget_and_a_target_are_named():
    drawn = plot([Series("one", rate_quantity(), 0)], 400, "agents")
    assert ">at least 600<" in drawn
    assert ">target 400<" in drawn


def test_points_of_each_mark_have_their_own_shape():
    drawn = {mark: plots.swatch(0, mark) for mark in ("measured", "simulated", "declared")}
    assert 'class="p s0"' in drawn["measured"]
    assert 'class="o s0"' in drawn["simulated"]
    assert "<circle" not in drawn["declared"]
    assert (
        len({plots.shape(style, "measured", 0, 0) for style in range(plots.SERIES_MAX)}) == plots.SERIES_MAX
    )


def test_a_bar_is_whole_only_as_far_as_it_was_run():
    after = audit_after()
    x = plots.strip_axis([after.breakpoint], [5, 400], 400)
    drawn = plots.strip([(0, after)], x, 400, "said")
    (width,) = re.findall(r'class="bar c0" x="0" width="([\d.]+)"', drawn)
    assert math.isclose(float(width), x.at(400), abs_tol=0.1)
    assert "hatched" in drawn
    ran = plots.strip([(0, replace(after, breakpoint=audit_before().breakpoint))], x, 400, "said")
    assert "hatched" not in ran


def drawn_curve(value):
    curve = tuple((float(size), value(size)) for size in range(10, 110, 4))
    points = tuple(Point(size=size, seed=1, value=value(size)) for size in (10, 106))
    scaling = ScalingFinding(
        scaling_class="linear", exponent=1, low=1, high=1, expected="linear", curve=curve
    )
    quantity = replace(
        rate_quantity(), points=points, scaling=scaling, budget=None, breakpoint=None, target=None
    )
    (path,) = re.findall(r'class="curve s0" d="([^"]*)"', plot([Series("one", quantity, 0)], 400, "agents"))
    return path


def test_a_straight_line_is_drawn_from_end_to_end_and_a_bend_is_kept():
    # Axes are logarithmic here: a power is a line.
    assert drawn_curve(lambda size: float(size**2)).count("L") == 1
    assert drawn_curve(lambda size: float(max(size**2, 50**2) * size)).count("L") == 2
    assert drawn_curve(lambda size: 100.0 + size**2).count("L") > 5
