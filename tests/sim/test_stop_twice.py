"""Rehearsals in which people change their minds, or stop a part of it, or all of it twice."""

from collections.abc import Callable
from functools import cache

import msgspec
import pytest

from maso.clock import MS, SECOND
from maso.evidence.records import AdmitRecord, GateRecord, decode_record, encode_record
from maso.fleet.load import load_fleet
from maso.fleet.model import Fleet
from maso.fleet.rulebook import Rulebook
from maso.resilience.shutdown import Stage, Trigger
from maso.resilience.switch import Sweep, Tell
from maso.scan.injection import InjectionDetector
from maso.scan.scanner import Scanner
from maso.sim.checkers import money
from maso.sim.outages import AIMED, CLOCKS, KINDS, parse, places_of
from maso.sim.rehearsal import Rehearsal, Result, Wish, hurried, prepare, wish_of
from maso.sim.till import Barred, Booked, Statement
from maso.verdict import Outcome
from maso.worlds.gateway import Verb

REGIONS = ("zone-a", "zone-b")


@cache
def ground(name: str = "ecommerce-10k", size: int = 12) -> tuple[Fleet, Rulebook, Scanner]:
    fleet, _ = load_fleet(name, size)
    return (*prepare(hurried(fleet)), Scanner(InjectionDetector()))


def rehearse(
    seed: int, *faults: str, scope: str = "system", immediate: bool = False, inner: str = ""
) -> tuple[Result, Rehearsal]:
    outages = tuple(parse(text, REGIONS) for text in faults)
    made = Rehearsal(*ground(), Wish(seed, outages, scope, immediate, inner=inner))
    return made.run(), made


def moves(made: Rehearsal, scope: str) -> list[str]:
    return [e.what for e in made.tower.switch.log if e.scope == scope and e.after != e.before]


@pytest.mark.parametrize(
    "scope", ["system", "type:payment", "cluster:checkout", "region:zone-b", "session:3"]
)
def test_what_is_called_off_goes_on_and_can_be_stopped_again(scope: str) -> None:
    result, made = rehearse(4, "called-off", scope=scope)
    assert result.wrong == ()
    assert moves(made, scope)[:2] == ["ask-kill", "call-off"]
    assert moves(made, scope)[-1] == "resume"


def test_between_the_false_alarm_and_the_order_payments_are_served() -> None:
    served = 0
    for seed in range(1, 9):
        result, made = rehearse(seed, "called-off")
        assert result.wrong == ()
        log = [entry for entry in made.tower.switch.log if entry.after != entry.before]
        (back,) = [entry.now for entry in log if entry.what == "call-off"]
        order = next(entry.now for entry in log if entry.now > back)
        served += sum(back < b.let_in < order and b.epoch == 2 for b in made.till.booked)
    assert served


@pytest.mark.parametrize("faults", [(), ("lossy@run+16m",), ("reconciler-crash@reconcile",)])
@pytest.mark.parametrize("scope", ["system", "type:payment"])
def test_a_second_stop_is_settled_by_a_sweep_of_its_own(scope: str, faults: tuple[str, ...]) -> None:
    result, made = rehearse(6, "again", *faults, scope=scope)
    assert result.wrong == ()
    assert [epoch for s, epoch in made.sweeper.began if s == scope] == [1, 2]
    assert moves(made, scope).count("resume") == 2


@pytest.mark.parametrize("inner", ["type:payment", "cluster:checkout", "region:zone-a", "session:3"])
@pytest.mark.parametrize("faults", [(), ("orchestrator-hostile@run+2m",), ("switch-restart@drain+8s",)])
def test_a_scope_within_is_stopped_and_let_run_again_meanwhile(inner: str, faults: tuple[str, ...]) -> None:
    result, made = rehearse(len(inner), *faults, inner=inner)
    assert result.wrong == ()
    assert moves(made, inner)[-1] == "resume"
    assert made.sweeper.finished(inner)


@pytest.mark.parametrize("seed", [113, 1011, 6560])
def test_seeds_that_failed_once(seed: int) -> None:
    """113: a region that was cut off until just before the wait for it ended had no time to hear of it.
    1011: a switch that was gone for 1,000 s asked for a sweep whose time was over, and all of it was listed.
    6560: the second person spoke first, after a restart that had forgotten the other one's half.
    """
    fleet, _ = load_fleet("ecommerce-10k", 16)
    ready, rules = prepare(hurried(fleet))
    result = Rehearsal(ready, rules, ground()[2], wish_of(ready, seed)).run()
    assert result.wrong == ()
    assert result.listed == 0


def test_a_session_is_over_for_a_gateway_that_has_heard_of_it() -> None:
    """Seed 5660: a platform that obeys nobody acts for a killed session at a gateway that is cut off from the
    switch, until the sweep tells that of the end; never after it, and all of it is taken back.
    """
    fleet, _ = load_fleet("ecommerce-10k", 16)
    ready, rules = prepare(hurried(fleet))
    made = Rehearsal(ready, rules, ground()[2], wish_of(ready, 5660))
    result = made.run()
    assert made.wish.scope == "session:7"
    assert result.wrong == ()
    heard = next(barred.at for barred in made.till.barred if barred.kind == "session:7")
    acted = [booked.let_in for booked in made.till.booked if booked.session == 7]
    assert result.ordered_ms * MS < max(acted) < heard
    assert result.ambiguous == 0
    assert result.stock_equals_books
    made.till.booked.append(made.till.booked[-1]._replace(session=7, let_in=heard + 1))
    assert any("terminate: " in law for law in made._after_terminate())


@pytest.mark.parametrize("place", [*CLOCKS, *REGIONS])
@pytest.mark.parametrize("stage", ["run", "drain", "terminate", "reconcile"])
def test_a_clock_that_jumps_costs_time_and_no_money(place: str, stage: str) -> None:
    result, _ = rehearse(len(place) + len(stage), f"clock-jump:{place}@{stage}+20s")
    assert result.wrong == ()
    assert result.ambiguous == 0


@pytest.mark.parametrize("seed", range(1, 7))
def test_a_hostile_platform_does_nothing_for_a_session_that_was_stopped(seed: int) -> None:
    result, made = rehearse(seed, "orchestrator-hostile@run+10m", scope="session:3")
    assert result.wrong == ()
    ended = next(entry.now for entry in made.tower.switch.log if entry.after == Stage.TERMINATE)
    heard = [bar.at for bar in made.till.barred if bar.kind == "session:3"]
    assert heard
    assert heard[0] >= ended
    assert not [b for b in made.till.booked if b.session == 3 and b.let_in > heard[0]]


@pytest.mark.parametrize("seed", range(1, 7))
def test_a_gateway_that_crashed_and_forgot_the_freeze_is_of_no_use_to_who_kept_a_lease(seed: int) -> None:
    faults = ("orchestrator-hostile@freeze+2m", "gateway-crash@freeze+1s", "gateway-slow@freeze+30s")
    result, made = rehearse(seed, *faults)
    assert result.wrong == ()
    frozen = made.platform.freeze_refs.get("system", 1 << 60)
    back = made.platform.resume_ref or 1 << 60
    captured = [int(b.key) for b in made.till.booked if b.verb is Verb.CAPTURE and b.key.isdecimal()]
    assert all(ref < frozen for ref in captured if ref < back)


def meddled(made: Rehearsal, meddle: Callable[[Callable[[Tell], None], Tell], None]) -> None:
    """What the switch tells the plane goes by somebody's hands."""
    told = made.platform.told
    made.platform.told = lambda tell: meddle(told, tell)  # type: ignore[method-assign]


def test_a_way_back_that_the_plane_did_not_hear_of_is_told_again() -> None:
    made = Rehearsal(*ground(), Wish(4, ()))
    lost: list[Stage] = []

    def lose(send: Callable[[Tell], None], tell: Tell) -> None:
        if tell.stage in (Stage.SETTLED, Stage.RUN) and lost.count(tell.stage) < 2:
            lost.append(tell.stage)
        else:
            send(tell)

    meddled(made, lose)
    assert made.run().wrong == ()
    assert sorted(lost) == [Stage.RUN, Stage.RUN, Stage.SETTLED, Stage.SETTLED]
    assert made.platform.staged == {}


def test_a_freeze_that_was_held_up_beyond_its_call_off_freezes_nothing() -> None:
    made = Rehearsal(*ground(), Wish(4, (parse("called-off", REGIONS),)))

    def repeat(send: Callable[[Tell], None], tell: Tell) -> None:
        send(tell)
        if tell.stage is Stage.FREEZE and tell.why == Trigger.ASK_KILL:
            made.sim.kernel.after(6 * SECOND, send, tell)

    meddled(made, repeat)
    assert made.run().wrong == ()
    log = [entry for entry in made.tower.switch.log if entry.after != entry.before]
    (back,) = [entry.now for entry in log if entry.what == "call-off"]
    order = next(entry.now for entry in log if entry.now > back)
    between = [
        record
        for record in map(decode_record, made.log.bodies)
        if isinstance(record, GateRecord) and back + SECOND < record.now < order
    ]
    assert between == []


def test_the_books_stay_shut_while_anything_over_all_of_them_is_swept() -> None:
    made = Rehearsal(*ground(), Wish(1, ()))
    platform = made.platform
    platform.staged = {"system": Stage.RECONCILE, "type:payment": Stage.SETTLED}
    platform.fence_store(True)
    platform._runs(Tell("type:payment", Stage.RUN, "resume", ("ann", "bob"), 0))
    assert platform.store_fenced
    platform._runs(Tell("system", Stage.RUN, "resume", ("ann", "bob"), 0))
    assert not platform.store_fenced


def test_a_sweep_believes_no_statement_that_an_earlier_one_asked_for() -> None:
    made = Rehearsal(*ground(), Wish(1, ()))
    made.tower.start()
    issuer = made.tower.switch.issuer
    for scope in ("type:payment", "system"):
        made.sweeper.begin(Sweep(scope, issuer.sweep(0, 300 * SECOND), 300 * SECOND, ()))
    made.sweeper._hear_statement(1, Statement((), ()))
    assert not made.sweeper.finished("system")
    made.sweeper._hear_statement(2, Statement((), ()))
    assert made.sweeper.finished("system")


def test_wishes_have_scopes_within_and_every_outage_is_drawn() -> None:
    wishes = [wish_of(ground()[0], seed) for seed in range(400)]
    assert {outage.kind for wish in wishes for outage in wish.outages} == set(KINDS)
    inner = {wish.inner.partition(":")[0] for wish in wishes}
    assert inner == {"", "type", "cluster", "session", "region"}
    assert all(wish.scope == "system" for wish in wishes if wish.inner)
    for kind in AIMED:
        aimed = {o.target for wish in wishes for o in wish.outages if o.kind == kind}
        assert aimed == set(places_of(kind, REGIONS))


# The checkers see what they are for.


@pytest.mark.parametrize("scope", ["type:payment", "cluster:checkout", "region:zone-b", "session:3"])
def test_the_freeze_checker_sees_what_a_part_still_does(scope: str) -> None:
    _, made = rehearse(1)
    freeze = encode_record(GateRecord(0, "stage", scope, Stage.FREEZE, Outcome.ALLOW))
    bodies = list(made.log.bodies)
    assert money.frozen(bodies, made.plan.types) == []
    wrong = money.frozen([freeze, *bodies], made.plan.types)
    assert wrong
    assert all("lets a message through in freeze" in line for line in wrong)
    everything = encode_record(GateRecord(0, "stage", "system", Stage.FREEZE, Outcome.ALLOW))
    assert len(wrong) < len(money.frozen([everything, *bodies], made.plan.types))


def test_the_freeze_checker_knows_a_halt_from_a_freeze() -> None:
    _, made = rehearse(1)
    halt = encode_record(GateRecord(0, "stage", "system", Stage.HALT, Outcome.ALLOW))
    sessions = [decode_record(body) for body in made.log.bodies]
    admitted = sum(isinstance(r, AdmitRecord) and r.session > 0 and r.outcome == 0 for r in sessions)
    wrong = money.frozen([halt, *made.log.bodies], made.plan.types)
    assert sum("admits a session in halt" in line for line in wrong) == len(wrong) == admitted
    end = encode_record(GateRecord(0, "stage", "system", Stage.TERMINATE, Outcome.ALLOW))
    refused = encode_record(GateRecord(0, "stage", "system", Stage.TERMINATE, Outcome.DENY))
    assert len(money.frozen([end, *made.log.bodies])) > len(wrong)
    assert money.frozen([refused, *made.log.bodies]) == []


def test_the_fence_checker_sees_what_was_booked_behind_its_back() -> None:
    def booked(epoch: int, let_in: int, session: int = 0) -> Booked:
        return Booked(let_in + 1, "payment", 5, "5", Verb.CAPTURE, epoch, let_in, session)

    barred = [Barred(SECOND, "payment", 2), Barred(SECOND, "session:3", 2)]
    assert money.fenced([booked(1, SECOND - 1), booked(2, SECOND), booked(2, SECOND, 4)], barred) == []
    assert money.fenced([booked(1, SECOND)], barred) == ["fenced: `5` was booked under epoch 1, known was 2"]
    assert money.fenced([booked(2, SECOND, 3)], barred) == [
        "fenced: `5` was booked for session 3, which had ended"
    ]


def test_the_forward_checker_sees_a_drain_that_one_person_ordered_and_a_log_with_a_hole() -> None:
    _, made = rehearse(1)
    log = [entry for entry in made.tower.switch.log if entry.scope == "system"]
    drained = [i for i, entry in enumerate(log) if entry.after == Stage.DRAIN]
    alone = [*log[: drained[0]], msgspec.structs.replace(log[drained[0]], confirmed=False)]
    assert any("two people never ordered it" in line for line in money.forward(alone))
    assert any("its log says" in line for line in money.forward(log[:1] + log[drained[0] :]))
