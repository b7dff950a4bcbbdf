"""What somebody tries who wants a stop to fail, to be taken back, or to be believed in for nothing."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from nacl.signing import SigningKey

from maso.clock import HOUR, SECOND
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
)
from maso.resilience.places import TypeAt, covered, number_of
from maso.resilience.shutdown import Stage, Trigger
from maso.resilience.switch import (
    SERIALS_SKIPPED,
    STRANGERS_MAX,
    CallPeople,
    Effect,
    Renew,
    Revoke,
    StopPlan,
    Sweep,
    Switch,
    Tell,
    decode_entry,
    encode_entry,
)
from maso.resilience.twopersons import (
    NAME_CHARS_MAX,
    WIRE_BYTES_MAX,
    Person,
    Refused,
    Registry,
    RegistryError,
    TwoPersons,
    Want,
    state,
)

KEYS = {name: SigningKey(name.encode().ljust(32, b".")) for name in ("ann", "ann2", "bob", "cid", "eve")}
SWITCH = SigningKey(b"s" * 32)
VERIFY = Verifier(bytes(SWITCH.verify_key))
PEOPLE = tuple(
    Person(name, "commander", tuple(bytes(KEYS[key].verify_key) for key in keys))
    for name, keys in (("ann", ("ann", "ann2")), ("bob", ("bob",)), ("cid", ("cid",)))
)
TYPES = (
    TypeAt("payment", "checkout", "north"),
    TypeAt("cart", "checkout", "north"),
    TypeAt("support", "service", "south"),
)
PLAN = StopPlan(
    TYPES,
    {Stage.HALT: 0, Stage.FREEZE: 30 * SECOND, Stage.DRAIN: 60 * SECOND, Stage.TERMINATE: 10 * SECOND},
    {},
    ("commander",),
    10 * SECOND,
)


def switch(now: int = 0) -> Switch:
    return Switch(PLAN, PEOPLE, SWITCH, now)


def says(
    made: Switch, who: str, want: Want, now: int, scope: str = "system", nonce: int = 0
) -> tuple[list[Effect], str]:
    return made.statement(scope, state(KEYS[who], want, scope, made.epoch(scope), nonce, now), now)


def order(made: Switch, want: Want, now: int, scope: str = "system") -> list[Effect]:
    return says(made, "ann", want, now, scope)[0] + says(made, "bob", want, now, scope)[0]


def restarted(made: Switch, now: int, lost: int = 0) -> Switch:
    """A new switch over the log, perhaps without its last lines."""
    after = switch(now)
    kept = made.log[: len(made.log) - lost]
    after.restore([decode_entry(encode_entry(entry)) for entry in kept], now)
    return after


def settled(made: Switch, now: int, scope: str = "system") -> None:
    order(made, Want.KILL, now, scope)
    for stage in (Stage.TERMINATE, Stage.RECONCILE):
        made.done(scope, stage, now)
    assert made.stage(scope) is Stage.SETTLED


def leases(effects: list[Effect]) -> dict[str, Lease]:
    return {e.lease.type: e.lease for e in effects if isinstance(e, Renew)}


# Scopes: one name each.


@pytest.mark.parametrize(
    "scope",
    ["system:", "System", " system", "cluster:", "type:", "region:", "session:07", "session:+7", "session: 7",
     "session:\u0667", "instance:00", "session:" + "9" * 21, "session:7:8", "type:payment:",
     "cluster:nobody"],
)  # fmt: skip
def test_a_scope_has_one_name(scope: str) -> None:
    made = switch()
    _, why = says(made, "ann", Want.KILL, 0, scope)
    assert why.startswith("there is no `")
    assert made.log == []


def test_a_scope_covers_what_stands_there_and_nothing_by_an_empty_name() -> None:
    types = (TypeAt("a", "", ""), TypeAt("b", "c", "r"))
    assert covered("system", types) == types
    assert [covered(scope, types) for scope in ("region:", "cluster:", "system:x")] == [()] * 3
    assert covered("cluster:c", types) == covered("region:r", types) == covered("type:b", types) == types[1:]
    assert (number_of("session:0"), number_of("instance:12"), number_of("type:1")) == (0, 12, None)


# People.


@pytest.mark.parametrize("name", ["ann+bob", "a" * (NAME_CHARS_MAX + 1), "a\nb", "a\u202eb"])
def test_a_name_that_would_be_read_as_something_else_is_refused(name: str) -> None:
    with pytest.raises(RegistryError, match="is no name of a person; legal: at most 60 letters"):
        Registry([Person(name, "r", (b"k" * 32,))], ["r"])


def test_two_names_that_look_alike_are_one_person() -> None:
    with pytest.raises(RegistryError, match="stands twice"):
        Registry([Person("ann", "r", (b"k" * 32,)), Person("\uff41nn", "r", (b"l" * 32,))], ["r"])
    with pytest.raises(RegistryError, match="stands twice"):
        Registry([Person("ann", "r", (b"k" * 32,)), Person("ann", "s", (b"l" * 32,))], ["r", "s"])


def test_a_long_statement_is_not_even_read() -> None:
    people = TwoPersons(Registry(PEOPLE, ["commander"]), "system", 1)
    assert people.take(b"\x98" * (WIRE_BYTES_MAX + 1), 0, Stage.RUN) == Refused("it is no statement")


def test_one_person_with_two_keys_and_a_second_role_stays_one() -> None:
    made = switch()
    for who in ("ann", "ann2", "ann"):
        says(made, who, Want.KILL, 0, nonce=len(who))
    assert (made.stage("system"), made.machine("system").confirmed) == (Stage.FREEZE, False)


def test_agreement_about_another_scope_want_or_epoch_completes_nothing() -> None:
    made = switch()
    says(made, "ann", Want.KILL, 0, "type:payment")
    says(made, "bob", Want.KILL, 0, "cluster:checkout")
    says(made, "cid", Want.HALT, 0, "type:payment")
    assert made.stage("type:payment") is made.stage("cluster:checkout") is Stage.FREEZE
    assert not made.machine("type:payment").confirmed
    # Said for one scope, shown for another: the scope is signed.
    wire = state(KEYS["bob"], Want.KILL, "cluster:checkout", 1, 9, 0)
    assert made.statement("type:payment", wire, 0)[1] == "it is about another scope"


def test_a_slower_order_never_displaces_a_faster_one_nor_a_call_off_either() -> None:
    made = switch()
    says(made, "ann", Want.KILL, 0)
    assert says(made, "bob", Want.HALT, 0)[1] == "an order to kill waits for its second person"
    assert says(made, "bob", Want.CALL_OFF, 0)[1] == "an order to kill waits for its second person"
    assert says(made, "cid", Want.KILL, 0)[1] == "two people agree"
    made = switch()
    says(made, "ann", Want.HALT, 0)
    assert says(made, "bob", Want.CALL_OFF, 0)[1] == "an order to halt waits for its second person"
    assert says(made, "bob", Want.KILL, 0)[1] == "waits for a second person"
    assert made.stage("system") is Stage.FREEZE


def test_who_refuses_their_own_order_ends_nothing() -> None:
    made = switch()
    says(made, "ann", Want.KILL, 0)
    assert says(made, "ann2", Want.REFUSE, 0)[1] == "the same person cannot be the second"
    assert says(made, "bob", Want.KILL, 0)[1] == "two people agree"


def test_an_order_waits_no_longer_than_its_statement_is_good_nor_than_the_plan_says() -> None:
    made = switch()
    made.statement("system", state(KEYS["ann"], Want.HALT, "system", 1, 1, 0, until=5 * SECOND), 0)
    assert made.next_at <= 5 * SECOND
    made.advance(5 * SECOND)
    assert made.stage("system") is Stage.FREEZE
    made = switch()
    made.statement("system", state(KEYS["ann"], Want.HALT, "system", 1, 1, 0, until=9 * HOUR), 0)
    made.advance(PLAN.confirm_ns)
    assert made.stage("system") is Stage.FREEZE


@pytest.mark.parametrize("want", [Want.CALL_OFF, Want.RESUME])
def test_a_way_back_that_nobody_completes_lapses_into_nothing(want: Want) -> None:
    made = switch()
    if want is Want.RESUME:
        settled(made, 0)
    else:
        says(made, "ann", Want.HALT, 0)
        says(made, "bob", Want.REFUSE, 0)
    before = made.stage("system")
    assert says(made, "ann", want, SECOND)[1] == "waits for a second person"
    called = [e for e in made.advance(SECOND + PLAN.confirm_ns) if isinstance(e, CallPeople)]
    assert [e.why for e in called] == ["nobody completed the order in time"]
    assert made.stage("system") is before
    says(made, "bob", want, SECOND + PLAN.confirm_ns)
    assert made.stage("system") is before


def test_a_statement_from_the_future_or_at_its_last_instant_says_nothing() -> None:
    made = switch()
    early = state(KEYS["ann"], Want.KILL, "system", 1, 1, 31 * SECOND)
    assert made.statement("system", early, 0)[1] == "the statement to kill is not of now"
    last = state(KEYS["ann"], Want.KILL, "system", 1, 2, 0, until=SECOND)
    assert made.statement("system", last, SECOND)[1] == "the statement to kill is not of now"


# Strangers and floods.


def test_strangers_fill_neither_the_log_nor_the_memory() -> None:
    made = switch()
    for number in range(STRANGERS_MAX + 50):
        scope = f"session:{number}"
        wire = state(KEYS["eve"], Want.KILL, scope, 1, number, 0)
        assert made.statement(scope, wire, 0)[1] == "the signer may not take part"
    assert len(made.log) == STRANGERS_MAX
    assert (made._machines, made._people) == ({}, {})
    after = restarted(made, SECOND)
    after.statement("system", b"", SECOND)
    assert [entry.what for entry in after.log[STRANGERS_MAX:]] == ["serials"]
    assert list(after._machines) == ["system"]
    assert order(after, Want.KILL, SECOND)  # people are heard all the same
    assert after.log[-1].by == ("ann", "bob")


# The way back, and what comes late.


def test_a_word_from_before_the_way_back_ends_no_stage_of_the_next_shutdown() -> None:
    made = switch()
    settled(made, 0)
    order(made, Want.RESUME, SECOND)
    order(made, Want.KILL, 2 * SECOND)
    made.done("system", Stage.TERMINATE, 2 * SECOND)
    made.done("system", Stage.RECONCILE, 2 * SECOND, epoch=1)  # the first sweep, held up on its way
    assert made.stage("system") is Stage.RECONCILE
    made.done("system", Stage.RECONCILE, 2 * SECOND, epoch=made.epoch("system"))
    assert made.stage("system") is Stage.SETTLED


def test_a_stage_and_a_sweep_say_of_which_epoch_they_are() -> None:
    made = switch()
    settled(made, 0)
    order(made, Want.RESUME, SECOND)
    effects = order(made, Want.KILL, 2 * SECOND)
    effects += made.done("system", Stage.TERMINATE, 2 * SECOND)
    assert {e.epoch for e in effects if isinstance(e, Tell | Sweep)} == {2}


@pytest.mark.parametrize("stage", [Stage.TERMINATE, Stage.RECONCILE])
def test_nobody_resumes_while_it_is_not_settled(stage: Stage) -> None:
    made = switch()
    order(made, Want.KILL, 0)
    if stage is Stage.RECONCILE:
        made.done("system", Stage.TERMINATE, 0)
    for want in (Want.RESUME, Want.CALL_OFF, Want.HALT, Want.KILL):
        order(made, want, SECOND)
        assert made.stage("system") is stage


def test_a_freeze_that_is_called_off_ends_at_the_gateway_too() -> None:
    """Found by reading: the fence kept the freeze, and refused every new payment for ever."""
    made, fence, holder = switch(), Fence(VERIFY), Holder(VERIFY, "payment")
    made.advance(0)
    order(made, Want.HALT, 0)
    frozen = leases(made.renewals(0))["payment"]
    fence.show(frozen, 0)
    holder.renew(frozen, 0)
    fence.freeze("payment", 10, (7,), 1)
    effects = order(made, Want.CALL_OFF, SECOND)
    revoked = [e.revocation for e in effects if isinstance(e, Revoke)]
    assert {r.type: r.epoch for r in revoked} == {"payment": 2, "cart": 2, "support": 2}
    runs = leases(made.renewals(SECOND))["payment"]
    late = Call("payment", 1, 1, 50, True, True)
    assert fence.refuses(runs, late, SECOND) == ""
    assert fence.refuses(frozen, late, SECOND) == "old epoch"
    assert holder.renew(runs, SECOND) is None
    assert holder.may_begin(SECOND)


def test_a_halt_that_is_called_off_before_the_freeze_revokes_nothing() -> None:
    made = Switch(PLAN._replace(ceilings={Stage.HALT: 9 * SECOND}), PEOPLE, SWITCH)
    order(made, Want.HALT, 0)
    assert made.stage("system") is Stage.HALT
    effects = order(made, Want.CALL_OFF, SECOND)
    assert not [e for e in effects if isinstance(e, Revoke)]
    assert made.stage("system") is Stage.RUN


def test_a_freeze_told_late_or_again_says_nothing_about_the_next_epoch() -> None:
    issuer, fence = Issuer(SWITCH), Fence(VERIFY)
    fence.show(issuer_lease(issuer, 0), 0)
    fence.revoke(issuer.revoke("payment"))
    fence.freeze("payment", 10, (7,), 1)  # it was held up in the network
    assert fence.refuses(issuer_lease(issuer, 1), Call("payment", 1, 1, 50, True, True), 1) == ""
    fence.freeze("payment", 60, (55,), 2)
    fence.freeze("payment", 70, (65,), 2)  # nobody widens it
    served = [
        fence.refuses(issuer_lease(issuer, 2), Call("payment", 1, 1, n, True, True), 2) for n in (55, 65)
    ]
    assert served == ["", "not committed before the freeze"]


def test_a_freeze_told_before_the_first_lease_holds_for_that_lease() -> None:
    issuer, fence = Issuer(SWITCH), Fence(VERIFY)
    fence.freeze("payment", 10, (7,))
    fence.show(issuer_lease(issuer, 0), 0)
    assert fence.refuses(issuer_lease(issuer, 1), Call("payment", 1, 1, 50, True, True), 1) != ""
    fence = Fence(VERIFY)
    fence.freeze("payment", 10, (7,))
    fence.revoke(issuer.revoke("payment"))  # then it was about what is over
    assert fence.refuses(issuer_lease(issuer, 2), Call("payment", 1, 1, 50, True, True), 2) == ""


def test_a_gateway_that_forgot_the_freeze_serves_no_lease_of_before_its_restart() -> None:
    """Whoever kept a lease from before the freeze would push payments through a gateway that forgot it."""
    issuer = Issuer(SWITCH)
    kept = issuer_lease(issuer, 0)
    fence = Fence(VERIFY, since=SECOND)
    call = Call("payment", 1, 1, 50, True, True)
    assert fence.refuses(kept, call, SECOND) == "it is older than this fence"
    assert (
        fence.refuses(issuer.sweep(0, HOUR), call, SECOND) == ""
    )  # the reconciler's says nothing of a stage
    assert fence.refuses(issuer_lease(issuer, SECOND - DRIFT_NS, Stage.DRAIN), call, SECOND) != ""
    assert fence.refuses(issuer_lease(Issuer(SWITCH), SECOND - DRIFT_NS), call, SECOND) != ""
    assert Fence(VERIFY, since=SECOND).refuses(issuer_lease(issuer, SECOND - DRIFT_NS), call, SECOND) == ""


@pytest.mark.parametrize(("after", "served"), [(0, False), (DRIFT_NS, False), (DRIFT_NS + 1, True)])
def test_a_freeze_that_the_switch_never_ordered_lasts_until_its_next_lease(after: int, served: bool) -> None:
    """Found by a rehearsal: somebody hostile told it after the end, and it held beyond the way back."""
    issuer, fence = Issuer(SWITCH), Fence(VERIFY)
    fence.show(issuer_lease(issuer, 0), 0)
    fence.freeze("payment", 10, (7,), 1, SECOND)
    call = Call("payment", 1, 1, 50, True, True)
    assert fence.refuses(issuer_lease(issuer, SECOND - 1), call, SECOND) == "not committed before the freeze"
    assert (fence.refuses(issuer_lease(issuer, SECOND + after), call, SECOND + after) == "") is served


def issuer_lease(issuer: Issuer, now: int, stage: Stage = Stage.RUN, kind: str = "payment") -> Lease:
    made = issuer.issue(kind, stage, 0, now)
    assert made is not None
    return made


# A switch that forgets, and two that disagree.


def test_within_an_epoch_what_is_frozen_stays_frozen() -> None:
    """The switch loses the end of its log and believes that everything runs; or there are two of them."""
    issuer, fence, holder = Issuer(SWITCH), Fence(VERIFY), Holder(VERIFY, "payment")
    frozen = issuer_lease(issuer, 0, Stage.FREEZE)
    assert holder.renew(frozen, 0) is None
    fence.show(frozen, 0)
    thawed = issuer_lease(issuer, SECOND)
    assert holder.renew(thawed, SECOND) == Kept("it takes back the freeze of its own epoch")
    assert not holder.may_begin(SECOND)
    late = Call("payment", 1, 1, 50, True, True)
    assert fence.refuses(thawed, late, SECOND) == "nothing new after the freeze"
    assert holder.renew(issuer_lease(issuer, SECOND, Stage.DRAIN), SECOND) is None
    issuer.revoke("payment")
    assert holder.renew(issuer_lease(issuer, SECOND), SECOND) is None
    assert fence.refuses(issuer_lease(issuer, SECOND), late, SECOND) == ""


def test_of_two_switches_that_do_not_know_of_each_other_the_one_that_goes_further_is_obeyed() -> None:
    """The second one goes on leasing as if nothing had happened, with serials far ahead."""
    made, twin = switch(), restarted(switch(), 0)
    holder, fence = Holder(VERIFY, "payment"), Fence(VERIFY)
    call = Call("payment", 1, 1, 50, True, True)
    for one in (made, twin):
        lease = leases(one.renewals(0))["payment"]
        holder.renew(lease, 0)
        fence.show(lease, 0)
    order(made, Want.HALT, SECOND)
    frozen = leases(made.renewals(SECOND))["payment"]
    assert holder.lease is not None
    assert frozen.serial < holder.lease.serial
    assert holder.renew(frozen, SECOND) is None
    assert fence.show(frozen, SECOND) == ""
    for now in range(SECOND, 20 * SECOND, SECOND):
        thawed = leases(twin.renewals(now))["payment"]
        holder.renew(thawed, now)
        assert not holder.may_begin(now)
        assert fence.refuses(thawed, call, now) == "nothing new after the freeze"


def test_a_switch_that_was_drowned_by_a_second_one_is_heard_when_that_is_gone() -> None:
    made, twin, holder = switch(), restarted(switch(), 0), Holder(VERIFY, "payment")
    holder.renew(leases(twin.renewals(0))["payment"], 0)
    late = leases(made.renewals(LEASE_NS - 1))["payment"]
    assert holder.renew(late, LEASE_NS - 1) == Kept("it is no newer than the one held")
    assert holder.renew(late, LEASE_NS) is None


@pytest.mark.parametrize("lost", [0, 1, 2])
def test_a_switch_that_lost_the_end_of_its_log_thaws_nobody(lost: int) -> None:
    made, fence, holder = switch(), Fence(VERIFY), Holder(VERIFY, "payment")
    for lease in leases(made.advance(0)).values():
        if lease.type == "payment":
            holder.renew(lease, 0)
    order(made, Want.HALT, SECOND)
    frozen = leases(made.renewals(SECOND))["payment"]
    assert frozen.stage == Stage.FREEZE
    holder.renew(frozen, SECOND)
    fence.show(frozen, SECOND)
    after = restarted(made, 2 * SECOND, lost)
    again = leases(after.advance(2 * SECOND))["payment"]
    holder.renew(again, 2 * SECOND)
    assert not holder.may_begin(2 * SECOND)
    assert fence.refuses(again, Call("payment", 1, 1, 50, True, True), 2 * SECOND) != ""


def test_a_switch_that_lost_a_kill_is_believed_by_nobody_who_heard_it() -> None:
    made, holder = switch(), Holder(VERIFY, "payment")
    holder.renew(leases(made.advance(0))["payment"], 0)
    fence = Fence(VERIFY)
    for effect in order(made, Want.KILL, SECOND):
        if isinstance(effect, Revoke) and effect.revocation.type == "payment":
            holder.revoke(effect.revocation)
            fence.revoke(effect.revocation)
    after = restarted(made, 2 * SECOND, lost=len(made.log))
    again = leases(after.advance(2 * SECOND))["payment"]
    assert holder.renew(again, 2 * SECOND) == Kept("it is of an older epoch")
    assert fence.refuses(again, Call("payment", 1, 1, 50, True, True), 2 * SECOND) == "old epoch"


def test_a_halt_that_waits_for_its_second_person_freezes_when_the_switch_restarts() -> None:
    """Found by reading: half an order was forgotten, and with it the time when it would have frozen."""
    made = switch()
    says(made, "ann", Want.HALT, 0)
    assert made.stage("system") is Stage.HALT
    after = restarted(made, SECOND)
    effects = after.advance(SECOND)
    assert after.stage("system") is Stage.FREEZE
    assert after.machine("system").held
    assert [e.why for e in effects if isinstance(e, CallPeople)] == [
        "the switch was restarted before the second person answered"
    ]
    assert [e for e in after.advance(2 * SECOND) if isinstance(e, CallPeople)] == []


def test_a_restarted_switch_knows_what_the_one_before_it_knew() -> None:
    made = switch()
    order(made, Want.HALT, SECOND, "type:payment")
    made.advance(5 * SECOND)
    order(made, Want.HALT, 5 * SECOND)
    after = restarted(made, 6 * SECOND)
    assert after.machine("system").ordered_at == made.machine("system").ordered_at == 5 * SECOND
    assert leases(after.renewals(after.now))["payment"].frozen_at == SECOND
    for one in (made, after):
        order(one, Want.CALL_OFF, 7 * SECOND)
        order(one, Want.CALL_OFF, 7 * SECOND, "type:payment")
    again = restarted(made, 8 * SECOND)
    for one in (made, after, again):
        assert [lease.frozen_at for lease in leases(one.renewals(8 * SECOND)).values()] == [0, 0, 0]
        assert one.machine("system").ordered_at == 0


def test_a_switch_whose_clock_is_behind_its_own_log_does_not_live_through_it_again() -> None:
    made = switch()
    order(made, Want.HALT, HOUR)
    after = restarted(made, SECOND)
    assert after.now == HOUR
    assert after.machine("system").until == HOUR + 30 * SECOND


def test_a_switch_that_ran_for_weeks_without_an_order_is_believed_after_a_restart() -> None:
    """Found by reading: the log knew the last order's serial, the holders had leases of weeks later."""
    made = switch()
    made.advance(0)
    made.issuer.serial += SERIALS_SKIPPED  # weeks
    made.advance(made.next_at)
    assert [entry.what for entry in made.log] == ["serials"]
    made.issuer.serial += SERIALS_SKIPPED // 2 - 3
    newest = leases(made.renewals(made.now))["payment"]
    holder = Holder(VERIFY, "payment")
    assert holder.renew(newest, made.now) is None
    after = restarted(made, made.now + SECOND)
    assert holder.renew(leases(after.advance(made.now + SECOND))["payment"], made.now + SECOND) is None


def test_a_session_is_ended_by_the_switchs_own_word_again_and_again_and_for_good() -> None:
    """Found by reading: only the platform told the gateway, and one that was down never heard of it."""
    made, scope = switch(), "session:7"
    settled(made, 0, scope)
    for one in (made, restarted(made, SECOND)):
        fence = Fence(VERIFY)
        for effect in one.renewals(one.now):
            if isinstance(effect, Revoke):
                fence.revoke(effect.revocation)
        good = leases(one.renewals(one.now))["payment"]
        assert fence.refuses(good, Call("payment", 7, 1, 50, True, True), one.now) == "ended"
        assert fence.refuses(good, Call("payment", 8, 1, 50, True, True), one.now) == ""
        order(one, Want.RESUME, 2 * SECOND, scope)
        assert one.stage(scope) is Stage.RUN
        late = leases(one.renewals(one.now))["payment"]
        assert fence.refuses(late, Call("payment", 7, 1, 50, True, True), one.now) == "ended"


def test_a_switch_that_restarts_during_a_sweep_asks_for_it_again() -> None:
    """Found by reading: nobody who had not heard of the sweep before would ever get its lease."""
    made = switch()
    order(made, Want.KILL, 0)
    (first,) = [e for e in made.done("system", Stage.TERMINATE, 0) if isinstance(e, Sweep)]
    after = restarted(made, SECOND)
    (again,) = [e for e in after.advance(SECOND) if isinstance(e, Sweep)]
    assert (again.scope, again.epoch) == (first.scope, first.epoch)
    assert again.revocations == first.revocations
    assert again.lease.serial > first.lease.serial
    assert again.until > first.until
    assert [e for e in after.advance(2 * SECOND) if isinstance(e, Sweep)] == []


def test_every_restart_begins_above_the_serials_of_the_one_before_it() -> None:
    """Nothing but restarts between two leases: each must be newer than the last."""
    made, holder = switch(), Holder(VERIFY, "payment")
    for now in range(0, 6 * SECOND, SECOND):
        assert holder.renew(leases(made.advance(now))["payment"], now) is None
        made = restarted(made, now)


# Clocks.


def test_a_gateways_clock_that_jumps_back_makes_no_lease_good_again() -> None:
    issuer, fence = Issuer(SWITCH), Fence(VERIFY)
    held = issuer_lease(issuer, 0)
    call = Call("payment", 1, 1, 50, True, True)
    assert fence.refuses(held, call, LEASE_NS - 1) == ""
    assert fence.refuses(held, call, LEASE_NS) == "the lease has expired"
    assert fence.refuses(held, call, SECOND) == "the lease has expired"


@pytest.mark.parametrize("off", [-HOUR, -LEASE_NS - DRIFT_NS - 1, LEASE_NS + DRIFT_NS + 1, HOUR])
def test_a_clock_that_is_off_by_more_than_declared_acts_on_no_lease(off: int) -> None:
    made = issuer_lease(Issuer(SWITCH), 2 * HOUR)
    holder, fence = Holder(VERIFY, "payment"), Fence(VERIFY)
    assert isinstance(holder.renew(made, 2 * HOUR + off), Kept)
    assert holder.stops(2 * HOUR + off) == "no lease"
    assert fence.refuses(made, Call("payment", 1, 1, 50, True, True), 2 * HOUR + off) != ""
    assert fence.show(made, 2 * HOUR + off) != ""


@pytest.mark.parametrize(
    "replaced", [{"not_after": LEASE_NS + 1}, {"epoch": 7}, {"stage": 0}, {"serial": 9_999}]
)
def test_a_fence_learns_nothing_from_what_the_switch_did_not_sign(replaced: dict[str, int]) -> None:
    issuer, fence = Issuer(SWITCH), Fence(VERIFY)
    good = issuer_lease(issuer, 0, Stage.FREEZE)
    forged = msgspec.structs.replace(good, **replaced)
    assert fence.show(forged, 1) != ""
    assert fence.refuses(forged, Call("payment", 1, 1, 50, True, True), 1) != ""
    assert fence.epoch("payment") == 0
    assert not fence.revoke(Revocation("payment", 9, b"x" * 64))
    assert fence.epoch("payment") == 0


def test_a_reconcilers_lease_is_long_and_an_agents_never_is() -> None:
    issuer, fence = Issuer(SWITCH), Fence(VERIFY)
    sweep = issuer.sweep(0, HOUR)
    call = Call("payment", 1, 1, 0, True, True)
    assert fence.refuses(sweep, call, 59 * 60 * SECOND) == ""
    assert fence.refuses(sweep, call, HOUR) == "the lease has expired"
    fence = Fence(VERIFY, lease_ns=SECOND)
    assert fence.refuses(issuer_lease(issuer, 0), call, 1) == "it is too long"
    assert fence.show(issuer_lease(issuer, 0), 1) == "it is too long"


def test_a_holder_of_another_type_hears_no_revocation_that_is_not_its_own() -> None:
    issuer = Issuer(SWITCH)
    holder = Holder(VERIFY, "cart")
    holder.renew(issuer_lease(issuer, 0, kind="cart"), 0)
    holder.revoke(issuer.revoke("payment"))
    assert holder.stops(1) == ""
    first = issuer.revocation("cart")
    holder.revoke(first)  # of the epoch that it has: nothing is over
    assert holder.stops(1) == ""


def test_an_instance_that_was_ended_is_refused_by_its_own_number() -> None:
    issuer, fence = Issuer(SWITCH), Fence(VERIFY)
    assert not fence.revoke(Revocation("instance:8", 2, b"x" * 64))
    fence.revoke(issuer.revoke("instance:9"))
    held = issuer_lease(issuer, 0)
    assert fence.refuses(held, Call("payment", 1, 9, 50, True, True), 1) == "ended"
    assert fence.refuses(held, Call("payment", 9, 1, 50, True, True), 1) == ""


def test_a_drain_serves_no_action_but_money_and_a_freeze_serves_what_was_under_way() -> None:
    issuer, fence = Issuer(SWITCH), Fence(VERIFY)
    frozen = issuer_lease(issuer, 0, Stage.FREEZE)
    fence.freeze("payment", 10, (5,))
    mail = Call("payment", 1, 1, 5, False, True)
    assert fence.refuses(frozen, mail, 1) == ""
    assert fence.refuses(issuer_lease(issuer, 1, Stage.DRAIN), mail, 1) == "only money is drained"


@given(order_=st.permutations([Trigger.ASK_HALT, Trigger.LAPSED, Trigger.HALT, Trigger.KILL]))
def test_triggers_in_any_order_by_nobody_move_nothing_but_a_lapse(order_: list[Trigger]) -> None:
    made = switch().machine("system")
    for trigger in order_:
        made.fire(trigger, 0, ())
    assert made.stage is Stage.RUN
