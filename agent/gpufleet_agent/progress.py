"""When a simulated fleet says how it is going: every few seconds while there is something to see, then now and then."""

import asyncio
import logging
import time
from collections.abc import Callable

from gpufleet_agent.fleet_count import NOTHING_YET, FleetState

PROGRESS_SECONDS = 5.0
STEADY_PROGRESS_SECONDS = 120.0


class Progress:
    """`every_seconds` is how often a line is said whatever happens; None leaves that to what there is to see."""

    def __init__(self, every_seconds: float | None, now: float) -> None:
        self._every = every_seconds
        self._said = NOTHING_YET
        self._said_at = now
        self._nothing_said = True

    @property
    def look_seconds(self) -> float:
        return PROGRESS_SECONDS if self._every is None else self._every

    def line(self, state: FleetState, now: float) -> str | None:
        """What to say at `now`, monotonic seconds; None is nothing."""
        silent = now - self._said_at
        quiet = self._every is None and state.is_steady and not self._nothing_said
        if quiet and silent < STEADY_PROGRESS_SECONDS:
            return None
        said, self._said, self._said_at, self._nothing_said = self._said, state, now, False
        return state.progress(said, max(silent, 1e-9))


async def tell_progress(state: Callable[[], FleetState], every_seconds: float | None, log: logging.Logger) -> None:
    """Until cancelled."""
    progress = Progress(every_seconds, time.monotonic())
    while True:
        await asyncio.sleep(progress.look_seconds)
        if (line := progress.line(state(), time.monotonic())) is not None:
            log.info("%s", line)
