"""GET /api/v1/events: what happened, newest first."""

from dataclasses import dataclass
from typing import Protocol, cast

from starlette.requests import Request
from starlette.responses import Response

from gpufleet_collector.clock import Clock
from gpufleet_collector.model import EVENT_KINDS, SEVERITIES, PlacedEvent
from gpufleet_collector.store.event_history import EventQuery
from gpufleet_collector.web import instants
from gpufleet_collector.web.answers import listing
from gpufleet_collector.web.cursors import Cursors
from gpufleet_collector.web.declared import CURSOR, LIMIT, PAGES, choices
from gpufleet_collector.web.endpoints import parameters
from gpufleet_collector.web.filters import GPU_UUID, HOST
from gpufleet_collector.web.spans import DAY_US, read_span, span

KIND = choices("kind", "What happened.", EVENT_KINDS)
SEVERITY = choices("severity", "How bad it is.", SEVERITIES)
EVENT_PARAMETERS = (HOST, GPU_UUID, KIND, SEVERITY, *span(DAY_US), *PAGES)


class EventSource(Protocol):
    """What the store knows of what happened."""

    async def find(self, query: EventQuery) -> list[PlacedEvent]:
        """At most `query.limit`, newest first."""


def event_object(placed: PlacedEvent) -> dict[str, object]:
    """The object of an event, over REST and on the WebSocket."""
    event = placed.event
    return {
        "id": event.id,
        "host": event.host,
        "gpu_uuid": event.gpu_uuid,
        "gpu_index": placed.gpu_index,
        "gpu_name": placed.gpu_name,
        "kind": event.kind,
        "severity": event.severity,
        "code": event.code,
        "text": event.text,
        "occurred_at": instants.write(event.occurred_at),
        "received_at": instants.write(event.received_at),
    }


@dataclass(frozen=True, slots=True)
class Events:
    events: EventSource
    clock: Clock

    async def __call__(self, request: Request) -> Response:
        asked = parameters(request, EVENT_PARAMETERS)
        cursors, limit = Cursors(request.url.path, asked, (int, str, int, int)), LIMIT.read(asked)
        since, until = read_span(asked, self.clock.now().wall_us, DAY_US)
        key = cast("tuple[int, str, int, int] | None", cursors.read(CURSOR.read(asked)))
        known = None
        if key is not None:
            # The span of the first page, which may have been counted from a time that has passed since.
            *_, since, until = key
            known = key[:2]
        query = EventQuery(
            since=since,
            until=until,
            hosts=HOST.read(asked),
            gpu_uuids=GPU_UUID.read(asked),
            kinds=KIND.read(asked),
            severities=SEVERITY.read(asked),
            limit=limit + 1,
            known=known,
        )
        found = await self.events.find(query)
        page = found[:limit]
        next_cursor = None
        if len(found) > limit:
            last = page[-1].event
            next_cursor = cursors.write([last.occurred_at, last.id, since, until])
        return listing("events", [event_object(placed) for placed in page], next_cursor)
