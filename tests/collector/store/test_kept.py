"""What retention has dropped from one table is read from another that still has it, and what none has is said: no bucket
is told to be complete that is not."""

from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from fakes.clock import START_US
from fakes.fleet import sample
from fakes.storing import Store, store
from gpufleet_collector.store.history import History, HistoryBucket, HistoryQuery
from gpufleet_collector.store.packing import Packing
from gpufleet_collector.store.plan import Kept, Source
from gpufleet_collector.store.retention import Keep, Retention
from gpufleet_collector.store.series import SeriesHistory
from gpufleet_collector.store.series_query import Series, SeriesAnswer, SeriesQuery
from gpufleet_collector.store.times import DAY_US, HOUR_US

SECOND = 1_000_000
DAYS_AGO = (40, 10, 1)
OLD = START_US - 40 * DAY_US
TWO_HOURS = (OLD, OLD + 2 * HOUR_US)
BUCKETS = HistoryQuery(*TWO_HOURS, metrics=("power_watts",), step_us=300 * SECOND)
LINES = SeriesQuery(*TWO_HOURS, ("power_watts",), step_us=300 * SECOND)


@pytest.fixture
async def made(database_url: str) -> AsyncIterator[Store]:
    """Two hours of two GPUs 40, 10 and 1 days ago, all packed."""
    async with store(database_url) as made:
        made.declare("host-1", "GPU-a", "GPU-b", seconds=-41 * 86_400)
        for days in DAYS_AGO:
            for second in range(0, 7200, 60):
                at = second - days * 86_400
                made.offer(
                    "host-1", *(sample(gpu, at, power_watts=second / 10) for gpu in ("GPU-a", "GPU-b")), replayed=True
                )
        await made.flush()
        packing = Packing(made.database, made.clock, pack_after_hours=0)
        while await packing.step():
            pass
        yield made


async def drop(made: Store, **days: float) -> Kept:
    """Retention of so many days has been at work; what it keeps."""
    keep = Keep(**days)
    assert await Retention(made.database, made.clock, keep).sweep() is not None
    kept = (keep.samples_days, keep.buckets_5m_days, keep.buckets_1h_days, keep.fleet_days)
    return Kept(*(round(days * DAY_US) for days in kept))


def history(made: Store, kept: Kept | None = None) -> History:
    return History(made.database, clock=made.clock, kept=kept)


def series(made: Store, kept: Kept | None = None) -> SeriesHistory:
    return SeriesHistory(made.database, clock=made.clock, kept=kept)


def points(answer: SeriesAnswer) -> list[tuple[int, float]]:
    (one,) = answer.series
    assert isinstance(one, Series)
    return list(zip(one.starts, one.values, strict=True))


def sources(answer: SeriesAnswer) -> set[Source]:
    return {one.source for one in answer.series}


@pytest.mark.parametrize("step", [300, 3600])
async def test_buckets_of_a_table_that_has_them_no_more_come_from_one_that_has(made: Store, step: int) -> None:
    asked = replace(BUCKETS, step_us=step * SECOND)
    before = await history(made).buckets(asked)
    assert len(before) == 2 * 7200 // step
    kept = await drop(made, samples_days=60, buckets_5m_days=20, buckets_1h_days=1)
    assert await history(made, kept).buckets(asked) == before


@pytest.mark.parametrize("step", [300, 3600])
async def test_series_of_the_fleet_come_from_single_gpus_when_its_minutes_are_gone(made: Store, step: int) -> None:
    asked = replace(LINES, step_us=step * SECOND)
    before = await series(made).ask(asked)
    kept = await drop(made, samples_days=60, fleet_days=1)
    after = await series(made, kept).ask(asked)
    assert points(after) == points(before)
    assert (sources(before), sources(after)) == (
        {Source.FLEET_MINUTES},
        {Source.HOURS if step == 3600 else Source.FIVE_MINUTES},
    )
    assert after.complete_until == asked.until
