"""When processes are read and what is believed of them."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gpufleet_agent.probe.nvml_driver import FORBIDDEN, UNSUPPORTED, CallFailed, GpuLost
from gpufleet_agent.probe.process_table import ProcessTable
from gpufleet_agent.probe.processes import (
    MAX_PER_GPU,
    MAX_PROCESSES,
    PERIOD_US,
    Context,
    ProcessWatch,
    contexts_of,
    lists_of,
    sm_shares,
)
from gpufleet_agent.probe.readers.device import Device
from gpufleet_agent.readings import GpuProcess

MEBIBYTE = 1 << 20
NOT_FOUND = 6
NOT_AVAILABLE = 0xFFFFFFFF


@dataclass
class Listed:
    pid: int
    usedGpuMemory: int | None = MEBIBYTE  # noqa: N815 - as nvidia-ml-py writes it
    gpuInstanceId: int = NOT_AVAILABLE  # noqa: N815


@dataclass
class Sample:
    pid: int
    smUtil: int  # noqa: N815
    timeStamp: int = 1  # noqa: N815


@dataclass
class Memory:
    total: int = 1024 * MEBIBYTE


@dataclass
class Gpu:
    """Answers what it is told instead of a driver, and remembers what it was asked."""

    compute: Sequence[Listed] | CallFailed | GpuLost = ()
    graphics: Sequence[Listed] | CallFailed | GpuLost = ()
    samples: Sequence[Sample] | CallFailed | GpuLost = field(default_factory=lambda: CallFailed("", NOT_FOUND))
    since: list[int] = field(default_factory=list)

    def ask(self, key: tuple[Any, ...], _gpu: str, _handle: Any) -> tuple[int, Any]:
        name = key[0]
        if name == "nvmlDeviceGetProcessUtilization":
            self.since.append(key[1])
            return self._say(self.samples)
        if name == "nvmlDeviceGetMemoryInfo":
            return 0, Memory()
        return self._say(self.graphics if "Graphics" in name else self.compute)

    @staticmethod
    def _say(answer: Sequence[Any] | CallFailed | GpuLost) -> tuple[int, Any]:
        return (answer.code, None) if isinstance(answer, CallFailed | GpuLost) else (0, answer)

    @property
    def device(self) -> Device:
        """As it is at one tick."""
        return Device(self, 1, "GPU 0", True)  # type: ignore[arg-type]


def devices(*gpus: Gpu) -> dict[str, Device]:
    return {f"GPU-{number}": gpu.device for number, gpu in enumerate(gpus)}


def contexts(gpu: Gpu) -> tuple[Context, ...]:
    lists = lists_of(gpu.device)
    assert lists is not None
    return contexts_of(lists)


@pytest.fixture
def watch(tmp_path: Path) -> ProcessWatch:
    return ProcessWatch(ProcessTable(tmp_path, lambda: 0))


def read(watch: ProcessWatch, instant_us: int, *gpus: Gpu) -> tuple[GpuProcess, ...]:
    processes = watch.read(devices(*gpus), instant_us)
    assert processes is not None
    return processes


def test_both_lists_are_one_and_say_what_they_hold() -> None:
    gpu = Gpu([Listed(1, 5 * MEBIBYTE), Listed(2)], [Listed(2, 7 * MEBIBYTE), Listed(3, None), Listed(4, 2**64 - 1)])
    assert [(each.pid, each.memory_used_mb, each.graphics) for each in contexts(gpu)] == [
        (1, 5, False),
        (2, 7, False),
        (3, None, True),
        (4, None, True),
    ]


def test_a_kind_that_the_gpu_does_not_have_has_no_processes_and_a_list_that_failed_is_not_known() -> None:
    assert [each.pid for each in contexts(Gpu(CallFailed("", UNSUPPORTED), [Listed(3)]))] == [3]
    assert lists_of(Gpu([Listed(3)], CallFailed("", FORBIDDEN)).device) is None
    assert lists_of(Gpu([Listed(3)], GpuLost("", 15)).device) is None


def test_pid_0_is_nobody() -> None:
    assert contexts(Gpu([Listed(0), Listed(3)])) == contexts(Gpu([Listed(3)]))


def test_processes_are_read_at_first_every_ten_seconds_and_on_change(watch: ProcessWatch) -> None:
    one, two = Gpu([Listed(1)]), Gpu([Listed(1), Listed(2)])
    assert len(read(watch, 0, one)) == 1
    assert watch.read(devices(one), 1_000_000) is None
    assert len(read(watch, 2_000_000, two)) == 2
    assert watch.read(devices(two), 10_000_000) is None
    assert len(read(watch, 2_000_000 + PERIOD_US, two)) == 2
    assert read(watch, 13_000_000, Gpu()) == ()


def test_a_clock_that_was_set_back_does_not_stop_the_reading(watch: ProcessWatch) -> None:
    read(watch, 100_000_000, Gpu([Listed(1)]))
    assert watch.read(devices(Gpu([Listed(1)])), 1) is not None


def test_a_list_that_cannot_be_read_now_is_no_change(watch: ProcessWatch) -> None:
    read(watch, 0, Gpu([Listed(1)]))
    assert watch.read(devices(Gpu(CallFailed("", FORBIDDEN))), 1_000_000) is None


def test_a_gpu_that_is_gone_is_a_change(watch: ProcessWatch) -> None:
    read(watch, 0, Gpu([Listed(1)]), Gpu([Listed(2)]))
    assert [process.pid for process in read(watch, 1_000_000, Gpu([Listed(1)]))] == [1]


def test_shares_are_asked_for_from_the_last_sample_on(watch: ProcessWatch) -> None:
    gpu = Gpu([Listed(1), Listed(2)], samples=[Sample(1, 40, 500), Sample(1, 60, 700)])
    first = read(watch, 0, gpu)
    assert [process.sm_utilization_percent for process in first] == [60, None]
    gpu.samples = CallFailed("", NOT_FOUND)
    second = read(watch, PERIOD_US, gpu)
    assert [process.sm_utilization_percent for process in second] == [None, None]
    assert gpu.since == [0, 700]


def test_a_sample_from_the_future_does_not_hide_those_that_follow(watch: ProcessWatch) -> None:
    gpu = Gpu([Listed(1)], samples=[Sample(1, 40, 2**63)])
    read(watch, 0, gpu)
    read(watch, PERIOD_US, gpu)
    assert gpu.since == [0, 0]


def test_an_idle_gpu_is_not_asked_for_shares(watch: ProcessWatch) -> None:
    gpu = Gpu()
    assert read(watch, 0, gpu) == ()
    assert gpu.since == []


@pytest.mark.parametrize("failure", [CallFailed("", UNSUPPORTED), GpuLost("", 15)])
def test_shares_that_fail_cost_nothing_else(watch: ProcessWatch, failure: CallFailed | GpuLost) -> None:
    (process,) = read(watch, 0, Gpu([Listed(1)], samples=failure))
    assert (process.pid, process.memory_used_mb, process.sm_utilization_percent) == (1, 1, None)


def test_garbage_about_dead_processes_is_dropped() -> None:
    samples = [Sample(1, 30, 5), Sample(1, 4_000_000, 9), Sample(77, 20, 2**63), Sample(2, 101, 8)]
    assert sm_shares(samples, {1, 2}) == ({1: 30}, 5)


def test_more_memory_than_the_gpu_has_is_no_reading(watch: ProcessWatch) -> None:
    processes = read(watch, 0, Gpu([Listed(1, 2048 * MEBIBYTE), Listed(2, 1024 * MEBIBYTE)]))
    assert {process.pid: process.memory_used_mb for process in processes} == {1: None, 2: 1024}


def test_the_processes_of_a_gpu_and_of_a_host_are_bounded_and_the_largest_are_told(watch: ProcessWatch) -> None:
    crowd = Gpu([Listed(pid, (pid % 1000) * MEBIBYTE) for pid in range(1, MAX_PER_GPU + 500)])
    told = read(watch, 0, crowd)
    assert len(told) == MAX_PER_GPU
    assert min(process.memory_used_mb or 0 for process in told) == 500
    assert len(read(watch, 1, *[crowd] * 20)) == MAX_PROCESSES


def test_where_the_host_is_hidden_there_are_no_names_and_an_empty_list_means_nothing() -> None:
    hidden = ProcessWatch(None)
    assert hidden.read(devices(Gpu()), 0) is None
    (process,) = read(hidden, 1, Gpu([Listed(1)]))
    assert (process.pid, process.name, process.started_at_us) == (1, None, None)
    assert read(hidden, 2, Gpu()) == (), "what was told before is over"


SAMPLES = st.lists(st.builds(Sample, st.integers(0, 5), st.integers(0, 2**32 - 1), st.integers(0, 2**64 - 1)))


@given(SAMPLES, st.frozensets(st.integers(1, 5)))
def test_shares_are_those_of_known_processes_and_percentages(samples: list[Sample], pids: frozenset[int]) -> None:
    shares, newest = sm_shares(samples, pids)
    assert shares.keys() <= pids
    assert all(0 <= share <= 100 for share in shares.values())
    assert newest in {0, *(sample.timeStamp for sample in samples if sample.pid in pids)}
