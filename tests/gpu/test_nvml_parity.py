"""NVML against nvidia-smi on a real GPU: stable values equal, volatile ones between a reading before and one after.
What was seen is kept under recordings/, named by GPU and driver."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, replace

import pytest

from fakes.recordings import STABLE, TWO_DECIMALS, keep, recording, recording_name
from gpufleet_agent.breadcrumb import NoBreadcrumb
from gpufleet_agent.probe.nvidia_smi import NvidiaSmiBackend
from gpufleet_agent.probe.nvml import NvmlBackend
from gpufleet_agent.readings import NOT_SUPPORTED, Backend, GpuIdentity, GpuReading, Reading

ATTEMPTS = 8
"""A value may leave the bracket between two readings; each metric must be inside it in one of these."""

ONE_OF_TWO = {"performance_state", "throttle_reasons"}
MARGIN: Mapping[str, float] = {
    "temperature_celsius": 1,
    "memory_temperature_celsius": 1,
    "power_watts": 5,
    "memory_used_mb": 2,
    "memory_reserved_mb": 2,
    "sm_clock_mhz": 15,
    "fan_speed_percent": 1,
    "gpu_utilization_percent": 1,
    "memory_utilization_percent": 1,
}
"""How far outside of the bracket a volatile value may lie, in its unit."""


def disagreements(before: GpuReading, nvml: GpuReading, after: GpuReading) -> dict[str, str]:
    """Metrics (and parts of the identity) on which NVML and the two readings of nvidia-smi around it do not agree."""
    found = {}
    for part, told in asdict(nvml.gpu).items():
        if told != getattr(before.gpu, part):
            found[part] = f"NVML {told!r}, nvidia-smi {getattr(before.gpu, part)!r}"
    for name in nvml.values.keys() | before.values.keys():
        complaint = _complaint(name, before, nvml, after)
        if complaint:
            found[name] = complaint
    return found


def _complaint(name: str, before: GpuReading, nvml: GpuReading, after: GpuReading) -> str | None:
    if name not in nvml.values:
        return f"NVML {nvml.absent.get(name)}, nvidia-smi {before.values[name]}" if name in nvml.absent else None
    value = nvml.values[name]
    if name not in before.values or name not in after.values:
        denied = before.absent.get(name) == after.absent.get(name) == NOT_SUPPORTED
        return f"NVML {value}, nvidia-smi {NOT_SUPPORTED}" if denied else None
    if _agree(name, before.values[name], value, after.values[name]):
        return None
    return f"NVML {value}, nvidia-smi {before.values[name]} before and {after.values[name]} after"


def _agree(name: str, before: float, value: float, after: float) -> bool:
    if name in STABLE:
        return abs(before - value) <= TWO_DECIMALS
    if name in ONE_OF_TWO:
        return value in (before, after)
    margin = MARGIN.get(name, 0)
    return min(before, after) - margin <= value <= max(before, after) + margin


def _opened(backend: Backend) -> Iterator[Backend]:
    reading = backend.read(0)
    if not reading.gpus:
        backend.close()
        pytest.skip(f"no GPU by {backend.name}: {reading.note}")
    yield backend
    backend.close()


@pytest.fixture
def nvml() -> Iterator[Backend]:
    yield from _opened(NvmlBackend(NoBreadcrumb()))


@pytest.fixture
def nvidia_smi() -> Iterator[Backend]:
    yield from _opened(NvidiaSmiBackend("nvidia-smi", NoBreadcrumb()))


def _by_uuid(reading: Reading) -> dict[str, GpuReading]:
    return {gpu.gpu.uuid: gpu for gpu in reading.gpus}


@pytest.mark.gpu
def test_nvml_and_nvidia_smi_agree_on_every_gpu(nvml: Backend, nvidia_smi: Backend) -> None:
    unsettled: dict[str, dict[str, str]] | None = None
    for _ in range(ATTEMPTS):
        before, between, after = nvidia_smi.read(0), nvml.read(0), nvidia_smi.read(0)
        assert before.driver_version == between.driver_version
        smi, smi_after, gpus = _by_uuid(before), _by_uuid(after), _by_uuid(between)
        assert smi.keys() == gpus.keys()
        seen = {uuid: disagreements(smi[uuid], gpu, smi_after[uuid]) for uuid, gpu in gpus.items()}
        unsettled = seen if unsettled is None else _in_both(unsettled, seen)
        if not any(unsettled.values()):
            break
    for uuid, gpu in gpus.items():
        keep(recording(between, gpu, smi[uuid]))
    assert not any((unsettled or {}).values()), unsettled


def _in_both(
    earlier: Mapping[str, Mapping[str, str]], now: Mapping[str, Mapping[str, str]]
) -> dict[str, dict[str, str]]:
    return {uuid: {name: now[uuid][name] for name in names if name in now[uuid]} for uuid, names in earlier.items()}


def reading_of(**values: float) -> GpuReading:
    return GpuReading(gpu=GpuIdentity(uuid="GPU-1", index=0, name="A"), values=values)


@pytest.mark.parametrize(
    ("before", "nvml", "after", "found"),
    [
        ({"power_watts": 100}, {"power_watts": 150}, {"power_watts": 200}, set()),
        ({"power_watts": 100}, {"power_watts": 250}, {"power_watts": 200}, {"power_watts"}),
        ({"memory_total_mb": 81559}, {"memory_total_mb": 81560}, {"memory_total_mb": 81560}, {"memory_total_mb"}),
        ({"performance_state": 0}, {"performance_state": 8}, {"performance_state": 8}, set()),
        ({"performance_state": 0}, {"performance_state": 2}, {"performance_state": 8}, {"performance_state"}),
        ({}, {"energy_joules_total": 5}, {}, set()),
    ],
)
def test_what_counts_as_agreement(
    before: dict[str, float], nvml: dict[str, float], after: dict[str, float], found: set[str]
) -> None:
    assert set(disagreements(reading_of(**before), reading_of(**nvml), reading_of(**after))) == found


def test_a_value_that_only_one_side_has_is_a_disagreement_when_the_other_denies_it() -> None:
    denied = replace(reading_of(), absent={"fan_speed_percent": NOT_SUPPORTED})
    told = reading_of(fan_speed_percent=30)
    assert set(disagreements(denied, told, denied)) == {"fan_speed_percent"}
    assert set(disagreements(told, denied, told)) == {"fan_speed_percent"}


def test_a_recording_tells_the_gpu_and_driver_and_not_whose_it_is() -> None:
    whose = GpuIdentity(uuid="GPU-secret", name="NVIDIA H200", serial="165secret", pci_bus_id="secret:01:00.0")
    gpu = replace(reading_of(power_watts=1), gpu=whose)
    kept = recording(Reading(backend="nvml", driver_version="570.1"), gpu, gpu)
    assert "secret" not in json.dumps(kept)
    assert recording_name("NVIDIA H200", "570.1") == "nvidia-h200__570.1.json"
