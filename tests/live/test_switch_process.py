"""What the switch believes of what comes over its socket: signatures, and nobody's word."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from nacl.signing import SigningKey

from maso.clock import SECOND
from maso.live.proof import GOOD_NS, prove, proven
from maso.live.switch_process import SYSTEM, SwitchProcess, Told
from maso.live.wire import Peer
from maso.resilience.lease import RECONCILER, Lease
from maso.resilience.shutdown import Stage
from maso.resilience.twopersons import Want, state

KEY = SigningKey(bytes(range(32)))
OTHER = SigningKey(bytes(range(1, 33)))
PEOPLE = {name: SigningKey(name.encode() * 32) for name in "ab"}
encode = msgspec.msgpack.Encoder().encode


def switch(folder: Path) -> SwitchProcess:
    ceilings = {stage.name.lower(): 100 * SECOND for stage in Stage if Stage.RUN < stage < Stage.SETTLED}
    people = [(name, "operator", bytes(key.verify_key)) for name, key in PEOPLE.items()]
    return SwitchProcess(
        Told(
            "", str(folder / "switch"), ["payment"], ceilings, ["operator"], people, bytes(range(2, 34)),
            bytes(32), bytes(32), SECOND, 6 * SECOND, 2 * SECOND, SECOND // 10, 60 * SECOND,
            bytes(KEY.verify_key),
        )
    )  # fmt: skip


class Asked:
    """A switch, asked as a peer on its socket asks."""

    def __init__(self, folder: Path) -> None:
        self.process = switch(folder)

    async def __call__(self, name: str, body: Any = None) -> Any:
        peer: Any = None
        handle: Callable[[Peer, str, Any], Awaitable[Any]] = self.process._handle
        return await handle(peer, name, body)

    async def order(self, want: Want) -> None:
        said = []
        for number, key in enumerate(PEOPLE.values()):
            machine = self.process._switch
            wire = state(key, want, SYSTEM, machine.epoch(SYSTEM), number + 1, time.monotonic_ns())
            said.append(await self("statement", wire))
        assert said == ["waits for a second person", "two people agree"]

    async def lease(self) -> Lease:
        (data,) = await self("leases")
        return msgspec.msgpack.decode(data, type=Lease)

    @property
    def stage(self) -> Stage:
        return self.process._switch.stage(SYSTEM)


def run(scene: Callable[[], Awaitable[None]]) -> None:
    async def main() -> None:
        await scene()

    asyncio.run(main())


def test_only_the_reconciler_gets_the_sweeps_lease_and_says_that_it_is_over(tmp_path: Path) -> None:
    async def scene() -> None:
        ask = Asked(tmp_path)
        await ask("leases")
        await ask.order(Want.KILL)
        assert ask.stage is Stage.TERMINATE
        ask.process._follow(ask.process._switch.done(SYSTEM, Stage.TERMINATE, time.monotonic_ns()))
        assert ask.stage is Stage.RECONCILE
        now = time.monotonic_ns()
        strangers = (None, [], [0, now, b""], prove(OTHER, "sweep", 0, now), prove(KEY, "settled", 0, now))
        for body in (*strangers, prove(KEY, "sweep", 0, now - GOOD_NS)):
            assert await ask("sweep", body) == b""
        data, _, epoch = await ask("sweep", prove(KEY, "sweep", 0, now))
        assert msgspec.msgpack.decode(data, type=Lease).type == RECONCILER
        for body in (*strangers[:-1], prove(KEY, "sweep", epoch, now), prove(KEY, "settled", epoch - 1, now)):
            await ask("settled", body)
            assert ask.stage is Stage.RECONCILE
        assert await ask("settled", prove(KEY, "settled", epoch, now))
        assert ask.stage is Stage.SETTLED

    run(scene)


def test_a_stage_is_done_by_who_has_a_lease_of_its_epoch(tmp_path: Path) -> None:
    async def scene() -> None:
        ask = Asked(tmp_path)
        lease = await ask.lease()
        await ask.order(Want.HALT)
        assert ask.stage is Stage.HALT
        forged = msgspec.structs.replace(lease, epoch=lease.epoch + 1)
        for held in (
            b"",
            b"\xc0",
            encode(forged),
            encode(msgspec.structs.replace(lease, signature=b"x" * 64)),
        ):
            for body in ([int(Stage.HALT), held], [99, held], int(Stage.HALT), None):
                assert not await ask("done", body)
                assert ask.stage is Stage.HALT
        for stage in (Stage.HALT, Stage.FREEZE, Stage.DRAIN, Stage.TERMINATE):
            assert ask.stage is stage
            assert await ask("done", [int(stage), encode(lease)])
        assert ask.stage is Stage.RECONCILE
        assert not await ask("done", [int(Stage.RECONCILE), encode(lease)])
        assert ask.stage is Stage.RECONCILE

    run(scene)


def test_a_platform_of_before_the_way_back_is_not_heard(tmp_path: Path) -> None:
    async def scene() -> None:
        ask = Asked(tmp_path)
        old = await ask.lease()
        await ask.order(Want.KILL)
        await ask("done", [int(Stage.TERMINATE), encode(old)])
        _, _, epoch = await ask("sweep", prove(KEY, "sweep", 0, time.monotonic_ns()))
        await ask("settled", prove(KEY, "settled", epoch, time.monotonic_ns()))
        await ask.order(Want.RESUME)
        assert ask.stage is Stage.RUN
        new = await ask.lease()
        await ask.order(Want.KILL)
        assert not await ask("done", [int(Stage.TERMINATE), encode(old)])
        assert ask.stage is Stage.TERMINATE
        assert await ask("done", [int(Stage.TERMINATE), encode(new)])
        assert ask.stage is Stage.RECONCILE

    run(scene)


@pytest.mark.parametrize("off", [GOOD_NS, -GOOD_NS])
def test_a_proof_is_good_for_its_request_its_epoch_and_some_seconds(off: int) -> None:
    body = prove(KEY, "sweep", 3, 100 * SECOND)
    assert proven(KEY.verify_key, "sweep", body, 100 * SECOND) == 3
    assert proven(KEY.verify_key, "sweep", body, 100 * SECOND + off) is None
    assert proven(KEY.verify_key, "sweep", [4, *body[1:]], 100 * SECOND) is None
    assert proven(KEY.verify_key, "sweep", [3, body[1] + 1, body[2]], 100 * SECOND) is None
    assert proven(OTHER.verify_key, "sweep", body, 100 * SECOND) is None
