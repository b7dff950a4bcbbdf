"""The guide, the schema and the code say the same."""

import json
import re
from typing import Any

import msgspec
import pytest
import yaml

from maso.fleet.builtins import builtin_names
from maso.fleet.check_rules import COMPARED_ONLY
from maso.fleet.load import load
from maso.fleet.model import Controls
from maso.fleet.reference import renewed
from maso.fleet.schema_export import export, text
from maso.fleet.schema_words import VALUES
from maso.fleet.starter import TEMPLATE, template
from maso.fleet.template import FleetFile
from tests.fleet.given import text_of


@pytest.fixture(scope="module")
def guide(root):
    return (root / "docs" / "fleet-files.md").read_text("utf-8")


def test_the_example_of_the_guide_loads_and_is_what_init_writes(guide):
    (example,) = re.findall(r"^```yaml\n(.*?)^```", guide, re.M | re.S)
    assert example == template() == TEMPLATE
    assert load(example, "guide").mistakes == ()


def test_the_mistake_shown_in_the_guide_is_real(guide):
    shown = re.search(r"there is no schema `refnd`; did you mean `refund`\?", guide)
    assert shown


def test_the_reference_is_current(guide):
    assert renewed(guide) == guide, "run: python -m maso.fleet.reference docs/fleet-files.md"


def test_the_schema_is_current(root):
    written = (root / "docs" / "fleet.schema.json").read_text("utf-8")
    assert written == text(), "run: python -m maso.fleet.schema_export > docs/fleet.schema.json"


def test_every_field_of_the_schema_is_described():
    for name, part in export()["$defs"].items():
        for field, shape in part.get("properties", {}).items():
            assert shape.get("description"), f"{name}.{field}"


def test_every_value_of_a_choice_is_explained(guide):
    """Of `controls`, in the reference: each key, each legal value, and which of them a file may not take."""
    kinds = {f.name: f.type for f in msgspec.inspect.type_info(Controls).fields}  # type: ignore[attr-defined]
    assert {f"Controls.{name}": set(kind.values) for name, kind in kinds.items()} == {
        name: set(values) for name, values in VALUES.items()
    }
    for name, kind in kinds.items():
        for value in kind.values:
            (row,) = re.findall(rf"^\| `{name}` \| `{value}` \| .+ \| (yes|no: .+) \|$", guide, re.M)
            assert (row != "yes") == (COMPARED_ONLY.get(name, ("",))[0] == value), name


def test_every_section_that_is_shown_below_is_shown(guide):
    below = re.findall(r"^\| `(\w+)` \| [^|]*see below", guide, re.M)
    headings = "\n".join(re.findall(r"^### .*$", guide, re.M)).lower()
    in_words = {"label", "clearance", "arguments", "fields", "steps", "roles", "between", "cascade", "order"}
    for name in sorted(set(below) - in_words):
        assert f"`{name}`" in headings or f".{name}`" in headings, name


def resolve(schema, defs):
    while "$ref" in schema:
        schema = defs[schema["$ref"].rpartition("/")[2]]
    return schema


TYPES: dict[str, Any] = {
    "object": dict,
    "array": list,
    "string": str,
    "boolean": bool,
    "integer": int,
    "number": (int, float),
}


KNOWN = {
    "title",
    "description",
    "default",
    "$schema",
    "$defs",
    "type",
    "properties",
    "required",
    "enum",
    "items",
    "anyOf",
}
KNOWN |= {
    "additionalProperties",
    "propertyNames",
    "minimum",
    "maximum",
    "exclusiveMinimum",
    "pattern",
    "minItems",
}


def complaints(value, schema, defs, path="$"):
    """A small validator: the parts of JSON Schema that the export uses, and an error for any other."""
    schema = resolve(schema, defs)
    assert set(schema) <= KNOWN, set(schema) - KNOWN
    if "anyOf" in schema:
        tries = [list(complaints(value, option, defs, path)) for option in schema["anyOf"]]
        if all(tries):
            yield from tries[0]
        return
    if "enum" in schema and value not in schema["enum"]:
        yield f"{path}: {value!r} is not in {schema['enum']}"
    kind = schema.get("type")
    if kind == "null":
        if value is not None:
            yield f"{path}: not null"
        return
    if kind and (not isinstance(value, TYPES[str(kind)]) or (isinstance(value, bool) and kind != "boolean")):
        yield f"{path}: {value!r} is not {kind}"
        return
    low, high = schema.get("minimum", value), schema.get("maximum", value)
    if kind in ("integer", "number") and not low <= value <= high:
        yield f"{path}: {value} out of range"
    if kind == "string" and "pattern" in schema and not re.search(schema["pattern"], value):
        yield f"{path}: {value!r} does not match"
    if kind == "array":
        for i, item in enumerate(value):
            yield from complaints(item, schema["items"], defs, f"{path}[{i}]")
    if kind == "object":
        yield from object_complaints(value, schema, defs, path)


def object_complaints(value, schema, defs, path):
    properties = schema.get("properties", {})
    for name in schema.get("required", []):
        if name not in value:
            yield f"{path}: {name} is missing"
    for name, item in value.items():
        inner = properties.get(name, schema.get("additionalProperties", True))
        if inner is False:
            yield f"{path}: {name} is not known"
        if name not in properties and "propertyNames" in schema:
            yield from complaints(name, schema["propertyNames"], defs, f"{path}.{name}")
        if isinstance(inner, dict):
            yield from complaints(item, inner, defs, f"{path}.{name}")


@pytest.mark.parametrize("name", [*builtin_names(), "starter"])
def test_the_schema_accepts_what_the_loader_accepts(name, root):
    source = TEMPLATE if name == "starter" else text_of(name)
    schema = json.loads((root / "docs" / "fleet.schema.json").read_text("utf-8"))
    tree = yaml.safe_load(source)
    assert list(complaints(tree, schema, schema["$defs"])) == []
    msgspec.convert(tree, FleetFile, strict=False)


def test_the_schema_refuses_an_unknown_field():
    schema = export()
    assert list(
        complaints({"fleet": "x", "kind": "depth", "schemas": [], "sise": 3}, schema, schema["$defs"])
    )
