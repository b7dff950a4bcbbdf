"""The way back, measured: two people let it run again, a new platform starts, kept sessions come back.

What was broken is mended first (the way to the switch, a gateway or a bus that is gone). The new platform
has keys, evidence (`back/`) and an epoch of its own, and the same books. It is watched for a few seconds, so
that sessions which came back only to break at once are seen; then it is stopped. The audit of the drill was
made before: what the new platform has under way is no part of it.
"""

import os
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, Final

import msgspec

from maso.clock import SECOND
from maso.live import platform_process

BACK: Final = "back"
# A platform's streams are its own: another generation draws other numbers from the same seed.
SEED_STEP: Final = 1_000_003
# Who comes back is in the middle of something, and asks for more at once than who begins: more slowly, then.
RAMP_FACTOR: Final = 2
# 10,000 sessions come back within half a minute on an idle machine.
BACK_SECONDS_MAX: Final = 300

Step = Callable[[], Awaitable[None]]


def told_again(told: platform_process.Told, folder: Path, epoch: int, bus: str) -> platform_process.Told:
    """How the new platform is started: everything secret is new, every fault is over."""
    place = folder / BACK
    place.mkdir()
    (place / "fleet.yaml").write_text(told.fleet, encoding="utf-8")
    return msgspec.structs.replace(
        told,
        folder=str(place),
        key_seed=os.urandom(32),
        evidence_seed=os.urandom(32),
        seed=told.seed + SEED_STEP,
        ramp_ns=told.ramp_ns * RAMP_FACTOR,
        epoch=epoch,
        generation=told.generation + 1,
        bus=bus,
        corrupt=0,
        deaf=False,
    )


async def watch(
    step: Step, platform: Callable[[], dict[str, Any]], alive: Callable[[], bool], seconds: float
) -> None:
    """Until everybody is back, and a few seconds more."""
    end = time.monotonic_ns() + BACK_SECONDS_MAX * SECOND
    while alive() and time.monotonic_ns() < end:
        await step()
        if platform() and not platform()["to_come"]:
            break
    end = time.monotonic_ns() + round(seconds * SECOND)
    while alive() and time.monotonic_ns() < end:
        await step()


def summary(
    kept: int, leases: int, ordered: int, resumed: int, ready: int, told: dict[str, Any]
) -> dict[str, Any]:
    """`told` is what the new platform said last; times count from the order of two people."""
    first, last = told.get("back_ns", (0, 0))
    return {
        "resumed_ms": _ms(resumed - ordered),
        "leases": leases,
        "ready_ms": _ms(ready - ordered),
        "first_ms": _ms(first - ordered) if first else None,
        "back_ms": _ms(last - ordered) if last else None,
        "kept": kept,
        "back": int(told.get("back", 0)),
        "broken": int(told.get("broken", 0)),
        "why_broken": told.get("why_broken", {}),
        "actions": int(told.get("actions", 0)),
    }


def _ms(ns: int) -> float:
    return round(ns / 1e6, 1)
