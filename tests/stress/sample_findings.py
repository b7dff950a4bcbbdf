"""Findings made up for the tests of the report: the shapes are real, no figure in them was measured.

The fleet is called `sample`, and each text that would be taken for a result says that it is one of a sample.
"""

from maso.findings import (
    AdaptationFinding,
    AnswerFinding,
    AttackPath,
    BeforeAfter,
    BreakpointFinding,
    BudgetFinding,
    ControlFinding,
    ControlRow,
    CostFinding,
    DecisionFinding,
    DimensionFinding,
    Findings,
    FleetFinding,
    GrowthFinding,
    ListFinding,
    Machine,
    Point,
    QuantityFinding,
    ScalingFinding,
)

SIZES = (5, 10, 25, 50, 100, 200, 400)
SEEDS = (1, 2, 3)
TARGET = 400


def points(value, sizes=SIZES, seeds=SEEDS, noise=0.04):
    """`value(size)` with a fixed spread over seeds."""
    return tuple(
        Point(size=size, seed=seed, value=value(size) * (1 + noise * (seed - 2)), run=f"sample-{size}-{seed}")
        for size in sizes
        for seed in seeds
    )


def scaling(name, exponent, value, expected=None, upto=TARGET * 2, candidates=()):
    curve = tuple((float(s), float(value(s))) for s in (5, 10, 20, 40, 80, 160, 320, 400, upto))
    return ScalingFinding(
        scaling_class=name,
        exponent=exponent,
        low=exponent - 0.06,
        high=exponent + 0.05,
        expected=expected or name,
        candidates=candidates,
        curve=curve,
    )


def breaks(low, high, kind="measured", **more):
    return BreakpointFinding(low=low, high=high, kind=kind, runs=("sample-100-1", "sample-200-1"), **more)


NO_BREAK = BreakpointFinding(low=None, high=None, kind="none")


def rules(value, name, exponent, found, reached):
    return QuantityFinding(
        id="audit_hours",
        title="Hours a person needs to audit the rules",
        unit="hours",
        mark="measured",
        exact=True,
        axis_unit="agents",
        controls=("IA-2.3",),
        points=points(value, seeds=(1,)),
        scaling=scaling(name, exponent, value),
        budget=BudgetFinding(value=40.0, direction="max", key="target.audit_hours_max"),
        breakpoint=found,
        growth=(
            GrowthFinding(rule="hub", against="size", scaling=scaling("linear", 1.0, value)),
            GrowthFinding(rule="hub", against="edges", scaling=scaling("quadratic", 1.9, value)),
        ),
        target=TARGET,
        reaches_target=reached,
    )


def rate(value, found, reached):
    return QuantityFinding(
        id="delegations_per_minute",
        title="Delegations a minute within the latency budget",
        unit="per minute",
        mark="simulated",
        axis_unit="agents",
        controls=("IA-2.3", "T3-CONTRACT"),
        points=points(value),
        scaling=scaling("linear", -0.9, value, expected="logarithmic"),
        budget=BudgetFinding(value=600.0, direction="min", key="workload.delegations_per_minute"),
        breakpoint=found,
        target=TARGET,
        reaches_target=reached,
    )


def dlp(value, found, reached):
    return QuantityFinding(
        id="scan_us",
        title="CPU of scanning a message",
        unit="µs",
        mark="measured",
        axis="rules",
        axis_unit="rules",
        controls=("DP-2.1",),
        points=points(value, sizes=(10, 100, 1000, 5000)),
        scaling=scaling("linear", 0.95, value, upto=5000),
        budget=BudgetFinding(value=50.0, direction="max", key="target.latency_ms_max"),
        breakpoint=found,
        target=200,
        reaches_target=reached,
    )


UNBUDGETED = QuantityFinding(
    id="blast_radius",
    title="Tools that a compromised agent could use",
    unit="tools",
    mark="declared",
    axis_unit="agents",
    controls=("IA-2.1",),
    points=points(lambda size: 3.0, sizes=(TARGET,), seeds=(1,)),
    budget_key="target.blast_radius_share_max",
)

OPEN = QuantityFinding(
    id="closure_us",
    title="CPU of a transitive check",
    unit="µs",
    mark="measured",
    axis_unit="agents",
    controls=("IA-2.3",),
    points=points(lambda size: 10.0 + size % 7, noise=0.3),
    scaling=scaling("unresolved", 0.2, lambda size: 12.0, candidates=("constant", "logarithmic")),
    budget=BudgetFinding(value=14.0, direction="max", key="target.delegation_latency_ms_max"),
    breakpoint=BreakpointFinding(low=20, high=390, kind="unresolved", why="the noise is wider than the gap"),
    target=TARGET,
)


def audit_before():
    return rules(lambda n: n * n / 900, "quadratic", 2.0, breaks(181, 196), False)


def audit_after():
    return rules(lambda n: n / 40, "linear", 1.0, breaks(1600, 1700, "extrapolated", factor=4.2), True)


def rate_quantity():
    return rate(lambda n: 90000 / n, breaks(144, 158), False)


def adaptations():
    after = audit_after()
    clusters = AdaptationFinding(
        id="cluster-based",
        title="Cluster-based delegation",
        settings={"delegation_policy": "cluster-based"},
        quantities_after=(after,),
        cost_usd_month=None,
        cost_basis="a sample: no price is declared",
        complexity="medium",
        gives_up="a sample: 12% of the pairs that a rule permits do not need it",
        recommended=True,
        in_force=False,
        before_after=(
            BeforeAfter(
                quantity="audit_hours",
                unit="hours",
                value_before=177.0,
                value_after=10.0,
                breakpoint_before=breaks(181, 196),
                breakpoint_after=after.breakpoint,
            ),
        ),
    )
    believed = AdaptationFinding(
        id="declared-labels",
        title="Believe the sender's label",
        settings={"label_propagation": "declared"},
        quantities_after=(rate(lambda n: 120000 / n, breaks(190, 205), False),),
        cost_usd_month=0.0,
        cost_basis="a sample",
        complexity="low",
        gives_up="a sample: what was derived loses its label",
        recommended=False,
        in_force=False,
        forbidden="labels only rise",
    )
    return clusters, believed


PATHS = ListFinding(
    id="transitive",
    title="Transitive privilege paths",
    columns=("who", "reaches", "through"),
    rows=tuple((f"desk-{n}", "settle", f"desk-{n + 1} > desk-{n + 2}") for n in range(9)),
    total=11,
    run="sample-400-1",
    adverse=True,
)

CONTROL_ROWS = (
    ControlRow(
        id="IA-2.3",
        name="No transitive permissions",
        designed_for="a graph of twenty edges",
        strained_by="the cost of a search grows with depth",
        verdict="adapts",
        why="a sample: it holds once rules name clusters",
    ),
)


def delegation():
    return DimensionFinding(
        id="delegation",
        title="Delegation graph",
        seed_dimension=("F2",),
        about="A sample: who may pass which authority to whom, and what it takes to check that.",
        quantities=(audit_before(), rate_quantity(), OPEN, UNBUDGETED),
        adaptations=adaptations(),
        standard={"delegation_policy": "point-to-point"},
        recommended=("cluster-based",),
        reaches_target=False,
        controls=CONTROL_ROWS,
        lists=(PATHS,),
        not_checked=("a sample: delegations that are made and never used",),
    )


def boundaries():
    return DimensionFinding(
        id="data-boundaries",
        title="Data boundaries",
        seed_dimension=("F6",),
        about="A sample: barriers, labels and scanning.",
        quantities=(dlp(lambda n: 2 + n / 100, breaks(4700, 4900), True),),
        adaptations=(),
    )


def skipped():
    return DimensionFinding(
        id="card-data",
        title="Card data",
        seed_dimension=("E5",),
        about="A sample: cardholder data and where it was.",
        quantities=(),
        adaptations=(),
        skipped="no compartment of this fleet holds cardholder data",
    )


ANSWERS = (
    AnswerFinding(
        question="F2.1",
        asked="How many delegation paths are there?",
        dimension="delegation",
        status="measured",
        value=11.0,
        unit="paths",
        text="A sample: 11 paths are there, 9 of them are listed.",
        evidence=("audit_hours", "delegation/transitive", "sample-400-1"),
    ),
    AnswerFinding(
        question="F2.4",
        asked="At what count must policies become role-based?",
        dimension="delegation",
        status="missing",
        value=None,
        unit="",
        text="A sample: the fleet file declares no rate of auditing.",
        key="governance.audit_rules_per_hour",
    ),
    AnswerFinding(
        question="F6.1",
        asked="How many barriers are required?",
        dimension="data-boundaries",
        status="declared",
        value="ten",
        unit="barriers",
        text="A sample: the fleet file declares ten.",
    ),
    AnswerFinding(
        question="F8.1",
        asked="Were compound attacks tested?",
        dimension="",
        status="not_checked",
        value=None,
        unit="",
        text="A sample: no dimension measures this yet.",
    ),
)

CONTROLS = (
    ControlFinding(
        id="IA-2.3",
        name="No transitive permissions",
        verdict="adapts",
        why="a sample",
        quantities=("delegation/audit_hours", "delegation/closure_us"),
    ),
    ControlFinding(
        id="DP-2.1",
        name="DLP on the bus",
        verdict="holds",
        why="a sample",
        quantities=("data-boundaries/scan_us",),
    ),
    ControlFinding(
        id="T3-CONTRACT", name="Delegation contracts", verdict="breaks", why="a sample",
        quantities=("delegation/delegations_per_minute",),
    ),
    ControlFinding(id="OB-2.1", name="Anomaly scoring", verdict="not_measured", why="no dimension yet"),
)  # fmt: skip


def sample(**changed):
    """A whole run; `changed` replaces fields of `Findings`."""
    given = {
        "maso_version": "0.0.0",
        "schema_version": "1.1",
        "fleet": FleetFinding(
            name="sample", sha256="5a" * 32, kind="breadth", target=TARGET, unit="agents", about="a sample"
        ),
        "machine": Machine(cpu="a sample CPU", cores=2, memory_gb=4.0, system="Linux", python="3.11"),
        "seeds": SEEDS,
        "dimensions": (delegation(), boundaries(), skipped()),
        "answers": ANSWERS,
        "controls": CONTROLS,
        "decisions": (
            DecisionFinding(
                id="delegation-model",
                what="Whether rules may name clusters",
                why="a sample: audits take 177 hours",
                who="the risk owner",
                cost="40 hours of work",
                dimension="delegation",
            ),
            DecisionFinding(
                id="audit-rate",
                what="How many hours an audit may take",
                why="a sample: nobody declared it",
                who="nobody: declare governance.decision_rights",
                cost="",
                dimension="",
            ),
        ),
        "attack_paths": (
            AttackPath(
                id="launder",
                steps=("inject into desk-1", "delegate to desk-2", "settle"),
                reaches="settle",
                outcome="stopped",
                stopped_by="IA-2.3",
                dimension="delegation",
            ),
            AttackPath(id="wander", steps=("ask", "get"), reaches="a tool", outcome="succeeds"),
        ),
        "costs": (
            CostFinding(
                id="audit", what="Auditing the rules", usd_month=13250.0, mark="declared", basis="a sample",
                dimension="delegation",
            ),
            CostFinding(id="bus", what="A bus for each barrier", usd_month=None, mark="declared", basis="-"),
            CostFinding(id="cpu", what="CPU", usd_month=0.004, mark="simulated", basis="a sample"),
        ),
        "not_checked": ("a sample: anything over a network",),
        "quick": True,
        "command": "maso stress sample.yaml --quick",
        "cpu_seconds": 12.5,
        "runs": 140,
        "cached_runs": 7,
    }  # fmt: skip
    return Findings(**{**given, **changed})


SIGNATURE = {
    "name": "Sample Person",
    "role": "risk-owner",
    "signed_at": "2026-01-02T03:04:05Z",
    "findings_sha256": "",
    "accepted": [
        {"id": "delegation/audit_hours", "condition": "until clusters are in force", "expires": "2026-06-30"}
    ],
    "valid": True,
}
