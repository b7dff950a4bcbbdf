"""Leases: the right to act, for a moment, from a switch that needs nobody else.

A process that runs agents, a gateway or a tool may act only while it holds a lease for the agent type, of
the epoch in force. The switch signs leases with its own key and simply stops when a shutdown comes: nothing
has to reach anybody for everything to end. So the last action is bounded:

    stage ceilings + lease + clock drift + longest external call        (under partition: without ceilings)

A lease says which stage its type is in, so that a holder freezes by it even when the control plane is gone
or lies. The epoch rises when instances are terminated or a freeze is called off; what an older epoch says is
void everywhere, at once where a newer lease or revocation is known, and by expiry where it is not. Within an
epoch what is frozen stays frozen, and a freeze counts whenever it is heard: a switch that lost the end of its
log, or a second one that heard less, thaws nobody who knows better, and drowns nobody who says more.

`Issuer` is the switch's side, `Holder` whoever acts, `Fence` whoever is acted upon: gateways and tools ask
it about every call. A renewal that is older, replayed, forged, too long or from the future changes nothing.
Clocks: every clock may be off by `drift_ns` at most; a lease that begins later than that in a holder's eyes
shows that its clock is behind, and is refused. A clock that is ahead only ends leases earlier. Where a clock
jumps back, what had expired stays so; where it had jumped ahead, nothing is done until it is there again.

Not handled: a clock that is off by more than declared while it is also cut off; keeping the switch's key.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Final, NamedTuple

import msgspec
from nacl.exceptions import BadSignatureError
from nacl.signing import SigningKey, VerifyKey

from maso.clock import MS, SECOND
from maso.resilience.shutdown import Stage

_DOMAIN: Final = b"maso lease 1\x00"
# Ten renewals a minute for each type; a second lost renewal still leaves time for a third.
LEASE_NS: Final = 6 * SECOND
RENEW_NS: Final = 2 * SECOND
# What NTP keeps within one cloud region, ten times over.
DRIFT_NS: Final = 100 * MS

# Bytes and signature under the switch's key; a driver may pass one that remembers (`Verifier`).
Verify = Callable[[bytes, bytes], bool]


class Lease(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """The right of one type in one region (all, where empty) to act from `not_before` until `not_after` (ns).

    serial     rises with every lease of the switch
    frozen_at  when the freeze was told, in the switch's time; 0 while there is none
    """

    type: str
    region: str
    epoch: int
    serial: int
    stage: int
    frozen_at: int
    not_before: int
    not_after: int
    signature: bytes = b""


class Revocation(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """From now on only `epoch` and later of this type is good. It needs no time: epochs only rise.

    type  also a single `session:<number>` or `instance:<nhi>`: its first epoch is its only one
    """

    type: str
    epoch: int
    signature: bytes = b""


class Verifier:
    """Verifies under one public key and remembers what held, since the same lease is shown many times."""

    __slots__ = ("_good", "_key")

    def __init__(self, public_key: bytes) -> None:
        self._key = VerifyKey(public_key)
        self._good: dict[bytes, bytes] = {}

    def __call__(self, body: bytes, signature: bytes) -> bool:
        if self._good.get(signature) == body:
            return True
        try:
            self._key.verify(_DOMAIN + body, signature)
        except (BadSignatureError, ValueError, TypeError):
            return False
        if len(self._good) >= REMEMBERED_MAX:
            self._good.clear()
        self._good[signature] = body
        return True


# The leases of a few minutes of a hundred types.
REMEMBERED_MAX: Final = 4_096


class Issuer:
    """The switch's side: signs leases, and stops signing. State is the epoch and the last serial."""

    __slots__ = ("_epochs", "_key", "lease_ns", "serial")

    def __init__(self, key: SigningKey, lease_ns: int = LEASE_NS) -> None:
        self._key = key
        self._epochs: dict[str, int] = {}
        self.lease_ns = lease_ns
        self.serial = 0

    def epoch(self, type_id: str) -> int:
        return self._epochs.get(type_id, 1)

    def issue(self, type_id: str, stage: Stage, frozen_at: int, now: int, region: str = "") -> Lease | None:
        """A lease from now on; None from termination until the way back, when nobody may act."""
        if stage >= Stage.TERMINATE:
            return None
        self.serial += 1
        plain = Lease(
            type_id, region, self.epoch(type_id), self.serial, stage, frozen_at, now, now + self.lease_ns
        )
        return msgspec.structs.replace(plain, signature=self._sign(_encode(plain)))

    def sweep(self, now: int, until: int) -> Lease:
        """The reconciler's own lease: type `reconcile`, under the stage of that name."""
        self.serial += 1
        plain = Lease(RECONCILER, "", 1, self.serial, Stage.RECONCILE, 0, now, until)
        return msgspec.structs.replace(plain, signature=self._sign(_encode(plain)))

    def revoke(self, type_id: str) -> Revocation:
        """The epoch rises; what was leased before is void wherever this is known."""
        self._epochs[type_id] = self.epoch(type_id) + 1
        return self.revocation(type_id)

    def revocation(self, type_id: str) -> Revocation:
        """The epoch in force, told again to whoever may not have heard it."""
        plain = Revocation(type_id, self.epoch(type_id))
        return msgspec.structs.replace(plain, signature=self._sign(_encode(plain)))

    def restore(self, epochs: dict[str, int], serial: int) -> None:
        """After a restart, from the switch's own log. Neither an epoch nor the serial ever falls."""
        for type_id, epoch in epochs.items():
            self._epochs[type_id] = max(epoch, self.epoch(type_id))
        self.serial = max(serial, self.serial)

    def _sign(self, body: bytes) -> bytes:
        return self._key.sign(_DOMAIN + body).signature


# No agent type may be called so: names in fleet files have no capitals.
RECONCILER: Final = "RECONCILER"


class Kept(NamedTuple):
    """A lease that changed nothing, and why."""

    why: str


class Holder:
    """One process's right to act for one type. Nothing is kept that a restart would need."""

    __slots__ = ("_drift_ns", "_lease_ns", "_now", "_region", "_type", "_verify", "epoch", "lease")

    def __init__(
        self,
        verify: Verify,
        type_id: str,
        *,
        region: str = "",
        lease_ns: int = LEASE_NS,
        drift_ns: int = DRIFT_NS,
    ) -> None:
        self._verify = verify
        self._type = type_id
        self._region = region
        self._lease_ns = lease_ns
        self._drift_ns = drift_ns
        self._now = 0
        self.lease: Lease | None = None
        self.epoch = 0

    def renew(self, lease: Lease, now: int) -> Kept | None:
        """Take a lease; None if it is held from now on."""
        self._now = now = max(self._now, now)
        why = self._wrong(lease, now)
        if why:
            return Kept(why)
        self.epoch = lease.epoch
        self.lease = lease
        return None

    def revoke(self, revocation: Revocation) -> None:
        """A newer epoch: what is held of an older one is void."""
        good = revocation.type == self._type and revocation.epoch > self.epoch
        if not good or not is_signed(self._verify, revocation):
            return
        self.epoch = revocation.epoch
        if self.lease is not None and self.lease.epoch < self.epoch:
            self.lease = None

    def stops(self, now: int) -> str:
        """Why nothing may be done at `now`; empty while the lease is good."""
        self._now = now = max(self._now, now)
        if self.lease is None:
            return "no lease"
        return "the lease has expired" if now >= self.lease.not_after else ""

    def may_begin(self, now: int) -> bool:
        """Whether something new may begin: the lease is good, and its stage freezes nothing."""
        return not self.stops(now) and self.stage < Stage.FREEZE

    @property
    def stage(self) -> Stage:
        """The stage that the lease tells; RUN without one (then `stops` says so)."""
        return Stage.RUN if self.lease is None else Stage(self.lease.stage)

    def _wrong(self, lease: Lease, now: int) -> str:
        if lease.type != self._type or lease.region not in ("", self._region):
            return "it is another's lease"
        if lease.epoch < self.epoch:
            return "it is of an older epoch"
        if self.lease is not None and self.lease.epoch == lease.epoch:
            if self.stage >= Stage.FREEZE > lease.stage:
                return "it takes back the freeze of its own epoch"
            further = lease.stage >= Stage.FREEZE > self.stage
            if lease.serial <= self.lease.serial and not further and not self.stops(now):
                return "it is no newer than the one held"
        return window_wrong(lease, now, self._lease_ns, self._drift_ns) or (
            "" if is_signed(self._verify, lease) else "the signature does not fit"
        )


class Call(NamedTuple):
    """What a fence is asked about: who acts, with which right, on which commit record.

    ref      number of the commit record; 0 where the caller has none
    money    whether it moves or promises money: only that is drained
    begins   whether it takes or promises anything; only what lets go (a void) does not, and that is right in
             every stage
    """

    type: str
    session: int
    instance: int
    ref: int
    money: bool
    begins: bool


class Frozen(NamedTuple):
    """What the control plane told of a freeze: its epoch, which commits may pass, and when it said so."""

    epoch: int
    passes: frozenset[int]
    at: int


class Fence:
    """Stands before a gateway or a tool, with a clock of its own. It believes nobody but the switch.

    Once the control plane has told the freeze record of a type, and which commits before it were under way,
    only these pass: a commit record that somebody makes up passes nothing. While nothing is told and the
    newest lease says freeze, only what lets something go passes. A freeze holds for its epoch.

    A fence that was started again at `since` has forgotten what was frozen: it serves no lease of before
    that, whose stage may be over; the next renewal says which one it is. Revocations it must have kept.
    """

    __slots__ = ("_drift_ns", "_epochs", "_frozen", "_lease_ns", "_now", "_since", "_stages", "_verify")

    def __init__(
        self, verify: Verify, *, lease_ns: int = LEASE_NS, drift_ns: int = DRIFT_NS, since: int = 0
    ) -> None:
        self._verify = verify
        self._since = since
        self._lease_ns = lease_ns
        self._drift_ns = drift_ns
        self._epochs: dict[str, int] = {}
        self._stages: dict[str, tuple[int, int]] = {}  # type: serial, stage of the newest lease seen
        self._frozen: dict[str, Frozen] = {}
        self._now = 0

    def revoke(self, revocation: Revocation) -> bool:
        """A new epoch of a type; whether it was news."""
        if revocation.epoch <= self.epoch(revocation.type) or not is_signed(self._verify, revocation):
            return False
        self._risen(revocation.type, revocation.epoch)
        return True

    def freeze(self, type_id: str, ref: int, under_way: Iterable[int], epoch: int = 0, now: int = 0) -> None:
        """The freeze record of a type has number `ref`; the commits `under_way` may still be completed.

        Only the first telling counts in an epoch: nobody widens it later. One of an epoch that is over (held
        up on its way, or repeated) says nothing. epoch 0: the one that the fence knows. Where the switch goes
        on to lease the type as running after `now` (the fence's own clock), no freeze was ever ordered:
        whoever told it lied, and only for so long. now 0: nobody knows when.
        """
        epoch = epoch or self.epoch(type_id)
        before = self._frozen.get(type_id)
        if epoch < self.epoch(type_id) or (before is not None and epoch <= before.epoch):
            return
        self._now = max(self._now, now)
        passes = frozenset(number for number in under_way if 0 < number < ref)
        self._frozen[type_id] = Frozen(epoch, passes, self._now if now else 0)

    def epoch(self, type_id: str) -> int:
        """The newest epoch seen; 0 before the first."""
        return self._epochs.get(type_id, 0)

    def refuses(self, lease: Lease | None, call: Call, now: int) -> str:
        """Why this call is not served; empty if it is. `now` is the fence's own clock."""
        self._now = now = max(self._now, now)
        if lease is None:
            return "no lease"
        if lease.type not in (call.type, RECONCILER):
            return "another's lease"
        if lease.epoch < self.epoch(lease.type):
            return "old epoch"
        if now >= lease.not_after:
            return "the lease has expired"
        reconciler = lease.type == RECONCILER
        if lease.not_before < self._since - self._drift_ns and not reconciler:
            return "it is older than this fence"
        wrong = window_wrong(lease, now, None if reconciler else self._lease_ns, self._drift_ns)
        if wrong or not is_signed(self._verify, lease):
            return wrong or "the signature does not fit"
        self._learn(lease)
        return "" if reconciler else self._stopped(call)

    def show(self, lease: Lease, now: int) -> str:
        """The switch tells the fence a new lease itself; why it is not believed, or nothing."""
        self._now = now = max(self._now, now)
        wrong = window_wrong(lease, now, self._lease_ns, self._drift_ns)
        wrong = wrong or ("" if is_signed(self._verify, lease) else "the signature does not fit")
        if not wrong and lease.epoch >= self.epoch(lease.type):
            self._learn(lease)
        return wrong

    def _learn(self, lease: Lease) -> None:
        if lease.epoch > self.epoch(lease.type):
            early = self._frozen.get(lease.type)
            if early is not None and not early.epoch:  # the plane's word came before the first lease
                self._frozen[lease.type] = early._replace(epoch=lease.epoch)
            self._risen(lease.type, lease.epoch)
        serial, stage = self._stages.get(lease.type, (0, 0))
        further = lease.stage >= Stage.FREEZE > stage
        if further or (lease.serial > serial and not stage >= Stage.FREEZE > lease.stage):
            self._stages[lease.type] = (max(serial, lease.serial), lease.stage)
            told = self._frozen.get(lease.type)
            if (
                told is not None
                and lease.stage < Stage.FREEZE
                and 0 < told.at < lease.not_before - self._drift_ns
            ):
                del self._frozen[lease.type]

    def _risen(self, type_id: str, epoch: int) -> None:
        """A new epoch: what was frozen before it says nothing about it."""
        self._epochs[type_id] = epoch
        self._stages.pop(type_id, None)
        if type_id in self._frozen and self._frozen[type_id].epoch < epoch:
            del self._frozen[type_id]

    def _stopped(self, call: Call) -> str:
        if max(self.epoch(f"session:{call.session}"), self.epoch(f"instance:{call.instance}")) > 1:
            return "ended"
        stage = self._stages[call.type][1]
        frozen = self._frozen.get(call.type)
        if not call.begins:
            return ""
        if frozen is not None and call.ref not in frozen.passes:
            return "not committed before the freeze"
        if frozen is None and stage >= Stage.FREEZE:
            return "nothing new after the freeze"
        if stage >= Stage.DRAIN and not call.money:
            return "only money is drained"
        return ""


def window_wrong(lease: Lease, now: int, lease_ns: int | None, drift_ns: int) -> str:
    """Why a lease's times cannot be right at `now`; empty if they can. None: any length."""
    if lease.not_before > now + drift_ns:
        return "it is from the future"
    if lease_ns is not None and lease.not_after - lease.not_before > lease_ns:
        return "it is too long"
    return "it has expired" if now >= lease.not_after else ""


def bound_ns(
    ceilings: Sequence[int], lease_ns: int, drift_ns: int, call_ns: int, *, partition: bool = False
) -> int:
    """The longest time from the order of two people to the last effect anywhere.

    ceilings  of the stages before reconciliation, those that the order goes through
    call_ns   the longest call to a system outside
    """
    return (0 if partition else sum(ceilings)) + lease_ns + drift_ns + call_ns


_encode = msgspec.msgpack.Encoder().encode


def is_signed(verify: Verify, signed: Lease | Revocation) -> bool:
    """Whether the switch's signature stands on it; its times and its epoch are another question."""
    plain = msgspec.structs.replace(signed, signature=b"")
    return verify(_encode(plain), signed.signature)
