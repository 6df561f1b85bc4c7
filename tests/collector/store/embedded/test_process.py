"""Processes by identity: numbers come back, processes do not."""

import os
import signal
import subprocess
import sys
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from gpufleet_collector.store.embedded.process import Process, names_data, parse_status, says_ready, server_of


def test_this_process_is_found_and_is_no_postgres(tmp_path: Path) -> None:
    me = Process.find(os.getpid())
    assert me is not None
    assert me.is_running
    assert not me.serves(tmp_path)


def test_a_number_that_came_back_is_another_process() -> None:
    assert not Process(os.getpid(), -1).is_running


def test_a_process_that_ended_is_gone_though_its_parent_has_not_looked() -> None:
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    process = Process.find(child.pid)
    assert process is not None
    process.signal(signal.SIGKILL)
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    assert not process.is_running
    process.signal(signal.SIGKILL)
    child.communicate()
    assert Process.find(child.pid) is None


@given(st.text(), st.sampled_from("RSDZT"), st.integers(0, 2**60))
def test_a_status_is_read_whatever_the_process_calls_itself(name: str, state: str, started: int) -> None:
    text = f"12 ({name}) {state} " + " ".join(["0"] * 18) + f" {started} 0 0"
    assert parse_status(text) == (state, started)


def test_a_command_line_names_its_data_directory() -> None:
    assert names_data(["postgres", "-c", "a=b", "-D", "/data/x"], Path("/data/x"))
    assert not names_data(["postgres", "-D", "/data/x"], Path("/data"))
    assert not names_data(["postgres", "-D"], Path("/data"))


def test_a_postmaster_pid_that_is_stale_strange_or_of_another_process_names_no_server(tmp_path: Path) -> None:
    assert server_of(tmp_path) is None
    for content in ("", "x\n", "0\n", "-1\n", "4194303999\n", f"{os.getpid()}\n/somewhere\n"):
        (tmp_path / "postmaster.pid").write_text(content)
        assert server_of(tmp_path) is None


def test_a_server_says_when_it_is_ready(tmp_path: Path) -> None:
    assert not says_ready(tmp_path)
    (tmp_path / "postmaster.pid").write_text("1\n2\n3\n4\n5\n\n7\nstarting\n")
    assert not says_ready(tmp_path)
    (tmp_path / "postmaster.pid").write_text("1\n2\n3\n4\n5\n\n7\nready   \n")
    assert says_ready(tmp_path)
