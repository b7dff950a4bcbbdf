"""A backlog on the bus is read in slices, so that whoever renews leases has a turn."""

import asyncio
from typing import Any, NamedTuple

import msgspec

from maso.live.bus import SLICE_NS, in_slices

encode = msgspec.msgpack.Encoder().encode


class Message(NamedTuple):
    data: bytes


def test_others_have_a_turn_while_a_backlog_is_read() -> None:
    clock = [0]
    seen: list[Any] = []

    def arrived(first: int, second: int, data: bytes) -> None:
        clock[0] += SLICE_NS // 4
        seen.append(first)

    async def lease_keeper() -> None:
        for _ in range(3):
            seen.append("renewed")
            await asyncio.sleep(0)

    async def scene() -> None:
        read = in_slices(arrived, lambda: clock[0])
        keeper = asyncio.ensure_future(lease_keeper())
        for number in range(9):
            await read(Message(encode((number, 0, b""))))
        await read(Message(b"not one of ours"))
        await keeper

    asyncio.run(scene())
    assert seen == [0, 1, 2, 3, "renewed", 4, 5, 6, 7, "renewed", 8, "renewed"]
