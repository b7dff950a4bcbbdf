"""What happened to honest traffic, counted: the run's own side of the story, beside the evidence.

Outcomes are seen from the sender: `allow`, `redact` (delivered changed), `hold` (then decided again, and
counted again), `deny`. Refusals also count by reason. Nothing of a message's content is kept.
"""

from typing import Final

from maso.envelope import KIND_NAMES

ALLOW: Final = 0
REDACT: Final = 1
HOLD: Final = 2
DENY: Final = 3
OUTCOMES: Final = ("allow", "redact", "hold", "deny")


class Tally:
    """Counters of one run. Journeys end as `completed`, `broken` (by reason) or `cut` (the run ended)."""

    def __init__(self) -> None:
        self._messages: dict[tuple[str, int, int], int] = {}
        self.refused: dict[tuple[str, str], int] = {}  # (sender type, reason code)
        self.flagged: dict[str, int] = {}
        self.declined: dict[tuple[str, str], int] = {}  # (operation, the world's reason)
        self.performed: dict[str, int] = {}  # by operation
        self.asked: dict[tuple[int, bool], int] = {}  # (endorser, granted)
        self.opened = 0
        self.turned_away = 0
        self.completed: dict[str, int] = {}
        self.broken: dict[tuple[str, str], int] = {}  # (journey, reason)
        self.cut = 0

    def message(self, sender: str, kind: int, outcome: int) -> None:
        key = (sender, kind, outcome)
        self._messages[key] = self._messages.get(key, 0) + 1

    def count(self, table: dict[tuple[str, str], int], first: str, second: str) -> None:
        table[first, second] = table.get((first, second), 0) + 1

    def messages(self) -> dict[tuple[str, str, str], int]:
        """(sender type, kind, outcome) in words, sorted."""
        named = {(s, KIND_NAMES[k], OUTCOMES[o]): n for (s, k, o), n in self._messages.items()}
        return dict(sorted(named.items()))

    def total(self, outcome: int | None = None) -> int:
        return sum(n for (_, _, o), n in self._messages.items() if outcome is None or o == outcome)
