"""A full disk is named with what to do, and nothing is said of others."""

from pathlib import Path

import pytest

from gpufleet_collector.store.embedded.launch import is_transient
from gpufleet_collector.store.embedded.room import LEAST_FREE_BYTES, free_bytes, shortage

DATA, LOG = Path("/data"), Path("/log")


def test_the_disk_that_is_full_is_named() -> None:
    free = {DATA: LEAST_FREE_BYTES, LOG: LEAST_FREE_BYTES - 1}
    assert shortage([DATA], free.__getitem__) is None
    assert shortage([DATA, LOG], free.__getitem__) == "the disk of /log is full (31 MiB are left): make room on it"


def test_of_a_disk_that_cannot_be_asked_nothing_is_said(tmp_path: Path) -> None:
    assert shortage([tmp_path / "none"]) is None


def test_room_is_what_is_left_for_who_is_not_root(tmp_path: Path) -> None:
    assert free_bytes(tmp_path) > 0


@pytest.mark.parametrize(
    ("complaint", "expected"),
    [
        ('FATAL:  lock file "postmaster.pid" already exists', True),
        ("FATAL:  pre-existing shared memory block (key 1, ID 2) is still in use", True),
        ('FATAL:  could not write lock file "postmaster.pid": No space left on device', False),
        ('FATAL:  could not create lock file "postmaster.pid": No space left on device', False),
        ("PANIC:  could not locate a valid checkpoint record", False),
        ("it said nothing", False),
    ],
)
def test_only_remains_of_a_killed_server_are_waited_out(complaint: str, expected: bool) -> None:
    assert is_transient(complaint) is expected
