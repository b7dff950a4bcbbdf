"""The published schema of `findings.json`, and the page that explains it, are current."""

import json
import re

import msgspec
import pytest

from maso.findings import Findings, as_document, decode, encode
from maso.report.stress.findings_schema import export, text
from tests.stress.sample_findings import sample


def test_the_schema_is_current(root):
    written = (root / "docs" / "findings.schema.json").read_text("utf-8")
    assert written == text(), "run: python -m maso.report.stress.findings_schema > docs/findings.schema.json"


def test_every_struct_says_what_it_is():
    for name, part in export()["$defs"].items():
        assert part["description"], name
        assert "base class" not in part["description"], name


def test_the_documentation_names_every_field(root):
    page = (root / "docs" / "findings-format.md").read_text("utf-8")
    named = set(re.findall(r"`([a-z0-9_]+)(?:\[\])?`", page))
    missing = {
        f"{name}.{field}"
        for name, part in export()["$defs"].items()
        for field in part.get("properties", {})
        if field not in named
    }
    assert not missing


def test_what_is_encoded_decodes_to_the_same():
    assert decode(encode(sample())) == sample()
    assert json.loads(encode(sample())) == json.loads(json.dumps(as_document(sample())))


def test_a_field_of_another_type_is_refused():
    document = json.loads(encode(sample()))
    document["fleet"]["target"] = "many"
    with pytest.raises(msgspec.ValidationError, match=r"Expected `int`, got `str` - at `\$.fleet.target`"):
        decode(json.dumps(document).encode())


def test_the_class_is_named_class_in_json():
    scaling = export()["$defs"]["ScalingFinding"]["properties"]
    assert "class" in scaling
    assert "scaling_class" not in scaling
    assert isinstance(sample(), Findings)
