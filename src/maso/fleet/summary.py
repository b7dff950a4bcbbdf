"""What a fleet file says, in figures: for `maso check`, on the screen and as JSON.

Everything here is *declared* in the file or follows from it by counting; nothing was run. Expected traffic
and cost follow from the journeys' shares and steps, and are marked as such.
"""

from typing import Any, NamedTuple

from maso.fleet.figures import (
    agent_count,
    judged_per_hour,
    judged_share,
    per_session,
    provider_counts,
    sessions_per_hour,
)
from maso.fleet.graph import Chain, Graph, communication_paths, links_by_kind, longest_chain, pairs_across
from maso.fleet.model import Action, AgentType, Budgets, Fleet, LabelSpec
from maso.fleet.warnings import Warning, warnings_of


class TypeRow(NamedTuple):
    """One agent type. `judged` is the share of everything else than the actions named in the file."""

    id: str
    cluster: str
    risk: str
    plane: str
    provider: str
    region: str
    clearance: str
    actions: int
    may_request: int
    judged: float
    budgets: str


class ActionRow(NamedTuple):
    """`who` are the types that may do it; `judged` the lowest share among them."""

    id: str
    port: str
    operation: str
    risk: str
    marks: tuple[str, ...]
    endorsed_by: tuple[str, ...]
    judged: float
    who: tuple[str, ...]


class ProviderRow(NamedTuple):
    id: str
    agents: int
    share: float
    control: int
    usd_per_million_input_tokens: float
    usd_per_million_output_tokens: float
    price_source: str


class CompartmentRow(NamedTuple):
    """`cleared` and `enters_by` name types and ports.

    `leaves_by` are the links and actions that shed it, and the external ports that it may be sent out by.
    """

    id: str
    barrier: bool
    about: str
    cleared: tuple[str, ...]
    enters_by: tuple[str, ...]
    leaves_by: tuple[str, ...]


class Traffic(NamedTuple):
    """Expected at the fleet's size: of a depth fleet from its journeys, of a breadth fleet from its rates."""

    messages_per_minute: float
    messages_per_minute_peak: float
    steps_per_session: float
    actions_per_minute: float
    judged_per_hour: float
    judge_usd_per_hour: float
    judge_all_usd_per_hour: float


class Summary(NamedTuple):
    fleet: str
    about: str
    kind: str
    tier: int
    size: int
    agents: int
    instances: int
    counts: dict[str, int]
    links_by_kind: dict[str, int]
    paths: int
    barrier_pairs_linked: int
    barrier_pairs: int
    chain: Chain
    types: tuple[TypeRow, ...]
    actions: tuple[ActionRow, ...]
    providers: tuple[ProviderRow, ...]
    compartments: tuple[CompartmentRow, ...]
    delegations: tuple[tuple[str, str, tuple[str, ...]], ...]
    budget_usd_per_day: float | None
    budget_steps: tuple[tuple[float, str, str], ...]
    shutdown: tuple[tuple[str, int], ...]
    traffic: Traffic
    warnings: tuple[Warning, ...]


def describe(fleet: Fleet) -> Summary:
    """The whole summary; half a second for 1,000 agents."""
    graph = Graph(fleet)
    linked, across = pairs_across(fleet)
    agents = agent_count(fleet)
    rules = fleet.governance
    return Summary(
        fleet=fleet.fleet,
        about=fleet.about,
        kind=fleet.kind,
        tier=fleet.tier,
        size=fleet.size,
        agents=len(fleet.types),
        instances=agents * fleet.size if fleet.kind == "depth" else agents,
        counts=_counts(fleet),
        links_by_kind=links_by_kind(fleet.links),
        paths=communication_paths(fleet),
        barrier_pairs_linked=linked,
        barrier_pairs=across,
        chain=longest_chain(graph),
        types=tuple(_type_row(t) for t in fleet.types),
        actions=tuple(_action_row(fleet, a) for a in fleet.actions),
        providers=_provider_rows(fleet, agents),
        compartments=tuple(_compartment_row(fleet, c.id, c.barrier, c.about) for c in fleet.compartments),
        delegations=tuple((d.from_, d.to, d.actions) for d in fleet.delegations),
        budget_usd_per_day=rules.budget_usd_per_day,
        budget_steps=tuple((s.share, s.step, s.owner) for s in rules.budget_steps),
        shutdown=tuple((s.stage, s.seconds_max) for s in fleet.shutdown),
        traffic=_traffic(fleet),
        warnings=warnings_of(fleet, graph),
    )


def as_json(summary: Summary) -> dict[str, Any]:
    """Plain data with names, for `--json`."""
    plain = summary._asdict()
    plain["chain"] = {**summary.chain._asdict(), "handoffs": summary.chain.handoffs}
    for key in ("types", "actions", "providers", "compartments", "warnings"):
        plain[key] = [row._asdict() for row in plain[key]]
    plain["delegations"] = [{"from": a, "to": b, "actions": c} for a, b, c in summary.delegations]
    plain["budget_steps"] = [{"share": a, "step": b, "owner": c} for a, b, c in summary.budget_steps]
    plain["shutdown"] = [{"stage": a, "seconds_max": b} for a, b in summary.shutdown]
    plain["traffic"] = summary.traffic._asdict()
    return plain


def _counts(fleet: Fleet) -> dict[str, int]:
    sections = (
        "types", "links", "delegations", "actions", "ports", "schemas", "providers", "regions", "clusters",
        "compartments", "dependencies", "components",
    )  # fmt: skip
    counts = {section: len(getattr(fleet, section)) for section in sections}
    counts["barriers"] = sum(c.barrier for c in fleet.compartments)
    counts["journeys"] = len(fleet.workload.journeys)
    return counts


def label_words(label: LabelSpec) -> str:
    return label.level + (f" {{{', '.join(label.compartments)}}}" if label.compartments else "")


def _budget_words(b: Budgets) -> str:
    parts = [f"{value:g} {unit}" for value, unit in ((b.turns, "turns"), (b.tokens, "tokens")) if value]
    if b.usd is not None:
        parts.append(f"${b.usd:g}")
    return ", ".join(parts) or "none"


def _type_row(agent: AgentType) -> TypeRow:
    return TypeRow(
        id=agent.id,
        cluster=agent.cluster,
        risk=agent.risk,
        plane=agent.plane,
        provider=agent.provider or "",
        region=agent.region or "",
        clearance=label_words(agent.clearance),
        actions=len(agent.actions),
        may_request=len(agent.may_request),
        judged=agent.judge,
        budgets=_budget_words(agent.budgets),
    )


def _action_row(fleet: Fleet, action: Action) -> ActionRow:
    who = [t for t in fleet.types if action.id in t.actions]
    marks = ("irreversible", "privileged", "needs_contract")
    endorsers = [e for argument in action.arguments.values() for e in argument.endorsed_by]
    return ActionRow(
        id=action.id,
        port=action.port,
        operation=action.operation,
        risk=action.risk,
        marks=tuple(m for m in marks if getattr(action, m)),
        endorsed_by=tuple(e for e in ("customer", "facts", "person") if e in endorsers),
        judged=min((judged_share(fleet, t, action) for t in who), default=action.judge),
        who=tuple(t.id for t in who),
    )


def _provider_rows(fleet: Fleet, agents: int) -> tuple[ProviderRow, ...]:
    counts = provider_counts(fleet)
    control = {
        p.id: sum(t.provider == p.id and t.plane == "control" for t in fleet.types) for p in fleet.providers
    }
    return tuple(
        ProviderRow(
            id=p.id,
            agents=counts[p.id],
            share=counts[p.id] / agents if agents else 0.0,
            control=control[p.id],
            usd_per_million_input_tokens=p.usd_per_million_input_tokens,
            usd_per_million_output_tokens=p.usd_per_million_output_tokens,
            price_source=p.price_source,
        )
        for p in fleet.providers
    )


def _compartment_row(fleet: Fleet, name: str, barrier: bool, about: str) -> CompartmentRow:
    sheds = [f"{x.from_} > {x.to}" for x in fleet.links if name in x.declassify]
    sheds += [a.id for a in fleet.actions if name in a.declassify]
    done = {action for t in fleet.types if name in t.clearance.compartments for action in t.actions}
    used = {a.port for a in fleet.actions if a.id in done}
    outside = (p for p in fleet.ports if p.external and name in p.clearance.compartments)
    sheds += [f"{p.id} (outside)" for p in outside if p.id in used]
    return CompartmentRow(
        id=name,
        barrier=barrier,
        about=about,
        cleared=tuple(t.id for t in fleet.types if name in t.clearance.compartments),
        enters_by=tuple(p.id for p in fleet.ports if name in p.label.compartments),
        leaves_by=tuple(sheds),
    )


def _traffic(fleet: Fleet) -> Traffic:
    agents = {t.id for t in fleet.types}
    hourly = sessions_per_hour(fleet)
    steps = per_session(fleet, lambda s: float(s.from_ in agents))
    actions = per_session(fleet, lambda s: float(s.action is not None))
    judged = judged_per_hour(fleet)
    # The size of a depth fleet is its peak already; a breadth fleet's rate is the norm.
    rate = fleet.workload.messages_per_agent_minute or 0.0
    messages, peak = steps * hourly / 60, 1.0
    if fleet.kind == "breadth":
        messages, peak = rate * len(agents), fleet.workload.peak_factor
    return Traffic(
        messages_per_minute=round(messages, 1),
        messages_per_minute_peak=round(messages * peak, 1),
        steps_per_session=round(steps, 2),
        actions_per_minute=round(actions * hourly / 60, 1),
        judged_per_hour=round(judged, 1),
        judge_usd_per_hour=round(judged * fleet.judge.usd_per_call, 2),
        judge_all_usd_per_hour=round(actions * hourly * fleet.judge.usd_per_call, 2),
    )
