"""`--set key=value`: one key of a fleet file changed in its text, so that what ran can be read and run again.

The key is a dotted path. Names in it are the file's own keys; an element of a list is named by its `id`,
or by its place, counted from 0: `types.payment.budgets.turns=10`, `workload.session_minutes=20`,
`types.0.risk=high`. Ids may hold dots: the longest name that fits is taken. A key that is not there yet is
added, if what it would stand in is there. The value is YAML on one line, such as `0.5` or `[pci, pii]`.

The text is changed, not the tree, so comments stay, and the loader says what is wrong with the result in
its own words; a mistake inside what was set names the `--set`. Only a file that was right before is
changed: so it has no anchors, no second document, and no depth that the loader would not have taken.

Not handled: removing a key, and giving one element of a list another `id` and using it in the same command.
"""

import json
import re
from collections.abc import Sequence
from typing import Any, Final, NamedTuple

import yaml

from maso.cli.arguments import closest, words
from maso.cli.ending import usage
from maso.fleet.load import Mistake

_LOADER: Final[Any] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_NAME: Final = re.compile(r"[a-z0-9][a-z0-9_.\-]*\Z")
_LISTED_MAX: Final = 12  # more names than this are no help in a message


class Override(NamedTuple):
    """One `--set`, split. `said` is the option as typed."""

    key: str
    value: str
    said: str


class _Edit(NamedTuple):
    """`text[start:end]` becomes `new`."""

    start: int
    end: int
    new: str


class _Span(NamedTuple):
    """What one override wrote: from `start` to `end` in the changed text."""

    start: int
    end: int
    override: Override


class Changed(NamedTuple):
    """The changed text, and which part of it comes from which override."""

    text: str
    spans: tuple[_Span, ...]

    def blame(self, mistake: Mistake) -> str:
        """The mistake for the user: in what was set, it names the option instead of a line."""
        starts = [0]
        for line in self.text.splitlines(keepends=True):
            starts.append(starts[-1] + len(line))
        if 0 < mistake.line < len(starts):
            at = starts[mistake.line - 1] + mistake.column - 1
            for span in reversed(self.spans):
                if span.start <= at < max(span.end, span.start + 1):
                    legal = f"; legal: {mistake.legal}" if mistake.legal else ""
                    return f"`--set {span.override.said}`: {mistake.what}{legal}"
        return str(mistake)


def split(setting: str) -> Override:
    """`key=value`; raises Stop."""
    key, equals, value = setting.partition("=")
    segments = key.split(".")
    if not equals or not all(_NAME.match(segment) for segment in segments):
        raise usage(f"`--set` is {words(setting)}; legal: `KEY=VALUE`, such as `types.payment.risk=high`")
    if not value.isprintable():
        raise usage(f"the value of `--set {key}` is not plain text; legal: YAML on one line, printable")
    return Override(key, value.strip(), words(setting).strip("`"))


def change(text: str, overrides: Sequence[Override]) -> Changed:
    """Apply each override to the text of a right fleet file, in order; raises Stop."""
    spans: list[_Span] = []
    for override in overrides:
        edit = _edit(_composed(text, override), text, override)
        text = text[: edit.start] + edit.new + text[edit.end :]
        grown = len(edit.new) - (edit.end - edit.start)
        spans = [_moved(span, edit, grown) for span in spans]
        spans.append(_Span(edit.start, edit.start + len(edit.new), override))
    return Changed(text, tuple(spans))


def _composed(text: str, override: Override) -> Any:
    try:
        return yaml.compose(text, Loader=_LOADER)
    except yaml.YAMLError:
        raise usage(f"`--set {override.said}`: what was set before it does not read as YAML") from None


def _moved(span: _Span, edit: _Edit, grown: int) -> _Span:
    start = span.start + grown if span.start >= edit.end else span.start
    end = span.end + grown if span.end >= edit.end else span.end
    return span._replace(start=start, end=end)


def _edit(root: Any, text: str, override: Override) -> _Edit:
    node, key_node = root, None
    rest = override.key.split(".")
    while rest:
        if isinstance(node, yaml.MappingNode):
            found = _longest(rest, {key.value: (value, key) for key, value in node.value})
            if found is None:
                return _insertion(node, text, rest, override)
            taken, (node, key_node) = found
        elif isinstance(node, yaml.SequenceNode):
            taken, node = _element(node, rest, override)
            key_node = None
        else:
            done = override.key[: len(override.key) - len(".".join(rest)) - 1]
            raise usage(f"`--set {override.said}`: `{done}` holds one value, there is nothing below it")
        rest = rest[taken:]
    return _replacement(node, key_node, override)


def _longest(rest: list[str], known: dict[str, Any]) -> tuple[int, Any] | None:
    for taken in range(len(rest), 0, -1):
        name = ".".join(rest[:taken])
        if name in known:
            return taken, known[name]
    return None


def _element(node: yaml.SequenceNode, rest: list[str], override: Override) -> tuple[int, Any]:
    by_id = {}
    for item in node.value:
        if isinstance(item, yaml.MappingNode):
            ids = [value.value for key, value in item.value if key.value == "id"]
            by_id.update(dict.fromkeys(map(str, ids), item))
    found = _longest(rest, by_id)
    if found is not None:
        return found
    if rest[0].isascii() and rest[0].isdigit() and len(rest[0]) < 7 and int(rest[0]) < len(node.value):
        return 1, node.value[int(rest[0])]
    places = f"a place from 0 to {len(node.value) - 1}" if node.value else "nothing, the list is empty"
    shown = ", ".join(f"`{name}`" for name in list(by_id)[:_LISTED_MAX])
    more = ", ..." if len(by_id) > _LISTED_MAX else ""
    raise usage(
        f"`--set {override.said}`: the list has no element `{rest[0]}`{closest(rest[0], list(by_id))};"
        f" legal: {shown}{more}{' or ' if shown else ''}{places}"
    )


def _replacement(node: Any, key_node: Any, override: Override) -> _Edit:
    end = _end_of(node)
    if key_node is None:
        return _Edit(node.start_mark.index, end, _value(override.value))
    # From behind the key: a list in block form may begin in the next line, at the key's own column.
    return _Edit(key_node.end_mark.index, end, f": {_value(override.value)}")


def _end_of(node: Any) -> int:
    """Where a node's text ends; the end mark of a block lies behind the comments that follow it."""
    if isinstance(node, yaml.ScalarNode) or getattr(node, "flow_style", False):
        return int(node.end_mark.index)
    leaves = [leaf for pair in node.value for leaf in (pair if isinstance(pair, tuple) else (pair,))]
    return max((_end_of(leaf) for leaf in leaves), default=int(node.end_mark.index))


def _insertion(node: yaml.MappingNode, text: str, rest: list[str], override: Override) -> _Edit:
    value = _value(override.value)
    for name in reversed(rest[1:]):
        value = f"{{{name}: {value}}}"
    line = f"{rest[0]}: {value}"
    if node.flow_style:
        at = int(node.start_mark.index) + 1
        return _Edit(at, at, f"{line}, " if node.value else line)
    first = node.value[0][0].start_mark
    return _Edit(first.index, first.index, f"{line}\n{' ' * first.column}")


def _value(text: str) -> str:
    """The value as YAML: as typed where that reads as one value anywhere in a file, else in quotes."""
    for frame in ("x: {}\n", "x: {{y: {}, z: 1}}\n"):
        if not _reads_as_one(frame, text):
            return json.dumps(text, ensure_ascii=False)
    return text


def _reads_as_one(frame: str, text: str) -> bool:
    line = frame.format(text)
    start = line.index(text, 2) if text else -1
    try:
        node: Any = yaml.compose(line, Loader=_LOADER)
    except yaml.YAMLError:
        return False
    while isinstance(node, yaml.MappingNode) and node.start_mark.index < start:
        node = node.value[0][1]
    return start > 0 and node.start_mark.index == start and _end_of(node) == start + len(text)
