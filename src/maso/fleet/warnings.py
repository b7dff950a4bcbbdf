"""What an architect would ask about a fleet that is legal: warnings, each with why it matters and what to do.

One function per warning, one warning per id: everything that it applies to stands in `where`. A warning
never stops a run. What could not be right in any fleet is a mistake and is refused by `load.py` instead.
"""

from collections.abc import Callable, Iterable, Iterator
from itertools import pairwise
from typing import Final, Literal, NamedTuple

from maso.fleet.graph import Graph, closure, cycles, shortest_path, transitive_candidates
from maso.fleet.ground import carrying_field
from maso.fleet.model import Action, AgentType, Fleet, Step
from maso.fleet.operations import OPERATIONS

Severity = Literal["high", "medium", "low"]
SEVERITIES: Final[tuple[Severity, ...]] = ("high", "medium", "low")


class Warning(NamedTuple):
    """One warning. `where` names parts of the fleet, in the order of the file."""

    id: str
    severity: Severity
    where: tuple[str, ...]
    what: str
    why: str
    todo: str


class _About(NamedTuple):
    """What the rules look at, prepared once."""

    fleet: Fleet
    graph: Graph
    actions: dict[str, Action]


_Found = Iterable[str]
_Rule = tuple[str, Severity, Callable[[_About], _Found], str, str, str]


def warnings_of(fleet: Fleet, graph: Graph | None = None) -> tuple[Warning, ...]:
    """Every warning, the severe ones first, else in the order of the rules."""
    about = _About(fleet, graph or Graph(fleet), {a.id: a for a in fleet.actions})
    found = []
    for ident, severity, rule, what, why, todo in RULES:
        where = tuple(rule(about))
        if where:
            found.append(Warning(ident, severity, where, what, why, todo))
    return tuple(sorted(found, key=lambda w: SEVERITIES.index(w.severity)))


# --- providers and the control plane ------------------------------------------------------------------------


def provider_counts(fleet: Fleet) -> dict[str, int]:
    """Agents (instances of one session, in a depth fleet) on each provider."""
    counts = {p.id: 0 for p in fleet.providers}
    for agent in fleet.types:
        if agent.provider is not None:
            counts[agent.provider] = counts.get(agent.provider, 0) + _weight(fleet, agent)
    return counts


def _weight(fleet: Fleet, agent: AgentType) -> int:
    return agent.per_session if fleet.kind == "depth" else 1


def agent_count(fleet: Fleet) -> int:
    return sum(_weight(fleet, t) for t in fleet.types)


def _over_share(a: _About) -> _Found:
    total, most = agent_count(a.fleet), a.fleet.target.provider_share_max
    for name, count in provider_counts(a.fleet).items():
        if total and count / total > most:
            yield f"{name} ({count} of {total}, declared at most {most:.0%})"


def _control_shares(a: _About) -> _Found:
    tasks = {t.provider for t in a.fleet.types if t.plane == "task"}
    return (f"{t.id} ({t.provider})" for t in a.fleet.types if t.plane == "control" and t.provider in tasks)


def _judge_shares(a: _About) -> _Found:
    tasks = {t.provider for t in a.fleet.types if t.plane == "task"}
    provider = a.fleet.judge.provider
    return [provider] if provider in tasks and provider is not None else []


def _no_provider(a: _About) -> _Found:
    return (t.id for t in a.fleet.types if t.provider is None) if a.fleet.providers else ()


def _no_backup(a: _About) -> _Found:
    return (t.id for t in a.fleet.types if t.pace.type.backup_provider is None and t.plane == "task")


# --- judge and people ---------------------------------------------------------------------------------------


def judged_share(fleet: Fleet, agent: AgentType, action: Action) -> float:
    """The share of `action`, done by `agent`, that the judge sees."""
    return max(action.judge, agent.judge_actions.get(action.id, agent.judge if not action.judge else 0.0))


def _irreversible(a: _About) -> _Found:
    for agent in a.fleet.types:
        for name in agent.actions:
            action = a.actions[name]
            share = judged_share(a.fleet, agent, action)
            if action.irreversible and share < 1:
                yield f"{agent.id}: {name} ({share:.0%})"


def _reviewers(a: _About) -> _Found:
    fleet, rules = a.fleet, a.fleet.governance
    share = fleet.judge.escalation_share
    if share is None or not fleet.workload.journeys:
        return
    hourly = judged_per_hour(fleet) * share
    capacity = rules.reviewers * rules.reviews_per_reviewer_hour
    if hourly > capacity:
        yield f"{hourly:,.0f} escalations an hour at {share:.1%}, capacity {capacity:,.0f}"


def _options(a: _About) -> _Found:
    return (o.id for o in a.fleet.governance.options if not o.approved_by)


def _decision_rights(a: _About) -> _Found:
    return [] if a.fleet.governance.decision_rights else ["governance"]


# --- actions and authority ----------------------------------------------------------------------------------


def _unused_actions(a: _About) -> _Found:
    used = {name for t in a.fleet.types for name in t.actions}
    return (action.id for action in a.fleet.actions if action.id not in used)


def _unguarded_money(a: _About) -> _Found:
    for action in a.fleet.actions:
        if OPERATIONS[action.operation].moves_money and not action.privileged:
            yield action.id


def _made_up(a: _About) -> _Found:
    """Arguments that the world will compare with its facts, and that a simulated session would invent."""
    schemas = {s.id: s for s in a.fleet.schemas}
    for action in a.fleet.actions:
        operation = OPERATIONS[action.operation]
        for name, argument in operation.arguments.items():
            field = schemas[action.schema].fields[name]
            if operation.facts_check and argument.fact and field.fact is None:
                yield f"{action.id}: {name} (`fact: {argument.fact}`)"


def _never_delegated(a: _About) -> _Found:
    for agent in a.fleet.types:
        given = {name for d in a.fleet.delegations if d.to == agent.id for name in d.actions}
        for name in agent.actions:
            if a.actions[name].needs_contract and name not in given:
                yield f"{agent.id}: {name}"


def steps_of(fleet: Fleet) -> Iterator[Step]:
    for journey in fleet.workload.journeys:
        yield from journey.steps


def _idle_authority(a: _About) -> _Found:
    """Only where journeys say what the fleet does."""
    if not a.fleet.workload.journeys:
        return
    done = {(s.from_, s.action) for s in steps_of(a.fleet)}
    for agent in a.fleet.types:
        for name in agent.actions:
            if (agent.id, name) not in done:
                yield f"{agent.id}: {name}"


def _idle_requests(a: _About) -> _Found:
    given = {(d.from_, name) for d in a.fleet.delegations for name in d.actions}
    for agent in a.fleet.types:
        for name in agent.may_request:
            if (agent.id, name) not in given:
                yield f"{agent.id}: {name}"


def _transitive(a: _About) -> _Found:
    return (f"{t.action}: {' > '.join(t.path)}" for t in transitive_candidates(a.graph))


def _delegation_cycles(a: _About) -> _Found:
    for group in cycles(a.graph.delegates[: a.graph.agents]):
        yield " > ".join(a.graph.names[i] for i in group)


# --- data ---------------------------------------------------------------------------------------------------


def _barrier_without_schema(a: _About) -> _Found:
    barriers = [c.id for c in a.fleet.compartments if c.barrier]
    types = {t.id: t for t in a.fleet.types}
    schemas = {s.id: s for s in a.fleet.schemas}
    for link in a.fleet.links:
        sender, receiver = types.get(link.from_), types.get(link.to)
        if sender is None or receiver is None:
            continue
        held, cleared = sender.clearance.compartments, receiver.clearance.compartments
        crossed = [b for b in barriers if b in held and b not in cleared and b not in link.declassify]
        if crossed and carrying_field(schemas[link.schema]):
            yield f"{link.from_} > {link.to} ({', '.join(crossed)})"


def _free_instructions(a: _About) -> _Found:
    schemas = {s.id: s for s in a.fleet.schemas}
    for link in a.fleet.links:
        texts = any(f.type in ("text", "list", "documents") for f in schemas[link.schema].fields.values())
        if link.instruction_sources and texts:
            yield f"{link.from_} > {link.to} ({', '.join(link.instruction_sources)})"


def _trusted_outside(a: _About) -> _Found:
    return (p.id for p in a.fleet.ports if p.source is None and p.external)


def _unmarked_ports(a: _About) -> _Found:
    return (p.id for p in a.fleet.ports if p.source is None and not p.external)


def _unsigned(a: _About) -> _Found:
    return (p.id for p in a.fleet.ports if p.source == "rag" and not p.signed)


def _stale(a: _About) -> _Found:
    return (p.id for p in a.fleet.ports if p.source == "rag" and p.signed and p.fresh_minutes_max is None)


# --- structure ----------------------------------------------------------------------------------------------


def _isolated(a: _About) -> _Found:
    spoken = {x.from_ for x in a.fleet.links} | {x.to for x in a.fleet.links}
    return (t.id for t in a.fleet.types if t.id not in spoken)


def _unreached(a: _About) -> _Found:
    """Nothing that enters the fleet ever gets to it."""
    if not a.fleet.ports:
        return
    reach = closure(a.graph.out)
    entered = 0
    for i in range(a.graph.agents, len(a.graph.names)):
        entered |= reach[i]
    spoken = {x.from_ for x in a.fleet.links} | {x.to for x in a.fleet.links}
    for i, agent in enumerate(a.fleet.types):
        if not entered >> i & 1 and agent.id in spoken:
            yield agent.id


def _cluster_cycles(a: _About) -> _Found:
    """Circles round which a phase passes by itself, with no dependency that stops it."""
    names = [c.id for c in a.fleet.clusters]
    number = {name: i for i, name in enumerate(names)}
    for phase in ("on_alternate", "on_contingency", "on_emergency"):
        out = [0] * len(names)
        for d in a.fleet.dependencies:
            if d.policy == "automatic" and getattr(d, phase) == "cascade":
                out[number[d.consumer]] |= 1 << number[d.producer]
        for group in cycles(out):
            circle = _circle(out, group)
            hops = ", ".join(f"{names[i]} from {names[j]}" for i, j in pairwise(circle))
            yield f"`{phase}: cascade` all round: {hops}"


def _circle(out: list[int], group: tuple[int, ...]) -> tuple[int, ...]:
    """A shortest way from the group's first member back to it."""
    start = group[0]
    ways = [shortest_path(out, j, start) for j in group if out[start] >> j & 1]
    return (start, *min((way for way in ways if way), key=len))


def _no_shutdown(a: _About) -> _Found:
    return [] if a.fleet.shutdown else ["shutdown"]


def _no_budget(a: _About) -> _Found:
    for agent in a.fleet.types:
        b = agent.budgets
        if b.turns is None and b.tokens is None and b.usd is None:
            yield agent.id


def _no_money_budget(a: _About) -> _Found:
    rules = a.fleet.governance
    return [] if rules.budget_usd_per_day and rules.budget_steps else ["governance"]


def _no_pace(a: _About) -> _Found:
    for agent in a.fleet.types:
        level = agent.pace.type
        if not (level.alternate and level.contingency and level.emergency):
            yield agent.id


def _no_session_end(a: _About) -> _Found:
    return (t.id for t in a.fleet.types if t.session_minutes_max is None)


def _no_risk_owner(a: _About) -> _Found:
    return [] if a.fleet.governance.risk_owner else ["governance"]


# --- traffic, as far as the file declares it ----------------------------------------------------------------


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


RULES: Final[tuple[_Rule, ...]] = (
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
        "barrier-without-schema",
        "high",
        _barrier_without_schema,
        "a link crosses an information barrier with free text",
        "only the label stands between the two sides; honest messages will be refused",
        "a strict schema, `declassify` and an owner",
    ),
    (
        "trusted-outside",
        "high",
        _trusted_outside,
        "a port leads outside and has no integrity mark",
        "whatever comes from there counts as trusted, and may instruct",
        "`source: web`, `mcp` or `tool`",
    ),
    (
        "free-instructions",
        "high",
        _free_instructions,
        "a link accepts instructions of untrusted descent as free text",
        "an injected sentence becomes an instruction (PG-1.4)",
        "a schema without text, or `kind: data`",
    ),
    (
        "rag-unsigned",
        "medium",
        _unsigned,
        "a retrieval port does not demand signatures",
        "a poisoned document reaches every instance (DP-2.3)",
        "`signed: true`",
    ),
    (
        "rag-no-freshness",
        "medium",
        _stale,
        "a retrieval port accepts documents of any age",
        "stale prices and rules are served as current",
        "`fresh_minutes_max`",
    ),
    (
        "port-unmarked",
        "low",
        _unmarked_ports,
        "a port has no integrity mark",
        "it is trusted like staff; that is right for staff only",
        "keep it for staff, or give it a `source`",
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
    (
        "isolated",
        "low",
        _isolated,
        "nobody talks to these agents, and they talk to nobody",
        "they cost money and do nothing",
        "a link, or leave them out",
    ),
    (
        "unreached",
        "low",
        _unreached,
        "nothing that enters the fleet reaches these agents",
        "they never have anything to do",
        "a link from whoever should feed them",
    ),
    (
        "dependency-cycle",
        "medium",
        _cluster_cycles,
        "clusters follow each other down in a circle (consumer from producer)",
        "one that goes down takes all of them along",
        "the named field `stale` or `fallback` in one dependency of the circle, or `policy: assess` there",
    ),
    (
        "no-shutdown",
        "high",
        _no_shutdown,
        "no shutdown is declared",
        "a kill leaves payments and reservations in doubt (OB-3.2)",
        "`shutdown` with its stages",
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
    (
        "no-session-end",
        "medium",
        _no_session_end,
        "nothing bounds how long an instance lives",
        "a stolen credential lives as long (IA-2.5)",
        "`session_minutes_max`",
    ),
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
