"""How the store itself is: what its tables take, how far packing is, how the jobs went. For /metrics, the API and
`doctor`."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from gpufleet_collector.store import watermark
from gpufleet_collector.store.asking import asking
from gpufleet_collector.store.database import Database
from gpufleet_collector.store.job_table import JobRecord, read_jobs
from gpufleet_collector.store.partitions import GPU_STATS
from gpufleet_collector.store.times import to_us_or_none

_TABLES = text("""
    SELECT parent.relname AS name, count(child.oid) AS partitions,
        pg_total_relation_size(parent.oid) + coalesce(sum(pg_total_relation_size(child.oid)), 0)::bigint AS bytes,
        greatest(parent.reltuples, 0)::bigint + coalesce(sum(greatest(child.reltuples, 0)), 0)::bigint AS rows,
        min(child.relname) AS first, max(child.relname) AS last
    FROM pg_class AS parent
    LEFT JOIN pg_inherits ON inhparent = parent.oid LEFT JOIN pg_class AS child ON child.oid = inhrelid
    WHERE parent.relnamespace = current_schema()::regnamespace AND parent.relkind IN ('r', 'p')
        AND NOT parent.relispartition
    GROUP BY parent.oid, parent.relname, parent.reltuples ORDER BY parent.relname
""")
_DATABASE = text("""
    SELECT pg_database_size(current_database()) AS bytes, clock_timestamp() AS now,
        current_setting('server_version') AS version
""")
_LATE = text("SELECT count(*) FROM (SELECT FROM gpu_stats_late LIMIT :most) AS waiting")
MOST_LATE_COUNTED = 1_000_000


@dataclass(frozen=True, slots=True)
class TableSize:
    """A table with everything that belongs to it. `rows` is PostgreSQL's own estimate. `first` and `last` are the names
    of its partitions; None when it has none."""

    name: str
    bytes: int
    rows: int
    partitions: int
    first: str | None
    last: str | None


@dataclass(frozen=True, slots=True)
class Condition:
    """The store at `now` of the database's clock; instants are microseconds. `due_since` is the end of the oldest hour
    that has rows and is not packed; None without rows. `late_samples` counts up to MOST_LATE_COUNTED."""

    now: int
    server_version: str
    database_bytes: int
    packed_until: int
    closed_until: int
    due_since: int | None
    late_samples: int
    tables: Sequence[TableSize]
    jobs: Sequence[JobRecord]

    def packing_lag_seconds(self, pack_after_hours: float) -> float:
        """For how long the oldest hour that is not packed has been due; 0 when none is."""
        if self.due_since is None:
            return 0.0
        return max(0.0, (self.now - self.due_since) / 1_000_000 - pack_after_hours * 3600)


async def read_condition(database: Database) -> Condition:
    """Raises QueryTooLong, and as `Database.begin`."""
    async with asking(database) as connection:
        overall = (await connection.execute(_DATABASE)).one()
        mark = await watermark.read(connection)
        now = to_us_or_none(overall.now)
        assert now is not None
        return Condition(
            now=now,
            server_version=overall.version,
            database_bytes=overall.bytes,
            packed_until=mark.packed_until,
            closed_until=mark.closed_until,
            due_since=await _due_since(connection, mark.packed_until),
            late_samples=(await connection.execute(_LATE, {"most": MOST_LATE_COUNTED})).scalar_one(),
            tables=[
                TableSize(row.name, row.bytes, row.rows, row.partitions, row.first, row.last)
                for row in (await connection.execute(_TABLES)).all()
            ],
            jobs=await read_jobs(connection),
        )


async def _due_since(connection: AsyncConnection, packed_until: int) -> int | None:
    stored = await GPU_STATS.stored(connection)
    for number in stored:
        begin = GPU_STATS.begin(number)
        if begin >= packed_until and await _has_rows(connection, number):
            return GPU_STATS.begin(number + 1)
    return None


async def _has_rows(connection: AsyncConnection, number: int) -> bool:
    name = f"gpufleet_partitions.{GPU_STATS.name(number)}"
    there = (await connection.execute(text("SELECT to_regclass(:name) IS NOT NULL"), {"name": name})).scalar_one()
    if not there:
        return False
    return bool((await connection.execute(text(f"SELECT EXISTS (SELECT FROM {name})"))).scalar_one())  # noqa: S608
