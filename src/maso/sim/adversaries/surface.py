"""What a fleet offers an attacker, read off the fleet file: links, entries, privileged actions, secrets.

Everything is computed once per run from the declared fleet. What it does not have raises `NoSurfaceError`,
which becomes the attack's "not applicable, because ..." in the summary.
"""

import json
from collections import deque
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

from maso.fleet.model import Action, AgentType, Fleet, LabelSpec, Link, Port, Schema
from maso.labels import LEVELS
from maso.sim.adversaries.ground import NoSurfaceError

# Shorter ids cannot hold a marker that is surely unique in a run.
MARKER_CHARS = 12


class Entry(NamedTuple):
    """A way in: a port whose content somebody outside determines, and the link or answer it comes by."""

    port: Port
    to: str
    schema: Schema
    action: str  # the action whose answer it is; empty for a link


class Secret(NamedTuple):
    """A label, and a link from a type that may have it to one that may not."""

    label: LabelSpec
    link: Link


class Surface:
    """Questions that attacks ask about a fleet; answers are tuples in the order of the file."""

    def __init__(self, fleet: Fleet) -> None:
        self.fleet = fleet
        self.schemas = {s.id: s for s in fleet.schemas}
        self.types = {t.id: t for t in fleet.types}
        self.ports = {p.id: p for p in fleet.ports}
        self.actions = {a.id: a for a in fleet.actions}
        self.agent_links = tuple(link for link in fleet.links if link.from_ in self.types)
        self.pan_compartment = fleet.dlp.compartments.get("pan")

    # Links.

    def links(self, why: str, wanted: Callable[[Link], bool]) -> tuple[Link, ...]:
        """Links between agent types that are wanted; NoSurfaceError(why) when there is none."""
        return _some((link for link in self.agent_links if wanted(link)), why)

    def talk(self) -> tuple[Link, ...]:
        """Ordinary data links between two types, on which a marker can travel."""
        return self.links(
            "no data link between two types carries a text or an id",
            lambda x: "data" in x.kinds and self.carries(x.schema) and x.from_ != x.to,
        )

    def carries(self, schema: str) -> bool:
        return marker_field(self.schemas[schema]) is not None

    def has_text(self, schema: str) -> bool:
        return any(f.type == "text" for f in self.schemas[schema].fields.values())

    def entries(self, sources: tuple[str, ...], *, documents: bool = False) -> tuple[Entry, ...]:
        """Ways in from ports with one of these sources, with text (or with signed documents)."""

        def fits(schema: Schema) -> bool:
            kinds = {f.type for f in schema.fields.values()}
            return "documents" in kinds if documents else "text" in kinds

        found = []
        for link in self.fleet.links:
            port = self.ports.get(link.from_)
            if port is not None and port.source in sources and fits(self.schemas[link.schema]):
                found.append(Entry(port, link.to, self.schemas[link.schema], ""))
        for agent in self.fleet.types:
            for name in agent.actions:
                action = self.actions[name]
                port = self.ports[action.port]
                if port.source in sources and action.answer and fits(self.schemas[action.answer]):
                    found.append(Entry(port, agent.id, self.schemas[action.answer], name))
        return _some(
            found, f"nothing with {'documents' if documents else 'text'} enters from {_either(sources)}"
        )

    # Authority.

    def privileged(
        self, *, endorsed: bool | None = None, contract: bool | None = None
    ) -> tuple[tuple[AgentType, Action], ...]:
        """(executor, action); `endorsed`: whether somebody endorses it; `contract`: whether it needs one."""
        found = [
            (agent, action)
            for agent in self.fleet.types
            for action in map(self.actions.__getitem__, agent.actions)
            if action.privileged
            and (contract is None or action.needs_contract is contract)
            and (endorsed is None or any(a.endorsed_by for a in action.arguments.values()) is endorsed)
        ]
        return _some(found, "no type executes such a privileged action")

    def harmless(self) -> tuple[tuple[AgentType, Action], ...]:
        """(executor, action) of actions that are neither privileged nor need a contract."""
        found = [
            (agent, action)
            for agent in self.fleet.types
            for action in map(self.actions.__getitem__, agent.actions)
            if not action.privileged and not action.needs_contract
        ]
        return _some(found, "every action is privileged or needs a contract")

    def guarded_against(self, source: str) -> tuple[tuple[AgentType, Action], ...]:
        """Privileged actions of which some argument may not be determined by `source`."""
        found = [
            (agent, action)
            for agent, action in self.privileged()
            if any(source not in a.sources for a in action.arguments.values())
        ]
        return _some(found, f"no privileged action is guarded against {source}")

    def path(self, start: str, end: str) -> tuple[Link, ...] | None:
        """The shortest way for data from one type to another; None where there is none, () for itself."""
        before: dict[str, Link | None] = {start: None}
        queue = deque([start])
        while queue and end not in before:
            here = queue.popleft()
            for link in self.agent_links:
                if link.from_ == here and link.to not in before and "data" in link.kinds:
                    before[link.to] = link
                    queue.append(link.to)
        if end not in before:
            return None
        way: list[Link] = []
        last = before[end]
        while last is not None:
            way.append(last)
            last = before[last.from_]
        return tuple(reversed(way))

    # Data.

    def labels(self) -> tuple[LabelSpec, ...]:
        """What could be secret here: each compartment, and each level above the lowest."""
        compartments = tuple(
            LabelSpec(level="internal", compartments=(c.id,)) for c in self.fleet.compartments
        )
        return (*compartments, LabelSpec(level="confidential"), LabelSpec(level="restricted"))

    def may_have(self, owner: AgentType | Port, label: LabelSpec) -> bool:
        high = LEVELS.index(label.level) <= LEVELS.index(owner.clearance.level)
        return high and set(label.compartments) <= set(owner.clearance.compartments)

    def secrets(self) -> tuple[Secret, ...]:
        """Links with room for a secret, from a type that may have it to one that may not."""
        found = (
            Secret(label, link)
            for label in self.labels()
            for link in self.agent_links
            if self.may_have(self.types[link.from_], label)
            and not self.may_have(self.types[link.to], label)
            and not set(label.compartments) & set(link.declassify)
            and (label.compartments or not link.declassify)
            and self.carries(link.schema)
            and "data" in link.kinds
        )
        return _some(found, "no link leads from a type that may have a secret to one that may not")

    def exits(self) -> tuple[tuple[LabelSpec, AgentType, Action], ...]:
        """(label, holder, action): a secret could be written into a port that may not have it."""
        found = [
            (label, agent, action)
            for label in self.labels()
            for agent in self.fleet.types
            if self.may_have(agent, label)
            for action in map(self.actions.__getitem__, agent.actions)
            if not self.may_have(self.ports[action.port], label)
            and not action.declassify
            and not action.needs_contract
            and self.carries(action.schema)
        ]
        return _some(found, "who holds a secret acts only on what may have it")

    def sees_cards(self, owner: AgentType | Port) -> bool:
        return self.pan_compartment is not None and self.pan_compartment in owner.clearance.compartments

    def card_forms(self) -> tuple[Link, ...]:
        """Links from a port in whose schema a card number may stand."""
        found = (
            link
            for link in self.fleet.links
            if link.from_ in self.ports
            and any(f.type == "card" for f in self.schemas[link.schema].fields.values())
        )
        return _some(found, "nothing with a card number enters this fleet")


def _some(found: Iterable[Any], why: str) -> tuple[Any, ...]:
    held = tuple(found)
    if not held:
        raise NoSurfaceError(why)
    return held


def _either(names: tuple[str, ...]) -> str:
    return " or ".join(names)


def marker_field(schema: Schema) -> str | None:
    """The field in which a marker travels best: free text, else an id that is long enough."""
    texts = [n for n, f in schema.fields.items() if f.type == "text" and (f.max or 4000) >= 2 * MARKER_CHARS]
    if texts:
        return texts[0]
    ids = [n for n, f in schema.fields.items() if f.type == "id" and (f.max or 64) >= MARKER_CHARS]
    return ids[0] if ids else None


def body_of(schema: Schema, **given: object) -> bytes:
    """A payload that fits the schema: the given fields, for the others the dullest legal value."""
    body: dict[str, object] = {}
    for name, spec in schema.fields.items():
        if name in given:
            body[name] = given[name]
        elif not spec.optional:
            body[name] = _dull(spec)
    return json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()


def _dull(spec: Any) -> object:
    match spec.type:
        case "text":
            return "as agreed"[: spec.max or 64]
        case "id":
            return "x1"[: spec.max or 64]
        case "int":
            return spec.min or 0
        case "money":
            return 0
        case "enum":
            return spec.values[0]
        case "bool":
            return True
        case "list" | "documents":
            return []
        case "card":
            return "0000 0000 0000 0000"
    raise AssertionError(f"no value for a field of type {spec.type!r}")
