"""The switch as a process: leases on request, two people's orders, stages by its own timers, its own log.

It asks nobody and waits for nobody. Leases are handed out only to who asks, so it knows until when anybody
may act: where nobody has asked for so long that every lease has run out, the work of a stage is over even
if no platform is left to say so. A platform that lies ("done") only shortens its own stages, and needs a
lease of the epoch in force to be heard at all.

Every entry of its log is synced before what follows from it is told. After a crash it goes on from there
(`Switch.restore`): stages and epochs do not fall, half an order is forgotten.

Its socket speaks to platforms (`leases`, `done`), gateways (`revocations`), the reconciler (`sweep`,
`settled`, by its own key: `proof.py`) and consoles (`statement`, `status`).
"""

import asyncio
import time
from pathlib import Path
from typing import Any, Final

import msgspec
from nacl.signing import SigningKey, VerifyKey

from maso.evidence.log import LogWriter
from maso.evidence.read import read
from maso.evidence.store import RunStore, create, resume
from maso.live.processes import ready, report_task, run_child
from maso.live.proof import proven
from maso.live.wire import Peer, Server
from maso.resilience.lease import Lease, Revocation, Verifier, is_signed
from maso.resilience.places import TypeAt
from maso.resilience.shutdown import STAGE_NAMES, Stage
from maso.resilience.switch import (
    CallPeople,
    Effect,
    Renew,
    Revoke,
    StopPlan,
    Sweep,
    Switch,
    Tell,
    as_text,
    decode_entry,
    encode_entry,
)
from maso.resilience.twopersons import Person

SYSTEM: Final = "system"
# Stages end within this time of their ceiling; a quarter of what leases allow their clocks to differ.
TICK_SECONDS: Final = 0.025

_encode = msgspec.msgpack.Encoder().encode
_LEASE: Final = msgspec.msgpack.Decoder(Lease)


class Told(msgspec.Struct, frozen=True):
    """What a switch is started with. `ceilings_ns` by stage name; people as (name, role, public key).

    reconciler   the public key of who may sweep
    """

    socket: str
    folder: str
    types: list[str]
    ceilings_ns: dict[str, int]
    roles: list[str]
    people: list[tuple[str, str, bytes]]
    key_seed: bytes
    log_seed: bytes
    fleet_sha256: bytes
    call_ns: int
    lease_ns: int
    renew_ns: int
    drift_ns: int
    confirm_ns: int
    reconciler: bytes

    def plan(self) -> StopPlan:
        return StopPlan(
            tuple(TypeAt(kind, "", "") for kind in self.types),
            {Stage[name.upper()]: ceiling for name, ceiling in self.ceilings_ns.items()},
            {},
            tuple(self.roles),
            self.call_ns,
            self.lease_ns,
            self.renew_ns,
            self.drift_ns,
            self.confirm_ns,
        )


class SwitchProcess:
    """One switch for the whole system."""

    def __init__(self, told: Told) -> None:
        now = time.monotonic_ns()
        self._told = told
        people = [Person(name, role, (key,)) for name, role, key in told.people]
        self._switch = Switch(told.plan(), people, SigningKey(told.key_seed), now)
        self._verify = Verifier(bytes(SigningKey(told.key_seed).verify_key))
        self._reconciler = VerifyKey(told.reconciler)
        self._server = Server(self._handle)
        self._leased_until = 0
        self._sweep: Sweep | None = None
        self._called: list[str] = []
        self._logged = 0
        self._moves: list[tuple[str, int]] = []
        self._writer: LogWriter
        self._store: RunStore
        self._open_log(now)

    def _open_log(self, now: int) -> None:
        folder = Path(self._told.folder)
        if (folder / "evidence").exists():
            entries = [decode_entry(body) for _, body in read(folder)]
            self._store, self._writer, _ = resume(folder, self._told.log_seed, now)
            self._switch.restore(entries, now)
            self._logged = len(entries)
            # Whoever holds a lease of before the crash holds it for a lease's length at most.
            self._leased_until = now + self._told.lease_ns
            return
        folder.mkdir(exist_ok=True)
        self._writer = LogWriter(
            b"switch", self._told.log_seed, fleet_sha256=self._told.fleet_sha256, fsync="always"
        )
        self._store = create(folder, self._writer)

    async def serve(self) -> None:
        await self._server.start(Path(self._told.socket))
        ticking = asyncio.ensure_future(self._tick())
        ticking.add_done_callback(report_task)
        ready()
        try:
            await asyncio.Event().wait()
        finally:
            self._server.close()
            self._writer.close(time.monotonic_ns(), bytes(32))
            self._store.flush()
            self._store.release()

    async def _tick(self) -> None:
        while True:
            now = time.monotonic_ns()
            self._follow(self._switch.advance(now))
            stage = self._switch.stage(SYSTEM)
            if stage in (Stage.FREEZE, Stage.DRAIN, Stage.TERMINATE) and self._silent(now):
                self._follow(self._switch.done(SYSTEM, stage, now))
            await asyncio.sleep(TICK_SECONDS)

    def _silent(self, now: int) -> bool:
        """Whether every lease that was ever handed out has run out, by the slowest clock."""
        return now > self._leased_until + self._told.drift_ns

    def _follow(self, effects: list[Effect]) -> None:
        """Log first, then tell."""
        for entry in self._switch.log[self._logged :]:
            self._writer.append(encode_entry(entry))
        if self._logged < len(self._switch.log):
            self._logged = len(self._switch.log)
            self._store.flush()
        for effect in effects:
            match effect:
                case Tell(stage=stage):
                    self._moves.append((STAGE_NAMES[stage], effect.at))
                    self._server.push("stage", int(stage))
                case Revoke(revocation=revocation):
                    self._server.push("revoke", _encode(revocation))
                case Sweep():
                    self._sweep = effect
                case CallPeople(why=why):
                    self._called.append(why)
                case _:
                    pass  # leases go to who asks for them

    async def _handle(self, peer: Peer, name: str, body: Any) -> Any:
        now = time.monotonic_ns()
        match name:
            case "leases":
                return self._leases(now)
            case "done":
                return self._done(body, now)
            case "settled":
                epoch = proven(self._reconciler, name, body, now)
                if epoch is not None:
                    self._follow(self._switch.done(SYSTEM, Stage.RECONCILE, now, epoch))
                return epoch is not None
            case "revocations":
                return [_encode(revocation) for revocation in self._revocations()]
            case "sweep":
                sweep = None if proven(self._reconciler, name, body, now) is None else self._sweep
                return b"" if sweep is None else [_encode(sweep.lease), sweep.until, sweep.epoch]
            case "statement":
                effects, why = self._switch.statement(SYSTEM, bytes(body), now)
                self._follow(effects)
                return why
            case "status":
                return self._status()
        return None

    def _done(self, body: Any, now: int) -> bool:
        """A platform says that its part of a stage is done, with a lease of the epoch in force.

        Termination ends the epoch under which a platform worked: of that stage it speaks with the one before.
        """
        try:
            said, held = msgspec.convert(body, tuple[int, bytes])
            stage, lease = Stage(said), _LEASE.decode(held)
        except (msgspec.MsgspecError, ValueError):
            return False
        epoch = self._switch.issuer.epoch(lease.type) - (stage is Stage.TERMINATE)
        if stage >= Stage.RECONCILE or lease.epoch < epoch or not is_signed(self._verify, lease):
            return False
        self._follow(self._switch.done(SYSTEM, stage, now))
        return True

    def _leases(self, now: int) -> list[bytes]:
        """A lease for every type that may act now; none from termination until the way back."""
        given = []
        for effect in self._switch.renewals(now):
            if isinstance(effect, Renew):
                given.append(_encode(effect.lease))
                self._leased_until = max(self._leased_until, effect.lease.not_after)
        return given

    def _revocations(self) -> list[Revocation]:
        issuer = self._switch.issuer
        kinds = (kind.id for kind in self._switch.plan.types)
        return [issuer.revocation(kind) for kind in kinds if issuer.epoch(kind) > 1]

    def _status(self) -> dict[str, Any]:
        machine = self._switch.machine(SYSTEM)
        return {
            "stage": int(machine.stage),
            "until": machine.until,
            "epoch": self._switch.epoch(SYSTEM),
            "ordered_at": machine.ordered_at,
            "moves": self._moves,
            "called": self._called,
            "log": [as_text(entry) for entry in self._switch.log],
        }


async def _main(told: Told) -> None:
    await SwitchProcess(told).serve()


if __name__ == "__main__":
    run_child(Told, _main)
