"""Where an export is written to: a file that has its name only when it is whole, or the standard output."""

import contextlib
import os
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Protocol

from gpufleet_collector.errors import OutputFailed
from gpufleet_collector.export.outlet import open_outlet, pour
from gpufleet_collector.export.part import Part

STANDARD_OUTPUT = "-"


class Write(Protocol):
    async def __call__(self, data: bytes) -> None:
        """Raises OutputFailed."""


@contextlib.asynccontextmanager
async def target(output: str, stdout: int) -> AsyncIterator[Write]:
    """What is written goes to a sibling of the file, which takes its name at the end and is removed when anything is
    raised before; a link stays, and a device or pipe is written to as it is. `stdout` is a descriptor. Raises
    OutputFailed for what goes wrong here, and nothing else than what is raised meanwhile."""
    if output == STANDARD_OUTPUT:
        yield _to_outlet("the standard output", stdout)
        return
    path = _place(output)
    if _is_outlet(path):
        with _told(output):
            descriptor = await open_outlet(path)
        try:
            yield _to_outlet(output, descriptor)
        finally:
            os.close(descriptor)
        return
    with _told(str(path)):
        part = Part(path)
    try:
        yield _to_part(str(path), part)
        with _told(str(path)):
            part.finish()
    finally:
        part.close()


def _place(output: str) -> Path:
    path = Path(output).resolve()
    if path.is_dir():
        raise OutputFailed(f"{output or path} is a folder: give the name of a file")
    return path


def _is_outlet(path: Path) -> bool:
    return path.exists() and not path.is_file()


def _to_outlet(name: str, descriptor: int) -> Write:
    async def write(data: bytes) -> None:
        with _told(name):
            await pour(descriptor, data)

    return write


def _to_part(name: str, part: Part) -> Write:
    async def write(data: bytes) -> None:
        with _told(name):
            part.write(data)

    return write


@contextlib.contextmanager
def _told(name: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise OutputFailed(f"{name} cannot be written: {error.strerror or error}") from error
