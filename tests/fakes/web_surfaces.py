"""The web side's surfaces on a fixed fleet at a fixed time, as the golden files keep them. `make golden` rewrites."""

import asyncio
import json
from dataclasses import replace
from pathlib import Path

from fakes.clock import START_US
from fakes.fleet import agent, event, inventory, sample
from fakes.web import Site
from gpufleet_collector.errors import BadRequest
from gpufleet_collector.live.live import Live
from gpufleet_collector.model import METRIC_NAMES, AgentCost, Gpu, PlacedEvent, Process, ProcessList
from gpufleet_collector.store.history import HistoryBucket, HistorySample
from gpufleet_collector.store.plan import Source
from gpufleet_collector.store.process_history import ProcessSpan
from gpufleet_collector.store.series_query import Incomplete, Series, SeriesAnswer
from gpufleet_collector.web.events import error_event, gpu_event, happened_event, host_event

GOLDEN = Path(__file__).parent.parent / "golden"

WHOLE = Gpu(
    uuid="GPU-11111111-1111-1111-1111-111111111111",
    index=0,
    name="NVIDIA H200",
    pci_bus_id="00000000:19:00.0",
    serial="1650000000001",
    vbios="96.00.D0.00.01",
    state="ok",
    absent={"fan_speed_percent": "NOT_SUPPORTED", "process_count": "NAMESPACE"},
)
PART = Gpu(
    uuid="MIG-22222222-2222-2222-2222-222222222222",
    index=0,
    name="NVIDIA H200",
    parent_uuid=WHOLE.uuid,
    mig_profile="1g.18gb",
    mig_instance=7,
    state="ok",
)
LOST = PlacedEvent(event("e2", 0.75, host="alpha", gpu_uuid=WHOLE.uuid), 0, WHOLE.name)
TRAINING = Process(WHOLE.uuid, 4711, START_US - 60_000_000, "python train.py", 65_536, 97)
PAGES = {
    "gpu-stats": "/api/system/gpu-stats",
    "gpu-stats-page": "/api/system/gpu-stats?limit=1",
    "history-samples": "/api/system/gpu-stats/history?metrics=power_watts,fan_speed_percent",
    "history-buckets": "/api/system/gpu-stats/history?metrics=power_watts,fan_speed_percent&step=60",
    "series": "/api/v1/series?metrics=power_watts&group_by=host&step=60",
    "hosts": "/api/v1/hosts",
    "gpus": "/api/v1/gpus",
    "catalog": "/api/v1/catalog",
    "events": "/api/v1/events",
    "processes": "/api/v1/processes",
    "processes-of-a-time": "/api/v1/processes?since=2026-01-01T00:00:00Z&until=2026-01-02T00:00:00Z",
    "openapi": "/api/openapi.json",
    "healthz": "/healthz",
    "readyz": "/readyz",
    "problem-400": "/api/v1/hosts?limit=none",
    "problem-404": "/api/v1/nothing",
}

EXPOSITIONS = {"metrics-gpus": "/metrics/gpus", "metrics-gpus-dcgm": "/metrics/gpus?families=dcgm"}


def small_fleet() -> Site:
    """A host with a whole GPU and a MIG instance of it, and a simulated one that has said goodbye."""
    site = Site()
    real = replace(inventory(WHOLE, PART), driver_version="570.86.15", nvml_version="12.570.86.15")
    site.live.connected("alpha", agent({"rack": "r1"}), real, interval_seconds=5.0, skew_seconds=0.25)
    site.live.heartbeat("alpha", AgentCost(supervisor_rss_bytes=40_000_000, samples_taken_total=17), 5.0, 0.25)
    site.live.samples("alpha", [sample(WHOLE.uuid, 0.123456, **dict.fromkeys(METRIC_NAMES[:8], 1))])
    site.live.samples("alpha", [sample(PART.uuid, 0.123456, memory_used_mb=0, sm_active_percent=12.5)])
    site.live.connected("beta", agent(), inventory("GPU-3", simulated=True), interval_seconds=1.0, skew_seconds=0.0)
    site.clock.advance(1)
    site.live.disconnected("beta", clean=True)
    site.history.found_samples = (
        HistorySample("alpha", WHOLE.uuid, 0, WHOLE.name, START_US, (300.5, None)),
        HistorySample(None, PART.uuid, None, None, START_US, (None, None)),
    )
    site.history.found_buckets = (
        HistoryBucket("alpha", WHOLE.uuid, 0, START_US, 12, True, ((300.5, 299.0, 302.0), None)),
    )
    minute, second = 60_000_000, START_US // 1_000_000
    line = Series(
        {"host": "alpha"}, "power_watts", "avg", Source.SAMPLES, minute, (second, second + 60), (300.5, 301.0)
    )
    open_part = Incomplete(START_US + minute, START_US + 2 * minute, "open")
    site.series.found = SeriesAnswer(START_US, START_US + 2 * minute, minute, (line,), (open_part,), None)
    site.events.found = [LOST, PlacedEvent(event("e1", 0.5, host="beta", gpu_uuid=None))]
    site.live.processes(ProcessList("alpha", START_US, (TRAINING, Process(PART.uuid, 7))))
    last = START_US + 3_600_000_000
    site.spans.found = [
        ProcessSpan((START_US, 1, 4711), "alpha", 0, WHOLE.name, TRAINING, START_US, last, 70_000),
    ]
    return site


async def render() -> dict[Path, str]:
    """What each golden file is to hold."""
    site = small_fleet()
    bodies = {name: (await site.get(url)).json() for name, url in PAGES.items()}
    texts = {GOLDEN / "api" / f"{name}.json": _pretty(body) for name, body in (bodies | _events(site.live)).items()}
    families = [
        line
        for line in (await site.get("/metrics")).text.splitlines()
        if line.startswith("#") and "_created " not in line
    ]
    texts[GOLDEN / "metrics.prom"] = "\n".join(families) + "\n"
    for name, url in EXPOSITIONS.items():
        texts[GOLDEN / f"{name}.prom"] = (await site.get(url)).text
    return texts


def regenerate() -> None:
    """Write the golden files, and remove those of surfaces that are no more."""
    texts = asyncio.run(render())
    for path in set((GOLDEN / "api").glob("*.json")) - texts.keys():
        path.unlink()
    for path, text in texts.items():
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)


def _events(live: Live) -> dict[str, object]:
    gpu, host = live.gpu(WHOLE.uuid), live.host("beta")
    assert gpu is not None
    assert host is not None
    return {
        "ws-gpu-stats": gpu_event(gpu, METRIC_NAMES),
        "ws-gpu-stats-one-metric": gpu_event(gpu, ("power_watts",)),
        "ws-event": happened_event(LOST),
        "ws-host-state": host_event(host),
        "ws-error": error_event("Bad message", BadRequest("metrics", "'power_horses' is not a metric")),
    }


def _families(exposition: str) -> str:
    """Names, types and help, without values and without the times at which the client library made each counter."""
    lines = exposition.splitlines(keepends=True)
    return "".join(line for line in lines if line.startswith("#") and "_created " not in line)


def _pretty(body: object) -> str:
    return json.dumps(body, indent=2, ensure_ascii=False) + "\n"
