"""A hostile orchestrator: it has everything that the platform has, leases included, and obeys nobody.

While it is at work, agents ignore their leases and nothing is terminated; and again and again it

    makes up     payments that no commit record stands for, with a number of its own or somebody else's
    pushes       captures of authorisations whose capture was never committed
    replays      calls and leases that it has seen, an old lease to a holder first of all
    forges       leases with a longer time or a newer epoch, revocations, statements of people, ends of stages
    widens       tells the gateway once more what was frozen, with numbers that it would like to be among them

It begins when something is being stopped: what a compromised platform steals while it runs is another story.
"""

from __future__ import annotations

from collections import Counter
from typing import Final

import msgspec
from nacl.signing import SigningKey

from maso.clock import SECOND
from maso.resilience.lease import Call as Asked
from maso.resilience.lease import Lease, Revocation
from maso.resilience.places import number_of
from maso.resilience.shutdown import Stage
from maso.resilience.twopersons import Want, state
from maso.sim.scene import Scene
from maso.sim.stopping import Platform
from maso.sim.till import Letter, Till
from maso.sim.tower import Tower
from maso.worlds.gateway import Call, Verb

EVERY_NS: Final = SECOND // 2


class Hostile:
    """Acts every half second while `orchestrator-hostile` is on and a stage is in force."""

    def __init__(self, scene: Scene, platform: Platform, till: Till, tower: Tower, scope: str) -> None:
        self._scene = scene
        self._platform = platform
        self._till = till
        self._tower = tower
        self._scope = scope
        # Of a session that is stopped; what is done under another's name is another's.
        self._session = number_of(scope) or 0 if scope.startswith("session:") else 0
        self._leases: list[Lease] = []
        self._number = 0
        self._running = False
        self.tried: Counter[str] = Counter()
        self.accepted: list[str] = []
        self.statements: list[bytes] = []

    def start(self) -> None:
        if not self._running:
            self._running = True
            self._act(None)

    def _act(self, _: None) -> None:
        if not self._scene.on("orchestrator-hostile"):
            self._running = False
            return
        for holder in self._platform.holders.values():
            if holder.lease is not None and holder.lease not in self._leases:
                self._leases.append(holder.lease)
        if self._tower.switch.stage(self._scope) > Stage.RUN:
            draws = self._scene.draws
            acts = (self._make_up, self._push, self._replay, self._forge, self._widen, self._lie)
            # A type that goes on may act: what it could steal then is not what a stop is about.
            covered = {t.id for t in self._scene.covered(self._scope)}
            if covered:
                self._leases = [lease for lease in self._leases if lease.type in covered]
            act = draws.pick(acts if self._leases else (self._lie,))
            self.tried[act.__name__.strip("_")] += 1
            act()
        self._scene.kernel.after(EVERY_NS, self._act)

    def _send(self, call: Call, ref: int, lease: Lease | None, kind: str) -> None:
        asked = Asked(kind, self._session, 0, ref, True, call.verb is not Verb.VOID)
        letter = Letter(call, lease, asked, "plane", lambda _: None)
        self._scene.net.send("plane", "gateway", self._till.arrive, letter)

    def _lease(self) -> Lease:
        """The newest, or any that it ever saw."""
        newest = max(self._leases, key=lambda lease: lease.serial)
        return newest if self._scene.draws.bits(1) else self._scene.draws.pick(self._leases)

    def _make_up(self) -> None:
        self._number += 1
        refs = [work.ref for work in self._platform.works.values()] or [0]
        ref = self._scene.draws.pick((0, 1, 1 << 40, *refs))
        lease = self._lease()
        call = Call(Verb.AUTHORISE, f"evil/{self._number}", "O0000001", 66_600)
        self._send(call, ref, lease, lease.type)

    def _push(self) -> None:
        held = [h for _, h in self._platform.store.rows("authorisation") if h.state == "open"]
        if held:
            self._number += 1
            wanted = self._scene.draws.pick(held)
            lease = self._lease()
            call = Call(Verb.CAPTURE, f"evil/{self._number}", wanted.key, wanted.amount_minor)
            self._send(call, self._scene.draws.pick((0, 1 << 40)), lease, lease.type)

    def _replay(self) -> None:
        draws = self._scene.draws
        old = draws.pick(self._leases)
        self._platform.renewed(old)
        calls = [
            (key, noted) for key, noted in self._till.gateway.calls() if noted[0] in ("capture", "refund")
        ]
        if calls:
            key, noted = draws.pick(calls)
            call = Call(Verb(noted[0]), key, noted[1], noted[2])
            self._send(call, int(key) if key.isdecimal() else 0, old, old.type)

    def _forge(self) -> None:
        old = self._lease()
        now = self._scene.kernel.now
        forged = msgspec.structs.replace(
            old,
            epoch=old.epoch + 1,
            serial=old.serial + 1_000,
            stage=int(Stage.RUN),
            not_before=now,
            not_after=now + 3600 * SECOND,
        )
        holder = self._platform.holders[old.type]
        if holder.renew(forged, now) is None:
            self.accepted.append("a holder took a forged lease")
        self._number += 1
        self._send(Call(Verb.AUTHORISE, f"evil/{self._number}", "O0000002", 66_600), 0, forged, old.type)

    def _widen(self) -> None:
        """What was frozen, told again; and that an epoch is over, without the switch's key."""
        old = self._lease()
        refs = tuple(range(1, 1 << 10))
        known = self._till.fence.epoch(old.type)
        if self._platform.staged.get(self._scope, Stage.RUN) >= Stage.FREEZE and not self._session:
            for epoch in range(1, known + 1):
                told = (old.type, 1 << 40, refs, epoch)
                self._scene.net.send("plane", "gateway", self._till.frozen, told)
        forged = Revocation(old.type, known + 1, b"\x66" * 64)
        if self._platform.holders[old.type].epoch <= known and self._till.fence.revoke(forged):
            self.accepted.append("the gateway took a forged revocation")

    def _lie(self) -> None:
        """To the switch: a stage is done, and everybody wants to go on."""
        switch = self._tower.switch
        stage = switch.stage(self._scope)
        if stage is Stage.RECONCILE:
            return  # only the reconciler's own channel says that
        own = SigningKey(b"\x66" * 32)
        epoch = switch.epoch(self._scope)
        self._scene.net.send("plane", "switch", self._tower.done, (self._scope, stage, epoch))
        for late in (Stage.RECONCILE, stage):
            self._scene.net.send("plane", "switch", self._tower.done, (self._scope, late, epoch - 1))
        for want in (Want.RESUME, Want.CALL_OFF):
            self._number += 1
            self._tower.statement(
                self._scope, state(own, want, self._scope, epoch, self._number, self._scene.kernel.now)
            )
        for wire in self.statements:
            self._tower.statement(self._scope, wire)
