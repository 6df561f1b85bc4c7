"""The table of events: each is written once, whoever tells it how often."""

from collections.abc import Iterable, Mapping
from typing import Any

from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from gpufleet_collector.model import Event
from gpufleet_collector.store.schema import events
from gpufleet_collector.store.times import to_datetime

_INSERT = insert(events).on_conflict_do_nothing()


async def write_events(
    connection: AsyncConnection, told: Iterable[Event], gpu_ids: Mapping[str, int], host_ids: Mapping[str, int]
) -> None:
    """Store the events that are not there yet, in an order in which two collectors never wait for each other."""
    rows = {(event.occurred_at, event.id): _row(event, gpu_ids, host_ids[event.host]) for event in told}
    await connection.execute(_INSERT, [rows[key] for key in sorted(rows)])


def _row(event: Event, gpu_ids: Mapping[str, int], host_id: int) -> dict[str, Any]:
    return {
        "occurred_at": to_datetime(event.occurred_at),
        "event_id": event.id,
        "host_id": host_id,
        "gpu_id": None if event.gpu_uuid is None else gpu_ids.get(event.gpu_uuid),
        "gpu_uuid": event.gpu_uuid,
        "kind": event.kind,
        "severity": event.severity,
        "code": event.code,
        "text": event.text,
        "received_at": to_datetime(event.received_at),
    }
