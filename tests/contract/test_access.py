"""Who may do what: every route and every call of the stream, found where they are declared, against a table."""

import asyncio
from collections.abc import Iterable, Mapping
from enum import Enum

import grpc
import httpx
import pytest
from starlette.routing import BaseRoute, Route, WebSocketRoute
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from fakes.ingest import hello, raw_agent, running_ingest
from fakes.tokens import grant_of
from fakes.web import Site
from gpufleet_collector.access.book import Book
from gpufleet_collector.access.grants import Grant, Role
from gpufleet_proto import telemetry_pb2 as pb


class Needs(Enum):
    NOTHING = "nothing"
    READING = "reading"
    ADMINISTERING = "administering"
    STREAMING = "streaming"


ROUTES: Mapping[str, Needs] = {
    "/": Needs.NOTHING,
    "/{path:path}": Needs.NOTHING,
    "/healthz": Needs.NOTHING,
    "/readyz": Needs.NOTHING,
    "/api/docs": Needs.NOTHING,
    "/api/docs/{path:path}": Needs.NOTHING,
    "/api/v1/session": Needs.NOTHING,
    "/api/v1/tokens": Needs.ADMINISTERING,
    "/api": Needs.READING,
    "/api/{path:path}": Needs.READING,
    "/api/openapi.json": Needs.READING,
    "/api/system/gpu-stats": Needs.READING,
    "/api/system/gpu-stats/history": Needs.READING,
    "/api/v1/catalog": Needs.READING,
    "/api/v1/events": Needs.READING,
    "/api/v1/export": Needs.READING,
    "/api/v1/gpus": Needs.READING,
    "/api/v1/hosts": Needs.READING,
    "/api/v1/processes": Needs.READING,
    "/api/v1/series": Needs.READING,
    "/api/v1/store": Needs.READING,
    "/metrics": Needs.READING,
    "/metrics/gpus": Needs.READING,
    "/ws": Needs.READING,
}
CALLS: Mapping[str, Needs] = {"/gpufleet.v1.Telemetry/Stream": Needs.STREAMING}

NO_TOKEN = "none"
WRONG = (NO_TOKEN, "expired", "revoked", "foreign")
ALLOWED: Mapping[Needs, tuple[str, ...]] = {
    Needs.NOTHING: (*WRONG, "agent", "viewer", "admin"),
    Needs.READING: ("viewer", "admin"),
    Needs.ADMINISTERING: ("admin",),
    Needs.STREAMING: ("agent", "admin"),
}
WHO = (*WRONG, "agent", "viewer", "admin")


def book() -> Book:
    """Everybody's token is the word for them; the foreign one is known to nobody."""
    grants: list[Grant] = [grant_of(role.value, role) for role in Role]
    grants += [grant_of("expired", Role.ADMIN, expires_at=1), grant_of("revoked", Role.ADMIN, revoked_at=1)]
    made = Book()
    made.replace("database", grants)
    return made


def headers(who: str) -> dict[str, str]:
    return {} if who == NO_TOKEN else {"Authorization": f"Bearer {who}"}


def paths(routes: Iterable[BaseRoute]) -> set[str]:
    return {route.path for route in routes if isinstance(route, Route | WebSocketRoute)}


def without_a_row(routes: Iterable[BaseRoute], table: Mapping[str, Needs]) -> set[str]:
    return paths(routes) - set(table)


def methods_of(route: BaseRoute) -> tuple[str, ...]:
    return (
        ("GET", "POST", "DELETE") if getattr(route, "path", "") in {"/api/v1/session", "/api/v1/tokens"} else ("GET",)
    )


def expected(needs: Needs, who: str) -> int | None:
    """The status of a refusal; None where it is let in."""
    if who in ALLOWED[needs]:
        return None
    return 401 if who in WRONG else 403


def test_every_route_has_a_row() -> None:
    assert without_a_row(Site().app().routes, ROUTES) == set()


def test_the_guard_fires_on_a_route_without_a_row() -> None:
    lacking = {path: needs for path, needs in ROUTES.items() if path != "/api/v1/hosts"}
    assert without_a_row(Site().app().routes, lacking) == {"/api/v1/hosts"}


@pytest.mark.parametrize("who", WHO)
async def test_every_route_is_answered_to_those_alone_that_its_row_allows(who: str) -> None:
    site = Site(book=book())
    transport = httpx.ASGITransport(app=site.app(), raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://gpufleet") as client:
        for route in site.app().routes:
            if not isinstance(route, Route):
                continue
            needs = ROUTES[route.path]
            for method in methods_of(route):
                answer = await client.request(method, route.path.replace("{path:path}", "x"), headers=headers(who))
                refusal = expected(needs, who)
                case = f"{method} {route.path} by {who}: {answer.status_code}"
                if route.path == "/api/v1/session" and method == "POST":
                    assert answer.status_code == 400, case  # it has its own token, in the body
                elif refusal is None:
                    assert answer.status_code not in {401, 403}, case
                else:
                    assert answer.status_code == refusal, case
                    assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize("who", WHO)
async def test_the_websocket_opens_to_those_alone_that_its_row_allows(who: str) -> None:
    async with Site(book=book()).listening() as address:
        refusal = expected(ROUTES["/ws"], who)
        opening = connect(f"ws://{address}/ws", additional_headers=headers(who), proxy=None)
        if refusal is None:
            async with opening:
                return
        with pytest.raises(InvalidStatus) as refused:
            await opening
        assert refused.value.response.status_code == refusal


def calls() -> set[str]:
    services = pb.DESCRIPTOR.services_by_name.values()
    return {f"/{service.full_name}/{method.name}" for service in services for method in service.methods}


def test_every_call_has_a_row() -> None:
    assert calls() == set(CALLS)


@pytest.mark.parametrize("who", WHO)
async def test_a_stream_is_let_in_with_those_tokens_alone_that_allow_it(who: str) -> None:
    metadata = [] if who == NO_TOKEN else [("authorization", f"Bearer {who}")]
    async with (
        running_ingest(book=book()) as ingest,
        raw_agent(ingest.target, metadata=metadata) as agent,
        asyncio.timeout(30),
    ):
        refusal = expected(Needs.STREAMING, who)
        if refusal is None:
            await agent.send(hello())
            assert (await agent.receive()).WhichOneof("message") == "welcome"
            return
        status, _ = await agent.status()
        assert status is {401: grpc.StatusCode.UNAUTHENTICATED, 403: grpc.StatusCode.PERMISSION_DENIED}[refusal]
