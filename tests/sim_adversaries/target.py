"""A fleet that has a surface for every adversary, and a ground to strike it on: one plane, nobody honest."""

import hashlib
from collections.abc import Callable
from typing import Any

import msgspec

from maso.clock import MINUTE, SECOND
from maso.controls.rag import Ingestion
from maso.envelope import Envelope, MessageKind, seal
from maso.fleet.model import Fleet
from maso.fleet.rulebook import Rulebook
from maso.identity import Authority
from maso.plane.effects import Ask, Effect
from maso.plane.events import Admit, Arrive, Deadline, IngestDocument
from maso.plane.pipeline import Keys
from maso.plane.plane import Plane
from maso.sim.adversaries.ground import Happened
from maso.sim.adversaries.mix import Mix
from maso.sim.adversaries.strike import Adversary, Strike
from maso.sim.adversaries.surface import Surface
from maso.sim.checkers.suite import Suite
from maso.sim.kernel import Kernel
from maso.streams import stream
from tests.plane.small import scanner

_PII = {"level": "confidential", "compartments": ["pii"]}
_CARDS = {"level": "restricted", "compartments": ["pci", "pii"]}
_PLAIN = {"level": "confidential"}
_REFUND: dict[str, Any] = {
    "id": "refund",
    "port": "bank",
    "schema": "sum",
    "answer": "done",
    "operation": "record",
    "privileged": True,
    "arguments": {"order": {"endorsed_by": ["customer"]}, "amount": {"endorsed_by": ["customer", "facts"]}},
}
TARGET: dict[str, Any] = {
    "fleet": "target",
    "kind": "depth",
    "compartments": [{"id": "pci"}, {"id": "pii"}],
    "schemas": [
        {"id": "words", "fields": {"text": {"type": "text", "max": 2000}}},
        {"id": "card", "fields": {"card": {"type": "card"}}},
        {"id": "passages", "fields": {"docs": {"type": "documents"}}},
        {"id": "sum", "fields": {"order": {"type": "id"}, "amount": {"type": "money", "max": 100000}}},
        {
            "id": "receipt",
            "fields": {
                "state": {"type": "enum", "values": ["paid", "open"]},
                "transaction": {"type": "id", "max": 12},
                "amount": {"type": "money", "max": 1000000},
            },
        },
        {
            "id": "done",
            "fields": {
                "ok": {"type": "bool"},
                "number": {"type": "id", "max": 12},
                "amount": {"type": "money", "max": 1000000},
            },
        },
    ],
    "ports": [
        {"id": "chat", "source": "customer", "label": {"level": "internal"}},
        {"id": "form", "source": "customer", "label": {"level": "internal", "compartments": ["pci"]}},
        {"id": "crm", "source": "tool", "label": {"level": "internal"}, "clearance": {"level": "internal"}},
        {"id": "library", "source": "rag", "signed": True, "fresh_minutes_max": 60},
        {"id": "bank", "source": "tool", "clearance": _CARDS},
    ],
    "actions": [
        _REFUND,
        {**_REFUND, "id": "pay", "needs_contract": True},
        {"id": "look", "port": "library", "schema": "words", "answer": "passages"},
        {"id": "note", "port": "crm", "schema": "words", "answer": "done"},
    ],
    "types": [
        {"id": "clerk", "clearance": _PLAIN, "actions": ["look"],
         "budgets": {"turns": 30, "same_message": 3, "retries": 2}},
        {"id": "manager", "clearance": _PII, "actions": ["refund", "note"], "may_request": ["pay"]},
        {"id": "deputy", "clearance": _PII, "actions": ["note"], "may_request": ["pay"]},
        {"id": "cashier", "clearance": _CARDS, "actions": ["pay", "refund"]},
    ],
    "links": [
        {"from": "chat", "to": "clerk", "schema": "words"},
        {"from": "chat", "to": "manager", "schema": "words"},
        {"from": "chat", "to": "cashier", "schema": "words"},
        {"from": "crm", "to": "manager", "schema": "words"},
        {"from": "crm", "to": "deputy", "schema": "words"},
        {"from": "form", "to": "cashier", "schema": "card", "dlp": {"pan": "ignore"}},
        {"from": "clerk", "to": "manager", "schema": "words", "kinds": ["data", "instruction", "claim"]},
        {"from": "manager", "to": "deputy", "schema": "words", "kinds": ["data", "instruction", "claim"]},
        {"from": "deputy", "to": "manager", "schema": "words", "kinds": ["data", "claim", "delegation"]},
        {"from": "manager", "to": "clerk", "schema": "words", "kinds": ["data", "claim"]},
        {"from": "manager", "to": "cashier", "schema": "words", "kinds": ["data", "delegation"]},
        {"from": "manager", "to": "manager", "schema": "words"},
        {"from": "deputy", "to": "cashier", "schema": "words"},
        {"from": "cashier", "to": "deputy", "schema": "words"},
        {"from": "cashier", "to": "clerk", "schema": "words"},
        {"from": "cashier", "to": "manager", "schema": "receipt", "declassify": ["pci"], "owner": "payments"},
    ],
    "delegations": [
        {"from": "manager", "to": "deputy", "actions": ["pay"]},
        {"from": "deputy", "to": "cashier", "actions": ["pay"]},
        {"from": "manager", "to": "cashier", "actions": ["pay"]},
        {"from": "deputy", "to": "manager", "actions": ["pay"]},
    ],
    "dlp": {"policy": {"pan": "refuse"}, "compartments": {"pan": "pci"}},
}  # fmt: skip

Tap = Callable[[object, list[Effect], tuple[bytes, ...], int], None]


class MemoryLog:
    def __init__(self) -> None:
        self.bodies: list[bytes] = []

    def append(self, body: bytes) -> int:
        self.bodies.append(body)
        return len(self.bodies)


class Range:
    """A ground with checkers and a mix of its own. What is asked is answered by nobody; deadlines come."""

    def __init__(self, fleet: Fleet | None = None, seed: int = 1, tap: Tap | None = None) -> None:
        self._tap = tap
        self.fleet = fleet or msgspec.convert(TARGET, Fleet)
        self.rules = Rulebook(self.fleet)
        self.kernel = Kernel()
        self.authority = Authority(self.rules.sha256, b"a" * 32, b"m" * 32)
        self._ingestion = Ingestion(b"i" * 32)
        keys = Keys(self.authority.public_key, b"m" * 32, self._ingestion.public_key, b"r" * 32)
        self.log = MemoryLog()
        self.plane = Plane(self.rules, keys, self.log, scanner())
        self.suite = Suite(self.fleet, "the test again")
        self.mix = Mix(seed, MINUTE, (), self.suite.cardholder.plant)
        self._draw = stream(seed, "test")
        self._port_key: dict[int, bytes] = {}
        self._port_seq: dict[int, int] = {}
        self.ports: dict[str, int] = {}
        list(self.mix.plan(self))
        self.kernel.run(SECOND)
        self._admit_ports()

    @property
    def now(self) -> int:
        return self.kernel.now

    def _admit_ports(self) -> None:
        members = tuple((port.id, 0, False) for port in self.fleet.ports)
        credential, self._port_key = self.authority.issue(0, members, self.now, self.now + 600 * MINUTE)
        self.ports = {m.type_id: m.nhi for m in credential.members}
        self.handle(Admit(msgspec.msgpack.encode(credential)))

    def handle(self, event: object) -> Happened:
        for watcher in (self.mix, self.suite):
            watcher.on_event(event, self.now)
        before = len(self.log.bodies)
        effects = self.plane.handle(event, self.now)
        records = tuple(self.log.bodies[before:])
        for watcher in (self.mix, self.suite):
            watcher.on_effects(event, effects, records, self.now)
        if self._tap is not None:
            self._tap(event, effects, records, self.now)
        for effect in effects:
            if isinstance(effect, Ask):
                self.kernel.at(effect.not_after, self._late, effect.hold)
        return Happened(tuple(effects), records)

    def _late(self, hold: int) -> None:
        self.handle(Deadline(hold))

    def from_port(
        self, port: str, session: int, to: int, payload: bytes, *, action: int = 0, label: int = 0
    ) -> Happened:
        nhi = self.ports[port]
        self._port_seq[nhi] = seq = self._port_seq.get(nhi, 0) + 1
        kind = int(MessageKind.DATA)
        envelope = Envelope(1, nhi, to, session, seq, kind, action, label, 0, (), (), payload, b"")
        return self.handle(Arrive(1, seal(envelope, self._port_key[nhi])))

    def documents(self, port: str, texts: tuple[tuple[str, str], ...]) -> list[dict[str, object]]:
        number = self.rules.type_by_id[port].index
        made: list[dict[str, object]] = []
        for name, text in texts:
            self.handle(IngestDocument(number, name, 1, hashlib.sha256(text.encode()).digest()))
            made.append(msgspec.to_builtins(self._ingestion.sign(number, name, 1, self.now, text)))
        return made

    def strike(self, adversary: Adversary, variant: str) -> Strike:
        """One attempt, to its very end."""
        strike = self.mix.attempt(adversary, variant, self._draw)
        self.kernel.run(self.now + 20 * MINUTE)
        return strike


def surface(fleet: dict[str, Any] = TARGET) -> Surface:
    return Surface(msgspec.convert(fleet, Fleet))
