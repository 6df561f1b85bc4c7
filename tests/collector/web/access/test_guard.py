"""What stands before every route."""

import asyncio

import pytest
from starlette.types import Message, Receive, Scope, Send

from fakes.clock import FakeClock
from fakes.tokens import grant_of
from fakes.web import Site
from gpufleet_collector.access.book import Book
from gpufleet_collector.access.grants import Role
from gpufleet_collector.selfmetrics import SelfMetrics
from gpufleet_collector.web.access.guard import Guard, is_here
from gpufleet_collector.web.settings import WebSettings


@pytest.mark.parametrize(
    "host", ["localhost", "localhost:8080", "127.0.0.1:8080", "127.8.0.1", "[::1]:8080", "[::1]", ""]
)
def test_these_are_names_of_this_machine(host: str) -> None:
    assert is_here(host)


@pytest.mark.parametrize("host", ["evil.example:80", "localhost.evil.example", "192.0.2.1", "[2001:db8::1]:80"])
def test_these_are_not(host: str) -> None:
    assert not is_here(host)


async def test_an_open_collector_of_this_machine_answers_to_no_name_that_somebody_else_gave_it() -> None:
    site = Site(settings=WebSettings(is_local=True))
    for path in ("/api/v1/hosts", "/metrics"):
        assert (await site.request("GET", path, {"Host": "evil.example:8080"})).status_code == 403
        assert (await site.request("GET", path, {"Host": "127.0.0.1:8080"})).status_code == 200
    assert (await site.request("GET", "/healthz", {"Host": "evil.example:8080"})).status_code == 200


async def test_with_tokens_it_may_be_called_what_its_operator_likes() -> None:
    book = Book()
    book.replace("database", [grant_of("viewer", Role.VIEWER)])
    site = Site(settings=WebSettings(is_local=True), book=book)
    headers = {"Host": "gpus.example", "Authorization": "Bearer viewer"}
    assert (await site.request("GET", "/api/v1/hosts", headers)).status_code == 200


async def test_an_answer_that_takes_long_breaks_off_with_its_token() -> None:
    book, begun, broken_off = Book(), asyncio.Event(), asyncio.Event()
    book.replace("database", [grant_of("viewer", Role.VIEWER)])

    async def export(_scope: Scope, _receive: Receive, _send: Send) -> None:
        begun.set()
        try:
            await asyncio.get_running_loop().create_future()
        finally:
            broken_off.set()

    async def never() -> Message:
        message: Message = await asyncio.get_running_loop().create_future()
        return message

    async def nowhere(_message: Message) -> None:
        return None

    guard = Guard(export, book, FakeClock(), SelfMetrics())
    scope = {"type": "http", "path": "/api/v1/export", "headers": [(b"authorization", b"Bearer viewer")]}
    answering = asyncio.create_task(guard(scope, never, nowhere))
    await begun.wait()
    book.replace("database", [grant_of("viewer", Role.VIEWER, revoked_at=1)])
    assert book.sweep(1) == 1
    async with asyncio.timeout(5):
        await answering
    assert broken_off.is_set()
