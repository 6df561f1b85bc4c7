"""The cost of a process is read from /proc, also when its name is odd or it is gone."""

import os
from pathlib import Path

import pytest

from gpufleet_agent.selfcost import UNKNOWN_COST, ProcessCost, parse_cost, process_cost


def test_memory_and_cpu_are_read_past_a_name_with_spaces_and_brackets() -> None:
    stat = b"12 (a ) b) S " + b" ".join([b"0"] * 10) + b" 150 50" + b" 0" * 8 + b" 25 0 0"
    assert parse_cost(stat, 4096, 100) == ProcessCost(25 * 4096, 2.0)


def test_this_process_costs_something() -> None:
    cost = process_cost(os.getpid())
    assert cost.rss_bytes is not None and cost.rss_bytes > 1_000_000
    assert cost.cpu_seconds is not None and cost.cpu_seconds > 0


def test_memory_is_what_the_kernel_says_elsewhere() -> None:
    resident = int(Path(f"/proc/{os.getpid()}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    assert process_cost(os.getpid()).rss_bytes == pytest.approx(resident, rel=0.1)


def test_a_process_that_is_gone_costs_nothing_known(tmp_path: Path) -> None:
    assert process_cost(1, tmp_path) == UNKNOWN_COST
    assert parse_cost(b"", 4096, 100) == UNKNOWN_COST
