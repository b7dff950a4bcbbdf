"""Card data: who ever holds a card number, what is kept of it, and what a pasted one does.

Standard is detection alone: DLP on the bus, and labels as senders state them, which is what a handful of
agents is usually given. The adaptation derives labels from what was delivered, so that a holder cannot tell a
number in words of its own. Numbers are planted, and then searched for in everything that a run leaves
(`stress/probes/cards_search.py`); no verdict of a control is believed.

Not measured here: other boundaries (`data-boundaries`), and what a payment provider keeps.
"""

from typing import Final

from maso.fleet.model import Fleet
from maso.stress.dimension import Adaptation, Budget, Dimension, ListOf, Probe, Quantity, Question
from maso.stress.probes import cards, cards_words
from maso.stress.probes.cards_fleet import Cards
from maso.stress.probes.cards_forms import LISTED, UNLISTED

LABELS: Final = (cards_words.LABELS,)
# A thousand customers make three minutes of CPU a full sweep; counts beyond are theirs times the ratio.
SESSIONS_MAX: Final = 1_000
_SCOPE: Final = ("DP-1.1", "DP-2.1")
_INVARIANT: Final = "invariant 6"


# No budget is a number of types: a fleet that grows clears more of them. What is limited is who holds a
# number without clearance, which is nobody at any size.
def _none(_fleet: Fleet) -> Budget | None:
    return Budget(0, "max", _INVARIANT)


def _session(fleet: Fleet) -> Budget | None:
    """A number ends with the session of whoever holds it, where the file says when that is."""
    names = Cards(fleet).cleared_types
    limited = any(t.session_minutes_max for t in fleet.types if t.id in names)
    return Budget(0, "max", "types[].session_minutes_max") if limited else None


def _one_type(fleet: Fleet) -> str:
    if len(fleet.types) < 2 or not Cards(fleet).between():
        return "the fleet declares no link from one type to another"
    return ""


_RUN: Final = Probe(
    id="scope",
    title="searching a run for card numbers",
    run=cards.run_scope,
    size_max=SESSIONS_MAX,
    applies=cards.nothing_enters,
    quantities=(
        Quantity(
            id="types_holding_cards", title="types that ever held a card number", unit="types",
            mark="measured", controls=_SCOPE, expected="constant", exact=True,
        ),
        Quantity(
            id="types_beyond_scope", title="types that held a card number and are not cleared",
            unit="types", mark="measured",
            controls=_SCOPE, expected="constant", exact=True, budget=_none,
        ),
        Quantity(
            id="ports_beyond_scope", title="ports, not cleared, that were given one", unit="ports",
            mark="measured", controls=_SCOPE, expected="constant", exact=True, budget=_none,
        ),
        Quantity(
            id="stray_contexts", title="live contexts, not cleared, with one in them", unit="contexts",
            mark="measured", controls=("DP-1.3",), expected="constant", exact=True, budget=_none,
        ),
        Quantity(
            id="instances_holding_cards", title="instances that held one", unit="instances",
            mark="simulated", controls=("DP-1.3",), expected="linear",
        ),
        Quantity(
            id="live_card_contexts", title="instances that hold one at once, at most", unit="instances",
            mark="simulated", controls=("DP-1.3",), expected="linear",
        ),
        Quantity(
            id="cards_per_minute", title="card entries", unit="a minute", mark="simulated",
            controls=("DP-2.1",), expected="linear",
        ),
        Quantity(
            id="card_messages", title="card numbers that people wrote, pasted ones included", unit="numbers",
            mark="simulated", controls=("DP-2.1",), expected="linear",
        ),
        Quantity(
            id="pasted_reaching_share", title="pasted card numbers that reached a type not cleared",
            unit="share", mark="measured", controls=_SCOPE, expected="constant", exact=True, budget=_none,
        ),
        Quantity(
            id="records_with_card", title="records with a card number in them", unit="records",
            mark="measured", controls=("OB-1.1",), expected="constant", exact=True, budget=_none,
        ),
        Quantity(
            id="texts_with_card", title="refusals and errors with a card number in them", unit="texts",
            mark="measured", controls=("OB-1.1",), expected="constant", exact=True, budget=_none,
        ),
        Quantity(
            id="copies_after_end", title="copies within reach in memory after all sessions ended",
            unit="copies", mark="measured", controls=("DP-1.3",), expected="constant", exact=True,
            budget=_none,
        ),
        Quantity(
            id="card_message_cpu_us", title="a card entry through every control", unit="µs",
            mark="measured", controls=("DP-2.1",), expected="constant",
        ),
        Quantity(
            id="pasted_message_cpu_us", title="a chat message with a card number, masked or refused",
            unit="µs", mark="measured", controls=("DP-2.1", "OB-1.1"), expected="constant",
        ),
        Quantity(
            id="plain_message_cpu_us", title="the same chat message without one", unit="µs",
            mark="measured", controls=("DP-2.1",), expected="constant",
        ),
    ),
)  # fmt: skip

_JOURNEYS: Final = Probe(
    id="journeys",
    title="whole sessions: how long a number stays, which fields are needed",
    run=cards.run_journeys,
    at_target=True,
    applies=_one_type,
    quantities=(
        Quantity(
            id="card_seconds_median", title="how long a number stays in a context, median", unit="seconds",
            mark="simulated", controls=("DP-1.3",), expected="constant",
        ),
        Quantity(
            id="card_seconds_max", title="how long a number stays in a context, at most", unit="seconds",
            mark="simulated", controls=("DP-1.3",), expected="constant",
        ),
        Quantity(
            id="contexts_too_long", title="contexts that held a number longer than a session may last",
            unit="contexts", mark="simulated", controls=("DP-1.3",), expected="constant", exact=True,
            budget=_session, budget_key="types[].session_minutes_max",
        ),
        Quantity(
            id="held_at_once_per_100", title="contexts with a number at once, for each 100 sessions",
            unit="contexts", mark="simulated", controls=("DP-1.3",), expected="constant",
        ),
        Quantity(
            id="contexts_purged", title="contexts with a number that were purged, to see what is left",
            unit="contexts", mark="measured", controls=("DP-1.3",), expected="constant",
        ),
        Quantity(
            id="copies_after_purge", title="copies within reach in memory after a purge of all holders",
            unit="copies", mark="measured", controls=("DP-1.3",), expected="constant", exact=True,
            budget=_none,
        ),
        Quantity(
            id="fields_varying", title="fields between types, seen with more than one value", unit="fields",
            mark="simulated", controls=("EC-2.13",), expected="constant",
        ),
        Quantity(
            id="fields_unused", title="ids and numbers between types that the receiver does not need",
            unit="fields", mark="simulated", controls=("EC-2.13",), expected="constant",
        ),
    ),
)  # fmt: skip

_SHAPES: Final = Probe(
    id="shapes",
    title="what schemas between types could carry",
    run=cards.run_shapes,
    at_target=True,
    applies=_one_type,
    quantities=(
        Quantity(
            id="fields_between_types", title="fields that flows between types declare", unit="fields",
            mark="declared", controls=("EC-2.13",), expected="constant", exact=True,
        ),
        Quantity(
            id="free_texts_between_types", title="free texts between types", unit="fields", mark="declared",
            controls=("EC-2.13",), expected="constant", exact=True,
        ),
        Quantity(
            id="flows_wide_enough", title="flows between types with a field for a whole card number",
            unit="flows", mark="declared", controls=("EC-2.13",), expected="constant", exact=True,
        ),
        Quantity(
            id="flows_leaving_wide_enough", title="flows wide enough for a card, to who is not cleared",
            unit="flows",
            mark="declared", controls=("EC-2.13", "DP-1.1"), expected="constant", exact=True, budget=_none,
        ),
    ),
)  # fmt: skip

_PASTES: Final = Probe(
    id="pastes",
    title="every way of writing through every entry",
    run=cards.run_pastes,
    at_target=True,
    applies=cards.nothing_enters,
    quantities=(
        Quantity(
            id="paste_entries", title="ways in for somebody's text", unit="entries", mark="declared",
            controls=("DP-2.1",), expected="constant", exact=True,
        ),
        Quantity(
            id="pastes_tried", title="card numbers written through them", unit="numbers", mark="measured",
            controls=("DP-2.1",), expected="constant", exact=True,
        ),
        Quantity(
            id="pasted_listed_share", title="listed ways that reached a type not cleared", unit="share",
            mark="measured", controls=_SCOPE, expected="constant", exact=True, budget=_none,
        ),
        Quantity(
            id="pasted_unlisted_share", title="invented ways that reached a type not cleared", unit="share",
            mark="measured", controls=_SCOPE, expected="constant", exact=True,
        ),
        Quantity(
            id="paste_records_with_card", title="records of all these with a card number in them",
            unit="records", mark="measured", controls=("OB-1.1",), expected="constant", exact=True,
            budget=_none,
        ),
        Quantity(
            id="paste_records_invented", title="numbers that stand in these records in an invented way",
            unit="numbers", mark="measured", controls=("OB-1.1",), expected="constant", exact=True,
        ),
        Quantity(
            id="piece_digits_max", title="digits of a number that arrived before a piece was refused",
            unit="digits", mark="measured", controls=("DP-2.1",), expected="constant", exact=True,
        ),
    ),
)  # fmt: skip

_FLOWS: Final = Probe(
    id="flows",
    title="a taken-over agent tries each of its flows",
    run=cards.run_flows,
    at_target=True,
    adaptations=LABELS,
    quantities=(
        Quantity(
            id="flows_tried", title="flows and actions tried", unit="flows", mark="measured",
            controls=_SCOPE, expected="constant", exact=True,
        ),
        Quantity(
            id="attempts_tried", title="numbers put into them", unit="attempts", mark="measured",
            controls=_SCOPE, expected="constant", exact=True,
        ),
        Quantity(
            id="flows_leaking_listed", title="flows that let a listed way out to who is not cleared",
            unit="flows", mark="measured", controls=_SCOPE, expected="constant", exact=True, budget=_none,
        ),
        Quantity(
            id="flows_leaking_given", title="flows by which a holder let its number out in any way",
            unit="flows", mark="measured", controls=("DP-1.1", "DP-2.5"), expected="constant", exact=True,
            budget=_none,
        ),
        Quantity(
            id="types_in_scope_attacked", title="types that hold a number when a holder is taken over",
            unit="types", mark="measured", controls=("DP-1.1", "DP-2.5"), expected="constant", exact=True,
        ),
        Quantity(
            id="attempt_records_with_card", title="records of all these with a card number in them",
            unit="records", mark="measured", controls=("OB-1.1",), expected="constant", exact=True,
            budget=_none,
        ),
        Quantity(
            id="attempt_records_invented", title="numbers that stand in these records in an invented way",
            unit="numbers", mark="measured", controls=("OB-1.1",), expected="constant", exact=True,
        ),
        Quantity(
            id="flows_leaking_outside", title="flows that pass on an invented way of a number from outside",
            unit="flows", mark="measured", controls=("DP-2.1",), expected="constant", exact=True,
        ),
    ),
)  # fmt: skip

_HONEST: Final = Probe(
    id="honest",
    title="what labels refuse of honest traffic",
    run=cards.run_honest,
    at_target=True,
    adaptations=LABELS,
    quantities=(
        Quantity(
            id="honest_messages", title="honest messages of a short run", unit="messages", mark="simulated",
            controls=("DP-1.1",), expected="constant",
        ),
        Quantity(
            id="honest_refused_by_labels", title="honest messages refused because of a label",
            unit="messages",
            mark="simulated", controls=("DP-1.1", "DP-2.5"), expected="constant",
        ),
    ),
)  # fmt: skip

ADAPTATIONS: Final = (
    Adaptation(
        id=cards_words.LABELS,
        title="labels derived from what was delivered, beside detection",
        settings=(("label_propagation", "delivered"),),
        complexity="medium",
        gives_up=cards_words.labels_give_up,
        cost=cards_words.labels_cost,
    ),
)

DIMENSION: Final = Dimension(
    id=cards_words.DIMENSION_ID,
    title="Card data",
    seed_dimension=("E5",),
    about=(
        "Which types ever hold a card number, measured by planting numbers and searching contexts, memory, "
        "ports and records for them; what flows could carry one, and what a pasted one does."
    ),
    probes=(_RUN, _JOURNEYS, _SHAPES, _PASTES, _FLOWS, _HONEST),
    standard=(("label_propagation", "declared"),),
    adaptations=ADAPTATIONS,
    questions=(
        Question(id="E5.1", answer=cards_words.scope),
        Question(id="E5.2", answer=cards_words.minimisation),
        Question(id="E5.3", answer=cards_words.audit_log),
        Question(id="E5.4", answer=cards_words.pasted),
    ),
    controls=cards_words.control_rows,
    decisions=cards_words.decisions,
    right=cards_words.RIGHT,
    costs=cards_words.costs,
    attack_paths=cards_words.attack_paths,
    lists=(
        ListOf(
            id="exposure", title="Types that are cleared for card numbers, or that held one", probe="scope",
            detail="exposure", columns=("type", "cleared", "instances", "messages", "numbers"),
        ),
        ListOf(
            id="messages", title="Messages with card data in the largest run", probe="scope",
            detail="messages", columns=("from", "delivered as they were", "masked", "refused"),
        ),
        ListOf(
            id="pasted", title="Card numbers pasted, by entry", probe="pastes", detail="channels",
            columns=("entry", "type", "ways", "tried", "masked", "refused", "arrived"),
        ),
        ListOf(
            id="ways", title="Card numbers pasted, by way of writing", probe="pastes", detail="ways",
            columns=("way", "listed", "masked", "refused", "arrived"),
        ),
        ListOf(
            id="minimisation", title="What flows between types carry", probe="journeys", detail="flows",
            columns=(
                "from", "to", "schema", "fields", "varying", "free text", "not needed",
                "how it could carry a card number", "leaves the compartment",
            ),
        ),
        ListOf(
            id="leaks", title="Ways by which a taken-over holder let its number out", probe="flows",
            detail="leaks", columns=("from", "to", "what", "way"), adverse=True,
        ),
    ),
    not_checked=(
        f"ways of writing beyond {len(LISTED)} listed and {len(UNLISTED)} invented ones; pictures; speech",
        f"more than {SESSIONS_MAX:,} sessions or agents at once: each run is searched whole, in memory",
        "a number told by when a message is sent, or by which permitted value is chosen",
        "a purge is believed: an instance that keeps a copy over its purge is no longer held by its label",
        "the plane's own memory while a session lives: the plane reads messages and is in PCI scope",
        "files that the command line writes: a test of it looks there for every number of a run",
        "need of free text and of choices that only steer: an agent's words here come from nothing it read",
    ),
    order=50,
)  # fmt: skip
