"""An uplink with an outbox, as an agent has them, for tests of what happens on its way to a collector."""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from fakes.ingest import hello
from gpufleet_agent import wire
from gpufleet_agent.access.address import parse_collectors
from gpufleet_agent.access.door import Door
from gpufleet_agent.outbox import Outbox
from gpufleet_agent.uplink import Uplink
from gpufleet_collector.clock import SystemClock
from gpufleet_proto import telemetry_pb2 as pb

PATIENCE_SECONDS = 10.0


class Host:
    """Of the host name node-1, with two GPUs. It streams to `targets`, each `host:port`."""

    def __init__(
        self,
        *targets: str,
        sleep: Callable[[float], Awaitable[None]] | None = None,
        door: Door | None = None,
        tls: bool = False,
    ) -> None:
        self.outbox = Outbox()
        self.welcomes: list[pb.Welcome] = []
        self._instant = SystemClock().now().wall_us
        self.greet: Callable[[], pb.Hello] = lambda: hello().hello
        self.uplink = Uplink(
            parse_collectors(",".join(f"{'grpcs' if tls else 'grpc'}://{target}" for target in targets)),
            self.outbox,
            greeting=lambda: self.greet(),
            heartbeat=lambda: pb.Heartbeat(sent_at_us=SystemClock().now().wall_us, interval_seconds=5.0),
            on_welcome=self.welcomes.append,
            random=lambda: 0.01,
            log=logging.getLogger("test.uplink"),
            sleep=sleep or asyncio.sleep,
            door=door,
        )

    def take(self, ticks: int = 1) -> None:
        for _ in range(ticks):
            self._instant += 1000
            stats = [wire.stats(f"GPU-node-1-{i}", {"power_watts": 1.0}) for i in range(2)]
            self.outbox.add(wire.encode_ticks([wire.tick(self._instant, stats)]), 2)
        self.uplink.wake()

    @asynccontextmanager
    async def streaming(self) -> AsyncIterator[None]:
        task = asyncio.create_task(self.uplink.run())
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                yield
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def until(self, condition: Callable[[], bool]) -> None:
        while not condition():
            await asyncio.sleep(0.005)
