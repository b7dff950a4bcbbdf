"""A cluster's token issuer for probes: pods' projected tokens as Kubernetes makes them, right and wrong.

It signs with ES256, the dearer of the two algorithms that clusters use, under keys derived from fixed
numbers: they protect nothing. The tokens go to the real verifier and the real enrolment.
"""

import base64
import json
from functools import cache
from typing import Any, Final

import jwt
import msgspec
from cryptography.hazmat.primitives.asymmetric import ec

from maso.clock import MINUTE, SECOND
from maso.fleet.model import Fleet, Identity

_KID: Final = "probe"
# Where a fleet declares no identity section, the cost of checking a token is measured with this one.
_STAND_IN: Final = Identity(
    issuer="https://issuer.invalid/probe", audience="maso", token_minutes_max=60, rotation_days=None
)


@cache
def _private(number: int) -> ec.EllipticCurvePrivateKey:
    return ec.derive_private_key(number, ec.SECP256R1())


def _jwk(number: int) -> dict[str, Any]:
    public: dict[str, Any] = jwt.get_algorithm_by_name("ES256").to_jwk(
        _private(number).public_key(), as_dict=True
    )
    public.pop("key_ops", None)
    return {**public, "kid": _KID, "use": "sig", "alg": "ES256"}


def key_set_bytes() -> bytes:
    """The JWKS that the cluster would publish."""
    return json.dumps({"keys": [_jwk(7)]}).encode()


def with_accounts(fleet: Fleet) -> Fleet:
    """The fleet with an identity section, and an account for each type that has none or shares one.

    A key set that the fleet pins is the real cluster's, so the pin is left out.
    """
    seen: dict[str, None] = {}
    types = []
    for number, agent in enumerate(fleet.types):
        account = agent.service_account
        if account is None or account in seen:
            account = f"probe/type-{number}"
        seen[account] = None
        types.append(msgspec.structs.replace(agent, service_account=account))
    identity = msgspec.structs.replace(fleet.identity or _STAND_IN, jwks_sha256=None)
    return msgspec.structs.replace(fleet, types=tuple(types), identity=identity)


def claims(fleet: Fleet, account: str, pod: str, now: int, **over: Any) -> dict[str, Any]:
    """What the token of a pod says; `over` replaces claims, None leaves one out."""
    assert fleet.identity is not None
    namespace, _, name = account.partition("/")
    seconds = now // SECOND
    whole: dict[str, Any] = {
        "aud": [fleet.identity.audience],
        "exp": seconds + fleet.identity.token_minutes_max * MINUTE // SECOND,
        "iat": seconds,
        "nbf": seconds,
        "iss": fleet.identity.issuer,
        "kubernetes.io": {
            "namespace": namespace,
            "node": {"name": "node-1", "uid": "5e1f0b6c-node"},
            "pod": {"name": f"{name}-{pod}", "uid": pod},
            "serviceaccount": {"name": name, "uid": f"sa-{name}"[:64]},
        },
        "sub": f"system:serviceaccount:{account.replace('/', ':')}",
    }
    whole.update(over)
    return {name: value for name, value in whole.items() if value is not None}


def token(whole: dict[str, Any], *, stranger: bool = False) -> bytes:
    """Signed by the cluster, or by somebody else under the same key id."""
    key = _private(8 if stranger else 7)
    return jwt.encode(whole, key, "ES256", headers={"kid": _KID}).encode()


def unsigned(whole: dict[str, Any], algorithm: str) -> bytes:
    """A token whose header names an algorithm that proves nothing."""
    parts = ({"alg": algorithm, "kid": _KID}, whole)
    encoded = [base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=") for part in parts]
    return b".".join((*encoded, b"AA"))
