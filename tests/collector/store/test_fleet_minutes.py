"""Minutes from live values stand until exact ones are there, and never take the place of those."""

from collections.abc import AsyncIterator

import pytest
from sqlalchemy import text

from fakes.clock import START_US, FakeClock
from fakes.fleet import agent, inventory, sample
from gpufleet_collector.live.live import Live
from gpufleet_collector.live.minutes import FleetMinutes
from gpufleet_collector.selfmetrics import SelfMetrics
from gpufleet_collector.store.database import Database
from gpufleet_collector.store.fleet_minutes import FleetMinuteTable
from gpufleet_collector.upkeep import LiveMinutes


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    made = Database(database_url)
    yield made
    await made.close()


async def rows(database: Database) -> list[tuple[object, ...]]:
    async with database.begin() as connection:
        found = await connection.execute(
            text(
                "SELECT scope, minute = '2026-01-01 00:00:00Z', exact, gpus, power_watts_sum, power_watts_min,"
                " temperature_celsius_max, power_watts_gpus, sm_active_percent_sum FROM fleet_stats_1m ORDER BY 1"
            )
        )
        return [tuple(row) for row in found]


async def test_the_minute_that_has_ended_is_written_once(database: Database) -> None:
    clock = FakeClock()
    live = Live(clock, SelfMetrics())
    job = LiveMinutes(live, FleetMinuteTable(database), clock, FleetMinutes())
    live.connected("h", agent(), inventory("GPU-a", "GPU-b"), 5.0, 0.0)
    clock.advance(57)
    live.samples("h", [sample("GPU-a", 57, power_watts=100.5, temperature_celsius=40)])
    live.samples("h", [sample("GPU-b", 57, power_watts=200, temperature_celsius=50)])
    assert await job.step() is None
    clock.advance(5)
    assert await job.step() == "2 groups"
    assert await job.step() is None
    fleet = ("fleet", True, False, 2, 300.5, 100.5, 50, 2, None)
    assert (await rows(database))[0] == fleet
    assert len(await rows(database)) == 2


async def test_an_exact_minute_stays(database: Database) -> None:
    clock = FakeClock()
    live = Live(clock, SelfMetrics())
    live.connected("h", agent(), inventory("GPU-a"), 5.0, 0.0)
    live.samples("h", [sample("GPU-a", 0, power_watts=100)])
    groups = FleetMinutes().groups(live.standing(), START_US)
    table = FleetMinuteTable(database)
    await table.write(groups)
    async with database.begin() as connection:
        await connection.execute(text("UPDATE fleet_stats_1m SET exact = true, power_watts_sum = 7"))
    await table.write(groups)
    assert {(row[2], row[4]) for row in await rows(database)} == {(True, 7)}


async def test_of_two_collectors_the_one_that_knows_more_of_a_minute_tells_of_it(database: Database) -> None:
    """As without a bus, or when one has just started."""
    table = FleetMinuteTable(database)

    async def write(watts: list[float], joules: list[float]) -> None:
        live, minutes = Live(FakeClock(), SelfMetrics()), FleetMinutes()
        names = [f"GPU-{number}" for number in range(len(watts))]
        live.connected("h", agent(), inventory(*names), 5.0, 0.0)
        for second, energy in enumerate(joules):
            for name, power in zip(names, watts, strict=True):
                live.samples("h", [sample(name, second, power_watts=power, energy_joules_total=energy)])
            groups = minutes.groups(live.standing(), START_US)
        await table.write(groups)

    async def told() -> float:
        (fleet, _) = await rows(database)
        return float(str(fleet[4]))

    await write([1.0, 1.0], [5.0])
    await write([7.0], [5.0])
    assert await told() == 2.0, "it has fewer GPUs"
    await write([3.0, 3.0], [5.0])
    assert await told() == 2.0, "it knows as much, and came later"
    await write([4.0, 4.0], [5.0, 6.0])
    assert await told() == 8.0, "it knows by how much the counters rose"
    await write([9.0, 9.0], [5.0])
    assert await told() == 8.0, "it has just started"
