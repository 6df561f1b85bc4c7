"""Samples that came after their hour was packed are merged into it: many at a time, because every merge makes anew the
packed hours of their GPUs and the fleet minutes of that hour."""

# ruff: noqa: S608 - names come from the catalogue, the rest are literals made of numbers

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from gpufleet_collector.clock import Clock
from gpufleet_collector.model import METRIC_NAMES
from gpufleet_collector.store import watermark
from gpufleet_collector.store.database import Database
from gpufleet_collector.store.derivation import SHAPES, derive, ensure_partitions, settle_in
from gpufleet_collector.store.partitions import PartitionKeeper
from gpufleet_collector.store.samples_sql import unpacked
from gpufleet_collector.store.times import HOUR_US, to_sql, to_us

MERGE_KEY = 0x67706672
"""Advisory lock of the transaction that merges."""

MERGE_SECONDS = 300.0
"""An hour is not merged again so soon, unless MUCH waits."""

MUCH = 200_000
"""Late samples of an hour that are merged at once."""

_COLUMNS = ", ".join(("gpu_id", "recorded_at", *METRIC_NAMES))
_TRY_LOCK = text("SELECT pg_try_advisory_xact_lock(:key)")
_OF_LATE = "gpu_id IN (SELECT gpu_id FROM hour_late)"
_REDONE = ("gpu_stats_packed", "gpu_stats_5m", "gpu_stats_1h")


@dataclass(frozen=True, slots=True)
class Waiting:
    """Late samples of one packed hour, which begins at `hour` (microseconds)."""

    hour: int
    samples: int


class LateMerge:
    """Merges the late samples of one database, hour by hour. Any number of them may work at the same database: while
    one merges, the others do nothing."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        rollup_labels: Sequence[str] = (),
        keeper: PartitionKeeper | None = None,
        *,
        merge_seconds: float = MERGE_SECONDS,
    ) -> None:
        self._database = database
        self._clock = clock
        self._labels = tuple(rollup_labels)
        self._keeper = keeper or PartitionKeeper(database)
        self._seconds = merge_seconds
        self._merged: dict[int, float] = {}

    async def step(self) -> bool:
        """Merge the hour that is due and that most samples wait for; False when there is none, or another collector is
        at it. Raises as `Database.begin`; then nothing has happened."""
        now = self._clock.now().monotonic
        self._merged = {hour: at for hour, at in self._merged.items() if now - at < self._seconds}
        due = [found for found in await self.waiting() if found.samples >= MUCH or found.hour not in self._merged]
        if not due:
            return False
        hour = max(due, key=lambda found: found.samples).hour
        await ensure_partitions(self._keeper, hour)
        if not await self._merge(hour):
            return False
        self._merged[hour] = now
        return True

    async def waiting(self) -> Sequence[Waiting]:
        """The packed hours that late samples wait for."""
        async with self._database.begin() as connection:
            until = to_sql((await watermark.read(connection)).packed_until)
            found = await connection.execute(
                text(
                    "SELECT date_bin('1 hour', recorded_at, timestamptz 'epoch') AS hour, count(*) AS samples"
                    f" FROM gpu_stats_late WHERE recorded_at < {until} GROUP BY 1 ORDER BY 1"
                )
            )
            return [Waiting(to_us(row.hour), row.samples) for row in found]

    async def _merge(self, hour: int) -> bool:
        async with self._database.begin() as connection:
            if not (await connection.execute(_TRY_LOCK, {"key": MERGE_KEY})).scalar_one():
                return False
            await settle_in(connection)
            for statement in _take_out(hour):
                await connection.exec_driver_sql(statement)
            if await _add_new(connection):
                for table in _REDONE:
                    await connection.exec_driver_sql(f"DELETE FROM {table} WHERE hour = {to_sql(hour)} AND {_OF_LATE}")
                await derive(connection, _source(hour), hour, self._labels, _OF_LATE)
        return True


def _take_out(hour: int) -> Iterator[str]:
    """Late samples of the hour, and what their GPUs have in it already, to temporary tables."""
    since, until = to_sql(hour), to_sql(hour + HOUR_US)
    yield "CREATE TEMPORARY TABLE hour_late (LIKE gpu_stats) ON COMMIT DROP"
    yield (
        f"WITH late AS (DELETE FROM gpu_stats_late WHERE recorded_at >= {since} AND recorded_at < {until}"
        f" RETURNING {_COLUMNS}) INSERT INTO hour_late ({_COLUMNS}) SELECT {_COLUMNS} FROM late"
    )
    yield "ANALYZE hour_late (gpu_id)"
    yield "CREATE TEMPORARY TABLE hour_rows (LIKE gpu_stats, PRIMARY KEY (gpu_id, recorded_at)) ON COMMIT DROP"
    yield f"INSERT INTO hour_rows ({_COLUMNS}) {unpacked(SHAPES, f'p.hour = {since} AND p.{_OF_LATE}')}"


async def _add_new(connection: AsyncConnection) -> bool:
    """Late samples beside what is there; whether any of them is new. The first that was stored counts."""
    added = await connection.exec_driver_sql(
        f"INSERT INTO hour_rows ({_COLUMNS}) SELECT {_COLUMNS} FROM hour_late ON CONFLICT DO NOTHING"
    )
    await connection.exec_driver_sql("ANALYZE hour_rows (gpu_id, recorded_at)")
    return added.rowcount > 0


def _source(hour: int) -> str:
    """The whole hour: the GPUs with late samples, whose packed hours are deleted by now, and all others."""
    return f"""(
    SELECT {_COLUMNS} FROM hour_rows
    UNION ALL
    {unpacked(SHAPES, f"p.hour = {to_sql(hour)}")}
) AS samples"""
