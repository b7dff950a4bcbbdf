"""What was measured about delegation, in words: answers, controls, decisions, costs, attack paths.

Every figure comes from the view; where it has none, the text says which key of the fleet file would give it.
"""

from collections.abc import Callable
from typing import Final

from maso.findings import (
    AnswerFinding,
    AttackPath,
    BreakpointFinding,
    ControlRow,
    CostFinding,
    DecisionFinding,
    Verdict,
)
from maso.stress.dimension import View
from maso.stress.saying import answer, count, number, price_of_hours, who_decides

DIMENSION_ID: Final = "delegation"
RIGHT: Final = "delegation_policy"  # the decision right that names who decides about delegation rules
WIDER: Final = ("role-based", "cluster-based")
CEDAR_RULES: Final = 1_000
# A limit that lies further off than ten times the target asks nobody for a decision now.
NEAR: Final = 10


def _ends(view: View) -> str:
    return "types" if view.fleet.kind == "depth" else "agents"


# F2.1


def active(view: View) -> AnswerFinding:
    if not view.fleet.delegations:
        text = "The fleet file declares no delegations, so no delegation path exists."
        return answer(view, "F2.1", 0.0, "pairs", text, "delegation_edges")
    ends = _ends(view)
    pairs = len({(d.from_, d.to) for d in view.fleet.delegations})
    seen = view.value("active_paths")
    possible = len(view.fleet.types) * (len(view.fleet.types) - 1)
    counted = count(pairs, "pair", "pairs")
    declared = f"the fleet file declares {counted} of {ends}, of {possible:,} possible ones"
    edges = view.value("delegation_edges")
    if view.fleet.kind == "depth" and edges is not None:
        declared += f", which at {view.target:,} sessions are {edges:,.0f} pairs of running instances"
    if seen is None:
        text = f"The workload could not be run, so none was observed; {declared}."
        return answer(view, "F2.1", None, "pairs", text, "delegation_edges", key="workload.journeys")
    minutes, refused = (view.detail("observed", name) for name in ("minutes", "refused"))
    text = (
        f"In {count(minutes, 'minute', 'minutes')} of its own simulated workload, "
        f"{count(seen, 'pair', 'pairs')} of {ends} delegated, some "
        f"{count(view.value('observed_per_minute'), 'time', 'times')} a minute at {_size(view)}, and "
        f"{count(refused, 'contract was', 'contracts were')} refused; {declared}."
    )
    return answer(view, "F2.1", seen, f"pairs of {ends}", text, "active_paths", "delegation_edges")


# F2.2


def in_time(view: View) -> AnswerFinding:
    quantities = ("delegation_latency_ms", "delegations_per_minute", "policy_lookup_us", "contract_use_us")
    latency = view.value("delegation_latency_ms")
    if latency is None:
        text = "The fleet file declares no delegations, so there is no request to decide."
        return answer(view, "F2.2", 0.0, "ms", text)
    parts = f"One delegation takes {latency:.3g} ms of CPU at {_size(view)}{_steps(view)}."
    parts += _rate_words(view) + _cedar_words(view)
    limit = view.fleet.target.delegation_latency_ms_max
    if limit is None:
        key = "target.delegation_latency_ms_max"
        return answer(view, "F2.2", latency, "ms", f"{parts} No latency budget is declared.", key=key)
    says = "Yes" if latency <= limit else "No"
    return answer(view, "F2.2", latency, "ms", f"{says}: budget {limit:g} ms. {parts}", *quantities)


def _steps(view: View) -> str:
    """The parts of one delegation, those that were measured."""
    named = (
        ("signing", "contract_issue_us"),
        ("verifying", "contract_verify_us"),
        ("transitive check", "transitive_us"),
        ("of that asking the policy", "policy_lookup_us"),
    )
    told = [(word, view.value(quantity)) for word, quantity in named]
    parts = ", ".join(f"{word} {number(value)} µs" for word, value in told if value is not None)
    return f": {parts}" if parts else ""


def _rate_words(view: View) -> str:
    rate, wanted = view.value("delegations_per_minute"), view.fleet.workload.delegations_per_minute
    if rate is None:
        return ""
    under = "" if view.fleet.target.delegation_latency_ms_max is None else " within the budget"
    need = f"{wanted:,} are declared" if wanted else "`workload.delegations_per_minute` declares no need"
    return f" One core sustains {rate:,.0f} delegations a minute{under}; {need}."


def _cedar_words(view: View) -> str:
    whole, sliced = (view.value(name, at=CEDAR_RULES) for name in ("cedar_us", "cedar_sliced_us"))
    if whole is None or sliced is None:
        return ""
    return (
        f" Cedar, as a general engine, needs {whole:,.0f} µs an authorisation at {CEDAR_RULES:,} policies, "
        f"and {sliced:,.0f} µs when they are sliced by source."
    )


# F2.3


def transitive(view: View) -> AnswerFinding:
    paths = view.value("paths_open")
    if paths is None:
        text = "The fleet file declares no delegations, so there is no transitive path."
        return answer(view, "F2.3", 0.0, "paths", text, "privilege_paths")
    tried, through = (view.value(name) or 0.0 for name in ("paths_tried", "paths_succeeding"))
    reported = view.detail("tried", "reported") or 0
    if not paths:
        text = (
            f"By a tool, at every contract. At {_size(view)} the permitted delegations leave no path to a "
            "guarded action that its source may not have done."
        )
    else:
        text = (
            f"By a tool, at every contract: {count(paths, 'path', 'paths')} to a guarded action that the "
            "source may not have done, listed with the chain. Tried for real, three ways each: "
            f"{number(through)} of {number(tried)} succeeded; {reported} of them came as far as a contract "
            "that the transitive check reported."
        )
    return answer(view, "F2.3", paths, "paths", text + _wider_paths(view), "paths_open", "paths_succeeding")


def _size(view: View) -> str:
    return f"{view.target:,} {view.unit}"


def _wider_paths(view: View) -> str:
    found = [(name, view.value("paths_open", (name,))) for name in WIDER]
    told = [
        f"{count(value, 'path', 'paths')} with {name} rules" + (f" ({_came_of(view, name)})" if value else "")
        for name, value in found
        if value is not None and name not in view.in_force
    ]
    return f" There would be {' and '.join(told)}." if told else ""


def _came_of(view: View, adaptation: str) -> str:
    through, tried = (view.value(name, (adaptation,)) for name in ("paths_succeeding", "paths_tried"))
    return f"{number(through)} of {number(tried)} tried {'succeeds' if through == 1 else 'succeed'}"


# F2.4


def when_to_move(view: View) -> AnswerFinding:
    rules = view.value("policy_rules", ())
    if not view.fleet.delegations:
        text = "Never while the fleet file declares no delegations: there are no rules to read."
        return answer(view, "F2.4", "never", view.unit, text, "policy_rules")
    per_hour, limit = view.fleet.governance.audit_rules_per_hour, view.fleet.target.audit_hours_max
    base = f"{_standard_name(view)} number {number(rules)} at {_size(view)}"
    after = ", ".join(
        f"{number(view.value('policy_rules', (name,)))} {name}"
        for name in _moves(view)
        if view.value("policy_rules", (name,)) is not None
    )
    base += f" ({after})" if after else ""
    if not per_hour or limit is None:
        key = "target.audit_hours_max" if per_hour else "governance.audit_rules_per_hour"
        text = f"{base[0].upper()}{base[1:]}; how many a person may be given to read is not declared."
        return answer(view, "F2.4", None, view.unit, text, key=key)
    found = view.breaks("policy_audit_hours", ())
    budget = f"an audit within {count(limit, 'hour', 'hours')} at {per_hour:g} rules an hour"
    text = f"{_when(view, found)}, for {budget}: {base}. {_after_moving(view)} {_other_limits(view)}"
    return answer(view, "F2.4", _range(found), view.unit, text.strip(), "policy_audit_hours", "policy_rules")


def _after_moving(view: View) -> str:
    """Where the budget breaks with wider rules, adaptations of the same fate together."""
    places: dict[str, list[str]] = {}
    for name in _moves(view):
        moved = view.breaks("policy_audit_hours", (name,))
        if moved is not None:
            places.setdefault(_place(view, moved), []).append(name)
    return " ".join(f"With {' or '.join(names)} rules {place}." for place, names in places.items())


def _moves(view: View) -> tuple[str, ...]:
    return ("point-to-point", *WIDER) if view.fleet.kind == "depth" else WIDER


def _standard_name(view: View) -> str:
    kind = "running instances" if view.fleet.kind == "depth" else "agents"
    return f"rules between {kind}"


def _range(found: BreakpointFinding | None) -> str | None:
    """The last size at which the budget holds, or the range that it lies in; `none`; None where unknown."""
    if found is None or found.low is None or found.high is None:
        return None if found is None or found.kind != "none" else "none"
    if not found.low:
        return f"fewer than {found.high:,.0f}"
    if found.high - found.low <= 1:
        return f"{found.low:,.0f}"
    return f"{found.low:,.0f} to {found.high:,.0f}"


def _when(view: View, found: BreakpointFinding | None) -> str:
    bounds = _range(found)
    if found is None or bounds is None:
        return "It could not be resolved from when on they must be wider"
    if bounds == "none":
        return "At no size that was run must rules become wider"
    if not found.low:
        return f"Already at {found.high:,.0f} {view.unit}, the smallest size that was run"
    beyond = " (extrapolated)" if found.kind == "extrapolated" else ""
    return f"Beyond {bounds} {view.unit}{beyond}"


def _place(view: View, found: BreakpointFinding) -> str:
    bounds = _range(found)
    if bounds is None:
        return "it could not be resolved how far"
    if bounds == "none":
        return "the budget holds at every size that was run"
    if not found.low:
        return f"it breaks already at {found.high:,.0f} {view.unit}, the smallest size that was run"
    beyond = " (extrapolated)" if found.kind == "extrapolated" else ""
    return f"it holds up to {bounds} {view.unit}{beyond}"


def _other_limits(view: View) -> str:
    """Whether latency or throughput asks for it earlier than reading does."""
    names = {"delegation_latency_ms": "latency", "delegations_per_minute": "throughput"}
    broken = []
    for quantity, word in names.items():
        found = view.breaks(quantity, ())
        if found is not None and found.kind in ("measured", "extrapolated"):
            broken.append(f"{word}: {_place(view, found)}")
    if broken:
        return f"Under the standard controls, {'; '.join(broken)}."
    held = [word for quantity, word in names.items() if view.breaks(quantity, ()) is not None]
    verb = "hold" if len(held) > 1 else "holds"
    return f"{' and '.join(held).capitalize()} {verb} at every size that was run." if held else ""


# The rest.


def policy_gives_up(view: View, adaptation: str) -> str:
    extra = view.value("policy_extra", (adaptation,))
    if extra is None:
        return "not measured"
    if not extra:
        return _later(view, adaptation)
    across = view.value("policy_extra_across", (adaptation,))
    paths = view.value("paths_open", (adaptation,))
    before = view.value("paths_open", ())
    text = (
        f"precision: {count(extra, '(source, target, action) is', '(source, target, action) are')} permitted "
        f"beyond the declared ones, {number(across or 0.0)} of them across an information barrier"
    )
    if paths is not None and before is not None and (paths or before):
        through = view.value("paths_succeeding", (adaptation,)) or 0.0
        text += f"; {count(paths, 'transitive privilege path', 'transitive privilege paths')} instead of "
        text += number(before)
        text += f", of those tried {count(through, 'succeeds', 'succeed')}" if paths else ""
    return text


def _later(view: View, adaptation: str) -> str:
    """What is given up at the target is nothing: what it is at the largest size that was run."""
    points = view.points("policy_extra", (adaptation,))
    size, extra = max(points, default=(0, 0.0))
    if not extra:
        return "nothing: it permits what is declared, and no more"
    across = dict(view.points("policy_extra_across", (adaptation,))).get(size) or 0.0
    return (
        f"nothing at the target; {count(extra, 'permission', 'permissions')} beyond the declared ones at "
        f"{size:,} {view.unit}, {number(across)} of them across an information barrier"
    )


def policy_cost(adaptation: str) -> Callable[[View], tuple[float | None, str]]:
    def cost(view: View) -> tuple[float | None, str]:
        base: tuple[str, ...] | None = () if adaptation in view.in_force else None
        before, after = (view.value("policy_audit_hours", chosen) for chosen in (base, (adaptation,)))
        if before is None or after is None:
            return None, "hours are not known without `governance.audit_rules_per_hour`"
        usd, basis = price_of_hours(view, after)
        instead = f" instead of {number(before)}" if number(before) != number(after) else ", no fewer"
        return usd, (f"one audit a month: {count(after, 'hour', 'hours')} of people's time{instead}; {basis}")

    return cost


def cache_gives_up(view: View, adaptation: str) -> str:
    missed = view.value("chain_altered_unnoticed", (adaptation,))
    if missed is None:
        return "not measured"
    return (
        "a contract altered in the plane's own memory after it was registered is not noticed at its next "
        f"use ({number(missed)} of the links of the longest chain, when tried)"
    )


def closure_gives_up(view: View, adaptation: str) -> str:
    excess = view.value("transitive_excess", (adaptation,))
    if excess is None:
        return "not measured"
    return (
        f"exactness after delegations have ended: at worst "
        f"{count(excess, '(agent, action) is', '(agent, action) are')} still "
        "reported as within reach until the closure is rebuilt; nothing within reach is ever left out"
    )


def no_cost(_view: View) -> tuple[float | None, str]:
    return 0.0, "no component, licence or machine is added"


def control_rows(view: View) -> tuple[ControlRow, ...]:
    graph, kept = (view.value("transitive_edges_us", chosen) for chosen in ((), ("incremental-closure",)))
    use, cached = (view.value("chain_use_us", chosen) for chosen in ((), ("contract-cache",)))
    keys = view.value("delegation_keys")
    return (
        ControlRow(
            id="IA-2.3", name="no transitive permissions", designed_for="preventing privilege laundering",
            strained_by="graph analysis grows with edges and depth",
            verdict=_verdict(view, "delegation_latency_ms", safe=not view.value("paths_succeeding")),
            why=_pair("a check at the largest graph takes", graph, "µs searched", kept, "µs kept"),
        ),
        ControlRow(
            id="IA-2.1", name="zero-trust credentials", designed_for="authenticating every agent",
            strained_by="a signing key for every agent that may delegate",
            verdict="not_measured",
            why=f"keys at {_size(view)}: {number(keys)}; what they cost is measured under identity",
        ),
        ControlRow(
            id="T3-CONTRACT", name="delegation contracts",
            designed_for="scoped, time-limited delegation",
            strained_by="rules that people must read, signatures at high frequency",
            verdict=_verdict(view, "policy_audit_hours", "delegation_latency_ms", "delegations_per_minute"),
            why=f"rules at {_size(view)}: {number(view.value('policy_rules', ()))} under the standard "
            f"policy, {number(view.value('policy_rules'))} as declared",
        ),
        ControlRow(
            id="EC-2.6", name="decision commit protocol",
            designed_for="validating the authority of an action",
            strained_by="tracing authority through deep chains",
            verdict=_verdict(view, "delegations_per_minute"),
            why=_pair(
                "authority at the end of the longest chain takes", use, "µs verified at every use", cached,
                "µs cached",
            ),
        ),
    )  # fmt: skip


def _pair(what: str, one: float | None, first: str, other: float | None, second: str) -> str:
    if one is None or other is None:
        return "not measured: the fleet declares no delegations"
    return f"{what} {number(one)} {first}, {number(other)} {second}"


def _verdict(view: View, *quantities: str, safe: bool = True) -> Verdict:
    """Holds under the standard controls, or only as declared or adapted, or not at all."""
    if not safe:
        return "breaks"
    verdicts = [found for name in quantities if (found := _holds(view, name)) is not None]
    if not verdicts:
        return "not_measured"
    order: tuple[Verdict, ...] = ("breaks", "adapts", "holds")
    return next(verdict for verdict in order if verdict in verdicts)


_ADAPTATIONS: Final = ("point-to-point", *WIDER, "contract-cache", "incremental-closure")


def _holds(view: View, quantity: str) -> Verdict | None:
    found = view.breaks(quantity, ())
    if found is None:
        return None
    if _reaches(view, found):
        return "holds"
    tried = [view.breaks(quantity, None), *(view.breaks(quantity, (name,)) for name in _ADAPTATIONS)]
    return "adapts" if any(one is not None and _reaches(view, one) for one in tried) else "breaks"


def _reaches(view: View, found: BreakpointFinding) -> bool:
    return found.kind == "none" or (found.low is not None and found.low >= view.target)


def decisions(view: View) -> tuple[DecisionFinding, ...]:
    """Which rules to write: what is recommended; where nothing is, how near the limit lies."""
    for name in _moves(view):
        if name in view.recommended:
            return (_move(view, name),)
    found = view.breaks("policy_audit_hours")
    if found is None or found.low is None or found.kind not in ("measured", "extrapolated"):
        return ()
    if found.low > NEAR * view.target or any(name in view.in_force for name in _moves(view)):
        return ()
    return (
        DecisionFinding(
            id="delegation-rules",
            what=f"how delegation rules are kept readable {_beyond(view, found)}: {_more_hours(view)}"
            f"{_or_move(view)}",
            why=f"reading every rule then takes more than {_hours_declared(view)}; the target is "
            f"{_size(view)}",
            who=who_decides(view, RIGHT),
            cost="none before that",
            dimension=DIMENSION_ID,
        ),
    )


def _move(view: View, name: str) -> DecisionFinding:
    """The decision for a recommended policy; its id keeps the engine from adding one of its own."""
    found = view.breaks("policy_audit_hours")
    where = "" if found is None else f" {_beyond(view, found)}"
    usd, basis = policy_cost(name)(view)
    return DecisionFinding(
        id=name,
        what=f"write {name} delegation rules (`controls.delegation_policy: {name}`){where}, "
        f"or {_more_hours(view)}",
        why=f"reading every rule takes {count(view.value('policy_audit_hours'), 'hour', 'hours')} at "
        f"{_size(view)} as declared, of {_hours_declared(view)}; {name} rules give up: "
        f"{policy_gives_up(view, name)}",
        who=who_decides(view, RIGHT),
        cost=basis if usd is None else f"${usd:,.0f} a month ({basis})",
        dimension=DIMENSION_ID,
    )


def _beyond(view: View, found: BreakpointFinding) -> str:
    bounds = _range(found)
    if bounds is None or bounds == "none":
        return f"for {_size(view)}"
    return f"already at {found.high:,.0f} {view.unit}" if not found.low else f"beyond {bounds} {view.unit}"


def _more_hours(view: View) -> str:
    return (
        "declare more auditors (`governance.audit_rules_per_hour`: rules that all of them read in an hour) "
        "or raise `target.audit_hours_max`"
    )


def _hours_declared(view: View) -> str:
    return f"{count(view.fleet.target.audit_hours_max, 'hour', 'hours')} (`target.audit_hours_max`)"


def _or_move(view: View) -> str:
    """Policies with fewer rules at the target than as declared, as another way out."""
    now = view.value("policy_rules")
    fewer = [
        name
        for name in _moves(view)
        if now is not None and (rules := view.value("policy_rules", (name,))) is not None and rules < now
    ]
    return f", or write {' or '.join(fewer)} rules" if fewer else ""


def costs(view: View) -> tuple[CostFinding, ...]:
    """What reading the rules costs as declared; what it would cost otherwise stands with the adaptations."""
    hours = view.value("policy_audit_hours")
    if hours is None:
        return ()
    usd, priced = price_of_hours(view, hours)
    return (
        CostFinding(
            id="delegation-audit",
            what=f"reading every delegation rule once a month: {count(hours, 'hour', 'hours')}",
            usd_month=usd,
            mark="measured",
            basis=f"{count(view.value('policy_rules'), 'rule', 'rules')} at "
            f"{view.fleet.governance.audit_rules_per_hour:g} an hour (`governance.audit_rules_per_hour`); "
            f"{priced}",
            dimension=DIMENSION_ID,
        ),
    )


def attack_paths(view: View) -> tuple[AttackPath, ...]:
    rows = view.detail("tried", "paths") or ()
    return tuple(
        AttackPath(
            id=f"delegation-{number}",
            steps=tuple(through.split(" > ")),
            reaches=action,
            outcome="stopped" if outcome == "stopped" else "succeeds",
            stopped_by=stopped_by,
            dimension=DIMENSION_ID,
        )
        for number, (_, action, through, outcome, stopped_by) in enumerate(rows, 1)
    )
