"""From a simulated GPU to a browser, with real processes and the collector's own PostgreSQL."""

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from websockets.asyncio.client import connect

from fakes.browser import chromium
from fakes.machine import corner
from fakes.processes import Collector, Process, final_count, running_collector, running_fleet, wait_for
from gpufleet_collector.model import EIGHT_METRICS
from gpufleet_proto.catalog import METRICS

HOSTS, GPUS = 2, 4


def live(collector: Collector, gpus: int) -> bool:
    """Whether so many GPUs are known, each with a reading."""
    now = collector.get("/api/system/gpu-stats")["gpus"]
    return len(now) == gpus and all(gpu["recorded_at"] for gpu in now)


@pytest.fixture(scope="module")
def collector() -> Iterator[Collector]:
    with corner() as folder, running_collector(folder) as collector:
        yield collector


@pytest.fixture(scope="module")
def fleet(tmp_path_factory: pytest.TempPathFactory, collector: Collector) -> Iterator[Process]:
    orders = ("--hosts", str(HOSTS), "--gpus", str(GPUS), "--interval", "0.5", "--backfill", "10m")
    with running_fleet(tmp_path_factory.mktemp("fleet"), collector, *orders) as fleet:
        wait_for(lambda: live(collector, HOSTS * GPUS), "every GPU has a reading")
        yield fleet


@pytest.mark.usefixtures("fleet")
def test_now_lists_every_gpu_with_its_values_and_says_that_it_is_simulated(collector: Collector) -> None:
    answer = collector.get("/api/system/gpu-stats")
    assert answer["count"] == HOSTS * GPUS
    assert [(gpu["host"], gpu["gpu_index"]) for gpu in answer["gpus"]] == [
        (f"sim-{host:03d}", gpu) for host in (1, 2) for gpu in range(GPUS)
    ]
    for gpu in answer["gpus"]:
        assert (gpu["host_state"], gpu["state"], gpu["simulated"]) == ("up", "ok", True)
        assert {metric.name for metric in METRICS} < set(gpu)
        assert 0 < gpu["power_watts"] <= gpu["power_limit_watts"] * 1.1


@pytest.mark.usefixtures("fleet")
def test_history_holds_the_replayed_time_and_what_is_live(collector: Collector) -> None:
    path = "/api/system/gpu-stats/history?host=sim-001&gpu_index=0&metrics=power_watts&limit=10000"

    def complete() -> bool:
        return len(collector.get(path)["samples"]) >= 1200

    wait_for(complete, "ten minutes at two readings a second are stored")
    samples = collector.get(path)["samples"]
    instants = [sample["recorded_at"] for sample in samples]
    assert instants == sorted(set(instants))
    buckets = collector.get(path.replace("limit=10000", "step=60"))["buckets"]
    assert all(b["power_watts"]["min"] <= b["power_watts"]["avg"] <= b["power_watts"]["max"] for b in buckets)
    assert sum(bucket["count"] for bucket in buckets) >= 1200


@pytest.mark.usefixtures("fleet")
async def test_the_websocket_sends_the_current_state_and_then_every_sample(collector: Collector) -> None:
    seen: dict[str, set[str]] = {}
    async with asyncio.timeout(20), connect(f"ws://127.0.0.1:{collector.http_port}/ws") as socket:
        while len(seen) < HOSTS * GPUS or min(len(instants) for instants in seen.values()) < 3:
            event: dict[str, Any] = json.loads(await socket.recv())
            if event["type"] == "gpu_stats":
                data = event["data"]
                assert set(EIGHT_METRICS) | {"gpu_index", "gpu_name", "timestamp", "host", "gpu_uuid"} <= set(data)
                seen.setdefault(data["gpu_uuid"], set()).add(data["timestamp"])


@pytest.mark.usefixtures("fleet")
def test_the_agents_own_state_is_told(collector: Collector) -> None:
    def counted() -> bool:
        hosts = collector.get("/api/v1/hosts")["hosts"]
        return all(host["agent"]["cost"] and host["agent"]["cost"]["samples_taken_total"] > 0 for host in hosts)

    wait_for(counted, "heartbeats have told the cost")
    (first, _) = collector.get("/api/v1/hosts")["hosts"]
    assert (first["host"], first["state"], first["gpu_count"], first["simulated"]) == ("sim-001", "up", GPUS, True)
    assert abs(first["agent"]["skew_seconds"]) < 5


@pytest.mark.browser
@pytest.mark.usefixtures("fleet")
def test_the_page_shows_live_values_in_a_real_browser(collector: Collector) -> None:
    with chromium() as browser:
        page = browser.new_page(viewport={"width": 1280, "height": 900})
        complaints: list[str] = []
        page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.goto(collector.url)
        page.wait_for_selector("[data-testid=gpu]")
        assert page.locator("[data-testid=host]").count() == HOSTS
        assert page.locator("[data-testid=gpu]").count() == HOSTS * GPUS
        assert page.locator("[data-testid=simulated]").first.is_visible()
        # All of them together: one idle board may show the same whole watts for minutes.
        powers = "[...document.querySelectorAll('[data-testid=gpu-power_watts]')].map(cell => cell.innerText).join()"
        before = page.evaluate(powers)
        assert before.replace(",", "").isdigit()
        page.wait_for_function(f"before => {powers} !== before", arg=before)
        assert complaints == []


def test_a_fleet_that_ends_has_every_sample_settled_and_its_hosts_have_left(open_path: Path) -> None:
    with running_collector(open_path) as collector:
        with running_fleet(open_path, collector, "--hosts", "3", "--gpus", "2", "--interval", "0.2") as fleet:
            wait_for(lambda: live(collector, 6), "three hosts stream")
            count = final_count(fleet.stop())
        assert count["taken"] == count["settled"] > 0
        assert (count["pending"], count["refused"], count["dropped"]) == (0, 0, 0)
        assert {host["state"] for host in collector.get("/api/v1/hosts")["hosts"]} == {"left"}
        history = collector.get("/api/system/gpu-stats/history?metrics=power_watts&limit=10000")
        assert history["count"] == count["settled"]
