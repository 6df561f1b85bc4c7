"""Processes by identity rather than by number alone: a server that outlived its collector is no child of the next one,
and its number may by then be somebody else's."""

import itertools
import os
from dataclasses import dataclass
from pathlib import Path

PROCESSES = Path("/proc")


@dataclass(frozen=True, slots=True)
class Process:
    """A process by number and start (in ticks since boot), which together are never used twice."""

    pid: int
    started: int

    @classmethod
    def find(cls, pid: int) -> "Process | None":
        """The process that has `pid` now; None when there is none, or only what is left of one that ended."""
        try:
            status = (PROCESSES / str(pid) / "stat").read_text(errors="replace")
        except (FileNotFoundError, ProcessLookupError):
            return None
        state, started = parse_status(status)
        return None if state in "ZX" else cls(pid, started)

    @property
    def is_running(self) -> bool:
        return Process.find(self.pid) == self

    def signal(self, number: int) -> None:
        """Send a signal; to a process that has ended, none."""
        if self.is_running:
            try:
                os.kill(self.pid, number)
            except ProcessLookupError:
                return

    def serves(self, data: Path) -> bool:
        """Whether this is the postgres of the data directory `data`: by its command line, else by where it stands."""
        folder = PROCESSES / str(self.pid)
        try:
            command = [os.fsdecode(word) for word in (folder / "cmdline").read_bytes().split(b"\0")]
            if Path(command[0]).name != "postgres":
                return False
            return names_data(command, data) or (folder / "cwd").samefile(data)
        except OSError:
            return False


def parse_status(text: str) -> tuple[str, int]:
    """State and start from /proc/PID/stat, whose second field is a name that may hold spaces and parentheses."""
    fields = text.rpartition(")")[2].split()
    return fields[0], int(fields[19])


def names_data(command: list[str], data: Path) -> bool:
    """Whether a command line of postgres has `-D data`."""
    return any(option == "-D" and Path(value) == data for option, value in itertools.pairwise(command))


def server_of(data: Path) -> Process | None:
    """The PostgreSQL that runs on `data`, as its postmaster.pid says and the process confirms."""
    try:
        pid = int((data / "postmaster.pid").read_text(errors="replace").partition("\n")[0])
    except (FileNotFoundError, ValueError):
        return None
    process = Process.find(pid) if pid > 0 else None
    return process if process is not None and process.serves(data) else None


def says_ready(data: Path) -> bool:
    """Whether the server's postmaster.pid says in its eighth line that it takes connections."""
    try:
        lines = (data / "postmaster.pid").read_text(errors="replace").splitlines()
    except FileNotFoundError:
        return False
    return len(lines) > 7 and lines[7].strip() == "ready"
