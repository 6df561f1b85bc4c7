"""A file has its name only when it is whole."""

import io
import os
from pathlib import Path

import pytest

from gpufleet_collector.errors import OutputFailed
from gpufleet_collector.export.target import target


def test_a_whole_file_takes_its_name_at_the_end(tmp_path: Path) -> None:
    path = tmp_path / "out.csv"
    path.write_text("before")
    with target(str(path), io.BytesIO()) as write:
        write(b"a")
        assert path.read_text() == "before"
        write(b"b")
    assert path.read_text() == "ab"
    assert list(tmp_path.iterdir()) == [path]


def test_half_a_file_leaves_nothing(tmp_path: Path) -> None:
    path = tmp_path / "out.csv"
    with pytest.raises(LookupError), target(str(path), io.BytesIO()) as write:
        write(b"a")
        raise LookupError
    assert list(tmp_path.iterdir()) == []


def test_a_link_stays_and_what_it_names_is_written(tmp_path: Path) -> None:
    path, link = tmp_path / "out.csv", tmp_path / "link.csv"
    path.write_text("before")
    link.symlink_to(path)
    with target(str(link), io.BytesIO()) as write:
        write(b"after")
    assert link.is_symlink()
    assert path.read_text() == "after"


def test_a_pipe_is_written_to_and_stays_one(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    try:
        with target(str(pipe), io.BytesIO()) as write:
            write(b"rows")
        assert os.read(reader, 100) == b"rows"
    finally:
        os.close(reader)
    assert pipe.is_fifo()
    assert list(tmp_path.iterdir()) == [pipe]


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    path = tmp_path / "nowhere" / "out.csv"
    with pytest.raises(OutputFailed, match=f"{path} cannot be written: No such file"), target(str(path), io.BytesIO()):
        raise AssertionError


@pytest.mark.parametrize("output", ["", ".", "..", "/"])
def test_a_folder_is_no_file(output: str) -> None:
    with pytest.raises(OutputFailed, match="is a folder: give the name of a file"), target(output, io.BytesIO()):
        raise AssertionError


class Slow(io.BytesIO):
    """Takes two bytes at a time."""

    def write(self, data: object) -> int:
        return super().write(memoryview(data)[:2])  # type: ignore[arg-type]


def test_the_standard_output_gets_everything() -> None:
    out = Slow()
    with target("-", out) as write:
        write(b"abcde")
    assert out.getvalue() == b"abcde"


class Gone(io.BytesIO):
    def write(self, data: object) -> int:
        raise BrokenPipeError(32, "Broken pipe")


def test_a_reader_that_went_is_said() -> None:
    why = "the standard output cannot be written: Broken pipe"
    with pytest.raises(OutputFailed, match=why), target("-", Gone()) as write:
        write(b"a")
