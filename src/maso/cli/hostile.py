"""The adversaries of a run, as the command line names them and as the summary tells of them.

An effect that was planted and came true breaks the invariant that its adversary attacks, whatever any control
said about it; a detector that fired and an effect that did not happen are counted apart.
"""

from collections.abc import Sequence
from typing import Any

from maso.cli.arguments import one_of
from maso.cli.names import session_text
from maso.sim.adversaries.catalog import ADVERSARIES
from maso.sim.adversaries.mix import Case, Mix, Toll
from maso.sim.adversaries.strike import Adversary

NONE = "none"


def wanted_attacks(given: Sequence[str]) -> tuple[str, ...] | None:
    """The ids in `--attack`; None when it was not given, which means all; raises Stop."""
    legal = [*(a.id for a in ADVERSARIES), NONE]
    chosen = tuple(one_of("--attack", name, legal) for name in given)
    if not chosen:
        return None
    return tuple(name for name in chosen if name != NONE)


def selected(wanted: tuple[str, ...] | None) -> tuple[Adversary, ...]:
    return tuple(a for a in ADVERSARIES if wanted is None or a.id in wanted)


def adversaries_document(mix: Mix) -> dict[str, Any]:
    tolls = mix.tolls()
    return {
        "attempts": sum(t.planted for t in tolls),
        "messages": sum(t.messages for t in tolls),
        "effects_achieved": sum(len(t.achieved) for t in tolls),
        "by_adversary": [_toll(t) for t in tolls],
    }


def _toll(toll: Toll) -> dict[str, Any]:
    return {
        "id": toll.adversary.id,
        "attacks_invariant": toll.adversary.invariant,
        "effect": toll.adversary.effect,
        "should_stop_it": list(toll.adversary.controls),
        "scenarios": list(toll.adversary.scenarios),
        "attempts": toll.planted,
        "messages": toll.messages,
        "stopped_by": toll.stopped,
        "marked_by": toll.flagged,
        "without_effect": toll.quiet,
        "not_applicable": toll.not_applicable,
        "achieved": [_case(case) for case in toll.cases],
    }


def _case(case: Case) -> dict[str, Any]:
    """`broken` in the summary says more about each."""
    return {
        "at_ns": case.place.at,
        "struck_at_ns": case.struck_at,
        "variant": case.variant,
        "what": case.place.what,
        "session": session_text(case.place.session),
        "record": case.place.ref or None,
        "records_of_the_attempt": list(case.refs),
    }


def broken_by(mix: Mix) -> list[str]:
    """What broke, one line for each adversary that achieved its effect."""
    return [
        f"invariant {t.adversary.invariant}: {t.adversary.id} got through {len(t.achieved)} times:"
        f" {t.adversary.effect}"
        for t in mix.tolls()
        if t.achieved
    ]
