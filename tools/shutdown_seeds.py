"""Many rehearsals of a kill switch in virtual time: every outage in every stage, all of a fleet and parts.

    tools/shutdown_seeds.py [--from N] [--count N] [--fleet NAME] [--size N] [--log FILE]

Each seed draws its outages, the scope, controlled or immediate, and the moment. A seed fails when a law
broke; the command that shows it again is printed. At the end: how many, how long, which outages, and the
worst three by three measures; with `--log` what happened in them. Agents of a depth fleet act fifteen times
as fast as declared, so that some seconds of traffic have payments in flight.

Not shown here: real processes (`maso drill killswitch --live`).
"""

from __future__ import annotations

import argparse
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple, TextIO

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "src"))

from maso.fleet.load import load_fleet  # noqa: E402
from maso.resilience.shutdown import Stage  # noqa: E402
from maso.scan.injection import InjectionDetector  # noqa: E402
from maso.scan.scanner import Scanner  # noqa: E402
from maso.sim.rehearsal import Rehearsal, Result, hurried, log_of, prepare, wish_of  # noqa: E402

SIZES = {"ecommerce-10k": 16, "fleet-100": 100}


class Run(NamedTuple):
    result: Result
    cpu_ms: float


class Worst:
    """The three largest by one measure."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.runs: list[tuple[int, int]] = []

    def see(self, value: int, seed: int) -> None:
        self.runs = sorted([*self.runs, (value, seed)], reverse=True)[:3]


class Tally:
    def __init__(self) -> None:
        self.seeds = self.failed = self.drained = self.rolled_back = self.listed = self.confirmed = 0
        self.in_flight = self.with_money = 0
        self.cpu_ms: list[float] = []
        self.outages: Counter[str] = Counter()
        self.share = Worst("last action, in thousandths of the bound")
        self.settling = Worst("ms from the order to settled")
        self.lists = Worst("items listed for a person")

    def add(self, run: Run) -> None:
        r = run.result
        self.seeds += 1
        self.failed += bool(r.wrong)
        self.drained += r.drained
        self.rolled_back += r.rolled_back
        self.confirmed += r.confirmed
        self.listed += r.listed
        self.in_flight += r.in_flight_money
        self.with_money += bool(r.in_flight_money)
        self.cpu_ms.append(run.cpu_ms)
        self.outages.update(text.split("@")[0].split(":")[0] for text in r.outages)
        self.outages.update(["(none)"] if not r.outages else [])
        self.share.see(r.last_action_ms * 1000 // r.bound_ms, r.seed)
        self.settling.see(r.stages_ms.get(Stage.SETTLED.name.lower(), 1 << 40), r.seed)
        self.lists.see(r.listed, r.seed)


def runs(name: str, size: int, seeds: range) -> Iterator[tuple[Run, Rehearsal]]:
    fleet, _ = load_fleet(name, size)
    fleet, rules = prepare(hurried(fleet))
    scanner = Scanner(InjectionDetector())
    for seed in seeds:
        began = time.process_time()
        rehearsal = Rehearsal(fleet, rules, scanner, wish_of(fleet, seed))
        result = rehearsal.run()
        yield Run(result, (time.process_time() - began) * 1000), rehearsal


def summary(name: str, tally: Tally, out: TextIO) -> None:
    cpu = sorted(tally.cpu_ms)
    print(
        f"shutdown  {name}: {tally.seeds} seeds, {tally.failed} failures; {tally.with_money} with payments in"
        f" flight at the freeze ({tally.in_flight}), {tally.drained} drained, {tally.confirmed} confirmed and"
        f" {tally.rolled_back} rolled back in reconciliation, {tally.listed} listed; CPU per seed median"
        f" {cpu[len(cpu) // 2]:.0f} ms, 99% {cpu[len(cpu) * 99 // 100]:.0f} ms",
        file=out,
    )
    counted = ", ".join(f"{kind} {count}" for kind, count in sorted(tally.outages.items()))
    print(f"shutdown  outages: {counted}", file=out)
    for worst in (tally.share, tally.settling, tally.lists):
        told = ", ".join(f"seed {seed}: {value}" for value, seed in worst.runs)
        print(f"shutdown  worst by {worst.name}: {told}", file=out)


def explain(name: str, size: int, seed: int, out: TextIO) -> None:
    (run, rehearsal) = next(runs(name, size, range(seed, seed + 1)))
    r = run.result
    kind = "immediate kill" if r.immediate else "controlled halt"
    print(f"\nseed {seed}: {kind} of {r.scope}, outages: {'; '.join(r.outages) or 'none'}", file=out)
    print(
        f"last action {r.last_action_ms} ms after the order (bound {r.bound_ms}), {r.drained} drained,"
        f" {r.rolled_back} rolled back, {r.confirmed} confirmed, {r.listed} listed",
        file=out,
    )
    for line in log_of(rehearsal):
        print(f"  {line}", file=out)


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="tools/shutdown_seeds.py", description=__doc__.splitlines()[0])
    parser.add_argument("--from", dest="first", type=int, default=1)
    parser.add_argument("--count", type=int, default=200)
    parser.add_argument("--fleet", default="ecommerce-10k")
    parser.add_argument("--size", type=int)
    parser.add_argument("--log", type=Path, help="the worst ones, explained, go here")
    wish = parser.parse_args(arguments)
    size = wish.size or SIZES.get(wish.fleet, 16)
    tally = Tally()
    for run, _ in runs(wish.fleet, size, range(wish.first, wish.first + wish.count)):
        tally.add(run)
        for text in run.result.wrong:
            again = f"tools/shutdown_seeds.py --fleet {wish.fleet} --from {run.result.seed} --count 1"
            print(f"shutdown  FAILED seed {run.result.seed}: {text}; {again}", flush=True)
        if not tally.seeds % 500:
            print(f"shutdown  {tally.seeds} seeds, {tally.failed} failures", flush=True)
    summary(wish.fleet, tally, sys.stdout)
    if wish.log is not None:
        with wish.log.open("w") as out:
            summary(wish.fleet, tally, out)
            seeds = dict.fromkeys(
                seed for worst in (tally.share, tally.settling, tally.lists) for _, seed in worst.runs
            )
            for seed in seeds:
                explain(wish.fleet, size, seed, out)
    return 1 if tally.failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
