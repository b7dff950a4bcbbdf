"""Payments on their way to the gateway: begun in the books, durable, asked for under a lease, finished.

`pay` carries one payment of an agent's action. `take_owed` carries what the shop owes by itself: letting go
what nobody captured, and telling the gateway of orders from before these books (`history`, in a drill only:
a real gateway knows its own past).

No call goes out without a lease of its type that is good at that instant; the gateway looks again when it
books. An answer that does not come in time is no answer: the row stays `asked`, for the reconciler.
"""

import asyncio
from collections.abc import Mapping
from typing import Any, Final

import msgspec

from maso.journeys.actors import Actor
from maso.live.committing import Committer
from maso.live.gateway import Right
from maso.live.gateway_process import FENCED
from maso.live.kernel import LiveKernel
from maso.live.processes import report_task
from maso.live.wire import Client, LostError
from maso.plane.effects import Perform
from maso.resilience.lease import Holder
from maso.resilience.reconcile import Answer
from maso.worlds.base import Args, DeclinedError, Result
from maso.worlds.gateway import Call, Verb
from maso.worlds.shop import Shop

CARRIED: Final = (
    "shop.payment_authorise",
    "shop.payment_capture",
    "shop.payment_void",
    "shop.payment_refund",
)
# An answer that takes longer counts as lost: ten times a card network's median, within E7's freeze.
ANSWER_SECONDS_MAX: Final = 3.0
# The past is told in pages: a thousand orders are 20 KB.
HISTORY_PAGE: Final = 1_000
HISTORY_SECONDS_MAX: Final = 10.0
_HISTORY_WAIT_SECONDS: Final = 0.05
# A gateway may hear of a new epoch before whoever renews its lease does: by a push, which takes milliseconds.
RISEN_WAIT_SECONDS: Final = 0.05
RISEN_LOOKS: Final = 6

_encode = msgspec.msgpack.Encoder().encode


class Payments:
    """All payments of one platform. `holders` by type id; the shop itself acts under the lease of `own`."""

    def __init__(
        self,
        shop: Shop,
        gateway: Client,
        committer: Committer,
        kernel: LiveKernel,
        holders: Mapping[str, Holder],
        own: str,
    ) -> None:
        self._shop = shop
        self._gateway = gateway
        self._committer = committer
        self._kernel = kernel
        self._holders = holders
        self._own = own
        self._past: list[tuple[str, int]] = []
        self._told = asyncio.Event()
        self._told.set()
        self._telling = False
        self.in_flight: dict[str, int] = {}  # key: amount
        self.finished = 0
        self.drained: list[str] = []
        self.draining = False
        self.unanswered: dict[str, int] = {}
        self.last_ns = 0

    @staticmethod
    def carries(operation: str) -> bool:
        return operation in CARRIED

    async def durable(self) -> None:
        await self._committer.durable()

    async def pay(
        self, operation: str, effect: Perform, key: str, sender: Actor | None, args: Args, world_now: int
    ) -> Result:
        """The world's answer once the gateway has done it. Raises DeclinedError where it has not."""
        started = self._shop.begin(operation, effect.session, args, key, world_now)
        if not isinstance(started, Call):
            return started[0]
        agent = self._own if sender is None else sender.rules.id
        answer, why = await self._carry(started, agent, effect.session, effect.ref)
        if answer is None:
            raise DeclinedError(why)
        result, _ = self._shop.finish(started.key, answer, world_now)
        self._finished(started.key)
        await self.durable()
        return result

    async def _carry(self, call: Call, agent: str, session: int, ref: int) -> tuple[Answer | None, str]:
        """The gateway's answer, or None and why there is none to build on."""
        self.in_flight[call.key] = call.amount_minor
        try:
            await self.durable()
            await self._told.wait()  # nothing is refunded before the gateway knows that it was paid
            answer, why = await self._ask(call, agent, session, ref)
        finally:
            self.in_flight.pop(call.key, None)
        if answer is None:
            self.unanswered[why] = self.unanswered.get(why, 0) + 1
        return answer, why

    async def _ask(self, call: Call, agent: str, session: int, ref: int) -> tuple[Answer | None, str]:
        holder = self._holders[agent]
        why = holder.stops(self._kernel.now)
        if why or holder.lease is None:
            return None, why
        right = Right(agent, holder.lease.epoch, session, ref)
        self.last_ns = self._kernel.now
        body: Any = [tuple(call), tuple(right), _encode(holder.lease)]
        try:
            said, why = await self._gateway.ask("call", body, ANSWER_SECONDS_MAX)
        except LostError:
            return None, "no answer"
        if said == FENCED:
            risen = await self._risen(holder, right.epoch)
            return await self._ask(call, agent, session, ref) if risen else (None, str(why))
        answer = Answer(said)
        if answer in (Answer.BUSY, Answer.UNKNOWN):
            return None, answer.value
        return answer, ""

    @staticmethod
    async def _risen(holder: Holder, epoch: int) -> bool:
        """Whether a freeze was called off while a call was under way: it is made again, in the new epoch.

        The fence has done nothing with it. Where everything was terminated there is no new lease.
        """
        for _ in range(RISEN_LOOKS):
            if holder.lease is None or holder.lease.epoch > epoch:
                break
            await asyncio.sleep(RISEN_WAIT_SECONDS)
        return holder.lease is not None and holder.lease.epoch > epoch

    def _finished(self, key: str) -> None:
        self.finished += 1
        if self.draining:
            self.drained.append(key)

    # What the shop owes by itself.

    def take_owed(self) -> None:
        owed, self._shop.owed = self._shop.owed, []
        for call in owed:
            if call.verb is Verb.HISTORY:
                self._past.append((call.target, call.amount_minor))
                continue
            _spawn(self._settle(call))
        if self._past and not self._telling:
            self._telling = True
            self._told.clear()
            _spawn(self._tell())

    async def _settle(self, call: Call) -> None:
        answer, _ = await self._carry(call, self._own, 0, 0)
        if answer is None:
            return
        try:
            self._shop.finish(call.key, answer, self._kernel.now)
        except DeclinedError:
            pass  # nobody waits for it; it is booked, or no answer was owed any more
        self._finished(call.key)

    async def _tell(self) -> None:
        try:
            while self._past:
                await asyncio.sleep(_HISTORY_WAIT_SECONDS)
                page, self._past = self._past[:HISTORY_PAGE], self._past[HISTORY_PAGE:]
                await self.durable()  # the gateway must know no order that a crash takes from us
                try:
                    await self._gateway.ask("history", page, HISTORY_SECONDS_MAX)
                except LostError:
                    self._past = page + self._past
        finally:
            self._telling = False
            self._told.set()


def _spawn(work: Any) -> None:
    asyncio.ensure_future(work).add_done_callback(report_task)
