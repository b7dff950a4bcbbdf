"""Hyperscan databases compiled beforehand.

Compiling a hundred expressions takes most of a second; loading the result takes milliseconds. A compiled
database fits one version of Hyperscan and one kind of processor, so it is only ever a shortcut: where it
does not load, or was made from other expressions, the caller compiles. What matches is the same either way.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from hashlib import sha256
from importlib import resources
from typing import Any, Final

import hyperscan

DIGEST_BYTES: Final = 32


def digest_of(expressions: Sequence[bytes]) -> bytes:
    return sha256(b"\0".join(expressions)).digest()


def compile_expressions(expressions: Sequence[bytes], flags: int) -> Any:
    """A block-mode database whose match ids are positions in `expressions`."""
    database = hyperscan.Database()
    count = len(expressions)
    database.compile(
        expressions=list(expressions), ids=list(range(count)), elements=count, flags=[flags] * count
    )
    return database


def shipped(name: str, digest: bytes) -> Any | None:
    """The database of this name in the package's data, or None where it cannot be used here."""
    path = resources.files("maso.scan").joinpath("data", name)
    if not path.is_file():
        return None
    raw = path.read_bytes()
    if raw[:DIGEST_BYTES] != digest:
        return None
    try:
        return hyperscan.loadb(zlib.decompress(raw[DIGEST_BYTES:]), hyperscan.HS_MODE_BLOCK)
    except (hyperscan.error, zlib.error):
        return None
