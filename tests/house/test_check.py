"""`./check` runs every step, says which failed, and is red when any did."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tools"))
import check  # noqa: E402

FINE = check.Step("fine", check.python("-c", "print('quiet')"))
BAD = check.Step("bad", check.python("-c", "import sys; print('the reason'); sys.exit(5)"))


def test_all_steps_run_and_one_failure_is_red(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(check, "steps", lambda deep, rest: [BAD, FINE])
    assert check.main([]) == 1
    said = capfd.readouterr().out
    assert "bad       FAILED (exit 5)" in said
    assert "the reason" in said
    assert "fine      ok" in said
    assert "quiet" not in said
    assert said.endswith("check     FAILED: bad\nsteps: 1 passed, 1 failed\n")


def test_all_held_is_green(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(check, "steps", lambda deep, rest: [FINE])
    assert check.main([]) == 0
    assert capfd.readouterr().out.endswith("steps: 1 passed, 0 failed\n")


def test_other_arguments_reach_pytest_and_deep_takes_the_slow_tests() -> None:
    assert check.parse(["--deep", "-k", "wrapper", "-x"]) == (True, ["-k", "wrapper", "-x"])
    [fast] = [step for step in check.steps(False, ["-x"]) if step.name == "tests"]
    [deep] = [step for step in check.steps(True, []) if step.name == "tests"]
    assert fast.command[-3:-1] == ("-m", "not slow")
    assert fast.command[-1] == "-x"
    assert "not slow" not in deep.command
    assert "--hypothesis-profile=deep" in deep.command
