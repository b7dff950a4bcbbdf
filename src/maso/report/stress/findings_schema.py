"""The JSON Schema of `findings.json`, from the structs in `findings.py` and their documentation.

A description of a struct is its docstring's first line; of a field, the docstring's line that names it, or
the comment behind it in the source. Shapes only: what must agree with what (ids that evidence names, ranges
with low not above high) is the engine's affair.

`python -m maso.report.stress.findings_schema > docs/findings.schema.json` renews it; a test holds it current.
"""

import inspect
import json
import re
import sys
import textwrap
from typing import Any, Final

import msgspec

from maso import findings

_DOC_LINE: Final = re.compile(r"^(\w+)\s{2,}(\S.*)$")
_FIELD_LINE: Final = re.compile(r"^\s{4}(\w+):.*?\s#\s(.+)$")


def export() -> dict[str, Any]:
    """The JSON Schema (draft 2020-12)."""
    schema = msgspec.json.schema(findings.Findings)
    for name, part in schema["$defs"].items():
        _describe(getattr(findings, name), part)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": f"maso findings {findings.SCHEMA_VERSION}",
        **schema,
    }


def _describe(struct: type, part: dict[str, Any]) -> None:
    documentation = inspect.cleandoc(struct.__doc__ or "")
    part["description"] = documentation.split("\n\n")[0].replace("\n", " ")
    said = _field_words(struct, documentation)
    names = {field.name: field.encode_name for field in msgspec.structs.fields(struct)}
    for field, name in names.items():
        shape = part["properties"][name]
        if field in said:
            part["properties"][name] = {**shape, "description": said[field]}


def _field_words(struct: type, documentation: str) -> dict[str, str]:
    said: dict[str, str] = {}
    last = ""
    for line in documentation.splitlines()[1:]:
        match = _DOC_LINE.match(line)
        if match:
            last = match[1]
            said[last] = match[2]
        elif last and line.startswith("  "):
            said[last] += f" {line.strip()}"
    for line in textwrap.dedent(inspect.getsource(struct)).splitlines():
        comment = _FIELD_LINE.match(line)
        if comment:
            said.setdefault(comment[1], comment[2])
    return said


def text() -> str:
    return json.dumps(export(), indent=1, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    sys.stdout.write(text())
