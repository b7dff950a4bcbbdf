"""The fleets that come with maso: files beside this module, loaded like any other."""

from pathlib import Path
from typing import Final

_FOLDER: Final = Path(__file__).parent / "builtin"


def builtin_names() -> tuple[str, ...]:
    return tuple(sorted(p.stem for p in _FOLDER.glob("*.yaml")))


def builtin_path(name: str) -> Path | None:
    """The file of a built-in fleet, or None. `name` is compared, never used to make a path."""
    return next((p for p in sorted(_FOLDER.glob("*.yaml")) if p.stem == name), None)
