"""The NVML backend when GPUs go, move or hang, and when there is no driver to speak to."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from fakes.nvml.calls import CALLS, devices_of
from fakes.nvml.library import (
    DRIVER_NOT_LOADED,
    GPU_IS_LOST,
    LIB_RM_VERSION_MISMATCH,
    NO_PERMISSION,
    RESET_REQUIRED,
    UNKNOWN,
    FakeDriver,
    NvmlProcess,
    by_uuid,
    compile_library,
    uuid_of,
    whole_driver,
    whole_gpu,
)
from gpufleet_agent.probe.nvml_tick import MAX_GPUS
from gpufleet_agent.probe.readers import METRICS

UNINITIALIZED = 1
GPU_NOT_FOUND = 28


@pytest.mark.parametrize("code", [GPU_IS_LOST, RESET_REQUIRED, GPU_NOT_FOUND])
def test_a_lost_gpu_costs_that_gpu_and_keeps_its_name(nvml: NvmlProcess, code: int) -> None:
    driver = whole_driver(3)
    nvml.tell(driver)
    before = by_uuid(nvml.read())
    driver.gpus[1].errors = {"nvmlDeviceGetTotalEnergyConsumption": code}
    nvml.tell(driver)
    after = by_uuid(nvml.read())
    assert after[uuid_of(1)] == {
        "gpu": before[uuid_of(1)]["gpu"],
        "state": "lost",
        "values": {},
        "absent": dict.fromkeys(METRICS, "LOST"),
    }
    assert after[uuid_of(0)] == before[uuid_of(0)]
    assert after[uuid_of(2)] == before[uuid_of(2)]


def test_a_gpu_lost_from_the_start_is_known_by_its_uuid(nvml: NvmlProcess) -> None:
    driver = whole_driver(2)
    driver.gpus[0].lost = True
    nvml.tell(driver)
    gpus = by_uuid(nvml.read())
    assert (gpus[uuid_of(0)]["state"], gpus[uuid_of(0)]["gpu"]["index"]) == ("lost", 0)
    assert gpus[uuid_of(1)]["state"] == "ok"


@pytest.mark.parametrize("function", ["nvmlDeviceGetHandleByIndex_v2", "nvmlDeviceGetUUID"])
def test_a_gpu_whose_handle_is_lost_stays_as_lost_until_it_is_back(nvml: NvmlProcess, function: str) -> None:
    driver = whole_driver(2)
    nvml.tell(driver)
    before = by_uuid(nvml.read())
    driver.gpus[1].errors = {function: GPU_IS_LOST}
    nvml.tell(driver)
    lost = nvml.read()
    assert by_uuid(lost)[uuid_of(1)]["state"] == "lost"
    assert by_uuid(lost)[uuid_of(1)]["gpu"] == before[uuid_of(1)]["gpu"]
    assert "GPU 1 cannot be opened (NVML error 15)" in lost["note"]
    nvml.tell(whole_driver(2))
    assert by_uuid(nvml.read()) == before


def test_a_gpu_that_vanishes_stays_as_lost_until_the_backend_is_reopened(nvml: NvmlProcess) -> None:
    nvml.tell(whole_driver(3))
    nvml.read()
    fewer = whole_driver(3)
    del fewer.gpus[0]
    nvml.tell(fewer)
    for _ in range(2):
        gpus = by_uuid(nvml.read())
        assert {uuid: gpu["state"] for uuid, gpu in gpus.items()} == {
            uuid_of(0): "lost",
            uuid_of(1): "ok",
            uuid_of(2): "ok",
        }
        assert [gpus[uuid_of(number)]["gpu"]["index"] for number in (1, 2)] == [0, 1]
        assert gpus[uuid_of(1)]["values"]["temperature_celsius"] == 31
    nvml.ask("close")
    assert set(by_uuid(nvml.read())) == {uuid_of(1), uuid_of(2)}


def test_the_last_gpu_that_vanishes_is_lost_too(nvml: NvmlProcess) -> None:
    nvml.tell(whole_driver(1))
    nvml.read()
    nvml.tell(FakeDriver())
    for _ in range(2):
        reading = nvml.read()
        assert by_uuid(reading)[uuid_of(0)]["state"] == "lost"
        assert "lists no GPU" in reading["note"]
    nvml.tell(whole_driver(1))
    assert by_uuid(nvml.read())[uuid_of(0)]["state"] == "ok"


def test_values_follow_the_gpu_when_indexes_move(nvml: NvmlProcess) -> None:
    driver = whole_driver(4)
    nvml.tell(driver)
    before = by_uuid(nvml.read())
    driver.gpus.reverse()
    nvml.tell(driver)
    after = by_uuid(nvml.read())
    for number in range(4):
        assert after[uuid_of(number)]["values"] == before[uuid_of(number)]["values"]
        assert after[uuid_of(number)]["gpu"] == {**before[uuid_of(number)]["gpu"], "index": 3 - number}


def test_gpus_may_be_added(nvml: NvmlProcess) -> None:
    nvml.tell(whole_driver(1))
    nvml.read()
    nvml.tell(whole_driver(32))
    assert [gpu["state"] for gpu in nvml.read()["gpus"]] == ["ok"] * 32


def test_more_gpus_than_the_limit_are_not_read_and_the_note_says_so(nvml: NvmlProcess) -> None:
    nvml.tell(whole_driver(MAX_GPUS + 1))
    reading = nvml.read()
    assert len(reading["gpus"]) == MAX_GPUS
    assert reading["note"] == f"NVML lists {MAX_GPUS + 1} GPUs: only the first {MAX_GPUS} are read."


def test_a_uuid_listed_twice_is_one_gpu(nvml: NvmlProcess) -> None:
    nvml.tell(FakeDriver(gpus=[whole_gpu(0), whole_gpu(0)]))
    assert list(by_uuid(nvml.read())) == [uuid_of(0)]


def test_a_gpu_that_may_not_be_opened_costs_that_gpu(nvml: NvmlProcess) -> None:
    driver = whole_driver(2)
    driver.gpus[0].errors = {"nvmlDeviceGetHandleByIndex_v2": NO_PERMISSION}
    nvml.tell(driver)
    reading = nvml.read()
    assert list(by_uuid(reading)) == [uuid_of(1)]
    assert "GPU 0 cannot be opened" in reading["note"]
    assert "/dev/nvidia0" in reading["note"]


def test_a_known_gpu_that_may_no_longer_be_opened_is_not_called_lost(nvml: NvmlProcess) -> None:
    driver = whole_driver(2)
    nvml.tell(driver)
    nvml.read()
    driver.gpus[1].errors = {"nvmlDeviceGetHandleByIndex_v2": NO_PERMISSION}
    nvml.tell(driver)
    gpu = by_uuid(nvml.read())[uuid_of(1)]
    assert (gpu["state"], set(gpu["absent"].values())) == ("unknown", {"NO_PERMISSION"})


@pytest.mark.parametrize(
    ("code", "remedy"),
    [
        (DRIVER_NOT_LOADED, "modprobe nvidia"),
        (NO_PERMISSION, "/dev/nvidiactl"),
        (UNKNOWN, "systemctl daemon-reload"),
        (LIB_RM_VERSION_MISMATCH, "new probe process"),
        (21, "error 21"),
    ],
)
def test_without_a_driver_there_is_a_note_with_a_remedy_and_the_next_reading_looks_again(
    nvml: NvmlProcess, code: int, remedy: str
) -> None:
    nvml.tell(FakeDriver(errors={"nvmlInitWithFlags": code}))
    for _ in range(2):
        reading = nvml.read()
        assert reading["gpus"] == []
        assert remedy in reading["note"]
        assert reading["needs_new_process"] == (code == LIB_RM_VERSION_MISMATCH)
    nvml.tell(whole_driver(1))
    reading = nvml.read()
    assert (len(reading["gpus"]), reading["note"], reading["needs_new_process"]) == (1, None, False)


def test_without_the_library_there_is_a_note_and_later_it_is_found(
    start_nvml: Callable[..., NvmlProcess], tmp_path: Path
) -> None:
    nvml = start_nvml(library=None, options=(f"--library-folder={tmp_path}",))
    nvml.tell(whole_driver(1))
    reading = nvml.read()
    assert reading["gpus"] == []
    assert "libnvidia-ml.so.1 was not found: install the NVIDIA driver" in reading["note"]
    compile_library(tmp_path)
    assert len(nvml.read()["gpus"]) == 1


def test_without_nvidia_ml_py_there_is_a_note(start_nvml: Callable[..., NvmlProcess]) -> None:
    nvml = start_nvml(options=("--without-nvidia-ml-py",))
    reading = nvml.read()
    assert reading["gpus"] == []
    assert "nvidia-ml-py is not installed" in reading["note"]


def test_without_a_gpu_there_is_a_note(nvml: NvmlProcess) -> None:
    nvml.tell(FakeDriver())
    assert "lists no GPU" in nvml.read()["note"]
    nvml.tell(whole_driver(1))
    assert len(nvml.read()["gpus"]) == 1


def test_versions_that_are_not_told_are_not_known(nvml: NvmlProcess) -> None:
    driver = whole_driver(1)
    driver.errors = {"nvmlSystemGetDriverVersion": UNKNOWN, "nvmlSystemGetNVMLVersion": GPU_IS_LOST}
    nvml.tell(driver)
    reading = nvml.read()
    assert (reading["driver_version"], reading["nvml_version"], len(reading["gpus"])) == (None, None, 1)


@pytest.mark.parametrize(
    ("code", "state"), [(LIB_RM_VERSION_MISMATCH, "driver_mismatch"), (DRIVER_NOT_LOADED, "unknown")]
)
def test_gpus_that_were_known_remain_when_the_driver_goes(nvml: NvmlProcess, code: int, state: str) -> None:
    driver = whole_driver(2)
    nvml.tell(driver)
    before = by_uuid(nvml.read())
    driver.errors = {"nvmlDeviceGetCount_v2": code, "nvmlInitWithFlags": code}
    nvml.tell(driver)
    for _ in range(2):
        reading = nvml.read()
        assert reading["note"]
        assert reading["needs_new_process"] == (code == LIB_RM_VERSION_MISMATCH)
        for uuid, gpu in by_uuid(reading).items():
            assert gpu["gpu"] == before[uuid]["gpu"]
            assert gpu["state"] == state
            assert gpu["values"] == {}
            assert set(gpu["absent"].values()) == {"ERROR"}
    nvml.tell(whole_driver(2))
    assert by_uuid(nvml.read()) == before


def test_a_session_that_ends_amid_a_reading_costs_the_rest_of_it(nvml: NvmlProcess) -> None:
    driver = whole_driver(3)
    driver.gpus[1].errors = {"nvmlDeviceGetFanSpeed": UNINITIALIZED}
    nvml.tell(driver)
    reading = nvml.read()
    assert [gpu["state"] for gpu in reading["gpus"]] == ["ok", "unknown", "ok"]
    assert reading["gpus"][1]["values"] == {}
    assert "opened again" in reading["note"]
    nvml.tell(whole_driver(3))
    assert [gpu["state"] for gpu in nvml.read()["gpus"]] == ["ok"] * 3


def test_a_mismatch_on_one_gpu_asks_for_a_new_process(nvml: NvmlProcess) -> None:
    driver = whole_driver(2)
    driver.gpus[1].errors = {"nvmlDeviceGetFanSpeed": LIB_RM_VERSION_MISMATCH}
    nvml.tell(driver)
    reading = nvml.read()
    assert [gpu["state"] for gpu in reading["gpus"]] == ["ok", "driver_mismatch"]
    assert reading["needs_new_process"]


SEEN_BY_THE_NEXT_TICK = {
    # Of the slow tier, whose session is its own.
    "nvmlDeviceGetHandleByPciBusId_v2",
    "nvmlDeviceGetPcieThroughput",
    "nvmlDeviceGetCurrPcieLinkGeneration",
    "nvmlDeviceGetCurrPcieLinkWidth",
    "nvmlDeviceGetPcieReplayCounter",
    "nvmlDeviceGetTotalEccErrors",
    "nvmlDeviceGetRemappedRows",
    "nvmlDeviceGetViolationStatus",
    # What costs its own part of a reading alone.
    "nvmlEventSetCreate",
    "nvmlEventSetWait_v2",
    "nvmlDeviceGetSupportedEventTypes",
    "nvmlDeviceRegisterEvents",
    "nvmlDeviceGetProcessUtilization",
    # Of the end of a session.
    "nvmlShutdown",
    "nvmlEventSetFree",
    "nvmlGpmSampleFree",
}
"""Calls that are no tick's main thing: a driver that was exchanged answers all others in the same way."""


def test_a_mismatch_in_any_call_of_a_tick_asks_for_a_new_process_and_a_new_session_is_whole(
    start_nvml: Callable[..., NvmlProcess],
) -> None:
    nvml = start_nvml(options=("--gpm",))
    for call in CALLS:
        nvml.tell(call.driver(hangs=False))
        nvml.ask("close")
        whole = states_of(nvml.read())
        mismatch = call.driver(hangs=False)
        for told in devices_of(mismatch.gpus[1]) if call.gpu else [mismatch]:
            told.errors |= {call.function: LIB_RM_VERSION_MISMATCH}
        nvml.tell(mismatch)
        nvml.ask("close")
        nvml.ask("pass 200")
        first = nvml.read()
        nvml.ask("pass 200")
        asked = first["needs_new_process"] or nvml.read()["needs_new_process"]
        assert asked == (call.function not in SEEN_BY_THE_NEXT_TICK), call.function
        nvml.tell(call.driver(hangs=False))
        nvml.read()
        assert states_of(nvml.read()) == whole, call.function


def states_of(reading: dict[str, Any]) -> dict[str, str]:
    return {uuid: gpu["state"] for uuid, gpu in by_uuid(reading).items()}


def test_closing_is_safe_at_any_time(nvml: NvmlProcess) -> None:
    nvml.ask("close")
    nvml.tell(whole_driver(1))
    nvml.read()
    nvml.ask("close")
    nvml.ask("close")
    assert len(nvml.read()["gpus"]) == 1


def test_a_call_that_hangs_is_named_and_the_reading_goes_on_when_it_returns(
    start_nvml: Callable[..., NvmlProcess],
) -> None:
    nvml = start_nvml(options=("--trace",))
    driver = whole_driver(2)
    driver.gpus[1].hangs = {"nvmlDeviceGetPowerUsage"}
    nvml.tell(driver)
    nvml.send("read")
    while nvml.receive() != {"enter": "nvmlDeviceGetPowerUsage", "gpu": "GPU 1"}:
        pass
    nvml.tell(whole_driver(2))  # the next line can only come once this lets the call return
    assert nvml.receive() == {"leave": True}
    while "backend" not in (reading := nvml.receive()):
        pass
    assert by_uuid(reading)[uuid_of(1)]["values"]["power_watts"] == 300.251
