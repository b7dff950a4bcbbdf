"""A drill as it goes, for a terminal: where the shutdown is, the countdown, money on its way, the sweep.

Drawn from what the supervisor sees (`drill.Seen`), four times a second, on standard error; nothing at all
where that is no terminal. It decides nothing, and holds nothing up.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from maso.live.drill import Seen
from maso.live.listing import decimal
from maso.resilience.shutdown import STAGE_NAMES, Stage

PER_SECOND: Final = 4
SECOND_NS: Final = 1_000_000_000


@contextmanager
def watching(title: str, console: Console) -> Iterator[Callable[[Seen], None] | None]:
    """Yields what takes a `Seen`; None where there is no terminal."""
    if not console.is_terminal:
        yield None
        return
    with Live(console=console, refresh_per_second=PER_SECOND, transient=True) as live:
        yield lambda seen: live.update(picture(title, seen))


def picture(title: str, seen: Seen) -> Group:
    """One frame."""
    told, sweep = seen.platform, seen.sweep
    figures = Table.grid(padding=(0, 2))
    figures.add_row("sessions", f"{told.get('sessions', 0):,}", "instances", f"{told.get('instances', 0):,}")
    figures.add_row("payments made", f"{told.get('payments', 0):,}", "actions", f"{told.get('actions', 0):,}")
    figures.add_row(
        "money in flight",
        f"{told.get('in_flight', 0):,} calls, {decimal(told.get('in_flight_minor', 0))}",
        "under way",
        f"{told.get('under_way', 0):,} actions",
    )
    if sweep:
        left = sweep.get("sweeping", 0) - sum(sweep.get(k, 0) for k in ("confirmed", "cancelled", "listed"))
        figures.add_row("to settle", f"{left:,} items", "listed", f"{sweep.get('listed', 0):,}")
    return Group(Text(f"{title}: {seen.note}"), _stages(seen), figures)


def _stages(seen: Seen) -> Text:
    line = Text()
    for stage in Stage:
        name = STAGE_NAMES[stage]
        if stage < seen.stage:
            line.append(f" {name} ", style="dim")
        elif stage is seen.stage:
            line.append(f" {name}{_countdown(seen)} ", style="reverse bold")
        else:
            line.append(f" {name} ")
        if stage is not Stage.SETTLED:
            line.append(">")
    return line


def _countdown(seen: Seen) -> str:
    """Until when the stage ends at the latest."""
    if seen.until is None:
        return ""
    return f" {max(0, seen.until - seen.now) / SECOND_NS:.0f} s"
