"""A file has its name only when it is whole."""

import asyncio
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from gpufleet_collector.errors import OutputFailed
from gpufleet_collector.export.target import target

NO_OUTPUT = -1
NULL = Path("/dev/null")


@contextmanager
def pipe() -> Iterator[tuple[int, int]]:
    """Where to read and where to write; both are closed at the end unless they are already."""
    ends = os.pipe()
    try:
        yield ends
    finally:
        for end in ends:
            try:
                os.close(end)
            except OSError:
                continue


def names(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir()]


def device_of(path: Path) -> int:
    return path.stat().st_rdev


async def read_all(end: int) -> bytes:
    """Until nobody writes any more."""
    return await asyncio.to_thread(lambda: b"".join(iter(lambda: os.read(end, 1000), b"")))


async def test_a_whole_file_takes_its_name_at_the_end(tmp_path: Path) -> None:
    path = tmp_path / "out.csv"
    path.write_text("before")
    async with target(str(path), NO_OUTPUT) as write:
        await write(b"a")
        assert path.read_text() == "before"
        await write(b"b")
    assert path.read_text() == "ab"
    assert names(tmp_path) == ["out.csv"]


async def test_half_a_file_leaves_nothing(tmp_path: Path) -> None:
    path = tmp_path / "out.csv"
    with pytest.raises(LookupError):
        async with target(str(path), NO_OUTPUT) as write:
            await write(b"a")
            raise LookupError
    assert names(tmp_path) == []


async def test_what_goes_wrong_elsewhere_is_not_said_of_the_file(tmp_path: Path) -> None:
    with pytest.raises(ConnectionResetError, match="by the database"):
        async with target(str(tmp_path / "out.csv"), NO_OUTPUT):
            raise ConnectionResetError("by the database")


async def test_a_link_stays_and_what_it_names_is_written(tmp_path: Path) -> None:
    path, link = tmp_path / "out.csv", tmp_path / "link.csv"
    path.write_text("before")
    link.symlink_to(path)
    async with target(str(link), NO_OUTPUT) as write:
        await write(b"after")
    assert link.is_symlink()
    assert path.read_text() == "after"


async def test_a_named_pipe_is_written_to_as_soon_as_somebody_reads_it_and_stays_one(tmp_path: Path) -> None:
    named = tmp_path / "pipe"
    os.mkfifo(named)

    async def write_into() -> None:
        async with target(str(named), NO_OUTPUT) as write:
            await write(b"rows")

    writing = asyncio.create_task(write_into())
    await asyncio.sleep(0.1)
    assert not writing.done()
    reader = os.open(named, os.O_RDONLY | os.O_NONBLOCK)
    try:
        await writing
        assert os.read(reader, 100) == b"rows"
    finally:
        os.close(reader)
    assert named.is_fifo()
    assert names(tmp_path) == ["pipe"]


async def test_a_device_is_written_to() -> None:
    number = device_of(NULL)
    async with target(str(NULL), NO_OUTPUT) as write:
        await write(b"rows")
    assert device_of(NULL) == number


async def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    path = tmp_path / "nowhere" / "out.csv"
    with pytest.raises(OutputFailed, match=f"{path} cannot be written: No such file"):
        async with target(str(path), NO_OUTPUT):
            raise AssertionError


@pytest.mark.parametrize("output", ["", ".", "..", "/"])
async def test_a_folder_is_no_file(output: str) -> None:
    with pytest.raises(OutputFailed, match="is a folder: give the name of a file"):
        async with target(output, NO_OUTPUT):
            raise AssertionError


async def test_the_standard_output_gets_everything_as_fast_as_it_is_read() -> None:
    data = bytes(range(256)) * 4000
    with pipe() as (reading, writing):
        reader = asyncio.create_task(read_all(reading))
        async with target("-", writing) as write:
            await write(data)
        os.close(writing)
        assert await reader == data


async def test_who_does_not_read_holds_up_nothing_but_the_writing() -> None:
    with pipe() as (_, output):
        async with target("-", output) as write:
            writing = asyncio.create_task(write(bytes(10_000_000)))
            await asyncio.sleep(0.1)
            assert not writing.done()
            writing.cancel()
            with pytest.raises(asyncio.CancelledError):
                await writing


async def test_a_reader_that_went_is_said() -> None:
    with pipe() as (reading, output):
        os.close(reading)
        with pytest.raises(OutputFailed, match="the standard output cannot be written: Broken pipe"):
            async with target("-", output) as write:
                await write(b"a")
