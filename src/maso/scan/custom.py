"""A firm's own patterns: the names of its deals, clients and projects, found in what is sent.

All patterns are one Hyperscan database, so 5,000 of them cost a small multiple of 10. Compiling thousands
takes seconds and is done once per process for the same patterns. Each content is looked at once, by digest.
Content with escapes or with characters that are neither ASCII nor honest accents is looked at twice: as it
is, and with escapes undone and look-alikes folded. The answer is which patterns were found, as their
positions; never what was found.

Capitals of ASCII letters make no difference, and `.` takes a line break. Not handled: what is encoded,
spelled in other words, or cut into pieces (the label is what follows a thing that nobody can recognise),
capitals of letters outside ASCII, and what Hyperscan cannot do: looking around, back-references, and
patterns that match an empty text.
"""

from collections import OrderedDict
from collections.abc import Sequence
from functools import lru_cache
from typing import Any, Final

import hyperscan

from maso.scan.normalise import UNFOLDED, fold, unescape

# F6 speaks of thousands. 5,000 names and formats compile in 3 to 13 seconds, which a start may take.
PATTERNS_MAX: Final = 5_000
CACHE_SIZE: Final = 65_536  # as many contents as the scanner remembers; nearly all share one empty answer
DATABASES_KEPT: Final = 8

_FLAGS: Final = hyperscan.HS_FLAG_SINGLEMATCH | hyperscan.HS_FLAG_CASELESS | hyperscan.HS_FLAG_DOTALL
_NOTHING: Final[tuple[int, ...]] = ()


def _compiled(patterns: Sequence[bytes]) -> Any:
    database = hyperscan.Database()
    count = len(patterns)
    database.compile(
        expressions=list(patterns), ids=list(range(count)), elements=count, flags=[_FLAGS] * count
    )
    return database


@lru_cache(maxsize=DATABASES_KEPT)
def _database(patterns: tuple[str, ...]) -> Any:
    return _compiled([pattern.encode() for pattern in patterns])


def wrong_patterns(patterns: Sequence[str]) -> tuple[tuple[int, str], ...]:
    """(position, Hyperscan's reason) of every pattern that it does not take; nothing when all are right.

    A right set is compiled whole and kept, since it will be used; only a wrong one is tried one by one.
    """
    try:
        if patterns:
            _database(tuple(patterns))
        return ()
    except hyperscan.error:
        pass
    wrong = []
    for position, pattern in enumerate(patterns):
        try:
            _compiled([pattern.encode()])
        except hyperscan.error as error:
            wrong.append((position, str(error).rstrip(".").lower()))
    # Each by itself is right, together they are not: too large for one database.
    return tuple(wrong) or ((len(patterns) - 1, "together the patterns are too large for one database"),)


def _collect(position: int, start: int, end: int, flags: int, found: list[int]) -> None:
    found.append(position)


class OwnPatterns:
    """Compiled patterns. One per thread: Hyperscan's scratch space is not shared."""

    __slots__ = ("_cache", "_scan", "_scratch")

    def __init__(self, patterns: Sequence[str]) -> None:
        """Raises ValueError for a pattern that Hyperscan does not take (`wrong_patterns` says which)."""
        wrong = wrong_patterns(patterns)
        if wrong:
            raise ValueError(f"pattern {wrong[0][0]}: {wrong[0][1]}")
        database = _database(tuple(patterns))
        self._scratch = hyperscan.Scratch(database)
        self._scan = database.scan
        self._cache: OrderedDict[bytes, tuple[int, ...]] = OrderedDict()

    def scan(self, digest: bytes, content: bytes) -> tuple[int, ...]:
        """Positions of the patterns found, rising; `digest` (SHA-256 of the content) is the cache's key."""
        known = self._cache.get(digest)
        if known is not None:
            return known
        found = self.find(content)
        if len(self._cache) >= CACHE_SIZE:
            self._cache.popitem(last=False)
        self._cache[digest] = found
        return found

    def find(self, content: bytes) -> tuple[int, ...]:
        """The same without the cache."""
        found: list[int] = []
        self._scan(content, _collect, 0, found, self._scratch)
        if b"\\" in content or not content.isascii():
            self._again(content, found)
        return tuple(sorted({*found})) if found else _NOTHING

    def _again(self, content: bytes, found: list[int]) -> None:
        """Look once more where escapes or look-alikes stood; honest accents are neither."""
        written = content.decode("utf-8", "replace")
        text = unescape(written) if "\\" in written else written
        if UNFOLDED.search(text) is not None:
            text = fold(text)
        elif text is written or text == written:
            return
        self._scan(text.encode("utf-8", "replace"), _collect, 0, found, self._scratch)
