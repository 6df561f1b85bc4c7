"""Bytes into a descriptor whose other end may be slow, a pipe or a terminal, while the loop goes on: it has signals to
hear."""

import asyncio
import errno
import os
import select
from pathlib import Path

AT_ONCE_BYTES = select.PIPE_BUF
"""What a pipe takes without waiting when it says that it takes something (pipe(7))."""

READER_SECONDS = 0.05
"""How often it is looked whether a named pipe has a reader."""


async def pour(descriptor: int, data: bytes) -> None:
    """Write all of it. Raises OSError."""
    rest = memoryview(data)
    while rest:
        if not _takes_some(descriptor):
            await _until_it_does(descriptor)
        rest = rest[os.write(descriptor, rest[:AT_ONCE_BYTES]) :]


async def open_outlet(path: Path) -> int:
    """A descriptor to pour into, of a device or a pipe, which is waited for until somebody reads it. Raises OSError."""
    while True:
        try:
            descriptor = os.open(path, os.O_WRONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
        except OSError as error:
            if not _wants_reader(path, error):
                raise
            await asyncio.sleep(READER_SECONDS)
        else:
            os.set_blocking(descriptor, True)
            return descriptor


def _wants_reader(path: Path, error: OSError) -> bool:
    return error.errno == errno.ENXIO and path.is_fifo()


def _takes_some(descriptor: int) -> bool:
    """Or would fail at once. Files and devices that are never full cannot be waited for, and never have to be."""
    asking = select.poll()
    asking.register(descriptor, select.POLLOUT)
    return bool(asking.poll(0))


async def _until_it_does(descriptor: int) -> None:
    loop = asyncio.get_running_loop()
    ready = loop.create_future()

    def tell() -> None:
        if not ready.done():
            ready.set_result(None)

    loop.add_writer(descriptor, tell)
    try:
        await ready
    finally:
        loop.remove_writer(descriptor)
