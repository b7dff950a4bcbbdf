"""What a fleet file says under `switch` is what every process of a live drill is started with."""

import asyncio
from pathlib import Path
from typing import Any

import msgspec
import pytest

from maso.clock import MS, SECOND
from maso.fleet.model import Switch
from maso.live.drill import Drill
from maso.live.reconciler_process import Told as ReconcilerTold
from maso.live.switch_process import Told as SwitchTold
from maso.resilience.asking import Terms
from tests.live.given import small

KEYS = Switch(lease_ms=4_000, renew_ms=700, drift_ms=80, second_person_seconds=40, calls_at_once=6)


def told(folder: Path, sockets: Path, monkeypatch: pytest.MonkeyPatch, **changed: Any) -> dict[str, Any]:
    """What the processes would be started with; none is."""
    wish = small(folder, sockets, **changed)
    drill = Drill(wish._replace(fleet=msgspec.structs.replace(wish.fleet, switch=KEYS)))

    async def nothing(*_: object) -> None:
        return None

    monkeypatch.setattr(drill, "_up", nothing)
    monkeypatch.setattr(drill._console, "ask", nothing)

    async def start() -> None:
        await drill._start()
        drill._proxy.close()

    asyncio.run(start())
    return drill._told


def test_every_process_is_told(tmp_path: Path, sockets: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = told(tmp_path, sockets, monkeypatch)
    switch: SwitchTold = found["switch_process"]
    plan = switch.plan()
    assert (plan.lease_ns, plan.renew_ns, plan.drift_ns) == (4 * SECOND, 700 * MS, 80 * MS)
    assert plan.confirm_ns == 40 * SECOND
    platform, gateway = found["platform_process"], found["gateway_process"]
    assert (platform.lease_ns, platform.renew_ns, platform.drift_ns) == (4 * SECOND, 700 * MS, 80 * MS)
    assert (gateway.lease_ns, gateway.drift_ns) == (4 * SECOND, 80 * MS)


def test_the_reconciler_gets_the_gateways_pace_over_the_wire(
    tmp_path: Path, sockets: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The shop's gateway confirms ten calls a second, each in ten seconds at most."""
    sent = msgspec.json.encode(told(tmp_path, sockets, monkeypatch)["reconciler_process"])
    heard = msgspec.json.decode(sent, type=ReconcilerTold)
    assert heard.asking == Terms(gap_ns=100 * MS, at_once=6, answer_ns=10_100 * MS)
