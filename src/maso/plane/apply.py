"""How records change the state: the only place where it changes, in a run and in a replay alike.

Each `apply_*` is a function of the state and one record (the instances that a message names are passed
along so that the hot path does not look them up twice). Nothing is decided here.
"""

from maso.claims import CONFIDENCE_MAX
from maso.contract import decode_contract
from maso.controls.contracts import Contracts
from maso.controls.posture import STAGE_SHIFT, join_gates
from maso.controls.state import (
    BLOCK_WINDOW_NS,
    BLOCKS_TO_PAUSE,
    PAUSE_NS,
    ContractState,
    DocumentVersion,
    Endorsement,
    Instance,
    PlaneState,
    Session,
)
from maso.envelope import MessageKind
from maso.evidence.records import (
    AdmitRecord,
    ContractRecord,
    DocumentRecord,
    EndorseRecord,
    EndRecord,
    GateRecord,
    MessageRecord,
)
from maso.fleet.rulebook import Rulebook, TypeRules
from maso.resilience.places import NUMBERED, SYSTEM, places
from maso.resilience.ramp import FULL_MILLI
from maso.verdict import Outcome

# What a phase or a stage may be set for. A region is where something runs: it can be stopped, not degraded.
PHASE_LEVELS: frozenset[str] = frozenset({SYSTEM, "cluster", "type", *NUMBERED})
STAGE_LEVELS: frozenset[str] = PHASE_LEVELS | {"region"}

# Reasons that count against the sender's breaker (EC-2.4): the guardrails caught what it *wrote*, not
# that somebody was slow or that a budget ran out.
BLOCKING: frozenset[str] = frozenset(
    {
        "PG-2.1/blocked",
        "DP-2.1/hidden",
        "IA-2.3/beyond",
        "IA-2.3/not-target",
        "PG-1.4/descent",
        "IA-1.4/not-declared",
        "DP-1.3/cross-session",
    }
)
# The labels of the last 16 deliveries are enough to name parents; what is older is covered by the
# context label, and naming it raises to the session's label.
DELIVERED_MAX = 16
# Used credentials that an admission looks at, in turn: with two, each is looked at within as many admissions
# as half of them, so at most twice as many are kept as are valid.
SERIALS_LOOKED_AT = 2
# 64 values: several times what an order, a payment and a return of one session name.
RECEIVED_BYTES_MAX = 512


def apply_message(
    state: PlaneState, record: MessageRecord, ref: int, sender: Instance | None, recipient: Instance | None
) -> None:
    """The effect of one decided message. `sender` is None where nobody was authenticated."""
    if sender is None:
        state.channel(record.channel).count_failure(record.now)
        return
    if record.seq > sender.last_seq:
        sender.last_seq = record.seq
    outcome = record.outcome
    if record.hold:
        _own_session(record, sender, recipient).holds -= 1
    if outcome == Outcome.DENY:
        _count_block(record, sender)
        return
    if outcome == Outcome.HOLD:
        sender.session.holds += 1
        return
    assert recipient is not None
    _count_spend(record, sender)
    if record.kind == MessageKind.ACTION:
        if record.action_digest:
            _spend_endorsement(record, sender.session)
    else:
        _deliver(record, ref, sender, recipient)
    if record.claims:
        _remember_claims(record, sender, recipient)


def _own_session(record: MessageRecord, sender: Instance, recipient: Instance | None) -> Session:
    if sender.type.is_port and recipient is not None:
        return recipient.session
    return sender.session


def _count_block(record: MessageRecord, sender: Instance) -> None:
    if sender.type.is_port:
        return  # a shared port carries everybody's messages: what it brings is refused one by one
    if not any(code in BLOCKING for code, _ in record.findings):
        return
    if record.now - sender.blocks_since > BLOCK_WINDOW_NS:
        sender.blocks_since = record.now
        sender.blocks = 0
    sender.blocks += 1
    if sender.blocks >= BLOCKS_TO_PAUSE:
        sender.paused_until = record.now + PAUSE_NS
        sender.blocks = 0


def _count_spend(record: MessageRecord, sender: Instance) -> None:
    if sender.type.is_port:
        return
    sender.turns += 1
    sender.tokens += record.tokens
    action = record.action
    if action:
        sender.retries = sender.retries + 1 if action == sender.last_action else 0
        sender.last_action = action
    short = record.digest[:8]
    sender.repeats = sender.repeats + 1 if short == sender.last_digest else 1
    sender.last_digest = short


def _spend_endorsement(record: MessageRecord, session: Session) -> None:
    if session.endorsements is not None:
        session.endorsements.pop(record.action_digest, None)


def _deliver(record: MessageRecord, ref: int, sender: Instance, recipient: Instance) -> None:
    label = record.label
    session = recipient.session
    session.label |= label
    if recipient is sender:
        sender.memory |= label
        return
    recipient.context |= label
    if record.received:
        recipient.received = (recipient.received + record.received)[-RECEIVED_BYTES_MAX:]
    delivered = recipient.delivered
    recipient.delivered = (*delivered[1 - DELIVERED_MAX :], ref) if delivered else (ref,)
    kind = record.kind
    if sender.type.is_port:
        if recipient.type.flows_claims:
            if recipient.sources is None:
                recipient.sources = set()
            recipient.sources.add(ref)
    elif kind in (MessageKind.INSTRUCTION, MessageKind.DELEGATION):
        contracts = sender.session.contracts
        contract = contracts.get(record.contract) if contracts and record.contract else None
        recipient.ceiling &= sender.ceiling if contract is None else contract.effective


def _remember_claims(record: MessageRecord, sender: Instance, recipient: Instance) -> None:
    session = sender.session
    if session.claims is None:
        session.claims = {}
    for claim_id, _, confidence, derived, sources in record.claims:
        primary = set(sources)
        for parent in derived:
            known = session.claims.get(parent)
            if known is not None:
                primary |= known[1]
        session.claims[claim_id] = (confidence, frozenset(primary))
        recipient.claim_floor = min(recipient.claim_floor, confidence)


def apply_admit(
    state: PlaneState, rules: Rulebook, contracts: Contracts, record: AdmitRecord
) -> list[Instance]:
    """Create the instances; keys are set by the caller, who derives them (a replay has none)."""
    if record.outcome == Outcome.DENY:
        return []
    serials = state.serials
    for _ in range(SERIALS_LOOKED_AT):
        if not serials:
            break
        oldest = next(iter(serials))
        if serials[oldest] > record.now:
            serials.move_to_end(oldest)  # a port's, which lives for long, must not keep all behind it
        else:
            del serials[oldest]
    serials[record.serial] = record.not_after
    session = state.sessions.get(record.session)
    if session is None:
        session = state.sessions[record.session] = Session(record.session)
    built = []
    for nhi, type_index, number, public_key in record.members:
        instance = Instance(nhi, rules.types[type_index], session, number)
        instance.not_before = record.not_before
        instance.not_after = record.not_after
        instance.public_key = public_key
        state.instances[nhi] = instance
        session.instances.append(instance)
        built.append(instance)
    contracts.policy.admitted(built)
    return built


def apply_contract(state: PlaneState, contracts: Contracts, record: ContractRecord) -> None:
    if record.outcome == Outcome.DENY:
        # Anybody can send bytes: like a forged message, it counts against where it came by.
        state.channel(record.channel).count_failure(record.now)
        return
    contract = decode_contract(record.contract)
    source = state.instances[contract.source]
    target = state.instances[contract.target]
    session = source.session
    if session.contracts is None:
        session.contracts = {}
    if record.id in session.contracts:
        return  # registered twice: it is the same contract
    parent = session.contracts.get(contract.parent) if contract.parent else None
    effective = contract.permits & target.type.authority
    effective &= source.ceiling & source.type.authority if parent is None else parent.effective
    live_until = contract.not_after if parent is None else min(contract.not_after, parent.live_until)
    edge = (source.type.index, target.type.index)
    session.contracts[record.id] = ContractState(contract, edge, parent, effective, live_until)
    contracts.graph.add(*edge)


def apply_endorse(state: PlaneState, record: EndorseRecord) -> None:
    session = state.sessions.get(record.session)
    if session is None or session.closed or not record.granted:
        return
    if session.endorsements is None:
        session.endorsements = {}
    endorsement = session.endorsements.get(record.digest)
    if endorsement is None:
        endorsement = session.endorsements[record.digest] = Endorsement()
    endorsement.add(record.kind, record.not_after)


def apply_document(state: PlaneState, record: DocumentRecord) -> None:
    state.documents[record.port, record.document] = DocumentVersion(record.version, record.sha256, record.now)


def apply_end(state: PlaneState, contracts: Contracts, record: EndRecord) -> None:
    if record.what == "purge":
        for nhi in record.nhis:
            _purge(state.instances[nhi])
        return
    for nhi in record.nhis:
        instance = state.instances.pop(nhi)
        instance.alive = False
        instance.key = b""
        if state.gates:  # its own gates end with it, or a churning fleet would keep them all
            for what in ("phase", "stage"):
                state.gates.pop((what, f"instance:{nhi}"), None)
        _end_contracts(instance, contracts)
        contracts.policy.ended(instance)
        if instance.session.number:
            instance.session.instances.remove(instance)
    if record.what == "close":
        session = state.sessions.pop(record.session)
        state.gates.pop(("stage", f"session:{record.session}"), None)
        state.gates.pop(("phase", f"session:{record.session}"), None)
        session.closed = True
        session.contracts = session.endorsements = session.claims = None
        session.label = 0


def _purge(instance: Instance) -> None:
    instance.context = instance.memory
    instance.delivered = ()
    if instance.memory:
        return  # what it noted may hold what it was told: ceiling, sources and uncertainty stay
    instance.ceiling = instance.type.authority
    instance.claim_floor = CONFIDENCE_MAX
    instance.received = b""
    instance.sources = None


def _end_contracts(instance: Instance, contracts: Contracts) -> None:
    """Contracts die with either party, and everything delegated under them with them."""
    held = instance.session.contracts
    if not held:
        return
    for state in held.values():
        link: ContractState | None = state
        while link is not None and not state.revoked:
            if instance.nhi in (link.contract.source, link.contract.target):
                state.revoked = True
            link = link.parent
    for number in [number for number, state in held.items() if state.revoked]:
        contracts.graph.remove(*held.pop(number).edge)


def apply_gate(state: PlaneState, rules: Rulebook, record: GateRecord) -> None:
    if record.outcome == Outcome.DENY:
        return
    if record.what == "phase" and record.share_milli < FULL_MILLI:
        state.returns[record.scope] = (record.value, record.share_milli)
    else:
        state.returns.pop(record.scope, None)
        state.gates[record.what, record.scope] = record.value
    if record.what == "stage" and record.scope == "system":
        state.stage = record.value
    level, _, name = record.scope.partition(":")
    if level == "instance":
        instance = state.instances.get(int(name))
        if instance is not None:
            instance.gate = _gate_of(state, record.scope)
    elif level == "session":
        session = state.sessions.get(int(name))
        if session is not None:
            session.gate = _gate_of(state, record.scope)
    else:
        _apply_to_types(state, rules)


def _apply_to_types(state: PlaneState, rules: Rulebook) -> None:
    """The most restrictive of the scopes over each type."""
    scopes = {place.id: place.scopes for place in places(rules.fleet)}
    for rule in rules.types:
        if rule.is_port:
            # A port has no phase, and its answers still arrive in a drain; when all ends, it ends too.
            state.type_gates[rule.index] = state.gates.get(("stage", SYSTEM), 0) << STAGE_SHIFT
            continue
        gate = 0
        for scope in scopes[rule.id]:
            gate = join_gates(gate, _gate_of(state, scope))
        state.type_gates[rule.index] = gate
        state.type_returns[rule.index] = _returns(state, rule)


def _returns(state: PlaneState, rule: TypeRules) -> tuple[tuple[str, int, int, int], ...]:
    """(scope, phase, better phase, share of the sessions that are in it) of each, while one comes back."""
    scopes = ("system", f"cluster:{rule.cluster}", f"type:{rule.id}")
    if not state.returns or not any(scope in state.returns for scope in scopes):
        return ()
    phases = ((scope, state.gates.get(("phase", scope), 0)) for scope in scopes)
    return tuple((scope, phase, *state.returns.get(scope, (phase, FULL_MILLI))) for scope, phase in phases)


def _gate_of(state: PlaneState, scope: str) -> int:
    return state.gates.get(("phase", scope), 0) | state.gates.get(("stage", scope), 0) << STAGE_SHIFT
