"""One rehearsal of a kill switch in virtual time: a fleet at work, an order at a random moment, and outages.

The run goes: traffic for some seconds, the order of two people (`orders.py`), the stages, the reconciliation,
the way back by two people, perhaps all of it a second time; then the audit and the laws. Everything is drawn
from the seed: same seed, same rehearsal.

The bound is counted from the second person's order to the last action of anybody but the reconciler: to the
last time at which a tool answered an agent, or our books or the gateway's took something from one.
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
from maso.resilience.lease import Call as Asked
from maso.resilience.places import number_of
from maso.resilience.shutdown import STAGE_NAMES, Stage
from maso.resilience.switch import as_text, stop_plan
from maso.resilience.twopersons import Want
from maso.scan.scanner import Scanner
from maso.sim.adversaries.catalog import ADVERSARIES
from maso.sim.adversaries.mix import Mix
from maso.sim.checkers import money
from maso.sim.driver import Simulation, make_worlds
from maso.sim.hostility import Hostile
from maso.sim.orders import CALM_NS, INNER_NS, Console
from maso.sim.outages import DEAF, Outage, drawn
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
# The way back is ordered this long after the end.
BACK_NS: Final = 2 * SECOND
# Some who come too late are turned away; thousands more would show nothing new.
SHUT_NS: Final = 2 * SECOND
STEP_NS: Final = 5 * SECOND
# Beyond the longest stages, twice: outages last up to 1,000 seconds.
HORIZON_NS: Final = 3_000 * SECOND
# After the way back everything must serve again within this time, unless something is still broken.
BACK_MAX_NS: Final = 60 * SECOND
# What was broken has to be heard of first: a few renewals.
MENDED_NS: Final = 10 * SECOND
# A commit record's number beyond all that there are.
NEVER_KNOWN: Final = 1 << 60
# A clock jumps by one of these: beyond the drift, beyond a lease, beyond everything.
JUMPS_NS: Final = (SECOND, 5 * SECOND, 30 * SECOND, 3_600 * SECOND)
# One in so many rehearsals of everything has a smaller scope stopped within.
WITHIN_ONE_IN: Final = 4


class Wish(NamedTuple):
    """What to rehearse. `kill_ns` None: drawn. `inner`: a scope within that others stop, or empty."""

    seed: int
    outages: tuple[Outage, ...]
    scope: str = "system"
    immediate: bool = False
    kill_ns: int | None = None
    attacked: bool = False
    inner: str = ""


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
    within = draws.pick(parts) if draws.chance(PER_MILLION // WITHIN_ONE_IN) else ""
    attacked = draws.chance(PER_MILLION // ATTACKED_ONE_IN)
    return wish._replace(attacked=attacked, inner=within if scope == "system" else "")


class Rehearsal:
    """`fleet` and `rules` belong together (`prepare`); a depth fleet has as many sessions as its size."""

    def __init__(self, fleet: Fleet, rules: Rulebook, scanner: Scanner, wish: Wish) -> None:
        self.wish = wish
        self.plan = rehearsed(stop_plan(fleet))
        people, keys = persons(wish.seed)
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
        told = self.tower.done, self._committed, self._live, self._taken
        self.sweeper = Sweeper(scene, self.platform, self.till, self.store, *told)
        self.tower.sweeper = self.sweeper
        scene.hear_done = self.tower.done
        self.hostile = Hostile(scene, self.platform, self.till, self.tower, wish.scope)
        self._kinds = {outage.kind for outage in wish.outages}
        self.console = Console(scene, self.platform, self.tower, keys, wish.scope, self._kinds)
        self.console.on_resume = self._resume
        self.hostile.statements = self.console.statements
        self._before: Result | None = None  # what came of the first time
        self._resumed: int | None = None
        self._answered: dict[str, int] = {}  # as it was then
        self._back: int | None = None
        self._books: Audit | None = None
        self._left: list[str] = []
        self._stages: dict[str, dict[str, int]] = {}  # by scope: when each was reached
        self._begun: set[Outage] = set()
        self._jumped: dict[str, int] = {}
        self._mended = 0
        self.outages_seen: list[tuple[int, str]] = []

    # The run.

    def run(self) -> Result:
        draws, kernel = self.scene.draws, self.sim.kernel
        kill = draws.between(*KILL_NS) if self.wish.kill_ns is None else self.wish.kill_ns
        self._drift()
        self.tower.start()
        self.sim.start()
        self._begin_at(Stage.RUN)
        kernel.at(kill, self.console.at_a_payment if draws.bits(1) else self.console.begin, self._want())
        if self.wish.inner:
            want = Want.KILL if draws.bits(1) else Want.HALT
            self.console.inner_over = False  # nobody lets it run again before that has begun, and is over
            kernel.at(max(0, kill - INNER_NS // 5) + draws.below(INNER_NS), self._within, want)
        while kernel.now < HORIZON_NS and not self._over():
            kernel.run(kernel.now + STEP_NS)
        result, before = self._result(), self._before
        if before is None:
            return result
        wrong = tuple(dict.fromkeys((*before.wrong, *result.wrong)))
        return before._replace(wrong=wrong, ambiguous=before.ambiguous + result.ambiguous)

    def _over(self) -> bool:
        if self._back is None:
            return False
        if self._before is None and "again" in self._kinds:
            self._once_more()
            return False
        return True

    def _once_more(self) -> None:
        """Keep what came of it, and stop it a second time."""
        self._before = self._result()
        self._resumed = self._back = self._books = None
        self._stages.clear()
        self.platform.resume_ref = None
        self.sim.kernel.after(self.scene.draws.between(*CALM_NS), self.console.begin, self._want())

    def _within(self, want: Want) -> None:
        self.console.stop_within(self.wish.inner, want)

    def _drift(self) -> None:
        """Clocks are a little off; by all that the plan allows for where drift is an outage."""
        most = self.plan.drift_ns
        places = ("plane", "gateway", *dict.fromkeys(t.region for t in self.plan.types))
        bad = "clock-drift" in self._kinds
        for place in places:
            off = most if bad else most // 10
            sign = 1 if self.scene.draws.bits(1) else -1
            self.scene.clocks[place] = sign * (off if bad else self.scene.draws.below(off + 1))

    def _want(self) -> Want:
        return Want.KILL if self.wish.immediate else Want.HALT

    # The way back.

    def _resume(self) -> None:
        self._look_at_books()
        self._resumed = self.sim.kernel.now
        self._answered = dict(self.platform.answered)
        self.sim.kernel.after(0, self._wait_for_leases)

    def _wait_for_leases(self, _: None) -> None:
        """The way back is complete when every type that may act can begin something, and is served."""
        assert self._resumed is not None
        waited = self.sim.kernel.now - self._resumed
        missing = self._missing()
        if not missing or waited > BACK_MAX_NS:
            self._back = waited
            if missing and not self._ailing():
                self.platform.trouble.append(f"the way back: {missing}")
        else:
            self.sim.kernel.after(50 * MS, self._wait_for_leases)

    def _missing(self) -> str:
        """What of the way back is still missing."""
        if self.wish.scope in self.platform.staged:
            return "the plane is still stopped"
        for kind in self.plan.types:
            if self.tower.switch.stage_of(kind) is not Stage.RUN:
                continue
            holder = self.platform.holders[kind.id]
            if not holder.may_begin(self.scene.clock(kind.region)):
                return f"`{kind.id}` may begin nothing"
            # A payment of a session that nobody has ended, with a number that no freeze ever knew.
            asked = Asked(kind.id, 0, 0, NEVER_KNOWN, True, True)
            refused = self.till.fence.refuses(holder.lease, asked, self.scene.clock("gateway"))
            if refused:
                return f"the gateway serves no `{kind.id}`: {refused}"
        return ""

    def _ailing(self) -> bool:
        """Whether something is broken, or was just now, or a clock was off for longer than is waited."""
        just_now = self.sim.kernel.now - self._mended < MENDED_NS
        broken = just_now or any(self.scene.broken.values()) or "clock-jump" in self._kinds
        return broken or self.tower.down or self.platform.deaf

    # Stages and outages.

    def _reached(self, scope: str, stage: Stage) -> None:
        if stage is Stage.RUN:
            self._stages.pop(scope, None) if scope != self.wish.scope or self.console.alarm else None
            return
        if scope == self.wish.scope and self.console.alarm:
            return
        self._stages.setdefault(scope, {}).setdefault(STAGE_NAMES[stage], self.sim.kernel.now)
        if scope != self.wish.scope:
            return
        if stage is Stage.SETTLED:
            self.sim.kernel.after(BACK_NS, self.console.resume)
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
            case "clock-jump":
                jump = scene.draws.pick(JUMPS_NS)
                sign = 1 if scene.draws.bits(1) else -1
                self._jumped[outage.target] = scene.clocks.get(outage.target, 0)
                scene.clocks[outage.target] = self._jumped[outage.target] + sign * jump

    def _end(self, outage: Outage) -> None:
        scene = self.scene
        scene.broken[outage.kind] -= 1
        self._mended = self.sim.kernel.now
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
            case "gateway-crash":
                self.till.restart()
            case "clock-jump":
                scene.clocks[outage.target] = self._jumped[outage.target]
            case "orchestrator-stopped" | "orchestrator-hostile":
                for scope, stage in list(self.platform.staged.items()):
                    if stage >= Stage.TERMINATE:
                        self.platform.end_scope(scope)
                self.platform.report()

    # What reconciliation needs to know.

    def _committed(self, scope: str) -> Any:
        """By the evidence where it has the freeze record; else by the switch's own time."""
        ref = self.platform.freeze_refs.get(scope)
        stages = self._stages.get(scope, {})
        at = stages.get("freeze", stages.get("terminate", 0))
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
            self.console.ordered // MS,
            self.sweeper.finished(scope),
            max(0, last - self.console.ordered) // MS,
            bound // MS,
            {name: (at - self.console.ordered) // MS for name, at in self._stages.get(scope, {}).items()},
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
        answered = self.platform.answered if self._resumed is None else self._answered
        times += [at for kind, at in answered.items() if kind in covered]
        return max(times, default=self.console.ordered)

    def _laws(self, books: Audit) -> list[str]:
        scope = self.wish.scope
        log = self.tower.switch.log
        wrong = money.money(books) + money.forward(log)
        wrong += money.frozen(self._before_way_back(), self.plan.types)
        wrong += money.fenced(self.till.booked, self.till.barred)
        if not self.console.ordered:
            wrong.append("the order never took effect")
        elif not self.sweeper.finished(scope):
            wrong.append("reconciliation never came to an end")
        elif self._back is None:
            wrong.append("the way back never came to an end")
        bound = self.plan.bound_ns(immediate=self.wish.immediate)
        late = self._last_effect() - self.console.ordered
        if self.console.ordered and late > bound:
            wrong.append(
                f"bound: the last effect came {late // MS} ms after the order, the bound is {bound // MS}"
            )
        for toll in () if self.mix is None else self.mix.tolls():
            wrong += [f"{toll.adversary.id} ({variant}): {what}" for _, variant, what in toll.achieved]
        return wrong + self._after_terminate() + self._left

    def _before_way_back(self) -> list[bytes]:
        resumed = self.platform.resume_ref
        return self.log.bodies if resumed is None else self.log.bodies[: resumed - 1]

    def _after_terminate(self) -> list[str]:
        """Once terminated, what still happens is let in before the last lease ran out.

        A single session has no lease of its own: it is over for the gateway once that has heard of it, from
        the switch or, where the two are cut off from each other, from the sweep.
        """
        at = self._stages.get(self.wish.scope, {}).get("terminate")
        if at is None:
            return []
        covered = {t.id for t in self.scene.covered(self.wish.scope)}
        session = number_of(self.wish.scope) if self.wish.scope.startswith("session:") else -1
        limit = at + self.plan.lease_ns + self.plan.drift_ns
        heard = max(limit, next((b.at for b in self.till.barred if b.kind == self.wish.scope), limit))
        until = self._resumed or self.sim.kernel.now
        # Who obeys nobody writes its own books until the sweep fences them.
        fenced = self.sweeper.begun(self.wish.scope) if DEAF in self._kinds else 0
        ours = max(limit, fenced)
        late = [
            f"terminate: {b.verb.value} of `{b.kind}` was let in {(b.let_in - at) // MS} ms after"
            for b in self.till.booked
            if (b.kind in covered and limit < b.let_in <= until)
            or (b.session == session and heard < b.let_in <= until)
        ]
        late += [
            f"terminate: {a.operation} of `{a.kind}` took effect {(a.at - at) // MS} ms after"
            for a in self.platform.acts
            if a.kind in covered and ours < a.at <= until
        ]
        return late[:5]

    def _twice(self) -> list[str]:
        """Settling once more finds nothing, and changes nothing."""
        if not self.sweeper.finished(self.wish.scope):
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
