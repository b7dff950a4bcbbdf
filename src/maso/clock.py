"""Time, as the controls know it: an integer number of nanoseconds that a driver passes in.

Nothing in this package reads a clock. In simulation `now` is virtual and starts at 0; live it is the
driver's monotonic clock, anchored once to wall time in the evidence header.
"""

from typing import Final

US: Final = 1_000
MS: Final = 1_000_000
SECOND: Final = 1_000_000_000
MINUTE: Final = 60 * SECOND
HOUR: Final = 60 * MINUTE
DAY: Final = 24 * HOUR


def clock_text(now_ns: int) -> str:
    """`hh:mm:ss.mmm` of a virtual time, for people; hours do not wrap."""
    ms = now_ns // MS
    return f"{ms // 3_600_000:02d}:{ms // 60_000 % 60:02d}:{ms // 1000 % 60:02d}.{ms % 1000:03d}"
