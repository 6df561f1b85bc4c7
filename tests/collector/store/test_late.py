"""Samples of hours already packed are merged into them: each once at every moment, many at a time."""

import asyncio
from collections.abc import AsyncIterator
from random import Random

import pytest

from fakes.clock import START_US
from fakes.derived import Board, Samples
from fakes.packed import PackedStore, packed_store
from gpufleet_collector.store import late
from gpufleet_collector.store.derivation import derive
from gpufleet_collector.store.late import LateMerge, Waiting
from gpufleet_collector.store.times import HOUR_US, SECOND_US

BOARDS = (
    Board("NVIDIA H100", labels={"rack": "r1"}),
    Board("NVIDIA A100"),
    Board("NVIDIA A100 MIG 1g.5gb", parent=2),
    Board("NVIDIA H100"),
)


@pytest.fixture
async def store(database_url: str) -> AsyncIterator[PackedStore]:
    async with packed_store(database_url, BOARDS, ["rack"]) as made:
        yield made


def at(seconds: float, hour: int = 0) -> int:
    return START_US + hour * HOUR_US + round(seconds * SECOND_US)


def read(random: Random) -> dict[str, float]:
    offered = {
        "power_watts": random.randrange(7000) / 10,
        "energy_joules_total": random.randrange(10**6),
        "sm_active_percent": random.randrange(1000) / 10,
        "throttle_reasons": random.choice([0, 4, 2**32 - 1]),
        "temperature_celsius": random.randrange(90),
    }
    return {name: value for name, value in offered.items() if random.random() < 0.8}


def spread(random: Random, gpus: range, count: int, hours: int = 1) -> dict[tuple[int, int], dict[str, float]]:
    return {
        (gpu, START_US + random.randrange(hours * 3600) * SECOND_US): read(random) for gpu in gpus for _ in range(count)
    }


async def packed(store: PackedStore, samples: Samples, hours: int = 1) -> None:
    await store.put(samples)
    store.clock.advance((hours + 2) * 3600)
    assert await store.pack() == hours


@pytest.mark.parametrize("seed", range(3))
async def test_late_samples_show_once_before_and_after_they_are_merged(store: PackedStore, seed: int) -> None:
    random = Random(seed)
    first = spread(random, range(1, 4), 40)
    await packed(store, first)
    later = spread(random, range(2, 5), 30)
    repeats = {key: read(random) for key in random.sample(sorted(first), 20)}
    await store.put(later | repeats)
    everything = later | first
    assert await store.everything() == everything
    assert await store.asked(START_US, START_US + HOUR_US) == everything
    assert await store.merge.step()
    await store.check(everything)
    assert await store.query("SELECT gpu_id FROM gpu_stats_late") == []
    assert not await store.merge.step()


async def test_repeats_alone_change_nothing(store: PackedStore) -> None:
    samples = spread(Random(1), range(1, 3), 10)
    await packed(store, samples)
    version = "SELECT gpu_id, xmin::text FROM gpu_stats_packed ORDER BY 1"
    before = await store.query(version)
    await store.put({key: {} for key in samples})
    assert await store.everything() == samples
    assert await store.merge.step()
    assert await store.query(version) == before
    await store.check(samples)


async def test_gpus_without_late_samples_are_left_as_they_are(store: PackedStore) -> None:
    samples = {(1, at(10)): {"power_watts": 1.0}, (4, at(10)): {"power_watts": 2.0}}
    await packed(store, samples)
    version = "SELECT xmin::text FROM gpu_stats_packed WHERE gpu_id = 4"
    before = await store.query(version)
    later = {(1, at(5)): {"power_watts": 7.0}}
    await store.put(later)
    assert await store.merge.step()
    assert await store.query(version) == before
    await store.check(samples | later)


async def test_an_hour_that_had_no_samples_gets_them_late(store: PackedStore) -> None:
    samples = {(1, at(1, 2)): {"power_watts": 1.0}}
    await store.put(samples)
    store.clock.advance(5 * 3600)
    assert await store.pack() == 1
    later = {(1, at(1)): {"power_watts": 3.0}}
    await store.put(later)
    await store.check_derived(samples)
    assert await store.everything() == samples | later
    assert await store.merge.step()
    await store.check(samples | later)


async def test_the_hour_that_most_wait_for_comes_first_and_not_again_at_once(
    store: PackedStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    await packed(store, {(1, at(1)): {}, (1, at(1, 1)): {}}, hours=2)
    await store.put({(1, at(2)): {}, (1, at(2, 1)): {}, (1, at(3, 1)): {}})
    assert list(await store.merge.waiting()) == [Waiting(at(0), 1), Waiting(at(0, 1), 2)]
    assert await store.merge.step()
    assert list(await store.merge.waiting()) == [Waiting(at(0), 1)]
    assert await store.merge.step()
    await store.put({(1, at(9)): {}})
    store.clock.advance(late.MERGE_SECONDS - 1)
    assert not await store.merge.step()
    with monkeypatch.context() as patched:
        patched.setattr(late, "MUCH", 1)
        assert await store.merge.step()
    await store.put({(1, at(10)): {}})
    store.clock.advance(late.MERGE_SECONDS)
    assert await store.merge.step()


async def test_cancelled_half_way_nothing_has_happened(store: PackedStore, monkeypatch: pytest.MonkeyPatch) -> None:
    random = Random(4)
    first, later = spread(random, range(1, 4), 10), spread(random, range(1, 4), 10)
    await packed(store, first)
    await store.put(later)
    reached = asyncio.Event()

    async def stall(*arguments: object) -> None:
        await derive(*arguments)  # type: ignore[arg-type]
        reached.set()
        await asyncio.Event().wait()

    with monkeypatch.context() as patched:
        patched.setattr(late, "derive", stall)
        step = asyncio.create_task(store.merge.step())
        await reached.wait()
        assert await store.everything() == later | first
        async with asyncio.timeout(5):
            await store.put({(4, at(77)): {"power_watts": 4.0}})
        step.cancel()
        with pytest.raises(asyncio.CancelledError):
            await step
    everything = later | first | {(4, at(77)): {"power_watts": 4.0}}
    assert await store.everything() == everything
    assert await store.merge.step()
    await store.check(everything)


async def test_several_at_once_merge_once(store: PackedStore) -> None:
    random = Random(5)
    first, later = spread(random, range(1, 4), 10, hours=2), spread(random, range(1, 4), 10, hours=2)
    await packed(store, first, hours=2)
    await store.put(later)
    others = [LateMerge(store.database, store.clock, store.labels, merge_seconds=0) for _ in range(3)]
    for _ in range(4):
        await asyncio.gather(*(merge.step() for merge in others))
    await store.check(later | first)
    assert await store.query("SELECT gpu_id FROM gpu_stats_late") == []
