"""Everything that the coordinator knows about its scopes, in one place, and how it is looked up.

The parts that act on it: `steps.py` (one scope's way down and back), `axes.py` (what scopes make of each
other), `coordinator.py` (what is heard). `state` is all of it as plain data and `take` brings it back, so
that a coordinator that was stopped goes on where it was (`journal.py`).

Not here: any rule of what changes.
"""

from collections.abc import Callable
from typing import Any, Final

from maso.resilience.cascade import Graph
from maso.resilience.clusters import Clusters
from maso.resilience.counters import Window
from maso.resilience.instances import Instances
from maso.resilience.layers import Layer
from maso.resilience.pace import Authority, Level, Phase
from maso.resilience.plan import Plan
from maso.resilience.ramp import returned
from maso.resilience.scopes import Scope
from maso.resilience.signals import Move

# A cluster or the system that returns is broken off by the seed's own share of failures.
ABORT_MILLI: Final = 200


class Board:
    """The scopes of one fleet with what is known of each; `key` decides the order of return."""

    def __init__(self, plan: Plan, key: bytes) -> None:
        self.plan = plan
        self.key = key
        self.types = tuple(
            Scope(f"type:{t.id}", Level.TYPE, t.settings, t.trigger_milli, plan.shares) for t in plan.types
        )
        self.graph = Graph(plan.clusters, plan.dependencies)
        self.clusters = tuple(
            Scope(f"cluster:{c.id}", Level.CLUSTER, plan.cluster, ABORT_MILLI, plan.shares)
            for c in plan.clusters
        )
        self.system = Scope("system", Level.SYSTEM, plan.cluster, ABORT_MILLI, plan.shares)
        self.scopes = (*self.types, *self.clusters, self.system)
        self.cascade = Clusters(self.graph)
        self.instances = Instances(tuple(t.instance for t in plan.types))
        self.evidence = tuple(plan.evidence(t.trigger_minutes * 60) for t in plan.types)
        self.blocked = tuple(Window(t.trigger_minutes * 60) for t in plan.types)
        self.cluster_of = tuple(self.graph.number[t.cluster] for t in plan.types)
        self.members: list[list[int]] = [[] for _ in self.clusters]  # the task types of each cluster
        for i, t in enumerate(plan.types):
            if t.task:
                self.members[self.cluster_of[i]].append(i)
        self._by_name = {s.name: s for s in self.scopes}
        self._type_of = {t.id: i for i, t in enumerate(plan.types)}
        self.layers: dict[Layer, None] = {}  # those that are gone, the latest last
        self.gone: dict[str, None] = {}
        self.returning = 0  # how many scopes are on a ramp
        self.rising: dict[str, Scope] = {}  # the clusters whose turn it is, by name
        self.words: dict[str, str] = {}  # what the customers of a scope are shown
        self.told: dict[str, Move] = {}  # by scope: what the plane was told last for everybody
        self.requests = 0  # the number of the last request to people

    def scope(self, name: str) -> Scope:
        """ValueError, with what is legal, where there is none of this name."""
        scope = self._by_name.get(name)
        if scope is None:
            raise ValueError(f"there is no scope `{name}`; legal: {', '.join(self._by_name)}")
        return scope

    def role(self, role: str) -> Authority:
        authority = self.plan.roles.get(role)
        if authority is None:
            raise ValueError(f"`{role}` decides nothing here; legal: {', '.join(self.plan.roles)}")
        return authority

    def type_number(self, scope: Scope) -> int:
        return self._type_of[scope.name.partition(":")[2]]

    def cluster_number(self, scope: Scope) -> int:
        return self.graph.number[scope.name.partition(":")[2]]

    def phase(self, name: str) -> Phase:
        """What holds for a scope by its own name, as the plane was told; KeyError when there is none."""
        level, _, rest = name.partition(":")
        if level == "instance":
            return self.instances.phase(int(rest))
        return self._by_name[name].shown

    def effective(self, nhi: int) -> Phase:
        """What holds for one live instance: the worst of its own, its type's, its cluster's, the system's."""
        live = self.instances.live[nhi]
        scopes = (self.types[live.type], self.clusters[self.cluster_of[live.type]], self.system)
        return max(self.instances.phase(nhi), *(self._seen(s, live.session) for s in scopes))

    def view(self) -> tuple[Phase, dict[str, Phase]]:
        """The state of the whole: the phase that more than half of the clusters have reached, and each."""
        phases = {c.name.partition(":")[2]: c.shown for c in self.clusters}
        ranked = sorted(phases.values())
        reached = ranked[(len(ranked) - 1) // 2] if ranked else Phase.PRIMARY
        return max(reached, self.system.shown), phases

    def _seen(self, scope: Scope, session: int) -> Phase:
        rise, ramp = scope.rise, scope.ramp
        if rise is None or ramp is None:
            return scope.shown
        return rise.to if returned(self.key, scope.name, session, ramp.share_milli) else scope.shown

    def counted(self, scope: Scope, act: Callable[[], list[Move]]) -> list[Move]:
        """Keep count of the ramps while something is done to a scope."""
        before = scope.ramp is not None
        moves = act()
        self.returning += (scope.ramp is not None) - before
        return moves

    def forget(self, scope: Scope, floor: int) -> None:
        """A type's windows begin anew; what happened before `floor` (ns) does not count any more."""
        if scope.machine.level is Level.TYPE:
            number = self.type_number(scope)
            self.evidence[number].reset(floor)
            self.blocked[number].reset(floor)

    def state(self) -> dict[str, Any]:
        """All of it as plain data: numbers, strings, lists, maps."""
        return {
            "scopes": [s.state() for s in self.scopes],
            "cascade": self.cascade.state(),
            "instances": self.instances.state(),
            "evidence": [e.state() for e in self.evidence],
            "blocked": [w.state() for w in self.blocked],
            "layers": [layer.value for layer in self.layers],
            "gone": list(self.gone),
            "rising": list(self.rising),
            "words": self.words,
            "told": [list(move) for move in self.told.values()],
            "requests": self.requests,
        }

    def take(self, state: dict[str, Any]) -> None:
        """What `state` gave, of a board of the same plan."""
        for scope, one in zip(self.scopes, state["scopes"], strict=True):
            scope.take(one)
        self.cascade.take(state["cascade"])
        self.instances.take(state["instances"])
        for evidence, one in zip(self.evidence, state["evidence"], strict=True):
            evidence.take(one)
        for window, one in zip(self.blocked, state["blocked"], strict=True):
            window.take(one)
        self.layers = {Layer(name): None for name in state["layers"]}
        self.gone = dict.fromkeys(state["gone"])
        self.returning = sum(s.ramp is not None for s in self.scopes)
        self.rising = {name: self._by_name[name] for name in state["rising"]}
        self.words = dict(state["words"])
        told = (Move(scope, Phase(p), why, by, share) for scope, p, why, by, share in state["told"])
        self.told = {move.scope: move for move in told}
        self.requests = state["requests"]
