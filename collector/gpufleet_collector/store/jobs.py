"""Background jobs: each in a task of its own, one collector at a time, with a note in the database of how it went."""

import asyncio
import logging
import zlib
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

from sqlalchemy import text

from gpufleet_collector.clock import Clock
from gpufleet_collector.errors import CollectorError, DatabaseUnavailable
from gpufleet_collector.selfmetrics import SelfMetrics
from gpufleet_collector.store import job_table
from gpufleet_collector.store.database import Database

JOB_CLASS = 0x67706A
"""First half of the advisory locks of jobs; the second is made from the name."""

JOB_CONNECTIONS = 6
"""Connections of the pool that jobs have for themselves, so that they never take one from a reader or the writer."""

_TRY_LOCK = text("SELECT pg_try_advisory_lock(:job_class, :job)")
_UNLOCK = text("SELECT pg_advisory_unlock(:job_class, :job)")

_logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Job:
    """Something to do every `interval_seconds`: `step` is called until there is nothing left, and says what it did, or
    None. A step that was cut off is done again: it leaves all or nothing behind."""

    name: str
    interval_seconds: float
    step: Callable[[], Awaitable[str | None]]


class JobRunner:
    """Runs jobs from `start` to `stop`. A job that fails is said, noted, and tried again at its next time."""

    def __init__(self, database: Database, jobs: Sequence[Job], *, clock: Clock, metrics: SelfMetrics) -> None:
        self._database = database
        self._jobs = tuple(jobs)
        self._clock = clock
        self._metrics = metrics
        self._tasks: list[asyncio.Task[None]] = []
        self._said: dict[str, str] = {}

    async def start(self) -> None:
        """Begin with every job at once. What runs already goes on."""
        if not self._tasks:
            self._tasks = [asyncio.create_task(self._repeat(job), name=f"job-{job.name}") for job in self._jobs]

    async def stop(self) -> None:
        """Cut off what runs: it leaves nothing half done. Safe to call twice and unstarted."""
        tasks, self._tasks = self._tasks, []
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _repeat(self, job: Job) -> None:
        while True:
            await self.run(job)
            await asyncio.sleep(job.interval_seconds)

    async def run(self, job: Job) -> bool:
        """One round of the job, to its end; whether it went well here, rather than failed or was at it elsewhere."""
        try:
            async with self._alone(job) as is_alone:
                if not is_alone:
                    return False
                await self._round(job)
        except CollectorError as error:
            if self._is_news(job, error):
                _logger.warning("the job %s waits: %s", job.name, error)
            return False
        except Exception as error:
            # A mistake around the rounds, as when a note is written, costs the job that turn and no more either.
            if self._is_news(job, error):
                _logger.exception("the job %s waits", job.name)
            return False
        self._said.pop(job.name, None)
        return True

    async def _round(self, job: Job) -> None:
        await self._note(job_table.begin, job.name)
        done = 0
        try:
            while (detail := await job.step()) is not None:
                done += 1
                await self._note(job_table.advance, job.name, detail, done)
        except DatabaseUnavailable:
            raise  # nothing can be noted now; it is said
        except Exception as error:
            # A mistake in one job costs that job: it is said and counted at every try, and nothing else stops.
            if not isinstance(error, CollectorError):
                _logger.exception("the job %s failed", job.name)
            self._metrics.job_failures.labels(job=job.name).inc()
            await self._note(job_table.fail, job.name, " ".join(str(error).split()) or type(error).__name__)
        else:
            await self._note(job_table.succeed, job.name)

    async def _note(self, write: job_table.Note, *arguments: str | int) -> None:
        async with self._database.begin() as connection:
            await write(connection, self._clock.now().wall_us, *arguments)

    @asynccontextmanager
    async def _alone(self, job: Job) -> AsyncIterator[bool]:
        """Whether nobody else is at this job, which stays so meanwhile. The lock is the connection's: it ends with it.
        Outside of a transaction: an open one would keep the server from cleaning up."""
        key = {"job_class": JOB_CLASS, "job": zlib.crc32(job.name.encode()) & 0x7FFFFFFF}
        async with self._database.connect() as connection:
            await connection.execution_options(isolation_level="AUTOCOMMIT")
            if not (await connection.execute(_TRY_LOCK, key)).scalar_one():
                yield False
                return
            try:
                yield True
            finally:
                await asyncio.shield(connection.execute(_UNLOCK, key))

    def _is_news(self, job: Job, error: Exception) -> bool:
        """Counts the failure. It is to be said once, until the job goes well again or goes wrong in another way."""
        self._metrics.job_failures.labels(job=job.name).inc()
        is_said = self._said.get(job.name) == str(error)
        self._said[job.name] = str(error)
        return not is_said
