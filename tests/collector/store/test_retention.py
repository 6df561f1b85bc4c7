"""What is older than it is to be kept goes by partitions; rows go when they are packed; nobody waits for it."""

from collections.abc import AsyncIterator

import pytest
from sqlalchemy import text

from fakes.clock import START_US, FakeClock
from gpufleet_collector.store import watermark
from gpufleet_collector.store.condition import read_condition
from gpufleet_collector.store.database import Database
from gpufleet_collector.store.partitions import EVENTS, GPU_STATS, GPU_STATS_LATE, GPU_STATS_PACKED, PartitionKeeper
from gpufleet_collector.store.retention import Keep, Retention
from gpufleet_collector.store.schema import metadata
from gpufleet_collector.store.times import DAY_US, HOUR_US

HOUR = GPU_STATS.number(START_US)
DAY = GPU_STATS_PACKED.number(START_US)


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    made = Database(database_url)
    yield made
    await made.close()


def retention(database: Database, **days: float) -> Retention:
    return Retention(database, FakeClock(), Keep(**days))


async def packed_until(database: Database, instant: int) -> None:
    async with database.begin() as connection:
        await watermark.hold(connection)
        await watermark.close(connection, instant)
        await watermark.move(connection, instant)


async def due(kept: Retention) -> list[str]:
    return [partition.name for partition in await kept.due()]


def test_every_table_that_grows_is_kept_for_a_time() -> None:
    partitioned = {
        name for name, table in metadata.tables.items() if table.dialect_options["postgresql"]["partition_by"]
    }
    assert partitioned == {"gpu_stats", *(partitioning.table for partitioning, _ in Keep().tables())}


async def test_rows_go_once_they_are_packed_and_never_before(database: Database) -> None:
    await PartitionKeeper(database).ensure(GPU_STATS, [HOUR - 10_000, HOUR - 2, HOUR - 1, HOUR])
    kept = retention(database)
    assert await due(kept) == []
    await packed_until(database, START_US - HOUR_US)
    assert await due(kept) == [GPU_STATS.name(HOUR - 10_000), GPU_STATS.name(HOUR - 2)]
    assert await kept.sweep() is not None
    assert await kept.sweep() is None


async def test_each_table_has_its_own_days_and_a_partition_goes_when_all_of_it_is_older(database: Database) -> None:
    keeper = PartitionKeeper(database)
    await keeper.ensure(GPU_STATS_PACKED, [DAY - 4, DAY - 3, DAY - 2])
    await keeper.ensure(GPU_STATS_LATE, [DAY - 4])
    await keeper.ensure(EVENTS, [EVENTS.number(START_US) - 2])
    kept = retention(database, samples_days=2.5)
    assert await due(kept) == [GPU_STATS_PACKED.name(DAY - 4), GPU_STATS_LATE.name(DAY - 4)]
    assert [found.until for found in await retention(database, samples_days=2).due()][:2] == [
        START_US - 3 * DAY_US,
        START_US - 2 * DAY_US,
    ]
    assert EVENTS.name(EVENTS.number(START_US) - 2) in await due(retention(database, events_days=3))


async def test_a_clock_that_is_ahead_of_the_databases_drops_nothing_early(database: Database) -> None:
    clock = FakeClock()
    clock.advance(3650 * 86_400)
    async with database.begin() as connection:
        now = (await connection.execute(text("SELECT extract(epoch FROM now())::bigint"))).scalar_one() * 1_000_000
    await PartitionKeeper(database).ensure(GPU_STATS_PACKED, [GPU_STATS_PACKED.number(now)])
    assert await due(Retention(database, clock, Keep(samples_days=1))) == []


async def test_a_reader_is_not_disturbed_and_the_drop_comes_later(database: Database) -> None:
    await PartitionKeeper(database).ensure(GPU_STATS, [HOUR - 2])
    await packed_until(database, START_US)
    kept = retention(database)
    async with database.begin() as reader:
        await reader.execute(text("SELECT count(*) FROM gpu_stats"))
        assert await kept.sweep() is None
        assert (await reader.execute(text("SELECT count(*) FROM gpu_stats"))).scalar_one() == 0
    assert await kept.sweep() is not None


async def test_the_condition_of_the_store_tells_sizes_and_lag(database: Database) -> None:
    await PartitionKeeper(database).ensure(GPU_STATS, [HOUR, HOUR + 1])
    condition = await read_condition(database)
    sizes = {table.name: table for table in condition.tables}
    assert sizes["gpu_stats"].partitions == 2
    assert sizes["gpu_stats"].bytes > 0
    assert set(sizes) >= set(metadata.tables)
    assert (condition.due_since, condition.packing_lag_seconds(2)) == (None, 0.0)
    async with database.begin() as connection:
        await connection.execute(text("INSERT INTO gpu_stats (gpu_id, recorded_at) VALUES (1, '2026-01-01 00:00:00Z')"))
    condition = await read_condition(database)
    assert condition.due_since == START_US + HOUR_US
    assert condition.packing_lag_seconds(2) == (condition.now - condition.due_since) / 1_000_000 - 7200
