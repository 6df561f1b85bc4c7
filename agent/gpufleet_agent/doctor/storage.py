"""Whether the agent may write where it would keep its data."""

import os
from pathlib import Path

from gpufleet_agent.doctor.finding import Finding, ok, warn


def storage_findings(directory: Path | None) -> list[Finding]:
    """Nothing is created: where the directory is missing, the first one above it that exists tells."""
    if directory is None:
        return [warn("no data directory: this user has no home", "set GPUFLEET_DATA_DIR to a directory of this user")]
    existing = next(path for path in (directory, *directory.absolute().parents) if path.exists())
    if existing.is_dir() and os.access(existing, os.W_OK | os.X_OK):
        return [ok(f"data directory {directory} " + ("is writable" if existing == directory else "can be made"))]
    return [warn(f"data directory {directory} cannot be written", "set GPUFLEET_DATA_DIR to a directory of this user")]
