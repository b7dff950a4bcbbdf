"""`stress`: the seeds' questions answered for a fleet, by running its controls at growing sizes.

Writes `DIR/fleet.yaml` (as run), `DIR/runs/` (every run, named by its content), `DIR/findings.json` and the
reports. Finished runs are kept whatever happens: Ctrl-C, a crash or a full disk lose the runs under way and
nothing else, and `--resume` makes only what is missing.
"""

import os
import platform
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from maso.cli.arguments import one_of, whole_number, words
from maso.cli.ending import GATED, INTERRUPTED, Stop, nothing, usage
from maso.cli.fleet import Declared, declared
from maso.cli.place import FLEET, is_run, prepare, refuse_signed, write
from maso.cli.rendering import previous, render_all, render_comparison
from maso.cli.roles import fleet_beside
from maso.cli.screen import Screen
from maso.findings import Findings, Machine, as_document, encode
from maso.fleet.grow import SIZE_MAX_BREADTH, SIZE_MAX_DEPTH
from maso.fleet.load import own_size
from maso.report.stress.changes import comparison_data
from maso.report.stress.compare import Comparison
from maso.report.stress.terminal import comparison_terminal, stress_terminal
from maso.stress.dimension import Dimension
from maso.stress.engine.conclude import conclude
from maso.stress.engine.executors import Executor, ExecutorError, cores, make
from maso.stress.engine.job import ProbeError, fleet_file_digest
from maso.stress.engine.store import RUNS_DIR, Store
from maso.stress.engine.study import Plan, Study
from maso.stress.registry import all_dimensions

SEED_DEFAULT = 1
SEED_MAX = 2**31
WORKERS_MAX = 1024
EXECUTORS = ("processes", "inline", "ray")


class Asked(NamedTuple):
    """The options of `maso stress`, as typed."""

    fleet: str
    dimensions: Sequence[str]
    target: str | None
    quick: bool
    seed: str | None
    gate: bool
    resume: bool
    compare: str | None
    executor: str
    workers: str | None
    out: str | None
    force: bool
    settings: Sequence[str]


def stress_command(asked: Asked, as_json: bool) -> None:
    screen = Screen(as_json)
    wanted = _wanted(asked.dimensions)
    seed = SEED_DEFAULT if asked.seed is None else whole_number("--seed", asked.seed, 0, SEED_MAX)
    workers = None if asked.workers is None else whole_number("--workers", asked.workers, 1, WORKERS_MAX)
    executor = one_of("--executor", asked.executor, EXECUTORS)
    old = None if asked.compare is None else previous(asked.compare)
    found = declared(asked.fleet, None, list(asked.settings))
    target = _target(asked.target, found)
    out = _directory(asked.out or f"stress-{found.fleet.fleet}", asked, found)
    write(out / FLEET, found.text)
    plan = Plan(found.file, found.text, target, asked.quick, seed)
    findings = _conducted(screen, plan, wanted, executor, workers, out, _again(asked, found, target, seed))
    write(out / "findings.json", encode(findings).decode("utf-8"))
    render_all(out, findings)
    difference = None if old is None else render_comparison(out, old, findings)
    _say(screen, findings, out, difference)
    _gate(asked.gate, findings, difference, out)


def _wanted(names: Sequence[str]) -> tuple[Dimension, ...]:
    dimensions = all_dimensions()
    if not names:
        return dimensions
    legal = [dimension.id for dimension in dimensions]
    chosen = {one_of("--dimension", name, legal) for name in names}
    return tuple(dimension for dimension in dimensions if dimension.id in chosen)


def _target(typed: str | None, found: Declared) -> int:
    high = SIZE_MAX_DEPTH if found.file.kind == "depth" else SIZE_MAX_BREADTH
    if typed is not None:
        return whole_number("--target", typed, 1, high)
    return found.file.target.size or own_size(found.file)


def _directory(out: str, asked: Asked, found: Declared) -> Path:
    path = Path(out)
    if asked.resume and asked.force:
        raise usage(
            "`--resume` keeps an earlier run's parts and `--force` removes them; legal: one of the two"
        )
    if not asked.resume:
        return prepare(out, asked.force)
    if not path.is_dir():
        raise nothing(f"there is no directory {words(out)} to resume; legal: leave `--resume` out")
    if any(path.iterdir()) and not is_run(path):
        raise usage(f"{words(out)} holds something else than a run of maso; legal: a new or empty directory")
    refuse_signed(path)
    if (path / FLEET).exists() and not _is_of(path, found):
        raise usage(
            f"{words(out)} holds a run of another fleet, or of this one with other settings; legal: another"
            " directory, or `--force` instead of `--resume` to replace it"
        )
    return path


def _is_of(path: Path, found: Declared) -> bool:
    """Whether the run in this directory is of the very fleet that is asked for, `--set` included."""
    held = fleet_beside(path)
    return held is not None and fleet_file_digest(held) == fleet_file_digest(found.file)


def _conducted(
    screen: Screen,
    plan: Plan,
    wanted: Sequence[Dimension],
    executor_name: str,
    workers: int | None,
    out: Path,
    command: str,
) -> Findings:
    """The study, and what it concludes; on Ctrl-C the finished runs stay."""
    try:
        executor = make(executor_name, workers)
    except ExecutorError as error:
        raise usage(f"`--executor`: {error}") from None
    resume = f"finished runs are kept in {out}/runs; the same command with `--resume` goes on from there"
    try:
        with screen.stages() as progress:
            study = Study(plan, wanted, executor, Store(out), progress)
            screen.without_terminal(_outlook(study, executor))
            study.conduct()
        return conclude(study, this_machine(), command)
    except KeyboardInterrupt:
        raise Stop(INTERRUPTED, f"interrupted; {_finished(out)}") from None
    except (ProbeError, ExecutorError) as error:
        raise Stop(1, f"a measurement failed: {error}", resume) from None
    finally:
        executor.close()


def _finished(out: Path) -> str:
    """What Ctrl-C leaves: runs are the unit, so one that takes half a minute may leave none."""
    count = len(list((out / RUNS_DIR).glob("*.json")))
    again = "the same command with `--resume` goes on from there"
    match count:
        case 0:
            return "no run had finished yet, so nothing is kept"
        case 1:
            return f"the one run that had finished is kept in {out}/{RUNS_DIR}; {again}"
    return f"the {count:,} runs that had finished are kept in {out}/{RUNS_DIR}; {again}"


def _outlook(study: Study, executor: Executor) -> str:
    """What is about to be measured; how long it takes depends on the machine, so nothing is said of that."""
    dimensions, ahead = len(study.dimensions), study.ahead()
    unit = "session" if study.fleet.kind == "depth" else "agent"
    largest = (
        f" up to {ahead.size_max:,} {unit}{'' if ahead.size_max == 1 else 's'}" if ahead.size_max else ""
    )
    parts = [
        f"measuring {dimensions} dimension{'' if dimensions == 1 else 's'} of {study.fleet.fleet}{largest}"
    ]
    kept = f" ({ahead.kept:,} more are kept from before)" if ahead.kept else ""
    parts.append(f"about {ahead.runs:,} runs{kept}, and more where a breakpoint is searched")
    workers = getattr(executor, "workers", None)
    if workers is not None:
        parts.append(f"in {workers} process{'' if workers == 1 else 'es'}")
    return "; ".join(parts)


def _again(asked: Asked, found: Declared, target: int, seed: int) -> str:
    """The command that makes the same findings."""
    parts = ["maso stress", asked.fleet if " " not in asked.fleet else f"'{asked.fleet}'"]
    parts += [f"--dimension {name}" for name in asked.dimensions]
    parts += [f"--target {target}", f"--seed {seed}"]
    parts += ["--quick"] if asked.quick else []
    return " ".join([*parts, *(f"--set {setting}" for setting in asked.settings)])


def this_machine() -> Machine:
    """What measured figures were measured on: no name of the host, no user, no path."""
    memory = 0.0
    try:
        memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    except (ValueError, OSError):
        pass  # a system that does not say
    return Machine(
        cpu=_cpu_name(),
        cores=cores(),
        memory_gb=round(memory, 1),
        system=f"{platform.system()} {platform.machine()}",
        python=platform.python_version(),
    )


def _cpu_name() -> str:
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as lines:
            for line in lines:
                if line.startswith("model name"):
                    return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor() or "unknown"


def _say(screen: Screen, findings: Findings, out: Path, difference: Comparison | None) -> None:
    extra = {} if difference is None else {"compared": comparison_data(difference)}
    screen.emit("maso.stress/1", {"directory": str(out), **as_document(findings), **extra})
    screen.show(*stress_terminal(findings, str(out)))
    if difference is not None:
        screen.show(*comparison_terminal(difference))


def _gate(gate: bool, findings: Findings, difference: Comparison | None, out: Path) -> None:
    if not gate:
        return
    broken = [
        f"{dimension.id}/{quantity.id}"
        for dimension in findings.dimensions
        for quantity in dimension.quantities
        if quantity.reaches_target is False
    ]
    lines = []
    if broken:
        lines.append(f"below the target {findings.fleet.target:,} {findings.fleet.unit}: {', '.join(broken)}")
    if difference is not None and difference.regressed:
        lines.append("worse than the run compared with; the comparison says where")
    if lines:
        raise Stop(GATED, *lines, f"see {out}/report.html", shown=True)
