"""Requests between processes: answered, silent, cut off, and pushes."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from maso.live.proxy import Proxy
from maso.live.wire import Client, LostError, Peer, Server


async def _handle(peer: Peer, name: str, body: Any) -> Any:
    match name:
        case "echo":
            return body
        case "silent":
            return None
        case "push":
            peer.push("told", body)
            return True
    await asyncio.sleep(30)
    return None


def test_answers_pushes_and_silence(sockets: Path) -> None:
    async def scene() -> None:
        server, told = Server(_handle), []
        await server.start(sockets / "s")
        client = Client(sockets / "s", lambda name, body: told.append((name, body)))
        many = await asyncio.gather(*(client.ask("echo", n, 5) for n in range(50)))
        assert many == list(range(50))
        assert await client.ask("push", [1, b"x"], 5) is True
        assert told == [("told", [1, b"x"])]
        for name in ("silent", "slow"):
            with pytest.raises(LostError):
                await client.ask(name, None, 0.05)
        assert await client.ask("echo", "still there", 5) == "still there"
        client.close()
        server.close()
        await asyncio.sleep(0)

    asyncio.run(scene())


def test_who_is_not_there_is_lost_and_may_come_back(sockets: Path) -> None:
    async def scene() -> None:
        client = Client(sockets / "s")
        with pytest.raises(LostError):
            await client.ask("echo", 1, 0.2)
        server = Server(_handle)
        await server.start(sockets / "s")
        assert await client.ask("echo", 2, 5) == 2
        client.close()
        server.close()
        await asyncio.sleep(0)

    asyncio.run(scene())


def test_a_cut_way_is_silent_and_heals(sockets: Path) -> None:
    async def scene() -> None:
        server, proxy = Server(_handle), Proxy(sockets / "way", sockets / "s")
        await server.start(sockets / "s")
        await proxy.start()
        client = Client(sockets / "way")
        assert await client.ask("echo", 1, 5) == 1
        proxy.cut()
        with pytest.raises(LostError):
            await client.ask("echo", 2, 0.1)
        proxy.heal()
        assert await client.ask("echo", 3, 5) == 3
        client.close()
        proxy.close()
        server.close()
        await asyncio.sleep(0.01)

    asyncio.run(scene())
