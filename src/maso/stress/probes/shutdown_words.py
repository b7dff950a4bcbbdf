"""What was measured about stopping, in words: answers, controls, decisions, what an adaptation gives up.

Every figure comes from the view; where the fleet file declares too little, the text names the key.
"""

from math import sqrt
from typing import Final

from maso.findings import AnswerFinding, ControlRow, CostFinding, DecisionFinding, Verdict
from maso.stress.dimension import Spread, View
from maso.stress.probes.shutdown_money import OPENS, RESERVATION, declared, drain_seconds
from maso.stress.saying import answer, count, number, price_of_cores, who_decides

DIMENSION_ID: Final = "shutdown"
RIGHT: Final = "kill_switch"  # the decision right that names who orders a stop
# Cores that a switch and its log need: a lease for each type in two seconds is a thousandth of one.
SWITCH_CORES: Final = 1.0
LEASES: Final = "leases"


def no_cost(_view: View) -> tuple[float | None, str]:
    return 0.0, "no machine of its own"


def leases_cost(view: View) -> tuple[float | None, str]:
    usd, basis = price_of_cores(view, SWITCH_CORES)
    return usd, f"a machine of its own for the switch, one core; {basis}"


def regions_cost(view: View) -> tuple[float | None, str]:
    regions = max(1, len(view.fleet.regions))
    usd, basis = price_of_cores(view, SWITCH_CORES * regions)
    return usd, f"one core in each of {count(regions, 'region', 'regions')}; {basis}"


def costs(view: View) -> tuple[CostFinding, ...]:
    """The switch's machine, where agents act by its leases."""
    if LEASES not in view.in_force:
        return ()
    usd, basis = leases_cost(view)
    return (
        CostFinding(
            id="switch", what="the switch that leases are from", usd_month=usd, mark="declared", basis=basis
        ),
    )


def _seconds(value: float | None) -> str:
    if value is not None and value >= 600:
        return f"{number(value / 60)} minutes"
    return f"{number(value)} seconds"


def _open(view: View) -> tuple[str, str, float | None]:
    """What is under way in this fleet: the quantity, its name and its value."""
    kinds = declared(view.fleet)
    for kind in ("payments", "trades"):
        if kind in kinds:
            return f"{kind}_open", kind, view.value(f"{kind}_open")
    return "calls_open", "calls that cannot be taken back", view.value("calls_open")


def _under_way(most: float | None, name: str) -> str:
    """`92 payments are`, `1 trade is`, `1 call that cannot be taken back is`."""
    word, _, rest = name.partition(" ")
    many = f"{name} are"
    return count(most, " ".join(filter(None, (word.removesuffix("s"), rest, "is"))), many)


# F7


def longest(view: View) -> AnswerFinding:
    took, told = view.value("last_action_s"), view.value("last_action_s", ())
    bound, cut = view.value("bound_s"), view.value("last_action_lossy_s", at=1_000)
    worst = view.value("worst_outage_s")
    text = (
        f"{_seconds(took)} until the last call of {number(view.detail('stop', 'instances'))} instances has "
        f"come back, when everything works, and never longer than {_seconds(bound)}, whatever fails: "
        f"{number(view.detail('stop', 'stages_s'))} seconds of stages, a lease of "
        f"{number(view.detail('stop', 'lease_s'))}, {number(view.detail('stop', 'drift_s'))} of clock drift "
        f"and the longest call of {number(view.detail('stop', 'call_s'))}. "
    )
    if worst is not None:
        text += (
            f"The worst of the stops that were rehearsed while something fails took {_seconds(worst)} "
            f"({view.detail('independence', 'worst')}). "
        )
    text += (
        f"When nobody hears anything any more, {_seconds(cut)}. Told one by one through the control plane, "
        f"they take {_seconds(told)}, and {_seconds(view.value('last_action_lossy_s', (), at=1_000))} if it "
        f"cannot reach them. {_declared_most(view, bound)}"
    )
    if not view.fleet.shutdown:
        text += " The stages' times are those of the stress test's own example: the fleet file declares none."
    return answer(
        view, "F7.1", bound, "seconds at most", text, "last_action_s", "bound_s", "last_action_lossy_s",
        "worst_outage_s", key="" if view.fleet.shutdown else "shutdown",
    )  # fmt: skip


def _declared_most(view: View, bound: float | None) -> str:
    """The bound beside what the file says that it may be."""
    most = view.fleet.target.stop_seconds_max
    if most is None:
        return "How long it may take is not declared (`target.stop_seconds_max`)."
    kept = "kept" if bound is not None and bound <= most else "not kept"
    return f"At most {_seconds(most)} are declared (`target.stop_seconds_max`): {kept}."


def under_way(view: View) -> AnswerFinding:
    quantity, name, most = _open(view)
    final = [a.id for a in view.fleet.actions if a.irreversible or a.privileged]
    if not final:
        text = (
            "No action of the fleet file is irreversible or privileged, so nothing that is abandoned would "
            "have to be settled. If that is not so, mark them."
        )
        return answer(view, "F7.2", None, "", text, key="actions[].irreversible")
    text = f"At most {number(most)} {name} at {view.target:,} {view.unit}, by the fleet's own workload"
    stock = view.value("reservations_open")
    if stock is not None:
        text += f", and {number(stock)} reservations"
    text += (
        f"; {number(view.value('calls_open'))} calls that cannot be taken back are on their way at any "
        "moment. "
        "Abandoned, a payment holds a customer's money without an order, a reservation holds stock that "
        "nobody "
        f"buys, a trade is a position that nobody watches: the sweep settled all but "
        f"{number(view.value('for_a_person'))} of what rehearsals left, and "
        f"{number(view.value('ambiguous'))} "
        "stayed ambiguous."
    )
    return answer(
        view, "F7.2", most, name, text, quantity, "reservations_open", "calls_open", "for_a_person",
        "ambiguous",
    )  # fmt: skip


def halt_or_kill(view: View) -> AnswerFinding:
    left, killed = view.spread("left_per_1000", ("graduated",)), view.spread("left_per_1000", ())
    drained, cut = view.spread("drained", ("graduated",)), view.spread("drained", ())
    if left is None or killed is None or drained is None or cut is None:
        text = "No rehearsal could be made: the fleet's links lead nowhere, so nothing was under way."
        return answer(view, "F7.3", None, "", text, status="not_checked")
    text = (
        f"A controlled halt leaves {_ranged(left)} items to reconcile of 1,000 sessions, an immediate kill "
        f"{_ranged(killed)}; the halt completed {_ranged(drained)} payments a rehearsal, the kill "
        f"{_ranged(cut)}. Both end without an ambiguous item ({number(view.value('ambiguous'))}), since the "
        "sweep settles or lists what is left. "
    )
    fewer = left.high < killed.low
    drains = drained.low > cut.high
    if fewer:
        text += "So the halt is the usual order, and the kill remains for when seconds count."
    elif drains:
        text += (
            "The ranges of what is left overlap, so no difference is shown there; what the halt does is "
            "complete payments that customers wait for. The kill remains for when seconds count."
        )
    else:
        text += "The ranges overlap: no difference is shown between the two orders for this fleet."
    key = "" if view.fleet.shutdown else "shutdown"
    shown = killed.median - left.median if fewer else "no difference shown"
    return answer(
        view, "F7.3", shown, "fewer items of 1,000 sessions" if fewer else "in what is left", text,
        "left_per_1000", "drained", "ambiguous", key=key,
    )  # fmt: skip


def _ranged(found: Spread) -> str:
    if found.low == found.high:
        return number(found.median)
    return f"{number(found.median)} (from {number(found.low)} to {number(found.high)})"


def independent(view: View) -> AnswerFinding:
    """F7: does a failure of the agents' platform take the switch along?"""
    over, before = view.value("outages_over_bound"), view.value("outages_over_bound", ())
    worst = view.value("worst_outage_s")
    if over is None:
        return _nothing_acts(view, "F7.4")
    text = (
        f"{'Yes' if over == 0 else 'No'}: {number(view.detail('independence', 'stops'))} stops were "
        "rehearsed while the orchestrator stopped or turned hostile, the whole platform obeyed nobody, the "
        "control plane crashed, the bus, a region or the gateway was cut off, messages were lost, the switch "
        f"restarted. {count(over, 'stop', 'stops')} had an action after the bound of "
        f"{_seconds(view.detail('independence', 'bound_s'))}; the worst took {_seconds(worst)} to the last "
        f"one ({view.detail('independence', 'worst')}). Leases end by themselves, so nobody has to be "
        f"reached. Told by the control plane, {number(before)} of them would go on until credentials end, "
        f"{_seconds(view.value('worst_outage_s', ()))}."
    )
    return answer(view, "F7.4", over, "stops over the bound", text, "outages_over_bound", "worst_outage_s")


def _nothing_acts(view: View, question: str) -> AnswerFinding:
    text = "No rehearsal could be made: the fleet's links lead nowhere, so nothing acts."
    return answer(view, question, None, "", text, status="not_checked")


# E7


def payments(view: View) -> AnswerFinding:
    quantity, name, most = _open(view)
    if not declared(view.fleet) & {"payments", "trades"}:
        text = "No action of the fleet file authorises a payment or places a trade" + (
            "." if most is None else f": {_under_way(most, name)} under way at most."
        )
        return answer(view, "E7.1", most, name, text, quantity, key="actions[].operation")
    budget = view.fleet.target.in_flight_payments_max
    text = (
        f"{_under_way(most, name)} open at {view.target:,} {view.unit}, from how long each is in the fleet's "
        "own workload, on average and four deviations more. Watched were "
        f"{number(_watched(view))} of them, so this is right to about {_error(view)}. "
    )
    if budget is None:
        text += "How many are bearable is not declared (`target.in_flight_payments_max`)."
        return answer(view, "E7.1", most, name, text, quantity)
    text += f"{number(float(budget))} are declared as the most that may be."
    return answer(view, "E7.1", most, name, text, quantity)


def _watched(view: View) -> int:
    """How many payments or trades were seen being opened."""
    calls = view.detail("in-flight", "calls") or {}
    return int(sum(calls.get(opens, 0) for opens, _ in OPENS.values() if opens != RESERVATION[0]))


def _error(view: View) -> str:
    """The standard error of a mean of so many durations, which are about as wide as they are long."""
    seen = _watched(view)
    return f"{100 / sqrt(seen):.0f}%" if seen else "nothing: none was seen"


def gateway(view: View) -> AnswerFinding:
    rate = view.fleet.target.in_flight_confirm_per_second
    window = drain_seconds(view.fleet)
    _, name, most = _open(view)
    if rate is None:
        said = "" if most is None else f"{number(most)} {name} would wait for it."
        text = f"Not declared: how many calls a second the gateway takes. {said}"
        return answer(view, "E7.2", None, "", text, key="target.in_flight_confirm_per_second")
    if not window:
        whole = view.value("sweep_s")
        text = f"No drain is declared; a sweep over {number(most)} {name} takes {_seconds(whole)}."
        return answer(view, "E7.2", None, "", text, "sweep_s", key="shutdown[].seconds_max")
    took = view.value("sweep_s")
    slow, repeats = view.value("sweep_slow_s"), view.detail("in-flight", "repeats")
    longest, at_once = view.detail("in-flight", "call_s"), view.detail("in-flight", "at_once")
    holds = took is not None and took <= window
    text = (
        f"{'Yes' if holds else 'No'}: it takes {count(rate, 'call', 'calls')} a second, so "
        f"{number(view.value('drain_holds'))} in {window} seconds, and {_under_way(most, name)} open. The "
        f"reconciler asks no faster than that, and at most {number(at_once)} at once: it needs "
        f"{_seconds(took)} for them, {_seconds(slow)} if every answer takes {_seconds(longest)}"
        f"{', longer than the drain' if holds and slow is not None and slow > window else ''} "
        "(`target.in_flight_confirm_per_second`)."
    )
    if repeats:
        text += f" It repeats {number(repeats)} calls whose answers come late."
    return answer(view, "E7.2", took, "seconds", text, "sweep_s", "sweep_slow_s", "drain_holds")


def own_platform(view: View) -> AnswerFinding:
    """E7: with the container platform compromised, can the stop still be triggered?"""
    over, before = view.value("platform_over_bound"), view.value("platform_over_bound", ())
    if over is None:
        return _nothing_acts(view, "E7.3")
    held = over == 0 and not view.value("outage_laws_broken")
    text = (
        f"{'Yes' if held else 'No'}: it was triggered in "
        f"{number(view.detail('independence', 'stops_platform'))} rehearsals with the platform stopped, "
        "crashed, or wholly in an attacker's hands: it obeys no stage, lease or revocation, makes up "
        f"payments, forges leases and orders ({number(view.detail('independence', 'hostile'))} tries), or "
        "says nothing. The order needs two people and the switch, whose own timers end the stages; gateways "
        f"ask the switch's leases. {count(over, 'stop', 'stops')} had an action after the bound, the last "
        f"one came {_seconds(view.value('worst_platform_s'))} after the order "
        f"({view.detail('independence', 'worst_platform')}). Where the platform itself has to tell agents, "
        f"{number(before)} would go on until credentials end. What maso cannot see is where the switch runs: "
        "give it a machine, a network and credentials outside of the platform."
    )
    return answer(
        view, "E7.3", over, "stops over the bound", text, "platform_over_bound", "worst_platform_s",
        "outage_laws_broken",
    )  # fmt: skip


def customers(view: View) -> AnswerFinding:
    if not view.fleet.shutdown:
        text = "Not declared: the fleet file names no stages, so nobody has decided what customers are told."
        return answer(view, "E7.4", None, "", text, key="shutdown")
    mute = view.value("stages_without_message")
    said = [f"{s.stage}: {s.customer_message}" for s in view.fleet.shutdown if s.customer_message]
    text = f"{'; '.join(said) or 'Nothing'}. " if said else "They are told nothing. "
    if mute:
        text += f"In {count(mute, 'stage', 'stages')} before the reconciliation they are told nothing."
    facing = any(port.source == "customer" for port in view.fleet.ports)
    if not facing:
        text += " No port of source `customer` is declared: whoever waits for the agents is told by people."
    key = "shutdown[].customer_message" if mute and facing else ""
    return answer(
        view, "E7.4", mute, "stages without a message", text, "stages_without_message", key=key,
        status="declared",
    )  # fmt: skip


# Controls, decisions, what is given up.


def _verdict(now: bool | None, before: bool | None) -> Verdict:
    """`now`, `before`: whether the budget holds as declared and under standard."""
    if now is None:
        return "not_measured"
    if not now:
        return "breaks"
    return "adapts" if before is False else "holds"


def _within(value: float | None, most: float) -> bool | None:
    return None if value is None else value <= most


def controls(view: View) -> tuple[ControlRow, ...]:
    over, before = view.value("outages_over_bound"), view.value("outages_over_bound", ())
    took, told = view.value("last_action_s"), view.value("last_action_s", ())
    sweep, window = view.value("sweep_s"), drain_seconds(view.fleet)
    return (
        ControlRow(
            id="OB-3.2", name="circuit breaker and kill switch",
            designed_for="ending five agents in one cluster, from the platform that runs them",
            strained_by="thousands of instances in several regions, and a platform that is itself gone",
            verdict=_verdict(_within(over, 0), _within(before, 0)),
            why=f"last action after {_seconds(took)}, told one by one after {_seconds(told)}; outages over "
            "the "
            f"bound: {number(over)}, told by the platform {number(before)}",
        ),
        ControlRow(
            id="EC-2.6", name="decision commit protocol", designed_for="whether an action may be done",
            strained_by="a stop in the middle of paying: complete what is committed, begin nothing",
            verdict=_verdict(_within(view.value("ambiguous"), 0), _within(view.value("ambiguous", ()), 0)),
            why=f"ambiguous items after rehearsed stops: {number(view.value('ambiguous'))}; a sweep over "
            "all that "
            f"is open takes {_seconds(sweep)}" + (f", the drain may take {window}" if window else ""),
        ),
    )  # fmt: skip


def decisions(view: View) -> tuple[DecisionFinding, ...]:
    who = who_decides(view, RIGHT)
    found = []
    took, window = view.value("sweep_s"), drain_seconds(view.fleet)
    if took is not None and window and took > window:
        found.append(
            DecisionFinding(
                id="shutdown-sweep",
                what="buy a higher rate of the gateway, or declare a longer drain",
                why=f"settling what is open takes {_seconds(took)}, the drain may last {window} seconds; the "
                "sweep asks as fast as the declared rate allows, so no setting of the controls helps",
                who=who, cost="the provider's price, or a later end", dimension=DIMENSION_ID,
            )
        )  # fmt: skip
    if not view.fleet.shutdown:
        found.append(
            DecisionFinding(
                id="shutdown-declare", what="declare the stages of a shutdown, with times and messages",
                why="until then a stop has the times of somebody else's example", who=who,
                cost="a decision about each stage", dimension=DIMENSION_ID,
            )
        )  # fmt: skip
    cut = view.value("cut_off_share")
    if cut:
        found.append(
            DecisionFinding(
                id="shutdown-regions", what="accept that a region which cannot hear the switch stops, or not",
                why=f"{100 * cut:.0f}% of the agents stop within a lease when their region is cut off, "
                "though "
                "nobody ordered it",
                who=who, cost="a switch in every region lets it go on, and needs to be told there as well",
                dimension=DIMENSION_ID,
            )
        )  # fmt: skip
    return tuple(found)


def graduated_gives_up(view: View, own: str) -> str:
    slow, fast = view.value("last_action_s", (own, "leases")), view.value("last_action_s", ("leases",))
    bound = view.value("bound_s", (own, "leases"))
    return (
        f"with leases, {_seconds(slow)} to the last action instead of {_seconds(fast)}, and "
        f"{_seconds(bound)} at "
        "most, during which committed payments still complete"
    )


def leases_give_up(view: View, own: str) -> str:
    cut = view.value("cut_off_share", (own,))
    share = "an unknown share" if cut is None else f"{100 * cut:.0f}%"
    return f"agents that do not hear the switch stop: {share} of them when the largest region is cut off"


def regions_give_up(view: View, own: str) -> str:
    took = view.value("last_action_lossy_s", ("graduated", "leases", own), at=1_000)
    return (
        "one place from which everything stops: an order has to reach every region, and a region that it "
        "does not "
        f"reach goes on until the second person's time is over ({_seconds(took)})"
    )
