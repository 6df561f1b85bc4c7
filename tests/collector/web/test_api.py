"""The REST API, asked in process."""

import asyncio
from urllib.parse import quote

import pytest

from fakes.clock import START_US
from fakes.fleet import agent, inventory, sample
from fakes.web import Site
from gpufleet_collector.errors import BadRequest, ConfigurationError, DatabaseUnavailable, QueryTooLong, TooMuch
from gpufleet_collector.model import METRIC_NAMES
from gpufleet_collector.store.history import HistoryQuery, HistorySample
from gpufleet_collector.web import instants
from gpufleet_collector.web.health import Ready

API = (
    "/api/system/gpu-stats",
    "/api/system/gpu-stats/history",
    "/api/v1/hosts",
    "/api/v1/gpus",
    "/api/v1/catalog",
    "/api/v1/events",
    "/api/v1/processes",
    "/api/openapi.json",
)
HISTORY = "/api/system/gpu-stats/history"
HOUR_US = 3_600_000_000


@pytest.fixture
def site() -> Site:
    made = Site()
    for host in ("a", "b", "c"):
        made.live.connected(host, agent(), inventory(*(f"{host}{number}" for number in range(3))), 5.0, 0.0)
    return made


async def listed(site: Site, url: str, name: str = "gpus", key: str = "gpu_uuid") -> list[str]:
    body = (await site.get(url)).json()
    assert body["count"] == len(body[name])
    return [item[key] for item in body[name]]


async def all_pages(site: Site, url: str, name: str, key: str) -> list[list[str]]:
    pages, cursor = [], ""
    while True:
        body = (await site.get(url + cursor)).json()
        pages.append([item[key] for item in body[name]])
        if body["next_cursor"] is None:
            return pages
        cursor = "&cursor=" + body["next_cursor"]


@pytest.mark.parametrize("path", ["/api/system/gpu-stats", "/api/v1/gpus"])
async def test_gpus_are_filtered_by_host_uuid_and_index(site: Site, path: str) -> None:
    assert await listed(site, path + "?host=c,a&gpu_index=1") == ["a1", "c1"]
    assert await listed(site, path + "?host=a&host=b&gpu_uuid=b2") == ["b2"]
    assert await listed(site, path + "?host=nobody") == []
    assert await listed(site, path + "?gpu_uuid=nothing") == []


@pytest.mark.parametrize("path", ["/api/system/gpu-stats", "/api/v1/gpus"])
async def test_pages_of_gpus_are_the_whole_in_order(site: Site, path: str) -> None:
    pages = await all_pages(site, path + "?host=a,c&limit=2", "gpus", "gpu_uuid")
    assert pages == [["a0", "a1"], ["a2", "c0"], ["c1", "c2"]]


async def test_pages_of_hosts_are_the_whole_in_order(site: Site) -> None:
    assert await all_pages(site, "/api/v1/hosts?limit=2", "hosts", "host") == [["a", "b"], ["c"]]
    assert await listed(site, "/api/v1/hosts?host=b,nobody", "hosts", "host") == ["b"]


async def test_a_gpu_that_goes_away_between_pages_costs_no_other(site: Site) -> None:
    first = (await site.get("/api/v1/gpus?limit=2")).json()
    site.live.inventory("a", inventory("a0", seconds=5))
    second = (await site.get(f"/api/v1/gpus?limit=2&cursor={first['next_cursor']}")).json()
    assert [gpu["gpu_uuid"] for gpu in second["gpus"]] == ["b0", "b1"]


async def test_now_is_every_metric_and_what_was_not_read_is_null(site: Site) -> None:
    site.live.samples("a", [sample("a0", 1.5, gpu_utilization_percent=0)])
    gpu = (await site.get("/api/system/gpu-stats?gpu_uuid=a0")).json()["gpus"][0]
    assert set(METRIC_NAMES) <= gpu.keys()
    assert gpu["gpu_utilization_percent"] == 0
    assert gpu["power_watts"] is None
    assert gpu["recorded_at"] == "2026-01-01T00:00:01.500000Z"


@pytest.mark.parametrize("path", API)
async def test_an_unknown_parameter_is_a_problem_that_names_it(site: Site, path: str) -> None:
    response = await site.get(path + "?hots=a")
    assert response.status_code == 400
    assert response.headers["content-type"] == "application/problem+json"
    assert response.json()["parameter"] == "hots"


@pytest.mark.parametrize("path", API)
@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "OPTIONS"])
async def test_a_wrong_method_is_a_problem(site: Site, path: str, method: str) -> None:
    response = await site.request(method, path)
    assert (response.status_code, response.json()["status"]) == (405, 405)
    assert response.headers["content-type"] == "application/problem+json"
    assert response.headers["allow"] == "GET, HEAD"


@pytest.mark.parametrize("path", [*API, "/healthz", "/readyz", "/metrics", "/metrics/gpus"])
async def test_head_is_answered_as_get_and_nobody_keeps_an_answer(site: Site, path: str) -> None:
    response = await site.request("HEAD", path)
    assert response.status_code == 200
    assert response.headers["cache-control"] == "no-store"


@pytest.mark.parametrize(
    "path", ["/api", "/api/", "/api/v2", "/api/v1/hosts/", "/api/v1/serie", "/api/openapi.yaml", "/api/../api/v1"]
)
@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_an_api_path_that_is_not_there_is_a_problem(site: Site, path: str, method: str) -> None:
    response = await site.request(method, path)
    assert response.status_code == 404
    assert response.headers["content-type"] == "application/problem+json"


async def test_a_broken_or_foreign_cursor_is_named(site: Site) -> None:
    cursor = (await site.get("/api/v1/gpus?limit=1")).json()["next_cursor"]
    for url in (
        "/api/v1/gpus?cursor=broken",
        f"/api/v1/gpus?host=a&cursor={cursor}",
        f"/api/system/gpu-stats?cursor={cursor}",
    ):
        response = await site.get(url)
        assert (response.status_code, response.json()["parameter"]) == (400, "cursor")


# ------------------------------------------------------------------------------------------------------------- history


async def test_history_asks_for_the_last_hour_and_every_metric_unless_told_otherwise(site: Site) -> None:
    await site.get(HISTORY)
    assert site.history.asked == [HistoryQuery(START_US - HOUR_US, START_US, metrics=METRIC_NAMES)]


async def test_history_passes_on_what_was_asked(site: Site) -> None:
    since, until = quote("2025-12-31T23:00:00+01:00", safe=""), "2025-12-31T22:30:00 00:00"
    query = f"host=a,b&gpu_uuid=x&gpu_index=3&since={since}&until={until}&metrics=power_watts&limit=7&step=0.5"
    assert (await site.get(f"{HISTORY}?{query}")).json() == {"buckets": [], "count": 0, "next_cursor": None}
    assert site.history.asked == [
        HistoryQuery(
            instants.read("2025-12-31T22:00:00Z"),
            instants.read("2025-12-31T22:30:00Z"),
            ("a", "b"),
            ("x",),
            (3,),
            ("power_watts",),
            limit=7,
            step_us=500_000,
        )
    ]


async def test_the_plus_of_an_offset_may_come_unescaped(site: Site) -> None:
    await site.get(HISTORY + "?since=2025-12-31T23:00:00+01:00")
    assert site.history.asked[0].since == instants.read("2025-12-31T22:00:00Z")


@pytest.mark.parametrize(
    ("query", "parameter"),
    [
        ("since=2026-01-02T00:00:00Z", "since"),
        ("since=2025-01-02T00:00:00Z&until=2025-01-02T00:00:00Z", "since"),
        ("until=2025-01-01T00:00:00Z", "until"),
        ("since=yesterday", "since"),
        ("until=2026-13-01T00:00:00Z", "until"),
        ("step=0", "step"),
        ("metrics=power_horses", "metrics"),
        ("gpu_index=x", "gpu_index"),
        ("limit=10001", "limit"),
        ("host=%00", "host"),
        ("cursor=x", "cursor"),
    ],
)
async def test_a_bad_question_of_the_past_is_named_and_never_asked(site: Site, query: str, parameter: str) -> None:
    response = await site.get(f"{HISTORY}?{query}")
    assert (response.status_code, response.json()["parameter"]) == (400, parameter)
    assert site.history.asked == []


async def test_the_next_page_of_the_past_is_of_the_same_span_though_time_has_passed(site: Site) -> None:
    site.history.found_samples = [
        HistorySample("a", "a0", 0, None, START_US - 9, (1.0,)),
        HistorySample("a", "a1", 1, None, START_US - 9, (2.0,)),
    ]
    url = f"{HISTORY}?metrics=power_watts&limit=2"
    first = (await site.get(url)).json()
    assert [item["power_watts"] for item in first["samples"]] == [1.0, 2.0]
    site.clock.advance(60)
    site.history.found_samples = []
    second = (await site.get(f"{url}&cursor={first['next_cursor']}")).json()
    assert (second["samples"], second["next_cursor"]) == ([], None)
    assert site.history.asked[1] == HistoryQuery(
        START_US - HOUR_US, START_US, metrics=("power_watts",), limit=2, after=(START_US - 9, "a1")
    )


@pytest.mark.parametrize(
    ("failure", "status", "parameter"),
    [
        (BadRequest("gpu_uuid", "1001 GPUs match"), 400, "gpu_uuid"),
        (QueryTooLong("took longer than 30 s"), 400, None),
        (TooMuch("since", "ask for less"), 400, "since"),
        (DatabaseUnavailable("the database does not answer"), 503, None),
        (ConfigurationError("DATABASE_URL: permission denied for table events"), 503, None),
        (ZeroDivisionError("a bug"), 500, None),
    ],
)
async def test_what_goes_wrong_with_the_past_is_a_problem(
    site: Site, failure: Exception, status: int, parameter: str | None
) -> None:
    site.history.failure = failure
    response = await site.get(HISTORY)
    assert (response.status_code, response.json()["parameter"]) == (status, parameter)
    assert response.headers["content-type"] == "application/problem+json"
    assert response.headers["content-security-policy"].startswith("default-src 'none'")
    assert "a bug" not in response.text
    assert site.counted("gpufleet_http_requests_total", route=HISTORY, status=str(status)) == 1
    refused = {"too_long": QueryTooLong, "too_much": TooMuch}
    for reason, kind in refused.items():
        counted = site.counted("gpufleet_questions_refused_total", reason=reason)
        assert counted == (1 if isinstance(failure, kind) else None)


# -------------------------------------------------------------------------------------------------------------- health


async def test_ready_means_that_the_database_answers(site: Site) -> None:
    assert (await site.get("/readyz")).status_code == 200

    async def not_ready() -> bool:
        return False

    site.database_ready = not_ready
    response = await site.get("/readyz")
    assert (response.status_code, response.json()["detail"]) == (503, "the database does not answer")
    assert response.headers["content-type"] == "application/problem+json"
    assert (await site.get("/healthz")).status_code == 200


async def test_however_many_ask_the_database_is_asked_one_question_at_a_time(site: Site) -> None:
    asked, go_on = [], asyncio.Event()

    async def slowly() -> bool:
        asked.append(1)
        await go_on.wait()
        return True

    site.database_ready = slowly
    app = site.app()
    answers = [asyncio.create_task(site.ask(app, "/readyz")) for _ in range(20)]
    async with asyncio.timeout(10):
        while not asked:
            await asyncio.sleep(0)
    go_on.set()
    assert {answer.status_code for answer in await asyncio.gather(*answers)} == {200}
    assert len(asked) == 1
    assert (await site.ask(app, "/readyz")).status_code == 200
    assert len(asked) == 2


async def test_who_is_not_ready_says_why_where_that_is_known(site: Site) -> None:
    async def cannot_store() -> bool:
        raise DatabaseUnavailable("nothing could be stored for 7 s: the disk is full")

    site.database_ready = cannot_store
    response = await site.get("/readyz?cache=no")
    assert response.status_code == 503
    assert response.json()["detail"] == "nothing could be stored for 7 s: the disk is full"


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/metrics"])
async def test_a_probe_may_add_parameters_to_get_past_caches(site: Site, path: str) -> None:
    assert (await site.get(f"{path}?now=1767225600")).status_code == 200


@pytest.mark.parametrize("state", ["none", "up", "away"])
async def test_a_collector_is_ready_without_the_bus_and_says_how_it_is(site: Site, state: str) -> None:
    site.bus_state = state
    response = await site.get("/readyz")
    assert (response.status_code, response.json()) == (200, {"status": "ready", "bus": state})


async def test_a_database_that_hangs_is_not_ready(site: Site) -> None:
    async def hang() -> bool:
        return await asyncio.Event().wait()

    request = None
    response = await Ready(hang, lambda: "none", timeout_seconds=0.01)(request)  # type: ignore[arg-type]
    assert response.status_code == 503


async def test_metrics_count_requests_by_route_and_never_by_a_path_that_somebody_made_up(site: Site) -> None:
    for url in ("/api/v1/hosts", "/api/v1/hosts?x=1", "/api/secret/1", "/some/page"):
        await site.get(url)
    text = (await site.get("/metrics")).text
    assert 'gpufleet_http_requests_total{route="/api/v1/hosts",status="200"} 1.0' in text
    assert 'gpufleet_http_requests_total{route="/api/v1/hosts",status="400"} 1.0' in text
    assert 'gpufleet_http_requests_total{route="/api/",status="404"} 1.0' in text
    assert "secret" not in text


async def test_metrics_are_written_in_the_form_that_the_scraper_accepts(site: Site) -> None:
    plain = await site.get("/metrics")
    assert plain.headers["content-type"].startswith("text/plain; version=")
    modern = await site.request("GET", "/metrics", {"accept": "application/openmetrics-text; version=1.0.0"})
    assert modern.headers["content-type"].startswith("application/openmetrics-text")
    assert modern.text.endswith("# EOF\n")


async def test_a_websocket_path_asked_without_one_says_so(site: Site) -> None:
    response = await site.get("/ws")
    assert (response.status_code, response.headers["upgrade"]) == (426, "websocket")


async def test_the_store_tells_its_sizes_its_lag_and_how_its_jobs_went() -> None:
    answer = (await Site().get("/api/v1/store")).json()
    assert answer["packing_lag_seconds"] == 3600
    assert answer["late_samples"] == 7
    assert answer["tables"] == [{"name": "gpu_stats", "bytes": 9_000_000, "rows": 1000, "partitions": 3}]
    assert answer["jobs"][0]["error"] == "no space left on device"
    assert answer["jobs"][0]["succeeded_at"] is None
    assert (await Site().get("/api/v1/store?x=1")).status_code == 400
