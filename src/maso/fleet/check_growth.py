"""Desks and their growth: that the template hangs together, before a fleet is grown from it."""

from collections.abc import Iterable

from maso.fleet.bind import Bound, Path, listed, near
from maso.fleet.check_journeys import STEPS_MAX, step_count
from maso.fleet.ground import Tell, path_text
from maso.fleet.template import Desk, FleetFile, Growth, Place


class _Template:
    def __init__(self, file: FleetFile, bound: Bound, tell: Tell) -> None:
        self.file, self.bound, self._tell = file, bound, tell
        self.fine = True

    def wrong(self, path: Path, what: str, legal: str) -> None:
        self.fine = False
        line, column = self.bound.mark(path)
        self._tell(line, column, what, legal, path_text(path))

    def refer(self, path: Path, name: str, legal: Iterable[str], word: str) -> None:
        names = list(legal)
        if name not in names:
            self.wrong(
                path,
                f"there is no {word} `{name}`{near(name, names)}",
                listed(names) if names else "declare it first",
            )


def growable(file: FleetFile, bound: Bound, tell: Tell) -> bool:
    """Whether the file can be grown at all; tells what stands in the way."""
    t = _Template(file, bound, tell)
    _journeys(t)
    if any(bound.is_broken(path) for path in (("desks",), ("growth",))) or _inside(bound, "desks", "growth"):
        return False
    if file.kind == "depth":
        for section in ("desks", "growth"):
            if getattr(file, section):
                t.wrong(
                    (section,),
                    f"`{section}` means nothing in a depth fleet, which grows by sessions",
                    "leave it out",
                )
    elif file.growth is None and file.desks:
        t.wrong(("desks",), "desks are described, but nothing says how they are added", "`growth`")
    elif file.growth is not None:
        _growth(t, file.growth)
    return t.fine


def _inside(bound: Bound, *sections: str) -> bool:
    return any(path and path[0] in sections for path in bound.broken)


def _journeys(t: _Template) -> None:
    for i, journey in enumerate(t.file.workload.journeys):
        if step_count(journey.steps) > STEPS_MAX:
            what = f"the journey `{journey.id}` has too many steps, or groups inside groups inside groups"
            t.wrong(
                ("workload", "journeys", i, "steps"),
                what,
                f"at most {STEPS_MAX} steps, groups at most 4 deep",
            )


def _growth(t: _Template, growth: Growth) -> None:
    desks: dict[str, Desk] = {}
    for i, desk in enumerate(t.file.desks):
        if desk.id in desks:
            t.wrong(("desks", i, "id"), f"`{desk.id}` stands twice under `desks`", "each id once")
        desks[desk.id] = desk
        _desk(t, ("desks", i), desk)
    for i, place in enumerate(growth.order):
        _place(t, ("growth", "order", i), place, desks)
    providers = [p.id for p in t.file.providers]
    for key in ("providers", "control_providers"):
        for i, name in enumerate(getattr(growth, key)):
            t.refer(("growth", key, i), name, providers, "provider")
    _between(t, growth)


def _desk(t: _Template, path: Path, desk: Desk) -> None:
    roles = [role.id for role in desk.roles]
    names = [*roles, *(port.id for port in desk.ports)]
    for i, name in enumerate(names):
        if name in names[:i]:
            t.wrong(
                (*path, "id"), f"`{name}` stands twice in the desk `{desk.id}`", "each role and port once"
            )
    for key in ("takes", "gives"):
        t.refer((*path, key), getattr(desk, key), roles, "role")
    outside = [*(x.id for x in t.file.types), *(p.id for p in t.file.ports)]
    for i, link in enumerate(desk.links):
        t.refer((*path, "links", i, "from"), link.from_, [*names, *outside], "role, type or port")
        t.refer((*path, "links", i, "to"), link.to, [*roles, *(x.id for x in t.file.types)], "role or type")
    for i, delegation in enumerate(desk.delegations):
        t.refer(
            (*path, "delegations", i, "from"),
            delegation.from_,
            [*roles, *(x.id for x in t.file.types)],
            "role or type",
        )
        t.refer(
            (*path, "delegations", i, "to"),
            delegation.to,
            [*roles, *(x.id for x in t.file.types)],
            "role or type",
        )
    for i, role in enumerate(desk.roles):
        if role.cluster != "main" or role.desk is not None:
            key = "cluster" if role.cluster != "main" else "desk"
            t.wrong(
                (*path, "roles", i, key),
                f"`{key}` of a role comes from where its desk is put",
                "leave it out",
            )


def _place(t: _Template, path: Path, place: Place, desks: dict[str, Desk]) -> None:
    t.refer((*path, "desk"), place.desk, desks, "desk")
    if place.region is not None:
        t.refer((*path, "region"), place.region, [r.id for r in t.file.regions], "region")
    if place.barrier is not None:
        barriers = [c.id for c in t.file.compartments if c.barrier]
        t.refer((*path, "barrier"), place.barrier, barriers, "compartment with `barrier: true`,")
    desk = desks.get(place.desk)
    if desk is None:
        return
    for i, name in enumerate(place.roles):
        t.refer((*path, "roles", i), name, [role.id for role in desk.roles], "role")


def _between(t: _Template, growth: Growth) -> None:
    between = growth.between
    if between is None:
        return
    t.refer(("growth", "between", "schema"), between.schema, [s.id for s in t.file.schemas], "schema")
    for i, name in enumerate(between.delegate):
        t.refer(("growth", "between", "delegate", i), name, [a.id for a in t.file.actions], "action")
