"""`maso drill killswitch FLEET --live`: real processes, databases and kills; several drills, one verdict.

Every drill has a seed of its own, counted up from the first, which draws the moment of the order. What it
leaves behind is kept under `--out` (of several, in a folder each): `fleet.yaml`, `evidence/`, the switch's
own log in `switch/`, both databases, `reconciliation.csv` and `summary.json`.

`--fault mix` takes turns: every other drill without a fault, the others with a `kill -9` of the control
plane, stage by stage.
"""

import asyncio
import os
import shutil
import signal
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, Final, NamedTuple

from rich.box import SIMPLE_HEAD
from rich.table import Table

from maso.cli.arguments import one_of, whole_number, words
from maso.cli.ending import FAILED, INTERRUPTED, INVARIANT, UNVERIFIED, Stop, usage
from maso.cli.fleet import Declared, declared
from maso.cli.screen import Screen, console
from maso.live.databases import sqlite_address
from maso.live.drill import Drill, DrillError, Wish, as_json
from maso.live.drill_faults import FAULTS, KILLS
from maso.live.guard import Guard
from maso.live.paying import CARRIED
from maso.live.postgres import MissingError, UnusableError
from maso.live.processes import StartError
from maso.live.view import watching

NAME: Final = "killswitch"
MIX: Final = "mix"
RUNS_MAX: Final = 1_000
SESSIONS_MAX: Final = 100_000  # ten times E2's peak; a machine that can hold more has no use for this
SEED_MAX: Final = 2**63 - 1
BUSES: Final = ("memory", "nats")
COLUMNS: Final = (
    "fault", "instances", "actions/\nminute", "last\nms", "bound\nms", "items", "drained", "rolled\nback",
    "listed", "am-\nbiguous", "verdict",
)  # fmt: skip


class Asked(NamedTuple):
    """The options of a live drill, as typed."""

    sessions: str | None = None
    seed: str | None = None
    runs: str | None = None
    fault: str | None = None
    database: str | None = None
    postgres: bool = False
    bus: str = "memory"
    immediate: bool = False
    out: str | None = None
    no_way_back: bool = False


class Plan(NamedTuple):
    """What was asked for, read."""

    found: Declared
    seed: int
    runs: int
    faults: tuple[str, ...]
    database: str | None
    postgres: bool
    bus: bool
    immediate: bool
    out: Path | None
    way_back: bool


def live_command(fleet: str, asked: Asked, settings: list[str], json: bool) -> None:
    """Hold the drills; raises Stop: 10 when a promise broke, 12 when only the evidence does not verify."""
    screen = Screen(json)
    plan = read(fleet, asked, settings)
    try:
        documents = _all(screen, plan)
    except MissingError as error:
        raise usage(str(error)) from None
    except UnusableError as error:
        raise usage(f"`--database`: {error}") from None
    except KeyboardInterrupt:
        raise Stop(INTERRUPTED, f"interrupted; {_left(plan)}") from None
    except (DrillError, StartError) as error:
        raise Stop(FAILED, f"the drill could not be held: {error}") from None
    whole = together(documents)
    screen.emit("maso.drill/1", {"drill": NAME, "live": True, "fleet": plan.found.fleet.fleet, **whole})
    screen.show(table(documents))
    _verdict(screen, whole)


def _left(plan: Plan) -> str:
    """What Ctrl-C leaves: finished drills are whole, of the one under way there is what it wrote."""
    if plan.out is None:
        return "nothing was kept; `--out DIR` keeps what a drill leaves behind"
    whole = len(list(plan.out.rglob("summary.json")))
    finished = f"{whole} finished drill{'' if whole == 1 else 's'}"
    return (
        f"{plan.out} holds {finished} and what the one under way wrote: evidence, books, no summary;"
        " a drill does not go on, `maso verify` says whether its evidence was closed"
    )


def read(fleet: str, asked: Asked, settings: list[str]) -> Plan:
    """The plan; raises Stop with what is wrong."""
    sessions = asked.sessions
    if sessions is not None:
        whole_number("--sessions", sessions, 1, SESSIONS_MAX)
    found = declared(fleet, sessions, settings)
    _has_payments(found)
    runs = whole_number("--runs", asked.runs or "1", 1, RUNS_MAX)
    faults = _faults(asked, runs)
    bus = one_of("--bus", asked.bus, BUSES) == "nats"
    for name in faults:
        if name and FAULTS[name].bus and not bus:
            raise usage(f"`--fault {name}` breaks a bus; legal: `--bus nats` with it")
    if asked.database is not None and asked.postgres:
        raise usage("`--database` and `--postgres` both name a database; legal: one of them")
    if asked.database is not None and not asked.database.startswith(("postgresql://", "postgres://")):
        raise usage(f"`--database` is {words(asked.database)}; legal: postgresql://USER@HOST/NAME")
    seed = whole_number("--seed", asked.seed or "1", 0, SEED_MAX)
    out = None if asked.out is None else _free(asked.out)
    return Plan(
        found,
        seed,
        runs,
        faults,
        asked.database,
        asked.postgres,
        bus,
        asked.immediate,
        out,
        not asked.no_way_back,
    )


def _has_payments(found: Declared) -> None:
    fleet = found.fleet
    paying = any(action.operation in CARRIED for action in fleet.actions)
    if fleet.kind != "depth" or not paying:
        raise usage(
            f"{words(found.name)} has no sessions that pay, so there is no money to stop;"
            " legal: a fleet of kind `depth` with payment actions, or the drill without `--live`"
        )


def _faults(asked: Asked, runs: int) -> tuple[str, ...]:
    """The fault of each drill; empty for none."""
    if asked.fault is None:
        return ("",) * runs
    name = one_of("--fault", asked.fault, (MIX, *FAULTS))
    if name != MIX:
        return (name,) * runs
    kills = tuple(KILLS)
    return tuple(kills[number // 2 % len(kills)] if number % 2 else "" for number in range(runs))


def _free(out: str) -> Path:
    path = Path(out)
    if not out or "\0" in out or (path.exists() and (not path.is_dir() or any(path.iterdir()))):
        raise usage(f"`--out` is {words(out)}; legal: a new or empty directory")
    return path


# Holding them.


def _all(screen: Screen, plan: Plan) -> list[dict[str, Any]]:
    documents = []
    with ExitStack() as stack:
        guard = stack.enter_context(Guard())
        address = plan.database
        if plan.postgres:
            from maso.live.postgres_server import PostgresServer, ServerError

            try:
                address = stack.enter_context(PostgresServer(guard)).url
            except ServerError as error:
                raise Stop(FAILED, str(error)) from None
        for number, fault in enumerate(plan.faults):
            documents.append(_one(screen, plan, number, fault, address, guard))
    return documents


def _one(
    screen: Screen, plan: Plan, number: int, fault: str, address: str | None, guard: Guard
) -> dict[str, Any]:
    with _folder(plan, number, guard) as folder, _sockets(guard) as sockets:
        found = plan.found
        wish = Wish(
            found.fleet, found.text, folder, sockets, address or sqlite_address(folder / "platform.db"),
            plan.seed + number, found.fleet.size, FAULTS.get(fault), fault, plan.immediate, plan.bus,
            way_back=plan.way_back,
        )  # fmt: skip
        (folder / "switch").mkdir()
        for place in (folder, folder / "switch"):  # what either log is bound to
            (place / "fleet.yaml").write_text(found.text, encoding="utf-8")
        title = f"drill {number + 1} of {plan.runs}" + (f", {fault}" if fault else "")
        with watching(title, console(sys.stderr)) as see:
            document = asyncio.run(_interruptible(Drill(wish, see, guard)))
        (folder / "summary.json").write_text(as_json(document), encoding="utf-8")
        if plan.out is not None:
            document["directory"] = str(folder)
        return document


async def _interruptible(drill: Drill) -> dict[str, Any]:
    """Ctrl-C ends the drill and everything that it started."""
    work = asyncio.ensure_future(drill.run())
    asyncio.get_running_loop().add_signal_handler(signal.SIGINT, work.cancel)
    try:
        return await work
    except asyncio.CancelledError:
        raise KeyboardInterrupt from None


@contextmanager
def _folder(plan: Plan, number: int, guard: Guard) -> Iterator[Path]:
    """Where a drill writes; what nobody asked to keep is removed."""
    if plan.out is not None:
        path = plan.out if plan.runs == 1 else plan.out / f"drill-{number + 1:03d}"
        path.mkdir(parents=True, exist_ok=True)
        yield path
        return
    path = Path(tempfile.mkdtemp(prefix="maso-drill-"))
    guard.remove(path)
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)


@contextmanager
def _sockets(guard: Guard) -> Iterator[Path]:
    """A short path that only its owner can enter: the path of a socket has a hundred bytes at most."""
    path = Path(tempfile.mkdtemp(prefix="maso-"))
    guard.remove(path)
    os.chmod(path, 0o700)
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)


# What it says.


def together(documents: list[dict[str, Any]]) -> dict[str, Any]:
    """All drills as one: sums of what was counted, the worst of what was measured."""

    def each(key: str) -> list[Any]:
        return [document[key] for document in documents]

    return {
        "instances": min(each("instances")),
        "actions_per_minute": min(each("actions_per_minute")),
        "ambiguous": sum(each("ambiguous")),
        "stock_equals_books": all(each("stock_equals_books")),
        "last_action_ms": max(each("last_action_ms")),
        "bound_ms": max(each("bound_ms")),
        "drained": sum(each("drained")),
        "rolled_back": sum(each("rolled_back")),
        "listed": sum(each("listed")),
        "evidence_verifies": all(each("evidence_verifies")),
        "passed": all(each("passed")),
        "broken": [f"drill {n}: {line}" for n, d in enumerate(documents, 1) for line in d["broken"]],
        "drills": documents,
    }


def table(documents: list[dict[str, Any]]) -> Table:
    made = Table(
        title="kill switch, live",
        title_justify="left",
        box=SIMPLE_HEAD,
        pad_edge=False,
        collapse_padding=True,
    )
    for name in COLUMNS:
        made.add_column(name, justify="left" if name in ("fault", "verdict") else "right", no_wrap=True)
    for d in documents:
        made.add_row(
            d["fault"] or "none", f"{d['instances']:,}",
            f"{d['actions_per_minute']:,}", f"{d['last_action_ms']:,.0f}", f"{d['bound_ms']:,.0f}",
            str(d["settled"]), str(d["drained"]), str(d["rolled_back"]), str(d["listed"]),
            str(d["ambiguous"]), "held" if d["passed"] else "BROKE",
        )  # fmt: skip
    return made


def _verdict(screen: Screen, whole: dict[str, Any]) -> None:
    if whole["broken"]:
        raise Stop(INVARIANT, *whole["broken"], shown=True)
    if not whole["evidence_verifies"]:
        raise Stop(UNVERIFIED, "the evidence of a drill does not verify", shown=True)
