"""What `--force` may remove: everything that an earlier run wrote, and nothing else, ever."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from maso.cli.ending import USAGE, Stop
from maso.cli.place import DRAWN, is_run, prepare
from maso.signoff.files import place
from maso.stress.engine.job import Job, Run
from maso.stress.engine.store import RUNS_DIR, Store
from tests.stress.sample import stress_directory

KEY = f"delegation-paths-100-{'0123456789abcdef'}"


@pytest.fixture
def out(tmp_path: Path) -> Path:
    """Everything that a stress run can leave, an interrupted one too."""
    path = stress_directory(tmp_path / "out")
    job = Job(dimension="delegation", probe="paths", size=5, at=5, seed=1, target=5, quick=True, settings=())
    Store(path).keep(Run(key=KEY, job=job, values={}, details={}, cpu_seconds=0))
    (path / RUNS_DIR / "data-boundaries-scan.deep-60000-0123456789abcdef.part").touch()
    for name in (*DRAWN, "report.html.part", "summary.json"):
        (path / name).touch()
    (path / "signatures").mkdir()
    (path / "signatures" / "0011.part").touch()
    return path


def left(path: Path) -> list[str]:
    return sorted(p.relative_to(path).as_posix() for p in path.rglob("*"))


def test_force_replaces_a_stress_run_and_only_then(out: Path) -> None:
    before = left(out)
    with pytest.raises(Stop) as stop:
        prepare(str(out), False)
    assert stop.value.code == USAGE
    assert "`--force` to replace it" in stop.value.lines[0]
    prepare(str(out), True, check_only=True)
    assert left(out) == before
    prepare(str(out), True)
    assert left(out) == []


def _file(name: str) -> Callable[[Path], None]:
    def make(path: Path) -> None:
        (path / name).parent.mkdir(exist_ok=True)
        (path / name).write_text("mine", "utf-8")

    return make


def _linked(name: str) -> Callable[[Path], None]:
    def make(path: Path) -> None:
        aside = path.parent / "aside"
        aside.mkdir()
        (aside / f"{KEY}.json").touch()
        shutil.rmtree(path / name, ignore_errors=True)
        (path / name).symlink_to(aside)

    return make


def _folder(name: str) -> Callable[[Path], None]:
    def make(path: Path) -> None:
        (path / name).unlink(missing_ok=True)
        (path / name).mkdir()

    return make


@pytest.mark.parametrize(
    "foreign",
    [
        _file("notes.txt"),
        _file("mine.csv"),
        _file("report.pdf"),
        _file(".hidden"),
        _file("runs/thesis.json"),
        _file("runs/delegation-paths-100-0123456789abcdef.json.bak"),
        _file("signatures/scan-of-paper.pdf"),
        _file("signatures/999.json"),
        _file("evidence/notes.log"),
        _file("sub/fleet.yaml"),
        _linked("runs"),
        _linked("signatures"),
        _linked("evidence"),
        _folder("report.html"),
        _folder(f"runs/{KEY}.json"),
        lambda path: (path / "fleet.yaml").unlink(),
    ],
)
def test_anything_else_in_the_directory_is_never_touched(out: Path, foreign: Callable[[Path], None]) -> None:
    foreign(out)
    before = left(out)
    assert not is_run(out)
    with pytest.raises(Stop) as stop:
        prepare(str(out), True)
    assert "holds something else than a run of maso" in stop.value.lines[0]
    assert left(out) == before
    if (out.parent / "aside").exists():
        assert left(out.parent / "aside") == [f"{KEY}.json"]


def test_a_link_in_the_place_of_a_file_is_removed_and_not_what_it_leads_to(out: Path) -> None:
    (out.parent / "precious").write_text("mine", "utf-8")
    (out / "report.md").unlink()
    (out / "report.md").symlink_to(out.parent / "precious")
    prepare(str(out), True)
    assert (out.parent / "precious").read_text("utf-8") == "mine"
    assert left(out) == []


def test_a_fleet_file_alone_is_its_owners(tmp_path: Path) -> None:
    (tmp_path / "fleet.yaml").write_text("mine", "utf-8")
    with pytest.raises(Stop):
        prepare(str(tmp_path), True)
    assert left(tmp_path) == ["fleet.yaml"]


def test_what_somebody_signed_is_not_removed_by_force(out: Path) -> None:
    place(out, 1, b"whatever is in it", "token")
    before = left(out)
    assert is_run(out)
    for check_only in (True, False):
        with pytest.raises(Stop) as stop:
            prepare(str(out), True, check_only=check_only)
        assert "holds findings that somebody signed" in stop.value.lines[0]
    assert left(out) == before
    shutil.rmtree(out / "signatures")
    prepare(str(out), True)
    assert left(out) == []
