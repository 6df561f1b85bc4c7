"""How late the event loop is: whatever blocks or floods this process shows here first."""

import asyncio
from collections.abc import Awaitable, Callable

from gpufleet_collector.clock import Clock
from gpufleet_collector.selfmetrics import SelfMetrics

LOOK_SECONDS = 0.25
LATE_SECONDS = 0.1
"""What is less is no trouble: commits and large reports take as long."""


async def watch_loop(
    clock: Clock,
    metrics: SelfMetrics,
    on_late: Callable[[float, float], None],
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
) -> None:
    """Until cancelled: measure how much later than it asked to be this task is woken. `on_late` is told by how many
    seconds, and the monotonic time, when it is late by LATE_SECONDS or more."""
    while True:
        due = clock.now().monotonic + LOOK_SECONDS
        await sleep(LOOK_SECONDS)
        now = clock.now().monotonic
        late = max(0.0, now - due)
        metrics.loop_lag_seconds.observe(late)
        if late >= LATE_SECONDS:
            on_late(late, now)
