"""Who can reach whom: the graph of communication and the graph of delegation, counted.

Nodes are agent types and ports (in a breadth fleet every agent is a type of its own). Edges of
communication are links, and the two ways of an action: out to its port, and the answer back. Edges of
delegation are the fleet's `delegations`. Sets of nodes are integers used as bitsets, so a closure over
1,000 agents takes milliseconds.

The longest chain of handoffs is the longest path that visits no agent twice, which is hard to find in
general: the search stops after `CHAIN_STEPS_MAX` steps and then says that the chain is *at least* that long.

Not handled here: what actually flows (`watch/`), and attack paths (`stress/`).
"""

from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple

from maso.fleet.model import AgentType, Fleet, Link

# Half a second of search; research-5 needs 100 steps, a fleet of 100 agents cannot be exhausted anyway.
CHAIN_STEPS_MAX: Final = 200_000


class Chain(NamedTuple):
    """The longest chain found: its agents, and whether the search was complete."""

    agents: tuple[str, ...]
    exact: bool

    @property
    def handoffs(self) -> int:
        return max(0, len(self.agents) - 1)


class Transitive(NamedTuple):
    """Somebody reaches, over others, an action that is not theirs."""

    source: str
    action: str
    path: tuple[str, ...]


class Graph:
    """The graphs of one fleet. `out[i]` and `delegates[i]` are the bitsets of the successors of node i."""

    def __init__(self, fleet: Fleet) -> None:
        self.fleet = fleet
        self.names = [t.id for t in fleet.types] + [p.id for p in fleet.ports]
        self.number = {name: i for i, name in enumerate(self.names)}
        self.agents = len(fleet.types)
        self.out = [0] * len(self.names)
        self.delegates = [0] * len(self.names)
        for link in fleet.links:
            self.out[self.number[link.from_]] |= 1 << self.number[link.to]
        ports = {action.id: self.number[action.port] for action in fleet.actions}
        answers = {action.id for action in fleet.actions if action.answer is not None}
        for i, agent in enumerate(fleet.types):
            for name in agent.actions:
                self.out[i] |= 1 << ports[name]
                if name in answers:
                    self.out[ports[name]] |= 1 << i
        for delegation in fleet.delegations:
            self.delegates[self.number[delegation.from_]] |= 1 << self.number[delegation.to]

    def between_agents(self) -> list[int]:
        """Successors among agents only, without what an agent notes for itself."""
        agents = (1 << self.agents) - 1
        return [self.out[i] & agents & ~(1 << i) for i in range(self.agents)]


def members(bits: int) -> Iterator[int]:
    """Numbers of the set bits, rising."""
    while bits:
        low = bits & -bits
        yield low.bit_length() - 1
        bits ^= low


def closure(out: list[int]) -> list[int]:
    """What each node reaches in one step or more."""
    reach = list(out)
    changed = True
    while changed:
        changed = False
        for i, direct in enumerate(reach):
            more = direct
            for j in members(direct):
                more |= reach[j]
            if more != direct:
                reach[i] = more
                changed = True
    return reach


def cycles(out: list[int]) -> list[tuple[int, ...]]:
    """The groups of nodes that reach each other, each as its sorted members; self-loops are not counted."""
    reach = closure(out)
    groups = []
    seen = 0
    for i in range(len(out)):
        if seen >> i & 1 or not reach[i] >> i & 1:
            continue
        group = tuple(j for j in members(reach[i]) if reach[j] >> i & 1)
        seen |= sum(1 << j for j in group)
        if len(group) > 1:
            groups.append(group)
    return groups


def shortest_path(out: list[int], source: int, target: int) -> tuple[int, ...]:
    """Fewest steps from source to target, or nothing. Of several, the one through the lowest numbers."""
    before = {source: source}
    front = [source]
    while front and target not in before:
        ahead = []
        for node in front:
            for following in members(out[node]):
                if following not in before:
                    before[following] = node
                    ahead.append(following)
        front = ahead
    if target not in before:
        return ()
    path = [target]
    while path[-1] != source:
        path.append(before[path[-1]])
    return tuple(reversed(path))


def longest_chain(graph: Graph) -> Chain:
    """The longest chain of handoffs between agents; see the module's first lines."""
    out = graph.between_agents()
    best: tuple[int, ...] = ()
    exact = True
    budget = CHAIN_STEPS_MAX // max(1, len(out))
    for start in range(len(out)):
        found, steps = _longest_from(out, start, budget)
        exact = exact and steps < budget
        if len(found) > len(best):
            best = found
    return Chain(tuple(graph.names[i] for i in best), exact)


def _longest_from(out: list[int], start: int, budget: int) -> tuple[tuple[int, ...], int]:
    """Depth first from one agent, at most `budget` steps; the best path and the steps it took."""
    best = [start]
    stack = [members(out[start])]
    visited = 1 << start
    path = [start]
    steps = 0
    while stack and steps < budget:
        steps += 1
        following = next((j for j in stack[-1] if not visited >> j & 1), None)
        if following is None:
            stack.pop()
            visited &= ~(1 << path.pop())
            continue
        visited |= 1 << following
        path.append(following)
        stack.append(members(out[following]))
        if len(path) > len(best):
            best = list(path)
    return tuple(best), steps


def _barriers(agent: AgentType, barriers: frozenset[str]) -> frozenset[str]:
    return barriers.intersection(agent.clearance.compartments)


def pairs_across(fleet: Fleet) -> tuple[int, int]:
    """Pairs of agents between which a barrier lies: those with a link between them, and all.

    A barrier lies between two agents when one of them is cleared for it and the other is not.
    """
    barriers = frozenset(c.id for c in fleet.compartments if c.barrier)
    behind = {t.id: _barriers(t, barriers) for t in fleet.types}
    linked = {
        (min(x.from_, x.to), max(x.from_, x.to))
        for x in fleet.links
        if x.from_ in behind and x.to in behind and behind[x.from_] != behind[x.to]
    }
    groups: dict[frozenset[str], int] = {}
    for held in behind.values():
        groups[held] = groups.get(held, 0) + 1
    total = len(behind)
    same = sum(n * (n - 1) // 2 for n in groups.values())
    return len(linked), total * (total - 1) // 2 - same


def transitive_candidates(graph: Graph) -> list[Transitive]:
    """Guarded actions that a type reaches by delegating, in one step or more, without authority over them.

    Attenuation makes such a path worthless (an action's authority is the intersection along the chain); it
    is listed since it is where privilege laundering would be tried.
    """
    fleet = graph.fleet
    guarded = {a.id for a in fleet.actions if a.privileged or a.needs_contract}
    power = [frozenset(guarded.intersection(t.actions)) for t in fleet.types]
    out = graph.delegates[: graph.agents]
    reach = closure(out)
    found = []
    for i, agent in enumerate(fleet.types):
        own = {*agent.actions, *agent.may_request}
        for j in members(reach[i] & ~(1 << i)):
            for action in sorted(power[j] - own):
                path = shortest_path(out, i, j)
                found.append(Transitive(agent.id, action, tuple(graph.names[n] for n in path)))
    return found


def communication_paths(fleet: Fleet) -> int:
    """Ordered pairs of different agents with a link."""
    agents = {t.id for t in fleet.types}
    return len({(x.from_, x.to) for x in fleet.links if x.from_ in agents and x.from_ != x.to})


def links_by_kind(links: Iterable[Link]) -> dict[str, int]:
    counts: dict[str, int] = {}
    for link in links:
        for kind in link.kinds:
            counts[kind] = counts.get(kind, 0) + 1
    return counts
