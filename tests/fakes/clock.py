"""A clock that moves only when it is told to."""

from gpufleet_collector.clock import Moment

START_US = 1_767_225_600_000_000
"""2026-01-01T00:00:00Z."""


class FakeClock:
    """Both clocks in step, from 2026-01-01T00:00:00Z and from 1,000 monotonic seconds."""

    def __init__(self, wall_us: int = START_US, monotonic: float = 1000.0) -> None:
        self.moment = Moment(wall_us, monotonic)

    def now(self) -> Moment:
        return self.moment

    def advance(self, seconds: float) -> None:
        self.moment = Moment(self.moment.wall_us + round(seconds * 1_000_000), self.moment.monotonic + seconds)
