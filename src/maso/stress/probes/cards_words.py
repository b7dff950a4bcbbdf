"""What was measured about card data, in words: answers, controls, decisions, costs, attack paths.

Every figure comes from the view, and no text ever held a card number: probes return counts and names.
"""

from math import ceil
from typing import Any, Final

from maso.findings import (
    AnswerFinding,
    AttackPath,
    ControlRow,
    CostFinding,
    DecisionFinding,
    Verdict,
)
from maso.stress.dimension import View
from maso.stress.probes.cards_fleet import Cards
from maso.stress.saying import answer, count, number, price_of_cores, who_decides

DIMENSION_ID: Final = "card-data"
LABELS: Final = "labels-with-dlp"
COMPARTMENT_KEY: Final = "dlp.compartments.pan"
RIGHT: Final = "card_data_scope"  # the decision right that names who decides about PCI scope


def _share(value: float | None) -> str:
    return "not measured" if value is None else f"{100 * value:.3g}%"


def _names(names: tuple[str, ...] | list[str], most: int = 4) -> str:
    shown = ", ".join(f"`{name}`" for name in names[:most])
    return shown + (f" and {len(names) - most} more" if len(names) > most else "")


def _largest(view: View) -> str:
    """The largest run of the fleet, which is below the target where memory or time forbids more."""
    points = view.points("types_holding_cards")
    return f"{points[-1][0]:,} {view.unit}" if points else f"{view.target:,} {view.unit}"


def _last(view: View, quantity: str) -> float | None:
    """The value at the target, or at the largest size that was run."""
    points = view.points(quantity)
    return points[-1][1] if points else None


def _ever(view: View, quantity: str) -> float | None:
    """The most of it at any size: one run in which it happened is enough."""
    points = view.points(quantity)
    return float(ceil(max(value for _, value in points))) if points else None


def _detail(view: View, probe: str, name: str, chosen: tuple[str, ...] | None = None) -> Any:
    return view.detail(probe, name, chosen) or 0


# E5.1


def scope(view: View) -> AnswerFinding:
    held = _ever(view, "types_holding_cards")
    cards = Cards(view.fleet)
    quantities = ("types_holding_cards", "types_beyond_scope", "types_in_scope_attacked")
    if held is None:
        text = f"Nothing was found: {why_not(view)}. {_declared_scope(cards)}"
        return answer(view, "E5.1", float(len(cards.cleared_types)), "types", text, status="declared")
    beyond = _ever(view, "types_beyond_scope") or 0
    planted, pasted = _detail(view, "scope", "numbers"), _detail(view, "scope", "pasted")
    found = (
        f"Of {count(planted, 'card number', 'card numbers')} in a run of {_largest(view)} ({number(pasted)} "
        "of them pasted "
        f"where they do not belong), {_held_by(held, beyond)}."
    )
    text = f"{_declared_scope(cards)} {found}{_attacked(view)}"
    return answer(view, "E5.1", held, "types that held a card number", text, *quantities)


def _held_by(held: float, beyond: float) -> str:
    if not held:
        return "searching every context found none"
    return (
        f"searching every context found them with {count(held, 'type', 'types')}, "
        f"{number(beyond)} of which {'is' if beyond == 1 else 'are'} not cleared"
    )


def _declared_scope(cards: Cards) -> str:
    many = f"{len(cards.fleet.types)} {'types' if cards.fleet.kind == 'depth' else 'agents'}"
    if not cards.compartment:
        return (
            f"No PCI scope is declared: `{COMPARTMENT_KEY}` names no compartment, so none of {many} may "
            "hold a card number."
        )
    cleared = _names(cards.cleared_types) or "nobody"
    return f"Cleared for `{cards.compartment}`: {cleared}, {len(cards.cleared_types)} of {many}."


def _attacked(view: View) -> str:
    before, after = (view.value("types_in_scope_attacked", chosen) for chosen in ((), (LABELS,)))
    if before is None or after is None:
        return ""
    return (
        f" With a taken-over holder that tries every flow it is {count(before, 'type', 'types')} with "
        f"detection alone, {number(after)} with labels."
    )


def why_not(view: View) -> str:
    told = (view.detail("scope", name) for name in ("why", "unexercised"))
    return str(next(filter(None, told), "neither a text nor a card number enters this fleet"))


# E5.2


def minimisation(view: View) -> AnswerFinding:
    fields = view.value("fields_between_types")
    if fields is None:
        return answer(
            view,
            "E5.2",
            None,
            "fields",
            "No flow could be looked at: the fleet declares no link from one type to another.",
            status="not_checked",
        )
    if not fields:
        text = "The fleet file declares no link from one type to another, so nothing is passed between them."
        return answer(view, "E5.2", 0.0, "fields", text, "fields_between_types", status="declared")
    named: list[str] | None = view.detail("journeys", "unused")
    wide = view.value("flows_wide_enough")
    text = (
        f"Shapes are enforced: no field that is not declared passes (EC-2.13). Flows between types declare "
        f"{count(fields, 'field', 'fields')}, {number(view.value('free_texts_between_types'))} of them free "
        "text; "
        f"{count(wide, 'flow', 'flows')} could carry a whole card number in one field. "
    )
    if named is None or view.value("fields_unused") is None:
        text += "No journey used them, so what receivers need was not measured."
        return answer(view, "E5.2", None, "fields", text, "fields_between_types", key="workload.journeys")
    text += (
        f"In {count(_detail(view, 'journeys', 'messages'), 'message', 'messages')}, "
        f"{count(len(named), 'field', 'fields')} "
        f"reached some receiver that neither passed the value on nor has a field for it"
        f"{f': {_names(named)}' if named else ''}.{_leaving(view)}"
    )
    quantities = ("fields_between_types", "fields_unused", "flows_leaving_wide_enough", "flows_leaking_given")
    return answer(view, "E5.2", float(len(named)), "fields that no receiver needs", text, *quantities)


def _leaving(view: View) -> str:
    wide, leaks = view.value("flows_leaving_wide_enough"), view.value("flows_leaking_given")
    if wide is None:
        return ""
    leaving = _detail(view, "shapes", "leaving") or []
    before = view.value("flows_leaking_given", ())
    tried = (
        "" if leaks is None
        else f"; spreading one over fields and messages got through {count(before, 'flow', 'flows')} by "
        f"detection alone and {number(leaks)} as declared"
    )  # fmt: skip
    return (
        f" Of {count(len(leaving), 'flow that leaves', 'flows that leave')} the compartment, {number(wide)} "
        f"{'has' if wide == 1 else 'have'} a field for a whole number"
        f"{tried}."
    )


# E5.3


def audit_log(view: View) -> AnswerFinding:
    counts = [count for _, count in _record_searches(view) if count is not None]
    if not counts:
        text = f"No record with card data could come about: {why_not(view)}."
        return answer(view, "E5.3", 0.0, "records", text, status="declared")
    searched = sum(
        int(_detail(view, probe, "records")) for probe, count in _record_searches(view) if count is not None
    )
    found = sum(counts)
    text = (
        f"{'It masks' if not found else 'It does not mask everything'}: of "
        f"{count(searched, 'record', 'records')} ({_searched_how(view)}), "
        f"{number(found)} {'holds' if found == 1 else 'hold'} a card number in a listed way: as text, in a "
        f"code, over values or as an integer{_named_in_texts(view)}.{_invented(view)} "
        "Records keep keyed digests, and an excerpt only of what was refused, held or masked, every digit "
        "replaced. "
    )
    text += (
        "So the log is in PCI scope, as the plane is."
        if found
        else "So the log can stay out of PCI scope; the plane, which reads the messages, cannot."
        if Cards(view.fleet).cleared_types
        else "Nothing here is in PCI scope by declaration."
    )
    return answer(
        view, "E5.3", found, "records with a card number", text, "records_with_card",
        "paste_records_with_card", "attempt_records_with_card", "attempt_records_invented", "texts_with_card",
    )  # fmt: skip


def _searched_how(view: View) -> str:
    how = {
        "scope": f"a run of {_largest(view)} with card numbers planted",
        "pastes": "every way of writing tried at every entry",
        "flows": "every flow tried",
    }
    return ", ".join(how[probe] for probe, found in _record_searches(view) if found is not None)


def _named_in_texts(view: View) -> str:
    texts = _ever(view, "texts_with_card")
    if texts is None:
        return ""
    return f"; {count(texts, 'refusal or error names', 'refusals or errors name')} one"


def _invented(view: View) -> str:
    found = sum(view.value(name) or 0 for name in ("paste_records_invented", "attempt_records_invented"))
    if not found:
        return ""
    return (
        f" In an invented way {count(found, 'number stands', 'numbers stand')} in an excerpt: brought from "
        "outside, so that no label named it."
    )


def _record_searches(view: View) -> tuple[tuple[str, float | None], ...]:
    """(probe, records with a card number that its search found)."""
    return (
        ("scope", _ever(view, "records_with_card")),
        ("pastes", view.value("paste_records_with_card")),
        ("flows", view.value("attempt_records_with_card")),
    )


# E5.4


def pasted(view: View) -> AnswerFinding:
    share = view.value("pasted_listed_share")
    if share is None:
        text = f"Nothing can be pasted where it does not belong: {why_not(view)}."
        return answer(view, "E5.4", 0.0, "share", text, status="declared")
    ways, entries = _detail(view, "pastes", "listed_ways"), view.value("paste_entries")
    rows = _detail(view, "pastes", "channels") or []
    masked, refused = (sum(int(row[at]) for row in rows if row[2] == "listed") for at in (4, 5))
    customers = _detail(view, "pastes", "customer_entries")
    text = (
        f"Tried {count(ways, 'listed way', 'listed ways')} of writing through "
        f"{count(entries, 'entry', 'entries')} "
        f"({number(customers)} of them written by customers): {_share(share)} reached a type that is not "
        f"cleared. {count(masked, 'number was', 'numbers were')} masked, and the talk went on; "
        f"{count(refused, 'was', 'were')} refused, and the writer was told why without a digit of it."
    ) + _pasted_otherwise(view)
    return answer(
        view, "E5.4", share, "share that reached a type not cleared", text,
        "pasted_listed_share", "pasted_unlisted_share", "piece_digits_max", "pasted_reaching_share",
    )  # fmt: skip


def _pasted_otherwise(view: View) -> str:
    """Ways that nobody lists, and numbers in pieces; nothing where none was tried."""
    share, digits = view.value("pasted_unlisted_share"), view.value("piece_digits_max")
    text = ""
    if share is not None:
        does = "get through" if share else "do not get through"
        text += f" Invented ways {does}: {_share(share)} of those tried reached such a type"
        text += ", since nothing labels what nobody recognises." if share else "."
    if digits:
        text += f" In pieces, up to {count(digits, 'digit', 'digits')} arrived before the last was refused."
    return text


# Adaptation, controls, decisions, costs, paths.


def labels_give_up(view: View, adaptation: str) -> str:
    refused = view.value("honest_refused_by_labels", (adaptation,))
    before = view.value("honest_refused_by_labels", ())
    if refused is None:
        return "not measured"
    messages = view.value("honest_messages", (adaptation,))
    return (
        f"freedom of honest senders: of {count(messages, 'honest message', 'honest messages')} of a short "
        f"run {number(refused)} {'was' if refused == 1 else 'were'} "
        f"refused because of a label ({number(before)} without); whoever holds a number may tell nobody "
        "outside the compartment a value that it did not receive there"
    )


def labels_cost(view: View) -> tuple[float | None, str]:
    return 0.0, "no component, licence or machine is added: labels travel in the envelope"


def _verdict(*held: float | None) -> Verdict:
    if all(value is None for value in held):
        return "not_measured"
    return "breaks" if any(held) else "holds"


def control_rows(view: View) -> tuple[ControlRow, ...]:
    before, after = (view.value("flows_leaking_given", chosen) for chosen in ((), None))
    label_verdict = _verdict(after, _ever(view, "types_beyond_scope"))
    if label_verdict == "holds" and before:
        label_verdict = "adapts"
    left = (_ever(view, "copies_after_end"), view.value("copies_after_purge"), _ever(view, "stray_contexts"))
    records = [count for _, count in _record_searches(view)]
    return (
        ControlRow(
            id="DP-1.1", name="data classification", designed_for="labelling data by sensitivity",
            strained_by="a holder that is taken over and writes in a way that no detector lists",
            verdict=label_verdict,
            why=_why_classified(view, before, after),
        ),
        ControlRow(
            id="DP-2.1", name="DLP on the message bus", designed_for="preventing data leakage",
            strained_by="ways of writing that somebody invents",
            verdict=_verdict(view.value("pasted_listed_share"), view.value("flows_leaking_listed")),
            why=_why_detected(view),
        ),
        ControlRow(
            id="DP-1.3", name="memory isolation", designed_for="preventing persistence across a boundary",
            strained_by="thousands of holders at once, and what still points at an ended context",
            verdict=_verdict(*left),
            why=_why_isolated(*left),
        ),
        ControlRow(
            id="OB-1.1", name="action audit log", designed_for="complete logging of actions",
            strained_by="parameters that hold card data",
            verdict=_verdict(*records),
            why=_why_masked(view),
        ),
    )  # fmt: skip


def _why_classified(view: View, before: float | None, after: float | None) -> str:
    if after is None:
        cleared = Cards(view.fleet).cleared_types
        who = "no form gives a number to those who are cleared" if cleared else "nobody is cleared"
        return f"{who}, so nobody was given a number to let out"
    return (
        f"flows by which such a holder got a number out: {number(before)} with detection alone, "
        f"{number(after)} as declared"
    )


def _why_detected(view: View) -> str:
    share, flows = view.value("pasted_listed_share"), view.value("flows_leaking_listed")
    invented = view.value("pasted_unlisted_share")
    told = []
    if share is not None:
        told.append(f"listed ways: {_share(share)} of pastes got through")
    if flows is not None:
        told.append(f"flows that let a listed way through: {number(flows)}")
    if invented is not None:
        told.append(f"invented ways: {_share(invented)} of pastes got through")
    return "; ".join(told) or "no way of writing a number could be tried"


def _why_isolated(ended: float | None, purged: float | None, strays: float | None) -> str:
    told = []
    if ended is not None:
        told.append(f"{number(ended)} after all sessions ended")
    if purged is not None:
        told.append(f"{number(purged)} after a purge")
    copies = f"copies of a number that could still be reached: {', '.join(told)}" if told else ""
    contexts = "" if strays is None else f"contexts not cleared that held one: {number(strays)}"
    return "; ".join(filter(None, (copies, contexts))) or "no number was planted, so no context was searched"


def _why_masked(view: View) -> str:
    found = [value for _, value in _record_searches(view) if value is not None]
    if not found:
        return "no number was written, so no record was searched"
    held = count(sum(found), "record held", "records held")
    return f"{held} a number: {_searched_how(view)}"


def decisions(view: View) -> tuple[DecisionFinding, ...]:
    found = []
    who = who_decides(view, RIGHT)
    if view.value("pasted_unlisted_share"):
        found.append(
            DecisionFinding(
                id="card-data-invented-ways",
                what="accept that a customer who invents a way of writing a card number is not noticed, "
                "or take "
                "card numbers by a form only and say so in every chat",
                why=f"{_share(view.value('pasted_unlisted_share'))} of invented ways reached a type that "
                "is not "
                f"cleared; labels cannot know what nobody recognised.{_invented(view)}",
                who=who,
                cost="a sentence in the front end; no software",
                dimension=DIMENSION_ID,
            )
        )
    pieces = view.value("piece_digits_max")
    if pieces:
        found.append(
            DecisionFinding(
                id="card-data-pieces",
                what=f"accept up to {count(pieces, 'digit', 'digits')} of a number with a type that is not "
                "cleared, or end the session's chat contexts when a last piece is refused",
                why="pieces pass one by one until the last one makes them a card number",
                who=who,
                cost="a purge of the session's contexts each time",
                dimension=DIMENSION_ID,
            )
        )
    if Cards(view.fleet).cleared_types:
        found.append(
            DecisionFinding(
                id="card-data-plane-in-scope",
                what="run the control plane inside PCI scope, and the evidence log outside of it",
                why=f"the plane reads every message; {_why_masked(view)}",
                who=who,
                cost="the plane's machines are assessed with payment's",
                dimension=DIMENSION_ID,
            )
        )
    return tuple(found)


def costs(view: View) -> tuple[CostFinding, ...]:
    us, rate = _last(view, "card_message_cpu_us"), _last(view, "cards_per_minute")
    points = view.points("cards_per_minute")
    if us is None or rate is None or not points:
        return ()
    at_target = rate * max(1.0, view.target / points[-1][0]) if view.unit == "sessions" else rate
    cores = at_target / 60 * us / 1e6
    usd, priced = price_of_cores(view, cores)
    return (
        CostFinding(
            id="card-data-scanning",
            what="controls on card entries",
            usd_month=usd,
            mark="measured",
            basis=f"{number(at_target)} card entries a minute at {view.target:,} {view.unit}, {us:.0f} µs "
            f"each: {number(cores)} cores, all month; {priced}",
            dimension=DIMENSION_ID,
        ),
    )


def attack_paths(view: View) -> tuple[AttackPath, ...]:
    """What a taken-over holder tried on the flows that leave the compartment, and a customer's invention."""
    found = []
    before = {tuple(row) for row in _detail(view, "flows", "leaks", ()) or ()}
    leaks = [tuple(row) for row in _detail(view, "flows", "leaks") or ()]
    kept = {tuple(row[:4]): row[4] for row in _detail(view, "flows", "kept") or ()}
    tried = [tuple(row) for row in _detail(view, "flows", "leaks", ()) or ()]
    for at, row in enumerate(dict.fromkeys([*leaks, *tried]), 1):
        sender, to, what, way = row
        alone = "; with detection alone it succeeds" if row in before else ""
        found.append(
            AttackPath(
                id=f"card-data-{at}",
                steps=(
                    f"`{sender}` is taken over while it holds a card number",
                    f"it sends the number to `{to}` ({what}), written as: {way}",
                ),
                reaches=f"`{to}` holds a card number without clearance",
                outcome="succeeds" if row in leaks else "stopped",
                stopped_by=(kept.get(row, "a control") + alone) if row not in leaks else "",
                dimension=DIMENSION_ID,
            )
        )
    share = view.value("pasted_unlisted_share")
    if share is not None:
        found.append(
            AttackPath(
                id="card-data-invented",
                steps=("a customer writes a card number in a way of their own", "nobody recognises it"),
                reaches="a type that is not cleared holds it",
                outcome="succeeds" if share else "stopped",
                stopped_by="" if share else "DP-2.1",
                dimension=DIMENSION_ID,
            )
        )
    return tuple(found)
