"""A plane full of instances, and sessions that join it or end: where identity is measured and tried.

Sessions count from 1. In a depth fleet every session has one set of instances; in a breadth fleet, session k
is the task in which agent k works: itself and the agents that it may write to, at most as many as a task
passes.

The crowd (`populate`) is made by applying admission records, as a replay does: the same state as an admission
leaves behind, without its signatures, so that 120,000 instances stand in half a second. What is measured or
tried goes through the plane's own `Admit`, `Arrive`, `Revoke` and `CloseSession`.

Under `controls.credentials: pre-provisioned` session k borrows the keys in slot k of the pools; a pool is as
large as the sessions that are there at once, since nobody may wait for a key.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Final, NamedTuple

import msgspec
from nacl.signing import SigningKey

from maso.clock import DAY, SECOND
from maso.controls.preprovisioned import proof
from maso.controls.state import Instance
from maso.envelope import VERSION, Envelope, MessageKind, seal
from maso.evidence.records import AdmitRecord
from maso.fleet.model import Fleet
from maso.fleet.rulebook import Rulebook, TypeRules
from maso.identity import Credential, Member, commitment_of, derive_key, nhi_of
from maso.journeys.actors import Keyring
from maso.plane import apply
from maso.plane.effects import Admitted, Effect
from maso.plane.events import Admit, CloseSession
from maso.plane.plane import Plane
from maso.sim.adversaries.surface import body_of
from maso.stress.probes.parts import CountingLog, scanner
from maso.stress.timing import cpu_us
from maso.verdict import Outcome

# Serial numbers of the crowd: above those that the authority counts up.
_CROWD_SERIAL: Final = 1 << 40
# Where the fleet file says nothing of rotation: measured figures need some period, and none depends on it.
_POOL_DAYS: Final = 365
_encode = msgspec.msgpack.Encoder().encode


class Held(NamedTuple):
    """What an instance holds: its name and its key. `slot_nhi`: the pool identity that lent it, or would."""

    nhi: int
    key: bytes
    rules: TypeRules
    session: int
    slot_nhi: int


class Way(NamedTuple):
    """Where a message may go: recipient, session, kind, action (0 for none) and the schema of its payload."""

    to: int
    session: int
    kind: int
    action: int
    schema: str


class Stage:
    """One plane over one fleet, its ports admitted, time standing still unless the probe moves it."""

    def __init__(self, fleet: Fleet, seed: int) -> None:
        self.fleet = fleet
        self.rules = Rulebook(fleet)
        self.keys = Keyring(self.rules, seed)
        self.plane = Plane(self.rules, self.keys.plane, CountingLog(), scanner())
        self.pooled = fleet.controls.credentials == "pre-provisioned"
        self.now = SECOND
        self.life_ns = min(t.lifetime_ns_max for t in self.rules.types if not t.is_port)
        self._members = _members(fleet, self.rules)
        self._serial = 0
        self._slot_of: dict[int, int] = {}  # session -> slot of the pools, where it is not its own number
        self._like: dict[int, int] = {}
        self.seq = 1
        self._channel = 0
        self._lent: dict[tuple[str, int], tuple[int, bytes]] = {}
        self._schemas = {schema.id: schema for schema in fleet.schemas}
        self.ports = self._admit_ports()

    def _admit_ports(self) -> dict[str, int]:
        ports = [t for t in self.rules.types if t.is_port]
        if not ports:
            return {}
        wanted = tuple((t.id, 0, False) for t in ports)
        credential, keys = self.keys.authority.issue(0, wanted, self.now, self.now + _POOL_DAYS * DAY)
        self.plane.handle(Admit(_encode(credential)), self.now)
        return {t.id: nhi for t, nhi in zip(ports, keys, strict=True)}

    def members(self, session: int) -> tuple[tuple[TypeRules, int], ...]:
        """(type, instance number) of each instance of a session."""
        return self._members[(self._like.get(session, session) - 1) % len(self._members)]

    def like(self, session: int, other: int) -> None:
        """A session with the same kinds of members as another one."""
        self._like[session] = other

    def nhi(self, rules: TypeRules, session: int, number: int) -> int:
        return nhi_of(self.rules.sha256, rules.id, session, number)

    def body(self, schema: str) -> bytes:
        """The dullest payload that fits."""
        return body_of(self._schemas[schema])

    def has_id(self, schema: str) -> bool:
        """Whether a payload of this shape names something by an id."""
        return any(spec.type == "id" for spec in self._schemas[schema].fields.values())

    def wire(
        self, sender: int, key: bytes, to: int, session: int, kind: int, action: int, body: bytes
    ) -> bytes:
        """An envelope as its sender would seal it, with the next sequence number and a clean label."""
        self.seq += 1
        envelope = Envelope(
            VERSION, sender, to, session, self.seq, kind, action, 0, 0, (), (), body, b""
        )  # fmt: skip
        return seal(envelope, key)

    def way(self, rules: TypeRules, live: Iterable[tuple[Held, ...]]) -> Way | None:
        """A declared way out of a type into one of these sessions: to an instance, else by an action."""
        for held in live:
            for other in held:
                for flow in rules.flows.values():
                    if flow.action is None and flow.key >> 15 == other.rules.index:
                        return Way(other.nhi, other.session, flow.key >> 12 & 7, 0, flow.schema)
        for held in live:
            for flow in rules.flows.values():
                if flow.action is not None and not flow.action.needs_contract:
                    port = self.ports[self.rules.types[flow.key >> 15].id]
                    kind = int(MessageKind.ACTION)
                    return Way(port, held[0].session, kind, flow.action.number, flow.schema)
        return None

    def channel(self) -> int:
        """A channel that nobody used: failures on one close it."""
        self._channel += 1
        return self._channel

    # The crowd.

    def populate(self, sessions: Iterable[int]) -> int:
        """These sessions with all their instances; how many instances that are."""
        count = 0
        for session in sessions:
            serial = _CROWD_SERIAL + session
            members = tuple((self.nhi(t, session, n), t.index, n, b"") for t, n in self.members(session))
            lent: dict[str, bytes] = {}
            if self.pooled:
                kinds = dict.fromkeys(t for t, _ in self.members(session))
                slots = tuple((self._slot_nhi(t, session), t.index, session, b"") for t in kinds)
                lenders = self._apply(0, _CROWD_SERIAL, slots, self.now + _POOL_DAYS * DAY, lent)
                lent = {lender.type.id: lender.key for lender in lenders}
            self._apply(session, serial, members, self.now + self.life_ns, lent)
            count += len(members)
        return count

    def _apply(
        self,
        session: int,
        serial: int,
        members: tuple[tuple[int, int, int, bytes], ...],
        end: int,
        lent: dict[str, bytes],
    ) -> list[Instance]:
        """Instances with their own keys, or those that are lent to their types."""
        record = AdmitRecord(self.now, Outcome.ALLOW, session, serial, self.now, end, members, ())
        master = self.keys.plane.master
        built = apply.apply_admit(self.plane.state, self.rules, self.plane.contracts, record)
        for instance in built:
            instance.key = lent.get(instance.type.id) or derive_key(master, instance.nhi, serial)
        return built

    def _slot(self, session: int) -> int:
        return self._slot_of.get(session, session)

    def _slot_nhi(self, rules: TypeRules, session: int) -> int:
        return self.nhi(rules, 0, self._slot(session))

    # Sessions that are really admitted.

    def credential(self, session: int) -> bytes:
        """What a session shows to be admitted."""
        if self.pooled:
            return _encode(self._borrowed(session))
        wanted = tuple((t.id, number, bool(t.delegates)) for t, number in self.members(session))
        issued, _ = self.keys.authority.issue(session, wanted, self.now, self.now + self.life_ns)
        return _encode(issued)

    def _borrowed(self, session: int) -> Credential:
        """A credential proven with borrowed keys: no signature of the authority."""
        built, keys = [], []
        for rules, number in self.members(session):
            key = self._lent[rules.id, self._slot(session)][1]
            nhi = self.nhi(rules, session, number)
            seed = self.keys.authority.delegation_seed(nhi) if rules.delegates else b""
            public = bytes(SigningKey(seed).verify_key) if seed else b""
            built.append(Member(nhi, rules.id, number, commitment_of(key), public))
            keys.append(key)
        self._serial += 1
        serial = (_CROWD_SERIAL << 1) + self._serial
        bare = Credential(serial, session, self.now, self.now + self.life_ns, tuple(built), b"")
        signed = proof(tuple(keys), bare.signed_bytes(self.rules.sha256))
        return msgspec.structs.replace(bare, signature=signed)

    def provision(self, session: int) -> int:
        """The pool identities whose keys this session will borrow, issued and admitted; how many."""
        kinds = dict.fromkeys(t for t, _ in self.members(session))
        slot = self._slot(session)
        fresh = [t for t in kinds if (t.id, slot) not in self._lent] if self.pooled else []
        for rules in fresh:
            self._issue_slot(rules, slot)
        return len(fresh)

    def _issue_slot(self, rules: TypeRules, slot: int) -> int:
        identity = self.fleet.identity
        days = (identity.rotation_days if identity is not None else None) or _POOL_DAYS
        issued, keys = self.keys.authority.issue(
            0, ((rules.id, slot, False),), self.now, self.now + days * DAY
        )
        self.admitted(self.plane.handle(Admit(_encode(issued)), self.now))
        nhi = issued.members[0].nhi
        self._lent[rules.id, slot] = (nhi, keys[nhi])
        return nhi

    def admit(self, session: int) -> tuple[Held, ...]:
        """The session's instances, admitted by the plane, with what each of them holds."""
        return self.join(session, session)

    def join(self, session: int, slot: int) -> tuple[Held, ...]:
        """The same with keys from that slot of the pools, where there are pools."""
        self._slot_of[session] = slot
        self.provision(session)
        return self.held(session, self.admitted(self.plane.handle(Admit(self.credential(session)), self.now)))

    def held(self, session: int, nhis: Sequence[int]) -> tuple[Held, ...]:
        """What the instances of an admitted session hold."""
        instances = self.plane.state.instances
        return tuple(
            Held(nhi, instances[nhi].key, rules, session, self._slot_nhi(rules, session))
            for nhi, (rules, _) in zip(nhis, self.members(session), strict=True)
        )

    @staticmethod
    def admitted(effects: list[Effect]) -> tuple[int, ...]:
        """NHIs of an admission; ValueError when it was refused."""
        effect = effects[0]
        if not isinstance(effect, Admitted):
            raise ValueError("an admission of the stage itself was refused")
        return effect.nhis

    def close(self, session: int) -> None:
        self.plane.handle(CloseSession(session), self.now)


def _members(fleet: Fleet, rules: Rulebook) -> tuple[tuple[tuple[TypeRules, int], ...], ...]:
    """Instances of each kind of session, in turn."""
    kinds = [t for t in rules.types if not t.is_port]
    if fleet.kind == "depth":
        return (tuple((t, number) for t in kinds for number in range(t.per_session)),)
    agents = {t.id for t in kinds}
    ahead: dict[str, dict[str, None]] = {t.id: {t.id: None} for t in kinds}
    most = fleet.workload.handoffs_max  # a hub is in many tasks, not all agents in its own
    for link in fleet.links:
        if link.from_ in agents and link.to in agents and len(ahead[link.from_]) < most:
            ahead[link.from_][link.to] = None
    return tuple(tuple((rules.type_by_id[name], 0) for name in ahead[t.id]) for t in kinds)


def sessions_at(fleet: Fleet) -> int:
    """Sessions that are there at once: a depth fleet's size, or one task for each agent."""
    return fleet.size if fleet.kind == "depth" else len(fleet.types)


def instances_in(fleet: Fleet, sessions: int) -> int:
    """Instances of so many sessions of a depth fleet, or the agents of a breadth fleet."""
    per_session = sum(agent.per_session for agent in fleet.types)
    return sessions * per_session if fleet.kind == "depth" else len(fleet.types)


def spread(count: int, most: int) -> Sequence[int]:
    """At most `most` of 0 .. count-1, evenly spaced."""
    if count <= most:
        return range(count)
    return [i * count // most for i in range(most)]


def best_of(batches: Sequence[Sequence[int]], work: Callable[[int], object]) -> float:
    """Microseconds of CPU for one item: the cheapest batch, since the rest is what else the machine did."""

    def whole(batch: Sequence[int]) -> float:
        def run() -> None:
            for item in batch:
                work(item)

        return cpu_us(run, 1) / len(batch)

    return min(whole(batch) for batch in batches if batch)
