"""Processes go over the stream as they are now: the latest wins, none is sent twice, none is waited for."""

import asyncio
import logging
from collections.abc import Callable

from fakes.ingest import hello, running_ingest
from gpufleet_agent.access.address import parse_collectors
from gpufleet_agent.fleet_orders import FleetOrders
from gpufleet_agent.outbox import Outbox
from gpufleet_agent.simulated_agent import Shared, SimulatedAgent
from gpufleet_agent.simulation.faults import Faults
from gpufleet_agent.uplink import Uplink
from gpufleet_collector.clock import SystemClock
from gpufleet_proto import telemetry_pb2 as pb


def new_uplink(target: str) -> Uplink:
    return Uplink(
        parse_collectors(f"grpc://{target}"),
        Outbox(),
        greeting=lambda: hello().hello,
        heartbeat=lambda: pb.Heartbeat(sent_at_us=SystemClock().now().wall_us, interval_seconds=5.0),
        on_welcome=lambda _welcome: None,
        random=lambda: 0.01,
        log=logging.getLogger("test.uplink"),
    )


def processes(*pids: int) -> pb.Processes:
    found = [pb.Process(gpu_uuid="GPU-node-1-0", pid=pid) for pid in pids]
    return pb.Processes(observed_at_us=SystemClock().now().wall_us, processes=found)


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not condition():
            await asyncio.sleep(0.005)


async def test_what_was_told_before_the_stream_is_sent_once_it_is_open_and_only_the_newest() -> None:
    async with running_ingest() as ingest:
        uplink = new_uplink(ingest.target)
        uplink.tell(processes(1))
        uplink.tell(processes(2, 3))
        streaming = asyncio.create_task(uplink.run())
        await until(lambda: bool(ingest.store.told))
        uplink.tell(processes(4))
        await until(lambda: len(ingest.store.told) == 2)
        streaming.cancel()
        await asyncio.gather(streaming, return_exceptions=True)
    assert [[process.pid for process in told.processes] for told in ingest.store.told] == [[2, 3], [4]]


async def test_a_list_is_not_sent_again_on_the_next_stream() -> None:
    async with running_ingest() as ingest:
        uplink = new_uplink(ingest.target)
        for _ in range(2):
            streaming = asyncio.create_task(uplink.run())
            await until(lambda: uplink.state.connected)
            if uplink.state.connections == 1:
                uplink.tell(processes(1))
                await until(lambda: bool(ingest.store.told))
            await until(lambda: ingest.count("gpufleet_messages_received_total", kind="heartbeat") > 0)
            streaming.cancel()
            await asyncio.gather(streaming, return_exceptions=True)
    assert len(ingest.store.told) == 1


async def test_a_simulated_host_tells_of_its_faults_and_processes_live_and_past() -> None:
    async with running_ingest() as ingest:
        orders = FleetOrders(
            parse_collectors(f"grpc://{ingest.target}"),
            hosts=1,
            gpus=2,
            interval_seconds=0.05,
            seed=0,
            faults=True,
            backfill_seconds=30.0,
            fault_times=Faults(every_seconds=0.4, lost_seconds=0.1),
        )
        agent = SimulatedAgent(orders, 1, Shared(), logging.getLogger("test.fleet"))
        running = [asyncio.create_task(work) for work in (agent.uplink.run(), agent.wheel().run())]
        await agent.backfill()
        past = agent.events_told
        assert 200 <= past <= 240
        await until(lambda: agent.events_told >= past + 6)
        running.pop().cancel()
        await until(lambda: len(agent.outbox) == 0)
        running.pop().cancel()
        await asyncio.sleep(0)
    assert len(ingest.store.events) == agent.events_told
    assert {event.kind for event in ingest.store.events.values()} == {"xid", "gpu_lost", "gpu_found"}
    assert agent.outbox.tally.refused == 0
    assert ingest.store.told
