"""The supervisor and its child: readings arrive, a child that dies or hangs is replaced, and none is left behind."""

import asyncio
import os
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from fakes.nvml.library import FakeDriver, whole_gpu
from fakes.probe_listener import Listener, is_running


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
        assert listener.hanging() == "nvmlDeviceGetPowerUsage", "told with the heartbeats until the driver answers"
        await listener.until(lambda: len(listener.readings) > 0 and len(listener.readings[-1][1].gpus) == 1)
        assert listener.process.left_alone == {1}
        assert listener.readings[-1][1].gpus[0].gpu.uuid == gpus[0].uuid, "the other GPU streams on"
        gpus[1].hangs.clear()
        driver(FakeDriver(gpus=gpus))
        await listener.until(lambda: len(listener.readings[-1][1].gpus) == 2)
    assert listener.readings[-1][1].gpus[1].values["power_watts"] > 0
    assert listener.hanging() is None
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
