"""Where output goes: tables and text or one JSON document on standard output, progress on standard error.

Nothing that comes from outside is read as markup. Without a terminal there are no colours and no progress,
and lines are `COLUMNS` wide (110 unless set), so that the same command prints the same bytes everywhere.
"""

import json
import os
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import IO, TYPE_CHECKING, Any, Final

from rich.console import Console, RenderableType

if TYPE_CHECKING:
    from rich.progress import Progress

PLAIN_COLUMNS: Final = 110
COLUMNS_MIN: Final = 40  # below this a table is noise

Advance = Callable[[float], None]


def _columns() -> int:
    try:
        return max(COLUMNS_MIN, int(os.environ.get("COLUMNS", "")))
    except ValueError:
        return PLAIN_COLUMNS


class _Console(Console):
    """Rich exits with 1 when nobody reads any more; here the command ends as any other does."""

    def on_broken_pipe(self) -> None:
        raise BrokenPipeError


def console(stream: IO[str]) -> Console:
    width = None if stream.isatty() else _columns()
    return _Console(file=stream, width=width, markup=False, highlight=False, emoji=False, soft_wrap=False)


def stage_bar(on: Console) -> "Progress":
    """How far a stage is, which is never cut, and what it does, of which as much as fits."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
    from rich.table import Column

    columns = (
        BarColumn(bar_width=24, table_column=Column(no_wrap=True)),
        MofNCompleteColumn(table_column=Column(no_wrap=True)),
        TimeRemainingColumn(table_column=Column(no_wrap=True)),
        TextColumn("{task.description}", table_column=Column(ratio=1, no_wrap=True, overflow="ellipsis")),
    )
    return Progress(*columns, console=on, transient=True, expand=True)


class Screen:
    """The two outputs of one command. Under `--json` only `emit` writes on standard output."""

    def __init__(self, as_json: bool) -> None:
        self.as_json = as_json
        self._out = console(sys.stdout)
        self._error = console(sys.stderr)

    def show(self, *renderables: RenderableType) -> None:
        """For people; nothing under `--json`."""
        if self.as_json:
            return
        for renderable in renderables:
            if self._out.is_terminal:
                self._out.print(renderable)
                continue
            with self._out.capture() as kept:
                self._out.print(renderable)
            self.text(*(line.rstrip() for line in kept.get().rstrip("\n").split("\n")))

    def text(self, *lines: str) -> None:
        """Lines as they are, never wrapped; nothing under `--json`."""
        if not self.as_json:
            for line in lines:
                self._out.print(line, soft_wrap=True)

    def note(self, line: str) -> None:
        """Beside the result: on standard error."""
        self._error.print(f"maso: {line}", soft_wrap=True)

    def without_terminal(self, line: str) -> None:
        """A note where standard error is no terminal, so that no bar shows that something goes on."""
        if not sys.stderr.isatty():
            self.note(line)

    def emit(self, schema: str, document: Mapping[str, Any]) -> None:
        """For programs, one object; nothing without `--json`."""
        if self.as_json:
            whole = {"schema": schema, **document}
            sys.stdout.write(json.dumps(whole, indent=2) + "\n")
            sys.stdout.flush()

    @contextmanager
    def stages(self) -> Iterator[Callable[[str, int, int], None]]:
        """A bar for work in stages; yields a function of what is done now, how far, and of how much."""
        if not sys.stderr.isatty():
            yield lambda what, done, total: None
            return
        with stage_bar(self._error) as bar:
            task = bar.add_task("starting", total=None)
            yield lambda what, done, total: bar.update(task, description=what, completed=done, total=total)

    @contextmanager
    def progress(self, what: str, total: float) -> Iterator[Advance]:
        """A bar on standard error while something long runs; yields a function that takes how far it is."""
        if not sys.stderr.isatty():
            yield lambda done: None
            return
        from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

        columns = (
            TextColumn("{task.description}"),
            BarColumn(),
            TextColumn("{task.percentage:>3.0f}%"),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
        )
        with Progress(*columns, console=self._error, transient=True) as bar:
            task = bar.add_task(what, total=total)
            yield lambda done: bar.update(task, completed=done)
