"""A probe under its supervisor, and everything that it told."""

import asyncio
import logging
import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from gpufleet_agent.breadcrumb import Call
from gpufleet_agent.probe_process import ProbeOrders, ProbeProcess
from gpufleet_agent.quarantine import Quarantine
from gpufleet_agent.readings import Reading

PATIENCE_SECONDS = 15.0


class Listener:
    """A probe process and what it told."""

    def __init__(
        self, backend: str, interval: float = 0.05, nvidia_smi: str = "nvidia-smi", release_handles: bool = False
    ) -> None:
        self.readings: list[tuple[int, Reading]] = []
        self.hangs: list[Call] = []
        self.process = ProbeProcess(
            ProbeOrders(
                backend, interval, nvidia_smi, "node-1", call_deadline_seconds=0.3, release_handles=release_handles
            ),
            on_reading=lambda instant, reading: self.readings.append((instant, reading)),
            on_hang=self.hangs.append,
            random=lambda: 0.1,
            log=logging.getLogger("test.probe"),
            quarantine=Quarantine(first_pause_seconds=1.5),
        )

    def hanging(self) -> str | None:
        call = self.process.hanging
        return None if call is None else call.name

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        task = asyncio.create_task(self.process.run())
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                yield
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def until(self, condition: Callable[[], bool]) -> None:
        while not condition():
            await asyncio.sleep(0.01)


def is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True
