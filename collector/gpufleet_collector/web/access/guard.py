"""Stands before every route: what needs a token is answered only to whoever has one that allows it."""

import asyncio
from dataclasses import dataclass
from http import HTTPStatus
from ipaddress import ip_address
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

MAX_COOKIE_LENGTH = 16_384

OPEN_PATHS = frozenset({"/healthz", "/readyz", "/api/v1/session", "/api/docs"})
"""Probes, the login itself, and the page of the API, which without a token has nothing to show."""
OPEN_BENEATH = ("/api/docs/",)
ADMIN_PATHS = frozenset({"/api/v1/tokens"})
GUARDED_BENEATH = ("/api/", "/metrics/")
SECURE_SCHEMES = frozenset({"https", "wss"})
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
    # Whatever else the host's applications keep in cookies, however it is written, is passed over.
    for part in header.split(";"):
        name, _, value = part.strip().partition("=")
        if name == COOKIE:
            return value.strip('"') or None
    return None


def is_foreign(headers: Headers, scheme: str) -> bool:
    """Whether a page of another site sends this, over `scheme`. Programs name no origin. Behind a proxy that speaks TLS
    for us the page is https and we are not; the other way round somebody stands in between."""
    origin = headers.get("origin")
    if origin is None:
        return False
    try:
        parts = urlsplit(origin)
    except ValueError:
        return True
    is_downgraded = scheme in SECURE_SCHEMES and parts.scheme != "https"
    return is_downgraded or parts.netloc.lower() != headers.get("host", "").lower()


def is_here(host: str) -> bool:
    """Whether a `Host` header names this very machine."""
    name = host.rsplit(":", 1)[0] if not host.endswith("]") else host
    if name.lower() in {"", "localhost"}:
        return True
    try:
        return ip_address(name.strip("[]")).is_loopback
    except ValueError:
        return False


@dataclass(frozen=True, slots=True)
class Guard:
    app: ASGIApp
    book: Book
    clock: Clock
    metrics: SelfMetrics
    is_local: bool = False
    """Whether only this machine can connect: while it is open it is not to be asked under another's name."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in {"http", "websocket"}:
            await self.app(scope, receive, send)
            return
        refusal = self._judge(scope)
        if refusal is None and scope["type"] == "http" and (grant := grant_of(scope)) is not None:
            await self._answer_while_valid(grant, scope, receive, send)
        elif refusal is None:
            await self.app(scope, receive, send)
        elif scope["type"] == "websocket":
            await WebSocket(scope, receive, send).send_denial_response(refusal)
        else:
            await refusal(scope, receive, send)

    async def _answer_while_valid(self, grant: Grant, scope: Scope, receive: Receive, send: Send) -> None:
        """An export may take hours: it breaks off with its token."""
        answering = asyncio.ensure_future(self.app(scope, receive, send))
        ended: list[bool] = []

        def end() -> None:
            ended.append(True)
            answering.cancel()

        let_go = self.book.hold(grant, end)
        try:
            await answering
        except asyncio.CancelledError:
            answering.cancel()
            if not ended:
                raise
        finally:
            let_go()

    def _judge(self, scope: Scope) -> Response | None:
        headers, right = Headers(scope=scope), right_of(scope["path"])
        scope[GRANT] = None
        if right is not None and self.is_local and self.book.is_open and not is_here(headers.get("host", "")):
            detail = (
                "this collector has no tokens and is for this machine alone: ask for it as localhost, or make tokens"
            )
            return self._refused("host", HTTPStatus.FORBIDDEN, detail)
        if scope["type"] == "websocket" and is_foreign(headers, scope["scheme"]):
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
