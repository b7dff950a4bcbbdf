"""The live schedule: due calls in order, in slices, and none after the stop."""

import asyncio
import time

from maso.live.kernel import SLICE_NS, LiveKernel


def test_calls_come_in_order_of_their_time_then_of_asking() -> None:
    async def scene() -> list[str]:
        kernel, made = LiveKernel(), []  # type: ignore[var-annotated]
        now = kernel.now
        for name, when in (("c", now + 2), ("a", now), ("b", now), ("d", now + 2)):
            kernel.at(when, made.append, name)
        kernel.after(3, lambda _: kernel.stop())
        await kernel.run()
        kernel.after(0, made.append, "late")
        return made

    assert asyncio.run(scene()) == ["a", "b", "c", "d"]


def test_a_backlog_leaves_the_loop_to_others_in_between() -> None:
    def work(_: None) -> None:
        end = time.monotonic_ns() + SLICE_NS // 2
        while time.monotonic_ns() < end:
            pass

    async def scene() -> int:
        kernel, turns, meanwhile = LiveKernel(), 0, 0

        def stop(_: None) -> None:
            nonlocal meanwhile
            meanwhile = turns
            kernel.stop()

        async def other() -> None:
            nonlocal turns
            while True:
                turns += 1
                await asyncio.sleep(0)

        for _ in range(40):
            kernel.after(0, work)
        kernel.after(1, stop)
        others = asyncio.ensure_future(other())
        await kernel.run()
        others.cancel()
        return meanwhile

    assert asyncio.run(scene()) >= 10
