"""A coordinator with everybody around it who answers, in virtual time: where PACE is tried.

The coordinator is the one that runs live, built from the fleet by `plan_of`, so the fleet's `controls` decide
which way it takes. Around it, simulated: orchestrators confirm after the way between the two clusters'
regions, and assess what they are asked as their file declares; people approve what is asked of them.

Instances: a depth fleet has `per_session` of each type in each session. In a breadth fleet an agent works on
as many tasks at once as a task has handoffs: one task begins with each agent and passes that many of them.

Not simulated: the plane (a `Move` changes it, `sim/pace.py` does that), and models that answer in words.
"""

from collections.abc import Callable, Iterable
from heapq import heappop, heappush
from typing import Final

from maso.clock import MINUTE, MS, SECOND
from maso.fleet.model import AgentType, Fleet
from maso.resilience.coordinator import Coordinator
from maso.resilience.pace import Authority, Phase
from maso.resilience.plan import plan_of
from maso.resilience.ramp import FULL_MILLI
from maso.resilience.signals import (
    Answered,
    Assess,
    Assessed,
    Effect,
    Heard,
    Move,
    Notify,
    Order,
    Request,
    Show,
    Signal,
)

KEY: Final = b"stress pace: who returns first  "
# An orchestrator that thinks: the simulation's own figure.
ASSESSED_NS: Final = 2 * SECOND
# Between clusters of one region, or where no region is declared.
NEAR_NS: Final = MS
_RISK: Final = {"medium": 0, "high": 1, "critical": 2}


class Stage:
    """One coordinator. `moves` and `shown` are what it asked for; `heard` when each consumer knew."""

    def __init__(self, fleet: Fleet) -> None:
        self.fleet = fleet
        self.coordinator = Coordinator(plan_of(fleet), KEY)
        self.now = 0
        self.moves: list[tuple[int, Move]] = []
        self.shown: list[Show] = []
        self.requests: list[Request] = []
        self.asked: list[Assess] = []
        self.told = 0
        self.learn_ns: list[int] = []
        self.silent: set[str] = set()  # clusters whose orchestrator answers nothing
        self.on_move: Callable[[Move, int], None] | None = None
        self._due: list[tuple[int, int, Signal]] = []
        self._number = 0
        self._latency = _latencies(fleet)
        roles = {authority: role for role, authority in self.coordinator.plan.roles.items()}
        self.commander = roles[Authority.COMMANDER]
        self.operator = roles.get(Authority.OPERATOR, self.commander)
        review = fleet.governance.review_minutes_max
        # As in the simulation: two fifths of what the file allows.
        self.person_ns = MINUTE if review is None else review * MINUTE * 2 // 5

    def send(self, signal: Signal) -> None:
        self._follow(self.coordinator.handle(signal, self.now))

    def order(self, scope: str, what: str) -> None:
        """An operator's order, given now."""
        self._number += 1
        self.send(Order(scope, what, self.operator, self._number, self.now))

    def outcome(self, nhi: int, ok: bool, at: int) -> None:
        """What an instance called came back so, at `at`."""
        self.now = max(self.now, at)
        self._follow(self.coordinator.outcome(nhi, ok, at, self.now))

    def settle(self, until: int) -> None:
        """Let time pass up to `until`, from one thing that is due to the next."""
        while True:
            due = self.coordinator.cascade.due()
            times = [until] + ([self._due[0][0]] if self._due else [])
            times += [due] if due is not None and due > self.now else []
            self.tick(min(times))
            if self.now >= until:
                return

    def tick(self, to: int) -> None:
        """Whatever was to be answered by then is, and the coordinator's clock moves."""
        while self._due and self._due[0][0] <= to:
            at, _, signal = heappop(self._due)
            self.now = max(self.now, at)
            self.send(signal)
        self.now = max(self.now, to)
        self._follow(self.coordinator.advance(self.now))

    def phases(self) -> dict[str, Phase]:
        """Of every cluster, as the plane was told."""
        return self.coordinator.view()[1]

    def _later(self, delay: int, signal: Signal) -> None:
        self._number += 1
        heappush(self._due, (self.now + delay, self._number, signal))

    def _follow(self, effects: Iterable[Effect]) -> None:
        for effect in effects:
            match effect:
                case Move():
                    self.moves.append((self.now, effect))
                    if self.on_move is not None:
                        self.on_move(effect, self.now)
                case Notify(consumer=consumer, producer=producer, number=number):
                    self.told += 1
                    if consumer not in self.silent:
                        way = self.way(consumer, producer)
                        self.learn_ns.append(way)
                        self._later(2 * way, Heard(consumer, number))
                case Assess(consumer=consumer, number=number, declared=declared):
                    self.asked.append(effect)
                    if consumer not in self.silent:
                        self._later(ASSESSED_NS, Assessed(consumer, number, declared))
                case Request(scope=scope, number=number):
                    self.requests.append(effect)
                    self._later(self.person_ns, Answered(scope, True, self.operator, number))
                case Show():
                    self.shown.append(effect)

    def way(self, one: str, other: str) -> int:
        """How long a message takes between the regions of two clusters, ns: by way of the fleet's centre."""
        (here, near), (there, far) = self._latency.get(one, ("", 0)), self._latency.get(other, ("", 0))
        return NEAR_NS if here == there else max(NEAR_NS, near + far)


def _latencies(fleet: Fleet) -> dict[str, tuple[str, int]]:
    """Of each cluster: its region, and how far that is from the fleet's centre, ns."""
    far = {region.id: region.latency_ms * MS for region in fleet.regions}
    return {
        cluster.id: (cluster.region or "", far.get(cluster.region or "", 0)) for cluster in fleet.clusters
    }


def tasks_of(fleet: Fleet) -> int:
    """How many instances of one agent are live at once in a breadth fleet: the tasks that it works on."""
    load = fleet.workload
    return max(1, round((load.handoffs_min + load.handoffs_max) / 2))


def live_of(fleet: Fleet, agent: AgentType) -> int:
    """How many instances of a type are live at once, at the fleet's size."""
    return fleet.size * agent.per_session if fleet.kind == "depth" else tasks_of(fleet)


def calls_per_minute(fleet: Fleet) -> float:
    """What one instance does in a minute, by the fleet's own workload."""
    load = fleet.workload
    if fleet.kind == "breadth" and load.messages_per_agent_minute:
        return load.messages_per_agent_minute / tasks_of(fleet)
    return load.actions_per_session / load.session_minutes


def most_critical(fleet: Fleet) -> AgentType:
    """The type that an architect looks at first: highest risk, then most actions, then place in the file."""
    task = [agent for agent in fleet.types if agent.plane == "task"] or list(fleet.types)
    return max(task, key=lambda agent: (_RISK[agent.risk], len(agent.actions)))


def members(fleet: Fleet, agent: AgentType, first: int = 1) -> tuple[tuple[int, int, int], ...]:
    """(nhi, index of the type, session) of every live instance of a type, sessions counted from 1."""
    index = fleet.types.index(agent)
    per_session = agent.per_session if fleet.kind == "depth" else 1
    count = live_of(fleet, agent)
    return tuple((first + i, index, 1 + i // per_session) for i in range(count))


def full(move: Move) -> bool:
    """Whether a move is for everybody in its scope."""
    return move.share_milli >= FULL_MILLI
