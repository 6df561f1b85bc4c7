"""Where an export is written to: a file that has its name only when it is whole, or the standard output."""

import contextlib
import os
import secrets
from collections.abc import Iterator
from io import RawIOBase
from pathlib import Path
from typing import BinaryIO, Protocol

from gpufleet_collector.errors import OutputFailed

STANDARD_OUTPUT = "-"


class Write(Protocol):
    def __call__(self, data: bytes) -> None:
        """Raises OutputFailed."""


@contextlib.contextmanager
def target(output: str, stdout: BinaryIO) -> Iterator[Write]:
    """What is written goes to a sibling of the file, which takes its name at the end and is removed when anything is
    raised before; a link stays, and a device or pipe is written to as it is. Raises OutputFailed."""
    if output == STANDARD_OUTPUT:
        with _told("the standard output"):
            yield _writer(stdout)
            stdout.flush()
        return
    path = Path(output).resolve()
    if path.is_dir():
        raise OutputFailed(f"{output or path} is a folder: give the name of a file")
    if path.exists() and not path.is_file():
        with _told(output), path.open("wb", buffering=0) as file:
            yield _writer(file)
        return
    sibling = path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")
    with _told(str(path)):
        try:
            with sibling.open("xb") as file:
                yield _writer(file)
                file.flush()
                os.fsync(file.fileno())
            sibling.replace(path)
        finally:
            sibling.unlink(missing_ok=True)


def _writer(file: RawIOBase | BinaryIO) -> Write:
    def write(data: bytes) -> None:
        rest = memoryview(data)
        while rest:
            # An unbuffered file may take a part.
            rest = rest[file.write(rest) or 0 :]

    return write


@contextlib.contextmanager
def _told(name: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise OutputFailed(f"{name} cannot be written: {error.strerror or error}") from error
