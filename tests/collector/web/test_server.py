"""How the web server listens."""

import asyncio
import json
import logging
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import httpx
import pytest

from fakes.clock import START_US
from fakes.web import Site
from gpufleet_collector.config import Listen
from gpufleet_collector.store.history import HistorySample
from gpufleet_collector.web import server
from gpufleet_collector.web.health import READY_TIMEOUT_SECONDS
from gpufleet_collector.web.serving.http import MAX_REQUEST_HEAD_BYTES


async def test_small_pieces_of_an_answer_go_out_at_once() -> None:
    """Else each waits for the other side to acknowledge the piece before, which a client does after up to 40 ms."""
    accepted: asyncio.Future[int] = asyncio.get_running_loop().create_future()

    def look(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        accepted.set_result(writer.get_extra_info("socket").getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))
        writer.close()

    listener = server._listen(Listen("127.0.0.1", 0))
    async with await asyncio.start_server(look, sock=listener):
        _, writer = await asyncio.open_connection(*listener.getsockname())
        assert await accepted
        writer.close()
        await writer.wait_closed()


async def test_a_thousand_uuids_may_be_asked_for_at_once() -> None:
    uuids = [f"GPU-{number:08}-1111-1111-1111-111111111111" for number in range(1000)]
    async with Site().listening() as address, httpx.AsyncClient(trust_env=False) as client:
        answer = await client.get(f"http://{address}/api/v1/gpus", params={"gpu_uuid": ",".join(uuids)})
    assert (answer.status_code, answer.json()["count"]) == (200, 0)


@pytest.mark.parametrize(
    "request_text",
    [
        b"GET /api/v1/gpus?host=" + b"a" * MAX_REQUEST_HEAD_BYTES * 8 + b" HTTP/1.1\r\nHost: a\r\n\r\n",
        b"this is not HTTP\r\n\r\n",
    ],
    ids=["too long", "not HTTP"],
)
async def test_what_cannot_be_read_is_a_problem_that_arrives_even_while_more_is_sent(request_text: bytes) -> None:
    async with Site().listening() as address:
        host, port = address.split(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        for begin in range(0, len(request_text), 8192):
            writer.write(request_text[begin : begin + 8192])
            await writer.drain()
        head, _, body = (await reader.read()).partition(b"\r\n\r\n")
        writer.close()
        await writer.wait_closed()
    assert head.startswith(b"HTTP/1.1 400 Bad Request\r\n")
    assert b"content-type: application/problem+json" in head.lower()
    assert b"default-src 'none'" in head
    assert "at most 64 KiB" in json.loads(body)["detail"]


class Question:
    """A request whose body turns out to be no HTTP, while it is worked on or after."""

    def __init__(self, address: str, path: str) -> None:
        self._host, _, self._port = address.partition(":")
        self._head = f"GET {path} HTTP/1.1\r\nHost: {address}\r\nTransfer-Encoding: chunked\r\n\r\n".encode()

    @asynccontextmanager
    async def asked(self) -> AsyncIterator[tuple[asyncio.StreamReader, Callable[[], None]]]:
        """What is answered, and what spoils the question."""
        reader, writer = await asyncio.open_connection(self._host, int(self._port))
        try:
            writer.write(self._head)
            yield reader, lambda: writer.write(b"this is no length\r\n")
        finally:
            writer.close()


def complaints(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.levelno >= logging.ERROR]


async def test_a_question_that_is_spoilt_while_it_is_worked_on_is_refused_and_the_work_ends(
    caplog: pytest.LogCaptureFixture,
) -> None:
    began, ended = asyncio.Event(), asyncio.Event()

    async def work() -> bool:
        began.set()
        try:
            return await asyncio.Event().wait()
        finally:
            ended.set()

    site = Site(database_ready=work)
    async with site.listening() as address, Question(address, "/readyz").asked() as (reader, spoil):
        await began.wait()
        spoil()
        assert (await reader.read()).startswith(b"HTTP/1.1 400 Bad Request\r\n")
        async with asyncio.timeout(READY_TIMEOUT_SECONDS / 2):
            await ended.wait()
    assert complaints(caplog) == []


async def test_a_question_that_is_spoilt_after_the_answer_ends_the_connection(caplog: pytest.LogCaptureFixture) -> None:
    async with Site().listening() as address, Question(address, "/healthz").asked() as (reader, spoil):
        assert (await reader.readuntil(b"}")).startswith(b"HTTP/1.1 200 OK\r\n")
        spoil()
        assert await reader.read() == b""
    assert complaints(caplog) == []


async def test_a_question_that_is_spoilt_amid_the_answer_breaks_it_off(caplog: pytest.LogCaptureFixture) -> None:
    batch = [HistorySample("h" * 1000, "GPU-1", 0, None, START_US, (1.5,))] * 1000
    site = Site()
    site.stream.found_samples = [batch] * 1000
    async with site.listening() as address:
        async with Question(address, "/api/v1/export?metrics=power_watts").asked() as (reader, spoil):
            await reader.readexactly(1000)
            spoil()
            assert len(await reader.read()) < 500_000_000
        async with asyncio.timeout(5):
            while not site.stream.closed:
                await asyncio.sleep(0.01)
    assert complaints(caplog) == []
