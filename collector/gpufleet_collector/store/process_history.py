"""Which processes held GPUs over a time, read back: oldest first, always a bounded number."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncConnection

from gpufleet_collector.model import Process
from gpufleet_collector.store.asking import asking
from gpufleet_collector.store.database import Database
from gpufleet_collector.store.gpu_table import read_gpu_ids
from gpufleet_collector.store.host_table import read_host_ids
from gpufleet_collector.store.times import DAY_US, to_datetime, to_sql, to_us, to_us_or_none


@dataclass(frozen=True, slots=True)
class SpanQuery:
    """Processes that were seen within [since, until), microseconds; empty filters match all. `after` is the key of the
    last one already known: when it was first seen, number of its GPU, pid."""

    since: int
    until: int
    hosts: tuple[str, ...] = ()
    gpu_uuids: tuple[str, ...] = ()
    gpu_indexes: tuple[int, ...] = ()
    limit: int = 1000
    after: tuple[int, int, int] | None = None


@dataclass(frozen=True, slots=True)
class ProcessSpan:
    """A process from when it was first seen on a day (UTC) until it was seen last; `process` is as it was seen last.
    `gpu_index` is where the GPU sat then, None where no host declared it."""

    key: tuple[int, int, int]
    host: str
    gpu_index: int | None
    gpu_name: str | None
    process: Process
    first_seen: int
    last_seen: int
    memory_max_mb: int | None


class ProcessHistory:
    """Questions about processes of the past. An unknown host or GPU has none: the answer is empty."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def spans(self, query: SpanQuery) -> list[ProcessSpan]:
        """At most `query.limit`, sorted by key. Raises QueryTooLong, DatabaseUnavailable."""
        async with asking(self._database) as connection:
            parameters = await _parameters(connection, query)
            rows = await connection.execute(text(_statement(query)), parameters)
            return [_span(row) for row in rows]


def _statement(query: SpanQuery) -> str:
    return f"""
SELECT processes.*, hosts.name AS host, gpus.uuid, gpus.name AS gpu_name, placed.gpu_index
FROM processes
JOIN hosts ON hosts.id = processes.host_id
JOIN gpus ON gpus.id = processes.gpu_id
LEFT JOIN LATERAL (
    SELECT placements.gpu_index FROM placements
    WHERE placements.gpu_id = processes.gpu_id AND placements.since <= processes.last_seen
        AND (placements.until IS NULL OR placements.until > processes.last_seen)
    LIMIT 1
) AS placed ON true
WHERE {" AND ".join(_conditions(query))}
ORDER BY processes.first_seen, processes.gpu_id, processes.pid
LIMIT :row_limit
"""  # noqa: S608


def _conditions(query: SpanQuery) -> Iterator[str]:
    """The bounds are literals, which lets the planner leave out partitions; no row reaches into the next day."""
    first_day = query.since // DAY_US * DAY_US
    yield f"processes.first_seen >= {to_sql(first_day)} AND processes.first_seen < {to_sql(query.until)}"
    yield f"processes.last_seen >= {to_sql(query.since)}"
    if query.after is not None:
        yield "(processes.first_seen, processes.gpu_id, processes.pid) > (:after_at, :after_gpu, :after_pid)"
    if query.hosts:
        yield "processes.host_id = ANY(:host_ids)"
    if query.gpu_uuids:
        yield "processes.gpu_id = ANY(:gpu_ids)"
    if query.gpu_indexes:
        yield "placed.gpu_index = ANY(:gpu_indexes)"


async def _parameters(connection: AsyncConnection, query: SpanQuery) -> dict[str, Any]:
    parameters: dict[str, Any] = {"row_limit": query.limit}
    if query.after is not None:
        at, gpu_id, pid = query.after
        parameters |= {"after_at": to_datetime(at), "after_gpu": gpu_id, "after_pid": pid}
    if query.hosts:
        parameters["host_ids"] = sorted((await read_host_ids(connection, query.hosts)).values())
    if query.gpu_uuids:
        parameters["gpu_ids"] = sorted((await read_gpu_ids(connection, query.gpu_uuids)).values())
    if query.gpu_indexes:
        parameters["gpu_indexes"] = list(query.gpu_indexes)
    return parameters


def _span(row: Row[Any]) -> ProcessSpan:
    first_seen = to_us(row.first_seen)
    process = Process(
        gpu_uuid=row.uuid,
        pid=row.pid,
        started_at=to_us_or_none(row.started_at),
        name=row.name,
        memory_used_mb=row.memory_used_mb,
        sm_utilization_percent=row.sm_utilization_percent,
        graphics=row.graphics,
    )
    return ProcessSpan(
        key=(first_seen, row.gpu_id, row.pid),
        host=row.host,
        gpu_index=row.gpu_index,
        gpu_name=row.gpu_name,
        process=process,
        first_seen=first_seen,
        last_seen=to_us(row.last_seen),
        memory_max_mb=row.memory_max_mb,
    )
