"""The slow tier in a probe under its supervisor: it disturbs no tick, and a call of it that hangs is named."""

import asyncio
import logging
import os
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

from fakes.nvml.library import FakeDriver, full_driver
from gpufleet_agent.breadcrumb import Call
from gpufleet_agent.one_reading import take
from gpufleet_agent.probe.readers import METRICS
from gpufleet_agent.probe_process import ProbeOrders, ProbeProcess
from gpufleet_agent.readings import Reading

PATIENCE_SECONDS = 15.0
INTERVAL_SECONDS = 0.05


class Told:
    """What a probe told until it had told enough."""

    def __init__(self) -> None:
        self.readings: list[tuple[int, Reading]] = []
        self.hangs: list[Call] = []

    async def until(self, enough: Callable[[], bool], call_deadline_seconds: float = 5.0) -> None:
        orders = ProbeOrders("nvml", INTERVAL_SECONDS, "nvidia-smi", call_deadline_seconds=call_deadline_seconds)
        process = ProbeProcess(
            orders,
            on_reading=lambda instant, reading: self.readings.append((instant, reading)),
            on_hang=self.hangs.append,
            random=lambda: 0.1,
            log=logging.getLogger("test.probe"),
        )
        task = asyncio.create_task(process.run())
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                while not enough():
                    await asyncio.sleep(0.01)
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


def told_slowly(readings: list[tuple[int, Reading]]) -> set[str]:
    """The GPUs of which some reading told the slow tier."""
    return {gpu.gpu.uuid for _, reading in readings for gpu in reading.gpus if "pcie_tx_mb_per_second" in gpu.values}


async def test_instants_stay_regular_while_the_pcie_counters_block(driver: Callable[[FakeDriver], None]) -> None:
    """A pass over 32 GPUs that do not count their traffic themselves blocks for 1.3 s; no tick waits for it."""
    blocking = full_driver(32)
    for gpu in blocking.gpus:
        gpu.values["nvmlGpmQueryDeviceSupport"] = 0
    driver(blocking)
    told = Told()
    await told.until(lambda: len(told_slowly(told.readings)) == 32)
    instants = [instant for instant, _ in told.readings]
    gaps = sorted(after - before for before, after in pairwise(instants))
    assert len(gaps) >= 8
    assert gaps[len(gaps) // 2] < 4 * INTERVAL_SECONDS * 1e6
    assert gaps[-1] < 1_000_000


async def test_a_slow_call_that_hangs_is_named_while_the_ticks_go_on(driver: Callable[[FakeDriver], None]) -> None:
    hanging = full_driver(2)
    hanging.gpus[1].hangs = {"nvmlDeviceGetPcieReplayCounter"}
    driver(hanging)
    told = Told()
    await told.until(lambda: bool(told.hangs), call_deadline_seconds=1.0)
    assert (told.hangs[0].name, told.hangs[0].gpu) == ("nvmlDeviceGetPcieReplayCounter", "GPU 1")
    assert len(told.readings) >= 5
    assert all(gpu.values["temperature_celsius"] for _, reading in told.readings for gpu in reading.gpus)


def test_one_reading_by_itself_has_the_whole_catalogue(driver: Callable[[FakeDriver], None], nvml_folder: Path) -> None:
    driver(full_driver(2))

    taken = take("auto", nvidia_smi="nvidia-smi", host="node-1", environ=os.environ)
    assert taken.reading is not None, taken.problem
    for gpu in taken.reading.gpus:
        assert gpu.values.keys() == set(METRICS)


def test_one_reading_of_who_opts_out_has_no_activity(driver: Callable[[FakeDriver], None]) -> None:

    driver(full_driver(1))
    taken = take("nvml", nvidia_smi="nvidia-smi", host="node-1", environ=os.environ, gpm=False)
    assert taken.reading is not None, taken.problem
    (gpu,) = taken.reading.gpus
    assert "sm_active_percent" not in {*gpu.values, *gpu.absent}
    assert "pcie_link_width" in gpu.values
