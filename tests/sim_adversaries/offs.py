"""Which controls must be switched off for an attack to work: all of those that stand in its way."""

from collections.abc import Callable

from tests.sim_adversaries import blind
from tests.sim_adversaries.blind import deaf
from tests.sim_adversaries.target import Range

Off = Callable[[Range], None]

_ANY_LABEL = (blind.labels, deaf("DP-1.1"))
_ANY_CONTRACT = (blind.contracts, blind.no_chain, blind.ways, deaf("EC-2.6"))
_ANY_CARD = (blind.labels, deaf("DP-2.1", "DP-1.1", "PG-2.7"))

OFF: dict[str, tuple[Off, ...]] = {
    "forged": (blind.identity,),
    "altered": (blind.identity, *_ANY_LABEL),
    "replayed": (blind.identity,),
    "reordered": (blind.identity,),
    "expired-credential": (blind.identity,),
    "ended-instance": (blind.identity, blind.ways, deaf("DP-1.3")),
    "replayed-admission": (blind.admission,),
    "junk-bytes": (blind.ranges, blind.identity),
    "junk-payload": (blind.shape,),
    "out-of-range-numbers": (
        blind.ranges, blind.identity, blind.ways, blind.labels, deaf("DP-1.3", "DP-1.1", "PG-1.4"),
    ),
    "colliding-number": (blind.ranges, blind.ways, deaf("DP-1.1", "PG-1.4")),
    "channel-flood": (blind.one_channel,),
    "wrong-session": (blind.identity, deaf("DP-1.3")),
    "forged-admission": (blind.admission,),
    "direct-call": (blind.ways, blind.no_chain, deaf("EC-2.6")),
    "self-willed": (deaf("EC-2.6"),),
    "over-scope": _ANY_CONTRACT,
    "laundered": _ANY_CONTRACT,
    "expired-contract": _ANY_CONTRACT,
    "widened-chain": _ANY_CONTRACT,
    "delegation-circle": _ANY_CONTRACT,
    "confused-deputy": (blind.no_chain, deaf("EC-2.6")),
    "drain-window": (deaf("PACE-1"), blind.no_chain),
    "changed-after-confirmation": (deaf("EC-2.6"),),
    "replayed-endorsement": (deaf("EC-2.6"),),
    "left-out-parents": _ANY_LABEL,
    "through-a-neighbour": _ANY_LABEL,
    "exfiltrated": _ANY_LABEL,
    "secret-through-strict-flow": _ANY_LABEL,
    "unlabelled": _ANY_LABEL,
    "across-a-barrier": _ANY_LABEL,
    "undeclared-way": (blind.ways, blind.shape),
    "misshapen": (blind.shape,),
    "pasted-card": (deaf("DP-2.1", "DP-1.1"),),
    "card-in-pieces": (deaf("DP-2.1", "DP-1.1"),),
    "leaked-card": _ANY_CARD,
    "card-through-strict-flow": _ANY_CARD,
    "card-in-header": (blind.contracts, blind.ranges, *_ANY_CARD),
    "injection-customer": (deaf("PG-1.1", "PG-2.1", "EC-2.6"),),
    "injection-tool": (deaf("PG-1.1", "PG-2.1", "EC-2.6"),),
    "injection-document": (deaf("PG-1.1", "PG-2.1", "EC-2.6"),),
    "poisoned-store": (deaf("DP-2.3"),),
    "obeyed-elsewhere": (deaf("PG-1.1", "PG-1.4"),),
    "data-as-instruction": (blind.ways, blind.shape, deaf("PG-1.4")),
    "inflated-claim": (deaf("PG-2.7"),),
    "invented-evidence": (deaf("PG-2.7"),),
    "loop": (deaf("LOOP", "OB-2.5"),),
    "flood": (deaf("LOOP", "OB-2.5"),),
    "retries": (deaf("LOOP", "OB-2.5"),),
}  # fmt: skip
