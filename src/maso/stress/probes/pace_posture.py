"""What each phase changes in the plane: the fleet's own workload, in Primary, Alternate and Contingency.

The real plane, with the whole system set to a phase before the first session; what it did with the actions is
counted in its own records: how many it held for the check against the facts (which stands in for the judge),
how many for a person; and how many messages the phase refused outright (a delegation that is refused never
becomes an action). Emergency is left out: nothing passes in it.

Sessions do the same however many there are, so that a few say what many do. Not here: who sets the phase.
"""

from typing import Final

from maso.controls.endorse import FACTS, PERSON
from maso.envelope import MessageKind
from maso.evidence.records import MessageRecord, decode_record
from maso.fleet.model import Fleet
from maso.fleet.rulebook import Rulebook
from maso.journeys.actors import Keyring
from maso.plane.events import SetPhase
from maso.plane.plane import Plane
from maso.resilience.pace import PHASE_NAMES, Phase
from maso.sim.driver import Simulation
from maso.stress.dimension import Outcome, Trial
from maso.stress.probes.parts import scanner

SESSIONS_MAX: Final = 60
MINUTES: Final = 2
PHASES: Final = (Phase.PRIMARY, Phase.ALTERNATE, Phase.CONTINGENCY)
_ACTION: Final = int(MessageKind.ACTION)


class Actions:
    """A log that keeps nothing but counts of what became of messages, and of actions among them.

    messages  what agents and ports said; `refused` of those: by the phase
    decided   actions that agents asked for
    checked   of those, held for the facts at least once; `approved` likewise for a person
    """

    __slots__ = ("_first", "approved", "checked", "decided", "messages", "refused", "written")

    def __init__(self) -> None:
        self.written = 0
        self.decided = self.messages = 0
        self.checked: dict[int, None] = {}
        self.approved: dict[int, None] = {}
        self.refused = 0
        self._first: dict[int, int] = {}  # a hold -> the record of the first decision about that action

    def append(self, body: bytes) -> int:
        number = self.written
        self.written += 1
        record = decode_record(body)
        if isinstance(record, MessageRecord) and record.authenticated:
            self.messages += not record.hold
            self.refused += any(code == "PACE-1/phase" for code, _ in record.findings)
            if record.kind == _ACTION:
                self._count(number, record)
        return number

    def _count(self, number: int, record: MessageRecord) -> None:
        first = self._first.get(record.hold, number)
        self.decided += first == number
        if record.ask == FACTS:
            self.checked[first] = None
        elif record.ask == PERSON:
            self.approved[first] = None
        if record.ask:
            self._first[number] = first


def posture(trial: Trial) -> Outcome:
    """Shares of the actions that are checked and approved, and of the messages refused, in each phase."""
    values: dict[str, float] = {}
    rows: list[list[str]] = []
    for phase in PHASES:
        seen = _run(trial.fleet, trial.seed, phase)
        if seen is None:
            return Outcome(values={})
        name = PHASE_NAMES[phase]
        checked = len(seen.checked) / max(seen.decided, 1)
        approved = len(seen.approved) / max(seen.decided, 1)
        refused = seen.refused / max(seen.messages, 1)
        values[f"checked_{name}_share"] = checked
        if phase is Phase.CONTINGENCY:
            values["refused_contingency_share"] = refused
        rows.append([name, f"{seen.decided:,}", f"{checked:.1%}", f"{approved:.1%}", f"{refused:.1%}"])
    return Outcome(values=values, details={"posture": rows, "posture_total": len(rows)})


def _run(fleet: Fleet, seed: int, phase: Phase) -> Actions | None:
    """The fleet's own workload with the system in one phase; None where there is nothing to do."""
    rules = Rulebook(fleet)
    keys = Keyring(rules, seed)
    seen = Actions()
    plane = Plane(rules, keys.plane, seen, scanner())
    depth = fleet.kind == "depth"
    sessions = min(fleet.size, SESSIONS_MAX) if depth else fleet.size
    try:
        simulation = Simulation(fleet, rules, plane, keys, seed=seed, minutes=MINUTES, size=sessions)
    except ValueError:  # nothing that a task could walk along: no traffic
        return None
    if phase is not Phase.PRIMARY:
        simulation.raise_event(SetPhase("system", phase, "order-down", "operator"))
    simulation.run()
    return seen
