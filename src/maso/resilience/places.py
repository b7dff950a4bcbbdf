"""Where a type is, and what a scope covers: one reading of a scope's name for whoever must agree on it.

    system  region:<id>  cluster:<id>  type:<id>  session:<number>  instance:<nhi>

A scope has one name. `session:07` is no second name for `session:7`, nor `system:` one for `system`: what is
stopped under one name would run on, or be taken back, under the other.

Not here: what happens to a scope (`shutdown.py`), and what a plane does about it (`controls/posture.py`).
"""

from collections.abc import Sequence
from typing import Final, NamedTuple

from maso.fleet.model import Fleet

SYSTEM: Final = "system"
# Levels whose scopes have a number.
NUMBERED: Final = ("session", "instance")
# Of a 64-bit number.
DIGITS_MAX: Final = 20


class TypeAt(NamedTuple):
    """Where a type is: what a scope must say to cover it. No region: an empty one."""

    id: str
    cluster: str
    region: str

    @property
    def scopes(self) -> tuple[str, str, str, str]:
        """The scopes that cover the type as a whole, the widest first."""
        return SYSTEM, f"region:{self.region}", f"cluster:{self.cluster}", f"type:{self.id}"


def places(fleet: Fleet) -> tuple[TypeAt, ...]:
    """Every type of a fleet; one without a region of its own is where its cluster is."""
    regions = {cluster.id: cluster.region or "" for cluster in fleet.clusters}
    return tuple(TypeAt(t.id, t.cluster, t.region or regions.get(t.cluster, "")) for t in fleet.types)


def covered(scope: str, types: Sequence[TypeAt]) -> tuple[TypeAt, ...]:
    """The types that a scope covers as a whole; none for a session or an instance, or where nothing is."""
    if scope == SYSTEM:
        return tuple(types)
    level, _, name = scope.partition(":")
    if not name:
        return ()
    match level:
        case "region":
            return tuple(t for t in types if t.region == name)
        case "cluster":
            return tuple(t for t in types if t.cluster == name)
        case "type":
            return tuple(t for t in types if t.id == name)
    return ()


def number_of(scope: str) -> int | None:
    """The number of a session or an instance, written as numbers are; None for any other scope."""
    level, _, name = scope.partition(":")
    if level not in NUMBERED or len(name) > DIGITS_MAX or not name.isdecimal():
        return None
    number = int(name)
    return number if str(number) == name else None
