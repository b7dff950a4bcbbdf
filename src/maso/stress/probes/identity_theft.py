"""How long a stolen credential is good for, and for how many sessions: simulated from the fleet's traffic.

Sessions are as long as the fleet's journeys make them (the simulator's own scripts, paces and draws), cut
off at the longest life that the fleet file allows a credential. A thief takes a key at an instant drawn
evenly over all the time that credentials live: long sessions are hit more often. With session credentials the
rest of that session is what the key is good for, and that session is all. With pooled ones it is the rest of
the rotation period, and every session that is there or comes in that time.

Not simulated: that somebody notices, and revokes.
"""

from typing import Final

from maso.clock import DAY, MINUTE, SECOND
from maso.fleet.model import Fleet
from maso.fleet.rulebook import Rulebook
from maso.journeys.actors import Keyring
from maso.journeys.scripts import Compiler
from maso.journeys.workloads import Workload
from maso.streams import Stream, stream
from maso.stress.dimension import Outcome, Trial
from maso.stress.probes.identity_stage import sessions_at

_SESSIONS_QUICK: Final = 300
_SESSIONS_FULL: Final = 2000
_THEFTS: Final = 2000


def theft(trial: Trial) -> Outcome:
    """Seconds that a stolen credential stays valid: mean, 95%, longest; and sessions within its reach."""
    fleet = trial.fleet
    draws = stream(trial.seed, "identity/theft")
    lengths = _lengths(trial, draws)
    typical = sum(lengths) // len(lengths)
    if fleet.controls.credentials == "pre-provisioned":
        identity = fleet.identity
        if identity is None or identity.rotation_days is None:
            return Outcome(values={}, details={"mean_session_seconds": typical / SECOND})
        period = identity.rotation_days * DAY
        left = sorted(period - draws.below(period // SECOND) * SECOND for _ in range(_THEFTS))
        mean = sum(left) / len(left)
        sessions = sessions_at(fleet) * (1 + mean / max(1, typical))
    else:
        left = sorted(_left(lengths, draws) for _ in range(_THEFTS))
        mean = sum(left) / len(left)
        sessions = 1.0
    values = {
        "stolen_mean_s": mean / SECOND,
        "stolen_p95_s": left[len(left) * 95 // 100] / SECOND,
        "stolen_max_s": left[-1] / SECOND,
        "stolen_sessions": sessions,
    }
    return Outcome(
        values=values, details={"mean_session_seconds": typical / SECOND, "sessions": len(lengths)}
    )


def _left(lengths: list[int], draws: Stream) -> int:
    """What is left of a session at an instant drawn evenly over all sessions' time."""
    longest = max(lengths)
    while True:
        length = draws.pick(lengths)
        at = draws.below(longest // SECOND + 1) * SECOND
        if at < length:
            return length - at


def _lengths(trial: Trial, draws: Stream) -> list[int]:
    """Lengths of sessions in nanoseconds, as the simulator would play them, cut at the credential's life."""
    fleet = trial.fleet
    rules = Rulebook(fleet)
    keys = Keyring(rules, trial.seed)
    compiler = Compiler(fleet, rules, trial.seed, keys.ingestion)
    count = _SESSIONS_QUICK if trial.quick else _SESSIONS_FULL
    try:
        load = Workload(fleet, rules, compiler, seed=trial.seed, size=sessions_at(fleet), peak=False)
    except ValueError:  # nothing that a session could do: then it is as long as the fleet file says
        return [min(fleet.workload.session_minutes * MINUTE, credential_life_ns(fleet, rules))]
    longest = credential_life_ns(fleet, rules)
    found = []
    for _ in range(count):
        script = load.pick()
        length = sum(load.gap(script, move, draws) for move in script.moves)
        found.append(max(SECOND, min(length, longest)))
    return found


def credential_life_ns(fleet: Fleet, rules: Rulebook) -> int:
    """The longest life of a session's credential: the shortest of its types in a depth fleet."""
    lives = [t.lifetime_ns_max for t in rules.types if not t.is_port]
    return min(lives) if fleet.kind == "depth" else max(lives)
