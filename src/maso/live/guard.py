"""A small process that outlives its supervisor for a moment: what that one started, and made, goes with it.

A supervisor that is ended by `kill -9` runs no handler. Its children of maso's own end when their standard
input does, but not one that stands still (SIGSTOP), nor a database server, a bus, or a folder. So the
supervisor starts a guard before anything else and tells it, a line of JSON each, what there is:

    {"watch": PID, "signal": N}   end this process, with this signal; then with SIGKILL
    {"gone": PID}                 it has ended and was waited for: its number may be another's now
    {"remove": PATH}              a folder that only the drill needs

When the guard's standard input ends it ends them, in the reverse order, and removes the folders. A process is
held by a descriptor where the system has them (Linux), so that a number that was given to another meanwhile
hits nobody. Works wherever pipes do; only the standard library, so that it is there at once.

Not handled: a `kill -9` of the guard and the supervisor both.
"""

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, Final

# What is asked to end has this long; a database that shuts down at once needs a tenth of it.
PATIENCE_SECONDS: Final = 2.0
_POLL_SECONDS: Final = 0.02


class Guard:
    """The supervisor's side. Use as a context manager; leaving it orderly leaves nothing to do."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            (sys.executable, "-P", "-m", "maso.live.guard"),
            stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            start_new_session=True,
        )  # fmt: skip

    @property
    def pid(self) -> int:
        return self._process.pid

    def watch(self, pid: int, number: int = signal.SIGKILL) -> None:
        self._say({"watch": pid, "signal": int(number)})

    def gone(self, pid: int) -> None:
        self._say({"gone": pid})

    def remove(self, folder: Path) -> None:
        self._say({"remove": str(folder)})

    def _say(self, line: dict[str, Any]) -> None:
        assert self._process.stdin is not None
        with contextlib.suppress(OSError):  # a guard that is gone guards nothing; the drill goes on
            self._process.stdin.write(json.dumps(line).encode() + b"\n")
            self._process.stdin.flush()

    def __enter__(self) -> "Guard":
        return self

    def __exit__(self, *_: object) -> None:
        assert self._process.stdin is not None
        with contextlib.suppress(OSError):
            self._process.stdin.close()
        self._process.wait()


class _Watched:
    """One process that is to end."""

    def __init__(self, pid: int, number: int) -> None:
        self._pid = pid
        self._number = number
        self._held = -1
        with contextlib.suppress(OSError, AttributeError):
            self._held = os.pidfd_open(pid)

    def end(self) -> None:
        self._send(self._number)

    def kill(self) -> None:
        self._send(signal.SIGKILL)

    def _send(self, number: int) -> None:
        with contextlib.suppress(OSError):
            if self._held >= 0:
                signal.pidfd_send_signal(self._held, number)
            else:
                os.kill(self._pid, number)

    def alive(self) -> bool:
        """Whether it still runs; one that nobody has waited for yet has ended all the same."""
        try:
            if self._held >= 0:
                signal.pidfd_send_signal(self._held, 0)
            else:
                os.kill(self._pid, 0)
        except OSError:
            return False
        return not _is_zombie(self._pid)


def _is_zombie(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return False


def clear(watched: list[_Watched], folders: list[str]) -> None:
    """End everything that is left, the youngest first, then remove the folders."""
    for one in reversed(watched):
        one.end()
    end = time.monotonic() + PATIENCE_SECONDS
    while any(one.alive() for one in watched) and time.monotonic() < end:
        time.sleep(_POLL_SECONDS)
    for one in watched:
        one.kill()
    for folder in folders:
        shutil.rmtree(folder, ignore_errors=True)


def main() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the supervisor's
    watched: dict[int, _Watched] = {}
    folders: list[str] = []
    for line in sys.stdin.buffer:
        told = json.loads(line)
        if "watch" in told:
            watched[told["watch"]] = _Watched(told["watch"], told["signal"])
        elif "gone" in told:
            watched.pop(told["gone"], None)
        else:
            folders.append(told["remove"])
    clear(list(watched.values()), folders)


if __name__ == "__main__":
    main()
