"""The picture of clusters: everything is in it, once, inside its frame, and what it says is text."""

import re

from hypothesis import given
from hypothesis import strategies as st

from maso.findings import DimensionFinding, ListFinding
from maso.report.stress.cascade import CLUSTERS_MAX, WIDTH, drawing, worst
from tests.stress.reading import Page


def listed(name, rows):
    rows = tuple(tuple(row) for row in rows)
    return ListFinding(id=name, title=name, columns=("a", "b", "c"), rows=rows, total=len(rows))


def dimension(edges, cascade=()):
    return DimensionFinding(
        id="pace",
        title="PACE",
        seed_dimension=("F3",),
        about="",
        quantities=(),
        adaptations=(),
        lists=(listed("dependencies", edges), listed("cascade", cascade)),
    )


ROWS = [("data", "alternate", "none"), ("data", "emergency", "desk emergency, <b> alternate")]


def test_the_worst_row_is_the_one_that_moves_most():
    assert worst(listed("cascade", ROWS)) == ("data", "emergency", {"desk": "emergency", "<b>": "alternate"})
    assert worst(listed("cascade", ROWS[:1])) == ("", "", {})


def test_clusters_edges_and_the_worst_cascade_are_drawn():
    page = Page(str(drawing(dimension([("data", "desk"), ("data", "<b>"), ("desk", "till")], ROWS))))
    assert not page.faults
    assert len(page.all("line")) == 3
    assert len([r for r in page.all("rect") if r["class"] == "c1 range"]) == 2
    assert len([r for r in page.all("rect") if r["class"] == "budget"]) == 1
    assert len([line for line in page.all("line") if line["class"] == "budget"]) == 2
    assert "data in Emergency takes 2 clusters along" in page.text
    assert "<b>" in page.text


def test_nothing_is_drawn_of_nothing_or_of_too_much():
    assert not drawing(dimension([]))
    many = [(f"c{i}", f"c{i + 1}") for i in range(CLUSTERS_MAX)]
    assert not drawing(dimension(many))


@given(st.lists(st.tuples(st.integers(0, 11), st.integers(0, 11)), min_size=1, max_size=30))
def test_any_graph_circles_included_is_drawn_inside_its_frame(pairs):
    edges = [(f"cluster-{a}", f"cluster-{b}") for a, b in pairs]
    svg = str(drawing(dimension(edges)))
    page = Page(svg)
    assert not page.faults
    names = {name for edge in edges for name in edge}
    assert len([r for r in page.all("rect") if r["class"] == "o axis"]) == len(names)
    height = float(re.search(r'viewBox="0 0 \d+ (\d+)"', svg)[1])  # type: ignore[index]
    for rect in page.all("rect"):
        assert 0 <= float(rect["x"]) <= WIDTH - float(rect["width"])
        assert 0 <= float(rect["y"]) <= height - float(rect["height"])
