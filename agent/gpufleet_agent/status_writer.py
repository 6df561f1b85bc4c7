"""Keeps the agent's status on disk up to date, beside everything else: a disk that is full or hangs costs the status,
and nothing more."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

from gpufleet_agent.spool_thread import SpoolThread
from gpufleet_agent.status_file import AgentStatus, sweep_statuses, write_status

PERIOD_SECONDS = 5.0


class StatusWriter:
    """Writes what `status` answers to `path` (None: nowhere), in `thread`, the one for all disk work. Those of other
    names that are older than `max_age_seconds` go."""

    def __init__(
        self,
        path: Path | None,
        status: Callable[[], AgentStatus],
        thread: SpoolThread,
        *,
        max_age_seconds: float,
        log: logging.Logger,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._path = path
        self._status = status
        self._thread = thread
        self._max_age_seconds = max_age_seconds
        self._log = log
        self._sleep = sleep
        self._said = False

    async def run(self) -> None:
        """Until cancelled. `close` comes after it."""
        if self._path is None:
            await asyncio.get_running_loop().create_future()
            return
        oldest = self._status().written_at_us / 1_000_000 - self._max_age_seconds
        await self._do(partial(sweep_statuses, self._path, oldest))
        while True:
            await self._do(partial(write_status, self._path, self._status()))
            await self._sleep(PERIOD_SECONDS)

    async def close(self, timeout_seconds: float) -> None:
        """Write a last time, that the agent has ended; a disk that is too slow for it is not waited for."""
        if self._path is None:
            return
        last = replace(self._status(), ended=True)
        try:
            async with asyncio.timeout(timeout_seconds):
                await self._do(partial(write_status, self._path, last))
        except TimeoutError:
            self._log.warning("the agent's last status could not be written: the disk is too slow")

    async def _do(self, work: Callable[[], None]) -> None:
        try:
            await self._thread.call(work)
        except OSError as error:
            if not self._said:
                self._log.warning("doctor will not see this agent: its status cannot be written (%s)", error)
            self._said = True
        else:
            self._said = False
