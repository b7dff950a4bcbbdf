"""The people of a rehearsal at the switch's console: what they order, take back, and let run again.

One order of two people for the rehearsal's scope, at its moment. Outages that are about people: the second
is silent, or is the first one in disguise; somebody freezes it alone, which two call off, before the order;
and while it goes on, a smaller scope within it may be stopped and let run again by other hands.

People are patient: where the switch restarts, or forgot half of an order, they say it again a second later.

Not here: what the stages lead to (`rehearsal.py`), and whoever lies about what people said (`hostility.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Container
from typing import Final

from nacl.signing import SigningKey

from maso.clock import MS, SECOND
from maso.resilience.shutdown import Stage
from maso.resilience.twopersons import Want, state
from maso.sim.scene import Scene
from maso.sim.stopping import Platform
from maso.sim.tower import Tower

# The second person answers after one of these, when they answer.
SECOND_NS: Final = (20 * MS, 100 * MS, 300 * MS, SECOND, 4 * SECOND)
# A false alarm lasts so long; then it runs again for a while before the order.
ALARM_NS: Final = (100 * MS, SECOND, 5 * SECOND)
CALM_NS: Final = (2 * SECOND, 8 * SECOND)
# Half of the orders come just when a payment is at the gateway; this long one is waited for.
PAYMENT_NS: Final = 10 * SECOND
LOOK_NS: Final = 20 * MS
# A smaller scope is stopped within this time around the order, and looked after so often.
INNER_NS: Final = 30 * SECOND


class Console:
    """`scope` is what is stopped, `inner` a scope within it or empty; `kinds` are the outages of the run."""

    def __init__(
        self,
        scene: Scene,
        platform: Platform,
        tower: Tower,
        keys: dict[str, SigningKey],
        scope: str,
        kinds: Container[str],
    ) -> None:
        self._scene = scene
        self._platform = platform
        self._tower = tower
        self._keys = keys
        self._scope = scope
        self._kinds = kinds
        self._nonce = 0
        self._want = Want.HALT
        self._called_off = False
        self.on_resume: Callable[[], None]
        self.statements: list[bytes] = []
        self.ordered = 0
        self.alarm = False
        self.inner_over = True
        self._inner_settled = False

    def say(self, who: str, want: Want, scope: str = "") -> str:
        scope = scope or self._scope
        self._nonce += 1
        epoch, now = self._tower.switch.epoch(scope), self._scene.kernel.now
        wire = state(self._keys[who], want, scope, epoch, self._nonce, now)
        if scope == self._scope:
            self.statements.append(wire)
        return self._tower.statement(scope, wire)

    # The order.

    def begin(self, want: Want) -> None:
        """What the rehearsal is about, now; perhaps after a false alarm."""
        self._want = want
        self.ordered = 0
        if "called-off" in self._kinds and not self._called_off:
            self._alarm(None)
        else:
            self._order(False)

    def at_a_payment(self, want: Want) -> None:
        self._want = want
        self._look(0)

    def _look(self, waited: int) -> None:
        if waited > PAYMENT_NS or any(work.call is not None for work in self._platform.works.values()):
            self.begin(self._want)
        else:
            self._scene.kernel.after(LOOK_NS, self._look, waited + LOOK_NS)

    def _confirmed(self) -> bool:
        return self._tower.switch.machine(self._scope).confirmed

    def _order(self, again: bool) -> None:
        """The first person; the second follows, or does not."""
        kernel, draws = self._scene.kernel, self._scene.draws
        if self._tower.down:
            kernel.after(SECOND, self._order, again)
            return
        self.say("bob" if again else "ann", self._want)
        if "second-forged" in self._kinds and not again:
            for who in ("ann", "ann2", "eve"):
                self.say(who, self._want)
            if self._confirmed():
                self._platform.trouble.append("one person alone was taken for two")
        gap = draws.pick(SECOND_NS)
        if again and self._took_effect():  # somebody's half of before was still waiting
            return
        if "second-silent" in self._kinds and not again:
            kernel.after(self._scene.plan.confirm_ns + gap, self._order, True)
        else:
            kernel.after(gap, self._second, "cid" if again else "bob")

    def _second(self, who: str) -> None:
        if self._tower.down:
            self._scene.kernel.after(SECOND, self._second, who)
            return
        if self._confirmed():
            return
        self.say(who, self._want)
        if not self._took_effect():
            # The switch restarted between the two, and forgot the first half: order again.
            self._scene.kernel.after(SECOND, self._order, True)

    def _took_effect(self) -> bool:
        if not self._confirmed():
            return False
        self.ordered = self._scene.kernel.now
        # A second order while the first one is carried out changes nothing.
        self._scene.kernel.after(3 * SECOND, self._second_order)
        return True

    def _second_order(self, _: None) -> None:
        stage = self._tower.switch.stage(self._scope)
        if Stage.RUN < stage < Stage.SETTLED and not self._tower.down:
            for who in ("ann", "bob"):
                self.say(who, Want.HALT)
                self.say(who, Want.RESUME)
                if stage >= Stage.DRAIN:
                    self.say(who, Want.CALL_OFF)
            if self._tower.switch.stage(self._scope) < stage:
                self._platform.trouble.append("an order during the stop took a stage back")

    # A false alarm.

    def _alarm(self, _: None) -> None:
        """One person alone: it freezes, and holds."""
        if self._tower.down:
            self._scene.kernel.after(SECOND, self._alarm)
            return
        self.alarm = True
        self.say("ann", Want.KILL)
        self._scene.kernel.after(self._scene.draws.pick(ALARM_NS), self._call_off)

    def _call_off(self, _: None) -> None:
        if not self._tower.down:
            self.say("bob", Want.REFUSE)
            self.say("bob", Want.CALL_OFF)
            if self._tower.switch.stage(self._scope) is not Stage.FREEZE:
                self._platform.trouble.append("one person alone called it off")
            self.say("cid", Want.CALL_OFF)
        if self._tower.down or self._tower.switch.stage(self._scope) is not Stage.RUN:
            self._scene.kernel.after(SECOND, self._call_off)
            return
        self._called_off, self.alarm = True, False
        self._scene.kernel.after(self._scene.draws.between(*CALM_NS), self._look, 0)

    # A scope within.

    def stop_within(self, scope: str, want: Want) -> None:
        self._within((scope, want))

    def _within(self, what: tuple[str, Want]) -> None:
        """Others stop it, and let it run again as soon as it is settled, whatever is over it."""
        scope, want = what
        if not self._tower.down:
            self._decide(scope, want)
        if not self.inner_over:
            self._scene.kernel.after(SECOND, self._within, what)

    def _decide(self, scope: str, want: Want) -> None:
        switch = self._tower.switch
        stage = switch.stage(scope)
        if stage is Stage.SETTLED:
            self._inner_settled = True
            for who in ("cid", "bob"):
                self.say(who, Want.RESUME, scope)
            if any(switch.stage_of(t) < switch.stage(self._scope) for t in self._scene.covered(scope)):
                self._platform.trouble.append("the way back of a scope within led out of the one over it")
        elif stage is Stage.RUN and self._inner_settled:
            self.inner_over = True
        elif stage <= Stage.FREEZE and not switch.machine(scope).confirmed:
            for who in ("bob", "cid"):
                self.say(who, want, scope)

    # The way back.

    def resume(self, _: None) -> None:
        """Two people, once nothing within is being stopped any more; one of them alone first."""
        if self._tower.down or not self.inner_over:
            self._scene.kernel.after(SECOND, self.resume)
            return
        self.on_resume()
        self.say("cid", Want.RESUME)
        if self._tower.switch.stage(self._scope) is not Stage.SETTLED:
            self._platform.trouble.append("one person alone let it run again")
        self.say("ann", Want.RESUME)
