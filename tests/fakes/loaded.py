"""A database with hours of a fleet's history in it, and everything that is stored and derived there, to be compared."""

import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import asyncpg
from bench.loading import Fleet, Loader, declare, generated
from bench.realistic import DCGM_METRICS

from gpufleet_collector.clock import SystemClock
from gpufleet_collector.store.database import Database
from gpufleet_collector.store.packing import Packing

DERIVED = {
    "gpu_stats_packed": "gpu_id, hour",
    "gpu_stats_5m": "gpu_id, hour",
    "gpu_stats_1h": "gpu_id, hour",
    "fleet_stats_1m": "scope, key, value, minute",
}
"""What packing makes, and by which key."""

RELATIVE = 1e-6
"""Sums of the same numbers in another order differ by less."""

Derived: TypeAlias = Mapping[str, Sequence[Mapping[str, Any]]]


@dataclass(frozen=True, slots=True)
class Seen:
    """Samples as a reader sees them: how many, how many keys, and a sum over all keys and values."""

    samples: int
    keys: int
    checksum: int


@dataclass(frozen=True, slots=True)
class Undisturbed:
    """What there is of a history after it was packed by somebody alone with it, and how long that took."""

    seen: Seen
    derived: Derived
    seconds_an_hour: float


async def load(dsn: str, gpus: int, hours: int, since_us: int) -> None:
    """Put the same history into the migrated database as every time with these arguments."""
    database = Database(dsn)
    try:
        fleet = Fleet(gpus)
        loader = Loader(database, dsn, await declare(database, fleet, since_us), DCGM_METRICS)
        async for _ in loader.load(generated(fleet, hours, since_us, DCGM_METRICS)()):
            continue
    finally:
        await database.close()


async def seen(dsn: str, until: str = "infinity") -> Seen:
    """Everything before `until` through the view."""
    connection = await asyncpg.connect(dsn, server_settings={"timezone": "UTC"})  # instants are summed as text
    try:
        row = await connection.fetchrow(
            "SELECT count(*) AS samples, count(DISTINCT (gpu_id, recorded_at)) AS keys,"
            " coalesce(sum(hashtextextended(every::text, 0)::numeric), 0)::text AS checksum"
            " FROM gpu_stats_all AS every WHERE recorded_at < $1::text::timestamptz",
            until,
        )
        return Seen(row["samples"], row["keys"], int(row["checksum"]))
    finally:
        await connection.close()


async def derived(dsn: str, until: str = "infinity") -> Derived:
    """Every row before `until` that packing made; of the fleet's minutes those that are exact."""
    connection = await asyncpg.connect(dsn)
    try:
        found = {}
        for table, key in DERIVED.items():
            where = "exact AND minute" if table == "fleet_stats_1m" else "hour"
            rows = await connection.fetch(
                f"SELECT * FROM {table} WHERE {where} < $1::text::timestamptz ORDER BY {key}", until
            )
            found[table] = [dict(row) for row in rows]
        return found
    finally:
        await connection.close()


async def packed_until(dsn: str) -> int:
    """Microseconds."""
    connection = await asyncpg.connect(dsn)
    try:
        found: int = await connection.fetchval(
            "SELECT (extract(epoch FROM packed_until) * 1000000)::bigint FROM store_watermark"
        )
        return found
    finally:
        await connection.close()


async def deriving(dsn: str) -> list[int]:
    """The server's processes that hold the watermark, as whoever packs an hour does until it is packed."""
    connection = await asyncpg.connect(dsn)
    try:
        rows = await connection.fetch(
            "SELECT DISTINCT pid FROM pg_locks JOIN pg_database ON pg_database.oid = database"
            " WHERE datname = current_database() AND relation = 'store_watermark'::regclass"
            " AND mode = 'RowShareLock' AND granted"
        )
        return [row["pid"] for row in rows]
    finally:
        await connection.close()


async def undisturbed(dsn: str, gpus: int, hours: int, since_us: int) -> Undisturbed:
    """Load the history into the migrated database and pack all of it."""
    await load(dsn, gpus, hours, since_us)
    before = await seen(dsn)
    database = Database(dsn)
    try:
        packing = Packing(database, SystemClock(), pack_after_hours=0)
        started = time.monotonic()
        while await packing.step():
            continue
        took = time.monotonic() - started
    finally:
        await database.close()
    assert await seen(dsn) == before
    return Undisturbed(before, await derived(dsn), took / hours)


def difference(found: Derived, expected: Derived) -> str | None:
    """The first place in which they differ, None when they are the same."""
    for table, rows in expected.items():
        if len(found[table]) != len(rows):
            return f"{table}: {len(found[table])} rows, not {len(rows)}"
        for number, (row, right) in enumerate(zip(found[table], rows, strict=True)):
            for name, value in right.items():
                if not _near(row[name], value):
                    return f"{table}, row {number}, {name}: {row[name]!r}, not {value!r}"
    return None


def _near(found: Any, expected: Any) -> bool:
    if found == expected:
        return True
    if isinstance(expected, float) and isinstance(found, float):
        return math.isclose(found, expected, rel_tol=RELATIVE)
    if isinstance(expected, list) and isinstance(found, list) and len(found) == len(expected):
        return all(_near(one, other) for one, other in zip(found, expected, strict=True))
    return False
