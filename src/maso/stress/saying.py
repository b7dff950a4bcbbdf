"""What the words of every dimension share: an answer, a number, a count, who decides.

Figures come from the view; where it has none, a text says "not measured" and never a zero in its place.
"""

from maso.findings import AnswerFinding, AnswerStatus
from maso.stress.dimension import View
from maso.stress.questions import BY_ID


def answer(
    view: View,
    question: str,
    value: float | str | None,
    unit: str,
    text: str,
    *quantities: str,
    key: str = "",
    status: AnswerStatus = "measured",
) -> AnswerFinding:
    """The answer to `question`, citing those of `quantities` that were measured.

    key  the key of the fleet file that is not filled in: the status is then `missing`
    """
    asked = BY_ID[question]
    measured = [name for name in quantities if view.value(name) is not None]
    return AnswerFinding(
        question=question,
        asked=asked.words,
        dimension=asked.dimension,
        status="missing" if key else status,
        value=value,
        unit=unit,
        text=text.strip(),
        evidence=view.evidence(*measured),
        key=key,
    )


def number(value: float | None) -> str:
    """Two or three digits that matter; whole numbers with their thousands."""
    if value is None:
        return "not measured"
    if value == int(value) or abs(value) >= 100:
        return f"{round(value):,}"
    return f"{value:.1f}" if abs(value) >= 1 else f"{value:.2g}"


def count(value: float | None, one: str, many: str) -> str:
    return f"{number(value)} {one if value == 1 else many}"


def who_decides(view: View, right: str) -> str:
    """Who the fleet's decision rights name for `right`, else its risk owner, else the key to fill in."""
    governance = view.fleet.governance
    named = governance.decision_rights.get(right) or governance.risk_owner
    return named or f"nobody is named: fill in `governance.decision_rights.{right}`"


def price_of_cores(view: View, cores: float) -> tuple[float | None, str]:
    """US dollars a month for `cores` cores, and on what basis; None where the fleet file prices none."""
    price = view.fleet.prices.core_usd_month
    if price is None:
        return None, "`prices.core_usd_month` is not declared"
    return cores * price, f"${price:,.0f} a core and month (`prices.core_usd_month`)"


def price_of_hours(view: View, hours: float) -> tuple[float | None, str]:
    """US dollars for `hours` of people's time, and on what basis; None where the fleet file prices none."""
    price = view.fleet.prices.person_usd_hour
    if price is None:
        return None, "`prices.person_usd_hour` is not declared"
    return hours * price, f"${price:,.0f} an hour (`prices.person_usd_hour`)"
