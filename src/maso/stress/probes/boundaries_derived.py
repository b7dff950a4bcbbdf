"""Who receives what was made from restricted data; names planted; honest work that is refused.

*Handoffs.* An agent behind a barrier is told something under the barrier's label, writes a summary of it in
other words, and states no more than `internal`. The summary goes along the fleet's own agents and links, in
other words again at every hop, towards those who are not cleared; where links end, it walks back and forth.
The links carry free text for this experiment and shed nothing: what is tried is the label, not the strict
schemas, which would have stopped it too. A chain ends where it is refused.

*Planted.* Names that a rule of the firm's own knows (or a card number, in a fleet without compartments) are
put into the free text of the fleet's own messages, and it is counted how many nothing looked at.

*Saturated.* Every agent has been told all that it is cleared for, and says something harmless on each of its
links: what is refused is the label's price.
"""

from itertools import pairwise
from typing import Any, Final

import msgspec
from msgspec.structs import replace

from maso.controls.barriers import barriers_of
from maso.fleet.model import Dlp, DlpRule, Fleet, Link
from maso.journeys.actors import Actor
from maso.journeys.payloads import NOTHING, compile_payload
from maso.labels import CONFIDENTIALITY_MASK, LEVEL_BITS
from maso.streams import Stream, stream
from maso.stress.dimension import Outcome, Trial
from maso.stress.probes.boundaries_rig import (
    SOURCE,
    Rig,
    delivered,
    text_field,
    text_payload,
    with_source,
)
from maso.text import writer

HANDOFFS_MAX: Final = 12  # F1: 8 to 12 agents in a chain
STARTS_MAX: Final = 5  # a desk: whoever of it is nearest to the others
LINKS_MAX: Final = 200  # flows into which something is planted, or that a saturated agent uses
PLANTED_RULE: Final = "stress.planted"
PLANTED_NAME: Final = "project amber heron"
CARD: Final = "4111 1111 1111 1111"  # the number that every gateway tests with
_STATED: Final = LEVEL_BITS["internal"]
_encode = msgspec.json.Encoder().encode


# Handoffs.


def neighbours(fleet: Fleet) -> dict[str, list[str]]:
    """Whom each agent has a link to, in the order of the file."""
    out: dict[str, list[str]] = {agent.id: [] for agent in fleet.types}
    for link in fleet.links:
        if link.from_ in out and link.to in out and link.from_ != link.to and link.to not in out[link.from_]:
            out[link.from_].append(link.to)
    return out


def _towards(out: dict[str, list[str]], here: str, wanted: frozenset[str]) -> list[str]:
    """A shortest way from `here` to one of `wanted`, without its start; empty where there is none.

    Of those that are as near, the one from which most of the others are one link away.
    """
    before = {here: here}
    front = [here]
    while front:
        ahead = []
        for node in front:
            for following in out[node]:
                if following not in before:
                    before[following] = node
                    ahead.append(following)
        found = [name for name in ahead if name in wanted]
        if found:
            way = [max(found, key=lambda name: len(wanted.intersection(out[name])))]
            while before[way[-1]] != here:
                way.append(before[way[-1]])
            return way[::-1]
        front = ahead
    return []


def chain(fleet: Fleet, start: str, uncleared: frozenset[str], handoffs: int) -> list[str]:
    """Agents along the fleet's links from `start`, to as many of `uncleared` as so many handoffs reach.

    Shorter where an agent on the way has no link on.
    """
    out = neighbours(fleet)
    path = [start]
    left = uncleared
    while len(path) <= handoffs:
        way = _towards(out, path[-1], left) or out[path[-1]][:1]
        if not way:
            break
        path += way
        left = left.difference(path)
    return path[: handoffs + 1]


def _worst_chain(fleet: Fleet, behind: list[str], uncleared: frozenset[str], handoffs: int) -> list[str]:
    """Of the chains from the first few agents behind the barrier, the one with most uncleared on it."""
    made = [chain(fleet, start, uncleared, handoffs) for start in behind[:STARTS_MAX]]
    return max(made, key=lambda path: (len(uncleared.intersection(path)), len(path)))


def _leads_out(fleet: Fleet, behind: list[str], uncleared: frozenset[str]) -> bool:
    """Whether links lead from one of the chains' starts to somebody without clearance, however far."""
    out = neighbours(fleet)
    return any(_towards(out, start, uncleared) for start in behind[:STARTS_MAX])


def _hand_on(rig: Rig, path: list[str], bit: int, draws: Stream) -> list[str]:
    """Who received the summary, in order: up to the first refusal."""
    write = writer("report")
    actors = rig.session(1, dict.fromkeys(path))
    source = rig.ports[SOURCE]
    told = rig.send(source, actors[path[0]], 1, text_payload(write(draws.bits)), label=bit)
    if not delivered(told):
        return []
    received = []
    for here, onward in pairwise(path):
        sender: Actor = actors[here]
        sender.label = _STATED  # whatever it was told: this is what it says of its own words
        if not delivered(rig.send(sender, actors[onward], 1, text_payload(write(draws.bits)))):
            break
        received.append(onward)
    return received


def run_handoffs(trial: Trial) -> Outcome:
    """For each barrier one chain of `trial.at` handoffs; the worst counts."""
    own = trial.fleet
    fleet = with_source(own, carry_text=True)
    draws = stream(trial.seed, f"stress/boundaries/handoffs/{trial.at}")
    worst = longest = 0
    chains: list[list[str]] = []
    for barrier in barriers_of(own):
        behind = [t.id for t in own.types if barrier in t.clearance.compartments]
        uncleared = frozenset(t.id for t in own.types if barrier not in t.clearance.compartments)
        if not behind or not uncleared or not _leads_out(own, behind, uncleared):
            continue  # nothing to try: nobody is without clearance, or no link leads to them
        path = _worst_chain(own, behind, uncleared, trial.at)
        rig = Rig(fleet, trial.seed)
        received = _hand_on(rig, path, rig.rules.compartment_bit(barrier), draws)
        reached = [name for name in dict.fromkeys(received) if name in uncleared]
        worst, longest = max(worst, len(reached)), max(longest, len(path) - 1)
        stopped = " ".join(rig.codes()) if len(received) < len(path) - 1 else ""
        chains.append([barrier, " > ".join(path), ", ".join(reached) or "nobody", stopped or "nothing"])
    if not chains:
        return Outcome(values={})
    details: dict[str, Any] = {"chains": chains, "chains_total": len(chains), "longest": longest}
    return Outcome(values={"uncleared_receivers": worst}, details=details)


# Planted names.


def _planting(fleet: Fleet) -> tuple[Fleet, str]:
    """The fleet with a rule that knows the planted name, and what to plant."""
    if not fleet.compartments:
        return fleet, CARD
    home = next((c.id for c in fleet.compartments if c.barrier), fleet.compartments[0].id)
    pattern = PLANTED_NAME.replace(" ", "[ _-]")
    rule = DlpRule(id=PLANTED_RULE, pattern=pattern, compartment=home)
    dlp = Dlp(policy=fleet.dlp.policy, compartments=fleet.dlp.compartments, rules=(*fleet.dlp.rules, rule))
    return replace(fleet, dlp=dlp), PLANTED_NAME


def _said_links(fleet: Fleet) -> list[Link]:
    """Links between two agents that carry data, spread over the fleet.

    Without those that shed what DLP guards: what they carry must have been received before, and the traffic's
    own refusals tell of them.
    """
    own = frozenset(agent.id for agent in fleet.types)
    guarded = frozenset(fleet.dlp.compartments.values())
    links = [
        x
        for x in fleet.links
        if x.from_ in own and x.to in own and x.from_ != x.to and "data" in x.kinds
        if not guarded.intersection(x.declassify)
    ]
    return links[:: max(1, len(links) // LINKS_MAX)][:LINKS_MAX]


def _payload_of(rig: Rig, link: Link, draws: Stream, planted: str) -> bytes | None:
    """A payload of the link's own schema with `planted` in its text; None where it has no free text."""
    schemas = {schema.id: schema for schema in rig.fleet.schemas}
    payload = compile_payload(schemas[link.schema])(draws, NOTHING, NOTHING)
    if not planted:
        return payload
    field = text_field(schemas[link.schema])
    if field is None:
        return None
    body = msgspec.json.decode(payload)
    body[field[0]] = f"about {planted} we agreed to wait"[: field[1].max or 4000]
    return _encode(body)


def run_planted(trial: Trial) -> Outcome:
    """Shares: planted names that nothing looked at; harmless messages that saturated agents cannot send."""
    fleet, planted = _planting(trial.fleet)
    links = _said_links(fleet)
    if not links:
        return Outcome(values={})
    draws = stream(trial.seed, "stress/boundaries/planted")
    rig = Rig(fleet, trial.seed)
    tried = missed = 0
    for number, link in enumerate(links, 1):
        payload = _payload_of(rig, link, draws, planted)
        if payload is None:
            continue
        actors = rig.session(number, (link.from_, link.to))
        rig.send(actors[link.from_], actors[link.to], number, payload)
        tried += 1
        missed += not any(code.startswith("DP-2.1/") for code in rig.codes())
    values: dict[str, float] = {}
    details: dict[str, Any] = {"planted": tried, "missed": missed, "links": len(links)}
    if tried:
        values["planted_unseen_share"] = missed / tried
    refused, rows = _saturated(trial, links)
    values["saturated_refused_share"] = refused / len(links)
    details |= {"refused": rows, "refused_total": refused}
    return Outcome(values=values, details=details)


def _saturated(trial: Trial, links: list[Link]) -> tuple[int, list[list[str]]]:
    """Harmless messages that are refused once their senders know all that they may; and on which links."""
    rig = Rig(with_source(trial.fleet), trial.seed)
    draws = stream(trial.seed, "stress/boundaries/saturated")
    source = rig.ports[SOURCE]
    rows = []
    for number, link in enumerate(links, 1):
        actors = rig.session(number, (link.from_, link.to))
        sender = actors[link.from_]
        everything = sender.rules.clearance & CONFIDENTIALITY_MASK
        rig.send(source, sender, number, text_payload(writer("task")(draws.bits)), label=everything)
        payload = _payload_of(rig, link, draws, "")
        assert payload is not None
        if not delivered(rig.send(sender, actors[link.to], number, payload)):
            rows.append([link.from_, link.to, link.schema, " ".join(rig.codes())])
    return len(rows), rows
