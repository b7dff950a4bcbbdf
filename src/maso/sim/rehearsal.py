"""One rehearsal of a kill switch in virtual time: a fleet at work, an order at a random moment, and outages.

The run goes: traffic for some seconds, the order of two people, the stages, the reconciliation, the way back
by two people; then the audit and the laws. Everything is drawn from the seed: same seed, same rehearsal.

The bound is counted from the second person's order to the last effect that anybody but the reconciler caused.
With the switch cut off from the agents no stage reaches them, so nothing but the lease counts, from the
moment when the last one was issued; a rehearsal still asks for no more than the whole bound.

Not here: real processes and databases (`live/`), and what agents would have wanted to say.
"""

from __future__ import annotations

from collections.abc import Container
from typing import Any, Final, NamedTuple

import msgspec
from nacl.signing import SigningKey

from maso.clock import MS, SECOND
from maso.fleet.model import Fleet
from maso.fleet.rulebook import Rulebook
from maso.journeys.actors import Keyring
from maso.plane.plane import Plane
from maso.resilience.shutdown import STAGE_NAMES, Stage
from maso.resilience.switch import as_text, stop_plan
from maso.resilience.twopersons import Want, state
from maso.scan.scanner import Scanner
from maso.sim.adversaries.catalog import ADVERSARIES
from maso.sim.adversaries.mix import Mix
from maso.sim.checkers import money
from maso.sim.driver import Simulation, make_worlds
from maso.sim.hostility import Hostile
from maso.sim.outages import Outage, drawn
from maso.sim.scene import AllBut, Scene
from maso.sim.stopping import Platform
from maso.sim.till import Till
from maso.sim.tower import Sweeper, Tower, persons, rehearsed
from maso.sim.watchers import RecordTap
from maso.streams import PER_MILLION, stream
from maso.worlds import settling
from maso.worlds.audit import Audit, audit
from maso.worlds.base import MemoryStore

# Attacks of the catalogue come while the fleet works and while it is being stopped.
ATTACKS_NS: Final = 30 * SECOND
# To silence a victim is no feat where everybody is being silenced.
ATTACKS: Final = tuple(a for a in ADVERSARIES if a.id != "channel-flood")
# Few products, so that carts compete for stock.
PRODUCTS: Final = 40
# The order comes somewhere in here: sessions that enter part-way have caught up after some seconds.
KILL_NS: Final = (4 * SECOND, 16 * SECOND)
# The second person answers after one of these, when they answer.
SECOND_NS: Final = (20 * MS, 100 * MS, 300 * MS, SECOND, 4 * SECOND)
# Half of the orders come just when a payment is at the gateway; this long one is waited for.
PAYMENT_NS: Final = 10 * SECOND
LOOK_NS: Final = 20 * MS
# The way back is ordered this long after the end.
BACK_NS: Final = 2 * SECOND
# Some who come too late are turned away; thousands more would show nothing new.
SHUT_NS: Final = 2 * SECOND
STEP_NS: Final = 5 * SECOND
# Beyond the longest stages: outages last up to 1,000 seconds.
HORIZON_NS: Final = 1_500 * SECOND


class Wish(NamedTuple):
    """What to rehearse. `kill_ns` None: drawn."""

    seed: int
    outages: tuple[Outage, ...]
    scope: str = "system"
    immediate: bool = False
    kill_ns: int | None = None
    attacked: bool = False


class MemoryLog:
    """Evidence in memory; record numbers count from 1, as in a file."""

    def __init__(self) -> None:
        self.bodies: list[bytes] = []

    def append(self, body: bytes) -> int:
        self.bodies.append(body)
        return len(self.bodies)


class Result(NamedTuple):
    """What came of it. `wrong` is empty where every law held."""

    seed: int
    scope: str
    immediate: bool
    outages: tuple[str, ...]
    ordered_ms: int
    settled: bool
    last_action_ms: int
    bound_ms: int
    stages_ms: dict[str, int]
    in_flight_money_max: int
    in_flight_money: int
    drained: int
    rolled_back: int
    confirmed: int
    listed: int
    ambiguous: int
    stock_equals_books: bool
    gateway_calls_at_once_max: int
    sessions: int
    kept: int
    fenced: dict[str, int]
    hostile: dict[str, int]
    people_called: int
    messages: int
    lost: int
    back_ms: int | None
    why_listed: tuple[str, ...]
    wrong: tuple[str, ...]


# E's session of 15 minutes in one: some seconds of traffic then have payments in flight.
HURRY: Final = 15


def hurried(fleet: Fleet) -> Fleet:
    """A depth fleet whose agents act fifteen times as fast as declared."""
    load = fleet.workload
    minutes = max(1, load.session_minutes // HURRY)
    return msgspec.structs.replace(fleet, workload=msgspec.structs.replace(load, session_minutes=minutes))


def prepare(fleet: Fleet) -> tuple[Fleet, Rulebook]:
    """What all rehearsals of one fleet share."""
    return fleet, Rulebook(fleet)


def regions_of(fleet: Fleet) -> tuple[str, ...]:
    """The regions in which the fleet has agents."""
    return tuple(dict.fromkeys(t.region for t in stop_plan(fleet).types if t.region))


# Every adversary of the catalogue in a run costs as much as the rest of it.
ATTACKED_ONE_IN: Final = 8
# A depth fleet numbers its sessions from 1: these two are there early and late.
_SESSIONS: Final = (3, 7)


def wish_of(fleet: Fleet, seed: int) -> Wish:
    """The wish of one seed: half of them stop everything, a quarter immediately."""
    draws = stream(seed, "rehearsal")
    kind = draws.pick(stop_plan(fleet).types)
    parts = [f"type:{kind.id}", f"cluster:{kind.cluster}", *(f"session:{n}" for n in _SESSIONS)]
    parts += [f"region:{kind.region}"] if kind.region else []
    scope = "system" if draws.bits(1) else draws.pick(parts)
    wish = Wish(seed, drawn(draws, regions_of(fleet)), scope, draws.chance(PER_MILLION // 4))
    return wish._replace(attacked=draws.chance(PER_MILLION // ATTACKED_ONE_IN))


class Rehearsal:
    """`fleet` and `rules` belong together (`prepare`); a depth fleet has as many sessions as its size."""

    def __init__(self, fleet: Fleet, rules: Rulebook, scanner: Scanner, wish: Wish) -> None:
        self.wish = wish
        self.plan = rehearsed(stop_plan(fleet))
        people, self._keys = persons(wish.seed)
        switch_key = SigningKey(f"maso rehearsal {wish.seed} switch".encode().ljust(32, b".")[:32])
        latency = {region.id: region.latency_ms for region in fleet.regions}
        self.scene = scene = Scene(self.plan, bytes(switch_key.verify_key), wish.seed, latency)
        self.log = MemoryLog()
        self.store = MemoryStore()
        keyring = Keyring(rules, wish.seed)
        tap = RecordTap(self.log)
        plane = Plane(rules, keyring.plane, tap, scanner)
        self.mix = Mix(wish.seed, ATTACKS_NS, ATTACKS) if wish.attacked else None
        hostile = () if self.mix is None else (self.mix,)
        self.platform = Platform(scene, plane, self.log, self.store, wish.seed, PRODUCTS)
        worlds = make_worlds(fleet, wish.seed, self.platform.make_shop)
        self.sim = Simulation(
            fleet,
            rules,
            plane,
            keyring,
            seed=wish.seed,
            minutes=1,
            size=fleet.size if fleet.kind == "depth" else None,
            worlds=worlds,
            stop=self.platform,
            tap=tap,
            watchers=hostile,
            adversaries=hostile,
            ports_outlive_ns=HORIZON_NS,  # attacks go on as long as outages do, and begin at a port
        )
        scene.attach(self.sim.kernel)
        self.till = Till(scene)
        self.platform.sim, self.platform.till = self.sim, self.till
        self.tower = Tower(scene, self.platform, self.till, people, switch_key, self._reached)
        self.sweeper = Sweeper(
            scene,
            self.platform,
            self.till,
            self.store,
            self.tower.done,
            self._committed,
            self._live,
            self._taken,
        )
        self.tower.sweeper = self.sweeper
        scene.hear_done = self.tower.done
        self.hostile = Hostile(scene, self.platform, self.till, self.tower, wish.scope)
        self._nonce = 0
        self._ordered = 0
        self._resumed: int | None = None
        self._back: int | None = None
        self._books: Audit | None = None
        self._left: list[str] = []
        self._stages: dict[str, int] = {}
        self._begun: set[Outage] = set()
        self.outages_seen: list[tuple[int, str]] = []

    # The run.

    def run(self) -> Result:
        draws, kernel = self.scene.draws, self.sim.kernel
        kill = draws.between(*KILL_NS) if self.wish.kill_ns is None else self.wish.kill_ns
        self._drift()
        self.tower.start()
        self.sim.start()
        self._begin_at(Stage.RUN)
        kernel.at(kill, self._at_a_payment if draws.bits(1) else self._order, False)
        while kernel.now < HORIZON_NS and not self._over():
            kernel.run(kernel.now + STEP_NS)
        return self._result()

    def _over(self) -> bool:
        return self._back is not None

    def _drift(self) -> None:
        """Clocks are a little off; by all that the plan allows for where drift is an outage."""
        most = self.plan.drift_ns
        places = ("plane", "gateway", *dict.fromkeys(t.region for t in self.plan.types))
        bad = any(outage.kind == "clock-drift" for outage in self.wish.outages)
        for place in places:
            off = most if bad else most // 10
            sign = 1 if self.scene.draws.bits(1) else -1
            self.scene.clocks[place] = sign * (off if bad else self.scene.draws.below(off + 1))

    # People.

    def _say(self, who: str, want: Want) -> str:
        self._nonce += 1
        switch, now = self.tower.switch, self.sim.kernel.now
        wire = state(self._keys[who], want, self.wish.scope, switch.epoch(self.wish.scope), self._nonce, now)
        self.hostile.statements.append(wire)
        return self.tower.statement(self.wish.scope, wire)

    def _want(self) -> Want:
        return Want.KILL if self.wish.immediate else Want.HALT

    def _at_a_payment(self, waited: int) -> None:
        if waited > PAYMENT_NS or any(work.call is not None for work in self.platform.works.values()):
            self._order(False)
        else:
            self.sim.kernel.after(LOOK_NS, self._at_a_payment, waited + LOOK_NS)

    def _order(self, again: bool) -> None:
        """The first person; the second follows, or does not."""
        kernel, draws = self.sim.kernel, self.scene.draws
        if self.tower.down:
            kernel.after(SECOND, self._order, again)
            return
        kinds = {outage.kind for outage in self.wish.outages}
        scope = self.wish.scope
        self._say("bob" if again else "ann", self._want())
        if "second-forged" in kinds and not again:
            for who in ("ann", "ann2", "eve"):
                self._say(who, self._want())
            if self.tower.switch.machine(scope).confirmed:
                self.platform.trouble.append("one person alone was taken for two")
        gap = draws.pick(SECOND_NS)
        if "second-silent" in kinds and not again:
            kernel.after(self.plan.confirm_ns + gap, self._order, True)
        else:
            kernel.after(gap, self._second, "cid" if again else "bob")

    def _second(self, who: str) -> None:
        if self.tower.down:
            self.sim.kernel.after(SECOND, self._second, who)
            return
        switch, scope = self.tower.switch, self.wish.scope
        if switch.machine(scope).confirmed:
            return
        self._say(who, self._want())
        if switch.machine(scope).confirmed:
            self._ordered = self.sim.kernel.now
            # A second order while the first one is carried out changes nothing.
            self.sim.kernel.after(3 * SECOND, self._second_order)
        else:
            # The switch restarted between the two, and forgot the first half: order again.
            self.sim.kernel.after(SECOND, self._order, True)

    def _second_order(self, _: None = None) -> None:
        stage = self.tower.switch.stage(self.wish.scope)
        if Stage.RUN < stage < Stage.SETTLED and not self.tower.down:
            for who in ("ann", "bob"):
                self._say(who, Want.HALT)
                self._say(who, Want.RESUME)
            if self.tower.switch.stage(self.wish.scope) < stage:
                self.platform.trouble.append("an order during the stop took a stage back")

    def _resume(self, _: None) -> None:
        if self.tower.down:
            self.sim.kernel.after(SECOND, self._resume)
            return
        scope, switch = self.wish.scope, self.tower.switch
        self._look_at_books()
        self._say("cid", Want.RESUME)
        if switch.stage(scope) is not Stage.SETTLED:
            self.platform.trouble.append("one person alone let it run again")
        self._say("ann", Want.RESUME)
        self._resumed = self.sim.kernel.now
        self._wait_for_leases(None)

    def _wait_for_leases(self, _: None) -> None:
        """The way back is complete when every type that may act can begin something."""
        assert self._resumed is not None
        ready = all(
            holder.may_begin(self.scene.clock(kind.region))
            for kind in self.plan.types
            if self.tower.switch.stage_of(kind) is Stage.RUN
            for holder in (self.platform.holders[kind.id],)
        )
        waited = self.sim.kernel.now - self._resumed
        if ready or waited > 60 * SECOND:
            self._back = waited
        else:
            self.sim.kernel.after(50 * MS, self._wait_for_leases)

    # Stages and outages.

    def _reached(self, scope: str, stage: Stage) -> None:
        if scope != self.wish.scope:
            return
        name = STAGE_NAMES[stage]
        self._stages.setdefault(name, self.sim.kernel.now)
        if stage is Stage.SETTLED:
            self.sim.kernel.after(BACK_NS, self._resume)
        if stage is not Stage.RUN:
            self.sim.kernel.after(SHUT_NS, self._shut)
        self._begin_at(stage)

    def _shut(self, _: None) -> None:
        self.sim.sessions.shut()

    def _begin_at(self, stage: Stage) -> None:
        for outage in self.wish.outages:
            skipped = stage > outage.stage and outage not in self._begun and stage is not Stage.RUN
            if (outage.stage is stage or skipped) and outage not in self._begun:
                self._begun.add(outage)
                self.sim.kernel.after(outage.begin_ns, self._begin, outage)

    def _begin(self, outage: Outage) -> None:
        scene, kernel = self.scene, self.sim.kernel
        scene.broken[outage.kind] += 1
        self.outages_seen.append((kernel.now, f"{outage.text} begins"))
        kernel.after(outage.length_ns, self._end, outage)
        match outage.kind:
            case "region-cut":
                scene.net.cut("switch", outage.target)
            case "partition":
                scene.net.cut("switch", "*")
            case "gateway-cut":
                scene.net.cut("switch", "gateway")
            case "lossy":
                scene.net.lost_ppm = scene.net.twice_ppm = 200_000
            case "orchestrator-hostile":
                self.hostile.start()
            case "plane-crash":
                self.platform.crash()
            case "switch-restart":
                self.tower.crash()
            case "reconciler-crash":
                self.sweeper.crash()

    def _end(self, outage: Outage) -> None:
        scene = self.scene
        scene.broken[outage.kind] -= 1
        self.outages_seen.append((self.sim.kernel.now, f"{outage.text} ends"))
        match outage.kind:
            case "region-cut":
                scene.net.mend("switch", outage.target)
            case "partition":
                scene.net.mend("switch", "*")
            case "gateway-cut":
                scene.net.mend("switch", "gateway")
            case "lossy":
                scene.net.lost_ppm = scene.net.twice_ppm = 0
            case "plane-crash":
                self.platform.recover()
            case "switch-restart":
                self.tower.restart()
            case "orchestrator-stopped" | "orchestrator-hostile":
                for scope, stage in list(self.platform.staged.items()):
                    if stage >= Stage.TERMINATE:
                        self.platform.end_scope(scope)
                self.platform.report()

    # What reconciliation needs to know.

    def _committed(self, scope: str) -> Any:
        """By the evidence where it has the freeze record; else by the switch's own time."""
        ref = self.platform.freeze_refs.get(scope)
        at = self._stages.get("freeze", self._stages.get("terminate", 0))
        performed = self.platform.performed_at
        if ref is not None:
            return lambda number: number < ref
        return lambda number: performed.get(number, at) < at

    def _live(self, scope: str) -> Container[int]:
        """Sessions that go on when this scope stops: what becomes of them is another story."""
        level, _, name = scope.partition(":")
        if level == "session":
            return AllBut(int(name))
        whole = len(self.scene.covered(scope)) == len(self.plan.types)
        return () if whole else AllBut(0)

    def _taken(self, scope: str) -> frozenset[str]:
        """Payments under way by types that this scope has stopped."""
        covered = {t.id for t in self.scene.covered(scope)}
        return frozenset(key for key, kind in self.platform.paid_by.items() if kind in covered)

    # What came of it.

    def _result(self) -> Result:
        scope = self.wish.scope
        books = self._look_at_books()
        wrong = [*self._laws(books), *self.platform.trouble, *self.hostile.accepted]
        last = self._last_effect()
        bound = self.plan.bound_ns(immediate=self.wish.immediate)
        counts = self.sweeper.counts
        listed = settling.outcomes(self.store)
        net = self.scene.net
        return Result(
            self.wish.seed,
            scope,
            self.wish.immediate,
            tuple(outage.text for outage in self.wish.outages),
            self._ordered // MS,
            scope in self.sweeper.finished,
            max(0, last - self._ordered) // MS,
            bound // MS,
            {name: (at - self._ordered) // MS for name, at in self._stages.items()},
            self.platform.in_flight_money_max,
            self.platform.in_flight_at_freeze,
            self.platform.drained,
            counts["cancelled"],
            counts["confirmed"],
            len(listed),
            books.ambiguous,
            not books.stock_wrong and not books.books_wrong,
            self.till.calls_at_once_max,
            self.sim.tally.opened,
            self.platform.kept,
            dict(self.till.fenced + self.platform.fenced),
            dict(self.hostile.tried),
            len(self.tower.calls),
            net.sent,
            net.lost + net.cut_messages,
            None if self._back is None else self._back // MS,
            tuple(f"{item}: {why}" for item, why in listed.items()),
            tuple(wrong),
        )

    def _look_at_books(self) -> Audit:
        """As they stand when people are asked to let it run again; later, others are at work."""
        if self._books is None:
            self.platform.carry_history()
            gateway, live = self.till.gateway, self._live(self.wish.scope)
            self._books = audit(self.store, gateway.holds(), gateway.accounts(), live)
            self._left = self._twice()
        return self._books

    def _last_effect(self) -> int:
        covered = {t.id for t in self.scene.covered(self.wish.scope)}
        until = self._resumed or self.sim.kernel.now
        times = [act.at for act in self.platform.acts if act.kind in covered and act.at <= until]
        times += [b.at for b in self.till.booked if b.kind in covered and b.at <= until]
        return max(times, default=self._ordered)

    def _laws(self, books: Audit) -> list[str]:
        scope = self.wish.scope
        log = self.tower.switch.log
        wrong = money.money(books) + money.forward(log)
        if scope == "system":
            wrong += money.frozen(self._before_way_back())
        if not self._ordered:
            wrong.append("the order never took effect")
        elif scope not in self.sweeper.finished:
            wrong.append("reconciliation never came to an end")
        elif self._back is None:
            wrong.append("the way back never came to an end")
        bound = self.plan.bound_ns(immediate=self.wish.immediate)
        late = self._last_effect() - self._ordered
        if self._ordered and late > bound:
            wrong.append(
                f"bound: the last effect came {late // MS} ms after the order, the bound is {bound // MS}"
            )
        for toll in () if self.mix is None else self.mix.tolls():
            wrong += [
                f"{toll.adversary.id} ({variant}): {what}"
                for _, variant, what in toll.achieved
            ]
        return wrong + self._after_terminate() + self._left

    def _before_way_back(self) -> list[bytes]:
        resumed = self.platform.resume_ref
        return self.log.bodies if resumed is None else self.log.bodies[: resumed - 1]

    def _after_terminate(self) -> list[str]:
        """Once terminated, what still happens is let in before the last lease ran out."""
        at = self._stages.get("terminate")
        if at is None:
            return []
        covered = {t.id for t in self.scene.covered(self.wish.scope)}
        limit = at + self.plan.lease_ns + self.plan.drift_ns
        until = self._resumed or self.sim.kernel.now
        late = [
            f"terminate: {b.verb.value} of `{b.kind}` was let in {(b.let_in - at) // MS} ms after"
            for b in self.till.booked
            if b.kind in covered and limit < b.let_in <= until
        ]
        late += [
            f"terminate: {a.operation} of `{a.kind}` took effect {(a.at - at) // MS} ms after"
            for a in self.platform.acts
            if a.kind in covered and limit < a.at <= until
        ]
        return late[:5]

    def _twice(self) -> list[str]:
        """Settling once more finds nothing, and changes nothing."""
        if self.wish.scope not in self.sweeper.finished:
            return []
        scope = self.wish.scope
        listed = settling.outcomes(self.store)
        found = settling.items(self.store, self._committed(scope), self._live(scope), self._taken(scope))
        again = [item for item in found if item.id not in listed]
        if isinstance(self._live(scope), AllBut):  # what others began meanwhile is theirs
            swept = {settle.item.id for _, settle in self.sweeper.settles}
            again = [item for item in again if item.id in swept]
        if settling.STATEMENT in listed or not again:
            return []
        return [f"twice: `{item.id}` is still there to settle" for item in again[:5]]


def document(result: Result) -> dict[str, Any]:
    """For `--json`."""
    built: dict[str, Any] = msgspec.to_builtins(result._asdict())
    return built


def log_of(rehearsal: Rehearsal) -> list[str]:
    """What happened, line by line, for people."""
    lines: list[tuple[int, str]] = []
    for entry in rehearsal.tower.switch.log:
        text = as_text(entry)
        by = f" by {' and '.join(text['by'])}" if text["by"] else ""
        lines.append((entry.now, f"{text['scope']}  {text['what']}{by}: {text['stage']}"))
    for at, settle in rehearsal.sweeper.settles:
        lines.append((at, f"{settle.item.id}  {settle.state.name.lower()}: {settle.why}"))
    lines += [(at, f"{scope}  people are called: {why}") for at, scope, why in rehearsal.tower.calls]
    lines += [(at, f"outage  {what}") for at, what in rehearsal.outages_seen]
    return [f"{at / SECOND:9.3f} s  {line}" for at, line in sorted(lines, key=lambda line: line[0])]
