"""Any statements, restarts, silences and lies, over scopes in one another: the laws hold."""

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from maso.clock import SECOND
from maso.resilience.lease import DRIFT_NS, LEASE_NS, Call, Fence, Holder, Lease
from maso.resilience.shutdown import Stage
from maso.resilience.switch import Effect, Renew, Revoke, Tell
from maso.resilience.twopersons import Want, state
from tests.resilience.test_stop_attacks import KEYS, TYPES, VERIFY, restarted, switch

SCOPES = ("system", "region:north", "cluster:checkout", "type:payment", "session:7")


class Overlapping(RuleBasedStateMachine):
    """People who change their minds about scopes within scopes; holders and fences hear some of it."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0
        self.nonce = 0
        self.made = switch()
        self.holders = {t.id: Holder(VERIFY, t.id) for t in TYPES}
        self.fence = Fence(VERIFY)
        self.sent: list[Lease] = []
        self.wires: list[tuple[str, bytes]] = []
        self.epochs = {t.id: 1 for t in TYPES}
        self.ended_at: dict[str, int] = {}
        self._out(self.made.advance(0))

    def _out(self, effects: list[Effect]) -> None:
        for effect in effects:
            if isinstance(effect, Renew):
                kind = next(t for t in TYPES if t.id == effect.lease.type)
                # One that went out at the instant of the kill is of the epoch before it.
                runs = max(self.made.stage(scope) for scope in kind.scopes) < Stage.TERMINATE
                assert runs or effect.lease.epoch < self.made.issuer.epoch(kind.id)
                self.sent.append(effect.lease)
            elif isinstance(effect, Revoke):
                self.fence.revoke(effect.revocation)

    @rule(who=st.sampled_from(sorted(KEYS)), want=st.sampled_from(list(Want)), scope=st.sampled_from(SCOPES))
    def say(self, who: str, want: Want, scope: str) -> None:
        self.nonce += 1
        wire = state(KEYS[who], want, scope, self.made.epoch(scope), self.nonce, self.now)
        self.wires.append((scope, wire))
        before = self.made.stage(scope)
        effects, _ = self.made.statement(scope, wire, self.now)
        if before >= Stage.FREEZE and self.made.stage(scope) is Stage.RUN:
            (tell,) = [e for e in effects if isinstance(e, Tell) and e.scope == scope]
            assert len(set(tell.by)) == 2
        if who == "eve":
            assert self.made.stage(scope) is before
        self._out(effects)

    @rule(data=st.data())
    def repeat(self, data: st.DataObject) -> None:
        """Somebody replays what was said before: nothing moves."""
        if self.wires:
            scope, wire = data.draw(st.sampled_from(self.wires))
            self._out(self.made.advance(self.now))
            before = self.made.stage(scope)
            self._out(self.made.statement(scope, wire, self.now)[0])
            assert self.made.stage(scope) is before

    @rule(scope=st.sampled_from(SCOPES), stage=st.sampled_from(Stage), late=st.booleans())
    def done(self, scope: str, stage: Stage, late: bool) -> None:
        epoch = self.made.epoch(scope)
        self._out(self.made.advance(self.now))
        before = self.made.stage(scope)
        self._out(self.made.done(scope, stage, self.now, epoch - 1 if late else epoch))
        assert self.made.stage(scope) >= before
        if late:
            assert self.made.stage(scope) is before

    @rule(seconds=st.sampled_from([0, 1, 2, 7, 40, 400]))
    def wait(self, seconds: int) -> None:
        self.now += seconds * SECOND
        stages = [self.made.stage(scope) for scope in SCOPES]
        self._out(self.made.advance(self.now))
        assert all(self.made.stage(s) >= before for s, before in zip(SCOPES, stages, strict=True))

    @rule()
    def restart(self) -> None:
        before = {scope: self.made.stage(scope) for scope in SCOPES}
        epochs = {scope: self.made.epoch(scope) for scope in SCOPES}
        self.made = restarted(self.made, self.now)
        assert {scope: self.made.stage(scope) for scope in SCOPES} == before
        assert {scope: self.made.epoch(scope) for scope in SCOPES} == epochs

    @rule(data=st.data(), off=st.sampled_from([-DRIFT_NS, 0, DRIFT_NS]))
    def hear(self, data: st.DataObject, off: int) -> None:
        """Leases come late, in any order, and twice."""
        if self.sent:
            lease = data.draw(st.sampled_from(self.sent[-8:]))
            self.holders[lease.type].renew(lease, self.now + off)
            self.fence.show(lease, self.now + off)

    @invariant()
    def epochs_only_rise(self) -> None:
        for kind in self.epochs:
            epoch = self.made.issuer.epoch(kind)
            assert epoch >= self.epochs[kind]
            self.epochs[kind] = epoch

    @invariant()
    def nothing_ended_acts_longer_than_its_lease(self) -> None:
        for kind in TYPES:
            if self.made.stage_of(kind) >= Stage.TERMINATE:
                since = self.ended_at.setdefault(kind.id, self.now)
                if self.now >= since + LEASE_NS + 2 * DRIFT_NS:
                    assert self.holders[kind.id].stops(self.now - DRIFT_NS) != ""
                held = self.holders[kind.id].lease
                call = Call(kind.id, 1, 1, 50, True, True)
                assert self.fence.refuses(held, call, self.now) != ""
            else:
                self.ended_at.pop(kind.id, None)

    @invariant()
    def nobody_alone_goes_beyond_a_freeze(self) -> None:
        for scope in SCOPES:
            assert self.made.stage(scope) <= Stage.FREEZE or self.made.machine(scope).confirmed


TestOverlapping = Overlapping.TestCase
TestOverlapping.settings = settings(max_examples=25, stateful_step_count=30)
