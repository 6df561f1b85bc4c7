"""One transaction: hosts and placements, then samples, each (GPU, instant) once."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import asyncpg
from sqlalchemy.ext.asyncio import AsyncConnection

from gpufleet_collector.model import Refusal
from gpufleet_collector.store import host_table
from gpufleet_collector.store.database import Database
from gpufleet_collector.store.partitions import PartitionKeeper, hours_from
from gpufleet_collector.store.records import HostChange, ReportWrite
from gpufleet_collector.store.registry import Registry
from gpufleet_collector.store.rows import COLUMNS, Row, Rows, build_rows, hours_of, without_repeats

_COLUMN_LIST = ", ".join(COLUMNS)
_MAKE_REPEATS = "CREATE TEMPORARY TABLE repeats (LIKE gpu_stats) ON COMMIT DROP"
_KEEP_NEW = f"INSERT INTO gpu_stats ({_COLUMN_LIST}) SELECT {_COLUMN_LIST} FROM repeats ON CONFLICT DO NOTHING"  # noqa: S608


@dataclass(slots=True)
class Batch:
    """What is written together: changes of hosts, reports, and when hosts were last heard of."""

    changes: list[HostChange] = field(default_factory=list)
    reports: list[ReportWrite] = field(default_factory=list)
    seen: Mapping[str, int] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.changes or self.reports or self.seen)

    @property
    def samples(self) -> int:
        return sum(len(report.samples) for report in self.reports)

    def halves(self) -> Sequence["Batch"]:
        """Two smaller batches that are the same in this order, but for `seen`, which the next reports tell again; none
        for a batch of one thing."""
        if self.changes and self.reports:
            return Batch(changes=self.changes), Batch(reports=self.reports)
        if len(self.changes) > 1:
            middle = len(self.changes) // 2
            return Batch(changes=self.changes[:middle]), Batch(changes=self.changes[middle:])
        if len(self.reports) > 1:
            middle = len(self.reports) // 2
            return Batch(reports=self.reports[:middle]), Batch(reports=self.reports[middle:])
        return ()


class BatchWriter:
    """Commits batches. After an error nothing of the batch is stored, or all of it: writing it again is safe."""

    def __init__(self, database: Database, keeper: PartitionKeeper, registry: Registry) -> None:
        self._database = database
        self._keeper = keeper
        self._registry = registry

    async def commit(self, batch: Batch, now: int) -> list[dict[Refusal, int]]:
        """Write and commit; for each report what was refused for good. `now` in microseconds: partitions are made a
        little ahead of it. Raises as `Database.begin`."""
        if batch.reports:
            await self._keeper.ensure(hours_of(batch.reports).union(hours_from(now)))
        try:
            async with self._database.begin() as connection:
                unknown = await self._write(connection, batch)
        except BaseException:
            self._registry.rolled_back()
            raise
        self._registry.committed()
        return [{Refusal.INVALID: unknown[index]} if index in unknown else {} for index in range(len(batch.reports))]

    def forget(self) -> None:
        """Trust no cache: what it says may have been changed by others."""
        self._keeper.forget()
        self._registry.forget()

    async def _write(self, connection: AsyncConnection, batch: Batch) -> Mapping[int, int]:
        if batch.changes:
            await self._registry.apply(connection, batch.changes)
        if batch.seen:
            await host_table.mark_seen(connection, batch.seen)
        if not batch.reports:
            return {}
        uuids = {sample.gpu_uuid for report in batch.reports for sample in report.samples}
        gpu_ids = await self._registry.resolve(connection, uuids)
        rows = build_rows(batch.reports, gpu_ids, self._registry.may_precede)
        if rows.sightings:
            await self._registry.cover(connection, rows.sightings)
        await _store(connection, rows)
        return rows.unknown


async def _store(connection: AsyncConnection, rows: Rows) -> None:
    repeated = rows.repeated
    if rows.fresh and not await _copy_fresh(connection, rows.fresh):
        repeated = rows.fresh + repeated
    if repeated:
        await connection.exec_driver_sql(_MAKE_REPEATS)
        await _copy(connection, "repeats", list(without_repeats(repeated)))
        await connection.exec_driver_sql(_KEEP_NEW)


async def _copy_fresh(connection: AsyncConnection, rows: Sequence[Row]) -> bool:
    """Whether the rows are stored; if not, one of them is there already and none was stored."""
    try:
        async with connection.begin_nested():
            await _copy(connection, "gpu_stats", rows)
    except asyncpg.UniqueViolationError:
        return False
    return True


async def _copy(connection: AsyncConnection, table: str, rows: Sequence[Row]) -> None:
    raw = (await connection.get_raw_connection()).driver_connection
    assert isinstance(raw, asyncpg.Connection)
    await raw.copy_records_to_table(table, records=rows, columns=COLUMNS)
