"""/ws against a real server and a real client."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
import websockets
from websockets.asyncio.client import ClientConnection

from fakes.fleet import agent, event, inventory, sample
from fakes.web import Site
from gpufleet_collector.model import METRIC_NAMES, Gpu
from gpufleet_collector.web.settings import WebSettings


@asynccontextmanager
async def connected(site: Site, **options: Any) -> AsyncIterator[ClientConnection]:
    async with site.listening() as address, websockets.connect(f"ws://{address}/ws", **options) as client:
        yield client


async def receive(client: ClientConnection) -> dict[str, Any]:
    async with asyncio.timeout(10):
        event: dict[str, Any] = json.loads(await client.recv())
        return event


async def receive_gpus(client: ClientConnection, number: int) -> list[str]:
    events = [await receive(client) for _ in range(number)]
    assert {event["type"] for event in events} == {"gpu_stats"}
    return [event["data"]["gpu_uuid"] for event in events]


async def subscribe(client: ClientConnection, **wanted: Any) -> None:
    await client.send(json.dumps({"type": "subscribe", "format": "events", **wanted}))


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not condition():
            await asyncio.sleep(0.01)


@pytest.fixture
def site() -> Site:
    return fleet_of_two_hosts(Site())


def fleet_of_two_hosts(site: Site) -> Site:
    for host in ("a", "b"):
        site.live.connected(host, agent(), inventory(host + "0", host + "1"), 5.0, 0.0)
    return site


async def test_first_the_current_state_and_then_one_event_per_sample(site: Site) -> None:
    site.live.samples("a", [sample("a0", 0, power_watts=300.5, pcie_link_width=16)])
    async with connected(site) as client:
        assert await receive_gpus(client, 4) == ["a0", "a1", "b0", "b1"]
        site.live.samples("b", [sample("b1", 5, gpu_utilization_percent=0)])
        event = await receive(client)
    assert event["data"]["gpu_uuid"] == "b1"
    assert event["data"]["timestamp"] == "2026-01-01T00:00:05.000000Z"
    assert (event["data"]["gpu_utilization_percent"], event["data"]["power_watts"]) == (0, None)


async def test_an_event_has_the_names_that_existing_clients_know_and_then_the_rest(site: Site) -> None:
    site.live.samples("a", [sample("a0", 0, power_watts=300.5, pcie_link_width=16)])
    async with connected(site) as client:
        event = await receive(client)
    assert event["type"] == "gpu_stats"
    assert list(event["data"])[:11] == ["gpu_index", "gpu_name", *METRIC_NAMES[:8], "timestamp"]
    named = ("host", "gpu_uuid", "state", "host_state", "simulated", "parent_uuid", "mig_profile", "mig_instance")
    assert list(event["data"])[11:] == [*named, *METRIC_NAMES[8:]]
    assert event["data"]["pcie_link_width"] == 16


async def test_a_subscription_replaces_the_one_before_and_begins_with_the_current_state(site: Site) -> None:
    async with connected(site) as client:
        await receive_gpus(client, 4)
        await subscribe(client, hosts=["b"], metrics=["power_watts"])
        assert await receive_gpus(client, 2) == ["b0", "b1"]
        site.live.samples("a", [sample("a0", 0, power_watts=1.0)])
        site.live.samples("b", [sample("b0", 0, power_watts=2.0, temperature_celsius=40)])
        event = await receive(client)
        assert event["data"]["gpu_uuid"] == "b0"
        assert [name for name in event["data"] if name in METRIC_NAMES] == ["power_watts"]
        await subscribe(client, gpus=["a1"])
        assert await receive_gpus(client, 1) == ["a1"]


async def test_with_an_interval_at_most_one_event_per_gpu_and_interval_the_newest(site: Site) -> None:
    async with connected(site) as client:
        await receive_gpus(client, 4)
        await subscribe(client, gpus=["a0"], interval_seconds=0.5)
        began = asyncio.get_running_loop().time()
        await receive(client)
        for second in range(1, 6):
            site.live.samples("a", [sample("a0", second, power_watts=float(second))])
            await asyncio.sleep(0)
        event = await receive(client)
        assert asyncio.get_running_loop().time() - began >= 0.4
    assert event["data"]["power_watts"] == 5.0
    assert site.counted("gpufleet_websocket_superseded_total") == 4


async def test_a_new_subscription_does_not_wait_for_the_interval_of_the_old(site: Site) -> None:
    async with connected(site) as client:
        await receive_gpus(client, 4)
        await subscribe(client, gpus=["a0"], interval_seconds=3600)
        await receive(client)
        await subscribe(client, gpus=["a1"])
        assert await receive_gpus(client, 1) == ["a1"]


async def test_hosts_that_change_state_are_told_to_those_who_want_them(site: Site) -> None:
    async with connected(site) as client:
        await receive_gpus(client, 4)
        await subscribe(client, hosts=["b"])
        await receive_gpus(client, 2)
        site.live.disconnected("a", clean=True)
        site.live.disconnected("b", clean=True)
        event = await receive(client)
    assert event == {
        "type": "host_state",
        "data": {"host": "b", "state": "left", "since": "2026-01-01T00:00:00.000000Z"},
    }


BAD_MESSAGES: list[tuple[str | bytes, str]] = [
    ("{", "message"),
    ("", "message"),
    ("[]", "message"),
    ("NaN", "message"),
    (b"{}", "message"),
    ("{}", "type"),
    ('{"type": "unsubscribe"}', "type"),
    ('{"type": ["subscribe"]}', "type"),
    ('{"type": "subscribe", "host": ["a"]}', "host"),
    ('{"type": "subscribe", "hosts": "a"}', "hosts"),
    ('{"type": "subscribe", "hosts": [1]}', "hosts"),
    ('{"type": "subscribe", "hosts": [""]}', "hosts"),
    ('{"type": "subscribe", "gpus": null}', "gpus"),
    ('{"type": "subscribe", "metrics": ["power_horses"]}', "metrics"),
    ('{"type": "subscribe", "interval_seconds": -1}', "interval_seconds"),
    ('{"type": "subscribe", "interval_seconds": "1"}', "interval_seconds"),
    ('{"type": "subscribe", "interval_seconds": true}', "interval_seconds"),
    ('{"type": "subscribe", "interval_seconds": 1e99}', "interval_seconds"),
    (json.dumps({"type": "subscribe", "hosts": ["x" * 65536]}), "message"),
]


async def test_a_bad_message_is_answered_by_an_error_and_the_socket_and_subscription_are_kept(site: Site) -> None:
    async with connected(site) as client:
        await receive_gpus(client, 4)
        for message, parameter in BAD_MESSAGES:
            await client.send(message)
            event = await receive(client)
            assert event["type"] == "error"
            assert event["data"].keys() == {"title", "detail", "parameter"}
            assert event["data"]["parameter"] == parameter
        site.live.samples("a", [sample("a0", 0, power_watts=1.0)])
        assert await receive_gpus(client, 1) == ["a0"]


async def test_everything_of_a_large_fleet_is_an_error_that_says_how_to_filter() -> None:
    site = fleet_of_two_hosts(Site(WebSettings(events_max_gpus=3)))
    async with connected(site) as client:
        event = await receive(client)
        assert event["type"] == "error"
        assert '"hosts"' in event["data"]["detail"]
        assert '"gpus"' in event["data"]["detail"]
        site.live.samples("a", [sample("a0", 0, power_watts=1.0)])
        await subscribe(client, hosts=["b"])
        assert await receive_gpus(client, 2) == ["b0", "b1"]


async def test_a_fleet_that_grows_large_ends_the_events_of_everything(site: Site) -> None:
    site.settings = WebSettings(events_max_gpus=4)
    async with connected(site) as client:
        await receive_gpus(client, 4)
        site.live.connected("c", agent(), inventory("c0"), 5.0, 0.0)
        site.live.samples("a", [sample("a0", 0, power_watts=1.0)])
        assert (await receive(client))["type"] == "error"
        site.live.samples("a", [sample("a0", 1, power_watts=1.0)])
        await subscribe(client, hosts=["c"])
        assert await receive_gpus(client, 1) == ["c0"]


async def test_one_event_is_encoded_once_for_all_who_share_a_view(site: Site) -> None:
    async with site.listening() as address:
        url = f"ws://{address}/ws"
        async with websockets.connect(url) as one, websockets.connect(url) as other:
            assert await receive_gpus(one, 4) == await receive_gpus(other, 4)
            site.live.samples("a", [sample("a0", 0, power_watts=1.0)])
            assert await receive(one) == await receive(other)
    assert site.counted("gpufleet_websocket_events_total") == 10


async def test_clients_beyond_the_limit_are_refused_and_the_place_of_one_that_left_is_free_again(site: Site) -> None:
    site.settings = WebSettings(max_websocket_clients=1)
    async with site.listening() as address:
        url = f"ws://{address}/ws"
        async with websockets.connect(url) as client:
            await receive_gpus(client, 4)
            with pytest.raises(websockets.InvalidStatus) as refusal:
                await websockets.connect(url)
            assert refusal.value.response.status_code == 503
            assert refusal.value.response.headers["Content-Type"] == "application/problem+json"
        await until(lambda: site.counted("gpufleet_websocket_clients", format="events") == 0)
        async with websockets.connect(url) as client:
            await receive_gpus(client, 4)


async def test_nothing_of_a_client_that_left_remains(site: Site) -> None:
    async with site.listening() as address:
        before = asyncio.all_tasks()
        async with websockets.connect(f"ws://{address}/ws") as client:
            await receive_gpus(client, 4)
        await until(lambda: asyncio.all_tasks() <= before)
        assert site.counted("gpufleet_websocket_clients", format="events") == 0
        assert len(site.live._hub) == 0


async def test_a_client_that_does_not_read_is_closed_and_told_why_and_held_up_nobody() -> None:
    site = Site(WebSettings(stall_seconds=2.0, events_max_gpus=100_000))
    gpus = [Gpu(f"gpu-{number}", index=number, name="n" * 200) for number in range(5000)]
    site.live.connected("h", agent(), inventory(*gpus), 5.0, 0.0)
    async with site.listening() as address:
        url = f"ws://{address}/ws"
        async with websockets.connect(url, max_queue=1) as stalled, websockets.connect(url) as reader:
            received = 0
            second = 0

            async def read() -> None:
                nonlocal received
                async for _ in reader:
                    received += 1

            reading = asyncio.create_task(read())
            async with asyncio.timeout(30):
                while site.counted("gpufleet_websocket_stalled_total") == 0:
                    second += 1
                    site.live.samples("h", [sample(gpu.uuid, second, power_watts=1.0) for gpu in gpus])
                    await asyncio.sleep(0.1)
                with pytest.raises(websockets.ConnectionClosed) as closed:
                    while True:
                        await stalled.recv()
            assert closed.value.rcvd is not None
            assert closed.value.rcvd.code == 4408
            await until(lambda: received >= 5000)
            await reader.close()
            await reading
    assert site.counted("gpufleet_websocket_superseded_total") != 0


async def test_a_server_that_stops_ends_its_streams(site: Site) -> None:
    async with site.listening() as address:
        client = await websockets.connect(f"ws://{address}/ws")
        await receive_gpus(client, 4)
    with pytest.raises(websockets.ConnectionClosed):
        await client.recv()


@pytest.mark.parametrize("kind", ["frames", "events"])
async def test_hosts_that_change_and_what_happens_are_told_at_once_whatever_the_interval(site: Site, kind: str) -> None:
    async with connected(site) as client:
        await receive_gpus(client, 4)
        await client.send(json.dumps({"type": "subscribe", "format": kind, "hosts": ["a"], "interval_seconds": 3600}))
        for _ in range(3 if kind == "frames" else 2):  # layout, frame and how the host is; or its two GPUs
            await receive(client)
        site.live.disconnected("a", clean=True)
        assert (await receive(client))["data"]["state"] == "left"
        site.live.events("a", [event("e1", host="a", gpu_uuid="a0")])
        assert (await receive(client))["data"]["id"] == "e1"
