"""What processes use, with all their children: a PostgreSQL is one process per connection, and some come and go."""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")
_PAGE = os.sysconf("SC_PAGE_SIZE")
_PROC = Path("/proc")


@dataclass(frozen=True, slots=True)
class Cpu:
    """CPU seconds, user and system."""

    own: float
    ended_children: float


def parse_cpu(stat: str) -> Cpu:
    """From the text of /proc/PID/stat, whose second field may hold spaces and brackets (proc(5))."""
    fields = stat.rpartition(")")[2].split()
    user, system, children_user, children_system = (int(fields[at]) / _TICKS for at in (11, 12, 13, 14))
    return Cpu(user + system, children_user + children_system)


def own_cpu(pid: int) -> float:
    """Of the process and its threads alone."""
    return parse_cpu((_PROC / str(pid) / "stat").read_text(errors="replace")).own


def tree_cpu(pid: int) -> float:
    """Of a process and everything that descends from it, also of children that have ended and were waited for."""
    try:
        cpu = parse_cpu((_PROC / str(pid) / "stat").read_text(errors="replace"))
    except (FileNotFoundError, ProcessLookupError):
        return 0.0
    return cpu.own + cpu.ended_children + sum(tree_cpu(child) for child in children(pid))


def children(pid: int) -> list[int]:
    """Of all its threads; none of a process that ends while it is looked at."""
    found: list[int] = []
    with suppress(FileNotFoundError, ProcessLookupError):
        for thread in list((_PROC / str(pid) / "task").iterdir()):
            with suppress(FileNotFoundError, ProcessLookupError):
                found += [int(number) for number in (thread / "children").read_text().split()]
    return found


def rss_bytes(pid: int) -> int:
    return int((_PROC / str(pid) / "statm").read_text().split()[1]) * _PAGE


def disk_bytes(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


@contextmanager
def on_cores(cores: set[int]) -> Iterator[None]:
    """What this thread starts meanwhile keeps to these cores; what it starts later may use those it had before."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, cores)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def cores_beside(collector: int) -> set[int]:
    """All cores but the one that the collector has chosen for itself; the last one where it has chosen none."""
    every, chosen = os.sched_getaffinity(0), os.sched_getaffinity(collector)
    return every - chosen or {max(every)}
