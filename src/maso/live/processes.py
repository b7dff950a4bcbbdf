"""Child processes of a drill: started sealed, told by their standard input, ended by their own number.

A child is `python -m maso.live.NAME`; it reads one JSON document from standard input (keys never stand on a
command line or in a file), says `ready` on standard output when it serves, and may say more lines of JSON
later. Every child has no core dumps and no tracebacks, like the command line (`cli/ending.py`).

A child that loses its parent ends: standard input is kept open until then, and its end is the signal. One
that cannot hear it is ended by the guard (`guard.py`). Not handled: children of children; there are none.
"""

import asyncio
import faulthandler
import os
import resource
import shutil
import signal
import sqlite3
import sys
import threading
from collections.abc import Callable, Coroutine
from pathlib import Path
from types import TracebackType
from typing import Any, Final, TypeVar

import msgspec

from maso.live.guard import Guard

T = TypeVar("T")

# Importing the plane and 2,000 products takes a second; a busy machine many.
READY_SECONDS_MAX: Final = 120.0
# Less than a database needs to grow by a page and its log.
_FULL_BYTES: Final = 1 << 20
_LINE_BYTES_MAX: Final = 8 << 20

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder().decode


class StartError(RuntimeError):
    """A child did not come up."""


def seal_child() -> None:
    """Nothing of this process's memory reaches a disk or a terminal."""
    faulthandler.disable()
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    sys.excepthook = _say_kind
    threading.excepthook = lambda failed: _say_thread(failed.exc_type, failed.exc_value, failed.exc_traceback)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the supervisor's; it ends us


def _say_kind(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    """What failed and where, without a word of its text: it may quote a message."""
    place = "outside maso"
    while trace is not None:
        name = trace.tb_frame.f_code.co_filename
        if f"{os.sep}maso{os.sep}" in name:
            place = f"maso/{name.rpartition(f'{os.sep}maso{os.sep}')[2]}:{trace.tb_lineno}"
        trace = trace.tb_next
    cause = _cause(error)
    if cause:
        sys.stderr.write(f"maso: {cause}, {place}\n")
    else:
        sys.stderr.write(f"maso: a defect in a process of the drill: {kind.__name__} at {place}\n")


def _cause(error: BaseException) -> str:
    """What the machine refused, without a word of a message; empty for a defect."""
    if isinstance(error, OSError) and error.strerror:
        name = f"`{error.filename}`" if isinstance(error.filename, str) else "a file"
        return f"{name} cannot be used: {error.strerror.lower()}"
    if isinstance(error, sqlite3.Error) and getattr(error, "sqlite_errorname", "") == "SQLITE_FULL":
        return "the database cannot be written: no space left on device"
    return ""


def _say_thread(kind: type[BaseException], error: BaseException | None, trace: TracebackType | None) -> None:
    _say_kind(kind, error or kind(), trace)


def _say_context(_: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """What the event loop would print with its text."""
    error = context.get("exception")
    if error is not None:
        _say_kind(type(error), error, error.__traceback__)


def report_task(task: "asyncio.Task[Any]") -> None:
    """For tasks that nobody awaits: a failure is told, and ends the process rather than be lost."""
    error = None if task.cancelled() else task.exception()
    if error is not None:
        _say_kind(type(error), error, error.__traceback__)
        os._exit(1)


def run_child(kind: type[T], main: Callable[[T], Coroutine[Any, Any, None]]) -> None:
    """What a child's module does when it is run: read what it is told, serve, end with its parent."""
    seal_child()
    told = msgspec.json.decode(sys.stdin.buffer.readline(_LINE_BYTES_MAX), type=kind)

    async def serve() -> None:
        asyncio.get_running_loop().set_exception_handler(_say_context)
        work = asyncio.ensure_future(main(told))
        parent = asyncio.ensure_future(_orphaned())
        done, _ = await asyncio.wait({work, parent}, return_when=asyncio.FIRST_COMPLETED)
        if work not in done:
            work.cancel()
            return
        work.result()

    asyncio.run(serve())


async def _orphaned() -> None:
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    await reader.read()


def say(document: Any) -> None:
    """One line to the parent."""
    sys.stdout.buffer.write(_encode(document) + b"\n")
    sys.stdout.buffer.flush()


def ready() -> None:
    say({"ready": True})


def why(log: Path) -> str:
    """What a child that ended said last in its log; where there is nothing, what the disk says."""
    try:
        said = [line for line in log.read_text("utf-8", "replace").splitlines() if line.strip()]
    except OSError:
        said = []
    if said:
        return said[-1].removeprefix("maso: ")
    if shutil.disk_usage(log.parent).free < _FULL_BYTES:
        return f"no space is left on the disk of `{log.parent}`"
    return "it said nothing"


class Child:
    """One running child. `lines` is everything it said after `ready`."""

    def __init__(self, name: str, process: asyncio.subprocess.Process, guard: Guard | None = None) -> None:
        self._guard = guard
        if guard is not None:
            guard.watch(process.pid)
        self.name = name
        self.lines: asyncio.Queue[dict[str, Any] | None] = asyncio.Queue()
        self._process = process
        self._reading: asyncio.Task[None] | None = None

    @classmethod
    async def start(cls, name: str, told: Any, log: Path, guard: Guard | None = None) -> "Child":
        """Start `maso.live.NAME` and wait until it serves."""
        with log.open("ab") as errors:
            process = await asyncio.create_subprocess_exec(
                sys.executable, "-P", "-m", f"maso.live.{name}",
                stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=errors,
                limit=_LINE_BYTES_MAX, start_new_session=True,
            )  # fmt: skip
        child = cls(name, process, guard)
        assert process.stdin is not None
        process.stdin.write(_encode(told) + b"\n")
        try:
            async with asyncio.timeout(READY_SECONDS_MAX):
                first = await child._line()
        except TimeoutError:
            first = None
        if first is None or "ready" not in first:
            child.kill()
            raise StartError(f"the {name.replace('_', ' ')} did not start: {why(log)}")
        child._reading = asyncio.ensure_future(child._read())
        return child

    async def _line(self) -> dict[str, Any] | None:
        assert self._process.stdout is not None
        line = await self._process.stdout.readline()
        return _decode(line) if line.endswith(b"\n") else None

    async def _read(self) -> None:
        while (line := await self._line()) is not None:
            self.lines.put_nowait(line)
        self.lines.put_nowait(None)

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def alive(self) -> bool:
        return self._process.returncode is None

    def signal(self, number: int) -> None:
        if self.alive:
            self._process.send_signal(number)

    def kill(self) -> None:
        """`kill -9`: no handler runs, no buffer is written."""
        if self.alive:
            self._process.kill()

    async def ended(self) -> int:
        code = await self._process.wait()
        if self._guard is not None:
            self._guard.gone(self.pid)
        return code

    async def stop(self, seconds_max: float = 10.0) -> None:
        """Let it end by itself, then make it."""
        if self._process.stdin is not None and self.alive:
            self._process.stdin.close()
            try:
                async with asyncio.timeout(seconds_max):
                    await self._process.wait()
            except TimeoutError:
                self.kill()
        await self.ended()
        if self._reading is not None:
            await self._reading
