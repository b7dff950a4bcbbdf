"""Payloads: whatever the schema, what is written is what the schema takes."""

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from maso.fleet.model import FieldSpec, Schema
from maso.fleet.operations import TEXTS
from maso.fleet.rulebook import compile_schema
from maso.journeys.payloads import card_number, check_digit, compile_payload
from maso.scan.validators import luhn
from maso.streams import stream

NAMES = st.from_regex(r"\A[a-z][a-z0-9_]{0,8}\Z")
TEXT = st.builds(
    FieldSpec,
    type=st.just("text"),
    max=st.none() | st.integers(1, 2_000),
    optional=st.booleans(),
    text=st.none() | st.sampled_from(TEXTS),
)
ID = st.builds(FieldSpec, type=st.just("id"), max=st.none() | st.integers(1, 64), optional=st.booleans())
WHOLE = st.tuples(st.integers(-50, 1_000), st.integers(1, 10**9)).map(
    lambda t: FieldSpec(type="int", min=t[0], max=max(1, t[0] + t[1]))
)
MONEY = st.builds(FieldSpec, type=st.just("money"), max=st.none() | st.integers(1, 10**9))
ENUM = st.lists(st.text(min_size=1), min_size=1, max_size=5, unique=True).map(
    lambda values: FieldSpec(type="enum", values=tuple(values))
)
LIST = st.builds(
    FieldSpec,
    type=st.just("list"),
    of=st.sampled_from(("text", "id", "int")),
    max=st.none() | st.integers(1, 9),
)
OTHER = st.sampled_from((FieldSpec(type="bool"), FieldSpec(type="card"), FieldSpec(type="documents")))
FACTS = st.sampled_from((None, "sku", "total_minor", "address"))
FIELD = st.one_of(TEXT, ID, WHOLE, MONEY, ENUM, LIST, OTHER)


@given(st.dictionaries(NAMES, FIELD, min_size=1, max_size=6), st.integers(0, 2**32))
def test_what_is_written_is_what_the_schema_takes(fields: dict[str, FieldSpec], seed: int) -> None:
    schema = Schema(id="any", fields=fields)
    write = compile_payload(schema)
    decode = msgspec.json.Decoder(compile_schema(schema), strict=True).decode
    draws = stream(seed, "payload")
    for _ in range(5):
        payload = write(draws, {}, {})
        decode(payload)
        written = [name for name in fields if name in json.loads(payload)]
        assert list(json.loads(payload)) == written  # schema order


def one(spec: FieldSpec, facts: dict[str, Any], given: dict[str, Any] | None = None, **more: Any) -> Any:
    write = compile_payload(Schema(id="one", fields={"value": spec}), **more)
    return json.loads(write(stream(1, "one"), facts, given or {}))["value"]


def test_facts_come_before_generators_and_answers_before_facts() -> None:
    spec = FieldSpec(type="money", fact="total_minor")
    assert one(spec, {"total_minor": 4_711}) == 4_711
    assert one(spec, {"total_minor": 4_711}, {"value": 12}, answered=("value",)) == 12
    assert one(spec, {"total_minor": 4_711}, {"value": 12}) == 4_711  # not an answer of this operation


def test_a_fact_of_the_wrong_type_is_not_written() -> None:
    assert one(FieldSpec(type="enum", values=("a", "b"), fact="side"), {"side": "c"}) in ("a", "b")
    assert isinstance(one(FieldSpec(type="int", max=9, fact="sku"), {"sku": "KX-1"}), int)
    assert isinstance(one(FieldSpec(type="id", fact="quantity"), {"quantity": 3}), str)


def test_text_facts_are_escaped_and_cut_to_the_schema() -> None:
    spec = FieldSpec(type="text", max=8, fact="address")
    assert one(spec, {"address": 'a "quoted" one'}) == 'a "quote'


def test_card_numbers_are_right_and_differ() -> None:
    draws = stream(4, "cards")
    cards = [card_number(draws) for _ in range(500)]
    assert len(set(cards)) == 500
    assert any(" " in card for card in cards)
    for card in cards:
        digits = card.replace(" ", "").replace("-", "")
        assert luhn(digits), card
        assert check_digit(digits[:-1]) == digits[-1]


def test_an_unknown_text_kind_is_refused() -> None:
    with pytest.raises(ValueError, match="no text kind `sonnet`"):
        compile_payload(Schema(id="x", fields={"t": FieldSpec(type="text", text="sonnet")}))
