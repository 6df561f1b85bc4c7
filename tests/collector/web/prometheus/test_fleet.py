"""GET /metrics/gpus as an endpoint: who gets which format, how much at once, and that nobody else waits for it."""

import asyncio
import threading
from collections.abc import Sequence

import pytest
from prometheus_client.exposition import generate_latest
from prometheus_client.openmetrics.exposition import generate_latest as generate_openmetrics
from starlette.exceptions import HTTPException
from starlette.requests import Request

from fakes.exposition import OPEN_METRICS, Held, read_families, read_series
from fakes.fleet import agent, inventory, sample
from fakes.web import Site
from fakes.web_surfaces import small_fleet
from gpufleet_collector.web.departure import ClientGone, unless_gone
from gpufleet_collector.web.prometheus.fleet import MAX_WAITING, FleetMetrics
from gpufleet_collector.web.prometheus.forms import Form
from gpufleet_collector.web.prometheus.snapshot import Snapshot
from gpufleet_collector.web.settings import WebSettings

PATH = "/metrics/gpus"


@pytest.mark.parametrize(
    ("query", "parameter"),
    [
        ("?hots=a", "hots"),
        ("?gpu_uuid=a", "gpu_uuid"),
        ("?name[]=up", "name[]"),
        ("?families=dcmg", "families"),
        ("?families=", "families"),
        ("?host=", "host"),
    ],
)
async def test_what_is_unknown_or_wrong_is_a_problem_that_names_it(query: str, parameter: str) -> None:
    answer = await small_fleet().get(PATH + query)
    assert (answer.status_code, answer.headers["content-type"]) == (400, "application/problem+json")
    assert answer.json()["parameter"] == parameter


async def test_too_many_gpus_are_refused_with_what_to_do() -> None:
    site = Site(settings=WebSettings(metrics_max_gpus=2))
    for host in ("a", "b"):
        site.live.connected(host, agent(), inventory(f"{host}0", f"{host}1"), 5.0, 0.0)
    answer = await site.get(PATH)
    assert (answer.status_code, answer.headers["content-type"]) == (413, "application/problem+json")
    said = answer.json()["detail"]
    assert all(words in said for words in ("4 GPUs", "at most 2", "GPUFLEET_METRICS_MAX_GPUS", "host="))
    assert (await site.get(PATH + "?host=a")).status_code == 200


@pytest.mark.parametrize(
    ("accept", "kind"),
    [
        (None, "text/plain; version=0.0.4; charset=utf-8"),
        ("*/*", "text/plain; version=0.0.4; charset=utf-8"),
        ("text/html", "text/plain; version=0.0.4; charset=utf-8"),
        (
            "text/plain; version=1.0.0; escaping=allow-utf-8",
            "text/plain; version=1.0.0; charset=utf-8; escaping=allow-utf-8",
        ),
        ("text/plain; version=1.0.0; escaping=dots", "text/plain; version=1.0.0; charset=utf-8; escaping=underscores"),
        ("application/openmetrics-text; version=x.y", "text/plain; version=0.0.4; charset=utf-8"),
        (
            "application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5,*/*;q=0.1",
            "application/openmetrics-text; version=1.0.0; charset=utf-8; escaping=underscores",
        ),
    ],
)
@pytest.mark.parametrize("path", [PATH, "/metrics"])
async def test_the_format_is_one_that_is_accepted(path: str, accept: str | None, kind: str) -> None:
    answer = await small_fleet().request("GET", path, None if accept is None else {"accept": accept})
    assert answer.headers["content-type"] == kind
    is_open = kind.startswith("application/openmetrics")
    assert answer.text.endswith("# EOF\n") is is_open
    assert read_series(answer.text, open_metrics=is_open)


async def test_both_formats_say_the_same_as_prometheus_client_would() -> None:
    site = small_fleet()
    query = PATH + "?families=native,dcgm"
    plain, modern = await site.get(query), await site.request("GET", query, {"accept": OPEN_METRICS})
    assert read_series(plain.text) == read_series(modern.text, open_metrics=True)
    assert generate_latest(Held(read_families(plain.text))) == plain.content
    assert generate_openmetrics(Held(read_families(modern.text, open_metrics=True))) == modern.content


async def test_it_is_compressed_for_who_accepts_that() -> None:
    site = small_fleet()
    packed = await site.request("GET", PATH, {"accept-encoding": "gzip"})
    plain = await site.request("GET", PATH, {"accept-encoding": "identity"})
    assert packed.headers["content-encoding"] == "gzip"
    assert "content-encoding" not in plain.headers
    assert packed.text == plain.text
    assert int(packed.headers["content-length"]) < int(plain.headers["content-length"]) / 4
    assert packed.headers["vary"] == "Accept, Accept-Encoding"


class Slow:
    """Takes until it is told to go on."""

    def __init__(self) -> None:
        self.go_on = threading.Event()
        self.threads: list[str] = []
        self.at_once = self.most_at_once = 0

    def __call__(self, seen: Snapshot, sets: Sequence[str], form: Form, *, is_packed: bool) -> bytes:
        self.threads.append(threading.current_thread().name)
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        self.go_on.wait()
        self.at_once -= 1
        return b"done"


@pytest.fixture
def slow() -> Slow:
    return Slow()


def a_request() -> Request:
    return Request({"type": "http", "query_string": b"", "headers": [], "path": PATH, "method": "GET"})


async def begun(slow: Slow, times: int) -> None:
    async with asyncio.timeout(20):
        while len(slow.threads) < times:
            await asyncio.sleep(0)


async def test_a_thread_makes_it_and_the_loop_goes_on(slow: Slow) -> None:
    site = small_fleet()
    asked = asyncio.create_task(FleetMetrics(site.live, 10, slow)(a_request()))
    await begun(slow, 1)
    assert slow.threads != [threading.current_thread().name]
    site.live.samples("alpha", [sample("GPU-new", 9, power_watts=1)])
    slow.go_on.set()
    assert (await asked).body == b"done"


async def test_one_is_made_at_a_time_and_who_comes_when_too_many_wait_is_told_to_come_again(slow: Slow) -> None:
    endpoint = FleetMetrics(small_fleet().live, 10, slow)
    asked = [asyncio.create_task(endpoint(a_request())) for _ in range(1 + MAX_WAITING)]
    await begun(slow, 1)
    with pytest.raises(HTTPException) as refused:
        await endpoint(a_request())
    assert refused.value.status_code == 503
    assert refused.value.headers is not None
    assert refused.value.headers["Retry-After"]
    slow.go_on.set()
    assert [answer.body for answer in await asyncio.gather(*asked)] == [b"done"] * (1 + MAX_WAITING)
    assert slow.most_at_once == 1


async def test_a_client_that_goes_makes_nobody_begin_before_the_thread_has_ended(slow: Slow) -> None:
    endpoint = FleetMetrics(small_fleet().live, 10, slow)
    gone = asyncio.Event()

    async def receive() -> dict[str, str]:
        await gone.wait()
        return {"type": "http.disconnect"}

    leaving = asyncio.create_task(unless_gone(Request(a_request().scope, receive), endpoint(a_request())))
    await begun(slow, 1)
    gone.set()
    next_one = asyncio.create_task(endpoint(a_request()))
    for _ in range(100):
        await asyncio.sleep(0)
    assert len(slow.threads) == 1
    slow.go_on.set()
    assert (await next_one).body == b"done"
    with pytest.raises(ClientGone):
        await leaving
    assert slow.most_at_once == 1


async def test_it_is_counted_and_timed_by_its_name() -> None:
    site = small_fleet()
    await site.get(PATH)
    assert site.counted("gpufleet_http_requests_total", route=PATH, status="200") == 1
    assert site.counted("gpufleet_http_request_seconds_count", route=PATH) == 1
