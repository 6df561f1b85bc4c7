"""One file on disk: bounded in size and age, left whole by a kill, given up rather than trusted when it is broken."""

import os
import signal
import sqlite3
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from gpufleet_agent.errors import SpoolBroken
from gpufleet_agent.spool import Spool
from gpufleet_agent.spool_file import FORMAT
from gpufleet_agent.spool_orders import Amount, DiskOrders, Gone, StoredReport
from gpufleet_agent.spool_place import spool_path

MEBIBYTE = 1024 * 1024
HOUR_US = 3600 * 1_000_000
ALL = DiskOrders(load=10_000)


class Wall:
    """A wall clock that a test sets, in microseconds."""

    def __init__(self) -> None:
        self.us = 1_700_000_000_000_000

    def __call__(self) -> int:
        return self.us


def spool(folder: Path, *, max_bytes: int = MEBIBYTE, hours: float = 72.0, wall: Wall | None = None) -> Spool:
    return Spool(folder / "spool.sqlite", max_bytes, hours * 3600, wall or Wall())


def reports(first: int, last: int, size: int = 100) -> tuple[StoredReport, ...]:
    return tuple(StoredReport(number, f"{number}".encode().ljust(size, b"."), 8) for number in range(first, last + 1))


def numbers(disk: Spool, orders: DiskOrders = ALL) -> list[int]:
    """What is there, as the numbers that the present owner gives it."""
    return [report.number for report in disk.apply(orders).loaded]


def test_what_was_kept_is_found_by_the_next_process_in_order_of_age_before_what_that_one_takes(tmp_path: Path) -> None:
    first = spool(tmp_path)
    assert first.open().others == Amount()
    kept = reports(1, 3)
    first.apply(DiskOrders(keep=(kept[2], kept[0], kept[1])))
    first.close()
    second = spool(tmp_path)
    contents = second.open()
    assert (contents.others, contents.begun_anew) == (Amount(3, 24, 300), False)
    second.apply(DiskOrders(keep=reports(1, 1)))
    found = second.apply(ALL).loaded
    assert [report.number for report in found] == [-2, -1, 0, 1]
    assert [report.payload for report in found[:3]] == [report.payload for report in kept]


def test_what_is_settled_is_forgotten_and_what_its_owner_holds_is_neither_counted_nor_loaded(tmp_path: Path) -> None:
    disk = spool(tmp_path)
    disk.open()
    disk.apply(DiskOrders(keep=reports(1, 5)))
    outcome = disk.apply(DiskOrders(forget=(1, 99), load=2, held=frozenset({2, 4})))
    assert [report.number for report in outcome.loaded] == [3, 5]
    assert outcome.stored_reports == 4
    assert disk.open({2, 99}).others.reports == 3


def test_a_report_written_again_is_there_once(tmp_path: Path) -> None:
    disk = spool(tmp_path)
    disk.open()
    disk.apply(DiskOrders(keep=reports(1, 2)))
    assert disk.apply(DiskOrders(keep=reports(2, 3))).stored_reports == 3
    assert numbers(disk) == [1, 2, 3]


def test_past_its_bound_in_size_the_oldest_go_and_are_told_and_the_file_stays_below_it(tmp_path: Path) -> None:
    disk = spool(tmp_path, max_bytes=MEBIBYTE)
    disk.open()
    gone: list[Gone] = []
    for first in range(1, 3001, 100):
        gone += disk.apply(DiskOrders(keep=reports(first, first + 99, size=1000))).gone
        assert (tmp_path / "spool.sqlite").stat().st_size <= MEBIBYTE
    left = numbers(disk, DiskOrders(load=10_000))
    assert [each.number for each in gone] == list(range(1, len(gone) + 1))
    assert left == list(range(len(gone) + 1, len(gone) + 1 + len(left)))
    assert {each.amount for each in gone} == {Amount(1, 8, 1000)}
    assert disk.apply(DiskOrders()).stored_reports * 1000 > MEBIBYTE / 2
    assert sum(path.stat().st_size for path in tmp_path.iterdir()) <= 3 * MEBIBYTE


def test_a_report_that_never_fits_is_told_and_costs_no_other(tmp_path: Path) -> None:
    disk = spool(tmp_path)
    disk.open()
    disk.apply(DiskOrders(keep=reports(1, 2)))
    outcome = disk.apply(DiskOrders(keep=(StoredReport(3, bytes(MEBIBYTE // 2), 8),)))
    assert outcome.gone == (Gone(3, Amount(1, 8, MEBIBYTE // 2)),)
    assert numbers(disk) == [1, 2]


def test_past_its_bound_in_age_a_report_goes_and_is_told(tmp_path: Path) -> None:
    wall = Wall()
    disk = spool(tmp_path, hours=2.0, wall=wall)
    disk.open()
    disk.apply(DiskOrders(keep=reports(1, 100)))
    wall.us += HOUR_US
    disk.apply(DiskOrders(keep=reports(101, 102)))
    wall.us += HOUR_US + 1
    assert [each.number for each in disk.apply(ALL).gone] == list(range(1, 101))
    assert numbers(disk) == [101, 102]


def test_a_wall_clock_set_back_makes_nothing_old(tmp_path: Path) -> None:
    wall = Wall()
    disk = spool(tmp_path, hours=2.0, wall=wall)
    disk.open()
    disk.apply(DiskOrders(keep=reports(1, 3)))
    wall.us -= 10 * HOUR_US
    assert numbers(disk) == [1, 2, 3]


def test_the_file_shrinks_when_its_reports_have_been_settled(tmp_path: Path) -> None:
    disk = spool(tmp_path, max_bytes=16 * MEBIBYTE)
    disk.open()
    disk.apply(DiskOrders(keep=reports(1, 5000, size=1000)))
    full = disk.apply(DiskOrders()).file_bytes
    assert disk.apply(DiskOrders(forget=tuple(range(1, 5001)))).file_bytes < full / 3
    disk.close()
    assert sum(path.stat().st_size for path in tmp_path.iterdir()) < full / 3


def test_a_large_backlog_is_loaded_piece_by_piece(tmp_path: Path) -> None:
    disk = spool(tmp_path, max_bytes=64 * MEBIBYTE)
    disk.open()
    disk.apply(DiskOrders(keep=reports(1, 20, size=100_000)))
    assert len(numbers(disk)) == 6, "half a MiB at a time"


@pytest.mark.parametrize("damage", ["garbage", "truncated", "header", "format"])
def test_a_file_that_cannot_be_read_is_put_aside_once_and_a_new_one_begun(tmp_path: Path, damage: str) -> None:
    path = tmp_path / "spool.sqlite"
    (tmp_path / "spool.sqlite.corrupt-1").touch()
    disk = spool(tmp_path)
    disk.open()
    disk.apply(DiskOrders(keep=reports(1, 300, size=500)))
    disk.close()
    if damage == "format":
        with sqlite3.connect(path) as database:
            database.execute(f"PRAGMA user_version = {FORMAT + 1}")
        database.close()
    else:
        raw = path.read_bytes()
        broken = {"garbage": b"no database" * 1000, "truncated": raw[:5000], "header": b"\0" * 100 + raw[100:]}
        path.write_bytes(broken[damage])
    disk = spool(tmp_path)
    contents = disk.open()
    assert (contents.others, contents.begun_anew) == (Amount(), True)
    disk.apply(DiskOrders(keep=reports(1, 2)))
    assert numbers(disk) == [1, 2]
    (aside,) = tmp_path.glob("*.corrupt-*")
    assert aside.name != "spool.sqlite.corrupt-1"


def test_damage_found_while_working_is_an_error_and_the_next_opening_begins_anew(tmp_path: Path) -> None:
    disk = spool(tmp_path, max_bytes=16 * MEBIBYTE)
    disk.open()
    disk.apply(DiskOrders(keep=reports(1, 3000, size=500)))
    disk.close()
    path = tmp_path / "spool.sqlite"
    raw = path.read_bytes()
    path.write_bytes(raw[:100_000] + os.urandom(len(raw) - 100_000))
    disk = spool(tmp_path, max_bytes=16 * MEBIBYTE)
    with pytest.raises(SpoolBroken, match="malformed"):
        for _ in range(2):
            disk.open()
            disk.apply(DiskOrders(forget=tuple(range(-3000, 1)), load=3000))
    contents = disk.open({1})
    assert (contents.others, contents.begun_anew) == (Amount(), True)
    assert disk.apply(DiskOrders(keep=reports(1, 2))).stored_reports == 2


def test_a_second_agent_of_the_same_host_does_not_share_it_until_the_first_has_ended(tmp_path: Path) -> None:
    first, second = spool(tmp_path), spool(tmp_path)
    first.open()
    first.apply(DiskOrders(keep=reports(1, 2)))
    with pytest.raises(SpoolBroken, match="another agent"):
        second.open()
    first.close()
    assert second.open().others.reports == 2


def test_what_is_not_open_cannot_be_used_and_closing_it_is_fine(tmp_path: Path) -> None:
    disk = spool(tmp_path)
    disk.close()
    with pytest.raises(SpoolBroken, match="not open"):
        disk.apply(ALL)


def test_a_place_that_is_no_folder_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(SpoolBroken, match=r"File exists|Not a directory"):
        spool(tmp_path / "file").open()


def test_a_disk_without_room_is_said_and_used_again_when_there_is_room(tmp_path: Path) -> None:
    disk = spool(tmp_path, max_bytes=16 * MEBIBYTE)
    disk.open()
    disk.apply(DiskOrders(keep=reports(1, 10)))
    assert disk._file is not None
    disk._file._database.execute("PRAGMA max_page_count = 20")
    with pytest.raises(SpoolBroken, match="full"):
        disk.apply(DiskOrders(keep=reports(11, 300, size=1000)))
    assert disk.open().others.reports == 10, "all of a step or nothing"
    assert disk.apply(DiskOrders(keep=reports(11, 300, size=1000))).stored_reports == 300


def test_its_folder_is_for_its_owner_alone(tmp_path: Path) -> None:
    disk = spool(tmp_path / "deep" / "agent")
    disk.open()
    assert stat.S_IMODE((tmp_path / "deep" / "agent").stat().st_mode) == 0o700
    assert stat.S_IMODE((tmp_path / "deep").stat().st_mode) & 0o050


@pytest.mark.parametrize("name", ["node-1.example.org", "a/b", "a_b", "../..", "ü" * 253, "x" * 253, "."])
def test_every_host_name_has_a_file_of_its_own_in_the_folder(tmp_path: Path, name: str) -> None:
    path = spool_path(tmp_path, name)
    assert path.parent == tmp_path
    assert path != spool_path(tmp_path, name + "x")
    path.touch()


def test_names_that_look_alike_do_not_share_a_file(tmp_path: Path) -> None:
    assert len({spool_path(tmp_path, name) for name in ("a/b", "a_b", "a b", "a:b")}) == 4


def test_old_spools_of_other_names_go_unless_somebody_uses_them(tmp_path: Path) -> None:
    wall = Wall()

    def named(name: str) -> Spool:
        return Spool(spool_path(tmp_path, name), MEBIBYTE, 72 * 3600.0, wall)

    names = ("left", "recent", "used", "own")
    spools = {name: named(name) for name in names}
    for name, disk in spools.items():
        disk.open()
        disk.apply(DiskOrders(keep=reports(1, 2)))
        if name != "used":
            disk.close()
    old, recent = (wall.us - 73 * HOUR_US) / 1_000_000, (wall.us - 71 * HOUR_US) / 1_000_000
    for path in tmp_path.glob("*.sqlite*"):
        os.utime(path, (old, recent if "recent" in path.name else old))
    assert named("own").claim(), "its own is for its reports to say how old they are"
    assert sorted(path.stem for path in tmp_path.glob("*.sqlite")) == ["spool-own", "spool-recent", "spool-used"]


KEEPS_FOR_EVER = """
import sys
from pathlib import Path
from gpufleet_agent.spool import Spool
from gpufleet_agent.spool_orders import DiskOrders, StoredReport

disk = Spool(Path(sys.argv[1]), 64 * 1024 * 1024, 3600.0)
disk.open()
number = 0
while True:
    number += 1
    disk.apply(DiskOrders(keep=(StoredReport(number, b"%d" % number * 300, 1),)))
    sys.stdout.write(f"{number}\\n")
    sys.stdout.flush()
"""


def test_a_process_killed_again_and_again_loses_nothing_that_it_had_written(tmp_path: Path) -> None:
    path = tmp_path / "spool.sqlite"
    said = 0
    for round_number in range(5):
        process = subprocess.Popen([sys.executable, "-c", KEEPS_FOR_EVER, str(path)], stdout=subprocess.PIPE, text=True)
        assert process.stdout is not None
        for _ in range(3 + 5 * round_number):
            assert process.stdout.readline()
            said += 1
        process.send_signal(signal.SIGKILL)
        said += len(process.communicate()[0].splitlines())
    disk = spool(tmp_path, max_bytes=64 * MEBIBYTE, hours=24 * 365 * 100)
    there = disk.open().others.reports
    assert said <= there <= said + 5, "each may have written one more than it could say"
