"""Credentials that exist before the sessions they are used in: only `maso stress` builds a plane like this.

The way of a few long-lived agents (`controls.credentials: pre-provisioned`): for each agent type a pool of
identities is issued in advance, belongs to no session, and is rotated on a schedule. A session's instances
borrow a key of the pool of their type; giving it back is not something that anybody can check, since keys can
be copied. It has the shape of `Admission`, so the rest of the plane is the same code.

    provision   session 0, one member of an agent type: signed by the authority, admitted like a port
    borrow      session above 0: proven with the keys of the pool, no signature of the authority

What it costs is measured by `maso stress`: a pool identity may speak in every session (invariant 5 does not
hold), it stays valid until it is rotated, and somebody must rotate. The loader refuses it in a fleet file.
"""

import hashlib
import hmac
from typing import Final

import msgspec

from maso.clock import DAY
from maso.controls import nhi as reasons
from maso.controls.state import Instance, PlaneState
from maso.fleet.rulebook import Rulebook
from maso.identity import Credential, Member, commitment_of, derive_key, nhi_of, signature_holds
from maso.verdict import Finding, Outcome, Reason

PROOF_BYTES: Final = 32
_decode = msgspec.msgpack.Decoder(Credential, strict=True).decode


def _deny(reason: Reason, detail: str = "") -> Finding:
    return Finding(Outcome.DENY, reason, detail)


def proof(keys: tuple[bytes, ...], signed: bytes) -> bytes:
    """What stands in the place of the signature when keys are borrowed: one MAC under all of them."""
    whole = hashlib.sha256(b"".join(keys)).digest()
    return hashlib.blake2b(signed, digest_size=PROOF_BYTES, key=whole).digest()


class PooledAdmission:
    """Verifies provisioned and borrowed credentials; keeps which pool identity holds which key."""

    __slots__ = (
        "_authority",
        "_borrowed",
        "_by_commitment",
        "_held",
        "_lifetime_ns_max",
        "_master",
        "_rules",
        "_state",
    )

    def __init__(self, rules: Rulebook, state: PlaneState, authority_key: bytes, master: bytes) -> None:
        self._rules = rules
        self._state = state
        self._authority = authority_key
        self._master = master
        identity = rules.fleet.identity
        days = identity.rotation_days if identity is not None else None
        self._lifetime_ns_max = (days or 0) * DAY  # 0: the fleet file says nothing, so nothing limits it
        self._by_commitment: dict[bytes, int] = {}  # commitment of a key -> pool identity
        self._held: dict[int, bytes] = {}  # pool identity -> commitment of the key that it has now
        self._borrowed: dict[int, int] = {}  # NHI of a session's instance -> pool identity, until it is built

    def verify(self, data: bytes, now: int) -> Credential | Finding:
        """The credential, or why it is refused."""
        try:
            credential = _decode(data)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return _deny(reasons.MALFORMED)
        if credential.serial in self._state.serials:
            return _deny(reasons.TWICE)
        if not credential.not_before <= now < credential.not_after:
            return _deny(reasons.PERIOD)
        refused = self._borrow(credential, now) if credential.session else self._provision(credential)
        return refused or credential

    def _provision(self, credential: Credential) -> Finding | None:
        """Ports, and pool identities of agent types."""
        if not signature_holds(
            self._authority, credential.signed_bytes(self._rules.sha256), credential.signature
        ):
            return _deny(reasons.SIGNATURE)
        for member in credential.members:
            rules = self._rules.type_by_id.get(member.type_id)
            if rules is None:
                return _deny(reasons.TYPE)
            lifetime = credential.not_after - credential.not_before
            if not rules.is_port and self._lifetime_ns_max and lifetime > self._lifetime_ns_max:
                return _deny(reasons.PERIOD, rules.id)
            nhi = nhi_of(self._rules.sha256, member.type_id, 0, member.instance)
            key = derive_key(self._master, nhi, credential.serial)
            if nhi != member.nhi or commitment_of(key) != member.commitment:
                return _deny(reasons.BINDING, rules.id)
            if nhi in self._state.instances:
                return _deny(reasons.TWICE, rules.id)
        for member in credential.members:
            if not self._rules.type_by_id[member.type_id].is_port:
                self._by_commitment.pop(self._held.get(member.nhi, b""), None)
                self._by_commitment[member.commitment] = member.nhi
                self._held[member.nhi] = member.commitment
        return None

    def _borrow(self, credential: Credential, now: int) -> Finding | None:
        """Instances of a session, each with a key of its type's pool."""
        session = self._state.sessions.get(credential.session)
        if self._state.stage and session is None:
            return _deny(reasons.HALTED)
        lenders: list[Instance] = []
        for member in credential.members:
            lender = self._lender(credential, member, now)
            if isinstance(lender, Finding):
                return lender
            lenders.append(lender)
        if not lenders:
            return _deny(reasons.BINDING)
        expected = proof(tuple(i.key for i in lenders), credential.signed_bytes(self._rules.sha256))
        if not hmac.compare_digest(expected, credential.signature):
            return _deny(reasons.SIGNATURE)
        for member, lender in zip(credential.members, lenders, strict=True):
            self._borrowed[member.nhi] = lender.nhi
        return None

    def _lender(self, credential: Credential, member: Member, now: int) -> Instance | Finding:
        """The pool identity whose key a member would use."""
        lender = self._state.instances.get(self._by_commitment.get(member.commitment, 0))
        if lender is None or not lender.not_before <= now < lender.not_after:
            return _deny(reasons.PERIOD)
        if lender.type.id != member.type_id or credential.not_after > lender.not_after:
            return _deny(reasons.BINDING, lender.type.id)
        nhi = nhi_of(self._rules.sha256, member.type_id, credential.session, member.instance)
        if nhi != member.nhi:
            return _deny(reasons.BINDING, lender.type.id)
        if nhi in self._state.instances:
            return _deny(reasons.TWICE, lender.type.id)
        return lender

    def key_of(self, instance: Instance, serial: int) -> bytes:
        lender = self._state.instances.get(self._borrowed.pop(instance.nhi, 0))
        return derive_key(self._master, instance.nhi, serial) if lender is None else lender.key
