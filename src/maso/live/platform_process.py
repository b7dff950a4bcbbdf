"""The platform as a process: the plane, the worlds, and one task for each of 60,000 instances.

It obeys the leases that it holds. A stage arrives with them (a push from the switch only makes it look
sooner); when every lease has run out, or the switch says that it is over, everything of it ends: whatever
the switch's word is, and also if it never comes. It tells what it has done, which can only shorten a stage:

    halt       nobody is admitted any more
    freeze     nobody moves; what was under way comes to its end. The freeze record's number and the commits
               that were under way go to the gateway, which lets nothing else pass
    drain      payments that were under way, and only they
    terminate  every task ends, each session's state is kept, the books and the evidence are closed

What two people call off before the drain is gone back from here: the leases tell it, with a new epoch, so
that gateways forget the freeze, too; the sessions go on from where they stood (`journeying.py`).
Twice a second it says on standard output how it is doing, for whoever looks on.
"""

import asyncio
import os
import resource
import signal
import time
from pathlib import Path
from typing import Any, Final

import msgspec

from maso import __version__
from maso.evidence.log import LogWriter
from maso.evidence.store import create
from maso.fleet.load import load
from maso.fleet.operations import worlds_of
from maso.fleet.rulebook import Rulebook
from maso.journeys.actors import Keyring
from maso.live.bus import NatsBus
from maso.live.committing import Committer
from maso.live.databases import open_database
from maso.live.deaf import DeafHolder
from maso.live.driver import LiveDriver
from maso.live.keeping import take_kept
from maso.live.kernel import LiveKernel
from maso.live.paying import CARRIED, Payments
from maso.live.processes import ready, report_task, run_child, say
from maso.live.renewing import Renewing
from maso.live.stores import BatchedStore, FencedError
from maso.live.wire import Client, LostError
from maso.plane.effects import Staged
from maso.plane.events import SetStage
from maso.plane.plane import Plane
from maso.resilience import lease
from maso.resilience.shutdown import STAGE_NAMES, Stage, Trigger
from maso.scan.injection import InjectionDetector
from maso.scan.scanner import Scanner
from maso.streams import stream
from maso.worlds.base import World
from maso.worlds.desk import Desk
from maso.worlds.ledger import Ledger
from maso.worlds.shop import Shop

SYSTEM: Final = "system"
_encode = msgspec.msgpack.Encoder().encode
# Whether a stage's work is done is looked at this often.
LOOK_SECONDS: Final = 0.02
TELL_SECONDS: Final = 0.5


class Told(msgspec.Struct, frozen=True):
    """What a platform is started with. `key_seed` makes every key of its plane and agents.

    deaf         it obeys nobody (`deaf.py`)
    generation   platforms that had these books before; then kept sessions come back instead of new ones
    """

    fleet: str
    folder: str
    database: str
    switch_socket: str
    gateway_socket: str
    switch_key: bytes
    key_seed: bytes
    evidence_seed: bytes
    seed: int
    sessions: int
    ramp_ns: int
    speed: int
    epoch: int
    lease_ns: int
    renew_ns: int
    drift_ns: int
    bus: str = ""
    corrupt: int = 0
    deaf: bool = False
    generation: int = 0


class Platform:
    """One platform, from its start to its end."""

    def __init__(self, told: Told) -> None:
        self._told = told
        fleet = load(told.fleet).fleet
        assert fleet is not None, "the supervisor has loaded it before"
        rules = Rulebook(fleet)
        self._kernel = LiveKernel()
        self._database = open_database(told.database)
        store = BatchedStore()
        if told.generation:
            self._database.fence(told.epoch)
            store.fill(self._database.load())
        writer = LogWriter(
            f"maso {__version__} live seed {told.seed}".encode(), told.evidence_seed,
            fleet_sha256=rules.sha256, fsync="block",
        )  # fmt: skip
        evidence = create(Path(told.folder), writer)
        keys = Keyring(rules, int.from_bytes(told.key_seed, "big"))
        self._plane = Plane(rules, keys.plane, writer, Scanner(InjectionDetector()))
        self._committer = Committer(
            writer, evidence, self._database, store, told.epoch, lambda: self._kernel.now
        )
        verify = lease.Verifier(told.switch_key)
        kind = DeafHolder if told.deaf else lease.Holder
        self._holders = {
            t.id: kind(verify, t.id, lease_ns=told.lease_ns, drift_ns=told.drift_ns)
            for t in rules.types
            if not t.is_port
        }
        self._gateway = Client(Path(told.gateway_socket))
        self._switch = Client(Path(told.switch_socket))
        self._renewing = Renewing(
            Path(told.switch_socket), self._holders, told.renew_ns, time.monotonic_ns, self._heard
        )
        shop = Shop(store, stream(told.seed, "world/shop"), remote=True)
        own = _payer(rules)
        self._payments = Payments(shop, self._gateway, self._committer, self._kernel, self._holders, own)
        worlds: list[World] = [Ledger(store), shop]
        if "desk" in worlds_of((a.operation for a in fleet.actions), ()):
            worlds.append(Desk(store, stream(told.seed, "world/desk")))
        self._driver = LiveDriver(
            fleet, rules, self._plane, keys, self._kernel, tuple(worlds), self._payments, store,
            seed=told.seed, sessions=told.sessions, ramp_ns=told.ramp_ns, speed=told.speed,
            generation=told.generation,
        )  # fmt: skip
        self._kernel.rightful = self._rightful
        self._driver.sessions.holders = {t.index: self._holders[t.id] for t in rules.types if not t.is_port}
        self._store = store
        self._lease: lease.Lease | None = None  # the newest of any type; also once it has run out
        self._over = ""
        self._stands_since = 0

    async def run(self) -> None:
        """Until it is over."""
        self._renewing.start()
        await self._first_leases()
        tasks = [asyncio.ensure_future(self._committer.run())]
        if self._told.bus:
            bus = self._driver.bus = await NatsBus.connect(
                self._told.bus, self._driver.arrived_up, self._driver.arrived_down, self._told.corrupt
            )
            asyncio.get_running_loop().add_signal_handler(signal.SIGUSR1, bus.spoil)
        self._driver.start(take_kept(self._store) if self._told.generation else None)
        ready()
        tasks += [asyncio.ensure_future(work) for work in (self._tell(), self._kernel.run())]
        for task in tasks[1:]:
            task.add_done_callback(report_task)
        try:
            await self._obey(tasks[0])
        except asyncio.CancelledError:  # whoever started this process broke the drill off, or is gone
            self._break_off()
            raise
        await self._end(tasks)

    def _rightful(self) -> bool:
        """Whether anybody here may do anything at this instant."""
        now = self._kernel.now
        return any(not holder.stops(now) for holder in self._holders.values())

    async def _first_leases(self) -> None:
        while not any(holder.lease for holder in self._holders.values()):
            await asyncio.sleep(LOOK_SECONDS)

    def _heard(self, _: str, body: Any) -> None:
        """The switch told a stage."""
        if int(body) >= Stage.TERMINATE and not self._told.deaf:
            self._over = "the switch terminated it"

    # Stages.

    async def _obey(self, committing: "asyncio.Task[None]") -> None:
        """Follow the stage that the leases tell, until there is none any more, or no books to write."""
        done = Stage.RUN
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            now = self._kernel.now
            if committing.done() and not self._told.deaf:
                self._over = "its books cannot be written any more"
                return
            good = [h for h in self._holders.values() if not h.stops(now)]
            held = [h.lease for h in good]
            self._lease = max((one for one in held if one), key=lambda one: one.serial, default=self._lease)
            if not good or self._over:
                self._over = self._over or "its leases ran out"
                return
            stage = max(h.stage for h in good)
            if stage > self._driver.stage:
                await self._enter(stage)
            elif stage is Stage.RUN and self._driver.stage in (Stage.HALT, Stage.FREEZE):
                await self._go_on()
                done = self._driver.stage
            if stage > done and self._is_done(stage):
                done = stage
                await self._say_done(stage)
                self._renewing.look()

    async def _enter(self, stage: Stage) -> None:
        driver = self._driver
        under_way = list(driver.committed())
        effects = driver.raise_event(SetStage(SYSTEM, int(stage), "lease"))
        driver.stage = stage
        self._stands_since = self._stands_since or self._kernel.now
        say({"stage": STAGE_NAMES[stage], "at": self._kernel.now, "made": driver.actions})
        if stage >= Stage.FREEZE and not self._payments.draining:
            self._payments.draining = True
            ref = getattr(effects[0], "ref", 0)
            told = [(kind, ref, under_way, holder.epoch) for kind, holder in self._holders.items()]
            try:
                await self._gateway.ask("freeze", told, self._told.renew_ns / 1e9)
            except LostError:
                pass  # then the gateway goes by the stage in the leases

    async def _go_on(self) -> None:
        """Two people called it off, as the leases of a new epoch say; the switch's log says who they were."""
        driver = self._driver
        try:
            status = await self._switch.ask("status", None, self._told.renew_ns / 1e9)
        except LostError:
            return  # it stands until the switch answers
        by: list[str] = next((e["by"] for e in reversed(status["log"]) if e["what"] == Trigger.CALL_OFF), [])
        (effect,) = driver.raise_event(SetStage(SYSTEM, int(Stage.RUN), Trigger.CALL_OFF, "+".join(by)))
        if not isinstance(effect, Staged):
            return
        driver.stage, self._payments.draining = Stage.RUN, False
        now = self._kernel.now
        due, missed = driver.sessions.go_on(now - self._stands_since)
        self._stands_since = 0
        say(
            {"stage": STAGE_NAMES[Stage.RUN], "at": now, "made": driver.actions, "due": due, "missed": missed}
        )

    def _is_done(self, stage: Stage) -> bool:
        match stage:
            case Stage.FREEZE:
                return not self._driver.under_way(money=False)
            case Stage.DRAIN:
                return not self._driver.under_way(money=True) and not self._payments.in_flight
        return stage is Stage.HALT

    async def _say_done(self, stage: Stage) -> None:
        """With a lease, since the switch hears nobody else about this."""
        try:
            await self._switch.ask("done", [int(stage), _encode(self._lease)], self._told.renew_ns / 1e9)
        except LostError:
            pass  # the stage ends by its ceiling, or when all leases have run out

    async def _end(self, tasks: list["asyncio.Task[None]"]) -> None:
        """Terminate: nobody acts from here on."""
        driver, sessions = self._driver, self._driver.sessions
        self._kernel.stop()
        driver.stage = Stage.TERMINATE
        driver.raise_event(SetStage(SYSTEM, int(Stage.TERMINATE), self._over))
        instances, last = len(sessions.instances), max(driver.last_action_ns, self._payments.last_ns)
        for instance in tuple(sessions.instances.values()):
            instance.end()
        while sessions.running():
            await asyncio.sleep(0)
        kept = driver.keep_sessions()
        fenced = await self._close(tasks)
        say(
            {
                "ended": self._over,
                "instances_ended": instances,
                "sessions_kept": kept,
                "last_action_ns": last,
                "drained": self._payments.drained,
                "unanswered": self._payments.unanswered,
                "fenced": fenced,
                "at": self._kernel.now,
            }
        )
        await self._say_done(Stage.TERMINATE)

    def _break_off(self) -> None:
        """Nobody acts any more, and the evidence gets its signed end. The books stay as committed last: a
        batch may be on its way to them, and what waits for the next one is in the evidence.
        """
        self._renewing.stop()
        self._kernel.stop()
        self._committer.stop()
        self._committer.close(self._plane.state)

    async def _close(self, tasks: list["asyncio.Task[None]"]) -> bool:
        """Put everything on disk; whether somebody newer writes the books already."""
        self._renewing.stop()
        for task in tasks[1:]:
            task.cancel()
        self._committer.stop()
        fenced = False
        try:
            await tasks[0]
            await self._committer.group()
        except FencedError:
            fenced = True
        self._committer.close(self._plane.state)
        if self._driver.bus is not None:
            await self._driver.bus.close()
        self._database.close()
        return fenced

    async def _tell(self) -> None:
        started, cpu = self._kernel.now, time.process_time()
        while True:
            await asyncio.sleep(TELL_SECONDS)
            driver, payments, sessions = self._driver, self._payments, self._driver.sessions
            say(
                {
                    "at": self._kernel.now,
                    "stage": STAGE_NAMES[driver.stage],
                    "sessions": len(sessions.live),
                    "opened": driver.tally.opened,
                    "instances": sessions.running(),
                    "back": sessions.back,
                    "back_ns": sessions.back_ns,
                    "to_come": len(sessions.to_come),
                    "broken": sum(driver.tally.broken.values()),
                    "why_broken": {
                        f"{journey}: {why}": n for (journey, why), n in driver.tally.broken.items()
                    },
                    "actions": driver.actions,
                    "in_flight": len(payments.in_flight),
                    "in_flight_minor": sum(payments.in_flight.values()),
                    "under_way": driver.under_way(money=True) + driver.under_way(money=False),
                    "payments": payments.finished,
                    "groups": self._committer.groups,
                    "rows": self._committer.rows,
                    "messages": driver.tally.total(),
                    "denied": driver.tally.total(3),
                    "cpu_s": time.process_time() - cpu,
                    "cpu_share": (time.process_time() - cpu) * 1e9 / max(1, self._kernel.now - started),
                    "late_ms": self._kernel.late_ns / 1e6,
                    "memory_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1_024,
                    "load": os.getloadavg()[0],
                }
            )


def _payer(rules: Rulebook) -> str:
    """The first type that may execute a payment: what the shop settles by itself goes under its lease."""
    paid = sum(action.bit for action in rules.actions if action is not None and action.operation in CARRIED)
    return next(t.id for t in rules.types if t.executes & paid)


async def _main(told: Told) -> None:
    await Platform(told).run()


if __name__ == "__main__":
    run_child(Told, _main)
