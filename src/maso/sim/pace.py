"""PACE in a simulation: feeds the coordinator what happens, and does what it asks.

What it hears: outcomes of calls (from ports and, while something is wrong with them, from models), refusals
of what agents wrote, what monitoring sees of clusters, and what orchestrators and people answer. What it
does: tells the plane (`SetPhase`), has orchestrators confirm and assess, people approve, customers see.

An honest agent whose call fails follows its instance's phase: it tries again (Alternate), leaves it for later
(Contingency), or ends and hands its customer to a person (Emergency). What is left for later waits: it is
tried again when the instance is back, and when it is this session's turn in its type's return.

Orchestrators confirm after 50 ms and assess after 2 s, by what their file declares; people take as long as
the fleet file lets them (two fifths of the limit, as elsewhere), approve a step down while something is
broken and a step up when nothing is, and end an Emergency once nothing is broken any more. All of these are
simulated; the coordinator is the one that would run live.

Not simulated: an agent that reasons about its phase; the backup of a port (a gateway has none unless its
type's phase brings one).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import msgspec

from maso.clock import MS, SECOND
from maso.identity import Credential
from maso.journeys.sessions import Run
from maso.plane.apply import BLOCKING
from maso.plane.effects import Refuse
from maso.plane.events import Endorser, SetPhase
from maso.resilience import signals
from maso.resilience.coordinator import Coordinator
from maso.resilience.layers import Layer
from maso.resilience.pace import Authority, Phase
from maso.resilience.plan import plan_of
from maso.resilience.ramp import FULL_MILLI, returned
from maso.sim.faults import SLOW_FACTOR, Fault
from maso.sim.restarting import Listening
from maso.streams import stream

if TYPE_CHECKING:
    from maso.sim.driver import Simulation

HEARD_NS: Final = 50 * MS
ASSESSED_NS: Final = 2 * SECOND
# An agent tries again after a moment; a customer does not wait for longer.
RETRY_NS: Final = 2 * SECOND
# Those who return do so over a second, not in one instant.
RESUME_NS: Final = SECOND
REFUSED_BY_PHASE: Final = "PACE-1/phase"
# Faults in which every agent can say what it wants to.
_TALKING: Final = ("gateway-outage", "gateway-slow", "layer-down", "coordinator-stopped")
# Who is silent while a layer is gone. The typed check against the facts stands in for the judge.
_LAYER_OF: Final = {Endorser.FACTS: Layer.JUDGE, Endorser.PERSON: Layer.HUMAN}
HANDED_OVER: Final = "handed to a person"
_credential = msgspec.msgpack.Decoder(Credential).decode


class Step(NamedTuple):
    """One transition of a scope that is not an instance, as it happened."""

    at: int
    scope: str
    phase: int
    share_milli: int
    why: str
    by: str


class Waiting(NamedTuple):
    """A session that left its next move for later; `nhi` is whose turn it is."""

    run: Run
    nhi: int
    type: int
    since: int


class Degradation:
    """The coordinator of one run, and everything around it."""

    def __init__(self, sim: Simulation, faults: Sequence[Fault]) -> None:
        self._sim = sim
        self.faults = tuple(faults)
        self._key = sim.keys.plane.record
        plan = plan_of(sim.fleet)
        stops = any(f.kind == "coordinator-stopped" for f in faults)
        self._hearing = Listening(plan, self._key, stops=stops)
        self.steps: list[Step] = []
        self.instance_moves = [0, 0, 0, 0]
        self.shown: list[tuple[int, str, str]] = []
        self.called: list[tuple[int, str, str]] = []
        self.notices = 0
        self._orders = 0
        self.waited = 0
        self.resumed = 0
        self.waiting_max = 0
        self.waits_ns: list[int] = []
        self._waiting: dict[int, Waiting] = {}  # by session
        self._type_of = {t.id: i for i, t in enumerate(plan.types)}
        self._routes: dict[int, tuple[str, int]] = {}  # by type: another provider, for which share
        self._silent = any(f.kind not in _TALKING for f in faults)
        self._broken: dict[Fault, int] = {}  # the instance that each `instance-failure` chose
        self._delays = stream(sim.seed, "pace/resume")
        self._people = stream(sim.seed, "pace/people")
        roles = {authority: role for role, authority in plan.roles.items()}
        self._commander = roles[Authority.COMMANDER]
        self._operator = roles.get(Authority.OPERATOR, self._commander)

    @property
    def coordinator(self) -> Coordinator:
        """As it is now, or was when it stopped."""
        return self._hearing.coordinator

    def start(self) -> None:
        for fault in self.faults:
            self._sim.kernel.at(fault.start, self._begin, fault)
            self._sim.kernel.at(fault.end, self._end, fault)

    def advance(self, now: int) -> None:
        """Once a second."""
        self._do(self._hearing.advance(now))

    # What it hears.

    def joined(self, members: tuple[tuple[int, int, int], ...]) -> None:
        """Honest instances were admitted: (nhi, index of the type, session) each."""
        self._hearing.handle(signals.Joined(members), self._sim.now)

    def admitted(self, credential: bytes) -> None:
        """Somebody else's were: by what their credential says."""
        joining = _credential(credential)
        if not joining.session:
            return  # ports are no agents
        members = tuple(
            (m.nhi, self._type_of[m.type_id], joining.session)
            for m in joining.members
            if m.type_id in self._type_of
        )
        self.joined(members)

    def ended(self, nhis: tuple[int, ...]) -> None:
        self._hearing.handle(signals.Left(nhis), self._sim.now)

    def refused(self, refusal: Refuse) -> None:
        """A refusal that counts against whoever wrote it."""
        if refusal.sender and any(finding.reason.code in BLOCKING for finding in refusal.findings):
            now = self._sim.now
            self._do(self._hearing.handle(signals.Blocked(refusal.sender, now), now))

    def call_fails(self, port: str, nhi: int) -> bool:
        """Whether a call to this port comes back with an error now."""
        if not self.faults:
            return False
        now = self._sim.now
        return self._breaks(nhi) or any(
            f.kind == "gateway-outage" and f.target == port and f.active(now) for f in self.faults
        )

    def slowness(self, port: str) -> int:
        """How many times its usual latency a call to this port takes now."""
        now = self._sim.now
        slow = any(f.kind == "gateway-slow" and f.target == port and f.active(now) for f in self.faults)
        return SLOW_FACTOR if slow else 1

    def answers(self, kind: int) -> bool:
        """Whether whoever a held action is shown to (`Endorser`) is there to answer now."""
        return not self.faults or not self._down(_LAYER_OF.get(Endorser(kind)))

    def _down(self, layer: Layer | None) -> bool:
        now = self._sim.now
        return any(f.kind == "layer-down" and f.target == layer and f.active(now) for f in self.faults)

    def called_port(self, nhi: int, ok: bool, about: str) -> None:
        """A call of an instance to a port or a provider came back (or failed, or was far too slow)."""
        now = self._sim.now
        self._do(self._hearing.outcome(nhi, ok, now, about))

    def speaks(self, run: Run, nhi: int, kind: int) -> bool:
        """Whether an agent can say anything now; where not, its move is dealt with."""
        if not self._silent or kind >= len(self._type_of):
            return True
        ok = not self._mute(run.number, nhi, kind)
        self.called_port(nhi, ok, self._provider(kind, run.number))
        if not ok:
            self.failed(run, nhi)
        return ok

    # What an honest session does about it.

    def failed(self, run: Run, nhi: int) -> None:
        """The move of this instance failed; the coordinator knows."""
        sessions = self._sim.sessions
        if run.number not in sessions.live:
            return
        match self.coordinator.instances.phase(nhi):
            case Phase.PRIMARY | Phase.ALTERNATE:
                self._sim.kernel.after(RETRY_NS, sessions.repeat, run)
            case Phase.CONTINGENCY:
                self._leave_for_later(run, nhi)
            case Phase.EMERGENCY:
                sessions.broken(run, HANDED_OVER)

    def turned_away(self, run: Run, nhi: int, code: str) -> bool:
        """Whether a refusal is only for now: then the move waits."""
        if code != REFUSED_BY_PHASE or nhi not in self.coordinator.instances.live:
            return False
        if self.coordinator.effective(nhi) is Phase.EMERGENCY:
            return False
        self._leave_for_later(run, nhi)
        return True

    def _leave_for_later(self, run: Run, nhi: int) -> None:
        live = self.coordinator.instances.live.get(nhi)
        if live is None:
            self._sim.sessions.broken(run, HANDED_OVER)
            return
        self.waited += 1
        self._waiting[run.number] = Waiting(run, nhi, live.type, self._sim.now)
        self.waiting_max = max(self.waiting_max, len(self._waiting))

    def _resume(self, wait: Waiting) -> None:
        if wait.run.number not in self._sim.sessions.live:
            self._waiting.pop(wait.run.number, None)
            return
        if self.coordinator.effective(wait.nhi) >= Phase.CONTINGENCY:
            return
        del self._waiting[wait.run.number]
        self.resumed += 1
        self.waits_ns.append(self._sim.now - wait.since)
        delay = self._delays.exponential(RESUME_NS)
        self._sim.kernel.after(delay, self._sim.sessions.repeat, wait.run)

    def _mute(self, session: int, nhi: int, kind: int) -> bool:
        if self._breaks(nhi):
            return True
        now, plan = self._sim.now, self.coordinator.plan.types[kind]
        active = [f for f in self.faults if f.active(now)]
        provider = self._provider(kind, session)
        return any(
            (f.kind == "provider-outage" and f.target == provider)
            or (f.kind == "cluster-down" and f.target == plan.cluster)
            for f in active
        )

    def _breaks(self, nhi: int) -> bool:
        """Whether an instance is the one that fails: the first of its type that does anything meanwhile."""
        now = self._sim.now
        live = self.coordinator.instances.live.get(nhi)
        for fault in self.faults:
            mine = fault.kind == "instance-failure" and fault.active(now) and live is not None
            if not mine or live.type != self._type_of[fault.target]:  # type: ignore[union-attr]
                continue
            if self._broken.setdefault(fault, nhi) == nhi:
                return True
        return False

    def _provider(self, kind: int, session: int) -> str:
        plan = self.coordinator.plan.types[kind]
        if kind not in self._routes:
            return plan.provider
        provider, share = self._routes[kind]
        if returned(self._key, f"type:{plan.id}", session, share):
            return provider
        return plan.backup if provider == plan.provider else plan.provider

    # Faults begin and end.

    def _begin(self, fault: Fault) -> None:
        match fault.kind:
            case "cluster-down":
                self._signal(signals.Gone(f"cluster:{fault.target}"))
            case "orchestrator-stopped":
                self._signal(signals.Gone(f"orchestrator:{fault.target}"))
            case "layer-down":
                self._signal(signals.Gone(f"layer:{fault.target}"))
            case "coordinator-stopped":
                self._hearing.stop()

    def _end(self, fault: Fault) -> None:
        match fault.kind:
            case "cluster-down":
                self._signal(signals.Back(f"cluster:{fault.target}"))
            case "orchestrator-stopped":
                self._signal(signals.Back(f"orchestrator:{fault.target}"))
            case "layer-down":
                self._signal(signals.Back(f"layer:{fault.target}"))
            case "coordinator-stopped":
                self._do(self._hearing.start(self._sim.now))

    def _signal(self, signal: signals.Signal) -> None:
        self._do(self._hearing.handle(signal, self._sim.now))

    # What it is asked to do.

    def _do(self, effects: Sequence[signals.Effect]) -> None:
        for effect in effects:
            match effect:
                case signals.Move():
                    self._move(effect)
                case signals.Notify(consumer=consumer, number=number):
                    self.notices += 1
                    self._orchestrator(consumer, HEARD_NS, signals.Heard(consumer, number))
                case signals.Assess(consumer=consumer, number=number, declared=declared):
                    answer = signals.Assessed(consumer, number, declared)
                    self._orchestrator(consumer, ASSESSED_NS, answer)
                case signals.Request():
                    delay = self._people.latency(self._sim.person_ns)
                    self._sim.kernel.after(delay, self._decide, effect)
                case signals.Call(scope=scope, why=why):
                    self._call(scope, why)
                case signals.Show(scope=scope, text=text):
                    self.shown.append((self._sim.now, scope, text))
                case signals.Provide(type_id=name, provider=provider, share_milli=share):
                    self._routes[self._type_of[name]] = (provider, share)
                case signals.Finish(nhi=nhi):
                    self._finish(nhi)

    def _move(self, move: signals.Move) -> None:
        event = SetPhase(move.scope, move.phase, move.why, move.by, move.share_milli)
        self._sim.follow(self._sim.raise_event(event), None)
        level, _, name = move.scope.partition(":")
        if level == "instance":
            self.instance_moves[move.phase] += 1
            if move.phase < Phase.CONTINGENCY:
                self._wake([w for w in self._waiting.values() if w.nhi == int(name)])
            return
        step = Step(self._sim.now, move.scope, move.phase, move.share_milli, move.why, move.by)
        self.steps.append(step)
        if move.phase < Phase.CONTINGENCY:
            self._wake(list(self._waiting.values()))

    def _wake(self, waiting: list[Waiting]) -> None:
        for wait in waiting:
            self._resume(wait)

    def _orchestrator(self, cluster: str, delay: int, signal: signals.Signal) -> None:
        now = self._sim.now
        stopped = ("orchestrator-stopped", "cluster-down")
        if any(f.kind in stopped and f.target == cluster and f.active(now) for f in self.faults):
            return
        self._sim.kernel.after(delay, self._signal, signal)

    def _decide(self, request: signals.Request) -> None:
        """A person looks before answering: down while something is broken, up when nothing is any more."""
        if self._down(Layer.HUMAN):
            return  # nobody is there: the request's own time decides
        broken = any(f.active(self._sim.now) for f in self.faults)
        down = request.to > self.coordinator.phase(request.scope)
        self._signal(signals.Answered(request.scope, broken is down, self._operator, request.number))

    def _call(self, scope: str, why: str) -> None:
        self.called.append((self._sim.now, scope, why))
        level = scope.partition(":")[0]
        if level != "instance":
            self._sim.kernel.after(self._people.latency(self._sim.person_ns), self._look, scope)

    def _look(self, scope: str) -> None:
        """A person who was called looks: once nothing is broken any more, what only people may do is done."""
        now = self._sim.now
        if any(f.active(now) for f in self.faults):
            self._sim.kernel.after(self._people.latency(self._sim.person_ns), self._look, scope)
        elif self.coordinator.phase(scope) is Phase.EMERGENCY:
            self._order(scope, "release", self._commander)
        elif self.coordinator.phase(scope) is not Phase.PRIMARY:
            self._order(scope, "up", self._operator)

    def _order(self, scope: str, what: str, role: str) -> None:
        self._orders += 1
        self._signal(signals.Order(scope, what, role, self._orders, self._sim.now))

    def _finish(self, nhi: int) -> None:
        live = self.coordinator.instances.live.get(nhi)
        run = None if live is None else self._sim.sessions.live.get(live.session)
        if run is not None:
            self._sim.sessions.broken(run, HANDED_OVER)

    # What is told of it.

    def document(self) -> dict[str, Any]:
        """For `summary.json`: the faults, every transition of a scope, and what it meant."""
        _, clusters = self.coordinator.view()
        return {
            "faults": [f.text for f in self.faults],
            "transitions": [
                {
                    "at_ns": s.at,
                    "scope": s.scope,
                    "phase": Phase(s.phase).name.lower(),
                    "share": s.share_milli / FULL_MILLI,
                    "why": s.why,
                    "by": s.by,
                }
                for s in self.steps
            ],
            "instance_transitions": {p.name.lower(): self.instance_moves[p] for p in Phase},
            "clusters_at_the_end": {name: phase.name.lower() for name, phase in clusters.items()},
            "orchestrators": [
                {
                    "consumer": k.consumer,
                    "producer": k.producer,
                    "told": k.phase.name.lower(),
                    "knows": k.knows,
                }
                for k in self.coordinator.knowledge()
            ],
            "customers_see": [{"at_ns": at, "scope": s, "text": t} for at, s, t in self.shown],
            "people_called": [{"at_ns": at, "scope": s, "why": w} for at, s, w in self.called],
            "left_for_later": self.waited,
            "taken_up_again": self.resumed,
            "waiting_at_once_max": self.waiting_max,
            "waited_ns_max": max(self.waits_ns, default=0),
        }
