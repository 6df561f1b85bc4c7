"""Every line that is written to a pipe comes out once, whole and in order, and too long a one ends the reading."""

import asyncio
import os

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gpufleet_agent.pipe_lines import LineTooLong, PipeLines

MAX_LINE = 100


async def read_back(*chunks: bytes) -> list[bytes]:
    """The lines that come out when these are written one after the other and the pipe is closed."""
    lines: list[bytes] = []
    reading, writing = os.pipe()
    task = asyncio.create_task(PipeLines(reading, MAX_LINE, lines.append).read())
    try:
        for chunk in chunks:
            os.write(writing, chunk)
            await asyncio.sleep(0)
            await asyncio.sleep(0)
    finally:
        os.close(writing)
    async with asyncio.timeout(10):
        await task
    return lines


@settings(deadline=None)  # every example has an event loop of its own
@given(st.lists(st.binary(max_size=40).map(lambda line: line.replace(b"\n", b"")), max_size=8), st.data())
def test_lines_are_the_same_wherever_they_are_cut(lines: list[bytes], data: st.DataObject) -> None:
    text = b"".join(line + b"\n" for line in lines)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(text)), max_size=6)))
    chunks = [text[start:end] for start, end in zip([0, *cuts], [*cuts, len(text)], strict=True)]
    assert asyncio.run(read_back(*filter(None, chunks))) == [line + b"\n" for line in lines]


async def test_what_has_no_end_is_no_line() -> None:
    assert await read_back(b"whole\nhalf") == [b"whole\n"]


async def test_a_line_that_is_too_long_ends_the_reading() -> None:
    with pytest.raises(LineTooLong):
        await read_back(b"x" * MAX_LINE, b"x")


async def test_what_the_listener_raises_reaches_who_waits_and_the_pipe_is_closed() -> None:
    reading, writing = os.pipe()

    def refuse(_line: bytes) -> None:
        raise ZeroDivisionError

    os.write(writing, b"1\n2\n")
    with pytest.raises(ZeroDivisionError):
        await PipeLines(reading, MAX_LINE, refuse).read()
    with pytest.raises(BrokenPipeError):
        os.write(writing, b"3\n")
    os.close(writing)


async def test_whoever_stops_waiting_closes_the_pipe() -> None:
    reading, writing = os.pipe()
    lines = PipeLines(reading, MAX_LINE, lambda _line: None)
    task = asyncio.create_task(lines.read())
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    with pytest.raises(BrokenPipeError):
        os.write(writing, b"1\n")
    lines.close()
    os.close(writing)
