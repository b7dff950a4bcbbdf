"""What was measured about data boundaries, in words: answers, controls, decisions, costs, attack paths.

Every figure comes from the view; where it has none, the text says which key of the fleet file would give it.
"""

from typing import Any, Final

from maso.controls.barriers import barriers_of
from maso.findings import AnswerFinding, AttackPath, ControlRow, CostFinding, DecisionFinding, Verdict
from maso.stress.dimension import View
from maso.stress.saying import answer, count, price_of_cores, price_of_hours, who_decides
from maso.stress.saying import number as _n

DIMENSION_ID: Final = "data-boundaries"
LATTICE: Final = "label-lattice"
BUSES: Final = "bus-per-barrier"
AT_BOUNDARIES: Final = "scan-at-boundaries"
STANDARD: Final[tuple[str, ...]] = ()
RIGHT: Final = "security_control_budget"  # the decision right under which controls are changed
RATES_ASKED: Final = (1_000, 10_000, 600_000)
NAMES_SHOWN: Final = 12
NOT_CHECKED: Final = (
    "covert channels: an agent that tells one bit at a time by what it chooses and when",
    "data that leaves by an agent's model provider, which sees every prompt",
    "whether clearances, markings and owners in the fleet file are right: they are taken as declared",
    "rules that find what is encoded, translated or cut into pieces: a firm's own names are found as written",
    "a network between buses: several buses were measured one after the other, in one process",
    "a message's cost with more than 200 sessions open (`--quick`: 50), which `docs/speed.md` has",
    "queues were simulated with random arrivals and one mean cost; a burst of everybody at once is worse",
)


def _percent(share: float | None) -> str:
    return "not measured" if share is None else f"{share:.1%}" if 0 < share < 0.1 else f"{share:.0%}"


def _size(view: View) -> str:
    return f"{view.target:,} {view.unit}"


def _none_declared(view: View, question: str) -> AnswerFinding:
    text = (
        "No information barrier is declared. If there are data that some agents must not have, declare a "
        "compartment with `barrier: true` and give those who may have it clearance for it."
    )
    return answer(view, question, None, "", text, key="compartments[].barrier")


def _with(view: View, adaptation: str) -> tuple[str, ...]:
    """The fleet as declared, and this adaptation."""
    return tuple(dict.fromkeys((*view.in_force, adaptation)))


# Questions.


def barriers_declared(view: View) -> AnswerFinding:
    barriers = barriers_of(view.fleet)
    if not barriers:
        return _none_declared(view, "F6.1")
    names = ", ".join(barriers[:NAMES_SHOWN])
    entries, rules = view.value("barrier_entries"), view.value("barrier_entries", STANDARD)
    declared = count(len(barriers), "barrier is", "barriers are")
    text = (
        f"{declared} declared: {names}. At {_size(view)}, one rule for each barrier and "
        f"pair that must be kept apart makes {count(rules, 'entry', 'entries')} to read; as declared it is "
        f"{_n(entries)}."
    )
    return answer(view, "F6.1", len(barriers), "barriers", text, "barrier_entries", status="declared")


def pairs_that_cross(view: View) -> AnswerFinding:
    if not barriers_of(view.fleet):
        return _none_declared(view, "F6.2")
    linked, apart = view.value("crossing_pairs"), view.value("pairs_apart")
    links = view.detail("entries", "crossing_total") or 0
    shedding = view.detail("entries", "shedding") or 0
    text = (
        f"{count(linked, 'pair of agents has', 'pairs of agents have')} a link across a barrier, of "
        f"{_n(apart)} that a barrier lies between. Of {count(links, 'such link', 'such links')}, "
        f"{count(shedding, 'sheds', 'shed')} the barrier by a strict schema that somebody answers for; the "
        "list names them."
    )
    return answer(view, "F6.2", linked, "pairs", text, "crossing_pairs", "pairs_apart")


def scanning_viable(view: View) -> AnswerFinding:
    rate = view.fleet.target.messages_per_second
    sustained = view.value("sustained_per_second")
    if not sustained:
        text = "No traffic could be measured: the fleet has no links along which messages go."
        return answer(view, "F6.3", None, "", text, key="links")
    at_rates = ", ".join(f"{_n(asked / 60 / sustained)} at {asked:,}" for asked in RATES_ASKED)
    text = (
        f"A message takes {_n(1e6 / sustained)} µs with everything scanned, so one core sustains "
        f"{_n(sustained)} a second; cores at messages a minute: {at_rates}. "
    )
    if rate is None:
        text += "Whether that is enough cannot be said: the file declares no rate. "
        return answer(
            view, "F6.3", sustained, "messages/s", text + _segmented(view), key="target.messages_per_second"
        )
    if sustained >= rate:
        text += f"That is {_n(sustained / rate)} times the declared {rate:,}: scanning all is viable. "
    else:
        text += f"That is less than the declared {rate:,}: a faster core is needed, or several buses. "
    text += _segmented(view)
    return answer(view, "F6.3", sustained, "messages/s", text, "sustained_per_second", "late_ms")


def _segmented(view: View) -> str:
    """What one bus for each barrier would do."""
    cut = _with(view, BUSES)
    buses, sustained = view.value("buses", cut), view.value("sustained_per_second", cut)
    if buses is None or sustained is None or buses < 2:
        return ""
    twice, once = view.value("crossing_us", cut), view.value("crossing_us")
    crossing = "" if not twice or not once else (
        f"; a message that crosses, decided twice, would take {_n(twice / once)} times as long"
    )  # fmt: skip
    return (
        f"{_n(buses)} buses, one for each set of barriers, would sustain {_n(sustained)} a second with a "
        f"core each{crossing}; `maso run` drives one bus."
    )


def derived_inherits(view: View) -> AnswerFinding:
    if not barriers_of(view.fleet):
        return _none_declared(view, "F6.4")
    now, before = view.value("uncleared_receivers"), view.value("uncleared_receivers", STANDARD)
    longest = view.detail("handoffs", "longest")
    if now is None:
        return _no_chain(view)
    verdict = "inherits" if now == 0 else "does not inherit"
    text = (
        f"Derived data {verdict} the restriction: a summary in other words, handed on up to "
        f"{count(longest, 'time', 'times')}, reached "
        f"{count(now, 'agent that is', 'agents that are')} not cleared as the fleet is declared"
    )
    if before is not None:
        text += f", and {_n(before)} where labels are what senders state and rules look at content"
    return answer(view, "F6.4", now, "agents", f"{text}.", "uncleared_receivers")


def _no_chain(view: View) -> AnswerFinding:
    """Nobody is without clearance for any barrier, or no link leads to them."""
    barriers, cleared = barriers_of(view.fleet), [t.clearance.compartments for t in view.fleet.types]
    if all((name in one) == (name in cleared[0]) for name in barriers for one in cleared):
        text = (
            "No chain could be tried: every agent is cleared for the same, so no barrier lies between them."
        )
        return answer(view, "F6.4", None, "", text, key="types[].clearance")
    text = (
        "No chain could be tried: as the fleet file declares them, no links lead from behind a barrier to "
        "somebody who is not cleared for it, directly or through others."
    )
    return answer(view, "F6.4", "no way out", "", text, status="declared")


# Adaptations.


def lattice_gives_up(view: View, _own: str) -> str:
    over = view.value("overlabelled_share", (LATTICE,))
    refused = view.value("refused_honest_share", (LATTICE,))
    saturated = view.value("saturated_refused_share", (LATTICE,))
    told = []
    if over is not None:
        told.append(f"{_percent(over)} of messages between agents carry a label beyond their own content")
    if refused is not None:
        told.append(f"{_percent(refused)} of honest messages are refused for it")
    if saturated is not None:
        told.append(
            f"once an agent was told all that it may know, {_percent(saturated)} of the links measured take "
            "no harmless message of it any more"
        )
    figures = f": {'; '.join(told)}" if told else ""
    text = f"granularity: a label follows what an agent was told, not what it says{figures}"
    return text + _more_to_audit(view)


def _more_to_audit(view: View) -> str:
    """A few agents make fewer pairs than labels: said where it is so at the target."""
    rules, labels = (view.value("barrier_entries", chosen) for chosen in (STANDARD, (LATTICE,)))
    if rules is None or labels is None or labels <= rules:
        return ""
    hours = [view.value("barrier_audit_hours", chosen) for chosen in (STANDARD, (LATTICE,))]
    spent = "" if None in hours else f", {_n(hours[1])} hours instead of {_n(hours[0])}"
    return (
        f"; at {_size(view)} it is more to audit: {count(labels, 'entry', 'entries')} instead of {_n(rules)} "
        f"with rules between pairs{spent}"
    )


def lattice_cost(view: View) -> tuple[float | None, str]:
    before, after = view.value("barrier_audit_hours", STANDARD), view.value("barrier_audit_hours", (LATTICE,))
    if before is None or after is None:
        return 0.0, "no part of the platform changes"
    return 0.0, (
        f"no part of the platform changes; {count(before, 'hour', 'hours')} of audit become {_n(after)}"
    )


def buses_give_up(view: View, own: str) -> str:
    cut = _with(view, own)
    buses = view.value("buses", cut)
    if buses is None:
        return "not measured: no barrier is declared"
    return (
        f"one place to look: {count(buses, 'bus', 'buses')} with "
        f"{count(view.value('port_adapters', cut), 'port adapter', 'port adapters')} "
        f"(one bus: {_n(view.value('port_adapters'))}) and records of their own{_twice(view, cut)}"
    )


def _twice(view: View, cut: tuple[str, ...]) -> str:
    """What a message across a barrier takes, and loses, where it goes through a gate."""
    two, one = view.value("crossing_us", cut), view.value("crossing_us")
    lost = view.value("lost_by_gates", cut)
    text = ""
    if two is not None and one is not None:
        text += f"; a message that crosses is decided twice, in {_n(two)} µs instead of {_n(one)}"
    if lost:
        text += (
            f"; {count(lost, 'link or delegation', 'links and delegations')} across barriers "
            f"{'loses' if lost == 1 else 'lose'} what a gate does not carry (instructions, claims, authority)"
        )
    return text


def buses_cost(view: View) -> tuple[float | None, str]:
    buses = view.value("buses", _with(view, BUSES))
    if buses is None or buses < 2:
        return 0.0, "no bus more"
    usd, basis = price_of_cores(view, buses - 1)
    return usd, f"{count(buses - 1, 'bus', 'buses')} more, with a core each; {basis}"


def boundaries_give_up(view: View, own: str) -> str:
    some = _with(view, own)
    saved, before = view.value("handled_us", some), view.value("handled_us")
    unseen = view.value("planted_unseen_share", some)
    return (
        f"sight: {_percent(unseen)} of the names planted in messages between agents were looked at by nothing"
        if unseen is not None
        else "sight of messages between agents that are cleared for the same"
    ) + (
        f"; a message takes {_n(saved)} µs instead of {_n(before)}"
        if saved is not None and before is not None
        else ""
    )


def boundaries_cost(_view: View) -> tuple[float | None, str]:
    return None, "may not be chosen, so it has no price"


# Controls.


def control_rows(view: View) -> tuple[ControlRow, ...]:
    return (_row_labels(view), _row_scanning(view), _row_memory(view), _row_derived(view))


def _row(control: str, name: str, designed: str, strained: str, verdict: Verdict, why: str) -> ControlRow:
    return ControlRow(
        id=control, name=name, designed_for=designed, strained_by=strained, verdict=verdict, why=why
    )


def _judged(plain: bool | None, now: bool | None) -> Verdict:
    """From whether the budget holds under the standard configuration, and as declared."""
    if now is None:
        return "not_measured"
    if not now:
        return "breaks"
    return "adapts" if plain is False else "holds"


def _within(value: float | None, limit: float | None) -> bool | None:
    return None if value is None or limit is None else value <= limit


def _row_labels(view: View) -> ControlRow:
    limit = view.fleet.target.audit_hours_max
    now, plain = view.value("barrier_audit_hours"), view.value("barrier_audit_hours", STANDARD)
    if not barriers_of(view.fleet):
        why = "no barrier is declared (`compartments[].barrier`)"
    elif now is None:
        why = "the hours need `governance.audit_rules_per_hour`"
    elif limit is None:
        hours = count(now, "hour", "hours")
        why = f"{hours} to audit; `target.audit_hours_max` would say whether that is too many"
    else:
        why = (
            f"{count(plain, 'hour', 'hours')} to audit rules between pairs, {_n(now)} as declared, of "
            f"{_n(limit)}"
        )
    return _row(
        "DP-1.1", "data classification", "labelling data by sensitivity",
        "rules that grow with barriers times pairs of agents",
        _judged(_within(plain, limit), _within(now, limit)), why,
    )  # fmt: skip


def _row_scanning(view: View) -> ControlRow:
    rate, sustained = view.fleet.target.messages_per_second, view.value("sustained_per_second")
    many = view.points("rules_us")
    if sustained is None:
        return _row(
            "DP-2.1", "DLP on the message bus", "preventing data leakage",
            "scanning at a high message volume with many rules", "not_measured", "the fleet has no traffic",
        )  # fmt: skip
    ok = None if rate is None else sustained >= rate
    why = f"one core sustains {_n(sustained)} messages a second"
    why += f" of {rate:,} declared" if rate is not None else "; `target.messages_per_second` declares no rate"
    if many:
        why += f"; looking for {many[-1][0]:,} own rules takes {_n(many[-1][1])} µs a text"
    return _row(
        "DP-2.1", "DLP on the message bus", "preventing data leakage",
        "scanning at a high message volume with many rules", _judged(None, ok), why,
    )  # fmt: skip


def _row_memory(view: View) -> ControlRow:
    size = view.value("bytes_per_instance")
    live = view.detail("memory", "instances_at_size")
    total = "" if size is None or live is None else f", {_n(size * live / 1e6)} MB at {_size(view)}"
    why = "no instance could be measured"
    if size is not None:
        why = f"{_n(size)} bytes an instance{total}; no key of the fleet file limits it"
    return _row(
        "DP-1.3", "memory isolation", "preventing persistence across boundaries",
        "memory that grows with the number of contexts", "not_measured", why,
    )  # fmt: skip


def _row_derived(view: View) -> ControlRow:
    now, plain = view.value("uncleared_receivers"), view.value("uncleared_receivers", STANDARD)
    why = (
        "no chain across a barrier could be tried"
        if now is None or plain is None
        else f"{count(plain, 'uncleared agent', 'uncleared agents')} received a summary under stated labels, "
        f"{_n(now)} as declared"
    )
    return _row(
        "DP-2.5", "derived data reclassification", "carrying labels from data to what is made of them",
        "summaries in other words, over many handoffs", _judged(_within(plain, 0), _within(now, 0)), why,
    )  # fmt: skip


# Decisions, costs, attack paths.


def decisions(view: View) -> tuple[DecisionFinding, ...]:
    """Nothing about a bus per barrier where one bus is enough: `maso run` drives one, whatever is decided."""
    made = [_declassifications(view)] if view.detail("entries", "shedding") else []
    hours, limit = view.value("barrier_audit_hours"), view.fleet.target.audit_hours_max
    if hours is not None and limit is not None and hours > limit and not view.recommended:
        made.append(_audit(view, hours, limit))
    rate, sustained = view.fleet.target.messages_per_second, view.value("sustained_per_second")
    if rate is not None and sustained is not None and sustained < rate:
        made.append(_capacity(view, rate, sustained))
    return tuple(made)


def _declassifications(view: View) -> DecisionFinding:
    rows: list[Any] = view.detail("entries", "crossing") or []
    owners = dict.fromkeys(row[4] for row in rows if row[3] != "nothing")
    shedding = view.detail("entries", "shedding") or 0
    return DecisionFinding(
        id="declassifications",
        what=f"whether {count(shedding, 'link that sheds', 'links that shed')} a barrier may stay",
        why="each lets something of what is behind the barrier out, by a strict schema; the list names them",
        who=", ".join([*owners][:NAMES_SHOWN]) or who_decides(view, RIGHT),
        cost="none: reading the list",
    )


def _audit(view: View, hours: float, limit: float) -> DecisionFinding:
    """Too much to read, and no other way of keeping the barriers that was measured is short enough."""
    usd, basis = price_of_hours(view, hours)
    return DecisionFinding(
        id="barrier-audit",
        what="declare more auditors (`governance.audit_rules_per_hour`: entries that all of them read in an "
        "hour) or raise `target.audit_hours_max`",
        why=f"auditing what keeps the barriers takes {count(hours, 'hour', 'hours')} at {_size(view)}, of "
        f"{count(limit, 'hour', 'hours')} declared, and no adaptation that was measured changes that",
        who=who_decides(view, RIGHT),
        cost=basis if usd is None else f"${usd:,.0f} for each audit ({basis})",
    )


def _capacity(view: View, rate: int, sustained: float) -> DecisionFinding:
    """One core is not enough. Buses of one's own, without `maso run`, are the owner's to build."""
    buses = view.value("buses", _with(view, BUSES))
    cut = buses is not None and buses > 1
    outside = f", or build {_n(buses)} buses outside of `maso run`, which drives one" if cut else ""
    return DecisionFinding(
        id="scanning-capacity",
        what=f"give the plane a faster core, or plan for fewer messages a second{outside}",
        why=f"one core sustains {_n(sustained)} messages a second of {rate:,} declared "
        f"(`target.messages_per_second`). {_segmented(view)}".strip(),
        who=who_decides(view, RIGHT),
        cost=f"for the buses: {buses_cost(view)[1]}" if cut else "not declared: the price of a faster core",
    )


def costs(view: View) -> tuple[CostFinding, ...]:
    """Cores by the same figure as the answers': what one core sustains."""
    rate, sustained = view.fleet.target.messages_per_second, view.value("sustained_per_second")
    usd, basis = None, "needs `target.messages_per_second`"
    if rate is not None:
        basis = "not measured: the fleet has no traffic"
    if rate is not None and sustained:
        cores = rate / sustained
        usd, priced = price_of_cores(view, cores)
        per_second = count(rate, "message", "messages")
        basis = f"{count(cores, 'core', 'cores')} at {per_second} a second, all month; {priced}"
    what = "deciding and scanning every message"
    return (CostFinding(id="scanning-cores", what=what, usd_month=usd, mark="measured", basis=basis),)


def attack_paths(view: View) -> tuple[AttackPath, ...]:
    """One chain for each barrier, as it was tried under the configuration that the fleet declares."""
    found = []
    for place, (barrier, path, reached, refused) in enumerate(view.detail("handoffs", "chains") or [], 1):
        stopped = reached == "nobody"
        if stopped and refused == "nothing":
            continue  # it came to nobody whom it should not come to, and no control was asked
        found.append(
            AttackPath(
                id=f"derived-{place}",
                steps=tuple(path.split(" > ")),
                reaches=f"a summary of what is behind `{barrier}`, with agents that are not cleared for it",
                outcome="stopped" if stopped else "succeeds",
                stopped_by=refused if stopped else "",
                dimension=DIMENSION_ID,
            )
        )
    return tuple(found)
