"""The fleet as a whole: its history reaches the collector whatever the size of its hosts."""

import asyncio
import logging

import pytest

from fakes.ingest import running_ingest
from gpufleet_agent.access.address import parse_collectors
from gpufleet_agent.fleet_orders import FleetOrders
from gpufleet_agent.simulated_agent import BACKFILL_TICKS_PER_REPORT, Shared, SimulatedAgent, backfill_ticks

PATIENCE_SECONDS = 30.0


def orders(target: str, *, gpus: int, interval: float = 5.0, backfill: float = 0.0) -> FleetOrders:
    return FleetOrders(
        parse_collectors(f"grpc://{target}"), 1, gpus, interval, 0, faults=False, backfill_seconds=backfill
    )


@pytest.mark.parametrize("gpus", [0, 1, 8, 64, 256])
def test_a_report_of_history_holds_a_tick_at_least_and_few_where_hosts_are_large(gpus: int) -> None:
    assert 1 <= backfill_ticks(gpus) <= BACKFILL_TICKS_PER_REPORT
    assert backfill_ticks(gpus) * gpus <= 500


async def test_the_history_of_a_large_host_waits_for_room_and_loses_nothing() -> None:
    async with running_ingest() as ingest:
        ingest.store.hold = True
        agent = SimulatedAgent(
            orders(ingest.target, gpus=64, backfill=1800.0), 1, Shared(), logging.getLogger("test.fleet")
        )
        streaming = asyncio.create_task(agent.uplink.run())
        async with asyncio.timeout(PATIENCE_SECONDS):
            telling = asyncio.create_task(agent.backfill())
            while not telling.done() or len(agent.outbox):
                await asyncio.sleep(0.01)
                ingest.store.settle_all()
            await telling
        streaming.cancel()
        await asyncio.gather(streaming, return_exceptions=True)
    tally = agent.outbox.tally
    assert tally.dropped == 0
    assert tally.settled == tally.taken == 360 * 64


async def test_an_interval_below_a_microsecond_is_taken_as_one() -> None:
    agent = SimulatedAgent(orders("127.0.0.1:9", gpus=1, interval=1e-9), 1, Shared(), logging.getLogger())
    ticking = asyncio.create_task(agent.wheel().run())
    async with asyncio.timeout(PATIENCE_SECONDS):
        while agent.outbox.tally.taken < 3:
            await asyncio.sleep(0)
    ticking.cancel()
    await asyncio.gather(ticking, return_exceptions=True)
