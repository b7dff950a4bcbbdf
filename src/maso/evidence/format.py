"""The bytes of the evidence log: layouts, limits, and how an entry is packed and unpacked.

A log is one stream of *entries*, cut into segment files. Every entry starts with the same 64-byte
prefix and names the hash of the entry before it. There are five kinds: `header` (the first entry of
each segment file: who writes, under which key and settings), `block` (records), and the three
*seals* `checkpoint`, `close` and `recovery`, which are signed.

A block keeps the lengths and checksums of its records in two columns in front of their bodies. The
columns are packed in one call each, which is what makes a record cheap; the checksum of a record
names it when it is damaged, and the Merkle root in the block's head commits to all of them.

The layout tables below are the single source: the packing is made from them, and a test holds the
tables of `docs/evidence-format.md` against them. All integers are little-endian.

Not here: what a record says (`records.py`), signing (`checkpoint.py`), files (`storage.py`).
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from enum import IntEnum
from hashlib import sha256
from typing import Final, Literal, NamedTuple
from zlib import crc32

MAGIC: Final = b"\x9dMEv"  # not text, so that a search behind damage rarely stops inside a record
VERSION: Final = 1
HASH_BYTES: Final = 32
GENESIS: Final = bytes(HASH_BYTES)  # what the first entry names as the hash before it
NO_DIGEST: Final = bytes(HASH_BYTES)

RECORD_BYTES_MAX: Final = 1 << 20  # a decision with its reasons is under 2 KB; more is a mistake upstream
BLOCK_BYTES_MAX: Final = 16 << 20  # a torn block is lost whole, so it stays far under a segment
ENTRY_BYTES_MAX: Final = 64 << 20  # what a reader allocates for one entry, whatever a length field says
RUN_ID_BYTES_MAX: Final = 64
INDEX_BYTES: Final = 8  # per record: its length and its checksum, 4 bytes each
MERKLE_ARITY: Final = 16  # 1/15 of a node hash per record instead of one, see docs/adr/0003

Fsync = Literal["always", "block", "close"]
FSYNC_CODES: Final[dict[Fsync, int]] = {"always": 1, "block": 2, "close": 3}
FSYNC_NAMES: Final[dict[int, Fsync]] = {code: name for name, code in FSYNC_CODES.items()}


class EvidenceError(Exception):
    """Something about the evidence log is not right; the message says what, where and what is legal."""


class Kind(IntEnum):
    """What an entry is."""

    HEADER = 1
    BLOCK = 2
    CHECKPOINT = 3
    CLOSE = 4
    RECOVERY = 5


SEALS: Final = frozenset({Kind.CHECKPOINT, Kind.CLOSE, Kind.RECOVERY})  # membership only, never iterated


class Field(NamedTuple):
    """One field of a layout: its name, its `struct` code and what it means."""

    name: str
    code: str
    meaning: str


class Layout:
    """Fields one after the other, without gaps."""

    def __init__(self, *fields: Field) -> None:
        self.fields = fields
        self.struct = struct.Struct("<" + "".join(field.code for field in fields))
        self.size = self.struct.size

    def offset(self, name: str) -> int:
        """Where the field starts, in bytes from the start of the layout."""
        at = 0
        for field in self.fields:
            if field.name == name:
                return at
            at += struct.calcsize("<" + field.code)
        raise KeyError(name)


PREFIX: Final = Layout(
    Field("magic", "4s", "`9d 4d 45 76`"),
    Field("kind", "B", "1 header, 2 block, 3 checkpoint, 4 close, 5 recovery"),
    Field("version", "B", "1"),
    Field("reserved", "H", "0"),
    Field("number", "Q", "of this entry in the log, from 0"),
    Field("first_record", "Q", "records in the log before this entry"),
    Field("length", "I", "bytes of this entry after the prefix"),
    Field("prev", "32s", "hash of the entry before, 32 zero bytes in the first"),
    Field("crc", "I", "CRC-32 of the 60 bytes before"),
)
BLOCK: Final = Layout(
    Field("record_count", "I", "records in the block, at least 1"),
    Field("body_bytes", "I", "bytes of all bodies together"),
    Field("root", "32s", "Merkle root over the SHA-256 of each body"),
    Field("crc", "I", "CRC-32 of the prefix and of the 40 bytes before"),
)
HEADER: Final = Layout(
    Field("segment", "I", "of this file, from 0"),
    Field("fsync", "B", "1 always, 2 block, 3 close"),
    Field("run_id_bytes", "B", "how many bytes of `run_id` count, 1 to 64"),
    Field("reserved", "H", "0"),
    Field("run_id", "64s", "padded with zero bytes"),
    Field("fleet_sha256", "32s", "of the fleet file as run"),
    Field("public_key", "32s", "Ed25519"),
    Field("key_id", "8s", "first 8 bytes of the SHA-256 of the public key"),
    Field("block_bytes", "I", "a block is cut when its records reach this"),
    Field("blocks_per_checkpoint", "I", "a checkpoint is due after so many blocks"),
    Field("segment_bytes", "Q", "a new segment starts before one grows past this"),
    Field("anchor_unix_ns", "q", "wall time at which the run's clock read 0; 0 in simulation"),
    Field("signature", "64s", "Ed25519, see *What is signed*"),
)
SEAL: Final = Layout(
    Field("blocks", "Q", "blocks in the log so far"),
    Field("covered", "I", "of these, blocks since the seal before"),
    Field("reserved", "I", "0"),
    Field("root", "32s", "Merkle root over the hashes of the covered blocks"),
    Field("now_ns", "q", "time, virtual or real, in nanoseconds"),
    Field("state_digest", "32s", "of the writer's state; zero bytes in a recovery"),
    Field("cut_bytes", "Q", "in a recovery: bytes that it cut, otherwise 0"),
    Field("cut_sha256", "32s", "in a recovery: SHA-256 of the cut bytes, otherwise zero bytes"),
    Field("key_id", "8s", "as in the header"),
    Field("signature", "64s", "Ed25519, see *What is signed*"),
)
SIGNATURE_BYTES: Final = 64
BLOCK_HEAD_BYTES: Final = PREFIX.size + BLOCK.size
HEADER_BYTES: Final = PREFIX.size + HEADER.size
SEAL_BYTES: Final = PREFIX.size + SEAL.size
_PREFIX_BEFORE_CRC = struct.Struct(PREFIX.struct.format[:-1])
_BLOCK_BEFORE_CRC = struct.Struct(BLOCK.struct.format[:-1])
_CRC = struct.Struct("<I")


class Prefix(NamedTuple):
    """The fields of `PREFIX`."""

    magic: bytes
    kind: int
    version: int
    reserved: int
    number: int
    first_record: int
    length: int
    prev: bytes
    crc: int


class BlockHead(NamedTuple):
    """The fields of `BLOCK`."""

    record_count: int
    body_bytes: int
    root: bytes
    crc: int


class HeaderFields(NamedTuple):
    """The fields of `HEADER`."""

    segment: int
    fsync: int
    run_id_bytes: int
    reserved: int
    run_id: bytes
    fleet_sha256: bytes
    public_key: bytes
    key_id: bytes
    block_bytes: int
    blocks_per_checkpoint: int
    segment_bytes: int
    anchor_unix_ns: int
    signature: bytes


class SealFields(NamedTuple):
    """The fields of `SEAL`."""

    blocks: int
    covered: int
    reserved: int
    root: bytes
    now_ns: int
    state_digest: bytes
    cut_bytes: int
    cut_sha256: bytes
    key_id: bytes
    signature: bytes


@dataclass(frozen=True, slots=True)
class Settings:
    """What a log is written under: the same in the header of each of its segments."""

    run_id: bytes
    fleet_sha256: bytes
    public_key: bytes
    block_bytes: int
    blocks_per_checkpoint: int
    segment_bytes: int
    fsync: Fsync
    anchor_unix_ns: int = 0


@dataclass(slots=True)
class Tail:
    """Where a log ends: all that is needed to add the next entry.

    `unsealed` holds the hashes of the blocks since the last seal; the segment is the one being written.
    """

    number: int
    records: int
    blocks: int
    head: bytes
    segment: int
    segment_size: int
    unsealed: list[bytes]

    def advance(self, entry_size: int, entry_hash: bytes) -> None:
        """Count an entry that was added to the current segment."""
        self.number += 1
        self.head = entry_hash
        self.segment_size += entry_size


def merkle_root(hashes: list[bytes]) -> bytes:
    """The root of a tree of arity 16 over `hashes`; 32 zero bytes over none.

    A node is the SHA-256 of `01` and of the hashes of its children, in order; a node with a single
    child is hashed too. The count of leaves is committed beside every root, so the shape is fixed.
    """
    if not hashes:
        return NO_DIGEST
    level = b"".join(hashes)
    step = HASH_BYTES * MERKLE_ARITY
    while True:
        level = b"".join(
            [sha256(b"\x01" + level[at : at + step]).digest() for at in range(0, len(level), step)]
        )
        if len(level) == HASH_BYTES:
            return level


def record_root(bodies: list[bytes]) -> bytes:
    """The Merkle root over the bodies of a block."""
    return merkle_root([sha256(body).digest() for body in bodies])


def pack_prefix(kind: Kind, tail: Tail, length: int) -> bytes:
    """The prefix of the entry that comes next after `tail`."""
    packed = _PREFIX_BEFORE_CRC.pack(MAGIC, kind, VERSION, 0, tail.number, tail.records, length, tail.head)
    return packed + _CRC.pack(crc32(packed))


def pack_block(tail: Tail, bodies: list[bytes]) -> tuple[bytes, bytes]:
    """A block of `bodies` after `tail`: its bytes, and its hash."""
    count = len(bodies)
    lengths = list(map(len, bodies))
    body_bytes = sum(lengths)
    prefix = pack_prefix(Kind.BLOCK, tail, BLOCK.size + INDEX_BYTES * count + body_bytes)
    head = prefix + _BLOCK_BEFORE_CRC.pack(count, body_bytes, record_root(bodies))
    head += _CRC.pack(crc32(head))
    index = struct.pack(f"<{2 * count}I", *lengths, *map(crc32, bodies))
    return b"".join([head, index, *bodies]), sha256(head).digest()


def block_entry_bytes(count: int, body_bytes: int) -> int:
    """How long the entry of a block is."""
    return BLOCK_HEAD_BYTES + INDEX_BYTES * count + body_bytes


def unpack_prefix(data: bytes) -> Prefix | str:
    """The prefix, or what is wrong with it."""
    if len(data) < PREFIX.size:
        return f"ends after {len(data)} of the {PREFIX.size} bytes of an entry's prefix"
    prefix = Prefix._make(PREFIX.struct.unpack_from(data))
    if prefix.magic != MAGIC or prefix.crc != crc32(data[: PREFIX.size - 4]):
        return "the prefix does not match its checksum"
    if prefix.version != VERSION:
        return f"version `{prefix.version}` is not known, only {VERSION}"
    if prefix.kind not in Kind._value2member_map_ or prefix.reserved != 0:
        return f"kind `{prefix.kind}` is not known, only 1 to {len(Kind)}"
    if prefix.length > ENTRY_BYTES_MAX or prefix.length < _least_length(Kind(prefix.kind)):
        return f"a length of {prefix.length} bytes is not legal for this kind of entry"
    return prefix


def _least_length(kind: Kind) -> int:
    if kind is Kind.BLOCK:
        return BLOCK.size + INDEX_BYTES
    return HEADER.size if kind is Kind.HEADER else SEAL.size


def segment_name(segment: int) -> str:
    """The file name of a segment; names sort in the order of the numbers."""
    return f"segment-{segment:08d}.log"


def segment_number(name: str) -> int | None:
    """The number in a segment's file name; None for any other name."""
    digits = name.removeprefix("segment-").removesuffix(".log")
    if len(digits) == 8 and digits.isascii() and digits.isdigit() and segment_name(int(digits)) == name:
        return int(digits)
    return None
