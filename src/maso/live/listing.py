"""reconciliation.csv: every item of a sweep, for a payments team.

Comma separated, UTF-8, one header line, CRLF, fields quoted where needed (RFC 4180): what spreadsheets and
ledgers load. Amounts are decimal with the currency beside them. A field that a spreadsheet would take for a
formula begins with an apostrophe. Ids and keys only: no name, no address, no card, no token.

The worlds have one currency, and no fleet file names it: `CURRENCY` is its code in this file.
"""

import csv
import io
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final

from maso.disk import writing
from maso.live.reconciler_process import Settlement
from maso.worlds.gateway import Account, Hold

CURRENCY: Final = "EUR"
MINOR_PER_MAJOR: Final = 100
COLUMNS: Final = (
    "item", "kind", "order", "session", "gateway_key", "amount", "currency", "ours_before",
    "gateway_after", "outcome", "last_asked", "reason",
)  # fmt: skip
# What begins a formula in one spreadsheet or another.
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r", "\n")


def safe(text: str) -> str:
    """A field that no spreadsheet takes for a formula."""
    return f"'{text}" if text.startswith(_FORMULA) else text


def decimal(amount_minor: int) -> str:
    sign = "-" if amount_minor < 0 else ""
    major, minor = divmod(abs(amount_minor), MINOR_PER_MAJOR)
    return f"{sign}{major}.{minor:02d}"


def lines(settled: Iterable[Settlement], holds: Mapping[str, Hold], accounts: Mapping[str, Account]) -> str:
    """The file's text. `holds` by key and `accounts` by order are the gateway's own books."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(COLUMNS)
    for row in sorted(settled, key=lambda one: one.item):
        fields = (
            row.item, row.kind, row.order, str(row.session or ""), row.key, decimal(row.amount_minor),
            CURRENCY, row.ours, _theirs(row, holds, accounts), row.outcome, row.asked, row.why,
        )  # fmt: skip
        writer.writerow(
            [field if name == "amount" else safe(field) for name, field in zip(COLUMNS, fields, strict=True)]
        )
    return out.getvalue()


def _theirs(row: Settlement, holds: Mapping[str, Hold], accounts: Mapping[str, Account]) -> str:
    """How it stands at the gateway now, in a word."""
    hold = holds.get(row.key)
    if hold is not None:
        return hold.state
    account = accounts.get(row.order)
    if account is None:
        return "nothing"
    taken, given = decimal(account.captured_minor), decimal(account.refunded_minor)
    return f"captured {taken}, refunded {given}"


def write(path: Path, text: str) -> None:
    part = path.with_name(path.name + ".part")
    with writing(part):
        part.write_text(text, encoding="utf-8", newline="")
    part.replace(path)
