"""One stream to one collector, from Hello to its end: besides `access/door.py` the only place of the agent that knows
gRPC."""

import asyncio
import math
import time
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from typing import TypeAlias

import grpc
import grpc.aio
from google.protobuf.message import DecodeError

from gpufleet_agent.alarm import Alarm
from gpufleet_agent.errors import StreamEnded
from gpufleet_agent.outbox import Outbox
from gpufleet_agent.wire import report_message
from gpufleet_proto import telemetry_pb2 as pb

METHOD = "/gpufleet.v1.Telemetry/Stream"
HEARTBEAT_SECONDS = 5.0
HEARTBEAT_EARLY_SECONDS, HEARTBEAT_LATE_SECONDS = 0.9, 0.1
"""A heartbeat goes so much earlier, or waits so much longer, to go with a report, and within it where the collector
looks for it there: every wake-up costs CPU, and every message most of what a report costs. Once it goes with one of
ticks every second or slower it stays with them."""

MAX_JOINED_BYTES = 1024 * 1024
"""A larger report carries no heartbeat: it may be near what a collector takes in one message."""

WELCOME_TIMEOUT_SECONDS = 10.0
LIVE_PERIODS = 2.5
"""A reading from before the stream is still the present when it is no older than so many polling intervals."""

MAX_PAUSE_SECONDS = 60.0
"""A collector may ask for no longer pause than this."""

RETRY_AFTER = "gpufleet-retry-after-ms"
"""The trailing metadata by which a collector that has too much to do at once says when to come back."""

SLOWEST_REPLAYS_PER_SECOND = 0.01
"""A collector may ask for no less: the backlog has to go some day."""

UNTOLD, BROKE_OFF = ("INTERNAL", "Internal error from Core"), "the stream broke off"
"""What gRPC gives now and then for what the collector has said at the end: when that meets something of ours."""

MAX_RETRY_AFTER_SECONDS, MAX_RETRY_DIGITS = 60.0, 9

Greeting: TypeAlias = pb.Hello
Call: TypeAlias = "grpc.aio.StreamStreamCall[bytes, bytes]"
Metadata: TypeAlias = Sequence[tuple[str, str]]

CHANNEL_OPTIONS = (
    ("grpc.use_local_subchannel_pool", 1),  # one connection per host, also when one process streams for many
    ("grpc.http2.bdp_probe", 0),  # 10 µs of CPU per sample at the collector otherwise
    ("grpc.keepalive_time_ms", 30_000),
    ("grpc.keepalive_timeout_ms", 10_000),
    ("grpc.http2.max_pings_without_data", 0),
    ("grpc.enable_http_proxy", 0),
    ("grpc.initial_reconnect_backoff_ms", 100),
)


class Stream:
    """Sends heartbeats, inventories, processes and reports until the collector or the network ends it."""

    def __init__(
        self,
        call: Call,
        outbox: Outbox,
        heartbeat: Callable[[], pb.Heartbeat],
        welcome: pb.Welcome,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._call = call
        self._outbox = outbox
        self._heartbeat = heartbeat
        self._joins_heartbeats = welcome.heartbeats_in_reports
        self._clock = clock
        self._wake = asyncio.Event()
        self._inventory: pb.Inventory | None = None
        self._processes: pb.Processes | None = None
        self._paused_until = 0.0
        self._next_heartbeat = clock()
        self._alarm = Alarm(self.wake, clock)
        self._leaving = False

    async def run(self) -> None:
        """Until the end: returns after `leave`, raises StreamEnded otherwise."""
        receiving = asyncio.ensure_future(self._receive())
        sending = asyncio.ensure_future(self._send())
        try:
            await asyncio.wait({receiving, sending}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            receiving.cancel()
            sending.cancel()
            self._alarm.set(None)
            results = await asyncio.gather(receiving, sending, return_exceptions=True)
        if self._leaving:
            return
        for result in results:
            if isinstance(result, Exception):
                raise result
        raise StreamEnded("the stream ended")

    def wake(self) -> None:
        self._wake.set()

    def announce(self, inventory: pb.Inventory) -> None:
        """Latest wins: an inventory not sent yet is replaced."""
        self._inventory = inventory
        self.wake()

    def tell(self, processes: pb.Processes) -> None:
        """Latest wins: a list not sent yet is replaced."""
        self._processes = processes
        self.wake()

    def beat(self) -> None:
        """A heartbeat is due, before anything else."""
        self._next_heartbeat = self._clock() - HEARTBEAT_LATE_SECONDS
        self.wake()

    def leave(self) -> None:
        """A clean stop: say goodbye after what is being written now, and end the stream."""
        self._leaving = True
        self.wake()

    async def _send(self) -> None:
        while not self._leaving:
            self._wake.clear()
            now = self._clock()
            message = self._next_message(now)
            if message is None:
                self._alarm.set(self._next_due(now))
                await self._wake.wait()
            else:
                with _grpc_errors():
                    await self._call.write(message)
        with _grpc_errors():
            await self._call.write(pb.AgentMessage(goodbye=pb.Goodbye()).SerializeToString())
            await self._call.done_writing()
        await self._wake_for_ever()

    def _next_message(self, now: float) -> bytes | None:
        if now >= self._next_heartbeat + HEARTBEAT_LATE_SECONDS:
            return self._beat(now)
        if self._inventory is not None:
            inventory, self._inventory = self._inventory, None
            return pb.AgentMessage(inventory=inventory).SerializeToString()
        if self._processes is not None:
            processes, self._processes = self._processes, None
            return pb.AgentMessage(processes=processes).SerializeToString()
        report = None if now < self._paused_until else self._outbox.next()
        nearly_due = now >= self._next_heartbeat - HEARTBEAT_EARLY_SECONDS
        if report is not None:
            sequence, entry = report
            joins = nearly_due and self._joins_heartbeats and len(entry.payload) <= MAX_JOINED_BYTES
            heartbeat = self._take_heartbeat(now) if joins else None
            return report_message(sequence, entry.payload, replayed=entry.replayed, heartbeat=heartbeat)
        return self._beat(now) if nearly_due else None

    def _beat(self, now: float) -> bytes:
        return pb.AgentMessage(heartbeat=self._take_heartbeat(now)).SerializeToString()

    def _take_heartbeat(self, now: float) -> pb.Heartbeat:
        self._next_heartbeat = now + HEARTBEAT_SECONDS
        return self._heartbeat()

    def _next_due(self, now: float) -> float:
        """When there is something to send although nothing happens, in monotonic seconds."""
        due = self._next_heartbeat + HEARTBEAT_LATE_SECONDS
        if now < self._paused_until:
            return min(due, self._paused_until)
        replay_in = self._outbox.replay_in()
        return due if replay_in is None else min(due, now + replay_in)

    async def _wake_for_ever(self) -> None:
        await asyncio.get_running_loop().create_future()

    async def _receive(self) -> None:
        while True:
            self._handle(await _read(self._call))

    def _handle(self, message: pb.CollectorMessage) -> None:
        kind = message.WhichOneof("message")
        if kind == "ack":
            refused = sum(refusal.samples for refusal in message.ack.refusals)
            self._outbox.settle(message.ack.sequences, refused)
            if not self._outbox.waiting:
                return
        elif kind == "throttle":
            pause = min(message.throttle.pause_seconds, MAX_PAUSE_SECONDS)
            self._paused_until = max(self._paused_until, self._clock() + pause)
            self._outbox.defer(message.throttle.deferred)
        self.wake()


@asynccontextmanager
async def open_stream(
    channel: grpc.aio.Channel,
    metadata: Metadata,
    greet: Callable[[], Greeting],
    outbox: Outbox,
    heartbeat: Callable[[], pb.Heartbeat],
    turn: AbstractAsyncContextManager[object],
) -> AsyncIterator[tuple[Stream, pb.Welcome]]:
    """A stream that the collector has welcomed; it carries `metadata`, and the channel is closed after it. Raises
    StreamEnded when it does not come to that. `turn` is held until then."""
    async with channel:
        async with turn:
            hello = greet()
            call, welcome = await _introduce(channel, metadata, hello)
        outbox.stream_opened(LIVE_PERIODS * hello.interval_seconds, replay_rate(welcome))
        try:
            yield Stream(call, outbox, heartbeat, welcome), welcome
        finally:
            call.cancel()


async def _introduce(channel: grpc.aio.Channel, metadata: Metadata, hello: Greeting) -> tuple[Call, pb.Welcome]:
    try:
        return await _say_hello(channel, metadata, hello)
    except StreamEnded as ended:
        if str(ended) != BROKE_OFF:
            raise
    return await _say_hello(channel, metadata, hello)


async def _say_hello(channel: grpc.aio.Channel, metadata: Metadata, hello: Greeting) -> tuple[Call, pb.Welcome]:
    call: Call = channel.stream_stream(METHOD)(metadata=metadata)
    try:
        return call, await _be_welcomed(call, hello)
    except BaseException:
        call.cancel()
        raise


async def _be_welcomed(call: Call, hello: Greeting) -> pb.Welcome:
    try:
        async with asyncio.timeout(WELCOME_TIMEOUT_SECONDS):
            with _grpc_errors(), suppress(grpc.aio.UsageError, asyncio.InvalidStateError):
                await call.write(pb.AgentMessage(hello=hello).SerializeToString())
            first = await _read(call)  # also where the call has ended before: it says why
    except TimeoutError:
        raise StreamEnded(f"no answer within {WELCOME_TIMEOUT_SECONDS:.0f} s") from None
    if first.WhichOneof("message") != "welcome":
        raise StreamEnded("the other side does not speak gpufleet's protocol")
    return first.welcome


async def _read(call: Call) -> pb.CollectorMessage:
    with _grpc_errors():
        raw = await call.read()
        if not isinstance(raw, bytes):  # grpc.aio.EOF
            raise _ended(await call.code(), await call.details(), await call.trailing_metadata())
    try:
        return pb.CollectorMessage.FromString(raw)
    except DecodeError as error:
        raise StreamEnded("the other side does not speak gpufleet's protocol") from error


class _grpc_errors:  # noqa: N801 - reads as a statement
    """Turns what grpc raises into StreamEnded."""

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        if isinstance(error, grpc.aio.AioRpcError):
            raise _ended(error.code(), error.details(), error.trailing_metadata()) from error
        if isinstance(error, grpc.aio.UsageError | asyncio.InvalidStateError):
            raise StreamEnded("the stream ended") from error


def replay_rate(welcome: pb.Welcome) -> float:
    """How many reports of the backlog a second the collector takes; one that says nothing of use leaves it to us."""
    asked = welcome.replays_per_second if welcome.HasField("replays_per_second") else math.inf
    return max(SLOWEST_REPLAYS_PER_SECOND, asked) if asked > 0 else math.inf


def retry_after(metadata: Iterable[tuple[str, str | bytes]] | None) -> float | None:
    """When the collector that ended a stream asks to come back, in seconds; at most MAX_RETRY_AFTER_SECONDS."""
    for key, value in metadata or ():
        if key == RETRY_AFTER and isinstance(value, str) and value.isdecimal() and len(value) <= MAX_RETRY_DIGITS:
            return min(int(value) / 1000, MAX_RETRY_AFTER_SECONDS)
    return None


def _ended(
    code: grpc.StatusCode, details: str | None, metadata: Iterable[tuple[str, str | bytes]] | None
) -> StreamEnded:
    if (code.name, details) == UNTOLD:
        return StreamEnded(BROKE_OFF)
    lines = (details or "").splitlines()
    return StreamEnded(lines[0] if lines else "", code=code.name, retry_after_seconds=retry_after(metadata))
