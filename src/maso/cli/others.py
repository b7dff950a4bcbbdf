"""`explain` of a record that is about no message: what it is, and its fields in the names of the fleet file.

Such a record has no chain: nobody sent it. What it changed shows in the messages after it.
"""

from pathlib import Path
from typing import Any, Final

from maso.cli.chains import contract_document, endorsement_document, endorsers, findings_document
from maso.cli.names import Names, Parties, channel_text, parties_of, session_text
from maso.cli.rows import outcome_text
from maso.clock import clock_text
from maso.evidence.records import (
    AdmitRecord,
    ContractRecord,
    DocumentRecord,
    EndorseRecord,
    EndRecord,
    GateRecord,
    Record,
    StartRecord,
)
from maso.identity import nhi_text
from maso.resilience.pace import PHASE_NAMES
from maso.resilience.ramp import FULL_MILLI
from maso.resilience.shutdown import STAGE_NAMES
from maso.verdict import Outcome

_ENDS: Final = {
    "revoke": "instances were shut out before their time",
    "retire": "instances ended, their work done",
    "close": "a session ended, and with it all its instances",
    "purge": "the context of an instance was emptied; the instance goes on",
}
_GATES: Final = {"phase": PHASE_NAMES, "stage": STAGE_NAMES}


def other_document(number: int, record: Record, names: Names, path: Path) -> dict[str, Any]:
    kind, meaning, fields = _told(record, names, parties_of(path, names))
    now = getattr(record, "now", 0)
    document: dict[str, Any] = {
        "ref": number,
        "record": kind,
        "means": meaning,
        "at_ns": now,
        "at": clock_text(now),
        "fields": {name: text for name, text in fields.items() if text},
    }
    if isinstance(record, AdmitRecord | ContractRecord):
        document["decision"] = outcome_text(record.outcome)
        document["findings"] = findings_document(record.findings)
    match record:
        case AdmitRecord():
            document["session"] = session_text(record.session) or None
            document["members"] = [
                {"type": names.of_type(index), "number": n, "nhi": nhi_text(nhi)}
                for nhi, index, n, _ in record.members
            ]
        case ContractRecord() if record.contract:
            document["contract"] = contract_document(number, record, names, parties_of(path, names))
        case EndorseRecord():
            document["endorsement"] = endorsement_document(number, record)
    return document


def _told(record: Record, names: Names, parties: Parties) -> tuple[str, str, dict[str, str]]:
    """What sort of record it is, what that means, and its fields as text."""
    match record:
        case AdmitRecord():
            return "admission", *_admission(record)
        case ContractRecord():
            return "contract", *_contract(record)
        case EndorseRecord():
            return "endorsement", *_endorsement(record)
        case DocumentRecord():
            port = parties.type_of(record.port) or names.of_type(record.port)
            said = {"port": port, "document": record.document, "version": str(record.version)}
            return (
                "document",
                "a document was ingested and signed; what differs from it is refused",
                {**said, "sha-256": record.sha256.hex()},
            )
        case EndRecord():
            who = ", ".join(parties.name(nhi) for nhi in record.nhis)
            said = {"how": record.what, "session": session_text(record.session), "who": who}
            return "end", _ENDS.get(record.what, "instances ended"), said
        case GateRecord():
            return "gate", *_gate(record, parties)
        case StartRecord():
            said = {"fleet": record.fleet, "sha-256": record.sha256.hex(), "by maso": record.maso_version}
            return "start", "the plane began to enforce this fleet file", said
    return "message", "a message", {}  # `explain` shows its chain instead


def _admission(record: AdmitRecord) -> tuple[str, dict[str, str]]:
    refused = record.outcome == Outcome.DENY
    meaning = "a credential was refused" if refused else "a credential was accepted: these may speak"
    if refused and not record.members:
        return meaning, {}
    said = {"session": session_text(record.session) or "none, since ports serve every session"}
    return meaning, {
        **said,
        "serial": str(record.serial),
        "holds": f"from {clock_text(record.not_before)} until {clock_text(record.not_after)}",
    }


def _contract(record: ContractRecord) -> tuple[str, dict[str, str]]:
    said = {"channel": channel_text(record.channel)}
    if record.outcome == Outcome.DENY:
        return "a delegation contract was refused; nothing of it is kept", said
    return "a delegation contract is in force", said


def _endorsement(record: EndorseRecord) -> tuple[str, dict[str, str]]:
    meaning = "somebody outside the agents vouched for an action"
    if not record.granted:
        meaning = "somebody outside the agents would not vouch for an action"
    return meaning, {
        "by": endorsers(record.kind),
        "session": session_text(record.session),
        "about": f"envelope {record.hold}, which was held for it" if record.hold else "an action to come",
        "action digest": record.digest.hex(),
    }


def _gate(record: GateRecord, parties: Parties) -> tuple[str, dict[str, str]]:
    known = _GATES.get(record.what, ())
    value = known[record.value] if 0 <= record.value < len(known) else str(record.value)
    refused = record.outcome == Outcome.DENY
    meaning = "somebody set what may go on from here"
    if refused:
        meaning = "refused: nothing has this name, or nobody who may has decided it"
    said = {
        "sets": "the PACE phase" if record.what == "phase" else "the shutdown stage",
        "to": value,
        "for": _scope(record.scope, parties),
    }
    if record.share_milli < FULL_MILLI:
        said["of its sessions"] = f"{record.share_milli / 10:g}%, the rest stays where it was"
    if record.why:
        said["why"] = record.why
    if record.by:
        said["decided by"] = record.by
    return meaning, said


def _scope(scope: str, parties: Parties) -> str:
    """`session:1099511627784` as `session h8`, an instance by its name."""
    level, _, name = scope.partition(":")
    if level == "session" and name.isdigit():
        return f"session {session_text(int(name))}"
    if level == "instance" and name.isdigit():
        return f"instance {parties.name(int(name))}"
    return f"{level} {name}" if name else "the whole system" if scope == "system" else scope
