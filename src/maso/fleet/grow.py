"""The fleet at size n.

A depth fleet grows by sessions: nothing but the number changes. A breadth fleet grows by agents. Its
agents stand in one fixed, endless order: the types that the file lists, then desk after desk, role after
role. Whether two agents are joined depends on those two alone, so the fleet at size n is what the first n
agents of that order have among themselves, and `grow(n)` is contained in `grow(n + 1)` by construction:
every type, port, link and delegation is still there, with the same provider, cluster and region.

The rule decides the exponent of whatever grows with edges:

    constant-degree   desk d hears from desks d - 1, d - 3, d - 7 ... (`degree` of them): edges linear
    constant-density  and from a fixed share of all earlier desks: edges quadratic
    hub               the first desk hears from every desk and tells every desk: one desk of degree n

Not handled here: whether the grown fleet makes sense (`semantics.py` checks a whole round of the order).
Raises `GrowthError` for a size that the file cannot be brought to.
"""

from collections.abc import Iterator
from typing import Any, Final, NamedTuple

import msgspec

from maso.fleet.bind import Path
from maso.fleet.model import AgentType, Cluster, Delegation, Dependency, Fleet, LabelSpec, Link, Port, Step
from maso.fleet.template import Desk, DeskPort, FleetFile, Growth, GrowthRule, Place, Role, fields_of_fleet

# F asks for 5 to 1,000 agents; four times that is beyond any budget, and still grown in a second.
SIZE_MAX_BREADTH: Final = 4_000
# E asks for 10,000 customers; a session costs memory, and 10 million would not fit a machine.
SIZE_MAX_DEPTH: Final = 1_000_000


class GrowthError(ValueError):
    """The fleet cannot be made at that size; says why and what is legal."""


class Grown(NamedTuple):
    """The fleet at one size, and from which part of the file each generated element comes.

    origins   (section, index) -> path in the file
    """

    fleet: Fleet
    origins: dict[tuple[str, int], Path]


class _Desk(NamedTuple):
    """A desk that was put somewhere: its number in the order, its name and what it was made from."""

    number: int
    id: str
    cluster: str
    place: Place
    template: Desk
    path: Path
    roles: tuple[tuple[int, Role], ...]


def grow(file: FleetFile, n: int, rule: GrowthRule | None = None) -> Fleet:
    """The fleet at size `n`; `rule` overrides the file's growth rule."""
    return grow_traced(file, n, rule).fleet


def grow_traced(file: FleetFile, n: int, rule: GrowthRule | None = None) -> Grown:
    """`grow`, and where everything comes from."""
    base = _written_out(Fleet(**fields_of_fleet(file)))  # type: ignore[arg-type]
    if file.kind == "depth":
        _within(n, 1, SIZE_MAX_DEPTH, "sessions")
        return Grown(msgspec.structs.replace(base, size=n), _static_origins(base))
    if file.growth is None:
        return Grown(_at_own_size(base, n), _static_origins(base))
    _within(n, max(1, len(base.types)), SIZE_MAX_BREADTH, "agents")
    growth = file.growth if rule is None else msgspec.structs.replace(file.growth, rule=rule)
    return _Builder(base, file, growth).build(n)


def flat_steps(steps: tuple[Step, ...]) -> tuple[Step, ...]:
    """The steps with every group written out."""
    flat: list[Step] = []
    for step in steps:
        flat.extend(flat_steps(step.steps) * step.repeat if step.steps else (step,))
    return tuple(flat)


def _written_out(fleet: Fleet) -> Fleet:
    journeys = tuple(
        msgspec.structs.replace(journey, steps=flat_steps(journey.steps))
        for journey in fleet.workload.journeys
    )
    return msgspec.structs.replace(fleet, workload=msgspec.structs.replace(fleet.workload, journeys=journeys))


def _within(n: int, low: int, high: int, unit: str) -> None:
    if not low <= n <= high:
        raise GrowthError(f"size {n} is out of range; legal: {low} to {high} {unit}")


def _at_own_size(base: Fleet, n: int) -> Fleet:
    own = len(base.types)
    if n != own:
        raise GrowthError(
            f"the fleet `{base.fleet}` cannot be made at size {n}: it lists {own} agents and has no `desks` "
            f"and `growth` to grow by; legal: {own}, or add both sections"
        )
    return msgspec.structs.replace(base, size=own)


def _static_origins(base: Fleet) -> dict[tuple[str, int], Path]:
    sections = ("types", "ports", "links", "delegations", "clusters", "dependencies")
    return {(s, i): (s, i) for s in sections for i in range(len(getattr(base, s)))}


def joined(rule: GrowthRule, growth: Growth, earlier: int, later: int) -> bool:
    """Whether desk `later` is joined to desk `earlier`. Depends on the two numbers alone."""
    if rule == "hub":
        return earlier == 0
    if later - earlier == 1:
        return True  # every rule but the hub keeps the chain whole
    if rule == "constant-degree":
        return later - earlier in [2**k - 1 for k in range(2, growth.degree + 1)]
    # Weyl's equidistribution, in integers: the share of pairs below the threshold tends to the density.
    spread = (earlier * 2_654_435_761 + later * 1_640_531_527 + earlier * later * 97) % 2**32
    return spread < int(growth.density * 2**32)


class _Builder:
    """One growth to one size. Fills the lists of the fleet, remembering where each element comes from."""

    def __init__(self, base: Fleet, file: FleetFile, growth: Growth) -> None:
        self.base, self.growth = base, growth
        self.desks = {d.id: (i, d) for i, d in enumerate(file.desks)}
        self.origins = _static_origins(base)
        self.types = list(base.types)
        self.ports = list(base.ports)
        self.links = list(base.links)
        self.delegations = list(base.delegations)
        self.clusters = list(base.clusters)
        self.dependencies = list(base.dependencies)
        self.present = {t.id for t in base.types} | {p.id for p in base.ports}
        self.known_clusters = {c.id for c in base.clusters}
        self.joined_clusters: set[tuple[str, str]] = set()
        self.cluster_ranks = {c.id: -1 for c in base.clusters}
        self.turns = {"task": 0, "control": 0}

    def build(self, n: int) -> Grown:
        placed: list[_Desk] = []
        for desk in self._endless_desks():
            if len(self.types) >= n:
                break
            self._put(desk, n)
            for other in placed:
                self._join(other, desk)
            placed.append(desk)
        fleet = msgspec.structs.replace(
            self.base,
            size=n,
            types=tuple(self.types),
            ports=tuple(self.ports),
            links=tuple(self.links),
            delegations=tuple(self.delegations),
            clusters=tuple(self.clusters),
            dependencies=tuple(self.dependencies),
        )
        return Grown(fleet, self.origins)

    def _endless_desks(self) -> Iterator[_Desk]:
        order = self.growth.order
        in_cluster: dict[str, int] = {}
        number = 0
        while True:
            for place in order:
                index, template = self.desks[place.desk]
                count = in_cluster[place.cluster] = in_cluster.get(place.cluster, 0) + 1
                generation = number // len(order)
                cluster = place.cluster if generation == 0 else f"{place.cluster}.{generation + 1}"
                roles = tuple(_roles_of(template, place))
                name = f"{place.cluster}-{count}"
                yield _Desk(number, name, cluster, place, template, ("desks", index), roles)
                number += 1

    def _put(self, desk: _Desk, n: int) -> None:
        """As many roles of `desk` as still fit, then what joins those that are there."""
        self._put_cluster(desk)
        if self.cluster_ranks.setdefault(desk.cluster, -1) < 0:
            self.cluster_ranks[desk.cluster] = desk.number
        for i, port in enumerate(desk.template.ports):
            self._add("ports", self.ports, _port(port, desk), (*desk.path, "ports", i))
            self.present.add(f"{desk.id}.{port.id}")
        for index, role in desk.roles:
            if len(self.types) >= n:
                break
            self._add("types", self.types, self._agent(role, desk), (*desk.path, "roles", index))
            self.present.add(f"{desk.id}.{role.id}")
        for i, link in enumerate(desk.template.links):
            ends = self._ends(desk, link.from_, link.to)
            if ends is not None:
                made = msgspec.structs.replace(link, from_=ends[0], to=ends[1])
                self._add("links", self.links, made, (*desk.path, "links", i))
        for i, delegation in enumerate(desk.template.delegations):
            ends = self._ends(desk, delegation.from_, delegation.to)
            if ends is not None:
                passed = msgspec.structs.replace(delegation, from_=ends[0], to=ends[1])
                self._add("delegations", self.delegations, passed, (*desk.path, "delegations", i))

    def _put_cluster(self, desk: _Desk) -> None:
        if desk.cluster in self.known_clusters:
            return
        self.known_clusters.add(desk.cluster)
        named = next((c for c in self.base.clusters if c.id == desk.place.cluster), None)
        about = named.about if named else ""
        made = Cluster(id=desk.cluster, about=about, region=desk.place.region)
        self._add("clusters", self.clusters, made, ("growth", "order", desk.number % len(self.growth.order)))

    def _ends(self, desk: _Desk, source: str, target: str) -> tuple[str, str] | None:
        """The fleet's names of two ends that the template names, or None while one is not there yet."""
        own = {role.id for role in desk.template.roles} | {port.id for port in desk.template.ports}
        ends = tuple(f"{desk.id}.{name}" if name in own else name for name in (source, target))
        return (ends[0], ends[1]) if all(end in self.present for end in ends) else None

    def _agent(self, role: Role, desk: _Desk) -> AgentType:
        given = {f.name: getattr(role, f.name) for f in msgspec.structs.fields(AgentType)}
        given.update(
            id=f"{desk.id}.{role.id}",
            cluster=desk.cluster,
            desk=desk.id,
            region=role.region or desk.place.region,
            provider=role.provider or self._next_provider(role),
        )
        if role.service_account is not None:
            namespace, _, name = role.service_account.partition("/")
            given["service_account"] = f"{namespace}/{desk.id}.{name}"
        if role.barrier and desk.place.barrier is not None:
            given["clearance"] = _behind(role.clearance, desk.place.barrier)
        return AgentType(**given)

    def _next_provider(self, role: Role) -> str:
        control = role.plane == "control" and bool(self.growth.control_providers)
        pattern = self.growth.control_providers if control else self.growth.providers
        turn = self.turns["control" if control else "task"]
        self.turns["control" if control else "task"] += 1
        return pattern[turn % len(pattern)]

    def _join(self, earlier: _Desk, later: _Desk) -> None:
        if not joined(self.growth.rule, self.growth, earlier.number, later.number):
            return
        self._send(earlier, later)
        if self.growth.rule == "hub":
            self._send(later, earlier)

    def _send(self, giver: _Desk, taker: _Desk) -> None:
        between = self.growth.between
        source, target = f"{giver.id}.{giver.template.gives}", f"{taker.id}.{taker.template.takes}"
        if between is None or source not in self.present or target not in self.present:
            return
        path: Path = ("growth", "between")
        shed = (giver.place.barrier,) if between.shed_barrier and giver.place.barrier else ()
        if giver.place.barrier == taker.place.barrier:
            shed = ()
        link = Link(
            from_=source,
            to=target,
            schema=between.schema,
            kinds=between.kinds,
            declassify=shed,
            owner=between.owner,
            instruction_sources=between.instruction_sources,
        )
        self._add("links", self.links, link, path)
        if between.delegate:
            passed = Delegation(
                from_=source, to=target, actions=between.delegate, minutes_max=between.delegate_minutes_max
            )
            self._add("delegations", self.delegations, passed, path)
        self._depend(giver, taker)

    def _depend(self, giver: _Desk, taker: _Desk) -> None:
        """A cluster depends on those that were there before it; what it hears from later ones it can miss.

        So dependencies have an order, which is the order of recovery.
        """
        pair = (taker.cluster, giver.cluster)
        if self.cluster_ranks[taker.cluster] <= self.cluster_ranks[giver.cluster]:
            return
        declared = any((d.consumer, d.producer) == pair for d in self.base.dependencies)
        if pair in self.joined_clusters or declared:
            return
        self.joined_clusters.add(pair)
        rules = {
            f.name: getattr(self.growth.cascade, f.name)
            for f in msgspec.structs.fields(type(self.growth.cascade))
        }
        made = Dependency(consumer=pair[0], producer=pair[1], **rules)
        self._add("dependencies", self.dependencies, made, ("growth", "cascade"))

    def _add(self, section: str, into: list[Any], element: Any, origin: Path) -> None:
        self.origins[(section, len(into))] = origin
        into.append(element)


def _roles_of(template: Desk, place: Place) -> Iterator[tuple[int, Role]]:
    by_id = {role.id: (i, role) for i, role in enumerate(template.roles)}
    names = place.roles or tuple(by_id)
    return (by_id[name] for name in names)


def _behind(label: LabelSpec, barrier: str) -> LabelSpec:
    held = label.compartments if barrier in label.compartments else (*label.compartments, barrier)
    return msgspec.structs.replace(label, compartments=held)


def _port(port: DeskPort, desk: _Desk) -> Port:
    barrier = desk.place.barrier
    label = _behind(port.label, barrier) if port.barrier and barrier is not None else port.label
    return Port(
        id=f"{desk.id}.{port.id}",
        source=port.source,
        label=label,
        signed=port.signed,
        fresh_minutes_max=port.fresh_minutes_max,
    )
