"""A small shop with three clusters for the tests of PACE, and a bench that drives its coordinator."""

from typing import Any

from maso.clock import SECOND
from maso.fleet.model import AgentType, Cluster, Dependency, Pace, PaceLevel, Watch
from maso.resilience.coordinator import Coordinator
from maso.resilience.pace import Authority, Settings
from maso.resilience.plan import CLUSTER_DWELL_NS, COMMANDER, OPERATOR, Plan, _type
from maso.resilience.signals import Answered, Effect, Joined, Move, Order, Request, Signal

KEY = bytes(32)


def agent(name: str, cluster: str, risk: str = "medium", **level: Any) -> AgentType:
    declared = PaceLevel(customer_message=f"{name} is away", trigger_share=0.2, trigger_minutes=2, **level)
    return AgentType(
        id=name,
        cluster=cluster,
        risk=risk,  # type: ignore[arg-type]
        provider="main",
        pace=Pace(type=declared),
    )


TYPES = (
    agent("advisor", "store", "high"),
    agent("page", "store"),
    agent("cart", "checkout", "high", backup_provider="spare"),
    agent("payment", "checkout", "critical", backup_provider="spare"),
    agent("parcel", "after"),
    agent("support", "after", "high", decided_by="person"),
)
DEPENDENCIES = (
    Dependency(consumer="checkout", producer="store", on_contingency="fallback", on_emergency="fallback"),
    Dependency(consumer="after", producer="checkout", on_contingency="cascade", on_emergency="cascade"),
)


def plan(types: tuple[AgentType, ...] = TYPES, dependencies: tuple[Dependency, ...] = DEPENDENCIES) -> Plan:
    names = dict.fromkeys(t.cluster for t in types)
    return Plan(
        tuple(_type(t, 900 * SECOND) for t in types),
        tuple(Cluster(id=name) for name in names),
        dependencies,
        Settings(CLUSTER_DWELL_NS, answer_ns=900 * SECOND),
        Watch(),
        {OPERATOR: Authority.OPERATOR, COMMANDER: Authority.COMMANDER},
    )


class Bench:
    """A coordinator, its clock, and everything that it asked for; `phases` is what the plane was told."""

    def __init__(self, p: Plan | None = None, sessions: int = 100) -> None:
        self.plan = p or plan()
        self.c = Coordinator(self.plan, KEY)
        self.now = 0
        self.effects: list[tuple[int, Effect]] = []
        self.phases: dict[str, int] = {}
        count = len(self.plan.types)
        members = [(self.nhi(s, t), t, s) for s in range(1, sessions + 1) for t in range(count)]
        self.c.handle(Joined(tuple(members)), 0)
        self.sessions = sessions
        self.orders = 0

    def nhi(self, session: int, kind: int) -> int:
        return session * 100 + kind

    def say(self, signal: Signal) -> list[Effect]:
        return self.took(self.c.handle(signal, self.now))

    def order(self, scope: str, what: str, role: str) -> list[Effect]:
        """A person's order, given now."""
        self.orders += 1
        return self.say(Order(scope, what, role, self.orders, self.now))

    def answer(self, scope: str, granted: bool, role: str) -> list[Effect]:
        """A person's answer to the last request about a scope."""
        number = next((r.number for r in reversed(self.kinds(Request)) if r.scope == scope), 0)
        return self.say(Answered(scope, granted, role, number))

    def outcome(self, session: int, kind: int, ok: bool, at: int | None = None) -> list[Effect]:
        at = self.now if at is None else at
        return self.took(self.c.outcome(self.nhi(session, kind), ok, at, self.now))

    def took(self, effects: Any) -> list[Effect]:
        for effect in effects:
            self.effects.append((self.now, effect))
            if isinstance(effect, Move) and effect.share_milli == 1000:
                self.phases[effect.scope] = effect.phase
        return list(effects)

    def wait(self, seconds: int) -> None:
        for _ in range(seconds):
            self.now += SECOND
            self.took(self.c.advance(self.now))

    def moves(self, scope: str) -> list[tuple[int, int, str]]:
        """(phase, share, why) of one scope, in order."""
        return [
            (int(e.phase), e.share_milli, e.why)
            for _, e in self.effects
            if isinstance(e, Move) and e.scope == scope
        ]

    def kinds(self, kind: type) -> list[Any]:
        return [e for _, e in self.effects if isinstance(e, kind)]
