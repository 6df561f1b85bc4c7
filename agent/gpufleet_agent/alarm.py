"""One timer that may be moved: a loop that looks now and then costs CPU while all is well, and this does not."""

import asyncio
import time
from collections.abc import Callable


class Alarm:
    """Calls `ring` once when the time comes that it was set for last. Times are monotonic seconds."""

    def __init__(self, ring: Callable[[], None], clock: Callable[[], float] = time.monotonic) -> None:
        self._ring = ring
        self._clock = clock
        self._due: float | None = None
        self._handle: asyncio.TimerHandle | None = None

    def set(self, due: float | None) -> None:
        """For `due` and no other time any more; None is never."""
        if due == self._due:
            return
        if self._handle is not None:
            self._handle.cancel()
        self._due, self._handle = due, None
        if due is not None:
            loop = asyncio.get_running_loop()
            self._handle = loop.call_later(max(0.0, due - self._clock()), self._now)

    def _now(self) -> None:
        self._due = self._handle = None
        self._ring()
