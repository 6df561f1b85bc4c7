"""GET /api/v1/events and the events on /ws: what happened, newest first, and as it happens."""

import asyncio
import json
from typing import Any

import pytest
import websockets

from fakes.clock import START_US
from fakes.fleet import agent, event, inventory
from fakes.web import Site
from gpufleet_collector.model import PlacedEvent
from gpufleet_collector.store.event_history import EventQuery

EVENTS = "/api/v1/events"
DAY_US = 86_400_000_000


@pytest.fixture
def site() -> Site:
    made = Site()
    made.clock.advance(2 * 86_400)
    return made


def happened(site: Site, *seconds: int) -> None:
    site.events.found = [PlacedEvent(event(f"e{second}", second), 3, "NVIDIA H200") for second in sorted(seconds)[::-1]]


async def test_an_object_has_these_fields(site: Site) -> None:
    happened(site, 1)
    answer = (await site.get(EVENTS)).json()
    assert answer == {
        "events": [
            {
                "id": "e1",
                "host": "host-1",
                "gpu_uuid": "GPU-a",
                "gpu_index": 3,
                "gpu_name": "NVIDIA H200",
                "kind": "xid",
                "severity": "critical",
                "code": 79,
                "text": "GPU has fallen off the bus.",
                "occurred_at": "2026-01-01T00:00:01.000000Z",
                "received_at": "2026-01-01T00:00:02.000000Z",
            }
        ],
        "count": 1,
        "next_cursor": None,
    }


async def test_without_a_span_the_last_day_is_asked(site: Site) -> None:
    await site.get(EVENTS)
    now = START_US + 2 * DAY_US
    assert site.events.asked == [EventQuery(since=now - DAY_US, until=now, limit=1001)]


async def test_every_filter_reaches_the_question(site: Site) -> None:
    url = "?host=a,b&gpu_uuid=x&kind=xid&kind=gpu_lost&severity=critical,warning&since=2026-01-01&limit=7"
    assert (await site.get(EVENTS + url.replace("2026-01-01", "2026-01-01T00:00:00Z"))).status_code == 200
    (asked,) = site.events.asked
    assert (asked.hosts, asked.gpu_uuids, asked.kinds) == (("a", "b"), ("x",), ("xid", "gpu_lost"))
    assert (asked.severities, asked.since, asked.limit) == (("critical", "warning"), START_US, 8)


@pytest.mark.parametrize(
    ("query", "parameter"),
    [
        ("kind=xid,exploded", "kind"),
        ("severity=fatal", "severity"),
        ("kind=XID", "kind"),
        ("gpu_index=1", "gpu_index"),
        ("limit=0", "limit"),
        ("cursor=x", "cursor"),
        ("since=2026-01-02T00:00:00Z&until=2026-01-01T00:00:00Z", "since"),
        ("since=tomorrow", "since"),
    ],
)
async def test_a_wrong_value_is_a_400_that_names_it(site: Site, query: str, parameter: str) -> None:
    answer = await site.get(f"{EVENTS}?{query}")
    assert (answer.status_code, answer.json()["parameter"]) == (400, parameter)
    assert site.events.asked == []


async def test_pages_go_by_key_and_keep_the_span_of_the_first(site: Site) -> None:
    happened(site, *range(10))
    pages: list[list[str]] = []
    url = f"{EVENTS}?limit=4"
    cursor: str | None = ""
    while cursor is not None:
        site.clock.advance(5)
        answer = (await site.get(url + (f"&cursor={cursor}" if cursor else ""))).json()
        pages.append([found["id"] for found in answer["events"]])
        cursor = answer["next_cursor"]
    assert pages == [["e9", "e8", "e7", "e6"], ["e5", "e4", "e3", "e2"], ["e1", "e0"]]
    assert len({(asked.since, asked.until) for asked in site.events.asked}) == 1


async def test_a_cursor_is_good_for_its_own_question_only(site: Site) -> None:
    happened(site, *range(10))
    cursor = (await site.get(f"{EVENTS}?limit=4&kind=xid")).json()["next_cursor"]
    assert (await site.get(f"{EVENTS}?limit=4&kind=gpu_lost&cursor={cursor}")).status_code == 400
    assert (await site.get(f"{EVENTS}?limit=2&kind=xid&cursor={cursor}")).json()["count"] == 2


async def test_on_the_websocket_an_event_has_the_same_object_and_comes_once(site: Site) -> None:
    site.live.connected("host-1", agent(), inventory("GPU-x", "GPU-a"), 5.0, 0.0)

    async def receive() -> dict[str, Any]:
        async with asyncio.timeout(10):
            told: dict[str, Any] = json.loads(await client.recv())
            return told

    async with site.listening() as address, websockets.connect(f"ws://{address}/ws") as client:
        for _ in range(2):
            assert (await receive())["type"] == "gpu_stats"
        site.live.events("host-1", [event("e1", 1)])
        site.live.events("host-1", [event("e1", 1), event("e2", 2, gpu_uuid=None)])
        first, second = await receive(), await receive()
    happened(site, 1)
    expected: dict[str, Any] = (await site.get(EVENTS)).json()["events"][0]
    assert first == {"type": "event", "data": {**expected, "gpu_index": 1}}
    assert (second["data"]["id"], second["data"]["gpu_uuid"], second["data"]["gpu_index"]) == ("e2", None, None)
