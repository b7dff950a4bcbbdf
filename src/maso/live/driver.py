"""The live driver: performs a plane's effects on real worlds, with real waits, under leases.

The same plane, journeys and worlds as in a simulation (`sim/driver.py`); what differs is what surrounds them:
time is a clock, an agent is a task that looks at its own lease, what is booked is on a disk before anybody
outside may build on it, and payments go to a gateway in another process, which may be slow, silent or gone.

A payment is begun (a row, with its commit record's number as key), made durable, asked for under the lease
of the agent's type, and finished when the gateway answers. Without an answer it stays `asked`: the journey
is over, and the reconciler settles it. What the shop owes by itself goes the same way.

People (customers, reviewers) and ports without books of their own answer as declared in the fleet file,
after the declared time. Not handled: PACE in a live run, hostile sessions, more than one platform.
"""

import asyncio
from collections.abc import Iterable, Mapping
from typing import Any, Final

import msgspec

from maso.claims import Claim
from maso.clock import MINUTE, MS, SECOND
from maso.envelope import MessageKind
from maso.fleet.model import Fleet
from maso.fleet.operations import OPERATIONS
from maso.fleet.rulebook import ActionRules, Rulebook, flow_key
from maso.journeys.actors import Actor, Keyring, admission
from maso.journeys.pages import page_digest
from maso.journeys.payloads import Payload
from maso.journeys.scripts import Compiler
from maso.journeys.sessions import Run
from maso.journeys.tally import Tally
from maso.live.bus import DOWN, UP, Bus
from maso.live.journeying import LiveSessions, Paced, Unpaced
from maso.live.keeping import ENDED, KEPT, PLACE, keep_all
from maso.live.kernel import LiveKernel
from maso.live.paying import Payments
from maso.live.processes import report_task
from maso.live.stores import BatchedStore
from maso.plane.effects import Admitted, Ask, Deliver, Effect, Ended, Perform, Purged, Refuse, Staged
from maso.plane.events import Admit, Answer, Arrive, Deadline, Endorser
from maso.plane.plane import Plane
from maso.resilience.shutdown import Stage
from maso.streams import stream
from maso.worlds.base import Args, DeclinedError, World
from maso.worlds.shop import Shop

# As in a simulation: a look-up of facts, a customer at a checkout page, a person without a declared limit.
FACTS_NS: Final = 20 * MS
CUSTOMER_NS: Final = 8 * SECOND
PERSON_NS: Final = MINUTE
WORLD_TICK_NS: Final = SECOND
PORTS_LIVE_NS: Final = 24 * 60 * MINUTE
PORT_CHANNELS_FROM: Final = 1 << 32
# Commit records are counted from 0 in every platform's evidence; keys in the books are unique beyond that.
RECORDS_MAX: Final = 1 << 48

_decode_json = msgspec.json.Decoder().decode


class Outlet:
    """Where an action goes in the world, and how its answer is written."""

    __slots__ = ("answer", "latency_ns", "money", "operation", "port", "world")

    def __init__(
        self, action: ActionRules, world: World, port: Actor, answer: Payload | None, latency_ns: int
    ) -> None:
        self.operation = action.operation
        self.world = world
        self.port = port
        self.answer = answer
        self.latency_ns = latency_ns
        self.money = OPERATIONS[action.operation].moves_money


class LiveDriver:
    """One platform's driver; a `journeys.driving.Driver`."""

    def __init__(
        self,
        fleet: Fleet,
        rules: Rulebook,
        plane: Plane,
        keys: Keyring,
        kernel: LiveKernel,
        worlds: tuple[World, ...],
        payments: Payments,
        store: BatchedStore,
        *,
        seed: int,
        sessions: int,
        ramp_ns: int,
        speed: int,
        generation: int = 0,
    ) -> None:
        """`generation` counts the platforms that had these books before."""
        self.fleet = fleet
        self.rules = rules
        self.keys = keys
        self.kernel = kernel
        self.tally = Tally()
        self.actors: dict[int, Actor] = {}
        self.ports: dict[str, Actor] = {}
        self.pace = Unpaced()
        self.keep_inboxes = False
        self.end = ramp_ns * 10  # sessions of the start enter over a tenth of it
        self.worlds = worlds
        self.store = store
        self.stage = Stage.RUN
        self.actions = 0
        self.last_action_ns = 0
        self.bus: Bus | None = None
        self._plane = plane
        self._payments = payments
        self._shop = next(world for world in worlds if isinstance(world, Shop))
        self._first_key = generation * RECORDS_MAX
        self._ramp_ns = ramp_ns
        self._started = kernel.now
        self._facts: dict[int, dict[str, Any]] = {}
        self._outlets: dict[int, Outlet] = {}
        self._held: dict[int, Run | None] = {}
        self._performing: dict[int, bool] = {}  # by commit record: whether it moves money
        self._sent: dict[int, tuple[Run | None, bytes]] = {}  # by tag, while on the bus
        self._messages: dict[int, Deliver] = {}  # by record, while on the bus
        self._tag = 0
        self._compiler = Compiler(fleet, rules, seed, keys.ingestion)
        workload = Paced(fleet, rules, self._compiler, seed=seed, size=sessions, peak=False)
        workload.speed = speed
        self.sessions = LiveSessions(self, workload, seed)
        self._draws = stream(seed, "payload/ports")
        self._service = stream(seed, "service")
        self._people = stream(seed, "people")
        review = fleet.governance.review_minutes_max
        self._person_ns = PERSON_NS if review is None else review * MINUTE * 2 // 5

    def start(self, kept: Mapping[int, dict[str, Any]] | None = None) -> None:
        """Customers come; those who were kept come back, and then nobody else from the start."""
        self._admit_ports()
        for library in self._compiler.libraries.values():
            for event in library.fill(self.now):
                self.raise_event(event)
        self.kernel.after(WORLD_TICK_NS, self._tick)
        if kept is None:
            self.sessions.start()
        else:
            self.sessions.come_back(kept, self._ramp_ns)

    def _admit_ports(self) -> None:
        ports = tuple((rules, 0) for rules in self.rules.types if rules.is_port)
        credential, actors = admission(self.keys, self.rules, 0, ports, self.now, self.now + PORTS_LIVE_NS)
        for actor in actors:
            self.actors[actor.nhi] = self.ports[actor.rules.id] = actor
        self.raise_event(Admit(credential))
        by_name = {world.name: world for world in self.worlds}
        for action in self.rules.actions:
            if action is not None:
                self._outlets[action.number] = Outlet(
                    action,
                    by_name[OPERATIONS[action.operation].world],
                    self.ports[action.spec.port],
                    self._compiler.answer(action),
                    self._compiler.latency_ns(action.spec.port),
                )

    def _tick(self, _: None) -> None:
        for world in self.worlds:
            world.advance(self.world_now)
        for library in self._compiler.libraries.values():
            for event in library.refresh(self.now):
                self.raise_event(event)
        self._payments.take_owed()
        self.kernel.after(WORLD_TICK_NS, self._tick)

    # Time, sessions' facts, stages.

    @property
    def now(self) -> int:
        return self.kernel.now

    @property
    def world_now(self) -> int:
        """Worlds count from the start: their change streams make up for every second since 0."""
        return self.kernel.now - self._started

    def open_facts(self, session: int) -> dict[str, Any]:
        facts: dict[str, Any] = {}
        kept = self.sessions.to_come.get(session)
        for world in self.worlds:
            if kept is not None and world is self._shop:
                self._shop.reopen(session, facts, kept)
                self.store.delete(KEPT, str(session))
            else:
                world.open(session, facts, self.world_now)
        self._facts[session] = facts
        self._payments.take_owed()
        return facts

    def close_facts(self, session: int) -> None:
        if self._facts.pop(session, None) is not None:
            for world in self.worlds:
                world.close(session, self.world_now)
            self.store.delete(PLACE, str(session))
            self._payments.take_owed()

    def key_of(self, ref: int) -> str:
        """The key in our books, and at the gateway, of what the commit record `ref` let go."""
        return str(self._first_key + ref)

    def note_place(self, run: Run, doing: str = "") -> None:
        """Where a session is now, for the next batch."""
        left = self._shop.left(run.number)
        if left is not None:
            place = {"at_ns": self.kernel.now, "script": run.script.id, "step": run.at, "doing": doing}
            self.store.put(PLACE, str(run.number), {**place, **left})

    def under_way(self, *, money: bool) -> int:
        """Actions that have their commit record and not yet their outcome."""
        return sum(moves is money for moves in self._performing.values())

    def committed(self) -> tuple[int, ...]:
        """Numbers of the commit records of what is under way."""
        return tuple(self._performing)

    def keep_sessions(self) -> int:
        """Session state for recovery: what each customer needs to go on later. Returns how many."""
        return keep_all(self.store, ENDED, self.kernel.now)

    # Events into the plane, effects out of it.

    def raise_event(self, event: Any) -> list[Effect]:
        return self._plane.handle(event, self.kernel.now)

    def say(
        self,
        speaker: Actor,
        to: int,
        session: int,
        kind: int,
        payload: bytes,
        *,
        action: int = 0,
        contract: int = 0,
        parents: tuple[int, ...] = (),
        claims: tuple[Claim, ...] = (),
    ) -> list[Effect]:
        """One envelope from an actor. Over a bus, what the plane wants done follows when it has arrived."""
        wire = speaker.wire(to, session, kind, payload, action, contract, parents, claims)
        channel = session if speaker.session else PORT_CHANNELS_FROM + speaker.rules.index
        if self.bus is None:
            return self.raise_event(Arrive(channel, wire))
        self.bus.publish(UP, (channel, self._note(self.sessions.live.get(session), payload), wire))
        return []

    def arrived_up(self, channel: int, tag: int, wire: bytes) -> None:
        """The bus brought an envelope to the plane."""
        run, sent = self._sent.pop(tag, (None, b""))
        if self.stage < Stage.TERMINATE and self.kernel.rightful():
            self.follow(self.raise_event(Arrive(channel, wire)), run, sent)

    def _note(self, run: Run | None, what: bytes) -> int:
        self._tag += 1
        self._sent[self._tag] = (run, what)
        return self._tag

    def follow(self, effects: Iterable[Effect], run: Run | None, sent: bytes = b"") -> None:
        for effect in effects:
            match effect:
                case Deliver():
                    self._deliver(effect, run, sent)
                case Perform():
                    self._begin(effect, run)
                case Ask():
                    self._ask(effect, run)
                case Refuse():
                    if run is not None:
                        self.sessions.refused(run, effect)
                case Ended(nhis=nhis):
                    self.sessions.ended(nhis)
                    for nhi in nhis:
                        ended = self.actors.pop(nhi, None)
                        if ended is not None:
                            ended.purge()
                case Purged(nhi=nhi):
                    if nhi in self.actors:
                        self.actors[nhi].purge()
                case Admitted() | Staged():
                    pass  # whoever raised the event looks at it

    def _deliver(self, message: Deliver, run: Run | None, sent: bytes) -> None:
        if self.bus is None:
            self._received(message, run, sent)
            return
        self._messages[message.ref] = message
        self.bus.publish(DOWN, (self._note(run, sent), message.ref, message.payload))

    def arrived_down(self, tag: int, ref: int, payload: bytes) -> None:
        """The bus brought a delivery to its agent; one that was changed on its way is dropped."""
        run, sent = self._sent.pop(tag, (None, b""))
        message = self._messages.pop(ref, None)
        if message is not None and message.payload == payload:
            self._received(message, run, sent)

    def _received(self, message: Deliver, run: Run | None, sent: bytes) -> None:
        actor = self.actors.get(message.to)
        if actor is not None:
            speaker = self.actors.get(message.sender)
            flow = None
            if speaker is not None and actor.rules.sheds:
                flow = speaker.rules.flows.get(flow_key(actor.rules.index, message.kind, message.action))
            actor.receive(message, flow, from_port=speaker is not None and speaker.rules.is_port)
        if run is not None:
            self.sessions.delivered(run, redacted=bool(sent) and message.payload != sent)

    # The world does it, and answers.

    def _begin(self, effect: Perform, run: Run | None) -> None:
        outlet = self._outlets[effect.action]
        self._performing[effect.ref] = outlet.money
        self.last_action_ns = self.kernel.now
        delay = self._service.latency(outlet.latency_ns)
        if self._payments.carries(outlet.operation):
            delay = 0  # the gateway is really asked, and takes its own time
        self.kernel.after(delay, self._perform, (effect, run))
        if run is not None:
            self.note_place(run, self.key_of(effect.ref))
            self.sessions.let_through(run)

    def _perform(self, what: tuple[Perform, Run | None]) -> None:
        effect, run = what
        outlet = self._outlets[effect.action]
        if (self.stage >= Stage.DRAIN and not outlet.money) or self._without_lease(effect):
            self._performing.pop(effect.ref, None)  # only money is drained
            return
        task = asyncio.ensure_future(self._do(effect, outlet, run))
        task.add_done_callback(report_task)

    def _without_lease(self, effect: Perform) -> bool:
        """Whether who did it has no right any more: who stood still wakes with work in their hands."""
        sender = self.actors.get(effect.sender)
        holder = None if sender is None else self.sessions.holders.get(sender.rules.index)
        return holder is not None and bool(holder.stops(self.kernel.now))

    async def _do(self, effect: Perform, outlet: Outlet, run: Run | None) -> None:
        """One action in the world, made durable before its answer is known to anybody."""
        args: Args = _decode_json(effect.payload)
        sender = self.actors.get(effect.sender)
        key = self.key_of(effect.ref)
        try:
            if self._payments.carries(outlet.operation):
                answer = await self._payments.pay(outlet.operation, effect, key, sender, args, self.world_now)
            else:
                answer, _ = outlet.world.perform(outlet.operation, effect.session, args, key, self.world_now)
                self.last_action_ns = self.kernel.now
                if OPERATIONS[outlet.operation].lasting:
                    await self._payments.durable()
        except DeclinedError as error:
            self._performing.pop(effect.ref, None)
            self.tally.count(self.tally.declined, outlet.operation, error.reason)
            if run is not None:
                self.sessions.broken(run, f"declined: {error.reason}")
            return
        self._performing.pop(effect.ref, None)
        self.tally.performed[outlet.operation] = self.tally.performed.get(outlet.operation, 0) + 1
        if self.stage < Stage.TERMINATE:
            self._answered(effect, outlet, run, answer)

    def _answered(self, effect: Perform, outlet: Outlet, run: Run | None, answer: dict[str, Any]) -> None:
        if outlet.answer is None:
            if run is not None:
                self.sessions.moved(run)
            return
        facts = self._facts.get(effect.session)
        if facts is None:
            return  # its session ended meanwhile
        payload = outlet.answer(self._draws, facts, answer)
        if run is not None:
            self.sessions.speaks(run, outlet.port.rules, MessageKind.DATA)
        effects = self.say(
            outlet.port, effect.sender, effect.session, MessageKind.DATA, payload,
            action=effect.action, parents=(effect.ref,),
        )  # fmt: skip
        self.follow(effects, run, payload)

    # The plane asks somebody outside.

    def _ask(self, ask: Ask, run: Run | None) -> None:
        self._held[ask.hold] = run
        if run is not None:
            self.sessions.held(run)
        delays = {Endorser.FACTS: FACTS_NS, Endorser.CUSTOMER: CUSTOMER_NS}
        delay = self._people.latency(delays.get(Endorser(ask.kind), self._person_ns))
        self.kernel.after(delay, self._answer, ask)
        self.kernel.at(ask.not_after, self._deadline, ask.hold)

    def _answer(self, ask: Ask) -> None:
        if ask.hold not in self._held:
            return
        run = self._held.pop(ask.hold)
        granted = self._vouches(ask, run)
        counted = (int(ask.kind), granted)
        self.tally.asked[counted] = self.tally.asked.get(counted, 0) + 1
        self.follow(self.raise_event(Answer(ask.hold, ask.kind, granted)), run)

    def _vouches(self, ask: Ask, run: Run | None) -> bool:
        outlet = self._outlets[ask.action]
        if ask.kind == Endorser.CUSTOMER:
            return ask.digest == self.page_digest(ask.action, ask.session, ask.payload)
        args = _decode_json(ask.payload)
        agrees = ask.session in self._facts and outlet.world.check_facts(outlet.operation, ask.session, args)
        return agrees and (ask.kind == Endorser.FACTS or run is not None)

    def page_digest(self, action: int, session: int, payload: bytes) -> bytes:
        """The digest of what the front end shows for this action: the world's facts, whatever was asked."""
        return page_digest(self.rules, self._facts.get(session, {}), action, session, payload)

    def _deadline(self, hold: int) -> None:
        if hold in self._held:
            run = self._held.pop(hold)
            self.follow(self.raise_event(Deadline(hold)), run)
