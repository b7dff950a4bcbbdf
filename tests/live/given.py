"""What tests of the live part share: a small drill, leases from a switch of the test's own."""

from pathlib import Path
from typing import Any

import msgspec
from nacl.signing import SigningKey

from maso.cli.fleet import declared
from maso.clock import SECOND
from maso.fleet.model import Switch
from maso.live.databases import sqlite_address
from maso.live.drill import Wish
from maso.live.drill_faults import FAULTS
from maso.resilience.lease import Issuer

SWITCH = SigningKey(bytes(range(32)))
LEASE_NS = SECOND
# Of a whole drill: a busy machine may keep a process waiting for a second, and that must not end it.
SWITCH_TIMES = Switch(lease_ms=3_000, renew_ms=500, drift_ms=50)
CEILINGS = {"halt": 0, "freeze": 6, "drain": 6, "terminate": 3, "reconcile": 20}


def issuer() -> Issuer:
    return Issuer(SWITCH, LEASE_NS)


def small(folder: Path, sockets: Path, **changed: Any) -> Wish:
    """A drill of 60 sessions at forty times the pace, with leases of three seconds."""
    sessions = changed.pop("sessions", 60)
    fault = changed.pop("fault", "")
    found = declared("ecommerce-10k", str(sessions), [])
    # A platform that obeys nobody, or a gateway that never comes back, is waited for until the ceiling.
    ceilings = [msgspec.structs.replace(s, seconds_max=CEILINGS[s.stage]) for s in found.fleet.shutdown]
    plain: dict[str, Any] = {
        "fleet": msgspec.structs.replace(found.fleet, shutdown=tuple(ceilings), switch=SWITCH_TIMES),
        "fleet_text": found.text,
        "folder": folder,
        "sockets": sockets,
        "database": sqlite_address(folder / "platform.db"),
        "seed": 1,
        "sessions": sessions,
        "fault": FAULTS.get(fault),
        "fault_name": fault,
        "ramp_seconds": 0.5,
        "order_after": (1.5, 2.5),
        "speed": 40,
        "watched_seconds": 1.0,
        "frozen_seconds": 1.5,
    }
    return Wish(**{**plain, **changed})
