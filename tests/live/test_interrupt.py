"""Ctrl-C in a live drill: what is left is told, its evidence is closed and signed, no folder stays behind."""

import os
import signal
import subprocess
import time
from pathlib import Path

from tests.cli.terminal import command, environment, maso

_BLOCKS_BYTES = 5_000  # customers are at work


def test_ctrl_c_leaves_closed_evidence_and_says_what_is_there(tmp_path: Path) -> None:
    out, passing = tmp_path / "out", tmp_path / "passing"
    passing.mkdir()
    drill = ["drill", "killswitch", "ecommerce-10k", "--live", "--sessions", "10", "--out", str(out)]
    process = subprocess.Popen(
        command(drill), env={**environment(), "TMPDIR": str(passing)}, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True,
    )  # fmt: skip
    segment = out / "evidence" / "segment-00000000.log"
    while process.poll() is None and not (segment.exists() and segment.stat().st_size > _BLOCKS_BYTES):
        time.sleep(0.1)
    os.killpg(process.pid, signal.SIGINT)
    said, error = process.communicate()
    assert (process.returncode, said) == (130, "")
    assert error == (
        f"maso: interrupted; {out} holds 0 finished drills and what the one under way wrote: evidence, books,"
        " no summary; a drill does not go on, `maso verify` says whether its evidence was closed\n"
    )
    for log in (out, out / "switch"):
        verified = maso("verify", str(log))
        assert verified.code == 0, verified.out
    assert list(passing.iterdir()) == []
