"""Schemas: each field has what its type needs and nothing that its type cannot use."""

import keyword
from collections.abc import Iterator
from typing import Final

from maso.fleet.bind import KEY, Path, listed, near
from maso.fleet.ground import Ground
from maso.fleet.model import FieldSpec, Schema
from maso.fleet.operations import FACTS, TEXTS, Range, WorldName, range_of, worlds_of

# What each attribute of a field means something for.
_USES: Final = {
    "max": ("text", "id", "int", "money", "list", "documents"),
    "min": ("int",),
    "values": ("enum",),
    "of": ("list",),
    "text": ("text", "list", "documents"),
    "fact": ("text", "id", "int", "money", "enum", "bool"),
}
# An envelope has 256 KiB at most; a text, a list and a retrieval each leave room for the rest of it.
_MOST: Final = {"text": 100_000, "id": 64, "int": 10**15, "money": 10**12, "list": 1000, "documents": 32}


def check(g: Ground) -> None:
    facts = (f.fact for schema in g.fleet.schemas for f in schema.fields.values() if f.fact)
    worlds = worlds_of((a.operation for a in g.fleet.actions), facts)
    for path, schema in g.each("schemas"):
        for name, spec in schema.fields.items():
            _field(g, (*path, "fields", name), name, spec)
            if spec.fact is not None and FACTS.get(spec.fact) == spec.type:
                _holds(g, (*path, "fields", name), spec, spec.fact, worlds)
        _cards(g, path, schema)


def _field(g: Ground, path: Path, name: str, spec: FieldSpec) -> None:
    if keyword.iskeyword(name):
        g.wrong((*path, KEY), f"`{name}` is a reserved word", "another name")
    for attribute, types in _USES.items():
        given = getattr(spec, attribute)
        if given not in (None, ()) and spec.type not in types:
            g.wrong(
                (*path, attribute),
                f"`{attribute}` means nothing for a field of type `{spec.type}`",
                "leave it out",
            )
    if spec.type == "enum":
        _values(g, path, spec)
    if spec.type == "list" and spec.of is None:
        g.wrong(path, "a list does not say what it is of", "`of: text`, `of: id` or `of: int`")
    if spec.type == "int" and spec.max is not None and (spec.min or 0) > spec.max:
        g.wrong((*path, "min"), f"`min` {spec.min or 0} is above `max` {spec.max}", "at most `max`")
    most = _MOST.get(spec.type)
    if most is not None and spec.max is not None and spec.max > most:
        g.wrong((*path, "max"), f"`max` is {spec.max}", f"at most {most} for a field of type `{spec.type}`")
    _sources(g, path, spec)


def _values(g: Ground, path: Path, spec: FieldSpec) -> None:
    if not spec.values:
        g.wrong(path, "an enum lists no values", "`values: [a, b]`")
    for i, value in enumerate(spec.values):
        if not value or len(value) > 64 or not value.isprintable():
            g.wrong((*path, "values", i), "a value is empty, longer than 64 or not printable", "short words")


def _sources(g: Ground, path: Path, spec: FieldSpec) -> None:
    if spec.text is not None and spec.text not in TEXTS:
        g.wrong(
            (*path, "text"), f"there is no kind of text `{spec.text}`{near(spec.text, TEXTS)}", listed(TEXTS)
        )
    if spec.fact is None:
        return
    if spec.fact not in FACTS:
        g.wrong((*path, "fact"), f"there is no fact `{spec.fact}`{near(spec.fact, FACTS)}", listed(FACTS))
    elif FACTS[spec.fact] != spec.type:
        good = [name for name, kind in FACTS.items() if kind == spec.type]
        what = f"the fact `{spec.fact}` is of type `{FACTS[spec.fact]}`, the field of type `{spec.type}`"
        g.wrong((*path, "fact"), what, listed(good) if good else "leave it out")


def _holds(g: Ground, path: Path, spec: FieldSpec, fact: str, worlds: tuple[WorldName, ...]) -> None:
    """A field that cannot hold its fact would have honest messages refused."""
    known = range_of(fact, worlds)
    if known is not None:
        for attribute, here, there, legal in misfits(spec, known):
            what = f"`{path[-1]}` {here}, and its fact `{fact}` {there}"
            g.wrong((*path, attribute), what, f"{legal}, or the field without `fact`")


def misfits(spec: FieldSpec, known: Range) -> Iterator[tuple[str, str, str, str]]:
    """Why a field cannot hold what comes: the attribute, what it says, what comes, and what is legal."""
    if spec.max is not None and 0 < spec.max < known.high:
        numbers = spec.type in ("int", "money")
        reach = f"goes up to {known.high}" if numbers else f"has up to {known.high} characters"
        yield "max", f"ends at `max` {spec.max}", reach, f"{known.high} or more"
    if spec.type == "int" and (spec.min or 0) > known.low:
        yield "min", f"starts at `min` {spec.min}", f"at {known.low}", f"{known.low} or less"
    missing = [word for word in known.words if word not in spec.values]
    if missing and spec.values:
        yield "values", f"lacks {listed(missing)}", "can be that", f"{listed(known.words)} among them"


def _cards(g: Ground, path: Path, schema: Schema) -> None:
    """A card number goes only to who is cleared for the compartment of `pan`."""
    cards = [name for name, spec in schema.fields.items() if spec.type == "card"]
    if not cards or g.is_broken(("dlp", "compartments")):
        return
    home = g.fleet.dlp.compartments.get("pan")
    if home is None:
        legal = "`dlp: {compartments: {pan: NAME}}` with a compartment for payment alone"
        g.wrong((*path, "fields", cards[0]), "a card number has no compartment", legal)
        return
    for where, link in g.each("links"):
        receiver = g.types.get(link.to)
        if link.schema == schema.id and receiver and home not in receiver.clearance.compartments:
            what = f"`{link.to}` would receive card numbers and is not cleared for `{home}`"
            g.wrong((*where, "schema"), what, f"a schema without a `card` field, or clearance for `{home}`")
    _cards_in_actions(g, schema, home)


def _cards_in_actions(g: Ground, schema: Schema, home: str) -> None:
    for where, action in g.each("actions"):
        port = g.ports.get(action.port)
        if action.schema == schema.id and port and home not in port.clearance.compartments:
            what = f"the port `{action.port}` would receive card numbers and is not cleared for `{home}`"
            g.wrong((*where, "schema"), what, f"a schema without a `card` field, or clearance for `{home}`")
        if action.answer != schema.id:
            continue
        for agent in g.types.values():
            if action.id in agent.actions and home not in agent.clearance.compartments:
                what = f"`{agent.id}` would receive card numbers and is not cleared for `{home}`"
                g.wrong(
                    (*where, "answer"), what, f"a schema without a `card` field, or clearance for `{home}`"
                )
