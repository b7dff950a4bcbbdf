"""Text from a user's file as a reader sees it: what is invisible or reorders a line is written out.

Names and ids reach the report from fleet files that nobody has checked for honesty. Escaping for a format is
that format's own affair; this is what no format takes care of: control characters (which XML 1.0 forbids and
a terminal obeys), bidirectional marks (which let `admin` read as `nimda`), and characters without width.
Applied once to all findings, before anything is drawn from them.

Not handled: letters that look like other letters. Ids are compared by maso as they are, never by eye.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec

from maso.findings import Findings

_KEPT: Final = "\n"
_AS_SPACE: Final = "\t\r\x0b\x0c\x85\u2028\u2029"

# Of Unicode's format characters, those that change how their neighbours are read or are not seen at all.
_INVISIBLE: Final = (
    *range(0x00, 0x20), *range(0x7F, 0xA0), 0xAD, 0x061C, 0x180E, *range(0x200B, 0x2010),
    *range(0x202A, 0x202F), *range(0x2060, 0x2070), *range(0xD800, 0xE000), 0xFEFF, *range(0xFFF0, 0xFFFC),
    0xFFFE, 0xFFFF, *range(0xE0000, 0xE0080),
)  # fmt: skip


def _table() -> dict[int, str]:
    table = {code: f"<U+{code:04X}>" for code in _INVISIBLE}
    table.update({ord(char): " " for char in _AS_SPACE})
    for char in _KEPT:
        table.pop(ord(char), None)
    return table


_TABLE: Final = _table()


def legible(text: str) -> str:
    """The text with what is invisible written as `<U+202E>`; tabs and returns become spaces."""
    return text.translate(_TABLE)


def legible_findings(findings: Findings) -> Findings:
    """The same findings with every text in them made legible."""
    return msgspec.convert(_plain(msgspec.to_builtins(findings)), Findings)


def legible_data(data: Any) -> Any:
    """The same for plain data, such as signatures."""
    return _plain(data)


def _plain(value: Any) -> Any:
    if isinstance(value, str):
        return legible(value)
    if isinstance(value, Mapping):
        return {legible(key): _plain(item) for key, item in value.items()}
    if isinstance(value, Sequence):
        return [_plain(item) for item in value]
    return value
