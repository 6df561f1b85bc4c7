"""Processes through NVML, over the stand-in library."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from fakes.nvml.library import FakeDriver, FakeGpu, NvmlProcess, uuid_of, whole_gpu

TEN_SECONDS = 10_000_000


def gpu_with(compute: str, graphics: str = "", shares: str = "", number: int = 0) -> FakeGpu:
    gpu = whole_gpu(number)
    gpu.values["nvmlDeviceGetComputeRunningProcesses_v3"] = compute
    gpu.values["nvmlDeviceGetGraphicsRunningProcesses_v3"] = graphics
    gpu.values["nvmlDeviceGetProcessUtilization"] = shares
    return gpu


@pytest.fixture
def proc(tmp_path: Path) -> Path:
    """A /proc in which 12 is a process."""
    folder = tmp_path / "proc"
    (folder / "12").mkdir(parents=True)
    (folder / "12" / "stat").write_text("12 (python3) S " + "0 " * 18 + "500 0 0\n")
    return folder


@pytest.fixture
def nvml(start_nvml: Callable[..., NvmlProcess], proc: Path) -> NvmlProcess:
    return start_nvml(options=(f"--proc={proc}",))


def processes(reading: dict[str, Any]) -> list[dict[str, Any]]:
    assert reading["processes"] is not None
    told: list[dict[str, Any]] = reading["processes"]
    return told


def test_who_holds_which_gpu_with_how_much(nvml: NvmlProcess) -> None:
    nvml.tell(
        FakeDriver(gpus=[gpu_with("12:4096 13:na", "14:8", "12:55@1000 13:5000@2000"), gpu_with("12:1", number=1)])
    )
    told = processes(nvml.read())
    started = told[0].pop("started_at_us")
    assert isinstance(started, int)
    assert told[0] == {
        "gpu_uuid": uuid_of(0),
        "pid": 12,
        "name": "python3",
        "memory_used_mb": 4096,
        "sm_utilization_percent": 55,
        "graphics": False,
    }
    assert [(each["pid"], each["memory_used_mb"], each["graphics"], each["name"]) for each in told[1:3]] == [
        (14, 8, True, None),
        (13, None, False, None),
    ]
    assert told[2]["sm_utilization_percent"] is None, "5000 percent is no reading"
    assert (told[3]["gpu_uuid"], told[3]["started_at_us"]) == (uuid_of(1), started)


def test_processes_are_told_every_ten_seconds_and_when_they_change(nvml: NvmlProcess) -> None:
    nvml.tell(FakeDriver(gpus=[gpu_with("12")]))
    assert len(processes(nvml.ask("read 1"))) == 1
    assert nvml.ask("read 2")["processes"] is None
    nvml.tell(FakeDriver(gpus=[gpu_with("12 13")]))
    assert len(processes(nvml.ask("read 3"))) == 2
    assert len(processes(nvml.ask(f"read {3 + TEN_SECONDS}"))) == 2
    nvml.tell(FakeDriver(gpus=[gpu_with("")]))
    assert processes(nvml.ask(f"read {4 + TEN_SECONDS}")) == []


def test_shares_older_than_the_ones_seen_are_not_told_again(nvml: NvmlProcess) -> None:
    nvml.tell(FakeDriver(gpus=[gpu_with("12", shares="12:55@1000")]))
    assert processes(nvml.ask(f"read {TEN_SECONDS}"))[0]["sm_utilization_percent"] == 55
    assert processes(nvml.ask(f"read {2 * TEN_SECONDS}"))[0]["sm_utilization_percent"] is None
    nvml.tell(FakeDriver(gpus=[gpu_with("12", shares="12:55@1000 12:7@2000")]))
    assert processes(nvml.ask(f"read {3 * TEN_SECONDS}"))[0]["sm_utilization_percent"] == 7


def test_between_two_readings_of_processes_no_call_is_made_for_them(
    start_nvml: Callable[..., NvmlProcess], proc: Path
) -> None:
    nvml = start_nvml(options=("--trace", f"--proc={proc}"))
    nvml.tell(FakeDriver(gpus=[gpu_with("12")]))
    calls = [calls_of_reading(nvml, instant) for instant in (1, 2)]
    assert ["nvmlDeviceGetProcessUtilization" in each for each in calls] == [True, False]
    assert all(each.count("nvmlDeviceGetComputeRunningProcesses_v3") == 1 for each in calls)


def calls_of_reading(nvml: NvmlProcess, instant_us: int) -> list[str]:
    nvml.send(f"read {instant_us}")
    calls = []
    while "backend" not in (answer := nvml.receive()):
        calls.append(answer.get("enter", ""))
    return calls


def test_where_the_host_is_hidden_there_is_no_name(start_nvml: Callable[..., NvmlProcess], proc: Path) -> None:
    nvml = start_nvml(options=("--hidden-processes", f"--proc={proc}"))
    nvml.tell(FakeDriver(gpus=[gpu_with("")]))
    reading = nvml.ask("read 1")
    assert reading["processes"] is None, "an empty list means nothing there"
    assert reading["gpus"][0]["absent"]["process_count"] == "NAMESPACE"
    nvml.tell(FakeDriver(gpus=[gpu_with("12:5")]))
    (process,) = processes(nvml.ask("read 2"))
    assert (process["pid"], process["name"], process["memory_used_mb"]) == (12, None, 5)
