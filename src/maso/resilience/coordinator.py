"""Joins the machines: signals come in, effects go out; the one thing that a driver drives for PACE.

`handle(signal, now)` and `advance(now)` (about once a second) return effects; nothing here awaits, reads a
clock or does I/O. Cost: constant for the outcome of a call, whatever the number of instances; proportional
to the scopes that are not in Primary for `advance`; to clusters and dependencies when a cluster's phase
changes. What it knows is a `Board`; one scope's way down and back are `Steps`, what scopes make of each other
are `Axes`.

Time never goes back here: an older `now` counts as the newest one seen. An order of a person is good once and
for `ORDER_NS`; an answer is to the request whose number it names, and to no other. So nothing that people
said can be said again for them.

Not handled: making the plane obey (the driver raises `SetPhase` for every `Move`), who may raise which
signal (`signals.py` says; the driver's wiring), and being stopped: `journal.py` writes down what was heard
and brings all of it back.
"""

from collections.abc import Callable, Sequence
from typing import Any, Final

from maso.clock import MINUTE
from maso.resilience.axes import Axes
from maso.resilience.board import Board
from maso.resilience.clusters import Knowledge
from maso.resilience.counters import INSTANCES_MIN, exceeds
from maso.resilience.instances import Live
from maso.resilience.layers import Layer
from maso.resilience.pace import Authority, Level, Moved, Phase, Trigger, legal
from maso.resilience.plan import Plan
from maso.resilience.ramp import FULL_MILLI, returned
from maso.resilience.scopes import Scope
from maso.resilience.signals import (
    Answered,
    Assessed,
    Back,
    Blocked,
    Call,
    Effect,
    Finish,
    Gone,
    Heard,
    Joined,
    Left,
    Move,
    Order,
    Outcome,
    Scored,
    Signal,
)
from maso.resilience.steps import Steps

# Consoles' clocks differ by seconds and an order travels for less: what is older was kept back or replayed.
ORDER_NS: Final = MINUTE
_DONE: Final[list[Effect]] = []
_ORDERS: Final = {
    "down": Trigger.ORDER_DOWN,
    "stop": Trigger.ORDER_STOP,
    "up": Trigger.ORDER_UP,
    "release": Trigger.RELEASE,
}


class Coordinator:
    """PACE of one fleet. `key` decides the order of return (`ramp.place`); the plane must have the same."""

    def __init__(self, plan: Plan, key: bytes) -> None:
        board = self.board = Board(plan, key)
        self.plan = plan
        self.types, self.clusters, self.system = board.types, board.clusters, board.system
        self.graph, self.cascade, self.instances = board.graph, board.cascade, board.instances
        self._steps = Steps(board)
        self._axes = Axes(board, self._steps)
        self._steps.after, self._steps.returned = self._axes.after, self._axes.returned
        self.clock = 0  # ns: the newest time that was seen
        self._ordered: dict[tuple[str, int], int] = {}  # (role, number) of an order -> until when remembered
        self._handlers: dict[type, Callable[[Any, int], list[Effect]]] = {
            Joined: self._joined,
            Left: self._left,
            Blocked: self._refused,
            Scored: self._scored,
            Gone: self._lost,
            Back: self._back,
            Assessed: self._assessed,
            Heard: self._heard,
            Order: self._order,
            Answered: self._answered,
        }

    # What a driver calls.

    def handle(self, signal: Signal, now: int) -> Sequence[Effect]:
        """Take one signal; ValueError for a scope, a layer or a role that does not exist."""
        if type(signal) is Outcome:
            return self.outcome(signal.nhi, signal.ok, signal.at, now, signal.about)
        self.clock = max(self.clock, now)
        return self._handlers[type(signal)](signal, self.clock)

    def outcome(self, nhi: int, ok: bool, at: int, now: int, about: str = "") -> Sequence[Effect]:
        """`handle(Outcome(nhi, ok, at, about), now)` without the struct: one call of one instance went so."""
        board = self.board
        live = board.instances.live.get(nhi)
        if live is None:
            return _DONE
        now = self.clock = max(self.clock, now)
        if board.returning:
            told, counted = self._on_ramp(nhi, live, ok, at, now, about)
            if counted or told:
                return [*told, *self._one(nhi, live, ok, at, now)]
        sides = board.evidence[live.type].add(nhi, ok, at, now, about)
        effects = self._one(nhi, live, ok, at, now)
        if ok:
            return effects
        plan = self.plan.types[live.type]
        if not exceeds(sides, plan.trigger_milli, board.instances.count[live.type]):
            return effects
        return [*effects, *self._steps.fire(self.types[live.type], Trigger.FAILING, now, about)]

    def advance(self, now: int) -> Sequence[Effect]:
        """Let time pass: dwell, ramps, requests, questions, stale data."""
        now = self.clock = max(self.clock, now)
        effects: list[Effect] = []
        for nhi, moved in self.instances.advance(now):
            effects += self._instance_moved(nhi, moved)
        return effects + self._axes.advance(now)

    def phase(self, scope: str) -> Phase:
        """What holds for a scope by its own name, as the plane was told; KeyError when there is none."""
        return self.board.phase(scope)

    def effective(self, nhi: int) -> Phase:
        """What holds for one live instance: the worst of its own, its type's, its cluster's, the system's."""
        return self.board.effective(nhi)

    def view(self) -> tuple[Phase, dict[str, Phase]]:
        """The state of the whole: the phase that more than half of the clusters have reached, and each."""
        return self.board.view()

    def knowledge(self) -> tuple[Knowledge, ...]:
        """Which orchestrator was told what, and whether it confirmed."""
        return self.cascade.knowledge()

    # To be kept over a restart.

    def state(self) -> dict[str, Any]:
        """All that it knows, as plain data; what the fleet file says is not in it."""
        ordered = [[role, number, until] for (role, number), until in self._ordered.items()]
        return {
            "clock": self.clock,
            "ordered": ordered,
            "board": self.board.state(),
            "axes": self._axes.state(),
        }

    def take(self, state: dict[str, Any]) -> None:
        """What `state` gave, of a coordinator of the same fleet."""
        self.clock = state["clock"]
        self._ordered = {(role, number): until for role, number, until in state["ordered"]}
        self.board.take(state["board"])
        self._axes.take(state["axes"])

    def restarted(self, now: int, silent: bool) -> list[Effect]:
        """It is back. Everything that holds is said once more, since nobody knows what was heard.

        silent   it was away for longer than it may be: no return goes on or begins before a new dwell
        """
        now = self.clock = max(self.clock, now)
        effects: list[Effect] = []
        for scope in self.board.scopes:
            broken = self._steps.restarted(scope, now) if silent else []
            effects += [*broken, *(e for e in self._steps.again(scope) if e not in broken)]
        for nhi, phase in self.instances.troubled():
            effects.append(Move(f"instance:{nhi}", phase, "restarted", "", FULL_MILLI))
            if phase is Phase.EMERGENCY:
                effects.append(Finish(nhi))
        return effects + self.cascade.open()

    # Instances.

    def _joined(self, signal: Joined, now: int) -> list[Effect]:
        for nhi, kind, session in signal.members:
            self.instances.join(nhi, kind, session)
        return []

    def _left(self, signal: Left, now: int) -> list[Effect]:
        for nhi in signal.nhis:
            self.instances.leave(nhi)
        return []

    def _one(self, nhi: int, live: Live, ok: bool, at: int, now: int) -> list[Effect]:
        moves = self.instances.worked(nhi, now) if ok else self.instances.failed(nhi, live, at, now)
        if not moves:
            return _DONE
        return [effect for moved in moves for effect in self._instance_moved(nhi, moved)]

    def _instance_moved(self, nhi: int, moved: Moved) -> list[Effect]:
        name = f"instance:{nhi}"
        effects: list[Effect] = [Move(name, moved.after, moved.trigger.value, moved.by, FULL_MILLI)]
        if moved.after is Phase.EMERGENCY:
            effects.append(Finish(nhi))
        elif moved.trigger is Trigger.SPENT:
            effects.append(Call(name, moved.after, moved.trigger.value))
        return effects

    def _instance_fired(
        self, name: str, trigger: Trigger, now: int, by: str, authority: Authority
    ) -> list[Effect]:
        nhi = int(name) if name.isdecimal() else 0
        result = self.instances.fire(nhi, trigger, now, by, authority)
        return self._instance_moved(nhi, result) if isinstance(result, Moved) else []

    def _refused(self, signal: Blocked, now: int) -> list[Effect]:
        board = self.board
        live = board.instances.live.get(signal.nhi)
        if live is None:
            return []
        blocked = board.blocked[live.type]
        blocked.add(signal.nhi, signal.at, now)
        # Refused of all that live: most instances write nothing that could be refused in two minutes.
        over = board.instances.count[live.type] * self.plan.types[live.type].trigger_milli
        if len(blocked) < INSTANCES_MIN or len(blocked) * 1000 <= over:
            return []
        return self._steps.fire(self.types[live.type], Trigger.SUSPECT, now)

    def _on_ramp(
        self, nhi: int, live: Live, ok: bool, at: int, now: int, about: str
    ) -> tuple[list[Effect], bool]:
        """What follows where a returned instance speaks for a ramp, and whether it was its type's."""
        board, steps = self.board, self._steps
        effects: list[Effect] = []
        counted = False
        for scope in (self.types[live.type], self.clusters[board.cluster_of[live.type]], self.system):
            ramp = scope.ramp
            if ramp is None or not returned(board.key, scope.name, live.session, ramp.share_milli):
                continue
            counted = counted or scope.machine.level is Level.TYPE
            effects += steps.tell(
                scope, board.counted(scope, lambda s=scope: s.hear(nhi, ok, at, now, about))  # type: ignore[misc]
            )  # fmt: skip
            if scope.ramp is None:
                board.forget(scope, now)
        return effects, counted

    # Clusters, layers and those who watch them.

    def _assessed(self, signal: Assessed, now: int) -> list[Effect]:
        wrong = self.cascade.answer(signal.consumer, signal.number, signal.response)
        return [] if wrong else self._axes.spread(now)

    def _heard(self, signal: Heard, now: int) -> list[Effect]:
        self.cascade.confirm(signal.consumer, signal.number)
        return []

    def _lost(self, signal: Gone, now: int) -> list[Effect]:
        kind, name = self._known(signal.what)
        self.board.gone[signal.what] = None
        if kind == "layer":
            called = Call("system", self.system.shown, signal.what)
            return [called, *self._axes.layer_gone(Layer(name), now)]
        scope = self.clusters[self.graph.number[name]]
        # A cluster whose orchestrator is gone works on, watched; one that is gone does not.
        trigger = Trigger.LOST if kind == "cluster" else Trigger.SUSPECT
        effects: list[Effect] = [Call(scope.name, scope.shown, signal.what)]
        return effects + self._steps.fire(scope, trigger, now, signal.what)

    def _back(self, signal: Back, now: int) -> list[Effect]:
        kind, name = self._known(signal.what)
        self.board.gone.pop(signal.what, None)
        # That of a cluster begins its dwell when time passes.
        return self._axes.layer_back(Layer(name), now) if kind == "layer" else []

    def _known(self, what: str) -> tuple[str, str]:
        kind, _, name = what.partition(":")
        clusters = kind in ("cluster", "orchestrator") and name in self.graph.number
        if clusters or (kind == "layer" and name in [layer.value for layer in Layer]):
            return kind, name
        raise ValueError(
            f"`{what}` is not known; legal: cluster:<id>, orchestrator:<id>, or layer: with one of "
            + ", ".join(Layer)
        )

    def _scored(self, signal: Scored, now: int) -> list[Effect]:
        watch = self.plan.watch
        if signal.score < watch.high_score:
            return []
        trigger = Trigger.HOSTILE if signal.score >= watch.critical_score else Trigger.SUSPECT
        level, _, name = signal.scope.partition(":")
        if level == "instance":
            return self._instance_fired(name, trigger, now, "", Authority.AUTOMATIC)
        return self._steps.fire(self.board.scope(signal.scope), trigger, now, "watch")

    # People.

    def _order(self, signal: Order, now: int) -> list[Effect]:
        trigger = _ORDERS.get(signal.what)
        if trigger is None:
            raise ValueError(f"`{signal.what}` is no order; legal: {', '.join(_ORDERS)}")
        authority = self.board.role(signal.role)
        level, _, name = signal.scope.partition(":")
        if level == "layer":
            layer = Layer(self._known(signal.scope)[1])
            trusted = trigger is Trigger.ORDER_UP and self._first(signal, now)
            return self._axes.layer_trusted(layer, now) if trusted else []
        scope = None if level == "instance" else self.board.scope(signal.scope)
        if not self._first(signal, now):
            return []
        if scope is None:
            return self._instance_fired(name, trigger, now, signal.role, authority)
        if trigger in (Trigger.ORDER_UP, Trigger.RELEASE):
            return self._ordered_up(scope, trigger, signal.role, authority, now)
        result = scope.machine.fire(trigger, now, signal.role, authority)
        return self._steps.fell(scope, result, trigger.value, now) if isinstance(result, Moved) else []

    def _first(self, order: Order, now: int) -> bool:
        """Whether an order is new; it is used up by asking."""
        self._ordered = {used: until for used, until in self._ordered.items() if until >= now}
        used = (order.role, order.number)
        if abs(now - order.at) > ORDER_NS or used in self._ordered:
            return False
        self._ordered[used] = order.at + ORDER_NS
        return True

    def _ordered_up(
        self, scope: Scope, trigger: Trigger, role: str, authority: Authority, now: int
    ) -> list[Effect]:
        if trigger.value not in legal(scope.machine.level, scope.machine.phase) or scope.ramp is not None:
            return []
        if scope.machine.level is Level.CLUSTER:
            held = self.cascade.held_to(self.board.cluster_number(scope))
            if held >= scope.shown:
                return [Call(scope.name, scope.shown, "its producers come first")]
        needed = Authority.COMMANDER if trigger is Trigger.RELEASE else Authority.OPERATOR
        return self._steps.rise(scope, trigger, role, authority, now) if authority >= needed else []

    def _answered(self, signal: Answered, now: int) -> list[Effect]:
        scope, authority = self.board.scope(signal.scope), self.board.role(signal.role)
        machine, waits = scope.machine, scope.machine.waits
        if waits is None or signal.number != scope.request:
            return []  # what was asked under this number is over
        if waits.to < machine.phase and signal.granted and authority >= waits.authority:
            machine.waits = None
            return self._steps.rise(scope, waits.trigger, signal.role, authority, now)
        result = machine.answer(signal.granted, now, signal.role, authority)
        return self._steps.fell(scope, result, result.trigger.value, now) if isinstance(result, Moved) else []
