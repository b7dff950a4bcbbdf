"""The edges of a stop: the very instant, the very number, the second time. No test had watched them."""

import msgspec
import pytest
from nacl.signing import SigningKey

from maso.clock import SECOND
from maso.fleet.load import load_fleet
from maso.resilience.lease import LEASE_NS, Call, Fence, Holder, Issuer, Kept, Lease
from maso.resilience.shutdown import Moved, Shutdown, Stage, Trigger
from maso.resilience.switch import CallPeople, Revoke, Sweep, Switch, stop_plan
from maso.resilience.twopersons import (
    WIRE_BYTES_MAX,
    Person,
    Refused,
    Registry,
    TwoPersons,
    Want,
    state,
)
from tests.resilience.test_stop_attacks import (
    KEYS,
    PEOPLE,
    PLAN,
    SWITCH,
    VERIFY,
    leases,
    order,
    restarted,
    says,
    settled,
    switch,
)

BOTH = ("ann", "bob")


def leased(issuer: Issuer, now: int, stage: Stage = Stage.RUN) -> Lease:
    made = issuer.issue("payment", stage, 0, now)
    assert made is not None
    return made


# Stages.


def test_a_freeze_that_was_held_has_its_whole_time_once_the_second_person_agrees() -> None:
    machine = Shutdown()
    machine.fire(Trigger.ASK_KILL, 0, ("ann",))
    machine.fire(Trigger.HALT, 100 * SECOND, BOTH)
    assert machine.until == 130 * SECOND
    machine.fire(Trigger.HALT, 120 * SECOND, BOTH)  # said again, it gains no time
    assert machine.until == 130 * SECOND


def test_reconciliation_is_overdue_at_its_ceiling_and_not_before() -> None:
    machine = Shutdown()
    machine.fire(Trigger.KILL, 0, BOTH)
    machine.fire(Trigger.DONE, 0)
    machine.expire(300 * SECOND - 1)
    assert not machine.overdue
    machine.expire(300 * SECOND)
    assert machine.overdue


def test_what_is_told_late_happens_now() -> None:
    machine = Shutdown(now=100)
    assert machine.fire(Trigger.KILL, 5, BOTH) == Moved(Stage.RUN, Stage.TERMINATE, Trigger.KILL, BOTH, 100)


# Leases.


def test_neither_an_epoch_nor_a_serial_falls_by_what_a_log_says() -> None:
    issuer = Issuer(SWITCH)
    issuer.revoke("payment")
    issuer.serial = 50
    issuer.restore({"payment": 1}, 7)
    assert (issuer.epoch("payment"), issuer.serial) == (2, 50)


def test_a_holder_that_saw_a_later_time_takes_no_lease_that_had_expired_by_then() -> None:
    holder = Holder(VERIFY, "payment")
    assert holder.stops(LEASE_NS) == "no lease"
    assert holder.renew(leased(Issuer(SWITCH), 0), SECOND) == Kept("it has expired")


def test_the_freeze_record_itself_is_not_before_the_freeze() -> None:
    fence = Fence(VERIFY)
    fence.freeze("payment", 10, (9, 10, 11, 0, -1))
    held = leased(Issuer(SWITCH), 0)
    served = [
        n for n in (-1, 0, 9, 10, 11) if not fence.refuses(held, Call("payment", 1, 1, n, True, True), 1)
    ]
    assert served == [9]


def test_a_fence_that_is_shown_a_lease_of_an_older_epoch_learns_nothing_from_it() -> None:
    issuer, fence = Issuer(SWITCH), Fence(VERIFY)
    old = leased(issuer, 0, Stage.FREEZE)
    fence.revoke(issuer.revoke("payment"))
    assert fence.show(old, 1) == ""
    assert fence.refuses(leased(issuer, 1), Call("payment", 1, 1, 5, True, True), 1) == ""


def test_a_lease_of_a_new_epoch_that_comes_before_its_revocation_ends_the_freeze_of_the_old_one() -> None:
    issuer, fence = Issuer(SWITCH), Fence(VERIFY)
    fence.show(leased(issuer, 0, Stage.FREEZE), 0)
    fence.freeze("payment", 10, (7,), 1)
    revocation = issuer.revoke("payment")
    call = Call("payment", 1, 1, 50, True, True)
    assert fence.refuses(leased(issuer, 1), call, 1) == ""
    assert not fence.revoke(revocation)


# People.


def test_a_statement_that_is_too_long_is_none_though_it_is_signed() -> None:
    scope = "x" * WIRE_BYTES_MAX
    wire = state(KEYS["ann"], Want.KILL, scope, 1, 1, 0)
    people = TwoPersons(Registry(PEOPLE, ["commander"]), scope, 1)
    assert people.take(wire, 0, Stage.RUN) == Refused("it is no statement")


def test_an_order_whose_time_is_over_is_not_completed_by_who_did_not_hear_that() -> None:
    people = TwoPersons(Registry(PEOPLE, ["commander"]), "system", 1, confirm_ns=SECOND)
    people.take(state(KEYS["ann"], Want.KILL, "system", 1, 1, 0), 0, Stage.RUN)
    late = people.take(state(KEYS["bob"], Want.KILL, "system", 1, 1, SECOND), SECOND, Stage.FREEZE)
    assert late == Refused("the order before it has lapsed")


def test_somebody_in_another_role_is_no_second_person_for_a_switch() -> None:
    trainee = Person("tim", "trainee", (bytes(SigningKey(b"t" * 32).verify_key),))
    with pytest.raises(ValueError, match="fewer than two people"):
        Switch(PLAN, (PEOPLE[0], trainee), SWITCH)


# The switch.


@pytest.mark.parametrize(
    ("scope", "left"),
    [
        ("system", set()),
        ("region:north", {"support"}),
        ("cluster:checkout", {"support"}),
        ("type:cart", {"payment", "support"}),
        ("session:7", {"payment", "cart", "support"}),
    ],
)
def test_who_is_leased_while_a_scope_is_ended(scope: str, left: set[str]) -> None:
    made = switch()
    order(made, Want.KILL, 0, scope)
    assert set(leases(made.renewals(0))) == left
    revoked = {e.revocation.type for e in made.renewals(0) if isinstance(e, Revoke)}
    assert revoked == ({"payment", "cart", "support"} - left or {scope})


def test_a_statement_that_comes_late_is_noted_at_the_time_that_it_is() -> None:
    made = switch()
    made.advance(100 * SECOND)
    made.statement("system", state(KEYS["ann"], Want.KILL, "system", 1, 1, 100 * SECOND), SECOND)
    assert made.log[-1].now == 100 * SECOND


def test_people_are_called_once_when_reconciliation_takes_too_long_and_again_the_next_time() -> None:
    made = switch()
    for epoch in (1, 2):
        began = made.now
        order(made, Want.KILL, began)
        made.done("system", Stage.TERMINATE, began)
        calls = [
            effect.why
            for seconds in range(295, 310)
            for effect in made.advance(began + seconds * SECOND)
            if isinstance(effect, CallPeople)
        ]
        assert calls == ["reconciliation takes longer than declared"]
        assert made.stage("system") is Stage.RECONCILE
        made.done("system", Stage.RECONCILE, made.now, epoch)
        order(made, Want.RESUME, made.now)


def test_a_sweep_has_its_whole_time_from_when_it_is_asked_for_and_says_what_is_over() -> None:
    """Found by a rehearsal (seed 1011): a switch that was gone for long had everything listed unasked."""
    made = switch()
    order(made, Want.HALT, 0)
    effects = made.advance(150 * SECOND)  # the switch was asleep: stages ended at 30, 90 and 100 seconds
    (sweep,) = [e for e in effects if isinstance(e, Sweep)]
    assert sweep.until == 450 * SECOND
    assert {r.type: r.epoch for r in sweep.revocations} == {"payment": 2, "cart": 2, "support": 2}
    assert sweep.lease.not_after == sweep.until


def test_what_was_said_in_an_earlier_epoch_may_be_said_again_in_the_next() -> None:
    made = switch()
    settled(made, 0)
    order(made, Want.RESUME, 0)
    assert made.epoch("system") == 2
    assert says(made, "ann", Want.KILL, 0)[1] == "waits for a second person"
    assert says(made, "ann", Want.KILL, 0)[1] == "it was used before"


def test_a_restarted_switch_counts_a_stage_from_when_it_began_or_was_agreed_to() -> None:
    made = switch()
    says(made, "ann", Want.KILL, 0)
    order(made, Want.HALT, 100 * SECOND)  # refused: an order to kill waits for its second person
    says(made, "bob", Want.REFUSE, 100 * SECOND)
    order(made, Want.HALT, 101 * SECOND)
    assert made.machine("system").until == 131 * SECOND
    for now in (102, 110):
        says(made, "cid", Want.RESUME, now * SECOND)  # means nothing, is noted, and takes no time
        assert restarted(made, now * SECOND).machine("system").until == 131 * SECOND


def test_a_new_stage_travels_with_the_next_lease_and_that_goes_out_at_once() -> None:
    made = switch()
    made.advance(0)
    order(made, Want.HALT, SECOND)
    assert made.next_at == SECOND
    assert {lease.stage for lease in leases(made.advance(SECOND)).values()} == {Stage.FREEZE}


def test_a_lease_says_since_when_its_type_is_frozen_while_any_scope_freezes_it() -> None:
    made = switch()
    says(made, "ann", Want.KILL, SECOND, "type:payment")
    says(made, "ann", Want.KILL, 2 * SECOND)
    says(made, "bob", Want.REFUSE, 2 * SECOND, "type:payment")
    order(made, Want.CALL_OFF, 3 * SECOND, "type:payment")
    frozen = {kind: lease.frozen_at for kind, lease in leases(made.renewals(3 * SECOND)).items()}
    assert frozen == {"payment": SECOND, "cart": 2 * SECOND, "support": 2 * SECOND}


def test_the_bound_of_a_kill_has_the_end_in_it_and_that_of_a_partition_has_no_stage() -> None:
    rest = PLAN.lease_ns + PLAN.drift_ns + PLAN.call_ns
    assert PLAN.bound_ns() == 100 * SECOND + rest
    assert PLAN.bound_ns(immediate=True) == 10 * SECOND + rest
    assert PLAN.bound_ns(partition=True) == PLAN.bound_ns(immediate=True, partition=True) == rest


@pytest.mark.parametrize(
    ("rights", "role"),
    [
        ({"leave_emergency": "duty officer"}, "duty officer"),
        ({"leave_emergency": "duty officer", "kill_switch": "two keys"}, "two keys"),
        ({}, "incident commander"),
    ],
)
def test_who_may_order_is_who_the_fleet_file_says(rights: dict[str, str], role: str) -> None:
    fleet, _ = load_fleet("research-5", 5)
    governance = msgspec.structs.replace(fleet.governance, decision_rights=rights)
    assert stop_plan(msgspec.structs.replace(fleet, governance=governance)).roles == (role,)
