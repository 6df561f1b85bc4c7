"""Who a process is, from /proc: its name and when it started. A PID alone says neither, because PIDs are used again."""

import os
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path

TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")
MAX_STAT_BYTES = 4096
_STARTED_FIELD = 22 - 3
"""`starttime` among the fields after the name (proc(5), /proc/pid/stat), in ticks since the boot."""


@dataclass(frozen=True, slots=True)
class Facts:
    """`started_at_us` is wall time in microseconds. Both None: the process has ended, or is not to be seen."""

    name: str | None = None
    started_at_us: int | None = None


NOTHING = Facts()


def boot_us() -> int:
    """When this host was booted, wall time in microseconds."""
    return (time.time_ns() - time.clock_gettime_ns(time.CLOCK_BOOTTIME)) // 1000


def parse_stat(content: bytes) -> tuple[str, int] | None:
    """Name and start (ticks since the boot) of a /proc/pid/stat. The name may hold blanks and brackets."""
    opening, closing = content.find(b"("), content.rfind(b")")
    fields = content[closing + 1 :].split()
    if not 0 < opening < closing or len(fields) <= _STARTED_FIELD or not fields[_STARTED_FIELD].isdigit():
        return None
    return content[opening + 1 : closing].decode(errors="replace"), int(fields[_STARTED_FIELD])


class ProcessTable:
    """Looks processes up under `proc` (usually /proc). What a process was when first seen it stays: the boot's wall
    time moves when the clock is set, and a process must not become another one by that."""

    def __init__(self, proc: Path, boot_us: Callable[[], int] = boot_us) -> None:
        self._proc = str(proc)
        self._boot_us = boot_us
        self._seen: dict[tuple[int, int], Facts] = {}

    def look(self, pids: Collection[int]) -> dict[int, Facts]:
        """The facts of each of these processes; of all others nothing is remembered."""
        seen, facts = {}, {}
        for pid in pids:
            found = self._stat(pid)
            if found is None:
                facts[pid] = NOTHING
                continue
            name, ticks = found
            facts[pid] = seen[pid, ticks] = self._seen.get((pid, ticks)) or Facts(name, self._started_at_us(ticks))
        self._seen = seen
        return facts

    def _stat(self, pid: int) -> tuple[str, int] | None:
        try:
            descriptor = os.open(f"{self._proc}/{pid}/stat", os.O_RDONLY | os.O_CLOEXEC)
        except OSError:
            return None
        try:
            return parse_stat(os.read(descriptor, MAX_STAT_BYTES))
        except OSError:  # it ended meanwhile (ESRCH)
            return None
        finally:
            os.close(descriptor)

    def _started_at_us(self, ticks: int) -> int:
        return self._boot_us() + ticks * 1_000_000 // TICKS_PER_SECOND
