"""Time, passed in: freshness is judged on the monotonic clock, everything that is stored or shown on the wall clock."""

import time
from typing import NamedTuple, Protocol


class Moment(NamedTuple):
    """One reading of both clocks: microseconds since the epoch, and monotonic seconds."""

    wall_us: int
    monotonic: float


class Clock(Protocol):
    def now(self) -> Moment:
        """Both clocks, read together."""


class SystemClock:
    """The clocks of this machine."""

    def now(self) -> Moment:
        return Moment(time.time_ns() // 1000, time.monotonic())
