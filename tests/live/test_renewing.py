"""A platform whose own loop stands still keeps its leases, and its next move obeys a freeze all the same."""

import asyncio
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec

from maso.live.renewing import Renewing
from maso.live.wire import Peer, Server
from maso.resilience.lease import Holder, Verifier
from maso.resilience.shutdown import Stage
from tests.live.given import LEASE_NS, SWITCH, issuer

encode = msgspec.msgpack.Encoder().encode
WAIT_SECONDS = 60.0


class Switch:
    """A switch in a thread of its own."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.stage = Stage.RUN
        self.issuer = issuer()
        self.loop = asyncio.new_event_loop()
        self.server = Server(self._answer)
        self.thread = threading.Thread(target=self.loop.run_forever, daemon=True)

    def __enter__(self) -> "Switch":
        self.thread.start()
        asyncio.run_coroutine_threadsafe(self.server.start(self.path), self.loop).result(WAIT_SECONDS)
        return self

    def __exit__(self, *_: object) -> None:
        async def close() -> None:
            self.server.close()
            await asyncio.sleep(0)

        asyncio.run_coroutine_threadsafe(close(), self.loop).result(WAIT_SECONDS)
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join()
        self.loop.close()

    async def _answer(self, peer: Peer, name: str, body: Any) -> Any:
        lease = self.issuer.issue("payment", self.stage, 0, time.monotonic_ns())
        return [] if lease is None else [encode(lease)]

    def push(self, name: str, body: Any) -> None:
        self.loop.call_soon_threadsafe(self.server.push, name, body)


def blocking(seen: Callable[[], bool]) -> None:
    """Wait as a loop waits that has too much to do: nothing else of it runs."""
    end = time.monotonic() + WAIT_SECONDS
    while not seen():
        assert time.monotonic() < end
        time.sleep(0.005)


def test_a_loop_that_stands_still_keeps_its_lease_and_its_next_move_knows_of_a_freeze(sockets: Path) -> None:
    heard: list[tuple[str, Any]] = []

    async def scene(switch: Switch) -> None:
        holder = Holder(Verifier(bytes(SWITCH.verify_key)), "payment", lease_ns=LEASE_NS, drift_ns=10**8)
        renewing = Renewing(
            switch.path, {"payment": holder}, 60 * LEASE_NS, time.monotonic_ns,
            lambda name, body: heard.append((name, body)),
        )  # fmt: skip
        renewing.start()
        blocking(lambda: holder.lease is not None)
        assert holder.lease is not None
        first = holder.lease.serial
        renewing.look()
        blocking(lambda: holder.lease is not None and holder.lease.serial > first)
        assert holder.may_begin(time.monotonic_ns())
        switch.stage = Stage.FREEZE
        switch.push("stage", int(Stage.FREEZE))
        blocking(lambda: holder.stage is Stage.FREEZE)
        assert not holder.may_begin(time.monotonic_ns())
        assert heard == []  # what it is told besides waits for its loop
        switch.push("revoke", encode(switch.issuer.revoke("payment")))
        blocking(lambda: holder.lease is None)
        while not heard:
            await asyncio.sleep(0.005)
        renewing.stop()

    with Switch(sockets / "s") as switch:
        asyncio.run(scene(switch))
    assert heard == [("stage", int(Stage.FREEZE))]
