"""The collector's web side over a live state of the test's own, in process or on a real port."""

import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import httpx
from starlette.applications import Starlette

from fakes.clock import START_US, FakeClock
from fakes.history import FakeEvents, FakeHistory, FakeSeries, FakeSpans, FakeStream
from fakes.tokens import HeldTokens
from gpufleet_collector.access.book import Book
from gpufleet_collector.config import Listen
from gpufleet_collector.live.live import Live
from gpufleet_collector.selfmetrics import SelfMetrics
from gpufleet_collector.store.condition import Condition, TableSize
from gpufleet_collector.store.job_table import JobRecord
from gpufleet_collector.tls import Certificates
from gpufleet_collector.web.app import create_app
from gpufleet_collector.web.server import WebServer
from gpufleet_collector.web.serving.crowd import Crowd
from gpufleet_collector.web.settings import WebSettings
from gpufleet_collector.web.store import StoreCondition


async def _ready() -> bool:
    return True


async def store_condition() -> Condition:
    """A store with one table, an hour behind, and a job that failed."""
    return Condition(
        now=START_US,
        server_version="17.4",
        database_bytes=12_345_678,
        packed_until=START_US - 4 * 3_600_000_000,
        closed_until=START_US - 4 * 3_600_000_000,
        due_since=START_US - 3 * 3_600_000_000,
        late_samples=7,
        tables=[TableSize("gpu_stats", 9_000_000, 1_000, 3, "gpu_stats_2025123121", "gpu_stats_2025123123")],
        jobs=[JobRecord("pack", START_US - 1, START_US, None, "no space left on device", None, 0)],
    )


@dataclass
class Site:
    """Everything that an application is made of, and how to ask it."""

    settings: WebSettings = field(default_factory=lambda: WebSettings(requests_per_second=1e9))
    database_ready: Callable[[], Awaitable[bool]] = _ready
    bus_state: str = "none"
    store_condition: Callable[[], Awaitable[Condition]] = store_condition
    clock: FakeClock = field(default_factory=FakeClock)
    metrics: SelfMetrics = field(default_factory=SelfMetrics)
    history: FakeHistory = field(default_factory=FakeHistory)
    stream: FakeStream = field(default_factory=FakeStream)
    series: FakeSeries = field(default_factory=FakeSeries)
    events: FakeEvents = field(default_factory=FakeEvents)
    spans: FakeSpans = field(default_factory=FakeSpans)
    book: Book = field(default_factory=Book)
    tokens: HeldTokens = field(default_factory=HeldTokens)

    def __post_init__(self) -> None:
        self.live = Live(self.clock, self.metrics)

    def app(self) -> Starlette:
        return create_app(
            live=self.live,
            history=self.history,
            stream=self.stream,
            series=self.series,
            events=self.events,
            processes=self.spans,
            database_ready=self.database_ready,
            bus_state=lambda: self.bus_state,
            store=StoreCondition(self.store_condition, 2.0),
            metrics=self.metrics,
            settings=self.settings,
            clock=self.clock,
            book=self.book,
            tokens=self.tokens,
        )

    async def request(self, method: str, url: str, headers: dict[str, str] | None = None) -> httpx.Response:
        return await self.ask(self.app(), url, method, headers)

    async def ask(
        self, app: Starlette, url: str, method: str = "GET", headers: dict[str, str] | None = None
    ) -> httpx.Response:
        """Of one application more than once: it remembers who asked."""
        transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://gpufleet") as client:
            return await client.request(method, url, headers=headers)

    async def get(self, url: str) -> httpx.Response:
        return await self.request("GET", url)

    def counted(self, name: str, **labels: str) -> float | None:
        return self.metrics.registry.get_sample_value(name, labels)

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[str]:
        """HOST:PORT of a real server on the loopback."""
        async with listening(self.app(), Crowd(self.metrics)) as address:
            yield address


@asynccontextmanager
async def listening(
    app: Starlette, crowd: Crowd | None = None, certificates: Certificates | None = None
) -> AsyncIterator[str]:
    """HOST:PORT of a real server of `app` on the loopback."""
    crowd = crowd or Crowd(SelfMetrics())
    server = WebServer(app, Listen("127.0.0.1", 0), logging.getLogger("tests"), crowd, certificates)
    await server.start()
    try:
        yield f"127.0.0.1:{server.port}"
    finally:
        await server.stop()
