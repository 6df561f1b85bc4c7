"""An alarm rings once, at the time that it was set for last."""

import asyncio

from gpufleet_agent.alarm import Alarm


class Bell:
    """An alarm under a clock that the test sets, and how often it rang."""

    def __init__(self) -> None:
        self.now = 100.0
        self.rung = 0
        self.alarm = Alarm(self._ring, lambda: self.now)

    def _ring(self) -> None:
        self.rung += 1


async def settle() -> None:
    for _ in range(3):
        await asyncio.sleep(0)


async def test_it_rings_once_when_the_time_has_come_and_may_be_set_again() -> None:
    bell = Bell()
    bell.alarm.set(99.0)
    await settle()
    assert bell.rung == 1
    bell.alarm.set(99.0)
    await settle()
    assert bell.rung == 2


async def test_only_the_time_set_last_counts() -> None:
    bell = Bell()
    bell.alarm.set(99.0)
    bell.alarm.set(1000.0)
    await settle()
    assert bell.rung == 0
    bell.alarm.set(99.5)
    bell.alarm.set(99.5)
    await settle()
    assert bell.rung == 1


async def test_never_is_never() -> None:
    bell = Bell()
    bell.alarm.set(99.0)
    bell.alarm.set(None)
    await settle()
    assert bell.rung == 0
