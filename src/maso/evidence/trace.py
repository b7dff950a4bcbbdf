"""OB-3.5 decision traceability: the whole chain behind one decision, from the records alone.

Two passes over the evidence: one finds the record, one collects what happened in its session before it.
The chain of a message is: who sent it, under which credential and contracts; which endorsements it used;
everything that was in its sender's context (delivered since the last purge), of which the declared
parents are marked; and so on upwards, to what came in through ports. What was delivered into a context
counts as a cause whether or not the sender declared it, as it does for labels.

Not here: texts (payloads are not kept) and names of types and actions (the fleet file has them; records
hold its numbers).
"""

from collections.abc import Callable, Iterable, Iterator

import msgspec

from maso.evidence.records import (
    AdmitRecord,
    ContractRecord,
    EndorseRecord,
    EndRecord,
    MessageRecord,
    Record,
    decode_record,
)
from maso.verdict import Outcome

# A chain of 12 handoffs over 4 clusters is F1's longest; beyond twice that the tree says that it goes on.
DEPTH_MAX = 24
# A context of more than 64 deliveries is shown by its last 64, and says so.
CAUSES_MAX = 64

Bodies = Callable[[], Iterable[tuple[int, bytes]]]


class Party(msgspec.Struct, frozen=True):
    """An instance or port as the evidence knows it. type_index: position in the fleet's types, then ports."""

    nhi: int
    type_index: int
    number: int
    session: int
    admitted: int


class Cause(msgspec.Struct, frozen=True):
    """One envelope that stood in the sender's context; `declared` if the sender named it as a parent."""

    ref: int
    declared: bool
    message: "Chain | None"  # None where the tree was cut, or where it is shown elsewhere in it


class Chain(msgspec.Struct, frozen=True):
    """One message with everything that stands behind it."""

    ref: int
    record: MessageRecord
    sender: Party | None
    recipient: Party | None
    contracts: tuple[tuple[int, ContractRecord], ...]
    endorsements: tuple[tuple[int, EndorseRecord], ...]
    settles: int  # the record in which it was first held; 0 if it never was
    settled_by: int  # the record that decided it after it was held; 0 if none did
    causes: tuple[Cause, ...]
    causes_left_out: int


class _Past(msgspec.Struct):
    """What a session's records say, up to the end of the run."""

    parties: dict[int, Party]
    messages: dict[int, MessageRecord]
    contexts: dict[int, tuple[int, ...]]  # message -> refs in its sender's context when it was decided
    contracts: dict[int, tuple[int, ContractRecord]]
    endorsements: list[tuple[int, EndorseRecord]]
    settled: dict[int, int]


def decoded(bodies: Iterable[tuple[int, bytes]]) -> Iterator[tuple[int, Record]]:
    """Records with their numbers; raises msgspec.DecodeError for a body that is no record."""
    for number, body in bodies:
        yield number, decode_record(body)


def find(bodies: Bodies, ref: int) -> Record | None:
    """The record with this number, if there is one."""
    for number, body in bodies():
        if number == ref:
            return decode_record(body)
    return None


def explain(bodies: Bodies, ref: int) -> Chain | None:
    """The chain behind message `ref`; None if there is no such record, or it is not about a message.

    bodies: called twice; each call yields (number, body) of every record from the start.
    """
    record = find(bodies, ref)
    if not isinstance(record, MessageRecord):
        return None
    past = _collect(bodies(), record)
    return _chain(past, ref, set(), 0)


def _collect(bodies: Iterable[tuple[int, bytes]], target: MessageRecord) -> _Past:
    past = _Past({}, {}, {}, {}, [], {})
    contexts: dict[int, tuple[int, ...]] = {}
    for number, record in decoded(bodies):
        match record:
            case AdmitRecord(session=session) if session in (0, target.session):
                _note_admission(past, number, record)
            case MessageRecord() if record.session == target.session:
                _note_message(past, contexts, number, record)
            case ContractRecord() if record.outcome == Outcome.ALLOW:
                past.contracts[record.id] = (number, record)
            case EndorseRecord() if record.session == target.session:
                past.endorsements.append((number, record))
            case EndRecord(what="purge"):
                for nhi in record.nhis:
                    contexts.pop(nhi, None)
            case _:
                pass
    return past


def _note_admission(past: _Past, number: int, record: AdmitRecord) -> None:
    for nhi, type_index, instance, _ in record.members:
        past.parties[nhi] = Party(nhi, type_index, instance, record.session, number)


def _note_message(
    past: _Past, contexts: dict[int, tuple[int, ...]], number: int, record: MessageRecord
) -> None:
    past.messages[number] = record
    past.contexts[number] = contexts.get(record.sender, ())
    if record.hold:
        past.settled[record.hold] = number
    party = past.parties.get(record.recipient)
    if party is None or not party.session:
        return  # a port serves everybody: what was sent out through it is no cause of what comes in
    if record.outcome <= Outcome.REDACT and record.recipient != record.sender:
        contexts[record.recipient] = (*contexts.get(record.recipient, ()), number)


def _chain(past: _Past, ref: int, shown: set[int], depth: int) -> Chain:
    shown.add(ref)
    record = past.messages[ref]
    context = past.contexts[ref]
    kept = context[-CAUSES_MAX:]
    causes = tuple(_cause(past, cause, record, shown, depth) for cause in kept)
    return Chain(
        ref,
        record,
        past.parties.get(record.sender),
        past.parties.get(record.recipient),
        _contract_chain(past, record.contract),
        _endorsements(past, ref, record),
        record.hold,
        past.settled.get(ref, 0),
        causes,
        len(context) - len(kept),
    )


def _cause(past: _Past, ref: int, record: MessageRecord, shown: set[int], depth: int) -> Cause:
    declared = ref in record.parents
    if ref in shown or depth >= DEPTH_MAX:
        return Cause(ref, declared, None)
    return Cause(ref, declared, _chain(past, ref, shown, depth + 1))


def _contract_chain(past: _Past, contract: int) -> tuple[tuple[int, ContractRecord], ...]:
    """From the contract that was used up to the root."""
    chain: list[tuple[int, ContractRecord]] = []
    while contract in past.contracts:
        entry = past.contracts[contract]
        if entry in chain:
            break
        chain.append(entry)
        contract = msgspec.msgpack.decode(entry[1].contract)[8]
    return tuple(chain)


def _endorsements(past: _Past, ref: int, record: MessageRecord) -> tuple[tuple[int, EndorseRecord], ...]:
    if not record.action_digest:
        return ()
    return tuple(e for e in past.endorsements if e[1].digest == record.action_digest and e[0] < ref)
