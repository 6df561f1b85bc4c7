"""GET /metrics: the process, what it is made of, and how many hosts and GPUs are how, for a fleet of any size."""

from importlib.metadata import version

from fakes.exposition import read_series
from fakes.fleet import agent, inventory
from fakes.web import Site
from fakes.web_surfaces import small_fleet
from gpufleet_collector.model import GPU_STATES, HOST_STATES, Gpu


async def counted(site: Site, name: str) -> dict[str, float]:
    series = read_series((await site.get("/metrics")).text)
    return {labels["state"]: value for labels, value in series[name]}


async def test_the_process_and_what_it_is_made_of() -> None:
    series = read_series((await small_fleet().get("/metrics")).text)
    ((labels, value),) = series["gpufleet_build_info"]
    assert (labels["version"], value) == (version("gpufleet-collector"), 1)
    assert series["process_resident_memory_bytes"][0][1] > 1_000_000
    assert series["process_cpu_seconds_total"][0][1] > 0
    assert series["process_open_fds"][0][1] > 0


async def test_hosts_and_gpus_are_counted_by_state() -> None:
    site = small_fleet()
    site.live.connected(
        "gamma", agent(), inventory(Gpu("GPU-l", 0, state="lost"), Gpu("GPU-o", 1, state="ok")), 5.0, 0.0
    )
    nobody = dict.fromkeys(HOST_STATES, 0.0)
    assert await counted(site, "gpufleet_hosts") == {**nobody, "up": 2, "left": 1}
    none = dict.fromkeys(GPU_STATES, 0.0)
    assert await counted(site, "gpufleet_gpus") == {**none, "ok": 3, "lost": 1, "unknown": 1}


async def test_a_state_that_nobody_is_in_any_more_is_zero() -> None:
    site = small_fleet()
    assert (await counted(site, "gpufleet_hosts"))["up"] == 1
    site.live.disconnected("alpha", clean=True)
    hosts, gpus = await counted(site, "gpufleet_hosts"), await counted(site, "gpufleet_gpus")
    assert (hosts["up"], hosts["left"]) == (0, 2)
    assert (gpus["ok"], gpus["unknown"]) == (0, 3)
