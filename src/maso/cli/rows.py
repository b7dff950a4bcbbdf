"""One record of the evidence as one line of names: for `ls`, and for saying where something went wrong.

A row says what the record is about with the names of the fleet file; texts are not kept, so none is shown.
Records about anything else than a message, a credential or a contract make no row: `explain` shows them.
"""

from typing import Any, Final, NamedTuple

import msgspec

from maso.cli.names import Names, Parties, session_text
from maso.contract import decode_contract
from maso.envelope import KIND_NAMES, MessageKind
from maso.evidence.records import AdmitRecord, ContractRecord, MessageRecord, Record
from maso.sim.adversaries.ground import HOSTILE_CHANNELS_FROM, HOSTILE_SESSIONS_FROM
from maso.verdict import OUTCOME_NAMES, Outcome

CLAIMED: Final = " (claimed)"  # behind a sender that nobody proved


class Row(NamedTuple):
    """One record for the list. `recipient`, `action` and `session` are empty where it has none.

    honest   it came from no session and no channel of an adversary; a refused credential proves neither
    """

    ref: int
    now: int
    decision: str
    session: int
    sender: str
    recipient: str
    what: str
    action: str
    honest: bool
    findings: tuple[tuple[str, str], ...]

    @property
    def way(self) -> str:
        """The names of the two types, `cart > payment`; of the sender alone where nobody receives it."""
        return f"{self.sender} > {self.recipient}" if self.recipient else self.sender


def row_of(number: int, record: Record, names: Names, parties: Parties) -> Row | None:
    """`parties` must know the admissions before this record, and learns this one."""
    match record:
        case MessageRecord():
            return _message(number, record, names, parties)
        case AdmitRecord():
            parties.note(record)
            return _credential(number, record, parties)
        case ContractRecord():
            return _contract(number, record, parties)
    return None


def _credential(number: int, record: AdmitRecord, parties: Parties) -> Row:
    count = len(record.members)
    who = parties.name(record.members[0][0]) if count == 1 else f"{count} agents"
    honest = record.session < HOSTILE_SESSIONS_FROM and record.outcome != Outcome.DENY
    decision = outcome_text(record.outcome)
    sender = who if count else "unknown"
    return Row(
        number, record.now, decision, record.session, sender, "", "credential", "", honest, record.findings
    )


def _contract(number: int, record: ContractRecord, parties: Parties) -> Row:
    """Of a refused contract nothing but the reason is kept."""
    session, source, target = 0, "", ""
    if record.contract:
        try:
            contract = decode_contract(record.contract)
            session = contract.session
            source, target = (_of(nhi, parties) for nhi in (contract.source, contract.target))
        except (msgspec.DecodeError, ValueError):
            source = "unreadable"
    honest = record.channel < HOSTILE_CHANNELS_FROM
    decision = outcome_text(record.outcome)
    return Row(number, record.now, decision, session, source, target, "contract", "", honest, record.findings)


def _message(number: int, record: MessageRecord, names: Names, parties: Parties) -> Row:
    what, action = KIND_NAMES.get(record.kind, "unreadable"), ""
    if record.action:
        action = names.action(record.action)
        what = action if record.kind == MessageKind.ACTION else f"answer to {action}"
    # Who is named in a message that was not authenticated need not have sent it.
    claimed = "" if record.authenticated or not record.sender else CLAIMED
    return Row(
        number,
        record.now,
        outcome_text(record.outcome),
        record.session,
        _of(record.sender, parties) + claimed,
        _of(record.recipient, parties) if record.recipient else "",
        what,
        action,
        record.session < HOSTILE_SESSIONS_FROM and record.channel < HOSTILE_CHANNELS_FROM,
        record.findings,
    )


def _of(nhi: int, parties: Parties) -> str:
    return parties.type_of(nhi) or parties.name(nhi)


def outcome_text(outcome: int) -> str:
    return OUTCOME_NAMES.get(outcome, str(outcome))


def row_document(row: Row) -> dict[str, Any]:
    return {
        "ref": row.ref,
        "at_ns": row.now,
        "decision": row.decision,
        "session": session_text(row.session) or None,
        "sender": row.sender,
        "recipient": row.recipient,
        "what": row.what,
        "action": row.action or None,
        "honest": row.honest,
        "findings": [{"code": code, "detail": detail} for code, detail in row.findings],
    }
