"""`ls`: find the record of a message, a credential or a contract in the evidence of a run.

What a record is about is shown with the names of the fleet file; texts are not, since they are not kept. The
whole log is read once, from the start, because who an NHI is stands in the admissions before.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, NamedTuple

from maso.cli.arguments import one_of, whole_number
from maso.cli.ending import NOTHING, Stop
from maso.cli.evidence import run_directory
from maso.cli.names import Names, Parties, control_names, controls_of, names_of, records_of, session_text
from maso.cli.screen import Screen
from maso.clock import clock_text
from maso.envelope import KIND_NAMES, MessageKind
from maso.evidence.records import AdmitRecord, ContractRecord, MessageRecord, Record
from maso.verdict import OUTCOME_NAMES

LIMIT_DEFAULT: Final = 20
LIMIT_MAX: Final = 1_000_000  # more is a job for `--json` and another tool, and would still be listed


class Row(NamedTuple):
    """One record for the list. `recipient` and `session` are empty where it has none."""

    ref: int
    now: int
    decision: str
    session: int
    sender: str
    recipient: str
    what: str
    findings: tuple[tuple[str, str], ...]


class Filter(NamedTuple):
    """What is listed; an empty field lets everything through."""

    decision: str
    control: str
    type: str

    def wants(self, row: Row) -> bool:
        if self.decision and row.decision != self.decision:
            return False
        if self.type and self.type not in (row.sender, row.recipient):
            return False
        return not self.control or any(self.control in controls_of(code) for code, _ in row.findings)


def ls_command(
    run_dir: str,
    decision: str | None,
    control: str | None,
    type_id: str | None,
    limit: str | None,
    as_json: bool,
) -> None:
    screen = Screen(as_json)
    wanted = Filter(
        one_of("--decision", decision, tuple(OUTCOME_NAMES.values())) if decision is not None else "",
        one_of("--control", control.upper(), control_names()) if control is not None else "",
        type_id or "",
    )
    most = LIMIT_DEFAULT if limit is None else whole_number("--limit", limit, 1, LIMIT_MAX)
    path = run_directory(run_dir)
    names = names_of(path)
    if type_id is not None:
        one_of("--type", type_id, names.types)
    shown: list[Row] = []
    matched = examined = 0
    with screen.progress("reading", _size(path)) as advance:
        for row in _rows(path, names):
            examined += 1
            if wanted.wants(row):
                matched += 1
                if len(shown) < most:
                    shown.append(row)
            if examined % 20_000 == 0:
                advance(row.ref)
    screen.emit(
        "maso.ls/1", {"matched": matched, "examined": examined, "rows": [_document(r) for r in shown]}
    )
    _show(screen, shown, matched, examined)
    if not matched:
        raise Stop(NOTHING, f"none of {examined:,} records matches", shown=True)


def _size(path: Path) -> int:
    """About how many records there are; only for the progress bar."""
    from maso.evidence.storage import evidence_dir

    return sum(f.stat().st_size for f in evidence_dir(path).iterdir()) // 250


def _rows(path: Path, names: Names) -> Iterator[Row]:
    parties = Parties(names)
    for number, record in records_of(path):
        row = _row(number, record, names, parties)
        if row is not None:
            yield row


def _row(number: int, record: Record, names: Names, parties: Parties) -> Row | None:
    match record:
        case MessageRecord():
            return _message(number, record, names, parties)
        case AdmitRecord():
            parties.note(record)
            who = (
                parties.name(record.members[0][0])
                if len(record.members) == 1
                else f"{len(record.members)} agents"
            )
            sender = who if record.members else "unknown"
            return Row(
                number,
                record.now,
                _outcome(record.outcome),
                record.session,
                sender,
                "",
                "credential",
                record.findings,
            )
        case ContractRecord():
            return Row(number, record.now, _outcome(record.outcome), 0, "", "", "contract", record.findings)
    return None


def _message(number: int, record: MessageRecord, names: Names, parties: Parties) -> Row:
    what = KIND_NAMES.get(record.kind, "unreadable")
    if record.action:
        name = names.action(record.action)
        what = name if record.kind == MessageKind.ACTION else f"answer to {name}"
    # Who is named in a message that was not authenticated need not have sent it.
    claimed = "" if record.authenticated or not record.sender else " (claimed)"
    sender = parties.type_of(record.sender) or parties.name(record.sender)
    recipient = parties.type_of(record.recipient) or (
        parties.name(record.recipient) if record.recipient else ""
    )
    return Row(
        number,
        record.now,
        _outcome(record.outcome),
        record.session,
        sender + claimed,
        recipient,
        what,
        record.findings,
    )


def _outcome(outcome: int) -> str:
    return OUTCOME_NAMES.get(outcome, str(outcome))


def _document(row: Row) -> dict[str, Any]:
    return {
        "ref": row.ref,
        "at_ns": row.now,
        "decision": row.decision,
        "session": row.session,
        "sender": row.sender,
        "recipient": row.recipient,
        "what": row.what,
        "findings": [{"code": code, "detail": detail} for code, detail in row.findings],
    }


def _show(screen: Screen, rows: list[Row], matched: int, examined: int) -> None:
    from maso.report.terminal import plain_table

    if not rows:
        return
    table = plain_table("envelope#", "at#", "decision", "session#", "from > to", "what", "why")
    table.columns[-1].no_wrap = True
    for row in rows:
        why = "\n".join(code for code, _ in row.findings)  # `explain` has the details
        way = f"{row.sender} > {row.recipient}" if row.recipient else row.sender
        session = session_text(row.session)
        table.add_row(str(row.ref), clock_text(row.now), row.decision, session, way, row.what, why)
    screen.show(table)
    rest = matched - len(rows)
    more = f", {rest:,} more: `--limit {matched}` shows all" if rest else ""
    screen.text("", f"{len(rows):,} of {matched:,} that match, of {examined:,} records{more}")
