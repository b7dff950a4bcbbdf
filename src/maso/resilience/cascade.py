"""The fourth axis: what one cluster's phase means for those that depend on it.

A dependency declares what its consumer does in each phase of its producer:

    response   the consumer's floor
    continue   none
    stale      Alternate: it works on with what it has, for `stale_minutes_max`; then as `cascade`
    fallback   Alternate: it works on from another source
    cascade    the producer's own phase

A cluster is in the worse of its own phase and the highest floor under it. Floors are found afresh from the
clusters' own phases, producers first; so a circle of dependencies holds nobody down once the cause is gone.
Round a circle phases are only raised, so the search ends after at most three raises of each cluster
(`RAISES_MAX`, kept as a check). A floor of Emergency is different: it becomes the consumer's own phase,
since only people leave Emergency (`coordinator.py`).

Order of recovery: `order` ranks producers before consumers; a circle, and clusters that do not depend on
each other, go by the file's `recovery_order`, then by place in the file. Where the file's order contradicts
a dependency, the dependency wins: a consumer that was pulled down cannot come back without its producer.

Not handled here: time, questions to orchestrators and their answers (`clusters.py`).
"""

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from maso.fleet.model import Cluster, Dependency
from maso.resilience.pace import Phase

RESPONSES: Final = ("continue", "stale", "fallback", "cascade")
# What an orchestrator may choose by its own assessment, in each phase of the producer: what a file may say.
CHOICES: Final[dict[Phase, tuple[str, ...]]] = {
    Phase.ALTERNATE: RESPONSES,
    Phase.CONTINGENCY: RESPONSES[1:],
    Phase.EMERGENCY: RESPONSES[1:],
}
# A phase rises three times at most: Primary, Alternate, Contingency, Emergency.
RAISES_MAX: Final = 3


class Edge(NamedTuple):
    """One dependency, by cluster number."""

    consumer: int
    producer: int
    declared: Dependency


def response(declared: Dependency, phase: Phase) -> str:
    """What the file says that the consumer does while its producer is in this phase."""
    match phase:
        case Phase.PRIMARY:
            return "continue"
        case Phase.ALTERNATE:
            return declared.on_alternate
        case Phase.CONTINGENCY:
            return declared.on_contingency
    return declared.on_emergency


def floor_of(chosen: str, producer: Phase) -> Phase:
    """What a response to a producer's phase puts under its consumer."""
    match chosen:
        case "continue":
            return Phase.PRIMARY
        case "stale" | "fallback":
            return Phase.ALTERNATE
    return producer


class Choice(NamedTuple):
    """What a consumer does about one phase of a producer, where it is not simply what the file says."""

    response: str
    floor: Phase


Choices = Mapping[tuple[int, Phase], Choice]  # by edge and phase of the producer


class Graph:
    """The dependencies of one fleet, by number."""

    def __init__(self, clusters: Sequence[Cluster], dependencies: Sequence[Dependency]) -> None:
        self.names = tuple(c.id for c in clusters)
        self.number = {name: i for i, name in enumerate(self.names)}
        self.edges = tuple(Edge(self.number[d.consumer], self.number[d.producer], d) for d in dependencies)
        self.consumers: list[list[int]] = [[] for _ in self.names]  # of a producer: its edges
        self.producers: list[list[int]] = [[] for _ in self.names]  # of a consumer: its edges
        for i, edge in enumerate(self.edges):
            self.consumers[edge.producer].append(i)
            self.producers[edge.consumer].append(i)
        self._wish = tuple((c.recovery_order or len(clusters) + 1, i) for i, c in enumerate(clusters))
        self.rank = self._ranks()
        self.order = tuple(sorted(range(len(self.names)), key=self.rank.__getitem__))
        self._back = tuple(
            i for i, edge in enumerate(self.edges) if self.rank[edge.producer] > self.rank[edge.consumer]
        )

    @property
    def circular(self) -> bool:
        """Whether some dependency goes against the order of recovery: there is a circle."""
        return bool(self._back)

    def settle(self, own: Sequence[Phase], choices: Choices) -> list[Phase]:
        """The phases of all clusters that satisfy every dependency, from their own phases."""
        phases = self._forward(own, choices)
        if self._back:
            self._round(phases, choices)
        return phases

    def holding(self, own: Sequence[Phase], held: Sequence[Phase], choices: Choices) -> list[Phase]:
        """The same where some clusters have not come back yet and are still in a `held` phase.

        Round a circle a phase that is only held pulls nobody down: else none could be the first to return.
        """
        return self._forward([*map(max, self.settle(own, choices), held)], choices)

    def _forward(self, own: Sequence[Phase], choices: Choices) -> list[Phase]:
        phases = list(own)
        for consumer in self.order:
            for i in self.producers[consumer]:
                producer = self.edges[i].producer
                if self.rank[producer] < self.rank[consumer]:
                    phases[consumer] = max(phases[consumer], self.floor(i, phases[producer], choices))
        return phases

    def _round(self, phases: list[Phase], choices: Choices) -> None:
        """Raise what the edges against the order still raise, and what follows from that."""
        raises = 0
        work = list(self._back)
        while work:
            i = work.pop()
            edge = self.edges[i]
            floor = self.floor(i, phases[edge.producer], choices)
            if floor > phases[edge.consumer]:
                phases[edge.consumer] = floor
                raises += 1
                work.extend(self.consumers[edge.consumer])
        assert raises <= RAISES_MAX * len(phases), "phases only rise, and three times at most"

    def response(self, edge: int, producer: Phase, choices: Choices) -> str:
        """What is in force on one dependency while the producer is in this phase."""
        choice = choices.get((edge, producer))
        return response(self.edges[edge].declared, producer) if choice is None else choice.response

    def floor(self, edge: int, producer: Phase, choices: Choices) -> Phase:
        """What one dependency puts under its consumer while the producer is in this phase."""
        if producer is Phase.PRIMARY:
            return Phase.PRIMARY
        choice = choices.get((edge, producer))
        if choice is not None:
            return choice.floor
        return floor_of(response(self.edges[edge].declared, producer), producer)

    def _ranks(self) -> list[int]:
        """Producers first (Kahn), the wished order among those that are free; a circle is cut by the wish."""
        missing = [len({self.edges[i].producer for i in mine}) for mine in self.producers]
        free = sorted((self._wish[i] for i in range(len(self.names)) if not missing[i]), reverse=True)
        waiting = set(range(len(self.names))) - {i for _, i in free}  # membership, and min by wish
        rank = [0] * len(self.names)
        for at in range(len(self.names)):
            if not free:
                cut = min(self._wish[i] for i in waiting)
                waiting.discard(cut[1])
                free.append(cut)
            number = free.pop()[1]
            rank[number] = at
            released = False
            for consumer in sorted({self.edges[i].consumer for i in self.consumers[number]}):
                missing[consumer] -= 1
                if consumer in waiting and missing[consumer] <= 0:
                    waiting.discard(consumer)
                    free.append(self._wish[consumer])
                    released = True
            if released:
                free.sort(reverse=True)
        return rank


def depth(graph: Graph, start: int, phase: Phase) -> tuple[int, ...]:
    """How far a phase of one cluster reaches: the clusters that it moves, by number, itself left out."""
    own = [Phase.PRIMARY] * len(graph.names)
    own[start] = phase
    settled = graph.settle(own, {})
    return tuple(i for i, p in enumerate(settled) if p is not Phase.PRIMARY and i != start)
