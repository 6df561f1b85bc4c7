"""What the store takes and what is left for it."""

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from gpufleet_collector.doctor.finding import Finding, fail, ok, warn
from gpufleet_collector.figures import counted, size
from gpufleet_collector.store.condition import Condition
from gpufleet_collector.store.embedded.place import nearest_existing

LARGEST = 5
GIBIBYTE = 1024**3
FAIL_BYTES, WARN_BYTES = GIBIBYTE, 5 * GIBIBYTE

_MAKE_ROOM = "make room, or keep less: lower RETENTION_DAYS and run gpufleet-collector retention"


@dataclass(frozen=True, slots=True)
class Disk:
    """Bytes of the file system that holds `folder`."""

    folder: Path
    free: int
    total: int


def disk_of(folder: Path) -> Disk:
    """That of the nearest folder which exists. Raises OSError."""
    existing = nearest_existing(folder)
    usage = shutil.disk_usage(existing)
    return Disk(existing, usage.free, usage.total)


def table_findings(condition: Condition) -> Iterator[Finding]:
    """The whole, and the largest tables with everything that belongs to them."""
    yield ok(f"the database takes {size(condition.database_bytes)}")
    for table in sorted(condition.tables, key=lambda one: (-one.bytes, one.name))[:LARGEST]:
        partitions = f" in {counted(table.partitions, 'partition')}" if table.partitions else ""
        yield ok(f"{table.name}: {size(table.bytes)}{partitions}, about {counted(table.rows, 'row')}")


def disk_finding(disk: Disk) -> Finding:
    """PostgreSQL stops when it can write no more."""
    text = f"{size(disk.free)} of {size(disk.total)} free at {disk.folder}"
    if disk.free < FAIL_BYTES:
        return fail(text, _MAKE_ROOM)
    return warn(text, _MAKE_ROOM) if disk.free < WARN_BYTES else ok(text)
