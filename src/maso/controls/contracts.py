"""T3-CONTRACT: a delegation is a signed contract that can only narrow the one above it.

A contract is accepted once, when it is registered: signed by its source's own key, well formed (no free
text, nothing that a scan finds), between two live instances of one session, for actions that the fleet lets
this source pass to this target, within the time that the fleet allows, under a parent that is addressed to
its source and still holds, no deeper than `MAX_CHAIN_DEPTH` and with nobody twice in the chain. Its worth
is then fixed: the parent's, cut by what it permits and what source and target may have done. Using it later
costs a dictionary look-up.

What the fleet lets a source pass on is asked of the policy in force (`policy.py`). Where the fleet wants
`contract_verification: every-use`, `ProofAtUse` stands in the pipeline and checks the signatures of the whole
chain again whenever it is used; otherwise nothing of it is on the path of a message.
"""

import hashlib
import re
from collections.abc import Callable
from typing import Final

import msgspec

from maso.contract import MAX_CHAIN_DEPTH, DelegationContract, decode_contract
from maso.controls.delegation import DelegationGraph, SearchedGraph
from maso.controls.message import Message
from maso.controls.policy import delegation_policy
from maso.controls.state import ContractState, Instance, PlaneState
from maso.envelope import MAX_NUMBER
from maso.fleet.rulebook import Rulebook
from maso.identity import signature_holds
from maso.scan.signals import Signals
from maso.verdict import Finding, Outcome, Reason

ID: Final = "T3-CONTRACT"

MALFORMED: Final = Reason(
    "T3-CONTRACT/malformed", ID, "the bytes are not a contract", "use the contract format"
)
PARTIES: Final = Reason(
    "T3-CONTRACT/parties", ID, "source or target is not alive in this session", "delegate to a live instance"
)
SIGNATURE: Final = Reason("T3-CONTRACT/signature", ID, "the source did not sign this contract", "sign it")
NOT_DECLARED: Final = Reason(
    "T3-CONTRACT/not-declared",
    ID,
    "the fleet lets this source pass no such authority to this target",
    "declare it",
)
BEYOND: Final = Reason(
    "T3-CONTRACT/beyond", ID, "it permits what the source itself may not have done", "pass on less"
)
PARENT: Final = Reason(
    "T3-CONTRACT/parent",
    ID,
    "the contract above it is not the source's, or no longer holds",
    "ask for a new one",
)
CIRCLE: Final = Reason("T3-CONTRACT/circle", ID, "an instance stands twice in the chain", "break the circle")
DEPTH: Final = Reason("T3-CONTRACT/depth", ID, "the chain is too deep", "delegate directly")
PERIOD: Final = Reason("T3-CONTRACT/period", ID, "the time limit is wrong or too long", "shorten it")
MANY: Final = Reason("T3-CONTRACT/too-many", ID, "the session holds too many contracts", "let some expire")
TRANSITIVE: Final = Reason(
    "IA-2.3/transitive",
    "IA-2.3",
    "a chain now reaches actions that its first link may not have done",
    "review it",
)
REASONS: Final = (
    MALFORMED, PARTIES, SIGNATURE, NOT_DECLARED, BEYOND, PARENT, CIRCLE, DEPTH, PERIOD, TRANSITIVE,
    MANY,
)  # fmt: skip

# Fifteen fields and a bitset over at most 4,096 actions come to 800 bytes.
CONTRACT_BYTES_MAX: Final = 2048
# `argument=value`, the value as ids are written in this fleet's schemas.
_RESOURCE: Final = re.compile(r"[A-Za-z0-9_]{1,31}=[A-Za-z0-9_\-]{1,64}\Z")
Scan = Callable[[bytes, bytes], Signals]
# A cache entry is about 100 bytes; a session of a fleet holds a few contracts, an attack thousands.
CONTRACTS_PER_SESSION_MAX: Final = 256


def _deny(reason: Reason, detail: str = "") -> Finding:
    return Finding(Outcome.DENY, reason, detail)


class Contracts:
    """Verifies contracts when they are registered, and keeps the policy and the live graph.

    graph   counts live delegations between types; `reached` says what can be executed behind one
    """

    __slots__ = ("_outputs", "_privileged", "_rules", "_scan", "_state", "graph", "policy")

    def __init__(self, rules: Rulebook, state: PlaneState, scan: Scan) -> None:
        self._scan = scan
        self._outputs = frozenset(schema.id for schema in rules.fleet.schemas)
        self._rules = rules
        self._state = state
        self._privileged = sum(a.bit for a in rules.actions if a is not None and a.privileged)
        self.policy = delegation_policy(rules)
        self.graph: DelegationGraph | SearchedGraph
        power = tuple(t.executes for t in rules.types)
        if rules.fleet.controls.transitive_check == "per-request":
            self.graph = SearchedGraph(power)
        else:
            self.graph = DelegationGraph(tuple(t.authority for t in rules.types), power)

    def verify(self, data: bytes, now: int) -> DelegationContract | Finding:
        """The contract, or why it is refused; cheap checks first, one signature check last."""
        if len(data) > CONTRACT_BYTES_MAX:
            return _deny(MALFORMED)
        try:
            contract = decode_contract(data)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return _deny(MALFORMED)
        if not self._well_formed(contract):
            return _deny(MALFORMED)
        source = self._state.instances.get(contract.source)
        target = self._state.instances.get(contract.target)
        if source is None or target is None or not (source.alive and target.alive):
            return _deny(PARTIES)
        if source.session is not target.session or source.session.number != contract.session:
            return _deny(PARTIES)
        return (
            self._scope(contract, source, target, now)
            or self._chain(contract, source, now)
            or self._signed(contract, source)
            or contract
        )

    def _well_formed(self, contract: DelegationContract) -> bool:
        """Nothing in it is free text or a free number: the contract is kept whole in the evidence."""
        resource = contract.resource
        if resource and (_RESOURCE.match(resource) is None or self._finds(resource)):
            return False
        return (
            contract.permits > 0
            and 0 <= contract.nonce < MAX_NUMBER
            and (not contract.output or contract.output in self._outputs)
        )

    def _finds(self, text: str) -> bool:
        data = text.encode()
        return bool(self._scan(hashlib.sha256(data).digest(), data).kinds)

    def _scope(
        self, contract: DelegationContract, source: Instance, target: Instance, now: int
    ) -> Finding | None:
        if not source.not_before <= now < source.not_after or now < source.paused_until:
            return _deny(PARTIES)
        bits, longest = self.policy.permits(source, target)
        if contract.permits & ~bits:
            return _deny(NOT_DECLARED, f"{source.type.id} to {target.type.id}")
        if not now - longest < contract.not_before <= now < contract.not_after:
            return _deny(PERIOD)
        if contract.not_after - contract.not_before > longest:
            return _deny(PERIOD, f"{source.type.id} to {target.type.id}")
        held = source.session.contracts
        if held is not None and len(held) >= CONTRACTS_PER_SESSION_MAX:
            return _deny(MANY)
        return None

    def _chain(self, contract: DelegationContract, source: Instance, now: int) -> Finding | None:
        held = source.session.contracts
        parent: ContractState | None = None
        if contract.parent:
            parent = held.get(contract.parent) if held else None
            if parent is None or parent.revoked or parent.contract.target != contract.source:
                return _deny(PARENT)
            if now >= parent.live_until:
                return _deny(PARENT)
            if contract.permits & ~parent.effective:
                return _deny(BEYOND)
            if parent.contract.resource and contract.resource != parent.contract.resource:
                return _deny(BEYOND)
            if parent.depth >= MAX_CHAIN_DEPTH:
                return _deny(DEPTH)
        elif contract.permits & ~source.ceiling:
            return _deny(BEYOND)
        link = parent
        while link is not None:
            if link.contract.source == contract.target:
                return _deny(CIRCLE)
            link = link.parent
        return _deny(CIRCLE) if contract.source == contract.target else None

    @staticmethod
    def _signed(contract: DelegationContract, source: Instance) -> Finding | None:
        if signature_holds(source.public_key, contract.signed_bytes(), contract.signature):
            return None
        return _deny(SIGNATURE)

    def transitive(self, contract: DelegationContract) -> Finding | None:
        """Whether this contract brings actions within reach that somebody above in its chain may not do.

        The finding names the topmost link of whom that is true. It refuses nothing: attenuation has made
        the path worthless already.
        """
        instances = self._state.instances
        source = instances[contract.source]
        target = instances[contract.target].type.index
        reached = self.graph.reached(target) & self._privileged
        if not reached:
            return None
        types = self._rules.types
        found = source.type.index
        privileged = reached & ~source.type.authority
        held = source.session.contracts
        link = held.get(contract.parent) if held and contract.parent else None
        while link is not None:
            above = link.edge[0]
            if reached & ~types[above].authority:
                found, privileged = above, reached & ~types[above].authority
            link = link.parent
        if not privileged:
            return None
        names = self._rules.action_names(privileged)
        detail = f"{types[found].id} through {types[target].id}: {', '.join(names[:4])}"
        return Finding(Outcome.ALLOW, TRANSITIVE, detail)


class ProofAtUse:
    """Every signature of the chain, whenever a message is sent under it (`contract_verification: every-use`).

    It finds what was changed in the plane's memory after registration. A source that is gone has nobody to
    vouch for its key: such a chain is refused.
    """

    __slots__ = ("_instances",)

    def __init__(self, state: PlaneState) -> None:
        self._instances = state.instances

    def check(self, m: Message) -> Finding | None:
        link = m.contract
        while link is not None:
            contract = link.contract
            source = self._instances.get(contract.source)
            if source is None:
                return _deny(PARTIES)
            if not signature_holds(source.public_key, contract.signed_bytes(), contract.signature):
                return _deny(SIGNATURE)
            link = link.parent
        return None
