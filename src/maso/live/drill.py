"""The supervisor of a live drill: starts all, lets it run, stops it by two people, breaks things, audits.

    switch, gateway, platform, reconciler      each a process (`processes.py`)
    the way to the switch                      a socket that can be cut (`proxy.py`)
    database, bus                              a file, or a server of our own

It only starts, kills and looks; it settles nothing. The moment of the order is drawn from the seed. What it
finds afterwards is `drill_audit.py`'s.

One machine has one clock, so clock drift is granted (`drift_ns`), not rehearsed; and a drill's keys are
made for it and forgotten.
"""

import asyncio
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, NamedTuple

import msgspec
from nacl.signing import SigningKey

from maso.clock import MS, SECOND
from maso.fleet.model import Fleet
from maso.fleet.rulebook import Rulebook
from maso.live import gateway_process, platform_process, reconciler_process, switch_process
from maso.live.bus import NatsServer
from maso.live.databases import prepare_database
from maso.live.drill_audit import Clock, look
from maso.live.drill_faults import Fault
from maso.live.drill_report import report
from maso.live.processes import Child
from maso.live.proxy import Proxy
from maso.live.wire import Client, LostError
from maso.resilience.shutdown import STAGE_NAMES, Stage
from maso.resilience.switch import stop_plan
from maso.resilience.twopersons import Want, state
from maso.streams import stream

SYSTEM: Final = "system"
PEOPLE: Final = ("first", "second")
# How often what is going on is looked at and shown.
LOOK_SECONDS: Final = 0.05
# A gateway or a switch that is started again needs a moment; so does a person who does it.
BACK_SECONDS: Final = 1.0
_ASK_SECONDS: Final = 2.0
# Beyond every ceiling: a drill that takes longer is a defect, and ends as one.
OVERDUE_SECONDS: Final = 60.0
EPOCH: Final = 1
ERRORS: Final = "errors.txt"
# Sessions that end are replaced after a moment, so that a few are always missing.
FULL_PERCENT: Final = 97
# 10,000 sessions take half a minute on an idle machine.
RAMP_SECONDS_MAX: Final = 600

See = Callable[["Seen"], None]


class Wish(NamedTuple):
    """One drill. `order_after` is the span after everybody came in which the order falls, in seconds.

    folder   what is kept; sockets   a folder with a short path, for nothing else
    """

    fleet: Fleet
    fleet_text: str
    folder: Path
    sockets: Path
    database: str
    seed: int
    sessions: int
    fault: Fault | None = None
    fault_name: str = ""
    immediate: bool = False
    bus: bool = False
    ramp_seconds: float = 10.0
    order_after: tuple[float, float] = (5.0, 25.0)
    speed: int = 1


class Seen(NamedTuple):
    """What a view shows: the stage in force, until when at most, and how the platform was doing last."""

    stage: Stage
    since: int
    until: int | None
    now: int
    platform: dict[str, Any]
    sweep: dict[str, Any]
    note: str


class DrillError(RuntimeError):
    """The drill itself could not be held; nothing is said about the fleet."""


class Drill:
    """One drill, from start to audit."""

    def __init__(self, wish: Wish, see: See | None = None) -> None:
        self.wish = wish
        self._see = see
        self._plan = stop_plan(wish.fleet)
        self._rules = Rulebook(wish.fleet)
        self._people = [SigningKey.generate() for _ in PEOPLE]
        self._switch_seed, self._evidence_seed, self._key_seed = (os.urandom(32) for _ in range(3))
        self._children: dict[str, Child] = {}
        self._told: dict[str, Any] = {}
        self._proxy = Proxy(wish.sockets / "way.sock", wish.sockets / "switch.sock")
        self._console = Client(wish.sockets / "switch.sock", self._pushed)
        self._nats: NatsServer | None = None
        self._stage = Stage.RUN
        self._since = time.monotonic_ns()
        self._reached: dict[Stage, int] = {}
        self._platform: dict[str, Any] = {}
        self._peak: dict[str, Any] = {}
        self._at_order: dict[str, Any] = {}
        self._ended: dict[str, Any] = {}
        self._sweep: dict[str, Any] = {}
        self._before: dict[str, Any] = {}
        self._broken: set[str] = set()
        self._breaking: list[asyncio.Task[None]] = []
        self._note = "starting"
        self._rates: list[tuple[int, int]] = []

    async def run(self) -> dict[str, Any]:
        """The whole drill; returns what `--json` prints about it. Raises DrillError, StartError."""
        started = time.monotonic_ns()
        try:
            await self._start()
            await self._let_it_run()
            await self._order()
            await self._until_settled()
            back = await self._way_back()
        finally:
            await self._stop()
        return self._result(started, back)

    # Starting.

    async def _start(self) -> None:
        folder, wish, plan = self.wish.folder, self.wish, self._plan
        prepare_database(wish.database)
        fault = wish.fault or Fault("")
        key = bytes(SigningKey(self._switch_seed).verify_key)
        switch, way, gateway = (
            str(wish.sockets / name) for name in ("switch.sock", "way.sock", "gateway.sock")
        )
        role = plan.roles[0]
        self._told["switch_process"] = switch_process.Told(
            switch, str(folder / "switch"), [t.id for t in plan.types],
            {stage.name.lower(): ceiling for stage, ceiling in plan.ceilings.items()}, list(plan.roles),
            [(name, role, bytes(k.verify_key)) for name, k in zip(PEOPLE, self._people, strict=True)],
            self._switch_seed, self._evidence_seed, self._rules.sha256, plan.call_ns, plan.lease_ns,
            plan.renew_ns, plan.drift_ns, plan.confirm_ns,
        )  # fmt: skip
        self._told["gateway_process"] = gateway_process.Told(
            gateway, str(folder / "gateway.db"), way, key, wish.seed, _gateway_ms(wish.fleet), plan.lease_ns,
            plan.drift_ns, fault.gateway,
        )  # fmt: skip
        bus = await self._start_bus() if wish.bus else ""
        self._told["platform_process"] = platform_process.Told(
            wish.fleet_text, str(folder), wish.database, way, gateway, key, self._key_seed,
            self._evidence_seed, wish.seed, wish.sessions, round(wish.ramp_seconds * SECOND), wish.speed,
            EPOCH, plan.lease_ns, plan.renew_ns, plan.drift_ns, bus, fault.corrupt, fault.deaf,
        )  # fmt: skip
        self._told["reconciler_process"] = reconciler_process.Told(
            str(folder), wish.database, switch, gateway, EPOCH + 1, plan.asking
        )
        await self._proxy.start()
        for name in ("switch_process", "gateway_process", "platform_process", "reconciler_process"):
            await self._up(name)
        await self._console.ask("status", None, _ASK_SECONDS)

    async def _up(self, name: str) -> None:
        self._children[name] = await Child.start(name, self._told[name], self.wish.folder / ERRORS)

    async def _start_bus(self) -> str:
        self._nats = NatsServer(self.wish.sockets)
        while (url := self._nats.url()) is None:
            await asyncio.sleep(LOOK_SECONDS)
        return url

    # Running, and the order.

    async def _let_it_run(self) -> None:
        started = time.monotonic_ns()
        self._note = "customers come"
        while self._platform.get("sessions", 0) * 100 < self.wish.sessions * FULL_PERCENT:
            await self._running()
            if time.monotonic_ns() - started > RAMP_SECONDS_MAX * SECOND:
                raise DrillError(f"{self.wish.sessions} sessions do not fit on this machine; legal: fewer")
        low, high = (round(s * 1_000) for s in self.wish.order_after)
        moment = stream(self.wish.seed, "drill/order").between(low, high)
        end = time.monotonic_ns() + moment * MS
        self._note = "running"
        while time.monotonic_ns() < end:
            await self._running()

    async def _running(self) -> None:
        await self._step()
        if not self._children["platform_process"].alive:
            why = self._ended.get("ended", "`errors.txt` says why")
            raise DrillError(f"the platform ended before it was stopped: {why}")

    async def _order(self) -> None:
        fault = self.wish.fault
        self._at_order = dict(self._platform)
        if fault is not None:
            await self._break(fault, Stage.RUN)
            if fault.cut:
                self._proxy.cut()
            if fault.stop:
                self._children["platform_process"].signal(signal.SIGSTOP)
        want = Want.KILL if self.wish.immediate else Want.HALT
        await self._say(want)

    async def _say(self, want: Want) -> None:
        """Two people, one after the other."""
        status = await self._console.ask("status", None, _ASK_SECONDS)
        for number, key in enumerate(self._people):
            now = time.monotonic_ns()
            wire = state(key, want, SYSTEM, status["epoch"], number, now, now + self._plan.confirm_ns)
            await self._console.ask("statement", wire, _ASK_SECONDS)

    def _pushed(self, name: str, body: Any) -> None:
        if name != "stage":
            return
        now = time.monotonic_ns()
        self._stage, self._since = Stage(int(body)), now
        self._reached.setdefault(self._stage, now)
        fault = self.wish.fault
        if fault is not None and fault.stage is self._stage and self._stage is not Stage.RUN:
            self._breaking.append(asyncio.ensure_future(self._break(fault, self._stage)))

    async def _break(self, fault: Fault, stage: Stage) -> None:
        """`kill -9`, once, in the stage that the fault names."""
        if not fault.kill or fault.stage is not stage or fault.kill in self._broken:
            return
        if fault.kill == "reconciler":
            while not self._sweep:  # it must have begun
                await asyncio.sleep(0.001)
        self._broken.add(fault.kill)
        if fault.kill == "nats":
            assert self._nats is not None, "the command line asks for a bus with this fault"
            self._nats.kill()
            return
        name = f"{fault.kill}_process"
        child = self._children[name]
        child.kill()
        await child.ended()
        if fault.back:
            await asyncio.sleep(BACK_SECONDS)
            await self._up(name)

    async def _until_settled(self) -> None:
        ceilings = sum(self._plan.ceilings.values()) / SECOND
        end = time.monotonic_ns() + round((ceilings + OVERDUE_SECONDS) * SECOND)
        while self._stage is not Stage.SETTLED:
            await self._step()
            await self._ask_status()
            if time.monotonic_ns() > end:
                raise DrillError(f"it stands in {STAGE_NAMES[self._stage]} for longer than every ceiling")
        for task in self._breaking:
            await task
        await self._wake_the_stopped()

    async def _ask_status(self) -> None:
        """Pushes are lost while the switch is away; its log is not."""
        try:
            status = await self._console.ask("status", None, _ASK_SECONDS)
        except LostError:
            return
        for name, at in status["moves"]:
            self._reached.setdefault(Stage[name.upper()], at)
        self._stage = Stage(status["stage"])

    async def _wake_the_stopped(self) -> None:
        """A platform that stood still wakes when everything is settled: it must do nothing more."""
        if self.wish.fault is None or not self.wish.fault.stop:
            return
        child = self._children["platform_process"]
        child.signal(signal.SIGCONT)
        await child.ended()
        await self._step()

    async def _way_back(self) -> dict[str, Any]:
        """Two people let it run again: how long until a lease of a new epoch is there, and is good."""
        status = await self._console.ask("status", None, _ASK_SECONDS)
        if status["stage"] != Stage.SETTLED:
            return {}
        self._proxy.heal()
        started = time.monotonic_ns()
        await self._say(Want.RESUME)
        given = await self._console.ask("leases", None, _ASK_SECONDS)
        took = time.monotonic_ns() - started
        return {"resumed_ms": took / 1e6, "leases": len(given)}

    # Looking.

    async def _step(self) -> None:
        await asyncio.sleep(LOOK_SECONDS)
        for child in self._children.values():
            while not child.lines.empty():
                self._read(child.lines.get_nowait())
        if self._see is not None:
            now = time.monotonic_ns()
            ceiling = self._plan.ceilings.get(self._stage)
            until = None if ceiling is None or self._stage is Stage.RUN else self._since + ceiling
            self._see(Seen(self._stage, self._since, until, now, self._platform, self._sweep, self._note))

    def _read(self, line: dict[str, Any] | None) -> None:
        if line is None:
            return
        if "actions" in line:
            self._platform = line
            self._rates.append((line["at"], line["actions"]))
            if line["instances"] >= self._peak.get("instances", 0):
                self._peak = line
        elif "ended" in line:
            self._ended = line
        elif "sweeping" in line or "settled" in line:
            self._sweep = {**self._sweep, **line}

    # The end.

    async def _stop(self) -> None:
        for task in self._breaking:
            task.cancel()
        for name in ("platform_process", "reconciler_process", "gateway_process", "switch_process"):
            child = self._children.get(name)
            if child is not None:
                child.signal(signal.SIGCONT)
                await child.stop()
        self._console.close()
        self._proxy.close()
        if self._nats is not None:
            self._nats.kill()
        errors = self.wish.folder / ERRORS
        if errors.exists() and not errors.stat().st_size:
            errors.unlink()

    def _result(self, started: int, back: dict[str, Any]) -> dict[str, Any]:
        ordered = self._reached.get(Stage.HALT) or self._reached.get(Stage.TERMINATE, 0)
        terminated = self._reached.get(Stage.TERMINATE, 0)
        clock = Clock(
            ordered,
            self._reached.get(Stage.FREEZE, terminated),
            terminated,
            terminated + self._plan.lease_ns + self._plan.drift_ns if terminated else 0,
        )
        now = time.monotonic_ns()
        found = look(self.wish.folder, self.wish.database, clock, self._evidence_seed, now)
        document = report(self.wish, self._plan, clock, found, self._ended, self._peak, self._rates)
        times = {STAGE_NAMES[s]: (at - ordered) / 1e6 for s, at in sorted(self._reached.items()) if s}
        document["stages_ms"] = {name: round(ms, 1) for name, ms in times.items()}
        document["at_order"] = self._at_order
        document["sweep"] = self._sweep
        document["way_back"] = back
        document["seconds"] = round((now - started) / SECOND, 1)
        return document


def _gateway_ms(fleet: Fleet) -> int:
    """What the fleet file says that the payment provider takes."""
    paid = [a.port for a in fleet.actions if a.operation == "shop.payment_authorise"]
    medians = [port.latency_ms_median or 0 for port in fleet.ports if port.id in paid]
    return max(medians, default=0)


def as_json(document: dict[str, Any]) -> str:
    return msgspec.json.format(msgspec.json.encode(document), indent=2).decode() + "\n"
