"""Growth against budget as SVG, written into the page: no script, no style of its own, no outside.

    plot    one quantity over its axis: points of every seed, the fitted curve, the budget, the target, and
            the range in which each configuration breaks
    strip   where a quantity breaks, as one line of a table

What a mark means is drawn twice, never by colour alone: *measured* points are solid, *simulated* ones are
outlined, *declared* ones are crosses; beyond the largest run a curve is dashed and a range is hatched. Each
configuration has a shape of its own. Colours are classes of the page's style sheet, so that light, dark and
paper each choose theirs. All text is escaped here, and comes as figures or through the words of `words.py`.

Not here: which configurations to draw (`chapters.py`), and the legend, which is text beside the plot.
"""

from collections.abc import Iterable, Sequence
from itertools import pairwise
from math import hypot
from typing import Final, NamedTuple

from markupsafe import Markup, escape

from maso.findings import BreakpointFinding, Mark, QuantityFinding
from maso.report.stress import words
from maso.report.stress.axes import Axis, size_axis, value_axis
from maso.report.stress.standing import target_of

# Narrow enough that eleven-pixel labels stay readable at a phone's 350 pixels.
WIDTH: Final = 420
HEIGHT: Final = 266
_LEFT: Final = 52
_RIGHT: Final = 410
_TOP: Final = 36  # above it two lines of text: the unit, and the target's name
_BOTTOM: Final = 228
# A range further out than this many times the runs would squeeze the runs into a corner.
_FAR_MAX: Final = 60.0
SERIES_MAX: Final = 4  # four shapes and colours can be told apart
_RADIUS: Final = 3.3
_FLAT: Final = 0.1  # pixels off a straight line that nobody sees

Spot = tuple[float, float]
Piece = tuple[Spot, Spot]

STRIP_WIDTH: Final = 300
STRIP_HEIGHT: Final = 26


class Series(NamedTuple):
    """One configuration of a plot; `style` picks shape and colour, 0 to 3."""

    name: str
    quantity: QuantityFinding
    style: int


def plot(series: Sequence[Series], size: int, unit: str) -> Markup:
    """The quantity under each configuration. `size` is the fleet's target, `unit` what the axis counts."""
    first = series[0].quantity
    target = target_of(first, size)
    x = size_axis(_x_values(series, target), _LEFT, _RIGHT)
    y = value_axis(_y_values(series, x), _BOTTOM, _TOP)
    inside = [_grid(x, y)]
    inside += [_range(s, x) for s in series]
    inside += [_target(target, x)]
    inside += [_curve(s, x, y) + _beyond(s, x, y) for s in series]
    inside += [_points(s, x, y, unit) for s in series]
    inside += [_budget(first, y), _names(x, y, unit, first.unit)]
    said = escape(described(series, size, unit))
    return Markup(
        f'<svg class="plot" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{said}">'
        f"{''.join(inside)}</svg>"
    )


def described(series: Sequence[Series], size: int, unit: str) -> str:
    """The plot in a sentence, for who does not see it."""
    first = series[0].quantity
    parts = [f"{first.title} ({first.unit}) against {unit}."]
    for s in series:
        parts.append(f"{s.name}: {_ends(s.quantity)}; breakpoint {words.breaks_words(s.quantity, unit)}.")
    if first.budget is not None:
        parts.append(f"Budget: {words.budget_words(first.budget, first.unit)}.")
    target = target_of(first, size)
    if target is not None:
        parts.append(f"Target: {target:,} {unit}.")
    return " ".join(parts)


def _ends(quantity: QuantityFinding) -> str:
    sizes = sorted({point.size for point in quantity.points})
    if not sizes:
        return "no runs"
    ends = [sizes[0], sizes[-1]] if len(sizes) > 1 else sizes
    values = [words.value_at(quantity, size) for size in ends]
    return " to ".join(
        f"{words.amount(value, quantity.unit)} at {size:,}" for size, value in zip(ends, values, strict=True)
    )


# --- what the axes must hold -----------------------------------------------------------------------------


def _x_values(series: Sequence[Series], target: int | None) -> list[float]:
    runs = [float(point.size) for s in series for point in s.quantity.points]
    smallest, largest = min(runs, default=1.0), max(runs, default=1.0)
    kept = list(runs)
    if target is not None and smallest / _FAR_MAX <= target <= largest * _FAR_MAX:
        kept.append(float(target))
    for s in series:
        found = s.quantity.breakpoint
        ends = (found.low, found.high) if found is not None else ()
        kept += [e for e in ends if e is not None and smallest / _FAR_MAX <= e <= largest * _FAR_MAX]
    return kept


def _y_values(series: Sequence[Series], x: Axis) -> list[float]:
    values = [point.value for s in series for point in s.quantity.points]
    highest = max(values, default=0.0)
    for s in series:
        if s.quantity.budget is not None:
            values.append(s.quantity.budget.value)
        # A curve far above everything that was run would press the runs to the floor.
        curve = s.quantity.scaling.curve if s.quantity.scaling is not None else ()
        values += [v for at, v in curve if x.holds(at) and 0 < v <= max(highest, *values[-1:]) * 1.5]
    return values


# --- what is drawn ---------------------------------------------------------------------------------------


def _line(kind: str, x1: float, y1: float, x2: float, y2: float) -> str:
    return f'<line class="{kind}" x1="{x1:.4g}" y1="{y1:.4g}" x2="{x2:.4g}" y2="{y2:.4g}"/>'


def _text(kind: str, x: float, y: float, text: str, anchor: str = "middle") -> str:
    return f'<text class="{kind}" x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(text)}</text>'


def _grid(x: Axis, y: Axis) -> str:
    parts = []
    for at, label in y.ticks():
        parts += [_line("grid", _LEFT, at, _RIGHT, at), _text("tick", _LEFT - 5, at + 3.5, label, "end")]
    for at, label in x.ticks():
        parts += [_line("grid", at, _TOP, at, _BOTTOM), _text("tick", at, _BOTTOM + 14, label)]
    parts.append(_line("axis", _LEFT, _BOTTOM, _RIGHT, _BOTTOM))
    return "".join(parts)


def _names(x: Axis, y: Axis, unit: str, value_unit: str) -> str:
    scale_x, scale_y = (" (log)" if axis.log else "" for axis in (x, y))
    return _text("name", _RIGHT, HEIGHT - 6, f"{unit}{scale_x}", "end") + _text(
        "name", 2, 11, f"{value_unit}{scale_y}", "start"
    )


def _range(series: Series, x: Axis) -> str:
    """The range in which a configuration breaks; hatched where it lies beyond the runs."""
    found = series.quantity.breakpoint
    if found is None or found.kind not in ("measured", "extrapolated"):
        return ""
    low = found.low if found.low is not None else x.low
    high = found.high if found.high is not None else x.high
    if low > x.high:
        return ""
    left, right = x.at(low), x.at(high)
    width = max(right - left, 2.5)  # a range thinner than a line would not be seen
    dashed = " far" if found.kind == "extrapolated" else ""
    box = f'x="{left:.1f}" y="{_TOP}" width="{width:.1f}" height="{_BOTTOM - _TOP}"'
    drawn = f'<rect class="range c{series.style}{dashed}" {box}/>'
    if found.kind == "extrapolated":
        drawn += f'<rect class="hatched" {box}/>'
    return drawn


def _budget(quantity: QuantityFinding, y: Axis) -> str:
    if quantity.budget is None:
        return ""
    at = y.at(quantity.budget.value)
    bound = "budget" if quantity.budget.direction == "max" else "at least"
    label = f"{bound} {words.figure(quantity.budget.value)}"
    beside = at + 15 if at < _TOP + 18 else at - 4
    return _line("budget", _LEFT, at, _RIGHT, at) + _text("budget-name", _LEFT + 6, beside, label, "start")


def _target(target: int | None, x: Axis) -> str:
    if target is None or not x.holds(target):
        return ""
    at = x.at(target)
    side = "end" if at > (_LEFT + _RIGHT) / 2 else "start"
    return _line("target", at, _TOP - 4, at, _BOTTOM) + _text(
        "target-name", at + (-3 if side == "start" else 3), _TOP - 7, f"target {target:,}", side
    )


def _curve(series: Series, x: Axis, y: Axis) -> str:
    """The fitted model: whole as far as runs reach, dashed beyond; nothing outside the frame."""
    scaling = series.quantity.scaling
    if scaling is None or len(scaling.curve) < 2:
        return ""
    largest = words.largest_run(series.quantity) or 0
    runs: list[Piece] = []
    beyond: list[Piece] = []
    for (at, value), (next_at, next_value) in pairwise(scaling.curve):
        if x.holds(at) and x.holds(next_at) and _visible(value, next_value, y):
            piece = (x.at(at), y.at(value)), (x.at(next_at), y.at(next_value))
            (runs if next_at <= largest * 1.001 else beyond).append(piece)
    return "".join(
        f'<path class="curve s{series.style}{kind}" d="{_path(pieces)}"/>'
        for pieces, kind in ((runs, ""), (beyond, " far"))
        if pieces
    )


def _beyond(series: Series, x: Axis, y: Axis) -> str:
    """A dashed line from where the curve ends to where the fit says that it meets the budget."""
    quantity = series.quantity
    found, budget, scaling = quantity.breakpoint, quantity.budget, quantity.scaling
    if found is None or found.kind != "extrapolated" or not found.low or budget is None:
        return ""
    if scaling is None or not scaling.curve:
        return ""
    end, value = max(scaling.curve)
    meets = (found.low * (found.high or found.low)) ** 0.5
    if end >= meets or not (x.holds(end) and x.holds(meets)) or not y.holds(value):
        return ""
    start, stop = (x.at(end), y.at(value)), (x.at(meets), y.at(budget.value))
    return _line(f"curve s{series.style} far", *start, *stop)


def _visible(value: float, following: float, y: Axis) -> bool:
    """A piece that leaves the frame would be drawn flat along its edge."""
    low = y.low * 0.999 if y.log else y.low
    return all(low <= v <= y.high for v in (value, following)) or (y.log and y.has_zero and value <= y.high)


def _path(pieces: Sequence[Piece]) -> str:
    """Pieces as one path; a point on the line from the last one written to the next is left out."""
    path, end, written = "", None, (0.0, 0.0)
    for place, (start, stop) in enumerate(pieces):
        if start != end:
            path += f"M{start[0]:.1f} {start[1]:.1f}"
            written = start
        end = stop
        following = pieces[place + 1] if place + 1 < len(pieces) else None
        if following is None or following[0] != stop or _off_line(written, stop, following[1]) > _FLAT:
            path += f"L{stop[0]:.1f} {stop[1]:.1f}"
            written = stop
    return path


def _off_line(start: Spot, middle: Spot, stop: Spot) -> float:
    """How many pixels the middle one lies off the line between the others."""
    (ax, ay), (bx, by), (cx, cy) = start, middle, stop
    return abs((bx - ax) * (cy - ay) - (by - ay) * (cx - ax)) / max(hypot(cx - ax, cy - ay), 1e-9)


def _points(series: Series, x: Axis, y: Axis, unit: str) -> str:
    """Every seed's point; those of one size are one group that tells its figures to a pointer."""
    quantity = series.quantity
    by_size: dict[int, list[float]] = {}
    for point in quantity.points:
        by_size.setdefault(point.size, []).append(point.value)
    groups = []
    for size in sorted(by_size):
        values = by_size[size]
        low, high = words.figure(min(values)), words.figure(max(values))
        said = low if low == high else f"{low} to {high}"
        seeds = words.count(len(values), "run")
        title = escape(f"{series.name}, {size:,} {unit}: {said} {quantity.unit} ({seeds})")
        drawn = "".join(shape(series.style, quantity.mark, x.at(size), y.at(value)) for value in values)
        groups.append(f"<g><title>{title}</title>{drawn}</g>")
    fill = "p" if quantity.mark == "measured" else "o"
    return f'<g class="{fill} s{series.style}">{"".join(groups)}</g>'


def shape(style: int, mark: Mark, x: float, y: float) -> str:
    """A point: circle, square, triangle or diamond by configuration; a cross where nothing was run."""
    r = _RADIUS
    if mark == "declared":
        return f'<path d="M{x - r:.1f} {y - r:.1f}l{2 * r} {2 * r}m0 -{2 * r}l-{2 * r} {2 * r}"/>'
    if style == 1:
        return f'<path d="M{x - r:.1f} {y - r:.1f}h{2 * r}v{2 * r}h-{2 * r}z"/>'
    if style == 2:
        return f'<path d="M{x:.1f} {y - 1.3 * r:.1f}l{1.2 * r:.1f} {2.1 * r:.1f}h-{2.4 * r:.1f}z"/>'
    if style == 3:
        d = 1.35 * r
        return f'<path d="M{x:.1f} {y - d:.1f}l{d:.1f} {d:.1f}l-{d:.1f} {d:.1f}l-{d:.1f} -{d:.1f}z"/>'
    return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{r}"/>'


def swatch(style: int, mark: Mark) -> Markup:
    """The point of a configuration for the legend beside a plot."""
    fill = "p" if mark == "measured" else "o"
    return Markup(
        f'<svg class="swatch" viewBox="0 0 22 12" aria-hidden="true"><path class="curve s{style}" '
        f'd="M0 6h22"/><g class="{fill} s{style}">{shape(style, mark, 11, 6)}</g></svg>'
    )


# --- strips ----------------------------------------------------------------------------------------------


def strip_axis(found: Iterable[BreakpointFinding | None], sizes: Iterable[int], size: int) -> Axis:
    """One axis for all strips of a table: from the smallest run to past the target and the last range."""
    ends = [float(size), *(float(s) for s in sizes)]
    for b in found:
        ends += [
            e for e in ((b.low, b.high) if b is not None else ()) if e is not None and 1 <= e <= size * 30
        ]
    return size_axis(ends, 2, STRIP_WIDTH - 2)


def strip(rows: Sequence[tuple[int, QuantityFinding]], x: Axis, size: int, said: str) -> Markup:
    """Up to two configurations: a bar as far as each holds, then the range in which it breaks."""
    parts = [f'<rect class="track" x="0" y="0" width="{STRIP_WIDTH}" height="{STRIP_HEIGHT}"/>']
    height = 8.0 if len(rows) > 1 else 12.0
    top = (STRIP_HEIGHT - height * len(rows) - 2 * (len(rows) - 1)) / 2
    for place, (style, quantity) in enumerate(rows):
        parts.append(_bar(style, quantity, x, top + place * (height + 2), height))
    at = x.at(size)
    parts.append(_line("target", at, 0, at, STRIP_HEIGHT))
    return Markup(
        f'<svg class="strip" viewBox="0 0 {STRIP_WIDTH} {STRIP_HEIGHT}" role="img" '
        f'aria-label="{escape(said)}">{"".join(parts)}</svg>'
    )


def _bar(style: int, quantity: QuantityFinding, x: Axis, top: float, height: float) -> str:
    found = quantity.breakpoint
    if found is None or found.kind == "unresolved":
        return _text("tick", x.start + 4, top + height - 1, "unresolved", "start")
    outlined = "" if quantity.mark == "measured" else " outlined"
    place = f'y="{top:.1f}" height="{height:.0f}"'
    reach = float(words.largest_run(quantity) or x.high)
    if found.kind == "none":
        return f'<rect class="bar c{style}{outlined}" x="0" width="{x.at(reach):.1f}" {place}/>'
    low = found.low if found.low is not None else x.low
    high = found.high if found.high is not None else x.high
    # As far as it was run the bar is whole; beyond, nothing but the fitted curve says that it holds.
    end, left = x.at(min(low, reach)), x.at(low)
    parts = [f'<rect class="bar c{style}{outlined}" x="0" width="{end:.1f}" {place}/>']
    if left > end:
        box = f'x="{end:.1f}" width="{left - end:.1f}" {place}'
        parts.append(f'<rect class="range c{style} far" {box}/><rect class="hatched" {box}/>')
    far = " far" if found.kind == "extrapolated" else ""
    width = max(x.at(high) - left, 3.0)
    parts.append(f'<rect class="range c{style}{far}" x="{left:.1f}" width="{width:.1f}" {place}/>')
    return "".join(parts)


def strip_scale(x: Axis) -> Markup:
    """The axis above the strips."""
    ticks = "".join(
        _text("tick", min(max(at, 8), STRIP_WIDTH - 10), 11, label) + _line("axis", at, 14, at, 18)
        for at, label in x.ticks()
    )
    return Markup(f'<svg class="strip" viewBox="0 0 {STRIP_WIDTH} 18" aria-hidden="true">{ticks}</svg>')
