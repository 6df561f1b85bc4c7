"""The uplink against a real ingest server: nothing is lost when a stream breaks, and trouble is said once."""

import asyncio
import logging
import math
import random
from collections import Counter

import pytest

from fakes.ingest import hello, running_ingest
from fakes.store import MemoryStore
from fakes.streaming_host import PATIENCE_SECONDS, Host
from gpufleet_agent.stream import RETRY_AFTER, replay_rate, retry_after
from gpufleet_agent.uplink import shuffled
from gpufleet_collector.ingest.admission import AdmissionLimits
from gpufleet_collector.ingest.limits import IngestLimits
from gpufleet_proto import telemetry_pb2 as pb

NOBODY = "127.0.0.1:9"


async def test_reports_arrive_and_are_settled() -> None:
    async with running_ingest() as ingest:
        host = Host(ingest.target)
        host.take(3)
        async with host.streaming():
            await host.until(lambda: len(host.outbox) == 0)
        assert len(ingest.store.samples) == 6
        assert host.outbox.tally.settled == 6
        assert len(host.welcomes) == 1


async def test_what_was_not_settled_when_the_collector_went_is_sent_to_the_next_and_stored_once() -> None:
    store = MemoryStore()
    store.hold = True
    host = None
    async with running_ingest(store=store) as ingest:
        port = ingest.server.port
        host = Host(ingest.target)
        streaming = asyncio.create_task(host.uplink.run())
        host.take(4)
        await host.until(lambda: store.offers == 4)
    host.take(2)
    store.hold = False
    store.waiting.clear()
    async with running_ingest(store=store, port=port):
        await host.until(lambda: len(host.outbox) == 0)
    streaming.cancel()
    await asyncio.gather(streaming, return_exceptions=True)
    assert len(store.samples) == 12
    assert host.outbox.tally.settled == host.outbox.tally.taken == 12
    assert host.uplink.state.connections == 2


async def test_a_collector_that_cannot_be_reached_is_said_once(caplog: pytest.LogCaptureFixture) -> None:
    tries = 0

    async def count(_delay: float) -> None:
        nonlocal tries
        tries += 1
        await asyncio.sleep(0)

    host = Host(NOBODY, sleep=count)
    async with host.streaming():
        await host.until(lambda: tries >= 4)
    warnings = [record for record in caplog.records if record.levelno == logging.WARNING]
    assert len(warnings) == 1
    assert NOBODY in warnings[0].getMessage()


async def test_a_heartbeat_may_be_sent_out_of_turn() -> None:
    async with running_ingest() as ingest:
        host = Host(ingest.target)
        host.uplink.beat()
        async with host.streaming():
            for count in (1, 2, 3):
                await host.until(
                    lambda: ingest.count("gpufleet_messages_received_total", kind="heartbeat") >= count  # noqa: B023
                )
                host.uplink.beat()


async def test_collectors_are_tried_in_turn() -> None:
    async with running_ingest() as ingest:
        host = Host(NOBODY, ingest.target)
        host.take()
        async with host.streaming():
            await host.until(lambda: len(host.outbox) == 0)


async def test_a_full_collector_sends_reports_back_and_gets_them_again(caplog: pytest.LogCaptureFixture) -> None:
    from gpufleet_collector.ingest.limits import IngestLimits

    store = MemoryStore()
    store.full = True
    async with running_ingest(IngestLimits(throttle_seconds=0.05), store=store) as ingest:
        host = Host(ingest.target)
        host.take(3)
        async with host.streaming():
            await host.until(lambda: store.offers >= 3)
            store.full = False
            await host.until(lambda: len(host.outbox) == 0)
        assert len(store.samples) == 6


async def test_finishing_flushes_and_says_goodbye() -> None:
    async with running_ingest() as ingest:
        host = Host(ingest.target)
        running = asyncio.create_task(host.uplink.run())
        await host.until(lambda: host.uplink.state.connected)
        host.take(5)
        assert await host.uplink.finish(5.0)
        async with asyncio.timeout(PATIENCE_SECONDS):
            await running
        assert len(ingest.store.samples) == 10
        assert ingest.store.left == ["node-1"]


async def test_finishing_without_a_collector_gives_up_in_time() -> None:
    host = Host(NOBODY)
    host.take()
    async with host.streaming():
        assert not await host.uplink.finish(0.1)
    assert host.outbox.pending_samples == 2


async def test_an_inventory_that_changes_reaches_the_collector() -> None:
    async with running_ingest() as ingest:
        host = Host(ingest.target)
        async with host.streaming():
            await host.until(lambda: host.uplink.state.connected)
            host.uplink.announce(pb.Inventory(observed_at_us=1, backend="nvml", note="driver gone"))
            await host.until(lambda: len(ingest.store.declared) == 2)
        assert ingest.store.declared[-1].inventory.note == "driver gone"


async def test_an_inventory_that_changes_while_the_hello_is_on_its_way_is_told_right_after_it() -> None:
    async with running_ingest() as ingest:
        host = Host(ingest.target)
        changed = pb.Inventory(observed_at_us=1, backend="nvml", note="just found")

        def greeting() -> pb.Hello:
            asyncio.get_running_loop().call_soon(host.uplink.announce, changed)
            return hello().hello

        host.greet = greeting
        async with host.streaming():
            await host.until(lambda: len(ingest.store.declared) == 2)
        assert ingest.store.declared[-1].inventory.note == "just found"


async def test_who_leaves_before_all_is_settled_says_goodbye_too() -> None:
    store = MemoryStore()
    store.hold = True
    async with running_ingest(store=store) as ingest:
        host = Host(ingest.target)
        host.take()
        async with host.streaming():
            await host.until(lambda: store.offers == 1)
            assert not await host.uplink.finish(0.05)
            await host.until(lambda: store.left == ["node-1"])
    assert host.outbox.pending_samples == 2


async def test_an_agent_that_is_sent_away_comes_back_at_its_time_and_no_trouble_is_said(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO)
    delays: list[float] = []

    async def sleep(delay: float) -> None:
        delays.append(delay)
        await asyncio.sleep(delay)

    storm = AdmissionLimits(per_second=2.0, burst=1, wait_seconds=0.0)
    async with running_ingest(IngestLimits(admission=storm)) as ingest:
        first, second = Host(ingest.target), Host(ingest.target, sleep=sleep)
        second.greet = lambda: hello("node-2").hello
        async with first.streaming():
            await first.until(lambda: first.uplink.state.connected)
            async with second.streaming():
                await second.until(lambda: second.uplink.state.connected)
    assert all(0.2 <= delay <= 0.6 for delay in delays), delays
    assert len(delays) in (1, 2)
    assert not [record for record in caplog.records if record.levelno >= logging.WARNING]
    assert sum("one after another" in record.getMessage() for record in caplog.records) == 1


@pytest.mark.parametrize(
    ("metadata", "seconds"),
    [
        (None, None),
        ((), None),
        (((RETRY_AFTER, "1500"),), 1.5),
        (((RETRY_AFTER, "999999999"),), 60.0),
        (((RETRY_AFTER, "1" * 400),), None),
        (((RETRY_AFTER, "soon"), ("other", b"5")), None),
        (((RETRY_AFTER, b"5"),), None),
    ],
)
def test_when_to_come_back_is_read_with_care(metadata: object, seconds: float | None) -> None:
    assert retry_after(metadata) == seconds  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("welcome", "rate"),
    [
        (pb.Welcome(), math.inf),
        (pb.Welcome(replays_per_second=2.5), 2.5),
        (pb.Welcome(replays_per_second=0.0), math.inf),
        (pb.Welcome(replays_per_second=math.nan), math.inf),
        (pb.Welcome(replays_per_second=1e-9), 0.01),
    ],
)
def test_the_rate_of_the_backlog_is_read_with_care(welcome: pb.Welcome, rate: float) -> None:
    assert replay_rate(welcome) == rate


def test_a_fleet_spreads_over_its_collectors_and_over_those_left_when_one_dies() -> None:
    seeded = random.Random(1).random
    orders = [shuffled(("a", "b", "c"), seeded) for _ in range(3_000)]
    first = Counter(order[0] for order in orders)
    after_a = Counter(order[1] for order in orders if order[0] == "a")
    assert set(first) == {"a", "b", "c"}
    assert set(after_a) == {"b", "c"}
    assert all(900 < number < 1_100 for number in first.values())
    assert all(400 < number < 600 for number in after_a.values())
