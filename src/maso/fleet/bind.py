"""From the tree of a fleet file to its structs, collecting every mistake instead of stopping at the first.

The shapes are those of `template.FleetFile`, read with `msgspec.inspect`, so a field that is added to the
model is read, checked and documented without a change here. Conversion is directed by the field: text is
taken as written, a number must be written in plain digits, true and false are the only truth values, and
nothing is guessed.

A mistake does not end the reading: the field gets a stand-in, its element is marked as broken, and the
checks on meaning (`semantics.py`) leave broken elements alone. Not handled here: what the names refer to.
"""

import difflib
import re
from collections.abc import Iterable
from typing import Any, Final, Literal, get_args, get_origin

import msgspec
from msgspec import inspect

from maso.fleet import model
from maso.fleet.source import Items, Mapping, Node, Note, Scalar, shown

Path = tuple[str | int, ...]
KEY: Final = "\0key"  # the last part of a path that means the key itself, not its value

# Larger than any amount, count or time that a fleet can mean, and exact in a float.
_DIGITS_MAX: Final = 15
_INT: Final = re.compile(r"[-+]?(0|[1-9][0-9]*|[1-9][0-9]{0,2}(_[0-9]{3})+)")
_FLOAT: Final = re.compile(
    r"[-+]?(0|[1-9][0-9]*|[1-9][0-9]{0,2}(_[0-9]{3})+)(\.[0-9]+)?([eE][-+]?[0-9]{1,2})?"
)
# msgspec sorts the values of a Literal; people expect `public` before `restricted`.
_ORDERS: Final = {
    frozenset(get_args(alias)): get_args(alias)
    for alias in vars(model).values()
    if get_origin(alias) is Literal
}
_NULLS: Final = ("", "~", "null", "Null", "NULL")
_TEXT_MAX: Final = 2000  # longer is a pasted document, not a remark


def near(word: str, legal: Iterable[str]) -> str:
    """`; did you mean ...?` or nothing. Long words are no typing mistakes and would cost time."""
    close = difflib.get_close_matches(word[:64], list(legal), n=1, cutoff=0.6)
    return f"; did you mean `{close[0]}`?" if close else ""


def listed(names: Iterable[str], most: int = 40) -> str:
    """Legal names for people, each once, cut where a screen would."""
    all_names = list(dict.fromkeys(names))
    if not all_names:
        return "nothing so far"
    rest = len(all_names) - most
    return ", ".join(f"`{n}`" for n in all_names[:most]) + (f" and {rest} more" if rest > 0 else "")


class Bound:
    """What binding found out: where each value stands, and which elements cannot be trusted.

    marks   path of a value (or of a key, with `KEY` at its end) -> line, column
    broken  paths of elements with a mistake in them, up to the root
    """

    def __init__(self) -> None:
        self.marks: dict[Path, tuple[int, int]] = {}
        self.broken: set[Path] = set()

    def mark(self, path: Path) -> tuple[int, int]:
        """The place of `path`, or of the nearest enclosing part that stands in the file."""
        while path not in self.marks and path:
            path = path[:-1]
        return self.marks.get(path, (1, 1))

    def is_broken(self, path: Path) -> bool:
        """Whether the element or anything inside it, or the list that holds it, has a mistake."""
        return any(path[:n] in self.broken for n in (len(path), 1) if n)


class Binder:
    """One reading of one file. `struct` is the entry; everything else is called by type."""

    def __init__(self, note: Note) -> None:
        self.bound = Bound()
        self._note = note
        self._paths: list[tuple[Path, str]] = []

    def wrong(self, node: Node, path: Path, what: str, legal: str) -> None:
        self._note(node.line, node.column, what, legal)
        elements = [n for n in range(1, len(path) + 1) if n != 1 or len(path) == 1]
        self.bound.broken.update(path[:n] for n in elements)

    def value(self, kind: inspect.Type, node: Node, path: Path) -> Any:
        """The value of `node` as `kind`; a stand-in when it is wrong."""
        self.bound.marks[path] = (node.line, node.column)
        match kind:
            case inspect.Metadata():
                repeats = bool(kind.extra and kind.extra.get("repeats"))
                if repeats and isinstance(kind.type, inspect.VarTupleType):
                    return self._items(kind.type, node, path, once=False)
                return self.value(kind.type, node, path)
            case inspect.StructType():
                return self.struct(kind, node, path)
            case inspect.VarTupleType():
                return self._items(kind, node, path)
            case inspect.DictType():
                return self._mapping(kind, node, path)
            case inspect.UnionType():
                return self._union(kind, node, path)
            case _:
                return self._scalar(kind, node, path)

    def struct(self, kind: inspect.StructType, node: Node, path: Path) -> Any:
        given: dict[str, Any] = {}
        if not isinstance(node, Mapping):
            legal = "a mapping with " + listed(f.encode_name for f in kind.fields if f.required)
            self.wrong(node, path, self._not_a("mapping", node), legal if kind.fields else "a mapping")
        else:
            given = self._fields(kind, node, path)
        for field in kind.fields:
            if field.required and field.name not in given:
                if isinstance(node, Mapping) and field.encode_name not in {k.text for k, _ in node.entries}:
                    self.wrong(node, path, f"`{field.encode_name}` is missing", expects(field.type))
                given[field.name] = _stand_in(field.type)
        return kind.cls(**given)

    def _fields(self, kind: inspect.StructType, node: Mapping, path: Path) -> dict[str, Any]:
        legal = {f.encode_name: f for f in kind.fields}
        given: dict[str, Any] = {}
        for key, child in node.entries:
            field = legal.get(key.text)
            if field is None:
                what = f"{shown(key.text)} is not known here{near(key.text, legal)}"
                self.wrong(key, (*path, key.text), what, listed(legal))
                continue
            below = (*path, key.text)
            self.bound.marks[(*below, KEY)] = (key.line, key.column)
            given[field.name] = self.value(field.type, child, below)
        return given

    def _items(
        self, kind: inspect.VarTupleType, node: Node, path: Path, once: bool = True
    ) -> tuple[Any, ...]:
        if not isinstance(node, Items):
            self.wrong(
                node, path, self._not_a("list", node), f"a list: {expects(kind)}, or leave the key out"
            )
            return ()
        if kind.min_length and len(node.items) < kind.min_length:
            self.wrong(node, path, "the list is empty", f"at least {kind.min_length}")
        values = tuple(self.value(kind.item_type, item, (*path, i)) for i, item in enumerate(node.items))
        item_type = kind.item_type.type if isinstance(kind.item_type, inspect.Metadata) else kind.item_type
        if once and isinstance(item_type, inspect.StrType | inspect.LiteralType):
            self._no_twins(node, path)
        return values

    def _no_twins(self, node: Items, path: Path) -> None:
        seen: set[str] = set()
        for i, item in enumerate(node.items):
            if isinstance(item, Scalar):
                if item.text in seen:
                    self.wrong(
                        item, (*path, i), f"{shown(item.text)} stands twice in the list", "each name once"
                    )
                seen.add(item.text)

    def _mapping(self, kind: inspect.DictType, node: Node, path: Path) -> dict[str, Any]:
        if not isinstance(node, Mapping):
            self.wrong(node, path, self._not_a("mapping", node), "`name: value`, or leave the key out")
            return {}
        result: dict[str, Any] = {}
        for key, child in node.entries:
            below = (*path, key.text)
            name = self._scalar(kind.key_type, key, below)
            self.bound.marks[(*below, KEY)] = (key.line, key.column)
            result[name] = self.value(kind.value_type, child, below)
        return result

    def _union(self, kind: inspect.UnionType, node: Node, path: Path) -> Any:
        empty = isinstance(node, Scalar) and node.plain and node.text in _NULLS
        if empty and any(isinstance(t, inspect.NoneType) for t in kind.types):
            return None
        others = [t for t in kind.types if not isinstance(t, inspect.NoneType)]
        return self.value(others[0], node, path)

    def _scalar(self, kind: inspect.Type, node: Node, path: Path) -> Any:
        if isinstance(kind, inspect.Metadata):
            return self._scalar(kind.type, node, path)
        self.bound.marks.setdefault(path, (node.line, node.column))
        problem = _problem(kind, node)
        if problem is None:
            assert isinstance(node, Scalar)
            return _convert(kind, node.text)
        key = next((part for part in reversed(path) if isinstance(part, str)), "")
        if key and isinstance(kind, inspect.IntType | inspect.FloatType):
            problem = f"{problem} (`{key}`)"
        self.wrong(node, path, problem, expects(kind))
        if isinstance(kind, inspect.StrType) and isinstance(node, Scalar):
            return node.text[:64]  # so that what refers to it is not called unknown as well
        return _stand_in(kind)

    def _not_a(self, wanted: str, node: Node) -> str:
        if isinstance(node, Scalar):
            return "nothing stands here" if node.text in _NULLS else f"{shown(node.text)} is not a {wanted}"
        return f"a {'list' if isinstance(node, Items) else 'mapping'} stands here"


def _problem(kind: inspect.Type, node: Node) -> str | None:
    """What is wrong with `node` as `kind`, or None."""
    if not isinstance(node, Scalar):
        return f"a {'list' if isinstance(node, Items) else 'mapping'} stands where one value belongs"
    if node.plain and node.text in _NULLS and not isinstance(kind, inspect.NoneType):
        return "nothing stands here"
    if not node.text and not isinstance(kind, inspect.NoneType | inspect.StrType):
        return "an empty text stands here"
    match kind:
        case inspect.StrType():
            return _text_problem(kind, node)
        case inspect.IntType():
            return _number_problem(kind, node, _INT)
        case inspect.FloatType():
            return _number_problem(kind, node, _FLOAT)
        case inspect.BoolType():
            good = node.plain and node.text in ("true", "false")
            return None if good else f"{shown(node.text)} is neither true nor false"
        case inspect.LiteralType():
            if node.text in kind.values:
                return None
            return f"{shown(node.text)} is not one of them{near(node.text, map(str, kind.values))}"
    return f"{shown(node.text)} cannot stand here"


def _text_problem(kind: inspect.StrType, node: Scalar) -> str | None:
    if kind.pattern is not None and not re.fullmatch(kind.pattern.removesuffix("$"), node.text):
        return f"{shown(node.text)} is not a name"
    if len(node.text) > _TEXT_MAX:
        return f"the text has {len(node.text)} characters"
    return None


def _number_problem(
    kind: inspect.IntType | inspect.FloatType, node: Scalar, form: re.Pattern[str]
) -> str | None:
    if not node.plain:
        return f"{shown(node.text)} is text, since it stands in quotes"
    if not form.fullmatch(node.text):
        word = "a whole number" if isinstance(kind, inspect.IntType) else "a number"
        return f"{shown(node.text)} is not {word} in plain digits"
    if sum(ch.isdigit() for ch in node.text) > _DIGITS_MAX:
        return "the number has too many digits"
    number = float(node.text)
    for limit, good, word in (
        (kind.ge, kind.ge is None or number >= kind.ge, "at least"),
        (kind.le, kind.le is None or number <= kind.le, "at most"),
        (kind.gt, kind.gt is None or number > kind.gt, "more than"),
        (kind.lt, kind.lt is None or number < kind.lt, "less than"),
    ):
        if not good:
            return f"{shown(node.text)} is out of range: {word} {limit}"
    return None


def _convert(kind: inspect.Type, text: str) -> Any:
    match kind:
        case inspect.IntType():
            return int(text)
        case inspect.FloatType():
            return float(text)
        case inspect.BoolType():
            return text == "true"
    return text


def expects(kind: inspect.Type) -> str:
    """What may stand in a field of this type, for people."""
    match kind:
        case inspect.Metadata():
            return expects(kind.type)
        case inspect.UnionType():
            return " or ".join(expects(t) for t in kind.types if not isinstance(t, inspect.NoneType))
        case inspect.LiteralType():
            return listed(_ORDERS.get(frozenset(kind.values), kind.values))
        case inspect.BoolType():
            return "`true` or `false`"
        case inspect.IntType() | inspect.FloatType():
            return _expects_number(kind)
        case inspect.StrType():
            return _expects_text(kind)
        case inspect.VarTupleType():
            return f"`[{_item_word(kind.item_type)}, ...]`"
        case inspect.DictType():
            return "`name: value` lines"
        case inspect.StructType():
            return "a mapping with " + listed(f.encode_name for f in kind.fields)
    return "a value"


def _expects_number(kind: inspect.IntType | inspect.FloatType) -> str:
    word = "a whole number" if isinstance(kind, inspect.IntType) else "a number"
    if kind.ge is not None and kind.le is not None:
        return f"{word} from {kind.ge} to {kind.le}"
    if kind.ge is not None:
        return f"{word}, {kind.ge} or more"
    if kind.gt is not None:
        return f"{word}, more than {kind.gt}" + (f", at most {kind.le}" if kind.le is not None else "")
    return word


def _expects_text(kind: inspect.StrType) -> str:
    if kind.pattern is None:
        return f"text of at most {_TEXT_MAX} characters"
    if "." not in kind.pattern.split("]{")[0]:
        return "a name of lower case letters, digits and `_`, starting with a letter, at most 64 characters"
    return "a name of lower case letters, digits, `-`, `_` and `.`, at most 64 characters"


def _item_word(kind: inspect.Type) -> str:
    match kind:
        case inspect.Metadata():
            return _item_word(kind.type)
        case inspect.StructType():
            return "{" + ", ".join(f"{f.encode_name}: ..." for f in kind.fields if f.required) + "}"
        case inspect.LiteralType():
            return " | ".join(map(str, kind.values))
    return "name"


def _stand_in(kind: inspect.Type) -> Any:
    """Something of the right type for a field whose value is wrong; its element is marked as broken."""
    match kind:
        case inspect.Metadata():
            return _stand_in(kind.type)
        case inspect.UnionType():
            others = [t for t in kind.types if not isinstance(t, inspect.NoneType)]
            return None if len(others) < len(kind.types) else _stand_in(others[0])
        case inspect.StructType():
            return kind.cls(**{f.name: _stand_in(f.type) for f in kind.fields if f.required})
        case inspect.VarTupleType():
            return ()
        case inspect.DictType():
            return {}
        case inspect.LiteralType():
            return kind.values[0]
        case inspect.BoolType():
            return False
        case inspect.IntType():
            return int(kind.ge or 1)
        case inspect.FloatType():
            return float(kind.ge or 1)
    return ""


def bind(kind: type[msgspec.Struct], root: Mapping, note: Note) -> tuple[Any, Bound]:
    """`root` as an instance of `kind` (with stand-ins where it is wrong), and where everything stands."""
    info = inspect.type_info(kind)
    assert isinstance(info, inspect.StructType)
    binder = Binder(note)
    return binder.value(info, root, ()), binder.bound
