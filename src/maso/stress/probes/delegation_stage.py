"""A plane with a session in it that a probe speaks for: where delegations are measured and tried.

The plane, its pipeline, its scanner and its evidence are the real ones; only the log is kept in memory. Keys
come from the trial's seed. Time stands still, a second after the start, unless the probe moves it.

The live graph can be filled with all delegations that the fleet declares at once (`fill`): registering each
by a contract would give the same counts, and take as long as the thing to be measured.
"""

from typing import Any, Final

import msgspec

from maso.clock import MINUTE, SECOND
from maso.contract import DelegationContract, encode_contract, sign_contract
from maso.controls.message import Message
from maso.controls.state import Instance, Session
from maso.envelope import MessageKind
from maso.fleet.model import Fleet
from maso.fleet.rulebook import Rulebook, TypeRules, flow_key
from maso.journeys.actors import Actor, Keyring
from maso.plane.effects import Admitted, Effect, Refuse
from maso.plane.events import Admit, Arrive, RegisterContract
from maso.plane.pipeline import Check
from maso.plane.plane import Plane
from maso.sim.adversaries.surface import body_of
from maso.stress.probes.parts import CountingLog, scanner

# What a session of a probe may hold: more types are spread over several sessions (the plane refuses more
# than 256 contracts in one).
SESSION_TYPES_MAX: Final = 64
_LIFE_NS: Final = 30 * MINUTE
_HOUR_NS: Final = 60 * MINUTE
# A contract of a probe is good for a minute, or for as long as the fleet lets it be.
_CONTRACT_NS: Final = MINUTE
_CROWD_FROM: Final = 1 << 32  # above the sessions that a probe opens itself
_encode = msgspec.msgpack.Encoder().encode


class Stage:
    """One plane over one fleet, with its ports admitted."""

    def __init__(self, fleet: Fleet, seed: int) -> None:
        self.fleet = fleet
        self.rules = Rulebook(fleet)
        self.keys = Keyring(self.rules, seed)
        self.plane = Plane(self.rules, self.keys.plane, CountingLog(), scanner())
        self.now = SECOND
        self.actors: dict[int, Actor] = {}
        self._schemas = {schema.id: schema for schema in fleet.schemas}
        self._channel = 0
        self._nonce = 0
        self.ports = self._admit_ports()

    def _admit_ports(self) -> dict[str, int]:
        ports = tuple(kind for kind in self.rules.types if kind.is_port)
        return self._admit(0, ports, 24 * _HOUR_NS) if ports else {}

    def _admit(self, session: int, kinds: tuple[TypeRules, ...], life: int) -> dict[str, int]:
        # Every member gets a key of its own for contracts: wider policies let more of them delegate.
        members = tuple((kind.id, 0, not kind.is_port) for kind in kinds)
        credential, keys = self.keys.authority.issue(session, members, self.now, self.now + life)
        (effect,) = self.plane.handle(Admit(_encode(credential)), self.now)
        if not isinstance(effect, Admitted):
            raise ValueError(f"a session of {len(kinds)} types was not admitted")
        for kind, nhi in zip(kinds, effect.nhis, strict=True):
            self.actors[nhi] = Actor(nhi, keys[nhi], kind, session)
        return dict(zip((kind.id for kind in kinds), effect.nhis, strict=True))

    def session(self, number: int, types: tuple[str, ...]) -> dict[str, int]:
        """A session with one instance of each of these types: type -> NHI."""
        kinds = tuple(self.rules.type_by_id[name] for name in dict.fromkeys(types))
        limits = [kind.lifetime_ns_max for kind in kinds if kind.lifetime_ns_max]
        return self._admit(number, kinds, min([_LIFE_NS, *limits]))

    def fill(self) -> None:
        """One live delegation for each that the fleet declares."""
        for source in self.rules.types:
            for target in source.delegates:
                self.plane.contracts.graph.add(source.index, target)

    def crowd(self, sessions: int) -> None:
        """So many more sessions of the types that delegate, which say nothing; made without credentials."""
        ends = {d.from_ for d in self.fleet.delegations} | {d.to for d in self.fleet.delegations}
        kinds = [kind for kind in self.rules.types if kind.id in ends]
        state, policy = self.plane.state, self.plane.contracts.policy
        nhi = 0
        for number in range(_CROWD_FROM, _CROWD_FROM + sessions):
            session = state.sessions[number] = Session(number)
            for kind in kinds:
                for k in range(kind.per_session):
                    nhi += 1
                    state.instances[nhi] = Instance(nhi, kind, session, k)
                    session.instances.append(state.instances[nhi])
            policy.admitted(session.instances)

    def channel(self) -> int:
        """A channel that nobody used: failures on one close it."""
        self._channel += 1
        return self._channel

    # Contracts.

    def contract(self, source: int, target: int, permits: int, parent: int = 0) -> DelegationContract:
        """Unsigned; as long as the policy lets it be, a minute at most."""
        instances = self.plane.state.instances
        longest = self.plane.contracts.policy.permits(instances[source], instances[target])[1]
        self._nonce += 1
        until = self.now + min(longest or _CONTRACT_NS, _CONTRACT_NS)
        return DelegationContract(
            source, target, self.actors[source].session, permits, "", self.now, until, "", parent,
            self._nonce, b"",
        )  # fmt: skip

    def seed_of(self, source: int) -> bytes:
        return self.keys.authority.delegation_seed(source)

    def signed(self, source: int, target: int, permits: int, parent: int = 0) -> DelegationContract:
        return sign_contract(self.contract(source, target, permits, parent), self.seed_of(source))

    def register(self, contract: DelegationContract, channel: int) -> str:
        """The code of the refusal; empty when it is in force."""
        event = RegisterContract(channel, encode_contract(contract))
        return refusal(self.plane.handle(event, self.now))

    # Messages.

    def order(self, source: int, target: int, contract: int, channel: int) -> str:
        """Tell somebody to act, by whatever kind of order the fleet has a link for; as `register`."""
        ends = self.actors[source].rules, self.actors[target].rules
        for kind in (MessageKind.DELEGATION, MessageKind.INSTRUCTION):
            flow = ends[0].flows.get(flow_key(ends[1].index, kind, 0))
            if flow is not None:
                payload = body_of(self._schemas[flow.schema])
                under = contract if kind is MessageKind.DELEGATION else 0
                return refusal(self._send(source, target, kind, payload, 0, under, channel))
        return "IA-1.4/not-declared"

    def act(self, who: int, action: int, contract: int, channel: int) -> list[Effect]:
        return self._arrive(self.action_wire(who, action, contract), channel)

    def action_wire(self, who: int, action: int, contract: int) -> bytes:
        """An action with the dullest legal arguments."""
        spec = self.rules.actions[action]
        assert spec is not None
        payload = body_of(self._schemas[spec.spec.schema])
        to = self.ports[spec.spec.port]
        return self._wire(who, to, MessageKind.ACTION, payload, action, contract)

    def _wire(self, who: int, to: int, kind: int, payload: bytes, action: int, contract: int) -> bytes:
        actor = self.actors[who]
        return actor.wire(to, actor.session, kind, payload, action, contract, (), ())

    def _send(
        self, who: int, to: int, kind: int, payload: bytes, action: int, contract: int, channel: int
    ) -> list[Effect]:
        return self._arrive(self._wire(who, to, kind, payload, action, contract), channel)

    def _arrive(self, wire: bytes, channel: int) -> list[Effect]:
        return self.plane.handle(Arrive(channel, wire), self.now)

    def authority_steps(self, wire: bytes) -> tuple[Message, tuple[Check, ...]]:
        """A message that has come as far as the question of authority, and the steps that answer it.

        Raises ValueError where an earlier control refuses it.
        """
        steps = self.plane.steps()
        first = next(i for i, (name, _) in enumerate(steps) if name == "IA-2.3")
        message = Message(self.channel(), wire, self.now)
        for name, check in steps[:first]:
            if check(message) is not None:
                raise ValueError(f"{name} refuses the message of the experiment")
        asked = tuple(check for name, check in steps[first:] if name in ("IA-2.3", "T3-CONTRACT"))
        return message, asked


def refusal(effects: list[Any]) -> str:
    """The code of the first refusal; empty where there is none."""
    for effect in effects:
        if isinstance(effect, Refuse):
            return effect.findings[0].reason.code
    return ""
