"""A real Prometheus scrapes a real collector, configured as is deployed, and answers what dashboards ask."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from fakes.machine import corner
from fakes.processes import Collector, Process, running_collector, running_fleet, wait_for
from fakes.prometheus import Prometheus, require_prometheus, running_prometheus

DEPLOYED = Path(__file__).resolve().parents[2] / "deploy" / "prometheus" / "prometheus.yml"
HOSTS, GPUS = 4, 2


def of_dashboard_12239(host: str) -> dict[str, int]:
    """What its panels ask with a host and two GPUs chosen, and how many lines that gives."""
    chosen = f'{{instance=~"{host}", gpu=~"0|1"}}'
    return {
        f"DCGM_FI_DEV_GPU_TEMP{chosen}": 2,
        f"avg(DCGM_FI_DEV_GPU_TEMP{chosen})": 1,
        f"DCGM_FI_DEV_POWER_USAGE{chosen}": 2,
        f"sum(DCGM_FI_DEV_POWER_USAGE{chosen})": 1,
        f"DCGM_FI_DEV_SM_CLOCK{chosen} * 1000000": 2,
        f"DCGM_FI_DEV_GPU_UTIL{chosen}": 2,
        f"DCGM_FI_DEV_FB_USED{chosen}": 2,
        f"DCGM_FI_PROF_PIPE_TENSOR_ACTIVE{chosen}": 2,
    }


def configured(collector: Collector) -> str:
    """The file, about this collector, and scraped every second."""
    text = DEPLOYED.read_text()
    for before, after in (("127.0.0.1:8080", f"127.0.0.1:{collector.http_port}"), ("interval: 15s", "interval: 1s")):
        assert before in text
        text = text.replace(before, after)
    return text


@pytest.fixture(scope="module")
def collector() -> Iterator[Collector]:
    require_prometheus()
    with corner() as folder, running_collector(folder) as collector:
        yield collector


@pytest.fixture(scope="module")
def prometheus(tmp_path_factory: pytest.TempPathFactory, collector: Collector) -> Iterator[Prometheus]:
    with running_prometheus(tmp_path_factory.mktemp("prometheus"), configured(collector)) as prometheus:
        yield prometheus


@pytest.fixture
def fleet(tmp_path: Path, collector: Collector, prometheus: Prometheus) -> Iterator[Process]:
    orders = ("--hosts", str(HOSTS), "--gpus", str(GPUS), "--interval", "0.5")
    with running_fleet(tmp_path, collector, *orders) as fleet:
        for name in ("gpufleet_gpu_power_watts", "DCGM_FI_DEV_FB_USED"):
            wait_for(partial(has, prometheus, name, HOSTS * GPUS), f"{name} of every GPU is scraped")
        yield fleet


def has(prometheus: Prometheus, query: str, series: int) -> bool:
    """Whether so many series answer."""
    return len(prometheus.query(query)) == series


def test_a_scraped_fleet_is_the_fleet_and_ends_with_it(
    collector: Collector, prometheus: Prometheus, fleet: Process
) -> None:
    wait_for(partial(has, prometheus, "up == 1", 3), "every job has scraped")
    installed = {labels["gpu_uuid"]: value for labels, value in prometheus.query("gpufleet_gpu_memory_total_bytes")}
    now = collector.get("/api/system/gpu-stats")["gpus"]
    assert installed == {gpu["gpu_uuid"]: gpu["memory_total_mb"] * 2**20 for gpu in now}

    with_profiling = next(gpu["host"] for gpu in now if gpu["tensor_active_percent"] is not None)
    for query, series in of_dashboard_12239(with_profiling).items():
        wait_for(partial(has, prometheus, query, series), f"{series} answers to {query}")

    ((_, cpu),) = prometheus.query('process_cpu_seconds_total{job="gpufleet"}')
    assert cpu > 0
    wait_for(partial(has, prometheus, f'gpufleet_hosts{{state="up"}} == {HOSTS}', 1), "the hosts are counted")

    fleet.stop()
    wait_for(lambda: not prometheus.query("gpufleet_gpu_power_watts"), "nothing old is shown as current")
    assert has(prometheus, 'gpufleet_host_state{state="left"} == 1', HOSTS)
    assert has(prometheus, 'gpufleet_gpu_state{state="unknown"} == 1', HOSTS * GPUS)
