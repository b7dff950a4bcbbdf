"""What a delegation costs: to sign, to verify, to check for transitive paths, to use.

Everything is CPU time of the real plane. At a fleet's size the live graph holds every delegation that it
declares; against the depth of a chain and the number of edges the graph is made for the purpose, with the
trial's own settings, since no fleet has every depth and every size of graph.

*A delegation* is: the source signs the contract, the plane verifies it, checks the graph, writes the record
and puts it in force. One *use* is the question of authority for one message sent under it.
"""

from collections.abc import Callable
from typing import Any, Final, NamedTuple

import msgspec

from maso.contract import MAX_CHAIN_DEPTH, DelegationContract, encode_contract, sign_contract
from maso.controls.delegation import REBUILD_AFTER_ENDED_MIN, DelegationGraph, SearchedGraph
from maso.fleet.model import Action, AgentType, Controls, Delegation, FieldSpec, Fleet, Port, Schema
from maso.plane.events import RegisterContract
from maso.streams import Stream, stream
from maso.stress.dimension import Outcome, Trial
from maso.stress.probes.delegation_stage import SESSION_TYPES_MAX, Stage
from maso.stress.timing import cpu_us_each

# Contracts timed at one point: 60 signatures and as many checks are some 10 ms, the spread of their mean
# below a hundredth.
CONTRACTS: Final = 60
CONTRACTS_QUICK: Final = 30
# Searching 10,000 edges takes a third of a millisecond: fewer questions where there are more edges. Of a
# kept closure many are asked, so that the rebuilds that endings cause are in the figure.
SEARCHES_MIN: Final = 60
EDGES_SEARCHED: Final = 600_000
CHECKS_KEPT: Final = 5_000
# A check takes half a microsecond: so many passes that the clock sees it.
CHECK_PASSES: Final = 20
# Ten delegations an agent: the degree at which 1,000 agents have the 10,000 edges that F2 reckons with.
EDGES_PER_NODE: Final = 10
NODES_MIN: Final = 20
# A graph of the experiment has as many guarded actions as a machine word has bits.
ACTIONS: Final = 64
USES: Final = 200
# Sessions that stand around a delegation of a depth fleet: 9,000 instances of three types are more than a
# core's own caches hold, and more of them change nothing but the time it takes to make them.
SESSIONS_AROUND_MAX: Final = 3_000


class Cost(NamedTuple):
    """Microseconds of one delegation's parts."""

    issue: float
    verify: float
    register: float
    transitive: float


# At the fleet's size.


def at_size(trial: Trial) -> Outcome:
    """A delegation of this fleet, on a graph of all that it declares."""
    pairs = _sample(trial)
    if not pairs:
        return Outcome(values={})
    stage, made = _staged(trial, pairs)
    cost = _cost(stage, made, 3 if trial.quick else 5)
    return Outcome(
        values={
            "contract_issue_us": cost.issue,
            "contract_verify_us": cost.verify,
            "transitive_us": cost.transitive,
            "delegation_latency_ms": (cost.issue + cost.register) / 1_000,
            "transitive_excess": float(_excess(trial, stage)),
        },
        details={"edges": stage.plane.contracts.graph.edges},
    )


def _excess(trial: Trial, stage: Stage) -> int:
    """(agent, action) that the graph says are within reach although no live delegation leads there.

    Counted when as many delegations have ended as may end before a rebuild: the worst moment.
    """
    kinds = stage.rules.types
    power = tuple(kind.executes for kind in kinds)
    kept: DelegationGraph | SearchedGraph
    if trial.fleet.controls.transitive_check == "per-request":
        kept = SearchedGraph(power)
    else:
        kept = DelegationGraph(tuple(kind.authority for kind in kinds), power)
    true = SearchedGraph(power)
    edges = [(source.index, target) for source in kinds for target in source.delegates]
    for edge in edges:
        kept.add(*edge)
        true.add(*edge)
    draw = stream(trial.seed, "delegation/endings")
    for _ in range(min(len(edges), max(REBUILD_AFTER_ENDED_MIN, len(edges) // 4))):
        edge = edges.pop(draw.below(len(edges)))
        kept.remove(*edge)
        true.remove(*edge)
    return sum((kept.reached(i) & ~true.reached(i)).bit_count() for i in range(len(kinds)))


def use_at_size(trial: Trial) -> Outcome:
    """One use of a contract, and how many delegations of one use a core sustains."""
    pairs = _sample(trial)
    if not pairs:
        return Outcome(values={})
    stage, made = _staged(trial, pairs)
    cost = _cost(stage, made, 3 if trial.quick else 5)
    use = _use_us(stage, trial)
    values = {} if use is None else {"contract_use_us": use}
    latency_ms = trial.fleet.target.delegation_latency_ms_max
    service = cost.issue + cost.register + (use or 0.0)
    values["delegations_per_minute"] = sustained_per_minute(service, latency_ms)
    return Outcome(values=values)


def sustained_per_minute(service_us: float, latency_ms: float | None) -> float:
    """Delegations a minute of one core whose mean time, waiting included, stays within the budget.

    Pollaczek-Khinchine for random arrivals and constant service: the wait is rho s / (2 (1 - rho)), so the
    load at which wait and service fill the budget is rho = 2 (L - s) / (2 L - s). Without a budget: the
    rate at which the core is never idle.
    """
    if latency_ms is None:
        return 60e6 / service_us
    budget_us = latency_ms * 1_000
    if service_us >= budget_us:
        return 0.0
    load = 2 * (budget_us - service_us) / (2 * budget_us - service_us)
    return load * 60e6 / service_us


def _sample(trial: Trial) -> list[Delegation]:
    """Declared delegations to time: spread over the list, no more types than a session of a probe holds."""
    distinct = list({(d.from_, d.to): d for d in trial.fleet.delegations}.values())
    step = max(1, len(distinct) // (SESSION_TYPES_MAX // 2))
    return distinct[::step][: SESSION_TYPES_MAX // 2]


def _staged(
    trial: Trial, pairs: list[Delegation]
) -> tuple[Stage, list[tuple[DelegationContract, DelegationContract]]]:
    """A stage with contracts to time, (unsigned, signed)."""
    stage = Stage(trial.fleet, trial.seed)
    stage.fill()
    if trial.fleet.kind == "depth":
        stage.crowd(min(trial.fleet.size, SESSIONS_AROUND_MAX))
    names = [name for d in pairs for name in (d.from_, d.to)]
    nhi = stage.session(1, tuple(names))
    made = []
    for i in range(CONTRACTS_QUICK if trial.quick else CONTRACTS):
        d = pairs[i % len(pairs)]
        permits = sum(stage.rules.action_by_id[a].bit for a in d.actions)
        bare = stage.contract(nhi[d.from_], nhi[d.to], permits)
        made.append((bare, sign_contract(bare, stage.seed_of(bare.source))))
    return stage, made


def _cost(stage: Stage, made: list[tuple[DelegationContract, DelegationContract]], repetitions: int) -> Cost:
    """Raises ValueError where the plane refuses a contract that the fleet declares."""
    contracts, plane, now = stage.plane.contracts, stage.plane, stage.now
    bare = [one for one, _ in made]
    signed = [two for _, two in made]
    wires = [encode_contract(contract) for contract in signed]
    for contract in signed:
        code = stage.register(contract, 0)
        if code:
            raise ValueError(f"a declared delegation was refused: {code}")

    def issue(contract: DelegationContract) -> bytes:
        return encode_contract(sign_contract(contract, stage.seed_of(contract.source)))

    graph = contracts.graph
    edges = [(_type(stage, c.source), _type(stage, c.target)) for c in signed]

    def check(item: tuple[DelegationContract, tuple[int, int]]) -> None:
        contracts.transitive(item[0])
        graph.add(*item[1])
        graph.remove(*item[1])

    return Cost(
        cpu_us_each(issue, bare, repetitions),
        cpu_us_each(lambda wire: contracts.verify(wire, now), wires, repetitions),
        cpu_us_each(lambda wire: plane.handle(RegisterContract(0, wire), now), wires, repetitions),
        cpu_us_each(check, list(zip(signed, edges, strict=True)) * CHECK_PASSES, repetitions),
    )


def _type(stage: Stage, nhi: int) -> int:
    return stage.actors[nhi].rules.index


def _use_us(stage: Stage, trial: Trial) -> float | None:
    """CPU of the question of authority for an action under a contract; None where no target may act."""
    fleet = trial.fleet
    executes = {agent.id: set(agent.actions) for agent in fleet.types}
    for d in fleet.delegations:
        for name in d.actions:
            if name in executes[d.to]:
                nhi = stage.session(2, (d.from_, d.to))
                bit = stage.rules.action_by_id[name].bit
                contract = stage.signed(nhi[d.from_], nhi[d.to], bit)
                stage.register(contract, stage.channel())
                return _asked_us(stage, nhi[d.to], name, contract.id, 3 if trial.quick else 5)
    return None


def _asked_us(stage: Stage, who: int, action: str, contract: int, repetitions: int) -> float:
    wire = stage.action_wire(who, stage.rules.action_by_id[action].number, contract)
    message, steps = stage.authority_steps(wire)

    def ask(_: object) -> None:
        for step in steps:
            if step(message) is not None:
                raise ValueError("the contract of the experiment was refused at use")

    return cpu_us_each(ask, range(USES), repetitions)


# Against the depth of the chain.


def chain_points(_fleet: Fleet, _quick: bool) -> tuple[int, ...]:
    return tuple(range(1, MAX_CHAIN_DEPTH + 1))


def line_fleet(links: int, controls: Controls) -> Fleet:
    """Agents in a row: each may pass one action on to the next; the last one executes it."""
    action = Action(id="settle", port="ledger", schema="note", privileged=True)
    agents = [AgentType(id=f"a{i}", may_request=("settle",)) for i in range(links)]
    agents.append(AgentType(id=f"a{links}", actions=("settle",)))
    passed = [Delegation(from_=f"a{i}", to=f"a{i + 1}", actions=("settle",)) for i in range(links)]
    return Fleet(
        fleet="line",
        kind="depth",
        schemas=(Schema(id="note", fields={"ok": FieldSpec(type="bool")}),),
        ports=(Port(id="ledger", source=None),),
        actions=(action,),
        types=tuple(agents),
        links=(),
        delegations=tuple(passed),
        controls=controls,
    )


def at_depth(trial: Trial) -> Outcome:
    """A chain of `at` handoffs: its last contract registered, and used; then each link altered in memory."""
    links = trial.at
    stage = Stage(line_fleet(links, trial.fleet.controls), trial.seed)
    nhi = stage.session(1, tuple(agent.id for agent in stage.fleet.types))
    bit = stage.rules.action_by_id["settle"].bit
    parent = 0
    chain: list[DelegationContract] = []
    for i in range(links):
        contract = stage.signed(nhi[f"a{i}"], nhi[f"a{i + 1}"], bit, parent)
        code = stage.register(contract, stage.channel())
        if code:
            raise ValueError(f"link {i + 1} of a chain was refused: {code}")
        chain.append(contract)
        parent = contract.id
    # The last handoff again and again, each with a nonce of its own: signing is not timed here.
    above = chain[-2].id if links > 1 else 0
    ends = nhi[f"a{links - 1}"], nhi[f"a{links}"]
    wires = [encode_contract(stage.signed(*ends, bit, above)) for _ in range(20)]
    repetitions = 5 if trial.quick else 9

    def register(wire: bytes) -> None:
        stage.plane.handle(RegisterContract(0, wire), stage.now)

    values = {
        "chain_register_us": cpu_us_each(register, wires, repetitions),
        "chain_use_us": _asked_us(stage, nhi[f"a{links}"], "settle", parent, repetitions),
        "chain_altered_unnoticed": float(_unnoticed(stage, chain, nhi[f"a{links}"])),
    }
    return Outcome(values=values)


def _unnoticed(stage: Stage, chain: list[DelegationContract], doer: int) -> int:
    """How many links of the chain can be altered in the plane's memory without the next use failing."""
    held = stage.plane.state.sessions[1].contracts
    assert held is not None
    action = stage.rules.action_by_id["settle"].number
    message, steps = stage.authority_steps(stage.action_wire(doer, action, chain[-1].id))
    missed = 0
    for contract in chain:
        state = held[contract.id]
        state.contract = msgspec.structs.replace(contract, not_after=contract.not_after + 1)
        missed += all(step(message) is None for step in steps)
        state.contract = contract
    return missed


# Against the edges of the graph.


def edge_points(_fleet: Fleet, _quick: bool) -> tuple[int, ...]:
    return (100, 300, 1_000, 3_000, 10_000)


def at_edges(trial: Trial) -> Outcome:
    """Delegations that come and go on a random graph of `at` edges: one check, one ends, one begins."""
    edges = trial.at
    draw = stream(trial.seed, "delegation/edges")
    nodes = max(NODES_MIN, edges // EDGES_PER_NODE)
    power = tuple(1 << (i % ACTIONS) for i in range(nodes))
    authority = tuple(draw.bits(ACTIONS) for _ in range(nodes))
    per_request = trial.fleet.controls.transitive_check == "per-request"
    graph: Any = SearchedGraph(power) if per_request else DelegationGraph(authority, power)
    live: list[tuple[int, int]] = []
    while len(live) < edges:
        live.append(_edge(nodes, draw))
        graph.add(*live[-1])
    checks = max(SEARCHES_MIN, EDGES_SEARCHED // edges) if per_request else CHECKS_KEPT
    plan = [(draw.below(edges), _edge(nodes, draw)) for _ in range(checks)]
    us = cpu_us_each(_churn(graph, live), plan, 1)
    return Outcome(values={"transitive_edges_us": us}, details={"nodes": nodes})


def _edge(nodes: int, draw: Stream) -> tuple[int, int]:
    return draw.below(nodes), draw.below(nodes)


def _churn(graph: Any, edges: list[tuple[int, int]]) -> Callable[[tuple[int, tuple[int, int]]], None]:
    def once(step: tuple[int, tuple[int, int]]) -> None:
        place, edge = step
        graph.remove(*edges[place])
        graph.reached(edge[1])
        graph.add(*edge)
        edges[place] = edge

    return once
