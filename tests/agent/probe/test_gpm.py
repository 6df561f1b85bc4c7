"""Activity as the difference of two samples, over the stand-in library."""

from collections.abc import Callable
from typing import Any

import pytest

from fakes.nvml.library import (
    FUNCTION_NOT_FOUND,
    GPM_METRICS,
    NO_PERMISSION,
    NOT_SUPPORTED,
    FakeDriver,
    FakeGpu,
    NvmlProcess,
    compile_library,
    full_driver,
    full_gpu,
    gpm_counters,
)
from gpufleet_agent.probe.readers import PROFILING, pcie, profiling

TICK = "pass 1000"


@pytest.fixture
def gpm(start_nvml: Callable[..., NvmlProcess]) -> NvmlProcess:
    return start_nvml(options=("--gpm",))


def activity(nvml: NvmlProcess, gpu: FakeGpu) -> dict[str, Any]:
    """What a tick tells of the profiling tier."""
    nvml.tell(FakeDriver(gpus=[gpu]))
    reading = nvml.read()["gpus"][0]
    return {
        part: {name: it for name, it in reading[part].items() if name in PROFILING} for part in ("values", "absent")
    }


def counting(thousandths: int, **others: int) -> FakeGpu:
    gpu = full_gpu(0)
    gpu.values |= gpm_counters(thousandths)
    return gpu


NOTHING: dict[str, Any] = {"values": {}, "absent": {}}


def test_the_first_tick_has_nothing_to_compare_with_and_the_second_has(gpm: NvmlProcess) -> None:
    assert activity(gpm, counting(10_000)) == NOTHING
    gpm.ask(TICK)
    gpu = counting(52_250)
    gpu.values |= {"nvmlGpmSampleGet[61]": 2_010_000, "nvmlGpmSampleGet[60]": 1_009_000}
    assert activity(gpm, gpu) == {
        "absent": {},
        "values": {
            **dict.fromkeys((name for name in PROFILING if name.endswith("_percent")), 42.25),
            "nvlink_tx_mb_per_second": 2000,
            "nvlink_rx_mb_per_second": 999,
        },
    }
    gpm.ask(TICK)
    assert set(activity(gpm, gpu)["values"].values()) == {0}, "an idle GPU is at zero"


def test_each_tick_is_compared_with_the_one_before(gpm: NvmlProcess) -> None:
    seen = []
    for counter in (0, 10_000, 30_000, 31_000):
        seen.append(activity(gpm, counting(counter))["values"].get("sm_active_percent"))
        gpm.ask(TICK)
    assert seen == [None, 10, 20, 1]


def test_every_gpu_has_its_own_samples(gpm: NvmlProcess) -> None:
    gpm.tell(full_driver(8))
    gpm.read()
    gpm.ask(TICK)
    driver = full_driver(8)
    for number, gpu in enumerate(driver.gpus):
        gpu.values |= gpm_counters(number * 1000)
    driver.gpus.reverse()
    gpm.tell(driver)
    seen = {gpu["gpu"]["uuid"]: gpu["values"]["tensor_active_percent"] for gpu in gpm.read()["gpus"]}
    assert [seen[gpu.uuid] for gpu in reversed(driver.gpus)] == list(range(8))


@pytest.mark.parametrize(("gap", "told"), [("50", False), ("99", False), ("100", True), ("600000", True)])
def test_samples_that_are_too_near_are_not_compared(gpm: NvmlProcess, gap: str, told: bool) -> None:
    activity(gpm, counting(0))
    gpm.ask(f"pass {gap}")
    assert bool(activity(gpm, counting(1000))["values"]) == told
    gpm.ask("pass 60")
    assert bool(activity(gpm, counting(2000))["values"]) == (gap in ("50", "99")), "the older sample was kept"


def test_samples_that_are_too_far_apart_are_not_compared(gpm: NvmlProcess) -> None:
    activity(gpm, counting(0))
    gpm.ask("pass 600001")
    assert activity(gpm, counting(1000)) == NOTHING
    gpm.ask(TICK)
    assert activity(gpm, counting(2000))["values"]["sm_active_percent"] == 1


@pytest.mark.parametrize(("percent", "value"), [(100_000, 100), (100_900, 100)])
def test_a_little_more_than_all_is_all(gpm: NvmlProcess, percent: int, value: int) -> None:
    activity(gpm, counting(0))
    gpm.ask(TICK)
    assert activity(gpm, counting(percent))["values"]["sm_active_percent"] == value


@pytest.mark.parametrize(("before", "after"), [(0, 101_500), (5000, 4000)])
def test_what_cannot_be_true_is_absent(gpm: NvmlProcess, before: int, after: int) -> None:
    activity(gpm, counting(before))
    gpm.ask(TICK)
    told = activity(gpm, counting(after))
    assert told["absent"]["sm_active_percent"] == "ERROR"
    assert "sm_active_percent" not in told["values"]


def test_a_metric_that_fails_costs_itself_and_its_reason_stays(gpm: NvmlProcess) -> None:
    gpu = full_gpu(0)
    gpu.errors = {"nvmlGpmMetricsGet[5]": NOT_SUPPORTED, "nvmlGpmMetricsGet[61]": 999}
    activity(gpm, gpu)
    reasons = {"tensor_active_percent": "NOT_SUPPORTED", "nvlink_tx_mb_per_second": "ERROR"}
    for _ in range(2):
        gpm.ask(TICK)
        told = activity(gpm, gpu)
        assert told["absent"] == reasons
        assert told["values"].keys() == set(PROFILING) - reasons.keys()
    gpm.ask("pass 10")
    assert activity(gpm, gpu) == {"values": {}, "absent": reasons}, "a tick without values does not hide why"


@pytest.mark.parametrize(
    ("function", "code", "reason"),
    [
        ("nvmlGpmQueryDeviceSupport", NOT_SUPPORTED, "NOT_SUPPORTED"),
        ("nvmlGpmQueryDeviceSupport", NO_PERMISSION, "NO_PERMISSION"),
        ("nvmlGpmQueryDeviceSupport", FUNCTION_NOT_FOUND, "BACKEND"),
        ("nvmlGpmSampleGet", NO_PERMISSION, "NO_PERMISSION"),
        ("nvmlGpmSampleGet", NOT_SUPPORTED, "NOT_SUPPORTED"),
        ("nvmlGpmSampleGet", 999, "ERROR"),
    ],
)
def test_a_gpu_without_activity_says_why_at_every_tick(gpm: NvmlProcess, function: str, code: int, reason: str) -> None:
    gpu = full_gpu(0)
    gpu.errors = {function: code}
    for _ in range(3):
        assert activity(gpm, gpu) == {"values": {}, "absent": dict.fromkeys(PROFILING, reason)}
        gpm.ask(TICK)


@pytest.mark.parametrize("code", [999, 15])
def test_a_comparison_that_fails_costs_the_activity(gpm: NvmlProcess, code: int) -> None:
    gpu = full_gpu(0)
    gpu.errors = {"nvmlGpmMetricsGet": code}
    activity(gpm, gpu)
    gpm.ask(TICK)
    assert activity(gpm, gpu) == {"values": {}, "absent": dict.fromkeys(PROFILING, "ERROR")}


def test_a_gpu_older_than_hopper_is_asked_once(start_nvml: Callable[..., NvmlProcess]) -> None:
    nvml = start_nvml(options=("--gpm", "--trace"))
    gpu = full_gpu(0)
    gpu.values["nvmlGpmQueryDeviceSupport"] = 0
    nvml.tell(FakeDriver(gpus=[gpu]))
    asked = [sum("Gpm" in call for call in calls_of_reading(nvml)) for _ in range(3)]
    assert asked == [1, 0, 0]


def test_a_library_without_gpm_costs_the_activity_alone(
    start_nvml: Callable[..., NvmlProcess], tmp_path_factory: pytest.TempPathFactory
) -> None:
    functions = ("QueryDeviceSupport", "SampleAlloc", "SampleFree", "SampleGet", "MigSampleGet", "MetricsGet")
    older = compile_library(tmp_path_factory.mktemp("older"), without=[f"nvmlGpm{name}" for name in functions])
    nvml = start_nvml(library=older, options=("--gpm",))
    assert activity(nvml, full_gpu(0))["absent"] == dict.fromkeys(PROFILING, "BACKEND")


def test_samples_are_allocated_once_and_freed(start_nvml: Callable[..., NvmlProcess]) -> None:
    nvml = start_nvml(options=("--gpm", "--trace"))
    nvml.tell(full_driver(2))
    calls = [call for _ in range(3) for call in calls_of_reading(nvml)]
    assert calls.count("nvmlGpmSampleAlloc") == 6
    nvml.send("close")
    freed = 0
    while "enter" in (answer := nvml.receive()) or "leave" in answer:
        freed += answer.get("enter") == "nvmlGpmSampleFree"
    assert freed == 6


def test_a_gpu_that_was_lost_is_not_compared_with_its_former_self(gpm: NvmlProcess) -> None:
    activity(gpm, counting(50_000))
    gpm.ask(TICK)
    lost = counting(0)
    lost.errors = {"nvmlDeviceGetFanSpeed": 15}
    assert activity(gpm, lost)["absent"] == dict.fromkeys(PROFILING, "LOST")
    gpm.ask(TICK)
    assert activity(gpm, counting(60_000)) == NOTHING


def test_who_opts_out_is_not_asked(nvml: NvmlProcess) -> None:
    for _ in range(2):
        assert activity(nvml, full_gpu(0)) == NOTHING
        nvml.ask(TICK)


def test_the_stand_in_counts_what_the_catalogue_names() -> None:
    assert sorted([*profiling.METRICS.values(), *pcie.GPM_METRICS.values()]) == sorted(GPM_METRICS)


def calls_of_reading(nvml: NvmlProcess) -> list[str]:
    nvml.send("read")
    calls = []
    while "backend" not in (answer := nvml.receive()):
        calls += [answer["enter"]] if "enter" in answer else []
    nvml.send("pass 1000")
    assert nvml.receive() == {}
    return calls
