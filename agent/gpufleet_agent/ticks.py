"""When to read: ticks on the monotonic clock, stamped with wall time that no two ticks share."""

import math


class TickSchedule:
    """Ticks every `interval_seconds` from `start` (monotonic seconds) on; missed ticks are not made up for."""

    def __init__(self, start: float, interval_seconds: float, phase: float = 0.0) -> None:
        """The first tick is at `start`, so that a host is seen at once; the grid of those after it is shifted by
        `phase` (0 to 1) of an interval, so that hosts that were started together do not report together."""
        self._next = start
        self._interval = interval_seconds
        self._shift = phase % 1.0

    def wait_seconds(self, now: float) -> float:
        """Seconds from `now` (monotonic) to the next tick; zero when it is due."""
        return max(0.0, self._next - now)

    def advance(self, now: float) -> None:
        """The tick that was due is done: the next one is the first on the grid after `now`."""
        if self._shift:
            self._next += (self._shift - 1.0) * self._interval
            self._shift = 0.0
        missed = max(0, math.floor((now - self._next) / self._interval))
        self._next += (missed + 1) * self._interval

    def change_interval(self, interval_seconds: float, now: float) -> None:
        """From now on tick every `interval_seconds`, the first one no later than that from now."""
        self._interval = interval_seconds
        self._next = min(self._next, now + interval_seconds)


class InstantStamp:
    """Wall time in microseconds; while the clock stands still every stamp is one more than the one before."""

    def __init__(self) -> None:
        self._wall: int | None = None
        self._given = 0

    def stamp(self, wall_us: int) -> int:
        """`wall_us`, moved on as little as it takes to differ from the stamps given while the clock said the same."""
        again = wall_us in (self._wall, self._given)
        self._wall, self._given = wall_us, self._given + 1 if again else wall_us
        return self._given
