"""IA-2.3 no transitive permissions: authority is the intersection along the chain, never the union.

An action or instruction sent under a contract has the authority of the whole chain: what every link's
contract permits and every link's type may have done. Sent without one, it has the sender's own ceiling:
its type's authority, narrowed by everyone who instructed it since its context was purged. An action that
the fleet marks `needs_contract` is never done without a chain. So asking gives nobody anything: neither a
longer chain, nor a second contract, nor leaving the contract out.

The live graph of who delegates to whom says what can be executed behind an agent, so that a contract which
brings a privileged action within reach of somebody who may not have it done is reported (`contracts.py`).
Attenuation already makes such a path worthless; that somebody tries is what the finding tells. There are two
of it: `DelegationGraph` keeps the closure up to date, `SearchedGraph` walks the edges at every question.
After delegations have ended, the first may name more than the second until it is rebuilt, and never less.
"""

from collections.abc import Sequence
from typing import Final

from maso.controls.message import Message
from maso.controls.state import ContractState
from maso.envelope import MessageKind
from maso.verdict import Finding, Outcome, Reason

ID: Final = "IA-2.3"

NO_CONTRACT: Final = Reason(
    "IA-2.3/contract-needed", ID, "this action needs a delegation, none was given", "act under a contract"
)
UNKNOWN: Final = Reason(
    "IA-2.3/unknown-contract", ID, "the contract is not in force in this session", "register it first"
)
NOT_YOURS: Final = Reason("IA-2.3/not-target", ID, "the contract is between others", "use your own contract")
EXPIRED: Final = Reason("IA-2.3/expired", ID, "the contract or a link above it has expired", "delegate again")
BEYOND: Final = Reason(
    "IA-2.3/beyond", ID, "a link of the chain may not do this, so nobody below it may", "ask whoever may"
)
RESOURCE: Final = Reason(
    "IA-2.3/resource", ID, "the contract is about another order, basket or position", "delegate for this one"
)
REASONS: Final = (NO_CONTRACT, UNKNOWN, NOT_YOURS, EXPIRED, BEYOND, RESOURCE)


class Delegated:
    """Settles under whose authority a message is sent, and whether that covers the action."""

    __slots__ = ()

    def check(self, m: Message) -> Finding | None:
        envelope = m.envelope
        if envelope.contract:
            refused = self._under(m)
            if refused is not None:
                return refused
        action = m.flow.action
        if action is None or envelope.kind != MessageKind.ACTION:
            return None
        contract = m.contract
        if contract is None:
            if action.needs_contract:
                return Finding(Outcome.DENY, NO_CONTRACT, action.id)
            if not m.sender.ceiling & action.bit:
                return Finding(Outcome.DENY, BEYOND, action.id)
        elif not contract.effective & action.bit:
            return Finding(Outcome.DENY, BEYOND, action.id)
        return None

    @staticmethod
    def _under(m: Message) -> Finding | None:
        envelope = m.envelope
        contracts = m.sender.session.contracts
        state = contracts.get(envelope.contract) if contracts else None
        if state is None or state.revoked:
            return Finding(Outcome.DENY, UNKNOWN)
        passing_on = envelope.kind == MessageKind.DELEGATION
        holder = state.contract.source if passing_on else state.contract.target
        if holder != envelope.sender or (passing_on and state.contract.target != envelope.recipient):
            return Finding(Outcome.DENY, NOT_YOURS)
        if m.now >= state.live_until:
            return Finding(Outcome.DENY, EXPIRED)
        m.contract = state
        return None

    @staticmethod
    def check_resource(m: Message) -> Finding | None:
        """After the payload was decoded: a contract about one thing covers that thing only, on every link."""
        contract = m.contract
        action = m.flow.action
        if contract is None or action is None:
            return None
        link: ContractState | None = contract
        while link is not None:
            field, _, wanted = link.contract.resource.partition("=")
            if field and str(getattr(m.body, field, "")) != wanted:
                return Finding(Outcome.DENY, RESOURCE, action.id)
            link = link.parent
        return None


# Below this many ended edges a rebuild (milliseconds at 10,000 edges) is not worth its exactness.
REBUILD_AFTER_ENDED_MIN: Final = 64


def _closed(edges: Sequence[Sequence[int]], order: list[int], own: Sequence[int]) -> list[int]:
    """For each node the OR of `own` over everything it reaches: until nothing changes, a few passes."""
    bits = list(own)
    changed = True
    while changed:
        changed = False
        for node in order:
            joined = bits[node]
            for target in edges[node]:
                joined |= bits[target]
            if joined != bits[node]:
                bits[node] = joined
                changed = True
    return bits


def _successors_first(edges: Sequence[Sequence[int]]) -> list[int]:
    """Depth-first postorder, so that one pass settles everything that is in no circle."""
    order: list[int] = []
    seen = [False] * len(edges)
    for root in range(len(edges)):
        stack = [] if seen[root] else [(root, iter(edges[root]))]
        seen[root] = True
        while stack:
            node, targets = stack[-1]
            following = next((target for target in targets if not seen[target]), None)
            if following is None:
                order.append(node)
                stack.pop()
            else:
                seen[following] = True
                stack.append((following, iter(edges[following])))
    return order


def _take_off(out: dict[int, int], source: int, target: int) -> bool:
    """One delegation to `target` less in `out`; whether it was the last. ValueError when there was none."""
    count = out.get(target, 0)
    if not count:
        raise ValueError(f"no delegation from {source} to {target} is in force")
    if count > 1:
        out[target] = count - 1
        return False
    del out[target]
    return True


class DelegationGraph:
    """Who reaches what through live delegations, kept up to date edge by edge.

    Nodes are type indexes. `reach[a]` is the bitset of types that `a` reaches, itself included. Adding an
    edge whose target's reach is already known costs one AND; else the new reach is joined into every
    ancestor (a bitset OR each). Edges are counted; when the last delegation of an edge ends the closure stays
    as it was, too large, never too small, until a quarter of the edges have ended: so a rebuild costs each
    of them little.
    """

    __slots__ = ("_authority", "_counts", "_ended", "_out", "_power", "_reached", "into", "reach", "size")

    def __init__(self, authority: tuple[int, ...], power: tuple[int, ...]) -> None:
        """authority[t]: what type t may have done; power[t]: what it can execute itself."""
        self.size = len(authority)
        self._authority = authority
        self._power = power
        self._reached = list(power)  # what can be executed by anybody within reach
        self.reach = [1 << i for i in range(self.size)]
        self.into = [1 << i for i in range(self.size)]
        self._out: list[dict[int, int]] = [{} for _ in range(self.size)]
        self._counts = 0
        self._ended = 0

    @property
    def edges(self) -> int:
        return self._counts

    def reaches(self, source: int, target: int) -> bool:
        return bool(self.reach[source] >> target & 1)

    def add(self, source: int, target: int) -> None:
        """Count one delegation from source to target."""
        out = self._out[source]
        count = out.get(target, 0)
        out[target] = count + 1
        if count:
            return
        self._counts += 1
        if self._ended > max(REBUILD_AFTER_ENDED_MIN, self._counts // 4):
            self._rebuild()
        else:
            self._join(source, target)

    def remove(self, source: int, target: int) -> None:
        """One delegation ended; ValueError when there was none."""
        if not _take_off(self._out[source], source, target):
            return
        self._counts -= 1
        self._ended += 1

    def _join(self, source: int, target: int) -> None:
        gained = self.reach[target]
        if gained & ~self.reach[source] == 0:
            return
        above = self.into[source]
        below = gained
        power = self._reached[target]
        reach, into, reached = self.reach, self.into, self._reached
        while above:
            low = above & -above
            ancestor = low.bit_length() - 1
            reach[ancestor] |= below
            reached[ancestor] |= power
            above ^= low
        above = self.into[source]
        while below:
            low = below & -below
            into[low.bit_length() - 1] |= above
            below ^= low

    def _rebuild(self) -> None:
        self._ended = 0
        forward = [tuple(out) for out in self._out]
        backward: list[list[int]] = [[] for _ in range(self.size)]
        for source, targets in enumerate(forward):
            for target in targets:
                backward[target].append(source)
        own = [1 << i for i in range(self.size)]
        order = _successors_first(forward)
        self.reach = _closed(forward, order, own)
        self._reached = _closed(forward, order, self._power)
        self.into = _closed(backward, order[::-1], own)

    def refresh(self) -> None:
        """Make the closure exact again, if an edge ended since."""
        if self._ended:
            self._rebuild()

    def reached(self, target: int) -> int:
        """Actions that `target`, or anybody within its reach, can execute."""
        return self._reached[target]

    def beyond(self, source: int, target: int) -> int:
        """Actions that `source` would reach through `target` though it may not have them done."""
        return self._reached[target] & ~self._authority[source]


class SearchedGraph:
    """The live delegations without a closure: every question is a walk over all edges behind the target.

    Adding and ending an edge costs nothing beside the count; asking costs what lies behind the target, which
    in a dense graph is every edge. It is what the incremental closure is measured against.
    """

    __slots__ = ("_counts", "_out", "_power")

    def __init__(self, power: tuple[int, ...]) -> None:
        """power[t]: what type t can execute itself."""
        self._power = power
        self._out: list[dict[int, int]] = [{} for _ in power]
        self._counts = 0

    @property
    def edges(self) -> int:
        return self._counts

    def add(self, source: int, target: int) -> None:
        """Count one delegation from source to target."""
        out = self._out[source]
        self._counts += target not in out
        out[target] = out.get(target, 0) + 1

    def remove(self, source: int, target: int) -> None:
        """One delegation ended; ValueError when there was none."""
        if not _take_off(self._out[source], source, target):
            return
        self._counts -= 1

    def reached(self, target: int) -> int:
        """Actions that `target`, or anybody within its reach, can execute."""
        seen = bytearray(len(self._power))
        seen[target] = 1
        ahead = [target]
        bits = 0
        while ahead:
            node = ahead.pop()
            bits |= self._power[node]
            for following in self._out[node]:
                if not seen[following]:
                    seen[following] = 1
                    ahead.append(following)
        return bits
