"""Logs in memory for the tests of the evidence, made by the real writer."""

from dataclasses import dataclass
from typing import Any

from maso.evidence.faults import FaultyStorage
from maso.evidence.format import SEALS, Kind
from maso.evidence.log import LogWriter, Sealed

SEED = b"s" * 32
FLEET = b"f" * 32
STATE = b"d" * 32


@dataclass
class Made:
    """A finished log: its storage, its entries with their places, its bodies and its final head."""

    storage: FaultyStorage
    places: list[tuple[str, int, Sealed]]
    bodies: list[bytes]
    head: bytes


def writer(run_id: bytes = b"run-1", **settings: Any) -> LogWriter:
    """A writer with small blocks, so that a few records make many entries."""
    small: dict[str, Any] = {"block_bytes": 100, "blocks_per_checkpoint": 2, "segment_bytes": 1500}
    return LogWriter(run_id, SEED, fleet_sha256=FLEET, **(small | settings))


def bodies_of(count: int) -> list[bytes]:
    """Records of different lengths, the empty one among them."""
    return [bytes([65 + i % 26]) * (i * 7 % 50) for i in range(count)]


def make(count: int = 30, *, close: bool = True, **settings: Any) -> Made:
    """A log of `count` records, with checkpoints when they are due; its entries written as they come."""
    log = writer(**settings)
    bodies = bodies_of(count)
    for now, body in enumerate(bodies):
        log.append(body)
        if log.checkpoint_due:
            log.seal(now, STATE)
    log.cut_block()
    if close:
        log.close(count, STATE)
    places = places_of(log.take_sealed())
    files: dict[str, bytes] = {}
    for name, _, entry in places:
        files[name] = files.get(name, b"") + entry.data
    return Made(holding(files), places, bodies, log.head)


def places_of(entries: list[Sealed]) -> list[tuple[str, int, Sealed]]:
    """Where each entry starts in which file."""
    places, offset = [], 0
    for entry in entries:
        if entry.kind is Kind.HEADER:
            offset = 0
        places.append((f"segment-{entry.segment:08d}.log", offset, entry))
        offset += len(entry.data)
    return places


def holding(files: dict[str, bytes]) -> FaultyStorage:
    """A storage that holds these files instead."""
    other = FaultyStorage(seed=0)
    for name, data in files.items():
        other.create(name)
        other.append(name, data)
        other.sync(name)
    other.sync_names()
    return other


def is_seal(entry: Sealed) -> bool:
    return entry.kind in SEALS
