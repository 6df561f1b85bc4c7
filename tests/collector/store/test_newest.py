"""The newest samples of every GPU are read without the rest of its history, and exactly as they were stored."""

import pytest

from fakes.clock import START_US
from fakes.fleet import sample
from fakes.storing import store
from gpufleet_collector.model import Gpu, Sample
from gpufleet_collector.store import newest
from gpufleet_collector.store.database import Database
from gpufleet_collector.store.newest import LOOK_BACK_US, MOST_OF_A_GPU, newest_samples


async def read(database: Database, *gpu_uuids: str, last_seen: int = START_US) -> list[Sample]:
    return [one async for part in newest_samples(database, gpu_uuids, last_seen) for one in part]


def of(gpu_uuid: str, samples: list[Sample]) -> list[Sample]:
    return [one for one in samples if one.gpu_uuid == gpu_uuid]


async def test_the_newest_of_each_gpu_come_oldest_first(database_url: str) -> None:
    async with store(database_url) as made:
        made.declare("h", Gpu("x", 0), Gpu("y", 1), Gpu("z", 2), seconds=-200)
        of_x = [sample("x", -seconds, power_watts=seconds) for seconds in range(100, 0, -1)]
        of_y = [sample("y", -7, power_watts=0.1, energy_joules_total=1e15 + 0.001, throttle_reasons=2**32 - 1)]
        made.offer("h", *of_x, *of_y)
        await made.flush()
        found = await read(made.database, "x", "y", "z", "nobody")
    assert of("x", found) == of_x[-MOST_OF_A_GPU:]
    assert of("y", found) == of_y
    assert len(found) == MOST_OF_A_GPU + 1


async def test_of_many_gpus_fewer_are_read_of_each_but_two(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(newest, "MOST_ROWS", 12)
    monkeypatch.setattr(newest, "GPUS_AT_ONCE", 3)
    uuids = [f"g{number}" for number in range(10)]
    async with store(database_url) as made:
        made.declare("h", *uuids, seconds=-200)
        made.offer("h", *(sample(uuid, -seconds, power_watts=1.0) for uuid in uuids for seconds in range(9)))
        await made.flush()
        few = await read(made.database, *uuids[:3])
        many = await read(made.database, *uuids)
    assert [len(of(uuid, few)) for uuid in uuids[:3]] == [4, 4, 4]
    assert [[one.recorded_at - START_US for one in of(uuid, many)] for uuid in uuids] == [[-1_000_000, 0]] * 10


async def test_what_is_long_before_the_fleet_was_last_heard_of_is_left(database_url: str) -> None:
    async with store(database_url) as made:
        made.declare("h", "x", "y", seconds=-20_000)
        oldest = -LOOK_BACK_US / 1e6
        made.offer("h", sample("x", oldest - 1, power_watts=1.0), sample("y", oldest, power_watts=1.0))
        await made.flush()
        found = await read(made.database, "x", "y")
        later = await read(made.database, "x", "y", last_seen=START_US + 2_000_000)
    assert found == [sample("y", oldest, power_watts=1.0)]
    assert later == []


async def test_nothing_is_asked_of_an_empty_fleet(database_url: str) -> None:
    async with store(database_url) as made:
        assert await read(made.database) == []
