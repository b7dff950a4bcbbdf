"""The options of a live drill, and the words about mistakes in them."""

import re
from pathlib import Path

import pytest

from maso.cli.drill_live import Asked, read, together
from maso.cli.ending import USAGE, Stop
from maso.live.drill_faults import FAULTS
from tests.cli.terminal import maso

ROOT = Path(__file__).resolve().parents[2]


def refused(asked: Asked, fleet: str = "ecommerce-10k") -> str:
    with pytest.raises(Stop) as stop:
        read(fleet, asked, [])
    assert stop.value.code == USAGE
    return " ".join(stop.value.lines)


def test_what_is_right_is_read() -> None:
    plan = read("ecommerce-10k", Asked(sessions="50", runs="5", fault="mix", seed="7"), [])
    assert plan.faults == ("", "kill9-run", "", "kill9-halt", "")
    assert (plan.found.fleet.size, plan.runs, plan.seed, plan.bus) == (50, 5, 7, False)
    assert read("ecommerce-10k", Asked(fault="bus-cut", bus="nats"), []).faults == ("bus-cut",)


def test_mistakes_say_what_is_legal(tmp_path: Path) -> None:
    (tmp_path / "mine").touch()
    assert "did you mean `partition`?; legal: `mix`, `kill9-run`" in refused(Asked(fault="partitoin"))
    assert refused(Asked(fault="bus-cut")) == ("`--fault bus-cut` breaks a bus; legal: `--bus nats` with it")
    assert "legal: one of them" in refused(Asked(database="postgresql://x/y", postgres=True))
    assert "legal: postgresql://USER@HOST/NAME" in refused(Asked(database="mysql://x"))
    assert "legal: a whole number from 1 to 100000" in refused(Asked(sessions="0"))
    assert "legal: a new or empty directory" in refused(Asked(out=str(tmp_path)))
    assert "has no sessions that pay" in refused(Asked(), "fleet-100")


def test_a_database_that_is_not_there_is_said_without_its_address() -> None:
    pytest.importorskip("psycopg")
    ran = maso(
        "drill", "killswitch", "ecommerce-10k", "--live", "--sessions", "5",
        "--database", "postgresql://me:geheim@127.0.0.1:9/none",
    )  # fmt: skip
    assert ran.code == USAGE
    assert "`--database`: the database cannot be used" in ran.error
    assert "geheim" not in ran.error + ran.out


def test_the_page_names_every_fault() -> None:
    page = (ROOT / "docs/live-drill.md").read_text()
    section = page.partition("## Faults")[2].partition("## ")[0]
    named = [
        name for row in re.findall(r"^\| (`.+?) \|", section, re.M) for name in re.findall(r"`([^`]+)`", row)
    ]
    assert sorted(named) == sorted([*FAULTS, "--fault"])


def test_several_drills_are_their_sum_or_their_worst() -> None:
    one = {
        "instances": 10, "actions_per_minute": 5, "ambiguous": 0, "stock_equals_books": True,
        "last_action_ms": 4.0, "bound_ms": 9.0, "drained": 1, "rolled_back": 2, "listed": 0,
        "evidence_verifies": True, "passed": True, "broken": [],
    }  # fmt: skip
    two = {**one, "instances": 8, "ambiguous": 1, "last_action_ms": 6.0, "passed": False, "broken": ["x"]}
    whole = together([one, two])
    assert (whole["instances"], whole["ambiguous"], whole["last_action_ms"]) == (8, 1, 6.0)
    assert (whole["drained"], whole["passed"], whole["broken"]) == (2, False, ["drill 2: x"])
