"""The NVML backend over the stand-in library: what it reads, and from which call."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from fakes.nvml.library import (
    ARGUMENT_VERSION_MISMATCH,
    FUNCTION_NOT_FOUND,
    MEBIBYTE,
    NO_PERMISSION,
    NOT_SUPPORTED,
    FakeDriver,
    FakeGpu,
    NvmlProcess,
    by_uuid,
    compile_library,
    uuid_of,
    whole_driver,
    whole_gpu,
)

INVALID_ARGUMENT = 2
NOT_AVAILABLE = 0xFFFFFFFF


def read_one(nvml: NvmlProcess, gpu: FakeGpu) -> dict[str, Any]:
    nvml.tell(FakeDriver(gpus=[gpu]))
    reading: dict[str, Any] = nvml.read()["gpus"][0]
    assert not set(reading["values"]) & set(reading["absent"])
    return reading


def test_a_gpu_that_answers_everything_is_read_in_the_units_of_the_catalogue(nvml: NvmlProcess) -> None:
    reading = read_one(nvml, whole_gpu(3))
    assert reading["state"] == "ok"
    assert reading["absent"] == {}
    assert reading["values"] == {
        "temperature_celsius": 33,
        "memory_temperature_celsius": 73,
        "fan_speed_percent": 43,
        "power_watts": 300.253,
        "power_limit_watts": 700.003,
        "energy_joules_total": 5_000_000_000.126,
        "memory_used_mb": 1003,
        "memory_total_mb": 81562,
        "memory_reserved_mb": 503,
        "gpu_utilization_percent": 3,
        "memory_utilization_percent": 53,
        "encoder_utilization_percent": 23,
        "decoder_utilization_percent": 33,
        "sm_clock_mhz": 1503,
        "memory_clock_mhz": 2503,
        "performance_state": 3,
        "throttle_reasons": 4,
        "process_count": 4,
    }


def test_a_gpu_says_who_it_is_and_the_driver_its_version(nvml: NvmlProcess) -> None:
    nvml.tell(whole_driver(2))
    reading = nvml.read()
    assert (reading["backend"], reading["driver_version"]) == ("nvml", "570.86.15")
    assert reading["nvml_version"] == "12.570.86.15"
    assert reading["note"] is None
    assert reading["gpus"][1]["gpu"] == {
        "uuid": uuid_of(1),
        "index": 1,
        "name": "NVIDIA H100 80GB HBM3",
        "pci_bus_id": "00000000:02:00.0",
        "serial": "1650000000001",
        "vbios": "96.00.74.00.01",
        "parent_uuid": None,
        "mig_profile": None,
        "mig_instance": None,
    }


@pytest.mark.parametrize("count", [1, 8, 32])
def test_every_gpu_has_its_own_values(nvml: NvmlProcess, count: int) -> None:
    nvml.tell(whole_driver(count))
    gpus = nvml.read()["gpus"]
    assert [gpu["gpu"]["index"] for gpu in gpus] == list(range(count))
    assert [gpu["values"]["temperature_celsius"] for gpu in gpus] == [30 + number for number in range(count)]


def test_a_gpu_that_answers_nothing_has_reasons_and_no_value(nvml: NvmlProcess) -> None:
    reading = read_one(nvml, FakeGpu(uuid_of(0)))
    assert reading["state"] == "ok"
    assert reading["values"] == {}
    assert set(reading["absent"].values()) == {"NOT_SUPPORTED"}
    assert reading["gpu"]["name"] is None


def test_parts_of_an_identity_fail_alone(nvml: NvmlProcess) -> None:
    gpu = whole_gpu(0)
    gpu.errors = {"nvmlDeviceGetSerial": NOT_SUPPORTED, "nvmlDeviceGetName": 999}
    identity = read_one(nvml, gpu)["gpu"]
    assert (identity["name"], identity["serial"], identity["vbios"]) == (None, None, "96.00.74.00.01")


def test_a_name_that_failed_is_asked_for_again(nvml: NvmlProcess) -> None:
    gpu = whole_gpu(0)
    gpu.errors = {"nvmlDeviceGetName": 999}
    assert read_one(nvml, gpu)["gpu"]["name"] is None
    assert read_one(nvml, whole_gpu(0))["gpu"]["name"] == "NVIDIA H100 80GB HBM3"


def test_a_reading_tells_what_its_calls_cost(nvml: NvmlProcess) -> None:
    nvml.tell(whole_driver(2))
    nvml.read()
    milliseconds = nvml.read()["milliseconds"]
    assert milliseconds["core"] > 0
    assert milliseconds["processes"] > 0


def test_a_settled_identity_is_not_asked_for_again(start_nvml: Callable[..., NvmlProcess]) -> None:
    nvml = start_nvml(options=("--trace",))
    nvml.tell(whole_driver(1))
    first, second = calls_of_reading(nvml), calls_of_reading(nvml)
    assert ("nvmlDeviceGetName", "GPU 0") in first
    assert ("nvmlDeviceGetName", "GPU 0") not in second


def calls_of_reading(nvml: NvmlProcess) -> list[tuple[str, str]]:
    """The driver calls that one reading announces, each of which must have been ended before the next begins."""
    nvml.send("read")
    calls = []
    while "backend" not in (answer := nvml.receive()):
        calls.append((answer["enter"], answer["gpu"]))
        assert nvml.receive() == {"leave": True}
    return calls


def test_every_driver_call_is_announced_with_its_gpu_and_made_once(start_nvml: Callable[..., NvmlProcess]) -> None:
    nvml = start_nvml(options=("--trace",))
    nvml.tell(whole_driver(2))
    calls = calls_of_reading(nvml)
    assert calls[0] == ("nvmlInit", "")
    assert ("nvmlDeviceGetPowerUsage", "GPU 1") in calls
    repeated = {call for call in calls if calls.count(call) > 1}
    assert repeated == {("nvmlDeviceGetClockInfo", "GPU 0"), ("nvmlDeviceGetClockInfo", "GPU 1")}  # two clocks


@pytest.mark.parametrize(
    ("function", "code", "reason"),
    [
        ("nvmlDeviceGetPowerUsage", NOT_SUPPORTED, "NOT_SUPPORTED"),
        ("nvmlDeviceGetPowerUsage", NO_PERMISSION, "NO_PERMISSION"),
        ("nvmlDeviceGetPowerUsage", FUNCTION_NOT_FOUND, "BACKEND"),
        ("nvmlDeviceGetPowerUsage", ARGUMENT_VERSION_MISMATCH, "BACKEND"),
        ("nvmlDeviceGetPowerUsage", 999, "ERROR"),
        ("nvmlDeviceGetPowerUsage", 12345, "ERROR"),
    ],
)
def test_a_failing_field_costs_that_field(nvml: NvmlProcess, function: str, code: int, reason: str) -> None:
    gpu = whole_gpu(0)
    gpu.errors = {function: code}
    reading = read_one(nvml, gpu)
    assert reading["absent"] == {"power_watts": reason}
    assert len(reading["values"]) == 17


def test_a_shared_call_that_fails_costs_all_that_comes_from_it(nvml: NvmlProcess) -> None:
    gpu = whole_gpu(0)
    gpu.errors = {"nvmlDeviceGetUtilizationRates": 999}
    absent = read_one(nvml, gpu)["absent"]
    assert absent == {"gpu_utilization_percent": "ERROR", "memory_utilization_percent": "ERROR"}


@pytest.mark.parametrize("code", [FUNCTION_NOT_FOUND, INVALID_ARGUMENT, ARGUMENT_VERSION_MISMATCH])
def test_without_memory_version_2_version_1_is_read_and_reserved_is_absent(nvml: NvmlProcess, code: int) -> None:
    gpu = whole_gpu(0)
    gpu.errors = {"nvmlDeviceGetMemoryInfo_v2": code}
    reading = read_one(nvml, gpu)
    assert reading["values"]["memory_used_mb"] == 1500
    assert reading["values"]["memory_total_mb"] == 81559
    assert reading["absent"] == {"memory_reserved_mb": "BACKEND"}


def test_memory_version_1_does_not_stand_in_for_a_version_2_that_failed(nvml: NvmlProcess) -> None:
    gpu = whole_gpu(0)
    gpu.errors = {"nvmlDeviceGetMemoryInfo_v2": 999}
    memory = {"memory_used_mb": "ERROR", "memory_total_mb": "ERROR", "memory_reserved_mb": "ERROR"}
    assert read_one(nvml, gpu)["absent"] == memory


def test_bytes_are_rounded_to_the_nearest_mebibyte(nvml: NvmlProcess) -> None:
    gpu = whole_gpu(0)
    gpu.values["nvmlDeviceGetMemoryInfo_v2.used"] = 7 * MEBIBYTE + MEBIBYTE // 2 + 1
    assert read_one(nvml, gpu)["values"]["memory_used_mb"] == 8


@pytest.mark.parametrize("unified", ["total of zero", "not supported"])
def test_unified_memory_is_absent_and_not_zero(nvml: NvmlProcess, unified: str) -> None:
    gpu = whole_gpu(0)
    if unified == "not supported":
        gpu.errors = {"nvmlDeviceGetMemoryInfo_v2": NOT_SUPPORTED, "nvmlDeviceGetMemoryInfo": NOT_SUPPORTED}
    else:
        gpu.values |= {f"nvmlDeviceGetMemoryInfo_v2.{part}": 0 for part in ("total", "used", "reserved")}
    memory = {"memory_used_mb", "memory_total_mb", "memory_reserved_mb"}
    assert read_one(nvml, gpu)["absent"] == dict.fromkeys(memory, "NOT_SUPPORTED")


def test_older_libraries_are_asked_by_the_older_names(
    start_nvml: Callable[..., NvmlProcess], tmp_path_factory: pytest.TempPathFactory
) -> None:
    older = compile_library(
        tmp_path_factory.mktemp("older"),
        without=[
            "nvmlDeviceGetTemperatureV",
            "nvmlDeviceGetMemoryInfo_v2",
            "nvmlDeviceGetCurrentClocksEventReasons",
            "nvmlDeviceGetComputeRunningProcesses_v3",
            "nvmlDeviceGetGraphicsRunningProcesses_v3",
            "nvmlDeviceGetPowerManagementLimit",
            "nvmlDeviceGetDecoderUtilization",
        ],
    )
    reading = read_one(start_nvml(library=older), whole_gpu(5))
    assert reading["values"]["temperature_celsius"] == 135
    assert reading["values"]["memory_used_mb"] == 1510
    assert reading["values"]["throttle_reasons"] == 8
    assert reading["values"]["process_count"] == 1
    assert reading["values"]["power_limit_watts"] == 650.005
    assert reading["absent"] == {"memory_reserved_mb": "BACKEND", "decoder_utilization_percent": "BACKEND"}


@pytest.mark.parametrize(
    ("first", "second", "reason"),
    [
        (NOT_SUPPORTED, FUNCTION_NOT_FOUND, "NOT_SUPPORTED"),
        (FUNCTION_NOT_FOUND, NOT_SUPPORTED, "NOT_SUPPORTED"),
        (NOT_SUPPORTED, NO_PERMISSION, "NO_PERMISSION"),
        (FUNCTION_NOT_FOUND, FUNCTION_NOT_FOUND, "BACKEND"),
    ],
)
def test_without_any_power_limit_the_reason_is_the_one_that_tells_more(
    nvml: NvmlProcess, first: int, second: int, reason: str
) -> None:
    gpu = whole_gpu(0)
    gpu.errors = {"nvmlDeviceGetPowerManagementLimit": first, "nvmlDeviceGetEnforcedPowerLimit": second}
    assert read_one(nvml, gpu)["absent"] == {"power_limit_watts": reason}


@pytest.mark.parametrize(("code", "reason"), [(NOT_SUPPORTED, "NOT_SUPPORTED"), (999, "ERROR")])
def test_a_field_value_counts_only_when_its_own_code_says_so(nvml: NvmlProcess, code: int, reason: str) -> None:
    gpu = whole_gpu(0)
    gpu.errors = {"nvmlDeviceGetFieldValues[82]": code}
    assert read_one(nvml, gpu)["absent"] == {"memory_temperature_celsius": reason}


@pytest.mark.parametrize(
    ("key", "value", "metric", "reason"),
    [
        ("nvmlDeviceGetUtilizationRates.gpu", 101, "gpu_utilization_percent", "ERROR"),
        ("nvmlDeviceGetUtilizationRates.memory", 4000, "memory_utilization_percent", "ERROR"),
        ("nvmlDeviceGetEncoderUtilization", 101, "encoder_utilization_percent", "ERROR"),
        ("nvmlDeviceGetDecoderUtilization", NOT_AVAILABLE, "decoder_utilization_percent", "ERROR"),
        ("nvmlDeviceGetPerformanceState", 32, "performance_state", "NOT_SUPPORTED"),
        ("nvmlDeviceGetPerformanceState", 16, "performance_state", "ERROR"),
        ("nvmlDeviceGetTemperatureV", -1, "temperature_celsius", "ERROR"),
        ("nvmlDeviceGetTemperatureV", 251, "temperature_celsius", "ERROR"),
        ("nvmlDeviceGetFieldValues[82]", NOT_AVAILABLE, "memory_temperature_celsius", "ERROR"),
        ("nvmlDeviceGetFanSpeed", NOT_AVAILABLE, "fan_speed_percent", "NOT_SUPPORTED"),
        ("nvmlDeviceGetPowerUsage", NOT_AVAILABLE, "power_watts", "NOT_SUPPORTED"),
        ("nvmlDeviceGetTotalEnergyConsumption", 2**64 - 1, "energy_joules_total", "NOT_SUPPORTED"),
        ("nvmlDeviceGetMemoryInfo_v2.used", 2**64 - 1, "memory_used_mb", "NOT_SUPPORTED"),
        ("nvmlDeviceGetClockInfo[1]", 40_000, "sm_clock_mhz", "ERROR"),
        ("nvmlDeviceGetCurrentClocksEventReasons", 1 << 63, "throttle_reasons", "ERROR"),
    ],
)
def test_what_cannot_be_true_is_absent(nvml: NvmlProcess, key: str, value: int, metric: str, reason: str) -> None:
    gpu = whole_gpu(0)
    gpu.values[key] = value
    assert read_one(nvml, gpu)["absent"] == {metric: reason}


def test_zeros_that_were_measured_are_zeros(nvml: NvmlProcess) -> None:
    gpu = whole_gpu(0)
    gpu.values |= {
        "nvmlDeviceGetFieldValues[82]": 0,
        "nvmlDeviceGetFanSpeed": 0,
        "nvmlDeviceGetPowerUsage": 0,
        "nvmlDeviceGetUtilizationRates.memory": 0,
        "nvmlDeviceGetCurrentClocksEventReasons": 0,
        "nvmlDeviceGetMemoryInfo_v2.used": 0,
    }
    reading = read_one(nvml, gpu)
    zeros = {name for name, value in reading["values"].items() if value == 0}
    assert reading["absent"] == {}
    assert zeros == {
        "memory_temperature_celsius",
        "fan_speed_percent",
        "power_watts",
        "gpu_utilization_percent",
        "memory_utilization_percent",
        "performance_state",
        "throttle_reasons",
        "memory_used_mb",
    }


def idle_gpu() -> FakeGpu:
    gpu = whole_gpu(0)
    gpu.values["nvmlDeviceGetComputeRunningProcesses_v3"] = ""
    gpu.values["nvmlDeviceGetGraphicsRunningProcesses_v3"] = ""
    return gpu


def test_no_process_is_zero_where_the_host_is_visible_and_absent_where_it_is_not(
    start_nvml: Callable[..., NvmlProcess],
) -> None:
    assert read_one(start_nvml(), idle_gpu())["values"]["process_count"] == 0
    hidden = start_nvml(options=("--hidden-processes",))
    assert read_one(hidden, idle_gpu())["absent"] == {"process_count": "NAMESPACE"}
    assert read_one(hidden, whole_gpu(0))["values"]["process_count"] == 4


@pytest.mark.parametrize(
    ("errors", "count", "absent"),
    [
        ({"Graphics": NOT_SUPPORTED}, 2, {}),
        ({"Compute": NOT_SUPPORTED}, 3, {}),
        ({"Compute": NOT_SUPPORTED, "Graphics": NOT_SUPPORTED}, None, {"process_count": "NOT_SUPPORTED"}),
        ({"Graphics": NO_PERMISSION}, None, {"process_count": "NO_PERMISSION"}),
    ],
)
def test_half_a_process_count_is_not_told(
    nvml: NvmlProcess, errors: dict[str, int], count: int | None, absent: dict[str, str]
) -> None:
    gpu = whole_gpu(0)
    gpu.errors = {f"nvmlDeviceGet{kind}RunningProcesses_v3": code for kind, code in errors.items()}
    reading = read_one(nvml, gpu)
    assert reading["values"].get("process_count") == count
    assert reading["absent"] == absent


def test_the_library_is_found_where_the_loader_does_not_look(
    start_nvml: Callable[..., NvmlProcess], nvml_library: Path, tmp_path: Path
) -> None:
    nvml = start_nvml(library=None, options=(f"--library-folder={tmp_path}", f"--library-folder={nvml_library}"))
    nvml.tell(whole_driver(1))
    assert list(by_uuid(nvml.read())) == [uuid_of(0)]


def test_the_probe_stays_small(nvml: NvmlProcess) -> None:
    nvml.tell(whole_driver(8))
    cost = nvml.ask("cost 50")
    modules = set(nvml.ask("modules")["modules"])
    assert "pynvml" in modules
    assert not modules & {"google.protobuf", "asyncio", "grpc", "gpufleet_proto"}
    assert cost["rss_bytes"] < 24 * MEBIBYTE
    assert cost["cpu_seconds"] / 50 < 0.005  # half a percent of a core at one reading a second
