"""Delegation policies (T3-CONTRACT): which source may pass what to which target, as a table.

What a rule names decides how many rules there are, and how much they permit:

    per-instance    two running instances; a rule appears when both are admitted, and goes when one ends
    point-to-point  two agents as the fleet file declares them (two types, in a depth fleet)
    role-based      two roles: whatever one agent of a role may pass to one of another, all of them may
    cluster-based   two clusters, in the same way

A wider rule permits more pairs than were declared, and the longest time limit of those it replaces. It never
adds an action: what source and target may not have done is cut from every answer, and the intersection along
the chain (`contracts.py`, `delegation.py`) cuts it again.

A role is, in a fleet that was grown from desks, the desk template's role with what it may do; elsewhere,
agents with the same actions, `may_request`, clearance and plane have one role (role mining). Agents of one
role behind different barriers are told apart by their clearance only outside of desks: a desk's role is one
role on every desk, which is what a team that writes roles means by it.

Not handled: conditions on data or time of day (`docs/adr/0009-delegation-policies-and-cedar.md` says why a
general policy engine is measured, but not used).
"""

from collections.abc import Iterable, Sequence
from typing import Final, Protocol

from maso.controls.state import Instance
from maso.fleet.model import AgentType, Fleet
from maso.fleet.rulebook import Rulebook, TypeRules

Permission = tuple[int, int]  # actions as a bitset, nanoseconds at most
NOTHING: Final[Permission] = (0, 0)


class DelegationPolicy(Protocol):
    """What contracts are held against."""

    @property
    def rules(self) -> int:
        """How many rules there are now: what a person would have to read."""
        ...

    def permits(self, source: Instance, target: Instance) -> Permission:
        """What `source` may pass on to `target` by one contract."""
        ...

    def between(self, source: TypeRules, target: TypeRules) -> Permission:
        """The same for any instances of two types in one session."""
        ...

    def admitted(self, instances: Sequence[Instance]) -> None:
        """These were admitted; they stand in their session already."""
        ...

    def ended(self, instance: Instance) -> None:
        """This one ended."""
        ...


class PointToPoint:
    """One rule for each pair of types between which the fleet file declares a delegation."""

    __slots__ = ("rules",)

    def __init__(self, rules: Rulebook) -> None:
        self.rules = sum(len(kind.delegates) for kind in rules.types)

    def permits(self, source: Instance, target: Instance) -> Permission:
        return source.type.delegates.get(target.type.index, NOTHING)

    def between(self, source: TypeRules, target: TypeRules) -> Permission:
        return source.delegates.get(target.index, NOTHING)

    def admitted(self, instances: Sequence[Instance]) -> None:
        pass  # rules name types, not instances

    def ended(self, instance: Instance) -> None:
        pass


class PerInstance:
    """One rule for each pair of running instances of one session whose types were declared.

    What a team does that writes policies for workloads rather than for kinds of them: as many rules as the
    fleet has pairs alive, written and withdrawn at the pace of the churn.
    """

    __slots__ = ("_into", "_table", "rules")

    def __init__(self) -> None:
        self.rules = 0
        self._table: dict[int, dict[int, Permission]] = {}  # source NHI -> target NHI -> what may be passed
        self._into: dict[int, list[int]] = {}  # target NHI -> sources: so that an ending finds its rules

    def permits(self, source: Instance, target: Instance) -> Permission:
        row = self._table.get(source.nhi)
        return NOTHING if row is None else row.get(target.nhi, NOTHING)

    def between(self, source: TypeRules, target: TypeRules) -> Permission:
        return source.delegates.get(target.index, NOTHING)

    def admitted(self, instances: Sequence[Instance]) -> None:
        if not instances:
            return
        everybody = instances[0].session.instances
        by_type: dict[int, list[Instance]] = {}
        for one in everybody:
            by_type.setdefault(one.type.index, []).append(one)
        for source in everybody:
            for index, permission in source.type.delegates.items():
                for target in by_type.get(index, ()):
                    if target is not source:
                        self._install(source.nhi, target.nhi, permission)

    def _install(self, source: int, target: int, permission: Permission) -> None:
        row = self._table.setdefault(source, {})
        if target not in row:
            self._into.setdefault(target, []).append(source)
            self.rules += 1
        row[target] = permission

    def ended(self, instance: Instance) -> None:
        nhi = instance.nhi
        for target in self._table.pop(nhi, {}):
            self._into[target].remove(nhi)
            self.rules -= 1
        for source in self._into.pop(nhi, ()):
            del self._table[source][nhi]
            self.rules -= 1


class Grouped:
    """One rule for each pair of groups (roles, clusters) between which some delegation is declared."""

    __slots__ = ("_group", "_table", "rules")

    def __init__(self, rules: Rulebook, groups: Sequence[str]) -> None:
        """groups: the group of each agent type, in the fleet's order. Ports are in none."""
        numbers = {name: number for number, name in enumerate(dict.fromkeys(groups))}
        self._group = tuple(numbers[name] for name in groups)
        self._table: dict[tuple[int, int], Permission] = {}
        for source in rules.types:
            for target, (bits, longest) in source.delegates.items():
                key = (self._group[source.index], self._group[target])
                held_bits, held_longest = self._table.get(key, NOTHING)
                self._table[key] = (held_bits | bits, max(held_longest, longest))
        self.rules = len(self._table)

    def permits(self, source: Instance, target: Instance) -> Permission:
        return self.between(source.type, target.type)

    def between(self, source: TypeRules, target: TypeRules) -> Permission:
        group = self._group
        if source.is_port or target.is_port:
            return NOTHING
        held = self._table.get((group[source.index], group[target.index]))
        if held is None:
            return NOTHING
        return held[0] & source.authority & target.authority, held[1]

    def admitted(self, instances: Sequence[Instance]) -> None:
        pass  # a new agent is covered by its group's rules

    def ended(self, instance: Instance) -> None:
        pass


def roles_of(fleet: Fleet) -> tuple[str, ...]:
    """The role of each agent type, in the fleet's order; see the module's first lines."""
    return tuple(f"role {number}" for number in _numbered(_signature(agent) for agent in fleet.types))


def _signature(agent: AgentType) -> tuple[object, ...]:
    powers = (tuple(sorted(agent.actions)), tuple(sorted(agent.may_request)), agent.plane)
    if agent.desk is not None and agent.id.startswith(f"{agent.desk}."):
        return (agent.id[len(agent.desk) + 1 :], *powers)
    held = (agent.clearance.level, tuple(sorted(agent.clearance.compartments)))
    return ("", *powers, held)


def _numbered(keys: Iterable[tuple[object, ...]]) -> list[int]:
    """Equal keys get the same number, in the order in which they come first."""
    numbers: dict[tuple[object, ...], int] = {}
    return [numbers.setdefault(key, len(numbers)) for key in keys]


def clusters_of(fleet: Fleet) -> tuple[str, ...]:
    return tuple(agent.cluster for agent in fleet.types)


def delegation_policy(rules: Rulebook) -> DelegationPolicy:
    """The policy that `controls.delegation_policy` asks for, compiled."""
    match rules.fleet.controls.delegation_policy:
        case "per-instance":
            return PerInstance()
        case "point-to-point":
            return PointToPoint(rules)
        case "role-based":
            return Grouped(rules, roles_of(rules.fleet))
        case "cluster-based":
            return Grouped(rules, clusters_of(rules.fleet))
