"""One transaction: hosts and placements, then samples, each (GPU, instant) once, events once by id, and processes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import asyncpg
import numpy as np
from sqlalchemy.ext.asyncio import AsyncConnection

from gpufleet_collector.model import Event, Refusal, SampleColumns
from gpufleet_collector.store import host_table, watermark
from gpufleet_collector.store.copying import COLUMNS, chunks, encode
from gpufleet_collector.store.database import Database
from gpufleet_collector.store.event_table import write_events
from gpufleet_collector.store.partitions import EVENTS, GPU_STATS, GPU_STATS_LATE, PROCESSES, PartitionKeeper
from gpufleet_collector.store.process_table import write_sightings
from gpufleet_collector.store.records import HostChange, ReportWrite, Sighting
from gpufleet_collector.store.registry import Registry
from gpufleet_collector.store.rows import Rows, SortedRows, instants_of, sort_rows
from gpufleet_collector.store.times import DAY_US, HOUR_US

_COLUMN_LIST = ", ".join(COLUMNS)
_MAKE = "CREATE TEMPORARY TABLE {table}_repeats (LIKE gpu_stats) ON COMMIT DROP"
_KEEP_NEW = "INSERT INTO {table} ({columns}) SELECT {columns} FROM {table}_repeats ON CONFLICT DO NOTHING"


@dataclass(slots=True)
class Batch:
    """What is written together: changes of hosts, reports, processes, and when hosts were last heard of."""

    changes: list[HostChange] = field(default_factory=list)
    reports: list[ReportWrite] = field(default_factory=list)
    processes: list[Sighting] = field(default_factory=list)
    seen: Mapping[str, int] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.changes or self.reports or self.processes or self.seen)

    @property
    def samples(self) -> int:
        return sum(len(report.samples) for report in self.reports)

    def halves(self) -> Sequence["Batch"]:
        """Smaller batches that are the same in this order, but for `seen`, which the next reports tell again; none for
        a batch of one thing."""
        parts = [Batch(changes=self.changes), Batch(reports=self.reports), Batch(processes=self.processes)]
        if len(full := [part for part in parts if part]) > 1:
            return full
        middle = (len(self.changes) + len(self.reports) + len(self.processes)) // 2
        if not middle:
            return ()
        return (
            Batch(self.changes[:middle], self.reports[:middle], self.processes[:middle]),
            Batch(self.changes[middle:], self.reports[middle:], self.processes[middle:]),
        )


class BatchWriter:
    """Commits batches. After an error nothing of the batch is stored, or all of it: writing it again is safe."""

    def __init__(self, database: Database, keeper: PartitionKeeper, registry: Registry) -> None:
        self._database = database
        self._keeper = keeper
        self._registry = registry
        self._closed_until: int | None = None
        """As far as is known; it only grows."""

    async def commit(self, batch: Batch, now: int) -> list[dict[Refusal, int]]:
        """Write and commit; for each report what was refused for good. `now` in microseconds: partitions are made a
        little ahead of it. Raises as `Database.begin`."""
        events = [event for report in batch.reports for event in report.events]
        await self._ensure_partitions(batch, events, now)
        try:
            async with self._database.begin() as connection:
                unknown = await self._write(connection, batch)
                if events:
                    await self._write_events(connection, events, now)
                if batch.processes:
                    await self._write_processes(connection, batch.processes)
        except BaseException:
            self._registry.rolled_back()
            raise
        self._registry.committed()
        return [{Refusal.INVALID: unknown[index]} if index in unknown else {} for index in range(len(batch.reports))]

    def forget(self) -> None:
        """Trust no cache: what it says may have been changed by others."""
        self._keeper.forget()
        self._registry.forget()
        self._closed_until = None

    async def _ensure_partitions(self, batch: Batch, events: Sequence[Event], now: int) -> None:
        if batch.reports:
            await self._ensure_for_samples(batch.reports, now)
        if events:
            months = {EVENTS.number(event.occurred_at) for event in events}
            await self._keeper.ensure(EVENTS, months.union(EVENTS.numbers_from(now)))
        if batch.processes:
            days = {PROCESSES.number(sighting.first_at) for sighting in batch.processes}
            await self._keeper.ensure(PROCESSES, days.union(PROCESSES.numbers_from(now)))

    async def _ensure_for_samples(self, reports: Sequence[ReportWrite], now: int) -> None:
        """Hours that are closed get no partition of `gpu_stats` again: what comes of them is late."""
        if self._closed_until is None:
            async with self._database.connect() as connection:
                self._closed_until = (await watermark.read(connection)).closed_until
        instants = instants_of(reports)
        hours = np.unique(instants[instants >= self._closed_until] // HOUR_US).tolist()
        await self._keeper.ensure(GPU_STATS, {*hours, *GPU_STATS.numbers_from(now)})
        await self._keeper.ensure(GPU_STATS_LATE, np.unique(instants // DAY_US).tolist())

    async def _write_events(self, connection: AsyncConnection, events: Sequence[Event], now: int) -> None:
        names = {event.host for event in events}
        host_ids = await host_table.read_host_ids(connection, names)
        if missing := names - host_ids.keys():
            # An agent may tell of something before it has read its GPUs and with them its first inventory.
            host_ids |= await host_table.write_bare_hosts(connection, missing, now)
        uuids = {event.gpu_uuid for event in events if event.gpu_uuid is not None}
        await write_events(connection, events, await self._registry.resolve(connection, uuids), host_ids)

    async def _write_processes(self, connection: AsyncConnection, sightings: Sequence[Sighting]) -> None:
        gpu_ids = await self._registry.resolve(connection, {sighting.process.gpu_uuid for sighting in sightings})
        host_ids = await host_table.read_host_ids(connection, {sighting.host for sighting in sightings})
        await write_sightings(connection, sightings, gpu_ids, host_ids)

    async def _write(self, connection: AsyncConnection, batch: Batch) -> Mapping[int, int]:
        if batch.reports:
            self._closed_until = await watermark.closed_until(connection)
        if batch.changes:
            await self._registry.apply(connection, batch.changes)
        if batch.seen:
            await host_table.mark_seen(connection, batch.seen)
        if not batch.reports:
            return {}
        assert self._closed_until is not None
        samples = SampleColumns.join([report.samples for report in batch.reports])
        gpu_ids = await self._registry.ids(connection, samples.gpu_uuids)
        rows = sort_rows(batch.reports, samples, gpu_ids, self._registry.starts, self._closed_until)
        if rows.sightings:
            await self._registry.cover(connection, rows.sightings)
        await _store(connection, rows)
        return rows.unknown


async def _store(connection: AsyncConnection, rows: SortedRows) -> None:
    repeated = rows.repeated
    if len(rows.fresh) and not await _copy_fresh(connection, rows.fresh):
        repeated = rows.fresh.followed_by(repeated)
    if len(repeated):
        await _insert(connection, "gpu_stats", repeated)
    if len(rows.late):
        await _insert(connection, "gpu_stats_late", rows.late)


async def _insert(connection: AsyncConnection, table: str, rows: Rows) -> None:
    """Those of the rows that are not there yet."""
    await connection.exec_driver_sql(_MAKE.format(table=table))
    await _copy(connection, f"{table}_repeats", rows.only(rows.first_of_each()))
    await connection.exec_driver_sql(_KEEP_NEW.format(table=table, columns=_COLUMN_LIST))


async def _copy_fresh(connection: AsyncConnection, rows: Rows) -> bool:
    """Whether the rows are stored; if not, one of them is there already and none was stored."""
    try:
        async with connection.begin_nested():
            await _copy(connection, "gpu_stats", rows)
    except asyncpg.UniqueViolationError:
        return False
    return True


async def _copy(connection: AsyncConnection, table: str, rows: Rows) -> None:
    raw = (await connection.get_raw_connection()).driver_connection
    assert isinstance(raw, asyncpg.Connection)
    await raw.copy_to_table(table, source=chunks(encode(rows)), columns=COLUMNS, format="binary")
