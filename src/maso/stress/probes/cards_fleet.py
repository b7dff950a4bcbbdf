"""What a fleet declares about card numbers: who is cleared, where people write, what a schema could carry.

Read off the fleet file alone; every list is in the order of the file.
"""

from typing import Final, NamedTuple

from maso.fleet.model import FieldSpec, Fleet, Link, Schema
from maso.fleet.rulebook import ID_CHARS_DEFAULT, TEXT_CHARS_DEFAULT

DIGITS_MIN: Final = 13  # the shortest card number of any network
DIGITS_MAX: Final = 19  # the longest
_MONEY_MAX: Final = 10**9
_INT_MAX: Final = 2**53


class Entry(NamedTuple):
    """Where a text from outside reaches a type: a link from a port, or an action's answer."""

    port: str
    to: str
    schema: Schema
    field: str
    action: str  # empty for a link
    source: str  # the port's integrity mark; empty for a trusted one

    @property
    def name(self) -> str:
        return f"{self.port} ({self.action})" if self.action else self.port


class Cards:
    """Who may see card numbers, and where they could come from.

    compartment  of `pan`; empty where the file declares none, and then nobody is cleared
    """

    def __init__(self, fleet: Fleet) -> None:
        self.fleet = fleet
        self.compartment = fleet.dlp.compartments.get("pan") or ""
        self.schemas = {schema.id: schema for schema in fleet.schemas}
        self.ports = {port.id: port for port in fleet.ports}
        self.types = {agent.id: agent for agent in fleet.types}
        self._actions = {action.id: action for action in fleet.actions}
        self.cleared_types = tuple(t.id for t in fleet.types if self._clears(t.clearance.compartments))
        self.cleared_ports = tuple(p.id for p in fleet.ports if self._clears(p.clearance.compartments))
        self._cleared = frozenset(self.cleared_types + self.cleared_ports)

    def _clears(self, compartments: tuple[str, ...]) -> bool:
        return bool(self.compartment) and self.compartment in compartments

    def cleared(self, owner: str) -> bool:
        """Whether a type or port may have a card number."""
        return owner in self._cleared

    def forms(self) -> tuple[Link, ...]:
        """Links from a port in whose schema a card number may stand."""
        return tuple(
            link
            for link in self.fleet.links
            if link.from_ in self.ports
            and any(field.type == "card" for field in self.schemas[link.schema].fields.values())
        )

    def entries(self) -> tuple[Entry, ...]:
        """Where somebody's text reaches a type; customers first, then whoever else writes."""
        found = [
            self._entry(link.from_, link.to, link.schema, "")
            for link in self.fleet.links
            if link.from_ in self.ports and "data" in link.kinds
        ]
        for agent in self.fleet.types:
            for name in agent.actions:
                action = self._actions[name]
                if action.answer is not None:
                    found.append(self._entry(action.port, agent.id, action.answer, name))
        kept = [entry for entry in found if entry is not None]
        return tuple(sorted(kept, key=lambda entry: entry.source != "customer"))  # stable

    def _entry(self, port: str, to: str, schema_id: str, action: str) -> Entry | None:
        schema = self.schemas[schema_id]
        field = text_field(schema)
        if field is None or any(spec.type in ("documents", "card") for spec in schema.fields.values()):
            return None  # documents are signed at ingestion: nobody types into them
        return Entry(port, to, schema, field, action, self.ports[port].source or "")

    def between(self) -> tuple[Link, ...]:
        """Links from one type to another."""
        return tuple(link for link in self.fleet.links if link.from_ in self.types and link.to in self.types)

    def leaving(self) -> tuple[Link, ...]:
        """Those of them that lead from who is cleared for card numbers to who is not."""
        return tuple(x for x in self.between() if self.cleared(x.from_) and not self.cleared(x.to))


def text_field(schema: Schema) -> str | None:
    """The widest field for free text; None where there is none."""
    texts = [(n, f.max or TEXT_CHARS_DEFAULT) for n, f in schema.fields.items() if f.type == "text"]
    return max(texts, key=lambda item: item[1])[0] if texts else None


def digits_room(spec: FieldSpec) -> int:
    """How many digits of somebody's choice fit into one field."""
    match spec.type:
        case "card":
            return DIGITS_MAX
        case "text":
            return spec.max or TEXT_CHARS_DEFAULT
        case "id":
            return spec.max or ID_CHARS_DEFAULT
        case "int":
            return len(str(spec.max if spec.max is not None else _INT_MAX)) - 1
        case "money":
            return len(str(spec.max if spec.max is not None else _MONEY_MAX)) - 1
        case "list" | "documents":
            return DIGITS_MAX
        case _:
            return 0


def carries(schema: Schema) -> str:
    """How a card number could stand in one message of this schema: the easiest way; empty if it cannot."""
    rooms = [(spec.type, digits_room(spec)) for spec in schema.fields.values()]
    for kind, how in (("card", "card field"), ("text", "free text"), ("documents", "documents")):
        if any(found == kind and room >= DIGITS_MIN for found, room in rooms):
            return how
    if any(room >= DIGITS_MIN for _, room in rooms):
        return "one field that is long enough"
    return "digits over several fields" if sum(room for _, room in rooms) >= DIGITS_MIN else ""
