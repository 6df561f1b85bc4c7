"""Stands before every route: what needs a token is answered only to whoever has one that allows it."""

from dataclasses import dataclass
from http import HTTPStatus
from http.cookies import CookieError, SimpleCookie
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send
from starlette.websockets import WebSocket

from gpufleet_collector.access.book import Book
from gpufleet_collector.access.grants import Grant, Right
from gpufleet_collector.clock import Clock
from gpufleet_collector.errors import DatabaseUnavailable, Forbidden, Unauthenticated
from gpufleet_collector.selfmetrics import SelfMetrics
from gpufleet_collector.web.problems import problem

COOKIE = "gpufleet_token"
GRANT = "gpufleet.grant"
"""The grant of a request, in its scope; None where none was needed."""

MAX_COOKIE_LENGTH = 4_096

OPEN_PATHS = frozenset({"/healthz", "/readyz", "/api/v1/session", "/api/docs"})
"""Probes, the login itself, and the page of the API, which without a token has nothing to show."""
OPEN_BENEATH = ("/api/docs/",)
ADMIN_PATHS = frozenset({"/api/v1/tokens"})
GUARDED_BENEATH = ("/api/", "/metrics/")
GUARDED_PATHS = frozenset({"/api", "/metrics", "/ws"})


def right_of(path: str) -> Right | None:
    """What a token has to allow for this path; None where none is needed, as for the files of the dashboard."""
    if path in OPEN_PATHS or path.startswith(OPEN_BENEATH):
        return None
    if path in ADMIN_PATHS:
        return Right.ADMINISTER
    return Right.READ if path in GUARDED_PATHS or path.startswith(GUARDED_BENEATH) else None


def credentials(headers: Headers) -> str | None:
    """As an `Authorization` header: the one that was sent, or what the page's cookie stands for."""
    if (authorization := headers.get("authorization")) is not None:
        return authorization
    token = cookie_token(headers.get("cookie"))
    return None if token is None else f"Bearer {token}"


def cookie_token(header: str | None) -> str | None:
    if header is None or len(header) > MAX_COOKIE_LENGTH:
        return None
    try:
        morsel = SimpleCookie(header).get(COOKIE)
    except CookieError:
        return None
    return morsel.value if morsel is not None else None


def is_foreign(headers: Headers) -> bool:
    """Whether a page of another site sends this. Programs name no origin."""
    origin = headers.get("origin")
    return origin is not None and urlsplit(origin).netloc.lower() != headers.get("host", "").lower()


@dataclass(frozen=True, slots=True)
class Guard:
    app: ASGIApp
    book: Book
    clock: Clock
    metrics: SelfMetrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in {"http", "websocket"}:
            await self.app(scope, receive, send)
            return
        refusal = self._judge(scope)
        if refusal is None:
            await self.app(scope, receive, send)
        elif scope["type"] == "websocket":
            await WebSocket(scope, receive, send).send_denial_response(refusal)
        else:
            await refusal(scope, receive, send)

    def _judge(self, scope: Scope) -> Response | None:
        headers, right = Headers(scope=scope), right_of(scope["path"])
        scope[GRANT] = None
        if scope["type"] == "websocket" and is_foreign(headers):
            return self._refused("origin", HTTPStatus.FORBIDDEN, "a page of another site may not listen here")
        if right is None:
            return None
        try:
            scope[GRANT] = self.book.admit(credentials(headers), right, self.clock.now().wall_us)
        except Unauthenticated as error:
            response = self._refused("unauthenticated", HTTPStatus.UNAUTHORIZED, str(error))
            response.headers["WWW-Authenticate"] = "Bearer"
            return response
        except Forbidden as error:
            return self._refused("forbidden", HTTPStatus.FORBIDDEN, str(error))
        except DatabaseUnavailable as error:
            return self._refused("unknown", HTTPStatus.SERVICE_UNAVAILABLE, str(error))
        return None

    def _refused(self, reason: str, status: HTTPStatus, detail: str) -> Response:
        self.metrics.access_refused.labels(reason=reason).inc()
        return problem(status, detail)


def grant_of(scope: Scope) -> Grant | None:
    grant = scope.get(GRANT)
    assert grant is None or isinstance(grant, Grant)
    return grant
