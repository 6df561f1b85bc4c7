"""A long span in one go is what its pages are, read batch by batch, of one moment as long as that is not held for
long."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing
from dataclasses import replace
from typing import Any

import asyncpg
import pytest

from fakes.clock import START_US
from fakes.derived import Board
from fakes.fleet import sample
from fakes.packed import PackedStore, packed_store
from fakes.storing import Store, store
from gpufleet_collector.errors import BadRequest
from gpufleet_collector.store import history as history_module
from gpufleet_collector.store import history_stream
from gpufleet_collector.store.history import History, HistoryBucket, HistoryQuery, HistorySample
from gpufleet_collector.store.history_stream import SNAPSHOT_SECONDS, HistoryStream, window_step
from gpufleet_collector.store.times import HOUR_US

SECOND = 1_000_000
HOUR = HistoryQuery(START_US, START_US + HOUR_US, metrics=("temperature_celsius", "power_watts"), limit=10_000)


@pytest.fixture(autouse=True)
def small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(history_stream, "BATCH_ROWS", 4)


@pytest.fixture
async def made(database_url: str) -> AsyncIterator[Store]:
    """Three GPUs, ten samples of each."""
    async with store(database_url) as made:
        made.clock.advance(7200)
        made.declare("host-1", "GPU-a", "GPU-b", "GPU-c", seconds=0)
        for second in range(0, 20, 2):
            made.offer("host-1", *(sample(f"GPU-{name}", second, power_watts=second + 0.1) for name in "abc"))
        await made.flush()
        yield made


def stream(made: Store) -> HistoryStream:
    return HistoryStream(made.database, clock=made.clock)


def history(made: Store) -> History:
    return History(made.database, clock=made.clock)


async def test_samples_are_those_of_the_pages(made: Store) -> None:
    batches = [batch async for batch in stream(made).samples(HOUR)]
    assert [len(batch) for batch in batches] == [4] * 7 + [2]
    assert [one for batch in batches for one in batch] == await history(made).samples(HOUR)


@pytest.mark.parametrize("step", [3, 7, 60, 300, 3600])
async def test_buckets_are_those_of_the_pages(made: Store, step: int) -> None:
    query = replace(HOUR, since=START_US + SECOND, step_us=step * SECOND)
    found = [bucket async for batch in stream(made).buckets(query) for bucket in batch]
    assert found
    assert found == await history(made).buckets(query)


@pytest.fixture
async def packed(database_url: str) -> AsyncIterator[PackedStore]:
    """Five hours of two GPUs, of which some are packed, and a sample that came late."""
    async with packed_store(database_url, [Board("H200"), Board("H200")]) as packed:
        instants = range(START_US - 5 * HOUR_US, START_US, HOUR_US // 4)
        await packed.put({(gpu, at + gpu): {"power_watts": gpu + 0.5} for gpu in (1, 2) for at in instants})
        await packed.pack()
        await packed.put({(1, START_US - 5 * HOUR_US + 77): {"power_watts": 9.5}})
        yield packed


@pytest.mark.parametrize("step", [None, 600, 3600])
async def test_packed_hours_late_samples_and_rows_come_in_order(packed: PackedStore, step: int | None) -> None:
    query = HistoryQuery(0, START_US, metrics=("power_watts",), limit=10_000)
    read, pages = (HistoryStream(packed.database, clock=packed.clock), History(packed.database, clock=packed.clock))
    if step is None:
        samples = [one for batch in [batch async for batch in read.samples(query)] for one in batch]
        assert len(samples) == 41
        assert samples == await pages.samples(query)
    else:
        query = replace(query, step_us=step * SECOND)
        assert [one async for batch in read.buckets(query) for one in batch] == await pages.buckets(query)


async def test_what_comes_meanwhile_is_not_of_the_moment(made: Store) -> None:
    async with aclosing(stream(made).samples(HOUR)) as batches:
        found = await anext(batches)
        made.offer("host-1", sample("GPU-a", 100))
        await made.flush()
        found += [one async for batch in batches for one in batch]
    assert len(found) == 30


async def test_a_moment_is_not_held_for_long_and_nothing_is_missed_or_told_twice(made: Store) -> None:
    before = await history(made).samples(HOUR)
    async with aclosing(stream(made).samples(HOUR)) as batches:
        found = await anext(batches)
        made.offer("host-1", sample("GPU-a", 1), sample("GPU-a", 100))
        await made.flush()
        async for batch in batches:
            made.clock.advance(SNAPSHOT_SECONDS)
            found += batch
    # The sample of second 1 would have been before what is known by then.
    (after,) = (one for one in await history(made).samples(HOUR) if one.recorded_at == START_US + 100 * SECOND)
    assert found == [*before, after]


async def test_buckets_go_on_in_a_new_moment_too(made: Store) -> None:
    query = replace(HOUR, step_us=5 * SECOND)
    found: list[HistoryBucket] = []
    async with aclosing(stream(made).buckets(query)) as batches:
        async for batch in batches:
            made.clock.advance(SNAPSHOT_SECONDS)
            found += batch
    assert found == await history(made).buckets(query)


async def test_who_pauses_for_too_long_loses_the_moment_and_nothing_else(
    made: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(history_stream, "SNAPSHOT_SECONDS", 0.2)
    found: list[HistorySample] = []
    async with aclosing(stream(made).samples(HOUR)) as batches:
        found += await anext(batches)
        await until_nobody_is_idle_in_a_transaction(made)
        made.clock.advance(1)
        found += [one async for batch in batches for one in batch]
    assert found == await history(made).samples(HOUR)


async def until_nobody_is_idle_in_a_transaction(made: Store) -> None:
    """Until the server has ended the connection."""
    async with asyncio.timeout(10):
        while await idle(made):
            await asyncio.sleep(0.02)


async def idle(made: Store) -> int:
    watcher: Any = await asyncpg.connect(made.dsn)
    try:
        return int(
            await watcher.fetchval(
                "SELECT count(*) FROM pg_stat_activity WHERE state = 'idle in transaction'"
                " AND datname = current_database()"
            )
        )
    finally:
        await watcher.close()


async def test_who_stops_gives_the_connection_back(made: Store) -> None:
    async with aclosing(stream(made).samples(HOUR)) as batches:
        await anext(batches)
        assert await idle(made) == 1
    assert await idle(made) == 0
    assert await history(made).samples(HOUR)


async def test_too_many_gpus_are_refused_before_anything_is_read(made: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(history_module, "MAX_GPUS", 2)
    with pytest.raises(BadRequest, match="3 GPUs match and at most 2 may"):
        await anext(stream(made).samples(HOUR))
    found = [bucket async for batch in stream(made).buckets(replace(HOUR, step_us=60 * SECOND)) for bucket in batch]
    assert len(found) == 3


def test_windows_of_buckets_are_whole_hours_where_they_can_be() -> None:
    assert [window_step(step * SECOND, 1000, 1000) for step in (60, 300, 3600)] == [HOUR_US] * 3
    assert [window_step(step * SECOND, 1000, 1000) for step in (7, 7200)] == [7 * SECOND, 7200 * SECOND]
    assert window_step(60 * SECOND, 1001, 1000) == 60 * SECOND
