"""DP-2.3 RAG integrity: a document is signed when it is ingested and verified when it is retrieved.

The signature binds knowledge base, document, version, time and the SHA-256 of the text. At retrieval the
signature must hold (checked once per document version and text), the text must be the one that was
signed, the version must be the current one (a superseded version is marked, since an honest cache may
lag) and not older than the port's limit. A document that never went through ingestion has no signature
and is refused, so poisoning the store behind the retriever reaches no agent.

Not handled: a poisoned document that was properly ingested. It keeps the integrity mark `rag`, and so
cannot determine a privileged action.
"""

import hashlib
from typing import Final

import msgspec
from nacl.signing import SigningKey

from maso.controls.message import Message
from maso.controls.state import PlaneState
from maso.fleet.rulebook import Document
from maso.identity import signature_holds
from maso.verdict import Finding, Outcome, Reason

ID: Final = "DP-2.3"

UNSIGNED: Final = Reason(
    "DP-2.3/unsigned",
    ID,
    "a retrieved document was not ingested as it is",
    "re-ingest it, look for tampering",
)
STALE: Final = Reason("DP-2.3/stale", ID, "a retrieved document is older than allowed", "re-ingest it")
SUPERSEDED: Final = Reason(
    "DP-2.3/superseded", ID, "a newer version of the document exists", "refresh the index"
)
REASONS: Final = (UNSIGNED, STALE, SUPERSEDED)

# One entry is 150 bytes; a catalogue of 30,000 products with two live versions each fits.
_VERIFIED_MAX: Final = 65_536

# Without c and v: "cvc" and "cvv" before a number would be a card's check digits.
_LETTERS: Final = "bdfhjlmnpqrtwxyz"
_TO_LETTERS: Final = str.maketrans("0123456789abcdef", _LETTERS)
# Hexadecimal digits themselves become something that is none, so that they are refused.
_FROM_LETTERS: Final = str.maketrans("0123456789abcdef" + _LETTERS, "?" * 16 + "0123456789abcdef")

_encode = msgspec.msgpack.Encoder().encode


def document_bytes(port: int, document: str, version: int, ingested_ns: int, sha256: bytes) -> bytes:
    """What the ingestion pipeline signs. `port` is the knowledge base's number in the rulebook."""
    return b"maso document 1\0" + _encode((port, document, version, ingested_ns, sha256))


def spelled(data: bytes) -> str:
    """Bytes as groups of eight consonants, one a nibble.

    A signature stands in a payload that DLP scans. In base64, 1 in 4,000 looks like a secret or an account
    number, in hexadecimal 1 in 1,000 like a card; in this form none of 60,000 even left the first stage.
    """
    letters = data.hex().translate(_TO_LETTERS)
    return "-".join(letters[i : i + 8] for i in range(0, len(letters), 8))


def unspelled(text: str) -> bytes:
    """The bytes that `spelled` wrote; empty for anything else, which then is no signature."""
    try:
        data = bytes.fromhex(text.replace("-", "").translate(_FROM_LETTERS))
    except ValueError:
        return b""
    return data if spelled(data) == text else b""


class Ingestion:
    """The signing half; the ingestion pipeline holds it, agents and the store do not."""

    def __init__(self, seed: bytes) -> None:
        self._key = SigningKey(seed)
        self.public_key = bytes(self._key.verify_key)

    def sign(self, port: int, document: str, version: int, now: int, text: str) -> Document:
        sha256 = hashlib.sha256(text.encode()).digest()
        signature = self._key.sign(document_bytes(port, document, version, now, sha256)).signature
        return Document(document, version, now, text, spelled(signature))


class Rag:
    __slots__ = ("_documents", "_key", "_verified")

    def __init__(self, state: PlaneState, ingestion_key: bytes) -> None:
        self._documents = state.documents
        self._key = ingestion_key
        self._verified: dict[tuple[int, str, int, int, bytes, str], bool] = {}

    def check(self, m: Message) -> Finding | None:
        flow = m.flow
        if not flow.signed or flow.document_field is None:
            return None
        port = m.sender.type.index
        superseded = ""
        for document in getattr(m.body, flow.document_field) or ():
            if not self._genuine(port, document):
                return Finding(Outcome.DENY, UNSIGNED)
            if document.ingested_ns > m.now:
                return Finding(Outcome.DENY, UNSIGNED, "dated in the future")
            if flow.fresh_ns_max and m.now - document.ingested_ns > flow.fresh_ns_max:
                return Finding(Outcome.DENY, STALE)
            current = self._documents.get((port, document.id))
            if current is None:
                return Finding(Outcome.DENY, UNSIGNED, "withdrawn or never ingested here")
            if document.version != current.version:
                superseded = "version behind" if document.version < current.version else "version ahead"
        return Finding(Outcome.ALLOW, SUPERSEDED, superseded) if superseded else None

    def _genuine(self, port: int, document: Document) -> bool:
        sha256 = hashlib.sha256(document.text.encode()).digest()
        key = (port, document.id, document.version, document.ingested_ns, sha256, document.signature)
        known = self._verified.get(key)
        if known is None:
            signature = unspelled(document.signature)
            message = document_bytes(port, document.id, document.version, document.ingested_ns, sha256)
            known = signature_holds(self._key, message, signature)
            if len(self._verified) >= _VERIFIED_MAX:
                self._verified.clear()
            self._verified[key] = known
        return known
