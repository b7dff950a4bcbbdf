"""What a terminal shows while a drill goes on."""

import io

from rich.console import Console

from maso.live.drill import Seen
from maso.live.view import picture, watching
from maso.resilience.shutdown import Stage

SECOND = 1_000_000_000
TOLD = {
    "sessions": 9_986, "instances": 59_916, "actions": 19_521, "in_flight": 12, "in_flight_minor": 2_239_000,
    "under_way": 61, "payments": 899,
}  # fmt: skip


def drawn(seen: Seen) -> str:
    out = Console(file=io.StringIO(), width=100)
    out.print(picture("drill 1 of 2, kill9-drain", seen))
    file = out.file
    assert isinstance(file, io.StringIO)
    return "\n".join(line.rstrip() for line in file.getvalue().splitlines())


def test_a_drain_with_its_countdown() -> None:
    seen = Seen(Stage.DRAIN, 0, 60 * SECOND, 17 * SECOND, TOLD, {}, "running")
    assert drawn(seen) == (
        "drill 1 of 2, kill9-drain: running\n"
        " run > halt > freeze > drain 43 s > terminate > reconcile > settled\n"
        "sessions         9,986               instances  59,916\n"
        "payments made    899                 actions    19,521\n"
        "money in flight  12 calls, 22390.00  under way  61 actions"
    )


def test_a_sweep() -> None:
    sweep = {"sweeping": 786, "confirmed": 3, "cancelled": 80, "listed": 0}
    seen = Seen(Stage.RECONCILE, 0, None, SECOND, TOLD, sweep, "running")
    assert drawn(seen).splitlines()[-1] == "to settle        703 items           listed     0"


def test_without_a_terminal_nothing_is_drawn() -> None:
    with watching("drill", Console(file=io.StringIO())) as see:
        assert see is None
