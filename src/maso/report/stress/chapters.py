"""The chapters of the page as data: what stands where, under which anchor, with which plot and evidence.

The templates lay out; what belongs together is settled here, so that it can be tested without a browser.
Anchors are made from ids of a user's file: they keep letters, digits and hyphens, and are told apart by a
number where two would be the same.
"""

import re
from collections.abc import Iterable
from typing import Final, NamedTuple

from markupsafe import Markup

from maso.findings import (
    AdaptationFinding,
    AnswerFinding,
    BeforeAfter,
    ControlFinding,
    DimensionFinding,
    Findings,
    ListFinding,
    Point,
    QuantityFinding,
)
from maso.report.stress import cascade, plots, words
from maso.report.stress.axes import Axis
from maso.report.stress.board import State, state
from maso.report.stress.plots import Series
from maso.report.stress.standing import Standing, standings, target_of

_NOT_IN_ANCHORS: Final = re.compile(r"[^a-z0-9]+")
_ANCHOR_CHARS_MAX: Final = 60
# What is seen of a list before it is opened: enough to know what kind of thing it lists.
LIST_ROWS_SHOWN: Final = 6
PROFILE_SHOWN: Final = 3  # of the quantities that measure a control


class Anchors:
    """One anchor for every thing that is linked to; asked twice for the same thing, the same anchor."""

    def __init__(self) -> None:
        self._of: dict[tuple[str, ...], str] = {}
        self._given: dict[str, int] = {}

    def __call__(self, *thing: str) -> str:
        if thing not in self._of:
            slug = _NOT_IN_ANCHORS.sub("-", " ".join(thing).lower()).strip("-")[:_ANCHOR_CHARS_MAX]
            number = self._given[slug] = self._given.get(slug, 0) + 1
            self._of[thing] = slug if number == 1 else f"{slug}--{number}"
        return self._of[thing]


class Legend(NamedTuple):
    """One configuration in a plot's legend."""

    swatch: Markup
    name: str
    quantity: QuantityFinding
    at_target: float | None
    breaks: str
    surprise: str  # the class that the design foresees under the standard controls, where it is another one


class Figure(NamedTuple):
    """A quantity with its plot; `svg` is empty where there is no growth to see."""

    anchor: str
    standing: Standing
    unit: str
    target: int | None
    svg: Markup
    legend: list[Legend]
    shown_at: int | None
    flat: tuple[int, int] | None  # the same value in every run: the smallest and the largest size of them


class Evidence(NamedTuple):
    """What an answer rests on: a quantity (with its anchor and the runs nearest the target), or a name."""

    name: str
    anchor: str
    title: str
    unit: str
    points: tuple[Point, ...]


class Answer(NamedTuple):
    """`runs` are the names in the evidence that are neither a quantity nor a list."""

    finding: AnswerFinding
    anchor: str
    evidence: list[Evidence]
    runs: list[str]


class Listed(NamedTuple):
    anchor: str
    finding: ListFinding
    shown: tuple[tuple[str, ...], ...]
    rest: tuple[tuple[str, ...], ...]


class Adapted(NamedTuple):
    anchor: str
    finding: AdaptationFinding
    state: str
    titles: dict[str, str]
    units: dict[str, str]  # what the axis of each quantity counts
    changed: list[BeforeAfter]
    unchanged: list[BeforeAfter]
    with_breakpoints: bool


class Profile(NamedTuple):
    """A control and the quantities that measure it: those with a budget first, the rest apart."""

    control: ControlFinding
    decisive: list[Standing]
    others: list[Standing]


class Chapter(NamedTuple):
    """One dimension."""

    anchor: str
    dimension: DimensionFinding
    figures: list[Figure]
    adaptations: list[Adapted]
    answers: list[Answer]
    lists: list[Listed]
    picture: Markup = Markup("")  # of clusters and what one takes along, where there are any


class Row(NamedTuple):
    """A quantity with a budget in the table of breakpoints."""

    anchor: str
    standing: Standing
    unit: str
    strip: Markup
    state: State

    @property
    def quiet(self) -> bool:
        """Held by the standard controls already, as far as it was run: nothing to look at."""
        found = self.standing.now.breakpoint
        held = self.standing.verdict == "holds" and self.standing.usual.reaches_target is True
        return held and (found is None or found.kind == "none")


class Book(NamedTuple):
    """All chapters, and what links between them."""

    anchors: Anchors
    chapters: list[Chapter]
    rows: list[Row]
    scale: Markup
    answers: list[Answer]
    quantities: dict[str, Standing]
    profiles: list[Profile]


def book(findings: Findings) -> Book:
    anchors = Anchors()
    found = standings(findings)
    quantities = {standing.path: standing for standing in found}
    lists = {(d.id, li.id): li for d in findings.dimensions for li in d.lists}
    answers = [_answer(findings, a, quantities, lists, anchors) for a in findings.answers]
    with_budget = [standing for standing in found if standing.now.budget is not None]
    rows, scale = breakpoint_rows(findings, with_budget, anchors)
    return Book(
        anchors=anchors,
        chapters=[_chapter(findings, d, found, answers, anchors) for d in findings.dimensions],
        rows=rows,
        scale=scale,
        answers=answers,
        quantities=quantities,
        profiles=[_profile(control, quantities) for control in findings.controls],
    )


def _profile(control: ControlFinding, quantities: dict[str, Standing]) -> Profile:
    found = [quantities[path] for path in control.quantities if path in quantities]
    decisive = [s for s in found if s.now.budget is not None] or found[:1]
    shown = decisive[:PROFILE_SHOWN]
    return Profile(control, shown, [s for s in found if s not in shown])


def _chapter(
    findings: Findings,
    dimension: DimensionFinding,
    found: Iterable[Standing],
    answers: Iterable[Answer],
    anchors: Anchors,
) -> Chapter:
    own = [s for s in found if s.dimension is dimension]
    titles = {s.now.id: s.now.title for s in own}
    units = {s.now.id: words.axis_unit(findings, s.now) for s in own}
    return Chapter(
        anchor=anchors("dimension", dimension.id),
        dimension=dimension,
        figures=sorted((figure_of(findings, s, anchors) for s in own), key=_plots_first),
        adaptations=[
            _adapted(anchors("adaptation", dimension.id, a.id), a, titles, units)
            for a in dimension.adaptations
        ],
        answers=[a for a in answers if a.finding.dimension == dimension.id],
        lists=[
            Listed(
                anchors("list", dimension.id, li.id), li, li.rows[:LIST_ROWS_SHOWN], li.rows[LIST_ROWS_SHOWN:]
            )
            for li in dimension.lists
        ],
        picture=cascade.drawing(dimension),
    )


def _adapted(
    anchor: str, adaptation: AdaptationFinding, titles: dict[str, str], units: dict[str, str]
) -> Adapted:
    changed = [b for b in adaptation.before_after if differs(b)]
    return Adapted(
        anchor=anchor,
        finding=adaptation,
        state=adaptation_state(adaptation),
        titles=titles,
        units=units,
        changed=changed,
        unchanged=[b for b in adaptation.before_after if b not in changed],
        with_breakpoints=any(has_breaks(b) for b in changed),
    )


def has_breaks(found: BeforeAfter) -> bool:
    """Whether there is anything to say about where it breaks."""
    both = (found.breakpoint_before, found.breakpoint_after)
    return any(b is not None and b.kind != "none" for b in both)


def differs(found: BeforeAfter) -> bool:
    """Whether a reader would see a difference: in the figures as they are written."""
    values = (words.amount(value, found.unit) for value in (found.value_before, found.value_after))
    ranges = (words.breakpoint_words(b, "") for b in (found.breakpoint_before, found.breakpoint_after))
    return len({*values}) > 1 or len({*ranges}) > 1


def adaptation_state(adaptation: AdaptationFinding) -> str:
    if adaptation.in_force:
        return "in force"
    if adaptation.recommended:
        return "recommended"
    return "measured to compare"


def _plots_first(figure: Figure) -> int:
    """Plots with a budget, then other plots, then what has no growth; each in the dimension's own order."""
    if not figure.svg:
        return 2
    return 0 if figure.standing.now.budget is not None else 1


# --- figures ---------------------------------------------------------------------------------------------


def figure_of(findings: Findings, standing: Standing, anchors: Anchors) -> Figure:
    size = findings.fleet.target
    series = configurations(standing)
    unit = words.axis_unit(findings, standing.now)
    places = {point.size for s in series for point in s.quantity.points}
    values = {point.value for s in series for point in s.quantity.points}
    flat = (min(places), max(places)) if len(places) > 1 and len(values) == 1 else None
    drawn = plots.plot(series, size, unit) if len(places) > 1 and flat is None else Markup()
    shown_at = words.shown_at(standing.now, size)
    return Figure(
        anchor=anchors("quantity", standing.dimension.id, standing.now.id),
        standing=standing,
        unit=unit,
        target=target_of(standing.now, size),
        svg=drawn,
        legend=[_legend(s, unit, size, standing) for s in series],
        shown_at=shown_at,
        flat=flat,
    )


def configurations(standing: Standing) -> list[Series]:
    """Standard, as declared, as recommended, then what was measured only to compare: those that differ."""
    declared = "as declared" if standing.standard is not None else "as declared (the standard)"
    chosen = [("standard controls", standing.standard), (declared, standing.now)]
    chosen.append(("as recommended", standing.recommended))
    taken = [quantity for _, quantity in chosen if quantity is not None]
    for adaptation in standing.dimension.adaptations:
        if not adaptation.in_force:
            after = next((q for q in adaptation.quantities_after if q.id == standing.now.id), None)
            if after is not None and not any(_same(after, q) for q in taken):
                note = ", measured to compare" if adaptation.forbidden else ""
                chosen.append((f"with {adaptation.title}{note}", after))
    found = [(name, quantity) for name, quantity in chosen if quantity is not None]
    return [Series(name, quantity, style) for style, (name, quantity) in enumerate(found[: plots.SERIES_MAX])]


def _same(one: QuantityFinding, other: QuantityFinding) -> bool:
    """Whether one plot would lie on the other: the same medians wherever both were run."""
    mine, theirs = ({p.size for p in q.points} for q in (one, other))
    shared = sorted(mine & theirs)
    return bool(shared) and all(words.value_at(one, s) == words.value_at(other, s) for s in shared)


def _legend(series: Series, unit: str, size: int, standing: Standing) -> Legend:
    quantity = series.quantity
    standard = quantity is standing.usual
    at = quantity.at_target
    if at is None:
        place = words.shown_at(quantity, size)
        at = words.value_at(quantity, place) if place is not None else None
    return Legend(
        swatch=plots.swatch(series.style, quantity.mark),
        name=series.name,
        quantity=quantity,
        at_target=at,
        breaks=words.breaks_words(quantity, unit),
        surprise=words.surprise(quantity.scaling) if standard else "",
    )


# --- the table of breakpoints ----------------------------------------------------------------------------


def breakpoint_rows(findings: Findings, found: list[Standing], anchors: Anchors) -> tuple[list[Row], Markup]:
    """Every quantity with a budget, and the scale of their strips, one for all over the size."""
    size = findings.fleet.target
    over_size = [s for s in found if s.now.axis == "size"]
    ranges = [q.breakpoint for s in over_size for q in (s.usual, s.now, s.recommended or s.now)]
    runs = [point.size for s in over_size for point in s.now.points]
    x = plots.strip_axis(ranges, runs, size)
    rows = sorted((_row(findings, s, x, anchors) for s in found), key=_urgency)
    return rows, plots.strip_scale(x) if over_size else Markup()


def _row(findings: Findings, standing: Standing, x: Axis, anchors: Anchors) -> Row:
    unit = words.axis_unit(findings, standing.now)
    drawn = Markup()
    several = len({point.size for point in standing.now.points}) > 1
    if several and standing.now.axis == "size" and standing.now.breakpoint is not None:
        pairs = [(0, standing.usual)]
        after = standing.recommended or (standing.now if standing.standard is not None else None)
        pairs += [(1, after)] if after is not None else []
        said = "; ".join(words.breaks_words(quantity, unit) for _, quantity in pairs)
        drawn = plots.strip(pairs, x, findings.fleet.target, said)
    anchor = anchors("quantity", standing.dimension.id, standing.now.id)
    return Row(anchor, standing, unit, drawn, state(standing))


def _urgency(row: Row) -> int:
    """What misses first, what is open next, then what the standard controls would miss, then the rest."""
    order = ("misses", "would", "open", "reaches")
    adapted = row.state == "reaches" and row.standing.verdict == "holds"
    return 10 * order.index(row.state) + 2 * adapted + (row.standing.now.axis != "size")


# --- answers and their evidence --------------------------------------------------------------------------


def _answer(
    findings: Findings,
    answer: AnswerFinding,
    quantities: dict[str, Standing],
    lists: dict[tuple[str, str], ListFinding],
    anchors: Anchors,
) -> Answer:
    names = [_evidence(findings, answer.dimension, n, quantities, lists, anchors) for n in answer.evidence]
    found = [e for e in names if e.anchor]
    told = {point.run for e in found for point in e.points}
    runs = [e.name for e in names if not e.anchor and e.name not in told]
    return Answer(answer, anchors("question", answer.question), found, runs)


def _evidence(
    findings: Findings,
    dimension: str,
    name: str,
    quantities: dict[str, Standing],
    lists: dict[tuple[str, str], ListFinding],
    anchors: Anchors,
) -> Evidence:
    """A name is a quantity or a list (of the answer's dimension, or `dimension/name`), or a run."""
    standing = quantities.get(name) or quantities.get(f"{dimension}/{name}")
    if standing is not None:
        quantity = standing.now
        at = words.shown_at(quantity, findings.fleet.target)
        points = tuple(point for point in quantity.points if point.size == at)
        anchor = anchors("quantity", standing.dimension.id, quantity.id)
        return Evidence(name, anchor, quantity.title, quantity.unit, points)
    owner, _, rest = name.rpartition("/")
    found = lists.get((owner or dimension, rest))
    if found is not None:
        return Evidence(name, anchors("list", owner or dimension, found.id), found.title, "", ())
    return Evidence(name, "", "", "", ())
