"""GET /api/v1/processes: who holds the GPUs now, and who held them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fakes.clock import START_US
from fakes.fleet import agent, inventory
from fakes.postgres import run_apart
from fakes.web import Site
from gpufleet_collector.model import Process, ProcessList
from gpufleet_collector.store.process_history import ProcessSpan, SpanQuery

PROCESSES = "/api/v1/processes"
DAY_US = 86_400_000_000


def fleet(hosts: int = 3) -> Site:
    """Hosts of two GPUs with two processes each."""
    site = Site()
    for host in (f"h{number}" for number in range(hosts)):
        gpus = (f"{host}-a", f"{host}-b")
        site.live.connected(host, agent(), inventory(*gpus), 5.0, 0.0)
        found = tuple(Process(gpu, pid, START_US - 1, "train", 512, 97) for gpu in gpus for pid in (20, 10))
        site.live.processes(ProcessList(host, START_US, found))
    return site


@pytest.fixture
def site() -> Site:
    return fleet()


async def keys(site: Site, query: str = "") -> list[tuple[str, int, int]]:
    answer = (await site.get(PROCESSES + query)).json()
    assert answer["count"] == len(answer["processes"])
    return [(item["host"], item["gpu_index"], item["pid"]) for item in answer["processes"]]


async def test_an_object_has_these_fields(site: Site) -> None:
    answer = (await site.get(f"{PROCESSES}?limit=1")).json()
    assert answer["processes"] == [
        {
            "host": "h0",
            "host_state": "up",
            "gpu_uuid": "h0-a",
            "gpu_index": 0,
            "gpu_name": "NVIDIA H200",
            "pid": 10,
            "started_at": "2025-12-31T23:59:59.999999Z",
            "name": "train",
            "memory_used_mb": 512,
            "sm_utilization_percent": 97,
            "graphics": False,
            "observed_at": "2026-01-01T00:00:00.000000Z",
        }
    ]


async def test_sorted_and_filtered(site: Site) -> None:
    assert await keys(site, "?host=h2,h0&gpu_index=1") == [("h0", 1, 10), ("h0", 1, 20), ("h2", 1, 10), ("h2", 1, 20)]
    assert await keys(site, "?gpu_uuid=h1-a") == [("h1", 0, 10), ("h1", 0, 20)]
    assert await keys(site, "?host=nobody") == []
    assert len(await keys(site)) == 12


async def test_a_host_that_is_gone_shows_what_is_known_last_and_says_so(site: Site) -> None:
    site.live.disconnected("h1", clean=True)
    answer = (await site.get(f"{PROCESSES}?host=h1")).json()
    assert {item["host_state"] for item in answer["processes"]} == {"left"}
    assert answer["count"] == 4


@given(st.integers(1, 13))
def test_pages_hold_everything_once(limit: int) -> None:
    async def walk() -> None:
        site, found, cursor = fleet(), [], ""
        while True:
            answer = (await site.get(f"{PROCESSES}?limit={limit}{cursor}")).json()
            assert answer["count"] <= limit
            found += [(item["host"], item["gpu_index"], item["pid"]) for item in answer["processes"]]
            if answer["next_cursor"] is None:
                break
            cursor = f"&cursor={answer['next_cursor']}"
        assert found == sorted(set(found))
        assert len(found) == 12

    run_apart(walk)


async def test_with_a_span_the_store_is_asked(site: Site) -> None:
    begins, process = [START_US + number for number in range(3)], Process("h0-a", 10, None, "train", 400)
    site.spans.found = [
        ProcessSpan((begin, 1, 10), "h0", 0, "NVIDIA H200", process, begin, START_US + 60_000_000, 512)
        for begin in begins
    ]
    url = f"{PROCESSES}?since=2026-01-01T00:00:00Z&until=2026-01-02T00:00:00Z&host=h0&gpu_uuid=x&gpu_index=4&limit=2"
    answer = (await site.get(url)).json()
    assert answer["count"] == 2
    assert answer["processes"][0] == {
        "host": "h0",
        "host_state": "up",
        "gpu_uuid": "h0-a",
        "gpu_index": 0,
        "gpu_name": "NVIDIA H200",
        "pid": 10,
        "started_at": None,
        "name": "train",
        "memory_used_mb": 400,
        "sm_utilization_percent": None,
        "graphics": False,
        "observed_at": "2026-01-01T00:01:00.000000Z",
        "first_seen": "2026-01-01T00:00:00.000000Z",
        "last_seen": "2026-01-01T00:01:00.000000Z",
        "memory_max_mb": 512,
    }
    rest = (await site.get(f"{url}&cursor={answer['next_cursor']}")).json()
    assert (rest["count"], rest["next_cursor"]) == (1, None)
    first = SpanQuery(START_US, START_US + DAY_US, ("h0",), ("x",), (4,), 3)
    assert site.spans.asked[0] == first
    assert site.spans.asked[1].after == (START_US + 1, 1, 10)


async def test_one_bound_is_enough_for_a_span(site: Site) -> None:
    site.clock.advance(2 * 86_400)
    now = site.clock.now().wall_us
    await site.get(f"{PROCESSES}?since=2026-01-01T00:00:00Z")
    await site.get(f"{PROCESSES}?until=2026-01-03T00:00:00Z")
    assert [(asked.since, asked.until) for asked in site.spans.asked] == [(START_US, now), (now - DAY_US, now)]


@pytest.mark.parametrize(
    ("query", "parameter"), [("pid=1", "pid"), ("gpu_index=x", "gpu_index"), ("cursor=y", "cursor")]
)
async def test_a_wrong_value_is_a_400_that_names_it(site: Site, query: str, parameter: str) -> None:
    for span in ("", "&since=2025-12-31T00:00:00Z"):
        answer = await site.get(f"{PROCESSES}?{query}{span}")
        assert (answer.status_code, answer.json()["parameter"]) == (400, parameter)
