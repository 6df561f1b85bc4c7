"""The upkeep of the store as one part of the collector: which jobs there are, how often, and what is told of them."""

import asyncio
import logging
from collections.abc import Awaitable, Callable

from gpufleet_collector.clock import Clock
from gpufleet_collector.config import CollectorConfig
from gpufleet_collector.errors import CollectorError
from gpufleet_collector.live.live import Live
from gpufleet_collector.live.minutes import FleetMinutes
from gpufleet_collector.selfmetrics import SelfMetrics
from gpufleet_collector.store.condition import Condition, read_condition
from gpufleet_collector.store.database import Database
from gpufleet_collector.store.fleet_minutes import FleetMinuteTable
from gpufleet_collector.store.jobs import JOB_CONNECTIONS, Job, JobRunner
from gpufleet_collector.store.late import LateMerge
from gpufleet_collector.store.packing import Packing
from gpufleet_collector.store.plan import Kept
from gpufleet_collector.store.retention import Keep, Retention
from gpufleet_collector.store.times import DAY_US

PACK_SECONDS, MERGE_SECONDS, RETENTION_SECONDS, MINUTE_SECONDS, CONDITION_SECONDS = 30.0, 60.0, 60.0, 5.0, 60.0
MINUTE_US = 60_000_000

_logger = logging.getLogger(__name__)


class Upkeep:
    """Everything that is done to a database besides writing what arrives. It has connections of its own."""

    def __init__(self, dsn: str, config: CollectorConfig, live: Live, clock: Clock, metrics: SelfMetrics) -> None:
        self._database = Database(dsn, connections=JOB_CONNECTIONS)
        self._metrics = metrics
        self._clock = clock
        self._pack_after_hours = config.pack_after_hours
        packing = Packing(self._database, clock, config.pack_after_hours, config.rollup_labels)
        merging = LateMerge(self._database, clock, config.rollup_labels)
        retention = Retention(self._database, clock, keep_of(config))
        minutes = LiveMinutes(live, FleetMinuteTable(self._database), clock, FleetMinutes(config.rollup_labels))
        jobs = (
            Job("pack", PACK_SECONDS, _told(packing.step, "packed an hour")),
            Job("merge-late", MERGE_SECONDS, _told(merging.step, "merged the late samples of an hour")),
            Job("retention", RETENTION_SECONDS, retention.sweep),
            Job("fleet-minutes", MINUTE_SECONDS, minutes.step),
        )
        self._runner = JobRunner(self._database, jobs, clock=clock, metrics=metrics)
        self._watch: asyncio.Task[None] | None = None

    async def start(self) -> None:
        await self._runner.start()
        if self._watch is None:
            self._watch = asyncio.create_task(self._measure(), name="store-condition")

    async def stop(self) -> None:
        """Safe to call twice and unstarted. A job that runs is cut off, and leaves nothing half done."""
        watch, self._watch = self._watch, None
        if watch is not None:
            watch.cancel()
            await asyncio.gather(watch, return_exceptions=True)
        await self._runner.stop()
        await self._database.close()

    async def condition(self) -> Condition:
        """Raises QueryTooLong, and as `Database.begin`."""
        return await read_condition(self._database)

    async def _measure(self) -> None:
        while True:
            try:
                show(await self.condition(), self._metrics, self._pack_after_hours)
            except CollectorError as error:
                # Not worth a louder word: /readyz and whoever needs the database say it.
                _logger.debug("the store's condition is not known: %s", error)
            except Exception:
                _logger.exception("the store's condition is not known")
            await asyncio.sleep(CONDITION_SECONDS)


class LiveMinutes:
    """Takes the minute that has just ended from the live values, once."""

    def __init__(self, live: Live, table: FleetMinuteTable, clock: Clock, minutes: FleetMinutes) -> None:
        self._live = live
        self._table = table
        self._clock = clock
        self._minutes = minutes
        self._taken = clock.now().wall_us // MINUTE_US

    async def step(self) -> str | None:
        """What was written; None while the minute goes on, and for a fleet without current values."""
        now = self._clock.now().wall_us // MINUTE_US
        if now <= self._taken:
            self._taken = now  # the clock may have been set back
            return None
        self._taken = now
        groups = self._minutes.groups(self._live.standing(), (now - 1) * MINUTE_US)
        if not groups:
            return None
        await self._table.write(groups)
        return f"{len(groups)} groups"


def keep_of(config: CollectorConfig) -> Keep:
    """For how long what is kept, as configured."""
    return Keep(
        samples_days=config.retention_days,
        buckets_5m_days=config.retention_5m_days,
        buckets_1h_days=config.retention_1h_days,
        fleet_days=config.retention_fleet_days,
        events_days=config.retention_events_days,
    )


def kept_of(config: CollectorConfig) -> Kept:
    """The same for those who choose a table to ask."""
    return Kept(
        samples_us=config.retention_days * DAY_US,
        five_minutes_us=config.retention_5m_days * DAY_US,
        hours_us=config.retention_1h_days * DAY_US,
        fleet_minutes_us=config.retention_fleet_days * DAY_US,
    )


def show(condition: Condition, metrics: SelfMetrics, pack_after_hours: float) -> None:
    """Put the condition of the store on /metrics."""
    metrics.packing_lag_seconds.set(condition.packing_lag_seconds(pack_after_hours))
    metrics.late_samples.set(condition.late_samples)
    metrics.database_bytes.set(condition.database_bytes)
    for table in condition.tables:
        metrics.table_bytes.labels(table=table.name).set(table.bytes)
        metrics.table_partitions.labels(table=table.name).set(table.partitions)
    for job in condition.jobs:
        if job.succeeded_at is not None:
            metrics.job_lag_seconds.labels(job=job.name).set((condition.now - job.succeeded_at) / 1_000_000)


def _told(step: Callable[[], Awaitable[bool]], words: str) -> Callable[[], Awaitable[str | None]]:
    async def told() -> str | None:
        return words if await step() else None

    return told
