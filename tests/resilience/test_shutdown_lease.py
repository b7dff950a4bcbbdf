"""Leases: an expired, older, replayed, forged, too long or future lease never acts; epochs only rise."""

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule
from nacl.signing import SigningKey

from maso.clock import SECOND
from maso.resilience.lease import (
    DRIFT_NS,
    LEASE_NS,
    Call,
    Fence,
    Holder,
    Issuer,
    Kept,
    Lease,
    Revocation,
    Verifier,
    bound_ns,
)
from maso.resilience.shutdown import Stage

KEY = SigningKey(b"k" * 32)
VERIFY = Verifier(bytes(KEY.verify_key))
KIND = "payment"


def lease(issuer: Issuer, now: int, stage: Stage = Stage.RUN) -> Lease:
    made = issuer.issue(KIND, stage, 0, now)
    assert made is not None
    return made


def call(ref: int = 5, *, money: bool = True, begins: bool = True, session: int = 1) -> Call:
    return Call(KIND, session, 9, ref, money, begins)


def test_a_holder_acts_until_its_lease_ends_and_not_a_nanosecond_longer() -> None:
    holder = Holder(VERIFY, KIND)
    assert holder.stops(0) == "no lease"
    assert holder.renew(lease(Issuer(KEY), 0), 0) is None
    assert holder.stops(LEASE_NS - 1) == ""
    assert holder.stops(LEASE_NS) == "the lease has expired"
    assert holder.stops(0) == "the lease has expired"  # its time does not go back


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"serial": 99}, "the signature does not fit"),
        ({"epoch": 9}, "the signature does not fit"),
        ({"not_after": LEASE_NS + 1}, "it is too long"),
        ({"not_before": DRIFT_NS + 1, "not_after": LEASE_NS}, "it is from the future"),
        ({"not_after": 0}, "it has expired"),
        ({"type": "support"}, "it is another's lease"),
        ({"region": "elsewhere"}, "it is another's lease"),
        ({"signature": b""}, "the signature does not fit"),
        ({"signature": b"x" * 64}, "the signature does not fit"),
    ],
)
def test_a_lease_that_the_switch_did_not_make_changes_nothing(changes: dict[str, object], why: str) -> None:
    holder = Holder(VERIFY, KIND)
    forged = msgspec.structs.replace(lease(Issuer(KEY), 0), **changes)
    assert holder.renew(forged, 0) == Kept(why)
    assert holder.lease is None


def test_a_clock_that_is_too_far_behind_is_noticed() -> None:
    issuer = Issuer(KEY)
    holder = Holder(VERIFY, KIND)
    assert holder.renew(lease(issuer, DRIFT_NS), 0) is None
    assert holder.renew(lease(issuer, DRIFT_NS + SECOND), SECOND - 1) == Kept("it is from the future")


def test_a_replayed_lease_is_no_renewal() -> None:
    issuer = Issuer(KEY)
    holder = Holder(VERIFY, KIND)
    old, new = lease(issuer, 0), lease(issuer, SECOND)
    assert holder.renew(new, SECOND) is None
    assert holder.renew(old, SECOND) == Kept("it is no newer than the one held")
    assert holder.renew(new, SECOND) == Kept("it is no newer than the one held")


def test_a_frozen_lease_begins_nothing_and_finishes_what_was_begun() -> None:
    holder = Holder(VERIFY, KIND)
    holder.renew(lease(Issuer(KEY), 0, Stage.FREEZE), 0)
    assert not holder.may_begin(1)
    assert holder.stops(1) == ""


def test_from_termination_on_there_is_no_lease() -> None:
    issuer = Issuer(KEY)
    assert [issuer.issue(KIND, stage, 0, 0) is None for stage in Stage] == [False] * 4 + [True] * 3


def test_a_revocation_ends_what_is_held_at_once() -> None:
    issuer = Issuer(KEY)
    holder = Holder(VERIFY, KIND)
    held = lease(issuer, 0)
    holder.renew(held, 0)
    holder.revoke(Revocation(KIND, 2, b"x" * 64))
    assert holder.stops(1) == ""
    holder.revoke(issuer.revoke(KIND))
    assert holder.stops(1) == "no lease"
    assert holder.renew(held, 1) == Kept("it is of an older epoch")


# The fence.


def test_a_fence_refuses_what_the_switch_has_ended() -> None:
    issuer, fence = Issuer(KEY), Fence(VERIFY)
    held = lease(issuer, 0)
    assert fence.refuses(held, call(), 1) == ""
    assert fence.refuses(None, call(), 1) == "no lease"
    assert fence.refuses(held, call(), LEASE_NS) == "the lease has expired"
    assert fence.revoke(issuer.revoke(KIND))
    assert not fence.revoke(issuer.revocation(KIND))  # known already
    assert fence.refuses(held, call(), 1) == "old epoch"
    assert fence.refuses(lease(issuer, 1), call(), 1) == ""


def test_after_the_freeze_only_what_was_under_way_is_served() -> None:
    issuer, fence = Issuer(KEY), Fence(VERIFY)
    held = lease(issuer, 0)
    fence.freeze(KIND, 10, (7, 12, 0))
    fence.freeze(KIND, 99, (50,))  # nobody widens it later
    served = {ref: fence.refuses(held, call(ref), 1) for ref in (7, 8, 10, 12, 50, 0)}
    late = "not committed before the freeze"
    assert served == {7: "", 8: late, 10: late, 12: late, 50: late, 0: late}
    assert fence.refuses(held, call(0, begins=False), 1) == ""


def test_a_fence_that_no_plane_tells_anything_hears_the_freeze_from_the_switch() -> None:
    issuer, fence = Issuer(KEY), Fence(VERIFY)
    before = lease(issuer, 0)
    assert fence.show(lease(issuer, 1, Stage.FREEZE), 1) == ""
    assert fence.refuses(before, call(), 2) == "nothing new after the freeze"
    assert fence.refuses(before, call(begins=False), 2) == ""


def test_a_drain_is_for_money() -> None:
    issuer, fence = Issuer(KEY), Fence(VERIFY)
    fence.freeze(KIND, 10, (5,))
    held = lease(issuer, 0, Stage.DRAIN)
    assert fence.refuses(held, call(5), 1) == ""


def test_a_session_that_ended_is_refused_and_the_others_are_not() -> None:
    issuer, fence = Issuer(KEY), Fence(VERIFY)
    held = lease(issuer, 0)
    fence.revoke(issuer.revoke("session:1"))
    assert fence.refuses(held, call(session=1), 1) == "ended"
    assert fence.refuses(held, call(session=2), 1) == ""


def test_another_types_lease_is_of_no_use() -> None:
    issuer, fence = Issuer(KEY), Fence(VERIFY)
    other = issuer.issue("support", Stage.RUN, 0, 0)
    assert fence.refuses(other, call(), 1) == "another's lease"


@given(position=st.integers(0, 10_000), bit=st.integers(0, 7))
def test_no_flipped_bit_of_a_lease_is_believed(position: int, bit: int) -> None:
    wire = bytearray(msgspec.msgpack.encode(lease(Issuer(KEY), 0)))
    wire[position % len(wire)] ^= 1 << bit
    try:
        forged = msgspec.msgpack.decode(bytes(wire), type=Lease)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return
    assert Fence(VERIFY).refuses(forged, call(), 1) != ""


def test_the_bound_is_what_the_stages_the_lease_the_clocks_and_a_call_may_take() -> None:
    assert bound_ns([0, 30, 60, 10], 6, 1, 20) == 127
    assert bound_ns([0, 30, 60, 10], 6, 1, 20, partition=True) == 27


class Renewing(RuleBasedStateMachine):
    """A switch, a holder and a fence with clocks that are off, and whoever replays what they see."""

    def __init__(self) -> None:
        super().__init__()
        self.issuer = Issuer(KEY)
        self.holder = Holder(VERIFY, KIND)
        self.fence = Fence(VERIFY)
        self.now = DRIFT_NS
        self.seen: list[Lease] = []
        self.revoked_at: dict[int, int] = {}
        self.last_issue = 0

    @rule(stage=st.sampled_from(Stage))
    def issue(self, stage: Stage) -> None:
        made = self.issuer.issue(KIND, stage, 0, self.now)
        if made is not None:
            self.seen.append(made)
            self.last_issue = self.now

    @rule(data=st.data(), off=st.integers(-DRIFT_NS, DRIFT_NS))
    def renew(self, data: st.DataObject, off: int) -> None:
        if self.seen:
            epoch = self.holder.epoch
            self.holder.renew(data.draw(st.sampled_from(self.seen)), self.now + off)
            assert self.holder.epoch >= epoch

    @rule()
    def revoke(self) -> None:
        self.revoked_at[self.issuer.epoch(KIND)] = self.now
        self.fence.revoke(self.issuer.revoke(KIND))

    @rule(seconds=st.integers(0, 4))
    def wait(self, seconds: int) -> None:
        self.now += seconds * SECOND

    @rule(data=st.data(), off=st.integers(-DRIFT_NS, DRIFT_NS))
    def replay(self, data: st.DataObject, off: int) -> None:
        if not self.seen:
            return
        old = data.draw(st.sampled_from(self.seen))
        if self.fence.refuses(old, call(), self.now + off) == "":
            assert old.epoch == self.issuer.epoch(KIND)
            assert self.now < old.not_before + LEASE_NS + DRIFT_NS

    @invariant()
    def nobody_acts_longer_than_the_last_lease_and_the_drift(self) -> None:
        if self.holder.stops(self.now - DRIFT_NS) == "":
            assert self.now < self.last_issue + LEASE_NS + DRIFT_NS + DRIFT_NS


TestRenewing = Renewing.TestCase
TestRenewing.settings = settings(max_examples=40, stateful_step_count=25)
