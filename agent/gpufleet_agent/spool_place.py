"""Where a host's spool lies: one file per host name, so that agents of different names never share one.

Containers with random names leave files that nobody uses any more: those go when all that is in them is too old."""

import hashlib
import os
import re
from pathlib import Path

from gpufleet_agent.spool_lock import try_lock

PREFIX, SUFFIX = "spool-", ".sqlite"
MAX_NAME = 100


def spool_path(folder: Path, host_name: str) -> Path:
    """The file for `host_name` in `folder`; different names never give the same file."""
    return folder / f"{PREFIX}{plain_name(host_name)}{SUFFIX}"


def plain_name(host_name: str) -> str:
    """The host name as part of a file name; different host names never give the same one."""
    plain = re.sub(r"[^A-Za-z0-9._-]", "_", host_name)[:MAX_NAME]
    return plain if plain == host_name else f"{plain}-{hashlib.sha256(host_name.encode()).hexdigest()[:12]}"


def sweep(own: Path, oldest: float) -> list[Path]:
    """Delete the spools beside `own` that nobody uses and nobody has written to since `oldest` (seconds since 1970):
    all that is in them is past its bound in age. The paths that are gone."""
    return [
        path
        for path in sorted(own.parent.glob(f"{PREFIX}*{SUFFIX}"))
        if path != own and _written_at(path) < oldest and _delete(path)
    ]


def _log_of(path: Path) -> Path:
    return path.with_name(path.name + "-wal")


def _written_at(path: Path) -> float:
    return max((part.stat().st_mtime for part in (path, _log_of(path)) if part.exists()), default=0.0)


def _delete(path: Path) -> bool:
    """Its lock stays: deleted, it could be held twice."""
    lock = try_lock(path)
    if lock is None:
        return False
    path.unlink(missing_ok=True)
    _log_of(path).unlink(missing_ok=True)
    os.close(lock)
    return True
