"""What happened, read back: newest first or oldest first, always a bounded number."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncConnection

from gpufleet_collector.model import Event, PlacedEvent
from gpufleet_collector.store.asking import asking
from gpufleet_collector.store.database import Database
from gpufleet_collector.store.host_table import read_host_ids
from gpufleet_collector.store.times import to_datetime, to_sql, to_us


@dataclass(frozen=True, slots=True)
class EventQuery:
    """Events of [since, until), microseconds; empty filters match all. `known` is the key of the last event already
    known: instant and id; `ids` are those of single events. Newest first unless `oldest_first`."""

    since: int
    until: int
    hosts: tuple[str, ...] = ()
    gpu_uuids: tuple[str, ...] = ()
    kinds: tuple[str, ...] = ()
    severities: tuple[str, ...] = ()
    ids: tuple[str, ...] = ()
    limit: int = 1000
    known: tuple[int, str] | None = None
    oldest_first: bool = False


class EventHistory:
    """Questions about what happened. An unknown host or GPU has no events: the answer is empty."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def find(self, query: EventQuery) -> list[PlacedEvent]:
        """At most `query.limit`, in the order asked for. Raises QueryTooLong, DatabaseUnavailable."""
        async with asking(self._database) as connection:
            parameters = await _parameters(connection, query)
            rows = await connection.execute(text(_statement(query)), parameters)
            return [_placed(row) for row in rows]


def _statement(query: EventQuery) -> str:
    """The bounds of the span are literals, which lets the planner leave out partitions. The index of a GPU is that of
    its placement at the instant."""
    order = "ASC" if query.oldest_first else "DESC"
    return f"""
SELECT events.*, hosts.name AS host, gpus.name AS gpu_name, placed.gpu_index
FROM events
JOIN hosts ON hosts.id = events.host_id
LEFT JOIN gpus ON gpus.uuid = events.gpu_uuid
LEFT JOIN LATERAL (
    SELECT placements.gpu_index FROM placements
    WHERE placements.gpu_id = gpus.id AND placements.since <= events.occurred_at
        AND (placements.until IS NULL OR placements.until > events.occurred_at)
    LIMIT 1
) AS placed ON true
WHERE {" AND ".join(_conditions(query))}
ORDER BY events.occurred_at {order}, events.event_id {order}
LIMIT :row_limit
"""  # noqa: S608


def _conditions(query: EventQuery) -> Iterator[str]:
    yield f"events.occurred_at >= {to_sql(query.since)} AND events.occurred_at < {to_sql(query.until)}"
    if query.known is not None:
        beyond = ">" if query.oldest_first else "<"
        yield f"(events.occurred_at, events.event_id) {beyond} (:known_at, :known_id)"
    if query.hosts:
        yield "events.host_id = ANY(:host_ids)"
    if query.gpu_uuids:
        yield "events.gpu_uuid = ANY(:gpu_uuids)"
    if query.kinds:
        yield "events.kind = ANY(:kinds)"
    if query.severities:
        yield "events.severity = ANY(:severities)"
    if query.ids:
        yield "events.event_id = ANY(:ids)"


async def _parameters(connection: AsyncConnection, query: EventQuery) -> dict[str, Any]:
    parameters: dict[str, Any] = {"row_limit": query.limit}
    if query.known is not None:
        at, event_id = query.known
        parameters |= {"known_at": to_datetime(at), "known_id": event_id}
    if query.hosts:
        parameters["host_ids"] = sorted((await read_host_ids(connection, query.hosts)).values())
    given = {"gpu_uuids": query.gpu_uuids, "kinds": query.kinds, "severities": query.severities, "ids": query.ids}
    return parameters | {name: list(values) for name, values in given.items() if values}


def _placed(row: Row[Any]) -> PlacedEvent:
    event = Event(
        id=row.event_id,
        host=row.host,
        occurred_at=to_us(row.occurred_at),
        kind=row.kind,
        severity=row.severity,
        text=row.text,
        gpu_uuid=row.gpu_uuid,
        code=row.code,
        received_at=to_us(row.received_at),
    )
    return PlacedEvent(event, row.gpu_index, row.gpu_name)
