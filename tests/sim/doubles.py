"""A plane that says yes to everything, for tests of the driver alone; and small helpers to start runs."""

from typing import Any

import msgspec

from maso.envelope import MessageKind, open_wire
from maso.fleet.model import Fleet
from maso.fleet.rulebook import Rulebook
from maso.identity import Credential
from maso.journeys.actors import Keyring
from maso.plane.effects import Admitted, Deliver, Effect, Ended, Perform
from maso.plane.events import Admit, Arrive, CloseSession
from maso.sim.driver import Simulation

_credential = msgspec.msgpack.Decoder(Credential).decode


class YesPlane:
    """Delivers and performs whatever is well formed; `events` counts what it was told."""

    def __init__(self) -> None:
        self.events = 0
        self.members: dict[int, list[int]] = {}
        self.ref = 0

    def handle(self, event: Any, now: int) -> list[Effect]:
        self.events += 1
        self.ref += 1
        if type(event) is Arrive:
            m = open_wire(event.wire)
            assert m.label is not None
            if m.kind == MessageKind.ACTION:
                return [Perform(self.ref, m.sender, m.session, m.action, m.contract, m.label, m.payload)]
            return [
                Deliver(
                    self.ref, m.recipient, m.sender, m.session, m.kind, m.action, m.label, m.contract,
                    m.payload, m.claims,
                )
            ]  # fmt: skip
        if type(event) is Admit:
            credential = _credential(event.credential)
            nhis = tuple(member.nhi for member in credential.members)
            self.members[credential.session] = list(nhis)
            return [Admitted(self.ref, credential.session, nhis)]
        if type(event) is CloseSession:
            return [Ended(self.ref, tuple(self.members.pop(event.session)))]
        return []


def simulation(
    fleet: Fleet, plane: Any = None, *, seed: int = 1, minutes: int = 5, **more: Any
) -> Simulation:
    """A run of `fleet` on a plane that says yes, unless one is given."""
    rules = Rulebook(fleet)
    keys = Keyring(rules, seed)
    return Simulation(fleet, rules, plane or YesPlane(), keys, seed=seed, minutes=minutes, **more)
