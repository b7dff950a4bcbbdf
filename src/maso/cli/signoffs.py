"""What `verify` says of the sign-offs of a stress run: who signed what, whether it holds, for how long."""

from datetime import datetime
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

from maso.cli.roles import fleet_beside
from maso.cli.screen import Screen
from maso.signoff.chain import Chain, Entry, as_data
from maso.signoff.files import FINDINGS, SIGNATURES_DIR, read_chain, read_findings
from maso.signoff.record import SignOff, SignOffError, digest_of, one_line


class Pins(NamedTuple):
    """What whoever verifies knows from elsewhere, as hexadecimal digits.

    keys     fingerprints of keys that must have signed the findings that are here
    records  digests of records that must be there
    """

    keys: tuple[str, ...] = ()
    records: tuple[str, ...] = ()


class SignedState(NamedTuple):
    """The sign-offs of a directory.

    problems  why they do not verify, beside what `chain` says
    notes     what whoever verifies should know, though they verify
    """

    findings_sha256: str
    chain: Chain
    problems: tuple[str, ...]
    notes: tuple[str, ...]
    pins: Pins

    @property
    def ok(self) -> bool:
        return self.chain.holds and not self.problems


def has_findings(path: Path) -> bool:
    """Whether there is something of a stress run to verify, be it only what is left of it."""
    return any((path / name).is_symlink() or (path / name).exists() for name in (FINDINGS, SIGNATURES_DIR))


def examine(path: Path, pins: Pins) -> SignedState:
    """Read the findings and who signed them; changes nothing."""
    problems: list[str] = []
    notes: list[str] = []
    digest = ""
    try:
        data = read_findings(path)
        digest = digest_of(data)
        notes += _fleet_notes(path, data)
    except FileNotFoundError:
        problems.append(f"`{FINDINGS}` is missing")
    except SignOffError as error:
        problems.append(str(error))
    chain = read_chain(path, digest)
    signing = [entry.record.fingerprint for entry in chain.entries if entry.record and entry.valid]
    present = [entry.sha256 for entry in chain.entries]
    problems += [
        f"no valid sign-off of these findings is by the key {pin}" for pin in pins.keys if pin not in signing
    ]
    problems += [
        f"the sign-off {pin} is not here: it was removed or changed"
        for pin in pins.records
        if pin not in present
    ]
    return SignedState(
        digest, chain, tuple(problems), (*notes, *_key_notes(chain), *_order_notes(chain)), pins
    )


def _fleet_notes(path: Path, findings: bytes) -> list[str]:
    """Whether `fleet.yaml` is the fleet of the findings. A note: its digest is made anew by each version."""
    from maso.findings import decode
    from maso.stress.engine.job import fleet_file_digest

    try:
        expected = decode(findings).fleet.sha256
    except (ValueError, RecursionError):
        return [f"`{FINDINGS}` cannot be read as findings by this version of maso"]
    file = fleet_beside(path)
    if file is None:
        return ["`fleet.yaml` cannot be read: what the findings are about is not here"]
    if fleet_file_digest(file) == expected:
        return []
    return ["`fleet.yaml` is not the fleet of these findings: it was changed, or another maso measured it"]


def _key_notes(chain: Chain) -> list[str]:
    """Names under which several keys signed, which is somebody's new key or somebody else."""
    keys: dict[str, list[str]] = {}
    for entry in chain.entries:
        if entry.record and not entry.broken:
            keys.setdefault(entry.record.name, []).append(entry.record.fingerprint)
    return [
        f"under the name {one_line(name)} there are sign-offs with {len(set(used))} different keys"
        for name, used in keys.items()
        if len(set(used)) > 1
    ]


def _order_notes(chain: Chain) -> list[str]:
    """Records that say they are older than the one they follow: a clock that was wrong, or a false date."""
    known = [(entry.number, entry.record.signed_at) for entry in chain.entries if entry.record]
    return [
        f"sign-off {number} says that it was signed before sign-off {before}, which it follows"
        for (before, earlier), (number, later) in pairwise(known)
        if later < earlier
    ]


def document(state: SignedState) -> dict[str, Any]:
    return {
        "ok": state.ok,
        "findings_sha256": state.findings_sha256,
        "signed": bool(state.chain.entries),
        "head": state.chain.head,
        "notes": list(state.notes),
        "problems": [*([state.chain.fault] if state.chain.fault else []), *state.problems],
        "records": [as_data(entry) for entry in state.chain.entries],
        "strays": list(state.chain.strays),
    }


def show(screen: Screen, state: SignedState, moment: datetime) -> None:
    """For people. Texts of a record may be anybody's, so each is shown on one line and without effect."""
    for entry in state.chain.entries:
        _show_entry(screen, entry, moment)
    for problem in ((state.chain.fault,) if state.chain.fault else ()) + state.problems:
        screen.text(one_line(problem))
    for note in state.notes:
        screen.text(f"note: {note}")
    if state.chain.strays:
        screen.text(f"`{SIGNATURES_DIR}` also holds {len(state.chain.strays)} files that are no sign-offs")
    if not state.ok:
        screen.text("the sign-offs do not verify")
    elif not state.chain.entries:
        screen.text("nobody has signed the findings")
        return
    else:
        screen.text("the sign-offs verify", f"  findings {state.findings_sha256}")
    if not state.pins.keys:
        screen.text("  not checked: whose keys these are; give `--key-fingerprint` for that")
    if not state.pins.records:
        screen.text("  not checked: whether the last sign-offs were removed; give `--signed` for that")


def _show_entry(screen: Screen, entry: Entry, moment: datetime) -> None:
    record = entry.record
    if record is None:
        screen.text(f"sign-off {entry.number}: {one_line(entry.why)}")
        return
    screen.text(
        f"sign-off {entry.number}: {one_line(record.name)}, {one_line(record.role)}, {record.signed_at}"
    )
    if entry.why:
        screen.text(f"  {one_line(entry.why)}")
    total = len(record.accepted) + len(record.not_accepted)
    screen.text(f"  accepts {len(record.accepted)} of {total}")
    for one in record.accepted:
        until = f", until {one.expires}" if one.expires else ""
        late = " (expired)" if one.expires and one.expires < moment.date().isoformat() else ""
        screen.text(f"    {one_line(one.id)}{until}{late}")
        if one.condition:
            screen.text(f"      on condition: {one_line(one.condition)}")
        if one.decides:
            screen.text(f"      left to another role: {one_line(one.decides)} decides")
    if record.not_accepted:
        screen.text(f"  does not accept {', '.join(one_line(one.id) for one in record.not_accepted)}")
    if _in_future(record, moment):
        screen.text("  note: signed later than this machine's clock says it is")
    screen.text(f"  key {record.fingerprint}", f"  record {entry.sha256}")


def _in_future(record: SignOff, moment: datetime) -> bool:
    return record.signed_at > moment.strftime("%Y-%m-%dT%H:%M:%SZ")
