"""Numbers of a fleet file that can be neither zero nor negative are refused, wherever they stand."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from maso.fleet.builtins import builtin_path
from maso.fleet.load import load

SCHEMA = Path(__file__).parents[2] / "docs" / "fleet.schema.json"
# The least value of an integer field of a schema may be below zero: a difference, a temperature.
SIGNED = ("min",)


def numbers(node: object, name: str = "") -> Iterator[tuple[str, dict[str, object]]]:
    """Every number that the schema takes, with the key over it."""
    if isinstance(node, dict):
        if node.get("type") in ("number", "integer"):
            yield name, node
        for key, child in node.items():
            kept = name if key in ("anyOf", "items", "additionalProperties", "properties", "$defs") else key
            yield from numbers(child, kept)
    elif isinstance(node, list):
        for child in node:
            yield from numbers(child, name)


def test_every_number_has_a_lower_end() -> None:
    found = list(numbers(json.loads(SCHEMA.read_text("utf-8"))))
    assert len(found) > 60
    open_ends = {name for name, one in found if not {"minimum", "exclusiveMinimum"} & one.keys()}
    assert sorted(open_ends) == sorted(SIGNED)


@pytest.mark.parametrize(
    ("key", "value", "words"),
    [
        ("escalations_per_hour_max: 50", "-5", "0 or more"),
        ("audit_hours_max: 40", "0", "more than 0"),
        ("delegation_latency_ms_max: 10", "-5", "more than 0"),
        ("audit_rules_per_hour: 60", "-1", "more than 0"),
        ("reviews_per_reviewer_hour: 12", "0", "more than 0"),
        ("in_flight_confirm_per_second: 10", "-5", "more than 0"),
        ("false_alarms_per_day_max: 50", "-0.5", "0 or more"),
    ],
)
def test_budgets_below_their_range_are_refused_with_line_and_key(key: str, value: str, words: str) -> None:
    path = builtin_path("ecommerce-10k")
    assert path is not None
    name = key.partition(":")[0]
    text = path.read_text("utf-8")
    assert text.count(key) == 1
    loaded = load(text.replace(key, f"{name}: {value}"), "bad.yaml")
    assert loaded.file is None
    line = text[: text.index(key)].count("\n") + 1
    told = [str(problem) for problem in loaded.mistakes]
    assert len(told) == 1
    assert f":{line}:" in told[0]
    assert f"`{name}`" in told[0]
    assert words in told[0]
