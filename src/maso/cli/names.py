"""Names for the numbers in a run's evidence: agents, ports, actions, compartments, reasons.

Types and actions are numbered by the fleet file of the run (`fleet.yaml` beside the evidence); who an NHI is,
the admissions say. What has no name keeps its number, so that a damaged or foreign file hides nothing.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

import msgspec

from maso.cli.arguments import closest, words
from maso.cli.ending import UNVERIFIED, Stop, usage
from maso.controls.catalog import ALSO, CONTROLS
from maso.evidence.format import EvidenceError
from maso.evidence.read import read
from maso.evidence.records import AdmitRecord, Record, decode_record
from maso.fleet.load import FleetError, load_fleet
from maso.identity import nhi_text
from maso.labels import label_text
from maso.plane.decide import REASONS as PLANE_REASONS
from maso.sim.adversaries.ground import HOSTILE_CHANNELS_FROM, HOSTILE_SESSIONS_FROM
from maso.verdict import Reason

REASON_BY_CODE: Final = {r.code: r for c in CONTROLS for r in c.reasons} | {r.code: r for r in PLANE_REASONS}
_HOME_BY_CODE: Final = {r.code: c.id for c in CONTROLS for r in c.reasons}


class Names(NamedTuple):
    """types: agent types, then ports, as the rulebook numbers them; actions: from number 1 on."""

    types: tuple[str, ...]
    ports: tuple[str, ...]
    actions: tuple[str, ...]
    compartments: tuple[str, ...]

    def of_type(self, index: int) -> str:
        return self.types[index] if 0 <= index < len(self.types) else f"type {index}"

    def action(self, number: int) -> str:
        return self.actions[number - 1] if 0 < number <= len(self.actions) else f"action {number}"

    def actions_in(self, bits: int) -> list[str]:
        return [self.action(n) for n in range(1, bits.bit_length()) if bits >> n & 1]

    def label(self, label: int) -> str:
        return label_text(None if label < 0 else label, self.compartments)


class Parties:
    """Who the NHIs are, as far as admissions were read."""

    def __init__(self, names: Names) -> None:
        self._names = names
        self._known: dict[int, tuple[int, int, int]] = {}  # NHI -> type index, number, session

    def note(self, record: AdmitRecord) -> None:
        for nhi, type_index, number, _ in record.members:
            self._known[nhi] = (type_index, number, record.session)

    def type_of(self, nhi: int) -> str | None:
        known = self._known.get(nhi)
        return None if known is None else self._names.of_type(known[0])

    def name(self, nhi: int) -> str:
        """The type's name; with its number where a session has several of the type."""
        known = self._known.get(nhi)
        if known is None:
            return nhi_text(nhi) if nhi else "unknown"
        name = self._names.of_type(known[0])
        return f"{name}.{known[1]}" if known[1] else name


def names_of(run_dir: Path) -> Names:
    """The names in the fleet file of a run; raises Stop when it is not there or was damaged."""
    path = run_dir / "fleet.yaml"
    try:
        fleet, _ = load_fleet(path)
    except FleetError as error:
        raise Stop(
            UNVERIFIED,
            *(str(mistake) for mistake in error.mistakes[:3]),
            "the fleet file of the run cannot be read; `maso verify` says more",
        ) from None
    ports = tuple(p.id for p in fleet.ports)
    return Names(
        (*(t.id for t in fleet.types), *ports),
        ports,
        tuple(a.id for a in fleet.actions),
        tuple(c.id for c in fleet.compartments),
    )


def records_of(run_dir: Path) -> Iterator[tuple[int, Record]]:
    """Every record with its number; raises Stop at damage."""
    try:
        for number, body in read(run_dir):
            yield number, decode_record(body)
    except (EvidenceError, msgspec.DecodeError) as error:
        what = str(error) if isinstance(error, EvidenceError) else "a record cannot be read"
        raise Stop(UNVERIFIED, what, "the evidence is damaged; `maso verify` says where") from None


def parties_of(run_dir: Path, names: Names) -> Parties:
    """Everybody who was ever admitted in a run; raises Stop at damage."""
    parties = Parties(names)
    for _, record in records_of(run_dir):
        if isinstance(record, AdmitRecord):
            parties.note(record)
    return parties


def session_text(session: int) -> str:
    """`12`; `h8` for a session of an adversary; empty for none, as ports have."""
    if session >= HOSTILE_SESSIONS_FROM:
        return f"h{session - HOSTILE_SESSIONS_FROM}"
    return str(session) if session else ""


def session_number(option: str, text: str) -> int:
    """The session that `session_text` writes so; raises Stop."""
    digits = text.lower().removeprefix("h")
    if not (digits.isascii() and digits.isdigit()) or len(digits) > 18 or not int(digits):
        raise usage(f"`{option}` is {words(text)}; legal: a session as `maso ls` shows it, such as 12 or h8")
    return int(digits) + (HOSTILE_SESSIONS_FROM if digits != text else 0)


def channel_text(channel: int) -> str:
    """`76`; `h8` for a channel of an adversary."""
    return f"h{channel - HOSTILE_CHANNELS_FROM}" if channel >= HOSTILE_CHANNELS_FROM else str(channel)


def reason_of(code: str) -> Reason:
    """What the catalogue knows about a code; a code of another version of maso keeps its name."""
    known = REASON_BY_CODE.get(code)
    return known if known is not None else Reason(code, code.partition("/")[0], "not known here", "")


def reason_code(option: str, text: str) -> str:
    """A code of the catalogue, in any case; raises Stop."""
    by_lower = {code.lower(): code for code in REASON_BY_CODE}
    if text.lower() in by_lower:
        return by_lower[text.lower()]
    control = text.upper().partition("/")[0]
    near = sorted(code for code in REASON_BY_CODE if code.startswith(f"{control}/"))
    legal = (
        ", ".join(f"`{code}`" for code in near) or "a reason as `maso run` prints it, such as `IA-2.1/mac`"
    )
    raise usage(f"`{option}` is {words(text)}{closest(text, list(REASON_BY_CODE))}; legal: {legal}")


def controls_of(code: str) -> tuple[str, ...]:
    """The ids under which a reason is found: its own control, and the one in whose file it stands."""
    reason = reason_of(code)
    home = _HOME_BY_CODE.get(code, reason.control)
    return (reason.control,) if home == reason.control else (reason.control, home)


def control_names() -> list[str]:
    """Every id that a reason may be looked up by."""
    return [
        *(c.id for c in CONTROLS),
        *(name for name in ALSO if any(name == r.control for r in REASON_BY_CODE.values())),
    ]
