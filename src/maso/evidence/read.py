"""The records of a log, one after the other, for replay and for explaining.

Checksums are held against the bodies, so a damaged record is never handed on; hashes and signatures are
not checked, that is `verify`'s part. Where a log is torn or damaged, everything before is yielded first.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from zlib import crc32

from maso.evidence.format import EvidenceError, Kind
from maso.evidence.scan import block_of, entry_at, segments_of
from maso.evidence.storage import FileStorage, Storage, evidence_dir


def read(run_dir: Path, first_record: int = 0) -> Iterator[tuple[int, bytes]]:
    """The number and body of each record from `first_record` on; raises EvidenceError at damage."""
    storage = FileStorage(evidence_dir(run_dir), writing=False)
    try:
        yield from read_storage(storage, first_record)
    except OSError as error:
        raise EvidenceError(f"`{evidence_dir(run_dir)}` cannot be read: {error.strerror}") from None
    finally:
        storage.close()


def read_storage(storage: Storage, first_record: int = 0) -> Iterator[tuple[int, bytes]]:
    """As `read`, from any storage."""
    records = 0
    for name in segments_of(storage):
        offset, size = 0, storage.size(name)
        while offset < size:
            entry = entry_at(storage, name, offset)
            if isinstance(entry, str):
                raise EvidenceError(f"`{name}` at byte {offset}, after {records} records: {entry}")
            offset += len(entry.data)
            if entry.kind is not Kind.BLOCK:
                continue
            if entry.prefix.first_record != records:
                raise EvidenceError(f"`{name}` at byte {offset}: record {records} is missing")
            block = block_of(entry)
            if isinstance(block, str):
                raise EvidenceError(f"`{name}`, from record {records} on: {block}")
            after = records + block.head.record_count
            if after > first_record:
                if not block.lengths_hold or tuple(map(crc32, block.bodies)) != block.crcs:
                    raise EvidenceError(
                        f"`{name}`, records {records} to {after - 1}: a checksum does not match"
                    )
                for number in range(max(records, first_record), after):
                    yield number, block.bodies[number - records]
            records = after
