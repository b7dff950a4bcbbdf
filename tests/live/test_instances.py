"""An instance looks at its own lease before every move, whoever asks it to move."""

import asyncio
from typing import Any

from maso.live.instances import Instance
from maso.resilience.lease import Holder, Verifier
from maso.resilience.shutdown import Stage
from tests.live.given import LEASE_NS, SWITCH, issuer

MOVE: Any = object()


class Scene:
    """One instance, a clock that the test turns, and what was moved."""

    def __init__(self) -> None:
        self.now = 0
        self.moved: list[int] = []
        self.issuer = issuer()
        self.holder = Holder(Verifier(bytes(SWITCH.verify_key)), "payment", lease_ns=LEASE_NS, drift_ns=0)
        self.waited: list[int] = []
        self.instance = Instance(
            7, self.holder, lambda run: self.moved.append(self.now),
            lambda run: self.waited.append(self.now), lambda: self.now,
        )  # fmt: skip

    def lease(self, stage: Stage = Stage.RUN) -> None:
        given = self.issuer.issue("payment", stage, 0, self.now)
        assert given is not None
        assert self.holder.renew(given, self.now) is None

    async def move(self, now: int) -> None:
        self.now = now
        await asyncio.sleep(0)
        self.instance.wake(MOVE)
        await asyncio.sleep(0)
        await asyncio.sleep(0)


def play(scene: Scene, moves: Any) -> None:
    async def all_of_it() -> None:
        life = asyncio.ensure_future(scene.instance.live())
        await asyncio.sleep(0)
        await moves(scene)
        if not life.done():
            life.cancel()

    asyncio.run(all_of_it())


def test_it_moves_while_its_lease_is_good_and_ends_with_it() -> None:
    async def moves(scene: Scene) -> None:
        scene.lease()
        await scene.move(1)
        await scene.move(LEASE_NS - 1)
        await scene.move(LEASE_NS)
        await scene.move(LEASE_NS + 1)

    scene = Scene()
    play(scene, moves)
    assert scene.moved == [1, LEASE_NS - 1]
    assert scene.instance.ended == "the lease has expired"


def test_it_stands_still_in_a_freeze_and_goes_on_when_that_is_called_off() -> None:
    async def moves(scene: Scene) -> None:
        scene.lease(Stage.FREEZE)
        await scene.move(1)
        assert not scene.instance.ended
        scene.issuer.revoke("payment")  # called off: a new epoch
        scene.lease(Stage.RUN)
        await scene.move(2)

    scene = Scene()
    play(scene, moves)
    assert scene.moved == [2]
    assert scene.waited == [1]  # handed back, not lost


def test_a_move_that_is_due_before_its_task_has_begun_is_made() -> None:
    async def moves(scene: Scene) -> None:
        scene.lease()
        scene.now = 1
        scene.instance.wake(MOVE)
        life = asyncio.ensure_future(scene.instance.live())
        for _ in range(3):
            await asyncio.sleep(0)
        life.cancel()

    scene = Scene()
    asyncio.run(moves(scene))
    assert scene.moved == [1]


def test_without_a_lease_it_never_moves() -> None:
    async def moves(scene: Scene) -> None:
        await scene.move(1)

    scene = Scene()
    play(scene, moves)
    assert scene.moved == []
    assert scene.instance.ended == "no lease"


def test_its_session_s_end_ends_it() -> None:
    async def moves(scene: Scene) -> None:
        scene.lease()
        scene.instance.end()
        await scene.move(1)

    scene = Scene()
    play(scene, moves)
    assert scene.moved == []
    assert scene.instance.ended == "over"
