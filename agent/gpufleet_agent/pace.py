"""A bounded rate with a small burst: the backlog trickles beside what is live, however fast the other side takes it."""

import math


class Pace:
    """At most `burst` takings at once and `per_second` of them in the long run; `math.inf` is without a bound. Times
    are monotonic seconds."""

    def __init__(self, per_second: float, burst: int) -> None:
        self._seconds_each = 0.0 if math.isinf(per_second) else 1.0 / per_second
        self._ahead = (burst - 1) * self._seconds_each
        self._next_at = -math.inf

    def ready_in(self, now: float) -> float:
        """Seconds until one may be taken; 0 is now."""
        return max(0.0, self._next_at - self._ahead - now)

    def take(self, now: float) -> None:
        self._next_at = max(self._next_at, now) + self._seconds_each
