"""Appends to a log and prints how many records are acknowledged, until it is killed.

Arguments: the run's directory, the fsync policy, `create` or `resume`. Run by `test_kill.py`.
"""

import os
import sys
import time
from pathlib import Path

from maso.evidence import store
from maso.evidence.format import Fsync
from maso.evidence.log import LogWriter

SEED = b"k" * 32
STATE = bytes(32)


def body_of(number: int) -> bytes:
    """Record `number`: its content follows from its number, so that the parent can check it."""
    return b"%d:" % number + b"r" * (number * 37 % 400)


def main() -> None:
    run_dir, fsync, how = Path(sys.argv[1]), sys.argv[2], sys.argv[3]
    policy: Fsync = "always" if fsync == "always" else "block"
    if how == "create":
        log = LogWriter(
            b"kill",
            SEED,
            fleet_sha256=bytes(32),
            block_bytes=2000,
            blocks_per_checkpoint=3,
            segment_bytes=30_000,  # so that kills hit the change of segments too
            fsync=policy,
        )
        files = store.create(run_dir, log)
    else:
        files, log, _ = store.resume(run_dir, SEED, 0)
    while True:
        for _ in range(7):
            log.append(body_of(log.records))
        if log.checkpoint_due:
            log.seal(log.records, STATE)
        files.pump()
        os.write(1, b"%d\n" % files.acknowledged)
        if log.records % 2:
            # Half of the kills should hit here, where a promise was just given and nothing else is under way.
            time.sleep(0.002)


if __name__ == "__main__":
    main()
