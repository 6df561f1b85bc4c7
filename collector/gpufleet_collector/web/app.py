"""The route table of the collector's HTTP side."""

import secrets
from collections.abc import Awaitable, Callable
from importlib.metadata import version

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.routing import BaseRoute, Route, WebSocketRoute

from gpufleet_collector.access.book import Book
from gpufleet_collector.access.token import make_token
from gpufleet_collector.clock import Clock
from gpufleet_collector.export.reading import Reader, SampleStream
from gpufleet_collector.live.live import Live
from gpufleet_collector.model import BusState
from gpufleet_collector.selfmetrics import SelfMetrics
from gpufleet_collector.web import health
from gpufleet_collector.web.absent import OneWebSocket, only_websockets, unknown_api
from gpufleet_collector.web.access.enrolment import Enrolment, TokenStore
from gpufleet_collector.web.access.guard import Guard
from gpufleet_collector.web.access.posting import Taking
from gpufleet_collector.web.access.rate import LimitRequests
from gpufleet_collector.web.access.session import Session
from gpufleet_collector.web.catalog import catalog
from gpufleet_collector.web.counting import CountRequests
from gpufleet_collector.web.endpoints import Handler, Reading
from gpufleet_collector.web.event_list import Events, EventSource
from gpufleet_collector.web.export import Exports
from gpufleet_collector.web.gpus import Gpus
from gpufleet_collector.web.headers import StrictHeaders
from gpufleet_collector.web.history import GpuStatsHistory, HistorySource
from gpufleet_collector.web.hosts import Hosts
from gpufleet_collector.web.now import GpuStatsNow
from gpufleet_collector.web.openapi.document import OpenApi
from gpufleet_collector.web.page import Page
from gpufleet_collector.web.problems import handlers
from gpufleet_collector.web.processes import Processes, ProcessSource
from gpufleet_collector.web.prometheus.fleet import FleetMetrics
from gpufleet_collector.web.prometheus.own import OwnMetrics
from gpufleet_collector.web.series import SeriesOverTime, SeriesSource
from gpufleet_collector.web.settings import WebSettings
from gpufleet_collector.web.store import StoreCondition
from gpufleet_collector.web.stream import Stream

DOCS = "/api/docs"


def create_app(
    *,
    live: Live,
    history: HistorySource,
    stream: SampleStream,
    series: SeriesSource,
    events: EventSource,
    processes: ProcessSource,
    database_ready: Callable[[], Awaitable[bool]],
    bus_state: Callable[[], BusState],
    store: StoreCondition,
    metrics: SelfMetrics,
    settings: WebSettings,
    clock: Clock,
    book: Book | None = None,
    tokens: TokenStore | None = None,
) -> Starlette:
    """The application; it starts and stops nothing of what it is given. Without `book` everybody may do everything,
    and without `tokens` none can be made here."""
    book = book or Book()
    readings: dict[str, Handler] = {
        "/api/system/gpu-stats": GpuStatsNow(live),
        "/api/system/gpu-stats/history": GpuStatsHistory(history, clock),
        "/api/v1/hosts": Hosts(live),
        "/api/v1/gpus": Gpus(live),
        "/api/v1/catalog": catalog,
        "/api/v1/series": SeriesOverTime(series, clock),
        "/api/v1/events": Events(events, clock),
        "/api/v1/processes": Processes(live, processes, clock),
        "/api/v1/export": Exports(Reader(stream, events, processes), clock, settings),
        "/api/v1/store": store,
        "/api/openapi.json": OpenApi(version("gpufleet-collector")),
        "/healthz": health.healthz,
        "/readyz": health.Ready(health.OneAtATime(database_ready), bus_state),
        "/metrics": OwnMetrics(metrics, live),
        "/metrics/gpus": FleetMetrics(live, settings.metrics_max_gpus),
    }
    docs = Page(settings.docs_directory, under=DOCS, everywhere=False)
    routes: list[BaseRoute] = [Route(path, Reading(handler)) for path, handler in readings.items()]
    routes += [
        WebSocketRoute("/ws", Stream(live, metrics, settings, book).serve),
        Route("/ws", Reading(only_websockets)),
        Route("/api/v1/session", Taking(Session(book, clock, settings), "GET", "HEAD", "POST", "DELETE")),
        Route(DOCS, Reading(docs)),
        Route(DOCS + "/{path:path}", Reading(docs)),
        Route("/api", unknown_api),
        Route("/api/{path:path}", unknown_api),
        Route("/{path:path}", Reading(Page(settings.static_directory))),
    ]
    if tokens is not None:
        enrolment = Enrolment(tokens, book, clock, lambda: make_token(secrets.token_bytes))
        routes.insert(0, Route("/api/v1/tokens", Taking(enrolment, "GET", "HEAD", "POST", "DELETE")))
    app = Starlette(
        routes=routes,
        middleware=[
            Middleware(CountRequests, metrics=metrics, routes=(*readings, DOCS, "/ws", "/api/v1/session")),
            Middleware(StrictHeaders),
            Middleware(LimitRequests, per_second=settings.requests_per_second, clock=clock, metrics=metrics),
            Middleware(Guard, book=book, clock=clock, metrics=metrics, is_local=settings.is_local),
            Middleware(OneWebSocket, path="/ws"),
        ],
        exception_handlers=handlers(metrics),
    )
    app.router.redirect_slashes = False
    return app
