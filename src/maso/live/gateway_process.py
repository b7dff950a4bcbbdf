"""The gateway as a process: serves its books on a socket, and can be slow, fail, lose answers or crash.

Before each call its fence asks whether the lease that comes with it is good *now*: again just before it is
booked, so that a call that was slow inside the gateway is not booked under a lease that ran out meanwhile.
Revocations come by a connection of its own to the switch; where that is cut, leases run out.

Calls are booked in groups: what came in while the last group was being synced is the next one. Its faults
are drawn from a seeded stream, per million calls:

    busy   answers `busy` at once                slow   takes `slow_ms` longer
    fail   answers `unknown`, books nothing      lost   books, and never answers
    crash  ends with `kill -9` of itself after booking this many calls (0: never); the supervisor restarts it
"""

import asyncio
import os
import signal
import time
from pathlib import Path
from typing import Any, Final, NamedTuple

import msgspec

from maso.live.gateway import Books, Right
from maso.live.processes import ready, report_task, run_child, say
from maso.live.wire import Client, LostError, Peer, Server
from maso.resilience import lease
from maso.resilience.reconcile import Answer
from maso.streams import Stream, stream
from maso.worlds.gateway import Call, Verb

# A group that is synced at once: more only makes everybody wait for the slowest disk.
GROUP_MAX: Final = 256
# Rows on a page of a statement: half a megabyte.
PAGE_ROWS: Final = 5_000
# How often a gateway that is cut off tries to reach the switch again.
LISTEN_SECONDS: Final = 0.5
# A gateway that is down for a while, then another few calls.
_KEEP_ALIVE_SECONDS: Final = 1.0

# The answer of the fence.
FENCED: Final = "fenced"

# What makes a new promise; the others end one.
_BEGINS: Final = (Verb.AUTHORISE, Verb.CAPTURE, Verb.REFUND)


class Fenced(NamedTuple):
    """Not served: no good lease, or an old epoch. Nothing was looked up, nothing booked."""

    why: str


_LEASE = msgspec.msgpack.Decoder(lease.Lease)


class Faults(msgspec.Struct, frozen=True):
    """Chances per million calls."""

    busy: int = 0
    slow: int = 0
    fail: int = 0
    lost: int = 0
    slow_ms: int = 0
    crash_after: int = 0


class Told(msgspec.Struct, frozen=True):
    """What a gateway is started with."""

    socket: str
    books: str
    switch_socket: str
    switch_key: bytes
    seed: int
    latency_ms: int
    lease_ns: int
    drift_ns: int
    faults: Faults = Faults()


Waiting = tuple[Call, Right, lease.Lease | None, "asyncio.Future[Answer | Fenced]"]


class GatewayProcess:
    """One gateway."""

    def __init__(self, told: Told) -> None:
        self._told = told
        self._books = Books(Path(told.books))
        self._fence = lease.Fence(
            lease.Verifier(told.switch_key), lease_ns=told.lease_ns, drift_ns=told.drift_ns,
            since=time.monotonic_ns() if self._books.are_old else 0,
        )  # fmt: skip
        self._draws: Stream = stream(told.seed, "gateway")
        self._queue: asyncio.Queue[Waiting] = asyncio.Queue()
        self._booked = 0
        self.refused: dict[str, int] = {}

    async def serve(self) -> None:
        for proof in self._books.proofs():
            self._fence.revoke(msgspec.msgpack.decode(proof, type=lease.Revocation))
        server = Server(self._handle)
        await server.start(Path(self._told.socket))
        booking = asyncio.ensure_future(self._book())
        listening = asyncio.ensure_future(self._listen())
        for task in (booking, listening):
            task.add_done_callback(report_task)
        ready()
        try:
            await asyncio.Event().wait()
        finally:
            server.close()
            self._books.close()

    async def _handle(self, peer: Peer, name: str, body: Any) -> Any:
        if name == "history":
            for order, amount in body:
                self._books.history(str(order), int(amount))
            self._books.commit()
            return len(body)
        if name == "refused":
            return self.refused
        if name == "freeze":
            for agent, ref, under_way, epoch in body:
                now = time.monotonic_ns()
                self._fence.freeze(str(agent), int(ref), map(int, under_way), int(epoch), now)
            return True
        if name == "statement":
            return self._statement(*body)
        if name != "call":
            return None
        fields, rights, leased = body
        call = Call(Verb(fields[0]), *fields[1:])
        held = None if leased is None else _LEASE.decode(leased)
        right = Right(*rights)
        why = self._refuses(held, call, right)
        return self._turned_away(why) if why else await self._slowly(call, right, held)

    def _refuses(self, held: lease.Lease | None, call: Call, right: Right) -> str:
        asked = lease.Call(right.agent, right.session, 0, right.ref, True, call.verb in _BEGINS)
        if held is not None and right.epoch != held.epoch:
            return "another's epoch"
        return self._fence.refuses(held, asked, time.monotonic_ns())

    def _statement(self, leased: bytes, table: str, start: int) -> list[Any] | None:
        """A page of what it holds (`hold`) or has booked (`account`), for the reconciler alone."""
        held = _LEASE.decode(leased)
        asked = lease.Call(lease.RECONCILER, 0, 0, 0, False, False)
        if held.type != lease.RECONCILER or self._fence.refuses(held, asked, time.monotonic_ns()):
            return None
        return self._books.page(table, start, PAGE_ROWS)

    def _turned_away(self, why: str) -> tuple[str, str]:
        self.refused[why] = self.refused.get(why, 0) + 1
        return (FENCED, why)

    async def _slowly(self, call: Call, right: Right, held: lease.Lease | None) -> Any:
        faults, draws = self._told.faults, self._draws
        drawn = draws.below(1_000_000)
        busy, slow, fail = faults.busy, faults.busy + faults.slow, faults.busy + faults.slow + faults.fail
        if drawn < busy:
            return (Answer.BUSY.value, "")
        delay_ms = draws.latency(self._told.latency_ms) + (faults.slow_ms if busy <= drawn < slow else 0)
        await asyncio.sleep(delay_ms / 1_000)
        if slow <= drawn < fail:
            return (Answer.UNKNOWN.value, "")
        answered: asyncio.Future[Answer | Fenced] = asyncio.get_running_loop().create_future()
        self._queue.put_nowait((call, right, held, answered))
        said = await answered
        if isinstance(said, Fenced):
            return self._turned_away(said.why)
        return None if fail <= drawn < fail + faults.lost else (said.value, "")

    async def _book(self) -> None:
        """Groups of calls: each booked, all synced, then all answered."""
        while True:
            group = [await self._queue.get()]
            while len(group) < GROUP_MAX and not self._queue.empty():
                group.append(self._queue.get_nowait())
            said: list[Answer | Fenced] = []
            for call, right, held, _ in group:
                why = self._refuses(held, call, right)
                said.append(Fenced(why) if why else self._books.call(call, right, time.monotonic_ns()))
            self._books.commit()
            self._booked += len(group)
            if 0 < self._told.faults.crash_after <= self._booked:
                os.kill(os.getpid(), signal.SIGKILL)
            for (_, _, _, answered), one in zip(group, said, strict=True):
                if not answered.done():
                    answered.set_result(one)

    async def _listen(self) -> None:
        """Hear revocations from the switch, also after the way to it was cut."""
        client = Client(Path(self._told.switch_socket), self._pushed)
        told = False
        while True:
            try:
                for data in await client.ask("revocations", None, LISTEN_SECONDS):
                    self._revoke(data)
                if not told:
                    told = True
                    say({"listening": True})
                await asyncio.sleep(_KEEP_ALIVE_SECONDS)
            except LostError:
                await asyncio.sleep(LISTEN_SECONDS)

    def _pushed(self, name: str, body: Any) -> None:
        if name == "revoke":
            self._revoke(body)

    def _revoke(self, data: bytes) -> None:
        revocation = msgspec.msgpack.decode(data, type=lease.Revocation)
        if self._fence.revoke(revocation):
            # From here on nothing of an older epoch is booked: groups are booked without a pause in between.
            self._books.over(revocation.type, revocation.epoch, time.monotonic_ns(), data)


async def _main(told: Told) -> None:
    await GatewayProcess(told).serve()


if __name__ == "__main__":
    run_child(Told, _main)
