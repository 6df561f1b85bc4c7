"""What only a real GPU can say of the tiers beyond the parity with nvidia-smi: that it counts its PCIe traffic, tells
of XIDs, and does all of it for a user without privileges."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any

import pytest

from fakes.recordings import keep, recorded_state
from gpufleet_agent.breadcrumb import NoBreadcrumb
from gpufleet_agent.probe.gpm import SHORTEST_GAP_SECONDS
from gpufleet_agent.probe.nvml import NvmlBackend
from gpufleet_agent.probe.readers import METRICS, PROFILING, TRAFFIC
from gpufleet_agent.probe.slow_tier import SlowTier
from gpufleet_agent.readings import GpuReading, Reading

pytestmark = pytest.mark.gpu

NOBODY = 65534
"""The user of that number has no rights of its own on any system."""


class CountingBreadcrumb(NoBreadcrumb):
    """Notes the calls that are made."""

    def __init__(self) -> None:
        self.calls: list[str] = []

    def enter(self, call: str, gpu: str, deadline_seconds: float | None = None) -> None:
        self.calls.append(call)


@pytest.fixture
def calls() -> CountingBreadcrumb:
    return CountingBreadcrumb()


@pytest.fixture
def nvml(calls: CountingBreadcrumb) -> Iterator[NvmlBackend]:
    backend = NvmlBackend(calls, gpm=True, slow_tier=SlowTier(NoBreadcrumb()))
    backend.warm_up(0)
    yield backend
    backend.close()


@pytest.fixture
def reading(nvml: NvmlBackend) -> Reading:
    """One that has everything."""
    reading = nvml.read(0)
    if not whole(reading):
        pytest.skip(f"no GPU that is not split: {reading.note}")
    return reading


def whole(reading: Reading) -> list[GpuReading]:
    """The GPUs that are read and not split."""
    parents = {gpu.gpu.parent_uuid for gpu in reading.gpus}
    return [
        gpu for gpu in reading.gpus if gpu.state == "ok" and gpu.gpu.uuid not in parents and not gpu.gpu.parent_uuid
    ]


def test_every_metric_is_told_or_absent_for_a_reason(reading: Reading) -> None:
    for gpu in whole(reading):
        assert {*gpu.values, *gpu.absent} == set(METRICS)
        assert "ERROR" not in gpu.absent.values(), gpu.absent
        keep(recorded_state(reading, gpu))


def test_a_gpu_with_activity_counters_tells_its_pcie_traffic_by_them(reading: Reading, nvml: NvmlBackend) -> None:
    """That is told once a period, and by nothing else: the pass between does not wait for it."""
    counting = [gpu.gpu.uuid for gpu in whole(reading) if gpu.values.keys() & set(PROFILING)]
    if not counting:
        pytest.skip("no GPU here has activity counters")
    told = {gpu.gpu.uuid: {*gpu.values} for gpu in reading.gpus}
    assert all(told[uuid] >= TRAFFIC for uuid in counting)
    time.sleep(2 * SHORTEST_GAP_SECONDS)
    told = {gpu.gpu.uuid: {*gpu.values, *gpu.absent} for gpu in nvml.read(0).gpus}
    assert all(told[uuid].isdisjoint(TRAFFIC) for uuid in counting)


def test_what_a_gpu_denies_it_is_not_asked_at_the_next_tick(
    reading: Reading, nvml: NvmlBackend, calls: CountingBreadcrumb
) -> None:
    calls.calls.clear()
    again = nvml.read(0)
    fans = {gpu.gpu.uuid for gpu in whole(reading) if "fan_speed_percent" in gpu.values}
    assert {gpu.gpu.uuid for gpu in whole(again) if "fan_speed_percent" in gpu.values} == fans
    assert calls.calls.count("nvmlDeviceGetFanSpeed") == len(fans)


def test_the_driver_tells_of_xids(reading: Reading, calls: CountingBreadcrumb) -> None:
    assert reading.note is None
    assert "nvmlEventSetWait_v2" in calls.calls


def test_a_user_without_privileges_reads_what_root_reads(reading: Reading) -> None:
    if os.geteuid() != 0:
        pytest.skip("needs root, to become nobody")
    assert reading.gpus
    as_nobody = told_by_snapshot(user=NOBODY, extra_groups=[])
    assert as_nobody == told_by_snapshot()


def told_by_snapshot(**user: Any) -> dict[str, set[str]]:
    """The metrics that a snapshot has, by GPU."""
    command = [sys.executable, "-m", "gpufleet_agent", "snapshot", "--backend", "nvml", "--json"]
    try:
        done = subprocess.run(command, cwd="/", capture_output=True, text=True, timeout=60, check=False, **user)
    except PermissionError:
        pytest.skip(f"nobody may not run {sys.executable}")
    if done.returncode != 0 and user and "gpufleet_agent" in done.stderr:
        pytest.skip("nobody may not read this clone")
    assert done.returncode == 0, done.stderr
    gpus = json.loads(done.stdout)["gpus"]
    return {gpu["gpu_uuid"]: {name for name in METRICS if gpu[name] is not None} for gpu in gpus}
