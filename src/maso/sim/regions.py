"""A network between virtual places: delays, cuts, and messages that are lost, doubled or overtaken.

A message takes the lognormal time around both places' distances, so later ones overtake earlier ones. What is
lost or cut is gone: whoever needs an answer asks again. Nobody is told why.

Not simulated: bandwidth, and a network that changes what it carries (signatures and MACs are for that).
"""

from collections.abc import Callable, Mapping
from typing import Any, Final

from maso.clock import MS
from maso.sim.kernel import Kernel
from maso.streams import Stream

# Two processes in one data centre.
NEAR_NS: Final = MS


class Network:
    """`distance_ns` by place; a place that is not there is near. `now` is the kernel's."""

    __slots__ = (
        "_cuts",
        "_distance",
        "_draws",
        "_kernel",
        "cut_messages",
        "lost",
        "lost_ppm",
        "sent",
        "twice_ppm",
    )

    def __init__(self, kernel: Kernel, draws: Stream, distance_ns: Mapping[str, int]) -> None:
        self._kernel = kernel
        self._draws = draws
        self._distance = dict(distance_ns)
        self._cuts: list[tuple[str, str]] = []
        self.lost_ppm = 0
        self.twice_ppm = 0
        self.sent = self.lost = self.cut_messages = 0

    def send(self, source: str, target: str, deliver: Callable[[Any], None], what: Any) -> None:
        """`deliver(what)` happens at the other end, perhaps never, perhaps twice."""
        self.sent += 1
        if self.apart(source, target):
            self.cut_messages += 1
            return
        if self.lost_ppm and self._draws.chance(self.lost_ppm):
            self.lost += 1
            return
        times = 2 if self.twice_ppm and self._draws.chance(self.twice_ppm) else 1
        median = NEAR_NS + self._distance.get(source, 0) + self._distance.get(target, 0)
        for _ in range(times):
            self._kernel.after(self._draws.latency(median), deliver, what)

    def cut(self, one: str, other: str) -> None:
        """Nothing passes between two places, in either direction; `*` is everywhere."""
        self._cuts.append((one, other))

    def mend(self, one: str, other: str) -> None:
        if (one, other) in self._cuts:
            self._cuts.remove((one, other))

    def apart(self, source: str, target: str) -> bool:
        pairs = ((source, target), (target, source))
        return any(a == one and other in (b, "*") for one, other in self._cuts for a, b in pairs)
