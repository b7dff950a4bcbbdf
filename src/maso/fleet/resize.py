"""Any fleet file at any size: what `maso stress` sweeps, also for a file that says nothing about growth.

    depth                      more sessions of the same types (`grow.py`)
    breadth with `growth`      the file's own rule (`grow.py`); below the agents it lists, its first `n`
    breadth without `growth`   below its own size the first `n` agents, beyond it *copies* of the whole fleet:
                               the k-th copy of agent `a` is called `a~k`

Between copies the rule decides: `constant-degree` joins a copy only to the one before it, `constant-density`
joins every copy to every earlier one, `hub` joins every copy to the original; each by the same links and
delegations that the file has between the two agents. Ports, schemas and actions are shared. So `resize(n)` is
contained in `resize(n + 1)`, and what a report says of such sizes rests on this assumption, which it states
(`assumption`).

Not handled: journeys of copies. A copied fleet has the file's own journeys only.
"""

from collections.abc import Iterable
from typing import Final

import msgspec

from maso.fleet.grow import SIZE_MAX_BREADTH, GrowthError, grow
from maso.fleet.model import AgentType, Delegation, Fleet, Link
from maso.fleet.template import FleetFile, GrowthRule

_MARK: Final = "~"  # no name in a file may hold it


def resize(file: FleetFile, n: int, rule: GrowthRule | None = None) -> Fleet:
    """The fleet at size `n`. Raises GrowthError where the size is out of range."""
    if file.kind == "depth":
        return grow(file, n)
    if file.growth is not None:
        base = len(file.types)
        return grow(file, n, rule) if n >= max(1, base) else first_agents(grow(file, base, rule), n)
    if not 1 <= n <= SIZE_MAX_BREADTH:
        raise GrowthError(f"size {n} is out of range; legal: 1 to {SIZE_MAX_BREADTH} agents")
    own = grow(file, len(file.types))
    if n <= len(own.types):
        return first_agents(own, n)
    return _copied(own, n, rule or "constant-degree")


def assumption(file: FleetFile) -> str:
    """What is assumed about growth because the file says nothing; empty where it does."""
    if file.kind == "depth" or file.growth is not None:
        return ""
    return (
        f"the file has no `growth`: beyond its {len(file.types)} agents it was grown by copies of the whole "
        "fleet, each joined to the one before it; fill in `desks` and `growth` to say how it will really grow"
    )


def size_max(file: FleetFile, depth_max: int) -> int:
    """The largest size that a sweep may use."""
    return depth_max if file.kind == "depth" else SIZE_MAX_BREADTH


def first_agents(fleet: Fleet, n: int) -> Fleet:
    """The first `n` agents of the file's order and what they have among themselves."""
    kept = fleet.types[:n]
    names = {agent.id for agent in kept} | {port.id for port in fleet.ports}
    journeys = tuple(
        journey
        for journey in fleet.workload.journeys
        if all(end is None or end in names for step in journey.steps for end in (step.from_, step.to))
    )
    clusters = {agent.cluster for agent in kept}
    return msgspec.structs.replace(
        fleet,
        size=n,
        types=kept,
        links=tuple(x for x in fleet.links if x.from_ in names and x.to in names),
        delegations=tuple(x for x in fleet.delegations if x.from_ in names and x.to in names),
        dependencies=tuple(
            d for d in fleet.dependencies if d.consumer in clusters and d.producer in clusters
        ),
        workload=msgspec.structs.replace(fleet.workload, journeys=journeys),
    )


def _copied(own: Fleet, n: int, rule: GrowthRule) -> Fleet:
    base = len(own.types)
    copies = -(-n // base)
    types: list[AgentType] = []
    for copy in range(copies):
        types += [msgspec.structs.replace(a, id=_name(a.id, copy)) for a in own.types[: n - copy * base]]
    present = {agent.id for agent in types} | {port.id for port in own.ports}
    agents = {agent.id for agent in own.types}
    links: list[Link] = []
    delegations: list[Delegation] = []
    for copy in range(copies):
        for link in own.links:
            for ends in _ends(link.from_, link.to, agents, copy, rule):
                if present.issuperset(ends):
                    links.append(msgspec.structs.replace(link, from_=ends[0], to=ends[1]))
        for passed in own.delegations:
            for ends in _ends(passed.from_, passed.to, agents, copy, rule):
                if present.issuperset(ends):
                    delegations.append(msgspec.structs.replace(passed, from_=ends[0], to=ends[1]))
    return msgspec.structs.replace(
        own, size=n, types=tuple(types), links=tuple(links), delegations=tuple(delegations)
    )


def _name(agent: str, copy: int) -> str:
    return f"{agent}{_MARK}{copy + 1}" if copy else agent


def _ends(
    source: str, target: str, agents: set[str], copy: int, rule: GrowthRule
) -> Iterable[tuple[str, str]]:
    """The pairs by which copy `copy` is joined to itself and to earlier copies."""
    if source not in agents or target not in agents:  # one end is a port, which all copies share
        yield (
            _name(source, copy) if source in agents else source,
            _name(target, copy) if target in agents else target,
        )
        return
    yield _name(source, copy), _name(target, copy)
    for other in _earlier(copy, rule):
        yield _name(source, other), _name(target, copy)
        if rule == "hub":
            yield _name(source, copy), _name(target, other)


def _earlier(copy: int, rule: GrowthRule) -> Iterable[int]:
    if copy == 0:
        return ()
    if rule == "hub":
        return (0,)
    return (copy - 1,) if rule == "constant-degree" else range(copy)
