"""Delegation: who may pass which authority to whom, how many rules that takes, and what checking it costs.

Standard is what a team does for a handful of agents: a rule for each pair (of running instances where the
fleet is deep, of agents where it is broad), a search of the live graph for every contract, and the signature
of every contract checked whenever it is used. The adaptations change each of the three.

Not measured here: whether a delegation is a good idea, and credentials (`identity`). What answers the
questions is in `stress/probes/delegation_words.py`.
"""

from typing import Final

from maso.contract import MAX_CHAIN_DEPTH
from maso.fleet.model import Fleet
from maso.stress.dimension import (
    Adaptation,
    Axis,
    Budget,
    Dimension,
    ListOf,
    Probe,
    Quantity,
    Question,
    Settings,
    limit,
)
from maso.stress.probes import (
    delegation_cedar,
    delegation_cost,
    delegation_paths,
    delegation_policy,
    delegation_seen,
    delegation_words,
)

POLICIES: Final = ("point-to-point", "role-based", "cluster-based")
CONTRACT: Final = ("T3-CONTRACT",)


def standard(fleet: Fleet) -> Settings:
    """What works for five agents, or for a handful of sessions."""
    policy = "per-instance" if fleet.kind == "depth" else "point-to-point"
    return (
        ("contract_verification", "every-use"),
        ("delegation_policy", policy),
        ("transitive_check", "per-request"),
    )


def _declares_none(fleet: Fleet) -> str:
    return "" if fleet.delegations else "the fleet declares no delegations"


def _audit(fleet: Fleet) -> Budget | None:
    return limit(fleet.target.audit_hours_max, "max", "target.audit_hours_max")


def _latency(fleet: Fleet) -> Budget | None:
    return limit(fleet.target.delegation_latency_ms_max, "max", "target.delegation_latency_ms_max")


def _rate(fleet: Fleet) -> Budget | None:
    return limit(fleet.workload.delegations_per_minute, "min", "workload.delegations_per_minute")


_COUNT: Final = Probe(
    id="policy",
    title="delegation rules",
    run=delegation_policy.count,
    adaptations=POLICIES,
    quantities=(
        Quantity(
            id="delegation_edges", title="pairs that may delegate as declared", unit="pairs", mark="measured",
            controls=("IA-2.3",), expected="linear", exact=True, per_rule=True,
        ),
        Quantity(
            id="policy_rules", title="delegation rules in force", unit="rules", mark="measured",
            controls=CONTRACT, expected="linear", exact=True, per_rule=True,
        ),
        Quantity(
            id="policy_audit_hours", title="hours to audit the delegation rules", unit="hours",
            mark="measured", controls=CONTRACT, expected="linear", exact=True, per_rule=True, budget=_audit,
            budget_key="target.audit_hours_max",
        ),
        Quantity(
            id="policy_members", title="agents whose role or cluster decides what they may delegate",
            unit="agents", mark="measured", controls=CONTRACT, expected="constant", exact=True,
        ),
        Quantity(
            id="delegation_keys", title="signing keys of agents that may delegate", unit="keys",
            mark="measured", controls=("IA-2.1",), expected="linear", exact=True,
        ),
    ),
)  # fmt: skip

_LOOK_UP: Final = Probe(
    id="look-up",
    title="asking the policy",
    run=delegation_policy.look_up,
    adaptations=POLICIES,
    applies=_declares_none,
    quantities=(
        Quantity(
            id="policy_lookup_us", title="one question to the policy", unit="µs", mark="measured",
            controls=CONTRACT, expected="constant",
        ),
    ),
)  # fmt: skip

_EXTRA: Final = Probe(
    id="given-away",
    title="what wider rules permit",
    run=delegation_policy.given_away,
    adaptations=POLICIES,
    quantities=(
        Quantity(
            id="policy_extra", title="permissions beyond the declared ones (source, target, action)",
            unit="permissions", mark="measured", controls=CONTRACT, expected="constant", exact=True,
        ),
        Quantity(
            id="policy_extra_across", title="permitted beyond the declared ones, across a barrier",
            unit="permissions",
            mark="measured", controls=CONTRACT, expected="constant", exact=True,
        ),
    ),
)  # fmt: skip

_OPEN_PATHS: Final = Probe(
    id="privilege-paths",
    title="transitive privilege paths",
    run=delegation_policy.count_paths,
    adaptations=POLICIES,
    quantities=(
        Quantity(
            id="privilege_paths", title="chains to a guarded action that their source may not have done",
            unit="paths", mark="measured", controls=("IA-2.3",), expected="constant", exact=True,
        ),
    ),
)  # fmt: skip

_CONTRACT_COST: Final = Probe(
    id="contract",
    title="signing, verifying and checking a delegation",
    run=delegation_cost.at_size,
    adaptations=("incremental-closure",),
    applies=_declares_none,
    quantities=(
        Quantity(
            id="contract_issue_us", title="signing one contract", unit="µs", mark="measured",
            controls=CONTRACT, expected="constant",
        ),
        Quantity(
            id="contract_verify_us", title="verifying one contract", unit="µs", mark="measured",
            controls=CONTRACT, expected="constant",
        ),
        Quantity(
            id="transitive_us", title="transitive check of one contract on the fleet's own graph", unit="µs",
            mark="measured", controls=("IA-2.3",), expected="linear",
        ),
        Quantity(
            id="delegation_latency_ms", title="one delegation: signed, verified, checked, kept", unit="ms",
            mark="measured", controls=("T3-CONTRACT", "IA-2.3"), expected="constant", budget=_latency,
            budget_key="target.delegation_latency_ms_max",
        ),
        Quantity(
            id="transitive_excess",
            title="reported within reach though the delegations have ended, at worst",
            unit="pairs", mark="measured", controls=("IA-2.3",), expected="constant",
        ),
    ),
)  # fmt: skip

_USE: Final = Probe(
    id="use",
    title="using a delegation",
    run=delegation_cost.use_at_size,
    adaptations=("incremental-closure", "contract-cache"),
    applies=_declares_none,
    quantities=(
        Quantity(
            id="contract_use_us", title="authority of one message under a contract", unit="µs",
            mark="measured", controls=("IA-2.3", "EC-2.6"), expected="constant",
        ),
        Quantity(
            id="delegations_per_minute",
            title="delegations a minute that one core sustains within the latency budget", unit="a minute",
            mark="measured", controls=("T3-CONTRACT", "EC-2.6"), expected="constant", budget=_rate,
            budget_key="workload.delegations_per_minute",
        ),
    ),
)  # fmt: skip

_CHAIN: Final = Probe(
    id="chain",
    title="chains of handoffs",
    run=delegation_cost.at_depth,
    adaptations=("contract-cache",),
    axis=Axis(
        id="handoffs", unit="handoffs", points=delegation_cost.chain_points,
        point_max=MAX_CHAIN_DEPTH,
    ),
    applies=_declares_none,
    quantities=(
        Quantity(
            id="chain_register_us", title="verifying the last contract of a chain", unit="µs",
            mark="measured", controls=CONTRACT, expected="linear",
        ),
        Quantity(
            id="chain_use_us", title="authority of one action at the end of a chain", unit="µs",
            mark="measured", controls=("IA-2.3", "EC-2.6"), expected="linear",
        ),
        Quantity(
            id="chain_altered_unnoticed", title="links altered in memory that the next use misses",
            unit="links", mark="measured", controls=CONTRACT, expected="constant", exact=True,
        ),
    ),
)  # fmt: skip

_GRAPH: Final = Probe(
    id="graph",
    title="the transitive check against the size of the graph",
    run=delegation_cost.at_edges,
    adaptations=("incremental-closure",),
    axis=Axis(id="edges", unit="edges", points=delegation_cost.edge_points, point_max=10_000),
    applies=_declares_none,
    quantities=(
        Quantity(
            id="transitive_edges_us", title="one delegation begins, one ends, one is checked", unit="µs",
            mark="measured", controls=("IA-2.3",), expected="linear",
        ),
    ),
)  # fmt: skip

_SEEN: Final = Probe(
    id="observed",
    title="delegation paths in use",
    run=delegation_seen.observe,
    at_target=True,
    applies=_declares_none,
    quantities=(
        Quantity(
            id="active_paths", title="pairs that delegated in the fleet's own workload", unit="pairs",
            mark="simulated", controls=("IA-2.3",), expected="linear",
        ),
        Quantity(
            id="observed_per_minute", title="delegations a minute of that workload", unit="a minute",
            mark="simulated", controls=CONTRACT, expected="linear",
        ),
    ),
)  # fmt: skip

_TRIED: Final = Probe(
    id="tried",
    title="transitive privilege paths, tried",
    run=delegation_paths.run,
    adaptations=POLICIES,
    at_target=True,
    applies=_declares_none,
    quantities=(
        Quantity(
            id="paths_open", title="transitive privilege paths at the target", unit="paths", mark="measured",
            controls=("IA-2.3",), expected="constant", exact=True,
        ),
        Quantity(
            id="paths_tried", title="transitive privilege paths that were tried",
            unit="paths", mark="measured", controls=("IA-2.3",),
            expected="constant", exact=True,
        ),
        Quantity(
            id="paths_succeeding", title="transitive privilege paths that were not stopped",
            unit="paths", mark="measured",
            controls=("IA-2.3", "T3-CONTRACT"), expected="constant", exact=True,
        ),
    ),
)  # fmt: skip

_CEDAR_AGREES: Final = Probe(
    id="cedar-agrees",
    title="the same rules in Cedar",
    run=delegation_cedar.agrees,
    at_target=True,
    applies=_declares_none,
    quantities=(
        Quantity(
            id="cedar_disagreements", title="questions that Cedar decides otherwise than the rule table",
            unit="questions", mark="measured", controls=(), expected="constant", exact=True,
        ),
    ),
)  # fmt: skip

_CEDAR: Final = Probe(
    id="cedar",
    title="Cedar against the number of rules",
    run=delegation_cedar.cost,
    axis=Axis(id="rules", unit="rules", points=delegation_cedar.rule_points, point_max=3_000),
    applies=_declares_none,
    quantities=(
        Quantity(
            id="cedar_us", title="one authorisation by Cedar, all policies in one set", unit="µs",
            mark="measured", controls=(), expected="linear",
        ),
        Quantity(
            id="cedar_sliced_us", title="the same, policies sliced by source", unit="µs", mark="measured",
            controls=(), expected="constant",
        ),
    ),
)  # fmt: skip

ADAPTATIONS: Final = (
    Adaptation(
        id="point-to-point",
        title="rules between agents as declared, not between running instances",
        settings=(("delegation_policy", "point-to-point"),),
        complexity="low",
        gives_up=delegation_words.policy_gives_up,
        cost=delegation_words.policy_cost("point-to-point"),
    ),
    Adaptation(
        id="role-based",
        title="rules between roles",
        settings=(("delegation_policy", "role-based"),),
        complexity="medium",
        gives_up=delegation_words.policy_gives_up,
        cost=delegation_words.policy_cost("role-based"),
    ),
    Adaptation(
        id="cluster-based",
        title="rules between clusters",
        settings=(("delegation_policy", "cluster-based"),),
        complexity="medium",
        gives_up=delegation_words.policy_gives_up,
        cost=delegation_words.policy_cost("cluster-based"),
    ),
    Adaptation(
        id="contract-cache",
        title="a contract's signature is verified once, when it is registered",
        settings=(("contract_verification", "cached"),),
        complexity="low",
        gives_up=delegation_words.cache_gives_up,
        cost=delegation_words.no_cost,
    ),
    Adaptation(
        id="incremental-closure",
        title="the closure of the delegation graph is kept, not searched for",
        settings=(("transitive_check", "incremental"),),
        complexity="low",
        gives_up=delegation_words.closure_gives_up,
        cost=delegation_words.no_cost,
    ),
)

DIMENSION: Final = Dimension(
    id="delegation",
    title="Delegation",
    seed_dimension=("F2",),
    about=(
        "Who may pass which authority to whom: the rules that say so, the contracts that do it, the paths by "
        "which privilege could leak through others, and what all of it costs as the fleet grows."
    ),
    probes=(
        _COUNT, _SEEN, _LOOK_UP, _CONTRACT_COST, _USE, _CHAIN, _GRAPH, _OPEN_PATHS, _TRIED, _EXTRA,
        _CEDAR_AGREES, _CEDAR,
    ),
    standard=standard,
    adaptations=ADAPTATIONS,
    questions=(
        Question(id="F2.1", answer=delegation_words.active),
        Question(id="F2.2", answer=delegation_words.in_time),
        Question(id="F2.3", answer=delegation_words.transitive),
        Question(id="F2.4", answer=delegation_words.when_to_move),
    ),
    controls=delegation_words.control_rows,
    decisions=delegation_words.decisions,
    right=delegation_words.RIGHT,
    costs=delegation_words.costs,
    attack_paths=delegation_words.attack_paths,
    lists=(
        ListOf(
            id="pairs-in-use", title="Who delegated to whom in the fleet's own workload", probe="observed",
            detail="pairs", columns=("source", "target", "contracts"),
        ),
        ListOf(
            id="privilege-paths", title="Transitive privilege paths, and what came of trying them",
            probe="tried", detail="paths", columns=("source", "action", "through", "outcome", "stopped by"),
            adverse=True,
        ),
        ListOf(
            id="extra-permissions", title="What the rules in force permit beyond the declared delegations",
            probe="given-away", detail="extra", columns=("source", "target", "actions", "crosses a barrier"),
            adverse=True,
        ),
    ),
    not_checked=(
        "whether a person reading the rules would find a mistake: only how long reading them takes",
        "influence by plain data instead of delegation: the endorsements of EC-2.6 answer for that",
        "network and queue time of a delegation: latency is CPU time of one core that is otherwise idle",
        "a policy written by hand in Cedar with conditions of its own: rules were translated one by one",
    ),
    order=20,
)  # fmt: skip
