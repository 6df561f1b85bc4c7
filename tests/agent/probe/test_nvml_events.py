"""XIDs through NVML's event set, over the stand-in library: each told once, by the GPU that raised it."""

from collections.abc import Callable
from typing import Any

import pytest

from fakes.nvml.library import (
    GPU_IS_LOST,
    NO_PERMISSION,
    NOT_SUPPORTED,
    UNKNOWN,
    FakeDriver,
    NvmlProcess,
    uuid_of,
    whole_gpu,
)
from gpufleet_agent.probe.xid_events import MAX_EVENTS_PER_TICK

XID_EVENTS = 0x8


def listening_driver(count: int) -> FakeDriver:
    driver = FakeDriver(gpus=[whole_gpu(number) for number in range(count)])
    for gpu in driver.gpus:
        gpu.values["nvmlDeviceGetSupportedEventTypes"] = XID_EVENTS | 0x1
    return driver


def xids(reading: dict[str, Any]) -> list[tuple[int, str]]:
    assert {event["kind"] for event in reading["events"]} <= {"XID"}
    return [(event["code"], event["gpu_uuid"]) for event in reading["events"]]


def raise_xids(nvml: NvmlProcess, driver: FakeDriver, codes: dict[int, list[int]]) -> None:
    """Once: the codes are those of the GPUs with these numbers."""
    for number, gpu in enumerate(driver.gpus):
        gpu.xids = codes.get(number, [])
    nvml.tell(driver)


@pytest.fixture
def driver(nvml: NvmlProcess) -> FakeDriver:
    """Of two GPUs that are listened to."""
    driver = listening_driver(2)
    nvml.tell(driver)
    assert xids(nvml.read()) == []
    return driver


def test_an_xid_is_told_once_at_the_tick_that_finds_it(nvml: NvmlProcess, driver: FakeDriver) -> None:
    raise_xids(nvml, driver, {1: [79]})
    reading = nvml.ask("read 77")
    assert xids(reading) == [(79, uuid_of(1))]
    (event,) = reading["events"]
    assert (event["instant_us"], event["severity"]) == (77, "CRITICAL")
    assert event["text"].startswith("XID 79: ")
    assert xids(nvml.read()) == []


def test_equal_xids_are_separate_events(nvml: NvmlProcess, driver: FakeDriver) -> None:
    raise_xids(nvml, driver, {0: [31, 31], 1: [31]})
    assert xids(nvml.read()) == [(31, uuid_of(0)), (31, uuid_of(0)), (31, uuid_of(1))]
    raise_xids(nvml, driver, {0: [31]})
    assert xids(nvml.read()) == [(31, uuid_of(0))]


def test_what_happened_before_the_start_is_not_told(nvml: NvmlProcess) -> None:
    driver = listening_driver(1)
    driver.gpus[0].xids = [79]
    nvml.tell(driver)
    assert xids(nvml.read()) == []
    assert xids(nvml.read()) == []


def test_a_storm_is_told_in_pieces(nvml: NvmlProcess) -> None:
    driver = listening_driver(4)
    nvml.tell(driver)
    nvml.read()
    raise_xids(nvml, driver, {number: [13] * 80 for number in range(4)})
    assert [len(xids(nvml.read())) for _ in range(3)] == [MAX_EVENTS_PER_TICK, 320 - MAX_EVENTS_PER_TICK, 0]


def test_the_last_xid_of_a_gpu_that_is_lost_is_told_and_the_others_go_on(nvml: NvmlProcess, driver: FakeDriver) -> None:
    driver.gpus[1].lost = True
    raise_xids(nvml, driver, {1: [79]})
    reading = nvml.read()
    assert [gpu["state"] for gpu in reading["gpus"]] == ["ok", "lost"]
    raise_xids(nvml, driver, {0: [31]})
    later = [*xids(reading), *xids(nvml.read()), *xids(nvml.read())]
    assert later == [(79, uuid_of(1)), (31, uuid_of(0))]


def test_a_gpu_that_comes_back_is_listened_to_again(nvml: NvmlProcess, driver: FakeDriver) -> None:
    driver.gpus[1].lost = True
    nvml.tell(driver)
    nvml.read()
    nvml.read()
    driver.gpus[1].lost = False
    nvml.tell(driver)
    assert [gpu["state"] for gpu in nvml.read()["gpus"]] == ["ok", "ok"]
    raise_xids(nvml, driver, {0: [13], 1: [63]})
    assert xids(nvml.read()) == [(13, uuid_of(0)), (63, uuid_of(1))]


def test_a_session_that_ended_is_followed_by_one_that_listens(nvml: NvmlProcess, driver: FakeDriver) -> None:
    driver.errors = {"nvmlDeviceGetCount_v2": 1}
    nvml.tell(driver)
    assert nvml.read()["events"] == []
    driver.errors = {}
    nvml.tell(driver)
    nvml.read()
    raise_xids(nvml, driver, {0: [79]})
    assert xids(nvml.read()) == [(79, uuid_of(0))]


@pytest.mark.parametrize(
    ("function", "code", "note"),
    [
        ("nvmlEventSetCreate", NO_PERMISSION, "NO_PERMISSION"),
        ("nvmlEventSetCreate", NOT_SUPPORTED, None),
        ("nvmlEventSetWait_v2", GPU_IS_LOST, None),
        ("nvmlEventSetWait_v2", UNKNOWN, None),
    ],
)
def test_without_an_event_set_the_reading_goes_on(
    nvml: NvmlProcess, function: str, code: int, note: str | None
) -> None:
    driver = listening_driver(2)
    driver.errors = {function: code}
    nvml.tell(driver)
    for _ in range(3):
        reading = nvml.read()
        assert [gpu["state"] for gpu in reading["gpus"]] == ["ok", "ok"]
        assert reading["events"] == []
        assert (note in reading["note"]) if note else reading["note"] is None


@pytest.mark.parametrize(
    ("function", "code", "note"),
    [
        ("nvmlDeviceGetSupportedEventTypes", NOT_SUPPORTED, None),
        ("nvmlDeviceRegisterEvents", NO_PERMISSION, "NO_PERMISSION"),
        ("nvmlDeviceRegisterEvents", NOT_SUPPORTED, None),
    ],
)
def test_a_gpu_that_tells_no_xids_costs_the_others_nothing(
    nvml: NvmlProcess, function: str, code: int, note: str | None
) -> None:
    driver = listening_driver(2)
    driver.gpus[0].errors = {function: code}
    nvml.tell(driver)
    reading = nvml.read()
    assert (note in reading["note"]) if note else reading["note"] is None
    raise_xids(nvml, driver, {0: [79], 1: [48]})
    assert xids(nvml.read()) == [(48, uuid_of(1))]


def test_listening_costs_one_call_per_tick(start_nvml: Callable[..., NvmlProcess]) -> None:
    nvml = start_nvml(options=("--trace",))
    nvml.tell(listening_driver(2))
    first, second = event_calls(nvml), event_calls(nvml)
    assert first == [
        "nvmlEventSetCreate",
        *["nvmlDeviceGetSupportedEventTypes", "nvmlDeviceRegisterEvents"] * 2,
        "nvmlEventSetWait_v2",
    ]
    assert second == ["nvmlEventSetWait_v2"]


def event_calls(nvml: NvmlProcess) -> list[str]:
    nvml.send("read")
    calls = []
    while "backend" not in (answer := nvml.receive()):
        calls.append(answer.get("enter", ""))
    return [call for call in calls if "Event" in call and "Reasons" not in call]
