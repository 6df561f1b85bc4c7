"""Closed hours are packed and rolled up, and the fleet minutes made exact, in one transaction with the watermark."""

from collections.abc import Sequence

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from gpufleet_collector.clock import Clock
from gpufleet_collector.model import METRIC_NAMES
from gpufleet_collector.store import watermark
from gpufleet_collector.store.database import Database
from gpufleet_collector.store.derivation import derive, ensure_partitions, settle_in
from gpufleet_collector.store.partitions import GPU_STATS, PartitionKeeper
from gpufleet_collector.store.times import HOUR_US, to_sql, to_us_or_none

_COLUMN_LIST = ", ".join(("gpu_id", "recorded_at", *METRIC_NAMES))
_SERVER_NOW = text("SELECT (date_part('epoch', clock_timestamp()) * 1000000)::bigint")


class Packing:
    """Packs the hours of one database, oldest first. Any number of them may work at the same database: while one
    derives an hour, the others do nothing."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        pack_after_hours: float = 2.0,
        rollup_labels: Sequence[str] = (),
        keeper: PartitionKeeper | None = None,
    ) -> None:
        """An hour is due `pack_after_hours` after its end, by the clock that is further behind: `clock` or the
        database's. `rollup_labels` are the names of labels whose values get fleet minutes of their own."""
        self._database = database
        self._clock = clock
        self._after_us = round(pack_after_hours * HOUR_US)
        self._labels = tuple(rollup_labels)
        self._keeper = keeper or PartitionKeeper(database)

    async def step(self) -> bool:
        """Close and derive the oldest hour that is due and has samples; False when there is none, or another collector
        is at it. An hour without samples is passed over. Raises as `Database.begin`; then nothing has happened, but
        that the hour may be closed."""
        hour = await self.next_hour()
        if hour is None or not await self._close(hour):
            return False
        # Some more samples may have come before it was closed.
        hour = await self._first_hour(hour + HOUR_US)
        if hour is None:
            return False
        await ensure_partitions(self._keeper, hour)
        await self._keeper.ensure(GPU_STATS, [GPU_STATS.number(hour)])
        return await self._derive(hour)

    async def next_hour(self) -> int | None:
        """The begin of the oldest hour that is due and has samples, microseconds."""
        async with self._database.begin() as connection:
            server_now = int((await connection.execute(_SERVER_NOW)).scalar_one())
        now = min(self._clock.now().wall_us, server_now)
        return await self._first_hour((now - self._after_us) // HOUR_US * HOUR_US)

    async def _first_hour(self, until: int) -> int | None:
        """The first hour with samples that is not packed and ends by `until`."""
        async with self._database.begin() as connection:
            since = (await watermark.read(connection)).packed_until
            return await _first_with_samples(connection, since, until)

    async def _close(self, hour: int) -> bool:
        async with self._database.begin() as connection:
            held = await watermark.hold(connection)
            if held is None:
                return False
            if held.closed_until < hour + HOUR_US:
                await watermark.close(connection, hour + HOUR_US)
            return True

    async def _derive(self, hour: int) -> bool:
        async with self._database.begin() as connection:
            held = await watermark.hold(connection)
            if held is None or held.packed_until > hour:
                return False
            await settle_in(connection)
            await _take_in_late(connection, hour)
            until = hour + HOUR_US
            source = f"(SELECT * FROM gpu_stats WHERE {_within(hour, until)}) AS samples"  # noqa: S608
            await derive(connection, source, hour, self._labels)
            await watermark.move(connection, until)
        return True


async def _first_with_samples(connection: AsyncConnection, since: int, until: int) -> int | None:
    stored = await GPU_STATS.stored(connection)
    late = await _first_late(connection, since, until)
    last = until if late is None else late
    for number in range(max(stored.start, GPU_STATS.number(since)), min(stored.stop, GPU_STATS.number(last))):
        begin = GPU_STATS.begin(number)
        found = text(f"SELECT EXISTS (SELECT FROM gpu_stats WHERE {_within(begin, begin + HOUR_US)})")  # noqa: S608
        if (await connection.execute(found)).scalar_one():
            return begin
    return late


async def _first_late(connection: AsyncConnection, since: int, until: int) -> int | None:
    first = text(f"SELECT min(recorded_at) FROM gpu_stats_late WHERE {_within(since, until)}")  # noqa: S608
    instant = to_us_or_none((await connection.execute(first)).scalar_one())
    return None if instant is None else instant // HOUR_US * HOUR_US


async def _take_in_late(connection: AsyncConnection, hour: int) -> None:
    """Late samples of the hour become rows: nobody else writes rows of a closed hour."""
    await connection.exec_driver_sql(
        f"WITH late AS (DELETE FROM gpu_stats_late WHERE {_within(hour, hour + HOUR_US)} RETURNING {_COLUMN_LIST})"  # noqa: S608
        f" INSERT INTO gpu_stats ({_COLUMN_LIST}) SELECT {_COLUMN_LIST} FROM late ON CONFLICT DO NOTHING"
    )


def _within(since: int, until: int) -> str:
    return f"recorded_at >= {to_sql(since)} AND recorded_at < {to_sql(until)}"
