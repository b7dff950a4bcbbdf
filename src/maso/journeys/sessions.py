"""Honest sessions: each lives one journey, move by move, until it is over.

A session is opened with a credential for all who take part, makes its next move when the last one has come
to its end (delivered; or performed in the world and the answer delivered), and is closed when nothing is
left to do. A refusal or a world that declines breaks the journey and closes the session: nobody here tries
again with other words. Only what failed, or what a PACE phase forbids for now, is tried again (`pace.py`).
What is under way when the run ends is cut.

A customer's confirmation is made from what the front end shows (the world's facts) just before the agent
acts; what the agent then sends is what it had prepared, so an agent that changes it is on its own.
"""

from typing import Any, Final

from maso.claims import Claim
from maso.clock import MINUTE
from maso.envelope import MessageKind
from maso.fleet.rulebook import TypeRules
from maso.journeys import tally as outcome
from maso.journeys.actors import Actor, admission, contract_bytes
from maso.journeys.driving import Driver
from maso.journeys.payloads import NOTHING
from maso.journeys.scripts import Move, Script, What
from maso.journeys.workloads import CATCH_UP_NS, Workload
from maso.plane.effects import Admitted, Refuse
from maso.plane.events import Admit, CloseSession, Endorse, Endorser, RegisterContract
from maso.streams import PER_MILLION, stream

# A confirmed page stays good for as long as a customer may take to press the button once more.
CONFIRMED_FOR_NS: Final = 5 * MINUTE


class Run:
    """One live session. `at` is the number of its next move; before `entered` it only catches up.

    speaker, kind   who sent the message that is under way, for the tally
    """

    __slots__ = (
        "actors",
        "at",
        "claims",
        "contracts",
        "end",
        "entered",
        "facts",
        "kind",
        "number",
        "planned",
        "prepared",
        "script",
        "speaker",
    )

    def __init__(self, number: int, script: Script, entered: int, now: int, end: int) -> None:
        self.number = number
        self.script = script
        self.at = 0
        self.entered = entered
        self.planned = now
        self.end = end
        self.claims = 0
        self.speaker = ""
        self.kind = 0
        self.actors: dict[int, list[Actor]] = {}
        self.contracts: dict[tuple[int, int], int] = {}
        self.facts: dict[str, Any] = {}
        self.prepared: dict[int, bytes] = {}


class Sessions:
    """All honest sessions of one run."""

    def __init__(self, driver: Driver, workload: Workload, seed: int) -> None:
        self._driver = driver
        self._tally = driver.tally
        self.workload = workload
        self.live: dict[int, Run] = {}
        self._opened = 0
        self._closing = False
        self._payloads = stream(seed, "payload/sessions")
        self._pace = stream(seed, "workload/pace")
        self._chances = stream(seed, "workload/chances")
        self._claims = stream(seed, "claims")

    def start(self) -> None:
        kernel = self._driver.kernel
        if not self.workload.depth:
            kernel.at(self.workload.next_arrival(), self._arrive)
            return
        for time in self.workload.entries(self._driver.end):
            kernel.after(time, self._enter)

    def finish(self) -> None:
        """Close what is still open; those journeys were cut by the end of the run."""
        self._closing = True
        for run in tuple(self.live.values()):
            self._tally.cut += 1
            self._close(run)

    def shut(self) -> None:
        """Nobody new comes any more; who is there goes on."""
        self._closing = True

    # Coming and going.

    def _enter(self, _: None) -> None:
        """One of those who are there from the start: part-way through its journey."""
        script = self.workload.pick()
        self._open(script, self.workload.enter_at(script))

    def _arrive(self, _: None) -> None:
        """One who comes while the run goes on; in a breadth fleet the next task follows by itself."""
        self._open(self.workload.pick(), 0)
        if not self.workload.depth:
            self._driver.kernel.after(self.workload.next_arrival(), self._arrive)

    def _open(self, script: Script, entered: int) -> None:
        self._opened += 1
        self.admit(self._opened, script, entered)

    def admit(self, number: int, script: Script, entered: int) -> None:
        """A session begins, or one that was kept comes back under its own number."""
        driver = self._driver
        members = self.workload.members(script, driver.rules)
        now = driver.now
        end = now + min(rules.lifetime_ns_max for rules, _ in members)
        credential, actors = admission(driver.keys, driver.rules, number, members, now, end)
        effects = driver.raise_event(Admit(credential))
        if not any(type(effect) is Admitted for effect in effects):
            self._tally.turned_away += 1
            self._replace()
            return
        self._tally.opened += 1
        driver.pace.joined(tuple((actor.nhi, actor.rules.index, number) for actor in actors))
        run = Run(number, script, entered, now, end)
        for actor in actors:
            driver.actors[actor.nhi] = actor
            run.actors.setdefault(actor.rules.index, []).append(actor)
            if driver.keep_inboxes:
                actor.inbox = []
        run.facts = driver.open_facts(number)
        self.live[number] = run
        self.admitted(run)
        self._plan(run)

    def admitted(self, run: Run) -> None:
        """The session's instances are there; where they live by themselves, they begin to."""

    def _close(self, run: Run) -> None:
        if self.live.pop(run.number, None) is None:
            return
        driver = self._driver
        driver.follow(driver.raise_event(CloseSession(run.number)), None)
        driver.close_facts(run.number)

    def _replace(self) -> None:
        if self.workload.depth and not self._closing:
            self._driver.kernel.after(self.workload.next_arrival(), self._arrive)

    def broken(self, run: Run, reason: str) -> None:
        """The journey cannot go on."""
        if run.number in self.live:
            self._tally.count(self._tally.broken, run.script.id, reason)
            self._close(run)
            self._replace()

    # What the driver reports about a run's message.

    def speaks(self, run: Run, who: TypeRules, kind: int) -> None:
        run.speaker = who.id
        run.kind = kind

    def delivered(self, run: Run, *, redacted: bool) -> None:
        self._tally.message(run.speaker, run.kind, outcome.REDACT if redacted else outcome.ALLOW)
        self.moved(run)

    def let_through(self, run: Run) -> None:
        """An action is being performed: the move goes on until its answer is delivered."""
        self._tally.message(run.speaker, run.kind, outcome.ALLOW)

    def held(self, run: Run) -> None:
        self._tally.message(run.speaker, run.kind, outcome.HOLD)

    def refused(self, run: Run, refusal: Refuse) -> None:
        self._tally.message(run.speaker, run.kind, outcome.DENY)
        code = refusal.findings[-1].reason.code if refusal.findings else "unexplained"
        self._tally.count(self._tally.refused, run.speaker, code)
        if run.number in self.live and self._driver.pace.turned_away(run, refusal.sender, code):
            return
        self.broken(run, code)

    def repeat(self, run: Run) -> None:
        """The move that failed, or was left for later, is made now."""
        self.do(run)

    def moved(self, run: Run) -> None:
        """A move came to its end."""
        if run.number in self.live:
            run.at += 1
            self._plan(run)

    # The next move.

    def _plan(self, run: Run) -> None:
        """Schedule the next move that is to be made, or end the journey."""
        moves = run.script.moves
        while run.at < len(moves):
            move = moves[run.at]
            if not self.passes_over(run, move) and (
                move.chance >= PER_MILLION or self._chances.chance(move.chance)
            ):
                self._schedule(run, move)
                return
            run.at += 1
        self._tally.completed[run.script.id] = self._tally.completed.get(run.script.id, 0) + 1
        self._close(run)
        self._replace()

    def passes_over(self, run: Run, move: Move) -> bool:
        """Whether a session that enters part-way leaves this one out: nothing later needs it."""
        return run.at < run.entered and not move.lasting

    def _schedule(self, run: Run, move: Move) -> None:
        """Gaps count from when the last move was due, so that answers do not slow the pace down."""
        kernel = self._driver.kernel
        run.planned = max(kernel.now, run.planned + self.gap(run, move))
        kernel.at(run.planned, self.do, run)

    def gap(self, run: Run, move: Move) -> int:
        """Nanoseconds before a move; a session that enters part-way is at its place after a few seconds."""
        if run.at < run.entered:
            return self._pace.exponential(CATCH_UP_NS)
        return self.workload.gap(run.script, move, self._pace)

    def do(self, run: Run) -> None:
        """Make the move that is due, unless the session has ended meanwhile."""
        if run.number not in self.live:
            return
        move = run.script.moves[run.at]
        if move.what is What.SEND:
            self._send(run, move)
        elif move.what is What.ACT:
            self._act(run, move)
        else:
            self._confirm(run, move)

    def actor_of(self, run: Run, rules: TypeRules, move: Move) -> Actor:
        """The instance that makes a move; contracts are held by the first of its type."""
        if rules.is_port:
            return self._driver.ports[rules.id]
        instances = run.actors[rules.index]
        if len(instances) == 1 or move.delegated or move.under >= 0:
            return instances[0]
        return self._pace.pick(instances)

    def _words(self, run: Run, move: Move, sender: Actor) -> bytes:
        payload = move.payload(self._payloads, run.facts, NOTHING)
        if move.flow.declassify & sender.label:
            return sender.tell(move.flow, payload)
        return payload

    def _send(self, run: Run, move: Move) -> None:
        driver = self._driver
        sender, recipient = self.actor_of(run, move.sender, move), self.actor_of(run, move.recipient, move)
        if not driver.pace.speaks(run, sender.nhi, move.sender.index):
            return
        contract = run.contracts.get((move.under, move.sender.index), 0) if move.under >= 0 else 0
        if move.delegated:
            made = self._delegate(run, move, sender, recipient, contract)
            if not made:
                return
            if move.kind == MessageKind.DELEGATION:
                contract = made
        payload = self._words(run, move, sender)
        claims: tuple[Claim, ...] = ()
        if move.kind == MessageKind.CLAIM and not move.flow.declassify:
            run.claims += 1
            claims = (sender.claim(run.claims, payload, self._claims),)
        parents = () if move.sender.is_port else sender.parents
        run.speaker, run.kind = move.sender.id, move.kind
        effects = driver.say(
            sender, recipient.nhi, run.number, move.kind, payload,
            contract=contract, parents=parents, claims=claims,
        )  # fmt: skip
        driver.follow(effects, run, payload)

    def _act(self, run: Run, move: Move) -> None:
        driver = self._driver
        assert move.action is not None
        number = move.action.number
        sender = self.actor_of(run, move.sender, move)
        if not driver.pace.speaks(run, sender.nhi, move.sender.index):
            return
        contract = run.contracts.get((move.under, move.sender.index), 0) if move.under >= 0 else 0
        payload = run.prepared.pop(number, b"") or self._words(run, move, sender)
        run.speaker, run.kind = move.sender.id, move.kind
        effects = driver.say(
            sender, driver.ports[move.recipient.id].nhi, run.number, move.kind, payload,
            action=number, contract=contract, parents=sender.parents,
        )  # fmt: skip
        driver.follow(effects, run, payload)

    def _confirm(self, run: Run, move: Move) -> None:
        driver = self._driver
        assert move.action is not None
        number = move.action.number
        payload = run.prepared[number] = move.payload(self._payloads, run.facts, NOTHING)
        digest = driver.page_digest(number, run.number, payload)
        until = driver.now + CONFIRMED_FOR_NS
        driver.follow(driver.raise_event(Endorse(Endorser.CUSTOMER, run.number, digest, until)), None)
        self.moved(run)

    def _delegate(self, run: Run, move: Move, source: Actor, target: Actor, parent: int) -> int:
        """Register a contract; returns its id, or 0 when it was refused (the journey is then over)."""
        driver = self._driver
        end = min(driver.now + move.contract_ns, run.end)
        number, data = contract_bytes(
            driver.keys, source, target, move.delegated, driver.now, end, parent, move.contract_output
        )
        run.speaker, run.kind = move.sender.id, MessageKind.DELEGATION
        for effect in driver.raise_event(RegisterContract(run.number, data)):
            if type(effect) is Refuse:
                self.refused(run, effect)
                return 0
        run.contracts[move.sender.index, move.recipient.index] = number
        return number
