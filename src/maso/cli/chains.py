"""The chain behind one decision as plain data with names: what `explain` shows of a message."""

from typing import Any

from maso.cli.names import Names, Parties, channel_text, reason_of, session_text
from maso.clock import clock_text
from maso.contract import decode_contract
from maso.controls.endorse import ENDORSER_NAMES
from maso.envelope import KIND_NAMES
from maso.evidence.records import ContractRecord, EndorseRecord
from maso.evidence.trace import Chain, Party
from maso.identity import nhi_text
from maso.labels import COMPARTMENT_SHIFT
from maso.scan.signals import Kind
from maso.verdict import OUTCOME_NAMES


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
        "session": session_text(record.session) or None,
        "sequence": record.seq,
        "channel": channel_text(record.channel),
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
        "findings": findings_document(record.findings),
        "asked": endorsers(record.ask) or None,
        "first_held_as": chain.settles or None,
        "decided_as": chain.settled_by or None,
        "contracts": [contract_document(n, contract, names, parties) for n, contract in chain.contracts],
        "endorsements": [endorsement_document(n, endorsement) for n, endorsement in chain.endorsements],
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


def findings_document(findings: tuple[tuple[str, str], ...]) -> list[dict[str, str]]:
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


def contract_document(number: int, record: ContractRecord, names: Names, parties: Parties) -> dict[str, Any]:
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
        "findings": findings_document(record.findings),
    }


def endorsement_document(number: int, record: EndorseRecord) -> dict[str, Any]:
    return {
        "record": number,
        "by": endorsers(record.kind),
        "granted": record.granted,
        "at": clock_text(record.now),
        "not_after": clock_text(record.not_after),
    }


def endorsers(bits: int) -> str:
    return ", ".join(name for bit, name in ENDORSER_NAMES.items() if bits & bit)


def _kinds(bits: int) -> list[str]:
    return [kind.name.lower() for kind in Kind if bits & kind and kind.name]


def _compartments(bits: int, names: Names) -> list[str]:
    held = bits >> COMPARTMENT_SHIFT
    return [name for i, name in enumerate(names.compartments) if held >> i & 1]
