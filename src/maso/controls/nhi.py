"""IA-2.2 NHI with cryptographic proof: who may join, and what its identity is bound to.

A credential is accepted once: signed by the fleet's authority, for this fleet, valid now and not longer
than the fleet's session limit, every NHI derived from the type, session and number that it claims, every
key commitment matching the key that the derivation gives. Then its instances exist; before and after
that nobody may speak under their names.

Not handled: whether the authority was right to issue it. On Kubernetes a pod's token proves that to it
(`workload_identity.py`); what such a token may be refused for is listed here, since it is this control's.
`preprovisioned.py` is the other way to build it, which `maso stress` compares this one with.
"""

from typing import Final

import msgspec

from maso.controls.state import Instance, PlaneState, Session
from maso.fleet.rulebook import Rulebook
from maso.identity import Credential, Member, commitment_of, derive_key, nhi_of, signature_holds
from maso.verdict import Finding, Outcome, Reason

ID: Final = "IA-2.2"

MALFORMED: Final = Reason(
    "IA-2.2/malformed", ID, "the bytes are not a credential", "ask the authority for one"
)
SIGNATURE: Final = Reason(
    "IA-2.2/signature", ID, "the authority did not sign this credential", "ask the authority for one"
)
PERIOD: Final = Reason(
    "IA-2.2/period", ID, "the credential is not valid now or lives too long", "issue it for one session"
)
BINDING: Final = Reason(
    "IA-2.2/binding", ID, "an identity does not derive from its type, session and number", "issue it anew"
)
TYPE: Final = Reason("IA-2.2/type", ID, "the fleet has no such agent type", "declare it in the fleet file")
TWICE: Final = Reason(
    "IA-2.2/twice", ID, "this credential, or an identity in it, was admitted before", "issue a new one"
)
CLOSED: Final = Reason("IA-2.2/session-closed", ID, "the session has ended", "open a new session")
HALTED: Final = Reason(
    "IA-2.2/halted", ID, "a shutdown is under way: no new sessions", "wait for the restart"
)
MANY: Final = Reason(
    "IA-2.2/too-many",
    ID,
    "more instances of a type than a session may have",
    "keep to the fleet's `per_session`",
)

TOKEN_MALFORMED: Final = Reason(
    "IA-2.2/token-malformed", ID, "the bytes are not a signed token", "send the projected token as it is"
)
TOKEN_KEY: Final = Reason(
    "IA-2.2/token-key",
    ID,
    "no key of the cluster's key set is meant for such a token",
    "renew the key set, or find the forger",
)
TOKEN_SIGNATURE: Final = Reason(
    "IA-2.2/token-signature", ID, "the cluster did not sign this token", "find the forger"
)
TOKEN_CLAIMS: Final = Reason(
    "IA-2.2/token-claims",
    ID,
    "a claim is missing, of a wrong kind, or contradicts another",
    "use a projected service-account token",
)
TOKEN_ISSUER: Final = Reason(
    "IA-2.2/token-issuer", ID, "another cluster issued this token", "name the issuer in the fleet file"
)
TOKEN_AUDIENCE: Final = Reason(
    "IA-2.2/token-audience",
    ID,
    "the token was made for others, or for others too",
    "project a token with this audience alone",
)
TOKEN_PERIOD: Final = Reason(
    "IA-2.2/token-period", ID, "the token is not valid now", "read the projected file again"
)
TOKEN_LONG: Final = Reason(
    "IA-2.2/token-too-long",
    ID,
    "the token lives longer than the fleet allows",
    "project it with a shorter `expirationSeconds`",
)
TOKEN_POD: Final = Reason(
    "IA-2.2/token-not-pod-bound",
    ID,
    "the token belongs to no pod",
    "use a projected token, not a secret of the service account",
)
TOKEN_NODE: Final = Reason(
    "IA-2.2/token-node-bound", ID, "the token belongs to a node, not to a pod", "use the pod's own token"
)
TOKEN_ACCOUNT: Final = Reason(
    "IA-2.2/token-account",
    ID,
    "the service account stands for no agent type",
    "name it as `service_account` of one type",
)
TOKEN_TYPE: Final = Reason(
    "IA-2.2/token-type", ID, "the service account is another type's", "run the pod under its own account"
)
TOKEN_USED: Final = Reason(
    "IA-2.2/token-used", ID, "this pod serves a session already", "start a pod for each instance"
)
TOKEN_ENDED: Final = Reason("IA-2.2/token-pod-ended", ID, "this pod has ended", "find out who kept its token")
# In the order in which a token is looked at.
TOKEN_REASONS: Final = (
    TOKEN_MALFORMED, TOKEN_KEY, TOKEN_SIGNATURE, TOKEN_CLAIMS, TOKEN_ISSUER, TOKEN_AUDIENCE, TOKEN_PERIOD,
    TOKEN_LONG, TOKEN_POD, TOKEN_NODE, TOKEN_ACCOUNT, TOKEN_TYPE, TOKEN_USED, TOKEN_ENDED,
)  # fmt: skip

REASONS: Final = (MALFORMED, SIGNATURE, PERIOD, BINDING, TYPE, TWICE, CLOSED, HALTED, MANY, *TOKEN_REASONS)

_decode = msgspec.msgpack.Decoder(Credential, strict=True).decode


def _deny(reason: Reason, detail: str = "") -> Finding:
    return Finding(Outcome.DENY, reason, detail)


class Admission:
    """Verifies credentials; `members_of` builds the instances that a good one stands for."""

    __slots__ = ("_authority", "_master", "_rules", "_state")

    def __init__(self, rules: Rulebook, state: PlaneState, authority_key: bytes, master: bytes) -> None:
        self._rules = rules
        self._state = state
        self._authority = authority_key
        self._master = master

    def verify(self, data: bytes, now: int) -> Credential | Finding:
        """The credential, or why it is refused. One asymmetric operation."""
        try:
            credential = _decode(data)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return _deny(MALFORMED)
        session = self._state.sessions.get(credential.session)
        if self._state.stage and credential.session and session is None:
            return _deny(HALTED)
        if session is not None and session.closed:
            return _deny(CLOSED)
        if not signature_holds(
            self._authority, credential.signed_bytes(self._rules.sha256), credential.signature
        ):
            return _deny(SIGNATURE)
        if credential.serial in self._state.serials:
            return _deny(TWICE)
        if not credential.not_before <= now < credential.not_after:
            return _deny(PERIOD)
        for member in credential.members:
            refused = self._member(credential, member)
            if refused is not None:
                return refused
        return self._count(credential, session) or credential

    def _member(self, credential: Credential, member: Member) -> Finding | None:
        rules = self._rules.type_by_id.get(member.type_id)
        if rules is None:
            return _deny(TYPE)
        if rules.is_port != (credential.session == 0):
            return _deny(BINDING, rules.id)
        lifetime = credential.not_after - credential.not_before
        if rules.lifetime_ns_max and lifetime > rules.lifetime_ns_max:
            return _deny(PERIOD, rules.id)
        nhi = nhi_of(self._rules.sha256, member.type_id, credential.session, member.instance)
        key = derive_key(self._master, nhi, credential.serial)
        if nhi != member.nhi or commitment_of(key) != member.commitment:
            return _deny(BINDING, rules.id)
        if nhi in self._state.instances:
            return _deny(TWICE, rules.id)
        return None

    def _count(self, credential: Credential, session: Session | None) -> Finding | None:
        counts: dict[str, int] = {}
        if session is not None:
            for instance in session.instances:
                counts[instance.type.id] = counts.get(instance.type.id, 0) + 1
        names = set()
        for member in credential.members:
            if member.nhi in names:
                return _deny(TWICE, member.type_id)
            names.add(member.nhi)
            counts[member.type_id] = counts.get(member.type_id, 0) + 1
            rules = self._rules.type_by_id[member.type_id]
            if counts[member.type_id] > rules.per_session and not rules.is_port:
                return _deny(MANY, member.type_id)
        return None

    def key_of(self, instance: Instance, serial: int) -> bytes:
        return derive_key(self._master, instance.nhi, serial)
