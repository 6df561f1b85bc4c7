"""Partitions are made by hour, once, by any number of collectors, also while somebody writes."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import text

from fakes.clock import START_US
from gpufleet_collector.store.database import Database
from gpufleet_collector.store.partitions import EVENTS, GPU_STATS, PROCESSES, Partitioning, PartitionKeeper
from gpufleet_collector.store.times import HOUR_US

HOUR = START_US // HOUR_US
MAX_INSTANT_US = 253_000_000_000_000_000


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    made = Database(database_url)
    yield made
    await made.close()


async def hours(database: Database) -> range:
    async with database.connect() as connection:
        return await GPU_STATS.stored(connection)


@given(st.sampled_from([GPU_STATS, EVENTS, PROCESSES]), st.integers(0, MAX_INSTANT_US))
def test_every_instant_lies_in_the_partition_of_its_number(partitioning: Partitioning, instant: int) -> None:
    number = partitioning.number(instant)
    assert partitioning.begin(number) <= instant < partitioning.begin(number + 1)


def test_months_and_days_are_named_like_hours() -> None:
    assert EVENTS.name(EVENTS.number(START_US)) == "events_202601"
    assert PROCESSES.name(PROCESSES.number(START_US)) == "processes_20260101"
    assert len(EVENTS.numbers_from(START_US)) == 2


def test_named_by_the_hour_in_utc() -> None:
    assert GPU_STATS.name(HOUR) == "gpu_stats_2026010100"
    assert list(GPU_STATS.numbers_from(START_US + HOUR_US - 1)) == [HOUR, HOUR + 1, HOUR + 2]


async def test_several_collectors_at_once(database: Database) -> None:
    keepers = [PartitionKeeper(database) for _ in range(4)]
    await asyncio.gather(*(keeper.ensure(GPU_STATS, range(HOUR, HOUR + 6)) for keeper in keepers))
    assert await hours(database) == range(HOUR, HOUR + 6)


async def test_no_partition_no_hours(database: Database) -> None:
    assert len(await hours(database)) == 0


async def test_nobody_waits_for_a_new_partition(database: Database) -> None:
    await PartitionKeeper(database).ensure(GPU_STATS, [HOUR])
    async with database.begin() as writing:
        await writing.execute(text("INSERT INTO gpu_stats (gpu_id, recorded_at) VALUES (1, '2026-01-01 00:00:01Z')"))
        async with asyncio.timeout(5):
            await PartitionKeeper(database).ensure(GPU_STATS, [HOUR + 1])


async def test_each_partition_takes_its_hour_and_no_repeat(database: Database) -> None:
    await PartitionKeeper(database).ensure(GPU_STATS, [HOUR, HOUR + 1])
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
    keeper = PartitionKeeper(database, most_known=3)
    for hour in range(HOUR, HOUR + 8):
        await keeper.ensure(GPU_STATS, [hour])
        assert len(keeper._known) <= 3
    async with database.begin() as connection:
        await connection.execute(text(f"DROP TABLE gpufleet_partitions.{GPU_STATS.name(HOUR + 7)}"))
    await keeper.ensure(GPU_STATS, [HOUR + 7])
    assert await hours(database) == range(HOUR, HOUR + 7)
    keeper.forget()
    await keeper.ensure(GPU_STATS, [HOUR + 7])
    assert await hours(database) == range(HOUR, HOUR + 8)
