"""Whether the agent may write where it would keep its data."""

import os
from collections.abc import Mapping
from pathlib import Path

from gpufleet_agent.doctor.finding import Finding, ok, warn


def data_directory(environ: Mapping[str, str]) -> Path:
    """GPUFLEET_DATA_DIR, else the platform's state directory."""
    given = environ.get("GPUFLEET_DATA_DIR")
    if given:
        return Path(given)
    state = environ.get("XDG_STATE_HOME") or Path(environ.get("HOME") or "/") / ".local/state"
    return Path(state) / "gpufleet"


def storage_findings(directory: Path) -> list[Finding]:
    """Nothing is created: where the directory is missing, the first one above it that exists tells."""
    existing = next(path for path in (directory, *directory.absolute().parents) if path.exists())
    if existing.is_dir() and os.access(existing, os.W_OK | os.X_OK):
        return [ok(f"data directory {directory} " + ("is writable" if existing == directory else "can be made"))]
    return [warn(f"data directory {directory} cannot be written", "set GPUFLEET_DATA_DIR to a directory of this user")]
