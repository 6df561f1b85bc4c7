"""Counts and times requests by route, without a label per path that somebody makes up."""

import asyncio
from collections.abc import Collection
from http import HTTPStatus

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gpufleet_collector.selfmetrics import SelfMetrics

_UNANSWERED = 499
"""As nginx counts those whose client had gone before there was an answer."""


class CountRequests:
    """`routes` are the paths that are counted by name; the others are `/api/` or the page."""

    def __init__(self, app: ASGIApp, metrics: SelfMetrics, routes: Collection[str]) -> None:
        self._app = app
        self._requests = metrics.http_requests
        self._seconds = metrics.http_request_seconds
        self._routes = frozenset(routes)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        status, clock = _UNANSWERED, asyncio.get_running_loop().time
        began, route = clock(), self._route(scope["path"])

        async def send_and_look(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, send_and_look)
        except Exception:
            status = HTTPStatus.INTERNAL_SERVER_ERROR if status == _UNANSWERED else status
            raise
        finally:
            self._requests.labels(route=route, status=str(int(status))).inc()
            self._seconds.labels(route=route).observe(clock() - began)

    def _route(self, path: str) -> str:
        if path in self._routes:
            return path
        return "/api/" if path.startswith("/api/") else "page"
