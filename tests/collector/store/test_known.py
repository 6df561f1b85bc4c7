"""After a restart the collector knows its hosts again, with the GPUs that they have now."""

from fakes.clock import START_US
from fakes.fleet import agent
from fakes.storing import store
from gpufleet_collector.model import Gpu, Inventory, KnownHost
from gpufleet_collector.store.known import known_fleet
from gpufleet_collector.store.records import HostRecord


async def test_the_fleet_as_it_was_left(database_url: str) -> None:
    whole = Gpu("GPU-a", 0, "NVIDIA H200", "0000:01:00.0", "123", "96.00", None, None, None)
    part = Gpu("MIG-a", 0, "NVIDIA H200", "0000:01:00.0", None, None, "GPU-a", "1g.18gb", 7)
    inventory = Inventory(START_US, "nvml", True, "580.1", "13.580", "all is well", (whole, part))
    async with store(database_url) as made:
        made.writer.declare(HostRecord("host-2", agent({"rack": "r1"}), inventory))
        made.declare("host-1", "GPU-gone", seconds=0)
        await made.flush()
        made.clock.advance(5)
        made.declare("host-1", seconds=1)
        made.writer.mark_left("host-1", START_US + 7)
        await made.flush()
        first, second = await known_fleet(made.database, START_US - 1)
    assert second == KnownHost("host-2", START_US, agent({"rack": "r1"}), inventory)
    assert (first.host, first.last_seen, first.left_at) == ("host-1", START_US + 5_000_000, START_US + 7)
    assert first.inventory.gpus == ()


async def test_what_is_not_told_again_is_kept(database_url: str) -> None:
    async with store(database_url) as made:
        made.declare("host-1", Gpu("GPU-a", 0, "NVIDIA H200", serial="123"), seconds=0)
        made.declare("host-1", Gpu("GPU-a", 0, "NVIDIA H200 NVL"), seconds=1)
        await made.flush()
        made.declare("host-1", Gpu("GPU-a", 0, vbios="96"), seconds=2)
        await made.flush()
        (host,) = await known_fleet(made.database, START_US - 1)
    assert host.inventory.gpus == (Gpu("GPU-a", 0, "NVIDIA H200 NVL", vbios="96"),)


async def test_whoever_was_not_seen_for_long_is_not_known(database_url: str) -> None:
    async with store(database_url) as made:
        made.declare("long-ago", "GPU-a")
        await made.flush()
        made.clock.advance(100)
        made.declare("lately", "GPU-b")
        await made.flush()
        found = await known_fleet(made.database, START_US + 99_000_000)
    assert [(host.host, [gpu.uuid for gpu in host.inventory.gpus]) for host in found] == [("lately", ["GPU-b"])]


async def test_an_empty_database_knows_nobody(database_url: str) -> None:
    async with store(database_url) as made:
        assert await known_fleet(made.database, START_US - 1) == []
