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

from maso.live.drill import Drill, Wish
from maso.live.drill_faults import FAULTS
from maso.live.postgres_server import PostgresServer
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
    assert document["listed"] == 0
    assert document["platform_ended"] == "the switch terminated it"
    assert document["sessions_kept"] > 50
    assert document["way_back"]["leases"] == 6
    assert list(document["stages_ms"]) == ["halt", "freeze", "drain", "terminate", "reconcile", "settled"]
    assert not (tmp_path / "errors.txt").exists()
    with (tmp_path / "reconciliation.csv").open(newline="") as file:
        assert len(list(csv.DictReader(file))) == document["settled"]
    _no_card_is_anywhere(tmp_path)


def _no_card_is_anywhere(folder: Path) -> None:
    """The payment forms held card numbers; nothing on disk does, whatever file it is."""
    read = 0
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            data = path.read_bytes()
            read += len(data)
            assert CARD.search(data) is None, path.name
    assert read > 100_000


@pytest.mark.parametrize("fault", ["kill9-drain", "partition"])
def test_a_drill_with_a_fault(fault: str, tmp_path: Path, sockets: Path) -> None:
    document = hold(small(tmp_path, sockets, fault=fault, seed=2))
    assert document["listed"] == 0
    assert document["platform_ended"] == ("its leases ran out" if fault == "partition" else "killed")


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
    document = hold(small(tmp_path, sockets, fault="bus-cut", bus=True, database=server, seed=4))
    assert document["listed"] == 0
    assert document["settled"] > 0
    assert not (tmp_path / "platform.db").exists()


@pytest.mark.slow
def test_over_a_bus_that_changes_messages(tmp_path: Path, sockets: Path) -> None:
    document = hold(small(tmp_path, sockets, fault="bus-corrupt", bus=True, seed=5))
    assert document["at_order"]["denied"] > 0


def test_an_immediate_kill_drains_nothing(tmp_path: Path, sockets: Path) -> None:
    document = hold(small(tmp_path, sockets, immediate=True, seed=6))
    # The first person's word freezes; the second's ends it.
    assert list(document["stages_ms"]) == ["freeze", "terminate", "reconcile", "settled"]
    assert document["drained"] == 0
    assert document["bound_ms"] < 25_000
