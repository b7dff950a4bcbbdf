"""One small run, made once for all tests that read a run."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.terminal import Done, maso
from tests.plane.small import scanner


@pytest.fixture(scope="session", autouse=True)
def _one_scanner() -> Iterator[None]:
    """One scanner for all runs in this process: its answers depend on the bytes alone, and making it is slow.

    The commands that run in processes of their own make theirs.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("maso.cli.running.Scanner", lambda detector: scanner())
        patch.setattr("maso.cli.running.InjectionDetector", lambda: None)
        yield


@pytest.fixture(scope="session")
def a_run(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Done]:
    """The directory of a run of the research desk with every adversary, and what the command printed."""
    out = tmp_path_factory.mktemp("run") / "out"
    done = maso("run", "research-5", "--minutes", "3", "--seed", "7", "--out", str(out), "--json")
    assert done.code == 0, done.error
    return out, done


@pytest.fixture
def copy_of_run(a_run: tuple[Path, Done], tmp_path: Path) -> Path:
    """A copy that a test may damage."""
    target = tmp_path / "copy"
    shutil.copytree(a_run[0], target)
    return target


@pytest.fixture(autouse=True)
def _columns(monkeypatch: pytest.MonkeyPatch) -> None:
    """As wide as without a terminal, wherever the tests run."""
    monkeypatch.setenv("COLUMNS", "110")
