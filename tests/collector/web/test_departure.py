"""When a client goes, the work for it ends, in the database too; when it stays, it gets its answer."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import asyncpg
import pytest
from starlette.requests import Request
from starlette.responses import Response

from fakes.clock import START_US
from fakes.storing import Store, store
from fakes.web import Site
from gpufleet_collector.store import history_sql
from gpufleet_collector.store.history import History, HistoryQuery
from gpufleet_collector.web.departure import ClientGone, unless_gone

QUERY = HistoryQuery(START_US, START_US + 1)
RUNNING = "SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'SELECT pg_sleep%' AND state = 'active'"


def request(*messages: str) -> Request:
    """Of a client that sends these messages and then stays silent."""
    waiting = list(messages)

    async def receive() -> dict[str, str]:
        if not waiting:
            await asyncio.Event().wait()
        return {"type": waiting.pop(0)}

    return Request({"type": "http"}, receive)


async def test_who_stays_gets_the_answer() -> None:
    async def work() -> Response:
        return Response("done")

    assert (await unless_gone(request("http.request"), work())).body == b"done"


async def test_what_the_work_raises_is_raised() -> None:
    async def work() -> Response:
        raise LookupError

    with pytest.raises(LookupError):
        await unless_gone(request(), work())


async def test_who_goes_ends_the_work_before_anything_else() -> None:
    ended: list[str] = []

    async def work() -> Response:
        try:
            await asyncio.Event().wait()
        finally:
            ended.append("work")
        return Response()

    with pytest.raises(ClientGone):
        await unless_gone(request("http.request", "http.disconnect"), work())
    assert ended == ["work"]


async def test_who_is_cancelled_ends_the_work() -> None:
    started, ended = asyncio.Event(), asyncio.Event()

    async def work() -> Response:
        started.set()
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()
        return Response()

    asking = asyncio.create_task(unless_gone(request(), work()))
    await started.wait()
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
    assert ended.is_set()


@pytest.fixture
async def made(database_url: str) -> AsyncIterator[Store]:
    async with store(database_url) as made:
        yield made


async def test_the_database_stops_working_for_a_client_that_went(made: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    made.declare("host-1", "GPU-a")
    await made.flush()
    monkeypatch.setattr(history_sql, "samples", lambda *_, **__: "SELECT pg_sleep(CAST(:row_limit AS integer))")
    history = History(made.database, clock=made.clock)
    site = Site(history=history, clock=made.clock)  # type: ignore[arg-type]
    watcher = await asyncpg.connect(made.dsn)
    try:
        async with site.listening() as address:
            host, _, port = address.partition(":")
            _, writer = await asyncio.open_connection(host, int(port))
            writer.write(f"GET /api/system/gpu-stats/history?limit=60 HTTP/1.1\r\nHost: {address}\r\n\r\n".encode())
            await until(watcher, 1)
            writer.close()
            await until(watcher, 0)
            # The connection is as good as before.
            monkeypatch.undo()
            assert await history.samples(QUERY) == []
    finally:
        await watcher.close()


async def until(watcher: Any, running: int) -> None:
    async with asyncio.timeout(10):
        while await watcher.fetchval(RUNNING) != running:
            await asyncio.sleep(0.01)
