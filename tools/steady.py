"""Runs pytest as it is told, and what failed once more by itself: processes, browsers and clocks are real in our tests,
and others may use the machine. What fails again is red, and what then passes is named, to be mended.

    python tools/steady.py ARGUMENTS OF PYTEST
"""

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TextIO

MOST = 3
"""More of them at once are no accident."""
TIMEOUT_SECONDS = 600

_SOME_FAILED = 1
"""pytest's exit status when all tests ran and some failed. Any other is final: not all may have run."""


def main(arguments: Sequence[str], *, folder: Path, stdout: TextIO) -> int:
    """The exit status of pytest in `folder`, of the second run where there was one."""
    last_failed = folder / ".pytest_cache" / "v" / "cache" / "lastfailed"
    last_failed.unlink(missing_ok=True)
    status = _pytest(arguments, folder)
    if status != _SOME_FAILED:
        return status
    failed = list(json.loads(last_failed.read_text()))
    if len(failed) > MOST:
        return status
    status = _pytest(["--last-failed", "--timeout", f"{TIMEOUT_SECONDS}"], folder)
    if status == 0:
        stdout.writelines(f"Failed at first and passed by itself: {name}\n" for name in failed)
        stdout.flush()
    return status


def _pytest(arguments: Sequence[str], folder: Path) -> int:
    return subprocess.run([sys.executable, "-m", "pytest", *arguments], cwd=folder).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], folder=Path.cwd(), stdout=sys.stdout))
