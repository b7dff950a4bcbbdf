"""A way between two sockets that can be cut: then it drops everything, and tells nobody.

That is how a network partition looks from either side: no error, no end, no answer. New connections are
taken and lead nowhere.
"""

import asyncio
from pathlib import Path
from typing import Final

_CHUNK_BYTES: Final = 1 << 16


class Proxy:
    """Passes `path` on to `target` until `cut`."""

    def __init__(self, path: Path, target: Path) -> None:
        self._path = path
        self._target = target
        self._cut = False
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        self._server = await asyncio.start_unix_server(self._serve, str(self._path))

    def cut(self) -> None:
        self._cut = True

    def heal(self) -> None:
        self._cut = False

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            far_reader, far_writer = await asyncio.open_unix_connection(str(self._target))
        except OSError:
            writer.close()
            return
        for source, target in ((reader, far_writer), (far_reader, writer)):
            task = asyncio.ensure_future(self._pass(source, target))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _pass(self, source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
        try:
            while data := await source.read(_CHUNK_BYTES):
                if self._cut:
                    continue
                target.write(data)
                await target.drain()
        except OSError:
            pass
        finally:
            target.close()

    def close(self) -> None:
        if self._server is not None:
            self._server.close()
        for task in tuple(self._tasks):
            task.cancel()
