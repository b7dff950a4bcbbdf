"""The simulation: performs a plane's effects in virtual time.

The plane decides; this driver is everything around it: instances with their keys, worlds, people who
answer, knowledge bases, and time. What honest sessions do is in `sessions.py`; an action that the plane
lets through goes to its world after the port's latency and comes back as an envelope from the port.

Service times are declared integers or drawn from named streams; no clock is read and no CPU time enters.
Watchers see everything and change nothing. Adversaries act through `handle`, `from_port` and `documents`,
in sessions of their own; nothing of theirs is counted as honest.

Not simulated: a network that loses or reorders messages between honest parties (adversaries do that), and
agents that reason: what an agent says is fresh text, what it does is its journey.
"""

import hashlib
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final, Protocol

import msgspec

from maso.claims import Claim
from maso.clock import MINUTE, MS, SECOND
from maso.envelope import MessageKind
from maso.fleet.model import Fleet
from maso.fleet.operations import DESK_FACTS, OPERATIONS, SHOP_FACTS
from maso.fleet.rulebook import Rulebook, flow_key
from maso.identity import Authority
from maso.journeys.actors import Actor, Keyring, admission
from maso.journeys.library import TICK_NS
from maso.journeys.pages import page_digest
from maso.journeys.payloads import Payload
from maso.journeys.scripts import Compiler
from maso.journeys.sessions import Run, Sessions
from maso.journeys.tally import Tally
from maso.journeys.workloads import Workload
from maso.plane.effects import Admitted, Ask, Deliver, Effect, Ended, Perform, Purged, Refuse
from maso.plane.events import Admit, Answer, Arrive, Deadline, Endorser, IngestDocument
from maso.sim.adversaries.ground import Happened
from maso.sim.faults import Fault
from maso.sim.kernel import Kernel, Progress
from maso.sim.pace import Degradation
from maso.sim.watchers import Adversary, Performed, RecordTap, Watcher
from maso.streams import stream
from maso.worlds.base import DeclinedError, MemoryStore, World
from maso.worlds.desk import Desk
from maso.worlds.ledger import Ledger
from maso.worlds.shop import Shop

# A look-up in the shop's own database; a person who reads a checkout page.
FACTS_NS: Final = 20 * MS
CUSTOMER_NS: Final = 8 * SECOND
# A reviewer's answer where the fleet file states no limit; else two fifths of it, so that few come late.
PERSON_NS: Final = MINUTE
WORLD_TICK_NS: Final = SECOND
# Ports live as long as the run, and a little longer for what is still on its way.
PORTS_OUTLIVE_NS: Final = 10 * MINUTE
# Above every session's number: a session is one channel, and so is a port.
PORT_CHANNELS_FROM: Final = 1 << 32

_decode_json = msgspec.json.Decoder().decode


class HandlesEvents(Protocol):
    """The plane, as the driver sees it."""

    def handle(self, event: Any, now: int) -> list[Effect]: ...


class Stops(Protocol):
    """A shutdown that is rehearsed: who may still speak, and how an action reaches its world.

    deaf  the plane hears nothing now
    """

    deaf: bool

    def lets(self, speaker: Actor, kind: int) -> bool: ...

    def perform(self, effect: Perform, run: Run | None, outlet: "Outlet", delay: int) -> None: ...


class Outlet:
    """Where an action goes in the world, and how its answer is written."""

    __slots__ = ("answer", "latency_ns", "operation", "port", "world")

    def __init__(
        self, operation: str, world: World, port: Actor, answer: Payload | None, latency_ns: int
    ) -> None:
        self.operation = operation
        self.world = world
        self.port = port
        self.answer = answer
        self.latency_ns = latency_ns


class Simulation:
    """One run of one fleet on one plane.

    fleet, rules   the fleet at its size, compiled
    plane          handles events; made with `keys.plane` and, to show records to watchers, with `tap`
    size           concurrent sessions of a depth fleet (a breadth fleet is as large as it was grown)
    peak           whether a breadth fleet works at its peak rate
    ports_outlive_ns  how long after the end the ports' credentials still hold
    """

    def __init__(
        self,
        fleet: Fleet,
        rules: Rulebook,
        plane: HandlesEvents,
        keys: Keyring,
        *,
        seed: int,
        minutes: int,
        size: int | None = None,
        peak: bool = False,
        tap: RecordTap | None = None,
        watchers: Sequence[Watcher] = (),
        adversaries: Sequence[Adversary] = (),
        faults: Sequence[Fault] = (),
        progress: Progress | None = None,
        worlds: Sequence[World] | None = None,
        stop: Stops | None = None,
        ports_outlive_ns: int = PORTS_OUTLIVE_NS,
    ) -> None:
        self.fleet = fleet
        self.rules = rules
        self.keys = keys
        self.seed = seed
        self.end = minutes * MINUTE
        self.kernel = Kernel(progress)
        self.tally = Tally()
        self.actors: dict[int, Actor] = {}  # of the honest, by NHI; ports included
        self.ports: dict[str, Actor] = {}
        self.worlds = make_worlds(fleet, seed) if worlds is None else tuple(worlds)
        self.facts: dict[int, dict[str, Any]] = {}  # of every open session, hostile ones included
        self.keep_inboxes = any(w.wants_inbox for w in watchers)
        self._handle = plane.handle
        self._tap = tap
        self._watchers = tuple(watchers)
        self._adversaries = tuple(adversaries)
        self._observed = bool(watchers or adversaries)
        if tap is not None:
            tap.wanted = self._observed
        self._records: tuple[bytes, ...] = ()
        self._compiler = Compiler(fleet, rules, seed, keys.ingestion)
        size = fleet.size if size is None else size
        workload = Workload(fleet, rules, self._compiler, seed=seed, size=size, peak=peak)
        self.sessions = Sessions(self, workload, seed)
        self._outlets: dict[int, Outlet] = {}
        self._held: dict[int, Run | None] = {}
        self._payloads = stream(seed, "payload/ports")
        self._service = stream(seed, "service")
        self._people = stream(seed, "people")
        self._hostile = stream(seed, "hostile")  # whatever is not an honest session's draw
        review = fleet.governance.review_minutes_max
        self.person_ns = PERSON_NS if review is None else review * MINUTE * 2 // 5
        self.pace = Degradation(self, faults)
        self._stop = stop
        self._ports_outlive_ns = ports_outlive_ns

    # The run.

    def run(self) -> Tally:
        """Everything from the first admission to the last session's end."""
        self.start()
        self.kernel.run(self.end)
        self.sessions.finish()
        return self.tally

    def start(self) -> None:
        self._admit_ports()
        for library in self._compiler.libraries.values():
            for event in library.fill(self.now):
                self.raise_event(event)
        self.kernel.at(WORLD_TICK_NS, self._tick_worlds)
        self.pace.start()
        if self._compiler.libraries:
            self.kernel.at(TICK_NS, self._tick_libraries)
        self.sessions.start()
        for adversary in self._adversaries:
            for time, call, argument in adversary.plan(self):
                self.kernel.at(time, call, argument)

    def _admit_ports(self) -> None:
        ports = tuple((rules, 0) for rules in self.rules.types if rules.is_port)
        if not ports:
            return
        until = self.end + self._ports_outlive_ns
        credential, actors = admission(self.keys, self.rules, 0, ports, self.now, until)
        for actor in actors:
            self.actors[actor.nhi] = self.ports[actor.rules.id] = actor
        self.raise_event(Admit(credential))
        by_name = {world.name: world for world in self.worlds}
        for action in self.rules.actions:
            if action is not None:
                self._outlets[action.number] = Outlet(
                    action.operation,
                    by_name[OPERATIONS[action.operation].world],
                    self.ports[action.spec.port],
                    self._compiler.answer(action),
                    self._compiler.latency_ns(action.spec.port),
                )

    def move_outlets(self, before: World, after: World) -> None:
        """A world was started anew over its store."""
        for outlet in self._outlets.values():
            if outlet.world is before:
                outlet.world = after

    def _tick_worlds(self, _: None) -> None:
        for world in self.worlds:
            world.advance(self.now)
        self.pace.advance(self.now)
        self.kernel.after(WORLD_TICK_NS, self._tick_worlds)

    def _tick_libraries(self, _: None) -> None:
        for library in self._compiler.libraries.values():
            for event in library.refresh(self.now):
                self.raise_event(event)
        self.kernel.after(TICK_NS, self._tick_libraries)

    # What the worlds know of a session.

    def open_facts(self, session: int) -> dict[str, Any]:
        facts: dict[str, Any] = {}
        for world in self.worlds:
            world.open(session, facts, self.now)
        self.facts[session] = facts
        return facts

    def close_facts(self, session: int) -> None:
        if self.facts.pop(session, None) is not None:
            for world in self.worlds:
                world.close(session, self.now)

    # Events into the plane, effects out of it.

    @property
    def now(self) -> int:
        """Nanoseconds of virtual time."""
        return self.kernel.now

    def raise_event(self, event: Any) -> list[Effect]:
        """The plane decides one event now; the caller follows the effects."""
        now = self.kernel.now
        if self._stop is not None and self._stop.deaf:
            return []
        if not self._observed:
            return self._handle(event, now)
        for watcher in self._watchers:
            watcher.on_event(event, now)
        effects = self._handle(event, now)
        self._records = self._tap.take() if self._tap is not None else ()
        for watcher in self._watchers:
            watcher.on_effects(event, effects, self._records, now)
        return effects

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
        """One envelope from an actor, sealed with its key; returns what the plane wants done about it."""
        if self._stop is not None and not self._stop.lets(speaker, kind):
            return []
        wire = speaker.wire(to, session, kind, payload, action, contract, parents, claims)
        channel = session if speaker.session else PORT_CHANNELS_FROM + speaker.rules.index
        return self.raise_event(Arrive(channel, wire))

    def follow(self, effects: Iterable[Effect], run: Run | None, sent: bytes = b"") -> None:
        """Do what the plane wants done. `run` is the honest session whose move this is, if it is one's.

        sent   the payload, to see whether it was delivered as it was
        """
        for effect in effects:
            kind = type(effect)
            if kind is Deliver:
                self._deliver(effect, run, sent)  # type: ignore[arg-type]
            elif kind is Perform:
                outlet = self._outlets[effect.action]  # type: ignore[union-attr]
                draws = self._hostile if run is None else self._service
                slow = self.pace.slowness(outlet.port.rules.id)
                delay = draws.latency(outlet.latency_ns) * slow
                if self._stop is None:
                    self.kernel.after(delay, self._perform, (effect, run, slow > 1))
                else:
                    self._stop.perform(effect, run, outlet, delay)  # type: ignore[arg-type]
                if run is not None:
                    self.sessions.let_through(run)
            elif kind is Ask:
                self._ask(effect, run)  # type: ignore[arg-type]
            elif kind is Refuse:
                self.pace.refused(effect)  # type: ignore[arg-type]
                if run is not None:
                    self.sessions.refused(run, effect)  # type: ignore[arg-type]
            else:
                self._lives(effect)

    def _deliver(self, message: Deliver, run: Run | None, sent: bytes) -> None:
        actor = self.actors.get(message.to)
        if actor is not None:
            speaker = self.actors.get(message.sender)
            flow = None
            if speaker is not None and actor.rules.sheds:
                key = flow_key(actor.rules.index, message.kind, message.action)
                flow = speaker.rules.flows.get(key)
            actor.receive(message, flow, from_port=speaker is not None and speaker.rules.is_port)
        if run is not None:
            self.sessions.delivered(run, redacted=bool(sent) and message.payload != sent)

    def _lives(self, effect: Effect) -> None:
        """Instances come, go and forget."""
        match effect:
            case Admitted(session=session):
                # An adversary's sessions are sessions too: the world knows their customers.
                if session and session not in self.facts:
                    self.open_facts(session)
            case Ended(nhis=nhis):
                self.pace.ended(nhis)
                for nhi in nhis:
                    ended = self.actors.pop(nhi, None)
                    if ended is not None:
                        ended.purge()  # its next move may still stand in the queue, and hold it
            case Purged(nhi=nhi):
                if nhi in self.actors:
                    self.actors[nhi].purge()

    # The world does it, and answers.

    def _perform(self, what: tuple[Perform, Run | None, bool]) -> None:
        effect, run, slow = what
        outlet = self._outlets[effect.action]
        port = outlet.port.rules.id
        failed = self.pace.call_fails(port, effect.sender)
        self.pace.called_port(effect.sender, not failed and not slow, port)
        if failed:
            if run is not None:
                self.pace.failed(run, effect.sender)
            return
        args = _decode_json(effect.payload)
        answer, reason = None, ""
        try:
            key = str(effect.ref)
            answer, _ = outlet.world.perform(outlet.operation, effect.session, args, key, self.now)
        except DeclinedError as error:
            reason = error.reason
        self.performed(effect, run, args, answer, reason)

    def performed(
        self, effect: Perform, run: Run | None, args: Any, answer: dict[str, Any] | None, reason: str
    ) -> None:
        """The world did it (or declined, then `answer` is None): everybody hears of it."""
        outlet = self._outlets[effect.action]
        if self._watchers:
            self._show(effect, outlet.operation, args, answer, reason)
        if answer is None:
            self.tally.count(self.tally.declined, outlet.operation, reason)
            if run is not None:
                self.sessions.broken(run, f"declined: {reason}")
            return
        self.tally.performed[outlet.operation] = self.tally.performed.get(outlet.operation, 0) + 1
        if outlet.answer is None:
            if run is not None:
                self.sessions.moved(run)
            return
        draws = self._hostile if run is None else self._payloads
        payload = outlet.answer(draws, self.facts[effect.session], answer)
        parents = (effect.ref,)
        if run is not None:
            self.sessions.speaks(run, outlet.port.rules, MessageKind.DATA)
        effects = self.say(
            outlet.port, effect.sender, effect.session, MessageKind.DATA, payload,
            action=effect.action, parents=parents,
        )  # fmt: skip
        self.follow(effects, run, payload)

    def _show(
        self, effect: Perform, operation: str, args: Any, answer: dict[str, Any] | None, reason: str
    ) -> None:
        done = Performed(
            effect.ref, effect.session, effect.sender, effect.action, operation, args, answer, reason
        )
        for watcher in self._watchers:
            watcher.on_world(done, self.now)

    # The plane asks somebody outside.

    def _ask(self, ask: Ask, run: Run | None) -> None:
        self._held[ask.hold] = run
        if run is not None:
            self.sessions.held(run)
        delays = {Endorser.FACTS: FACTS_NS, Endorser.CUSTOMER: CUSTOMER_NS}
        draws = self._hostile if run is None else self._people
        delay = draws.latency(delays.get(Endorser(ask.kind), self.person_ns))
        self.kernel.after(delay, self._answer, ask)
        self.kernel.at(ask.not_after, self._deadline, ask.hold)

    def _answer(self, ask: Ask) -> None:
        if ask.hold not in self._held:
            return  # decided meanwhile: the session ended, or somebody else endorsed it
        run = self._held[ask.hold]
        if not self.pace.answers(ask.kind) or (run is None and ask.kind == Endorser.CUSTOMER):
            return  # nobody is there; the deadline decides
        del self._held[ask.hold]
        granted = self._vouches(ask, run)
        counted = (int(ask.kind), granted)
        self.tally.asked[counted] = self.tally.asked.get(counted, 0) + 1
        self.follow(self.raise_event(Answer(ask.hold, ask.kind, granted)), run)

    def _vouches(self, ask: Ask, run: Run | None) -> bool:
        """Facts compare; customers compare with what their page shows; people know what was ordered."""
        outlet = self._outlets[ask.action]
        args = _decode_json(ask.payload)
        if ask.kind == Endorser.CUSTOMER:
            return ask.digest == self.page_digest(ask.action, ask.session, ask.payload)
        agrees = ask.session in self.facts and outlet.world.check_facts(outlet.operation, ask.session, args)
        return agrees and (ask.kind == Endorser.FACTS or run is not None)

    def page_digest(self, action: int, session: int, payload: bytes) -> bytes:
        """The digest of what the front end shows for this action: the world's facts, whatever was asked."""
        return page_digest(self.rules, self.facts.get(session, {}), action, session, payload)

    def _deadline(self, hold: int) -> None:
        if hold in self._held:
            run = self._held.pop(hold)
            self.follow(self.raise_event(Deadline(hold)), run)

    # The ground that adversaries stand on.

    @property
    def authority(self) -> Authority:
        return self.keys.authority

    def handle(self, event: object) -> Happened:
        """The plane decides an event now, and what follows from it is done."""
        effects = self.raise_event(event)
        records = self._records
        if type(event) is Admit and any(type(effect) is Admitted for effect in effects):
            self.pace.admitted(event.credential)
        self.follow(effects, None)
        return Happened(tuple(effects), records)

    def from_port(
        self, port: str, session: int, to: int, payload: bytes, *, action: int = 0, label: int = 0
    ) -> Happened:
        """A port passes on what somebody outside gave it: sealed honestly, content as given."""
        speaker = self.ports[port]
        wire = speaker.wire(to, session, MessageKind.DATA, payload, action, 0, (), (), label)
        return self.handle(Arrive(PORT_CHANNELS_FROM + speaker.rules.index, wire))

    def documents(self, port: str, texts: tuple[tuple[str, str], ...]) -> list[dict[str, object]]:
        """(document, text) pairs go through ingestion now; returned as the retriever has them."""
        index = self.rules.type_by_id[port].index
        made: list[dict[str, object]] = []
        for name, text in texts:
            digest = hashlib.sha256(text.encode()).digest()
            self.follow(self.raise_event(IngestDocument(index, name, 1, digest)), None)
            signed = self.keys.ingestion.sign(index, name, 1, self.now, text)
            made.append(msgspec.to_builtins(signed))
        return made


def make_worlds(fleet: Fleet, seed: int, shop: Callable[[], Shop] | None = None) -> tuple[World, ...]:
    """A world for each kind of operation or fact that the fleet knows; the ledger always."""
    named = {OPERATIONS[a.operation].world for a in fleet.actions}
    facts = {f.fact for s in fleet.schemas for f in s.fields.values() if f.fact is not None}
    worlds: list[World] = [Ledger(MemoryStore())]
    if "shop" in named or facts & SHOP_FACTS.keys() - DESK_FACTS.keys():
        worlds.append(Shop(MemoryStore(), stream(seed, "world/shop")) if shop is None else shop())
    if "desk" in named or facts & DESK_FACTS.keys() - SHOP_FACTS.keys():
        worlds.append(Desk(MemoryStore(), stream(seed, "world/desk")))
    return tuple(worlds)
