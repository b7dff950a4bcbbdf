"""What a compromised instance reaches, by trying: its key is used for what it must not do, and what it may.

One instance of each type (of so many types in a large fleet) is admitted, and whoever holds its key tries:

    every action of the fleet that its type may not execute
    every kind of message to every type of its session, where no link is declared
    to speak as every other member of its session
    every other session: to write to its instances under either session number, to speak as one of them, to
    speak as the pool identity of its own key
    to be admitted again: its credential for another session, for another type, and as it is

Each attempt comes by a fresh channel and finds the breaker of EC-2.4 reset, so it meets the control that
should stop it, not the pause after the third refusal. Then its own actions are tried, and who else must have
a say.

Not tried: what a tool answers when an action that the type may do names another customer's record; those
actions are listed, since the plane sees an id, and only the port knows whose it is.
"""

from collections.abc import Callable
from typing import Final, NamedTuple

import msgspec

from maso.controls.state import Instance
from maso.envelope import MessageKind
from maso.fleet.rulebook import ActionRules, TypeRules, flow_key
from maso.identity import Credential, nhi_of
from maso.plane.effects import Admitted, Ask, Effect, Refuse
from maso.plane.events import Admit, CloseSession
from maso.stress.dimension import Outcome, Trial
from maso.stress.probes.identity_stage import Held, Stage, sessions_at, spread

_ATTACKERS_QUICK: Final = 12
_ATTACKERS_FULL: Final = 40
# Every other session is tried where there are no more than so many, else as many of them, evenly spaced.
_SESSIONS_QUICK: Final = 1000
_SESSIONS_FULL: Final = 10_000
# Beyond so many types an attacker tries one kind of message with each, in turn.
_ALL_KINDS_TYPES_MAX: Final = 50
_KINDS: Final = (MessageKind.DATA, MessageKind.INSTRUCTION, MessageKind.CLAIM, MessageKind.DELEGATION)
_encode = msgspec.msgpack.Encoder().encode

ACTIONS: Final = "actions of other types"
WAYS: Final = "ways that are not declared"
AS_MEMBER: Final = "speaking as another member of its session"
TO_OTHERS: Final = "writing to other sessions"
AS_OTHERS: Final = "speaking as an instance of another session"
AS_POOL: Final = "speaking in other sessions as the identity that its key was lent by"
ADMISSION: Final = "being admitted as somebody else, or again"
KINDS: Final = (ACTIONS, WAYS, AS_MEMBER, TO_OTHERS, AS_OTHERS, AS_POOL, ADMISSION)


class Own(NamedTuple):
    """What one instance may do itself: at once, when somebody vouches, under a contract."""

    type_id: str
    performed: tuple[str, ...]
    asked: tuple[str, ...]
    refused: tuple[str, ...]
    unbound: tuple[str, ...]  # performed at once with an id in its arguments


class _Tally:
    """Attempts of one kind: how many, how many got through, and what stopped the others."""

    def __init__(self) -> None:
        self.tried = 0
        self.through = 0
        self.codes: dict[str, int] = {}

    def note(self, effects: list[Effect]) -> bool:
        self.tried += 1
        codes = [f.reason.code for e in effects if isinstance(e, Refuse) for f in e.findings]
        if not effects or codes:
            code = codes[0] if codes else "nothing happened"
            self.codes[code] = self.codes.get(code, 0) + 1
            return False
        self.through += 1
        return True

    def stopped_by(self) -> str:
        most = sorted(self.codes.items(), key=lambda item: (-item[1], item[0]))
        return ", ".join(code for code, _ in most[:4])


class _Raid:
    """One trial's attempts on one stage."""

    def __init__(self, trial: Trial) -> None:
        self.stage = Stage(trial.fleet, trial.seed)
        self.sessions = sessions_at(trial.fleet)
        self.tallies = {kind: _Tally() for kind in KINDS}
        self.reached: dict[int, None] = {}
        self.tried_sessions: dict[int, None] = {}
        kinds = [t for t in self.stage.rules.types if not t.is_port]
        most = _ATTACKERS_QUICK if trial.quick else _ATTACKERS_FULL
        attackers = [kinds[i] for i in spread(len(kinds), most)]
        # Attackers' sessions come after the crowd, so that every session of the crowd is another one.
        self.stage.populate(range(1, self.sessions + 1))
        self.attackers = [self._admit(kind, self.sessions + 1 + i) for i, kind in enumerate(attackers)]

    def _admit(self, kind: TypeRules, session: int) -> tuple[Held, tuple[Held, ...], bytes]:
        """The attacker, its session, and the credential that it was admitted with."""
        stage = self.stage
        depth = stage.fleet.kind == "depth"
        stage.like(session, session if depth else 1 + kind.index)
        stage.provision(session)
        shown = stage.credential(session)
        nhis = stage.admitted(stage.plane.handle(Admit(shown), stage.now))
        held = stage.held(session, nhis)
        return next(one for one in held if one.rules is kind), held, shown

    def attempt(
        self, kind: str, one: Held, sender: int, to: int, session: int, what: int, action: int, body: bytes
    ) -> bool:
        stage = self.stage
        instance = stage.plane.state.instances.get(sender)
        if instance is not None:
            _calm(instance)
        wire = stage.wire(sender, one.key, to, session, what, action, body)
        return self.tallies[kind].note(stage.plane.arrive(stage.channel(), wire, stage.now))


def _calm(instance: Instance) -> None:
    """As if it had not been caught before, and had spent nothing."""
    instance.blocks = instance.paused_until = 0
    instance.turns = instance.tokens = instance.retries = instance.repeats = 0


def blast(trial: Trial) -> Outcome:
    """Values: share of other sessions reached, what got through that must not, and what is its own."""
    raid = _Raid(trial)
    others = [1 + i for i in spread(raid.sessions, _SESSIONS_QUICK if trial.quick else _SESSIONS_FULL)]
    own: list[Own] = []
    for number, (one, members, shown) in enumerate(raid.attackers):
        _inside(raid, one, members)
        for session in others[number :: len(raid.attackers)]:
            _other_session(raid, one, session)
        _admissions(raid, one, shown)
        own.append(_own(raid, one))
    actions = max(1, len(trial.fleet.actions))
    through = sum(tally.through for tally in raid.tallies.values())
    tried = sum(tally.tried for tally in raid.tallies.values())
    may = [len(o.performed) + len(o.asked) + len(o.refused) for o in own]
    values = {
        "blast_radius_share": len(raid.reached) / max(1, len(raid.tried_sessions)),
        "lateral_share": through / max(1, tried),
        "own_actions_share": sum(may) / max(1, len(may)) / actions,
        "unvouched_share": sum(len(o.performed) for o in own) / max(1, len(own)) / actions,
    }
    return Outcome(values=values, details=_details(raid, own, actions))


def _details(raid: _Raid, own: list[Own], actions: int) -> dict[str, object]:
    kinds = [
        [kind, str(tally.tried), str(tally.through), tally.stopped_by()]
        for kind, tally in raid.tallies.items()
    ]
    rows = [
        [o.type_id, str(len(o.performed)), str(len(o.asked)), str(len(o.refused)), str(actions)] for o in own
    ]
    unbound = [[o.type_id, name] for o in own for name in o.unbound]
    return {
        "attempts_by_kind": kinds,
        "attempts_by_kind_total": len(kinds),
        "own": rows,
        "own_total": len(rows),
        "by_id": unbound,
        "by_id_total": len(unbound),
        "attempts": sum(tally.tried for tally in raid.tallies.values()),
        "through": sum(tally.through for tally in raid.tallies.values()),
        "sessions_reached": len(raid.reached),
        "sessions_tried": len(raid.tried_sessions),
        "sessions_there": raid.sessions,
        "attackers": len(raid.attackers),
    }


def _inside(raid: _Raid, one: Held, members: tuple[Held, ...]) -> None:
    """Within its own session: other types' tools, ways that are not declared, other members' names."""
    stage = raid.stage
    for action in stage.rules.actions:
        if action is not None and not one.rules.executes & action.bit:
            to = stage.ports[action.spec.port]
            body = stage.body(action.spec.schema)
            raid.attempt(ACTIONS, one, one.nhi, to, one.session, MessageKind.ACTION, action.number, body)
    for number, other in enumerate(members):
        for kind in _kinds(len(stage.rules.types), number):
            if flow_key(other.rules.index, kind, 0) not in one.rules.flows:
                raid.attempt(WAYS, one, one.nhi, other.nhi, one.session, kind, 0, b"{}")
        if other.nhi != one.nhi:
            way = stage.way(other.rules, [members])
            if way is not None:
                body = stage.body(way.schema)
                raid.attempt(AS_MEMBER, one, other.nhi, way.to, one.session, way.kind, way.action, body)


def _kinds(types: int, number: int) -> tuple[MessageKind, ...]:
    return _KINDS if types <= _ALL_KINDS_TYPES_MAX else (_KINDS[number % len(_KINDS)],)


def _other_session(raid: _Raid, one: Held, session: int) -> None:
    """Everything that its key could do in one session that is not its own."""
    stage = raid.stage
    raid.tried_sessions[session] = None
    there = [
        Held(stage.nhi(rules, session, number), b"", rules, session, 0)
        for rules, number in stage.members(session)
    ]
    to, kind, schema = _target(one.rules, there)
    body = b"{}" if not schema else stage.body(schema)
    hits = [
        raid.attempt(TO_OTHERS, one, one.nhi, to, one.session, kind, 0, body),
        raid.attempt(TO_OTHERS, one, one.nhi, to, session, kind, 0, body),
        raid.attempt(AS_POOL, one, one.slot_nhi, to, session, kind, 0, body),
    ]
    twin = next((other for other in there if other.rules is one.rules), there[0])
    hits.append(raid.attempt(AS_OTHERS, one, twin.nhi, to, session, kind, 0, body))
    action = next((a for a in _executable(stage, one.rules) if not a.needs_contract), None)
    if action is not None:
        port, named = stage.ports[action.spec.port], stage.body(action.spec.schema)
        for sender, kind_of in ((one.nhi, TO_OTHERS), (one.slot_nhi, AS_POOL), (twin.nhi, AS_OTHERS)):
            hits.append(
                raid.attempt(kind_of, one, sender, port, session, MessageKind.ACTION, action.number, named)
            )
    if any(hits):
        raid.reached[session] = None


def _target(rules: TypeRules, there: list[Held]) -> tuple[int, int, str]:
    """An instance of another session that the type may write to, if there is one; else the first."""
    for other in there:
        for flow in rules.flows.values():
            if flow.action is None and flow.key >> 15 == other.rules.index:
                return other.nhi, flow.key >> 12 & 7, flow.schema
    return there[0].nhi, int(MessageKind.DATA), ""


def _executable(stage: Stage, rules: TypeRules) -> list[ActionRules]:
    return [a for a in stage.rules.actions if a is not None and rules.executes & a.bit]


def _admissions(raid: _Raid, one: Held, shown: bytes) -> None:
    """Its credential as it is, for another session, and for another type."""
    stage, tally = raid.stage, raid.tallies[ADMISSION]
    good = msgspec.msgpack.decode(shown, type=Credential)
    elsewhere = raid.sessions + len(raid.attackers) + 1 + one.rules.index
    other = next((t for t in stage.rules.types if not t.is_port and t is not one.rules), None)
    tries = [good, msgspec.structs.replace(good, session=elsewhere)]
    if other is not None:
        nhi = nhi_of(stage.rules.sha256, other.id, elsewhere, 0)
        member = msgspec.structs.replace(good.members[0], type_id=other.id, nhi=nhi)
        tries.append(msgspec.structs.replace(good, session=elsewhere, members=(member,)))
    for credential in tries:
        effects = stage.plane.handle(Admit(_encode(credential)), stage.now)
        if tally.note(effects) and isinstance(effects[0], Admitted):
            stage.plane.handle(CloseSession(credential.session), stage.now)


def _own(raid: _Raid, one: Held) -> Own:
    """Its own actions: done at once, held until somebody vouches, or refused without a contract."""
    stage = raid.stage
    found: dict[str, list[str]] = {"performed": [], "asked": [], "refused": []}
    unbound = []
    for action in _executable(stage, one.rules):
        _calm(stage.plane.state.instances[one.nhi])
        to, body = stage.ports[action.spec.port], stage.body(action.spec.schema)
        wire = stage.wire(one.nhi, one.key, to, one.session, MessageKind.ACTION, action.number, body)
        effects = stage.plane.arrive(stage.channel(), wire, stage.now)
        outcome = _outcome(effects)
        found[outcome].append(action.id)
        if outcome == "performed" and stage.has_id(action.spec.schema):
            unbound.append(action.id)
    performed, asked, refused = (tuple(found[name]) for name in ("performed", "asked", "refused"))
    return Own(one.rules.id, performed, asked, refused, tuple(unbound))


def _outcome(effects: list[Effect]) -> str:
    tests: tuple[tuple[str, Callable[[Effect], bool]], ...] = (
        ("refused", lambda e: isinstance(e, Refuse)),
        ("asked", lambda e: isinstance(e, Ask)),
    )
    return next((name for name, test in tests if any(map(test, effects))), "performed")
