"""All sign-offs of one directory, judged together against the findings that lie there now.

A record is *broken* when a byte of it was changed, when it is missing, and when it does not follow the file
before it: so the one after a broken one is broken too. A record whose findings are not these findings is
*stale*; it is *superseded* when the same key signed these findings later. A removed last record shows only to
who knows its digest.

Pure: files come as bytes, by name; reading them is `files.py`.
"""

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

from maso.signoff.record import NO_RECORD, SIGN_OFFS_MAX, SignOff, SignOffError, digest_of, fault_of, parse

CHANGED: Final = "findings.json was changed after this was signed"
_SUFFIX: Final = ".json"


class Held(NamedTuple):
    """One file of the folder: its bytes, or why it has none that could be read."""

    name: str
    data: bytes | None
    why: str = ""


class Entry(NamedTuple):
    """One sign-off, judged.

    sha256         of the file; empty when it cannot be read
    broken         why it is no sign-off that follows the one before; empty when it is
    stale          whether it is about other findings than those that are here
    superseded_by  the number of the later sign-off of the same key about these findings; 0: none
    """

    number: int
    record: SignOff | None
    sha256: str
    broken: str
    stale: bool = False
    superseded_by: int = 0

    @property
    def valid(self) -> bool:
        """Whether this is an intact sign-off of the findings that are here."""
        return not self.broken and not self.stale

    @property
    def why(self) -> str:
        """Why it is not valid; empty when it is."""
        if self.broken or not self.stale:
            return self.broken
        return f"{CHANGED}; {self.superseded_by} signs these" if self.superseded_by else CHANGED


class Chain(NamedTuple):
    """The sign-offs in the order of their numbers. `strays`: names of files that are none."""

    entries: tuple[Entry, ...]
    strays: tuple[str, ...] = ()
    fault: str = ""  # of the folder itself

    @property
    def intact(self) -> bool:
        """Whether every record is what was signed, in the order in which it was signed."""
        return not self.fault and not any(entry.broken for entry in self.entries)

    @property
    def holds(self) -> bool:
        """Whether it is intact and everybody who signed has signed the findings that are here."""
        return self.intact and all(entry.valid or entry.superseded_by for entry in self.entries)

    @property
    def head(self) -> str:
        """The digest of the last record; what its signer was told to keep."""
        return self.entries[-1].sha256 if self.entries else NO_RECORD


def file_name(number: int) -> str:
    """The name of the file of record `number`."""
    return f"{number}{_SUFFIX}"


def number_of(name: str) -> int | None:
    """The number in a record's file name; None for any other name."""
    digits = name.removesuffix(_SUFFIX)
    if digits == name or not (digits.isascii() and digits.isdigit()) or len(digits) > 3:
        return None
    number = int(digits)
    return number if file_name(number) == name and 1 <= number <= SIGN_OFFS_MAX else None


def judge(files: Sequence[Held], findings_sha256: str) -> Chain:
    """What these files say of the findings with this digest; empty when there are no findings to read."""
    numbered = {number: held for held in files if (number := number_of(held.name)) is not None}
    strays = tuple(sorted(held.name for held in files if number_of(held.name) is None))
    entries: list[Entry] = []
    for number in range(1, max(numbered, default=0) + 1):
        before = entries[-1] if entries else None
        entries.append(_entry(number, numbered.get(number), before, findings_sha256))
    return Chain(tuple(_superseded(entry, entries) for entry in entries), strays)


def _entry(number: int, held: Held | None, before: Entry | None, findings_sha256: str) -> Entry:
    if held is None:
        return Entry(number, None, "", "it is missing: a sign-off was removed")
    if held.data is None:
        return Entry(number, None, "", held.why)
    sha256 = digest_of(held.data)
    try:
        record = parse(held.data)
    except SignOffError as error:
        return Entry(number, None, sha256, f"`{held.name}` {error}")
    broken = fault_of(record) or _misplaced(record, number, before)
    return Entry(number, record, sha256, broken, record.findings_sha256 != findings_sha256)


def _misplaced(record: SignOff, number: int, before: Entry | None) -> str:
    if record.number != number:
        return f"it was signed as number {record.number}: files were exchanged"
    if record.previous != (before.sha256 if before else NO_RECORD):
        return "it does not follow the sign-off before it: that one was changed or removed"
    return ""


def _superseded(entry: Entry, entries: Sequence[Entry]) -> Entry:
    if entry.record is None or entry.broken or not entry.stale:
        return entry
    for later in entries[entry.number :]:
        if later.record and later.valid and later.record.public_key == entry.record.public_key:
            return entry._replace(superseded_by=later.number)
    return entry


def as_data(entry: Entry) -> dict[str, Any]:
    """One sign-off as plain data for reports and programs. Its texts are as signed: not yet safe to show."""
    record = entry.record
    return {
        "number": entry.number,
        "name": record.name if record else "",
        "role": record.role if record else "",
        "signed_at": record.signed_at if record else "",
        "findings_sha256": record.findings_sha256 if record else "",
        "accepted": [
            {
                "kind": one.kind,
                "id": one.id,
                "condition": one.condition,
                "expires": one.expires,
                **({"decides": one.decides} if one.decides else {}),
            }
            for one in (record.accepted if record else ())
        ],
        "not_accepted": [{"kind": one.kind, "id": one.id} for one in (record.not_accepted if record else ())],
        "fingerprint": record.fingerprint if record else "",
        "record_sha256": entry.sha256,
        "valid": entry.valid,
        "why": entry.why,
    }
