"""What orchestrators know of each other, and what each does about it: the cascade over time.

Holds the clusters' own phases and finds everybody's (`cascade.py`); tells the orchestrator of every consumer
when a producer's phase changes, and remembers who confirmed; asks those whose dependency says `assess`. Until
an orchestrator has answered, its cluster stays as it was towards that producer; when it does not answer in
time, what the file declares holds. Stale data is old from the first moment of staleness, through every phase
of the producer; when it is too old, the consumer follows its producer.

A phase that was reached stays until the cluster has come back from it (`lower`): consumers see a producer
as it is, not as it will be.

Not handled: how a lower phase is reached again (in order, with a ramp: `coordinator.py`).
"""

from collections.abc import Sequence, Set
from typing import Any, Final, NamedTuple

from maso.clock import MINUTE
from maso.resilience.cascade import CHOICES, Choice, Graph, floor_of, response
from maso.resilience.pace import PHASE_NAMES, Phase
from maso.resilience.signals import Assess, Effect, Notify

# An orchestrator is a machine (with a model behind it, perhaps): a minute is many times what it needs.
ASSESS_NS: Final = MINUTE


class Question(NamedTuple):
    """What an orchestrator was asked, and is expected to answer."""

    number: int
    edge: int
    phase: Phase
    until: int


class Knowledge(NamedTuple):
    """Whether one orchestrator knows the phase of one producer."""

    consumer: str
    producer: str
    phase: Phase
    told_at: int
    knows: bool


class Clusters:
    """The clusters' phases towards each other. `phases` is what holds now for each, by number."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        count = len(graph.names)
        self.own = [Phase.PRIMARY] * count  # by their own machines
        self.phases = [Phase.PRIMARY] * count  # in force: a lower one is reached by `lower` only
        self._choices: dict[tuple[int, Phase], Choice] = {}
        self._questions: dict[int, Question] = {}  # by edge
        self._stale_since: dict[int, int] = {}  # by edge
        self._told: dict[int, tuple[int, Phase, int]] = {}  # by edge: number, phase, when
        self._heard: dict[int, int] = {}  # by edge: the newest number that was confirmed
        self._edge_of: dict[int, int] = {}  # of the newest notice or question of each edge, by number
        self._free: tuple[list[Phase], list[Phase]] | None = None
        self._asked: dict[int, Phase] = {}  # by edge: the phase that was last asked about
        self._number = 0

    def update(self, now: int) -> list[Effect]:
        """Find everybody's phase from `own`; returns what orchestrators are told and asked."""
        graph = self.graph
        before = [graph.floor(i, self.phases[e.producer], self._choices) for i, e in enumerate(graph.edges)]
        asked: list[Assess] = []
        opened: set[tuple[int, Phase]] = set()  # membership: each is asked once, so this ends
        while True:
            phases = graph.holding(self.own, self.phases, self._choices)
            unasked = self._unasked(phases, opened)
            if not unasked:
                break
            for edge in unasked:
                opened.add((edge, phases[graph.edges[edge].producer]))
                asked.append(self._ask(edge, phases, before[edge], now))
        self.phases = phases
        self._free = None
        self._forget()
        self._age(now)
        return [*self._tell(now), *(a for a in asked if a.number in self._edge_of)]

    def lower(self, cluster: int, to: Phase, now: int) -> list[Effect]:
        """A cluster has come back to a better phase; what follows for its consumers."""
        self.phases[cluster] = to
        return self.update(now)

    def held_to(self, cluster: int) -> Phase:
        """The floor that its producers put under a cluster that wants to come back.

        While its orchestrator has not answered, it stays where it is. A producer that stands later in the
        order of recovery (round a circle) is taken as it would be if only causes counted, so that a circle
        does not wait for itself.
        """
        graph = self.graph
        free = self._by_causes() if graph.circular else self.phases
        best = Phase.PRIMARY
        for i in graph.producers[cluster]:
            if i in self._questions:
                return self.phases[cluster]
            producer = graph.edges[i].producer
            later = graph.rank[producer] > graph.rank[cluster]
            phase = free[producer] if later else self.phases[producer]
            best = max(best, graph.floor(i, phase, self._choices))
        return best

    def _by_causes(self) -> list[Phase]:
        """Everybody's phase if nobody were merely held; worked out once for each change."""
        if self._free is None or self._free[0] != self.own:
            self._free = (list(self.own), self.graph.settle(self.own, self._choices))
        return self._free[1]

    def cause(self, cluster: int) -> str:
        """The producer that holds a cluster down most; empty when none does."""
        worst, name = Phase.PRIMARY, ""
        for i in self.graph.producers[cluster]:
            producer = self.graph.edges[i].producer
            floor = self.graph.floor(i, self.phases[producer], self._choices)
            if floor > worst:
                worst, name = floor, self.graph.names[producer]
        return name

    def responses(self, cluster: int) -> tuple[tuple[str, str], ...]:
        """What a cluster does about each of its producers now: (producer, response)."""
        out = []
        for i in self.graph.producers[cluster]:
            producer = self.graph.edges[i].producer
            done = self.graph.response(i, self.phases[producer], self._choices)
            out.append((self.graph.names[producer], done))
        return tuple(out)

    def answer(self, consumer: str, number: int, choice: str) -> str:
        """An orchestrator's assessment; returns why it does not count, empty when it does."""
        edge = self._edge_of.get(number)
        question = None if edge is None else self._questions.get(edge)
        if edge is None or question is None or question.number != number:
            return "nothing was asked under this number, or it is over"
        if self.graph.names[self.graph.edges[edge].consumer] != consumer:
            return "another cluster was asked"
        if choice not in CHOICES[question.phase]:
            return f"legal in {PHASE_NAMES[question.phase]}: {', '.join(CHOICES[question.phase])}"
        self._close(edge)
        self._choices[edge, question.phase] = Choice(choice, floor_of(choice, question.phase))
        return ""

    def confirm(self, consumer: str, number: int) -> bool:
        """An orchestrator says that it was told; False when that was not said to it."""
        edge = self._edge_of.get(number)
        if edge is None or self.graph.names[self.graph.edges[edge].consumer] != consumer:
            return False
        self._heard[edge] = max(self._heard.get(edge, 0), number)
        return True

    def due(self) -> int | None:
        """When time alone changes something next: a question or stale data runs out."""
        times = [q.until for q in self._questions.values()]
        for edge, since in self._stale_since.items():
            minutes = self.graph.edges[edge].declared.stale_minutes_max
            if minutes is not None and not self._too_old(edge):
                times.append(since + minutes * MINUTE)
        return min(times, default=None)

    def expire(self, now: int) -> bool:
        """Let questions and stale data run out; True when `update` has something new to find."""
        changed = False
        for edge, question in list(self._questions.items()):
            if now >= question.until:
                self._close(edge)
                self._choices.pop((edge, question.phase), None)  # what is declared
                changed = True
        for edge, since in self._stale_since.items():
            minutes = self.graph.edges[edge].declared.stale_minutes_max
            if minutes is not None and now >= since + minutes * MINUTE and not self._too_old(edge):
                phase = self.phases[self.graph.edges[edge].producer]
                self._choices[edge, phase] = Choice("cascade", phase)
                changed = True
        return changed

    def knowledge(self) -> tuple[Knowledge, ...]:
        """Who was told what, and who confirmed it."""
        return tuple(
            Knowledge(
                self.graph.names[self.graph.edges[edge].consumer],
                self.graph.names[self.graph.edges[edge].producer],
                phase,
                at,
                self._heard.get(edge, 0) >= number,
            )
            for edge, (number, phase, at) in sorted(self._told.items())
        )

    def _too_old(self, edge: int) -> bool:
        choice = self._choices.get((edge, self.phases[self.graph.edges[edge].producer]))
        return choice is not None and choice.response == "cascade"

    def _unasked(self, phases: Sequence[Phase], opened: Set[tuple[int, Phase]]) -> list[int]:
        """The dependencies to ask about: those on the first producer, in order, that has any."""
        for producer in self.graph.order:
            phase = phases[producer]
            if phase is Phase.PRIMARY:
                continue
            found = [
                i
                for i in self.graph.consumers[producer]
                if self.graph.edges[i].declared.policy == "assess"
                and self._asked.get(i) is not phase
                and (i, phase) not in opened
            ]
            if found:
                return found
        return []

    def _ask(self, edge: int, phases: Sequence[Phase], before: Phase, now: int) -> Assess:
        self._close(edge)
        number = self._next(edge)
        phase = phases[self.graph.edges[edge].producer]
        self._asked[edge] = phase
        question = self._questions[edge] = Question(number, edge, phase, now + ASSESS_NS)
        self._choices[edge, phase] = Choice("undecided", before)
        return self._asks(edge, question)

    def _asks(self, edge: int, question: Question) -> Assess:
        found, names, phase = self.graph.edges[edge], self.graph.names, question.phase
        return Assess(
            names[found.consumer], names[found.producer], phase, CHOICES[phase],
            response(found.declared, phase), question.until, question.number,
        )  # fmt: skip

    def _close(self, edge: int) -> None:
        question = self._questions.pop(edge, None)
        if question is not None:
            del self._edge_of[question.number]

    def _next(self, edge: int) -> int:
        self._number += 1
        self._edge_of[self._number] = edge
        return self._number

    def _forget(self) -> None:
        """What was chosen about a phase that is over, and the numbers of what nobody waits for."""
        edges = self.graph.edges
        for edge, phase in [k for k in self._choices if self.phases[edges[k[0]].producer] is not k[1]]:
            del self._choices[edge, phase]
            question = self._questions.get(edge)
            if question is not None and question.phase is phase:
                self._close(edge)
        for edge in [e for e in self._asked if self.phases[edges[e].producer] is not self._asked[e]]:
            del self._asked[edge]

    def _age(self, now: int) -> None:
        for i, edge in enumerate(self.graph.edges):
            phase = self.phases[edge.producer]
            stale = phase is not Phase.PRIMARY and (
                self.graph.response(i, phase, self._choices) == "stale"
                or (i in self._stale_since and self._too_old(i))
            )
            if stale:
                self._stale_since.setdefault(i, now)
            else:
                self._stale_since.pop(i, None)

    def _tell(self, now: int) -> list[Effect]:
        out: list[Effect] = []
        names = self.graph.names
        for i, edge in enumerate(self.graph.edges):
            phase = self.phases[edge.producer]
            told = self._told.get(i)
            if phase is (Phase.PRIMARY if told is None else told[1]):
                continue
            if told is not None:
                self._edge_of.pop(told[0], None)
            number = self._next(i)
            self._told[i] = (number, phase, now)
            out.append(Notify(names[edge.consumer], names[edge.producer], phase, number))
        return out

    def open(self) -> list[Effect]:
        """What orchestrators were told and did not confirm, or asked and did not answer: once more."""
        edges, names = self.graph.edges, self.graph.names
        out: list[Effect] = []
        for edge, (number, phase, _) in sorted(self._told.items()):
            if self._heard.get(edge, 0) < number and self._edge_of.get(number) == edge:
                out.append(Notify(names[edges[edge].consumer], names[edges[edge].producer], phase, number))
        for edge, question in sorted(self._questions.items()):
            out.append(self._asks(edge, question))
        return out

    def state(self) -> dict[str, Any]:
        """As plain data."""
        return {
            "own": list(self.own),
            "phases": list(self.phases),
            "choices": [[edge, phase, *choice] for (edge, phase), choice in self._choices.items()],
            "questions": [list(q) for q in self._questions.values()],
            "stale": list(self._stale_since.items()),
            "told": [[edge, *told] for edge, told in self._told.items()],
            "heard": list(self._heard.items()),
            "numbers": list(self._edge_of.items()),
            "asked": list(self._asked.items()),
            "number": self._number,
        }

    def take(self, state: dict[str, Any]) -> None:
        """What `state` gave, of clusters of the same graph."""
        self.own = [Phase(p) for p in state["own"]]
        self.phases = [Phase(p) for p in state["phases"]]
        self._choices = {(e, Phase(p)): Choice(chosen, Phase(f)) for e, p, chosen, f in state["choices"]}
        questions = (Question(n, e, Phase(p), until) for n, e, p, until in state["questions"])
        self._questions = {q.edge: q for q in questions}
        self._stale_since = dict(state["stale"])
        self._told = {edge: (number, Phase(p), at) for edge, number, p, at in state["told"]}
        self._heard = dict(state["heard"])
        self._edge_of = dict(state["numbers"])
        self._asked = {edge: Phase(p) for edge, p in state["asked"]}
        self._number = state["number"]
        self._free = None
