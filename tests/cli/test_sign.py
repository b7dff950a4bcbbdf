"""`maso sign` and what `maso verify` says of it: who signed what, refused mistakes, attacks, keys, races."""

from __future__ import annotations

import json
import os
import stat
import subprocess
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from maso.cli import keyring
from maso.cli import sign as command_module
from maso.cli.keyring import Opened
from maso.cli.roles import holds_role
from maso.signoff import keys, read_signatures
from tests.cli.terminal import Done, command, environment, maso, maso_apart
from tests.stress.sample import ITEMS, stress_directory

ADA = ("--as", "Ada Lovelace", "--role", "risk-owner")
CHEAP = keys.Cost(passes=3, memory_bytes=8192)  # libsodium's least; the real cost is half a second each


@pytest.fixture(autouse=True)
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A configuration of its own, and cheap passphrases."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.delenv("MASO_KEY_PASSPHRASE", raising=False)
    monkeypatch.setattr(keys.Cost.__new__, "__defaults__", tuple(CHEAP))
    return tmp_path / "config"


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return stress_directory(tmp_path / "out")


def signed(out: Path, *more: str) -> dict[str, Any]:
    done = maso("sign", str(out), *ADA, *(more or ("--all",)), "--json")
    assert done.code == 0, done.error
    document: dict[str, Any] = done.document
    return document


def key_file(config: Path) -> Path:
    return config / "maso" / "keys" / "Ada Lovelace.key"


# --- signing -----------------------------------------------------------------------------------------------


def test_a_sign_off_is_written_and_verifies(out: Path) -> None:
    done = maso(
        "sign", str(out), *ADA, "--accept", "delegation/rules", "--accept", "F2.4",
        "--condition", "delegation/rules=role-based by = March", "--expires", "90",
    )  # fmt: skip
    assert done.code == 0, done.error
    assert "signed as Ada Lovelace, risk-owner" in done.out
    assert "accepted 2 of 6, until the end of" in done.out
    assert "on condition: role-based by = March" in done.out
    assert "not accepted 4: delegation/audit, delegation/noisy, clusters, launder" in done.out
    assert "breaks at 23.4 to 25 agents" in done.out
    verified = maso("verify", str(out))
    assert verified.code == 0
    assert "the sign-offs verify" in verified.out
    assert "sign-off 1: Ada Lovelace, risk-owner" in verified.out
    assert "on condition: role-based by = March" in verified.out
    assert "does not accept delegation/audit" in verified.out
    assert "not checked: whose keys these are" in verified.out
    assert "note:" not in verified.out


def test_the_record_holds_what_was_said_and_not_said(out: Path) -> None:
    document = signed(out, "--accept", "decision:clusters", "--expires", "30")
    record = json.loads((out / "signatures" / "1.json").read_text("utf-8"))
    assert record["schema"] == "maso.signoff/1"
    assert [one["id"] for one in record["accepted"]] == ["clusters"]
    assert [one["id"] for one in record["not_accepted"]] == [i for i in ITEMS if i != "clusters"]
    assert record["previous"] == "0" * 64
    assert record["fingerprint"] == document["fingerprint"]
    second = signed(out)
    record = json.loads((out / "signatures" / "2.json").read_text("utf-8"))
    assert record["previous"] == document["record_sha256"]
    assert record["not_accepted"] == []
    assert second["file"] == "signatures/2.json"


def test_a_decision_that_is_left_to_another_role_is_noted_wherever_it_is_told(out: Path) -> None:
    done = maso("sign", str(out), *ADA, "--all")
    assert done.code == 0
    words = "left to another role: the CISO decides"
    note = "maso: one decision is left to another role than `risk-owner`: to `the CISO`; the record says so"
    assert note in done.error.splitlines()
    accepted = json.loads((out / "signatures" / "1.json").read_text("utf-8"))["accepted"]
    assert {one["id"]: one.get("decides") for one in accepted if "decides" in one} == {"clusters": "the CISO"}
    assert words in done.out
    assert words in maso("verify", str(out)).out
    assert maso("report", str(out)).code == 0
    for name in ("report.html", "report.md"):
        assert words in (out / name).read_text("utf-8"), name


@pytest.mark.parametrize("role", ["the CISO", "The  ciso"])
def test_who_holds_the_role_is_told_nothing(out: Path, role: str) -> None:
    done = maso("sign", str(out), "--as", "Eve", "--role", role, "--accept", "clusters")
    assert done.code == 0
    assert "another role" not in done.error + done.out
    assert "decides" not in (out / "signatures" / "1.json").read_text("utf-8")


def test_a_key_of_the_fleet_file_names_the_office_that_it_holds(out: Path) -> None:
    for role, who, held in (
        ("risk_owner", "chief risk officer", True),
        ("sampling-rate-change", "AI governance committee", True),
        ("risk_owner", "AI governance committee", False),
        ("chief risk officer", "operator", False),
    ):
        assert holds_role(out, role, who) is held


def test_the_list_shows_every_item_with_its_words_and_signs_nothing(out: Path, config: Path) -> None:
    done = maso("sign", str(out), "--list")
    assert done.code == 0
    for item in ITEMS:
        assert f"  {item}" in done.out
    assert "clusters (the CISO decides)" in done.out
    assert "what of F2.4? (`governance.audit_rules_per_hour` is not filled in)" in done.out
    assert [row["item"] for row in maso("sign", str(out), "--list", "--json").document["items"]] == list(
        ITEMS
    )
    assert not (out / "signatures").exists()
    assert not config.exists()


def test_a_key_is_made_once_for_its_owner_alone(out: Path, config: Path) -> None:
    first = maso("sign", str(out), *ADA, "--all")
    (record,) = read_signatures(out)
    assert "made a key, without a passphrase" in first.error
    assert record["fingerprint"] in first.error
    assert stat.S_IMODE(key_file(config).stat().st_mode) == 0o600
    assert stat.S_IMODE(key_file(config).parent.stat().st_mode) == 0o700
    again = maso("sign", str(out), *ADA, "--all")
    assert "made a key" not in again.error
    assert len({one["fingerprint"] for one in read_signatures(out)}) == 1


@pytest.mark.parametrize("name", ["../../x", "a/b", "李小龍", ".", "..", "ж" * 120, "a%2Fb"])
def test_a_name_cannot_lead_out_of_the_folder_of_keys(out: Path, config: Path, name: str) -> None:
    assert maso("sign", str(out), "--as", name, "--role", "risk-owner", "--all").code == 0
    assert len(list((config / "maso" / "keys").iterdir())) == 1
    assert [p.relative_to(config).parts[:2] for p in config.rglob("*.key")] == [("maso", "keys")]
    assert read_signatures(out)[0]["name"] == name


def test_findings_with_nothing_to_accept_can_be_signed_as_they_are(out: Path) -> None:
    path = out / "findings.json"
    document = json.loads(path.read_text("utf-8"))
    document |= {"dimensions": [], "answers": [], "decisions": [], "attack_paths": []}
    path.write_text(json.dumps(document), "utf-8")
    assert "nothing to accept" in maso("sign", str(out), "--list").out
    assert maso("sign", str(out), *ADA, "--accept", "x").code == 2
    assert signed(out)["accepted"] == []
    assert maso("verify", str(out)).code == 0


# --- mistakes ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ((*ADA,), "nothing is accepted"),
        (("--role", "risk-owner", "--all"), "`--as` is missing"),
        (("--as", "Ada", "--all"), "`--role` is missing"),
        (("--as", " ", "--role", "r", "--all"), "`--as` `` is empty"),
        (("--as", "Ada\x1b[2J", "--role", "r", "--all"), "control characters"),
        (("--as", "Ada\u202egnihton", "--role", "r", "--all"), "marks of direction"),
        (("--as", "Ada\u200b", "--role", "r", "--all"), "that nobody sees"),
        (("--as", "a" * 121, "--role", "r", "--all"), "at most 120"),
        (("--as", "Ada", "--role", "\u2066r", "--all"), "marks of direction"),
        ((*ADA, "--accept", "delegation/rulez"), "did you mean `delegation/rules`?"),
        ((*ADA, "--accept", "x\x1b]0;x\x07"), "legal: `delegation/rules`, `delegation/audit`"),
        ((*ADA, "--accept", "delegation/holds"), "legal: "),
        ((*ADA, "--all", "--condition", "delegation/rules"), "ITEM=TEXT"),
        ((*ADA, "--all", "--condition", "delegation/rules= "), "is empty"),
        ((*ADA, "--all", "--condition", "F2.4=pay 4111 1111 1111 1111"), "card number"),
        ((*ADA, "--all", "--condition", "F2.4=\x1b[2J"), "control characters"),
        ((*ADA, "--accept", "F2.4", "--condition", "clusters=x"), "which is not accepted"),
        ((*ADA, "--all", "--condition", "F2.4=a", "--condition", "F2.4=b"), "given twice"),
        ((*ADA, "--all", "--expires", "2020-01-31"), "in the past"),
        ((*ADA, "--all", "--expires", "0"), "1 to 3650"),
        ((*ADA, "--all", "--expires", "-1"), "1 to 3650"),
        ((*ADA, "--all", "--expires", "9" * 400), "1 to 3650"),
        ((*ADA, "--all", "--expires", "2026-02-30"), "legal: a day"),
        ((*ADA, "--all", "--expires", "9999-12-31"), "legal: a day"),
        ((*ADA, "--all", "--expires", "tomorrow"), "legal: a day"),
        ((*ADA, "--all", "--expires", ""), "legal: a day"),
        ((*ADA, "--all", "--key", ""), "`--key`"),
        ((*ADA, "--all", "--key", "nowhere.key"), "is not there"),
    ],
)
def test_a_mistake_is_named_and_leaves_nothing(
    out: Path, config: Path, options: tuple[str, ...], says: str
) -> None:
    done = maso("sign", str(out), *options)
    assert done.code == 2, done.error
    assert says in done.error
    assert "\x1b" not in done.error
    assert "4111" not in done.error
    assert not (out / "signatures").exists()
    assert not config.exists()


@pytest.mark.parametrize(
    "data",
    [b"", b"{}", b"[" * 100_000, b"\xff\xfe", b"null", b'{"maso_version": "0.1.0"}'],
)
def test_what_is_no_findings_is_not_signed(out: Path, data: bytes) -> None:
    (out / "findings.json").write_bytes(data)
    for asked in ((*ADA, "--all"), ("--list",)):
        done = maso("sign", str(out), *asked)
        assert done.code == 2
        assert "is not of this format" in done.error
    assert maso("report", str(out)).code == 2
    assert not (out / "signatures").exists()


def test_findings_of_another_major_version_are_not_signed(out: Path) -> None:
    path = out / "findings.json"
    path.write_text(
        path.read_text("utf-8").replace('"schema_version": "1.1"', '"schema_version": "2.0"'), "utf-8"
    )
    done = maso("sign", str(out), *ADA, "--all")
    assert done.code == 2
    assert "has schema `2.0`" in done.error


def test_there_must_be_findings(tmp_path: Path, out: Path) -> None:
    assert maso("sign", str(tmp_path / "nowhere"), *ADA, "--all").code == 3
    (tmp_path / "empty").mkdir()
    assert "holds no `findings.json`" in maso("sign", str(tmp_path / "empty"), *ADA, "--all").error
    (out / "findings.json").rename(tmp_path / "aside")
    (out / "findings.json").symlink_to(tmp_path / "aside")
    done = maso("sign", str(out), *ADA, "--all")
    assert done.code == 3
    assert "is a link" in done.error
    assert maso("sign", "", *ADA, "--all").code == 2


@pytest.mark.parametrize("name", ["findings.json", "fleet.yaml"])
@pytest.mark.parametrize("kind", ["folder", "pipe"])
def test_what_is_no_plain_file_is_not_waited_for(out: Path, name: str, kind: str) -> None:
    (out / name).unlink()
    if kind == "folder":
        (out / name).mkdir()
    else:
        os.mkfifo(out / name)
    done = maso("sign", str(out), *ADA, "--all")
    assert done.code == (3 if name == "findings.json" else 0)
    assert ("is not a plain file" if done.code else "cannot be read") in done.error
    assert maso("verify", str(out)).code == (12 if done.code else 0)


@pytest.mark.parametrize(
    ("role", "says"),
    [
        ("risk-owner", ""),
        ("Chief Risk Officer", ""),
        ("model_selection", ""),
        ("AI governance committee", ""),
        ("chief risk oficer", "did you mean `chief risk officer`?"),
        ("janitor", "names no role `janitor`"),
    ],
)
def test_a_role_that_the_fleet_does_not_name_is_noted(out: Path, role: str, says: str) -> None:
    done = maso("sign", str(out), "--as", "Ada", "--role", role, "--all")
    assert done.code == 0
    assert ("the fleet file names no role" in done.error) == bool(says)
    assert says in done.error


def test_a_fleet_that_names_nobody_or_is_not_there_is_noted(out: Path) -> None:
    fleet = out / "fleet.yaml"
    lines = fleet.read_text("utf-8").split("\n")
    start = lines.index("governance:")
    end = next(n for n in range(start + 1, len(lines)) if lines[n] and not lines[n].startswith(" "))
    fleet.write_text("\n".join([*lines[:start], *lines[end:]]), "utf-8")
    done = maso("sign", str(out), *ADA, "--all")
    assert "`governance.risk_owner` is not filled in" in done.error
    assert "`fleet.yaml` is not the fleet of these findings" in maso("verify", str(out)).out
    fleet.write_text("nonsense: [", "utf-8")
    assert "cannot be read, so the role is not held" in maso("sign", str(out), *ADA, "--all").error
    fleet.unlink()
    assert "`fleet.yaml` cannot be read" in maso("verify", str(out)).out


def test_a_quick_run_is_noted(out: Path) -> None:
    path = out / "findings.json"
    path.write_text(path.read_text("utf-8").replace('"quick": false', '"quick": true'), "utf-8")
    assert "`--quick`" in maso("sign", str(out), *ADA, "--all").error


# --- verifying ---------------------------------------------------------------------------------------------


def test_findings_changed_after_signing_do_not_verify(out: Path) -> None:
    signed(out)
    path = out / "findings.json"
    path.write_bytes(path.read_bytes() + b"\n")
    done = maso("verify", str(out))
    assert done.code == 12
    assert "findings.json was changed after this was signed" in done.out
    assert "the sign-offs do not verify" in done.out
    document = maso("verify", str(out), "--json").document
    assert document["ok"] is False
    assert document["sign_offs"]["records"][0]["valid"] is False
    again = maso("sign", str(out), *ADA, "--all")  # whoever signs again has signed these, and is told so
    assert again.code == 0
    assert "`findings.json` was changed since the last sign-off, by Ada" in again.error
    assert maso("verify", str(out)).code == 0
    assert "was changed since" not in maso("sign", str(out), *ADA, "--all").error


def test_a_key_can_be_pinned(out: Path) -> None:
    fingerprint = signed(out)["fingerprint"]
    assert maso("verify", str(out), "--key-fingerprint", fingerprint.upper()).code == 0
    assert "whose keys" not in maso("verify", str(out), "--key-fingerprint", fingerprint).out
    other = maso("verify", str(out), "--key-fingerprint", "0" * 64)
    assert other.code == 12
    assert "no valid sign-off of these findings is by the key 0000" in other.out
    both = maso("verify", str(out), "--key-fingerprint", fingerprint, "--key-fingerprint", "0" * 64)
    assert both.code == 12
    bad = maso("verify", str(out), "--key-fingerprint", "abc")
    assert (bad.code, "64 hexadecimal digits" in bad.error) == (2, True)


def test_a_replaced_key_is_seen_by_who_pinned_it(out: Path) -> None:
    fingerprint = signed(out)["fingerprint"]
    (out / "signatures" / "1.json").unlink()
    maso("sign", str(out), "--as", "Mallory", "--role", "risk-owner", "--all")
    forged = Path(os.environ["XDG_CONFIG_HOME"]) / "maso" / "keys" / "Mallory.key"
    (out / "signatures" / "1.json").unlink()
    signed(out, "--all", "--key", str(forged))  # under the name of Ada
    assert maso("verify", str(out)).code == 0  # nothing here says whose key it is
    assert maso("verify", str(out), "--key-fingerprint", fingerprint).code == 12
    done = maso("sign", str(out), *ADA, "--all")
    assert "an earlier sign-off under this name was made with another key" in done.error
    assert (
        "under the name Ada Lovelace there are sign-offs with 2 different keys"
        in maso("verify", str(out)).out
    )


def test_a_removed_last_sign_off_is_seen_by_who_kept_its_digest(out: Path) -> None:
    first, second = signed(out), signed(out, "--accept", "F2.4")
    kept = second["record_sha256"]
    done = maso("verify", str(out), "--signed", kept, "--signed", first["record_sha256"])
    assert done.code == 0
    assert "not checked: whether the last" not in done.out
    (out / "signatures" / "2.json").unlink()
    assert maso("verify", str(out)).code == 0
    done = maso("verify", str(out), "--signed", kept)
    assert done.code == 12
    assert "it was removed or changed" in done.out


def test_pins_never_pass_where_nobody_signed(out: Path, tmp_path: Path, a_run: tuple[Path, Done]) -> None:
    assert maso("verify", str(out)).code == 3
    assert "nobody has signed the findings" in maso("verify", str(out)).error
    (tmp_path / "empty").mkdir()
    for path in (out, tmp_path / "empty", a_run[0]):
        assert maso("verify", str(path), "--key-fingerprint", "0" * 64).code == 12
        assert maso("verify", str(path), "--signed", "0" * 64).code == 12
    assert maso("verify", str(out), "--head", "0" * 64).code == 3


@pytest.mark.parametrize("gone", ["findings.json", "signatures/1.json", "signatures/2.json"])
def test_what_was_removed_is_missed(out: Path, gone: str) -> None:
    for _ in range(3):
        signed(out)
    (out / gone).unlink()
    done = maso("verify", str(out))
    assert done.code == 12
    assert "missing" in done.out


def damage(out: Path) -> None:
    path = out / "signatures" / "1.json"
    path.write_bytes(path.read_bytes().replace(b"Ada Lovelace", b"Ada Lovelacf"))


def test_nothing_is_added_to_a_broken_chain(out: Path, config: Path) -> None:
    signed(out)
    damage(out)
    done = maso("sign", str(out), "--as", "Grace", "--role", "risk-owner", "--all")
    assert len(list((config / "maso" / "keys").iterdir())) == 1  # no key was made for Grace
    assert done.code == 12
    assert "sign-off 1: the signature does not hold" in done.error
    assert "nothing was done" in done.error
    assert not (out / "signatures" / "2.json").exists()


def test_nothing_is_added_to_a_chain_that_breaks_meanwhile(
    out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    signed(out)
    real = command_module.open_key

    def late(name: str, key: str | None) -> Opened:
        damage(out)
        return real(name, key)

    monkeypatch.setattr(command_module, "open_key", late)
    assert maso("sign", str(out), *ADA, "--all").code == 12
    assert not (out / "signatures" / "2.json").exists()


def test_a_linked_folder_is_not_signed_into(out: Path, tmp_path: Path) -> None:
    (tmp_path / "aside").mkdir()
    (out / "signatures").symlink_to(tmp_path / "aside")
    assert maso("sign", str(out), *ADA, "--all").code == 12
    assert maso("verify", str(out)).code == 12
    assert list((tmp_path / "aside").iterdir()) == []


def test_an_expired_acceptance_is_a_note(out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(command_module, "now", lambda: datetime(2020, 1, 1, 12, tzinfo=UTC))
    signed(out, "--all", "--expires", "2020-01-01")  # the same day is the last day
    monkeypatch.setattr(command_module, "now", lambda: datetime(2090, 1, 1, tzinfo=UTC))
    signed(out, "--all", "--expires", "7")
    done = maso("verify", str(out))
    assert done.code == 0
    assert "delegation/rules, until 2020-01-01 (expired)" in done.out
    assert "delegation/rules, until 2090-01-08\n" in done.out
    assert "signed later than this machine's clock says it is" in done.out
    assert "says that it was signed before" not in done.out
    monkeypatch.setattr(command_module, "now", lambda: datetime(2021, 1, 1, tzinfo=UTC))
    signed(out)
    assert "sign-off 3 says that it was signed before sign-off 2" in maso("verify", str(out)).out


def test_what_a_hostile_record_says_is_shown_without_effect(out: Path, config: Path) -> None:
    """Made by a key holder without maso, which would have refused these texts."""
    import msgspec
    from nacl.signing import SigningKey

    from maso.signoff import record

    signed(out)
    path = out / "signatures" / "1.json"
    found = record.parse(path.read_bytes())
    nasty = "\x1b[2J\x1b]0;owned\x07\nsign-off 2: the CISO\u202e"
    accepted = (msgspec.structs.replace(found.accepted[0], condition=nasty), *found.accepted[1:])
    draft = msgspec.structs.replace(found, name=nasty, role=nasty, accepted=accepted, signature="0" * 128)
    signature = SigningKey(key_file(config).read_bytes()).sign(b"maso sign-off 1\x00" + record.encode(draft))
    path.write_bytes(record.encode(msgspec.structs.replace(draft, signature=signature.signature.hex())))
    done = maso("verify", str(out))
    assert done.code == 0
    assert all(ch.isprintable() or ch == "\n" for ch in done.out)
    assert "on condition: <U+001B>[2J<U+001B>]0;owned<U+0007><U+000A>sign-off 2: the CISO<U+202E>" in done.out
    assert not any(line.startswith("sign-off 2") for line in done.out.split("\n"))
    assert all(ch.isprintable() or ch == "\n" for ch in maso("verify", str(out), "--json").out)


def test_a_run_with_evidence_and_findings_must_hold_in_both(copy_of_run: Path) -> None:
    stress_directory(copy_of_run.parent / "stress")
    (copy_of_run / "findings.json").write_bytes(
        (copy_of_run.parent / "stress" / "findings.json").read_bytes()
    )
    done = maso("verify", str(copy_of_run))
    assert done.code == 0
    assert "the evidence verifies" in done.out
    assert "nobody has signed the findings" in done.out
    signed(copy_of_run)
    done = maso("verify", str(copy_of_run))
    assert done.code == 0
    assert "the sign-offs verify" in done.out
    segment = sorted((copy_of_run / "evidence").iterdir())[0]
    whole = segment.read_bytes()
    segment.write_bytes(whole[:-300])
    assert maso("verify", str(copy_of_run)).code == 12
    segment.write_bytes(whole)
    (copy_of_run / "findings.json").write_bytes(b"{}")
    done = maso("verify", str(copy_of_run), "--json")
    assert done.code == 12
    assert done.document["ok"] is False
    assert done.document["failures"] == []


# --- keys --------------------------------------------------------------------------------------------------


def test_a_passphrase_protects_the_key_and_is_never_told(
    out: Path, config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MASO_KEY_PASSPHRASE", "correct horse")
    done = maso("sign", str(out), *ADA, "--all")
    assert done.code == 0, done.error
    assert "protected by its passphrase" in done.error
    data = key_file(config).read_bytes()
    assert keys.is_sealed(data)
    told = [done.out, done.error, (out / "signatures" / "1.json").read_text("utf-8")]
    monkeypatch.setenv("MASO_KEY_PASSPHRASE", "wrong horse")
    done = maso("sign", str(out), *ADA, "--all")
    assert done.code == 2
    assert "does not open with this passphrase" in done.error
    monkeypatch.delenv("MASO_KEY_PASSPHRASE")
    bare = maso("sign", str(out), *ADA, "--all")
    assert bare.code == 2
    assert "set `MASO_KEY_PASSPHRASE`" in bare.error
    seed = keys.seed_of(data, b"correct horse")
    for text in (*told, done.out, done.error, bare.error):
        assert "horse" not in text
        assert seed.hex() not in text
        assert repr(seed) not in text
    assert len(read_signatures(out)) == 1


def test_an_unprotected_key_with_a_passphrase_is_noted(out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    signed(out)
    monkeypatch.setenv("MASO_KEY_PASSPHRASE", "correct horse")
    assert "the key is not protected" in maso("sign", str(out), *ADA, "--all").error


def test_a_terminal_is_asked_for_the_passphrase(
    out: Path, config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    typed = ["correct horse", "incorrect horse"]
    asked: list[str] = []

    def answer(prompt: str) -> str:
        asked.append(prompt)
        if not typed:
            raise EOFError
        return typed.pop(0)

    monkeypatch.setattr(keyring, "_terminal", lambda: True)
    monkeypatch.setattr("getpass.getpass", answer)
    done = maso("sign", str(out), *ADA, "--all")
    assert (done.code, "differ; no key was made" in done.error) == (2, True)
    assert not config.exists()
    typed[:] = ["correct horse"] * 3
    assert maso("sign", str(out), *ADA, "--all").code == 0
    assert keys.is_sealed(key_file(config).read_bytes())
    assert maso("sign", str(out), *ADA, "--all").code == 0
    assert asked[-1] == "maso: passphrase of the key: "
    done = maso("sign", str(out), *ADA, "--all")
    assert (done.code, "no passphrase was given" in done.error) == (2, True)
    typed[:] = [""]
    assert maso("sign", str(out), "--as", "Grace", "--role", "r", "--all").code == 0  # empty: not protected
    assert len(read_signatures(out)) == 3


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
def test_a_key_of_somebody_else_is_refused(out: Path, config: Path) -> None:
    signed(out)
    os.chown(key_file(config), 12345, 12345)
    done = maso("sign", str(out), *ADA, "--all")
    assert (done.code, "belongs to somebody else" in done.error) == (2, True)


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o644])
def test_a_key_that_others_can_read_is_refused(out: Path, config: Path, mode: int) -> None:
    signed(out)
    key_file(config).chmod(mode)
    done = maso("sign", str(out), *ADA, "--all")
    assert done.code == 2
    assert f"has mode {mode:04o}" in done.error
    assert "`chmod 600`" in done.error


def test_a_key_file_can_be_named(out: Path, tmp_path: Path, config: Path) -> None:
    mine = tmp_path / "mine.key"
    mine.write_bytes(b"k" * 32)
    mine.chmod(0o600)
    done = maso("sign", str(out), *ADA, "--all", "--key", str(mine))
    assert done.code == 0, done.error
    assert "made a key" not in done.error
    assert not config.exists()
    for data in (b"k" * 31, b"k" * 64, b""):
        mine.write_bytes(data)
        assert "holds no key of maso" in maso("sign", str(out), *ADA, "--all", "--key", str(mine)).error
    assert "not a plain file" in maso("sign", str(out), *ADA, "--all", "--key", str(tmp_path)).error


# --- several at once ---------------------------------------------------------------------------------------


def test_nobody_who_signs_at_the_same_time_is_lost(out: Path, config: Path) -> None:
    everybody = [
        f"Signer {n % 3}" for n in range(6)
    ]  # of the same name two, so that keys are made at once too
    children = [
        subprocess.Popen(
            command(["sign", str(out), "--as", name, "--role", "risk-owner", "--all"]),
            env=environment(XDG_CONFIG_HOME=str(config)),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
        )
        for name in everybody
    ]
    for child in children:
        assert child.stderr is not None
        said = child.stderr.read()
        child.stderr.close()
        assert child.wait() == 0, said
    found = read_signatures(out)
    assert sorted(one["name"] for one in found) == sorted(everybody)
    assert all(one["valid"] for one in found)
    assert len({one["fingerprint"] for one in found}) == 3
    assert sorted(p.name for p in (out / "signatures").iterdir()) == [f"{n}.json" for n in range(1, 7)]
    assert sorted(p.name for p in (config / "maso" / "keys").iterdir()) == [
        f"Signer {n}.key" for n in range(3)
    ]


def test_who_is_overtaken_signs_on_top(out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The race for a number, made certain: somebody else signs between reading and placing."""
    real = command_module.place
    overtaken: list[int] = []

    def late(path: Path, number: int, data: bytes, token: str) -> bool:
        if not overtaken:
            overtaken.append(number)
            signed(out, "--accept", "F2.4")
        return real(path, number, data, token)

    monkeypatch.setattr(command_module, "place", late)
    assert maso("sign", str(out), *ADA, "--all").code == 0
    first, second = read_signatures(out)
    assert first["valid"]
    assert second["valid"]
    assert [one["id"] for one in first["accepted"]] == ["F2.4"]


def test_a_name_that_is_no_text_is_refused(out: Path, config: Path) -> None:
    done = maso_apart(
        "sign", str(out), "--as", "Ada\udcff", "--role", "r", "--all", XDG_CONFIG_HOME=str(config)
    )
    assert done.code == 2
    assert "`--as`" in done.error
