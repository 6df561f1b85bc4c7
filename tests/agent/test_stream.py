"""When a stream writes: what is new at once, heartbeats together with it, nothing for an ack that changes nothing."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from gpufleet_agent.outbox import Entry, Outbox
from gpufleet_agent.stream import (
    HEARTBEAT_EARLY_SECONDS,
    HEARTBEAT_LATE_SECONDS,
    HEARTBEAT_SECONDS,
    MAX_JOINED_BYTES,
    Stream,
)
from gpufleet_proto import telemetry_pb2 as pb


class Wire:
    """A call that keeps what is written, by kind of message, and gives what the test answers."""

    def __init__(self) -> None:
        self.written: list[str] = []
        self.answers: asyncio.Queue[bytes] = asyncio.Queue()

    async def write(self, message: bytes) -> None:
        read = pb.AgentMessage.FromString(message)
        self.written.append(str(read.WhichOneof("message")))
        if read.report.HasField("heartbeat"):
            self.written[-1] += " with heartbeat"

    async def read(self) -> bytes:
        return await self.answers.get()

    def acknowledge(self, *sequences: int) -> None:
        self.answers.put_nowait(pb.CollectorMessage(ack=pb.Ack(sequences=sequences)).SerializeToString())


class AskedOutbox(Outbox):
    """Counts how often it is asked for something to send."""

    asked = 0

    def next(self) -> tuple[int, Entry] | None:
        self.asked += 1
        return super().next()


class Host:
    """A stream under a clock that the test sets."""

    def __init__(self, *, heartbeats_in_reports: bool = True) -> None:
        self.now = 1000.0
        self.wire = Wire()
        self.outbox = AskedOutbox(clock=lambda: self.now)
        welcome = pb.Welcome(heartbeats_in_reports=heartbeats_in_reports)
        self.stream = Stream(self.wire, self.outbox, pb.Heartbeat, welcome, lambda: self.now)  # type: ignore[arg-type]

    def take(self) -> None:
        self.outbox.add(b"", 1)
        self.stream.wake()

    async def settle(self) -> None:
        for _ in range(10):
            await asyncio.sleep(0)

    @asynccontextmanager
    async def streaming(self) -> AsyncIterator[None]:
        task = asyncio.create_task(self.stream.run())
        try:
            await self.settle()
            yield
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


async def test_a_heartbeat_that_is_nearly_due_goes_within_a_report() -> None:
    host = Host()
    async with host.streaming():
        host.now += HEARTBEAT_SECONDS - 0.9 * HEARTBEAT_EARLY_SECONDS
        for _ in range(2):
            host.take()
            await host.settle()
        assert host.wire.written == ["heartbeat", "report with heartbeat", "report"]
        host.now += HEARTBEAT_SECONDS + HEARTBEAT_LATE_SECONDS
        host.stream.wake()
        await host.settle()
        assert host.wire.written[3:] == ["heartbeat"], "the next is due as long after it as ever"


async def test_a_report_that_is_large_already_carries_no_heartbeat() -> None:
    host = Host()
    async with host.streaming():
        host.now += HEARTBEAT_SECONDS - 0.9 * HEARTBEAT_EARLY_SECONDS
        payload = pb.Report(events=[pb.Event(text="x" * MAX_JOINED_BYTES)]).SerializeToString()
        host.outbox.add(payload, 1)
        host.stream.wake()
        await host.settle()
        assert host.wire.written == ["heartbeat", "report", "heartbeat"]


async def test_a_collector_that_does_not_look_for_it_there_gets_it_right_after_the_report() -> None:
    host = Host(heartbeats_in_reports=False)
    async with host.streaming():
        assert host.wire.written == ["heartbeat"]
        host.now += HEARTBEAT_SECONDS - 1.1 * HEARTBEAT_EARLY_SECONDS
        host.take()
        await host.settle()
        assert host.wire.written == ["heartbeat", "report"]
        host.now += 0.2 * HEARTBEAT_EARLY_SECONDS
        host.take()
        await host.settle()
        assert host.wire.written == ["heartbeat", "report", "report", "heartbeat"]


async def test_a_heartbeat_that_is_overdue_goes_before_everything_else() -> None:
    host = Host()
    async with host.streaming():
        host.now += HEARTBEAT_SECONDS + HEARTBEAT_LATE_SECONDS
        host.take()
        await host.settle()
    assert host.wire.written == ["heartbeat", "heartbeat", "report"]


async def test_an_ack_is_nothing_to_answer_unless_something_waits() -> None:
    host = Host()
    async with host.streaming():
        host.take()
        await host.settle()
        asked = host.outbox.asked
        host.wire.acknowledge(1)
        await host.settle()
        assert len(host.outbox) == 0
        assert host.outbox.asked == asked
        host.outbox.add(b"", 1)  # and nobody wakes the stream
        host.wire.acknowledge(1)
        await host.settle()
        assert host.wire.written[-2:] == ["report", "report"]


async def test_heartbeats_go_although_nothing_is_read() -> None:
    host = Host()
    async with host.streaming():
        for _ in range(3):
            host.now += HEARTBEAT_SECONDS + HEARTBEAT_LATE_SECONDS
            host.stream.wake()
            await host.settle()
    assert host.wire.written == ["heartbeat"] * 4
