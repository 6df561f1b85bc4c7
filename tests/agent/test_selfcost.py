"""The cost of a process is read from /proc, also when its name is odd or it is gone."""

import os
from pathlib import Path

from gpufleet_agent.selfcost import UNKNOWN_COST, ProcessCost, parse_cost, process_cost


def test_memory_and_cpu_are_read_past_a_name_with_spaces_and_brackets() -> None:
    stat = "12 (a ) b) S " + " ".join(["0"] * 10) + " 150 50 0 0"
    assert parse_cost("100 25 10", stat, 4096, 100) == ProcessCost(25 * 4096, 2.0)


def test_this_process_costs_something() -> None:
    cost = process_cost(os.getpid())
    assert cost.rss_bytes is not None and cost.rss_bytes > 1_000_000
    assert cost.cpu_seconds is not None and cost.cpu_seconds > 0


def test_a_process_that_is_gone_costs_nothing_known(tmp_path: Path) -> None:
    assert process_cost(1, tmp_path) == UNKNOWN_COST
    assert parse_cost("", "", 4096, 100) == UNKNOWN_COST
