"""What an agent may tell where a compartment of data with a format is shed (DP-2.5).

Out of such a compartment (cards, accounts, people) an id or a number leaves only if its sender received it in
a message without that compartment: `controls/derive.py` holds every value to that. Here a journey is followed
beforehand, by what its fields are filled from.

A value that was never told is one of two things. Where nothing of its kind was told either, such a message is
refused. Else an honest session tells another value of that kind in its place (`journeys/actors.py`): it
passes, and says something else than it should. A value counts as told under its fact, or under the name of
its field: an amount that was asked for as `amount_minor` is the amount that is reported as that.

Not seen: labels that DLP raises, limits of a field that a stand-in would not fit, and facts that change
between being told and being told on.
"""

from collections.abc import Iterable, Iterator, Mapping
from enum import StrEnum
from typing import Final, NamedTuple

from maso.fleet.model import Fleet, Journey, Schema, Step

# Fields whose values could spell something out, and what stands in for each.
KINDS: Final = {"id": "id", "int": "number", "money": "number"}


class How(StrEnum):
    """How a value may not be told."""

    NOTHING = "nothing of its kind was told"
    ANOTHER = "another of its kind was told"


class Untold(NamedTuple):
    """A field whose value its sender may not tell. `kind`: id or number."""

    field: str
    fact: str | None
    kind: str
    optional: bool
    how: How


def sheds_of(fleet: Fleet) -> dict[str, frozenset[str]]:
    """For each agent type the guarded compartments that some flow of it sheds."""
    guarded = frozenset(fleet.dlp.compartments.values())
    actions = {action.id: action for action in fleet.actions}
    found: dict[str, set[str]] = {agent.id: set() for agent in fleet.types}
    for link in fleet.links:
        if link.from_ in found:
            found[link.from_].update(link.declassify)
    for agent in fleet.types:
        for name in agent.actions:
            found[agent.id].update(actions[name].declassify if name in actions else ())
    return {name: frozenset(shed) & guarded for name, shed in found.items()}


class Telling:
    """One journey. What each type may tell: facts by name, and kinds of values."""

    def __init__(self, sheds: Mapping[str, frozenset[str]]) -> None:
        self._sheds = sheds
        self._names: dict[str, set[str]] = {}
        self._kinds: dict[str, set[str]] = {}

    def hear(self, receiver: str, schema: Schema | None, compartments: Iterable[str]) -> None:
        """A message of this schema arrives, with these compartments."""
        sheds = self._sheds.get(receiver, frozenset())
        if schema is None or not sheds or sheds.intersection(compartments):
            return
        for name, spec in schema.fields.items():
            if spec.type in KINDS:
                self._names.setdefault(receiver, set()).update((name, spec.fact or name))
                self._kinds.setdefault(receiver, set()).add(KINDS[spec.type])

    def untold(
        self, sender: str, schema: Schema | None, held: Iterable[str], declassify: Iterable[str]
    ) -> tuple[Untold, ...]:
        """Fields of a message that sheds some of what its sender holds, whose values that may not tell."""
        leaves = self._sheds.get(sender, frozenset()).intersection(held)
        if schema is None or not leaves.intersection(declassify):
            return ()
        names, kinds = self._names.get(sender, set()), self._kinds.get(sender, set())
        return tuple(
            Untold(
                name,
                spec.fact,
                KINDS[spec.type],
                spec.optional,
                How.ANOTHER if KINDS[spec.type] in kinds else How.NOTHING,
            )
            for name, spec in schema.fields.items()
            if spec.type in KINDS and not names.intersection((name, spec.fact or name))
        )


class Found(NamedTuple):
    """Where a journey tells such a value: by a link or an action, as `A > B` or `A: ACTION`."""

    journey: str
    flow: str
    untold: Untold


def untold_in(fleet: Fleet) -> Iterator[Found]:
    """All of them in the fleet's journeys, each once."""
    walk = _Walk(fleet)
    seen: set[tuple[str, str, str]] = set()
    for journey in fleet.workload.journeys:
        for found in walk.along(journey):
            key = (found.journey, found.flow, found.untold.field)
            if key not in seen:
                seen.add(key)
                yield found


class _Walk:
    """What the rules of a sound fleet make of its journeys."""

    def __init__(self, fleet: Fleet) -> None:
        self._sheds = sheds_of(fleet)
        self._schemas = {schema.id: schema for schema in fleet.schemas}
        self._ports = {port.id: port.label.compartments for port in fleet.ports}
        self._actions = {action.id: action for action in fleet.actions}
        self._links = {(link.from_, link.to, kind): link for link in fleet.links for kind in link.kinds}
        self._held: dict[str, tuple[str, ...]] = {}
        self._telling = Telling(self._sheds)

    def along(self, journey: Journey) -> Iterator[Found]:
        self._held, self._telling = dict(self._ports), Telling(self._sheds)
        for step in journey.steps:
            if step.from_ is None:
                continue
            flow, untold = self._act(step) if step.action is not None else self._send(step)
            yield from (Found(journey.id, flow, one) for one in untold)

    def _act(self, step: Step) -> tuple[str, tuple[Untold, ...]]:
        agent, action = step.from_ or "", self._actions[step.action or ""]
        held = self._held.get(agent, ())
        untold = self._telling.untold(agent, self._schemas[action.schema], held, action.declassify)
        if action.answer is not None:
            self._hears(agent, action.answer, self._ports[action.port])
        return f"{agent}: {action.id}", untold

    def _send(self, step: Step) -> tuple[str, tuple[Untold, ...]]:
        sender, receiver = step.from_ or "", step.to or ""
        link = self._links.get((sender, receiver, step.kind))
        if link is None:
            return "", ()  # a mistake, and told as one
        held = self._held.get(sender, ())
        untold = self._telling.untold(sender, self._schemas[link.schema], held, link.declassify)
        if sender != receiver:
            self._hears(receiver, link.schema, tuple(c for c in held if c not in link.declassify))
        return f"{sender} > {receiver}", untold

    def _hears(self, receiver: str, schema: str, compartments: tuple[str, ...]) -> None:
        self._held[receiver] = tuple(dict.fromkeys((*self._held.get(receiver, ()), *compartments)))
        self._telling.hear(receiver, self._schemas[schema], compartments)
