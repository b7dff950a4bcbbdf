"""`verify`, `ls` and `explain` on a run: what they find, what they name, and how they end on damage."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from maso.cli.names import records_of
from maso.evidence.records import MessageRecord
from tests.cli.terminal import Done, maso


def head_of(out: Path) -> str:
    return str(json.loads((out / "summary.json").read_text("utf-8"))["evidence"]["head"])


def test_good_evidence_verifies(a_run: tuple[Path, Done]) -> None:
    out, _ = a_run
    done = maso("verify", str(out), "--head", head_of(out))
    assert done.code == 0, done.error
    assert done.out.startswith("the evidence verifies\n")
    assert "not checked" not in done.out
    assert "not checked: whether it was cut back" in maso("verify", str(out)).out
    assert maso("verify", str(out), "--json").document["ok"] is True


@pytest.mark.parametrize("option", ["--head", "--key"])
def test_another_head_or_key_does_not_verify(a_run: tuple[Path, Done], option: str) -> None:
    done = maso("verify", str(a_run[0]), option, "00" * 32)
    assert done.code == 12
    assert "the evidence does not verify" in done.out


@pytest.mark.parametrize("place", [700, 20_000])
def test_a_flipped_byte_is_found_and_named(copy_of_run: Path, place: int) -> None:
    segment = sorted((copy_of_run / "evidence").iterdir())[0]
    data = bytearray(segment.read_bytes())
    data[place] ^= 1
    segment.write_bytes(data)
    done = maso("verify", str(copy_of_run))
    assert done.code == 12
    assert "record" in done.out
    assert maso("verify", str(copy_of_run), "--json").document["failures"]


def test_a_cut_run_is_found(copy_of_run: Path) -> None:
    segment = sorted((copy_of_run / "evidence").iterdir())[0]
    segment.write_bytes(segment.read_bytes()[:-300])
    assert maso("verify", str(copy_of_run)).code == 12


def test_a_changed_fleet_file_is_found(copy_of_run: Path) -> None:
    path = copy_of_run / "fleet.yaml"
    path.write_text(path.read_text("utf-8").replace("tier: 2", "tier: 3", 1), "utf-8")
    done = maso("verify", str(copy_of_run))
    assert done.code == 12
    assert "`fleet.yaml` is not the fleet that this evidence is bound to" in done.out
    path.unlink()
    assert "`fleet.yaml` is missing" in maso("verify", str(copy_of_run)).out


def test_nothing_to_examine(tmp_path: Path) -> None:
    for name in ("verify", "ls"):
        assert maso(name, str(tmp_path)).code == 3
        assert maso(name, str(tmp_path / "nowhere")).code == 3
    assert maso("explain", str(tmp_path), "1").code == 3


@pytest.mark.parametrize("name", ["ls", "explain"])
def test_reading_damaged_evidence_stops_and_says_so(copy_of_run: Path, name: str) -> None:
    segment = sorted((copy_of_run / "evidence").iterdir())[0]
    data = bytearray(segment.read_bytes())
    data[len(data) // 2] ^= 0xFF
    segment.write_bytes(data)
    done = maso(name, str(copy_of_run), *(["9999999"] if name == "explain" else []))
    assert done.code == 12
    assert "`maso verify` says where" in done.error


def rows(out: Path, *filters: str) -> list[dict[str, Any]]:
    done = maso("ls", str(out), "--json", "--limit", "100000", *filters)
    assert done.code == 0, done.error
    found: list[dict[str, Any]] = done.document["rows"]
    return found


def test_ls_filters(a_run: tuple[Path, Done]) -> None:
    out, ran = a_run
    everything = rows(out)
    denied = rows(out, "--decision", "deny")
    assert denied == [row for row in everything if row["decision"] == "deny"]
    analyst = rows(out, "--type", "research_analyst")
    assert analyst
    assert all("research_analyst" in (row["sender"], row["recipient"]) for row in analyst)
    counted = {r["control"]: r for r in ran.document["decisions"]["by_control"]}
    for control in ("IA-2.1", "EC-2.13", "IA-2.2"):
        spoke = sum(counted[control][d] for d in ("allow", "redact", "hold", "deny"))
        assert len(rows(out, "--control", control.lower())) == spoke
    for reason in ran.document["decisions"]["reasons"]:
        same = [r for r in ran.document["decisions"]["reasons"] if r["code"] == reason["code"]]
        times = sum(r[side] for r in same for side in ("honest", "hostile", "unproven"))
        listed = rows(out, "--reason", reason["code"])
        assert sum(f["code"] == reason["code"] for row in listed for f in row["findings"]) == times
    action = next(str(row["action"]) for row in everything if row["action"])
    assert rows(out, "--action", action) == [row for row in everything if row["action"] == action]


def test_ls_tells_adversaries_from_the_honest_and_takes_a_session_as_it_shows_it(
    a_run: tuple[Path, Done],
) -> None:
    out, ran = a_run
    everything = rows(out)
    sessions = list(dict.fromkeys(str(row["session"]) for row in everything if row["session"]))
    assert {session[0] == "h" for session in sessions} == {True, False}
    for session in (sessions[0], next(s for s in sessions if s[0] == "h")):
        found = rows(out, "--session", session)
        assert found == [row for row in everything if row["session"] == session]
        explained = maso("explain", str(out), str(found[0]["ref"]), "--json").document
        assert explained["session"] == session
    honest = rows(out, "--honest")
    assert honest == [row for row in everything if row["honest"]]
    assert not any(str(row["session"]).startswith("h") for row in honest)
    kinds = ("credential", "contract")
    denied = [row for row in honest if row["decision"] == "deny" and row["what"] not in kinds]
    assert len(denied) == ran.document["decisions"]["honest"]["deny"]


def test_ls_counts_as_run_and_verify_count(a_run: tuple[Path, Done]) -> None:
    out, ran = a_run
    said = maso("ls", str(out), "--json").document
    by = ran.document["decisions"]["by_decision"]
    assert said["records"] == maso("verify", str(out), "--json").document["records"]
    assert (said["messages"], said["held_first"]) == (by["allow"] + by["redact"] + by["deny"], by["hold"])
    assert f"{said['records']:,} records: {said['messages']:,} messages" in maso("ls", str(out)).out


def test_ls_shows_so_many_and_says_how_many_more(a_run: tuple[Path, Done]) -> None:
    done = maso("ls", str(a_run[0]), "--limit", "3")
    assert done.out.count(" 00:") == 3
    assert "more: `--limit" in done.out
    assert maso("ls", str(a_run[0]), "--control", "OB-3.2", "--decision", "redact").code == 3


@pytest.mark.parametrize(
    ("option", "value", "said"),
    [
        ("--decision", "denied", "`--decision` is `denied`; did you mean `deny`?; legal: `allow`,"),
        ("--type", "analyst", "`--type` is `analyst`"),
        ("--control", "EC-99", "`--control` is `EC-99`"),
        (
            "--reason",
            "IA-2.1/macc",
            "`--reason` is `IA-2.1/macc`; did you mean `IA-2.1/mac`?; legal: `IA-2.1/",
        ),
        ("--action", "report.publsh", "`--action` is `report.publsh`"),
        ("--session", "g8", "`--session` is `g8`; legal: a session as `maso ls` shows it"),
        ("--limit", "0", "`--limit` is 0; legal: a whole number from 1"),
    ],
)
def test_ls_names_what_is_legal(a_run: tuple[Path, Done], option: str, value: str, said: str) -> None:
    done = maso("ls", str(a_run[0]), option, value)
    assert done.code == 2
    assert said in done.error


def test_explain_shows_the_chain_down_to_the_ports(a_run: tuple[Path, Done]) -> None:
    out, _ = a_run
    held = rows(out, "--decision", "deny", "--control", "EC-2.6")
    ref = str(held[0]["ref"])
    done = maso("explain", str(out), ref)
    assert done.code == 0, done.error
    for part in ("label: ", "sender: ", "recipient: ", "EC-2.6/", "what to do: ", "held before, as envelope"):
        assert part in done.out, done.out
    chain = maso("explain", str(out), ref, "--json").document
    assert chain["sender"]["type"]
    assert all(finding["text"] and finding["remedy"] for finding in chain["findings"])


def test_explain_takes_every_record(a_run: tuple[Path, Done]) -> None:
    out, _ = a_run
    kinds = {str(row["what"]): str(row["ref"]) for row in rows(out)}
    for ref in [*kinds.values(), "0"]:
        done = maso("explain", str(out), ref)
        assert done.code == 0, (ref, done.error)
        assert done.out
    done = maso("explain", str(out), "99999999")
    assert done.code == 3
    assert "there is no record 99999999; legal: 0 to" in done.error


def test_explain_says_what_a_record_is_that_is_no_message(a_run: tuple[Path, Done]) -> None:
    out, _ = a_run
    seen: dict[str, tuple[str, str]] = {}
    for number, record in records_of(out):
        if isinstance(record, MessageRecord) or type(record).__name__ in seen:
            continue
        done = maso("explain", str(out), str(number))
        assert done.code == 0, done.error
        seen[type(record).__name__] = (done.out, maso("explain", str(out), str(number), "--json").out)
    expected = {
        "StartRecord": ("start", "fleet: research-5"),
        "AdmitRecord": ("admission", "filings, identity "),
        "DocumentRecord": ("document", "port: filings"),
        "ContractRecord": ("contract", "delegation contract"),
        "EndorseRecord": ("endorsement", "by: "),
        "EndRecord": ("end", "who: "),
        "GateRecord": ("gate", "sets: "),
    }
    assert set(seen) == set(expected)
    for name, (kind, part) in expected.items():
        said, document = seen[name]
        assert f"  {kind}" in said.splitlines()[0]
        assert part in said
        assert json.loads(document)["record"] == kind


def test_a_chain_with_a_contract_names_who_delegated(a_run: tuple[Path, Done]) -> None:
    out, _ = a_run
    for row in rows(out, "--decision", "allow"):
        if row["what"] == "delegation":
            done = maso("explain", str(out), str(row["ref"]))
            assert " permits " in done.out
            return
    pytest.skip("this run delegated nothing")
