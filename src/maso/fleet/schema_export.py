"""The JSON Schema of a fleet file, for editors: shapes from the structs, words from their documentation.

A field's description is the line of its struct's docstring that names it, else the comment behind it in
the source, else the entry in `schema_words.py`; a test says when a field has none. The schema knows shapes
and ranges, not what names refer to: `maso check` is the authority, and refuses more.

`python -m maso.fleet.schema_export > docs/fleet.schema.json` renews it; a test holds it to the model.
"""

import inspect
import json
import re
import sys
import textwrap
from typing import Any, Final

import msgspec

from maso.fleet import model, template
from maso.fleet.schema_words import WORDS, WORDS_IN
from maso.fleet.template import FleetFile

_DOC_LINE: Final = re.compile(r"^(\w+)\s{2,}(\S.*)$")
_FIELD_LINE: Final = re.compile(r"^\s{4}(\w+):.*?\s#\s(.+)$")

# Structs whose docstring explains the values of one field, not the fields.
_TABLES_OF_VALUES: Final = (model.FieldSpec,)


def export() -> dict[str, Any]:
    """The JSON Schema (draft 2020-12)."""
    schema = msgspec.json.schema(FleetFile)
    for name, part in schema["$defs"].items():
        struct = getattr(template, name, None) or getattr(model, name)
        _describe(struct, part)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "maso fleet file",
        **schema,
    }


def _describe(struct: type, part: dict[str, Any]) -> None:
    words = documented(struct)
    head = (inspect.getdoc(struct) or "").split("\n\n")[0].replace("\n", " ")
    if head:
        part["description"] = head
    for field, shape in part.get("properties", {}).items():
        text = words_for(struct, field, words)
        if text:
            part["properties"][field] = {**shape, "description": text}


def words_for(struct: type, field: str, documented_words: dict[str, str]) -> str:
    """What is said about one field: of this struct, of its documentation, of the word."""
    for cls in struct.__mro__:
        own = WORDS_IN.get(f"{cls.__name__}.{field}")
        if own:
            return own
    return documented_words.get(field) or WORDS.get(field, "")


def documented(struct: type) -> dict[str, str]:
    """What docstrings and comments say about each field, the nearest class first."""
    words: dict[str, str] = {}
    for cls in struct.__mro__:
        if not issubclass(cls, msgspec.Struct) or cls.__module__.startswith("msgspec"):
            continue
        for name, text in [*_from_docstring(cls), *_from_comments(cls)]:
            words.setdefault(name.removesuffix("_"), text)
    return words


def _from_docstring(cls: type) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    if cls in _TABLES_OF_VALUES:
        return found
    for line in (inspect.getdoc(cls) or "").splitlines()[1:]:
        match = _DOC_LINE.match(line)
        if match:
            found.append((match[1], match[2]))
        elif found and line.startswith("    "):
            found[-1] = (found[-1][0], f"{found[-1][1]} {line.strip()}")
    return found


def _from_comments(cls: type) -> list[tuple[str, str]]:
    lines = textwrap.dedent(inspect.getsource(cls)).splitlines()
    return [(m[1], m[2]) for m in map(_FIELD_LINE.match, lines) if m]


def text() -> str:
    return json.dumps(export(), indent=1, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    sys.stdout.write(text())
