"""The supervisor and its child: readings arrive, a child that dies or hangs is replaced, and none is left behind."""

import asyncio
import logging
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from fakes.nvml.library import FakeDriver, whole_gpu
from fakes.probe_listener import Listener, is_running
from gpufleet_agent import probe_process
from gpufleet_agent.probe_process import RESPAWN_BASE_SECONDS, STEADY_READINGS, ProbeOrders, ProbeProcess
from gpufleet_agent.readings import Reading


async def test_readings_arrive_with_instants_that_grow_and_the_child_ends_with_its_supervisor() -> None:
    listener = Listener("simulated")
    async with listener.running():
        await listener.until(lambda: len(listener.readings) >= 5)
        pid = listener.process.pid
        assert pid is not None
    instants = [instant for instant, _ in listener.readings]
    assert instants == sorted(set(instants))
    assert len(listener.readings[0][1].gpus) == 8
    assert not is_running(pid)


async def test_an_interval_is_changed_without_another_child() -> None:
    listener = Listener("simulated", interval=3600.0)
    async with listener.running():
        await listener.until(lambda: len(listener.readings) == 1)
        pid = listener.process.pid
        listener.process.change_interval(0.02)
        await listener.until(lambda: len(listener.readings) >= 4)
        assert listener.process.pid == pid


async def test_a_child_that_dies_is_replaced() -> None:
    listener = Listener("simulated")
    async with listener.running():
        await listener.until(lambda: len(listener.readings) >= 1)
        first = listener.process.pid
        assert first is not None
        os.kill(first, signal.SIGKILL)
        await listener.until(lambda: listener.process.pid not in (None, first))
        seen = len(listener.readings)
        await listener.until(lambda: len(listener.readings) > seen)
    assert listener.process.restarts == 1
    assert not is_running(first)


async def test_a_driver_call_that_hangs_is_named_and_its_child_replaced_until_the_driver_answers_again(
    driver: Callable[[FakeDriver], None],
) -> None:
    gpus = [whole_gpu(0), whole_gpu(1)]
    driver(FakeDriver(gpus=gpus))
    listener = Listener("nvml")
    async with listener.running():
        await listener.until(lambda: len(listener.readings) >= 2)
        first = listener.process.pid
        assert first is not None
        gpus[1].hangs.add("nvmlDeviceGetPowerUsage")
        driver(FakeDriver(gpus=gpus))
        await listener.until(lambda: len(listener.hangs) >= 1)
        assert (listener.hangs[0].name, listener.hangs[0].gpu) == ("nvmlDeviceGetPowerUsage", "GPU 1")
        await listener.until(lambda: len(listener.readings) > 0 and len(listener.readings[-1][1].gpus) == 1)
        assert listener.hanging() == "nvmlDeviceGetPowerUsage", "told with the heartbeats until the GPU answers"
        assert listener.process.left_alone == {1}
        assert listener.readings[-1][1].gpus[0].gpu.uuid == gpus[0].uuid, "the other GPU streams on"
        gpus[1].hangs.clear()
        driver(FakeDriver(gpus=gpus))
        await listener.until(lambda: len(listener.readings[-1][1].gpus) == 2)
    assert listener.readings[-1][1].gpus[1].values["power_watts"] > 0
    assert listener.hanging() is None
    assert not is_running(first)


async def test_a_child_whose_call_may_take_long_is_not_taken_for_silent(
    driver: Callable[[FakeDriver], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Opening NVML may take 30 s, many times what a tick may."""
    monkeypatch.setattr(probe_process, "SILENCE_SECONDS", 0.1)
    driver(FakeDriver(gpus=[whole_gpu(0)], hangs={"nvmlInitWithFlags"}))
    listener = Listener("nvml")
    started = time.monotonic()
    async with listener.running():
        await listener.until(lambda: time.monotonic() - started > 3 * probe_process.WATCH_SECONDS)
        driver(FakeDriver(gpus=[whole_gpu(0)]))
        await listener.until(lambda: len(listener.readings) >= 1)
    assert listener.process.restarts == 0


async def test_a_child_that_is_silent_without_a_driver_call_is_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(probe_process, "SILENCE_SECONDS", 1.0)
    listener = Listener("simulated")
    async with listener.running():
        await listener.until(lambda: len(listener.readings) >= 1)
        first = listener.process.pid
        assert first is not None
        os.kill(first, signal.SIGSTOP)
        await listener.until(lambda: listener.process.pid not in (None, first))
        seen = len(listener.readings)
        await listener.until(lambda: len(listener.readings) > seen)
    assert not is_running(first)


async def test_a_child_that_cannot_be_started_is_tried_again(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    listener = Listener("simulated")
    with monkeypatch.context() as patch:
        patch.setattr("sys.executable", "/nowhere/python")
        async with listener.running():
            await listener.until(lambda: listener.process.restarts >= 1)
            patch.undo()
            await listener.until(lambda: len(listener.readings) >= 1)
    assert "cannot be started" in caplog.text


async def kill_after(listener: Listener, readings: int) -> None:
    """Kill a child that has read so often, and wait until its supervisor has noticed."""
    listener.readings.clear()
    restarts = listener.process.restarts
    await listener.until(lambda: len(listener.readings) >= readings)
    assert listener.process.pid is not None
    os.kill(listener.process.pid, signal.SIGKILL)
    await listener.until(lambda: listener.process.restarts > restarts)


def pauses(caplog: pytest.LogCaptureFixture) -> list[float]:
    """Seconds before each respawn, as the log says."""
    return [record.args[1] for record in caplog.records if "starting another" in record.msg]  # type: ignore[misc, index]


async def test_a_child_that_has_read_is_replaced_quickly_however_often_it_dies(
    caplog: pytest.LogCaptureFixture,
) -> None:
    listener = Listener("simulated")
    async with listener.running():
        for _ in range(5):
            await kill_after(listener, STEADY_READINGS)
    assert pauses(caplog) == [0.1 * RESPAWN_BASE_SECONDS] * 5


async def test_a_child_that_dies_before_it_has_read_much_is_replaced_more_and_more_slowly(
    caplog: pytest.LogCaptureFixture,
) -> None:
    listener = Listener("simulated", interval=3600.0)
    async with listener.running():
        for _ in range(4):
            await kill_after(listener, readings=1)
    assert pauses(caplog) == [0.1 * RESPAWN_BASE_SECONDS * factor for factor in (1, 2, 4, 8)]


async def test_of_orders_that_arrive_together_the_last_counts() -> None:
    listener = Listener("simulated", interval=3600.0)
    async with listener.running():
        await listener.until(lambda: len(listener.readings) == 1)
        listener.process.change_interval(1800.0)
        listener.process.change_interval(0.02)
        await listener.until(lambda: len(listener.readings) >= 4)
    assert listener.process.restarts == 0


def children() -> set[int]:
    """Processes that this one has started and that are not gone."""
    lists = (path.read_text().split() for path in Path("/proc/self/task").glob("*/children"))
    return {int(number) for numbers in lists for number in numbers}


@pytest.mark.parametrize("turns", range(12))
async def test_a_start_that_is_cancelled_leaves_no_child(turns: int) -> None:
    before = children()
    listener = Listener("simulated")
    task = asyncio.create_task(listener.process.run())
    for _ in range(turns):
        await asyncio.sleep(0)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert listener.process.pid is None
    assert children() <= before


@pytest.mark.parametrize("turns", range(0, 12, 2))
async def test_a_cancel_in_the_middle_of_a_clean_up_leaves_no_child(turns: int) -> None:
    before = children()
    listener = Listener("simulated")
    task = asyncio.create_task(listener.process.run())
    await listener.until(lambda: bool(listener.readings))
    assert listener.process.pid is not None
    os.kill(listener.process.pid, signal.SIGKILL)
    for _ in range(turns):
        await asyncio.sleep(0)
    while turns and listener.process.pid is not None:
        await asyncio.sleep(0)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert children() <= before


class Slow(ProbeProcess):
    """Whose clean-up waits, so that a cancel can come in the middle of it."""

    ending: asyncio.Event
    ended = False

    async def _end(self, process: asyncio.subprocess.Process) -> None:
        self.ending.set()
        await asyncio.sleep(0)
        await super()._end(process)
        self.ended = True


async def test_a_clean_up_that_has_begun_is_finished_before_a_cancel_goes_on() -> None:
    readings: list[Reading] = []
    process = Slow(
        ProbeOrders("simulated", 0.05, "nvidia-smi", "node-1"),
        on_reading=lambda _, reading: readings.append(reading),
        on_hang=lambda _: None,
        random=lambda: 0.1,
        log=logging.getLogger("test.probe"),
    )
    process.ending = asyncio.Event()
    task = asyncio.create_task(process.run())
    while not readings:
        await asyncio.sleep(0.01)
    assert process.pid is not None
    os.kill(process.pid, signal.SIGKILL)
    await process.ending.wait()
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert task.cancelled()
    assert process.ended
