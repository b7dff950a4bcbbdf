"""The command itself, once, at the fleet file's own times."""

import json
from pathlib import Path

import pytest

from tests.cli.terminal import maso


@pytest.mark.slow
def test_a_live_drill_by_its_command(tmp_path: Path) -> None:
    out = tmp_path / "out"
    ran = maso(
        "drill", "killswitch", "ecommerce-10k", "--live", "--sessions", "60", "--seed", "3",
        "--fault", "kill9-freeze", "--out", str(out), "--json",
    )  # fmt: skip
    assert ran.code == 0, ran.error
    found = json.loads(ran.out)
    wanted = {
        "instances", "actions_per_minute", "ambiguous", "stock_equals_books", "last_action_ms", "bound_ms",
        "drained", "rolled_back", "listed", "evidence_verifies",
    }  # fmt: skip
    assert wanted <= found.keys()
    assert (found["instances"], found["ambiguous"], found["passed"]) == (360, 0, True)
    assert (out / "reconciliation.csv").read_text().startswith("item,kind,order,")
    for log in (out, out / "switch"):
        assert maso("verify", str(log)).code == 0
