"""Whatever a crash does to what was not synced, recovery keeps every acknowledged record and goes on."""

from hashlib import sha256
from pathlib import Path
from random import Random

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from evidence.logs import FLEET, SEED, STATE, bodies_of, holding, make, writer
from maso.evidence import store as stores
from maso.evidence.faults import CrashError, FaultyStorage
from maso.evidence.format import EvidenceError, Fsync, Kind
from maso.evidence.log import LogWriter
from maso.evidence.read import read_storage
from maso.evidence.recover import RECOVERY_NAME, recover
from maso.evidence.scan import entry_at, seal_of
from maso.evidence.store import Store
from maso.evidence.verify import verify, verify_storage

FSYNC_POLICIES = st.sampled_from(["always", "block", "close"])


class Crashes(RuleBasedStateMachine):
    """A run that is killed again and again on a disk that loses, tears and reorders."""

    def __init__(self) -> None:
        super().__init__()
        self.appended: list[bytes] = []
        self.now = 0

    @initialize(seed=st.integers(0, 2**32), fsync=FSYNC_POLICIES, segment=st.sampled_from([700, 1500, 10**6]))
    def start(self, seed: int, fsync: Fsync, segment: int) -> None:
        self.log = writer(fsync=fsync, segment_bytes=segment)
        self.disk = FaultyStorage(seed)
        self.store = Store(self.disk, self.log)
        self.store.flush()

    @property
    def acknowledged(self) -> int:
        return self.store.acknowledged

    @rule(size=st.sampled_from([0, 1, 30, 99, 700, 3000]), fill=st.integers(0, 255))
    def append(self, size: int, fill: int) -> None:
        if not self.log.closed:
            assert self.log.append(bytes([fill]) * size) == len(self.appended)
            self.appended.append(bytes([fill]) * size)

    @rule()
    def pump(self) -> None:
        self.store.pump()

    @rule()
    def flush(self) -> None:
        self.store.flush()
        assert self.acknowledged == len(self.appended)

    @precondition(lambda self: not self.log.closed)
    @rule()
    def seal(self) -> None:
        self.now += 1
        self.log.seal(self.now, STATE)

    @rule(operations=st.integers(0, 9), in_recovery=st.lists(st.integers(0, 9), max_size=2))
    def crash(self, operations: int, in_recovery: list[int]) -> None:
        """Stop in the middle of storing, and then in the middle of recovering as often as asked."""
        self.disk.arm(operations)
        try:
            self.store.pump()
        except CrashError:
            pass
        kept = self.acknowledged
        self.disk = self.disk.crash()
        for limit in in_recovery:
            self.disk.arm(limit)
            try:
                recover(self.disk, SEED, self.now)
            except CrashError:
                pass
            self.disk = self.disk.crash()
        self.recovered(kept)

    @rule()
    def kill(self) -> None:
        """The process dies and the machine goes on: all that was written is there, and still not synced."""
        self.recovered(self.acknowledged)

    def recovered(self, kept: int) -> None:
        resume = recover(self.disk, SEED, self.now)
        survivors = [body for _, body in read_storage(self.disk)]
        assert len(survivors) >= kept, "an acknowledged record was lost"
        assert survivors == self.appended[: len(survivors)]
        result = verify_storage(self.disk)
        assert (result.ok, result.state, result.failures) == (True, "recovered", [])
        assert result.head == resume.tail.head
        self.appended = survivors
        self.log = LogWriter.resumed(resume, SEED)
        self.store = Store(self.disk, self.log)
        self.store.resumed_at(resume)
        assert self.acknowledged == len(survivors)

    @invariant()
    def what_is_written_verifies(self) -> None:
        result = verify_storage(self.disk, allow_open=True)
        assert result.failures == []

    def teardown(self) -> None:
        if hasattr(self, "log"):
            self.log.close(self.now, STATE)
            self.store.pump()
            result = verify_storage(self.disk, head=self.log.head)
            assert (result.ok, result.closed, result.records) == (True, True, len(self.appended))
            assert self.acknowledged == len(self.appended)


TestCrashes = Crashes.TestCase
TestCrashes.settings = settings(max_examples=60, stateful_step_count=20)


def crashed_at(cut: int, fsync: Fsync = "close") -> FaultyStorage:
    """A log whose last segment ends `cut` bytes early."""
    files = make(14, close=False, fsync=fsync, segment_bytes=10**6).storage.contents()
    name = "segment-00000000.log"
    return holding({name: files[name][: len(files[name]) - cut]})


def test_the_torn_tail_is_cut_and_what_was_cut_is_signed() -> None:
    whole = crashed_at(0).contents()["segment-00000000.log"]
    disk = crashed_at(7)
    resume = recover(disk, SEED, now_ns=99)
    kept = disk.size("segment-00000000.log")
    cut = whole[kept:-7]
    assert (resume.cut_bytes, resume.cut_sha256) == (len(cut), sha256(cut).digest())
    assert len(cut) > 0
    header = entry_at(disk, "segment-00000001.log", 0)
    assert not isinstance(header, str)
    entry = entry_at(disk, "segment-00000001.log", len(header.data))
    assert not isinstance(entry, str)
    seal = seal_of(entry)
    assert not isinstance(seal, str)
    assert (entry.kind, seal.cut_bytes, seal.cut_sha256, seal.now_ns) == (
        Kind.RECOVERY,
        len(cut),
        sha256(cut).digest(),
        99,
    )
    result = verify_storage(disk)
    assert (result.ok, result.state, result.recoveries, result.cut_bytes) == (True, "recovered", 1, len(cut))


@pytest.mark.parametrize("fsync", ["always", "block", "close"])
def test_recovery_from_every_truncation_keeps_the_prefix(fsync: Fsync) -> None:
    whole = make(14, close=False, fsync=fsync, segment_bytes=10**6)
    header_bytes = len(whole.places[0][2].data)
    size = whole.storage.size("segment-00000000.log")
    for cut in range(size - header_bytes + 1):
        disk = crashed_at(cut, fsync)
        intact = [e.records for _, at, e in whole.places if at + len(e.data) <= size - cut]
        resume = recover(disk, SEED, 1)
        assert resume.tail.records == intact[-1]
        assert [body for _, body in read_storage(disk)] == whole.bodies[: intact[-1]]
        assert verify_storage(disk).ok


def test_a_last_block_that_is_whole_but_wrong_is_cut() -> None:
    for blocks in (1, 2, 3):
        log = writer(segment_bytes=10**6, blocks_per_checkpoint=10)
        for _ in range(blocks):
            log.append(b"x" * 100)
        data = b"".join(entry.data for entry in log.take_sealed())
        disk = holding({"segment-00000000.log": data[:-1] + b"y"})
        assert recover(disk, SEED, 1).tail.records == blocks - 1
        assert verify_storage(disk).ok


def test_what_recovery_builds_on_is_synced_first() -> None:
    """The process is killed, the machine crashes later: what was recovered in between must stay."""
    for seed in range(20):
        log = writer(fsync="close", segment_bytes=10**6)
        disk = FaultyStorage(seed)
        store = Store(disk, log)
        store.flush()
        for _ in range(8):
            log.append(b"x" * 200)
        store.pump()
        assert recover(disk, SEED, 1).tail.records == 8
        assert recover(disk.crash(), SEED, 2).tail.records == 8


@pytest.mark.parametrize("operations", range(12))
def test_a_cut_is_signed_once_and_in_full_wherever_recovery_is_stopped(operations: int) -> None:
    expected = recover(crashed_at(7), SEED, 1).cut_bytes
    for seed in range(30):
        disk = FaultyStorage(seed)
        for name, data in crashed_at(7).contents().items():
            disk.create(name)
            disk.append(name, data)
            disk.sync(name)
        disk.sync_names()
        disk.arm(operations)
        try:
            recover(disk, SEED, 1)
        except CrashError:
            pass
        disk = disk.crash()
        recover(disk, SEED, 2)
        result = verify_storage(disk)
        assert (result.ok, result.cut_bytes) == (True, expected)


def test_a_seal_that_survives_a_crash_never_stands_behind_a_hole() -> None:
    survived = 0
    for seed in range(100):
        log = writer(fsync="block", segment_bytes=10**6)
        disk = FaultyStorage(seed)
        store = Store(disk, log)
        store.flush()
        for _ in range(8):
            log.append(b"x" * 200)
        log.seal(1, STATE)
        disk.arm(3)  # blocks written, synced, seal written; not the last sync
        with pytest.raises(CrashError):
            store.pump()
        resume = recover(disk.crash(), SEED, 1)
        assert resume.tail.records == 8
        survived += resume.sealed_records == 8
    assert 0 < survived < 100


def test_a_resume_knows_the_last_checkpoint_for_the_replay() -> None:
    log = writer(segment_bytes=10**6)
    disk = FaultyStorage(0)
    store = Store(disk, log)
    log.append(b"before")
    log.seal(17, STATE)
    log.append(b"behind")
    store.flush()
    for _ in range(2):  # a second recovery knows no less
        resume = recover(disk, SEED, 20)
        assert (resume.sealed_records, resume.sealed_now_ns, resume.sealed_state_digest) == (1, 17, STATE)
        assert resume.tail.records == 2


def refused(disk: FaultyStorage, message: str, seed: bytes = SEED) -> None:
    before = disk.contents()
    with pytest.raises(EvidenceError, match=message):
        recover(disk, seed, 1)
    assert disk.contents() == before


def test_recovery_refuses_what_no_crash_does() -> None:
    made = make(30, close=False, fsync="block")
    files = made.storage.contents()
    name, offset, _ = made.places[1]
    data = bytearray(files[name])
    data[offset + 150] ^= 1
    refused(
        holding(files | {name: bytes(data)}),
        "is damaged at byte 296 .* a later segment was written behind it",
    )


def test_recovery_refuses_damage_in_front_of_a_seal_unless_nothing_was_synced() -> None:
    for fsync in ("always", "block", "close"):
        made = make(30, close=False, fsync=fsync, segment_bytes=10**6)
        name, offset, _ = made.places[1]
        data = bytearray(made.storage.contents()[name])
        data[offset + 150] ^= 1
        disk = holding({name: bytes(data)})
        if fsync == "close":
            assert recover(disk, SEED, 1).tail.records == 0
        else:
            refused(disk, "and a signed seal was written behind it: no crash does that, so nothing was cut")


def test_recovery_refuses_other_keys_closed_logs_gaps_and_strange_files() -> None:
    refused(crashed_at(0), "does not belong to the public key", seed=b"o" * 32)
    refused(make(5).storage, "the log is closed, there is nothing to resume")
    refused(holding({}), "there is no evidence to resume")
    files = make(40, close=False).storage.contents()
    del files["segment-00000001.log"]
    refused(holding(files), "`segment-00000001.log` is missing")
    refused(holding({**crashed_at(0).contents(), "x": b""}), "`x` does not belong to the evidence")
    refused(holding({"segment-00000000.log": b"\x9dMEv"}), "before its first header is complete")


def test_a_prepared_recovery_that_is_not_ours_is_made_again() -> None:
    disk = holding(crashed_at(7).contents() | {RECOVERY_NAME: b"noise"})
    assert recover(disk, SEED, 1).cut_bytes > 0
    assert verify_storage(disk).ok


def test_a_prepared_recovery_with_more_behind_it_is_made_again() -> None:
    disk = crashed_at(7)
    disk.arm(6)  # prepared and synced, not yet in place
    with pytest.raises(CrashError):
        recover(disk, SEED, 1)
    disk.arm(None)
    disk.append(RECOVERY_NAME, b"\x00")
    recover(disk, SEED, 1)
    assert verify_storage(disk).ok


def test_an_unfinished_recovery_is_named() -> None:
    disk = crashed_at(7)
    disk.arm(6)  # prepared and synced, not yet in place
    with pytest.raises(CrashError):
        recover(disk, SEED, 1)
    result = verify_storage(disk, allow_open=True)
    assert "is a recovery that was not finished; resume the run to finish it" in result.failures[0].what


def test_after_a_failed_write_the_store_refuses_everything(tmp_path: Path) -> None:
    log = writer(fsync="block")
    disk = FaultyStorage(3)
    store = Store(disk, log)
    store.flush()
    log.append(b"x" * 200)
    disk.arm(0)
    with pytest.raises(CrashError):
        store.pump()
    disk.arm(None)
    log.append(b"y" * 200)
    for attempt in (store.pump, store.flush):
        with pytest.raises(EvidenceError, match="an earlier write to the evidence failed"):
            attempt()
    assert store.acknowledged == 0


def test_the_policies_acknowledge_what_they_say() -> None:
    seen: dict[Fsync, list[int]] = {}
    policies: tuple[Fsync, ...] = ("always", "block", "close")
    for fsync in policies:
        log = writer(fsync=fsync, segment_bytes=10**6)
        store = Store(FaultyStorage(0), log)
        seen[fsync] = []
        for body in (b"x" * 30, b"y" * 30, b"z" * 300):
            log.append(body)
            store.pump()
            seen[fsync].append(store.acknowledged)
        log.append(b"tail")
        log.close(1, STATE)
        store.pump()
        seen[fsync].append(store.acknowledged)
    assert seen == {"always": [1, 2, 3, 4], "block": [0, 0, 3, 4], "close": [0, 0, 0, 4]}


def test_a_used_directory_and_a_second_writer_are_refused(tmp_path: Path) -> None:
    log = LogWriter(b"r", SEED, fleet_sha256=FLEET, fsync="block")
    first = stores.create(tmp_path, log)
    with pytest.raises(EvidenceError, match="is being written by another process"):
        stores.resume(tmp_path, SEED, 1)
    first.release()
    with pytest.raises(EvidenceError, match="already holds evidence; resume that run or choose another"):
        stores.create(tmp_path, LogWriter(b"r", SEED, fleet_sha256=FLEET))


def test_a_run_on_real_files_goes_on_after_a_torn_write(tmp_path: Path) -> None:
    log = LogWriter(b"r", SEED, fleet_sha256=FLEET, fsync="block")
    files = stores.create(tmp_path, log)
    bodies = bodies_of(100)
    for body in bodies:
        log.append(body)
    files.flush()
    files.release()
    segment = tmp_path / "evidence" / "segment-00000000.log"
    segment.write_bytes(segment.read_bytes() + b"\x9dMEv torn")
    files, log, resume = stores.resume(tmp_path, SEED, 5)
    assert (resume.cut_bytes, log.records, files.acknowledged) == (9, 100, 100)
    log.append(b"more")
    head = log.close(6, STATE)
    files.pump()
    files.release()
    result = verify(tmp_path, head=head)
    assert (result.ok, result.closed, result.records) == (True, True, 101)


def test_the_same_crash_seed_gives_the_same_remains() -> None:
    def remains() -> dict[str, bytes]:
        rng = Random(5)
        log, disk = writer(), FaultyStorage(9)
        store = Store(disk, log)
        for _ in range(30):
            log.append(rng.randbytes(40))
            store.pump()
        return disk.crash().contents()

    assert remains() == remains()
