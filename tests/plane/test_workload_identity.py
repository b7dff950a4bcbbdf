"""Service-account tokens as proof of an NHI: what a local issuer makes, and every way to make it wrong."""

import hashlib
import hmac
import json
from typing import Any

import jwt
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from maso.clock import MINUTE, SECOND
from maso.controls.nhi import REASONS, TOKEN_REASONS
from maso.controls.workload_identity import (
    TOKEN_BYTES_MAX,
    Enrolled,
    Enrolment,
    KeySetError,
    PodClaim,
    PodIdentity,
    WorkloadIdentity,
    key_set,
    pod_number,
)
from maso.envelope import Envelope, seal
from maso.fleet.rulebook import Rulebook
from maso.identity import nhi_of
from maso.plane.effects import Admitted
from maso.plane.events import Admit, CloseSession, Revoke
from maso.verdict import Finding
from tests.plane import issuer
from tests.plane.issuer import NOW, claims, fleet, part, token
from tests.plane.small import Rig, names, reasons

RULES = Rulebook(fleet())
IDENTITY = RULES.fleet.identity
assert IDENTITY is not None
VERIFIER = WorkloadIdentity(RULES, key_set(issuer.jwks(), IDENTITY))
BOUND = claims()["kubernetes.io"]


def code(data: bytes, now: int = NOW) -> str:
    found = VERIFIER.verify(data, now)
    if isinstance(found, Finding):
        assert found.detail in ("", "8192", "60 minutes at most")
        return found.reason.code.removeprefix("IA-2.2/token-")
    assert isinstance(found, PodIdentity)
    return ""


@pytest.mark.parametrize("kid", ["rs", "es", "es384", "ed"])
def test_a_projected_token_proves_its_pod_and_type(kid: str) -> None:
    found = VERIFIER.verify(token(kid=kid), NOW)
    assert found == PodIdentity("cart", "pod-1", "uid-cart", NOW + 60 * MINUTE)


def test_one_audience_may_be_text() -> None:
    assert code(token(claims(aud="maso"))) == ""


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"aud": ["sts.amazonaws.com"]}, "audience"),
    ({"aud": ["maso", "vault"]}, "audience"),
    ({"aud": []}, "audience"),
    ({"aud": None}, "claims"),
    ({"iss": "https://oidc.cluster.example/id/other"}, "issuer"),
    ({"iss": issuer.ISSUER + "/"}, "issuer"),
    ({"iss": None}, "claims"),
    ({"exp": None}, "claims"),
    ({"nbf": None}, "claims"),
    ({"iat": None}, "claims"),
    ({"exp": 1e300}, "claims"),
    ({"exp": -1}, "claims"),
    ({"exp": str(NOW // SECOND + 60)}, "claims"),
    ({"exp": True}, "claims"),
    ({"exp": NOW // SECOND}, "period"),
    ({"nbf": NOW // SECOND + 1}, "period"),
    ({"iat": NOW // SECOND + 1}, "period"),
    ({"exp": NOW // SECOND + 3601}, "too-long"),
    ({"exp": NOW // SECOND + 365 * 86_400}, "too-long"),
    ({"kubernetes.io": None}, "claims"),
    ({"kubernetes.io": {k: v for k, v in BOUND.items() if k not in ("pod", "node")}}, "not-pod-bound"),
    ({"kubernetes.io": {k: v for k, v in BOUND.items() if k != "pod"}}, "node-bound"),
    ({"kubernetes.io": {**BOUND, "pod": {"name": "x"}}}, "claims"),
    ({"kubernetes.io": {**BOUND, "pod": {"name": "x", "uid": ""}}}, "claims"),
    ({"kubernetes.io": {**BOUND, "pod": {"name": "x", "uid": "a/b"}}}, "claims"),
    ({"kubernetes.io": {**BOUND, "namespace": "other"}}, "claims"),
    ({"sub": "system:serviceaccount:agents:payment"}, "claims"),
    ({"sub": "system:node:node-7"}, "claims"),
]


@pytest.mark.parametrize(("over", "why"), WRONG, ids=[f"{w}-{i}" for i, (_, w) in enumerate(WRONG)])
def test_a_wrong_claim_is_refused(over: dict[str, Any], why: str) -> None:
    assert code(token(claims(**over))) == why


def test_another_namespace_or_an_unknown_account_stands_for_nothing() -> None:
    for namespace, name in (("other", "cart"), ("agents", "default"), ("agents", "cart.x")):
        bound = {**BOUND, "namespace": namespace, "serviceaccount": {"name": name, "uid": "u"}}
        whole = claims(**{"kubernetes.io": bound, "sub": f"system:serviceaccount:{namespace}:{name}"})  # type: ignore[arg-type]
        assert code(token(whole)) == "account"


def test_the_instants_at_the_boundary() -> None:
    made = token()
    assert code(made, NOW - 1) == "period"
    assert code(made, NOW) == ""
    assert code(made, NOW + 60 * MINUTE - 1) == ""
    assert code(made, NOW + 60 * MINUTE) == "period"


def _raw(header: Any, body: Any, signature: bytes = b"x") -> bytes:
    return b".".join((part(header), part(body), part(signature)))


def test_no_algorithm_that_anybody_could_sign_with() -> None:
    for alg in ("none", "None", "NONE", "HS256", "HS384", "PS256", "RS512", "", "rs256"):
        assert code(_raw({"alg": alg, "kid": "rs"}, claims())) == "key", alg
    unsigned = b".".join((part({"alg": "none", "kid": "rs"}), part(claims()), b""))
    assert code(unsigned) == "malformed"


def test_hmac_with_a_public_key_is_refused() -> None:
    public = json.dumps(issuer.jwk("rs")).encode()
    signed = b".".join((part({"alg": "HS256", "kid": "rs", "typ": "JWT"}), part(claims())))
    mac = hmac.new(public, signed, hashlib.sha256).digest()
    assert code(b".".join((signed, part(mac)))) == "key"


def test_keys_that_are_not_listed_or_are_another_algorithms() -> None:
    assert code(token(kid="stranger")) == "key"
    assert code(_raw({}, claims())) == "malformed"
    assert code(_raw({"alg": "RS256", "kid": "small"}, claims())) == "key", "1024 bits can be broken"
    assert code(_raw({"alg": "RS256", "kid": "es"}, claims())) == "key"
    assert code(_raw({"alg": "RS256"}, claims())) == "malformed"


def test_a_strangers_signature_under_a_listed_kid() -> None:
    made = jwt.encode(claims(), issuer.keys()["stranger"], "RS256", headers={"kid": "rs"}).encode()
    assert code(made) == "signature"


@pytest.mark.parametrize("extra", [{"jwk": {}}, {"jku": "https://x.example"}, {"x5c": []}, {"crit": ["b64"]}])
def test_a_header_that_brings_its_own_key_is_refused(extra: dict[str, Any]) -> None:
    assert code(token(**extra)) == "malformed"


def test_altered_anywhere_is_refused() -> None:
    made = token(kid="es")
    for at in range(0, len(made), 7):
        changed = bytearray(made)
        changed[at] = ord("A") if changed[at] != ord("A") else ord("B")
        # The last character of base64 may hold bits that no byte is made of.
        assert code(bytes(changed)) or at == len(made) - 1
    head, body, signature = made.split(b".")
    other = part(claims("payment"))
    assert code(b".".join((head, other, signature))) == "signature"
    assert body != other


@pytest.mark.parametrize(
    "data",
    [
        b"", b".", b"..", b"a.b", b"a.b.c.d", b"Bearer " + b"a.b.c", token() + b"\n", b" " + token(),
        token() + b"=", token().replace(b".", b".\n", 1), "\u202e.\u202e.\u202e".encode(), b"\x00.\x00.\x00",
        b"A" * (TOKEN_BYTES_MAX + 1), token() + b"A" * TOKEN_BYTES_MAX, b"W" * 4000 + b".W.W",
        part(b"[" * 3000) + b".W.W", part(b"\xff\xfe") + b".W.W",
    ],
)  # fmt: skip
def test_garbage_is_refused(data: bytes) -> None:
    assert code(data) == "malformed"


@given(st.binary(max_size=300))
def test_any_bytes_are_refused(data: bytes) -> None:
    assert isinstance(VERIFIER.verify(data, NOW), Finding)


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.text(max_size=8), st.lists, max_leaves=4))
def test_any_signed_claims_are_refused_or_right(value: Any) -> None:
    for name in ("aud", "exp", "kubernetes.io", "sub"):
        made = token(claims(**{name: value}), kid="ed")
        assert code(made) in ("claims", "period", "too-long", "audience") or value in ("maso", ["maso"])


# The key set.


def test_a_key_set_is_read_strictly() -> None:
    assert sorted(key_set(issuer.jwks(), IDENTITY)) == ["ed", "es", "es384", "rs"]  # type: ignore[arg-type]
    secret = issuer.jwk("rs") | {"d": "AQAB"}
    rs, es = issuer.jwk("rs"), issuer.jwk("es")
    for keys, words in (
        ([rs, rs], "`kid` of its own"),
        ([{k: v for k, v in rs.items() if k != "kid"}], "`kid` of its own"),
        ([rs, secret], "holds a secret"),
        ([rs, {"kty": "oct", "k": "AAAA", "kid": "h"}], "holds a secret"),
        ([issuer.jwk("small")], "no key of the set"),
        ([rs | {"use": "enc"}], "no key of the set"),
        ([rs | {"alg": "RS512"}, es | {"alg": "HS256"}], "no key of the set"),
        ([rs | {"n": "!!"}], "cannot be read"),
        ([], "no key of the set"),
    ):
        with pytest.raises(KeySetError, match=words):
            key_set(json.dumps({"keys": keys}).encode(), IDENTITY)  # type: ignore[arg-type]
    for data in (b"", b"[]", b"{}", b'{"keys": {}}', b"\xff", b"[" * 20_000, b" " * 70_000):
        with pytest.raises(KeySetError):
            key_set(data, IDENTITY)  # type: ignore[arg-type]


def test_a_pinned_key_set_must_be_that_one() -> None:
    data = issuer.jwks("rs")
    pinned = msgspec.structs.replace(IDENTITY, jwks_sha256=hashlib.sha256(data).hexdigest())  # type: ignore[type-var]
    assert list(key_set(data, pinned)) == ["rs"]  # type: ignore[arg-type]
    with pytest.raises(KeySetError, match="jwks_sha256"):
        key_set(issuer.jwks("es"), pinned)  # type: ignore[arg-type]


def test_an_account_of_two_types_proves_neither() -> None:
    whole = fleet()
    shared = tuple(msgspec.structs.replace(t, service_account="agents/cart") for t in whole.types)
    rules = Rulebook(msgspec.structs.replace(whole, types=shared))
    found = WorkloadIdentity(rules, key_set(issuer.jwks(), IDENTITY)).verify(token(), NOW)  # type: ignore[arg-type]
    assert isinstance(found, Finding)
    assert found.reason.code == "IA-2.2/token-account"


def test_a_fleet_that_declares_nothing_has_no_verifier() -> None:
    with pytest.raises(ValueError, match="`identity`"):
        WorkloadIdentity(Rulebook(fleet(identity=None)), {})


# Enrolment: tokens to a credential, on a real plane.


class Pods(Rig):
    """A rig whose sessions are enrolled with tokens."""

    def __init__(self) -> None:
        super().__init__(fleet())
        self.now = NOW
        self.enrolment = Enrolment(self.rules, VERIFIER, self.authority)

    def enrol(self, session: int, *pods: tuple[str, str], as_type: str = "") -> Enrolled | Finding:
        asked = [PodClaim(as_type or t, token(claims(t, pod))) for t, pod in pods]
        return self.enrolment.enrol(session, asked, self.now)

    def why(self, session: int, *pods: tuple[str, str], as_type: str = "") -> str:
        found = self.enrol(session, *pods, as_type=as_type)
        return found.reason.code.removeprefix("IA-2.2/token-") if isinstance(found, Finding) else ""

    def start(self, session: int, *pods: tuple[str, str]) -> tuple[int, ...]:
        found = self.enrol(session, *pods)
        assert isinstance(found, Enrolled), found
        (effect,) = self.plane.handle(Admit(found.credential), self.now)
        assert isinstance(effect, Admitted), effect
        self.key.update(found.keys)
        return effect.nhis


def test_pods_become_instances_and_speak() -> None:
    rig = Pods()
    advisor, cart = rig.start(7, ("advisor", "pod-a"), ("cart", "pod-b"))
    assert names(rig.send(advisor, cart, {"text": "the blue one"})) == ("Deliver",)
    assert cart == nhi_of(rig.rules.sha256, "cart", 7, pod_number(rig.rules.sha256, "pod-b"))
    lives = rig.plane.state.instances[cart]
    assert (lives.not_before, lives.not_after) == (NOW, NOW + lives.type.lifetime_ns_max)


def test_a_pod_serves_one_session_once() -> None:
    rig = Pods()
    rig.start(7, ("cart", "pod-b"))
    assert rig.why(8, ("cart", "pod-b")) == "used"
    assert rig.why(7, ("cart", "pod-b")) == "used"
    assert rig.why(9, ("advisor", "pod-c"), ("advisor", "pod-c")) == "used"
    rig.plane.handle(CloseSession(7), rig.now)
    assert rig.why(8, ("cart", "pod-b")) == "used", "the pod is still there, and may have kept what it saw"


def test_a_token_of_another_type_or_one_bad_token_enrols_nobody() -> None:
    rig = Pods()
    assert rig.why(7, ("payment", "pod-p"), as_type="cart") == "type"
    bad = PodClaim("cart", token(claims(aud="other")))
    found = rig.enrolment.enrol(7, [PodClaim("advisor", token(claims("advisor", "pod-a"))), bad], rig.now)
    assert isinstance(found, Finding)
    assert len(rig.enrolment) == 0
    assert rig.why(7, ("advisor", "pod-a")) == ""
    for session, pods in ((0, [bad]), (-1, [bad]), (3, [])):
        assert isinstance(rig.enrolment.enrol(session, pods, rig.now), Finding)


def test_when_a_pod_ends_its_nhi_and_its_tokens_die() -> None:
    rig = Pods()
    advisor, cart = rig.start(7, ("advisor", "pod-a"), ("cart", "pod-b"))
    assert rig.enrolment.ended("pod-a", rig.now) == advisor
    rig.plane.handle(Revoke(advisor), rig.now)
    gone = Envelope(1, advisor, cart, 7, 9, 1, 0, 1, 0, (), (), b'{"text":"x"}', b"")
    effects = rig.plane.arrive(1, seal(gone, rig.key[advisor]), rig.now)
    assert reasons(effects) == ("IA-2.1/unknown-sender",)
    assert rig.why(8, ("advisor", "pod-a")) == "pod-ended"
    assert rig.enrolment.ended("never-seen", rig.now) == 0
    assert rig.why(8, ("advisor", "never-seen")) == "pod-ended"


def test_ended_pods_are_forgotten_when_no_token_of_theirs_can_be_valid() -> None:
    rig = Pods()
    rig.start(7, ("cart", "pod-b"))
    rig.enrolment.ended("pod-b", rig.now)
    rig.now += 60 * MINUTE - 1
    assert rig.why(8, ("cart", "pod-b")) == "pod-ended"
    assert len(rig.enrolment) == 1
    rig.now += 1
    assert rig.why(8, ("cart", "pod-b")) == "period", (
        "remembered as long as a token could live, and no longer"
    )
    assert len(rig.enrolment) == 0


def test_after_an_interrupted_watch_pods_that_are_gone_are_revoked() -> None:
    rig = Pods()
    advisor, _ = rig.start(7, ("advisor", "pod-a"), ("cart", "pod-b"))
    assert rig.enrolment.still_there({"pod-b"}, rig.now) == (advisor,)
    assert rig.enrolment.still_there({"pod-b"}, rig.now) == ()


def test_no_text_of_a_token_is_recorded_or_told() -> None:
    rig = Pods()
    stray = "4111-1111-1111-1111"
    rig.start(7, ("cart", "pod-b"))
    found = rig.enrol(8, ("cart", "pod-b"))
    assert isinstance(found, Finding)
    assert found.detail == "cart"
    bound = {**BOUND, "serviceaccount": {"name": stray, "uid": stray}}
    for over in ({"kubernetes.io": bound}, {"iss": stray}, {"sub": stray}):
        refused = VERIFIER.verify(token(claims(**over)), NOW)
        assert stray not in repr(refused)
    records = repr(rig.log.records())
    assert "pod-b" not in records
    assert token().decode()[:20] not in records


def test_every_reason_of_a_token_is_the_catalogues() -> None:
    assert set(TOKEN_REASONS) <= set(REASONS)
    assert len({r.code for r in REASONS}) == len(REASONS)
