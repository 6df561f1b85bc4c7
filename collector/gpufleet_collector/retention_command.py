"""`gpufleet-collector retention`: what is older than it is to be kept goes now, or is only listed, and all of it is
said."""

from collections.abc import Sequence
from typing import Protocol, TextIO

from gpufleet_collector.clock import Clock
from gpufleet_collector.config import CollectorConfig
from gpufleet_collector.figures import counted, instant, size
from gpufleet_collector.store.database import Database
from gpufleet_collector.store.embedded.place import Surroundings
from gpufleet_collector.store.embedded.reach import reach
from gpufleet_collector.store.retention import Partition, Retention
from gpufleet_collector.store.schema_state import require_schema
from gpufleet_collector.upkeep import keep_of

EXIT_DONE, EXIT_HELD = 0, 1


class Dropping(Protocol):
    """Part of `Retention`."""

    async def drop(self, partition: Partition) -> bool:
        """False when somebody reads its table."""


async def run(
    config: CollectorConfig, *, dry_run: bool, clock: Clock, stdout: TextIO, around: Surroundings | None = None
) -> int:
    """Drop what is due, or with `dry_run` only list it; the exit status: 1 when something could not be dropped now.

    Raises SchemaError for a database that is not migrated, and as `reach` and `Database.begin`.
    """
    async with reach(config, around) as dsn:
        database = Database(dsn)
        try:
            await require_schema(database)
            retention = Retention(database, clock, keep_of(config))
            due = await retention.due()
            if dry_run:
                _list(due, stdout)
                return EXIT_DONE
            return await drop_all(retention, due, stdout)
        finally:
            await database.close()


def _list(due: Sequence[Partition], stdout: TextIO) -> None:
    stdout.writelines(_line("would go", partition, number, len(due)) for number, partition in enumerate(due, 1))
    stdout.write(f"{counted(len(due), 'partition')}, {_bytes(due)} would be freed\n")


async def drop_all(retention: Dropping, due: Sequence[Partition], stdout: TextIO) -> int:
    """A line for each as soon as it is done with, and what it came to, also when the database fails in between."""
    dropped: list[Partition] = []
    held: list[Partition] = []
    try:
        for number, partition in enumerate(due, 1):
            is_gone = await retention.drop(partition)
            (dropped if is_gone else held).append(partition)
            stdout.write(_line("dropped" if is_gone else "in use", partition, number, len(due)))
            stdout.flush()
    finally:
        stdout.write(f"{counted(len(dropped), 'partition')} dropped, {_bytes(dropped)} freed\n")
    if not held:
        return EXIT_DONE
    names = ", ".join(partition.name for partition in held)
    stdout.write(f"not dropped, somebody reads there: {names} ({_bytes(held)}); try again, or leave it to serve\n")
    return EXIT_HELD


def _line(what: str, partition: Partition, number: int, of: int) -> str:
    span = f"{instant(partition.since)} to {instant(partition.until)}"
    return f"{what:<8}  {partition.name}  {span}  {size(partition.bytes)}  ({number} of {of})\n"


def _bytes(partitions: Sequence[Partition]) -> str:
    total = sum(partition.bytes for partition in partitions)
    return f"{size(total)} ({total} bytes)"
