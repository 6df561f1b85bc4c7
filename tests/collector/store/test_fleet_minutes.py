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
