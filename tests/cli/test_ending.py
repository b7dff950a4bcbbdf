"""How commands end: exit codes, what is said of a defect, and what never leaves the process."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from pathlib import Path

import pytest

from maso.cli import ending
from tests.cli.terminal import command, environment, maso, maso_apart


def test_a_defect_is_one_line_without_its_text(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        payload = "4111 1111 1111 1111"
        raise ValueError(f"could not handle {payload}")

    monkeypatch.setattr("maso.cli.fleet.init_command", broken)
    done = maso("init", "-")
    assert (done.code, done.out) == (1, "")
    assert done.error.startswith("maso: a defect in maso: ValueError at maso/cli/")
    assert done.error.count("\n") == 1
    assert "4111" not in done.error
    assert "Traceback" not in done.error


def test_a_defect_is_json_for_a_program(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise KeyError("secret")

    monkeypatch.setattr("maso.cli.fleet.init_command", broken)
    done = maso("init", "-", "--json")
    assert done.code == 1
    assert done.document["exit"] == 1
    assert "KeyError" in done.document["error"][0]
    assert "secret" not in done.out + done.error


def test_a_machine_that_refuses_says_why(tmp_path: Path) -> None:
    if os.geteuid() == 0:
        pytest.skip("root may write everywhere")
    tmp_path.chmod(0o500)
    done = maso("init", str(tmp_path / "x.yaml"))
    assert done.code == 1
    assert "permission denied" in done.error


PROBE = """
import faulthandler, resource, sys
from maso.cli.ending import seal_process
faulthandler.enable()
seal_process()
print(resource.getrlimit(resource.RLIMIT_CORE), faulthandler.is_enabled())
{then}
"""


def probe(then: str) -> subprocess.CompletedProcess[str]:
    script = PROBE.format(then=then)
    return subprocess.run(
        [command([])[0], "-c", script], env=environment(), capture_output=True, text=True, check=False
    )


def test_no_core_dump_and_no_dump_of_stacks() -> None:
    assert probe("").stdout == "(0, 0) False\n"


def test_an_error_that_nobody_catches_is_one_line() -> None:
    done = probe("payload = '4111111111111111'\nraise RuntimeError(payload)")
    assert done.returncode == 1
    assert done.stderr.startswith("maso: a defect in maso: RuntimeError outside maso;")
    assert "4111" not in done.stderr
    assert done.stderr.count("\n") == 1


def test_an_error_while_cleaning_up_is_one_line() -> None:
    done = probe("class A:\n    def __del__(self):\n        raise ValueError('4111111111111111')\nA()")
    assert done.returncode == 0
    assert done.stderr == "maso: a defect in maso: ValueError while cleaning up; please report this line\n"


# Runs one command with files of at most `bytes`: what a full disk or a quota does, for any user.
SMALL = """
import resource, signal, sys
sys.dont_write_bytecode = True  # Python would leave half of it
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, ({bytes}, {bytes}))
from maso.cli import main
main({arguments})
"""


@pytest.mark.parametrize(
    ("arguments", "bytes_", "name"),
    [
        (["run", "research-5", "--minutes", "5"], 60_000, "evidence/"),
        (["run", "research-5", "--minutes", "1"], 5_000, "fleet.yaml"),
        (
            ["stress", "research-5", "--quick", "--dimension", "delegation", "--executor", "inline"],
            400,
            "fleet",
        ),
    ],
)
def test_a_full_disk_is_told_with_the_file(
    tmp_path: Path, arguments: list[str], bytes_: int, name: str
) -> None:
    out = tmp_path / "o"
    script = SMALL.format(bytes=bytes_, arguments=[*arguments, "--out", str(out)])
    done = subprocess.run(
        [command([])[0], "-c", script], env=environment(), capture_output=True, text=True, check=False
    )
    assert done.returncode == ending.FAILED
    last = done.stderr.splitlines()[-1]
    assert last.startswith(f"maso: `{out}/{name}")
    assert last.endswith("` cannot be used: file too large")


def test_a_reader_that_goes_away_is_no_error() -> None:
    process = subprocess.Popen(
        command(["init", "-"]), env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert process.stdout is not None
    process.stdout.close()  # before anything was written
    _, error = process.communicate()
    assert (process.returncode, error) == (ending.PIPE_CLOSED, b"")


def test_interrupted_before_anything_was_written(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("maso.cli.fleet.init_command", interrupted)
    done = maso("init", "-")
    assert (done.code, done.error) == (130, "maso: interrupted, nothing was kept\n")
    assert signal.SIGINT + 128 == ending.INTERRUPTED


def test_every_exit_code_of_the_module_is_in_the_help_and_the_page(root: Path) -> None:
    page = (root / "docs" / "cli.md").read_text("utf-8")
    told = maso_apart("--help").out
    for code, meaning in ending.MEANING.items():
        assert f"| {code} |" in page, code
        assert f"{code} {meaning.split(':')[0]}" in " ".join(told.split()), code


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("--version",), 0),
        (("controls",), 0),
        ((), 2),
        (("chek",), 2),
        (("check", "no-such-fleet"), 2),
        (("verify", "no-such-directory"), 3),
    ],
)
def test_exit_codes_of_a_process(arguments: tuple[str, ...], code: int) -> None:
    done = maso_apart(*arguments)
    assert done.code == code, done.error
    assert "Traceback" not in done.error


def test_with_json_a_mistake_is_an_object_too() -> None:
    done = maso("check", "no-such-fleet", "--json")
    assert done.code == 2
    assert json.loads(done.out)["schema"] == "maso.error/1"
    assert "there is no fleet `no-such-fleet`" in done.error
