"""CPU time is counted for a process and all that it started, also for what has ended by now."""

import os
import subprocess
import sys

import pytest
from bench.usage import children, own_cpu, parse_cpu, rss_bytes, tree_cpu

BURN = "import time\nwhile time.process_time() < {}: pass\n"
NESTED = f"""
import subprocess, sys
subprocess.run([sys.executable, "-c", {BURN.format(0.2)!r}])
print("done", flush=True)
sys.stdin.read()
"""


def test_a_name_may_hold_brackets() -> None:
    ticks = os.sysconf("SC_CLK_TCK")
    cpu = parse_cpu(f"7 (a ) b) S 1 {'0 ' * 9}{2 * ticks} {ticks} {3 * ticks} 0 20 0")
    assert (cpu.own, cpu.ended_children) == (3.0, 3.0)


def test_what_a_child_used_counts_after_it_has_ended() -> None:
    process = subprocess.Popen([sys.executable, "-c", NESTED], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    try:
        assert process.stdout is not None
        process.stdout.readline()
        assert process.pid in children(os.getpid())
        assert tree_cpu(process.pid) >= own_cpu(process.pid) + 0.18
        assert rss_bytes(process.pid) > 1_000_000
    finally:
        process.communicate()
    assert tree_cpu(process.pid) == 0.0


def test_a_process_that_burns_is_seen_to() -> None:
    before = own_cpu(os.getpid())
    end = before + 0.1
    while (now := own_cpu(os.getpid())) < end:
        sum(range(10_000))
    assert now - before == pytest.approx(0.1, abs=0.05)
