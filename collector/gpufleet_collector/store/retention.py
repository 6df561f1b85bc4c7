"""What is older than it is to be kept goes, a whole partition at a time; packed rows go once nobody reads them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from gpufleet_collector.clock import Clock
from gpufleet_collector.errors import DatabaseUnavailable
from gpufleet_collector.store import watermark
from gpufleet_collector.store.database import Database
from gpufleet_collector.store.partitions import (
    EVENTS,
    FLEET_STATS_1M,
    GPU_STATS,
    GPU_STATS_1H,
    GPU_STATS_5M,
    GPU_STATS_LATE,
    GPU_STATS_PACKED,
    LOCK_KEY,
    PROCESSES,
    Partitioning,
)
from gpufleet_collector.store.schema import PARTITION_SCHEMA
from gpufleet_collector.store.times import DAY_US

LOCK_MILLISECONDS = 200
"""How long a drop waits for readers of its table, while new ones wait behind it; then it is tried at the next time."""

_SERVER_NOW = text("SELECT (date_part('epoch', clock_timestamp()) * 1000000)::bigint")
_PARTITIONS = text("""
    SELECT child.relname AS name, pg_total_relation_size(child.oid) AS bytes
    FROM pg_inherits JOIN pg_class AS child ON child.oid = inhrelid
    WHERE inhparent = to_regclass(:table) ORDER BY child.relname
""")


@dataclass(frozen=True, slots=True)
class Keep:
    """For how many days what is kept."""

    samples_days: float = 30
    buckets_5m_days: float = 90
    buckets_1h_days: float = 730
    fleet_days: float = 730
    events_days: float = 730

    def tables(self) -> Sequence[tuple[Partitioning, float]]:
        """Every table that grows, and its days. Rows of `gpu_stats` go as soon as they are packed instead."""
        return (
            (GPU_STATS_PACKED, self.samples_days),
            (GPU_STATS_LATE, self.samples_days),
            (PROCESSES, self.samples_days),
            (GPU_STATS_5M, self.buckets_5m_days),
            (GPU_STATS_1H, self.buckets_1h_days),
            (FLEET_STATS_1M, self.fleet_days),
            (EVENTS, self.events_days),
        )


@dataclass(frozen=True, slots=True)
class Partition:
    """A partition that is there: [since, until) in microseconds, and what it takes on disk with indexes."""

    table: str
    name: str
    since: int
    until: int
    bytes: int


async def partitions_of(connection: AsyncConnection, partitioning: Partitioning) -> list[Partition]:
    """The partitions of a table, oldest first."""
    rows = (await connection.execute(_PARTITIONS, {"table": partitioning.table})).all()
    found = []
    for row in rows:
        number = partitioning.parse(row.name)
        since, until = partitioning.begin(number), partitioning.begin(number + 1)
        found.append(Partition(partitioning.table, row.name, since, until, row.bytes))
    return found


class Retention:
    """Drops what is due, of one database; by the clock that is further behind, this one or the database's."""

    def __init__(self, database: Database, clock: Clock, keep: Keep) -> None:
        self._database = database
        self._clock = clock
        self._keep = keep

    async def due(self) -> list[Partition]:
        """What is older than it is to be kept, and the rows that are packed. Raises as `Database.begin`."""
        async with self._database.begin() as connection:
            server_now = int((await connection.execute(_SERVER_NOW)).scalar_one())
            now = min(self._clock.now().wall_us, server_now)
            due: list[Partition] = []
            for partitioning, days in self._keep.tables():
                oldest = now - round(days * DAY_US)
                due += _ended(await partitions_of(connection, partitioning), oldest)
            packed_until = (await watermark.read(connection)).packed_until
            due += _ended(await partitions_of(connection, GPU_STATS), packed_until)
        return due

    async def drop(self, partition: Partition) -> bool:
        """Drop it; False when somebody reads its table: later, then."""
        try:
            async with self._database.begin() as connection:
                await connection.exec_driver_sql(f"SET LOCAL lock_timeout = '{LOCK_MILLISECONDS}ms'")
                await connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": LOCK_KEY})
                await connection.exec_driver_sql(f"DROP TABLE IF EXISTS {PARTITION_SCHEMA}.{partition.name}")
        except DatabaseUnavailable as error:
            if _is_lock_timeout(error):
                return False
            raise
        return True

    async def sweep(self) -> str | None:
        """Drop everything that is due and can be dropped now; what was done, None for nothing."""
        dropped = [partition for partition in await self.due() if await self.drop(partition)]
        if not dropped:
            return None
        return f"dropped {len(dropped)} partitions, {sum(partition.bytes for partition in dropped)} bytes"


def _ended(partitions: Sequence[Partition], by: int) -> Iterator[Partition]:
    return (partition for partition in partitions if partition.until <= by)


LOCK_NOT_AVAILABLE = "55P03"


def _is_lock_timeout(error: DatabaseUnavailable) -> bool:
    cause: BaseException | None = error
    while cause is not None:
        if getattr(cause, "sqlstate", None) == LOCK_NOT_AVAILABLE:
            return True
        cause = cause.__cause__
    return False
