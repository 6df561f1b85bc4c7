"""History gives back what was stored, where the GPU was then, page by page, without reading more than it must."""

from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fakes.clock import START_US, FakeClock
from fakes.fleet import sample
from fakes.storing import Store, store
from gpufleet_collector.errors import BadRequest, QueryTooLong
from gpufleet_collector.model import Gpu
from gpufleet_collector.store import history_sql
from gpufleet_collector.store.cells_sql import CellPlan
from gpufleet_collector.store.history import History, HistoryBucket, HistoryQuery, HistorySample, windows
from gpufleet_collector.store.parts import Parts
from gpufleet_collector.store.plan import Source
from gpufleet_collector.store.question import question
from gpufleet_collector.store.samples_sql import Moment
from gpufleet_collector.store.times import to_datetime

SECOND = 1_000_000
HOUR = HistoryQuery(since=START_US, until=START_US + 3600 * SECOND, metrics=("temperature_celsius", "power_watts"))


def at(seconds: float) -> int:
    return START_US + round(seconds * SECOND)


@pytest.fixture
async def made(database_url: str) -> AsyncIterator[Store]:
    async with store(database_url) as made:
        made.clock.advance(7200)
        yield made


@pytest.fixture
def history(made: Store) -> History:
    return History(made.database, clock=made.clock)


async def test_samples_say_where_the_gpu_was(made: Store, history: History) -> None:
    made.declare("host-1", "GPU-a", "GPU-b", seconds=0)
    made.offer("host-1", sample("GPU-b", 5, temperature_celsius=40, power_watts=69.9))
    made.offer("host-1", sample("GPU-a", 5, power_watts=0.1))
    await made.flush()
    made.declare("host-2", Gpu("GPU-b", index=6), seconds=10)
    made.offer("host-2", sample("GPU-b", 10, temperature_celsius=41))
    await made.flush()
    assert await history.samples(HOUR) == [
        HistorySample("host-1", "GPU-a", 0, "NVIDIA H200", at(5), (None, 0.1)),
        HistorySample("host-1", "GPU-b", 1, "NVIDIA H200", at(5), (40, 69.9)),
        HistorySample("host-2", "GPU-b", 6, "NVIDIA H200", at(10), (41, None)),
    ]


async def test_filters_mean_the_place_at_that_instant(made: Store, history: History) -> None:
    made.declare("host-1", "GPU-a", "GPU-b", seconds=0)
    await made.flush()
    made.declare("host-2", Gpu("GPU-b", index=6), seconds=10)
    for second in (5, 10, 15):
        made.offer("host-1", sample("GPU-a", second), sample("GPU-b", second))
    await made.flush()

    async def found(query: HistoryQuery) -> list[tuple[str, float]]:
        return [(row.gpu_uuid[-1], (row.recorded_at - START_US) / SECOND) for row in await history.samples(query)]

    assert await found(replace(HOUR, hosts=("host-1",))) == [("a", 5), ("b", 5), ("a", 10), ("a", 15)]
    assert await found(replace(HOUR, hosts=("host-2",))) == [("b", 10), ("b", 15)]
    assert await found(replace(HOUR, gpu_indexes=(1,))) == [("b", 5)]
    assert await found(replace(HOUR, gpu_uuids=("GPU-b",), gpu_indexes=(6, 1))) == [("b", 5), ("b", 10), ("b", 15)]
    assert await found(replace(HOUR, gpu_uuids=("GPU-a",), since=at(5), until=at(15))) == [("a", 5), ("a", 10)]
    assert await found(replace(HOUR, hosts=("host-9",))) == []
    assert await found(replace(HOUR, gpu_uuids=("GPU-x",))) == []


async def test_a_sample_outside_every_placement_has_no_host(made: Store, history: History) -> None:
    made.declare("host-1", "GPU-a", seconds=0)
    await made.flush()
    made.declare("host-1", seconds=10)
    made.offer("host-1", sample("GPU-a", 20, temperature_celsius=1))
    await made.flush()
    assert [(row.host, row.gpu_index) for row in await history.samples(HOUR)] == [(None, None)]
    assert await history.samples(replace(HOUR, hosts=("host-1",))) == []


async def test_samples_of_hours_ago_are_found(made: Store, history: History) -> None:
    made.declare("host-1", "GPU-a", seconds=0)
    made.offer("host-1", *(sample("GPU-a", hour * 3600) for hour in range(-300, 1, 50)), replayed=True)
    await made.flush()
    found = await history.samples(replace(HOUR, since=0, hosts=("host-1",)))
    assert [(row.recorded_at - START_US) // (3600 * SECOND) for row in found] == list(range(-300, 1, 50))


async def test_a_database_without_samples(made: Store, history: History) -> None:
    made.declare("host-1", "GPU-a", seconds=0)
    await made.flush()
    assert await history.samples(HOUR) == []
    assert await history.buckets(replace(HOUR, step_us=SECOND)) == []


@pytest.mark.parametrize("step_us", [None, 7 * SECOND])
async def test_pages_together_are_the_whole(made: Store, history: History, step_us: int | None) -> None:
    made.declare("host-1", "GPU-a", "GPU-b", "GPU-c", seconds=0)
    for second in range(0, 60, 2):
        made.offer("host-1", *(sample(f"GPU-{name}", second, temperature_celsius=second) for name in "abc"))
    made.offer("host-1", sample("GPU-b", 3000, temperature_celsius=1))
    await made.flush()

    async def read(query: HistoryQuery) -> list[HistorySample] | list[HistoryBucket]:
        return await history.samples(query) if step_us is None else await history.buckets(query)

    def key(row: HistorySample | HistoryBucket) -> tuple[int, str]:
        return (row.recorded_at if isinstance(row, HistorySample) else row.start), row.gpu_uuid

    whole: list[HistorySample | HistoryBucket] = list(await read(replace(HOUR, step_us=step_us)))
    assert len(whole) == (91 if step_us is None else 28)
    assert [key(row) for row in whole] == sorted({key(row) for row in whole})
    paged: list[HistorySample | HistoryBucket] = []
    while page := await read(replace(HOUR, step_us=step_us, limit=4, after=key(paged[-1]) if paged else None)):
        paged += page
    assert paged == whole


async def test_buckets_sum_up(made: Store, history: History) -> None:
    made.declare("host-1", "GPU-a", seconds=0)
    for second, watts in (
        (0, {"power_watts": 100.1}),
        (5, {"power_watts": 100.2}),
        (10, {}),
        (15, {"power_watts": 50.0}),
    ):
        made.offer("host-1", sample("GPU-a", second, temperature_celsius=second, **watts))
    await made.flush()
    query = replace(HOUR, since=at(2), step_us=10 * SECOND)
    assert await history.buckets(query) == [
        HistoryBucket("host-1", "GPU-a", 0, at(0), 1, False, ((5.0, 5, 5), (100.2, 100.2, 100.2))),
        HistoryBucket("host-1", "GPU-a", 0, at(10), 2, True, ((12.5, 10, 15), (50.0, 50.0, 50.0))),
    ]
    (first, _) = await history.buckets(replace(HOUR, step_us=10 * SECOND))
    assert list(first.values) == [(2.5, 0, 5), (100.15, 100.1, 100.2)]
    assert first.complete


async def test_a_bucket_of_nothing_read_has_no_values(made: Store, history: History) -> None:
    made.declare("host-1", "GPU-a", seconds=0)
    made.offer("host-1", sample("GPU-a", 0))
    await made.flush()
    (bucket,) = await history.buckets(replace(HOUR, step_us=60 * SECOND))
    assert (bucket.count, bucket.values) == (1, (None, None))


async def test_a_bucket_is_complete_when_nothing_more_can_come(made: Store) -> None:
    made.declare("host-1", "GPU-a", seconds=0)
    made.offer("host-1", sample("GPU-a", 0), sample("GPU-a", 60), sample("GPU-a", 3599))
    await made.flush()

    async def complete(now: float, until: int = HOUR.until) -> list[bool]:
        history = History(made.database, clock=FakeClock(wall_us=at(now)))
        return [bucket.complete for bucket in await history.buckets(replace(HOUR, until=until, step_us=60 * SECOND))]

    assert await complete(7200) == [True, True, True]
    assert await complete(134.9) == [True, False, False]
    assert await complete(135) == [True, True, False]
    assert await complete(7200, until=at(3599.5)) == [True, True, False]


async def test_a_bucket_with_a_move_is_one_and_names_the_last_host(made: Store, history: History) -> None:
    made.declare("host-1", "GPU-a", seconds=0)
    await made.flush()
    made.declare("host-2", Gpu("GPU-a", index=3), seconds=10)
    made.offer("host-1", sample("GPU-a", 5, temperature_celsius=1), sample("GPU-a", 15, temperature_celsius=3))
    await made.flush()
    (bucket,) = await history.buckets(replace(HOUR, step_us=60 * SECOND))
    assert (bucket.host, bucket.gpu_index, bucket.count) == ("host-2", 3, 2)
    (bucket,) = await history.buckets(replace(HOUR, step_us=60 * SECOND, hosts=("host-1",)))
    assert (bucket.host, bucket.count) == ("host-1", 1)


async def test_too_many_gpus_are_refused_with_advice(made: Store, history: History) -> None:
    for host in range(2):
        made.declare(f"host-{host}", *(f"GPU-{host}-{number}" for number in range(501)), seconds=0)
    made.offer("host-0", sample("GPU-0-0"))
    await made.flush()
    with pytest.raises(BadRequest, match="1002 GPUs match") as refused:
        await history.samples(HOUR)
    assert "host, gpu_uuid or gpu_index" in refused.value.detail
    assert len(await history.samples(replace(HOUR, hosts=("host-0",)))) == 1
    assert len(await history.buckets(replace(HOUR, step_us=SECOND))) == 1


async def test_a_question_that_takes_too_long_ends(
    made: Store, history: History, monkeypatch: pytest.MonkeyPatch
) -> None:
    made.declare("host-1", "GPU-a", seconds=0)
    made.offer("host-1", sample("GPU-a"))
    await made.flush()
    made.database.statement_seconds = 0.05
    monkeypatch.setattr(history_sql, "samples", lambda *_, **__: "SELECT pg_sleep(CAST(:row_limit AS integer))")
    with pytest.raises(QueryTooLong, match="took longer than"):
        await history.samples(HOUR)


async def test_one_gpu_is_read_by_the_key_of_the_hours_asked_for(made: Store) -> None:
    names = [f"GPU-{number}" for number in range(40)]
    made.declare("host-1", *names, seconds=0)
    for second in range(0, 7200, 10):
        made.offer("host-1", *(sample(name, second, power_watts=1) for name in names))
    await made.flush()
    await made.rows("ANALYZE gpu_stats")
    parameters = {
        "gpu_ids": [7],
        "sinces": [to_datetime(START_US)],
        "untils": [to_datetime(at(7200))],
        "after_at": to_datetime(0),
        "after_stay": 0,
        "row_limit": 10,
    }
    span = (at(100), at(1000))
    moment = Moment(0, has_late=True)
    cells = CellPlan(Source.SAMPLES, 10 * SECOND, Parts(None, (span,)), moment)
    for statement in (
        history_sql.samples(["power_watts"], span, moment),
        history_sql.buckets(["power_watts"], cells, 10 * SECOND),
    ):
        async with question(made.database) as asked:
            rows = await asked.fetch(f"EXPLAIN {statement}", parameters)
        plan = "\n".join(row[0] for row in rows)
        assert "gpu_stats_2026010100_pkey" in plan
        assert "2026010101" not in plan
        assert "Seq Scan on gpu_stats_2" not in plan


@given(
    since=st.integers(0, 10**12),
    length=st.integers(0, 10**11),
    gpus=st.integers(1, 80_000),
    limit=st.integers(1, 10_000),
    step_us=st.one_of(st.just(1), st.integers(SECOND, 10**11)),
)
def test_windows_cover_the_span_without_cutting_a_bucket(
    since: int, length: int, gpus: int, limit: int, step_us: int
) -> None:
    reached = since
    for begin, end in windows((since, since + length), gpus, limit, step_us):
        assert begin == reached
        assert begin < end
        assert end == since + length or end % step_us == 0
        reached = end
    assert reached == since + length
