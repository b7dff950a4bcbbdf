"""From the order to the last action, in virtual time: the real switch, holders and fence, over a network.

Two people order; what follows depends on the fleet's `controls`:

    stop_by: lease           processes act by leases of the switch (`Holder`), tools let them by a `Fence`;
    the switch tells stages and revokes, and what nobody hears ends by itself
    stop_by: control-plane   the platform tells every instance, one after the other at the bus's declared
    rate, and again every second until it is heard; nobody else is asked
    stop_switches            one switch at the fleet's centre, or one in every region for its own types

Instances are spread over processes; each acts at the fleet's declared pace, and its calls take what the ports
declare. An action counts when its call comes back.

Simulated: network, pace and calls. Real: signing, verifying, who may act, every stage. Not here: money
(`shutdown_money.py`), and a platform that lies (`shutdown_try.py`).
"""

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any, Final, NamedTuple

from nacl.signing import SigningKey

from maso.clock import MINUTE, MS, SECOND
from maso.fleet.model import Fleet
from maso.resilience.lease import Call, Fence, Holder, Verifier
from maso.resilience.shutdown import Stage
from maso.resilience.switch import Effect, Renew, Revoke, StopPlan, Switch, Tell, stop_plan
from maso.resilience.twopersons import Want, state
from maso.sim.kernel import Kernel
from maso.sim.regions import Network
from maso.sim.tower import persons, rehearsed
from maso.streams import stream
from maso.stress.dimension import Outcome, Trial
from maso.stress.probes.pace_stage import calls_per_minute, live_of

# Instances of one process; a pod of the declared fleets holds some hundreds.
PER_PROCESS: Final = 500
# Traffic before the order, and the second person a second after the first.
BEFORE_NS: Final = 3 * SECOND
SECOND_PERSON_NS: Final = SECOND
# The platform tells whoever has not confirmed again.
AGAIN_NS: Final = SECOND
# Where the file declares no region, and for regions beyond those that it declares.
FAR_MS: Final = 100
# More sessions than these would say the same about a network.
SESSIONS_MAX: Final = 1_000
# Of more instances, neighbours are told by one message at the time of the last of them.
TOLD_MAX: Final = 6_000
CUT_NS: Final = 30 * SECOND


class Process(NamedTuple):
    """Where so many instances of one type run."""

    type: str
    region: str
    instances: int


class Rig(ABC):
    """One fleet, about to be stopped. `last` is when the last action came to its end."""

    def __init__(
        self, fleet: Fleet, seed: int, processes: list[Process], distance_ns: dict[str, int]
    ) -> None:
        self.fleet = fleet
        self.kernel = Kernel()
        self.draws = stream(seed, "shutdown/rig")
        self.net = Network(self.kernel, self.draws, distance_ns)
        self.plan = rehearsed(stop_plan(fleet))
        self.people, self.keys = persons(seed)
        self.processes = processes
        self.last = self.ordered = 0
        self.calls = 0  # under way
        self.told = 0  # instances that the platform sent word to
        self.effects = 0
        self.call_ns = _call_ns(fleet)
        self.act_ns = round(MINUTE / calls_per_minute(fleet))

    def act(self, process: int) -> None:
        """The process' next action, at the pace of all its instances."""
        mean = max(1, self.act_ns // self.processes[process].instances)
        self.kernel.after(self.draws.exponential(mean), self._acts, process)

    def _acts(self, process: int) -> None:
        if self.may(process):
            self.calls += 1
            self.kernel.after(self.draws.latency(self.call_ns), self._came_back, None)
        elif self.over(process):
            return
        self.act(process)

    def _came_back(self, _: None) -> None:
        self.calls -= 1
        self.effects += 1
        self.last = self.kernel.now

    def send(self, source: str, target: str, deliver: Callable[[Any], None], what: Any) -> None:
        """Within one place nothing is lost; between two the network decides."""
        if source == target:
            self.kernel.after(self.draws.latency(MS), deliver, what)
        else:
            self.net.send(source, target, deliver, what)

    @abstractmethod
    def start(self) -> None: ...

    @abstractmethod
    def order(self, want: Want) -> None: ...

    @abstractmethod
    def may(self, process: int) -> bool: ...

    @property
    def stopped(self) -> bool:
        """Whether nothing acts any more, and nothing is under way."""
        return not self.calls and all(self.over(i) for i in range(len(self.processes)))

    @abstractmethod
    def over(self, process: int) -> bool:
        """Whether the process never acts again."""

    @property
    def last_action_s(self) -> float:
        return max(0, self.last - self.ordered) / SECOND


class Leased(Rig):
    """By leases."""

    def __init__(
        self, fleet: Fleet, seed: int, processes: list[Process], distance_ns: dict[str, int]
    ) -> None:
        super().__init__(fleet, seed, processes, distance_ns)
        self.switches: list[tuple[str, Switch]] = []
        verifiers: dict[str, Verifier] = {}
        for place, plan in self._plans():
            key = SigningKey(f"maso stress {place} {seed}".encode().ljust(32, b".")[:32])
            verifiers[place] = Verifier(bytes(key.verify_key))
            self.switches.append((place, Switch(plan, self.people, key)))
        self.per_region = fleet.controls.stop_switches == "per-region"
        verify = {p.region: verifiers[p.region if self.per_region else "switch"] for p in processes}
        lease_ns, drift_ns = self.plan.lease_ns, self.plan.drift_ns
        self.holders = [
            Holder(verify[p.region], p.type, lease_ns=lease_ns, drift_ns=drift_ns) for p in processes
        ]
        self.fences = {
            p.type: Fence(verify[p.region], lease_ns=lease_ns, drift_ns=drift_ns) for p in processes
        }
        self.heard: set[tuple[int, bytes]] = set()
        self.holding: dict[str, list[int]] = {}
        for i, process in enumerate(processes):
            self.holding.setdefault(process.type, []).append(i)

    def _plans(self) -> list[tuple[str, StopPlan]]:
        if self.fleet.controls.stop_switches == "one":
            return [("switch", self._placed(self.plan))]
        regions = dict.fromkeys(p.region for p in self.processes)
        return [(region, self._only(region)) for region in regions]

    def _placed(self, plan: StopPlan) -> StopPlan:
        """The plan with the types where the processes are."""
        at = {p.type: p.region for p in self.processes}
        return plan._replace(types=tuple(t._replace(region=at[t.id]) for t in plan.types if t.id in at))

    def _only(self, region: str) -> StopPlan:
        plan = self._placed(self.plan)
        return plan._replace(types=tuple(t for t in plan.types if t.region == region))

    def start(self) -> None:
        for number, (_, switch) in enumerate(self.switches):
            for effect in switch.advance(0):
                if isinstance(effect, Renew):
                    for i in self.holding[effect.lease.type]:
                        self.holders[i].renew(effect.lease, 0)
                    self.fences[effect.lease.type].show(effect.lease, 0)
            self._plan(number)
        for i in range(len(self.processes)):
            self.act(i)

    def may(self, process: int) -> bool:
        holder, kind = self.holders[process], self.processes[process].type
        now = self.kernel.now
        if not holder.may_begin(now):
            return False
        return not self.fences[kind].refuses(holder.lease, Call(kind, 1, 1, 0, False, False), now)

    def over(self, process: int) -> bool:
        # Nothing leads back from a freeze here: whoever may begin nothing has done its last action.
        return self.ordered > 0 and not self.holders[process].may_begin(self.kernel.now)

    def order(self, want: Want) -> None:
        """Two people, one after the other, at the fleet's centre; told to every switch."""
        for who, at in (("ann", BEFORE_NS - SECOND_PERSON_NS), ("bob", BEFORE_NS)):
            self.kernel.at(at, self._said, (who, want))
        self.ordered = BEFORE_NS

    def _said(self, what: tuple[str, Want]) -> None:
        who, want = what
        now = self.kernel.now
        for number, (place, switch) in enumerate(self.switches):
            wire = state(self.keys[who], want, "system", switch.epoch("system"), number * 8 + len(who), now)
            if place == "switch":
                self._heard((number, wire))
            else:
                self._tell_switch((number, wire))

    def _tell_switch(self, what: tuple[int, bytes]) -> None:
        """A console says it again every second until that switch has heard it."""
        if what not in self.heard:
            self.send("console", self.switches[what[0]][0], self._heard, what)
            self.kernel.after(AGAIN_NS, self._tell_switch, what)

    def _heard(self, what: tuple[int, bytes]) -> None:
        number, wire = what
        self.heard.add(what)
        effects, _ = self.switches[number][1].statement("system", wire, self.kernel.now)
        self._out(number, effects)

    def _plan(self, number: int) -> None:
        at = max(self.switches[number][1].next_at, self.kernel.now + 50 * MS)
        self.kernel.at(at, self._tick, number)

    def _tick(self, number: int) -> None:
        switch = self.switches[number][1]
        self._out(number, switch.advance(self.kernel.now))
        if not self.calls and Stage.FREEZE <= switch.stage("system") < Stage.RECONCILE:
            # Nothing is under way: the platform says so, and the stage is over.
            self._out(number, switch.done("system", switch.stage("system"), self.kernel.now))
        self._plan(number)

    def _out(self, number: int, effects: list[Effect]) -> None:
        place = self.switches[number][0]
        for effect in effects:
            match effect:
                case Renew(lease=lease):
                    self.send(place, "tools", self._shown, lease)
                    for i in self.holding[lease.type]:
                        self.send(place, self.processes[i].region, self._renewed, (i, lease))
                case Revoke(revocation=revocation):
                    self.send(place, "tools", self._barred, revocation)
                    for i in self.holding[revocation.type]:
                        self.send(place, self.processes[i].region, self._revoked, (i, revocation))
                case Tell():
                    pass  # the stage travels with the leases

    def _renewed(self, what: tuple[int, Any]) -> None:
        self.holders[what[0]].renew(what[1], self.kernel.now)

    def _revoked(self, what: tuple[int, Any]) -> None:
        self.holders[what[0]].revoke(what[1])

    def _shown(self, lease: Any) -> None:
        self.fences[lease.type].show(lease, self.kernel.now)

    def _barred(self, revocation: Any) -> None:
        self.fences[revocation.type].revoke(revocation)


class Told(Rig):
    """By the platform: every instance is told to stop, and acts until it has heard."""

    def start(self) -> None:
        self.left = [p.instances for p in self.processes]
        for i in range(len(self.processes)):
            self.act(i)

    def may(self, process: int) -> bool:
        return self.draws.between(1, self.processes[process].instances) <= self.left[process]

    def over(self, process: int) -> bool:
        return not self.left[process]

    def order(self, want: Want) -> None:
        self.ordered = BEFORE_NS
        self.kernel.at(BEFORE_NS, self._order)

    def _order(self, _: None) -> None:
        rate = self.fleet.target.messages_per_second
        gap = SECOND // rate if rate else 0
        at = 0
        together = 1 + sum(p.instances for p in self.processes) // TOLD_MAX
        for i, process in enumerate(self.processes):
            for first in range(0, process.instances, together):
                count = min(together, process.instances - first)
                at += gap * count
                self.kernel.after(at, self._tell, (i, count))

    def _tell(self, what: tuple[int, int]) -> None:
        process, count = what
        self.told += count
        before = self.net.lost + self.net.cut_messages
        self.net.send("plane", self.processes[process].region, self._stopped, what)
        if self.net.lost + self.net.cut_messages > before:
            self.kernel.after(AGAIN_NS, self._tell, what)

    def _stopped(self, what: tuple[int, int]) -> None:
        self.left[what[0]] -= what[1]


def _call_ns(fleet: Fleet) -> int:
    """The median call: of the ports', the middle one; a quarter of a second where none declares any."""
    medians = sorted(p.latency_ms_median for p in fleet.ports if p.latency_ms_median)
    return (medians[len(medians) // 2] if medians else 250) * MS


def processes_of(fleet: Fleet, sessions_max: int | None = None) -> list[Process]:
    """All instances, by type, in the region of their cluster."""
    scale = 1.0
    if sessions_max is not None and fleet.kind == "depth":
        scale = min(1.0, sessions_max / fleet.size)
    regions = {t.id: t.region for t in stop_plan(fleet).types}
    found = []
    for agent in fleet.types:
        left = max(1, round(live_of(fleet, agent) * scale))
        while left > 0:
            found.append(Process(agent.id, regions[agent.id], min(left, PER_PROCESS)))
            left -= PER_PROCESS
    return found


def distances(fleet: Fleet) -> dict[str, int]:
    """Of every place from the fleet's centre; the switch, the console, tools and the platform are there."""
    return {region.id: region.latency_ms * MS for region in fleet.regions}


def _stop(trial: Trial, processes: list[Process], distance: dict[str, int], lost_ppm: int = 0) -> Rig:
    """The rig after the stop. What is lost is lost from the second person's order on."""
    fleet = trial.fleet
    leased = fleet.controls.stop_by == "lease"
    rig = (Leased if leased else Told)(fleet, trial.seed, processes, distance)
    rig.start()
    rig.order(Want.KILL if fleet.controls.stop_order == "immediate" else Want.HALT)
    rig.kernel.run(BEFORE_NS - 1)
    rig.net.lost_ppm = lost_ppm
    end = BEFORE_NS + (2 * rig.plan.bound_ns() if leased else session_ns(fleet))
    while rig.kernel.now < end and not rig.stopped:
        rig.kernel.run(min(end, rig.kernel.now + SECOND))
    return rig


def _seconds(rig: Rig) -> float:
    """To the last action; where somebody still acts, to the end of the longest credential."""
    return rig.last_action_s if rig.stopped else session_ns(rig.fleet) / SECOND


def session_ns(fleet: Fleet) -> int:
    """After so long an instance's credential is over, whoever says so."""
    longest = [t.session_minutes_max for t in fleet.types if t.session_minutes_max]
    return max(longest, default=4 * fleet.workload.session_minutes) * MINUTE


def stop(trial: Trial) -> Outcome:
    """Everything works: the time to the last action, and what the fleet file bounds it by."""
    fleet = trial.fleet
    rig = _stop(trial, processes_of(fleet), distances(fleet))
    immediate = fleet.controls.stop_order == "immediate"
    # Told by the platform, nothing but the end of a credential bounds whoever is not told.
    told = fleet.controls.stop_by == "control-plane"
    bound = session_ns(fleet) if told else rig.plan.bound_ns(immediate=immediate)
    return Outcome(
        values={
            "last_action_s": _seconds(rig),
            "bound_s": bound / SECOND,
            "stop_messages": float(rig.told or rig.net.sent),
        },
        details={
            "instances": sum(p.instances for p in rig.processes),
            "processes": len(rig.processes),
            "effects": rig.effects,
            "lease_s": rig.plan.lease_ns / SECOND,
            "drift_s": rig.plan.drift_ns / SECOND,
            "call_s": rig.plan.call_ns / SECOND,
            "stages_s": sum(ns for stage, ns in rig.plan.ceilings.items() if stage < Stage.RECONCILE)
            / SECOND,
        },
    )


def lossy(trial: Trial) -> Outcome:
    """`at` of a thousand messages are lost from the order on; a thousand of a thousand is a partition."""
    fleet = trial.fleet
    few = processes_of(fleet, SESSIONS_MAX)
    if trial.at >= 1_000 and fleet.controls.stop_by == "control-plane":
        # Nobody ever hears it: every instance goes on until its credential ends.
        return Outcome(values={"last_action_lossy_s": session_ns(fleet) / SECOND})
    rig = _stop(trial, few, distances(fleet), trial.at * 1_000)
    return Outcome(values={"last_action_lossy_s": _seconds(rig)})


def spread(trial: Trial) -> Outcome:
    """The same instances in `at` regions, as far as the fleet's own, and as its furthest beyond those."""
    fleet = trial.fleet
    own = sorted(region.latency_ms for region in fleet.regions) or [FAR_MS]
    names = [f"r{i}" for i in range(trial.at)]
    distance = {name: own[min(i, len(own) - 1)] * MS for i, name in enumerate(names)}
    kinds = {agent.id: names[i % trial.at] for i, agent in enumerate(fleet.types)}
    processes = [p._replace(region=kinds[p.type]) for p in processes_of(fleet, SESSIONS_MAX)]
    rig = _stop(trial, processes, distance)
    return Outcome(values={"last_action_regions_s": _seconds(rig)})


def cut_off(trial: Trial) -> Outcome:
    """No order; the region with most instances does not hear the switch for half a minute."""
    fleet = trial.fleet
    processes = processes_of(fleet, SESSIONS_MAX)
    weight: dict[str, int] = {}
    for process in processes:
        weight[process.region] = weight.get(process.region, 0) + process.instances
    if fleet.controls.stop_by != "lease" or not any(weight):
        return Outcome(values={"cut_off_share": 0.0})
    region = max(weight, key=lambda name: weight[name])
    rig = Leased(fleet, trial.seed, processes, distances(fleet))
    rig.start()
    rig.net.cut("switch", region)
    rig.kernel.run(CUT_NS)
    stopped = sum(
        p.instances for p, holder in zip(processes, rig.holders, strict=True) if holder.stops(rig.kernel.now)
    )
    share = stopped / sum(p.instances for p in processes)
    return Outcome(values={"cut_off_share": share}, details={"region": region})
