"""At which sizes a fleet is measured: a geometric row on both sides of the target.

A breadth fleet is swept from 5 agents, where a framework's worked examples are, to four times its target (ten
times in a full run): a class is told from its neighbours by the decades it spans. A file that lists its
agents and says nothing of growth is swept from its own size on. A depth fleet is swept from a hundredth of
its sessions to twice as many; beyond, one machine holds no more.
"""

from typing import Final

from maso.fleet.resize import size_max
from maso.fleet.template import FleetFile

BREADTH_MIN: Final = 5  # F: the worked examples have five agents
DEPTH_SHARE_MIN: Final = 100
DEPTH_MAX: Final = 40_000  # sessions: 240,000 instances of six types take some 250 MB
POINTS_QUICK: Final = 6
POINTS_FULL: Final = 9
SEEDS_QUICK: Final = 2
SEEDS_FULL: Final = 3


def sweep(file: FleetFile, target: int, quick: bool, most: int | None = None) -> tuple[int, ...]:
    """Rising sizes, the target among them unless it is beyond `most`."""
    if file.kind == "depth":
        low, high = max(1, target // DEPTH_SHARE_MIN), 2 * target
    else:
        low, high = min(BREADTH_MIN, target), target * (4 if quick else 10)
        if file.growth is None:
            low = min(len(file.types), target)  # a part of a fleet that lists all its agents is no fleet
    limit = min(size_max(file, max(DEPTH_MAX, 2 * target)), most or high)
    high = max(min(high, limit), 1)
    low = min(low, high)
    points = POINTS_QUICK if quick else POINTS_FULL
    sizes = {geometric(low, high, i, points - 1) for i in range(points)}
    if target <= high:
        sizes = {size for size in sizes if not 0.8 < size / target < 1.25} | {target}
    return tuple(sorted(sizes))


def geometric(low: int, high: int, step: int, steps: int) -> int:
    """The `step`-th of `steps` equal ratios from `low` to `high`, rounded."""
    return round(low * (high / low) ** (step / steps)) if steps else high
