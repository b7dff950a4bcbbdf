"""`maso run`: what it writes, that it is the same everywhere, how it ends, and what it will not overwrite."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest

from maso.cli.counting import honest_trouble
from maso.cli.names import records_of
from maso.clock import SECOND
from maso.controls.endorse import Endorse
from maso.evidence.records import GateRecord, MessageRecord
from maso.evidence.verify import verify
from maso.fleet.load import load_fleet
from maso.fleet.rulebook import fleet_digest
from maso.sim.checkers.records import EveryDecisionRecorded
from tests.cli.terminal import Done, command, environment, maso, maso_apart


def test_a_run_writes_its_fleet_its_evidence_and_its_summary(a_run: tuple[Path, Done]) -> None:
    out, done = a_run
    assert sorted(path.name for path in out.iterdir()) == ["evidence", "fleet.yaml", "summary.json"]
    summary = json.loads((out / "summary.json").read_text("utf-8"))
    assert done.document == summary
    assert summary["schema"] == "maso.run/1"
    found = verify(out, head=bytes.fromhex(summary["evidence"]["head"]))
    assert (found.ok, found.state, found.records) == (True, "closed", summary["evidence"]["records"])
    assert found.public_key.hex() == summary["evidence"]["public_key"]
    fleet, _ = load_fleet(out / "fleet.yaml")
    assert fleet_digest(fleet).hex() == summary["fleet"]["sha256"] == found.fleet_sha256.hex()


def test_the_summary_adds_up(a_run: tuple[Path, Done]) -> None:
    decisions = a_run[1].document["decisions"]
    for name, total in decisions["by_decision"].items():
        assert total == decisions["honest"][name] + decisions["hostile"][name]
        assert total == sum(row["honest"][name] + row["hostile"][name] for row in decisions["by_type"])
        assert total == sum(row[name] for row in decisions["by_kind"].values())
    assert decisions["messages"] == sum(decisions["by_decision"].values())
    adversaries = a_run[1].document["adversaries"]
    assert adversaries["attempts"] == sum(row["attempts"] for row in adversaries["by_adversary"])
    assert all(r["text"] and r["remedy"] for r in decisions["reasons"])


def test_a_held_message_is_scanned_and_counted_once(a_run: tuple[Path, Done]) -> None:
    out, done = a_run
    messages = [record for _, record in records_of(out) if isinstance(record, MessageRecord)]
    assert any(record.hold for record in messages)
    scanned = sum(record.stage > 0 and not record.hold for record in messages)
    assert done.document["scan"]["scanned"] == scanned < sum(record.stage > 0 for record in messages)


def test_what_is_simulated_and_what_is_measured_is_marked(a_run: tuple[Path, Done]) -> None:
    assert a_run[1].document["measured"]["mark"] == "measured on this machine"
    assert "derived from the seed" in a_run[1].document["evidence"]["keys"]


def files_of(out: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted((out / "evidence").iterdir())}


def told(out: Path) -> dict[str, Any]:
    """The summary without what was measured and where it lies."""
    summary: dict[str, Any] = json.loads((out / "summary.json").read_text("utf-8"))
    summary.pop("measured")
    summary["evidence"].pop("directory")
    return summary


def test_the_same_bytes_in_two_processes_with_two_hash_seeds(tmp_path: Path) -> None:
    for seed in ("1", "2"):
        out = str(tmp_path / seed)
        done = maso_apart("run", "research-5", "--minutes", "1", "--out", out, PYTHONHASHSEED=seed)
        assert done.code == 0, done.error
    assert files_of(tmp_path / "1") == files_of(tmp_path / "2")
    assert told(tmp_path / "1") == told(tmp_path / "2")
    assert (tmp_path / "1" / "fleet.yaml").read_bytes() == (tmp_path / "2" / "fleet.yaml").read_bytes()


def test_another_seed_is_another_run(a_run: tuple[Path, Done], tmp_path: Path) -> None:
    done = maso("run", "research-5", "--minutes", "3", "--seed", "8", "--out", str(tmp_path / "o"))
    assert done.code == 0, done.error
    assert files_of(tmp_path / "o") != files_of(a_run[0])


def test_ctrl_c_closes_the_evidence_and_says_what_was_kept(tmp_path: Path) -> None:
    out = tmp_path / "out"
    arguments = ["run", "ecommerce-10k", "--size", "300", "--minutes", "6000", "--out", str(out)]
    process = subprocess.Popen(
        command(arguments), env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and not _is_running(out):
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    said, error = process.communicate(timeout=60)
    assert process.returncode == 130, error
    summary = json.loads((out / "summary.json").read_text("utf-8"))
    assert summary["interrupted"] is True
    assert f"{summary['evidence']['records']:,} records were kept and signed" in error
    assert error.startswith("maso: interrupted at 0")
    assert ", interrupted\n" in said
    assert verify(out, head=bytes.fromhex(summary["evidence"]["head"])).closed
    stops = [record for _, record in records_of(out) if isinstance(record, GateRecord)]
    assert ("stage", "system", 1) in [(stop.what, stop.scope, stop.value) for stop in stops]


def _is_running(out: Path) -> bool:
    """Whether the first block is on disk."""
    folder = out / "evidence"
    return folder.is_dir() and sum(f.stat().st_size for f in folder.iterdir()) > 60_000


def test_an_earlier_run_is_replaced_only_on_request(a_run: tuple[Path, Done], copy_of_run: Path) -> None:
    before = files_of(copy_of_run)
    again = ("run", "research-5", "--minutes", "1", "--out", str(copy_of_run))
    done = maso(*again)
    assert done.code == 2
    assert "holds an earlier run; legal: another directory, or `--force` to replace it" in done.error
    assert files_of(copy_of_run) == before
    assert maso(*again, "--force").code == 0
    assert files_of(copy_of_run) != before


@pytest.mark.parametrize("name", ["thesis.txt", "evidence/thesis.txt"])
def test_a_directory_that_is_not_a_run_is_never_touched(copy_of_run: Path, name: str) -> None:
    (copy_of_run / name).write_text("years of work")
    before = files_of(copy_of_run)
    done = maso("run", "research-5", "--out", str(copy_of_run), "--force")
    assert done.code == 2
    assert "holds something else than a run of maso; legal: a new or empty directory" in done.error
    assert files_of(copy_of_run) == before
    assert (copy_of_run / name).read_text() == "years of work"


def test_a_mistake_leaves_no_directory_behind(tmp_path: Path) -> None:
    out = tmp_path / "out"
    for wrong in (["--minutes", "0"], ["--set", "size"], ["--attack", "forgd"], ["--size", "9"]):
        done = maso("run", "research-5", "--out", str(out), *wrong)
        assert done.code == 2, done
        assert not out.exists()


def test_attacks_are_chosen_by_name(tmp_path: Path) -> None:
    done = maso("run", "research-5", "--attack", "forgd", "--out", str(tmp_path / "o"))
    assert done.error.startswith("maso: `--attack` is `forgd`; did you mean `forged`?; legal: `forged`,")
    done = maso(
        "run", "research-5", "--minutes", "1", "--attack", "forged", "--out", str(tmp_path / "o"), "--json"
    )
    assert [row["id"] for row in done.document["adversaries"]["by_adversary"]] == ["forged"]


def test_a_run_in_which_nothing_was_sent_has_nothing_to_examine(tmp_path: Path) -> None:
    done = maso("run", "research-5", "--minutes", "1", "--attack", "none", "--out", str(tmp_path / "o"))
    assert done.code == 3
    assert "no message was sent" in done.error


def test_a_broken_control_is_seen_and_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Endorse, "check", lambda self, m: None)
    done = maso("run", "ecommerce-10k", "--size", "5", "--minutes", "1", "--out", str(tmp_path / "o"))
    assert done.code == 10
    assert "maso: broken: invariant 2" in done.error
    summary = json.loads((tmp_path / "o" / "summary.json").read_text("utf-8"))
    assert {one["broke"] for one in summary["broken"]} == {"effect achieved", "violation"}
    for one in summary["broken"]:
        assert one["records"], one
        assert one["session"].startswith("h"), one
        assert one["adversary"], one
        assert all(one[key] for key in ("from", "to", "action")), one
        assert one["reproduce"] == "maso run ecommerce-10k --size 5 --minutes 1 --seed 1"
        explained = maso("explain", str(tmp_path / "o"), str(one["records"][0]), "--json").document
        assert (explained["action"], explained["session"]) == (one["action"], one["session"])
        assert one["look_at"][1] == f"maso ls {tmp_path / 'o'} --session {one['session']}"
    assert "What broke, and where" in done.out
    assert f"records    {summary['broken'][0]['records'][0]}" in done.out
    assert maso("verify", str(tmp_path / "o")).code == 0  # the evidence of a bad run is good evidence


def test_a_violation_without_a_record_of_its_own_is_found_by_its_instant(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A checker that sees something wrong with an event knows when, not under which number it was kept."""
    monkeypatch.setattr(EveryDecisionRecorded, "turn", lambda self, turn: "an example" * (turn.now > SECOND))
    done = maso("run", "research-5", "--minutes", "1", "--out", str(tmp_path / "o"), "--json")
    assert done.code == 10
    first = done.document["broken"][0]
    assert (first["broke"], first["what"]) == ("violation", "an example")
    assert first["records"]
    for number, record in records_of(tmp_path / "o"):
        if number in first["records"]:
            assert getattr(record, "now", None) == first["at_ns"]
    assert "`What broke, and where`" in done.error


def test_honest_traffic_that_does_not_get_through_is_the_last_word(
    a_run: tuple[Path, Done], tmp_path: Path
) -> None:
    assert a_run[1].error == ""
    assert a_run[1].document["honest_trouble"] == ""
    out = str(tmp_path / "o")
    tight = ("--set", "types.product_presentation.budgets.turns=1", "--attack", "none", "--out", out)
    done = maso("run", "ecommerce-10k", "--size", "20", "--minutes", "1", *tight)
    assert done.code == 0
    last = done.error.splitlines()[-1]
    assert last.startswith("maso: honest traffic does not get through: ")
    assert "OB-2.5/turns (the instance has used its turns; what to do: end the session" in last
    assert f"`maso ls {out} --honest --decision deny`" in last


def test_every_journey_broken_off_is_told_though_most_messages_went_through() -> None:
    row = {"allow": 995, "redact": 0, "hold": 0, "deny": 5}
    decisions = {"honest": row, "reasons": []}
    broken = [{"journey": "purchase", "by": "patience", "count": 4}]
    honest = {"journeys_broken": broken, "journeys_completed": {}, "sessions_turned_away": 0}
    said = honest_trouble(decisions, honest, "out")
    assert said.startswith("honest traffic does not get through: all 4 journeys that ended were broken off")
    assert "4 purchase, broken off by patience" in said
    assert honest_trouble(decisions, {**honest, "journeys_completed": {"purchase": 1}}, "out") == ""
    refused = {"honest": {**row, "deny": 11}, "reasons": []}
    assert "11 of 1,006 messages were refused" in honest_trouble(
        refused, {**honest, "journeys_completed": {"purchase": 1}}, "out"
    )


def test_a_reason_counts_under_the_control_that_it_names(a_run: tuple[Path, Done]) -> None:
    decisions = a_run[1].document["decisions"]
    for name in ("allow", "redact", "hold", "deny"):
        by_reason: dict[str, int] = {}
        for row in decisions["reasons"]:
            if row["decision"] == name:
                times = row["honest"] + row["hostile"] + row["unproven"]
                by_reason[row["control"]] = by_reason.get(row["control"], 0) + times
        by_control = {row["control"]: row[name] for row in decisions["by_control"] if row[name]}
        assert by_control == by_reason
    assert {row["control"]: row["name"] for row in decisions["by_control"]}["PG-2.5"] == "part of PG-2.7"


def test_the_run_explains_its_own_words(tmp_path: Path) -> None:
    done = maso("run", "research-5", "--minutes", "2", "--out", str(tmp_path / "o"))
    for word in ("held first: ", "nobody proven: ", "no surface for them ("):
        assert word in done.out
    for invariant in (
        "the judge is",
        "`maso drill` stops a fleet, settles, and looks at every payment. The economy is",
    ):
        assert invariant in " ".join(done.out.split())
    assert "not run in this version" in " ".join(done.out.split())


def test_what_ran_can_be_run_again_from_its_own_file(tmp_path: Path) -> None:
    first, second = tmp_path / "1", tmp_path / "2"
    common = ("--minutes", "1", "--seed", "3")
    settings = ("--set", "types.payment.budgets.turns=3", "--size", "7")
    assert maso("run", "ecommerce-10k", *common, *settings, "--out", str(first)).code in (0, 10)
    assert maso("run", str(first / "fleet.yaml"), *common, "--out", str(second)).code in (0, 10)
    assert files_of(first) == files_of(second)
    assert "turns: 3," in (first / "fleet.yaml").read_text("utf-8")


def test_a_directory_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    done = maso("run", "research-5", "--minutes", "1", "--out", str(tmp_path / "file" / "out"))
    assert done.code == 1
    assert "cannot be used: not a directory" in done.error
    assert "Traceback" not in done.error


def test_without_a_terminal_there_is_no_progress(tmp_path: Path) -> None:
    done = maso_apart("run", "research-5", "--minutes", "1", "--out", str(tmp_path / "o"), TERM="xterm")
    assert (done.code, done.error) == (0, "")
    assert "\x1b" not in done.out
    assert os.fspath(tmp_path) in done.out
