"""The probes of the card data dimension: each a function of its trial, with the real fleet behind it.

    scope     the fleet runs with customers in it who paste card numbers; everything is searched (swept)
    journeys  whole sessions: how long a number stays, what a purge leaves, which fields are needed
    shapes    what schemas could carry, as declared
    honest    what labels refuse of honest traffic
    pastes    every listed and unlisted way of writing, through every entry
    flows     a taken-over agent of every type puts a number into each of its flows

Counts, names of types, ports, ways and reasons are returned; no number, no text that held one.
"""

from collections import Counter
from collections.abc import Iterable
from math import ceil
from typing import Any, Final

from maso.clock import MINUTE
from maso.controls import classification, derive
from maso.envelope import MessageKind
from maso.journeys.payloads import NOTHING, compile_payload
from maso.journeys.workloads import MESSAGES_PER_AGENT_MINUTE
from maso.plane.events import Arrive, Purge
from maso.sim.adversaries.surface import body_of
from maso.streams import Stream, stream
from maso.stress.dimension import Outcome, Trial
from maso.stress.probes.cards_fields import FieldWatch, FlowFields, flow_fields
from maso.stress.probes.cards_fleet import Cards, Entry
from maso.stress.probes.cards_forms import LISTED, UNLISTED, Numbers
from maso.stress.probes.cards_try import ATTEMPTS, PASTES, Attempt, Ground, Written, every_flow, every_paste
from maso.stress.probes.cards_watch import ALLOWED, REDACTED, REFUSED, Scene
from maso.stress.timing import cpu_us_each

# A minute is enough for every form and every paste of a run to be searched; the full run has twice as many.
MINUTES_QUICK: Final = 1
MINUTES_FULL: Final = 2
# Whole sessions take the time that the fleet file gives them; 24 make a hundred messages between types.
JOURNEY_SESSIONS: Final = 24
JOURNEY_SESSIONS_FULL: Final = 60
JOURNEY_MINUTES_MORE: Final = 3
JOURNEY_MINUTES_MAX: Final = 30
BREADTH_MINUTES: Final = 2  # tasks of a breadth fleet are over in seconds
_EXTRA_MINUTES: Final = 5  # where nobody holds a number at the end, so that a purge has something to purge
_HONEST_SESSIONS, _HONEST_MINUTES = 40, 3
_BATCH, _BATCHES = 40, 3
_TASKS_MIN: Final = 10
_LABEL_CONTROLS: Final = (classification.ID, derive.ID)


def nothing_enters(fleet: Any) -> str:
    """Why a number cannot be planted in this fleet; empty where it can."""
    cards = Cards(fleet)
    return "" if cards.forms() or cards.entries() else "neither a text nor a card number enters this fleet"


def _scene(trial: Trial, minutes: int, sessions: int, *others: FieldWatch) -> Scene | None:
    """None for a fleet that is too small to do anything."""
    try:
        scene = Scene(trial.fleet, trial.seed, minutes, sessions, *others)
    except ValueError:
        return None
    scene.sim.start()
    return scene


# Scope: who holds card numbers while the fleet works.


def run_scope(trial: Trial) -> Outcome:
    minutes = MINUTES_QUICK if trial.quick else MINUTES_FULL
    if trial.fleet.kind != "depth":
        minutes = _minutes_for_tasks(trial, minutes)
    scene = _scene(trial, minutes, trial.size)
    if scene is None:
        return Outcome(values={}, details={"why": "no task can walk along this fleet's links"})
    scene.sim.kernel.run(scene.sim.end)
    eyes = scene.eyes
    records = len(scene.log.bodies)
    stray, live = scene.stray_contexts(), len(eyes.live)
    searched = bool(scene.needles.planted)  # a search for numbers that nobody wrote finds none in vain
    values = _scope_values(scene, minutes) if searched else {"card_messages": 0.0}
    # Contents of this point's own: the scanner remembers what it has seen, whoever asks.
    values |= _message_cost_us(scene, stream(trial.seed, f"stress/card-data/cost/{trial.size}"))
    scene.sim.sessions.finish()
    if searched:
        values |= {
            "stray_contexts": stray,
            "records_with_card": scene.records_with_card(),
            "texts_with_card": eyes.texts,
            "copies_after_end": scene.copies_left(),
        }
    details: dict[str, Any] = {
        "exposure": _exposure(scene),
        "records": records,
        "live_at_end": live,
        "messages": _messages(scene),
        "numbers": scene.needles.planted,
        "sessions": scene.sim.tally.opened,
        "pasted": len(scene.customers.pasted),
        "nobody_there": scene.customers.nobody,
    }
    if not searched:
        details["unexercised"] = "no card number was entered or pasted in any run of it"
    return Outcome(values=values, details=details)


def _minutes_for_tasks(trial: Trial, minutes: int) -> int:
    """A few agents begin a task now and then: as long as it takes for some to have begun."""
    rate = trial.fleet.workload.messages_per_agent_minute or MESSAGES_PER_AGENT_MINUTE
    tasks_a_minute = rate * len(trial.fleet.types) / trial.fleet.workload.handoffs_max
    return max(minutes, min(JOURNEY_MINUTES_MAX, ceil(_TASKS_MIN / max(tasks_a_minute, 0.01))))


def _scope_values(scene: Scene, minutes: int) -> dict[str, float]:
    eyes, pasted = scene.eyes, scene.customers.pasted
    forms = sum(eyes.honest.values())
    strays = [one for one in pasted if not scene.cards.cleared(one.entry.to)]
    arrived = sum(eyes.has(one.entry.to, one.number) for one in strays)
    values: dict[str, float] = {
        "types_holding_cards": len(eyes.by_type),
        "types_beyond_scope": sum(not scene.cards.cleared(name) for name in eyes.by_type),
        "ports_beyond_scope": len(eyes.ports),
        "card_messages": forms + len(pasted),
    }
    if scene.cards.forms():
        values["instances_holding_cards"] = sum(seen.instances for seen in eyes.by_type.values())
        values["live_card_contexts"] = eyes.live_peak
        values["cards_per_minute"] = forms / minutes
    if strays:
        values["pasted_reaching_share"] = arrived / len(strays)
    return values


def _messages(scene: Scene) -> list[list[str]]:
    """What became of messages with card data: those of forms, and those of numbers pasted."""
    forms = scene.eyes.honest
    pasted = Counter(outcome for one in scene.customers.pasted for outcome in one.outcomes)
    counted = (("payment forms", forms), ("pasted", pasted))
    return [
        [what, *(str(n.get(outcome, 0)) for outcome in (ALLOWED, REDACTED, REFUSED))] for what, n in counted
    ]


def _exposure(scene: Scene) -> list[list[str]]:
    """Every type that is cleared or that held a number: instances, messages and numbers it was given."""
    rows = []
    for agent in scene.sim.fleet.types:
        seen = scene.eyes.by_type.get(agent.id)
        cleared = scene.cards.cleared(agent.id)
        if seen is None and not cleared:
            continue
        counts = (0, 0, 0) if seen is None else (seen.instances, seen.messages, len(seen.numbers))
        rows.append([agent.id, "yes" if cleared else "no", *map(str, counts)])
    return rows


def _message_cost_us(scene: Scene, draws: Stream) -> dict[str, float]:
    """CPU of one message through every control, with the run's own sessions live: form, chat, pasted card."""
    cards = scene.cards
    forms = [link for link in cards.forms() if cards.cleared(link.to)]
    entries = [entry for entry in cards.entries() if not entry.action]
    found: dict[str, float] = {}
    ground = Ground(scene, Numbers(draws))
    if forms:
        form = forms[0]
        write = compile_payload(cards.schemas[form.schema])
        bodies = [write(draws, NOTHING, NOTHING) for _ in range(_BATCH * _BATCHES)]
        found["card_message_cpu_us"] = _handled_us(ground, form.from_, form.to, bodies)
    if entries:
        entry, numbers = entries[0], ground.numbers
        asked = [draws.bits(20) for _ in range(_BATCH * _BATCHES)]
        plain = [_said(entry, f"is number {number} in stock, and in blue?") for number in asked]
        found["plain_message_cpu_us"] = _handled_us(ground, entry.port, entry.to, plain)
        given = [_said(entry, f"is it in stock? {numbers.next()} {i}") for i in range(_BATCH * _BATCHES)]
        found["pasted_message_cpu_us"] = _handled_us(ground, entry.port, entry.to, given)
    return found


def _said(entry: Entry, text: str) -> bytes:
    return body_of(entry.schema, **{entry.field: text[: entry.schema.fields[entry.field].max or None]})


def _handled_us(ground: Ground, port: str, to: str, bodies: list[bytes]) -> float:
    """The least of a few batches, each of messages that are seen for the first time."""
    scene = ground.scene
    actor = ground.open(to)[to]
    speaker, channel = scene.sim.ports[port], 1 << 32
    wires = [speaker.wire(actor.nhi, actor.session, MessageKind.DATA, body, 0, 0, (), ()) for body in bodies]
    now, handle = scene.sim.now, scene.plane.handle
    events = [Arrive(channel, wire) for wire in wires]
    costs = [
        cpu_us_each(lambda event: handle(event, now), events[at : at + _BATCH], repetitions=1)
        for at in range(0, len(events), _BATCH)
    ]
    scene.tap.take()
    ground.close()
    return min(costs)


# Journeys: whole sessions.


def run_journeys(trial: Trial) -> Outcome:
    fleet = trial.fleet
    depth = fleet.kind == "depth"
    most = JOURNEY_SESSIONS if trial.quick else JOURNEY_SESSIONS_FULL
    minutes = min(JOURNEY_MINUTES_MAX, fleet.workload.session_minutes + JOURNEY_MINUTES_MORE)
    fields = FieldWatch()
    if not depth:
        minutes = _minutes_for_tasks(trial, BREADTH_MINUTES)
    scene = _scene(trial, minutes, min(trial.size, most), fields)
    if scene is None:
        return Outcome(values={}, details={"why": "no task can walk along this fleet's links"})
    scene.sim.kernel.run(scene.sim.end)
    values: dict[str, float] = {}
    if scene.cards.forms() and depth:
        values |= _purged(scene)
    scene.sim.sessions.finish()
    seconds = sorted(scene.eyes.seconds)
    if seconds:
        values["card_seconds_median"] = seconds[len(seconds) // 2]
        values["card_seconds_max"] = seconds[-1]
        sessions = max(1, scene.sim.sessions.workload.size)
        span = scene.sim.now / MINUTE * 60
        # What is there on average is what comes, times how long it stays.
        values["held_at_once_per_100"] = round(100 * sum(seconds) / span / sessions, 3)
        values["contexts_too_long"] = sum(stay > _session_seconds(scene.cards) for stay in seconds)
    flows = flow_fields(fleet, fields)
    if any(flow.messages for flow in flows):
        values["fields_unused"] = sum(len(flow.unused) for flow in flows)
        values["fields_varying"] = sum(flow.varying for flow in flows)
    details = {
        "flows": [_flow_row(flow) for flow in flows],
        "unused": _unused(flows),
        "contexts": len(seconds),
        "messages": sum(fields.messages.values()),
    }
    return Outcome(values=values, details=details)


def _purged(scene: Scene) -> dict[str, float]:
    """Purge everybody who holds a number, and search the memory for what is left of it."""
    for _ in range(_EXTRA_MINUTES):
        if scene.eyes.live:
            break
        scene.sim.kernel.run(scene.sim.now + MINUTE)
    holders = scene.eyes.holding()
    if not holders:
        return {}
    for actor in holders:
        scene.sim.handle(Purge(actor.nhi))
    return {"contexts_purged": len(holders), "copies_after_purge": scene.copies_left()}


def _session_seconds(cards: Cards) -> float:
    """How long an instance that may hold a number lives at most; without a limit, for ever."""
    ends = [cards.types[name].session_minutes_max for name in cards.cleared_types]
    return 60.0 * min((end for end in ends if end), default=float("inf"))


def run_shapes(trial: Trial) -> Outcome:
    cards, flows = Cards(trial.fleet), flow_fields(trial.fleet, FieldWatch())
    whole = ("card field", "free text", "documents", "one field that is long enough")
    values: dict[str, float] = {
        "fields_between_types": sum(flow.fields for flow in flows),
        "free_texts_between_types": sum(flow.texts for flow in flows),
        "flows_wide_enough": sum(flow.carries in whole for flow in flows),
    }
    if cards.cleared_types:
        values["flows_leaving_wide_enough"] = sum(flow.carries in whole for flow in flows if flow.leaves)
    leaving = [f"{flow.sender} > {flow.to}: {flow.schema}" for flow in flows if flow.leaves]
    return Outcome(values=values, details={"leaving": leaving})


def _flow_row(flow: FlowFields) -> list[str]:
    return [
        flow.sender,
        flow.to,
        flow.schema,
        *map(str, (flow.fields, flow.varying, flow.texts)),
        ", ".join(flow.unused) or ("-" if flow.messages else "not used in these journeys"),
        flow.carries or "cannot",
        "yes" if flow.leaves else "no",
    ]


def _unused(flows: list[FlowFields]) -> list[str]:
    """Fields that some receiver does not need, each once however many receivers there are."""
    found = (f"{flow.schema}.{name}" for flow in flows for name in flow.unused)
    return list(dict.fromkeys(found))


# Pastes: every way through every entry.


def run_pastes(trial: Trial) -> Outcome:
    tried = every_paste(trial.fleet, trial.seed, PASTES)
    written: list[Written] = tried.found
    cards = Cards(trial.fleet)
    strays = [one for one in written if not cards.cleared(one.pasted.entry.to)]
    listed = [one for one in strays if one.pasted.way.listed]
    unlisted = [one for one in strays if not one.pasted.way.listed]
    values: dict[str, float] = {
        "pastes_tried": len(written),
        "paste_entries": len(cards.entries()),
    }
    if written:
        values["paste_records_with_card"] = tried.with_card
        values["paste_records_invented"] = tried.invented
    if listed:
        values["pasted_listed_share"] = sum(one.whole for one in listed) / len(listed)
        values["piece_digits_max"] = max((one.piece for one in listed if not one.whole), default=0)
    if unlisted:
        values["pasted_unlisted_share"] = sum(one.whole for one in unlisted) / len(unlisted)
    details = {
        "channels": _channels(written),
        "ways": _ways(strays),
        "records": tried.records,
        "listed_ways": len(LISTED),
        "unlisted_ways": len(UNLISTED),
        "told": _told(written),
        "customer_entries": sum(entry.source == "customer" for entry in cards.entries()),
    }
    return Outcome(values=values, details=details)


def _outcome(one: Written) -> str:
    """What became of a number, in one word: whole, masked or refused."""
    if one.whole:
        return "arrived"
    return "refused" if REFUSED in one.pasted.outcomes else "masked"


def _channels(written: Iterable[Written]) -> list[list[str]]:
    rows: dict[tuple[str, str, str], Counter[str]] = {}
    for one in written:
        entry = one.pasted.entry
        kind = "listed" if one.pasted.way.listed else "not listed"
        rows.setdefault((entry.name, entry.to, kind), Counter())[_outcome(one)] += 1
    return [
        [*place, str(sum(n.values())), str(n["masked"]), str(n["refused"]), str(n["arrived"])]
        for place, n in rows.items()
    ]


def _ways(written: Iterable[Written]) -> list[list[str]]:
    rows: dict[tuple[str, str], Counter[str]] = {}
    for one in written:
        way = one.pasted.way
        counted = rows.setdefault((way.name, "yes" if way.listed else "no"), Counter())
        counted[_outcome(one)] += 1
    order = {way.name: at for at, way in enumerate((*LISTED, *UNLISTED))}
    return [
        [*place, str(n["masked"]), str(n["refused"]), str(n["arrived"])]
        for place, n in sorted(rows.items(), key=lambda item: order[item[0][0]])
    ]


def _told(written: Iterable[Written]) -> list[str]:
    """What the writer's side is told of refused messages: the reasons, without any text of theirs."""
    return list(dict.fromkeys(one.pasted.reason for one in written if one.pasted.reason))


# Flows: a taken-over agent of every type tries each of its own.


def run_flows(trial: Trial) -> Outcome:
    tried = every_flow(trial.fleet, trial.seed, ATTEMPTS)
    attempts: list[Attempt] = tried.found
    given = [one for one in attempts if one.given]
    values: dict[str, float] = {
        "flows_tried": len(_flows(attempts)),
        "attempts_tried": len(attempts),
    }
    if attempts:
        values["attempt_records_with_card"] = tried.with_card
        values["attempt_records_invented"] = tried.invented
    if any(a.listed for a in attempts):
        values["flows_leaking_listed"] = len(_flows(a for a in attempts if a.listed and a.arrived))
    if len(given) < len(attempts):
        values["flows_leaking_outside"] = len(_flows(a for a in attempts if not a.given and a.arrived))
    if given:
        reached = dict.fromkeys(a.to for a in given if a.arrived)
        values["flows_leaking_given"] = len(_flows(a for a in given if a.arrived))
        cards = Cards(trial.fleet)
        values["types_in_scope_attacked"] = len(cards.cleared_types) + sum(
            to in cards.types for to in reached
        )
    details = {
        "leaks": [[a.sender, a.to, a.what, a.way] for a in given if a.arrived],
        "kept": [[a.sender, a.to, a.what, a.way, a.stopped_by] for a in given if a.stopped_by],
        "stopped_by": dict(Counter(a.stopped_by for a in attempts if a.stopped_by).most_common()),
        "records": tried.records,
        "given_attempts": len(given),
        "given_flows": len(_flows(given)),
        "ways": len(dict.fromkeys(a.way for a in attempts)),
        "outside": _outside(attempts),
    }
    return Outcome(values=values, details=details)


def _flows(attempts: Iterable[Attempt]) -> dict[tuple[str, str, str], None]:
    return dict.fromkeys((a.sender, a.to, a.what) for a in attempts)


def _outside(attempts: Iterable[Attempt]) -> list[list[str]]:
    """Ways in which a number from outside the fleet was passed on, and by how many flows."""
    rows: dict[str, dict[tuple[str, str, str], None]] = {}
    for a in attempts:
        if not a.given and a.arrived:
            rows.setdefault(a.way, {})[a.sender, a.to, a.what] = None
    return [[way, str(len(flows))] for way, flows in rows.items()]


def run_honest(trial: Trial) -> Outcome:
    """Honest messages that a label refused in a short run: what labels cost those who do nothing wrong."""
    minutes = _HONEST_MINUTES if trial.fleet.kind == "depth" else _minutes_for_tasks(trial, 1)
    scene = _scene(trial, minutes, _HONEST_SESSIONS)
    if scene is None:
        return Outcome(values={})
    scene.sim.kernel.run(scene.sim.end)
    tally = scene.sim.tally
    refused = sum(
        count for (_, code), count in tally.refused.items() if code.partition("/")[0] in _LABEL_CONTROLS
    )
    return Outcome(values={"honest_messages": tally.total(), "honest_refused_by_labels": refused})
