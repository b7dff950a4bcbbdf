"""What the coordinator hears, and what it asks its driver to do: plain data, in both directions.

Who may raise which signal is the driver's wiring, and it is what forgery is measured against:

    signal                    raised by
    Joined, Left              the driver, from the plane's own effects `Admitted` and `Ended`
    Outcome                   whoever performs an agent's calls (a port, a model client): never the agent
    Blocked                   the driver, from the plane's refusals
    Scored                    the population watch
    Gone, Back                infrastructure monitoring of clusters, layers' health checks
    Assessed, Heard           a cluster's orchestrator, on its own channel, for its own cluster
    Order, Answered           the staff console, which has checked the person and the role

An agent raises nothing. `at` is when it happened by the driver's clock; what claims to be from the future
is from now. A signal about an instance that is not live is ignored.
"""

from typing import NamedTuple

from maso.resilience.layers import Layer
from maso.resilience.pace import Authority, Phase, Trigger

# --- heard -------------------------------------------------------------------------------------------------


class Joined(NamedTuple):
    """Instances live now: (nhi, index of the type, session) each."""

    members: tuple[tuple[int, int, int], ...]


class Left(NamedTuple):
    nhis: tuple[int, ...]


class Outcome(NamedTuple):
    """What an instance tried outside itself went well or failed; `about`: the port, the provider."""

    nhi: int
    ok: bool
    at: int
    about: str = ""


class Blocked(NamedTuple):
    """The guardrails refused what an instance wrote."""

    nhi: int
    at: int


class Scored(NamedTuple):
    """The watch's anomaly score, 0 to 100, of `instance:<nhi>`, `type:<id>`, `cluster:<id>` or `system`."""

    scope: str
    score: int
    at: int


class Gone(NamedTuple):
    """`cluster:<id>` (its orchestrator stopped, its region is dark) or `layer:<name>` is gone."""

    what: str


class Back(NamedTuple):
    what: str


class Assessed(NamedTuple):
    """An orchestrator's own assessment: what its cluster does about a producer's phase."""

    consumer: str
    number: int
    response: str


class Heard(NamedTuple):
    """An orchestrator confirms a notice: it knows."""

    consumer: str
    number: int


class Order(NamedTuple):
    """A person decides: `down`, `stop`, `up` or `release` of a scope; of a layer that comes and goes, `up`.

    number   the console's own, good once
    at       when it was given: one that was long on its way changes nothing
    """

    scope: str
    what: str
    role: str
    number: int
    at: int


class Answered(NamedTuple):
    """A person answers the request of this number, and no other, that waits for a scope."""

    scope: str
    granted: bool
    role: str
    number: int


Signal = (
    Joined
    | Left
    | Outcome
    | Blocked
    | Scored
    | Gone
    | Back
    | Assessed
    | Heard
    | Order
    | Answered
)  # fmt: skip

# --- asked for ---------------------------------------------------------------------------------------------


class Move(NamedTuple):
    """The plane is to be told: `SetPhase(scope, phase, why, by, share_milli)`.

    phase        in force for the share; the rest of the scope stays where it was
    why          the trigger, with its cause: `failing`, `ramp`, `upstream:market-data`, `layer:judge`
    by           role of the person who decided; empty when nobody had to
    """

    scope: str
    phase: Phase
    why: str
    by: str
    share_milli: int


class Notify(NamedTuple):
    """An orchestrator is told what a producer of its cluster is in; it answers with `Heard(number)`."""

    consumer: str
    producer: str
    phase: Phase
    number: int


class Assess(NamedTuple):
    """An orchestrator is asked what its cluster does; one of `choices`, by `until`; else what is declared."""

    consumer: str
    producer: str
    phase: Phase
    choices: tuple[str, ...]
    declared: str
    until: int
    number: int


class Request(NamedTuple):
    """A person of this role is asked to approve a transition; `default` is what happens at `until`.

    number   of this request: an answer that names another one is to something that is over
    """

    scope: str
    to: Phase
    trigger: Trigger
    authority: Authority
    until: int
    default: bool
    number: int


class Call(NamedTuple):
    """People are told: somebody has to look at this scope, and why."""

    scope: str
    phase: Phase
    why: str


class Show(NamedTuple):
    """The customers of a scope see this from now on; empty text: no longer."""

    scope: str
    text: str


class Provide(NamedTuple):
    """A type works through this provider from now on, for this share of it; the rest as before."""

    type_id: str
    provider: str
    share_milli: int


class Finish(NamedTuple):
    """One instance ends, and its customer is handed to a person."""

    nhi: int


Effect = Move | Notify | Assess | Request | Call | Show | Provide | Finish

__all__ = [
    "Answered", "Assess", "Assessed", "Back", "Blocked", "Call", "Effect", "Finish", "Gone", "Heard",
    "Joined", "Layer", "Left", "Move", "Notify", "Order", "Outcome", "Provide", "Request", "Scored",
    "Show", "Signal",
]  # fmt: skip
