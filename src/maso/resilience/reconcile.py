"""Reconciliation: an idempotent confirm-or-cancel sweep over everything that money or stock hangs on.

Two tables. `WANTED` says what is right for an item: a kind, how it stands in our books, and whether it was
committed before the freeze, passes the judgement and has a living order, lead to *confirm* or *cancel*.
`ANSWERS` says what an answer of the gateway means then: the outcome, or the next thing to ask for. Both are
drawn in `docs/shutdown.md`. Every item goes

    unknown > asked > confirmed | cancelled | listed

and its last state never changes. Items of one order are settled in order (authorisation, capture, refund,
then the order, then its stock), orders side by side, as fast as the gateway takes it (`asking.py`).

Idempotent: every call has a key made from the item alone, so that a second sweep, or the second half of one
that was killed, is answered with what was done before. `cancel` leaves a tombstone at the gateway, so that a
call that is still under way somewhere arrives at nothing.

No answer, `busy` or `unknown` are asked again after a wait that doubles, never while an answer can still
come; one that comes after all is taken. What has no outcome by the ceiling, or contradicts itself, is
*listed* for a person with the reason. `ambiguous` counts what is none of these.

Not handled: how books are read and written (`worlds/settling.py` does it for the shop), what a person
decides about a listed item, a gateway that lies consistently.
"""

from collections import deque
from collections.abc import Iterable
from enum import IntEnum, StrEnum
from heapq import heappop, heappush
from typing import Final, NamedTuple

from maso.clock import SECOND
from maso.resilience.asking import Asking, Name, Terms


class Kind(StrEnum):
    """What an item is. The order of the members is the order in which those of one order are settled."""

    AUTHORISATION = "authorisation"
    CAPTURE = "capture"
    VOID = "void"
    REFUND = "refund"
    ORDER = "order"
    RESERVATION = "reservation"


KIND_RANK: Final = {kind: rank for rank, kind in enumerate(Kind)}


class Book(StrEnum):
    """How an item stands in our own books."""

    ASKED = "asked"  # the call went out, no answer came in
    DONE = "done"
    OPEN = "open"  # ours alone: an order or a reservation that nobody finished
    THEIRS = "theirs"  # at the gateway alone: nobody here ever wrote it down


class State(IntEnum):
    UNKNOWN = 0
    ASKED = 1
    CONFIRMED = 2
    CANCELLED = 3
    LISTED = 4


SETTLED: Final = (State.CONFIRMED, State.CANCELLED, State.LISTED)


class Verb(StrEnum):
    """What the gateway is asked for. CONFIRM does it now unless it was done; CANCEL undoes or forbids it."""

    CONFIRM = "confirm"
    CANCEL = "cancel"
    VOID = "void"
    REFUND = "refund"


class Answer(StrEnum):
    """What the gateway says."""

    DONE = "done"
    CANCELLED = "cancelled"
    REFUSED = "refused"
    UNKNOWN = "unknown"
    BUSY = "busy"


class Want(NamedTuple):
    """What to ask of the gateway; None where our own books are enough."""

    verb: Verb | None
    meaning: str


RIGHT, WRONG = True, False
_A, _C, _V, _R, _O, _S = Kind

# (kind, our book, whether it is right to complete it)
WANTED: Final[dict[tuple[Kind, Book, bool], Want]] = {
    (_A, Book.ASKED, RIGHT): Want(Verb.CONFIRM, "its capture was committed: the authorisation is needed"),
    (_A, Book.ASKED, WRONG): Want(Verb.CANCEL, "no committed capture: nothing may be held"),
    (_A, Book.DONE, RIGHT): Want(None, "its capture was committed: kept for it"),
    (_A, Book.DONE, WRONG): Want(Verb.VOID, "authorised, no committed capture or no order: voided"),
    (_A, Book.THEIRS, RIGHT): Want(Verb.VOID, "held at the gateway, unknown to us: let go"),
    (_A, Book.THEIRS, WRONG): Want(Verb.VOID, "held at the gateway, unknown to us: let go"),
    (_C, Book.ASKED, RIGHT): Want(Verb.CONFIRM, "committed before the freeze, judged, order alive: captured"),
    (_C, Book.ASKED, WRONG): Want(Verb.CANCEL, "not committed in time, refused, or no order: not captured"),
    (_C, Book.DONE, RIGHT): Want(None, "captured, and the order is there"),
    (_C, Book.DONE, WRONG): Want(Verb.REFUND, "captured without an order: given back"),
    (_C, Book.THEIRS, RIGHT): Want(Verb.REFUND, "captured at the gateway, unknown to us: given back"),
    (_C, Book.THEIRS, WRONG): Want(Verb.REFUND, "captured at the gateway, unknown to us: given back"),
    (_V, Book.ASKED, RIGHT): Want(Verb.CONFIRM, "letting go is always right"),
    (_V, Book.ASKED, WRONG): Want(Verb.CONFIRM, "letting go is always right"),
    (_R, Book.ASKED, RIGHT): Want(Verb.CONFIRM, "committed before the freeze and judged: paid back"),
    (_R, Book.ASKED, WRONG): Want(Verb.CANCEL, "not committed in time or refused: not paid"),
    (_R, Book.THEIRS, RIGHT): Want(None, "paid back at the gateway, unknown to us: for a person"),
    (_R, Book.THEIRS, WRONG): Want(None, "paid back at the gateway, unknown to us: for a person"),
    (_O, Book.OPEN, RIGHT): Want(None, "its money was captured: the order stands"),
    (_O, Book.OPEN, WRONG): Want(None, "nothing was captured: the order is cancelled, its stock released"),
    (_S, Book.OPEN, RIGHT): Want(None, "reserved, nothing ordered: released"),
    (_S, Book.OPEN, WRONG): Want(None, "reserved, nothing ordered: released"),
}  # fmt: skip


class Next(NamedTuple):
    """Either the last `state` of the item, or the `verb` to ask for now."""

    state: State | None
    verb: Verb | None
    meaning: str


ANSWERS: Final[dict[tuple[Kind, Verb, Answer], Next]] = {
    (_A, Verb.CONFIRM, Answer.DONE): Next(State.CONFIRMED, None, "held at the gateway"),
    (_A, Verb.CONFIRM, Answer.REFUSED): Next(State.CANCELLED, None, "the gateway declines: nothing is held"),
    (_A, Verb.CONFIRM, Answer.CANCELLED): Next(State.CANCELLED, None, "cancelled before: nothing is held"),
    (_A, Verb.CANCEL, Answer.CANCELLED): Next(State.CANCELLED, None, "voided, or never there"),
    (_A, Verb.CANCEL, Answer.REFUSED): Next(State.CANCELLED, None, "it had been declined: nothing is held"),
    (_A, Verb.CANCEL, Answer.DONE): Next(None, Verb.VOID, "it is held: let go"),
    (_A, Verb.VOID, Answer.DONE): Next(State.CANCELLED, None, "voided"),
    (_A, Verb.VOID, Answer.REFUSED): Next(None, Verb.REFUND, "captured by somebody else: given back"),
    (_A, Verb.REFUND, Answer.DONE): Next(State.CANCELLED, None, "given back"),
    (_A, Verb.REFUND, Answer.REFUSED): Next(State.LISTED, None, "the gateway does not give it back"),
    (_C, Verb.CONFIRM, Answer.DONE): Next(State.CONFIRMED, None, "captured"),
    (_C, Verb.CONFIRM, Answer.REFUSED): Next(None, Verb.VOID, "it cannot be captured: let go"),
    (_C, Verb.CONFIRM, Answer.CANCELLED): Next(None, Verb.VOID, "cancelled before: let go"),
    (_C, Verb.CANCEL, Answer.CANCELLED): Next(None, Verb.VOID, "not captured, and never will be: let go"),
    (_C, Verb.CANCEL, Answer.REFUSED): Next(None, Verb.VOID, "it had been refused: let go"),
    (_C, Verb.CANCEL, Answer.DONE): Next(None, Verb.REFUND, "captured already: given back"),
    (_C, Verb.VOID, Answer.DONE): Next(State.CANCELLED, None, "voided"),
    (_C, Verb.VOID, Answer.REFUSED): Next(None, Verb.REFUND, "captured by somebody else: given back"),
    (_C, Verb.REFUND, Answer.DONE): Next(State.CANCELLED, None, "given back"),
    (_C, Verb.REFUND, Answer.REFUSED): Next(State.LISTED, None, "the gateway does not give it back"),
    (_V, Verb.CONFIRM, Answer.DONE): Next(State.CONFIRMED, None, "voided"),
    (_V, Verb.CONFIRM, Answer.REFUSED): Next(State.LISTED, None, "the gateway does not let it go"),
    (_V, Verb.CONFIRM, Answer.CANCELLED): Next(State.LISTED, None, "the gateway contradicts itself"),
    (_R, Verb.CONFIRM, Answer.DONE): Next(State.CONFIRMED, None, "paid back"),
    (_R, Verb.CONFIRM, Answer.REFUSED): Next(State.LISTED, None, "the gateway does not pay it back"),
    (_R, Verb.CONFIRM, Answer.CANCELLED): Next(State.CANCELLED, None, "cancelled before: not paid"),
    (_R, Verb.CANCEL, Answer.CANCELLED): Next(State.CANCELLED, None, "not paid, and never will be"),
    (_R, Verb.CANCEL, Answer.REFUSED): Next(State.CANCELLED, None, "it had been refused"),
    (_R, Verb.CANCEL, Answer.DONE): Next(State.LISTED, None, "paid already, and nobody may take it back"),
}  # fmt: skip

# The first wait before an unanswered call is repeated, and the longest.
RETRY_NS: Final = 500 * 1_000_000
RETRY_MAX_NS: Final = 30 * SECOND
UNANSWERED: Final = "the gateway gave no answer in time"
UNASKED: Final = "nobody came to it before the time was over"


class Item(NamedTuple):
    """One thing to settle, as our books have it.

    id         unique, and the source of its key at the gateway
    key        the key under which it was first asked of the gateway, where it was
    group      the order (or the reservation) that it belongs to
    committed  whether its commit record is before the freeze record
    judged     whether the typed check against the world's facts agrees, now
    alive      whether there is an order for it that is not cancelled
    """

    id: str
    kind: Kind
    book: Book
    group: str
    amount_minor: int = 0
    key: str = ""
    committed: bool = False
    judged: bool = False
    alive: bool = False

    @property
    def right(self) -> bool:
        return self.committed and self.judged and self.alive


class Ask(NamedTuple):
    """Ask the gateway; the answer comes back through `answer`. `key` is good once, for this verb and item."""

    item: Item
    verb: Verb
    key: str
    attempt: int

    @property
    def name(self) -> Name:
        return (self.item.id, self.verb, self.attempt)


class Settle(NamedTuple):
    """Write the outcome into our books. `verb` is what the gateway did last; None where it was not asked."""

    item: Item
    state: State
    verb: Verb | None
    why: str


Effect = Ask | Settle


def _rank(item: Item, capturing: set[str]) -> int:
    """An authorisation whose capture is open ends with that: the capture takes it, or lets it go."""
    waits = item.group in capturing and item.kind is Kind.AUTHORISATION and item.book is Book.DONE
    return 2 * KIND_RANK[Kind.CAPTURE] + 1 if waits else 2 * KIND_RANK[item.kind]


class Case:
    """One item on its way."""

    __slots__ = ("item", "state", "tries", "verb", "waiting", "why")

    def __init__(self, item: Item) -> None:
        self.item = item
        self.state = State.UNKNOWN
        self.verb: Verb | None = None
        self.tries = 0
        self.waiting = False  # for the answer to the latest try
        self.why = ""

    @property
    def name(self) -> Name:
        """Of the latest call."""
        return (self.item.id, self.verb or "", self.tries)


class Reconciler:
    """One sweep over `items`. Everything comes through `start`, `answer` and `advance`; effects go out."""

    __slots__ = (
        "_again",
        "_asking",
        "_begun",
        "_captured",
        "_capturing",
        "_ceiling",
        "_groups",
        "_open",
        "_turn",
        "cases",
        "now",
    )

    def __init__(self, items: Iterable[Item], now: int, ceiling_ns: int, terms: Terms) -> None:
        self.now = now
        self._ceiling = now + ceiling_ns
        self._asking = Asking(terms, now)
        self._begun = False
        self._open: dict[str, Case] = {}  # the gateway is to be asked, or was
        self._turn: deque[Case] = deque()  # of these, those that wait for nothing but their turn
        self._again: list[tuple[int, Name]] = []  # a heap: when a wait is over, and after which call
        self._captured: set[str] = set()  # groups whose money was taken in this sweep
        self._capturing: set[str] = set()  # groups of which a capture is an item
        self.cases: dict[str, Case] = {}
        groups: dict[str, list[Case]] = {}
        for item in items:
            if item.id in self.cases:
                raise ValueError(f"`{item.id}` stands twice among the items")
            case = self.cases[item.id] = Case(item)
            groups.setdefault(item.group, []).append(case)
            if item.kind is Kind.CAPTURE and item.book is Book.ASKED:
                self._capturing.add(item.group)
        for group in groups.values():
            group.sort(key=lambda case: (_rank(case.item, self._capturing), case.item.id), reverse=True)
        self._groups = groups  # the next of each is last

    def start(self) -> list[Effect]:
        """What needs no gateway is settled at once; the rest is asked in turn."""
        self._begun = True
        effects: list[Effect] = []
        for group in self._groups:
            effects += self._next(group)
        self._turn.reverse()  # the first group first
        return effects + self._ask_in_turn()

    def answer(self, ask: Ask, said: Answer, now: int) -> list[Effect]:
        """The gateway's answer. One that nobody waits for any more changes nothing."""
        self.now = max(self.now, now)
        self._asking.answered(ask.name, self.now, busy=said is Answer.BUSY)
        return self._take(ask, said) + self._ask_in_turn()

    def _take(self, ask: Ask, said: Answer) -> list[Effect]:
        """An answer to an earlier try is as good as one to the latest: the key is the same."""
        case = self._open.get(ask.item.id)
        if case is None or case.verb is not ask.verb or not case.tries:
            return []
        if said in (Answer.BUSY, Answer.UNKNOWN):
            if case.waiting and ask.attempt == case.tries:
                self._wait(case)
            return []
        step = ANSWERS.get((case.item.kind, ask.verb, said))
        if step is None:
            return self._settled(
                case, State.LISTED, f"the gateway answers `{said.value}` to `{ask.verb.value}`"
            )
        if step.verb is None:
            assert step.state is not None
            return self._settled(case, step.state, step.meaning)
        self._put(case, step.verb)
        return []

    def advance(self, now: int) -> list[Effect]:
        """Time passes: what is due is asked, what has no outcome at the ceiling is listed."""
        self.now = max(self.now, now)
        if self.now >= self._ceiling:
            return self._list_rest()
        for name in self._asking.lost(self.now):
            case = self._open.get(name[0])
            if case is not None and case.waiting and case.name == name:
                self._wait(case)
        while self._again and self._again[0][0] <= self.now:
            name = heappop(self._again)[1]
            case = self._open.get(name[0])
            if case is not None and case.name == name:  # nothing came after all
                self._turn.append(case)
        return self._ask_in_turn()

    @property
    def next_at(self) -> int | None:
        """When `advance` has something to do; None when everything is settled."""
        if self.done:
            return None
        times = [self._ceiling]
        if self._turn:
            times.append(self._asking.next_at())
        if self._again:
            times.append(self._again[0][0])
        if self._asking.lost_at is not None:
            times.append(self._asking.lost_at)
        return min(times)

    @property
    def done(self) -> bool:
        return not self._open and (self._begun or not self._groups)

    @property
    def ambiguous(self) -> int:
        """Items with neither an outcome nor a listing."""
        return sum(case.state not in SETTLED for case in self.cases.values())

    def count(self, state: State) -> int:
        return sum(case.state is state for case in self.cases.values())

    # Asking.

    def _put(self, case: Case, verb: Verb) -> None:
        """The item's next question. What was begun is brought to its end before anything new."""
        self._no_turn(case)
        case.verb, case.tries, case.waiting = verb, 0, False
        self._turn.appendleft(case)

    def _no_turn(self, case: Case) -> None:
        """Its answer came after all: it was about to be asked again."""
        if case.tries and not case.waiting and case in self._turn:
            self._turn.remove(case)

    def _ask_in_turn(self) -> list[Effect]:
        effects: list[Effect] = []
        while self._turn and self._asking.may(self.now):
            case = self._turn.popleft()
            assert case.verb is not None
            case.state, case.waiting = State.ASKED, True
            case.tries += 1
            ask = Ask(case.item, case.verb, f"settle/{case.verb.value}/{case.item.id}", case.tries)
            self._asking.asked(ask.name, self.now)
            effects.append(ask)
        return effects

    def _wait(self, case: Case) -> None:
        case.waiting = False
        wait = min(RETRY_MAX_NS, RETRY_NS << min(case.tries - 1, 10))
        heappush(self._again, (self.now + wait, case.name))

    # The way of one group.

    def _next(self, group: str) -> list[Effect]:
        """The next items of a group, up to the first that the gateway must be asked about."""
        effects: list[Effect] = []
        cases = self._groups[group]
        while cases:
            case = cases.pop()
            right = self._right(case)
            want = WANTED.get((case.item.kind, case.item.book, right))
            if want is not None and self._done_by_capture(case):
                want = Want(None, "taken, or let go, with its capture")
            if want is None:
                effects += self._close(case, State.LISTED, f"`{case.item.book.value}` has no rule")
            elif want.verb is None:
                effects += self._close(case, self._local(case, right), want.meaning)
                if case.state is State.LISTED:
                    effects += self._list_group(case)
            else:
                self._open[case.item.id] = case
                self._put(case, want.verb)
                return effects
        return effects

    def _right(self, case: Case) -> bool:
        """Whether to complete it; an order by what became of its capture in this sweep."""
        return case.item.group in self._captured if case.item.kind is Kind.ORDER else case.item.right

    def _done_by_capture(self, case: Case) -> bool:
        item = case.item
        waits = item.kind is Kind.AUTHORISATION and item.book is Book.DONE
        return waits and item.group in self._capturing

    def _local(self, case: Case, right: bool) -> State:
        """What becomes of an item that needs no gateway."""
        if case.item.book is Book.THEIRS:
            return State.LISTED
        if case.item.kind is Kind.AUTHORISATION and case.item.group not in self._captured:
            return State.CANCELLED  # its capture was undone, and with it what was held
        cancel = case.item.kind is Kind.RESERVATION or (case.item.kind is Kind.ORDER and not right)
        return State.CANCELLED if cancel else State.CONFIRMED

    def _settled(self, case: Case, state: State, why: str) -> list[Effect]:
        del self._open[case.item.id]
        self._no_turn(case)
        effects = self._close(case, state, why)
        if state is State.LISTED:
            return effects + self._list_group(case)
        return effects + self._next(case.item.group)

    def _list_group(self, case: Case) -> list[Effect]:
        """What hangs on a listed item waits for the same person: nothing of its order is released."""
        effects: list[Effect] = []
        rest = self._groups[case.item.group]
        while rest:
            effects += self._close(rest.pop(), State.LISTED, f"{case.item.kind.value}: {case.why}")
        return effects

    def _close(self, case: Case, state: State, why: str) -> list[Effect]:
        case.state, case.why = state, why
        if case.item.kind is Kind.CAPTURE and state is State.CONFIRMED:
            self._captured.add(case.item.group)
        return [Settle(case.item, state, case.verb, why)]

    def _list_rest(self) -> list[Effect]:
        effects: list[Effect] = []
        for case in self._open.values():
            effects += self._close(case, State.LISTED, UNANSWERED if case.tries else UNASKED)
            effects += self._list_group(case)
        self._open.clear()
        self._turn.clear()
        return effects
