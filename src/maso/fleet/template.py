"""What may stand in a fleet file beside the fleet itself: desks, and the rule by which they are added.

A breadth fleet grows by desks. A *desk* is a template: a few roles, what they may do, the links and
delegations between them. `growth` lists the *places* where desks are put, in order, and how a new desk is
joined to those that are already there. `grow.py` turns this into a `Fleet` at one size; the names that a
template gives (`analyst`) become names of the fleet (`equity-research-1.analyst`).

A depth fleet has none of this: there, growth is more sessions of the same types.
"""

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from maso.fleet.model import (
    AgentType,
    Delegation,
    Fleet,
    Id,
    KindName,
    LabelSpec,
    Link,
    Positive,
    Source,
    _Strict,
)

# A list in which a name may stand more than once, since it is dealt out in turn.
Pattern = Annotated[tuple[Id, ...], Meta(extra={"repeats": True})]
GrowthRule = Literal["constant-degree", "constant-density", "hub"]


class Role(AgentType, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """One member of a desk: an agent type whose cluster, region and provider come from where the desk is put.

    barrier   cleared for the information barrier that the desk is put behind
    """

    barrier: bool = True


class DeskPort(_Strict, kw_only=True, frozen=True):
    """A source of the desk's own, such as its files; one per desk.

    barrier   what comes from here carries the compartment of the barrier that the desk is put behind
    """

    id: Id
    source: Source | None
    label: LabelSpec = LabelSpec()
    barrier: bool = True
    signed: bool = False
    fresh_minutes_max: Positive | None = None


class Desk(_Strict, kw_only=True, frozen=True):
    """A template. Links and delegations name roles and ports of the desk, or types and ports of the fleet.

    takes   the role that other desks send to
    gives   the role that sends to other desks
    """

    id: Id
    about: str = ""
    roles: Annotated[tuple[Role, ...], Meta(min_length=1)]
    ports: tuple[DeskPort, ...] = ()
    links: tuple[Link, ...] = ()
    delegations: tuple[Delegation, ...] = ()
    takes: Id
    gives: Id


class Place(_Strict, kw_only=True, frozen=True):
    """Where a desk is put: which template, in which cluster, behind which barrier, in which region.

    roles   which of the template's roles this desk has, in this order; all of them unless told
    """

    cluster: Id
    desk: Id
    barrier: Id | None = None
    region: Id | None = None
    roles: tuple[Id, ...] = ()


class Between(_Strict, kw_only=True, frozen=True):
    """How one desk's `gives` reaches another desk's `takes`.

    shed_barrier  the sender's barrier is taken off: only with a strict schema, an owner, and a record
    delegate      actions that the sender may pass on to the receiver
    """

    schema: Id
    kinds: tuple[KindName, ...] = ("data",)
    shed_barrier: bool = False
    owner: str = ""
    instruction_sources: tuple[Source, ...] = ()
    delegate: tuple[Id, ...] = ()
    delegate_minutes_max: Positive = 15


class CascadePolicy(_Strict, kw_only=True, frozen=True):
    """What a receiving cluster does when a sending one degrades; one per pair of clusters that desks join."""

    on_alternate: Literal["continue", "stale", "fallback", "cascade"] = "continue"
    on_contingency: Literal["stale", "fallback", "cascade"] = "stale"
    on_emergency: Literal["stale", "fallback", "cascade"] = "cascade"
    policy: Literal["automatic", "assess"] = "automatic"
    stale_minutes_max: Positive | None = None
    fallback: str = ""


class Growth(_Strict, kw_only=True, frozen=True):
    """The rule by which the fleet grows.

    rule       constant-degree: a new desk is joined to `degree` earlier ones; constant-density: to the
               share `density` of all earlier ones; hub: to the first one, both ways
    order      places in the order in which desks are added; after the last, from the top again, in new
               clusters of the same names with a number
    providers  providers of task agents, agent by agent, from the top again after the last
    control_providers  the same for agents of the control plane
    """

    rule: GrowthRule = "constant-degree"
    degree: Annotated[int, Meta(ge=1, le=8)] = 2
    density: Annotated[float, Meta(gt=0, le=1)] = 0.1
    order: Annotated[tuple[Place, ...], Meta(min_length=1)]
    providers: Annotated[tuple[Id, ...], Meta(min_length=1, extra={"repeats": True})]
    control_providers: Pattern = ()
    between: Between | None = None
    cascade: CascadePolicy = CascadePolicy()


class FleetFile(Fleet, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """A fleet file as written: a fleet, and the templates from which the rest of it grows."""

    types: tuple[AgentType, ...] = ()
    links: tuple[Link, ...] = ()
    desks: tuple[Desk, ...] = ()
    growth: Growth | None = None


def is_template(file: FleetFile) -> bool:
    """Whether the fleet can be made at other sizes than its own (a breadth fleet; depth always can)."""
    return file.growth is not None


def fields_of_fleet(file: FleetFile) -> dict[str, object]:
    """The fields that a `Fleet` has, as they stand in the file."""
    return {f.name: getattr(file, f.name) for f in msgspec.structs.fields(Fleet)}
