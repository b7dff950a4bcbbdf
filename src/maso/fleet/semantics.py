"""What a fleet file means, checked: names, shapes, flows, actions, people's rules. (Checks follow.)"""

from collections.abc import Callable

from maso.fleet.bind import Bound
from maso.fleet.grow import grow_traced
from maso.fleet.model import Fleet
from maso.fleet.template import FleetFile


def examine(file: FleetFile, bound: Bound, note: Callable[[int, int, str, str, str], None]) -> Fleet | None:
    """The fleet at its own size."""
    if bound.broken:
        return None
    size = len(file.types) if file.kind == "breadth" and file.growth is None else file.size
    return grow_traced(file, size).fleet
