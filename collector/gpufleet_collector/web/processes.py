"""GET /api/v1/processes: who holds the GPUs now, or, asked about a time, who held them then."""

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Protocol, cast

from starlette.requests import Request
from starlette.responses import Response

from gpufleet_collector.clock import Clock
from gpufleet_collector.live.live import Live
from gpufleet_collector.live.views import GpuKey, ProcessKey, ProcessNow
from gpufleet_collector.model import Process
from gpufleet_collector.store.process_history import ProcessSpan, SpanQuery
from gpufleet_collector.web import instants
from gpufleet_collector.web.answers import listing
from gpufleet_collector.web.cursors import Cursors
from gpufleet_collector.web.declared import CURSOR, LIMIT, PAGES
from gpufleet_collector.web.endpoints import parameters
from gpufleet_collector.web.filters import GPU_FILTERS, GPU_INDEX, GPU_UUID, HOST, GpuFilter
from gpufleet_collector.web.parameters import Parameters
from gpufleet_collector.web.spans import DAY_US, read_span, span

SPAN = span(DAY_US)
PROCESS_PARAMETERS = (*GPU_FILTERS, *SPAN, *PAGES)
HOSTS_AT_ONCE = 200
"""After so many hosts everything else gets its turn."""


class ProcessSource(Protocol):
    """What the store knows of processes of the past."""

    async def spans(self, query: SpanQuery) -> list[ProcessSpan]:
        """At most `query.limit`, those first seen earliest first."""


def process_object(view: ProcessNow) -> dict[str, object]:
    return {
        "host": view.host,
        "host_state": view.host_state,
        **_fields(view.gpu_index, view.gpu_name, view.process),
        "observed_at": instants.write(view.observed_at),
    }


def span_object(span: ProcessSpan, host_state: str) -> dict[str, object]:
    """`observed_at` is when memory and utilization were seen."""
    return {
        "host": span.host,
        "host_state": host_state,
        **_fields(span.gpu_index, span.gpu_name, span.process),
        "observed_at": instants.write(span.last_seen),
        "first_seen": instants.write(span.first_seen),
        "last_seen": instants.write(span.last_seen),
        "memory_max_mb": span.memory_max_mb,
    }


def _fields(gpu_index: int | None, gpu_name: str | None, process: Process) -> dict[str, object]:
    return {
        "gpu_uuid": process.gpu_uuid,
        "gpu_index": gpu_index,
        "gpu_name": gpu_name,
        "pid": process.pid,
        "started_at": instants.write_optional(process.started_at),
        "name": process.name,
        "memory_used_mb": process.memory_used_mb,
        "sm_utilization_percent": process.sm_utilization_percent,
        "graphics": process.graphics,
    }


@dataclass(frozen=True, slots=True)
class Processes:
    live: Live
    history: ProcessSource
    clock: Clock

    async def __call__(self, request: Request) -> Response:
        asked = parameters(request, PROCESS_PARAMETERS)
        if asked.is_given(*(parameter.name for parameter in SPAN)):
            return await self._of_a_time(request.url.path, asked)
        return await self._now(request.url.path, asked)

    async def _now(self, path: str, asked: Parameters) -> Response:
        limit, wanted = LIMIT.read(asked), GpuFilter.read(asked)
        cursors = Cursors(path, asked, (str, int, str, int))
        after = cast("ProcessKey | None", cursors.read(CURSOR.read(asked)))
        found: list[ProcessNow] = []
        names = iter(self.live.host_names(wanted.hosts))
        while len(found) <= limit and (some := list(islice(names, HOSTS_AT_ONCE))):
            found += self._running(some, after, wanted.wants)
            await asyncio.sleep(0)
        next_cursor = cursors.write(found[limit - 1].key) if len(found) > limit else None
        return listing("processes", [process_object(view) for view in found[:limit]], next_cursor)

    def _running(
        self, hosts: list[str], after: ProcessKey | None, wants: Callable[[GpuKey, int | None], bool]
    ) -> Iterator[ProcessNow]:
        for host in hosts:
            if after is not None and host < after[0]:
                continue
            for view in self.live.running(host):
                if (after is None or view.key > after) and wants(view.key[:3], view.gpu_index):
                    yield view

    async def _of_a_time(self, path: str, asked: Parameters) -> Response:
        limit = LIMIT.read(asked)
        since, until = read_span(asked, self.clock.now().wall_us, DAY_US)
        cursors = Cursors(path, asked, (int, int, int, int, int))
        key = cast("tuple[int, int, int, int, int] | None", cursors.read(CURSOR.read(asked)))
        after = None
        if key is not None:
            *_, since, until = key
            after = key[:3]
        found = await self.history.spans(
            SpanQuery(
                since=since,
                until=until,
                hosts=HOST.read(asked),
                gpu_uuids=GPU_UUID.read(asked),
                gpu_indexes=GPU_INDEX.read(asked),
                limit=limit + 1,
                after=after,
            )
        )
        next_cursor = cursors.write([*found[limit - 1].key, since, until]) if len(found) > limit else None
        return listing("processes", [span_object(span, self._state(span.host)) for span in found[:limit]], next_cursor)

    def _state(self, host: str) -> str:
        view = self.live.host(host)
        return "unknown" if view is None else view.state
