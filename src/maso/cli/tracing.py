"""`explain`: the chain behind one decision as plain data with names, for the screen and for programs."""

from pathlib import Path
from typing import Any

import msgspec

from maso.cli.arguments import whole_number
from maso.cli.ending import Stop, nothing
from maso.cli.evidence import run_directory
from maso.cli.names import Names, Parties, names_of, parties_of, reason_of, records_of
from maso.cli.screen import Screen
from maso.clock import clock_text
from maso.contract import decode_contract
from maso.controls.endorse import ENDORSER_NAMES
from maso.envelope import KIND_NAMES
from maso.evidence.format import EvidenceError
from maso.evidence.read import read
from maso.evidence.records import AdmitRecord, ContractRecord, EndorseRecord, Record
from maso.evidence.trace import Chain, Party, explain
from maso.identity import nhi_text
from maso.labels import COMPARTMENT_SHIFT
from maso.scan.signals import Kind
from maso.verdict import OUTCOME_NAMES


def explain_command(run_dir: str, envelope: str, as_json: bool) -> None:
    screen = Screen(as_json)
    ref = whole_number("ENVELOPE", envelope, 0, 2**63 - 1)
    path = run_directory(run_dir)
    names = names_of(path)
    try:
        chain = explain(lambda: read(path), ref)
    except (EvidenceError, msgspec.DecodeError) as error:
        raise _damaged(error) from None
    if chain is None:
        _explain_other(screen, path, names, ref)
        return
    document = chain_document(chain, names, parties_of(path, names))
    screen.emit("maso.explain/1", document)
    if not as_json:
        from maso.report.chain import chain_tree

        screen.show(chain_tree(document))


def _damaged(error: Exception) -> Stop:
    from maso.cli.ending import UNVERIFIED

    what = str(error) if isinstance(error, EvidenceError) else "a record cannot be read"
    return Stop(UNVERIFIED, what, "the evidence is damaged; `maso verify` says where")


def _explain_other(screen: Screen, path: Path, names: Names, ref: int) -> None:
    """A record that is not about a message: what it says, without a chain."""
    last = -1
    for number, record in records_of(path):
        last = number
        if number == ref:
            document = _other_document(number, record, names, path)
            screen.emit("maso.explain/1", document)
            if not screen.as_json:
                from maso.report.chain import other_tree

                screen.show(other_tree(document))
            return
    raise nothing(f"there is no record {ref}; legal: 0 to {last}, `maso ls` finds them")


def _other_document(number: int, record: Record, names: Names, path: Path) -> dict[str, Any]:
    document: dict[str, Any] = {
        "ref": number,
        "record": type(record).__name__.removesuffix("Record").lower(),
        "at_ns": getattr(record, "now", 0),
        "at": clock_text(getattr(record, "now", 0)),
    }
    if isinstance(record, AdmitRecord | ContractRecord):
        document["decision"] = OUTCOME_NAMES.get(record.outcome, str(record.outcome))
        document["findings"] = _findings(record.findings)
    if isinstance(record, AdmitRecord):
        document["session"] = record.session
        document["members"] = [
            {"type": names.of_type(index), "number": n, "nhi": nhi_text(nhi)}
            for nhi, index, n, _ in record.members
        ]
    elif isinstance(record, ContractRecord) and record.contract:
        document["contract"] = _contract(number, record, names, parties_of(path, names))
    elif isinstance(record, EndorseRecord):
        document["endorsement"] = _endorsement(number, record)
    return document


def chain_document(chain: Chain, names: Names, parties: Parties) -> dict[str, Any]:
    record = chain.record
    what = KIND_NAMES.get(record.kind, "unreadable")
    return {
        "ref": chain.ref,
        "record": "message",
        "at_ns": record.now,
        "at": clock_text(record.now),
        "decision": OUTCOME_NAMES.get(record.outcome, str(record.outcome)),
        "kind": what,
        "action": names.action(record.action) if record.action else None,
        "session": record.session,
        "sequence": record.seq,
        "channel": record.channel,
        "authenticated": record.authenticated,
        "sender": _party(chain.sender, record.sender, names),
        "recipient": _party(chain.recipient, record.recipient, names),
        "label": names.label(record.label) if record.kind else None,
        "declassified": _compartments(record.shed, names),
        "found": _kinds(record.signals),
        "hidden": _kinds(record.hidden),
        "bytes": record.size,
        "payload_digest": record.digest.hex(),
        "excerpt": record.excerpt.decode("utf-8", "replace") or None,
        "findings": _findings(record.findings),
        "asked": _endorsers(record.ask) or None,
        "first_held_as": chain.settles or None,
        "decided_as": chain.settled_by or None,
        "contracts": [_contract(number, contract, names, parties) for number, contract in chain.contracts],
        "endorsements": [_endorsement(number, endorsement) for number, endorsement in chain.endorsements],
        "declared_parents": list(record.parents),
        "causes": [
            {
                "ref": cause.ref,
                "declared": cause.declared,
                "message": chain_document(cause.message, names, parties)
                if cause.message is not None
                else None,
            }
            for cause in chain.causes
        ],
        "causes_left_out": chain.causes_left_out,
    }


def _party(party: Party | None, nhi: int, names: Names) -> dict[str, Any] | None:
    if party is None:
        return {"nhi": nhi_text(nhi), "type": None, "number": None, "admitted_by": None} if nhi else None
    return {
        "nhi": nhi_text(party.nhi),
        "type": names.of_type(party.type_index),
        "number": party.number,
        "admitted_by": party.admitted,
    }


def _findings(findings: tuple[tuple[str, str], ...]) -> list[dict[str, str]]:
    return [
        {
            "code": code,
            "control": (reason := reason_of(code)).control,
            "text": reason.text,
            "remedy": reason.remedy,
            "detail": detail,
        }
        for code, detail in findings
    ]


def _contract(number: int, record: ContractRecord, names: Names, parties: Parties) -> dict[str, Any]:
    contract = decode_contract(record.contract)
    return {
        "record": number,
        "id": f"{record.id:016x}",
        "source": parties.name(contract.source),
        "target": parties.name(contract.target),
        "permits": names.actions_in(contract.permits),
        "resource": contract.resource or None,
        "not_after": clock_text(contract.not_after),
        "parent": f"{contract.parent:016x}" if contract.parent else None,
        "findings": _findings(record.findings),
    }


def _endorsement(number: int, record: EndorseRecord) -> dict[str, Any]:
    return {
        "record": number,
        "by": _endorsers(record.kind),
        "granted": record.granted,
        "at": clock_text(record.now),
        "not_after": clock_text(record.not_after),
    }


def _endorsers(bits: int) -> str:
    return ", ".join(name for bit, name in ENDORSER_NAMES.items() if bits & bit)


def _kinds(bits: int) -> list[str]:
    return [kind.name.lower() for kind in Kind if bits & kind and kind.name]


def _compartments(bits: int, names: Names) -> list[str]:
    held = bits >> COMPARTMENT_SHIFT
    return [name for i, name in enumerate(names.compartments) if held >> i & 1]
