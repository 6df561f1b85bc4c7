"""A backend is opened by its name; `auto` takes the first that reads a GPU and looks again while none does."""

import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, field

import pytest

from gpufleet_agent.breadcrumb import NoBreadcrumb
from gpufleet_agent.config import BACKENDS
from gpufleet_agent.probe.backends import LOOK_AGAIN_US, NAMES, AutoBackend, open_backend
from gpufleet_agent.readings import Backend, GpuIdentity, GpuReading, Reading

START = 1_767_225_600_000_000
GPUS = (GpuReading(GpuIdentity("GPU-a")),)


@dataclass
class Scripted:
    """A backend that reads what it is told and counts."""

    name: str
    gpus: tuple[GpuReading, ...] = ()
    note: str | None = None
    needs_new_process: bool = False
    reads: list[int] = field(default_factory=list)
    closed: int = 0

    def read(self, instant_us: int) -> Reading:
        self.reads.append(instant_us)
        return Reading(self.name, self.gpus, note=self.note)

    def close(self) -> None:
        self.closed += 1


def _auto(*backends: Scripted) -> AutoBackend:
    return AutoBackend([_opener(backend) for backend in backends])


def _opener(backend: Scripted) -> Callable[[], Backend]:
    return lambda: backend


def test_the_first_that_reads_a_gpu_is_taken_and_kept() -> None:
    first, second = Scripted("nvml"), Scripted("nvidia-smi", GPUS)
    auto = _auto(first, second)
    assert [auto.read(START + tick).backend for tick in range(3)] == ["nvidia-smi"] * 3
    assert (len(first.reads), len(second.reads)) == (1, 3)


def test_what_comes_after_the_one_that_works_is_never_opened() -> None:
    def refuse() -> Backend:
        raise AssertionError("opened without need")

    auto = AutoBackend([lambda: Scripted("nvml", GPUS), refuse])
    assert auto.read(START).backend == "nvml"


def test_without_a_gpu_it_says_why() -> None:
    auto = _auto(Scripted("nvml", note="No library."), Scripted("nvidia-smi"))
    assert auto.read(START) == Reading(backend="none", note="No GPU can be read. nvml: No library. nvidia-smi: no GPU.")


def test_without_a_gpu_it_looks_again_at_a_bounded_rate() -> None:
    only = Scripted("nvml")
    auto = _auto(only)
    for seconds in range(0, 121, 5):
        assert auto.read(START + seconds * 1_000_000).backend == "none"
    assert only.reads == [START, START + LOOK_AGAIN_US, START + 2 * LOOK_AGAIN_US]


def test_a_gpu_that_appears_is_found_at_the_next_look() -> None:
    only = Scripted("nvml")
    auto = _auto(only)
    auto.read(START)
    only.gpus = GPUS
    assert auto.read(START + LOOK_AGAIN_US).gpus == GPUS


def test_a_clock_set_back_does_not_stop_the_search() -> None:
    only = Scripted("nvml")
    auto = _auto(only)
    auto.read(START)
    auto.read(START - 3_600_000_000)
    assert len(only.reads) == 2


def test_a_backend_that_loses_its_gpus_gives_way_to_the_next() -> None:
    first, second = Scripted("nvml", GPUS), Scripted("nvidia-smi", GPUS)
    auto = _auto(first, second)
    auto.read(START)
    first.gpus = ()
    assert auto.read(START + LOOK_AGAIN_US).backend == "nvidia-smi"


def test_a_new_process_is_needed_where_nothing_else_reads_the_gpus() -> None:
    stale, works = Scripted("nvml", needs_new_process=True), Scripted("nvidia-smi")
    auto = _auto(stale, works)
    needed = [auto.needs_new_process]
    auto.read(START)
    needed.append(auto.needs_new_process)
    works.gpus = GPUS
    auto.read(START + LOOK_AGAIN_US)
    needed.append(auto.needs_new_process)
    assert needed == [False, True, False]


def test_close_reaches_every_backend_that_was_opened_and_may_come_first() -> None:
    first, second = Scripted("nvml"), Scripted("nvidia-smi")
    auto = _auto(first, second)
    auto.close()
    assert (first.closed, second.closed) == (0, 0)
    auto.read(START)
    auto.close()
    assert (first.closed, second.closed) == (1, 1)


@pytest.mark.parametrize("name", NAMES)
def test_every_name_opens_the_backend_so_called(name: str) -> None:
    backend = open_backend(name, breadcrumb=NoBreadcrumb())
    assert backend.name == name
    backend.close()


def test_the_names_are_those_that_the_configuration_takes() -> None:
    assert NAMES == BACKENDS


def test_a_wrong_name_is_told_with_the_right_ones() -> None:
    with pytest.raises(ValueError, match="'cuda' is not a backend: choose one of auto, nvml, nvidia-smi, simulated"):
        open_backend("cuda", breadcrumb=NoBreadcrumb())


def test_only_the_modules_of_the_backend_that_is_opened_are_loaded() -> None:
    program = (
        "import sys\n"
        "from gpufleet_agent.breadcrumb import NoBreadcrumb\n"
        "from gpufleet_agent.probe.backends import open_backend\n"
        "open_backend('auto', breadcrumb=NoBreadcrumb())\n"
        "open_backend('simulated', breadcrumb=NoBreadcrumb())\n"
        "print(sorted(name for name in sys.modules if 'nvidia_smi' in name or 'nvml' in name or name == 'asyncio'))\n"
    )
    printed = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout
    assert printed == "[]\n"
