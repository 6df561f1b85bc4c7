"""Two live states on a real NATS server: each shows what the other hears, and the wire heals."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field

import pytest

from fakes.fleet import agent, inventory, sample
from fakes.history import FakeEvents
from fakes.nats import NatsServer, running_nats
from gpufleet_collector.bus.bus import Bus
from gpufleet_collector.bus.nats_wire import NatsWire, round_trip, shown
from gpufleet_collector.clock import SystemClock
from gpufleet_collector.errors import BusAway
from gpufleet_collector.live.live import Live
from gpufleet_collector.selfmetrics import SelfMetrics

FLEET = "test"
PATIENCE_SECONDS = 15.0


@dataclass
class Side:
    """A collector reduced to its live state and the bus."""

    name: str
    servers: list[str]
    metrics: SelfMetrics = field(default_factory=SelfMetrics)

    def __post_init__(self) -> None:
        self.live = Live(SystemClock(), self.metrics)
        self.wire = NatsWire(self.servers, self.name)
        self.bus = Bus(self.name, self.wire, self.live.relay(), FakeEvents(), clock=SystemClock(), metrics=self.metrics)

    def hear(self, host: str, watts: float, seconds: float = 0) -> None:
        if self.live.host(host) is None:
            self.live.connected(host, agent(), inventory(f"GPU-{host}"), interval_seconds=5.0, skew_seconds=0.0)
        self.live.samples(host, [sample(f"GPU-{host}", seconds, power_watts=watts)])

    def shows(self, host: str, watts: float) -> bool:
        view = self.live.gpu(f"GPU-{host}")
        return view is not None and view.host_state == "up" and watts in view.values


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not condition():
            await asyncio.sleep(0.05)


@contextlib.asynccontextmanager
async def running(*sides: Side) -> AsyncIterator[None]:
    try:
        for side in sides:
            await side.bus.start(FLEET)
        yield
    finally:
        for side in sides:
            await side.bus.stop()


@pytest.fixture
def nats() -> Iterator[NatsServer]:
    with running_nats() as server:
        yield server


async def test_each_shows_what_the_other_hears_also_who_comes_later(nats: NatsServer) -> None:
    first, second = Side("first", [nats.url]), Side("second", [nats.url])
    async with running(first):
        first.hear("a", 100.5)
        await until(lambda: first.wire.is_up)
        await asyncio.sleep(1.1)  # told, to nobody
        async with running(second):
            second.hear("b", 7.25)
            await until(lambda: second.shows("a", 100.5) and first.shows("b", 7.25))
            first.hear("a", 101.5, seconds=1)
            await until(lambda: second.shows("a", 101.5))


async def test_a_server_that_was_killed_is_found_again_and_what_was_missed_is_told(nats: NatsServer) -> None:
    first, second = Side("first", [nats.url]), Side("second", [nats.url])
    async with running(first, second):
        first.hear("a", 1.0)
        await until(lambda: second.shows("a", 1.0))
        await asyncio.to_thread(nats.kill)
        await until(lambda: not first.wire.is_up and not second.wire.is_up)
        first.hear("a", 2.0, seconds=1)
        first.hear("c", 3.0)
        await asyncio.to_thread(nats.start)
        await until(lambda: second.shows("a", 2.0) and second.shows("c", 3.0))


async def test_a_server_that_is_not_there_yet_is_waited_for() -> None:
    server = NatsServer()
    side, other = Side("first", [server.url]), Side("second", [server.url])
    async with running(side, other):
        side.hear("a", 1.0)
        await asyncio.sleep(0.2)
        assert not side.wire.is_up
        await asyncio.to_thread(server.start)
        try:
            await until(lambda: other.shows("a", 1.0))
        finally:
            await asyncio.to_thread(server.kill)


async def test_an_address_nobody_listens_at_is_away() -> None:
    with pytest.raises(BusAway):
        await round_trip([NatsServer().url])


async def test_a_server_answers_a_round_trip(nats: NatsServer) -> None:
    assert 0 < await round_trip([nats.url]) < 5


def test_an_address_is_shown_without_its_password() -> None:
    assert shown("nats://me:secret@bus:4222") == "nats://bus:4222"
