"""How an outage of the database is waited out: ever longer, up to a bound, and said once."""

import logging

from gpufleet_collector.clock import Clock

FIRST_DELAY_SECONDS = 0.1
LONGEST_DELAY_SECONDS = 5.0
LASTING_SECONDS = 5.0
"""A failure that is over sooner, such as a deadlock, is nobody else's concern."""

_logger = logging.getLogger(__name__)


class Outage:
    """One at a time: it begins with the first failure and ends with the next success."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._failures = 0
        self._since = 0.0
        self._last: Exception | None = None

    @property
    def lasting(self) -> str | None:
        """What goes wrong since LASTING_SECONDS or longer; None while all is well, or may be a moment later."""
        seconds = self._clock.now().monotonic - self._since
        if self._failures == 0 or seconds < LASTING_SECONDS:
            return None
        return f"nothing could be stored for {seconds:.0f} s: {self._last}"

    def failed(self, error: Exception, pending_samples: int) -> float:
        """Another attempt failed; how many seconds to wait before the next."""
        if self._failures == 0:
            self._since = self._clock.now().monotonic
            _logger.warning("cannot store, trying again until it works (%d samples wait): %s", pending_samples, error)
        self._last = error
        delay = min(LONGEST_DELAY_SECONDS, FIRST_DELAY_SECONDS * 2.0 ** min(self._failures, 10))
        self._failures += 1
        return delay

    def over(self) -> None:
        """An attempt succeeded."""
        if self._failures:
            seconds = self._clock.now().monotonic - self._since
            _logger.warning("storing again after %.1f s and %d failed attempts", seconds, self._failures)
            self._failures, self._last = 0, None
