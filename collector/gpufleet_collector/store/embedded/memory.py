"""How much memory the collector's own PostgreSQL keeps pages in: a part of what the machine, or container, has."""

from collections.abc import Iterator
from pathlib import Path, PurePosixPath

MEBIBYTE = 1024 * 1024
SHARE = 8
LEAST_BYTES, MOST_BYTES = 128 * MEBIBYTE, 1024 * MEBIBYTE
"""PostgreSQL's own default, and about what the unpacked hours of 2,000 GPUs at 5 s take."""


def shared_buffers(memory_bytes: int | None) -> str:
    """The setting of that name for a machine of so much memory; None is not known."""
    wanted = LEAST_BYTES if memory_bytes is None else memory_bytes // SHARE
    return f"{min(max(wanted, LEAST_BYTES), MOST_BYTES) // MEBIBYTE}MB"


def usable_memory(root: Path = Path("/")) -> int | None:
    """Bytes: the machine's, or the least limit of the control groups that this process is in (cgroups(7)); None where
    neither can be read."""
    return min(_limits(root), default=None)


def _limits(root: Path) -> Iterator[int]:
    for line in _text(root / "proc/meminfo").splitlines():
        name, _, value = line.partition(":")
        if name == "MemTotal":
            yield int(value.split()[0]) * 1024
    for file in _limit_files(root):
        limit = _text(file).strip()
        if limit.isdecimal():  # "max" is none
            yield int(limit)


def _limit_files(root: Path) -> Iterator[Path]:
    """Of both versions of control groups; a group is bound by those that it is in as well."""
    mounted = root / "sys/fs/cgroup"
    yield mounted / "memory.max"
    yield mounted / "memory/memory.limit_in_bytes"
    for line in _text(root / "proc/self/cgroup").splitlines():
        _, controllers, path = line.split(":", 2)
        group = PurePosixPath(path.lstrip("/"))
        for one in (group, *group.parents):
            if not controllers:
                yield mounted / one / "memory.max"
            elif "memory" in controllers.split(","):
                yield mounted / "memory" / one / "memory.limit_in_bytes"


def _text(file: Path) -> str:
    try:
        return file.read_text()
    except OSError:
        return ""
