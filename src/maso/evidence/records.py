"""What the evidence says about each event: one record type per kind of event, as a tagged msgpack array.

A record holds everything that a change of state depends on, and the results of what cannot be repeated
without the payload or the keys (MAC, scan): so the state can be rebuilt from the records alone
(`plane/replay.py`), and any decision's chain explained (`evidence/trace.py`). No payload is kept: a keyed
digest always, and a masked excerpt of what was refused, held or redacted (ADR 4).

Texts of findings are not stored, only their codes; `controls/catalog.py` has the texts.
"""

import msgspec


class _Record(msgspec.Struct, frozen=True, array_like=True, gc=False):
    pass


class MessageRecord(_Record, tag=1, frozen=True, array_like=True, gc=False):
    """One envelope and what was decided about it.

    sender, recipient, session, contract  0 where they name nothing that exists: a stray number in a header
                could be anything, also a card number
    claims      (id, keyed digest of the statement, confidence, derived, sources)
    digest      BLAKE2b-128 of the payload's SHA-256 under the run's record key; empty if it never decoded
    label       effective label (declared label where it was refused before derivation); -1 unlabelled
    findings    (reason code, detail) in the order in which controls spoke
    hold        record number of the held message that this decision settles; 0 for a first decision
    ask         kind of endorser asked, for a hold
    spent       kinds of endorsement consumed
    shed        compartment bits declassified
    received    marks of values that this delivery lets its recipient tell, 8 bytes each (`derive.py`)
    excerpt     masked text, at most 512 bytes, only where something was refused, held or redacted
    """

    now: int
    channel: int
    authenticated: bool
    outcome: int
    sender: int
    recipient: int
    session: int
    seq: int
    kind: int
    action: int
    label: int
    contract: int
    parents: tuple[int, ...]
    claims: tuple[tuple[int, int, int, tuple[int, ...], tuple[int, ...]], ...]
    digest: bytes
    size: int
    tokens: int
    signals: int
    hidden: int
    milli: int
    stage: int
    findings: tuple[tuple[str, str], ...]
    hold: int
    ask: int
    action_digest: bytes
    shed: int
    not_after: int
    received: bytes
    excerpt: bytes


class AdmitRecord(_Record, tag=2, frozen=True, array_like=True, gc=False):
    """Instances joined: (nhi, type index, number, public key) each."""

    now: int
    outcome: int
    session: int
    serial: int
    not_before: int
    not_after: int
    members: tuple[tuple[int, int, int, bytes], ...]
    findings: tuple[tuple[str, str], ...]


class ContractRecord(_Record, tag=3, frozen=True, array_like=True, gc=False):
    """A delegation contract was registered or refused. `contract` is its bytes, kept whole as proof."""

    now: int
    channel: int
    outcome: int
    id: int
    contract: bytes
    findings: tuple[tuple[str, str], ...]


class EndorseRecord(_Record, tag=4, frozen=True, array_like=True, gc=False):
    """Somebody outside the agents vouched (or refused to vouch) for an action."""

    now: int
    kind: int
    session: int
    digest: bytes
    not_after: int
    granted: bool
    hold: int


class DocumentRecord(_Record, tag=5, frozen=True, array_like=True, gc=False):
    now: int
    port: int
    document: str
    version: int
    sha256: bytes


class EndRecord(_Record, tag=6, frozen=True, array_like=True, gc=False):
    """Instances ended or were emptied. what: `revoke`, `retire`, `close`, `purge`."""

    now: int
    what: str
    session: int
    nhis: tuple[int, ...]


class GateRecord(_Record, tag=7, frozen=True, array_like=True, gc=False):
    """A phase (`phase`) or a stage (`stage`) was set for a scope, or refused.

    Refused when nothing has that name, when a share of a scope would fall, or when nobody decided that
    Emergency is over.

    why          the trigger, with its cause: `failing`, `ramp-abort`, `upstream:market-data`, `layer:judge`
    by           role of the person who decided; empty when it happened by itself
    share_milli  thousandths of the scope's sessions that it holds for; the rest stays where it was
    """

    now: int
    what: str
    scope: str
    value: int
    outcome: int
    why: str = ""
    by: str = ""
    share_milli: int = 1000


class StartRecord(_Record, tag=8, frozen=True, array_like=True, gc=False):
    """The first record of a plane: what it enforces. So no message has number 0."""

    fleet: str
    sha256: bytes
    maso_version: str


Record = (
    MessageRecord
    | AdmitRecord
    | ContractRecord
    | EndorseRecord
    | DocumentRecord
    | EndRecord
    | GateRecord
    | StartRecord
)

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Record, strict=True).decode


def encode_record(record: Record) -> bytes:
    return _encode(record)


def decode_record(body: bytes) -> Record:
    """Strict; raises msgspec.DecodeError for anything that is not a record."""
    record: Record = _decode(body)
    return record
