"""The rulebook: a fleet compiled so that the hot path looks nothing up by string.

Types and ports become `TypeRules` with an index; actions become bits of one integer; schemas become strict
decoders; each way a message may go becomes a `Flow`, found by one integer key. Everything here is fixed
for a run; what changes while it runs is in `controls/state.py`.
"""

import hashlib
from collections.abc import Callable, Iterable
from typing import Annotated, Any, Final, Literal, NamedTuple

import msgspec

from maso.clock import MINUTE
from maso.envelope import MAX_ACTIONS, MessageKind
from maso.fleet.model import Action, AgentType, Delegation, FieldSpec, Fleet, LabelSpec, Link, Port, Schema
from maso.labels import LEVEL_BITS, LEVEL_MASK, SOURCE_BITS, SOURCE_MASK, compartment_bit
from maso.scan.signals import Kind

ENDORSER_BIT: Final = {"customer": 1, "facts": 2, "person": 4}
KIND_BY_NAME: Final = {kind.name.lower(): int(kind) for kind in MessageKind}
DLP_KINDS: Final = {
    "pan": int(Kind.PAN),
    "cvv": int(Kind.CVV),
    "iban": int(Kind.IBAN),
    "national_id": int(Kind.NATIONAL_ID),
    "email": int(Kind.EMAIL),
    "phone": int(Kind.PHONE),
    "secret": int(Kind.SECRET),
}
# What DLP does where the fleet file is silent: what opens accounts is refused; what identifies people
# raises the label to the kind's compartment, and clearance decides.
DLP_DEFAULT: Final = {
    "pan": "refuse",
    "cvv": "refuse",
    "secret": "refuse",
    "iban": "raise",
    "national_id": "raise",
    "email": "raise",
    "phone": "raise",
}
# A retrieval answers with a handful of passages; 32 is four times the usual top-k.
MAX_DOCUMENTS: Final = 32
TEXT_CHARS_DEFAULT: Final = 4000
ID_CHARS_DEFAULT: Final = 64


class Document(msgspec.Struct, frozen=True, forbid_unknown_fields=True, gc=False):
    """A retrieved document with the signature made when it was ingested (DP-2.3)."""

    id: Annotated[str, msgspec.Meta(max_length=64)]
    version: Annotated[int, msgspec.Meta(ge=0)]
    ingested_ns: Annotated[int, msgspec.Meta(ge=0)]
    text: Annotated[str, msgspec.Meta(max_length=16_000)]
    signature: Annotated[str, msgspec.Meta(max_length=160)]


def _list_type(spec: FieldSpec) -> Any:
    item = _field_type(FieldSpec(type=spec.of or "text"))
    return Annotated[list[item], msgspec.Meta(max_length=spec.max or 64)]  # type: ignore[valid-type]


def _field_type(spec: FieldSpec) -> Any:
    match spec.type:
        case "text":
            return Annotated[str, msgspec.Meta(max_length=spec.max or TEXT_CHARS_DEFAULT)]
        case "id":
            return Annotated[
                str, msgspec.Meta(pattern=r"^[A-Za-z0-9_\-]+\Z", max_length=spec.max or ID_CHARS_DEFAULT)
            ]
        case "int":
            low = spec.min if spec.min is not None else 0
            return Annotated[int, msgspec.Meta(ge=low, le=spec.max if spec.max is not None else 2**53)]
        case "money":
            return Annotated[int, msgspec.Meta(ge=0, le=spec.max if spec.max is not None else 10**9)]
        case "enum":
            return Literal[tuple(spec.values)]
        case "bool":
            return bool
        case "list":
            return _list_type(spec)
        case "documents":
            return Annotated[list[Document], msgspec.Meta(max_length=spec.max or MAX_DOCUMENTS)]
        case "card":
            return Annotated[str, msgspec.Meta(pattern=r"^[0-9 \-]{12,30}\Z")]


def compile_schema(schema: Schema) -> type[msgspec.Struct]:
    """A struct type whose strict JSON decoding is the schema check."""
    fields: list[Any] = []
    for name, spec in schema.fields.items():
        if spec.optional:
            fields.append((name, _field_type(spec) | None, None))
        else:
            fields.append((name, _field_type(spec)))
    return msgspec.defstruct(
        f"payload_{schema.id}", fields, frozen=True, forbid_unknown_fields=True, gc=False, kw_only=True
    )


class ArgumentRule:
    """One guarded argument: which sources may determine it, which endorsements it needs otherwise."""

    __slots__ = ("allowed", "endorsers", "name")

    def __init__(self, name: str, allowed: int, endorsers: int) -> None:
        self.name = name
        self.allowed = allowed
        self.endorsers = endorsers


class ActionRules:
    """One action, compiled. `bit` is its place in authority bitsets."""

    __slots__ = (
        "allowed_all",
        "arguments",
        "bit",
        "id",
        "irreversible",
        "needs_contract",
        "number",
        "operation",
        "privileged",
        "risk",
        "spec",
    )

    def __init__(self, number: int, spec: Action) -> None:
        self.number = number
        self.bit = 1 << number
        self.id = spec.id
        self.operation = spec.operation
        self.risk = spec.risk
        self.irreversible = spec.irreversible
        self.privileged = spec.privileged
        self.needs_contract = spec.needs_contract
        self.spec = spec
        self.arguments = tuple(
            ArgumentRule(
                name, sum(SOURCE_BITS[s] for s in a.sources), sum(ENDORSER_BIT[e] for e in a.endorsed_by)
            )
            for name, a in spec.arguments.items()
        )
        allowed = sum(SOURCE_BITS.values())
        for argument in self.arguments:
            allowed &= argument.allowed
        self.allowed_all = allowed if self.arguments else 0


class Flow:
    """One way a message may go: sender type, recipient type, kind, action."""

    __slots__ = (
        "action",
        "clearance",
        "declassify",
        "decode",
        "document_field",
        "fields",
        "fresh_ns_max",
        "guarded",
        "instruction_sources",
        "key",
        "name",
        "owner",
        "raise_bits",
        "redact_kinds",
        "refuse_kinds",
        "schema",
        "signed",
        "values",
    )

    def __init__(self, key: int, name: str, schema: Schema, decode: Callable[[bytes], Any]) -> None:
        self.key = key
        self.name = name
        self.schema = schema.id
        self.decode = decode
        documents = [n for n, f in schema.fields.items() if f.type == "documents"]
        self.fields = frozenset(schema.fields)
        # What can be told apart: fields whose values a declassifying flow must have received before.
        self.values = tuple(n for n, f in schema.fields.items() if f.type in ("id", "int", "money"))
        self.document_field: str | None = documents[0] if documents else None
        self.action: ActionRules | None = None
        self.clearance = 0
        self.declassify = 0
        self.guarded = 0  # of these, the ones whose data has a format that values could spell out
        self.owner = ""
        self.instruction_sources = 0
        self.refuse_kinds = 0
        self.redact_kinds = 0
        self.raise_bits: tuple[tuple[int, int], ...] = ()
        self.signed = False
        self.fresh_ns_max = 0


class TypeRules:
    """An agent type or a port, compiled."""

    __slots__ = (
        "authority",
        "clearance",
        "cluster",
        "delegates",
        "executes",
        "flows",
        "flows_claims",
        "id",
        "index",
        "is_port",
        "label_floor",
        "lifetime_ns_max",
        "per_session",
        "recursion_max",
        "retries_max",
        "risk",
        "same_message_max",
        "sheds",
        "tokens_max",
        "turns_max",
    )

    def __init__(self, index: int, type_id: str, *, is_port: bool) -> None:
        self.index = index
        self.id = type_id
        self.is_port = is_port
        self.cluster = ""
        self.risk = "medium"
        self.clearance = 0
        self.label_floor = 0
        self.authority = 0
        self.executes = 0
        self.delegates: dict[int, tuple[int, int]] = {}  # target type -> permitted actions, ns at most
        self.flows: dict[int, Flow] = {}
        self.sheds = 0  # guarded compartments that some flow of this type declassifies
        self.flows_claims = False  # sends or receives claims, so its primary sources are remembered
        self.per_session = 1
        self.lifetime_ns_max = 0
        self.turns_max = self.tokens_max = self.retries_max = 0  # 0: not limited
        self.recursion_max = self.same_message_max = 0


def flow_key(recipient_type: int, kind: int, action: int) -> int:
    """One integer per way out of a type: kinds fit 3 bits, actions 12."""
    return (recipient_type << 3 | kind) << 12 | action


class OwnRule(NamedTuple):
    """One of the firm's own DLP rules (`dlp.rules`); `bit` is its compartment's."""

    id: str
    pattern: str
    bit: int
    refuse: bool


class Rulebook:
    """A fleet, compiled. Built once per run; immutable by convention afterwards."""

    def __init__(self, fleet: Fleet) -> None:
        self.fleet = fleet
        self.sha256 = fleet_digest(fleet)
        self.label_mask = LEVEL_MASK | SOURCE_MASK
        self.compartments = tuple(c.id for c in fleet.compartments)
        self._compartment_bit = {name: compartment_bit(i) for i, name in enumerate(self.compartments)}
        # Compartments of data with a format (cards, accounts, people): values could spell it out.
        self._guarded = self._declassify_bits(fleet.dlp.compartments.values())
        for bit in self._compartment_bit.values():
            self.label_mask |= bit
        self.own_rules = tuple(
            OwnRule(rule.id, rule.pattern, self._compartment_bit[rule.compartment], rule.policy == "refuse")
            for rule in fleet.dlp.rules
        )
        self._schemas = {s.id: s for s in fleet.schemas}
        self._decoders = {
            s.id: msgspec.json.Decoder(compile_schema(s), strict=True).decode for s in fleet.schemas
        }
        if len(fleet.actions) >= MAX_ACTIONS:
            raise ValueError(f"{len(fleet.actions)} actions; at most {MAX_ACTIONS - 1}")
        # Number 0 means "no action" on the wire, so actions count from 1.
        self.actions = (None, *(ActionRules(i, a) for i, a in enumerate(fleet.actions, 1)))
        self.action_by_id = {a.id: a for a in self.actions if a is not None}
        self.types = tuple(self._compile_types(fleet))
        self.type_by_id = {t.id: t for t in self.types}
        for link in fleet.links:
            self._add_link(link)
        for agent in fleet.types:
            self._add_actions(agent)
        for delegation in fleet.delegations:
            self._add_delegation(delegation)

    def label(self, spec: LabelSpec) -> int:
        bits = LEVEL_BITS[spec.level]
        for name in spec.compartments:
            bits |= self._compartment_bit[name]
        return bits

    def action_names(self, bits: int) -> tuple[str, ...]:
        return tuple(a.id for a in self.actions if a is not None and bits & a.bit)

    def compartment_bit(self, name: str) -> int:
        return self._compartment_bit[name]

    def _bits(self, names: Iterable[str]) -> int:
        bits = 0
        for name in names:
            bits |= self.action_by_id[name].bit
        return bits

    def _compile_types(self, fleet: Fleet) -> Iterable[TypeRules]:
        for index, agent in enumerate(fleet.types):
            yield self._compile_agent(index, agent)
        for index, port in enumerate(fleet.ports, len(fleet.types)):
            yield self._compile_port(index, port)

    def _compile_agent(self, index: int, agent: AgentType) -> TypeRules:
        rules = TypeRules(index, agent.id, is_port=False)
        rules.cluster = agent.cluster
        rules.risk = agent.risk
        rules.clearance = self.label(agent.clearance)
        rules.executes = self._bits(agent.actions)
        rules.authority = rules.executes | self._bits(agent.may_request)
        rules.per_session = agent.per_session
        minutes = agent.session_minutes_max or 4 * self.fleet.workload.session_minutes
        rules.lifetime_ns_max = minutes * MINUTE
        budgets = agent.budgets
        rules.turns_max = budgets.turns or 0
        rules.tokens_max = budgets.tokens or 0
        rules.retries_max = budgets.retries or 0
        rules.recursion_max = budgets.recursion or 0
        rules.same_message_max = budgets.same_message or 0
        return rules

    def _compile_port(self, index: int, port: Port) -> TypeRules:
        rules = TypeRules(index, port.id, is_port=True)
        rules.clearance = self.label(port.clearance)
        rules.label_floor = self.label(port.label) | (SOURCE_BITS[port.source] if port.source else 0)
        return rules

    def _flow(self, sender: TypeRules, recipient: TypeRules, kind: int, action: int, schema: str) -> Flow:
        key = flow_key(recipient.index, kind, action)
        name = f"{sender.id} > {recipient.id}"
        flow = Flow(key, name, self._schemas[schema], self._decoders[schema])
        flow.clearance = recipient.clearance
        sender.flows[key] = flow
        return flow

    def _apply_dlp(self, flow: Flow, overrides: dict[Any, Any]) -> None:
        policy = {**DLP_DEFAULT, **self.fleet.dlp.policy, **overrides}
        raises = []
        for name, kind in DLP_KINDS.items():
            compartment = self.fleet.dlp.compartments.get(name)  # type: ignore[call-overload]
            match policy[name]:
                case "refuse":
                    flow.refuse_kinds |= kind
                case "redact":
                    flow.redact_kinds |= kind
                case "raise" if compartment is not None:
                    raises.append((kind, self._compartment_bit[compartment]))
                case "raise" if name in ("pan", "cvv", "secret"):
                    flow.refuse_kinds |= kind  # nowhere to raise it to: fail closed
        flow.raise_bits = tuple(raises)

    def _declassify_bits(self, names: Iterable[str]) -> int:
        bits = 0
        for name in names:
            bits |= self._compartment_bit[name]
        return bits

    def _add_link(self, link: Link) -> None:
        sender, recipient = self.type_by_id[link.from_], self.type_by_id[link.to]
        port = next((p for p in self.fleet.ports if p.id == link.from_), None)
        for kind in link.kinds:
            flow = self._flow(sender, recipient, KIND_BY_NAME[kind], 0, link.schema)
            flow.declassify = self._declassify_bits(link.declassify)
            flow.guarded = flow.declassify & self._guarded
            sender.sheds |= flow.guarded
            flow.owner = link.owner
            flow.instruction_sources = sum(SOURCE_BITS[s] for s in link.instruction_sources)
            self._apply_dlp(flow, dict(link.dlp))
            if port is not None:
                self._guard_documents(flow, port)
            if kind == "claim":
                sender.flows_claims = recipient.flows_claims = True

    def _guard_documents(self, flow: Flow, port: Port) -> None:
        flow.signed = port.signed and flow.document_field is not None
        flow.fresh_ns_max = (port.fresh_minutes_max or 0) * MINUTE

    def _add_actions(self, agent: AgentType) -> None:
        sender = self.type_by_id[agent.id]
        ports = {p.id: p for p in self.fleet.ports}
        for name in agent.actions:
            action = self.action_by_id[name]
            port = self.type_by_id[action.spec.port]
            out = self._flow(sender, port, MessageKind.ACTION, action.number, action.spec.schema)
            out.action = action
            out.declassify = self._declassify_bits(action.spec.declassify)
            out.guarded = out.declassify & self._guarded
            sender.sheds |= out.guarded
            out.owner = action.spec.owner
            self._apply_dlp(out, {})
            if action.spec.answer is not None:
                back = self._flow(port, sender, MessageKind.DATA, action.number, action.spec.answer)
                self._apply_dlp(back, {})
                self._guard_documents(back, ports[action.spec.port])

    def _add_delegation(self, delegation: Delegation) -> None:
        source, target = self.type_by_id[delegation.from_], self.type_by_id[delegation.to]
        bits, longest = source.delegates.get(target.index, (0, 0))
        source.delegates[target.index] = (
            bits | self._bits(delegation.actions),
            max(longest, delegation.minutes_max * MINUTE),
        )


def fleet_digest(fleet: Fleet) -> bytes:
    """SHA-256 of the fleet's canonical encoding: what credentials and evidence are bound to."""
    return hashlib.sha256(msgspec.msgpack.encode(fleet, order="deterministic")).digest()
