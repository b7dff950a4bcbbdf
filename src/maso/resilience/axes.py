"""What scopes make of each other: types of their cluster, clusters of each other, layers of types, all of it.

Independence: a type moves its cluster only when more than half of the cluster's types are in Contingency or
worse, clusters the system likewise; producers put floors under clusters (`clusters.py`), layers that are gone
under types (`layers.py`). Nothing else of one scope moves another one.

A layer comes back as often as it likes, but types follow it only `LAYER_RETURNS_MAX` times in 24 hours: a
layer that comes and goes is no layer to rely on, and after that it counts as gone until a person has looked
(`Order("layer:<name>", "up", ...)`). Types that come back from under it count no heal of their own.

Not handled: one scope's own way (`steps.py`).
"""

from typing import Any, Final

from maso.clock import DAY
from maso.resilience.board import Board
from maso.resilience.layers import Layer
from maso.resilience.layers import floor as layer_floor
from maso.resilience.pace import Level, Phase, Trigger
from maso.resilience.scopes import Scope
from maso.resilience.signals import Call, Effect
from maso.resilience.steps import Steps

# More than half of a cluster's types in Contingency and it does not do its work; a quarter, and it does.
CLUSTER_FAILS_OVER: Final = 2
CLUSTER_WORKS_OVER: Final = 4
# A tenth of the clusters at a time, as the second step of a return lets a tenth of the sessions: with ten
# clusters or fewer one by one, and with a thousand an hour instead of four days.
CLUSTERS_ABREAST: Final = 10
# As often as the seeds let anything heal by itself in a day.
LAYER_RETURNS_MAX: Final = 3


class Axes:
    """Horizontal (layers), and between clusters, over one board."""

    def __init__(self, board: Board, steps: Steps) -> None:
        self._board = board
        self._steps = steps
        self._layer_returns: dict[Layer, tuple[int, ...]] = {}
        self._abreast = max(1, len(board.clusters) // CLUSTERS_ABREAST)

    def after(self, scope: Scope, now: int) -> list[Effect]:
        """What another scope makes of a change in this one."""
        match scope.machine.level:
            case Level.TYPE:
                number = self._board.type_number(scope)
                return [*self.floors(number, now), *self._weigh(self._board.cluster_of[number], now)]
            case Level.CLUSTER:
                return self.spread(now)
        return []

    def returned(self, scope: Scope, now: int) -> list[Effect]:
        """The same when it has come back: consumers of a cluster see it from now on."""
        if scope.machine.level is not Level.CLUSTER:
            return self.after(scope, now)
        board = self._board
        number = board.cluster_number(scope)
        board.cascade.own[number] = scope.machine.phase
        effects = board.cascade.lower(number, scope.shown, now)
        return effects + self._follow(now)

    # Types and their cluster.

    def _weigh(self, number: int, now: int) -> list[Effect]:
        """How much of a cluster's work is not done."""
        board = self._board
        members = board.members[number]
        lost = sum(board.types[i].shown >= Phase.CONTINGENCY for i in members)
        scope = board.clusters[number]
        if not members or lost * CLUSTER_FAILS_OVER <= len(members):
            return []
        trigger = Trigger.LOST if lost == len(members) else Trigger.FAILING
        if trigger is Trigger.FAILING and scope.machine.phase is not Phase.PRIMARY:
            return []
        return self._steps.fire(scope, trigger, now, "types")

    def _cluster_works(self, number: int) -> bool:
        board = self._board
        if any(f"{kind}:{board.graph.names[number]}" in board.gone for kind in ("cluster", "orchestrator")):
            return False
        members = board.members[number]
        lost = sum(board.types[i].shown >= Phase.CONTINGENCY for i in members)
        return lost * CLUSTER_WORKS_OVER <= len(members)

    # Clusters and those that depend on them.

    def spread(self, now: int) -> list[Effect]:
        """Find the clusters' phases from their own ones, and tell everybody."""
        cascade = self._board.cascade
        for number, scope in enumerate(self._board.clusters):
            cascade.own[number] = scope.machine.phase
        return [*cascade.update(now), *self._follow(now)]

    def _follow(self, now: int) -> list[Effect]:
        """Make the plane's clusters what the cascade says; a floor of Emergency becomes their own phase."""
        board = self._board
        effects: list[Effect] = []
        for number in board.graph.order:
            scope, phase = board.clusters[number], board.cascade.phases[number]
            cause = board.cascade.cause(number)
            if phase is Phase.EMERGENCY and scope.machine.phase is not Phase.EMERGENCY:
                scope.machine.fire(Trigger.UPSTREAM, now)
                board.cascade.own[number] = scope.machine.phase
            scope.floor = self._floor(number)
            effects += self._steps.floored(
                scope, f"{Trigger.UPSTREAM.value}:{cause}" if cause else Trigger.UPSTREAM.value
            )
        return [*effects, *self._weigh_system(now)] if effects else effects

    def _floor(self, number: int) -> Phase:
        """What producers hold a cluster to. Emergency is its own by then: a person ends it there."""
        held = self._board.cascade.held_to(number)
        return held if held < Phase.EMERGENCY else Phase.PRIMARY

    # The system.

    def _weigh_system(self, now: int) -> list[Effect]:
        board = self._board
        lost = 0 if board.plan.alone else sum(c.shown >= Phase.CONTINGENCY for c in board.clusters)
        if lost * CLUSTER_FAILS_OVER > len(board.clusters) and board.system.machine.phase is Phase.PRIMARY:
            return self._steps.fire(board.system, Trigger.FAILING, now, "clusters")
        return []

    def _system_works(self) -> bool:
        lost = sum(c.shown >= Phase.CONTINGENCY for c in self._board.clusters)
        return lost * CLUSTER_WORKS_OVER <= len(self._board.clusters)

    # Time.

    def advance(self, now: int) -> list[Effect]:
        """Questions, stale data, clusters in the order of recovery, the system."""
        board = self._board
        effects = self.spread(now) if board.cascade.expire(now) else []
        for i, scope in enumerate(board.types):
            if scope.busy:
                effects += self._steps.time(scope, self._type_steady(i, now), now)
        for number in board.graph.order:
            scope = board.clusters[number]
            if scope.busy or board.cascade.phases[number]:
                effects += self._cluster_time(number, scope, now)
        if board.system.busy:
            effects += self._steps.time(board.system, self._system_works(), now)
        return effects

    def _type_steady(self, number: int, now: int) -> bool:
        board = self._board
        evidence, blocked = board.evidence[number], board.blocked[number]
        evidence.expire(now)
        blocked.expire(now)
        plan = board.plan.types[number]
        quiet = evidence.quiet(plan.back_milli)
        return quiet and len(blocked) * 1000 <= board.instances.count[number] * plan.back_milli

    def _cluster_time(self, number: int, scope: Scope, now: int) -> list[Effect]:
        """A cluster comes back when its own reasons are over, its producers let it, and it is its turn."""
        board = self._board
        scope.floor = self._floor(number)
        if scope.name not in board.rising and not self._turn():
            return self._steps.expire(scope, now)
        effects = self._steps.time(scope, self._cluster_works(number), now)
        if scope.ramp is not None:
            board.rising[scope.name] = scope
        return effects

    def _turn(self) -> bool:
        """Whether one more cluster may begin to come back."""
        board = self._board
        if board.plan.alone or len(board.rising) < self._abreast:
            return True
        board.rising = {name: scope for name, scope in board.rising.items() if scope.ramp is not None}
        return len(board.rising) < self._abreast

    # Layers.

    def layer_gone(self, layer: Layer, now: int) -> list[Effect]:
        self._board.layers[layer] = None
        return self._all_floors(now)

    def layer_back(self, layer: Layer, now: int) -> list[Effect]:
        """Monitoring says so. The fourth time in a day it takes a person's word."""
        board = self._board
        if layer not in board.layers:
            return []
        lately = tuple(at for at in self._layer_returns.get(layer, ()) if at > now - DAY)
        if len(lately) >= LAYER_RETURNS_MAX:
            return [Call("system", board.system.shown, f"layer:{layer.value} comes and goes")]
        self._layer_returns[layer] = (*lately, now)
        del board.layers[layer]
        return self._all_floors(now)

    def layer_trusted(self, layer: Layer, now: int) -> list[Effect]:
        """A person says that a layer is there, and answers for what follows."""
        self._layer_returns.pop(layer, None)
        if layer not in self._board.layers:
            return []
        del self._board.layers[layer]
        return self._all_floors(now)

    def _all_floors(self, now: int) -> list[Effect]:
        return [effect for i in range(len(self._board.types)) for effect in self.floors(i, now)]

    def floors(self, number: int, now: int) -> list[Effect]:
        """The floor that layers which are gone put under a type."""
        board = self._board
        scope, plan = board.types[number], board.plan.types[number]
        floor = layer_floor(board.layers, scope.machine.phase, plan.risk)
        if floor is scope.floor or (floor is Phase.EMERGENCY is scope.machine.phase):
            return []
        why = f"{Trigger.LAYER.value}:{next(reversed(board.layers)).value}" if board.layers else "recovered"
        scope.steady_since = now
        if floor is Phase.EMERGENCY:
            scope.machine.fire(Trigger.LAYER, now)
            floor = Phase.PRIMARY
        scope.floor = floor
        effects = self._steps.floored(scope, why)
        return [*effects, *(self._weigh(board.cluster_of[number], now) if effects else ())]

    # To be kept over a restart.

    def state(self) -> dict[str, Any]:
        return {layer.value: list(times) for layer, times in self._layer_returns.items()}

    def take(self, state: dict[str, Any]) -> None:
        self._layer_returns = {Layer(name): tuple(times) for name, times in state.items()}
