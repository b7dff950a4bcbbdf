"""Drills from end to end: real processes, killed, cut off and lied to; the audit of what they leave.

Small and fast (60 sessions, leases of three seconds); what is asserted are promises, never how long it took.
"""

import asyncio
import csv
import importlib.util
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from maso.evidence.read import read
from maso.evidence.records import GateRecord, decode_record
from maso.live.drill import Drill, Wish
from maso.live.drill_faults import FAULTS
from maso.live.postgres_server import PostgresServer
from maso.resilience.shutdown import Stage
from tests.live.given import small

# The ranges that simulated customers' cards are from (`journeys/payloads.py`), plain or in groups.
CARD = re.compile(
    rb"(?<!\d)(?:4000[ -]?00|5555[ -]?55|3782[ -]?82|6011[ -]?11)\d{2}[ -]?\d{4}[ -]?\d{3,4}(?!\d)"
)


def hold(wish: Wish) -> dict[str, Any]:
    document = asyncio.run(Drill(wish).run())
    assert document["broken"] == []
    assert document["wrong"] == []
    assert document["ambiguous"] == 0
    assert document["stock_equals_books"]
    assert document["evidence_verifies"]
    assert document["booked_under_revoked_epoch"] == document["booked_after_leases"] == 0
    assert document["released_after_freeze"] == 0
    assert document["last_action_ms"] <= document["bound_ms"]
    assert document["passed"]
    return document


def test_a_drill_without_a_fault(tmp_path: Path, sockets: Path) -> None:
    document = hold(small(tmp_path, sockets))
    assert document["instances"] == 360
    assert document["actions_per_minute"] > 0
    assert document["rate_measured"]["from"] > document["rate_measured"]["to"] >= 0
    assert document["listed"] == 0
    assert document["platform_ended"] == "the switch terminated it"
    assert document["sessions_kept"] > 50
    assert document["kept_by_last_committed_step"] == 0
    _came_back(document, tmp_path)
    assert list(document["stages_ms"]) == ["halt", "freeze", "drain", "terminate", "reconcile", "settled"]
    assert not (tmp_path / "errors.txt").exists()
    with (tmp_path / "reconciliation.csv").open(newline="") as file:
        assert len(list(csv.DictReader(file))) == document["settled"]
    _no_card_is_anywhere(tmp_path)


def _came_back(document: dict[str, Any], folder: Path) -> None:
    """Everybody who was kept, in their journeys; under evidence and an epoch of the new platform's own."""
    back = document["way_back"]
    assert back["leases"] == 6
    assert back["back"] == back["kept"] == document["sessions_kept"]
    assert 0 < back["resumed_ms"] < back["ready_ms"] < back["back_ms"]
    assert back["actions"] > 0
    assert not [r for r in _gates(folder / "back") if r.value >= Stage.FREEZE]


def _gates(folder: Path) -> list[GateRecord]:
    records = (decode_record(body) for _, body in read(folder))
    return [r for r in records if isinstance(r, GateRecord) and r.what == "stage"]


def _no_card_is_anywhere(folder: Path) -> None:
    """The payment forms held card numbers; nothing on disk does, whatever file it is."""
    read = 0
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            data = path.read_bytes()
            read += len(data)
            assert CARD.search(data) is None, path.name
    assert read > 100_000


def test_after_a_kill_sessions_come_back_from_their_last_committed_step(
    tmp_path: Path, sockets: Path
) -> None:
    document = hold(small(tmp_path, sockets, fault="kill9-drain", seed=2))
    assert document["platform_ended"] == "killed"
    assert document["listed"] == 0
    kept = document["sessions_kept"]
    assert document["kept_by_last_committed_step"] == kept >= 50
    assert document["way_back"]["back"] == kept


def test_a_partition_ends_everything_by_the_leases(tmp_path: Path, sockets: Path) -> None:
    document = hold(small(tmp_path, sockets, fault="partition", seed=2, way_back=False))
    assert document["listed"] == 0
    assert document["platform_ended"] == "its leases ran out"


def test_a_freeze_that_is_called_off_goes_on_from_where_it_stood(tmp_path: Path, sockets: Path) -> None:
    document = hold(small(tmp_path, sockets, fault="called-off", seed=3, way_back=False))
    off = document["called_off"]
    assert off["actions_meanwhile"] == 0 < off["actions_after"]
    assert off["due"] > 0
    assert (
        off["sessions_after"] >= off["sessions_before"] - 3
    )  # who ended their journey, and is being replaced
    assert off["broken"] == 0
    stages = [(r.value, len(set(r.by.split("+")))) for r in _gates(tmp_path)]
    assert stages[:2] == [(Stage.FREEZE, 1), (Stage.RUN, 2)]


@pytest.mark.slow
@pytest.mark.parametrize("fault", [name for name, fault in FAULTS.items() if not fault.bus])
def test_every_fault(fault: str, tmp_path: Path, sockets: Path) -> None:
    document = hold(small(tmp_path, sockets, fault=fault, seed=3, sessions=100))
    assert FAULTS[fault].listed or document["listed"] == 0


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    pytest.importorskip("psycopg")
    with PostgresServer() as running:
        yield running.url


def test_on_postgres_over_nats_while_the_bus_is_cut(tmp_path: Path, sockets: Path, server: str) -> None:
    if importlib.util.find_spec("nats") is None:
        pytest.skip("the extra `bus` is not installed")
    document = hold(
        small(tmp_path, sockets, fault="bus-cut", bus=True, database=server, seed=4, way_back=False)
    )
    assert document["listed"] == 0
    assert document["settled"] > 0
    assert not (tmp_path / "platform.db").exists()


@pytest.mark.slow
def test_over_a_bus_that_changes_messages(tmp_path: Path, sockets: Path) -> None:
    document = hold(small(tmp_path, sockets, fault="bus-corrupt", bus=True, seed=5))
    assert document["at_order"]["denied"] > 0


def test_an_immediate_kill_drains_nothing(tmp_path: Path, sockets: Path) -> None:
    document = hold(small(tmp_path, sockets, immediate=True, seed=6, way_back=False))
    # The first person's word freezes; the second's ends it.
    assert list(document["stages_ms"]) == ["freeze", "terminate", "reconcile", "settled"]
    assert document["drained"] == 0
    assert document["bound_ms"] < 25_000
