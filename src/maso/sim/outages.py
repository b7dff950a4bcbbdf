"""What can go wrong while a fleet is being stopped: each outage begins in a stage and lasts for a while.

    KIND[:TARGET]@STAGE[+DURATION]        gateway-crash@drain+20s, region-cut:zone-a@run+2m

    kind                   what it does
    gateway-slow           its answers take up to the longest call that the plan allows for
    gateway-fails          it answers that it is busy, and does nothing
    gateway-crash          it is silent; a call that it was working on may have been booked
    gateway-unsure         it does what it is asked, and answers first that it does not know
    region-cut             the switch and a region (the target) do not hear each other
    partition              the switch and everybody do not hear each other
    gateway-cut            the switch and the gateway do not hear each other
    lossy                  a fifth of all messages is lost, a fifth comes twice
    orchestrator-stopped   agents are no longer driven, nobody reports that work is done
    orchestrator-hostile   it ignores stages and leases, makes up calls, replays and forges (`hostility.py`)
    platform-deaf          all of it, the control plane too, obeys no stage, lease or revocation, and goes on
    plane-crash            the control plane is gone with all its memory, and recovers from the evidence
    switch-restart         the switch is gone, and goes on from its own log
    reconciler-crash       the reconciler dies in the middle, and a new one begins anew
    clock-drift            every clock is off by as much as the plan allows for, in both directions
    second-silent          the second person does not answer; two people order again later
    second-forged          the second person is the first one under another key, or a stranger
    called-off             one person alone freezes it first, two call that off, and it runs for a while
    clock-jump             a clock (the target: gateway, plane or a region) jumps, and jumps back later
    again                  after the way back it is stopped a second time

What a seed draws is of all kinds but `platform-deaf`: that one lasts through every ceiling, so a rehearsal of
it is about nothing else.

Not here: faults of storage (the evidence tests), and outages of a run that is not stopped (`faults.py`).
"""

from typing import Final, NamedTuple

from maso.clock import SECOND
from maso.resilience.shutdown import STAGE_NAMES, Stage
from maso.sim.faults import FaultError
from maso.streams import Stream

KINDS: Final = (
    "gateway-slow",
    "gateway-fails",
    "gateway-crash",
    "gateway-unsure",
    "region-cut",
    "partition",
    "gateway-cut",
    "lossy",
    "orchestrator-stopped",
    "orchestrator-hostile",
    "plane-crash",
    "switch-restart",
    "reconciler-crash",
    "clock-drift",
    "second-silent",
    "second-forged",
    "called-off",
    "clock-jump",
    "again",
)
DEAF: Final = "platform-deaf"
LEGAL: Final = (*KINDS, DEAF)
# What belongs to the order itself, or to the whole run, begins with it.
AT_ONCE: Final = ("clock-drift", "second-silent", "second-forged", "called-off", "again")
IN_SWEEP: Final = ("reconciler-crash",)
# What happens at a place.
AIMED: Final = ("region-cut", "clock-jump")
CLOCKS: Final = ("gateway", "plane")
FORM: Final = "KIND[:TARGET]@STAGE[+SECONDSs], such as gateway-crash@drain+20s"
_UNITS: Final = {"s": 1, "m": 60}
SECONDS_MAX: Final = 24 * 3600
# Where nothing is said: longer than a lease, shorter than most ceilings.
SECONDS: Final = 15


class Outage(NamedTuple):
    """`begin_ns` after the stage was reached; `target` is a region or a place, where one is needed."""

    kind: str
    target: str
    stage: Stage
    begin_ns: int
    length_ns: int

    @property
    def text(self) -> str:
        target = f":{self.target}" if self.target else ""
        begin = f" {self.begin_ns / SECOND:.1f} s in" if self.begin_ns else ""
        return f"{self.kind}{target}@{self.stage.name.lower()}+{self.length_ns / SECOND:.0f}s{begin}"


def parse(text: str, regions: tuple[str, ...]) -> Outage:
    """One outage from the command line; FaultError says what is wrong and what is legal."""
    what, at, rest = text.partition("@")
    kind, _, target = what.partition(":")
    if kind not in LEGAL:
        raise FaultError(f"`{kind[:64]}` is no outage; legal: {', '.join(LEGAL)}")
    stage, plus, length = rest.partition("+")
    if at and stage not in STAGE_NAMES[:-1]:
        raise FaultError(f"`{stage[:64]}` is no stage; legal: {', '.join(STAGE_NAMES[:-1])}")
    seconds = _seconds(length) if plus else SECONDS
    if kind not in AIMED and target:
        raise FaultError(f"`{kind}` has no target; legal: {FORM}")
    if kind in AIMED:
        legal = places_of(kind, regions)
        target = target or (legal[0] if legal else "")
        if target not in legal:
            what = "region" if kind == "region-cut" else "place"
            raise FaultError(f"there is no {what} `{target[:64]}`; legal: {', '.join(legal) or 'none'}")
    default = Stage.RECONCILE if kind in IN_SWEEP else Stage.RUN
    return Outage(kind, target, Stage[stage.upper()] if at else default, 0, seconds * SECOND)


def places_of(kind: str, regions: tuple[str, ...]) -> tuple[str, ...]:
    """Where an outage of this kind may be."""
    if kind not in AIMED:
        return ()
    return (*CLOCKS, *regions) if kind == "clock-jump" else regions


def _seconds(text: str) -> int:
    number, unit = text[:-1], text[-1:]
    if unit not in _UNITS or not (number.isascii() and number.isdigit()) or len(number) > 6:
        raise FaultError(f"`{text[:64]}` is no duration; legal: a whole number with s or m, such as 20s")
    seconds = int(number) * _UNITS[unit]
    if not 0 < seconds <= SECONDS_MAX:
        raise FaultError(f"`{text}` is no duration; legal: from one second to a day")
    return seconds


# How many outages a seed has: none in a fifth of them, at most three.
_HOW_MANY: Final = (0, 1, 1, 1, 2, 2, 3, 3, 1, 0)
# Seconds that an outage lasts: around the lease, around the stages, longer than everything.
_LENGTHS: Final = (1, 2, 4, 6, 8, 15, 30, 60, 120, 1_000)


def drawn(draws: Stream, regions: tuple[str, ...]) -> tuple[Outage, ...]:
    """The outages of one seed: every kind in every stage, in combinations."""
    found: dict[str, Outage] = {}
    for _ in range(draws.pick(_HOW_MANY)):
        kind = draws.pick(KINDS)
        stage = Stage(draws.below(Stage.SETTLED))
        if kind in AT_ONCE:
            stage = Stage.RUN
        elif kind in IN_SWEEP:
            stage = Stage.RECONCILE
        begin = draws.below(5 * SECOND) if stage not in (Stage.RUN, Stage.HALT) else 0
        legal = places_of(kind, regions)
        target = draws.pick(legal) if legal else ""
        length = draws.pick(_LENGTHS) * SECOND
        found[kind] = Outage(kind, target, stage, begin, length)
    return tuple(found.values())
