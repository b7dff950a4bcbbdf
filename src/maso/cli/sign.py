"""`sign`: a person accepts what a stress run found, item by item, and signs it with the person's own key.

Everything is checked before a key is made or asked for, so that a mistake leaves nothing behind. The record
is placed under the next free number; when another process took that number first, it is made again on top
of what that one wrote. The findings are read once: what is signed is what was shown.
"""

import os
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, Final, NamedTuple

import msgspec
from msgspec import UNSET, UnsetType

from maso import __version__
from maso.cli.arguments import closest, words
from maso.cli.ending import UNVERIFIED, Stop, nothing, usage
from maso.cli.keyring import PASSPHRASE_VARIABLE, Opened, open_key
from maso.cli.roles import holds_role, role_notes
from maso.cli.screen import Screen
from maso.findings import SCHEMA_VERSION, Findings, decode
from maso.signoff.chain import Chain, as_data, file_name
from maso.signoff.files import FINDINGS, SIGNATURES_DIR, place, read_chain, read_findings
from maso.signoff.items import KINDS, Item, by_name, items_of, names_of
from maso.signoff.record import (
    CONDITION_CHARS_MAX,
    NAME_CHARS_MAX,
    NO_RECORD,
    Accepted,
    SignOff,
    SignOffError,
    build,
    digest_of,
    encode,
    one_line,
    typed,
)

NOBODY_NAMED: Final = "nobody is named"  # how findings begin where the fleet file names no one
LEGAL_SHOWN_MAX: Final = 12  # more names than this are no help in a message; `--list` has them
EXPIRY_DAYS_MAX: Final = 3650  # in ten years the fleet that was measured is gone
_ATTEMPTS_MAX: Final = 100  # each failed one means that somebody else signed meanwhile
_HEADINGS: Final = {
    "breakpoint": "Breakpoints",
    "decision": "Decisions",
    "missing": "Questions that the fleet file does not answer",
    "attack": "Ways that are not stopped",
}


class Asked(NamedTuple):
    """The options, as typed."""

    name: str | None
    role: str | None
    accept: Sequence[str] = ()
    conditions: Sequence[str] = ()
    expires: str | None = None
    everything: bool = False
    key: str | None = None
    listing: bool = False


class Found(NamedTuple):
    """What lies in the directory, read once."""

    path: Path
    findings: Findings
    sha256: str
    items: tuple[Item, ...]


class Wanted(NamedTuple):
    """What is to be signed, by whom."""

    name: str
    role: str
    accepted: tuple[Accepted, ...]
    signed_at: str


def now() -> datetime:
    """The clock of whoever signs."""
    return datetime.now(UTC).replace(microsecond=0)


def sign_command(run_dir: str, asked: Asked, as_json: bool) -> None:
    screen = Screen(as_json)
    if not asked.listing:
        _text("--as", asked.name, NAME_CHARS_MAX)
        _text("--role", asked.role, NAME_CHARS_MAX)
    found = _found(run_dir)
    if asked.listing:
        _list(screen, found)
        return
    wanted = _wanted(asked, found, now())
    _intact(found)
    notes = role_notes(found.path, wanted.role)
    key = open_key(wanted.name, asked.key)
    record, file = _signed(found, wanted, key.seed)
    _tell(screen, found, record, file, key, notes)


# --- what is there -----------------------------------------------------------------------------------------


def _found(run_dir: str) -> Found:
    legal = "legal: the directory that `maso stress --out` wrote"
    if not run_dir or "\0" in run_dir:
        raise usage(f"{words(run_dir)} is no directory; {legal}")
    path = Path(run_dir)
    if not path.is_dir():
        raise nothing(f"there is no directory {words(run_dir)}; {legal}")
    try:
        data = read_findings(path)
    except FileNotFoundError:
        raise nothing(f"{words(run_dir)} holds no `{FINDINGS}`; {legal}") from None
    except SignOffError as error:
        raise nothing(f"{words(run_dir)}: {error}") from None
    findings = _decoded(data)
    return Found(path, findings, digest_of(data), items_of(findings))


def _decoded(data: bytes) -> Findings:
    try:
        findings = decode(data)
    except (ValueError, RecursionError):  # msgspec's errors are ValueErrors, and so is text that is no UTF-8
        raise usage(f"`{FINDINGS}` is not of this format; legal: what `maso stress` wrote") from None
    if findings.schema_version.partition(".")[0] != SCHEMA_VERSION.partition(".")[0]:
        raise usage(
            f"`{FINDINGS}` has schema {words(findings.schema_version)}; legal: {SCHEMA_VERSION}, or a later"
            " minor version of it"
        )
    return findings


def _intact(found: Found) -> Chain:
    """The sign-offs that are there; raises Stop when nothing may be built on them."""
    chain = read_chain(found.path, found.sha256)
    if chain.intact:
        return chain
    broken = [f"sign-off {e.number}: {one_line(e.broken)}" for e in chain.entries if e.broken]
    raise Stop(
        UNVERIFIED,
        chain.fault or broken[0],
        "the sign-offs that are there do not verify, so none is added; nothing was done",
    )


# --- what is asked -----------------------------------------------------------------------------------------


def _text(option: str, given: str | None, chars_max: int) -> str:
    if given is None:
        raise usage(f"`{option}` is missing; legal: `maso sign DIR --as NAME --role ROLE --accept ITEM`")
    try:
        return typed(given, chars_max)
    except SignOffError as error:
        raise usage(
            f"`{option}` {words(given)} {error}; legal: up to {chars_max} characters of text"
        ) from None


def _wanted(asked: Asked, found: Found, moment: datetime) -> Wanted:
    if not asked.everything and not asked.accept:
        raise usage(
            "nothing is accepted, so there is nothing to sign; legal: `--accept ITEM` or `--all`; `--list`"
            " shows what can be accepted"
        )
    legal = by_name(found.items)
    chosen = list(found.items) if asked.everything else []
    for name in asked.accept:
        chosen.append(_item("--accept", name, legal, found.items))
    expires = _expiry(asked.expires, moment.date())
    conditions = _conditions(asked.conditions, legal, found.items)
    taken = {(item.kind, item.id) for item in chosen}
    for kind, one in conditions:
        if (kind, one) not in taken:
            raise usage(
                f"`--condition` is about {words(one)}, which is not accepted; legal: an item of `--accept`"
            )
    role = _text("--role", asked.role, NAME_CHARS_MAX)
    accepted = tuple(
        Accepted(
            kind=i.kind, id=i.id, condition=conditions.get((i.kind, i.id), ""), expires=expires,
            decides=_another(found.path, role, i.who),
        )
        for i in found.items
        if (i.kind, i.id) in taken
    )  # fmt: skip
    return Wanted(
        _text("--as", asked.name, NAME_CHARS_MAX),
        role,
        accepted,
        moment.strftime("%Y-%m-%dT%H:%M:%SZ"),
    )


def _another(directory: Path, role: str, who: str) -> str | UnsetType:
    """Who decides, where that is somebody else than the role that signs."""
    if not who or who.startswith(NOBODY_NAMED) or holds_role(directory, role, who):
        return UNSET
    return one_line(who)[:NAME_CHARS_MAX]


def _item(option: str, name: str, legal: dict[str, Item], items: Sequence[Item]) -> Item:
    found = legal.get(name)
    if found is not None:
        return found
    names = names_of(items)
    if not names:
        raise usage(f"`{option}` is {words(name)}; these findings hold nothing to accept; legal: `--all`")
    shown = ", ".join(words(one) for one in names[:LEGAL_SHOWN_MAX])
    more = f" and {len(names) - LEGAL_SHOWN_MAX} more, see `--list`" if len(names) > LEGAL_SHOWN_MAX else ""
    near = closest(name, [one for one in names if one.isprintable()])
    raise usage(f"`{option}` is {words(name)}{near}; legal: {shown}{more}")


def _conditions(
    given: Sequence[str], legal: dict[str, Item], items: Sequence[Item]
) -> dict[tuple[str, str], str]:
    conditions: dict[tuple[str, str], str] = {}
    for text in given:
        name, equals, condition = text.partition("=")
        if not equals:
            raise usage(f"`--condition` is {words(text)}; legal: ITEM=TEXT")
        item = _item("--condition", name.strip(), legal, items)
        if (item.kind, item.id) in conditions:
            raise usage(f"`--condition` is given twice for {words(name)}; legal: one for each item")
        conditions[item.kind, item.id] = _text("--condition", condition, CONDITION_CHARS_MAX)
    return conditions


def _expiry(given: str | None, today: date) -> str:
    """The last day of the acceptance, in UTC; empty when it has no end."""
    if given is None:
        return ""
    last = today + timedelta(days=EXPIRY_DAYS_MAX)
    legal = (
        f"legal: a day such as `{today + timedelta(days=90)}`, or a number of days, 1 to {EXPIRY_DAYS_MAX}"
    )
    try:
        if given.isascii() and given.isdigit():
            day = today + timedelta(days=int(given[:9]))
            wrong = not 1 <= int(given[:9]) <= EXPIRY_DAYS_MAX
        else:
            if len(given) != len("2026-01-31") or not given.isascii() or given.count("-") != 2:
                raise ValueError
            day = date.fromisoformat(given)
            wrong = not today <= day <= last
    except (ValueError, OverflowError):
        raise usage(f"`--expires` is {words(given)}; {legal}") from None
    if wrong:
        why = ", which is in the past" if day < today else ""
        raise usage(f"`--expires` is {words(given)}{why}; {legal}")
    return day.isoformat()


# --- the record --------------------------------------------------------------------------------------------


def _signed(found: Found, wanted: Wanted, seed: bytes) -> tuple[SignOff, bytes]:
    """The record, placed, and the bytes of its file."""
    for _ in range(_ATTEMPTS_MAX):
        chain = _intact(found)
        number = len(chain.entries) + 1
        try:
            record = build(
                maso_version=__version__,
                number=number,
                name=wanted.name,
                role=wanted.role,
                signed_at=wanted.signed_at,
                fleet=found.findings.fleet.name,
                findings_sha256=found.sha256,
                items=found.items,
                accepted=wanted.accepted,
                previous=chain.head,
                seed=seed,
            )
            if place(found.path, number, encode(record), os.urandom(8).hex()):
                return record, encode(record)
        except SignOffError as error:
            raise usage(f"{words(str(found.path))} {error}; nothing was signed") from None
    raise usage(f"{words(str(found.path))} is being signed by too many at once; nothing was signed")


def _earlier_notes(found: Found, record: SignOff) -> list[str]:
    """What the sign-offs before this one say against it."""
    before = [e.record for e in read_chain(found.path, found.sha256).entries if e.number < record.number]
    notes = []
    if any(r and r.name == record.name and r.public_key != record.public_key for r in before):
        notes.append("an earlier sign-off under this name was made with another key")
    last = before[-1] if before else None
    if last is not None and last.findings_sha256 != record.findings_sha256:
        notes.append(
            f"`{FINDINGS}` was changed since the last sign-off, by {one_line(last.name)} at {last.signed_at}:"
            " what is signed now is what stands there now; earlier sign-offs by this key no longer count, and"
            " those by another key are void until that key signs again"
        )
    return notes


# --- what is told ------------------------------------------------------------------------------------------


def _tell(
    screen: Screen, found: Found, record: SignOff, file: bytes, key: Opened, notes: Sequence[str]
) -> None:
    notes = [*notes, *_other_roles(record), *_key_notes(key, record.fingerprint)]
    notes += _earlier_notes(found, record)
    if found.findings.quick:
        notes.append("these findings are of a `--quick` run, which skips what a full one measures")
    for note in notes:
        screen.note(note)
    where = f"{SIGNATURES_DIR}/{file_name(record.number)}"
    texts = {(item.kind, item.id): item.text for item in found.items}
    screen.emit("maso.sign/1", _document(record, where, digest_of(file), notes))
    screen.text(
        f"signed as {one_line(record.name)}, {one_line(record.role)}, {record.signed_at}",
        f"  accepted {len(record.accepted)} of {len(found.items)}{_until(record.accepted)}",
    )
    for one in record.accepted:
        screen.text(f"    {one_line(one.id)}", f"      {one_line(texts[one.kind, one.id])}")
        if one.condition:
            screen.text(f"      on condition: {one_line(one.condition)}")
        if one.decides:
            screen.text(f"      left to another role: {one_line(one.decides)} decides")
    if record.not_accepted:
        left = ", ".join(one_line(named.id) for named in record.not_accepted)
        screen.text(f"  not accepted {len(record.not_accepted)}: {left}")
    screen.text(
        f"  findings {record.findings_sha256}",
        f"  key      {record.fingerprint}",
        f"  record   {digest_of(file)}",
        f"wrote {where}; keep the digest of the record elsewhere: `maso verify --signed` shows its removal",
    )


def _other_roles(record: SignOff) -> list[str]:
    others = [one for one in record.accepted if one.decides]
    if not others:
        return []
    roles = ", ".join(words(role) for role in dict.fromkeys(str(one.decides) for one in others))
    what = "one decision is" if len(others) == 1 else f"{len(others)} decisions are"
    return [f"{what} left to another role than {words(record.role)}: to {roles}; the record says so"]


def _until(accepted: Sequence[Accepted]) -> str:
    return f", until the end of {accepted[0].expires} (UTC)" if accepted and accepted[0].expires else ""


def _key_notes(key: Opened, fingerprint: str) -> list[str]:
    if key.made:
        how = "protected by its passphrase" if key.protected else "without a passphrase"
        made = f"made a key, {how}: {one_line(str(key.where))}"
        return [made, f"its fingerprint is {fingerprint}: whoever verifies needs it, and nobody the file"]
    if not key.protected and os.environ.get(PASSPHRASE_VARIABLE):
        return [f"the key is not protected: `{PASSPHRASE_VARIABLE}` was not needed"]
    return []


def _document(record: SignOff, where: str, sha256: str, notes: Sequence[str]) -> dict[str, Any]:
    plain: dict[str, Any] = msgspec.to_builtins(record)
    del plain["schema"]
    return {**plain, "file": where, "record_sha256": sha256, "notes": list(notes)}


def _list(screen: Screen, found: Found) -> None:
    names = names_of(found.items)
    chain = read_chain(found.path, found.sha256)
    rows = [
        {"item": name, "kind": item.kind, "id": item.id, "text": item.text, "who": item.who}
        for name, item in zip(names, found.items, strict=True)
    ]
    document = {
        "findings_sha256": found.sha256,
        "fleet": found.findings.fleet.name,
        "items": rows,
        "sign_offs": [as_data(entry) for entry in chain.entries],
    }
    screen.emit("maso.sign-items/1", document)
    if not rows:
        screen.text("these findings hold nothing to accept; `--all` signs them as they are")
    for kind in KINDS:
        of_kind = [row for row in rows if row["kind"] == kind]
        if of_kind:
            screen.text(_HEADINGS[kind])
        for row in of_kind:
            who = f" ({one_line(row['who'])} decides)" if row["who"] else ""
            screen.text(f"  {one_line(row['item'])}{who}", f"    {one_line(row['text'])}")
    if chain.head != NO_RECORD or chain.fault:
        screen.text(f"{len(chain.entries)} sign-offs are there; `maso verify` says whether they hold")
