"""A request has its time to arrive: whoever takes longer, or says nothing at all, needs no token and keeps nothing."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from fakes.web import Site
from gpufleet_collector.web.serving import http

SHORT, LONG = 0.3, 60.0
WHOLE = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"
HEAD_OF_A_LOGIN = b"POST /api/v1/session HTTP/1.1\r\nHost: localhost\r\nContent-Length: 20\r\n\r\n"
CUT_OFF = "gpufleet_http_connections_cut_off_total"


@asynccontextmanager
async def connected(site: Site) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    async with site.listening() as address, asyncio.timeout(20):
        host, _, port = address.partition(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        try:
            yield reader, writer
        finally:
            writer.close()


async def ended(reader: asyncio.StreamReader) -> bytes:
    """What came until the other side hung up."""
    try:
        return await reader.read()
    except ConnectionResetError:
        return b""


@pytest.mark.parametrize("begun", [b"", b"GET / HT", WHOLE[:-2]], ids=["nothing", "a word", "almost a head"])
async def test_a_head_that_does_not_come_is_not_waited_for(begun: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http, "HEAD_SECONDS", SHORT)
    site = Site()
    async with connected(site) as (reader, writer):
        writer.write(begun)
        assert await ended(reader) == b""
        assert site.counted(CUT_OFF, reason="slow") == 1


async def test_a_byte_now_and_then_does_not_buy_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http, "HEAD_SECONDS", SHORT)
    async with connected(Site()) as (reader, writer):
        ending = asyncio.create_task(ended(reader))
        while not ending.done():
            writer.write(b"a")
            await asyncio.sleep(SHORT / 5)
        assert ending.result() == b""


async def test_a_body_that_does_not_come_is_not_waited_for(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(http, "BODY_SECONDS", SHORT)
    site = Site()
    async with connected(site) as (reader, writer):
        writer.write(HEAD_OF_A_LOGIN + b"{")
        assert await ended(reader) == b""
    assert site.counted(CUT_OFF, reason="slow") == 1
    assert [record for record in caplog.records if record.levelname == "ERROR"] == []
    assert site.counted("gpufleet_http_requests_total", route="/api/v1/session", status="499") == 1
    assert site.counted("gpufleet_http_requests_total", route="/api/v1/session", status="500") is None


async def test_a_second_request_that_came_with_the_first_has_its_time_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http, "BODY_SECONDS", SHORT)
    site = Site()
    async with connected(site) as (reader, writer):
        writer.write(WHOLE + HEAD_OF_A_LOGIN)
        assert (await ended(reader)).startswith(b"HTTP/1.1 200 OK")
    assert site.counted(CUT_OFF, reason="slow") == 1


async def test_an_answer_may_take_its_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http, "HEAD_SECONDS", SHORT)
    monkeypatch.setattr(http, "BODY_SECONDS", SHORT)

    async def slowly() -> bool:
        await asyncio.sleep(SHORT * 4)
        return True

    async with connected(Site(database_ready=slowly)) as (reader, writer):
        writer.write(b"GET /readyz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        assert (await ended(reader)).startswith(b"HTTP/1.1 200 OK")
