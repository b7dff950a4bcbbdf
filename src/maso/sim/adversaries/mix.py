"""The adversaries of one run: when each strikes, and what became of every attempt.

Every adversary strikes at least once in every run, in a variant drawn for it, and then again at random
intervals around its `every_s`. One for which the fleet has no surface is counted as not applicable, with
the reason. What attackers draw comes from streams of their own; only where the driver does something for a
hostile session (a tool's latency, say) does it draw from the same stream as for an honest one.

`Mix` is an adversary to the driver (it plans calls) and a watcher (it sees every effect).
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, Final, NamedTuple

from maso.clock import SECOND
from maso.plane.effects import Deliver, Effect, Refuse
from maso.plane.events import CloseSession
from maso.sim.adversaries.catalog import ADVERSARIES
from maso.sim.adversaries.ground import HOSTILE_CHANNELS_FROM, HOSTILE_SESSIONS_FROM, Ground, NoSurfaceError
from maso.sim.adversaries.strike import SESSIONS_PER_STRIKE, Adversary, Place, Strike
from maso.sim.adversaries.surface import Surface
from maso.sim.adversaries.witness import Witness
from maso.streams import Stream, stream

# What is held is answered within seconds; then the session ends, and what is still held is refused.
SESSION_OVER_NS: Final = 60 * SECOND
# First strikes fall into this part of the run, so that the last ones are decided before it ends.
FIRST_PERMILLE: Final = (50, 600)

Planned = tuple[int, Callable[[Any], None], Any]


class Case(NamedTuple):
    """One effect that happened, and the attempt behind it: `refs` are the records about what it sent.

    spoke    reason codes given in the attempt all the same
    """

    variant: str
    struck_at: int
    place: Place
    refs: tuple[int, ...]
    spoke: tuple[str, ...]


class Toll(NamedTuple):
    """What came of one adversary's attempts. `stopped` by reason code, `flagged` what spoke without refusing.

    planted          attempts made
    messages         hostile messages sent in them
    quiet            attempts that nobody refused, and that achieved nothing all the same
    not_applicable   reason to how often
    achieved         (when in ns, variant, what) of every effect that happened: must be empty
    cases            what is known of each of these, in the same order
    """

    adversary: Adversary
    planted: int
    messages: int
    stopped: dict[str, int]
    flagged: dict[str, int]
    quiet: int
    not_applicable: dict[str, int]
    achieved: tuple[tuple[int, str, str], ...]
    cases: tuple[Case, ...] = ()


class Mix:
    """`duration` is the length of the run in ns; `adversaries` may be a selection for tests.

    tell_card   is told every form in which a card number is planted, and the session, before it is sent
    """

    wants_inbox = False

    def __init__(
        self,
        seed: int,
        duration: int,
        adversaries: Sequence[Adversary] = ADVERSARIES,
        tell_card: Callable[[int, tuple[bytes, ...]], None] | None = None,
    ) -> None:
        self.adversaries = tuple(adversaries)
        self._duration = duration
        self._tell_card = tell_card
        self._streams = {a.id: stream(seed, f"adversary/{a.id}") for a in self.adversaries}
        self._strikes: list[tuple[Adversary, Strike, int]] = []
        self._missing: defaultdict[str, Counter[str]] = defaultdict(Counter)
        self._by_channel: dict[int, Strike] = {}
        self._acting = False
        self._victim: Deliver | None = None
        self._number = 0
        self._ground: Ground
        self._surface: Surface
        self._witness: Witness | None = None  # nothing is planted before `plan`
        self._current: Strike | None = None

    # Planning.

    def plan(self, ground: Ground) -> Iterable[Planned]:
        """The first strike of each; later ones follow from it."""
        self._ground = ground
        self._surface = Surface(ground.fleet)
        self._witness = Witness(ground.rules)
        low, high = FIRST_PERMILLE
        for adversary in self.adversaries:
            at = self._duration // 1000 * self._streams[adversary.id].between(low, high)
            yield at, self._strike, adversary

    def _strike(self, adversary: Adversary) -> None:
        draw = self._streams[adversary.id]
        ground = self._ground
        self.attempt(adversary, draw.pick(adversary.variants), draw)
        ground.kernel.after(draw.exponential(adversary.every_s * SECOND) + 1, self._strike, adversary)

    def attempt(self, adversary: Adversary, variant: str, draw: Stream) -> Strike:
        """One attempt now; public so that a test can ask for one variant."""
        ground = self._ground
        self._number += 1
        strike = Strike(ground, self._surface, draw, self._number, variant, self._victim)
        if self._tell_card is not None:
            strike.tell_card = self._tell_card
        self._by_channel[strike.channel] = strike
        self._strikes.append((adversary, strike, ground.now))
        self._go_on((adversary, strike, None))
        return strike

    def _go_on(self, what: tuple[Adversary, Strike, Iterator[int] | None]) -> None:
        """Let the attack act until it waits, or is over."""
        adversary, strike, steps = what
        self._acting, self._current = True, strike
        wait: int | None = None
        try:
            if steps is None:
                steps = adversary.attack(strike)
            wait = next(steps, None) if steps is not None else None
        except NoSurfaceError as missing:
            if not strike.planted:
                self._strikes = [entry for entry in self._strikes if entry[1] is not strike]
            self._missing[adversary.id][str(missing)] += 1
        self._acting = False
        if wait is not None:
            self._ground.kernel.after(wait, self._go_on, (adversary, strike, steps))
        else:
            self._ground.kernel.after(SESSION_OVER_NS, self._over, strike)

    def _over(self, strike: Strike) -> None:
        for session in strike.sessions:
            self._ground.handle(CloseSession(session))

    # Watching.

    def on_event(self, event: object, now: int) -> None:
        if self._acting and self._current is not None and self._witness is not None:
            self._witness.plant(self._current)

    def on_effects(
        self, event: object, effects: Sequence[Effect], records: Sequence[bytes], now: int
    ) -> None:
        witness = self._witness
        if witness is None:
            return
        for effect in effects:
            kind = type(effect)
            if kind is Deliver:
                if effect.session < HOSTILE_SESSIONS_FROM:  # type: ignore[union-attr]
                    self._victim = effect  # type: ignore[assignment]
                witness.see(effect)
            elif kind is Refuse:
                if not self._acting and effect.channel >= HOSTILE_CHANNELS_FROM:  # type: ignore[union-attr]
                    self._settled(effect)  # type: ignore[arg-type]
            else:
                witness.see(effect)

    def _settled(self, refusal: Refuse) -> None:
        strike = self._by_channel.get(refusal.channel)
        if strike is not None:
            strike.refused(tuple(finding.reason.code for finding in refusal.findings))

    def on_world(self, done: object, now: int) -> None:
        """Nothing: an effect counts when the plane lets it out, whatever the world then makes of it."""

    # What came of it.

    def tolls(self) -> tuple[Toll, ...]:
        return tuple(self._toll(adversary) for adversary in self.adversaries)

    def _toll(self, adversary: Adversary) -> Toll:
        mine = [(strike, at) for a, strike, at in self._strikes if a is adversary]
        stopped: Counter[str] = Counter()
        flagged: Counter[str] = Counter()
        quiet = messages = 0
        achieved: list[tuple[int, str, str]] = []
        cases: list[Case] = []
        for strike, at in mine:
            messages += strike.planted
            flagged.update(strike.spoken)
            achieved += [(at, strike.variant, what) for what in strike.achieved]
            spoke = tuple(dict.fromkeys((*strike.reasons, *strike.spoken)))
            cases += [Case(strike.variant, at, p, tuple(strike.refs), spoke) for p in strike.places]
            if strike.achieved:
                continue
            if strike.reasons:
                stopped[strike.reasons[0]] += 1
            else:
                quiet += 1
        missing = dict(sorted(self._missing[adversary.id].items()))
        return Toll(
            adversary, len(mine), messages, dict(sorted(stopped.items())), dict(sorted(flagged.items())),
            quiet, missing, tuple(achieved), tuple(cases),
        )  # fmt: skip

    def attempt_in(self, session: int) -> tuple[Adversary, Strike] | None:
        """Whose attempt a hostile session belongs to."""
        for adversary, strike, _ in self._strikes:
            if strike.session <= session < strike.session + SESSIONS_PER_STRIKE:
                return adversary, strike
        return None

    @property
    def achieved(self) -> int:
        """Effects that happened: 0 in a fleet that holds."""
        return sum(len(strike.achieved) for _, strike, _ in self._strikes)

    @property
    def planted(self) -> int:
        return len(self._strikes)
