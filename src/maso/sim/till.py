"""The payment gateway as a process: it takes time, has a fence, and can be slow, busy, unsure or gone.

A call is checked by the fence when it arrives, and booked when its time of service is over; what a crash
does to it in between is drawn. A refusal of the fence is silence: whoever has no right to call has none to
an answer, and an honest caller's row still says that an answer is owed.

A statement of the books is given when everything that was let in before has been booked: it comes with the
promise that nothing of an older epoch follows.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import msgspec

from maso.clock import MS, SECOND
from maso.resilience.lease import Call as Asked
from maso.resilience.lease import Fence, Lease, Revocation
from maso.resilience.reconcile import Answer
from maso.streams import PER_MILLION
from maso.worlds.base import MemoryStore
from maso.worlds.gateway import Account, Call, Gateway, Hold, Verb

if TYPE_CHECKING:
    from maso.sim.scene import Scene

SERVICE_NS: Final = 150 * MS
POLL_NS: Final = 100 * MS
_CHANGES: Final = (Verb.AUTHORISE, Verb.CAPTURE, Verb.VOID, Verb.REFUND)


class Letter(NamedTuple):
    """A call on its way: with which right, about what, and where the answer goes."""

    call: Call
    lease: Lease | None
    asked: Asked
    source: str
    reply: Callable[[Any], None]


class Booked(NamedTuple):
    """A new entry in the gateway's books; `kind` is who caused it."""

    at: int
    kind: str
    ref: int
    key: str
    verb: Verb
    epoch: int
    let_in: int
    session: int


class Barred(NamedTuple):
    """From `at` on the gateway knows that older epochs of this type are void; a session's has only one."""

    at: int
    kind: str
    epoch: int


class Statement(NamedTuple):
    holds: tuple[Hold, ...]
    accounts: tuple[Account, ...]


class Till:
    def __init__(self, scene: Scene) -> None:
        self._scene = scene
        self.gateway = Gateway(MemoryStore())
        self.fence = Fence(scene.verify, lease_ns=scene.plan.lease_ns, drift_ns=scene.plan.drift_ns)
        self.booked: list[Booked] = []
        self.barred: list[Barred] = []
        self._proofs: list[Revocation] = []
        self.fenced: Counter[str] = Counter()
        self._working = 0
        self._seen: set[str] = set()
        self.calls_at_once_max = 0

    def arrive(self, letter: Letter) -> None:
        scene = self._scene
        if scene.on("gateway-crash"):
            return
        if scene.on("gateway-fails"):
            scene.net.send("gateway", letter.source, letter.reply, (letter.call, Answer.BUSY))
            return
        why = self.fence.refuses(letter.lease, letter.asked, scene.clock("gateway"))
        if why:
            self.fenced[why] += 1
            return
        service = scene.draws.latency(SERVICE_NS)
        if scene.on("gateway-slow"):
            service = scene.draws.below(scene.plan.call_ns)
        self._working += 1
        self.calls_at_once_max = max(self.calls_at_once_max, self._working)
        scene.kernel.after(min(service, scene.plan.call_ns), self._book, (letter, scene.kernel.now))

    def _book(self, what: tuple[Letter, int]) -> None:
        letter, let_in = what
        scene, call = self._scene, letter.call
        self._working -= 1
        crashed = scene.on("gateway-crash")
        if crashed and scene.draws.chance(PER_MILLION // 2):
            return
        new = call.key not in self._seen
        self._seen.add(call.key)
        answer = self.gateway.call(call)
        if new and call.verb in _CHANGES and answer is Answer.DONE:
            assert letter.lease is not None
            self.booked.append(
                Booked(
                    scene.kernel.now, letter.lease.type, letter.asked.ref, call.key, call.verb,
                    letter.lease.epoch, let_in, letter.asked.session,
                )
            )  # fmt: skip
        if crashed:
            return
        if new and scene.on("gateway-unsure"):
            answer = Answer.UNKNOWN
        scene.net.send("gateway", letter.source, letter.reply, (call, answer))

    # What the switch and the plane say.

    def show(self, lease: Lease) -> None:
        if not self._scene.on("gateway-crash"):
            self.fence.show(lease, self._scene.clock("gateway"))

    def revoked(self, revocation: Revocation) -> None:
        if not self._scene.on("gateway-crash"):
            self._bar(revocation)

    def _bar(self, revocation: Revocation) -> None:
        self.fence.revoke(revocation)
        self.barred.append(Barred(self._scene.kernel.now, revocation.type, revocation.epoch))
        self._proofs.append(revocation)

    def restart(self) -> None:
        """After a crash: the books and the revocations are there, what was frozen is forgotten."""
        plan, now = self._scene.plan, self._scene.clock("gateway")
        self.fence = Fence(self._scene.verify, lease_ns=plan.lease_ns, drift_ns=plan.drift_ns, since=now)
        for revocation in self._proofs:
            self.fence.revoke(revocation)

    def frozen(self, told: tuple[str, int, tuple[int, ...], int]) -> None:
        if not self._scene.on("gateway-crash"):
            self.fence.freeze(*told, self._scene.clock("gateway"))

    def statement(self, told: tuple[tuple[Revocation, ...], Callable[[Any], None]]) -> None:
        """The reconciler asks for the books, and bars older epochs first."""
        scene = self._scene
        if scene.on("gateway-crash") or scene.on("gateway-fails"):
            return
        revocations, reply = told
        for revocation in revocations:
            self._bar(revocation)
        if self._working:
            scene.kernel.after(POLL_NS, self.statement, told)
            return
        holds = tuple(msgspec.structs.replace(hold) for hold in self.gateway.holds())
        accounts = tuple(msgspec.structs.replace(account) for account in self.gateway.accounts())
        scene.net.send("gateway", "reconciler", reply, Statement(holds, accounts))


# How long a reconciler waits for a statement before it asks again.
STATEMENT_NS: Final = 2 * SECOND
