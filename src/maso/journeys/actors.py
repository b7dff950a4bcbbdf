"""Actors: the driver's side of an instance or a port: its key, its counter, what reached it.

An actor speaks honestly: it declares the label of everything that was delivered to it, names the messages
it made something from, and states claims with the primary sources that it saw. The plane believes none of
this; it only may not be less than the truth, and an honest actor's is not.

`Keyring` holds the keys of a simulation, derived from the run's seed and so reproducible. They protect
nothing outside of it.
"""

import hashlib
from typing import Any, Final

import msgspec

from maso.claims import Claim
from maso.contract import DelegationContract, encode_contract, sign_contract
from maso.controls.rag import Ingestion
from maso.envelope import VERSION, Envelope, seal
from maso.fleet.rulebook import Flow, Rulebook, TypeRules
from maso.identity import Authority
from maso.plane.effects import Deliver
from maso.plane.pipeline import Keys
from maso.streams import Stream

# A message is made from the last few that came in; what is older is in the context label anyway.
PARENTS_KEPT: Final = 3
CLAIMS_KEPT: Final = 4
FRESH_KEPT: Final = 3
# An analyst who read the source is rather sure, one who did not says so; a handoff costs a little.
SOURCED_PERMILLE: Final = (600, 950)
OWN_WORD_PERMILLE: Final = (100, 400)
HANDOFF_LOSS_PERMILLE: Final = 40

# The plane remembers some dozens of received values; an honest actor needs the last few.
TOLD_KEPT: Final = 24

_NO_MAC: Final = b""
_encode = msgspec.msgpack.Encoder().encode
_encode_json = msgspec.json.Encoder().encode


class Keyring:
    """Every key of one run, derived from its seed (of a live run: 256 random bits)."""

    def __init__(self, rules: Rulebook, seed: int) -> None:
        master = self._secret(seed, "master")
        self.authority = Authority(rules.sha256, self._secret(seed, "authority"), master)
        self.ingestion = Ingestion(self._secret(seed, "ingestion"))
        self.plane = Keys(
            self.authority.public_key, master, self.ingestion.public_key, self._secret(seed, "record")
        )

    @staticmethod
    def _secret(seed: int, what: str) -> bytes:
        return hashlib.sha256(f"maso simulation key 1\0{seed}\0{what}".encode()).digest()


class Actor:
    """One speaker.

    label   join of the labels delivered to it since its last purge; of a port, the port's own
    parents references of the last messages delivered to it
    fresh   references of the last port messages delivered to it, where its type states claims
    claims  the last claims delivered to it
    told    values that it may tell on a declassifying flow: those it received outside what is shed there
    inbox   payloads delivered to it; None unless a watcher wants them
    """

    __slots__ = (
        "claims",
        "fresh",
        "inbox",
        "key",
        "label",
        "nhi",
        "parents",
        "rules",
        "seq",
        "session",
        "told",
    )

    def __init__(self, nhi: int, key: bytes, rules: TypeRules, session: int) -> None:
        self.nhi = nhi
        self.key = key
        self.rules = rules
        self.session = session
        self.seq = 0
        self.label = rules.label_floor
        self.parents: tuple[int, ...] = ()
        self.fresh: tuple[int, ...] = ()
        self.claims: tuple[Claim, ...] = ()
        self.told: tuple[tuple[str, Any], ...] = ()
        self.inbox: list[bytes] | None = None

    def wire(
        self,
        to: int,
        session: int,
        kind: int,
        payload: bytes,
        action: int,
        contract: int,
        parents: tuple[int, ...],
        claims: tuple[Claim, ...],
        label: int = 0,
    ) -> bytes:
        """The bytes of this actor's next envelope; its counter moves on. `label` adds to its own."""
        self.seq += 1
        envelope = Envelope(
            VERSION, self.nhi, to, session, self.seq, kind, action, self.label | label, contract, parents,
            claims, payload, _NO_MAC,
        )  # fmt: skip
        return seal(envelope, self.key)

    def receive(self, message: Deliver, flow: Flow | None, *, from_port: bool) -> None:
        """Take in what the plane delivered, by that flow (None for one that this driver did not send)."""
        self.label |= message.label
        if flow is not None and self.rules.sheds and not message.label & self.rules.sheds:
            body = flow.decode(message.payload)
            values = [(name, getattr(body, name)) for name in flow.values]
            self.told = (*self.told, *(v for v in values if v[1] is not None))[-TOLD_KEPT:]
        if self.inbox is not None:
            self.inbox.append(message.payload)
        if message.sender == self.nhi:
            return  # a note to itself is memory; what it was made from are still the deliveries before it
        self.parents = (*self.parents[1 - PARENTS_KEPT :], message.ref)
        if from_port:
            if self.rules.flows_claims:
                self.fresh = (*self.fresh[1 - FRESH_KEPT :], message.ref)
        elif message.claims:
            self.claims = (*self.claims, *message.claims)[-CLAIMS_KEPT:]

    def purge(self) -> None:
        self.label = self.rules.label_floor
        self.parents = self.fresh = ()
        self.claims = ()
        self.told = ()
        if self.inbox is not None:
            self.inbox.clear()

    def tell(self, flow: Flow, payload: bytes) -> bytes:
        """The payload for a declassifying flow: what this actor was never told, it does not tell.

        Such a value becomes one of its type that it was told, of the same name if there is one.
        Where nothing fits the schema, the payload stays as it is, and the plane will say no.
        """
        body = flow.decode(payload)
        for name in flow.values:
            value = getattr(body, name)
            if value is None or any(value == told for _, told in self.told):
                continue
            for other in self._instead(name, type(value)):
                try:
                    body = flow.decode(_encode_json(msgspec.structs.replace(body, **{name: other})))
                    break
                except msgspec.ValidationError:
                    continue
        return _encode_json(body)

    def claim(self, number: int, statement: bytes, stream: Stream) -> Claim:
        """One claim about `statement`, as sure as this actor honestly can be.

        With fresh sources it is a finding of its own; without, it restates the least certain claim it was
        told, a little less certain; without any, it is the actor's own word.
        """
        digest = int.from_bytes(hashlib.sha256(statement).digest()[:8], "big")
        if self.fresh and (not self.claims or stream.bits(1)):
            return Claim(number, digest, stream.between(*SOURCED_PERMILLE), (), self.fresh[-2:])
        if self.claims:
            told = min(self.claims, key=lambda claim: claim.confidence)
            confidence = max(0, told.confidence - stream.below(HANDOFF_LOSS_PERMILLE))
            return Claim(number, told.digest, confidence, (told.id,), (), told.assumptions)
        return Claim(number, digest, stream.between(*OWN_WORD_PERMILLE), assumptions=1)

    def _instead(self, name: str, kind: type) -> list[Any]:
        latest = [told for told in reversed(self.told) if type(told[1]) is kind]
        latest.sort(key=lambda told: told[0] != name)  # stable: the same name first, then the newest
        return [value for _, value in latest]


def contract_bytes(
    keys: Keyring, source: Actor, target: Actor, permits: int, start: int, end: int, parent: int, output: str
) -> tuple[int, bytes]:
    """A signed delegation from `source` to `target`: its id and its bytes. The nonce is the next counter."""
    contract = DelegationContract(
        source.nhi, target.nhi, source.session, permits, "", start, end, output, parent, source.seq, b""
    )
    signed = sign_contract(contract, keys.authority.delegation_seed(source.nhi))
    return signed.id, encode_contract(signed)


def admission(
    keys: Keyring,
    rules: Rulebook,
    session: int,
    members: tuple[tuple[TypeRules, int], ...],
    start: int,
    end: int,
) -> tuple[bytes, list[Actor]]:
    """A credential for the members (type, instance number), and their actors in the same order."""
    wanted = tuple((t.id, number, bool(t.delegates)) for t, number in members)
    credential, by_nhi = keys.authority.issue(session, wanted, start, end)
    actors = [
        Actor(member.nhi, by_nhi[member.nhi], rules.type_by_id[member.type_id], session)
        for member in credential.members
    ]
    return _encode(credential), actors
