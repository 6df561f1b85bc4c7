"""Frames of /ws against a real server and a real client."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
import websockets
from websockets.asyncio.client import ClientConnection

from fakes.fleet import agent, event, inventory, sample
from fakes.web import Site
from gpufleet_collector.model import Gpu
from gpufleet_collector.web.frames.message import FRAGMENT_BYTES
from gpufleet_collector.web.settings import WebSettings

SOON = 0.2
"""Seconds within which a client sees something, on a machine with time to spare."""


@pytest.fixture
def site() -> Site:
    made = Site(WebSettings(events_max_gpus=0))
    made.live.connected("a", agent({"pool": "train", "rack": "r1"}), inventory("a0", "a1"), 5.0, 0.0)
    made.live.connected("b", agent({"pool": "serve", "rack": "r1"}), inventory("b0", simulated=True), 5.0, 0.0)
    return made


@asynccontextmanager
async def watching(site: Site, **wanted: Any) -> AsyncIterator[ClientConnection]:
    async with site.listening() as address, websockets.connect(f"ws://{address}/ws") as client:
        assert (await receive(client))["type"] == "error"
        await subscribe(client, **wanted)
        yield client


async def subscribe(client: ClientConnection, **wanted: Any) -> None:
    await client.send(json.dumps({"type": "subscribe", "format": "frames", **wanted}))


async def receive(client: ClientConnection, *kinds: str) -> dict[str, Any]:
    """The next message, or the next of these kinds."""
    async with asyncio.timeout(10):
        while True:
            message: dict[str, Any] = json.loads(await client.recv())
            if not kinds or message["type"] in kinds:
                return message


async def test_first_the_layout_then_the_current_state_then_the_states_of_hosts(site: Site) -> None:
    site.live.samples("a", [sample("a0", 0, power_watts=300.5, temperature_celsius=40)])
    async with watching(site, metrics=["power_watts", "temperature_celsius"], interval_seconds=3600) as client:
        layout, frame, *hosts = [await receive(client) for _ in range(4)]
    gpu = {"host": "a", "gpu_name": "NVIDIA H200", "parent_uuid": None, "mig_profile": None, "simulated": False}
    assert layout == {
        "type": "layout",
        "layout": 1,
        "metrics": ["temperature_celsius", "power_watts"],
        "interval_seconds": 3600,
        "gpus": [
            {**gpu, "gpu_uuid": "a0", "gpu_index": 0},
            {**gpu, "gpu_uuid": "a1", "gpu_index": 1},
            {**gpu, "host": "b", "gpu_uuid": "b0", "gpu_index": 0, "simulated": True},
        ],
    }
    assert frame == {
        "type": "frame",
        "layout": 1,
        "time": "2026-01-01T00:00:00.000000Z",
        "recorded_at": ["2026-01-01T00:00:00.000000Z", None, None],
        "state": ["ok", "ok", "ok"],
        "values": {"temperature_celsius": [40, None, None], "power_watts": [300.5, None, None]},
    }
    since = "2026-01-01T00:00:00.000000Z"
    assert hosts == [
        {"type": "host_state", "data": {"host": host, "state": "up", "since": since}} for host in ("a", "b")
    ]


async def test_every_interval_a_frame_with_the_newest_values_and_nothing_old_in_it(site: Site) -> None:
    async with watching(site, metrics=["power_watts"], hosts=["b"], interval_seconds=0.1) as client:
        await receive(client, "frame")
        site.live.samples("b", [sample("b0", 1, power_watts=1.0)])
        site.live.samples("b", [sample("b0", 2, power_watts=2.0)])
        frame = await receive(client, "frame")
        assert frame["values"] == {"power_watts": [2.0]}
        assert frame["recorded_at"] == ["2026-01-01T00:00:02.000000Z"]
        site.clock.advance(60)
        await asyncio.sleep(0.2)
        frames = [await receive(client, "frame") for _ in range(3)]
    assert frames[-1]["values"] == {"power_watts": [None]}
    assert frames[-1]["recorded_at"] == ["2026-01-01T00:00:02.000000Z"]


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        ({}, ["a0", "a1", "b0"]),
        ({"hosts": ["b", "unknown"]}, ["b0"]),
        ({"gpus": ["a1", "b0"]}, ["a1", "b0"]),
        ({"hosts": ["a"], "gpus": ["a1", "b0"]}, ["a1"]),
        ({"labels": ["pool=train"]}, ["a0", "a1"]),
        ({"labels": ["pool=train", "pool=serve"]}, ["a0", "a1", "b0"]),
        ({"labels": ["pool=serve", "rack=r1"]}, ["b0"]),
        ({"labels": ["pool=serve", "rack=r2"]}, []),
        ({"labels": ["pool=train"], "hosts": ["b"]}, []),
        ({"labels": ["pool=train"], "gpus": ["a1", "b0"]}, ["a1"]),
    ],
)
async def test_the_layout_is_what_was_selected(site: Site, wanted: dict[str, Any], expected: list[str]) -> None:
    async with watching(site, **wanted) as client:
        layout = await receive(client, "layout")
        frame = await receive(client, "frame")
    assert [gpu["gpu_uuid"] for gpu in layout["gpus"]] == expected
    assert len(frame["recorded_at"]) == len(frame["state"]) == len(expected)


async def test_a_change_of_the_set_is_another_layout_before_its_frame(site: Site) -> None:
    async with watching(site, hosts=["a"], metrics=["power_watts"], interval_seconds=0.1) as client:
        first = (await receive(client, "layout"))["layout"]
        site.live.inventory("a", inventory("a1", "a2", seconds=5))
        layout = await receive(client, "layout")
        frame = await receive(client, "frame")
    assert layout["layout"] == frame["layout"] > first
    assert [(gpu["gpu_uuid"], gpu["gpu_index"]) for gpu in layout["gpus"]] == [("a1", 0), ("a2", 1)]


async def test_a_change_of_state_alone_is_no_other_layout(site: Site) -> None:
    async with watching(site, hosts=["b"], interval_seconds=0.1) as client:
        await receive(client, "frame")
        lost = Gpu("b0", index=0, name="NVIDIA H200", state="lost")
        site.live.inventory("b", inventory(lost, seconds=5, simulated=True))
        messages = [await receive(client, "layout", "frame") for _ in range(3)]
    assert messages[-1]["type"] == "frame"
    assert messages[-1]["state"] == ["lost"]


async def test_states_of_hosts_and_events_go_out_the_moment_they_come_to_those_who_selected_them(site: Site) -> None:
    async with watching(site, labels=["pool=train"], interval_seconds=3600) as client:
        await receive(client, "host_state")
        began = asyncio.get_running_loop().time()
        site.live.disconnected("b", clean=True)
        site.live.events("b", [event("other", host="b", gpu_uuid="b0")])
        site.live.disconnected("a", clean=True)
        site.live.events("a", [event("e1", host="a", gpu_uuid="a1")])
        happened, state = [await receive(client) for _ in range(2)]
        assert asyncio.get_running_loop().time() - began < 10 * SOON
    assert (happened["type"], happened["data"]["gpu_uuid"]) == ("event", "a1")
    assert (state["data"]["host"], state["data"]["state"]) == ("a", "left")


async def test_clients_of_one_view_share_it_and_it_ends_with_the_last_of_them(site: Site) -> None:
    wanted = {"metrics": ["power_watts"], "interval_seconds": 0.1}
    async with site.listening() as address:
        before = asyncio.all_tasks()
        url = f"ws://{address}/ws"
        async with websockets.connect(url) as one, websockets.connect(url) as other:
            for client in (one, other):
                await subscribe(client, **wanted)
            assert (await receive(one, "layout")) == (await receive(other, "layout"))
            assert site.counted("gpufleet_websocket_views") == 1
            assert site.counted("gpufleet_websocket_clients", format="frames") == 2
            await subscribe(other, **{**wanted, "hosts": ["a"]})
            await receive(other, "layout")
            assert site.counted("gpufleet_websocket_views") == 2
        async with asyncio.timeout(10):
            while not asyncio.all_tasks() <= before:
                await asyncio.sleep(0.01)
    assert site.counted("gpufleet_websocket_views") == 0
    assert site.counted("gpufleet_websocket_clients", format="frames") == 0
    assert len(site.live._hub) == 0
    assert (site.counted("gpufleet_websocket_frames_total") or 0) >= 3


async def test_a_bad_message_names_the_culprit_and_the_frames_go_on(site: Site) -> None:
    async with watching(site, interval_seconds=0.1) as client:
        await receive(client, "frame")
        for message, parameter in (
            ({"interval_seconds": 0.01}, "interval_seconds"),
            ({"labels": ["pool"]}, "labels"),
            ({"labels": ["=train"]}, "labels"),
            ({"labels": "pool=train"}, "labels"),
            ({"format": "frame"}, "format"),
        ):
            await subscribe(client, **message)
            assert (await receive(client, "error"))["data"]["parameter"] == parameter
        await receive(client, "frame")


async def test_a_client_may_go_from_frames_to_events_and_back(site: Site) -> None:
    async with watching(site, hosts=["a"], interval_seconds=0.1) as client:
        await receive(client, "frame")
        await subscribe(client, format="events", hosts=["a"])
        assert (await receive(client, "gpu_stats"))["data"]["gpu_uuid"] == "a0"
        await asyncio.sleep(0.3)
        assert (await receive(client))["data"]["gpu_uuid"] == "a1"
        await subscribe(client, hosts=["b"])
        assert [gpu["gpu_uuid"] for gpu in (await receive(client))["gpus"]] == ["b0"]


async def test_a_large_frame_arrives_whole_with_pings_and_errors_in_between(site: Site) -> None:
    gpus = [Gpu(f"gpu-{number}", index=number) for number in range(3_000)]
    site.live.connected("large", agent(), inventory(*gpus), 5.0, 0.0)
    site.live.samples("large", [sample(gpu.uuid, 1, power_watts=number / 10) for number, gpu in enumerate(gpus)])
    async with watching(site, hosts=["large"], interval_seconds=0.1) as client:
        await receive(client, "layout")
        for _ in range(5):
            async with asyncio.timeout(10):
                await (await client.ping())
            await client.send("{")
            await receive(client, "error")
            text = json.dumps(frame := await receive(client, "frame"))
            assert frame["values"]["power_watts"] == [number / 10 for number in range(3_000)]
            assert len(text) > 2 * FRAGMENT_BYTES
