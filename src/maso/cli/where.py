"""Where something went wrong in a run: for every effect that was achieved and every violation, its place.

Told in names: whose attempt, which way or action, which session, which records (as `maso explain` takes
them), how to see it again, what to look at. The records are picked out while the evidence is counted.

Not told: which line of which control let it through; the records show what each control had to say.
"""

from collections.abc import Iterable
from typing import Any, Final

from maso.cli.names import Names, Parties, session_text
from maso.cli.rows import Row, row_of
from maso.clock import clock_text
from maso.evidence.records import Record
from maso.sim.adversaries.mix import Case, Mix, Toll
from maso.sim.checkers.suite import Suite
from maso.sim.checkers.turn import Violation

# At one instant a flood may leave many records; the first ones show what happened.
RECORDS_SHOWN_MAX: Final = 8


class Spots:
    """The records that somebody will ask for: by number, or by instant where no number is known."""

    def __init__(self, mix: Mix, suite: Suite, names: Names) -> None:
        self._mix, self._suite, self._names = mix, suite, names
        self._cases = [(toll, case) for toll in mix.tolls() for case in toll.cases]
        cases = [(case.place.ref, *case.refs) for _, case in self._cases]
        self._refs = {ref for refs in cases for ref in refs} | {v.ref for v in suite.violations}
        self._instants = {v.now for v in suite.violations if not v.ref}
        self._rows: dict[int, Row] = {}
        self._at: dict[int, list[int]] = {}

    @property
    def wanted(self) -> bool:
        """Whether anything broke: most runs need no look at their records."""
        return bool(self._refs or self._instants)

    def note(self, number: int, record: Record, parties: Parties) -> None:
        """Called for every record in its order, with whoever was admitted until then."""
        now = getattr(record, "now", -1)
        if number in self._refs or now in self._instants:
            row = row_of(number, record, self._names, parties)
            if row is not None:
                self._rows[number] = row
            if now in self._instants:
                self._at.setdefault(now, []).append(number)

    def document(self, command: str, run_dir: str) -> list[dict[str, Any]]:
        """Everything that broke: effects first, in the order of the adversaries, then violations."""
        found = [self._effect(toll, case) for toll, case in self._cases]
        found += [self._violation(v) for v in self._suite.violations]
        for one in found:
            one["reproduce"] = command
            one["look_at"] = _look_at(one, run_dir)
        return found

    def _effect(self, toll: Toll, case: Case) -> dict[str, Any]:
        place, adversary = case.place, toll.adversary
        records = list(dict.fromkeys(ref for ref in (place.ref, *case.refs) if ref))
        return {
            "broke": "effect achieved",
            "invariant": adversary.invariant,
            "adversary": adversary.id,
            "variant": case.variant or None,
            "what": place.what,
            "effect": adversary.effect,
            **self._place(records, place.at, place.session),
            "should_stop_it": list(adversary.controls),
            "spoke": list(case.spoke),
        }

    def _violation(self, violation: Violation) -> dict[str, Any]:
        records = [violation.ref] if violation.ref else self._at.get(violation.now, [])[:RECORDS_SHOWN_MAX]
        row = next((self._rows[ref] for ref in records if ref in self._rows), None)
        owner = self._mix.attempt_in(row.session) if row is not None else None
        return {
            "broke": "violation",
            "invariant": violation.invariant,
            "checker": violation.checker,
            "adversary": None if owner is None else owner[0].id,
            "variant": None if owner is None else owner[1].variant or None,
            "what": violation.what,
            **self._place(records, violation.now, 0),
            "should_stop_it": [] if owner is None else list(owner[0].controls),
            "spoke": list(dict.fromkeys(code for code, _ in row.findings)) if row is not None else [],
        }

    def _place(self, records: Iterable[int], now: int, session: int) -> dict[str, Any]:
        """From the first record that has a row; the others only by their numbers."""
        kept = list(records)
        row = next((self._rows[ref] for ref in kept if ref in self._rows), None)
        return {
            "at_ns": now,
            "at": clock_text(now),
            "session": session_text(session or (row.session if row is not None else 0)) or None,
            "from": row.sender or None if row is not None else None,
            "to": row.recipient or None if row is not None else None,
            "message": row.what if row is not None else None,
            "action": row.action or None if row is not None else None,
            "decision": row.decision if row is not None else None,
            "records": kept,
        }


def _look_at(one: dict[str, Any], run_dir: str) -> list[str]:
    """Commands that show more, the most telling first."""
    said = [f"maso explain {run_dir} {one['records'][0]}"] if one["records"] else []
    if one["session"]:
        said.append(f"maso ls {run_dir} --session {one['session']}")
    return [*said, *(f"maso controls {control}" for control in one["should_stop_it"])]
