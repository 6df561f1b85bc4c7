"""An hour is packed and rolled up in one transaction: exactly, at one moment, and in nobody's way."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from random import Random
from typing import TypeAlias

import pytest
from sqlalchemy import text

from fakes.clock import START_US
from fakes.derived import SHAPES, Board, Samples
from fakes.packed import PackedStore, packed_store
from gpufleet_collector.clock import Moment
from gpufleet_collector.errors import DatabaseUnavailable
from gpufleet_collector.store import watermark
from gpufleet_collector.store.derivation import FIRST_ROWS
from gpufleet_collector.store.partitions import FLEET_STATS_1M
from gpufleet_collector.store.times import HOUR_US, SECOND_US

BOARDS = (
    Board("NVIDIA H100", labels={"rack": "r1", "pool": "train"}),
    Board("NVIDIA H100", labels={"rack": "r2"}),
    Board("NVIDIA A100"),
    Board("NVIDIA A100 MIG 1g.5gb", parent=3),
    Board("NVIDIA A100 MIG 1g.5gb", parent=3),
)
Written: TypeAlias = dict[tuple[int, int], Mapping[str, float]]
NAMES = {shape.name: shape for shape in SHAPES}


@pytest.fixture
async def store(database_url: str) -> AsyncIterator[PackedStore]:
    async with packed_store(database_url, BOARDS, ["rack", "nowhere"]) as made:
        yield made


def at(seconds: float, hour: int = 0) -> int:
    return START_US + hour * HOUR_US + round(seconds * SECOND_US)


def of_gpu(*values: float | None, metric: str, gpu: int = 1, step: float = 5.0, start: float = 1.0) -> Written:
    """A sample for each value, with the metric absent where it is None."""
    return {
        (gpu, at(start + number * step)): {} if value is None else {metric: value}
        for number, value in enumerate(values)
    }


def invented(seed: int, *, gpus: int = 5, hours: int = 1, rate: float = 0.02) -> Samples:
    """Samples at odd times with all metrics, each of which may be absent, and counters that may be reset."""
    random = Random(seed)
    samples: dict[tuple[int, int], dict[str, float]] = {}
    for gpu in range(1, gpus + 1):
        levels = {name: random.uniform(0, min(shape.metric.max, 1e9)) for name, shape in NAMES.items()}
        never = {name for name in NAMES if random.random() < 0.2}
        for instant in sorted(random.randrange(hours * HOUR_US) for _ in range(int(hours * 3600 * rate))):
            read = {}
            for name, shape in NAMES.items():
                if name not in never and random.random() < 0.7:
                    read[name] = shape.metric.round(_next(random, shape.is_counter, levels, name, shape.metric.max))
            samples[gpu, START_US + instant] = read
    return samples


def _next(random: Random, counter: bool, levels: dict[str, float], name: str, largest: float) -> float:
    if counter:
        levels[name] = (
            random.uniform(0, 100) if random.random() < 0.05 else levels[name] + random.choice([0, 0, 1, 1e4])
        )
        return levels[name]
    return random.choice([0.0, largest, levels[name], random.uniform(0, largest)])


async def test_a_metric_that_only_the_last_of_many_rows_has_is_kept(store: PackedStore) -> None:
    early: Written = {(1, at(number * 0.3)): {"power_watts": 100.0} for number in range(FIRST_ROWS + 1)}
    await store.put(early)
    late = {(1, at(3599.0)): {"power_watts": 100.0, "nvlink_tx_mb_per_second": 7.0}}
    await store.put(late)
    store.clock.advance(3 * 3600)
    assert await store.pack() == 1
    await store.check(early | late)


@pytest.mark.parametrize("seed", range(4))
async def test_an_hour_packed_reads_as_its_rows(store: PackedStore, seed: int) -> None:
    samples = invented(seed)
    await store.put(samples)
    await store.check(samples)
    store.clock.advance(3 * 3600)
    assert await store.pack() == 1
    await store.check(samples)


async def test_several_hours(store: PackedStore) -> None:
    samples = invented(9, gpus=3, hours=3, rate=0.006)
    await store.put(samples)
    for hours in range(3, 6):
        store.clock.moment = Moment(at(0, hours), 1000.0)
        assert await store.pack() == 1
        await store.check(samples)


LARGEST = {name: shape.metric.max for name, shape in NAMES.items()}


async def test_the_largest_and_the_smallest_value_of_each_metric(database_url: str) -> None:
    samples: Written = {}
    for gpu, (name, most) in enumerate(LARGEST.items(), 1):
        samples |= of_gpu(0, most, 0, most, 1, None, most, metric=name, gpu=gpu)
    await packed_as_put(database_url, samples)


ODD_COUNTERS: tuple[tuple[float | None, ...], ...] = (
    (None, None, 7, None, 8, 9),
    (None, None),
    (None,),
    (5,),
    (3, 3, 3),
    (3, None, 3),
    (None, 3, 2, None, 1, 0, 50),
    (10, 20, 5, 6, 2, 2, 100),
    (2**31, 0, 2**31 + 5, 2**40),
)


@pytest.mark.parametrize("step", [5.0, 70.0, 400.0])
async def test_counters(database_url: str, step: float) -> None:
    samples: Written = {}
    gpu = 0
    for name in ("energy_joules_total", "power_throttle_seconds_total", "remapped_rows_corrected_total"):
        for values in ODD_COUNTERS:
            gpu += 1
            fitting = [None if value is None else min(value, LARGEST[name]) for value in values]
            samples |= of_gpu(*fitting, metric=name, gpu=gpu, step=step, start=200.0)
    await packed_as_put(database_url, samples)


async def test_an_hour_of_flags_alone(database_url: str) -> None:
    await packed_as_put(database_url, of_gpu(1, 4294967295, metric="throttle_reasons"))


async def test_samples_without_a_value(database_url: str) -> None:
    await packed_as_put(database_url, of_gpu(None, None, metric="power_watts"))


async def packed_as_put(dsn: str, samples: Samples) -> None:
    boards = [Board("NVIDIA H100")] * max(gpu for gpu, _ in samples)
    async with packed_store(dsn, boards) as store:
        await store.put(samples)
        store.clock.advance(3 * 3600)
        assert await store.pack() == 1
        await store.check(samples)


async def test_gaps_that_are_too_long_for_narrow_instants(store: PackedStore) -> None:
    samples = {(1, at(seconds)): {"power_watts": 100.5} for seconds in (0, 0.000001, 2500, 3599.999999)}
    samples[2, at(1800)] = {"power_watts": 0.1}
    await store.put(samples)
    store.clock.advance(3 * 3600)
    assert await store.pack() == 1
    await store.check(samples)
    wide = await store.query("SELECT gpu_id, instants IS NULL, instants_wide FROM gpu_stats_packed ORDER BY 1")
    assert [tuple(row) for row in wide] == [(1, True, [0, 1, 2499999999, 1099999999]), (2, False, None)]


async def test_arrays_are_narrow_where_they_can_be_and_absent_where_nothing_was_read(store: PackedStore) -> None:
    await store.put(of_gpu(1, 3276.7, metric="power_watts") | of_gpu(1, 3276.8, metric="power_watts", gpu=2))
    store.clock.advance(3 * 3600)
    await store.pack()
    found = await store.query(
        "SELECT power_watts, power_watts_wide, fan_speed_percent FROM gpu_stats_packed ORDER BY gpu_id"
    )
    assert [tuple(row) for row in found] == [([10, 32767], None, None), (None, [10, 32768], None)]


async def test_an_instance_counts_where_its_parent_says_nothing(store: PackedStore) -> None:
    both = {"power_watts": 50.0, "memory_used_mb": 10, "sm_active_percent": 40.0}
    samples = {
        (3, at(1)): {"power_watts": 300.0, "memory_used_mb": 99},
        (4, at(1)): both,
        (5, at(2)): both,
        (4, at(61)): both,
        (3, at(62)): {"sm_active_percent": 70.0},
    }
    await store.put(samples)
    store.clock.advance(3 * 3600)
    await store.pack()
    await store.check(samples)
    found = await store.query(
        "SELECT gpus, power_watts_sum, memory_used_mb_gpus, sm_active_percent_sum, sm_active_percent_gpus"
        " FROM fleet_stats_1m WHERE scope = 'fleet' ORDER BY minute"
    )
    assert [tuple(row) for row in found] == [(1, 300.0, 1, 80.0, 2), (1, None, None, 70.0, 1)]


async def test_live_minutes_give_way_to_exact_ones(store: PackedStore) -> None:
    await store.put(of_gpu(1, metric="power_watts"))
    await store.keeper.ensure(FLEET_STATS_1M, [FLEET_STATS_1M.number(START_US)])
    async with store.database.begin() as connection:
        for minute in (0, 1, 60):
            live = (
                "INSERT INTO fleet_stats_1m (scope, key, value, minute, exact, gpus, samples) VALUES ('label', 'rack',"
            )
            await connection.execute(
                text(f"{live} 'gone', timestamptz '2026-01-01Z' + {minute} * interval '1 minute', false, 1, 1)")
            )
    store.clock.advance(3 * 3600)
    await store.pack()
    left = await store.query("SELECT extract(hour FROM minute AT TIME ZONE 'UTC') FROM fleet_stats_1m WHERE NOT exact")
    assert [int(row[0]) for row in left] == [1]


async def test_only_what_is_due(store: PackedStore) -> None:
    await store.put(of_gpu(1, metric="power_watts") | {(1, at(0, 30)): {}})
    store.clock.advance(3 * 3600 - 0.000001)
    assert not await store.packing.step()
    assert not await store.query("SELECT 1 FROM store_watermark WHERE closed_until > to_timestamp(0)")
    store.clock.advance(0.000001)
    assert await store.packing.step()
    assert not await store.packing.step()


async def test_a_clock_in_the_future_is_held_by_that_of_the_database(store: PackedStore) -> None:
    far = START_US + 100 * 365 * 24 * HOUR_US
    await store.put({(1, far): {"power_watts": 1.0}})
    store.clock.advance(101 * 365 * 24 * 3600)
    assert not await store.packing.step()


async def test_hours_without_samples_are_passed_over(store: PackedStore) -> None:
    samples = {(1, at(1)): {"power_watts": 1.0}, (1, at(1, 40)): {"power_watts": 2.0}}
    await store.put(samples)
    store.clock.advance(50 * 3600)
    assert await store.pack() == 2
    await store.check(samples)


async def test_late_samples_of_a_closed_hour_are_taken_in(store: PackedStore) -> None:
    samples = of_gpu(1, 2, metric="power_watts")
    await store.put(samples)
    async with store.database.begin() as connection:
        await watermark.close(connection, START_US + HOUR_US)
    late: Written = {(1, at(30)): {"power_watts": 9.0}, (2, at(0)): {}, (1, at(1)): {"power_watts": 99.0}}
    await store.put(late)
    await store.check(late | samples)
    store.clock.advance(3 * 3600)
    assert await store.pack() == 1
    await store.check(late | samples)
    assert await store.query("SELECT 1 FROM gpu_stats_late") == []


async def test_several_at_once_pack_each_hour_once(store: PackedStore) -> None:
    samples = invented(3, gpus=2, hours=3, rate=0.006)
    await store.put(samples)
    store.clock.advance(6 * 3600)
    others = [store.another() for _ in range(3)]
    for _ in range(12):
        await asyncio.gather(*(packing.step() for packing in others))
    await store.check(samples)
    assert await store.query("SELECT 1 FROM store_watermark WHERE packed_until = '2026-01-01 03:00Z'")


async def test_cancelled_half_way_nothing_has_happened(store: PackedStore, monkeypatch: pytest.MonkeyPatch) -> None:
    samples = invented(5, gpus=2)
    await store.put(samples)
    store.clock.advance(3 * 3600)
    reached = asyncio.Event()

    async def stall(connection: object, until: int) -> None:
        reached.set()
        await asyncio.Event().wait()

    with monkeypatch.context() as patched:
        patched.setattr(watermark, "move", stall)
        step = asyncio.create_task(store.packing.step())
        await reached.wait()
        await store.check(samples)
        step.cancel()
        with pytest.raises(asyncio.CancelledError):
            await step
    await store.check(samples)
    assert await store.packing.step()
    await store.check(samples)


async def test_writers_and_readers_do_not_wait_while_an_hour_is_packed(
    store: PackedStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    samples = of_gpu(1, 2, 3, metric="power_watts")
    await store.put(samples)
    store.clock.advance(3 * 3600)
    reached, going_on = asyncio.Event(), asyncio.Event()
    move = watermark.move

    async def stall(connection: object, until: int) -> None:
        reached.set()
        await going_on.wait()
        await move(connection, until)  # type: ignore[arg-type]

    monkeypatch.setattr(watermark, "move", stall)
    step = asyncio.create_task(store.packing.step())
    await reached.wait()
    late_and_new: Written = {(1, at(100)): {"power_watts": 4.0}, (1, at(0, 2)): {"power_watts": 5.0}}
    async with asyncio.timeout(5):
        await store.put(late_and_new)
        assert not await store.another().step()
        await store.check(samples | late_and_new)
    going_on.set()
    assert await step
    assert await store.everything() == samples | late_and_new


async def test_closing_waits_for_a_writer_and_gives_up(store: PackedStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watermark, "CLOSING_SECONDS", 0.1)
    await store.put(of_gpu(1, metric="power_watts"))
    store.clock.advance(3 * 3600)
    async with store.database.begin() as writing:
        await watermark.closed_until(writing)
        with pytest.raises(DatabaseUnavailable):
            await store.packing.step()
    assert await store.packing.step()
