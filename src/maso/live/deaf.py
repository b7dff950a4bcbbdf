"""A platform that obeys nobody, for drills: it keeps its leases for good, whatever they say.

Its instances go on moving, its payments go on calling. What stops it is not in it: the switch's own timers,
a gateway that looks at leases and epochs, and a database that is fenced.
"""

from maso.resilience.lease import Holder, Revocation
from maso.resilience.shutdown import Stage


class DeafHolder(Holder):
    """Holds what it was given once, and hears nothing else."""

    __slots__ = ()

    def revoke(self, revocation: Revocation) -> None:
        pass

    def stops(self, now: int) -> str:
        return "no lease" if self.lease is None else ""

    def may_begin(self, now: int) -> bool:
        return self.lease is not None

    @property
    def stage(self) -> Stage:
        return Stage.RUN
