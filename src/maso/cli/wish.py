"""What `maso run` is asked for, read from the command line."""

from pathlib import Path
from typing import NamedTuple


class Wish(NamedTuple):
    """What the command line asks for, read. `attacks`: ids of adversaries; None is all of them.

    faults  as given; what they name is looked up once the fleet is known
    """

    minutes: int
    seed: int
    peak: bool
    attacks: tuple[str, ...] | None
    out: Path
    faults: tuple[str, ...] = ()
