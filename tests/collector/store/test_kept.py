"""What retention has dropped from one table is read from another that still has it, and what none has is said: no
bucket is told to be complete that is not."""

from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from fakes.clock import START_US
from fakes.fleet import sample
from fakes.storing import Store, store
from gpufleet_collector.store.history import History, HistoryBucket, HistoryQuery
from gpufleet_collector.store.history_stream import HistoryStream
from gpufleet_collector.store.packing import Packing
from gpufleet_collector.store.plan import GROUPINGS, Kept, Source
from gpufleet_collector.store.retention import Keep, Retention
from gpufleet_collector.store.series import SeriesHistory
from gpufleet_collector.store.series_query import Incomplete, Series, SeriesAnswer, SeriesQuery
from gpufleet_collector.store.times import DAY_US, HOUR_US

SECOND = 1_000_000
DAYS_AGO = (40, 10, 1)
CUT = START_US - 10 * DAY_US
"""The midnight before which ten days of retention drop everything."""
OLD = START_US - 40 * DAY_US
TWO_HOURS = (OLD, OLD + 2 * HOUR_US)
BUCKETS = HistoryQuery(*TWO_HOURS, metrics=("power_watts",), step_us=300 * SECOND)
LINES = SeriesQuery(*TWO_HOURS, ("power_watts",), step_us=300 * SECOND)


@pytest.fixture
async def made(database_url: str) -> AsyncIterator[Store]:
    """Of two GPUs three hours 40, 10 and 1 days ago, one of them before midnight, all packed."""
    async with store(database_url) as made:
        made.declare("host-1", "GPU-a", "GPU-b", seconds=-41 * 86_400)
        for days in DAYS_AGO:
            for second in range(-3600, 7200, 60):
                at = second - days * 86_400
                made.offer(
                    "host-1",
                    *(
                        sample(gpu, at, power_watts=100 + second / 100, energy_joules_total=at)
                        for gpu in ("GPU-a", "GPU-b")
                    ),
                    replayed=True,
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


def around_the_cut(step: int) -> tuple[int, int]:
    """From the step before the one that `CUT` lies in to the one after."""
    begin = CUT // (step * SECOND) * step * SECOND
    assert begin < CUT
    return begin - step * SECOND, begin + 2 * step * SECOND


@pytest.mark.parametrize(
    ("step", "days"), [(777, {"samples_days": 10}), (2100, {"buckets_5m_days": 10, "samples_days": 10})]
)
@pytest.mark.parametrize("is_raised", [False, True])
async def test_a_bucket_that_retention_has_cut_is_not_complete(
    made: Store, step: int, days: dict[str, float], is_raised: bool
) -> None:
    since, until = around_the_cut(step)
    asked = replace(BUCKETS, since=since, until=until, step_us=step * SECOND)
    assert [bucket.complete for bucket in await history(made).buckets(asked)] == [True] * 6
    kept = await drop(made, **days)
    # Also when more is to be kept from now on: what is gone does not come back.
    found = await history(made, Kept() if is_raised else kept).buckets(asked)
    cut, whole = since + step * SECOND, since + 2 * step * SECOND
    assert [(bucket.start, bucket.complete) for bucket in found] == [(cut, False)] * 2 + [(whole, True)] * 2
    stream = HistoryStream(made.database, clock=made.clock, kept=kept)
    assert [bucket async for batch in stream.buckets(asked) for bucket in batch] == found


@pytest.mark.parametrize(
    ("step", "days"), [(777, {"samples_days": 10}), (2100, {"buckets_5m_days": 10, "samples_days": 10})]
)
async def test_steps_that_retention_has_cut_are_said(made: Store, step: int, days: dict[str, float]) -> None:
    since, until = around_the_cut(step)
    asked = replace(LINES, since=since, until=until, step_us=step * SECOND, group_by="host")
    assert (await series(made).ask(asked)).incomplete == []
    kept = await drop(made, **days)
    answer = await series(made, kept).ask(asked)
    assert answer.incomplete == [Incomplete(since, since + 2 * step * SECOND, "dropped")]
    assert [start * SECOND for start, _ in points(answer)] == [since + step * SECOND, since + 2 * step * SECOND]
    rest = replace(asked, since=since + 2 * step * SECOND)
    assert (await series(made, kept).ask(rest)).incomplete == []


async def test_a_counter_whose_value_before_is_gone_is_not_told_as_whole(made: Store) -> None:
    kept = await drop(made, samples_days=10, buckets_5m_days=10)
    asked = replace(LINES, since=CUT, until=CUT + HOUR_US, metrics=("energy_joules_total",), group_by="host")
    answer = await series(made, kept).ask(asked)
    assert answer.incomplete == [Incomplete(CUT, CUT + 300 * SECOND, "dropped")]
    assert [value for _, value in points(answer)] == [240] + [300] * 11


async def test_what_is_kept_nowhere_at_this_step_is_said(made: Store) -> None:
    kept = await drop(made)
    asked = replace(LINES, step_us=60 * SECOND, group_by="host")
    answer = await series(made, kept).ask(asked)
    assert (answer.series, answer.incomplete) == ([], [Incomplete(*TWO_HOURS, "dropped")])
    assert len(points(await series(made, kept).ask(replace(asked, step_us=300 * SECOND)))) == 24


async def test_a_young_store_has_lost_nothing(made: Store) -> None:
    await Retention(made.database, made.clock, Keep(samples_days=50)).sweep()
    for asked in (replace(LINES, since=OLD - 40 * DAY_US, step_us=HOUR_US, group_by=group) for group in GROUPINGS):
        answer = await series(made).ask(replace(asked, label="pool" if asked.group_by == "label" else None))
        assert answer.incomplete == []
    kept = Kept(samples_us=50 * DAY_US)
    ago = replace(BUCKETS, since=OLD - 3 * DAY_US, step_us=777 * SECOND)
    assert all(bucket.complete for bucket in (await history(made, kept).buckets(ago))[:-2])


async def test_what_all_tables_have_dropped_is_said_if_the_fleet_was_there(made: Store) -> None:
    days = dict.fromkeys(("samples_days", "buckets_5m_days", "buckets_1h_days", "fleet_days"), 3)
    kept = await drop(made, **days)
    begin = START_US - 31 * DAY_US
    asked = replace(LINES, step_us=HOUR_US)
    assert (await series(made, kept).ask(asked)).incomplete == []
    await made.rows("UPDATE hosts SET first_seen = '2025-11-01Z'")
    for group in ("fleet", "host"):
        answer = await series(made, kept).ask(replace(asked, group_by=group, until=begin + 2 * HOUR_US))
        assert answer.incomplete == [Incomplete(OLD, begin, "dropped")]


async def test_of_a_gpu_that_moved_when_samples_are_gone_the_cell_is_not_told_as_whole(made: Store) -> None:
    """The rollup does not know which part of the cell was in which host."""
    made.declare("host-2", "GPU-a", seconds=-40 * 86_400 + 1300)
    await made.flush()
    asked = replace(BUCKETS, hosts=("host-1",), gpu_uuids=("GPU-a",), step_us=900 * SECOND)
    lines = replace(LINES, hosts=("host-1",), gpu_uuids=("GPU-a",), step_us=900 * SECOND, group_by="gpu")
    before = await history(made, Kept(samples_us=50 * DAY_US)).buckets(asked)
    kept = await drop(made)

    def told(buckets: list[HistoryBucket]) -> list[tuple[int, int, bool]]:
        return [((bucket.start - OLD) // SECOND, bucket.count, bucket.complete) for bucket in buckets]

    assert told(before) == [(0, 15, True), (900, 7, True)]
    assert told(await history(made, kept).buckets(asked)) == [(0, 15, True), (900, 5, False)]
    answer = await series(made, kept).ask(lines)
    assert answer.incomplete == [Incomplete(OLD + 900 * SECOND, OLD + 1800 * SECOND, "dropped")]
