"""PCIe traffic from the samples of the activity counters: an average since it was told last, for which nobody waits,
and the slower calls where a GPU does not count it."""

from collections.abc import Callable
from itertools import accumulate
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fakes.nvml.library import (
    NOT_SUPPORTED,
    UNKNOWN,
    FakeDriver,
    FakeGpu,
    NvmlProcess,
    full_gpu,
    gpm_counters,
    mig_instance,
    split_gpu,
)
from gpufleet_agent.probe.readers import TRAFFIC
from gpufleet_agent.probe.readers.pcie import MEBIBYTE_IN_MEGABYTES

TICK, PERIOD = "pass 1000", "pass 10000"
THROUGHPUT = "nvmlDeviceGetPcieThroughput"
MEASURED_FOR_20_MS = {"pcie_tx_mb_per_second": 1250, "pcie_rx_mb_per_second": 2500}
SENT, RECEIVED = "nvmlGpmSampleGet[20]", "nvmlGpmSampleGet[21]"


@pytest.fixture
def nvml(start_nvml: Callable[..., NvmlProcess]) -> NvmlProcess:
    return start_nvml(options=("--gpm", "--slow-tier"))


def carrying(sent: int, received: int, others: int = 0) -> FakeGpu:
    """A GPU that has counted so many MiB/s: the stand-in takes differences as they are."""
    gpu = full_gpu(0)
    gpu.values |= {**gpm_counters(others), SENT: sent * 1000, RECEIVED: received * 1000}
    return gpu


def read(nvml: NvmlProcess, gpu: FakeGpu) -> dict[str, Any]:
    """What a tick tells of the first GPU, after which the pass that it may have started ends."""
    nvml.tell(FakeDriver(gpus=[gpu]))
    reading: dict[str, Any] = nvml.read()["gpus"][0]
    assert nvml.ask("settle") == {"settled": True}
    return reading


def traffic(reading: dict[str, Any], part: str = "values") -> dict[str, Any]:
    return {name: told for name, told in reading[part].items() if name in TRAFFIC}


def megabytes(sent: int, received: int) -> dict[str, int]:
    return {
        "pcie_tx_mb_per_second": round(sent * MEBIBYTE_IN_MEGABYTES),
        "pcie_rx_mb_per_second": round(received * MEBIBYTE_IN_MEGABYTES),
    }


def test_traffic_is_told_at_the_first_chance_and_then_once_a_period_since_it_was_told_last(nvml: NvmlProcess) -> None:
    told: dict[int, dict[str, Any]] = {}
    for tick in range(22):
        values = traffic(read(nvml, carrying(650 * tick, 10_888 * tick)))
        told |= {tick: values} if values else {}
        nvml.ask(TICK)
    ten_ticks = megabytes(6500, 108_880)
    assert told == {1: megabytes(650, 10_888), 11: ten_ticks, 21: ten_ticks}


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=st.lists(st.tuples(st.integers(0, 100), st.sampled_from([1000, 4000, 12_000])), min_size=1, max_size=12))
def test_nothing_that_was_carried_is_told_twice_or_left_out(nvml: NvmlProcess, steps: list[tuple[int, int]]) -> None:
    """Whatever the ticks: activity is that of the tick, and traffic adds up to what was carried when it was told."""
    nvml.ask("close")
    read(nvml, carrying(0, 0))
    told = 0
    for (step, pause), counted in zip(steps, accumulate(step for step, _ in steps), strict=True):
        nvml.ask(f"pass {pause}")
        values = read(nvml, carrying(1000 * counted, 0, others=1000 * counted))["values"]
        assert values["sm_active_percent"] == step
        if traffic({"values": values}):
            told += values["pcie_tx_mb_per_second"]
            assert told == pytest.approx(1000 * counted * MEBIBYTE_IN_MEGABYTES, abs=len(steps))


def test_a_gpu_that_counts_its_traffic_is_waited_for_no_more(nvml: NvmlProcess) -> None:
    for _ in range(2):
        read(nvml, carrying(0, 0))
        nvml.ask(TICK)
    counting = carrying(0, 1000)
    counting.hangs = {THROUGHPUT}
    nvml.ask(PERIOD)
    values = read(nvml, counting)["values"]
    assert traffic({"values": values}) == megabytes(0, 1000)
    nvml.ask(TICK)
    assert "pcie_link_width" in read(nvml, counting)["values"], "the pass has read all else"


def test_one_reading_has_it_from_the_counters_where_two_samples_can_be_compared(nvml: NvmlProcess) -> None:
    assert not traffic(read(nvml, carrying(0, 0)))
    nvml.ask("pass 200")
    assert traffic(read(nvml, carrying(30, 40))) == megabytes(30, 40)


def test_samples_that_are_too_near_leave_it_to_the_slower_calls(nvml: NvmlProcess) -> None:
    read(nvml, carrying(0, 0))
    nvml.ask("pass 50")
    assert traffic(read(nvml, carrying(30, 40))) == MEASURED_FOR_20_MS


@pytest.mark.parametrize("metric", [20, 21])
@pytest.mark.parametrize("code", [NOT_SUPPORTED, UNKNOWN])
def test_a_gpu_that_counts_it_not_or_half_is_asked_by_the_slower_calls(
    nvml: NvmlProcess, metric: int, code: int
) -> None:
    gpu = carrying(0, 0)
    gpu.errors = {f"nvmlGpmMetricsGet[{metric}]": code}
    told = []
    for _ in range(12):
        told.append(traffic(read(nvml, gpu)))
        nvml.ask(TICK)
    assert told == [{}, MEASURED_FOR_20_MS, *[{}] * 9, MEASURED_FOR_20_MS]


def test_counters_that_fail_leave_it_to_the_slower_calls_and_come_back(nvml: NvmlProcess) -> None:
    failing = carrying(0, 0)
    failing.errors = {"nvmlGpmSampleGet": UNKNOWN}
    for gpu in (carrying(0, 0), carrying(0, 0), failing):
        read(nvml, gpu)
        nvml.ask(PERIOD)
    assert traffic(read(nvml, failing)) == MEASURED_FOR_20_MS
    nvml.ask(TICK)
    read(nvml, carrying(0, 0))
    nvml.ask(TICK)
    assert traffic(read(nvml, carrying(5, 6))) == megabytes(5, 6)


def test_a_gpu_in_mig_mode_is_asked_by_the_slower_calls(nvml: NvmlProcess) -> None:
    for _ in range(2):
        read(nvml, carrying(0, 0))
        nvml.ask(PERIOD)
    split = split_gpu(0, mig_instance(0, 1))
    read(nvml, split)
    nvml.ask(PERIOD)
    parent = read(nvml, split)
    assert traffic(parent) == MEASURED_FOR_20_MS
    assert not traffic(parent, "absent")


def test_what_the_slower_calls_deny_is_not_absent_where_it_is_counted(nvml: NvmlProcess) -> None:
    gpu = carrying(0, 0)
    gpu.errors = {THROUGHPUT: NOT_SUPPORTED}
    for tick in range(13):
        assert not traffic(read(nvml, gpu), "absent"), tick
        nvml.ask(TICK)
    gpu.errors |= {"nvmlGpmMetricsGet": NOT_SUPPORTED}
    nvml.ask(PERIOD)
    read(nvml, gpu)
    assert traffic(read(nvml, gpu), "absent") == dict.fromkeys(TRAFFIC, "NOT_SUPPORTED")


def test_what_cannot_be_true_is_not_told(nvml: NvmlProcess) -> None:
    read(nvml, carrying(1000, 1000))
    nvml.ask(TICK)
    assert traffic(read(nvml, carrying(0, 2000))) == MEASURED_FOR_20_MS
