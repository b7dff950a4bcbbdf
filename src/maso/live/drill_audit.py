"""The audit of a drill: both databases, both logs and the clock, after everything; nobody's word for it.

What it does with our books and the gateway's is `worlds/audit.py`. Besides: no call of an agent was booked
under an epoch that the gateway knew to be over, nor after every lease had run out; the plane let no action go
after its freeze record; the last effect of an agent anywhere lies within the bound; both logs verify, after
a crash once they are recovered.
"""

from pathlib import Path
from typing import Any, Final, NamedTuple

from maso.envelope import MessageKind
from maso.evidence.read import read
from maso.evidence.records import GateRecord, MessageRecord, decode_record
from maso.evidence.store import resume
from maso.evidence.verify import verify
from maso.live import listing
from maso.live.committing import META
from maso.live.databases import open_database
from maso.live.gateway import Booking, Over
from maso.live.keeping import KEPT, LAST_COMMITTED
from maso.live.reconciler_process import TABLE, Settlement
from maso.live.sqlite import SqliteDatabase
from maso.live.stores import BatchedStore
from maso.resilience.lease import RECONCILER
from maso.resilience.shutdown import Stage
from maso.verdict import Outcome
from maso.worlds.audit import Audit, audit

HISTORY: Final = "history/"
CSV: Final = "reconciliation.csv"


class Clock(NamedTuple):
    """Times of the drill, ns of the machine's monotonic clock; 0 where a stage was never in force."""

    ordered: int
    frozen: int
    terminated: int
    leases_out: int
    gone: int = 0  # when the platform was killed


class Effects(NamedTuple):
    """What agents did to money after the order, by the gateway's books."""

    last_ns: int
    drained: int
    under_revoked: int
    after_leases: int


class Released(NamedTuple):
    """What the plane let go, by its own evidence: when last, and how many actions after its freeze record."""

    last_ns: int
    after_freeze: int


class Kept(NamedTuple):
    """Sessions that can go on later; of how many only the last committed step is known, and as of when."""

    sessions: int
    last_committed: int
    as_of_ns: int


class Findings(NamedTuple):
    audit: Audit
    effects: Effects
    released: Released
    last_write_ns: int
    outcomes: dict[str, int]
    evidence: dict[str, Any]
    kept: Kept


def look(folder: Path, database: str, clock: Clock, evidence_seed: bytes, now: int) -> Findings:
    """Everything that the drill left behind, and `reconciliation.csv` written. The switch still runs."""
    ours = BatchedStore({TABLE: Settlement})
    opened = open_database(database)
    ours.fill(opened.load())
    opened.close()
    theirs = gateway_books(folder / "gateway.db")
    settled = [row for _, row in ours.rows(TABLE)]
    holds = dict(theirs.rows("hold"))
    accounts = dict(theirs.rows("account"))
    listing.write(folder / CSV, listing.lines(settled, holds, accounts))
    outcomes: dict[str, int] = {}
    for row in settled:
        outcomes[row.outcome] = outcomes.get(row.outcome, 0) + 1
    evidence = {"platform": evidence_state(folder, evidence_seed, now)}
    return Findings(
        audit(ours, holds.values(), accounts.values()),
        effects(theirs, clock),
        released(folder),
        int(ours.get(META, "at") or 0),
        outcomes,
        evidence,
        kept_sessions(ours),
    )


def kept_sessions(ours: BatchedStore) -> Kept:
    rows = [row for _, row in ours.rows(KEPT)]
    late = [row["as_of_ns"] for row in rows if row["how"] == LAST_COMMITTED]
    return Kept(len(rows), len(late), min(late, default=0))


def gateway_books(path: Path) -> BatchedStore:
    store = BatchedStore({"booking": Booking, "over": Over})
    database = SqliteDatabase(path)
    store.fill(database.load())
    database.close()
    return store


def effects(theirs: BatchedStore, clock: Clock) -> Effects:
    """Bookings of agents, held against epochs and leases."""
    over: dict[str, list[Over]] = {}
    for _, one in theirs.rows("over"):
        over.setdefault(one.agent, []).append(one)
    bookings = [b for _, b in theirs.rows("booking") if b.agent != RECONCILER]
    revoked = sum(
        any(b.epoch < one.epoch and b.booked_ns > one.learned_ns for one in over.get(b.agent, ()))
        for b in bookings
    )
    after = sum(b.booked_ns > clock.leases_out for b in bookings) if clock.leases_out else 0
    drained = sum(0 < clock.frozen <= b.booked_ns for b in bookings)
    return Effects(max((b.booked_ns for b in bookings), default=0), drained, revoked, after)


def released(run_dir: Path) -> Released:
    """Actions that the plane let go, read from its evidence after recovery."""
    last, after, frozen = 0, 0, False
    for _, body in read(run_dir):
        record = decode_record(body)
        match record:
            case MessageRecord(kind=MessageKind.ACTION) if record.outcome <= Outcome.REDACT:
                last = record.now
                after += frozen
            case GateRecord(what="stage", outcome=Outcome.ALLOW):
                frozen = record.value >= Stage.FREEZE
    return Released(last, after)


def evidence_state(run_dir: Path, seed: bytes, now: int) -> dict[str, Any]:
    """Whether a log verifies; one that a crash left open is recovered first, and says so."""
    found = verify(run_dir)
    recovered = False
    if not found.ok and found.state in ("open", "torn"):
        store, _, _ = resume(run_dir, seed, now)
        store.release()
        recovered, found = True, verify(run_dir)
    return {
        "ok": found.ok,
        "state": found.state,
        "records": found.records,
        "recovered": recovered,
        "cut_bytes": found.cut_bytes,
        "head": found.head.hex(),
    }
