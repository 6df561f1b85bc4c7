"""Half a file beside the place of the whole one, and what was left there by those who did not come to their end."""

import contextlib
import fcntl
import os
import re
import secrets
from pathlib import Path


class Part:
    """A new file that takes the name `path` when it is finished. It is locked meanwhile: parts that nobody holds are of
    processes that were killed, and are removed first. Everything raises OSError."""

    def __init__(self, path: Path) -> None:
        remove_leftovers(path)
        self._path = path
        self._part, self._descriptor = _create(path)

    def write(self, data: bytes) -> None:
        rest = memoryview(data)
        while rest:
            rest = rest[os.write(self._descriptor, rest) :]

    def finish(self) -> None:
        """It is on the disk, and has its name."""
        os.fsync(self._descriptor)
        self._part.replace(self._path)

    def close(self) -> None:
        """One that is not finished is removed."""
        self._part.unlink(missing_ok=True)
        os.close(self._descriptor)


def remove_leftovers(path: Path) -> None:
    """Those of other users, and those on file systems without locks, stay."""
    pattern = re.compile(rf"\.{re.escape(path.name)}\.[0-9a-f]{{8}}\.part")
    for found in path.parent.iterdir():
        if pattern.fullmatch(found.name):
            with contextlib.suppress(OSError), found.open("r+b") as file:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                found.unlink()


def _create(path: Path) -> tuple[Path, int]:
    while True:
        part = path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")
        descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666)
        # Who removes leftovers may have come upon it before it was locked: then it is gone, or will be.
        if _is_held(descriptor) and part.exists():
            return part, descriptor
        os.close(descriptor)


def _is_held(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        return True  # without locks nobody gets one to remove it
    return True
