"""Which tokens the enrolment takes, by trying: a right one of every type, and each way of not being a pod.

A right token must become a live instance on a real plane; whatever is not bound to one pod of the declared
account, not ours, not of now, or used before, must not. The counts are the answer.
"""

from collections.abc import Iterator
from typing import Any

from maso.clock import SECOND
from maso.controls.workload_identity import Enrolled, Enrolment, PodClaim, WorkloadIdentity, key_set
from maso.fleet.model import AgentType, Fleet
from maso.fleet.rulebook import Rulebook
from maso.plane.effects import Admitted
from maso.plane.events import Admit, Revoke
from maso.stress.dimension import Outcome, Trial
from maso.stress.probes import identity_issuer as issuer
from maso.stress.probes.identity_stage import Stage, spread
from maso.verdict import Finding

# 2026: any instant at which a token may be valid.
_NOW = 1_780_000_000 * SECOND
_TYPES_TRIED = 40
_YEAR_SECONDS = 365 * 86_400

Wrong = tuple[str, bytes]  # what is wrong with it, the token


def pods(trial: Trial) -> Outcome:
    """Values: wrong tokens accepted, right ones refused, types without an account, pods accepted twice."""
    declared = trial.fleet
    without = sorted(agent.id for agent in declared.types if agent.service_account is None)
    fleet = issuer.with_accounts(declared)
    stage = Stage(fleet, trial.seed)
    stage.now = _NOW
    enrolment = _enrolment(stage)
    tried = accepted = refused_right = 0
    kinds: dict[str, list[int]] = {}
    stopped: dict[str, str] = {}
    for number in spread(len(fleet.types), _TYPES_TRIED):
        agent = fleet.types[number]
        for what, token in _wrong_tokens(fleet, agent):
            found = enrolment.enrol(1, [PodClaim(agent.id, token)], _NOW)
            row = kinds.setdefault(what, [0, 0])
            row[0] += 1
            row[1] += not isinstance(found, Finding)
            tried += 1
            accepted += not isinstance(found, Finding)
            if isinstance(found, Finding):
                stopped[what] = found.reason.code
        refused_right += not _joins(stage, enrolment, agent, number)
    reused = _reuse(stage, enrolment, fleet)
    rows = [[what, str(n), str(hits), stopped.get(what, "")] for what, (n, hits) in kinds.items()]
    return Outcome(
        values={
            "wrong_tokens_accepted": accepted,
            "right_tokens_refused": refused_right,
            "types_without_account": len(without),
            "pods_used_twice": reused,
        },
        details={
            "tokens": rows,
            "tokens_total": len(rows),
            "tokens_tried": tried,
            "types_without_account": without[:20],
        },
    )


def _enrolment(stage: Stage) -> Enrolment:
    assert stage.fleet.identity is not None
    keys = key_set(issuer.key_set_bytes(), stage.fleet.identity)
    return Enrolment(stage.rules, WorkloadIdentity(stage.rules, keys), stage.keys.authority)


def verifier(fleet: Fleet) -> tuple[Fleet, WorkloadIdentity]:
    """The fleet with accounts, and a verifier of its pods' tokens."""
    whole = issuer.with_accounts(fleet)
    assert whole.identity is not None
    return whole, WorkloadIdentity(Rulebook(whole), key_set(issuer.key_set_bytes(), whole.identity))


def _wrong_tokens(fleet: Fleet, agent: AgentType) -> Iterator[Wrong]:
    account = agent.service_account or ""
    made = issuer.claims(fleet, account, "pod-0", _NOW)
    bound: dict[str, Any] = made["kubernetes.io"]
    seconds = _NOW // SECOND

    def signed(**over: Any) -> bytes:
        return issuer.token(issuer.claims(fleet, account, "pod-0", _NOW, **over))

    no_pod = {name: value for name, value in bound.items() if name != "pod"}
    yield "shared by a node, bound to no pod", signed(**{"kubernetes.io": no_pod})
    secret = {name: value for name, value in no_pod.items() if name != "node"}
    yield "a secret of the account, bound to nothing", signed(**{"kubernetes.io": secret})
    yield "no Kubernetes claim at all", signed(**{"kubernetes.io": None})
    yield "the default account of the namespace", _of(fleet, f"{bound['namespace']}/default")
    yield "the same account in another namespace", _of(fleet, f"other/{bound['serviceaccount']['name']}")
    yield "made for the API server", signed(aud=["https://kubernetes.default.svc"])
    yield "made for others too", signed(aud=[*made["aud"], "vault"])
    yield "another cluster's", signed(iss="https://issuer.invalid/other")
    yield "expired", signed(exp=seconds)
    yield "not valid yet", signed(nbf=seconds + 1)
    yield "valid for a year", signed(exp=seconds + _YEAR_SECONDS)
    yield "signed by a stranger", issuer.token(made, stranger=True)
    yield "not signed (alg none)", issuer.unsigned(made, "none")
    yield "signed with a shared secret (alg HS256)", issuer.unsigned(made, "HS256")
    yield "cut off", issuer.token(made)[:-20]
    other = next((t.service_account for t in fleet.types if t.id != agent.id), None)
    if other:
        yield "another type's account", _of(fleet, other)


def _of(fleet: Fleet, account: str) -> bytes:
    return issuer.token(issuer.claims(fleet, account, "pod-0", _NOW))


def _right(fleet: Fleet, agent: AgentType, pod: str) -> PodClaim:
    account = agent.service_account or ""
    return PodClaim(agent.id, issuer.token(issuer.claims(fleet, account, pod, _NOW)))


def _joins(stage: Stage, enrolment: Enrolment, agent: AgentType, number: int) -> bool:
    """Whether a pod's right token becomes a live instance."""
    found = enrolment.enrol(2 + number, [_right(stage.fleet, agent, f"pod-{number}-right")], stage.now)
    if not isinstance(found, Enrolled):
        return False
    effect = stage.plane.handle(Admit(found.credential), stage.now)[0]
    return isinstance(effect, Admitted)


def _reuse(stage: Stage, enrolment: Enrolment, fleet: Fleet) -> int:
    """How often one pod is taken again: for another session, and after it ended."""
    agent = fleet.types[0]
    first = _right(fleet, agent, "pod-again")
    session = len(fleet.types) + 10
    enrolment.enrol(session, [first], stage.now)
    accepted = int(isinstance(enrolment.enrol(session + 1, [first], stage.now), Enrolled))
    nhi = enrolment.ended("pod-again", stage.now)
    stage.plane.handle(Revoke(nhi), stage.now)
    return accepted + isinstance(enrolment.enrol(session + 2, [first], stage.now), Enrolled)
