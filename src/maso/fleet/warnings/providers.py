"""Where models run: one provider for too much, or for what should not fail together."""

from typing import Final

from maso.fleet.figures import agent_count, provider_counts
from maso.fleet.warnings.about import About, Found, Rule


def _over_share(a: About) -> Found:
    total, most = agent_count(a.fleet), a.fleet.target.provider_share_max
    for name, count in provider_counts(a.fleet).items():
        if total and count / total > most:
            yield f"{name} ({count} of {total}, declared at most {most:.0%})"


def _control_shares(a: About) -> Found:
    tasks = {t.provider for t in a.fleet.types if t.plane == "task"}
    return (f"{t.id} ({t.provider})" for t in a.fleet.types if t.plane == "control" and t.provider in tasks)


def _judge_shares(a: About) -> Found:
    tasks = {t.provider for t in a.fleet.types if t.plane == "task"}
    provider = a.fleet.judge.provider
    return [provider] if provider in tasks and provider is not None else []


def _no_backup(a: About) -> Found:
    return (t.id for t in a.fleet.types if t.pace.type.backup_provider is None and t.plane == "task")


def _no_provider(a: About) -> Found:
    return (t.id for t in a.fleet.types if t.provider is None) if a.fleet.providers else ()


RULES: Final[tuple[Rule, ...]] = (
    (
        "provider-share",
        "high",
        _over_share,
        "one provider runs more of the fleet than declared",
        "its outage and its errors hit all of these agents at once (PG-2.9)",
        "move agents, or raise `target.provider_share_max` knowingly",
    ),
    (
        "control-on-task-provider",
        "high",
        _control_shares,
        "agents of the control plane are on a provider of task agents",
        "what manages the degradation degrades with it (PACE-AGENT)",
        "give the control plane a provider of its own",
    ),
    (
        "judge-on-task-provider",
        "medium",
        _judge_shares,
        "the judge is on a provider of the agents that it judges",
        "correlated errors pass the judge, and an outage takes both",
        "another provider under `judge`",
    ),
    (
        "no-backup-provider",
        "low",
        _no_backup,
        "a type has no backup provider",
        "its alternate phase has nowhere to go",
        "`pace.type.backup_provider`",
    ),
    (
        "no-provider",
        "low",
        _no_provider,
        "an agent has no provider",
        "concentration and cost leave it out",
        "`provider`",
    ),
)
