"""What is signed: the header of each segment, and the seals `checkpoint`, `close` and `recovery`.

A seal states how many records and blocks the log holds, the Merkle root over the blocks since the
seal before it, the time, and the digest of the writer's state. Its prefix names the hash of the entry
before, so the signature covers the whole history. The signed message begins with a fixed text and the
run's id, so a signature taken from another log or made for another purpose says nothing here.

Ed25519 is deterministic: the same key and the same log give the same bytes. In simulation the seed of
the key comes from the run's seed and is no secret; a live run brings its own.

Not handled: keeping the key, rotating it, and the time a signature was really made. Whoever holds the
key can write another history; only a head kept elsewhere shows that.
"""

from __future__ import annotations

from hashlib import sha256
from typing import Final

from nacl.exceptions import BadSignatureError
from nacl.signing import SigningKey, VerifyKey

from maso.evidence.format import (
    BLOCK_BYTES_MAX,
    FSYNC_CODES,
    FSYNC_NAMES,
    HEADER,
    NO_DIGEST,
    RUN_ID_BYTES_MAX,
    SEAL,
    SIGNATURE_BYTES,
    EvidenceError,
    HeaderFields,
    Kind,
    Settings,
    Tail,
    merkle_root,
    pack_prefix,
)

SIGNING_SEED_BYTES: Final = 32
KEY_ID_BYTES: Final = 8
_DOMAIN: Final = b"maso evidence 1\x00"


def signing_key(seed: bytes) -> SigningKey:
    """The key made from 32 bytes of seed."""
    if len(seed) != SIGNING_SEED_BYTES:
        raise EvidenceError(f"a signing seed has {len(seed)} bytes, it must have {SIGNING_SEED_BYTES}")
    return SigningKey(seed)


def public_key_of(seed: bytes) -> bytes:
    """The public key that belongs to a signing seed."""
    return bytes(signing_key(seed).verify_key)


def key_id_of(public_key: bytes) -> bytes:
    """A short name of a public key: to find it by, not to trust it by."""
    return sha256(public_key).digest()[:KEY_ID_BYTES]


def check_settings(settings: Settings) -> None:
    """Refuse settings that the format cannot hold or that make no sense."""
    if not 1 <= len(settings.run_id) <= RUN_ID_BYTES_MAX:
        raise EvidenceError(f"a run id has {len(settings.run_id)} bytes, legal is 1 to {RUN_ID_BYTES_MAX}")
    if len(settings.fleet_sha256) != sha256().digest_size:
        raise EvidenceError(
            f"the digest of the fleet has {len(settings.fleet_sha256)} bytes, it must have 32"
        )
    if not 1 <= settings.block_bytes <= BLOCK_BYTES_MAX:
        raise EvidenceError(f"`block_bytes` is {settings.block_bytes}, legal is 1 to {BLOCK_BYTES_MAX}")
    if not 1 <= settings.blocks_per_checkpoint < 1 << 32:
        raise EvidenceError(
            f"`blocks_per_checkpoint` is {settings.blocks_per_checkpoint}, it must be 1 or more"
        )
    if not 1 <= settings.segment_bytes < 1 << 62:
        raise EvidenceError(f"`segment_bytes` is {settings.segment_bytes}, it must be 1 or more")
    if settings.fsync not in FSYNC_CODES:
        raise EvidenceError(f"fsync policy `{settings.fsync}` is not known, legal: {', '.join(FSYNC_CODES)}")


def pack_header(settings: Settings, tail: Tail, key: SigningKey) -> bytes:
    """The entry that opens segment `tail.segment`."""
    prefix = pack_prefix(Kind.HEADER, tail, HEADER.size)
    fields = HeaderFields(
        segment=tail.segment,
        fsync=FSYNC_CODES[settings.fsync],
        run_id_bytes=len(settings.run_id),
        reserved=0,
        run_id=settings.run_id,
        fleet_sha256=settings.fleet_sha256,
        public_key=settings.public_key,
        key_id=key_id_of(settings.public_key),
        block_bytes=settings.block_bytes,
        blocks_per_checkpoint=settings.blocks_per_checkpoint,
        segment_bytes=settings.segment_bytes,
        anchor_unix_ns=settings.anchor_unix_ns,
        signature=bytes(SIGNATURE_BYTES),
    )
    return _sign(prefix + HEADER.struct.pack(*fields), settings.run_id, key)


def pack_seal(
    kind: Kind,
    settings: Settings,
    tail: Tail,
    key: SigningKey,
    *,
    now_ns: int,
    state_digest: bytes = NO_DIGEST,
    cut_bytes: int = 0,
    cut_sha256: bytes = NO_DIGEST,
) -> bytes:
    """A seal over everything up to `tail`."""
    if len(state_digest) != len(NO_DIGEST):
        raise EvidenceError(f"a state digest has {len(state_digest)} bytes, it must have {len(NO_DIGEST)}")
    fields = (
        tail.blocks,
        len(tail.unsealed),
        0,
        merkle_root(tail.unsealed),
        now_ns,
        state_digest,
        cut_bytes,
        cut_sha256,
        key_id_of(settings.public_key),
        bytes(SIGNATURE_BYTES),
    )
    prefix = pack_prefix(kind, tail, SEAL.size)
    return _sign(prefix + SEAL.struct.pack(*fields), settings.run_id, key)


def _sign(entry: bytes, run_id: bytes, key: SigningKey) -> bytes:
    unsigned = entry[:-SIGNATURE_BYTES]
    return unsigned + key.sign(_message(unsigned, run_id)).signature


def _message(unsigned: bytes, run_id: bytes) -> bytes:
    return _DOMAIN + bytes([len(run_id)]) + run_id + unsigned


def signature_holds(entry: bytes, run_id: bytes, public_key: bytes) -> bool:
    """Whether the signature at the end of a header or seal is that of `public_key`."""
    try:
        VerifyKey(public_key).verify(_message(entry[:-SIGNATURE_BYTES], run_id), entry[-SIGNATURE_BYTES:])
    except (BadSignatureError, ValueError, TypeError):
        return False
    return True


def settings_of(header: HeaderFields) -> Settings | str:
    """The settings that a header states, or what is wrong with them."""
    run_id = header.run_id[: header.run_id_bytes]
    if header.run_id != run_id.ljust(RUN_ID_BYTES_MAX, b"\x00") or header.reserved != 0:
        return "bytes that must be zero are not"
    fsync = FSYNC_NAMES.get(header.fsync)
    if fsync is None:
        return f"fsync policy `{header.fsync}` is not known, legal: 1 to {len(FSYNC_NAMES)}"
    if header.key_id != key_id_of(header.public_key):
        return "the key id is not that of the public key"
    settings = Settings(
        run_id=run_id,
        fleet_sha256=header.fleet_sha256,
        public_key=header.public_key,
        block_bytes=header.block_bytes,
        blocks_per_checkpoint=header.blocks_per_checkpoint,
        segment_bytes=header.segment_bytes,
        fsync=fsync,
        anchor_unix_ns=header.anchor_unix_ns,
    )
    try:
        check_settings(settings)
    except EvidenceError as error:
        return str(error)
    return settings
