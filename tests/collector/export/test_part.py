"""What a killed export left is removed by the next one of that name; what another is at and what is not ours stay."""

import os
from pathlib import Path

import pytest

from gpufleet_collector.export.part import Part, remove_leftovers


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "out.csv"


def names(folder: Path) -> set[str]:
    return {found.name for found in folder.iterdir()}


def test_the_part_of_a_process_that_is_gone_is_removed(path: Path) -> None:
    path.with_name(".out.csv.0123abcd.part").write_text("half")
    part = Part(path)
    assert len(names(path.parent)) == 1
    assert ".out.csv.0123abcd.part" not in names(path.parent)
    part.close()


def test_the_part_that_somebody_writes_stays_and_both_come_to_their_end(path: Path) -> None:
    first, second = Part(path), Part(path)
    first.write(b"first")
    second.write(b"second")
    assert len(names(path.parent)) == 2
    first.finish()
    first.close()
    assert path.read_text() == "first"
    second.finish()
    second.close()
    assert path.read_text() == "second"
    assert names(path.parent) == {"out.csv"}


@pytest.mark.parametrize(
    "name",
    [
        ".other.csv.0123abcd.part",
        ".out.csv.0123abc.part",
        ".outxcsv.0123abcd.part",
        "out.csv.0123abcd.part",
        ".out.csv",
    ],
)
def test_files_of_other_names_stay(path: Path, name: str) -> None:
    path.with_name(name).write_text("theirs")
    remove_leftovers(path)
    assert names(path.parent) == {name}


def test_something_of_that_name_that_is_no_file_stays(path: Path) -> None:
    path.with_name(".out.csv.0123abcd.part").mkdir()
    remove_leftovers(path)
    assert names(path.parent) == {".out.csv.0123abcd.part"}


def test_a_finished_file_has_the_permissions_that_any_new_file_has(path: Path) -> None:
    part = Part(path)
    part.finish()
    part.close()
    other = path.with_name("other")
    other.touch()
    assert path.stat().st_mode == other.stat().st_mode
    assert os.access(path, os.R_OK)
