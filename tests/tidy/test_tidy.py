"""The repository held against the rules of its house: the source is read as text, nothing is run."""

from __future__ import annotations

import ast
import importlib
import subprocess
import tomllib
from collections.abc import Iterable
from functools import cache, partial
from pathlib import Path
from typing import Any

import pytest

from tests.tidy import checkers

ROOT = Path(__file__).resolve().parents[2]
SRC = ROOT / "src" / "maso"
SOURCES = sorted(SRC.rglob("*.py"))
SCRIPTS = sorted([*(ROOT / "tests").rglob("*.py"), *(ROOT / "tools").rglob("*.py")])
LOCKS = ("requirements.lock", "requirements-dev.lock", "requirements-train.lock")

# What may know a clock, draw entropy and wait: the live driver, what measures, and the command line.
DRIVERS = (
    SRC / "live",
    SRC / "bench",
    SRC / "cli",
    SRC / "cli.py",
    SRC / "stress/timing.py",
    SRC / "stress/engine",
)

# Texts of these kinds are read for addresses.
TEXT_SUFFIXES = {".py", ".md", ".toml", ".yaml", ".yml", ".json", ".lock", ".txt", ".cfg", ".sh", ".html", ""}
# Bigger than this is generated data, not prose.
TEXT_BYTES_MAX = 2_000_000


def is_driver(path: Path) -> bool:
    return any(path == driver or driver in path.parents for driver in DRIVERS)


def relative(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


@cache
def source_of(path: Path) -> str:
    return path.read_text(encoding="utf-8")


@cache
def tree_of(path: Path) -> ast.Module:
    return ast.parse(source_of(path), filename=str(path))


@cache
def project_files() -> tuple[Path, ...]:
    """What is or could be committed; without git, everything but what tools leave behind."""
    listing = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
        cwd=ROOT, capture_output=True, check=False, text=True,
    )  # fmt: skip
    if listing.returncode == 0 and (ROOT / ".git").exists():
        names = [ROOT / name for name in listing.stdout.split("\0") if name]
    else:
        names = [p for p in ROOT.rglob("*") if not any(part.startswith(".venv") for part in p.parts)]
    return tuple(sorted(path for path in names if path.is_file()))


def assert_tidy(complaints: Iterable[str]) -> None:
    found = list(complaints)
    assert not found, "\n" + "\n".join(found)


def listed(path: Path, complaints: Iterable[checkers.Complaint]) -> Iterable[str]:
    return (f"{relative(path)}:{number}: {text}" for number, text in complaints)


def test_functions_are_short() -> None:
    assert_tidy(c for p in [*SOURCES, *SCRIPTS] for c in listed(p, checkers.long_functions(tree_of(p))))


def test_modules_are_short() -> None:
    assert_tidy(c for p in [*SOURCES, *SCRIPTS] for c in listed(p, checkers.long_module(source_of(p))))


def test_only_drivers_know_a_clock_or_draw_entropy() -> None:
    assert_tidy(c for p in SOURCES if not is_driver(p) for c in listed(p, checkers.ambient(tree_of(p))))


def test_nothing_uses_the_builtin_hash() -> None:
    assert_tidy(c for p in SOURCES for c in listed(p, checkers.builtin_hash(tree_of(p))))


def test_no_set_is_walked_through() -> None:
    assert_tidy(c for p in SOURCES for c in listed(p, checkers.set_iteration(tree_of(p), source_of(p))))


def test_names_say_something() -> None:
    assert_tidy(c for p in SOURCES for c in listed(p, checkers.empty_names(tree_of(p), p.stem)))


def test_no_path_of_a_machine_and_no_registry() -> None:
    texts = [p for p in project_files() if p.suffix in TEXT_SUFFIXES and p.stat().st_size <= TEXT_BYTES_MAX]
    assert_tidy(
        c
        for p in texts
        for c in listed(p, checkers.foreign_addresses(p.read_text("utf-8", errors="replace")))
    )


def file_exists(name: str, beside: Path) -> bool:
    """A name in prose is relative to the root, the package, the docs or the text itself, or a bare module."""
    places = (ROOT, ROOT / "src", SRC, ROOT / "docs", beside)
    if any(any(place.glob(name)) for place in places if not name.startswith("/")):
        return True
    return "/" not in name and any(path.name == name for path in project_files())


def link_leads(target: str, beside: Path) -> bool:
    return (beside / target).exists()


def test_files_named_in_the_documentation_exist() -> None:
    pages = [p for p in project_files() if p.suffix == ".md"]
    assert_tidy(
        c
        for page in pages
        for c in listed(
            page,
            checkers.missing_files(
                checkers.named_files(source_of(page)),
                partial(file_exists, beside=page.parent),
                page.name,
            ),
        )
    )


def test_links_in_the_documentation_lead_somewhere() -> None:
    pages = [p for p in project_files() if p.suffix == ".md"]
    assert_tidy(
        c
        for page in pages
        for c in listed(
            page,
            checkers.missing_files(
                checkers.linked_files(source_of(page)),
                partial(link_leads, beside=page.parent),
                page.name,
            ),
        )
    )


def test_files_named_in_docstrings_and_comments_exist() -> None:
    # The tests of the checkers name files that do not exist on purpose, in strings; those are not read.
    assert_tidy(
        c
        for p in [*SOURCES, *SCRIPTS]
        for c in listed(
            p,
            checkers.missing_files(
                checkers.files_named_in_source(source_of(p)),
                partial(file_exists, beside=p.parent),
                "the text",
            ),
        )
    )


@pytest.mark.parametrize("name", LOCKS)
def test_locks_hold_hashes_and_no_address(name: str) -> None:
    text = (ROOT / name).read_text("utf-8")
    assert_tidy(listed(ROOT / name, [*checkers.addresses_in_lock(text), *checkers.unhashed_in_lock(text)]))


def test_locks_agree_with_each_other_and_hold_what_the_project_asks_for() -> None:
    locked = {name: checkers.locked_versions((ROOT / name).read_text("utf-8")) for name in LOCKS}
    runtime = locked["requirements.lock"]
    for name in LOCKS:
        shared = runtime.keys() & locked[name].keys()
        assert {k: runtime[k] for k in sorted(shared)} == {k: locked[name][k] for k in sorted(shared)}, name
    project = project_table()
    extras = project["optional-dependencies"]
    asked = {"requirements.lock": project["dependencies"], "requirements-dev.lock": extras["dev"],
             "requirements-train.lock": extras["train"]}  # fmt: skip
    for name, wanted in asked.items():
        packages = {requirement.split(">=")[0].split("[")[0] for requirement in wanted}
        assert sorted(packages - locked[name].keys()) == [], f"{name}: run tools/lock"


def project_table() -> Any:
    return tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]


def test_the_version_has_a_changelog_entry_and_is_one() -> None:
    version = project_table()["version"]
    assert importlib.import_module("maso").__version__ == version
    assert_tidy(
        listed(ROOT / "CHANGELOG.md", checkers.changelog_lacks(version, source_of(ROOT / "CHANGELOG.md")))
    )


def test_decisions_are_numbered_once() -> None:
    folder = ROOT / "docs" / "adr"
    assert_tidy(listed(folder, checkers.decision_names(p.name for p in folder.iterdir())))


def test_every_control_has_its_section_and_its_test() -> None:
    if not (SRC / "controls" / "catalog.py").exists():
        pytest.skip("no catalogue of controls yet")
    ids = [control.id for control in importlib.import_module("maso.controls.catalog").CONTROLS]
    assert ids, "the catalogue is empty"
    page_path = ROOT / "docs" / "controls.md"
    page = page_path.read_text("utf-8") if page_path.exists() else ""
    # This folder's own examples of ids do not count as tests of them.
    tests = "\n".join(source_of(p) for p in SCRIPTS if p.name.startswith("test_") and "tidy" not in p.parts)
    assert_tidy(listed(SRC / "controls" / "catalog.py", checkers.controls_without(ids, page, tests)))
