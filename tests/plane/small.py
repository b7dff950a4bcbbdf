"""A fleet of three types that has every kind of rule once, and a rig that speaks to a plane in its name."""

import hashlib
import json
from typing import Any

import msgspec

from maso.clock import MINUTE, SECOND
from maso.contract import DelegationContract, encode_contract, sign_contract
from maso.controls.rag import Ingestion
from maso.envelope import Envelope, MessageKind, seal
from maso.evidence.records import Record, decode_record
from maso.fleet.model import Fleet
from maso.fleet.rulebook import Rulebook
from maso.identity import Authority
from maso.labels import SOURCE_BITS
from maso.plane.effects import Admitted, Effect, Refuse
from maso.plane.events import Admit, IngestDocument, RegisterContract
from maso.plane.plane import Keys, Plane
from maso.scan.injection import InjectionDetector
from maso.scan.scanner import Scanner

INTERNAL = {"level": "internal"}
SMALL: dict[str, Any] = {
    "fleet": "small",
    "kind": "depth",
    "compartments": [{"id": "pci"}, {"id": "pii"}, {"id": "deal", "barrier": True}],
    "schemas": [
        {"id": "chat", "fields": {"text": {"type": "text", "max": 2000}}},
        {"id": "pages", "fields": {"docs": {"type": "documents"}}},
        {"id": "pay_form", "fields": {"card": {"type": "card"}}},
        {"id": "note", "fields": {"text": {"type": "text", "max": 2000}}},
        {"id": "order", "fields": {"basket": {"type": "id"}, "total": {"type": "money", "max": 10_000_00}}},
        {"id": "pay", "fields": {"order": {"type": "id"}, "amount": {"type": "money", "max": 10_000_00}}},
        {"id": "done", "fields": {"ok": {"type": "bool"}, "code": {"type": "enum", "values": ["a", "b"]}}},
        {"id": "find", "fields": {"query": {"type": "text", "max": 500}}},
    ],
    "ports": [
        {"id": "customer_chat", "source": "customer", "label": INTERNAL},
        {
            "id": "form",
            "source": "customer",
            "label": {"level": "restricted", "compartments": ["pci"]},
        },
        {"id": "catalogue", "source": "rag", "signed": True, "fresh_minutes_max": 60},
        {"id": "web", "source": "web"},
        {"id": "shop", "source": "tool"},
        {
            "id": "psp",
            "source": "tool",
            "clearance": {"level": "restricted", "compartments": ["pci", "pii"]},
        },
    ],
    "actions": [
        {
            "id": "order.create",
            "port": "shop",
            "schema": "order",
            "answer": "done",
            "risk": "high",
            "privileged": True,
            "arguments": {
                "basket": {"sources": [], "endorsed_by": ["customer"]},
                "total": {"sources": [], "endorsed_by": ["customer", "facts"]},
            },
        },
        {
            "id": "payment.authorise",
            "port": "psp",
            "schema": "pay",
            "answer": "done",
            "risk": "critical",
            "irreversible": True,
            "privileged": True,
            "needs_contract": True,
            "judge": 1.0,
            "arguments": {
                "order": {"sources": ["customer"], "endorsed_by": ["facts"]},
                "amount": {"sources": [], "endorsed_by": ["facts"]},
            },
        },
        {"id": "catalogue.search", "port": "shop", "schema": "find", "answer": "done"},
        {
            "id": "ledger.close",
            "port": "shop",
            "schema": "done",
            "privileged": True,
            "arguments": {"ok": {}, "code": {}},
        },
    ],
    "types": [
        {
            "id": "advisor",
            "clearance": {"level": "confidential", "compartments": ["pii"]},
            "actions": ["catalogue.search"],
            "budgets": {"turns": 40, "same_message": 3},
        },
        {
            "id": "cart",
            "clearance": {"level": "confidential", "compartments": ["pii"]},
            "actions": ["order.create", "catalogue.search", "ledger.close"],
            "may_request": ["payment.authorise"],
        },
        {
            "id": "payment",
            "cluster": "money",
            "clearance": {"level": "restricted", "compartments": ["pci", "pii"]},
            "actions": ["payment.authorise"],
        },
    ],
    "links": [
        {
            "from": "customer_chat",
            "to": "advisor",
            "schema": "chat",
            "dlp": {"pan": "redact", "cvv": "redact"},
        },
        {"from": "customer_chat", "to": "cart", "schema": "chat", "dlp": {"pan": "redact", "cvv": "redact"}},
        {"from": "form", "to": "payment", "schema": "pay_form", "dlp": {"pan": "ignore"}},
        {"from": "catalogue", "to": "advisor", "schema": "pages"},
        {"from": "web", "to": "advisor", "schema": "note"},
        {
            "from": "advisor",
            "to": "cart",
            "schema": "note",
            "kinds": ["data", "instruction", "claim"],
            "instruction_sources": ["customer"],
        },
        {"from": "cart", "to": "advisor", "schema": "note", "kinds": ["data", "claim"]},
        {"from": "cart", "to": "payment", "schema": "order", "kinds": ["data", "delegation"]},
        {
            "from": "payment",
            "to": "cart",
            "schema": "done",
            "declassify": ["pci"],
            "owner": "head of payments",
        },
        {"from": "payment", "to": "advisor", "schema": "note"},
        {"from": "cart", "to": "cart", "schema": "note"},
    ],
    "delegations": [{"from": "cart", "to": "payment", "actions": ["payment.authorise"], "minutes_max": 10}],
    "dlp": {"policy": {"pan": "refuse"}, "compartments": {"pan": "pci", "email": "pii", "phone": "pii"}},
}

CHANNEL = 7
ZERO32 = bytes(32)
_scanner: list[Scanner] = []


def scanner() -> Scanner:
    """One scanner for the whole test run: compiling its databases takes longer than most tests."""
    if not _scanner:
        _scanner.append(Scanner(InjectionDetector()))
    return _scanner[0]


class MemoryLog:
    """The log's writing half, in memory."""

    def __init__(self) -> None:
        self.bodies: list[bytes] = []

    def append(self, body: bytes) -> int:
        self.bodies.append(body)
        return len(self.bodies) - 1

    def records(self) -> list[Record]:
        return [decode_record(body) for body in self.bodies]


class Rig:
    """A plane with sessions that the test speaks for."""

    def __init__(self, fleet: Fleet | None = None, scan: Any = None) -> None:
        self.fleet = fleet or msgspec.convert(SMALL, Fleet)
        self.rules = Rulebook(self.fleet)
        self.log = MemoryLog()
        self.authority = Authority(self.rules.sha256, b"a" * 32, b"m" * 32)
        self.ingestion = Ingestion(b"i" * 32)
        self.keys = Keys(self.authority.public_key, b"m" * 32, self.ingestion.public_key, b"r" * 32)
        self.plane = Plane(self.rules, self.keys, self.log, scan or scanner())
        self.now = SECOND
        self.key: dict[int, bytes] = {}
        self.seq: dict[int, int] = {}
        self.ports = self._admit_ports()

    def _admit_ports(self) -> dict[str, int]:
        members = tuple((port.id, 0, False) for port in self.fleet.ports)
        return dict(
            zip((p.id for p in self.fleet.ports), self.admit(0, members, 365 * 24 * 60 * MINUTE), strict=True)
        )

    def admit(
        self, session: int, members: tuple[tuple[str, int, bool], ...], life: int = 30 * MINUTE
    ) -> tuple[int, ...]:
        credential, keys = self.authority.issue(session, members, self.now, self.now + life)
        self.key.update(keys)
        (effect,) = self.plane.handle(Admit(msgspec.msgpack.encode(credential)), self.now)
        assert isinstance(effect, Admitted), effect
        return effect.nhis

    def session(self, number: int = 1) -> dict[str, int]:
        names = tuple(t.id for t in self.fleet.types)
        return dict(zip(names, self.admit(number, tuple((n, 0, True) for n in names)), strict=True))

    def envelope(self, sender: int, to: int, body: Any, **over: Any) -> Envelope:
        self.seq[sender] = self.seq.get(sender, 0) + 1
        instance = self.plane.state.instances[sender]
        payload = body if isinstance(body, bytes) else json.dumps(body, ensure_ascii=False).encode()
        fields: dict[str, Any] = {
            "version": 1,
            "sender": sender,
            "recipient": to,
            "session": instance.session.number,
            "seq": self.seq[sender],
            "kind": int(MessageKind.DATA),
            "action": 0,
            "label": 1,
            "contract": 0,
            "parents": (),
            "claims": (),
            "payload": payload,
            "mac": b"",
        }
        return Envelope(**{**fields, **over})

    def send(self, sender: int, to: int, body: Any, **over: Any) -> list[Effect]:
        wire = seal(self.envelope(sender, to, body, **over), self.key[sender])
        return self.plane.arrive(CHANNEL, wire, self.now)

    def act(self, sender: int, action: str, body: Any, **over: Any) -> list[Effect]:
        rules = self.rules.action_by_id[action]
        over = {"kind": int(MessageKind.ACTION), "action": rules.number, **over}
        return self.send(sender, self.ports[rules.spec.port], body, **over)

    def from_port(self, port: str, session: int, to: int, body: Any, **over: Any) -> list[Effect]:
        return self.send(self.ports[port], to, body, session=session, **over)

    def contract(self, source: int, target: int, actions: tuple[str, ...], **over: Any) -> DelegationContract:
        permits = sum(self.rules.action_by_id[a].bit for a in actions)
        fields: dict[str, Any] = {
            "source": source,
            "target": target,
            "session": self.plane.state.instances[source].session.number,
            "permits": permits,
            "resource": "",
            "not_before": self.now,
            "not_after": self.now + 5 * MINUTE,
            "output": "",
            "parent": 0,
            "nonce": len(self.log.bodies),
            "signature": b"",
        }
        fields.update(over)
        return sign_contract(DelegationContract(**fields), self.authority.delegation_seed(fields["source"]))

    def register(self, contract: DelegationContract) -> list[Effect]:
        return self.plane.handle(RegisterContract(CHANNEL, encode_contract(contract)), self.now)

    def ingest(self, port: str, document: str, version: int, text: str) -> Any:
        number = self.rules.type_by_id[port].index
        digest = hashlib.sha256(text.encode()).digest()
        self.plane.handle(IngestDocument(number, document, version, digest), self.now)
        return msgspec.to_builtins(self.ingestion.sign(number, document, version, self.now, text))


def reasons(effects: list[Effect]) -> tuple[str, ...]:
    """Codes of the refusal; empty when it was not refused."""
    return tuple(f.reason.code for e in effects if isinstance(e, Refuse) for f in e.findings)


def names(effects: list[Effect]) -> tuple[str, ...]:
    return tuple(type(e).__name__ for e in effects)


__all__ = ["CHANNEL", "SMALL", "SOURCE_BITS", "Rig", "names", "reasons", "scanner"]
