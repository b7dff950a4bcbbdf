"""A dimension whose growth is planted, and a rig that studies it in this process.

rules       exact, quadratic under `point-to-point`, linear under `role-based`; budget 10,000
latency     5% noise, linear; budget 40 ms at n = 400; `cached` halves it
depth       on an axis of its own, exact, logarithmic
"""

from collections.abc import Callable
from math import log
from pathlib import Path

import pytest

from maso.findings import AnswerFinding, Findings, Machine
from maso.fleet.load import load
from maso.fleet.model import Fleet
from maso.streams import stream
from maso.stress import registry
from maso.stress.dimension import (
    Adaptation,
    Axis,
    Budget,
    Dimension,
    Outcome,
    Probe,
    Quantity,
    Question,
    Trial,
    View,
)
from maso.stress.engine import conclude, job
from maso.stress.engine.executors import Executor, Inline
from maso.stress.engine.store import Store
from maso.stress.engine.study import Plan, Study

FLEET = """
fleet: planted
kind: breadth
schemas: [{id: note, fields: {text: {type: text}}}]
types:
  - {id: a, actions: [], clearance: {level: internal}}
  - {id: b, clearance: {level: internal}}
  - {id: c, clearance: {level: internal}}
links:
  - {from: a, to: b, schema: note}
  - {from: b, to: c, schema: note}
"""
MACHINE = Machine(cpu="sample", cores=1, memory_gb=1, system="sample", python="3")
calls: list[Trial] = []


def _rules(trial: Trial) -> Outcome:
    calls.append(trial)
    n = trial.size
    wide = trial.fleet.controls.delegation_policy == "role-based"
    return Outcome(values={"rules": 4 * n if wide else n * n}, details={"names": [["a", str(n)]]})


def _latency(trial: Trial) -> Outcome:
    calls.append(trial)
    noise = 1 + 0.05 * _normal(trial)
    cached = trial.fleet.controls.contract_verification == "cached"
    return Outcome(values={"latency": trial.size * (0.05 if cached else 0.1) * noise})


def _normal(trial: Trial) -> float:
    draws = stream(trial.seed, f"planted/{trial.size}")
    return sum(draws.bits(20) / 2**20 for _ in range(12)) - 6


def _depth(trial: Trial) -> Outcome:
    return Outcome(values={"depth": 3 + 2 * log(trial.at)})


def _limit(value: float, key: str) -> Callable[[Fleet], Budget]:
    return lambda _fleet: Budget(value, "max", key)


def _answer(view: View) -> AnswerFinding:
    found = view.breaks("rules", ())
    return AnswerFinding(
        question="", asked="", dimension="planted", status="measured",
        value=None if found is None else found.low, unit="agents", text="planted",
        evidence=view.evidence("rules"),
    )  # fmt: skip


PROBES = (
    Probe(
        id="rules", title="policy", run=_rules, adaptations=("role-based",),
        quantities=(
            Quantity(
                id="rules", title="rules", unit="rules", mark="measured", controls=("IA-2.3",),
                expected="quadratic", exact=True, budget=_limit(10_000, "target.audit_hours_max"),
                per_rule=True,
            ),
        ),
    ),
    Probe(
        id="latency", title="latency", run=_latency, adaptations=("contract-cache",),
        quantities=(
            Quantity(
                id="latency", title="latency", unit="ms", mark="measured", controls=("IA-2.1",),
                expected="linear", budget=_limit(40, "target.delegation_latency_ms_max"),
            ),
        ),
    ),
    Probe(
        id="depth", title="depth", run=_depth,
        axis=Axis(id="handoffs", unit="handoffs", points=lambda _f, _q: (1, 2, 4, 8, 16, 32), point_max=64),
        quantities=(
            Quantity(
                id="depth", title="depth", unit="us", mark="measured", controls=(), expected="logarithmic",
                exact=True,
            ),
        ),
    ),
)  # fmt: skip
DIMENSION = Dimension(
    id="planted",
    title="planted growth",
    seed_dimension=("F2",),
    about="for tests",
    probes=PROBES,
    standard=(("contract_verification", "every-use"), ("delegation_policy", "point-to-point")),
    adaptations=(
        Adaptation(
            id="role-based", title="rules between roles", settings=(("delegation_policy", "role-based"),),
            complexity="low", gives_up=lambda view, own: f"{view.value('rules', (own,)):.0f} rules",
            cost=lambda _view: (None, "not priced"),
        ),
        Adaptation(
            id="contract-cache", title="verify once", settings=(("contract_verification", "cached"),),
            complexity="low", gives_up=lambda _view, _own: "nothing", cost=lambda _view: (0.0, "none"),
        ),
    ),
    questions=(Question(id="F2.4", answer=_answer),),
)  # fmt: skip


@pytest.fixture
def planted(monkeypatch: pytest.MonkeyPatch) -> Dimension:
    """The planted dimension, in place of the real ones, in this process."""
    found = {DIMENSION.id: DIMENSION}
    for module in (job, conclude, registry):
        monkeypatch.setattr(module, "by_id", lambda: found)
    calls.clear()
    return DIMENSION


def study(
    out: Path | None = None,
    *,
    target: int = 300,
    quick: bool = True,
    seed: int = 1,
    controls: str = "",
    executor: Executor | None = None,
) -> Study:
    """A conducted study of the planted dimension."""
    text = FLEET + (f"controls: {{{controls}}}\n" if controls else "")
    loaded = load(text)
    assert loaded.file is not None, loaded.mistakes
    made = Study(
        Plan(loaded.file, text, target, quick, seed),
        [DIMENSION],
        executor or Inline(),
        Store(out),
        lambda _what, _done, _total: None,
    )
    made.conduct()
    return made


def concluded(made: Study) -> Findings:
    return conclude.conclude(made, MACHINE, "maso stress planted")
