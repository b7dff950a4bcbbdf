"""kill -9 at random moments: what the child said was acknowledged is there afterwards."""

import os
import select
import signal
import subprocess
import sys
import time
from pathlib import Path
from random import Random

import pytest

from evidence.child import SEED, body_of
from maso.evidence import store
from maso.evidence.read import read
from maso.evidence.verify import verify

CHILD = Path(__file__).with_name("child.py")


def kill_once(run_dir: Path, root: Path, fsync: str, how: str, rng: Random) -> int:
    """Start the child, kill it a random moment after its first words; returns what it acknowledged last."""
    child = subprocess.Popen(
        [sys.executable, str(CHILD), str(run_dir), fsync, how],
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(root / "src"), "PYTHONDONTWRITEBYTECODE": "1"},
    )
    assert child.stdout is not None
    said = b""
    if rng.random() < 0.9:  # otherwise killed while it starts, creates or recovers
        said = os.read(child.stdout.fileno(), 1 << 16)
        until = time.monotonic() + rng.uniform(0, 0.03)
    else:
        until = time.monotonic() + rng.uniform(0.03, 0.12)
    while (left := until - time.monotonic()) > 0:
        if select.select([child.stdout], [], [], left)[0]:
            said += os.read(child.stdout.fileno(), 1 << 16)
    os.kill(child.pid, signal.SIGKILL)
    said += child.stdout.read()
    child.stdout.close()
    assert child.wait() == -signal.SIGKILL
    complete = said.rpartition(b"\n")[0].split()
    return int(complete[-1]) if complete else 0


def kill_many(tmp_path: Path, root: Path, kills: int, seed: int) -> None:
    rng = Random(seed)
    run_dir, acknowledged, runs = tmp_path / "run-0", 0, 0
    fsync = "block"
    for _ in range(kills):
        begun = (run_dir / "evidence" / "segment-00000000.log").exists()
        said = kill_once(run_dir, root, fsync, "resume" if begun else "create", rng)
        acknowledged = max(acknowledged, said)
        if not begun and said == 0:  # killed before anything was promised: there may be nothing to recover
            runs += 1
            run_dir = tmp_path / f"run-{runs}"
            continue
        files, log, _ = store.resume(run_dir, SEED, 0)
        files.release()
        assert log.records >= acknowledged, "an acknowledged record was lost"
        acknowledged = log.records
        for number, body in read(run_dir):
            assert body == body_of(number)
        assert verify(run_dir).ok
        if rng.random() < 0.2:  # a fresh log now and then
            runs += 1
            run_dir, acknowledged = tmp_path / f"run-{runs}", 0
            fsync = rng.choice(["always", "block"])


def test_fifteen_kills_lose_nothing_acknowledged(tmp_path: Path, root: Path) -> None:
    kill_many(tmp_path, root, kills=15, seed=1)


@pytest.mark.slow
def test_two_hundred_kills_lose_nothing_acknowledged(tmp_path: Path, root: Path) -> None:
    kill_many(tmp_path, root, kills=200, seed=2)
