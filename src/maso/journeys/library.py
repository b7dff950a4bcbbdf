"""Knowledge bases: the documents that a retrieval port answers with, ingested and kept fresh.

Every port that may send documents has a library. Documents enter through the ingestion pipeline (an
`IngestDocument` event each, and a signature where the port is `signed`); a stream of changes replaces them
by new versions often enough that none grows older than half of the port's limit. They are kept as ready
JSON, since a retrieval only picks some and passes them on.

Not handled: relevance. Which documents a query finds is a draw.
"""

import hashlib
from collections.abc import Iterator
from typing import Final

import msgspec

from maso.clock import MINUTE, SECOND
from maso.controls.rag import Ingestion
from maso.fleet.model import Port
from maso.plane.events import IngestDocument
from maso.scan.validators import luhn
from maso.streams import Stream
from maso.text import writer

# In all: signing one costs 40 µs, and a fleet of twenty desks has as many knowledge bases.
DOCUMENTS: Final = 400
DOCUMENTS_MIN: Final = 40
PASSAGES_MAX: Final = 3
# Product data changes by the second in a shop that trades; this is for ports without a freshness limit.
REFRESH_ALL_NS: Final = 60 * MINUTE
TICK_NS: Final = SECOND
# The shortest card numbers have thirteen digits.
_LONG_NS: Final = 10**12

_encode = msgspec.json.Encoder().encode


class Library:
    """One port's documents."""

    def __init__(
        self, port: Port, index: int, kind: str, ingestion: Ingestion, stream: Stream, size: int = DOCUMENTS
    ) -> None:
        self.port = port.id
        self._index = index
        self._write = writer(kind)
        self._ingestion = ingestion
        self._stream = stream
        self._size = size
        self._json = [""] * size
        self._version = 0
        self._next = 0
        limit = (port.fresh_minutes_max or 0) * MINUTE // 2 or REFRESH_ALL_NS
        self._per_tick = -(-size * TICK_NS // limit)

    def fill(self, now: int) -> Iterator[IngestDocument]:
        """Every document for the first time."""
        for number in range(self._size):
            yield self._ingest(number, now)

    def refresh(self, now: int) -> Iterator[IngestDocument]:
        """The documents whose turn it is, in new versions; call once a `TICK_NS`."""
        for _ in range(self._per_tick):
            self._next = (self._next + 1) % self._size
            if not self._next:
                self._version += 1
            yield self._ingest(self._next, now)

    def passages(self, stream: Stream, most: int) -> str:
        """One to three documents (at most `most`) as a JSON list."""
        count = 1 + stream.below(min(most, PASSAGES_MAX))
        first = stream.below(self._size)
        # A step that is no divisor of the number of documents never meets one twice.
        chosen = [self._json[(first + i * 7) % self._size] for i in range(count)]
        return "[" + ",".join(chosen) + "]"

    def _ingest(self, number: int, now: int) -> IngestDocument:
        # Some moments' nanoseconds are a card's number, and this one stands in a payload as digits.
        if now >= _LONG_NS and luhn(str(now)):
            now -= 1
        text = self._write(self._stream.bits)
        name = f"{self.port[:40]}-{number}"
        version = self._version + 1
        document = self._ingestion.sign(self._index, name, version, now, text)
        self._json[number] = _encode(document).decode()
        return IngestDocument(self._index, name, version, hashlib.sha256(text.encode()).digest())
