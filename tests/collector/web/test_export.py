"""/api/v1/export: a file of any length, whole or visibly broken off, and no work for somebody who has gone."""

import asyncio
import csv
import io
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import asyncpg
import httpx
import pyarrow.parquet as pq
import pytest

from fakes.clock import START_US
from fakes.fleet import event
from fakes.storing import store
from fakes.web import Site
from fakes.web_surfaces import small_fleet
from gpufleet_collector.errors import BadRequest, DatabaseUnavailable
from gpufleet_collector.model import METRIC_NAMES, PlacedEvent
from gpufleet_collector.store import history_sql, history_stream
from gpufleet_collector.store.history import HistoryBucket, HistorySample
from gpufleet_collector.store.history_stream import HistoryStream
from gpufleet_collector.web.serving import flow
from gpufleet_collector.web.settings import WebSettings

URL = "/api/v1/export"
SPAN = "since=2026-01-01T00:00:00Z&until=2026-01-01T01:00:00Z"
LONG_NAME = "H" * 1000
PATIENCE_SECONDS = 60.0
"""Some of these write 40 MB: seconds, and many more where others work beside them."""


@pytest.fixture
def site() -> Site:
    """Two batches."""
    site = Site()
    site.stream.found_samples = [
        [HistorySample("alpha", "GPU-1", 0, "NVIDIA H200", START_US, (300.5, None))],
        [HistorySample(None, "GPU-2", None, None, START_US + 1, (None, 0))],
    ]
    return site


async def test_samples_as_csv_to_the_letter(site: Site) -> None:
    answer = await site.get(f"{URL}?metrics=power_watts,fan_speed_percent&{SPAN}")
    assert answer.status_code == 200
    assert answer.text == (
        "host,gpu_uuid,gpu_index,gpu_name,recorded_at,power_watts,fan_speed_percent\r\n"
        "alpha,GPU-1,0,NVIDIA H200,2026-01-01T00:00:00.000000Z,300.5,\r\n"
        ",GPU-2,,,2026-01-01T00:00:00.000001Z,,0\r\n"
    )
    assert answer.headers["content-type"] == "text/csv; charset=utf-8; header=present"
    assert (
        answer.headers["content-disposition"]
        == 'attachment; filename="gpufleet-samples-20260101T000000Z-20260101T010000Z.csv"'
    )
    assert answer.headers["cache-control"] == "no-store"
    assert "content-length" not in answer.headers


async def test_samples_as_parquet(site: Site) -> None:
    answer = await site.get(f"{URL}?metrics=power_watts,fan_speed_percent&format=parquet&{SPAN}")
    assert answer.headers["content-type"] == "application/vnd.apache.parquet"
    assert answer.headers["content-disposition"].endswith('.parquet"')
    table = pq.read_table(io.BytesIO(answer.content))
    assert table.column("power_watts").to_pylist() == [300.5, None]
    assert table.column("fan_speed_percent").to_pylist() == [None, 0]


async def test_a_step_makes_buckets(site: Site) -> None:
    site.stream.found_buckets = [
        [HistoryBucket("alpha", "GPU-1", 0, START_US, 12, True, ((300.5, 299.0, 302.0),))],
        [HistoryBucket("alpha", "GPU-1", 0, START_US + 60_000_000, 1, False, (None,))],
    ]
    assert (await site.get(f"{URL}?metrics=power_watts&step=60&{SPAN}")).text == (
        "host,gpu_uuid,gpu_index,start,count,complete,power_watts_avg,power_watts_min,power_watts_max\r\n"
        "alpha,GPU-1,0,2026-01-01T00:00:00.000000Z,12,true,300.5,299.0,302.0\r\n"
        "alpha,GPU-1,0,2026-01-01T00:01:00.000000Z,1,false,,,\r\n"
    )


async def test_what_is_asked_reaches_the_store(site: Site) -> None:
    site.stream.found_samples = []
    await site.get(f"{URL}?host=a,b&gpu_uuid=GPU-1&gpu_index=2&metrics=power_watts&{SPAN}")
    await site.get(URL)
    narrow, wide = site.stream.asked
    assert (narrow.hosts, narrow.gpu_uuids, narrow.gpu_indexes) == (("a", "b"), ("GPU-1",), (2,))
    assert (narrow.since, narrow.until, narrow.metrics) == (START_US, START_US + 3_600_000_000, ("power_watts",))
    assert (wide.since, wide.until, wide.metrics) == (START_US - 3_600_000_000, START_US, METRIC_NAMES)


async def test_events_oldest_first_without_formulas() -> None:
    site = Site()
    happened = event("e1", -60)
    site.events.found = [
        PlacedEvent(event("e2", -30)),
        PlacedEvent(replace(happened, text='=HYPERLINK("http://x")'), 0, "NVIDIA H200"),
    ]
    header, first, second = csv.reader(io.StringIO((await site.get(f"{URL}?what=events&kind=xid")).text))
    assert header[0] == "id"
    assert (first[0], second[0]) == ("e1", "e2")
    assert first[header.index("text")] == '\'=HYPERLINK("http://x")'
    assert site.events.asked[0].kinds == ("xid",)


async def test_processes() -> None:
    site = small_fleet()
    header, line = csv.reader(io.StringIO((await site.get(f"{URL}?what=processes&gpu_index=0")).text))
    assert dict(zip(header, line, strict=True))["name"] == "python train.py"
    assert site.spans.asked[0].gpu_indexes == (0,)


@pytest.mark.parametrize(
    ("query", "parameter"),
    [
        ("format=xlsx", "format"),
        ("format=csv,parquet", "format"),
        ("what=everything", "what"),
        ("what=samples&what=events", "what"),
        ("what=events&metrics=power_watts", "metrics"),
        ("what=events&step=60", "step"),
        ("kind=xid", "kind"),
        ("metrics=power_horses", "metrics"),
        ("step=0", "step"),
        ("limit=5", "limit"),
        ("since=2026-01-02T00:00:00Z&until=2026-01-01T00:00:00Z", "since"),
    ],
)
async def test_a_wrong_parameter_is_named(site: Site, query: str, parameter: str) -> None:
    answer = await site.get(f"{URL}?{query}")
    assert (answer.status_code, answer.json()["parameter"]) == (400, parameter)
    assert site.stream.asked == []


async def test_without_pyarrow_parquet_is_not_there_and_the_extra_is_named(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    monkeypatch.delitem(sys.modules, "gpufleet_collector.export.parquet_form", raising=False)
    answer = await site.get(f"{URL}?format=parquet")
    assert answer.status_code == 501
    assert answer.headers["content-type"] == "application/problem+json"
    assert "gpufleet-collector[parquet]" in answer.json()["detail"]
    assert (await site.get(URL)).status_code == 200


@pytest.mark.parametrize(
    ("failure", "status"), [(BadRequest("gpu_uuid", "1200 GPUs match"), 400), (DatabaseUnavailable("gone"), 503)]
)
async def test_what_fails_before_the_first_row_is_a_problem(site: Site, failure: Exception, status: int) -> None:
    site.stream.found_samples, site.stream.failure = [], failure
    answer = await site.get(f"{URL}?metrics=power_watts")
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")
    assert "content-disposition" not in answer.headers
    assert site.stream.closed == 1


@pytest.mark.parametrize("form", ["csv", "parquet"])
async def test_what_fails_later_never_looks_whole(site: Site, form: str, caplog: pytest.LogCaptureFixture) -> None:
    site.stream.failure = DatabaseUnavailable("gone")
    async with site.listening() as address, httpx.AsyncClient() as client:
        with pytest.raises(httpx.RemoteProtocolError):
            await client.get(f"http://{address}{URL}?metrics=power_watts,fan_speed_percent&format={form}")
        site.stream.failure = None
        assert (await client.get(f"http://{address}{URL}?metrics=power_watts,fan_speed_percent")).status_code == 200
    assert "an export broke off: gone" in caplog.text


async def test_http_1_0_cannot_tell_half_a_file_from_a_whole_one(site: Site) -> None:
    async with connected(site, version="1.0") as (reader, _):
        assert b" 505 " in await reader.readline()
    assert site.stream.asked == []


async def test_only_the_head_reads_nothing(site: Site) -> None:
    answer = await site.request("HEAD", f"{URL}?format=parquet")
    assert answer.status_code == 200
    assert answer.headers["content-disposition"].endswith('.parquet"')
    assert (answer.content, site.stream.asked) == (b"", [])


def endless(site: Site) -> None:
    """Far more than fits between server and client."""
    batch = [HistorySample(LONG_NAME, "GPU-1", 0, None, START_US, (1.5,))] * 1000
    site.stream.found_samples = [batch] * 1000


@asynccontextmanager
async def connected(
    site: Site, version: str = "1.1"
) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    async with site.listening() as address:
        host, _, port = address.partition(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        try:
            writer.write(f"GET {URL}?metrics=power_watts HTTP/{version}\r\nHost: {address}\r\n\r\n".encode())
            yield reader, writer
        finally:
            writer.close()


async def until_closed(site: Site) -> None:
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not site.stream.closed:
            await asyncio.sleep(0.01)


async def test_no_more_is_read_than_the_client_takes(site: Site) -> None:
    endless(site)
    async with connected(site) as (reader, _):
        await reader.readexactly(100)
        given = -1
        while given != site.stream.given:
            given = site.stream.given
            await asyncio.sleep(0.2)
        # What fits into the buffers between server and client, and not a GB.
        assert given < 50
        for _ in range(100):
            await reader.read(1_000_000)
        assert site.stream.given > given


async def test_a_client_that_goes_ends_the_reading(site: Site) -> None:
    endless(site)
    async with connected(site) as (reader, writer):
        await reader.readexactly(100)
        assert site.stream.closed == 0
        writer.close()
        await until_closed(site)
    assert site.stream.given < 1000


async def test_a_client_that_does_not_read_is_given_up(site: Site, caplog: pytest.LogCaptureFixture) -> None:
    site.settings = WebSettings(stall_seconds=0.2)
    endless(site)
    async with connected(site) as (reader, _):
        await reader.readexactly(100)
        await until_closed(site)
    assert "an export broke off: the client did not read" in caplog.text


async def test_what_a_client_does_not_read_is_not_kept_for_it(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """To close its connection is to wait until it has read everything."""
    monkeypatch.setattr(flow, "LINGER_SECONDS", 0.6)
    site.settings = WebSettings(stall_seconds=0.2)
    endless(site)
    async with connected(site) as (reader, _):
        await until_closed(site)
        await asyncio.sleep(1)
        with pytest.raises(ConnectionResetError):
            await reader.read()


async def test_who_reads_slowly_is_not_cut_off(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(flow, "LINGER_SECONDS", 0.8)
    endless(site)
    async with connected(site) as (reader, _):
        for _ in range(15):
            await reader.readexactly(1_000_000)
            await asyncio.sleep(0.1)
        assert not site.stream.closed


async def test_a_client_that_does_not_read_the_end_gives_its_turn_back(site: Site) -> None:
    """The last piece fits nowhere in between, and nothing comes after it."""
    site.settings = WebSettings(stall_seconds=0.2, max_exports=1)
    names = [f"{LONG_NAME}{number}" for number in range(40_000)]
    site.stream.found_samples = [[HistorySample(name, "GPU-1", 0, None, START_US, (1.5,)) for name in names]]
    async with site.listening() as address, httpx.AsyncClient() as client:
        host, _, port = address.partition(":")
        _, writer = await asyncio.open_connection(host, int(port))
        try:
            writer.write(f"GET {URL}?metrics=power_watts HTTP/1.1\r\nHost: {address}\r\n\r\n".encode())
            await until_closed(site)
            site.stream.found_samples = []
            url = f"http://{address}{URL}?metrics=power_watts"
            async with asyncio.timeout(PATIENCE_SECONDS):
                while (await client.get(url)).status_code != 200:
                    await asyncio.sleep(0.05)
        finally:
            writer.transport.abort()


async def test_one_export_too_many_is_told_to_wait(site: Site) -> None:
    site.settings = WebSettings(max_exports=1)
    endless(site)
    async with site.listening() as address, httpx.AsyncClient() as client:
        url = f"http://{address}{URL}?metrics=power_watts"
        async with client.stream("GET", url) as first:
            assert first.status_code == 200
            refused = await client.get(url)
            assert (refused.status_code, refused.headers["retry-after"]) == (503, "30")
        await until_closed(site)
        site.stream.found_samples = []
        assert (await client.get(url)).status_code == 200


SLOW_ROWS = """
SELECT recorded_at, stay, CAST(1 AS real) AS power_watts
FROM (SELECT n, timestamptz 'epoch' AS recorded_at, 1 AS stay FROM generate_series(1, 20) AS n) AS every,
    LATERAL (SELECT pg_sleep(CASE WHEN n > 12 THEN 60 ELSE 0 END)) AS slept
"""


async def test_the_database_stops_reading_for_a_client_that_went(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(history_stream, "BATCH_ROWS", 10)
    monkeypatch.setattr(history_sql, "samples", lambda *_, **__: SLOW_ROWS)
    async with store(database_url) as made:
        made.declare("host-1", "GPU-a", seconds=0)
        await made.flush()
        site = Site(stream=HistoryStream(made.database, clock=made.clock), clock=made.clock)  # type: ignore[arg-type]
        watcher: Any = await asyncpg.connect(made.dsn)
        try:
            async with connected(site) as (reader, writer):
                await reader.readuntil(b"recorded_at")
                await until(watcher, 1)
                writer.close()
                await until(watcher, 0)
        finally:
            await watcher.close()


async def until(watcher: Any, running: int) -> None:
    query = (
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
        " AND state <> 'idle'"
    )
    async with asyncio.timeout(PATIENCE_SECONDS):
        while await watcher.fetchval(query) != running:
            await asyncio.sleep(0.01)
