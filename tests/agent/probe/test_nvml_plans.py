"""From the second tick on a GPU is asked in one go what it was asked before: nobody can tell by what is read."""

from collections.abc import Callable
from types import ModuleType
from typing import Any

import pynvml
import pytest

from fakes.nvml.library import (
    FUNCTION_NOT_FOUND,
    GPU_IS_LOST,
    NO_PERMISSION,
    NOT_SUPPORTED,
    UNKNOWN,
    FakeDriver,
    FakeGpu,
    NvmlProcess,
    by_uuid,
    compile_library,
    uuid_of,
    whole_driver,
    whole_gpu,
)
from gpufleet_agent.probe import questions
from gpufleet_agent.probe.prepared import FIRST_ROOM, INSUFFICIENT_SIZE, MOST_ROOM, SHAPES
from gpufleet_agent.probe.questions import LONGEST_USE_SECONDS, Questions

TICKS = 4
LIMIT, ENFORCED = "nvmlDeviceGetPowerManagementLimit", "nvmlDeviceGetEnforcedPowerLimit"
NO_LIMIT = {LIMIT: NOT_SUPPORTED}
FAN = "nvmlDeviceGetFanSpeed"
AGE_OF_A_PLAN = f"pass {int(LONGEST_USE_SECONDS * 1000)}"


def calls_of_reading(nvml: NvmlProcess) -> list[tuple[str, str]]:
    return reading_with_calls(nvml)[0]


def reading_with_calls(nvml: NvmlProcess) -> tuple[list[tuple[str, str]], dict[str, Any]]:
    nvml.send("read")
    calls = []
    while "backend" not in (answer := nvml.receive()):
        calls.append((answer["enter"], answer["gpu"]))
        assert nvml.receive() == {"leave": True}
    return calls, answer


def values(nvml: NvmlProcess, *gpus: FakeGpu) -> dict[str, dict[str, Any]]:
    nvml.tell(FakeDriver(gpus=list(gpus)))
    return {uuid: gpu["values"] for uuid, gpu in by_uuid(nvml.read()).items()}


def test_every_tick_tells_each_gpu_what_is_so_then(nvml: NvmlProcess) -> None:
    for tick in range(TICKS):
        told = values(nvml, *(renumbered(number, 10 * tick) for number in range(3)))
        for number in range(3):
            assert told[uuid_of(number)] == pytest.approx(expected(nvml, renumbered(number, 10 * tick)))


def renumbered(number: int, by: int) -> FakeGpu:
    """The GPU of this number with the values of another."""
    gpu = whole_gpu(number + by)
    gpu.uuid = uuid_of(number)
    return gpu


def expected(nvml: NvmlProcess, gpu: FakeGpu) -> dict[str, Any]:
    """What a session that has just begun reads."""
    nvml.ask("close")
    return values(nvml, gpu)[gpu.uuid]


def test_the_calls_of_every_tick_are_the_same_and_each_is_announced(start_nvml: Callable[..., NvmlProcess]) -> None:
    nvml = start_nvml(options=("--trace",))
    nvml.tell(whole_driver(2))
    calls_of_reading(nvml)
    calls = [sorted(calls_of_reading(nvml)) for _ in range(TICKS)]
    assert len(calls[0]) > 30
    assert calls == [calls[0]] * TICKS


def test_what_fails_for_a_while_costs_nothing_else_and_is_not_asked_about_for_ever(
    start_nvml: Callable[..., NvmlProcess],
) -> None:
    nvml = start_nvml(options=("--trace",))
    sick = whole_gpu(0)
    sick.errors = dict(NO_LIMIT)
    for gpu, asked in ((whole_gpu(0), False), (sick, True)):
        nvml.tell(FakeDriver(gpus=[gpu]))
        for _ in range(TICKS):
            assert ((ENFORCED, "GPU 0") in calls_of_reading(nvml)) is asked
    nvml.tell(FakeDriver(gpus=[whole_gpu(0)]))
    for _ in range(2):
        nvml.ask(AGE_OF_A_PLAN)
        calls = calls_of_reading(nvml)
    assert (LIMIT, "GPU 0") in calls
    assert (ENFORCED, "GPU 0") not in calls


@pytest.mark.parametrize("code", [NOT_SUPPORTED, FUNCTION_NOT_FOUND])
def test_what_a_gpu_denies_it_is_asked_once_in_a_while(start_nvml: Callable[..., NvmlProcess], code: int) -> None:
    nvml = start_nvml(options=("--trace",))
    bare = whole_gpu(0)
    bare.errors = {FAN: code}
    nvml.tell(FakeDriver(gpus=[bare, whole_gpu(1)]))
    asked, reasons = [], set()
    for _ in range(2 * int(LONGEST_USE_SECONDS) + 1):
        calls, reading = reading_with_calls(nvml)
        assert (FAN, "GPU 1") in calls
        asked.append((FAN, "GPU 0") in calls)
        reasons.add(by_uuid(reading)[uuid_of(0)]["absent"]["fan_speed_percent"])
        nvml.ask("pass 1000")
    assert asked[:2] == [True, False]
    assert sum(asked) == 2
    assert len(reasons) == 1


def test_what_was_denied_is_told_again_at_most_a_plan_after_it_can_be(nvml: NvmlProcess) -> None:
    bare = whole_gpu(0)
    bare.errors = {FAN: NOT_SUPPORTED}
    for _ in range(2):
        assert "fan_speed_percent" not in values(nvml, bare)[uuid_of(0)]
    nvml.ask(AGE_OF_A_PLAN)
    assert values(nvml, whole_gpu(0))[uuid_of(0)]["fan_speed_percent"] == 40


@pytest.mark.parametrize("code", [UNKNOWN, NO_PERMISSION])
def test_what_failed_otherwise_is_asked_at_every_tick(nvml: NvmlProcess, code: int) -> None:
    sick = whole_gpu(0)
    sick.errors = {FAN: code}
    for _ in range(TICKS):
        assert "fan_speed_percent" not in values(nvml, sick)[uuid_of(0)]
    assert values(nvml, whole_gpu(0))[uuid_of(0)]["fan_speed_percent"] == 40


def test_a_gpu_that_is_lost_amid_the_calls_of_a_tick_is_asked_nothing_more(
    start_nvml: Callable[..., NvmlProcess],
) -> None:
    nvml = start_nvml(options=("--trace",))
    nvml.tell(whole_driver(2))
    for _ in range(3):
        calls_of_reading(nvml)
    lost = whole_gpu(0)
    lost.errors = {"nvmlDeviceGetPowerUsage": GPU_IS_LOST}
    nvml.tell(FakeDriver(gpus=[lost, whole_gpu(1)]))
    calls = calls_of_reading(nvml)
    assert [name for name, gpu in calls if gpu == "GPU 0"][-1] == "nvmlDeviceGetPowerUsage"
    assert ("nvmlDeviceGetPerformanceState", "GPU 1") in calls


def test_a_library_without_newer_functions_is_asked_the_older_ones_at_every_tick(
    start_nvml: Callable[..., NvmlProcess], tmp_path_factory: pytest.TempPathFactory
) -> None:
    without = ("nvmlDeviceGetTemperatureV", "nvmlDeviceGetMemoryInfo_v2", "nvmlDeviceGetCurrentClocksEventReasons")
    nvml = start_nvml(compile_library(tmp_path_factory.mktemp("older"), without))
    for _ in range(TICKS):
        told = values(nvml, whole_gpu(3))[uuid_of(3)]
        assert (told["temperature_celsius"], told["memory_used_mb"], told["throttle_reasons"]) == (133, 1506, 8)


def test_a_list_of_processes_grows_with_what_is_on_it(nvml: NvmlProcess) -> None:
    for count in (1, FIRST_ROOM, 5 * FIRST_ROOM, 2, 0):
        gpu = whole_gpu(0)
        gpu.values["nvmlDeviceGetComputeRunningProcesses_v3"] = " ".join(map(str, range(1, count + 1)))
        gpu.values["nvmlDeviceGetGraphicsRunningProcesses_v3"] = ""
        assert values(nvml, gpu)[uuid_of(0)]["process_count"] == count


class Library(ModuleType):
    """Of which every function answers one code, and lists are endless."""

    class NVMLError(Exception):
        pass

    c_nvmlProcessInfo_v3_t = pynvml.c_nvmlProcessInfo_v3_t  # noqa: N815 - as nvidia-ml-py writes it

    def __init__(self, *, missing: bool = False) -> None:
        super().__init__("library")
        self.missing = missing
        self.rooms: list[int] = []

    def _nvmlGetFunctionPointer(self, _name: str) -> Callable[..., int]:  # noqa: N802
        if self.missing:
            raise self.NVMLError
        return self._endless

    def _endless(self, _handle: Any, count: Any, _entries: Any) -> int:
        self.rooms.append(count._obj.value)
        count._obj.value = 2**32 - 1
        return INSUFFICIENT_SIZE


def test_a_list_that_never_fits_fails_and_takes_no_more_room_than_the_limit() -> None:
    library = Library()
    question = SHAPES["nvmlDeviceGetComputeRunningProcesses_v3"](library)
    assert question.function(None) == INSUFFICIENT_SIZE
    assert library.rooms == [FIRST_ROOM, MOST_ROOM]


def test_what_the_library_lacks_is_asked_for_once_and_answers_so() -> None:
    library, store = Library(missing=True), Questions()
    question = store.find(library, ("nvmlDeviceGetFanSpeed",))
    assert question is not None
    assert question.function(None) == FUNCTION_NOT_FOUND
    assert store.find(library, ("nvmlDeviceGetFanSpeed",)) is question


def test_what_nvidia_ml_py_lacks_and_what_is_not_asked_at_every_tick_is_not_prepared() -> None:
    library, store = Library(), Questions()
    assert store.find(library, ("nvmlDeviceGetUtilizationRates",)) is None
    assert store.find(library, ("nvmlDeviceGetName",)) is None


def test_questions_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(questions, "MOST_QUESTIONS", 3)
    library, store = Library(), Questions()
    first = store.find(library, ("nvmlDeviceGetClockInfo", 0))
    for clock in range(1, 4):
        store.find(library, ("nvmlDeviceGetClockInfo", clock))
    assert first is not None
    assert store.find(library, ("nvmlDeviceGetClockInfo", 0)) is not first
