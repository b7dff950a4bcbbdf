"""What a fleet file means, checked: every check in one order, on the fleet as it is at its own size.

A fleet that grows is checked at a size at which every place of its order has been used and a second round
has begun, so that a mistake in a template shows whatever size is run later. What is doubtful is a mistake;
what is legal but unwise is a warning (`warnings/`).
"""

from maso.fleet import (
    check_actions,
    check_dlp,
    check_flows,
    check_journeys,
    check_names,
    check_rules,
    check_shapes,
)
from maso.fleet.bind import Bound
from maso.fleet.check_growth import growable
from maso.fleet.ground import Ground, Tell
from maso.fleet.grow import SIZE_MAX_BREADTH, SIZE_MAX_DEPTH, Grown, grow_traced
from maso.fleet.model import Fleet
from maso.fleet.template import FleetFile, Growth


def examine(file: FleetFile, bound: Bound, tell: Tell) -> Fleet | None:
    """The fleet at its own size; None when it cannot be made. Every mistake is told."""
    grows = growable(file, bound, tell)
    checked = _as_checked(file, grows)
    g = Ground(checked.fleet, checked.origins, bound, tell)
    if not grows and (file.desks or file.growth):
        _static_only(g)
        return None
    for check in (check_names, check_shapes, check_flows, check_dlp, check_actions, check_rules):
        check.check(g)
    check_journeys.check(g, file.workload.journeys)
    _size(file, bound, tell)
    if bound.broken or not _size_fits(file):
        return None
    return grow_traced(file, _own_size(file)).fleet


def _static_only(g: Ground) -> None:
    """What can be said of a file whose template does not hold together."""
    check_names.check_static(g)
    for check in (check_shapes, check_dlp, check_rules):
        check.check(g)


def _own_size(file: FleetFile) -> int:
    return len(file.types) if file.kind == "breadth" and file.growth is None else file.size


def _as_checked(file: FleetFile, grows: bool) -> Grown:
    """The fleet at the size at which it is checked."""
    if not grows:
        bare = FleetFile(fleet=file.fleet, kind="depth", schemas=file.schemas)
        held = {
            n: getattr(file, n)
            for n in bare.__struct_fields__
            if n not in ("desks", "growth", "kind", "workload")
        }
        return grow_traced(FleetFile(kind="depth", **{**held, "size": 1}), 1)
    if file.kind == "breadth" and file.growth is not None:
        return grow_traced(file, _round(file, file.growth))
    size = _own_size(file) if file.kind == "breadth" else 1
    return grow_traced(file, size)


def _round(file: FleetFile, growth: Growth) -> int:
    """Agents of the file itself, of one round of the order, and of the first desk of the next round."""
    roles = {desk.id: len(desk.roles) for desk in file.desks}
    places = [*growth.order, growth.order[0]]
    return min(SIZE_MAX_BREADTH, len(file.types) + sum(len(p.roles) or roles[p.desk] for p in places))


def _size_fits(file: FleetFile) -> bool:
    if file.kind == "depth":
        return file.size <= SIZE_MAX_DEPTH
    return file.growth is None or max(1, len(file.types)) <= file.size <= SIZE_MAX_BREADTH


def _size(file: FleetFile, bound: Bound, tell: Tell) -> None:
    line, column = bound.mark(("size",))
    if file.kind == "breadth" and file.growth is None:
        if ("size",) in bound.marks and file.size != len(file.types):
            what = f"`size` is {file.size}, but the fleet lists {len(file.types)} agents and has no `growth`"
            tell(line, column, what, f"{len(file.types)}, or leave it out", "size")
    elif not _size_fits(file):
        low, high = (
            (1, SIZE_MAX_DEPTH) if file.kind == "depth" else (max(1, len(file.types)), SIZE_MAX_BREADTH)
        )
        tell(line, column, f"`size` is {file.size}", f"{low} to {high}", "size")
