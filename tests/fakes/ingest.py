"""A real ingest server on loopback with a store in memory, and a client that can send anything."""

import asyncio
import logging
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

import grpc
import grpc.aio

from fakes.store import MemoryStore
from gpufleet_collector.access.book import Book
from gpufleet_collector.clock import SystemClock
from gpufleet_collector.config import Listen
from gpufleet_collector.ingest.limits import IngestLimits
from gpufleet_collector.ingest.server import IngestServer
from gpufleet_collector.ingest.stream import Parts
from gpufleet_collector.live.live import Live
from gpufleet_collector.selfmetrics import SelfMetrics
from gpufleet_collector.tls import Certificates
from gpufleet_proto import telemetry_pb2 as pb

PATIENCE_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class Ingest:
    """A running server with all that it works with."""

    server: IngestServer
    store: MemoryStore
    live: Live
    metrics: SelfMetrics

    @property
    def target(self) -> str:
        return f"127.0.0.1:{self.server.port}"

    def count(self, name: str, **labels: str) -> float:
        return self.metrics.registry.get_sample_value(name, labels) or 0.0


@asynccontextmanager
async def running_ingest(
    limits: IngestLimits | None = None,
    *,
    store: MemoryStore | None = None,
    interval: float | None = None,
    port: int = 0,
    book: Book | None = None,
    certificates: Certificates | None = None,
) -> AsyncIterator[Ingest]:
    clock, metrics = SystemClock(), SelfMetrics()
    live, store = Live(clock, metrics), store or MemoryStore()
    parts = Parts(live, store, metrics, clock, limits or IngestLimits(), book or Book())
    server = IngestServer(
        Listen("127.0.0.1", port),
        parts,
        collector_version="test",
        poll_interval_seconds=interval,
        log=logging.getLogger("test.ingest"),
        certificates=certificates,
    )
    await server.start()
    try:
        yield Ingest(server, store, live, metrics)
    finally:
        await server.stop()


class RawAgent:
    """One stream on which a test may send any bytes."""

    def __init__(self, call: "grpc.aio.StreamStreamCall[bytes, bytes]") -> None:
        self._call = call

    async def send(self, message: pb.AgentMessage | bytes) -> None:
        await self._call.write(message if isinstance(message, bytes) else message.SerializeToString())

    async def receive(self) -> pb.CollectorMessage:
        async with asyncio.timeout(PATIENCE_SECONDS):
            raw = await self._call.read()
        assert isinstance(raw, bytes), f"the stream ended: {await self._call.details()}"
        return pb.CollectorMessage.FromString(raw)

    async def status(self) -> tuple[grpc.StatusCode, str]:
        """How the stream ends, whatever comes before."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            return await self._call.code(), await self._call.details()

    async def close(self) -> None:
        await self._call.done_writing()


@asynccontextmanager
async def raw_agent(target: str, metadata: Sequence[tuple[str, str]] = ()) -> AsyncIterator[RawAgent]:
    options = (
        ("grpc.use_local_subchannel_pool", 1),
        ("grpc.enable_http_proxy", 0),
        ("grpc.max_send_message_length", -1),
    )
    async with grpc.aio.insecure_channel(target, options=options) as channel:
        call: grpc.aio.StreamStreamCall[bytes, bytes] = channel.stream_stream("/gpufleet.v1.Telemetry/Stream")(
            metadata=grpc.aio.Metadata(*metadata)
        )
        try:
            yield RawAgent(call)
        finally:
            call.cancel()


def hello(host: str = "node-1", agent_id: str = "agent-1", gpus: int = 2, now_us: int | None = None) -> pb.AgentMessage:
    now_us = SystemClock().now().wall_us if now_us is None else now_us
    inventory = pb.Inventory(
        observed_at_us=now_us,
        backend="nvml",
        gpus=[pb.Gpu(gpu_uuid=f"GPU-{host}-{i}", gpu_index=i, state=pb.Gpu.OK) for i in range(gpus)],
    )
    return pb.AgentMessage(
        hello=pb.Hello(
            protocol=1, host=host, agent_id=agent_id, inventory=inventory, interval_seconds=5.0, sent_at_us=now_us
        )
    )


def report(
    sequence: int, *instants: int, host: str = "node-1", gpus: int = 2, replayed: bool = False
) -> pb.AgentMessage:
    stats = [pb.GPUStats(gpu_uuid=f"GPU-{host}-{i}", power_watts=100.0 + i) for i in range(gpus)]
    ticks = [pb.Tick(instant_us=instant, gpus=stats) for instant in instants or (SystemClock().now().wall_us,)]
    return pb.AgentMessage(report=pb.Report(sequence=sequence, replayed=replayed, ticks=ticks))


__all__ = ["Ingest", "RawAgent", "hello", "raw_agent", "report", "running_ingest"]
