"""`maso stress` as a user meets it: files, exit codes, the gate, resuming, comparing, drawing again.

On planted growth (`tests/stress/planted.py`), so that what must come out is known; one test runs a real
dimension in processes of its own.
"""

from __future__ import annotations

import io
import json
import re
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest
from rich.console import Console

from maso.cli.screen import stage_bar
from maso.findings import decode
from maso.stress.engine.executors import Inline
from tests.cli.terminal import Done, maso, maso_apart
from tests.stress.planted import DIMENSION, FLEET, calls

REPORTS = {
    "breakpoints.csv", "conditions.csv", "decisions.csv", "findings.json", "fleet.yaml", "junit.xml",
    "report.html", "report.md", "runs",
}  # fmt: skip


@pytest.fixture
def fleet(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A fleet file, and the planted dimension in place of the real ones."""
    found = {DIMENSION.id: DIMENSION}
    monkeypatch.setattr("maso.cli.stress.all_dimensions", lambda: (DIMENSION,))
    for module in ("engine.job", "engine.conclude", "registry"):
        monkeypatch.setattr(f"maso.stress.{module}.by_id", lambda: found)
    calls.clear()
    path = tmp_path / "fleet.yaml"
    path.write_text(FLEET, "utf-8")
    return str(path)


def stress(fleet: str, out: Path, *more: str) -> Done:
    return maso(
        "stress", fleet, "--quick", "--executor", "inline", "--target", "300", "--out", str(out), *more
    )


def test_a_stress_run_writes_every_form_of_its_findings(fleet: str, tmp_path: Path) -> None:
    out = tmp_path / "out"
    done = stress(fleet, out, "--json")
    assert done.code == 0, done.error
    assert {path.name for path in out.iterdir()} == REPORTS
    findings = decode((out / "findings.json").read_bytes())
    document = done.document
    assert document["schema"] == "maso.stress/1"
    written = json.loads((out / "findings.json").read_text("utf-8"))
    assert {key: document[key] for key in written} == written
    assert findings.command == f"maso stress {fleet} --target 300 --seed 1 --quick"
    assert len(list((out / "runs").iterdir())) == findings.runs
    ET.fromstring((out / "junit.xml").read_text("utf-8"))
    quantity = findings.dimensions[0].quantities[0]
    assert all((out / "runs" / f"{point.run}.json").exists() for point in quantity.points)


def test_the_gate_exits_with_11_below_the_target(fleet: str, tmp_path: Path) -> None:
    done = stress(fleet, tmp_path / "out", "--gate")
    assert done.code == 11
    assert "below the target 300 agents: planted/rules" in done.error
    assert stress(fleet, tmp_path / "small", "--gate", "--target", "50").code == 0
    adapted = ("--set", "controls.delegation_policy=role-based")
    assert stress(fleet, tmp_path / "wide", "--gate", *adapted).code == 0


def test_without_the_gate_a_breakpoint_is_a_finding_and_no_error(fleet: str, tmp_path: Path) -> None:
    done = stress(fleet, tmp_path / "out")
    assert done.code == 0
    assert "rules between roles" in done.out


def test_an_earlier_run_is_neither_overwritten_nor_forgotten(fleet: str, tmp_path: Path) -> None:
    out = tmp_path / "out"
    stress(fleet, out)
    made = len(calls)
    again = stress(fleet, out)
    assert again.code == 2
    assert "holds an earlier run" in again.error
    resumed = stress(fleet, out, "--resume")
    assert resumed.code == 0, resumed.error
    assert len(calls) == made
    assert decode((out / "findings.json").read_bytes()).cached_runs == len(list((out / "runs").iterdir()))
    assert stress(fleet, out, "--resume", "--force").code == 2
    assert stress(fleet, tmp_path / "nowhere", "--resume").code == 3


def test_a_run_of_another_seed_is_not_taken_for_this_one(fleet: str, tmp_path: Path) -> None:
    out = tmp_path / "out"
    stress(fleet, out)
    assert stress(fleet, out, "--resume", "--seed", "9").code == 0
    assert decode((out / "findings.json").read_bytes()).seeds == (9, 10)


def test_a_run_of_another_fleet_is_not_written_over(fleet: str, tmp_path: Path) -> None:
    """Another file, or the same with another `--set`: both are another fleet, and nothing is touched."""
    out = tmp_path / "out"
    assert stress(fleet, out).code == 0
    before = {path: path.read_bytes() for path in out.rglob("*") if path.is_file()}
    other = tmp_path / "other.yaml"
    other.write_text(f"{FLEET}tier: 1\n", "utf-8")
    settings = ("--set", "controls.delegation_policy=role-based")
    for done in (stress(str(other), out, "--resume"), stress(fleet, out, "--resume", *settings)):
        assert done.code == 2
        assert "holds a run of another fleet" in done.error
        assert "legal: another directory, or `--force`" in done.error
    assert {path: path.read_bytes() for path in out.rglob("*") if path.is_file()} == before
    commented = tmp_path / "commented.yaml"
    commented.write_text(f"# the same fleet\n{FLEET}", "utf-8")
    assert stress(str(commented), out, "--resume").code == 0
    assert stress(str(other), out, "--force").code == 0


def test_without_a_terminal_one_line_says_what_is_measured(fleet: str, tmp_path: Path) -> None:
    out = tmp_path / "out"
    done = stress(fleet, out, "--json")
    (line,) = done.error.splitlines()
    said = re.fullmatch(
        r"maso: measuring 1 dimension of planted up to 1,200 agents; about (\d+) runs, and more where a"
        r" breakpoint is searched",
        line,
    )
    assert said is not None, line
    assert 0 < int(said[1]) <= decode((out / "findings.json").read_bytes()).runs
    assert "about 0 runs (" in stress(fleet, out, "--resume").error


@pytest.mark.parametrize("columns", [60, 100])
def test_the_bar_of_a_stage_cuts_words_before_figures(columns: int) -> None:
    console = Console(file=io.StringIO(), width=columns, force_terminal=False)
    bar = stage_bar(console)
    bar.add_task("sweeping: " + "rules between roles " * 10, total=412, completed=98)
    with console.capture() as kept:
        console.print(bar.get_renderable())
    assert " 98/412 -:--:-- sweeping" in kept.get()
    assert kept.get().count("\n") == 1


def test_ctrl_c_keeps_what_was_measured(fleet: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Stopped(Inline):
        def map(self, text, jobs):  # type: ignore[no-untyped-def]
            for number, run in enumerate(super().map(text, jobs)):
                if number == 5:
                    raise KeyboardInterrupt
                yield run

    out = tmp_path / "out"
    with monkeypatch.context() as patch:
        patch.setattr("maso.cli.stress.make", lambda name, workers: Stopped())
        done = stress(fleet, out)
    assert done.code == 130
    assert done.error.endswith(
        f"maso: interrupted; the 5 runs that had finished are kept in {out}/runs;"
        " the same command with `--resume` goes on from there\n"
    )
    assert len(list((out / "runs").iterdir())) == 5
    assert stress(fleet, out, "--resume").code == 0


def test_ctrl_c_says_so_when_no_run_had_finished(
    fleet: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Inline, "map", interrupted)
    monkeypatch.setattr("maso.cli.stress.make", lambda name, workers: Inline())
    done = stress(fleet, tmp_path / "out")
    assert done.code == 130
    assert done.error.endswith("maso: interrupted; no run had finished yet, so nothing is kept\n")


def test_comparing_says_what_changed_and_the_gate_minds(fleet: str, tmp_path: Path) -> None:
    wide = ("--set", "controls.delegation_policy=role-based")
    assert stress(fleet, tmp_path / "good", *wide).code == 0
    same = stress(fleet, tmp_path / "same", *wide, "--compare", str(tmp_path / "good"), "--gate", "--json")
    assert same.code == 0, same.error
    assert same.document["compared"]["regressed"] is False
    worse = stress(fleet, tmp_path / "worse", "--target", "90", "--compare", str(tmp_path / "good"), "--json")
    assert worse.code == 0
    assert worse.document["compared"]["regressed"] is True
    assert "rules" in (tmp_path / "worse" / "comparison.md").read_text("utf-8")
    gated = stress(fleet, tmp_path / "gated", "--target", "90", "--compare", str(tmp_path / "good"), "--gate")
    assert gated.code == 11
    assert "worse than the run compared with" in gated.error


def test_reports_are_drawn_again_from_the_findings(fleet: str, tmp_path: Path) -> None:
    out = tmp_path / "out"
    stress(fleet, out)
    page = (out / "report.html").read_bytes()
    (out / "report.html").unlink()
    done = maso("report", str(out))
    assert done.code == 0, done.error
    assert (out / "report.html").read_bytes() == page
    assert maso("report", str(tmp_path / "nowhere")).code == 3
    (out / "findings.json").write_text('{"maso_version": 1}', "utf-8")
    assert maso("report", str(out)).code == 2


def test_a_signed_run_is_not_rewritten(fleet: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    out = tmp_path / "out"
    stress(fleet, out)
    assert maso("sign", str(out), "--as", "Ada", "--role", "risk owner", "--all").code == 0
    assert maso("verify", str(out)).code == 0
    for option in ("--resume", "--force"):
        done = stress(fleet, out, option)
        assert (done.code, "signed" in done.error) == (2, True)
    assert maso("verify", str(out)).code == 0


@pytest.mark.parametrize(
    ("more", "says"),
    [
        (("--dimension", "delegtion"), "legal: `planted`"),
        (("--target", "0"), "legal: a whole number from 1"),
        (("--executor", "threads"), "legal: `processes`, `inline`, `ray`"),
        (("--workers", "none"), "`--workers`"),
        (("--seed", "-1"), "`--seed`"),
        (("--compare", "nothing-here"), "there is no findings.json"),
        (("--set", "controls.scan_at=boundaries"), "invariant 8"),
    ],
)
def test_a_wrong_option_is_named_with_what_is_legal(
    fleet: str, tmp_path: Path, more: tuple[str, ...], says: str
) -> None:
    done = stress(fleet, tmp_path / "out", *more)
    assert done.code in (2, 3)
    assert says in done.error
    assert not (tmp_path / "out").exists()


def test_dimensions_and_questions_are_listed() -> None:
    listed = maso("dimensions", "--json").document["dimensions"]
    assert {"delegation", "identity", "data-boundaries", "card-data"} <= {d["id"] for d in listed}
    asked = maso("questions", "--json").document["questions"]
    assert len(asked) == 80
    assert "delegation" in maso("dimensions").out
    assert "F2.4" in maso("questions").out


def test_a_real_dimension_in_processes_of_its_own(tmp_path: Path) -> None:
    """The same command twice, in different hash seeds: the same counts, classes and answers' states."""
    found = []
    for seed in ("1", "2"):
        out = tmp_path / seed
        done = maso_apart(
            "stress", "research-5", "--dimension", "delegation", "--quick", "--out", str(out), "--json",
            PYTHONHASHSEED=seed, OPENBLAS_NUM_THREADS="1",
        )  # fmt: skip
        assert done.code == 0, done.error
        found.append(done.document)
    for one, other in zip(*(f["dimensions"][0]["quantities"] for f in found), strict=True):
        assert one["id"] == other["id"]
        if one["exact"] or one["mark"] != "measured":
            assert [p["value"] for p in one["points"]] == [p["value"] for p in other["points"]], one["id"]
    states = [[(a["question"], a["status"]) for a in f["answers"]] for f in found]
    assert states[0] == states[1]
