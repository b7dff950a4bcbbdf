"""One message bus for each set of information barriers: the fleet cut into sub-fleets, gates between them.

Agents that are cleared for the same barriers share a *bus*: a plane of its own, with a rulebook, credentials,
instances and port adapters of its own. Who is on another bus does not exist here, so it cannot even be
addressed. A link that crosses becomes a *gate*: on the sender's bus an agent without a mind, cleared for what
the recipient is cleared for, to which the link leads with its schema, its DLP policy and what it sheds; on
the recipient's bus a trusted port, from which what was delivered to the gate enters as data, under the label
that it then had. So a message that crosses is decided twice, and recorded on both buses.

Not handled: what a gate cannot carry. Instructions, claims and delegations do not cross (`Gate.lost` names
them); a fleet that needs them across a barrier cannot be cut there. Nor does anything here run the planes:
`maso run` drives one bus, `maso stress` measures several.
"""

from collections.abc import Iterable
from typing import Final, NamedTuple

from msgspec.structs import replace

from maso.fleet.model import AgentType, Fleet, LabelSpec, Link, Port

COMMON: Final = "common"  # the bus of those who are cleared for no barrier


class Gate(NamedTuple):
    """A link that crosses.

    id            of the gate on the sender's bus
    lost          kinds of message that the link carried and the gate does not
    """

    id: str
    link: Link
    sender_bus: str
    recipient_bus: str
    lost: tuple[str, ...]


class Bus(NamedTuple):
    """A sub-fleet. `barriers` are the ones that all its agents are cleared for."""

    id: str
    barriers: tuple[str, ...]
    fleet: Fleet


class Segments(NamedTuple):
    """The fleet, cut. `bus_of` has every agent type; `cut_delegations` are those across buses."""

    buses: tuple[Bus, ...]
    gates: tuple[Gate, ...]
    bus_of: dict[str, str]
    cut_delegations: int


def _barriers(agent: AgentType, barriers: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(name for name in barriers if name in agent.clearance.compartments)


def segments(fleet: Fleet) -> Segments:
    """Cut the fleet by the barriers that its agents are cleared for; buses in order of their first agent."""
    barriers = tuple(c.id for c in fleet.compartments if c.barrier)
    held: dict[str, tuple[str, ...]] = {}
    bus_of: dict[str, str] = {}
    for agent in fleet.types:
        own = _barriers(agent, barriers)
        bus_of[agent.id] = "+".join(own) or COMMON
        held[bus_of[agent.id]] = own
    gates = tuple(_gates(fleet.links, bus_of))
    buses = tuple(Bus(name, own, _cut(fleet, name, bus_of, gates)) for name, own in held.items())
    across = sum(1 for d in fleet.delegations if bus_of[d.from_] != bus_of[d.to])
    return Segments(buses, gates, bus_of, across)


def _gates(links: Iterable[Link], bus_of: dict[str, str]) -> Iterable[Gate]:
    for number, link in enumerate(links):
        start, end = bus_of.get(link.from_), bus_of.get(link.to)
        if start is None or end is None or start == end:
            continue  # from a port, which every bus has for itself, or within a bus
        lost = tuple(kind for kind in link.kinds if kind != "data")
        yield Gate(f"gate.{number}", link, start, end, lost)


def _cut(fleet: Fleet, bus: str, bus_of: dict[str, str], gates: tuple[Gate, ...]) -> Fleet:
    """What one bus has: its agents, what they do and say among themselves, their ports, and its gates."""
    clearance = {agent.id: agent.clearance for agent in fleet.types}
    out = [gate for gate in gates if gate.sender_bus == bus]
    into = [gate for gate in gates if gate.recipient_bus == bus]
    types = tuple(agent for agent in fleet.types if bus_of[agent.id] == bus)
    names = {agent.id for agent in types}
    ports = {port.id for port in fleet.ports}
    links = tuple(x for x in fleet.links if x.to in names and (x.from_ in names or x.from_ in ports))
    actions = {name for agent in types for name in (*agent.actions, *agent.may_request)}
    kept = tuple(action for action in fleet.actions if action.id in actions)
    used = {link.from_ for link in links} | {action.port for action in kept}
    return replace(
        fleet,
        fleet=f"{fleet.fleet}.{bus}"[:64],
        types=(*types, *(_gate_type(gate, clearance[gate.link.to]) for gate in out)),
        links=(*links, *(_leaves(gate) for gate in out), *(_enters(gate) for gate in into)),
        actions=kept,
        ports=(
            *(port for port in fleet.ports if port.id in used),
            *(Port(id=entry(gate), source=None) for gate in into),
        ),
        delegations=tuple(d for d in fleet.delegations if d.from_ in names and d.to in names),
    )


def entry(gate: Gate) -> str:
    """The id of the port by which a gate's messages enter the recipient's bus."""
    return f"{gate.id}.entry"


def _gate_type(gate: Gate, clearance: LabelSpec) -> AgentType:
    return AgentType(id=gate.id, role="gate", plane="control", clearance=clearance)


def _leaves(gate: Gate) -> Link:
    return replace(gate.link, to=gate.id, kinds=("data",))


def _enters(gate: Gate) -> Link:
    # DLP as declared on the link; what it sheds was shed when it left.
    return replace(gate.link, from_=entry(gate), kinds=("data",), declassify=(), owner="")
