"""`verify`: do the evidence of a run and the sign-offs of a stress run hold? Says so, and changes nothing.

A directory may hold one, the other or both; what was asked for by an option must be there.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

from maso.cli import signoffs
from maso.cli.arguments import digest, words
from maso.cli.ending import UNVERIFIED, Stop, nothing, usage
from maso.cli.screen import Screen
from maso.evidence.format import EvidenceError
from maso.evidence.storage import evidence_dir
from maso.evidence.verify import Failure, VerifyResult, verify

FAILURES_SHOWN_MAX = 20  # of the first thousand; `--json` has them

_MEANS = {
    "closed": "closed: the run ended and signed its end",
    "recovered": "recovered: the run crashed, and what survived was signed",
    "open": "open: the run did not end, or its end was cut off",
    "torn": "torn: the last entry is incomplete, as after a crash",
    "broken": "broken",
}


def run_directory(text: str) -> Path:
    """The directory of a run with evidence in it; raises Stop."""
    path = _directory(text)
    if not _has_evidence(path):
        raise nothing(f"{words(text)} holds no evidence; legal: the directory that `maso run --out` wrote")
    return path


def _directory(text: str) -> Path:
    if "\0" in text or not text:
        raise usage(f"{words(text)} is no directory; legal: the directory that `maso run --out` wrote")
    path = Path(text)
    if not path.is_dir():
        raise nothing(
            f"there is no directory {words(text)}; legal: the directory that `maso run --out` wrote"
        )
    return path


def _has_evidence(path: Path) -> bool:
    evidence = evidence_dir(path)
    return evidence.is_dir() and any(evidence.iterdir())


class Known(NamedTuple):
    """What whoever verifies knows from elsewhere, as typed."""

    head: str | None = None
    key: str | None = None
    fingerprints: Sequence[str] = ()
    records: Sequence[str] = ()


def verify_command(run_dir: str, known: Known, as_json: bool) -> None:
    screen = Screen(as_json)
    head = None if known.head is None else digest("--head", known.head)
    key = None if known.key is None else digest("--key", known.key)
    pins = signoffs.Pins(
        tuple(digest("--key-fingerprint", text).hex() for text in known.fingerprints),
        tuple(digest("--signed", text).hex() for text in known.records),
    )
    path = _directory(run_dir)
    of_stress = signoffs.has_findings(path) or bool(pins.keys or pins.records)
    log = _Log()
    if head is not None or key is not None or _has_evidence(path) or not of_stress:
        log = _log(screen, run_directory(run_dir), head, key)
    signed = signoffs.examine(path, pins) if of_stress else None
    if log.result is None and signed is not None and signed.ok and not signed.chain.entries:
        raise nothing(f"nobody has signed the findings in {words(run_dir)}, and there is no evidence")
    document = {} if log.result is None else _document(log.result, log.bound)
    if signed is not None:
        document |= {"ok": signed.ok and log.ok, "sign_offs": signoffs.document(signed)}
    screen.emit("maso.verify/1", document)
    if log.result is not None:
        _show(screen, log.result, log.bound, head is not None)
    if signed is not None:
        signoffs.show(screen, signed, datetime.now(UTC))
    if not log.ok or (signed is not None and not signed.ok):
        raise Stop(UNVERIFIED, shown=True)


class _Log(NamedTuple):
    """What the evidence says; None where there is none to examine. `bound`: `_fleet_problem`."""

    result: VerifyResult | None = None
    bound: str = ""

    @property
    def ok(self) -> bool:
        return self.result is None or (self.result.ok and not self.bound)


def _log(screen: Screen, path: Path, head: bytes | None, key: bytes | None) -> _Log:
    size = sum(f.stat().st_size for f in evidence_dir(path).iterdir() if f.is_file())
    done = 0.0
    with screen.progress("verifying", size) as advance:

        def read(more: int) -> None:
            nonlocal done
            done += more
            advance(done)

        try:
            result = verify(path, head=head, public_key=key, progress=read)
        except EvidenceError as error:
            raise nothing(str(error)) from None
    return _Log(result, _fleet_problem(path, result))


def _fleet_problem(path: Path, result: VerifyResult) -> str:
    """What is wrong with the fleet file that lies beside the evidence; empty when it is the one that ran."""
    from maso.fleet.grow import GrowthError, grow
    from maso.fleet.load import load, own_size
    from maso.fleet.rulebook import fleet_digest

    if not result.fleet_sha256:
        return ""
    try:
        loaded = load((path / "fleet.yaml").read_bytes(), "fleet.yaml")
        if loaded.file is not None:
            fleet = grow(loaded.file, own_size(loaded.file))
            if fleet_digest(fleet) == result.fleet_sha256:
                return ""
        return "`fleet.yaml` is not the fleet that this evidence is bound to: it was changed after the run"
    except OSError:
        return "`fleet.yaml` is missing: the evidence is bound to a fleet that is not here"
    except GrowthError:
        return "`fleet.yaml` cannot be read as a fleet: it was changed after the run"


def _document(result: VerifyResult, bound: str) -> dict[str, Any]:
    return {
        "ok": result.ok and not bound,
        "state": result.state,
        "records": result.records,
        "blocks": result.blocks,
        "seals": result.seals,
        "segments": result.segments,
        "bytes": result.size_bytes,
        "recoveries": result.recoveries,
        "cut_bytes": result.cut_bytes,
        "head": result.head.hex(),
        "public_key": result.public_key.hex(),
        "fleet_sha256": result.fleet_sha256.hex(),
        "run_id": result.run_id.decode("utf-8", "replace"),
        "head_seen_at_record": result.head_seen_at_record,
        "fleet_problem": bound or None,
        "failures": [_failure(f) for f in result.failures],
        "failures_not_listed": result.failures_not_listed,
    }


def _failure(failure: Failure) -> dict[str, Any]:
    return {
        "what": failure.what,
        "record": failure.record,
        "records": list(failure.records) if failure.records else None,
        "block": failure.block,
        "entry": failure.entry,
        "segment": failure.segment,
        "offset": failure.offset,
    }


def _place(failure: Failure) -> str:
    if failure.record is not None:
        return f"record {failure.record}: "
    if failure.records is not None:
        first, last = failure.records
        return f"record {first}: " if first == last else f"records {first} to {last}: "
    return ""


def _show(screen: Screen, result: VerifyResult, bound: str, head_known: bool) -> None:
    for failure in result.failures[:FAILURES_SHOWN_MAX]:
        where = f" (`{failure.segment}`, byte {failure.offset})" if failure.segment else ""
        screen.text(f"{_place(failure)}{failure.what}{where}")
    more = len(result.failures) - FAILURES_SHOWN_MAX + result.failures_not_listed
    if more > 0:
        screen.text(f"... and {more} more")
    if bound:
        screen.text(bound)
    if not result.ok or bound:
        screen.text("the evidence does not verify")
        return
    screen.text(
        "the evidence verifies",
        f"  {result.records:,} records in {result.blocks:,} blocks, {result.seals:,} signed"
        f" seal{'s' if result.seals != 1 else ''},"
        f" {result.size_bytes:,} bytes",
        f"  {_MEANS[result.state]}",
    )
    if result.recoveries:
        screen.text(
            f"  recovered {result.recoveries} times, {result.cut_bytes:,} bytes were cut, see the log"
        )
    screen.text(f"  head {result.head.hex()}", f"  key  {result.public_key.hex()}")
    if not head_known:
        screen.text("  not checked: whether it was cut back to an earlier signed end; give `--head` for that")
