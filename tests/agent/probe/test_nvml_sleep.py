"""GPUs that sleep are left asleep, and the driver is let go of when that is wished, over the stand-in library."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from fakes.nvml.calls import AMONG_SLEEPERS
from fakes.nvml.library import NvmlProcess, by_uuid, uuid_of, whole_driver
from gpufleet_agent.probe.readers import METRICS


class Power:
    """A /sys with the slots of `whole_gpu`."""

    def __init__(self, root: Path, count: int) -> None:
        self._devices = root / "bus/pci/devices"
        for number in range(count):
            (self._path(number).parent).mkdir(parents=True)
            (root / "bus/pci/drivers/nvidia" / f"0000:{number + 1:02x}:00.0").mkdir(parents=True)
            self.set(number, "active")

    def set(self, number: int, status: str) -> None:
        self._path(number).write_text(status + "\n")

    def _path(self, number: int) -> Path:
        return self._devices / f"0000:{number + 1:02x}:00.0" / "power" / "runtime_status"


@pytest.fixture
def power(tmp_path: Path) -> Power:
    return Power(tmp_path / "sys", 3)


@pytest.fixture
def start(start_nvml: Callable[..., NvmlProcess], tmp_path: Path, power: Power) -> Callable[..., NvmlProcess]:
    """A backend that knows three GPUs."""

    def begin(*options: str) -> NvmlProcess:
        nvml = start_nvml(options=(f"--sys={tmp_path / 'sys'}", *options))
        nvml.tell(whole_driver(3))
        traced_reading(nvml)
        return nvml

    return begin


def traced_reading(nvml: NvmlProcess) -> tuple[list[tuple[str, str]], dict[str, Any]]:
    """The driver calls of one reading (none without `--trace`), and the reading."""
    nvml.send("read")
    calls = []
    while "backend" not in (answer := nvml.receive()):
        if "enter" in answer:
            calls.append((answer["enter"], answer["gpu"]))
    return calls, answer


def test_a_gpu_that_sleeps_is_not_touched_and_keeps_its_name(start: Callable[..., NvmlProcess], power: Power) -> None:
    nvml = start("--trace")
    before = by_uuid(traced_reading(nvml)[1])
    power.set(1, "suspended")
    driver = whole_driver(3)
    driver.gpus[1].hangs = {
        "nvmlDeviceGetHandleByIndex_v2",
        "nvmlDeviceGetPowerUsage",
        "nvmlDeviceGetTemperatureV",
        "nvmlDeviceGetMemoryInfo_v2",
    }
    nvml.tell(driver)
    for _ in range(2):
        calls, reading = traced_reading(nvml)
        assert [call for call in calls if call[1] == "GPU 1" or "ByIndex" in call[0]] == []
        assert [gpu["gpu"]["index"] for gpu in reading["gpus"]] == [0, 1, 2]
        after = by_uuid(reading)
        assert after[uuid_of(1)] == {
            "gpu": before[uuid_of(1)]["gpu"],
            "state": "suspended",
            "values": {},
            "absent": dict.fromkeys(METRICS, "SUSPENDED"),
        }
        assert after[uuid_of(0)] == before[uuid_of(0)]
        assert after[uuid_of(2)] == before[uuid_of(2)]
        assert reading["note"] is None


def test_a_call_that_is_made_among_sleepers_alone_is_named_when_it_hangs(
    start: Callable[..., NvmlProcess], power: Power
) -> None:
    nvml = start("--trace")
    power.set(2, "suspended")
    for function in AMONG_SLEEPERS:
        driver = whole_driver(3)
        driver.gpus[1].hangs = {function}
        nvml.tell(driver)
        nvml.send("read")
        while nvml.receive() != {"enter": function, "gpu": "GPU 1"}:
            pass
        nvml.tell(whole_driver(3))  # the next line can only come once this lets the call return
        while "backend" not in (reading := nvml.receive()):
            pass
        assert [gpu["state"] for gpu in reading["gpus"]] == ["ok", "ok", "suspended"]


def test_a_gpu_that_wakes_up_is_read_as_before(start: Callable[..., NvmlProcess], power: Power) -> None:
    nvml = start()
    before = nvml.read()
    power.set(1, "suspended")
    nvml.read()
    power.set(1, "active")
    told_anew: dict[str, object] = {"processes": None, "milliseconds": {}}
    assert {**nvml.read(), **told_anew} == {**before, **told_anew}


def test_while_all_sleep_the_driver_is_not_called_at_all(start: Callable[..., NvmlProcess], power: Power) -> None:
    nvml = start("--trace")
    for number in range(3):
        power.set(number, "suspended")
    calls, reading = traced_reading(nvml)
    assert calls == []
    assert [gpu["state"] for gpu in reading["gpus"]] == ["suspended"] * 3
    assert (reading["driver_version"], reading["note"]) == ("570.86.15", None)


def test_a_gpu_that_vanishes_while_another_sleeps_is_lost(start: Callable[..., NvmlProcess], power: Power) -> None:
    nvml = start()
    power.set(1, "suspended")
    driver = whole_driver(3)
    del driver.gpus[0]
    nvml.tell(driver)
    states = {uuid: gpu["state"] for uuid, gpu in by_uuid(nvml.read()).items()}
    assert states == {uuid_of(0): "lost", uuid_of(1): "suspended", uuid_of(2): "ok"}


def test_a_gpu_that_is_added_while_another_sleeps_is_found(
    start: Callable[..., NvmlProcess], power: Power, tmp_path: Path
) -> None:
    nvml = start()
    power.set(1, "suspended")
    (tmp_path / "sys/bus/pci/drivers/nvidia/0000:04:00.0").mkdir()
    nvml.tell(whole_driver(4))
    gpus = by_uuid(nvml.read())
    assert (gpus[uuid_of(3)]["state"], gpus[uuid_of(3)]["gpu"]["index"]) == ("ok", 3)


def test_a_gpu_that_nobody_has_read_yet_is_read_once(
    start_nvml: Callable[..., NvmlProcess], power: Power, tmp_path: Path
) -> None:
    power.set(1, "suspended")
    nvml = start_nvml(options=(f"--sys={tmp_path / 'sys'}",))
    nvml.tell(whole_driver(3))
    assert [gpu["state"] for gpu in nvml.read()["gpus"]] == ["ok", "ok", "ok"]
    assert [gpu["state"] for gpu in nvml.read()["gpus"]] == ["ok", "suspended", "ok"]


def test_a_driver_that_is_let_go_of_is_opened_and_closed_with_every_reading(start: Callable[..., NvmlProcess]) -> None:
    nvml = start("--trace", "--release-handles", "--gpm")
    readings = []
    for _ in range(3):
        calls, reading = traced_reading(nvml)
        names = [name for name, _ in calls]
        assert (names[0], names[-1]) == ("nvmlInit", "nvmlShutdown")
        assert names.count("nvmlInit") == names.count("nvmlShutdown") == 1
        assert [name for name in names if name.startswith(("nvmlEventSet", "nvmlGpm"))] == []
        readings.append({**reading, "processes": None, "milliseconds": {}})
    assert readings[0] == readings[1] == readings[2]
    assert [gpu["state"] for gpu in readings[0]["gpus"]] == ["ok"] * 3
    assert readings[0]["gpus"][2]["values"]["temperature_celsius"] == 32


def test_a_driver_that_is_let_go_of_may_be_unloaded_and_come_back(start: Callable[..., NvmlProcess]) -> None:
    nvml = start("--release-handles")
    gone = whole_driver(3)
    gone.errors = {"nvmlInitWithFlags": 9}
    nvml.tell(gone)
    reading = nvml.read()
    assert "not loaded" in reading["note"]
    assert [gpu["state"] for gpu in reading["gpus"]] == ["unknown"] * 3
    nvml.tell(whole_driver(3))
    assert [gpu["state"] for gpu in nvml.read()["gpus"]] == ["ok"] * 3


def test_a_driver_that_is_kept_gives_its_event_set_back_before_it_is_closed(start: Callable[..., NvmlProcess]) -> None:
    nvml = start("--trace")
    nvml.send("close")
    calls = []
    while (answer := nvml.receive()) != {}:
        calls.append(answer.get("enter"))
    assert [call for call in calls if call] == ["nvmlEventSetFree", "nvmlShutdown"]
