"""What a probe has started, so that it does not outlive it: nvidia-smi runs in a session of its own, which a signal to
the probe does not reach, and one that hangs would be left behind by every probe that is killed."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path

MAX_STAT_BYTES = 4096
_PARENT_FIELD, _GROUP_FIELD = 4 - 3, 5 - 3
"""Among the fields after the name (proc(5), /proc/pid/stat)."""


def kill_offspring(pid: int, proc: Path = Path("/proc")) -> int:
    """Kill every child of the process `pid` with all of its process group, before `pid` itself is killed: later nobody
    could tell whose they were. How many groups were killed; who hangs in the driver dies when that call returns."""
    groups = {group for group in _groups_of_children(pid, proc) if group not in (0, 1, pid, os.getpgid(0))}
    return sum(_kill_group(group) for group in groups)


def _groups_of_children(pid: int, proc: Path) -> Iterator[int]:
    for entry in os.scandir(proc):
        if entry.name.isdigit():
            fields = _fields_after_name(Path(entry.path, "stat"))
            if len(fields) > _GROUP_FIELD and int(fields[_PARENT_FIELD]) == pid:
                yield int(fields[_GROUP_FIELD])


def _fields_after_name(stat: Path) -> list[bytes]:
    try:
        with stat.open("rb", buffering=0) as content:
            return content.read(MAX_STAT_BYTES).rpartition(b")")[2].split()
    except OSError:  # it ended meanwhile
        return []


def _kill_group(group: int) -> bool:
    try:
        os.killpg(group, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        return False
    return True
