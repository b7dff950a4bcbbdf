"""Whether the role in which somebody signs is one that the fleet file names.

A role is named by the key that holds it (`risk-owner`, `model_selection`) or by the words of the file
(`chief risk officer`). maso cannot know who holds which office, so a role that the file does not name is a
note, not a refusal.
"""

from pathlib import Path
from typing import Final

from maso.cli.arguments import closest, words
from maso.fleet.load import load
from maso.fleet.model import Governance
from maso.signoff.files import read_plain
from maso.signoff.record import SignOffError

_FLEET_BYTES_MAX: Final = 16_000_000  # the loader takes less; it says so itself


def role_notes(fleet_file: Path, role: str) -> list[str]:
    """What the fleet file beside the findings says against this role; nothing when it names it."""
    governance = _governance(fleet_file)
    if governance is None:
        return ["`fleet.yaml` cannot be read, so the role is not held against it"]
    named = roles_of(governance)
    if not named:
        return ["the fleet file names nobody who could sign: `governance.risk_owner` is not filled in"]
    keys = {"risk_owner": governance.risk_owner, **governance.decision_rights}
    if _same(role) in [_same(name) for name in (*named, *(key for key in keys if keys[key]))]:
        return []
    listed = ", ".join(words(name) for name in named)
    return [f"the fleet file names no role {words(role)}{closest(role, named)}; it names {listed}"]


def roles_of(governance: Governance) -> list[str]:
    """The people and offices that the file gives a decision to, the risk owner first."""
    named = [governance.risk_owner, *governance.decision_rights.values(), governance.reversion_owner]
    return list(dict.fromkeys(name for name in named if name))


def _same(role: str) -> str:
    return " ".join(role.replace("_", " ").replace("-", " ").casefold().split())


def _governance(fleet_file: Path) -> Governance | None:
    try:
        loaded = load(read_plain(fleet_file, _FLEET_BYTES_MAX), "fleet.yaml")
    except (OSError, SignOffError):
        return None
    return loaded.file.governance if loaded.file is not None else None
