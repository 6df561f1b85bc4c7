"""The kernel's log is read with the readings, without them when they fail to come, and not at all when it cannot be."""

import asyncio

from gpufleet_agent.kernel_log_watch import WAIT_SECONDS, KernelLogWatch
from gpufleet_agent.kmsg import KernelLog


class Quiet:
    """A kernel that says nothing, or cannot be asked."""

    def __init__(self) -> None:
        self.broken = False

    def read(self) -> bytes:
        if self.broken:
            raise PermissionError
        return b""


class Host:
    """A watch, and how often it looked. Under its clock every wait is over at once."""

    def __init__(self, *, readable: bool = True) -> None:
        self.looked = 0
        self.kernel = Quiet()
        log = KernelLog(self.kernel, gpu_at=lambda _slot: None, wall_us=lambda: 0, monotonic_us=lambda: 0)
        self.watch = KernelLogWatch(log if readable else None, self._look, self._clock)
        self._now = 0.0

    def _clock(self) -> float:
        self._now += 2 * WAIT_SECONDS
        return self._now

    def _look(self, log: KernelLog) -> None:
        self.looked += 1
        log.poll()


async def settle() -> None:
    for _ in range(20):
        await asyncio.sleep(0)


async def test_it_looks_when_it_is_told_and_then_by_itself_until_it_is_stopped() -> None:
    host = Host()
    host.watch.look()
    assert host.looked == 1
    await settle()
    assert host.looked > 2
    host.watch.stop()
    looked = host.looked
    await settle()
    assert host.looked == looked


async def test_a_log_that_cannot_be_read_is_left_alone() -> None:
    none = Host(readable=False)
    none.watch.look()
    assert none.looked == 0
    host = Host()
    host.kernel.broken = True
    host.watch.look()
    host.watch.look()
    await settle()
    assert host.looked == 1
    host.watch.stop()
