"""Delegation policies counted: rules, pairs, what wider rules give away, and what a look-up costs.

The policies are the plane's own (`controls/policy.py`). Rules of running instances are installed for every
session of the trial's size, on real instances that were made without their credentials: admission is the
identity dimension's matter and changes no rule.

In a depth fleet a delegation declared between two types is a pair of instances in every session; in a breadth
fleet an agent is one instance.
"""

from typing import NamedTuple

from maso.controls.policy import DelegationPolicy, PerInstance, clusters_of, delegation_policy, roles_of
from maso.controls.state import Instance, Session
from maso.fleet.graph import closure, members
from maso.fleet.model import Fleet
from maso.fleet.rulebook import Rulebook, TypeRules
from maso.streams import stream
from maso.stress.dimension import LIST_ROWS_MAX, Outcome, Trial
from maso.stress.timing import cpu_us_each

# Pairs asked about at one point, half of which may delegate, and how often each in turn: the few are in the
# processor's caches, so that the figure is the table's own, and not that of the memory around it.
PAIRS_ASKED = 200
TIMES_ASKED = 10
SESSIONS_ASKED = 500
# NHIs of instances that stand here without a credential: counted, so that they never collide.
_FIRST_NHI = 1


class Populated(NamedTuple):
    """A policy with everybody whom it knows. `pairs` may delegate as declared."""

    rules: Rulebook
    policy: DelegationPolicy
    instances: tuple[Instance, ...]
    pairs: tuple[tuple[Instance, Instance], ...]


def declared_pairs(fleet: Fleet) -> int:
    """Pairs of running instances between which the fleet file declares a delegation, at the fleet's size."""
    per_session = {agent.id: agent.per_session for agent in fleet.types}
    sessions = fleet.size if fleet.kind == "depth" else 1
    pairs = {(d.from_, d.to) for d in fleet.delegations}
    each = sum(
        per_session[a] * per_session[b] if a != b else per_session[a] * (per_session[a] - 1) for a, b in pairs
    )
    return sessions * each


def populate(fleet: Fleet, sessions_max: int | None = None) -> Populated:
    """Everybody who takes part in a delegation, in as many sessions as the fleet has."""
    rules = Rulebook(fleet)
    policy = delegation_policy(rules)
    ends = {d.from_ for d in fleet.delegations} | {d.to for d in fleet.delegations}
    kinds = [kind for kind in rules.types if kind.id in ends]
    sessions = fleet.size if fleet.kind == "depth" else 1
    if sessions_max is not None:
        sessions = min(sessions, sessions_max)
    people: list[Instance] = []
    pairs: list[tuple[Instance, Instance]] = []
    nhi = _FIRST_NHI
    for number in range(1, sessions + 1):
        session = Session(number)
        for kind in kinds:
            for k in range(kind.per_session):
                session.instances.append(Instance(nhi, kind, session, k))
                nhi += 1
        policy.admitted(session.instances)
        people += session.instances
        pairs += _pairs_of(session)
    return Populated(rules, policy, tuple(people), tuple(pairs))


def _pairs_of(session: Session) -> list[tuple[Instance, Instance]]:
    by_type: dict[int, list[Instance]] = {}
    for one in session.instances:
        by_type.setdefault(one.type.index, []).append(one)
    return [
        (one, other)
        for one in session.instances
        for index in one.type.delegates
        for other in by_type.get(index, ())
        if other is not one
    ]


def count(trial: Trial) -> Outcome:
    """Rules, the time to read them, pairs, and agents whose group decides."""
    fleet = trial.fleet
    values = {"delegation_edges": float(declared_pairs(fleet))}
    if fleet.controls.delegation_policy == "per-instance":
        rules = populate(fleet).policy.rules
    else:
        rules = delegation_policy(Rulebook(fleet)).rules
    values["policy_rules"] = float(rules)
    grouped = fleet.controls.delegation_policy in ("role-based", "cluster-based")
    sources = {d.from_ for d in fleet.delegations}
    sessions = fleet.size if fleet.kind == "depth" else 1
    values["delegation_keys"] = float(
        sessions * sum(agent.per_session for agent in fleet.types if agent.id in sources)
    )
    values["policy_members"] = float(len(fleet.types)) if grouped else 0.0
    rate = fleet.governance.audit_rules_per_hour
    if rate:
        values["policy_audit_hours"] = rules / rate
    return Outcome(values=values)


def look_up(trial: Trial) -> Outcome:
    """CPU time of one question to the policy, over pairs that may delegate and pairs that may not."""
    # Rules that name no instances are the same for any number of sessions.
    installed = trial.fleet.controls.delegation_policy == "per-instance"
    everybody = populate(trial.fleet, None if installed else SESSIONS_ASKED)
    if not everybody.pairs:
        return Outcome(values={})
    draw = stream(trial.seed, "delegation/look-up")
    asked = [draw.pick(everybody.pairs) for _ in range(PAIRS_ASKED // 2)]
    asked += [
        (draw.pick(everybody.instances), draw.pick(everybody.instances)) for _ in range(PAIRS_ASKED // 2)
    ]
    permits = everybody.policy.permits
    each = cpu_us_each(lambda pair: permits(*pair), asked * TIMES_ASKED, repetitions=5 if trial.quick else 9)
    return Outcome(values={"policy_lookup_us": each})


# What wider rules give away.


def groups_of(fleet: Fleet) -> tuple[str, ...]:
    """The group of each agent type under the policy in force; itself where rules are not grouped."""
    match fleet.controls.delegation_policy:
        case "role-based":
            return roles_of(fleet)
        case "cluster-based":
            return clusters_of(fleet)
        case _:
            return tuple(agent.id for agent in fleet.types)


def permitted_types(fleet: Fleet, rules: Rulebook) -> list[tuple[TypeRules, TypeRules, int]]:
    """(source, target, actions) that the policy lets pass between two types."""
    policy: DelegationPolicy = delegation_policy(rules)
    if isinstance(policy, PerInstance):
        return [(s, rules.types[t], bits) for s in rules.types for t, (bits, _) in s.delegates.items()]
    group = groups_of(fleet)
    members_of: dict[str, list[TypeRules]] = {}
    for kind, name in zip(rules.types, group, strict=False):  # ports come after the agents, in no group
        members_of.setdefault(name, []).append(kind)
    joined = {(group[s.index], group[t]) for s in rules.types for t in s.delegates}
    found = []
    for one, other in sorted(joined):
        for source in members_of[one]:
            for target in members_of[other]:
                bits = policy.between(source, target)[0]
                if source is not target and bits:
                    found.append((source, target, bits))
    return found


def given_away(trial: Trial) -> Outcome:
    """Delegations that the policy permits beyond the declared ones, and those of them that cross a barrier.

    Counted between types: in a depth fleet every session has them.
    """
    fleet = trial.fleet
    rules = Rulebook(fleet)
    barriers = frozenset(c.id for c in fleet.compartments if c.barrier)
    behind = {agent.id: barriers.intersection(agent.clearance.compartments) for agent in fleet.types}
    extra = across = pairs = 0
    rows: list[list[str]] = []
    for source, target, bits in permitted_types(fleet, rules):
        more = bits & ~source.delegates.get(target.index, (0, 0))[0]
        if not more:
            continue
        extra += more.bit_count()
        pairs += 1
        crosses = behind[source.id] != behind[target.id]
        across += more.bit_count() if crosses else 0
        if len(rows) < LIST_ROWS_MAX:
            names = ", ".join(rules.action_names(more))
            rows.append([source.id, target.id, names, "yes" if crosses else "no"])
    values = {"policy_extra": float(extra), "policy_extra_across": float(across)}
    return Outcome(values=values, details={"extra": rows, "extra_total": pairs})


# Paths by which a privileged action comes within reach.


class Reach(NamedTuple):
    """The delegation graph under the policy in force. `out[i]`: whom type i may delegate to."""

    out: list[int]
    reach: list[int]
    guarded: int  # actions that are privileged or need a contract


def reach_of(fleet: Fleet, rules: Rulebook) -> Reach:
    out = [0] * len(fleet.types)
    for source, target, _ in permitted_types(fleet, rules):
        out[source.index] |= 1 << target.index
    guarded = sum(a.bit for a in rules.actions if a is not None and (a.privileged or a.needs_contract))
    return Reach(out, closure(out), guarded)


def privilege_paths(rules: Rulebook, found: Reach) -> list[tuple[int, int, int]]:
    """(source, executor, actions): guarded actions within reach of a source that may not have them done."""
    paths = []
    for source, reached in enumerate(found.reach):
        lacking = found.guarded & ~rules.types[source].authority
        if not lacking:
            continue
        for executor in members(reached & ~(1 << source)):
            actions = rules.types[executor].executes & lacking
            if actions:
                paths.append((source, executor, actions))
    return paths


def count_paths(trial: Trial) -> Outcome:
    """How many (source, action, executor) a chain of permitted delegations would join."""
    rules = Rulebook(trial.fleet)
    paths = privilege_paths(rules, reach_of(trial.fleet, rules))
    return Outcome(values={"privilege_paths": float(sum(bits.bit_count() for _, _, bits in paths))})
