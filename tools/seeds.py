"""Small simulated runs of the three built-in fleets, with every adversary and every checker on.

Ten fixed seeds and a fresh one, whose number is printed; `--deep` takes 200 fixed ones and 20 fresh. A seed
fails when a planted effect happened, a checker saw an invariant break, or its second run left other bytes
(the first seed of each fleet is run twice). Over all seeds of a fleet, more than 99.9% of honest messages
must go through. Every failure names the command that shows it again.

Not shown here: other processes and hash seeds, the evidence on disk, large fleets; they have own tests.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "src"))

from maso.clock import MINUTE  # noqa: E402
from maso.fleet.grow import grow  # noqa: E402
from maso.fleet.load import load, read_fleet  # noqa: E402
from maso.fleet.model import Fleet  # noqa: E402
from maso.fleet.rulebook import Rulebook  # noqa: E402
from maso.journeys.actors import Keyring  # noqa: E402
from maso.journeys.tally import ALLOW, DENY, REDACT, Tally  # noqa: E402
from maso.plane.plane import Plane  # noqa: E402
from maso.scan.injection import InjectionDetector  # noqa: E402
from maso.scan.scanner import Scanner  # noqa: E402
from maso.sim.adversaries.mix import Mix  # noqa: E402
from maso.sim.checkers.suite import Suite  # noqa: E402
from maso.sim.driver import Simulation  # noqa: E402
from maso.sim.watchers import RecordTap  # noqa: E402

# Small enough for a second or so, large enough that sessions overlap with attacks: fleet, size, minutes.
RUNS = (("research-5", 5, 2), ("fleet-100", 100, 1), ("ecommerce-10k", 25, 2))
FIXED = tuple(range(1, 11))
DEEP = tuple(range(1, 201))
FRESH_DEEP = 20
HONEST_SHARE_MIN = 0.999


class MemoryLog:
    """Records in memory; their numbers count from 1, as in a file."""

    def __init__(self) -> None:
        self.count = 0

    def append(self, body: bytes) -> int:
        self.count += 1
        return self.count


@dataclass
class Result:
    """One run."""

    attempts: int
    failures: list[str]
    tally: Tally
    digest: str
    missing: dict[str, str]
    struck: list[str]


@dataclass
class Sum:
    """All runs of one fleet."""

    seeds: int = 0
    attempts: int = 0
    allowed: int = 0
    refused: int = 0
    reasons: Counter[str] = field(default_factory=Counter)
    broken: Counter[str] = field(default_factory=Counter)
    failures: list[str] = field(default_factory=list)
    missing: dict[str, str] = field(default_factory=dict)
    struck: set[str] = field(default_factory=set)


def fleet_of(name: str, size: int) -> Fleet:
    text, called = read_fleet(name)
    loaded = load(text, called)
    if loaded.file is None:
        raise SystemExit("\n".join(map(str, loaded.mistakes)))
    return grow(loaded.file, size)


def run(fleet: Fleet, name: str, minutes: int, seed: int, scanner: Scanner) -> Result:
    """One run of one seed, judged."""
    again = f"./maso run {name} --size {fleet.size} --minutes {minutes} --seed {seed}"
    rules = Rulebook(fleet)
    keys = Keyring(rules, seed)
    tap = RecordTap(MemoryLog())
    suite = Suite(fleet, again)
    mix = Mix(seed, minutes * MINUTE, tell_card=suite.cardholder.plant)
    sim = Simulation(
        fleet,
        rules,
        Plane(rules, keys.plane, tap, scanner),
        keys,
        seed=seed,
        minutes=minutes,
        size=fleet.size if fleet.kind == "depth" else None,
        tap=tap,
        watchers=(mix, suite),
        adversaries=(mix,),
    )
    tally = sim.run()
    failures = list(suite.texts())
    missing: dict[str, str] = {}
    struck: list[str] = []
    for toll in mix.tolls():
        for at, variant, what in toll.achieved:
            failures.append(
                f"{toll.adversary.id} ({variant}) at {at} ns: {toll.adversary.effect}: {what}; {again}"
            )
        if toll.planted:
            struck.append(toll.adversary.id)
        else:
            missing[toll.adversary.id] = "; ".join(toll.not_applicable) or "never struck"
    return Result(mix.planted, failures, tally, suite.same_bytes.digest(), missing, struck)


def add(total: Sum, result: Result) -> None:
    tally = result.tally
    total.seeds += 1
    total.attempts += result.attempts
    total.allowed += tally.total(ALLOW) + tally.total(REDACT)
    total.refused += tally.total(DENY)
    for (_, reason), count in tally.refused.items():
        total.reasons[reason] += count
    for (_, reason), count in tally.broken.items():
        total.broken[reason] += count
    total.failures += result.failures
    total.struck.update(result.struck)
    total.missing.update(result.missing)


def over(name: str, size: int, minutes: int, seeds: tuple[int, ...], scanner: Scanner) -> Sum:
    """All seeds on one fleet; the first one twice."""
    fleet = fleet_of(name, size)
    total = Sum()
    for number, seed in enumerate(seeds):
        result = run(fleet, name, minutes, seed, scanner)
        add(total, result)
        if not number and run(fleet, name, minutes, seed, scanner).digest != result.digest:
            total.failures.append(f"{name}: seed {seed} left other bytes the second time")
    share = total.allowed / max(1, total.allowed + total.refused)
    if share < HONEST_SHARE_MIN:
        total.failures.append(
            f"{name}: {total.refused} honest messages of {total.allowed + total.refused} were refused:"
            f" {_counted(total.reasons)}"
        )
    return total


def _counted(counts: Counter[str]) -> str:
    return ", ".join(f"{reason} {count}" for reason, count in counts.most_common(5)) or "none"


def report(name: str, total: Sum, seconds: float, verbose: bool) -> None:
    honest = total.allowed + total.refused
    print(
        f"seeds     {name:<14} {total.seeds} seeds, {total.attempts} attacks, {len(total.failures)} failures;"
        f" honest refused {total.refused} of {honest} ({_counted(total.reasons)}); {seconds:.1f} s",
        flush=True,
    )
    if verbose:
        for adversary, reason in sorted(total.missing.items()):
            if adversary in total.struck:
                continue
            print(f"seeds       not applicable: {adversary}: {reason}")
    for failure in total.failures[:20]:
        print(f"seeds       FAILED {failure}", flush=True)


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="tools/seeds.py", description=__doc__.splitlines()[0])
    parser.add_argument(
        "--deep", action="store_true", help=f"{len(DEEP)} fixed seeds and {FRESH_DEEP} fresh ones"
    )
    parser.add_argument("--seed", type=int, help="this one only")
    parser.add_argument("--fleet", choices=[name for name, _, _ in RUNS], help="this one only")
    parser.add_argument("-v", "--verbose", action="store_true", help="also what has no surface in a fleet")
    wish = parser.parse_args(arguments)
    fresh = tuple(int.from_bytes(os.urandom(4), "big") for _ in range(FRESH_DEEP if wish.deep else 1))
    seeds = (*(DEEP if wish.deep else FIXED), *fresh)
    if wish.seed is not None:
        seeds = (wish.seed,)
    else:
        print(f"seeds     fresh: {', '.join(map(str, fresh))}", flush=True)
    scanner = Scanner(InjectionDetector())
    failed = 0
    for name, size, minutes in RUNS:
        if wish.fleet in (None, name):
            began = time.monotonic()
            total = over(name, size, minutes, seeds, scanner)
            failed += len(total.failures)
            report(name, total, time.monotonic() - began, wish.verbose)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
