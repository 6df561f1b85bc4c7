"""The collector's web side over a live state of the test's own, in process or on a real port."""

import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import httpx
from starlette.applications import Starlette

from fakes.clock import FakeClock
from fakes.history import FakeEvents, FakeHistory, FakeSeries, FakeSpans
from gpufleet_collector.config import Listen
from gpufleet_collector.live.live import Live
from gpufleet_collector.selfmetrics import SelfMetrics
from gpufleet_collector.web.app import create_app
from gpufleet_collector.web.server import WebServer
from gpufleet_collector.web.settings import WebSettings


async def _ready() -> bool:
    return True


@dataclass
class Site:
    """Everything that an application is made of, and how to ask it."""

    settings: WebSettings = field(default_factory=WebSettings)
    database_ready: Callable[[], Awaitable[bool]] = _ready
    clock: FakeClock = field(default_factory=FakeClock)
    metrics: SelfMetrics = field(default_factory=SelfMetrics)
    history: FakeHistory = field(default_factory=FakeHistory)
    series: FakeSeries = field(default_factory=FakeSeries)
    events: FakeEvents = field(default_factory=FakeEvents)
    spans: FakeSpans = field(default_factory=FakeSpans)

    def __post_init__(self) -> None:
        self.live = Live(self.clock, self.metrics)

    def app(self) -> Starlette:
        return create_app(
            live=self.live,
            history=self.history,
            series=self.series,
            events=self.events,
            processes=self.spans,
            database_ready=self.database_ready,
            metrics=self.metrics,
            settings=self.settings,
            clock=self.clock,
        )

    async def request(self, method: str, url: str, headers: dict[str, str] | None = None) -> httpx.Response:
        transport = httpx.ASGITransport(app=self.app(), raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://gpufleet") as client:
            return await client.request(method, url, headers=headers)

    async def get(self, url: str) -> httpx.Response:
        return await self.request("GET", url)

    def counted(self, name: str, **labels: str) -> float | None:
        return self.metrics.registry.get_sample_value(name, labels)

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[str]:
        """HOST:PORT of a real server on the loopback."""
        server = WebServer(self.app(), Listen("127.0.0.1", 0), logging.getLogger("tests"))
        await server.start()
        try:
            yield f"127.0.0.1:{server.port}"
        finally:
            await server.stop()
