"""Who may do what: money, what cannot be undone, authority that is never used or goes in circles."""

from typing import Final

from maso.fleet.figures import judged_share, steps_of
from maso.fleet.graph import cycles, transitive_candidates
from maso.fleet.operations import OPERATIONS
from maso.fleet.warnings.about import About, Found, Rule


def _irreversible(a: About) -> Found:
    for agent in a.fleet.types:
        for name in agent.actions:
            action = a.actions[name]
            share = judged_share(a.fleet, agent, action)
            if action.irreversible and share < 1:
                yield f"{agent.id}: {name} ({share:.0%})"


def _unguarded_money(a: About) -> Found:
    for action in a.fleet.actions:
        if OPERATIONS[action.operation].moves_money and not action.privileged:
            yield action.id


def _made_up(a: About) -> Found:
    """Arguments that the world will compare with its facts, and that a simulated session would invent."""
    schemas = {s.id: s for s in a.fleet.schemas}
    for action in a.fleet.actions:
        operation = OPERATIONS[action.operation]
        for name, argument in operation.arguments.items():
            field = schemas[action.schema].fields[name]
            if operation.facts_check and argument.fact and field.fact is None:
                yield f"{action.id}: {name} (`fact: {argument.fact}`)"


def _transitive(a: About) -> Found:
    return (f"{t.action}: {' > '.join(t.path)}" for t in transitive_candidates(a.graph))


def _delegation_cycles(a: About) -> Found:
    for group in cycles(a.graph.delegates[: a.graph.agents]):
        yield " > ".join(a.graph.names[i] for i in group)


def _never_delegated(a: About) -> Found:
    for agent in a.fleet.types:
        given = {name for d in a.fleet.delegations if d.to == agent.id for name in d.actions}
        for name in agent.actions:
            if a.actions[name].needs_contract and name not in given:
                yield f"{agent.id}: {name}"


def _unused_actions(a: About) -> Found:
    used = {name for t in a.fleet.types for name in t.actions}
    return (action.id for action in a.fleet.actions if action.id not in used)


def _idle_authority(a: About) -> Found:
    """Only where journeys say what the fleet does."""
    if not a.fleet.workload.journeys:
        return
    done = {(s.from_, s.action) for s in steps_of(a.fleet)}
    for agent in a.fleet.types:
        for name in agent.actions:
            if (agent.id, name) not in done:
                yield f"{agent.id}: {name}"


def _idle_requests(a: About) -> Found:
    given = {(d.from_, name) for d in a.fleet.delegations for name in d.actions}
    for agent in a.fleet.types:
        for name in agent.may_request:
            if (agent.id, name) not in given:
                yield f"{agent.id}: {name}"


RULES: Final[tuple[Rule, ...]] = (
    (
        "irreversible-not-judged",
        "high",
        _irreversible,
        "an irreversible action is not judged at 100%",
        "what cannot be undone is seen by nobody before it happens (EC-2.5)",
        "`judge: 1.0` on the action, or accept it by name",
    ),
    (
        "money-not-privileged",
        "high",
        _unguarded_money,
        "an action moves money and is not privileged",
        "untrusted text may determine its arguments",
        "`privileged: true` with `arguments`",
    ),
    (
        "argument-made-up",
        "medium",
        _made_up,
        "an argument that the world compares with its facts has no `fact`",
        "simulated honest sessions invent it, and the world declines what they ask",
        "the named `fact` in the field of the action's schema",
    ),
    (
        "transitive-privilege",
        "medium",
        _transitive,
        "somebody reaches, by delegating, a guarded action that is not theirs",
        "contracts make the path worthless, but laundering is tried here (IA-2.3)",
        "delegate to a type with fewer actions, or watch it",
    ),
    (
        "delegation-cycle",
        "medium",
        _delegation_cycles,
        "delegation goes in a circle",
        "authority can be passed round, and a loop costs turns",
        "break the circle",
    ),
    (
        "never-delegated",
        "medium",
        _never_delegated,
        "an action needs a contract that nobody may give",
        "it can never be done",
        "an entry under `delegations`, or drop the action",
    ),
    (
        "action-unused",
        "low",
        _unused_actions,
        "an action that nobody may do",
        "it is attack surface on paper, or somebody lacks it",
        "list it in a type's `actions`, or drop it",
    ),
    (
        "authority-idle",
        "low",
        _idle_authority,
        "authority that no journey uses",
        "what is not needed can only be misused (IA-1.4)",
        "drop it, or add the journey that needs it",
    ),
    (
        "request-idle",
        "low",
        _idle_requests,
        "authority to pass on that no delegation uses",
        "what is not needed can only be misused",
        "drop it from `may_request`",
    ),
)
