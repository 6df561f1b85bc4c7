"""How many requests one client address may make: more are answered 429, so that one does not starve the others."""

import math
from collections import OrderedDict
from dataclasses import dataclass, field
from http import HTTPStatus

from starlette.types import ASGIApp, Receive, Scope, Send
from starlette.websockets import WebSocket

from gpufleet_collector.clock import Clock
from gpufleet_collector.selfmetrics import SelfMetrics
from gpufleet_collector.web.problems import problem

BURST_SECONDS = 2.0
"""Of so much time the requests may come at once."""
MAX_CLIENTS = 10_000
"""Addresses remembered; beyond it the one that was silent for longest is forgotten, as if it were new."""


@dataclass(slots=True)
class _Bucket:
    tokens: float
    at: float


class Rate:
    """A pure state: a bucket for each client. Times are monotonic seconds, passed in."""

    def __init__(self, per_second: float, max_clients: int = MAX_CLIENTS) -> None:
        self._per_second = per_second
        self._most = per_second * BURST_SECONDS
        self._max_clients = max_clients
        self._buckets: OrderedDict[str, _Bucket] = OrderedDict()

    def take(self, client: str, now: float) -> float:
        """0 where the request may go on, else the seconds after which one may."""
        bucket = self._buckets.pop(client, None) or _Bucket(self._most, now)
        self._buckets[client] = bucket
        if len(self._buckets) > self._max_clients:
            self._buckets.popitem(last=False)
        bucket.tokens = min(self._most, bucket.tokens + (now - bucket.at) * self._per_second)
        bucket.at = now
        if bucket.tokens < 1.0:
            return (1.0 - bucket.tokens) / self._per_second
        bucket.tokens -= 1.0
        return 0.0


@dataclass(frozen=True, slots=True)
class LimitRequests:
    """Probes are not limited: who asks whether the process is there has to be answered."""

    app: ASGIApp
    per_second: float
    clock: Clock
    metrics: SelfMetrics
    rate: Rate = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "rate", Rate(self.per_second))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in {"http", "websocket"} or scope["path"] in {"/healthz", "/readyz"}:
            await self.app(scope, receive, send)
            return
        client = scope.get("client")
        wait = self.rate.take(client[0] if client else "", self.clock.now().monotonic)
        if not wait:
            await self.app(scope, receive, send)
            return
        self.metrics.access_refused.labels(reason="too_many_requests").inc()
        detail = f"more than {self.per_second:g} requests a second (GPUFLEET_MAX_REQUESTS_PER_SECOND): come back later"
        response = problem(HTTPStatus.TOO_MANY_REQUESTS, detail)
        response.headers["Retry-After"] = str(math.ceil(wait))
        if scope["type"] == "websocket":
            await WebSocket(scope, receive, send).send_denial_response(response)
        else:
            await response(scope, receive, send)
