"""GET /api/system/gpu-stats/history: what GPUs did, sample by sample or in buckets of time."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol, cast

from starlette.requests import Request
from starlette.responses import Response

from gpufleet_collector.clock import Clock
from gpufleet_collector.model import METRIC_NAMES
from gpufleet_collector.store.history import HistoryBucket, HistoryQuery, HistorySample
from gpufleet_collector.web import instants
from gpufleet_collector.web.chunks import listing_in_chunks
from gpufleet_collector.web.cursors import Cursors
from gpufleet_collector.web.declared import CURSOR, LIMIT, PAGES, metrics, seconds
from gpufleet_collector.web.endpoints import parameters
from gpufleet_collector.web.filters import GPU_FILTERS, GPU_INDEX, GPU_UUID, HOST
from gpufleet_collector.web.parameters import Parameters
from gpufleet_collector.web.spans import HOUR_US, read_span, span

WANTED_METRICS = metrics("metrics", "Metrics to answer with, in the order of the answer; all, where none is given.")
STEP = seconds(
    "step",
    "Length of a bucket in seconds, with up to six decimals. Buckets count from the epoch. Without it the samples "
    "themselves are answered.",
)
HISTORY_PARAMETERS = (*GPU_FILTERS, *span(HOUR_US), WANTED_METRICS, STEP, *PAGES)


class HistorySource(Protocol):
    """What the store's history can answer."""

    async def samples(self, query: HistoryQuery) -> Sequence[HistorySample]:
        """At most `query.limit`, oldest first. Raises BadRequest when too many GPUs match."""

    async def buckets(self, query: HistoryQuery) -> Sequence[HistoryBucket]:
        """At most `query.limit`, oldest first."""


@dataclass(frozen=True, slots=True)
class GpuStatsHistory:
    history: HistorySource
    clock: Clock

    async def __call__(self, request: Request) -> Response:
        asked = parameters(request, HISTORY_PARAMETERS)
        cursors = Cursors(request.url.path, asked, (int, str, int, int))
        query = self._query(asked, cursors)
        if query.step_us is None:
            return await _samples(await self.history.samples(query), query, cursors)
        return await _buckets(await self.history.buckets(query), query, cursors)

    def _query(self, asked: Parameters, cursors: Cursors) -> HistoryQuery:
        since, until = read_span(asked, self.clock.now().wall_us, HOUR_US)
        key = cast("tuple[int, str, int, int] | None", cursors.read(CURSOR.read(asked)))
        after = None
        if key is not None:
            # The span of the first page, which may have been counted from a time that has passed since.
            *_, since, until = key
            after = key[:2]
        return replace(read_query(asked, since, until), limit=LIMIT.read(asked), after=after)


def read_query(asked: Parameters, since: int, until: int) -> HistoryQuery:
    """What was asked about [since, until), from its beginning."""
    step = STEP.read(asked)
    return HistoryQuery(
        since=since,
        until=until,
        hosts=HOST.read(asked),
        gpu_uuids=GPU_UUID.read(asked),
        gpu_indexes=GPU_INDEX.read(asked),
        metrics=WANTED_METRICS.read(asked) or METRIC_NAMES,
        step_us=None if step is None else round(step * 1_000_000),
    )


async def _samples(found: Sequence[HistorySample], query: HistoryQuery, cursors: Cursors) -> Response:
    times = instants.Written()
    items: Iterator[Mapping[str, object]] = (
        {
            "host": sample.host,
            "gpu_uuid": sample.gpu_uuid,
            "gpu_index": sample.gpu_index,
            "gpu_name": sample.gpu_name,
            "recorded_at": times.of(sample.recorded_at),
            **dict(zip(query.metrics, sample.values, strict=True)),
        }
        for sample in found
    )
    next_cursor = None
    if len(found) >= query.limit:
        next_cursor = cursors.write([found[-1].recorded_at, found[-1].gpu_uuid, query.since, query.until])
    return await listing_in_chunks("samples", items, {"next_cursor": next_cursor}, len(found))


async def _buckets(found: Sequence[HistoryBucket], query: HistoryQuery, cursors: Cursors) -> Response:
    next_cursor = None
    if len(found) >= query.limit:
        next_cursor = cursors.write([found[-1].start, found[-1].gpu_uuid, query.since, query.until])
    items = _bucket_objects(found, query.metrics)
    return await listing_in_chunks("buckets", items, {"next_cursor": next_cursor}, len(found))


def _bucket_objects(found: Sequence[HistoryBucket], metrics: Sequence[str]) -> Iterator[Mapping[str, object]]:
    starts = instants.Written()
    for bucket in found:
        item: dict[str, object] = {
            "host": bucket.host,
            "gpu_uuid": bucket.gpu_uuid,
            "start": starts.of(bucket.start),
            "count": bucket.count,
            "complete": bucket.complete,
        }
        for name, value in zip(metrics, bucket.values, strict=True):
            item[name] = None if value is None else {"avg": value[0], "min": value[1], "max": value[2]}
        yield item
