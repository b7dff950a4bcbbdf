"""`run`: a fleet under virtual time, with honest traffic and adversaries, through the real controls.

Writes `DIR/fleet.yaml` (as run), `DIR/evidence/` and `DIR/summary.json`. Same fleet, size, minutes and seed:
same evidence, byte for byte, in any process. Ctrl-C stops between two events: the stop is itself an event of
the record (shutdown stage `halt`), the evidence is closed and signed, and what was kept is printed.

The only clock here measures how long the run took, and enters nothing but that line of the summary.
"""

import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any, Final, NamedTuple

from maso import __version__
from maso.cli.arguments import whole_number, words
from maso.cli.checked import again, broken_in, checkers_document
from maso.cli.counting import count, decisions_document, honest_document, honest_trouble, scan_document
from maso.cli.ending import HELD, INTERRUPTED, INVARIANT, NOTHING, Stop, usage
from maso.cli.fleet import Declared, declared
from maso.cli.hostile import adversaries_document, broken_by, selected, wanted_attacks
from maso.cli.journal import Journal
from maso.cli.names import names_of, records_of
from maso.cli.place import prepare, write
from maso.cli.screen import Advance, Screen
from maso.cli.where import Spots
from maso.cli.wish import Wish
from maso.clock import MINUTE, clock_text
from maso.fleet.rulebook import Rulebook
from maso.journeys.actors import Keyring
from maso.plane.events import SetStage
from maso.plane.plane import Plane
from maso.resilience.shutdown import Stage
from maso.scan.injection import InjectionDetector
from maso.scan.scanner import Scanner
from maso.sim.adversaries.mix import Mix
from maso.sim.checkers.suite import Suite
from maso.sim.driver import Simulation
from maso.sim.faults import Fault, FaultError, parse
from maso.sim.watchers import RecordTap

MINUTES_DEFAULT: Final = 5
MINUTES_MAX: Final = 7 * 24 * 60  # a week of virtual time; longer runs are several runs
SEED_DEFAULT: Final = 1
SEED_MAX: Final = 2**63 - 1


class Interrupted(Exception):  # noqa: N818 - the user's wish, not an error
    """Ctrl-C, noticed between two events."""


class Took(NamedTuple):
    """What was measured on this machine: seconds of CPU and of time, and whether the run was interrupted."""

    cpu_s: float
    wall_s: float
    interrupted: bool


class Ran(NamedTuple):
    """A run that is over, before its evidence is closed."""

    sim: Simulation
    plane: Plane
    mix: Mix
    suite: Suite
    took: Took


def run_command(
    fleet: str,
    size: str | None,
    minutes: str | None,
    seed: str | None,
    out: str,
    settings: list[str],
    attacks: list[str],
    faults: list[str],
    peak: bool,
    force: bool,
    as_json: bool,
) -> None:
    screen = Screen(as_json)
    wish = Wish(
        MINUTES_DEFAULT if minutes is None else whole_number("--minutes", minutes, 1, MINUTES_MAX),
        SEED_DEFAULT if seed is None else whole_number("--seed", seed, 0, SEED_MAX),
        peak,
        wanted_attacks(attacks),
        prepare(out, force, check_only=True),
        tuple(faults),
    )
    found = declared(fleet, size, settings)
    _faults(found, wish)
    prepare(out, force)
    write(wish.out / "fleet.yaml", found.text)
    summary = perform(screen, found, wish, settings)
    screen.emit("maso.run/1", summary)
    trouble = summary["honest_trouble"]
    if not as_json:
        from maso.report.pace import pace_part
        from maso.report.terminal import run_summary

        screen.show(*run_summary(summary, pace_part(summary["pace"])))
    code = exit_code(summary)
    if code:
        raise Stop(code, *_ending_lines(summary, code), *([trouble] if trouble else []), shown=True)
    if trouble:
        screen.note(trouble)


def perform(screen: Screen, found: Declared, wish: Wish, settings: list[str]) -> dict[str, Any]:
    """The run, its evidence and its summary; returns what `summary.json` holds."""
    rules = Rulebook(found.fleet)
    run_id = f"maso {__version__} seed {wish.seed} {wish.minutes} min"
    command = again(found.name, found.fleet.size, wish, settings)
    journal = Journal(wish.out, run_id, wish.seed, rules.sha256)
    try:
        with screen.progress("running", wish.minutes * MINUTE) as advance, _stoppable() as stopped:
            ran = _simulate(found, rules, wish, command, journal, advance, stopped)
    except BaseException:
        journal.abandon()
        raise
    sim, took = ran.sim, ran.took
    head = journal.close(sim.kernel.now, ran.plane.state)
    names = names_of(wish.out)
    with screen.progress("counting", journal.records) as advance:
        spots = Spots(ran.mix, ran.suite, names)
        counts = count(_watched(records_of(wish.out), advance), names, spots.note if spots.wanted else None)
    decisions, honest = decisions_document(counts, names), honest_document(sim.tally)
    summary = {
        "maso_version": __version__,
        "fleet": _fleet_document(found, rules),
        "command": command,
        "seed": wish.seed,
        "minutes": wish.minutes,
        "peak": wish.peak,
        "interrupted": took.interrupted,
        "simulated_ns": sim.kernel.now,
        "simulated_events": sim.kernel.events,
        "decisions": decisions,
        "honest": honest,
        "honest_trouble": honest_trouble(decisions, honest, str(wish.out)),
        "adversaries": adversaries_document(ran.mix),
        "scan": scan_document(counts),
        "checkers": checkers_document(ran.suite),
        "invariants_broken": [*broken_by(ran.mix), *broken_in(ran.suite)],
        "broken": spots.document(command, str(wish.out)),
        "pace": sim.pace.document(),
        "evidence": _evidence_document(wish.out, journal, head),
        "measured": _measured(took, counts.records, sum(counts.messages.values()), sim.kernel.now),
    }
    import json

    write(wish.out / "summary.json", json.dumps({"schema": "maso.run/1", **summary}, indent=2) + "\n")
    return summary


def _faults(found: Declared, wish: Wish) -> tuple[Fault, ...]:
    """The faults that were asked for; raises Stop with what is legal in this fleet."""
    end = wish.minutes * MINUTE
    out = []
    for text in wish.faults:
        try:
            fault = parse(text, found.fleet)
        except FaultError as error:
            raise usage(f"`--fault`: {error}") from None
        if fault.start >= end:
            said = f"{words(text)} begins after the run has ended"
            raise usage(f"`--fault`: {said}; legal: a start before {wish.minutes}m, or a longer `--minutes`")
        out.append(fault)
    return tuple(out)


def _simulate(
    found: Declared,
    rules: Rulebook,
    wish: Wish,
    command: str,
    journal: Journal,
    advance: Advance,
    stopped: Callable[[], bool],
) -> Ran:
    keys = Keyring(rules, wish.seed)
    tap = RecordTap(journal)
    plane = Plane(rules, keys.plane, tap, Scanner(InjectionDetector()))

    def between(now: int, _events: int) -> None:
        journal.pump(now)
        advance(now)
        if stopped():
            raise Interrupted

    suite = Suite(found.fleet, command)
    mix = Mix(wish.seed, wish.minutes * MINUTE, selected(wish.attacks), tell_card=suite.cardholder.plant)
    sim = Simulation(
        found.fleet,
        rules,
        plane,
        keys,
        seed=wish.seed,
        minutes=wish.minutes,
        peak=wish.peak,
        tap=tap,
        watchers=(suite, mix),
        adversaries=(mix,),
        faults=_faults(found, wish),
        progress=between,
    )
    cpu, wall = time.process_time(), time.perf_counter()
    interrupted = False
    try:
        sim.start()
        sim.kernel.run(sim.end)
    except Interrupted:
        interrupted = True
        plane.handle(SetStage("system", Stage.HALT), sim.kernel.now)
    sim.sessions.finish()
    took = Took(time.process_time() - cpu, time.perf_counter() - wall, interrupted)
    return Ran(sim, plane, mix, suite, took)


@contextmanager
def _stoppable() -> Iterator[Callable[[], bool]]:
    """The first Ctrl-C asks the run to stop after this event; the second is not waited for."""
    wanted = False

    def ask(_number: int, _frame: FrameType | None) -> None:
        nonlocal wanted
        wanted = True
        signal.signal(signal.SIGINT, signal.default_int_handler)

    before = signal.signal(signal.SIGINT, ask)
    try:
        yield lambda: wanted
    finally:
        signal.signal(signal.SIGINT, before)


def _watched(records: Iterator[tuple[int, Any]], advance: Advance) -> Iterator[tuple[int, Any]]:
    for number, record in records:
        if number % 20_000 == 0:
            advance(number)
        yield number, record


def _fleet_document(found: Declared, rules: Rulebook) -> dict[str, Any]:
    fleet = found.fleet
    return {
        "name": fleet.fleet,
        "file": found.name,
        "kind": fleet.kind,
        "size": fleet.size,
        "types": len(fleet.types),
        "ports": len(fleet.ports),
        "sha256": rules.sha256.hex(),
    }


def _evidence_document(out: Path, journal: Journal, head: bytes) -> dict[str, Any]:
    from maso.evidence.storage import evidence_dir

    folder = evidence_dir(out)
    return {
        "directory": str(folder),
        "records": journal.records,
        "bytes": sum(f.stat().st_size for f in folder.iterdir()),
        "head": head.hex(),
        "public_key": journal.public_key.hex(),
        "keys": "derived from the seed: they show that nothing was changed since, not who ran it",
    }


def _measured(took: Took, records: int, messages: int, simulated_ns: int) -> dict[str, Any]:
    """Marked as measured on this machine; nothing else in the summary depends on it."""
    return {
        "mark": "measured on this machine",
        "cpu_seconds": round(took.cpu_s, 3),
        "seconds": round(took.wall_s, 3),
        "messages_per_cpu_second": round(messages / took.cpu_s) if took.cpu_s else None,
        "records_per_cpu_second": round(records / took.cpu_s) if took.cpu_s else None,
        "virtual_seconds_per_second": round(simulated_ns / 1e9 / took.wall_s, 2) if took.wall_s else None,
    }


def exit_code(summary: dict[str, Any]) -> int:
    if summary["interrupted"]:
        return INTERRUPTED
    if not summary["decisions"]["messages"]:
        return NOTHING
    return INVARIANT if summary["invariants_broken"] else HELD


def _ending_lines(summary: dict[str, Any], code: int) -> list[str]:
    if code == INTERRUPTED:
        kept = summary["evidence"]
        at = clock_text(summary["simulated_ns"])
        return [f"interrupted at {at} of virtual time; {kept['records']:,} records were kept and signed"]
    if code == NOTHING:
        return ["no message was sent, there is nothing to examine; a longer run or a larger fleet sends some"]
    broken = [f"broken: {line}" for line in summary["invariants_broken"]]
    return [*broken, "`broken` in summary.json, and `What broke, and where` above, name the records"]
