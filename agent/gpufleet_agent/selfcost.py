"""What a process uses, read from /proc: the agent says its own cost with every heartbeat."""

import os
from dataclasses import dataclass
from pathlib import Path

MAX_BYTES = 4096
"""Of /proc/PID/stat, which is about 400."""


@dataclass(frozen=True, slots=True)
class ProcessCost:
    """Resident memory in bytes and CPU time (user and system) in seconds; None where /proc does not tell."""

    rss_bytes: int | None
    cpu_seconds: float | None


UNKNOWN_COST = ProcessCost(None, None)


def process_cost(pid: int, proc: Path = Path("/proc")) -> ProcessCost:
    """The cost of process `pid` now; all None when it is gone."""
    try:
        descriptor = os.open(f"{proc}/{pid}/stat", os.O_RDONLY | os.O_CLOEXEC)
        try:
            stat = os.read(descriptor, MAX_BYTES)
        finally:
            os.close(descriptor)
    except OSError:
        return UNKNOWN_COST
    return parse_cost(stat, os.sysconf("SC_PAGE_SIZE"), os.sysconf("SC_CLK_TCK"))


def parse_cost(stat: bytes, page_bytes: int, ticks_per_second: int) -> ProcessCost:
    """From the text of /proc/PID/stat (proc(5)); the name in it may hold spaces and brackets."""
    try:
        fields = stat.rpartition(b")")[2].split()
        cpu_ticks, resident_pages = int(fields[11]) + int(fields[12]), int(fields[21])
    except (IndexError, ValueError):
        return UNKNOWN_COST
    return ProcessCost(resident_pages * page_bytes, cpu_ticks / ticks_per_second)
