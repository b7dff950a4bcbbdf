"""Joins the machines: signals come in, effects go out; the one thing that a driver drives for PACE.

`handle(signal, now)` and `advance(now)` (about once a second) return effects; nothing here awaits, reads a
clock or does I/O. Cost: constant for the outcome of a call, whatever the number of instances; proportional
to the scopes that are not in Primary for `advance`; to clusters and dependencies when a cluster's phase
changes.

Independence of scopes: an instance's outcome moves that instance; its type moves only by a share of many
(`counters.py`); a type moves its cluster only when more than half of the cluster's types are in Contingency
or worse. Layers that are gone put floors under types (`layers.py`), producers under clusters (`clusters.py`).

Not handled: making the plane obey (the driver raises `SetPhase` for every `Move`), and who may raise which
signal (`signals.py` says; the driver's wiring). Its own state is rebuilt from a run's phase records only as
far as the phases go; windows start empty.
"""

from collections.abc import Callable, Sequence
from typing import Any, Final

from maso.resilience.cascade import Graph
from maso.resilience.clusters import Clusters, Knowledge
from maso.resilience.counters import INSTANCES_MIN, Window, exceeds
from maso.resilience.instances import Instances, Live
from maso.resilience.layers import Layer
from maso.resilience.layers import floor as layer_floor
from maso.resilience.pace import Authority, Level, Moved, Phase, Stays, Trigger, Waits, legal
from maso.resilience.plan import SETTLE_NS, Plan, TypePlan
from maso.resilience.ramp import FULL_MILLI, returned
from maso.resilience.scopes import Rise, Scope
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
    Provide,
    Request,
    Scored,
    Show,
    Signal,
)

# More than half of a cluster's types in Contingency and it does not do its work; a quarter, and it does.
CLUSTER_FAILS_OVER: Final = 2
CLUSTER_WORKS_OVER: Final = 4
# A cluster or the system that returns is broken off by the seed's own share of failures.
ABORT_MILLI: Final = 200
_DONE: Final[list[Effect]] = []


class Coordinator:
    """PACE of one fleet. `key` decides the order of return (`ramp.place`); the plane must have the same."""

    def __init__(self, plan: Plan, key: bytes) -> None:
        self.plan = plan
        self._key = key
        self.types = tuple(
            Scope(f"type:{t.id}", Level.TYPE, t.settings, t.trigger_milli, plan.shares) for t in plan.types
        )
        self.graph = Graph(plan.clusters, plan.dependencies)
        self.clusters = tuple(
            Scope(f"cluster:{c.id}", Level.CLUSTER, plan.cluster, ABORT_MILLI, plan.shares)
            for c in plan.clusters
        )
        self.system = Scope("system", Level.SYSTEM, plan.cluster, ABORT_MILLI, plan.shares)
        self.cascade = Clusters(self.graph)
        self.instances = Instances(tuple(t.instance for t in plan.types))
        self._evidence = tuple(plan.evidence(t.trigger_minutes * 60) for t in plan.types)
        self._blocked = tuple(Window(t.trigger_minutes * 60) for t in plan.types)
        self._by_name = {s.name: s for s in (*self.types, *self.clusters, self.system)}
        self._type_of = {t.id: i for i, t in enumerate(plan.types)}
        self._cluster_of = tuple(self.graph.number[t.cluster] for t in plan.types)
        self._members: list[list[int]] = [[] for _ in self.clusters]
        for i, t in enumerate(plan.types):
            if t.task:
                self._members[self._cluster_of[i]].append(i)
        self._layers: dict[Layer, None] = {}
        self._gone: dict[str, None] = {}
        self._returning = 0  # how many scopes are on a ramp
        self._rising: Scope | None = None  # the cluster whose turn it is
        self._shown: dict[str, str] = {}
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
        return self._handlers[type(signal)](signal, now)

    def outcome(self, nhi: int, ok: bool, at: int, now: int, about: str = "") -> Sequence[Effect]:
        """`handle(Outcome(nhi, ok, at, about), now)` without the struct: one call of one instance went so."""
        live = self.instances.live.get(nhi)
        if live is None:
            return _DONE
        if self._returning:
            told, counted = self._on_ramp(nhi, live, ok, at, now, about)
            if counted or told:
                return [*told, *self._one(nhi, live, ok, at, now)]
        sides = self._evidence[live.type].add(nhi, ok, at, now, about)
        effects = self._one(nhi, live, ok, at, now)
        if ok:
            return effects
        plan = self.plan.types[live.type]
        if not exceeds(sides, plan.trigger_milli, self.instances.count[live.type]):
            return effects
        return [*effects, *self._fire(self.types[live.type], Trigger.FAILING, now, about)]

    def advance(self, now: int) -> Sequence[Effect]:
        """Let time pass: dwell, ramps, requests, questions, stale data."""
        effects: list[Effect] = []
        for nhi, moved in self.instances.advance(now):
            effects += self._instance_moved(nhi, moved)
        if self.cascade.expire(now):
            effects += self._spread(now)
        for i, scope in enumerate(self.types):
            if scope.busy:
                effects += self._time(scope, self._type_steady(i, now), now)
        for number in self.graph.order:
            scope = self.clusters[number]
            if scope.busy or self.cascade.phases[number]:
                effects += self._cluster_time(number, scope, now)
        if self.system.busy:
            effects += self._time(self.system, self._system_works(), now)
        return effects

    def phase(self, scope: str) -> Phase:
        """What holds for a scope by its own name, as the plane was told; KeyError when there is none."""
        level, _, name = scope.partition(":")
        if level == "instance":
            return self.instances.phase(int(name))
        return self._by_name[scope].shown

    def effective(self, nhi: int) -> Phase:
        """What holds for one live instance: the worst of its own, its type's, its cluster's, the system's."""
        live = self.instances.live[nhi]
        scopes = (self.types[live.type], self.clusters[self._cluster_of[live.type]], self.system)
        return max(self.instances.phase(nhi), *(self._seen(s, live.session) for s in scopes))

    def view(self) -> tuple[Phase, dict[str, Phase]]:
        """The state of the whole: the phase that more than half of the clusters have reached, and each."""
        phases = {c.name.partition(":")[2]: c.shown for c in self.clusters}
        ranked = sorted(phases.values())
        reached = ranked[(len(ranked) - 1) // 2] if ranked else Phase.PRIMARY
        return max(reached, self.system.shown), phases

    def knowledge(self) -> tuple[Knowledge, ...]:
        """Which orchestrator was told what, and whether it confirmed."""
        return self.cascade.knowledge()

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

    def _refused(self, signal: Blocked, now: int) -> list[Effect]:
        live = self.instances.live.get(signal.nhi)
        if live is None:
            return []
        blocked = self._blocked[live.type]
        blocked.add(signal.nhi, signal.at, now)
        # Refused of all that live: most instances write nothing that could be refused in two minutes.
        over = self.instances.count[live.type] * self.plan.types[live.type].trigger_milli
        if len(blocked) < INSTANCES_MIN or len(blocked) * 1000 <= over:
            return []
        return self._fire(self.types[live.type], Trigger.SUSPECT, now)

    # Scopes.

    def _fire(self, scope: Scope, trigger: Trigger, now: int, cause: str = "") -> list[Effect]:
        """A trigger at a type, a cluster or the system, without a person."""
        why = f"{trigger.value}:{cause}" if cause else trigger.value
        if scope.ramp is not None and trigger is Trigger.FAILING:
            return [
                *self._tell(scope, self._aborted(scope, now)),
                *self._fire_machine(scope, trigger, why, now),
            ]
        return self._fire_machine(scope, trigger, why, now)

    def _fire_machine(self, scope: Scope, trigger: Trigger, why: str, now: int) -> list[Effect]:
        result = scope.machine.fire(trigger, now)
        if isinstance(result, Waits):
            return [self._request(scope, result)]
        if isinstance(result, Moved):
            return self._fell(scope, result, why, now)
        return []

    @staticmethod
    def _request(scope: Scope, waits: Waits) -> Request:
        return Request(scope.name, waits.to, waits.trigger, waits.authority, waits.until, waits.default)

    def _fell(self, scope: Scope, moved: Moved, why: str, now: int) -> list[Effect]:
        effects = self._tell(scope, self._count(scope, lambda: scope.down(why, moved.by)))
        self._fresh(scope, now + SETTLE_NS)
        if moved.after is Phase.ALTERNATE and scope.machine.spent():
            spent = scope.machine.fire(Trigger.SPENT, now)
            if isinstance(spent, Moved):
                effects += self._tell(scope, scope.down(Trigger.SPENT.value, ""))
                effects.append(Call(scope.name, scope.shown, Trigger.SPENT.value))
        return effects + self._after(scope, now)

    def _count(self, scope: Scope, act: Callable[[], list[Move]]) -> list[Move]:
        """Keep count of the ramps while something is done to a scope."""
        before = scope.ramp is not None
        moves = act()
        self._returning += (scope.ramp is not None) - before
        return moves

    def _aborted(self, scope: Scope, now: int) -> list[Move]:
        return self._count(scope, lambda: scope.abort(now))

    def _fresh(self, scope: Scope, floor: int) -> None:
        if scope.machine.level is Level.TYPE:
            number = self._type_of[scope.name.partition(":")[2]]
            self._evidence[number].reset(floor)
            self._blocked[number].reset(floor)

    def _after(self, scope: Scope, now: int) -> list[Effect]:
        """What another scope makes of a change in this one."""
        match scope.machine.level:
            case Level.TYPE:
                number = self._type_of[scope.name.partition(":")[2]]
                return [*self._floors(number, now), *self._weigh(self._cluster_of[number], now)]
            case Level.CLUSTER:
                return self._spread(now)
        return []

    # Time at a scope.

    def _time(self, scope: Scope, steady: bool, now: int) -> list[Effect]:
        if steady:
            scope.machine.withdraw()
        effects = self._expire(scope, now)
        if scope.ramp is not None:
            return effects + self._step(scope, now)
        if effects:
            return effects
        if steady and scope.machine.phase in (Phase.ALTERNATE, Phase.CONTINGENCY):
            effects = self._step_up(scope, now)
        return effects or self._rise_to_floor(scope, now)

    def _step_up(self, scope: Scope, now: int) -> list[Effect]:
        refused = scope.machine.may(Trigger.STEADY, now)
        if refused == "a person decides":
            result = scope.machine.fire(Trigger.STEADY, now)
            return [self._request(scope, result)] if isinstance(result, Waits) else []
        return [] if refused else self._rise(scope, Trigger.STEADY, "", Authority.AUTOMATIC, now)

    def _expire(self, scope: Scope, now: int) -> list[Effect]:
        result = scope.machine.expire(now)
        if isinstance(result, Moved):
            return self._fell(scope, result, f"{result.trigger.value}:unanswered", now)
        return [Call(scope.name, scope.shown, "unanswered")] if isinstance(result, Stays) else []

    def _step(self, scope: Scope, now: int) -> list[Effect]:
        done: list[Moved] = []

        def act() -> list[Move]:
            moves, moved = scope.advance(now)
            if moved is not None:
                done.append(moved)
            return moves

        moves = self._count(scope, act)
        effects = self._tell(scope, moves)
        if scope.ramp is None:
            self._fresh(scope, now)
            effects += self._came_back(scope, now)
        return effects

    def _rise(self, scope: Scope, trigger: Trigger, by: str, authority: Authority, now: int) -> list[Effect]:
        """Begin to come back by one row of the table; where a floor holds it, only the machine does."""
        to = scope.target(trigger)
        if to >= scope.shown:
            result = scope.machine.fire(trigger, now, by, authority)
            return self._after(scope, now) if isinstance(result, Moved) else []
        rise = Rise(to, trigger, by, authority)
        return self._tell(scope, self._count(scope, lambda: scope.begin(rise, now)))

    def _rise_to_floor(self, scope: Scope, now: int) -> list[Effect]:
        """What held it down is gone."""
        if scope.need >= scope.shown:
            scope.steady_since = now
            return []
        if now < scope.steady_since + scope.machine.settings.dwell_ns:
            return []
        rise = Rise(scope.need, None, "", Authority.AUTOMATIC)
        return self._tell(scope, self._count(scope, lambda: scope.begin(rise, now)))

    def _came_back(self, scope: Scope, now: int) -> list[Effect]:
        if scope.machine.level is Level.CLUSTER:
            number = self.graph.number[scope.name.partition(":")[2]]
            self.cascade.own[number] = scope.machine.phase
            effects = self.cascade.lower(number, scope.shown, now)
            return effects + self._follow(now)
        return self._after(scope, now)

    def _type_steady(self, number: int, now: int) -> bool:
        evidence = self._evidence[number]
        evidence.expire(now)
        self._blocked[number].expire(now)
        plan = self.plan.types[number]
        quiet = evidence.quiet(plan.back_milli)
        return quiet and len(self._blocked[number]) * 1000 <= self.instances.count[number] * plan.back_milli

    # What somebody who returned did.

    def _on_ramp(
        self, nhi: int, live: Live, ok: bool, at: int, now: int, about: str
    ) -> tuple[list[Effect], bool]:
        """What follows where a returned instance speaks for a ramp, and whether it was its type's."""
        effects: list[Effect] = []
        counted = False
        for scope in (self.types[live.type], self.clusters[self._cluster_of[live.type]], self.system):
            ramp = scope.ramp
            if ramp is None or not returned(self._key, scope.name, live.session, ramp.share_milli):
                continue
            counted = counted or scope.machine.level is Level.TYPE
            effects += self._tell(scope, self._count(scope, lambda s=scope: s.hear(nhi, ok, at, now, about)))  # type: ignore[misc]
            if scope.ramp is None:
                self._fresh(scope, now)
        return effects, counted

    def _seen(self, scope: Scope, session: int) -> Phase:
        rise, ramp = scope.rise, scope.ramp
        if rise is None or ramp is None:
            return scope.shown
        return rise.to if returned(self._key, scope.name, session, ramp.share_milli) else scope.shown

    # Clusters.

    def _weigh(self, number: int, now: int) -> list[Effect]:
        """How much of a cluster's work is not done."""
        members = self._members[number]
        lost = sum(self.types[i].shown >= Phase.CONTINGENCY for i in members)
        scope = self.clusters[number]
        if not members or lost * CLUSTER_FAILS_OVER <= len(members):
            return []
        trigger = Trigger.LOST if lost == len(members) else Trigger.FAILING
        if trigger is Trigger.FAILING and scope.machine.phase is not Phase.PRIMARY:
            return []
        return self._fire(scope, trigger, now, "types")

    def _spread(self, now: int) -> list[Effect]:
        """Find the clusters' phases from their own ones, and tell everybody."""
        for number, scope in enumerate(self.clusters):
            self.cascade.own[number] = scope.machine.phase
        return [*self.cascade.update(now), *self._follow(now)]

    def _follow(self, now: int) -> list[Effect]:
        """Make the plane's clusters what the cascade says; a floor of Emergency becomes their own phase."""
        effects: list[Effect] = []
        for number in self.graph.order:
            scope, phase = self.clusters[number], self.cascade.phases[number]
            cause = self.cascade.cause(number)
            if phase is Phase.EMERGENCY and scope.machine.phase is not Phase.EMERGENCY:
                scope.machine.fire(Trigger.UPSTREAM, now)
                self.cascade.own[number] = scope.machine.phase
            scope.floor = self._floor(number)
            why = f"{Trigger.UPSTREAM.value}:{cause}" if cause else Trigger.UPSTREAM.value
            effects += self._tell(scope, self._count(scope, lambda s=scope, w=why: s.down(w, "")))  # type: ignore[misc]
        return [*effects, *self._weigh_system(now)] if effects else effects

    def _cluster_time(self, number: int, scope: Scope, now: int) -> list[Effect]:
        """A cluster comes back when its own reasons are over and its producers let it; one at a time."""
        scope.floor = self._floor(number)
        if self._rising is not None and self._rising.ramp is None:
            self._rising = None
        if self._rising is not None and self._rising is not scope and not self.plan.alone:
            return self._expire(scope, now)
        effects = self._time(scope, self._cluster_works(number), now)
        if scope.ramp is not None:
            self._rising = scope
        return effects

    def _floor(self, number: int) -> Phase:
        """What producers hold a cluster to. Emergency is its own by then: a person ends it there."""
        held = self.cascade.held_to(number)
        return held if held < Phase.EMERGENCY else Phase.PRIMARY

    def _cluster_works(self, number: int) -> bool:
        if any(f"{kind}:{self.graph.names[number]}" in self._gone for kind in ("cluster", "orchestrator")):
            return False
        members = self._members[number]
        lost = sum(self.types[i].shown >= Phase.CONTINGENCY for i in members)
        return lost * CLUSTER_WORKS_OVER <= len(members)

    def _weigh_system(self, now: int) -> list[Effect]:
        lost = 0 if self.plan.alone else sum(c.shown >= Phase.CONTINGENCY for c in self.clusters)
        if lost * CLUSTER_FAILS_OVER > len(self.clusters) and self.system.machine.phase is Phase.PRIMARY:
            return self._fire(self.system, Trigger.FAILING, now, "clusters")
        return []

    def _system_works(self) -> bool:
        lost = sum(c.shown >= Phase.CONTINGENCY for c in self.clusters)
        return lost * CLUSTER_WORKS_OVER <= len(self.clusters)

    def _assessed(self, signal: Assessed, now: int) -> list[Effect]:
        wrong = self.cascade.answer(signal.consumer, signal.number, signal.response)
        return [] if wrong else self._spread(now)

    def _heard(self, signal: Heard, now: int) -> list[Effect]:
        self.cascade.confirm(signal.consumer, signal.number)
        return []

    # What is gone, and comes back.

    def _lost(self, signal: Gone, now: int) -> list[Effect]:
        kind, name = self._known(signal.what)
        self._gone[signal.what] = None
        if kind == "layer":
            self._layers[Layer(name)] = None
            return [
                Call("system", self.system.shown, signal.what),
                *(effect for i in range(len(self.types)) for effect in self._floors(i, now)),
            ]
        scope = self.clusters[self.graph.number[name]]
        # A cluster whose orchestrator is gone works on, watched; one that is gone does not.
        trigger = Trigger.LOST if kind == "cluster" else Trigger.SUSPECT
        effects: list[Effect] = [Call(scope.name, scope.shown, signal.what)]
        return effects + self._fire(scope, trigger, now, signal.what)

    def _back(self, signal: Back, now: int) -> list[Effect]:
        kind, name = self._known(signal.what)
        self._gone.pop(signal.what, None)
        if kind != "layer":
            return []  # its dwell begins when time passes
        self._layers.pop(Layer(name), None)
        return [effect for i in range(len(self.types)) for effect in self._floors(i, now)]

    def _known(self, what: str) -> tuple[str, str]:
        kind, _, name = what.partition(":")
        clusters = kind in ("cluster", "orchestrator") and name in self.graph.number
        if clusters or (kind == "layer" and name in [layer.value for layer in Layer]):
            return kind, name
        raise ValueError(
            f"`{what}` is not known; legal: cluster:<id>, orchestrator:<id>, or layer: with one of "
            + ", ".join(Layer)
        )

    def _floors(self, number: int, now: int) -> list[Effect]:
        """The floor that layers which are gone put under a type."""
        scope, plan = self.types[number], self.plan.types[number]
        floor = layer_floor(self._layers, scope.machine.phase, plan.risk)
        if floor is scope.floor or (floor is Phase.EMERGENCY is scope.machine.phase):
            return []
        why = f"{Trigger.LAYER.value}:{next(reversed(self._layers)).value}" if self._layers else "recovered"
        scope.steady_since = now
        if floor is Phase.EMERGENCY:
            scope.machine.fire(Trigger.LAYER, now)
            floor = Phase.PRIMARY
        scope.floor = floor
        moves = self._count(scope, lambda: scope.down(why, ""))
        return [*self._tell(scope, moves), *(self._weigh(self._cluster_of[number], now) if moves else ())]

    # The watch and people.

    def _scored(self, signal: Scored, now: int) -> list[Effect]:
        watch = self.plan.watch
        if signal.score < watch.high_score:
            return []
        trigger = Trigger.HOSTILE if signal.score >= watch.critical_score else Trigger.SUSPECT
        level, _, name = signal.scope.partition(":")
        if level == "instance":
            return self._instance_fired(name, trigger, now, "", Authority.AUTOMATIC)
        return self._fire(self._scope(signal.scope), trigger, now, "watch")

    def _instance_fired(
        self, name: str, trigger: Trigger, now: int, by: str, authority: Authority
    ) -> list[Effect]:
        nhi = int(name) if name.isdecimal() else 0
        result = self.instances.fire(nhi, trigger, now, by, authority)
        return self._instance_moved(nhi, result) if isinstance(result, Moved) else []

    _ORDERS: Final = {
        "down": Trigger.ORDER_DOWN,
        "stop": Trigger.ORDER_STOP,
        "up": Trigger.ORDER_UP,
        "release": Trigger.RELEASE,
    }

    def _order(self, signal: Order, now: int) -> list[Effect]:
        trigger = self._ORDERS.get(signal.what)
        if trigger is None:
            raise ValueError(f"`{signal.what}` is no order; legal: {', '.join(self._ORDERS)}")
        authority = self._role(signal.role)
        level, _, name = signal.scope.partition(":")
        if level == "instance":
            return self._instance_fired(name, trigger, now, signal.role, authority)
        scope = self._scope(signal.scope)
        if trigger in (Trigger.ORDER_UP, Trigger.RELEASE):
            return self._ordered_up(scope, trigger, signal.role, authority, now)
        result = scope.machine.fire(trigger, now, signal.role, authority)
        return self._fell(scope, result, trigger.value, now) if isinstance(result, Moved) else []

    def _ordered_up(
        self, scope: Scope, trigger: Trigger, role: str, authority: Authority, now: int
    ) -> list[Effect]:
        if trigger.value not in legal(scope.machine.level, scope.machine.phase) or scope.ramp is not None:
            return []
        if scope.machine.level is Level.CLUSTER:
            held = self.cascade.held_to(self.graph.number[scope.name.partition(":")[2]])
            if held >= scope.shown:
                return [Call(scope.name, scope.shown, "its producers come first")]
        needed = Authority.COMMANDER if trigger is Trigger.RELEASE else Authority.OPERATOR
        return self._rise(scope, trigger, role, authority, now) if authority >= needed else []

    def _answered(self, signal: Answered, now: int) -> list[Effect]:
        scope, authority = self._scope(signal.scope), self._role(signal.role)
        machine, waits = scope.machine, scope.machine.waits
        if waits is not None and waits.to < machine.phase and signal.granted and authority >= waits.authority:
            machine.waits = None
            return self._rise(scope, waits.trigger, signal.role, authority, now)
        result = machine.answer(signal.granted, now, signal.role, authority)
        return self._fell(scope, result, result.trigger.value, now) if isinstance(result, Moved) else []

    def _scope(self, name: str) -> Scope:
        scope = self._by_name.get(name)
        if scope is None:
            raise ValueError(f"there is no scope `{name}`; legal: {', '.join(self._by_name)}")
        return scope

    def _role(self, role: str) -> Authority:
        authority = self.plan.roles.get(role)
        if authority is None:
            raise ValueError(f"`{role}` decides nothing here; legal: {', '.join(self.plan.roles)}")
        return authority

    # What a change means outside the plane.

    def _tell(self, scope: Scope, moves: Sequence[Move]) -> list[Effect]:
        effects: list[Effect] = list(moves)
        if not moves:
            return effects
        if scope.machine.level is Level.TYPE:
            plan = self.plan.types[self._type_of[scope.name.partition(":")[2]]]
            for move in moves:
                effects += self._provider(scope, plan, move)
            effects += self._words(scope, plan)
        if scope.shown is Phase.EMERGENCY and scope.ramp is None:
            effects.append(Call(scope.name, Phase.EMERGENCY, moves[-1].why))
        return effects

    @staticmethod
    def _provider(scope: Scope, plan: TypePlan, move: Move) -> list[Effect]:
        """Outside Primary a type works through its backup; a return to Primary brings it back by share."""
        if not plan.backup:
            return []
        if move.phase is Phase.PRIMARY:
            return [Provide(plan.id, plan.provider, move.share_milli)]
        return [Provide(plan.id, plan.backup, FULL_MILLI)] if move.share_milli == FULL_MILLI else []

    def _words(self, scope: Scope, plan: TypePlan) -> list[Effect]:
        text = plan.message if scope.shown >= Phase.CONTINGENCY else ""
        if self._shown.get(scope.name, "") == text:
            return []
        self._shown[scope.name] = text
        return [Show(scope.name, text)]
