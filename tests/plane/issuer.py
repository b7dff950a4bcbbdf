"""A cluster's token issuer, local: service-account tokens as Kubernetes makes them, and wrong ones."""

import base64
import json
from functools import cache
from typing import Any

import jwt
import msgspec
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from maso.clock import SECOND
from maso.fleet.model import Fleet
from tests.plane.small import SMALL

ISSUER = "https://oidc.cluster.example/id/small"
AUDIENCE = "maso"
NOW = 1_700_000_000 * SECOND
ACCOUNTS = {"advisor": "agents/advisor", "cart": "agents/cart", "payment": "agents/payment"}
IDENTITY = {"issuer": ISSUER, "audience": AUDIENCE, "token_minutes_max": 60, "rotation_days": 30}


def fleet(**over: Any) -> Fleet:
    types = [{**t, "service_account": ACCOUNTS[t["id"]]} for t in SMALL["types"]]
    return msgspec.convert({**SMALL, "types": types, "identity": IDENTITY, **over}, Fleet)


@cache
def keys() -> dict[str, Any]:
    """Private keys by `kid`; `small` is too short to be used."""
    return {
        "rs": rsa.generate_private_key(65537, 2048),
        "es": ec.generate_private_key(ec.SECP256R1()),
        "es384": ec.generate_private_key(ec.SECP384R1()),
        "ed": ed25519.Ed25519PrivateKey.generate(),
        "small": rsa.generate_private_key(65537, 1024),
        "stranger": rsa.generate_private_key(65537, 2048),
    }


ALGORITHM = {"rs": "RS256", "es": "ES256", "es384": "ES384", "ed": "EdDSA", "small": "RS256"}


def jwk(kid: str) -> dict[str, Any]:
    algorithm = jwt.get_algorithm_by_name(ALGORITHM[kid])
    public = algorithm.to_jwk(keys()[kid].public_key(), as_dict=True)
    public.pop("key_ops", None)
    return {**public, "kid": kid, "use": "sig", "alg": ALGORITHM[kid]}


def jwks(*kids: str) -> bytes:
    return json.dumps({"keys": [jwk(kid) for kid in kids or ("rs", "es", "es384", "ed", "small")]}).encode()


def claims(type_id: str = "cart", pod: str = "pod-1", **over: Any) -> dict[str, Any]:
    """The claims of a pod's projected token, an hour long, issued at `NOW`; None leaves a claim out."""
    namespace, _, name = ACCOUNTS[type_id].partition("/")
    seconds = NOW // SECOND
    whole: dict[str, Any] = {
        "aud": [AUDIENCE],
        "exp": seconds + 3600,
        "iat": seconds,
        "nbf": seconds,
        "iss": ISSUER,
        "jti": "0b1c",
        "kubernetes.io": {
            "namespace": namespace,
            "node": {"name": "node-7", "uid": "node-uid"},
            "pod": {"name": f"{name}-x", "uid": pod},
            "serviceaccount": {"name": name, "uid": f"uid-{name}"},
            "warnafter": seconds + 3000,
        },
        "sub": f"system:serviceaccount:{namespace}:{name}",
    }
    whole.update(over)
    return {name: value for name, value in whole.items() if value is not None}


def token(whole: dict[str, Any] | None = None, kid: str = "rs", **header: Any) -> bytes:
    """Signed by the key `kid`, as `pyjwt` signs; header fields as given."""
    algorithm = header.pop("alg", ALGORITHM.get(kid, "RS256"))
    made = jwt.encode(
        claims() if whole is None else whole, keys()[kid], algorithm, headers={"kid": kid, **header}
    )
    return made.encode()


def part(value: Any) -> bytes:
    raw = value if isinstance(value, bytes) else json.dumps(value).encode()
    return base64.urlsafe_b64encode(raw).rstrip(b"=")
