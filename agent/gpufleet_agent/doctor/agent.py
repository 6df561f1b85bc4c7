"""Whether an agent runs on this host, what it costs and how it fares, by the status that it keeps on disk."""

from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path

from gpufleet_agent.config import ROOT_STATE_DIRECTORY
from gpufleet_agent.doctor.figures import cost_findings
from gpufleet_agent.doctor.finding import Finding, ok, warn
from gpufleet_agent.status_file import (
    PREFIX,
    SUFFIX,
    AgentStatus,
    own_pid_namespace,
    process_start,
    read_status,
    status_path,
)
from gpufleet_agent.status_writer import PERIOD_SECONDS

STALE_SECONDS = 3 * PERIOD_SECONDS
"""An agent that has not written for so long does not run, or not well."""
MOST_NAMED = 8

_START = "start it: gpufleet-agent run"
_LOOK = "if one runs, ask with its GPUFLEET_DATA_DIR and GPUFLEET_HOST_NAME, as its user"


def agent_findings(directory: Path | None, host_name: str, now_us: int, root: Path = Path("/")) -> list[Finding]:
    """`directory` is the data directory, None when this user has none; `now_us` is wall time in microseconds. /proc and
    the data directory of root are looked for below `root`."""
    if directory is None:
        return [warn("no data directory, so no agent that says how it fares", "set GPUFLEET_DATA_DIR to the agent's")]
    path = status_path(directory / "agent", host_name)
    try:
        status = read_status(path)
    except (FileNotFoundError, NotADirectoryError):
        return list(_no_status(path, host_name, root))
    except OSError as error:
        return [
            warn(f"{path} cannot be read: {error.strerror or error}", "ask as the user who runs the agent, or root")
        ]
    if status is None:
        return [warn(f"{path} cannot be understood", "let doctor and the agent be of one version; the agent renews it")]
    return list(_status(status, now_us, root / "proc"))


def _no_status(path: Path, host_name: str, root: Path) -> Iterator[Finding]:
    """It never ran, or it keeps its data somewhere else, or calls itself otherwise."""
    text = f"no agent of the host name {host_name} has kept its data in {path.parent}"
    others = sorted(other.name.removeprefix(PREFIX).removesuffix(SUFFIX) for other in _others(path))
    pids = _agents(root / "proc")
    if pids:
        running = ", ".join(map(str, pids[:MOST_NAMED]))
        yield warn(f"{text}, but one runs (process {running})", _LOOK)
    elif others:
        yield warn(f"{text}; there are {', '.join(others[:MOST_NAMED])}", "name it: GPUFLEET_HOST_NAME, or " + _START)
    elif _may_be_hidden(path, root):
        where = ROOT_STATE_DIRECTORY
        yield warn(f"{text}; one that root has run keeps it in {where}", f"ask as root, or {_START}")
    else:
        yield warn(text, _START)


def _others(path: Path) -> list[Path]:
    return list(path.parent.glob(f"{PREFIX}*{SUFFIX}"))


def _may_be_hidden(path: Path, root: Path) -> bool:
    """What this user may not look into is there as well."""
    folder = root / ROOT_STATE_DIRECTORY.relative_to("/") / "agent"
    try:
        return path.parent != folder and folder.is_dir()
    except PermissionError:
        return True


def _agents(proc: Path) -> list[int]:
    """Processes that are `gpufleet-agent run`, of this PID namespace."""
    return sorted(int(entry.parent.name) for entry in proc.glob("[0-9]*/cmdline") if _is_agent(entry))


def _is_agent(cmdline: Path) -> bool:
    try:
        words = cmdline.read_bytes().split(b"\0")
    except OSError:  # it ended meanwhile, or may not be looked at
        return False
    names = [word.rpartition(b"/")[2] for word in words[:4]]
    return any(pair == (b"gpufleet-agent", b"run") for pair in pairwise(names))


def _status(status: AgentStatus, now_us: int, proc: Path) -> Iterator[Finding]:
    who = f"agent of {status.host_name}, version {status.agent_version}"
    age = (now_us - status.written_at_us) / 1_000_000
    said = f"said {_duration(age)} ago" if age >= 0 else f"said at {_instant(status.written_at_us)}, by another clock"
    runs = _runs(status, proc)
    since = f"since {_instant(status.started_at_us)}, all figures {said}"
    if status.ended:
        yield warn(f"{who}: ended {_duration(age)} ago; all figures are its last ones", _START)
    elif runs is False:
        yield warn(f"{who}: process {status.pid} is gone without a word, last {said}", f"see its log; {_START}")
    elif abs(age) <= STALE_SECONDS:
        yield ok(f"{who}: runs as process {status.pid} {since}")
    elif runs:
        remedy = "see its log: its disk may be full or hang; restart it if this lasts"
        yield warn(f"{who}: runs as process {status.pid}, but all figures are old: {said}", remedy)
    else:
        remedy = f"it is in another PID namespace, so ask there whether it runs; {_START}"
        yield warn(f"{who}: process {status.pid} has been silent, last {said}", remedy)
    yield from cost_findings(status)


def _runs(status: AgentStatus, proc: Path) -> bool | None:
    """None where that cannot be told: its number is one of another PID namespace."""
    if not status.pid_namespace or status.pid_namespace != own_pid_namespace(proc):
        return None
    return status.process_start == process_start(status.pid, proc)


def _instant(instant_us: int) -> str:
    try:
        return datetime.fromtimestamp(instant_us / 1_000_000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    except (ValueError, OverflowError, OSError):
        return "an impossible time"


def _duration(seconds: float) -> str:
    """`12 s`, `3 min`, `5 h`, `2 days`: the order of magnitude is what counts."""
    for size, unit in ((86_400, "days"), (3600, "h"), (60, "min")):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit}"
    return f"{max(0.0, seconds):.0f} s"
