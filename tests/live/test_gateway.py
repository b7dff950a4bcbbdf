"""The gateway as a process: nothing without a good lease, epochs outlive a crash, a lost answer is booked."""

import asyncio
import sqlite3
import time
from pathlib import Path
from typing import Any

import msgspec
import pytest

from maso.clock import SECOND
from maso.live.gateway_process import FENCED, Faults, Told
from maso.live.processes import Child
from maso.live.wire import Client, LostError, Peer, Server
from maso.resilience.lease import Lease, Revocation
from maso.resilience.shutdown import Stage
from tests.live.given import SWITCH, issuer

encode = msgspec.msgpack.Encoder().encode
DRIFT_NS = 50_000_000
# No test here is about a lease that ends by itself, but one; the others must not be by accident.
LONG_NS = 600 * SECOND


class Scene:
    """A gateway, a switch that only tells revocations, and a caller."""

    def __init__(self, folder: Path, sockets: Path, faults: Faults | None = None) -> None:
        self.told = Told(
            str(sockets / "g"), str(folder / "gateway.db"), str(sockets / "s"), bytes(SWITCH.verify_key), 1,
            1, LONG_NS, DRIFT_NS, faults or Faults(),
        )  # fmt: skip
        self.folder = folder
        self.revoked: list[Revocation] = []
        self.issuer = issuer()
        self.issuer.lease_ns = LONG_NS
        self.server = Server(self._switch)
        self.client = Client(sockets / "g")
        self.child: Child

    async def _switch(self, peer: Peer, name: str, body: Any) -> Any:
        return [encode(revocation) for revocation in self.revoked]

    async def __aenter__(self) -> "Scene":
        await self.server.start(Path(self.told.switch_socket))
        await self.up()
        return self

    async def up(self) -> None:
        self.child = await Child.start("gateway_process", self.told, self.folder / "errors.txt")

    async def __aexit__(self, *_: object) -> None:
        await self.child.stop()
        self.client.close()
        self.server.close()
        await asyncio.sleep(0)
        assert (self.folder / "errors.txt").read_text() == ""

    def lease(self, stage: Stage = Stage.RUN) -> Lease:
        given = self.issuer.issue("payment", stage, 0, time.monotonic_ns())
        assert given is not None
        return given

    async def call(self, verb: str, key: str, lease: Lease | None, target: str = "O1", ref: int = 5) -> Any:
        epoch = 0 if lease is None else lease.epoch
        body = [(verb, key, target, 0 if verb == "void" else 700), ("payment", epoch, 1, ref)]
        leased = None if lease is None else encode(lease)
        said, why = await self.client.ask("call", [*body, leased], 2)
        return f"{said}: {why}" if why else said

    async def revoke(self) -> None:
        revocation = self.issuer.revoke("payment")
        self.revoked.append(revocation)
        self.server.push("revoke", encode(revocation))
        await asyncio.sleep(0.2)

    async def freeze(self, ref: int, under_way: list[int], leased: Lease) -> None:
        await self.client.ask("freeze", [("payment", ref, under_way, leased.epoch)], 2)

    def bookings(self) -> list[str]:
        with sqlite3.connect(self.told.books) as db:
            return [key for (key,) in db.execute("select key from rows where tbl = 'booking' order by key")]


def test_only_a_good_lease_pays(tmp_path: Path, sockets: Path) -> None:
    async def scene() -> None:
        async with Scene(tmp_path, sockets) as gateway:
            good = gateway.lease()
            assert await gateway.call("authorise", "1", None) == f"{FENCED}: no lease"
            forged = msgspec.structs.replace(good, epoch=9)
            assert await gateway.call("authorise", "1", forged) == f"{FENCED}: the signature does not fit"
            assert await gateway.call("authorise", "1", good) == "done"
            assert await gateway.call("authorise", "1", good) == "done"
            assert await gateway.call("capture", "2", good, "1") == "done"
            assert await gateway.call("capture", "3", good, "1") == "refused"
            assert gateway.bookings() == ["1", "2", "3"]

    asyncio.run(scene())


def test_an_epoch_that_is_over_stays_over_after_a_crash(tmp_path: Path, sockets: Path) -> None:
    async def scene() -> None:
        async with Scene(tmp_path, sockets) as gateway:
            old = gateway.lease()
            assert await gateway.call("authorise", "1", old) == "done"
            await gateway.revoke()
            assert await gateway.call("capture", "2", old, "1") == f"{FENCED}: old epoch"
            gateway.child.kill()
            await gateway.child.ended()
            gateway.revoked.clear()  # and nobody tells it again
            await gateway.up()
            assert await gateway.call("capture", "2", old, "1") == f"{FENCED}: old epoch"
            assert await gateway.call("capture", "2", gateway.lease(), "1") == "done"
            assert gateway.bookings() == ["1", "2"]

    asyncio.run(scene())


def test_after_the_freeze_only_what_was_under_way_passes(tmp_path: Path, sockets: Path) -> None:
    async def scene() -> None:
        async with Scene(tmp_path, sockets) as gateway:
            assert await gateway.call("authorise", "5", gateway.lease()) == "done"
            frozen = gateway.lease(Stage.FREEZE)
            await gateway.freeze(10, [7], frozen)
            assert await gateway.call("authorise", "7", frozen, ref=7) == "done"
            late = f"{FENCED}: not committed before the freeze"
            assert await gateway.call("authorise", "8", frozen, ref=8) == late
            assert await gateway.call("authorise", "12", frozen, ref=12) == late

    asyncio.run(scene())


def test_a_freeze_ends_with_its_epoch(tmp_path: Path, sockets: Path) -> None:
    async def scene() -> None:
        async with Scene(tmp_path, sockets) as gateway:
            before, frozen = gateway.lease(), gateway.lease(Stage.FREEZE)
            await gateway.freeze(10, [7], frozen)
            late = f"{FENCED}: not committed before the freeze"
            for shown in (before, frozen, gateway.lease()):
                assert await gateway.call("authorise", "8", shown, ref=8) == late
            gateway.issuer.revoke("payment")  # called off: the gateway hears of it by the next lease
            assert await gateway.call("authorise", "12", gateway.lease(), ref=12) == "done"
            assert await gateway.call("authorise", "13", before, ref=13) == f"{FENCED}: old epoch"
            await gateway.freeze(10, [14], frozen)  # held up on its way
            again = gateway.lease(Stage.FREEZE)
            await gateway.freeze(20, [19], again)
            assert await gateway.call("authorise", "19", again, ref=19) == "done"
            assert await gateway.call("authorise", "14", again, ref=14) == late

    asyncio.run(scene())


def test_a_lease_that_runs_out_inside_the_gateway_books_nothing(tmp_path: Path, sockets: Path) -> None:
    async def scene() -> None:
        async with Scene(tmp_path, sockets, Faults(slow=1_000_000, slow_ms=700)) as gateway:
            gateway.issuer.lease_ns = 300_000_000
            assert await gateway.call("authorise", "1", gateway.lease()) == (
                f"{FENCED}: the lease has expired"
            )
            assert gateway.bookings() == []

    asyncio.run(scene())


def test_a_lost_answer_was_booked_and_is_told_again(tmp_path: Path, sockets: Path) -> None:
    async def scene() -> None:
        async with Scene(tmp_path, sockets, Faults(lost=1_000_000)) as gateway:
            with pytest.raises(LostError):
                await gateway.call("authorise", "1", gateway.lease())
            assert gateway.bookings() == ["1"]
            with sqlite3.connect(gateway.told.books) as db:
                (noted,) = db.execute("select row from rows where tbl = 'call' and key = '1'").fetchone()
            assert msgspec.json.decode(noted) == ["authorise", "O1", 700, "done"]

    asyncio.run(scene())


def test_busy_and_failing_book_nothing(tmp_path: Path, sockets: Path) -> None:
    async def scene() -> None:
        for faults, said in ((Faults(busy=1_000_000), "busy"), (Faults(fail=1_000_000), "unknown")):
            async with Scene(tmp_path, sockets, faults) as gateway:
                assert await gateway.call("authorise", "1", gateway.lease()) == said
                assert gateway.bookings() == []

    asyncio.run(scene())
