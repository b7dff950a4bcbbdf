"""Clusters and their dependencies as SVG: producers above, consumers below, what the worst one takes along.

Drawn from two lists of a dimension's findings: `dependencies` (producer, consumer, ...) and `cascade`
(cluster, phase, what it moves, ...). A row is a step of the shortest way from a producer without producers,
so some edges go sideways or up. The worst cascade, the row that moves most, is marked by shape and text,
never by colour alone: its cause has a double border, what it takes along is filled and says its phase.

Not drawn: more clusters than fit legibly (`CLUSTERS_MAX`); the table is there then.
"""

from collections.abc import Sequence
from math import hypot
from typing import Final

from markupsafe import Markup, escape

from maso.findings import DimensionFinding, ListFinding

# Beyond so many boxes no name is legible at the width of a page.
CLUSTERS_MAX: Final = 24
IN_A_ROW_MAX: Final = 4
WIDTH: Final = 720
_BOX_WIDTH: Final = 150
_BOX_HEIGHT: Final = 34
_ROW: Final = 74
_TOP: Final = 26
_NAME_CHARS_MAX: Final = 20
LISTS: Final = ("dependencies", "cascade")

Spot = tuple[float, float]


def drawing(dimension: DimensionFinding) -> Markup:
    """The picture; empty where the dimension has no such lists, or too many clusters."""
    lists = {found.id: found for found in dimension.lists}
    if any(name not in lists for name in LISTS):
        return Markup("")
    edges = [(row[0], row[1]) for row in lists["dependencies"].rows]
    if not edges or lists["dependencies"].total > len(edges):
        return Markup("")
    names = tuple(dict.fromkeys(name for edge in edges for name in edge))
    if len(names) > CLUSTERS_MAX:
        return Markup("")
    spots, height = _places(names, edges)
    cause, phase, taken = worst(lists["cascade"])
    said = escape(_said(cause, phase, taken, len(edges)))
    inside = "".join(
        [
            *(_edge(spots[a], spots[b], (a == cause or a in taken) and b in taken) for a, b in edges),
            *(_box(spots[name], name, name == cause, taken.get(name, "")) for name in names),
        ]
    )
    return Markup(
        f'<svg class="plot cascade" viewBox="0 0 {WIDTH} {height:.0f}" role="img" aria-label="{said}">'
        f'<text x="4" y="14">{said}</text>{inside}</svg>'
    )


def worst(cascade: ListFinding) -> tuple[str, str, dict[str, str]]:
    """The cluster whose phase moves most others, that phase, and those others with theirs."""
    found: tuple[str, str, dict[str, str]] = ("", "", {})
    for cluster, phase, moves, *_ in cascade.rows:
        taken = dict(part.rsplit(" ", 1) for part in moves.split(", ") if " " in part)
        if len(taken) > len(found[2]):
            found = (cluster, phase, taken)
    return found


def _said(cause: str, phase: str, taken: dict[str, str], edges: int) -> str:
    if not cause:
        return f"{edges} dependencies between clusters; no cluster takes another along"
    others = "cluster" if len(taken) == 1 else "clusters"
    return f"{cause} in {phase.capitalize()} takes {len(taken)} {others} along (filled)"


def _places(names: Sequence[str], edges: Sequence[tuple[str, str]]) -> tuple[dict[str, Spot], float]:
    """The middle of each box, and the height of all. Producers stand above their consumers."""
    consumers = {consumer for _, consumer in edges}
    first = [name for name in names if name not in consumers] or [names[0]]  # a circle has no first one
    step = dict.fromkeys(first, 0)
    for level in range(1, len(names) + 1):
        for producer, consumer in edges:
            if step.get(producer) == level - 1:
                step.setdefault(consumer, level)
    step |= {name: len(names) for name in names if name not in step}
    rows: list[list[str]] = []
    for level in sorted(set(step.values())):
        own = [name for name in names if step[name] == level]
        rows += [own[i : i + IN_A_ROW_MAX] for i in range(0, len(own), IN_A_ROW_MAX)]
    spots: dict[str, Spot] = {}
    for number, row in enumerate(rows):
        for i, name in enumerate(row):
            # Odd rows stand a little aside, so that an edge over two rows is not hidden behind a box.
            aside = 24 if number % 2 else -24
            spots[name] = (WIDTH * (i + 1) / (len(row) + 1) + aside, _TOP + _ROW * number + _BOX_HEIGHT)
    return spots, _TOP + _ROW * len(rows) + 8


def _edge(start: Spot, end: Spot, taken: bool) -> str:
    """From border to border, with a tip; beside each other from side to side."""
    (x1, y1), (x2, y2) = start, end
    if y1 == y2:
        side = _BOX_WIDTH / 2 if x2 > x1 else -_BOX_WIDTH / 2
        x1, x2 = x1 + side, x2 - side
    else:
        half = _BOX_HEIGHT / 2 if y2 > y1 else -_BOX_HEIGHT / 2
        y1, y2 = y1 + half, y2 - half
    length = max(hypot(x2 - x1, y2 - y1), 1.0)
    along, across = ((x2 - x1) / length * 7, (y2 - y1) / length * 7), 0.45
    tips = [
        (x2 - along[0] + sign * across * along[1], y2 - along[1] - sign * across * along[0])
        for sign in (1, -1)
    ]
    kind = "budget" if taken else "axis"
    return (
        f'<line class="{kind}" x1="{x1:.0f}" y1="{y1:.0f}" x2="{x2:.0f}" y2="{y2:.0f}"/>'
        f'<path class="{kind}" fill="none" d="M{tips[0][0]:.1f} {tips[0][1]:.1f}L{x2:.0f} {y2:.0f}'
        f'L{tips[1][0]:.1f} {tips[1][1]:.1f}"/>'
    )


def _box(spot: Spot, name: str, cause: bool, phase: str) -> str:
    x, y = spot
    left, top = x - _BOX_WIDTH / 2, y - _BOX_HEIGHT / 2
    place = f'x="{left:.0f}" y="{top:.0f}" width="{_BOX_WIDTH}" height="{_BOX_HEIGHT}" rx="4"'
    box = f'<rect class="o axis" {place}/>'
    if phase:
        box += f'<rect class="c1 range" {place}/>'
    if cause:
        box += (
            f'<rect class="budget" fill="none" x="{left - 3:.0f}" y="{top - 3:.0f}" width="{_BOX_WIDTH + 6}" '
            f'height="{_BOX_HEIGHT + 6}" rx="6"/>'
        )
    short = name if len(name) <= _NAME_CHARS_MAX else name[: _NAME_CHARS_MAX - 1] + "…"
    second = f'<tspan x="{x:.0f}" dy="13">{escape(phase)}</tspan>' if phase else ""
    at = y - 2 if phase else y + 4
    return (
        f"{box}<title>{escape(name)}</title>"
        f'<text text-anchor="middle" x="{x:.0f}" y="{at:.0f}">{escape(short)}{second}</text>'
    )
