"""A real plane over a fleet, and somebody who speaks in its agents' names: what the experiments stand on.

The plane, its keys, credentials and records are those of a run; only the driver is smaller: there is no
world, and what an agent says is what the experiment gives it. Evidence is counted, not kept, except where a
cost is measured (`with_log`). Detectors are built once per process (a second of CPU); what was scanned before
is forgotten for every rig, so that each pays for its own texts.
"""

from collections.abc import Iterable
from typing import Final, Protocol

import msgspec
from msgspec.structs import replace

from maso.clock import MINUTE, SECOND
from maso.envelope import MessageKind
from maso.evidence.log import LogWriter
from maso.fleet.model import FieldSpec, Fleet, LabelSpec, Link, Port, Schema
from maso.fleet.rulebook import Rulebook, TypeRules, fleet_digest
from maso.journeys.actors import Actor, Keyring, admission
from maso.plane.effects import Deliver, Effect, Perform
from maso.plane.events import Admit
from maso.plane.plane import Plane
from maso.stress.probes.parts import CountingLog, fresh_scanner

SOURCE: Final = "stress.source"  # no name in a fleet file may begin so: `first.second` is a desk's, of growth
SUMMARY: Final = "stress.summary"
CHANNEL: Final = 1
# Inside every fleet's limit on a session; nothing here lasts a second.
LIFE_NS: Final = MINUTE
_encode = msgspec.json.Encoder().encode


class _Log(Protocol):
    def append(self, body: bytes) -> int: ...


def new_plane(rules: Rulebook, keys: Keyring, *, with_log: bool = False) -> Plane:
    """A plane with a scanner that has seen nothing; `with_log` writes real evidence, in memory."""
    log: _Log = CountingLog()
    if with_log:
        log = LogWriter(b"stress run 00000", b"s" * 32, fleet_sha256=rules.sha256)
    return Plane(rules, keys.plane, log, fresh_scanner())


class Rig:
    """One plane and the actors that were admitted to it."""

    def __init__(self, fleet: Fleet, seed: int, *, with_log: bool = False) -> None:
        self.fleet = fleet
        self.rules = Rulebook(fleet)
        self.keys = Keyring(self.rules, seed)
        self.plane = new_plane(self.rules, self.keys, with_log=with_log)
        self.now = SECOND
        self.ports: dict[str, Actor] = {}
        ports = tuple((rules, 0) for rules in self.rules.types if rules.is_port)
        if ports:
            self.ports = {actor.rules.id: actor for actor in self._admit(0, ports)}

    def _admit(self, session: int, members: tuple[tuple[TypeRules, int], ...]) -> list[Actor]:
        lives = [t.lifetime_ns_max for t, _ in members if t.lifetime_ns_max]
        end = self.now + min([LIFE_NS, *lives])
        credential, actors = admission(self.keys, self.rules, session, members, self.now, end)
        self.plane.handle(Admit(credential), self.now)
        return actors

    def session(self, number: int, names: Iterable[str]) -> dict[str, Actor]:
        """One instance of each of these types, in one session."""
        members = tuple((self.rules.type_by_id[name], 0) for name in names)
        return {actor.rules.id: actor for actor in self._admit(number, members)}

    def send(
        self, sender: Actor, to: Actor, session: int, payload: bytes, *, label: int = 0, action: int = 0
    ) -> list[Effect]:
        """Say it, and let the recipient take in what was delivered. A later message comes 1 ms later."""
        self.now += SECOND // 1000
        kind = MessageKind.ACTION if action else MessageKind.DATA
        wire = sender.wire(to.nhi, session, kind, payload, action, 0, (), (), label)
        effects = self.plane.arrive(CHANNEL, wire, self.now)
        for effect in effects:
            if isinstance(effect, Deliver) and effect.to == to.nhi:
                to.receive(effect, None, from_port=sender.rules.is_port)
        return effects

    def codes(self) -> tuple[str, ...]:
        """Codes of the findings about the last message."""
        last = self.plane.last
        return () if last is None else tuple(finding.reason.code for finding in last.findings)


def delivered(effects: list[Effect]) -> bool:
    return any(isinstance(effect, Deliver | Perform) for effect in effects)


def text_payload(text: str) -> bytes:
    """A message of the experiments' own schema."""
    return _encode({"text": text})


def text_field(schema: Schema) -> tuple[str, FieldSpec] | None:
    """The first free-text field, or None: then the schema can carry no sentence."""
    for name, spec in schema.fields.items():
        if spec.type == "text":
            return name, spec
    return None


def with_source(fleet: Fleet, *, carry_text: bool = False) -> Fleet:
    """The fleet with a trusted port that may tell any agent anything: how an experiment puts data there.

    carry_text  links between agents carry free text and shed nothing: the same agents and ways, without the
                strict schemas
    """
    schema = Schema(id=SUMMARY, fields={"text": FieldSpec(type="text", max=2000)})
    port = Port(id=SOURCE, source=None, label=LabelSpec(level="public"))
    agents = [agent.id for agent in fleet.types]
    known = frozenset(agents)
    links = fleet.links
    if carry_text:
        pairs = dict.fromkeys((x.from_, x.to) for x in links if x.from_ in known and x.from_ != x.to)
        ported = tuple(x for x in links if x.from_ not in known)
        links = (*ported, *(Link(from_=a, to=b, schema=SUMMARY) for a, b in pairs))
    return replace(
        fleet,
        schemas=(*fleet.schemas, schema),
        ports=(*fleet.ports, port),
        links=(*links, *(Link(from_=SOURCE, to=name, schema=SUMMARY) for name in agents)),
    )


def fleet_key(fleet: Fleet) -> bytes:
    """What tells two trials' fleets apart, for caches: the digest covers everything, controls included."""
    return fleet_digest(fleet)
