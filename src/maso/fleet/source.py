"""From the bytes of a fleet file to a tree of scalars, lists and mappings that know their line and column.

A fleet file is YAML (JSON is YAML too) of a strict kind: one document, no anchors, aliases, tags or merge
keys, no key twice, nothing nested deeper than `MAX_DEPTH`. What a security policy says then stands where
it is read, once. Scalars stay text here; `bind.py` turns them into numbers by the field they are for, so
`no` is never false, `010` never eight and a date never a date object.

The tree is built from the parser's event stream, not by its composer, so that neither nesting nor an alias
bomb can cost more than the limits below. Not handled here: what any of it means.
"""

import re
from collections.abc import Callable, Iterator
from typing import Any, Final, NamedTuple

import yaml

# The largest built-in is under 100 KB and a hand-written fleet of 1,000 agents about 1 MB; four times that.
MAX_BYTES: Final = 4 * 1024 * 1024
# The deepest legal place is journeys/steps/delegate at 6; a JSON writer may add a few.
MAX_DEPTH: Final = 32
# A key is a name of at most 64 characters; more is a mistake worth naming, not a YAML error.
MAX_SHOWN: Final = 60

_PARSER: Final[Any] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
# Control characters (YAML forbids most) and bidirectional overrides, which make a line read as another.
_FORBIDDEN: Final = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\u202a-\u202e\u2066-\u2069\ufeff\ufffe\uffff\ud800-\udfff]"
)
_LONG_NUMBER: Final = re.compile(r"\d(?:[ -]?\d){11,}")  # could be a card: never shown


class Scalar(NamedTuple):
    """Text as written; `plain` is whether it stood without quotes."""

    text: str
    plain: bool
    line: int
    column: int


class Items(NamedTuple):
    items: "tuple[Node, ...]"
    line: int
    column: int


class Mapping(NamedTuple):
    entries: "tuple[tuple[Scalar, Node], ...]"
    line: int
    column: int


Node = Scalar | Items | Mapping
Note = Callable[[int, int, str, str], None]  # line, column, what is wrong, what is legal


class _UnreadableError(Exception):
    """Reading cannot go on; the reason was noted."""


def shown(text: str) -> str:
    """The user's own words in backticks: one line, shortened, without what could be a card number."""
    flat = _LONG_NUMBER.sub("(digits)", " ".join(text.split()))
    flat = "".join(ch if ch.isprintable() else "\N{REPLACEMENT CHARACTER}" for ch in flat).replace("`", "'")
    return f"`{flat[:MAX_SHOWN]}{'...' if len(flat) > MAX_SHOWN else ''}`"


def decode(data: bytes, note: Note) -> str | None:
    """UTF-8 without a byte order mark, or None with the reason noted."""
    if len(data) > MAX_BYTES:
        note(1, 1, f"the file has {len(data)} bytes", f"at most {MAX_BYTES} bytes")
        return None
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        note(1, 1, "the file is not UTF-8: it starts with the byte order mark of UTF-16", "save it as UTF-8")
        return None
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        column = error.start - (data.rfind(b"\n", 0, error.start) + 1) + 1
        note(line, column, f"byte {data[error.start]:#04x} is not UTF-8", "save the file as UTF-8")
        return None


def parse(text: str, note: Note) -> Mapping | None:
    """The file's mapping, or None; every mistake found on the way is noted, and reading goes on if it can."""
    if not _readable(text, note):
        return None
    try:
        root = _build(_events(text), note)
    except _UnreadableError:
        return None
    except yaml.MarkedYAMLError as error:
        _note_syntax(error, text, note)
        return None
    except (yaml.YAMLError, ValueError, RecursionError):
        note(1, 1, "the file is not readable as YAML", "plain YAML or JSON")
        return None
    if isinstance(root, Mapping):
        return root
    line, column = (root.line, root.column) if root is not None else (1, 1)
    what = "the file is empty" if root is None else "the file is not a list of `key: value` lines"
    note(line, column, what, "a mapping that starts with `fleet: NAME`; `maso init` writes one")
    return None


def _readable(text: str, note: Note) -> bool:
    if len(text) > MAX_BYTES:
        note(1, 1, f"the file has {len(text)} characters", f"at most {MAX_BYTES} bytes")
        return False
    if text.startswith("\ufeff"):
        note(1, 1, "the file starts with a byte order mark", "save it as UTF-8 without one")
        return False
    bad = _FORBIDDEN.search(text)
    if bad is None:
        return True
    line = text.count("\n", 0, bad.start()) + 1
    column = bad.start() - (text.rfind("\n", 0, bad.start()) + 1) + 1
    note(line, column, f"the character U+{ord(bad.group()):04X} is hidden or not text", "printable text only")
    return False


def _events(text: str) -> Iterator[Any]:
    loader = _PARSER(text)
    try:
        while loader.check_event():
            yield loader.get_event()
    finally:
        loader.dispose()


_SYNTAX: Final = (
    ("tab character", "a tab is used for indentation", "spaces"),
    ("\\t", "a tab is used for indentation", "spaces"),
    (
        "mapping values are not allowed",
        "a second `:` in one line, or wrong indentation",
        "quote text that holds `: `",
    ),
    ("could not find expected ':'", "a line without `:`", "`key: value`"),
    (
        "'-' indicator",
        "the indentation changes in the middle of a list",
        "`- ` below the `- ` of the entry before, or the keys of one entry below each other",
    ),
    (
        "expected key",
        "the indentation changes here, or something follows a closed quote",
        "indent all keys of a section alike; quote whole values",
    ),
    ("block end", "the indentation changes in the middle of a section", "indent all keys of a section alike"),
    ("quoted scalar", "a quote is not closed", "close it on the same line"),
    ("flow sequence", "a `[` is not closed, or a comma is missing", "`[a, b]`"),
    ("flow mapping", "a `{` is not closed, or a comma is missing", "`{a: 1, b: 2}`"),
    (
        "node content",
        "a list or mapping ends too early",
        "`[a, b]` or `{a: 1, b: 2}`, closed where it was opened",
    ),
    ("alias", "an alias is not readable", "write the part out; aliases are not used in a fleet file"),
    ("anchor", "an anchor is not readable", "write the part out; anchors are not used in a fleet file"),
    ("cannot start any token", "a character that must be quoted starts a value", 'quote it: "..."'),
)


def _note_syntax(error: yaml.MarkedYAMLError, text: str, note: Note) -> None:
    mark: Any = error.problem_mark or error.context_mark
    line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
    if _is_tab(text, line, column):
        note(line, column, "not readable as YAML: a tab is used here", "spaces")
        return
    said = f"{error.context or ''} {error.problem or ''}"
    for sign, what, legal in _SYNTAX:
        if sign in said:
            note(line, column, f"not readable as YAML: {what}", legal)
            return
    note(
        line,
        column,
        f"not readable as YAML: {(error.problem or 'something is out of place').lower()}",
        "YAML or JSON",
    )


def _is_tab(text: str, line: int, column: int) -> bool:
    """The parser says of a tab only that a value cannot start with it."""
    lines = text.split("\n", line)
    return lines[line - 1 : line] != [] and lines[line - 1][column - 1 : column] == "\t"


class _Open:
    """A list or mapping that is being read."""

    __slots__ = ("column", "entries", "is_map", "items", "key", "line", "seen")

    def __init__(self, is_map: bool, line: int, column: int) -> None:
        self.is_map, self.line, self.column = is_map, line, column
        self.items: list[Node] = []
        self.entries: list[tuple[Scalar, Node]] = []
        self.seen: dict[str, int] = {}
        self.key: Scalar | None = None

    def add(self, node: Node, note: Note) -> None:
        if not self.is_map:
            self.items.append(node)
        elif self.key is None:
            self.key = self._as_key(node, note)
        else:
            self._put(self.key, node, note)
            self.key = None

    def _as_key(self, node: Node, note: Note) -> Scalar:
        if isinstance(node, Scalar):
            return node
        note(node.line, node.column, "a key is not a name", "`name: value`")
        return Scalar("", False, node.line, node.column)

    def _put(self, key: Scalar, node: Node, note: Note) -> None:
        first = self.seen.get(key.text)
        if first is not None:
            what = f"the key {shown(key.text)} stands here again; it stood in line {first}"
            note(key.line, key.column, what, "each key once")
            return
        self.seen[key.text] = key.line
        self.entries.append((key, node))

    def close(self) -> Node:
        if self.is_map:
            return Mapping(tuple(self.entries), self.line, self.column)
        return Items(tuple(self.items), self.line, self.column)


def _build(events: Iterator[Any], note: Note) -> Node | None:
    stack: list[_Open] = []
    root: Node | None = None
    documents = 0
    for event in events:
        node: Node | None = None
        if isinstance(event, yaml.DocumentStartEvent):
            documents += 1
            if documents > 1:
                note(_place(event)[0], 1, "a second document starts here", "one fleet in one file")
                raise _UnreadableError
            continue
        if isinstance(event, yaml.AliasEvent):
            node = _alias(event, note)
        elif isinstance(event, yaml.ScalarEvent):
            _plain_only(event, note)
            node = Scalar(event.value, not event.style, *_place(event))
        elif isinstance(event, yaml.MappingStartEvent | yaml.SequenceStartEvent):
            _plain_only(event, note)
            _deeper(stack, event, note)
            stack.append(_Open(isinstance(event, yaml.MappingStartEvent), *_place(event)))
        elif isinstance(event, yaml.MappingEndEvent | yaml.SequenceEndEvent):
            node = stack.pop().close()
        if node is None:
            continue
        if stack:
            stack[-1].add(node, note)
        else:
            root = node
    return root


def _place(event: Any) -> tuple[int, int]:
    return event.start_mark.line + 1, event.start_mark.column + 1


def _alias(event: Any, note: Note) -> Node:
    line, column = _place(event)
    note(
        line,
        column,
        f"the alias {shown('*' + event.anchor)} repeats another part of the file",
        "write the part out",
    )
    return Scalar("", False, line, column)


def _plain_only(event: Any, note: Note) -> None:
    """Neither anchors nor tags: a tag could change what a value is, an anchor where it is said."""
    line, column = _place(event)
    if event.anchor is not None:
        note(
            line,
            column,
            f"the anchor {shown('&' + event.anchor)} is not used in a fleet file",
            "leave it out",
        )
    if event.tag is not None:
        note(line, column, f"the tag {shown(event.tag)} is not used in a fleet file", "leave it out")


def _deeper(stack: list[_Open], event: Any, note: Note) -> None:
    if len(stack) < MAX_DEPTH:
        return
    line, column = _place(event)
    note(line, column, f"nested more than {MAX_DEPTH} deep", f"at most {MAX_DEPTH} levels")
    raise _UnreadableError
