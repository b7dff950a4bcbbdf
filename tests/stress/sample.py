"""Findings made by hand for the tests of the sign-off: what can be accepted, and some that cannot.

Small on purpose, and nothing here was measured.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

from maso.findings import (
    AnswerFinding,
    AttackPath,
    BreakpointFinding,
    BudgetFinding,
    DecisionFinding,
    DimensionFinding,
    Findings,
    FleetFinding,
    Machine,
    QuantityFinding,
    encode,
)
from maso.fleet.load import load_file
from maso.stress.engine.job import fleet_file_digest


def quantity(name: str, found: BreakpointFinding | None, reaches: bool | None = None) -> QuantityFinding:
    return QuantityFinding(
        id=name,
        title=name.replace("-", " "),
        unit="rules",
        mark="measured",
        axis_unit="agents",
        budget=BudgetFinding(value=100, direction="max", key="target.audit_hours_max"),
        breakpoint=found,
        target=100,
        reaches_target=reaches,
    )


def dimension() -> DimensionFinding:
    return DimensionFinding(
        id="delegation",
        title="Delegation",
        seed_dimension=("F2",),
        about="who may pass what on",
        quantities=(
            quantity("rules", BreakpointFinding(low=23.4, high=25, kind="measured"), False),
            quantity("audit", BreakpointFinding(low=1990, high=2110, kind="extrapolated", factor=2), True),
            quantity("noisy", BreakpointFinding(low=None, high=None, kind="unresolved", why="noise")),
            quantity("holds", BreakpointFinding(low=None, high=None, kind="none"), True),
            quantity("unbudgeted", None),
        ),
        adaptations=(),
        recommended=("clusters",),
        recommended_quantities=(quantity("rules", BreakpointFinding(low=400, high=440, kind="measured")),),
    )


def answer(question: str, status: str, key: str = "") -> AnswerFinding:
    return AnswerFinding(
        question=question, asked=f"what of {question}?", dimension="delegation",
        status=status, value=None, unit="", text="", key=key,  # type: ignore[arg-type]
    )  # fmt: skip


def sample(about: str = "", fleet_sha256: str = "0" * 64) -> Findings:
    """`about` changes the digest of the findings and nothing else."""
    return Findings(
        maso_version="0.1.0",
        schema_version="1.1",
        fleet=FleetFinding(
            name="fleet-100", sha256=fleet_sha256, kind="breadth", target=100, unit="agents", about=about
        ),
        machine=Machine(cpu="a processor", cores=2, memory_gb=4, system="Linux", python="3.11"),
        seeds=(1, 2),
        dimensions=(dimension(),),
        answers=(answer("F2.1", "measured"), answer("F2.4", "missing", "governance.audit_rules_per_hour")),
        controls=(),
        decisions=(
            DecisionFinding(
                id="clusters",
                what="delegate by cluster",
                why="pairs grow",
                who="the CISO",
                cost="3 weeks",
            ),
        ),
        attack_paths=(
            AttackPath(id="launder", steps=("a", "b"), reaches="payment", outcome="succeeds"),
            AttackPath(id="blocked", steps=("a",), reaches="orders", outcome="stopped"),
        ),
        costs=(),
        not_checked=(),
        quick=False,
        command="maso stress fleet-100",
        cpu_seconds=1.0,
        runs=10,
        cached_runs=0,
    )


ITEMS = ("delegation/rules", "delegation/audit", "delegation/noisy", "clusters", "F2.4", "launder")


@cache
def _fleet() -> tuple[bytes, str]:
    """The text of a fleet file that names a risk owner, and its digest as findings have it."""
    file, text = load_file("fleet-100")
    return text.encode(), fleet_file_digest(file)


def stress_directory(path: Path, about: str = "") -> Path:
    """What a stress run leaves behind, as far as a sign-off cares."""
    path.mkdir(parents=True, exist_ok=True)
    text, digest = _fleet()
    (path / "fleet.yaml").write_bytes(text)
    (path / "findings.json").write_bytes(encode(sample(about, digest)))
    return path
