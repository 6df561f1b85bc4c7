"""What the running agent says of itself in a file beside its spool, so that `doctor`, another process, can show what it
costs and how it fares, also while no collector is there to be told."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path

from gpufleet_agent.spool_place import plain_name

PREFIX, SUFFIX = "status-", ".json"
MAX_BYTES = 64 * 1024
"""A longer file is none of ours."""


@dataclass(frozen=True, slots=True)
class AgentStatus:
    """One agent at one moment. `cost` has the names of the protocol's AgentCost; what is not in it is zero, or unknown.
    `process_start` (clock ticks since the boot) and `pid_namespace` say whose number `pid` is."""

    host_name: str
    agent_version: str
    pid: int
    process_start: int
    pid_namespace: str
    started_at_us: int
    written_at_us: int
    ended: bool
    interval_seconds: float
    backend: str | None
    gpus: int | None
    connected: bool
    last_error: str | None
    cost: Mapping[str, object]


def status_path(folder: Path, host_name: str) -> Path:
    """The file for `host_name` in `folder`; different names never give the same file."""
    return folder / f"{PREFIX}{plain_name(host_name)}{SUFFIX}"


def write_status(path: Path, status: AgentStatus) -> None:
    """Whole or not at all: who reads meanwhile finds the one before. Raises OSError."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    fresh = path.with_name(path.name + ".new")
    fresh.write_text(json.dumps(asdict(status)))
    fresh.replace(path)


def read_status(path: Path) -> AgentStatus | None:
    """None when it cannot be understood: cut short by a power failure, or of another version. Raises OSError."""
    with path.open("rb") as file:
        text = file.read(MAX_BYTES + 1)
    try:
        told = json.loads(text[:MAX_BYTES])
        status = AgentStatus(**{field.name: told[field.name] for field in fields(AgentStatus)})
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
    return status if _is_sound(status) else None


def sweep_statuses(own: Path, oldest: float) -> None:
    """Delete those beside `own` that nobody has written since `oldest` (seconds since 1970): containers with random
    names leave them behind. Raises OSError."""
    for path in own.parent.glob(f"{PREFIX}*{SUFFIX}"):
        if path != own and path.stat().st_mtime < oldest:
            path.unlink(missing_ok=True)


def process_start(pid: int, proc: Path = Path("/proc")) -> int:
    """When the process began, in clock ticks since the boot (proc(5)); 0 when there is no such process."""
    try:
        return int((proc / str(pid) / "stat").read_text().rpartition(")")[2].split()[19])
    except (OSError, IndexError, ValueError):
        return 0


def own_pid_namespace(proc: Path = Path("/proc")) -> str:
    """A name for the namespace in which this process has its number; empty where there is none."""
    try:
        return str((proc / "self" / "ns" / "pid").readlink())
    except OSError:
        return ""


def _is_sound(status: AgentStatus) -> bool:
    numbers = (status.pid, status.process_start, status.started_at_us, status.written_at_us)
    texts = (status.host_name, status.agent_version, status.pid_namespace)
    return (
        all(isinstance(number, int) for number in numbers)
        and isinstance(status.interval_seconds, int | float)
        and all(isinstance(text, str) for text in texts)
        and isinstance(status.cost, dict)
    )
