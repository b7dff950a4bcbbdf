"""The state of a plane, rebuilt from its records: the same `apply_*` functions, no payloads, keys or scans.

What comes back is everything that a decision depends on: who lives, labels, sequence numbers, contracts,
endorsements, budgets, gates. Not rebuilt: MAC keys (the authority derives them again), the payloads of
held messages (they are refused after a crash), and the digits that a fragment window holds (card data is
not kept; the window starts empty).
"""

import hashlib
from collections.abc import Iterable

import msgspec

from maso.controls.contracts import Contracts
from maso.controls.state import Instance, PlaneState, Session
from maso.evidence.records import (
    AdmitRecord,
    ContractRecord,
    DocumentRecord,
    EndorseRecord,
    EndRecord,
    GateRecord,
    MessageRecord,
    Record,
    decode_record,
)
from maso.fleet.rulebook import Rulebook
from maso.plane import apply
from maso.scan.signals import CLEAN, Signals

_encode = msgspec.msgpack.Encoder(order="deterministic").encode


def rebuild(rules: Rulebook, bodies: Iterable[tuple[int, bytes]]) -> PlaneState:
    """Apply (number, body) of every record in order. Raises msgspec.DecodeError for what is no record."""
    state = PlaneState(len(rules.types))
    contracts = Contracts(rules, state, _no_scan)
    for number, body in bodies:
        replay_one(state, contracts, rules, number, decode_record(body))
    return state


def _no_scan(digest: bytes, content: bytes) -> Signals:
    """What was recorded as accepted was scanned then."""
    return CLEAN


def replay_one(state: PlaneState, contracts: Contracts, rules: Rulebook, number: int, record: Record) -> None:
    match record:
        case MessageRecord():
            sender = state.instances.get(record.sender) if record.authenticated else None
            apply.apply_message(state, record, number, sender, state.instances.get(record.recipient))
        case AdmitRecord():
            apply.apply_admit(state, rules, contracts, record)
        case ContractRecord():
            apply.apply_contract(state, contracts, record)
        case EndorseRecord():
            apply.apply_endorse(state, record)
        case DocumentRecord():
            apply.apply_document(state, record)
        case EndRecord():
            apply.apply_end(state, contracts, record)
        case GateRecord():
            apply.apply_gate(state, rules, record)
        case _:
            pass  # the start record changes nothing


def state_digest(state: PlaneState) -> bytes:
    """SHA-256 over all that decisions depend on, in a fixed order."""
    digest = hashlib.sha256()
    for nhi in sorted(state.instances):
        digest.update(_encode(_instance(state.instances[nhi])))
    for number in sorted(state.sessions):
        digest.update(_encode(_session(state.sessions[number])))
    for channel in sorted(state.channels):
        c = state.channels[channel]
        digest.update(_encode((channel, c.failures, c.since, c.closed_until)))
    for key in sorted(state.documents):
        d = state.documents[key]
        digest.update(_encode((key, d.version, d.sha256, d.ingested)))
    digest.update(
        _encode(
            (
                sorted(state.gates.items()),
                sorted(state.returns.items()),
                state.type_gates,
                state.type_returns,
                state.stage,
            )
        )
    )
    digest.update(_encode(sorted(state.serials.items())))
    return digest.digest()


def _instance(i: Instance) -> tuple[object, ...]:
    return (
        i.nhi, i.type.id, i.session.number, i.number, i.not_before, i.not_after, i.last_seq, i.context,
        i.memory, _wide(i.ceiling), i.gate, i.paused_until, i.blocks, i.blocks_since, i.turns, i.tokens,
        i.retries, i.last_action, i.last_digest, i.repeats, i.delivered, i.claim_floor,
        sorted(i.sources or ()), i.received,
    )  # fmt: skip


def _session(s: Session) -> tuple[object, ...]:
    contracts = [
        (number, _wide(c.effective), c.live_until, c.depth)
        for number, c in sorted((s.contracts or {}).items())
    ]
    endorsements = [(d, e.customer, e.facts, e.person) for d, e in sorted((s.endorsements or {}).items())]
    claims = [(number, c, sorted(sources)) for number, (c, sources) in sorted((s.claims or {}).items())]
    return (s.number, s.label, s.gate, s.holds, contracts, endorsements, claims)


def _wide(bits: int) -> bytes:
    """A bitset as bytes: fleets may have more actions than a machine integer has bits."""
    return bits.to_bytes((bits.bit_length() + 7) // 8 or 1, "big")
