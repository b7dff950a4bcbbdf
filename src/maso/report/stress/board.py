"""The verdict in plain words: what holds, what breaks first, what to do, what it costs, who must decide.

Every sentence is counted from the findings; none is written beforehand for a particular fleet. The counts are
of quantities with a budget, as the fleet file declares its controls; each is in exactly one group:

    reaches  it holds at the target
    would    it does not, and would with what is recommended
    misses   it does not, and nothing that was tried and may be chosen changes that
    open     the range holds the target, is unresolved, or was not measured
"""

from typing import Final, Literal, NamedTuple

from maso.findings import (
    AdaptationFinding,
    AnswerStatus,
    AttackPath,
    ControlFinding,
    DecisionFinding,
    DimensionFinding,
    Findings,
)
from maso.report.stress import words
from maso.report.stress.standing import (
    Standing,
    breaks_at,
    budgeted,
    inferred,
    misses,
    shown_control,
    standings,
)
from maso.report.stress.words import Shown

State = Literal["reaches", "would", "misses", "open"]


class Advice(NamedTuple):
    dimension: DimensionFinding
    adaptation: AdaptationFinding


class Board(NamedTuple):
    """What the top of every report says."""

    verdict: Shown
    verdict_words: str
    headline: str
    first: str  # what breaks first, and at what size
    states: dict[State, list[Standing]]
    breaks: list[Standing]  # as declared, the first one first
    usual_breaks: list[Standing]  # under the standard controls
    holds: list[ControlFinding]
    advice: list[Advice]
    in_force: list[Advice]
    advice_cost: str
    cost: str
    deciders: list[tuple[str, list[DecisionFinding]]]
    answers: dict[AnswerStatus, int]
    attacks: str
    controls: dict[str, Shown]  # by the control's id
    missing: list[str]  # keys of the fleet file that would answer more, those that answer most first
    copies: str  # where sizes beyond the file's own are copies of the whole fleet: that they are


def board(findings: Findings) -> Board:
    size = findings.fleet.target
    found = budgeted(standings(findings), size)
    states: dict[State, list[Standing]] = {"reaches": [], "would": [], "misses": [], "open": []}
    for standing in found:
        states[state(standing)].append(standing)
    over_size = [s for s in found if s.now.axis == "size"]
    breaks = sorted((s for s in over_size if misses(s.now)), key=lambda s: breaks_at(s.now))
    usual = sorted((s for s in over_size if misses(s.usual)), key=lambda s: breaks_at(s.usual))
    advice = _adaptations(findings, in_force=False)
    verdict = _verdict(states, bool(usual))
    controls = {control.id: shown_control(control, standings(findings)) for control in findings.controls}
    return Board(
        verdict=verdict,
        verdict_words=_ALREADY if verdict == "in_force" else words.VERDICTS[verdict],
        headline=_headline(findings, states),
        first=_first(findings, breaks, usual),
        states=states,
        breaks=breaks,
        usual_breaks=usual,
        holds=[control for control in findings.controls if control.verdict == "holds"],
        advice=advice,
        in_force=_adaptations(findings, in_force=True),
        advice_cost=_advice_cost(advice),
        cost=_cost(findings),
        deciders=_deciders(findings),
        answers=answers_by_status(findings),
        attacks=_attacks(findings),
        controls=controls,
        missing=missing_keys(findings),
        copies=copies_note(findings),
    )


def state(standing: Standing) -> State:
    if misses(standing.now):
        recommended = standing.recommended
        return "would" if recommended is not None and recommended.reaches_target else "misses"
    return "reaches" if standing.now.reaches_target else "open"


def answers_by_status(findings: Findings) -> dict[AnswerStatus, int]:
    counted: dict[AnswerStatus, int] = dict.fromkeys(words.STATUSES, 0)
    for answer in findings.answers:
        counted[answer.status] += 1
    return counted


def missing_keys(findings: Findings) -> list[str]:
    """Keys that the fleet file leaves open: of unanswered questions, of quantities without a budget."""
    asked = [answer.key for answer in findings.answers if answer.status == "missing" and answer.key]
    budgets = [
        quantity.budget_key
        for dimension in findings.dimensions
        for quantity in dimension.quantities
        if quantity.budget is None and quantity.budget_key
    ]
    found = [*asked, *budgets]
    return sorted(dict.fromkeys(found), key=lambda key: -found.count(key))


KEYS_NAMED_MAX: Final = 5  # a line of a terminal holds them; the page has every key beside its question


def declare_words(missing: list[str]) -> str:
    """`declare a, b and 3 more`; empty where nothing is missing."""
    if not missing:
        return ""
    rest = len(missing) - KEYS_NAMED_MAX
    named = ", ".join(f"`{key}`" for key in missing[:KEYS_NAMED_MAX])
    return f"declare {named}" + (f" and {rest} more" if rest > 0 else "")


def forbidden(findings: Findings) -> dict[tuple[str, str], str]:
    """What is said of a decision, by (dimension, id), whose adaptation may not be chosen."""
    return {
        (dimension.id, adaptation.id): words.forbidden_words(adaptation.forbidden)
        for dimension in findings.dimensions
        for adaptation in dimension.adaptations
        if adaptation.forbidden
    }


# How the engine's own note begins: it is the one about sizes that no file describes.
_NO_GROWTH: Final = "the file has no `growth`"


def copies_note(findings: Findings) -> str:
    return next((note for note in findings.not_checked if note.startswith(_NO_GROWTH)), "")


_ALREADY: Final = "holds as declared, where the standard controls would not"


def _verdict(states: dict[State, list[Standing]], adapted: bool) -> Shown:
    if states["misses"]:
        return "breaks"
    if states["would"]:
        return "adapts"
    if not states["reaches"]:
        return "not_measured"
    return "in_force" if adapted else "holds"


def _headline(findings: Findings, states: dict[State, list[Standing]]) -> str:
    fleet = findings.fleet
    whole = sum(len(found) for found in states.values())
    at = f"At its target of {fleet.target:,} {fleet.unit}"
    if not whole:
        return f"{at}, nothing can be said to hold or to break: the fleet file declares no budget."
    many = f"{words.count(len(states['reaches']), 'quantity', 'quantities')} of {whole} with a budget"
    holds = "hold" if len(states["reaches"]) != 1 else "holds"
    text = f"{at}, {many} {holds} with the controls as the fleet file declares them"
    rest = [
        f"{len(states['would'])} more with what is recommended" if states["would"] else "",
        f"{_breaking(len(states['misses']))}, whatever was tried" if states["misses"] else "",
        f"{len(states['open'])} could not be decided" if states["open"] else "",
    ]
    said = [part for part in rest if part]
    beyond = sum(inferred(s.now, fleet.target) for found in states.values() for s in found)
    note = f" ({beyond} extrapolated beyond the largest run)" if beyond else ""
    return f"{text}{note}; {', '.join(said)}." if said else f"{text}{note}."


def _breaking(number: int) -> str:
    return f"{number} {'breaks' if number == 1 else 'break'}"


def _first(findings: Findings, breaks: list[Standing], usual: list[Standing]) -> str:
    if breaks:
        return f"Breaks first: {_place(findings, breaks[0], standard=False)}."
    if usual:
        place = _place(findings, usual[0], standard=True)
        return f"Nothing breaks below the target. Under the standard controls, first: {place}."
    return "Nothing with a budget was seen to break below the target."


def _place(findings: Findings, standing: Standing, *, standard: bool) -> str:
    quantity = standing.usual if standard else standing.now
    unit = words.axis_unit(findings, quantity)
    return f"{words.capital(quantity.title)}: {words.breaks_words(quantity, unit)}"


def _attacks(findings: Findings) -> str:
    """How many of the attack paths that were tried get through, and the first that does."""
    paths = findings.attack_paths
    tried = [path for path in paths if was_tried(path)]
    through = [path for path in tried if path.outcome == "succeeds"]
    said = []
    if tried:
        number = (
            f"{len(through) or 'None'} of {words.count(len(tried), 'attack path')} that were tried succeeded"
        )
        if len(tried) == 1:
            number = f"The one attack path that was tried {'succeeded' if through else 'was stopped'}"
        first = f"{', first' if len(through) > 1 else ''}: {path_words(through[0])}" if through else ""
        said.append(f"{number}{first}.")
    if untried := len(paths) - len(tried):
        more = f"{untried} more" if tried else words.count(untried, "attack path")
        said.append(f"{more} could not be tried.")
    return " ".join(said)


def was_tried(path: AttackPath) -> bool:
    return path.outcome != "possible" and bool(path.steps)


STEPS_NAMED_MAX: Final = 4  # of a long path the way in and the end say what it is


def path_words(path: AttackPath) -> str:
    """The steps of a path in a line, and what it reaches."""
    steps = list(path.steps)
    if len(steps) > STEPS_NAMED_MAX:
        steps = [*steps[:2], f"{len(steps) - 3} more steps", steps[-1]]
    return f"{' > '.join(steps)} (reaches: {path.reaches})"


def _adaptations(findings: Findings, *, in_force: bool) -> list[Advice]:
    return [
        Advice(dimension, adaptation)
        for dimension in findings.dimensions
        for adaptation in dimension.adaptations
        if (adaptation.in_force if in_force else adaptation.recommended and not adaptation.in_force)
    ]


def held_by(findings: Findings, control: ControlFinding) -> list[Advice]:
    """The adaptations in force without which a quantity that measures the control would miss its target."""
    saved = {s.path for s in standings(findings) if s.verdict == "adapts" and s.now.reaches_target}
    return [
        advice
        for advice in _adaptations(findings, in_force=True)
        for changed in ({f"{advice.dimension.id}/{q.id}" for q in advice.adaptation.quantities_after},)
        if changed & saved & {*control.quantities}
    ]


def _advice_cost(advice: list[Advice]) -> str:
    if not advice:
        return ""
    return _sum([a.adaptation.cost_usd_month for a in advice], "adaptation")


def _cost(findings: Findings) -> str:
    if not findings.costs:
        return "no cost is projected by these dimensions"
    return _sum([cost.usd_month for cost in findings.costs], "line")


def _sum(values: list[float | None], what: str) -> str:
    known = [value for value in values if value is not None]
    unknown = len(values) - len(known)
    if not known:
        return f"no price declared for {words.count(unknown, what)}"
    text = f"{words.dollars(sum(known))} a month for {words.count(len(known), what)}"
    return f"{text}; no price declared for {unknown} more" if unknown else text


def _deciders(findings: Findings) -> list[tuple[str, list[DecisionFinding]]]:
    by_who: dict[str, list[DecisionFinding]] = {}
    for decision in findings.decisions:
        by_who.setdefault(decision.who, []).append(decision)
    return list(by_who.items())
