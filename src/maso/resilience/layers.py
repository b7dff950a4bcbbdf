"""Horizontal PACE: what it means when a whole layer of control is gone, by risk and by phase.

Guardrails, judge and people fail independently, and each may fail while a type is in any phase. A layer
that is gone puts a floor under the phase of every type, by the type's risk and the phase that it is in by
itself: so a failed layer is obeyed by the same table as everything else (`allowances.py`).

Vertical PACE, inside a layer, is declared here too: how each layer degrades before it is gone.

What cannot be judged is not done unjudged: a judge that is gone sends critical and high types to
Contingency, where nothing critical is done. Without guardrails nothing may pass at all (invariant 8), so
every type goes to Emergency, and a person has to say when that is over. People who are absent deny by
silence in any case (EC-2.9); the floor keeps types from relying on them.
"""

from collections.abc import Iterable
from enum import StrEnum
from typing import Final

from maso.resilience.allowances import RISKS
from maso.resilience.pace import Phase


class Layer(StrEnum):
    GUARDRAILS = "guardrails"
    JUDGE = "judge"
    HUMAN = "human"


_P, _A, _C, _E = Phase

# (layer that is gone, phase of the type by itself) -> floor for medium, high, critical risk.
TABLE: Final[dict[tuple[Layer, Phase], tuple[Phase, Phase, Phase]]] = {
    (Layer.GUARDRAILS, _P): (_E, _E, _E),
    (Layer.GUARDRAILS, _A): (_E, _E, _E),
    (Layer.GUARDRAILS, _C): (_E, _E, _E),
    (Layer.GUARDRAILS, _E): (_E, _E, _E),
    (Layer.JUDGE, _P): (_A, _C, _C),
    # In Alternate more is to be judged than before, and nobody judges.
    (Layer.JUDGE, _A): (_C, _C, _C),
    (Layer.JUDGE, _C): (_C, _C, _C),
    (Layer.JUDGE, _E): (_E, _E, _E),
    (Layer.HUMAN, _P): (_P, _A, _A),
    (Layer.HUMAN, _A): (_A, _A, _C),
    (Layer.HUMAN, _C): (_C, _C, _C),
    (Layer.HUMAN, _E): (_E, _E, _E),
}

# What each layer does by itself, phase by phase, before it is gone (vertical).
VERTICAL: Final[dict[Layer, tuple[str, str, str, str]]] = {
    Layer.GUARDRAILS: (
        "every message is checked and scanned",
        "the portable scanner instead of the compiled one: the same answers, slower",
        "a control that fails denies that message (invariant 1)",
        "gone: nothing passes",
    ),
    Layer.JUDGE: (
        "the declared ratio, critical actions before they are done",
        "the second judge model; at least the ratio of the phase",
        "only critical actions and what people ask for; the rest waits in the queue",
        "gone: what must be judged is refused when its deadline passes",
    ),
    Layer.HUMAN: (
        "reviewers answer within the declared minutes",
        "the next on the list are called",
        "only what a phase or an endorsement needs a person for is sent",
        "absent: the deadline denies; Emergency lasts until somebody is there",
    ),
}


def floor(gone: Iterable[Layer], phase: Phase, risk: str) -> Phase:
    """The lowest phase that a type of this risk, by itself in `phase`, may be in while these are gone."""
    column = RISKS.index(risk)
    return max((TABLE[layer, phase][column] for layer in gone), default=Phase.PRIMARY)
