"""Whether the role in which somebody signs is one that the fleet file names.

A role is named by the key that holds it (`risk-owner`, `model_selection`) or by the words of the file
(`chief risk officer`). maso cannot know who holds which office, so a role that the file does not name is a
note, not a refusal; and so is one that signs what the findings leave to another.
"""

from pathlib import Path
from typing import Final

from maso.cli.arguments import closest, words
from maso.fleet.load import load
from maso.fleet.model import Governance
from maso.fleet.source import MAX_BYTES
from maso.fleet.template import FleetFile
from maso.signoff.files import read_plain
from maso.signoff.record import SignOffError

FLEET: Final = "fleet.yaml"


def role_notes(directory: Path, role: str) -> list[str]:
    """What the fleet file beside the findings says against this role; nothing when it names it."""
    file = fleet_beside(directory)
    if file is None:
        return ["`fleet.yaml` cannot be read, so the role is not held against it"]
    governance = file.governance
    named = roles_of(governance)
    if not named:
        return ["the fleet file names nobody who could sign: `governance.risk_owner` is not filled in"]
    keys = {"risk_owner": governance.risk_owner, **governance.decision_rights}
    if _same(role) in [_same(name) for name in (*named, *(key for key in keys if keys[key]))]:
        return []
    listed = ", ".join(words(name) for name in named)
    return [f"the fleet file names no role {words(role)}{closest(role, named)}; it names {listed}"]


def holds_role(directory: Path, role: str, who: str) -> bool:
    """Whether `role` is the office `who`, by its words or by the key under which the fleet file names it."""
    if _same(role) == _same(who):
        return True
    file = fleet_beside(directory)
    if file is None:
        return False
    governance = file.governance
    keys = {"risk_owner": governance.risk_owner, **governance.decision_rights}
    return any(_same(role) == _same(key) and _same(who) == _same(name) for key, name in keys.items())


def roles_of(governance: Governance) -> list[str]:
    """The people and offices that the file gives a decision to, the risk owner first."""
    named = [governance.risk_owner, *governance.decision_rights.values(), governance.reversion_owner]
    return list(dict.fromkeys(name for name in named if name))


def _same(role: str) -> str:
    return " ".join(role.replace("_", " ").replace("-", " ").casefold().split())


def fleet_beside(directory: Path) -> FleetFile | None:
    """The fleet file of a run, or None where there is none that can be read."""
    try:
        return load(read_plain(directory / FLEET, MAX_BYTES), FLEET).file
    except (OSError, SignOffError):
        return None
