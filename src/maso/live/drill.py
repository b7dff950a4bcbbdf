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
from maso.live import drill_back, gateway_process, platform_process, reconciler_process, switch_process
from maso.live.bus import NatsServer
from maso.live.databases import prepare_database
from maso.live.drill_audit import Clock, Findings, evidence_state, look
from maso.live.drill_faults import SPOILT_SECONDS, Fault
from maso.live.drill_report import Told, called_off, pace, report
from maso.live.guard import Guard
from maso.live.processes import Child, why
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
# Everybody has come, but for a few whom a slow machine has not admitted yet. Who leaves is replaced.
FULL_PERCENT: Final = 97
# 10,000 sessions take half a minute on an idle machine.
RAMP_SECONDS_MAX: Final = 600
# The rate is level once what waited while everybody came is done: calls are made in time, twice told.
LEVEL_LATE_MS: Final = 250
LEVEL_TELLS: Final = 2
# A machine that never gets there is measured as it is.
LEVEL_SECONDS_MAX: Final = 60

See = Callable[["Seen"], None]


class Wish(NamedTuple):
    """One drill. `order_after` is the span in which the order falls, in seconds after the rate is level;
    kept sessions are watched for `watched_seconds` when they are back; a freeze that is called off lasts
    `frozen_seconds`; a bus changes messages for `spoilt_seconds` before the order.

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
    order_after: tuple[float, float] = (20.0, 40.0)
    way_back: bool = True
    watched_seconds: float = 5.0
    frozen_seconds: float = 5.0
    spoilt_seconds: float = SPOILT_SECONDS
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

    def __init__(self, wish: Wish, see: See | None = None, guard: Guard | None = None) -> None:
        """`guard` ends what was started if this process is killed."""
        self.wish = wish
        self._guard = guard
        self._see = see
        self._plan = stop_plan(wish.fleet)
        self._rules = Rulebook(wish.fleet)
        self._people = {name: SigningKey.generate() for name in PEOPLE}
        seeds = (os.urandom(32) for _ in range(4))
        self._switch_seed, self._evidence_seed, self._key_seed, self._reconciler_seed = seeds
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
        self._rates: list[Told] = []
        self._level = self._spoilt = 0
        self._stood: dict[str, dict[str, Any]] = {}
        self._called_off: dict[str, Any] = {}
        self._gone = 0
        self._back: dict[str, Any] | None = None

    async def run(self) -> dict[str, Any]:
        """The whole drill; returns what `--json` prints about it. Raises DrillError, StartError."""
        started = time.monotonic_ns()
        try:
            await self._start()
            await self._let_it_run()
            await self._order()
            await self._until_settled()
            found = await self._look()
            back = await self._way_back(found)
        finally:
            await self._stop()
        return self._result(started, found, back)

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
            [(name, role, bytes(k.verify_key)) for name, k in self._people.items()],
            self._switch_seed, self._evidence_seed, self._rules.sha256, plan.call_ns, plan.lease_ns,
            plan.renew_ns, plan.drift_ns, plan.confirm_ns,
            bytes(SigningKey(self._reconciler_seed).verify_key),
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
            str(folder), wish.database, switch, gateway, EPOCH + 1, plan.asking, self._reconciler_seed
        )
        await self._proxy.start()
        names = ("switch_process", "gateway_process", "platform_process", "reconciler_process")
        await asyncio.gather(*(self._up(name) for name in names))  # each waits for whom it needs
        await self._console.ask("status", None, _ASK_SECONDS)

    async def _up(self, name: str) -> None:
        self._children[name] = await Child.start(
            name, self._told[name], self.wish.folder / ERRORS, self._guard
        )

    async def _start_bus(self) -> str:
        self._nats = NatsServer(self.wish.sockets, self._guard)
        while (url := self._nats.url()) is None:
            await asyncio.sleep(LOOK_SECONDS)
        return url

    # Running, and the order.

    async def _let_it_run(self) -> None:
        started = time.monotonic_ns()
        self._note = "customers come"
        while self._platform.get("opened", 0) * 100 < self.wish.sessions * FULL_PERCENT:
            await self._running()
            if time.monotonic_ns() - started > RAMP_SECONDS_MAX * SECOND:
                raise DrillError(f"{self.wish.sessions} sessions do not fit on this machine; legal: fewer")
        await self._until_level()
        if self.wish.fault is not None and self.wish.fault.call_off:
            await self._call_off()
            await self._until_level()
        low, high = (round(s * 1_000) for s in self.wish.order_after)
        moment = stream(self.wish.seed, "drill/order").between(low, high)
        end = time.monotonic_ns() + moment * MS
        self._note = "running"
        while time.monotonic_ns() < end:
            await self._running()
        if self.wish.fault is not None and self.wish.fault.corrupt:
            await self._spoil()

    async def _spoil(self) -> None:
        """The bus begins to change messages; the order comes a little later."""
        self._spoilt = time.monotonic_ns()
        self._children["platform_process"].signal(signal.SIGUSR1)
        while time.monotonic_ns() < self._spoilt + round(self.wish.spoilt_seconds * SECOND):
            await self._running()

    async def _until_level(self) -> None:
        end = time.monotonic_ns() + LEVEL_SECONDS_MAX * SECOND
        seen, calm = self._platform, 0
        while calm < LEVEL_TELLS and time.monotonic_ns() < end:
            await self._running()
            if self._platform is not seen:
                seen = self._platform
                calm = calm + 1 if seen["late_ms"] < LEVEL_LATE_MS else 0
        self._level = time.monotonic_ns()

    async def _running(self) -> None:
        await self._step()
        if not self._children["platform_process"].alive:
            cause = self._ended.get("ended") or why(self.wish.folder / ERRORS)
            raise DrillError(f"the platform ended before it was stopped: {cause}")

    async def _order(self) -> None:
        fault = self.wish.fault
        self._at_order = dict(self._platform)
        if fault is not None:
            await self._break(fault, Stage.RUN)
            if fault.cut:
                self._proxy.cut()
            if fault.stop:
                self._gone = time.monotonic_ns()
                self._children["platform_process"].signal(signal.SIGSTOP)
        want = Want.KILL if self.wish.immediate else Want.HALT
        await self._say(want)

    async def _call_off(self) -> None:
        """One person's word freezes it; the second refuses, and two people's word lets it go on."""
        self._note = "frozen by one person"
        overdue = time.monotonic_ns() + round((self.wish.frozen_seconds + OVERDUE_SECONDS) * SECOND)
        await self._say(Want.KILL, PEOPLE[:1])
        while "freeze" not in self._stood:
            await self._running()
        before, end = self._platform, time.monotonic_ns() + round(self.wish.frozen_seconds * SECOND)
        while time.monotonic_ns() < end:
            await self._running()
        await self._say(Want.REFUSE, PEOPLE[1:])
        said = time.monotonic_ns()
        await self._say(Want.CALL_OFF)
        while "run" not in self._stood or self._platform["at"] < self._stood["run"]["at"] + SECOND:
            await self._running()
            if time.monotonic_ns() > overdue:
                raise DrillError("a freeze was called off, and it does not go on")
        self._called_off = called_off(self._stood, said, before, self._platform)
        self._reached.clear()
        self._stood.clear()
        self._note = "running"

    async def _say(self, want: Want, people: tuple[str, ...] = PEOPLE) -> None:
        """These people, one after the other."""
        status = await self._console.ask("status", None, _ASK_SECONDS)
        for number, name in enumerate(people):
            now = time.monotonic_ns()
            wire = state(
                self._people[name], want, SYSTEM, status["epoch"], number, now, now + self._plan.confirm_ns
            )
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
        if fault.kill == "platform":
            self._gone = time.monotonic_ns()
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
            if at >= self._level:
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

    async def _look(self) -> Findings:
        """The audit. Whoever still wrote is ended first: a platform that obeys nobody, a finished sweep."""
        for name in ("platform_process", "reconciler_process"):
            await self._children[name].stop()
        await self._step()
        now = time.monotonic_ns()
        return look(self.wish.folder, self.wish.database, self._clock(), self._evidence_seed, now)

    def _clock(self) -> Clock:
        terminated = self._reached.get(Stage.TERMINATE, 0)
        return Clock(
            self._reached.get(Stage.HALT) or terminated,
            self._reached.get(Stage.FREEZE, terminated),
            terminated,
            terminated + self._plan.lease_ns + self._plan.drift_ns if terminated else 0,
            self._gone,
        )

    async def _way_back(self, found: Findings) -> dict[str, Any]:
        """Two people let it run again (`drill_back.py`)."""
        status = await self._console.ask("status", None, _ASK_SECONDS)
        if status["stage"] != Stage.SETTLED or not self.wish.way_back:
            return {}
        self._proxy.heal()
        if not self._children["gateway_process"].alive:
            await self._up("gateway_process")
        bus = ""
        if self._nats is not None:
            self._nats.kill()
            bus = await self._start_bus()
        before, self._back = self._told["platform_process"], {}
        self._told["platform_process"] = drill_back.told_again(before, self.wish.folder, EPOCH + 2, bus)
        self._note = "coming back"
        ordered = time.monotonic_ns()
        await self._say(Want.RESUME)
        given = await self._console.ask("leases", None, _ASK_SECONDS)
        resumed = time.monotonic_ns()
        await self._up("platform_process")
        ready = time.monotonic_ns()
        child = self._children["platform_process"]
        watched = self.wish.watched_seconds
        await drill_back.watch(self._step, lambda: self._back or {}, lambda: child.alive, watched)
        return drill_back.summary(found.kept.sessions, len(given), ordered, resumed, ready, self._back)

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
        if "actions" in line and self._back is not None:
            self._platform = self._back = line
        elif "actions" in line:
            self._platform = line
            self._rates.append(Told(line["at"], line["actions"], line["cpu_s"]))
            if line["instances"] >= self._peak.get("instances", 0):
                self._peak = line
        elif "made" in line:
            self._stood[line["stage"]] = line
        elif "ended" in line and self._back is None:
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

    def _result(self, started: int, found: Findings, back: dict[str, Any]) -> dict[str, Any]:
        now = time.monotonic_ns()
        clock = self._clock()
        ordered = clock.ordered
        found.evidence["switch"] = evidence_state(self.wish.folder / "switch", self._evidence_seed, now)
        paced = pace(self._rates, self._level, self._spoilt or ordered)
        document = report(
            self.wish, self._plan, clock, found, self._ended, self._peak, paced, back, self._called_off
        )
        times = {STAGE_NAMES[s]: (at - ordered) / 1e6 for s, at in sorted(self._reached.items()) if s}
        document["stages_ms"] = {name: round(ms, 1) for name, ms in times.items()}
        document["at_order"] = self._at_order
        document["sweep"] = self._sweep
        document["seconds"] = round((now - started) / SECOND, 1)
        return document


def _gateway_ms(fleet: Fleet) -> int:
    """What the fleet file says that the payment provider takes."""
    paid = [a.port for a in fleet.actions if a.operation == "shop.payment_authorise"]
    medians = [port.latency_ms_median or 0 for port in fleet.ports if port.id in paid]
    return max(medians, default=0)


def as_json(document: dict[str, Any]) -> str:
    return msgspec.json.format(msgspec.json.encode(document), indent=2).decode() + "\n"
