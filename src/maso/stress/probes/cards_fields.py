"""Data minimisation: what the flows between agents declare, what varies, and what receivers pass on.

The declared half is read off the schemas: how many fields, which of them are free text, and whether a card
number could stand in a message at all. The measured half watches honest journeys: a field *varies* when two
of its values differ, and is *used* when a value of it turns up again in something that its receiver sends, or
when something that the receiver may send has a field of that name or fact.

Not traced: free text (what an agent says is its own words), and values that only steer (lists of choices and
flags): those are counted apart and called neither needed nor unneeded.
"""

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

import msgspec

from maso.fleet.model import Fleet, Link
from maso.plane.effects import Deliver, Effect, Perform
from maso.sim.driver import Simulation
from maso.sim.watchers import Performed
from maso.stress.probes.cards_fleet import Cards, carries

# A shorter value (a quantity of 1) turns up by accident; it counts only under its own name.
_TELLING: Final = 4
_TRACED: Final = ("id", "int", "money")
_decode = msgspec.json.Decoder().decode


class FlowFields(NamedTuple):
    """One flow between two types. Counts of fields; `unused` names those that nothing needs."""

    sender: str
    to: str
    schema: str
    fields: int
    texts: int
    steering: int
    varying: int
    unused: tuple[str, ...]
    carries: str  # how a card number could stand in one message; empty if it could not
    leaves: bool  # from who is cleared for card numbers to who is not
    messages: int


class FieldWatch:
    """Watches honest journeys: a `sim.watchers.Watcher`."""

    wants_inbox = False

    def __init__(self) -> None:
        self.sim: Simulation
        self.messages: dict[tuple[str, str], int] = {}
        self._first: dict[tuple[str, str, str], object] = {}
        self.varies: dict[tuple[str, str, str], None] = {}
        self.used: dict[tuple[str, str, str], None] = {}
        self._heard: dict[int, dict[object, list[tuple[str, str, str]]]] = {}  # instance -> value -> fields

    def on_event(self, event: object, now: int) -> None:
        """Only what is let out is looked at."""

    def on_world(self, done: Performed, now: int) -> None:
        """The worlds' side of an action is not a flow between agents."""

    def on_effects(
        self, event: object, effects: Sequence[Effect], records: Sequence[bytes], now: int
    ) -> None:
        for effect in effects:
            if isinstance(effect, Deliver | Perform):
                self._sent(effect)

    def _sent(self, effect: Deliver | Perform) -> None:
        sender = self.sim.actors.get(effect.sender)
        if sender is None or sender.rules.is_port:
            return
        body: dict[str, Any] = _decode(effect.payload)
        heard = self._heard.get(effect.sender, {})
        for name, value in body.items():
            for place in heard.get(_key(value), ()):
                if place[2] == name or len(str(value)) >= _TELLING:
                    self.used[place] = None
        if isinstance(effect, Deliver):
            self._delivered(effect, sender.rules.id, body)

    def _delivered(self, effect: Deliver, sender: str, body: dict[str, Any]) -> None:
        to = self.sim.actors.get(effect.to)
        if to is None:
            return
        way = (sender, to.rules.id)
        self.messages[way] = self.messages.get(way, 0) + 1
        heard = self._heard.setdefault(effect.to, {})
        for name, value in body.items():
            place = (*way, name)
            if self._first.setdefault(place, value) != value:
                self.varies[place] = None
            heard.setdefault(_key(value), []).append(place)


def _key(value: object) -> object:
    return value if isinstance(value, str | int) else str(value)


def flow_fields(fleet: Fleet, watch: FieldWatch) -> list[FlowFields]:
    """Every link between two types, in the order of the file."""
    cards = Cards(fleet)
    named = {agent.id: _names_sent(cards, agent.id) for agent in fleet.types}
    return [_of(cards, link, watch, named[link.to]) for link in cards.between()]


def _of(cards: Cards, link: Link, watch: FieldWatch, names: frozenset[str]) -> FlowFields:
    schema = cards.schemas[link.schema]
    way = (link.from_, link.to)
    unused = tuple(
        name
        for name, spec in schema.fields.items()
        if spec.type in _TRACED and (*way, name) not in watch.used and not {name, f"fact {spec.fact}"} & names
    )
    kinds = [spec.type for spec in schema.fields.values()]
    return FlowFields(
        *way,
        schema.id,
        len(kinds),
        sum(kind in ("text", "documents") for kind in kinds),
        sum(kind in ("enum", "bool") for kind in kinds),
        sum((*way, name) in watch.varies for name in schema.fields),
        unused if watch.messages.get(way) else (),
        carries(schema),
        cards.cleared(link.from_) and not cards.cleared(link.to),
        watch.messages.get(way, 0),
    )


def _names_sent(cards: Cards, agent: str) -> frozenset[str]:
    """Names and facts of the fields in everything that a type may send."""
    actions = {action.id: action for action in cards.fleet.actions}
    schemas = [link.schema for link in cards.fleet.links if link.from_ == agent]
    schemas += [actions[name].schema for name in cards.types[agent].actions]
    names = []
    for schema_id in schemas:
        for name, spec in cards.schemas[schema_id].fields.items():
            names.append(name)
            if spec.fact is not None:
                names.append(f"fact {spec.fact}")
    return frozenset(names)
