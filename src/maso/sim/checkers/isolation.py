"""Invariant 5: one session, one type.

Who sends and who receives is looked up among those admitted: both must be of the session that the message
names (ports serve all), the fleet file must declare the way for that kind, and an action must be one of the
sender's type.
"""

from maso.envelope import KIND_NAMES
from maso.plane.effects import Perform
from maso.sim.checkers.release import Release
from maso.sim.checkers.turn import Declared, Turn


class OneSessionOneType:
    invariant = 5
    name = "one session, one type"
    covers = (
        "every message stays in the session of its sender and recipient, both of whom are admitted and not"
        " ended, goes a way that the fleet file declares for its kind, and every action is one of its type's"
    )
    does_not_cover = "what a shared tool or model remembers of one session and says in another"

    def __init__(self, declared: Declared) -> None:
        self._declared = declared
        self._ways: set[tuple[str, str, str, int]] = set()  # membership only
        for link in declared.fleet.links:
            self._ways.update((link.from_, link.to, kind, 0) for kind in link.kinds)
        for number, action in declared.actions.items():
            for agent in declared.fleet.types:
                if action.id in agent.actions:
                    self._ways.add((agent.id, action.port, "action", number))
                    if action.answer:
                        self._ways.add((action.port, agent.id, "data", number))

    def turn(self, turn: Turn) -> str:
        return ""

    def released(self, r: Release) -> str:
        effect, sender, recipient = r.effect, r.sender, r.recipient
        if recipient is None:
            return "let out to somebody who is not there"
        if sender is None:
            return ""  # fail closed says so
        if sender.session not in (0, effect.session) or recipient.session not in (0, effect.session):
            return f"a message of {sender.type} crossed from one session to another"
        if not sender.session and not recipient.session:
            return "one port spoke to another"
        if effect.sender != sender.nhi or (r.envelope is not None and r.envelope.session != effect.session):
            return "a message changed its sender or its session"
        kind = "action" if isinstance(effect, Perform) else KIND_NAMES.get(effect.kind, "unknown")
        if (sender.type, recipient.type, kind, effect.action) not in self._ways:
            return f"{sender.type} sent {kind} to {recipient.type}, which the fleet file does not declare"
        return ""
