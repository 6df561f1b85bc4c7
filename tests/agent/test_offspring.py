"""What a process has started is killed with it, and nobody else."""

import os
import select
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from gpufleet_agent.offspring import kill_offspring

PARENT = """
import subprocess, sys, signal
child = subprocess.Popen([sys.executable, "-c", "import signal; signal.pause()"], start_new_session={session})
print(child.pid, flush=True)
signal.pause()
"""


@contextmanager
def parent_with_child(*, session: bool) -> Iterator[tuple[subprocess.Popen[str], int]]:
    """A process and the PID of its child."""
    parent = subprocess.Popen([sys.executable, "-c", PARENT.format(session=session)], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    child = int(parent.stdout.readline())
    try:
        yield parent, child
    finally:
        for pid in (child, parent.pid):
            if Path(f"/proc/{pid}").exists():
                os.kill(pid, signal.SIGKILL)
        parent.communicate()


def state(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return "gone"


def test_a_child_in_a_session_of_its_own_is_killed_and_its_parent_is_not() -> None:
    with parent_with_child(session=True) as (parent, child):
        descriptor = os.pidfd_open(child)
        assert kill_offspring(parent.pid) == 1
        _wait(descriptor)
        assert state(child) in ("Z", "gone")
        assert parent.poll() is None


def _wait(descriptor: int) -> None:
    try:
        assert select.select([descriptor], [], [], 10.0)[0], "it was not killed"
    finally:
        os.close(descriptor)


def test_nobody_kills_the_group_that_he_is_in() -> None:
    with parent_with_child(session=False) as (parent, child):
        assert os.getpgid(child) == os.getpgid(0)
        assert kill_offspring(parent.pid) == 0
        assert parent.poll() is None


def test_a_process_that_is_gone_has_none() -> None:
    with parent_with_child(session=True) as (parent, _):
        pass
    assert kill_offspring(parent.pid) == 0


@pytest.mark.parametrize("content", ["", "1 (x", "7 (a) b) S 99", "7 (x) S 12 0 0"])
def test_garbage_in_proc_is_nobodys_child(tmp_path: Path, content: str) -> None:
    (tmp_path / "7").mkdir()
    (tmp_path / "8").mkdir()
    (tmp_path / "7" / "stat").write_text(content)
    (tmp_path / "self").mkdir()
    assert kill_offspring(12, tmp_path) == 0
