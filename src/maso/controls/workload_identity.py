"""Which pod an NHI belongs to: Kubernetes service-account tokens as proof, and credentials made from them.

A projected token is a JWT that the cluster's issuer signs for one pod and one audience. `WorkloadIdentity`
checks it against the issuer's key set: a signature by a listed key with that key's own algorithm (asymmetric
ones only), this issuer, this audience and no other, valid at `now`, no longer than the fleet allows, bound to
a pod, of the service account of one agent type. PyJWT verifies the signature; every claim is checked here,
since the library reads the clock by itself and this code gets `now` as an argument.

`Enrolment` is the authority's side: it turns the tokens of a session's pods into one `Credential`. The
instance number of an NHI is derived from the pod's uid, so an NHI is derived from pod, type and session. A
pod serves one session once; after it ended its tokens prove nothing. Which session a pod is for is told by
the platform's session router, never by the pod.

Not handled: whether the kubelet gave the token to the right container, whether the node is sound, and what
the cloud's own roles permit. The token is proof at enrolment; what ends later is the credential. No text of
a token reaches a finding: a detail names an agent type or a number.
"""

import hashlib
import re
from collections import OrderedDict
from collections.abc import Collection, Mapping, Sequence
from typing import Annotated, Final, NamedTuple

import jwt
import msgspec
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, SECP384R1, EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from jwt.api_jws import PyJWS

from maso.clock import MINUTE, SECOND
from maso.controls import nhi as reasons
from maso.fleet.model import Identity
from maso.fleet.rulebook import Rulebook
from maso.identity import Authority, Credential
from maso.verdict import Finding, Outcome, Reason

# Kubernetes issuers sign with RS256, or ES256 where the cluster was set up so; the rest is for other issuers.
ALGORITHMS: Final = ("RS256", "ES256", "ES384", "EdDSA")
# A projected token has 1 to 2 KB; a header line of a web server holds 8.
TOKEN_BYTES_MAX: Final = 8192
# Kubernetes publishes a handful of keys of half a KB.
KEY_SET_BYTES_MAX: Final = 64 * 1024
# Below 2048 bits a key can be broken (NIST SP 800-131A); above 8192 a check takes milliseconds.
RSA_BITS: Final = (2048, 8192)
# The issuer's clock and ours are both set by the network; who is too early asks again.
LEEWAY_NS: Final = 0
# 40 bits: a chance collision within a session makes an admission fail, and a card number does not fit.
POD_NUMBER_BYTES: Final = 5

_SHAPE: Final = re.compile(rb"[A-Za-z0-9_\-]+\.[A-Za-z0-9_\-]+\.[A-Za-z0-9_\-]+")
_UID: Final = re.compile(r"[A-Za-z0-9\-]{1,64}")
_EC_ALGORITHMS: Final = ((SECP256R1, "ES256"), (SECP384R1, "ES384"))

# Until the year 2242; in nanoseconds that still fits 63 bits.
_Seconds = Annotated[int, msgspec.Meta(ge=0, lt=1 << 33)]


class _Header(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What may stand in a header: a key given or linked there (`jwk`, `jku`, `x5c`) is a refusal."""

    alg: str
    kid: str
    typ: str = "JWT"


class _Named(msgspec.Struct, frozen=True):
    name: str
    uid: str


class _Bound(msgspec.Struct, frozen=True):
    """The claim `kubernetes.io`. Newer clusters name the node beside the pod; a node alone is no pod."""

    namespace: str
    serviceaccount: _Named
    pod: _Named | None = None
    node: _Named | None = None


class _Claims(msgspec.Struct, frozen=True):
    iss: str
    sub: str
    aud: tuple[str, ...] | str
    exp: _Seconds
    nbf: _Seconds
    iat: _Seconds
    bound: _Bound = msgspec.field(name="kubernetes.io")


class _KeySet(msgspec.Struct, frozen=True):
    keys: tuple[dict[str, object], ...]


_decode_keys = msgspec.json.Decoder(_KeySet, strict=True).decode
_decode_header = msgspec.json.Decoder(_Header, strict=True).decode
_decode_claims = msgspec.json.Decoder(_Claims, strict=True).decode
_jws = PyJWS(algorithms=list(ALGORITHMS))
_encode = msgspec.msgpack.Encoder().encode


class KeySetError(ValueError):
    """A key set cannot be used; the text says why and holds nothing of it."""


class PodIdentity(NamedTuple):
    """What a token proves: a pod, and through its service account the agent type that runs in it."""

    type_id: str
    pod_uid: str
    account_uid: str
    not_after: int


class PodClaim(NamedTuple):
    """A pod asks to be an instance of `type_id`."""

    type_id: str
    token: bytes


class Enrolled(NamedTuple):
    """A credential for `Admit` (msgpack), and the MAC key of each NHI, for its pod alone."""

    credential: bytes
    keys: dict[int, bytes]


def _deny(reason: Reason, detail: str = "") -> Finding:
    return Finding(Outcome.DENY, reason, detail)


def key_set(data: bytes, identity: Identity) -> Mapping[str, jwt.PyJWK]:
    """The cluster's public keys by `kid`, from the bytes of its JWKS. Raises KeySetError.

    A set with a secret in it (a symmetric key, a private part) is refused whole; kinds of key that no token
    may be signed with here are left out.
    """
    if len(data) > KEY_SET_BYTES_MAX:
        raise KeySetError(f"the key set has more than {KEY_SET_BYTES_MAX} bytes")
    if identity.jwks_sha256 is not None and hashlib.sha256(data).hexdigest() != identity.jwks_sha256:
        raise KeySetError("the key set is not the one that `identity.jwks_sha256` names")
    try:
        listed = _decode_keys(data).keys
    except (msgspec.DecodeError, ValueError, RecursionError):
        raise KeySetError("the bytes are no JSON object with a list of `keys`") from None
    found: dict[str, jwt.PyJWK] = {}
    for entry in listed:
        kid, key = entry.get("kid"), _key(entry)
        if key is None:
            continue
        if not isinstance(kid, str) or not 0 < len(kid) <= 256 or kid in found:
            raise KeySetError("a key has no `kid` of its own")
        found[kid] = key
    if not found:
        raise KeySetError("no key of the set may sign a token here: " + ", ".join(ALGORITHMS))
    return found


def _key(entry: dict[str, object]) -> jwt.PyJWK | None:
    if entry.get("kty") == "oct" or "d" in entry:
        raise KeySetError("the key set holds a secret; publish public keys only, and replace this one")
    if entry.get("kty") not in ("RSA", "EC", "OKP") or entry.get("use", "sig") != "sig":
        return None
    try:
        bare = {name: value for name, value in entry.items() if name != "alg"}
        public = jwt.PyJWK(bare).key
        algorithm = _algorithm(public)
        if algorithm is None or entry.get("alg", algorithm) != algorithm:
            return None
        return jwt.PyJWK(bare, algorithm=algorithm)
    except (jwt.PyJWTError, ValueError, TypeError, KeyError):
        raise KeySetError("a key of the set cannot be read") from None


def _algorithm(key: object) -> str | None:
    """The one algorithm that a key may be used with here."""
    if isinstance(key, RSAPublicKey):
        return "RS256" if RSA_BITS[0] <= key.key_size <= RSA_BITS[1] else None
    if isinstance(key, EllipticCurvePublicKey):
        return next((name for curve, name in _EC_ALGORITHMS if isinstance(key.curve, curve)), None)
    return "EdDSA" if isinstance(key, Ed25519PublicKey) else None


class WorkloadIdentity:
    """Verifies tokens. `verify` raises nothing for bad input: bad input is refused."""

    __slots__ = ("_accounts", "_identity", "_keys", "_lifetime_ns_max")

    def __init__(self, rules: Rulebook, keys: Mapping[str, jwt.PyJWK]) -> None:
        """Raises ValueError for a fleet without an `identity` section."""
        identity = rules.fleet.identity
        if identity is None:
            raise ValueError("the fleet file has no section `identity`")
        self._identity = identity
        self._keys = dict(keys)
        self._lifetime_ns_max = identity.token_minutes_max * MINUTE
        self._accounts: dict[str, str] = {}
        for agent in rules.fleet.types:
            if agent.service_account is not None:
                # The loader refuses a shared account; a fleet that was not loaded proves nothing by one.
                shared = agent.service_account in self._accounts
                self._accounts[agent.service_account] = "" if shared else agent.id

    def verify(self, token: bytes, now: int) -> PodIdentity | Finding:
        """What the token proves at `now`, or why it is refused."""
        if len(token) > TOKEN_BYTES_MAX:
            return _deny(reasons.TOKEN_MALFORMED, str(TOKEN_BYTES_MAX))
        claims = self._signed(token)
        if isinstance(claims, Finding):
            return claims
        return self._period(claims, now) or self._bound(claims)

    def _signed(self, token: bytes) -> _Claims | Finding:
        """The claims of a token that a listed key signed, for us."""
        if _SHAPE.fullmatch(token) is None:
            return _deny(reasons.TOKEN_MALFORMED)
        try:
            header = _decode_header(jwt.utils.base64url_decode(token.partition(b".")[0]))
        except (msgspec.DecodeError, ValueError, RecursionError):
            return _deny(reasons.TOKEN_MALFORMED)
        key = self._keys.get(header.kid)
        if key is None:
            return _deny(reasons.TOKEN_KEY)
        if header.alg != key.algorithm_name or header.typ != "JWT":
            return _deny(reasons.TOKEN_KEY)
        try:
            payload = _jws.decode_complete(token, key, algorithms=[header.alg])["payload"]
        except jwt.PyJWTError:
            return _deny(reasons.TOKEN_SIGNATURE)
        except Exception:  # fail closed, whatever the library met: invariant 1
            return _deny(reasons.TOKEN_MALFORMED)
        try:
            claims = _decode_claims(payload)
        except (msgspec.DecodeError, ValueError, RecursionError):
            return _deny(reasons.TOKEN_CLAIMS)
        identity = self._identity
        if claims.iss != identity.issuer:
            return _deny(reasons.TOKEN_ISSUER)
        if claims.aud not in (identity.audience, (identity.audience,)):
            return _deny(reasons.TOKEN_AUDIENCE)
        return claims

    def _period(self, claims: _Claims, now: int) -> Finding | None:
        issued, starts, ends = claims.iat * SECOND, claims.nbf * SECOND, claims.exp * SECOND
        if not max(issued, starts) - LEEWAY_NS <= now < ends + LEEWAY_NS:
            return _deny(reasons.TOKEN_PERIOD)
        if ends - issued > self._lifetime_ns_max:
            return _deny(reasons.TOKEN_LONG, f"{self._identity.token_minutes_max} minutes at most")
        return None

    def _bound(self, claims: _Claims) -> PodIdentity | Finding:
        bound = claims.bound
        if bound.pod is None:
            return _deny(reasons.TOKEN_NODE if bound.node is not None else reasons.TOKEN_POD)
        account = bound.serviceaccount
        if claims.sub != f"system:serviceaccount:{bound.namespace}:{account.name}":
            return _deny(reasons.TOKEN_CLAIMS)
        if _UID.fullmatch(bound.pod.uid) is None or _UID.fullmatch(account.uid) is None:
            return _deny(reasons.TOKEN_CLAIMS)
        type_id = self._accounts.get(f"{bound.namespace}/{account.name}")
        if not type_id:
            return _deny(reasons.TOKEN_ACCOUNT)
        return PodIdentity(type_id, bound.pod.uid, account.uid, claims.exp * SECOND)


def pod_number(fleet_sha256: bytes, pod_uid: str) -> int:
    """The instance number of a pod, at least 1: with type and session it makes the NHI."""
    digest = hashlib.blake2b(pod_uid.encode(), digest_size=POD_NUMBER_BYTES, key=fleet_sha256).digest()
    return int.from_bytes(digest, "big") or 1


class Enrolment:
    """Makes credentials of pods, and remembers which pods were used. The authority's, not the plane's.

    Remembered: each pod until it ended, and then as long as a token of it could still be valid.
    """

    __slots__ = ("_authority", "_ended", "_living", "_rules", "_token_ns_max", "_verifier")

    def __init__(self, rules: Rulebook, verifier: WorkloadIdentity, authority: Authority) -> None:
        assert rules.fleet.identity is not None  # or there were no verifier
        self._rules = rules
        self._verifier = verifier
        self._authority = authority
        self._token_ns_max = rules.fleet.identity.token_minutes_max * MINUTE
        self._living: dict[str, int] = {}  # pod uid -> NHI
        self._ended: OrderedDict[str, int] = OrderedDict()  # pod uid -> when it may be forgotten

    def __len__(self) -> int:
        """Pods remembered."""
        return len(self._living) + len(self._ended)

    def enrol(self, session: int, pods: Sequence[PodClaim], now: int) -> Enrolled | Finding:
        """One credential for all the pods of a session, or none. Sessions count from 1."""
        self._forget(now)
        if session < 1 or not pods:
            return _deny(reasons.BINDING)
        proven: list[PodIdentity] = []
        for pod in pods:
            identity = self._verifier.verify(pod.token, now)
            if isinstance(identity, Finding):
                return identity
            if identity.type_id != pod.type_id:
                return _deny(reasons.TOKEN_TYPE, identity.type_id)
            uid = identity.pod_uid
            if uid in self._living or any(uid == other.pod_uid for other in proven):
                return _deny(reasons.TOKEN_USED, identity.type_id)
            if uid in self._ended:
                return _deny(reasons.TOKEN_ENDED, identity.type_id)
            proven.append(identity)
        return self._issued(session, proven, now)

    def _issued(self, session: int, proven: Sequence[PodIdentity], now: int) -> Enrolled:
        types = [self._rules.type_by_id[identity.type_id] for identity in proven]
        sha256 = self._rules.sha256
        members = tuple(
            (rules.id, pod_number(sha256, identity.pod_uid), bool(rules.delegates))
            for rules, identity in zip(types, proven, strict=True)
        )
        not_after = now + min(rules.lifetime_ns_max for rules in types)
        credential, keys = self._authority.issue(session, members, now, not_after)
        for identity, member in zip(proven, credential.members, strict=True):
            self._living[identity.pod_uid] = member.nhi
        return Enrolled(encode_credential(credential), keys)

    def ended(self, pod_uid: str, now: int) -> int:
        """A pod is gone: the NHI to revoke, or 0. Its tokens are refused from now on, used or not."""
        self._ended[pod_uid] = now + self._token_ns_max
        self._ended.move_to_end(pod_uid)
        return self._living.pop(pod_uid, 0)

    def still_there(self, pod_uids: Collection[str], now: int) -> tuple[int, ...]:
        """After the watch on pods was interrupted: NHIs to revoke of those that are no longer listed."""
        gone = [uid for uid in self._living if uid not in pod_uids]
        return tuple(self.ended(uid, now) for uid in gone)

    def _forget(self, now: int) -> None:
        while self._ended:
            oldest = next(iter(self._ended))
            if self._ended[oldest] > now:
                return
            del self._ended[oldest]


def encode_credential(credential: Credential) -> bytes:
    """The bytes that `Admit` takes."""
    return _encode(credential)
