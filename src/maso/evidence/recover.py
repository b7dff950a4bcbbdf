"""Picks up a log after a crash: keeps the longest good prefix, cuts the torn rest, signs what it cut.

The cut and the record of it must not come apart, whatever crashes in between. So recovery writes a new
segment, which begins with its header and the signed recovery entry, under a temporary name and syncs it
before it cuts anything; then it cuts and gives the new segment its name. Run again after a crash of its
own, it finds that file and finishes with it.

Only what a crash can do is cut. A store syncs a segment before it creates the next, and, unless the
policy is `close`, everything before a seal before it writes the seal. So damage in front of a later
segment or of a signed seal is not a torn tail: then recovery refuses and changes nothing.

Not handled: telling damage from a torn tail behind the last seal, or under the policy `close`. There
the rest is cut, and the recovery entry states how many bytes went, and their digest.
"""

from __future__ import annotations

from hashlib import sha256
from typing import Final, NamedTuple

from maso.evidence.checkpoint import pack_header, pack_seal, public_key_of, signing_key
from maso.evidence.format import (
    HEADER_BYTES,
    SEAL_BYTES,
    EvidenceError,
    Kind,
    Settings,
    Tail,
    segment_name,
    segment_number,
)
from maso.evidence.log import Resume
from maso.evidence.scan import Chain, Entry, entry_at, find_entry, seal_of, segments_of, signed_by
from maso.evidence.storage import Storage

RECOVERY_NAME: Final = "recovery.tmp"
_READ_BYTES: Final = 1 << 20


class GoodPrefix(NamedTuple):
    """The longest good prefix of the log: it ends at `offset` in the file `name`."""

    chain: Chain
    name: str
    offset: int
    why: str  # what is wrong behind it; empty if nothing is


def recover(storage: Storage, signing_seed: bytes, now_ns: int) -> Resume:
    """Make the log whole again and say where it goes on; `now_ns` is stated in the recovery entry.

    Raises EvidenceError, and changes nothing, when the log is closed, has no complete header, is signed
    with another key, or is damaged by more than a crash.
    """
    last = _last_segment(storage)
    # What is read now must still be there after the next crash: the recovery entry is built on it.
    storage.sync(last)
    storage.sync_names()
    prefix = _good_prefix(storage)
    settings = _settings_to_go_on_with(prefix, signing_seed)
    if prefix.why and prefix.name != last:
        raise _damaged(prefix, "a later segment was written")
    if prefix.why and _sealed_later(storage, prefix, settings):
        raise _damaged(prefix, "a signed seal was written")
    opening = _interrupted(storage, prefix)
    if opening is None:
        _prepare(storage, prefix, settings, signing_seed, now_ns)
        opening = _interrupted(storage, prefix)
    if opening is None:
        raise EvidenceError(f"`{RECOVERY_NAME}` cannot be read back")
    _finish(storage, prefix)
    return _resume(prefix, settings, opening)


def _last_segment(storage: Storage) -> str:
    names = storage.names()
    strange = [name for name in names if segment_number(name) is None and name != RECOVERY_NAME]
    if strange:
        raise EvidenceError(f"`{strange[0]}` does not belong to the evidence, nothing was changed")
    segments = segments_of(storage)
    if not segments:
        raise EvidenceError("there is no evidence to resume")
    for expected, name in enumerate(segments):
        if segment_number(name) != expected:
            raise EvidenceError(f"`{segment_name(expected)}` is missing, nothing was changed")
    return segments[-1]


def _good_prefix(storage: Storage) -> GoodPrefix:
    chain = Chain()
    name, offset = "", 0
    for segment, name in enumerate(segments_of(storage)):
        offset, size = 0, storage.size(name)
        while offset < size or offset == 0:
            entry = entry_at(storage, name, offset)
            if isinstance(entry, str):
                return GoodPrefix(chain, name, offset, entry)
            before = chain.copy()
            problems = chain.check(entry, segment, offset == 0)
            if problems:
                return GoodPrefix(before.without_later_blocks(), name, offset, problems[0].what)
            offset += len(entry.data)
    return GoodPrefix(chain, name, offset, "")


def _settings_to_go_on_with(prefix: GoodPrefix, signing_seed: bytes) -> Settings:
    settings = prefix.chain.settings
    if settings is None:
        raise EvidenceError(
            "the evidence ends before its first header is complete: nothing was recorded in it"
        )
    if public_key_of(signing_seed) != settings.public_key:
        raise EvidenceError("the signing seed does not belong to the public key in the log's header")
    if prefix.chain.closed:
        raise EvidenceError("the log is closed, there is nothing to resume")
    return settings


def _damaged(prefix: GoodPrefix, proof: str) -> EvidenceError:
    return EvidenceError(
        f"`{prefix.name}` is damaged at byte {prefix.offset} ({prefix.why}), and {proof} behind it: "
        "no crash does that, so nothing was cut; run verify, and start a new run elsewhere"
    )


def _sealed_later(storage: Storage, prefix: GoodPrefix, settings: Settings) -> bool:
    if settings.fsync == "close":
        return False
    at = prefix.offset
    while True:
        found = find_entry(storage, prefix.name, at, prefix.chain.number + 1)
        if found is None:
            return False
        at, entry = found
        if signed_by(entry, settings):
            return True
        at += 1


def _next_segment(prefix: GoodPrefix) -> int:
    """A segment of which nothing is good is replaced, otherwise the next one is begun."""
    segment = segment_number(prefix.name) or 0
    return segment if prefix.offset == 0 else segment + 1


def _interrupted(storage: Storage, prefix: GoodPrefix) -> tuple[Entry, Entry] | None:
    """The header and recovery entry prepared for just this prefix; None if nothing usable is there."""
    if RECOVERY_NAME not in storage.names():
        return None
    header = entry_at(storage, RECOVERY_NAME, 0)
    seal = entry_at(storage, RECOVERY_NAME, HEADER_BYTES)
    if isinstance(header, str) or isinstance(seal, str) or seal.kind is not Kind.RECOVERY:
        return None
    chain = prefix.chain.copy()
    if chain.check(header, _next_segment(prefix), True) or chain.check(seal, 0, False):
        return None
    return (header, seal) if storage.size(RECOVERY_NAME) == HEADER_BYTES + SEAL_BYTES else None


def _prepare(
    storage: Storage, prefix: GoodPrefix, settings: Settings, signing_seed: bytes, now_ns: int
) -> None:
    cut_bytes, cut_sha256 = _measure_cut(storage, prefix)
    key = signing_key(signing_seed)
    tail = _tail(prefix.chain, _next_segment(prefix))
    header = pack_header(settings, tail, key)
    tail.advance(len(header), sha256(header).digest())
    seal = pack_seal(
        Kind.RECOVERY, settings, tail, key, now_ns=now_ns, cut_bytes=cut_bytes, cut_sha256=cut_sha256
    )
    if RECOVERY_NAME in storage.names():
        storage.remove(RECOVERY_NAME)
        storage.sync_names()
    storage.create(RECOVERY_NAME)
    storage.append(RECOVERY_NAME, header + seal)
    storage.sync(RECOVERY_NAME)
    storage.sync_names()


def _tail(chain: Chain, segment: int) -> Tail:
    if chain.head is None or chain.unsealed is None:
        raise EvidenceError("the good part of the evidence has no head")  # one without problems has
    return Tail(chain.number, chain.records, chain.blocks, chain.head, segment, 0, list(chain.unsealed))


def _measure_cut(storage: Storage, prefix: GoodPrefix) -> tuple[int, bytes]:
    digest = sha256()
    size = storage.size(prefix.name)
    for at in range(prefix.offset, size, _READ_BYTES):
        digest.update(storage.read(prefix.name, at, _READ_BYTES))
    return size - prefix.offset, digest.digest()


def _finish(storage: Storage, prefix: GoodPrefix) -> None:
    if prefix.offset > 0 and prefix.why:
        storage.truncate(prefix.name, prefix.offset)
        storage.sync(prefix.name)
    storage.rename(RECOVERY_NAME, segment_name(_next_segment(prefix)))
    storage.sync_names()


def _resume(prefix: GoodPrefix, settings: Settings, opening: tuple[Entry, Entry]) -> Resume:
    header, seal = opening
    tail = _tail(prefix.chain, _next_segment(prefix))
    tail.advance(len(header.data), sha256(header.data).digest())
    tail.advance(len(seal.data), sha256(seal.data).digest())
    tail.unsealed = []
    cut = seal_of(seal)
    checkpoint = prefix.chain.checkpoint
    if isinstance(cut, str):
        raise EvidenceError(f"the recovery entry cannot be used: {cut}")
    return Resume(
        settings=settings,
        tail=tail,
        cut_bytes=cut.cut_bytes,
        cut_sha256=cut.cut_sha256,
        sealed_records=prefix.chain.checkpoint_records,
        sealed_now_ns=None if checkpoint is None else checkpoint.now_ns,
        sealed_state_digest=None if checkpoint is None else checkpoint.state_digest,
    )
