"""Workloads: how much honest traffic a fleet has, and at which pace it runs.

Depth: `size` sessions at the same time, always; whoever leaves is replaced. A session plays one journey,
its agents together making `actions_per_session` moves each in `session_minutes` (10 by each of six agents
in 15 minutes are one move every 15 seconds). So that a short run is not a run of first clicks, the
sessions that are there at the start *enter part-way*, at a point drawn evenly along their journey: of what
lies before that point they only make the moves that leave something behind (a reservation, an order, a
delegation), quickly, one after another. They are admitted over the first seconds of the run.

Breadth: tasks arrive at random, as many as make `messages_per_agent_minute` per agent (times
`peak_factor` at peak); each plays a journey, or a walk (`walks.py`), as fast as the models answer.

Not here: what a move does (`driver.py`).
"""

from typing import Final

from maso.clock import MINUTE, MS, SECOND
from maso.fleet.model import Fleet
from maso.fleet.rulebook import Rulebook, TypeRules
from maso.journeys.scripts import MODEL_LATENCY_MS, Compiler, Move, Script
from maso.journeys.walks import Walker
from maso.streams import Stream, stream

# Admissions cost an Ed25519 signature each; spread over 20 seconds, or a tenth of a very short run.
RAMP_NS: Final = 20 * SECOND
RAMP_SHARE: Final = 10
# A moment between one customer leaving and the next one coming.
TURNOVER_NS: Final = SECOND
# Between the moves by which a session that enters part-way catches up.
CATCH_UP_NS: Final = 500 * MS
# Where a fleet file declares no rate.
MESSAGES_PER_AGENT_MINUTE: Final = 1.0


class Workload:
    """Scripts and pace of one fleet. `peak` asks for the peak rate of a breadth fleet."""

    def __init__(
        self, fleet: Fleet, rules: Rulebook, compiler: Compiler, *, seed: int, size: int, peak: bool
    ) -> None:
        self._load = fleet.workload
        self._depth = fleet.kind == "depth"
        self._arrivals = stream(seed, "workload/arrivals")
        self._choice = stream(seed, "workload/journeys")
        journeys = self._load.journeys or Walker(fleet, rules, stream(seed, "workload/walks")).journeys()
        self.scripts = tuple(compiler.script(journey) for journey in journeys)
        if not self.scripts:
            raise ValueError("the fleet has no journeys, and no links that a task could walk along")
        self._cumulative = _sums([script.weight for script in self.scripts])
        self.types = tuple(t for t in rules.types if not t.is_port)
        self.size = size if self._depth else 0
        self._think_ns = _think_times(fleet, rules)
        self.arrival_ns = 0 if self._depth else self._task_gap(peak)

    @property
    def depth(self) -> bool:
        return self._depth

    def members(self, script: Script, rules: Rulebook) -> tuple[tuple[TypeRules, int], ...]:
        """Who takes part: every type in a depth fleet, the script's own in a breadth fleet."""
        types = self.types if self._depth else tuple(rules.types[index] for index in script.types)
        return tuple((t, number) for t in types for number in range(t.per_session))

    def pick(self) -> Script:
        return self.scripts[self._choice.weighted(self._cumulative)]

    def entries(self, minutes_ns: int) -> list[int]:
        """When the sessions that are there from the start are admitted (depth only)."""
        ramp = min(RAMP_NS, minutes_ns // RAMP_SHARE)
        return [ramp * i // max(1, self.size) for i in range(self.size)]

    def enter_at(self, script: Script) -> int:
        """Number of the move at which a session of the start joins its journey."""
        return self._choice.below(len(script.moves)) if script.moves else 0

    def next_arrival(self) -> int:
        """Nanoseconds until the next session (depth: after one has left)."""
        return self._arrivals.exponential(TURNOVER_NS if self._depth else self.arrival_ns)

    def gap(self, script: Script, move: Move, draws: Stream) -> int:
        """Nanoseconds before a move."""
        if not self._depth:
            return draws.latency(self._think_ns[move.sender.index])
        agents = max(1, len(self.types))
        per_agent_move = self._load.session_minutes * MINUTE // (self._load.actions_per_session * agents)
        return draws.exponential(per_agent_move * max(1, script.agent_moves) // len(script.moves))

    def _task_gap(self, peak: bool) -> int:
        rate = self._load.messages_per_agent_minute or MESSAGES_PER_AGENT_MINUTE
        factor = self._load.peak_factor if peak else 1.0
        per_minute_milli = round(rate * 1000 * factor) * len(self.types)
        total = self._cumulative[-1]
        mean_milli = sum(s.weight * max(1, s.agent_moves) for s in self.scripts) * 1000 // total
        return max(1, MINUTE * mean_milli // max(1, per_minute_milli))


def _sums(weights: list[int]) -> list[int]:
    out, total = [], 0
    for weight in weights:
        total += weight
        out.append(total)
    return out


def _think_times(fleet: Fleet, rules: Rulebook) -> list[int]:
    """How long each type takes before it speaks: its model and the way to its region. Ports are quick."""
    providers = {p.id: p.latency_ms_median for p in fleet.providers}
    regions = {r.id: r.latency_ms for r in fleet.regions}
    out = []
    for agent in fleet.types:
        model = providers.get(agent.provider or "", 0) or MODEL_LATENCY_MS
        out.append((model + regions.get(agent.region or "", 0)) * MS)
    out += [(port.latency_ms_median or 1) * MS for port in fleet.ports]
    assert len(out) == len(rules.types)
    return out
