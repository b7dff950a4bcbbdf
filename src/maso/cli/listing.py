"""`ls`: find the record of a message, a credential or a contract in the evidence of a run.

What a record is about is shown with the names of the fleet file; texts are not, since they are not kept. The
whole log is read once, from the start, because who an NHI is stands in the admissions before.
"""

from pathlib import Path
from typing import Final, NamedTuple

import msgspec

from maso.cli.arguments import one_of, whole_number
from maso.cli.ending import NOTHING, Stop
from maso.cli.evidence import run_directory
from maso.cli.names import (
    Parties,
    control_names,
    controls_of,
    names_of,
    reason_code,
    records_of,
    session_number,
    session_text,
)
from maso.cli.rows import Row, row_document, row_of
from maso.cli.screen import Screen
from maso.clock import clock_text
from maso.evidence.records import AdmitRecord, ContractRecord, MessageRecord, Record
from maso.verdict import OUTCOME_NAMES, Outcome

LIMIT_DEFAULT: Final = 20
LIMIT_MAX: Final = 1_000_000  # more is a job for `--json` and another tool, and would still be listed


class Filter(NamedTuple):
    """What is listed; an empty field lets everything through."""

    decision: str = ""
    control: str = ""
    type: str = ""
    reason: str = ""
    action: str = ""
    session: int = 0
    honest: bool = False

    def wants(self, row: Row) -> bool:
        return (
            (not self.decision or row.decision == self.decision)
            and (not self.type or self.type in (row.sender, row.recipient))
            and (not self.action or row.action == self.action)
            and (not self.session or row.session == self.session)
            and (not self.honest or row.honest)
            and (not self.reason or any(code == self.reason for code, _ in row.findings))
            and (not self.control or any(self.control in controls_of(code) for code, _ in row.findings))
        )


class Size(msgspec.Struct):
    """How many records of each sort the evidence has, in the words that `run` and `verify` use."""

    records: int = 0
    about_messages: int = 0
    held_first: int = 0
    credentials: int = 0
    contracts: int = 0

    def count(self, record: Record) -> None:
        self.records += 1
        match record:
            case MessageRecord():
                self.about_messages += 1
                self.held_first += record.outcome == Outcome.HOLD
            case AdmitRecord():
                self.credentials += 1
            case ContractRecord():
                self.contracts += 1

    @property
    def messages(self) -> int:
        """As `run` counts them: each once, by what was decided in the end."""
        return self.about_messages - self.held_first

    @property
    def listed(self) -> int:
        return self.about_messages + self.credentials + self.contracts


class Asked(NamedTuple):
    """The filters as the user typed them."""

    decision: str | None
    control: str | None
    type: str | None
    reason: str | None
    action: str | None
    session: str | None
    honest: bool


def ls_command(
    run_dir: str,
    asked: Asked,
    limit: str | None,
    as_json: bool,
) -> None:
    screen = Screen(as_json)
    wanted = _read(asked)
    most = LIMIT_DEFAULT if limit is None else whole_number("--limit", limit, 1, LIMIT_MAX)
    path = run_directory(run_dir)
    names = names_of(path)
    if asked.type is not None:
        one_of("--type", asked.type, names.types)
    if asked.action is not None:
        one_of("--action", asked.action, names.actions)
    shown: list[Row] = []
    matched, size, parties = 0, Size(), Parties(names)
    with screen.progress("reading", _size(path)) as advance:
        for number, record in records_of(path):
            size.count(record)
            row = row_of(number, record, names, parties)
            if row is not None and wanted.wants(row):
                matched += 1
                if len(shown) < most:
                    shown.append(row)
            if number % 20_000 == 0:
                advance(number)
    document = {"matched": matched, **_size_document(size), "rows": [row_document(r) for r in shown]}
    screen.emit("maso.ls/1", document)
    _show(screen, shown, matched, size)
    if not matched:
        raise Stop(NOTHING, f"none matches; {_size_text(size)}", shown=True)


def _read(asked: Asked) -> Filter:
    """Types and actions are known only when the run's fleet file is read."""
    given = {option: text for option, text in asked._asdict().items() if isinstance(text, str)}
    if "decision" in given:
        one_of("--decision", given["decision"], tuple(OUTCOME_NAMES.values()))
    if "control" in given:
        given["control"] = one_of("--control", given["control"].upper(), control_names())
    if "reason" in given:
        given["reason"] = reason_code("--reason", given["reason"])
    session = given.pop("session", None)
    number = 0 if session is None else session_number("--session", session)
    return Filter(**given, session=number, honest=asked.honest)


def _size_document(size: Size) -> dict[str, int]:
    return {
        "records": size.records,
        "messages": size.messages,
        "held_first": size.held_first,
        "credentials": size.credentials,
        "contracts": size.contracts,
        "other_records": size.records - size.listed,
    }


def _size_text(size: Size) -> str:
    return (
        f"the evidence has {size.records:,} records: {size.messages:,} messages as decided in the end,"
        f" {size.held_first:,} that were held first, {size.credentials:,} credentials,"
        f" {size.contracts:,} contracts, {size.records - size.listed:,} others (not listed)"
    )


def _size(path: Path) -> int:
    """About how many records there are; only for the progress bar."""
    from maso.evidence.storage import evidence_dir

    return sum(f.stat().st_size for f in evidence_dir(path).iterdir()) // 250


def _show(screen: Screen, rows: list[Row], matched: int, size: Size) -> None:
    from maso.report.terminal import plain_table

    if not rows:
        return
    table = plain_table("envelope#", "at#", "decision", "session#", "from > to", "what", "why")
    table.columns[-1].no_wrap = True
    for row in rows:
        why = "\n".join(code for code, _ in row.findings)  # `explain` has the details
        session = session_text(row.session)
        table.add_row(str(row.ref), clock_text(row.now), row.decision, session, row.way, row.what, why)
    screen.show(table)
    rest = matched - len(rows)
    more = f"; {rest:,} more: `--limit {matched}` shows all" if rest else ""
    screen.text("", f"{len(rows):,} of {matched:,} that match{more}", _size_text(size))
