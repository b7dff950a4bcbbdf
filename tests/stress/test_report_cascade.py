"""The picture of clusters: everything is in it, once, inside its frame, and what it says is text."""

import re
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from maso.findings import DimensionFinding, ListFinding
from maso.report.stress.cascade import CLUSTERS_MAX, drawing, worst
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


ROWS = [
    ("data", "emergency", "desk alternate, <b> emergency", "desk contingency, <b> emergency"),
    ("data", "alternate", "desk alternate, <b> alternate, till alternate", "the same"),
]


def test_the_worst_row_is_the_first_whatever_others_move():
    found = worst(listed("cascade", ROWS))
    assert found == ("data", "emergency", {"desk": "Alternate → Contingency", "<b>": "Emergency"})
    assert worst(listed("cascade", ROWS[1:])).taken == dict.fromkeys(["desk", "<b>", "till"], "Alternate")
    assert worst(listed("cascade", [("data", "alternate", "none", "the same")])) == ("", "", {})
    assert worst(listed("cascade", [])) == ("", "", {})


def test_clusters_edges_and_the_worst_cascade_are_drawn():
    page = Page(str(drawing(dimension([("data", "desk"), ("data", "<b>"), ("desk", "till")], ROWS))))
    assert not page.faults
    assert len(edges_of(page)) == 3
    assert len([r for r in page.all("rect") if r["class"] == "c1 range"]) == 2
    assert len([r for r in page.all("rect") if r["class"] == "budget"]) == 1
    assert len([edge for edge in edges_of(page) if edge["class"] == "edge budget"]) == 2
    assert "data in Emergency takes 2 clusters along" in page.text
    assert "desk Alternate → Contingency" in page.text
    assert "<b>" in page.text


def edges_of(page):
    return [path for path in page.all("path") if path["class"].startswith("edge")]


def points_of(edge):
    return [tuple(map(float, point.split())) for point in edge["d"][1:].split("L")]


def boxes_of(page):
    boxes = [r for r in page.all("rect") if r["class"] == "o axis"]
    return [tuple(float(box[key]) for key in ("x", "y", "width", "height")) for box in boxes]


def crosses(line, box):
    """Whether a segment passes through the inside of a box, looked at closely enough."""
    (x1, y1), (x2, y2) = line
    left, top, width, height = box
    return any(
        left + 1 < x1 + (x2 - x1) * i / 200 < left + width - 1
        and top + 1 < y1 + (y2 - y1) * i / 200 < top + height - 1
        for i in range(201)
    )


def test_nothing_is_drawn_of_nothing_or_of_too_much():
    assert not drawing(dimension([]))
    many = [(f"c{i}", f"c{i + 1}") for i in range(CLUSTERS_MAX)]
    assert not drawing(dimension(many))


@given(st.lists(st.tuples(st.integers(0, 11), st.integers(0, 11)), min_size=1, max_size=30))
def test_any_graph_circles_included_is_drawn_inside_its_frame_and_behind_no_box(pairs):
    edges = [(f"cluster-{a}", f"cluster-{b}") for a, b in pairs if a != b]
    svg = str(drawing(dimension(edges)))
    if not edges:
        assert not svg
        return
    page = Page(svg)
    assert not page.faults
    names = {name for edge in edges for name in edge}
    assert len(boxes_of(page)) == len(names)
    width, height = map(float, re.search(r'viewBox="0 0 (\d+) (\d+)"', svg).groups())  # type: ignore[union-attr]
    for x, y, wide, high in boxes_of(page):
        assert 0 <= x <= width - wide
        assert 0 <= y <= height - high
    assert len(edges_of(page)) == len(set(edges))
    for edge in edges_of(page):
        points = points_of(edge)
        assert all(0 <= x <= width and 0 <= y <= height for x, y in points)
        assert not any(crosses(line, box) for line in pairwise(points) for box in boxes_of(page))


def test_the_picture_has_its_natural_size_and_a_narrow_one_fits_a_telephone():
    chain = str(drawing(dimension([("a", "b"), ("b", "c"), ("c", "a")])))
    width, drawn = re.search(r'viewBox="0 0 (\d+) \d+" width="(\d+)"', chain).groups()  # type: ignore[union-attr]
    assert width == drawn
    assert int(width) <= 340
