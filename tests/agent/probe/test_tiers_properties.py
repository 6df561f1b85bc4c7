"""Whatever fails in any tier, on GPUs and their instances, a reading stays true to itself and the next one to it."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fakes.nvml.library import (
    SLOW_VALUES,
    FakeDriver,
    FakeGpu,
    NvmlProcess,
    by_uuid,
    full_gpu,
    gpm_counters,
    mig_instance,
    split_gpu,
)
from gpufleet_agent.probe.readers import CORE, METRICS, PROFILING, SLOW
from gpufleet_proto.catalog import BY_NAME

REASONS = {"NOT_SUPPORTED", "NO_PERMISSION", "BACKEND", "MIG", "ERROR", "LOST"}
CODES = [2, 3, 4, 6, 13, 15, 25, 999, 4711]
TIERS = [
    *(key if "[" in key else key.partition(".")[0] for key in SLOW_VALUES),
    "nvmlDeviceGetFieldValues",
    "nvmlDeviceGetPcieThroughput",
    *("nvmlGpmQueryDeviceSupport", "nvmlGpmSampleGet", "nvmlGpmMigSampleGet", "nvmlGpmMetricsGet"),
    *(f"nvmlGpmMetricsGet[{metric}]" for metric in (2, 5, 20, 21, 61)),
    *("nvmlDeviceGetMigMode", "nvmlDeviceGetMaxMigDeviceCount", "nvmlDeviceGetMigDeviceHandleByIndex"),
]
OF_INSTANCES = [
    "nvmlDeviceGetName",
    "nvmlDeviceGetUUID",
    "nvmlDeviceGetGpuInstanceId",
    "nvmlDeviceGetComputeInstanceId",
    "nvmlDeviceGetMemoryInfo_v2",
    "nvmlDeviceGetMemoryInfo",
    "nvmlDeviceGetComputeRunningProcesses_v3",
    "nvmlDeviceGetMigDeviceHandleByIndex",
    "nvmlGpmMigSampleGet",
    "nvmlGpmMetricsGet",
]
counters = st.integers(0, 120_000).map(gpm_counters)


@st.composite
def instances(draw: st.DrawFn, parent: int) -> list[FakeGpu]:
    places = draw(st.lists(st.tuples(st.integers(1, 7), st.integers(0, 1)), max_size=7, unique=True))
    found = [
        mig_instance(parent, number, draw(st.sampled_from(["1g.10gb", "2g.20gb"])), part) for number, part in places
    ]
    for instance in found:
        instance.values |= draw(counters)
        instance.errors = draw(st.dictionaries(st.sampled_from(OF_INSTANCES), st.sampled_from(CODES), max_size=2))
        instance.lost = draw(st.integers(0, 9)) == 0
    return found


@st.composite
def gpus(draw: st.DrawFn) -> FakeGpu:
    number = draw(st.integers(0, 5))
    gpu = split_gpu(number, *draw(instances(number))) if draw(st.booleans()) else full_gpu(number)
    gpu.values |= draw(counters)
    gpu.errors |= draw(st.dictionaries(st.sampled_from(TIERS), st.sampled_from(CODES), max_size=5))
    gpu.lost = draw(st.integers(0, 9)) == 0
    return gpu


drivers = st.lists(gpus(), max_size=3, unique_by=lambda gpu: gpu.uuid).map(lambda listed: FakeDriver(gpus=listed))


@pytest.fixture(scope="module")
def process(nvml_library: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[NvmlProcess]:
    script = tmp_path_factory.mktemp("script") / "nvml.script"
    with NvmlProcess(script, nvml_library, options=("--gpm", "--slow-tier")) as process:
        yield process


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(script=st.lists(drivers, min_size=1, max_size=3), pause=st.sampled_from([50, 1000, 10_000]))
def test_a_reading_is_consistent_whatever_fails(process: NvmlProcess, script: list[FakeDriver], pause: int) -> None:
    process.ask("close")
    for driver in script:
        process.tell(driver)
        for _ in range(2):
            check(by_uuid(process.read()))
            process.ask("settle")
            process.ask(f"pass {pause}")


def check(reading: Mapping[str, Mapping[str, Any]]) -> None:
    for gpu in reading.values():
        values, absent = gpu["values"], gpu["absent"]
        assert not values.keys() & absent.keys()
        assert values.keys() | absent.keys() <= set(METRICS)
        assert values.keys() | absent.keys() >= CORE.keys()
        assert set(absent.values()) <= REASONS
        assert all(0 <= value <= BY_NAME[name].max for name, value in values.items())
        assert all(
            isinstance(value, int) for name, value in values.items() if name in SLOW and BY_NAME[name].is_integer
        )
        parent = gpu["gpu"]["parent_uuid"]
        assert parent is None or (reading[parent]["state"] == "ok" and reading[parent]["gpu"]["parent_uuid"] is None)
        assert parent is None or gpu["state"] == "ok", "an instance is there or it is not"


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(driver=drivers)
def test_reasons_stay_while_nothing_changes(process: NvmlProcess, driver: FakeDriver) -> None:
    process.ask("close")
    process.tell(driver)
    seen = []
    for _ in range(4):
        reading = by_uuid(process.read())
        seen.append({uuid: (gpu["gpu"], gpu["state"], gpu["absent"]) for uuid, gpu in reading.items()})
        process.ask("settle")
        process.ask("pass 1000")
    assert seen[2] == seen[3]


def test_the_properties_speak_of_every_tier() -> None:
    assert {*CORE, *SLOW, *PROFILING} == set(METRICS)
