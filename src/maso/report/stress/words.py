"""The words and figures of the report: one way to write a number, a range, a class, a mark, a verdict.

Every format uses these, so that the page, the Markdown and the terminal say the same sentence. Figures keep
three significant digits (the intervals are wider than the fourth), counts of a thousand and more keep none
behind the point. Nothing here knows how a format escapes.
"""

from typing import Final, Literal

from maso.findings import (
    AnswerFinding,
    AnswerStatus,
    BreakpointFinding,
    BudgetFinding,
    Findings,
    Mark,
    QuantityFinding,
    ScalingClass,
    ScalingFinding,
)

# A verdict of the findings as a reader needs it: `adapts` there is one of two opposite things.
#     in_force  an adaptation is what holds it, and the fleet file has that adaptation in force
#     adapts    it breaks as declared, and would hold with what is recommended
Shown = Literal["holds", "in_force", "adapts", "breaks", "not_measured"]

VERDICTS: Final[dict[Shown, str]] = {
    "holds": "holds",
    "in_force": "holds as declared",
    "adapts": "needs adapting",
    "breaks": "breaks",
    "not_measured": "not measured",
}
# A sign beside each word, so that neither colour nor a font decides what is read.
VERDICT_SIGNS: Final[dict[Shown, str]] = {
    "holds": "✓",
    "in_force": "⊕",
    "adapts": "↻",
    "breaks": "✕",
    "not_measured": "○",
}
STATUSES: Final[dict[AnswerStatus, str]] = {
    "measured": "measured",
    "simulated": "simulated",
    "declared": "declared",
    "mixed": "of several marks",
    "missing": "declaration missing",
    "not_checked": "not checked",
}
MARKS: Final[dict[Mark, str]] = {
    "measured": "real code, run on the machine named below",
    "simulated": "from declared distributions, or under virtual time",
    "declared": "taken from the fleet file",
}
CLASSES: Final[dict[ScalingClass, str]] = {
    "constant": "constant",
    "logarithmic": "logarithmic",
    "linear": "linear",
    "linearithmic": "n log n",
    "quadratic": "quadratic",
    "worse": "worse than quadratic",
    "hard limit": "hard limit",
    "unresolved": "not resolved",
}
# So many left open out of seven say nothing about the growth; naming them all would look as if they did.
_CANDIDATES_NAMED_MAX: Final = 3
_CLASS_NAMES: Final[dict[str, str]] = {str(name): words for name, words in CLASSES.items()}
# From what grows least to what grows most; `unresolved` has no place in it.
CLASS_ORDER: Final[tuple[ScalingClass, ...]] = (
    "constant", "logarithmic", "linear", "linearithmic", "quadratic", "worse", "hard limit",
)  # fmt: skip

_SCALES: Final = ((1e12, "trillion"), (1e9, "billion"), (1e6, "million"))
_WRITTEN_OUT_MIN: Final = 1e7  # below it every digit of a count is worth reading
_TINY: Final = 1e-4  # below it zeros are harder to count than an exponent


def figure(value: float) -> str:
    """Three significant digits, thousands separated: `0.0123`, `12.3`, `1,230`, `12.3 million`."""
    size = abs(value)
    if size == 0:
        return "0"
    if size < _TINY:
        return f"{value:.2e}"
    if size >= _WRITTEN_OUT_MIN:
        for scale, word in _SCALES:
            if size >= scale:
                return f"{value / scale:,.3g} {word}" if size < 1e15 else f"{value:.2e}"
    if size >= 999.5 or value == round(value):
        return f"{value:,.0f}"
    places = 2 if size >= 0.995 else 3
    while size < 10 ** (2 - places):
        places += 1
    if size >= 9.995:
        places = 1 if size < 99.95 else 0
    text = f"{value:.{places}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def amount(value: float | str | None, unit: str = "") -> str:
    """A value with its unit; a dash where there is none."""
    if value is None:
        return "-"
    if isinstance(value, str):
        return f"{value} {unit}".strip()
    if unit == "share":
        return f"{figure(value * 100)}%"
    return f"{figure(value)} {singular(unit) if value == 1 else unit}".strip()


def singular(unit: str) -> str:
    """The unit of one thing: `hours of churn` becomes `hour of churn`, `ms` stays."""
    first, space, rest = unit.partition(" ")
    return f"{_one(first)}{space}{rest}"


_ES_ENDINGS: Final = ("sses", "xes", "tches", "shes", "buses")


def _one(noun: str) -> str:
    if len(noun) <= 3 or not noun.endswith("s") or noun.endswith("ss"):
        return noun
    if noun.endswith("ies"):
        return f"{noun[:-3]}y"
    return noun[:-2] if noun.endswith(_ES_ENDINGS) else noun[:-1]


def dollars(value: float | None) -> str:
    if value is None:
        return "no price declared"
    if 0 < abs(value) < 0.01:
        return "less than $0.01"
    if abs(value) < 100 and value != round(value):
        return f"${value:,.2f}"
    return f"${figure(value)}"


def capital(text: str) -> str:
    """A title at the head of something: `µs` and `DLP` keep their letters, `time to read` begins large."""
    return text[:1].upper() + text[1:] if text[1:2].islower() or text[1:2] == " " else text


def count(number: int, one: str, many: str = "") -> str:
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def status(answer: AnswerFinding) -> str:
    """What an answer rests on, or why there is none; several marks are all named."""
    return " and ".join(answer.marks) if answer.status == "mixed" else STATUSES[answer.status]


def axis_unit(findings: Findings, quantity: QuantityFinding) -> str:
    return quantity.axis_unit or (findings.fleet.unit if quantity.axis == "size" else quantity.axis)


def class_words(scaling: ScalingFinding | None) -> str:
    if scaling is None:
        return "-"
    if scaling.scaling_class != "unresolved" or not scaling.candidates:
        return CLASSES[scaling.scaling_class]
    if len(scaling.candidates) > _CANDIDATES_NAMED_MAX:
        return CLASSES["unresolved"]
    *others, last = [_CLASS_NAMES.get(name, name) for name in scaling.candidates]
    return f"unresolved: {', '.join(others)} or {last}" if others else f"probably {last}"


def growth_words(quantity: QuantityFinding) -> str:
    """The class of a quantity; where one size was run, there is no growth to speak of."""
    if len({point.size for point in quantity.points}) == 1:
        return "run at one size"
    return class_words(quantity.scaling)


def exponent_words(scaling: ScalingFinding) -> str:
    """The exponent of the size, with its interval."""
    said = [f"{value:.2f}" for value in (scaling.exponent, scaling.low, scaling.high)]
    at, low, high = ("0.00" if text == "-0.00" else text for text in said)
    return f"exponent {at} ({low} to {high})"


def surprise(scaling: ScalingFinding | None) -> str:
    """The class that the design foresees, where another one was fitted: a finding of its own.

    The expectation is about the standard controls; under others a different class is what they are for.
    """
    if scaling is None or scaling.scaling_class in ("unresolved", scaling.expected):
        return ""
    return CLASSES[scaling.expected]


def budget_words(budget: BudgetFinding, unit: str) -> str:
    bound = "at most" if budget.direction == "max" else "at least"
    return f"{bound} {amount(budget.value, unit)}"


def range_words(low: float | None, high: float | None) -> str:
    if low is None and high is None:
        return "-"
    if low is None:
        return f"up to {figure(high or 0)}"
    if high is None:
        return f"{figure(low)} or more"
    return figure(low) if figure(low) == figure(high) else f"{figure(low)} to {figure(high)}"


def breakpoint_words(found: BreakpointFinding | None, unit: str, largest: int | None = None) -> str:
    """`310 to 340 agents`, `none up to 1,000 agents`, `unresolved (why)`."""
    if found is None:
        return "-"
    if found.kind == "none":
        return f"none up to {largest:,} {unit}" if largest else "none"
    if found.kind == "unresolved":
        known = bool(found.low) or found.high is not None
        between = f", somewhere at {range_words(found.low or None, found.high)} {unit}" if known else ""
        return f"unresolved{between}" + (f" ({found.why})" if found.why else "")
    text = f"{range_words(found.low, found.high)} {unit}".strip()
    if found.low == 0:  # how the search says that the smallest run was over the budget already
        return f"already at {amount(found.high or 0, unit)}, the smallest size run"
    if found.kind == "extrapolated":
        far = f", {figure(found.factor)} times the largest run" if found.factor else ""
        return f"{text} (extrapolated{far})"
    return text


def largest_run(quantity: QuantityFinding) -> int | None:
    return max((point.size for point in quantity.points), default=None)


def breaks_words(quantity: QuantityFinding, unit: str) -> str:
    """Where a quantity breaks, or why that cannot be said."""
    sizes = {point.size for point in quantity.points}
    if len(sizes) == 1 and quantity.budget is not None and quantity.reaches_target is not None:
        side = "within" if quantity.reaches_target else "over"
        return f"{side} its budget at {amount(max(sizes), unit)}, the only size run"
    if quantity.breakpoint is not None:
        return breakpoint_words(quantity.breakpoint, unit, largest_run(quantity))
    if quantity.budget is not None:
        return {True: "within its budget", False: "beyond its budget", None: "not measured"}[
            quantity.reaches_target
        ]
    return f"no budget: declare {quantity.budget_key}" if quantity.budget_key else "no budget"


def median(values: list[float]) -> float | None:
    """The middle value, the mean of the two middle ones where there are two."""
    if not values:
        return None
    ordered = sorted(values)
    middle = len(ordered) // 2
    if len(ordered) % 2:
        return ordered[middle]
    return (ordered[middle - 1] + ordered[middle]) / 2


def value_at(quantity: QuantityFinding, size: int) -> float | None:
    """The median over seeds at a size."""
    return median([point.value for point in quantity.points if point.size == size])


def shown_at(quantity: QuantityFinding, target: int) -> int | None:
    """The size whose value stands for the quantity: the target, or the largest that was run."""
    sizes = sorted({point.size for point in quantity.points})
    if not sizes:
        return None
    return target if quantity.axis == "size" and target in sizes else sizes[-1]


def forbidden_words(why: str) -> str:
    """What may not be chosen although it was measured, in a sentence without its full stop."""
    return f"measured to compare: may not be chosen here because {why.rstrip('. ')}"


def settings_words(settings: dict[str, str]) -> str:
    return ", ".join(f"{key}: {value}" for key, value in sorted(settings.items()))
