"""The platform while it is being stopped: agents with leases, tools behind fences, calls to a gateway.

It stands between the simulation's driver and the worlds (`driver.Stops`). Every agent type has a holder:
while that has no lease, its agents do not speak; when its lease says freeze, they begin nothing. An action
that the plane let through goes to its tool after the port's latency; a payment goes on to the gateway over
the network, under the number of its commit record, again and again until an answer comes or its time is
over. In a drain every payment is judged again by the typed check against the facts before it is repeated.

When the control plane crashes, everything here is gone but the store and the evidence: the state rebuilt from
the records must be the state that was lost, byte for byte, or the run fails.

Simplified: agents of one type share one holder; a desk's operations are one step, so none is half done.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Final, NamedTuple, Protocol

import msgspec

from maso.clock import SECOND
from maso.envelope import MessageKind
from maso.fleet.operations import OPERATIONS
from maso.journeys.actors import Actor
from maso.journeys.sessions import Run
from maso.plane.effects import Perform, Staged
from maso.plane.events import CloseSession, Retire, SetStage
from maso.plane.plane import Plane
from maso.plane.replay import rebuild, state_digest
from maso.resilience.lease import Call as Asked
from maso.resilience.lease import Fence, Holder, Lease, Revocation
from maso.resilience.places import TypeAt, number_of
from maso.resilience.reconcile import Answer
from maso.resilience.shutdown import Stage, Trigger
from maso.resilience.switch import Tell
from maso.sim.outages import DEAF
from maso.sim.till import Letter, Till
from maso.streams import stream
from maso.worlds import payments
from maso.worlds.base import DeclinedError, Store
from maso.worlds.gateway import Call, Verb
from maso.worlds.shop import Shop

if TYPE_CHECKING:
    from maso.sim.driver import Outlet, Simulation
    from maso.sim.scene import Scene

# A call whose answer is late is made again: twice a card network's usual answer.
RETRY_NS: Final = 2 * SECOND
_decode_json = msgspec.json.Decoder().decode


class Records(Protocol):
    """The evidence of a run in memory."""

    bodies: list[bytes]


class Work:
    """One action under way. `effect` is None for what the shop does by itself."""

    __slots__ = ("call", "effect", "kind", "money", "outlet", "run", "since")

    def __init__(
        self,
        effect: Perform | None,
        run: Run | None,
        outlet: Outlet | None,
        kind: str,
        money: bool,
        since: int,
    ) -> None:
        self.effect = effect
        self.run = run
        self.outlet = outlet
        self.kind = kind
        self.money = money
        self.since = since
        self.call: Call | None = None

    @property
    def ref(self) -> int:
        return 0 if self.effect is None else self.effect.ref


class Act(NamedTuple):
    """An agent's action took effect in a world (not at the gateway)."""

    at: int
    ref: int
    kind: str
    operation: str


class Platform:
    """Everything of the customer's own that a shutdown has to stop."""

    def __init__(
        self, scene: Scene, plane: Plane, log: Records, store: Store, seed: int, products: int
    ) -> None:
        self.scene = scene
        self.deaf = False
        self.plane = plane
        self.store = store
        self.log = log
        self.sim: Simulation
        self.till: Till
        self.shop: Shop | None = None
        self._seed = seed
        self._products = products
        self._crashes = 0
        self.holders = {
            t.id: Holder(
                scene.verify,
                t.id,
                region=t.region,
                lease_ns=scene.plan.lease_ns,
                drift_ns=scene.plan.drift_ns,
            )
            for t in scene.plan.types
        }
        self._region = {t.id: t.region for t in scene.plan.types}
        self.fence = Fence(scene.verify, lease_ns=scene.plan.lease_ns, drift_ns=scene.plan.drift_ns)
        self.works: dict[str, Work] = {}  # by key
        self.staged: dict[str, Stage] = {}
        self.freeze_refs: dict[str, int] = {}  # by scope: the record from which on nothing commits
        self.acts: list[Act] = []
        self.answered: dict[str, int] = {}  # by type: when its last action of any kind came to its end
        self.fenced: Counter[str] = Counter()
        self.in_flight_money_max = 0
        self.in_flight_at_freeze = 0
        self.drained = self.refused_in_drain = self.kept = 0
        self.performed_at: dict[int, int] = {}
        self.paid_by: dict[str, str] = {}  # by key of a payment, whose lease it was made on
        self.spoke_last = 0
        self.said_without_lease = 0
        self.recovered = 0
        self.trouble: list[str] = []
        self.resume_ref: int | None = None
        self._epochs: dict[str, int] = {}  # of scopes, as last told
        self.store_fenced = False

    # The driver's face: who may speak, and what becomes of an action.

    def lets(self, speaker: Actor, kind: int) -> bool:
        scene = self.scene
        if self.deaf or scene.on("orchestrator-stopped"):
            return False
        if speaker.rules.is_port or scene.on(DEAF):
            return True
        name = speaker.rules.id
        holder, now = self.holders[name], scene.clock(self._region[name])
        if scene.on("orchestrator-hostile"):
            self.said_without_lease += bool(holder.stops(now))
            return True
        may = not holder.stops(now) if kind == MessageKind.DATA else holder.may_begin(now)
        if may:
            self.spoke_last = scene.kernel.now
        return may

    def perform(self, effect: Perform, run: Run | None, outlet: Outlet, delay: int) -> None:
        kind = self.plane.state.instances[effect.sender].type.id
        money = OPERATIONS[outlet.operation].moves_money
        work = Work(effect, run, outlet, kind, money, self.scene.kernel.now)
        self.works[str(effect.ref)] = work
        self.performed_at[effect.ref] = self.scene.kernel.now
        if money:
            under_way = sum(w.money for w in self.works.values())
            self.in_flight_money_max = max(self.in_flight_money_max, under_way)
        self.scene.kernel.after(delay, self._tool, work)

    def make_shop(self) -> Shop:
        """A shop over the store; after a crash, one that goes on with other random draws."""
        name = f"world/shop/{self._crashes}" if self._crashes else "world/shop"
        self.shop = Shop(self.store, stream(self._seed, name), self._products, remote=True)
        self.shop.fenced = self.store_fenced
        return self.shop

    # An action reaches its tool, and perhaps the gateway.

    def _tool(self, work: Work) -> None:
        effect, outlet = work.effect, work.outlet
        assert effect is not None
        assert outlet is not None
        key = str(effect.ref)
        if self.works.get(key) is not work or self.scene.on("orchestrator-stopped"):
            self.works.pop(key, None)
            return
        why = ""
        if not self.scene.on(DEAF):  # its tools ask nobody
            asked = self._asked(work, begins=True)
            why = self.fence.refuses(self.holders[work.kind].lease, asked, self.scene.clock("plane"))
        args = _decode_json(effect.payload)
        if why:
            self.fenced[why] += 1
            self._over(key)
            return
        answer: dict[str, Any] | None = None
        reason = ""
        try:
            if outlet.world is self.shop:
                started = self.shop.begin(outlet.operation, effect.session, args, key, self.scene.kernel.now)
                if isinstance(started, Call):
                    work.call = started
                    self.paid_by[key] = work.kind
                    self._ask(work)
                    return
                answer = started[0]
            else:
                answer, _ = outlet.world.perform(
                    outlet.operation, effect.session, args, key, self.scene.kernel.now
                )
        except DeclinedError as error:
            reason = error.reason
        self._done(work, args, answer, reason)

    def _done(self, work: Work, args: Any, answer: dict[str, Any] | None, reason: str) -> None:
        effect, outlet = work.effect, work.outlet
        assert effect is not None
        assert outlet is not None
        if answer is not None:
            if not self.scene.on(DEAF):  # what that one says to itself is no effect
                self.answered[work.kind] = self.scene.kernel.now
            lasting = OPERATIONS[outlet.operation].lasting
            if lasting:
                self.acts.append(Act(self.scene.kernel.now, effect.ref, work.kind, outlet.operation))
            if work.money and self._stage_of(work.kind) >= Stage.FREEZE:
                self.drained += 1
        self._over(str(effect.ref))
        if not self.deaf and effect.session in self.sim.facts:
            self.sim.performed(effect, work.run, args, answer, reason)
        self.carry()

    def _asked(self, work: Work, *, begins: bool) -> Asked:
        effect = work.effect
        session, instance = (0, 0) if effect is None else (effect.session, effect.sender)
        return Asked(work.kind, session, instance, work.ref, work.money, begins)

    def _ask(self, work: Work) -> None:
        call = work.call
        assert call is not None
        letter = Letter(
            call,
            self.holders[work.kind].lease,
            self._asked(work, begins=call.verb is not Verb.VOID),
            "plane",
            self._replied,
        )
        self.scene.net.send("plane", "gateway", self.till.arrive, letter)
        self.scene.kernel.after(RETRY_NS, self._again, work)

    def _again(self, work: Work) -> None:
        call = work.call
        assert call is not None
        if self.works.get(call.key) is not work or self.scene.on("orchestrator-stopped"):
            return
        stage = self._stage_of(work.kind)
        if stage >= Stage.TERMINATE:
            self._over(call.key)
            return
        payment = self.store.get("payment", call.key)
        if stage >= Stage.FREEZE and payment is not None and not payments.agrees(self.store, payment):
            self.refused_in_drain += 1
            self._over(call.key)
            return
        self._ask(work)

    def _replied(self, told: tuple[Call, Answer]) -> None:
        call, answer = told
        work = self.works.get(call.key)
        if work is None or self.deaf or self.scene.on("orchestrator-stopped") or self.shop is None:
            return  # whoever asked is gone: the row still says that an answer is owed
        if answer in (Answer.BUSY, Answer.UNKNOWN):
            return
        result: dict[str, Any] | None = None
        reason = ""
        try:
            result, _ = self.shop.finish(call.key, answer, self.scene.kernel.now)
        except DeclinedError as error:
            reason = error.reason
        if work.effect is None:
            self._over(call.key)
            self.carry()
        else:
            self._done(work, _decode_json(work.effect.payload), result, reason)

    def carry(self) -> None:
        """What the shop asks of the gateway by itself: nobody waits for it, but it has to arrive."""
        if self.shop is None or not self.shop.owed:
            return
        self.carry_history()
        owed, self.shop.owed = self.shop.owed, []
        for call in owed:
            payer = self._payer()
            work = Work(None, None, None, payer, True, self.scene.kernel.now)
            self.paid_by[call.key] = payer
            work.call = call
            self.works[call.key] = work
            self._ask(work)

    def carry_history(self) -> None:
        """Orders from before the run: the gateway has always known them."""
        if self.shop is not None:
            owed, self.shop.owed = self.shop.owed, []
            for call in owed:
                if call.verb is Verb.HISTORY:
                    self.till.gateway.call(call)
                else:
                    self.shop.owed.append(call)

    def fence_store(self, fenced: bool) -> None:
        """The database takes writes of one epoch only; during a sweep of everything that is not ours."""
        self.store_fenced = fenced
        if self.shop is not None:
            self.shop.fenced = fenced

    def _payer(self) -> str:
        """The type on whose lease the shop lets go: the first that may."""
        for action in self.sim.rules.actions:
            if action is not None and action.operation == "shop.payment_void":
                for kind in self.sim.rules.types:
                    if not kind.is_port and kind.executes & action.bit:
                        return kind.id
        return self.scene.plan.types[0].id

    def _over(self, key: str) -> None:
        self.works.pop(key, None)
        self.report()

    # What the switch says.

    def renewed(self, lease: Lease) -> None:
        """A lease reaches the processes of a type."""
        if lease.type in self.holders and not self.scene.on("orchestrator-stopped"):
            self.holders[lease.type].renew(lease, self.scene.clock(self._region[lease.type]))

    def shown(self, lease: Lease) -> None:
        """The tools hear the switch themselves."""
        self.fence.show(lease, self.scene.clock("plane"))

    def revoked(self, revocation: Revocation) -> None:
        if revocation.type in self.holders and not self.scene.on(DEAF):
            self.holders[revocation.type].revoke(revocation)

    def barred(self, revocation: Revocation) -> None:
        self.fence.revoke(revocation)

    def told(self, tell: Tell) -> None:
        """A stage reaches the plane: from this record on it holds, whoever drives the agents."""
        old = tell.epoch < self._epochs.get(tell.scope, 1)  # held up on its way, beyond the way back
        known = tell.stage <= self.staged.get(tell.scope, Stage.RUN) and tell.stage is not Stage.RUN
        if self.deaf or self.scene.on(DEAF) or old or known:
            return
        effects = self.sim.raise_event(SetStage(tell.scope, tell.stage, tell.why, "+".join(tell.by)))
        self._epochs[tell.scope] = tell.epoch
        for effect in effects:
            if type(effect) is Staged:
                self.staged[tell.scope] = tell.stage
                if tell.stage >= Stage.FREEZE:
                    self._frozen(tell.scope, effect.ref)
        if tell.stage is Stage.RUN and (type(effects[0]) is Staged or number_of(tell.scope) is not None):
            self._runs(tell)
        if tell.stage >= Stage.TERMINATE:
            self.end_scope(tell.scope)
        self.report()

    def _runs(self, tell: Tell) -> None:
        """A way back that the plane took; of a session that is gone there is none to take."""
        self._epochs[tell.scope] = tell.epoch + 1
        self.staged.pop(tell.scope, None)
        everything = len(self.scene.plan.types)
        swept = (s for s, stage in self.staged.items() if stage >= Stage.TERMINATE)
        if all(len(self.scene.covered(scope)) < everything for scope in swept):
            self.fence_store(False)
        if tell.why == Trigger.RESUME:
            self.resume_ref = self.resume_ref or len(self.log.bodies)
        self.freeze_refs.pop(tell.scope, None)

    def _frozen(self, scope: str, ref: int) -> None:
        """Whoever serves calls hears which commits were before the freeze record, and are still under way."""
        if scope in self.freeze_refs:
            return
        self.freeze_refs[scope] = ref
        under_way = sum(w.money for w in self.works.values())
        self.in_flight_at_freeze = max(self.in_flight_at_freeze, under_way)
        for kind in self.scene.covered(scope):
            refs = tuple(w.ref for w in self.works.values() if w.kind == kind.id and 0 < w.ref < ref)
            epoch = self.holders[kind.id].epoch
            self.fence.freeze(kind.id, ref, refs, epoch, self.scene.clock("plane"))
            self.scene.net.send("plane", "gateway", self.till.frozen, (kind.id, ref, refs, epoch))

    def end_scope(self, scope: str) -> None:
        if any(map(self.scene.on, ("orchestrator-stopped", "orchestrator-hostile", DEAF))):
            return  # it does not obey; leases and epochs see to it
        level, _, name = scope.partition(":")
        covered = {t.id for t in self.scene.covered(scope)}
        if level == "session":
            self._end_session(int(name))
        elif level == "instance":
            self.sim.follow(self.sim.raise_event(Retire(int(name))), None)
        elif len(covered) == len(self.scene.plan.types):
            for number in [n for n in self.plane.state.sessions if n]:
                self._end_session(number)
        else:
            ending = [i.nhi for i in self.plane.state.instances.values() if i.type.id in covered]
            for nhi in ending:
                self.sim.follow(self.sim.raise_event(Retire(nhi)), None)
        for key in [k for k, w in self.works.items() if self._in(w, scope, covered)]:
            self.works.pop(key)

    def _end_session(self, number: int) -> None:
        """Its state is kept for later; what it left half done stays so, for the reconciliation."""
        if self.shop is not None:
            self.shop.keep(number, self.scene.kernel.now)
            self.kept += 1
        self.sim.sessions.live.pop(number, None)
        self.sim.follow(self.sim.raise_event(CloseSession(number)), None)

    @staticmethod
    def _in(work: Work, scope: str, covered: set[str]) -> bool:
        level, _, name = scope.partition(":")
        effect = work.effect
        if level == "session":
            return effect is not None and effect.session == int(name)
        if level == "instance":
            return effect is not None and effect.sender == int(name)
        return work.kind in covered

    def under_way(self, scope: str) -> Iterator[Work]:
        covered = {t.id for t in self.scene.covered(scope)}
        return (w for w in self.works.values() if self._in(w, scope, covered))

    def _stage_of(self, kind: str) -> Stage:
        """What the platform knows of a type's stage: from the plane's records, or from its lease."""
        if self.scene.on(DEAF):
            return Stage.RUN
        found: TypeAt = next(t for t in self.scene.plan.types if t.id == kind)
        return max(self.holders[kind].stage, *(self.staged.get(s, Stage.RUN) for s in found.scopes))

    def report(self) -> None:
        """Tell the switch what is done. Whoever is stopped, or lies, is not needed for the stop."""
        if self.deaf or self.scene.on("orchestrator-stopped") or self.scene.on(DEAF):
            return
        for scope, stage in self.staged.items():
            busy = list(self.under_way(scope))
            done = (
                (stage is Stage.FREEZE and all(w.money for w in busy))
                or (stage is Stage.DRAIN and not busy)
                or (stage is Stage.TERMINATE and not self.scene.on("orchestrator-hostile"))
            )
            if done:
                told = (scope, stage, self._epochs[scope])
                self.scene.net.send("plane", "switch", self.scene.hear_done, told)

    # A crash, and what comes back.

    def crash(self) -> None:
        self.deaf = True
        self.works.clear()
        self.sim.sessions.live.clear()
        self.carry_history()
        if self.shop is not None:
            self.shop.owed.clear()

    def recover(self) -> None:
        """The state is what the records say; what was held is refused; the shop goes on over its store."""
        if not self.deaf:
            return
        numbered = enumerate(self.log.bodies, start=1)
        rebuilt = state_digest(rebuild(self.sim.rules, numbered))
        if rebuilt != state_digest(self.plane.state):
            self.trouble.append("the state rebuilt from the evidence is not the state that was lost")
        self.deaf = False
        self._crashes += 1
        self.recovered += 1
        self.plane.refuse_held(self.scene.kernel.now)
        if self.shop is not None:
            before, shop = self.shop, self.make_shop()
            self.sim.worlds = tuple(shop if w is before else w for w in self.sim.worlds)
            self.sim.move_outlets(before, shop)
            for session in list(self.sim.facts):
                del self.sim.facts[session]
        for scope, stage in self.staged.items():
            if stage >= Stage.TERMINATE:
                self.end_scope(scope)
        self.report()
