"""What a user typed, read: numbers, choices, digests. A mistake says what was typed and what is legal.

Typer hands every value over as text, so that one voice speaks about all mistakes (and so that a command's
start does not pay for a validation library).
"""

import difflib
from collections.abc import Sequence

from maso.cli.ending import Stop, usage


def words(text: str) -> str:
    """The user's own words in backticks, without anything that could be a card number."""
    from maso.fleet.source import shown

    return shown(text)


def whole_number(option: str, text: str, low: int, high: int) -> int:
    """`text` as an integer from `low` to `high`; raises Stop."""
    legal = f"legal: a whole number from {low} to {high}"
    if not (text.isascii() and text.isdigit()) or len(text) > 20:
        raise usage(f"`{option}` is {words(text)}; {legal}")
    value = int(text)
    if not low <= value <= high:
        raise usage(f"`{option}` is {value}; {legal}")
    return value


def one_of(option: str, text: str, legal: Sequence[str]) -> str:
    """`text`, when it is one of `legal`; raises Stop."""
    if text in legal:
        return text
    listed = ", ".join(f"`{name}`" for name in legal)
    raise usage(f"`{option}` is {words(text)}{closest(text, legal)}; legal: {listed}")


def closest(text: str, legal: Sequence[str]) -> str:
    """`; did you mean ...?` or nothing."""
    near = difflib.get_close_matches(text[:64], legal, n=1, cutoff=0.6)
    return f"; did you mean `{near[0]}`?" if near else ""


def digest(option: str, text: str) -> bytes:
    """64 hexadecimal digits as bytes; raises Stop."""
    if len(text) == 64 and all(c in "0123456789abcdef" for c in text.lower()):
        return bytes.fromhex(text)
    raise _not_a_digest(option, text)


def _not_a_digest(option: str, text: str) -> Stop:
    return usage(f"`{option}` is {words(text)}; legal: 64 hexadecimal digits, as `maso run` printed them")
