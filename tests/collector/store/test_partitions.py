"""Partitions are made by hour, once, by any number of collectors, also while somebody writes."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from sqlalchemy import text

from fakes.clock import START_US
from gpufleet_collector.store.database import Database
from gpufleet_collector.store.partitions import PartitionKeeper, hours_from, partition_name, stored_hours
from gpufleet_collector.store.times import HOUR_US

HOUR = START_US // HOUR_US


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    made = Database(database_url)
    yield made
    await made.close()


async def hours(database: Database) -> range:
    async with database.connect() as connection:
        return await stored_hours(connection)


def test_named_by_the_hour_in_utc() -> None:
    assert partition_name(HOUR) == "gpu_stats_2026010100"
    assert list(hours_from(START_US + HOUR_US - 1)) == [HOUR, HOUR + 1, HOUR + 2]


async def test_several_collectors_at_once(database: Database) -> None:
    keepers = [PartitionKeeper(database) for _ in range(4)]
    await asyncio.gather(*(keeper.ensure(range(HOUR, HOUR + 6)) for keeper in keepers))
    assert await hours(database) == range(HOUR, HOUR + 6)


async def test_no_partition_no_hours(database: Database) -> None:
    assert len(await hours(database)) == 0


async def test_nobody_waits_for_a_new_partition(database: Database) -> None:
    await PartitionKeeper(database).ensure([HOUR])
    async with database.begin() as writing:
        await writing.execute(text("INSERT INTO gpu_stats (gpu_id, recorded_at) VALUES (1, '2026-01-01 00:00:01Z')"))
        async with asyncio.timeout(5):
            await PartitionKeeper(database).ensure([HOUR + 1])


async def test_each_partition_takes_its_hour_and_no_repeat(database: Database) -> None:
    await PartitionKeeper(database).ensure([HOUR, HOUR + 1])
    insert = text("INSERT INTO gpu_stats (gpu_id, recorded_at) VALUES (1, :at) ON CONFLICT DO NOTHING")
    async with database.begin() as connection:
        for _ in range(2):
            await connection.execute(text("SET LOCAL timezone = 'Asia/Kolkata'"))
            for minute in ("00:00", "00:59", "01:00"):
                await connection.execute(text(str(insert).replace(":at", f"'2026-01-01 {minute}Z'")))
        found = await connection.execute(text("SELECT tableoid::regclass::text, count(*) FROM gpu_stats GROUP BY 1"))
        assert sorted(tuple(row) for row in found) == [
            ("gpufleet_partitions.gpu_stats_2026010100", 2),
            ("gpufleet_partitions.gpu_stats_2026010101", 1),
        ]


async def test_the_cache_is_bounded_and_can_be_forgotten(database: Database) -> None:
    keeper = PartitionKeeper(database, known_hours=3)
    for hour in range(HOUR, HOUR + 8):
        await keeper.ensure([hour])
        assert len(keeper._known) <= 3
    async with database.begin() as connection:
        await connection.execute(text(f"DROP TABLE gpufleet_partitions.{partition_name(HOUR + 7)}"))
    await keeper.ensure([HOUR + 7])
    assert await hours(database) == range(HOUR, HOUR + 7)
    keeper.forget()
    await keeper.ensure([HOUR + 7])
    assert await hours(database) == range(HOUR, HOUR + 8)
