"""What identity costs: CPU for a credential's life, memory for an instance, records after hours of churn.

Everything is timed with a crowd of the trial's size already there, since growth is what is asked. Figures are
per instance, so that sessions of six and tasks of two compare. Under `pre-provisioned` a session borrows keys
instead of being issued a credential, and rotation is work of its own.

    life_us  = token + issue + admit + end: one instance from its pod's token to the end of its session
"""

import tracemalloc
from collections.abc import Sequence
from typing import Final

from maso.clock import HOUR, MINUTE
from maso.controls.message import Message
from maso.controls.workload_identity import PodIdentity
from maso.envelope import MessageKind
from maso.plane.effects import Refuse
from maso.plane.events import Admit, Revoke
from maso.streams import Stream, stream
from maso.stress.dimension import Outcome, Trial
from maso.stress.probes import identity_issuer as issuer
from maso.stress.probes.identity_pods import verifier
from maso.stress.probes.identity_stage import Held, Stage, best_of, instances_in, sessions_at
from maso.stress.timing import cpu_us_each

# Sessions that are timed, in batches of which the cheapest counts.
_TIMED_QUICK: Final = 48
_TIMED_FULL: Final = 160
_BATCHES: Final = 4
_TOKENS: Final = 40
# Concurrent sessions of the churn: a day of forty is 3,840 sessions of a quarter of an hour, or 23,000
# instances of six types; what is remembered is told for each session. How many ended ones are tried.
_CHURNED_QUICK: Final = 10
_CHURNED_FULL: Final = 40
_TRIED: Final = 60
_SETTLED_LIVES: Final = 8
# Memory is traced, which is slow, so of so many sessions at most, whatever the size. In full runs that is the
# 60,000 instances of six types that the question is about; of pools, which only compare, fewer.
_MEMORY_SESSIONS_QUICK: Final = 1000
_MEMORY_SESSIONS_FULL: Final = 10_000


def costs(trial: Trial) -> Outcome:
    """CPU of issuing, admitting, proving and ending, at the trial's size."""
    stage = Stage(trial.fleet, trial.seed)
    crowd = sessions_at(trial.fleet)
    alive = stage.populate(range(1, crowd + 1))
    count = _TIMED_QUICK if trial.quick else _TIMED_FULL
    batches = [range(crowd + 1 + i, crowd + 1 + count, _BATCHES) for i in range(_BATCHES)]
    each = sum(len(stage.members(session)) for batch in batches for session in batch) / count
    provision = best_of(batches, stage.provision) / each
    shown: dict[int, bytes] = {}

    def issue(session: int) -> None:
        shown[session] = stage.credential(session)

    values = {"issue_us": best_of(batches, issue) / each}
    values["admit_us"] = (
        best_of(batches, lambda session: stage.plane.handle(Admit(shown[session]), stage.now)) / each
    )
    values["proof_us"] = _proof(stage, crowd, stream(trial.seed, "identity/proof"))
    values["revoke_us"], left = _revoked(stage, batches)
    values["end_us"] = best_of(batches, stage.close) * count / max(1, left)
    values["token_us"] = 0.0 if stage.pooled else _token(trial)
    life = sum(values[name] for name in ("token_us", "issue_us", "admit_us", "end_us"))
    values["admissions_per_second"] = 1e6 / life
    values.update(_ramp(trial, life))
    values.update(_rotation(trial, stage.pooled, provision + values["revoke_us"]))
    return Outcome(
        values=values, details={"alive": alive, "sessions": crowd, "timed_sessions": count, "life_us": life}
    )


def _proof(stage: Stage, crowd: int, draws: Stream) -> float:
    """IA-2.1 on a message of an instance drawn from the whole crowd, opening included."""
    checks = [check for name, check in stage.plane.steps() if name in ("open", "IA-2.1")]
    wires = []
    for _ in range(200):
        session = 1 + draws.below(crowd)
        rules, number = draws.pick(stage.members(session))
        nhi = stage.nhi(rules, session, number)
        key = stage.plane.state.instances[nhi].key
        wires.append(stage.wire(nhi, key, nhi, session, MessageKind.DATA, 0, b'{"text":"as agreed"}'))

    def prove(wire: bytes) -> None:
        m = Message(1, wire, stage.now)
        for check in checks:
            if check(m) is not None:
                raise ValueError("a true message was refused")

    return cpu_us_each(prove, wires, 3)


def _revoked(stage: Stage, batches: Sequence[Sequence[int]]) -> tuple[float, int]:
    """Microseconds to revoke one instance of each session, and how many instances are left to close."""
    left = 0

    def revoke(session: int) -> None:
        rules, number = stage.members(session)[0]
        stage.plane.handle(Revoke(stage.nhi(rules, session, number)), stage.now)

    spent = best_of(batches, revoke)
    for batch in batches:
        left += sum(len(stage.members(session)) - 1 for session in batch)
    return spent, left


def _token(trial: Trial) -> float:
    """Checking one pod's token, ES256."""
    fleet, checks = verifier(trial.fleet)
    account = fleet.types[0].service_account or ""
    now = 1_780_000_000 * 1_000_000_000
    made = [issuer.token(issuer.claims(fleet, account, f"pod-{i}", now)) for i in range(_TOKENS)]

    def verify(token: bytes) -> None:
        if not isinstance(checks.verify(token, now), PodIdentity):
            raise ValueError("a right token was refused")

    return cpu_us_each(verify, made, 3)


def _ramp(trial: Trial, life_us: float) -> dict[str, float]:
    """Cores that admissions take while this many sessions arrive in the declared minutes."""
    minutes = trial.fleet.workload.ramp_minutes
    if minutes is None:
        return {}
    arriving = instances_in(trial.fleet, sessions_at(trial.fleet))
    return {"ramp_cores": arriving * life_us / (minutes * 60 * 1e6)}


def _rotation(trial: Trial, pooled: bool, slot_us: float) -> dict[str, float]:
    """Credentials rotated in a day, and the CPU of it: none where they end with their session."""
    if not pooled:
        return {"rotations_per_day": 0.0, "rotation_seconds_day": 0.0}
    identity = trial.fleet.identity
    if identity is None or identity.rotation_days is None:
        return {}
    each_day = instances_in(trial.fleet, sessions_at(trial.fleet)) / identity.rotation_days
    return {"rotations_per_day": each_day, "rotation_seconds_day": each_day * slot_us / 1e6}


def memory(trial: Trial) -> Outcome:
    """Bytes that one live instance holds in the plane, its share of the session and of tables included."""
    stage = Stage(trial.fleet, trial.seed)
    most = _MEMORY_SESSIONS_QUICK if trial.quick or stage.pooled else _MEMORY_SESSIONS_FULL
    sessions = min(sessions_at(trial.fleet), most)
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    alive = stage.populate(range(1, sessions + 1))
    held = tracemalloc.get_traced_memory()[0] - before
    tracemalloc.stop()
    return Outcome(
        values={"bytes_per_instance": held / max(1, alive)}, details={"alive": alive, "bytes": held}
    )


def churn(trial: Trial) -> Outcome:
    """`at` hours of sessions that come and go: what is still remembered, and what ended ones can still do.

    They begin when credentials have expired as often as they were issued, a few of their lives after the
    start: before that what is remembered can only grow. It is counted as a mean over those hours.
    """
    stage = Stage(trial.fleet, trial.seed)
    at_once = _CHURNED_QUICK if trial.quick else _CHURNED_FULL
    length = trial.fleet.workload.session_minutes * MINUTE
    step = length // at_once
    slots = 2 * at_once
    open_now: list[tuple[Held, ...]] = []
    ended: list[tuple[Held, ...]] = []
    admitted = 0
    kept: list[int] = []
    settled = stage.now + _SETTLED_LIVES * stage.life_ns
    for number in range((trial.at * HOUR + _SETTLED_LIVES * stage.life_ns) // step + 1):
        if len(open_now) >= at_once:
            done = open_now.pop(0)
            stage.close(done[0].session)
            ended.append(done)
        open_now.append(stage.join(1 + number, 1 + number % slots))
        admitted += len(open_now[-1])
        stage.now += step
        if stage.now > settled:
            kept.append(len(stage.plane.state.serials))
    state = stage.plane.state
    tried = ended[-_TRIED:]
    accepted = sum(_stale(stage, held, open_now) for held in tried)
    alive = sum(1 for i in state.instances.values() if not i.type.is_port and i.session.number)
    keys = {i.key for i in state.instances.values() if i.alive}  # membership only
    outliving = sum(1 for held in tried for one in held if one.key in keys)
    credentials = sum(len(held) for held in tried)
    return Outcome(
        values={
            "records_per_session": sum(kept) / len(kept) / at_once,
            "left_over": alive - sum(len(held) for held in open_now),
            "stale_share": accepted / max(1, credentials),
            "outliving_share": outliving / max(1, credentials),
        },
        details={
            "admitted": admitted,
            "records_most": max(kept),
            "tried_sessions": len(tried),
            "tried_credentials": credentials,
            "stale_accepted": accepted,
            "outliving": outliving,
        },
    )


def _stale(stage: Stage, held: tuple[Held, ...], live: Sequence[tuple[Held, ...]]) -> int:
    """Instances of an ended session that the plane still hears: as themselves, or as their key's lender."""
    accepted = 0
    for one in held:
        way = stage.way(one.rules, live)
        if way is None:
            continue
        to, session, kind, action, schema = way
        heard = 0
        for sender, claimed in ((one.nhi, one.session), (one.nhi, session), (one.slot_nhi, session)):
            wire = stage.wire(sender, one.key, to, claimed, kind, action, stage.body(schema))
            effects = stage.plane.arrive(stage.channel(), wire, stage.now)
            heard += not any(isinstance(effect, Refuse) for effect in effects)
        accepted += heard > 0
    return accepted
