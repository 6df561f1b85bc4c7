"""Hourly partitions of `gpu_stats`, made before the rows that belong into them, by any number of collectors at once."""

from collections.abc import Iterable
from datetime import UTC, datetime

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from gpufleet_collector.store.database import Database
from gpufleet_collector.store.schema import PARTITION_SCHEMA
from gpufleet_collector.store.times import HOUR_US, to_datetime, to_sql, to_us

LOCK_KEY = 0x67706602
"""Advisory lock of whoever makes or drops partitions."""

MAX_KNOWN_HOURS = 5_000
"""Partitions known without asking; beyond it the cache starts afresh."""

HOURS_AHEAD = 2
"""How many partitions are made before their hour begins."""


_BOUNDS = text("""
    SELECT min(child.relname), max(child.relname)
    FROM pg_inherits JOIN pg_class AS child ON child.oid = inhrelid
    WHERE inhparent = to_regclass('gpu_stats')
""")


def partition_name(hour: int) -> str:
    """The partition of an hour, counted from the epoch: in UTC, as everything."""
    return f"gpu_stats_{to_datetime(hour * HOUR_US):%Y%m%d%H}"


def hours_from(now: int) -> range:
    """The hour of `now` (microseconds) and the next ones."""
    hour = now // HOUR_US
    return range(hour, hour + HOURS_AHEAD + 1)


async def stored_hours(connection: AsyncConnection) -> range:
    """From the first hour that has a partition to the last, counted from the epoch; empty when there is none."""
    first, last = (await connection.execute(_BOUNDS)).one()
    return range(0) if first is None else range(_hour(first), _hour(last) + 1)


def _hour(name: str) -> int:
    begin = datetime.strptime(name.removeprefix("gpu_stats_"), "%Y%m%d%H").replace(tzinfo=UTC)
    return to_us(begin) // HOUR_US


class PartitionKeeper:
    """Knows which partitions are there and makes those that are not."""

    def __init__(self, database: Database, *, known_hours: int = MAX_KNOWN_HOURS) -> None:
        self._database = database
        self._limit = known_hours
        self._known: set[int] = set()

    async def ensure(self, hours: Iterable[int]) -> None:
        """Have the partitions of these hours, in a transaction of their own."""
        missing = sorted(set(hours) - self._known)
        if not missing:
            return
        async with self._database.begin() as connection:
            await connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": LOCK_KEY})
            for hour in missing:
                await _create(connection, hour)
        if len(self._known) + len(missing) > self._limit:
            self._known.clear()
        self._known.update(missing)

    def forget(self) -> None:
        """Ask the database again: somebody may have dropped partitions."""
        self._known.clear()


async def _create(connection: AsyncConnection, hour: int) -> None:
    """Made beside the table and then attached, which lets others go on writing to it meanwhile. See "ATTACH PARTITION"
    in PostgreSQL's manual: it locks SHARE UPDATE EXCLUSIVE, where CREATE ... PARTITION OF locks ACCESS EXCLUSIVE."""
    name = f"{PARTITION_SCHEMA}.{partition_name(hour)}"
    if (await connection.execute(text("SELECT to_regclass(:name)"), {"name": name})).scalar() is not None:
        return
    bounds = f"FROM ({to_sql(hour * HOUR_US)}) TO ({to_sql((hour + 1) * HOUR_US)})"
    await connection.exec_driver_sql(f"CREATE TABLE {name} (LIKE gpu_stats INCLUDING ALL)")
    await connection.exec_driver_sql(f"ALTER TABLE gpu_stats ATTACH PARTITION {name} FOR VALUES {bounds}")
