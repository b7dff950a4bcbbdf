"""Clusters and their dependencies as SVG: producers above, consumers below, what the worst one takes along.

Drawn from two lists of a dimension's findings: `dependencies` (producer, consumer, ...) and `cascade`
(cluster, phase, what it moves, what it moves later, ...), whose first row is the worst: the same row that
answers say it of. It is marked by shape and text, never by colour alone: its cause has a double border, what
it takes along is filled and says its phase, and after an arrow the one in which it ends.

A row is a step of the shortest way from a producer without producers. Edges from a row to the next are
straight. All others go through the gaps between rows and a lane beside the boxes, so none runs behind one.
The picture has its natural size, at which text is legible, and scrolls where a screen is narrower.

Not drawn: more clusters than fit legibly (`CLUSTERS_MAX`); the table is there then.
"""

from collections.abc import Callable, Iterator, Sequence
from math import hypot
from typing import Final, NamedTuple

from markupsafe import Markup, escape

from maso.findings import DimensionFinding, ListFinding

# Beyond so many boxes no picture is seen at a glance.
CLUSTERS_MAX: Final = 24
IN_A_ROW_MAX: Final = 4
_BOX_WIDTH: Final = 166
_BOX_HEIGHT: Final = 36
_COLUMN: Final = 182
_GAP: Final = 44  # between rows, where edges pass
_ROW: Final = _BOX_HEIGHT + _GAP
_MARGIN: Final = 6
_LANE: Final = 9
# Edges that pass through the same gap lie beside each other.
_SLOTS: Final = (-10, -4, 2, 8, 14)
_ASIDE: Final = 22  # of an edge that goes back up from the middle of a box, so that both are seen
_NAME_CHARS_MAX: Final = 20
LISTS: Final = ("dependencies", "cascade")
SAME: Final = "the same"  # what a row has in the place of what it moves later, where that is what it moves

Spot = tuple[float, float]


class Worst(NamedTuple):
    """The first row of the table. `taken`: the others that it moves, with their phases; empty: none."""

    cluster: str
    phase: str
    taken: dict[str, str]


class Layout(NamedTuple):
    """The middle and the row of every box, and the size of all."""

    spots: dict[str, Spot]
    rows: dict[str, int]
    boxes_width: float
    height: float


def drawing(dimension: DimensionFinding) -> Markup:
    """The picture and its words; empty where the dimension has no such lists, or too many clusters."""
    lists = {found.id: found for found in dimension.lists}
    if any(name not in lists for name in LISTS):
        return Markup("")
    edges = list(dict.fromkeys((row[0], row[1]) for row in lists["dependencies"].rows if row[0] != row[1]))
    if not edges or lists["dependencies"].total > len(lists["dependencies"].rows):
        return Markup("")
    names = tuple(dict.fromkeys(name for edge in edges for name in edge))
    if len(names) > CLUSTERS_MAX:
        return Markup("")
    layout, found = _layout(names, edges), worst(lists["cascade"])
    said = escape(_said(found, len(edges)))
    hit = {found.cluster, *found.taken}
    lanes = sum(_needs_lane(layout, a, b) for a, b in edges)
    inside = [
        *_edges(layout, edges, lambda a, b: a in hit and b in found.taken),
        *(_box(layout.spots[n], n, found) for n in names),
    ]
    width = layout.boxes_width + _LANE * lanes
    return Markup(
        f'<p>{said}</p><div class="wide" tabindex="0" role="region" aria-label="clusters">'
        f'<svg class="plot cascade" viewBox="0 0 {width:.0f} {layout.height:.0f}" width="{width:.0f}" '
        f'height="{layout.height:.0f}" role="img" aria-label="{said}">{"".join(inside)}</svg></div>'
    )


def worst(cascade: ListFinding) -> Worst:
    """The first row: the cluster, its phase, and whom it takes along, each with its phases in turn."""
    if not cascade.rows:
        return Worst("", "", {})
    cluster, phase, moves, later = cascade.rows[0][:4]
    soon = _phases(moves)
    ends = soon if later == SAME else _phases(later)
    taken = {
        name: " → ".join(dict.fromkeys(one.capitalize() for one in (soon.get(name), ends.get(name)) if one))
        for name in {**soon, **ends}
    }
    return Worst(cluster, phase, taken) if taken else Worst("", "", {})


def _phases(cell: str) -> dict[str, str]:
    """`a alternate, b emergency` as a mapping; a name may contain a space, a phase does not."""
    parts = (part.rpartition(" ") for part in cell.split(", "))
    return {name: phase for name, _, phase in parts if name}


def _said(found: Worst, edges: int) -> str:
    if not found.taken:
        return f"{edges} dependencies between clusters; no cluster takes another along"
    others = "1 cluster" if len(found.taken) == 1 else f"{len(found.taken)} clusters"
    return f"The worst: {found.cluster} in {found.phase.capitalize()} takes {others} along (filled)"


def _layout(names: Sequence[str], edges: Sequence[tuple[str, str]]) -> Layout:
    """Producers stand above their consumers, in the middle of as many columns as the widest row has."""
    lines = _lines(names, edges)
    columns = max(len(line) for line in lines)
    width = _COLUMN * columns + 2 * _MARGIN
    spots, rows = dict[str, Spot](), dict[str, int]()
    for number, line in enumerate(lines):
        left = (width - _COLUMN * len(line)) / 2
        for i, name in enumerate(line):
            spots[name] = (left + _COLUMN * (i + 0.5), _GAP / 2 + _ROW * number + _BOX_HEIGHT / 2)
            rows[name] = number
    return Layout(spots, rows, width, _ROW * len(lines) + max(_SLOTS) + 2)


def _lines(names: Sequence[str], edges: Sequence[tuple[str, str]]) -> list[list[str]]:
    """Names by row. A circle has no first one: then what stands first in the list."""
    consumers = {consumer for _, consumer in edges}
    step = dict.fromkeys([name for name in names if name not in consumers] or [names[0]], 0)
    for level in range(1, len(names) + 1):
        for producer, consumer in edges:
            if step.get(producer) == level - 1:
                step.setdefault(consumer, level)
    step |= {name: len(names) for name in names if name not in step}
    lines: list[list[str]] = []
    for level in sorted(set(step.values())):
        own = [name for name in names if step[name] == level]
        lines += [own[i : i + IN_A_ROW_MAX] for i in range(0, len(own), IN_A_ROW_MAX)]
    return lines


def _needs_lane(layout: Layout, start: str, end: str) -> bool:
    return abs(layout.rows[start] - layout.rows[end]) > 1


def _edges(
    layout: Layout, edges: Sequence[tuple[str, str]], taken: Callable[[str, str], bool]
) -> Iterator[str]:
    lane = layout.boxes_width
    for number, (start, end) in enumerate(edges):
        if _needs_lane(layout, start, end):
            lane += _LANE
        yield _edge(
            _way(layout, start, end, lane - _LANE / 2, _SLOTS[number % len(_SLOTS)]), taken(start, end)
        )


def _way(layout: Layout, start: str, end: str, lane: float, slot: float) -> list[Spot]:
    """The points of an edge, from border to border."""
    (x1, y1), (x2, y2) = layout.spots[start], layout.spots[end]
    half, rows = _BOX_HEIGHT / 2, layout.rows[end] - layout.rows[start]
    if rows == 1:
        return [(x1, y1 + half), (x2, y2 - half)]
    if rows == -1:
        return [(x1 + _ASIDE, y1 - half), (x2 + _ASIDE, y2 + half)]
    if rows == 0:  # under both
        gap = y1 + half + _GAP / 2 + slot
        return [(x1 + slot, y1 + half), (x1 + slot, gap), (x2 - slot, gap), (x2 - slot, y2 + half)]
    side = half if rows > 0 else -half
    out, back = y1 + side + (_GAP / 2) * (1 if rows > 0 else -1) + slot, y2 - side
    over = back - (_GAP / 2) * (1 if rows > 0 else -1) + slot
    x1, x2 = x1 + 2 * _ASIDE + slot, x2 + 2 * _ASIDE + slot
    return [(x1, y1 + side), (x1, out), (lane, out), (lane, over), (x2, over), (x2, back)]


def _edge(points: Sequence[Spot], taken: bool) -> str:
    """The line, with a tip at its end."""
    (x1, y1), (x2, y2) = points[-2:]
    length = max(hypot(x2 - x1, y2 - y1), 1.0)
    along, across = ((x2 - x1) / length * 7, (y2 - y1) / length * 7), 0.45
    tips = [
        (x2 - along[0] + sign * across * along[1], y2 - along[1] - sign * across * along[0])
        for sign in (1, -1)
    ]
    kind = "budget" if taken else "axis"
    line = "L".join(f"{x:.0f} {y:.0f}" for x, y in points)
    return (
        f'<path class="edge {kind}" fill="none" d="M{line}"/>'
        f'<path class="{kind}" fill="none" d="M{tips[0][0]:.1f} {tips[0][1]:.1f}L{x2:.0f} {y2:.0f}'
        f'L{tips[1][0]:.1f} {tips[1][1]:.1f}"/>'
    )


def _box(spot: Spot, name: str, found: Worst) -> str:
    (x, y), cause = spot, name == found.cluster
    phase = found.phase.capitalize() if cause else found.taken.get(name, "")
    left, top = x - _BOX_WIDTH / 2, y - _BOX_HEIGHT / 2
    place = f'x="{left:.0f}" y="{top:.0f}" width="{_BOX_WIDTH}" height="{_BOX_HEIGHT}" rx="4"'
    box = f'<rect class="o axis" {place}/>'
    if name in found.taken:
        box += f'<rect class="c1 range" {place}/>'
    if cause:
        box += (
            f'<rect class="budget" fill="none" x="{left - 3:.0f}" y="{top - 3:.0f}" width="{_BOX_WIDTH + 6}" '
            f'height="{_BOX_HEIGHT + 6}" rx="6"/>'
        )
    short = name if len(name) <= _NAME_CHARS_MAX else name[: _NAME_CHARS_MAX - 1] + "…"
    second = f'<tspan x="{x:.0f}" dy="14">{escape(phase)}</tspan>' if phase else ""
    at = y - 3 if phase else y + 4
    return (
        f"{box}<title>{escape(name)}</title>"
        f'<text text-anchor="middle" x="{x:.0f}" y="{at:.0f}">{escape(short)}{second}</text>'
    )
