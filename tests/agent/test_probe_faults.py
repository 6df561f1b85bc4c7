"""A probe process under its supervisor when the driver is exchanged, when nvidia-smi misbehaves, and when the driver is
let go of between readings."""

import os
import signal
from collections.abc import Callable, Iterable
from functools import partial
from itertools import groupby
from pathlib import Path

import pytest

from fakes.nvidia_smi import gpu, install, starts
from fakes.nvml.library import (
    LIB_RM_VERSION_MISMATCH,
    UNKNOWN,
    FakeDriver,
    compile_library,
    full_driver,
    whole_driver,
)
from fakes.probe_listener import Listener, is_running
from gpufleet_agent.inventory import InventoryWatch, with_remembered
from gpufleet_agent.readings import GpuEvent, Reading
from gpufleet_agent.state_events import StateEvents

WRONG_VERSION = {"nvmlInitWithFlags": LIB_RM_VERSION_MISMATCH, "nvmlDeviceGetCount_v2": LIB_RM_VERSION_MISMATCH}
NO_ACCESS = {"nvmlInitWithFlags": UNKNOWN, "nvmlDeviceGetCount_v2": UNKNOWN}


def told(readings: Iterable[tuple[int, Reading]]) -> tuple[list[Reading], list[GpuEvent]]:
    """The inventories that the supervisor announces, and the events that follow from them."""
    watch, states = InventoryWatch(), StateEvents()
    inventories: list[Reading] = []
    events: list[GpuEvent] = []
    for instant_us, reading in readings:
        if watch.see(instant_us, with_remembered(reading, watch.current)):
            assert watch.current is not None
            inventories.append(watch.current)
            events += states.see(instant_us, watch.current)
    return inventories, events


def states(inventories: Iterable[Reading]) -> list[list[str]]:
    """Of all GPUs, whenever one changes; why a metric is absent may change beside it."""
    return [list(each) for each, _ in groupby([gpu.state for gpu in inventory.gpus] for inventory in inventories)]


def notes(inventories: Iterable[Reading]) -> list[str | None]:
    return [note for note, _ in groupby(inventory.note for inventory in inventories)]


async def test_a_driver_upgrade_is_told_once_and_cured_by_a_new_process(driver: Callable[[FakeDriver], None]) -> None:
    script = whole_driver(2)
    driver(script)
    listener = Listener("nvml")
    async with listener.running():
        await listener.until(lambda: len(listener.readings) >= 2)
        first = listener.process.pid
        script.errors = WRONG_VERSION
        driver(script)
        await listener.until(lambda: listener.process.restarts >= 2)
        script.errors = {}
        script.values["nvmlSystemGetDriverVersion"] = "580.1.2"
        driver(script)
        await listener.until(lambda: listener.readings[-1][1].driver_version == "580.1.2")
        assert listener.process.pid != first
    inventories, events = told(listener.readings)
    assert states(inventories) == [["ok"] * 2, ["driver_mismatch"] * 2, ["ok"] * 2]
    before, note, after = notes(inventories)
    assert (before, after) == (None, None)
    assert "new probe process" in (note or "")
    assert [event.kind for event in events] == ["DRIVER_CHANGED"]
    assert events[0].text == "The NVIDIA driver changed from 570.86.15 to 580.1.2."
    assert first is not None
    assert not is_running(first)


def of_version(version: str) -> FakeDriver:
    driver = full_driver(2)
    driver.values |= {"module": version, "nvmlSystemGetDriverVersion": version}
    return driver


async def test_library_and_module_are_exchanged_in_place_and_no_reading_mixes_two_versions(
    driver: Callable[[FakeDriver], None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The old library stays loaded in the process that has loaded it, so that every call of it says mismatch."""
    installed, fresh = tmp_path / "installed", tmp_path / "fresh"
    for folder, version in ((installed, "570.1"), (fresh, "580.2")):
        folder.mkdir()
        compile_library(folder, version=version)
    monkeypatch.setenv("LD_LIBRARY_PATH", str(installed))
    driver(of_version("570.1"))
    listener = Listener("nvml")
    async with listener.running():
        await listener.until(lambda: len(listener.readings) >= 2)
        first = listener.process.pid
        driver(of_version("580.2"))  # the new module is loaded before the new library is in its place
        await listener.until(lambda: listener.process.restarts >= 1)
        (fresh / "libnvidia-ml.so.1").replace(installed / "libnvidia-ml.so.1")
        await listener.until(lambda: listener.readings[-1][1].driver_version == "580.2")
        assert listener.process.pid != first
    whole = [reading for _, reading in listener.readings if any(gpu.values for gpu in reading.gpus)]
    assert {(reading.driver_version, reading.nvml_version) for reading in whole} == {("570.1",) * 2, ("580.2",) * 2}
    inventories, events = told(listener.readings)
    assert states(inventories) == [["ok"] * 2, ["driver_mismatch"] * 2, ["ok"] * 2]
    assert [event.kind for event in events] == ["DRIVER_CHANGED"]


async def test_an_unknown_error_is_explained_and_no_reason_for_another_process(
    driver: Callable[[FakeDriver], None],
) -> None:
    script = whole_driver(2)
    driver(script)
    listener = Listener("nvml")
    async with listener.running():
        await listener.until(lambda: len(listener.readings) >= 2)
        script.errors = NO_ACCESS
        driver(script)
        await listener.until(lambda: listener.readings[-1][1].note is not None)
        seen = len(listener.readings)
        await listener.until(lambda: len(listener.readings) >= seen + 3)
        script.errors = {}
        driver(script)
        await listener.until(lambda: listener.readings[-1][1].note is None)
    assert listener.process.restarts == 0
    inventories, events = told(listener.readings)
    assert states(inventories) == [["ok"] * 2, ["unknown"] * 2, ["ok"] * 2]
    before, note, after = notes(inventories)
    assert (before, after) == (None, None)
    assert "systemctl daemon-reload" in (note or "")
    assert events == []


async def test_readings_stay_right_when_the_driver_is_let_go_of_between_them(
    driver: Callable[[FakeDriver], None],
) -> None:
    script = whole_driver(2)
    driver(script)
    listener = Listener("nvml", release_handles=True)
    async with listener.running():
        await listener.until(lambda: len(listener.readings) >= 3)
        script.gpus[1].values["nvmlDeviceGetPowerUsage"] = 123_000
        driver(script)
        await listener.until(lambda: listener.readings[-1][1].gpus[1].values["power_watts"] == 123)
    inventories, events = told(listener.readings)
    assert states(inventories) == [["ok", "ok"]]
    assert events == []
    assert listener.process.restarts == 0


def has_ended(pid: int) -> bool:
    """Also when nobody has asked yet how."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return True


async def test_an_nvidia_smi_that_hangs_ends_with_the_probe_that_started_it(tmp_path: Path) -> None:
    listener = Listener("nvidia-smi", nvidia_smi=install(tmp_path, {"mode": "hang"}))
    async with listener.running():
        await listener.until(lambda: len(starts(tmp_path)) == 1)
    await listener.until(lambda: has_ended(starts(tmp_path)[0]["pid"]))
    assert len(starts(tmp_path)) == 1


@pytest.mark.parametrize(
    ("mode", "note"),
    [
        ({"mode": "fail", "exit_code": 255}, "exit status 255"),
        ({"mode": "flood"}, "more than"),
        ({"mode": "half_line", "gpus": [gpu(0), gpu(1)]}, "not about a GPU"),
    ],
    ids=["exit 255", "flood", "half a line"],
)
async def test_an_nvidia_smi_that_misbehaves_blocks_nobody_and_leaves_no_child(
    tmp_path: Path, mode: dict[str, object], note: str
) -> None:
    listener = Listener("nvidia-smi", nvidia_smi=install(tmp_path, mode))
    async with listener.running():
        await listener.until(lambda: len(listener.readings) >= 2)
        probe = listener.process.pid
        assert probe is not None
        others = [start["pid"] for start in starts(tmp_path)]
        assert sum(is_running(pid) for pid in others) <= 1
    assert listener.process.restarts == 0
    assert note in (listener.readings[-1][1].note or "")
    await listener.until(lambda: all(has_ended(start["pid"]) for start in starts(tmp_path)))


async def test_a_probe_that_is_killed_while_nvidia_smi_runs_is_replaced(tmp_path: Path) -> None:
    """Nobody is left to end that nvidia-smi; it ends by itself when it writes to the pipe that nobody reads."""
    command = install(tmp_path, {"mode": "answer", "gpus": [gpu(0)]})
    listener = Listener("nvidia-smi", nvidia_smi=command)
    async with listener.running():
        for restarts in range(3):
            await listener.until(partial(has_started_more_than, tmp_path, len(starts(tmp_path))))
            pid = listener.process.pid
            assert pid is not None
            os.kill(pid, signal.SIGKILL)
            await listener.until(partial(has_restarted, listener, restarts + 1))
    await listener.until(lambda: all(has_ended(start["pid"]) for start in starts(tmp_path)))


def has_started_more_than(folder: Path, count: int) -> bool:
    return len(starts(folder)) > count


def has_restarted(listener: Listener, times: int) -> bool:
    return listener.process.restarts >= times
