"""What was measured about PACE, in words: answers, controls, decisions, what an adaptation gives up.

Every figure comes from the view; where the fleet file declares too little, the text names the key. What is
compared with the other way is compared as the adaptation's own table does it (`view.around`): all else as
declared.
"""

from typing import Any, Final

from maso.findings import AnswerFinding, ControlRow, DecisionFinding, Verdict
from maso.resilience.pace import Authority
from maso.resilience.plan import plan_of
from maso.stress.dimension import View
from maso.stress.saying import answer, count, number, who_decides

DIMENSION_ID: Final = "pace"
# Ids of adaptations of which more is said than what they give up.
FOURTH: Final = "fourth-axis"
INSTANCES: Final = "count-instances"
DWELL: Final = "hysteresis"
SMALL: Final = "small-steps"
FALLBACK: Final = "fallback-in-emergency"
RIGHT: Final = "pace_transition"  # the decision right that names who decides about phases
LEAVE: Final = "leave_emergency"  # and the one that names who ends Emergency


def no_cost(_view: View) -> tuple[float | None, str]:
    return 0.0, "no machine of its own: it runs in the coordinator"


def _percent(value: float | None) -> str:
    return "an unknown share" if value is None else f"{100 * value:.0f}%"


def _minutes(value: float | None) -> str:
    """Minutes, or seconds where it is less than one."""
    if value is None:
        return "not measured"
    return count(value, "minute", "minutes") if value >= 1 else count(60 * value, "second", "seconds")


def _other(view: View, adaptation: str, quantity: str) -> float | None:
    """A quantity with the adaptation where it is not in force, and without it where it is."""
    without, with_it = view.around(adaptation)
    return view.value(quantity, without if with_it is None else with_it)


def _axes(view: View) -> str:
    """The other way than the declared one."""
    return "With three axes" if FOURTH in view.in_force else "With the fourth axis"


def _dependencies_key(view: View) -> str:
    """Where dependencies are filled in: by the cascade of a fleet that grows, or one by one."""
    return "growth.cascade" if view.file.desks else "dependencies"


def _types_key(view: View, name: str) -> str:
    return f"desks[].roles[].{name}" if view.file.desks else f"types[].{name}"


def _no_map(view: View, question: str) -> AnswerFinding | None:
    """The answer where no dependencies are declared."""
    if view.fleet.dependencies:
        return None
    clusters = len({agent.cluster for agent in view.fleet.types})
    text = (
        f"Not declared: the fleet file names {count(clusters, 'cluster', 'clusters')} and no dependency "
        "between them, so nothing tells a consumer what its producer is in."
    )
    return answer(view, question, None, "", text, key=_dependencies_key(view))


# F3


def dependencies(view: View) -> AnswerFinding:
    missing = _no_map(view, "F3.1")
    if missing is not None:
        return missing
    declared = view.fleet.dependencies
    producers: dict[str, int] = {}
    for d in declared:
        producers[d.producer] = producers.get(d.producer, 0) + 1
    busiest = max(producers, key=lambda name: producers[name])
    consumers = {d.consumer for d in declared}
    text = (
        f"{count(len(declared), 'dependency', 'dependencies')}: {number(len(producers))} clusters produce "
        f"what {number(len(consumers))} consume. Most depend on `{busiest}` "
        f"({count(producers[busiest], 'consumer', 'consumers')}). The list has all of them."
    )
    return answer(view, "F3.1", len(declared), "dependencies", text, "dependencies", status="declared")


def consequences(view: View) -> AnswerFinding:
    missing = _no_map(view, "F3.2")
    if missing is not None:
        return missing
    by = view.detail("cascade", "moved_by") or {}
    worst, soonest = view.detail("cascade", "worst") or {}, view.detail("cascade", "soonest") or {}
    later, sessions = view.value("lost_later_share"), view.value("sessions_share")
    text = (
        f"In Alternate a producer moves at most {count(by.get('alternate'), 'cluster', 'clusters')}, in "
        f"Contingency {number(by.get('contingency'))}, in Emergency {number(by.get('emergency'))}. "
    )
    if not later:
        text += "No other cluster is lost with any of them. "
    else:
        text += (
            f"The worst is `{worst['cluster']}` in {worst['phase'].capitalize()}: of all agents "
            f"{_percent(worst['lost'])} are lost in other clusters within five minutes, {_percent(later)} "
            f"once stale data has run out, which is {_percent(worst['others'])} of the agents outside "
            f"`{worst['cluster']}`. "
        )
        if soonest["lost"] > worst["lost"]:
            text += (
                f"Within five minutes most are lost with `{soonest['cluster']}` in "
                f"{soonest['phase'].capitalize()}: {_percent(soonest['lost'])} of all agents. "
            )
        text += f"The longest chain is {count(view.value('cascade_depth'), 'cluster', 'clusters')}. "
    if sessions is not None:
        text += f"Up to {_percent(sessions)} of the sessions need a cluster that is lost, itself or another."
    return answer(
        view, "F3.2", later, "share", text, "lost_share", "lost_later_share", "cascade_depth",
        "clusters_moved", "sessions_share",
    )  # fmt: skip


def informed(view: View) -> AnswerFinding:
    missing = _no_map(view, "F3.3")
    if missing is not None:
        return missing
    share, other = view.value("uninformed_share"), _other(view, FOURTH, "uninformed_share")
    needed, knew = view.detail("cascade", "needed"), view.detail("cascade", "knew")
    yes = "Yes" if share == 0 else "No" if share else "Not measured"
    text = (
        f"{yes}: of {number(needed)} times that a consumer had to know, its orchestrator confirmed "
        f"{number(knew)}, the furthest within {number(view.value('learn_ms'))} ms. {_axes(view)} "
        f"{_percent(other)} of them never learn it. "
    )
    deaf = view.detail("cascade", "deaf")
    if deaf:
        text += (
            f"When the orchestrator of `{deaf[0]}` answers nothing while `{deaf[1]}` stops, it is known not "
            "to "
            f"know, and its cluster is in {str(deaf[3]).capitalize()} all the same, since the plane obeys "
            "the "
            "coordinator."
        )
    return answer(view, "F3.3", share, "share", text, "uninformed_share", "learn_ms")


def policies(view: View) -> AnswerFinding:
    missing = _no_map(view, "F3.4")
    if missing is not None:
        return missing
    declared = view.fleet.dependencies
    asked = sum(d.policy == "assess" for d in declared)
    ways: dict[str, int] = {}
    for d in declared:
        ways[d.on_contingency] = ways.get(d.on_contingency, 0) + 1
    said = ", ".join(f"{n} `{way}`" for way, n in sorted(ways.items()))
    stale = [d.stale_minutes_max for d in declared if d.stale_minutes_max is not None]
    text = (
        f"As declared for each dependency: {asked} of {len(declared)} consumers assess it themselves and "
        "keep "
        f"their phase until they have answered, at most a minute; {len(declared) - asked} follow by "
        f"themselves. In a producer's Contingency they do {said}. "
    )
    unlimited = sum(
        d.stale_minutes_max is None and "stale" in (d.on_alternate, d.on_contingency, d.on_emergency)
        for d in declared
    )
    if stale:
        text += f"Stale data is used for at most {max(stale)} minutes, then the consumer follows. "
    if unlimited:
        text += f"For {count(unlimited, 'dependency', 'dependencies')} no limit to stale data is declared."
    key = "dependencies[].stale_minutes_max" if unlimited else ""
    return answer(
        view, "F3.4", asked, "assessed by the consumer", text, "dependencies", key=key, status="declared"
    )


def order(view: View) -> AnswerFinding:
    missing = _no_map(view, "F3.5")
    if missing is not None:
        return missing
    rows = view.detail("recovery", "order") or []
    if not rows:
        why = view.detail("recovery", "why") or "it was not run"
        return answer(view, "F3.5", None, "", f"Not measured: {why}.", status="not_checked")
    names = [f"`{row[1]}`" for row in rows]
    shown = ", ".join(names[:6]) + (f" and {len(names) - 6} more" if len(names) > 6 else "")
    early = view.value("returns_too_early")
    text = (
        f"Producers before consumers: {shown}.{_overruled(view)} With every cluster gone and the causes "
        f"ending one by one, all are in Primary {_back(view.value('recovery_minutes'))}, and "
        f"{count(early, 'step', 'steps')} up came before a producer's. {_axes(view)}, all else as declared, "
        f"{_back(_other(view, FOURTH, 'recovery_minutes'))} and "
        f"{count(_other(view, FOURTH, 'returns_too_early'), 'step', 'steps')}."
    )
    if view.detail("recovery", "circular"):
        text += " Dependencies go round in a circle, which the declared order of recovery cuts."
    return answer(
        view, "F3.5", view.value("recovery_minutes"), "minutes", text, "recovery_minutes", "returns_too_early"
    )


def _back(minutes: float | None) -> str:
    return "not within a day" if minutes is None else f"{_minutes(minutes)} after the last cause"


def _overruled(view: View) -> str:
    """Where `recovery_order` says otherwise than the dependencies, which win."""
    found = view.detail("recovery", "overruled") or []
    if not found:
        return ""
    named = "; ".join(f"`{consumer}` before `{producer}`" for consumer, producer in found[:3])
    more = f" and {len(found) - 3} more" if len(found) > 3 else ""
    return f" The file's `recovery_order` puts {named}{more}, and is overruled: the one depends on the other."


# E6


def told_apart(view: View) -> AnswerFinding:
    moved, other = view.value("moved_by_one"), _other(view, INSTANCES, "moved_by_one")
    counted = "failures instead of instances" if INSTANCES in view.in_force else "instances, not failures"
    types = view.detail("apart", "types")
    name, live = view.detail("apart", "type"), view.detail("apart", "live")
    needed = view.value("hostile_needed")
    text = (
        f"{'Yes' if moved == 0 else 'No'}: one instance of each of {number(types)} types failed once, then "
        "2,000 "
        f"times in a minute; {count(moved, 'type', 'types')} moved. Counting {counted}, "
        f"{number(other)} would. "
    )
    if needed is not None:
        text += (
            f"To move `{name}`, {number(needed)} of its {number(live)} live instances must fail while the "
            "others "
            "work as usual. "
        )
    sessions = view.fleet.workload.hostile_sessions
    if sessions is not None and needed is not None and view.fleet.kind == "depth":
        text += f"One attacker is expected with {number(sessions)} sessions at once."
    return answer(view, "E6.1", moved, "types moved", text, "moved_by_one", "hostile_needed")


def trigger(view: View) -> AnswerFinding:
    declared = [
        t
        for t in view.fleet.types
        if t.pace.type.trigger_share is None or t.pace.type.trigger_minutes is None
    ]
    name, share = view.detail("signals", "type"), view.detail("signals", "share")
    minutes, detect = view.detail("signals", "minutes"), view.value("detect_s")
    text = (
        f"More than {_percent(0.2 if share is None else share)} of those heard from in "
        f"{number(minutes or 2)} "
        f"minutes failing at the same port or provider, at least three and 2% of all that live. "
    )
    if detect is None:
        text += f"When everything of `{name}` fails, it was not found within 30 minutes: too few are live. "
    else:
        text += (
            f"When everything of `{name}` fails, it is in Alternate after {number(detect)} seconds; one "
            "signal "
            f"costs {number(view.value('signal_us'))} µs with {number(view.target)} {view.unit} live. "
        )
    key = ""
    if declared:
        key = _types_key(view, "pace.type.trigger_share")
        text += (
            f"{count(len(declared), 'type declares', 'types declare')} no trigger of their own: the "
            "20% in two minutes of the coordinator hold."
        )
    return answer(view, "E6.2", detect, "seconds", text, "detect_s", "signal_us", key=key)


def customers(view: View) -> AnswerFinding:
    facing, rows = view.detail("customers", "facing"), view.detail("customers", "customers") or []
    without = view.value("types_without_message")
    described, total = view.detail("customers", "described"), view.detail("customers", "customers_total")
    text = f"{number(described)} of the {number(total)} types that work on tasks say what Contingency and "
    text += "Emergency mean for them. "
    if not facing:
        text += (
            "No port of source `customer` leads to any of them: no customer meets an agent, and what its "
            "consumers get is in the dependencies."
        )
        return answer(
            view, "E6.3", None, "", text, "types_without_message", status="declared",
            key="" if described == total else _types_key(view, "pace.type.contingency"),
        )  # fmt: skip
    example = next((row for row in rows if row[4] != "nothing"), None)
    text += (
        f"Of {number(facing)} that hear customers, each was taken to Contingency and to Emergency: "
        f"{count(without, 'shows', 'show')} customers nothing. "
    )
    if example is not None:
        text += f"`{example[0]}` shows: {example[4]}."
    key = _types_key(view, "pace.type.customer_message") if without else ""
    return answer(view, "E6.3", without, "types without a message", text, "types_without_message", key=key)


def decides(view: View) -> AnswerFinding:
    people, total = view.value("types_by_person"), len(view.fleet.types)
    by_person = [t.id for t in view.fleet.types if t.pace.type.decided_by == "person"]
    named = ", ".join(f"`{name}`" for name in by_person[:3])
    control = sum(t.plane != "task" for t in view.fleet.types)
    inside = f", {number(control)} of the control plane among them" if control else ""
    operator, commander = _role(view, Authority.OPERATOR), _role(view, Authority.COMMANDER)
    text = (
        f"Automatic for {total - len(by_person)} of all {total} types{inside}; a person decides for "
        f"{len(by_person)}{f' ({named})' if named else ''}, and what is safe happens if nobody answers. To "
        f"Emergency a person is asked everywhere: {operator}. Only a person leads out of it: {commander}."
    )
    rights = view.fleet.governance.decision_rights
    named_by = rights.get(RIGHT) or view.fleet.governance.risk_owner
    key = "" if named_by else f"governance.decision_rights.{RIGHT}"
    return answer(
        view, "E6.4", people, "types by a person", text, "types_by_person", status="declared", key=key
    )


def _role(view: View, authority: Authority) -> str:
    """The role that the coordinator obeys, and whether the file or maso says so."""
    roles = plan_of(view.fleet).roles
    right = RIGHT if authority is Authority.OPERATOR else LEAVE
    # Where one name stands for both, it has the higher authority.
    role = next((r for r, a in roles.items() if a is authority), None) or next(iter(roles))
    key = f"governance.decision_rights.{right}"
    declared = right in view.fleet.governance.decision_rights
    return f"{role} (`{key}`)" if declared else f"{role}, as `{key}` names nobody"


def comes_back(view: View) -> AnswerFinding:
    peak, declared = view.value("return_peak"), view.fleet.controls.pace_return
    limit, key = view.detail("return", "limit"), view.detail("return", "by")
    name, waiting = view.detail("return", "type"), view.detail("return", "waiting")
    if peak is None:
        return answer(view, "E6.5", None, "", f"Not measured: `{name}` never came to Contingency.",
                      status="not_checked")  # fmt: skip
    text = (
        f"In {_STEPS[declared]}: of {number(waiting)} sessions that wait for `{name}`, "
        f"{number(peak)} return in the same second, and the last of them may go on after "
        f"{_minutes(view.value('return_minutes'))}. "
    )
    for way, chosen in (("at-once", ()), ("small-steps", view.around(SMALL)[1])):
        if way != declared:
            text += (
                f"In {_STEPS[way]} {number(view.value('return_peak', chosen))} would, the last after "
                f"{_minutes(view.value('return_minutes', chosen))}. "
            )
    if declared != "small-steps" and view.fleet.dependencies:
        text += f"With forty steps {_recovery(view, SMALL)}. "
    text += (
        "What it calls declares no limit."
        if limit is None
        else f"It can take {number(limit)} calls a second, {number(60 * limit)} a minute (`{key}`)."
    )
    missing = "ports[].calls_per_minute_max" if limit is None else ""
    return answer(view, "E6.5", peak, "sessions a second", text, "return_peak", "return_minutes", key=missing)


_STEPS: Final = {"steps": "four steps", "small-steps": "forty steps", "at-once": "one step"}


# Controls, decisions, what is given up.


def _verdict(view: View, *quantities: str) -> Verdict:
    """By whether the budgets of these quantities hold at the target, as declared and under standard."""
    worst: Verdict = "not_measured"
    rank = ("not_measured", "holds", "adapts", "breaks")
    for quantity in quantities:
        now, before = view.value(quantity), view.value(quantity, ())
        if now is None:
            continue
        found: Verdict = "breaks" if now > 0 else "adapts" if before else "holds"
        worst = max(worst, found, key=rank.index)
    return worst


def controls(view: View) -> tuple[ControlRow, ...]:
    moved, early = view.value("moved_by_one"), view.value("returns_too_early")
    returns, unsteady = view.value("returns_per_day"), view.value("returns_per_day", ())
    heals, steadied = _heals(view), DWELL in view.in_force
    steady: Verdict = "not_measured"
    if returns is not None:
        over = returns > heals
        steady = "breaks" if over else "adapts" if (unsteady or 0) > heals else "holds"
    return (
        ControlRow(
            id="PACE-1", name="PACE resilience", designed_for="one orchestration of a handful of agents",
            strained_by="clusters that depend on each other, and thousands of instances of one type",
            verdict=_verdict(view, "uninformed_share", "returns_too_early", "moved_by_one"),
            why=f"consumers that do not know: {_percent(view.value('uninformed_share'))} "
            f"({_axes(view).lower()}: {_percent(_other(view, FOURTH, 'uninformed_share'))}); steps up before "
            f"a producer: {number(early)} ({number(_other(view, FOURTH, 'returns_too_early'))})",
        ),
        ControlRow(
            id="OB-2.2", name="drift detection", designed_for="one agent against its own past",
            strained_by="instances by the thousand, and producers that degrade",
            verdict=_verdict(view, "moved_by_one"),
            why=f"types that one instance moves: {number(moved)}; counting "
            f"{'failures' if INSTANCES in view.in_force else 'instances'}, "
            f"{number(_other(view, INSTANCES, 'moved_by_one'))}",
        ),
        ControlRow(
            id="OB-3.2", name="circuit breaker", designed_for="halting one cluster",
            strained_by="a supply that comes and goes, and a type halted while others run",
            verdict=steady,
            why=f"returns by itself in a day: {number(returns)}; {'without' if steadied else 'with'} "
            f"hysteresis, {number(_other(view, DWELL, 'returns_per_day'))}",
        ),
    )  # fmt: skip


def _heals(view: View) -> float:
    return float(min((t.pace.type.self_heals_per_day_max for t in view.fleet.types), default=3))


def decisions(view: View) -> tuple[DecisionFinding, ...]:
    """One for each matter: where an adaptation is recommended for it, the decision has that one's id."""
    found = [_cascades(view), _returns(view), _messages(view)]
    return tuple(one for one in found if one is not None)


def _cascades(view: View) -> DecisionFinding | None:
    lost, most = view.value("lost_share"), view.fleet.target.blast_radius_share_max
    if lost is None or most is None or lost <= most:
        return None
    worst, chosen = view.detail("cascade", "soonest"), FALLBACK in view.recommended
    setting = " (`controls.pace_on_emergency: fallback`)" if chosen else ""
    return DecisionFinding(
        id=FALLBACK if chosen else "pace-cascade",
        what="have consumers work on from another source, or stale, when a producer is in Emergency"
        f"{setting}",
        why=f"one cluster (`{worst['cluster']}` in {worst['phase'].capitalize()}) takes {_percent(lost)} of "
        f"all agents along in other clusters within five minutes, more than the {_percent(most)} that one "
        "failure may take",
        who=who_decides(view, RIGHT),
        cost=fallback_cost(view)[1] if chosen else "a fallback source for each such dependency",
        dimension=DIMENSION_ID,
    )


def _returns(view: View) -> DecisionFinding | None:
    peak, limit, key = view.value("return_peak"), view.detail("return", "limit"), view.detail("return", "by")
    if peak is None or limit is None or peak <= limit:
        return None
    name, with_it = view.detail("return", "type"), view.around(SMALL)[1]
    why = (
        f"{number(peak)} sessions return to `{name}` in the same second, and {number(limit)} calls can be "
        f"taken (`{key}`)"
    )
    bought = f"buy capacity (`{key}`)"
    if SMALL in view.in_force:
        what, cost = f"{bought}, in forty steps already", "the price of that capacity, which nobody declares"
    else:
        steps = "come back in forty steps (`controls.pace_return: small-steps`)"
        chosen = SMALL in view.recommended
        what = f"{steps}, or {bought}" if chosen else f"{bought}, or {steps}, which is not recommended"
        why += f"; in forty steps {number(view.value('return_peak', with_it))}"
        cost = f"in forty steps no machine, and time: {return_gives_up(view, SMALL)}"
    return DecisionFinding(
        id=SMALL if SMALL in view.recommended else "pace-return",
        what=what, why=why, who=who_decides(view, RIGHT), cost=cost, dimension=DIMENSION_ID,
    )  # fmt: skip


def _messages(view: View) -> DecisionFinding | None:
    without = view.value("types_without_message")
    if not without:
        return None
    return DecisionFinding(
        id="pace-messages", what="say what customers are told in Contingency and in Emergency",
        why=f"{count(without, 'type hears', 'types hear')} customers and would show them nothing",
        who=who_decides(view, RIGHT), cost="a sentence for each type", dimension=DIMENSION_ID,
    )  # fmt: skip


def _recovery(view: View, own: str) -> str:
    """How long an outage of everything lasts with an adaptation, and without it.

    Of one that is not in force, also what the file allows: whoever chooses it has to know.
    """
    without, with_it = view.around(own)
    slow, fast = view.value("recovery_minutes", with_it), view.value("recovery_minutes", without)
    most = view.fleet.target.recovery_minutes_max
    said = f"all clusters are in Primary {_back(slow)} of an outage of all, instead of {_minutes(fast)}"
    if own in view.in_force:
        return said
    if most is None:
        return f"{said} (`target.recovery_minutes_max` declares no limit)"
    return f"{said} ({_minutes(most)} are allowed)"


def fourth_gives_up(view: View, own: str) -> str:
    lost = view.value("lost_later_share", view.around(own)[1])
    if lost is None:
        return "clusters that follow a producer stop with it"
    return (
        f"clusters follow their producers: {_percent(lost)} of all agents stop in other clusters with the "
        f"worst one, as the file declares; and {_recovery(view, own)}"
    )


def fallback_gives_up(view: View, own: str) -> str:
    named = [d for d in view.fleet.dependencies if d.fallback]
    if not named:
        return "nothing: no dependency names a fallback"
    return (
        f"{count(len(named), 'consumer works', 'consumers work')} on from what the file calls "
        f"`{named[0].fallback}` while nobody answers for their producer"
    )


def fallback_cost(view: View) -> tuple[float | None, str]:
    return None, "the fallback sources' own price, which the fleet file does not declare"


def instances_give_up(view: View, own: str) -> str:
    return f"a type with fewer than three live instances never moves by its failures; {_detected(view)}"


def _detected(view: View) -> str:
    found: Any = view.value("detect_s")
    return (
        "how soon one is found was not measured" if found is None else f"found after {number(found)} seconds"
    )


def dwell_gives_up(view: View, own: str) -> str:
    limit = number(_heals(view))
    text = (
        f"two minutes at least in a phase that was not needed; after {limit} returns a day a person is needed"
    )
    return f"{text}; {_recovery(view, own)}" if view.fleet.dependencies else text


def return_gives_up(view: View, own: str) -> str:
    """The whole price in time: of one type's return, and of an outage of every cluster."""
    without, with_it = view.around(own)
    slow, fast = view.value("return_minutes", with_it), view.value("return_minutes", without)
    name = view.detail("return", "type")
    text = f"the last session of `{name}` may go on after {_minutes(slow)} instead of {_minutes(fast)}"
    return f"{text}; {_recovery(view, own)}" if view.fleet.dependencies else text
