"""The reconciler as a process, against a real gateway: what a killed platform left, settled and audited."""

import asyncio
import time
from pathlib import Path
from typing import Any

import msgspec
from nacl.signing import SigningKey

from maso.clock import SECOND
from maso.live import reconciler_process
from maso.live.committing import META
from maso.live.databases import sqlite_address
from maso.live.drill_audit import gateway_books
from maso.live.keeping import KEPT, LAST_COMMITTED, PLACE
from maso.live.processes import Child
from maso.live.proof import proven
from maso.live.sqlite import SqliteDatabase
from maso.live.stores import BatchedStore
from maso.live.wire import Peer, Server
from maso.resilience.asking import terms
from maso.resilience.lease import Lease
from maso.resilience.reconcile import Answer
from maso.streams import stream
from maso.worlds.audit import Audit, audit
from maso.worlds.gateway import Call
from maso.worlds.shop import Shop
from tests.live.given import issuer
from tests.live.test_audit import gate, message, write
from tests.live.test_gateway import LONG_NS, Scene

encode = msgspec.msgpack.Encoder().encode
RECONCILER_KEY = SigningKey(bytes(range(32)))


class Left:
    """What a platform left in its books, and a gateway that took its calls."""

    def __init__(self, folder: Path, sockets: Path) -> None:
        self.folder = folder
        self.sockets = sockets
        self.store = BatchedStore()
        self.shop = Shop(self.store, stream(1, "world/shop"), products=40, remote=True)
        self.facts: dict[int, dict[str, Any]] = {}
        self.settled = 0
        self.gateway = Scene(folder, sockets)

    def open(self, session: int) -> None:
        self.facts[session] = {}
        self.shop.open(session, self.facts[session], 0)

    def order(self, session: int) -> None:
        facts = self.facts[session]
        wanted = {"basket_id": facts["basket_id"], "total_minor": facts["total_minor"]}
        self.shop.perform("shop.order_create", session, wanted, f"order-{session}", 0)

    async def authorise(self, session: int, key: str) -> None:
        facts = self.facts[session]
        wanted = {"order_id": facts["order_id"], "amount_minor": facts["order_total_minor"]}
        call = self.shop.begin("shop.payment_authorise", session, wanted, key, 0)
        assert isinstance(call, Call)
        await self.carry(call)
        self.shop.finish(key, Answer.DONE, 0)

    def capture(self, session: int, key: str) -> Call:
        facts = self.facts[session]
        wanted = {"authorisation_id": facts["authorisation_id"], "amount_minor": facts["authorised_minor"]}
        call = self.shop.begin("shop.payment_capture", session, wanted, key, 0)
        assert isinstance(call, Call)
        return call

    async def carry(self, call: Call) -> None:
        lease = self.gateway.lease()
        right = ("payment", lease.epoch, 1, int(call.key))
        assert (await self.gateway.client.ask("call", [call, right, encode(lease)], 5))[0] == "done"

    def save(self) -> str:
        address = sqlite_address(self.folder / "platform.db")
        database = SqliteDatabase(self.folder / "platform.db")
        rows = self.store.take()
        if rows:
            database.write(1, rows)
        database.close()
        return address

    async def switch(self, peer: Peer, name: str, body: Any) -> Any:
        now = time.monotonic_ns()
        if name == "sweep":
            lease: Lease = issuer().sweep(now, now + LONG_NS)
            assert proven(RECONCILER_KEY.verify_key, name, body, now) == 0
            return [encode(lease), now + 20 * SECOND, 7]
        self.settled += name == "settled" and proven(RECONCILER_KEY.verify_key, name, body, now) == 7
        return True

    async def reconcile(self) -> None:
        told = reconciler_process.Told(
            str(self.folder), self.save(), str(self.sockets / "w"), self.gateway.told.socket, 2,
            terms(None, 2 * SECOND), bytes(RECONCILER_KEY),
        )  # fmt: skip
        server = Server(self.switch)
        await server.start(self.sockets / "w")
        child = await Child.start("reconciler_process", told, self.folder / "errors.txt")
        assert await child.ended() == 0
        await child.stop()
        server.close()
        await asyncio.sleep(0)
        assert self.settled == 1

    def audited(self) -> tuple[BatchedStore, Audit]:
        ours = BatchedStore()
        database = SqliteDatabase(self.folder / "platform.db")
        ours.fill(database.load())
        database.close()
        theirs = gateway_books(self.folder / "gateway.db")
        holds = (hold for _, hold in theirs.rows("hold"))
        accounts = (account for _, account in theirs.rows("account"))
        return ours, audit(ours, holds, accounts)


def test_what_a_killed_platform_left_is_settled(tmp_path: Path, sockets: Path) -> None:
    async def scene() -> None:
        left = Left(tmp_path, sockets)
        async with left.gateway:
            for session in (1, 2, 3, 4, 5):
                left.open(session)  # each with an order of before, which the gateway was never told of
            for session, key in ((1, "101"), (2, "102"), (3, "103")):
                left.order(session)
                await left.authorise(session, key)
            left.capture(1, "1")  # committed; never sent
            await left.carry(left.capture(2, "2"))  # committed, and booked; the answer was lost
            left.capture(3, "4")  # its record came after the freeze
            left.order(4)
            facts = left.facts[5]
            wanted = {"sku": facts["sku"], "quantity": facts["quantity"]}
            left.shop.perform("shop.stock_reserve", 5, wanted, "reserve-5", 0)
            left.store.put(PLACE, "5", {"step": 64, "doing": ""})
            left.store.put(META, "at", 77)
            write(tmp_path, [message(0), message(1), message(2), gate(3, 2), message(4)], close=False)
            await left.reconcile()
        ours, found = left.audited()
        assert found.wrong == ()
        assert found.holds
        assert found.listed == 0
        states = {left.facts[n]["order_id"]: n for n in (1, 2, 3, 4)}
        became = {states[number]: o.state for number, o in ours.rows("order") if number in states}
        assert became == {1: "captured", 2: "captured", 3: "cancelled", 4: "cancelled"}
        assert list(ours.rows("reservation")) == []
        assert dict(ours.rows(PLACE)) == {}
        kept = {"step": 64, "doing": "", "how": LAST_COMMITTED, "as_of_ns": 77}
        assert dict(ours.rows(KEPT)) == {"5": kept}
        settled = {key: row["outcome"] for key, row in ours.rows(reconciler_process.TABLE)}
        assert settled["capture/1"] == settled["capture/2"] == "confirmed"
        assert settled["capture/4"] == "cancelled"

    asyncio.run(scene())


def test_what_only_the_gateway_knows_is_undone(tmp_path: Path, sockets: Path) -> None:
    async def scene() -> None:
        left = Left(tmp_path, sockets)
        async with left.gateway:
            left.open(1)
            left.order(1)
            number = left.facts[1]["order_id"]
            # A platform that paid without writing it down.
            assert await left.gateway.call("authorise", "77", left.gateway.lease(), number) == "done"
            write(tmp_path, [message(0)], close=False)
            await left.reconcile()
        _, found = left.audited()
        assert found.wrong == ()
        (hold,) = (hold for _, hold in gateway_books(tmp_path / "gateway.db").rows("hold"))
        assert (hold.key, hold.state) == ("77", "void")

    asyncio.run(scene())


def test_a_second_sweep_changes_nothing(tmp_path: Path, sockets: Path) -> None:
    async def scene() -> None:
        left = Left(tmp_path, sockets)
        async with left.gateway:
            left.open(1)
            left.order(1)
            await left.authorise(1, "101")
            write(tmp_path, [message(0)], close=False)
            await left.reconcile()
            before, _ = left.audited()
            left.settled = 0
            await left.reconcile()
        after, found = left.audited()
        assert found.holds
        assert {t: dict(before.rows(t)) for t in ("order", "authorisation", "product", "book")} == {
            t: dict(after.rows(t)) for t in ("order", "authorisation", "product", "book")
        }

    asyncio.run(scene())
