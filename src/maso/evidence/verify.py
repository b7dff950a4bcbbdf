"""Says whether a log still is what was written: reads everything, changes nothing.

Every byte of every file is covered by a checksum, a hash or a signature, and what is wrong is named: the
record, or the entry and the records it covers. After damage the search goes on at the next entry, so one
damaged block does not hide another.

A log holds (`ok`) when nothing is wrong and its end is signed: by a close, by a recovery that nothing
follows, or by nobody if the caller allows an open log. An end without a close is how a crash looks, and
also how a cut tail looks: only the head, kept elsewhere and passed in, tells these apart. A known head
must be the hash of some entry; a log that has grown since still contains it.

Not proven: that the key in the header is the writer's (pass `public_key`), that the holder of the key
wrote no other history (pass `head`), and that what the records say is true.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Literal, NamedTuple

from maso.evidence.format import EvidenceError, Kind, segment_name, segment_number
from maso.evidence.recover import RECOVERY_NAME
from maso.evidence.scan import Chain, Entry, Problem, entry_at, find_entry, segments_of
from maso.evidence.storage import FileStorage, Storage, evidence_dir

FAILURES_MAX: Final = 1000  # a person reads a handful; what comes after is counted

State = Literal["closed", "recovered", "open", "torn", "broken"]


class Failure(NamedTuple):
    """One thing that is wrong.

    `record` is set when one record is named, otherwise `records` says which the damaged structure covers:
    first and last, None if it covers none or nobody can know. `entry` counts the entries of the log,
    `block` the blocks; `offset` is where the entry starts in the file `segment`, in bytes.
    """

    what: str
    record: int | None = None
    records: tuple[int, int] | None = None
    block: int | None = None
    entry: int | None = None
    segment: str = ""
    offset: int = 0


@dataclass(slots=True)
class VerifyResult:
    """What verifying found. `head` is the hash of the last entry that could be read."""

    ok: bool = False
    state: State = "broken"
    records: int = 0
    blocks: int = 0
    seals: int = 0
    segments: int = 0
    size_bytes: int = 0
    head: bytes = b""
    run_id: bytes = b""
    fleet_sha256: bytes = b""
    public_key: bytes = b""
    recoveries: int = 0
    cut_bytes: int = 0
    head_seen_at_record: int | None = None
    failures: list[Failure] = field(default_factory=list)
    failures_not_listed: int = 0

    @property
    def closed(self) -> bool:
        """Whether the log ends with a signed close and nothing is wrong."""
        return self.state == "closed"


def verify(
    run_dir: Path,
    *,
    head: bytes | None = None,
    public_key: bytes | None = None,
    allow_open: bool = False,
    progress: Callable[[int], None] | None = None,
) -> VerifyResult:
    """Verify the log in `run_dir`/evidence; `progress` gets the bytes read since its last call.

    Raises EvidenceError only when there is nothing to verify or it cannot be read.
    """
    storage = FileStorage(evidence_dir(run_dir), writing=False)
    try:
        return verify_storage(
            storage, head=head, public_key=public_key, allow_open=allow_open, progress=progress
        )
    except OSError as error:
        raise EvidenceError(f"`{evidence_dir(run_dir)}` cannot be read: {error.strerror}") from None
    finally:
        storage.close()


def verify_storage(
    storage: Storage,
    *,
    head: bytes | None = None,
    public_key: bytes | None = None,
    allow_open: bool = False,
    progress: Callable[[int], None] | None = None,
) -> VerifyResult:
    """Verify the log in `storage`, see `verify`."""
    if not storage.names():
        raise EvidenceError("there is no evidence to verify")
    examination = _Examination(storage, head, progress)
    examination.run()
    return examination.conclude(public_key, allow_open)


class _Examination:
    """One pass over the log, collecting what is wrong."""

    def __init__(self, storage: Storage, head: bytes | None, progress: Callable[[int], None] | None) -> None:
        self._storage = storage
        self._known_head = head
        self._progress = progress
        self._chain = Chain()
        self._result = VerifyResult()
        self._sealed_to = 0  # records before the last seal
        self._torn = False
        self._unmeasured: int | None = (
            None  # the last failure begins at this record, its end is not known yet
        )

    def run(self) -> None:
        """Read every segment in the order of its number."""
        segments = segments_of(self._storage)
        for name in self._storage.names():
            if name not in segments:
                self._fail(Failure(_strange(name), segment=name))
        expected = 0
        for name in segments or [segment_name(0)]:
            number = segment_number(name)
            if number is None or number > expected or not segments:
                self._measure_damage(None)
                self._fail(Failure(f"{_missing(expected, number)} from record {self._chain.records} on"))
                self._chain.lose_track()
            if segments and number is not None:
                self._segment(name, number)
                expected = number + 1
        self._measure_damage(None)
        self._result.segments = len(segments)

    def _segment(self, name: str, segment: int) -> None:
        offset, size = 0, self._storage.size(name)
        self._result.size_bytes += size
        while offset < size or offset == 0:
            entry = entry_at(self._storage, name, offset)
            self._torn = isinstance(entry, str)
            if isinstance(entry, str):
                offset = self._behind_damage(name, offset, size, entry)
                continue
            self._entry(entry, name, segment, offset)
            offset += len(entry.data)
            if self._progress is not None:
                self._progress(len(entry.data))

    def _behind_damage(self, name: str, offset: int, size: int, what: str) -> int:
        """Name what cannot be read, and find where reading can go on; returns that offset."""
        chain = self._chain
        found = find_entry(self._storage, name, offset + 1, chain.number)
        self._fail(Failure(what, entry=chain.number, segment=name, offset=offset))
        self._unmeasured = chain.records
        chain.lose_track()
        self._torn = found is None
        return max(size, 1) if found is None else found[0]

    def _measure_damage(self, next_record: int | None) -> None:
        """Say which records the last failure covers, now that the entry behind it is known; None: the end."""
        first, failures = self._unmeasured, self._result.failures
        self._unmeasured = None
        if first is None or self._result.failures_not_listed:
            return
        failure = failures[-1]
        if next_record is None:
            text = f"; nothing can be read from record {first} on"
            failures[-1] = failure._replace(what=failure.what + text)
        elif next_record > first:
            failures[-1] = failure._replace(records=(first, next_record - 1))
        else:
            text = f"; it holds no record and stands before record {first}"
            failures[-1] = failure._replace(what=failure.what + text)

    def _entry(self, entry: Entry, name: str, segment: int, offset: int) -> None:
        chain, result = self._chain, self._result
        self._measure_damage(entry.prefix.first_record)
        first, blocks = entry.prefix.first_record, chain.blocks
        problems = chain.check(entry, segment, offset == 0)
        kind = entry.kind
        covered = (first, chain.records - 1)
        if kind is not Kind.BLOCK and kind is not Kind.HEADER:
            result.seals += 1
            result.recoveries += kind is Kind.RECOVERY
            covered = (self._sealed_to, first - 1)
            self._sealed_to = first
        for problem in problems:
            self._fail(_failure(problem, entry, covered, blocks, name, offset))
        if chain.lost:
            self._unmeasured = first
        if self._known_head is not None and chain.head == self._known_head:
            result.head_seen_at_record = chain.records
        if chain.head is not None:
            result.head = chain.head

    def _fail(self, failure: Failure) -> None:
        if len(self._result.failures) < FAILURES_MAX:
            self._result.failures.append(failure)
        else:
            self._result.failures_not_listed += 1

    def conclude(self, public_key: bytes | None, allow_open: bool) -> VerifyResult:
        """Judge the end of the log, the key and the known head."""
        result, chain = self._result, self._chain
        result.records, result.blocks = chain.records, chain.blocks
        if chain.settings is not None:
            result.run_id = chain.settings.run_id
            result.fleet_sha256 = chain.settings.fleet_sha256
            result.public_key = chain.settings.public_key
            result.cut_bytes = chain.cut_bytes
        torn = self._torn and len(result.failures) == 1
        if public_key is not None and result.public_key != public_key:
            self._fail(Failure("the key in the header is not the expected one: someone else signed this log"))
        if self._known_head is not None and result.head_seen_at_record is None:
            self._fail(Failure("the known head is not in the log: it was rolled back, or is another log"))
        result.state = "torn" if torn and len(result.failures) == 1 else _state(result, chain)
        open_end = result.state == "open" and not allow_open
        if open_end:
            self._fail(Failure(_NOT_CLOSED.format(records=chain.records), segment=self._last_name()))
        result.ok = not result.failures
        return result

    def _last_name(self) -> str:
        return segments_of(self._storage)[-1]


_NOT_CLOSED: Final = (
    "the log is not closed: it ends after record count {records} without a signed close, "
    "as after a crash or a cut"
)


def _state(result: VerifyResult, chain: Chain) -> State:
    if result.failures:
        return "broken"
    if chain.last_kind is Kind.CLOSE:
        return "closed"
    return "recovered" if chain.last_kind is Kind.RECOVERY else "open"


def _strange(name: str) -> str:
    if name == RECOVERY_NAME:
        return f"`{name}` is a recovery that was not finished; resume the run to finish it"
    return f"`{name}` does not belong to the evidence"


def _missing(expected: int, found: int | None) -> str:
    last = expected if found is None or found <= expected else found - 1
    if last == expected:
        return f"`{segment_name(expected)}` is missing, with the records"
    return f"`{segment_name(expected)}` to `{segment_name(last)}` are missing, with the records"


_KIND_NAMES: Final = {
    Kind.HEADER: "the header",
    Kind.BLOCK: "a block",
    Kind.CHECKPOINT: "a checkpoint",
    Kind.CLOSE: "the close",
    Kind.RECOVERY: "a recovery entry",
}


def _failure(
    problem: Problem, entry: Entry, covered: tuple[int, int], block: int, name: str, offset: int
) -> Failure:
    prefix = entry.prefix
    is_block = entry.kind is Kind.BLOCK
    holds_records = problem.record is None and covered[1] >= covered[0] and entry.kind is not Kind.HEADER
    return Failure(
        what=f"{_KIND_NAMES[entry.kind]}: {problem.what}",
        record=problem.record,
        records=covered if holds_records else None,
        block=block if is_block else None,
        entry=prefix.number,
        segment=name,
        offset=offset,
    )
