"""The plane: events in, effects out. Every message runs through every control here, live and in simulation.

`handle(event, now)` never awaits, reads a clock or does I/O. It decides, appends one record to the
evidence, applies the record to the state, and returns what its driver must do. Hot path: `Arrive`.

A held message is kept with its bytes' meaning (not its MAC, which was settled); an answer or the deadline
decides it again from identity on, so an answer that arrives after a freeze, a purge or a revocation does
not commit. Held messages do not survive a crash: they are refused, since their payload is nowhere else.

Not handled: anything that the driver does with effects; one plane is one trust domain.
"""

from collections.abc import Callable
from typing import Final, Protocol

import msgspec

from maso import __version__
from maso.clock import MINUTE, SECOND
from maso.controls import credentials, endorse, posture
from maso.controls.contracts import Contracts
from maso.controls.message import Message
from maso.controls.nhi import Admission
from maso.controls.preprovisioned import PooledAdmission
from maso.controls.state import Instance, PlaneState
from maso.evidence.records import (
    AdmitRecord,
    ContractRecord,
    DocumentRecord,
    EndorseRecord,
    EndRecord,
    GateRecord,
    StartRecord,
    encode_record,
)
from maso.fleet.rulebook import Rulebook
from maso.plane import apply
from maso.plane.decide import decide, failed
from maso.plane.effects import Admitted, Ask, Deliver, Effect, Ended, Perform, Purged, Refuse, Staged
from maso.plane.events import (
    Admit,
    Answer,
    Arrive,
    CloseSession,
    Deadline,
    Endorse,
    IngestDocument,
    Purge,
    RegisterContract,
    Retire,
    Revoke,
    SetPhase,
    SetStage,
)
from maso.plane.pipeline import Check, Keys, Pipeline
from maso.plane.recording import message_record
from maso.resilience.pace import PHASE_NAMES
from maso.resilience.places import covered, number_of, places
from maso.resilience.shutdown import STAGE_NAMES
from maso.scan.scanner import Scanner
from maso.verdict import Decision, Finding, Outcome

# E7 drains in 60 s, so nothing may be pending longer; a customer who does not confirm in 5 minutes left.
FACTS_DEADLINE_NS: Final = 10 * SECOND
CUSTOMER_DEADLINE_NS: Final = 5 * MINUTE
# Where the fleet file states no `review_minutes_max`.
PERSON_DEADLINE_NS: Final = 15 * MINUTE


class Log(Protocol):
    """Where records go: `evidence.log.LogWriter` has this shape."""

    def append(self, body: bytes) -> int: ...


class Plane:
    """One plane over one rulebook. Raises nothing for bad input: bad input is refused."""

    def __init__(self, rules: Rulebook, keys: Keys, log: Log, scanner: Scanner) -> None:
        self.rules = rules
        self.state = PlaneState(len(rules.types))
        self.contracts = Contracts(rules, self.state, scanner.scan)
        pooled = rules.fleet.controls.credentials == "pre-provisioned"
        admission = PooledAdmission if pooled else Admission
        self._admission: Admission | PooledAdmission = admission(
            rules, self.state, keys.authority, keys.master
        )
        self._pipeline = Pipeline(rules, self.state, scanner, keys)
        self._places = places(rules.fleet)
        self._append = log.append
        self._append(encode_record(StartRecord(rules.fleet.fleet, rules.sha256, __version__)))
        review = rules.fleet.governance.review_minutes_max
        self._deadline_ns = {
            endorse.FACTS: FACTS_DEADLINE_NS,
            endorse.CUSTOMER: CUSTOMER_DEADLINE_NS,
            endorse.PERSON: review * MINUTE if review else PERSON_DEADLINE_NS,
        }
        self._holds: dict[int, Message] = {}
        self._waiting: dict[bytes, list[int]] = {}  # action digest -> holds: a confirmation finds them
        self._record_key = keys.record
        self._last: tuple[int, Outcome, list[Finding], int] | None = None
        self._handlers: dict[type, Callable[..., list[Effect]]] = {
            Admit: self._admit,
            RegisterContract: self._register,
            Endorse: self._endorse,
            Answer: self._answer,
            Deadline: self._deadline,
            IngestDocument: self._ingest,
            Revoke: self._revoke,
            Purge: self._purge,
            Retire: self._retire,
            CloseSession: self._close,
            SetPhase: self._phase,
            SetStage: self._set_stage,
        }

    def handle(self, event: object, now: int) -> list[Effect]:
        """Decide one event at `now` (nanoseconds, never falling) and say what to do."""
        if type(event) is Arrive:
            return self._decide(Message(event.channel, event.wire, now))
        return self._handlers[type(event)](event, now)

    def arrive(self, channel: int, wire: bytes, now: int) -> list[Effect]:
        """`handle(Arrive(channel, wire), now)` without the event object."""
        return self._decide(Message(channel, wire, now))

    @property
    def last(self) -> Decision | None:
        """The decision about the last message; None before the first."""
        if self._last is None:
            return None
        ref, outcome, findings, label = self._last
        return Decision(ref, outcome, tuple(findings), label)

    def steps(self) -> tuple[tuple[str, Check], ...]:
        """The controls in order, by name; for the benchmark."""
        return self._pipeline.steps()

    # One message.

    def _decide(self, m: Message, hold: int = 0) -> list[Effect]:
        findings = self._pipeline.run(m)
        return self.commit(m, findings, decide(findings), hold)

    def commit(self, m: Message, findings: list[Finding], outcome: Outcome, hold: int = 0) -> list[Effect]:
        """Record the decision, apply the record, and say what follows."""
        not_after = self._not_after(m) if outcome is Outcome.HOLD else 0
        record = message_record(m, findings, outcome, hold, not_after, self._record_key)
        ref = self._append(encode_record(record))
        sender = m.sender if m.authenticated else None
        apply.apply_message(self.state, record, ref, sender, m.recipient)
        self._last = (ref, outcome, findings, m.label)
        if outcome <= Outcome.REDACT:
            return self._released(m, ref)
        if outcome == Outcome.HOLD:
            return self._held(m, ref, not_after)
        return [Refuse(ref, m.channel, tuple(findings), 0 if sender is None else sender.nhi)]

    def _not_after(self, m: Message) -> int:
        return m.now + self._deadline_ns[m.ask]

    @staticmethod
    def _released(m: Message, ref: int) -> list[Effect]:
        envelope = m.envelope
        payload = m.outgoing or envelope.payload
        if m.flow.action is not None:
            return [
                Perform(
                    ref,
                    envelope.sender,
                    envelope.session,
                    envelope.action,
                    envelope.contract,
                    m.label,
                    payload,
                )
            ]
        return [
            Deliver(
                ref,
                envelope.recipient,
                envelope.sender,
                envelope.session,
                envelope.kind,
                envelope.action,
                m.label,
                envelope.contract,
                payload,
                envelope.claims,
            )
        ]

    def _held(self, m: Message, ref: int, not_after: int) -> list[Effect]:
        m.wire = b""
        m.deadline = not_after
        self._holds[ref] = m
        self._waiting.setdefault(m.action_digest, []).append(ref)
        envelope = m.envelope
        ask = Ask(
            ref,
            m.ask,
            envelope.session,
            envelope.sender,
            envelope.action,
            m.action_digest,
            envelope.payload,
            not_after,
        )
        return [ask]

    # Answers to what was held.

    def _answer(self, event: Answer, now: int) -> list[Effect]:
        if event.hold not in self._holds:
            return []  # late or repeated: what it answered was decided already
        m = self._release(event.hold)
        if now >= m.deadline:
            # A driver whose timer is late must not make an answer early.
            return self._again(m, event.hold, now, Finding(Outcome.DENY, endorse.LATE))
        session = m.envelope.session
        not_after = now + self._deadline_ns.get(event.kind, FACTS_DEADLINE_NS)
        granted = event.granted and event.kind == m.ask
        record = EndorseRecord(now, event.kind, session, m.action_digest, not_after, granted, event.hold)
        self._append(encode_record(record))
        apply.apply_endorse(self.state, record)
        return self._again(m, event.hold, now, None if granted else Finding(Outcome.DENY, endorse.REFUSED))

    def _deadline(self, event: Deadline, now: int) -> list[Effect]:
        if event.hold not in self._holds:
            return []
        return self._again(self._release(event.hold), event.hold, now, Finding(Outcome.DENY, endorse.LATE))

    def _release(self, hold: int) -> Message:
        """Take a held message out of the waiting ones."""
        m = self._holds.pop(hold)
        waiting = self._waiting[m.action_digest]
        waiting.remove(hold)
        if not waiting:
            del self._waiting[m.action_digest]
        return m

    def _again(self, m: Message, hold: int, now: int, refusal: Finding | None) -> list[Effect]:
        m.now = now
        m.resumed = True
        m.ask = 0
        m.outgoing = b""
        m.approval = False
        m.judge_milli = 0
        m.action_digest = b"" if refusal is None else m.action_digest
        if refusal is not None:
            return self.commit(m, [refusal], Outcome.DENY, hold)
        return self._decide(m, hold)

    def refuse_held(self, now: int) -> list[Effect]:
        """After a crash: what was held is refused, since its payload was nowhere else."""
        effects: list[Effect] = []
        for hold in tuple(self._holds):
            effects += self._again(self._release(hold), hold, now, Finding(Outcome.DENY, endorse.LATE))
        return effects

    def _endorse(self, event: Endorse, now: int) -> list[Effect]:
        record = EndorseRecord(now, event.kind, event.session, event.digest, event.not_after, True, 0)
        self._append(encode_record(record))
        apply.apply_endorse(self.state, record)
        effects: list[Effect] = []
        for hold in tuple(self._waiting.get(event.digest, ())):
            m = self._holds[hold]
            if m.envelope.session == event.session and m.ask & event.kind and now < m.deadline:
                effects += self._again(self._release(hold), hold, now, None)
        return effects

    # Who is there.

    def _admit(self, event: Admit, now: int) -> list[Effect]:
        verdict = self._admission.verify(event.credential, now)
        if isinstance(verdict, Finding):
            record = AdmitRecord(now, Outcome.DENY, 0, 0, 0, 0, (), (_coded(verdict),))
            ref = self._append(encode_record(record))
            return [Refuse(ref, 0, (verdict,))]
        members = tuple(
            (member.nhi, self.rules.type_by_id[member.type_id].index, member.instance, member.public_key)
            for member in verdict.members
        )
        record = AdmitRecord(
            now,
            Outcome.ALLOW,
            verdict.session,
            verdict.serial,
            verdict.not_before,
            verdict.not_after,
            members,
            (),
        )
        ref = self._append(encode_record(record))
        for instance in apply.apply_admit(self.state, self.rules, self.contracts, record):
            instance.key = self._admission.key_of(instance, verdict.serial)
        return [Admitted(ref, verdict.session, tuple(member[0] for member in members))]

    def _register(self, event: RegisterContract, now: int) -> list[Effect]:
        channel = self.state.channels.get(event.channel)
        closed = channel is not None and channel.closed_until > now
        verdict = credentials.CLOSED if closed else self.contracts.verify(event.contract, now)
        if isinstance(verdict, Finding):
            # A refused contract is not kept: only a verified one is proof of anything.
            record = ContractRecord(now, event.channel, Outcome.DENY, 0, b"", (_coded(verdict),))
            apply.apply_contract(self.state, self.contracts, record)
            return [Refuse(self._append(encode_record(record)), event.channel, (verdict,))]
        transitive = self.contracts.transitive(verdict)
        findings = () if transitive is None else (_coded(transitive),)
        record = ContractRecord(now, event.channel, Outcome.ALLOW, verdict.id, event.contract, findings)
        self._append(encode_record(record))
        apply.apply_contract(self.state, self.contracts, record)
        return []

    def _ingest(self, event: IngestDocument, now: int) -> list[Effect]:
        record = DocumentRecord(now, event.port, event.document, event.version, event.sha256)
        self._append(encode_record(record))
        apply.apply_document(self.state, record)
        return []

    # Endings.

    def _revoke(self, event: Revoke, now: int) -> list[Effect]:
        return self._end("revoke", self._one(event.nhi), now)

    def _retire(self, event: Retire, now: int) -> list[Effect]:
        return self._end("retire", self._one(event.nhi), now)

    def _one(self, number: int) -> list[Instance]:
        instance = self.state.instances.get(number)
        return [] if instance is None else [instance]

    def _purge(self, event: Purge, now: int) -> list[Effect]:
        if event.nhi not in self.state.instances:
            return []
        record = EndRecord(now, "purge", 0, (event.nhi,))
        ref = self._append(encode_record(record))
        apply.apply_end(self.state, self.contracts, record)
        return [Purged(ref, event.nhi)]

    def _close(self, event: CloseSession, now: int) -> list[Effect]:
        session = self.state.sessions.get(event.session)
        if session is None or not event.session:
            return []
        return self._end("close", list(session.instances), now, event.session)

    def _end(self, what: str, instances: list[Instance], now: int, session: int = 0) -> list[Effect]:
        if not instances and what != "close":
            return []
        effects: list[Effect] = []
        if any(instance.session.holds for instance in instances):
            ending = {instance.nhi for instance in instances}
            for hold in [h for h, m in self._holds.items() if m.envelope.sender in ending]:
                effects += self._again(self._release(hold), hold, now, Finding(Outcome.DENY, endorse.ENDED))
        record = EndRecord(now, what, session, tuple(instance.nhi for instance in instances))
        ref = self._append(encode_record(record))
        apply.apply_end(self.state, self.contracts, record)
        effects.append(Ended(ref, record.nhis))
        return effects

    # Posture.

    def _phase(self, event: SetPhase, now: int) -> list[Effect]:
        record = GateRecord(
            now, "phase", event.scope[:128], event.phase, Outcome.ALLOW,
            event.why[:128], event.by[:128], event.share_milli,
        )  # fmt: skip
        known = 0 <= event.phase < len(PHASE_NAMES) and self._scope_exists(event.scope, apply.PHASE_LEVELS)
        return self._set_gate(record, known and posture.may_set(self.state, record))[1]

    def _set_stage(self, event: SetStage, now: int) -> list[Effect]:
        record = GateRecord(
            now, "stage", event.scope[:128], event.stage, Outcome.ALLOW, event.why[:128], event.by[:128]
        )
        known = event.stage in range(len(STAGE_NAMES)) and self._scope_exists(event.scope, apply.STAGE_LEVELS)
        ref, refused = self._set_gate(record, known and posture.may_stage(self.state, record))
        return refused or [Staged(ref, record.scope, record.value)]

    def _set_gate(self, record: GateRecord, allowed: bool) -> tuple[int, list[Effect]]:
        if not allowed:
            record = msgspec.structs.replace(record, outcome=Outcome.DENY)
        ref = self._append(encode_record(record))
        if not allowed:
            return ref, [Refuse(ref, 0, (failed("posture"),))]
        apply.apply_gate(self.state, self.rules, record)
        return ref, []

    def _scope_exists(self, scope: str, levels: frozenset[str]) -> bool:
        level = scope.partition(":")[0]
        if level not in levels:
            return False
        number = number_of(scope)
        if number is None:
            return bool(covered(scope, self._places))
        return number in (self.state.sessions if level == "session" else self.state.instances)


def _coded(finding: Finding) -> tuple[str, str]:
    return (finding.reason.code, finding.detail)
