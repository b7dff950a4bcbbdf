"""Scripts: a fleet's journeys, compiled into the moves that a session makes.

A `Move` is one step with everything that performing it needs: who speaks to whom, in which flow, what
writes the payload and the answer, how long it takes. Repeats are written out; chances are kept. A fleet
without journeys gets walks instead (`walks.py`), as journeys that are compiled the same way.

Not here: when sessions start and how fast they go (`workloads.py`), and doing any of it (`driver.py`).
"""

from collections.abc import Iterable
from enum import IntEnum
from typing import Final

from maso.clock import MINUTE, MS
from maso.controls.rag import Ingestion
from maso.envelope import MessageKind
from maso.fleet.model import Fleet, Journey, Port, Step
from maso.fleet.operations import OPERATIONS
from maso.fleet.rulebook import KIND_BY_NAME, ActionRules, Flow, Rulebook, TypeRules, flow_key
from maso.journeys.library import DOCUMENTS, DOCUMENTS_MIN, Library
from maso.journeys.payloads import Payload, compile_payload
from maso.streams import PER_MILLION, stream

# Which generator writes a text field that names none, by the integrity mark of where it comes from.
TEXT_BY_SOURCE: Final = {
    "customer": "question",
    "rag": "product",
    "web": "news",
    "mcp": "report",
    "tool": "status",
    None: "task",
}
# Where a fleet file declares no latency: a port answers like a service in the same network, a model like
# a mid-sized one.
PORT_LATENCY_MS: Final = 50
MODEL_LATENCY_MS: Final = 1_500


class What(IntEnum):
    SEND = 1
    ACT = 2
    CONFIRM = 3


class Move:
    """One compiled step.

    flow        how the message goes; of a CONFIRM, how the confirmed action will go
    delegated   actions passed on before the message is sent, as a bitset, and for how long
    under       index of the type under whose contract it is done; -1 for none
    lasting     leaves something behind that later steps need (used to enter a journey part-way)
    agent       an agent does it (the fleet's rates count those)
    """

    __slots__ = (
        "action",
        "agent",
        "answer",
        "chance",
        "contract_ns",
        "contract_output",
        "delegated",
        "flow",
        "kind",
        "lasting",
        "latency_ns",
        "payload",
        "recipient",
        "sender",
        "under",
        "what",
    )

    def __init__(self, what: What, sender: TypeRules, recipient: TypeRules, kind: int, flow: Flow) -> None:
        self.what = what
        self.sender = sender
        self.recipient = recipient
        self.kind = kind
        self.action: ActionRules | None = None
        self.agent = not sender.is_port and what is not What.CONFIRM
        self.answer: Payload | None = None
        self.chance = PER_MILLION
        self.contract_ns = 0
        self.contract_output = ""
        self.delegated = 0
        self.flow = flow
        self.lasting = False
        self.latency_ns = 0
        self.payload: Payload
        self.under = -1


class Script:
    """A journey: its moves, and which types take part. `weight` is its share per million."""

    __slots__ = ("agent_moves", "id", "moves", "types", "weight")

    def __init__(self, name: str, weight: int, moves: tuple[Move, ...]) -> None:
        self.id = name
        self.weight = weight
        self.moves = moves
        self.agent_moves = sum(move.agent for move in moves)
        ends = [rules.index for move in moves for rules in (move.sender, move.recipient) if not rules.is_port]
        self.types = tuple(sorted(set(ends)))


class Compiler:
    """Compiles steps against one rulebook; payload writers are shared by schema and text kind."""

    def __init__(self, fleet: Fleet, rules: Rulebook, seed: int, ingestion: Ingestion) -> None:
        self._fleet = fleet
        self._rules = rules
        self._schemas = {schema.id: schema for schema in fleet.schemas}
        self._ports = {port.id: port for port in fleet.ports}
        self._payloads: dict[tuple[str, str, str, str], Payload] = {}
        self._outputs = {(d.from_, d.to): d.output or "" for d in fleet.delegations}
        self.libraries: dict[str, Library] = {}
        retrievals = sorted(self._retrievals())
        size = max(DOCUMENTS_MIN, DOCUMENTS // max(1, len(retrievals)))
        for port_id, kind in retrievals:
            port, index = self._ports[port_id], rules.type_by_id[port_id].index
            draws = stream(seed, f"library/{port_id}")
            self.libraries[port_id] = Library(port, index, kind, ingestion, draws, size)

    def _retrievals(self) -> Iterable[tuple[str, str]]:
        """Ports that send documents, with the kind of text that those hold; the first use of a port wins."""
        found: dict[str, str] = {}
        answers = [(a.port, a.answer) for a in self._fleet.actions if a.answer is not None]
        for port, schema in [(k.from_, k.schema) for k in self._fleet.links] + answers:
            for spec in self._schemas[schema].fields.values():
                if spec.type == "documents" and port in self._ports:
                    found.setdefault(port, spec.text or "product")
        return found.items()

    def payload(self, schema: str, sender: str, operation: str = "") -> Payload:
        """The writer of a schema's payloads as `sender` sends them, with the answers of an operation."""
        port = self._ports.get(sender)
        kind = TEXT_BY_SOURCE[port.source] if port is not None else TEXT_BY_SOURCE[None]
        shelf = sender if sender in self.libraries else ""
        key = (schema, kind, shelf, operation)
        made = self._payloads.get(key)
        if made is None:
            answered = OPERATIONS[operation].answer if operation else ()
            made = compile_payload(self._schemas[schema], kind, self.libraries.get(shelf), answered)
            self._payloads[key] = made
        return made

    def answer(self, action: ActionRules) -> Payload | None:
        """The writer of an action's answer."""
        spec = action.spec
        return None if spec.answer is None else self.payload(spec.answer, spec.port, spec.operation)

    def latency_ns(self, port_id: str) -> int:
        port: Port = self._ports[port_id]
        return (port.latency_ms_median or PORT_LATENCY_MS) * MS

    def script(self, journey: Journey) -> Script:
        """One journey; ValueError where it goes a way that the fleet does not have."""
        moves = [move for step in journey.steps for move in self._moves(step, journey.id)]
        return Script(journey.id, max(1, round(journey.share * PER_MILLION)), tuple(moves))

    def _moves(self, step: Step, journey: str) -> Iterable[Move]:
        if step.steps:
            once = [move for inner in step.steps for move in self._moves(inner, journey)]
            yield from once * step.repeat
            return
        move = self._move(step, journey)
        move.chance = round(step.chance * PER_MILLION)
        for _ in range(step.repeat):
            yield move

    def _move(self, step: Step, journey: str) -> Move:
        if step.confirm is not None:
            return self._confirm(step.confirm, journey)
        if step.from_ is None or (step.to is None) == (step.action is None):
            raise ValueError(f"journey `{journey}`: a step needs `from` and either `to` or `action`")
        sender = self._rules.type_by_id[step.from_]
        move = (
            self._act(sender, step.action) if step.action is not None else self._send(sender, step, journey)
        )
        if step.under is not None:
            move.under = self._rules.type_by_id[step.under].index
        return move

    def _confirm(self, action_id: str, journey: str) -> Move:
        action = self._rules.action_by_id[action_id]
        doer = next((t for t in self._rules.types if t.executes & action.bit), None)
        if doer is None:
            raise ValueError(f"journey `{journey}` confirms `{action_id}`, which no type may execute")
        move = self._act(doer, action_id)
        move.what, move.agent = What.CONFIRM, False
        return move

    def _act(self, sender: TypeRules, action_id: str) -> Move:
        action = self._rules.action_by_id[action_id]
        port = self._rules.type_by_id[action.spec.port]
        flow = sender.flows[flow_key(port.index, MessageKind.ACTION, action.number)]
        move = Move(What.ACT, sender, port, MessageKind.ACTION, flow)
        move.action = action
        move.payload = self.payload(action.spec.schema, sender.id)
        move.answer = self.answer(action)
        move.latency_ns = self.latency_ns(port.id)
        move.lasting = OPERATIONS[action.operation].lasting
        return move

    def _send(self, sender: TypeRules, step: Step, journey: str) -> Move:
        assert step.to is not None
        recipient = self._rules.type_by_id[step.to]
        kind = KIND_BY_NAME[step.kind]
        flow = sender.flows.get(flow_key(recipient.index, kind, 0))
        if flow is None:
            way = f"{step.kind} from `{step.from_}` to `{step.to}`"
            raise ValueError(f"journey `{journey}` sends {way}: there is no such link")
        move = Move(What.SEND, sender, recipient, kind, flow)
        move.payload = self.payload(flow.schema, sender.id)
        if step.delegate:
            move.lasting = True
            move.delegated = sum(self._rules.action_by_id[a].bit for a in step.delegate)
            move.contract_ns = sender.delegates.get(recipient.index, (0, MINUTE))[1]
            move.contract_output = self._outputs.get((sender.id, recipient.id), "")
        return move
