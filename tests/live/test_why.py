"""What is said of a process of a drill that ended by itself: its own last words, or the disk's."""

import shutil
import sqlite3
from collections import namedtuple
from pathlib import Path

import pytest

from maso.live.processes import _say_kind, why

_Usage = namedtuple("_Usage", "total used free")


def test_its_last_words_are_told(tmp_path: Path) -> None:
    log = tmp_path / "errors.txt"
    log.write_text("maso: the first\nmaso: the last\n\n")
    assert why(log) == "the last"


def test_without_words_the_disk_is_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log = tmp_path / "errors.txt"
    assert why(log) == "it said nothing"
    monkeypatch.setattr(shutil, "disk_usage", lambda _: _Usage(1, 1, 0))
    assert why(log) == f"no space is left on the disk of `{tmp_path}`"
    log.write_text("")
    assert why(log) == f"no space is left on the disk of `{tmp_path}`"


def test_what_the_machine_refuses_is_named_and_what_a_defect_says_is_not(
    capsys: pytest.CaptureFixture[str],
) -> None:
    full = sqlite3.OperationalError("secret")
    full.sqlite_errorname = "SQLITE_FULL"
    for error, words in (
        (OSError(28, "No space left on device", "a.log"), "`a.log` cannot be used: no space left on device"),
        (full, "the database cannot be written: no space left on device"),
        (ValueError("secret"), "a defect in a process of the drill: ValueError"),
    ):
        _say_kind(type(error), error, None)
        said = capsys.readouterr().err
        assert said.startswith(f"maso: {words}")
        assert "secret" not in said
