"""The switch as a process, the people at its console, and the reconciler: what stops a platform from outside.

The tower has its own timers and log and talks over the network; whatever is not confirmed is told again. A
restart of it is a new switch over the entries of its log, encoded and decoded. The reconciler has the store
and the gateway, nothing else; a new one begins anew.
"""

from __future__ import annotations

from collections.abc import Callable, Container
from typing import Final

from nacl.signing import SigningKey

from maso.clock import MS, SECOND
from maso.resilience import reconcile
from maso.resilience.lease import RECONCILER, Lease
from maso.resilience.lease import Call as Asked
from maso.resilience.reconcile import Answer, Ask, Reconciler, Settle
from maso.resilience.shutdown import Stage
from maso.resilience.switch import (
    CallPeople,
    Effect,
    Renew,
    Revoke,
    StopPlan,
    Sweep,
    Switch,
    Tell,
    decode_entry,
    encode_entry,
)
from maso.resilience.twopersons import Person
from maso.sim.scene import AllBut, Scene
from maso.sim.stopping import Platform
from maso.sim.till import STATEMENT_NS, Letter, Statement, Till
from maso.worlds import settling
from maso.worlds.base import Store
from maso.worlds.gateway import Call

TICK_MIN_NS: Final = 50 * MS
# A thousand calls a second: more than any gateway is asked.
SWEEP_TICK_MIN_NS: Final = MS
REPEAT_NS: Final = SECOND
# A session or an instance has no lease of its own.
NEVER_NS: Final = 1 << 62


class Tower:
    """The switch. `on_stage(scope, stage)` is told of every stage that it reaches."""

    def __init__(
        self,
        scene: Scene,
        platform: Platform,
        till: Till,
        people: tuple[Person, ...],
        key: SigningKey,
        on_stage: Callable[[str, Stage], None],
    ) -> None:
        self._scene = scene
        self._platform = platform
        self._till = till
        self._people = people
        self._key = key
        self._on_stage = on_stage
        self.switch = Switch(scene.plan, people, key)
        self.sweeper: Sweeper
        self.down = False
        self.restarts = 0
        self.tells: list[Tell] = []
        self.calls: list[tuple[int, str, str]] = []
        self._current: dict[str, list[Tell]] = {}  # what a scope is in, and the end that leads back from it
        self._planned: int | None = None
        self._leased_until: dict[str, int] = {}  # by type

    def start(self) -> None:
        """The first leases are there before the first agent speaks."""
        for effect in self.switch.advance(0):
            if type(effect) is Renew:
                self._leased(effect.lease)
                self._platform.renewed(effect.lease)
                self._platform.shown(effect.lease)
                self._till.show(effect.lease)
        self._plan()

    def statement(self, scope: str, wire: bytes) -> str:
        """Somebody at the console. The switch hears nobody while it restarts."""
        if self.down:
            return "the switch is restarting"
        effects, why = self.switch.statement(scope, wire, self._scene.kernel.now)
        self._out(effects)
        return why

    def done(self, told: tuple[str, Stage, int]) -> None:
        if not self.down:
            scope, stage, epoch = told
            self._out(self.switch.done(scope, stage, self._scene.kernel.now, epoch))

    def crash(self) -> None:
        self.down = True

    def restart(self) -> None:
        if not self.down:
            return
        entries = [decode_entry(encode_entry(entry)) for entry in self.switch.log]
        self.switch = Switch(self._scene.plan, self._people, self._key)
        self.switch.restore(entries, self._scene.kernel.now)
        self.down = False
        self.restarts += 1
        self._planned = None
        self._plan()

    def _plan(self) -> None:
        now = self._scene.kernel.now
        at = max(min([self.switch.next_at, *self._silences(now)]), now + TICK_MIN_NS)
        if self._planned is None or at < self._planned or self._planned <= now:
            self._planned = at
            self._scene.kernel.at(at, self._tick, at)

    def _tick(self, planned: int) -> None:
        if self.down or planned != self._planned:
            return
        self._planned = None
        now = self._scene.kernel.now
        self._out(self.switch.advance(now))
        for scope, tells in list(self._current.items()):
            if tells[-1].stage is Stage.TERMINATE and self._silent_at(scope) < now:
                self._out(self.switch.done(scope, Stage.TERMINATE, now))
        for scope, tells in list(self._current.items()):
            if tells[-1].stage is not Stage.RUN:
                if self._platform.staged.get(scope, Stage.RUN) < tells[-1].stage:
                    self._say(tells[-1])
            elif scope in self._platform.staged:
                for tell in tells:
                    self._say(tell)
            else:
                del self._current[scope]

    def _leased(self, lease: Lease) -> None:
        self._leased_until[lease.type] = max(lease.not_after, self._leased_until.get(lease.type, 0))

    def _silent_at(self, scope: str) -> int:
        """From then on nobody of it has a lease, by the slowest clock: it has ended, whoever says so."""
        ends = (self._leased_until.get(t.id, 0) for t in self._scene.covered(scope))
        return max(ends, default=NEVER_NS) + self._scene.plan.drift_ns

    def _silences(self, now: int) -> list[int]:
        found = [
            self._silent_at(s) for s, tells in self._current.items() if tells[-1].stage is Stage.TERMINATE
        ]
        return [at + 1 for at in found if at >= now]

    def _say(self, tell: Tell) -> None:
        self._scene.net.send("switch", "plane", self._platform.told, tell)

    def _out(self, effects: list[Effect]) -> None:
        net = self._scene.net
        for effect in effects:
            match effect:
                case Tell(scope=scope, stage=stage):
                    self.tells.append(effect)
                    back = self._current.get(scope, []) if stage is Stage.RUN else []
                    self._current[scope] = [*back, effect]
                    self._say(effect)
                    self._on_stage(scope, stage)
                case Renew(lease=lease):
                    self._leased(lease)
                    region = next(t.region for t in self._scene.plan.types if t.id == lease.type)
                    net.send("switch", region, self._platform.renewed, lease)
                    net.send("switch", "plane", self._platform.shown, lease)
                    net.send("switch", "gateway", self._till.show, lease)
                case Revoke(revocation=revocation):
                    for kind in self._scene.plan.types:
                        if kind.id == revocation.type:
                            net.send("switch", kind.region, self._platform.revoked, revocation)
                    net.send("switch", "plane", self._platform.barred, revocation)
                    net.send("switch", "gateway", self._till.revoked, revocation)
                case Sweep():
                    # It runs beside the database with an order of its own: it does not need the network.
                    self._scene.kernel.after(TICK_MIN_NS, self.sweeper.begin, effect)
                case CallPeople(scope=scope, why=why):
                    self.calls.append((self._scene.kernel.now, scope, why))
        self._plan()


class Sweeper:
    """The reconciler of one run."""

    def __init__(
        self,
        scene: Scene,
        platform: Platform,
        till: Till,
        store: Store,
        tell_done: Callable[[tuple[str, Stage, int]], None],
        committed: Callable[[str], Callable[[int], bool]],
        live: Callable[[str], Container[int]],
        taken: Callable[[str], frozenset[str]],
    ) -> None:
        self._scene = scene
        self._platform = platform
        self._till = till
        self._store = store
        self._tell_done = tell_done
        self._committed = committed
        self._live = live
        self._taken = taken
        self._life = 0
        self._sweep: Sweep | None = None
        self._statement: Statement | None = None
        self.reconciler: Reconciler | None = None
        self._planned: int | None = None
        self.crashes = 0
        self._waiting: list[Sweep] = []
        self._over: dict[tuple[str, int], int] = {}  # when, by scope and its epoch
        self.began: dict[tuple[str, int], int] = {}
        self.counts: dict[str, int] = {"confirmed": 0, "cancelled": 0, "listed": 0, "asked": 0}
        self.settles: list[tuple[int, Settle]] = []

    def begin(self, sweep: Sweep) -> None:
        if (sweep.scope, sweep.epoch) in self._over:
            return
        whole = not isinstance(self._live(sweep.scope), AllBut)
        if self._at_work and self._sweep is not None and self._sweep.scope != sweep.scope:
            # One after the other, since they may be about the same items; that of everything goes first.
            self._waiting.append(self._sweep if whole else sweep)
            if not whole:
                return
        self._platform.carry_history()
        if whole:
            self._platform.fence_store(True)
        self.began.setdefault((sweep.scope, sweep.epoch), self._scene.kernel.now)
        self._life += 1
        self._sweep, self._statement, self.reconciler = sweep, None, None
        self._ask_statement(self._life)

    def crash(self) -> None:
        """It dies in the middle; somebody starts a new one a little later."""
        if self._at_work:
            self._life += 1
            self.crashes += 1
            self.reconciler = None
            self._scene.kernel.after(3 * SECOND, self.begin, self._sweep)

    def _ask_statement(self, life: int) -> None:
        sweep, now = self._sweep, self._scene.kernel.now
        if life != self._life or sweep is None or self._statement is not None:
            return
        began = self.began[sweep.scope, sweep.epoch]
        if now >= began + (sweep.until - began) // 2:
            self._store.put("listed", settling.STATEMENT, "the gateway gave no statement of its books")
            self._start(())
            return

        def hear(statement: Statement) -> None:
            self._hear_statement(life, statement)

        told = (sweep.revocations, hear)
        self._scene.net.send("reconciler", "gateway", self._till.statement, told)
        self._scene.kernel.after(STATEMENT_NS, self._ask_statement, life)

    def _hear_statement(self, life: int, statement: Statement) -> None:
        """Only the one that this life asked for: an older one may be of before the last revocations."""
        if life != self._life or self._statement is not None or self.reconciler is not None:
            return
        assert self._sweep is not None
        self._statement = statement
        self._store.delete("listed", settling.STATEMENT)
        live = self._live(self._sweep.scope)
        self._start(tuple(settling.strangers(self._store, statement.holds, statement.accounts, live)))

    def _start(self, strangers: tuple[reconcile.Item, ...]) -> None:
        sweep, now = self._sweep, self._scene.kernel.now
        assert sweep is not None
        scope = sweep.scope
        live, taken = self._live(scope), self._taken(scope)
        found = settling.items(self._store, self._committed(scope), live, taken)
        left = max(0, sweep.until - now)
        self.reconciler = Reconciler((*found, *strangers), now, left, self._scene.plan.asking)
        self._planned = None
        self._do(self.reconciler.start())
        self._go_on()

    def _go_on(self) -> None:
        """It is done, or has something to do at a time that may be earlier than the one planned."""
        reconciler, now = self.reconciler, self._scene.kernel.now
        assert reconciler is not None
        if reconciler.done:
            self._finish(self._life)
            return
        assert reconciler.next_at is not None
        at = max(reconciler.next_at, now + SWEEP_TICK_MIN_NS)
        if self._planned is None or not now < self._planned <= at:
            self._planned = at
            self._scene.kernel.at(at, self._tick, (self._life, at))

    def _tick(self, what: tuple[int, int]) -> None:
        life, planned = what
        if life != self._life or self.reconciler is None or planned != self._planned:
            return
        self._planned = None
        self._do(self.reconciler.advance(self._scene.kernel.now))
        self._go_on()

    def _finish(self, life: int) -> None:
        sweep = self._sweep
        assert sweep is not None
        which = sweep.scope, sweep.epoch
        if which not in self._over:
            self._over[which] = self._scene.kernel.now
            self._again(which)
            if self._waiting:
                self.begin(self._waiting.pop(0))

    def begun(self, scope: str) -> int:
        """When the newest sweep of a scope began; 0 before the first."""
        return max((at for (s, _), at in self.began.items() if s == scope), default=0)

    def finished(self, scope: str) -> bool:
        """Whether the newest sweep of a scope came to its end."""
        epoch = max((e for s, e in self.began if s == scope), default=0)
        return (scope, epoch) in self._over

    @property
    def _at_work(self) -> bool:
        return self._sweep is not None and (self._sweep.scope, self._sweep.epoch) not in self._over

    def _again(self, which: tuple[str, int]) -> None:
        """Say that it is done, and go on saying it: nobody confirms that the switch has heard it."""
        scope, epoch = which
        self._scene.net.send("reconciler", "switch", self._tell_done, (scope, Stage.RECONCILE, epoch))
        late = self._scene.kernel.now - self._over[which] > 60 * SECOND
        self._scene.kernel.after((10 if late else 1) * REPEAT_NS, self._again, which)

    def _do(self, effects: list[reconcile.Effect]) -> None:
        for effect in effects:
            if isinstance(effect, Ask):
                self._ask(effect)
            else:
                self.settles.append((self._scene.kernel.now, effect))
                settling.book(self._store, effect)
                self.counts[effect.state.name.lower()] += 1

    def _ask(self, ask: Ask) -> None:
        assert self._sweep is not None
        self.counts["asked"] += 1
        life = self._life

        def reply(told: tuple[Call, Answer]) -> None:
            self._answered(life, ask, told[1])

        call = settling.call_of(self._store, ask)
        asked = Asked(RECONCILER, 0, 0, 0, True, True)
        letter = Letter(call, self._sweep.lease, asked, "reconciler", reply)
        self._scene.net.send("reconciler", "gateway", self._till.arrive, letter)

    def _answered(self, life: int, ask: Ask, answer: Answer) -> None:
        if life != self._life or self.reconciler is None:
            return
        self._do(self.reconciler.answer(ask, answer, self._scene.kernel.now))
        self._go_on()


def persons(seed: int) -> tuple[tuple[Person, ...], dict[str, SigningKey]]:
    """Three people of a rehearsal and their keys; the first has two. Keys of `eve` are nobody's."""
    keys = {
        name: SigningKey(f"maso rehearsal {seed} {name}".encode().ljust(32, b".")[:32])
        for name in ("ann", "ann2", "bob", "cid", "eve")
    }

    def public(*names: str) -> tuple[bytes, ...]:
        return tuple(bytes(keys[name].verify_key) for name in names)

    return (
        Person("ann", ROLE, public("ann", "ann2")),
        Person("bob", ROLE, public("bob")),
        Person("cid", ROLE, public("cid")),
    ), keys


ROLE: Final = "incident commander"
# Longer, nothing else happens in a rehearsal.
CONFIRM_MAX_NS: Final = 60 * SECOND


def rehearsed(plan: StopPlan) -> StopPlan:
    """The plan with the role that the rehearsal's people have; a second is awaited for a minute at most."""
    return plan._replace(roles=(ROLE,), confirm_ns=min(plan.confirm_ns, CONFIRM_MAX_NS))
