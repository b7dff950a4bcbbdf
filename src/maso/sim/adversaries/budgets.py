"""Attacks on budgets: loops, floods and retries. OB-2.5 and LOOP; the financial denial of service of E9.

The effect is one message more than the budget. Not here: what a flood costs before the budget ends it.
"""

from maso.fleet.model import AgentType, Link
from maso.sim.adversaries.authority import extravagant
from maso.sim.adversaries.ground import NoSurfaceError, Truth
from maso.sim.adversaries.strike import Adversary, Strike

# More turns than this make one attempt too long for a small run; the budget is then tested elsewhere.
_TURNS_MAX = 200


def _limited(s: Strike, what: str) -> tuple[AgentType, int, Link]:
    """A type with this budget, the budget, and a link on which it can spend it."""
    found = [
        (agent, getattr(agent.budgets, what), link)
        for agent in s.surface.fleet.types
        for link in s.surface.talk()
        if link.from_ == agent.id and getattr(agent.budgets, what)
    ]
    if not found:
        raise NoSurfaceError(f"no type that talks to others has a budget for {what.replace('_', ' ')}")
    return s.stream.pick(found)


def loop(s: Strike) -> None:
    """The same message over and over."""
    agent, limit, link = _limited(s, "same_message")
    who = s.open(link.from_, link.to)
    s.truth(Truth("delivered", sender=who[agent.id], marker=s.mark, at_most=limit))
    body = s.body(link.schema)
    for _ in range(limit + 3):
        s.send(who[link.from_], who[link.to], body)


def flood(s: Strike) -> None:
    """Different messages, more than the turns that an instance has."""
    agent, limit, link = _limited(s, "turns")
    if limit > _TURNS_MAX:
        raise NoSurfaceError(f"budgets of turns are over {_TURNS_MAX}")
    who = s.open(link.from_, link.to)
    s.truth(Truth("delivered", sender=who[agent.id], marker=b"", at_most=limit))
    marker = s.marker
    for i in range(limit + 5):
        s.marker = f"{marker[:-3]}{chr(97 + i // 26 % 26)}{chr(97 + i % 26)}{marker[-1]}"
        s.send(who[link.from_], who[link.to], s.body(link.schema))
    s.marker = marker


def retries(s: Strike) -> None:
    """The same action again and again."""
    found = [(t, a) for t, a in s.surface.harmless() if t.budgets.retries]
    if not found:
        raise NoSurfaceError("no type with a harmless action has a budget for retries")
    agent, action = s.stream.pick(found)
    limit = agent.budgets.retries or 0
    nhi = s.open(agent.id)[agent.id]
    s.truth(Truth("performed", sender=nhi, action=s.number(action.id), at_most=1 + limit))
    for i in range(limit + 4):
        s.marker = s.marker[:-1] + chr(97 + i % 26)
        s.act(nhi, action.id, extravagant(s, action))


_SPENT = "an instance spends more than its budget"

BUDGETS = (
    Adversary("loop", 1, ("LOOP",), (), _SPENT, ("",), loop),
    Adversary("flood", 1, ("OB-2.5",), (), _SPENT, ("",), flood, 180),
    Adversary("retries", 1, ("OB-2.5",), (), _SPENT, ("",), retries),
)
