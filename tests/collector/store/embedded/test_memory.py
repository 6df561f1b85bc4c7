"""PostgreSQL keeps pages in a part of the memory that there is, within bounds."""

from pathlib import Path

import pytest

from gpufleet_collector.store.embedded.memory import MEBIBYTE, shared_buffers, usable_memory

GIBIBYTE = 1024 * MEBIBYTE


@pytest.mark.parametrize(
    ("memory", "setting"),
    [(None, "128MB"), (256 * MEBIBYTE, "128MB"), (4 * GIBIBYTE, "512MB"), (512 * GIBIBYTE, "1024MB")],
)
def test_an_eighth_within_bounds(memory: int | None, setting: str) -> None:
    assert shared_buffers(memory) == setting


def write(file: Path, text: str) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)


def test_what_the_machine_has(tmp_path: Path) -> None:
    assert usable_memory(tmp_path) is None
    write(tmp_path / "proc/meminfo", "MemTotal:        8388608 kB\nMemFree: 17 kB\n")
    assert usable_memory(tmp_path) == 8 * GIBIBYTE


@pytest.mark.parametrize(
    ("groups", "file"),
    [
        ("0::/\n", "memory.max"),
        ("0::/system.slice/gpufleet.service\n", "system.slice/gpufleet.service/memory.max"),
        ("0::/system.slice/gpufleet.service\n", "system.slice/memory.max"),
        ("5:cpu:/a\n4:memory:/docker/b\n", "memory/docker/b/memory.limit_in_bytes"),
        ("4:memory:/docker/b\n", "memory/memory.limit_in_bytes"),
    ],
)
def test_a_container_has_less(tmp_path: Path, groups: str, file: str) -> None:
    write(tmp_path / "proc/meminfo", "MemTotal:        8388608 kB\n")
    write(tmp_path / "proc/self/cgroup", groups)
    write(tmp_path / "sys/fs/cgroup/memory.max", "max\n")
    write(tmp_path / "sys/fs/cgroup" / file, f"{GIBIBYTE}\n")
    assert usable_memory(tmp_path) == GIBIBYTE


def test_of_this_machine_it_is_known() -> None:
    known = usable_memory()
    assert known is not None
    assert known > 64 * MEBIBYTE
