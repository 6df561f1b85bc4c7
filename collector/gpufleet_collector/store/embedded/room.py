"""Whether the disks of the collector's own PostgreSQL are full, for when it can no longer say so itself."""

import os
from collections.abc import Callable, Iterable
from pathlib import Path

MEBIBYTE = 1024 * 1024
LEAST_FREE_BYTES = 32 * MEBIBYTE
"""Two files of PostgreSQL's write-ahead log; without room for them it may not come up after a crash."""


def free_bytes(path: Path) -> int:
    """What others than root may still write where `path` is."""
    found = os.statvfs(path)
    return found.f_bavail * found.f_frsize


def shortage(paths: Iterable[Path], free: Callable[[Path], int] = free_bytes) -> str | None:
    """The first of `paths` without room, and what to do; None when there is room, or nothing is known of them."""
    for path in paths:
        try:
            left = free(path)
        except OSError:
            continue
        if left < LEAST_FREE_BYTES:
            return f"the disk of {path} is full ({left // MEBIBYTE} MiB are left): make room on it"
    return None
