"""The slow tier over the stand-in library: beside the ticks, once a period, and never in their way."""

import time
from collections.abc import Callable
from typing import Any

import pytest

from fakes.nvml.library import (
    FUNCTION_NOT_FOUND,
    NO_PERMISSION,
    NOT_SUPPORTED,
    FakeDriver,
    FakeGpu,
    NvmlProcess,
    by_uuid,
    full_driver,
    full_gpu,
    uuid_of,
)
from gpufleet_agent.probe.readers import SLOW

NOT_AVAILABLE = 0xFFFFFFFF
TOTALS = (38, 45, 52, 59)


@pytest.fixture
def slow(start_nvml: Callable[..., NvmlProcess]) -> NvmlProcess:
    return start_nvml(options=("--slow-tier",))


def read_slowly(nvml: NvmlProcess, gpu: FakeGpu) -> dict[str, Any]:
    """What the second tick tells of the slow tier, when the pass that the first one started is done."""
    nvml.tell(FakeDriver(gpus=[gpu]))
    nvml.ask("close")
    nvml.read()
    assert nvml.ask("settle") == {"settled": True}
    reading = nvml.read()["gpus"][0]
    return {part: {name: it for name, it in reading[part].items() if name in SLOW} for part in ("values", "absent")}


def test_a_gpu_that_answers_everything_is_read_in_the_units_of_the_catalogue(slow: NvmlProcess) -> None:
    assert read_slowly(slow, full_gpu(0)) == {
        "absent": {},
        "values": {
            "pcie_tx_mb_per_second": 1250,
            "pcie_rx_mb_per_second": 2500,
            "pcie_link_generation": 5,
            "pcie_link_width": 16,
            "pcie_replay_total": 7,
            "ecc_corrected_total": 5_000_000_000,
            "ecc_uncorrected_total": 2,
            "remapped_rows_corrected_total": 3,
            "remapped_rows_uncorrected_total": 1,
            "remapped_rows_pending": 1,
            "remapped_rows_failed": 0,
            "nvlink_errors_total": 33,
            "power_throttle_seconds_total": 12.5,
            "thermal_throttle_seconds_total": 0.0015,
            "recovery_action": 0,
        },
    }


def test_values_come_with_one_tick_and_reasons_with_all(slow: NvmlProcess) -> None:
    gpu = full_gpu(0)
    gpu.errors = {"nvmlDeviceGetPcieReplayCounter": NOT_SUPPORTED}
    slow.tell(FakeDriver(gpus=[gpu]))
    told = []
    for _ in range(22):
        reading = slow.read()["gpus"][0]
        told.append(("pcie_link_width" in reading["values"], reading["absent"].get("pcie_replay_total")))
        slow.ask("settle")
        slow.ask("pass 1000")
    assert [tick for tick, (width, _) in enumerate(told) if width] == [1, 11, 21]
    assert {reason for _, reason in told[1:]} == {"NOT_SUPPORTED"}


@pytest.mark.parametrize(
    ("function", "code", "metrics", "reason"),
    [
        ("nvmlDeviceGetPcieThroughput[0]", NOT_SUPPORTED, {"pcie_tx_mb_per_second"}, "NOT_SUPPORTED"),
        ("nvmlDeviceGetPcieThroughput[1]", NO_PERMISSION, {"pcie_rx_mb_per_second"}, "NO_PERMISSION"),
        ("nvmlDeviceGetCurrPcieLinkGeneration", 999, {"pcie_link_generation"}, "ERROR"),
        ("nvmlDeviceGetCurrPcieLinkWidth", FUNCTION_NOT_FOUND, {"pcie_link_width"}, "BACKEND"),
        ("nvmlDeviceGetPcieReplayCounter", NOT_SUPPORTED, {"pcie_replay_total"}, "NOT_SUPPORTED"),
        ("nvmlDeviceGetTotalEccErrors[0]", NOT_SUPPORTED, {"ecc_corrected_total"}, "NOT_SUPPORTED"),
        ("nvmlDeviceGetTotalEccErrors[1]", NOT_SUPPORTED, {"ecc_uncorrected_total"}, "NOT_SUPPORTED"),
        ("nvmlDeviceGetRemappedRows", NOT_SUPPORTED, {name for name in SLOW if "remapped" in name}, "NOT_SUPPORTED"),
        ("nvmlDeviceGetFieldValues[91]", NOT_SUPPORTED, {"nvlink_errors_total"}, "NOT_SUPPORTED"),
        ("nvmlDeviceGetFieldValues[162.1]", 999, {"nvlink_errors_total"}, "ERROR"),
        ("nvmlDeviceGetViolationStatus[0]", NO_PERMISSION, {"power_throttle_seconds_total"}, "NO_PERMISSION"),
        ("nvmlDeviceGetViolationStatus[1]", NOT_SUPPORTED, {"thermal_throttle_seconds_total"}, "NOT_SUPPORTED"),
        ("nvmlDeviceGetFieldValues[230]", NOT_SUPPORTED, {"recovery_action"}, "NOT_SUPPORTED"),
    ],
)
def test_a_failing_call_costs_what_comes_from_it(
    slow: NvmlProcess, function: str, code: int, metrics: set[str], reason: str
) -> None:
    gpu = full_gpu(0)
    gpu.errors = {function: code}
    told = read_slowly(slow, gpu)
    if reason == "NO_PERMISSION" and "throttle" in next(iter(metrics)):
        assert told["absent"] == dict.fromkeys(metrics, "NOT_SUPPORTED"), "the field values say why there is none"
    else:
        assert told["absent"] == dict.fromkeys(metrics, reason)
    assert told["values"].keys() == SLOW.keys() - metrics


@pytest.mark.parametrize(
    ("key", "value", "metric"),
    [
        ("nvmlDeviceGetCurrPcieLinkWidth", NOT_AVAILABLE, "pcie_link_width"),
        ("nvmlDeviceGetCurrPcieLinkWidth", 300, "pcie_link_width"),
        ("nvmlDeviceGetPcieReplayCounter", NOT_AVAILABLE, "pcie_replay_total"),
        ("nvmlDeviceGetPcieThroughput[0]", NOT_AVAILABLE, "pcie_tx_mb_per_second"),
        ("nvmlDeviceGetTotalEccErrors[0]", 2**64 - 1, "ecc_corrected_total"),
        ("nvmlDeviceGetRemappedRows.corrected", NOT_AVAILABLE, "remapped_rows_corrected_total"),
        ("nvmlDeviceGetViolationStatus[0]", 2**64 - 1, "power_throttle_seconds_total"),
        ("nvmlDeviceGetFieldValues[230]", 256, "recovery_action"),
        ("nvmlDeviceGetFieldValues[91]", 5000, "nvlink_errors_total"),
    ],
)
def test_what_cannot_be_true_is_absent(slow: NvmlProcess, key: str, value: int, metric: str) -> None:
    gpu = full_gpu(0)
    gpu.values[key] = value
    assert read_slowly(slow, gpu)["absent"].keys() == {metric}


def test_nvlink_errors_are_those_of_the_generation_that_the_gpu_has(slow: NvmlProcess) -> None:
    ampere, blackwell, without = full_gpu(0), full_gpu(0), full_gpu(0)
    ampere.values |= {f"nvmlDeviceGetFieldValues[{field}]": field for field in TOTALS}
    assert read_slowly(slow, ampere)["values"]["nvlink_errors_total"] == sum(TOTALS)
    for gpu in (blackwell, without):
        gpu.values = {key: value for key, value in gpu.values.items() if "[16" not in key}
    blackwell.values |= {"nvmlDeviceGetFieldValues[208]": 2**33, "nvmlDeviceGetFieldValues[215.1]": 5}
    assert read_slowly(slow, blackwell)["values"]["nvlink_errors_total"] == 2**33 + 5
    assert read_slowly(slow, without)["absent"] == {"nvlink_errors_total": "NOT_SUPPORTED"}


def test_a_gpu_without_nvlink_has_no_errors_rather_than_none(slow: NvmlProcess) -> None:
    gpu = full_gpu(0)
    gpu.values["nvmlDeviceGetFieldValues[91]"] = 0
    assert read_slowly(slow, gpu)["absent"] == {"nvlink_errors_total": "NOT_SUPPORTED"}


def test_throttled_time_is_also_read_from_the_fields_of_newer_drivers(slow: NvmlProcess) -> None:
    gpu = full_gpu(0)
    gpu.errors = {"nvmlDeviceGetViolationStatus": NOT_SUPPORTED}
    gpu.values |= {"nvmlDeviceGetFieldValues[74]": 3_000_000_000, "nvmlDeviceGetFieldValues[75]": 4_500_000_000}
    values = read_slowly(slow, gpu)["values"]
    assert (values["power_throttle_seconds_total"], values["thermal_throttle_seconds_total"]) == (3.0, 4.5)


def test_a_pass_of_many_gpus_delays_no_tick(slow: NvmlProcess) -> None:
    slow.tell(full_driver(16))
    slow.read()
    started = time.monotonic()
    slow.read()
    assert time.monotonic() - started < 0.3, "16 GPUs block for 640 ms in their PCIe counters"
    assert slow.ask("settle") == {"settled": True}
    assert time.monotonic() - started > 0.3
    assert all("pcie_tx_mb_per_second" in gpu["values"] for gpu in slow.read()["gpus"])


def test_a_slow_call_that_hangs_stops_no_tick_and_no_close(slow: NvmlProcess) -> None:
    driver = full_driver(2)
    driver.gpus[0].hangs = {"nvmlDeviceGetPcieReplayCounter"}
    slow.tell(driver)
    for _ in range(12):
        assert [gpu["values"]["temperature_celsius"] for gpu in slow.read()["gpus"]] == [30, 31]
        slow.ask("pass 1000")
    started = time.monotonic()
    slow.ask("close")
    assert time.monotonic() - started < 5
    slow.tell(full_driver(2))
    slow.read()
    slow.ask("settle")


def test_a_gpu_lost_amid_a_pass_costs_that_gpu(slow: NvmlProcess) -> None:
    driver = full_driver(3)
    driver.gpus[1].errors = {"nvmlDeviceGetPcieReplayCounter": 15}
    slow.tell(driver)
    slow.read()
    slow.ask("settle")
    gpus = by_uuid(slow.read())
    assert ["pcie_link_width" in gpus[uuid_of(number)]["values"] for number in range(3)] == [True, False, True]
    assert {gpu["state"] for gpu in gpus.values()} == {"ok"}, "what a GPU has become is for the ticks to say"


def test_a_session_that_ends_amid_a_pass_ends_the_pass(slow: NvmlProcess) -> None:
    driver = full_driver(2)
    driver.gpus[0].errors = {"nvmlDeviceGetPcieReplayCounter": 1}
    slow.tell(driver)
    slow.read()
    assert slow.ask("settle") == {"settled": True}
    assert not any("pcie_link_width" in gpu["values"] for gpu in slow.read()["gpus"])
    slow.tell(full_driver(2))
    slow.ask("pass 10000")
    slow.read()
    slow.ask("settle")
    assert all("pcie_link_width" in gpu["values"] for gpu in slow.read()["gpus"])


def test_values_follow_the_gpu_when_indexes_move(slow: NvmlProcess) -> None:
    driver = full_driver(2)
    driver.gpus[0].values["nvmlDeviceGetCurrPcieLinkWidth"] = 8
    slow.tell(driver)
    slow.read()
    slow.ask("settle")
    driver.gpus.reverse()
    slow.tell(driver)
    gpus = by_uuid(slow.read())
    assert [gpus[uuid_of(number)]["values"]["pcie_link_width"] for number in range(2)] == [8, 16]


def test_without_a_gpu_nothing_is_read_slowly(slow: NvmlProcess) -> None:
    slow.tell(FakeDriver())
    slow.read()
    assert slow.ask("settle") == {"settled": True}


def test_a_gpu_that_sleeps_is_not_woken(start_nvml: Callable[..., NvmlProcess], tmp_path: Any) -> None:
    """It fell asleep after the tick that read it: the pass looks once more."""
    nvml = start_nvml(options=("--slow-tier", f"--slow-sys={tmp_path}"))
    for slot, status in (("0000:01:00", "suspended"), ("0000:02:00", "active")):
        power = tmp_path / "bus/pci/devices" / f"{slot}.0" / "power"
        power.mkdir(parents=True)
        (power / "runtime_status").write_text(f"{status}\n")
    nvml.tell(full_driver(2))
    nvml.read()
    nvml.ask("settle")
    gpus = by_uuid(nvml.read())
    assert ["pcie_link_width" in gpus[uuid_of(number)]["values"] for number in range(2)] == [False, True]
