"""The reference of fleet files: every section and field, operation and fact, as Markdown tables.

It is the last part of `docs/fleet-files.md`, after the line `<!-- reference -->`;
`python -m maso.fleet.reference docs/fleet-files.md` renews it there, and a test holds it to the model.
"""

import inspect
import sys
from pathlib import Path
from typing import Final

import msgspec

from maso.fleet import model, operations, template
from maso.fleet.bind import expects
from maso.fleet.check_rules import COMPARED_ONLY
from maso.fleet.schema_export import documented, words_for
from maso.fleet.schema_words import VALUES
from maso.fleet.template import FleetFile

MARK: Final = "<!-- reference -->\n"

_SECTIONS: Final = (
    (FleetFile, "The file"),
    (model.Compartment, "`compartments`"),
    (model.LabelSpec, "A label or clearance"),
    (model.Dlp, "`dlp`"),
    (model.DlpRule, "`dlp.rules`"),
    (model.Provider, "`providers`"),
    (model.Region, "`regions`"),
    (model.Cluster, "`clusters`"),
    (model.Dependency, "`dependencies`"),
    (model.Schema, "`schemas`"),
    (model.FieldSpec, "A field of a schema"),
    (model.Port, "`ports`"),
    (model.Action, "`actions`"),
    (model.Argument, "An argument of a privileged action"),
    (model.AgentType, "`types`"),
    (model.Budgets, "`budgets` of a type"),
    (model.Pace, "`pace` of a type"),
    (model.PaceLevel, "`pace.instance` and `pace.type`"),
    (model.Link, "`links`"),
    (model.Delegation, "`delegations`"),
    (model.Workload, "`workload`"),
    (model.Journey, "`workload.journeys`"),
    (model.Step, "A step of a journey"),
    (model.Identity, "`identity`"),
    (model.ShutdownStage, "`shutdown`"),
    (model.Switch, "`switch`"),
    (model.Judge, "`judge`"),
    (model.Watch, "`watch`"),
    (model.Component, "`components`"),
    (model.PeakPhase, "`peak`"),
    (model.Governance, "`governance`"),
    (model.BudgetStep, "`governance.budget_steps`"),
    (model.ThrottleOption, "`governance.options`"),
    (model.Prices, "`prices`"),
    (model.Controls, "`controls`"),
    (model.Target, "`target`"),
    (template.Desk, "`desks`"),
    (template.Role, "A role of a desk"),
    (template.DeskPort, "A port of a desk"),
    (template.Growth, "`growth`"),
    (template.Place, "`growth.order`"),
    (template.Between, "`growth.between`"),
    (template.CascadePolicy, "`growth.cascade`"),
)


def reference() -> str:
    """Every section and field as Markdown tables."""
    parts = []
    for struct, title in _SECTIONS:
        info = msgspec.inspect.type_info(struct)
        assert isinstance(info, msgspec.inspect.StructType)
        words = documented(struct)
        rows = [_row(struct, f, words) for f in info.fields if not _inherited(struct, f.name)]
        more = " Besides, everything that a type has." if struct is template.Role else ""
        parts.append(_section(title, _head(struct) + more, "field | legal | unless given | meaning", rows))
        parts += [_values(struct, info)] if struct is model.Controls else []
    return "\n".join([*parts, *_vocabulary()])


def _values(struct: type, info: msgspec.inspect.StructType) -> str:
    """What each value of a choice means, and why a file may not take it."""
    rows = []
    for field in info.fields:
        assert isinstance(field.type, msgspec.inspect.LiteralType)
        others = sorted(str(value) for value in field.type.values if value != field.default)
        for value in (str(field.default), *others):
            refused, _, why = COMPARED_ONLY.get(field.name, ("", "", ""))
            legal = f"no: {why}" if value == refused else "yes"
            meaning = VALUES[f"{struct.__name__}.{field.name}"][value]
            rows.append(f"| `{field.encode_name}` | `{value}` | {meaning} | {legal} |")
    return _section("Values of `controls`", _CONTROLS, "key | value | meaning | legal in a file", rows)


_CONTROLS: Final = (
    "The first value of each key is the one unless given. "
    "What is not legal in a file is set by `maso stress` "
    "alone, to measure what the legal one is worth."
)


def _section(title: str, about: str, columns: str, rows: list[str]) -> str:
    rule = "|".join(["---"] * (columns.count("|") + 1))
    return "\n".join([f"### {title}", "", about, "", f"| {columns} |", f"|{rule}|", *rows, ""])


def _vocabulary() -> list[str]:
    """Operations, facts and kinds of text: what a fleet shares with the simulated worlds."""
    rows = []
    for op in operations.OPERATIONS.values():
        arguments = ", ".join(f"`{name}: {a.type}`" for name, a in op.arguments.items()) or "any"
        answers = ", ".join(f"`{name}: {kind}`" for name, kind in op.answer.items())
        marks = ["irreversible"] * op.irreversible + ["moves money"] * op.moves_money
        marks += ["can be endorsed by facts"] * (op.facts_check is not None)
        rows.append(f"| `{op.name}` | {arguments} | {answers} | {', '.join(marks)} |")
    about = "What `operation` may name: the action's schema has the arguments, its answer some of the fields."
    facts = [f"| `{name}` | {kind} | {_ranges(name, kind)} |" for name, kind in operations.FACTS.items()]
    texts = [f"| `{name}` |" for name in operations.TEXTS]
    return [
        _section("Operations", about, "operation | arguments | answer | remarks", rows),
        _section("Facts", _FACTS, "fact | type | how much", facts),
        _section("Kinds of text", "What `text` of a field may name.", "text", texts),
    ]


_FACTS: Final = (
    "What `fact` may name, the type that the field then has, and what the simulated worlds make of it: "
    "a `max`, `min` or `values` that cannot hold all of it is a mistake."
)


def _ranges(name: str, kind: operations.FieldType) -> str:
    """What a fact can be, in each world that knows it."""
    known = {world: ranges[name] for world, ranges in operations.RANGES.items() if name in ranges}
    told: dict[str, list[str]] = {}
    for world, r in known.items():
        told.setdefault(_range(r, kind), []).append(world)
    if len(told) == 1:
        return next(iter(told))
    return ", ".join(f"{words} ({' and '.join(worlds)})" for words, worlds in told.items())


def _range(r: operations.Range, kind: operations.FieldType) -> str:
    if r.words:
        return ", ".join(f"`{word}`" for word in r.words)
    span = f"{r.low:,}" if r.low == r.high else f"{r.low:,} to {r.high:,}"
    return span if kind in ("int", "money") else f"{span} characters"


def _inherited(struct: type, name: str) -> bool:
    return struct is template.Role and name in {f.name for f in msgspec.structs.fields(model.AgentType)}


def _head(struct: type) -> str:
    """The first paragraph of its documentation."""
    return (inspect.getdoc(struct) or "").split("\n\n")[0].replace("\n", " ")


def _row(struct: type, field: msgspec.inspect.Field, words: dict[str, str]) -> str:
    meaning = words_for(struct, field.encode_name, words)
    legal = _legal(field.type) + (" or `null`" if field.required and _nullable(field.type) else "")
    return f"| `{field.encode_name}` | {legal} | {_default(field)} | {meaning} |"


def _nullable(kind: msgspec.inspect.Type) -> bool:
    return isinstance(kind, msgspec.inspect.UnionType)


def _legal(kind: msgspec.inspect.Type) -> str:
    """What is legal, short enough for a table."""
    match kind:
        case msgspec.inspect.Metadata():
            return _legal(kind.type)
        case msgspec.inspect.UnionType():
            others = [_legal(t) for t in kind.types if not isinstance(t, msgspec.inspect.NoneType)]
            return " or ".join(others)
        case msgspec.inspect.StructType():
            return "a mapping, see below"
        case msgspec.inspect.StrType():
            return "a name" if kind.pattern else "text"
        case msgspec.inspect.VarTupleType():
            items = _legal(kind.item_type).replace("a mapping", "mappings").replace("a name", "names")
            return f"a list: {items}"
        case msgspec.inspect.DictType():
            return f"{_legal(kind.key_type)}: {_legal(kind.value_type)}"
    return expects(kind)


def _default(field: msgspec.inspect.Field) -> str:
    if field.required:
        return "**required**"
    value = field.default
    if value is None or value in ("", ()) or value is msgspec.NODEFAULT:
        return "nothing"
    if isinstance(value, msgspec.Struct):
        return "nothing" if not msgspec.to_builtins(value) else f"`{msgspec.json.encode(value).decode()}`"
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    return f"`{', '.join(value) if isinstance(value, tuple) else value}`"


def renewed(guide: str) -> str:
    """The guide with its reference as it should be now."""
    head, mark, _ = guide.partition(MARK)
    return head + mark + "\n" + reference()


if __name__ == "__main__":
    target = Path(sys.argv[1])
    target.write_text(renewed(target.read_text("utf-8")), "utf-8")
