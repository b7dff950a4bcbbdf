"""Figures that follow from what a fleet file declares: agents per provider, sessions, judged actions."""

from collections.abc import Callable, Iterator

from maso.fleet.model import Action, AgentType, Fleet, Step


def provider_counts(fleet: Fleet) -> dict[str, int]:
    """Agents (instances of one session, in a depth fleet) on each provider."""
    counts = {p.id: 0 for p in fleet.providers}
    for agent in fleet.types:
        if agent.provider is not None:
            counts[agent.provider] = counts.get(agent.provider, 0) + weight(fleet, agent)
    return counts


def weight(fleet: Fleet, agent: AgentType) -> int:
    return agent.per_session if fleet.kind == "depth" else 1


def agent_count(fleet: Fleet) -> int:
    return sum(weight(fleet, t) for t in fleet.types)


def judged_share(fleet: Fleet, agent: AgentType, action: Action) -> float:
    """The share of `action`, done by `agent`, that the judge sees."""
    return max(action.judge, agent.judge_actions.get(action.id, agent.judge if not action.judge else 0.0))


def steps_of(fleet: Fleet) -> Iterator[Step]:
    for journey in fleet.workload.journeys:
        yield from journey.steps


def per_session(fleet: Fleet, count: Callable[[Step], float]) -> float:
    """The mean over the journeys of what `count` says of each step."""
    return sum(
        journey.share * sum(count(step) * step.chance * step.repeat for step in journey.steps)
        for journey in fleet.workload.journeys
    )


def sessions_per_hour(fleet: Fleet) -> float:
    """Sessions that end in an hour at the fleet's size; 0 for a breadth fleet, whose size counts agents."""
    return fleet.size * 60 / fleet.workload.session_minutes if fleet.kind == "depth" else 0.0


def judged_per_hour(fleet: Fleet) -> float:
    """Actions that the judge sees in an hour, from journeys, at the fleet's size."""
    types = {t.id: t for t in fleet.types}
    actions = {a.id: a for a in fleet.actions}

    def judged(step: Step) -> float:
        if step.action is None or step.from_ is None:
            return 0.0
        return judged_share(fleet, types[step.from_], actions[step.action])

    return per_session(fleet, judged) * sessions_per_hour(fleet)
