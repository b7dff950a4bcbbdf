"""What a run decided and why, counted from its evidence alone: the summary says what the record says.

Every record is read once. Sessions and channels of the adversaries have numbers of their own
(`sim/adversaries/ground.py`), so each decision counts as honest or hostile by where it came from, never by
what was decided. A held message is decided twice; its first record counts as a hold, its last as the end.

Not counted: tokens and prices, and anything about texts, which are not kept.
"""

from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any, Final

from maso.cli.names import Names, Parties, reason_of
from maso.controls.catalog import CONTROLS
from maso.envelope import KIND_NAMES
from maso.evidence.records import AdmitRecord, ContractRecord, EndorseRecord, EndRecord, MessageRecord, Record
from maso.journeys.tally import Tally
from maso.report.terminal import NOBODY
from maso.scan.signals import Kind
from maso.sim.adversaries.ground import HOSTILE_CHANNELS_FROM, HOSTILE_SESSIONS_FROM
from maso.verdict import OUTCOME_NAMES, Outcome

_CONTROL_NAMES: Final = {c.id: c.name for c in CONTROLS}
# Controls that stand in another one's file here, beside that one in the table.
_PART_OF: Final = {r.control: c.id for c in CONTROLS for r in c.reasons if r.control not in _CONTROL_NAMES}
_INJECTION: Final = Kind.INJECTION_FLAG | Kind.INJECTION_BLOCK
# A credential that was refused proves nothing, not even which session it was for.
_SIDES: Final = ("honest", "hostile", "unproven")
_UNPROVEN: Final = 2


class Counts:
    """Counters over the records of one run. Keys start with a side: its place in `_SIDES`."""

    def __init__(self) -> None:
        self.messages: Counter[tuple[int, str, int, int]] = Counter()  # sender's type, kind, outcome
        self.reasons: Counter[tuple[int, str, int]] = Counter()  # code, outcome of the message
        self.admissions: Counter[tuple[int, int]] = Counter()
        self.contracts: Counter[tuple[int, int]] = Counter()
        self.found: Counter[tuple[int, int, int, bool]] = Counter()  # kind bit, outcome, hidden
        self.stages: Counter[int] = Counter()
        self.endorsements: Counter[tuple[int, bool]] = Counter()
        self.ended: Counter[str] = Counter()
        self.payload_bytes = 0
        self.instances = 0
        self.declassified = 0
        self.records = 0

    def add(self, record: Record, parties: Parties) -> None:
        self.records += 1
        match record:
            case MessageRecord():
                self._message(record, parties)
            case AdmitRecord():
                side = int(record.session >= HOSTILE_SESSIONS_FROM)
                side = _UNPROVEN if record.outcome == Outcome.DENY else side
                self.admissions[side, record.outcome] += 1
                self._reasons(side, record.findings, record.outcome)
                if record.outcome != Outcome.DENY:
                    self.instances += len(record.members)
            case ContractRecord():
                side = int(record.channel >= HOSTILE_CHANNELS_FROM)
                self.contracts[side, record.outcome] += 1
                self._reasons(side, record.findings, record.outcome)
            case EndorseRecord():
                self.endorsements[record.kind, record.granted] += 1
            case EndRecord():
                self.ended[record.what] += 1
            case _:
                pass

    def _message(self, record: MessageRecord, parties: Parties) -> None:
        side = int(record.session >= HOSTILE_SESSIONS_FROM or record.channel >= HOSTILE_CHANNELS_FROM)
        sender = (parties.type_of(record.sender) if record.authenticated else None) or NOBODY
        self.messages[side, sender, record.kind, record.outcome] += 1
        self.payload_bytes += record.size
        self.declassified += record.shed != 0
        if record.findings:
            self._reasons(side, record.findings, record.outcome)
        if record.hold:
            return  # scanned and counted when it was held
        self.stages[record.stage] += 1
        if record.signals:
            for kind in Kind:
                if record.signals & kind:
                    self.found[side, int(kind), record.outcome, bool(record.hidden & kind)] += 1

    def _reasons(self, side: int, findings: Iterable[tuple[str, str]], outcome: int) -> None:
        for code, _ in findings:
            self.reasons[side, code, outcome] += 1


Noted = Callable[[int, Record, Parties], None]


def count(records: Iterable[tuple[int, Record]], names: Names, noted: Noted | None = None) -> Counts:
    """`noted` also gets every record, with whoever was admitted until then."""
    counts, parties = Counts(), Parties(names)
    for number, record in records:
        if isinstance(record, AdmitRecord):
            parties.note(record)
        counts.add(record, parties)
        if noted is not None:
            noted(number, record, parties)
    return counts


def _decisions(counter: dict[int, int]) -> dict[str, int]:
    return {name: counter.get(outcome, 0) for outcome, name in OUTCOME_NAMES.items()}


def _by_outcome(counts: Counts, side: int | None, sender: str | None = None) -> dict[str, int]:
    found: dict[int, int] = {}
    for (s, who, _, outcome), n in counts.messages.items():
        if (side is None or s == side) and (sender is None or who == sender):
            found[outcome] = found.get(outcome, 0) + n
    return _decisions(found)


def decisions_document(counts: Counts, names: Names) -> dict[str, Any]:
    """What was decided, per side, per type, per control and per reason; plain data."""
    senders = sorted({who for _, who, _, _ in counts.messages}, key=lambda n: _place(n, names))
    return {
        "messages": sum(counts.messages.values()),
        "by_decision": _by_outcome(counts, None),
        "honest": _by_outcome(counts, 0),
        "hostile": _by_outcome(counts, 1),
        "by_type": [_type_row(counts, names, who) for who in senders],
        "by_kind": _by_kind(counts),
        "by_control": _by_control(counts),
        "reasons": _reason_rows(counts),
        "credentials": {side: _side(counts.admissions, i) for i, side in enumerate(_SIDES)},
        "contracts": {side: _side(counts.contracts, i) for i, side in enumerate(_SIDES)},
    }


def _side(counter: Counter[tuple[int, int]], side: int) -> dict[str, int]:
    return {
        "accepted": sum(n for (s, outcome), n in counter.items() if s == side and outcome != Outcome.DENY),
        "refused": counter[side, int(Outcome.DENY)],
    }


def _place(name: str, names: Names) -> tuple[int, str]:
    return (names.types.index(name) if name in names.types else len(names.types), name)


def _type_row(counts: Counts, names: Names, who: str) -> dict[str, Any]:
    return {
        "type": who,
        "is_port": who in names.ports,
        "honest": _by_outcome(counts, 0, who),
        "hostile": _by_outcome(counts, 1, who),
    }


def _by_kind(counts: Counts) -> dict[str, dict[str, int]]:
    found: dict[str, dict[int, int]] = {}
    for (_, _, kind, outcome), n in counts.messages.items():
        row = found.setdefault(KIND_NAMES.get(kind, "unreadable"), {})
        row[outcome] = row.get(outcome, 0) + n
    return {kind: _decisions(row) for kind, row in sorted(found.items())}


def _reason_rows(counts: Counts) -> list[dict[str, Any]]:
    rows = []
    for code, outcome in sorted({(code, outcome) for _, code, outcome in counts.reasons}):
        reason = reason_of(code)
        rows.append(
            {
                "code": code,
                "control": reason.control,
                "decision": OUTCOME_NAMES.get(outcome, str(outcome)),
                "honest": counts.reasons[0, code, outcome],
                "hostile": counts.reasons[1, code, outcome],
                "unproven": counts.reasons[_UNPROVEN, code, outcome],
                "text": reason.text,
                "remedy": reason.remedy,
            }
        )
    return rows


def _by_control(counts: Counts) -> list[dict[str, Any]]:
    """Controls in the order in which they run; how often each spoke and what came of those messages.

    A reason counts under the control that it names, as `ls` and `explain` show it.
    """
    spoke: dict[str, dict[int, int]] = {}
    for (_, code, outcome), n in counts.reasons.items():
        row = spoke.setdefault(reason_of(code).control, {})
        row[outcome] = row.get(outcome, 0) + n
    order: list[str] = []
    for control in _CONTROL_NAMES:
        parts = sorted(name for name in spoke if _PART_OF.get(name) == control)
        order += [control, *parts]
    order += sorted(spoke.keys() - set(order))
    return [{"control": name, "name": _name_of(name), **_decisions(spoke.get(name, {}))} for name in order]


def _name_of(control: str) -> str:
    if control in _CONTROL_NAMES:
        return _CONTROL_NAMES[control]
    return f"part of {_PART_OF[control]}" if control in _PART_OF else "the plane itself"


def scan_document(counts: Counts) -> dict[str, Any]:
    """What the scan found, and how far it had to look; plain data."""
    scanned = sum(n for stage, n in counts.stages.items() if stage)
    return {
        "scanned": scanned,
        "settled_by_first_look": counts.stages[1],
        "settled_by_second_look": counts.stages[2],
        "examined_in_full": counts.stages[3],
        "found": [
            {
                "kind": kind.name.lower() if kind.name else str(int(kind)),
                "is_injection": bool(kind & _INJECTION),
                **{side: _found(counts, i, kind) for i, side in enumerate(_SIDES[:_UNPROVEN])},
            }
            for kind in Kind
            if any(k == kind for _, k, _, _ in counts.found)
        ],
    }


def _found(counts: Counts, side: int, kind: Kind) -> dict[str, int]:
    rows = {(o, hidden): n for (s, k, o, hidden), n in counts.found.items() if s == side and k == kind}
    found: dict[int, int] = {}
    for (outcome, _), n in rows.items():
        found[outcome] = found.get(outcome, 0) + n
    return {**_decisions(found), "hidden": sum(n for (_, hidden), n in rows.items() if hidden)}


# A fleet that stops more than one honest message in a hundred does not do its work, however safe it is.
HONEST_THROUGH_MIN: Final = 0.99
REASONS_TOLD_MAX: Final = 3


def honest_trouble(decisions: dict[str, Any], honest: dict[str, Any], run_dir: str) -> str:
    """Why honest traffic does not get through, with what to do about it; empty when it does."""
    row = decisions["honest"]
    through = row["allow"] + row["redact"]
    settled = through + row["deny"]
    broken = sum(b["count"] for b in honest["journeys_broken"])
    ended = broken + sum(honest["journeys_completed"].values())
    said = []
    if settled and through < HONEST_THROUGH_MIN * settled:
        said.append(f"{row['deny']:,} of {settled:,} messages were refused")
    if broken and broken == ended:
        said.append(f"all {broken:,} journeys that ended were broken off")
    if not settled and honest["sessions_turned_away"]:
        said.append(f"all {honest['sessions_turned_away']:,} sessions were turned away")
    if not said:
        return ""
    reasons = _top_reasons(decisions, honest, run_dir)
    return f"honest traffic does not get through: {' and '.join(said)}{reasons}"


def _top_reasons(decisions: dict[str, Any], honest: dict[str, Any], run_dir: str) -> str:
    refused = [r for r in decisions["reasons"] if r["decision"] == "deny" and r["honest"]]
    refused.sort(key=lambda r: (-r["honest"], r["code"]))
    if refused:
        told = [
            f"{r['honest']:,} {r['code']} ({r['text']}; what to do: {r['remedy']})"
            for r in refused[:REASONS_TOLD_MAX]
        ]
        told.append(f"`maso ls {run_dir} --honest --decision deny` lists them, `maso explain` shows why")
    else:
        off = sorted(honest["journeys_broken"], key=lambda b: (-b["count"], b["journey"], b["by"]))
        told = [f"{b['count']:,} {b['journey']}, broken off by {b['by']}" for b in off[:REASONS_TOLD_MAX]]
        told.append(f"`maso check {run_dir}/fleet.yaml` shows what the fleet file lets each agent do")
    return "".join(f"; {text}" for text in told)


def honest_document(tally: Tally) -> dict[str, Any]:
    """Sessions and journeys of the honest, from the simulation's own tally; plain data."""
    broken, declined = sorted(tally.broken.items()), sorted(tally.declined.items())
    return {
        "sessions_opened": tally.opened,
        "sessions_turned_away": tally.turned_away,
        "journeys_completed": dict(sorted(tally.completed.items())),
        "journeys_broken": [{"journey": j, "by": reason, "count": n} for (j, reason), n in broken],
        "journeys_cut_by_the_end": tally.cut,
        "world_performed": dict(sorted(tally.performed.items())),
        "world_declined": [{"operation": o, "why": why, "count": n} for (o, why), n in declined],
    }
