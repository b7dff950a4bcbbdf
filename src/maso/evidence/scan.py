"""Reading the log: finding entries in the files, and the rules that each must keep to the one before.

`entry_at` finds one entry by its own bytes alone. `Chain` holds every rule that links entries: the hash
of the one before, the counts, the checksums and Merkle root of the records, the signatures, nothing after
a close. Recovery stops at the first problem; verification notes it and goes on, for which `Chain.skip_to`
takes over what the next entry claims.

Not handled: what to do about a problem, and files whose names are not those of segments.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field, replace
from hashlib import sha256
from itertools import accumulate, pairwise
from typing import Final, NamedTuple
from zlib import crc32

from maso.evidence.checkpoint import settings_of, signature_holds
from maso.evidence.format import (
    BLOCK,
    BLOCK_HEAD_BYTES,
    GENESIS,
    HEADER,
    INDEX_BYTES,
    MAGIC,
    NO_DIGEST,
    PREFIX,
    RECORD_BYTES_MAX,
    SEAL,
    BlockHead,
    HeaderFields,
    Kind,
    Prefix,
    SealFields,
    Settings,
    merkle_root,
    segment_number,
    unpack_prefix,
)
from maso.evidence.storage import Storage

SEARCH_BYTES: Final = 1 << 20  # read at a time when looking for the next entry behind damage


class Entry(NamedTuple):
    """An entry whose prefix is right; nothing else about it has been checked."""

    prefix: Prefix
    data: bytes  # the whole entry, prefix included

    @property
    def kind(self) -> Kind:
        return Kind(self.prefix.kind)


class Problem(NamedTuple):
    """What is wrong with an entry; `record` names the one record it is about, if it is about one."""

    what: str
    record: int | None = None


class Block(NamedTuple):
    """A block taken apart. `bodies` are cut by the lengths in the index, so they may be wrong."""

    head: BlockHead
    bodies: list[bytes]
    crcs: tuple[int, ...]
    lengths_hold: bool  # whether the lengths add up to the bytes that are there


def entry_at(storage: Storage, name: str, offset: int) -> Entry | str:
    """The entry that starts at `offset`, or why there is none."""
    start = storage.read(name, offset, PREFIX.size)
    prefix = unpack_prefix(start)
    if isinstance(prefix, str):
        return prefix
    rest = storage.read(name, offset + PREFIX.size, prefix.length)
    if len(rest) < prefix.length:
        return f"ends after {PREFIX.size + len(rest)} of the {PREFIX.size + prefix.length} bytes of an entry"
    return Entry(prefix, start + rest)


def block_of(entry: Entry) -> Block | str:
    """The block in an entry, or what is wrong with its head."""
    data = entry.data
    head = BlockHead._make(BLOCK.struct.unpack_from(data, PREFIX.size))
    if head.crc != crc32(data[: BLOCK_HEAD_BYTES - 4]):
        return "the block's head does not match its checksum"
    index_bytes = INDEX_BYTES * head.record_count
    if head.record_count < 1 or BLOCK.size + index_bytes + head.body_bytes != entry.prefix.length:
        return "the counts in the block's head do not fit its length"
    columns = struct.unpack_from(f"<{2 * head.record_count}I", data, BLOCK_HEAD_BYTES)
    lengths, crcs = columns[: head.record_count], columns[head.record_count :]
    start = BLOCK_HEAD_BYTES + index_bytes
    bodies = [data[a:b] for a, b in pairwise(accumulate(lengths, initial=start))]
    return Block(head, bodies, crcs, sum(lengths) == head.body_bytes)


def block_hash(entry: Entry) -> bytes:
    """The hash of a block: over its head, whose root commits to the bodies."""
    return sha256(entry.data[:BLOCK_HEAD_BYTES]).digest()


def record_problems(block: Block, first_record: int) -> list[Problem]:
    """The records of a block that do not match their checksums, or the block if none can be named."""
    if not block.lengths_hold:
        return [_first_misplaced(block, first_record)]
    actual = tuple(map(crc32, block.bodies))
    leaves = [sha256(body).digest() for body in block.bodies]
    root_holds = merkle_root(leaves) == block.head.root
    if actual == block.crcs:
        if root_holds:
            return []
        return [Problem("its records are not the ones its Merkle root was made from")]
    part = "checksum was changed, its body is intact" if root_holds else "body does not match its checksum"
    return [
        Problem(f"the record's {part}", first_record + i)
        for i, (found, stated) in enumerate(zip(actual, block.crcs, strict=True))
        if found != stated
    ]


def _first_misplaced(block: Block, first_record: int) -> Problem:
    """One wrong length moves every body after it: the first checksum that fails is its own."""
    what = "the record's length was changed: the lengths do not add up to the bytes of the block"
    room = block.head.body_bytes
    for i, (body, crc) in enumerate(zip(block.bodies, block.crcs, strict=True)):
        room -= len(body)
        if crc32(body) != crc:
            return Problem(what, first_record + i)
    return Problem(what, first_record + len(block.bodies) - 1)


@dataclass(slots=True)
class Chain:
    """What the next entry must fit to.

    `head` and `unsealed` are None where damage before hides what they should be.
    """

    settings: Settings | None = None
    number: int = 0
    records: int = 0
    blocks: int = 0
    head: bytes | None = GENESIS
    unsealed: list[bytes] | None = field(default_factory=list)
    closed: bool = False
    lost: bool = False
    last_kind: Kind | None = None
    checkpoint: SealFields | None = None
    checkpoint_records: int = 0
    cut_bytes: int = 0  # by all recoveries together
    kept_blocks: int = 0  # how many hashes of `unsealed` are this chain's own, see `copy`

    def copy(self) -> Chain:
        """This state, to come back to; cheap, since the list of hashes is shared until then."""
        return replace(self, kept_blocks=len(self.unsealed or ()))

    def without_later_blocks(self) -> Chain:
        """A copy made usable after the original went on: hashes that the original added are taken off."""
        kept = None if self.unsealed is None else self.unsealed[: self.kept_blocks]
        return replace(self, unsealed=kept)

    def check(self, entry: Entry, segment: int, at_start: bool) -> list[Problem]:
        """Everything wrong with `entry`, found in file `segment`; the chain moves past it in any case."""
        problems = self._check_links(entry, at_start)
        linked = not problems
        if entry.kind is Kind.BLOCK:
            problems += self._check_block(entry)
        elif entry.kind is Kind.HEADER:
            problems += self._check_header(entry, segment)
        else:
            problems += self._check_seal(entry, linked)
        self.number = entry.prefix.number + 1
        self.last_kind = entry.kind
        return problems

    def skip_to(self, entry: Entry) -> None:
        """Take over what `entry` claims about everything before it, after damage."""
        self.number = entry.prefix.number
        self.records = entry.prefix.first_record
        self.head = None
        self.unsealed = None
        self.lost = False

    def lose_track(self) -> None:
        """Something is missing, nobody knows how much: whatever comes next is taken as it is."""
        self.lost = True

    def _check_links(self, entry: Entry, at_start: bool) -> list[Problem]:
        prefix = entry.prefix
        problems = []
        if self.lost:
            self.skip_to(entry)
        if self.closed:
            problems.append(Problem("it stands after the close of the log"))
        if at_start != (entry.kind is Kind.HEADER):
            problems.append(Problem("a header stands at the start of each segment and nowhere else"))
        if prefix.number != self.number or prefix.first_record != self.records:
            problems.append(
                Problem(
                    f"it is entry {prefix.number} at record {prefix.first_record}, "
                    f"expected was entry {self.number} at record {self.records}"
                )
            )
        elif self.head is not None and prefix.prev != self.head:
            problems.append(Problem("it does not follow from the entry before it: the chain is broken here"))
        if problems:
            self.skip_to(entry)
        return problems

    def _check_block(self, entry: Entry) -> list[Problem]:
        self.blocks += 1
        block = block_of(entry)
        if isinstance(block, str):
            self.lose_track()  # how many records it held is only known from what follows
            return [Problem(block)]
        self.head = block_hash(entry)
        if self.unsealed is not None:
            self.unsealed.append(self.head)
        first_record = self.records
        self.records += block.head.record_count
        if any(len(body) > RECORD_BYTES_MAX for body in block.bodies) and block.lengths_hold:
            return [Problem(f"a record is longer than {RECORD_BYTES_MAX} bytes")]
        return record_problems(block, first_record)

    def _check_header(self, entry: Entry, segment: int) -> list[Problem]:
        fields = header_of(entry)
        if isinstance(fields, str):
            self.head = None
            return [Problem(fields)]
        self.head = sha256(entry.data).digest()
        settings = settings_of(fields)
        if isinstance(settings, str):
            self.head = None
            return [Problem(settings)]
        if not signature_holds(entry.data, settings.run_id, settings.public_key):
            self.head = None
            return [Problem("the signature does not hold")]
        if fields.segment != segment:
            return [Problem(f"it belongs to segment {fields.segment}")]
        if self.settings is None:
            self.settings = settings
        elif settings != self.settings:
            return [Problem("it does not state the same run, key and settings as the first header")]
        return []

    def _check_seal(self, entry: Entry, linked: bool) -> list[Problem]:
        fields = seal_of(entry)
        covered, blocks = self.unsealed, self.blocks
        self.head = sha256(entry.data).digest()
        self.unsealed = []
        self.closed = self.closed or entry.kind is Kind.CLOSE
        settings = self.settings
        if isinstance(fields, str):
            self.head = None
            return [Problem(fields)]
        if settings is not None and not signature_holds(entry.data, settings.run_id, settings.public_key):
            self.head = None
            return [Problem("the signature does not hold")]
        self.cut_bytes += fields.cut_bytes
        if entry.kind is not Kind.RECOVERY:  # which knows no state
            self.checkpoint, self.checkpoint_records = fields, self.records
        self.blocks = fields.blocks
        if covered is None or not linked:
            return []
        if (fields.blocks, fields.covered, fields.root) != (blocks, len(covered), merkle_root(covered)):
            return [Problem("it was not made from the blocks since the seal before it")]
        return []


def header_of(entry: Entry) -> HeaderFields | str:
    """The fields of a header, or what is wrong with its length."""
    if entry.prefix.length != HEADER.size:
        return f"a header has {entry.prefix.length} bytes after its prefix, it must have {HEADER.size}"
    return HeaderFields._make(HEADER.struct.unpack_from(entry.data, PREFIX.size))


def seal_of(entry: Entry) -> SealFields | str:
    """The fields of a seal, or what is wrong with them as they stand."""
    if entry.prefix.length != SEAL.size:
        return f"a seal has {entry.prefix.length} bytes after its prefix, it must have {SEAL.size}"
    fields = SealFields._make(SEAL.struct.unpack_from(entry.data, PREFIX.size))
    cuts = fields.cut_bytes != 0 or fields.cut_sha256 != NO_DIGEST
    if fields.reserved != 0 or (cuts and entry.kind is not Kind.RECOVERY):
        return "bytes that must be zero are not"
    return fields


def signed_by(entry: Entry, settings: Settings) -> bool:
    """Whether a seal or header carries a signature of the log's key for the log's run."""
    return entry.kind is not Kind.BLOCK and signature_holds(entry.data, settings.run_id, settings.public_key)


def find_entry(storage: Storage, name: str, offset: int, least_number: int) -> tuple[int, Entry] | None:
    """The next place at or behind `offset` where an entry of at least that number can be read.

    A record may hold bytes that look like an entry, so what is found is a guess until more is checked.
    """
    at = offset
    while True:
        window = storage.read(name, at, SEARCH_BYTES)
        hit = window.find(MAGIC)
        while hit >= 0:
            entry = entry_at(storage, name, at + hit)
            if isinstance(entry, Entry) and entry.prefix.number >= least_number:
                return at + hit, entry
            hit = window.find(MAGIC, hit + 1)
        if len(window) < SEARCH_BYTES:
            return None
        at += SEARCH_BYTES - len(MAGIC) + 1  # a magic may lie across two windows


def segments_of(storage: Storage) -> list[str]:
    """The names of the segment files, in order."""
    return [name for name in storage.names() if segment_number(name) is not None]
