"""The table of processes: a sighting lengthens the row of a process that was seen a moment ago, or begins a new one."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from gpufleet_collector.store.records import Sighting
from gpufleet_collector.store.times import DAY_US, to_datetime, to_sql

LONGEST_GAP_SECONDS = 300
"""A process that is seen again after longer begins a new row: nobody knows that it was there in between."""

SAME_START_SECONDS = 2
"""Two runs of an agent differ by less in when a process started: each works it out from the time of the boot."""

_FIELDS = {
    "gpu_id": "integer",
    "pid": "integer",
    "first_seen": "timestamptz",
    "last_seen": "timestamptz",
    "host_id": "integer",
    "started_at": "timestamptz",
    "name": "text",
    "graphics": "boolean",
    "memory_used_mb": "integer",
    "memory_max_mb": "integer",
    "sm_utilization_percent": "smallint",
}
_REST = [name for name in _FIELDS if name != "first_seen"]
_TOLD = ", ".join(f"CAST(:{name} AS {kind}[])" for name, kind in _FIELDS.items())


def _statement(first_day: int, last_day: int) -> str:
    """The bounds of `first_seen` are literals, which lets the planner leave out partitions; days, counted from the
    epoch, so that the statement stays the same for a day."""
    return f"""
INSERT INTO processes AS old (first_seen, {", ".join(_REST)})
SELECT DISTINCT ON (told.gpu_id, told.pid, first_seen)
    coalesce(known.first_seen, told.first_seen) AS first_seen, {", ".join(f"told.{name}" for name in _REST)}
FROM unnest({_TOLD}) AS told ({", ".join(_FIELDS)})
LEFT JOIN LATERAL (
    SELECT known.first_seen FROM processes AS known
    WHERE known.gpu_id = told.gpu_id AND known.pid = told.pid
        AND (known.started_at IS NOT DISTINCT FROM told.started_at
            OR known.started_at BETWEEN told.started_at - interval '{SAME_START_SECONDS} seconds'
                AND told.started_at + interval '{SAME_START_SECONDS} seconds')
        AND known.first_seen >= date_bin('1 day', told.first_seen, 'epoch') AND known.first_seen <= told.last_seen
        AND known.last_seen >= told.first_seen - interval '{LONGEST_GAP_SECONDS} seconds'
        AND known.first_seen >= {to_sql(first_day * DAY_US)} AND known.first_seen < {to_sql((last_day + 1) * DAY_US)}
    ORDER BY known.first_seen DESC LIMIT 1
) AS known ON true
ORDER BY told.gpu_id, told.pid, first_seen, told.last_seen DESC
ON CONFLICT (gpu_id, pid, first_seen) DO UPDATE SET
    last_seen = greatest(old.last_seen, excluded.last_seen),
    name = coalesce(excluded.name, old.name),
    graphics = excluded.graphics,
    memory_used_mb = excluded.memory_used_mb,
    memory_max_mb = greatest(old.memory_max_mb, excluded.memory_max_mb),
    sm_utilization_percent = excluded.sm_utilization_percent
"""  # noqa: S608


async def write_sightings(
    connection: AsyncConnection,
    sightings: Iterable[Sighting],
    gpu_ids: Mapping[str, int],
    host_ids: Mapping[str, int],
) -> None:
    """Store them; those of GPUs and hosts without an id are left out."""
    rows = [
        _row(sighting, gpu_ids[sighting.process.gpu_uuid], host_ids[sighting.host])
        for sighting in sightings
        if sighting.process.gpu_uuid in gpu_ids and sighting.host in host_ids
    ]
    if rows:
        first_day, last_day = min(row[2] for row in rows) // DAY_US, max(row[3] for row in rows) // DAY_US
        await connection.execute(text(_statement(first_day, last_day)), _columns(rows))


def _row(sighting: Sighting, gpu_id: int, host_id: int) -> tuple[Any, ...]:
    """In the order of _FIELDS, instants in microseconds."""
    process = sighting.process
    return (
        gpu_id,
        process.pid,
        sighting.first_at,
        sighting.last_at,
        host_id,
        process.started_at,
        process.name,
        process.graphics,
        process.memory_used_mb,
        sighting.memory_max_mb,
        process.sm_utilization_percent,
    )


def _columns(rows: Sequence[tuple[Any, ...]]) -> dict[str, list[Any]]:
    columns = {name: list(column) for name, column in zip(_FIELDS, zip(*rows, strict=True), strict=True)}
    for name, kind in _FIELDS.items():
        if kind == "timestamptz":
            columns[name] = [None if instant is None else to_datetime(instant) for instant in columns[name]]
    return columns
