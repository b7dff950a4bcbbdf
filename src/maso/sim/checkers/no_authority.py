"""Invariant 2: no authority from asking.

Effective authority is worked out anew from the fleet file and from the contracts that were accepted, link by
link, by names and sets: what each source and each target of the chain may have done, what each link permits,
for which resource, until when, and what whoever gave orders without a contract could have ordered.

What a link declares depends on the delegation policy in force: a pair of types, of roles or of clusters.

The source's ceiling when a contract was made is kept with it, as the plane keeps the contract's worth.
"""

import msgspec

from maso.contract import DelegationContract, decode_contract
from maso.controls.policy import clusters_of, roles_of
from maso.envelope import MessageKind
from maso.fleet.model import Fleet
from maso.identity import signature_holds
from maso.plane.effects import Ended, Perform, Purged, Refuse
from maso.plane.events import RegisterContract
from maso.sim.checkers.release import Release
from maso.sim.checkers.turn import Declared, Roster, Turn

_ORDERS = (MessageKind.INSTRUCTION, MessageKind.DELEGATION)
Names = frozenset[str]


def _groups(fleet: Fleet) -> dict[str, str]:
    """What the delegation rules of this fleet name, for each agent type."""
    ids = tuple(agent.id for agent in fleet.types)
    match fleet.controls.delegation_policy:
        case "role-based":
            groups = roles_of(fleet)
        case "cluster-based":
            groups = clusters_of(fleet)
        case _:
            groups = ids
    return dict(zip(ids, groups, strict=True))


class NoAuthorityFromAsking:
    invariant = 2
    name = "no authority from asking"
    covers = (
        "every contract accepted was signed by its source; every action performed was one that its executor's"
        " type may execute, that every link of its contract chain permits, declares and may have done, for"
        " the resource named and within its time; without one, that all who gave orders could have ordered"
    )
    does_not_cover = (
        "influence by plain data (the endorsements do that), and whether the fleet file itself gives too much"
    )

    def __init__(self, declared: Declared, roster: Roster) -> None:
        self._declared = declared
        self._roster = roster
        self._number = {action.id: number for number, action in declared.actions.items()}
        self._authority = {t.id: frozenset((*t.actions, *t.may_request)) for t in declared.fleet.types}
        self._executes = {t.id: frozenset(t.actions) for t in declared.fleet.types}
        self._passes: dict[tuple[str, str], set[str]] = {}
        self._group = _groups(declared.fleet)
        for d in declared.fleet.delegations:
            pair = (self._group[d.from_], self._group[d.to])
            self._passes.setdefault(pair, set()).update(d.actions)
        self._ceiling: dict[int, Names] = {}
        self._noted: set[int] = set()  # membership only
        self._contracts: dict[int, tuple[DelegationContract, Names]] = {}

    def turn(self, turn: Turn) -> str:
        event = turn.event
        if isinstance(event, RegisterContract):
            if not any(isinstance(e, Refuse) for e in turn.effects):
                contract = decode_contract(event.contract)
                # Registered twice it is the same contract; the first time's ceiling stays.
                self._contracts.setdefault(contract.id, (contract, self._ceiling_of(contract.source)))
                source = self._roster.by_nhi.get(contract.source)
                key = b"" if source is None else source.public_key
                if not signature_holds(key, contract.signed_bytes(), contract.signature):
                    return "a contract was accepted that its source did not sign"
            return ""
        for effect in turn.effects:
            if isinstance(effect, Purged) and effect.nhi not in self._noted:
                self._ceiling.pop(effect.nhi, None)
            elif isinstance(effect, Ended):
                for nhi in effect.nhis:
                    self._ceiling.pop(nhi, None)
                    self._noted.discard(nhi)
        return ""

    def released(self, r: Release) -> str:
        effect = r.effect
        if isinstance(effect, Perform):
            return self._may(effect, r)
        if effect.to == effect.sender:
            self._noted.add(effect.to)
        elif effect.kind in _ORDERS and r.sender is not None and r.sender.session:
            held = self._contracts.get(effect.contract) if effect.contract else None
            reach = self._worth(held) if held is not None else self._ceiling_of(effect.sender)
            self._ceiling[effect.to] = self._ceiling_of(effect.to) & reach
        return ""

    def _type(self, nhi: int) -> str:
        someone = self._roster.by_nhi.get(nhi)
        return "" if someone is None else someone.type

    def _ceiling_of(self, nhi: int) -> Names:
        ceiling = self._ceiling.get(nhi)
        return self._authority.get(self._type(nhi), frozenset()) if ceiling is None else ceiling

    def _worth(self, held: tuple[DelegationContract, Names]) -> Names:
        """What a chain is worth: the intersection of all that its links allow."""
        worth: Names | None = None
        link: tuple[DelegationContract, Names] | None = held
        while link is not None:
            contract, ceiling = link
            source, target = self._type(contract.source), self._type(contract.target)
            permits = frozenset(a for a, n in self._number.items() if contract.permits >> n & 1)
            here = (
                permits & self._authority.get(source, frozenset()) & self._authority.get(target, frozenset())
            )
            pair = (self._group.get(source, ""), self._group.get(target, ""))
            here &= frozenset(self._passes.get(pair, ()))
            if not contract.parent:
                here &= ceiling
            worth = here if worth is None else worth & here
            link = self._contracts.get(contract.parent) if contract.parent else None
            if contract.parent and link is None:
                return frozenset()
        return worth or frozenset()

    def _may(self, effect: Perform, r: Release) -> str:
        action = self._declared.actions.get(effect.action)
        if action is None or r.sender is None:
            return "an action that the fleet does not declare, or of nobody, was performed"
        if action.id not in self._executes.get(r.sender.type, ()):
            return f"{r.sender.type} performed {action.id}, which its type may not execute"
        if not effect.contract:
            if action.needs_contract:
                return f"{action.id} was performed without the contract that it needs"
            if action.id not in self._ceiling_of(effect.sender):
                return f"{r.sender.type} performed {action.id} on orders of somebody who may not order it"
            return ""
        held = self._contracts.get(effect.contract)
        if held is None or held[0].target != effect.sender:
            return f"{action.id} was performed under a contract that is not its executor's"
        if action.id not in self._worth(held):
            return f"{action.id} was performed though a link of its chain may not have it done"
        return self._chain(effect, held[0], r.turn.now, action.id)

    def _chain(self, effect: Perform, leaf: DelegationContract, now: int, name: str) -> str:
        """Session, time, parties and resource of every link."""
        args = msgspec.json.decode(effect.payload)
        contract: DelegationContract | None = leaf
        while contract is not None:
            if contract.session != effect.session or contract.source not in self._roster.by_nhi:
                return f"{name} was performed under a contract of another session, or of somebody gone"
            if not contract.not_before <= now < contract.not_after:
                return f"{name} was performed under a contract that does not hold now"
            field, _, value = contract.resource.partition("=")
            if contract.resource and args.get(field) != value:
                return f"{name} was performed on another thing than its contract is about"
            above = self._contracts.get(contract.parent) if contract.parent else None
            if above is not None and above[0].target != contract.source:
                return f"{name} was performed under a chain that does not hang together"
            contract = None if above is None else above[0]
        return ""
