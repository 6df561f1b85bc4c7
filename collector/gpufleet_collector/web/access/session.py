"""/api/v1/session: the login of the page. A token goes in, and comes back as a cookie that no script can read."""

from dataclasses import dataclass
from http import HTTPStatus

import orjson
from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import Response

from gpufleet_collector.access.book import Book
from gpufleet_collector.access.grants import Grant, Right
from gpufleet_collector.clock import Clock
from gpufleet_collector.errors import BadRequest, Forbidden, Unauthenticated
from gpufleet_collector.web import instants
from gpufleet_collector.web.access.guard import COOKIE, credentials, is_foreign
from gpufleet_collector.web.access.posting import read_object
from gpufleet_collector.web.answers import answer
from gpufleet_collector.web.endpoints import parameters
from gpufleet_collector.web.problems import problem
from gpufleet_collector.web.settings import WebSettings

YEAR_SECONDS = 365 * 86_400


@dataclass(frozen=True, slots=True)
class Session:
    """GET says who one is here, POST logs in, DELETE logs out."""

    book: Book
    clock: Clock
    settings: WebSettings

    async def __call__(self, request: Request) -> Response:
        parameters(request, ())
        if request.method in {"GET", "HEAD"}:
            return answer(self._said(self._grant(request.headers)))
        if is_foreign(request.headers, request.url.scheme):
            return problem(HTTPStatus.FORBIDDEN, "a page of another site may not log in here")
        if request.method == "DELETE":
            return _without_cookie(request)
        return await self._log_in(request)

    def _grant(self, headers: Headers) -> Grant | None:
        try:
            return self.book.admit(credentials(headers), Right.READ, self.clock.now().wall_us)
        except (Unauthenticated, Forbidden):
            return None

    def _said(self, grant: Grant | None) -> dict[str, object]:
        return {
            "open": self.book.is_open,
            "insecure": self.settings.is_insecure,
            "agents": self.settings.agents,
            "role": None if grant is None else grant.role.value,
            "name": None if grant is None else grant.name,
            "expires_at": None if grant is None else instants.write_optional(grant.expires_at),
        }

    async def _log_in(self, request: Request) -> Response:
        token = (await read_object(request, ("token",))).get("token")
        if not isinstance(token, str) or not token.isascii() or not token.isprintable():
            raise BadRequest("token", "is not a token")
        token = token.strip()
        now = self.clock.now().wall_us
        try:
            grant = self.book.admit(f"Bearer {token}", Right.READ, now)
        except Unauthenticated:
            return problem(HTTPStatus.UNAUTHORIZED, "this token is not valid", "token")
        except Forbidden:
            return problem(HTTPStatus.FORBIDDEN, "an agent's token may only stream: use a viewer's", "token")
        response = answer(self._said(grant))
        if grant is not None:
            response.set_cookie(
                COOKIE,
                token,
                max_age=_seconds_left(grant, now),
                httponly=True,
                samesite="strict",
                secure=request.url.scheme == "https",
            )
        return response


def _seconds_left(grant: Grant, now_us: int) -> int:
    return YEAR_SECONDS if grant.expires_at is None else max(1, (grant.expires_at - now_us) // 1_000_000)


def _without_cookie(request: Request) -> Response:
    response = Response(orjson.dumps({}), media_type="application/json", headers={"Cache-Control": "no-store"})
    response.delete_cookie(COOKIE, httponly=True, samesite="strict", secure=request.url.scheme == "https")
    return response
