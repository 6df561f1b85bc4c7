"""Names and starts of processes from /proc, in which everything may vanish at any moment."""

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gpufleet_agent.probe.process_table import NOTHING, TICKS_PER_SECOND, Facts, ProcessTable, parse_stat

BOOT_US = 1_700_000_000_000_000


def stat(pid: int, name: str, ticks: int) -> str:
    return f"{pid} ({name}) S " + " ".join(["0"] * 18) + f" {ticks} 4096 1\n"


def add_process(proc: Path, pid: int, name: str = "python3", ticks: int = 100) -> None:
    (proc / str(pid)).mkdir(exist_ok=True)
    (proc / str(pid) / "stat").write_text(stat(pid, name, ticks))


@pytest.fixture
def table(tmp_path: Path) -> ProcessTable:
    return ProcessTable(tmp_path, lambda: BOOT_US)


def test_a_process_has_its_name_and_its_start(table: ProcessTable, tmp_path: Path) -> None:
    add_process(tmp_path, 12, "python3", ticks=5 * TICKS_PER_SECOND)
    assert table.look([12]) == {12: Facts("python3", BOOT_US + 5_000_000)}


def test_a_process_that_has_ended_has_neither(table: ProcessTable, tmp_path: Path) -> None:
    (tmp_path / "13").mkdir()
    (tmp_path / "14").mkdir()
    (tmp_path / "14" / "stat").write_text("")
    assert table.look([12, 13, 14]) == {12: NOTHING, 13: NOTHING, 14: NOTHING}


def test_a_process_stays_what_it_was_when_the_clock_is_set(tmp_path: Path) -> None:
    boots = [BOOT_US, BOOT_US + 3_600_000_000]
    table = ProcessTable(tmp_path, lambda: boots.pop(0))
    add_process(tmp_path, 12)
    assert table.look([12]) == table.look([12])


def test_a_pid_that_is_used_again_is_another_process(table: ProcessTable, tmp_path: Path) -> None:
    add_process(tmp_path, 12, "old", ticks=100)
    before = table.look([12])[12]
    add_process(tmp_path, 12, "new", ticks=200)
    after = table.look([12])[12]
    assert (before.name, after.name) == ("old", "new")
    assert before.started_at_us != after.started_at_us


def test_what_is_not_looked_at_any_more_is_forgotten(tmp_path: Path) -> None:
    boots = iter([BOOT_US, BOOT_US, BOOT_US + 7])
    table = ProcessTable(tmp_path, lambda: next(boots))
    add_process(tmp_path, 12)
    add_process(tmp_path, 13)
    first = table.look([12])[12]
    table.look([13])
    assert table.look([12])[12] != first


def test_this_process_is_found() -> None:
    (facts,) = ProcessTable(Path("/proc")).look([os.getpid()]).values()
    assert facts.name == Path("/proc/self/comm").read_text().rstrip("\n")
    assert facts.started_at_us is not None


@given(st.text(st.characters(exclude_characters="\x00", exclude_categories=["Cs"]), min_size=1, max_size=15))
def test_any_name_is_read(name: str) -> None:
    assert parse_stat(stat(12, name, 77).encode()) == (name, 77)


@given(st.binary(max_size=300))
def test_garbage_is_no_process(content: bytes) -> None:
    found = parse_stat(content)
    assert found is None or found[1] >= 0
