"""A fleet of everything that pages trip over: GPUs that are lost or hang, MIG, many GPUs on one host, a host that is
down, and names and labels of every kind; at the time of the real clock, as browsers know it."""

import time
from dataclasses import replace

from fakes.clock import START_US, FakeClock
from fakes.fleet import agent, event, inventory, sample
from fakes.web import Site
from gpufleet_collector.live.freshness import DOWN_AFTER_SECONDS
from gpufleet_collector.model import AgentCost, Gpu, PlacedEvent, Process, ProcessList, SampleColumns

HOSTILE = '<img src=x onerror="document.title=`taken`">'
LONG = "gpu-" + "x" * 196
LABELS = {"فريق": "الرؤية الحاسوبية", "🖥️": "🚀 fast", "owner": HOSTILE}
DOWN = "gone-1"
CROWDED = "dgx-32"
LOST = Gpu("GPU-10000000-0000-0000-0000-000000000000", 0, "NVIDIA H200", state="lost")
WHOLE = Gpu(
    uuid="GPU-20000000-0000-0000-0000-000000000000",
    index=1,
    name="NVIDIA H200",
    state="ok",
    pci_bus_id="00000000:19:00.0",
    serial="1650000000001",
    vbios="96.00.D0.00.01",
    absent={"gpu_utilization_percent": "MIG", "fan_speed_percent": "NOT_SUPPORTED", "process_count": "NAMESPACE"},
)
PARTS = tuple(
    Gpu(
        uuid=f"MIG-3000000{number}-0000-0000-0000-000000000000",
        index=1,
        name="NVIDIA H200",
        parent_uuid=WHOLE.uuid,
        mig_profile="1g.18gb",
        mig_instance=number,
        state="ok",
    )
    for number in range(2)
)
MANY = tuple(
    Gpu(f"GPU-4{number:07d}-0000-0000-0000-000000000000", number, "NVIDIA B200", state="ok") for number in range(32)
)


def odd_fleet() -> Site:
    """What is in it is of now, for as long as nobody moves the clock."""
    site = Site(clock=FakeClock(time.time_ns() // 1000 - round(DOWN_AFTER_SECONDS + 120) * 1_000_000))
    _down(site)
    site.clock.advance(DOWN_AFTER_SECONDS + 120)
    site.live.refresh()
    now = (site.clock.now().wall_us - START_US) / 1_000_000
    _hostile(site, now)
    _long(site, now)
    _crowded(site, now)
    return site


def _down(site: Site) -> None:
    site.live.connected(DOWN, agent(), inventory("GPU-5"), interval_seconds=5.0, skew_seconds=0.0)
    site.live.disconnected(DOWN, clean=False)


def _hostile(site: Site, now: float) -> None:
    """The clock is wrong, a call of the driver hangs, and reports wait on the disk."""
    told = replace(inventory(LOST, WHOLE, *PARTS, seconds=now), driver_version="570.86.15", nvml_version="12.570")
    site.live.connected(HOSTILE, agent(LABELS), told, interval_seconds=5.0, skew_seconds=-7.5)
    cost = AgentCost(
        supervisor_rss_bytes=40_000_000,
        probe_rss_bytes=21_000_000,
        supervisor_cpu_seconds_total=12.5,
        probe_cpu_seconds_total=3.25,
        samples_taken_total=123_456,
        spool_reports=3,
        spool_bytes=3 * 2**20,
        hung_call="nvmlDeviceGetPowerUsage on GPU 0",
        hung_seconds=94.0,
    )
    site.live.heartbeat(HOSTILE, cost, 5.0, -7.5)
    site.live.samples(
        HOSTILE, [sample(WHOLE.uuid, now, power_watts=250.0, power_limit_watts=700.0, temperature_celsius=51)]
    )
    # Of what was lost before the collector began, it knows when it was read, and no more.
    site.live.recall(SampleColumns.of([sample(LOST.uuid, now - 240, power_watts=90.0)]))
    site.live.samples(HOSTILE, [sample(part.uuid, now, memory_used_mb=512, sm_active_percent=12.5) for part in PARTS])
    at = site.clock.now().wall_us
    fell = replace(event("e1", now - 240, host=HOSTILE, gpu_uuid=LOST.uuid), kind="gpu_lost", text=HOSTILE)
    site.events.found = [PlacedEvent(fell, 0, LOST.name)]
    holder = Process(PARTS[0].uuid, 4711, at - 60_000_000, HOSTILE, 65_536, 97)
    site.live.processes(ProcessList(HOSTILE, at, (holder, Process(WHOLE.uuid, 7))))


def _long(site: Site, now: float) -> None:
    site.live.connected(LONG, agent({"k" * 60: "v" * 120}), inventory("GPU-6", seconds=now), 5.0, 0.0)
    site.live.samples(LONG, [sample("GPU-6", now, power_watts=100.0)])


def _crowded(site: Site, now: float) -> None:
    site.live.connected(CROWDED, agent(), inventory(*MANY, seconds=now), 5.0, 0.0)
    site.live.samples(
        CROWDED, [sample(gpu.uuid, now, gpu_utilization_percent=number) for number, gpu in enumerate(MANY)]
    )
