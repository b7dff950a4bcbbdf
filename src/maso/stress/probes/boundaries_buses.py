"""One bus for each barrier, run for real: what a message that crosses costs, and who can still be addressed.

With `bus: per-barrier` every bus of `plane/segments.py` is a plane of its own with its own keys. A message
that crosses is delivered to its gate by one plane, sealed again and decided by the other; with one bus it is
one message. Messages are the fleet's own crossing links with payloads of their schemas, from senders that
know nothing yet, so that none is refused for its label.

*Misaddressed*: an agent writes to somebody on the other side to whom it has no link. Both buses refuse; with
one bus because a rule says so, with several because there is nobody of that name.
"""

from typing import Any, Final

from maso.envelope import MessageKind
from maso.fleet.model import Fleet, Link
from maso.journeys.actors import Actor
from maso.journeys.payloads import NOTHING, Payload, compile_payload
from maso.plane.effects import Deliver, Effect
from maso.plane.segments import Gate, Segments, entry, segments
from maso.streams import Stream, stream
from maso.stress.dimension import Outcome, Trial
from maso.stress.probes.boundaries_rig import CHANNEL, Rig, delivered
from maso.stress.timing import cpu_us_each

GATES_MAX: Final = 40  # of the crossing links, spread over the fleet
SESSIONS: Final = 8  # a message over each of them in each: as few as a session of the workload sends
PAIRS_MAX: Final = 60  # pairs that are tried without a link between them

Sent = tuple[Gate, int, bytes]  # over which gate, in which session, the sealed message


class Buses:
    """The planes of a cut fleet, with sessions that have an instance of each agent that is needed."""

    def __init__(self, cut: Segments, seed: int, needed: frozenset[str], sessions: int) -> None:
        self.rigs: dict[str, Rig] = {}
        self.actors: list[dict[str, Actor]] = [{} for _ in range(sessions)]
        self.crossed = 0
        self.refused = 0
        for bus in cut.buses:
            names = [agent.id for agent in bus.fleet.types if agent.id in needed]
            if names:
                rig = self.rigs[bus.id] = Rig(bus.fleet, seed, with_log=True)
                for number, actors in enumerate(self.actors):
                    actors |= rig.session(number + 1, names)

    def sealed(self, gate: Gate, session: int, payload: bytes) -> Sent:
        """A message to somebody on another bus, as its sender seals it: to the gate."""
        actors = self.actors[session]
        wire = actors[gate.link.from_].wire(
            actors[gate.id].nhi, session + 1, MessageKind.DATA, payload, 0, 0, (), ()
        )
        return gate, session, wire

    def cross(self, sent: Sent) -> Effect:
        """Both decisions, and the gate between them."""
        gate, session, wire = sent
        first, second = self.rigs[gate.sender_bus], self.rigs[gate.recipient_bus]
        effect = first.plane.arrive(CHANNEL, wire, first.now)[0]
        if isinstance(effect, Deliver):
            to = self.actors[session][gate.link.to].nhi
            entering = second.ports[entry(gate)].wire(
                to, session + 1, MessageKind.DATA, effect.payload, 0, 0, (), (), effect.label
            )
            effect = second.plane.arrive(CHANNEL, entering, second.now)[0]
        crossed = isinstance(effect, Deliver)
        self.crossed += crossed
        self.refused += not crossed
        return effect


def _payloads(fleet: Fleet, schemas: list[str], draws: Stream) -> list[bytes]:
    by_id = {schema.id: schema for schema in fleet.schemas}
    writers: dict[str, Payload] = {name: compile_payload(by_id[name]) for name in dict.fromkeys(schemas)}
    return [writers[name](draws, NOTHING, NOTHING) for name in schemas]


def _over_gates(trial: Trial, cut: Segments, gates: list[Gate]) -> tuple[float, int, int]:
    """Microseconds for one message over a gate; messages that crossed, and that were refused."""
    ends = [name for gate in gates for name in (gate.id, gate.link.from_, gate.link.to)]
    buses = Buses(cut, trial.seed, frozenset(ends), SESSIONS)
    draws = stream(trial.seed, "stress/boundaries/gates")
    spent = []
    for session in range(SESSIONS):
        bodies = _payloads(trial.fleet, [gate.link.schema for gate in gates], draws)
        sent = [buses.sealed(gate, session, body) for gate, body in zip(gates, bodies, strict=True)]
        spent.append(cpu_us_each(buses.cross, sent, 1))
    return min(spent), buses.crossed, buses.refused


def _over_one(trial: Trial, links: list[Link]) -> tuple[float, int, int]:
    """The same messages on one bus."""
    rig = Rig(trial.fleet, trial.seed, with_log=True)
    draws = stream(trial.seed, "stress/boundaries/gates")
    spent = []
    came = [0, 0]

    def send(wire: bytes) -> None:
        effect = rig.plane.arrive(CHANNEL, wire, rig.now)[0]
        came[not isinstance(effect, Deliver)] += 1

    for session in range(1, SESSIONS + 1):
        actors = rig.session(session, dict.fromkeys(n for x in links for n in (x.from_, x.to)))
        bodies = _payloads(trial.fleet, [link.schema for link in links], draws)
        wires = [
            actors[x.from_].wire(actors[x.to].nhi, session, MessageKind.DATA, body, 0, 0, (), ())
            for x, body in zip(links, bodies, strict=True)
        ]
        spent.append(cpu_us_each(send, wires, 1))
    return min(spent), came[0], came[1]


# Misaddressed messages.


def _unlinked(fleet: Fleet, bus_of: dict[str, str]) -> list[tuple[str, str]]:
    """Pairs on two sides of a barrier without a link between them, spread over the fleet."""
    linked = frozenset((link.from_, link.to) for link in fleet.links)
    names = [agent.id for agent in fleet.types]
    found = []
    step = max(1, len(names) // 16)
    for start in names[::step]:
        for end in names[::-step]:
            if bus_of[start] != bus_of[end] and (start, end) not in linked:
                found.append((start, end))
    return found[:PAIRS_MAX]


def _misaddressed(trial: Trial, cut: Segments, pairs: list[tuple[str, str]]) -> tuple[int, int, list[str]]:
    """Of messages to somebody on the other side: whose recipient exists on the bus, and that arrived."""
    needed = frozenset(name for pair in pairs for name in pair)
    one = trial.fleet.controls.bus == "one"
    if one:
        whole = Rig(trial.fleet, trial.seed)
        rigs = {"": whole}
        actors = whole.session(1, [agent.id for agent in trial.fleet.types if agent.id in needed])
    else:
        buses = Buses(cut, trial.seed, needed, 1)
        rigs, actors = buses.rigs, buses.actors[0]
    exist = arrived = 0
    codes: list[str] = []
    for start, end in pairs:
        rig = rigs["" if one else cut.bus_of[start]]
        exist += actors[end].nhi in rig.plane.state.instances
        arrived += delivered(rig.send(actors[start], actors[end], 1, b"{}"))
        codes += rig.codes()
    return exist, arrived, sorted(dict.fromkeys(codes))


def run_buses(trial: Trial) -> Outcome:
    fleet = trial.fleet
    cut = segments(fleet)
    one = fleet.controls.bus == "one"
    sendable = [gate for gate in cut.gates if "data" in gate.link.kinds]
    gates = sendable[:: max(1, len(sendable) // GATES_MAX)][:GATES_MAX]
    values: dict[str, float] = {
        "buses": 1 if one else len(cut.buses),
        "port_adapters": len(fleet.ports) if one else sum(len(bus.fleet.ports) for bus in cut.buses),
        "lost_by_gates": 0 if one else sum(1 for g in cut.gates if g.lost) + cut.cut_delegations,
    }
    details: dict[str, Any] = {"gates": len(cut.gates), "cut_delegations": cut.cut_delegations}
    if gates:
        measured = _over_one(trial, [g.link for g in gates]) if one else _over_gates(trial, cut, gates)
        values["crossing_us"], details["crossed"], details["refused"] = measured
    pairs = _unlinked(fleet, cut.bus_of)
    if pairs:
        exist, arrived, codes = _misaddressed(trial, cut, pairs)
        values["addressable_share"] = exist / len(pairs)
        details |= {"misaddressed": len(pairs), "arrived": arrived, "misaddressed_codes": codes}
    return Outcome(values=values, details=details)
