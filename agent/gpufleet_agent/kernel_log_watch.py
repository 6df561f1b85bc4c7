"""When to read the kernel's log: with every reading, which costs no wake-up, and by itself while the driver hangs."""

import time
from collections.abc import Callable

from gpufleet_agent.alarm import Alarm
from gpufleet_agent.kmsg import KernelLog

WAIT_SECONDS = 2.0
"""What the kernel says waits no longer than this, even when there are no readings."""


class KernelLogWatch:
    """Calls `look` with the log whenever it is to be read; never where there is no log that can be read."""

    def __init__(
        self,
        log: KernelLog | None,
        look: Callable[[KernelLog], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._log = log
        self._look = look
        self._clock = clock
        self._alarm = Alarm(self.look, clock)

    def look(self) -> None:
        """Now, and then again after WAIT_SECONDS unless this is called before."""
        if self._log is None or self._log.problem is not None:
            return
        self._look(self._log)
        self._alarm.set(self._clock() + WAIT_SECONDS)

    def stop(self) -> None:
        """It is not looked at by itself any more."""
        self._alarm.set(None)
