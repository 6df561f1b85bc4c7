"""What real GPUs said is in the catalogue's terms and tells nobody's GPU, and the nvidia-smi backend asks for fields
that a real nvidia-smi knows."""

import json
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pytest

from fakes.recordings import (
    NOBODY,
    STABLE,
    TWO_DECIMALS,
    fields_of_nvidia_smi,
    keep,
    nobodys,
    recorded_state,
    recording_name,
    recordings,
)
from gpufleet_agent.probe.nvidia_smi.fields import NOT_OFFERED, first_plan
from gpufleet_agent.probe.readers import CORE
from gpufleet_agent.readings import GpuIdentity, GpuReading, Reading
from gpufleet_proto.catalog import BY_NAME
from gpufleet_proto.telemetry_pb2 import Absence

RECORDED = recordings()
NVIDIA_SMI = fields_of_nvidia_smi()
TELLING = re.compile(
    r"GPU-[0-9a-f]{8}-[0-9a-f-]{27}|MIG-[0-9a-f]{8}|\b[0-9a-f]{2}:[0-9a-f]{2}\.[0-7]\b|\b\d{13}\b", re.IGNORECASE
)
"""What looks like a UUID, a bus address or a serial number."""


def told_in(kept: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Every reading in a recording."""
    return [kept["nvml"], kept["nvidia_smi"], *kept["states"].values()]


def complaints(reading: Mapping[str, Any]) -> list[str]:
    """What is wrong with a recorded reading, one sentence each."""
    values, absent = reading["values"], reading["absent"]
    names = values.keys() | absent.keys()
    return [
        *(f"{name} is no metric" for name in sorted(names - BY_NAME.keys())),
        *(f"{name} is told and absent" for name in sorted(values.keys() & absent.keys())),
        *(f"{why} is no reason" for why in sorted(set(absent.values()) - set(Absence.Reason.keys()))),
        *(
            f"{name} cannot be {value}"
            for name, value in sorted(values.items())
            if name in BY_NAME and not 0 <= value <= BY_NAME[name].max
        ),
    ]


def missing(reading: Mapping[str, Any], wanted: Iterable[str]) -> set[str]:
    return set(wanted) - {*reading["values"], *reading["absent"]}


@pytest.mark.parametrize("name", RECORDED)
def test_a_recording_is_in_the_terms_of_the_catalogue_and_complete(name: str) -> None:
    kept = RECORDED[name]
    assert [complaints(reading) for reading in told_in(kept)] == [[]] * len(told_in(kept))
    assert not missing(kept["nvml"], CORE)
    assert not missing(kept["nvidia_smi"], first_plan().candidates.keys() & BY_NAME.keys())
    assert all(not missing(reading, CORE) for reading in kept["states"].values())
    assert name == recording_name(kept["gpu"]["name"], kept["driver_version"])


@pytest.mark.parametrize("name", RECORDED)
def test_nvml_and_nvidia_smi_agree_on_what_is_stable(name: str) -> None:
    kept = RECORDED[name]
    nvml, smi = kept["nvml"]["values"], kept["nvidia_smi"]["values"]
    assert all(abs(nvml[metric] - smi[metric]) <= TWO_DECIMALS for metric in STABLE & nvml.keys() & smi.keys())
    for state in kept["states"].values():
        assert {metric: state["values"].get(metric) for metric in STABLE} == {
            metric: nvml.get(metric) for metric in STABLE
        }


@pytest.mark.parametrize("name", RECORDED)
def test_a_recording_tells_nobodys_gpu(name: str) -> None:
    text = json.dumps(RECORDED[name]).replace(NOBODY, "")
    assert TELLING.search(text) is None


@pytest.mark.parametrize(
    "secret",
    ["GPU-12345678-1234-1234-1234-123456789abc", "00000000:3B:00.0", "1650000000000", "MIG-12345678-1234"],
)
def test_the_guard_finds_what_would_tell_whose_it_was(secret: str) -> None:
    assert TELLING.search(json.dumps({"gpu": {"serial": secret}}))


def test_the_guard_fires_on_a_reading_that_is_not_in_the_terms_of_the_catalogue() -> None:
    odd = {
        "values": {"horsepower": 1, "power_watts": -1, "fan_speed_percent": 3},
        "absent": {"fan_speed_percent": "BROKEN"},
    }
    assert complaints(odd) == [
        "horsepower is no metric",
        "fan_speed_percent is told and absent",
        "BROKEN is no reason",
        "power_watts cannot be -1",
    ]


def test_there_are_recordings() -> None:
    assert "nvidia-h200__580.159.04.json" in RECORDED
    assert RECORDED["nvidia-h200__580.159.04.json"]["states"].keys() == {"idle", "busy"}
    assert "580.159.04" in NVIDIA_SMI


@pytest.mark.parametrize("driver", NVIDIA_SMI)
def test_nvidia_smi_knows_a_field_for_everything_that_is_asked_of_it(driver: str) -> None:
    """Each by its preferred name, so that no query is rejected on a driver of this age."""
    assert set(first_plan().fields) - NVIDIA_SMI[driver] == set()


@pytest.mark.parametrize("driver", NVIDIA_SMI)
def test_what_is_stated_not_to_be_offered_has_no_field(driver: str) -> None:
    marks = ("energy", "process", "nvlink", "replay", "throughput", "sm_active", "tensor", "occupancy")
    found = {field for field in NVIDIA_SMI[driver] if any(mark in field for mark in marks)}
    assert NOT_OFFERED
    assert found == set()


def test_what_is_recorded_anew_replaces_its_part_and_no_other(tmp_path: Path) -> None:
    gpu = GpuReading(gpu=GpuIdentity(uuid="GPU-1", name="NVIDIA H200"), values={"gpu_utilization_percent": 0})
    busy = GpuReading(gpu=gpu.gpu, values={"gpu_utilization_percent": 100})
    reading = Reading(backend="nvml", driver_version="570.1")
    for seen in (gpu, busy):
        keep(recorded_state(reading, seen), tmp_path)
    keep({"gpu": nobodys(gpu), "driver_version": "570.1", "nvml": {}}, tmp_path)
    kept = json.loads((tmp_path / "nvidia-h200__570.1.json").read_text())
    assert kept.keys() == {"gpu", "driver_version", "states", "nvml"}
    assert {state: told["values"]["gpu_utilization_percent"] for state, told in kept["states"].items()} == {
        "idle": 0,
        "busy": 100,
    }
