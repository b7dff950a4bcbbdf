"""The steps behind `./check`: format, lint, types, imports, tests, seeds; one line each, with its seconds.

Every step runs whatever came before it, so that one run shows all there is to repair; the exit code is 1 when
any failed. The last line counts the steps in the form that pytest's closing line has too.

Not handled: installing what the steps need (`./check` does it before calling this).
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


# Every tool runs as a module of this python: a console script breaks when the checkout moves.
LINT_IMPORTS = "from importlinter.cli import lint_imports_command as lint; lint()"
LIGHT_TYPES = (
    "--config-file=",
    "--check-untyped-defs",
    "--ignore-missing-imports",
    "--explicit-package-bases",
)
# A worker for each core; a file stays together, since its tests share what they set up. `-n0`: one process.
SPREAD = ("-n", "auto", "--dist", "loadfile")


@dataclass(frozen=True)
class Step:
    """A command with the name that its line shows. What it prints is shown only when it fails, or `loud`."""

    name: str
    command: tuple[str, ...]
    loud: bool = False


def python(*arguments: str) -> tuple[str, ...]:
    return (sys.executable, "-P", *arguments)


def steps(deep: bool, pytest_arguments: list[str]) -> list[Step]:
    sources = [name for name in ("src", "tests", "tools") if (ROOT / name).is_dir()]
    fast = [] if deep else ["-m", "not slow"]
    profile = "--hypothesis-profile=deep" if deep else "--hypothesis-profile=ci"
    found = [
        Step("format", python("-m", "ruff", "format", "--check", "--quiet", *sources)),
        Step("lint", python("-m", "ruff", "check", "--quiet", *sources)),
        Step("types", python("-m", "mypy", "--strict", "src")),
        # Lightly: an empty configuration instead of the strict one; what a test hands over must still fit.
        Step("testtypes", python("-m", "mypy", *LIGHT_TYPES, "tests", "tools")),
        Step("imports", python("-c", LINT_IMPORTS)),
        Step("tests", python("-m", "pytest", "-q", profile, *SPREAD, *fast, *pytest_arguments), loud=True),
    ]
    if (ROOT / "tools" / "seeds.py").exists():
        # Ten fixed seeds and a fresh one, whose number it prints; many more with --deep.
        found.append(Step("seeds", python("tools/seeds.py", *(["--deep"] if deep else [])), loud=True))
    return found


def environment() -> dict[str, str]:
    """The caller's, with our packages found by mypy too, and colours only for a terminal."""
    colours = {} if sys.stdout.isatty() else {"NO_COLOR": "1"}
    return {**os.environ, "MYPYPATH": "src", **colours}


def run(step: Step) -> bool:
    """Run one step and print its line; True when it held. No tests at all (pytest's exit 5) is a failure."""
    if step.loud:
        print(f"{step.name:<9} ...", flush=True)
    began = time.monotonic()
    done = subprocess.run(
        step.command,
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        stdout=None if step.loud else subprocess.PIPE,
        stderr=None if step.loud else subprocess.STDOUT,
        text=True,
        errors="replace",
        env=environment(),
        check=False,
    )
    seconds = time.monotonic() - began
    held = done.returncode == 0
    print(
        f"{step.name:<9} {'ok' if held else f'FAILED (exit {done.returncode})'}  {seconds:.1f} s", flush=True
    )
    if not held and done.stdout:
        print(done.stdout.rstrip(), flush=True)
    return held


def parse(arguments: list[str]) -> tuple[bool, list[str]]:
    parser = argparse.ArgumentParser(prog="./check", description="Everything that CI runs.")
    parser.add_argument("--deep", action="store_true", help="also the slow tests and many seeds")
    parser.epilog = "Any other argument goes to pytest: ./check -k wrapper"
    known, rest = parser.parse_known_args(arguments)
    return known.deep, rest


def main(arguments: list[str]) -> int:
    deep, pytest_arguments = parse(arguments)
    try:
        results = {step.name: run(step) for step in steps(deep, pytest_arguments)}
    except KeyboardInterrupt:
        print("check     interrupted")
        return 130  # what a shell reports for Ctrl-C
    failed = [name for name, held in results.items() if not held]
    print(f"check     {'FAILED: ' + ', '.join(failed) if failed else 'all held'}")
    print(f"steps: {len(results) - len(failed)} passed, {len(failed)} failed", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
