"""Everything that is stored goes through here: a bounded queue, one task that commits, settlement after the commit."""

import asyncio
import logging
from collections.abc import Mapping

import asyncpg
from sqlalchemy.exc import DBAPIError

from gpufleet_collector.clock import Clock
from gpufleet_collector.errors import CollectorError, DataRefused
from gpufleet_collector.model import ProcessList, Refusal
from gpufleet_collector.selfmetrics import SelfMetrics
from gpufleet_collector.store.batch import Batch, BatchWriter
from gpufleet_collector.store.database import Database
from gpufleet_collector.store.outage import Outage
from gpufleet_collector.store.partitions import PartitionKeeper
from gpufleet_collector.store.pending import Pending
from gpufleet_collector.store.records import HostRecord, ReportWrite
from gpufleet_collector.store.registry import Registry

__all__ = ["HostRecord", "ReportWrite", "Writer"]

MAX_PENDING_SAMPLES = 200_000
BATCH_SAMPLES = 20_000
COMMIT_INTERVAL_SECONDS = 0.75
"""From the end of one commit to the next. Agents keep on disk what is not acknowledged within two seconds."""
STOP_SECONDS = 10.0
"""How long `stop` waits for what is pending; after it the rest stays unsettled, and agents send it again."""

_logger = logging.getLogger(__name__)


class Writer:
    """Stores what is offered, in order, and settles every report once: after its commit, or when the database refused
    it for good. While the database does not answer everything waits; what does not fit any more is not taken."""

    def __init__(
        self,
        database: Database,
        *,
        clock: Clock,
        metrics: SelfMetrics,
        max_pending_samples: int = MAX_PENDING_SAMPLES,
        commit_interval_seconds: float = COMMIT_INTERVAL_SECONDS,
        stop_seconds: float = STOP_SECONDS,
    ) -> None:
        self._clock = clock
        self._metrics = metrics
        self._interval = commit_interval_seconds
        self._stop_seconds = stop_seconds
        self._pending = Pending(max_pending_samples)
        metrics.pending_samples.set_function(lambda: self._pending.samples)
        metrics.pending_oldest_seconds.set_function(self._oldest_seconds)
        self._batches = BatchWriter(database, PartitionKeeper(database), Registry())
        self._outage = Outage(clock)
        self._stopping = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    @property
    def pending_samples(self) -> int:
        """Samples and events taken and not settled yet."""
        return self._pending.samples

    @property
    def trouble(self) -> str | None:
        """Why nothing is stored for some time, also while the database answers: its disk may be full. None without."""
        return self._outage.lasting

    def _oldest_seconds(self) -> float:
        since = self._pending.oldest_since()
        return 0.0 if since is None else max(0.0, self._clock.now().monotonic - since)

    def declare(self, record: HostRecord) -> None:
        """The host is as `record` says; written before samples of it that are offered later, also when none are."""
        now = self._clock.now().wall_us
        self._pending.declare(record, now)

    def mark_left(self, host: str, at_us: int) -> None:
        """The host's agent said goodbye at `at_us` of the collector's clock."""
        self._pending.leave(host, at_us)

    def hear(self, host: str) -> None:
        """The host was heard of now, without samples."""
        self._pending.hear(host, self._clock.now().wall_us)

    def tell(self, told: ProcessList) -> None:
        """These are the processes of the host now; stored when one comes or goes, else now and then."""
        if refused := self._pending.tell(told, self._clock.now().monotonic):
            self._metrics.processes_refused.labels(Refusal.LIMIT.value).inc(refused)

    def offer(self, write: ReportWrite) -> bool:
        """Take a report; False when there is no room for it or the writer stops: the agent must send it again."""
        now = self._clock.now()
        if self._stopping.is_set() or not self._pending.offer(write, now.monotonic):
            return False
        self._pending.hear(write.host, now.wall_us)
        return True

    async def start(self) -> None:
        """Begin to commit. What was offered before is kept."""
        if self._task is None:
            self._stopping.clear()
            self._task = asyncio.create_task(self._run(), name="store-writer")
            self._task.add_done_callback(_say_crash)

    async def ended(self) -> None:
        """Returns when the writer has been stopped, and raises the mistake that ended it where there was one."""
        if self._task is not None:
            await asyncio.shield(self._task)

    async def stop(self) -> None:
        """Commit what is pending, for a bounded time, and end. Safe to call twice and unstarted."""
        task, self._task = self._task, None
        if task is None:
            return
        self._stopping.set()
        await asyncio.wait({task}, timeout=self._stop_seconds)
        if not task.done():
            _logger.warning("stopped with %d samples unsettled; agents will send them again", self._pending.samples)
            task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        self._pending.drop()

    async def _run(self) -> None:
        while True:
            stopping = self._stopping.is_set()
            now = self._clock.now()
            batch = self._pending.take(now.wall_us, BATCH_SAMPLES, monotonic=now.monotonic, everything=stopping)
            if batch:
                await self._store(batch)
            if not self._pending:
                if stopping:
                    return
                await self._pause()

    async def _pause(self) -> None:
        try:
            await asyncio.wait_for(self._stopping.wait(), self._interval)
        except TimeoutError:
            return

    async def _store(self, batch: Batch, *, again: bool = False) -> None:
        """Store and settle the batch, however long it takes. `again`: it was refused before."""
        while True:
            try:
                with self._metrics.commit_seconds.time():
                    refusals = await self._batches.commit(batch, self._clock.now().wall_us)
            except DataRefused as error:
                return await self._part(batch, error, again=again)
            except (CollectorError, DBAPIError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
                self._metrics.commit_failures.inc()
                await asyncio.sleep(self._outage.failed(error, self._pending.samples))
            except Exception as error:
                _logger.exception("samples could not be stored")
                return await self._part(batch, error, again=again)
            else:
                self._outage.over()
                return self._settle(batch, refusals)

    async def _part(self, batch: Batch, error: Exception, *, again: bool) -> None:
        """Something in the batch is refused: try once more without caches, then find the culprit by halves."""
        self._batches.forget()
        if not again:
            return await self._store(batch, again=True)
        halves = batch.halves()
        for half in halves:
            await self._store(half, again=True)
        return None if halves else self._refuse(batch, error)

    def _refuse(self, batch: Batch, error: Exception) -> None:
        for change in batch.changes:
            _logger.error("host %r could not be written: %s", change.host, error)
        for report in batch.reports:
            _logger.error("a report of host %r is refused: %s", report.host, error)
            self._metrics.events_refused.labels(Refusal.INVALID.value).inc(len(report.events))
        for sighting in batch.processes:
            _logger.error("a process of host %r could not be written: %s", sighting.host, error)
        refusals = [{Refusal.INVALID: len(report.samples)} for report in batch.reports]
        self._settle(batch, refusals, events_too=True)

    def _settle(self, batch: Batch, refusals: list[dict[Refusal, int]], *, events_too: bool = False) -> None:
        """`refusals` are of samples; of events all are stored, or with `events_too` refused as invalid."""
        for report, refused in zip(batch.reports, refusals, strict=True):
            for reason, count in refused.items():
                self._metrics.samples_refused.labels(reason.value).inc(count)
            self._metrics.samples_committed.inc(len(report.samples) - sum(refused.values()))
            self._pending.settled(report.weight)
            if events_too:
                refused[Refusal.INVALID] += len(report.events)
            _tell(report, refused)


def _say_crash(task: asyncio.Task[None]) -> None:
    if not task.cancelled() and (error := task.exception()) is not None:
        _logger.critical("nothing is stored any more: the writer has ended", exc_info=error)


def _tell(report: ReportWrite, refused: Mapping[Refusal, int]) -> None:
    try:
        report.settled(refused)
    except Exception:
        _logger.exception("a settled report of host %r could not be acknowledged", report.host)
