"""Payloads: a schema becomes a function that writes JSON with fresh text and the session's facts.

`compile_payload` looks at each field once; the function it returns joins ready fragments, so a payload of
five fields costs a few microseconds. Precedence of a field's value: what the world answered (`given`),
the fact that the field names, a generator of the field's type. Fields come in schema order, without
spaces, as the canonical form of `controls/endorse.py` has them.

Card numbers appear in fields of type `card` only: random digits behind prefixes that gateways test with, and
a right check digit. Not handled: agreement between fields that have no fact in common.
"""

from collections.abc import Callable, Collection, Mapping
from typing import Any, Final

import msgspec

from maso.fleet.model import FieldSpec, Schema
from maso.journeys.library import Library
from maso.streams import Stream
from maso.text import writer

Facts = Mapping[str, Any]
Payload = Callable[[Stream, Facts, Facts], bytes]
Value = Callable[[Stream], str]
Produce = Callable[[Stream, Facts, Facts], str]

NOTHING: Final[Facts] = {}
# Prefix and length, of four networks.
CARD_RANGES: Final = (("400000", 16), ("555555", 16), ("378282", 15), ("601111", 16))
OPTIONAL_PER_MILLION: Final = 700_000
LIST_ITEMS_MAX: Final = 3
# Without a limit in the schema numbers stay in a range that a person would write.
INT_SPAN: Final = 1_000
MONEY_MEDIAN: Final = 4_000
TEXT_CHARS: Final = 4_000
ID_CHARS: Final = 12

_quote = msgspec.json.Encoder().encode


def check_digit(digits: str) -> str:
    """The Luhn digit that completes `digits`."""
    total = 0
    for i, d in enumerate(reversed(digits)):
        n = int(d) * (2 if i % 2 == 0 else 1)
        total += n - 9 if n > 9 else n
    return str(-total % 10)


def card_number(stream: Stream) -> str:
    """A card number from a test range, written as customers do: plain or in groups."""
    prefix, length = stream.pick(CARD_RANGES)
    body = prefix + str(stream.below(10 ** (length - 7))).zfill(length - 7)
    digits = body + check_digit(body)
    style = stream.bits(2)
    if style < 2 or length != 16:
        return digits
    return (" " if style == 2 else "-").join(digits[i : i + 4] for i in range(0, 16, 4))


def _text(spec: FieldSpec, kind: str) -> Value:
    write, most = writer(spec.text or kind), spec.max or TEXT_CHARS
    return lambda stream: '"' + write(stream.bits)[:most] + '"'


def _id(most: int) -> Value:
    if most <= 4:
        length = min(3, most)
        return lambda stream: f'"{stream.below(10**length):0{length}d}"'
    tail = min(most, ID_CHARS) - 1
    span = 10 ** min(tail, 9)
    return lambda stream: f'"{"KQRTXZ"[stream.below(6)]}{stream.below(span):0{tail}d}"'


def _int(spec: FieldSpec) -> Value:
    low = spec.min or 0
    high = low + INT_SPAN if spec.max is None else min(spec.max, low + INT_SPAN * INT_SPAN)
    return lambda stream: str(stream.between(low, high))


def _money(spec: FieldSpec) -> Value:
    most = spec.max if spec.max is not None else 10**9
    return lambda stream: str(min(most, stream.latency(MONEY_MEDIAN)))


def _enum(spec: FieldSpec) -> Value:
    choices = tuple(_quote(value).decode() for value in spec.values)
    return lambda stream: stream.pick(choices)


def _list(spec: FieldSpec, kind: str) -> Value:
    item = _value(FieldSpec(type=spec.of or "text", text=spec.text), kind, None)
    most = min(spec.max or LIST_ITEMS_MAX, LIST_ITEMS_MAX)
    return lambda stream: "[" + ",".join([item(stream) for _ in range(stream.between(1, most))]) + "]"


def _documents(spec: FieldSpec, library: Library | None) -> Value:
    if library is None:
        return lambda stream: "[]"
    most = spec.max or LIST_ITEMS_MAX
    return lambda stream: library.passages(stream, most)


def _value(spec: FieldSpec, kind: str, library: Library | None) -> Value:
    """The generator of one field's type."""
    match spec.type:
        case "text":
            return _text(spec, kind)
        case "id":
            return _id(spec.max or ID_CHARS)
        case "int":
            return _int(spec)
        case "money":
            return _money(spec)
        case "enum":
            return _enum(spec)
        case "bool":
            return lambda stream: "true" if stream.bits(1) else "false"
        case "list":
            return _list(spec, kind)
        case "documents":
            return _documents(spec, library)
        case "card":
            return lambda stream: f'"{card_number(stream)}"'


def _fits(spec: FieldSpec) -> Callable[[Any], str | None]:
    """How a fact or an answer of the world is written into the field; None where it does not fit."""
    most = spec.max or TEXT_CHARS

    def write(value: Any) -> str | None:
        if value is True or value is False:
            return str(value).lower() if spec.type == "bool" else None
        if isinstance(value, int):
            return str(value) if spec.type in ("int", "money") else None
        if not isinstance(value, str) or spec.type not in ("text", "id", "enum"):
            return None
        if spec.type == "enum" and value not in spec.values:
            return None
        return _quote(value[:most] if spec.type == "text" else value).decode()

    return write


def _field(name: str, spec: FieldSpec, kind: str, library: Library | None, answered: bool) -> Produce:
    head = f',"{name}":'
    generate, write, fact, optional = _value(spec, kind, library), _fits(spec), spec.fact, spec.optional

    def from_world(stream: Stream, facts: Facts, given: Facts) -> str:
        value = given.get(name) if answered else None
        if value is None and fact is not None:
            value = facts.get(fact)
        written = write(value) if value is not None else None
        if written is not None:
            return head + written
        return fresh(stream, facts, given)

    def fresh(stream: Stream, facts: Facts, given: Facts) -> str:
        if optional and not stream.chance(OPTIONAL_PER_MILLION):
            return ""
        return head + generate(stream)

    if answered or fact is not None:
        return from_world
    return fresh


def compile_payload(
    schema: Schema, kind: str = "task", library: Library | None = None, answered: Collection[str] = ()
) -> Payload:
    """The function `(stream, facts, given) -> JSON bytes` of one schema.

    kind      generator of text fields that name none
    answered  fields that the world answers
    Raises ValueError for a text kind that does not exist.
    """
    produce = [_field(name, spec, kind, library, name in answered) for name, spec in schema.fields.items()]

    def write(stream: Stream, facts: Facts, given: Facts = NOTHING) -> bytes:
        body = "".join([field(stream, facts, given) for field in produce])
        return ("{" + body[1:] + "}").encode()

    return write
