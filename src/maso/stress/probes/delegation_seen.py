"""Delegation paths in use: the fleet's own workload, run for a while, and who delegated to whom.

Counts distinct pairs of agents (types, in a depth fleet) whose contracts the plane accepted, and the
contracts a minute that honest traffic makes at the fleet's size. A depth fleet is run with fewer sessions
than it has: its sessions do the same and do not meet, so contracts a minute are those of one session times
the sessions, and every pair of types shows up in a few dozen of them.

Simulated: who speaks when comes from the file's journeys, or from walks along its links; the decisions about
it are the plane's own.
"""

from collections.abc import Sequence
from typing import Any, Final

from maso.contract import decode_contract
from maso.evidence.log import LogWriter
from maso.fleet.rulebook import Rulebook
from maso.journeys.actors import Keyring
from maso.plane.effects import Effect, Perform, Refuse
from maso.plane.events import RegisterContract
from maso.plane.plane import Plane
from maso.sim.driver import Simulation
from maso.sim.watchers import Performed
from maso.stress.dimension import LIST_ROWS_MAX, Outcome, Trial
from maso.stress.probes.parts import scanner

# Messages of one run: a fleet's pairs are seen a dozen times each, in a second or two of CPU.
MESSAGES: Final = 12_000
MESSAGES_QUICK: Final = 3_000
SESSIONS_MAX: Final = 60
MINUTES_MAX: Final = 15


class Delegations:
    """Watches contracts: accepted, refused, and used by an action that was let through."""

    wants_inbox = False

    def __init__(self, plane: Plane) -> None:
        self._instances = plane.state.instances
        self._pending: tuple[str, str] | None = None
        self.pairs: dict[tuple[str, str], int] = {}
        self.refused = 0
        self.used = 0
        self.deepest = 0

    def on_event(self, event: object, now: int) -> None:
        self._pending = None
        if isinstance(event, RegisterContract):
            contract = decode_contract(event.contract)
            source = self._instances.get(contract.source)
            target = self._instances.get(contract.target)
            if source is not None and target is not None:
                self._pending = (source.type.id, target.type.id)
                above = (source.session.contracts or {}).get(contract.parent)
                self.deepest = max(self.deepest, 1 if above is None else above.depth + 1)

    def on_effects(
        self, event: object, effects: Sequence[Effect], records: Sequence[bytes], now: int
    ) -> None:
        if self._pending is not None:
            if any(isinstance(effect, Refuse) for effect in effects):
                self.refused += 1
            else:
                self.pairs[self._pending] = self.pairs.get(self._pending, 0) + 1
        self.used += sum(1 for effect in effects if isinstance(effect, Perform) and effect.contract)

    def on_world(self, done: Performed, now: int) -> None:
        pass  # what the world did with it is somebody else's question


def observe(trial: Trial) -> Outcome:
    """Run the workload for a while and count."""
    fleet = trial.fleet
    depth = fleet.kind == "depth"
    sessions = min(fleet.size, SESSIONS_MAX) if depth else fleet.size
    minutes = _minutes(trial, sessions)
    rules = Rulebook(fleet)
    keys = Keyring(rules, trial.seed)
    log = LogWriter(b"stress delegation", b"d" * 32, fleet_sha256=rules.sha256)
    plane = Plane(rules, keys.plane, log, scanner())
    seen = Delegations(plane)
    try:
        simulation = Simulation(
            fleet, rules, plane, keys, seed=trial.seed, minutes=minutes, size=sessions, watchers=[seen]
        )
    except ValueError:  # nothing that a task could walk along: no traffic, so nothing in use
        return Outcome(values={})
    simulation.run()
    contracts = sum(seen.pairs.values())
    scale = fleet.size / sessions if depth else 1.0
    rows = [[source, target, str(n)] for (source, target), n in sorted(seen.pairs.items())]
    details: dict[str, Any] = {
        "pairs": rows[:LIST_ROWS_MAX],
        "pairs_total": len(rows),
        "contracts": contracts,
        "refused": seen.refused,
        "used": seen.used,
        "deepest": seen.deepest,
        "minutes": minutes,
        "sessions": sessions,
    }
    return Outcome(
        values={
            "active_paths": float(len(rows)),
            "observed_per_minute": contracts * scale / minutes,
        },
        details=details,
    )


def _minutes(trial: Trial, sessions: int) -> int:
    """As long as it takes for so many messages, at the fleet's own pace."""
    load = trial.fleet.workload
    most = MESSAGES_QUICK if trial.quick else MESSAGES
    if trial.fleet.kind == "depth":
        agents = sum(agent.per_session for agent in trial.fleet.types)
        per_minute = 2 * sessions * agents * load.actions_per_session / load.session_minutes
    else:
        per_minute = (load.messages_per_agent_minute or 1.0) * len(trial.fleet.types)
    return max(1, min(MINUTES_MAX, round(most / max(per_minute, 1.0))))
