"""The writer of the evidence log: bodies in, entries out; no clock, no files.

`append` only collects: a record costs a length check and a list append. When the open block is full
it is cut: checksums, leaf hashes and the Merkle root are made for the whole block at once, and the
finished entry waits in a queue until `take_sealed` hands it to whoever stores it. So the cost comes
in one step per block (about 0.2 ms per 64 KiB), not evenly.

A record counts as written when its block is stored, see `store.py`; one in the open block is lost
with the process. `seal` and `close` cut the open block first, so nothing stays behind.

The writer makes checkpoints only when told, because it knows neither the time nor the state that a
checkpoint states: `checkpoint_due` says when. Everything is a function of the arguments, so equal
calls give equal bytes.

Not handled: two writers on one log (the storage locks), what a body says, and the seed in memory:
it stays there as long as the writer.
"""

from __future__ import annotations

from hashlib import sha256
from typing import Final, NamedTuple

from maso.evidence.checkpoint import check_settings, pack_header, pack_seal, public_key_of, signing_key
from maso.evidence.format import (
    GENESIS,
    HEADER_BYTES,
    INDEX_BYTES,
    RECORD_BYTES_MAX,
    SEAL_BYTES,
    EvidenceError,
    Fsync,
    Kind,
    Settings,
    Tail,
    block_entry_bytes,
    pack_block,
)

SEGMENT_BYTES: Final = 64 << 20  # at 50 MB/s one file a second; small enough to copy and to map
WAITING_BYTES_MAX: Final = 256 << 20  # 5 s of full speed: a driver that stores nothing must notice


class Sealed(NamedTuple):
    """A finished entry: `records` is how many the log holds once it is stored."""

    data: bytes
    kind: Kind
    segment: int
    records: int


class Resume(NamedTuple):
    """Where a recovered log goes on, and what recovery found.

    `sealed_records` is how many records the last checkpoint before the crash covers, with the time and
    state digest that it states (None if there was none): a caller that has that state replays the rest.
    """

    settings: Settings
    tail: Tail
    cut_bytes: int
    cut_sha256: bytes
    sealed_records: int
    sealed_now_ns: int | None
    sealed_state_digest: bytes | None


class LogWriter:
    """Appends records to one log."""

    __slots__ = (
        "_block_bytes",
        "_bodies",
        "_closed",
        "_key",
        "_open_bytes",
        "_records",
        "_refuses",
        "_sealed",
        "_settings",
        "_tail",
        "_waiting_bytes",
    )

    def __init__(
        self,
        run_id: bytes,
        signing_seed: bytes,
        *,
        fleet_sha256: bytes,
        block_bytes: int = 65536,
        blocks_per_checkpoint: int = 64,
        segment_bytes: int = SEGMENT_BYTES,
        fsync: Fsync = "close",
        anchor_unix_ns: int = 0,
    ) -> None:
        """Start an empty log; its header waits in `take_sealed`.

        `run_id` has 1 to 64 bytes, `signing_seed` and `fleet_sha256` have 32 each. `fsync` is stated in
        the header, because recovery may rely on it; the store obeys it.
        """
        settings = Settings(
            run_id=run_id,
            fleet_sha256=fleet_sha256,
            public_key=public_key_of(signing_seed),
            block_bytes=block_bytes,
            blocks_per_checkpoint=blocks_per_checkpoint,
            segment_bytes=segment_bytes,
            fsync=fsync,
            anchor_unix_ns=anchor_unix_ns,
        )
        check_settings(settings)
        self._begin(settings, Tail(0, 0, 0, GENESIS, 0, 0, []), signing_seed)
        self._emit_header()

    @classmethod
    def resumed(cls, resume: Resume, signing_seed: bytes) -> LogWriter:
        """Go on where recovery ended, under the settings of the log's header."""
        if public_key_of(signing_seed) != resume.settings.public_key:
            raise EvidenceError("the signing seed does not belong to the public key in the log's header")
        writer = cls.__new__(cls)
        tail = resume.tail
        position = Tail(
            tail.number, tail.records, tail.blocks, tail.head, tail.segment, tail.segment_size, []
        )
        writer._begin(resume.settings, position, signing_seed)
        return writer

    def _begin(self, settings: Settings, tail: Tail, signing_seed: bytes) -> None:
        self._settings = settings
        self._tail = tail
        self._key = signing_key(signing_seed)
        self._block_bytes = settings.block_bytes
        self._bodies: list[bytes] = []
        self._open_bytes = 0
        self._records = tail.records
        self._sealed: list[Sealed] = []
        self._waiting_bytes = 0
        self._closed = False
        self._refuses = False  # one flag for the hot path: closed, or too much waits to be stored

    def append(self, body: bytes) -> int:
        """Add a record; returns its number, from 0.

        Raises EvidenceError, and adds nothing: after `close`; over 1 MiB; while too much waits to be stored;
        and for anything but `bytes`, since a buffer that its owner may still change must not become evidence.
        """
        size = len(body)
        if size > RECORD_BYTES_MAX or type(body) is not bytes or self._refuses:
            self._refuse(body)
        self._bodies.append(body)
        number = self._records
        self._records = number + 1
        self._open_bytes += size + INDEX_BYTES
        if self._open_bytes >= self._block_bytes:
            self.cut_block()
        return number

    def _refuse(self, body: bytes) -> None:
        if self._closed:
            raise EvidenceError("the log is closed, no record can be added")
        if type(body) is not bytes:
            raise EvidenceError("a record must be immutable bytes")
        if self._refuses:
            raise EvidenceError(f"{self._waiting_bytes} bytes wait to be stored, no more than that is kept")
        raise EvidenceError(
            f"a record of {len(body)} bytes is too long, at most {RECORD_BYTES_MAX} are legal"
        )

    def cut_block(self) -> None:
        """Finish the open block, if it holds a record, without a checkpoint."""
        if not self._bodies:
            return
        bodies = self._bodies
        self._make_room(block_entry_bytes(len(bodies), sum(map(len, bodies))))
        data, block_hash = pack_block(self._tail, bodies)
        self._tail.records += len(bodies)
        self._tail.blocks += 1
        self._tail.unsealed.append(block_hash)
        self._bodies = []
        self._open_bytes = 0
        self._emit(Kind.BLOCK, data, block_hash)

    def seal(self, now_ns: int, state_digest: bytes) -> bytes:
        """Cut the open block and sign a checkpoint over everything so far; returns the new head."""
        return self._emit_seal(Kind.CHECKPOINT, now_ns, state_digest)

    def close(self, now_ns: int, state_digest: bytes) -> bytes:
        """Cut the open block and sign the end of the log; returns the final head, to be kept elsewhere."""
        head = self._emit_seal(Kind.CLOSE, now_ns, state_digest)
        self._closed = self._refuses = True
        return head

    def take_sealed(self) -> list[Sealed]:
        """The entries finished since the last call, in order; the caller must store them."""
        sealed = self._sealed
        self._sealed = []
        self._waiting_bytes = 0
        self._refuses = self._closed
        return sealed

    @property
    def head(self) -> bytes:
        """The hash of the last finished entry; records in the open block are not in it yet."""
        return self._tail.head

    @property
    def records(self) -> int:
        """How many records were appended, the open block included."""
        return self._records

    @property
    def checkpoint_due(self) -> bool:
        """Whether as many blocks were cut since the last seal as the settings ask for."""
        return len(self._tail.unsealed) >= self._settings.blocks_per_checkpoint

    @property
    def closed(self) -> bool:
        """Whether `close` was called."""
        return self._closed

    @property
    def settings(self) -> Settings:
        """What the log is written under."""
        return self._settings

    def _emit_seal(self, kind: Kind, now_ns: int, state_digest: bytes) -> bytes:
        if self._closed:
            raise EvidenceError("the log is closed, it cannot be sealed again")
        self.cut_block()
        self._make_room(SEAL_BYTES)
        data = pack_seal(
            kind, self._settings, self._tail, self._key, now_ns=now_ns, state_digest=state_digest
        )
        self._tail.unsealed = []
        self._emit(kind, data, sha256(data).digest())
        return self._tail.head

    def _make_room(self, entry_bytes: int) -> None:
        """Start a new segment if the entry would make this one too long; a segment holds at least one."""
        size = self._tail.segment_size
        if size > HEADER_BYTES and size + entry_bytes > self._settings.segment_bytes:
            self._tail.segment += 1
            self._tail.segment_size = 0
            self._emit_header()

    def _emit_header(self) -> None:
        data = pack_header(self._settings, self._tail, self._key)
        self._emit(Kind.HEADER, data, sha256(data).digest())

    def _emit(self, kind: Kind, data: bytes, entry_hash: bytes) -> None:
        self._tail.advance(len(data), entry_hash)
        self._waiting_bytes += len(data)
        self._refuses = self._waiting_bytes > WAITING_BYTES_MAX
        self._sealed.append(Sealed(data, kind, self._tail.segment, self._tail.records))
