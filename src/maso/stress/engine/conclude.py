"""From a conducted study to findings: what holds, what breaks, what to do about it, and what was not checked.

A control holds where every budget of its quantities is met at the target, as declared and under the standard
configuration; it adapts where an adaptation, in force or recommended, is what meets it; it breaks where
nothing measured does. A control without a budgeted quantity is not measured, and so is one whose runs could
not tell.
"""

from collections.abc import Iterable, Iterator
from typing import get_args

from msgspec.structs import replace

from maso import __version__
from maso.findings import (
    SCHEMA_VERSION,
    AdaptationFinding,
    AnswerFinding,
    AnswerStatus,
    BeforeAfter,
    ControlFinding,
    CostFinding,
    DecisionFinding,
    DimensionFinding,
    Findings,
    FleetFinding,
    GrowthFinding,
    ListFinding,
    Machine,
    Mark,
    QuantityFinding,
    Verdict,
    decode,
    encode,
)
from maso.fleet.resize import assumption, resize
from maso.fleet.template import GrowthRule
from maso.stress.controls_asked import ASKED
from maso.stress.dimension import GROWTH_RULES, LIST_ROWS_MAX, Adaptation, Dimension
from maso.stress.engine import configure
from maso.stress.engine.configure import Config
from maso.stress.engine.describe import fitted, quantity_finding
from maso.stress.engine.study import Study
from maso.stress.engine.view import StudyView
from maso.stress.questions import QUESTIONS
from maso.stress.registry import by_id


def conclude(study: Study, machine: Machine, command: str) -> Findings:
    """Everything that the study found, in the order of the dimensions; as it comes back from its file."""
    dimensions = tuple(_dimension(study, dimension) for dimension in study.dimensions)
    views = {dimension.id: StudyView(study, dimension) for dimension in study.dimensions}
    fleet = study.fleet
    found = Findings(
        maso_version=__version__,
        schema_version=SCHEMA_VERSION,
        fleet=FleetFinding(
            name=fleet.fleet,
            sha256=study.digest,
            kind=fleet.kind,
            target=study.plan.target,
            unit="sessions" if fleet.kind == "depth" else "agents",
            about=fleet.about,
        ),
        machine=machine,
        seeds=study.seeds,
        dimensions=dimensions,
        answers=tuple(_by_marks(answer, dimensions) for answer in _answers(study, views)),
        controls=tuple(_controls(dimensions)),
        decisions=tuple(_decisions(study, views, dimensions)),
        attack_paths=tuple(path for d in study.dimensions for path in d.attack_paths(views[d.id])),
        costs=tuple(_costs(study, views)),
        not_checked=tuple(_not_checked(study)),
        quick=study.plan.quick,
        command=command,
        cpu_seconds=round(study.cpu_seconds, 1),
        runs=study.made + study.found,
        cached_runs=study.found,
    )
    return decode(encode(found))  # a count is 400 in memory and 400.0 in the file; reports must not differ


# Dimensions.


def _dimension(study: Study, dimension: Dimension) -> DimensionFinding:
    view = StudyView(study, dimension)
    given, base = study.declared(dimension), study.standard(dimension)
    recommended = study.recommended.get(dimension.id, ())
    chosen = [a for a in dimension.adaptations if a.id in recommended]
    best = configure.adding(given, *chosen)
    quantities = _quantities(study, dimension, given)
    probes = study.probes(dimension)
    reasons = {reason for probe in dimension.probes if (reason := probe.applies(study.fleet))}
    return DimensionFinding(
        id=dimension.id,
        title=dimension.title,
        seed_dimension=dimension.seed_dimension,
        about=dimension.about,
        quantities=tuple(_with_growth(study, dimension, q) for q in quantities),
        adaptations=tuple(_adaptation(study, view, a, recommended) for a in dimension.adaptations),
        standard=base,
        standard_quantities=_differing(study, dimension, base, given),
        as_declared=view.in_force,
        recommended=recommended,
        recommended_quantities=_differing(study, dimension, best, given) if chosen else (),
        reaches_target=_all_reach(_quantities(study, dimension, best)),
        controls=dimension.controls(view),
        lists=tuple(_lists(study, dimension, view)),
        not_checked=(*dimension.not_checked, *sorted(reasons)) if probes else dimension.not_checked,
        skipped="" if probes else "; ".join(sorted(reasons)),
    )


def _quantities(study: Study, dimension: Dimension, config: Config) -> list[QuantityFinding]:
    found = []
    for probe in study.probes(dimension):
        series = study.at(dimension, probe, config)
        for quantity in probe.quantities:
            one = quantity_finding(study, series, quantity)
            if one is not None:
                found.append(one)
    return found


def _differing(
    study: Study, dimension: Dimension, config: Config, other: Config
) -> tuple[QuantityFinding, ...]:
    """Quantities under `config` whose series is another one than under `other`."""
    base = study.standard(dimension)
    told = {
        quantity.id
        for probe in study.probes(dimension)
        if configure.seen_by(probe, dimension, config, base)
        != configure.seen_by(probe, dimension, other, base)
        for quantity in probe.quantities
    }
    return tuple(q for q in _quantities(study, dimension, config) if q.id in told)


def _all_reach(quantities: Iterable[QuantityFinding]) -> bool | None:
    reached = [q.reaches_target for q in quantities if q.budget is not None and q.target is not None]
    if False in reached:
        return False
    return None if None in reached or not reached else True


def _with_growth(study: Study, dimension: Dimension, finding: QuantityFinding) -> QuantityFinding:
    """The class under each growth rule, against agents and against edges; a full run of a breadth fleet."""
    probe = next(p for p in dimension.probes if any(q.id == finding.id for q in p.quantities))
    quantity = next(q for q in probe.quantities if q.id == finding.id)
    if not quantity.per_rule or study.plan.quick or study.fleet.kind == "depth" or probe.axis is not None:
        return finding
    growth: list[GrowthFinding] = []
    for rule in GROWTH_RULES:
        series = study.at(dimension, probe, study.declared(dimension), rule)
        points = [(float(p.size), p.value) for p in series.points(quantity)]
        by_edges = [(float(_edges(study, int(size), rule)), value) for size, value in points]
        by_edges = [(edges, value) for edges, value in by_edges if edges > 0]
        against_size = fitted(points, quantity.expected)
        against_edges = fitted(by_edges, quantity.expected)
        if against_size is not None:
            growth.append(GrowthFinding(rule=rule, against="size", scaling=against_size))
        if against_edges is not None:
            growth.append(GrowthFinding(rule=rule, against="edges", scaling=against_edges))
    return replace(finding, growth=tuple(growth))


def _edges(study: Study, size: int, rule: GrowthRule) -> int:
    fleet = resize(study.plan.file, size, rule)
    agents = {agent.id for agent in fleet.types}
    return len({(x.from_, x.to) for x in fleet.links if x.from_ in agents and x.to in agents})


# Adaptations.


def _adaptation(
    study: Study, view: StudyView, adaptation: Adaptation, recommended: tuple[str, ...]
) -> AdaptationFinding:
    dimension = view.dimension
    given, base = study.declared(dimension), study.standard(dimension)
    held = configure.holds(adaptation, given)
    before = configure.removing(given, base, adaptation) if held else given
    after = given if held else configure.adding(given, adaptation)
    changed = _differing(study, dimension, after, before)
    earlier = {q.id: q for q in _differing(study, dimension, before, after)}
    cost, basis = adaptation.cost(view)
    return AdaptationFinding(
        id=adaptation.id,
        title=adaptation.title,
        settings=dict(adaptation.settings),
        quantities_after=changed,
        cost_usd_month=cost,
        cost_basis=basis,
        complexity=adaptation.complexity,
        gives_up=adaptation.gives_up(view, adaptation.id),
        recommended=adaptation.id in recommended or (held and not adaptation.forbidden),
        in_force=held,
        forbidden=adaptation.forbidden,
        before_after=tuple(_before_after(earlier.get(q.id), q) for q in changed),
    )


def _before_after(before: QuantityFinding | None, after: QuantityFinding) -> BeforeAfter:
    return BeforeAfter(
        quantity=after.id,
        unit=after.unit,
        value_before=None if before is None else _there(before),
        value_after=_there(after),
        breakpoint_before=None if before is None else before.breakpoint,
        breakpoint_after=after.breakpoint,
    )


def _there(quantity: QuantityFinding) -> float | None:
    """The value at the target; where that was not run, at the last place."""
    return quantity.at_target if quantity.at_target is not None else quantity.points[-1].value


# Over all dimensions.


def _answers(study: Study, views: dict[str, StudyView]) -> Iterator[AnswerFinding]:
    """All questions, in order: answered where a dimension of this run does, else not checked."""
    given: dict[str, AnswerFinding] = {}
    for dimension in study.dimensions:
        for question in dimension.questions:
            given[question.id] = question.answer(views[dimension.id])
    for asked in QUESTIONS:
        answer = given.get(asked.id)
        if answer is not None:
            yield replace(answer, question=asked.id, asked=asked.words)
            continue
        there = asked.dimension in by_id()
        why = "was not part of this run" if there else "is not built yet"
        yield AnswerFinding(
            question=asked.id,
            asked=asked.words,
            dimension=asked.dimension,
            status="not_checked",
            value=None,
            unit="",
            text=f"Not checked: the dimension `{asked.dimension}` {why}.",
        )


def _by_marks(answer: AnswerFinding, dimensions: tuple[DimensionFinding, ...]) -> AnswerFinding:
    """An answer is called what the quantities are that it cites: measured only where all of them are.

    One that cites none says what follows from the fleet file.
    """
    cited = {q.mark for d in dimensions for q in d.quantities if f"{d.id}/{q.id}" in answer.evidence}
    marks = tuple(mark for mark in get_args(Mark) if mark in cited)
    if answer.status in ("missing", "not_checked"):
        return replace(answer, marks=marks)
    status: AnswerStatus = "mixed" if len(marks) > 1 else marks[0] if marks else "declared"
    return replace(answer, status=status, marks=marks)


def _controls(dimensions: tuple[DimensionFinding, ...]) -> Iterator[ControlFinding]:
    names = {asked.id: asked.name for asked in ASKED}
    for row in (row for dimension in dimensions for row in dimension.controls):
        names.setdefault(row.id, row.name)
    for control, name in names.items():
        judged = [_judged(d, control) for d in dimensions]
        told = [item for item in judged if item is not None]
        worst = max(told, key=lambda item: _SEVERITY.index(item[0]), default=None)
        used = tuple(f"{d.id}/{q.id}" for d in dimensions for q in d.quantities if control in q.controls)
        if worst is None:
            why = "no quantity with a budget measures it" if used else "no dimension of this run measures it"
            yield ControlFinding(id=control, name=name, verdict="not_measured", why=why, quantities=used)
        else:
            yield ControlFinding(id=control, name=name, verdict=worst[0], why=worst[1], quantities=used)


_SEVERITY: tuple[Verdict, ...] = ("not_measured", "holds", "adapts", "breaks")


def _judged(dimension: DimensionFinding, control: str) -> tuple[Verdict, str] | None:
    """The verdict of one dimension on one control; None where it has no budgeted quantity of it."""
    best = {q.id: q for q in dimension.recommended_quantities}
    plain = {q.id: q for q in dimension.standard_quantities}
    verdicts: list[tuple[Verdict, str]] = []
    for quantity in dimension.quantities:
        if control not in quantity.controls or quantity.budget is None:
            continue
        now, then = quantity.reaches_target, best.get(quantity.id, quantity).reaches_target
        first = plain.get(quantity.id, quantity).reaches_target
        verdicts.append(_verdict(dimension, quantity, now, then, first))
    known = [item for item in verdicts if item[0] != "not_measured"]
    return max(known or verdicts, key=lambda item: _SEVERITY.index(item[0]), default=None)


def _verdict(
    dimension: DimensionFinding,
    quantity: QuantityFinding,
    now: bool | None,
    then: bool | None,
    first: bool | None,
) -> tuple[Verdict, str]:
    title = quantity.title
    if now is False and then is not True:
        return "breaks", f"breaks before the target, and no adaptation that was measured prevents it: {title}"
    if now is False:
        return "adapts", f"breaks before the target, and holds with {_listed(dimension.recommended)}: {title}"
    if now and first is False:
        return "adapts", f"holds as declared, and would break with what works for a few agents: {title}"
    if now:
        return "holds", f"within its budget at the target: {title}"
    return "not_measured", f"the runs cannot say whether it holds at the target: {title}"


def _listed(names: tuple[str, ...]) -> str:
    return ", ".join(f"`{name}`" for name in names) or "nothing"


def _decisions(
    study: Study, views: dict[str, StudyView], dimensions: tuple[DimensionFinding, ...]
) -> Iterator[DecisionFinding]:
    """The dimensions' own, and one for each recommended adaptation that none of them speaks of."""
    for dimension, finding in zip(study.dimensions, dimensions, strict=True):
        own = dimension.decisions(views[dimension.id])
        yield from (replace(d, dimension=dimension.id) for d in own)
        spoken = {d.id for d in own}
        for adaptation in finding.adaptations:
            if adaptation.id not in finding.recommended or adaptation.id in spoken:
                continue
            yield DecisionFinding(
                id=adaptation.id,
                what=f"{adaptation.title}: "
                + ", ".join(f"controls.{k}: {v}" for k, v in adaptation.settings.items()),
                why=_why(finding, adaptation),
                who=owner(study, dimension.right),
                cost=_money(adaptation.cost_usd_month, adaptation.cost_basis),
                dimension=dimension.id,
            )


def owner(study: Study, right: str) -> str:
    """Who decides under `right`; where nobody is named, the key that would name one."""
    governance = study.fleet.governance
    named = governance.decision_rights.get(right) or governance.risk_owner
    key = f"governance.decision_rights.{right}" if right else "governance.risk_owner"
    return named or f"nobody is named: fill in `{key}`"


def _why(finding: DimensionFinding, adaptation: AdaptationFinding) -> str:
    """What breaks and no longer does with what is recommended, as far as this adaptation can change it."""
    told = {b.quantity for b in adaptation.before_after}
    mended = {q.id for q in finding.recommended_quantities if q.reaches_target} & told
    titles = [q.title for q in finding.quantities if q.id in mended and q.reaches_target is False]
    return f"{_sentence(titles)} break before the target; gives up: {adaptation.gives_up}"


def _sentence(titles: list[str]) -> str:
    return ", ".join(titles) if titles else "budgets"


def _money(usd: float | None, basis: str) -> str:
    if usd is None:
        return basis
    return f"${usd:,.0f} a month ({basis})" if basis else f"${usd:,.0f} a month"


def _costs(study: Study, views: dict[str, StudyView]) -> Iterator[CostFinding]:
    """What it costs as declared. What an adaptation would cost instead stands with the adaptation."""
    for dimension in study.dimensions:
        yield from (replace(cost, dimension=dimension.id) for cost in dimension.costs(views[dimension.id]))


def _lists(study: Study, dimension: Dimension, view: StudyView) -> Iterator[ListFinding]:
    for wanted in dimension.lists:
        rows = view.detail(wanted.probe, wanted.detail)
        if rows is None:
            continue
        total = view.detail(wanted.probe, f"{wanted.detail}_total")
        yield ListFinding(
            id=wanted.id,
            title=wanted.title,
            columns=wanted.columns,
            rows=tuple(tuple(str(cell) for cell in row) for row in rows[:LIST_ROWS_MAX]),
            total=int(total) if total is not None else len(rows),
            run=view.run_of(wanted.probe),
            adverse=wanted.adverse,
        )


def _not_checked(study: Study) -> Iterator[str]:
    assumed = assumption(study.plan.file)
    if assumed:
        yield assumed
    if study.plan.quick:
        yield (
            f"`--quick`: {len(study.seeds)} seeds and fewer sizes than a full run, fewer runs to narrow a "
            "breakpoint, and the fleet's own growth rule only"
        )
    there = {dimension.id for dimension in study.dimensions}
    left = sorted(by_id().keys() - there)
    if left:
        yield "dimensions that were not asked for: " + ", ".join(left)
    unbuilt = sorted({asked.dimension for asked in QUESTIONS} - by_id().keys())
    if unbuilt:
        yield "dimensions that this version of maso does not have yet: " + ", ".join(unbuilt)
