"""The same delegation rules in Cedar: does a general policy engine say the same, and at what price?

Teams ask for one policy language for everything. Each declared delegation becomes a Cedar policy: a principal
(the source), the actions it may pass on, a resource (the target), and the time limit as a condition; agents
become entities with their cluster as parent. Policies and entities are parsed once and kept as handles;
parsed with every request, the price would be another. Cedar evaluates every policy of a set at each request,
so it is also asked with the set *sliced* by source, as a service would do that has many.

Measured, not used: `docs/adr/0009-delegation-policies-and-cedar.md` says why.
"""

import json
from collections.abc import Sequence
from typing import Any, Final, NamedTuple

import cedarpy

from maso.clock import MINUTE
from maso.controls.policy import delegation_policy
from maso.fleet.model import AgentType, Delegation, Fleet
from maso.fleet.rulebook import Rulebook
from maso.streams import stream
from maso.stress.dimension import Outcome, Trial
from maso.stress.timing import cpu_us_each

# One request at 3,000 policies costs two milliseconds.
QUESTIONS: Final = 400
QUESTIONS_QUICK: Final = 120
TIMED_BUDGET: Final = 20_000  # policies evaluated per pass: fewer questions where there are more policies
TIMED_MIN: Final = 4
RULES_PER_SOURCE: Final = 10  # of the made rules; what a slice holds


class Compiled(NamedTuple):
    """Parsed handles: all policies in one set, and one set for each source."""

    policies: Any
    entities: Any
    by_source: dict[str, Any]
    nothing: Any


class Asked(NamedTuple):
    """May `source` pass `action` to `target` for so many minutes?"""

    source: str
    target: str
    action: str
    minutes: int


def policy_text(rule: Delegation) -> str:
    """One delegation in Cedar's own words."""
    actions = ", ".join(f"Action::{json.dumps(name)}" for name in rule.actions)
    return (
        f"permit(principal == Agent::{json.dumps(rule.from_)}, action in [{actions}], "
        f"resource == Agent::{json.dumps(rule.to)}) when {{ context.minutes <= {rule.minutes_max} }};"
    )


def compiled(rules: Sequence[Delegation], agents: Sequence[AgentType]) -> Compiled:
    """Raises ValueError where Cedar cannot read what was made of a rule."""
    by_source: dict[str, list[str]] = {}
    for rule in rules:
        by_source.setdefault(rule.from_, []).append(policy_text(rule))
    text = "\n".join(line for lines in by_source.values() for line in lines)
    entities = [
        {
            "uid": {"type": "Agent", "id": agent.id},
            "attrs": {},
            "parents": [{"type": "Cluster", "id": agent.cluster}],
        }
        for agent in agents
    ]
    parse = cedarpy.PolicySet.from_str
    return Compiled(
        parse(text),
        cedarpy.Entities.from_json_str(json.dumps(entities)),
        {source: parse("\n".join(lines)) for source, lines in by_source.items()},
        parse(""),
    )


def request_of(asked: Asked) -> dict[str, Any]:
    return {
        "principal": {"type": "Agent", "id": asked.source},
        "action": {"type": "Action", "id": asked.action},
        "resource": {"type": "Agent", "id": asked.target},
        "context": {"minutes": asked.minutes},
    }


def allows(made: Compiled, asked: Asked, *, sliced: bool = False) -> bool:
    """Cedar's decision; an error in a policy is no permission."""
    policies = made.by_source.get(asked.source, made.nothing) if sliced else made.policies
    answer = cedarpy.is_authorized(request_of(asked), policies, made.entities)
    return bool(answer.allowed) and not answer.diagnostics.errors


# Does it agree?


def agrees(trial: Trial) -> Outcome:
    """The fleet's own rules: the same questions to Cedar and to the plane's point-to-point table."""
    fleet = trial.fleet
    rules = Rulebook(fleet)
    policy = delegation_policy(rules)
    made = compiled(_merged(fleet), fleet.types)
    differing = 0
    asked = questions(fleet, trial.seed, QUESTIONS_QUICK if trial.quick else QUESTIONS)
    for one in asked:
        bits, longest = policy.between(rules.type_by_id[one.source], rules.type_by_id[one.target])
        table = bool(bits & rules.action_by_id[one.action].bit) and one.minutes * MINUTE <= longest
        differing += (allows(made, one) is not table) + (allows(made, one, sliced=True) is not table)
    return Outcome(values={"cedar_disagreements": float(differing)}, details={"asked": len(asked)})


def _merged(fleet: Fleet) -> list[Delegation]:
    """One rule a pair, as the plane compiles it: all actions, the longest time."""
    merged: dict[tuple[str, str], Delegation] = {}
    for rule in fleet.delegations:
        held = merged.get((rule.from_, rule.to))
        if held is not None:
            actions = tuple(dict.fromkeys((*held.actions, *rule.actions)))
            longest = max(held.minutes_max, rule.minutes_max)
            rule = Delegation(from_=rule.from_, to=rule.to, actions=actions, minutes_max=longest)
        merged[rule.from_, rule.to] = rule
    return list(merged.values())


def questions(fleet: Fleet, seed: int, count: int) -> list[Asked]:
    """Half about declared delegations, right and too long; half about anybody and anything."""
    draw = stream(seed, "delegation/cedar")
    names = [agent.id for agent in fleet.types]
    actions = [action.id for action in fleet.actions]
    asked = []
    for i in range(count):
        rule = draw.pick(fleet.delegations)
        if i % 2:
            minutes = rule.minutes_max + draw.below(2)
            asked.append(Asked(rule.from_, rule.to, draw.pick(rule.actions), minutes))
        else:
            asked.append(Asked(draw.pick(names), draw.pick(names), draw.pick(actions), 1 + draw.below(60)))
    return asked


# What does it cost?


def rule_points(_fleet: Fleet, quick: bool) -> tuple[int, ...]:
    return (10, 30, 100, 300, 1_000) if quick else (10, 30, 100, 300, 1_000, 3_000)


def cost(trial: Trial) -> Outcome:
    """CPU time of one authorisation at `at` policies, in one set and sliced by source."""
    count = trial.at
    rules = [
        Delegation(from_=f"s{i // RULES_PER_SOURCE}", to=f"t{i}", actions=("read", "write", "settle"))
        for i in range(count)
    ]
    agents = [AgentType(id=name) for rule in rules for name in (rule.from_, rule.to)]
    made = compiled(rules, list({agent.id: agent for agent in agents}.values()))
    draw = stream(trial.seed, "delegation/cedar/cost")
    many = max(TIMED_MIN, min(100, TIMED_BUDGET // count))
    picked = [draw.pick(rules) for _ in range(many)]
    asked = [Asked(rule.from_, rule.to, "write", 5) for rule in picked]
    repetitions = 2 if trial.quick else 4
    return Outcome(
        values={
            "cedar_us": cpu_us_each(lambda one: allows(made, one), asked, repetitions),
            "cedar_sliced_us": cpu_us_each(lambda one: allows(made, one, sliced=True), asked, repetitions),
        }
    )
