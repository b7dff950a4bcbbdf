"""Where a rehearsal of a shutdown takes place: time, network, clocks, what is broken, and random draws."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any, NamedTuple

from maso.clock import MS
from maso.resilience.lease import Verifier
from maso.resilience.places import TypeAt, covered
from maso.resilience.switch import StopPlan
from maso.sim.kernel import Kernel
from maso.sim.regions import Network
from maso.streams import Stream, stream


class AllBut(NamedTuple):
    """Every session but one."""

    session: int

    def __contains__(self, session: object) -> bool:
        return session != self.session


class Scene:
    """`clocks` are offsets to the switch's own, in nanoseconds, by place."""

    def __init__(self, plan: StopPlan, public_key: bytes, seed: int, latency_ms: dict[str, int]) -> None:
        self.plan = plan
        self.verify = Verifier(public_key)
        self.draws: Stream = stream(seed, "shutdown")
        self.clocks: dict[str, int] = {}
        self.broken: Counter[str] = Counter()
        self.kernel: Kernel
        self.net: Network
        self.hear_done: Callable[[Any], None]
        self._latency = {name: ms * MS for name, ms in latency_ms.items()}

    def attach(self, kernel: Kernel) -> None:
        self.kernel = kernel
        self.net = Network(kernel, self.draws, self._latency)

    def on(self, kind: str) -> bool:
        """Whether this is broken now."""
        return self.broken[kind] > 0

    def clock(self, place: str) -> int:
        return max(0, self.kernel.now + self.clocks.get(place, 0))

    def covered(self, scope: str) -> tuple[TypeAt, ...]:
        """The types that a scope covers as a whole."""
        return covered(scope, self.plan.types)
