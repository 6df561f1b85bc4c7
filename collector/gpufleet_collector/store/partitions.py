"""Partitions by hour, day or month, made before the rows that belong into them, by any number of collectors at once."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from gpufleet_collector.store.database import Database
from gpufleet_collector.store.schema import PARTITION_SCHEMA
from gpufleet_collector.store.times import DAY_US, HOUR_US, to_datetime, to_sql, to_us

LOCK_KEY = 0x67706602
"""Advisory lock of whoever makes or drops partitions."""

MAX_KNOWN_PARTITIONS = 5_000
"""Partitions known without asking; beyond it the cache starts afresh."""

_BOUNDS = text("""
    SELECT min(child.relname), max(child.relname)
    FROM pg_inherits JOIN pg_class AS child ON child.oid = inhrelid
    WHERE inhparent = to_regclass(:table)
""")
_FORMS = {"hour": "%Y%m%d%H", "day": "%Y%m%d", "month": "%Y%m"}
_MONTHS = 12


@dataclass(frozen=True, slots=True)
class Partitioning:
    """How a table is cut: every `unit` since the epoch, in UTC as everything, has a number and a partition. `ahead` is
    how many partitions are made before their time begins."""

    table: str
    unit: Literal["hour", "day", "month"]
    ahead: int
    storage: str = ""
    """Storage parameters of each partition, in SQL: a partitioned table has none of its own."""

    def number(self, instant: int) -> int:
        """The partition that holds `instant`, microseconds."""
        if self.unit == "month":
            moment = to_datetime(instant)
            return (moment.year - 1970) * _MONTHS + moment.month - 1
        return instant // self._width

    def begin(self, number: int) -> int:
        """The first microsecond of a partition."""
        if self.unit == "month":
            return to_us(datetime(1970 + number // _MONTHS, number % _MONTHS + 1, 1, tzinfo=UTC))
        return number * self._width

    def name(self, number: int) -> str:
        return f"{self.table}_{to_datetime(self.begin(number)).strftime(_FORMS[self.unit])}"

    def numbers_from(self, now: int) -> range:
        """The partition of `now` (microseconds) and the next ones."""
        number = self.number(now)
        return range(number, number + self.ahead + 1)

    async def stored(self, connection: AsyncConnection) -> range:
        """From the first partition that is there to the last; empty when there is none."""
        first, last = (await connection.execute(_BOUNDS, {"table": self.table})).one()
        return range(0) if first is None else range(self.parse(first), self.parse(last) + 1)

    @property
    def _width(self) -> int:
        return HOUR_US if self.unit == "hour" else DAY_US

    def parse(self, name: str) -> int:
        """The number in the name of a partition."""
        begin = datetime.strptime(name.removeprefix(f"{self.table}_"), _FORMS[self.unit]).replace(tzinfo=UTC)
        return self.number(to_us(begin))


GPU_STATS = Partitioning("gpu_stats", "hour", ahead=2)
EVENTS = Partitioning("events", "month", ahead=1)
PROCESSES = Partitioning("processes", "day", ahead=1)
GPU_STATS_PACKED = Partitioning("gpu_stats_packed", "day", ahead=0)
GPU_STATS_5M = Partitioning("gpu_stats_5m", "day", ahead=0, storage="toast_tuple_target = 8160")
"""Its arrays are many and short: moved out of the row, each would cost more than it holds."""
GPU_STATS_1H = Partitioning("gpu_stats_1h", "month", ahead=0)
FLEET_STATS_1M = Partitioning("fleet_stats_1m", "month", ahead=1)
GPU_STATS_LATE = Partitioning("gpu_stats_late", "day", ahead=0)


class PartitionKeeper:
    """Knows which partitions are there and makes those that are not."""

    def __init__(self, database: Database, *, most_known: int = MAX_KNOWN_PARTITIONS) -> None:
        self._database = database
        self._limit = most_known
        self._known: set[tuple[str, int]] = set()

    async def ensure(self, partitioning: Partitioning, numbers: Iterable[int]) -> None:
        """Have these partitions, in a transaction of their own."""
        wanted = {(partitioning.table, number) for number in numbers}
        missing = sorted(wanted - self._known)
        if not missing:
            return
        async with self._database.begin() as connection:
            await connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": LOCK_KEY})
            for _, number in missing:
                await _create(connection, partitioning, number)
        if len(self._known) + len(missing) > self._limit:
            self._known.clear()
        self._known.update(missing)

    def forget(self) -> None:
        """Ask the database again: somebody may have dropped partitions."""
        self._known.clear()


async def _create(connection: AsyncConnection, partitioning: Partitioning, number: int) -> None:
    """Made beside the table and then attached, which lets others go on writing to it meanwhile. See "ATTACH PARTITION"
    in PostgreSQL's manual: it locks SHARE UPDATE EXCLUSIVE, where CREATE ... PARTITION OF locks ACCESS EXCLUSIVE."""
    table, name = partitioning.table, f"{PARTITION_SCHEMA}.{partitioning.name(number)}"
    if (await connection.execute(text("SELECT to_regclass(:name)"), {"name": name})).scalar() is not None:
        return
    bounds = f"FROM ({to_sql(partitioning.begin(number))}) TO ({to_sql(partitioning.begin(number + 1))})"
    await connection.exec_driver_sql(f"CREATE TABLE {name} (LIKE {table} INCLUDING ALL)")
    if partitioning.storage:
        await connection.exec_driver_sql(f"ALTER TABLE {name} SET ({partitioning.storage})")
    await connection.exec_driver_sql(f"ALTER TABLE {table} ATTACH PARTITION {name} FOR VALUES {bounds}")
