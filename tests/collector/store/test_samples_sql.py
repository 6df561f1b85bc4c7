"""What a reader asks for: metrics, GPUs and times, from whichever table has them, and no more than is needed."""

import itertools
from collections.abc import AsyncIterator

import pytest
from sqlalchemy import text

from fakes.clock import START_US
from fakes.derived import Board
from fakes.packed import PackedStore, packed_store
from gpufleet_collector.store.samples_sql import samples_source
from gpufleet_collector.store.times import HOUR_US, SECOND_US, to_datetime, to_us

SAMPLES = {
    (gpu, START_US + (hour * 3600 + seconds) * SECOND_US): {
        "power_watts": 100.5 + gpu,
        "energy_joules_total": 10 * hour,
    }
    for gpu in (1, 2)
    for hour in (0, 1, 2)
    for seconds in (0, 1800, 3599)
}


@pytest.fixture
async def store(database_url: str) -> AsyncIterator[PackedStore]:
    """The first hour is packed and has a late sample, the others are rows."""
    async with packed_store(database_url, [Board("NVIDIA H100")] * 2) as made:
        late = (1, START_US + 1800 * SECOND_US)
        await made.put({key: read for key, read in SAMPLES.items() if key != late})
        made.clock.advance(3 * 3600)
        assert await made.pack() == 1
        await made.put({late: SAMPLES[late]})
        yield made


async def asked(store: PackedStore, metrics: list[str], since: int, until: int, gpus: list[int]) -> list[object]:
    source = samples_source(metrics, since, until)
    rows = await store.query(f"SELECT * FROM {source} AS s ORDER BY gpu_id, recorded_at", gpu_ids=gpus)
    return [(row[0], to_us(row[1]), *row[2:]) for row in rows]


async def test_times_are_half_open(store: PackedStore) -> None:
    spans = itertools.product([0, 1, 1800, 3599, 3600, 7000, 10800], [0, 1800, 1801, 3600, 5401, 20000])
    for since, until in spans:
        first, last = START_US + since * SECOND_US, START_US + until * SECOND_US
        expected = [(gpu, at, read["power_watts"]) for (gpu, at), read in sorted(SAMPLES.items()) if first <= at < last]
        assert await asked(store, ["power_watts"], first, last, [1, 2]) == expected
        between = f"gpu_stats_between('{to_datetime(first)}', '{to_datetime(last)}')"
        rows = await store.query(f"SELECT gpu_id, recorded_at, power_watts FROM {between} ORDER BY 1, 2")
        assert [(row[0], to_us(row[1]), row[2]) for row in rows] == expected


async def test_gpus_and_metrics_in_the_order_asked_for(store: PackedStore) -> None:
    found = await asked(store, ["energy_joules_total", "power_watts"], START_US, START_US + 3 * HOUR_US, [2])
    assert found == [
        (gpu, at, read["energy_joules_total"], read["power_watts"])
        for (gpu, at), read in sorted(SAMPLES.items())
        if gpu == 2
    ]
    assert await asked(store, [], START_US, START_US + 1, [1, 2, 3]) == [(1, START_US), (2, START_US)]
    assert await asked(store, [], START_US, START_US + HOUR_US, []) == []


async def test_only_arrays_asked_for_are_read(store: PackedStore) -> None:
    source = samples_source(["power_watts"], START_US, START_US + HOUR_US)
    assert "energy_joules_total" not in source
    assert "unnest(p.power_watts_wide)" in source


async def plan(store: PackedStore, query: str) -> str:
    """What was done for the query."""
    async with store.database.begin() as connection:
        rows = await connection.execute(text(f"EXPLAIN (ANALYZE, COSTS OFF) {query}"))
        return "\n".join(row[0] for row in rows if "never executed" not in row[0])


async def test_the_function_leaves_out_partitions(store: PackedStore) -> None:
    later = "gpu_stats_between('2026-01-02 00:00Z', '2026-01-02 01:00Z')"
    assert "_20260101" not in await plan(store, f"SELECT avg(power_watts) FROM {later} WHERE gpu_id = 1")
    within = "gpu_stats_between('2026-01-01 02:10Z', '2026-01-01 02:20Z')"
    found = await plan(store, f"SELECT avg(power_watts) FROM {within} WHERE gpu_id = 1")
    assert "gpu_stats_2026010102" in found
    assert "gpu_stats_2026010101" not in found


async def test_the_view_finds_a_gpu_by_the_index(store: PackedStore) -> None:
    async with store.database.begin() as connection:
        await connection.exec_driver_sql("SET LOCAL enable_seqscan = off")
        rows = await connection.execute(text("EXPLAIN SELECT * FROM gpu_stats_all WHERE gpu_id = 1"))
        found = "\n".join(row[0] for row in rows)
    assert "Index Cond: (gpu_id = 1)" in found
