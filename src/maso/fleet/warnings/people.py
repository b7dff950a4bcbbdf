"""Who decides and who answers for it."""

from typing import Final

from maso.fleet.figures import judged_per_hour
from maso.fleet.warnings.about import About, Found, Rule


def _reviewers(a: About) -> Found:
    fleet, rules = a.fleet, a.fleet.governance
    share = fleet.judge.escalation_share
    if share is None or not fleet.workload.journeys:
        return
    hourly = judged_per_hour(fleet) * share
    capacity = rules.reviewers * rules.reviews_per_reviewer_hour
    if hourly > capacity:
        yield f"{hourly:,.0f} escalations an hour at {share:.1%}, capacity {capacity:,.0f}"


def _options(a: About) -> Found:
    return (o.id for o in a.fleet.governance.options if not o.approved_by)


def _decision_rights(a: About) -> Found:
    return [] if a.fleet.governance.decision_rights else ["governance"]


def _no_risk_owner(a: About) -> Found:
    return [] if a.fleet.governance.risk_owner else ["governance"]


RULES: Final[tuple[Rule, ...]] = (
    (
        "reviewers-short",
        "medium",
        _reviewers,
        "more would be escalated than people can review",
        "what is not reviewed in time is denied",
        "more reviewers, or fewer escalations",
    ),
    (
        "option-not-approved",
        "medium",
        _options,
        "a way to save money is not approved by anybody",
        "under pressure it will be decided ad hoc",
        "`approved_by`, or drop it",
    ),
    (
        "no-decision-rights",
        "medium",
        _decision_rights,
        "nobody is named who may change ratios and budgets",
        "under pressure whoever is there decides",
        "`governance.decision_rights`",
    ),
    (
        "no-risk-owner",
        "low",
        _no_risk_owner,
        "no risk owner is named",
        "nobody signs the findings",
        "`governance.risk_owner`",
    ),
)
