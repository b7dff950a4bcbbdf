"""`maso run ecommerce-10k --fault ...` from end to end: what moves, what does not, and how it comes back.

Several seeds, by the command line alone: what a user types, what the summary says, what the evidence holds.
"""

import json
from collections import Counter
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

from maso.cli.names import records_of
from maso.clock import SECOND
from maso.evidence.records import GateRecord
from maso.evidence.verify import verify
from tests.cli.terminal import maso

SEEDS = (1, 7, 2026)
STEPS = [0.01, 0.1, 0.5, 1.0]


@cache
def run(fault: str, seed: int, minutes: int, size: int) -> tuple[dict[str, Any], tuple[GateRecord, ...]]:
    """The summary, and every phase in the evidence that the plane set."""
    with TemporaryDirectory() as folder:
        out = Path(folder) / "out"
        done = maso(
            "run", "ecommerce-10k", "--size", str(size), "--minutes", str(minutes), "--seed", str(seed),
            "--fault", fault, "--out", str(out), "--json",
        )  # fmt: skip
        assert done.code == 0, done.error
        assert verify(out).ok
        summary = json.loads((out / "summary.json").read_text("utf-8"))
        found = tuple(record for _, record in records_of(out) if isinstance(record, GateRecord))
        # What hostile sessions do to themselves is not PACE's.
        gates = tuple(gate for gate in found if not gate.scope.startswith("session:"))
    assert all(gate.outcome == 0 for gate in gates), "the plane obeyed every transition"
    return summary, gates


def outage(seed: int) -> tuple[dict[str, Any], tuple[GateRecord, ...]]:
    return run("gateway-outage@60s+120s", seed, 13, 300)


@pytest.mark.parametrize("seed", SEEDS)
def test_a_gateway_outage_moves_payment_through_p_a_c_and_leaves_the_other_five_alone(seed: int) -> None:
    summary, gates = outage(seed)
    told = [t for t in summary["pace"]["transitions"] if t["share"] == 1]
    assert {t["scope"] for t in summary["pace"]["transitions"]} == {"type:payment"}
    assert [t["phase"] for t in told] == ["alternate", "contingency", "alternate", "primary"]
    down = told[:2]
    assert all(t["why"] == "failing:payment_gateway" for t in down)
    assert all(60 * SECOND < t["at_ns"] < 180 * SECOND for t in down)
    assert {gate.scope for gate in gates if not gate.scope.startswith("instance:")} == {"type:payment"}
    assert set(summary["pace"]["clusters_at_the_end"].values()) == {"primary"}


@pytest.mark.parametrize("seed", SEEDS)
def test_the_return_is_ramped_and_nobody_is_forgotten(seed: int) -> None:
    summary, gates = outage(seed)
    up = [(t["phase"], t["share"]) for t in summary["pace"]["transitions"][2:]]
    assert up == [(phase, share) for phase in ("alternate", "primary") for share in STEPS]
    recorded = [(g.value, g.share_milli) for g in gates if g.scope == "type:payment"][2:]
    assert recorded == [(value, round(share * 1000)) for value in (1, 0) for share in STEPS]
    assert summary["pace"]["taken_up_again"] == summary["pace"]["left_for_later"] > 0


@pytest.mark.parametrize("seed", SEEDS)
def test_customers_are_told_when_payments_wait_and_when_they_do_not_any_more(seed: int) -> None:
    summary, _ = outage(seed)
    shown = summary["pace"]["customers_see"]
    assert [(s["scope"], bool(s["text"])) for s in shown] == [("type:payment", True), ("type:payment", False)]
    contingency = [t["at_ns"] for t in summary["pace"]["transitions"] if t["phase"] == "contingency"]
    assert shown[0]["at_ns"] == contingency[0]
    back = [t for t in summary["pace"]["transitions"] if t["share"] == 1 and t["phase"] == "alternate"][-1]
    assert shown[1]["at_ns"] == back["at_ns"]


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("kind", ["payment", "delivery"])
def test_an_instance_that_fails_moves_nothing_but_itself(seed: int, kind: str) -> None:
    summary, gates = run(f"instance-failure:{kind}@30s+200s", seed, 5, 60)
    assert summary["pace"]["transitions"] == []
    assert len({gate.scope for gate in gates}) == 1
    assert gates[0].scope.startswith("instance:")
    assert Counter(gate.value for gate in gates)[1] >= 1
