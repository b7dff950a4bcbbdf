"""What the tests of the command line share: running a command in this process or in one of its own, goldens.

`MASO_ACCEPT=1 pytest tests/cli` writes the golden files anew; look at the difference before you commit it.
"""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any, NamedTuple

from maso.cli import run

ROOT = Path(__file__).resolve().parents[2]
GOLDEN = Path(__file__).resolve().parent / "golden"


class Done(NamedTuple):
    code: int
    out: str
    error: str

    @property
    def document(self) -> Any:
        """Standard output as one JSON object; fails when there is anything else on it."""
        return json.loads(self.out)


def maso(*arguments: str) -> Done:
    """The command in this process: fast, with `sys.stdout` and `sys.stderr` replaced by text."""
    out, error = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(error):
        code = run(arguments)
    return Done(code, out.getvalue(), error.getvalue())


def environment(**extra: str) -> dict[str, str]:
    """What a command of its own process gets: our source, no terminal, nothing of the caller's settings."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    return {**kept, "PYTHONPATH": str(ROOT / "src"), **extra}


def command(arguments: Sequence[str]) -> list[str]:
    return [sys.executable, "-P", "-m", "maso", *arguments]


def maso_apart(*arguments: str, cwd: Path | None = None, **extra: str) -> Done:
    """The command in a process of its own."""
    done = subprocess.run(
        command(arguments), env=environment(**extra), cwd=cwd, capture_output=True, text=True, check=False
    )
    return Done(done.returncode, done.stdout, done.stderr)


@contextmanager
def within(folder: Path) -> Iterator[Path]:
    """In that directory, so that messages name short paths."""
    before = Path.cwd()
    os.chdir(folder)
    try:
        yield folder
    finally:
        os.chdir(before)


def assert_golden(name: str, text: str) -> None:
    """`text` is what the golden file says; `MASO_ACCEPT=1` writes the file instead."""
    path = GOLDEN / name
    if os.environ.get("MASO_ACCEPT"):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
    assert path.exists(), f"no golden file tests/cli/golden/{name}; MASO_ACCEPT=1 writes it"
    assert text == path.read_text("utf-8"), f"{name} differs; MASO_ACCEPT=1 accepts it"
