"""One scope's way down and back: triggers at its machine, requests to people, dwell, ramp, and what it means.

Down is told at once. Up goes by a ramp, when the dwell is over and the evidence is quiet, or when the floor
under the scope has fallen for as long as a dwell. What a change means outside the plane follows each time:
the provider that a type works through, the words that its customers see, people who are called.

Not handled: what other scopes make of a change; `after` asks `axes.py`.
"""

from collections.abc import Callable, Sequence

from maso.resilience.board import Board
from maso.resilience.pace import Authority, Level, Moved, Phase, Stays, Trigger, Waits
from maso.resilience.plan import SETTLE_NS, TypePlan
from maso.resilience.ramp import FULL_MILLI
from maso.resilience.scopes import Rise, Scope
from maso.resilience.signals import Call, Effect, Move, Provide, Request, Show


class Steps:
    """The transitions of the scopes of one board.

    after     what other scopes make of a change in one: (scope, now) -> effects
    returned  the same, when a scope has come back by a ramp
    """

    after: Callable[[Scope, int], list[Effect]]
    returned: Callable[[Scope, int], list[Effect]]

    def __init__(self, board: Board) -> None:
        self._board = board

    # Down.

    def fire(self, scope: Scope, trigger: Trigger, now: int, cause: str = "") -> list[Effect]:
        """A trigger at a type, a cluster or the system, without a person."""
        why = f"{trigger.value}:{cause}" if cause else trigger.value
        broken = self.tell(scope, self.abort(scope, now)) if self._breaks(scope, trigger) else []
        result = scope.machine.fire(trigger, now)
        if isinstance(result, Waits):
            return [*broken, self.request(scope)]
        if isinstance(result, Moved):
            return [*broken, *self.fell(scope, result, why, now)]
        return broken

    @staticmethod
    def _breaks(scope: Scope, trigger: Trigger) -> bool:
        return scope.ramp is not None and trigger is Trigger.FAILING

    def request(self, scope: Scope) -> Request:
        """People are asked about what waits at a scope, under a new number: an answer is to one request."""
        waits = scope.machine.waits
        assert waits is not None, "only what waits is asked about"
        self._board.requests += 1
        scope.request = self._board.requests
        return asked(scope, waits)

    def fell(self, scope: Scope, moved: Moved, why: str, now: int) -> list[Effect]:
        """The machine went down: the plane is told, its windows begin anew, others hear of it."""
        board = self._board
        effects = self.tell(scope, board.counted(scope, lambda: scope.down(why, moved.by)))
        board.forget(scope, now + SETTLE_NS)
        if moved.after is Phase.ALTERNATE and scope.machine.spent():
            spent = scope.machine.fire(Trigger.SPENT, now)
            if isinstance(spent, Moved):
                effects += self.tell(scope, scope.down(Trigger.SPENT.value, ""))
                effects.append(Call(scope.name, scope.shown, Trigger.SPENT.value))
        return effects + self.after(scope, now)

    def floored(self, scope: Scope, why: str) -> list[Effect]:
        """The floor under a scope was set: the plane is told where that is worse than what it knows."""
        return self.tell(scope, self._board.counted(scope, lambda: scope.down(why, "")))

    def abort(self, scope: Scope, now: int) -> list[Move]:
        return self._board.counted(scope, lambda: scope.abort(now))

    # Time.

    def time(self, scope: Scope, steady: bool, now: int) -> list[Effect]:
        """Let time pass at one scope; `steady`: nothing speaks against a return."""
        if steady:
            scope.machine.withdraw()
        effects = self.expire(scope, now)
        if scope.ramp is not None:
            return effects + self._step(scope, now)
        if effects:
            return effects
        if steady and scope.machine.phase in (Phase.ALTERNATE, Phase.CONTINGENCY):
            effects = self._step_up(scope, now)
        return effects or self._rise_to_floor(scope, now)

    def expire(self, scope: Scope, now: int) -> list[Effect]:
        """What becomes of a request that nobody answered."""
        result = scope.machine.expire(now)
        if isinstance(result, Moved):
            return self.fell(scope, result, f"{result.trigger.value}:unanswered", now)
        return [Call(scope.name, scope.shown, "unanswered")] if isinstance(result, Stays) else []

    def _step_up(self, scope: Scope, now: int) -> list[Effect]:
        refused = scope.machine.may(Trigger.STEADY, now)
        if refused == "a person decides":
            result = scope.machine.fire(Trigger.STEADY, now)
            return [self.request(scope)] if isinstance(result, Waits) else []
        return [] if refused else self.rise(scope, Trigger.STEADY, "", Authority.AUTOMATIC, now)

    def _step(self, scope: Scope, now: int) -> list[Effect]:
        board = self._board
        effects = self.tell(scope, board.counted(scope, lambda: scope.advance(now)))
        if scope.ramp is None:
            board.forget(scope, now)
            effects += self.returned(scope, now)
        return effects

    # Up.

    def rise(self, scope: Scope, trigger: Trigger, by: str, authority: Authority, now: int) -> list[Effect]:
        """Begin to come back by one row of the table; where a floor holds it, only the machine does."""
        to = scope.target(trigger)
        if to >= scope.shown:
            result = scope.machine.fire(trigger, now, by, authority)
            return self.after(scope, now) if isinstance(result, Moved) else []
        return self._begin(scope, Rise(to, trigger, by, authority), now)

    def _rise_to_floor(self, scope: Scope, now: int) -> list[Effect]:
        """What held it down is gone."""
        if scope.need >= scope.shown:
            scope.steady_since = now
            return []
        if now < scope.steady_since + scope.machine.settings.dwell_ns:
            return []
        return self._begin(scope, Rise(scope.need, None, "", Authority.AUTOMATIC), now)

    def _begin(self, scope: Scope, rise: Rise, now: int) -> list[Effect]:
        return self.tell(scope, self._board.counted(scope, lambda: scope.begin(rise, now)))

    # What a change means outside the plane.

    def tell(self, scope: Scope, moves: Sequence[Move]) -> list[Effect]:
        """The moves, and what follows from them for providers, customers and people."""
        effects: list[Effect] = list(moves)
        if not moves:
            return effects
        for move in moves:
            if move.share_milli == FULL_MILLI:
                self._board.told[scope.name] = move
        if scope.machine.level is Level.TYPE:
            plan = self._board.plan.types[self._board.type_number(scope)]
            for move in moves:
                effects += _provider(plan, move)
            effects += self._words(scope, plan)
        if scope.shown is Phase.EMERGENCY and scope.ramp is None:
            effects.append(Call(scope.name, Phase.EMERGENCY, moves[-1].why))
        return effects

    def _words(self, scope: Scope, plan: TypePlan) -> list[Effect]:
        text = plan.message if scope.shown >= Phase.CONTINGENCY else ""
        if self._board.words.get(scope.name, "") == text:
            return []
        self._board.words[scope.name] = text
        return [Show(scope.name, text)]

    def restarted(self, scope: Scope, now: int) -> list[Effect]:
        """Nobody listened for a while: `Scope.restarted`."""
        return self.tell(scope, self._board.counted(scope, lambda: scope.restarted(now)))

    def again(self, scope: Scope) -> list[Effect]:
        """Everything that was said about a scope, once more: after a restart nobody knows who heard it."""
        effects: list[Effect] = []
        told, rise, ramp = self._board.told.get(scope.name), scope.rise, scope.ramp
        moves = [] if told is None else [told]
        if rise is not None and ramp is not None:
            moves.append(Move(scope.name, rise.to, scope.why(rise), rise.by, ramp.share_milli))
        effects += moves
        if scope.machine.level is Level.TYPE:
            plan = self._board.plan.types[self._board.type_number(scope)]
            for move in moves:
                effects += _provider(plan, move)
            if scope.name in self._board.words:
                effects.append(Show(scope.name, self._board.words[scope.name]))
        if scope.machine.waits is not None:
            effects.append(asked(scope, scope.machine.waits))
        return effects


def asked(scope: Scope, waits: Waits) -> Request:
    """The request that waits at a scope, under the number that it has."""
    return Request(
        scope.name, waits.to, waits.trigger, waits.authority, waits.until, waits.default, scope.request
    )


def _provider(plan: TypePlan, move: Move) -> list[Effect]:
    """Outside Primary a type works through its backup; a return to Primary brings it back by share."""
    if not plan.backup:
        return []
    if move.phase is Phase.PRIMARY:
        return [Provide(plan.id, plan.provider, move.share_milli)]
    return [Provide(plan.id, plan.backup, FULL_MILLI)] if move.share_milli == FULL_MILLI else []
