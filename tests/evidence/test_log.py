"""What the writer makes, and what it refuses."""

from pathlib import Path

import pytest

from evidence.logs import FLEET, SEED, STATE, bodies_of, make, writer
from maso.evidence import read, store, verify
from maso.evidence.format import RECORD_BYTES_MAX, EvidenceError
from maso.evidence.log import LogWriter
from maso.evidence.read import read_storage
from maso.evidence.verify import verify_storage


def test_what_is_appended_is_read_back_and_verifies(tmp_path: Path) -> None:
    log = LogWriter(b"run-1", SEED, fleet_sha256=FLEET)
    files = store.create(tmp_path, log)
    bodies = bodies_of(5000)
    assert [log.append(body) for body in bodies] == list(range(5000))
    head = log.close(7, STATE)
    files.pump()
    files.release()
    assert files.acknowledged == 5000
    assert [body for _, body in read.read(tmp_path)] == bodies
    result = verify.verify(tmp_path, head=head)
    assert (result.ok, result.closed, result.records, result.head) == (True, True, 5000, head)
    assert result.failures == []
    assert (result.run_id, result.fleet_sha256) == (b"run-1", FLEET)


def test_equal_appends_give_equal_bytes() -> None:
    first, second = make(60), make(60)
    assert first.storage.contents() == second.storage.contents()
    assert first.head == second.head
    assert len(first.storage.names()) > 3


def test_the_store_writes_the_entries_as_they_come(tmp_path: Path) -> None:
    log = writer()
    files = store.create(tmp_path, log)
    for now, body in enumerate(bodies_of(60)):
        log.append(body)
        if log.checkpoint_due:
            log.seal(now, STATE)
        if now % 7 == 0:
            files.pump()
    log.close(60, STATE)
    files.pump()
    written = {path.name: path.read_bytes() for path in sorted((tmp_path / "evidence").iterdir())}
    assert written == make(60).storage.contents()


def test_another_key_run_or_record_gives_another_head() -> None:
    heads = [make(9).head, make(10).head, make(9, block_bytes=101).head]
    assert len({*heads}) == 3


def test_reading_starts_anywhere() -> None:
    made = make(60)
    for first in (0, 1, 17, 59, 60, 100):
        expected = list(enumerate(made.bodies))[first:]
        assert list(read_storage(made.storage, first)) == expected


def test_a_log_without_records_closes_and_verifies() -> None:
    result = verify_storage(make(0).storage)
    assert (result.ok, result.state, result.records, result.blocks) == (True, "closed", 0, 0)


def test_an_oversize_record_is_refused_and_nothing_is_added() -> None:
    log = writer()
    log.append(b"x" * RECORD_BYTES_MAX)
    with pytest.raises(
        EvidenceError, match="a record of 1048577 bytes is too long, at most 1048576 are legal"
    ):
        log.append(b"x" * (RECORD_BYTES_MAX + 1))
    assert log.records == 1


def test_a_buffer_that_may_still_change_is_refused() -> None:
    with pytest.raises(EvidenceError, match="a record must be immutable bytes"):
        writer().append(bytearray(b"x"))  # type: ignore[arg-type]


def test_nothing_is_added_after_the_close() -> None:
    log = writer()
    log.close(1, STATE)
    for attempt in (lambda: log.append(b"x"), lambda: log.seal(1, STATE), lambda: log.close(1, STATE)):
        with pytest.raises(EvidenceError, match="the log is closed"):
            attempt()
    log.take_sealed()
    with pytest.raises(EvidenceError, match="the log is closed"):
        log.append(b"x")


def test_a_driver_that_stores_nothing_is_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("maso.evidence.log.WAITING_BYTES_MAX", 1000)
    log = writer()
    for _ in range(6):
        log.append(b"x" * 60)
    with pytest.raises(EvidenceError, match="bytes wait to be stored"):
        log.append(b"x" * 60)
    log.take_sealed()
    assert log.append(b"x") == 6


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"run_id": b""}, "a run id has 0 bytes, legal is 1 to 64"),
        ({"run_id": b"r" * 65}, "a run id has 65 bytes, legal is 1 to 64"),
        ({"block_bytes": 0}, "`block_bytes` is 0, legal is 1 to"),
        ({"blocks_per_checkpoint": 0}, "`blocks_per_checkpoint` is 0, it must be 1 or more"),
        ({"segment_bytes": 0}, "`segment_bytes` is 0, it must be 1 or more"),
        ({"fsync": "never"}, "fsync policy `never` is not known, legal: always, block, close"),
    ],
)
def test_settings_that_make_no_sense_are_refused(settings: dict[str, object], message: str) -> None:
    with pytest.raises(EvidenceError, match=message):
        writer(**settings)  # type: ignore[arg-type]


def test_digests_and_seeds_of_a_wrong_length_are_refused() -> None:
    with pytest.raises(EvidenceError, match="a signing seed has 3 bytes, it must have 32"):
        LogWriter(b"r", b"abc", fleet_sha256=FLEET)
    with pytest.raises(EvidenceError, match="the digest of the fleet has 1 bytes, it must have 32"):
        LogWriter(b"r", SEED, fleet_sha256=b"x")
    with pytest.raises(EvidenceError, match="a state digest has 1 bytes, it must have 32"):
        writer().seal(0, b"x")


def test_a_checkpoint_is_due_after_so_many_blocks() -> None:
    log = writer(blocks_per_checkpoint=3)
    due = []
    for _ in range(8):
        log.append(b"x" * 100)
        due.append(log.checkpoint_due)
        if log.checkpoint_due:
            log.seal(0, STATE)
    assert due == [False, False, True, False, False, True, False, False]


def test_the_seed_is_in_no_file() -> None:
    assert all(SEED not in data for data in make(20).storage.contents().values())


def test_what_cannot_be_read_is_an_error_in_words(tmp_path: Path) -> None:
    with pytest.raises(EvidenceError, match="cannot be read: No such file or directory"):
        verify.verify(tmp_path)
    (tmp_path / "evidence" / "segment-00000000.log").mkdir(parents=True)
    for attempt in (lambda: verify.verify(tmp_path), lambda: list(read.read(tmp_path))):
        with pytest.raises(EvidenceError, match="cannot be read: Is a directory"):
            attempt()


def test_progress_counts_every_byte_once(tmp_path: Path) -> None:
    log = writer()
    files = store.create(tmp_path, log)
    for body in bodies_of(60):
        log.append(body)
    log.close(1, STATE)
    files.pump()
    seen: list[int] = []
    result = verify.verify(tmp_path, progress=seen.append)
    assert sum(seen) == result.size_bytes == sum(p.stat().st_size for p in (tmp_path / "evidence").iterdir())
