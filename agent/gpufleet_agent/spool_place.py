"""Where a host's spool lies: one file per host name, so that agents of different names never share one."""

import hashlib
import re
from pathlib import Path

SUFFIX = ".sqlite"
MAX_NAME = 100


def spool_path(folder: Path, host_name: str) -> Path:
    """The file for `host_name` in `folder`; different names never give the same file."""
    plain = re.sub(r"[^A-Za-z0-9._-]", "_", host_name)[:MAX_NAME]
    digest = "" if plain == host_name else "-" + hashlib.sha256(host_name.encode()).hexdigest()[:12]
    return folder / f"spool-{plain}{digest}{SUFFIX}"
