"""Faults that a run can be given: what fails, when, and for how long, in virtual time.

    KIND[:TARGET]@START+DURATION        gateway-outage@60s+120s, provider-outage:provider-b@2m+5m

    kind                  target          what it does
    gateway-outage        a port          every call to it comes back with an error, and nothing is done there
    gateway-slow          a port          every call is answered, thirty times as late
    provider-outage       a provider      agents whose model runs there say nothing
    cluster-down          a cluster       its agents say nothing; monitoring says so
    instance-failure      an agent type   one instance of it, the first that acts, fails at all it does
    orchestrator-stopped  a cluster       its orchestrator answers nothing and confirms nothing
    layer-down            a layer         guardrails, judge or human: gone, nobody answers; monitoring says so
    coordinator-stopped   the system      PACE hears nothing and moves nothing; then goes on from its journal

Without a target: the port, the provider, the cluster or the type behind the fleet's most critical actions; of
the layers the judge.
A fault changes what the world and the agents do; what follows from it is up to the fleet's controls.

Not here: faults of messages (adversaries send those), of storage (the evidence tests), and of a shutdown.
"""

from collections import Counter
from collections.abc import Sequence
from typing import Final, NamedTuple

from maso.clock import HOUR, MINUTE, SECOND
from maso.fleet.model import AgentType, Fleet
from maso.resilience.layers import Layer

KINDS: Final = {
    "gateway-outage": "port",
    "gateway-slow": "port",
    "provider-outage": "provider",
    "cluster-down": "cluster",
    "instance-failure": "type",
    "orchestrator-stopped": "cluster",
    "layer-down": "layer",
    "coordinator-stopped": "system",
}
_UNITS: Final = {"s": SECOND, "m": MINUTE, "h": HOUR}
FORM: Final = "KIND[:TARGET]@START+DURATION with times such as 60s, 2m or 1h"
# A call that takes thirty times its median is long past what declared outliers are.
SLOW_FACTOR: Final = 30
TIME_NS_MAX: Final = 7 * 24 * HOUR
_RISK: Final = {"medium": 0, "high": 1, "critical": 2}


class Fault(NamedTuple):
    """One fault: active from `start` (ns) until before `end`."""

    kind: str
    target: str
    start: int
    end: int
    text: str

    def active(self, now: int) -> bool:
        return self.start <= now < self.end


class FaultError(ValueError):
    """A fault that cannot be read; the text says what is legal."""


def parse(text: str, fleet: Fleet) -> Fault:
    """One fault from the command line; FaultError says what is wrong and what is legal."""
    what, at, times = text.partition("@")
    kind, _, target = what.partition(":")
    if kind not in KINDS:
        raise FaultError(f"`{kind}` is no fault; legal: {', '.join(KINDS)}")
    begin, plus, length = times.partition("+")
    if not at or not plus:
        raise FaultError(f"`{text}` does not say when and for how long; legal: {FORM}")
    start, duration = _time(begin), _time(length)
    if not duration:
        raise FaultError(f"`{text}` lasts no time; legal: {FORM}")
    names = targets(KINDS[kind], fleet)
    target = target or _usual(kind, fleet)
    if target not in names:
        said = f"there is no {KINDS[kind]} `{target}`" if target else f"the fleet has no {KINDS[kind]}"
        raise FaultError(f"{said}; legal: {', '.join(names) or 'none in this fleet'}")
    return Fault(kind, target, start, start + duration, f"{kind}:{target}@{begin}+{length}")


def targets(what: str, fleet: Fleet) -> tuple[str, ...]:
    """The names that a kind of fault may have as its target."""
    match what:
        case "port":
            return tuple(dict.fromkeys(a.port for a in fleet.actions))
        case "provider":
            return tuple(dict.fromkeys(t.provider for t in fleet.types if t.provider))
        case "system":
            return ("system",)
        case "layer":
            return tuple(Layer)
        case "cluster":
            return tuple(dict.fromkeys(t.cluster for t in fleet.types))
    return tuple(t.id for t in fleet.types)


def _time(text: str) -> int:
    number, unit = text[:-1], text[-1:]
    if unit not in _UNITS or not (number.isascii() and number.isdigit()) or len(number) > 9:
        raise FaultError(f"`{text}` is no time; legal: a whole number with s, m or h, such as 60s")
    value = int(number) * _UNITS[unit]
    if value > TIME_NS_MAX:
        raise FaultError(f"`{text}` is too long; legal: up to a week")
    return value


def _usual(kind: str, fleet: Fleet) -> str:
    """What the most critical actions need: where an architect looks first."""
    what = KINDS[kind]
    if what == "port":
        weight: Counter[str] = Counter()
        for action in fleet.actions:
            weight[action.port] += (1 + action.privileged) * 10 ** _RISK[action.risk]
        return max(weight, key=weight.__getitem__, default="")
    if what in ("system", "layer"):
        return "system" if what == "system" else Layer.JUDGE.value
    first = _most_critical(fleet.types)
    if first is None:
        return ""
    return {"provider": first.provider or "", "cluster": first.cluster, "type": first.id}[what]


def _most_critical(types: Sequence[AgentType]) -> AgentType | None:
    return max(types, key=lambda t: (_RISK[t.risk], len(t.actions)), default=None)
