"""The stream as an agent sees it: acks mean settled, and bad input ends its own stream with a clear status."""

import asyncio
import contextlib
import logging
from contextlib import AsyncExitStack

import grpc
import pytest

from fakes.ingest import PATIENCE_SECONDS, hello, raw_agent, report, running_ingest
from fakes.store import MemoryStore
from gpufleet_collector.clock import SystemClock
from gpufleet_collector.errors import ConfigurationError
from gpufleet_collector.ingest.admission import AdmissionLimits
from gpufleet_collector.ingest.limits import IngestLimits
from gpufleet_collector.live.selection import Selection
from gpufleet_collector.live.subscriber import Subscriber
from gpufleet_collector.model import PlacedEvent
from gpufleet_proto import telemetry_pb2 as pb

NOT_PROTOBUF = b"\xff\xff\xff\xff\xff"


def now_us() -> int:
    return SystemClock().now().wall_us


async def test_a_hello_is_welcomed_and_a_report_is_acknowledged_when_it_is_settled() -> None:
    async with running_ingest() as ingest, raw_agent(ingest.target) as agent:
        await agent.send(hello())
        welcome = await agent.receive()
        assert welcome.welcome.protocol == 1
        assert not welcome.welcome.HasField("interval_seconds")
        ingest.store.hold = True
        await agent.send(report(7))
        await agent.send(report(8))
        while ingest.store.offers < 2:
            await asyncio.sleep(0)
        ingest.store.settle_all()
        assert list((await agent.receive()).ack.sequences) == [7, 8]
        assert [record.host for record in ingest.store.declared] == ["node-1"]


async def test_an_interval_set_on_the_collector_goes_out_in_the_welcome() -> None:
    async with running_ingest(interval=2.5) as ingest, raw_agent(ingest.target) as agent:
        await agent.send(hello())
        assert (await agent.receive()).welcome.interval_seconds == 2.5


async def test_live_values_are_shown_before_they_are_settled_and_replayed_ones_never() -> None:
    async with running_ingest() as ingest, raw_agent(ingest.target) as agent:
        ingest.store.hold = True
        await agent.send(hello())
        await agent.receive()
        await agent.send(report(1, now_us() - 60_000_000, replayed=True))
        while ingest.store.offers < 1:
            await asyncio.sleep(0)
        assert ingest.live.gpu("GPU-node-1-0").recorded_at is None  # type: ignore[union-attr]
        await agent.send(report(2))
        while ingest.store.offers < 2:
            await asyncio.sleep(0)
        assert ingest.live.gpu("GPU-node-1-0").recorded_at is not None  # type: ignore[union-attr]


async def test_what_is_refused_for_good_is_settled_with_its_reason() -> None:
    async with running_ingest() as ingest, raw_agent(ingest.target) as agent:
        await agent.send(hello())
        await agent.receive()
        await agent.send(report(1, now_us() + 3_600_000_000, now_us()))
        ack = (await agent.receive()).ack
        assert list(ack.sequences) == [1]
        assert [(r.sequence, r.reason, r.samples) for r in ack.refusals] == [(1, pb.Refusal.FUTURE, 2)]
        await agent.send(report(2, 1))
        assert (await agent.receive()).ack.refusals[0].reason == pb.Refusal.TOO_OLD
        assert ingest.count("gpufleet_samples_refused_total", reason="future") == 2
        assert ingest.count("gpufleet_samples_refused_total", reason="too_old") == 2
        assert len(ingest.store.samples) == 2


async def test_a_thousand_gpus_in_a_report_are_cut_to_the_limit_and_the_rest_is_stored() -> None:
    async with running_ingest() as ingest, raw_agent(ingest.target) as agent:
        await agent.send(hello())
        await agent.receive()
        await agent.send(report(1, gpus=1000))
        (refusal,) = (await agent.receive()).ack.refusals
        assert (refusal.reason, refusal.samples) == (pb.Refusal.LIMIT, 744)
        assert len(ingest.store.samples) == 256


async def test_a_full_queue_sends_reports_back_with_a_pause() -> None:
    async with running_ingest() as ingest, raw_agent(ingest.target) as agent:
        await agent.send(hello())
        await agent.receive()
        ingest.store.full = True
        await agent.send(report(5))
        throttle = (await agent.receive()).throttle
        assert list(throttle.deferred) == [5]
        assert throttle.pause_seconds > 0


@pytest.mark.parametrize(
    ("message", "reason", "status"),
    [
        (NOT_PROTOBUF, "malformed", grpc.StatusCode.INVALID_ARGUMENT),
        (report(1), "no_hello", grpc.StatusCode.INVALID_ARGUMENT),
        (pb.AgentMessage(), "no_hello", grpc.StatusCode.INVALID_ARGUMENT),
        (pb.AgentMessage(hello=pb.Hello(agent_id="a")), "no_hello", grpc.StatusCode.INVALID_ARGUMENT),
        (pb.AgentMessage(hello=pb.Hello(host="x\0", agent_id="a")), "no_hello", grpc.StatusCode.INVALID_ARGUMENT),
        (
            pb.AgentMessage(hello=pb.Hello(host="x" * 10_000, agent_id="a")),
            "no_hello",
            grpc.StatusCode.INVALID_ARGUMENT,
        ),
        (pb.AgentMessage(hello=pb.Hello(host="x")), "no_hello", grpc.StatusCode.INVALID_ARGUMENT),
    ],
)
async def test_a_stream_that_begins_badly_is_ended_and_counted(
    message: pb.AgentMessage | bytes, reason: str, status: grpc.StatusCode
) -> None:
    async with running_ingest() as ingest, raw_agent(ingest.target) as agent:
        await agent.send(message)
        code, detail = await agent.status()
        assert code is status
        assert detail
        assert ingest.count("gpufleet_streams_refused_total", reason=reason) == 1
        async with asyncio.timeout(5):  # the agent hears of the end a moment before the count does
            while ingest.count("gpufleet_streams"):
                await asyncio.sleep(0)


@pytest.mark.parametrize(
    ("message", "reason", "status"),
    [
        (NOT_PROTOBUF, "malformed", grpc.StatusCode.INVALID_ARGUMENT),
        (hello(), "second_hello", grpc.StatusCode.INVALID_ARGUMENT),
        (bytes(4 * 1024 * 1024 + 1), "message_too_large", grpc.StatusCode.RESOURCE_EXHAUSTED),
    ],
)
async def test_a_bad_message_ends_its_stream_and_disturbs_no_other(
    message: pb.AgentMessage | bytes, reason: str, status: grpc.StatusCode
) -> None:
    async with running_ingest() as ingest, raw_agent(ingest.target) as good, raw_agent(ingest.target) as bad:
        for host, agent in (("good", good), ("bad", bad)):
            await agent.send(hello(host))
            await agent.receive()
        await bad.send(message)
        assert (await bad.status())[0] is status
        assert ingest.count("gpufleet_streams_refused_total", reason=reason) == 1
        await good.send(report(1, host="good"))
        assert list((await good.receive()).ack.sequences) == [1]


async def test_a_message_far_over_the_limit_is_cut_off_by_the_transport() -> None:
    async with running_ingest() as ingest, raw_agent(ingest.target) as agent:
        await agent.send(hello())
        await agent.receive()
        await agent.send(bytes(20 * 1024 * 1024))
        assert (await agent.status())[0] is grpc.StatusCode.RESOURCE_EXHAUSTED


async def test_a_stream_that_says_nothing_is_ended() -> None:
    async with running_ingest(IngestLimits(hello_seconds=0.1)) as ingest, raw_agent(ingest.target) as agent:
        await agent.send(b"")
        assert (await agent.status())[0] is grpc.StatusCode.INVALID_ARGUMENT
    async with running_ingest(IngestLimits(hello_seconds=0.1)) as ingest, raw_agent(ingest.target) as agent:
        assert (await agent.status())[0] is grpc.StatusCode.DEADLINE_EXCEEDED


async def test_the_newest_stream_of_an_agent_replaces_the_one_before() -> None:
    async with running_ingest() as ingest, raw_agent(ingest.target) as first, raw_agent(ingest.target) as second:
        await first.send(hello())
        await first.receive()
        await second.send(hello())
        await second.receive()
        assert (await first.status())[0] is grpc.StatusCode.ABORTED
        await second.send(report(1))
        assert list((await second.receive()).ack.sequences) == [1]
        (host,) = ingest.live.hosts((), None, 10)
        assert host.state == "up"


async def test_of_two_agents_that_fight_over_a_name_the_older_keeps_it() -> None:
    async with running_ingest() as ingest:
        async with raw_agent(ingest.target) as older, raw_agent(ingest.target) as younger:
            await older.send(hello(agent_id="older"))
            await older.receive()
            await younger.send(hello(agent_id="younger"))
            await younger.receive()
            assert (await older.status())[0] is grpc.StatusCode.ABORTED
            async with raw_agent(ingest.target) as back:
                await back.send(hello(agent_id="older"))
                await back.receive()
                code, detail = await younger.status()
                assert code is grpc.StatusCode.ALREADY_EXISTS
                assert "GPUFLEET_HOST_NAME" in detail
                async with raw_agent(ingest.target) as again:
                    await again.send(hello(agent_id="younger"))
                    assert (await again.status())[0] is grpc.StatusCode.ALREADY_EXISTS
        assert ingest.count("gpufleet_duplicate_hosts_total") == 1


async def test_a_heartbeat_without_samples_keeps_the_host_heard() -> None:
    async with running_ingest() as ingest, raw_agent(ingest.target) as agent:
        await agent.send(hello())
        await agent.receive()
        cost = pb.AgentCost(supervisor_rss_bytes=40_000_000)
        await agent.send(pb.AgentMessage(heartbeat=pb.Heartbeat(sent_at_us=now_us(), interval_seconds=7.0, cost=cost)))
        while not ingest.store.heard:
            await asyncio.sleep(0)
        (host,) = ingest.live.hosts((), None, 10)
        assert host.cost is not None
        assert host.cost.supervisor_rss_bytes == 40_000_000


async def test_a_report_may_bring_a_heartbeat_which_is_counted_as_one() -> None:
    async with running_ingest() as ingest, raw_agent(ingest.target) as agent:
        await agent.send(hello())
        assert (await agent.receive()).welcome.heartbeats_in_reports
        beat = pb.Heartbeat(
            sent_at_us=now_us(), interval_seconds=7.0, cost=pb.AgentCost(supervisor_rss_bytes=41_000_000)
        )
        await agent.send(pb.AgentMessage(report=pb.Report(sequence=1, heartbeat=beat)))
        assert list((await agent.receive()).ack.sequences) == [1]
        (host,) = ingest.live.hosts((), None, 10)
        assert host.cost is not None
        assert host.cost.supervisor_rss_bytes == 41_000_000
        assert ingest.count("gpufleet_messages_received_total", kind="heartbeat") == 1
        assert ingest.count("gpufleet_messages_received_total", kind="report") == 1


async def test_a_broken_heartbeat_within_a_report_ends_the_stream() -> None:
    async with running_ingest() as ingest, raw_agent(ingest.target) as agent:
        await agent.send(hello())
        await agent.receive()
        broken = pb.Report(sequence=1).SerializeToString() + bytes([5 << 3 | 2, 1, 0xFF])
        await agent.send(bytes([2 << 3 | 2, len(broken)]) + broken)
        assert (await agent.status())[0] is grpc.StatusCode.INVALID_ARGUMENT


async def test_a_goodbye_means_that_the_host_has_left() -> None:
    async with running_ingest() as ingest, raw_agent(ingest.target) as agent:
        await agent.send(hello())
        await agent.receive()
        await agent.send(pb.AgentMessage(goodbye=pb.Goodbye()))
        await agent.close()
        assert (await agent.status())[0] is grpc.StatusCode.OK
        (host,) = ingest.live.hosts((), None, 10)
        assert host.state == "left"
        assert ingest.store.left == ["node-1"]


async def test_a_metric_of_a_newer_agent_is_ignored_and_counted_once_per_stream() -> None:
    unknown_field = b"\xf8\x3f\x05"
    async with running_ingest() as ingest, raw_agent(ingest.target) as agent:
        await agent.send(hello())
        await agent.receive()
        for sequence in (1, 2):
            stats = pb.GPUStats.FromString(
                pb.GPUStats(gpu_uuid="GPU-node-1-0", power_watts=1.0).SerializeToString() + unknown_field
            )
            tick = pb.Tick(instant_us=now_us(), gpus=[stats])
            await agent.send(pb.AgentMessage(report=pb.Report(sequence=sequence, ticks=[tick])))
            assert list((await agent.receive()).ack.sequences) == [sequence]
        assert ingest.count("gpufleet_unknown_metrics_total") == 1


async def test_a_hello_without_an_inventory_keeps_what_is_known() -> None:
    async with running_ingest() as ingest:
        async with raw_agent(ingest.target) as agent:
            await agent.send(hello())
            await agent.receive()
        bare = hello()
        bare.hello.ClearField("inventory")
        async with raw_agent(ingest.target) as agent:
            await agent.send(bare)
            await agent.receive()
            assert ingest.live.gpu_count == 2
            assert len(ingest.store.declared) == 1


async def test_stopping_ends_streams_with_unavailable_and_stopping_twice_or_unstarted_is_fine() -> None:
    store = MemoryStore()
    async with running_ingest(store=store) as ingest, raw_agent(ingest.target) as agent:
        await agent.send(hello())
        await agent.receive()
        await ingest.server.drain()
        await ingest.server.stop()
        assert (await agent.status())[0] is grpc.StatusCode.UNAVAILABLE
        await ingest.server.stop()


async def test_a_taken_port_is_named_with_the_way_out() -> None:
    async with running_ingest() as ingest:
        with pytest.raises(ConfigurationError, match="GPUFLEET_GRPC_LISTEN"):
            async with running_ingest(port=ingest.server.port):
                pass


def told(sequence: int, *names: str, replayed: bool = False, kind: "pb.Event.Kind" = pb.Event.XID) -> pb.AgentMessage:
    events = [pb.Event(id=name, instant_us=now_us(), kind=kind, gpu_uuid="GPU-node-1-0", code=79) for name in names]
    return pb.AgentMessage(report=pb.Report(sequence=sequence, replayed=replayed, events=events))


def events_of(subscriber: Subscriber) -> list[str]:
    """Ids of the events that the subscriber is told now."""
    taken = []
    while (due := subscriber.take()) is not None:
        if isinstance(due, PlacedEvent):
            taken.append(due.event.id)
    return taken


async def test_a_report_of_events_alone_is_settled_when_they_are() -> None:
    async with running_ingest() as ingest, raw_agent(ingest.target) as agent:
        await agent.send(hello())
        await agent.receive()
        ingest.store.hold = True
        await agent.send(told(3, "e1", "e2"))
        while ingest.store.offers < 1:
            await asyncio.sleep(0)
        assert sorted(ingest.store.events) == ["e1", "e2"]
        ingest.store.settle_all()
        ack = (await agent.receive()).ack
        assert (list(ack.sequences), list(ack.refusals)) == ([3], [])
        assert ingest.count("gpufleet_events_received_total") == 2


async def test_refused_events_are_told_in_the_ack() -> None:
    async with running_ingest() as ingest, raw_agent(ingest.target) as agent:
        await agent.send(hello())
        await agent.receive()
        await agent.send(told(1, "e1", "", kind=pb.Event.XID))
        await agent.send(told(2, "e2", kind=pb.Event.UNSPECIFIED))
        acks = [(await agent.receive()).ack]
        if len(acks[0].sequences) < 2:
            acks.append((await agent.receive()).ack)
        refusals = [(refusal.sequence, refusal.reason, refusal.samples) for ack in acks for refusal in ack.refusals]
        assert refusals == [(1, pb.Refusal.INVALID, 1), (2, pb.Refusal.INVALID, 1)]
        assert ingest.count("gpufleet_events_refused_total", reason="invalid") == 2
        assert ingest.count("gpufleet_samples_refused_total", reason="invalid") == 0


async def test_subscribers_are_told_of_live_events_once_and_never_of_replayed_ones() -> None:
    async with running_ingest() as ingest, raw_agent(ingest.target) as agent:
        subscriber = ingest.live.subscribe(Selection(), lambda: None)
        await agent.send(hello())
        await agent.receive()
        for sequence, message in enumerate((told(1, "e1"), told(2, "e1", "e2"), told(3, "e0", replayed=True)), 1):
            await agent.send(message)
            assert list((await agent.receive()).ack.sequences) == [sequence]
        assert events_of(subscriber) == ["e1", "e2"]
        assert sorted(ingest.store.events) == ["e0", "e1", "e2"]


async def test_a_fight_over_a_name_is_an_event() -> None:
    async with running_ingest() as ingest, raw_agent(ingest.target) as older, raw_agent(ingest.target) as younger:
        subscriber = ingest.live.subscribe(Selection(), lambda: None)
        await older.send(hello(agent_id="older"))
        await older.receive()
        await younger.send(hello(agent_id="younger"))
        await younger.receive()
        async with raw_agent(ingest.target) as back:
            await back.send(hello(agent_id="older"))
            await back.receive()
        ((name, event),) = ingest.store.events.items()
        assert (event.host, event.kind, event.severity) == ("node-1", "duplicate_host", "warning")
        assert events_of(subscriber) == [name]


async def test_processes_are_shown_and_stored() -> None:
    async with running_ingest() as ingest, raw_agent(ingest.target) as agent:
        await agent.send(hello())
        await agent.receive()
        processes = [pb.Process(gpu_uuid="GPU-node-1-1", pid=7, name="train"), pb.Process(pid=1)]
        await agent.send(pb.AgentMessage(processes=pb.Processes(observed_at_us=now_us(), processes=processes)))
        async with asyncio.timeout(5):
            while not ingest.store.told:
                await asyncio.sleep(0.001)
        (shown,) = ingest.live.running("node-1")
        assert (shown.gpu_index, shown.process.pid, shown.process.name) == (1, 7, "train")
        assert [process.pid for process in ingest.store.told[0].processes] == [7]
        assert ingest.count("gpufleet_processes_refused_total", reason="invalid") == 1


STORM = AdmissionLimits(per_second=2.0, burst=1, wait_seconds=0.75)


async def test_streams_beyond_the_rate_wait_or_are_told_when_to_come_back(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    async with running_ingest(IngestLimits(admission=STORM)) as ingest, AsyncExitStack() as stack:
        agents = [await stack.enter_async_context(raw_agent(ingest.target)) for _ in range(6)]
        statuses = [asyncio.ensure_future(agent.status()) for agent in agents]
        for number, agent in enumerate(agents):
            with contextlib.suppress(grpc.aio.AioRpcError, asyncio.InvalidStateError):
                await agent.send(hello(f"node-{number}"))
        refused = 0.0
        async with asyncio.timeout(PATIENCE_SECONDS):
            while refused + ingest.count("gpufleet_streams_admitted_total") < 6:
                await asyncio.sleep(0.01)
                refused = ingest.count("gpufleet_streams_refused_total", reason="busy")
            while sum(status.done() for status in statuses) < refused:
                await asyncio.sleep(0.01)
        codes = [status.result()[0] for status in statuses if status.done()]
        for status in statuses:
            status.cancel()
    assert 1 <= refused <= 5
    assert codes == [grpc.StatusCode.RESOURCE_EXHAUSTED] * int(refused)
    assert ingest.count("gpufleet_streams_waiting") == 0
    assert sum("come back" in record.getMessage() for record in caplog.records) == 1


async def test_those_who_come_at_once_are_told_to_share_what_there_is_for_backlogs() -> None:
    limits = IngestLimits(replays_per_second=100.0)
    told = []
    async with running_ingest(limits) as ingest:
        for number in range(4):
            async with raw_agent(ingest.target) as agent:
                await agent.send(hello(f"node-{number}"))
                told.append((await agent.receive()).welcome.replays_per_second)
    assert told[0] == pytest.approx(100.0, rel=0.1)
    assert told[3] == pytest.approx(25.0, rel=0.2)
