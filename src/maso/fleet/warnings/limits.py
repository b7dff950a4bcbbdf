"""What bounds an agent: how it is stopped, what it may spend, how it degrades, how long it lives."""

from typing import Final

from maso.fleet.warnings.about import About, Found, Rule

# Whoever orders a stop waits for it; a stage that may last longer than a day is a slip of the pen.
_STAGE_SECONDS_MAX: Final = 86_400


def _no_shutdown(a: About) -> Found:
    return [] if a.fleet.shutdown else ["shutdown"]


def _no_budget(a: About) -> Found:
    for agent in a.fleet.types:
        b = agent.budgets
        if b.turns is None and b.tokens is None and b.usd is None:
            yield agent.id


def _no_money_budget(a: About) -> Found:
    rules = a.fleet.governance
    return [] if rules.budget_usd_per_day and rules.budget_steps else ["governance"]


def _no_pace(a: About) -> Found:
    for agent in a.fleet.types:
        level = agent.pace.type
        if not (level.alternate and level.contingency and level.emergency):
            yield agent.id


def _no_session_end(a: About) -> Found:
    return (t.id for t in a.fleet.types if t.session_minutes_max is None)


def _outlives(a: About) -> Found:
    """Stages that a lease outlives; a halt only takes no new sessions, which needs no lease."""
    lasts = a.fleet.switch.lease_ms + a.fleet.switch.drift_ms
    for stage in a.fleet.shutdown:
        if stage.stage in ("freeze", "terminate") and stage.seconds_max * 1_000 < lasts:
            whole = f"`switch.lease_ms` and `drift_ms`: {lasts / 1_000:g} s"
            yield f"{stage.stage} ({stage.seconds_max} s; {whole})"


def _endless(a: About) -> Found:
    for stage in a.fleet.shutdown:
        if stage.seconds_max > _STAGE_SECONDS_MAX:
            yield f"{stage.stage} ({stage.seconds_max:,} s, {stage.seconds_max // _STAGE_SECONDS_MAX:,} days)"


def _no_freeze(a: About) -> Found:
    stages = [stage.stage for stage in a.fleet.shutdown]
    return ["shutdown"] if stages and "freeze" not in stages else []


def _no_slack(a: About) -> Found:
    switch = a.fleet.switch
    if 2 * switch.renew_ms + switch.drift_ms >= switch.lease_ms:
        yield f"`switch.lease_ms` {switch.lease_ms}, `renew_ms` {switch.renew_ms}"


RULES: Final[tuple[Rule, ...]] = (
    (
        "no-shutdown",
        "high",
        _no_shutdown,
        "no shutdown is declared",
        "a kill leaves payments and reservations in doubt (OB-3.2)",
        "`shutdown` with its stages",
    ),
    (
        "lease-outlives-stage",
        "high",
        _outlives,
        "a lease lasts longer than a stage of the shutdown",
        "the next stage begins while whoever cannot hear the switch still acts as before",
        "a shorter `switch.lease_ms`, or more seconds for the stage",
    ),
    (
        "stage-endless",
        "high",
        _endless,
        "a stage of the shutdown may last longer than a day",
        "that is how long the fleet may go on after somebody stopped it",
        "`seconds_max` of what is still under way then: seconds, or minutes",
    ),
    (
        "no-freeze",
        "low",
        _no_freeze,
        "the shutdown has no `freeze`",
        "sessions act on until the drain, and a drain cannot be called off",
        "the stage `freeze` after `halt`",
    ),
    (
        "lease-no-slack",
        "medium",
        _no_slack,
        "a lease ends before its second renewal",
        "one lost message stops agents that nobody stopped",
        "`switch.renew_ms` below half of `switch.lease_ms`",
    ),
    (
        "no-budgets",
        "high",
        _no_budget,
        "an agent has no budget of turns, tokens or dollars",
        "one loop costs without end (OB-2.5, LOOP)",
        "`budgets`",
    ),
    (
        "no-money-budget",
        "medium",
        _no_money_budget,
        "no daily budget with its steps",
        "cost is noticed on the invoice (ECO)",
        "`governance.budget_usd_per_day` and `budget_steps`",
    ),
    (
        "no-pace",
        "medium",
        _no_pace,
        "the way down of a type is not declared",
        "what happens when it fails is decided while it fails",
        "`pace.type` with alternate, contingency, emergency",
    ),
    (
        "no-session-end",
        "medium",
        _no_session_end,
        "nothing bounds how long an instance lives",
        "a stolen credential lives as long (IA-2.5)",
        "`session_minutes_max`",
    ),
)
