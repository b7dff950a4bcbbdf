"""The switch: runs the shutdowns of all scopes, counts people, and leases the right to act.

It runs as a process of its own, with its own key, log and storage, and needs nobody: its own timers end
every stage, and where it falls silent itself, leases run out. What the platform says ("this stage's work is
done") only ever makes a stage shorter. Everything comes through `statement`, `done` and `advance`; what
follows goes out as effects; what it did is a list of `Entry`, from which `restore` brings it back.

Scopes are `system`, `region:<id>`, `cluster:<id>`, `type:<id>`, `session:<number>` and `instance:<nhi>`.
Leases are per type, so a shutdown of the first four reaches everybody by lease alone. A session or an
instance has no lease of its own: the plane's gates and the fences at gateways end it, by this switch's word,
which it repeats with every renewal. It ends for good; what comes back has a new number.

A type that several scopes cover is in the highest of their stages. Its epoch rises once for each time that a
scope terminates it, and when a freeze of it is called off: so within one epoch what is frozen stays frozen,
and nobody has to be asked whether a freeze that they heard of still holds. It acts again only when every
scope over it runs.

What is said about a stage (`done`) may name the epoch of the scope: a word that comes late, after the way
back, ends no stage of the next shutdown. Strangers fill neither log nor memory: of what they say only the
first lines are kept, and no scope begins to exist because somebody mentions it.

Not handled: how messages travel; two switches at once (a second one needs a log that both share; holders and
fences keep to the freeze and the epoch of whichever of them went further).
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

import msgspec
from nacl.signing import SigningKey

from maso.clock import MINUTE, MS, SECOND
from maso.fleet.model import Fleet
from maso.resilience.asking import Terms, terms
from maso.resilience.lease import DRIFT_NS, LEASE_NS, RENEW_NS, Issuer, Lease, Revocation, bound_ns
from maso.resilience.places import SYSTEM, TypeAt, covered, number_of, places
from maso.resilience.shutdown import CEILINGS_NS, STAGE_NAMES, Moved, Shutdown, Stage, Stays, Trigger
from maso.resilience.twopersons import CONFIRM_NS, Counted, Person, Refused, Registry, TwoPersons

# Where `governance.decision_rights` names nobody under `kill_switch`: the role that PACE's Emergency has.
ROLE_KEYS: Final = ("kill_switch", "leave_emergency")
ROLE: Final = "incident commander"
# Where no port declares how long it takes: what card networks give an authorisation at the most.
CALL_NS: Final = 10 * SECOND
# The longest call is this many times a port's median: beyond the 99.9th percentile of what is drawn.
CALL_FACTOR: Final = 10


class StopPlan(NamedTuple):
    """What the fleet file says about stopping, and what it leaves open, with the reason at each constant."""

    types: tuple[TypeAt, ...]
    ceilings: Mapping[Stage, int]
    messages: Mapping[Stage, str]
    roles: tuple[str, ...]
    call_ns: int
    lease_ns: int = LEASE_NS
    renew_ns: int = RENEW_NS
    drift_ns: int = DRIFT_NS
    confirm_ns: int = CONFIRM_NS
    asking: Terms = terms(None, CALL_NS)

    def bound_ns(self, *, immediate: bool = False, partition: bool = False) -> int:
        """The longest time from the order to the last effect; see `lease.bound_ns`."""
        stages = (Stage.TERMINATE,) if immediate else tuple(Stage)[Stage.HALT : Stage.RECONCILE]
        ceilings = [self.ceilings.get(stage, 0) for stage in stages]
        return bound_ns(ceilings, self.lease_ns, self.drift_ns, self.call_ns, partition=partition)


def stop_plan(fleet: Fleet) -> StopPlan:
    """The plan of a loaded fleet."""
    declared = {Stage[s.stage.upper()]: s for s in fleet.shutdown}
    ceilings = {stage: s.seconds_max * SECOND for stage, s in declared.items()} or dict(CEILINGS_NS)
    rights = fleet.governance.decision_rights
    named = [rights[key] for key in ROLE_KEYS if key in rights]
    longest = max((port.latency_ms_median for port in fleet.ports), default=0) * CALL_FACTOR * 1_000_000
    call_ns = max(longest, CALL_NS)
    times = fleet.switch
    return StopPlan(
        places(fleet),
        ceilings,
        {stage: s.customer_message for stage, s in declared.items() if s.customer_message},
        tuple(named[:1] or (ROLE,)),
        call_ns,
        times.lease_ms * MS,
        times.renew_ms * MS,
        times.drift_ms * MS,
        times.second_person_seconds * SECOND,
        terms(fleet.target.in_flight_confirm_per_second, call_ns, times.calls_at_once),
    )


class Tell(NamedTuple):
    """To the plane and everybody who obeys stages: this scope is in this stage now, in this epoch of it."""

    scope: str
    stage: Stage
    why: str
    by: tuple[str, ...]
    at: int
    epoch: int = 1


class Revoke(NamedTuple):
    """To every fence and holder: an epoch is over."""

    revocation: Revocation


class Renew(NamedTuple):
    """To every holder of the type."""

    lease: Lease


class Sweep(NamedTuple):
    """To the reconciler: settle this scope, with this lease, until `until`.

    It shows the gateway the `revocations` before it asks anything, so that nothing of an older epoch is
    booked behind its back even if the gateway cannot hear the switch.
    """

    scope: str
    lease: Lease
    until: int
    revocations: tuple[Revocation, ...]
    epoch: int = 1


class CallPeople(NamedTuple):
    """Somebody has to look: an order is held, or reconciliation takes longer than declared."""

    scope: str
    why: str


Effect = Tell | Revoke | Renew | Sweep | CallPeople


class Entry(msgspec.Struct, frozen=True, array_like=True):
    """One line of the switch's own log: what was said or happened, and what became of it.

    heard  signature of the statement behind it: good once, also for a switch that was restarted meanwhile;
           empty where nobody who may take part said it
    """

    now: int
    scope: str
    what: str
    before: int
    after: int
    by: tuple[str, ...]
    confirmed: bool
    epochs: dict[str, int]
    serial: int
    heard: bytes = b""


class Switch:
    """All shutdowns of one fleet. `people` may order; `key` signs leases."""

    def __init__(self, plan: StopPlan, people: Sequence[Person], key: SigningKey, now: int = 0) -> None:
        self.plan = plan
        self.issuer = Issuer(key, plan.lease_ns)
        self.log: list[Entry] = []
        self.now = now
        self._registry = Registry(people, plan.roles)
        self._machines: dict[str, Shutdown] = {}
        self._people: dict[str, TwoPersons] = {}
        self._epochs: dict[str, int] = {}  # of scopes, for statements
        self._frozen_at: dict[str, int] = {}  # by type
        self._renew_at = now
        self._called: set[str] = set()
        self._heard = b""
        self._strangers = 0
        self._restarted = False
        self._noted_serial = 0
        if self._registry.distinct() < 2:
            raise ValueError(f"fewer than two people have the role {' or '.join(plan.roles)}")

    # What comes in.

    def statement(self, scope: str, wire: bytes, now: int) -> tuple[list[Effect], str]:
        """A signed statement about a scope: what follows, and in words what became of it."""
        self.now = now = max(self.now, now)
        if not self._covers(scope):
            return [], f"there is no `{scope[:128]}`"
        effects = self.advance(now)
        two = self._people.get(scope) or self._counting(scope)
        counted = two.take(wire, now, self.stage(scope))
        self._heard = two.heard
        if not two.heard and isinstance(counted, Refused):
            self._stranger(scope, counted.why)
            return effects, counted.why
        self._people[scope] = two
        if isinstance(counted, Refused):
            self._note(scope, _REFUSED + counted.why, self.stage(scope), ())
            return effects, counted.why
        moved, why = self._count(scope, counted, now)
        return effects + moved, why

    def done(self, scope: str, stage: Stage, now: int, epoch: int | None = None) -> list[Effect]:
        """The work of a stage is done, says whoever does it. Only for the stage, and the epoch, in force."""
        effects = self.advance(now)
        machine = self._machines.get(scope)
        if machine is None or machine.stage is not stage or epoch not in (None, self.epoch(scope)):
            return effects
        result = machine.fire(Trigger.DONE, self.now)
        return effects if isinstance(result, Stays) else effects + self._follow(scope, result)

    def advance(self, now: int) -> list[Effect]:
        """Time passes: stages end, orders lapse, leases are renewed."""
        self.now = now = max(self.now, now)
        effects: list[Effect] = []
        if self._restarted:
            effects += self._take_up(now)
        for scope, machine in list(self._machines.items()):
            lapsed = self._two(scope).lapse(now)
            if lapsed is not None:
                effects += self._count(scope, lapsed, now)[0]
                effects.append(CallPeople(scope, lapsed.why))
            for moved in machine.expire(now):
                effects += self._moved(scope, moved)
            if machine.overdue and scope not in self._called:
                self._called.add(scope)
                effects.append(CallPeople(scope, "reconciliation takes longer than declared"))
        if now >= self._renew_at:
            self._renew_at = now + self.plan.renew_ns
            effects += self.renewals(now)
        return effects

    def renewals(self, now: int) -> list[Effect]:
        """A lease for every type that may act, told its stage; the epoch again for every other."""
        effects: list[Effect] = []
        for kind in self.plan.types:
            lease = self.issuer.issue(kind.id, self.stage_of(kind), self._frozen_at.get(kind.id, 0), now)
            if lease is not None:
                effects.append(Renew(lease))
            else:
                effects.append(Revoke(self.issuer.revocation(kind.id)))
        for scope, machine in self._machines.items():
            if machine.stage >= Stage.TERMINATE and number_of(scope) is not None:
                effects.append(Revoke(self.issuer.revocation(scope)))
        if self.issuer.serial - self._noted_serial >= SERIALS_SKIPPED // 2:
            self._note(SYSTEM, "serials", self.stage(SYSTEM), ())
        return effects

    # What it knows.

    def stage(self, scope: str) -> Stage:
        machine = self._machines.get(scope)
        return Stage.RUN if machine is None else machine.stage

    def machine(self, scope: str) -> Shutdown:
        if scope not in self._machines:
            self._machines[scope] = Shutdown(self.plan.ceilings, self.now)
        return self._machines[scope]

    def epoch(self, scope: str) -> int:
        """The epoch that a statement about this scope must name."""
        return self._epochs.get(scope, 1)

    def stage_of(self, kind: TypeAt) -> Stage:
        """The highest stage of the scopes that cover a type."""
        return max(self.stage(scope) for scope in kind.scopes)

    def types_in(self, scope: str) -> tuple[TypeAt, ...]:
        """The types that a scope covers as a whole; none for a session or an instance."""
        return covered(scope, self.plan.types)

    @property
    def next_at(self) -> int:
        """When `advance` has something to do at the latest."""
        times = [self._renew_at]
        times += [m.until for m in self._machines.values() if m.until is not None and not m.overdue]
        times += [p.order.until for p in self._people.values() if p.order is not None]
        return max(self.now, min(times))

    def restore(self, entries: Sequence[Entry], now: int) -> None:
        """After a restart: where every scope was, from the log. An order that waited is held, not forgotten.

        Nobody's earlier half of an order survives: it takes two people again. So a halt that waited for its
        second person will never get that one, and freezes as if the time for it were over. Whoever sweeps is
        asked again, with a new lease and the whole time: to sweep twice changes nothing.
        """
        used: dict[str, list[bytes]] = {}
        for entry in entries:
            if entry.heard:
                used.setdefault(entry.scope, []).append(entry.heard)
            elif entry.what.startswith(_REFUSED):
                self._strangers += 1
                continue
            self._retrace(entry, used)
        for scope in dict.fromkeys((*self._machines, *used)):
            self._two(scope).renew(self.epoch(scope), used.get(scope, ()))
        self.issuer.restore({}, self.issuer.serial + SERIALS_SKIPPED)
        self._noted_serial = self.issuer.serial - SERIALS_SKIPPED
        self.log = list(entries)
        self.now = self._renew_at = max(now, *(entry.now for entry in entries[-1:]), 0)
        self._restarted = True

    def _take_up(self, now: int) -> list[Effect]:
        """What a switch before this one left half done: halts that nobody can complete, sweeps unheard of."""
        self._restarted = False
        effects: list[Effect] = []
        why = "the switch was restarted before the second person answered"
        for scope, machine in list(self._machines.items()):
            if machine.held and machine.stage is Stage.HALT:
                effects += self._count(scope, Counted(Trigger.LAPSED, (), why), now)[0]
                effects.append(CallPeople(scope, why))
            elif machine.stage is Stage.RECONCILE:
                effects.append(self._sweep(scope, now))
        return effects

    def _retrace(self, entry: Entry, used: dict[str, list[bytes]]) -> None:
        machine = self.machine(entry.scope)
        if entry.after != entry.before or entry.confirmed != machine.confirmed:
            machine.since = entry.now
        if entry.confirmed and not machine.confirmed:
            machine.ordered_at = entry.now
        machine.stage, machine.confirmed = Stage(entry.after), entry.confirmed
        self.issuer.restore(entry.epochs, entry.serial)
        kinds = self.types_in(entry.scope)
        if machine.stage is Stage.RUN and entry.before != Stage.RUN:
            used.pop(entry.scope, None)
            machine.ordered_at = 0
            self._runs(entry.scope, kinds)
        if machine.stage is Stage.FREEZE and entry.before != Stage.FREEZE:
            self._freezes(kinds, entry.now)

    # What becomes of it.

    def _count(self, scope: str, counted: Counted, now: int) -> tuple[list[Effect], str]:
        if counted.trigger is None:
            self._note(scope, counted.why, self.stage(scope), counted.by)
            return [], counted.why
        result = self.machine(scope).fire(counted.trigger, now, counted.by)
        if isinstance(result, Stays):
            # One person's wish where nothing is left to be done alone is still the first of two.
            why = counted.why if len(counted.by) < 2 else result.why
            self._note(scope, why, self.stage(scope), counted.by)
            return [], why
        return self._follow(scope, result), counted.why

    def _follow(self, scope: str, result: Moved) -> list[Effect]:
        """What a move means, and what is due at once after it: a stage may take no time."""
        effects = self._moved(scope, result)
        for moved in self.machine(scope).expire(self.now):
            effects += self._moved(scope, moved)
        return effects

    def _moved(self, scope: str, moved: Moved) -> list[Effect]:
        effects: list[Effect] = [self._told(scope, moved)]
        kinds = self.types_in(scope)
        if moved.after is Stage.FREEZE:
            self._freezes(kinds, moved.at)
        called_off = moved.before is Stage.FREEZE and moved.after is Stage.RUN
        if moved.after is Stage.TERMINATE:
            effects += [Revoke(self.issuer.revoke(name)) for name in self._leased(scope)]
        elif called_off:
            effects += [Revoke(self.issuer.revoke(kind.id)) for kind in kinds]
        if moved.after is Stage.RECONCILE:
            # From now on, not from `moved.at`: a switch that was gone meanwhile could not ask for it.
            effects.append(self._sweep(scope, self.now))
        if moved.after is Stage.RUN:
            self._again(scope, kinds)
        self._note(scope, moved.trigger.value, moved.before, moved.by, moved)
        if moved.after is not moved.before and moved.after < Stage.TERMINATE:
            self._renew_at = min(self._renew_at, self.now)  # the new stage travels with the next lease
        return effects

    def _leased(self, scope: str) -> list[str]:
        """What has an epoch and ends with this scope: types, or a session or an instance by itself."""
        return [kind.id for kind in self.types_in(scope)] or [scope]

    def _sweep(self, scope: str, at: int) -> Sweep:
        until = at + self.plan.ceilings.get(Stage.RECONCILE, CEILINGS_NS[Stage.RECONCILE])
        told = tuple(self.issuer.revocation(name) for name in self._leased(scope))
        return Sweep(scope, self.issuer.sweep(at, until), until, told, self.epoch(scope))

    def _told(self, scope: str, moved: Moved) -> Tell:
        return Tell(scope, moved.after, moved.trigger.value, moved.by, moved.at, self.epoch(scope))

    def _again(self, scope: str, kinds: tuple[TypeAt, ...]) -> None:
        self._runs(scope, kinds)
        self._two(scope).renew(self.epoch(scope))
        self._called.discard(scope)

    def _runs(self, scope: str, kinds: tuple[TypeAt, ...]) -> None:
        """The way back of a scope; its types run with it where nothing else is over them."""
        self._epochs[scope] = self.epoch(scope) + 1
        for kind in kinds:
            if self.stage_of(kind) < Stage.FREEZE:
                self._frozen_at.pop(kind.id, None)

    def _freezes(self, kinds: tuple[TypeAt, ...], at: int) -> None:
        for kind in kinds:
            self._frozen_at.setdefault(kind.id, at)

    def _stranger(self, scope: str, why: str) -> None:
        """Nobody who may take part: noted a while, so that people see that somebody tries."""
        self._strangers += 1
        if self._strangers <= STRANGERS_MAX:
            stage = self.stage(scope)
            self.log.append(
                Entry(self.now, scope, _REFUSED + why, stage, stage, (), False, {}, self.issuer.serial)
            )

    def _note(
        self, scope: str, what: str, before: Stage, by: tuple[str, ...], moved: Moved | None = None
    ) -> None:
        machine = self.machine(scope)
        epochs = {name: self.issuer.epoch(name) for name in self._leased(scope)}
        entry = Entry(
            self.now if moved is None else moved.at, scope, what, before,
            machine.stage if moved is None else moved.after, by, machine.confirmed, epochs,
            self.issuer.serial, self._heard,
        )  # fmt: skip
        self._heard = b""
        self._noted_serial = entry.serial
        self.log.append(entry)

    def _two(self, scope: str) -> TwoPersons:
        if scope not in self._people:
            self._people[scope] = self._counting(scope)
        return self._people[scope]

    def _counting(self, scope: str) -> TwoPersons:
        return TwoPersons(self._registry, scope, self.epoch(scope), self.plan.confirm_ns)

    def _covers(self, scope: str) -> bool:
        return number_of(scope) is not None or bool(self.types_in(scope))


_REFUSED: Final = "refused: "
# Leases issued since the last line of the log: a line is written before there were half as many. An hour's of
# a thousand types at one in two seconds.
SERIALS_SKIPPED: Final = 1_000 * 60 * MINUTE // RENEW_NS
# Lines about strangers in one log: enough to see who tries what, few enough to fill no disk.
STRANGERS_MAX: Final = 1_000

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Entry, strict=True).decode


def encode_entry(entry: Entry) -> bytes:
    return _encode(entry)


def decode_entry(body: bytes) -> Entry:
    """Strict; raises msgspec.DecodeError for anything that is no entry."""
    entry: Entry = _decode(body)
    return entry


def as_text(entry: Entry) -> dict[str, Any]:
    """For reports."""
    return {
        "at_ns": entry.now,
        "scope": entry.scope,
        "what": entry.what,
        "before": STAGE_NAMES[entry.before],
        "stage": STAGE_NAMES[entry.after],
        "by": list(entry.by),
    }
