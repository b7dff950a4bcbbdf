"""The reconciler as a process: waits for the switch's word, then settles what was under way.

It has nothing in common with the platform but the database and the evidence, and begins only with the
switch's lease for it. First it fences the database, so that a platform that wakes again writes nothing. What
was committed before the freeze it reads from the evidence itself: the plane's own decision to let an action
go, with a number below the freeze record's. Then the sweep (`resilience/reconcile.py`), with the gateway
under the switch's lease: over what our books have, then over what the gateway's own statement has besides.
Every outcome is a row of the books (`settlement`) in the same batch as what it changes, so that a sweep that
was killed goes on where it was.
"""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, TypeVar

import msgspec
from nacl.signing import SigningKey

from maso.envelope import MessageKind
from maso.evidence.format import EvidenceError
from maso.evidence.read import read
from maso.evidence.records import GateRecord, MessageRecord, decode_record
from maso.live.committing import META
from maso.live.databases import open_database
from maso.live.gateway import Right
from maso.live.gateway_process import FENCED, PAGE_ROWS
from maso.live.keeping import LAST_COMMITTED, keep_all
from maso.live.kernel import LiveKernel
from maso.live.paying import HISTORY_PAGE, HISTORY_SECONDS_MAX
from maso.live.processes import ready, report_task, run_child, say
from maso.live.proof import prove
from maso.live.stores import BatchedStore
from maso.live.wire import Client, LostError
from maso.resilience import lease
from maso.resilience.asking import Terms
from maso.resilience.reconcile import (
    UNANSWERED,
    Answer,
    Ask,
    Effect,
    Item,
    Reconciler,
    Settle,
    State,
)
from maso.resilience.shutdown import Stage
from maso.verdict import Outcome
from maso.worlds import settling
from maso.worlds.base import Store
from maso.worlds.gateway import Account, Hold

# The switch is asked this often whether the time has come; outcomes are written this often.
POLL_SECONDS: Final = 0.1
COMMIT_SECONDS: Final = 0.05
# A page of the gateway's statement.
STATEMENT_SECONDS: Final = 2.0
TABLE: Final = "settlement"

T = TypeVar("T")

_LEASE = msgspec.msgpack.Decoder(lease.Lease)
_encode = msgspec.msgpack.Encoder().encode


class Told(msgspec.Struct, frozen=True):
    """What a reconciler is started with.

    epoch      fences the database
    asking     what the gateway takes
    key_seed   of the key by which the switch knows it
    """

    evidence: str
    database: str
    switch_socket: str
    gateway_socket: str
    epoch: int
    asking: Terms
    key_seed: bytes


class Settlement(msgspec.Struct):
    """What became of one item. `ours` is how our books had it; `outcome` confirmed, cancelled or listed."""

    item: str
    kind: str
    order: str
    session: int
    key: str
    amount_minor: int
    ours: str
    outcome: str
    why: str
    asked: str


def committed_before_freeze(run_dir: Path) -> Callable[[int], bool]:
    """Whether the record with this number lets an action go, and comes before the freeze.

    Read from the evidence as far as it is whole; without a freeze record everything in it came before.
    """
    released: set[int] = set()
    try:
        for number, body in read(run_dir):
            record = decode_record(body)
            match record:
                case MessageRecord(kind=MessageKind.ACTION) if record.outcome <= Outcome.REDACT:
                    released.add(number)
                case GateRecord(what="stage", outcome=Outcome.ALLOW) if record.value >= Stage.FREEZE:
                    break  # what comes later was not committed in time, whatever it is
    except EvidenceError:
        pass  # torn by a crash: what is readable is what was synced
    return released.__contains__


class ReconcilerProcess:
    """One sweep."""

    def __init__(self, told: Told) -> None:
        self._told = told
        self._kernel = LiveKernel()
        self._switch = Client(Path(told.switch_socket))
        self._gateway = Client(Path(told.gateway_socket))
        self._store = BatchedStore({TABLE: Settlement})
        self._key = SigningKey(told.key_seed)
        self._lease: lease.Lease | None = None
        self._stop_epoch = 0
        self._sweep: Reconciler
        self._wake = asyncio.Event()

    async def run(self) -> None:
        ready()
        until = await self._allowed()
        database = open_database(self._told.database)
        database.fence(self._told.epoch)
        started = self._kernel.now
        self._store.fill(database.load())
        keep_all(self._store, LAST_COMMITTED, int(self._store.get(META, "at") or 0))
        await self._tell_past()
        committed = committed_before_freeze(Path(self._told.evidence))
        found = settling.items(self._store, committed)
        say({"sweeping": len(found), "amount_minor": sum(i.amount_minor for i in found), "at": started})
        sweeps = [await self._settle_all(database, found, until)]
        await asyncio.sleep(self._told.asking.gap_ns / 1e9)  # the next sweep keeps the pace of this one
        strange = await self._strangers(until)
        sweeps.append(await self._settle_all(database, strange, until))
        database.close()

        def count(state: State) -> int:
            return sum(sweep.count(state) for sweep in sweeps)

        say(
            {
                "settled": True,
                "items": len(found) + len(strange),
                "strange": len(strange),
                "confirmed": count(State.CONFIRMED),
                "cancelled": count(State.CANCELLED),
                "listed": count(State.LISTED),
                "ambiguous": sum(sweep.ambiguous for sweep in sweeps),
                "took_ns": self._kernel.now - started,
                "at": self._kernel.now,
            }
        )
        await self._say_settled()

    async def _say_settled(self) -> None:
        while True:
            try:
                await self._switch.ask("settled", self._proof("settled"), 1.0)
                return
            except LostError:
                await asyncio.sleep(POLL_SECONDS)

    def _proof(self, wanted: str) -> list[Any]:
        return prove(self._key, wanted, self._stop_epoch, self._kernel.now)

    async def _allowed(self) -> int:
        """Wait for the switch's lease; returns until when."""
        while True:
            try:
                said = await self._switch.ask("sweep", self._proof("sweep"), 1.0)
            except LostError:
                said = b""
            if said:
                self._lease = _LEASE.decode(said[0])
                self._stop_epoch = int(said[2])
                return int(said[1])
            await asyncio.sleep(POLL_SECONDS)

    async def _tell_past(self) -> None:
        """What a real gateway would have known before: a drill makes up its customers' past as they come.

        The platform may have been killed before it told all of it. Told again, it changes nothing.
        """
        past = [(o.id, o.captured_minor) for _, o in self._store.rows("order") if o.earlier]
        for start in range(0, len(past), HISTORY_PAGE):
            try:
                await self._gateway.ask("history", past[start : start + HISTORY_PAGE], HISTORY_SECONDS_MAX)
            except LostError:
                return  # a gateway that is gone is told nothing, and states nothing

    async def _strangers(self, until: int) -> list[Item]:
        """What the gateway has and we never wrote down, by its own statement; listed where it gives none."""
        while True:
            try:
                holds = await self._statement("hold", Hold)
                accounts = await self._statement("account", Account)
            except LostError:
                if self._kernel.now >= until:
                    self._store.put("listed", settling.STATEMENT, UNANSWERED)
                    row = Settlement(
                        settling.STATEMENT, "statement", "", 0, "", 0, "unknown", "listed", UNANSWERED, ""
                    )
                    self._store.put(TABLE, row.item, row)
                    return []
                await asyncio.sleep(POLL_SECONDS)
                continue
            self._store.delete("listed", settling.STATEMENT)
            return settling.strangers(self._store, holds, accounts)

    async def _statement(self, table: str, kind: type[T]) -> list[T]:
        rows: list[T] = []
        while True:
            page = await self._gateway.ask(
                "statement", [_encode(self._lease), table, len(rows)], STATEMENT_SECONDS
            )
            rows += msgspec.convert(page, list[kind])  # type: ignore[valid-type]
            if len(page) < PAGE_ROWS:
                return rows

    async def _settle_all(self, database: Any, found: list[Item], until: int) -> Reconciler:
        now = self._kernel.now
        self._sweep = Reconciler(found, now, max(0, until - now), self._told.asking)
        self._follow(self._sweep.start())
        while (at := self._sweep.next_at) is not None:
            self._wake.clear()
            try:
                async with asyncio.timeout(min(COMMIT_SECONDS, (at - self._kernel.now) / 1e9)):
                    await self._wake.wait()
            except TimeoutError:
                pass
            self._follow(self._sweep.advance(self._kernel.now))
            self._commit(database)
        self._commit(database)
        return self._sweep

    def _commit(self, database: Any) -> None:
        rows = self._store.take()
        if rows:
            database.write(self._told.epoch, rows)

    def _follow(self, effects: list[Effect]) -> None:
        for effect in effects:
            match effect:
                case Ask():
                    asyncio.ensure_future(self._ask(effect)).add_done_callback(report_task)
                case Settle():
                    row = _settlement(self._store, effect)
                    settling.book(self._store, effect)
                    self._store.put(TABLE, row.item, row)

    async def _ask(self, ask: Ask) -> None:
        call = settling.call_of(self._store, ask)
        assert self._lease is not None
        right = Right(lease.RECONCILER, self._lease.epoch, 0, 0)
        body: Any = [tuple(call), tuple(right), _encode(self._lease)]
        try:
            said, _ = await self._gateway.ask("call", body, self._told.asking.answer_ns / 1e9)
        except LostError:
            said = Answer.BUSY  # nothing will come by this way: it is asked again after a wait, or listed
        answer = Answer.UNKNOWN if said == FENCED else Answer(said)
        self._follow(self._sweep.answer(ask, answer, self._kernel.now))
        self._wake.set()


def _settlement(store: Store, settle: Settle) -> Settlement:
    item = settle.item
    order = store.get("order", item.group)
    kept = store.get("reservation", item.group) if order is None else None
    session = order.session if order is not None else kept.session if kept is not None else 0
    return Settlement(
        item.id, item.kind.value, "" if order is None else order.id, session, item.key, item.amount_minor,
        item.book.value, settle.state.name.lower(), settle.why,
        "" if settle.verb is None else settle.verb.value,
    )  # fmt: skip


async def _main(told: Told) -> None:
    await ReconcilerProcess(told).run()


if __name__ == "__main__":
    run_child(Told, _main)
