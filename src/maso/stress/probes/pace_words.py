"""What was measured about PACE, in words: answers, controls, decisions, what an adaptation gives up.

Every figure comes from the view; where the fleet file declares too little, the text names the key.
"""

from typing import Any, Final

from maso.findings import AnswerFinding, ControlRow, DecisionFinding, Verdict
from maso.stress.dimension import View
from maso.stress.saying import answer, count, number, who_decides

DIMENSION_ID: Final = "pace"
RIGHT: Final = "pace_transition"  # the decision right that names who decides about phases


def no_cost(_view: View) -> tuple[float | None, str]:
    return 0.0, "no machine of its own: it runs in the coordinator"


def _percent(value: float | None) -> str:
    return "an unknown share" if value is None else f"{100 * value:.0f}%"


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
    worst = view.detail("cascade", "worst") or ["none", "none"]
    lost, later = view.value("lost_share"), view.value("lost_later_share")
    text = (
        f"In Alternate a producer moves at most {count(by.get('alternate'), 'cluster', 'clusters')}, in "
        f"Contingency {number(by.get('contingency'))}, in Emergency {number(by.get('emergency'))}. The "
        "worst is "
        f"`{worst[0]}` in {str(worst[1]).capitalize()}: {_percent(lost)} of the agents of other clusters are "
        f"lost within five minutes, {_percent(later)} once stale data has run out, along a chain of "
        f"{number(view.value('cascade_depth'))}. "
    )
    sessions = view.value("sessions_share")
    if sessions is not None:
        text += f"Up to {_percent(sessions)} of the sessions need a cluster that is lost."
    return answer(
        view, "F3.2", later, "share", text, "lost_share", "lost_later_share", "cascade_depth",
        "clusters_moved", "sessions_share",
    )  # fmt: skip


def informed(view: View) -> AnswerFinding:
    missing = _no_map(view, "F3.3")
    if missing is not None:
        return missing
    share, before = view.value("uninformed_share"), view.value("uninformed_share", ())
    needed, knew = view.detail("cascade", "needed"), view.detail("cascade", "knew")
    yes = "Yes" if share == 0 else "No" if share else "Not measured"
    text = (
        f"{yes}: of {number(needed)} times that a consumer had to know, its orchestrator confirmed "
        f"{number(knew)}, the furthest within {number(view.value('learn_ms'))} ms. With three axes "
        f"{_percent(before)} of them never learn it. "
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
        view, "F3.4", asked, "assessed by the consumer", text, "lost_later_share", key=key, status="declared"
    )


def order(view: View) -> AnswerFinding:
    missing = _no_map(view, "F3.5")
    if missing is not None:
        return missing
    rows = view.detail("recovery", "order") or []
    names = [f"`{row[1]}`" for row in rows]
    shown = ", ".join(names[:6]) + (f" and {len(names) - 6} more" if len(names) > 6 else "")
    early, before = view.value("returns_too_early"), view.value("returns_too_early", ())
    text = (
        f"Producers before consumers: {shown}. With every cluster gone and the causes ending one by one, all "
        f"are back {number(view.value('recovery_minutes'))} minutes after the last cause, and "
        f"{count(early, 'step', 'steps')} up came before a producer's; with three axes "
        f"{number(view.value('recovery_minutes', ()))} minutes and {number(before)}."
    )
    if view.detail("recovery", "circular"):
        text += " Dependencies go round in a circle, which the declared order of recovery cuts."
    return answer(
        view, "F3.5", view.value("recovery_minutes"), "minutes", text, "recovery_minutes", "returns_too_early"
    )


# E6


def told_apart(view: View) -> AnswerFinding:
    moved, before = view.value("moved_by_one"), view.value("moved_by_one", ())
    types = view.detail("apart", "types")
    name, live = view.detail("apart", "type"), view.detail("apart", "live")
    needed = view.value("hostile_needed")
    text = (
        f"{'Yes' if moved == 0 else 'No'}: one instance of each of {number(types)} types failed once, then "
        "2,000 "
        f"times in a minute; {count(moved, 'type', 'types')} moved. Counting failures instead of instances, "
        f"{number(before)} would. "
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
    text = f"{number(described)} of {number(total)} types say what Contingency and Emergency mean for them. "
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
    text = (
        f"Automatic for {total - len(by_person)} of {total} types; a person decides for "
        f"{len(by_person)}{f' ({named})' if named else ''}, and what is safe happens if nobody answers. To "
        "Emergency a person is asked everywhere, and only a person leads out of it: "
        f"{who_decides(view, RIGHT)}."
    )
    rights = view.fleet.governance.decision_rights
    named_by = rights.get(RIGHT) or view.fleet.governance.risk_owner
    key = "" if named_by else f"governance.decision_rights.{RIGHT}"
    return answer(
        view, "E6.4", people, "types by a person", text, "types_by_person", status="declared", key=key
    )


def comes_back(view: View) -> AnswerFinding:
    peak, before = view.value("return_peak"), view.value("return_peak", ())
    small = view.value("return_peak", ("small-steps",))
    limit, key = view.detail("return", "limit"), view.detail("return", "by")
    name, waiting = view.detail("return", "type"), view.detail("return", "waiting")
    if peak is None:
        return answer(view, "E6.5", None, "", f"Not measured: `{name}` never came to Contingency.",
                      status="not_checked")  # fmt: skip
    steps = {"steps": "four steps", "small-steps": "forty steps", "at-once": "one step"}
    text = (
        f"In {steps[view.fleet.controls.pace_return]}: of {number(waiting)} sessions that wait for `{name}`, "
        f"{number(peak)} return in the same second and all within {number(view.value('return_minutes'))} "
        f"minutes. All at once {number(before)} would, in forty steps {number(small)} "
        f"({number(view.value('return_minutes', ('small-steps',)))} minutes). "
    )
    if limit is None:
        text += "What it calls declares no limit."
        return answer(
            view, "E6.5", peak, "sessions a second", text, "return_peak", "return_minutes",
            key="ports[].calls_per_minute_max",
        )  # fmt: skip
    text += f"It can take {number(limit)} calls a second (`{key}`)."
    return answer(view, "E6.5", peak, "sessions a second", text, "return_peak", "return_minutes")


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
    before_one, before_early = view.value("moved_by_one", ()), view.value("returns_too_early", ())
    returns, unsteady = view.value("returns_per_day"), view.value("returns_per_day", ())
    heals = _heals(view)
    steady: Verdict = "not_measured"
    if returns is not None:
        over = returns > heals
        steady = "breaks" if over else "adapts" if (unsteady or 0) > heals else "holds"
    return (
        ControlRow(
            id="PACE-1", name="PACE resilience", designed_for="one orchestration of a handful of agents",
            strained_by="clusters that depend on each other, and thousands of instances of one type",
            verdict=_verdict(view, "uninformed_share", "returns_too_early", "moved_by_one"),
            why=f"consumers that do not know: {_percent(view.value('uninformed_share'))} (three axes: "
            f"{_percent(view.value('uninformed_share', ()))}); steps up before a producer: {number(early)} "
            f"({number(before_early)})",
        ),
        ControlRow(
            id="OB-2.2", name="drift detection", designed_for="one agent against its own past",
            strained_by="instances by the thousand, and producers that degrade",
            verdict=_verdict(view, "moved_by_one"),
            why=f"types that one instance moves: {number(moved)}; counting failures, {number(before_one)}",
        ),
        ControlRow(
            id="OB-3.2", name="circuit breaker", designed_for="halting one cluster",
            strained_by="a supply that comes and goes, and a type halted while others run",
            verdict=steady,
            why=f"returns by itself in a day: {number(returns)} with hysteresis, {number(unsteady)} without",
        ),
    )  # fmt: skip


def _heals(view: View) -> float:
    return float(min((t.pace.type.self_heals_per_day_max for t in view.fleet.types), default=3))


def decisions(view: View) -> tuple[DecisionFinding, ...]:
    who = who_decides(view, RIGHT)
    found = []
    lost, most = view.value("lost_share"), view.fleet.target.blast_radius_share_max
    if lost is not None and most is not None and lost > most:
        worst = view.detail("cascade", "worst") or ["", ""]
        found.append(
            DecisionFinding(
                id="pace-cascade",
                what="have consumers work on from another source, or stale, when a producer is in Emergency",
                why=f"one cluster (`{worst[0]}`) takes {_percent(lost)} of the agents of others along, more "
                "than "
                f"the {_percent(most)} that one failure may take",
                who=who, cost="a fallback source for each such dependency", dimension=DIMENSION_ID,
            )
        )  # fmt: skip
    peak, limit = view.value("return_peak"), view.detail("return", "limit")
    if peak is not None and limit is not None and peak > limit:
        found.append(
            DecisionFinding(
                id="pace-return",
                what="come back in smaller steps (`controls.pace_return: small-steps`), or buy capacity",
                why=f"{number(peak)} sessions return in the same second, and {number(limit)} calls can be "
                "taken",
                who=who,
                cost=f"{number(view.value('return_minutes', ('small-steps',)))} minutes until all are back, "
                "from "
                f"{number(view.value('return_minutes'))}",
                dimension=DIMENSION_ID,
            )
        )  # fmt: skip
    without = view.value("types_without_message")
    if without:
        found.append(
            DecisionFinding(
                id="pace-messages", what="say what customers are told in Contingency and in Emergency",
                why=f"{count(without, 'type hears', 'types hear')} customers and would show them nothing",
                who=who, cost="a sentence for each type", dimension=DIMENSION_ID,
            )
        )  # fmt: skip
    return tuple(found)


def fourth_gives_up(view: View, own: str) -> str:
    lost, slow = view.value("lost_share", (own,)), view.value("recovery_minutes", (own,))
    fast = view.value("recovery_minutes", ())
    if lost is None:
        return "clusters that follow a producer stop with it"
    return (
        f"clusters follow their producers: {_percent(lost)} of the agents of others stop with the worst "
        "one, as "
        f"the file declares; and all are back after {number(slow)} minutes instead of {number(fast)}"
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
    return (
        f"two minutes at least in a phase that was not needed; after {limit} returns a day a person is needed"
    )


def return_gives_up(view: View, own: str) -> str:
    slow, fast = view.value("return_minutes", (own,)), view.value("return_minutes", ())
    return f"the last may go on after {number(slow)} minutes, all at once after {number(fast)}"
