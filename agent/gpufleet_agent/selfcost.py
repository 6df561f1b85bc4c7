"""What a process uses, read from /proc: the agent says its own cost with every heartbeat."""

import os
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class ProcessCost:
    """Resident memory in bytes and CPU time (user and system) in seconds; None where /proc does not tell."""

    rss_bytes: int | None
    cpu_seconds: float | None


UNKNOWN_COST = ProcessCost(None, None)


def process_cost(pid: int, proc: Path = Path("/proc")) -> ProcessCost:
    """The cost of process `pid` now; all None when it is gone."""
    try:
        statm = (proc / str(pid) / "statm").read_text()
        stat = (proc / str(pid) / "stat").read_text()
    except OSError:
        return UNKNOWN_COST
    return parse_cost(statm, stat, os.sysconf("SC_PAGE_SIZE"), os.sysconf("SC_CLK_TCK"))


def parse_cost(statm: str, stat: str, page_bytes: int, ticks_per_second: int) -> ProcessCost:
    """From the texts of /proc/PID/statm and /proc/PID/stat (proc(5)); the name in stat may hold spaces and brackets."""
    try:
        resident_pages = int(statm.split()[1])
        fields = stat.rpartition(")")[2].split()
        cpu_ticks = int(fields[11]) + int(fields[12])
    except (IndexError, ValueError):
        return UNKNOWN_COST
    return ProcessCost(resident_pages * page_bytes, cpu_ticks / ticks_per_second)
