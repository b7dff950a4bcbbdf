"""Money and promises under way at any moment, and whether a gateway can settle them in time.

The fleet's own journeys run in virtual time through the real plane and the real worlds, with as many
sessions as a minute of CPU allows; from what was under way for how long follows the share of a session's
time in which it has a payment or a reservation open. At a size, so many are open on average and `SIGMAS`
deviations more at the worst: sessions do not know each other, so the count is binomial.

A payment is open from the moment at which its authorisation is asked for until it is captured, voided or its
session ends; stock from its reservation until it is paid for or released; a trade from its placing until it
is settled. Every other action that cannot be taken back is open while its call is.

The sweep is the real `Reconciler` at the pace that the fleet file gives it, asking a gateway that takes the
declared number of calls a second, in order.
"""

from collections import deque
from collections.abc import Sequence
from math import sqrt
from typing import Final, NamedTuple

import msgspec

from maso.clock import HOUR, MINUTE, SECOND
from maso.evidence.log import LogWriter
from maso.fleet.model import Controls, Fleet
from maso.fleet.rulebook import Rulebook
from maso.journeys.actors import Keyring
from maso.plane.effects import Effect, Perform
from maso.plane.events import CloseSession
from maso.plane.plane import Plane
from maso.resilience.asking import Terms
from maso.resilience.reconcile import Answer, Ask, Book, Item, Kind, Reconciler, State
from maso.resilience.switch import stop_plan
from maso.sim.driver import Simulation
from maso.sim.watchers import Performed
from maso.stress.dimension import Outcome, Trial
from maso.stress.probes.parts import scanner

# Sessions and minutes that are watched: some dozen purchases, in a few seconds of CPU.
WATCHED: Final = 120
# One draw for every size and seed: sizes then differ by their size alone, and a count is exact.
WATCH_SEED: Final = 1
MINUTES: Final = 20
AGENT_MINUTES: Final = 400  # of a breadth fleet: ten minutes of forty agents, or one of four hundred
# Beyond the mean: what is exceeded in one look of thirty thousand.
SIGMAS: Final = 4.0
# What opens something, and what closes it again.
PAYMENT: Final = ("shop.payment_authorise", ("shop.payment_capture", "shop.payment_void"))
RESERVATION: Final = (
    "shop.stock_reserve",
    ("shop.stock_release", "shop.payment_capture", "shop.order_cancel"),
)
TRADE: Final = ("desk.order_place", ("desk.settle", "desk.order_cancel"))
OPENS: Final = {"payments": PAYMENT, "reservations": RESERVATION, "trades": TRADE}
# A sweep is watched to its end: twice what the declared rate allows, and this.
SWEEP_SPARE_NS: Final = 4 * HOUR


class Watched(NamedTuple):
    """Nanoseconds that things were open, by kind; calls by operation; of so much session time altogether."""

    open_ns: dict[str, int]
    calls_ns: int
    calls: dict[str, int]
    session_ns: int

    def share(self, kind: str) -> float:
        return self.open_ns.get(kind, 0) / self.session_ns if self.session_ns else 0.0


class Books:
    """Watches what is open. `wants_inbox`: no."""

    wants_inbox = False

    def __init__(self, rules: Rulebook) -> None:
        self._names = {
            a.number: (a.operation, a.spec.irreversible or a.spec.privileged) for a in rules.actions if a
        }
        self._open: dict[tuple[str, int], int] = {}
        self._calls: dict[int, tuple[int, str]] = {}
        self._began: dict[int, int] = {}
        self.open_ns: dict[str, int] = {}
        self.calls: dict[str, int] = {}
        self.calls_ns = 0
        self.now = 0

    def on_event(self, event: object, now: int) -> None:
        self.now = now
        if isinstance(event, CloseSession):
            for kind in OPENS:
                self._close(kind, event.session, now)

    def on_effects(
        self, event: object, effects: Sequence[Effect], records: Sequence[bytes], now: int
    ) -> None:
        for effect in effects:
            if isinstance(effect, Perform):
                operation, final = self._names[effect.action]
                if final:
                    self._calls[effect.ref] = (now, operation)
                for kind, (opens, _) in OPENS.items():
                    if operation == opens:
                        self._open.setdefault((kind, effect.session), now)

    def on_world(self, done: Performed, now: int) -> None:
        self.now = now
        call = self._calls.pop(done.ref, None)
        if call is not None:
            self.calls_ns += now - call[0]
            self.calls[call[1]] = self.calls.get(call[1], 0) + 1
        for kind, (opens, closes) in OPENS.items():
            if done.operation in closes or (done.operation == opens and done.declined):
                self._close(kind, done.session, now)

    def finish(self) -> None:
        for kind, session in list(self._open):
            self._close(kind, session, self.now)

    def _close(self, kind: str, session: int, now: int) -> None:
        began = self._open.pop((kind, session), None)
        if began is not None:
            self.open_ns[kind] = self.open_ns.get(kind, 0) + now - began


def watched(fleet: Fleet) -> Watched:
    """The fleet's own workload for a while; the same for every size of a depth fleet, so kept."""
    if fleet.kind == "depth":
        # A session does the same however many there are.
        fleet = msgspec.structs.replace(fleet, size=min(fleet.size, WATCHED))
    fleet = msgspec.structs.replace(fleet, controls=Controls())
    key = msgspec.json.encode(fleet)
    if key not in _SEEN:
        _SEEN[key] = _watched(fleet, WATCH_SEED)
    return _SEEN[key]


# By the fleet as it was watched; a process watches a handful.
_SEEN: Final[dict[bytes, Watched]] = {}


def _watched(fleet: Fleet, seed: int) -> Watched:
    rules = Rulebook(fleet)
    keys = Keyring(rules, seed)
    log = LogWriter(b"stress shutdown", b"s" * 32, fleet_sha256=rules.sha256)
    plane = Plane(rules, keys.plane, log, scanner())
    books = Books(rules)
    depth = fleet.kind == "depth"
    minutes = MINUTES if depth else max(1, min(MINUTES, AGENT_MINUTES // len(fleet.types)))
    sessions = fleet.size if depth else len(fleet.types)
    try:
        simulation = Simulation(
            fleet, rules, plane, keys, seed=seed, minutes=minutes, size=sessions, watchers=[books]
        )
    except ValueError:  # nothing that a task could walk along
        return Watched({}, 0, {}, 0)
    simulation.run()
    books.finish()
    return Watched(books.open_ns, books.calls_ns, books.calls, sessions * minutes * MINUTE)


def in_flight(trial: Trial) -> Outcome:
    """How much is open at once at this size, and how long a sweep over it takes."""
    fleet = trial.fleet
    seen = watched(fleet)
    kinds = declared(fleet)
    values: dict[str, float] = {}
    if "payments" in kinds:
        values["payments_open"] = most(fleet.size, seen.share("payments"))
    if "reservations" in kinds:
        values["reservations_open"] = most(fleet.size, seen.share("reservations"))
    if "trades" in kinds:
        values["trades_open"] = most(fleet.size, seen.share("trades"))
    final = any(action.irreversible or action.privileged for action in fleet.actions)
    if final and seen.session_ns:
        values["calls_open"] = most(fleet.size, seen.calls_ns / seen.session_ns)
    rate = fleet.target.in_flight_confirm_per_second
    to_settle = values.get("payments_open", values.get("trades_open", values.get("calls_open")))
    details: dict[str, object] = {"calls": seen.calls, "kinds": sorted(kinds)}
    if rate and to_settle is not None:
        plan = stop_plan(fleet)
        swept = sweep(round(to_settle), rate, plan.asking)
        slow = sweep(round(to_settle), rate, plan.asking, plan.call_ns)
        values["sweep_s"], values["sweep_slow_s"] = swept.seconds, slow.seconds
        values["drain_holds"] = rate * drain_seconds(fleet)
        details |= {
            "repeats": swept.repeats + slow.repeats,
            "listed": swept.listed + slow.listed,
            "to_settle": round(to_settle),
            "call_s": plan.call_ns / SECOND,
            "at_once": plan.asking.at_once,
        }
    return Outcome(values=values, details=details)


def declared(fleet: Fleet) -> frozenset[str]:
    """What the fleet's actions can open."""
    operations = {action.operation for action in fleet.actions}
    return frozenset(kind for kind, (opens, _) in OPENS.items() if opens in operations)


def most(sessions: int, share: float) -> float:
    """How many are open at once, at the worst."""
    share = min(1.0, share)
    return float(min(sessions, round(sessions * share + SIGMAS * sqrt(sessions * share * (1 - share)))))


def drain_seconds(fleet: Fleet) -> int:
    """What the file gives the drain; 0 where it declares none."""
    return next((stage.seconds_max for stage in fleet.shutdown if stage.stage == "drain"), 0)


class Swept(NamedTuple):
    """`repeats`: calls beyond one for each payment. `listed`: left for a person."""

    seconds: float
    repeats: int
    listed: int


def sweep(payments: int, per_second: float, asking: Terms, answer_ns: int = 0) -> Swept:
    """A whole sweep; the gateway takes `per_second` calls in order, and answers each `answer_ns` after that.

    Half of the payments were committed (confirm), half only authorised (let go).
    """
    items = [
        Item(f"p{n}", Kind.CAPTURE, Book.ASKED, f"o{n}", 1_000, f"k{n}", True, True, True)
        if n % 2
        else Item(f"p{n}", Kind.AUTHORISATION, Book.DONE, f"o{n}", 1_000, f"k{n}", False, True, True)
        for n in range(payments)
    ]
    slot = round(SECOND / per_second)
    reconciler = Reconciler(items, 0, 2 * payments * slot + answer_ns + SWEEP_SPARE_NS, asking)
    answers: deque[tuple[int, Ask]] = deque()  # in the order in which they come
    calls = now = free = 0
    steps = reconciler.start()
    while True:
        for step in steps:
            if isinstance(step, Ask):
                calls += 1
                free = max(free, now) + slot
                answers.append((free + answer_ns, step))
        due = reconciler.next_at
        if due is None:
            return Swept(now / SECOND, calls - payments, reconciler.count(State.LISTED))
        if answers and answers[0][0] <= due:
            now, asked = answers.popleft()
            steps = reconciler.answer(asked, Answer.DONE, now)
        else:
            now = due
            steps = reconciler.advance(now)
