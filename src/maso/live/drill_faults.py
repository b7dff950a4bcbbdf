"""What a drill may break, by name. One table; `docs/live-drill.md` has the same words.

`listed` says whether a fault may leave items for a person: only where the gateway's answer cannot be had.
"""

from typing import Final, NamedTuple

from maso.live.gateway_process import Faults
from maso.resilience.shutdown import Stage

# Long enough for the plane to have closed the channels by which forgeries came; nobody can work by then.
SPOILT_SECONDS: Final = 10.0


class Fault(NamedTuple):
    """
    kill       which process is ended by `kill -9`: platform, reconciler, switch, gateway, nats
    deaf       the platform obeys no stage, no lease and no revocation
    stop       the platform stands still (SIGSTOP) from the order on, and wakes when everything is settled
    stage      in which stage; RUN is the instant before the order
    cut        the way between the switch and everybody who obeys it drops everything, from the order on
    gateway    what the gateway does wrong, per million calls
    corrupt    one message in that many is changed on the bus, from `SPOILT_SECONDS` before the order on
    back       whether what was killed is started again
    call_off   one person freezes it first, two call that off, and it goes on, before the order
    """

    about: str
    kill: str = ""
    stage: Stage | None = None
    deaf: bool = False
    stop: bool = False
    cut: bool = False
    gateway: Faults = Faults()
    corrupt: int = 0
    back: bool = False
    listed: bool = False
    bus: bool = False
    call_off: bool = False


def _killed(stage: Stage) -> Fault:
    if stage is Stage.RECONCILE:
        return Fault("`kill -9` of the reconciler in its sweep", "reconciler", stage, back=True)
    return Fault(f"`kill -9` of the platform in {stage.name.lower()}", "platform", stage)


KILLS: Final = {f"kill9-{stage.name.lower()}": _killed(stage) for stage in Stage if stage < Stage.SETTLED}

FAULTS: Final[dict[str, Fault]] = {
    **KILLS,
    "kill9-switch": Fault("`kill -9` of the switch while draining", "switch", Stage.DRAIN, back=True),
    "called-off": Fault("one person freezes everything first, and two call it off", call_off=True),
    "stopped": Fault("the platform stands still, and wakes after everything is settled", stop=True),
    "deaf": Fault("the platform obeys no stage, lease or revocation, and goes on", deaf=True),
    "partition": Fault("the switch is cut off from platform and gateway", cut=True),
    "gateway-slow": Fault("a fifth of the calls takes 2 s more", gateway=Faults(slow=200_000, slow_ms=2_000)),
    "gateway-failing": Fault(
        "a tenth each is busy, fails, or is booked and never answered",
        gateway=Faults(busy=100_000, fail=100_000, lost=100_000),
    ),
    "gateway-crash": Fault(
        "`kill -9` of the gateway while draining, back a second later", "gateway", Stage.DRAIN, back=True
    ),
    "gateway-gone": Fault(
        "`kill -9` of the gateway while draining, never back", "gateway", Stage.DRAIN, listed=True
    ),
    "bus-cut": Fault("`kill -9` of the bus at the order", "nats", Stage.HALT, bus=True),
    "bus-corrupt": Fault("one message in 20 is changed, from 10 s before the order on", corrupt=20, bus=True),
}  # fmt: skip
