"""Requests and answers between the processes of a drill: msgpack frames over a unix socket.

A frame is four bytes of length and a msgpack array `(number, name, body)`; an answer carries the number of
its request, a push has number 0. One connection carries many requests at once. A frame that is too long or
no frame ends the connection: nothing on a socket is worth guessing about.

Whoever asks says how long it waits. An answer that comes later is dropped, so that *no answer in time* and
*no answer* are the same thing to whoever asked. Not handled: who may connect; a drill's sockets lie in a
folder that only its own user can enter, and what matters is signed.
"""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, Final

import msgspec

# A thousand leases or a page of a thousand history entries fit many times over.
FRAME_BYTES_MAX: Final = 4 << 20
_LENGTH_BYTES: Final = 4
PUSH: Final = 0

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(tuple[int, str, Any]).decode

Handler = Callable[["Peer", str, Any], Awaitable[Any]]


class LostError(ConnectionError):
    """No answer: the other side is gone, cut off, or too slow. What was asked may have been done."""


def frame(number: int, name: str, body: Any) -> bytes:
    data = _encode((number, name, body))
    return len(data).to_bytes(_LENGTH_BYTES, "big") + data


async def _read(reader: asyncio.StreamReader) -> tuple[int, str, Any]:
    size = int.from_bytes(await reader.readexactly(_LENGTH_BYTES), "big")
    if size > FRAME_BYTES_MAX:
        raise LostError("a frame is too long")
    return _decode(await reader.readexactly(size))


class Peer:
    """One accepted connection of a server."""

    __slots__ = ("_writer", "name")

    def __init__(self, writer: asyncio.StreamWriter) -> None:
        self._writer = writer
        self.name = ""

    def push(self, name: str, body: Any) -> None:
        """Tell the other side something that it did not ask for; lost if it is gone."""
        if not self._writer.is_closing():
            self._writer.write(frame(PUSH, name, body))

    def answer(self, number: int, body: Any) -> None:
        if not self._writer.is_closing():
            self._writer.write(frame(number, "", body))


class Server:
    """Serves one socket. `handle` answers a request; None as its answer means: say nothing at all."""

    def __init__(self, handle: Handler, gone: Callable[[Peer], None] | None = None) -> None:
        self._handle = handle
        self._gone = gone
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self.peers: list[Peer] = []

    async def start(self, path: Path) -> None:
        path.unlink(missing_ok=True)
        self._server = await asyncio.start_unix_server(self._serve, str(path))

    def close(self) -> None:
        if self._server is not None:
            self._server.close()
        for task in tuple(self._tasks):
            task.cancel()

    def push(self, name: str, body: Any) -> None:
        for peer in self.peers:
            peer.push(name, body)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        peer = Peer(writer)
        self.peers.append(peer)
        try:
            while True:
                number, name, body = await _read(reader)
                task = asyncio.ensure_future(self._answer(peer, number, name, body))
                self._tasks.add(task)
                task.add_done_callback(self._tasks.discard)
        except (asyncio.IncompleteReadError, msgspec.MsgspecError, OSError):
            pass  # the other side is gone, or speaks something else
        except asyncio.CancelledError:
            pass  # this process ends
        finally:
            self.peers.remove(peer)
            writer.close()
            if self._gone is not None:
                self._gone(peer)

    async def _answer(self, peer: Peer, number: int, name: str, body: Any) -> None:
        answer = await self._handle(peer, name, body)
        if answer is not None and number != PUSH:
            peer.answer(number, answer)


class Client:
    """Asks one server; connects when it must, and again after it was cut off."""

    def __init__(self, path: Path, pushed: Callable[[str, Any], None] | None = None) -> None:
        self._path = path
        self._pushed = pushed
        self._writer: asyncio.StreamWriter | None = None
        self._reader: asyncio.Task[None] | None = None
        self._waiting: dict[int, asyncio.Future[Any]] = {}
        self._number = 0
        self._connecting = asyncio.Lock()

    async def ask(self, name: str, body: Any, seconds_max: float) -> Any:
        """The answer; raises LostError where there is none in time."""
        try:
            async with asyncio.timeout(seconds_max):
                return await self._ask(name, body)
        except OSError:  # a TimeoutError is one too
            raise LostError(f"`{name}` was not answered") from None

    async def _ask(self, name: str, body: Any) -> Any:
        writer = await self._connected()
        self._number += 1
        number = self._number
        answered: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._waiting[number] = answered
        try:
            writer.write(frame(number, name, body))
            return await answered
        finally:
            self._waiting.pop(number, None)

    async def _connected(self) -> asyncio.StreamWriter:
        async with self._connecting:
            if self._writer is None or self._writer.is_closing():
                reader, self._writer = await asyncio.open_unix_connection(str(self._path))
                self._reader = asyncio.ensure_future(self._listen(reader, self._writer))
            return self._writer

    async def _listen(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                number, name, body = await _read(reader)
                if number == PUSH:
                    if self._pushed is not None:
                        self._pushed(name, body)
                    continue
                waiting = self._waiting.get(number)
                if waiting is not None and not waiting.done():
                    waiting.set_result(body)
        except (asyncio.IncompleteReadError, msgspec.MsgspecError, OSError):
            pass
        finally:
            writer.close()
            for waiting in self._waiting.values():
                if not waiting.done():
                    waiting.set_exception(LostError("the connection was lost"))

    def close(self) -> None:
        if self._reader is not None:
            self._reader.cancel()
        if self._writer is not None:
            self._writer.close()
