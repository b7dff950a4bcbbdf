"""`bench`: what the hot path costs on this machine, as `maso.bench` measures it; here it is shown."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console

from maso.cli.screen import Screen, console


def bench_command(quick: bool, as_json: bool) -> None:
    from maso.bench import run

    screen = Screen(as_json)
    with _spinner(console(sys.stderr)) as say:
        figures = run(quick, say)
    screen.emit("maso.bench/1", figures)
    if not as_json:
        from maso.report.bench import bench_tables

        screen.show(*bench_tables(figures))


@contextmanager
def _spinner(error: Console) -> Iterator[Callable[[str], None]]:
    """What is being measured, on a terminal's standard error; nobody can say how long each part takes."""
    if not error.is_terminal:
        yield lambda what: None
        return
    with error.status("measuring") as status:
        yield lambda what: status.update(f"measuring: {what}")
