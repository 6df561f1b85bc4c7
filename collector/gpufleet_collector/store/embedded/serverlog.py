"""PostgreSQL's own log in a file of bounded size, which a server that outlives its collector goes on writing."""

import contextlib
import os
import shutil
from pathlib import Path

MAX_LOG_BYTES = 4 * 1024 * 1024
"""Past it the log is moved to NAME.1, in place of the one before, and begins anew."""

MAX_TAIL_BYTES = 16 * 1024


class ServerLog:
    """One log file. Whoever writes it appends, so that it can be cut while it is written."""

    def __init__(self, path: Path, limit: int = MAX_LOG_BYTES) -> None:
        self.path = path
        self._limit = limit

    def open(self) -> int:
        """A descriptor to append to, for the server's output; the caller closes it."""
        return os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)

    def bound(self) -> None:
        """Keep the file below its limit."""
        if self.size() > self._limit:
            # Without room for the copy the bound holds all the same, and what was written is lost.
            with contextlib.suppress(OSError):
                shutil.copyfile(self.path, self.path.with_name(self.path.name + ".1"))
            os.truncate(self.path, 0)

    def size(self) -> int:
        """Bytes written so far; 0 without a file."""
        try:
            return self.path.stat().st_size
        except FileNotFoundError:
            return 0

    def since(self, offset: int) -> str:
        """What was written after `offset`, the end of it when it is long."""
        size = self.size()
        if size == 0:
            return ""
        start = max(0 if offset > size else offset, size - MAX_TAIL_BYTES)
        with self.path.open("rb") as file:
            file.seek(start)
            return file.read(MAX_TAIL_BYTES).decode(errors="replace")


def complaint(text: str) -> str:
    """The line of a log that says why PostgreSQL ended: the last FATAL or PANIC, else the last of all."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    serious = [line for line in lines if "FATAL:" in line or "PANIC:" in line]
    return (serious or lines or ["it said nothing"])[-1][:500]
