"""The audit's own part: bookings against epochs and leases, and the plane's evidence against its freeze."""

from pathlib import Path

from maso.evidence.log import LogWriter
from maso.evidence.records import GateRecord, MessageRecord, encode_record
from maso.evidence.store import create
from maso.live.drill_audit import Clock, Effects, effects, evidence_state, released
from maso.live.gateway import Booking, Over
from maso.live.reconciler_process import committed_before_freeze
from maso.live.stores import BatchedStore
from maso.resilience.lease import RECONCILER
from maso.verdict import Outcome

SEED = bytes(32)


def booked(*rows: tuple[str, str, int, int]) -> BatchedStore:
    """(key, agent, epoch, when); epoch 1 of payment was over at 50, as the gateway learned."""
    store = BatchedStore()
    store.put("over", "payment/2", Over("payment", 2, 50, b""))
    for key, agent, epoch, when in rows:
        store.put("booking", key, Booking(key, "capture", agent, epoch, 1, 1, when))
    return store


def test_effects_of_agents() -> None:
    clock = Clock(ordered=10, frozen=20, terminated=30, leases_out=90)
    store = booked(
        ("before", "payment", 1, 15), ("drained", "payment", 1, 25), ("in time", "payment", 1, 50),
        ("other", "support", 1, 60), ("sweep", RECONCILER, 1, 500),
    )  # fmt: skip
    assert effects(store, clock) == Effects(60, 3, 0, 0)
    assert effects(booked(("late", "payment", 1, 51)), clock) == Effects(51, 1, 1, 0)
    assert effects(booked(("new", "payment", 2, 51)), clock).under_revoked == 0
    assert effects(booked(("after", "support", 1, 91)), clock).after_leases == 1
    assert effects(BatchedStore(), clock) == Effects(0, 0, 0, 0)


def message(now: int, kind: int = 4, outcome: int = Outcome.ALLOW) -> bytes:
    return encode_record(
        MessageRecord(
            now, 1, True, outcome, 1, 2, 1, now, kind, 3, 0, 0, (), (), b"", 0, 0, 0, 0, 0, 0, (), 0, 0, b"",
            0, 0, b"", b"",
        )
    )  # fmt: skip


def gate(now: int, stage: int, outcome: int = Outcome.ALLOW) -> bytes:
    return encode_record(GateRecord(now, "stage", "system", stage, outcome))


def write(folder: Path, bodies: list[bytes], *, close: bool = True) -> None:
    writer = LogWriter(b"test", SEED, fleet_sha256=bytes(32), fsync="block")
    store = create(folder, writer)
    for body in bodies:
        writer.append(body)
    store.flush()
    if close:
        writer.close(9, bytes(32))
        store.flush()
    store.release()


def test_what_the_plane_let_go(tmp_path: Path) -> None:
    bodies = [message(1), gate(2, 1), message(3), gate(4, 2), message(5, outcome=Outcome.DENY), message(6)]
    write(tmp_path, bodies)
    assert released(tmp_path) == (6, 1)
    committed = committed_before_freeze(tmp_path)
    assert [number for number in range(8) if committed(number)] == [0, 2]


def test_without_a_freeze_all_that_was_let_go_came_before_it(tmp_path: Path) -> None:
    refused = [gate(2, 4, Outcome.DENY), message(3, kind=1), message(4, outcome=Outcome.HOLD), message(5)]
    write(tmp_path, [message(1), *refused], close=False)
    committed = committed_before_freeze(tmp_path)
    assert [number for number in range(8) if committed(number)] == [0, 4]


def test_a_log_that_a_crash_left_is_recovered_and_holds(tmp_path: Path) -> None:
    write(tmp_path, [message(1)], close=False)
    (segment,) = (tmp_path / "evidence").iterdir()
    segment.write_bytes(segment.read_bytes()[:-3])
    found = evidence_state(tmp_path, SEED, 10)
    assert (found["ok"], found["state"], found["recovered"]) == (True, "recovered", True)
    assert evidence_state(tmp_path, SEED, 11)["recovered"] is False


def test_a_log_that_was_changed_does_not_hold(tmp_path: Path) -> None:
    write(tmp_path, [message(n) for n in range(50)])
    (segment,) = (tmp_path / "evidence").iterdir()
    data = bytearray(segment.read_bytes())
    data[len(data) // 2] ^= 1
    segment.write_bytes(bytes(data))
    assert evidence_state(tmp_path, SEED, 10)["ok"] is False
