"""How late the event loop is: every look is counted, and told when it is too late for new streams."""

import asyncio

import pytest

from fakes.clock import FakeClock
from gpufleet_collector.loop_lag import LATE_SECONDS, LOOK_SECONDS, watch_loop
from gpufleet_collector.selfmetrics import SelfMetrics


async def test_every_look_is_counted_and_a_late_one_told() -> None:
    clock, metrics, told = FakeClock(), SelfMetrics(), []
    lates = [0.0, LATE_SECONDS / 2, 1.5, 0.0]

    async def sleep(seconds: float) -> None:
        if not lates:
            raise asyncio.CancelledError
        clock.advance(seconds + lates.pop(0))

    begun = clock.now().monotonic
    with pytest.raises(asyncio.CancelledError):
        await watch_loop(clock, metrics, lambda late, now: told.append((late, now - begun)), sleep)
    assert len(told) == 1
    assert told[0] == pytest.approx((1.5, 3 * LOOK_SECONDS + LATE_SECONDS / 2 + 1.5))
    value = metrics.registry.get_sample_value
    assert value("gpufleet_loop_lag_seconds_count") == 4
    assert value("gpufleet_loop_lag_seconds_sum") == pytest.approx(1.5 + LATE_SECONDS / 2)
